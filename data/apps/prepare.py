"""Read APPS+ or APPS and write `data/{introductory,interview,competition}/{train,test,ict}.json`:

    python -m data.apps.prepare --source data.json

Reads StepCoder's APPS+ JSON, rows of the original APPS, the files of the GiFT authors (`apps+valid-<difficulty>.json`,
`test.json`, in-context lists), a folder of such files, or a hub id. Solutions that are scripts become a function
`solve()`. README.md in this folder says more.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import re
from collections import Counter
from pathlib import Path

from data import conversion, flags, reading, writing
from data.apps import layout
from data.apps.examples import add_examples, is_list, list_of, lists_in
from data.apps.programs import function_names, programs_of, solutions_of
from data.conversion import Batch
from data.reading import Dropped, Part
from data.writing import Task
from eval.judge.compare import text_of
from eval.problem import entry_point
from eval.registry import adapter
from utils.extract import parse
from utils.run import files
from utils.run.files import InputError

TEST_PERCENT = 20
DIFFICULTIES = adapter("apps").tasks

# Field names differ from file to file.
STATEMENT = ("question", "query", "problem", "statement", "prompt", "problem_description", "description")
FUNCTION = ("fn_name", "function_name", "func_name", "entry_point", "method_name")
INPUT_TYPE = ("std_based", "input_type", "test_type", "type")
STARTER = ("starter_code", "starter")
ID = ("problem_id", "id", "task_id")
OPENS_FUNCTION = re.compile(r"^\s*(async[ \t]+)?def[ \t]+\w+", re.MULTILINE)


def main() -> int:
    """Read, convert, judge and write; returns the exit status."""
    parser = flags.source_arguments(__doc__, "files or folders with APPS+ or APPS, or a hub id")
    parser.add_argument("--difficulty", choices=DIFFICULTIES, help="of rows that do not say; others are left out")
    parser.add_argument("--max_tests", type=int, default=0, help="first N test cases alone (published: 10; 0: all)")
    args = flags.parse_flags(parser)
    if args.max_tests < 0:
        raise InputError(f"--max_tests {args.max_tests}: at least 0 is needed")
    lists = [Path(args.ict)] if args.ict else lists_in(args.source)
    parts = reading.read_sources(args.source, lambda name: not is_list(name), layout.read)
    batches, how = convert(parts, args.difficulty, args.max_tests)
    inputs = {part.name: part.digest for part in parts}
    tasks = [task_of(name, batches) for name in DIFFICULTIES]
    for task in (task for task in tasks if any(task.splits.values())):
        if path := list_of(task.name, lists):
            entries, inputs[f"{task.name} {path.name}"] = conversion.read_examples(path)
            add_examples(task, entries, batches)
    settings = {"max_tests": args.max_tests, "split": how, "difficulty": args.difficulty}
    writing.write_tasks(adapter("apps"), tasks, batches, args, settings, inputs)
    for task in tasks:
        if task.matched:
            print(
                "{0} ict: the problems of {matched} of {descriptions} descriptions found by {by}".format(
                    task.name, **task.matched
                )
            )
    return 0


def task_of(name: str, batches: list[Batch]) -> Task:
    """The problems of one difficulty."""
    splits: dict[str, list[list[dict]]] = {"train": [], "test": []}
    for row in (row for batch in batches for row in batch.rows if row["task"] == name):
        splits[row["split"]].append(versions(row))
    return Task(name, splits, expected={"train": f"{adapter('apps').expected[name]} with test"})


def convert(parts: list[Part], difficulty: str | None, max_tests: int) -> tuple[list[Batch], str]:
    """Problems of all parts, each with its `task` and `split`, and how the split was made."""
    part_splits = [reading.split_of(part.name) for part in parts]
    by_source = any(part_splits) or any(_split_of(row) for part in parts for row in part.rows)
    batches, seen, rows_before = [], set(), Counter()
    for part, split in zip(parts, part_splits, strict=True):
        part_difficulty = next((name for name in DIFFICULTIES if name in part.name), None)
        start = rows_before[split, part_difficulty]  # rows without an id are counted through the files of a kind
        rows_before[split, part_difficulty] += len(part.rows)

        def make(raw, position, split=split, part_difficulty=part_difficulty, start=start):
            row = problem(raw, start + position, max_tests, part_difficulty or difficulty)
            if difficulty and row["task"] != difficulty:
                raise Dropped("another difficulty")
            row["split"] = _split_of(raw) or split
            if by_source and not row["split"]:
                raise Dropped("no split given")
            row["split"] = row["split"] or by_hash(row["query"])
            return row

        batches.append(conversion.convert(part, make, adapter("apps"), seen))
    return batches, "the source's own" if by_source else f"hash of the statement, {TEST_PERCENT} % test"


def _split_of(row) -> str | None:
    """The split that a raw row gives."""
    split = row.get("split") if isinstance(row, dict) else None
    return reading.split_of(split) if isinstance(split, str) else None


def by_hash(statement: str) -> str:
    """A split that depends on the statement alone, so that the same one never stands in both."""
    digest = int(hashlib.sha256(" ".join(statement.split()).encode()).hexdigest(), 16)
    return "test" if digest % 100 < TEST_PERCENT else "train"


def problem(raw: dict, position: int, max_tests: int, difficulty: str | None) -> dict:
    """A raw row of any of the formats as a row of a task file, with `task` and the other solutions; Dropped."""
    name = str(raw.get("difficulty") or difficulty or "").lower()
    if name not in DIFFICULTIES:
        raise Dropped("unknown difficulty" if name else "lacks difficulty")
    tests = _tests(raw)
    inputs = reading.value_of(tests, list, "inputs", "input")
    outputs = reading.value_of(tests, list, "outputs", "output")
    if len(inputs) != len(outputs):
        raise Dropped("inputs and outputs of different length")
    starter = reading.value_of({**tests, **raw}, str, *STARTER, default="")
    function_name = reading.value_of({**raw, **tests}, str, *FUNCTION, default="")
    opening, query = _opening_and_statement(raw)
    names = [function_name] if function_name else function_names(starter) or function_names(opening)
    stdin = _reads_input({**tests, **raw}, bool(names), inputs)
    if not (stdin or names):
        raise Dropped("lacks fn_name")
    identity = reading.value_of(raw, (int, str), *ID, default=position)
    inputs, outputs = inputs[: max_tests or None], outputs[: max_tests or None]
    versions = [
        {
            "id": identity,
            "query": query,
            **program,
            "test": {"style": "io", "fn_name": entry_point(program["head"]), **values, "stdin": stdin},
            "verified": False,
            "tags": {"difficulty": [name], "input": ["standard input" if stdin else "call"], **tags},
        }
        for program in programs_of(solutions_of(raw), names, None if stdin else inputs, starter)
        for values, tags in _values(inputs, outputs, stdin)
    ]
    versions = [version for version in versions if _is_usable(version)] or versions  # which gives the reason
    return {**versions[0], "task": name, "others": versions[1:]}


def versions(row: dict) -> list[dict]:
    """The row of the task file, once for each gold program that can be used and each reading of its tests' values."""
    return [{key: value for key, value in row.items() if key not in ("task", "split", "others")}, *row["others"]]


