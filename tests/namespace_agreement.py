"""The same programs judged by this repository and by the reference, program and test in one namespace.

Programs are the gold solutions of six data sets, other ways to write them, and mutants. What has been compared is
appended to a JSONL file, so that a run that was ended goes on where it was.
"""

from __future__ import annotations

import json
import math
import os
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mutants import mutants
from one_namespace import OneNamespace, Outcome
from variants import variants

from data import conversion, reading
from data.codeinsight import prepare as codeinsight
from data.humaneval import prepare as humaneval
from data.mbpp import prepare as mbpp
from eval import registry
from eval.judge import Judge, JudgeOptions
from eval.problem import Problem
from utils.report import tables

FOLDER = Path(os.environ.get("GIFT_TEST_DATA", "missing"))
SOURCES = {  # data set -> how its rows are read, the adapter, the file
    "humaneval+": (humaneval, "humaneval", "evalplus/HumanEvalPlus-v0.1.10.jsonl.gz"),
    "mbpp": (mbpp, "mbpp", "mbpp.jsonl"),
    "mbpp+": (mbpp, "mbpp", "evalplus/MbppPlus-v0.2.0.jsonl.gz"),
    "codeinsight train": (codeinsight, "codeinsight", "codeinsight-train.jsonl"),
    "codeinsight test": (codeinsight, "codeinsight", "codeinsight-test.jsonl"),
}
VARIANTS, MUTANTS = 3, 2  # of each gold solution, in turn from six and five
TIMEOUT, GOLD_TIMEOUT = 3.0, 120.0
# Gold solutions that take from 6 to 70 seconds are judged alone, without others beside them.
SLOW = {"humaneval+": "15 139", "mbpp+": "123 255 271 392 592 599 603"}
PATIENCE = 30.0  # seconds where both judge again
TRIES = 3


class Job(NamedTuple):
    """One program: what is judged, and how it came about."""

    dataset: str
    id: str
    kind: str
    program: str
    test: dict

    @property
    def key(self) -> tuple[str, str, str]:
        return self.dataset, self.id, self.kind


def problems() -> list[tuple[str, dict]]:
    """(data set, row of a task file) of all problems, in an order that mixes the data sets and is always the same."""
    rows = [("humaneval", row) for row in registry.adapter("humaneval").rows("test")]
    for dataset, (module, adapter, name) in SOURCES.items():
        part = reading.read_file(FOLDER / name)
        rows += [(dataset, row) for row in conversion.convert(part, module.problem, registry.adapter(adapter)).rows]
    return sorted(rows, key=lambda pair: order(pair[0], pair[1]["id"]))


def order(dataset: str, key: object) -> int:
    """A number that seems random and is always the same."""
    return zlib.crc32(f"{dataset}/{key}".encode())


def changed(dataset: str, row: dict, test: dict) -> Iterator[Job]:
    """Variants and mutants of a gold solution: some of the kinds, others for the next problem."""
    first = order(dataset, row["id"])
    for make, count in ((_variants, VARIANTS), (_mutants, MUTANTS)):
        made = list(make(row).items())
        for position in range(min(count, len(made))):
            kind, program = made[(first + position) % len(made)]
            yield Job(dataset, str(row["id"]), kind, program, test)


def _variants(row: dict) -> dict[str, str]:
    return variants(row["code"], Problem.from_row(row).entry_point)


def _mutants(row: dict) -> dict[str, str]:
    return {f"mutant {position}": program for position, program in enumerate(mutants(row["code"]))}


