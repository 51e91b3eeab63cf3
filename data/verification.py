"""Gold solutions judged by their own tests, for every `data/<dataset>/prepare.py`."""

from __future__ import annotations

import dataclasses
import math
import sys

from tqdm import tqdm

from eval.judge import Judge, JudgeOptions
from eval.judge.verdict import Judgement, Verdict
from utils.run.files import Failure

GOLD_TIMEOUT = 30.0  # seconds that a gold solution may take for a script or input, unless all limits are fixed


def judge_gold(rows: list[dict], options: JudgeOptions, longest: float = GOLD_TIMEOUT) -> list[Judgement]:
    """Judge every row's gold solution by its own tests, and let the limit of a test whose gold is slow follow it.

    A gold solution may take `longest` seconds, unless all limits are fixed. `gold_seconds` is rounded up to a power of
    two, so that the same input gives the same files on machines of a kind.
    """
    usual = options.timeout
    if options.gold_time_factor:
        options = dataclasses.replace(options, timeout=max(options.timeout, longest))
    with Judge(options) as judge:
        verdicts = judge.judge((row["code"], row["test"]) for row in rows)
        verdicts = list(tqdm(verdicts, total=len(rows), desc="gold solutions", unit="problem", file=sys.stderr))
    for row, verdict in zip(rows, verdicts, strict=True):
        if verdict.passed and verdict.slowest * options.gold_time_factor > usual:
            seconds = 2.0 ** math.ceil(math.log2(verdict.slowest))
            # A part of the tests has the limit of all, so that what passes all of them passes the part.
            row |= {name: {**row[name], "gold_seconds": seconds} for name in ("test", "base_test") if row.get(name)}
    return verdicts


def judge_versions(
    versions: list[list[dict]], options: JudgeOptions, longest: float = GOLD_TIMEOUT
) -> list[tuple[dict, Judgement]]:
    """For each problem the first of its versions whose gold solution passes, else its first, with the verdict.

    Failure where the judge itself failed on some: such a run shows nothing about their gold solutions.
    """
    best: list[tuple[dict, Judgement] | None] = [None] * len(versions)
    left, index = list(range(len(versions))), 0
    while left:
        rows = [versions[i][index] for i in left]
        for i, row, verdict in zip(left, rows, judge_gold(rows, options, longest), strict=True):
            if best[i] is None or verdict.passed:
                best[i] = row, verdict
        index += 1
        left = [i for i in left if not best[i][1].passed and len(versions[i]) > index]
    failed = [str(row["id"]) for row, verdict in best if verdict.verdict is Verdict.INFRA]
    if failed:
        raise Failure(f"{len(failed)} gold solutions could not be judged ({', '.join(failed[:5])}); run this again")
    return best
