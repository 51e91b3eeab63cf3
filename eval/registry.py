"""Data set name -> adapter, and the problems of a task, from its prepared files or an installed package.

A new data set needs an `Adapter` subclass, an entry in ADAPTERS, and `data/<name>/prepare.py` to write its files.
"""

from __future__ import annotations

import copy
import hashlib
import sys

from eval.adapters import Apps, CodeInsight, Quickstart, World
from eval.humaneval import HumanEval
from eval.livecodebench import LiveCodeBench
from eval.mbpp import Mbpp
from eval.problem import Adapter, Problem
from utils.run import files, paths
from utils.run.files import InputError

ADAPTERS: dict[str, Adapter] = {
    a.name: a for a in (Apps(), CodeInsight(), HumanEval(), LiveCodeBench(), Mbpp(), Quickstart())
}


def adapter(dataset: str, prompt_newline: bool = False, raw_texts: bool = False) -> Adapter:
    """The adapter of a data set, with these settings of prompts; InputError for an unknown name."""
    if not World.is_name(dataset) and dataset not in ADAPTERS:
        raise InputError(f"--dataset {dataset}: unknown; choose one of {', '.join(sorted(ADAPTERS))}, world-<name>")
    chosen = World(dataset) if World.is_name(dataset) else copy.copy(ADAPTERS[dataset])
    chosen.prompt_end, chosen.raw_texts = "\n" if prompt_newline else "", raw_texts
    return chosen


def task_name(dataset: str, difficulty: str | None) -> str:
    """The folder of a task under `data/`: a difficulty of APPS+ or the data set's name; InputError on a bad pair."""
    tasks = adapter(dataset).tasks
    if tasks and difficulty not in tasks:
        given = f"unknown difficulty {difficulty}" if difficulty else "a difficulty is needed"
        raise InputError(f"--dataset {dataset}: {given}; give --difficulty {' | '.join(tasks)}")
    if not tasks and difficulty:
        raise InputError(f"--difficulty {difficulty}: --dataset {dataset} has no difficulties; leave the flag out")
    return difficulty if tasks else dataset


def dataset_of(task: str) -> str:
    """The data set that a task folder belongs to; InputError for an unknown task."""
    for name, known in ADAPTERS.items():
        if task in (known.tasks or (name,)):
            return name
    if World.is_name(task):
        return task
    names = [task for name, known in ADAPTERS.items() for task in (known.tasks or (name,))]
    raise InputError(f"--task {task}: unknown; choose one of {', '.join(names)}, world-<name>")


def _rows(dataset: str, task: str, split: str) -> tuple[list, str, str]:
    """Rows of a split, their source for messages, and the SHA-256 of that source."""
    path = paths.task_file(task, split)
    rows = None if path.exists() else adapter(dataset).rows(split)
    if rows is None:
        if hasattr(sys, "set_int_max_str_digits"):
            sys.set_int_max_str_digits(0)  # some tests have longer numbers
        rows = files.read_json(path, list, _remedy(dataset))
        return rows, str(path), files.sha256(path)
    return rows, f"the {split} problems of {dataset}", hashlib.sha256(files.dump(rows).encode()).hexdigest()


def _remedy(dataset: str) -> str:
    folder = f"data/{dataset}"
    return f"make it with python -m data.{dataset}.prepare, as {folder}/README.md says" if dataset in ADAPTERS else ""


def load(dataset: str, task: str, split: str) -> tuple[list[Problem], str]:
    """The problems of a split and the SHA-256 of their file.

    InputError names file, row and remedy where a row is malformed, an id is used twice or there is no problem, and for
    training problems of a data set that is for evaluation only.
    """
    if split == "train" and not adapter(dataset).trains and not paths.task_file(task, split).exists():
        raise InputError(
            f"--dataset {dataset}: for evaluation only, it has no training problems; give run_gen.py --eval_only, or "
            "another --dataset"
        )
    rows, source, digest = _rows(dataset, task, split)
    problems, seen = [], set()
    for index, row in enumerate(rows):
        try:
            problem = Problem.from_row(row)
        except ValueError as error:
            raise InputError(f"{source}: row {index}: {error}; prepare the file again or fix the row") from None
        if split == "train" and not problem.code.strip():
            raise InputError(f"{source}: row {index}: has no gold solution (code); such problems are for tests alone")
        if str(problem.id) in seen:
            raise InputError(f"{source}: row {index}: id {problem.id!r} is used twice; ids must be unique")
        seen.add(str(problem.id))
        problems.append(problem)
    if not problems:
        raise InputError(f"{source}: holds no problem; prepare the file again")
    return problems, digest


def load_examples(
    dataset: str, task: str, problems: list[Problem], raw_texts: bool = False
) -> tuple[dict[str, list[str]], str]:
    """In-context descriptions of gold codes, `{problem id: [description, ...]}`, and the SHA-256 of their file.

    Without an `ict.json` these are the seed descriptions. Entries whose problem is not among `problems` are left out;
    InputError where the file is malformed.
    """
    known = {str(problem.id) for problem in problems}
    if not paths.task_file(task, "ict").exists() and adapter(dataset).rows("ict") is None:
        return {str(problem.id): [problem.query] for problem in problems}, "seed descriptions"
    rows, source, digest = _rows(dataset, task, "ict")
    examples: dict[str, list[str]] = {}
    for index, row in enumerate(rows):
        if not (isinstance(row, list) and len(row) == 2 and isinstance(row[1], str) and row[1].strip()):
            raise InputError(f"{source}: entry {index}: expected [problem id, description]; fix or remove the entry")
        if str(row[0]) in known:
            examples.setdefault(str(row[0]), []).append(row[1] if raw_texts else row[1].strip())
    return examples, digest
