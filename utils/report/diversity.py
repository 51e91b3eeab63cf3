"""Measures of how much codes and descriptions differ, as plain functions over plain values.

Two programs are the same *exactly* (their text without docstrings), *after renaming* (a one-to-one renaming of the
names that they bind makes them equal; layout and comments do not count) or *in shape* (their syntax trees have the same
node types; names, constants and attributes do not count). Each measure merges more than the one before it.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from utils.extract import parse, remove_docstrings

FORMS = ("exact", "renamed", "shape")
NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)


def forms(program: str) -> dict[str, str]:
    """The program's text under each measure; equal texts count as one program. Unchanged where it does not parse."""
    try:
        bare = remove_docstrings(program).strip()
        return {"exact": bare, "renamed": renamed(bare), "shape": shape(bare)}
    except (ValueError, RecursionError):
        return dict.fromkeys(FORMS, program.strip())


def renamed(program: str) -> str:
    """The program with the names it binds numbered in order of appearance; ValueError where it does not parse."""
    tree = parse(program)
    return ast.unparse(_Renaming(_bound_names(tree)).visit(tree))


def shape(program: str) -> str:
    """The nested node types of the program's syntax tree; ValueError where it does not parse."""

    def walk(node: ast.AST) -> str:
        children = [walk(child) for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr_context)]
        return type(node).__name__ + (f"({' '.join(children)})" if children else "")

    return walk(parse(program))


def _bound_names(tree: ast.AST) -> set[str]:
    """Names of variables, parameters, functions, classes and import aliases; imported names themselves stay."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, NAMED):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add(node.asname)
    return names - {None}


class _Renaming(ast.NodeTransformer):
    """Numbers names at their first appearance."""

    def __init__(self, bound: set[str]):
        self.bound, self.indices = bound, {}

    def _name(self, name: str | None) -> str | None:
        return f"v{self.indices.setdefault(name, len(self.indices))}" if name in self.bound else name

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Rename what the node itself binds or reads, then its children in source order."""
        if isinstance(node, ast.Name):
            node.id = self._name(node.id)
        elif isinstance(node, ast.arg):
            node.arg = self._name(node.arg)
        elif isinstance(node, NAMED):
            node.name = self._name(node.name)
        elif isinstance(node, ast.alias):
            node.asname = self._name(node.asname)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            node.names = [self._name(name) for name in node.names]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in self.bound:
            for keyword in node.keywords:  # parameters of the program's own functions; those of others stay
                keyword.arg = self._name(keyword.arg)
        return super().generic_visit(node)


def overlap(text: str, other: str) -> float:
    """Token overlap of two texts, 0 to 1: F1 of their words, lower case, counted with repetition (as in SQuAD)."""
    words, others = (Counter(re.findall(r"\w+", string.lower())) for string in (text, other))
    total = words.total() + others.total()
    return 2 * (words & others).total() / total if total else 1.0


def cumulative_distinct(by_round: Sequence[Iterable[str]]) -> list[int]:
    """Number of different texts up to and including each round."""
    seen: set[str] = set()
    counts = []
    for texts in by_round:
        seen.update(texts)
        counts.append(len(seen))
    return counts


def lag1_terms(series: Sequence[float | None]) -> tuple[float, float]:
    """One problem's part of a pooled lag-1 autocorrelation: numerator and denominator; None: a round without value.

    Deviations are from the problem's mean, which biases the products of neighbours downward in a short chain. The
    expectation over all orders of the values, -S / (T (T - 1)) a pair, is subtracted, so the pooled ratio is 0 for a
    chain without memory. Memory is underestimated while chains are short: 0.6 appears as 0.3 at five rounds, as 0.5
    at twenty. S: sum of squares, T: number of values.
    """
    known = [value for value in series if value is not None]
    pairs = [(a, b) for a, b in zip(series, series[1:], strict=False) if a is not None and b is not None]
    if len(known) < 2 or not pairs:
        return 0.0, 0.0
    mean, count = float(np.mean(known)), len(known)
    squares = sum((value - mean) ** 2 for value in known)
    products = sum((a - mean) * (b - mean) for a, b in pairs)
    return products + len(pairs) * squares / (count * (count - 1)), len(pairs) * squares / (count - 1)


def trend_terms(series: Sequence[float | None]) -> tuple[float, float]:
    """One problem's part of a pooled least-squares slope per round, each problem with its own intercept."""
    known = [(float(round_), value) for round_, value in enumerate(series) if value is not None]
    if len(known) < 2:
        return 0.0, 0.0
    rounds, values = (np.array(side) for side in zip(*known, strict=True))
    centred = rounds - rounds.mean()
    return float(centred @ (values - values.mean())), float(centred @ centred)


def effective_number(weights: Sequence[float]) -> float:
    """Effective number of codes in a draw by `weights` (which sum to 1): 1 / sum of their squares."""
    return float(1 / np.square(weights).sum())


def rarest_share(weights: Sequence[float], perplexities: Sequence[float], part: float = 0.1) -> float:
    """Share of the draw that goes to the `part` of the codes with the highest perplexity.

    A part of a code counts as that part of its weight, so a uniform draw gives `part` for any number of codes.
    """
    order = np.argsort(perplexities, kind="stable")[::-1]
    shares = np.clip(part * len(order) - np.arange(len(order)), 0, 1)
    return float(shares @ np.asarray(weights)[order])


def expected_distinct(weights: Sequence[float], texts: Sequence[str], draws: int) -> float:
    """Expected number of different texts in `draws` draws with replacement."""
    chances: Counter = Counter()
    for text, weight in zip(texts, weights, strict=True):
        chances[text] += weight
    return float(sum(1 - (1 - min(1.0, chance)) ** draws for chance in chances.values()))
