"""`python -m eval.evaluate`: formats in, formats out, exit statuses; and how verdicts become pass@k."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from eval import registry
from eval.passk import pass_at_k
from eval.problem import Problem
from eval.samples import read_samples, result_text
from eval.score import format_breakdown, format_score, format_table, score
from eval.verdict import Judgement, Verdict

REPOSITORY = Path(__file__).resolve().parents[1]
HUMANEVAL, _ = registry.load("humaneval", "humaneval", "test")
QUICKSTART, _ = registry.load("quickstart", "quickstart", "test")


@pytest.fixture
def evaluate(tmp_path):
    """Run the command in a bare folder on these rows; returns exit status, the last line, results, standard error."""

    def run(dataset: str, rows: list[dict] | str | None, *flags: str):
        file = tmp_path / "samples.jsonl"
        if rows is not None:
            text = rows if isinstance(rows, str) else "".join(json.dumps(row) + "\n" for row in rows)
            file.write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "eval.evaluate", "--dataset", dataset, "--samples", "samples.jsonl", *flags]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
            check=False,
        )
        output = tmp_path / "samples.jsonl_results.jsonl"
        results = [json.loads(line) for line in output.read_text().splitlines()] if output.exists() else None
        last = json.loads(done.stdout.splitlines()[-1]) if done.stdout else None
        return done.returncode, last, results, done.stderr

    return run


def completion(problem) -> str:
    """What follows the benchmark's own prompt in the gold solution."""
    return problem.code.split(problem.prompt)[1].lstrip("\n")


def test_gold_completions_of_humaneval_pass(evaluate):
    """All 164 as the field writes them: behind a prompt that ends in a newline."""
    rows = [{"task_id": f"HumanEval/{p.id}", "completion": completion(p)} for p in HUMANEVAL]
    status, last, results, errors = evaluate("humaneval", rows)
    assert status == 0 and last == {"pass@1": 1.0, "pass@1_ci95": [1.0, 1.0], "n_problems": 164}
    assert results == [{**row, "passed": True, "result": "passed"} for row in rows]
    assert "warning" not in errors


def test_gold_solutions_of_quickstart_pass(evaluate):
    rows = [{"task_id": p.id, "solution": p.code} for p in QUICKSTART]
    status, last, results, _ = evaluate("quickstart", rows)
    assert status == 0 and last["pass@1"] == 1.0 and last["n_problems"] == len(QUICKSTART)
    assert [row["passed"] for row in results] == [True] * len(QUICKSTART)


@pytest.mark.parametrize("split", ["train", "test"])
def test_check_references_judges_the_gold_solutions(evaluate, split):
    status, last, results, errors = evaluate("quickstart", None, "--check_references", "--split", split)
    assert status == 0 and last["pass@1"] == 1.0 and results is None
    assert f"{last['n_problems']}/{last['n_problems']} pass" in errors


def test_results_say_how_each_sample_failed(evaluate):
    head = HUMANEVAL[0].head
    bodies = ["return True", "return 1 / 0", "while True: pass", "return (", "import os; os._exit(0)"]
    rows = [{"task_id": "HumanEval/0", "solution": f"{head}\n    {body}\n", "mine": i} for i, body in enumerate(bodies)]
    status, last, results, _ = evaluate("humaneval", rows, "--ignore_incomplete", "--timeout", "1")
    assert status == 0 and last["pass@1"] == 0 and last["n_problems"] == 1
    assert [row["result"] for row in results] == [
        "failed: WRONG",
        "failed: ERROR",
        "timed out",
        "failed: SYNTAX",
        "failed: ERROR",
    ]
    assert [{key: row[key] for key in ("task_id", "solution", "mine")} for row in results] == rows
    assert not any(row["passed"] for row in results)


def two_problems() -> list[dict]:
    """Three samples each: one of three right, and all right."""
    first, second = HUMANEVAL[:2]
    wrong = {"task_id": "HumanEval/0", "completion": "    return None\n"}
    right = {"task_id": "HumanEval/0", "completion": completion(first)}
    return [wrong, right, wrong, *[{"task_id": 1, "solution": second.code}] * 3]


def test_problems_not_attempted_count_as_failed_with_a_warning(evaluate):
    status, last, _, errors = evaluate("humaneval", two_problems(), "--k", "1", "2", "3")
    assert status == 0 and last["n_problems"] == 164
    assert "warning: 162 of 164 problems have no sample" in errors
    for k, value in ((1, (1 / 3 + 1) / 164), (2, (2 / 3 + 1) / 164), (3, 2 / 164)):
        assert last[f"pass@{k}"] == pytest.approx(value, abs=1e-6)


def test_ignore_incomplete_leaves_them_out(evaluate):
    status, last, _, _ = evaluate("humaneval", two_problems(), "--k", "1", "3", "--ignore_incomplete")
    assert status == 0 and last["n_problems"] == 2
    assert last["pass@1"] == pytest.approx(2 / 3, abs=1e-6) and last["pass@3"] == 1.0
    low, high = last["pass@1_ci95"]
    assert low == pytest.approx(1 / 3, abs=1e-6) and high == 1.0


