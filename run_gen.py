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
the generations, `results/<task>/<output_dir>.json` and, with `--ckpt_path`, the weights; paths: utils/run/paths.py.
"""

from __future__ import annotations

from utils.args import TrainingOptions, judge_options, parse, settings
from utils.run import stop

if __name__ == "__main__":  # before the imports that take seconds
    stop.watch()
    OPTIONS = stop.early(lambda: parse(TrainingOptions))

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from transformers import PreTrainedConfig

from eval import registry
from eval.judge import Judge
from eval.judge.verdict import Judgement, Verdict
from eval.problem import OVERLAP, Adapter, Problem
from eval.score import format_breakdown, format_score, score
from utils import gibbs
from utils.model.card import is_card_of, model_card
from utils.model.checkpoint import Checkpoints, Position
from utils.model.curves import Curves
from utils.model.families import check_engine, note_on, way_of
from utils.model.generate import Decoding, Engine, Request
from utils.model.load import check_length, check_model, load_model, revision
from utils.model.lora import adapter_digest, check_lora, save_merged, with_lora
from utils.model.sft_data import Row
from utils.model.tokens import TokenizerPolicy
from utils.model.train import Step, deepspeed_settings, plan_epochs, save_model, start_engine, training_rows
from utils.model.trainer import Trainer
from utils.run import dist, files, paths
from utils.run.files import InputError
from utils.run.journal import Journal
from utils.run.progress import Progress
from utils.run.streams import stream
from utils.serving.engine import open_servers, records, start_generator
from utils.serving.recorded import Recorded
from utils.training_set import read_sources, training_set


def main(options: TrainingOptions) -> None:
    """Select, fine-tune and evaluate, or only evaluate."""
    # Options, checked before any weights are loaded
    run = checked_run(options, dist.join())
    training = None if options.eval_only else select(run)
    ranks = run.ranks

    # Resume
    results = Results(run)
    with ranks.alone_in(results.path):
        checkpoints = Checkpoints(paths.state_folder(options.task, options.output_dir), run.settings, run.inputs, ranks)
        if options.overwrite:
            checkpoints.remove()
            ranks.on_main(lambda: files.forget(results.path))
        results.read()
        if results.complete:
            ranks.log(f"{results.path}: already exists")
            report(results.entries, ranks)
            return

        position = None if training is None else checkpoints.newest()

        # Model and Run
        with Judge(judge_options(options, ranks.local_world_size)) as judge:
            rows = len(training.rows) if training else 0
            ranks.log(f"{options.task}: {rows} training rows, {len(run.test)} test problems, isolation {judge.level}")
            if training is None:
                evaluate_base(run, results, judge)
            else:
                train_and_evaluate(run, training, checkpoints, position, results, judge)
        if not unjudged(results.entries):
            checkpoints.remove()

    # Results
    report(results.entries, ranks)


@dataclass(kw_only=True)
class Run:
    """A checked run: its options, test problems, and the settings and inputs that its results depend on."""

    options: TrainingOptions
    ranks: dist.Ranks
    adapter: Adapter
    policy: TokenizerPolicy
    config: PreTrainedConfig
    servers: list
    test: list[Problem]
    requests: list[tuple[int, str, Request]]  # see `test_requests`
    settings: dict
    inputs: dict[str, str]  # SHA-256 by name
    about: dict  # the method, for result files


def checked_run(options: TrainingOptions, ranks: dist.Ranks) -> Run:
    """Read the test problems and check model, servers and LoRA; InputError on invalid ones."""
    adapter = registry.adapter(options.dataset, options.prompt_newline, options.raw_texts)
    test, test_digest = ranks.on_main(lambda: registry.load(options.dataset, options.task, "test"))
    test = test[: options.limit or None]
    config, policy = check_model(options.model_name_or_path, options.revision, options.trust_remote_code, options.chat)
    check_length(config, options.max_length)
    check_engine(options.engine, config)
    servers = ranks.on_main(lambda: open_servers(options, policy))
    requests = test_requests(test, adapter, policy, options, ranks)
    made_with = settings(options, revision(options.model_name_or_path, config))
    check_lora(options, config, made_with["revision"])
    inputs = {"test": test_digest, **({"adapter": adapter_digest(options.adapter)} if options.adapter else {})}
    about = {"method": "base", "sampler": None, "sources": []}
    return Run(options=options, ranks=ranks, adapter=adapter, policy=policy, config=config, servers=servers, test=test,
               requests=requests, settings=made_with, inputs=inputs, about=about)  # fmt: skip


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
        for sample in range(options.n_samples if len(ids) <= options.max_length else 0):
            requests.append((position, prompt, Request(ids, (options.seed, "eval", str(problem.id), sample))))
    if not requests:
        raise InputError(
            f"--max_length {options.max_length}: shorter than every prompt; the shortest has {min(lengths)} tokens"
        )
    dropped = sum(length > options.max_length for length in lengths)
    if dropped:
        ranks.log(
            f"dropped: {dropped} test prompts longer than --max_length {options.max_length}; they count as failed"
        )
    return requests


# ---------------------------------------------------------------------------------------------------------------------
# The training set


@dataclass(frozen=True)
class TrainingData:
    """The drawn pairs, their token rows, and the optimiser steps of every epoch."""

    drawn: list[dict]
    rows: list[Row]
    plans: list[list[Step]]


def select(run: Run) -> TrainingData:
    """Draw the training set and plan the epochs; records its sources in `run`."""
    options, ranks = run.options, run.ranks
    problems, run.inputs["train"] = ranks.on_main(lambda: registry.load(options.dataset, options.task, "train"))
    trained_on = problems[: options.limit or None]
    sources = ranks.on_main(lambda: read_sources(options, trained_on))
    run.inputs |= {**sources.inputs, "deepspeed_config": files.sha256(options.deepspeed_config)}
    run.about = {"method": sources.method, "sampler": sources.sampler, "sources": sources.made_with}
    ask = None
    if options.description_pairs:
        descriptions, run.inputs["ict"] = ranks.on_main(
            lambda: registry.load_examples(options.dataset, options.task, problems, options.raw_texts)
        )
        gold = {str(problem.id): problem for problem in problems}
        ask = partial(pair_prompt, gibbs.Examples(descriptions, gold, options.raw_texts), options.seed)
    drawn, left_out = training_set(trained_on, sources, run.adapter, options, ask)
    run.about["pairs"] = Counter(row["origin"] for row in drawn)
    if options.selfsample_code_source and not options.train_with_seq_gibbs:
        ranks.log(
            "without --train_with_seq_gibbs the code files are not read: the training set is the gold pairs alone"
        )
    for line in (*sources.warnings, *(f"dropped: {n} {kind} codes do not parse" for kind, n in left_out.items())):
        ranks.log(line)
    if options.train_with_seq_gibbs and not run.about["pairs"]["sampled"]:
        ranks.log("no sampled code to train on: the training set is the gold pairs alone")
    rows = training_rows(drawn, run.policy, options.max_length, ranks)
    return TrainingData(drawn, rows, plan_epochs(rows, options, way_of(run.config).takes(options.max_length), ranks))


def pair_prompt(examples: gibbs.Examples, seed: int, problem: Problem, program: str, index: int) -> str:
    """The prompt of a (code -> description) pair, with an example drawn for the problem's program at `index`."""
    rng = stream(seed, "pair example", str(problem.id), index)
    return gibbs.ask_for_description(str(problem.id), program, examples, rng)


