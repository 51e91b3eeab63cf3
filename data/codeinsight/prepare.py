"""Read CodeInsight and write `data/codeinsight/{train,test,ict}.json`:

    python -m data.codeinsight.prepare --source CodeInsight

Read is a clone of its repository (one folder a problem: `.cfg`, `nl.txt`, `code.txt`, `prompt.txt`,
`unit_tests/test_*.py`), row files whose names hold `train` or `test` (`codeinsight-train.jsonl`), or a hub id.
"""

from __future__ import annotations

import ast
import configparser
import hashlib
from collections import Counter
from pathlib import Path

from data import conversion, flags, reading, writing
from data.reading import Dropped, Part
from data.writing import Task
from eval.registry import adapter
from utils.extract import bare_newlines, parse
from utils.run.files import InputError, run

ENTRY = "test"  # the function of nearly every problem
SPLITS = ("train", "test")
ASSERTING = ("assert", "raises", "fail")  # what the names of calls that check something begin with, or are


def main() -> int:
    """Read, convert, judge and write; returns the exit status."""
    parser = flags.source_arguments(__doc__, "a clone of the repository, row files or their folder, or a hub id")
    args = flags.parse_flags(parser)
    parts = read(args.source)
    batches = {split: conversion.convert(part, problem, adapter("codeinsight")) for split, part in parts.items()}
    task = Task("codeinsight", {split: [[row] for row in batch.rows] for split, batch in batches.items()})
    task.expected = adapter("codeinsight").expected
    inputs = {part.name: part.digest for part in parts.values()}
    path = conversion.examples_file(args, "ict_data_codeinsight.json", "ict_data.json")
    if "train" in parts:
        task.seeds = conversion.ids_by_position(parts["train"], batches["train"])
        if path:
            entries, inputs[path.name] = conversion.read_examples(path)
            task.examples, task.examples_dropped = examples(entries, task.seeds)
    writing.write_tasks(adapter("codeinsight"), [task], list(batches.values()), args, {}, inputs)
    for split, batch in batches.items():
        idle = {row["id"]: [cannot_fail(script) for script in row["test"]["asserts"]] for row in batch.rows}
        scripts, problems = sum(map(sum, idle.values())), [key for key, per_split in idle.items() if all(per_split)]
        print(f"codeinsight {split}: {scripts} unit tests cannot fail; no test can in problems {problems}")
    return 0


def read(sources: list[str]) -> dict[str, Part]:
    """The rows of each split."""
    parts: list[Part] = []
    for source in sources:
        folder = Path(source).expanduser()
        folder_parts = [part for part in map(read_folder, split_folders(folder)) if part] if folder.is_dir() else []
        parts += folder_parts or reading.read_sources(
            [source], lambda name: "codeinsight" in name.lower() and reading.split_of(name)
        )
    splits: dict[str, Part] = {}
    for part in parts:
        split = reading.split_of(part.name)
        if split is None:
            raise InputError(f"{part.name}: its name holds neither train nor test, so its split is unknown; rename it")
        if split in splits:
            raise InputError(f"{part.name}: a second file of the {split} split; name one in --source")
        splits[split] = part
    return {split: splits[split] for split in SPLITS if split in splits}


def split_folders(folder: Path) -> list[Path]:
    """`train` and `test` in the folder itself or in a folder inside, or the folder where it is one of them."""
    if folder.name in SPLITS:
        return [folder]
    folders = [folder, *sorted(subfolder for subfolder in folder.iterdir() if subfolder.is_dir())]
    return next(
        ([p / s for s in SPLITS if (p / s).is_dir()] for p in folders if any((p / s).is_dir() for s in SPLITS)), []
    )


def read_folder(folder: Path) -> Part | None:
    """The problems of one split of the repository, by number; None where the folder holds none."""
    folders = [subfolder for subfolder in folder.iterdir() if subfolder.is_dir() and subfolder.name.isdigit()]
    digest, rows = hashlib.sha256(), []
    for subfolder in sorted(folders, key=lambda subfolder: int(subfolder.name)):
        try:
            rows.append(read_problem(subfolder, digest))
        except Dropped as reason:
            rows.append(reason)
    return Part(folder.name, rows, digest.hexdigest()) if rows else None


