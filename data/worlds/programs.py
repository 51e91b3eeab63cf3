"""Implementations: the programs that fulfil an intent, in five styles, and the style of any program.

A style is how the operations with a choice (filters, maps, folds) are written; sorting, slicing, joining and taking
distinct items look alike in all styles. Inside a style, names, equivalent expressions and whether the last value gets a
name are free, drawn uniformly.

* `loop`: a `for` statement that fills a list or adds up a total;
* `expression`: comprehensions and built-in functions;
* `functional`: `filter`, `map` and `reduce` with `lambda`;
* `helper`: a named function for what happens to one item, used in comprehensions;
* `recursion`: a function that takes the first item and calls itself for the rest.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

import numpy as np

from data.worlds.intents import Intent, is_styled
from data.worlds.operations import FILTER, FOLD, MAP, NUMBERS, PLAIN, WORDS, Operation
from utils.extract import find_function, parse

STYLES = ("loop", "expression", "functional", "helper", "recursion")
OTHER = "other"
ENTRY_POINT = "f"  # neutral: only the description carries the intent
HEAD = f"def {ENTRY_POINT}(x):"

LIST_NAMES = (("a", "b", "c"), ("y", "z", "r"))
HELPER_NAMES = (("g", "h", "k"), ("p", "q", "u"))
ITEM_NAMES = {NUMBERS: ("n", "v"), WORDS: ("w", "v")}
OPENINGS = {"digits": ["x = [int(d) for d in str(x)]"], "text": ["x = x.split()"]}


def styles_of_intent(intent: Intent) -> tuple[str, ...]:
    """The styles that an intent can be written in."""
    if not is_styled(intent):
        return ("expression",)
    return STYLES if is_styled(intent, (FILTER, MAP)) else tuple(style for style in STYLES if style != "helper")


@dataclass(frozen=True)
class _Step:
    """One operation of a program, the names around it settled."""

    operation: Operation
    source: str  # name of the list that it works on
    target: str
    item: str
    helper: str
    variant: int  # which of the equivalent expressions

    def on(self, item: str) -> str:
        """The expression of a filter or map over an item."""
        return self.operation.code[self.variant].format(v=item)

    @property
    def whole(self) -> str:
        """The expression of a plain operation or fold over the list."""
        code = self.operation.code[2 if self.operation.kind == FOLD else self.variant]
        return code.format(x=self.source)


def draw_program(intent: Intent, style: str, rng: np.random.Generator) -> str:
    """A program drawn from P(c | intent, style)."""
    lists, helpers = _pick(LIST_NAMES, rng), _pick(HELPER_NAMES, rng)
    named, which = bool(rng.integers(2)), int(rng.integers(2))
    body, source, last = [], "x", ""
    for index, operation in enumerate(intent.operations):
        variant = 0 if operation.kind == FOLD else int(rng.integers(len(operation.code)))
        item = ITEM_NAMES[operation.takes][which]
        step = _Step(operation, source, lists[index], item, helpers[index], variant)
        lines, last = _WRITERS[style](step)
        body += lines
        final = index == len(intent.operations) - 1
        if last and (not final or named):
            body.append(f"{step.target} = {last}")
            last = ""
        source = step.target
    body.append(f"return {last or source}")
    body = [*_imports(intent, style), *OPENINGS.get(intent.source, []), *body]
    return "\n    ".join([HEAD, *body]) + "\n"


def _pick(options: tuple, rng: np.random.Generator):
    return options[rng.integers(len(options))]


def _imports(intent: Intent, style: str) -> list[str]:
    folds = [operation.name for operation in intent.operations if operation.kind == FOLD]
    if style == "functional" and folds:
        return ["from functools import reduce"]
    return ["from math import prod"] if style in ("expression", "helper") and "product" in folds else []


# Every writer returns the lines of a step and the expression of its value, "" where the lines have named it already.


def _loop(step: _Step) -> tuple[list[str], str]:
    kind, item, target = step.operation.kind, step.item, step.target
    if kind == PLAIN:
        return [], step.whole
    start = step.operation.code[0] if kind == FOLD else "[]"
    if kind == FOLD:
        inner = [f"    {target} = {step.operation.code[1].format(t=target, v=item)}"]
    elif kind == MAP:
        inner = [f"    {target}.append({step.on(item)})"]
    else:
        inner = [f"    if {step.on(item)}:", f"        {target}.append({item})"]
    return [f"{target} = {start}", f"for {item} in {step.source}:", *inner], ""


def _expression(step: _Step) -> tuple[list[str], str]:
    item, source = step.item, step.source
    if step.operation.kind == FILTER:
        return [], f"[{item} for {item} in {source} if {step.on(item)}]"
    return [], f"[{step.on(item)} for {item} in {source}]" if step.operation.kind == MAP else step.whole


def _functional(step: _Step) -> tuple[list[str], str]:
    kind, item, source = step.operation.kind, step.item, step.source
    if kind == PLAIN:
        return [], step.whole
    if kind == FOLD:
        start, change, _ = step.operation.code
        return [], f"reduce(lambda t, {item}: {change.format(t='t', v=item)}, {source}, {start})"
    name = "filter" if kind == FILTER else "map"
    return [], f"list({name}(lambda {item}: {step.on(item)}, {source}))"


def _helper(step: _Step) -> tuple[list[str], str]:
    kind, item, source = step.operation.kind, step.item, step.source
    if kind not in (FILTER, MAP):
        return [], step.whole
    lines = [f"def {step.helper}({item}):", f"    return {step.on(item)}"]
    call = f"{step.helper}({item})"
    return lines, f"[{item} for {item} in {source} if {call}]" if kind == FILTER else f"[{call} for {item} in {source}]"


def _recursion(step: _Step) -> tuple[list[str], str]:
    kind, name, item = step.operation.kind, step.helper, step.item
    if kind == PLAIN:
        return [], step.whole
    rest, first = f"{name}({item}[1:])", f"{item}[0]"
    start = step.operation.code[0] if kind == FOLD else "[]"
    lines = [f"def {name}({item}):", f"    if not {item}:", f"        return {start}"]
    if kind == FOLD:
        lines.append(f"    return {step.operation.code[1].format(t=rest, v=first)}")
    elif kind == MAP:
        lines.append(f"    return [{step.on(first)}] + {rest}")
    else:
        lines += [f"    if {step.on(first)}:", f"        return [{first}] + {rest}", f"    return {rest}"]
    return lines, f"{name}({step.source})"


_WRITERS = {
    "loop": _loop,
    "expression": _expression,
    "functional": _functional,
    "helper": _helper,
    "recursion": _recursion,
}


def style_of(program: str, intent: Intent) -> str:
    """The style of a program, whatever its names are; `OTHER` for a mixture of several, for a style that the intent
    cannot have, and for text that is no program. The program need not be correct.
    """
    try:
        tree = parse(program)
        find_function(tree, ENTRY_POINT)
    except ValueError:
        return OTHER
    marks = set()
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    for function in functions:
        if function.name in _called(function):
            marks.add("recursion")
        elif function.name != ENTRY_POINT:
            marks.add("helper")
    nodes = list(ast.walk(tree))
    if any(isinstance(node, (ast.For, ast.AsyncFor, ast.While)) for node in nodes):
        marks.add("loop")
    if any(isinstance(node, ast.Lambda) for node in nodes) or _called(tree) & {"filter", "map", "reduce"}:
        marks.add("functional")
    style = marks.pop() if len(marks) == 1 else OTHER if marks else "expression"
    return style if style in styles_of_intent(intent) else OTHER


def _called(tree: ast.AST) -> set[str]:
    """Names of the functions called inside."""
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {call.id if isinstance(call, ast.Name) else getattr(call, "attr", "") for call in calls}