# ---------------------------------------------------------------------------------------------------------------------
# Results


class Results:
    """`results/<task>/<output_dir>.json`: an entry for every evaluation; its timing file has the time of each."""

    def __init__(self, run: Run):
        self.run = run
        self.path = paths.results(run.options.task, run.options.output_dir)
        self.epochs = [0] if run.options.eval_only else list(range(1, run.options.num_epoch + 1))
        self.entries: list[dict] = []
        self.times: list[dict] = []

    def read(self) -> None:
        """Read the entries that need not be made again, up to the first with unjudged completions."""
        run, timing = self.run, files.beside(self.path, "timing")
        if not run.ranks.on_main(lambda: files.finished(self.path, run.settings, run.inputs)):
            return
        entries = run.ranks.on_main(lambda: files.read_json(self.path))
        self.entries = entries[: next((i for i, entry in enumerate(entries) if unjudged([entry])), len(entries))]
        times = run.ranks.on_main(lambda: files.read_json(timing, dict)["epochs"] if timing.exists() else [])
        self.times = [time for time in times if time["epoch"] in self.epochs[: len(self.entries)]]

    def keep(self, epochs: int) -> None:
        """Keep the entries of the first epochs: those that the state covers which training resumes from."""
        self.entries, self.times = self.entries[:epochs], self.times[:epochs]

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do."""
        return len(self.entries) == len(self.epochs) and self.run.ranks.on_main(self._weights_are_saved)

    def _weights_are_saved(self) -> bool:
        """Whether `--ckpt_path` holds this run's weights, by their model card, or nothing is to be saved."""
        folder = self.run.options.ckpt_path
        card = Path(folder or "", "README.md")
        return not folder or (
            card.is_file() and is_card_of(card.read_text("utf-8"), self.run.settings, self.run.inputs)
        )

    @property
    def missing(self) -> list[int]:
        """The epochs that have no entry."""
        return self.epochs[len(self.entries) :]

    def add(self, epoch: int, scores: dict, trained: dict, evaluated: dict, meta: dict) -> None:
        """Write the entry of an epoch, with the loss and times of its training, if any."""
        run, options = self.run, self.run.options
        loss = {"loss": trained["loss"]} if trained else {}
        about = {"task": options.task, "dataset": options.dataset, "model": run.settings["model"], **run.about}
        about |= {"seed": options.seed, "epoch": epoch}
        self.entries.append({**about, **scores, **loss, "settings": run.settings, "versions": dist.versions()})
        training = {name: value for name, value in trained.items() if name != "loss"}
        self.times.append({"epoch": epoch, **training, "evaluation": evaluated})
        run.ranks.on_main(lambda: files.write_json(self.path, self.entries, meta, {"epochs": self.times}))


