"""Isolation, and that nothing of a run is left behind whatever ends it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from eval.judge import Judge, JudgeFailure, JudgeOptions
from eval.judge.inside import seccomp
from eval.judge.sandbox import CellError, probe
from eval.judge.supervise import Attempt, Outcome
from eval.judge.verdict import Verdict
from eval.judge.worker import Turns

ROOT = Path(__file__).resolve().parents[2]
GOOD = ("def f(n):\n    return 2 * n\n", {"style": "asserts", "setup": "", "asserts": ["assert f(2) == 4"]})


def available() -> list[str]:
    """Isolation levels that this machine has."""
    levels = []
    for level in ("bwrap", "landlock"):
        with contextlib.suppress(CellError):
            levels.append(probe(level))
    return levels


LEVELS = available()


def cells_of(*pids: int) -> set[int]:
    """Processes below these ones that belong to cells."""
    parents = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
    below, fresh = set(), set(pids)
    while fresh:
        fresh = {pid for pid, parent in parents.items() if parent in fresh}
        below |= fresh
    return below


def left_over(pids: set[int], seconds: float = 5.0) -> set[int]:
    """Those of `pids` that are still there after a while."""
    deadline = time.monotonic() + seconds
    while (alive := {pid for pid in pids if Path(f"/proc/{pid}").exists()}) and time.monotonic() < deadline:
        time.sleep(0.05)
    return alive


@pytest.fixture
def temporary(monkeypatch):
    """A folder for temporary files where no other judge comes and goes, and which cells of other users may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def cell_folders(temporary: Path) -> list[Path]:
    """Folders of cells."""
    return list(temporary.glob("gift-cell-*"))


def segments() -> set[str]:
    """Keys and ids of System V shared memory."""
    return {" ".join(line.split()[:2]) for line in Path("/proc/sysvipc/shm").read_text().splitlines()}


@pytest.mark.skipif(not LEVELS, reason="no isolation on this machine")
@pytest.mark.parametrize("level", LEVELS)
def test_what_a_candidate_sees(level, monkeypatch):
    monkeypatch.setenv("GIFT_TEST_SECRET", "1")
    code = """
import ctypes, glob, os, socket
def identity():
    return [os.getuid(), os.geteuid(), os.getgid()]
def environment():
    return sorted(os.environ)
def files(paths):
    seen = []
    for path in paths:
        try:
            os.listdir(path) if os.path.isdir(path) else open(path).close()
            seen.append(path)
        except OSError:
            pass
    return seen
def writable(paths):
    seen = []
    for path in paths:
        try:
            open(os.path.join(path, 'x'), 'w').close()
            seen.append(path)
        except OSError:
            pass
    return seen
def network():
    try:
        socket.socket(socket.AF_INET).close()
        return True
    except OSError:
        return False
def descriptors():
    found = []
    for number in range(3, 1024):
        try:
            os.fstat(number)
            found.append(number)
        except OSError:
            pass
    return found
def capabilities():
    libc = ctypes.CDLL(None)
    return [libc.prctl(39, 0, 0, 0, 0), libc.unshare(0x10000000), libc.ptrace(16, os.getppid(), 0, 0)]
def signal_parent():
    try:
        os.kill(os.getppid(), 9)
    except OSError:
        pass
    return 1
"""
    script = f"""
uid, euid, gid = identity()
assert 0 not in (uid, euid, gid)
assert not [name for name in environment() if 'SECRET' in name or 'GIFT' in name], environment()
assert files(['/etc/shadow', '/etc/passwd', '/root/.bashrc', {__file__!r}, '/sys', '/home']) == []
assert files(['/usr/lib']) == ['/usr/lib']
assert writable(['/', '/etc', '/usr', '/dev', '/var', '/cell', {sys.prefix!r}, {str(ROOT)!r}]) == []
assert not network()
assert descriptors() == [3], descriptors()
assert capabilities() == [1, -1, -1]
assert signal_parent() == 1
"""
    with Judge(JudgeOptions(workers=1, isolation=level)) as judge:
        assert judge.level == level
        judgement = judge.submit(code, {"style": "asserts", "setup": "", "asserts": [script]}).result(60)
        assert judgement.verdict is Verdict.PASS, judgement
        assert judge.submit(*GOOD).result(60).passed


HEADERS = ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm-generic/unistd.h")  # by column
LATER = {"fchmodat2", "setxattrat", "removexattrat"}  # than the headers of older kernels


