"""The replication study's result files, and what tables and figures both compute from them.

Intervals are 95 % percentile intervals of a two-level bootstrap: seeds are drawn with replacement, then problems within
each seed. Differences are paired by seed and problem.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eval.passk import pass_at_k
from scripts.replication import truth
from utils.report import statistics
from utils.run import files
from utils.run.files import InputError

NAMES = {
    "base": "base",
    "sft": "SFT on gold",
    "rft": "RFT",
    "rft-rd": "RFT+RD",
    "gift-uniform": "GiFT without selection",
    "gift": "GiFT",
}
COMPARED = (
    ("sft", "base"),
    ("rft", "base"),
    ("rft", "sft"),
    ("gift", "rft"),
    ("gift", "rft-rd"),
    ("gift-uniform", "rft"),
    ("gift", "gift-uniform"),
)
LABELS = {"conditional": "RFT: P(c | d0)", "rewrite": "RFT+RD: rewriting d0", "gibbs": "GiFT: Gibbs"}
DRAWS = 4000

Results = dict[float, dict[str, dict[int, dict]]]  # strength -> method -> seed -> result


def read(folder: Path) -> Results:
    """Every result in the folder; InputError if there is none."""
    results: Results = {}
    for file in sorted(folder.glob("*.json")):
        result = files.read_json(file, dict)
        by_seed = results.setdefault(result["world"]["strength"], {}).setdefault(result["method"], {})
        by_seed[result["world"]["seed"]] = result
    if not results:
        raise InputError(f"{folder}: no results yet; bash scripts/replicate_world.sh makes them")
    return dict(sorted(results.items()))


def estimate(values: Sequence[Sequence[float]]) -> statistics.Estimate:
    """Mean over seeds of the mean over problems, its 95 % interval and its p-value against zero."""
    return statistics.estimate(values, nested=True, draws=DRAWS)


def rates(result: dict, decoding: str, k: int = 1) -> dict[str, float]:
    """pass@k of every test problem."""
    return {key: pass_at_k(n, c, k) for key, (n, c) in result[decoding].items()}


def differences(first: dict[int, dict], second: dict[int, dict], decoding: str) -> list[list[float]]:
    """pass@1 of the first method minus the second's, by seed and problem, where both are finished."""
    pairs = [(rates(first[s], decoding), rates(second[s], decoding)) for s in sorted(first.keys() & second.keys())]
    return [statistics.problem_differences(*pair) for pair in pairs]


def loss_differences(first: dict[int, dict], second: dict[int, dict]) -> list[float]:
    """L_marg of the first method minus the second's, by seed, where both are finished; less is better."""
    return [first[s]["loss"]["marginal"] - second[s]["loss"]["marginal"] for s in sorted(first.keys() & second.keys())]


def pooled_distance(results: Sequence[dict]) -> tuple[float, float]:
    """Distance of counted styles from the truth and its noise, counts of all seeds together; see `truth.distance`."""
    counts: dict[str, Counter] = {}
    laws: dict[str, Counter] = {}
    for result in results:
        for wording, row in result["styles"].items():
            counts.setdefault(wording, Counter()).update(row)
            total = sum(row.values())
            laws.setdefault(wording, Counter()).update({s: total * p for s, p in result["truth"][wording].items()})
    pooled = {w: {style: p / sum(counts[w].values()) for style, p in row.items()} for w, row in laws.items()}
    return truth.distance(counts, pooled)


def by_round(results: list[dict]) -> tuple[list[float], list[float], list[float]]:
    """Measured distance, noise and the distance of a perfect model, by round, seeds together."""
    rounds = list(zip(*(result["sampling"]["rounds"] for result in results), strict=True))
    pooled = [pooled_distance(entries) for entries in rounds]
    perfect = [float(np.mean([entry["tv_of_perfect_model"] for entry in entries])) for entries in rounds]
    return [far for far, _ in pooled], [noise for _, noise in pooled], perfect
