"""The figures of the replication study."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from scripts.replication.explain import COVERED_BY
from scripts.replication.methods import METHODS
from scripts.replication.results import LABELS, SAMPLED_BY, TELLINGS, Results, by_round, covered, difference

COLOURS = {"conditional": "#8a8f98", "rewrite": "#3b6ea5", "gold": "#5a9367", "gibbs": "#d9822b"}
GAINING = {
    "gift": "#d9822b",
    "gift-uniform": "#e8b27d",
    "gift-gold": "#a3502f",
    "rft-gd": "#5a9367",
    "rft-rd": "#3b6ea5",
    "gift-covered": "#8a8f98",
}


def draw_figures(results: Results, folder: Path) -> None:
    """`gain.png`, `coverage.png`, `distance.png`."""
    import matplotlib

    matplotlib.use("Agg")
    draw_gain(results, folder / "gain.png")
    draw_panels(results, folder / "coverage.png", "seed problems with a kept code so far", _draw_coverage)
    draw_panels(results, folder / "distance.png", "distance of kept codes' styles to P(s | intent)", _draw_distance)


def draw_gain(results: Results, path: Path) -> None:
    """pass@1 over RFT's against obscurity, 95 % intervals: a panel for each strength, a line for each method."""
    from matplotlib import pyplot as plt

    strengths = sorted({setting.strength for setting in results})
    figure, panels = plt.subplots(1, len(strengths), figsize=(5.2 * len(strengths), 4.6), sharey=True, squeeze=False)
    for axes, strength in zip(panels[0], strengths, strict=True):
        for index, (name, colour) in enumerate(GAINING.items()):
            points = []
            for setting, by_method in results.items():
                gain = difference(by_method.get(name, {}), by_method.get("rft", {}))
                if setting.strength == strength and gain:
                    low, high = gain.interval
                    points.append((setting.obscurity, gain.mean, gain.mean - low, high - gain.mean))
            if points:
                x, y, below, above = np.array(points).T
                shift = 0.018 * (index - (len(GAINING) - 1) / 2)  # so that intervals do not hide each other
                errors = 100 * np.array([below, above])
                title = METHODS[name].title
                axes.errorbar(x + shift, 100 * y, yerr=errors, color=colour, marker="o", capsize=2, label=title)
        axes.axhline(0, color="black", linewidth=0.8)
        axes.set_xticks(sorted({setting.obscurity for setting in results}))
        axes.set_xlim(-0.15, 1.15)
        axes.set_title(f"strength {strength:g}")
        axes.set_xlabel("obscurity: share of descriptions told obscurely")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0][0].set_ylabel("pass@1 against RFT, points")
    _finish(figure, panels[0], path)


def draw_panels(results: Results, path: Path, label: str, fill: Callable) -> None:
    """A panel for each setting, filled by `fill(axes, results by method)`, strengths below each other."""
    from matplotlib import pyplot as plt

    strengths = sorted({setting.strength for setting in results})
    obscurities = sorted({setting.obscurity for setting in results})
    size = (4.2 * len(obscurities), 3.4 * len(strengths) + 0.6)
    figure, panels = plt.subplots(len(strengths), len(obscurities), figsize=size, sharey=True, squeeze=False)
    for setting, by_method in results.items():
        axes = panels[strengths.index(setting.strength)][obscurities.index(setting.obscurity)]
        fill(axes, by_method)
        axes.set_title(str(setting), fontsize=10)
        axes.set_xlabel("round")
    for axes in panels.flat:
        axes.spines[["top", "right"]].set_visible(False)
    panels[0][0].set_ylim(bottom=0)  # all panels share it, so only after the last is filled
    figure.supylabel(label, fontsize=10)
    _finish(figure, panels.flat, path)


def _finish(figure, panels, path: Path) -> None:
    """One legend below all panels; save."""
    from matplotlib import pyplot as plt

    names: dict[str, object] = {}
    for axes in panels:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            names.setdefault(name, handle)
    lines = -(-len(names) // max(1, int(figure.get_figwidth() // 2.6)))
    if names:
        columns = -(-len(names) // lines)  # legend lines of equal length
        figure.legend(names.values(), names, loc="lower center", ncols=columns, frameon=False, fontsize=8)
    figure.tight_layout(rect=(0, 0.25 * lines / figure.get_figheight(), 1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _draw_coverage(axes, by_method: dict) -> None:
    for name, title in COVERED_BY.items():
        by_seed = list(by_method.get(name, {}).values())
        colour = next(COLOURS[sampler] for sampler, shown in SAMPLED_BY.items() if shown == name)
        for telling, line in zip(TELLINGS, ("--", "-"), strict=True):
            shares = covered(by_seed, [telling]) if by_seed else []
            if shares:
                label = f"{title}, {telling}"
                axes.plot(range(1, len(shares) + 1), shares, line, color=colour, marker=".", label=label)


def _draw_distance(axes, by_method: dict) -> None:
    for sampler, name in SAMPLED_BY.items():
        by_seed = list(by_method.get(name, {}).values())
        if not by_seed:
            continue
        measured, noise, perfect = by_round(by_seed)
        rounds = range(1, len(measured) + 1)
        axes.plot(rounds, measured, color=COLOURS[sampler], marker=".", label=LABELS[sampler])
        if sampler != "gold":  # whose law is that of rewriting
            axes.plot(
                rounds, perfect, color=COLOURS[sampler], linestyle="--", label=f"{LABELS[sampler]}, perfect model"
            )
        axes.plot(
            rounds,
            noise,
            color=COLOURS[sampler],
            linestyle=":",
            linewidth=1,
            label=f"as many exact draws, {METHODS[name].title}",
        )
