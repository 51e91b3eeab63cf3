"""Judge many candidate programs: `python -m eval.judge --input candidates.jsonl --output verdicts.jsonl`.

Input rows `{"id", "code", "test"}` (other keys are ignored), output rows in the same order `{"id", "passed", "verdict",
"detail", "seconds", "mode"}`. `seconds` is the CPU time of the candidate; `mode` says whether it ran `together` with
its test or `apart` from it (README.md in this folder).
"""

from __future__ import annotations

import argparse
import collections
import itertools
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from eval.judge.flags import add_arguments, options_of
from eval.judge.pool import Judge, JudgeOptions
from eval.judge.styles import fault_in_test
from utils.run.files import InputError, run, write_text


def read_rows(path: str) -> Iterator[dict]:
    """The rows of a JSONL file; InputError names file and line of the first that cannot be judged."""
    try:
        with Path(path).open(encoding="utf-8") as file:
            for line_number, line in enumerate(file, 1):
                if line.strip():
                    yield _row(line, f"{path}, line {line_number}")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error


def _row(line: str, where: str) -> dict:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON ({error})") from error
    missing = [key for key in ("id", "code", "test") if not isinstance(row, dict) or key not in row]
    if missing:
        raise InputError(f"{where}: the row lacks {', '.join(missing)}")
    if not isinstance(row["code"], str):
        raise InputError(f"{where}: code must be a string")
    fault = fault_in_test(row["test"])
    if fault:
        raise InputError(f"{where}: {fault}")
    return row


def judge_file(source: str, target: str, options: JudgeOptions) -> dict[str, int]:
    """Judge the rows of a file into another; returns counts of verdicts. Nothing is written if a row is malformed."""
    for _ in read_rows(source):
        pass
    folder = Path(target).absolute().parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"--output {target}: the folder {folder} does not exist, or nothing can be written there")
    counts: collections.Counter[str] = collections.Counter()

    def verdicts() -> Iterator[str]:
        rows, jobs = itertools.tee(read_rows(source))  # what lies between the two are the rows in flight
        judgements = judge.judge((row["code"], row["test"]) for row in jobs)
        for row, judgement in zip(rows, judgements, strict=True):
            counts[judgement.verdict.value] += 1
            verdict = {"id": row["id"], "passed": judgement.passed, "verdict": judgement.verdict.value,
                       "detail": judgement.detail, "seconds": judgement.seconds, "mode": judgement.mode}  # fmt: skip
            yield json.dumps(verdict) + "\n"

    with Judge(options) as judge:
        print(f"isolation: {judge.level}, workers: {judge.workers}", file=sys.stderr, flush=True)
        write_text(target, verdicts())
    return dict(counts)


def main(argv: list[str] | None = None) -> int:
    """Judge a file; the exit status: 0, or 1 where something could not be judged. InputError, JudgeFailure."""
    parser = argparse.ArgumentParser(prog="python -m eval.judge", description=__doc__.split("\n")[0])
    parser.add_argument("--input", required=True, help="JSONL rows with id, code and test")
    parser.add_argument("--output", required=True, help="JSONL rows with id, passed, verdict, detail, seconds and mode")
    add_arguments(parser)
    args = parser.parse_args(argv)
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    counts = judge_file(args.input, args.output, options_of(args))
    print(json.dumps({"verdicts": counts}), file=sys.stderr)
    return 1 if counts.get("INFRA") else 0


if __name__ == "__main__":
    run(main)