GOOD_ROW = json.dumps({"task_id": "HumanEval/0", "completion": "    return None\n"}) + "\n"


@pytest.mark.parametrize(
    ("dataset", "rows", "flags", "named"),
    [
        ("nowhere", GOOD_ROW, [], "--dataset nowhere"),
        ("apps", GOOD_ROW, [], "--difficulty introductory | interview | competition"),
        ("humaneval", GOOD_ROW, ["--difficulty", "interview"], "--difficulty interview"),
        ("mbpp", GOOD_ROW, [], "python -m data.mbpp.prepare"),
        ("humaneval", GOOD_ROW, ["--split", "train"], "train"),
        ("humaneval", None, [], "samples.jsonl: no such file"),
        ("humaneval", "", [], "samples.jsonl"),
        ("humaneval", "\n \n", [], "samples.jsonl"),
        ("humaneval", GOOD_ROW + "{", [], "line 2"),
        ("humaneval", GOOD_ROW + "\n[1]\n", [], "line 3"),
        ("humaneval", GOOD_ROW + '{"completion": "x"}\n', [], "line 2"),
        ("humaneval", '{"task_id": "HumanEval/164", "completion": "x"}\n', [], "HumanEval/164"),
        ("humaneval", '{"task_id": "HumanEval/0"}\n', [], "line 1"),
        ("humaneval", '{"task_id": "HumanEval/0", "completion": ["x"]}\n', [], "line 1"),
        ("humaneval", GOOD_ROW, ["--k", "2"], "--k 2"),
        ("humaneval", GOOD_ROW * 3, ["--k", "1", "5"], "--k 5"),
        ("humaneval", GOOD_ROW, ["--k", "0"], "--k 0"),
        ("humaneval", GOOD_ROW, ["--k", "one"], "--k"),
        ("humaneval", GOOD_ROW, ["--timeout", "0"], "--timeout"),
        ("humaneval", GOOD_ROW, ["--plot", "curve.txt"], "--plot curve.txt"),
        ("humaneval", GOOD_ROW, ["--nonsense"], "--nonsense"),
    ],
)
def test_bad_usage_and_bad_input_end_in_status_2(evaluate, dataset, rows, flags, named):
    status, last, results, errors = evaluate(dataset, rows, *flags)
    assert (status, last, results) == (2, None, None)
    assert named in errors.splitlines()[-1] and "Traceback" not in errors


