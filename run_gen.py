"""Stage 3 of GiFT: perplexity-weighted selection, fine-tuning, and pass@k on the test problems after every epoch.

On one CPU or GPU, the model as it is and then fine-tuned:

    python run_gen.py --eval_only --deepspeed_config ./deepspeed_config.json --dataset humaneval \
        --model_name_or_path data/models/SmolLM2-135M-Instruct --output_dir base --max_length 1024

On eight GPUs:

    deepspeed --include localhost:0,1,2,3,4,5,6,7 run_gen.py --model_name_or_path deepseek-ai/deepseek-coder-6.7b-base \
        --eval_batch_size 2 --num_epoch 2 --max_length 1536 --deepspeed_config ./deepspeed_config.json \
        --train_with_seq_gibbs --output_dir 1234-gift-8-re-w2 --num_seq 8 --seed 1234 --difficulty introductory \
        --selfsample_code_source \
        ./data/introductory/selfsample_code/deepseek-ai/deepseek-coder-6.7b-base/passed_seq_code.json --resample \
        --weight_file1 \
        ./data/introductory/selfsample_code/deepseek-ai/deepseek-coder-6.7b-base/ppl-passed_seq_code.json \
        --temperature 2.0

Reads `data/<task>/{train,test}.json`, code files of stage 1 and perplexities of stage 2. Writes the training set drawn,
the generations, `results/<task>/<output_dir>.json` and, with `--ckpt_path`, the weights; utils/run/paths.py says where.
"""

from __future__ import annotations

from utils.run import stop

if __name__ == "__main__":
    stop.watch()  # before the imports that take seconds

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from eval import registry
from eval.judge import Judge
from eval.problem import OVERLAP, Adapter, Problem
from eval.score import format_breakdown, format_score, score
from eval.judge.verdict import Judgement, Verdict
from utils.args import (
    TrainingOptions,
    engine_settings,
    judge_options,
    judge_settings,
    parse,
    read_deepspeed_config,
    set_off_default,
)
from utils.gibbs import ask_for_description
from utils.model.card import model_card
from utils.model.checkpoint import Checkpoints, Position
from utils.model.families import check_engine, note_on, way_of
from utils.model.generate import Decoding, Request
from utils.model.load import check_length, check_model, load_model, revision
from utils.model.lora import adapter_digest, check_lora, save_merged, with_lora
from utils.model.sft_data import Row, make_row
from utils.model.tokens import TokenizerPolicy
from utils.model.train import TRAIN_TOKENS, Step, plan_epoch, save_model, settings_for, start_engine, train_epoch
from utils.report.curves import Curves
from utils.run import dist, files, paths
from utils.run.files import InputError
from utils.run.journal import Journal
from utils.run.progress import Progress
from utils.run.streams import stream
from utils.selection import read_sources, training_set
from utils.serving.engine import AnyEngine, open_servers, records, start_generator
from utils.serving.recorded import Recorded

# Flags of training that are recorded where they are not at their defaults.
LATER_FLAGS = ("rounds", "no_gold", "description_pairs", "turn", "fill_with_replacement", "full_warm_up", "same_order")


