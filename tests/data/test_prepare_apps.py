"""`python -m data.apps.prepare`: three formats in, the same task files out; splits, limits and bad rows."""

from __future__ import annotations

import ast
import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from preparing import Prepared
from toy import REPOSITORY

from data import reading
from data.apps import prepare as apps
from data.reading import Dropped
from eval import registry
from eval.problem import Problem
from utils.run import files
from utils.run.files import InputError

FIXTURES = Path(__file__).parents[1] / "fixtures"
FOLDER = os.environ.get("GIFT_TEST_DATA")
STEPCODER, ORIGINAL = FIXTURES / "apps_plus_stepcoder.json", FIXTURES / "apps_original.jsonl"
TASKS = ("introductory", "interview", "competition")
ROWS = json.loads(STEPCODER.read_text())
CALL, STDIN = ROWS[0], ROWS[16]


@pytest.fixture(scope="module")
def all_rows(tmp_path_factory) -> dict[str, dict]:
    """What becomes of the whole fixture, by format: the bytes of every task file."""
    found = {}
    for source in (STEPCODER, ORIGINAL):
        folder = tmp_path_factory.mktemp(source.stem)
        command = [sys.executable, "-m", "data.apps.prepare", "--source", str(source)]
        environment = {"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
        found[source.name] = {"printed": done.stdout, **{
            (task, split): (folder / "data" / task / f"{split}.json").read_bytes()
            for task in TASKS for split in ("train", "test")}}  # fmt: skip
    return found


def problems(found: dict, split: str) -> list[dict]:
    return [row for task in TASKS for row in json.loads(found[task, split])]


def test_both_formats_give_identical_files(all_rows):
    first, second = all_rows[STEPCODER.name], all_rows[ORIGINAL.name]
    for key in first:
        assert key == "printed" or first[key] == second[key], key


def test_every_problem_of_the_fixture_is_there_and_verified(all_rows):
    rows = problems(all_rows[STEPCODER.name], "train") + problems(all_rows[STEPCODER.name], "test")
    assert len(rows) == len(ROWS) == 33 and all(row["verified"] for row in rows)
    assert {row["id"] for row in rows} == {row["problem_id"] for row in ROWS}
    by_id = {row["problem_id"]: row for row in ROWS}
    for row in rows:
        raw, problem = by_id[row["id"]], Problem.from_row(row)
        assert row["query"] == raw["question"].strip() and len(row["test"]["inputs"]) == len(raw["inputs"])
        assert row["test"]["stdin"] is (raw["input_type"] == "standard_input")
        assert problem.entry_point == (raw["function_name"] or "solve") == row["test"]["fn_name"]
        assert row["tags"]["difficulty"] == [raw["difficulty"]]
        prompt = registry.adapter("apps").code_prompt(problem, problem.query)
        assert ast.get_docstring(entry(prompt, problem), clean=False) == f" {row['query']}"


def entry(prompt: str, problem: Problem):
    return next(node for node in ast.walk(ast.parse(prompt))
                if isinstance(node, ast.FunctionDef) and node.name == problem.entry_point)  # fmt: skip


def test_the_table_says_what_was_read_and_written(all_rows):
    printed = all_rows[STEPCODER.name]["printed"]
    assert "| apps_plus_stepcoder.json | 33        | 33   |" in printed and "2889 with test" in printed
    assert "near duplicates between" in printed


def test_heads_are_imports_and_the_entry_function_alone(all_rows):
    heads = {row["id"]: row["head"] for row in problems(all_rows[STEPCODER.name], "train")
             + problems(all_rows[STEPCODER.name], "test")}  # fmt: skip
    assert heads[105] == "def knock_out(names):"  # a helper stands before it
    assert heads[104] == "from collections import Counter\n\ndef top_letter_count(word):"
    assert heads[114] == "from functools import lru_cache\n\n@lru_cache(maxsize=None)\ndef climbs(n):"
    assert heads[111] == (
        "from typing import List\n\nclass Solution:\n"
        "    def mergeSlots(self, slots: List[List[int]]) -> List[List[int]]:"
    )
    assert heads[116] == "def solve():" and heads[118] == "import sys\n\ndef solve():"


def test_the_split_depends_on_the_statement_alone(prepared):
    prepared.run("apps", "--source", prepared.write("a.json", ROWS[:8]))
    first = {row["query"] for row in prepared.rows("introductory", "test")}
    prepared.run(
        "apps", "--source", prepared.write("b.json", [{**row, "problem_id": i} for i, row in enumerate(ROWS[7::-1])])
    )
    assert {row["query"] for row in prepared.rows("introductory", "test")} == first
    assert "hash of the statement, 20 % test" in prepared.meta("introductory", "train")["settings"]["split"]


def test_about_a_fifth_of_all_statements_is_test():
    share = sum(apps.by_hash(f"Statement {number}.") == "test" for number in range(5000)) / 5000
    assert 0.18 < share < 0.22
    assert apps.by_hash("a  b\n c") == apps.by_hash("a b c")


def test_the_sources_own_split_goes_first(prepared):
    prepared.write("raw/train.jsonl", ROWS[:6])
    prepared.write("raw/test.jsonl", [ROWS[6], ROWS[7]])
    prepared.run("apps", "--source", prepared.folder / "raw")
    assert [row["id"] for row in prepared.rows("introductory", "train")] == [100, 101, 102, 103, 104, 105]
    assert [row["id"] for row in prepared.rows("introductory", "test")] == [106, 107]
    assert prepared.meta("introductory", "test")["settings"]["split"] == "the source's own"
    with_field = [{**row, "split": "test" if i else "train"} for i, row in enumerate(ROWS[:3])]
    prepared.run("apps", "--source", prepared.write("all.json", with_field))
    assert [row["id"] for row in prepared.rows("introductory", "test")] == [101, 102]


def test_the_same_input_gives_the_same_bytes(prepared):
    prepared.run("apps", "--source", ORIGINAL)
    first = prepared.files()
    prepared.run("apps", "--source", ORIGINAL, "--workers", "1")
    assert prepared.files() == first and len(first) == 18


def test_max_tests_takes_the_first_cases(prepared):
    prepared.run("apps", "--source", STEPCODER, "--max_tests", "1")
    rows = prepared.rows("introductory", "train")
    assert {len(row["test"]["inputs"]) for row in rows} == {len(row["test"]["outputs"]) for row in rows} == {1}
    assert prepared.meta("introductory", "train")["settings"]["max_tests"] == 1


WRONG = {
    **CALL,
    "problem_id": 1,
    "canonical_solution": CALL["canonical_solution"].replace("2 *", "3 *"),
    "split": "train",
}
RIGHT = {**CALL, "problem_id": 2, "question": "Another.", "split": "train"}
TESTED = {**WRONG, "problem_id": 3, "split": "test"}


def test_training_files_hold_verified_problems_alone_and_test_files_all(prepared):
    printed = prepared.run("apps", "--source", prepared.write("rows.json", [WRONG, RIGHT, TESTED]))
    assert [(row["id"], row["verified"]) for row in prepared.rows("introductory", "train")] == [(2, True)]
    assert [(row["id"], row["verified"]) for row in prepared.rows("introductory", "test")] == [(3, False)]
    assert "1 gold WRONG" in printed and "gold does not pass: introductory train 1: WRONG" in printed
    assert prepared.meta("introductory", "train")["unverified"] == {"1": "WRONG"}
    assert prepared.meta("introductory", "test")["unverified"] == {"3": "WRONG"}


def test_keep_unverified_keeps_them_with_their_mark(prepared):
    prepared.run("apps", "--source", prepared.write("rows.json", [WRONG, RIGHT]), "--keep_unverified")
    assert [(row["id"], row["verified"]) for row in prepared.rows("introductory", "train")] == [(1, False), (2, True)]


def test_the_first_solution_that_passes_is_the_gold_one(prepared):
    solutions = [
        "def fence_length(w, h):\n    return 0\n",
        "not Python",
        CALL["canonical_solution"],
        "def other(): pass",
    ]
    row = {"problem_id": 0, "question": "Q", "difficulty": "interview", "starter_code": "", "split": "train",
           "solutions": json.dumps(solutions),
           "input_output": json.dumps({"fn_name": "fence_length", "inputs": [[1, 2]], "outputs": [[6]]})}  # fmt: skip
    prepared.run("apps", "--source", prepared.write("rows.jsonl", [row]))
    (made,) = prepared.rows("interview", "train")
    assert made["code"] == CALL["canonical_solution"] and made["head"] == "def fence_length(width, height):"


@pytest.mark.parametrize("expected", [[6], 6])
def test_an_expected_value_may_stand_alone_in_a_list(prepared, expected):
    prepared.run(
        "apps", "--source", prepared.write("rows.json", [{**RIGHT, "inputs": [[1, 2]], "outputs": [expected]}])
    )
    assert prepared.rows("introductory", "train")[0]["test"]["outputs"] == [expected]


# Rows as StepCoder published them: starter code with the statement as its docstring, no name, no kind of input

ADD = {
    "prompt": '\ndef add(a, b):\n    """Add $a \\neq 0$ and $b$.\n    """\n',
    "canonical_solution": "def add(a, b):\n    return a + b\n",
    "inputs": [[1, 2]],
    "outputs": [[3]],
    "starter_code": "\ndef add(a, b):\n",
    "scope": [],
    "difficulty": "introductory",
    "split": "train",
}
TWICE = {
    **ADD,
    "prompt": '\ndef twice():\n    """"Twice" is what to print."""\n',
    "canonical_solution": "\ndef twice():\n    print(2 * int(input()))\n",
    "inputs": ["3\n"],
    "outputs": ["6\n"],
    "starter_code": "\ndef twice():\n",
}


def made_of(prepared: Prepared, row: dict) -> dict:
    """The one training row that comes of a raw row."""
    prepared.run("apps", "--source", prepared.write("rows.json", [row]))
    (made,) = prepared.rows("introductory", "train")
    assert made["verified"]
    return made


def test_the_statement_is_the_text_of_the_docstring_letter_by_letter(prepared):
    assert made_of(prepared, ADD)["query"] == "Add $a \\neq 0$ and $b$."
    assert made_of(prepared, TWICE)["query"] == '"Twice" is what to print.'
    decorated = "import re\n\n@cache\n" + ADD["prompt"].lstrip().replace("b):", 'b="x"):')
    assert made_of(prepared, {**ADD, "prompt": decorated})["query"].startswith("Add $a")
    unfinished = TWICE["prompt"].replace("    ", "    # here\n\nif __name__ == '__main__':\n    twice()    ", 1)
    assert made_of(prepared, {**TWICE, "prompt": unfinished})["query"] == '"Twice" is what to print.'


@pytest.mark.parametrize("text", ['Say """x"""', "def add(a, b): adds", 'Write def f():\n    """Says x."""'])
def test_a_statement_that_is_no_starter_code_stays_as_it_is(prepared, text):
    assert made_of(prepared, {**ADD, "prompt": text})["query"] == text


def test_an_empty_docstring_is_no_statement(prepared):
    row = {**ADD, "prompt": 'def add(a, b):\n    """\n    """'}
    assert "1 empty question" in prepared.run("apps", "--source", prepared.write("rows.json", [RIGHT, row]))


def test_the_name_stands_in_the_starter_code_and_texts_are_standard_input(prepared):
    call, stdin = made_of(prepared, ADD), made_of(prepared, TWICE)
    assert (call["test"]["fn_name"], call["test"]["stdin"], call["head"]) == ("add", False, "def add(a, b):")
    assert (stdin["test"]["fn_name"], stdin["test"]["stdin"], stdin["head"]) == ("twice", True, "def twice():")
    assert made_of(prepared, {**TWICE, "fn_name": "twice"}) == stdin


@pytest.mark.parametrize("field", ["input_type", "std_based"])
@pytest.mark.parametrize("value", [True, 1, 1.0])
def test_a_truth_value_says_that_standard_input_is_read(prepared, field, value):
    row = {**TWICE, "fn_name": "twice", field: value, "inputs": [["3"]], "outputs": [["6"]]}
    test = made_of(prepared, row)["test"]
    assert (test["stdin"], test["fn_name"], test["inputs"], test["outputs"]) == (True, "twice", ["3\n"], ["6\n"])


@pytest.mark.parametrize("value", [False, 0])
def test_a_truth_value_says_that_a_function_is_called(prepared, value):
    assert made_of(prepared, {**ADD, "input_type": value})["test"]["stdin"] is False


@pytest.mark.parametrize(
    ("gold", "code"),
    [
        ("add = lambda x, y=1: x + y", "def add(x, y=1):\n    return x + y\n"),
        (
            "import operator\n\nadd = operator.add  # as it is",
            "import operator\n\ndef add(a, b):\n    return operator.add(a, b)\n",
        ),
        (
            "def plus(a, b):\n    return a + b\nadd = plus",
            "def plus(a, b):\n    return a + b\ndef add(a, b):\n    return plus(a, b)\n",
        ),
    ],
)
def test_a_callable_under_the_name_becomes_a_function(prepared, gold, code):
    assert made_of(prepared, {**ADD, "canonical_solution": gold})["code"] == code


@pytest.mark.parametrize(
    ("starter", "head"),
    [("\ndef add(a, b=1):\n", "def add(a, b=1):"), ("\ndef other(a):\n", "def add(*given):")],
)
def test_a_callable_takes_the_parameters_of_the_starter_code_or_any(prepared, starter, head):
    row = {
        **ADD,
        "fn_name": "add",
        "canonical_solution": "import operator\nadd = operator.add",
        "starter_code": starter,
    }
    assert made_of(prepared, row)["head"] == f"import operator\n\n{head}"


def test_strings_in_quotes_are_values_as_they_are_or_else_literals(prepared):
    shout = {
        **ADD,
        "canonical_solution": "def add(a, b):\n    return {1: (a + b)[0], 2: [a + b]}",
        "inputs": [['"x"', "'\\n'"]],
        "outputs": [{"1": '"x"', "2": ['"x\\n"']}],
    }
    made = made_of(prepared, shout)
    assert made["test"]["inputs"] == [["x", "\n"]] and made["test"]["outputs"] == [{"1": "x", "2": ["x\n"]}]
    assert made["tags"]["strings"] == ["literals"]
    quoted = {**ADD, "inputs": [['"x"', '"']], "outputs": ['"x""']}
    made = made_of(prepared, quoted)
    assert made["test"]["inputs"] == quoted["inputs"] and "strings" not in made["tags"]


def test_a_solution_that_can_be_used_is_found_behind_one_that_cannot(prepared):
    row = {**TWICE, "canonical_solution": ["n = int(input())\nreturn\n", "print(2 * int(input()))\n"]}
    assert made_of(prepared, row)["code"] == "def solve():\n    print(2 * int(input()))\n"


@pytest.mark.skipif(not FOLDER, reason="GIFT_TEST_DATA names no folder with the data sets' files")
def test_of_the_published_rows_every_one_is_kept_and_passes(prepared):
    """Every fifth; tests/long prepares all 250. With time to spare: the slowest gold solution takes seconds."""
    chosen = json.loads((Path(FOLDER) / "apps" / "apps_plus_rows.json").read_text())[::5]
    printed = prepared.run("apps", "--source", prepared.write("apps_plus_rows.json", chosen), "--timeout", "60")
    rows = [row for task in TASKS for split in ("train", "test") for row in prepared.rows(task, split)]
    assert len(rows) == len(chosen) == 50 and all(row["verified"] for row in rows), printed
    assert not any(row["query"].startswith("def ") or '"""' in row["query"] for row in rows)
    assert min(Counter(row["tags"]["input"][0] for row in rows).values()) > 10


# The authors' own files


def authors_row(number: int, raw: dict) -> dict:
    test = {"fn_name": raw["function_name"] or "solve", "inputs": raw["inputs"], "outputs": raw["outputs"]}
    return {"id": number, "query": raw["question"], "code": raw["canonical_solution"], "test": test,
            "std_based": raw["input_type"] == "standard_input"}  # fmt: skip


@pytest.fixture
def authors(prepared) -> Prepared:
    """A folder as the authors have it: training files by difficulty, one test file, in-context lists."""
    prepared.write(
        "gift/apps+valid-introductory.json", [authors_row(i, raw) for i, raw in enumerate(ROWS[:4] + [STDIN])]
    )
    prepared.write("gift/apps+valid-interview.json", [authors_row(i, raw) for i, raw in enumerate(ROWS[8:11])])
    tests = [{**authors_row(i, raw), "difficulty": raw["difficulty"]} for i, raw in enumerate(ROWS[5:7] + ROWS[12:14])]
    prepared.write("gift/test.json", tests)
    prepared.write("gift/ict_data_interview.json", [[0, "The sum by depth."], [2, "# A rise."], [9, "None."], [1, " "]])
    prepared.write("gift/ict_data_introductory.json", [f"Text {i}" for i in range(5)])
    return prepared


def test_the_authors_files_are_read(authors):
    printed = authors.run("apps", "--source", authors.folder / "gift")
    assert [row["id"] for row in authors.rows("introductory", "train")] == [0, 1, 2, 3, 4]
    assert [row["id"] for row in authors.rows("interview", "test")] == [2, 3]
    stdin = authors.rows("introductory", "train")[4]
    assert stdin["test"]["fn_name"] == "solve" and stdin["head"] == "def solve():" and stdin["verified"]
    assert authors.rows("interview", "ict") == [[0, "The sum by depth."], [2, "A rise."]]
    assert "1 empty description, 1 no such problem" in printed
    problems, _ = registry.load("apps", "interview", "train")
    assert registry.load_examples("apps", "interview", problems)[0] == {"0": ["The sum by depth."], "2": ["A rise."]}


def test_bare_strings_belong_to_the_rows_of_their_file_in_order(authors):
    authors.run("apps", "--source", authors.folder / "gift")
    assert authors.rows("introductory", "ict") == [[i, f"Text {i}"] for i in range(5)]


def test_bare_strings_that_are_fewer_than_the_problems_are_counted_and_left_out(authors):
    authors.write("gift/ict_data_introductory.json", ["Some text."] * 3)
    printed = authors.run("apps", "--source", authors.folder / "gift")
    assert "3 bare string that names no problem" in printed and authors.rows("introductory", "ict") == []


def test_bare_strings_find_their_problems_by_what_they_say(authors):
    """Three of them, in no order; one is of a test problem, one of no problem."""
    texts = [
        "The function reads a file of weather reports.",
        "Sum of the knots of wind_speed gusts.",
        "Counts the vowels of town_name.",
        "The bakery_bill has loaves by price.",
    ]
    statements = {
        "wind_speed": "Sum the knots of all gusts",
        "town_name": "Count vowels",
        "bakery_bill": "Price of loaves",
    }
    rows = [
        {
            **ADD,
            "prompt": statement,
            "fn_name": name,
            "canonical_solution": f"def {name}(a, b):\n    return a + b\n",
            "split": "test" if name == "town_name" else "train",
        }
        for name, statement in statements.items()
    ]
    others = [{**row, "split": "train"} for row in ROWS[:4]]
    lists = authors.write("lists/ict_data_introductory.json", texts)
    printed = authors.run("apps", "--source", authors.write("rows.json", [*others, *rows]), "--ict", lists)
    assert authors.rows("introductory", "ict") == [[4, texts[1]], [6, texts[3]]]
    counts = authors.meta("introductory", "ict")["counts"]
    assert counts["matched"] == {"descriptions": 4, "matched": 3, "by": "content"}
    assert counts["dropped"] == {"bare string that names no problem": 1, "no such problem": 1}
    assert "introductory ict: the problems of 3 of 4 descriptions found by content" in printed


@pytest.mark.skipif(not FOLDER, reason="GIFT_TEST_DATA names no folder with the data sets' files")
def test_numbers_of_another_file_are_not_believed(prepared):
    """The published list counts the rows of a file of its own; in these 100 rows its numbers mean other problems."""
    rows = json.loads((Path(FOLDER) / "apps" / "apps_plus_rows.json").read_text())
    source = prepared.write("rows.json", [row for row in rows if row["difficulty"] == "interview"])
    lists = Path(FOLDER) / "gift" / "ict_data_interview.json"
    printed = prepared.run("apps", "--source", source, "--ict", lists, "--max_tests", "1", "--keep_unverified")
    assert prepared.rows("interview", "ict") == [] and "489 number of another file's row" in printed


def test_lists_of_other_data_sets_are_left_alone(authors):
    authors.write("gift/mbpp-ict_data.json", [[0, "Of another data set."]])
    authors.write("gift/ict_data.json", [[0, "Of no difficulty by its name."]])
    (authors.folder / "gift" / "ict_data_interview.json").unlink()
    authors.run("apps", "--source", authors.folder / "gift")
    assert authors.rows("interview", "ict") == [[0, "Of no difficulty by its name."]]


def test_a_function_that_reads_stays_as_it_is(prepared):
    code = "import sys\nLIMIT = 10\n\ndef run():\n    print(min(LIMIT, int(sys.stdin.read())))\n"
    row = {**authors_row(0, STDIN), "code": code, "test": {"fn_name": "run", "inputs": ["99"], "outputs": ["10"]}}
    prepared.run("apps", "--source", prepared.write("apps+valid-interview.json", [row]))
    (made,) = prepared.rows("interview", "train")
    assert made["code"] == code and made["test"]["fn_name"] == "run" and made["head"] == "import sys\n\ndef run():"


# Bad input

BAD = [
    ({"inputs": [[1, 2]]}, "inputs and outputs of different length"),
    ({"inputs": [], "outputs": []}, "no tests"),
    ({"question": " \n"}, "empty question"),
    ({"question": None}, "lacks question"),
    ({"question": 5}, "malformed question"),
    ({"canonical_solution": ""}, "lacks canonical_solution"),
    ({"canonical_solution": "def fence_length(:\n"}, "gold code does not parse"),
    ({"canonical_solution": "def other(a, b):\n    return 1\n"}, "gold code lacks the entry function"),
    ({"canonical_solution": [1]}, "malformed canonical_solution"),
    ({"outputs": None}, "lacks outputs"),
    ({"inputs": "1 2"}, "malformed inputs"),
    ({"difficulty": None}, "lacks difficulty"),
    ({"difficulty": "easy"}, "unknown difficulty"),
    ({"function_name": "", "starter_code": ""}, "lacks fn_name"),
    ({"question": "half a character \ud800"}, "not UTF-8"),
    ({"input_output": "{"}, "malformed input_output"),
    ({"problem_id": 2}, "id used twice"),
]


def test_bad_rows_are_dropped_and_counted_by_reason(prepared):
    rows = [{**CALL, "problem_id": 10 + i, "split": "train", **change} for i, (change, _) in enumerate(BAD)]
    printed = prepared.run("apps", "--source", prepared.write("rows.json", [RIGHT, *rows]))
    for reason, number in Counter(reason for _, reason in BAD).items():
        assert f"{number} {reason}" in printed, reason
    assert [row["id"] for row in prepared.rows("introductory", "train")] == [2]


def test_a_script_that_cannot_become_a_function_is_dropped(prepared):
    row = {**STDIN, "canonical_solution": "if 1:\n    from math import *\nprint(9)\n", "split": "train"}
    printed = prepared.run("apps", "--source", prepared.write("rows.json", [RIGHT, row]))
    assert "1 script cannot become a function" in printed


def test_broken_lines_are_dropped_and_counted(prepared):
    lines = [json.dumps(RIGHT).encode(), b'{"question": "cut', b"[1]", b'{"question": "\xff"}', b"", b"null"]
    printed = prepared.run("apps", "--source", prepared.write("rows.jsonl", b"\n".join(lines)))
    assert "| 5         | 1    | 1 not UTF-8, 2 not an object, 1 not valid JSON |" in printed


def test_quotes_and_backslashes_in_a_statement_leave_the_prompt_python(prepared):
    texts = ['Say """hi"""', "ends in \\", '"', "\\", 'a"b\\"', "\\N{nothing} \\x", "'''"]
    rows = [{**RIGHT, "problem_id": i, "question": text} for i, text in enumerate(texts)]
    prepared.run("apps", "--source", prepared.write("rows.json", rows))
    problems, _ = registry.load("apps", "introductory", "train")
    assert [problem.query for problem in problems] == texts and all(problem.verified for problem in problems)
    for problem, text in zip(problems, texts, strict=True):
        prompt = registry.adapter("apps").code_prompt(problem, problem.query)
        assert ast.get_docstring(entry(prompt, problem), clean=False) == f" {text}"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rows.json", '[{"question": "cut', "not valid JSON"),
        ("rows.json", "[]", "no usable row"),
        ("rows.json", '"text"', "list of rows"),
        ("rows.jsonl", "{\n{\n", "no usable row"),
        ("rows.jsonl", b"\xff\xfe", "no usable row"),
        ("rows.json.gz", b"not gzip", "cannot be read"),
        ("rows.jsonl", '{"a": 1}\n', "no row became a problem"),
    ],
)
def test_an_unusable_file_is_one_clear_line_and_loses_nothing(prepared, name, content, said):
    prepared.write("data/introductory/train.json", [RIGHT])
    before = prepared.files()
    path = prepared.write(name, content)
    with pytest.raises(InputError, match=said) as raised:
        prepared.run("apps", "--source", path)
    assert "\n" not in str(raised.value) and prepared.files() == before


