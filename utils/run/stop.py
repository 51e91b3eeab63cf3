"""Ending a stage: whatever the cause, with one line and a status that names it, and with nothing left running.

A stop request (SIGINT, SIGTERM, the launcher's death, the loss of another rank) raises `Stopped` in the main thread, so
that every `with` cleans up. A second thread watches: a main thread that is stuck in a kernel, or in an exchange with a
dead rank, is ended after `GRACE` seconds. Ranks tell each other that they are alive, and what they failed on, by the
store of their process group. Torch is not needed before that.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import psutil

from utils.run.files import Failure, InputError

GRACE = 6.0  # seconds from a stop request, or from the end of the work, to the end of the process
MAIN_REPORTS = 15.0  # seconds that another rank gives the main one to report the same bad input
TICK = 1.0  # seconds between two checks of the launcher and the other ranks
SILENCE = 15  # ticks without progress after which a rank counts as lost
T = TypeVar("T")
RESUMES = f"the same command{' without --overwrite' * ('--overwrite' in sys.argv)} resumes where it stopped"


class Stopped(BaseException):
    """A request to end the run: one line that names its source, and the exit status."""

    def __init__(self, line: str, status: int):
        super().__init__(line)
        self.status = status


def watch() -> None:
    """Start watching, before the imports that take seconds: Ctrl-C ends in one line from the start."""
    global _watch
    _watch = _Watch()


def meet(rank: int, world_size: int) -> None:
    """Watch the other ranks too, once the process group exists."""
    if _watch is not None and world_size > 1:
        _watch.others = _Others(rank, world_size)


def early(action: Callable[[], T]) -> T:
    """The result of `action`, run before the imports that take seconds; bad input ends the process as in `run`."""
    try:
        return action()
    except InputError as error:
        _end(2, f"error: {error}")


def run(main: Callable[..., None], *arguments) -> None:
    """Run a stage's `main` and end the process.

    Exit status: 0 done; 1 failed; 2 bad input, one line and no traceback; 130 and 143 stopped by SIGINT and SIGTERM.
    """
    status, line, any_rank = 0, "", False
    try:
        if _watch is not None:
            _watch.running = True
        main(*arguments)
        _part()
    except SystemExit as ending:
        status = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except Stopped as request:
        request = _failed_rank() or request  # a launcher stops all ranks when one has failed
        status, line = request.status, str(request)
    except KeyboardInterrupt:
        status, line = 130, f"stopped; {RESUMES}"
    except (InputError, Failure) as error:
        # Bad input is the same on every rank; a failure is reported by the rank that it happened to.
        any_rank = isinstance(error, Failure)
        status, line = 1 if any_rank else 2, f"error: {error}"
        _publish(status, line)
    except BaseException as error:
        lost = _lost_rank()
        status, line = (lost.status, str(lost)) if lost else (1, "")
        if not lost:
            traceback.print_exc()
            _publish(1, f"error: {type(error).__name__}: {error}")
    _end(status, line, any_rank)


class _Watch:
    """Signal handlers and the watching thread of a process."""

    def __init__(self) -> None:
        self.launcher = _launcher()
        self.others: _Others | None = None
        self.request: Stopped | None = None
        self.running = self.raised = False
        self.status: int | None = None  # set once the process ends by itself
        self.deadline = float("inf")
        self.wake, wake = os.pipe()
        os.set_blocking(wake, False)
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(signum) is not signal.SIG_IGN:  # as nohup and background jobs have it
                signal.signal(signum, self._on_signal)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)  # seen by the thread even while the main thread is busy
        threading.Thread(target=self._loop, name="watch", daemon=True).start()

    def _on_signal(self, signum: int, frame) -> None:
        self._request(_by_signal(signum))
        if self.status is None and not self.running:  # during the imports: nothing to clean up
            _end(self.request.status, str(self.request))
        if self.status is None and not self.raised:
            self.raised = True
            raise self.request

    def _request(self, request: Stopped) -> None:
        if self.request is None:  # the first request counts: a launcher sends SIGTERM after a Ctrl-C
            self.request = request
            self.deadline = time.monotonic() + GRACE

    def _loop(self) -> None:
        while True:
            ready, _, _ = select.select([self.wake], [], [], TICK)
            for signum in os.read(self.wake, 64) if ready else b"":
                if signal.getsignal(signum) == self._on_signal:
                    self._request(_by_signal(signum))
            if self.request is None and self.status is None:
                self._check_others()
            if time.monotonic() > self.deadline:
                if self.status is None:
                    self.request = _failed_rank() or self.request
                    _write_line(str(self.request))
                os._exit(self.request.status if self.status is None else self.status)

    def _check_others(self) -> None:
        lost = None
        if self.launcher and _launcher() != self.launcher:
            lost = Stopped(f"stopped: the launcher is gone; {RESUMES}", 143)
        elif self.others is not None:
            lost = self.others.lost()
        if lost is not None:
            self._request(lost)
            os.kill(os.getpid(), signal.SIGTERM)  # the handler raises the first request


class _Others:
    """The other ranks of a run, by the store of the process group: which are alive, which failed first and on what.

    Every rank counts up its own key and the main rank checks that all counts move; the others notice the main rank's
    end because the store ends with it. Counting ticks instead of seconds lets a run be suspended as a whole.
    """

    def __init__(self, rank: int, world_size: int) -> None:
        from torch.distributed import TCPStore

        # A second connection: the main thread may hold the group's for hours.
        host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        wait = timedelta(seconds=SILENCE * TICK)
        self.store = TCPStore(host, port, is_master=False, wait_for_workers=False, timeout=wait)
        self.rank, self.world_size = rank, world_size
        self.seen = dict.fromkeys(range(world_size), (0, 0))  # rank -> its count, ticks since it moved
        self.lock = threading.Lock()

    def lost(self) -> Stopped | None:
        """The reason why this rank must end too: another one failed or is gone. Else None."""
        with self.lock:
            try:
                self.store.add(f"gift/alive/{self.rank}", 1)
                silent = [rank for rank in self.seen if self.rank == 0 < rank and self._silent(rank)]
            except RuntimeError:
                return Stopped(f"stopped: the main rank is gone; {RESUMES}", 1)
        gone = Stopped(f"error: rank {silent[0]} is gone; {RESUMES}", 1) if silent else None
        return self.failed() or gone

    def _silent(self, rank: int) -> bool:
        count, ticks = self.seen[rank]
        now = self.store.add(f"gift/alive/{rank}", 0)
        self.seen[rank] = (now, 0 if now != count else ticks + 1)
        return self.seen[rank][1] > SILENCE

    def failed(self) -> Stopped | None:
        """What another rank failed on, or None."""
        with self.lock, contextlib.suppress(RuntimeError):
            if self.store.check(["gift/failed"]):
                rank, status, line = self.store.get("gift/failed").decode().split(" ", 2)
                if int(rank) != self.rank:
                    return Stopped(line.replace("error:", f"error: rank {rank}:", 1), int(status))
        return None

    def publish(self, status: int, line: str) -> None:
        """Tell the others what this rank failed on; the first failure counts."""
        with self.lock, contextlib.suppress(RuntimeError):
            self.store.compare_set("gift/failed", "", f"{self.rank} {status} {line}")

    def part(self) -> None:
        """Leave together, the main rank last: the store ends with it."""
        with self.lock, contextlib.suppress(RuntimeError):
            left = self.store.add("gift/left", 1)
            until = time.monotonic() + GRACE / 2
            while self.rank == 0 and left < self.world_size and time.monotonic() < until:
                time.sleep(0.01)
                left = self.store.add("gift/left", 0)


_watch: _Watch | None = None


def _launcher() -> tuple[int, int] | None:
    """The process that started this rank and that one's parent, which for `deepspeed` is the user's command."""
    if "LOCAL_RANK" not in os.environ:  # started by a shell, which may end first
        return None
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(os.getppid())
        of_deepspeed = "deepspeed.launcher.launch" in parent.cmdline()
        return parent.pid, parent.ppid() if of_deepspeed else 0
    return os.getppid(), 0


def _by_signal(signum: int) -> Stopped:
    return Stopped(f"stopped by {signal.Signals(signum).name}; {RESUMES}", 128 + signum)


def _part() -> None:
    """Wait until all ranks have done their work, then leave the process group."""
    if "torch" not in sys.modules:
        return
    import torch.distributed as dist

    if dist.is_initialized():
        if dist.get_world_size() > 1:
            dist.barrier()
            if _watch is not None and _watch.others is not None:
                _watch.status, _watch.deadline = 0, time.monotonic() + GRACE
                _watch.others.part()
        dist.destroy_process_group()


def _publish(status: int, line: str) -> None:
    if _watch is not None and _watch.others is not None:
        _watch.others.publish(status, line)


def _failed_rank() -> Stopped | None:
    return _watch.others.failed() if _watch is not None and _watch.others is not None else None


def _lost_rank() -> Stopped | None:
    """The other rank whose end made an exchange fail here, or None where no other rank did."""
    if _watch is None or _watch.others is None:
        return None
    until = time.monotonic() + 3 * TICK
    while time.monotonic() < until:
        if lost := _watch.others.lost():
            return lost
        time.sleep(TICK / 10)
    return None


def _end(status: int, line: str = "", any_rank: bool = False) -> None:
    """Print the reason and end the process.

    Watched processes end at once, after Python's own exit functions: threads of the communication libraries that still
    run while the interpreter shuts down sometimes abort it ("terminate called without an active exception"), with all
    work done and the status of a failure.
    """
    if _watch is None:
        if line:
            _write_line(line, any_rank)
        sys.exit(status)
    _watch.status, _watch.deadline = status, time.monotonic() + GRACE
    if status > 128 and "LOCAL_RANK" in os.environ:
        time.sleep(0.3)  # the launcher prints its own traceback; the helpful line comes last
    if status == 2 and not _is_main():
        _wait_for_main()
    if line:
        _write_line(line, any_rank)
    with contextlib.suppress(Exception):
        atexit._run_exitfuncs()
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def _is_main() -> bool:
    return int(os.environ.get("RANK", 0)) == 0


def _wait_for_main() -> None:
    """Let the main rank report the bad input: the launcher stops it as soon as another rank has ended."""
    until = time.monotonic() + MAIN_REPORTS
    _watch.deadline = until + GRACE
    while _watch.request is None and time.monotonic() < until:
        time.sleep(0.05)


def _write_line(line: str, any_rank: bool = False) -> None:
    if any_rank or _is_main():
        bars = getattr(sys.modules.get("tqdm.std"), "tqdm", None)
        start = "\n" if getattr(bars, "_instances", None) else ""  # an unfinished progress bar keeps its line
        os.write(2, f"{start}{line}\n".encode(errors="backslashreplace"))
