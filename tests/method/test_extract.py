"""Stop words, docstrings and the cut between what is given and what is learnt."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import heapq
import inspect
import json
import random
import textwrap
import typing

import pytest

from eval.problem import STOP_WORDS, Adapter, Problem
from utils.extract import parse, remove_docstrings, split_program, training_target, truncate

LIBRARY = [argparse, ast, dataclasses, heapq, inspect, json, textwrap, typing]
NO_PROGRAMS = ["def f(:", "return (", "x = '\0'", "x = '\ud800'", "  x = 1\n y", "(" * 2000, "print 1"]


class DropDocstrings(ast.NodeTransformer):
    """What `remove_docstrings` promises, said on the syntax tree."""

    def drop(self, node):
        self.generic_visit(node)
        if ast.get_docstring(node, clean=False) is not None:
            rest = node.body[1:]
            node.body = rest or ([] if isinstance(node, ast.Module) else [ast.Pass()])
        return node

    visit_Module = visit_ClassDef = visit_FunctionDef = visit_AsyncFunctionDef = drop


def same(program: str, tree: ast.AST) -> bool:
    """Whether `program` is, white space and comments aside, what `tree` says."""
    return ast.dump(ast.parse(program)) == ast.dump(tree)


def without_docstrings(program: str) -> ast.AST:
    return DropDocstrings().visit(ast.parse(program))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("\n    return 1\n\nprint(f(2))", "\n    return 1"),
        ("\n    return 1\n# a comment\nx", "\n    return 1"),
        ("\n    # inside\n    if n:\n        return 1\n", "\n    # inside\n    if n:\n        return 1"),
        ("\n    return 1\n\n\ndef g():\n    pass\nclass A:", "\n    return 1"),
        ("\r\n    return 1\r\nassert f(1) == 1", "\n    return 1"),
        ("\r    return 1\rif x:", "\n    return 1"),
        ("\n    return 1\n```\nThis", "\n    return 1"),
        ("\n    return 1  \n \n", "\n    return 1"),
        ("", ""),
        ("\nclass A:", ""),
    ],
)
def test_text_is_cut_at_the_first_stop_word(text, kept):
    assert truncate(text, STOP_WORDS) == kept


def test_the_order_of_stop_words_does_not_matter():
    text = "\n    return 1\nprint(1)\nassert x\ndef g():"
    assert truncate(text, STOP_WORDS) == truncate(text, STOP_WORDS[::-1]) == "\n    return 1"
    assert truncate(text, ()) == text


@pytest.mark.parametrize("module", LIBRARY, ids=lambda module: module.__name__)
def test_docstrings_of_real_modules_go_and_nothing_else(module):
    program = inspect.getsource(module)
    assert same(remove_docstrings(program), without_docstrings(program))


@pytest.mark.parametrize(
    "program",
    [
        'def f():\n    """doc"""\n    return """text"""\n',
        'def f(): "doc"\n',
        'def f(): "doc"; return 1\n',
        'def f(): """do\nc"""; return 1\n',
        'def f():\n    """doc"""; x = 1; return x\n',
        'def f():\n    """doc"""  # why\n    return 1\n',
        'def f():\n    """doc"""  # nothing else\n',
        'def f():\n    "a" \\\n    "b"\n    return 1\n',
        'def f():\n    ("a"\n     "b")\n    return 1\n',
        'class A:\n    """doc"""\n    def g(self):\n        """doc"""\n        def h():\n            "doc"\n'
        "        return h\n",
        'async def f():\n\tr"""d\\oc"""\n\treturn 1\n',
        '"""module"""\nimport os\n\n@dec\ndef f(a="""no doc"""):\n    """é 🐍"""; return "é"\n',
        'def f():\n    b"""bytes"""\n    return 1\n',
        'def f():\n    f"""no doc {1}"""\n    return 1\n',
        'def f():\n    x = 1\n    """a string, but no docstring"""\n    return x\n',
        '"""only a docstring"""',
        "",
    ],
)
def test_docstrings_of_awkward_programs(program):
    assert same(remove_docstrings(program), without_docstrings(program))


def test_comments_and_layout_stay():
    program = 'import re  # x\n\n\ndef f(a):  # y\n    """doc"""\n    # z\n    return  a\n'
    assert remove_docstrings(program) == program.replace('    """doc"""\n', "")


@pytest.mark.parametrize("program", NO_PROGRAMS)
@pytest.mark.parametrize("action", [parse, remove_docstrings, lambda text: split_program(text, "f")])
def test_what_is_no_program_is_a_value_error(program, action):
    with pytest.raises(ValueError):
        action(program)


def test_bare_carriage_returns_end_lines():
    program = 'def f(n):\r    """doc"""\r    return n\r'
    assert remove_docstrings(program) == "def f(n):\n    return n\n"
    assert training_target(program, "f") == "\n    return n"


@pytest.mark.parametrize("module", [dataclasses, heapq, json, random], ids=lambda module: module.__name__)
def test_parts_of_a_split_join_to_the_program(module):
    """And the cut lies behind the docstring or, without one, behind the colon, for every function of real modules."""
    program = inspect.getsource(module)
    tree = ast.parse(program)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert functions
    for node in functions:
        given, code = split_program(program, node.name)
        assert given + code == program
        cut = ast.parse(given if ast.get_docstring(node) else given + " pass").body[-1]
        assert cut.name == node.name and len(cut.body) == 1


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("def f(a):", "\n    return a\n"),
        ('def f(a):\n    """ d """', "\n    return a"),
        ("def f(a: dict[str, int] = {1: 2}, b=lambda x: x) -> 'x:y':", "\n    return a"),
        ("def f(\n    a,  # one: the first\n    b=':',\n):", "\n    return a\n"),
        ("def é():\n    return 'ä'\n\n\ndef f(ü='ß'):", "  # ö\n    return ü"),
        ("class Solution:\n    def f(self, a):", "\n        return a"),
        ("@dec(lambda: 1)\nasync def f(a):\n    'd'", "; return a"),
        ("def f(a):", " return a"),
        ('def f(a):\n    """ say \\"\\"\\" twice\n    >>> f(1)\n    """', "\n    return a\n\ndef f(b):\n    '''no'''"),
    ],
)
def test_the_cut_of_a_program(given, code):
    assert split_program(given + code, "f") == (given, code)


@pytest.mark.parametrize(
    "program", ["def g():\n    pass", "f = 1", "class A:\n    class B:\n        def f(self): 1", ""]
)
def test_a_program_without_the_function_is_refused(program):
    with pytest.raises(ValueError, match="no function f"):
        split_program(program, "f")


# Gold solutions by what is special about them. Head and docstring are given, so with the target behind them they have
# to be the solution again.
GOOD = {
    "plain": "def f(n):\n    return n + 1\n",
    "docstring": 'def f(n):\n    """Old text."""\n    return n + 1\n',
    "import": "import math\n\n\ndef f(n):\n    return math.floor(n) + 1\n",
    "helper before": "def g(n):\n    return n + 1\n\n\ndef f(n):\n    return g(n)\n",
    "helper behind": "def f(n):\n    return g(n)\n\n\ndef g(n):\n    return n + 1\n",
    "constant before": "ONE = 1\n\n\ndef f(n):\n    return n + ONE\n",
    "class before": "class Box:\n    def __init__(self, n):\n        self.n = n\n\n\n"
    "def f(n):\n    return Box(n).n + 1\n",
    "method": "class Solution:\n    def f(self, n):\n        return n + 1\n",
    "helper before a class": "def g(n):\n    return n + 1\n\n\n"
    "class Solution:\n    def f(self, n):\n        return g(n)\n",
    "method behind": "class Solution:\n    def f(self, n):\n        return self.g(n)\n\n"
    "    def g(self, n):\n        return n + 1\n",
    "string like a docstring": 'def f(n):\n    text = """\n    text\n    """\n    return n + len(text.split())\n',
    "decorated helper": "def twice(function):\n    return lambda n: function(function(n))"
    "\n\n\n@twice\ndef g(n):\n    return n + 0.5\n\n\ndef f(n):\n    return g(n)\n",
    "method before": "class Solution:\n    def g(self, n):\n        return n + 1\n\n"
    "    def f(self, n):\n        return self.g(n)\n",
    "method of that name before": "class Box:\n    def f(self, n):\n        return n\n\n\n"
    "def f(n):\n    return Box().f(n) + 1\n",
    "one line": "def f(n): return n + 1\n",
    "two spaces": "def f(n):\n  m = n + 1\n  return m\n",
    "tab": "def f(n):\n\treturn n + 1\n",
}
HEADS = {"import": "import math\n\n\ndef f(n):"}


def program_of_the_target(name: str, code: str) -> str:
    """What a model learns to write for a gold solution: the code prompt and the target."""
    head = HEADS.get(name, "class Solution:\n    def f(self, n):" if "class Solution" in code else "def f(n):")
    problem = Problem(name, 'Return "n" plus 1.', head, code, {"style": "asserts", "asserts": []})
    return Adapter().code_prompt(problem, problem.query) + training_target(code, "f")


def answer(program: str) -> int:
    space: dict = {}
    exec(compile(program, "program", "exec"), space)  # a program of this file
    return space["Solution"]().f(41) if "Solution" in space else space["f"](41)


@pytest.mark.parametrize("name", GOOD)
def test_prompt_and_target_of_a_gold_solution_solve_the_problem(name):
    code = GOOD[name]
    assert answer(code) == 42
    program = program_of_the_target(name, code)
    assert answer(program) == 42
    assert "Old text" not in program


@pytest.mark.parametrize(
    "signature",
    [
        "def f(n):",
        "def f(n): ",
        "def f(n):  # the answer",
    ],
)
def test_targets_begin_with_the_newline(signature):
    target = training_target(f'{signature}\n    """Text."""\n    return n + 1  \n\n', "f")
    assert target.startswith("\n    return") and target.endswith("+ 1")
    assert training_target(f"{signature}\n    return n + 1", "f").startswith("\n    return")


@pytest.mark.parametrize("program", [*NO_PROGRAMS, "def g():\n    pass"])
def test_no_target_of_what_does_not_parse_or_lacks_the_function(program):
    with pytest.raises(ValueError):
        training_target(program, "f")
