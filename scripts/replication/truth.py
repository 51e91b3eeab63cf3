"""Samples against the known joint distribution: styles, distances, noise.

Everything is counted by the wording of the description that it belongs to (a problem's seed description d0), because
only there the samplers differ: over all wordings even P(s | d0) averages to the marginal.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import cache

from data.worlds import grammar, joint
from data.worlds.grammar import Reading
from data.worlds.programs import style_of
from eval.problem import Problem

Counts = dict[str, dict[str, int]]  # wording -> style -> how many
Laws = dict[str, dict[str, float]]  # wording -> style -> probability


def origins(problems: Sequence[Problem]) -> list[Reading]:
    """What the seed description of every problem of a world says, and how."""
    return [grammar.parse(problem.query) for problem in problems]


def obscure_ids(problems: Sequence[Problem]) -> list[str]:
    """The problems that are described obscurely."""
    return [problem.id for problem, origin in zip(problems, origins(problems), strict=True) if origin.obscure]


def marginal(origin: Reading) -> dict[str, float]:
    """P(s | intent), which every sampler should reach."""
    return joint.style_marginal(origin.intent)


def count_styles(origins: Sequence[Reading], programs: Sequence[Sequence[str]]) -> Counts:
    """Styles of the programs of every problem, by wording; `programs` runs parallel to the origins."""
    counts: Counts = {}
    for origin, codes in zip(origins, programs, strict=True):
        for program in codes:
            row = counts.setdefault(origin.wording, {})
            style = style_of(program, origin.intent)
            row[style] = row.get(style, 0) + 1
    return counts


def mean_laws(origins: Sequence[Reading], counts: Sequence[int], law) -> Laws:
    """By wording the mean of `law(origin)`, every problem weighted by its number of programs."""
    laws: dict[str, Counter] = {}
    totals: Counter = Counter()
    for origin, count in zip(origins, counts, strict=True):
        if count:
            row = laws.setdefault(origin.wording, Counter())
            row.update({style: count * chance for style, chance in law(origin).items()})
            totals[origin.wording] += count
    return {w: {style: share / totals[w] for style, share in row.items()} for w, row in laws.items()}


def distance(counts: Counts, laws: Laws) -> tuple[float, float]:
    """Total variation between counted styles and their law, and what as many exact draws would have on average.

    Both are means over wordings, weighted by the number of programs; NaN where there are none.
    """
    total = sum(sum(row.values()) for row in counts.values())
    if not total:
        return math.nan, math.nan
    far = noise = 0.0
    for wording, row in counts.items():
        count = sum(row.values())
        shares = {style: n / count for style, n in row.items()}
        far += count / total * joint.total_variation(shares, laws[wording])
        noise += count / total * expected_distance(tuple(laws[wording].values()), count)
    return far, noise


def law_distance(counts: Counts, laws: Laws, others: Laws) -> float:
    """Mean total variation between two laws by wording, each wording weighted by its number of counted programs."""
    total = sum(sum(row.values()) for row in counts.values())
    far = sum(sum(row.values()) * joint.total_variation(laws[w], others[w]) for w, row in counts.items())
    return far / total if total else math.nan


def set_distance(origins: Sequence[Reading], programs: Sequence[Sequence[str]]) -> tuple[float, float]:
    """Mean over problems of the total variation between the styles of its programs and P(s | intent), and the noise.

    Problems without a program are left out; NaN where none has one.
    """
    values, noises = [], []
    for origin, codes in zip(origins, programs, strict=True):
        if codes:
            law = joint.style_marginal(origin.intent)
            shares = Counter(style_of(program, origin.intent) for program in codes)
            values.append(joint.total_variation({s: n / len(codes) for s, n in shares.items()}, law))
            noises.append(expected_distance(tuple(law.values()), len(codes)))
    if not values:
        return math.nan, math.nan
    return sum(values) / len(values), sum(noises) / len(noises)


@cache
def expected_distance(law: tuple[float, ...], n: int) -> float:
    """Expected total variation between `n` exact draws from a law and the law itself.

    Half the sum of the mean absolute deviations of binomial shares, in de Moivre's closed form.
    """
    return sum(_mean_deviation(n, chance) for chance in law) / (2 * n)


def _mean_deviation(n: int, chance: float) -> float:
    """E|X - np| for X binomial: 2 m (1 - p) P(X = m) with m = floor(np) + 1."""
    if not 0 < chance < 1:
        return 0.0
    m = math.floor(n * chance) + 1
    log = math.lgamma(n + 1) - math.lgamma(m + 1) - math.lgamma(n - m + 1) if m <= n else -math.inf
    return 2 * m * (1 - chance) * math.exp(log + m * math.log(chance) + (n - m) * math.log1p(-chance))


def sampler_law(origin: Reading, sampler: str, strength: float, round_: int) -> dict[str, float]:
    """The law of the style that a perfect model's sampler draws in a round (from 1), before execution filtering.

    Rewriting goes from a description through the programs that have it to another description of one of them, and the
    gold code is one of them, so all rounds but the first of both are like round two of the Gibbs chain.
    """
    steps = {"conditional": 1, "rewrite": min(round_, 2), "gold": min(round_, 2), "gibbs": round_}[sampler]
    return joint.style_after(origin.intent, origin.wording, strength, steps)
