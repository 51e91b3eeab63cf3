"""What the replication study measures, and codes of the truth, against values computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from small_world import prepare_in

from data.worlds import intents, joint
from data.worlds.grammar import WORDINGS, Reading
from data.worlds.programs import STYLES
from eval import registry
from scripts.replication import codes, losses, truth
from utils.run.files import InputError, read_json, write_json

INTENT = intents.read("numbers.odd.add:3.sum")  # has all styles: .30 .25 .20 .15 .10
LOOP = "def f(x):\n    t = 0\n    for v in x:\n        t = t + v\n    return t\n"
EXPRESSION = "def f(x):\n    return sum(x)\n"
RECURSION = "def f(x):\n    return x[0] + f(x[1:]) if x else 0\n"


# Distances


def test_noise_of_exact_draws_by_hand():
    assert truth.expected_distance((0.5, 0.5), 1) == pytest.approx(0.5)  # one draw is always half away
    assert truth.expected_distance((0.5, 0.5), 2) == pytest.approx(0.25)  # 0, 1, 2 heads: .5, 0, .5
    assert truth.expected_distance((0.25, 0.75), 2) == pytest.approx(0.25 * 9 / 16 + 0.25 * 6 / 16 + 0.75 / 16)
    assert truth.expected_distance((1.0, 0.0), 7) == 0
    law = (0.3, 0.25, 0.2, 0.15, 0.1)
    draws = np.random.default_rng(0).multinomial(40, law, size=20_000) / 40
    assert truth.expected_distance(law, 40) == pytest.approx(np.abs(draws - law).sum(axis=1).mean() / 2, rel=0.01)


def test_styles_are_counted_by_the_wording_of_the_seed_description():
    origins = [Reading(INTENT, "noun", False), Reading(INTENT, "noun", False), Reading(INTENT, "third", False)]
    counts = truth.count_styles(origins, [[LOOP, LOOP], [EXPRESSION], [RECURSION, "def f(x:"]])
    assert counts == {"noun": {"loop": 2, "expression": 1}, "third": {"recursion": 1, "other": 1}}


def test_distance_by_hand():
    laws = {"noun": {"loop": 0.5, "expression": 0.5}, "third": {"loop": 1.0, "expression": 0.0}}
    counts = {"noun": {"loop": 2}, "third": {"loop": 1, "other": 1}}
    far, noise = truth.distance(counts, laws)
    assert far == pytest.approx((0.5 + 0.5) / 2)
    assert noise == pytest.approx((0.25 + 0) / 2)
    assert all(math.isnan(value) for value in truth.distance({}, laws))


def test_distance_of_sets_by_hand():
    origins = [Reading(INTENT, "noun", False)] * 3
    far, noise = truth.set_distance(origins, [[LOOP, EXPRESSION], [RECURSION], []])
    assert far == pytest.approx(((0.45 + 0.45 + 0.1 + 0.2 + 0.15 - 0.45) / 2 + 0.9) / 2)
    assert noise == pytest.approx((truth.expected_distance((0.3, 0.25, 0.2, 0.15, 0.1), 2) + 1 - 0.225) / 2)


def test_laws_are_weighted_by_programs():
    other = intents.read("numbers.unique.sum")  # no helper
    laws = truth.mean_laws([Reading(INTENT, "noun", False), Reading(other, "noun", False)], [3, 1], truth.marginal)
    assert laws["noun"]["helper"] == pytest.approx(0.75 * 0.15)
    assert truth.law_distance({"noun": {"loop": 4}}, laws, {"noun": joint.style_marginal(INTENT)}) == pytest.approx(
        0.25 * 0.15
    )


def test_laws_of_the_samplers():
    origin = Reading(INTENT, "gerund", False)

    def left(sampler: str, round_: int) -> float:
        law = truth.sampler_law(origin, sampler, 0.5, round_)
        return joint.total_variation(law, truth.marginal(origin)) / 0.9

    assert [left("conditional", i) for i in (1, 2, 9)] == pytest.approx([0.5] * 3)
    for sampler in ("rewrite", "gold"):
        assert [left(sampler, i) for i in (1, 2, 9)] == pytest.approx([0.5, 0.125, 0.125])
    assert [left("gibbs", i) for i in (1, 2, 3)] == pytest.approx([0.5, 0.125, 0.03125])


def test_averages_of_losses_by_hand():
    table = {(0, w, s): float(s == joint.PARTNER[w]) for w in WORDINGS for s in STYLES}
    found = losses.averages(table, [INTENT], 1.0)
    assert found["joint"] == pytest.approx(1)  # wording decides
    assert found["marginal"] == pytest.approx(sum(p * p for p in joint.CHANCES))
    assert found["table"]["noun"] == {style: float(style == "expression") for style in STYLES}
    assert losses.averages(table, [INTENT], 0.0)["joint"] == found["marginal"]


def test_codes_of_problems_that_another_run_lacks_are_left_out(tmp_path):
    write_json(tmp_path / "codes.json", [["a", "b"], ["c"], []], {})
    write_json(tmp_path / "by.json", [["x"], [], ["y"]], {})
    flags = ["--kind", "covered", "--codes", str(tmp_path / "codes.json"), "--output", str(tmp_path / "left.json")]
    assert codes.main([*flags, "--by", str(tmp_path / "by.json")]) == 0
    assert read_json(tmp_path / "left.json") == [["a", "b"], [], []]
    write_json(tmp_path / "by.json", [["x"]], {})
    with pytest.raises(InputError, match="1 problems, but"):
        codes.main([*flags, "--by", str(tmp_path / "by.json")])
    with pytest.raises(InputError, match="--kind covered: --by is missing"):
        codes.main(flags)


def test_exact_codes_have_the_law_of_the_world_and_pass(tmp_path, monkeypatch):
    monkeypatch.chdir(prepare_in(tmp_path))
    asked = ["--name", "small", "--output", "codes.json"]
    assert codes.main([*asked, "--kind", "exact", "--k", "300"]) == 0
    problems = registry.load("world-small", "world-small", "train")[0]
    drawn, origins = read_json("codes.json"), truth.origins(problems)
    for problem, of_problem in zip(problems, drawn, strict=True):
        assert len(of_problem) == 300
        for program in set(of_problem):
            scope: dict = {}
            exec(program, scope)
            for inputs, output in zip(problem.test["inputs"], problem.test["outputs"], strict=True):
                assert scope["f"](*inputs) == output
    far, noise = truth.set_distance(origins, drawn)
    assert far < 1.5 * noise
    kept = [of_problem[:2] for of_problem in drawn[1:]]
    write_json("kept.json", [[], *kept], {})
    assert codes.main([*asked, "--kind", "filled", "--k", "3", "--codes", "kept.json"]) == 0
    assert read_json("codes.json") == [[problems[0].code] * 3, *kept]
