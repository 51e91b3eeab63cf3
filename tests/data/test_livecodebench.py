"""LiveCodeBench: rows of its published format become problems; right programs pass, wrong ones do not."""

from __future__ import annotations

import base64
import json
import os
import pickle
import subprocess
import zlib
from pathlib import Path

import pytest
import toy
import warm
from fake_server import FakeServer
from preparing import Prepared

from data.livecodebench import payload
from data.livecodebench.prepare import problem
from data.reading import Dropped
from eval import registry
from eval.judge import Judge, JudgeOptions
from eval.problem import Problem

REPOSITORY = Path(__file__).resolve().parents[2]


def case(given: str, wanted: str, kind: str = "stdin") -> dict:
    return {"input": given, "output": wanted, "testtype": kind}


def packed(value, protocol: int = 4) -> str:
    """A field as it is published: base64 of zlib of a pickle of the text."""
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.b64encode(zlib.compress(pickle.dumps(text, protocol=protocol))).decode()


def row(**changes) -> dict:
    """Add up numbers until a zero, read from standard input; in the published fields."""
    return {
        "question_title": "Until Zero",
        "question_content": "Numbers stand on lines of their own, the last is 0.\n\nPrint their sum.",
        "platform": "atcoder",
        "question_id": "abc999_a",
        "contest_id": "abc999",
        "contest_date": "2024-03-02T00:00:00",
        "starter_code": "",
        "difficulty": "easy",
        "public_test_cases": json.dumps([case("1\n2\n0\n", "3\n"), case("0", "0")]),
        "private_test_cases": packed([case("-5\n5\n7\n0\n", "7")]),
        "metadata": "{}",
        **changes,
    }


PAIRS = "def pairs(self, nums: List[int], target: int) -> List[List[int]]:"


def method_row(**changes) -> dict:
    """Pairs that add up to a target; a method of `class Solution`."""
    public = [case("[1, 2, 3]\n3", "[[0, 1]]", "functional")]
    private = [case("[2, 2, 2]\n4", "[[0, 1], [0, 2], [1, 2]]", "functional"), case("[]\n0", "[]", "functional")]
    return row(**{
        "question_id": "3999",
        "platform": "leetcode",
        "difficulty": "medium",
        "contest_date": "2024-06-30T00:00:00",
        "question_content": "Return all pairs of positions i < j whose numbers add up to the target, in order.",
        "starter_code": f"class Solution:\n    {PAIRS}\n        ",
        "public_test_cases": json.dumps(public),
        "private_test_cases": packed(private),
        "metadata": json.dumps({"func_name": "pairs"}),
        **changes,
    })  # fmt: skip


@pytest.fixture
def prepared(tmp_path, monkeypatch, capsys) -> Prepared:
    return Prepared(tmp_path, monkeypatch, capsys)


# Rows


def test_the_published_fields_become_a_problem(prepared):
    prepared.write("raw/test.jsonl", [row(), method_row()])
    printed = prepared.run("livecodebench", "--source", "raw")
    whole, method = prepared.rows("livecodebench", "test")
    assert whole["test"] == {"style": "io", "fn_name": None, "stdin": True,
                             "inputs": ["1\n2\n0\n", "0", "-5\n5\n7\n0\n"], "outputs": ["3\n", "0", "7"]}  # fmt: skip
    assert whole["tags"] == {"platform": ["atcoder"], "difficulty": ["easy"], "month": ["2024-03"]}
    assert (whole["id"], whole["code"], whole["verified"], whole["head"]) == ("abc999_a", "", False, "def solve():")
    assert whole["query"].startswith(row()["question_content"]) and "standard output" in whole["query"]
    assert method["test"] == {"style": "io", "fn_name": "pairs", "stdin": False,
                              "inputs": [[[1, 2, 3], 3], [[2, 2, 2], 4], [[], 0]],
                              "outputs": [[[0, 1]], [[0, 1], [0, 2], [1, 2]], []]}  # fmt: skip
    assert method["query"] == method_row()["question_content"]
    problems, _ = registry.load("livecodebench", "livecodebench", "test")
    adapter = registry.adapter("livecodebench")
    assert adapter.code_prompt(problems[1], problems[1].query) == (
        "class Solution:\n    def pairs(self, nums: List[int], target: int) -> List[List[int]]:\n"
        f'        """ {method_row()["question_content"]}"""'
    )
    assert adapter.code_prompt(problems[0], problems[0].query).startswith('def solve():\n    """ Numbers stand')
    assert "| atcoder  | 1        | 1    | 0      | 2024-03 |" in printed and "no gold solutions" in printed


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_and_packed_tests_are_the_same(protocol):
    private = [case("-5\n5\n7\n0\n", "7"), case("é\n", "ü")]
    made = [problem(row(private_test_cases=field), 0)
            for field in (json.dumps(private), private, packed(private, protocol))]  # fmt: skip
    assert made[0] == made[1] == made[2] and made[0]["test"]["outputs"][-1] == "ü"


