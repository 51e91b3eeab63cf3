"""Which codes of a problem are drawn: weights, draws, and classes of equal codes."""

from __future__ import annotations

import dis
import itertools
import json
import math
import os
from collections import Counter
from pathlib import Path
from types import CodeType

import numpy as np
import pytest
from scipy.stats import chisquare
from training_files import PROBLEMS, options

from eval.problem import Adapter
from utils.extract import parse
from utils.selection import SELECTIONS, Draw, draw, equal_codes, weights
from utils.training_set import Sources, training_set


@pytest.mark.parametrize("inverse_temperature", [0.0, 0.5, 2.0, -1.0])
def test_weights_are_the_softmax_of_scaled_perplexities(inverse_temperature):
    perplexities = [1.1, 2.0, 2.0, 3.7]
    total = sum(math.exp(inverse_temperature * value) for value in perplexities)
    expected = [math.exp(inverse_temperature * value) / total for value in perplexities]
    assert weights(perplexities, inverse_temperature) == pytest.approx(expected)


def test_a_rarer_code_weighs_more_and_outliers_do_not_overflow():
    assert (np.diff(weights([1.0, 1.5, 4.0], 2.0)) > 0).all()
    assert weights([1.0, 5000.0, 2.0], 2.0) == pytest.approx([0, 1, 0])
    assert weights([1e300, 1e300], 1.0) == pytest.approx([0.5, 0.5])


def shares(perplexities, inverse_temperature) -> list[float]:
    """How often each code is drawn, over many problems."""
    codes = [str(number) for number in range(len(perplexities))]
    counts = Counter()
    for number in range(500):
        counts.update(draw(f"p{number}", codes, perplexities, Draw(8, 1, inverse_temperature, True)))
    return [counts[position] / 4000 for position in range(len(perplexities))]


@pytest.mark.parametrize("inverse_temperature", [0.0, 2.0])
def test_codes_are_drawn_by_weight(inverse_temperature):
    perplexities = [1.2, 1.5, 2.0]
    assert shares(perplexities, inverse_temperature) == pytest.approx(
        weights(perplexities, inverse_temperature), abs=0.03
    )


def test_the_weighted_draw_is_with_replacement():
    drawn = draw("p", ["a", "b"], [1.0, 1.0], Draw(8, 1, 2.0, True))
    assert len(drawn) == 8 and set(drawn) == {0, 1}


def test_codes_without_perplexity_are_never_drawn_by_weight():
    assert set(draw("p", ["a", "b", "c"], [None, 1.0, None], Draw(50, 1, 2.0, True))) == {1}
    assert draw("p", ["a"], [None], Draw(8, 1, 2.0, True)) == [] == draw("p", [], [], Draw(8, 1, 2.0, True))


@pytest.mark.parametrize("k", range(1, 6))
@pytest.mark.parametrize("n", range(6))
def test_the_uniform_draw_takes_no_code_twice_while_there_are_enough(n, k):
    codes = [str(number) for number in range(n)]
    plain = draw("p", codes, None, Draw(k, 1))
    filled = draw("p", codes, None, Draw(k, 1, resample=True))
    assert len(plain) == min(n, k) and len(set(plain)) == len(plain)
    assert filled[: len(plain)] == plain and len(filled) == (k if n else 0)
    assert set(filled) <= set(range(n))


def test_the_uniform_draw_is_uniform():
    counts = Counter(position for p in range(3000) for position in draw(f"p{p}", "abcd", None, Draw(2, 1)))
    assert all(1400 < counts[position] < 1600 for position in range(4))


def test_a_draw_depends_on_seed_and_problem_alone():
    codes = [str(number) for number in range(50)]
    first = draw("7", codes, None, Draw(5, 1))
    np.random.default_rng().random(3)
    assert draw("7", codes, None, Draw(5, 1)) == first
    assert draw("8", codes, None, Draw(5, 1)) != first != draw("7", codes, None, Draw(5, 2))


# Draws of the classes of codes that are equal after renaming

LOOP = "def f(xs):\n    {0} = 0\n    for {1} in xs:\n        {0} += {1}\n    return {0}"
SPELLINGS = [  # the first class: four spellings of one code
    LOOP.format("total", "x"),
    "def f(xs):\n    return sum(xs)",
    LOOP.format("s", "y").replace("\n", '\n    """Add them."""\n', 1),
    LOOP.format("s", "y") + "  # the sum",
    "def f(xs):\n    return sum(sorted(xs))",
    LOOP.format("x", "total"),
]
CLASSES = [[0, 2, 3, 5], [1], [4]]


def is_drawn_by(law: dict, outcomes: list) -> bool:
    """Whether outcomes follow a law of probabilities: a chi-square test at 1 %."""
    assert sum(law.values()) == pytest.approx(1) and set(outcomes) <= law.keys()
    counts = Counter(outcomes)
    expected = [len(outcomes) * chance for chance in law.values()]
    return chisquare([counts[outcome] for outcome in law], expected).pvalue > 0.01


def draws(selection: str, k: int, **settings) -> list[list[int]]:
    """Indices of the spellings drawn for each of 4000 problems."""
    return [draw(f"p{p}", SPELLINGS, None, Draw(k, 1, selection=selection, **settings)) for p in range(4000)]


def test_codes_are_equal_after_renaming_without_docstrings_and_comments():
    assert equal_codes(SPELLINGS) == CLASSES
    assert equal_codes(["def f(:", "def f(: ", "def g(:"]) == [[0, 1], [2]], "codes that do not parse are texts"