@pytest.mark.parametrize("column, header", list(enumerate(HEADERS)))
def test_system_calls_have_the_numbers_of_the_kernel_headers(column, header):
    if not Path(header).exists():
        pytest.skip(f"{header} is not installed (linux-libc-dev)")
    text = Path(header).read_text().replace("\\\n", " ")
    numbers = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}
    tables = seccomp.DENIED | seccomp.CHECKED | seccomp.BY_PROCESS | seccomp.SIGNALS | seccomp.SIGNAL_BY_DESCRIPTOR
    tables = tables | seccomp.METADATA | seccomp.TRUNCATION
    for name, row in tables.items():
        assert row[column] == numbers.get(name) or name in LATER - numbers.keys(), name


SIGNALLING = """
import fcntl, os, signal, socket, struct, sys
from eval.judge.inside import seccomp

victim, way = int(sys.argv[1]), sys.argv[2]
receiving, sending = os.pipe()
ours, theirs = socket.socketpair()
handle = os.pidfd_open(victim)
os.dup2(handle, 0)
if sys.argv[3] == "filtered":
    seccomp.install_filter(seccomp.seccomp_filter(False, True))
owner = {"fcntl": receiving, "ioctl": ours.fileno()}
try:
    if way == "kill":
        os.kill(victim, signal.SIGKILL)
    elif way == "pidfd":
        signal.pidfd_send_signal(0, signal.SIGKILL)
    else:
        if way == "fcntl":
            fcntl.fcntl(owner[way], fcntl.F_SETOWN, victim)
        else:
            fcntl.ioctl(owner[way], seccomp.FIOSETOWN, struct.pack("i", victim))
        fcntl.fcntl(owner[way], seccomp.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(owner[way], fcntl.F_SETFL, fcntl.fcntl(owner[way], fcntl.F_GETFL) | os.O_ASYNC)
        os.write(sending, b"x") if way == "fcntl" else theirs.send(b"x")
except PermissionError:
    sys.exit(13)
"""


@pytest.mark.parametrize("way", ["kill", "pidfd", "fcntl", "ioctl"])
def test_without_landlock_for_signals_the_filter_keeps_them_from_other_processes(way):
    """Each way kills another process of the same user where there is no filter, and is refused where there is one."""
    for filtered, status, survives in (("filtered", 13, True), ("free", 0, False)):
        victim = subprocess.Popen(["sleep", "60"])
        try:
            command = [sys.executable, "-c", SIGNALLING, str(victim.pid), way, filtered]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == status, done.stderr
            with contextlib.suppress(subprocess.TimeoutExpired):
                victim.wait(0.3 if survives else 10)
            assert (victim.returncode is None) == survives
        finally:
            victim.kill()
            victim.wait()


SLOWING = """
import os, sys
from eval.judge.inside import seccomp

victim, way = int(sys.argv[1]), sys.argv[2]
if os.getuid() == 0:
    os.setuid(int(sys.argv[4]))
os.setsid()  # as candidates do
seccomp.libc.prctl(38, 1, 0, 0, 0)  # no new privileges, as an ordinary user's filter needs
if sys.argv[3] == "filtered":
    seccomp.install_filter(seccomp.seccomp_filter(way == "namespaces", False))
os.setpriority(os.PRIO_PROCESS, 0, 1)
whom = {"process": (os.PRIO_PROCESS, victim), "group": (os.PRIO_PGRP, victim)}.get(way, (os.PRIO_USER, 0))
try:
    os.setpriority(*whom, 19)
except PermissionError:
    sys.exit(13)
"""


@pytest.mark.parametrize("way", ["process", "group", "user", "namespaces"])
def test_a_candidate_slows_down_no_process_but_itself(way):
    """Each way slows down another process of the user where there is no filter, and is refused where there is one."""
    if way in ("user", "namespaces") and os.getuid() != 0:
        pytest.skip("needs a user id without other processes: needs root")
    user = 54321 if os.getuid() == 0 else os.getuid()
    for filtered, status, niceness in (("filtered", 13, 0), ("free", 0, 19)):
        with subprocess.Popen(["sleep", "60"], user=user, start_new_session=True) as victim:
            try:
                before = os.getpriority(os.PRIO_PROCESS, victim.pid)
                command = [sys.executable, "-c", SLOWING, str(victim.pid), way, filtered, str(user)]
                done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
                assert done.returncode == status, done.stderr
                assert os.getpriority(os.PRIO_PROCESS, victim.pid) == (niceness or before)
            finally:
                victim.kill()


