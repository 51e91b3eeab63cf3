"""The replication study's result files, and what tables and figures both compute from them.

Every seed is a world with problems of its own, so intervals are 95 % intervals of Student's t over the means of seeds.
Differences are paired by seed and problem. `**chosen` are the keyword arguments of `rates`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from pathlib import Path
from typing import NamedTuple

import numpy as np

from eval.passk import pass_at_k
from scripts.replication import truth
from utils.report import statistics
from utils.run import files
from utils.run.files import InputError

LABELS = {
    "conditional": "RFT: P(c | d0)",
    "rewrite": "RFT+RD: rewriting d0",
    "gold": "RFT+GD: describing gold",
    "gibbs": "GiFT: Gibbs",
}
SAMPLED_BY = {"conditional": "rft", "rewrite": "rft-rd", "gold": "rft-gd", "gibbs": "gift"}  # whose results tell of it
TELLINGS = ("plain", "obscure")


class Setting(NamedTuple):
    """A kind of world."""

    strength: float
    obscurity: float

    def __str__(self) -> str:
        return f"strength {self.strength:g}, obscurity {self.obscurity:g}"


Results = dict[Setting, dict[str, dict[int, dict]]]  # method -> seed -> result


def read(folder: Path) -> Results:
    """Every result in the folder; InputError if there is none, or two that do not belong together."""
    results: Results = {}
    sizes, first = None, None  # settings that all results share, and the file that they are of
    for file in sorted(folder.glob("*.json")):
        result = files.read_json(file, dict)
        settings = {key: value for key, value in result["settings"].items() if key not in ("name", "seed")}
        if settings != (sizes := sizes or settings):
            raise InputError(f"{file}: was made with other settings than {first}; keep them in folders of their own")
        first = first or file
        world = result["world"]
        setting = Setting(world["strength"], world["obscurity"])
        by_seed = results.setdefault(setting, {}).setdefault(result["method"], {})
        if world["seed"] in by_seed:
            raise InputError(f"{file}: a second result of {setting}, seed {world['seed']}; remove one of them")
        by_seed[world["seed"]] = result
    if not results:
        raise InputError(f"{folder}: no results yet; bash scripts/replicate_world.sh makes them")
    return dict(sorted(results.items()))


def rates(result: dict, decoding: str = "samples", k: int = 1, telling: str | None = None) -> dict[str, float]:
    """pass@k of every test problem, or of those that are told so."""
    obscure = set(result["obscure"]["test"])
    counts = {key: count for key, count in result[decoding].items() if telling in (None, TELLINGS[key in obscure])}
    return {key: pass_at_k(n, c, k) for key, (n, c) in counts.items()}


def score(by_seed: Sequence[dict], **chosen) -> statistics.Estimate | None:
    """pass@k over seeds and problems; the keyword arguments are those of `rates`. None where no problem is told so."""
    values = [list(rates(result, **chosen).values()) for result in by_seed]
    return statistics.estimate_by_t(values) if values and all(values) else None


def difference(first: dict[int, dict], second: dict[int, dict], **chosen) -> statistics.Estimate | None:
    """pass@k of the first method minus the second's; None where no seed has both."""
    values = differences(first, second, **chosen)
    return statistics.estimate_by_t(values) if values and all(values) else None


def differences(first: dict[int, dict], second: dict[int, dict], **chosen) -> list[list[float]]:
    """pass@k of the first method minus the second's, by seed and problem, where both are finished."""
    pairs = [(rates(first[s], **chosen), rates(second[s], **chosen)) for s in sorted(first.keys() & second.keys())]
    return [statistics.problem_differences(*pair) for pair in pairs]


def over_strengths(
    results: Results, first: str, second: str, obscurity: float, strengths: Set[float] = frozenset(), **chosen
) -> dict[int, float]:
    """pass@k of the first method minus the second's by seed, mean over problems and strengths (default: all there are).

    Seeds count that are finished at each strength.
    """
    by_seed: dict[int, list[float]] = {}
    strengths = strengths or {setting.strength for setting in results}
    for strength in strengths:
        by_method = results.get(Setting(strength, obscurity), {})
        ours, theirs = by_method.get(first, {}), by_method.get(second, {})
        for seed in ours.keys() & theirs.keys():
            (values,) = differences({seed: ours[seed]}, {seed: theirs[seed]}, **chosen)
            by_seed.setdefault(seed, []).append(float(np.mean(values)))
    return {s: float(np.mean(values)) for s, values in sorted(by_seed.items()) if len(values) == len(strengths)}


def estimate_of_seeds(by_seed: dict[int, float]) -> statistics.Estimate | None:
    """Mean over seeds with its interval; None where there is none."""
    return statistics.estimate_by_t([[value] for value in by_seed.values()]) if by_seed else None


def growth(
    results: Results, first: str, second: str, obscurities: tuple[float, float], strengths: Set[float] = frozenset()
) -> statistics.Estimate | None:
    """How much greater a difference is at the second obscurity than at the first, as `over_strengths`, by seed.

    A seed has the same problems at every obscurity.
    """
    less, more = (over_strengths(results, first, second, obscurity, strengths) for obscurity in obscurities)
    return estimate_of_seeds({seed: more[seed] - less[seed] for seed in less.keys() & more.keys()})


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


def covered(results: list[dict], tellings: Sequence[str] = TELLINGS) -> list[float]:
    """Share of the seed problems told so that have a kept code, by round, all seeds; empty where none is told so."""
    rounds = list(zip(*(result["sampling"]["rounds"] for result in results), strict=True))
    counts = [np.sum([entry["covered"][t] for entry in entries for t in tellings], axis=0) for entries in rounds]
    return [float(have / problems) for have, problems in counts if problems]
