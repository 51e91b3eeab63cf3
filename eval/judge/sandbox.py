"""Cells: isolated processes that run untrusted candidates, or the trusted tests of candidates that are kept apart.

A cell is one isolated fork server (`inside/server.py`). It is started by exec with an empty environment and closed
descriptors, so it inherits nothing of the process that judges. The README in this folder says what runs together.

Levels, best first:
  bwrap     bubblewrap: separate process, network, IPC, host name and mount namespaces; read-only system libraries and
            Python, nothing of the repository but the files of the cell; two small in-memory folders to write to.
            Started as root it runs without a user namespace, and every cell takes a different user id; started by an
            ordinary user it runs in a user namespace. A system call filter, no capabilities, no new privileges,
            resource limits.
  landlock  for machines without bubblewrap, or where it may not make namespaces: the same limits and filter, files
            by Landlock, descendants by a subreaper and a guard. Weaker: a candidate can see whether a host file exists
            and its metadata; files in its folder are limited in size but not in sum; no sockets and no /dev/shm, so
            multiprocessing's locks do not work; and an ordinary user shares the process limit with the cells.
  none      limits, separate processes and, as root, another user id; nothing protects the host. Only on request.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

# The files that a cell needs.
INSIDE = ("compare", "inside/server", "inside/processes", "inside/seccomp", "inside/landlock", "inside/channel",
          "inside/values", "inside/allowed", "inside/plain", "inside/guards", "inside/script", "inside/candidate",
          "inside/tester", "inside/trees", "inside/claims", "inside/attributes")  # fmt: skip
LEVELS = ("bwrap", "landlock", "none")
START_SECONDS = 60.0
PROCESSES = 64
MIB = 1 << 20
FILE_BYTES = 64 * MIB
_HERE = Path(__file__).resolve().parent
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin", "USER": "nobody", "LOGNAME": "nobody", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}  # fmt: skip
_SYSTEM = "/usr /bin /lib /lib32 /lib64 /sbin /etc/ld.so.cache /etc/alternatives /etc/localtime"
_uids = itertools.count()


class CellError(Exception):
    """A cell could not be started, or has died."""


class Report(NamedTuple):
    """How a child ended."""

    status: int  # wait status, -1 where it is not known
    cpu: float  # seconds, those of its children included
    delay: float  # seconds for which others than its own processes kept it waiting, at least
    asked: bool  # ended by us
    dirty: bool  # it left more than can be removed at once: replace the cell


class Cell:
    """One fork server. Make it in the thread that will use it and that lives as long as the cell does."""

    def __init__(self, role: str, level: str, memory_mb: int = 2048, preload: Sequence[str] = ()):
        self.role, self.level = role, level
        self.jobs = 0
        self.folder = "/tmp" if level == "bwrap" else tempfile.mkdtemp(prefix="gift-cell-")
        self.control, server_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.log = open(os.memfd_create("cell-log"), "rb")  # noqa: SIM115 - closed with the cell
        uid = _free_uid() if os.getuid() == 0 else 0
        command, folder = (bwrap_command(), "/cell") if level == "bwrap" else ([], _HERE)
        # Pure Python recursion needs C stack before Python 3.11, and its limit is fixed at exec.
        script = 'ulimit -s unlimited 2>/dev/null || ulimit -s "$(ulimit -H -s)"; ulimit -c 0; '
        # A machine that is out of memory ends candidates first. Only here root can make that final.
        script += '{ echo 1000 > /proc/self/oom_score_adj; } 2>/dev/null; exec "$@"'
        setting = {
            "role": role, "level": level, "preload": list(preload), "uid": uid, "folder": self.folder,
            "paths": library_folders(), "prefixes": prefixes(), "readable": _readable(),
            "memory": (memory_mb if role == "candidate" else max(memory_mb, 2048)) << 20,
            "processes": PROCESSES if level == "bwrap" or uid else _threads_of_user() + PROCESSES,
        }  # fmt: skip
        with server_end:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", script, "sh", *command, sys.executable, "-s", f"{folder}/inside/server.py"],
                stdin=server_end, stdout=self.log, stderr=self.log, start_new_session=True, cwd="/",
                env=_ENVIRONMENT | {"HOME": self.folder, "TMPDIR": self.folder},
            )  # fmt: skip
        try:
            self.control.send(json.dumps(setting).encode())
            self.receive(START_SECONDS)
        except (OSError, CellError) as error:
            text = os.pread(self.log.fileno(), MIB, 0).decode("utf-8", "replace").strip().replace("\n", " | ")[-600:]
            self.close()
            raise CellError(f"a cell did not start: {text or error}") from None

    def fork(self, cpu: tuple[int, int], descriptors: dict[int, int]) -> None:
        """Start one child with soft and hard limits of CPU seconds; `descriptors`: the child's descriptor -> ours.

        CellError if the cell is gone.
        """
        try:
            request = " ".join(map(str, (*cpu, *descriptors)))
            socket.send_fds(self.control, [request.encode()], list(descriptors.values()))
        except OSError as error:
            raise CellError(f"the cell is gone: {error}") from error
        self.jobs += 1

    def end(self, late: bool = False) -> None:
        """Ask the cell to end the child, and, if it is late, to look at all its threads; its report follows."""
        with contextlib.suppress(OSError):
            self.control.send(b"late" if late else b"end")

    def receive(self, seconds: float) -> Report:
        """The next report; CellError if none comes in time or the cell is gone."""
        self.control.settimeout(seconds)
        try:
            data = self.control.recv(65536)
        except OSError as error:
            raise CellError(f"no report: {error}") from error
        if not data:
            raise CellError("the cell has ended")
        status, cpu, delay, asked, dirty = data.decode().split()
        return Report(int(status), float(cpu), float(delay), asked == "1", dirty == "1")

    def close(self) -> None:
        """End the cell and everything in it; returns when nothing is left."""
        self.control.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill() if self.level == "bwrap" else self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
        self.log.close()
        if self.level != "bwrap" and Path(self.folder).exists():
            subprocess.run(["/bin/sh", "-c", 'chmod -R u+rwX "$0" 2>/dev/null; rm -rf "$0"', self.folder], check=False)


def bwrap_command() -> list[str]:
    """The bubblewrap command line up to the program that it runs."""
    help_text = subprocess.run(["bwrap", "--help"], capture_output=True, text=True, env=_ENVIRONMENT).stdout
    size = ["--size", str(FILE_BYTES)] if "--size" in help_text else []
    command = ["bwrap", "--as-pid-1", "--die-with-parent", "--new-session", "--unshare-pid", "--unshare-net",
               "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "cell"]  # fmt: skip
    if os.getuid() == 0:
        # Root would keep all its capabilities inside; leave only what it needs to become another user.
        command += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        command += ["--unshare-user", "--uid", "65534", "--gid", "65534"]
    command += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", *size, "--tmpfs", "/dev/shm",
                "--perms", "1777", *size, "--tmpfs", "/tmp"]  # fmt: skip
    made, bound = {"/", "/tmp", "/dev", "/proc"}, []
    files = {f"/cell/{name}.py": str(_HERE / f"{name}.py") for name in INSIDE}
    for target, source in ({path: path for path in _readable()} | files).items():
        if os.path.islink(target) and target in ("/bin", "/lib", "/lib32", "/lib64", "/sbin"):
            command += ["--symlink", os.readlink(target), target]
            continue
        for parent in reversed(Path(target).parents):
            # Bubblewrap makes the parents of a bind target with mode 0700; make them readable first.
            if str(parent) not in made and not any(parent.is_relative_to(done) for done in bound):
                command += ["--perms", "0755", "--dir", str(parent)]
                made.add(str(parent))
        command += ["--ro-bind", source, target]
        bound.append(target)
    if "/var/tmp" not in made:  # no library lies there
        command += ["--symlink", "/tmp", "/var/tmp"]
    return [*command, "--remount-ro", "/dev", "--remount-ro", "/proc", "--remount-ro", "/", "--chdir", "/tmp", "--"]


def library_folders() -> list[str]:
    """Folders of installed packages that this process imports from."""
    names = ("site-packages", "dist-packages")
    return [path for path in sys.path if Path(path).name in names and Path(path).is_dir()]


def prefixes() -> list[str]:
    """Folders of the interpreter and its environment, by every name that leads to them."""
    folders = [sys.prefix, sys.base_prefix, sys.exec_prefix]
    link = Path(sys.executable)
    while link.is_symlink():
        link = link.parent / link.readlink()
        folders.append(str(link.parent.parent))
    return [path for path in dict.fromkeys([*folders, *map(os.path.realpath, folders)]) if path != "/"]


def _readable() -> list[str]:
    """What a cell may read of the host: system libraries and the Python environment."""
    paths = [path for path in _SYSTEM.split() if Path(path).exists()]
    for path in sorted({*prefixes(), *library_folders()}, key=len):
        if not any(path == other or path.startswith(other + "/") for other in paths):
            paths.append(path)
    return paths


def _free_uid() -> int:
    """A user id that no other cell of this machine has: the kernel counts limits by user."""
    uid = 0x40000000 + os.getpid() % (1 << 22) * 128 + next(_uids) % 128
    first, _, count = map(int, Path("/proc/self/uid_map").read_text().split()[:3])
    return uid if uid < first + count else first + 1000 + uid % max(1, count - 1000)  # few ids in a container


def _threads_of_user() -> int:
    """Threads that this user runs; without a namespace they count against the process limit."""
    count = 0
    for entry in os.scandir("/proc"):
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and entry.stat().st_uid == os.getuid():
                count += len(os.listdir(f"{entry.path}/task"))
    return count


def probe(isolation: str) -> str:
    """The best level that works here, or the requested one; CellError says why there is none."""
    faults = []
    for level in ("bwrap", "landlock") if isolation == "auto" else (isolation,):
        if level == "bwrap" and not shutil.which("bwrap", path=_ENVIRONMENT["PATH"]):
            faults.append("bwrap: bubblewrap is not installed (apt-get install bubblewrap)")
            continue
        try:
            Cell("probe", level).close()
            return level
        except (CellError, OSError) as error:
            faults.append(f"{level}: {error}")
    raise CellError("; ".join(faults))
