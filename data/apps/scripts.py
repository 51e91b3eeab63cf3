"""Turn a script that reads standard input and prints into a function `solve()` that does the same.

The imports that a script begins with stay above the function; the rest becomes its body. At the top level of a module
and inside a function Python looks names up differently, so a name is declared `global` wherever that could be noticed:

* a function or class inside declares it `global`, or binds it in a class body;
* it has a meaning without the script (a builtin, an import above, a name that the judge provides) and the script does
  not begin by binding it anew: `max = max(a, b)`, `try: input = raw_input ...`, `del list`;
* something that stays above the function uses it;
* the script looks at its own names: `globals`, `locals`, `vars`, `dir`, `eval`, `exec`. Then all names are global, and
  calls of these at the top level get the module's names.

A script that cannot be converted with certainty is refused (ValueError). `plain_function` takes those too: what it
returns may not do the same as the script, for example where `return` stands at the top level, and has to be judged.
"""

from __future__ import annotations

import ast
import builtins
import io
import symtable
import tokenize
import warnings

from eval.judge.inside.candidate import USUAL_IMPORTS
from utils.extract import bare_newlines, parse

NAME = "solve"
TALKING = "input print open read readline readlines raw_input stdin stdout exit quit"
LOOKING = "globals locals vars dir eval exec __import__ importlib inspect __dict__ modules"
TALKING, LOOKING = frozenset(TALKING.split()), frozenset(LOOKING.split())
OF_MODULE = {"locals": "globals()", "vars": "globals()", "dir": "sorted(globals())"}  # without arguments
GIVEN = ("eval", "exec")  # with the program alone
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)


def is_script(tree: ast.Module) -> bool:
    """Whether loading the program does more than define things: it calls, loops, branches, prints or reads."""
    return any(map(_acts, tree.body))


def _acts(node: ast.stmt) -> bool:
    if isinstance(node, (*IMPORTS, *DEFINITIONS, ast.Pass, ast.Global)):
        return False
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        names = _mentions(node) | {inner.attr for inner in ast.walk(node) if isinstance(inner, ast.Attribute)}
        return any(isinstance(inner, ast.Call) for inner in ast.walk(node)) and bool(names & TALKING)
    if isinstance(node, ast.Expr):
        limit = isinstance(node.value, ast.Call) and ast.unparse(node.value.func).endswith("setrecursionlimit")
        return not (limit or isinstance(node.value, ast.Constant))
    return True


def to_function(script: str) -> str:
    """The script as a program with a function `solve()`; ValueError where it is none or cannot be converted."""
    script = _spaces(bare_newlines(script))
    tree, prefix, body = _parts(script)
    _check(script)  # `return` at the top level parses, but a script with it has never run
    program = _without_last_call(script, tree)
    if not program:
        shared, looking = _shared(prefix, body)
        function = None if looking else _indented(script, body, shared)
        program = _below(prefix, function or _written_anew(body, shared, looking), script)
    _check(program)
    return program


def plain_function(script: str) -> str:
    """The script simply put into `solve()`, below the imports that it begins with; ValueError where that is no Python.

    Its names become those of the function, but for those that a function inside declares global.
    """
    script = _spaces(bare_newlines(script))
    _, prefix, body = _parts(script)
    nodes = [inner for node in body for inner in ast.walk(node)]
    outer = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
    enclosing = {name for node in nodes if isinstance(node, ast.Nonlocal) for name in node.names}
    shared = sorted(outer - enclosing)
    program = _below(prefix, _indented(script, body, shared) or _written_anew(body, shared, False), script)
    _check(program)
    return program


def _parts(script: str) -> tuple[ast.Module, list[ast.stmt], list[ast.stmt]]:
    """The syntax tree of a script, what stays above the function, and what goes into it; ValueError for no script."""
    tree = parse(script)
    if not is_script(tree):
        raise ValueError("the script does nothing by itself")
    start = _end_of_prefix(tree)
    prefix, body = tree.body[:start], tree.body[start:]
    while isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]  # a text there would become the function's docstring
    return tree, prefix, body


def _below(prefix: list[ast.stmt], function: str, script: str) -> str:
    above = [_source(script, node) for node in prefix]
    return "\n".join([*above, *(["", ""] if above else []), function])


