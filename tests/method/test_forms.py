"""Programs that count as equal: exactly, after renaming, in shape."""

from __future__ import annotations

import pytest

from utils.forms import forms, renamed, shape

LOOP = "def f(xs):\n    total = 0\n    for x in xs:\n        total += x\n    return total"
SAME = [  # after renaming
    (LOOP, 'def f(ys):\n    """Add."""\n    s = 0  # sum\n\n    for y in ys:\n        s += y\n    return (s)\n'),
    ("import numpy as np\ndef f(a):\n    return np.sum(a)", "import numpy as n\ndef f(b):\n    return n.sum(b)"),
    (
        "def f(a):\n    def g(k=1):\n        return k\n    return g(k=a)",
        "def f(a):\n    def h(n=1):\n        return n\n    return h(n=a)",
    ),
    (
        "def f(a):\n    try:\n        return a\n    except E as e:\n        return e",
        "def f(b):\n    try:\n        return b\n    except E as x:\n        return x",
    ),
]
DIFFERENT = [
    ("def f(a, b):\n    return a - b", "def f(a, b):\n    return b - a"),
    ("from math import gcd\ndef f(a):\n    return gcd(a, 2)", "from math import lcm\ndef f(a):\n    return lcm(a, 2)"),
    ("def f(key):\n    return sorted(key, key=len)", "def f(a):\n    return sorted(a, reverse=len)"),
    ("def f(a):\n    return max(a)", "def f(a):\n    return min(a)"),
    ("def f(a):\n    return a + 1", "def f(a):\n    return a + 2"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_same_after_renaming(one, other):
    one, other = forms(one), forms(other)
    assert one["exact"] != other["exact"]
    assert one["renamed"] == other["renamed"]
    assert one["shape"] == other["shape"]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_after_renaming(one, other):
    assert renamed(one) != renamed(other)


def test_a_renamed_program_computes_the_same():
    scope: dict = {}
    exec(renamed(LOOP), scope)
    assert scope["v0"]([3, 4, 5]) == 12


def test_shape_forgets_names_constants_and_attributes_but_not_operators():
    plus, two, call, minus = (f"def f(a):\n    return {e}" for e in ("a + 1", "a + 2", "a.x()", "a - 1"))
    assert shape(plus) == shape(two) != shape(minus)
    assert shape(call) == shape("def f(b):\n    return b.y()")
    assert shape(plus).startswith("Module(FunctionDef(arguments(arg) Return(BinOp(Name Add Constant)")


def test_exact_form_has_no_docstring_and_what_does_not_parse_stays():
    assert forms('def f():\n    """Say."""\n    return 1\n')["exact"] == "def f():\n    return 1"
    assert set(forms("print 1 ").values()) == {"print 1"}