@pytest.mark.parametrize("private", ["", "[]", None])
def test_public_tests_alone_will_do(private):
    assert len(problem(row(private_test_cases=private), 0)["test"]["inputs"]) == 2


class _Runs:
    """What a hostile file would have the reader call."""

    def __reduce__(self):
        return os.mkdir, ("made-by-a-pickle",)


def squeezed(raw: bytes, cut: int = 0) -> str:
    packed = zlib.compress(raw)
    return base64.b64encode(packed[: len(packed) - cut]).decode()


ODD = [
    ({"private_test_cases": packed([case("1", "1")])[:-9]}, "broken compression of the tests"),
    ({"private_test_cases": "no base64 at all!"}, "broken compression of the tests"),
    ({"private_test_cases": base64.b64encode(b"no zlib").decode()}, "broken compression of the tests"),
    ({"private_test_cases": squeezed(bytes(99), cut=6)}, "broken compression of the tests"),
    ({"private_test_cases": squeezed(b"no pickle")}, "tests are packed in an unknown way"),
    ({"private_test_cases": squeezed(pickle.dumps("[]" * 99)[:-20])}, "tests are packed in an unknown way"),
    ({"private_test_cases": squeezed(pickle.dumps([1, 2]))}, "tests are packed in an unknown way"),
    ({"private_test_cases": squeezed(pickle.dumps(_Runs()))}, "tests are packed in an unknown way"),
    ({"private_test_cases": packed("{half of it")}, "malformed private_test_cases"),
    ({"private_test_cases": packed('{"input": "1"}')}, "malformed private_test_cases"),
    ({"private_test_cases": 7}, "malformed private_test_cases"),
    ({"public_test_cases": "[{"}, "malformed public_test_cases"),
    ({"public_test_cases": "[]", "private_test_cases": packed([])}, "no tests"),
    ({"public_test_cases": json.dumps([{"input": "1", "testtype": "stdin"}])}, "malformed test case"),
    ({"public_test_cases": json.dumps([case("1", "1", "functional")])}, "tests of both kinds"),
    ({"public_test_cases": json.dumps([case("1", "1", "files")]), "private_test_cases": ""},
     "testtype neither stdin nor functional"),
    ({"private_test_cases": json.dumps([case("\ud800", "1")])}, "not UTF-8"),
    ({"contest_date": "last March"}, "malformed contest_date"),
    ({"metadata": "[]"}, "malformed metadata"),
    ({"question_content": " "}, "empty question_content"),
    ({"question_id": None}, "lacks question_id"),
]  # fmt: skip
ODD_METHODS = [
    ({"metadata": "{}"}, "lacks func_name"),
    ({"metadata": '{"func_name": "triples"}'}, "starter_code does not open the function that is called"),
    ({"starter_code": ""}, "starter_code does not open the function that is called"),
    ({"public_test_cases": json.dumps([case("[1, 2", "3", "functional")])}, "malformed test case"),
    ({"public_test_cases": json.dumps([case("[1]\n2", "None", "functional")])}, "malformed test case"),
]


