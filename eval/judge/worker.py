"""A worker of the pool: judges one candidate after the other in its cells, and tries again where the judge failed."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field

from eval.judge.inside.channel import Closed, Malformed
from eval.judge.sandbox import Cell, CellError
from eval.judge.supervise import Attempt, Phase
from eval.judge.verdict import Judgement, Verdict
from eval.judge.watch import Stopped

TRIES = 3  # on fresh cells, for what failed before the candidate was ready
CELL_JOBS = 2000  # then a cell is replaced
ALONE_SECONDS, ALONE_SHARE = 60.0, 0.1  # how long candidates may run alone: at first, and of a pool's time

# What the cells of a tier have imported. A larger process takes longer to fork, so programs get the smallest that
# serves.
_PROGRAM = "bisect dataclasses enum fractions heapq inspect random textwrap traceback"
_USUAL = f"{_PROGRAM} asyncio calendar hashlib multiprocessing queue secrets subprocess tempfile threading uuid numpy"
TIERS = {"light": "", "program": _PROGRAM, "numpy": _USUAL, "pandas": f"{_USUAL} pandas"}
_TIER_WORDS = {"pandas": ("pandas", "pd"), "numpy": ("numpy", "np", "scipy", "sklearn")}


@dataclass(eq=False)
class Job:
    """A candidate to be judged."""

    code: str
    test: dict
    timeout: float
    future: Future = field(default_factory=Future)
    expected: Verdict | None = None  # of a self-check


class Turns:
    """Ordinary candidates run at the same time; one that is judged again runs alone, as long as a share of the pool's
    time is left for that: a candidate that can make itself late must not keep the others waiting.
    """

    def __init__(self):
        self.change = threading.Condition()
        self.running, self.alone = 0, 0
        self.start, self.spent = time.monotonic(), 0.0
        self.alone_since = 0.0  # where some run alone, or wait for that

    @contextlib.contextmanager
    def turn(self, alone):
        with self.change:
            if alone and not self.alone:
                self.alone_since = time.monotonic()
            self.alone += alone
            while (self.running if alone else self.alone) and (seconds := self.seconds_left()) > 0:
                self.change.wait(seconds)
            self.running += 1
        try:
            yield
        finally:
            with self.change:
                self.running -= 1
                self.alone -= alone
                if alone and not self.alone:
                    self.spent += time.monotonic() - self.alone_since
                self.change.notify_all()

    def seconds_left(self) -> float:
        """For how long candidates may still run alone."""
        now = time.monotonic()
        return ALONE_SECONDS + ALONE_SHARE * (now - self.start) - self.spent - (now - self.alone_since)


class Worker(threading.Thread):
    """A thread with warm cells: a light one, and larger ones when they are needed."""

    def __init__(self, judge, core: int | None):
        super().__init__(daemon=True, name="judge")
        self.judge, self.options, self.core, self.stop = judge, judge.options, core, judge._stop_read
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
        except Exception as error:  # no cells, or a fault of this package: never let a run hang for it
            if not self.started.done():
                self.started.set_exception(error)
            self.judge._fail(f"a worker failed: {type(error).__name__}: {error}")
        finally:
            self.discard()

    def cell(self, role: str, tier: str) -> Cell:
        """The worker's cell of that kind, made or replaced where needed."""
        key = role, tier
        if key in self.cells and self.cells[key].jobs >= CELL_JOBS:
            self.discard(role, tier)
        if key not in self.cells:
            self.cells[key] = Cell(role, self.judge.level, self.options.memory_mb, TIERS[tier].split())
        return self.cells[key]

    def discard(self, role=None, tier=None):
        """Close the cells of a role and tier; None stands for all."""
        for key in [key for key in self.cells if role in (None, key[0]) and tier in (None, key[1])]:
            self.cells.pop(key).close()

    def judged(self, job: Job) -> Judgement:
        """Judge one candidate, again where the judge failed or the machine made it late."""
        faults, lost, stretch = [], False, 1.0
        while len(faults) < TRIES:
            attempt = Attempt(self, job, stretch)
            try:
                with self.judge._turns.turn(stretch > 1):
                    outcome = attempt.run()
                    passed = attempt.has_passed(outcome)
            except (CellError, Closed, Malformed, OSError) as error:
                self.discard(tier=attempt.tier)
                if attempt.phase is Phase.WAITING:
                    faults.append(f"{type(error).__name__}: {error}")
                elif lost:  # twice in the candidate's time: it is the cause
                    return Judgement(Verdict.ERROR, False, f"a cell was lost: {error}"[:500])
                else:
                    lost = True
                continue
            if outcome.verdict is Verdict.TIMEOUT and stretch == 1 and outcome.delay >= job.timeout / 5:
                stretch = min(5.0, max(1.01, job.timeout / max(job.timeout - outcome.delay, 0.01)))
                continue
            seconds, slowest = round(outcome.seconds, 4), round(outcome.slowest, 4)
            return Judgement(outcome.verdict, passed, outcome.detail[:500], seconds, slowest, outcome.mode)
        return Judgement(Verdict.INFRA, None, f"not judged: {faults[-1]}"[:500], 0.0)

    def tier_of(self, job: Job) -> str:
        """The smallest tier with the modules that a program and its test name."""
        test = job.test
        text = "\n".join([job.code, test.get("setup") or "", test.get("script", ""), *test.get("asserts", ())])
        for tier, names in _TIER_WORDS.items():
            if any(name in text and re.search(rf"\b{name}\b", text) for name in names):
                return tier
        return "program" if test["style"] == "io" else "light"