def test_exit_status_2_and_one_line(tmp_path):
    command = [sys.executable, "-m", "data.apps.prepare", "--source", str(tmp_path / "missing.json")]
    done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and "missing.json: no such file" in done.stderr


@pytest.mark.parametrize(
    ("flags", "said"), [(["--max_tests", "-1"], "--max_tests -1"), (["--timeout", "0"], "--timeout")]
)
def test_bad_flags_are_named(prepared, flags, said):
    with pytest.raises(InputError, match=said):
        prepared.run("apps", "--source", STEPCODER, *flags)


def test_gzip_and_an_object_around_the_rows(prepared):
    prepared.write("rows.json.gz", gzip.compress(json.dumps({"version": 1, "data": [RIGHT]}).encode()))
    prepared.run("apps", "--source", "rows.json.gz")
    assert [row["id"] for row in prepared.rows("introductory", "train")] == [2]


def test_numbers_of_any_length_survive(prepared):
    big = 10**5000
    row = {
        **RIGHT,
        "canonical_solution": "def fence_length(a, b):\n    return a * b\n",
        "inputs": [[1, 2]],
        "outputs": [2],
    }
    text = (
        json.dumps(row)
        .replace("[[1, 2]]", f"[[{'1' + '0' * 5000}, 1]]")
        .replace('"outputs": [2]', f'"outputs": [1{"0" * 5000}]')
    )
    prepared.run("apps", "--source", prepared.write("rows.jsonl", text))
    (problem,), _ = registry.load("apps", "introductory", "train")
    assert problem.verified and problem.test["outputs"] == [big]