def _check(program: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes
            compile(program, "solve.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"does not compile: {error}") from None


def _spaces(script: str) -> str:
    """Tabs of the indentation as four spaces each, where that changes nothing else."""
    if "\t" not in script:
        return script
    lines = [(len(line) - len(line.lstrip("\t")), line) for line in script.split("\n")]
    changed = "\n".join("    " * depth + line[depth:] for depth, line in lines)
    return changed if _same(changed, script) else script


def _same(program: str, other: str) -> bool:
    try:
        return ast.dump(parse(program)) == ast.dump(parse(other))
    except ValueError:
        return False


def _is_star(node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"


def _end_of_prefix(tree: ast.Module) -> int:
    """How many statements stay above the function: a docstring and imports at the start, and all up to the last
    `from module import *`, which is not allowed inside. Loading the module runs them first, as the script did.
    """
    end = max((position + 1 for position, node in enumerate(tree.body) if _is_star(node)), default=0)
    for node in tree.body[end:]:
        is_docstring = end == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not (isinstance(node, IMPORTS) or is_docstring):
            break
        end += 1
    if not any(map(_acts, tree.body[end:])):
        raise ValueError("nothing is left for the function")
    return end


def _without_last_call(script: str, tree: ast.Module) -> str | None:
    """The script without its last line, if the only statement that acts is the call of its `solve()` there."""
    call, others = tree.body[-1], tree.body[:-1]
    if isinstance(call, ast.If) and not call.orelse and len(call.body) == 1:
        call = call.body[0] if ast.unparse(call.test) in ("__name__ == '__main__'", "'__main__' == __name__") else call
    definitions = [node for node in others if NAME in _bound(node)]
    if ast.unparse(call) != f"{NAME}()" or any(map(_acts, others)):
        return None
    if len(definitions) != 1 or not isinstance(definitions[0], ast.FunctionDef) or definitions[0].decorator_list:
        return None
    if ast.unparse(definitions[0].args) or any(
        isinstance(node, (ast.Yield, ast.YieldFrom)) for node in ast.walk(definitions[0])
    ):
        return None
    program = "\n".join(script.split("\n")[: tree.body[-1].lineno - 1]).rstrip() + "\n"
    return program if _same(program, ast.unparse(ast.Module(others, []))) else None


def _scopes(nodes: list[ast.stmt]):
    """The symbol table of statements at the top level of a module, and those of everything inside."""
    stack = [symtable.symtable(ast.unparse(ast.Module(nodes, [])), "body", "exec")]
    while stack:
        scope = stack.pop()
        yield scope
        stack += scope.get_children()


def _bound(*nodes: ast.stmt) -> set[str]:
    """Names that statements bind at their own level."""
    top = next(_scopes(list(nodes)))
    return {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()}


def _mentions(*nodes: ast.AST) -> set[str]:
    """Every name that syntax nodes mention, in whatever role."""
    names = set()
    for inner in (inner for node in nodes for inner in ast.walk(node)):
        if isinstance(inner, ast.Name):
            names.add(inner.id)
        elif isinstance(inner, ast.alias):
            names.add((inner.asname or inner.name).split(".")[0])
        elif isinstance(inner, (ast.Global, ast.Nonlocal)):
            names.update(inner.names)
        elif isinstance(inner, ast.arg):
            names.add(inner.arg)
        elif isinstance(inner, (*DEFINITIONS, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and inner.name:
            names.add(inner.name)
        elif isinstance(inner, ast.MatchMapping) and inner.rest:
            names.add(inner.rest)
    return names


def _shared(prefix: list[ast.stmt], body: list[ast.stmt]) -> tuple[list[str], bool]:
    """Names of the body that have to stay names of the module, and whether the script looks at its names."""
    names = _bound(*body)
    attributes = {inner.attr for node in body for inner in ast.walk(node) if isinstance(inner, ast.Attribute)}
    if NAME in _mentions(*prefix, *body) - names:
        raise ValueError(f"the name {NAME} is taken")
    if (_mentions(*prefix, *body) | attributes) & LOOKING:
        return sorted(names), True
    shared = _mentions(*(node for node in prefix if not isinstance(node, IMPORTS)))
    for scope in list(_scopes(prefix + body))[1:]:
        in_class = scope.get_type() == "class"
        shared |= {s.get_name() for s in scope.get_symbols() if s.is_declared_global() or in_class and s.is_assigned()}
    known = {*dir(builtins), "np", *_bound(*ast.parse(USUAL_IMPORTS).body, *prefix)}
    lost = {name for node in body for inner in ast.walk(node) for name in _unbound(inner)}
    for name in names if any(map(_is_star, prefix)) else names & known:
        if name in lost or not _begins_by_binding(name, body):
            shared.add(name)
    return sorted(shared & names), False


def _unbound(node: ast.AST) -> set[str]:
    """Names that a syntax node unbinds."""
    if isinstance(node, ast.Delete):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {node.name} if isinstance(node, ast.ExceptHandler) and node.name else set()


def _begins_by_binding(name: str, body: list[ast.stmt]) -> bool:
    """Whether the first statement that mentions `name` binds it in every case, without reading it first."""
    first = next(node for node in body if name in _mentions(node))
    if isinstance(first, IMPORTS):
        return True
    if isinstance(first, ast.FunctionDef):
        return first.name == name and name not in _mentions(*first.decorator_list, *first.args.defaults, first.args)
    if not isinstance(first, ast.Assign):
        return False
    targets = [item for target in first.targets for item in getattr(target, "elts", [target])]
    return name not in _mentions(first.value) and all(isinstance(target, ast.Name) for target in targets)


def _source(script: str, node: ast.stmt) -> str:
    if isinstance(node, DEFINITIONS):
        return "\n".join(script.split("\n")[_first_line(node) - 1 : node.end_lineno])
    return ast.get_source_segment(script, node)


def _first_line(node: ast.stmt) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])


def _function(lines: list[str], shared: list[str]) -> str:
    declaration = [f"    global {', '.join(shared)}"] if shared else []
    return "\n".join([f"def {NAME}():", *declaration, *lines]) + "\n"


def _indented(script: str, body: list[ast.stmt], shared: list[str]) -> str | None:
    """The function with the script's own lines, comments and layout; None where that is not the same program."""
    lines = script.split("\n")
    body_lines = lines[_first_line(body[0]) - 1 : body[-1].end_lineno]
    text = _function(_deeper(body_lines, script, _first_line(body[0])), shared)
    return text if _same(text, _written_anew(body, shared, False)) else None


def _deeper(lines: list[str], program: str, first: int) -> list[str]:
    """Lines of a program, from its line `first` on, one step deeper, but for those that begin inside a string."""
    inside, opened = set(), []
    for token in tokenize.generate_tokens(io.StringIO(program).readline):
        kind = tokenize.tok_name[token.type]
        if kind == "STRING":
            inside.update(range(token.start[0] + 1, token.end[0] + 1))
        elif kind == "FSTRING_START":
            opened.append(token.start[0])
        elif kind == "FSTRING_END":
            inside.update(range(opened.pop() + 1, token.end[0] + 1))
    numbered = enumerate(lines, start=first)
    return [line if line_number in inside or not line.strip() else "    " + line for line_number, line in numbered]


class _Looks(ast.NodeTransformer):
    """Calls that look at the names of the module from its top level; functions and classes are not entered."""

    def visit_FunctionDef(self, node):
        return node

    visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda = visit_FunctionDef

    def visit_Call(self, node):
        self.generic_visit(node)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in OF_MODULE and not node.args and not node.keywords:
            return ast.parse(OF_MODULE[name], mode="eval").body
        if name in GIVEN and len(node.args) == 1 and not node.keywords:
            node.args.append(ast.parse("globals()", mode="eval").body)
        return node


def _written_anew(body: list[ast.stmt], shared: list[str], looking: bool) -> str:
    """The function as `ast` writes it."""
    statements = ast.parse(ast.unparse(ast.Module(body, []))).body
    if looking:
        statements = [_Looks().visit(node) for node in statements]
    statements = [_bare(node, shared) for node in statements if not isinstance(node, ast.Global)]
    text = ast.unparse(ast.fix_missing_locations(ast.Module(statements, [])))
    return _function(_deeper(text.split("\n"), text, 1), shared)


def _bare(node: ast.stmt, shared: list[str]) -> ast.stmt:
    """The statement without an annotation where its name is declared global: Python allows none there."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id in shared:
        return ast.Assign([node.target], node.value) if node.value else ast.Pass()
    return node
