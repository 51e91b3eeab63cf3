"""Small inputs of public bug reports on judging, by project and number, each with the right answer.

Others stand where their subject has its tests: samples files (bigcode-evaluation-harness 311, lm-evaluation-harness
2648, BigCodeBench 13 and 93) in `test_samples.py`, schedules and number formats (DeepSpeed 771, 8010) in
`test_train.py`, tokenizers (transformers 46489, 26273) in `test_load.py` and `test_tokens.py`, sampling settings (TRL
5783, verl 7270) in `test_load.py` and `test_generate.py`, the prompt's last newline (bigcode-evaluation-harness 159,
308) in `test_published.py`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from eval.judge import Judge, JudgeOptions
from eval.judge.verdict import Verdict
from eval.sanitize import sanitize

GUARDED = "def solve():\n    print(2 * int(input()))\n\nif __name__ == '__main__':\n    solve()\n"


@pytest.fixture(scope="module")
def judge():
    with Judge(JudgeOptions(workers=1, timeout=10.0)) as pool:
        yield pool


def verdict(judge: Judge, program: str, test: dict) -> Verdict:
    """The verdict on one program."""
    return next(judge.judge([(program, test)])).verdict


def test_a_guard_that_calls_the_entry_point_does_not_read_twice_after_sanitising(judge):
    """USACO 5."""
    test = {"style": "io", "fn_name": "solve", "inputs": ["4\n"], "outputs": ["8\n"], "stdin": True}
    assert verdict(judge, sanitize(GUARDED, "solve"), test) is Verdict.PASS


def test_strings_hash_alike_in_every_cell(judge):
    """Evalplus 147, 148, 308: the order of a set of strings is the same in every run, that of hash seed 0."""
    words = [["apple", "banana", "cherry", "date"], ["cherry", "banana", "date", "apple", "fig"]]
    show = f"print(tuple(set({words[0]}) & set({words[1]})))"
    seeded = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run([sys.executable, "-c", show], env=seeded, capture_output=True, text=True, check=True)
    program = "def shared(a, b):\n    return tuple(set(a) & set(b))\n"
    script = f"assert shared({words[0]}, {words[1]}) == {done.stdout.strip()}"
    test = {"style": "asserts", "setup": "", "asserts": [script, script]}
    assert [verdict(judge, program, test) for _ in range(3)] == [Verdict.PASS] * 3


def test_floats_of_calls_are_compared_exactly_unless_asked_otherwise(judge):
    """NeMo-Gym 2956."""
    program = "def total(a, b):\n    return [a + b]\n"
    test = {"style": "io", "fn_name": "total", "inputs": [[0.1, 0.2]], "outputs": [[0.3]], "stdin": False}
    assert verdict(judge, program, test) is Verdict.WRONG
    with Judge(JudgeOptions(workers=1, compare="tolerant")) as tolerant:
        assert verdict(tolerant, program, test) is Verdict.PASS


def test_a_child_that_sleeps_does_not_hold_up_its_verdict(judge):
    """Verl 7254."""
    program = "import os, time\n\ndef f(x):\n    if os.fork() == 0:\n        time.sleep(60)\n    return x\n"
    test = {"style": "asserts", "setup": "", "asserts": ["assert f(1) == 1"]}
    verdict(judge, "def f(x):\n    return x\n", test)
    start = time.monotonic()
    assert verdict(judge, program, test) is Verdict.PASS
    assert time.monotonic() - start < 10
