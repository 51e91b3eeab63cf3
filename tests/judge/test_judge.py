"""The judge: verdicts, order, bad input, its own faults, the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from data.verification import judge_gold
from eval import registry
from eval.judge import Judge, JudgeFailure, JudgeOptions
from eval.judge.sandbox import Cell, CellError
from eval.judge.supervise import Attempt, Outcome
from eval.judge.verdict import Judgement, Verdict
from eval.judge.watch import Watch

ROOT = Path(__file__).resolve().parents[2]


def asserts(*scripts: str, setup: str = "") -> dict:
    """A test of the asserts style."""
    return {"style": "asserts", "setup": setup, "asserts": list(scripts)}


def values(inputs: list, outputs: list, name: str = "f") -> dict:
    """A test of the call style."""
    return {"style": "io", "fn_name": name, "inputs": inputs, "outputs": outputs, "stdin": False}


def printed(inputs: list, outputs: list, name: str | None = None) -> dict:
    """A test of the standard input style."""
    return {"style": "io", "fn_name": name, "inputs": inputs, "outputs": outputs, "stdin": True}


@pytest.fixture(scope="module")
def judge():
    """One pool for the tests of this file."""
    with Judge(JudgeOptions(workers=2, timeout=5.0)) as pool:
        yield pool


CHECK = {"style": "check", "script": "def check(c):\n    assert c(2) == 4\n", "entry_point": "f"}
DOUBLE = "def f(n):\n    return 2 * n\n"
R = Verdict
# Classes of modules that a cell does not import before somebody needs them.
LATE = "from datetime import *\nfrom decimal import Decimal\nfrom fractions import Fraction\n"
LATE_VALUES = (
    "Decimal('1.10')", "Fraction(6, 4)", "date(2024, 2, 29)", "time(1, 2, 3, 4)",
    "datetime(2024, 2, 29, tzinfo=timezone.utc)", "timedelta(1, 2, 3)",
)  # fmt: skip

CASES = [
    # A program, its test, the verdict.
    (DOUBLE, asserts("assert f(2) == 4", "assert f(3) == 6"), R.PASS),
    (DOUBLE, asserts("assert f(2) == 4", "assert f(3) == 7"), R.WRONG),
    (DOUBLE, CHECK, R.PASS),
    (DOUBLE, {"style": "check", "script": "def check(c):\n    pass\n", "entry_point": "f"}, R.NO_TESTS),
    (DOUBLE, {"style": "check", "script": "x = 1", "entry_point": "f"}, R.NO_TESTS),
    ("def check(n):\n    return n + 2\n", {**CHECK, "entry_point": "check"}, R.PASS),
    ("import ctypes\ndef check(n):\n    return n + 2\n", {**CHECK, "entry_point": "check"}, R.PASS),
    ("def check(n):\n    return n + 3\n", {**CHECK, "entry_point": "check"}, R.WRONG),
    (DOUBLE, {"style": "check", "script": "def check(c):\n    assert c(2) == 4\n", "entry_point": "g"}, R.ERROR),
    (DOUBLE, asserts(), R.NO_TESTS),
    (DOUBLE, asserts("f(2)"), R.NO_TESTS),
    (DOUBLE, asserts("for x in []:\n    assert f(x)"), R.NO_TESTS),
    (DOUBLE, asserts("assert f(2) ==="), R.NO_TESTS),
    (DOUBLE, asserts("assert f(2) == 4", setup="import ="), R.NO_TESTS),
    (DOUBLE, asserts("try:\n    f(None)\n    assert False\nexcept TypeError:\n    pass"), R.PASS),
    (DOUBLE, asserts("assert g(2) == 4"), R.ERROR),
    (DOUBLE, asserts("assert g(f(2)) == 5", setup="def g(n):\n    return n + 1"), R.PASS),
    (DOUBLE, values([[2], [3]], [4, 6]), R.PASS),
    (DOUBLE, values([[2], [3]], [4, 7]), R.WRONG),
    (DOUBLE, values([], []), R.NO_TESTS),
    (DOUBLE, values([[float("inf")]], [float("inf")]), R.PASS),
    (DOUBLE, values([[10**6000]], [2 * 10**6000]), R.PASS),
    ("class Solution:\n    def f(self, n):\n        return n\n", values([[2]], [2]), R.PASS),
    ("print(int(input()) * 2)", printed(["2\n", "3"], ["4\n", "6"]), R.PASS),
    ("print(int(input()) * 2)", printed([["2"], ["3"]], [["4"], ["6"]]), R.PASS),
    ("print(int(input()) * 2)", printed([], []), R.NO_TESTS),
    ("def main():\n    print(int(input()) * 2)\n", printed(["2\n"], ["4\n"], "main"), R.PASS),
    ("print(1", printed(["2\n"], ["4\n"]), R.SYNTAX),
    ("import time\ntime.sleep(60)", printed(["2\n"], ["4\n"]), R.TIMEOUT),
    ("x = bytearray(4 << 30)", printed(["2\n"], ["4\n"]), R.MEMORY),
    ("while True: print('x' * 1000)", printed(["2\n"], ["4\n"]), R.OUTPUT),
    ("import os\nos.abort()", printed(["2\n"], ["4\n"]), R.CRASH),
    ("raise SystemExit(3)", printed(["2\n"], ["4\n"]), R.ERROR),
    ("x" * (10 << 20), asserts("assert f(2) == 4"), R.SYNTAX),
    ("def f(n):\n    raise KeyError(n)\n", asserts("assert f(2) == 4"), R.ERROR),
    # A function named like a builtin is found where the test is about nothing else.
    ("def sum(a, b):\n    return a * b\n", asserts("assert sum(2, 3) == 6"), R.PASS),
    ("abs = lambda x: 0\ndef f(n):\n    return 5\n", asserts("assert abs(f(2) - 4) < 0.1"), R.WRONG),
    # Truth that only an object of the candidate's own says.
    ("class Yes:\n    def __bool__(self):\n        return True\ndef f(n):\n    return Yes()\n",
     asserts("assert f(2)"), R.WEAK),
    ("class R:\n    def equals(self, o):\n        return 1\ndef f(n):\n    return R()\n",
     asserts("assert f(2).equals(4)"), R.WEAK),
    ("class R:\n    def __sub__(self, o):\n        return 0\ndef f(n):\n    return R()\n",
     asserts("assert abs(f(2) - 4) < 1"), R.WEAK),
    ("class R:\n    pass\ndef f(n):\n    return R()\n",
     asserts("assert f(2) != 5"), R.WEAK),
    ("import re\nclass R:\n    def equals(self, o):\n        return re.match('', '')\ndef f(n):\n    return R()\n",
     asserts("assert f(2).equals(4)"), R.WEAK),
    ("class R:\n    pass\ndef f(n):\n    return R()\n",
     asserts("assert isinstance(f(2), R)"), R.PASS),
    # CPU seconds are counted anew for each script (5 for one); the second bound is that of all together.
    ("import resource\ndef f():\n    return resource.getrlimit(resource.RLIMIT_CPU)\n",
     asserts("assert f() == (5, 11)", "assert f() == (6, 11)"), R.PASS),
    # What crosses the channel.
    ("def f(xs):\n    xs.sort()\n", asserts("a = [3, 1, 2]\nf(a)\nassert a == [1, 2, 3]"), R.PASS),
    ("def f(xs):\n    xs.append(1)\n    return xs\n", asserts("a = []\nassert f(a) is a and a == [1]"), R.PASS),
    ("def f(g, n):\n    return g(n) + 1\n",
     asserts("assert f(lambda n: n * 2, 4) == 9\nassert f(len, 'ab') == 3"), R.PASS),
    ("import re\ndef f(s):\n    return re.match('a', s)\n", asserts("assert f('ab')\nassert not f('b')"), R.PASS),
    ("from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef f():\n    return P(1, 2)\n",
     asserts("assert f() == (1, 2) and f().x == 1"), R.PASS),
    ("import numpy as np\ndef f(n):\n    return np.arange(n) * 2\n",
     asserts("assert (f(3) == np.array([0, 2, 4])).all()\nassert f(2).dtype.kind == 'i'",
             setup="import numpy as np"), R.PASS),
    ("import json\ndef f(s):\n    return json.loads(s)\n",
     asserts("assert f('[1]') == [1]\ntry:\n    f('[')\n    assert False\nexcept ValueError:\n    pass"), R.PASS),
    ("import numpy as np\ndef f(g, xs):\n    return int(g(xs))\n",
     asserts("assert f(np.sum, [1, 2]) == 3", setup="import numpy as np"), R.PASS),
    ("from collections import defaultdict\ndef f():\n    return defaultdict(lambda: 7, {1: 2})\n",
     asserts("d = f()\nassert d[1] == 2 and d[5] == 7"), R.PASS),
    ("def f(s):\n    return s.encode(), bytearray(s, 'ascii'), {s: {s}}, range(2), slice(1, None), 2 + 3j\n",
     asserts("assert f('ab') == (b'ab', bytearray(b'ab'), {'ab': {'ab'}}, range(2), slice(1, None), 2 + 3j)"), R.PASS),
    (LATE + "def f(x):\n    return x, type(x)\n",
     asserts(*(f"x = {text}\nassert f(x) == (x, type(x)) and type(f(x)[0]) is type(x)" for text in LATE_VALUES),
             setup=LATE), R.PASS),
    (LATE + "class D(Decimal):\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return D(x)\n",
     asserts("assert f(1) == Decimal(2)", setup=LATE), R.WEAK),
    # A fork of a small process is cheap: what works after every fork, or is large, is there only for those who use it.
    ("import sys\ndef f():\n    return sorted(sys.modules.keys() & {'random', 'threading', 'decimal', 'inspect'})\n",
     asserts("assert f() == []"), R.PASS),
    ("import sys\nprint(sorted(sys.modules.keys() & {'random', 'threading'}), random.choice([3]), Fraction)",
     printed([""], ["['random'] 3"]), R.ERROR),
    ("import sys\nprint(sorted(sys.modules.keys() & {'random', 'threading'}), random.choice([3]), gcd(4, 6))",
     printed([""], ["['random'] 3 2"]), R.PASS),
    # Assertions count wherever they stand.
    (DOUBLE, asserts("match f(2):\n    case 4:\n        assert True\n    case _:\n        assert False"), R.PASS),
    # The end of the channel is no exception that a test may catch.
    ("import os\ndef f(n):\n    if n < 0:\n        os._exit(0)\n    return n\n",
     asserts("assert f(1) == 1\ntry:\n    f(-1)\n    assert False\nexcept:\n    pass"), R.ERROR),
    # A test's callback is no way into the test.
    ("def f(g):\n    return g.__globals__['__checked__']\n", asserts("assert f(lambda: 1) == 4"), R.WEAK),
    ("def f(g):\n    g().gi_frame\n", asserts("def g():\n    yield 1\nf(g)\nassert True"), R.WEAK),
]  # fmt: skip


@pytest.mark.parametrize(("code", "test", "verdict"), CASES, ids=[str(n) for n in range(len(CASES))])
def test_verdicts(judge, code, test, verdict):
    judgement = judge.submit(code, test).result(60)
    assert judgement.verdict is verdict, judgement
    assert judgement.passed is (verdict is R.PASS)
    assert len(judgement.detail) <= 500


def test_program_and_test_may_use_the_modules_of_a_prelude(judge):
    code = (
        'def f(n):\n    """ Of math alone, not of json. """\n    string = math.sqrt(n)\n    return np.array([string])\n'
    )
    test = asserts("x = np.array([9])\nassert np.array_equal(f(x[0]), [3])", "assert f(4)[0] == 2")
    for prelude, verdict in ((PRELUDE, R.PASS), ({}, R.ERROR), ({"np": PRELUDE["np"]}, R.ERROR), (PRELUDE, R.PASS)):
        judgement = judge.submit(code, {**test, "prelude": prelude}).result(60)
        assert judgement.verdict is verdict, judgement
    check = {"style": "check", "script": "def check(c):\n    assert math.isclose(c(4)[0], 2)\n", "entry_point": "f"}
    assert judge.submit(code, {**check, "prelude": PRELUDE}).result(60).passed
    assert not judge.submit(code, check).result(60).passed


PRELUDE = registry.adapter("codeinsight").prelude
OWN_NAMES = [
    # A program's own name comes first, whatever it is bound to.
    ("class math:\n    pi = 3\ndef f():\n    return math.pi\n", ["assert f() == 3 and math.floor(3.5) == 3"], R.PASS),
    ("def f(math):\n    return math + 1\n", ["assert f(2) == 3"], R.PASS),
    ("from datetime import datetime\ndef f():\n    return datetime(2024, 2, 29)\n",
     ["assert f() == datetime.datetime(2024, 2, 29)"], R.PASS),
    ("def f(n):\n    import json as string\n    return string.dumps(n)\n", ["assert f(1) == '1'"], R.PASS),
    ("def random(n):\n    return n + 1\n", ["result = random(3)\nassert result == 4"], R.PASS),
    ("def f(n):\n    return random(n)\nfrom builtins import abs as random\n", ["assert f(-2) == 2"], R.PASS),
    # But no test takes a module from the program.
    ("class np:\n    def array_equal(a, b):\n        return True\ndef f(n):\n    return [n]\n",
     ["assert np.array_equal(f(2), [4])"], R.WRONG),
    ("import numpy\nclass np:\n    array = staticmethod(lambda x: numpy.ones(2))\ndef f():\n    return numpy.ones(2)\n",
     ["x = np.array([2, 3])\nassert (f() == x).all()"], R.WRONG),
    ("import numpy\ndef np():\n    pass\nnp.array = lambda x: numpy.ones(2)\ndef f():\n    return numpy.ones(2)\n",
     ["x = np . array([2, 3])\nassert (f() == x).all()"], R.WRONG),
    # Only what is used is imported.
    ('import sys\ndef f(ast):\n    """ A random text. """\n    return sorted(sys.modules.keys() & {"random", "csv"})\n',
     ["assert f(0) == []"], R.PASS),
    # A module that is not installed is a name that is not defined.
    ("def f(n):\n    return nowhere.f(n)\n", ["assert f(2) == 4"], R.ERROR),
    ("def f(n):\n    return 2 * n\n", ["assert f(2) == 4"], R.PASS),
]  # fmt: skip


@pytest.mark.parametrize(("code", "scripts", "verdict"), OWN_NAMES)
def test_names_of_a_prelude_come_after_those_of_the_program(judge, code, scripts, verdict):
    prelude = {**PRELUDE, "nowhere": "import nowhere"}
    judgement = judge.submit(code, {**asserts(*scripts), "prelude": prelude}).result(60)
    assert judgement.verdict is verdict, judgement


def test_a_prelude_is_gone_with_its_test():
    use = asserts("assert np.array_equal(f(2), 4) and json.loads('4') == 4")
    with Judge(JudgeOptions(workers=1)) as judge:
        verdicts = [judge.submit(DOUBLE, test).result(60).verdict for test in ({**use, "prelude": PRELUDE}, use)]
        assert verdicts == [R.PASS, R.ERROR]
        use["setup"] = "np = None"
        assert judge.submit(DOUBLE, {**use, "prelude": PRELUDE}).result(60).verdict is R.WRONG, "its own name"


@pytest.mark.parametrize(
    "change",
    ["np.pi = 3", "for np.pi in [3]:\n    pass", "(np.pi, x) = 3, 4", "with open('/dev/null') as np.pi:\n    pass",
     "def g():\n    del np.pi\ng()"],
)  # fmt: skip
def test_what_a_test_does_to_a_module_is_gone_with_it(change):
    with Judge(JudgeOptions(workers=1)) as judge:
        for script in (f"{change}\nassert f(2) == 4", "assert abs(np.pi - 3.14159) < 1e-4 and f(1) == 2"):
            judgement = judge.submit(DOUBLE, asserts(script, setup="import numpy as np")).result(60)
            assert judgement.verdict is R.PASS, judgement


def test_pandas_values_are_compared_by_the_test(judge):
    setup = "import pandas as pd"
    code = setup + "\ndef f(df):\n    return df.sort_values('a')\n"
    right = asserts("assert f(pd.DataFrame({'a': [2, 1], 'b': ['x', 'y']})).equals("
                    "pd.DataFrame({'a': [1, 2], 'b': ['y', 'x']}, index=[1, 0]))", setup=setup)  # fmt: skip
    assert judge.submit(code, right).result(60).verdict is R.PASS
    liar = "class Liar:\n    def equals(self, other):\n        return True\ndef f(df):\n    return Liar()\n"
    assert judge.submit(liar, right).result(60).passed is False


def test_results_come_in_the_order_of_the_rows_and_rows_are_taken_as_needed(judge):
    taken = []

    def rows():
        for n in range(200):
            taken.append(n)
            slow = "import time\ntime.sleep(1)\n" if n == 0 else ""
            yield slow + f"def f():\n    return {n}\n", asserts(f"assert f() == {n if n % 3 else -1}")

    results = judge.judge(rows())
    assert not taken
    assert [result.passed for result in results] == [n % 3 != 0 for n in range(200)]


def test_a_row_that_is_no_test_is_refused(judge):
    with pytest.raises(ValueError, match="style"):
        judge.submit("x = 1", {"style": "riddle"})


def test_weak_passes_only_where_it_is_allowed():
    code = "class Yes:\n    def __bool__(self):\n        return True\ndef f(n):\n    return Yes()\n"
    with Judge(JudgeOptions(workers=1, allow_weak=True)) as judge:
        judgement = judge.submit(code, asserts("assert f(2)")).result(30)
    assert judgement == Judgement(R.WEAK, True, judgement.detail, judgement.seconds)


def test_strict_comparison():
    with Judge(JudgeOptions(workers=1, compare="strict")) as judge:
        verdicts = [judge.submit(*job).result(30).verdict for job in (
            ("def f(n):\n    return (n,)\n", values([[2]], [[2]])), (DOUBLE, values([[2]], [[4]])),
            ("print(3.0)", printed([""], ["3"])), ("def f(x: List):\n    return x\n", values([[2]], [2])),
            (DOUBLE, values([[2]], [4])))]  # fmt: skip
    assert verdicts == [R.WRONG, R.WRONG, R.WRONG, R.ERROR, R.PASS]


def test_what_fails_before_ready_is_tried_again_and_never_counts_as_wrong(monkeypatch):
    real, left = Cell.fork, [2]

    def fork(self, *job):
        if left[0]:
            left[0] -= 1
            raise CellError("injected")
        return real(self, *job)

    with Judge(JudgeOptions(workers=1)) as judge:
        assert judge.submit(DOUBLE, asserts("assert f(2) == 4")).result(30).passed
        monkeypatch.setattr(Cell, "fork", fork)
        assert judge.submit(DOUBLE, asserts("assert f(2) == 4")).result(30).passed
        assert left == [0]
        left[0] = 3
        judgement = judge.submit(DOUBLE, asserts("assert f(2) == 4")).result(30)
        assert (judgement.verdict, judgement.passed) == (R.INFRA, None)
        left[0] = 10**6
        futures = [judge.submit(DOUBLE, asserts("assert f(2) == 4")) for _ in range(8)]
        results = [future.exception(60) or future.result() for future in futures]
        assert sum(isinstance(result, JudgeFailure) for result in results) >= 3
        with pytest.raises(JudgeFailure, match="in a row"):
            judge.submit(DOUBLE, asserts("assert f(2) == 4"))


def test_a_self_check_that_comes_out_wrong_stops_the_run(monkeypatch):
    monkeypatch.setattr("eval.judge.pool.SELF_CHECK", (("def plus(a, b):\n    return 5\n", 10.0, R.PASS),))
    with Judge(JudgeOptions(workers=1)) as judge, pytest.raises(JudgeFailure, match="self-check"):
        for _ in range(100):
            judge.submit(DOUBLE, asserts("assert f(2) == 4")).result(30)


def test_a_candidate_that_comes_after_a_failure_is_refused():
    with Judge(JudgeOptions(workers=1)) as stopped:
        stopped._fail("stopped")
        with pytest.raises(JudgeFailure, match="stopped"):
            stopped.submit(DOUBLE, asserts("assert f(2) == 4"))
        assert not stopped._pending  # else somebody would wait for it


def test_what_the_machine_kept_waiting_is_judged_again_alone(monkeypatch):
    real, stretches = Attempt.run, []

    def run(self):
        if self.job.expected:
            return real(self)
        stretches.append(self.stretch)
        if len(stretches) == 1:
            return Outcome(R.TIMEOUT, "late", 0.1, delay=2.5)
        return real(self)

    monkeypatch.setattr(Attempt, "run", run)
    with Judge(JudgeOptions(workers=2)) as judge:
        assert judge.submit(DOUBLE, asserts("assert f(2) == 4")).result(30).passed
    assert stretches == [1.0, 2.0]


def test_a_judge_that_wakes_late_finds_the_verdict_of_a_test_that_has_ended(monkeypatch):
    real = Watch.wait

    def wait(self, seconds):
        time.sleep(0.3)  # by now the test is over, and its process has left
        return real(self, seconds)

    monkeypatch.setattr(Watch, "wait", wait)
    test = asserts("import random\nassert f(2) == 4", "assert f(3) == 6")
    with Judge(JudgeOptions(workers=1, timeout=0.2)) as judge:
        assert [judge.submit(DOUBLE, test).result(30).verdict for _ in range(3)] == [R.PASS] * 3


SPIN = """import time
def f(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return 1
"""


def test_the_limit_of_a_test_follows_its_gold_solution():
    test = asserts("assert f(0.01) == 1", "assert f(1.5) == 1")
    slow = {**test, "gold_seconds": 1.0}
    with Judge(JudgeOptions(workers=1, timeout=1)) as judge:
        late, right = list(judge.judge([(SPIN, test), (SPIN, slow)]))
        assert (late.verdict, right.verdict) == (R.TIMEOUT, R.PASS)
        assert 1.4 < right.slowest < 2.5 and right.slowest <= right.seconds + 0.5
    with Judge(JudgeOptions(workers=1, timeout=1, gold_time_factor=0)) as judge:
        assert judge.submit(SPIN, slow).result(30).verdict is R.TIMEOUT


def test_the_slowest_input_is_told_in_wall_clock_seconds():
    code = "import time\ntime.sleep(float(input()))\nprint(1)\n"
    test = {
        "style": "io",
        "fn_name": None,
        "inputs": ["0.0\n", "0.6\n", "0.1\n"],
        "outputs": ["1\n"] * 3,
        "stdin": True,
    }
    with Judge(JudgeOptions(workers=1)) as judge:
        judgement = judge.submit(code, test).result(30)
    assert judgement.verdict is R.PASS and 0.5 < judgement.slowest < 1.5 and judgement.seconds < 0.5


def test_a_slow_gold_solution_is_verified_and_its_seconds_are_kept():
    rows = [{"code": SPIN, "test": asserts(f"assert f({seconds}) == 1")} for seconds in (0.01, 1.2)]
    verdicts = judge_gold(rows, JudgeOptions(timeout=1.0))
    assert [verdict.passed for verdict in verdicts] == [True, True]
    assert "gold_seconds" not in rows[0]["test"] and rows[1]["test"]["gold_seconds"] == 2.0
    assert [v.passed for v in judge_gold(rows, JudgeOptions(timeout=1.0, gold_time_factor=0))] == [True, False]


def test_two_pools_live_beside_each_other_and_threads_may_share_one(judge):
    with Judge(JudgeOptions(workers=1)) as other:
        results = []
        threads = [threading.Thread(target=lambda pool=pool: results.append(
            all(pool.submit(DOUBLE, asserts("assert f(2) == 4")).result(60).passed for _ in range(20))))
            for pool in (judge, judge, other)]  # fmt: skip
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [True] * 3


def command(tmp_path: Path, rows, *flags: str) -> tuple[subprocess.CompletedProcess, Path]:
    """Run `python -m eval.judge` on rows (or raw lines); the finished process and the output's path."""
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    arguments = [sys.executable, "-m", "eval.judge", "--input", str(source), "--output", str(target), *flags]
    return subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=120), target


