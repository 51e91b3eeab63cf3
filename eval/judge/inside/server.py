"""The program that runs inside a cell: a fork server, and in its children either a candidate or a trusted test.

Started by exec as `python -s server.py`, with an empty environment and the control socket as descriptor 0. It needs
nothing but the standard library, the files of this folder and `compare.py`.

The server is single-threaded and not dumpable, so its memory and descriptors are closed to its children. It never reads
a job: code, tests and expected values reach only the child that needs them, so no later child can find them in memory.
In a process namespace the server is process 1, which the kernel protects from signals of its children, and one kill(-1)
removes whatever a candidate has started. Without one it is a subreaper that kills its descendants until none is left,
and a guard process above it does the same if the server itself is killed.
"""

import _signal
import builtins
import contextlib
import functools
import gc
import importlib
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
import types

# The packages of this folder's files, without a folder on the module path and without `eval/judge/__init__.py`, which
# would import the judge itself.
INSIDE = os.path.dirname(os.path.abspath(__file__))
for package, folders in ("eval", []), ("eval.judge", [os.path.dirname(INSIDE)]), ("eval.judge.inside", [INSIDE]):
    sys.modules[package] = types.ModuleType(package)
    sys.modules[package].__path__ = folders

from eval.judge.inside import candidate, tester, values  # noqa: E402
from eval.judge.inside.channel import CHANNEL, STDERR, STDIN, STDOUT, Channel  # noqa: E402
from eval.judge.inside.landlock import landlock_rules, landlock_version, restrict_files, show_only  # noqa: E402
from eval.judge.inside.processes import children, kill, longest_thread, ready_seconds, sweep  # noqa: E402
from eval.judge.inside.script import Tests, compiled  # noqa: E402
from eval.judge.inside.seccomp import install_filter, libc, seccomp_filter  # noqa: E402

# Descriptors of the server, above those of a child: requests of the judge, /dev/null, Landlock's rules, the limit.
CONTROL, NULL, RULES, DESCRIPTORS = 100, 101, 200, 256
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
MIB = 1 << 20
# What every tier needs, and no more: every page and every mapped library makes a fork dearer, and `random` and
# `threading` do more work after each.
PRELOAD = "collections.abc copy functools itertools math operator re string typing"


class Server:
    """Forks one child at a time, waits until it ends or has to, removes all that it left, and reports."""

    def __init__(self, control, setting):
        self.control, self.setting = control, setting
        self.namespaces = setting["level"] == "bwrap"
        self.rules = None
        self.streams()  # over memory, which the filter forbids
        landlock = landlock_version() if setting["level"] == "landlock" else math.inf
        self.own_signals = landlock < 6
        if setting["level"] != "none":
            # Installed once and inherited: to compile the filter for each child would cost more than the fork.
            libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            program = seccomp_filter(self.namespaces, False, landlock < 3)
            if program:
                install_filter(program)
            elif setting["level"] == "landlock":
                raise SystemExit("no filter of system calls is known for this machine")
        if setting["level"] == "landlock":
            rules = landlock_rules(setting["readable"], [setting["folder"]])
            self.rules = os.dup2(rules, RULES, False)
        for name, limit in (("AS", setting["memory"]), ("NPROC", setting["processes"]), ("NOFILE", DESCRIPTORS),
                            ("FSIZE", 64 * MIB), ("CORE", 0)):  # fmt: skip
            which = getattr(resource, "RLIMIT_" + name)
            limit = min(limit, hardest(which))
            resource.setrlimit(which, (limit, limit))
        self.folders = [folder for folder in (setting["folder"], "/dev/shm") if self.namespaces or folder != "/dev/shm"]
        self.baseline = {folder: set(os.listdir(folder)) for folder in self.folders}
        # Children are of the same user id as this process, so they change the folders that it owns.
        owned = [folder for folder in self.folders if os.stat(folder).st_uid == os.getuid()]
        self.attributes = {folder: (os.stat(folder).st_mode & 0o7777, extended(folder)) for folder in owned}
        os.dup2(os.open("/dev/null", os.O_RDWR), NULL, False)
        # A stand-in for the channel of a job: a child exchanges the descriptor below objects that exist already.
        stand_in, other = socket.socketpair()
        os.dup2(stand_in.detach(), CHANNEL)
        other.close()
        self.channel = socket.socket(fileno=CHANNEL)
        os.closerange(CHANNEL + 1, CONTROL)
        self.most_cpu = hardest(resource.RLIMIT_CPU)

    def serve(self):
        """Return in a child, with its job; leave the process when the control socket ends."""
        control, space = self.control, socket.CMSG_SPACE(16)
        while True:
            data, extra, _, _ = control.recvmsg(64, space)
            if not data:
                self.leave()
            if not extra:
                continue  # a request to end a child that has already ended
            received = struct.unpack(f"{len(extra[0][2]) // 4}i", extra[0][2])
            pid = os.fork()  # a server that cannot fork ends, and another is tried
            if pid == 0:
                soft, hard, *targets = map(int, data.split())
                return self.enter(soft, hard, targets, received)
            for descriptor in received:
                os.close(descriptor)
            self.watch(pid)

    def report(self, status, cpu, delay, asked, dirty):
        """Tell the judge; if it has gone this process ends, and all below it with it."""
        self.control.send(b"%d %f %f %d %d" % (status, cpu, delay, asked, dirty))

    def watch(self, pid):
        """Wait until the child ends or is to be ended, then clean up and report."""
        child = os.pidfd_open(pid)
        ready = select.select((child, self.control), (), ())[0]
        request = (
            self.control.recv(64) if self.control in ready else None
        )  # b"end", b"late", or b"": the judge has gone
        os.close(child)
        if request == b"late":
            longest = longest_thread([*children(os.getpid(), os.getpid())] or [pid])
        else:  # looking for threads takes longer than what a small program does
            longest = ready_seconds(pid)
        status, cpu = sweep(pid, self.namespaces)
        # The candidate's own processes kept a thread waiting for no longer than the CPU seconds that are not its own.
        delay = max(0.0, longest - cpu)
        if request == b"":
            self.leave()
        self.report(status, cpu, delay, request is not None, not self.tidy())

    def tidy(self):
        """Remove what a child left in the writable folders, and what it changed of the folders themselves; False if
        that is too much: then the cell is replaced.
        """
        budget = [20000]
        try:
            for folder, (mode, names) in self.attributes.items():
                os.chmod(folder, mode)
                os.utime(folder)
                if extended(folder) != names:
                    return False
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

    def enter(self, soft, hard, targets, received):
        """In the child: set descriptors, limits and restrictions before anything of the job is read."""
        os.setsid()
        libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
        for stream in STDIN, STDOUT, STDERR:
            os.dup2(NULL, stream)
        for target, descriptor in zip(targets, received, strict=True):
            os.dup2(descriptor, target)
        os.closerange(CHANNEL + 1, RULES)
        os.closerange(RULES + 1, DESCRIPTORS)
        resource.setrlimit(resource.RLIMIT_CPU, (min(soft, self.most_cpu), min(hard, self.most_cpu)))
        if self.rules is not None:
            if not restrict_files(RULES):
                os._exit(71)
            os.close(RULES)
        if self.own_signals:
            install_filter(seccomp_filter(False, True))
        # `signal.signal` would build enumerations and touch, that is copy, dozens of pages.
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)
        _signal.signal(_signal.SIGTERM, _signal.SIG_DFL)
        _signal.signal(_signal.SIGHUP, _signal.SIG_DFL)

    def streams(self):
        """Make the standard streams once, over stand-ins; a child only exchanges the descriptors below them."""
        stand_in, (reading, writing) = os.memfd_create("stdin"), os.pipe()
        for stream, descriptor in ((STDIN, stand_in), (STDOUT, writing), (STDERR, writing)):
            os.dup2(descriptor, stream)
        for descriptor in (stand_in, reading, writing):
            os.close(descriptor)
        open_text = functools.partial(open, encoding="utf-8", newline="\n", closefd=False)
        sys.stdin = sys.__stdin__ = open_text(STDIN)
        sys.stdout = sys.__stdout__ = open_text(STDOUT, "w")
        sys.stderr = sys.__stderr__ = open_text(STDERR, "w", errors="backslashreplace", buffering=1)


