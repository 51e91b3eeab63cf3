"""The loops of `benchmark.py` that run a model: those of the three stages, and what the published settings do instead.

`sample`, `score`, `train` and `scale` take the parsed flags and return their part of the benchmark's line. Both sides
work on the same problems with the same weights, in turn, in one process; the published side has the library's own
attention kernel.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import math
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from utils.run import dist  # before torch: how idle threads wait is decided there

import torch  # isort: skip
import torch.nn.functional as F
from transformers import GenerationConfig, PreTrainedModel

from cal_ppl import rows_to_score
from eval import registry
from eval.problem import Adapter, Problem
from utils.args import ScoringOptions, TrainingOptions
from utils.code_files import CodeFile
from utils.extract import training_target, truncate
from utils.model.attention import librarys_own
from utils.model.generate import Decoding, Request, make_engine
from utils.model.load import check_model, load_model, positions
from utils.model.loss import SCORE_TOKENS, mean_losses
from utils.model.sft_data import IGNORED, Row, batches_by_length, collate
from utils.model.tokens import TokenizerPolicy
from utils.model.train import (
    TRAIN_TOKENS,
    deepspeed_settings,
    plan_epoch,
    plan_epochs,
    start_engine,
    train_epoch,
    training_rows,
)
from utils.run import paths
from utils.training_set import Sources, training_set

ROOT = Path(__file__).resolve().parent.parent
SAMPLES, NEW_TOKENS, SCORE_LENGTH, TRAIN_LENGTH = 3, 512, 2048, 1536  # as published
DECODING = {"temperature": 1.0, "top_k": 50, "max_new_tokens": NEW_TOKENS}
SAMPLE_PROBLEMS, SCORE_PROBLEMS, TRAIN_PROBLEMS, SCALE_PROBLEMS = 100, 100, 100, 96  # where no --limit is given
SCALE_TOKENS = 128  # decoded at most where many points are measured
AGREEMENT_ROWS = 4  # scored, or trained on in two steps, by both sides in fp32
WARM_UP = 8  # tokens decoded before the clock runs


@dataclass
class Bench:
    """What all loops need; `options` are those of stage 3, which hold everything that the other stages need too."""

    options: TrainingOptions
    ranks: dist.Ranks
    adapter: Adapter
    problems: list[Problem]
    policy: TokenizerPolicy
    longest: int  # tokens that the model has positions for

    @classmethod
    def load(cls, args: argparse.Namespace, default_limit: int) -> Bench:
        """Problems and tokenizer; InputError where there are none. Weights come with `model`."""
        options = TrainingOptions(
            model_name_or_path=args.model or str(ROOT / paths.DEFAULT_MODEL),
            deepspeed_config=str(ROOT / "deepspeed_config.json"),
            dataset=args.dataset,
            limit=args.limit or default_limit,
            seed=args.seed,
            dtype=args.dtype,
            output_dir="benchmark",
            max_length=TRAIN_LENGTH,
        )
        options.check()
        config, policy = check_model(options.model_name_or_path, None, False)
        problems, _ = registry.load(options.dataset, options.task, "train")
        problems, longest = problems[: options.limit], positions(config) or SCORE_LENGTH
        return cls(options, dist.join(), registry.adapter(options.dataset), problems, policy, longest)

    def model(self, dtype: str = "") -> PreTrainedModel:
        """The weights, as a stage has them; in the format of `--dtype` unless another is named."""
        return load_model(replace(self.options, dtype=dtype or self.options.dtype), self.ranks.device)

    def prompts(self) -> list[str]:
        """The prompts of the first code step."""
        return [self.adapter.code_prompt(problem, problem.query) for problem in self.problems]

    def requests(self, problems: int, samples: int, round_: int) -> list[Request]:
        """What a code step asks of the engine."""
        prompts = [self.policy.encode_prompt(prompt) for prompt in self.prompts()[:problems]]
        return [
            Request(ids, (self.options.seed, "code", str(problem.id), round_, number))
            for problem, ids in zip(self.problems, prompts, strict=False)
            for number in range(samples)
        ]

    def decoding(self) -> Decoding:
        """How a code step decodes."""
        return Decoding(self.adapter.stop_words, **DECODING)

    def useful(self, texts: Sequence[str]) -> int:
        """Tokens that are left of completions cut at their stop words."""
        return sum(len(self.policy.encode(truncate(text, self.adapter.stop_words))) for text in texts)

    def seconds(self, work: Callable[[], object]) -> float:
        """How long `work` takes, to the end of what it asked of the device."""
        self._wait()
        start = time.perf_counter()
        work()
        self._wait()
        return time.perf_counter() - start

    def _wait(self) -> None:
        if self.ranks.device.type == "cuda":
            torch.cuda.synchronize()

    def about(self) -> dict:
        """What the line says about every loop."""
        model = paths.model_name(self.options.model_name_or_path)
        about = {"model": model, "dataset": self.options.dataset, "problems": len(self.problems)}
        return {**about, "dtype": self.options.dtype}


@contextlib.contextmanager
def as_published(model: PreTrainedModel, recompute: bool = False) -> Iterator[None]:
    """The library's own attention kernel and, in training, gradient recomputation."""
    recomputing = any(getattr(module, "gradient_checkpointing", False) for module in model.modules())
    if recompute:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    try:
        with librarys_own(model):
            yield
    finally:
        if recompute and not recomputing:
            model.gradient_checkpointing_disable()