def test_a_data_set_of_the_hub_in_a_local_folder(tmp_path):
    """The library reads a folder in the hub's layout as it reads the hub."""
    pytest.importorskip("datasets")
    folder = tmp_path / "owner" / "name"
    folder.mkdir(parents=True)
    (folder / "train.jsonl").write_text(json.dumps({"question": "Q", "problem_id": 1}) + "\n")
    (folder / "test.jsonl").write_text(json.dumps({"question": "R", "problem_id": 2}) + "\n")
    parts = {part.name: part.rows for part in reading.read_hub(str(folder))}
    assert parts == {"train": [{"question": "Q", "problem_id": 1}], "test": [{"question": "R", "problem_id": 2}]}


def test_what_the_hub_does_not_have_is_named(tmp_path):
    with pytest.raises(InputError, match="give a local file"):
        reading.read_hub(str(tmp_path / "nothing"))


@pytest.mark.parametrize(
    ("name", "split"),
    [("train.jsonl", "train"), ("apps+valid-interview.json", "train"), ("test.json", "test"), ("data.json", None),
     ("latest.json", None), ("APPS_test.jsonl.gz", "test"), ("all/train", "train"), ("validation", "train")],
)  # fmt: skip
def test_splits_by_name(name, split):
    assert reading.split_of(name) == split


def test_dropped_rows_never_reach_a_judge():
    with pytest.raises(Dropped):
        apps.problem({"difficulty": "interview"}, 0, 0, None)
    assert issubclass(Dropped, Exception) and not issubclass(Dropped, files.InputError)
