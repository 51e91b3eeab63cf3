"""Figures of reports. Series differ in marker and line as well as in colour, so that they can be read in grey print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib import ticker

from utils.forms import FORMS
from utils.report.statistics import Interval
from utils.run.files import InputError

if TYPE_CHECKING:
    from utils.report.chains import Summary
    from utils.report.preview import Preview
    from utils.report.results import Row, Score

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

BLUE, ORANGE, GREY = "#3b6ea5", "#d9822b", "#8a8f98"
GREEN, PURPLE, BLACK = "#4b8b5b", "#7a5195", "#222222"
STYLES = (
    {"color": BLUE, "marker": "o", "linestyle": "-"},
    {"color": ORANGE, "marker": "D", "linestyle": "--"},
    {"color": GREY, "marker": "s", "linestyle": ":"},
    {"color": GREEN, "marker": "^", "linestyle": "-."},
    {"color": PURPLE, "marker": "v", "linestyle": (0, (5, 1, 1, 1, 1, 1))},
    {"color": BLACK, "marker": "x", "linestyle": (0, (1, 3))},
)
METHOD_STYLES = {"RFT": 0, "GiFT": 1, "RFT+RD": 2, "SFT": 3, "base": 4, "SSD": 5}  # the same in every figure
SAMPLER_STYLES = {"conditional": 0, "gibbs": 1, "rewrite": 2}
MEASURES = {"exact": "exact", "renamed": "after renaming variables", "shape": "by syntax-tree shape"}


def style(index: int) -> dict:
    """Colour, marker and line of the series at `index`; they repeat after six."""
    return STYLES[index % len(STYLES)]


def save(figure, path: Path) -> None:
    """Write a figure as PNG and close it."""
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def line(axes, x: Sequence, intervals: Sequence[Interval | None], index: int, label: str) -> None:
    """A series of means with its 95 % intervals as a band; None leaves a gap."""
    known = [(position, *interval) for position, interval in zip(x, intervals, strict=True) if interval is not None]
    if known:
        positions, means, ends = zip(*known, strict=True)
        axes.plot(positions, means, label=label, markersize=5, **style(index))
        axes.fill_between(positions, *zip(*ends, strict=True), color=style(index)["color"], alpha=0.15, linewidth=0)


def dots(axes, names: Sequence[str], intervals: Sequence[Interval | None], styles: Sequence[int], unit: str) -> None:
    """A dot and a 95 % interval for each name, zero marked; `styles` has their indices."""
    axes.axvline(0, color=BLACK, linewidth=0.8)
    for index, interval in enumerate(intervals):
        if interval is not None:
            mean, (low, high) = interval
            look = style(styles[index])
            axes.plot([low, high], [index, index], color=look["color"], linewidth=2)
            axes.plot(mean, index, color=look["color"], marker=look["marker"], markersize=7)
            axes.annotate(f"{mean:+.3f}", (mean, index), (0, 9), textcoords="offset points", ha="center")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.margins(x=0.15)
    axes.xaxis.set_major_locator(ticker.MaxNLocator(5))
    axes.set_xlabel(unit)


def chains_page(runs: Sequence[Summary], title: str, notes: Sequence[str], path: Path) -> None:
    """One page on the chains of stage 1: what passes, how many different codes, how perplexity moves."""
    figure = plt.figure(figsize=(15, 18), layout="constrained")
    panels = figure.subplot_mosaic(
        [
            ["pass", "drift", "coverage"],
            ["exact", "renamed", "shape"],
            ["solved", "recovered", "tail"],
            ["surprise", "lag1", "trend"],
        ]
    )
    _draw_chains(panels, runs)
    _label_chains(panels, runs)
    legend = {"loc": "outside upper center", "ncols": len(runs), "frameon": False, "handlelength": 4}
    lines = panels["pass"].get_legend_handles_labels()
    figure.legend(*lines, title=title, fontsize=12, title_fontsize=14, **legend)
    figure.supxlabel(
        "\n".join(["Bands and bars: 95 % bootstrap intervals over problems.", *notes]), fontsize=9, x=0.01, ha="left"
    )
    save(figure, path)


def _draw_chains(panels: Mapping, runs: Sequence[Summary]) -> None:
    known = {SAMPLER_STYLES.get(run.sampler) for run in runs} - {None}
    alike = len(known) < len(runs)  # two runs of one sampler, or an unknown one
    styles = [index if alike else SAMPLER_STYLES[run.sampler] for index, run in enumerate(runs)]
    for index, run in zip(styles, runs, strict=True):
        rounds = range(1, len(run.passing) + 1)
        panels["pass"].plot(rounds, [100 * share for share in run.passing], label=run.name, **style(index))
        line(panels["drift"], rounds, run.overlap, index, run.name)
        if run.verified:
            line(panels["solved"], rounds, run.solved, index, run.name)
            line(panels["recovered"], rounds, run.recovered, index, run.name)
        start = (0.0, (0.0, 0.0))
        line(panels["coverage"], [0, *run.samples], [start, *run.coverage["renamed"]], index, run.name)
        for form in FORMS:
            panels[form].plot(rounds, run.distinct[form], label=run.name, **style(index))
        if run.perplexities:
            share = 1 - np.arange(len(run.perplexities)) / len(run.perplexities)
            look = {**style(index), "marker": None}
            panels["tail"].step(run.perplexities, 100 * share, where="pre", label=run.name, **look)
        line(panels["surprise"], rounds, run.surprise, index, run.name)
    names = [run.name for run in runs]
    dots(panels["lag1"], names, [run.lag1 for run in runs], styles, "correlation")
    dots(panels["trend"], names, [run.trend for run in runs], styles, "nats per token and round")


def _label_chains(panels: Mapping, runs: Sequence[Summary]) -> None:
    labels = {
        "pass": ("Codes that pass", "round", "share of the round's samples (%)"),
        "drift": ("Description against d0", "round", "token overlap (F1 of words)"),
        "coverage": (
            "Coverage, after renaming variables", "samples drawn, all problems", "distinct passing codes per problem"
        ),
        **{f: (f"Distinct codes of a round, {MEASURES[f]}", "round", "codes, all problems") for f in FORMS},
        "solved": ("Problems with a kept code, all", "round", "share up to the round (%)"),
        "recovered": ("Problems with a kept code, but none from d0", "round", "share up to the round (%)"),
        "tail": ("Perplexity and its tail", "perplexity", "codes at least as perplexing (%)"),
        "surprise": ("Log-perplexity by round", "round", "minus the problem's mean (nats per token)"),
    }  # fmt: skip
    for name, texts in labels.items():
        _label(panels[name], *texts)
    _from_zero(panels["pass"])
    panels["drift"].set_ylim(0, 1.05)
    top = 1.08 * max(max(run.distinct[form]) for run in runs for form in FORMS) or 1
    for form in FORMS:
        panels[form].set_ylim(0, top)
    _log(panels["tail"])
    panels["surprise"].axhline(0, color=BLACK, linewidth=0.8)
    panels["lag1"].set_title("Log-perplexity, lag-1 autocorrelation")
    panels["trend"].set_title("Log-perplexity, trend")
    for name in ("solved", "recovered"):
        panels[name].set_ylim(0, 1.05)
        panels[name].yaxis.set_major_formatter(ticker.PercentFormatter(1, symbol=""))
    for name in ("pass", "drift", "solved", "recovered", *FORMS, "surprise"):
        panels[name].xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
    if not panels["recovered"].lines:
        _empty(panels["recovered"], "no problem without a code from d0")
    if not any(run.verified for run in runs):
        _empty(panels["solved"], "kept codes are not verified (--keep any)")
        _empty(panels["recovered"], "kept codes are not verified (--keep any)")
    if not any(run.perplexities for run in runs):
        for name in ("tail", "surprise", "lag1", "trend"):
            _empty(panels[name], "no perplexities: run cal_ppl.py")


def _label(axes, title: str, x: str, y: str) -> None:
    axes.set(title=title, xlabel=x, ylabel=y)


def _from_zero(axes) -> None:
    axes.margins(y=0.1)
    axes.set_ylim(0, max(axes.get_ylim()[1], 1e-3))


def _log(axes) -> None:
    """Both axes logarithmic, with plain numbers at 1, 2 and 5, or evenly where the range is small."""
    axes.set(xscale="log", yscale="log")
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        wide = high > 8 * low
        axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)) if wide else ticker.MaxNLocator(5))
        axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:.4g}"))
        axis.set_minor_formatter(ticker.NullFormatter())


def _empty(axes, why: str) -> None:
    axes.clear()
    axes.set_axis_off()
    axes.text(0.5, 0.5, why, ha="center", va="center", transform=axes.transAxes, color=BLACK)


def scores_figure(
    rows: Sequence[tuple[Row, Score]], k: int, quoted: Sequence[tuple[str, str, float]], task: str, path: Path
) -> None:
    """pass@k of every row with its interval, single seeds as small marks, the paper's scores hollow."""
    models = list(dict.fromkeys(row.model for row, _ in rows))
    lines = [(f"{row.label}\n{row.model}" if len(models) > 1 else row.label) for row, _ in rows]
    lines += [f"{method}, quoted\n{model}" for model, method, _ in quoted]
    figure, axes = plt.subplots(figsize=(9, 1.4 + 0.55 * len(lines)), layout="constrained")
    for index, (row, score) in enumerate(rows):
        look = style(_method_style(row.method))
        axes.plot(score.interval, [index] * 2, color=look["color"], linewidth=2)
        axes.plot(score.mean, index, color=look["color"], marker=look["marker"], markersize=8, linestyle="")
        means = [100 * run.last["pass_at_k"][str(k)] for run in row.runs.values()]
        if len(means) > 1:
            axes.plot(means, [index] * len(means), color=BLACK, marker="|", markersize=9, linestyle="")
        axes.annotate(f"{score.mean:.1f}", (score.mean, index), (0, 9), textcoords="offset points", ha="center")
    for index, (_, method, value) in enumerate(quoted, len(rows)):
        look = style(_method_style(method))
        axes.plot(value, index, color=look["color"], marker=look["marker"], fillstyle="none", markersize=8)
        axes.annotate(f"{value:.1f}", (value, index), (0, 9), textcoords="offset points", ha="center")
    axes.set_yticks(range(len(lines)), lines)
    axes.set_ylim(len(lines) - 0.4, -0.7)
    axes.margins(x=0.08)
    axes.grid(axis="x", color=GREY, alpha=0.3)
    counts = sorted({len(row.problems) for row, _ in rows})
    axes.set_title(f"{task}, {' or '.join(map(str, counts))} problems" + (f", {models[0]}" if len(models) == 1 else ""))
    ticks = "; ticks: single seeds" if any(len(row.runs) > 1 for row, _ in rows) else ""
    axes.set_xlabel(f"pass@{k} (%), 95 % interval{ticks}" + ("; hollow: quoted from the paper" if quoted else ""))
    save(figure, path)


