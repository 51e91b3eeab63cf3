"""Extract the program from what a model wrote: no end-of-text tokens, code fences, chat or unused code.

The longest part that compiles and defines the entry point is kept, and of that part the entry point with the imports,
helpers, classes and constants that it uses, like EvalPlus's sanitizer (Liu et al. 2023, arXiv:2305.01210). Examples of
use, prints and unused functions are left out. A text may continue the prompt, also where its indentation was stripped,
or be a whole program, with or without the prompt; then it gets the prompt's imports.
"""

from __future__ import annotations

import ast
import functools
import itertools
import re
import symtable
import warnings
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from utils.extract import bare_newlines, parse

# `<|endoftext|>`, `<|eot_id|>`, `<｜end▁of▁sentence｜>`, `</s>`, `<end_of_turn>`, `<fim_middle>` and their kin.
TOKEN = re.compile(r"<[|｜][\w▁]{1,40}[|｜]>|</?s>|<(?:bos|eos|pad|EOT|(?:start|end)_of_turn|fim_\w+|file_sep)>")
FENCE = re.compile(r"^([ \t]*)(?:```+|~~~+)[^`\n]*$")
OPENING = re.compile(r"^([ \t]*)(?:def|class|async|import|from|@|if|for|while|try|with|[A-Za-z_]\w*\s*[:=])")
MOST_TEXT, MOST_TOKENS, MOST_FENCES, MOST_STARTS = 200_000, 8, 40, 200  # bounds on the work for one text

Definition = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class _Part(NamedTuple):
    """A part of a text that is a program, alone or with the prompt."""

    size: int  # lines of the text, blank ones aside
    whole: bool  # nothing of the text is left out
    program: str


def sanitize(text: str, entry_point: str | None, prompt: str = "", test_names: frozenset[str] = frozenset()) -> str:
    """The program in `text`, or "" where no part of it defines the entry point.

    `prompt` is what the text may continue; what it defines is kept, and so are `test_names`. Without an entry point,
    for a program that reads and prints, the longest part that compiles is kept as it is.
    """
    text = bare_newlines(text[:MOST_TEXT]).replace("\ufeff", "")
    if "</think>" in text:
        text = text.rpartition("</think>")[2]
    target = _Target(entry_point, prompt, test_names)
    ends = [match.start() for match in TOKEN.finditer(text)][:MOST_TOKENS]
    for end in (*ends, len(text)):  # a token may also stand inside a string of the program
        part = target.best_part(text[:end])
        if part is not None and part.whole:
            return part.program
    parts = map(target.best_part, TOKEN.split(text, MOST_TOKENS))
    return next((part.program for part in parts if part is not None), "")


@functools.lru_cache(4096)
def free_names(script: str) -> frozenset[str]:
    """Names that a test script does not define itself; none where it does not parse or is too long."""
    try:
        tree = parse(script if len(script) <= MOST_TEXT else "")
    except ValueError:
        return frozenset()
    bound = {name for node in tree.body for name in _bound_names(node)}
    return frozenset(name for node in tree.body for name in _global_names(node)) - bound


