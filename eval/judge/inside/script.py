"""Run trusted tests in a namespace and return the verdict, for a program together with its test or apart from it.

A script has held if it ran to its end and executed at least one assertion; assertions are `assert`
statements, calls of functions named `assert...` or `raises`, and handlers of a `try` that guards an assertion.
"""

import ast
import contextlib
import functools
import itertools
import marshal
import re
import symtable
import sys
import traceback

from eval.judge import compare
from eval.judge.inside.claims import PROGRAM

TRUTHS = ("assertTrue", "assertFalse", "assert_")
DEEP = 20000  # recursion limit for comparing and decoding; a program has the usual one


class NoTests(Exception):
    """Nothing would be tested."""


@functools.lru_cache(maxsize=512)  # many candidates are judged by the same tests
def compiled(style, setup, texts):
    """The compiled scripts of a test, marshalled for other processes of this interpreter; NoTests if none can run."""
    scripts = []
    for name, text in [("setup", setup), *((f"test {i}", text) for i, text in enumerate(texts))]:
        try:
            tree = ast.parse(text, name)
            counting = Counting()
            counting.walk(tree.body, False)
            counting.follow(tree)
            code = compile(tree, name, "exec", dont_inherit=True, optimize=0)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise NoTests(f"{name} does not parse: {type(error).__name__}") from None
        scripts.append((text, name, counting.assertions, sorted(counting.classes), code))
    if style == "asserts" and not any(assertions for _, _, assertions, *_ in scripts[1:]):
        raise NoTests("no test asserts anything")
    return marshal.dumps(scripts)


class Counting:
    """A walk over a test script that makes it count the assertions it executes."""

    def __init__(self):
        self.assertions = 0  # in the text
        self.classes = set()  # names of those that the script defines
        self.bare = set()  # variables of which an assertion checks only the truth

    def walk(self, body, caught):
        """Statements alone: to walk expressions as well would take longer than most tests."""
        for position in reversed(range(len(body))):
            node = body[position]
            checking = isinstance(node, ast.If) and any(map(_asserting, ast.walk(node.test)))
            if isinstance(node, (ast.Assert, ast.If, ast.While)):
                node.test = self._bare(node.test, isinstance(node, ast.Assert))
            if isinstance(node, ast.Assert):
                if not caught:  # one that fails and that the program catches counts against it
                    body.insert(position, _mark("~begun", node))
                body.insert(body.index(node, position) + 1, self._counted("~checked" if caught else "~held", node))
            elif checking or (isinstance(node, ast.Expr) and _asserting(node.value)):
                if isinstance(node, ast.Expr) and node.value.args and _name_of(node.value.func) in TRUTHS:
                    node.value.args[0] = self._bare(node.value.args[0])
                body.insert(position + 1, self._counted("~checked", node))
            elif isinstance(node, ast.ClassDef):
                self.classes.add(node.name)
            raising = [item for item in getattr(node, "items", ()) if _asserting(item.context_expr)]
            inside = caught or bool(raising) or bool(getattr(node, "handlers", ()))
            for field in ("body", "orelse", "finalbody"):
                before = self.assertions
                self.walk(getattr(node, field, ()), inside if field == "body" else caught)
                if field == "body" and self.assertions > before:
                    for handler in getattr(node, "handlers", ()):
                        handler.body.insert(0, self._counted("~checked", handler))
            if raising:
                node.body.insert(0, self._counted("~checked", node))
            for inner in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
                self.walk(inner.body, caught)

    def follow(self, tree):
        """Let what these variables are given count as what the assertion checks."""
        for node in ast.walk(tree) if self.bare else ():
            targets = getattr(node, "targets", [getattr(node, "target", None)])
            if getattr(node, "value", None) and any(getattr(target, "id", None) in self.bare for target in targets):
                node.value = self._bare(node.value, False)

    def _bare(self, node, asserted=True):
        """A condition; a value of which only the truth counts goes through `~bare` or `~bare_method`.

        Where it is not `asserted` this holds for results of methods alone.
        """
        if isinstance(node, ast.BoolOp):
            node.values = [self._bare(value, asserted) for value in node.values]
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            node.operand = self._bare(node.operand, asserted)
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                _check_method(node)
            elif _name_of(node.func) in ("all", "any", "bool") and len(node.args) == 1:
                inner = node.args[0]
                if isinstance(inner, (ast.GeneratorExp, ast.ListComp)):
                    inner.elt = self._bare(inner.elt, asserted)
                else:
                    node.args = [self._bare(inner, False)]
            return _call("~bare", [node], node) if asserted else node
        elif isinstance(node, ast.Name):
            self.bare.add(node.id)
            return _call("~bare", [node], node) if asserted else node
        elif isinstance(node, ast.NamedExpr):
            node.value = self._bare(node.value, asserted)
        elif isinstance(node, ast.Compare) and len(node.ops) == 1:
            (right,) = node.comparators
            if isinstance(right, ast.Constant) and isinstance(right.value, bool):
                node.left = self._bare(node.left, asserted)
            elif isinstance(node.left, ast.Constant) and isinstance(node.left.value, bool):
                node.comparators = [self._bare(right, asserted)]
            elif asserted and isinstance(node.ops[0], ast.NotEq) and not _is_none(right):
                node.left = _call("~bare", [node.left], node)
        return node

    def _counted(self, name, node):
        self.assertions += 1
        return _mark(name, node)


