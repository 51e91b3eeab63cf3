"""The chain of stage 1 as plain functions: no model, no judge, no files.

A chain belongs to one problem. In round i it draws codes from P(c | d_{i-1}), keeps among those that pass, and moves to
d_i ~ P(d | c_i). The samplers differ only in that move (paper, section 3):

* `gibbs` (GiFT): describe the kept code, else the latest kept one, else the gold code;
* `conditional` (RFT): d_i = d0;
* `rewrite` (RFT+RD): d_i is the model's rewriting of d0;
* `gold` (RFT+GD): d_i describes the gold code. Not of the paper: one step of the chain, to see what the others add.

A round is two steps. In each, an engine completes the prompts made here, and the completions come back here:
`code_prompts`, then `keep_codes`; `description_prompts`, then `accept_description`.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from eval.judge.verdict import Judgement, Verdict
from eval.problem import Adapter, Problem
from utils.extract import find_function, parse, remove_docstrings, truncate
from utils.prompts import DESCRIPTION_STOP_WORDS, Dialogue, description_prompt, rewrite_prompt
from utils.run.streams import stream


class Prompt(NamedTuple):
    """A text to complete, and the key of the random stream that the completion is drawn from."""

    text: str
    key: tuple


@dataclass
class Chain:
    """The state of one problem's chain."""

    problem: Problem
    description: str  # d_{i-1}
    kept: list[list[str]] = field(default_factory=list)  # programs kept, by round
    fall_back: str = "latest"  # the code described after a round that kept none: the latest kept one, or "gold"

    def code_to_describe(self) -> str:
        """The last program kept in the last round, else the one that `fall_back` names, else the gold code."""
        rounds = self.kept[-1:] if self.fall_back == "gold" else self.kept
        return next((programs[-1] for programs in reversed(rounds) if programs), self.problem.code)


@dataclass(frozen=True)
class Candidate:
    """A sampled program and its judgement."""

    program: str
    judgement: Judgement


# ---------------------------------------------------------------------------------------------------------------------
# The code step


def code_prompts(
    chains: Sequence[Chain], adapter: Adapter, round_: int, num_seq: int, seed: int
) -> list[tuple[Chain, Prompt]]:
    """`num_seq` prompts for the code of every chain, chain by chain."""
    return [
        (chain, Prompt(text, (seed, "code", str(chain.problem.id), round_, sample)))
        for chain in chains
        for text in [adapter.code_prompt(chain.problem, chain.description)]
        for sample in range(num_seq)
    ]


def keep_codes(chain: Chain, candidates: Sequence[Candidate], round_: int, seed: int, keep: str) -> list[str]:
    """The programs that a chain keeps of a round: `one` of those that pass, uniformly, or `all` of them.

    `any`: one that is written at all, whatever its verdict (SSD, Zhang et al. 2026, arXiv:2604.01193, which
    leaves out empty answers and stubs).
    """
    if keep == "any":
        eligible = [c.program for c in candidates if is_written(c.program, chain.problem.entry_point)]
    else:
        eligible = [c.program for c in candidates if c.judgement.passed]
    if keep == "all" or not eligible:
        return eligible
    return [eligible[stream(seed, "keep", str(chain.problem.id), round_).integers(len(eligible))]]


def is_written(program: str, entry_point: str) -> bool:
    """Whether a program parses and its function holds more than a docstring, `...` or `pass`."""
    try:
        body = find_function(parse(program), entry_point).body
    except ValueError:
        return False
    return not all(
        isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in body
    )


def record_round(chains: Sequence[Chain], usable: Sequence[Chain], kept_codes: Sequence[list[str]]) -> None:
    """Record a round: the codes that each of the `usable` chains keeps; the other chains keep none."""
    by_problem = dict(zip((chain.problem.id for chain in usable), kept_codes, strict=True))
    for chain in chains:
        chain.kept.append(by_problem.get(chain.problem.id, []))


def tally(candidates: Sequence[Sequence[Candidate]]) -> dict:
    """Counts of a round: samples, passed, distinct passing programs, problems with a pass, verdicts by name."""
    flat = [candidate for of_problem in candidates for candidate in of_problem]
    return {
        "samples": len(flat),
        "passed": sum(bool(candidate.judgement.passed) for candidate in flat),
        "distinct": len({candidate.program for candidate in flat if candidate.judgement.passed}),
        "problems_passed": sum(any(c.judgement.passed for c in of_problem) for of_problem in candidates),
        "verdicts": dict(sorted(Counter(candidate.judgement.verdict.value for candidate in flat).items())),
    }


