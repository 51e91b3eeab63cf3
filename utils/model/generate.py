"""What all engines share: requests, completions, and where a completion ends.

`utils/serving/engine.py` lists the engines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from transformers import GenerationConfig, PreTrainedModel

from utils.extract import truncate
from utils.model.load import positions, stop_ids
from utils.model.tokens import TokenizerPolicy

TAIL_TOKENS = 12  # tokens searched for a stop word; the longest stop word has fewer


@dataclass(frozen=True)
class Request:
    """One completion to make: prompt ids and the key of its random stream."""

    prompt: list[int]
    key: tuple


@dataclass(frozen=True)
class Decoding:
    """How to decode: temperature 0 is greedy; text ends at a stop word, EOS or `max_new_tokens`."""

    stop_words: tuple[str, ...]
    max_new_tokens: int
    temperature: float = 0.0
    top_k: int = 0  # 0: all tokens
    top_p: float = 1.0
    keep_blanks: bool = False  # white space at the end of a text


@dataclass(frozen=True)
class Completion:
    """Text up to its stop word, and the ids decoded for it, EOS included."""

    text: str
    ids: list[int]

    @property
    def tokens(self) -> int:
        """How many tokens were decoded."""
        return len(self.ids)


class Engine(Protocol):
    """Makes completions."""

    def run(self, requests: Sequence[Request], decoding: Decoding) -> Iterator[tuple[int, Completion]]:
        """Yield `(position in requests, completion)` as completions finish."""


def longest_first(requests: Sequence[Request]) -> list[int]:
    """Positions of the requests, samples of one prompt one after another."""
    return sorted(range(len(requests)), key=lambda i: (-len(requests[i].prompt), requests[i].prompt, i))


def token_limit(model: PreTrainedModel, request: Request, decoding: Decoding) -> int:
    """The most tokens that a completion may have: `max_new_tokens`, or fewer where the model's positions end."""
    most = positions(model.config)
    fitting = decoding.max_new_tokens if most is None else most - len(request.prompt) + 1
    return max(1, min(decoding.max_new_tokens, fitting))


def take_over(model: PreTrainedModel, policy: TokenizerPolicy) -> list[int]:
    """Ids that end a completion. The checkpoint's own sampling settings are dropped: they would change results."""
    end_ids = stop_ids(model, policy)
    model.generation_config = GenerationConfig(
        bos_token_id=policy.tokenizer.bos_token_id, eos_token_id=end_ids or None, pad_token_id=policy.pad_id
    )
    return end_ids


def hit_stop_word(policy: TokenizerPolicy, completions: list[list[int]], stop_words: Sequence[str]) -> list[bool]:
    """Whether the last tokens of each completion hold a stop word."""
    tails = policy.decode_many([ids[-TAIL_TOKENS:] for ids in completions])
    return [any(word in tail for word in stop_words) for tail in tails]


def completion_of(ids: list[int], policy: TokenizerPolicy, end_ids: list[int], decoding: Decoding) -> Completion:
    """The completion of the decoded ids: its text ends before EOS and before the first stop word."""
    text_ids = ids[:-1] if ids and ids[-1] in end_ids else ids
    return Completion(truncate(policy.decode(text_ids), decoding.stop_words, decoding.keep_blanks), ids)
