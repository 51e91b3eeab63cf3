"""Samples as people have them: tokens, fences, folders, gzip; base tests; gold solutions; what is written and drawn."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest
from test_evaluate import GOOD_ROW, HUMANEVAL, two_problems

from eval import registry
from eval.samples import read_samples

CHAT = "Sure! Here is the function:\n\n```python\n{}\n```\n\nIt adds the two numbers."


def test_an_end_of_text_token_and_a_code_fence_pass_after_sanitising_with_the_raw_score_beside(evaluate, tmp_path):
    """The first as reported for bigcode-evaluation-harness (311), the second for lm-evaluation-harness (2648)."""
    rows = [
        {"task_id": "HumanEval/53", "completion": "    return x + y<|endoftext|>"},
        {"task_id": "HumanEval/53", "solution": CHAT.format(HUMANEVAL[53].code)},
        {"task_id": "HumanEval/53", "completion": "    return x + y"},
        {"task_id": "HumanEval/53", "completion": "    return x - y<|endoftext|>"},
    ]
    status, last, results, errors = evaluate("humaneval", rows, "--ignore_incomplete", "--k", "1", "4")
    assert status == 0 and (last["pass@1"], last["raw_pass@1"]) == (0.75, 0.25)
    assert [row["result"] for row in results] == ["passed"] * 3 + ["failed: SYNTAX"]
    assert [row.get("raw_result") for row in results] == ["failed: SYNTAX"] * 2 + [None] * 2
    assert results[0]["sanitized"].endswith("    return x + y\n") and results[2] == {
        **rows[2],
        "passed": True,
        "result": "passed",
    }
    table = [re.split("   +", line) for line in errors.splitlines()]
    assert ["pass@k, % (95 % interval)", "all tests", "all tests, as written"] in table
    assert ["k = 1", "75.0 (75.0 to 75.0)", "25.0 (25.0 to 25.0)"] in table
    assert ["gold solutions", "1/1 pass"] in table
    scores = json.loads((tmp_path / "samples.jsonl_scores.json").read_text())
    assert scores["per_problem"] == {"53": [4, 3]} and scores["raw"]["per_problem"] == {"53": [4, 1]}
    written = json.loads((tmp_path / "samples.jsonl_eval_results.json").read_text())
    assert [row["base_status"] for row in written["eval"]["HumanEval/53"]] == ["pass"] * 3 + ["fail"]


def test_without_sanitising_a_sample_is_judged_as_it_is(evaluate):
    rows = [{"task_id": "HumanEval/53", "completion": "    return x + y<|endoftext|>"}]
    status, last, results, _ = evaluate("humaneval", rows, "--ignore_incomplete", "--no_sanitize")
    assert status == 0 and last["pass@1"] == 0.0 and "raw_pass@1" not in last
    assert results == [{**rows[0], "passed": False, "result": "failed: SYNTAX"}]


def test_gold_solutions_are_judged_under_the_limits_of_the_run(evaluate, tmp_path):
    """A gold solution that needs longer than the run allows is counted out and named."""
    folder = tmp_path / "data" / "codeinsight"
    folder.mkdir(parents=True)
    test = {"style": "asserts", "setup": "", "asserts": ["assert test(1) == 2"]}
    row = {"query": "Add one.", "head": "def test(a):", "test": test, "verified": True}
    codes = ["def test(a):\n    return a + 1\n", "import time\ndef test(a):\n    time.sleep(30)\n    return a + 1\n"]
    (folder / "test.json").write_text(json.dumps([{"id": i, "code": code, **row} for i, code in enumerate(codes)]))
    samples = [{"task_id": i, "completion": "    return a + 1"} for i in (0, 1)]
    status, last, _, errors = evaluate("codeinsight", samples, "--timeout", "2")
    assert status == 0 and last["pass@1"] == 1.0 and "1/2 pass" in errors
    assert "gold solutions that do not pass: 1" in errors
    assert json.loads((tmp_path / "samples.jsonl_scores.json").read_text())["gold"] == {
        "n": 2,
        "passed": 1,
        "failing": ["1"],
    }


def with_base(tmp_path: Path) -> None:
    """Two problems whose tests extend base tests."""
    folder = tmp_path / "data" / "codeinsight"
    folder.mkdir(parents=True)
    rows = []
    for i in range(2):
        base = {"style": "asserts", "setup": "", "asserts": ["assert double(1) == 2"]}
        more = {**base, "asserts": [*base["asserts"], "assert double(3) == 6"]}
        row = {"id": i, "query": "Double.", "head": "def double(a):", "code": "def double(a):\n    return 2 * a\n"}
        rows.append({**row, "test": more, "base_test": base, "verified": True})
    (folder / "test.json").write_text(json.dumps(rows))


def test_base_and_all_tests_stand_side_by_side(evaluate, tmp_path):
    """A sample that passes all passes the base; one that fails is judged by the base too, sanitised where it fails."""
    with_base(tmp_path)
    bodies = ["    return 2 * a", "    return a + 1", "    return a", "    return 2 * a</s>", "    return a + 1</s>"]
    rows = [{"task_id": i, "completion": body} for i in (0, 1) for body in bodies]
    status, last, results, errors = evaluate("codeinsight", rows, "--k", "1", "5")
    assert status == 0
    assert [row["passed"] for row in results[:5]] == [True, False, False, True, False]
    assert [row["base_passed"] for row in results[:5]] == [True, True, False, True, True]
    assert (last["pass@1"], last["base_pass@1"]) == (0.4, 0.8)
    assert (last["raw_pass@1"], last["raw_base_pass@1"]) == (0.2, 0.4) and last["base_pass@5"] == 1.0
    table = [re.split("   +", line) for line in errors.splitlines()]
    titles = ["base+plus", "base", "base+plus, as written", "base, as written"]
    assert ["pass@k, % (95 % interval)", *titles] in table and ["gold solutions", "2/2 pass", "2/2 pass"] in table
    written = json.loads((tmp_path / "samples.jsonl_eval_results.json").read_text())["eval"]["0"]
    statuses = [(row["base_status"], row["plus_status"]) for row in written]
    assert statuses == [("pass", "pass"), ("pass", "fail"), ("fail", "fail"), ("pass", "pass"), ("pass", "fail")]
    assert set(written[0]) == {
        "task_id",
        "solution",
        "base_status",
        "plus_status",
        "base_fail_tests",
        "plus_fail_tests",
    }


def test_where_sanitising_changes_nothing_there_is_one_score(evaluate, tmp_path):
    with_base(tmp_path)
    rows = [{"task_id": i, "completion": f"    return a + {1 + i}"} for i in (0, 1)]
    status, last, _, _ = evaluate("codeinsight", rows)
    assert status == 0 and set(last) == {"pass@1", "pass@1_ci95", "base_pass@1", "base_pass@1_ci95", "n_problems"}
    assert (last["pass@1"], last["base_pass@1"]) == (0.0, 0.5)


def test_a_curve_is_drawn_where_a_file_is_named(evaluate, tmp_path):
    status, _, _, errors = evaluate("humaneval", two_problems(), "--k", "3", "1", "2", "--plot", "figures/curve.png")
    assert status == 0 and (tmp_path / "figures" / "curve.png").read_bytes().startswith(b"\x89PNG")
    ks = [int(line.split()[2]) for line in errors.splitlines() if line.startswith("k = ")]
    assert ks == [1, 2, 3]


def test_evalplus_folder_is_read_like_its_rows(evaluate, tmp_path):
    """`HumanEval_0/0.py`, `HumanEval_0/1.py`, ...; other files and folders in it are left alone."""
    programs = {
        "HumanEval_0": [HUMANEVAL[0].code, "def no():\n"],
        "HumanEval_53": [CHAT.format(HUMANEVAL[53].code)] * 11,
    }
    for name, codes in programs.items():
        (tmp_path / "out" / name).mkdir(parents=True)
        for i, code in enumerate(codes):
            (tmp_path / "out" / name / f"{i}.py").write_text(code)
    (tmp_path / "out" / "eval_results.json").write_text("{}")
    (tmp_path / "out" / "__pycache__").mkdir()
    status, last, _, _ = evaluate("humaneval", None, "--samples", "out/", "--ignore_incomplete")
    assert status == 0 and (last["pass@1"], last["raw_pass@1"], last["n_problems"]) == (0.75, 0.25, 2)
    rows = [json.loads(line) for line in (tmp_path / "out_results.jsonl").read_text().splitlines()]
    assert [row["_identifier"] for row in rows[-2:]] == ["out/HumanEval_53/9.py", "out/HumanEval_53/10.py"]
    assert (tmp_path / "out" / "eval_results.json").read_text() == "{}"


@pytest.mark.parametrize(("content", "named"), [(None, "holds no sample"), ("HumanEval_999", "HumanEval_999")])
def test_a_folder_without_samples_or_of_other_problems_is_refused(evaluate, tmp_path, content, named):
    (tmp_path / "out").mkdir()
    if content:
        (tmp_path / "out" / content).mkdir()
        (tmp_path / "out" / content / "0.py").write_text("x = 1\n")
    status, last, _, errors = evaluate("humaneval", None, "--samples", "out")
    assert (status, last) == (2, None) and named in errors.splitlines()[-1]


def test_gzip_and_windows_files_are_read(tmp_path):
    """EvalPlus's rows with `_identifier`, gzipped; rows with a byte order mark and Windows newlines."""
    adapter = registry.adapter("humaneval")
    row = {"task_id": "HumanEval/7", "solution": "x = 1\r\n", "_identifier": "HumanEval/7 (line 1)"}
    packed, windows = tmp_path / "samples.jsonl.gz", tmp_path / "windows.jsonl"
    packed.write_bytes(gzip.compress(json.dumps(row).encode() + b"\n"))
    windows.write_bytes(b"\xef\xbb\xbf" + json.dumps(row).encode() + b"\r\n\r\n")
    expected = [(row, 7, "x = 1\r\n")]
    assert read_samples(str(packed), HUMANEVAL, adapter) == read_samples(str(windows), HUMANEVAL, adapter) == expected


