"""Other ways to write a program that behave alike, as models write them: six kinds, made on its syntax tree.

None is certain to behave alike (a program may look at its own text or names), so whoever uses them has to run them.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)  # statements with names of their own
COLLECTING = {ast.ListComp: "list", ast.SetComp: "set", ast.DictComp: "dict", ast.GeneratorExp: ""}


def round_trip(tree: ast.Module, entry: ast.FunctionDef) -> bool:
    """Comments, blank lines and brackets go."""
    return True


def rename(tree: ast.Module, entry: ast.FunctionDef) -> bool:
    """The local variables of the entry function have other names."""
    nodes = list(ast.walk(entry))
    stored = [node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    kept = {node.arg for node in nodes if isinstance(node, ast.arg)}
    kept |= {name for node in nodes if isinstance(node, (ast.Global, ast.Nonlocal)) for name in node.names}
    kept |= {node.name for node in nodes if isinstance(getattr(node, "name", None), str)}
    names = {name: f"value_{position}" for position, name in enumerate(dict.fromkeys(stored)) if name not in kept}
    for node in nodes:
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
    return bool(names)


def document(tree: ast.Module, entry: ast.FunctionDef) -> bool:
    """The entry function has a docstring and annotations."""
    if not ast.get_docstring(entry):
        entry.body.insert(0, ast.Expr(ast.Constant("Return the result for the given arguments.")))
    signature = entry.args
    for argument in (*signature.posonlyargs, *signature.args, *signature.kwonlyargs):
        argument.annotation = argument.annotation or ast.Name("Any", ast.Load())
    entry.returns = entry.returns or ast.parse("Optional[Any]", mode="eval").body
    _insert(tree, ast.parse("from typing import Any, Optional").body)
    return True


def use_helper(tree: ast.Module, entry: ast.FunctionDef) -> bool:
    """The body of the entry function moves into a helper in front of it."""
    helper = _copy(entry, f"_{entry.name}_helper")
    entry.body = ast.parse(f"return {helper.name}({_passed_on(entry)})").body
    tree.body.insert(tree.body.index(entry), helper)
    return True


def use_class(tree: ast.Module, entry: ast.FunctionDef) -> bool:
    """The body of the entry function moves into a static method of a class."""
    method = _copy(entry, entry.name)
    method.decorator_list = [ast.Name("staticmethod", ast.Load())]
    entry.body = ast.parse(f"return Solution.{entry.name}({_passed_on(entry)})").body
    holder = ast.parse("class Solution:\n    pass").body[0]
    holder.body = [method]
    tree.body.insert(tree.body.index(entry), holder)
    return True


def use_generator(tree: ast.Module, entry: ast.FunctionDef) -> bool:
    """Comprehensions become generators with loops; without any, the body becomes a generator that is advanced once."""
    count = [0]
    entry.body = _without_comprehensions(entry.body, count)
    if count[0]:
        return True
    if any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in ast.walk(entry)):
        return False
    generator = _copy(entry, f"_{entry.name}_results")
    _YieldResults().generic_visit(generator)
    if not any(isinstance(node, ast.Yield) for node in ast.walk(generator)):
        return False
    entry.body = ast.parse(f"return next({generator.name}({_passed_on(entry)}), None)").body
    tree.body.insert(tree.body.index(entry), generator)
    return True


KINDS: tuple[Callable[[ast.Module, ast.FunctionDef], bool], ...] = (
    round_trip, rename, document, use_helper, use_class, use_generator,
)  # fmt: skip


def variants(program: str, entry_point: str) -> dict[str, str]:
    """{name of the kind: program} for the kinds that apply; none where the entry point is no plain function."""
    made = {}
    for kind in KINDS:
        tree = ast.parse(program)
        entries = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == entry_point]
        if entries and not entries[-1].decorator_list and kind(tree, entries[-1]):
            made[kind.__name__] = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
    return made


def _insert(tree: ast.Module, statements: list[ast.stmt]) -> None:
    """At the beginning, behind what has to be first."""
    first = 0
    while first < len(tree.body) and (
        isinstance(tree.body[first], ast.Expr) or getattr(tree.body[first], "module", "") == "__future__"
    ):
        first += 1
    tree.body[first:first] = statements


def _copy(entry: ast.FunctionDef, name: str) -> ast.FunctionDef:
    """The function under another name; its defaults stay with the entry function, which passes all arguments on."""
    twin = copy.deepcopy(entry)
    twin.name = name
    twin.args.defaults, twin.args.kw_defaults = [], [None] * len(twin.args.kwonlyargs)
    return twin


def _passed_on(entry: ast.FunctionDef) -> str:
    """The arguments of a call that hands over all parameters."""
    signature = entry.args
    words = [argument.arg for argument in (*signature.posonlyargs, *signature.args)]
    words += [f"*{signature.vararg.arg}"] if signature.vararg else []
    words += [f"{argument.arg}={argument.arg}" for argument in signature.kwonlyargs]
    words += [f"**{signature.kwarg.arg}"] if signature.kwarg else []
    return ", ".join(words)


class _YieldResults(ast.NodeTransformer):
    """`return x` -> `yield x; return`, but not in functions inside."""

    def visit(self, node):
        return node if isinstance(node, SCOPES) else super().visit(node)

    def visit_Return(self, node):
        return [ast.copy_location(ast.Expr(ast.Yield(node.value)), node), ast.copy_location(ast.Return(None), node)]


def _without_comprehensions(body: list[ast.stmt], count: list[int]) -> list[ast.stmt]:
    """Statements that call generators, each defined in front of the statement that calls it."""
    changed: list[ast.stmt] = []
    for statement in body:
        if isinstance(statement, SCOPES):
            changed.append(statement)
            continue
        hoist = _Hoist(count)
        for field, value in ast.iter_fields(statement):
            if isinstance(value, ast.expr):
                setattr(statement, field, hoist.visit(value))
            elif isinstance(value, list) and value and isinstance(value[0], ast.expr):
                setattr(statement, field, [hoist.visit(item) for item in value])
            elif isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                setattr(statement, field, _without_comprehensions(value, count))
        changed += [*hoist.generators, statement]
    return changed


class _Hoist(ast.NodeTransformer):
    """Replace the outermost comprehensions of an expression by calls of `generators`."""

    def __init__(self, count: list[int]):
        self.count, self.generators = count, []

    def visit_Lambda(self, node):
        return node  # its arguments are not seen outside

    def generic_visit(self, node):
        if type(node) not in COLLECTING:
            return super().generic_visit(node)
        if any(isinstance(inner, (ast.NamedExpr, ast.Await)) for inner in ast.walk(node)):
            return node
        self.count[0] += 1
        name = f"generate_{self.count[0]}"
        first = node.generators[0].iter
        node.generators[0].iter = ast.Name("items", ast.Load())
        item = ast.Tuple([node.key, node.value], ast.Load()) if isinstance(node, ast.DictComp) else node.elt
        body: list[ast.stmt] = [ast.Expr(ast.Yield(item))]
        for part in reversed(node.generators):
            for condition in reversed(part.ifs):
                body = [ast.If(condition, body, [])]
            body = [ast.For(part.target, part.iter, body, [])]
        generator = ast.parse(f"def {name}(items):\n    pass").body[0]
        generator.body = body
        self.generators.append(generator)
        call = ast.Call(ast.Name(name, ast.Load()), [first], [])
        collect = COLLECTING[type(node)]
        return ast.Call(ast.Name(collect, ast.Load()), [call], []) if collect else call
