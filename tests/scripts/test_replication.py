"""The replication study: styles and distances against hand-computed values, its script, a toy world in all stages."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess

import numpy as np
import pytest
import warm
from small_world import prepare_in
from toy import REPOSITORY

from data.worlds import intents, joint, prepare
from data.worlds.grammar import WORDINGS, Reading, parse
from data.worlds.programs import STYLES
from eval import registry
from scripts.replication import (
    cells,
    codes,
    explain,
    losses,
    measure,
    prediction,
    pretrain,
    report,
    results,
    study,
    truth,
)
from scripts.replication.methods import METHODS
from scripts.replication.results import differences, loss_differences
from utils.report.statistics import Estimate
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


# The report


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


# The script


def script(*flags: str, **variables: str) -> str:
    command = ["bash", "scripts/replicate_world.sh", *flags]
    environment = {**os.environ, **variables}
    return subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, capture_output=True, text=True).stdout


def test_dry_run_shows_every_stage_of_every_world():
    before = set(REPOSITORY.glob("data/world-*"))
    shown = script("--dry_run", SEEDS="7", STRENGTHS="0 0.25", OBSCURITIES="0 1", PREFIX="dry-")
    assert "4 worlds of 2 base models" in shown
    for base in ("dry-s7-r0-o0", "dry-s7-r0.25-o0"):
        assert shown.count(f"scripts.replication.pretrain --name {base} --trunk dry-s7-r0-o0 ") == 1
    for world in ("dry-s7-r0-o0", "dry-s7-r0-o1", "dry-s7-r0.25-o0", "dry-s7-r0.25-o1"):
        assert shown.count(f"data.worlds.prepare --name {world} ") == 1
        lines = [line for line in shown.splitlines() if f"--dataset world-{world} " in line]
        stages = [line.split()[1] for line in lines]
        assert stages.count("run_gen.py") == 2 * len(METHODS)
        samplings = sum(bool(method.sampling) for method in METHODS.values()) + 1  # gift-covered needs two
        assert stages.count("seq_gibbs_sample.py") == samplings == 17
        assert stages.count("cal_ppl.py") == 7
        for kind in ("covered", "filled", "exact"):
            made = f"scripts.replication.codes --kind {kind} --name {world} "
            assert sum(made in line for line in shown.splitlines()) == 1
        base = world.replace("-o1", "-o0")
        models = {words[words.index("--model_name_or_path") + 1] for words in map(str.split, lines)}
        assert {model for model in models if model.startswith("data")} == {f"data/models/world-{base}"}
    for sampler in ("conditional", "rewrite", "gold", "gibbs"):
        assert f"--sampler {sampler} --save_dir runs/replication/dry-s7-r0.25-o1/{sampler} " in shown
    assert set(REPOSITORY.glob("data/world-*")) == before


# A toy world through the stages

STUDY = ["--rounds", "2", "--num_seq", "3", "--k", "2", "--epochs", "1", "--samples", "2", "--results", "toy"]


@pytest.fixture(scope="module")
def toy_study(tmp_path_factory):
    """A folder with a small world, a model that knows its seed problems by heart, and the study of two methods."""
    folder = tmp_path_factory.mktemp("replication")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        sizes = ["--seeds", "4", "--tests", "4", "--pretraining", "250", "--pairs", "1"]
        assert prepare.main(["--name", "toy", "--strength", "0.5", "--obscurity", "0.5", *sizes]) == 0
        source = "data/world-toy/pretrain.json"
        other = dict(read_json("data/world-toy/ict.json"))
        rows = read_json("data/world-toy/train.json")
        heart = [{"id": r["id"], "descriptions": [r["query"], other[r["id"]]], "code": r["code"]} for r in rows]
        write_json(source, [{**row, "slip": None} for row in heart] * 50, {})
        patch.setattr(pretrain, "HELD_OUT", 10_000)
        patch.setattr(pretrain, "COURSE", ((0.0, 0.5, 0.5), (0.0, 0.5, 0.5)))
        sizes = ["--trunk_steps", "240", "--steps", "40", "--batch_size", "16", "--hidden", "64", "--layers", "2"]
        assert pretrain.main(["--name", "toy", "--lr", "5e-3", *sizes]) == 0
        assert measure.main(["--name", "toy", "--samples", "1"]) == 0
    run_study(folder)
    return folder


def run_study(folder) -> str:
    command = [
        "-m",
        "scripts.replication.study",
        "--name",
        "toy",
        "--methods",
        "base",
        "rft",
        "gift",
        "gift-covered",
        "rft-filled",
        "exact",
        *STUDY,
    ]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = warm.run(command, folder, environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


def test_a_toy_study_ends_in_one_file_for_each_method(toy_study):
    folder = toy_study / "results" / "toy"
    assert sorted(path.name for path in folder.glob("*.json")) == [
        f"toy-{m}.json" for m in ("base", "exact", "gift-covered", "gift", "rft-filled", "rft")
    ]
    gift = read_json(folder / "toy-gift.json", dict)
    test = {row["id"] for row in read_json(toy_study / "data" / "world-toy" / "test.json")}
    assert set(gift["greedy"]) == set(gift["samples"]) == set(gift["distinct"]) == test
    assert all(n == 2 for n, _ in gift["samples"].values())
    rounds = gift["sampling"]["rounds"]
    assert [one["counts"]["samples"] for one in rounds] == [12, 12]
    kept = [one["counts"]["problems_passed"] for one in rounds]
    assert kept[0] > 0
    assert [sum(sum(row.values()) for row in one["styles"].values()) for one in rounds] == kept
    assert sum(n for n, _ in gift["sampling"]["codes"].values()) == sum(kept)
    obscure = len(gift["obscure"]["train"])
    assert 0 < obscure < 4
    last = rounds[-1]["covered"]
    assert (last["plain"][1], last["obscure"][1]) == (4 - obscure, obscure)
    assert last["plain"][0] + last["obscure"][0] == sum(n > 0 for n, _ in gift["sampling"]["codes"].values())
    assert set(gift["selection"]) == {"0.0", "1.0", "2.0", "4.0", "8.0", "16.0"}
    assert set(read_json(folder / "toy-rft.json", dict)["selection"]) == {"uniform"}
    assert 0 < gift["loss"]["marginal"] < 20
    training = read_json(folder / "toy-exact.json", dict)["training"]
    assert (training["problems"], training["rows"], training["steps"]) == (4, 4 + 4 * 2, 1)
    for method in ("rft", "gift-covered", "rft-filled"):  # what stage 3 has trained on, counted again
        rows = read_json(toy_study / "fixed_data" / "world-toy" / "0" / f"{method}-greedy.json")
        assert read_json(folder / f"toy-{method}.json", dict)["training"]["rows"] == len(rows)
    measured = read_json(folder / "toy-base.json", dict)["measured"]
    assert measured["pass"] == read_json(toy_study / "data" / "world-toy" / "measure.json", dict)["pass"]


def test_a_finished_study_is_not_run_again(toy_study):
    folder = toy_study / "results" / "toy"
    before = {path: path.read_bytes() for path in folder.glob("*.json")}
    (folder / "toy-rft.json").unlink()
    told = run_study(toy_study)
    assert "base-greedy" not in told
    assert "rft-greedy" in told
    again = {path: path.read_bytes() for path in folder.glob("*.json")}
    assert again == before


def test_what_is_missing_is_told_without_world_or_model(toy_study, tmp_path, monkeypatch, capsys):
    shutil.copytree(toy_study / "results" / "toy", tmp_path / "results" / "toy")
    monkeypatch.chdir(tmp_path)
    asked = ["--name", "toy", *STUDY, "--is_finished"]
    assert study.main(asked) == 1
    assert study.main([*asked, "--methods", "base", "rft", "gift"]) == 0
    assert capsys.readouterr().out == "toy: 6 of 19 methods are finished\ntoy: 3 of 3 methods are finished\n"
    with pytest.raises(InputError, match="made with k 2, now 3"):
        study.main([*asked, "--k", "3"])


def test_no_test_intent_in_any_training_file_of_a_study(toy_study):
    test = {row["id"] for row in read_json(toy_study / "data" / "world-toy" / "test.json")}
    files = list((toy_study / "fixed_data" / "world-toy").rglob("*.json"))
    rows = [row for file in files if not file.name.endswith(".meta.json") for row in read_json(file)]
    assert rows
    for row in rows:
        assert str(parse(row["prompt"].split('"""')[1].strip()).intent) == row["id"]
        assert row["id"] not in test


def test_the_report_is_drawn_from_the_files_alone(toy_study, tmp_path, capsys):
    for file in (toy_study / "results" / "toy").glob("*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert report.main(["--results", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "GiFT - RFT " in shown
    measured = read_json(tmp_path / "toy-base.json", dict)["measured"]
    assert f"{measured['pass_obscure']:.1%} | {measured['intent_kept']:.1%} |" in " ".join(shown.split())
    assert (tmp_path / "report.md").read_text() == shown.removesuffix("\n")
    for name in ("distance", "gain", "coverage"):
        assert (tmp_path / f"{name}.png").stat().st_size > 5000
    with pytest.raises(InputError, match="no results yet"):
        report.main(["--results", str(tmp_path / "none")])
    json.loads((tmp_path / "toy-gift.json").read_text())


@pytest.mark.filterwarnings("error")
def test_a_study_that_has_just_begun_has_a_report(toy_study, tmp_path, capsys):
    shutil.copy(toy_study / "results" / "toy" / "toy-base.json", tmp_path)
    assert report.main(["--results", str(tmp_path)]) == 0
    assert "| GiFT - RFT" not in capsys.readouterr().out
    assert (tmp_path / "distance.png").stat().st_size > 5000
