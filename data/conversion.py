"""From raw rows to problems, for every `data/<dataset>/prepare.py`: gold programs, rows, in-context descriptions."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from data.reading import Dropped, Part, read_bytes
from eval.problem import Adapter, Problem
from utils.extract import bare_newlines, find_function, parse, remove_docstrings, split_program, training_target
from utils.run.files import InputError


def syntax_tree(code: str) -> ast.Module:
    """The syntax tree of a gold program; Dropped where it does not parse."""
    try:
        return parse(code)
    except ValueError:
        raise Dropped("gold code does not parse") from None


def imports_of(tree: ast.Module) -> list[str]:
    """The import statements at the top level, each once."""
    imports = [ast.unparse(node) for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    return list(dict.fromkeys(imports))


def head_of(code: str, entry_point: str) -> str:
    """The head of a gold program: its imports, the entry function's `def` line, and the class it is in.

    Helpers and constants before the function are not in it. Dropped where the function is missing.
    """
    code = remove_docstrings(code)
    tree, lines = syntax_tree(code), bare_newlines(code).split("\n")
    try:
        function = find_function(tree, entry_point)
        above_body, _ = split_program(code, entry_point)
    except ValueError:
        raise Dropped("gold code lacks the entry function") from None
    owner = next((node for node in tree.body if isinstance(node, ast.ClassDef) and function in node.body), None)
    before = [node for node in tree.body if node.lineno < (owner or function).lineno]
    imports = [ast.get_source_segment(code, node) for node in before if isinstance(node, (ast.Import, ast.ImportFrom))]
    opening = above_body.split("\n")[_first_line(function) - 1 :]
    if owner:
        opening = [*lines[_first_line(owner) - 1 : owner.body[0].lineno - 1][: _class_lines(owner, lines)], *opening]
    return "\n".join([*imports, *([""] if imports else []), *opening])


def _first_line(node) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _class_lines(owner: ast.ClassDef, lines: list[str]) -> int:
    """How many lines the opening of a class takes, from its first decorator to its colon."""
    first = _first_line(owner)
    for last in range(owner.lineno, owner.body[0].lineno + 1):
        try:
            parse("\n".join([*lines[first - 1 : last], "    pass"]))
            return last - first + 1
        except ValueError:
            continue
    raise Dropped("gold code does not parse")


def raw_head(code: str, function: str) -> str:
    """All that stands in a gold program before its entry function's body: imports, helpers, constants."""
    return split_program(remove_docstrings(code), function)[0]


def functions_of(tree: ast.Module) -> list[str]:
    """Names of the functions at the top level."""
    return [node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


# ---------------------------------------------------------------------------------------------------------------------
# From raw rows to problems


@dataclass
class Batch:
    """Problems made of one part, with the number of rows read and the reasons for those that were dropped."""

    name: str
    read: int = 0
    rows: list[dict] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)  # of `rows` among the rows read
    dropped: Counter = field(default_factory=Counter)


def convert(part: Part, make: Callable[[dict, int], dict], adapter: Adapter, seen: set | None = None) -> Batch:
    """Make a problem of every raw row: `make(row, position)` returns the row of a task file, or raises Dropped.

    `seen` holds the ids used so far, where several parts make one file.
    """
    batch, seen = Batch(part.name), set() if seen is None else seen
    for position, raw in enumerate(part.rows):
        batch.read += 1
        try:
            if isinstance(raw, Dropped):
                raise raw
            if not isinstance(raw, dict):
                raise Dropped("not an object")
            row = make(raw, position)
            check(adapter, row)
            key = (row.get("task"), row.get("split"), str(row["id"]))
            if key in seen:
                raise Dropped("id used twice")
        except (Dropped, RecursionError) as reason:
            batch.dropped[str(reason) if isinstance(reason, Dropped) else "nested too deeply"] += 1
            continue
        seen.add(key)
        batch.rows.append(row)
        batch.positions.append(position)
    return batch


def ids_by_position(part: Part, batch: Batch) -> list:
    """The ids of a part's rows in their order; None for a row that became no problem."""
    ids = [None] * len(part.rows)
    for position, row in zip(batch.positions, batch.rows, strict=True):
        ids[position] = row["id"]
    return ids


def check(adapter: Adapter, row: dict) -> None:
    """Dropped where `row` is no problem, or its prompt or what a model would learn from it is no Python."""
    if not row["query"].strip():
        raise Dropped("empty description")
    test = row["test"]
    if test["style"] == "io" and len(test["inputs"]) != len(test["outputs"]):
        raise Dropped("inputs and outputs of different length")
    if not test.get("inputs", test.get("asserts", True)):
        raise Dropped("no tests")
    try:
        problem = Problem.from_row(row)
    except ValueError:
        raise Dropped("malformed row") from None
    try:
        prompt = adapter.code_prompt(problem, problem.query)
        find_function(parse(prompt), problem.entry_point)
        if problem.code and not problem.prompt:
            parse(prompt + training_target(problem.code, problem.entry_point))
    except ValueError:
        raise Dropped("prompt or target does not parse") from None


# ---------------------------------------------------------------------------------------------------------------------
# In-context descriptions


def read_examples(path: Path) -> tuple[list, str]:
    """A list of in-context descriptions as it was published, and its SHA-256: pairs, or bare strings."""
    raw = read_bytes(path)
    try:
        entries = json.loads(raw.decode("utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON ({error}); fetch the file again") from None
    if not isinstance(entries, list):
        raise InputError(f"{path}: expected a list of in-context descriptions at the top level")
    return entries, hashlib.sha256(raw).hexdigest()


def examples_file(args, *names: str) -> Path | None:
    """The in-context list to read: `--ict`, or the first file of a published name in a folder given as `--source`."""
    if args.ict:
        return Path(args.ict)
    files = [Path(source) / name for name in names for source in args.source]
    return next((file for file in files if file.is_file()), None)


def examples_by_position(entries: list, ids: list) -> tuple[list[list], Counter]:
    """Descriptions whose numbers are positions in `ids` (None: dropped there), as `[[problem id, text], ...]`."""
    kept, dropped = [], Counter()
    for entry in entries:
        if not (isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], int)):
            dropped["not a pair"] += 1
        elif not (isinstance(entry[1], str) and clean_description(entry[1])):
            dropped["empty description"] += 1
        elif not 0 <= entry[0] < len(ids) or ids[entry[0]] is None:
            dropped["no such problem"] += 1
        else:
            kept.append([ids[entry[0]], entry[1]])
    return kept, dropped


def clean_description(text: str) -> str:
    """A description without the comment sign that models tend to begin with."""
    return "\n".join(re.sub(r"^#+\s*", "", line) for line in text.strip().split("\n")).strip()