TRUNCATING = """
import os, struct, sys
from eval.judge.inside import landlock, seccomp

readable, writable, way = sys.argv[1:4]
path = os.path.join(readable, "library.py")
landlock.landlock_version = lambda: 2  # without a right to truncate
rules = landlock.landlock_rules(["/usr", readable], [writable])
seccomp.libc.prctl(38, 1, 0, 0, 0)  # no new privileges
if sys.argv[4] == "filtered":
    seccomp.install_filter(seccomp.seccomp_filter(False, False, True))
assert landlock.restrict_files(rules)
with open(os.path.join(writable, "result"), "w") as file:
    file.write("3")
    file.truncate(0)
assert open(path).read()
flags = {"readonly": os.O_RDONLY, "neither": 3, "open": os.O_RDONLY, "openat2": os.O_RDONLY}.get(way, 0) | os.O_TRUNC
if way == "truncate":
    done = seccomp.libc.truncate(path.encode(), 0)
elif way in ("readonly", "neither"):
    done = seccomp.libc.open(path.encode(), flags)
elif way == "open":
    done = seccomp.libc.syscall(2, path.encode(), flags)
else:
    done = seccomp.libc.syscall(437, -100, path.encode(), struct.pack("QQQ", flags, 0, 0), 24)
sys.exit(13 if done < 0 else 0)
"""


@pytest.mark.parametrize("way", ["truncate", "readonly", "neither", "open", "openat2"])
def test_without_landlock_for_truncation_the_filter_keeps_files_that_are_not_open_for_writing(way, tmp_path):
    """Each way empties a file that may only be read where there is no filter, and is refused where there is one."""
    if "landlock" not in LEVELS:
        pytest.skip("this kernel has no Landlock")
    if way == "open" and os.uname().machine != "x86_64":
        pytest.skip("this architecture has openat alone")
    for name in ("packages", "own"):
        (tmp_path / name).mkdir()
    for filtered, status, kept in (("filtered", 13, "x = 1\n"), ("free", 0, "")):
        (tmp_path / "packages/library.py").write_text("x = 1\n")
        command = [sys.executable, "-c", TRUNCATING, str(tmp_path / "packages"), str(tmp_path / "own"), way, filtered]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == status, done.stderr
        assert (tmp_path / "packages/library.py").read_text() == kept


MEMORY = """
import ctypes, os, struct
libc = ctypes.CDLL(None, use_errno=True)
def refused(way):
    if way == 'file':
        return libc.memfd_create(b'x', 0) < 0 and ctypes.get_errno()
    if way == 'secret file':
        return libc.syscall(447, 0) < 0 and ctypes.get_errno()
    page = ctypes.create_string_buffer(4096)
    return libc.vmsplice(os.pipe()[1], struct.pack('PN', ctypes.addressof(page), 4096), 1, 0) < 0 and ctypes.get_errno()
def callback():
    return ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda n: n + 1)(3)
def spared():
    try:
        with open('/proc/self/oom_score_adj', 'w') as file:
            file.write('0')
    except OSError:
        return False
    return True
"""


@pytest.mark.parametrize("level", [*LEVELS, "none"])
def test_memory_that_a_process_holds_without_mapping_it_is_refused(level):
    """No limit of the process counts it. libffi may make a callback in such memory, but can do without."""
    ways = {"file": 1, "secret file": 1, "pipe": 1} if level != "none" else {"file": False, "pipe": False}
    script = f"assert callback() == 4\nassert {{way: refused(way) for way in {[*ways]}}} == {ways}"
    with Judge(JudgeOptions(workers=1, isolation=level)) as judge:
        judgement = judge.submit(MEMORY, {"style": "asserts", "setup": "", "asserts": [script]}).result(60)
    assert judgement.verdict is Verdict.PASS, judgement


@pytest.mark.parametrize("level", LEVELS)
def test_a_machine_that_is_out_of_memory_ends_candidates_first(level):
    others = cells_of(os.getpid())
    with Judge(JudgeOptions(workers=1, isolation=level)) as judge:
        scores = {Path(f"/proc/{pid}/oom_score_adj").read_text() for pid in cells_of(os.getpid()) - others}
        script = "assert spared() is False"
        judgement = judge.submit(MEMORY, {"style": "asserts", "setup": "", "asserts": [script]}).result(60)
    assert scores == {"1000\n"} and judgement.verdict is Verdict.PASS, judgement