def _method_style(method: str) -> int:
    """Index of a method's style, the same in every figure."""
    return METHOD_STYLES.get(method, 5)


def setting_figure(rows: Sequence[tuple[Row, Score]], k: int, setting: str, default: object, path: Path) -> None:
    """pass@k against a setting, with one line for all rows that differ in nothing else.

    Rows without the setting have the flag's `default`; base and SFT, which it does not affect, are left out.
    InputError where no row has it.
    """
    compared = [(row, score) for row, score in rows if row.method not in ("base", "SFT")]
    if not any(setting in row.settings for row, _ in compared):
        available = sorted({key for row, _ in compared for key in row.settings if " " not in key})
        raise InputError(f"--against {setting}: no run has this setting; there are {', '.join(available) or 'none'}")
    models = dict.fromkeys(row.model for row, _ in compared)
    lines: dict[str, list[tuple[object, Score]]] = {}
    for row, score in compared:
        name = ", ".join(part for part in row.label.split(", ") if not part.startswith(f"{setting} "))
        name = f"{name}, {row.model}" if len(models) > 1 else name
        lines.setdefault(name, []).append((row.settings.get(setting, default), score))
    values = sorted({value for points in lines.values() for value, _ in points}, key=_order)
    numeric = all(isinstance(value, (int, float)) for value in values)
    positions = {value: value if numeric else index for index, value in enumerate(values)}
    figure, axes = plt.subplots(figsize=(7.5, 4.8), layout="constrained")
    for index, (name, points) in enumerate(lines.items()):
        scored = [(positions[value], score) for value, score in sorted(points, key=lambda point: _order(point[0]))]
        ends = [(score.mean - score.interval[0], score.interval[1] - score.mean) for _, score in scored]
        x, y = [position for position, _ in scored], [score.mean for _, score in scored]
        axes.errorbar(x, y, yerr=np.transpose(ends), label=name, capsize=4, **style(index))
    axes.set_xticks(list(positions.values()), ["all" if value is None else f"{value}" for value in values])
    _label(axes, next(iter(models)) if len(models) == 1 else "", setting, f"pass@{k} (%), 95 % interval")
    axes.legend(frameon=False, handlelength=4)
    save(figure, path)


