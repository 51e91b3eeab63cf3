"""The trusted side of judgements: runs the tests where candidate code has never run, and says the verdicts.

Names of a script are looked up in `setup`, in the script itself, among the builtins, and only then in the candidate's
module, by proxy; a module of the test's `prelude` counts as a builtin. Where all names are known without the candidate,
the test is about a function named like a builtin, and there the candidate's comes before the builtin. A script has held
if it ran to its end and at least one of its assertions was executed; assertions are `assert` statements, calls of
functions named `assert...` or `raises`, and handlers of a `try` that guards an assertion. What is needed only by one
side is sent to it: this process never runs candidate code, the candidate's never holds a test or an expected value.

One process serves many tests as long as they are calm, that is, change nothing but their own names: no imports but of
well-known modules, no assignment to attributes, none of `random`, `os`, `sys` and their like. Any other test is the
last of its process, and so is one that ended in an odd way.
"""

import ast
import builtins
import contextlib
import functools
import itertools
import opcode
import os
import re
import resource
import socket
import sys
import traceback

LARGE_KIB = 400 << 10  # resident memory above which a test's process is not used again
wire = compare = None  # the modules beside this one, set by the cell


class _Names(dict):
    """Builtins, with the candidate's names behind them."""

    peer = None
    known = {}  # functions, so that each is asked for once

    def __missing__(self, name):
        return self.known[name] if name in self.known else self.peer.request("name", name)

    def entry(self, name):
        try:
            return self.__missing__(name)
        except KeyError:
            raise NameError(f"name {name!r} is not defined") from None


# Modules whose import leaves nothing behind that a later test could notice.
CALM_MODULES = """bisect cmath collections copy datetime decimal fractions functools heapq itertools math numpy operator
pandas re string typing"""
DISTURBING = """delattr eval exec globals locals open os random seed setattr sys vars warnings __import__ __dict__"""
CALM_MODULES, DISTURBING = frozenset(CALM_MODULES.split()), frozenset(DISTURBING.split())
ATTRIBUTE_STORES = {opcode.opmap["STORE_ATTR"], opcode.opmap["DELETE_ATTR"]}  # whatever statement they are in


class Script:
    """One test script, compiled so that it counts the assertions it executes."""

    def __init__(self, text, name):
        tree = ast.parse(text, name)
        self.found = 0  # assertions in the text
        self.calm = True  # leaves no trace in the interpreter, so another test may run there
        self._walk(tree.body)
        self.code = compile(tree, name, "exec", dont_inherit=True)
        codes = list(_codes(self.code))
        self.names = {name for code in codes for name in code.co_names}  # those of attributes among them
        stores = any(ATTRIBUTE_STORES.intersection(code.co_code[::2]) for code in codes)
        self.calm = self.calm and not stores and not self.names & DISTURBING

    def _walk(self, body):
        """Statements alone: to walk expressions as well would take longer than most tests."""
        for position in reversed(range(len(body))):
            node = body[position]
            said = isinstance(node, ast.If) and any(map(_asserting, ast.walk(node.test)))
            if said or isinstance(node, ast.Assert) or (isinstance(node, ast.Expr) and _asserting(node.value)):
                body.insert(position + 1, self._mark(node))
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                modules = [getattr(node, "module", None) or alias.name for alias in node.names]
                self.calm = self.calm and all(module.split(".")[0] in CALM_MODULES for module in modules)
            elif any(_asserting(item.context_expr) for item in getattr(node, "items", ())):
                node.body.insert(0, self._mark(node))
            for field in ("body", "orelse", "finalbody"):
                before = self.found
                self._walk(getattr(node, field, ()))
                if field == "body" and self.found > before:
                    for handler in getattr(node, "handlers", ()):
                        handler.body.insert(0, self._mark(handler))
            for inner in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
                self._walk(inner.body)

    def _mark(self, near):
        self.found += 1
        place = {"lineno": near.lineno, "col_offset": near.col_offset}
        name = ast.Name("__checked__", ast.Load(), **place)
        return ast.Expr(ast.Call(name, [], [], **place), **place)


script = functools.lru_cache(256)(Script)


def _asserting(node):
    if not isinstance(node, ast.Call):
        return False
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    return name.lower().startswith("assert") or name == "raises"