class Script:
    """One script of a test, and what it names."""

    def __init__(self, text, name, assertions, classes, code):
        self.text, self.name, self.assertions, self.classes, self.code = text, name, assertions, classes, code

    @functools.cached_property
    def names(self):
        """All names that the compiled script looks up, binds or uses as attributes, except locals."""
        return set().union(*(code.co_names for code in _codes(self.code)))

    @functools.cached_property
    def _symbols(self):
        return Symbols(self.text)

    looked_up = property(lambda self: self._symbols.looked_up)
    bound = property(lambda self: self._symbols.bound)

    def passed_to(self, functions):
        """Variables, except modules, that are whole arguments in calls of these functions."""
        nodes = list(ast.walk(ast.parse(self.text)))
        calls = [node for node in nodes if isinstance(node, ast.Call) and getattr(node.func, "id", "") in functions]
        values = [value for call in calls for value in (*call.args, *(keyword.value for keyword in call.keywords))]
        values = [value.value if isinstance(value, ast.Starred) else value for value in values]
        imports = [node for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))]
        modules = {(alias.asname or alias.name).split(".")[0] for node in imports for alias in node.names}
        return {value.id for value in values if isinstance(value, ast.Name)} - modules


class Symbols:
    """What a program or script binds and looks up in its module; computed when needed."""

    def __init__(self, text):
        self.text = text

    @functools.cached_property
    def _rows(self):
        tables = _tables(symtable.symtable(self.text, "text", "exec"))
        return [(table.get_type() == "module", symbol) for table in tables for symbol in table.get_symbols()]

    @functools.cached_property
    def bound(self):
        """Names that it binds in its module."""
        return {
            symbol.get_name()
            for top, symbol in self._rows
            if (symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace())
            and (top or symbol.is_declared_global())
        }

    @functools.cached_property
    def looked_up(self):
        """Names that it looks up in its module or among the builtins."""
        return {
            symbol.get_name() for top, symbol in self._rows if symbol.is_referenced() and (top or symbol.is_global())
        }


def _tables(table):
    yield table
    for child in table.get_children():
        yield from _tables(child)


def _codes(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, type(code)):
            yield from _codes(constant)


def _asserting(node):
    if not isinstance(node, ast.Call):
        return False
    name = _name_of(node.func)
    return name.lower().startswith("assert") or name == "raises"


def _name_of(function):
    """The last part of the name of what is called."""
    return getattr(function, "attr", getattr(function, "id", ""))


def _check_method(node):
    """Look the method of a call up by `~bare_method`."""
    method = node.func
    node.func = _call("~bare_method", [method.value, ast.copy_location(ast.Constant(method.attr), node)], node)


def _is_none(node):
    return isinstance(node, ast.Constant) and node.value is None


def _call(name, args, node):
    return ast.copy_location(ast.Call(ast.copy_location(ast.Name(name, ast.Load()), node), args, []), node)


def _mark(name, node):
    return ast.copy_location(ast.Expr(_call(name, [], node)), node)