class _Target:
    """The program to extract: it has this entry point, and may continue this prompt."""

    def __init__(self, entry_point: str | None, prompt: str, test_names: frozenset[str]):
        self.entry_point, self.prompt = entry_point, prompt.split("\n") if prompt else []
        try:
            statements = parse(prompt).body
        except ValueError:
            statements = []
        self.preamble = self.prompt[: _first_line(statements[-1]) - 1] if statements else []
        self.names = test_names.union(*map(_bound_names, statements))

    def best_part(self, text: str) -> _Part | None:
        """The longest part of a text that defines the entry point, the earlier one of two that are as long."""
        best = None
        for block in _blocks(text):
            for program, taken in itertools.chain(self._continued(block), self._standing_alone(block)):
                size = _size(taken)
                if size <= (best.size if best else 0):
                    continue
                if kept := self._needed(program):
                    best = _Part(size, size == _size(block), "\n".join(kept).strip("\n") + "\n")
                    if best.whole:
                        return best
        return best

    def _continued(self, block: list[str]) -> Iterator[tuple[list[str], list[str]]]:
        """The prompt and the block as far as they compile, and the lines of the block in that.

        The block is tried as written and, unless it has the function itself, with new indentation.
        """
        first, *rest = block
        forms = [block, _spaced(block)]
        if not any(re.match(rf"\s*(?:async +)?def +{self.entry_point}\b", line) for line in block):
            forms += [f"    {first.lstrip()}", *rest], [f"    {line}" if line.strip() else line for line in block]
        for lines in forms:
            program = [*self.prompt, *lines]
            end = _end_of_code(program)
            if end > len(self.prompt) > 0:
                yield program[:end], lines[: end - len(self.prompt)]

    def _standing_alone(self, block: list[str]) -> Iterator[tuple[list[str], list[str]]]:
        """Each stretch of the block that compiles, with and without what precedes the entry point in the prompt."""
        starts = [index for index, line in enumerate(block) if OPENING.match(line)][:MOST_STARTS]
        reached = 0
        for start in starts:
            if start >= reached:
                lines = _outdented(_spaced(block[start:]), OPENING.match(block[start])[1])
                lines = lines[: _end_of_code(lines)]
                reached = start + len(lines)
                yield [*self.preamble, *lines], lines
                yield lines, lines

    def _needed(self, program: list[str]) -> list[str]:
        """The lines of the entry point and of what it uses; none if the program lacks it or does not compile."""
        if _fault(program) is not None:
            return []
        if self.entry_point is None:
            return program
        body = parse("\n".join(program)).body
        first: dict[str, ast.stmt] = {}
        for node in body:
            if isinstance(node, Definition) and (node.name not in first or self._is_stub(first[node.name])):
                first[node.name] = node
        nodes = [node for node in body if not isinstance(node, Definition) or first[node.name] is node]
        entry = self._entry_name(nodes)
        if not entry:
            return []
        kept, used = [], {entry, *self.names}
        while new := [node for node in nodes if node not in kept and (_bound_names(node) & used or _is_general(node))]:
            kept += new
            used = used.union(*map(_global_names, new))
        kept_lines: set[int] = set()
        for node in kept:
            first = _first_line(node)
            while first > 1 and not program[first - 2].strip():  # with the blank lines above it
                first -= 1
            kept_lines.update(range(first, node.end_lineno + 1))
        return [program[line - 1] for line in sorted(kept_lines)]

    def _entry_name(self, nodes: Sequence[ast.stmt]) -> str:
        """The entry point, or the class that has it as a method; "" if neither has a body."""
        binding = [node for node in nodes if self.entry_point in _bound_names(node)]
        if any(not self._is_stub(node) for node in binding):
            return self.entry_point
        for node in nodes:
            if isinstance(node, ast.ClassDef) and not self._is_stub(node) and self._method(node):
                return node.name
        return ""

    def _method(self, node: ast.ClassDef) -> ast.stmt | None:
        methods = (inner for inner in node.body if isinstance(inner, Definition[:2]) and inner.name == self.entry_point)
        return next(methods, None)

    def _is_stub(self, node: ast.stmt) -> bool:
        """Whether a function, or the entry point in a class, does nothing: a repeated prompt, or `pass`."""
        if isinstance(node, ast.ClassDef):
            method = self._method(node)
            return method is not None and self._is_stub(method)
        if not isinstance(node, Definition):
            return False
        idle = (ast.Pass, ast.Import, ast.ImportFrom, *Definition)
        return all(
            isinstance(inner, idle)
            or (isinstance(inner, ast.Expr) and isinstance(inner.value, (ast.Constant, ast.Name)))
            for inner in node.body
        )


