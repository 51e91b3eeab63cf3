"""The program that runs inside a cell: a fork server, and in its children either a candidate or a trusted test.

Started by exec as `python -s cell.py`, with an empty environment and the control socket as descriptor 0. It needs
nothing but the standard library and the files beside it (`wire.py`, and for tests `tester.py` and `compare.py`).

The server is single-threaded, not dumpable (so its memory and descriptors are closed to its children) and never reads a
job: code, tests and expected values reach only the child that needs them, so no later child can find them in memory. In
a process namespace of its own the server is process 1, which the kernel protects from signals of its children, and one
kill(-1) removes whatever a candidate has started. Without one it is a subreaper that kills its descendants until none
is left, and a guard process above it does the same should the server itself be killed.
"""

import _signal
import atexit
import builtins
import contextlib
import ctypes
import functools
import gc
import importlib
import importlib.util
import json
import linecache
import math
import os
import resource
import select
import signal
import socket
import struct
import sys
import time

CONTROL, CHANNEL = 0, 3  # descriptors: where a cell is started, where a job is talked about
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 36, 38
MIB = 1 << 20
# What no tier goes without, and no more: every page and every mapped library makes a fork dearer, and `random` and
# `threading` do work of their own after each.
PRELOAD = "collections.abc copy functools itertools math operator re string typing"
libc = ctypes.CDLL(None, use_errno=True)


