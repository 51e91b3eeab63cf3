"""The replication study as tables and figures, from its result files alone:

    python -m scripts.replication.report [--results results/replication]

Reads `<world>-<method>.json` of every world and method that is there; prints the tables and writes them, as
`report.md`, and the figures beside them. Intervals are 95 % percentile intervals of a two-level bootstrap: seeds are
drawn with replacement, then problems within each seed. Differences are paired by seed and problem.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from data.worlds.programs import OTHER, STYLES
from eval.passk import pass_at_k
from scripts.replication import truth
from scripts.replication.study import METHODS, SAMPLERS
from utils.report import statistics
from utils.report.tables import markdown
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
COLOURS = {"conditional": "#8a8f98", "rewrite": "#3b6ea5", "gibbs": "#d9822b"}
LABELS = {"conditional": "RFT: P(c | d0)", "rewrite": "RFT+RD: rewriting d0", "gibbs": "GiFT: Gibbs"}
MEASURED = {  # keys of a base model's `measured`, and their columns
    "pass": "sampled codes pass",
    "pass_greedy": "greedy",
    "intent_kept": "descriptions keep the intent",
    "rewrite_kept": "rewritings keep it",
}
MEASURED_LAWS = {"style_given_wording": "style given wording", "wording_given_style": "wording given style"}
ROUNDS_SHOWN = (1, 2, 3, 5, 10)
DRAWS = 4000

Results = dict[float, dict[str, dict[int, dict]]]  # strength -> method -> seed -> result


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
    figures(results, folder)
    print(text)
    return 0


def read(folder: Path) -> Results:
    """Every result of the folder; InputError where there is none."""
    results: Results = {}
    for file in sorted(folder.glob("*.json")):
        found = files.read_json(file, dict)
        own = results.setdefault(found["world"]["strength"], {}).setdefault(found["method"], {})
        own[found["world"]["seed"]] = found
    if not results:
        raise InputError(f"{folder}: no results yet; bash scripts/replicate_world.sh makes them")
    return dict(sorted(results.items()))


# Numbers


def bootstrap(values: Sequence[Sequence[float]]) -> np.ndarray:
    """Means of two-level bootstrap draws; every seed has problems of its own."""
    return statistics.bootstrap_means(values, nested=True, draws=DRAWS)


def mean_and_interval(values: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    """Mean over seeds of the mean over problems, and its 95 % interval."""
    return float(np.mean([np.mean(own) for own in values])), *statistics.interval(bootstrap(values))


def rates(result: dict, decoding: str, k: int = 1) -> dict[str, float]:
    """pass@k of every test problem."""
    return {key: pass_at_k(n, c, k) for key, (n, c) in result[decoding].items()}


def differences(first: dict[int, dict], second: dict[int, dict], decoding: str) -> list[list[float]]:
    """pass@1 of one method less another's, by seed and problem, where both are finished."""
    pairs = [(rates(first[s], decoding), rates(second[s], decoding)) for s in sorted(first.keys() & second.keys())]
    return [[own[key] - other[key] for key in own if key in other] for own, other in pairs]


def loss_differences(first: dict[int, dict], second: dict[int, dict]) -> list[float]:
    """L_marg of one method less another's, by seed, where both are finished; below zero the first is nearer."""
    return [first[s]["loss"]["marginal"] - second[s]["loss"]["marginal"] for s in sorted(first.keys() & second.keys())]


def pooled_distance(results: Sequence[dict]) -> tuple[float, float]:
    """Distance and noise of counted styles to the truth, counts of all seeds together; see `truth.distance`."""
    counts: dict[str, Counter] = {}
    laws: dict[str, Counter] = {}
    for found in results:
        for wording, row in found["styles"].items():
            counts.setdefault(wording, Counter()).update(row)
            number = sum(row.values())
            laws.setdefault(wording, Counter()).update({s: number * p for s, p in found["truth"][wording].items()})
    whole = {w: {style: p / sum(counts[w].values()) for style, p in row.items()} for w, row in laws.items()}
    return truth.distance(counts, whole)


