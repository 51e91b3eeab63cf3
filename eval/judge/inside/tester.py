"""The trusted side of a judgement whose program is kept apart: runs the tests where candidate code has never run.

Names of a script are looked up among its own and those of `setup`, among the builtins, and only then in the
candidate's module: a function is called there, by values, and a value is fetched. A module of the test's `prelude`
counts as a builtin. If all names are known without the candidate, the test is about a function named like a builtin,
and then the candidate's function comes first. Each side gets only what it needs: this process never runs candidate
code, the candidate's process never holds a test or an expected value.
"""

import builtins
import socket
import sys

from eval.judge.inside import values
from eval.judge.inside.attributes import hide_special_names
from eval.judge.inside.candidate import make_imports
from eval.judge.inside.channel import CHANNEL, Channel, Closed, Malformed
from eval.judge.inside.claims import Claims
from eval.judge.inside.script import DEEP, Tests, calls, fault_of


class Crossing(BaseException):
    """An object that is not a value would have to cross."""


class Program(Channel):
    """The candidate as its test sees it."""

    def __init__(self, sock):
        super().__init__(sock, values.decode)
        self.weak = ""  # the type of what could not cross
        self.claims = Claims()
        self.broken = None
        self.functions = set()

    def is_ready(self):
        """Whether the candidate's cell reports that its process has started."""
        try:
            return self.sock.recv(64) == b"R"
        except OSError:
            return False

    def ask(self, operation, *operands):
        """The result of one operation; an exception of the program is raised here as its mirror."""
        try:
            try:
                self.send([operation, *map(values.encode, operands)])
            except values.NoValue as error:
                raise self.crossing(error) from None
            kind, *rest = self.receive()
        except (Closed, Malformed) as fault:
            self.broken = fault  # known also to a caller behind an `except Exception`
            raise
        if kind == "=":
            hide_special_names()  # in libraries that a value may have loaded
            return rest[0]
        if kind == "no value":
            raise self.crossing(*rest)
        try:
            error = values.mirrored(*rest)
        except Exception:
            raise Malformed("an exception") from None
        raise error

    def crossing(self, name):
        self.weak = self.weak or f"an object of the type {str(name)[:200]} would have to leave its process"
        return Crossing(self.weak)

    def call(self, operation, function, args, *kwargs):
        """Call a function of the program; its changes of arguments that are values are repeated here."""
        arguments = [*args, *(value for keywords in kwargs for value in keywords.values())]
        result, changed, returned = self.ask(operation, function, list(args), *kwargs)
        for position, value in changed:
            values.write_back(arguments[position], value)
        return result if returned is None else arguments[returned]


def function_of(program, name):
    """A function that calls the program's function of that name."""

    def function(*args, **kwargs):
        return program.call("call", name, args, kwargs)

    function.__name__ = function.__qualname__ = name
    return function


class Names(dict):
    """Builtins, with the candidate's names behind them."""

    def __init__(self, program):
        super().__init__(vars(builtins))
        self.program = program
        self.functions = {}

    def __missing__(self, name):
        if name in self.functions:
            return self.functions[name]
        return self.program.ask("name", name)

    entry = __missing__


def main():
    """Judge one candidate. The judge sends the job and a channel to the candidate, which first reports ready."""
    judge = socket.socket(fileno=CHANNEL)
    messages = Channel(judge, values.decode)
    _, (descriptor,), _, _ = socket.recv_fds(judge, 1, 1)
    sys.setrecursionlimit(DEEP)
    code, test, scripts, setting = messages.receive()
    program = Program(socket.socket(fileno=descriptor))
    if not program.is_ready():
        return messages.send(["not ready", setting["mark"]])
    try:
        verdict, detail = judged(program, (code, test, scripts), setting, lambda part: messages.send(["start", part]))
        if program.broken:  # a test that catches everything has caught the end of the channel
            raise program.broken
    except Closed:  # the program ended before the test did
        return messages.send(["gone", setting["mark"]])
    except Malformed as error:
        verdict, detail = "ERROR", f"the program sent {error} instead of an answer"
    except MemoryError:
        verdict, detail = "MEMORY", "an answer that does not fit into memory"
    except BaseException as error:
        verdict, detail = "ERROR", f"the test's process: {type(error).__name__}"
    if program.weak or (verdict == "PASS" and program.claims.weak):
        verdict, detail = "WEAK", program.weak or program.claims.weak
    return messages.send(["done", verdict, str(detail)[:500], setting["mark"]])


def judged(program, job, setting, start):
    """(verdict, detail) of a job; `start(i)` is called when the clock of script `i` begins."""
    code, test, scripts = job
    program.send(["apart", code, setting["usual"], values.encode(test.get("prelude") or {})])
    if test["style"] == "io":
        start(0)
        try:
            program.ask("load")
            return calls(test, setting["compare"], lambda *args: program.call("method", test["fn_name"], args))
        except (Closed, Malformed):
            raise
        except BaseException as error:
            return fault_of(error)

    def begin(part):
        start(part)
        if part:
            program.ask("part", setting["timeout"])  # its CPU seconds are counted anew

    tests = Tests(test, scripts, begin)
    names = Names(program)
    make_imports(tests.prelude(), names)
    module = type(sys)("__test__")
    sys.modules["__test__"] = module
    space = vars(module)
    space["__builtins__"] = names

    def load():
        program.ask("load")
        wanted = set().union(*(script.names for script in tests.programs)) | {test.get("entry_point") or ""}
        names.functions = {name: function_of(program, name) for name in program.ask("functions", sorted(wanted))}
        for script in tests.programs:
            known = names.keys() | tests.setup.bound | set().union(*(other.bound for other in tests.programs))
            if script.looked_up <= known:
                # A test that knows all its names without the candidate is about a function named like a builtin.
                space.update(
                    (n, names.functions[n]) for n in script.looked_up - tests.setup.bound if n in names.functions
                )

    return tests.run(space, load, program.claims)
