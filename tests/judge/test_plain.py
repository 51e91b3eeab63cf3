"""Programs that meet their test in one process: which do, that they get no further than its arguments, what is WEAK."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data.quickstart import problems
from eval.judge import Judge, JudgeOptions
from eval.judge.inside.allowed import NotPlain
from eval.judge.inside.plain import Examination
from eval.judge.verdict import Verdict

HOSTILE = Path(__file__).parents[1] / "hostile"
FORGERIES = [json.loads(line) for line in (HOSTILE / "plain.jsonl").read_text().splitlines()]
# Rows of the case files that come out differently on purpose: the README of the judge says why.
DIFFERENT = {"cand_shadows_builtin_helper", "cand_sqlite_cursor", "cand_meta", "w_nan_np"}


def asserts(*scripts: str, setup: str = "") -> dict:
    """A test of the asserts style."""
    return {"style": "asserts", "setup": setup, "asserts": list(scripts)}


def reason(code: str, libraries: str = "numpy") -> str:
    """Why a program is not plain; nothing where it is."""
    try:
        Examination(ast.parse(code), {}, libraries)
    except NotPlain as error:
        return str(error)
    return ""


@pytest.fixture(scope="module")
def judge():
    """One pool for the tests of this file."""
    with Judge(JudgeOptions(workers=2, timeout=8.0)) as pool:
        yield pool


PLAIN = [
    "import math\nfrom collections import Counter, defaultdict as d\ndef f(x): return math.gcd(*Counter(x), *d(int))",
    "import os.path\nimport numpy as np\ndef f(x): return os.path.join(x, str(np.random.rand(3).mean()))",
    "class K:\n    __slots__ = ('_x',)\n    def __init__(self): self._x = 1\n    def __lt__(self, o): return 1",
    "from dataclasses import dataclass\n@dataclass(order=True)\nclass P:\n    x: int\n    def g(self): self.__class__",
    "import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(*a): return g(*a)\n    return w",
    "from typing import *\nfrom math import *\ndef f(x: List[int]) -> Optional[int]: return floor(x[0])",
    "import enum\nclass C(enum.Enum):\n    A = 1\nprint('{:>3}|{0.name}'.format(C.A), C(1))",
    "import sys\nsys.setrecursionlimit(10**6)\nprint(sys.stdin.readline(), file=sys.stdout)",
    "def f(x, name): return getattr(x, name), type(x), isinstance(x, type), 'a{}'.format(x), x.format(1)",
    "class K:\n    def __getattr__(self, name): return 1\n    def m(self): return vars(self), self.__dict__.items()",
    "def f(*a, **k): return g(*a, **k)\nclass A:\n    def __set_name__(self, o, n): self._n = n",
    "if __name__ == '__main__':\n    print(1)\ntry:\n    1 / 0\nexcept* ZeroDivisionError as e:\n    raise",
]


@pytest.mark.parametrize("code", PLAIN)
def test_ordinary_programs_are_plain(code):
    assert reason(code) == ""


NOT_PLAIN = [
    ("import subprocess", "the module subprocess"),
    ("from scipy.sparse import csr_matrix", "the module scipy.sparse"),
    ("from os import system", "os.system"),
    ("import numpy as np\nnp.lib.x", "numpy.lib"), ("import math\nmath.pi = 3", "math.pi in an unusual place"),
    ("import math\nx = math", "math as a value"), ("x.__globals__", "__globals__"), ("x.tb_frame", "tb_frame"),
    ("x._secret", "_secret"), ("class K:\n    _os = 1\nx._os", "_os"), ("eval('1')", "eval"), ("f = type", "type as a"),
    ("type('X', (), {})", "type with other"), ("'{0.__class__.x}'.format(1)", "__class__"),
    ("class K:\n    def __reduce__(self): pass", "__reduce__"), ("class K(metaclass=M): pass", "metaclass"),
    ("x.__eq__ = y", "__eq__"), ("from . import x", "relative"), ("from numpy import *", "all names of numpy"),
    ("import enum\nenum.Enum('X', 'a')", "enum.Enum"), ("def f(getattr): pass", "the name getattr"),
    ("class K:\n    __slots__ = ('__eq__',)", "an unusual __slots__"), ("class K:\n    __slots__ = n", "__slots__"),
    ("class K:\n    def __getattr__(*a): pass", "an unusual __getattr__"), ("x.__set_name__(y, z)", "__set_name__"),
    ("class K:\n    def m(s, n): pass\n    __getattr__ = m", "__getattr__"), ("class K(**k): pass", "computed"),
    ("class K:\n    _x = 1\n'{0._x}'.format(K())", "_x"), ("class E:\n    _ignore_ = 'A'", "_ignore_"),
    ("from dataclasses import Field", "Field"), ("from typing import get_args", "get_args"),
    ("match x:\n    case object(tb_frame=y): pass", "tb_frame"), ("global __name__\n__name__ = 1", "__name__"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "why"), NOT_PLAIN)
def test_what_is_not_known_to_be_harmless_is_not_plain(code, why):
    assert why in reason(code)


def test_methods_of_frames_that_evaluate_text_are_not_plain():
    for code in ("df.eval('a')", "df.to_pickle('x')", "g = df.agg", "df.style"):
        assert reason(code, "pandas") and not reason(code)


def test_to_examine_a_program_costs_little():
    tree = ast.parse("def f(n):\n    total = 0\n    for i in range(n):\n        total += i * i\n    return total\n")
    Examination(tree, {}, "")
    seconds = []
    for _ in range(50):
        start = time.perf_counter()
        Examination(tree, {}, "")
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.0005, "well below a millisecond"


def test_gold_solutions_of_the_quickstart_are_plain():
    rows = [row for split in ("train", "test") for row in problems.rows(split)]
    assert len(rows) == 150 and [row["id"] for row in rows if reason(row["code"])] == []


def test_no_forgery_from_within_a_plain_program_passes(judge):
    assert len(FORGERIES) >= 100 and len({row["id"] for row in FORGERIES}) == len(FORGERIES)
    judgements = list(judge.judge((row["code"], row["test"]) for row in FORGERIES))
    for row, judgement in zip(FORGERIES, judgements, strict=True):
        harmless = row.get("harmless_apart") and judgement.mode == "apart"
        assert judgement.passed is False or harmless, (row["id"], judgement)
    assert sum(judgement.mode == "together" for judgement in judgements) >= 10, "these met their test"


def walked(*arguments: str) -> dict:
    """What `tests/walks.py` says."""
    command = [sys.executable, str(Path(__file__).parents[1] / "walks.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL, timeout=300)
    return json.loads(done.stdout[done.stdout.rindex('{"followed"') :])


def test_random_programs_of_allowed_names_do_not_reach_the_test():
    walk = walked("0", "3000")
    assert walk["followed"] > 1000 and walk["found"] == []
    assert walked("0", "2000", "anything")["found"], "the search is one that could succeed"


@pytest.mark.parametrize("name", ["objects.jsonl", "judge.jsonl"])
def test_small_cases(judge, name):
    data = os.environ.get("GIFT_TEST_DATA")
    path = Path(data or ".").parent / "cases" / name
    if not data or not path.exists():
        pytest.skip("GIFT_TEST_DATA names no folder beside which the cases lie")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    judgements = judge.judge((row["code"], row["test"]) for row in rows)
    different = {row["id"]: judgement for row, judgement in zip(rows, judgements, strict=True)
                 if judgement.passed is not row["passed"]}  # fmt: skip
    assert different.keys() <= DIFFERENT, different
    assert {key for key, judgement in different.items() if judgement.passed} <= {"w_nan_np"}


EQUAL = "class E:\n    def __eq__(self, other):\n        return True\ndef f(n):\n    return E()\n"
VECTOR = (
    "class V:\n    def __init__(self, x):\n        self.x = x\n    def __eq__(self, o):\n        return self.x == o.x\n"
    "    def __add__(self, o):\n        return V(self.x + o.x)\n    def __len__(self):\n        return self.x\n"
    "def f(n):\n    return V(n)\n"
)
WEAK = [
    # What a program's object claims does not count, unless the test names its class and compares its like.
    (EQUAL, "assert f(1) == 5", Verdict.WEAK),
    (EQUAL, "assert [1, f(1)] == [1, 5]", Verdict.WEAK),
    (EQUAL, "assert 5 in {f(1): 1} or f(1) in [5]", Verdict.WRONG),  # no hash
    (EQUAL.replace("class E", "class f(int)").split("def f")[0], "assert f(1) == 5", Verdict.WEAK),
    (VECTOR, "assert V(1) + V(2) == V(3) and len(V(2)) == 2", Verdict.PASS),
    (VECTOR, "assert V(1) + V(2) == V(4)", Verdict.WRONG),
    (VECTOR, "v = f(2)\nassert v.x == 2", Verdict.PASS),
    (VECTOR, "assert f(2)", Verdict.WEAK),
    (VECTOR, "assert len(f(2)) == 2", Verdict.WEAK),
    ("class K:\n    pass\ndef f(n):\n    return K()\n", "assert f(2) is not None and f(2) != None", Verdict.PASS),
    (
        VECTOR,
        "for ok in [f(2).x == 2, f(1).x]:\n    assert ok\nok = ok and f(2).x == 2\nassert ok",
        Verdict.PASS,
    ),
    (VECTOR, "import math\nassert V(3).__len__() == 3 and (n := math.gcd(4, 2))\nassert n", Verdict.PASS),
    # A method of the program's that asks its own objects is no claim.
    (VECTOR + "def g(n):\n    return V(n) == V(n)\n", "assert g(2) is True", Verdict.PASS),
]


@pytest.mark.parametrize(("code", "script", "verdict"), WEAK)
def test_what_only_a_programs_own_object_says_is_weak(judge, code, script, verdict):
    judgement = judge.submit(code, asserts(script)).result(60)
    assert (judgement.verdict, judgement.mode) == (verdict, "together"), judgement


def test_a_test_may_use_the_program_as_in_one_namespace(judge):
    code = "LIMIT = 3\nclass Node:\n    pass\ndef f(node):\n    node.seen = LIMIT\n    return node\n"
    script = "LIMIT = 4\nnode = Node()\nassert f(node) is node and node.seen == 4 and type(node) is Node"
    judgement = judge.submit(code, asserts(script, "assert node.seen == 4 and 'f' in globals()")).result(60)
    assert (judgement.verdict, judgement.mode) == (Verdict.PASS, "together"), judgement


@pytest.mark.parametrize(
    ("name", "script", "mode"),
    [
        ("given", "given = [1]\nassert f(given) == 1", "together"),  # an argument
        ("note", "note = [1]\nassert f(0) == 1", "together"),  # the test itself does not look it up
        ("expected", "expected = [1]\nassert [f(0)] == expected", "apart"),
        ("expected", "expected = [1]\nassert [f(0)] == sorted(expected)", "apart"),
    ],
)
def test_variables_of_the_test_that_a_program_may_read(judge, name, script, mode):
    judgement = judge.submit(f"def f(x):\n    return {name}[0]\n", asserts(script)).result(60)
    assert judgement.mode == mode and judgement.passed is (mode == "together"), judgement


def test_a_program_that_turns_out_not_to_be_plain_is_judged_apart(judge):
    code = "def f(name):\n    try:\n        return getattr(f, name).co_argcount\n    except:\n        return 5\n"
    for script, verdict in (("assert f('__code__') == 1", Verdict.PASS), ("assert f('__code__') == 5", Verdict.WRONG)):
        judgement = judge.submit(code, asserts(script)).result(60)
        assert (judgement.verdict, judgement.mode) == (verdict, "apart"), judgement


ODD = [
    ("x = " + "-" * 100_000 + "1\n", {Verdict.SYNTAX, Verdict.ERROR}),
    ("x = " + "(" * 150 + ")" * 150 + "\n", {Verdict.ERROR}),
    ("x = a" + ".b" * 20_000 + "\n", {Verdict.ERROR, Verdict.SYNTAX}),
    ("if 1:\n" + "".join(" " * n + "if 1:\n" for n in range(1, 99)) + " " * 99 + "pass\n", {Verdict.ERROR}),
    ("import ctypes\nctypes.string_at(0)\n", {Verdict.CRASH}),
    ("while True:\n    pass\n", {Verdict.TIMEOUT}),
    ("#" * (2 << 20), {Verdict.SYNTAX}),
    ("def f(n):\n    return f(n)\n", {Verdict.ERROR}),
    ("def f(n):\n    return [0] * (1 << 40)\n", {Verdict.MEMORY, Verdict.ERROR}),
    ("def f(n):\n    while True:\n        print('x' * 10000)\n", {Verdict.OUTPUT, Verdict.TIMEOUT}),
]


def test_odd_programs_keep_the_limits_and_the_next_is_judged():
    good = ("def f(n):\n    return 4\n", asserts("assert f(2) == 4"))
    with Judge(JudgeOptions(workers=1, timeout=2.0)) as judge:
        for code, verdicts in ODD:
            odd, next_one = judge.judge([(code, good[1]), good])
            assert odd.verdict in verdicts and not odd.passed, (code[:50], odd)
            assert next_one.passed, code[:50]


def test_a_test_that_loops_for_ever_is_ended():
    with Judge(JudgeOptions(workers=1, timeout=1.0)) as judge:
        judgements = list(judge.judge([("def f():\n    return 1\n", asserts("while f():\n    pass\nassert 1"))] * 2))
    assert [judgement.verdict for judgement in judgements] == [Verdict.TIMEOUT] * 2


def test_where_weak_is_allowed_a_program_that_is_kept_apart_has_to_pass_as_the_field_runs_it():
    code = "import subprocess\nclass K:\n    def __init__(self, x):\n        self.x = x\ndef f(x):\n    return K(x)\n"
    with Judge(JudgeOptions(workers=1, allow_weak=True)) as judge:
        right, wrong = judge.judge([(code, asserts("assert f(2).x == 2")), (code, asserts("assert f(2).x == 3"))])
    assert (right.verdict, right.passed) == (Verdict.WEAK, True) and "solution.K" in right.detail
    assert (wrong.verdict, wrong.passed) == (Verdict.WEAK, False)


def test_a_function_that_reads_standard_input_runs_once(judge):
    test = {"style": "io", "fn_name": "solve", "inputs": ["4\n"], "outputs": ["8\n"], "stdin": True}
    solve = "def solve():\n    print(2 * int(input()))\n"
    guards = ["", "if __name__ == '__main__':\n    solve()\n", "def main():\n    solve()\nmain()\n"]
    for judgement in judge.judge((solve + guard, test) for guard in guards):
        assert judgement.verdict is Verdict.PASS, judgement
        assert judgement.mode == "apart", "what is printed is compared elsewhere"
