"""One round of the chain of stage 1 as plain functions over (sample, judge, describe): no model, no files.

A chain belongs to one problem. In round i it draws codes from P(c | d_{i-1}), keeps among those that pass, and moves on
to d_i ~ P(d | c_i). The samplers differ only in that last move (paper, section 3):

* `gibbs` (GiFT): describe the kept code, else the latest kept one, else the gold code;
* `conditional` (RFT): d_i = d0;
* `rewrite` (RFT+RD): d_i is the model's rewriting of d0.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from eval.judge.verdict import Judgement, Verdict
from eval.problem import Adapter, Problem
from utils.extract import find_function, parse, remove_docstrings, truncate
from utils.prompts import DESCRIPTION_STOP_WORDS, description_prompt, draw_example, rewrite_prompt
from utils.run.streams import stream

SAMPLERS = ("gibbs", "conditional", "rewrite")

# Both take [(text of the prompt, key of its random stream), ...]. `Sample` yields (position, completion) as they finish
# and leaves out prompts that do not fit; `Describe` returns one description a prompt, None where it does not fit.
# `Judge` takes (key of the prompt, program, test).
Prompts = Sequence[tuple[str, tuple]]
Sample = Callable[[Prompts], Iterator[tuple[int, str]]]
Describe = Callable[[Prompts], list["str | None"]]
Judge = Callable[[tuple, str, dict], "Future[Judgement]"]


@dataclass
class Chain:
    """The state of one problem's chain."""

    problem: Problem
    description: str  # d_{i-1}
    kept: list[list[str]] = field(default_factory=list)  # programs kept, by round
    fall_back: str = "latest"  # what is described after a round that kept nothing: the latest code kept, or "gold"

    def code_to_describe(self) -> str:
        """The program kept last in the last round; where that kept none what `fall_back` says, else the gold code."""
        rounds = self.kept[-1:] if self.fall_back == "gold" else self.kept
        return next((programs[-1] for programs in reversed(rounds) if programs), self.problem.code)


@dataclass(frozen=True)
class Trial:
    """One sampled program and what the judge said."""

    program: str
    judgement: Judgement


def code_step(
    chains: Sequence[Chain],
    adapter: Adapter,
    round_: int,
    num_seq: int,
    seed: int,
    sample: Sample,
    judge: Judge,
) -> list[list[Trial]]:
    """Draw `num_seq` programs for every chain and judge them while others are being decoded.

    Returns the trials of each chain in order of samples; prompts that do not fit have none.
    """
    prompts, owners = [], []
    for chain in chains:
        prompt = adapter.code_prompt(chain.problem, chain.description)
        for number in range(num_seq):
            prompts.append((prompt, (seed, "code", str(chain.problem.id), round_, number)))
            owners.append(chain)
    waiting: dict[int, tuple[str, Future[Judgement]]] = {}
    for position, completion in sample(prompts):
        problem = owners[position].problem
        program = adapter.finish(problem, prompts[position][0] + completion)
        waiting[position] = program, judge(prompts[position][1], program, problem.test)
    trials: dict[str, list[Trial]] = {str(chain.problem.id): [] for chain in chains}
    for position in sorted(waiting):
        program, verdict = waiting[position]
        trials[str(owners[position].problem.id)].append(Trial(program, verdict.result()))
    return [trials[str(chain.problem.id)] for chain in chains]


def keep_step(chains: Sequence[Chain], trials: Sequence[list[Trial]], round_: int, seed: int, keep: str) -> None:
    """Add this round's kept programs to every chain: `one` of those that pass, uniformly, or `all` of them.

    `any`: one of those that are written at all, whatever the judge said (SSD, Zhang et al. 2026, arXiv:2604.01193,
    which leaves out empty answers and stubs).
    """
    for chain, own in zip(chains, trials, strict=True):
        good = [
            trial.program
            for trial in own
            if (is_written(trial.program, chain.problem.entry_point) if keep == "any" else trial.judgement.passed)
        ]
        if keep != "all" and good:
            rng = stream(seed, "keep", str(chain.problem.id), round_)
            good = [good[rng.integers(len(good))]]
        chain.kept.append(good)