def test_equal_codes_of_mbpp_compile_to_the_same_instructions():
    if not (folder := os.environ.get("GIFT_TEST_DATA")):
        pytest.skip("GIFT_TEST_DATA is unset")
    lines = (Path(folder) / "mbpp.jsonl").read_text().splitlines()
    programs = [json.loads(line)["code"] for line in lines]
    classes = equal_codes(programs)
    several = [[programs[i] for i in indices] for indices in classes if len(indices) > 1]
    assert len(several) > 20 and sorted(i for indices in classes for i in indices) == list(range(len(programs)))
    assert any(len(set(equal)) > 1 for equal in several), "some differ in names"

    def instructions(code: CodeType) -> list:
        steps = list(dis.get_instructions(code))
        inner = [instructions(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
        return [(step.opname, step.argval if step.opname.endswith("_OP") else None) for step in steps] + inner

    for equal in several:
        first, *others = (instructions(compile(parse(program), "program", "exec")) for program in equal)
        assert all(other == first for other in others), equal


def test_by_rarity_every_class_has_the_same_chance():
    law = {i: 1 / 3 / len(indices) for indices in CLASSES for i in indices}
    drawn = [i for indices in draws("rarity", 3) for i in indices]
    assert len(drawn) == 3 * 4000 and is_drawn_by(law, drawn)
    assert not is_drawn_by(dict.fromkeys(range(6), 1 / 6), drawn)


def test_by_rarity_draws_are_with_replacement_and_independent():
    law = dict.fromkeys(itertools.product(range(3), repeat=2), 1 / 9)
    of_class = {i: index for index, indices in enumerate(CLASSES) for i in indices}
    assert is_drawn_by(law, [tuple(of_class[i] for i in indices) for indices in draws("rarity", 2)])


def test_distinct_draws_classes_without_replacement_and_a_code_of_each():
    law = {
        (i, j): 1 / 6 / len(one) / len(other)
        for one, other in itertools.permutations(CLASSES, 2)
        for i in one
        for j in other
    }
    assert is_drawn_by(law, [tuple(indices) for indices in draws("distinct", 2)])


@pytest.mark.parametrize("k", [1, 2, 3, 5, 8])
def test_distinct_takes_no_class_twice_before_it_has_all(k):
    plain = draw("p", SPELLINGS, None, Draw(k, 1, selection="distinct"))
    filled = draw("p", SPELLINGS, None, Draw(k, 1, resample=True, selection="distinct"))
    assert len(plain) == min(k, 3) and len(filled) == k
    for drawn in (plain, filled[:3]):
        assert len(equal_codes([SPELLINGS[i] for i in drawn])) == len(drawn)
    assert draw("p", [], None, Draw(k, 1, resample=True, selection="distinct")) == []


def test_distinct_fills_up_over_classes():
    law = {i: 1 / 3 / len(indices) for indices in CLASSES for i in indices}
    filled = draws("distinct", 6, resample=True)
    assert is_drawn_by(law, [i for indices in filled for i in indices[3:]])
    assert any(len(set(indices)) > 3 for indices in filled), "another spelling of a class may come up"
    published = draws("distinct", 6, resample=True, fill_with_replacement=True)
    assert is_drawn_by(law, [i for indices in published for i in indices])
    assert any(len({*indices} & {1, 4}) < 2 for indices in published), "a class may be missing"


@pytest.mark.parametrize("selection", ["rarity", "distinct"])
def test_perplexities_have_no_part_in_other_rules(selection):
    settings = Draw(4, 1, 2.0, True, selection=selection)
    assert draw("p", SPELLINGS, None, settings) == draw("p", SPELLINGS, [None] * 6, settings)
    sources = Sources([[code.replace("def f(", "def f0(") for code in SPELLINGS], [], []], None)
    rows, _ = training_set(PROBLEMS, sources, Adapter(), options(num_seq=3, selection=selection))
    assert sum(row["origin"] == "sampled" for row in rows) == 3


def test_draws_of_the_first_rules_stay_as_they_were():
    """Numbers of the version before there were other rules."""
    perplexities = [1.5, None, 1.2, 2.5, 1.1]
    assert draw("p1", "abcde", None, Draw(3, 7)) == [0, 1, 4]
    assert draw("p1", "abcde", None, Draw(8, 7, resample=True)) == [0, 1, 4, 3, 2, 3, 0, 3]
    assert draw("p1", "abcde", None, Draw(8, 7, resample=True, fill_with_replacement=True)) == [3, 0, 3, 2, 3, 4, 2, 2]
    assert draw("p1", "abcde", perplexities, Draw(8, 7, 1.3, True)) == [4, 2, 2, 0, 3, 4, 3, 4]
    assert draw("p1", "abcde", perplexities, Draw(8, 7, 1.3, True, selection="uniform")) == [0, 1, 4, 3, 2, 3, 0, 3]


def test_a_rule_of_the_table_draws_by_its_chances(monkeypatch):
    """A rule that only gives a chance to codes of some kind: `--selection longest` draws nothing else."""

    def longest(codes, perplexities, beta):
        chances = np.array([float(len(code) == max(map(len, codes))) for code in codes])
        return chances / chances.sum()

    monkeypatch.setitem(SELECTIONS, "longest", longest)
    assert draw("p", ["a", "bbb", "cc"], None, Draw(8, 1, selection="longest")) == [1] * 8
    sources = Sources([[f"def f0(n):\n    return n{' + 0' * i}" for i in range(4)], [], []], None)
    rows, _ = training_set(PROBLEMS, sources, Adapter(), options(num_seq=5, selection="longest"))
    assert [row["target"] for row in rows if row["origin"] == "sampled"] == ["\n    return n + 0 + 0 + 0"] * 5
