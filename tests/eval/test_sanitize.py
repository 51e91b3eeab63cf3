"""Programs taken out of what models write: gold solutions of HumanEval and MBPP in chat, judged; and small cases."""

from __future__ import annotations

import json
import os
import textwrap
import time
from pathlib import Path

import pytest

from data.mbpp import prepare
from eval import registry
from eval.judge import Judge, JudgeOptions
from eval.problem import Problem
from eval.sanitize import free_names, sanitize

HUMANEVAL, _ = registry.load("humaneval", "humaneval", "test")
ADAPTER = registry.adapter("humaneval")

# What models put around a whole program.
AROUND = {
    "fence": "Sure! Here is a solution:\n\n```python\n{code}\n```\n\nThis function works as follows: it loops.",
    "fence without language": "```\n{code}\n```",
    "fence that never closes": "Here's the code.\n```python\n{code}",
    "fence in a list": "1. Use this:\n   ```py\n{indented}\n   ```\n2. Done.",
    "three fences": "```bash\npip install numpy\n```\n```python\n{code}\n```\nUse:\n```python\nprint({name}(1))\n```",
    "fence behind the signature's": "```python\n{stub}\n```\n\nAnswer:\n\n```python\n{code}\n```",
    "end of text": "{code}<|endoftext|>",
    "end of text on its line": "{code}\n</s>",
    "a transcript": "<|im_start|>assistant\n```python\n{code}\n```<|im_end|>\n<|im_start|>user\nThanks",
    "thoughts": "<think>\ndef {name}(): return 0\n</think>\n{code}",
    "chat": "Certainly, this is how I would do it:\n\n{code}\n\nLet me know if you have any questions!",
    "an example of use": "{code}\n\n# Example usage\nprint({name}(undefined_name))",
    "a wrong assertion": "{code}\n\nif __name__ == '__main__':\n    {name}()\n\nassert {name} is None",
    "a program that reads": "{code}\n\nn = int(input())\nprint({name}(n))",
    "a function cut short": "{code}\n\ndef test_{name}():\n    assert {name}([",
}
# What base models put around the body that follows a prompt.
BODIES = {
    "end of text": lambda body: body + "<|endoftext|>",
    "end of text and more": lambda body: body + "<|file_separator|>\ndef other():\n    pass",
    "closing fence": lambda body: body + "\n```\nThis is a solution.",
    "prose": lambda body: body + "\n\nThe function above is right, as it follows the docstring.",
    "a function cut short": lambda body: body + "\n\n\ndef check_it(candidate):\n    for i in range(",
    "stripped": str.strip,
    "outdented": textwrap.dedent,
    "Windows": lambda body: "\ufeff" + body.replace("\n", "\r\n") + "\r\n```",
    "tabs": lambda body: body.replace("    ", "\t"),
}


def passes(programs: list[str], tests: list[dict]) -> list[bool]:
    with Judge(JudgeOptions(workers=2, timeout=20.0)) as judge:
        return [bool(verdict.passed) for verdict in judge.judge(zip(programs, tests, strict=True))]


def wrapped(form: str, problem: Problem, prompt: str) -> str:
    """The gold solution in the chat of this form."""
    code = problem.code.strip("\n")
    indented = textwrap.indent(code, "   ")
    return AROUND[form].format(code=code, indented=indented, name=problem.entry_point, stub=prompt)


def body_of(problem: Problem) -> str:
    return problem.code.split(problem.prompt)[1].strip("\n").rstrip()


@pytest.mark.parametrize("form", AROUND)
def test_gold_solutions_of_humaneval_pass_in_chat(form):
    """As solutions, and as completions of a prompt that are whole programs."""
    some = HUMANEVAL[2::9]
    texts = [wrapped(form, problem, problem.prompt) for problem in some]
    programs = [sanitize(text, p.entry_point, p.prompt) for text, p in zip(texts, some, strict=True)]
    assert passes(programs, [problem.test for problem in some]) == [True] * len(some)


@pytest.mark.parametrize("form", BODIES)
def test_gold_completions_of_humaneval_pass_in_what_surrounds_them(form):
    some = HUMANEVAL[1::9]
    programs = [sanitize(BODIES[form](body_of(p)), p.entry_point, p.prompt) for p in some]
    assert passes(programs, [problem.test for problem in some]) == [True] * len(some)