def main() -> None:
    """Select, fine-tune, evaluate; or evaluate alone."""
    # What is asked for, checked before any weights are loaded
    options = parse(TrainingOptions)
    ranks = dist.join()
    adapter = registry.adapter(options.dataset, options.prompt_newline, options.raw_texts)
    test, test_digest = ranks.on_main(lambda: registry.load(options.dataset, options.task, "test"))
    test = test[: options.limit or None]
    config, policy = check_model(options.model_name_or_path, options.revision, options.trust_remote_code, options.chat)
    check_length(config, options.max_length)
    check_engine(options.engine, config)
    servers = ranks.on_main(lambda: open_servers(options, policy))
    requests = test_requests(test, adapter, policy, options, ranks)
    run = {**settings(options), "revision": revision(options.model_name_or_path, config)}
    check_lora(options, config, run["revision"])
    inputs = {"test": test_digest, **({"adapter": adapter_digest(options.adapter)} if options.adapter else {})}
    method, sampler, made_with, drawn, rows, plans = "base", None, [], [], [], []
    if not options.eval_only:
        problems, inputs["train"] = ranks.on_main(lambda: registry.load(options.dataset, options.task, "train"))
        sources = ranks.on_main(lambda: read_sources(options, problems[: options.limit or None]))
        inputs |= {**sources.inputs, "deepspeed_config": files.sha256(options.deepspeed_config)}
        method, sampler, made_with = sources.method, sources.sampler, sources.made_with
        ask = None
        if options.description_pairs:
            examples, inputs["ict"] = ranks.on_main(
                lambda: registry.load_examples(options.dataset, options.task, problems, options.raw_texts)
            )
            ask = partial(pair_prompt, examples, {str(problem.id): problem for problem in problems}, options)
        drawn, left_out = training_set(problems[: options.limit or None], sources, adapter, options, ask)
        for line in (*sources.warnings, *(f"dropped: {n} {kind} codes do not parse" for kind, n in left_out.items())):
            ranks.log(line)
        rows = training_rows(drawn, policy, options.max_length, ranks)
        plans = plan_epochs(rows, options, way_of(config).takes(options.max_length), ranks)

    # What is there already
    results = paths.results(options.task, options.output_dir)
    with ranks.alone_in(results):
        checkpoints = Checkpoints(paths.state_folder(options.task, options.output_dir), run, inputs, ranks)
        if options.overwrite:
            checkpoints.remove()
        entries = finished_entries(results, run, inputs, options, ranks)
        epochs = [0] if options.eval_only else list(range(1, options.num_epoch + 1))
        if len(entries) == len(epochs) and (not options.ckpt_path or Path(options.ckpt_path).is_dir()):
            ranks.log(f"{results}: is there already")
            report(entries, ranks)
            return
        position = None if options.eval_only else checkpoints.newest()
        if position is None and not options.eval_only:
            entries = []  # without its weights an epoch cannot be gone on from

        # The model
        trainer = model = None
        log_folder = paths.curves(options.log_dir, options.task, options.output_dir) if options.log_dir else None
        curves = Curves(log_folder, ranks)
        if not options.eval_only:
            ds_config = deepspeed_settings(options, sum(map(len, plans)), ranks)
            written = {"settings": run, "inputs": inputs, "counts": {"drawn": len(drawn), "rows": len(rows)}}
            file = paths.training_set(options.task, options.seed, options.output_dir)
            ranks.on_main(lambda: files.write_json(file, drawn, written))
        if not servers:
            ranks.note(note_on(config, options.max_length + options.max_new_tokens))
            model = load_model(options, ranks.device)
            lora = with_lora(model, options, run["revision"], ranks)
        if not options.eval_only:
            trainer = Trainer(
                start_engine(model, ds_config, ranks), plans, rows, policy, checkpoints, curves, options, ranks
            )
            trainer.go_on_from(position)
        curves.begin(trainer.position.curve if trainer is not None else [], entries)
        generator = start_generator(options, servers, model, policy, options.eval_batch_size)

        # Training and evaluation
        times = [time for time in earlier_times(results, ranks) if time["epoch"] in epochs[: len(entries)]]
        with Judge(judge_options(options, ranks.local_world_size)) as judge:
            ranks.log(f"{options.task}: {len(rows)} training rows, {len(test)} test problems, isolation {judge.level}")
            evaluation = Evaluation(options, ranks, adapter, test, requests, generator, judge)
            for epoch in epochs[len(entries) :]:
                trained = trainer.train(epoch) if trainer is not None else {}
                meta = {"settings": run, "inputs": inputs, "isolation": judge.level, **records(servers)}
                found, evaluated = evaluation.run(epoch, meta)
                about = {"task": options.task, "dataset": options.dataset, "model": run["model"], "method": method}
                about |= {"sampler": sampler, "sources": made_with, "seed": options.seed, "epoch": epoch}
                loss = {"loss": trained.pop("loss")} if trained else {}
                entries.append({**about, **found, **loss, "settings": run, "versions": dist.versions()})
                times.append({"epoch": epoch, **trained, "evaluation": evaluated})
                ranks.on_main(partial(files.write_json, results, entries, meta, {"epochs": times}))
                curves.add_evaluation(entries[-1])
        if options.ckpt_path and trainer is not None:
            card = model_card(entries, inputs, options)
            save = partial(save_merged, lora, options) if lora is not None else partial(save_model, model)
            ranks.on_main(lambda: save(policy, options.ckpt_path, card))
        if not unjudged(entries):
            checkpoints.remove()
    report(entries, ranks)


