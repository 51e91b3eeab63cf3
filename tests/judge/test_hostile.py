"""The self-written hostile set, and one decision for each case in which a judge has to choose."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from eval.judge import Judge, JudgeOptions
from eval.judge.verdict import Verdict

FOLDER = Path(__file__).parents[1] / "hostile"

# What is decided for each policy case, and why.
POLICY = {
    "policy_call_star_import_shadows_pow": (False, "Names the judge gives come first; a program's imports win."),
    "policy_nonzero_exit_after_right_answer": (False, "A program that says it failed has failed."),
    "policy_int_str_limit_4300": (True, "The data sets are older than Python's limit on digits, so it is lifted."),
    "policy_crlf_input_not_stripped": (False, "Input reaches the program byte by byte, as on Linux."),
    "policy_line_order_and_duplicates": (False, "Lines count in their order and number."),
    "policy_numeric_format": (True, "3.0 is 3 in printed output: numbers are compared as numbers."),
    "policy_call_float_tolerance": (False, "Call results are exact, as in the data set's own judging."),
    "policy_call_json_int_keys": (True, "JSON has no integer keys, so keys that are all integers become integers."),
    "policy_call_missing_typing_import": (True, "The published judging of APPS+ defines typing's names."),
    "policy_call_mutable_default_leaks": (False, "All calls of a call-style program go to one live module."),
    "policy_nondaemon_thread_forever": (True, "The verdict of a test falls when the test ends, whatever still runs."),
    "policy_multiprocessing_pool": (True, "Child processes, /dev/shm and semaphores are there (not under landlock)."),
    "policy_bom_at_start": (False, "The program is compiled as it is; a byte order mark is no Python."),
    "policy_tests_shadowed_by_candidate": (True, "Builtins of a test are Python's; a program cannot replace them."),
}  # fmt: skip


def rows(name: str) -> list[dict]:
    """The rows of one file of the set."""
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def canaries(monkeypatch):
    """Things on the host that no candidate may see."""
    monkeypatch.setenv("GIFT_CANARY_TOKEN", "1")
    command = [sys.executable, str(FOLDER / "canary_host.py"), "600"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as host:
        host.stdout.readline()
        yield
        host.terminate()


def disagreements(candidates: list[dict], options: JudgeOptions) -> list[str]:
    """Ids and verdicts of rows that were not judged as labelled."""
    with Judge(options) as judge:
        judgements = judge.judge((row["code"], row["test"]) for row in candidates)
        return [f"{row['id']}: {judgement}" for row, judgement in zip(candidates, judgements, strict=True)
                if judgement.passed is not (row["expected"] == "pass")]  # fmt: skip


def traces() -> list[str]:
    """Files on the host that candidates of the set try to leave."""
    folders = ["/", "/etc", "/usr", "/var/tmp", "/tmp", "/dev/shm", "/root", "/opt", "/home", os.path.expanduser("~")]
    names = ("gift_canary_write.pth", "gift_left", "gift_canary_exc")
    return [f"{folder}/{name}" for folder in folders for name in names
            if os.path.exists(f"{folder}/{name}")]  # fmt: skip


def test_every_hostile_candidate_is_judged_as_labelled(canaries):
    before = traces()
    candidates = rows("candidates.jsonl")
    assert len(candidates) == 132
    # The pair of rows that look for each other's traces runs on one worker of its own below.
    apart = [row for row in candidates if not row["id"].startswith("fail_trace") and row["class"] != "hang"]
    assert disagreements(apart, JudgeOptions(workers=4, timeout=6.0)) == []
    assert traces() == before


def test_candidates_that_never_end_run_out_of_time():
    hanging = [row for row in rows("candidates.jsonl") if row["class"] == "hang"]
    with Judge(JudgeOptions(workers=2, timeout=1.0)) as judge:
        judgements = judge.judge((row["code"], row["test"]) for row in hanging)
        verdicts = {row["id"]: judgement.verdict for row, judgement in zip(hanging, judgements, strict=True)}
    assert len(verdicts) == 12
    assert verdicts.pop("fail_hang_reads_stdin") is Verdict.ERROR  # its input is at an end
    assert set(verdicts.values()) == {Verdict.TIMEOUT}, verdicts


def test_nothing_of_a_candidate_is_left_for_the_next():
    pair = [row for row in rows("candidates.jsonl") if row["id"].startswith("fail_trace")]
    assert [row["id"] for row in pair] == ["fail_trace_1_leave", "fail_trace_2_find"]
    assert disagreements(pair, JudgeOptions(workers=1, timeout=8.0)) == []


def test_policy_decisions():
    cases = {row["id"]: row for row in rows("policy.jsonl")}
    assert cases.keys() == POLICY.keys()
    with Judge(JudgeOptions(workers=2, timeout=8.0)) as judge:
        futures = {name: judge.submit(row["code"], row["test"]) for name, row in cases.items()}
        for name, (passes, why) in POLICY.items():
            if name == "policy_multiprocessing_pool" and judge.level != "bwrap":
                continue
            assert futures[name].result().passed is passes, (name, why, futures[name].result())
