"""Fixtures that several test files share."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

# A test run in the background of a shell, or under nohup, ignores these, and what a test starts and interrupts would
# inherit that; a handler is not inherited.
for number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, lambda *_: None)

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
# A test file may use what one of another folder defines.
sys.path += [str(folder) for folder in sorted(Path(__file__).resolve().parent.iterdir()) if folder.is_dir()]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Path:
    """Folder of a tiny model that has learnt the toy problems."""
    import toy

    return toy.write_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def toy_task(tmp_path) -> Path:
    """A working folder with the toy problems as the APPS+ task `introductory`."""
    import toy

    return toy.write_task(tmp_path)


@pytest.fixture
def prepared(tmp_path, monkeypatch, capsys):
    """A bare folder in which commands of data/ are run in this process."""
    from preparing import Prepared

    return Prepared(tmp_path, monkeypatch, capsys)


@pytest.fixture
def evaluate(tmp_path):
    """Run the command in a bare folder on these rows; returns exit status, the last line, results, standard error."""

    def run(dataset: str, rows: list[dict] | str | None, *flags: str):
        file = tmp_path / "samples.jsonl"
        if rows is not None:
            text = rows if isinstance(rows, str) else "".join(json.dumps(row) + "\n" for row in rows)
            file.write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "eval.evaluate", "--dataset", dataset, "--samples", "samples.jsonl", *flags]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
            capture_output=True,
            text=True,
            check=False,
        )
        output = tmp_path / "samples.jsonl_results.jsonl"
        results = [json.loads(line) for line in output.read_text().splitlines()] if output.exists() else None
        last = json.loads(done.stdout.splitlines()[-1]) if done.stdout else None
        return done.returncode, last, results, done.stderr

    return run
