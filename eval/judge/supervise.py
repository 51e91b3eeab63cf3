"""One attempt at a candidate: start its processes, watch clocks, output and messages, take the outcome."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import socket
import threading
import time
import warnings
from dataclasses import dataclass, replace
from enum import Enum

from eval.judge import compare
from eval.judge.inside import values
from eval.judge.inside.channel import CHANNEL, PART_BYTES, STDERR, STDIN, STDOUT, Channel, Closed, Malformed
from eval.judge.inside.script import NoTests, compiled
from eval.judge.sandbox import MIB, CellError, Report
from eval.judge.verdict import Verdict
from eval.judge.watch import Output, Watch

KEPT_OUTPUT, MOST_OUTPUT = MIB, 16 * MIB
MESSAGE_BYTES = MIB  # of a cell to the judge
READY_SECONDS = 30.0
LIBRARIES = ("numpy", "pandas")  # tiers whose programs may meet objects of these
_COMPILING = threading.Lock()  # `warnings.catch_warnings` serves one thread at a time


class Phase(Enum):
    """How far an attempt is; what fails while it is WAITING is no fault of the candidate's."""

    WAITING = "for the cell"
    RUNNING = "in the candidate's time"
    ENDED = "by a verdict, or by itself"


@dataclass
class Outcome:
    """How an attempt ended. Without a verdict the program is not plain, and `detail` says why."""

    verdict: Verdict | None
    detail: str = ""
    seconds: float = 0.0  # CPU time of the candidate
    delay: float = 0.0  # seconds for which the machine kept it waiting
    slowest: float = 0.0  # seconds of its slowest script or input case, less the delay
    mode: str = "apart"