def _codes(code):
    """A program's code object and those within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, type(code)):
            yield from _codes(constant)


def main():
    """Judge candidates until a test may have left something behind. Descriptor 3 leads to the judge, who passes for
    each job the channel to a new candidate; the first word on it has to be that the candidate's cell is ready.
    """
    judge = socket.socket(fileno=3)
    orders = wire.Peer(judge, trusted=True)
    sys.setrecursionlimit(20000)
    keep = True
    while keep:
        _, handles, _, _ = socket.recv_fds(judge, 1, 1)
        if not handles:
            os._exit(0)
        channel = socket.socket(fileno=handles[0])  # closes that of the job before, whose candidate has been ended
        job = dict(zip(("timeout", "code", "test", "compare", "usual"), orders.receive(), strict=True))
        peer = wire.Peer(channel, trusted=True)
        scripts = []
        verdict, detail = "INFRA", "the candidate's cell did not report ready"
        try:
            if channel.recv(64) == b"R":
                verdict, detail = judged(job, peer, scripts, lambda part: orders.send(["start", part]))
            if peer.broken:  # a test that catches everything has caught the end of the channel
                raise peer.broken
        except OSError:
            pass  # not ready
        except wire.Closed:
            verdict, detail = "GONE", "the program ended before the test did"
        except wire.Malformed as error:
            verdict, detail = "ERROR", f"the program sent {error} instead of an answer"
        except MemoryError:
            verdict, detail = "MEMORY", "an answer that does not fit into memory"
        except BaseException as error:
            verdict, detail = "ERROR", f"the test's process: {type(error).__name__}"
        if verdict == "PASS" and peer.weak:
            verdict, detail = "WEAK", "the only truth came from an object of the candidate's own"
        large = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > LARGE_KIB
        keep = verdict in ("PASS", "WRONG", "GONE", "SYNTAX") and all(script.calm for script in scripts) and not large
        orders.send(["done", verdict, str(detail)[:500], keep])
    os._exit(0)


def judged(job, peer, scripts, start):
    """(verdict, detail) of a job; `start(i)` is told when the clock of part `i` begins."""
    test = job["test"]
    if test["style"] == "io":
        return calls(job, test, peer, start)
    texts = test["asserts"] if test["style"] == "asserts" else [test["script"]]
    for name, text in [("setup", test.get("setup") or ""), *((f"test {i}", text) for i, text in enumerate(texts))]:
        try:
            scripts.append(script(text, name))
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return "NO_TESTS", f"{name} does not parse: {type(error).__name__}"
    setup, *programs = scripts
    if not any(program.found for program in programs) and test["style"] == "asserts":
        return "NO_TESTS", "no test asserts anything"
    names = _Names(vars(builtins))
    names.peer = peer
    for imports in prelude_of(test, [test.get("setup") or "", *texts], scripts):
        with contextlib.suppress(ImportError):
            exec(imports.code, {}, names)
        scripts.append(imports)
    wanted = set().union(*(program.names for program in programs)) - names.keys() - setup.names
    checks = 0
    for position, program in enumerate(programs):
        start(position)
        checked = itertools.count()
        sys.modules["__test__"] = module = type(sys)("__test__")
        space = vars(module)
        space.update(__builtins__=names, __checked__=checked.__next__)
        try:
            if position:
                peer.send(["part", job["timeout"]])  # its CPU seconds are counted anew
            else:
                functions = [*wanted, *filter(None, [test.get("entry_point")])]
                names.known = loaded(job, peer, functions, test.get("prelude"))
            exec(setup.code, space)
            if program.names <= space.keys() | names.keys():
                # A test that knows all its names without the candidate is about a function named like a builtin.
                for name in program.names - space.keys():
                    with contextlib.suppress(KeyError):
                        space[name] = names.__missing__(name)
            exec(program.code, space)
            if test["style"] == "check":
                check = space.get("check")
                if check is None:
                    return "NO_TESTS", "the test script defines no check"
                check(names.entry(test["entry_point"]))
        except BaseException as error:
            return fault_of(error, position, texts)
        done = next(checked)
        if done == 0 and (program.found or test["style"] == "check"):
            return "NO_TESTS", f"test {position} executed no assertion"
        checks += done
    return ("PASS", "") if checks else ("NO_TESTS", "no test asserts anything")


def prelude_of(test, texts, programs):
    """The imports of the test's prelude that its texts need, as scripts.

    A module is asked for its attributes; a name that is only called is that of a function of the candidate's.
    """
    prelude = test.get("prelude") or {}
    used = prelude.keys() & set().union(*(program.names for program in programs))
    return [
        script(prelude[name], "prelude")
        for name in sorted(used)
        if any(re.search(rf"(?<![\w.]){name}\s*\.", text) for text in texts)
    ]


def loaded(job, peer, names=(), prelude=None):
    """Load the candidate; those of `names` that are functions of it."""
    peer.send(["load", job["code"], job["usual"], peer.encode(prelude)])
    return dict(peer.request("load", list(names)))


def fault_of(error, position=None, scripts=()):
    """(verdict, detail) for what ended a test; the end of the channel and what is no message are raised again."""
    if isinstance(error, (wire.Closed, wire.Malformed)):
        raise error
    own = getattr(error, "_candidate", False)
    where = f"test {position}" if scripts and getattr(error, "_phase", "call") == "call" else ""
    for frame in () if own else reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == f"test {position}":
            lines = scripts[position].splitlines()
            where += f", line {frame.lineno}: {lines[frame.lineno - 1].strip()[:300]}"
            break
    message = " ".join(str(part)[:300] for part in error.args[:2] if type(part) in (str, int))
    text = f"{type(error).__name__}: {message:.300} {where}".strip()
    if own and error._phase == "compile":
        return "SYNTAX", text
    if isinstance(error, MemoryError):
        return "MEMORY", f"MemoryError {where}"
    if isinstance(error, AssertionError) and not own:
        return "WRONG", where
    return ("ERROR" if own or isinstance(error, NameError) else "WRONG"), text


def calls(job, test, peer, start):
    """Call-style input and output: values in, value out."""
    start(0)
    try:
        loaded(job, peer)
        function = peer.request("entry", test["fn_name"])
        for position, (given, expected) in enumerate(zip(test["inputs"], test["outputs"], strict=True)):
            given = given if isinstance(given, list) else [given]
            result = peer.call(function, compare.arguments(given, job["compare"]), {})
            if not compare.same_value(result, expected, job["compare"]):
                return "WRONG", f"case {position}: wrong value"
    except BaseException as error:
        return fault_of(error)
    return "PASS", ""
