"""The description and the rewrite prompt, letter by letter, and the choice of their example."""

from __future__ import annotations

import shutil

import pytest
import warm
from toy import REPOSITORY
from transformers import AutoTokenizer

from data.quickstart import problems as quickstart
from eval.problem import Problem
from eval.registry import adapter
from utils.extract import truncate
from utils.gibbs import Examples
from utils.prompts import (
    DESCRIPTION_STOP_WORDS,
    DESCRIPTION_TOP_P,
    description_prompt,
    rewrite_prompt,
)
from utils.run.streams import stream

DESCRIBE = """\
###Code:
def add(a, b):
    return a + b
###Description of the given code:
Adds two numbers.

###Code:
def double(n):
    return 2 * n
###Description of the given code:
"""
REWRITE = """\
###Description:
Return the sum of a and b.
###Description in other words:
Adds two numbers.

###Description:
Return twice the number.
###Description in other words:
"""
EXAMPLES = {"1": ["one"], "2": ["two", "also two"], "11": ["eleven"]}


def test_description_prompt_to_the_letter():
    shot = ("def add(a, b):\n    return a + b\n", "\nAdds two numbers. ")
    assert description_prompt(shot, "def double(n):\n    return 2 * n\n\n") == DESCRIBE


def test_rewrite_prompt_to_the_letter():
    assert rewrite_prompt(("Return the sum of a and b.", "Adds two numbers."), "Return twice the number.\n") == REWRITE


def test_without_an_example_the_shape_is_the_same():
    assert description_prompt(None, "def double(n):\n    return 2 * n") == DESCRIBE.split("\n\n")[1]
    assert rewrite_prompt(None, "Return twice the number.") == REWRITE.split("\n\n")[1]


@pytest.mark.parametrize("prompt", [DESCRIBE, REWRITE])
def test_stop_words_cut_where_the_next_example_would_begin(prompt):
    assert truncate(f"Some text.\n#1 line\n\n{prompt}", DESCRIPTION_STOP_WORDS) == "Some text.\n#1 line"


def test_published_settings_of_the_description_step():
    assert DESCRIPTION_STOP_WORDS == ("\n###Code:", "\n###") and DESCRIPTION_TOP_P == 0.95


def drawn_from(examples, problem_id, rng):
    """The example drawn for a problem, as (its problem's id, description); the ids stand for the problems here."""
    return Examples(examples, {key: key for key in examples}).draw(problem_id, rng)


@pytest.mark.parametrize("problem", [*EXAMPLES, "another"])
def test_the_example_is_never_the_problem_itself(problem):
    drawn = {drawn_from(EXAMPLES, problem, stream(seed)) for seed in range(200)}
    assert drawn == {(key, text) for key, texts in EXAMPLES.items() if key != problem for text in texts}


def test_every_description_is_as_likely_as_any_other():
    counts: dict = {}
    for seed in range(3000):
        drawn = drawn_from(EXAMPLES, "another", stream("example", seed))
        counts[drawn] = counts.get(drawn, 0) + 1
    assert len(counts) == 4 and all(650 < count < 850 for count in counts.values())


@pytest.mark.parametrize("examples", [{}, {"1": ["one"]}])
def test_no_other_problem_no_example(examples):
    assert drawn_from(examples, "1", stream(0)) is None


def shown(*flags: str) -> list[str]:
    """What `python -m utils.prompts` prints for the quickstart problems, prompt by prompt."""
    done = warm.run(["-m", "utils.prompts", "--dataset", "quickstart", *flags], REPOSITORY)
    assert done.returncode == 0, done.stderr
    return done.stdout.removeprefix("== ").split("\n== ")


def test_prompts_are_shown_as_text_and_ids(tiny_model, tmp_path):
    code, describe, rewrite = shown("--model_name_or_path", str(tiny_model))
    first = Problem.from_row(quickstart.rows("train")[0])
    assert code.split("\n-- ids\n")[0].endswith(adapter("quickstart").code_prompt(first, first.query))
    assert describe.count("###Code:") == 2 and rewrite.count("###Description in other words:") == 2
    assert f"\n\n###Description:\n{first.query}\n###Description in other words:\n" in rewrite
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    tokenizer.chat_template = "{% for m in messages %}<s>{{ m['content'] }}</s>{% endfor %}<s>"
    shutil.copytree(tiny_model, tmp_path / "chat")
    tokenizer.save_pretrained(tmp_path / "chat")
    for block in (code, describe, rewrite, *shown("--model_name_or_path", str(tmp_path / "chat"), "--chat")):
        head, ids = block.rstrip("\n").split("\n-- ids\n")
        title, _, text = head.partition("\n")
        ids = list(map(int, ids.split()))
        assert title.endswith(f": {len(ids)} tokens") and tokenizer.decode(ids) == text
        assert ids.count(0) == text.count("<s>")