class Attempt:
    """One attempt at a job in the cells of a worker. `stretch` lengthens its limits where the machine was late."""

    def __init__(self, worker, job, stretch: float):
        self.worker, self.job, self.stretch = worker, job, stretch
        self.options, self.test, self.tier = worker.options, job.test, worker.tier_of(job)
        self.restart()

    def restart(self) -> None:
        """Begin as if nothing of the candidate had run."""
        self.phase = Phase.WAITING
        self.last_deadline: float | None = None  # of all scripts or cases, once the first runs

    def run(self) -> Outcome:
        """Judge the candidate; NO_TESTS where the test checks nothing."""
        if not self.test.get("inputs", self.test.get("asserts", True)):
            return Outcome(Verdict.NO_TESTS, "no cases")
        if self.test.get("stdin") and self.test["style"] == "io":
            return self.all_cases()
        try:
            self.scripts = compiled_scripts(self.test)
        except NoTests as fault:
            return Outcome(Verdict.NO_TESTS, str(fault), mode="together")
        outcome = self.together()
        return outcome if outcome.verdict else self.apart(outcome.detail)

    def has_passed(self, outcome: Outcome) -> bool:
        """Whether an outcome counts as passed. If WEAK is allowed and the program was kept apart from its test, it
        passes if it does so in one namespace with the test.
        """
        if outcome.verdict is not Verdict.WEAK or not self.options.allow_weak:
            return outcome.verdict is Verdict.PASS
        return outcome.mode == "together" or self.together(force=True).verdict is Verdict.PASS

    # -- the three ways to run a candidate

    def together(self, force: bool = False) -> Outcome:
        """A program and its test in one process, if the program is plain or `force` is set."""
        cpu, mark = self.cpu_limits(), os.urandom(16).hex()
        with contextlib.ExitStack() as stack:
            ours, theirs = map(stack.enter_context, socket.socketpair())
            output = Output(stack, 0)
            streams = {CHANNEL: theirs.fileno(), STDOUT: output.writing, STDERR: output.writing}
            self.worker.cell("candidate", self.tier).fork(cpu, streams)
            theirs.close()
            ours.settimeout(READY_SECONDS)
            messages = Channel(ours)
            libraries = self.tier if self.tier in LIBRARIES else ""
            setting = {**self.setting(), "libraries": libraries, "force": force, "mark": mark}
            messages.send(["together", self.job.code, *self.encoded_test(), values.encode(setting)])
            self.await_ready(ours)
            report = self.supervise([output], messages, mark)
        outcome = self.outcome
        if outcome and outcome.verdict is None:
            return outcome
        if not self.starts and not (outcome and outcome.verdict in (Verdict.NO_TESTS, Verdict.SYNTAX, Verdict.OUTPUT)):
            return Outcome(None, outcome.detail if outcome else "its tree cannot be walked")
        return self.measured(outcome or cause_of(report, cpu), report, "together")

    def apart(self, reason: str) -> Outcome:
        """A program that is not plain in one cell, its test in another; the test talks to the program and to us."""
        self.restart()
        cpu, mark = self.cpu_limits(), os.urandom(16).hex()
        tester = self.worker.cell("test", self.tier)
        with contextlib.ExitStack() as stack:
            ours, theirs = map(stack.enter_context, socket.socketpair())
            program_end, test_end = map(stack.enter_context, socket.socketpair())
            output = Output(stack, 0)
            streams = {CHANNEL: program_end.fileno(), STDOUT: output.writing, STDERR: output.writing}
            self.worker.cell("candidate", self.tier).fork(cpu, streams)
            tester.fork((1 << 30, 1 << 30), {CHANNEL: theirs.fileno()})
            program_end.close()
            theirs.close()
            ours.settimeout(READY_SECONDS)
            socket.send_fds(ours, [b"j"], [test_end.fileno()])
            test_end.close()
            messages = Channel(ours)
            messages.send([self.job.code, *self.encoded_test(), values.encode({**self.setting(), "mark": mark})])
            report = self.supervise([output], messages, mark)
        tester.end(self.is_late())
        tester_report = tester.receive(READY_SECONDS)
        if tester_report.dirty:
            self.worker.discard("test", self.tier)
        # The test may be kept waiting too, by others than the candidate.
        report = report._replace(delay=max(report.delay, tester_report.delay - report.cpu))
        outcome = self.measured(self.outcome or cause_of(report, cpu), report, "apart")
        if outcome.verdict is Verdict.WEAK:
            outcome.detail += f" (not plain: {reason})"
        return outcome

    def all_cases(self) -> Outcome:
        """A program that reads standard input: its cases in turn, up to the first that does not pass."""
        seconds = slowest = 0.0
        for index, (case_input, expected) in enumerate(zip(self.test["inputs"], self.test["outputs"], strict=True)):
            outcome = self.one_case(compare.text_of(case_input), compare.text_of(expected))
            seconds, slowest = seconds + outcome.seconds, max(slowest, outcome.slowest)
            outcome = replace(outcome, seconds=seconds, slowest=slowest)
            if outcome.verdict is not Verdict.PASS:
                return replace(outcome, detail=f"case {index}: {outcome.detail}")
        return outcome

    def one_case(self, case_input: str, expected: str) -> Outcome:
        """One case, in a fresh process; its output is compared here."""
        cpu = math.ceil(self.job.timeout), math.ceil(self.job.timeout) + 1
        cell = self.worker.cell("candidate", self.tier)
        with contextlib.ExitStack() as stack:
            ours, theirs = map(stack.enter_context, socket.socketpair())
            file = stack.enter_context(open(os.memfd_create("stdin"), "w+b"))
            file.write(case_input.encode("utf-8", "surrogatepass"))
            file.seek(0)
            printed, errors = Output(stack, len(expected) * 4 + KEPT_OUTPUT), Output(stack, 4096)
            cell.fork(cpu, {CHANNEL: theirs.fileno(), STDIN: file.fileno(), STDOUT: printed.writing,
                            STDERR: errors.writing})  # fmt: skip
            theirs.close()
            ours.settimeout(READY_SECONDS)
            self.await_ready(ours)
            with contextlib.suppress(Closed):
                Channel(ours).send(["run", self.job.code, self.options.compare != "strict", self.test.get("fn_name")])
            start = time.monotonic()
            report = self.supervise([printed, errors])
            slowest = max(time.monotonic() - start - report.delay, 0)
            while printed.read():  # what a dead process left in the pipe
                pass
            note = _note(ours)
        outcome = self.outcome or self.judged_output(cause_of(report, cpu), report, note, printed, expected)
        return replace(outcome, seconds=report.cpu, delay=report.delay, slowest=slowest)

    def judged_output(self, cause, report, note, printed, expected) -> Outcome:
        """The outcome of a case whose program ended by itself."""
        if report.status != 0:
            return note if note and cause.verdict is Verdict.ERROR else cause
        if printed.total > MOST_OUTPUT or printed.total > printed.keep:
            verdict = Verdict.OUTPUT if printed.total > MOST_OUTPUT else Verdict.WRONG
            return Outcome(verdict, f"printed {printed.total} bytes")
        if compare.same_output(bytes(printed.data), expected, self.options.compare):
            return Outcome(Verdict.PASS)
        return Outcome(Verdict.WRONG, "wrong output")

    # -- what a process gets

    def cpu_limits(self) -> tuple[int, int]:
        """CPU seconds of one script, and of all scripts together."""
        return math.ceil(self.job.timeout), math.ceil(self.job.timeout) * self.script_count() + 1

    def script_count(self) -> int:
        """How many scripts have a time limit of their own; calls of a function share one."""
        return len(self.test["asserts"]) if self.test["style"] == "asserts" else 1

    def encoded_test(self) -> list:
        """The test for the channel: what is no script, and the compiled scripts."""
        rest = {key: value for key, value in self.test.items() if key not in ("setup", "asserts", "script")}
        return [values.encode(rest), values.encode(self.scripts)]

    def setting(self) -> dict:
        usual = self.test["style"] == "io" and self.options.compare != "strict"
        return {"timeout": self.job.timeout, "compare": self.options.compare, "usual": usual}

    # -- what happens while it runs

    def await_ready(self, channel: socket.socket) -> None:
        """Wait until the candidate's process is ready; its time begins."""
        if channel.recv(1) != b"R":
            raise CellError("the candidate's cell did not report ready")
        self.phase = Phase.RUNNING

    def supervise(self, outputs: list[Output], messages: Channel | None = None, mark: str = "") -> Report:
        """Wait until the candidate or its test has ended, or has to; returns the report on the candidate's process.

        `self.outcome` is None where the process ended by itself, without a message that bears the mark.
        """
        candidate = self.worker.cells["candidate", self.tier]
        control, channel = candidate.control.fileno(), messages.sock.fileno() if messages else None
        if messages:
            messages.sock.setblocking(False)  # a program that begins a message may not end it
        watch = Watch(self.worker.stop, control, channel, *(output.reading for output in outputs))
        self.outcome: Outcome | None = None
        self.starts: list[float] = []  # of the scripts, on the monotonic clock
        self.deadline = self.next_deadline()
        report: Report | None = None
        while self.phase is not Phase.ENDED:
            ready = watch.wait(self.deadline)
            if channel in ready and not self.take_all(messages, mark):
                watch.forget(channel)
                messages = channel = None
            for output in outputs:
                if output.reading in ready:
                    output.read()
            if sum(output.total for output in outputs) > MOST_OUTPUT:
                self.end(Verdict.OUTPUT, f"printed more than {MOST_OUTPUT} bytes")
            if control in ready:
                report = candidate.receive(READY_SECONDS)
            if report and not messages:
                self.phase = Phase.ENDED
            # Last, since what has arrived by now is not late, and whatever arrives, since the program may send it.
            if self.phase is not Phase.ENDED and time.monotonic() >= self.deadline:
                self.time_out()
        if report is None:
            candidate.end(self.is_late())
            report = candidate.receive(READY_SECONDS)
        if report.dirty:
            self.worker.discard("candidate", self.tier)
        return report

    def take_all(self, messages: Channel, mark: str) -> bool:
        """Act on the messages that have arrived; False once the other end is gone."""
        try:
            waiting = True
            while waiting and self.phase is not Phase.ENDED:
                waiting = messages.fill() == PART_BYTES
                while self.phase is not Phase.ENDED and (message := messages.next(MESSAGE_BYTES)):
                    self.take(message, mark)
        except Closed:
            return False
        except Malformed as error:
            self.end(Verdict.ERROR, f"the program sent {error}")
        return True

    def take(self, message: list, mark: str) -> None:
        """Act on a message of the process that runs the test; Malformed where it is none, or lacks the mark."""
        match message:
            case ["start", index] if index == len(self.starts) < self.script_count():
                self.phase = Phase.RUNNING
                self.deadline = self.next_deadline()
                self.starts.append(time.monotonic())
            case ["done", verdict, detail, proof] if proof == mark:
                self.end(Verdict(verdict), str(detail))
            case ["not plain", reason, proof] if proof == mark:
                self.end(None, str(reason))
            case ["gone", proof] if proof == mark:  # the report on its process says why
                self.phase = Phase.ENDED
            case ["not ready", proof] if proof == mark:
                raise CellError("the candidate's cell did not report ready")
            case _:
                raise Malformed("something else than a verdict")

    def end(self, verdict: Verdict | None, detail: str) -> None:
        self.phase, self.outcome = Phase.ENDED, Outcome(verdict, detail)

    def time_out(self) -> None:
        """End the attempt, whose deadline has passed."""
        if self.phase is Phase.WAITING:
            raise CellError("not ready in time")
        in_all = self.last_deadline and time.monotonic() >= self.last_deadline
        limit = f"{self.options.total_timeout:g} s in all" if in_all else f"{self.job.timeout:g} s"
        self.end(Verdict.TIMEOUT, f"over {limit}")

    def is_late(self) -> bool:
        return self.outcome is not None and self.outcome.verdict is Verdict.TIMEOUT

    def next_deadline(self) -> float:
        """When the cell has to be ready, or the script or case that begins now has to end."""
        now, total = time.monotonic(), self.options.total_timeout
        if self.phase is Phase.WAITING:
            return now + READY_SECONDS
        if total and self.last_deadline is None:
            self.last_deadline = now + total * self.stretch
        return min(now + self.job.timeout * self.stretch, self.last_deadline or math.inf)

    def measured(self, outcome: Outcome, report: Report, mode: str) -> Outcome:
        """The outcome of a process that ran scripts, with its times."""
        ends = [*self.starts[1:], time.monotonic()]
        slowest = max((end - start for start, end in zip(self.starts, ends, strict=False)), default=0.0)
        return replace(
            outcome, seconds=report.cpu, delay=report.delay, slowest=max(slowest - report.delay, 0), mode=mode
        )


