"""Read LiveCodeBench and write `data/livecodebench/test.json`:

    python -m data.livecodebench.prepare --source FOLDER --since 2024-08-01 --until 2025-01-31

FOLDER holds the files `test*.jsonl` of `code_generation_lite`. `--since` and `--until` keep the problems of contests in
that window, both days included: take those after a model's training data ends. There are no gold solutions, so nothing
is judged here and nothing can be trained on it.
"""

from __future__ import annotations

import argparse
import json
import re
from datetime import date
from functools import partial
from pathlib import Path

from data import conversion, reading, writing
from data.conversion import Batch
from data.livecodebench.payload import text_in
from data.reading import Dropped
from eval.livecodebench import MAIN
from eval.problem import entry_point
from eval.registry import adapter
from utils.report import tables
from utils.run.files import InputError, run

TASK = "livecodebench"
SCRIPTED = ("livecodebench/code_generation_lite", "livecodebench/code_generation")  # ids on the hub with a script
Window = tuple[date | None, date | None]  # first and last day
STDIN, FUNCTIONAL = "stdin", "functional"
READ_AND_WRITE = "Read the inputs from standard input, solve the problem and write the answer to standard output."


def main() -> int:
    """Read, convert and write; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", nargs="+", required=True, metavar="PATH", help="test*.jsonl files, or their folder")
    parser.add_argument("--since", metavar="YYYY-MM-DD", help="first day of contests")
    parser.add_argument("--until", metavar="YYYY-MM-DD", help="last day of contests")
    args = parser.parse_args()
    window = day_of("--since", args.since), day_of("--until", args.until)
    if all(window) and window[0] > window[1]:
        raise InputError(f"--since {args.since}: later than --until {args.until}; exchange them")
    batches, inputs = read(args.source, window)
    rows = [row for batch in batches for row in batch.rows]
    writing.print_rows(batches)
    if not rows:
        raise InputError("--source: no row became a problem, for the reasons above; data/livecodebench/README.md helps")
    settings = {"since": args.since, "until": args.until}
    counts = {"problems": len(rows), "verified": 0, "written": len(rows)}
    writing.write_split(TASK, "test", rows, counts, {"settings": settings, "inputs": inputs})
    print(platforms(rows))
    print("no gold solutions: nothing was judged, and no stage trains on this data set")
    writing.report_contamination([TASK])
    return 0


def day_of(flag: str, text: str | None) -> date | None:
    """The day that a flag names, or None without one; InputError where there is no such day."""
    try:
        if text is None or re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return None if text is None else date.fromisoformat(text)
    except ValueError:
        pass
    raise InputError(f"{flag} {text}: no such day; give it as YYYY-MM-DD")


def read(sources: list[str], window: Window) -> tuple[list[Batch], dict[str, str]]:
    """The problems of every file in the window, and the files' digests; raw rows are not kept, they are large."""
    batches, inputs, seen = [], {}, set()
    for source in files_of(sources):
        for part in reading.read_sources([source]):
            batches.append(conversion.convert(part, partial(problem, window=window), adapter(TASK), seen))
            inputs[part.name] = part.digest
    return batches, inputs


def files_of(sources: list[str]) -> list[str]:
    """Files, the `test*.jsonl` of folders, and hub ids; InputError for those whose loading script no longer runs."""
    files = []
    for source in sources:
        path = Path(source).expanduser()
        if path.is_dir():
            inside = sorted(str(file) for file in path.iterdir() if re.fullmatch(r"test\w*\.jsonl(\.gz)?", file.name))
            if not inside:
                raise InputError(f"--source {source}: the folder holds no test*.jsonl; README.md says where they are")
            files += inside
        elif source in SCRIPTED and not path.exists():
            raise InputError(
                f"--source {source}: the library datasets no longer runs its loading script; download its files "
                f"test*.jsonl (hf download {source} --repo-type dataset --local-dir FOLDER) and give --source FOLDER"
            )
        else:
            files.append(source)
    return files


def platforms(rows: list[dict]) -> str:
    """How many problems of each difficulty a platform has, and from when to when, as a table."""
    levels = sorted({level for row in rows for level in row["tags"].get("difficulty", ["unknown"])})
    lines = []
    for name in sorted({row["tags"].get("platform", ["unknown"])[0] for row in rows}):
        tags = [row["tags"] for row in rows if row["tags"].get("platform", ["unknown"])[0] == name]
        months = sorted(month for row_tags in tags for month in row_tags.get("month", []))
        counts = [sum(row_tags.get("difficulty", ["unknown"]) == [level] for row_tags in tags) for level in levels]
        lines.append([name, str(len(tags)), *map(str, counts), " to ".join(dict.fromkeys([*months[:1], *months[-1:]]))])
    return tables.markdown(["platform", "problems", *levels, "months"], lines)


# ---------------------------------------------------------------------------------------------------------------------
# Rows