class Comparison:
    """Judges programs on both sides; a context manager."""

    def __init__(self, path: Path):
        """Results go to the end of the file; those that it has are not made again."""
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self.results = {(r["dataset"], r["id"], r["kind"]): r for r in map(json.loads, lines)}
        self.options = JudgeOptions(workers=1, timeout=TIMEOUT)

    def __enter__(self) -> Comparison:
        self.judge, self.reference = Judge(self.options), OneNamespace().__enter__()
        return self

    def __exit__(self, *_) -> None:
        self.judge.close()
        self.reference.__exit__()

    def run(self, rows: list[tuple[str, dict]]) -> None:
        """Compare gold solutions, and variants and mutants of those that the reference passes."""
        for dataset, row in rows:
            gold = Job(dataset, str(row["id"]), "gold", row["code"], row["test"])
            if gold.key not in self.results:
                self.compare(gold)
            slow = gold.id in SLOW.get(dataset, "").split()
            if self.results[gold.key]["reference"] and not slow:
                test = with_limit(gold.test, self.results[gold.key]["reference_seconds"])
                for job in changed(dataset, row, test):
                    if job.key not in self.results:
                        self.compare(job)

    def compare(self, job: Job) -> None:
        """Judge a program on both sides, again where they differ, and note what came of it."""
        outcome, tries = self.outcome(job, job.test), 1
        test = with_limit(job.test, outcome.seconds) if job.kind == "gold" else job.test
        judgement = self.judge.submit(job.program, test).result()
        while judgement.passed is not outcome.passed and tries < TRIES:
            test = {
                **test,
                "gold_seconds": max(test.get("gold_seconds", 0.0), PATIENCE / self.options.gold_time_factor),
            }
            outcome, tries = self.outcome(job, test), tries + 1
            judgement = self.judge.submit(job.program, test).result()
        result = {
            **dict(zip(("dataset", "id", "kind"), job.key, strict=True)),
            "passed": judgement.passed, "verdict": judgement.verdict.value, "detail": judgement.detail,
            "mode": judgement.mode, "seconds": judgement.seconds, "reference": outcome.passed,
            "reason": outcome.reason, "reference_seconds": round(outcome.seconds, 4), "tries": tries,
        }  # fmt: skip
        self.results[job.key] = result
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(result) + "\n")

    def outcome(self, job: Job, test: dict) -> Outcome:
        limit = GOLD_TIMEOUT if job.kind == "gold" else self.options.limit_of(test)
        return self.reference.run(job.program, test, limit)


def with_limit(test: dict, seconds: float) -> dict:
    """The test with `gold_seconds` as task files have them, where the gold solution took so long."""
    slow = seconds * JudgeOptions().gold_time_factor > TIMEOUT
    return {**test, "gold_seconds": 2.0 ** math.ceil(math.log2(seconds))} if slow else test


def kind_of(result: dict) -> str:
    """`gold`, `variant`, `changed` for a variant that does not behave as its gold solution does, or `mutant`."""
    if result["kind"] == "gold" or result["kind"].startswith("mutant"):
        return result["kind"].split()[0]
    return "variant" if result["reference"] else "changed"


def table(results: dict) -> str:
    """Counts by data set and kind of program."""
    groups: dict[tuple[str, str], list[dict]] = {}
    for result in results.values():
        kind = kind_of(result)
        for group in ((result["dataset"], kind), (result["dataset"], "all"), ("all", kind), ("all", "all")):
            groups.setdefault(group, []).append(result)
    lines = []
    for (dataset, kind), group in sorted(groups.items()):
        counts = Counter((result["passed"], result["reference"]) for result in group)
        together = sum(result["mode"] == "together" for result in group) / len(group)
        lines.append([dataset, kind, str(len(group)), f"{100 * together:.1f} %",
                      *map(str, (counts[True, True], counts[False, False], counts[False, True], counts[True, False],
                                 sum(result["tries"] > 1 for result in group)))])  # fmt: skip
    head = ["data set", "programs", "judgements", "together", "both pass", "both fail", "fails here alone",
            "passes here alone", "judged again"]  # fmt: skip
    return tables.markdown(head, lines)


def disagreements(results: dict) -> list[dict]:
    """The results on which both sides differ."""
    return [result for _, result in sorted(results.items()) if result["passed"] is not result["reference"]]