def cause_of(report: Report, cpu: tuple[int, int]) -> Outcome:
    """Why a candidate ended by itself, by its wait status alone."""
    status = report.status
    if status < 0 or not os.WIFSIGNALED(status):
        code = "unknown" if status < 0 else os.waitstatus_to_exitcode(status)
        return Outcome(Verdict.ERROR, f"ended early, exit status {code}")
    sent = os.WTERMSIG(status)
    if sent == signal.SIGKILL and report.asked:  # by us, after the channel had ended
        return Outcome(Verdict.ERROR, "closed its channel to the test")
    if sent == signal.SIGXCPU or (sent == signal.SIGKILL and report.cpu >= cpu[1] - 1):
        return Outcome(Verdict.TIMEOUT, f"over {cpu[0]} s of CPU time")
    return Outcome(Verdict.CRASH, f"killed by {signal.Signals(sent).name if sent in set(signal.Signals) else sent}")


def _note(channel: socket.socket) -> Outcome | None:
    """How the program's process describes its failure, or None; it never decides whether there is one."""
    with contextlib.suppress(Exception):
        channel.setblocking(False)
        _, phase, name, *text = Channel(channel).receive(MESSAGE_BYTES)
        verdict = Verdict.MEMORY if name == "MemoryError" else Verdict.ERROR
        return Outcome(Verdict.SYNTAX if phase == "compile" else verdict, f"{name}: {''.join(text)}")
    return None


def compiled_scripts(test: dict) -> bytes:
    """The scripts of a test, compiled; none for input and output. NoTests where it asserts nothing."""
    style = test["style"]
    if style == "io":
        return b""
    texts = tuple(test["asserts"] if style == "asserts" else [test["script"]])
    with _COMPILING, warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        return compiled(style, test.get("setup") or "", texts)
