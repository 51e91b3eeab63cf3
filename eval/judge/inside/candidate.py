"""The side of a candidate: run a program in a process that ends with it.

`together`: a plain program and its test in one namespace. `apart`: one that answers what its test asks, by values.
`run`: a program that reads standard input and prints.
"""

import ast
import atexit
import builtins
import contextlib
import ctypes
import functools
import gc
import linecache
import math
import os
import resource
import sys
import time

from eval.judge.inside import values
from eval.judge.inside.allowed import BUILTINS, NotPlain
from eval.judge.inside.channel import Closed
from eval.judge.inside.claims import PROGRAM, SPACE, Claims
from eval.judge.inside.guards import Guards
from eval.judge.inside.plain import Examination
from eval.judge.inside.script import Symbols, Tests, calls, deep, fault_of
from eval.judge.inside.trees import located

PR_SET_DUMPABLE = 4
libc = ctypes.CDLL(None)


def candidate(channel):
    """Serve one job. The first byte says that the process is ready; only then is the job read."""
    channel.sock.sendall(b"R")
    with deep():
        kind, *job = channel.receive()
    with contextlib.suppress(Closed):
        {"together": together, "apart": apart, "run": run}[kind](channel, *job)


# ---------------------------------------------------------------------------------------------------------------------
# Together


def together(channel, code, test, scripts, setting):
    """Run a plain program and its test, and send the verdict with the mark; for any other program send why it is not
    plain. The mark lies where no plain program can get: in a variable of this function, in memory that no file shows.
    """
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    guards = None
    gc.disable()  # trees are no garbage yet, and walking them takes as long as making them
    try:
        tests = Tests(test, scripts, lambda part: begin(channel, part, setting["timeout"])) if scripts else None
        module = new_module(SPACE, setting["usual"])
        program, guards = prepared(code, test, tests, module, setting)
    except NotPlain as reason:
        message = "not plain", str(reason)
    except SyntaxError as error:
        message = "done", "SYNTAX", f"SyntaxError: {error.msg}"
    except (RecursionError, MemoryError, ValueError) as error:
        message = "not plain", f"a tree that cannot be walked ({type(error).__name__})"
    else:
        message = "done", *run_both(channel, test, setting, (tests, module, program, guards))
    if guards and guards.apart:
        message = "not plain", guards.apart
    elif guards and guards.weak and message[1] == "PASS":
        message = "done", "WEAK", guards.weak
    channel.send([*message, setting["mark"]])


def run_both(channel, test, setting, parts):
    """(verdict, detail), after the program and its test have run."""
    tests, module, program, guards = parts
    if guards:
        guards.install()
    gc.enable()
    try:
        if tests:
            return tests.run(module.__dict__, lambda: exec(program, module.__dict__), guards or Claims())
        begin(channel, 0, setting["timeout"])
        exec(program, module.__dict__)
        return calls(test, setting["compare"], entry(module, test["fn_name"]))
    except BaseException as error:
        return fault_of(error)


def begin(channel, part, timeout):
    """Start the clocks of a script: the judge's, and the CPU seconds of this process."""
    more_seconds(timeout)
    channel.send(["start", part])


