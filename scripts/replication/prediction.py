"""The prediction of `README.md` held against the results, by the rules that stand there.

Each row of the prediction is a function that returns what was measured and whether it was expected, refuted or neither.
Rules speak of means; where a rule names p, it is of a two-sided t-test against zero, corrected for the settings (Holm).
"Every setting" is every strength and obscurity there is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from scripts.replication.cells import p_shown, points, section, table
from scripts.replication.results import (
    Results,
    Setting,
    covered,
    difference,
    estimate_of_seeds,
    growth,
    over_strengths,
)
from utils.report import statistics
from utils.report.statistics import Estimate

POINT = 0.01
LEVEL = 0.05
NAMED = ("rft", "rft-rd", "rft-gd", "gift-uniform", "gift", "gift-gold", "gift-covered", "gift-rarity", "ssd")
PLAIN, MIXED, OBSCURE = 0.0, 0.5, 1.0  # the obscurities that the prediction speaks of


class Outcome(NamedTuple):
    """What a row of the prediction came to."""

    measured: str
    value: str
    expected: bool
    refuted: bool


def section_of_prediction(results: Results) -> str:
    """The table of all rows whose methods have results; empty if there is none."""
    shown = []
    for number, row in enumerate(ROWS, 1):
        outcome = row(results)
        if outcome is not None:
            verdict = "refuted" if outcome.refuted else "as expected" if outcome.expected else "neither"
            shown.append([str(number), outcome.measured, outcome.value, verdict])
    note = (
        "The rows of the prediction (scripts/replication/README.md), in points of pass@1 unless said otherwise, with "
        '95 % intervals over seeds; "strengths" are means over both, seed by seed. "Neither": not refuted, and not '
        "as expected."
    )
    if _is_provisional(results):
        note += " Provisional: not all seeds are finished (last table)."
    return section("Prediction", note, table(["row", "measured", "result", "outcome"], shown))


def gain_grows(results: Results) -> Outcome | None:
    """Row 1."""
    change = growth(results, "gift", "rft", (PLAIN, OBSCURE))
    if change is None:
        return None
    plain, obscure = (_means(results, "gift", "rft", obscurity) for obscurity in (PLAIN, OBSCURE))
    expected = all(-3 * POINT <= mean <= POINT for mean in plain) and all(mean >= 3 * POINT for mean in obscure)
    ends = "; ".join(
        f"at {obscurity:g}: {' and '.join(f'{100 * mean:+.1f}' for mean in means)}"
        for obscurity, means in ((PLAIN, plain), (OBSCURE, obscure))
    )
    refuted = not (change.mean > 0 and change.p < LEVEL)
    return Outcome(
        "GiFT - RFT, from obscurity 0 to 1, strengths; by strength", f"{points(change)}; {ends}", expected, refuted
    )


def chain_covers_more(results: Results) -> Outcome | None:
    """Row 2."""
    by_seed = {}
    for name in ("rft", "gift"):
        runs = [run for s in _strengths(results) for run in results.get(Setting(s, OBSCURE), {}).get(name, {}).values()]
        if not runs:
            return None
        by_seed[name] = covered(runs)[-1]
    rft, gift = by_seed["rft"], by_seed["gift"]
    value = f"{rft:.1%} and {gift:.1%}{'; RFT covers more than 90 %: nothing is tested' if rft > 0.9 else ''}"
    expected, refuted = rft <= 0.7 and gift >= 0.95, gift - rft < 0.1
    return Outcome("seed problems with a code at obscurity 1, RFT and GiFT, all worlds", value, expected, refuted)


def gain_is_of_problems_without_codes(results: Results) -> Outcome | None:
    """Row 3."""
    gain = estimate_of_seeds(over_strengths(results, "gift", "rft", OBSCURE))
    beyond_half = _combined(results, ("gift", "gift-covered"), ("gift", "rft"))
    if gain is None or beyond_half is None:
        return None
    lost = estimate_of_seeds(over_strengths(results, "gift", "gift-covered", OBSCURE))
    value = f"{points(lost)} of {points(gain)}; less half: {points(beyond_half)}"
    measured = "lost without problems that RFT has no code for, of GiFT - RFT, at obscurity 1, strengths"
    return Outcome(measured, value, beyond_half.mean >= 0, gain.mean > 0 > beyond_half.mean)


def one_step_is_enough(results: Results) -> Outcome | None:
    """Row 4."""
    changes = _by_setting(results, "gift", "rft-gd")
    if not changes:
        return None
    expected = all(abs(change.mean) <= 2 * POINT for change in changes)
    return _of_settings("GiFT - RFT+GD", changes, expected, lambda mean: mean > 2 * POINT)


def rewriting_does_not_help(results: Results) -> Outcome | None:
    """Row 5."""
    change = estimate_of_seeds(over_strengths(results, "rft-rd", "rft", OBSCURE))
    beyond_half = _combined(results, ("rft-rd", "rft"), ("gift", "rft"))
    if change is None or beyond_half is None:
        return None
    value = f"{points(change)}; less half of GiFT - RFT: {points(beyond_half)}"
    refuted = beyond_half.mean >= 0
    return Outcome("RFT+RD - RFT at obscurity 1, strengths", value, abs(change.mean) <= 2 * POINT, refuted)


def gain_is_made_on_obscure_problems(results: Results) -> Outcome | None:
    """Row 6."""
    plain, obscure = (
        over_strengths(results, "gift", "rft", MIXED, telling=telling) for telling in ("plain", "obscure")
    )
    both = {seed: obscure[seed] - plain[seed] for seed in plain.keys() & obscure.keys()}
    if not both:
        return None
    on_plain, more = estimate_of_seeds(plain), estimate_of_seeds(both)
    value = f"{points(on_plain)} and {points(estimate_of_seeds(obscure))}; difference {points(more)}"
    expected = -3 * POINT <= on_plain.mean <= POINT and more.mean > 0
    measured = "GiFT - RFT at obscurity 0.5 on plain and on obscure test problems, strengths"
    return Outcome(measured, value, expected, more.mean <= 0)


def fall_back_does_not_matter(results: Results) -> Outcome | None:
    """Row 7."""
    changes = _by_setting(results, "gift", "gift-gold")
    if not changes:
        return None
    expected = all(abs(change.mean) < POINT for change in changes)
    return _of_settings("GiFT - GiFT, fall-back to gold", changes, expected, lambda mean: abs(mean) >= POINT)


def selection_gains_nothing(results: Results) -> Outcome | None:
    """Row 8."""
    outcomes = []
    for name, title in (("gift", "perplexity"), ("gift-rarity", "rarity")):
        changes = _by_setting(results, name, "gift-uniform")
        if not changes:
            return None
        expected = all(change.mean < POINT for change in changes)
        outcomes.append(_of_settings(f"{title} - uniform", changes, expected, lambda mean: mean >= POINT))
    measured, value = ("; ".join(texts) for texts in zip(*(outcome[:2] for outcome in outcomes), strict=True))
    return Outcome(measured, value, all(o.expected for o in outcomes), any(o.refuted for o in outcomes))


def without_verifier_below(results: Results) -> Outcome | None:
    """Row 9."""
    changes = _by_setting(results, "ssd", "rft")
    if not changes:
        return None
    expected = all(change.mean < 0 for change in changes)
    return _of_settings("SSD - RFT", changes, expected, lambda mean: False)._replace(refuted=not expected)


ROWS = (
    gain_grows,
    chain_covers_more,
    gain_is_of_problems_without_codes,
    one_step_is_enough,
    rewriting_does_not_help,
    gain_is_made_on_obscure_problems,
    fall_back_does_not_matter,
    selection_gains_nothing,
    without_verifier_below,
)


def _is_provisional(results: Results) -> bool:
    """Whether a method that the prediction names lacks a seed, at some setting, that the study has."""
    seeds = {seed for by_method in results.values() for by_seed in by_method.values() for seed in by_seed}
    return any(seeds - set(by_method.get(name, {})) for by_method in results.values() for name in NAMED)


def _strengths(results: Results) -> list[float]:
    return sorted({setting.strength for setting in results})


def _means(results: Results, first: str, second: str, obscurity: float) -> list[float]:
    by_strength = [over_strengths(results, first, second, obscurity, {strength}) for strength in _strengths(results)]
    return [float(np.mean([*by_seed.values()])) for by_seed in by_strength if by_seed]


def _combined(results: Results, pair: tuple[str, str], halved: tuple[str, str]) -> Estimate | None:
    """The first difference less half of the second, at obscurity 1, by seed."""
    first, second = (over_strengths(results, *names, OBSCURE) for names in (pair, halved))
    return estimate_of_seeds({seed: first[seed] - second[seed] / 2 for seed in first.keys() & second.keys()})


def _by_setting(results: Results, first: str, second: str) -> list[Estimate]:
    changes = [difference(by.get(first, {}), by.get(second, {})) for by in results.values()]
    return [change for change in changes if change]


def _of_settings(title: str, changes: list[Estimate], expected: bool, refutes: Callable[[float], bool]) -> Outcome:
    """Means of all settings and the smallest corrected p; refuted where a mean does at p < 0.05."""
    corrected = statistics.holm([change.p for change in changes])
    refuted = any(refutes(change.mean) and p < LEVEL for change, p in zip(changes, corrected, strict=True))
    means = [100 * change.mean for change in changes]
    smallest = min((p for p in corrected if not math.isnan(p)), default=math.nan)
    value = f"{min(means):+.1f} to {max(means):+.1f}{p_shown(smallest).replace('p', 'smallest p')}"
    return Outcome(f"{title}, {len(changes)} settings", value, expected, refuted)