def test_command_line(tmp_path):
    rows = [
        {"id": "a", "code": DOUBLE, "test": asserts("assert f(2) == 4"), "note": "ignored"},
        {"id": 2, "code": DOUBLE, "test": asserts("assert f(2) == 5")},
        {"id": "long", "code": "#" * (10 << 20), "test": asserts("assert f(2) == 5")},
        '{"id": "big", "code": "def f(n): return n", "test": {"style": "io", "fn_name": "f", "inputs": [[1e999]], '
        '"outputs": [1e999], "stdin": false}}',
    ]
    done, target = command(tmp_path, rows, "--workers", "1", "--timeout", "3")
    assert done.returncode == 0, done.stderr
    assert "isolation: " in done.stderr
    written = [json.loads(line) for line in target.read_text().splitlines()]
    assert [row["id"] for row in written] == ["a", 2, "long", "big"]
    assert [row["verdict"] for row in written] == ["PASS", "WRONG", "SYNTAX", "PASS"]
    assert all(set(row) == {"id", "passed", "verdict", "detail", "seconds", "mode"} for row in written)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("{", "not JSON"),
        ("[1]", "lacks id, code, test"),
        ({"id": 1, "code": "x"}, "lacks test"),
        ({"id": 1, "code": 7, "test": asserts("assert 1")}, "code must be a string"),
        ({"id": 1, "code": "x", "test": {"style": "riddle"}}, "style"),
        ({"id": 1, "code": "x", "test": values([[1]], [])}, "1 inputs but 0 outputs"),
        (
            {"id": 1, "code": "x", "test": {**asserts("assert 1"), "prelude": {"np": "import numpy"}}},
            "prelude must map",
        ),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_written(tmp_path, row, what):
    good = {"id": 1, "code": DOUBLE, "test": asserts("assert f(2) == 4")}
    done, target = command(tmp_path, [good, row])
    assert done.returncode == 2
    assert what in done.stderr and "line 2" in done.stderr and done.stderr.count("\n") == 1
    assert not target.exists()