# Tables


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
        own = [list(found.get(method, {}).values()) for found in results.values()]
        passed = [_percent(one, "samples", 1) if one else "" for one in own]
        methods.append([NAMES[method], *passed, *(_loss(one, "marginal") if one else "" for one in own)])
    for first, second in COMPARED:
        values = [differences(found.get(first, {}), found.get(second, {}), "samples") for found in results.values()]
        pairs.append([f"{NAMES[first]} - {NAMES[second]}", *(_difference(one) if one else "" for one in values)])
    losses = [f"L_marg, {strength}" for strength in strengths]
    return [
        "pass@1 over samples and L_marg\n\n" + markdown(["method", *strengths, *losses], methods),
        "Paired differences in pass@1 over samples, in points\n\n" + markdown(["difference", *strengths], pairs),
    ]


def base_models(results: Results) -> str:
    """How good the base models are on the seed problems, means over seeds; empty where none was measured."""
    rows = []
    for strength, found in results.items():
        measured = [one["measured"] for one in found.get("base", {}).values() if one.get("measured")]
        if measured:
            shares = (np.mean([one[key] for one in measured]) for key in MEASURED)
            laws = (np.mean([one[key] for one in measured], axis=0) for key in MEASURED_LAWS)
            rows.append([f"{strength:g}", *map("{:.1%}".format, shares), *("{:.3f} ({:.3f})".format(*v) for v in laws)])
    title = "Base models on seed problems; distances in total variation, in brackets those of as many exact draws"
    return f"{title}\n\n" + markdown(["strength", *MEASURED.values(), *MEASURED_LAWS.values()], rows) if rows else ""


def scores(results: Results) -> list[str]:
    """For every strength the table of methods and that of differences."""
    return [
        part for strength, found in results.items() for part in (_methods(strength, found), _pairs(strength, found))
    ]


def _methods(strength: float, found: dict[str, dict[int, dict]]) -> str:
    header = ["method", "pass@1 greedy", "pass@1 sampled", "pass@10", "distinct right", "kept", "distinct kept"]
    rows = []
    for method in METHODS:
        own = list(found.get(method, {}).values())
        if not own:
            continue
        most = min(n for result in own for n, _ in result["samples"].values())
        cells = [NAMES[method], *(_percent(own, *how) for how in (("greedy", 1), ("samples", 1), ("samples", most)))]
        cells.append(f"{np.mean([np.mean(list(result['distinct'].values())) for result in own]):.2f}")
        codes = [n for result in own if "sampling" in result for n in result["sampling"]["codes"].values()]
        cells += [f"{np.mean([n[i] for n in codes]):.2f}" if codes else "" for i in (0, 1)]
        losses = [_loss(own, kind) for kind in ("marginal", "joint")]
        minutes = np.mean([sum(result["minutes"].values()) for result in own])
        rows.append([*cells, *losses, f"{minutes:.1f}"])
    title = f"Strength {strength:g}: test problems (95 % intervals), codes kept for each seed problem, minutes"
    return f"{title}\n\n" + markdown([*header, "L_marg", "L_joint", "minutes"], rows)


def _percent(own: list[dict], decoding: str, k: int) -> str:
    mean, low, high = mean_and_interval([list(rates(result, decoding, k).values()) for result in own])
    return f"{mean:.1%} ({100 * low:.1f} to {100 * high:.1f})"


def _loss(own: list[dict], kind: str) -> str:
    return f"{np.mean([result['loss'][kind] for result in own]):.4f}"


def _difference(values: list[list[float]]) -> str:
    mean, low, high = (100 * value for value in mean_and_interval(values))
    p = statistics.p_value(bootstrap(values))
    return f"{mean:+.1f} ({low:+.1f} to {high:+.1f}), p {'< 0.001' if p < 0.001 else f'= {p:.3f}'}"


def _pairs(strength: float, found: dict[str, dict[int, dict]]) -> str:
    rows = []
    for first, second in COMPARED:
        cells = [f"{NAMES[first]} - {NAMES[second]}"]
        for decoding in ("greedy", "samples"):
            values = differences(found.get(first, {}), found.get(second, {}), decoding)
            if not values:
                break
            cells.append(_difference(values))
        else:
            cells.append(", ".join(f"{100 * np.mean(own):+.1f}" for own in values))
            losses = loss_differences(found[first], found[second])
            rows.append([*cells, f"{np.mean(losses):+.4f}: {', '.join(f'{value:+.3f}' for value in losses)}"])
    title = f"Strength {strength:g}: paired differences in points, 95 % intervals"
    header = ["difference", "pass@1 greedy", "pass@1 sampled", "sampled, seed by seed", "L_marg: mean, seed by seed"]
    return f"{title}\n\n" + markdown(header, rows)


