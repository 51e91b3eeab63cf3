"""`python -m data.make_ict`: what counts as a description, and the command with a toy model and without one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import warm
from toy import REPOSITORY

from data.make_ict import fault_in, keep_good
from eval.problem import Problem

FOLDER = os.environ.get("GIFT_TEST_DATA")


def problems(count: int) -> list[Problem]:
    test = {"style": "asserts", "setup": "", "asserts": ["assert f(1)"]}
    return [Problem(i, f"Text {i}.", "def f(a):", "def f(a):\n    return a\n", test) for i in range(count)]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Adds two numbers.", ""),
        ("Sort", ""),
        ("Returns x if x > 0, else 0.\nUses a loop.", ""),
        ("The function returns the sum.", ""),
        ("Import the data from a file.", ""),
        ("", "empty"),
        (" \n#", "empty"),
        ("... 123 !", "empty"),
        ("```python\nx", "code"),
        ("def f(a):\n    return a", "code"),
        ("It does this:\ndef f(a):\n    return a", "code"),
        ("import math", "code"),
        ("from math import sqrt", "code"),
        ("return a + b", "code"),
        (">>> f(1)", "code"),
        ("x = 1\nprint(x)", "code"),
        ("a + b", "code"),
        ("class A:", "code"),
    ],
)
def test_what_is_no_description(text, fault):
    assert fault_in(text) == fault


def test_what_was_cut_off_is_no_description():
    assert fault_in("Adds two numbers and", ended=False) == "cut off"


def test_the_good_ones_are_kept_in_order_and_the_others_counted():
    made = [("# Adds.", True), ("adds", True), ("", True), ("Never ends", False), ("x = [1]", True), ("Old one.", True),
            ("Multiplies.", True)]  # fmt: skip
    kept, dropped = keep_good(problems(7), made, ["old ONE"])
    assert kept == [[0, "Adds."], [6, "Multiplies."]]
    assert dropped == {"duplicate": 2, "empty": 1, "cut off": 1, "code": 1}


@pytest.mark.skipif(not FOLDER, reason="GIFT_TEST_DATA names no folder with the data sets' files")
@pytest.mark.parametrize("name", ["ict_data_mbpp.json", "ict_data_codeinsight.json"])
def test_nearly_all_published_descriptions_would_be_kept(name):
    entries = json.loads((Path(FOLDER) / name).read_text())
    kept, dropped = keep_good(problems(len(entries)), [(text, True) for _, text in entries], [])
    assert len(kept) >= 0.9 * len(entries), dropped


def make_ict(folder: Path, *flags: str) -> subprocess.CompletedProcess:
    command = ["-m", "data.make_ict", "--dataset", "apps", "--difficulty", "introductory", *flags]
    return warm.run(command, folder, {**os.environ, "PYTHONPATH": str(REPOSITORY)})


@pytest.fixture
def bare_task(toy_task) -> Path:
    """The toy problems without in-context descriptions."""
    for path in (toy_task / "data" / "introductory").glob("ict.*"):
        path.unlink()
    return toy_task


def read(folder: Path, name: str = "ict.json"):
    return json.loads((folder / "data" / "introductory" / name).read_text())


def test_without_a_model_the_seed_descriptions_serve(bare_task):
    done = make_ict(bare_task)
    assert done.returncode == 0, done.stderr
    train = read(bare_task, "train.json")
    queries = {str(row["id"]): row["query"] for row in train}
    assert read(bare_task) and all(queries[str(key)] == text for key, text in read(bare_task))
    assert read(bare_task, "ict.meta.json")["settings"]["model"] is None


def test_a_model_describes_gold_codes_and_what_was_there_stays(bare_task, tiny_model):
    train = read(bare_task, "train.json")
    first = [[train[0]["id"], "A description that was there."]]
    (bare_task / "data" / "introductory" / "ict.json").write_text(json.dumps(first))
    flags = ["--model_name_or_path", str(tiny_model), "--dtype", "fp32", "--max_new_tokens", "64", "--limit", "3"]
    done = make_ict(bare_task, *flags)
    assert done.returncode == 0, done.stderr
    made, meta = read(bare_task), read(bare_task, "ict.meta.json")
    assert made[0] == first[0] and len(made) > 1, meta["counts"]
    assert meta["counts"]["made"] == 3 and meta["counts"]["added"] == len(made) - 1
    assert meta["counts"]["added"] + sum(meta["counts"]["dropped"].values()) == 3
    assert {str(key) for key, _ in made[1:]} <= {str(row["id"]) for row in train[1:4]}
    before = (bare_task / "data" / "introductory" / "ict.json").read_bytes()
    (bare_task / "data" / "introductory" / "ict.json").write_text(json.dumps(first))
    assert make_ict(bare_task, *flags).returncode == 0
    assert (bare_task / "data" / "introductory" / "ict.json").read_bytes() == before


def test_descriptions_that_are_all_cut_off_need_more_tokens(bare_task, tiny_model):
    flags = ["--model_name_or_path", str(tiny_model), "--dtype", "fp32", "--max_new_tokens", "1", "--limit", "2"]
    done = make_ict(bare_task, *flags)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("(2 cut off); try a higher --max_new_tokens than 1")
    assert not (bare_task / "data" / "introductory" / "ict.json").exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--limit", "-1"], "--limit -1"),
        (["--max_new_tokens", "0"], "--max_new_tokens 0"),
        (["--model_name_or_path", "./nothing"], "--model_name_or_path ./nothing"),
    ],
)
def test_bad_usage_is_one_line_and_status_2(bare_task, flags, said):
    done = make_ict(bare_task, *flags)
    assert done.returncode == 2 and said in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr
    assert not (bare_task / "data" / "introductory" / "ict.json").exists()