def read_problem(folder: Path, digest) -> dict:
    """One folder of the repository as a row; Dropped where a file is missing or is no text."""
    files = [folder / name for name in ("nl.txt", "code.txt", "prompt.txt", ".cfg")]
    tests = sorted((folder / "unit_tests").glob("test_*.py"), key=lambda file: (len(file.name), file.name))
    texts = {}
    for file in [*files, *tests]:
        if not file.is_file():
            if file.name == "prompt.txt":
                continue
            raise Dropped(f"lacks {file.name}")
        raw = file.read_bytes()
        digest.update(f"{file.relative_to(folder.parent)} {len(raw)} ".encode() + raw)
        try:
            texts[file.name] = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise Dropped("not UTF-8") from None
    labels = read_labels(texts[".cfg"])
    scripts = [texts[file.name] for file in tests]
    return {
        "task_id": int(folder.name),
        "nl": texts["nl.txt"],
        "code": texts["code.txt"],
        "unit_tests": scripts,
        **labels,
    }


def read_labels(text: str) -> dict:
    """Libraries and labels in a `.cfg` file; Dropped where it is none."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
        labels = {
            "lib": ast.literal_eval(parser.get("library", "lib", fallback="[]")),
            "labels": ast.literal_eval(parser.get("labels", "labels", fallback="[]")),
        }
    except (configparser.Error, ValueError, SyntaxError):
        raise Dropped("malformed .cfg") from None
    return labels


def problem(raw: dict, position: int) -> dict:
    """A row of CodeInsight as a row of a task file; Dropped."""
    code = bare_newlines(reading.text_of(raw, "code")).strip("\n") + "\n"
    tests = [bare_newlines(text) for text in reading.value_of(raw, list, "unit_tests") if isinstance(text, str)]
    tree = conversion.syntax_tree(code)
    functions = conversion.functions_of(tree)
    if not functions:
        raise Dropped("gold code lacks the entry function")
    return {
        "id": reading.value_of(raw, (int, str), "task_id", "id", default=position),
        "query": reading.text_of(raw, "nl"),
        "head": conversion.head_of(code, ENTRY if ENTRY in functions else functions[-1]),
        "code": code,
        "test": {
            "style": "asserts",
            "setup": "\n".join(conversion.imports_of(tree)),
            "asserts": tests,
            "prelude": adapter("codeinsight").prelude,
        },
        "verified": False,
        "tags": {
            "library": reading.value_of(raw, list, "lib", default=[]),
            "label": reading.value_of(raw, list, "labels", default=[]),
        },
    }


def statements(script: str) -> list[ast.stmt]:
    """The statements of a script; none where it does not parse."""
    try:
        return parse(script).body
    except ValueError:
        return []


def cannot_fail(script: str) -> bool:
    """Whether a unit test checks nothing: no assert, no raise, no call that raises where a value is wrong.

    A test that does not parse never passes.
    """
    nodes = [node for statement in statements(script) for node in ast.walk(statement)]
    checks = (isinstance(n, (ast.Assert, ast.Raise)) or (isinstance(n, ast.Call) and _asserts(n)) for n in nodes)
    return bool(nodes) and not any(checks)


def _asserts(call: ast.Call) -> bool:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    return name.lower().startswith(ASSERTING)


def examples(entries: list, seeds: list) -> tuple[list[list], Counter]:
    """The published descriptions, whose numbers are positions among the 1,547 training rows, not ids."""
    expected = adapter("codeinsight").expected["train"]
    if len(seeds) != expected:
        return [], Counter({f"position among {expected} rows": len(entries)})
    return conversion.examples_by_position(entries, seeds)


if __name__ == "__main__":
    run(main)