def unjudged(entries: list[dict]) -> int:
    """Number of completions that could not be judged."""
    return sum(entry["verdicts"].get(Verdict.INFRA.value, 0) for entry in entries)


# ---------------------------------------------------------------------------------------------------------------------
# Evaluation and training


def evaluate_base(run: Run, results: Results, judge: Judge) -> None:
    """Evaluate the model as it is, or as servers have it."""
    options, model = run.options, None
    if not run.servers:
        model = load(run)
        with_lora(model, options, run.settings["revision"], run.ranks)
    generator = start_generator(options, run.servers, model, run.policy, options.eval_batch_size)
    results.add(0, *evaluate(run, 0, generator, judge))


def train_and_evaluate(
    run: Run,
    training: TrainingData,
    checkpoints: Checkpoints,
    position: Position | None,
    results: Results,
    judge: Judge,
) -> None:
    """Fine-tune for `num_epoch` epochs, evaluate after each, and save the weights if `--ckpt_path` asks for them.

    Resumes at `position`, if there is one.
    """
    options, ranks = run.options, run.ranks
    ds_config = deepspeed_settings(options, sum(map(len, training.plans)), ranks)
    results.keep(0 if position is None else position.epochs_done(list(map(len, training.plans))))
    drawn_file = paths.training_set(options.task, options.seed, options.output_dir)
    counts = {"drawn": len(training.drawn), "rows": len(training.rows)}
    drawn_meta = {"settings": run.settings, "inputs": run.inputs, "counts": counts}
    ranks.on_main(lambda: files.write_json(drawn_file, training.drawn, drawn_meta))

    model = load(run)
    lora = with_lora(model, options, run.settings["revision"], ranks)
    log_folder = paths.curves(options.log_dir, options.task, options.output_dir) if options.log_dir else None
    trainer = Trainer(engine=start_engine(model, ds_config, ranks), plans=training.plans, rows=training.rows,
                      policy=run.policy, checkpoints=checkpoints, curves=Curves(log_folder, ranks), options=options,
                      ranks=ranks)  # fmt: skip
    trainer.resume(position)
    trainer.curves.begin(trainer.position.curve, results.entries)
    generator = start_generator(options, [], model, run.policy, options.eval_batch_size)

    for epoch in results.missing:
        trained = trainer.train(epoch)
        results.add(epoch, *evaluate(run, epoch, generator, judge, trained))
        trainer.curves.add_evaluation(results.entries[-1])
    if options.ckpt_path:
        card = model_card(results.entries, run.about["pairs"], run.inputs, options)
        save = partial(save_merged, lora, options) if lora is not None else partial(save_model, model)
        ranks.on_main(lambda: save(run.policy, options.ckpt_path, card))


