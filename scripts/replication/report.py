"""The replication study as tables and figures, from its result files alone:

    python -m scripts.replication.report [--results results/replication]

Reads every `<world>-<method>.json` of the folder; prints the tables, writes them there as `report.md`, and draws the
figures. How intervals and differences are computed: `scripts/replication/results.py`.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np

from data.worlds.programs import OTHER, STYLES
from scripts.replication.figures import draw_figures
from scripts.replication.results import (
    COMPARED,
    LABELS,
    NAMES,
    Results,
    by_round,
    differences,
    estimate,
    loss_differences,
    pooled_distance,
    rates,
    read,
)
from scripts.replication.study import METHODS, SAMPLERS
from utils.report.tables import markdown
from utils.run import files

MEASURED = {  # keys of a base model's `measured`, and their columns
    "pass": "sampled codes pass",
    "pass_greedy": "greedy",
    "intent_kept": "descriptions keep the intent",
    "rewrite_kept": "rewritings keep it",
}
MEASURED_LAWS = {"style_given_wording": "style given wording", "wording_given_style": "wording given style"}
ROUNDS_SHOWN = (1, 2, 3, 5, 10)


def main(argv: list[str] | None = None) -> int:
    """Read, print, draw; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", default="results/replication", help="folder of the result files")
    folder = Path(parser.parse_args(argv).results)
    results = read(folder)
    tables = [finished_table(results), *summary(results), base_models(results), *scores(results)]
    tables += [*against_truth(results), execution_filter(results)]
    text = "\n\n".join(filter(None, tables)) + "\n"
    files.write_text(folder / "report.md", text)
    draw_figures(results, folder)
    print(text)
    return 0


def finished_table(results: Results) -> str:
    """How many seeds of each method and strength there are."""
    rows = [
        [NAMES[method], *(str(len(by_method.get(method, {}))) for by_method in results.values())] for method in METHODS
    ]
    return "Seeds finished\n\n" + markdown(["method", *(f"strength {s:g}" for s in results)], rows)


def summary(results: Results) -> list[str]:
    """The outcome at all strengths: sampled pass@1 and L_marg of every method, and paired differences in pass@1."""
    strengths = [f"strength {strength:g}" for strength in results]
    methods, pairs = [], []
    for method in METHODS:
        columns = [list(by_method.get(method, {}).values()) for by_method in results.values()]
        passed = [_percent(by_seed, "samples", 1) if by_seed else "" for by_seed in columns]
        methods.append(
            [NAMES[method], *passed, *(_loss(by_seed, "marginal") if by_seed else "" for by_seed in columns)]
        )
    for first, second in COMPARED:
        columns = [differences(by_method.get(first, {}), by_method.get(second, {}), "samples")
                   for by_method in results.values()]  # fmt: skip
        pairs.append(
            [f"{NAMES[first]} - {NAMES[second]}", *(_difference(values) if values else "" for values in columns)]
        )
    losses = [f"L_marg, {strength}" for strength in strengths]
    return [
        "pass@1 over samples and L_marg\n\n" + markdown(["method", *strengths, *losses], methods),
        "Paired differences in pass@1 over samples, in points\n\n" + markdown(["difference", *strengths], pairs),
    ]


def base_models(results: Results) -> str:
    """Base models on the seed problems, means over seeds; empty if none was measured."""
    rows = []
    for strength, by_method in results.items():
        measured = [result["measured"] for result in by_method.get("base", {}).values() if result.get("measured")]
        if measured:
            shares = (np.mean([entry[key] for entry in measured]) for key in MEASURED)
            laws = (np.mean([entry[key] for entry in measured], axis=0) for key in MEASURED_LAWS)
            rows.append([f"{strength:g}", *map("{:.1%}".format, shares), *("{:.3f} ({:.3f})".format(*v) for v in laws)])
    title = "Base models on seed problems; distances in total variation, in brackets those of as many exact draws"
    return f"{title}\n\n" + markdown(["strength", *MEASURED.values(), *MEASURED_LAWS.values()], rows) if rows else ""


def scores(results: Results) -> list[str]:
    """For every strength the table of methods and that of differences."""
    return [table(strength, by_method) for strength, by_method in results.items() for table in (_methods, _pairs)]


def _methods(strength: float, by_method: dict[str, dict[int, dict]]) -> str:
    header = ["method", "pass@1 greedy", "pass@1 sampled", "pass@10", "distinct right", "kept", "distinct kept"]
    rows = []
    for method in METHODS:
        by_seed = list(by_method.get(method, {}).values())
        if not by_seed:
            continue
        most = min(n for result in by_seed for n, _ in result["samples"].values())
        cells = [NAMES[method]]
        cells += [_percent(by_seed, *rate) for rate in (("greedy", 1), ("samples", 1), ("samples", most))]
        cells.append(f"{np.mean([np.mean(list(result['distinct'].values())) for result in by_seed]):.2f}")
        counts = [pair for result in by_seed if "sampling" in result for pair in result["sampling"]["codes"].values()]
        cells += [f"{np.mean([pair[i] for pair in counts]):.2f}" if counts else "" for i in (0, 1)]
        losses = [_loss(by_seed, kind) for kind in ("marginal", "joint")]
        minutes = np.mean([sum(result["minutes"].values()) for result in by_seed])
        rows.append([*cells, *losses, f"{minutes:.1f}"])
    title = f"Strength {strength:g}: test problems (95 % intervals), codes kept for each seed problem, minutes"
    return f"{title}\n\n" + markdown([*header, "L_marg", "L_joint", "minutes"], rows)