def _is_usable(row: dict) -> bool:
    try:
        conversion.check(adapter("apps"), row)
    except Dropped:
        return False
    return True


def _values(inputs: list, outputs: list, stdin: bool) -> list[tuple[dict, dict]]:
    """Inputs and outputs of a test as they are, then with strings in quotes as literals, each with its tags."""
    if stdin:
        return [({"inputs": list(map(text_of, inputs)), "outputs": list(map(text_of, outputs))}, {})]
    read_inputs, read_outputs = _unquoted(inputs), _unquoted(outputs)
    readings = [
        ({"inputs": inputs, "outputs": outputs}, {}),
        ({"inputs": read_inputs, "outputs": read_outputs}, {"strings": ["literals"]}),
        ({"inputs": read_inputs, "outputs": outputs}, {"strings": ["literals among inputs"]}),
        ({"inputs": inputs, "outputs": read_outputs}, {"strings": ["literals among outputs"]}),
    ]
    return [pair for index, pair in enumerate(readings) if pair[0] not in [earlier[0] for earlier in readings[:index]]]


def _unquoted(value):
    """A value whose strings are read as Python wherever they are a string in quotes, as in `'"abc"'`."""
    if isinstance(value, list):
        return [_unquoted(item) for item in value]
    if isinstance(value, dict):
        return {_unquoted(key): _unquoted(item) for key, item in value.items()}
    if isinstance(value, str) and re.fullmatch(r"([\"']).*\1", value, re.DOTALL):
        with contextlib.suppress(ValueError):
            (line,) = parse(value).body
            literal = ast.literal_eval(line.value) if isinstance(line, ast.Expr) else None
            if isinstance(literal, str) and literal.encode("utf-8") is not None:  # half a character raises
                return literal
    return value