def hardest(which):
    """The hard limit that is already set for a resource."""
    limit = resource.getrlimit(which)[1]
    return limit if limit != resource.RLIM_INFINITY else 1 << 62


def extended(path):
    """Names of the extended attributes of a file, or None where they cannot be read."""
    try:
        return os.listxattr(path)
    except OSError:
        return None


def wipe(folder):
    """Remove a folder of any depth and modes."""
    try:
        os.rmdir(folder)
    except OSError:
        os.spawnv(os.P_WAIT, "/bin/sh", ["sh", "-c", 'chmod -R u+rwX "$0" 2>/dev/null; rm -rf "$0"', folder])


def remove(path, budget, depth):
    """Remove a file or folder; OSError beyond a bounded size and depth."""
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
    """Judge a known program, so that the code that all children run is specialised before they are forked."""
    test = {"style": "asserts", "setup": "", "asserts": ["assert f(2) == ['2']", "assert f(3)\nassert not f(3)[1:]"]}
    setting = {"timeout": 1, "compare": "apps", "usual": False, "libraries": "", "force": False}
    scripts = compiled("asserts", "", tuple(test["asserts"]))
    for _ in range(20):
        module = types.ModuleType("rehearsal")
        tests = Tests(values.decode(values.encode(test)), scripts, lambda part: None)
        code, guards = candidate.prepared(REHEARSED, test, tests, module, setting)
        space = vars(module) | {
            "__builtins__": {**vars(builtins), "~settable": guards.settable, "~claim": guards.claim}
        }
        verdict = tests.run(space, functools.partial(exec, code, space), guards)
    if verdict[0] != "PASS":
        raise SystemExit(f"the rehearsal went wrong: {verdict}")
    linecache.cache.clear()


def guard(setting, control):
    """Without a process namespace: put a process above the server that outlives it and ends what it left behind."""
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    pid = os.fork()
    if pid == 0:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        return
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    control.close()
    os.dup2(os.open("/dev/null", os.O_RDWR), STDIN)

    signal.signal(signal.SIGTERM, lambda *_: kill(pid))  # the signal comes once for every thread of the parent
    while os.waitpid(-1, 0)[0] != pid:
        pass
    sweep(0, False)
    wipe(setting["folder"])
    os._exit(0)


def main():
    control = socket.socket(fileno=os.dup2(STDIN, CONTROL, False))
    setting = json.loads(control.recv(65536))
    sys.path[:] = [path for path in sys.path if path and path != os.path.dirname(os.path.abspath(__file__))]
    sys.path += [path for path in setting["paths"] if path not in sys.path]
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
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
    if setting["level"] == "bwrap":  # giving up root has undone what bubblewrap had set
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
        del sys.modules[name]  # a program has no use for them
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