STALLING = """
import json, os, time
class Yes:
    def __bool__(self):
        return True
def frame(message):
    text = json.dumps(message).encode()
    return len(text).to_bytes(4, 'big') + text
def f(n):
    end = time.monotonic() + 15
    index = 1
    while __name__ != 'solution' and time.monotonic() < end:  # in one process with the test
        STALL
        index += 1
        time.sleep(0.1)
    return Yes()
"""
STALLS = {
    "starts": "os.write(3, frame(['start', index]))",
    "slow start": "os.write(3, frame(['start', 1])[index - 1 : index])",
    "slow frame": "os.write(3, bytes(2) + bytes([1, 0]) if index == 1 else b'x')",
    "empty frames": "os.write(3, bytes([128, 0, 0, 0]) * 10000)",
    "no frame": "os.write(3, b'x') if index == 1 else None",
}


@pytest.mark.parametrize("stall", STALLS)
def test_a_program_that_writes_to_its_channel_does_not_move_its_deadline(stall):
    test = {"style": "asserts", "setup": "", "asserts": ["assert f(2)"]}
    with Judge(JudgeOptions(workers=1, timeout=1.0, allow_weak=True)) as judge:
        start = time.monotonic()
        judgement = judge.submit(STALLING.replace("STALL", STALLS[stall]), test).result(60)
        assert not judgement.passed and time.monotonic() - start < 10
        assert judge.submit(*GOOD).result(60).passed


SPINNING = """
import os, threading, time
def spin():
    while True:
        pass
def f(way):
    if way == 'main':
        spin()
    if way == 'thread':
        thread = threading.Thread(target=spin, daemon=True)
        thread.start()
        thread.join()
    elif way == 'child':
        pid = os.fork() or spin()
        os.waitpid(pid, 0)
    for _ in range(24):
        os.fork() or spin()
    spin()
"""


@pytest.fixture
def one_core():
    """A core that all processes of a test share."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    yield
    os.sched_setaffinity(0, cores)


def attempts_at(way, monkeypatch) -> list[tuple[float, Outcome, float]]:
    """Attempts at one way to spin for ever, with a limit of 2 s: the stretch, outcome and seconds of each."""
    real, attempts = Attempt.run, []

    def run(self):
        start = time.monotonic()
        outcome = real(self)
        if not self.job.expected:
            attempts.append((self.stretch, outcome, time.monotonic() - start))
        return outcome

    monkeypatch.setattr(Attempt, "run", run)
    with Judge(JudgeOptions(workers=1, timeout=2.0)) as judge:
        judge.submit(SPINNING, {"style": "asserts", "setup": "", "asserts": [f"f({way!r})\nassert True"]}).result(60)
    assert attempts[0][1].verdict is Verdict.TIMEOUT
    return attempts


def test_a_candidate_is_not_late_where_its_own_processes_keep_it_waiting(one_core, monkeypatch):
    _, outcome, seconds = attempts_at("children", monkeypatch)[0]
    assert outcome.delay + outcome.seconds < seconds + 0.2


@pytest.mark.parametrize("way", ["main", "thread", "child"])
def test_a_candidate_is_late_where_other_processes_keep_any_of_its_threads_waiting(way, one_core, monkeypatch):
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3)]
    try:
        attempts = attempts_at(way, monkeypatch)
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert attempts[0][1].delay > 0.4 and [stretch > 1 for stretch, *_ in attempts] == [False, True]


def test_candidates_that_run_alone_do_not_keep_the_others_waiting_for_long(monkeypatch):
    monkeypatch.setattr("eval.judge.worker.ALONE_SECONDS", 0.5)
    turns, begun = Turns(), []

    def judge_others():
        for _ in range(2):
            with turns.turn(alone=False):
                begun.append(time.monotonic() - start)

    start = time.monotonic()
    others = threading.Thread(target=judge_others)
    with turns.turn(alone=True):
        others.start()
        others.join(1.5)
    others.join(10)
    assert len(begun) == 2 and 0.4 < begun[0] < 1.4 and begun[1] < 1.5
    with turns.turn(alone=True), turns.turn(alone=False):  # nothing is left of their share
        assert time.monotonic() - start < 5


ORDINARY = """
import json, sys
from eval.judge import Judge, JudgeOptions

