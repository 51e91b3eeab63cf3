"""The codes that stage 3 would draw at an inverse temperature, before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from utils.forms import forms
from utils.report.diversity import effective_number, expected_distinct, rarest_share
from utils.selection import weights

TOO_MUCH = 0.95  # of a problem's draw for one code: "nearly all"
ALLOWED = 0.05  # share of the problems that may have such a code
SHARES = np.linspace(0, 1, 51)


@dataclass(frozen=True)
class ScoredProblem:
    """The scored codes of one problem: programs, their texts after renaming variables, perplexities."""

    problem_id: str
    codes: list[str]
    texts: list[str]
    perplexities: list[float]


@dataclass(frozen=True)
class Preview:
    """A draw at one inverse temperature: means over problems with two codes or more."""

    temperature: float
    problems: int
    effective: float  # effective number of codes of a problem
    distinct: float  # different codes expected among the K of a problem, after renaming variables
    rarest: float  # share of the draw that goes to the rarest tenth of a problem's codes
    heaviest: float  # median weight of a problem's heaviest code
    curve: list[float]  # share of the draw that goes to the rarest SHARES of a problem's codes
    taken: list[tuple[ScoredProblem, int]]  # problems where one code takes nearly all, and that code's index


def scored_problems(
    problem_ids: Sequence[object], codes: Sequence[Sequence[str]], perplexities: Sequence[Sequence[float | None]]
) -> list[ScoredProblem]:
    """The problems with two scored codes or more."""
    problems = []
    for problem_id, of_problem, values in zip(problem_ids, codes, perplexities, strict=True):
        scored = [(code, value) for code, value in zip(of_problem, values, strict=True) if value is not None]
        if len(scored) > 1:
            programs, scores = map(list, zip(*scored, strict=True))
            texts = [forms(program, ["renamed"])["renamed"] for program in programs]
            problems.append(ScoredProblem(str(problem_id), programs, texts, scores))
    return problems


def preview(problems: Sequence[ScoredProblem], temperature: float, k: int) -> Preview:
    """Preview the draw of K codes for each problem at one inverse temperature."""
    chances = [weights(problem.perplexities, temperature) for problem in problems]
    pairs = list(zip(problems, chances, strict=True))
    return Preview(
        temperature,
        len(problems),
        float(np.mean([effective_number(chance) for chance in chances])),
        float(np.mean([expected_distinct(chance, problem.texts, k) for problem, chance in pairs])),
        float(np.mean([rarest_share(chance, problem.perplexities) for problem, chance in pairs])),
        float(np.median([chance.max() for chance in chances])),
        [float(np.mean([rarest_share(c, p.perplexities, share) for p, c in pairs])) for share in SHARES],
        [(problem, int(chance.argmax())) for problem, chance in pairs if chance.max() > TOO_MUCH],
    )


def harmless_temperature(problems: Sequence[ScoredProblem], temperature: float) -> float:
    """The highest inverse temperature up to `temperature` at which few problems give nearly all to one code."""

    def limit(problem: ScoredProblem) -> float:
        def over(value: float) -> float:
            return weights(problem.perplexities, value).max() - TOO_MUCH

        return brentq(over, 0, temperature) if over(temperature) > 0 else temperature

    limits = sorted(limit(problem) for problem in problems)
    return limits[int(ALLOWED * len(limits))]


def warning(problems: Sequence[ScoredProblem], preview: Preview) -> str:
    """A warning with its remedy if one code takes nearly all of the draw in too many problems, else ""."""
    if len(preview.taken) <= ALLOWED * len(problems):
        return ""
    worst, index = max(preview.taken, key=lambda pair: pair[0].perplexities[pair[1]] / np.median(pair[0].perplexities))
    lower = harmless_temperature(problems, preview.temperature)
    step = 10.0 ** (math.floor(math.log10(lower)) - 1)
    return (
        f"warning: --temperature {preview.temperature:g}: in {len(preview.taken)} of {len(problems)} problems one code "
        f"takes over {TOO_MUCH:.0%} of the draw (worst: problem {worst.problem_id}, perplexity "
        f"{worst.perplexities[index]:.4g} against a median of {np.median(worst.perplexities):.4g}); train with at most "
        f"--temperature {math.floor(lower / step) * step:.2g}, or score the codes under the problems' "
        "descriptions (cal_ppl.py --description seed) where a poor description made the outlier"
    )