def settings(options: TrainingOptions) -> dict:
    """Everything that the files of a run depend on; what only changes its speed is left out."""
    decoding = ("n_samples", "eval_temperature", "eval_top_k", "eval_top_p", "pass_k")
    training = ("train_with_seq_gibbs", "num_seq", "resample", "temperature", "num_epoch", "train_batch_size")
    shared = ("seed", "limit", "max_length", "max_new_tokens", "dtype")
    return {
        "model": paths.model_name(options.model_name_or_path),
        "dataset": options.dataset,
        "task": options.task,
        **{name: getattr(options, name) for name in (*shared, *decoding, *(() if options.eval_only else training))},
        **set_off_default(options, "chat", "as_published", "prompt_newline", "raw_texts", "eval_stop_words"),
        **({} if options.eval_only else set_off_default(options, *LATER_FLAGS)),
        **options.lora_settings(),
        **engine_settings(options),
        **judge_settings(options),
    }


def test_requests(
    test: Sequence[Problem], adapter: Adapter, policy: TokenizerPolicy, options: TrainingOptions, ranks: dist.Ranks
) -> list[tuple[int, str, Request]]:
    """`(problem's position, prompt, request)` for every completion to make, sample by sample.

    Prompts longer than `max_length` are counted in the log and their problems fail; InputError where none fits.
    """
    requests, lengths = [], []
    for position, problem in enumerate(test):
        prompt = adapter.code_prompt(problem, problem.query)
        ids = policy.encode_prompt(prompt)
        lengths.append(len(ids))
        for number in range(options.n_samples if len(ids) <= options.max_length else 0):
            requests.append((position, prompt, Request(ids, (options.seed, "eval", str(problem.id), number))))
    if not requests:
        raise InputError(
            f"--max_length {options.max_length}: shorter than every prompt; the shortest has {min(lengths)} tokens"
        )
    long = sum(length > options.max_length for length in lengths)
    if long:
        ranks.log(f"dropped: {long} test prompts longer than --max_length {options.max_length}; they count as failed")
    return requests


def pair_prompt(
    examples: dict[str, list[str]],
    gold: dict[str, Problem],
    options: TrainingOptions,
    problem: Problem,
    program: str,
    place: int,
) -> str:
    """The prompt of a (code -> description) pair: that of stage 1, with an example drawn for the program at `place`."""
    rng = stream(options.seed, "pair example", str(problem.id), place)
    return ask_for_description((str(problem.id), program), examples, gold, rng, options.raw_texts)


def training_rows(drawn: list[dict], policy: TokenizerPolicy, max_length: int, ranks: dist.Ranks) -> list[Row]:
    """Token rows of the training set; those that do not fit are counted in the log. InputError where none fits."""
    made = [make_row(policy, row["prompt"], row["target"], max_length, end=True) for row in drawn]
    rows = [row for row in made if row is not None]
    if not rows:
        raise InputError(f"--max_length {max_length}: no training row fits; give a larger one")
    if len(rows) < len(drawn):
        ranks.log(f"dropped: {len(drawn) - len(rows)} training rows longer than --max_length {max_length}")
    return rows


