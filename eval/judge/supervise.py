"""Judge one candidate at a time: start its processes, watch the clocks, take the verdict."""

from __future__ import annotations

import contextlib
import math
import os
import re
import signal
import socket
import threading
import time
import warnings
from concurrent.futures import Future
from dataclasses import dataclass, field

from eval.judge import compare
from eval.judge.inside import values
from eval.judge.inside.channel import Channel, Closed, Malformed
from eval.judge.inside.script import NoTests, compiled
from eval.judge.sandbox import Cell, CellError, Report
from eval.judge.verdict import Judgement, Verdict
from eval.judge.watch import Output, Stopped, Watch

MIB = 1 << 20
KEPT_OUTPUT, MOST_OUTPUT = MIB, 16 * MIB
MESSAGE_BYTES = MIB  # of a cell's word to the judge
READY_SECONDS = 30.0
TRIES = 3  # on fresh cells, for what failed before the candidate was ready
CELL_JOBS = 2000  # then a cell is replaced

# What cells have imported. A larger process takes longer to fork, so programs get the smallest that serves.
_PROGRAM = "bisect dataclasses enum fractions heapq inspect random textwrap traceback"
_USUAL = f"{_PROGRAM} asyncio calendar hashlib multiprocessing queue secrets subprocess tempfile threading uuid numpy"
TIERS = {"light": "", "program": _PROGRAM, "numpy": _USUAL, "pandas": f"{_USUAL} pandas"}
_TIER_WORDS = {"pandas": ("pandas", "pd"), "numpy": ("numpy", "np", "scipy", "sklearn")}
_COMPILING = threading.Lock()


@dataclass(eq=False)
class Job:
    """A candidate on its way."""

    code: str
    test: dict
    timeout: float
    future: Future = field(default_factory=Future)
    expected: Verdict | None = None  # of a self-check
    scripts: bytes = b""  # of its test, compiled
    end: float | None = None  # when the time for all tests is over, once the candidate runs


@dataclass
class End:
    """How one attempt ended."""

    verdict: Verdict
    detail: str = ""
    seconds: float = 0.0
    delay: float = 0.0  # seconds for which the machine kept it waiting
    slowest: float = 0.0  # seconds of wall clock for its slowest script or input case, less the delay
    mode: str = "apart"


class Turns:
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


