"""Measures of diversity and bootstrap statistics, against values found by hand or another way."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from utils.report import diversity, statistics
from utils.selection import weights


def test_overlap_counts_words_with_repetition():
    assert diversity.overlap("the sum of the list", "The sum, of numbers") == pytest.approx(2 * 3 / (5 + 4))
    assert diversity.overlap("a b", "c") == 0 and diversity.overlap("", "") == 1


def test_cumulative_distinct():
    assert diversity.cumulative_distinct([["a", "b", "a"], [], ["b", "c"]]) == [2, 2, 3]


@pytest.mark.parametrize("series", [[0.3, 1.2, 0.4, 2.0], [1.0, None, 2.0, 5.0, 0.5]])
def test_lag1_is_zero_on_average_over_all_orders(series):
    """Any order of the known values is as likely as any other where rounds mean nothing."""
    known = [value for value in series if value is not None]
    parts = []
    for order in itertools.permutations(known):
        values = iter(order)
        parts.append(diversity.lag1_terms([None if value is None else next(values) for value in series]))
    assert sum(above for above, _ in parts) == pytest.approx(0, abs=1e-9)
    assert all(below > 0 for _, below in parts)


def test_lag1_by_hand():
    above, below = diversity.lag1_terms([1.0, 2.0, 3.0])  # deviations -1, 0, 1: products 0, squares 2
    assert (above, below) == pytest.approx((0 + 2 * 2 / (3 * 2), 2 * 2 / 2))
    assert diversity.lag1_terms([1.0, None, 3.0]) == (0, 0)


def test_trend_is_the_least_squares_slope():
    rounds, values = [0, 1, 3, 4], [1.0, 1.5, 1.2, 4.0]
    above, below = diversity.trend_terms([1.0, 1.5, None, 1.2, 4.0])
    assert above / below == pytest.approx(np.polyfit(rounds, values, 1)[0])
    assert diversity.trend_terms([None, 2.0]) == (0, 0)


def test_weights_in_one_number():
    assert diversity.effective_number([0.25] * 4) == pytest.approx(4)
    assert diversity.effective_number([1.0, 0.0]) == pytest.approx(1)
    chances = weights([1.0, 2.0, 3.0], 1.0)
    e = np.exp([1, 2, 3])
    assert diversity.rarest_share(chances, [1.0, 2.0, 3.0]) == pytest.approx(0.3 * e[2] / e.sum())
    assert diversity.rarest_share(chances, [1.0, 2.0, 3.0], 0.5) == pytest.approx((e[2] + 0.5 * e[1]) / e.sum())
    assert diversity.rarest_share([0.05] * 20, list(range(20))) == pytest.approx(0.1)


def test_expected_distinct_over_all_draws():
    chances, texts = [0.5, 0.2, 0.3], ["a", "b", "a"]
    expected = sum(
        np.prod([chances[i] for i in draw]) * len({texts[i] for i in draw})
        for draw in itertools.product(range(3), repeat=4)
    )
    assert diversity.expected_distinct(chances, texts, 4) == pytest.approx(expected)


def test_bootstrap_with_one_seed_is_that_of_problems():
    values = np.random.default_rng(3).random(60)
    low, high = statistics.interval(statistics.bootstrap_means([values]))
    known = scipy_stats.bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(1))
    assert (low, high) == pytest.approx(tuple(known.confidence_interval), abs=0.01)


def test_bootstrap_draws_seeds_as_well_as_problems():
    """Where all problems of a seed agree, only the seeds are left to chance: 2 of 2 give 0, 1/2, 1 as 1:2:1."""
    means = statistics.bootstrap_means([[0.0] * 5, [1.0] * 5])
    shares = [(means == value).mean() for value in (0, 0.5, 1)]
    assert shares == pytest.approx([0.25, 0.5, 0.25], abs=0.02)


def test_problems_common_to_all_seeds_are_drawn_together():
    """More seeds of the same problems do not narrow the interval."""
    problem = np.random.default_rng(0).random(40)
    together = np.ptp(statistics.interval(statistics.bootstrap_means([problem] * 9)))
    alone = np.ptp(statistics.interval(statistics.bootstrap_means([problem])))
    assert together == pytest.approx(alone, rel=0.1)


def test_intervals_by_t_cover_the_mean_as_often_as_they_say():
    """Five seeds, each with problems of its own, both levels random; the mean is zero."""
    rng, misses, draws = np.random.default_rng(0), 0, 3000
    p_values = []
    for _ in range(draws):
        seeds = rng.normal(0, 0.3, size=(5, 1)) + rng.normal(0, 1, size=(5, 12))
        result = statistics.estimate_by_t([*seeds[:4], seeds[4][:8]])
        misses += not result.interval[0] <= 0 <= result.interval[1]
        assert (result.p < 0.05) == (not result.interval[0] <= 0 <= result.interval[1])
        p_values.append(result.p)
    assert misses / draws == pytest.approx(0.05, abs=0.015)
    assert scipy_stats.kstest(p_values, "uniform").pvalue > 0.001


def test_estimates_by_t_of_one_seed_of_equal_seeds_and_of_nothing():
    one_seed = statistics.estimate_by_t([[0.0, 0.5, 1.0]])
    assert one_seed.mean == 0.5 and all(map(math.isnan, (*one_seed.interval, one_seed.p)))
    for second in (-0.02375, -0.023750000000000007):  # a difference of rounding is none
        equal = statistics.estimate_by_t([[-0.02375], [second]])
        assert equal.mean == pytest.approx(-0.02375) and equal.interval == (equal.mean, equal.mean)
        assert math.isnan(equal.p)
    assert statistics.estimate_by_t([[1.0, -1.0], [0.0]]).interval == (0.0, 0.0)
    with pytest.raises(ValueError, match="no problem"):
        statistics.estimate_by_t([[1.0], []])


def test_holm_by_hand():
    """The example of Holm's step-down: 4 * 0.005, 3 * 0.01, then no smaller than what came before."""
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([0.7, 0.6]) == pytest.approx([1.0, 1.0])
    assert statistics.holm([math.nan, 0.01, 0.02]) == pytest.approx([math.nan, 0.03, 0.04], nan_ok=True)


def test_p_value_by_hand_and_with_the_interval():
    assert statistics.p_value(np.array([-1.0, 1, 2, 3, 4, 5, 6, 7, 8])) == pytest.approx(2 * 2 / 10)
    assert statistics.p_value(np.zeros(99)) == 1
    for shift in (0.0, 0.1, 0.25):
        drawn = statistics.bootstrap_means([np.random.default_rng(5).normal(shift, 0.5, size=50)])
        low, high = statistics.interval(drawn)
        assert (statistics.p_value(drawn) < 0.05) == (low > 0 or high < 0)


def test_pooled_ratio():
    mean, (low, high) = statistics.pooled_ratio([1.0, 2.0, 0.0, 7.0], [2.0, 2.0, 0.0, 8.0])
    assert mean == pytest.approx(10 / 12) and 0.5 <= low < mean < high <= 1
    assert statistics.pooled_ratio([0.0], [0.0]) is None
