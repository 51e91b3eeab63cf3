"""All scripts of the tables and figures at toy size, from a bare copy of the repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tables import SCRIPTS, copy_of_repository, run_script


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """One copy for all scripts: they share samples."""
    return copy_of_repository(tmp_path_factory.mktemp("tables") / "copy")


@pytest.mark.parametrize("name", SCRIPTS)
def test_at_toy_size(name, folder):
    done = run_script(name, folder, "--toy")
    assert done.status == 0, done.out[-3000:] + done.err[-3000:]
    assert "Total time" in done.out
    for path in folder.glob("results/quickstart/toy-*.json"):
        if not path.name.endswith((".meta.json", ".timing.json")):
            assert all(entry["n_problems"] == 6 for entry in json.loads(path.read_text()))
