"""The replication study as tables and figures, from its result files alone:

    python -m scripts.replication.report [--results results/replication]

Reads every `<world>-<method>.json` of the folder; prints the tables, writes them there as `report.md`, and draws the
figures. How intervals and differences are computed: `scripts/replication/results.py`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from scripts.replication.cells import by_strength, corrected_points, of_seeds, percent, points, section, table
from scripts.replication.explain import by_operations, coverage, training_sets, verdicts
from scripts.replication.figures import draw_figures
from scripts.replication.laws import base_models, distances, execution_filter, likelihood
from scripts.replication.methods import METHODS
from scripts.replication.prediction import section_of_prediction
from scripts.replication.results import (
    TELLINGS,
    Results,
    Setting,
    difference,
    estimate_of_seeds,
    growth,
    over_strengths,
    read,
    score,
)
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
)
SELECTIONS = (
    ("gift", "gift-uniform"),  # as predicted: perplexity and rarity against uniform
    ("gift-rarity", "gift-uniform"),
    ("gift-distinct", "gift-uniform"),
    ("gift", "gift-rarity"),
    ("gift-ppl0", "gift-uniform"),  # with replacement against without
    ("gift-ppl0.5", "gift-ppl0"),  # perplexity alone
    ("gift", "gift-ppl0"),
    ("gift-ppl8", "gift-ppl0"),
    ("gift-rarity", "gift-ppl0"),
)
ABOUT = """\
# Does GiFT beat RFT? All results

What the methods and worlds are, the prediction and a reading: `scripts/replication/README.md`. "Strength" is the tie
between the wording of a description and the style of its program, "obscurity" the share of descriptions that are told
obscurely, "plain" and "obscure" how a description is told. Unless a title says otherwise: pass@1 over 10 samples at
temperature 1 for each test problem; differences paired by seed and problem, in points; 95 % intervals and two-sided
p-values of Student's t over the seeds. A cell of fewer seeds than the base model has names them; one seed has no
interval."""
UNCORRECTED = "p-values are not corrected: to explore, not to claim."
PER_LINE = "p-values are corrected for the settings, both strengths together (Holm)."


def main(argv: list[str] | None = None) -> int:
    """Read, print, draw; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", default="results/replication", help="folder of the result files")
    folder = Path(parser.parse_args(argv).results)
    results = read(folder)
    sections = [ABOUT, section_of_prediction(results), over_both(results), growths(results), coverage(results)]
    sections += [scores(results), greedy_scores(results), gains(results), selections(results), apart(results)]
    sections += [training_sets(results), by_operations(results), verdicts(results), likelihood(results)]
    sections += [base_models(results), *distances(results), execution_filter(results), finished(results)]
    text = "\n\n".join(filter(None, sections)) + "\n"
    files.write_text(folder / "report.md", text)
    draw_figures(results, folder)
    print(text)
    return 0


def over_both(results: Results) -> str:
    """Differences in pass@1 by obscurity, each seed's mean over the strengths."""
    obscurities = sorted({setting.obscurity for setting in results})
    rows = [
        [_title(pair), *(points(estimate_of_seeds(over_strengths(results, *pair, o))) for o in obscurities)]
        for pair in COMPARED
    ]
    note = f"Each seed's mean over the strengths, for seeds that have both. {UNCORRECTED}"
    return section("Differences", note, table(["difference", *(f"obscurity {o:g}" for o in obscurities)], rows))


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
    title = "What a difference gains from obscurity {:g} to {:g}".format(*ends)
    note = f"Paired by seed, which has the same problems at both. {UNCORRECTED}"
    return section(title, note, table(["difference", *columns], rows))


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
            cell = f"{percent(score(by_seed))}{f'; {np.mean(codes):.1f}' if codes else ''}"
            cells.append(of_seeds(cell, by_method, name))
        rows.append([method.title, *cells])
    note = (
        'Behind the semicolon: codes kept for each seed problem, among them copies of gold for "gold codes for the '
        'rest" and unverified ones for SSD.'
    )
    return section("pass@1 over samples", note, *by_strength("method", results, rows))


def greedy_scores(results: Results) -> str:
    """pass@1 of greedy decoding."""
    rows = []
    for name, method in METHODS.items():
        passed = [
            of_seeds(percent(score(list(by.get(name, {}).values()), decoding="greedy")), by, name)
            for by in results.values()
        ]
        rows.append([method.title, *passed])
    return section(
        "pass@1 of greedy decoding", "One completion for each problem.", *by_strength("method", results, rows)
    )


def gains(results: Results) -> str:
    """Paired differences in pass@1, by setting."""
    return section("Differences by setting", PER_LINE, *_corrected(results, COMPARED))


def selections(results: Results) -> str:
    """What each rule of selection adds to the same chains."""
    note = (
        "Which of the chain's codes a model is trained on. Selection by weights draws with replacement, uniform "
        f"selection does not, so perplexity 0, equal weights, stands between them. {PER_LINE}"
    )
    return section("Selection from the same chains", note, *_corrected(results, SELECTIONS))


def _corrected(results: Results, pairs: tuple[tuple[str, str], ...]) -> list[str]:
    rows = []
    for pair in pairs:
        changes = [difference(by.get(pair[0], {}), by.get(pair[1], {})) for by in results.values()]
        cells = zip(corrected_points(changes), results.values(), strict=True)
        rows.append([_title(pair), *(of_seeds(cell, by_method, *pair) for cell, by_method in cells)])
    return by_strength("difference", results, rows)


def apart(results: Results) -> str:
    """GiFT and its controls against RFT, on test problems told plainly and obscurely."""
    rows = []
    for name in ("gift", "gift-uniform", "gift-gold", "rft-rd", "rft-gd", "exact"):
        for telling in TELLINGS:
            cells = []
            for by_method in results.values():
                change = difference(by_method.get(name, {}), by_method.get("rft", {}), telling=telling)
                cells.append(of_seeds(points(change), by_method, name, "rft"))
            rows.append([f"{_title((name, 'rft'))}, {telling}", *cells])
    return section("Differences by how a test problem is told", UNCORRECTED, *by_strength("difference", results, rows))


def finished(results: Results) -> str:
    """Which seeds of each method and setting there are."""
    rows = [
        [method.title, *(" ".join(map(str, sorted(by_method.get(name, {})))) for by_method in results.values())]
        for name, method in METHODS.items()
    ]
    return section("Seeds finished", "By method and setting.", *by_strength("method", results, rows))


def _title(pair: tuple[str, str]) -> str:
    return " - ".join(METHODS[name].title for name in pair)


if __name__ == "__main__":
    files.run(main)
