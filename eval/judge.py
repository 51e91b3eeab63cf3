"""Judge many candidate programs: `python -m eval.judge --input candidates.jsonl --output verdicts.jsonl`.

Input rows `{"id", "code", "test"}` (other keys are ignored), output rows in the same order `{"id", "passed", "verdict",
"detail", "seconds"}`; `seconds` is CPU time of the candidate.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import itertools
import json
import math
import os
import queue
import re
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, fields
from pathlib import Path

from eval import compare as comparison
from eval import wire
from eval.problem import fault_in_test
from eval.sandbox import LEVELS, Cell, CellError, Report, probe
from eval.verdict import Judgement, Verdict
from utils.io import Failure, InputError, run, write_text

MIB = 1 << 20
PROGRAM_BYTES = MIB
KEPT_OUTPUT, MOST_OUTPUT = MIB, 16 * MIB
READY_SECONDS = 30.0
TRIES = 3  # on fresh cells, for what failed before the candidate was ready
INFRA_IN_A_ROW = 5
CHECK_EVERY = 1000
CELL_JOBS = 2000  # then a cell is replaced
WINDOW, WINDOW_BYTES = 1024, 64 * MIB  # candidates in flight in `Judge.judge`


# What a pair of cells has imported. A larger process takes longer to fork, so programs get the smallest that serves.
_PROGRAM = "bisect dataclasses enum fractions heapq inspect random textwrap traceback"
_USUAL = f"{_PROGRAM} asyncio calendar hashlib multiprocessing queue secrets subprocess tempfile threading uuid numpy"
TIERS = {"plain": "", "program": _PROGRAM, "numpy": _USUAL, "pandas": f"{_USUAL} pandas"}
_TIER_WORDS = {"pandas": ("pandas", "pd"), "numpy": ("numpy", "np", "scipy", "sklearn")}


class JudgeFailure(Failure):
    """The judge itself cannot go on: no cells, five INFRA in a row, or a self-check that came out wrong."""


@dataclass(frozen=True)
class JudgeOptions:
    """How to judge."""

    workers: int | None = None  # pairs of cells; None: as many as cores this process may use
    timeout: float = 5.0  # seconds of wall clock, and of CPU, for each script, call-style program or input case
    memory_mb: int = 2048  # MiB of address space, Python and numpy included
    compare: str = "apps"  # "apps", "strict" or "published", see eval/compare.py
    isolation: str = "auto"  # "auto", "bwrap", "landlock" or "none", see eval/sandbox.py
    allow_weak: bool = False  # let WEAK pass
    total_timeout: float = 0.0  # seconds of wall clock for all scripts or input cases of a candidate; 0: no limit
    gold_time_factor: float = 4.0  # a test's limit is at least so many times its `gold_seconds`; 0: `timeout` alone

    def limit_of(self, test: dict) -> float:
        """Seconds for each script or input case of a test."""
        return max(self.timeout, self.gold_time_factor * test.get("gold_seconds", 0.0))


@dataclass(eq=False)
class _Job:
    code: str
    test: dict
    timeout: float
    packed: object = None  # the test in the form of the channel, which holds integers of any size
    future: Future = field(default_factory=Future)
    expected: Verdict | None = None  # of a self-check
    end: float | None = None  # when the time for all tests is over, once the candidate runs


_PLUS = {"style": "asserts", "setup": "", "asserts": ["assert plus(2, 3) == 5\nassert plus(-1, 1) == 0\n"]}
SELF_CHECK = (
    ("def plus(a, b):\n    return a + b\n", 10.0, Verdict.PASS),
    ("def plus(a, b):\n    return a - b\n", 10.0, Verdict.WRONG),
    ("import os\nos._exit(0)\n", 10.0, Verdict.ERROR),
    ("import time\ntime.sleep(1000)\n", 0.3, Verdict.TIMEOUT),
)


class _Stopped(Exception):
    pass


@dataclass
class _End:
    """How one child ended."""

    verdict: Verdict
    detail: str = ""
    seconds: float = 0.0
    delay: float = 0.0  # seconds for which the machine kept it waiting
    slowest: float = 0.0  # seconds of wall clock for its slowest script or input case, less the delay


class _Turns:
    """Ordinary candidates run beside each other; one that is judged again runs alone."""

    def __init__(self):
        self.change = threading.Condition()
        self.running, self.alone = 0, 0

    @contextlib.contextmanager
    def turn(self, alone):
        with self.change:
            self.alone += alone
            self.change.wait_for(lambda: not (self.running if alone else self.alone))
            self.running += 1
        try:
            yield
        finally:
            with self.change:
                self.running -= 1
                self.alone -= alone
                self.change.notify_all()


class Judge:
    """A pool of worker threads, each with warm cells of its own. Use it as a context manager, or call `close`."""

    def __init__(self, options: JudgeOptions = JudgeOptions()):
        """Start the cells; JudgeFailure where none can be started."""
        self.options = options
        self.failure: JudgeFailure | None = None
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._turns = _Turns()
        self._lock = threading.Lock()
        self._submitted = self._infra_in_a_row = 0
        self._pending: set[_Job] = set()
        try:
            self.level = probe(options.isolation)
        except CellError as error:
            raise JudgeFailure(f"no isolation: {error}") from None
        self._stop_read, self._stop_write = os.pipe()
        self._closed = False
        cores = sorted(os.sched_getaffinity(0))
        count = options.workers or len(cores)
        # With a worker for every core each stays on its own, its cells with it: they wake one another all the time, and
        # waking a sleeping core takes longer. A pool of fewer workers is not tied: it shares the machine with others.
        own = cores if count == len(cores) else [None] * count
        self._workers = [_Worker(self, core) for core in own]
        self.workers = count
        faults = [fault for fault in [worker.started.exception() for worker in self._workers] if fault]
        if faults:
            self.close()
            raise JudgeFailure(f"the cells cannot be started: {faults[0]}")
        self._self_check()

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def submit(self, code: str, test: dict) -> Future[Judgement]:
        """Queue one candidate. ValueError where `test` is none or nested too deeply; JudgeFailure after a stop."""
        fault = fault_in_test(test)
        if fault:
            raise ValueError(fault)
        packed = wire.Peer(None).encode(test)
        job = _Job(code, test, self.options.limit_of(test), packed)
        if len(code) > PROGRAM_BYTES:
            job.future.set_result(Judgement(Verdict.SYNTAX, False, f"a program of {len(code)} characters"))
            return job.future
        with self._lock:
            if self.failure:  # known before those that wait are told, so none comes too late to be told
                raise self.failure
            self._submitted += 1
            self._pending.add(job)
            check = self._submitted % CHECK_EVERY == 0
        self._jobs.put(job)
        if check:
            self._self_check()
        return job.future

    def judge(self, jobs: Iterable[tuple[str, dict]]) -> Iterator[Judgement]:
        """Judge (code, test) pairs; judgements come in the order of the pairs, which are taken as they are needed."""
        window: collections.deque[tuple[Future, int]] = collections.deque()
        held = 0
        for code, test in jobs:
            size = len(code) + _size(test)
            window.append((self.submit(code, test), size))
            held += size
            while window and (len(window) >= WINDOW or held > WINDOW_BYTES or window[0][0].done()):
                future, size = window.popleft()
                held -= size
                yield future.result()
        while window:
            yield window.popleft()[0].result()

    def close(self) -> None:
        """End all cells; what has not been judged raises JudgeFailure."""
        if self._closed:
            return
        self._closed = True
        os.write(self._stop_write, b"x")
        for _ in self._workers:
            self._jobs.put(None)
        for worker in self._workers:
            worker.join()
        self._fail("the judge was closed")
        os.close(self._stop_read)
        os.close(self._stop_write)

    def _self_check(self):
        for code, timeout, expected in SELF_CHECK:
            self._jobs.put(_Job(code, _PLUS, timeout, wire.Peer(None).encode(_PLUS), expected=expected))

    def _finish(self, job: _Job, judgement: Judgement):
        """Hand over one result; called by the workers."""
        if job.expected:
            if judgement.verdict not in (job.expected, Verdict.INFRA):
                self._fail(
                    f"self-check: {job.expected.value} expected, {judgement.verdict.value} found ({judgement.detail})"
                )
            return
        with self._lock:
            self._pending.discard(job)
            self._infra_in_a_row = self._infra_in_a_row + 1 if judgement.verdict is Verdict.INFRA else 0
            stop = self._infra_in_a_row >= INFRA_IN_A_ROW
        if not job.future.done():
            job.future.set_result(judgement)
        if stop:
            self._fail(f"{INFRA_IN_A_ROW} candidates in a row could not be judged: {judgement.detail}")

    def _fail(self, text: str):
        """Raise JudgeFailure wherever a judgement is still awaited, and where another is asked for."""
        self.failure = self.failure or JudgeFailure(text)
        with self._lock:
            pending, self._pending = self._pending, set()
        for job in pending:
            if not job.future.done():
                job.future.set_exception(self.failure)


class _Worker(threading.Thread):
    """Judges one candidate after the other in cells of its own: a light pair, and larger ones when they are needed."""

    def __init__(self, judge: Judge, core: int | None):
        super().__init__(daemon=True, name="judge")
        self.judge, self.options, self.core = judge, judge.options, core
        self.started: Future[None] = Future()
        self.cells: dict[tuple[str, str], Cell] = {}
        self.testers: dict[str, wire.Channel] = {}
        self.start()

    def run(self):
        if self.core is not None:
            with contextlib.suppress(OSError):  # where it is forbidden, the scheduler decides
                os.sched_setaffinity(0, {self.core})  # of this thread, and of all that it starts
        try:
            self.cell("candidate", "plain")
            self.cell("test", "plain")
            self.started.set_result(None)
            while (job := self.judge._jobs.get()) is not None:
                try:
                    judgement = self.judged(job)
                except (ValueError, TypeError, RecursionError) as error:  # a row of no sensible form
                    self.discard()
                    judgement = Judgement(Verdict.NO_TESTS, False, f"the test cannot be run: {error}"[:500])
                self.judge._finish(job, judgement)
        except _Stopped:
            pass
        except Exception as error:  # no cells, or a fault of this file: never let a run hang for it
            if not self.started.done():
                self.started.set_exception(error)
            self.judge._fail(f"a worker failed: {type(error).__name__}: {error}")
        finally:
            self.discard()

    def cell(self, role: str, tier: str) -> Cell:
        key = role, tier
        if role == "candidate" and key in self.cells and self.cells[key].jobs >= CELL_JOBS:
            self.discard(role, tier)
        if key not in self.cells:
            self.cells[key] = Cell(role, self.judge.level, self.options.memory_mb, TIERS[tier].split())
        return self.cells[key]

    def discard(self, role=None, tier=None):
        for key in [key for key in self.cells if role in (None, key[0]) and tier in (None, key[1])]:
            if key[0] == "test" and key[1] in self.testers:
                self.testers.pop(key[1]).sock.close()
            self.cells.pop(key).close()

    def judged(self, job: _Job) -> Judgement:
        """Judge one candidate, with another try where the judge failed, or where the machine made it late."""
        tier = _tier(job)
        faults, lost, stretch = [], 0, 1.0
        while len(faults) < TRIES:
            try:
                self.running, job.end = False, None
                with self.judge._turns.turn(stretch > 1):
                    end = self.attempt(job, tier, stretch)
            except (CellError, wire.Closed, wire.Malformed, OSError) as error:
                self.discard(tier=tier)
                if not self.running:
                    faults.append(f"{type(error).__name__}: {error}")
                elif lost:  # twice in the candidate's own time: it is the cause
                    return Judgement(Verdict.ERROR, False, f"a cell was lost: {error}"[:500])
                lost += self.running
                continue
            if end.verdict is Verdict.TIMEOUT and stretch == 1 and end.delay >= job.timeout / 5:
                stretch = min(5.0, max(1.01, job.timeout / max(job.timeout - end.delay, 0.01)))
                continue
            passed = end.verdict is Verdict.PASS or (end.verdict is Verdict.WEAK and self.options.allow_weak)
            return Judgement(end.verdict, passed, end.detail[:500], round(end.seconds, 4), round(end.slowest, 4))
        return Judgement(Verdict.INFRA, None, f"not judged: {faults[-1]}"[:500], 0.0)

    def attempt(self, job: _Job, tier: str, stretch: float) -> _End:
        test = job.test
        if not test.get("inputs", test.get("asserts", True)):
            return _End(Verdict.NO_TESTS, "no cases")
        if not (test["style"] == "io" and test.get("stdin")):
            return self.beside_test(job, tier, stretch)
        seconds = slowest = 0.0
        for position, (given, expected) in enumerate(zip(test["inputs"], test["outputs"], strict=True)):
            end = self.one_case(job, tier, stretch, comparison.text_of(given), comparison.text_of(expected))
            seconds, slowest = seconds + end.seconds, max(slowest, end.seconds)
            end.seconds, end.slowest = seconds, slowest
            if end.verdict is not Verdict.PASS:
                end.detail = f"case {position}: {end.detail}"
                return end
        return end

    def beside_test(self, job: _Job, tier: str, stretch: float) -> _End:
        """A candidate in one cell, its test in the other; they talk to each other, the test talks to us."""
        candidate = self.cell("candidate", tier)
        if tier not in self.testers:
            self.new_tester(tier)
        messages = self.testers[tier]
        parts = len(job.test["asserts"]) if job.test["style"] == "asserts" else 1
        cpu = math.ceil(job.timeout), math.ceil(job.timeout) * max(parts, 1) + 1  # of a part, of all
        with contextlib.ExitStack() as stack:
            channel, channel_other = map(stack.enter_context, socket.socketpair())
            output = _Output(stack, 0)
            candidate.fork(cpu, [3, 1, 2], [channel.fileno(), output.other, output.other])
            socket.send_fds(messages.sock, [b"j"], [channel_other.fileno()])
            usual = job.test["style"] == "io" and self.options.compare != "strict"
            messages.send([job.timeout, job.code, job.packed, self.options.compare, usual])
            channel.close()
            channel_other.close()
            verdict, detail, keep, report = self.supervise(job, tier, stretch, [output], messages)
        ends = [*self.starts[1:], time.monotonic()]
        slowest = max((end - start for start, end in zip(self.starts, ends, strict=True)), default=0.0) - report.delay
        if not keep:
            self.end_tester(tier)
        if verdict == "GONE":
            verdict, detail = _cause(report, cpu)
        return _End(Verdict(verdict), detail, report.cpu, report.delay, max(slowest, 0.0))

    def supervise(self, job: _Job, tier: str, stretch: float, outputs: list[_Output], messages=None) -> tuple:
        """Wait until a candidate has ended, or the test beside it has, or either has to: (verdict or None for a program
        that ended by itself, detail, whether the test's process may go on, report on the candidate).
        """
        candidate = self.cells["candidate", tier]
        control, said = candidate.control.fileno(), [messages.sock.fileno()] if messages else []
        watch = _Watch(self.judge._stop_read, control, *said, *(output.handle for output in outputs))
        # A test's process that dies says so by the end of its stream, behind a verdict that it may have given.
        report: Report | None = None
        deadline = self.deadline(job, stretch) if self.running else time.monotonic() + READY_SECONDS
        self.starts = []  # of the scripts, on the monotonic clock
        verdict, detail, keep = None, "", False
        while verdict is None and (messages or report is None):
            more = bool(messages and messages.rest)
            ready = watch.wait(0.0 if more else deadline)
            if more or ready.intersection(said):
                kind, *rest = messages.receive()
                if kind == "done":
                    verdict, detail, keep = rest
                    if verdict == "INFRA":
                        raise CellError(detail)
                    break
                self.running, deadline = True, self.deadline(job, stretch)
                self.starts.append(time.monotonic())
            elif time.monotonic() >= deadline:
                if not self.running:
                    raise CellError("not ready in time")
                verdict, detail = Verdict.TIMEOUT, f"over {job.timeout:g} s"
                if job.end and time.monotonic() >= job.end:
                    detail = f"over {self.options.total_timeout:g} s in all"
            for output in outputs:
                if output.handle in ready:
                    output.read()
            if sum(output.total for output in outputs) > MOST_OUTPUT:
                verdict, detail = Verdict.OUTPUT, f"printed more than {MOST_OUTPUT} bytes"
            if control in ready:
                report = candidate.receive(READY_SECONDS)
        if report is None:
            candidate.end(verdict is Verdict.TIMEOUT)
            report = candidate.receive(READY_SECONDS)
        if report.dirty:
            self.discard("candidate", tier)
        return verdict, detail, keep, report

    def deadline(self, job: _Job, stretch: float) -> float:
        """When the time of the script or case that begins now is over, or that of all of them."""
        now, total = time.monotonic(), self.options.total_timeout
        if total and job.end is None:
            job.end = now + total * stretch
        return min(now + job.timeout * stretch, job.end or math.inf)

    def new_tester(self, tier: str):
        """Start a process for tests; it serves until one of them may have left something behind."""
        ours, theirs = socket.socketpair()
        ours.settimeout(READY_SECONDS)
        with theirs:
            self.cell("test", tier).fork((1 << 30, 1 << 30), [3], [theirs.fileno()])
        self.testers[tier] = wire.Channel(ours)

    def end_tester(self, tier: str):
        """End the process for tests, and start the next so that it is ready when it is needed."""
        self.testers.pop(tier).sock.close()
        tester = self.cells["test", tier]
        tester.end()
        if tester.receive(READY_SECONDS).dirty:
            self.discard("test", tier)
        else:
            self.new_tester(tier)

    def one_case(self, job: _Job, tier: str, stretch: float, given: str, expected: str) -> _End:
        """One case of a program that reads standard input: a fresh process, its output compared here."""
        candidate = self.cell("candidate", tier)
        cpu = math.ceil(job.timeout), math.ceil(job.timeout) + 1
        with contextlib.ExitStack() as stack:
            ours, theirs = map(stack.enter_context, socket.socketpair())
            file = stack.enter_context(open(os.memfd_create("stdin"), "w+b"))
            file.write(given.encode("utf-8", "surrogatepass"))
            file.seek(0)
            printed, complaints = _Output(stack, len(expected) * 4 + KEPT_OUTPUT), _Output(stack, 4096)
            candidate.fork(cpu, [3, 0, 1, 2], [theirs.fileno(), file.fileno(), printed.other, complaints.other])
            theirs.close()
            ours.settimeout(READY_SECONDS)
            if ours.recv(64) != b"R":
                raise CellError("the candidate's cell did not report ready")
            self.running = True
            with contextlib.suppress(wire.Closed):
                wire.Channel(ours).send(["main", job.code, self.options.compare != "strict", job.test.get("fn_name")])
            verdict, detail, _, report = self.supervise(job, tier, stretch, [printed, complaints])
            while printed.read():  # what a dead process left in the pipe
                pass
            note = _note(ours)
        if not verdict:
            verdict, detail = self.judge_output(report, cpu, note, printed, expected)
        return _End(verdict, detail, report.cpu, report.delay)

    def judge_output(self, report, cpu, note, printed, expected) -> tuple[Verdict, str]:
        """(verdict, detail) of a program that ended by itself."""
        if report.status != 0:
            cause = _cause(report, cpu)
            return note if note and cause[0] is Verdict.ERROR else cause
        if printed.total > MOST_OUTPUT or printed.total > printed.keep:
            return (Verdict.OUTPUT if printed.total > MOST_OUTPUT else Verdict.WRONG), f"printed {printed.total} bytes"
        if comparison.same_output(bytes(printed.data), expected, self.options.compare):
            return Verdict.PASS, ""
        return Verdict.WRONG, "wrong output"


class _Output:
    """A pipe for what a candidate prints: counts everything, keeps the first `keep` bytes.

    Its writing end stays open here as well, so it never ends, and only bytes wake the one who waits.
    """

    def __init__(self, stack: contextlib.ExitStack, keep: int):
        self.keep, self.total, self.data = keep, 0, bytearray()
        self.handle, self.other = os.pipe()
        stack.callback(os.close, self.handle)
        stack.callback(os.close, self.other)
        os.fchmod(self.other, 0o666)  # so that /dev/stdout can be opened by another user id
        os.set_blocking(self.handle, False)

    def read(self) -> bool:
        """Take what is there; whether there was anything."""
        try:
            part = os.read(self.handle, 1 << 18)
        except BlockingIOError:
            return False
        self.total += len(part)
        self.data += part[: max(0, self.keep - len(self.data))]
        return True


class _Watch:
    """Wait for several descriptors, and for the word to stop."""

    def __init__(self, stop: int, *sources: int):
        self.stop, self.poll = stop, select.poll()
        for source in (stop, *sources):
            self.poll.register(source, select.POLLIN)

    def wait(self, deadline: float) -> set[int]:
        """The descriptors that are ready, or ended, before a moment of the monotonic clock."""
        left = max(0.0, deadline - time.monotonic())
        ready = {handle for handle, _ in self.poll.poll(math.ceil(left * 1000))}
        if self.stop in ready:
            raise _Stopped
        return ready


def _cause(report: Report, cpu: tuple[int, int]) -> tuple[Verdict, str]:
    """(verdict, detail) for a candidate that ended before its test did, by its wait status alone."""
    status = report.status
    if status < 0 or not os.WIFSIGNALED(status):
        code = "unknown" if status < 0 else os.waitstatus_to_exitcode(status)
        return Verdict.ERROR, f"ended early, exit status {code}"
    number = os.WTERMSIG(status)
    if number == signal.SIGKILL and report.asked:  # by us, after the channel had ended
        return Verdict.ERROR, "closed its channel to the test"
    if number == signal.SIGXCPU or (number == signal.SIGKILL and report.cpu >= cpu[1] - 1):
        return Verdict.TIMEOUT, f"over {cpu[0]} s of CPU time"
    return Verdict.CRASH, f"killed by {signal.Signals(number).name if number in set(signal.Signals) else number}"


def _note(channel: socket.socket) -> tuple[Verdict, str] | None:
    """(verdict, detail) in the words of the program's process; used to word a failure, never to decide one."""
    with contextlib.suppress(Exception):
        channel.setblocking(False)
        _, phase, (classes, args, *_) = wire.Channel(channel).receive(1 << 20)
        name = str(classes[0][1])[:100]
        verdict = Verdict.MEMORY if name == "MemoryError" else Verdict.ERROR
        text = args[0] if args and isinstance(args[0], str) else ""
        return Verdict.SYNTAX if phase == "compile" else verdict, f"{name}: {text}"
    return None


def _tier(job: _Job) -> str:
    """The smallest pair of cells that has what a program and its test name."""
    test = job.test
    text = "\n".join([job.code, test.get("setup") or "", test.get("script", ""), *test.get("asserts", ())])
    for tier, words in _TIER_WORDS.items():
        if any(word in text and re.search(rf"\b{word}\b", text) for word in words):
            return tier
    return "program" if test["style"] == "io" else "plain"


def _size(value) -> int:
    """About how many bytes a test holds."""
    if isinstance(value, (list, tuple)):
        return 8 + sum(map(_size, value))
    if isinstance(value, dict):
        return 16 + sum(map(_size, value.values()))
    return len(value) if isinstance(value, str) else 8


# ---------------------------------------------------------------------------------------------------------------------
# The command line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The judge's own flags, for this command and for others that judge."""
    defaults = JudgeOptions()
    parser.add_argument("--workers", type=int, help="pairs of cells (default: the cores this process may use)")
    parser.add_argument("--timeout", type=float, default=defaults.timeout, help="seconds for each test (default 5)")
    parser.add_argument("--memory_mb", type=int, default=defaults.memory_mb, help="MiB of address space (default 2048)")
    parser.add_argument(
        "--total_timeout", type=float, default=0.0, help="seconds for all tests of a candidate (default 0: no limit)"
    )
    parser.add_argument(
        "--gold_time_factor",
        type=float,
        default=defaults.gold_time_factor,
        help="where a gold solution is slow, its tests may take so many times its seconds (default 4); 0: --timeout",
    )
    modes = ("apps", "strict", "published")
    parser.add_argument("--compare", choices=modes, default="apps", help="how outputs are compared")
    parser.add_argument("--isolation", choices=("auto", *LEVELS), default="auto", help="level of isolation")
    parser.add_argument("--allow_weak", action="store_true", help="let WEAK count as passed")


def options_of(args: argparse.Namespace) -> JudgeOptions:
    """The options behind those flags; InputError where a number makes no sense."""
    if args.workers is not None and args.workers < 1:
        raise InputError(f"--workers {args.workers}: at least 1 is needed")
    if not 0 < args.timeout < 1e6:
        raise InputError(f"--timeout {args.timeout}: seconds above 0 are needed")
    if not 0 <= args.total_timeout < 1e6:
        raise InputError(f"--total_timeout {args.total_timeout}: seconds are needed; 0: no limit")
    if not 0 <= args.gold_time_factor < 1e6:
        raise InputError(f"--gold_time_factor {args.gold_time_factor}: a factor is needed; 0: a fixed limit")
    if args.memory_mb < 256:
        raise InputError(f"--memory_mb {args.memory_mb}: Python and numpy alone need 256")
    return JudgeOptions(**{field.name: getattr(args, field.name) for field in fields(JudgeOptions)})


def read_rows(path: str) -> Iterator[dict]:
    """The rows of a JSONL file; InputError names file and line of the first that cannot be judged."""
    try:
        with Path(path).open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _row(line, f"{path}, line {number}")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error


def _row(line: str, where: str) -> dict:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON ({error})") from error
    missing = [key for key in ("id", "code", "test") if not isinstance(row, dict) or key not in row]
    if missing:
        raise InputError(f"{where}: the row lacks {', '.join(missing)}")
    if not isinstance(row["code"], str):
        raise InputError(f"{where}: code must be a string")
    fault = fault_in_test(row["test"])
    if fault:
        raise InputError(f"{where}: {fault}")
    return row


def judge_file(source: str, target: str, options: JudgeOptions) -> dict[str, int]:
    """Judge every row of a file into another; the counts of verdicts. Nothing is written where a row is at fault."""
    for _ in read_rows(source):
        pass
    folder = Path(target).absolute().parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"--output {target}: the folder {folder} does not exist, or nothing can be written there")
    counts: collections.Counter[str] = collections.Counter()

    def verdicts() -> Iterator[str]:
        rows, jobs = itertools.tee(read_rows(source))  # between the two lie the rows in flight
        judgements = judge.judge((row["code"], row["test"]) for row in jobs)
        for row, judgement in zip(rows, judgements, strict=True):
            counts[judgement.verdict.value] += 1
            verdict = {"id": row["id"], "passed": judgement.passed, "verdict": judgement.verdict.value,
                       "detail": judgement.detail, "seconds": judgement.seconds}  # fmt: skip
            yield json.dumps(verdict) + "\n"

    with Judge(options) as judge:
        print(f"isolation: {judge.level}, workers: {judge.workers}", file=sys.stderr, flush=True)
        write_text(target, verdicts())
    return dict(counts)


def main(argv: list[str] | None = None) -> int:
    """Judge a file; the exit status: 0, or 1 where something could not be judged. InputError, JudgeFailure."""
    parser = argparse.ArgumentParser(prog="python -m eval.judge", description=__doc__.split("\n")[0])
    parser.add_argument("--input", required=True, help="JSONL rows with id, code and test")
    parser.add_argument("--output", required=True, help="JSONL rows with id, passed, verdict, detail and seconds")
    add_arguments(parser)
    args = parser.parse_args(argv)
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    counts = judge_file(args.input, args.output, options_of(args))
    print(json.dumps({"verdicts": counts}), file=sys.stderr)
    return 1 if counts.get("INFRA") else 0


if __name__ == "__main__":
    run(main)