def pass_at_k_figure(scores: Mapping[str, dict], title: str, path: Path) -> None:
    """pass@k against k, one line with intervals for each model's scores: `{"pass_at_k", "ci95"}` by k."""
    figure, axes = plt.subplots(figsize=(7.5, 4.8), layout="constrained")
    for index, (name, rates) in enumerate(scores.items()):
        ks = sorted(rates["pass_at_k"], key=int)
        means = np.array([100 * rates["pass_at_k"][k] for k in ks])
        low, high = np.reshape([rates["ci95"][k] for k in ks], (-1, 2)).T * 100
        axes.errorbar([int(k) for k in ks], means, (means - low, high - means), label=name, capsize=4, **style(index))
    values = sorted({int(k) for rates in scores.values() for k in rates["pass_at_k"]})
    axes.set_xscale("log" if values and values[-1] >= 10 * values[0] else "linear")
    axes.set_xticks(values, [str(k) for k in values])
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    _label(axes, title, "k", "pass@k (%), 95 % interval")
    _from_zero(axes)
    axes.legend(frameon=False, handlelength=4)
    save(figure, path)


def _order(value: object) -> tuple:
    """Sort key of values: numbers by size, ranges of rounds such as 1-5 by their end, None (not limited) last."""
    if isinstance(value, str):
        end = value.rpartition("-")[2]
        return (0, float(end), value) if end.isdecimal() else (1, 0.0, value)
    return (2, 0.0, "") if value is None else (0, float(value), "")


