"""The replication study: its script, and a toy world through all stages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest
import warm
from toy import REPOSITORY

from data.worlds import prepare
from data.worlds.grammar import parse
from scripts.replication import measure, pretrain, report, study
from scripts.replication.methods import METHODS
from utils.run.files import InputError, read_json, write_json


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
