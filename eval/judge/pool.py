"""The pool of workers that judges: `Judge`, its options and its failure."""

from __future__ import annotations

import collections
import os
import queue
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass

from eval.judge.sandbox import MIB, CellError, probe
from eval.judge.styles import fault_in_test
from eval.judge.verdict import Judgement, Verdict
from eval.judge.worker import Job, Turns, Worker
from utils.run.files import Failure

PROGRAM_BYTES = MIB
INFRA_IN_A_ROW = 5
CHECK_EVERY = 1000
WINDOW, WINDOW_BYTES = 1024, 64 * MIB  # candidates in flight in `Judge.judge`


class JudgeFailure(Failure):
    """The judge itself cannot continue: no cells, five INFRA in a row, or a failed self-check."""


@dataclass(frozen=True)
class JudgeOptions:
    """How to judge."""

    workers: int | None = None  # pairs of cells; None: as many as cores this process may use
    timeout: float = 5.0  # seconds of wall clock, and of CPU, for each script, call-style program or input case
    memory_mb: int = 2048  # MiB of address space, Python and numpy included
    compare: str = "apps"  # one of MODES in eval/judge/compare.py
    isolation: str = "auto"  # "auto", "bwrap", "landlock" or "none", see eval/judge/sandbox.py
    allow_weak: bool = False  # let WEAK pass
    total_timeout: float = 0.0  # seconds of wall clock for all scripts or input cases of a candidate; 0: no limit
    gold_time_factor: float = 4.0  # a test's limit is at least n times its `gold_seconds`; 0: `timeout` alone

    def limit_of(self, test: dict) -> float:
        """Seconds for each script or input case of a test."""
        return max(self.timeout, self.gold_time_factor * test.get("gold_seconds", 0.0))


_PLUS = {"style": "asserts", "setup": "", "asserts": ["assert plus(2, 3) == 5\nassert plus(-1, 1) == 0\n"]}
SELF_CHECK = (
    ("def plus(a, b):\n    return a + b\n", 10.0, Verdict.PASS),
    ("def plus(a, b):\n    return a - b\n", 10.0, Verdict.WRONG),
    ("import os\nos._exit(0)\n", 10.0, Verdict.ERROR),
    ("import time\ntime.sleep(1000)\n", 0.3, Verdict.TIMEOUT),
)


class Judge:
    """A pool of worker threads, each with warm cells. Use it as a context manager, or call `close`."""

    def __init__(self, options: JudgeOptions = JudgeOptions()):
        """Start the cells; JudgeFailure if none can be started."""
        self.options = options
        self.failure: JudgeFailure | None = None
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._turns = Turns()
        self._lock = threading.Lock()
        self._submitted = self._infra_in_a_row = 0
        self._pending: set[Job] = set()
        try:
            self.level = probe(options.isolation)
        except CellError as error:
            raise JudgeFailure(f"no isolation: {error}") from None
        self._stop_read, self._stop_write = os.pipe()
        self._closed = False
        cores = sorted(os.sched_getaffinity(0))
        count = options.workers or len(cores)
        # With a worker for every core each is tied to one, with its cells: they wake one another all the time, and
        # waking a sleeping core takes longer. A smaller pool is not tied: it shares the machine with others.
        self._workers = [Worker(self, core) for core in (cores if count == len(cores) else [None] * count)]
        self.workers = count
        faults = list(filter(None, [worker.started.exception() for worker in self._workers]))
        if faults:
            self.close()
            raise JudgeFailure(f"the cells cannot be started: {faults[0]}")
        self._self_check()

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def submit(self, code: str, test: dict) -> Future[Judgement]:
        """Queue one candidate. ValueError where `test` is malformed; JudgeFailure after a stop."""
        fault = fault_in_test(test)
        if fault:
            raise ValueError(fault)
        job = Job(code, test, self.options.limit_of(test))
        size = len(code.encode("utf-8", "surrogatepass"))
        if size > PROGRAM_BYTES:
            job.future.set_result(Judgement(Verdict.SYNTAX, False, f"a program of {size} bytes"))
            return job.future
        with self._lock:
            if self.failure:  # set before pending jobs fail, so that no job is added after them
                raise self.failure
            self._submitted += 1
            self._pending.add(job)
            check = self._submitted % CHECK_EVERY == 0
        self._jobs.put(job)
        if check:
            self._self_check()
        return job.future

    def judge(self, jobs: Iterable[tuple[str, dict]]) -> Iterator[Judgement]:
        """Judge (code, test) pairs; judgements come in the order of the pairs, which are taken when needed."""
        window: collections.deque[tuple[Future, int]] = collections.deque()
        bytes_in_flight = 0
        for code, test in jobs:
            size = len(code) + _size(test)
            window.append((self.submit(code, test), size))
            bytes_in_flight += size
            while window and (len(window) >= WINDOW or bytes_in_flight > WINDOW_BYTES or window[0][0].done()):
                future, size = window.popleft()
                bytes_in_flight -= size
                yield future.result()
        while window:
            yield window.popleft()[0].result()

    def close(self) -> None:
        """End all cells; jobs that are not judged yet raise JudgeFailure."""
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
            self._jobs.put(Job(code, _PLUS, timeout, expected=expected))

    def _finish(self, job: Job, judgement: Judgement):
        """Hand over one result; called by the workers."""
        if job.expected:
            if judgement.verdict not in (job.expected, Verdict.INFRA):
                verdicts = f"expected {job.expected.value}, got {judgement.verdict.value}"
                self._fail(f"self-check: {verdicts} ({judgement.detail})")
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
        """Raise JudgeFailure for all pending jobs and for all new ones."""
        self.failure = self.failure or JudgeFailure(text)
        with self._lock:
            pending, self._pending = self._pending, set()
        for job in pending:
            if not job.future.done():
                job.future.set_exception(self.failure)


def _size(value) -> int:
    """About how many bytes a test holds."""
    if isinstance(value, (list, tuple)):
        return 8 + sum(map(_size, value))
    if isinstance(value, dict):
        return 16 + sum(map(_size, value.values()))
    return len(value) if isinstance(value, str) else 8