def is_written(program: str, entry_point: str) -> bool:
    """Whether a program parses, and its function has more in it than a docstring, `...` or `pass`."""
    try:
        body = find_function(parse(program), entry_point).body
    except ValueError:
        return False
    return not all(
        isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in body
    )


def description_step(
    chains: Sequence[Chain],
    adapter: Adapter,
    sampler: str,
    round_: int,
    seed: int,
    examples: dict[str, list[str]],
    gold: dict[str, Problem],
    describe: Describe,
    fits: Callable[[str], bool],
) -> Counter:
    """Move every chain on to its next description; returns how many descriptions were refused, by reason.

    `examples` are the in-context descriptions by problem id, `gold` the problems they belong to. A description that is
    empty, or makes a code prompt that does not fit, leaves the chain at the one it had.
    """
    refused: Counter = Counter()
    if sampler == "conditional":
        return refused
    prompts = [
        (text_prompt(chain, key, examples, gold, adapter.raw_texts), key)
        for chain in chains
        for key in [_text_key(chain, sampler, seed, round_)]
    ]
    for chain, text in zip(chains, describe(prompts), strict=True):
        # The prompt ends in a newline, so a stop word may begin with it.
        description = truncate(f"\n{text or ''}", DESCRIPTION_STOP_WORDS, adapter.raw_texts)[1:]
        description = description if adapter.raw_texts else description.strip()
        if text is None:
            refused["prompt too long"] += 1
        elif not description and not adapter.raw_texts:
            refused["empty"] += 1
        elif not fits(adapter.code_prompt(chain.problem, description)):
            refused["too long"] += 1
        else:
            chain.description = description
    return refused


def _text_key(chain: Chain, sampler: str, seed: int, round_: int) -> tuple:
    return (seed, "describe" if sampler == "gibbs" else "rewrite", str(chain.problem.id), round_)


def text_prompt(
    chain: Chain, key: tuple, examples: dict[str, list[str]], gold: dict[str, Problem], raw: bool = False
) -> str:
    """The description or rewrite prompt of a chain, by its key, with its in-context example drawn."""
    seed, kind, problem_id, round_ = key
    rng = stream(seed, "example", problem_id, round_)
    if kind == "describe":
        return ask_for_description((problem_id, chain.code_to_describe()), examples, gold, rng, raw)
    drawn = draw_example(examples, problem_id, rng)
    shot = (gold[drawn[0]].query, drawn[1]) if drawn else None
    return rewrite_prompt(shot, chain.problem.query, raw)


def ask_for_description(
    about: tuple[str, str],
    examples: dict[str, list[str]],
    gold: dict[str, Problem],
    rng: np.random.Generator,
    raw: bool = False,
) -> str:
    """The description prompt of a `(problem id, program)`, with an in-context example of another problem drawn.

    The example's program loses its docstrings, unless it is to be `raw`.
    """
    problem_id, program = about
    drawn = draw_example(examples, problem_id, rng)
    shot = None
    if drawn:
        code = gold[drawn[0]].code
        shot = (code if raw else _bare(code), drawn[1])
    return description_prompt(shot, _bare(program), raw)


def _bare(program: str) -> str:
    """The program without docstrings; as it is where it does not parse (a gold code in another Python)."""
    try:
        return remove_docstrings(program)
    except ValueError:
        return program


def tally(trials: Sequence[list[Trial]]) -> dict:
    """Counts of a round: samples, passed, distinct passing programs, problems with a pass, verdicts by name."""
    flat = [trial for own in trials for trial in own]
    return {
        "samples": len(flat),
        "passed": sum(bool(trial.judgement.passed) for trial in flat),
        "distinct": len({trial.program for trial in flat if trial.judgement.passed}),
        "problems_passed": sum(any(trial.judgement.passed for trial in own) for own in trials),
        "verdicts": dict(sorted(Counter(trial.judgement.verdict.value for trial in flat).items())),
    }


def infrastructure_faults(trials: Sequence[list[Trial]]) -> int:
    """Samples that were never judged because the judge failed; they are neither right nor wrong."""
    return sum(trial.judgement.verdict is Verdict.INFRA for own in trials for trial in own)