def test_a_gzip_file_cut_short_is_one_line(evaluate, tmp_path):
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(GOOD_ROW.encode() * 50)[:60])
    status, last, _, errors = evaluate("humaneval", None, "--samples", "cut.jsonl.gz")
    assert (status, last) == (2, None) and "cut.jsonl.gz: cannot be read" in errors.splitlines()[-1]


# Reading samples


@pytest.fixture
def read(tmp_path):
    """Read samples of HumanEval from these rows."""

    def from_rows(*rows: dict, ascii_only: bool = True):
        path = tmp_path / "samples.jsonl"
        path.write_text("\n".join(json.dumps(row, ensure_ascii=ascii_only) for row in rows), encoding="utf-8")
        return read_samples(str(path), HUMANEVAL, registry.adapter("humaneval"))

    return from_rows


@pytest.mark.parametrize("name", ["HumanEval/7", "7", 7])
def test_a_problem_goes_by_the_fields_name_or_its_id(read, name):
    assert read({"task_id": name, "solution": "x = 1"}) == [({"task_id": name, "solution": "x = 1"}, 7, "x = 1")]


@pytest.mark.parametrize("start", ["", "\n", "\n\n"])
def test_a_completion_goes_on_below_the_prompt(read, start):
    ((_, _, program),) = read({"task_id": 0, "completion": start + "    return True"})
    assert program.startswith(HUMANEVAL[0].prompt + "\n") and program.endswith("\n    return True")
    compile(program, "program", "exec")


def test_a_solution_goes_before_a_completion(read):
    assert read({"task_id": 0, "completion": "no", "solution": "x = 1"})[0][2] == "x = 1"


@pytest.mark.parametrize(
    "mark",
    [
        "é",
        "\ud800",
        "\u2028",
        "\u0085",
    ],
)
def test_any_text_may_stand_in_a_row(read, mark):
    ascii_only = mark == "\ud800"  # half a character has no UTF-8
    assert mark in read({"task_id": 0, "solution": f"x = '{mark}'"}, ascii_only=ascii_only)[0][2]
