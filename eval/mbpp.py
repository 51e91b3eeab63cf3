"""MBPP (Austin et al. 2021, arXiv:2108.07732) and MBPP+ (EvalPlus): short Python functions from one-sentence tasks."""

from __future__ import annotations

import ast
import re

from eval.problem import STOP_WORDS, Adapter, Problem, body_indent, literal_text


class Mbpp(Adapter):
    """The docstring carries the first test as a doctest; helper functions may follow the entry point."""

    name = "mbpp"
    stop_words = tuple(word for word in STOP_WORDS if word != "\ndef")
    published_stop_words = tuple(word for word in stop_words if word != "\n```")
    same_ids = True
    expected = {"train": 170, "test": 378}

    def docstring(self, problem: Problem, description: str) -> str:
        """Description, the first test as a doctest, and the closing quotes on a separate line."""
        margin = body_indent(problem.head)
        example = problem.example or (problem.test.get("asserts") or [""])[0]
        text = description if self.raw_texts else literal_text(description)
        lines = [f'{margin}""" {text}', *(margin + line for line in doctest(example))]
        return "\n".join([*lines, f'{margin}"""'])

    def description(self, docstring: str) -> str:
        """The text above the doctest."""
        return re.split(r"\n[ \t]*>>> ", docstring)[0].strip()

    def finish(self, problem: Problem, program: str) -> str:
        """Cut an unfinished last statement, and what follows the entry point unused."""
        program = program.replace("\r\n", "\n")
        starts = [match.start() for match in re.finditer(r"\n(?=[^\s#)\]}\"'])", program)]
        for end in (len(program), *reversed(starts)):
            try:
                body = ast.parse(program[:end]).body
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            names = [getattr(node, "name", "") for node in body]
            if problem.entry_point not in names:
                return program
            return _used(program[:end].split("\n"), body, names.index(problem.entry_point))
        return program

    def task_id(self, problem: Problem) -> str:
        return f"Mbpp/{problem.id}" if str(problem.id).isdigit() else str(problem.id)


def _used(lines: list[str], body: list[ast.stmt], entry: int) -> str:
    """The program up to its entry function, then only those statements that bind a used name."""
    used = {name for node in body[: entry + 1] for name in _names(node, ast.Load)}
    kept: list[ast.stmt] = []
    later = body[entry + 1 :]
    while new := [node for node in later if node not in kept and used & _bound(node) - {body[entry].name}]:
        kept += new
        used |= {name for node in new for name in _names(node, ast.Load)}
    left = lines[: body[entry].end_lineno]
    for before, node in zip(body[entry:], later, strict=False):
        if node in kept:
            left += lines[before.end_lineno : node.end_lineno]
    return "\n".join(left)


def _names(node: ast.stmt, context: type) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, context)}


def _bound(node: ast.stmt) -> set[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    return _names(node, ast.Store)


def doctest(script: str) -> list[str]:
    """The first assertion of `script` as the lines of a doctest.

    `assert f(x) == y` becomes `>>> f(x)` and `y`, split at the first `==` of the top level; any other assertion
    becomes its expression and `True`. No assertion, no lines.
    """
    try:
        asserts = [node for node in ast.parse(script).body if isinstance(node, ast.Assert)]
    except (SyntaxError, ValueError):
        return []
    if not asserts:
        return []
    test = asserts[0].test
    expression, value = ast.get_source_segment(script, test) or "", "True"
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Eq):
        left = ast.get_source_segment(script, test.left) or ""
        sign = expression.index("==", expression.index(left) + len(left))
        expression, value = expression[:sign].strip(), expression[sign + 2 :].strip()
    return [literal_text(" ".join(text.split("\n"))) for text in (f">>> {expression}", value)]
