"""The program that runs inside a cell: a fork server, and in its children either a candidate or a trusted test.

Started by exec as `python -s server.py`, with an empty environment and the control socket as descriptor 0. It needs
nothing but the standard library, the files beside it and `compare.py`.

The server is single-threaded, not dumpable (so its memory and descriptors are closed to its children) and never reads a
job: code, tests and expected values reach only the child that needs them, so no later child can find them in memory. In
a process namespace of its own the server is process 1, which the kernel protects from signals of its children, and one
kill(-1) removes whatever a candidate has started. Without one it is a subreaper that kills its descendants until none
is left, and a guard process above it does the same should the server itself be killed.
"""

import _signal
import builtins
import contextlib
import functools
import gc
import importlib
import json
import linecache
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
import types

# The packages of the files beside this one, without a folder on the module path and without `eval/judge/__init__.py`,
# which would import the judge itself.
INSIDE = os.path.dirname(os.path.abspath(__file__))
for package, folders in ("eval", []), ("eval.judge", [os.path.dirname(INSIDE)]), ("eval.judge.inside", [INSIDE]):
    sys.modules[package] = types.ModuleType(package)
    sys.modules[package].__path__ = folders

from eval.judge.inside import candidate, tester, values  # noqa: E402
from eval.judge.inside.channel import Channel  # noqa: E402
from eval.judge.inside.restrict import (  # noqa: E402
    landlock_rules,
    landlock_version,
    libc,
    restrict_calls,
    seccomp_filter,
    show_only,
)
from eval.judge.inside.script import Tests, compiled  # noqa: E402

CONTROL, CHANNEL = 0, 3  # descriptors: where a cell is started, where a job is talked about
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
MIB = 1 << 20
# What no tier goes without, and no more: every page and every mapped library makes a fork dearer, and `random` and
# `threading` do work of their own after each.
PRELOAD = "collections.abc copy functools itertools math operator re string typing"


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
        delay = run_delay(pid)
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
    try:
        handle = os.open(f"/proc/{pid}/schedstat", os.O_RDONLY)
        words = os.read(handle, 100).split()
        os.close(handle)
        return int(words[1]) / 1e9
    except (OSError, ValueError, IndexError):
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
# The start


REHEARSED = """
import math
class K:
    def __init__(self, x):
        self.x = x
    def __eq__(self, other):
        return self.x == other.x
def f(x: list) -> list:
    return [str(v) if v else None for v in (x, math.pi)][:1]
"""


def rehearse():
    """Judge a program of our own, so that what all children run is specialised before they are forked."""
    test = {"style": "asserts", "setup": "", "asserts": ["assert f(2) == ['2']", "assert f(3)\nassert not f(3)[1:]"]}
    setting = {"timeout": 1, "compare": "apps", "usual": False, "libraries": "", "force": False}
    scripts = compiled("asserts", "", tuple(test["asserts"]))
    for _ in range(20):
        module = types.ModuleType("rehearsal")
        tests = Tests(values.decode(values.encode(test)), scripts, lambda part: None)
        code, guards = candidate.prepared(REHEARSED, test, tests, module, setting)
        space = vars(module) | {"__builtins__": {**vars(builtins), "~own": guards.own, "~claim": guards.claim}}
        verdict = tests.run(space, functools.partial(exec, code, space), guards)
    if verdict[0] != "PASS":
        raise SystemExit(f"the rehearsal went wrong: {verdict}")
    linecache.cache.clear()


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
        rehearse()
        if setting["preload"]:
            candidate.usual_names()
    for name in [name for name in sys.modules if name.split(".")[0] == "eval"]:
        del sys.modules[name]  # they are no business of a program's
    server = Server(control, setting)  # from here on under the restrictions
    channel = Channel(server.channel, values.decode)
    gc.collect()
    with contextlib.suppress(AttributeError):  # another C library than GNU's
        libc.malloc_trim(0)
    gc.freeze()
    server.report(0, 0.0, 0.0, False, False)
    server.serve()
    control.detach()  # its descriptor was closed on the way
    if setting["role"] == "test":
        tester.main()
    else:
        candidate.candidate(channel)
    os._exit(0)


if __name__ == "__main__":
    main()
