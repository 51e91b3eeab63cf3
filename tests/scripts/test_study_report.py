"""Tables and prediction of the replication study, on results made by hand."""

from __future__ import annotations

import json
import math

import pytest

from scripts.replication import cells, explain, prediction, results
from scripts.replication.results import differences, loss_differences
from utils.report.statistics import Estimate
from utils.run.files import InputError


def test_differences_are_paired_by_seed_and_problem_and_by_telling():
    def result(**counts):
        return {"greedy": counts, "obscure": {"test": ["b"]}}

    first = {0: result(a=[1, 1], b=[1, 0]), 1: result(a=[2, 1])}
    second = {0: result(b=[1, 1], a=[1, 1]), 2: result(a=[1, 1])}
    assert differences(first, second, decoding="greedy") == [[0, -1]]
    assert differences(first, second, decoding="greedy", telling="obscure") == [[-1]]
    assert differences(first, second, decoding="greedy", telling="plain") == [[0]]


def test_coverage_is_counted_by_telling_over_seeds():
    def result(*rounds):
        return {"sampling": {"rounds": [{"covered": {"plain": plain, "obscure": [0, 0]}} for plain in rounds]}}

    assert results.covered([result([1, 4], [3, 4]), result([0, 6], [2, 6])], ["plain"]) == [0.1, 0.5]
    assert results.covered([result([1, 4])], ["obscure"]) == []


def test_growth_is_paired_by_seed_over_all_strengths():
    def result(rate):
        return {"samples": {"a": [10, rate]}, "obscure": {"test": []}}

    found = {}
    for strength, obscurity, gains in ((0, 0, (1, 2, 0)), (0, 1, (4, 4, 9)), (0.5, 0, (0, 0)), (0.5, 1, (1, 4))):
        gift, rft = {s: result(gain) for s, gain in enumerate(gains)}, {s: result(0) for s in range(3)}
        found[results.Setting(strength, obscurity)] = {"gift": gift, "rft": rft}
    over_strengths = results.over_strengths(found, "gift", "rft", 1)
    assert over_strengths == pytest.approx({0: (0.4 + 0.1) / 2, 1: 0.4})  # seed 2 is not finished
    change = results.growth(found, "gift", "rft", (0, 1))
    assert change.mean == pytest.approx(((0.3 + 0.1) / 2 + (0.2 + 0.4) / 2) / 2)
    assert results.growth(found, "gift", "rft", (0, 1), {0}).mean == pytest.approx((0.3 + 0.2 + 0.9) / 3)
    assert results.growth(found, "gift", "sft", (0, 1)) is None


def test_p_values_are_corrected_for_a_line_with_the_cells_that_have_none_yet():
    def change(p):
        return Estimate(0.01, (-0.01, 0.03), p)

    line = [change(0.01), None, change(math.nan), change(0.02), Estimate(0.02, (math.nan, math.nan), math.nan)]
    assert cells.corrected_points(line) == [
        "+1.0 (-1.0 to +3.0), p = 0.040", "", "+1.0 (-1.0 to +3.0)", "+1.0 (-1.0 to +3.0), p = 0.060", "+2.0"
    ]  # fmt: skip


def test_cells_of_some_seeds_name_them():
    by_method = {"base": {0: {}, 3: {}, 4: {}}, "rft": {0: {}, 3: {}, 4: {}}, "gift": {3: {}, 0: {}}}
    assert cells.of_seeds("+1.0", by_method, "rft") == "+1.0"
    assert cells.of_seeds("+1.0", by_method, "gift", "rft") == "+1.0 [seeds 0, 3]"
    assert cells.of_seeds("", by_method, "gift") == ""


def world_of_rates(covered=(6, 9), **passed) -> dict:
    """Results of some seeds, of a plain and an obscure test problem: passed of 10,000 samples, by method and seed.

    RFT has codes for the first of `covered`, the others for the second, out of 10 seed problems.
    """

    def result(method, plain, obscure):
        rounds = [{"covered": {"plain": [0, 0], "obscure": [n, 10]}} for n in (0, covered[method != "rft"])]
        samples = {"p": [10_000, round(100 * plain)], "o": [10_000, round(100 * obscure)]}
        return {"samples": samples, "obscure": {"test": ["o"]}, "sampling": {"rounds": rounds}}

    return {m: {s: result(m, *rates) for s, rates in enumerate(by_seed)} for m, by_seed in passed.items()}


def predicted(given: dict) -> dict[str, tuple[str, str]]:
    """Row -> result and outcome."""
    lines = prediction.section_of_prediction(given).splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")][2:]
    return {number: (result, outcome) for number, _, result, outcome in rows}