def _percent(by_seed: list[dict], decoding: str, k: int) -> str:
    passed = estimate([list(rates(result, decoding, k).values()) for result in by_seed])
    low, high = passed.interval
    return f"{passed.mean:.1%} ({100 * low:.1f} to {100 * high:.1f})"


def _loss(by_seed: list[dict], kind: str) -> str:
    return f"{np.mean([result['loss'][kind] for result in by_seed]):.4f}"


def _difference(values: list[list[float]]) -> str:
    change = estimate(values)
    low, high = change.interval
    p = "< 0.001" if change.p < 0.001 else f"= {change.p:.3f}"
    return f"{100 * change.mean:+.1f} ({100 * low:+.1f} to {100 * high:+.1f}), p {p}"


def _pairs(strength: float, by_method: dict[str, dict[int, dict]]) -> str:
    rows = []
    for first, second in COMPARED:
        cells = [f"{NAMES[first]} - {NAMES[second]}"]
        for decoding in ("greedy", "samples"):
            values = differences(by_method.get(first, {}), by_method.get(second, {}), decoding)
            if not values:
                break
            cells.append(_difference(values))
        else:
            cells.append(", ".join(f"{100 * np.mean(row):+.1f}" for row in values))
            losses = loss_differences(by_method[first], by_method[second])
            rows.append([*cells, f"{np.mean(losses):+.4f}: {', '.join(f'{value:+.3f}' for value in losses)}"])
    title = f"Strength {strength:g}: paired differences in points, 95 % intervals"
    header = ["difference", "pass@1 greedy", "pass@1 sampled", "sampled, seed by seed", "L_marg: mean, seed by seed"]
    return f"{title}\n\n" + markdown(header, rows)


def against_truth(results: Results) -> list[str]:
    """Distances from the truth: by round, and of training sets."""
    rounds, sets = [], []
    for strength, by_method in results.items():
        for method, sampler in SAMPLERS.items():
            by_seed = list(by_method.get(method, {}).values())
            if by_seed and method != "gift-uniform":
                rounds += _rounds(strength, sampler, by_seed)
            for beta in by_seed[0]["selection"] if by_seed else ():
                chosen = [result["selection"][beta] for result in by_seed]
                name = f"by perplexity, {beta}" if beta != "uniform" else beta
                sets.append([f"{strength:g}", NAMES[method], name, *_distances(chosen, "tv_of_sets")])
    shown = [f"round {i}" for i in ROUNDS_SHOWN]
    return [
        "Distance of the styles of kept codes to P(s | intent), by round: total variation by wording of the seed "
        "description, seeds together\n\n" + markdown(["strength", "sampler", "", *shown], rounds),
        "Training sets: the same distance, and the mean distance of each problem's set; in brackets what as many exact "
        "draws would have\n\n" + markdown(["strength", "method", "selection", "by wording", "each set"], sets),
    ]


def execution_filter(results: Results) -> str:
    """What the execution filter does to styles: samples of the base models for the test problems."""
    rows = []
    for strength, by_method in results.items():
        sampled, passing = Counter(), Counter()
        for result in by_method.get("base", {}).values():
            for kind, counts in (("styles", sampled), ("styles_passing", passing)):
                for row in result[kind].values():
                    counts.update(row)
        for style in (*STYLES, OTHER):
            if sampled[style]:
                share_of_passing = passing[style] / max(1, passing.total())
                shares = (sampled[style] / sampled.total(), passing[style] / sampled[style], share_of_passing)
                rows.append([f"{strength:g}", style, *(f"{share:.1%}" for share in shares)])
    title = "Execution filter: the base models' samples for the test problems, by style"
    return f"{title}\n\n" + markdown(["strength", "style", "sampled", "of these pass", "among passing"], rows)


def _rounds(strength: float, sampler: str, by_seed: list[dict]) -> list[list[str]]:
    measured, noise, perfect = by_round(by_seed)
    shown = [i - 1 for i in ROUNDS_SHOWN if i <= len(measured)]
    empty = [""] * (len(ROUNDS_SHOWN) - len(shown))
    lines = (("measured", measured), ("noise", noise), ("perfect model", perfect))
    return [
        [f"{strength:g}", LABELS[sampler], name, *(f"{values[i]:.3f}" for i in shown), *empty] for name, values in lines
    ]


def _distances(selections: list[dict], key: str) -> list[str]:
    far, noise = pooled_distance(selections)
    # None, for nothing kept, becomes NaN.
    each = np.mean(np.array([selection[key] for selection in selections], dtype=float), axis=0)
    return [f"{far:.3f} ({noise:.3f})", f"{each[0]:.3f} ({each[1]:.3f})"]


if __name__ == "__main__":
    files.run(main)