def largest_difference(ours: Sequence[float], reference: Sequence[float]) -> float:
    """Largest relative difference, 3 digits."""
    return float(f"{max(abs(a - b) / abs(b) for a, b in zip(ours, reference, strict=True)):.3g}")


# Sampling


def sample(args: argparse.Namespace) -> dict:
    """Useful tokens per second of the code step; useful are those that are left after the cut at the stop words.

    Reference: one prompt with three samples at a time, KV cache, 512 tokens decoded whatever they say, then cut.
    Both sides draw from one distribution, so a completion's useful tokens are those of all completions of both on
    average: the few of the reference alone would be mostly noise. A rate is that by the median time per completion.
    """
    bench = Bench.load(args, SAMPLE_PROBLEMS)
    model = bench.model()
    engine = make_engine("auto", model, bench.policy)
    list(engine.run(bench.requests(1, SAMPLES, 0), replace(bench.decoding(), max_new_tokens=WARM_UP)))
    ours, reference = Sampled(bench), Sampled(bench)
    prompts = bench.prompts()
    with as_published(model):
        published_samples(bench, model, prompts[0], WARM_UP)
    for repeat in range(args.repeats):
        # One prompt of the reference before ours and one after: a machine that gets slower or faster meets both.
        first, second = (prompts[(2 * repeat + i) * len(prompts) // (2 * args.repeats)] for i in (0, 1))
        published = functools.partial(published_samples, bench, model, new_tokens=NEW_TOKENS)
        with as_published(model):
            reference.add(functools.partial(published, prompt=first))
        requests = bench.requests(len(bench.problems), SAMPLES, repeat)
        ours.add(lambda requests=requests: [found.text for _, found in engine.run(requests, bench.decoding())])
        with as_published(model):
            reference.add(functools.partial(published, prompt=second))
    useful = (ours.useful + reference.useful) / (sum(ours.counts) + sum(reference.counts))
    return {
        "ours": useful / ours.seconds_each(),
        "reference": useful / reference.seconds_each(),
        "unit": "useful tokens/s",
        **bench.about(),
        "samples": SAMPLES,
        "useful_tokens_per_sample": {"ours": ours.useful_each(), "reference": reference.useful_each()},
        "seconds": {"ours": ours.rounded_seconds(), "reference": reference.rounded_seconds()},
    }


class Sampled:
    """One side's repetitions: seconds, completions and their useful tokens."""

    def __init__(self, bench: Bench):
        self.bench, self.seconds, self.counts, self.useful = bench, [], [], 0

    def add(self, draw: Callable[[], list[str]]) -> None:
        """Draw completions against the clock, and count outside it."""
        texts: list[str] = []
        self.seconds.append(self.bench.seconds(lambda: texts.extend(draw())))
        self.counts.append(len(texts))
        self.useful += self.bench.useful(texts)

    def useful_each(self) -> float:
        """Useful tokens per completion."""
        return round(self.useful / sum(self.counts), 2)

    def rounded_seconds(self) -> list[float]:
        """Seconds of each draw, which show how steady the machine was."""
        return [round(seconds, 1) for seconds in self.seconds]

    def seconds_each(self) -> float:
        """Seconds per completion, the median over repetitions."""
        return statistics.median(s / n for s, n in zip(self.seconds, self.counts, strict=True))


@torch.inference_mode()
def published_samples(bench: Bench, model: PreTrainedModel, prompt: str, new_tokens: int) -> list[str]:
    """Three completions of one prompt, decoded to full length; what follows an EOS is no part of them."""
    policy = bench.policy
    ids = torch.tensor([policy.encode_prompt(prompt)], device=model.device)
    settings = GenerationConfig(
        do_sample=True,
        temperature=DECODING["temperature"],
        top_k=DECODING["top_k"],
        num_return_sequences=SAMPLES,
        max_new_tokens=new_tokens,
        eos_token_id=None,
        pad_token_id=policy.pad_id,
        use_cache=True,
    )
    out = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=settings)
    rows = out[:, ids.shape[1] :].tolist()
    return policy.decode_many([row[: row.index(policy.eos_id)] if policy.eos_id in row else row for row in rows])


# Scoring


def score(args: argparse.Namespace) -> dict:
    """Sequences per second of stage 2 on gold programs under their descriptions.

    Reference: row by row, padded to 2048 tokens, scores over the vocabulary at every position. Two rows a repetition:
    padded ones cost all the same. `largest_relative_difference` is that of perplexities in fp32.
    """
    bench = Bench.load(args, SCORE_PROBLEMS)
    length, pad_id = min(SCORE_LENGTH, bench.longest), bench.policy.pad_id
    programs = [[prompt + training_target(problem.code, problem.entry_point)]
                for prompt, problem in zip(bench.prompts(), bench.problems, strict=True)]  # fmt: skip
    options = ScoringOptions(
        model_name_or_path=bench.options.model_name_or_path,
        deepspeed_config=bench.options.deepspeed_config,
        dataset=bench.options.dataset,
        output_dir="benchmark",
        max_length=length,
        selfsample_code_source="gold programs",
    )
    code_file = CodeFile("gold programs", programs, [[i] for i in range(len(programs))], len(programs))
    _, rows = rows_to_score(options, code_file, bench.problems, bench.policy, bench.ranks)
    model = bench.model()
    batches = batches_by_length([len(row.ids) for row in rows], SCORE_TOKENS[bench.ranks.device.type])

    def ours() -> None:
        for batch in batches:
            mean_losses(model, [rows[i] for i in batch], pad_id)

    rates, published = [], []
    for repeat in range(args.repeats):
        rates.append(len(rows) / bench.seconds(ours))
        some = [rows[(2 * repeat + i) % len(rows)] for i in range(2)]
        with as_published(model):
            published.append(2 / bench.seconds(lambda some=some: published_losses(model, some, length, pad_id)))
    del model
    model, some = bench.model("fp32"), rows[:AGREEMENT_ROWS]
    found = mean_losses(model, some, pad_id)
    with as_published(model):
        expected = published_losses(model, some, length, pad_id)
    return {
        "ours": statistics.median(rates),
        "reference": statistics.median(published),
        "unit": "sequences/s",
        "largest_relative_difference": largest_difference([*map(math.exp, found)], [*map(math.exp, expected)]),
        **bench.about(),
        **about_rows(rows, length),
    }


@torch.inference_mode()
def published_losses(model: PreTrainedModel, rows: Sequence[Row], length: int, pad_id: int) -> list[float]:
    """Mean negative log-likelihood of each row's target tokens in nats, one padded row at a time."""
    return [padded_loss(model, row, length, pad_id).item() for row in rows]


def padded_loss(model, row: Row, length: int, pad_id: int) -> torch.Tensor:
    """The model's own loss of one row that is padded to `length` tokens."""
    parts = zip(collate([row], pad_id), (pad_id, 0, IGNORED), strict=True)
    ids, mask, labels = (F.pad(part, (0, length - part.shape[1]), value=fill).to(model.device) for part, fill in parts)
    return model(input_ids=ids, attention_mask=mask, labels=labels, use_cache=False).loss


def about_rows(rows: Sequence[Row], length: int) -> dict:
    """How long rows are, and how long they are padded."""
    return {"tokens_per_row": round(sum(len(row.ids) for row in rows) / len(rows), 1), "padded_to": length}


# Training


def train(args: argparse.Namespace) -> dict:
    """Examples per second of stage 3's training on gold pairs, the optimiser's steps included.

    Reference: micro batches of one row padded to 1536 tokens, recomputation, scores at every position; the same
    DeepSpeed engine and optimiser. Two rows a repetition: padded ones cost all the same, and the time of a whole step
    follows from theirs and the optimiser's. `largest_relative_difference` is that of the losses of two steps in fp32.
    """
    bench = Bench.load(args, TRAIN_PROBLEMS)
    length, pad_id = min(TRAIN_LENGTH, bench.longest), bench.policy.pad_id
    options = replace(bench.options, max_length=length, num_epoch=args.repeats)
    drawn, _ = training_set(bench.problems, Sources([[] for _ in bench.problems], None), bench.adapter, options)
    rows = training_rows(drawn, bench.policy, length, bench.ranks)
    plans = plan_epochs(rows, options, True, bench.ranks)
    engine = start_engine(
        bench.model(), deepspeed_settings(options, 2 * sum(map(len, plans)), bench.ranks), bench.ranks
    )
    size = plans[0][0].rows  # of an optimiser step

    rates, published = [], []
    for repeat, plan in enumerate(plans):
        rates.append(len(rows) / bench.seconds(lambda plan=plan: list(train_epoch(engine, plan, rows, 0, 1, pad_id))))
        some = [rows[(2 * repeat + i) % len(rows)] for i in range(2)]
        with as_published(engine.module, recompute=True):
            each = bench.seconds(lambda some=some: published_gradients(engine, some, length, pad_id)) / 2
            published.append(1 / (each + bench.seconds(engine.step) / size))
    engine.destroy()
    return {
        "ours": statistics.median(rates),
        "reference": statistics.median(published),
        "unit": "examples/s",
        "largest_relative_difference": largest_difference(*step_losses(bench, options, rows[:AGREEMENT_ROWS], length)),
        **bench.about(),
        **about_rows(rows, length),
        "rows_per_step": size,
    }


def published_gradients(engine, rows: Sequence[Row], length: int, pad_id: int) -> float:
    """Add up the gradients of a step, row by row; returns its loss in nats per token."""
    total = 0.0
    for row in rows:
        loss = padded_loss(engine, row, length, pad_id) / len(rows)
        engine.backward(loss, scale_wrt_gas=False)
        total += loss.item()
    return total


def step_losses(
    bench: Bench, options: TrainingOptions, rows: Sequence[Row], length: int
) -> tuple[list[float], list[float]]:
    """Losses of two optimiser steps in fp32, ours and published, each from the same weights; one step for one row."""
    options, pad_id = replace(options, dtype="fp32"), bench.policy.pad_id
    half = max(1, len(rows) // 2)
    plan = plan_epoch([len(row.ids) for row in rows], 1, options.seed, half, 1, TRAIN_TOKENS[bench.ranks.device.type])
    found = []
    for published in (False, True):
        engine = start_engine(bench.model("fp32"), deepspeed_settings(options, 30, bench.ranks), bench.ranks)
        if not published:
            found.append(list(train_epoch(engine, plan, rows, 0, 1, pad_id)))
            continue
        losses = []
        with as_published(engine.module, recompute=True):
            for step in plan:
                own = [rows[i] for batch in step.micro_batches[0] for i in batch]
                losses.append(published_gradients(engine, own, length, pad_id))
                engine.step()
        found.append(losses)
        engine.destroy()
    return tuple(found)


# How cost grows


def scale(args: argparse.Namespace) -> dict:
    """Useful tokens per second of the code step against problems, samples a problem, and ranks, up to 128 tokens each.

    `ours` is the rate with most problems, `reference` that with fewest.
    """
    bench = Bench.load(args, SCALE_PROBLEMS)
    most = len(bench.problems)
    few = sorted({max(1, most // 16), max(1, most // 4), most})
    many = [1, SAMPLES, 3 * SAMPLES]
    some = max(1, most // 4)
    points = [(n, SAMPLES) for n in few] + [(some, n) for n in many if n != SAMPLES]
    alone = grow(bench, points, args.repeats)
    ranks = [] if bench.ranks.device.type == "cuda" and torch.cuda.device_count() < 2 else [2]
    table = alone + [row for n in ranks for row in _on_ranks(args, n, most)]
    by_problems = {row["problems"]: row for row in alone if row["samples"] == SAMPLES}
    return {
        "ours": by_problems[few[-1]]["tokens_per_second"],
        "reference": by_problems[few[0]]["tokens_per_second"],
        "unit": "useful tokens/s",
        **bench.about(),
        "new_tokens": SCALE_TOKENS,
        "table": table,
    }


def grow(bench: Bench, points: Sequence[tuple[int, int]], repeats: int) -> list[dict]:
    """For every (problems, samples) the rate of all ranks together; the slowest rank's clock counts."""
    engine, ranks = make_engine("auto", bench.model(), bench.policy), bench.ranks
    decoding = replace(bench.decoding(), max_new_tokens=SCALE_TOKENS)
    list(engine.run(bench.requests(1, SAMPLES, 0), replace(decoding, max_new_tokens=WARM_UP)))
    rows = []
    for problems, samples in points:
        rates = []
        for repeat in range(repeats):
            mine, texts = ranks.share(bench.requests(problems, samples, repeat)), []
            ranks.all_values(None)  # start together
            took = bench.seconds(
                lambda mine=mine, texts=texts: texts.extend(c.text for _, c in engine.run(mine, decoding))
            )
            useful, slowest = zip(*ranks.all_values((bench.useful(texts), took)), strict=True)
            rates.append(sum(useful) / max(slowest))
        rate = round(statistics.median(rates), 2)
        rows.append({"problems": problems, "samples": samples, "ranks": ranks.world_size, "tokens_per_second": rate})
    return rows


def _on_ranks(args: argparse.Namespace, number: int, problems: int) -> list[dict]:
    """`grow` on so many ranks, in processes that DeepSpeed's launcher starts."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port, output = probe.getsockname()[1], Path(folder) / "rows.json"
        probe.close()
        flags = ["--dataset", args.dataset, "--seed", args.seed, "--repeats", args.repeats, "--limit", problems]
        flags += ["--dtype", args.dtype]
        flags += ["--model", args.model] if args.model else []
        launcher = [Path(sys.executable).with_name("deepspeed"), "--num_gpus", number, "--master_port", port]
        script = [Path(__file__).with_name("benchmark.py"), "scale", "--side", "rank", "--output", output, *flags]
        subprocess.run([*map(str, launcher + script)], check=True, stdout=subprocess.DEVNULL)
        return json.loads(output.read_text(encoding="utf-8"))


def rank_of_scale(args: argparse.Namespace) -> None:
    """What `_on_ranks` starts."""
    bench = Bench.load(args, args.limit)
    rows = grow(bench, [(len(bench.problems), SAMPLES)], args.repeats)
    if bench.ranks.main:
        Path(args.output).write_text(json.dumps(rows), encoding="utf-8")