def test_the_prediction_is_judged_by_its_rules():
    same = [(50, 50)] * 3
    gaining = [(56, 56), (55, 55), (57, 57)]
    given = {
        results.Setting(0, 0): world_of_rates(rft=same, gift=same, **{"rft-gd": same, "ssd": [(40, 40)] * 3}),
        results.Setting(0, 0.5): world_of_rates(rft=same, gift=[(50, 60), (51, 62), (50.5, 64)]),
        results.Setting(0, 1): world_of_rates(
            rft=same, gift=gaining, **{"gift-covered": [(52, 52)] * 3, "rft-rd": [(53, 55)] * 3, "rft-gd": gaining}
        ),
    }
    found = predicted(given)
    assert found["1"] == ("+6.0 (+3.5 to +8.5), p = 0.009; at 0: +0.0; at 1: +6.0", "as expected")
    assert found["3"][0].startswith("+4.0 (+1.5 to +6.5), p = 0.020 of +6.0") and found["3"][1] == "as expected"
    assert found["4"] == ("+0.0 to +0.0", "as expected")
    assert found["5"][1] == "refuted", "4 points are more than half of 6"
    assert found["6"][0].startswith("+0.5") and found["6"][1] == "as expected"
    assert found["9"] == ("-10.0 to -10.0", "as expected")
    assert found.keys() == {"1", "2", "3", "4", "5", "6", "9"}, "no fall-back and no rarity yet"
    less = [(51, 51), (50, 50), (49, 49)]
    given[results.Setting(0, 1)] = world_of_rates(rft=same, gift=less, **{"rft-gd": [(45, 45), (44, 45), (43, 43)]})
    given[results.Setting(0, 0.5)] = world_of_rates(rft=same, ssd=[(51, 50)] * 3)
    found = predicted(given)
    assert found["1"] == ("+0.0 (-2.5 to +2.5), p = 1.000; at 0: +0.0; at 1: +0.0", "refuted")
    assert found["4"][1] == "refuted" and found["9"][1] == "refuted"


@pytest.mark.parametrize(
    ("rft", "gift", "outcome"), [(7, 10, "as expected"), (8, 10, "neither"), (9, 9, "refuted"), (10, 10, "refuted")]
)
def test_coverage_of_the_prediction(rft, gift, outcome):
    given = {results.Setting(0, 1): world_of_rates((rft, gift), rft=[(1, 1)], gift=[(1, 1)])}
    shown = f"{rft / 10:.1%} and {gift / 10:.1%}" + "; RFT covers more than 90 %: nothing is tested" * (rft == 10)
    assert predicted(given)["2"] == (shown, outcome)


@pytest.mark.parametrize(("gain", "outcome"), [(0.4, "as expected"), (1.5, "refuted")])
def test_selection_is_judged_against_uniform(gain, outcome):
    uniform, rarity = [(50, 50)] * 3, [(50 + gain, 50 + gain + more) for more in (0, 0.02, 0.04)]
    by_method = world_of_rates(gift=uniform, **{"gift-uniform": uniform, "gift-rarity": rarity})
    assert predicted({results.Setting(0, 0): by_method})["8"][1] == outcome


def test_outcomes_are_provisional_while_a_method_lacks_a_seed():
    complete = world_of_rates(**dict.fromkeys(prediction.NAMED, [(1, 1), (2, 2)]))
    given = {results.Setting(0, 0): complete, results.Setting(0, 1): {**complete, "exact": {}}}
    assert "Provisional" not in prediction.section_of_prediction(given)
    given[results.Setting(0, 1)] = {**complete, "gift-rarity": {0: complete["rft"][0]}}
    assert "Provisional" in prediction.section_of_prediction(given)


def test_results_that_do_not_belong_together_are_refused(tmp_path):
    def result(seed, **settings):
        world = {"strength": 0.5, "obscurity": 1, "seed": seed}
        return {"world": world, "method": "rft", "settings": {"name": f"s{seed}", "seed": seed, "k": 8, **settings}}

    def write(number, one):
        (tmp_path / f"{number}.json").write_text(json.dumps(one))

    write(0, result(0))
    write(1, result(1))
    assert results.read(tmp_path) == {results.Setting(0.5, 1): {"rft": {0: result(0), 1: result(1)}}}
    write(2, result(1))
    with pytest.raises(InputError, match="2.json: a second result of strength 0.5, obscurity 1, seed 1"):
        results.read(tmp_path)
    write(2, result(2, k=4))
    with pytest.raises(InputError, match="2.json: was made with other settings than .*0.json"):
        results.read(tmp_path)


def test_test_problems_are_grouped_by_their_operations():
    tested = ("numbers.odd.sum", "numbers.add:2.sum", "numbers.odd.add:2", "numbers.add:4.sum")
    kept = {
        "rft": {"numbers.odd.negate": [1, 1], "numbers.negative.sum": [2, 1], "numbers.add:4.product": [0, 0]},
        "gift": {"numbers.odd.negate": [1, 1], "numbers.negative.sum": [1, 1], "numbers.add:2.product": [3, 2]},
    }
    by_method = {name: {7: {"sampling": {"codes": codes}}} for name, codes in kept.items()}
    by_method["base"] = {7: {"samples": dict.fromkeys(tested)}}
    groups = explain.operation_groups(by_method, 7)
    assert list(groups.values()) == ["rft", "gift", "gift", "none"]


def test_losses_are_compared_seed_by_seed():
    first, second = (
        {s: {"loss": {"marginal": value}} for s, value in own.items()} for own in ({0: 2, 2: 5, 3: 1}, {2: 3, 0: 1})
    )
    assert loss_differences(first, second) == [1, 2]