class Worker(threading.Thread):
    """Judges one candidate after the other in cells of its own: a light one, and larger ones when they are needed."""

    def __init__(self, judge, core: int | None):
        super().__init__(daemon=True, name="judge")
        self.judge, self.options, self.core = judge, judge.options, core
        self.started: Future[None] = Future()
        self.cells: dict[tuple[str, str], Cell] = {}
        self.start()

    def run(self):
        if self.core is not None:
            with contextlib.suppress(OSError):  # where it is forbidden, the scheduler decides
                os.sched_setaffinity(0, {self.core})  # of this thread, and of all that it starts
        try:
            self.cell("candidate", "light")
            self.started.set_result(None)
            while (job := self.judge._jobs.get()) is not None:
                try:
                    judgement = self.judged(job)
                except (ValueError, TypeError, RecursionError) as error:  # a row of no sensible form
                    self.discard()
                    judgement = Judgement(Verdict.NO_TESTS, False, f"the test cannot be run: {error}"[:500])
                self.judge._finish(job, judgement)
        except Stopped:
            pass
        except Exception as error:  # no cells, or a fault of this file: never let a run hang for it
            if not self.started.done():
                self.started.set_exception(error)
            self.judge._fail(f"a worker failed: {type(error).__name__}: {error}")
        finally:
            self.discard()

    def cell(self, role: str, tier: str) -> Cell:
        key = role, tier
        if key in self.cells and self.cells[key].jobs >= CELL_JOBS:
            self.discard(role, tier)
        if key not in self.cells:
            self.cells[key] = Cell(role, self.judge.level, self.options.memory_mb, TIERS[tier].split())
        return self.cells[key]

    def discard(self, role=None, tier=None):
        for key in [key for key in self.cells if role in (None, key[0]) and tier in (None, key[1])]:
            self.cells.pop(key).close()

    def judged(self, job: Job) -> Judgement:
        """Judge one candidate, with another try where the judge failed, or where the machine made it late."""
        tier = _tier(job)
        faults, lost, stretch = [], 0, 1.0
        while len(faults) < TRIES:
            try:
                self.running, job.end = False, None
                with self.judge._turns.turn(stretch > 1):
                    end = self.attempt(job, tier, stretch)
                    passed = self.has_passed(job, tier, stretch, end)
            except (CellError, Closed, Malformed, OSError) as error:
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
            seconds, slowest = round(end.seconds, 4), round(end.slowest, 4)
            return Judgement(end.verdict, passed, end.detail[:500], seconds, slowest, end.mode)
        return Judgement(Verdict.INFRA, None, f"not judged: {faults[-1]}"[:500], 0.0)

    def has_passed(self, job: Job, tier: str, stretch: float, end: End) -> bool:
        """Whether a verdict counts as passed. Where WEAK is allowed and the program was kept apart from its test, it
        passes if it does so in one namespace with it.
        """
        if end.verdict is not Verdict.WEAK or not self.options.allow_weak:
            return end.verdict is Verdict.PASS
        return end.mode == "together" or self.together(job, tier, stretch, force=True).verdict is Verdict.PASS

    def attempt(self, job: Job, tier: str, stretch: float) -> End:
        test = job.test
        if not test.get("inputs", test.get("asserts", True)):
            return End(Verdict.NO_TESTS, "no cases")
        if not (test["style"] == "io" and test.get("stdin")):
            try:
                job.scripts = compiled_scripts(test)
            except NoTests as fault:
                return End(Verdict.NO_TESTS, str(fault), mode="together")
            end = self.together(job, tier, stretch)
            return end if end.verdict else self.apart(job, tier, stretch, end.detail)
        seconds = slowest = 0.0
        for position, (given, expected) in enumerate(zip(test["inputs"], test["outputs"], strict=True)):
            end = self.one_case(job, tier, stretch, compare.text_of(given), compare.text_of(expected))
            seconds, slowest = seconds + end.seconds, max(slowest, end.seconds)
            end.seconds, end.slowest = seconds, slowest
            if end.verdict is not Verdict.PASS:
                end.detail = f"case {position}: {end.detail}"
                return end
        return end

    def together(self, job: Job, tier: str, stretch: float, force: bool = False) -> End:
        """A program and its test in one process, if the program is plain: else no verdict, and why it is not."""
        mark = os.urandom(16).hex()
        cpu = _seconds(job)
        with contextlib.ExitStack() as stack:
            ours, theirs = map(stack.enter_context, socket.socketpair())
            output = Output(stack, 0)
            self.cell("candidate", tier).fork(cpu, [3, 1, 2], [theirs.fileno(), output.other, output.other])
            theirs.close()
            ours.settimeout(READY_SECONDS)
            messages = Channel(ours)
            libraries = tier if tier in _TIER_WORDS else ""
            setting = {**self.setting(job), "libraries": libraries, "force": force, "mark": mark}
            messages.send(["together", job.code, *self.parts(job), values.encode(setting)])
            if ours.recv(1) != b"R":
                raise CellError("the candidate's cell did not report ready")
            self.running = True
            verdict, detail, report = self.supervise(job, tier, stretch, ([output], messages, mark))
        if verdict == "apart" or (not self.starts and verdict not in ("NO_TESTS", "SYNTAX", Verdict.OUTPUT)):
            return End(None, detail or "its tree cannot be walked")
        return self.ended(job, (verdict, detail, report), cpu, "together")

    def apart(self, job: Job, tier: str, stretch: float, reason: str) -> End:
        """A program in one cell, its test in another; they talk to each other, the test talks to us."""
        self.running, job.end = False, None
        mark = os.urandom(16).hex()
        cpu = _seconds(job)
        tester = self.cell("test", tier)
        with contextlib.ExitStack() as stack:
            ours, theirs = map(stack.enter_context, socket.socketpair())
            channel, other = map(stack.enter_context, socket.socketpair())
            output = Output(stack, 0)
            self.cell("candidate", tier).fork(cpu, [3, 1, 2], [channel.fileno(), output.other, output.other])
            tester.fork((1 << 30, 1 << 30), [3], [theirs.fileno()])
            for end in channel, theirs:
                end.close()
            ours.settimeout(READY_SECONDS)
            socket.send_fds(ours, [b"j"], [other.fileno()])
            other.close()
            messages = Channel(ours)
            messages.send([job.code, *self.parts(job), values.encode({**self.setting(job), "mark": mark})])
            verdict, detail, report = self.supervise(job, tier, stretch, ([output], messages, mark))
        tester.end()
        if tester.receive(READY_SECONDS).dirty:
            self.discard("test", tier)
        if verdict == "INFRA":
            raise CellError(detail)
        end = self.ended(job, (None if verdict == "GONE" else verdict, detail, report), cpu, "apart")
        if end.verdict is Verdict.WEAK:
            end.detail += f" (not plain: {reason})"
        return end

    def parts(self, job: Job) -> list:
        """What a process gets of a test, in the form of the channel: what is no script, and the scripts."""
        rest = {key: value for key, value in job.test.items() if key not in ("setup", "asserts", "script")}
        return [values.encode(rest), values.encode(job.scripts)]

    def setting(self, job: Job) -> dict:
        usual = job.test["style"] == "io" and self.options.compare != "strict"
        return {"timeout": job.timeout, "compare": self.options.compare, "usual": usual}

    def ended(self, job: Job, outcome: tuple, cpu: tuple[int, int], mode: str) -> End:
        """How a program ended that had a test beside it."""
        verdict, detail, report = outcome
        ends = [*self.starts[1:], time.monotonic()]
        slowest = max((end - start for start, end in zip(self.starts, ends, strict=False)), default=0.0) - report.delay
        if not verdict:
            verdict, detail = _cause(report, cpu)
        return End(Verdict(verdict), detail, report.cpu, report.delay, max(slowest, 0.0), mode)

    def supervise(self, job: Job, tier: str, stretch: float, watched: tuple) -> tuple:
        """Wait until a candidate has ended, or its test has, or either has to: (verdict or None for a program that
        ended by itself, detail, report on the candidate). `watched`: outputs, messages, and the mark of a verdict.
        """
        outputs, messages, mark = watched
        candidate = self.cells["candidate", tier]
        control, said = candidate.control.fileno(), [messages.sock.fileno()] if messages else []
        watch = Watch(self.judge._stop_read, control, *said, *(output.handle for output in outputs))
        report: Report | None = None
        deadline = self.deadline(job, stretch) if self.running else time.monotonic() + READY_SECONDS
        self.starts = []  # of the scripts, on the monotonic clock
        verdict, detail = None, ""
        while verdict is None and (messages or report is None):
            more = bool(messages and messages.rest)
            ready = watch.wait(0.0 if more else deadline)
            if messages and (more or ready.intersection(said)):
                try:
                    word = messages.receive(MESSAGE_BYTES)
                    if word[0] == "start" and word[1:] == [len(self.starts)]:
                        self.running, deadline = True, self.deadline(job, stretch)
                        self.starts.append(time.monotonic())
                    elif word[0] == "done" and word[3:] == [mark]:
                        verdict, detail = word[1], str(word[2])
                    else:
                        raise Malformed("something else than a verdict")
                except Closed:
                    messages = None
                    watch.forget(said)
                except Malformed as error:
                    verdict, detail = Verdict.ERROR, f"the program sent {error}"
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
        return verdict, detail, report

    def deadline(self, job: Job, stretch: float) -> float:
        """When the time of the script or case that begins now is over, or that of all of them."""
        now, total = time.monotonic(), self.options.total_timeout
        if total and job.end is None:
            job.end = now + total * stretch
        return min(now + job.timeout * stretch, job.end or math.inf)

    def one_case(self, job: Job, tier: str, stretch: float, given: str, expected: str) -> End:
        """One case of a program that reads standard input: a fresh process, its output compared here."""
        candidate = self.cell("candidate", tier)
        cpu = math.ceil(job.timeout), math.ceil(job.timeout) + 1
        with contextlib.ExitStack() as stack:
            ours, theirs = map(stack.enter_context, socket.socketpair())
            file = stack.enter_context(open(os.memfd_create("stdin"), "w+b"))
            file.write(given.encode("utf-8", "surrogatepass"))
            file.seek(0)
            printed, complaints = Output(stack, len(expected) * 4 + KEPT_OUTPUT), Output(stack, 4096)
            candidate.fork(cpu, [3, 0, 1, 2], [theirs.fileno(), file.fileno(), printed.other, complaints.other])
            theirs.close()
            ours.settimeout(READY_SECONDS)
            if ours.recv(64) != b"R":
                raise CellError("the candidate's cell did not report ready")
            self.running = True
            with contextlib.suppress(Closed):
                Channel(ours).send(["run", job.code, self.options.compare != "strict", job.test.get("fn_name")])
            verdict, detail, report = self.supervise(job, tier, stretch, ([printed, complaints], None, None))
            while printed.read():  # what a dead process left in the pipe
                pass
            note = _note(ours)
        if not verdict:
            verdict, detail = self.judge_output(report, cpu, note, printed, expected)
        return End(verdict, detail, report.cpu, report.delay)

    def judge_output(self, report, cpu, note, printed, expected) -> tuple[Verdict, str]:
        """(verdict, detail) of a program that ended by itself."""
        if report.status != 0:
            cause = _cause(report, cpu)
            return note if note and cause[0] is Verdict.ERROR else cause
        if printed.total > MOST_OUTPUT or printed.total > printed.keep:
            return (Verdict.OUTPUT if printed.total > MOST_OUTPUT else Verdict.WRONG), f"printed {printed.total} bytes"
        if compare.same_output(bytes(printed.data), expected, self.options.compare):
            return Verdict.PASS, ""
        return Verdict.WRONG, "wrong output"


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


