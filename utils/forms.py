"""Normal forms of programs: two programs count as equal where their texts in a form are.

They are the same *exactly* (their text without docstrings), *after renaming* (a one-to-one renaming of the names that
they bind makes them equal; layout and comments do not count) or *in shape* (their syntax trees have the same node
types; names, constants and attributes do not count). Each form merges more than the one before it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from utils.extract import parse, remove_docstrings

NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)


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


FORMS = {"exact": str, "renamed": renamed, "shape": shape}


def forms(program: str, names: Iterable[str] = FORMS) -> dict[str, str]:
    """The program's text in each form; equal texts count as one program. Unchanged where it does not parse."""
    try:
        bare = remove_docstrings(program).strip()
        return {name: FORMS[name](bare) for name in names}
    except (ValueError, RecursionError):
        return dict.fromkeys(names, program.strip())
