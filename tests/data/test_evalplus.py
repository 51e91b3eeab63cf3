"""EvalPlus's files as released: inputs, tests made of them, base tests beside; on small rows and the real files."""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path

import pytest
from plus_agreement import both, problems, programs
from preparing import Prepared

from data import evalplus, verification
from data.evalplus import inputs_of
from eval import registry
from eval.judge import Judge, JudgeOptions
from eval.problem import Problem
from utils.run.files import InputError

FOLDER = os.environ.get("GIFT_TEST_DATA")
REAL = pytest.mark.skipif(not FOLDER, reason="GIFT_TEST_DATA names no folder with the data sets' files")
RELEASES = Path(FOLDER or "missing") / "evalplus"
MBPP, MBPP_SCRIPTS = "MbppPlus-v0.2.0.jsonl.gz", "MbppPlus-OriginFmt-v0.2.0.jsonl.gz"
HUMANEVAL, HUMANEVAL_SCRIPTS = "HumanEvalPlus-v0.1.10.jsonl.gz", "HumanEvalPlus-OriginFmt-v0.1.10.jsonl.gz"


@pytest.fixture
def prepared(tmp_path, monkeypatch, capsys) -> Prepared:
    """A bare folder with a small sanitized MBPP."""
    folder = Prepared(tmp_path, monkeypatch, capsys)
    seed = {"task_id": 601, "prompt": "Write a function g.", "code": "def g(n):\n  return n", "test_imports": [],
            "test_list": ["assert g(1) == 1"]}  # fmt: skip
    folder.write("sanitized-mbpp.json", [seed])
    return folder


def rows_of(name: str) -> list[dict]:
    with gzip.open(RELEASES / name, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def raw_mbpp(number: int = 11, **change) -> dict:
    return {"task_id": f"Mbpp/{number}", "entry_point": "f",
            "prompt": '"""\nWrite a function to add one. \nassert f(1)==2\n"""\n',
            "canonical_solution": "\ndef f(a):\n  return a + 1\n", "base_input": [[1], [2]], "plus_input": [[30], [-4]],
            "atol": 0, "contract": "", "assertion": "\nassert f(1)==2\n", **change}  # fmt: skip


def raw_humaneval(number: int = 0, **change) -> dict:
    return {"task_id": f"HumanEval/{number}", "prompt": 'def f(a):\n    """ Add one. """\n', "entry_point": "f",
            "canonical_solution": "    return a + 1\n", "test": "def check(candidate):\n    assert candidate(1) == 2\n",
            "base_input": [[1], [2]], "plus_input": [[30], [-4]], "atol": 0, "contract": "", **change}  # fmt: skip


def verdicts(test: dict, *codes: str) -> list[bool]:
    with Judge(JudgeOptions(timeout=30)) as judge:
        return [judgement.passed for judgement in judge.judge((code, test) for code in codes)]


# Inputs


def typed(value) -> str:
    """Value and types at every depth; a zero without its sign, which source text of complex numbers does not keep."""
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__}({', '.join(map(typed, value))})"
    if isinstance(value, set):
        return f"set({sorted(map(typed, value))})"
    if isinstance(value, dict):
        return f"dict({[(typed(key), typed(item)) for key, item in value.items()]})"
    return f"complex({value.real + 0.0}, {value.imag + 0.0})" if isinstance(value, complex) else repr(value)


@REAL
@pytest.mark.parametrize(("name", "scripts"), [(MBPP, MBPP_SCRIPTS), (HUMANEVAL, HUMANEVAL_SCRIPTS)])
def test_inputs_are_those_of_the_scripts_of_the_same_release(name, scripts):
    written = {str(row["task_id"]).split("/")[-1]: row["test"] for row in rows_of(scripts)}
    rows = rows_of(name)
    converted = [raw for raw in rows if raw["task_id"] in evalplus.EVERY.keys() | evalplus.FIRST.keys()]
    assert len(converted) == (52 if name == MBPP else 0)
    for raw in [*converted, *rows[::20]]:
        script = written[raw["task_id"].split("/")[1]]
        source = re.search(r"^\s*inputs = (.*?)\n\s*(?:results = |for i|def )", script, re.M | re.S)[1]
        given = eval(source, {"inf": float("inf"), "nan": float("nan")})
        read = inputs_of(raw, "base_input") + inputs_of(raw, "plus_input")
        # Arguments are passed one by one, so a list of them is as good as a tuple; the scripts have no repeated inputs.
        differing = {typed(list(item)) for item in read} ^ {typed(list(item)) for item in given}
        assert not differing, f"{raw['task_id']}: {sorted(differing)[:2]}"[:500]