def beside(name):
    """Import a file that lies beside this one, without putting its folder on the module path."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".py")
    spec = importlib.util.spec_from_file_location("_" + name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["_" + name] = module
    spec.loader.exec_module(module)
    return module


# ---------------------------------------------------------------------------------------------------------------------
# System calls


# Numbers for x86_64 and aarch64. What these calls make outlives a candidate, looks into other processes or widens the
# kernel's surface; none is needed by a program that solves a problem.
DENIED = {
    "x86_64": """101 310 311 438 440 312 165 166 155 161 429 430 431 432 433 428 442 272 308 321 298 323 425 426 427 250
    248 249 246 320 175 313 176 169 304 303 29 30 31 67 64 65 66 220 68 69 70 71 240 241 167 168 163 164 227
    170 171 179 172 173 300 301 103 256 279 251 153 134""",
    "aarch64": """117 270 271 438 440 272 40 39 41 51 429 430 431 432 433 428 442 97 268 280 241 282 425 426 427 219 217
    218 104 294 105 273 106 142 265 264 194 195 196 197 190 191 192 193 186 187 188 189 180 181 224 225 89
    170 112 161 162 60 262 263 116 238 239 30""",
}
CALLS = {  # audit architecture; calls of which one argument is checked; calls by which processes signal; file metadata
    "x86_64": (0xC000003E, {"clone": 56, "clone3": 435, "socket": 41, "ioctl": 16, "prctl": 157, "setpriority": 141},
               (302, 203, 144, 142, 314), (62, 200, 234, 129, 297, 424),
               (90, 91, 268, 452, 92, 93, 94, 260, 188, 189, 190, 197, 198, 199, 132, 235, 261, 280, 463, 466)),
    "aarch64": (0xC00000B7, {"clone": 220, "clone3": 435, "socket": 198, "ioctl": 29, "prctl": 167, "setpriority": 140},
                (261, 122, 119, 118, 274), (129, 130, 131, 138, 240, 424),
                (52, 53, 452, 54, 55, 5, 6, 7, 14, 15, 16, 88, 463, 466)),
}  # fmt: skip
ALLOW, KILL, EPERM, ENOSYS, PRETEND = 0x7FFF0000, 0x80000000, 0x50001, 0x50026, 0x50000
NEW_NAMESPACES = 0x7E020000


def seccomp_filter(namespaces, own_signals):
    """A BPF program for this architecture, or None. Without namespaces (`landlock`) no socket but socketpair() can be
    made, since Landlock does not guard named sockets, and changes of file metadata, which it does not guard either, do
    nothing; `own_signals` forbids to signal processes other than the caller's own group and itself.
    """
    machine = os.uname().machine
    if machine not in CALLS:
        return None
    arch, named, by_pid, signals, metadata = CALLS[machine]
    code = [(0x20, 0, 0, 4), (0x15, 1, 0, arch), (0x06, 0, 0, KILL), (0x20, 0, 0, 0)]
    if machine == "x86_64":
        code += [(0x35, 0, 1, 0x40000000), (0x06, 0, 0, EPERM)]  # the x32 numbers

    def rule(number, action, *checks):
        # Each check is (argument, jump operation, constant, the outcome that leads to the action).
        body = []
        for position, (argument, operation, constant, wanted) in enumerate(checks):
            away = 2 * (len(checks) - position) - 1  # behind the return: number not matched
            body.append((0x20, 0, 0, 16 + 8 * argument))
            body.append((operation, 0, away, constant) if wanted else (operation, away, 0, constant))
        body.append((0x06, 0, 0, action))
        code.extend([(0x15, 0, len(body) + 1, number), *body, (0x20, 0, 0, 0)])

    for number in map(int, DENIED[machine].split()):
        rule(number, EPERM)
    rule(named["clone3"], ENOSYS)  # its flags lie in memory; the C library falls back to clone
    rule(named["clone"], EPERM, (0, 0x45, NEW_NAMESPACES, True))
    rule(named["ioctl"], EPERM, (1, 0x15, 0x5412, True))  # TIOCSTI
    rule(named["prctl"], EPERM, (0, 0x15, PR_SET_PDEATHSIG, True))
    rule(named["setpriority"], EPERM, (1, 0x15, 0, False))
    for number in by_pid:  # limits and scheduling of other processes
        rule(number, EPERM, (0, 0x15, 0, False))
    if namespaces:
        rule(named["socket"], EPERM, (0, 0x15, 1, False))  # AF_UNIX alone
    else:
        rule(named["socket"], EPERM)
        for number in metadata:
            rule(number, PRETEND)
    if own_signals:
        for number in signals:
            rule(number, EPERM, (0, 0x15, 0, False), (0, 0x15, os.getpid(), False))
    code.append((0x06, 0, 0, ALLOW))
    return b"".join(struct.pack("HBBI", *step) for step in code)


def restrict_calls(program):
    """Install a filter for this process and its children."""
    steps = ctypes.create_string_buffer(program)
    description = struct.pack("HP", len(program) // 8, ctypes.addressof(steps))  # struct sock_fprog
    if libc.prctl(PR_SET_SECCOMP, 2, description, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


def landlock_version():
    """The ABI version of Landlock, 0 where the kernel has none."""
    return max(0, libc.syscall(444, None, ctypes.c_size_t(0), 1))


def landlock_rules(readable, writable):
    """A descriptor of a ruleset: read and execute below `readable`, everything below `writable`, no TCP, no signals
    and abstract sockets outside (as far as the kernel's version knows them).
    """
    version = landlock_version()
    every = (1 << 13) - 1 | (version >= 2) << 13 | (version >= 3) << 14 | (version >= 5) << 15
    attributes = struct.pack("QQQ", every, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = libc.syscall(444, attributes, ctypes.c_size_t(size), 0)
    if rules < 0:
        raise OSError(ctypes.get_errno(), "landlock")
    devices = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"]
    reading, on_files = 1 | 4 | 8, 1 | 2 | 4 | (version >= 3) << 14
    for paths, access in ((readable, reading), (writable, every), (devices, 2 | 4)):
        for path in filter(os.path.exists, paths):
            handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
            allowed = access if os.path.isdir(path) else access & on_files
            libc.syscall(445, rules, 1, struct.pack("=Qi", allowed, handle), 0)
            os.close(handle)
    return rules


def show_only(path):
    """Make `path` reachable for other users, in a mount namespace of this process: the folders above it that are closed
    to them are hidden below an empty one that holds nothing but `path`. Needs root; OSError without the right.
    """
    parts = os.path.realpath(path).split("/")
    parents = ["/".join(parts[:end]) for end in range(2, len(parts) + 1)]
    closed = next((parent for parent in parents if not os.stat(parent).st_mode & 1), None)
    if not closed:
        return
    if libc.unshare(0x20000) or libc.mount(b"none", b"/", None, 0x4000 | 0x40000, None):
        raise OSError(ctypes.get_errno(), "unshare")
    handle = os.open(path, os.O_PATH)
    if libc.mount(b"tmpfs", closed.encode(), b"tmpfs", 6, b"mode=755,size=1m"):
        raise OSError(ctypes.get_errno(), "mount")
    os.makedirs(path, 0o755)
    if libc.mount(f"/proc/self/fd/{handle}".encode(), path.encode(), None, 0x1000 | 0x4000, None):
        raise OSError(ctypes.get_errno(), "mount")
    os.close(handle)


# ---------------------------------------------------------------------------------------------------------------------
# The fork server


class Server:
    """Forks one child at a time, waits for its end or for the word to end it, removes all that it left, and reports."""

    def __init__(self, control, setting):
        self.control, self.setting = control, setting
        self.namespaces = setting["level"] == "bwrap"
        self.rules = None
        self.own_signals = setting["level"] == "landlock" and landlock_version() < 6
        if setting["level"] != "none":
            # Installed once and inherited: to compile the filter for each child would cost more than the fork.
            libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            program = seccomp_filter(self.namespaces, False)
            if program:
                restrict_calls(program)
            elif setting["level"] == "landlock":
                raise SystemExit("no filter of system calls is known for this machine")
        if setting["level"] == "landlock":
            rules = landlock_rules(setting["readable"], [setting["folder"]])
            self.rules = os.dup2(rules, 200, False)  # above all that a child closes
        for name, limit in (("AS", setting["memory"]), ("NPROC", setting["processes"]), ("NOFILE", 256),
                            ("FSIZE", 64 * MIB), ("CORE", 0)):  # fmt: skip
            which = getattr(resource, "RLIMIT_" + name)
            limit = min(limit, hardest(which))
            resource.setrlimit(which, (limit, limit))
        self.streams()
        self.folders = [folder for folder in (setting["folder"], "/dev/shm") if self.namespaces or folder != "/dev/shm"]
        self.baseline = {folder: set(os.listdir(folder)) for folder in self.folders}
        self.null = os.dup2(os.open("/dev/null", os.O_RDWR), 101, False)
        # A stand-in for the channel of a job, so that a child has all its objects made and exchanges what is below.
        stand_in, other = socket.socketpair()
        os.dup2(stand_in.detach(), CHANNEL)
        other.close()
        self.channel = socket.socket(fileno=CHANNEL)
        os.closerange(4, 100)
        self.most_cpu = hardest(resource.RLIMIT_CPU)

    def serve(self):
        """Return in a child, with its job; leave the process when the control socket ends."""
        control, space = self.control, socket.CMSG_SPACE(16)
        while True:
            data, extra, _, _ = control.recvmsg(64, space)
            if not data:
                self.leave()
            if not extra:
                continue  # the word to end a child that has already ended
            handles = struct.unpack(f"{len(extra[0][2]) // 4}i", extra[0][2])
            pid = os.fork()  # a server that cannot fork ends, and another is tried
            if pid == 0:
                soft, hard, *places = map(int, data.split())
                return self.enter(soft, hard, places, handles)
            for handle in handles:
                os.close(handle)
            self.watch(pid)

    def report(self, status, cpu, delay, asked, dirty):
        """To the judge; where it has gone this process ends, and all below it with it."""
        self.control.send(b"%d %f %f %d %d" % (status, cpu, delay, asked, dirty))

    def watch(self, pid):
        """Wait until the child ends or is to be ended, then clean up and report."""
        exit_handle = os.pidfd_open(pid)
        ready = select.select((exit_handle, self.control), (), ())[0]
        word = self.control.recv(64) if self.control in ready else None  # "end", "late", or b"": the judge has gone
        os.close(exit_handle)
        delay = 0.0 if word == b"end" else run_delay(pid)
        status, used = sweep(pid, self.namespaces)
        if word == b"":
            self.leave()
        self.report(status, used, delay, word is not None, not self.tidy())

    def tidy(self):
        """Remove what a child left in the writable folders; False where that is too much: then the cell is replaced."""
        budget = [20000]
        try:
            for folder in self.folders:
                for name in os.listdir(folder):
                    if name not in self.baseline[folder]:
                        remove(os.path.join(folder, name), budget, 0)
        except OSError:
            return False
        return True

    def leave(self):
        """End this process and everything below it."""
        if not self.namespaces:
            with contextlib.suppress(Exception):
                sweep(0, False)
            wipe(self.setting["folder"])
        os._exit(0)

    def enter(self, soft, hard, wanted, handles):
        """In the child: descriptors, limits and restrictions, before anything of the job is read."""
        os.setsid()
        libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
        # What a job brings: first the channel, then the standard streams of a candidate.
        for place in 0, 1, 2:
            os.dup2(self.null, place)
        for place, handle in zip(wanted, handles, strict=True):
            os.dup2(handle, place)
        os.closerange(4, 200)
        os.closerange(201, 256)
        resource.setrlimit(resource.RLIMIT_CPU, (min(soft, self.most_cpu), min(hard, self.most_cpu)))
        if self.rules is not None:
            if libc.syscall(446, self.rules, 0):
                os._exit(71)
            os.close(self.rules)
        if self.own_signals:
            restrict_calls(seccomp_filter(False, True))
        # `signal.signal` would build enumerations and touch, that is copy, dozens of pages.
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)
        _signal.signal(_signal.SIGTERM, _signal.SIG_DFL)
        _signal.signal(_signal.SIGHUP, _signal.SIG_DFL)

    def streams(self):
        """Make the standard streams once, over stand-ins; a child only exchanges the descriptors below them."""
        stand_in, (reading, writing) = os.memfd_create("stdin"), os.pipe()
        for place, handle in ((0, stand_in), (1, writing), (2, writing)):
            os.dup2(handle, place)
        for handle in (stand_in, reading, writing):
            os.close(handle)
        stream = functools.partial(open, encoding="utf-8", newline="\n", closefd=False)
        sys.stdin = sys.__stdin__ = stream(0)
        sys.stdout = sys.__stdout__ = stream(1, "w")
        sys.stderr = sys.__stderr__ = stream(2, "w", errors="backslashreplace", buffering=1)


def hardest(which):
    """The hard limit that is already set for a resource."""
    most = resource.getrlimit(which)[1]
    return most if most != resource.RLIM_INFINITY else 1 << 62


def run_delay(pid):
    """Seconds for which the scheduler kept the main thread of a process waiting for a processor."""
    with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/schedstat") as file:
        return int(file.read().split()[1]) / 1e9
    return 0.0


def kill(pid):
    """Send SIGKILL, if there still is such a process."""
    try:  # noqa: SIM105 - between two forks every object that is made is another page to copy
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def kill_below(pid):
    """Kill every descendant of a process."""
    children = ""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{pid}/children") as file:
        children = file.read()
    for child in map(int, children.split()):
        kill_below(child)
        kill(child)


def sweep(pid, namespaces):
    """Kill and reap every process below this one; the wait status of `pid`, or -1, and all their CPU seconds."""
    status, used = -1, 0.0
    try:
        while True:
            if namespaces:
                kill(-1)
            else:
                kill_below(os.getpid())  # again and again: what the kernel lists may be incomplete while processes end
            while True:
                child, how, usage = os.wait4(-1, 0 if namespaces else os.WNOHANG)
                if child == 0:
                    time.sleep(0.0005)
                    break
                used += usage.ru_utime + usage.ru_stime
                if child == pid:
                    status = how
    except ChildProcessError:
        return status, used


def wipe(folder):
    """Remove a folder however deep it is and whatever its modes are."""
    try:
        os.rmdir(folder)
    except OSError:
        os.spawnv(os.P_WAIT, "/bin/sh", ["sh", "-c", 'chmod -R u+rwX "$0" 2>/dev/null; rm -rf "$0"', folder])


def remove(path, budget, depth):
    """Remove a file or a folder of bounded size and depth; OSError where it is beyond."""
    budget[0] -= 1
    if budget[0] < 0 or depth > 50:
        raise OSError("too much to remove")
    if os.path.isdir(path) and not os.path.islink(path):
        os.chmod(path, 0o700)
        for name in os.listdir(path):
            remove(os.path.join(path, name), budget, depth + 1)
        os.rmdir(path)
    else:
        os.unlink(path)


# ---------------------------------------------------------------------------------------------------------------------
# The candidate


def candidate(wire, peer):
    """Run a candidate; its code arrives only after the word that everything before it went well."""
    peer.sock.sendall(b"R")  # ready
    kind, code, usual, given = peer.receive()
    if kind == "main":
        run_program(peer, code, usual, given)
    module = new_module("solution", usual)

    def lookup(operation, name):
        if operation == "part":
            hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
            soft = math.ceil(time.process_time() + name)
            return resource.setrlimit(resource.RLIMIT_CPU, (min(soft, hard), hard))
        if operation == "load":
            peer.phase = "compile"
            program = compiled(code)
            peer.phase = "load"
            if given:
                vars(builtins).update(imported(given, names_in(program)))  # so a program's own names come first
            exec(program, module.__dict__)
            peer.phase = "call"
            found = [(key, module.__dict__.get(key)) for key in name if not key.startswith("__")]
            return [[key, {"named": peer.number(value)}] for key, value in found if is_function(value)]
        if operation == "entry":
            return {"named": peer.number(entry(module, name))}
        if operation != "name":
            raise wire.Malformed("an operation of no known kind")
        value = module.__dict__[name]
        if name.startswith("__"):
            raise KeyError(name)
        return {"named": peer.number(value)} if is_function(value) else peer.encode(value)

    peer.lookup = lookup
    with contextlib.suppress(wire.Closed):
        peer.serve()


def is_function(value):
    """Something to call that is no class."""
    return callable(value) and not isinstance(value, type)


def rehearse(wire):
    """Serve a program of our own once, so that what all children run is specialised before they are forked."""
    ours, theirs = socket.socketpair()
    test = wire.Peer(ours)
    test.send(["load", "import math\ndef f(x):\n    return x\n", False, None])
    test.send(["?", "load", [["f"]]])
    for _ in range(20):
        test.send(["?", "name", ["f"]])
        test.send(["?", "call", [{"yours": 1}, [test.encode([1, "a", 2.5, (1,), {"a": 1}])], {"dict": []}]])
        test.send(["?", "name", ["g"]])
    ours.shutdown(socket.SHUT_WR)
    candidate(wire, wire.Peer(theirs))
    del sys.modules["solution"]
    linecache.cache.clear()


def names_in(program):
    """Names that a program looks up, those of attributes among them; local variables have none."""
    inner = (constant for constant in program.co_consts if isinstance(constant, type(program)))
    return set(program.co_names).union(*map(names_in, inner))


def imported(prelude, names):
    """What a prelude imports under the names that are used; to import everything would take seconds."""
    found = {}
    for name in prelude.keys() & names:
        with contextlib.suppress(ImportError):  # then the name is not defined, as where the module is not installed
            exec(prelude[name], {}, found)
    return found


def new_module(name, usual):
    """An empty module, known to `import`; with the usual names where they are asked for."""
    module = type(sys)(name)
    module.__dict__["__builtins__"] = __builtins__
    if usual:
        module.__dict__.update(usual_names())
    sys.modules[name] = module
    return module


def compiled(code):
    """The program; its text is known to tracebacks and `inspect` as `solution.py`."""
    linecache.cache["solution.py"] = (len(code), None, code.splitlines(True), "solution.py")
    return compile(code, "solution.py", "exec", dont_inherit=True)


def entry(module, name):
    """The function of that name, or the method of `class Solution`."""
    if name in module.__dict__:
        return module.__dict__[name]
    if "Solution" in module.__dict__:
        return getattr(module.__dict__["Solution"](), name)
    raise NameError(f"name {name!r} is not defined")


def run_program(peer, code, usual, name):
    """Run a program that reads standard input and prints, as `python solution.py` would, and end the process."""
    module = new_module("__main__", usual)
    note, status = ["end", "done"], 0
    try:
        note[1] = "compile"
        program = compiled(code)
        note[1] = "run"
        exec(program, module.__dict__)
        if name:
            entry(module, name)()
    except SystemExit as stop:
        code = 0 if stop.code is None else stop.code
        status = code & 255 if isinstance(code, int) else 1
    except BaseException as error:
        status = 1
        note.append(peer.describe(error))
        with contextlib.suppress(BaseException):
            sys.excepthook(type(error), error, error.__traceback__)
    with contextlib.suppress(BaseException):
        if "threading" in sys.modules:  # to import it for programs without threads would cost more than most run for
            sys.modules["threading"]._shutdown()
        atexit._run_exitfuncs()
    status = status or 120 * (not flushed())
    with contextlib.suppress(BaseException):
        module.__dict__.clear()  # destructors that would have run at the end of the interpreter
    flushed()
    with contextlib.suppress(BaseException):
        peer.send(note)
    os._exit(status)


def flushed():
    """Flush what a program has printed; False where that fails, as for text that is no UTF-8."""
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


@functools.cache
def usual_names():
    """What these imports define; put before a solution, so that its own win."""
    names = {}
    exec(USUAL_IMPORTS + "import numpy as np\n" * ("numpy" in sys.modules), names)
    del names["__builtins__"]
    return names


# ---------------------------------------------------------------------------------------------------------------------


def guard(setting, control):
    """Without a process namespace: a process above the server that outlives it, to end what it left behind."""
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    pid = os.fork()
    if pid == 0:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        return
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    control.close()
    os.dup2(os.open("/dev/null", os.O_RDWR), CONTROL)

    signal.signal(signal.SIGTERM, lambda *_: kill(pid))  # the word comes once for every thread of the parent
    while os.waitpid(-1, 0)[0] != pid:
        pass
    sweep(0, False)
    wipe(setting["folder"])
    os._exit(0)


def main():
    control = socket.socket(fileno=os.dup2(CONTROL, 100, False))
    setting = json.loads(control.recv(65536))
    sys.path[:] = [path for path in sys.path if path and path != os.path.dirname(os.path.abspath(__file__))]
    sys.path += [path for path in setting["paths"] if path not in sys.path]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if setting["level"] != "bwrap":
        guard(setting, control)
    wire = beside("wire")
    if setting["role"] == "test":
        tester = beside("tester")
        tester.wire, tester.compare = wire, beside("compare")
    uid = setting["uid"]
    if uid:
        if setting["level"] != "bwrap":
            os.chown(setting["folder"], uid, uid)
            for prefix in setting["prefixes"]:
                show_only(prefix)
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)  # all capabilities go with root
    if setting["level"] == "bwrap":  # giving up root has undone what bubblewrap asked for
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    os.chdir(setting["folder"])
    for name in [*PRELOAD.split(), *setting["preload"]] if setting["role"] != "probe" else ():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)  # the data sets are older than the limit
    if setting["role"] == "candidate":
        rehearse(wire)
        if setting["preload"]:
            usual_names()
    server = Server(control, setting)  # from here on under the restrictions
    peer = wire.Peer(server.channel)
    gc.collect()
    with contextlib.suppress(AttributeError):  # another C library than GNU's
        libc.malloc_trim(0)
    gc.freeze()
    server.report(0, 0.0, 0.0, False, False)
    server.serve()
    control.detach()  # its descriptor was closed on the way
    if setting["role"] == "test":
        tester.main()
    candidate(wire, peer)
    os._exit(0)


if __name__ == "__main__":
    main()
