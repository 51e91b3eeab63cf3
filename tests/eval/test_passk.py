"""pass@k against counting every draw, and its interval."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

from eval.passk import mean_and_interval, pass_at_k


@pytest.mark.parametrize("n", range(1, 9))
def test_equals_the_share_of_draws_with_a_right_sample(n):
    for c in range(n + 1):
        for k in range(1, n + 1):
            draws = list(combinations([True] * c + [False] * (n - c), k))
            assert pass_at_k(n, c, k) == pytest.approx(float(Fraction(sum(map(any, draws)), len(draws))), abs=1e-15)


def test_pass_at_1_is_the_share_of_right_samples():
    assert [pass_at_k(10, c, 1) for c in (0, 3, 10)] == pytest.approx([0.0, 0.3, 1.0])


@pytest.mark.parametrize(("n", "c", "k"), [(1, 0, 2), (1, 1, 2), (5, 5, 10), (0, 0, 1)])
def test_k_above_n_is_refused(n, c, k):
    with pytest.raises(ValueError, match=f"at least {k} samples"):
        pass_at_k(n, c, k)


@pytest.mark.parametrize(("n", "c", "k"), [(3, 4, 1), (3, -1, 1), (3, 1, 0), (3, 1, -1), (-1, 0, 1)])
def test_nonsense_is_refused(n, c, k):
    with pytest.raises(ValueError, match="not defined"):
        pass_at_k(n, c, k)


def test_many_samples_neither_overflow_nor_lose_precision():
    n, c, k = 10_000, 1, 100
    assert pass_at_k(n, c, k) == pytest.approx(k / n, rel=1e-9)
    assert pass_at_k(n, 5000, 5000) == pytest.approx(1.0)


def test_interval_holds_the_mean_and_repeats():
    values = [0.0, 1.0, 1.0, 0.5] * 10
    mean, (low, high) = mean_and_interval(values)
    assert mean == pytest.approx(0.625) and low < mean < high
    assert mean_and_interval(values) == (mean, (low, high))


def test_interval_is_as_wide_as_theory_says():
    """For many problems the bootstrap agrees with the normal approximation."""
    values = [1.0] * 150 + [0.0] * 350
    _, (low, high) = mean_and_interval(values)
    expected = 1.96 * np.std(values) / np.sqrt(len(values))
    assert (high - low) / 2 == pytest.approx(expected, rel=0.06)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.25])
def test_interval_of_like_problems_is_a_point(value):
    assert mean_and_interval([value] * 3) == (value, (value, value))


def test_a_large_set_is_drawn_in_blocks_with_the_right_total():
    values = np.r_[np.ones(1000), np.zeros(2000)]
    mean, (low, high) = mean_and_interval(values, draws=1500)  # more than one block
    assert mean == pytest.approx(1 / 3) and high - low == pytest.approx(2 * 1.96 * np.sqrt(2 / 9 / 3000), rel=0.15)


def test_no_problem_is_refused():
    with pytest.raises(ValueError, match="no problem"):
        mean_and_interval([])
