"""How the cost of the code step grows with problems, samples and ranks."""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from scripts.loops.bench import ROOT, SAMPLES, WARM_UP, Bench  # before torch, see there

import torch  # isort: skip

from utils.serving.engine import make_engine

PROBLEMS = 96  # where no --limit is given
TOKENS = 128  # decoded at most, because many points are measured


def measure(args: argparse.Namespace) -> dict:
    """Useful tokens per second of the code step against problems, samples a problem, and ranks, up to 128 tokens each.

    `ours` is the rate with most problems, `reference` that with fewest.
    """
    bench = Bench.load(args, PROBLEMS)
    most = len(bench.problems)
    few = sorted({max(1, most // 16), max(1, most // 4), most})
    many = [1, SAMPLES, 3 * SAMPLES]
    some = max(1, most // 4)
    points = [(n, SAMPLES) for n in few] + [(some, n) for n in many if n != SAMPLES]
    alone = rates(bench, points, args.repeats)
    ranks = [] if bench.ranks.device.type == "cuda" and torch.cuda.device_count() < 2 else [2]
    table = alone + [row for n in ranks for row in _on_ranks(args, n, most)]
    by_problems = {row["problems"]: row for row in alone if row["samples"] == SAMPLES}
    return {
        "ours": by_problems[few[-1]]["tokens_per_second"],
        "reference": by_problems[few[0]]["tokens_per_second"],
        "unit": "useful tokens/s",
        **bench.description(),
        "new_tokens": TOKENS,
        "table": table,
    }


def rates(bench: Bench, points: Sequence[tuple[int, int]], repeats: int) -> list[dict]:
    """The rate of all ranks together for every (problems, samples), by the slowest rank's clock."""
    engine, ranks = make_engine("auto", bench.model(), bench.policy), bench.ranks
    decoding = replace(bench.decoding(), max_new_tokens=TOKENS)
    list(engine.run(bench.requests(1, SAMPLES, 0), replace(decoding, max_new_tokens=WARM_UP)))
    rows = []
    for problems, samples in points:
        measured = []
        for repeat in range(repeats):
            mine, texts = ranks.share(bench.requests(problems, samples, repeat)), []
            ranks.all_values(None)  # start together
            took = bench.seconds(
                lambda mine=mine, texts=texts: texts.extend(c.text for _, c in engine.run(mine, decoding))
            )
            useful, slowest = zip(*ranks.all_values((bench.useful(texts), took)), strict=True)
            measured.append(sum(useful) / max(slowest))
        rate = round(statistics.median(measured), 2)
        rows.append({"problems": problems, "samples": samples, "ranks": ranks.world_size, "tokens_per_second": rate})
    return rows


def _on_ranks(args: argparse.Namespace, ranks: int, problems: int) -> list[dict]:
    """`rates` on n ranks, in processes that DeepSpeed's launcher starts."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port, output = probe.getsockname()[1], Path(folder) / "rows.json"
        probe.close()
        flags = ["--dataset", args.dataset, "--seed", args.seed, "--repeats", args.repeats, "--limit", problems]
        flags += ["--dtype", args.dtype]
        flags += ["--model", args.model] if args.model else []
        launcher = [Path(sys.executable).with_name("deepspeed"), "--num_gpus", ranks, "--master_port", port]
        script = [ROOT / "scripts/benchmark.py", "scale", "--side", "rank", "--output", output, *flags]
        subprocess.run([*map(str, launcher + script)], check=True, stdout=subprocess.DEVNULL)
        return json.loads(output.read_text(encoding="utf-8"))


def side(args: argparse.Namespace) -> None:
    """One rank, in a process that `_on_ranks` starts."""
    bench = Bench.load(args, args.limit)
    rows = rates(bench, [(len(bench.problems), SAMPLES)], args.repeats)
    if bench.ranks.main:
        Path(args.output).write_text(json.dumps(rows), encoding="utf-8")
