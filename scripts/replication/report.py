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
from scripts.replication.cells import corrected_points, percent, points, table
from scripts.replication.explain import by_operations, training_sets, verdicts
from scripts.replication.figures import draw_figures
from scripts.replication.methods import METHODS
from scripts.replication.results import (
    LABELS,
    SAMPLED_BY,
    TELLINGS,
    Results,
    Setting,
    by_round,
    covered,
    difference,
    estimate_of_seeds,
    growth,
    loss_differences,
    over_strengths,
    pooled_distance,
    read,
    score,
)
from utils.report import statistics
from utils.report.statistics import Estimate
from utils.report.tables import markdown
from utils.run import files

COMPARED = (
    ("rft", "base"),
    ("rft", "sft"),
    ("ssd", "base"),
    ("ssd", "rft"),
    ("ssd", "rft-alone"),
    ("gift", "rft"),
    ("gift-uniform", "rft"),
    ("gift-gold", "rft"),
    ("rft-gd", "rft"),
    ("rft-rd", "rft"),
    ("gift", "rft-rd"),
    ("gift", "rft-gd"),
    ("gift-uniform", "rft-gd"),
    ("gift", "gift-gold"),
    ("gift-covered", "rft"),
    ("gift", "gift-covered"),
    ("rft-filled", "rft"),
    ("gift-uniform", "rft-filled"),
    ("exact", "rft"),
    ("exact", "gift-uniform"),
    ("rft-alone", "rft"),
    ("gift-alone", "gift"),
    ("gift-alone", "rft-alone"),
)
GROWING = (
    ("gift", "rft"),
    ("gift-uniform", "rft"),
    ("gift-gold", "rft"),
    ("rft-gd", "rft"),
    ("exact", "rft"),
    ("gift-alone", "rft-alone"),
)
SELECTIONS = (  # each against a draw that is uniform in the same way, with or without replacement
    ("gift-ppl0.5", "gift-ppl0"),
    ("gift", "gift-ppl0"),
    ("gift-ppl8", "gift-ppl0"),
    ("gift-rarity", "gift-ppl0"),
    ("gift", "gift-rarity"),
    ("gift-distinct", "gift-uniform"),
    ("gift-ppl0", "gift-uniform"),
)
MEASURED = {  # keys of a base model's `measured`, and their columns
    "pass_plain": "codes pass, plain",
    "pass_obscure": "obscure",
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
    tables = [finished(results), scores(results), greedy_scores(results), over_both(results), growths(results)]
    tables += [gains(results), apart(results), coverage(results), training_sets(results), *by_operations(results)]
    tables += [verdicts(results), selections(results), likelihood(results), base_models(results)]
    tables += [*against_truth(results), execution_filter(results)]
    text = "\n\n".join(filter(None, tables)) + "\n"
    files.write_text(folder / "report.md", text)
    draw_figures(results, folder)
    print(text)
    return 0


def finished(results: Results) -> str:
    """How many seeds of each method and setting there are."""
    rows = [
        [method.title, *(str(len(by_method.get(name, {}))) for by_method in results.values())]
        for name, method in METHODS.items()
    ]
    return table("Seeds finished", ["method", *results], rows)


def scores(results: Results) -> str:
    """pass@1 over samples of every method, and the codes it had."""
    rows = []
    for name, method in METHODS.items():
        cells = []
        for by_method in results.values():
            by_seed = list(by_method.get(name, {}).values())
            codes = [
                kept for result in by_seed if "sampling" in result for kept, _ in result["sampling"]["codes"].values()
            ]
            passed = score(by_seed)
            cells.append(f"{percent(passed)}{f'; {np.mean(codes):.1f}' if codes else ''}" if passed else "")
        rows.append([method.title, *cells])
    title = "pass@1 over samples at temperature 1, 95 % intervals; codes kept for each seed problem"
    return table(title, ["method", *results], rows)


def greedy_scores(results: Results) -> str:
    """pass@1 of greedy decoding."""
    rows = []
    for name, method in METHODS.items():
        passed = [score(list(by_method.get(name, {}).values()), decoding="greedy") for by_method in results.values()]
        rows.append([method.title, *(percent(share) if share else "" for share in passed)])
    return table("pass@1 of greedy decoding, 95 % intervals", ["method", *results], rows)


def over_both(results: Results) -> str:
    """Differences in pass@1 by obscurity, each seed's mean over the strengths."""
    obscurities = sorted({setting.obscurity for setting in results})
    estimates = [
        [estimate_of_seeds(over_strengths(results, *pair, obscurity)) for obscurity in obscurities] for pair in COMPARED
    ]
    rows = [[_title(pair), *map(points, changes)] for pair, changes in zip(COMPARED, estimates, strict=True)]
    title = "Differences in pass@1 over samples, each seed's mean over the strengths, in points; p not corrected"
    return table(title, ["difference", *(f"obscurity {obscurity:g}" for obscurity in obscurities)], rows)


def growths(results: Results) -> str:
    """How much a difference in pass@1 grows from the least to the greatest obscurity."""
    strengths, obscurities = ({getattr(setting, key) for setting in results} for key in Setting._fields)
    if len(obscurities) == 1:
        return ""
    ends = min(obscurities), max(obscurities)
    columns = {f"strength {strength:g}": {strength} for strength in sorted(strengths)}
    if len(strengths) > 1:
        columns["mean over strengths"] = strengths
    rows = [
        [_title(pair), *(points(growth(results, *pair, ends, chosen)) for chosen in columns.values())]
        for pair in GROWING
    ]
    title = "What a difference gains from obscurity {:g} to {:g}, in points, paired by seed; p not corrected"
    return table(title.format(*ends), ["difference", *columns], rows)


def gains(results: Results) -> str:
    """Paired differences in pass@1, by setting."""
    title = "Differences in pass@1 over samples, paired by seed and problem, in points; p corrected for a line (Holm)"
    rows = [[_title(pair), *corrected_points([_differences(results, pair)])[0]] for pair in COMPARED]
    return table(title, ["difference", *results], rows)


def selections(results: Results) -> str:
    """What each rule of selection adds to the same chains."""
    cells = corrected_points([_differences(results, pair) for pair in SELECTIONS])
    rows = [[_title(pair), *line] for pair, line in zip(SELECTIONS, cells, strict=True)]
    title = "Selection from the same chains, in points; p corrected for the whole table (Holm)"
    return table(title, ["difference", *results], rows)


def _differences(results: Results, pair: tuple[str, str], **chosen) -> list[Estimate | None]:
    first, second = pair
    return [difference(by.get(first, {}), by.get(second, {}), **chosen) for by in results.values()]


def _title(pair: tuple[str, str]) -> str:
    return " - ".join(METHODS[name].title for name in pair)


def apart(results: Results) -> str:
    """GiFT and its controls against RFT, on test problems told plainly and obscurely."""
    rows = []
    for name in ("gift", "gift-uniform", "gift-gold", "rft-rd", "rft-gd", "exact"):
        for telling in TELLINGS:
            pair = (name, "rft")
            rows.append([f"{_title(pair)}, {telling}", *map(points, _differences(results, pair, telling=telling))])
    title = "Differences in pass@1 over samples by the telling of the test problem, in points; p not corrected"
    return table(title, ["difference", *results], rows)


def coverage(results: Results) -> str:
    """Share of seed problems with a kept code, by telling and round."""
    rows = []
    for setting, by_method in results.items():
        for sampler, name in SAMPLED_BY.items():
            by_seed = list(by_method.get(name, {}).values())
            for telling in TELLINGS:
                shares = covered(by_seed, telling) if by_seed else []
                if shares:
                    rows.append([str(setting), LABELS[sampler], telling, *_rounds_shown(shares, "{:.1%}")])
    shown = [f"round {i}" for i in ROUNDS_SHOWN]
    return "Seed problems with a kept code so far\n\n" + markdown(["setting", "sampler", "told", *shown], rows)


def likelihood(results: Results) -> str:
    """L_marg of every method, by telling, and GiFT's difference to RFT seed by seed."""
    rows = []
    for name, method in METHODS.items():
        cells = []
        for by_method in results.values():
            losses = [result["loss"] for result in by_method.get(name, {}).values()]
            means = [np.mean([loss[telling]["marginal"] for loss in losses]) for telling in TELLINGS if losses]
            cells.append(" / ".join(f"{mean:.4f}" for mean in means))
        rows.append([method.title, *cells])
    by_seed = [loss_differences(by.get("gift", {}), by.get("rft", {})) for by in results.values()]
    changes = [
        statistics.estimate_by_t([[value] for value in values]) if len(values) > 1 else None for values in by_seed
    ]
    rows.append(["GiFT - RFT, of the world", *(_loss(change) if change else "" for change in changes)])
    title = "L_marg on plain / obscure descriptions of test intents, nats per token"
    return table(title, ["method", *results], rows)


def _loss(change: Estimate) -> str:
    low, high = change.interval
    return f"{change.mean:+.4f} ({low:+.4f} to {high:+.4f})"


def base_models(results: Results) -> str:
    """Every base model on the seed problems of its world; empty if none was measured."""
    rows, seen = [], set()
    for setting, by_method in results.items():
        for seed, result in sorted(by_method.get("base", {}).items()):
            measured = result.get("measured")
            if measured and (setting.strength, seed) not in seen:  # worlds that differ in obscurity share it
                seen.add((setting.strength, seed))
                shares = (f"{measured[key]:.1%}" for key in MEASURED)
                laws = ("{:.3f} ({:.3f})".format(*measured[key]) for key in MEASURED_LAWS)
                rows.append([f"{setting.strength:g}", str(seed), *shares, *laws])
    title = "Base models on seed problems; distances in total variation, in brackets those of as many exact draws"
    header = ["strength", "seed", *MEASURED.values(), *MEASURED_LAWS.values()]
    return f"{title}\n\n" + markdown(header, rows) if rows else ""


def against_truth(results: Results) -> list[str]:
    """Distances from the truth: by round, and of training sets."""
    rounds, sets = [], []
    for setting, by_method in results.items():
        for sampler, name in SAMPLED_BY.items():
            if by_seed := list(by_method.get(name, {}).values()):
                measured, noise, perfect = by_round(by_seed)
                for title, values in (("measured", measured), ("noise", noise), ("perfect model", perfect)):
                    rounds.append([str(setting), LABELS[sampler], title, *_rounds_shown(values, "{:.3f}")])
        for name in METHODS:
            by_seed = [result for result in by_method.get(name, {}).values() if "selection" in result]
            for rule in by_seed[0]["selection"] if by_seed else ():
                chosen = [result["selection"][rule] for result in by_seed]
                sets.append([str(setting), METHODS[name].title, rule, *_distances(chosen)])
    shown = [f"round {i}" for i in ROUNDS_SHOWN]
    return [
        "Distance of the styles of kept codes to P(s | intent), by round: total variation by wording of the seed "
        "description, seeds together\n\n" + markdown(["setting", "sampler", "", *shown], rounds),
        "Training sets: the same distance, and the mean distance of each problem's set; in brackets what as many exact "
        "draws would have\n\n" + markdown(["setting", "method", "selection", "by wording", "each set"], sets),
    ]


def execution_filter(results: Results) -> str:
    """What the execution filter does to styles: samples of the base models for the test problems."""
    rows = []
    for setting, by_method in results.items():
        sampled, passing = Counter(), Counter()
        for result in by_method.get("base", {}).values():
            for kind, counts in (("styles", sampled), ("styles_passing", passing)):
                for row in result[kind].values():
                    counts.update(row)
        for style in (*STYLES, OTHER):
            if sampled[style]:
                share_of_passing = passing[style] / max(1, passing.total())
                shares = (sampled[style] / sampled.total(), passing[style] / sampled[style], share_of_passing)
                rows.append([str(setting), style, *(f"{share:.1%}" for share in shares)])
    title = "Execution filter: the base models' samples for the test problems, by style"
    return f"{title}\n\n" + markdown(["setting", "style", "sampled", "of these pass", "among passing"], rows)


def _rounds_shown(values: list[float], form: str) -> list[str]:
    return [form.format(values[i - 1]) if i <= len(values) else "" for i in ROUNDS_SHOWN]


def _distances(selections: list[dict]) -> list[str]:
    far, noise = pooled_distance(selections)
    # None, for nothing kept, becomes NaN.
    each = np.mean(np.array([selection["tv_of_sets"] for selection in selections], dtype=float), axis=0)
    return [f"{far:.3f} ({noise:.3f})", f"{each[0]:.3f} ({each[1]:.3f})"]


if __name__ == "__main__":
    files.run(main)
