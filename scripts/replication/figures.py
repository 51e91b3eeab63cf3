"""The figures of the replication study."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from scripts.replication.results import (
    COMPARED,
    LABELS,
    NAMES,
    Results,
    by_round,
    differences,
    estimate,
    loss_differences,
    rates,
)
from scripts.replication.study import METHODS, SAMPLERS

COLOURS = {"conditional": "#8a8f98", "rewrite": "#3b6ea5", "gibbs": "#d9822b"}


def draw_figures(results: Results, folder: Path) -> None:
    """`distance.png`, `pass_at_1.png`, `differences.png`, `coverage.png`."""
    import matplotlib

    matplotlib.use("Agg")
    draw(results, folder / "distance.png", "distance of kept codes' styles to P(s | intent)", _draw_distance)
    draw(results, folder / "pass_at_1.png", "pass@1 (%), 95 % intervals", _draw_scores)
    draw_differences(results, folder / "differences.png")
    draw(results, folder / "coverage.png", "distance of all codes kept so far, each problem", _draw_coverage, True)


def draw(results: Results, path: Path, label: str, fill: Callable, legends: bool = False) -> None:
    """A panel for each strength, filled by `fill(axes, results by method)`.

    One legend below all panels, or with `legends` one in each.
    """
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, len(results), figsize=(4.6 * len(results), 4.6), sharey=True, squeeze=False)
    for axes, (strength, by_method) in zip(panels[0], results.items(), strict=True):
        fill(axes, by_method)
        axes.set_title(f"strength {strength:g}")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0][0].set_ylabel(label)
    panels[0][0].set_ylim(bottom=0)  # all panels share it, so only after the last is filled
    names: dict[str, object] = {}
    for axes in panels[0]:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            names.setdefault(name, handle)
        if names and legends:
            axes.legend(frameon=False, fontsize=8)
    lines = 0
    if names and not legends:
        lines = -(-len(names) // (2 * len(results)))
        columns = -(-len(names) // lines)  # legend lines of equal length
        figure.legend(names.values(), names, loc="lower center", ncols=columns, frameon=False, fontsize=8)
    figure.tight_layout(rect=(0, 0.05 * lines, 1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw_differences(results: Results, path: Path) -> None:
    """Paired differences of `COMPARED`: in sampled pass@1 with 95 % intervals, in L_marg a dot for every seed."""
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True)
    labels = [f"{NAMES[first]} - {NAMES[second]}" for first, second in COMPARED]
    for index, (strength, by_method) in enumerate(results.items()):
        colour = plt.get_cmap("viridis")(0.15 + 0.7 * index / max(1, len(results) - 1))
        left.plot([], [], "o", color=colour, label=f"strength {strength:g}")
        for row, pair in enumerate(COMPARED):
            first, second = (by_method.get(method, {}) for method in pair)
            height, values = -row - 0.2 * (index - (len(results) - 1) / 2), differences(first, second, "samples")
            if not values:
                continue
            change = estimate(values)
            mean, low, high = (100 * value for value in (change.mean, *change.interval))
            left.errorbar(mean, height, xerr=[[mean - low], [high - mean]], fmt="o", color=colour, capsize=2)
            losses = loss_differences(first, second)
            right.plot(losses, [height] * len(losses), "o", color=colour, alpha=0.5, markersize=4)
            right.plot(np.mean(losses), height, "|", color=colour, markersize=12)
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


def _by_sampler(by_method: dict) -> Iterator[tuple[str, list[dict]]]:
    """Each sampler with its results, which `gift-uniform` shares with `gift`."""
    for method, sampler in SAMPLERS.items():
        if by_method.get(method) and method != "gift-uniform":
            yield sampler, list(by_method[method].values())


def _draw_distance(axes, by_method: dict) -> None:
    for sampler, by_seed in _by_sampler(by_method):
        measured, noise, perfect = by_round(by_seed)
        rounds = range(1, len(measured) + 1)
        axes.plot(rounds, measured, color=COLOURS[sampler], marker="o", label=LABELS[sampler])
        axes.plot(rounds, perfect, color=COLOURS[sampler], linestyle="--", label=f"{LABELS[sampler]}, perfect model")
        if sampler == "gibbs":
            axes.plot(rounds, noise, color="black", linestyle=":", label="as many exact draws")
    axes.set_xlabel("round")


def _draw_coverage(axes, by_method: dict) -> None:
    for sampler, by_seed in _by_sampler(by_method):
        kept = [[entry["tv_of_all_kept"] for entry in result["sampling"]["rounds"]] for result in by_seed]
        distances = np.mean(np.array(kept, dtype=float), axis=0)  # (rounds, 2)
        rounds = range(1, len(distances) + 1)
        distinct = np.mean([pair[1] for result in by_seed for pair in result["sampling"]["codes"].values()])
        label = f"{LABELS[sampler]}: {distinct:.1f} distinct codes"
        axes.plot(rounds, distances[:, 0], color=COLOURS[sampler], marker="o", label=label)
        if sampler == "gibbs":
            axes.plot(rounds, distances[:, 1], color="black", linestyle=":", label="as many exact draws")
    axes.set_xlabel("round")


def _draw_scores(axes, by_method: dict) -> None:
    methods = [method for method in METHODS if by_method.get(method)]
    for shift, decoding, colour in ((-0.2, "greedy", "#3b6ea5"), (0.2, "samples", "#d9822b")):
        passed = [
            estimate([list(rates(result, decoding).values()) for result in by_method[method].values()])
            for method in methods
        ]
        heights = [100 * score.mean for score in passed]
        errors = [[100 * (score.mean - score.interval[0]) for score in passed]]
        errors.append([100 * (score.interval[1] - score.mean) for score in passed])
        axes.bar(
            np.arange(len(methods)) + shift,
            heights,
            0.4,
            yerr=errors,
            color=colour,
            capsize=2,
            label="greedy" if shift < 0 else "sampled",
        )
    axes.set_xticks(range(len(methods)), [NAMES[method] for method in methods], rotation=30, ha="right")