def test_gold_solutions_of_mbpp_pass_in_chat():
    """Sanitized MBPP: helpers, classes and imports stand before and behind the entry point."""
    if "GIFT_TEST_DATA" not in os.environ:
        pytest.skip("GIFT_TEST_DATA is not set: no real data")
    rows = json.loads((Path(os.environ["GIFT_TEST_DATA"]) / "sanitized-mbpp.json").read_text())
    some = [Problem.from_row(prepare.problem(row, 0)) for row in rows[::9]]
    forms, prompts = list(AROUND), registry.adapter("mbpp")
    programs = []
    for i, problem in enumerate(some):
        prompt = prompts.code_prompt(problem, problem.query)
        names = frozenset().union(*map(free_names, problem.test["asserts"]))
        programs.append(sanitize(wrapped(forms[i % len(forms)], problem, prompt), problem.entry_point, prompt, names))
    raw, kept = (passes(codes, [p.test for p in some]) for codes in ([p.code for p in some], programs))
    assert kept == raw and sum(raw) >= len(raw) - 1


PROMPT = 'import math\n\ndef area(r):\n    """Area of a circle."""'
KEPT = """import math
from math import pi as circle
SCALE = 2
SCALE *= 0.5
table = {}
table["one"] = 1
for i in range(3):
    table[i] = i
class Shape:
    factor = circle
def helper(r):
    return Shape.factor * r * table["one"] * SCALE
def area(r):
    return helper(r) * r
"""


def test_what_the_entry_point_uses_is_kept_and_nothing_else():
    unused = (
        "import json\nr = input()\ndef other():\n    return SCALE\n\nif __name__ == '__main__':\n    print(area(2))\n"
    )
    lines = KEPT.splitlines()
    program = sanitize("\n".join([*lines[:4], unused, *lines[4:]]), "area", PROMPT)
    assert [line for line in program.splitlines() if line] == ["import math", *lines], "the prompt's import comes first"


def test_the_prompts_imports_come_along_with_a_whole_program():
    text = "```python\ndef area(r):\n    return math.pi * r * r\n```"
    assert sanitize(text, "area", PROMPT) == "import math\n\ndef area(r):\n    return math.pi * r * r\n"


def test_names_that_the_tests_take_from_the_program_are_kept():
    names = free_names("p = Pair(1, 2)\nassert add(p) == sum([3])")
    assert {"Pair", "add"} <= names and "p" not in names
    program = (
        "class Pair:\n    def __init__(self, a, b):\n        self.a, self.b = a, b\ndef add(p):\n    return p.a + p.b\n"
    )
    assert sanitize(program + "</s>", "add", "", names) == program
    assert "Pair" not in sanitize(program + "</s>", "add")


def test_a_token_inside_a_string_does_not_end_a_program():
    body = '    text = str(r)\n    return text.replace("</s>", "")'
    assert sanitize(body + "<|endoftext|></s>", "area", PROMPT) == f"{PROMPT}\n{body}\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "    pass",
        "I cannot help with that.",
        "def volume(r):\n    return r",
        "def area(r):",
        "def area(r):\n    pass",
        "area",
        "import math",
        "\x00",
        "(" * 5000,
    ],
)
def test_no_program_where_the_entry_point_has_no_body(text):
    assert sanitize(text, "area", PROMPT) == ""


def test_the_first_of_two_definitions_is_the_answer():
    """A base model that goes on writes the function again, often worse."""
    text = "    return 3 * r * r\n\ndef area(r):\n    return 0\n\ndef area(r):\n    ret"
    assert "3 * r" in sanitize(text, "area", PROMPT) and "return 0" not in sanitize(text, "area", PROMPT)


def test_a_method_is_found_in_its_class():
    text = (
        "Here:\n```python\nclass Solution:\n    def area(self, r):\n        return r\n\nprint(Solution().area(2))\n```"
    )
    assert sanitize(text, "area") == "class Solution:\n    def area(self, r):\n        return r\n"


def test_a_program_that_reads_and_prints_is_kept_whole():
    program = "n = int(input())\nprint(2 * n)\n"
    assert sanitize(f"```python\n{program}```\nIt doubles.", None) == program


def test_a_long_text_takes_bounded_time():
    """Texts that would be parsed again and again from every line."""
    for text in ("if you want this then\n" * 20_000, "```\nx\n" * 20_000, "<|endoftext|>" * 20_000):
        began = time.process_time()
        assert sanitize(text, "area", PROMPT) == ""
        assert time.process_time() - began < 10
