"""Whose program does a description describe? For lists of bare descriptions, as published for `introductory`.

A description is compared with every problem by the words that it shares with the gold code, and with statement and gold
code (TF-IDF over words, identifiers and the words in them). A pair is clear where the two are similar, and each is well
ahead of the next best for the other. Two such lists are published with numbers, MBPP's and CodeInsight's, and both
follow the order of their data set; where the clear pairs do so too, the list is in the data's order, and what lies
between two pairs is searched again by itself: few problems remain there, so more pairs are clear.

Measured on the two numbered lists without their numbers (tests/data/test_matching.py), right pairs of all pairs made:

    problems given                MBPP, 147 descriptions   CodeInsight, 597 descriptions
    all, in order                 64 of 64                 279 of 279
    all, shuffled                 18 of 18                 15 of 15
    four fifths, 8 draws          403 of 406               1769 of 1774
    four fifths, shuffled         123 of 124               106 of 107
    half, 8 draws                 183 of 186               871 of 880
    a fifth, 8 draws              20 of 24                 73 of 74

A wrong pair is mostly a description whose own problem is missing: the fewer problems, the less a match says.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAD = 0.5  # the next best, for the description and for the problem, is less similar by this share
SIMILAR = 0.3  # least similarity, 0 to 1, where the order is known
SIMILAR_ALONE = 0.4  # and where content alone decides
LEAST_PAIRS, IN_ORDER = 8, 0.9  # pairs that tell the order, and the share of them that has to follow it
NEARER = 0.75  # share of descriptions that have to be nearer to the problem named for them than to the median one


@dataclass(frozen=True)
class Match:
    """Problems matched to descriptions, by position, and how: by content, or by content and order."""

    pairs: dict[int, int]
    by: str


def match(descriptions: Sequence[str], statements: Sequence[str], programs: Sequence[str]) -> Match:
    """For each description the problem whose program it describes, where that is clear."""
    if not descriptions or not programs:
        return Match({}, "content")
    similar = similarities(descriptions, statements, programs)
    pairs = clear_pairs(similar, SIMILAR_ALONE)
    if len(pairs) >= LEAST_PAIRS and len(going_up(pairs)) >= IN_ORDER * len(pairs):
        return Match(dict(_pairs_in_order(similar)), "content and order")
    return Match(dict(pairs), "content")


def are_of(descriptions: Sequence[str], statements: Sequence[str], programs: Sequence[str], named: list[int]) -> bool:
    """Whether descriptions belong to the problems that are named for them, as far as their text can tell.

    A description is nearly always more similar to its own problem than to the median one, to another problem in half of
    all cases. Few descriptions tell nothing and are believed.
    """
    if len(named) < LEAST_PAIRS:
        return True
    similar = similarities(descriptions, statements, programs)
    nearer = similar[np.arange(len(named)), named] > np.median(similar, axis=1)
    return bool(nearer.mean() >= NEARER)


def similarities(descriptions: Sequence[str], statements: Sequence[str], programs: Sequence[str]) -> np.ndarray:
    """How similar every description (rows) is to every problem (columns), 0 to 1."""
    texts = [f"{statement}\n{program}" for statement, program in zip(statements, programs, strict=True)]
    return (_similarity(descriptions, texts) + _similarity(descriptions, programs)) / 2


def _similarity(descriptions: Sequence[str], texts: Sequence[str]) -> np.ndarray:
    """Cosine of every description (rows) with every text (columns)."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # takes a second to import

    vectorizer = TfidfVectorizer(analyzer=words, sublinear_tf=True).fit([*texts, *descriptions])
    return (vectorizer.transform(descriptions) @ vectorizer.transform(texts).T).toarray()


def words(text: str) -> list[str]:
    """Words, identifiers and numbers in lower case, and the words that identifiers are made of."""
    names = []
    for name in re.findall(r"[A-Za-z_]\w*|\d+", text):
        parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)
        names += [name.lower(), *([part.lower() for part in parts] if len(parts) > 1 else [])]
    return names


def clear_pairs(similar: np.ndarray, least: float) -> list[tuple[int, int]]:
    """Pairs of row and column, by row, that are at least so similar and ahead of all others of their row and column."""
    pairs = []
    for row, column in enumerate(similar.argmax(axis=1)):
        best = similar[row, column]
        others = np.append(np.delete(similar[row], column), np.delete(similar[:, column], row))
        if best >= least and others.max(initial=0) <= (1 - LEAD) * best:
            pairs.append((row, int(column)))
    return pairs


def going_up(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The most pairs whose columns rise with their rows (a longest increasing subsequence); `pairs` go by row."""
    ends: list[int] = []  # the lowest last column of a chain of each length
    chains: list[list[tuple[int, int]]] = []
    for row, column in pairs:
        length = bisect_left(ends, column)
        chain = [*(chains[length - 1] if length else []), (row, column)]
        ends[length : length + 1] = [column]
        chains[length : length + 1] = [chain]
    return chains[-1] if chains else []


def _pairs_in_order(similar: np.ndarray, row: int = 0, column: int = 0) -> list[tuple[int, int]]:
    """Clear pairs in rising order, and those between them; this part of the table begins at `row` and `column`."""
    if not similar.size:
        return []
    pairs, start = [], (0, 0)
    anchors = going_up(clear_pairs(similar, SIMILAR))
    for anchor_row, anchor_column in [*anchors, similar.shape] if anchors else []:
        between = similar[start[0] : anchor_row, start[1] : anchor_column]
        pairs += _pairs_in_order(between, row + start[0], column + start[1])
        pairs.append((row + anchor_row, column + anchor_column))
        start = anchor_row + 1, anchor_column + 1
    return pairs[:-1]  # the last stands for the table's end