def plan_epochs(rows: Sequence[Row], options: TrainingOptions, together: bool, ranks: dist.Ranks) -> list[list[Step]]:
    """The optimiser steps of every epoch, each epoch in an order of its own; a row at a time if not `together`."""
    tokens = options.micro_batch_tokens or TRAIN_TOKENS[ranks.device.type]
    lengths = [len(row.ids) for row in rows]
    if options.micro_batch_tokens and max(lengths) > tokens:
        raise InputError(f"--micro_batch_tokens {tokens}: the longest training row alone has {max(lengths)}")
    orders = [1 if options.same_order else epoch for epoch in range(1, options.num_epoch + 1)]
    return [
        plan_epoch(lengths, order, options.seed, options.train_batch_size, ranks.world_size, tokens if together else 1)
        for order in orders
    ]


def deepspeed_settings(options: TrainingOptions, total_steps: int, ranks: dist.Ranks) -> dict:
    """DeepSpeed's settings for a run of so many steps; a shortened warm-up is told."""
    path = options.deepspeed_config
    shorten = not options.full_warm_up
    given = read_deepspeed_config(path)
    made, warning = settings_for(given, path, options.dtype, total_steps, ranks.device.type, shorten)
    if warning:
        ranks.log(f"warning: {warning}")
    return made


def finished_entries(results: Path, run: dict, inputs: dict, options: TrainingOptions, ranks: dist.Ranks) -> list[dict]:
    """Results of the epochs that need not be evaluated again: all completions were judged."""
    if options.overwrite or not ranks.on_main(lambda: files.finished(results, run, inputs)):
        return []
    entries = ranks.on_main(lambda: files.read_json(results))
    return entries[: next((i for i, entry in enumerate(entries) if unjudged([entry])), len(entries))]


def earlier_times(results: Path, ranks: dist.Ranks) -> list[dict]:
    """What the epochs took in runs before this one."""
    path = files.beside(results, "timing")
    return ranks.on_main(lambda: files.read_json(path, dict)["epochs"] if path.exists() else [])


def unjudged(entries: list[dict]) -> int:
    """How many completions could not be judged."""
    return sum(entry["verdicts"].get(Verdict.INFRA.value, 0) for entry in entries)


@dataclass
class Trainer:
    """Trains epoch by epoch, and keeps the state that a stopped run goes on from."""

    engine: object  # DeepSpeed's
    plans: list[list[Step]]
    rows: Sequence[Row]
    policy: TokenizerPolicy
    checkpoints: Checkpoints
    curves: Curves
    options: TrainingOptions
    ranks: dist.Ranks
    position: Position = field(default_factory=Position)

    def go_on_from(self, position: Position | None) -> None:
        """Take up the state of a run that was stopped, if there is one."""
        if position is not None:
            self.checkpoints.load(self.engine, position)
            self.position = position
            self.ranks.log(f"going on after step {position.step} of epoch {position.epoch}")

    def train(self, epoch: int) -> dict:
        """Train to the end of an epoch; returns its mean loss (nats per token), and tokens and seconds of this run."""
        if epoch > self.position.epoch:
            self.position = Position(epoch, 0, [*self.position.curve, []])
        steps, curve, ranks = self.plans[epoch - 1], self.position.curve[epoch - 1], self.ranks
        bar = Progress(len(steps), f"epoch {epoch}/{self.options.num_epoch} training", ranks.main, unit="step")
        bar.skip(len(curve))
        ahead = steps[len(curve) :]
        done = train_epoch(self.engine, ahead, self.rows, ranks.rank, ranks.world_size, self.policy.pad_id)
        began, rate = bar.seconds, self.engine.get_lr()[0]  # the next step's
        for step, share in zip(ahead, done, strict=True):
            tokens = sum(len(self.rows[i].ids) for hand in step.micro_batches for batch in hand for i in batch)
            bar.add(tokens)
            curve.append((sum(ranks.all_values(share)), rate, tokens / (bar.seconds - began)))
            self.curves.add_step(epoch, curve[-1])
            self.position.step += 1
            last = self.position.step == len(steps)
            if last or (self.options.save_steps and self.position.step % self.options.save_steps == 0):
                self.checkpoints.save(self.engine, self.position)
            began, rate = bar.seconds, self.engine.get_lr()[0]
        bar.close()
        self.engine.module.eval()
        loss, pace = sum(loss for loss, *_ in curve) / len(curve), bar.tokens / bar.seconds
        ranks.log(f"epoch {epoch}: loss {loss:.4f} nats per token, {len(steps)} steps, {pace:.0f} tok/s")
        return {"loss": round(loss, 6), "training_seconds": round(bar.seconds, 3), "training_tokens": bar.tokens}