def _seconds(job: Job) -> tuple[int, int]:
    """CPU seconds of a part of a test, and of all of them."""
    parts = len(job.test["asserts"]) if job.test["style"] == "asserts" else 1
    return math.ceil(job.timeout), math.ceil(job.timeout) * max(parts, 1) + 1


def _note(channel: socket.socket) -> tuple[Verdict, str] | None:
    """(verdict, detail) in the words of the program's process; used to word a failure, never to decide one."""
    with contextlib.suppress(Exception):
        channel.setblocking(False)
        _, phase, name, *text = Channel(channel).receive(MESSAGE_BYTES)
        verdict = Verdict.MEMORY if name == "MemoryError" else Verdict.ERROR
        return Verdict.SYNTAX if phase == "compile" else verdict, f"{name}: {''.join(text)}"
    return None


def compiled_scripts(test: dict) -> bytes:
    """The scripts of a test, compiled; none where it is input and output. NoTests where it asserts nothing."""
    style = test["style"]
    if style == "io":
        return b""
    texts = tuple(test["asserts"] if style == "asserts" else [test["script"]])
    with _COMPILING, warnings.catch_warnings():  # which no two threads may use at once
        warnings.simplefilter("ignore", SyntaxWarning)
        return compiled(style, test.get("setup") or "", texts)


def _tier(job: Job) -> str:
    """The smallest cells that have what a program and its test name."""
    test = job.test
    text = "\n".join([job.code, test.get("setup") or "", test.get("script", ""), *test.get("asserts", ())])
    for tier, words in _TIER_WORDS.items():
        if any(word in text and re.search(rf"\b{word}\b", text) for word in words):
            return tier
    return "program" if test["style"] == "io" else "light"