def infrastructure_faults(candidates: Sequence[Sequence[Candidate]]) -> int:
    """Number of candidates that the judge failed on; they are neither right nor wrong."""
    return sum(c.judgement.verdict is Verdict.INFRA for of_problem in candidates for c in of_problem)


# ---------------------------------------------------------------------------------------------------------------------
# The description step


@dataclass(frozen=True)
class Examples:
    """In-context examples: descriptions and the problems they describe, by problem id; texts trimmed, or `raw`."""

    descriptions: dict[str, list[str]]
    problems: dict[str, Problem]
    raw: bool = False

    def draw(self, problem_id: str, rng: np.random.Generator) -> tuple[Problem, str] | None:
        """A random `(problem, description)` of another problem than `problem_id`, or None where there is no other."""
        others = [(key, text) for key, texts in self.descriptions.items() if key != problem_id for text in texts]
        if not others:
            return None
        key, text = others[rng.integers(len(others))]
        return self.problems[key], text


def ask_for_description(problem_id: str, program: str, examples: Examples, rng: np.random.Generator) -> Dialogue:
    """The description prompt of a program, with a random example of another problem.

    Neither program has docstrings; the example's keeps them where texts are raw.
    """
    example = examples.draw(problem_id, rng)
    if example is not None:
        problem, text = example
        example = (problem.code if examples.raw else _without_docstrings(problem.code), text)
    return description_prompt(example, _without_docstrings(program), examples.raw)


def _describe_kept_code(chain: Chain, examples: Examples, rng: np.random.Generator) -> Dialogue:
    return ask_for_description(str(chain.problem.id), chain.code_to_describe(), examples, rng)


def _describe_gold_code(chain: Chain, examples: Examples, rng: np.random.Generator) -> Dialogue:
    return ask_for_description(str(chain.problem.id), chain.problem.code, examples, rng)


def _rewrite_seed(chain: Chain, examples: Examples, rng: np.random.Generator) -> Dialogue:
    example = examples.draw(str(chain.problem.id), rng)
    if example is not None:
        example = example[0].query, example[1]
    return rewrite_prompt(example, chain.problem.query, examples.raw)


@dataclass(frozen=True)
class Sampler:
    """How a chain moves to its next description."""

    method: str  # name in tables
    prompt: Callable[[Chain, Examples, np.random.Generator], Dialogue] | None = None  # None: stay at d0
    stream: str = ""  # the random stream of its draws


SAMPLERS = {
    "gibbs": Sampler("GiFT", _describe_kept_code, "describe"),
    "conditional": Sampler("RFT"),
    "rewrite": Sampler("RFT+RD", _rewrite_seed, "rewrite"),
    "gold": Sampler("RFT+GD", _describe_gold_code, "describe"),
}


def description_prompts(
    chains: Sequence[Chain], sampler: Sampler, examples: Examples, round_: int, seed: int
) -> list[tuple[Chain, Prompt]]:
    """A prompt for the next description of every chain; none where the sampler stays at d0."""
    if sampler.prompt is None:
        return []
    return [
        (chain, Prompt(sampler.prompt(chain, examples, rng), (seed, sampler.stream, str(chain.problem.id), round_)))
        for chain in chains
        for rng in [stream(seed, "example", str(chain.problem.id), round_)]
    ]


def accept_description(chain: Chain, completion: str, adapter: Adapter, fits: Callable[[str], bool]) -> str:
    """Move a chain to the description in a completion; returns "", or why the description is refused.

    It is refused if it is empty, or makes a code prompt that does not fit.
    """
    # The prompt ends in a newline, so a stop word may begin with it.
    description = truncate(f"\n{completion}", DESCRIPTION_STOP_WORDS, adapter.raw_texts)[1:]
    if not adapter.raw_texts:
        description = description.strip()
        if not description:
            return "empty"
    if not fits(adapter.code_prompt(chain.problem, description)):
        return "too long"
    chain.description = description
    return ""


def _without_docstrings(program: str) -> str:
    """The program without docstrings; unchanged where it does not parse (gold code for another Python version)."""
    try:
        return remove_docstrings(program)
    except ValueError:
        return program