HATCHES = ("", "//", "..", "\\\\", "xx", "--", "oo", "++", "**", "||", "O")


def verdicts_figure(rows: Sequence[Row], task: str, path: Path) -> None:
    """Shares of the judge's verdicts, a bar for each row."""
    counts = [row.verdicts() for row in rows]
    names = sorted({name for verdicts in counts for name in verdicts}, key=lambda name: (name != "PASS", name))
    colours = [BLUE, ORANGE, GREY, GREEN, PURPLE, "#c9ccd1", "#e8c39e", "#a9c1dc", "#555555", "#b5d3bd", "#dddddd"]
    models = {row.model for row in rows}
    figure, axes = plt.subplots(figsize=(10, 1.9 + 0.5 * len(rows)), layout="constrained")
    labels = [f"{row.label}\n{row.model}" if len(models) > 1 else row.label for row in rows]
    left = np.zeros(len(rows))
    for name, colour, hatch in zip(names, colours, HATCHES, strict=False):
        shares = np.array([100 * verdicts[name] / verdicts.total() for verdicts in counts])
        axes.barh(
            range(len(rows)), shares, left=left, color=colour, hatch=hatch, edgecolor="white", label=name, height=0.6
        )
        left += shares
    axes.set_yticks(range(len(rows)), labels)
    axes.invert_yaxis()
    axes.set(xlim=(0, 100), xlabel="completions (%)", title=f"{task}: verdicts of the judge")
    figure.legend(loc="outside lower center", ncols=min(6, len(names)), frameon=False)
    save(figure, path)


def preview_page(previews: Sequence[Preview], k: int, title: str, path: Path) -> None:
    """Draws at several inverse temperatures: share by rarity, number of codes, and how far one code dominates."""
    from utils.report.preview import SHARES, TOO_MUCH

    figure, (shares, effective, taken) = plt.subplots(1, 3, figsize=(15, 4.8), layout="constrained")
    for index, preview in enumerate(previews):
        look = {**style(index), "marker": None}
        shares.plot(100 * SHARES, [100 * share for share in preview.curve], label=f"{preview.temperature:g}", **look)
    shares.legend(title="inverse temperature", frameon=False, loc="lower right")
    _label(shares, "Share of the draw by rarity", "rarest codes of a problem (%)", "share of the draw (%)")
    x = [preview.temperature for preview in previews]
    effective.plot(x, [preview.effective for preview in previews], label="effective number of codes", **style(0))
    effective.plot(x, [preview.distinct for preview in previews], label=f"distinct codes in a draw of {k}", **style(1))
    _from_zero(effective)
    effective.legend(frameon=False)
    _label(effective, "Codes in a problem's draw", "inverse temperature", "codes")
    taken.plot(x, [100 * preview.rarest for preview in previews], label="draw: its rarest tenth", **style(0))
    heaviest = [100 * preview.heaviest for preview in previews]
    taken.plot(x, heaviest, label="draw: its heaviest code (median)", **style(1))
    dominated = [100 * len(preview.taken) / preview.problems for preview in previews]
    taken.plot(x, dominated, label=f"problems: one code takes over {TOO_MUCH:.0%}", **style(3))
    taken.set_ylim(0, 105)
    taken.legend(frameon=False)
    _label(taken, "Concentration of the draw", "inverse temperature", "share (%)")
    figure.suptitle(title)
    save(figure, path)