def test_odd_rows_are_counted(prepared):
    bad = [row(question_id=f"odd{i}", **changes) if "question_id" not in changes else row(**changes)
           for i, (changes, _) in enumerate(ODD)]  # fmt: skip
    bad += [method_row(question_id=f"m{i}", **changes) for i, (changes, _) in enumerate(ODD_METHODS)]
    lines = [json.dumps(raw) for raw in [row(), *bad, row(), method_row()]]
    file = prepared.write("test5.jsonl", "\n".join([*lines, "[1]", '{"half": ']) + "\n")
    printed = prepared.run("livecodebench", "--source", file)
    assert [made["id"] for made in prepared.rows("livecodebench", "test")] == ["abc999_a", "3999"]
    reasons = [reason for _, reason in (*ODD, *ODD_METHODS)]
    for reason in {*reasons, "id used twice", "not an object", "not valid JSON"}:
        assert f"{max(reasons.count(reason), 1)} {reason}" in printed
    assert not Path("made-by-a-pickle").exists()


def test_a_bomb_is_not_unpacked(monkeypatch):
    monkeypatch.setattr(payload, "MOST_BYTES", 10_000)
    assert payload.text_in(packed("x" * 9_000)) == "x" * 9_000
    with pytest.raises(Dropped, match="tests too large"):
        payload.text_in(packed("x" * 1_000_000))


# The date window and the source


@pytest.mark.parametrize(
    ("flags", "kept"),
    [
        ([], ["abc999_a", "3999", "undated"]),
        (["--since", "2024-03-02"], ["abc999_a", "3999"]),
        (["--since", "2024-03-03"], ["3999"]),
        (["--until", "2024-06-29"], ["abc999_a"]),
        (["--since", "2024-06-30", "--until", "2024-06-30"], ["3999"]),
    ],
)
def test_the_window_includes_both_days(prepared, flags, kept):
    prepared.write("lcb/test.jsonl", [row()])
    prepared.write("lcb/test2.jsonl", [method_row(), row(question_id="undated", contest_date=None)])
    prepared.write("lcb/other.jsonl", [{"something": "else"}])
    prepared.run("livecodebench", "--source", "lcb", *flags)
    assert [made["id"] for made in prepared.rows("livecodebench", "test")] == kept
    given = dict(zip(flags[::2], flags[1::2], strict=True))
    meta = prepared.meta("livecodebench", "test")
    assert meta["settings"] == {"since": given.get("--since"), "until": given.get("--until")}
    assert set(meta["inputs"]) == {"test.jsonl", "test2.jsonl"}


def command(module: str, folder: Path, *flags: str) -> subprocess.CompletedProcess:
    return warm.run(["-m", module, *flags], folder, {**os.environ, "PYTHONPATH": str(REPOSITORY)})


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--since", "2024-02-30"], "--since 2024-02-30: no such day"),
        (["--until", "20240301"], "--until 20240301: no such day"),
        (["--since", "2024-03-02", "--until", "2024-03-01"], "later than --until"),
        (["--since", "2030-01-01"], "no row became a problem"),
    ],
)
def test_a_bad_window_is_one_line(tmp_path, flags, said):
    (tmp_path / "test.jsonl").write_text(json.dumps(row()) + "\n")
    done = command("data.livecodebench.prepare", tmp_path, "--source", "test.jsonl", *flags)
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("livecodebench/code_generation_lite", "test*.jsonl"),
        ("empty", "no test*.jsonl"),
        ("none.jsonl", "no such file"),
    ],
)
def test_a_bad_source_is_one_line(tmp_path, source, said):
    (tmp_path / "empty").mkdir()
    done = command("data.livecodebench.prepare", tmp_path, "--source", source)
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1


# Programs


