"""Rows of APPS+ and APPS as they are published, and what is near to them: names, statements, programs, anything."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import os
import random
import sys
import types
from pathlib import Path

import pytest

from data import reading
from data.apps import prepare as apps
from data.apps.programs import function_names, programs_of
from data.apps.scripts import plain_function, to_function
from data.reading import Dropped, Part
from eval.judge import Judge, JudgeOptions
from utils.extract import parse

FOLDER = os.environ.get("GIFT_TEST_DATA")
TASKS = ("introductory", "interview", "competition")
published = pytest.mark.skipif(not FOLDER, reason="GIFT_TEST_DATA names no folder with the data sets' files")


def plus_rows() -> list[dict]:
    """The published rows of APPS+."""
    return json.loads((Path(FOLDER) / "apps" / "apps_plus_rows.json").read_text())


def original_rows() -> list[dict]:
    """The published rows of APPS."""
    return [json.loads(line) for line in (Path(FOLDER) / "apps" / "apps_rows.jsonl").read_text().splitlines()]


# Names

METHODS = "class Node:\n    def __init__(self):\n        pass\nclass Solution:\n    def a(self):\n    def b(self):"


@pytest.mark.parametrize(
    ("starter", "names"),
    [
        ("\ndef FsxrN():\n", ["FsxrN"]),
        ("def helper(x):\n    pass\n\ndef main(a):\n", ["main", "helper"]),
        ("def outer(a):\n    def inner(b):\n", ["outer", "inner"]),
        (METHODS, ["b", "a"]),
        ("def top(x):\n    pass\nclass Solution:\n    def m(self):\n", ["m", "top"]),
        ("class Other:\n    def go(self):\n        pass\n\ndef last(root):\n", ["last", "go"]),
        ("# def no():\n@cache\nasync def yes(x: int = 3) -> str:  # def no():\n", ["yes"]),
        ("\tdef tabbed(self):", ["tabbed"]),
        ("", []),
        ("undefined behaviour: def", []),
    ],
)
def test_names_in_starter_code_the_likeliest_first(starter, names):
    assert function_names(starter) == names


def test_of_several_functions_the_one_that_takes_the_inputs_is_meant():
    starter = "def area(a, b):\n    pass\n\ndef show(a):\n    pass\n"
    gold = ["def area(a, b):\n    return a * b\ndef show(a):\n    return a\n"]
    for inputs, head in ([[1, 2]], "def area(a, b):"), ([[1]], "def show(a):"), ([[1, 2, 3]], "def show(a):"):
        assert programs_of(gold, function_names(starter), inputs, starter)[0]["head"] == head
    only = ["def area(a, b):\n    return a * b\n"]
    assert programs_of(only, function_names(starter), [[1]], starter)[0]["head"] == "def area(a, b):"


# Statements

TEXT = "Given $a \\neq b$, print `a\\n`.\n\n  Indented \\d line.\n"


@pytest.mark.parametrize(
    "prompt",
    [
        f'\ndef f(a):\n    """{TEXT}"""\n',
        f"def f(a):\n    '''{TEXT}'''",
        f'def f(a):\n    r"""{TEXT}"""',
        f'def f(a):\n    """{TEXT}"""\n    pass\n',
        f'def f(a):\n    """{TEXT}',
        f'# Nothing defined.\n\nclass Solution:\n    def f(self, a: List[int]) -> int:\n            """{TEXT}"""\n',
        f'N = 5\n\n@cache\ndef f(a, b="x"):\n    """{TEXT}"""\n',
        f'import re\nasync def f(\n    a,  # first\n):\n    """{TEXT}"""',
        f'def g():\n    pass\n\ndef f(a):\n    # here\n\nif 1:\n    f(2)    """{TEXT}"""',
        TEXT,
    ],
)
def test_the_statement_is_what_stands_in_the_docstring(prompt):
    assert apps._opening_and_statement({"prompt": prompt})[1] == TEXT


@pytest.mark.parametrize(
    ("prompt", "statement"),
    [
        ('def f(a):\n    """One """two""" three."""\n', 'One """two""" three.'),
        ("def f(a):\n    '''Say \"\"\"x\"\"\".'''\n", 'Say """x""".'),
        ('def f(a):\n    """Say \\"\\"\\"x\\"\\"\\"."""\n', 'Say \\"\\"\\"x\\"\\"\\".'),
        ('def f(a):\n    "One line."\n', "One line."),
        ("def f(a):\n    # Return twice.\n    # Of a.\n", "Return twice.\nOf a."),
        ('From a list:\ndef of nothing\n"""x"""', 'From a list:\ndef of nothing\n"""x"""'),
    ],
)
def test_statements_with_quotes_or_without_a_docstring(prompt, statement):
    assert apps._opening_and_statement({"prompt": prompt})[1] == statement