def test_without_samples_the_flag_is_named():
    command = [sys.executable, "-m", "eval.evaluate", "--dataset", "humaneval"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "--samples" in done.stderr and done.stdout == ""


# What people have

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


# Scores


def judged(verdicts: str) -> list[Judgement]:
    """P passes, W is wrong, I was never judged."""
    names = {"P": Verdict.PASS, "W": Verdict.WRONG, "I": Verdict.INFRA}
    return [Judgement(names[v], {"P": True, "W": False, "I": None}[v]) for v in verdicts]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_pass_at_k_is_the_mean_over_problems(k):
    """Not over samples: problems may have different numbers of them."""
    found = score(HUMANEVAL[:3], [judged("PWW"), judged("PPWWWW"), judged("WWWW")], [k])
    expected = (pass_at_k(3, 1, k) + pass_at_k(6, 2, k) + 0) / 3
    assert found["pass_at_k"][str(k)] == pytest.approx(expected, abs=1e-6)
    assert found["per_problem"] == {"0": [3, 1], "1": [6, 2], "2": [4, 0]} and found["n_problems"] == 3
    assert found["verdicts"] == {"PASS": 3, "WRONG": 10}


def test_what_was_never_judged_is_neither_right_nor_wrong():
    found = score(HUMANEVAL[:3], [judged("PI"), judged("II"), judged("W")], [1])
    assert found["per_problem"] == {"0": [1, 1], "2": [1, 0]} and found["pass_at_k"]["1"] == 0.5
    assert found["verdicts"] == {"INFRA": 3, "PASS": 1, "WRONG": 1}


def test_a_problem_short_of_k_judged_samples_is_left_out_of_that_k_alone():
    found = score(HUMANEVAL[:2], [judged("PWI"), judged("PPW")], [1, 3])
    assert found["pass_at_k"] == {"1": pytest.approx(7 / 12, abs=1e-6), "3": 1.0}


def test_a_problem_never_attempted_has_failed():
    found = score(HUMANEVAL[:2], [[], judged("PP")], [1, 2])
    assert found["pass_at_k"] == {"1": 0.5, "2": 0.5} and found["per_problem"]["0"] == [0, 0]


def test_no_score_where_nothing_could_be_judged():
    found = score(HUMANEVAL[:1], [judged("I")], [1])
    assert found["pass_at_k"] == {} and found["n_problems"] == 0


def test_a_weak_pass_counts_where_the_judge_let_it():
    found = score(HUMANEVAL[:1], [[Judgement(Verdict.WEAK, True), Judgement(Verdict.WEAK, False)]], [1])
    assert found["per_problem"] == {"0": [2, 1]}


@pytest.mark.parametrize(
    ("judgement", "text"),
    [
        (Judgement(Verdict.PASS, True), "passed"),
        (Judgement(Verdict.WEAK, True), "passed"),
        (Judgement(Verdict.WEAK, False), "failed: WEAK"),
        (Judgement(Verdict.TIMEOUT, False), "timed out"),
        (Judgement(Verdict.MEMORY, False), "failed: MEMORY"),
        (Judgement(Verdict.INFRA, None), "failed: INFRA"),
    ],
)
def test_the_words_of_result_files(judgement, text):
    assert result_text(judgement) == text


def test_the_line_for_people():
    found = score(HUMANEVAL[:2], [judged("P"), judged("W")], [1])
    for part in ("pass@1 50.0", "0.0 to 100.0", "2 problems"):
        assert part in format_score(found)


def test_a_k_that_no_problem_has_samples_for_is_a_dash():
    scores = score(HUMANEVAL[:1], [judged("PI")], [1, 2]) | {"gold": {"n": 0, "failing": []}}
    assert format_table(scores, [1, 2])[1:] == ["k = 1" + " " * 23 + "100.0 (100.0 to 100.0)", "k = 2" + " " * 23 + "-"]


# Verified problems, tags, the scores file


def tagged() -> list[Problem]:
    """Four problems, the last two without a gold solution that passes."""
    libraries = [["numpy"], ["numpy", "re"], ["re", "re"], []]
    return [
        replace(problem, verified=i < 2, tags={"library": libraries[i], "label": ["loop"]})
        for i, problem in enumerate(HUMANEVAL[:4])
    ]


def test_scores_over_all_and_over_verified_problems():
    found = score(tagged(), [judged("P"), judged("W"), judged("W"), judged("W")], [1])
    assert found["pass_at_k"]["1"] == 0.25 and found["n_problems"] == 4
    assert found["verified"]["pass_at_k"]["1"] == 0.5 and found["verified"]["n_problems"] == 2
    low, high = found["verified"]["ci95"]["1"]
    assert low <= 0.5 <= high and "gold solution passes: pass@1 50.0%" in format_score(found)


def test_where_all_are_verified_there_is_one_score():
    found = score(HUMANEVAL[:2], [judged("P"), judged("W")], [1])
    assert "verified" not in found and "breakdown" not in found


def test_a_problem_counts_under_each_of_its_tags_once():
    found = score(tagged(), [judged("PP"), judged("PW"), judged("WW"), judged("WW")], [1, 2])
    library = found["breakdown"]["library"]
    assert library["numpy"] == {"n_problems": 2, "pass_at_k": {"1": 0.75, "2": 1.0}}
    assert library["re"] == {"n_problems": 2, "pass_at_k": {"1": 0.25, "2": 0.5}}
    assert found["breakdown"]["label"]["loop"]["n_problems"] == 4
    assert "library numpy: pass@1 75.0%, pass@2 100.0%, 2 problems" in format_breakdown(found)


def test_scores_are_kept_beside_the_samples(evaluate, tmp_path):
    folder = tmp_path / "data" / "codeinsight"
    folder.mkdir(parents=True)
    test = {"style": "asserts", "setup": "", "asserts": ["assert test(1) == 2"]}
    row = {"query": "Add one.", "head": "def test(a):", "code": "def test(a):\n    return a + 1\n", "test": test}
    rows = [{"id": i, **row, "verified": i == 0, "tags": {"library": [name]}} for i, name in enumerate(["re", "json"])]
    (folder / "test.json").write_text(json.dumps(rows))
    samples = [{"task_id": i, "completion": f"    return a + {n}"} for i in (0, 1) for n in (1, 2 + i)]
    status, last, _, errors = evaluate("codeinsight", samples, "--k", "1", "2")
    assert status == 0 and last["pass@1"] == 0.5 and last["n_problems"] == 2 and set(last) == {
        "pass@1", "pass@1_ci95", "pass@2", "pass@2_ci95", "n_problems"}  # fmt: skip
    scores = json.loads((tmp_path / "samples.jsonl_scores.json").read_text())
    assert scores["per_problem"] == {"0": [2, 1], "1": [2, 1]} and scores["verdicts"] == {"PASS": 2, "WRONG": 2}
    assert scores["verified"]["n_problems"] == 1 and scores["breakdown"]["library"]["json"]["pass_at_k"]["2"] == 1.0
    assert "library re: pass@1 50.0%, pass@2 100.0%, 1 problems" in errors
    meta = json.loads((tmp_path / "samples.jsonl_scores.meta.json").read_text())
    assert set(meta["inputs"]) == {"problems", "samples"} and meta["settings"]["k"] == [1, 2]