@dataclass
class Evaluation:
    """Generates for the test problems, judges, and writes what was generated."""

    options: TrainingOptions
    ranks: dist.Ranks
    adapter: Adapter
    test: Sequence[Problem]
    requests: list[tuple[int, str, Request]]
    generator: AnyEngine
    judge: Judge

    def run(self, epoch: int, meta: dict) -> tuple[dict, dict]:
        """One evaluation: the scores of a results entry, and what it took."""
        options, mine = self.options, self.ranks.share(self.requests)
        bar = Progress(len(mine), f"epoch {epoch} evaluation", self.ranks.main)
        sampled = (options.eval_temperature, options.eval_top_k, options.eval_top_p)
        stop_words = self.adapter.evaluation_stop_words(options.eval_stop_words == "published")
        decoding = Decoding(stop_words, options.max_new_tokens, *sampled, keep_blanks=options.raw_texts)
        path = paths.generations(options.task, options.output_dir, epoch)
        begun = paths.state_folder(options.task, options.output_dir) / path.name
        journal = Journal(begun, meta["settings"], meta["inputs"], self.ranks)
        recorded = Recorded(self.generator, self.judge, journal, bar)
        waiting: list = [None] * len(mine)
        for index, text in recorded.complete([request for _, _, request in mine], decoding):
            position, prompt, request = mine[index]
            program = self.adapter.finish(self.test[position], prompt + text)
            judged_text = self.adapter.judged(self.test[position], program)
            waiting[index] = program, recorded.verdict(request.key, judged_text, self.test[position].test)
        judged = [
            (position, program, verdict.result())
            for (position, _, _), (program, verdict) in zip(mine, waiting, strict=True)
        ]
        bar.close()
        judged = self.ranks.gather(judged)
        rows = [
            {
                "task_id": self.adapter.task_id(self.test[position]),
                "solution": program,
                "verdict": judgement.verdict.value,
                "passed": judgement.passed,
            }
            for position, program, judgement in judged
        ]
        timing = bar.timing(self.ranks)
        self.ranks.on_main(lambda: files.write_json(path, rows, meta, timing))
        verdicts: list[list[Judgement]] = [[] for _ in self.test]
        for position, _, judgement in judged:
            verdicts[position].append(judgement)
        found = score(self.test, verdicts, options.pass_k)
        self.ranks.log(f"epoch {epoch}: {format_score(found)}")
        return found, timing


def report(entries: list[dict], ranks: dist.Ranks) -> None:
    """Print the scores; exit status 1 where completions could not be judged."""
    for entry in entries:
        if ranks.main:
            print(f"{entry['method']} {entry['model']} {entry['task']} epoch {entry['epoch']}: {format_score(entry)}")
            overlap = {kind: own for kind, own in entry.get("breakdown", {}).items() if kind == OVERLAP}
            for line in format_breakdown({"breakdown": overlap}):
                print(line)
    faults = unjudged(entries)
    if faults:
        ranks.log(
            f"error: {faults} completions could not be judged; they were counted neither as right nor as wrong, and "
            "the same command judges them again"
        )
        sys.exit(1)


if __name__ == "__main__":
    stop.run(main)
