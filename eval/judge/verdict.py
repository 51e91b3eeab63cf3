"""The verdict on a candidate program, and the row that reports it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Verdict(str, Enum):
    """The outcome of judging one candidate; only PASS, and WEAK where it is allowed, counts as passed."""

    PASS = "PASS"  # every test held
    WRONG = "WRONG"  # a test did not hold: wrong value, failed assertion, wrong output
    ERROR = "ERROR"  # the candidate raised, ended early or had a non-zero exit status
    TIMEOUT = "TIMEOUT"  # over its wall-clock or CPU seconds
    MEMORY = "MEMORY"  # over its address space
    OUTPUT = "OUTPUT"  # printed more than the limit
    CRASH = "CRASH"  # killed by a signal that was not ours
    SYNTAX = "SYNTAX"  # does not compile, or is too large to be a program
    NO_TESTS = "NO_TESTS"  # nothing was checked, so nothing was shown
    WEAK = "WEAK"  # the only truth came from an object that the candidate defines
    INFRA = "INFRA"  # the judge failed, not the candidate: never counted as wrong


@dataclass(frozen=True)
class Judgement:
    """One row of the judge's output.

    `passed` is None for INFRA alone; `detail` has at most 500 characters; `seconds` is the candidate's CPU time
    summed over its tests, `slowest` the wall-clock seconds of its slowest script or input case; `mode` says whether
    it ran "together" with its test in one process, or "apart" from it.
    """

    verdict: Verdict
    passed: bool | None
    detail: str = ""
    seconds: float = 0.0
    slowest: float = field(default=0.0, compare=False)
    mode: str = field(default="apart", compare=False)