class Tests:
    """The scripts of a test, with their clock and names."""

    def __init__(self, test, scripts, start):
        """`scripts` are what `compiled` has made; `start(i)` is told when the time of script `i` begins."""
        self.test, self.start = test, start
        self.setup, *self.programs = (Script(*parts) for parts in marshal.loads(scripts))

    def prelude(self):
        """The imports of the prelude that the texts need: {name: statement}.

        A module is used by its attributes; a name that is only called belongs to a function of the candidate.
        """
        texts = [script.text for script in (self.setup, *self.programs)]
        prelude = self.test.get("prelude") or {}
        return {name: prelude[name] for name in sorted(prelude)
                if any(name in text and re.search(rf"(?<![\w.]){name}\s*\.", text) for text in texts)}  # fmt: skip

    def run(self, space, load, claims):
        """(verdict, detail), after `load()` and the scripts have run in the namespace `space`; `claims` get notes."""
        checks = 0
        for position, program in enumerate(self.programs):
            self.start(position)
            counters = {name: itertools.count() for name in ("~begun", "~held", "~checked")}
            known = space["__builtins__"]
            known = known if isinstance(known, dict) else vars(known)
            known.update({name: counter.__next__ for name, counter in counters.items()})
            known.update({"~bare": claims.bare, "~bare_method": claims.bare_method})
            try:
                if position == 0:
                    load()
                    exec(self.setup.code, space)
                if self.test["style"] == "asserts":
                    exec(program.code, space)
                else:
                    function = self.entry(space)  # before the script: its name may be `check` too
                    space.pop("check", None)
                    exec(program.code, space)
                    if space.get("check") is None:
                        return "NO_TESTS", "the test script defines no check"
                    space["check"](function)
            except BaseException as error:
                return fault_of(error, position, program.text)
            begun, held, checked = map(next, counters.values())
            if held + checked == 0 and (program.assertions or self.test["style"] == "check"):
                return "NO_TESTS", f"test {position} executed no assertion"
            if begun != held:
                claims.weak = claims.weak or "an assertion that did not hold was caught by the program"
            checks += held + checked
        return ("PASS", "") if checks else ("NO_TESTS", "no test asserts anything")

    def entry(self, space):
        name, builtin_names = self.test["entry_point"], space["__builtins__"]
        look_up = builtin_names.entry if isinstance(builtin_names, dict) else vars(builtin_names).__getitem__
        with contextlib.suppress(KeyError):
            return space[name] if name in space else look_up(name)
        raise NameError(f"name {name!r} is not defined")


def calls(test, mode, function):
    """(verdict, detail) of call-style input and output: values in, value out."""
    for position, (arguments, expected) in enumerate(zip(test["inputs"], test["outputs"], strict=True)):
        arguments = arguments if isinstance(arguments, list) else [arguments]
        result = function(*compare.arguments(arguments, mode))
        with deep():
            if not compare.same_value(result, expected, mode):
                return "WRONG", f"case {position}: wrong value"
    return "PASS", ""


@contextlib.contextmanager
def deep():
    """Allow for deeply nested values."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, DEEP))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def fault_of(error, position=None, script=""):
    """(verdict, detail) for an exception that ended a test, or its script at that position."""
    phase = getattr(error, "_phase", None)  # of an exception that the program raised in another process
    by_program = phase is not None
    where = f"test {position}" if script and phase in (None, "call") else ""
    for frame in () if by_program else reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == PROGRAM:
            by_program = True
            break
        if frame.filename == f"test {position}":
            lines = script.splitlines()
            where += f", line {frame.lineno}: {lines[frame.lineno - 1].strip()[:300]}"
            break
    message = " ".join(str(part)[:300] for part in BaseException.args.__get__(error)[:2] if type(part) in (str, int))
    text = f"{type(error).__name__}: {message:.300} {where}".strip()
    if phase == "compile":
        return "SYNTAX", text
    if isinstance(error, MemoryError):
        return "MEMORY", f"MemoryError {where}"
    if isinstance(error, AssertionError) and not by_program:
        return "WRONG", where
    return ("ERROR" if by_program or isinstance(error, NameError) else "WRONG"), text