@pytest.mark.parametrize(
    ("number", "given", "read"),
    [
        (2, [[1, 2], [3]], [(1, 2), (3,)]),
        (63, [[[1, 2], [3, 4]]], [[(1, 2), (3, 4)]]),
        (750, [[1], [2, 3]], [[1], (2, 3)]),
        (115, [[[1, 2], []]], [[{1, 2}, {}]]),
        (124, ["1.5", "2j"], [1.5, 2j]),
        (278, [[1, [2, 3], 4]], [(1, (2, 3), 4)]),
        (580, [[1, [2, [3]]]], [(1, (2, (3,)))]),
        (722, [{"a": [1, 2]}, 3, 4], [{"a": (1, 2)}, 3, 4]),
        (11, [[1, [2]]], [[1, [2]]]),
    ],
)
def test_inputs_of_tasks_with_other_types_than_json(number, given, read):
    assert typed(inputs_of(raw_mbpp(number, base_input=[given]), "base_input")) == typed([read])


def test_inputs_reach_the_program_with_their_types():
    given = [[(1, [2.5, {3}]), {"a": (None, True)}, 1 - 2j, float("inf"), {}]]
    gold = "def f(*given):\n    return repr(given)\n"
    test = evalplus.check_test({"task_id": "Mbpp/1", "entry_point": "f", "atol": 0}, gold, {"base": given})
    expected = repr(tuple(given[0]))
    assert verdicts(test, gold, f"def f(*given):\n    return {expected!r}\n") == [True, True]


# Tests


def test_programs_have_to_agree_on_base_and_plus_inputs(prepared):
    prepared.write("MbppPlus.jsonl", [raw_mbpp(11), raw_mbpp(12, plus_input={})])
    printed = prepared.run("mbpp", "--source", prepared.folder)
    row, without_plus = prepared.rows("mbpp", "test")
    assert row["verified"] and without_plus["verified"] and "| mbpp | test  | 2        | 2  " in printed
    right, base_alone = "def f(a):\n    return a - -1\n", "def f(a):\n    return a + 1 if a in (1, 2) else 0\n"
    wrong = "def f(a):\n    return 2\n"
    assert verdicts(row["test"], right, base_alone, wrong) == [True, False, False]
    assert verdicts(row["base_test"], right, base_alone, wrong) == [True, True, False]


def test_the_prompt_of_mbpp_plus_is_that_of_its_other_files(prepared):
    prepared.write("MbppPlus.jsonl", [raw_mbpp()])
    prepared.run("mbpp", "--source", prepared.folder)
    problems, _ = registry.load("mbpp", "mbpp", "test")
    prompt = registry.adapter("mbpp").code_prompt(problems[0], problems[0].query)
    assert prompt == 'def f(a):\n    """ Write a function to add one.\n    >>> f(1)\n    2\n    """'


@pytest.mark.parametrize("fields", [{}, {"test": None}])
def test_humaneval_plus_rows_are_judged_by_all_their_inputs_whatever_else_they_hold(prepared, fields):
    prepared.write("HumanEvalPlus.jsonl", [raw_humaneval(**fields)])
    prepared.run("humaneval", "--source", prepared.folder / "HumanEvalPlus.jsonl")
    (row,) = prepared.rows("humaneval", "test")
    base_alone = "def f(a):\n    return a + 1 if a in (1, 2) else 0\n"
    assert row["verified"] and verdicts(row["test"], base_alone) == [False]
    assert verdicts(row["base_test"], base_alone) == [True]


def test_a_row_with_a_script_has_its_base_tests_too(prepared):
    base = ["assert f(1) == 2"]
    script = "for x in range(9):\n    assert f(x) == x + 1\n"
    scripted = {"task_id": 11, "code": "def f(a):\n  return a + 1", "prompt": "Write a function to add one.",
                "test_imports": [], "test_list": base, "test": script}  # fmt: skip
    prepared.write("MbppPlus.jsonl", [scripted])
    prepared.run("mbpp", "--source", prepared.folder)
    (row,) = prepared.rows("mbpp", "test")
    assert row["base_test"]["asserts"] == base and row["test"]["asserts"] == [*base, scripted["test"]]