# ---------------------------------------------------------------------------------------------------------------------
# Texts


def _blocks(text: str) -> Iterator[list[str]]:
    """The text, and its parts between code fences, inside and outside, as lists of lines; no empty part.

    Opening and closing fences are treated alike: a completion may end a block that the prompt began.
    """
    margin = ""
    lines = text.split("\n")
    yield from _if_any(lines)
    fences = [(index, match[1]) for index, line in enumerate(lines) if (match := FENCE.match(line))][:MOST_FENCES]
    start = 0
    for index, indent in fences:
        yield from _if_any(_outdented(lines[start:index], margin))
        start, margin = index + 1, indent
    if fences:
        yield from _if_any(_outdented(lines[start:], margin))


def _if_any(lines: list[str]) -> list[list[str]]:
    """A list of the lines without blank ones at both ends; empty if all are blank."""
    full = [index for index, line in enumerate(lines) if line.strip()]
    return [lines[full[0] : full[-1] + 1]] if full else []


def _outdented(lines: list[str], margin: str) -> list[str]:
    """The lines without the margin, where they have it."""
    return [line.removeprefix(margin) for line in lines] if margin else lines


def _spaced(lines: list[str]) -> list[str]:
    """The lines with four spaces for each tab of their indentation."""
    indents = [line[: len(line) - len(line.lstrip())] for line in lines]
    return [indent.expandtabs(4) + line[len(indent) :] for indent, line in zip(indents, lines, strict=True)]


def _size(lines: Sequence[str]) -> int:
    return sum(bool(line.strip()) for line in lines)


def _end_of_code(lines: list[str]) -> int:
    """Number of lines of the longest program that begins with the first line."""
    end = len(lines)
    while end and (fault := _fault(lines[:end])) is not None:
        end = min(fault, end - 1)
    return end


def _fault(lines: Sequence[str]) -> int | None:
    """Number of lines before the first that does not compile, None if all do. Nothing is run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile("\n".join(lines), "solution", "exec", dont_inherit=True)
    except SyntaxError as error:
        return max((error.lineno or len(lines)) - 1, 0)
    except (ValueError, RecursionError, MemoryError, OverflowError):
        return 0
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Names


def _first_line(node: ast.stmt) -> int:
    """First line of a statement, its decorators included."""
    return min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])


def _bound_names(node: ast.stmt) -> set[str]:
    """Names that a statement of the top level binds or changes: `f`, `memo[0] = 1`, `primes.append(2)`."""
    if isinstance(node, Definition):
        return {node.name}
    names = set()
    for inner in ast.walk(node):
        if isinstance(inner, Definition):
            names.add(inner.name)
        elif isinstance(inner, ast.alias):
            names.add((inner.asname or inner.name).split(".")[0])
        elif isinstance(inner, (ast.Name, ast.Attribute, ast.Subscript)) and not isinstance(inner.ctx, ast.Load):
            names.add(_root(inner))
        elif isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Call):
            names.add(_root(inner.value.func) if isinstance(inner.value.func, ast.Attribute) else "")
    return names - {""}


def _root(node: ast.expr) -> str:
    """`a` of `a.b[0].c`; "" where no name is at the root."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_general(node: ast.stmt) -> bool:
    """An import whose names are not known, or of a language feature."""
    return isinstance(node, ast.ImportFrom) and (node.module == "__future__" or node.names[0].name == "*")


def _global_names(node: ast.stmt) -> set[str]:
    """Names that a statement of the top level looks up globally."""
    try:
        return _referenced(symtable.symtable(ast.unparse(node), "solution", "exec"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _referenced(table: symtable.SymbolTable) -> set[str]:
    is_top = table.get_type() == "module"
    symbols = (symbol for symbol in table.get_symbols() if symbol.is_referenced() and (is_top or symbol.is_global()))
    return {symbol.get_name() for symbol in symbols}.union(*map(_referenced, table.get_children()))