def against_truth(results: Results) -> list[str]:
    """Distances to the truth: by round, and of training sets."""
    rounds, sets = [], []
    for strength, found in results.items():
        for method, sampler in SAMPLERS.items():
            own = list(found.get(method, {}).values())
            if own and method != "gift-uniform":
                rounds += _rounds(strength, sampler, own)
            for beta in own[0]["selection"] if own else ():
                chosen = [result["selection"][beta] for result in own]
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
    for strength, found in results.items():
        all_, passing = Counter(), Counter()
        for result in found.get("base", {}).values():
            for kind, counts in (("styles", all_), ("styles_passing", passing)):
                for row in result[kind].values():
                    counts.update(row)
        drawn, right = sum(all_.values()), max(1, sum(passing.values()))
        for style in (*STYLES, OTHER):
            if all_[style]:
                shares = (all_[style] / drawn, passing[style] / all_[style], passing[style] / right)
                rows.append([f"{strength:g}", style, *(f"{share:.1%}" for share in shares)])
    title = "Execution filter: the base models' samples for the test problems, by style"
    return f"{title}\n\n" + markdown(["strength", "style", "sampled", "of these pass", "among passing"], rows)


def _rounds(strength: float, sampler: str, own: list[dict]) -> list[list[str]]:
    measured, noise, perfect = by_round(own)
    shown = [i - 1 for i in ROUNDS_SHOWN if i <= len(measured)]
    empty = [""] * (len(ROUNDS_SHOWN) - len(shown))
    lines = (("measured", measured), ("noise", noise), ("perfect model", perfect))
    return [
        [f"{strength:g}", LABELS[sampler], name, *(f"{values[i]:.3f}" for i in shown), *empty] for name, values in lines
    ]


def by_round(own: list[dict]) -> tuple[list[float], list[float], list[float]]:
    """Measured distance, noise and the distance of a perfect model, by round, seeds together."""
    rounds = list(zip(*(result["sampling"]["rounds"] for result in own), strict=True))
    pooled = [pooled_distance(now) for now in rounds]
    perfect = [float(np.mean([one["tv_of_perfect_model"] for one in now])) for now in rounds]
    return [far for far, _ in pooled], [noise for _, noise in pooled], perfect


def _distances(own: list[dict], key: str) -> list[str]:
    far, noise = pooled_distance(own)
    each = np.mean(np.array([one[key] for one in own], dtype=float), axis=0)  # None, where nothing was kept, is NaN
    return [f"{far:.3f} ({noise:.3f})", f"{each[0]:.3f} ({each[1]:.3f})"]


# Figures


def figures(results: Results, folder: Path) -> None:
    """`distance.png`, `pass_at_1.png`, `differences.png`, `coverage.png`."""
    import matplotlib

    matplotlib.use("Agg")
    draw(results, folder / "distance.png", "distance of kept codes' styles to P(s | intent)", _draw_distance)
    draw(results, folder / "pass_at_1.png", "pass@1 (%), 95 % intervals", _draw_scores)
    draw_differences(results, folder / "differences.png")
    draw(results, folder / "coverage.png", "distance of all codes kept so far, each problem", _draw_coverage, own=True)


