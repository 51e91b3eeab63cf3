"""Judge many candidate programs: `python -m eval.judge --input candidates.jsonl --output verdicts.jsonl`.

Input rows `{"id", "code", "test"}` (other keys are ignored), output rows in the same order `{"id", "passed", "verdict",
"detail", "seconds", "mode"}`; `seconds` is CPU time of the candidate, `mode` says whether it ran
`together` with its test or `apart` from it. The README in this folder says what that means.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import json
import os
import queue
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, fields
from pathlib import Path

from eval import values
from eval.compare import MODES
from eval.problem import fault_in_test
from eval.sandbox import LEVELS, CellError, probe
from eval.supervise import MIB, Job, Turns, Worker
from eval.verdict import Judgement, Verdict
from utils.run.files import Failure, InputError, run, write_text

PROGRAM_BYTES = MIB
INFRA_IN_A_ROW = 5
CHECK_EVERY = 1000
WINDOW, WINDOW_BYTES = 1024, 64 * MIB  # candidates in flight in `Judge.judge`


class JudgeFailure(Failure):
    """The judge itself cannot go on: no cells, five INFRA in a row, or a self-check that came out wrong."""


@dataclass(frozen=True)
class JudgeOptions:
    """How to judge."""

    workers: int | None = None  # pairs of cells; None: as many as cores this process may use
    timeout: float = 5.0  # seconds of wall clock, and of CPU, for each script, call-style program or input case
    memory_mb: int = 2048  # MiB of address space, Python and numpy included
    compare: str = "apps"  # one of MODES in eval/compare.py
    isolation: str = "auto"  # "auto", "bwrap", "landlock" or "none", see eval/sandbox.py
    allow_weak: bool = False  # let WEAK pass
    total_timeout: float = 0.0  # seconds of wall clock for all scripts or input cases of a candidate; 0: no limit
    gold_time_factor: float = 4.0  # a test's limit is at least so many times its `gold_seconds`; 0: `timeout` alone

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
    """A pool of worker threads, each with warm cells of its own. Use it as a context manager, or call `close`."""

    def __init__(self, options: JudgeOptions = JudgeOptions()):
        """Start the cells; JudgeFailure where none can be started."""
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
        # With a worker for every core each stays on its own, its cells with it: they wake one another all the time, and
        # waking a sleeping core takes longer. A pool of fewer workers is not tied: it shares the machine with others.
        own = cores if count == len(cores) else [None] * count
        self._workers = [Worker(self, core) for core in own]
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
        packed = values.encode(test)
        job = Job(code, test, self.options.limit_of(test), packed)
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
            self._jobs.put(Job(code, _PLUS, timeout, values.encode(_PLUS), expected=expected))

    def _finish(self, job: Job, judgement: Judgement):
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
    parser.add_argument("--compare", choices=MODES, default="apps", help="how outputs are compared")
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
                       "detail": judgement.detail, "seconds": judgement.seconds, "mode": judgement.mode}  # fmt: skip
            yield json.dumps(verdict) + "\n"

    with Judge(options) as judge:
        print(f"isolation: {judge.level}, workers: {judge.workers}", file=sys.stderr, flush=True)
        write_text(target, verdicts())
    return dict(counts)


def main(argv: list[str] | None = None) -> int:
    """Judge a file; the exit status: 0, or 1 where something could not be judged. InputError, JudgeFailure."""
    parser = argparse.ArgumentParser(prog="python -m eval.judge", description=__doc__.split("\n")[0])
    parser.add_argument("--input", required=True, help="JSONL rows with id, code and test")
    parser.add_argument("--output", required=True, help="JSONL rows with id, passed, verdict, detail, seconds and mode")
    add_arguments(parser)
    args = parser.parse_args(argv)
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    counts = judge_file(args.input, args.output, options_of(args))
    print(json.dumps({"verdicts": counts}), file=sys.stderr)
    return 1 if counts.get("INFRA") else 0


if __name__ == "__main__":
    run(main)
