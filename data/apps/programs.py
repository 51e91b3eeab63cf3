"""Gold programs of APPS+ and APPS: which function they are about, and their code and head as a task file has them."""

from __future__ import annotations

import ast
import contextlib
import json
import re

from data import conversion
from data.apps.scripts import NAME, is_script, plain_function, to_function
from data.reading import Dropped
from utils.extract import bare_newlines, find_function, parse, remove_docstrings

MOST_SOLUTIONS = 5  # of a row that has several: tried in their order until one passes
SOLUTION = ("canonical_solution", "code", "solution", "canonical_solutions", "solutions")
OPENED = re.compile(r"^([ \t]*)(?:async[ \t]+)?def[ \t]+(\w+)|^class[ \t]+(Solution)\b", re.MULTILINE)


def function_names(starter: str) -> list[str]:
    """Functions that starter code opens, the likeliest first: methods of `class Solution`, then those at the top level,
    then inner ones, each from the last to the first.
    """
    ranked, in_solution = [], False
    for index, (blanks, name, solution) in enumerate(OPENED.findall(starter)):
        in_solution = bool(solution) or in_solution and bool(blanks)
        depth = len(blanks.expandtabs())
        if name and not name.startswith("__"):
            ranked.append((not (in_solution and blanks), depth, -index, name))
    return list(dict.fromkeys(name for *_, name in sorted(ranked)))


def solutions_of(raw: dict) -> list[str]:
    """Programs that solve the problem, the canonical one first; Dropped where there is none."""
    solutions = next((raw[key] for key in SOLUTION if raw.get(key)), None)
    if isinstance(solutions, str) and solutions.lstrip().startswith("["):
        with contextlib.suppress(ValueError, RecursionError):  # else a program that begins with a list
            solutions = json.loads(solutions)
    solutions = [solutions] if isinstance(solutions, str) else solutions
    if not solutions:
        raise Dropped(f"lacks {SOLUTION[0]}")
    if not isinstance(solutions, list) or not all(isinstance(text, str) for text in solutions):
        raise Dropped(f"malformed {SOLUTION[0]}")
    return solutions


def programs_of(solutions: list[str], names: list[str], inputs: list | None, starter: str) -> list[dict]:
    """Code and head of the first solutions that can be used; Dropped with the first one's reason where none can.

    `names` are the functions that may be meant, the likeliest first; `inputs` are their arguments, None where programs
    read standard input.
    """
    programs, reasons = [], []
    for code in solutions[:MOST_SOLUTIONS]:
        try:
            programs.append(_program(code, names, inputs, starter))
        except Dropped as reason:
            reasons.append(reason)
    if not programs:
        raise reasons[0]
    return programs


def _program(code: str, names: list[str], inputs: list | None, starter: str) -> dict:
    """Code and head of a solution; Dropped where it cannot be used."""
    code = bare_newlines(code).strip("\n") + "\n"
    tree = conversion.syntax_tree(code)
    function = _meant(tree, names, [[]] if inputs is None else inputs)
    if not function and names:
        code = _with_function(code, tree, names[0], starter)
        tree = conversion.syntax_tree(code)
        function = names[0]
    if not (names or is_script(tree)):
        raise Dropped("lacks fn_name")
    if inputs is None and (is_script(tree) or not _has(tree, function)):
        code, function = _wrapped(code), NAME
    code = remove_docstrings(code)
    return {"code": code, "head": conversion.head_of(code, function)}


def _wrapped(script: str) -> str:
    """A script as a function `solve()`: one that does the same, or else the script simply put into it."""
    for wrap in (to_function, plain_function):
        with contextlib.suppress(ValueError):
            return wrap(script)
    raise Dropped("script cannot become a function")


def _meant(tree: ast.Module, names: list[str], inputs: list) -> str | None:
    """The first of the names that is a function of the program and takes the inputs, else the first that is one."""
    defined = [name for name in names if _has(tree, name)]
    return next((name for name in defined if _takes(tree, name, inputs)), defined[0] if defined else None)


def _has(tree: ast.Module, function: str | None) -> bool:
    try:
        return bool(function and find_function(tree, function))
    except ValueError:
        return False


def _takes(tree: ast.Module, function: str, inputs: list) -> bool:
    """Whether a function can be called with as many arguments as every input has."""
    node = find_function(tree, function)
    bound = 0 if node in tree.body else 1  # self
    most = len(node.args.posonlyargs + node.args.args) - bound
    least = most - len(node.args.defaults)
    counts = [len(arguments) for arguments in inputs if isinstance(arguments, list)]
    return all(least <= count and (count <= most or node.args.vararg) for count in counts)


def _with_function(code: str, tree: ast.Module, function: str, starter: str) -> str:
    """The program with its callable of this name as a function; unchanged where it has no such callable.

    A lambda becomes the function itself. Another callable is called by a function with the starter code's parameters.
    """
    lines = code.split("\n")
    methods = [node for owner in tree.body if isinstance(owner, ast.ClassDef) for node in owner.body]
    for node in (*tree.body, *methods):
        written = _written(node, function, starter)
        if not written or (node in methods and not isinstance(node.value, ast.Lambda)):
            continue
        span = slice(node.lineno - 1, node.end_lineno)
        before, after = "\n".join(lines[span]).split(ast.get_source_segment(code, node), 1)
        if not before.strip() and (not after.strip() or after.lstrip().startswith("#")):
            lines[span] = [before + line for line in written]
            return "\n".join(lines)
    return code


def _written(node: ast.stmt, function: str, starter: str) -> list[str]:
    """Lines of a function that does the same as the callable bound to the name by a statement; [] where there is none.

    Anything but a name is evaluated once, above the function, because it may contain a cache.
    """
    if isinstance(node, ast.ImportFrom):
        bound = [alias for alias in node.names if (alias.asname or alias.name) == function]
        renamed = [ast.alias(alias.name, f"_{function}") if alias in bound else alias for alias in node.names]
        above, callee = [ast.unparse(ast.ImportFrom(node.module, renamed, node.level))], f"_{function}"
        return [*above, *_calling(callee, function, starter)] if bound else []
    if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
        return []
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    if [ast.unparse(target) for target in targets] != [function]:
        return []
    value = ast.unparse(node.value)
    if isinstance(node.value, ast.Lambda):
        return [f"def {function}({ast.unparse(node.value.args)}):", f"    return {ast.unparse(node.value.body)}"]
    if isinstance(node.value, (ast.Name, ast.Attribute)):
        return _calling(value, function, starter)
    return [f"_{function} = {value}", *_calling(f"_{function}", function, starter)]


def _calling(callee: str, function: str, starter: str) -> list[str]:
    """Lines of a function with the starter code's parameters, which passes them on to a callable."""
    try:
        arguments = find_function(parse(starter.rstrip() + " pass"), function).args
    except ValueError:
        return [f"def {function}(*given):", f"    return {callee}(*given)"]
    passed = [argument.arg for argument in arguments.posonlyargs + arguments.args]
    passed += [f"*{arguments.vararg.arg}"] if arguments.vararg else []
    passed += [f"{argument.arg}={argument.arg}" for argument in arguments.kwonlyargs]
    passed += [f"**{arguments.kwarg.arg}"] if arguments.kwarg else []
    return [f"def {function}({ast.unparse(arguments)}):", f"    return {callee}({', '.join(passed)})"]
