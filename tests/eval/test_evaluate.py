"""`python -m eval.evaluate`: formats in, formats out, exit statuses; and how verdicts become pass@k."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from eval import registry
from eval.judge.verdict import Judgement, Verdict
from eval.passk import pass_at_k
from eval.problem import Problem
from eval.samples import result_text
from eval.score import format_breakdown, format_score, format_table, score

REPOSITORY = Path(__file__).resolve().parents[2]
HUMANEVAL, _ = registry.load("humaneval", "humaneval", "test")
QUICKSTART, _ = registry.load("quickstart", "quickstart", "test")


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