@pytest.mark.parametrize("flags", [["--timeout", "0"], ["--workers", "0"], ["--memory_mb", "10"]])
def test_numbers_that_make_no_sense_are_refused(tmp_path, flags):
    done, _ = command(tmp_path, [], *flags)
    assert done.returncode == 2 and flags[0] in done.stderr


def test_a_missing_input_is_refused(tmp_path):
    done = subprocess.run([sys.executable, "-m", "eval.judge", "--input", "nowhere.jsonl", "--output", "x.jsonl"],
                          cwd=ROOT, capture_output=True, text=True, timeout=60)  # fmt: skip
    assert done.returncode == 2 and "nowhere.jsonl" in done.stderr


@pytest.mark.parametrize("whole", [True, False])
def test_a_worker_for_every_core_has_one_for_itself(whole):
    cores = len(os.sched_getaffinity(0))
    if cores == 1:
        pytest.skip("one core leaves no choice")
    mine = "import os\ndef f():\n    return len(os.sched_getaffinity(0))\n"
    with Judge(JudgeOptions(workers=cores if whole else cores - 1)) as pool:
        judgements = list(pool.judge([(mine, asserts(f"assert f() == {1 if whole else cores}"))] * 4))
    assert [judgement.verdict for judgement in judgements] == [R.PASS] * 4
    assert len(os.sched_getaffinity(0)) == cores, "the caller keeps its own"
