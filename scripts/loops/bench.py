"""What the benchmark's model loops share: problems, tokenizer and weights, the clock, and the published settings.

Both sides of a loop work on the same problems with the same weights, in turn, in one process; the published side has
the library's own attention kernel.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from utils.run import dist  # before torch: how idle threads wait is decided there

import torch  # isort: skip
import torch.nn.functional as F
from transformers import PreTrainedModel

from eval import registry
from eval.problem import Adapter, Problem
from utils.args import TrainingOptions
from utils.extract import truncate
from utils.model.attention import librarys_own
from utils.model.generate import Decoding, Request
from utils.model.load import check_model, load_model, positions
from utils.model.sft_data import IGNORED, Row, collate
from utils.model.tokens import TokenizerPolicy
from utils.run import paths

ROOT = Path(__file__).resolve().parents[2]
SAMPLES, NEW_TOKENS, SCORE_LENGTH, TRAIN_LENGTH = 3, 512, 2048, 1536  # as published
DECODING = {"temperature": 1.0, "top_k": 50, "max_new_tokens": NEW_TOKENS}
AGREEMENT_ROWS = 4  # scored, or trained on in two steps, by both sides in fp32
WARM_UP = 8  # tokens decoded before the clock runs


@dataclass
class Bench:
    """What all loops need; `options` are those of stage 3, which include what the other stages need."""

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
        """The weights as a stage loads them; in the format of `--dtype` unless another is named."""
        return load_model(replace(self.options, dtype=dtype or self.options.dtype), self.ranks.device)

    def prompts(self) -> list[str]:
        """The prompts of the first code step."""
        return [self.adapter.code_prompt(problem, problem.query) for problem in self.problems]

    def requests(self, problems: int, samples: int, round_: int) -> list[Request]:
        """The requests of a code step to the engine."""
        prompts = [self.policy.encode_prompt(prompt) for prompt in self.prompts()[:problems]]
        return [
            Request(ids, (self.options.seed, "code", str(problem.id), round_, index))
            for problem, ids in zip(self.problems, prompts, strict=False)
            for index in range(samples)
        ]

    def decoding(self) -> Decoding:
        """How a code step decodes."""
        return Decoding(self.adapter.stop_words, **DECODING)

    def useful(self, texts: Sequence[str]) -> int:
        """Tokens left of completions after the cut at their stop words."""
        return sum(len(self.policy.encode(truncate(text, self.adapter.stop_words))) for text in texts)

    def seconds(self, work: Callable[[], object]) -> float:
        """Seconds that `work` takes, until the device has finished it."""
        self._wait()
        start = time.perf_counter()
        work()
        self._wait()
        return time.perf_counter() - start

    def _wait(self) -> None:
        if self.ranks.device.type == "cuda":
            torch.cuda.synchronize()

    def description(self) -> dict:
        """The keys that the line of every model loop has."""
        model = paths.model_name(self.options.model_name_or_path)
        shared = {"model": model, "dataset": self.options.dataset, "problems": len(self.problems)}
        return {**shared, "dtype": self.options.dtype}


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


@torch.inference_mode()
def published_losses(model: PreTrainedModel, rows: Sequence[Row], length: int, pad_id: int) -> list[float]:
    """Mean negative log-likelihood of each row's target tokens in nats, one padded row at a time."""
    return [padded_loss(model, row, length, pad_id).item() for row in rows]


def padded_loss(model, row: Row, length: int, pad_id: int) -> torch.Tensor:
    """The model's loss of one row padded to `length` tokens."""
    parts = zip(collate([row], pad_id), (pad_id, 0, IGNORED), strict=True)
    ids, mask, labels = (F.pad(part, (0, length - part.shape[1]), value=fill).to(model.device) for part, fill in parts)
    return model(input_ids=ids, attention_mask=mask, labels=labels, use_cache=False).loss


def row_lengths(rows: Sequence[Row], length: int) -> dict:
    """Mean tokens of a row, and the tokens it is padded to."""
    return {"tokens_per_row": round(sum(len(row.ids) for row in rows) / len(rows), 1), "padded_to": length}
