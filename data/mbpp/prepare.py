"""Read MBPP and write `data/mbpp/{train,test,ict}.json`:

    python -m data.mbpp.prepare --source mbpp.jsonl sanitized-mbpp.json MbppPlus.jsonl

Seeds are 170 problems of sanitized MBPP, or with `--seeds full` the 424 of method and README. Tests are the MBPP+ rows
where their file is given (the data file of a release, or its `OriginFmt`), else sanitized MBPP's own 257 test problems.
Files are distinguished by the fields of their rows; a folder or hub ids (`google-research-datasets/mbpp
evalplus/mbppplus`) will do too.
"""

from __future__ import annotations

import ast

from data import conversion, evalplus, flags, reading, writing
from data.reading import Dropped, Part
from data.writing import Task
from eval.registry import adapter
from utils.extract import bare_newlines
from utils.run import files
from utils.run.files import InputError

ORDER = ("train", "prompt", "validation")  # of the seeds; the published in-context list counts positions in it
SEEDS = {"sanitized": 170, "full": 424}
MBPP_PLUS, SANITIZED_TEST = 378, 257


def main() -> int:
    """Read, convert, judge and write; returns the exit status."""
    parser = flags.source_arguments(__doc__, "mbpp.jsonl, sanitized-mbpp.json, MBPP+ rows; files, a folder or hub ids")
    parser.add_argument("--seeds", choices=tuple(SEEDS), default="sanitized", help="training problems (default: 170)")
    args = flags.parse_flags(parser)
    parts = reading.read_sources(args.source, lambda name: "mbpp" in name.lower() and "ict" not in name.lower())
    kinds = by_kind(parts)
    if "sanitized" not in kinds:
        raise InputError("--source: sanitized MBPP is needed (rows with prompt, test_imports and test_list)")
    if args.seeds == "full" and "full" not in kinds:
        raise InputError("--seeds full: needs the full MBPP (rows with text and test_list) among --source")
    batches = {kind: conversion.convert(part, problem, adapter("mbpp")) for kind, part in kinds.items()}
    sanitized = batches["sanitized"].rows
    train = seeds(sanitized, batches["full"].rows if args.seeds == "full" else None)
    test = batches["plus"].rows if "plus" in batches else [row for row in sanitized if part_of(row["id"]) == "test"]
    task = Task("mbpp", {"train": [[row] for row in train], "test": [[row] for row in test]})
    task.expected = {"train": SEEDS[args.seeds], "test": MBPP_PLUS if "plus" in batches else SANITIZED_TEST}
    task.gold_timeout = evalplus.GOLD_TIMEOUT
    inputs = {part.name: part.digest for part in kinds.values()}
    published = seed_ids(kinds["sanitized"])
    if args.seeds == "sanitized":
        task.seeds = published
    path = conversion.examples_file(args, "ict_data_mbpp.json", "mbpp-ict_data.json", "ict_data.json")
    if path:
        entries, inputs[path.name] = conversion.read_examples(path)
        task.examples, task.examples_dropped = conversion.examples_by_position(entries, published)
    settings = {"seeds": args.seeds, "test": "MBPP+" if "plus" in batches else "sanitized"}
    used = [batches[kind] for kind in batches if kind != "full" or args.seeds == "full"]
    writing.write_tasks(adapter("mbpp"), [task], used, args, settings, inputs)
    return 0


def by_kind(parts: list[Part]) -> dict[str, Part]:
    """`sanitized`, `full` and `plus`: the parts of each joined (a hub data set has one a split)."""
    parts_by_kind: dict[str, list[Part]] = {}
    for part in parts:
        fields = {key for row in part.rows if isinstance(row, dict) for key in row}
        kind = "plus" if {"test", "assertion"} & fields else "full" if "text" in fields else "sanitized"
        if not {"test_list", "assertion"} & fields:
            raise InputError(
                f"{part.name}: its rows have no test_list, so it is no MBPP file; leave it out of --source"
            )
        parts_by_kind.setdefault(kind, []).append(part)
    if len(parts_by_kind.get("plus", ())) > 1:
        names = " and ".join(part.name for part in parts_by_kind["plus"])
        raise InputError(f"--source: {names} are both MBPP+; give one of them")
    return {kind: _joined(same) for kind, same in parts_by_kind.items()}