CASES = [  # task, gold result, what else is right, what is wrong
    ("Mbpp/1", "[1, 2]", ["[1.0, True + 1]"], ["(1, 2)", "[2, 1]", "[1, 2.0000001]", "None"]),
    ("Mbpp/1", "(1, 2)", [], ["[1, 2]"]),
    ("Mbpp/1", "1.5", ["1.5 + 5e-7"], ["1.5 + 5e-6", "'1.5'"]),
    ("Mbpp/1", "[0.5, 2.0]", ["[0.5 + 5e-7, 2.0]"], ["[0.501, 2.0]", "[0.5]", "(0.5, 2.0 + 5e-7)", "[0.5, 'a']"]),
    ("Mbpp/1", "{'a': 0.5}", [], ["{'a': 0.5 + 1e-9}"]),
    ("Mbpp/2", "(1, 2)", ["(2, 1)", "[2, 1, 1]", "{1, 2}"], ["(1, 2, 3)", "(1,)", "None", "([1], 2)"]),
    ("Mbpp/737", "re.match('a', 'a')", ["True", "1", "'yes'"], ["False", "None"]),
    ("Mbpp/737", "None", ["False"], ["True", "'no'"]),
    ("Mbpp/295", "7", ["0"], ["1", "None"]),
    ("Mbpp/164", "True", ["False", "None"], ["1 / 0"]),
    ("Mbpp/558", "99", ["9"], ["6"]),
    ("Mbpp/581", "99", ["35"], ["34"]),
    ("HumanEval/32", "-0.5", ["-0.5 + 4e-5"], ["-0.501", "None", "0.5"]),
]


@pytest.mark.parametrize(("task", "gold", "right", "wrong"), CASES)
def test_what_is_right_is_what_evalplus_says(task, gold, right, wrong):
    inputs = {"Mbpp/2": [[1], [2]], "Mbpp/558": [3, 345], "Mbpp/581": [3, 4], "HumanEval/32": [[1, 2]]}.get(task, [0])
    raw = {"task_id": task, "entry_point": "f", "base_input": [inputs], "plus_input": [],
           "atol": 1e-4 if task == "HumanEval/32" else 0}  # fmt: skip
    codes = [f"import re\n\ndef f(*given):\n    return {result}\n" for result in (gold, *right, *wrong)]
    found = verdicts(evalplus.tests_of(raw, codes[0])["test"], *codes)
    assert found == [True] * (1 + len(right)) + [False] * len(wrong)


def test_the_tolerance_of_the_row_and_the_order_of_parts():
    gold = "def f(a):\n    return [a]\n"
    near = "def f(a):\n    return [a + 1e-7]\n"
    raw = {"task_id": "Mbpp/1", "entry_point": "f", "base_input": [[1]], "plus_input": [[0.5], [1]], "atol": 1e-4}
    assert verdicts(evalplus.tests_of(raw, gold)["test"], near) == [True]
    # Without a tolerance of the row there is one as soon as an expected value of the same part is made of floats.
    tests = evalplus.tests_of({**raw, "atol": 0}, gold)
    assert verdicts(tests["test"], gold, near) == [True, False]
    assert verdicts(evalplus.tests_of({**raw, "atol": 0, "base_input": []}, gold)["test"], near) == [True]


def test_a_program_that_changes_its_arguments_changes_nothing_else():
    gold = "def f(a):\n    a.append(1)\n    return sum(a)\n"
    raw = {"task_id": "Mbpp/1", "entry_point": "f", "base_input": [[[1]], [[2]]], "plus_input": [], "atol": 0}
    emptied = "def f(a):\n    result = sum(a) + 1\n    a.clear()\n    return result\n"
    assert verdicts(evalplus.tests_of(raw, gold)["test"], gold, emptied) == [True, True]


def test_a_failed_assertion_names_the_input():
    space: dict = {}
    exec(evalplus.tests_of(raw_humaneval(), "def f(a):\n    return a + 1\n")["test"]["script"], space)
    with pytest.raises(AssertionError, match="^plus input 1$"):
        space["check"](lambda a: abs(a) + (a + 1 - abs(a) if a > 0 else 0))


def test_the_limit_of_the_base_tests_is_that_of_all_tests():
    gold = "import time\ndef f(a):\n    time.sleep(0.15)\n    return a\n"
    raw = {"task_id": "Mbpp/1", "entry_point": "f", "base_input": [[1]], "plus_input": [[2]], "atol": 0}
    row = {"id": 1, "code": gold, **evalplus.tests_of(raw, gold)}
    (verdict,) = verification.judge_gold([row], JudgeOptions(timeout=1))
    assert verdict.passed and row["test"]["gold_seconds"] == row["base_test"]["gold_seconds"] >= 0.5


# Bad input


def test_bad_rows_are_dropped_and_counted(prepared):
    rows = [raw_mbpp(11), raw_mbpp(2, base_input=[[3, 4]]), raw_mbpp(124, plus_input=[["1.0", "x"]]),
            raw_mbpp(106, base_input=[[[1]]]), raw_mbpp(12, canonical_solution="def f(:\n"),
            raw_mbpp(13, base_input=[1]), raw_mbpp(14, base_input=[], plus_input=[]), raw_mbpp(15, entry_point="g"),
            raw_mbpp(16, prompt="def f"), raw_mbpp(17, atol="x")]  # fmt: skip
    prepared.write("MbppPlus.jsonl", rows)
    printed = prepared.run("mbpp", "--source", prepared.folder)
    for reason in ("3 inputs cannot be deserialised", "1 gold code does not parse", "1 malformed base_input",
                   "1 no tests", "1 gold code lacks the entry function", "1 prompt is not a docstring",
                   "1 malformed atol"):  # fmt: skip
        assert reason in printed, reason
    assert [row["id"] for row in prepared.rows("mbpp", "test")] == [11]