RIGHT = [
    "import sys\nprint(sum(map(int, sys.stdin.read().split())))\n",
    "total = 0\nwhile (n := int(input())):\n    total += n\nprint(total)\n",
    "def main():\n    print(sum(int(line) for line in stdin))\n\n\nif __name__ == '__main__':\n    main()\n",
    "def solve():\n    print(sum(map(int, stdin)))\n",  # only defined: a completion
    "def solve():\n    print(sum(map(int, stdin)))\n\n\nsolve()\n",
    "from __future__ import annotations\nimport sys\nprint(reduce(add, map(int, sys.stdin)))\n",
]
WRONG = [
    "print(3)\n",
    "import sys\nprint(sum(map(int, sys.stdin.read().split())) + 1)\n",
    "def solve(n):\n    print(n)\n",
    "def other():\n    print(sum(map(int, stdin)))\n",
]
METHODS_RIGHT = [
    "class Solution:\n    def pairs(self, nums: List[int], target: int) -> List[List[int]]:\n"
    "        return [[i, j] for i, j in combinations(range(len(nums)), 2) if nums[i] + nums[j] == target]\n",
    "class Solution:\n    def pairs(self, nums, target):\n        size = range(len(nums))\n"
    "        return [(i, j) for i in size for j in size if i < j and nums[i] + nums[j] == target]\n",
]
METHODS_WRONG = [
    "class Solution:\n    def pairs(self, nums, target):\n        return [[0, 1]]\n",
    "def pairs(nums):\n    return []\n",
]


def test_right_programs_pass_and_wrong_ones_do_not():
    adapter, options = registry.adapter("livecodebench"), JudgeOptions(workers=1, timeout=20)
    whole, method = (Problem.from_row(problem(raw, 0)) for raw in (row(), method_row()))
    jobs = [(whole, code, True) for code in RIGHT] + [(whole, code, False) for code in WRONG]
    jobs += [(method, code, True) for code in METHODS_RIGHT] + [(method, code, False) for code in METHODS_WRONG]
    with Judge(options) as judge:
        verdicts = list(judge.judge((adapter.judged(made, code), made.test) for made, code, _ in jobs))
    assert [(code, bool(verdict.passed)) for (_, code, _), verdict in zip(jobs, verdicts, strict=True)] == [
        (code, right) for _, code, right in jobs
    ]


def test_what_does_not_parse_is_judged_as_it_is():
    made = Problem.from_row(problem(row(), 0))
    assert registry.adapter("livecodebench").judged(made, "def solve(:") == "def solve(:"


def test_samples_are_scored_without_gold_solutions(prepared):
    prepared.write("test.jsonl", [row(), method_row()])
    prepared.run("livecodebench", "--source", "test.jsonl")
    completion = "    print(sum(map(int, stdin)))\n"
    prepared.write("s.jsonl", [{"task_id": "abc999_a", "completion": completion},
                               {"task_id": "3999", "solution": METHODS_WRONG[0]}])  # fmt: skip
    done = command("eval.evaluate", prepared.folder, "--dataset", "livecodebench", "--samples", "s.jsonl")
    assert done.returncode == 0 and json.loads(done.stdout)["pass@1"] == 0.5
    scores = json.loads((prepared.folder / "s.jsonl_scores.json").read_text())
    assert "verified" not in scores and scores["per_problem"] == {"abc999_a": [1, 1], "3999": [1, 0]}
    assert set(scores["breakdown"]) == {"platform", "difficulty", "month"}
    assert scores["breakdown"]["month"]["2024-03"]["pass_at_k"] == {"1": 1.0}
    done = command("eval.evaluate", prepared.folder, "--dataset", "livecodebench", "--check_references")
    assert done.returncode == 2 and "livecodebench has no gold solutions" in done.stderr


# The stages


COMMON = ["--deepspeed_config", toy.REPOSITORY / "deepspeed_config.json", "--dataset", "livecodebench",
          "--output_dir", "lcb", "--max_length", 1024, "--dtype", "fp32"]  # fmt: skip


