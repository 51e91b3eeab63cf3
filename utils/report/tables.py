"""Tables of reports, as Markdown that reads in a terminal too, and as CSV."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from typing import TYPE_CHECKING

import numpy as np

from eval.passk import mean_and_interval
from utils.forms import FORMS
from utils.report.statistics import Interval

if TYPE_CHECKING:
    from utils.report.chains import Summary
    from utils.report.preview import Preview
    from utils.report.results import Row, Run, Score


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with padded columns; a bar within a cell is escaped."""
    header, *rows = ([cell.replace("|", r"\|") for cell in line] for line in (header, *rows))
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join("| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in lines)


def csv_text(rows: Sequence[dict]) -> str:
    """Rows as CSV, columns in order of appearance; a missing value or None is an empty cell."""
    text = StringIO()
    writer = csv.DictWriter(text, dict.fromkeys(key for row in rows for key in row), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def interval_cells(name: str, estimate: Interval | None) -> dict:
    """The three cells of a mean with its interval."""
    mean, (low, high) = estimate or (None, (None, None))
    return {name: mean, f"{name}_low": low, f"{name}_high": high}


def two_digits(value: float | None) -> str:
    """A value with two decimals; empty where there is none."""
    return "" if value is None or np.isnan(value) else f"{value:.2f}"


def with_interval(estimate: Interval | None, digits: int = 2, sign: str = "") -> str:
    """`1.23 (1.10 to 1.40)`; empty where there is none."""
    if estimate is None:
        return ""
    mean, (low, high) = estimate
    return f"{mean:{sign}.{digits}f} ({low:{sign}.{digits}f} to {high:{sign}.{digits}f})"


# Results of stage 3

SCORE_HEADER = (
    "model",
    "method",
    "seeds",
    "problems",
    "{}, %",
    "sd",
    "95 % interval",
    "vs RFT",
    "p",
    "source",
    "lacks",
)


def scores_table(rows: Sequence[tuple[Row, Score]], k: int, quoted: Sequence[tuple[str, str, float]]) -> str:
    """pass@k of every row in percent, and the paper's scores in the same table."""
    lines = []
    for row, score in rows:
        low, high = score.interval
        seeds = ", ".join(map(str, row.runs))
        spread = "" if score.deviation is None else f"{score.deviation:.1f}"
        p = "" if score.p is None else ("< 0.001" if score.p < 0.001 else f"{score.p:.3f}")
        cells = [f"{score.mean:.1f}", spread, f"{low:.1f} to {high:.1f}", with_interval(score.difference, 1, "+"), p]
        lines.append([row.model, row.label, seeds, str(len(row.problems)), *cells, "ours", "; ".join(row.missing)])
    for model, method, value in quoted:
        lines.append([model, method, "", "", f"{value:.1f}", "", "", "", "", "quoted from the paper", ""])
    header = [title.format(f"pass@{k}") for title in SCORE_HEADER]
    if not any(line[-1] for line in lines):
        header, lines = header[:-1], [line[:-1] for line in lines]
    return markdown(header, lines)


def verdicts_table(rows: Sequence[Row]) -> str:
    """Shares of the judge's verdicts on all completions of each row."""
    counts = [(row, row.verdicts()) for row in rows]
    names = sorted({name for _, verdicts in counts for name in verdicts}, key=lambda name: (name != "PASS", name))
    lines = [
        [row.model, row.label, str(verdicts.total()), *(f"{verdicts[name] / verdicts.total():.1%}" for name in names)]
        for row, verdicts in counts
    ]
    return markdown(["model", "method", "completions", *names], lines)


def scores_csv(
    task: str, rows: Sequence[tuple[Row, int, Score, Row | None]], quoted: Sequence[tuple[str, str, float]], source: str
) -> str:
    """The contents of the Markdown tables, unrounded, one line per row and k; scores are percent."""
    lines = []
    for row, k, score, baseline in rows:
        about = {"task": task, "model": row.model, "method": row.method, "label": row.label, "source": "ours"}
        about |= {"seeds": " ".join(map(str, row.runs)), "problems": len(row.problems), "k": k}
        scores = {"pass_at_k": score.mean, "sd": score.deviation, "low": score.interval[0], "high": score.interval[1]}
        scores |= {"baseline": baseline.label if baseline and score.p is not None else None}
        scores |= {**interval_cells("difference", score.difference), "p": score.p, "missing": "; ".join(row.missing)}
        counts = row.verdicts()
        shares = {f"share_{name}": counts[name] / counts.total() for name in sorted(counts)}
        lines.append({**about, **scores, **shares})
    for model, method, value in quoted:
        about = {"task": task, "model": model, "method": method, "label": method, "source": f"quoted: {source}"}
        lines.append({**about, "k": 1, "pass_at_k": value})
    return csv_text(lines)


def runs_csv(runs: Sequence[Run]) -> str:
    """The scores of every results file after every epoch, in percent."""
    lines = []
    for run in runs:
        for entry in run.entries:
            about = {"run": run.path.stem, **{key: entry[key] for key in ("model", "method", "seed", "epoch")}}
            about |= {"problems": entry["n_problems"], "loss": entry.get("loss")}
            for k, value in entry["pass_at_k"].items():
                low, high = entry["ci95"][k]
                lines.append({**about, "k": k, "pass_at_k": 100 * value, "low": 100 * low, "high": 100 * high})
    return csv_text(lines)


# Chains of stage 1


def chains_csv(runs: Sequence[Summary]) -> str:
    """The page's data, one line per sampler and round; samples and per_problem are up to and including the round."""
    lines = []
    for run in runs:
        for i, share in enumerate(run.passing):
            line = {"sampler": run.name, "round": i + 1, "samples": run.samples[i], "passing": share}
            line |= {f"distinct_{form}": run.distinct[form][i] for form in FORMS}
            for form in FORMS:
                line |= interval_cells(f"per_problem_{form}", run.coverage[form][i])
            if run.verified:
                line |= interval_cells("solved", run.solved[i]) | interval_cells("recovered", run.recovered[i])
            line |= interval_cells("overlap", run.overlap[i])
            lines.append(line | interval_cells("log_perplexity", run.surprise[i]))
    return csv_text(lines)


def chains_summary(runs: Sequence[Summary], at_budget: dict[str, list]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the summary, one row per sampler.

    `at_budget[form]` holds an array for each run: the different codes of every problem at the common budget.
    """
    header = ["sampler", "rounds", "samples", "passing", "problems solved"]
    header += [f"distinct per problem, {form}" for form in FORMS]
    header += ["overlap with d0, last round", "perplexity: median", "90 %", "99 %", "highest"]
    header += ["lag-1 autocorrelation", "trend (nats per token and round)"]
    rows = []
    for index, run in enumerate(runs):
        samples = np.diff([0, *run.samples])
        passing = float(np.average(run.passing, weights=samples))
        cells = [run.name, str(len(run.passing)), str(run.samples[-1]), f"{passing:.1%}"]
        counts = run.distinct_by_problem["exact"][:, -1]
        cells.append(f"{(counts > 0).sum()} of {len(counts)}" if run.verified else "")
        cells += [with_interval(mean_and_interval(at_budget[form][index])) for form in FORMS]
        cells.append(with_interval(run.overlap[-1]))
        tail = np.percentile(run.perplexities, [50, 90, 99, 100]) if run.perplexities else [None] * 4
        cells += [two_digits(value) for value in tail]
        cells += [with_interval(run.lag1, 3, "+"), with_interval(run.trend, 3, "+")]
        rows.append(cells)
    return header, rows


def d0_summary(runs: Sequence[Summary]) -> tuple[list[str], list[list[str]]]:
    """Header and rows, one per sampler: problems without a code from d0, and what later rounds keep for them.

    With several runs, also the problems that a run alone has codes for, of those that all runs sample. Cells are empty
    where kept codes are not verified.
    """
    header = ["sampler", "problems without a code from d0", "of these with a code in a later round"]
    header += ["their kept codes, per problem", "kept codes of the other problems, per problem"]
    rows = []
    for run in runs:
        counts, without = run.kept_counts.sum(axis=1), run.without_code_from_d0
        cells = [f"{without.sum()} of {len(without)}", f"{(counts[without] > 0).sum()} of {without.sum()}"]
        for group in (counts[without], counts[~without]):
            cells.append(with_interval(mean_and_interval(group) if len(group) else None))
        rows.append([run.name, *(cells if run.verified else [""] * len(cells))])
    verified = [run for run in runs if run.verified]
    if len(verified) > 1:
        common = min(len(run.kept_counts) for run in verified)
        solved = {run.name: run.kept_counts[:common].any(axis=1) for run in verified}
        alone = sum(solved.values()) == 1
        header.append("problems that this run alone has codes for")
        for row in rows:
            row.append(f"{(solved[row[0]] & alone).sum()} of {common}" if row[0] in solved else "")
    return header, rows


# Selection of stage 3


def preview_rows(previews: Sequence[Preview], k: int) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the selection preview, one row per inverse temperature."""
    header = ["inverse temperature", "effective codes", f"distinct codes in a draw of {k}", "share of the rarest tenth"]
    header += ["heaviest code (median)", "problems where one code takes nearly all"]
    rows = [
        [f"{p.temperature:g}", two_digits(p.effective), two_digits(p.distinct), f"{p.rarest:.1%}", f"{p.heaviest:.1%}"]
        + [str(len(p.taken))]
        for p in previews
    ]
    return header, rows