@pytest.mark.parametrize("prompt", ["def f(a):\n", 'def f(a):\n    """\n   """', "class Solution:\n    def f(self):"])
def test_code_that_says_nothing_is_no_statement(prompt):
    with pytest.raises(Dropped, match="empty question"):
        apps._opening_and_statement({"prompt": prompt})


@published
def test_published_statements_are_the_prompt_without_its_code():
    for row in plus_rows():
        opening, statement = apps._opening_and_statement(row)
        assert row["prompt"].rstrip() == f'{opening}"""{statement}"""' and "def " in opening


# Gold programs that are callables


@pytest.mark.parametrize(
    ("gold", "starter"),
    [
        ("f = lambda a, b=2: a - b", "def f(a, b):"),
        ("f: object = lambda *a: a[0] - a[1]", ""),
        ("import operator\nf = operator.sub", "def f(a: int, b: int = 1) -> int:"),
        ("import operator\nf = operator.sub", ""),
        ("from operator import sub as f", "def f(a, b):"),
        ("from operator import mul, sub as f\nprint(mul(1, 1))", "def f(*given):"),
        ("import functools, operator\nf = functools.partial(operator.sub)", "def f(a, b):"),
        ("g = lambda a, b: a - b\nf = None or g  # as it is", "def f(a, b):"),
        ("from functools import *\nf = lru_cache(None)(lambda a, b: a if b < 1 else f(a, b - 1) - 1)", "def f(a, b):"),
    ],
)  # fmt: skip
def test_a_callable_does_the_same_as_a_function(gold, starter):
    (made,) = programs_of([gold], ["f"], [[7, 2]], starter)
    before, after = {}, {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(gold, before)  # noqa: S102
        exec(made["code"], after)  # noqa: S102
    assert isinstance(after["f"], types.FunctionType) and made["head"].splitlines()[-1].startswith("def f(")
    for given in (7, 2), (1, 1), (0, 3):
        assert before["f"](*given) == after["f"](*given)


def test_a_lambda_in_a_class_becomes_a_method():
    gold = "class Solution:\n    f = lambda self, a: a + 1  # short\n"
    (made,) = programs_of([gold], ["f"], [[1]], "class Solution:\n    def f(self, a):")
    assert made["code"] == "class Solution:\n    def f(self, a):\n        return a + 1\n"
    assert made["head"] == "class Solution:\n    def f(self, a):"


@pytest.mark.parametrize("gold", ["f = 5; g = 6", "g = lambda a: a", "f += 1", "f, g = 1, 2", "f: int"])
def test_what_gives_the_name_no_callable_is_dropped(gold):
    with pytest.raises(Dropped, match="lacks the entry function"):
        programs_of([gold], ["f"], [[1]], "def f(a):")


# Scripts that are simply put into a function

SCRIPTS = [
    "n = int(input())\nif n < 0:\n    print(0)\n    return\nprint(2 * n)\n",
    "n = int(input())\ndef f():\n    nonlocal n\n    n *= 2\nf()\nprint(n)\n",
    "def main():\n    def solve():\n        print(2 * int(input()))\n    solve()\nmain()\n",
    "import sys; n = int(input())\nsolve = lambda: None\ndef f():\n    global n\n    n *= 2\nf()\nprint(n)\nreturn",
    "from math import *\nclass A:\n    def solve(self):\n        return int(input()) * 2\nprint(A().solve())\nreturn\n",
    "'''Twice.'''\nt = '''a\n b'''\nprint(int(input()) * len(t) // 2) if len(t) == 4 else print(1)\nreturn t",
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_that_is_refused_runs_when_simply_wrapped(script, monkeypatch, capsys):
    with pytest.raises(ValueError):
        to_function(script)
    namespace = {}
    exec(plain_function(script), namespace)  # noqa: S102
    monkeypatch.setattr(sys, "stdin", io.StringIO("3\n"))
    namespace["solve"]()
    assert capsys.readouterr().out == "6\n"


def test_a_multi_line_string_keeps_its_lines():
    assert "t = '''a\n b'''" in plain_function(SCRIPTS[-1])


@pytest.mark.parametrize(
    "script", ["import re\n", "def f(): print(1)\n", "print(1", "if 1:\n    from re import *\nprint(1)"]
)
def test_what_is_no_script_is_not_wrapped(script):
    with pytest.raises(ValueError):
        plain_function(script)


@published
def test_of_the_published_solutions_that_are_refused_nine_of_ten_pass_when_wrapped():
    todo, refused = [], 0
    for row in original_rows():
        tests = json.loads(row["input_output"])
        for script in json.loads(row["solutions"]) if "fn_name" not in tests else []:
            with contextlib.suppress(ValueError):
                to_function(script)
                continue
            refused += 1
            test = {"style": "io", "fn_name": "solve", "stdin": True, "inputs": tests["inputs"][:3]}
            todo.append((plain_function(script), {**test, "outputs": tests["outputs"][:3]}))
    with Judge(JudgeOptions(workers=1, timeout=60)) as judge:
        passed = sum(bool(verdict.passed) for verdict in judge.judge(todo))
    assert refused == 42 and passed >= 38


def test_every_solution_among_the_first_five_is_tried(prepared):
    wrong, right = "n = int(input())\nprint(3 * n)\n", "print(2 * int(input()))\n"
    tests = json.dumps({"inputs": ["3\n"], "outputs": ["6\n"]})
    base = {
        "question": "Twice.",
        "input_output": tests,
        "difficulty": "interview",
        "starter_code": "",
        "split": "train",
    }
    rows = [{**base, "problem_id": behind, "solutions": json.dumps([wrong] * behind + [right])} for behind in range(6)]
    printed = prepared.run("apps", "--source", prepared.write("rows.json", rows))
    assert [row["id"] for row in prepared.rows("interview", "train")] == [0, 1, 2, 3, 4] and "1 gold WRONG" in printed


# Rows near the published ones, in one run


def variants(call: dict, stdin: dict) -> dict[str, dict]:
    """Rows that mean the same as two published ones, written otherwise."""
    name, gold, starter = function_names(call["starter_code"])[0], call["canonical_solution"], call["starter_code"]
    reader, script = function_names(stdin["starter_code"])[0], stdin["canonical_solution"]
    without = {key: value for key, value in call.items() if key not in ("scope", "starter_code")}
    lines = [given.splitlines() for given in stdin["inputs"]]
    helper = "def first_helper(x):\n    pass\n"
    return {
        "call": call,
        "name alone": {**without, "fn_name": name},
        "name in the prompt": without,
        "other quotes": {**call, "prompt": call["prompt"].replace('"""', "'''")},
        "false": {**call, "input_type": False},
        "zero": {**call, "input_type": 0},
        "helpers": {**call, "starter_code": helper + starter},
        "gold behind helpers": {**call, "canonical_solution": helper + gold},
        "stdin": stdin,
        "stdin name": {**stdin, "fn_name": reader},
        "true": {**stdin, "input_type": True},
        "one": {**stdin, "input_type": 1},
        "lines": {**stdin, "inputs": lines, "input_type": "standard_input"},
        "lines among texts": {**stdin, "inputs": [lines[0], *stdin["inputs"][1:]]},
        "script": {**stdin, "canonical_solution": f"{script}\n{reader}()\n"},
        "guard": {**stdin, "canonical_solution": f"{script}\nif __name__ == '__main__':\n    {reader}()\n"},
    }


@published
def test_variants_of_published_rows_are_kept_and_pass(prepared):
    rows = plus_rows()
    call = next(row for row in rows if isinstance(row["inputs"][0], list) and "class" not in row["starter_code"])
    stdin = next(row for row in rows if isinstance(row["inputs"][0], str) and len(row["inputs"]) > 1)
    written = variants(call, stdin)
    given = [{**row, "problem_id": name, "difficulty": "interview", "split": "train"} for name, row in written.items()]
    printed = prepared.run("apps", "--source", prepared.write("rows.json", given), "--timeout", "60")
    made = {row["id"]: row for row in prepared.rows("interview", "train")}
    assert list(made) == list(written), printed
    calls = [key for key, row in made.items() if row["tags"]["input"] == ["call"]]
    assert calls == list(written)[:8] and len({made[key]["query"] for key in calls}) == 1
    assert {made[key]["test"]["fn_name"] for key in calls} == set(function_names(call["starter_code"]))


@published
def test_inputs_of_two_kinds_are_dropped_and_counted(prepared):
    call = next(row for row in plus_rows() if isinstance(row["inputs"][0], list) and row["inputs"][0])
    mixed = {**call, "inputs": ["1\n", [5]], "outputs": ["1\n", [5]]}
    nameless = {**call, "starter_code": "", "prompt": "No code."}
    part = Part("rows.json", [mixed, nameless, {**nameless, "inputs": [["1"]], "outputs": [["1"]]}], "")
    ((batch,), _) = apps.convert([part], None, 0)
    assert batch.dropped == {"texts and arguments among the inputs": 1, "lacks fn_name": 2}


@pytest.mark.parametrize(
    ("gold", "given", "want", "tag"),
    [
        ("def f(s):\n    return s[0]", '"x"', "x", "literals"),
        ("def f(s):\n    return len(s)", '"x"', 1, "literals"),
        ("def f(s):\n    return '\"' + s + '\"'", "'x'", '"x"', "literals among inputs"),
        ("def f(s):\n    return s[1]", '"x"', "'x'", "literals among outputs"),
        ("def f(s):\n    return s", '"x"', '"x"', None),
    ],
)
def test_which_reading_of_quoted_strings_is_right_stands_in_the_row(prepared, gold, given, want, tag):
    row = {"prompt": 'def f(s):\n    """Q."""', "canonical_solution": gold, "inputs": [[given]], "outputs": [[want]],
           "starter_code": "def f(s):", "difficulty": "interview", "split": "train"}  # fmt: skip
    prepared.run("apps", "--source", prepared.write("rows.json", [row]))
    (made,) = prepared.rows("interview", "train")
    assert made["tags"].get("strings") == ([tag] if tag else None)


# Anything in any field


def odd_values(rng: random.Random) -> list:
    """Values that no field is meant to have."""
    deep: list = []
    for _ in range(rng.choice((5, 400))):
        deep = [deep]
    return [None, True, False, 0, -1, 10**400, 1e308, float("nan"), float("inf"), "", " ", "\n", "x", "[", "{}", "[]",
            "null", "\ud800", "\0", "def f(:", "def f():\n    '''x'''", '"""', "'\"", "a" * 10**5, [], [[]], [None],
            [[[]]], ["x"], [1, "x", None], [{"a": [1]}], {}, {"inputs": 1}, {"": None}, {"1": 2}, deep, [deep, "1"],
            "return", "class Solution:\n  f = lambda self: 1", "from math import *\nreturn\n", "\\"]  # fmt: skip


def mutated(rows: list[dict], count: int, rng: random.Random) -> list:
    """Rows with fields taken away, replaced, or changed somewhere inside."""
    made = []
    for _ in range(count):
        row = copy.deepcopy(rng.choice(rows))
        for key in rng.sample(list(row), rng.choice((1, 1, 2, 3))):
            way, value = rng.randrange(4), rng.choice(odd_values(rng))
            if way == 0:
                del row[key]
            elif way == 1 and isinstance(row[key], list) and row[key]:
                row[key][rng.randrange(len(row[key]))] = value
            elif way == 2 and isinstance(row[key], str) and row[key]:
                cut = rng.randrange(len(row[key]))
                row[key] = (
                    row[key][:cut] + rng.choice(("", '"""', "\\", "\n", "'")) + row[key][cut + rng.randrange(3) :]
                )
            else:
                row[key] = value
        for key in rng.choice(((), (), ("fn_name",), ("input_type",), ("input_output",), ("id",), ("split",))):
            row[key] = rng.choice(odd_values(rng))
        made.append(row if rng.random() < 0.98 else rng.choice(odd_values(rng)))
    return made


@published
@pytest.mark.parametrize("seed", range(4))
def test_rows_with_anything_in_their_fields_are_counted_and_never_raise(seed, tmp_path):
    rng = random.Random(seed)
    rows = [row for row in plus_rows() + original_rows() if len(str(row)) < 8000]
    rows = mutated(rows, 250, rng)
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    part = reading.read_file(tmp_path / "rows.jsonl")
    ((batch,), _) = apps.convert([part], None, rng.choice((0, 1)))
    assert batch.read == 250 == len(batch.rows) + sum(batch.dropped.values())
    assert len(batch.rows) > 25 and len(batch.dropped) > 8
    for row in batch.rows:
        parse(row["code"])
        assert row["test"]["inputs"] and len(row["test"]["inputs"]) == len(row["test"]["outputs"])


@published
def test_what_is_left_of_such_rows_is_judged_and_written(prepared):
    rng = random.Random(7)
    rows = [row for row in plus_rows() if len(str(row)) < 3000]
    path = prepared.write("rows.jsonl", [{**row, "problem_id": i} if isinstance(row, dict) else row
                                         for i, row in enumerate(mutated(rows, 60, rng))])  # fmt: skip
    printed = prepared.run("apps", "--source", path, "--timeout", "2")
    kept = int(next(line for line in printed.splitlines() if "rows.jsonl" in line).split("|")[3])
    counts = [prepared.meta(task, split)["counts"]["problems"] for task in TASKS for split in ("train", "test")
              if (prepared.folder / "data" / task / f"{split}.json").exists()]  # fmt: skip
    assert "| 60 " in printed and sum(counts) == kept