def test_a_model_is_evaluated_and_nothing_is_trained(prepared, tiny_model):
    prepared.write("test.jsonl", [row(), method_row()])
    prepared.run("livecodebench", "--source", "test.jsonl")
    flags = [*COMMON, "--model_name_or_path", tiny_model]
    with FakeServer(tiny_model, answer=lambda *_: "\n    print(sum(map(int, stdin)))\n") as server:
        served = ["--engine", "server", "--base_url", server.url, "--max_new_tokens", 32]
        done = toy.run_stage("run_gen.py", [*flags, "--eval_only", *served], prepared.folder)
    assert done.status == 0, done.err
    (entry,) = json.loads((prepared.folder / "results" / "livecodebench" / "lcb.json").read_text())
    assert entry["per_problem"] == {"abc999_a": [1, 1], "3999": [1, 0]}, "a function that is only defined is called"
    assert set(entry["breakdown"]["platform"]) == {"atcoder", "leetcode"}
    for script, more in (("run_gen.py", []), ("seq_gibbs_sample.py", ["--selfsample"])):
        refused = toy.run_stage(script, [*flags, *more], prepared.folder)
        assert refused.status == 2 and "for evaluation only" in refused.err
        assert sum("error:" in line for line in refused.err.splitlines()) == 1
    prepared.write("data/livecodebench/train.json", prepared.rows("livecodebench", "test"))
    refused = toy.run_stage("seq_gibbs_sample.py", [*flags, "--selfsample"], prepared.folder)
    assert refused.status == 2 and "has no gold solution" in refused.err


# The other layout


FOLDER = os.environ.get("GIFT_TEST_DATA")


@pytest.mark.skipif(not FOLDER, reason="GIFT_TEST_DATA names no folder with the data sets' files")
def test_rows_that_wrap_statement_and_labels(prepared):
    prepared.run("livecodebench", "--source", Path(FOLDER) / "apps" / "lcb" / "live_code_bench_v1.jsonl")
    rows = {made["id"]: made for made in prepared.rows("livecodebench", "test")}
    assert set(rows) == {"codeforces/1873_A", "leetcode/2727", "atcoder/abc301_a"}
    seniors = rows["leetcode/2727"]
    assert seniors["test"]["outputs"] == [2, 0, 0, 1, 0, 1, 1, 0, 3, 2, 7, 33, 48, 53]
    assert seniors["head"] == "class Solution:\n    def countSeniors(self, details: List[str]) -> int:"
    assert seniors["query"].startswith("You are given a 0-indexed") and "###" not in seniors["query"]
    programs = [
        ("leetcode/2727", "class Solution:\n    def countSeniors(self, details: List[str]) -> int:\n"
         "        return sum(int(d[11:13]) > 60 for d in details)\n", True),
        ("leetcode/2727", "class Solution:\n    def countSeniors(self, details: List[str]) -> int:\n"
         "        return sum(int(d[11:13]) >= 60 for d in details)\n", False),
        ("codeforces/1873_A", "for _ in range(int(input())):\n    s = input()\n"
         "    print('YES' if sum(a != b for a, b in zip(s, 'abc')) <= 2 else 'NO')\n", True),
        ("atcoder/abc301_a", "n, s = input(), input()\nt, a = s.count('T'), s.count('A')\n"
         "print('T' if t > a else 'A' if a > t else 'TA'[s[-1] == 'T'])\n", True),
        ("atcoder/abc301_a", "n, s = input(), input()\nprint('T' if s.count('T') >= s.count('A') else 'A')\n", False),
    ]  # fmt: skip
    adapter = registry.adapter("livecodebench")
    with Judge(JudgeOptions(workers=1, timeout=20)) as judge:
        problems = {key: Problem.from_row(made) for key, made in rows.items()}
        verdicts = judge.judge((adapter.judged(problems[key], code), problems[key].test) for key, code, _ in programs)
        assert [bool(verdict.passed) for verdict in verdicts] == [right for _, _, right in programs]


@pytest.mark.skipif(not FOLDER, reason="GIFT_TEST_DATA names no folder with the data sets' files")
def test_a_window_leaves_undated_rows_out(prepared):
    done = command("data.livecodebench.prepare", prepared.folder, "--since", "2023-01-01", "--source",
                   str(Path(FOLDER) / "apps" / "lcb" / "live_code_bench_v1.jsonl"))  # fmt: skip
    assert done.returncode == 2 and "3 lacks contest_date" in done.stdout
