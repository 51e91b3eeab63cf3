"""All scripts of the tables and figures at toy size, from a bare copy of the repository."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from tables import SCRIPTS, copy_of_repository, run_script


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """One copy for all scripts: they share samples."""
    return copy_of_repository(tmp_path_factory.mktemp("tables") / "copy")


@pytest.mark.parametrize("name", [*SCRIPTS, "replicate_model"])
def test_at_toy_size(name, folder):
    done = run_script(name, folder, "--toy")
    assert done.status == 0, done.out[-3000:] + done.err[-3000:]
    assert "Total time" in done.out
    made = re.findall(r"^python run_gen\.py .*--output_dir (\S+)", done.out, re.MULTILINE)
    for run in made:
        entries = json.loads((folder / f"results/quickstart/{run}.json").read_text())
        assert entries and all(entry["n_problems"] == 6 for entry in entries), run
    assert made or (name == "fig_diversity" and list(folder.glob("results/quickstart/toy-diversity-*.png")))


def test_a_replication_passes_over_finished_worlds(folder):
    asked = {"SEEDS": "0", "STRENGTHS": "0.5 0", "METHODS": "base sft rft gift"}
    first = run_script("replicate_world", folder, "--toy", **asked)
    assert first.status == 0, first.out[-3000:] + first.err[-3000:]
    assert "| GiFT - RFT" in first.out
    results = {path.name: path.read_bytes() for path in folder.glob("results/toy-replication/*.json")}
    assert len(results) == 8
    for path in folder.glob("data/models/world-toy-*"):
        shutil.rmtree(path)
    (folder / "results/toy-replication/toy-s0-r0-o0.5-sft.json").unlink()
    second = run_script("replicate_world", folder, "--toy", **asked)
    assert second.status == 0, second.out[-3000:] + second.err[-3000:]
    assert "toy-s0-r0.5-o0.5: 4 of 4 methods are finished" in second.out
    assert not (folder / "data/models/world-toy-s0-r0.5-o0").exists()  # not needed again
    again = {path.name: json.loads(path.read_text()) for path in folder.glob("results/toy-replication/*.json")}
    before = {name: json.loads(text) for name, text in results.items()}
    for found in (again, before):
        found["toy-s0-r0-o0.5-sft.json"].pop("minutes")
    assert again == before


def test_rounds_at_toy_size(tmp_path):
    """Sampling, scoring and two trainings, from a bare copy; a second call finds all of it done."""
    folder = copy_of_repository(tmp_path / "copy")
    done = run_script("ablation_rounds", folder, "--toy")
    assert done.status == 0, done.out[-2000:] + done.err[-2000:]
    found = {path.stem: json.loads(path.read_text()) for path in folder.glob("results/quickstart/toy-*-k2.json")}
    assert {entry[-1]["settings"].get("rounds") for entry in found.values()} == {"1-1", None}
    for (entry,) in found.values():
        assert (entry["method"], entry["sampler"], entry["seed"]) == ("GiFT", "gibbs", 1234)
        assert entry["sources"][0]["codes"]["sampler"] == "gibbs"
    assert any((folder / "results/quickstart/toy-rounds").iterdir())
    weights = [path.stat().st_mtime_ns for path in sorted(folder.glob("runs/toy/**/*.json"))]
    again = run_script("ablation_rounds", folder, "--toy", ROUNDS_USED="1-1")
    assert again.status == 0 and again.err.count("already exists") == 2, again.err[-2000:]
    changed = [path.stat().st_mtime_ns for path in sorted(folder.glob("runs/toy/**/code_r*.json"))]
    assert set(changed) <= set(weights)