def more_seconds(timeout):
    """Restart the limit of CPU seconds."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (min(math.ceil(time.process_time() + timeout), hard), hard))


def prepared(code, test, tests, module, setting):
    """(code object, guards) of a plain program, with the imports of the prelude made. NotPlain, SyntaxError."""
    linecache.cache[PROGRAM] = (len(code), None, code.splitlines(True), PROGRAM)
    tree = ast.parse(code, PROGRAM)
    prelude = test.get("prelude") or {}
    if setting["force"]:
        make_imports(prelude)
        return compile(tree, PROGRAM, "exec", dont_inherit=True), None
    provided = {name: m for name, m in USUAL_MODULES.items() if name in module.__dict__}
    for name, statement in prelude.items():
        (node,) = ast.parse(statement).body
        if isinstance(node, ast.Import):
            provided[name] = node.names[0].name
    program = Examination(tree, provided, setting["libraries"])
    scripts = [tests.setup, *tests.programs] if tests else []
    symbols = Symbols(code)
    for name in provided.keys() & program.bound:  # the program's name alone, or the module's too?
        if program.modules.get(name) is None and name in symbols.looked_up - symbols.bound:
            raise NotPlain(f"the name {name} for two things")
        if program.modules.get(name) != provided[name]:
            module.__dict__.pop(name, None)
    fault = fault_between(program, symbols, scripts, provided, prelude)
    if fault:
        raise NotPlain(fault)
    used = (program.loads - program.bound) & prelude.keys()
    make_imports({name: prelude[name] for name in used} | (tests.prelude() if tests else {}))
    return compile(tree, PROGRAM, "exec", dont_inherit=True), Guards(program, scripts, setting["libraries"])


def make_imports(prelude, names=None):
    """Import what a prelude names; a module that is not installed stays undefined."""
    for statement in prelude.values():
        with contextlib.suppress(ImportError):
            exec(statement, {}, vars(builtins) if names is None else names)


def fault_between(program, symbols, scripts, provided, prelude):
    """Why a plain program may not share a namespace with these scripts, or None."""
    names = set().union(*(script.names for script in scripts))
    # No set of all builtins: one more reference to each would copy the pages that hold them.
    shared = {name for name in program.bound & names if name in BUILTINS or name in prelude}
    if shared:
        same = {name for name, module in program.modules.items() if provided.get(name) == module}
        hidden = (symbols.bound - same) & shared & set().union(*(script.looked_up for script in scripts))
        if hidden:
            return f"it redefines {min(hidden)}, which the test uses too"
    if program.late & names:
        late = program.late & set().union(*(script.bound for script in scripts))
        if late:
            return f"it may change the test's {min(late)}"
    if (program.loads & names) - BUILTINS - program.functions:
        bound = set().union(*(script.bound for script in scripts))
        read = symbols.looked_up & bound & set().union(*(script.looked_up for script in scripts)) - symbols.bound
        if read:  # the program gets arguments anyway
            read -= set().union(*(script.passed_to(program.functions - bound) for script in scripts))
        if read:
            return f"it reads the test's {min(read)}"
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Apart


def apart(channel, code, usual, prelude):
    """Answer the operations of the test until it ends."""
    module, phase = new_module("solution", usual), "compile"
    operations = {
        "name": lambda name: values.encode(value_of(module, name)),
        "functions": lambda names: [name for name in names if is_function(module.__dict__.get(name))],
        "call": lambda name, args, kwargs: called(module.__dict__[name], args, kwargs),
        "method": lambda name, args: called(entry(module, name), args, {}),
        "part": more_seconds,
    }
    while True:
        operation, *operands = channel.receive()
        try:
            if operation == "load":
                program = compiled(code)
                phase = "load"
                make_imports({name: prelude[name] for name in prelude.keys() & names_in(program)})
                exec(program, module.__dict__)
                phase, answer = "call", ["=", None]
            else:
                answer = ["=", operations[operation](*operands)]
        except values.NoValue as error:
            answer = ["no value", str(error)[:200]]
        except BaseException as error:
            answer = ["!", *values.describe(error), phase]
        try:
            channel.send(answer)
        except (ValueError, TypeError, RecursionError, MemoryError) as error:
            channel.send(["!", *values.describe(error), phase])


def value_of(module, name):
    if name.startswith("__"):
        raise KeyError(name)
    return module.__dict__[name]


def called(function, args, kwargs):
    """[result, changed arguments, which argument is the result] of a call."""
    arguments = [*args, *kwargs.values()]
    mutable = [(i, value, values.encode(value)) for i, value in enumerate(arguments) if values.is_mutable(value)]
    result = function(*args, **kwargs)
    returned = next((i for i, value, _ in mutable if value is result), None)
    result = values.encode(result) if returned is None else None  # draining an iterator may change arguments
    changed = [[i, after] for i, value, before in mutable if (after := values.encode(value)) != before]
    return [result, changed, returned]


def is_function(value):
    """Whether a value is callable and not a class."""
    return callable(value) and not isinstance(value, type)


def names_in(program):
    """Names that a program looks up, attributes included; not those of local variables."""
    inner = (constant for constant in program.co_consts if isinstance(constant, type(program)))
    return set(program.co_names).union(*map(names_in, inner))


# ---------------------------------------------------------------------------------------------------------------------
# A program and its module


def new_module(name, usual):
    """An empty module, known to `import`; `usual` adds the usual names."""
    module = type(sys)(name)
    module.__dict__["__builtins__"] = builtins
    if usual:
        module.__dict__.update(usual_names())
    sys.modules[name] = module
    return module


def compiled(code):
    """The compiled program; tracebacks and `inspect` know its text as `solution.py`."""
    linecache.cache[PROGRAM] = (len(code), None, code.splitlines(True), PROGRAM)
    return compile(code, PROGRAM, "exec", dont_inherit=True)


def entry(module, name):
    """The function of that name, or the method of `class Solution`."""
    if name in module.__dict__:
        return module.__dict__[name]
    if "Solution" in module.__dict__:
        return getattr(module.__dict__["Solution"](), name)
    raise NameError(f"name {name!r} is not defined")


def run(channel, code, usual, name):
    """Run a program that reads standard input and prints, as `python solution.py` would, and end the process. With
    `name`, that function is called afterwards, unless the program has called it.
    """
    module = new_module("__main__", usual)
    note, status = ["end", "done"], 0
    try:
        note[1] = "compile"
        calls_made = []
        program = noting(code, name, calls_made) if name else compiled(code)
        note[1] = "run"
        exec(program, module.__dict__)
        if name and not calls_made:
            entry(module, name)()
    except SystemExit as stop:
        code = 0 if stop.code is None else stop.code
        status = code & 255 if isinstance(code, int) else 1
    except BaseException as error:
        status = 1
        with contextlib.suppress(BaseException):
            note += [str(type(error).__name__)[:100], *[arg for arg in error.args[:1] if type(arg) is str]]
        with contextlib.suppress(BaseException):
            sys.excepthook(type(error), error, error.__traceback__)
    with contextlib.suppress(BaseException):
        if "threading" in sys.modules:  # importing it costs more than most programs run for
            sys.modules["threading"]._shutdown()
        atexit._run_exitfuncs()
    status = status or 120 * (not flushed())
    with contextlib.suppress(BaseException):
        module.__dict__.clear()  # run the destructors, as the end of the interpreter would
    flushed()
    with contextlib.suppress(BaseException):
        channel.send(note)
    os._exit(status)


def noting(code, name, calls_made):
    """The program, changed to note in `calls_made` every call of its function of that name."""
    tree = ast.parse(code, PROGRAM)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            note = located(ast.Expr(ast.Call(ast.Name("~called", ast.Load()), [ast.Constant(1)], [])), node)
            node.body.insert(0, note)
    setattr(builtins, "~called", calls_made.append)
    linecache.cache[PROGRAM] = (len(code), None, code.splitlines(True), PROGRAM)
    return compile(tree, PROGRAM, "exec", dont_inherit=True)


def flushed():
    """Flush what a program has printed; False if that fails, as for text that is not UTF-8."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not getattr(stream, "closed", False):
                stream.flush()
    except BaseException:
        return False
    return True


# Names that the published judging of APPS defines before a solution.
USUAL_IMPORTS = """
import sys, time, itertools, collections, math, fractions, random, heapq, bisect, functools, operator, string, re
from itertools import accumulate, product, permutations, combinations
from collections import Counter, OrderedDict, deque, defaultdict, ChainMap
from functools import lru_cache, cmp_to_key, reduce
from math import sqrt, sin, cos, tan, ceil, fabs, floor, gcd, exp, log, log2
from heapq import heappush, heappop, heapify, heappushpop, heapreplace, nlargest, nsmallest
from bisect import bisect_left, bisect_right, insort
from typing import Any, Dict, Iterable, List, Optional, Sequence, Set, Tuple, Union
"""
USUAL_MODULES = {name: name for name in USUAL_IMPORTS.split("\n")[1].removeprefix("import ").split(", ")}
USUAL_MODULES["np"] = "numpy"


@functools.cache
def usual_names():
    """What these imports define; a solution may redefine them."""
    names = {}
    exec(USUAL_IMPORTS + "import numpy as np\n" * ("numpy" in sys.modules), names)
    del names["__builtins__"]
    return names
