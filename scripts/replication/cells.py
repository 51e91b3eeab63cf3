"""Cells and tables of the replication report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from scripts.replication.results import Results
from utils.report import statistics
from utils.report.statistics import Estimate
from utils.report.tables import markdown


def section(title: str, note: str, *tables: str) -> str:
    """Tables under a heading and a note that says how to read them; empty if there is no table."""
    shown = [table for table in tables if table]
    return "\n\n".join([f"## {title}", note, *shown]) if shown else ""


def table(header: Iterable, rows: Iterable[list[str]]) -> str:
    """A table; rows that are empty but for their name are left out, and a table without rows is empty."""
    kept = [row for row in rows if any(row[1:])]
    return markdown([*map(str, header)], kept) if kept else ""


def by_strength(name: str, results: Results, rows: Sequence[list[str]]) -> list[str]:
    """A table for each strength, of rows that begin with a name and have a cell for each setting."""
    tables = []
    for strength in sorted({setting.strength for setting in results}):
        columns = [i for i, setting in enumerate(results, 1) if setting.strength == strength]
        header = [f"{name}, strength {strength:g}"]
        header += [f"obscurity {setting.obscurity:g}" for setting in results if setting.strength == strength]
        tables.append(table(header, [[row[0], *(row[i] for i in columns)] for row in rows]))
    return tables


def of_seeds(cell: str, by_method: dict[str, dict[int, dict]], *names: str) -> str:
    """The cell, with the seeds that it is of where some of the base model's are missing."""
    seeds = set.intersection(*(set(by_method.get(name, {})) for name in names))
    missing = set(by_method.get("base", {})) - seeds
    return f"{cell} [seeds {', '.join(map(str, sorted(seeds)))}]" if cell and missing else cell


def percent(share: Estimate | None) -> str:
    """`48.4% (42.1 to 54.6)`, without an interval for one seed; empty for None."""
    if share is None:
        return ""
    low, high = (100 * min(1.0, max(0.0, end)) for end in share.interval)
    return f"{share.mean:.1%}" + ("" if math.isnan(share.interval[0]) else f" ({low:.1f} to {high:.1f})")


def points(change: Estimate | None, p: float | None = None) -> str:
    """`+1.2 (-0.4 to +2.8), p = 0.110` in points, with a corrected p if there is one; empty for None."""
    if change is None:
        return ""
    low, high = change.interval
    return f"{100 * change.mean:+.1f}" + (
        "" if math.isnan(low) else f" ({100 * low:+.1f} to {100 * high:+.1f}){p_shown(change.p if p is None else p)}"
    )


def p_shown(p: float) -> str:
    """`, p = 0.110`; empty for NaN."""
    return "" if math.isnan(p) else ", p < 0.001" if p < 0.001 else f", p = {p:.3f}"


def corrected_points(row: Sequence[Estimate | None]) -> list[str]:
    """`points` of every estimate, p-values corrected for all of them together (Holm)."""
    corrected = iter(statistics.holm([change.p for change in row if change]))
    return [points(change, next(corrected)) if change else "" for change in row]
