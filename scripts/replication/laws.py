"""Tables of the replication report that hold models, codes and training sets against the law of their world."""

from __future__ import annotations

from collections import Counter

import numpy as np

from data.worlds.programs import OTHER, STYLES
from scripts.replication.cells import by_strength, of_seeds, section, table
from scripts.replication.methods import METHODS
from scripts.replication.results import (
    LABELS,
    SAMPLED_BY,
    TELLINGS,
    Results,
    by_round,
    loss_differences,
    pooled_distance,
)
from utils.report import statistics

MEASURED = {  # keys of a base model's `measured`, and their columns
    "pass_plain": "codes pass, plain",
    "pass_obscure": "obscure",
    "intent_kept": "descriptions keep the intent",
    "rewrite_kept": "rewritings keep it",
}
MEASURED_LAWS = {"style_given_wording": "style given wording", "wording_given_style": "wording given style"}
ROUNDS_SHOWN = (1, 2, 3, 5, 10)


def likelihood(results: Results) -> str:
    """L_marg of every method, by telling, and GiFT's difference to RFT seed by seed."""
    rows = []
    for name, method in METHODS.items():
        cells = []
        for by_method in results.values():
            losses = [result["loss"] for result in by_method.get(name, {}).values()]
            means = [np.mean([loss[telling]["marginal"] for loss in losses]) for telling in TELLINGS if losses]
            cells.append(of_seeds(" / ".join(f"{mean:.4f}" for mean in means), by_method, name))
        rows.append([method.title, *cells])
    changes = [loss_differences(by.get("gift", {}), by.get("rft", {})) for by in results.values()]
    rows.append(["GiFT - RFT", *map(_change_of_loss, changes)])
    note = (
        "L_marg, nats per token: the loss of valid programs under every wording and style of a test intent, plain / "
        "obscure; less is better. GiFT - RFT is of the world, whose obscurity weighs the two."
    )
    return section("Likelihood of all valid descriptions", note, *by_strength("method", results, rows))


def _change_of_loss(by_seed: list[float]) -> str:
    if len(by_seed) < 2:
        return ""
    change = statistics.estimate_by_t([[value] for value in by_seed])
    low, high = change.interval
    return f"{change.mean:+.4f} ({low:+.4f} to {high:+.4f})"


def base_models(results: Results) -> str:
    """Every base model on the seed problems of its world; empty if none was measured."""
    rows = {}
    for setting, by_method in results.items():
        for seed, result in by_method.get("base", {}).items():
            if measured := result.get("measured"):  # shared by worlds that differ in obscurity
                shares = (f"{measured[key]:.1%}" for key in MEASURED)
                laws = ("{:.3f} ({:.3f})".format(*measured[key]) for key in MEASURED_LAWS)
                rows[setting.strength, seed] = [f"{setting.strength:g}", str(seed), *shares, *laws]
    note = (
        "On seed problems. The last two: total variation of what the model writes from the world's law; in brackets "
        "that of as many exact draws."
    )
    header = ["strength", "seed", *MEASURED.values(), *MEASURED_LAWS.values()]
    return section("Base models", note, table(header, [row for _, row in sorted(rows.items())]))


def distances(results: Results) -> list[str]:
    """Distances from the truth: of kept codes by round, and of training sets."""
    rounds, sets = [], []
    for setting, by_method in results.items():
        for sampler, name in SAMPLED_BY.items():
            if by_seed := list(by_method.get(name, {}).values()):
                by_kind = zip(*by_round(by_seed), strict=True)
                cells = ["{:.3f} ({:.3f}; {:.3f})".format(*kinds) for kinds in by_kind]
                rounds.append([str(setting), LABELS[sampler], *rounds_shown(cells)])
        for name in METHODS:
            by_seed = [result for result in by_method.get(name, {}).values() if "selection" in result]
            for rule in by_seed[0]["selection"] if by_seed else ():
                chosen = [result["selection"][rule] for result in by_seed]
                sets.append([str(setting), METHODS[name].title, rule, *_distances(chosen)])
    measured = (
        "Total variation between the styles of a round's kept codes and the world's P(style | intent), by wording of "
        "the seed description, all seeds together. In brackets: as many exact draws; a perfect model, without noise."
    )
    of_sets = (
        "The same distance of training sets, and its mean over each problem's own set; in brackets that of as many "
        'exact draws. Numbers under "selection" are inverse temperatures of perplexity.'
    )
    return [
        section("Styles by round", measured, table(["setting", "sampler", *round_titles()], rounds)),
        section("Styles of training sets", of_sets,
                table(["setting", "method", "selection", "by wording", "each set"], sets)),
    ]  # fmt: skip


def _distances(selections: list[dict]) -> list[str]:
    far, noise = pooled_distance(selections)
    # None, for nothing kept, becomes NaN.
    each = np.mean(np.array([selection["tv_of_sets"] for selection in selections], dtype=float), axis=0)
    return [f"{far:.3f} ({noise:.3f})", f"{each[0]:.3f} ({each[1]:.3f})"]


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
    note = "The base models' samples for the test problems, by style: what the filter prefers."
    header = ["setting", "style", "sampled", "of these pass", "among passing"]
    return section("Execution filter", note, table(header, rows))


def round_titles() -> list[str]:
    """Headers of the rounds that tables show."""
    return [f"round {i}" for i in ROUNDS_SHOWN]


def rounds_shown(cells: list[str]) -> list[str]:
    """The cells of those rounds."""
    return [cells[i - 1] if i <= len(cells) else "" for i in ROUNDS_SHOWN]
