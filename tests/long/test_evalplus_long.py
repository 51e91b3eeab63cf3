"""Verdicts on 100 problems of HumanEval+ and MBPP+, gold solution and five mutants each, against EvalPlus's rules."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from plus_agreement import both, dump, problems, programs

PROBLEMS, EVERY, TIMEOUT = 100, 5, 120.0


@pytest.mark.skipif(not os.environ.get("GIFT_TEST_DATA"), reason="GIFT_TEST_DATA names no folder with the releases")
def test_verdicts_agree_with_the_rules_of_evalplus(tmp_path):
    chosen = [problem for name in ("humaneval", "mbpp") for problem in list(problems(name).values())[::EVERY]]
    jobs = programs(chosen)[: PROBLEMS * 6]
    assert len(jobs) == PROBLEMS * 6
    results = both(jobs, TIMEOUT)
    dump(tmp_path / "verdicts.jsonl", results)
    differing = [(key, program, mine, other) for key, program, mine, other in results if mine.passed is not other]
    passed = sum(bool(mine.passed) for *_, mine, _ in results)
    print(f"{len(results)} programs, {passed} pass, {len(differing)} differ; {tmp_path / 'verdicts.jsonl'}")
    assert all(mine.passed for *_, mine, _ in results[::6]), "gold solutions"
    assert differing == []