def problem(raw: dict, position: int, window: Window = (None, None)) -> dict:
    """A row of LiveCodeBench, or of the layout that wraps statement and labels, as a row of a task file; Dropped."""
    day = contest_day(raw)
    if any(window) and day is None:
        raise Dropped("lacks contest_date")
    if (window[0] and day < window[0]) or (window[1] and day > window[1]):
        raise Dropped("outside the date window")
    made = wrapped(raw) if "labels" in raw else published(raw)
    if day:
        made["tags"]["month"] = [f"{day:%Y-%m}"]
    made["test"] = test_of(made.pop("cases"), made.pop("function"))
    stdin = made["test"]["stdin"]
    if stdin:
        made["query"] = f"{made['query'].strip()}\n\n{READ_AND_WRITE}"
    made["head"] = f"def {MAIN}():" if stdin else head_of(made["head"], made["test"]["fn_name"])
    if reading.not_utf8(made):
        raise Dropped("not UTF-8")
    return {**made, "code": "", "verified": False}


def published(raw: dict) -> dict:
    """The fields of a row of `code_generation_lite`, with its `cases` and the `function` they call; Dropped."""
    tags = {name: reading.value_of(raw, str, name, default="") for name in ("platform", "difficulty")}
    metadata = object_in(reading.value_of(raw, (str, dict), "metadata", default="{}"), "metadata")
    cases = [
        case
        for name in ("public_test_cases", "private_test_cases")
        for case in cases_in(reading.value_of(raw, (str, list), name, default="[]"), name)
    ]
    return {
        "id": reading.value_of(raw, (int, str), "question_id"),
        "query": reading.text_of(raw, "question_content"),
        "head": reading.value_of(raw, str, "starter_code", default=""),
        "tags": {name: [value] for name, value in tags.items() if value},
        "cases": cases,
        "function": reading.value_of(metadata, str, "func_name", default=None),
    }


def wrapped(raw: dict) -> dict:
    """The same of a row whose `content` is the whole prompt, `labels` name it and `test` is packed; Dropped."""
    labels = object_in(reading.text_of(raw, "labels"), "labels")
    content = reading.text_of(raw, "content")
    body = content.split("### Question:\n")[-1]
    statement, _, form = body.partition("\n### Format:")
    starter = re.search(r"```python\n(.*?)```", form, re.DOTALL)
    tests = object_in(text_in(reading.text_of(raw, "test")), "test")
    function = reading.value_of(tests, str, "fn_name", default=None)
    inputs, outputs = (reading.value_of(tests, list, name) for name in ("inputs", "outputs"))
    if len(inputs) != len(outputs):
        raise Dropped("inputs and outputs of different length")
    kind = FUNCTIONAL if function else STDIN
    tags = {"platform": labels.get("category"), "difficulty": labels.get("difficulty")}
    return {
        "id": reading.value_of(labels, (int, str), "task_id"),
        "query": statement,
        "head": starter[1] if starter and function else "",
        "tags": {name: [str(value)] for name, value in tags.items() if value},
        "cases": [{"input": a, "output": b, "testtype": kind} for a, b in zip(inputs, outputs, strict=True)],
        "function": function,
    }


def contest_day(raw: dict) -> date | None:
    """The day of the contest, None where the row has none; Dropped where that is no date."""
    text = reading.value_of(raw, str, "contest_date", default="")
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        raise Dropped("malformed contest_date") from None


def object_in(value: str | dict, name: str) -> dict:
    """The JSON object in a text; Dropped where there is none."""
    try:
        value = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        raise Dropped(f"malformed {name}") from None
    if not isinstance(value, dict):
        raise Dropped(f"malformed {name}")
    return value


def cases_in(value: str | list, name: str) -> list:
    """The test cases of a field: a list, its JSON, or that compressed; Dropped where it is none of these."""
    if isinstance(value, str) and not value.lstrip().startswith("["):
        value = text_in(value) if value.strip() else []
    try:
        cases = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        raise Dropped(f"malformed {name}") from None
    if not isinstance(cases, list) or not all(isinstance(case, dict) for case in cases):
        raise Dropped(f"malformed {name}")
    return cases


def test_of(cases: list[dict], function: str | None) -> dict:
    """The test of a problem: texts in and out, or calls of `function` with one JSON value a line; Dropped."""
    kinds = {str(case.get("testtype")) for case in cases}
    if not cases:
        raise Dropped("no tests")
    if len(kinds) > 1 or not kinds <= {STDIN, FUNCTIONAL}:
        raise Dropped("testtype neither stdin nor functional" if len(kinds) == 1 else "tests of both kinds")
    if not all(isinstance(case.get(name), str) for case in cases for name in ("input", "output")):
        raise Dropped("malformed test case")
    stdin = kinds == {STDIN}
    inputs, outputs = ([case[name] for case in cases] for name in ("input", "output"))
    if not stdin:
        if not function:
            raise Dropped("lacks func_name")
        try:
            inputs = [[json.loads(line) for line in text.split("\n") if line.strip()] for text in inputs]
            outputs = [json.loads(text) for text in outputs]
        except (ValueError, RecursionError):
            raise Dropped("malformed test case") from None
    return {"style": "io", "fn_name": None if stdin else function, "inputs": inputs, "outputs": outputs, "stdin": stdin}


def head_of(starter: str, function: str) -> str:
    """Starter code as a head; Dropped where it does not end with the opening of the function that is called."""
    try:
        if entry_point(starter) == function:
            return starter.rstrip()
    except ValueError:
        pass
    raise Dropped("starter_code does not open the function that is called")


if __name__ == "__main__":
    run(main)