test = {"style": "asserts", "setup": "", "asserts": ["assert f() == 4"]}
with Judge(JudgeOptions(workers=1, isolation="bwrap")) as judge:
    for judgement in judge.judge((code, test) for code in json.load(sys.stdin)):
        print(judgement.verdict.value, judgement.detail)
"""
FOLDERS_AS_NEW = """
import os, time
def f():
    for folder in ('/tmp', '/dev/shm'):
        assert os.stat(folder).st_mode & 0o7777 == 0o1777 and not os.listxattr(folder), folder
        assert abs(os.stat(folder).st_mtime - time.time()) < 60, folder
        with open(folder + '/x', 'w') as file:
            assert os.stat(file.fileno()).st_mode & 0o777 == 0o644
        open(folder + '/x').close()
    return 4
"""


@pytest.mark.parametrize(
    "change",
    ["os.chmod(folder, 0o555)", "os.chmod(folder, 0)", "os.utime(folder, (1, 1))",
     "open(folder + '/x', 'w').close(), os.chmod(folder, 0o555)",
     # An access control list by which all new files are closed to their owner: (tag, permissions, id) three times.
     "os.setxattr(folder, 'system.posix_acl_default',"
     " struct.pack('<I' + 3 * 'HHI', 2, 1, 0, 2**32 - 1, 4, 0, 2**32 - 1, 32, 0, 2**32 - 1))"],
)  # fmt: skip
def test_folders_that_a_candidate_owns_are_as_new_for_the_next(change):
    """Candidates own them if bubblewrap makes a user namespace, as for ordinary users."""
    ordinary = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.getuid() == 0 else []
    if subprocess.run([*ordinary, "bwrap", "--unshare-user", "--ro-bind", "/", "/", "true"], check=False).returncode:
        pytest.skip("no user namespaces here")
    changing = f"import os, struct\ndef f():\n    for folder in ('/tmp', '/dev/shm'):\n        {change}\n    return 4\n"
    done = subprocess.run([*ordinary, sys.executable, "-c", ORDINARY], cwd=ROOT, capture_output=True, text=True,
                          input=json.dumps([changing, FOLDERS_AS_NEW]))  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["PASS", "PASS"], done.stdout


@pytest.mark.parametrize("parent", ["/var/tmp", "/tmp"])
@pytest.mark.parametrize("level", LEVELS)
def test_packages_may_lie_in_a_temporary_folder(level, parent, monkeypatch):
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        packages = Path(folder, "site-packages")
        packages.mkdir()
        Path(folder).chmod(0o755)
        (packages / "numbered.py").write_text("NUMBER = 7\n")
        monkeypatch.setattr(sys, "path", [*sys.path, str(packages)])
        code = "import numbered, tempfile\ndef f():\n    tempfile.mkdtemp()\n    return numbered.NUMBER\n"
        test = {"style": "asserts", "setup": "", "asserts": ["assert f() == 7"]}
        with Judge(JudgeOptions(workers=1, isolation=level)) as judge:
            judgement = judge.submit(code, test).result(60)
    assert judgement.verdict is Verdict.PASS, judgement


@pytest.mark.parametrize("level", LEVELS)
def test_everything_is_gone_after_the_end(level, temporary):
    before = segments(), cells_of(os.getpid()), len(os.listdir("/proc/self/fd"))
    code = (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n"
        "    if os.fork() == 0:\n        time.sleep(60)\n    os._exit(0)\n"
    )
    with Judge(JudgeOptions(workers=2, isolation=level)) as judge:
        running = cells_of(os.getpid()) - before[1]
        assert running and bool(cell_folders(temporary)) == (level == "landlock")
        assert all(judge.submit(code + GOOD[0], GOOD[1]).result(60).passed for _ in range(3))
    assert left_over(running) == set()
    assert not cell_folders(temporary) and not segments() - before[0]
    assert cells_of(os.getpid()) == before[1] and len(os.listdir("/proc/self/fd")) == before[2]


def test_memory_and_descriptors_stay_flat():
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    with Judge(JudgeOptions(workers=2)) as judge:
        assert all(judgement.passed for judgement in judge.judge([GOOD] * 200))
        memory, files = resident(), len(os.listdir("/proc/self/fd"))
        assert all(judgement.passed for judgement in judge.judge(GOOD for _ in range(700)))
        assert len(os.listdir("/proc/self/fd")) == files
        assert resident() - memory < 4 << 20


RUN = """
import sys
from eval.judge import Judge, JudgeOptions
good = {good!r}
with Judge(JudgeOptions(workers=2, isolation={level!r})) as judge:
    for number, judgement in enumerate(judge.judge(good for _ in range(100000))):
        assert judgement.passed, judgement
        if number == 20:
            print("running", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("level", LEVELS)
def test_everything_is_gone_after_a_signal(level, number, temporary):
    before = segments()
    with subprocess.Popen([sys.executable, "-c", RUN.format(good=GOOD, level=level)], cwd=ROOT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:  # fmt: skip
        assert process.stdout.readline() == "running\n"
        cells = cells_of(process.pid)
        process.send_signal(number)
        try:
            process.wait(20)
        finally:
            process.kill()
    assert cells and left_over(cells) == set()
    deadline = time.monotonic() + 5
    while cell_folders(temporary) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not cell_folders(temporary) and not segments() - before


@pytest.mark.parametrize("level", LEVELS)
def test_a_killed_cell_changes_no_verdict(level, temporary):
    killed = 0
    others = cells_of(os.getpid())  # processes that other tests share
    for _ in range(4):
        with Judge(JudgeOptions(workers=2, isolation=level)) as judge:
            alive = cells_of(os.getpid()) - others
            for number, judgement in enumerate(judge.judge(GOOD for _ in range(60))):
                assert judgement.passed, judgement
                # One of the processes that were there at the start: bubblewrap, guards, servers.
                while number == 24 and alive and killed < 4:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(alive.pop(), signal.SIGKILL)
                        killed += 1
                        break
            running = cells_of(os.getpid()) - others
        assert left_over(running) == set()
    assert killed == 4
    assert not cell_folders(temporary)


def test_no_isolation_has_to_be_asked_for(monkeypatch):
    monkeypatch.setattr("eval.judge.pool.probe", lambda isolation: (_ for _ in ()).throw(CellError("nothing here")))
    with pytest.raises(JudgeFailure, match="nothing here"):
        Judge(JudgeOptions())


def test_without_bubblewrap_the_next_level_is_taken(monkeypatch):
    if "landlock" not in LEVELS:
        pytest.skip("this kernel has no Landlock")
    monkeypatch.setattr("eval.judge.sandbox.shutil.which", lambda *_, **__: None)
    assert probe("auto") == "landlock"
    with pytest.raises(CellError, match="apt-get install"):
        probe("bwrap")


def test_level_none_still_limits_and_cleans_up(temporary):
    with Judge(JudgeOptions(workers=1, isolation="none", timeout=1.0)) as judge:
        assert judge.submit(*GOOD).result(30).passed
        sleeper = judge.submit("import time\ntime.sleep(9)\n" + GOOD[0], GOOD[1]).result(30)
        root = judge.submit("import os\ndef f(n):\n    return os.getuid() and 4\n", GOOD[1]).result(30)
        assert cell_folders(temporary)
    assert sleeper.verdict is Verdict.TIMEOUT and root.passed
    assert not cell_folders(temporary)


def test_rows_of_any_size_do_not_disturb_the_others():
    big = {"style": "io", "fn_name": "f", "inputs": [["x" * (5 << 20)]], "outputs": [5 << 20], "stdin": False}
    stream = {"style": "io", "fn_name": None, "inputs": ["x" * (5 << 20)], "outputs": ["x" * (5 << 20)], "stdin": True}
    deep = json.loads("[" * 400 + "]" * 400)
    rows = [("def f(s):\n    return len(s)\n", big), ("print(input())", stream), GOOD,
            ("def f(x):\n    return x\n",
             {"style": "io", "fn_name": "f", "inputs": [[deep]], "outputs": [deep], "stdin": False}),
            ("def f(n):\n    return 'y' * (80 << 20)\n", GOOD[1]), GOOD]  # fmt: skip
    with Judge(JudgeOptions(workers=2)) as judge:
        verdicts = [judgement.verdict for judgement in judge.judge(rows)]
    assert [*verdicts[:4], verdicts[5]] == [Verdict.PASS] * 5
    assert verdicts[4] is Verdict.WRONG  # more than a frame is several
