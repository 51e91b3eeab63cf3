"""The sampling loop: the code step of stage 1."""

from __future__ import annotations

import argparse
import functools
import statistics
from collections.abc import Callable
from dataclasses import replace

from scripts.loops.bench import DECODING, NEW_TOKENS, SAMPLES, WARM_UP, Bench, as_published  # before torch, see there

import torch  # isort: skip
from transformers import GenerationConfig, PreTrainedModel

from utils.serving.engine import make_engine

PROBLEMS = 100  # where no --limit is given


def measure(args: argparse.Namespace) -> dict:
    """Useful tokens per second of the code step: tokens left after the cut at the stop words.

    Reference: one prompt with three samples at a time, KV cache, always 512 tokens decoded, then cut. Both sides draw
    from one distribution, so the useful tokens of a completion are averaged over both: the few completions of the
    reference alone would be mostly noise. A rate is this average divided by the median time per completion.
    """
    bench = Bench.load(args, PROBLEMS)
    model = bench.model()
    engine = make_engine("auto", model, bench.policy)
    list(engine.run(bench.requests(1, SAMPLES, 0), replace(bench.decoding(), max_new_tokens=WARM_UP)))
    ours, reference = Sampled(bench), Sampled(bench)
    prompts = bench.prompts()
    with as_published(model):
        published_samples(bench, model, prompts[0], WARM_UP)
    for repeat in range(args.repeats):
        # One prompt of the reference before ours and one after, so that a machine that changes its speed affects both.
        first, second = (prompts[(2 * repeat + i) * len(prompts) // (2 * args.repeats)] for i in (0, 1))
        published = functools.partial(published_samples, bench, model, new_tokens=NEW_TOKENS)
        with as_published(model):
            reference.add(functools.partial(published, prompt=first))
        requests = bench.requests(len(bench.problems), SAMPLES, repeat)
        ours.add(
            lambda requests=requests: [completion.text for _, completion in engine.run(requests, bench.decoding())]
        )
        with as_published(model):
            reference.add(functools.partial(published, prompt=second))
    useful = (ours.useful + reference.useful) / (sum(ours.counts) + sum(reference.counts))
    return {
        "ours": useful / ours.seconds_each(),
        "reference": useful / reference.seconds_each(),
        "unit": "useful tokens/s",
        **bench.description(),
        "samples": SAMPLES,
        "useful_tokens_per_sample": {"ours": ours.useful_each(), "reference": reference.useful_each()},
        "seconds": {"ours": ours.rounded_seconds(), "reference": reference.rounded_seconds()},
    }


class Sampled:
    """One side's repetitions: seconds, completions and their useful tokens."""

    def __init__(self, bench: Bench):
        self.bench, self.seconds, self.counts, self.useful = bench, [], [], 0

    def add(self, draw: Callable[[], list[str]]) -> None:
        """Time the drawing of completions, then count their useful tokens."""
        texts: list[str] = []
        self.seconds.append(self.bench.seconds(lambda: texts.extend(draw())))
        self.counts.append(len(texts))
        self.useful += self.bench.useful(texts)

    def useful_each(self) -> float:
        """Useful tokens per completion."""
        return round(self.useful / sum(self.counts), 2)

    def rounded_seconds(self) -> list[float]:
        """Seconds of each draw; they show how steady the machine was."""
        return [round(seconds, 1) for seconds in self.seconds]

    def seconds_each(self) -> float:
        """Seconds per completion, the median over repetitions."""
        return statistics.median(s / n for s, n in zip(self.seconds, self.counts, strict=True))


@torch.inference_mode()
def published_samples(bench: Bench, model: PreTrainedModel, prompt: str, new_tokens: int) -> list[str]:
    """Three completions of one prompt, decoded to full length, then cut at the EOS."""
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
