"""The same programs judged by this repository and by a plain reading of EvalPlus's rules.

The plain side is one fresh process for each program, in which program, gold solution and comparison live together; it
has no isolation but a memory limit, so it is only ever called with changed gold solutions. It takes from this
repository the inputs alone, which `test_evalplus.py` compares with those of the OriginFmt files.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

from mutants import mutants

from data import conversion, evalplus, reading
from data.humaneval import prepare as humaneval
from data.mbpp import prepare as mbpp
from eval import registry
from eval.judge import Judge, JudgeOptions

FOLDER = Path(os.environ.get("GIFT_TEST_DATA", "missing")) / "evalplus"
FILES = {
    "humaneval": (humaneval, FOLDER / "HumanEvalPlus-v0.1.10.jsonl.gz"),
    "mbpp": (mbpp, FOLDER / "MbppPlus-v0.2.0.jsonl.gz"),
}
PLAIN_SIDE = '''
import copy, math, pickle, resource, sys
import numpy as np

resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
dataset, name, program, gold, lists, tolerance = pickle.load(sys.stdin.buffer)
sys.stdout = sys.stderr = open("/dev/null", "w")
REGARDLESS_OF_ORDER = ["similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly", "larg_nnum",
                       "intersection_array", "find_dissimilar", "Diff"]
JUST_NOT_NONE = ["check_str", "text_match_three", "text_starta_endb"]

def made_of_floats(x):
    if isinstance(x, (list, tuple)) and len(x) > 0:
        return all(isinstance(item, float) for item in x)
    return isinstance(x, float)

def verify(out, exp, inp, atol):
    """AssertionError, or any other, where `out` is wrong; returns the tolerance from here on."""
    exact = out == exp
    if dataset == "humaneval" and name == "find_zero":
        assert abs(sum(c * math.pow(out, i) for i, c in enumerate(inp[0]))) <= atol
        return atol
    if dataset == "mbpp":
        if name == "are_equivalent":
            exact = True
        elif name == "sum_div":
            exact = exact or out == 0
        elif name == "surface_Area":
            base, height = inp
            side = math.sqrt((base / 2) ** 2 + height ** 2)
            exact = exact or abs(out - round(base ** 2 + 4 * (base * side) / 2)) <= atol
        elif name == "digit_distance_nums":
            longer = max(len(str(value)) for value in inp)
            a, b = (str(value).rjust(longer, "0") for value in inp)
            exact = exact or out == sum(abs(int(x) - int(y)) for x, y in zip(a, b))
        elif name in REGARDLESS_OF_ORDER:
            exact = set(out) == set(exp)
        elif name in JUST_NOT_NONE:
            exp = exp is not None
            exact = exp == (out if isinstance(out, bool) else out is not None)
    if atol == 0 and made_of_floats(exp):
        atol = 1e-6
    if not exact and atol != 0:
        assert type(out) == type(exp)
        if isinstance(exp, (list, tuple)):
            assert len(out) == len(exp)
        assert np.allclose(out, exp, rtol=1e-07, atol=atol)
    else:
        assert exact
    return atol

def agrees():
    truth, space = {}, {}
    exec(gold, truth)
    exec(program, space)
    for inputs in lists:
        atol = tolerance
        for inp in inputs:
            exp = truth[name](*copy.deepcopy(inp))
            atol = verify(space[name](*copy.deepcopy(inp)), exp, inp, atol)

try:
    agrees()
except BaseException:
    sys.__stdout__.write("failed")
else:
    sys.__stdout__.write("passed")
'''


def problems(dataset: str) -> dict[str, dict]:
    """Task id -> the row made of it, with its raw row as `raw`."""
    module, path = FILES[dataset]
    part = reading.read_file(path)
    rows = conversion.convert(part, module.problem, registry.adapter(dataset)).rows
    return {raw["task_id"]: {**row, "raw": raw, "dataset": dataset} for raw, row in zip(part.rows, rows, strict=True)}


def programs(chosen: list[dict], count: int = 5) -> list[tuple[dict, str]]:
    """The gold solution and `count` mutants of every problem that has so many."""
    candidates = [(problem, mutants(problem["code"], count)) for problem in chosen]
    return [(problem, text) for problem, wrong in candidates if len(wrong) == count
            for text in (problem["code"], *wrong)]  # fmt: skip


def plain_verdict(problem: dict, program: str, timeout: float) -> bool:
    """Whether a program passes all inputs by EvalPlus's rules."""
    raw = problem["raw"]
    lists = [evalplus.inputs_of(raw, field) for field in ("base_input", "plus_input")]
    job = problem["dataset"], raw["entry_point"], program, problem["code"], lists, raw["atol"]
    with tempfile.TemporaryDirectory() as folder:
        try:
            command = [sys.executable, "-c", PLAIN_SIDE]
            done = subprocess.run(command, input=pickle.dumps(job), capture_output=True, cwd=folder, timeout=timeout)
        except subprocess.TimeoutExpired:
            return False
    return done.stdout == b"passed"


def both(jobs: list[tuple[dict, str]], timeout: float) -> list[tuple]:
    """(task id, program, our judgement, whether it passes on the plain side) for every job."""
    with Judge(JudgeOptions(timeout=timeout)) as judge:
        ours = list(judge.judge((program, problem["test"]) for problem, program in jobs))
    theirs = [plain_verdict(problem, program, timeout) for problem, program in jobs]
    ids = [problem["raw"]["task_id"] for problem, _ in jobs]
    return [(key, program, mine, other)
            for key, (_, program), mine, other in zip(ids, jobs, ours, theirs, strict=True)]  # fmt: skip


def dump(path: Path, results: list[tuple]) -> None:
    """Write the programs and both verdicts, for a comparison by hand with another judge."""
    rows = [{"task_id": key, "solution": program, "passed": mine.passed, "verdict": mine.verdict.value, "plain": other}
            for key, program, mine, other in results]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
