"""Measures of how much codes and descriptions differ, as plain functions over plain values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np


def overlap(text: str, other: str) -> float:
    """Token overlap of two texts, 0 to 1: F1 of their words, lower case, counted with repetition (as in SQuAD)."""
    words, others = (Counter(re.findall(r"\w+", string.lower())) for string in (text, other))
    total = words.total() + others.total()
    return 2 * (words & others).total() / total if total else 1.0


def cumulative_distinct(by_round: Sequence[Iterable[str]]) -> list[int]:
    """Number of different texts up to and including each round."""
    seen: set[str] = set()
    counts = []
    for texts in by_round:
        seen.update(texts)
        counts.append(len(seen))
    return counts


def lag1_terms(series: Sequence[float | None]) -> tuple[float, float]:
    """One problem's part of a pooled lag-1 autocorrelation: numerator and denominator; None: a round without value.

    Deviations are from the problem's mean, which biases the products of neighbours downward in a short chain. The
    expectation over all orders of the values, -S / (T (T - 1)) a pair, is subtracted, so the pooled ratio is 0 for a
    chain without memory. Memory is underestimated while chains are short: 0.6 appears as 0.3 at five rounds, as 0.5
    at twenty. S: sum of squares, T: number of values.
    """
    known = [value for value in series if value is not None]
    pairs = [(a, b) for a, b in zip(series, series[1:], strict=False) if a is not None and b is not None]
    if len(known) < 2 or not pairs:
        return 0.0, 0.0
    mean, count = float(np.mean(known)), len(known)
    squares = sum((value - mean) ** 2 for value in known)
    products = sum((a - mean) * (b - mean) for a, b in pairs)
    return products + len(pairs) * squares / (count * (count - 1)), len(pairs) * squares / (count - 1)


def trend_terms(series: Sequence[float | None]) -> tuple[float, float]:
    """One problem's part of a pooled least-squares slope per round, each problem with its own intercept."""
    known = [(float(round_), value) for round_, value in enumerate(series) if value is not None]
    if len(known) < 2:
        return 0.0, 0.0
    rounds, values = (np.array(side) for side in zip(*known, strict=True))
    centred = rounds - rounds.mean()
    return float(centred @ (values - values.mean())), float(centred @ centred)


def effective_number(weights: Sequence[float]) -> float:
    """Effective number of codes in a draw by `weights` (which sum to 1): 1 / sum of their squares."""
    return float(1 / np.square(weights).sum())


def rarest_share(weights: Sequence[float], perplexities: Sequence[float], part: float = 0.1) -> float:
    """Share of the draw that goes to the `part` of the codes with the highest perplexity.

    A part of a code counts as that part of its weight, so a uniform draw gives `part` for any number of codes.
    """
    order = np.argsort(perplexities, kind="stable")[::-1]
    shares = np.clip(part * len(order) - np.arange(len(order)), 0, 1)
    return float(shares @ np.asarray(weights)[order])


def expected_distinct(weights: Sequence[float], texts: Sequence[str], draws: int) -> float:
    """Expected number of different texts in `draws` draws with replacement."""
    chances: Counter = Counter()
    for text, weight in zip(texts, weights, strict=True):
        chances[text] += weight
    return float(sum(1 - (1 - min(1.0, chance)) ** draws for chance in chances.values()))
