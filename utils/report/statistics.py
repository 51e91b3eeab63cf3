"""Intervals and tests by bootstrap, over plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

Interval = tuple[float, tuple[float, float]]  # a mean and its 95 % bootstrap interval

DRAWS = 10_000
BLOCK = 2_000_000  # random numbers held at a time


def bootstrap_means(
    values: Sequence[Sequence[float]], nested: bool = False, draws: int = DRAWS, seed: int = 0
) -> np.ndarray:
    """Means of two-level bootstrap samples, shape (draws,): seeds drawn with replacement, then problems.

    `values[s][p]` belongs to seed s and problem p. Problems that all seeds share are drawn together for all seeds;
    `nested`: every seed has its own problems, perhaps more or fewer. With one seed the first level has no effect: the
    spread is that of problems alone. ValueError where there is nothing to draw from.
    """
    rows = [np.asarray(row, dtype=float) for row in values]
    if not rows or any(row.size == 0 for row in rows):
        raise ValueError("no problem to average over")
    rng, size = np.random.default_rng(seed), len(rows)
    if nested:
        # One bootstrap mean of every seed for each position that it may be drawn into.
        means = np.stack([_resampled_means(row, draws * size, rng).reshape(draws, size) for row in rows])
        drawn = rng.integers(size, size=(draws, size))
        return means[drawn, np.arange(draws)[:, None], np.arange(size)].mean(axis=1)
    weights = rng.multinomial(size, np.full(size, 1 / size), size=draws) / size
    return _resampled_means(np.stack(rows), draws, rng, weights)


def _resampled_means(data: np.ndarray, draws: int, rng: np.random.Generator, weights=None) -> np.ndarray:
    """Means of problems drawn with replacement; `weights` (draws, seeds) average the rows of `data` first."""
    problems, means = data.shape[-1], np.empty(draws)
    step = max(1, BLOCK // problems)
    for start in range(0, draws, step):
        part = slice(start, min(start + step, draws))
        drawn = rng.integers(problems, size=(part.stop - part.start, problems))
        if weights is None:
            means[part] = data[drawn].mean(axis=1)
        else:
            averaged = weights[part] @ data
            means[part] = np.take_along_axis(averaged, drawn, axis=1).mean(axis=1)
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
    """A mean over seeds and problems, its 95 % bootstrap interval, and the p-value of a mean of zero."""

    mean: float
    interval: tuple[float, float]
    p: float


def estimate(values: Sequence[Sequence[float]], nested: bool = False, draws: int = DRAWS) -> Estimate:
    """Mean over seeds of the mean over problems; arguments and errors as of `bootstrap_means`."""
    means = bootstrap_means(values, nested, draws)
    return Estimate(float(np.mean([np.mean(row) for row in values])), interval(means), p_value(means))


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