def load(run: Run):
    """The model's weights on this rank's device."""
    run.ranks.note(note_on(run.config, run.options.max_length + run.options.max_new_tokens))
    return load_model(run.options, run.ranks.device)


def evaluate(
    run: Run, epoch: int, generator: Engine, judge: Judge, trained: dict | None = None
) -> tuple[dict, dict, dict, dict]:
    """Complete every test prompt, judge and write the programs; returns the arguments of `Results.add`."""
    options, ranks = run.options, run.ranks
    meta = {"settings": run.settings, "inputs": run.inputs, "isolation": judge.level, **records(run.servers)}
    requests = ranks.share(run.requests)
    bar = Progress(len(requests), f"epoch {epoch} evaluation", ranks.main)
    path = paths.generations(options.task, options.output_dir, epoch)
    journal_path = paths.state_folder(options.task, options.output_dir) / path.name
    is_new = bool(trained and trained["training_tokens"])  # weights of this process; on a GPU training does not repeat
    recorded = Recorded(generator, judge, Journal(journal_path, run.settings, run.inputs, ranks, is_new), bar)

    # A program is judged while others are still being decoded.
    stop_words = run.adapter.evaluation_stop_words(options.eval_stop_words == "published")
    drawn = (options.eval_temperature, options.eval_top_k, options.eval_top_p)
    decoding = Decoding(stop_words, options.max_new_tokens, *drawn, keep_blanks=options.raw_texts)
    programs, verdicts = [""] * len(requests), [None] * len(requests)
    for i, completion in recorded.complete([request for _, _, request in requests], decoding):
        position, prompt, request = requests[i]
        problem = run.test[position]
        programs[i] = run.adapter.finish(problem, prompt + completion)
        verdicts[i] = recorded.verdict(request.key, run.adapter.judged(problem, programs[i]), problem.test)
    judged = ranks.gather(
        [(position, program, verdict.result())
         for (position, _, _), program, verdict in zip(requests, programs, verdicts, strict=True)]
    )  # fmt: skip
    bar.close()

    of_problems: list[list[Judgement]] = [[] for _ in run.test]
    for position, _, judgement in judged:
        of_problems[position].append(judgement)
    scores = score(run.test, of_problems, options.pass_k)
    rows = [{"task_id": run.adapter.task_id(run.test[position]), "solution": program,
             "verdict": judgement.verdict.value, "passed": judgement.passed}
            for position, program, judgement in judged]  # fmt: skip
    timing = bar.timing(ranks)
    ranks.on_main(lambda: files.write_json(path, rows, meta, timing))
    ranks.log(f"epoch {epoch}: {format_score(scores)}")
    return scores, trained or {}, timing, meta


def report(entries: list[dict], ranks: dist.Ranks) -> None:
    """Print the scores; exit status 1 where completions could not be judged."""
    for entry in entries:
        if ranks.main:
            print(f"{entry['method']} {entry['model']} {entry['task']} epoch {entry['epoch']}: {format_score(entry)}")
            overlap = {kind: scores for kind, scores in entry.get("breakdown", {}).items() if kind == OVERLAP}
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
    stop.run(main, OPTIONS)