def test_one_mbpp_plus_file_is_read(prepared):
    scripted = {**raw_mbpp(), "test_list": ["assert f(1) == 2"], "test": "assert f(1) == 2", "code": "def f(a): pass"}
    del scripted["assertion"]
    prepared.write("MbppPlus.jsonl", [raw_mbpp()])
    prepared.write("MbppPlus-OriginFmt.jsonl", [scripted])
    with pytest.raises(InputError, match="MbppPlus-OriginFmt.jsonl and MbppPlus.jsonl are both MBPP.; give one of"):
        prepared.run("mbpp", "--source", prepared.folder)
    assert not (prepared.folder / "data").exists()


@pytest.mark.parametrize("dataset", ["mbpp", "humaneval"])
def test_a_gzip_file_cut_short_is_one_line(prepared, dataset):
    whole = gzip.compress("".join(json.dumps(raw_mbpp(n)) + "\n" for n in range(11, 99)).encode())
    path = prepared.write(f"{dataset}.jsonl.gz", whole[: len(whole) // 2])
    with pytest.raises(InputError, match=rf"{dataset}.jsonl.gz: cannot be read .*fetch the file again"):
        prepared.run(dataset, "--source", path)


def test_base_tests_of_a_task_file_are_checked_like_tests():
    check = {"style": "check", "script": "def check(candidate):\n    assert candidate(1)\n", "entry_point": "f"}
    row = {
        "id": 1,
        "query": "q",
        "head": "def f(a):",
        "code": "",
        "test": check,
        "base_test": check,
        "example": "assert f(1)",
    }
    problem = Problem.from_row(row)
    assert problem.base_test == check and Problem.from_row(problem.to_row()) == problem
    assert Problem.from_row({**row, "base_test": None}).base_test is None
    for base_test in ({"style": "other"}, [], {"style": "check"}):
        with pytest.raises(ValueError, match="^base_test: "):
            Problem.from_row({**row, "base_test": base_test})


# The real files


def sample(prepared: Prepared, name: str, numbers: set[int]) -> Path:
    """The rows of a release with these numbers, in a file of the same kind."""
    rows = [row for row in rows_of(name) if int(str(row["task_id"]).split("/")[-1]) in numbers]
    assert len(rows) == len(numbers)
    return prepared.write(name, gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


@REAL
@pytest.mark.parametrize("name", [MBPP, MBPP_SCRIPTS])
def test_gold_solutions_of_mbpp_plus_pass(prepared, name):
    numbers = {2, 7, 124, 252, 278, 558, 581, 722, 737, 793, 794} | ({126} if name == MBPP else set())
    prepared.run("mbpp", "--source", prepared.folder / "sanitized-mbpp.json", sample(prepared, name, numbers))
    rows = prepared.rows("mbpp", "test")
    assert {row["id"] for row in rows if row["verified"]} == numbers
    assert not any(word in row["query"] for row in rows for word in ("assert", '"""'))
    assert verdicts(rows[0]["base_test"], rows[0]["code"], "def similar_elements(*given):\n    return ()\n") == [
        True,
        False,
    ]


@REAL
@pytest.mark.parametrize("name", [HUMANEVAL, "HumanEvalPlus-Mini-v0.1.10.jsonl.gz", HUMANEVAL_SCRIPTS])
def test_gold_solutions_of_humaneval_plus_pass(prepared, name):
    numbers = {0, 2, 4, 20, 32, 53, 115, 161}
    prepared.run("humaneval", "--source", sample(prepared, name, numbers))
    rows = prepared.rows("humaneval", "test")
    fault = {32} if name == HUMANEVAL_SCRIPTS else set()  # its test fails whatever a solution returns
    assert {row["id"] for row in rows if not row["verified"]} == fault
    assert all(("base_test" in row) is (name != HUMANEVAL_SCRIPTS) for row in rows)


@REAL
def test_verdicts_agree_with_the_rules_of_evalplus():
    some = {"humaneval": ["HumanEval/20", "HumanEval/32", "HumanEval/53"], "mbpp": ["Mbpp/2", "Mbpp/259", "Mbpp/581"]}
    chosen = [problem for name, keys in some.items() for key, problem in problems(name).items() if key in keys]
    results = both(programs(chosen), timeout=60)
    assert len(results) == 36
    assert [row for row in results if row[2].passed is not row[3]] == []
    assert all(mine.passed for *_, mine, _ in results[::6]) and sum(not row[3] for row in results) > 12
