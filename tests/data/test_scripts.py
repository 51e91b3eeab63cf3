"""Scripts as functions: `solve()` does what the script did, judged on the same inputs."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from data.apps.scripts import is_script, to_function
from eval.judge import Judge, JudgeOptions

FIXTURE = Path(__file__).parents[1] / "fixtures" / "scripts.txt"


def scripts() -> dict[str, tuple[str, str, str]]:
    """(script, input, what it prints) by name; a mark in the file stands for a carriage return."""
    found = {}
    for entry in FIXTURE.read_text(encoding="utf-8").replace("␍", "\r").split("=== ")[1:]:
        name, rest = entry.split("\n", 1)
        script, rest = rest.split("--- input\n")
        found[name] = (script, *rest.split("--- printed\n"))
    return found


SCRIPTS = scripts()


def io_test(given: str, printed: str, function: str | None) -> dict:
    return {"style": "io", "fn_name": function, "inputs": [given], "outputs": [printed], "stdin": True}


@pytest.fixture(scope="module")
def judged() -> dict[str, tuple]:
    """For every script the verdict on itself and on what became of it, by the strict rules."""
    jobs = []
    for script, given, printed in SCRIPTS.values():
        jobs += [(script, io_test(given, printed, None)), (to_function(script), io_test(given, printed, "solve"))]
    with Judge(JudgeOptions(compare="apps")) as judge:
        verdicts = list(judge.judge(jobs))
    return dict(zip(SCRIPTS, zip(verdicts[::2], verdicts[1::2], strict=True), strict=True))


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_function_does_what_the_script_did(judged, name):
    before, after = judged[name]
    assert before.passed, f"the script itself: {before}"
    assert after.passed, f"{after}\n{to_function(SCRIPTS[name][0])}"


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_function_needs_to_be_called(name):
    """Where nothing stays above but imports, loading the program does nothing; it is no script any more."""
    tree = ast.parse(to_function(SCRIPTS[name][0]))
    if name not in ("star import behind code",):
        assert not is_script(tree)
    assert [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "solve"]


def test_layout_and_comments_stay():
    script = "import sys\n\nn = int(input())  # how many\n\n# the loop\nfor i in range(n):\n    print(i)  # each\n"
    assert to_function(script) == (
        "import sys\n\n\ndef solve():\n    n = int(input())  # how many\n\n    # the loop\n"
        "    for i in range(n):\n        print(i)  # each\n"
    )


def test_names_are_declared_global_only_where_it_matters():
    script = "a = input()\nc = 0\ndef f():\n    global c\n    c += len(a)\nf()\nprint(a, c)\n"
    assert "    global c\n" in to_function(script)
    assert "global" not in to_function("import sys\ninput = sys.stdin.readline\nn = input()\nprint(n)\n")


@pytest.mark.parametrize(
    "script",
    [
        "return 1\nprint(2)\n",  # parses, but has never run
        "print(1)\nyield 2\n",
        "print 1\n",
        "def f(:\n",
        "def f():\n    print(1)\n",  # nothing calls it
        "x = 1\n",
        "",
        "if input():\n    from math import *\nprint(1)\n",
        "from os.path import join as solve\nprint(solve('a', 'b'))\n",
        "print('\0')\n",
        "for i in range(2):\n    i: int = 3\n    def f():\n        global i\n    print(i)\n",
    ],
)
def test_what_cannot_be_turned_is_refused(script):
    with pytest.raises(ValueError):
        to_function(script)


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("import sys\nINF = float('inf')\ninput = sys.stdin.readline\ndef solve():\n    print(1)\n", False),
        ("import sys\nsys.setrecursionlimit(9)\nclass A:\n    pass\n'text'\n", False),
        ("n = int(input())\n", True),
        ("def f():\n    pass\nf()\n", True),
        ("if __name__ == '__main__':\n    f()\n", True),
    ],
)
def test_scripts_are_told_from_programs_of_functions(program, expected):
    assert is_script(ast.parse(program)) is expected
