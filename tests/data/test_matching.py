"""Whose program a bare description describes: the parts of the rule, and how often it is right on published lists."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from data.apps.matching import are_of, clear_pairs, going_up, match, words
from data.mbpp.prepare import seed_ids
from data.reading import read_file

FOLDER = os.environ.get("GIFT_TEST_DATA")


def test_words_and_the_words_in_identifiers():
    assert words("def maxProfit(HTTPServer, x_1): # Two") == [
        "def", "maxprofit", "max", "profit", "httpserver", "http", "server", "x_1", "x", "1", "two"]  # fmt: skip


def test_a_clear_pair_is_ahead_in_its_row_and_its_column():
    similar = np.array([[0.9, 0.4, 0.1], [0.1, 0.4, 0.3], [0.2, 0.1, 0.2]])
    assert clear_pairs(similar, 0.3) == [(0, 0)], "in row 1 the next is near, and the lead of column 1 is row 0"
    assert clear_pairs(np.array([[0.5, 0.1], [0.1, 0.2]]), 0.3) == [(0, 0)]
    assert clear_pairs(np.array([[0.3]]), 0.3) == [(0, 0)]


def test_most_pairs_that_go_up():
    assert going_up([(0, 5), (1, 1), (2, 2), (3, 9), (4, 3)]) == [(1, 1), (2, 2), (4, 3)]
    assert going_up([(0, 1), (1, 1)]) == [(1, 1)] and going_up([]) == []


def test_pairs_between_pairs_are_found_where_the_order_is_known():
    """Two descriptions of twins say the same: their places tell them apart, and nothing else does."""
    names = ["anchor", "basket", "candle", "dragon", "engine", "forest", "garden", "hammer", "island"]
    statements = [f"{name} {name}s of the {name}" for name in names] + ["twin of all"] + ["zebra last"]
    programs = [f"def {statement.split()[0]}(x): ..." for statement in statements]
    order = [0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    given = [statements[i] for i in order], [programs[i] for i in order]
    texts = [f"It is {statements[i]}" for i in order]
    made = match(texts, *given)
    assert made.by == "content and order" and made.pairs == {i: i for i in range(12)}
    backwards = match(texts[::-1], *given)
    assert backwards.by == "content" and backwards.pairs == {i: 11 - i for i in range(12) if i not in (1, 10)}
    assert match([], *given).pairs == match(texts, [], []).pairs == {}


def published(name: str) -> tuple[list, list[str], list[str]]:
    """A list with positions, and statements and gold codes at those positions."""
    entries = json.loads((Path(FOLDER) / f"ict_data_{name}.json").read_text())
    if name == "codeinsight":
        rows = read_file(Path(FOLDER) / "codeinsight-train.jsonl").rows
        return entries, [row["nl"] for row in rows], [row["code"] for row in rows]
    part = read_file(Path(FOLDER) / "sanitized-mbpp.json")
    by_id = {row["task_id"]: row for row in part.rows}
    rows = [by_id[key] for key in seed_ids(part)]
    return entries, [row["prompt"] for row in rows], [row["code"] for row in rows]


def judged(name: str, order: np.ndarray) -> tuple[str, int, int, float]:
    """By what was matched, right and wrong pairs, and the share of all descriptions whose problem is there; `order`
    holds the positions of the problems that are given.
    """
    entries, statements, programs = published(name)
    given = ([texts[i] for i in order] for texts in (statements, programs))
    made = match([text for _, text in entries], *given)
    right = sum(order[problem] == entries[number][0] for number, problem in made.pairs.items())
    there = len({position for position, _ in entries} & set(order.tolist()))
    return made.by, right, len(made.pairs) - right, right / there


@pytest.mark.skipif(not FOLDER, reason="GIFT_TEST_DATA names no folder with the data sets' files")
@pytest.mark.parametrize(("name", "recall", "recall_alone"), [("mbpp", 0.43, 0.12), ("codeinsight", 0.46, 0.025)])
def test_on_published_lists_99_of_100_pairs_are_right(name, recall, recall_alone):
    every = np.arange(len(published(name)[1]))
    by, right, wrong, share = judged(name, every)
    assert by == "content and order" and right >= 99 * wrong and share >= recall
    by, right, wrong, share = judged(name, np.random.default_rng(0).permutation(every))
    assert by == "content" and right >= 99 * wrong and share >= recall_alone


@pytest.mark.skipif(not FOLDER, reason="GIFT_TEST_DATA names no folder with the data sets' files")
@pytest.mark.parametrize(("name", "count"), [("mbpp", 170), ("codeinsight", 1547)])
def test_with_a_fifth_of_the_problems_missing_99_of_100_pairs_are_right(name, count):
    pairs = np.zeros(2)
    for seed in range(4):
        there = np.flatnonzero(np.random.default_rng(seed).random(count) < 0.8)
        pairs += judged(name, there)[1:3]
    assert pairs[0] >= 99 * pairs[1] and pairs[0] > 100, pairs


@pytest.mark.skipif(not FOLDER, reason="GIFT_TEST_DATA names no folder with the data sets' files")
@pytest.mark.parametrize("name", ["mbpp", "codeinsight"])
def test_right_numbers_are_told_from_wrong_ones_by_eight_descriptions(name):
    entries, *problems = published(name)
    for start in range(0, len(entries) - 8, len(entries) // 8):
        named, texts = zip(*entries[start : start + 8], strict=True)
        assert are_of(texts, *problems, list(named))
    named, texts = zip(*entries, strict=True)
    wrong = np.random.default_rng(0).permutation(named).tolist()
    assert are_of(texts, *problems, list(named)) and not are_of(texts, *problems, wrong)
    assert are_of(texts[:7], *problems, wrong[:7]), "too few to tell"