def _joined(parts: list[Part]) -> Part:
    return Part(
        "+".join(part.name for part in parts),
        [row for part in parts for row in part.rows],
        "+".join(part.digest for part in parts),
    )


def part_of(task_id: int) -> str:
    """The part of MBPP that an id lies in (Austin et al. 2021, section 2.1)."""
    return "prompt" if task_id <= 10 else "test" if task_id <= 510 else "validation" if task_id <= 600 else "train"


def seed_ids(sanitized: Part) -> list[int]:
    """Ids of sanitized MBPP's seeds in the published order, whatever becomes of their rows."""
    ids = [row["task_id"] for row in sanitized.rows if isinstance(row, dict) and isinstance(row.get("task_id"), int)]
    return [task_id for name in ORDER for task_id in sorted(ids) if part_of(task_id) == name]


def seeds(sanitized: list[dict], full: list[dict] | None) -> list[dict]:
    """Training problems in the published order; with `full` its whole training part instead of the sanitized one."""
    chosen = []
    for name in ORDER:
        rows = full if full is not None and name == "train" else sanitized
        chosen += sorted((row for row in rows if part_of(row["id"]) == name), key=lambda row: row["id"])
    return chosen


def problem(raw: dict, position: int) -> dict:
    """A row of MBPP, sanitized MBPP or MBPP+ as a row of a task file; Dropped."""
    task_id = reading.value_of(raw, (int, str), "task_id")
    task_number = str(task_id).removeprefix("Mbpp/")
    if not task_number.isdigit():
        raise Dropped("malformed task_id")
    code = bare_newlines(reading.text_of(raw, "code", "canonical_solution")).strip("\n") + "\n"
    if "assertion" in raw:
        row = plus_problem({**raw, "task_id": f"Mbpp/{task_number}"}, code)
    else:
        row = scripted_problem(raw, code)
    return {"id": int(task_number), "code": code, "verified": False, **row}


def plus_problem(raw: dict, code: str) -> dict:
    """What a row of MBPP+'s data file adds to its gold program: inputs are its tests, the prompt shows an assertion."""
    conversion.syntax_tree(code)
    try:
        prompt = str(ast.literal_eval(reading.text_of(raw, "prompt").strip()))
    except (SyntaxError, ValueError):
        raise Dropped("prompt is not a docstring") from None
    query, assertion, example = prompt.strip().partition("\nassert ")
    return {
        "query": query,
        "head": conversion.head_of(code, reading.text_of(raw, "entry_point")),
        "example": (assertion + example).strip(),
        **evalplus.tests_of(raw, code),
    }


def scripted_problem(raw: dict, code: str) -> dict:
    """What a row with `test_list` adds to its gold program, and its `test` where it is one of MBPP+."""
    base = _texts(raw, "test_list")
    setup = "\n".join(
        filter(None, [*_texts(raw, "test_imports"), reading.value_of(raw, str, "test_setup_code", default="")])
    )
    tests = {"test": {"style": "asserts", "setup": setup, "asserts": base}}
    if raw.get("test"):  # MBPP+: all inputs of the base tests and more, in one script
        tests = {
            "test": {**tests["test"], "asserts": [*base, reading.text_of(raw, "test")]},
            "base_test": tests["test"],
        }
    return {
        "query": reading.text_of(raw, "prompt", "text"),
        "head": conversion.head_of(code, entry_function(code, base)),
        **tests,
    }


def _texts(raw: dict, name: str) -> list[str]:
    texts = reading.value_of(raw, list, name, default=[])
    if not all(isinstance(text, str) for text in texts):
        raise Dropped(f"malformed {name}")
    return [bare_newlines(text) for text in texts]


def entry_function(code: str, tests: list[str]) -> str:
    """The function of the gold program that the first test calls; Dropped where it calls none."""
    functions = conversion.functions_of(conversion.syntax_tree(code))
    if not tests:
        raise Dropped("no tests")
    try:
        tree = ast.parse(tests[0])
    except SyntaxError:
        raise Dropped("test does not parse") from None
    called = [node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    tested = next((name for name in called if name in functions), None)
    if not tested:
        raise Dropped("gold code lacks the entry function")
    return tested


if __name__ == "__main__":
    files.run(main)