def draw(results: Results, path: Path, label: str, fill: Callable, own: bool = False) -> None:
    """A panel for each strength, filled by `fill(axes, results by method)`; one legend below, or each panel its own."""
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, len(results), figsize=(4.6 * len(results), 4.6), sharey=True, squeeze=False)
    for axes, (strength, found) in zip(panels[0], results.items(), strict=True):
        fill(axes, found)
        axes.set_title(f"strength {strength:g}")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0][0].set_ylabel(label)
    panels[0][0].set_ylim(bottom=0)  # all panels share it, so not before the last is filled
    names: dict[str, object] = {}
    for axes in panels[0]:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            names.setdefault(name, handle)
        if names and own:
            axes.legend(frameon=False, fontsize=8)
    lines = 0
    if names and not own:
        lines = -(-len(names) // (2 * len(results)))
        columns = -(-len(names) // lines)  # lines of the legend as long as each other
        figure.legend(names.values(), names, loc="lower center", ncols=columns, frameon=False, fontsize=8)
    figure.tight_layout(rect=(0, 0.05 * lines, 1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw_differences(results: Results, path: Path) -> None:
    """Paired differences of `COMPARED`: in sampled pass@1 with 95 % intervals, in L_marg a point for every seed."""
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True)
    labels = [f"{NAMES[first]} - {NAMES[second]}" for first, second in COMPARED]
    for number, (strength, found) in enumerate(results.items()):
        colour = plt.get_cmap("viridis")(0.15 + 0.7 * number / max(1, len(results) - 1))
        left.plot([], [], "o", color=colour, label=f"strength {strength:g}")
        for row, pair in enumerate(COMPARED):
            first, second = (found.get(method, {}) for method in pair)
            place, values = -row - 0.2 * (number - (len(results) - 1) / 2), differences(first, second, "samples")
            if not values:
                continue
            mean, low, high = (100 * value for value in mean_and_interval(values))
            left.errorbar(mean, place, xerr=[[mean - low], [high - mean]], fmt="o", color=colour, capsize=2)
            losses = loss_differences(first, second)
            right.plot(losses, [place] * len(losses), "o", color=colour, alpha=0.5, markersize=4)
            right.plot(np.mean(losses), place, "|", color=colour, markersize=12)
    left.set_yticks([-row for row in range(len(labels))], labels)
    left.set_xlabel("pass@1 over samples, points, 95 % intervals")
    right.set_xlabel("L_marg (less is better), every seed and mean")
    for axes in (left, right):
        axes.axvline(0, color="black", linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
    left.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _draw_distance(axes, found: dict) -> None:
    for method, sampler in SAMPLERS.items():
        own = list(found.get(method, {}).values())
        if not own or method == "gift-uniform":
            continue
        measured, noise, perfect = by_round(own)
        places = range(1, len(measured) + 1)
        axes.plot(places, measured, color=COLOURS[sampler], marker="o", label=LABELS[sampler])
        axes.plot(places, perfect, color=COLOURS[sampler], linestyle="--", label=f"{LABELS[sampler]}, perfect model")
        if method == "gift":
            axes.plot(places, noise, color="black", linestyle=":", label="as many exact draws")
    axes.set_xlabel("round")


def _draw_coverage(axes, found: dict) -> None:
    for method, sampler in SAMPLERS.items():
        own = list(found.get(method, {}).values())
        if not own or method == "gift-uniform":
            continue
        kept = [[one["tv_of_all_kept"] for one in result["sampling"]["rounds"]] for result in own]
        far = np.mean(np.array(kept, dtype=float), axis=0)  # (rounds, 2)
        places = range(1, len(far) + 1)
        codes = np.mean([n[1] for result in own for n in result["sampling"]["codes"].values()])
        label = f"{LABELS[sampler]}: {codes:.1f} distinct codes"
        axes.plot(places, far[:, 0], color=COLOURS[sampler], marker="o", label=label)
        if method == "gift":
            axes.plot(places, far[:, 1], color="black", linestyle=":", label="as many exact draws")
    axes.set_xlabel("round")


def _draw_scores(axes, found: dict) -> None:
    methods = [method for method in METHODS if found.get(method)]
    for shift, decoding, colour in ((-0.2, "greedy", "#3b6ea5"), (0.2, "samples", "#d9822b")):
        means = [
            mean_and_interval([list(rates(result, decoding).values()) for result in found[method].values()])
            for method in methods
        ]
        heights = [100 * mean for mean, _, _ in means]
        errors = [[100 * (m - low) for m, low, _ in means], [100 * (high - m) for m, _, high in means]]
        places = np.arange(len(methods)) + shift
        axes.bar(places, heights, 0.4, yerr=errors, color=colour, capsize=2, label="greedy" if shift < 0 else "sampled")
    axes.set_xticks(range(len(methods)), [NAMES[method] for method in methods], rotation=30, ha="right")


if __name__ == "__main__":
    files.run(main)
