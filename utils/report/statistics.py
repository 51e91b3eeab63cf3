"""Intervals and tests over plain values: by bootstrap, and by t where every seed has its own problems."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

Interval = tuple[float, tuple[float, float]]  # a mean and its 95 % bootstrap interval

DRAWS = 10_000
BLOCK = 2_000_000  # random numbers held at a time


def bootstrap_means(values: Sequence[Sequence[float]], draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Means of two-level bootstrap samples, shape (draws,): seeds drawn with replacement, then problems.

    `values[s][p]` belongs to seed s and problem p, which all seeds share and which is drawn for all of them together.
    With one seed the first level has no effect: the spread is that of problems alone. ValueError where there is nothing
    to draw from.
    """
    if len(values) == 0 or any(len(row) == 0 for row in values):
        raise ValueError("no problem to average over")
    data, rng = np.stack([np.asarray(row, dtype=float) for row in values]), np.random.default_rng(seed)
    size, problems = data.shape
    weights, means = rng.multinomial(size, np.full(size, 1 / size), size=draws) / size, np.empty(draws)
    step = max(1, BLOCK // problems)
    for start in range(0, draws, step):
        part = slice(start, min(start + step, draws))
        drawn = rng.integers(problems, size=(part.stop - part.start, problems))
        means[part] = np.take_along_axis(weights[part] @ data, drawn, axis=1).mean(axis=1)
    return means


def interval(means: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of bootstrap means."""
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def p_value(differences: np.ndarray) -> float:
    """Two-sided p-value of "no difference" from bootstrap means of a paired difference.

    Twice the share of draws on the other side of zero (zeros count on both), so it is below 0.05 where the 95 %
    interval excludes zero; never below 2 / (draws + 1).
    """
    below, above = (differences <= 0).sum(), (differences >= 0).sum()
    return float(min(1.0, 2 * (min(below, above) + 1) / (len(differences) + 1)))


def problem_differences(first: Mapping[str, float], second: Mapping[str, float]) -> list[float]:
    """First minus second for every problem that both have."""
    return [value - second[key] for key, value in first.items() if key in second]


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds and problems, its 95 % interval, and the p-value of a mean of zero."""

    mean: float
    interval: tuple[float, float]
    p: float


def estimate(values: Sequence[Sequence[float]]) -> Estimate:
    """Mean over seeds of the mean over problems that they share; arguments and errors as of `bootstrap_means`."""
    means = bootstrap_means(values)
    return Estimate(float(np.mean([np.mean(row) for row in values])), interval(means), p_value(means))


def estimate_by_t(values: Sequence[Sequence[float]]) -> Estimate:
    """Mean over seeds of the mean over problems, where every seed has its own problems, perhaps more or fewer.

    The means of seeds are independent and vary by seed and by problems, so Student's t over them has both levels, and
    the right width for few seeds; a percentile bootstrap of five is a tenth too narrow or more. One seed has no
    interval (NaN), and p is NaN then and where all seeds have the same mean. ValueError where there is nothing to
    average.
    """
    if len(values) == 0 or any(len(row) == 0 for row in values):
        raise ValueError("no problem to average over")
    means = np.array([np.mean(row) for row in values])
    mean = float(means.mean())
    if len(means) == 1:
        return Estimate(mean, (math.nan, math.nan), math.nan)
    if np.allclose(means, mean, rtol=1e-9, atol=1e-12):  # equal but for rounding, of which t would make p < 0.001
        return Estimate(mean, (mean, mean), math.nan)
    test = stats.ttest_1samp(means, 0)
    low, high = test.confidence_interval(0.95)
    return Estimate(mean, (float(low), float(high)), float(test.pvalue))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for the number of tests (Holm 1979): below 0.05 with a family-wise error of 5 %.

    NaN, of a test that could not be made, counts as a test and stays NaN.
    """
    order, corrected, largest = np.argsort(p_values), [math.nan] * len(p_values), 0.0
    for rank, index in enumerate(order):  # NaN comes last
        if not math.isnan(p_values[index]):
            largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
            corrected[index] = largest
    return corrected


def pooled_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Interval | None:
    """Ratio of two sums over problems and its 95 % bootstrap interval; None where the denominators sum to zero."""
    kept = [(n, d) for n, d in zip(numerators, denominators, strict=True) if d > 0]
    if not kept:
        return None
    above, below = (np.array(side, dtype=float) for side in zip(*kept, strict=True))
    ratio = float(above.sum() / below.sum())
    if len(kept) == 1:
        return ratio, (float("nan"), float("nan"))
    result = stats.bootstrap(
        (above, below),
        lambda n, d, axis: n.sum(axis=axis) / d.sum(axis=axis),
        paired=True,
        method="percentile",
        n_resamples=DRAWS,
        batch=max(1, BLOCK // len(kept)),
        rng=np.random.default_rng(0),
    )
    return ratio, (float(result.confidence_interval.low), float(result.confidence_interval.high))