def _opening_and_statement(raw: dict) -> tuple[str, str]:
    """Starter code before the description of a problem ("" where there is none), and the description; Dropped.

    The description is a text, or the docstring of starter code, letter by letter and not as Python evaluates it:
    statements are full of backslashes, as in LaTeX. Without a docstring it is the comments.
    """
    text = reading.text_of(raw, *STATEMENT)
    opening, quotes, rest = re.split(r"(\"{3}|'{3}|\Z)", text, maxsplit=1)
    tree = _tree_of(opening) if OPENS_FUNCTION.search(opening) else None
    if quotes and (tree or OPENS_FUNCTION.search(opening) and _begins_as_code(opening)):
        inside, closing, _ = rest.rpartition(quotes)
        statement = inside if closing else rest
    elif not quotes and tree:
        is_bare = opening.rstrip().endswith(":")
        statement = _docstring(tree) or "\n".join(re.findall(r"#[ \t]*(.*)", text)) or ("" if is_bare else text)
    else:
        return "", text
    if not statement.strip():
        raise Dropped(f"empty {STATEMENT[0]}")
    return opening, statement


def _tree_of(opening: str) -> ast.Module | None:
    """The syntax tree of code whose last function may lack its body; None where it is no code."""
    for body in ("", f"\n{40 * ' '}pass"):
        with contextlib.suppress(ValueError):
            return parse(opening.rstrip() + body)
    return None


def _begins_as_code(text: str) -> bool:
    """Whether the first line that is no comment begins as code does."""
    first = next(line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#"))
    return bool(re.match(r"\s*(@|(async[ \t]+def|def|class|from|import)\b)", first))


def _docstring(tree: ast.Module) -> str:
    """The docstring of the last function that has one, in whatever quotes."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = [ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, functions)]
    return next(filter(None, docstrings[::-1]), "")


def _tests(raw: dict) -> dict:
    """The object that holds inputs and outputs: an inner one, or the row itself."""
    for key in ("input_output", "test", "tests"):
        if raw.get(key):
            tests = raw[key]
            if isinstance(tests, str):
                try:
                    tests = json.loads(tests)
                except (ValueError, RecursionError):
                    raise Dropped(f"malformed {key}") from None
            if not isinstance(tests, dict):
                raise Dropped(f"malformed {key}")
            return tests
    return raw


def _reads_input(fields: dict, has_function: bool, inputs: list) -> bool:
    """Whether programs read standard input: by the row's field, else if inputs are texts or there is no function.

    The field is a text or a truth value: true, or a number other than 0, is standard input, as published.
    """
    kind = next((fields[name] for name in INPUT_TYPE if fields.get(name) is not None), "")
    if isinstance(kind, (bool, int, float)):
        return bool(kind)
    if not isinstance(kind, str):
        raise Dropped(f"malformed {INPUT_TYPE[0]}")
    if "std" in kind.lower() or "standard" in kind.lower():
        return True
    if any(word in kind.lower() for word in ("call", "func", "fn")):
        return False
    has_texts = any(isinstance(value, str) for value in inputs) or not inputs
    has_values = any(not isinstance(line, str) for value in inputs if isinstance(value, list) for line in value)
    if has_texts and has_values:
        raise Dropped("texts and arguments among the inputs")
    return has_texts or not (has_function or has_values)


if __name__ == "__main__":
    files.run(main)
