"""`python -m data.codeinsight.prepare`, on small rows and on the real files."""

from __future__ import annotations

import ast
import json
import os
import shutil
from pathlib import Path

import pytest

from data.codeinsight.prepare import cannot_fail
from data.conversion import raw_head
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
    assert [row["id"] for row in prepared.rows("codeinsight", "train")] == [1]
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
        assert [row["id"] for row in prepared.rows("codeinsight", "train")] == kept
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
    """Every fortieth row; scripts/test_long.sh prepares all."""
    rows = {}
    for split in ("train", "test"):
        lines = (Path(FOLDER) / f"codeinsight-{split}.jsonl").read_text(encoding="utf-8").splitlines()
        rows[split] = [json.loads(line) for line in lines[::40]]
        prepared.write(f"raw/codeinsight-{split}.jsonl", rows[split])
    prepared.run("codeinsight", "--source", prepared.folder / "raw")
    for split, number in (("train", 39), ("test", 47)):
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
    assert len(problems) < 39 and f"{39 - len(problems)} entries" in found.warning
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
