"""Cells and tables of the replication report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from utils.report import statistics
from utils.report.statistics import Estimate
from utils.report.tables import markdown


def table(title: str, header: Iterable, rows: Iterable[list[str]]) -> str:
    """A table under its title; rows that are empty but for their name are left out."""
    return f"{title}\n\n" + markdown([*map(str, header)], [row for row in rows if any(row[1:])])


def percent(share: Estimate) -> str:
    """`48.4% (42.1 to 54.6)`."""
    low, high = share.interval
    return f"{share.mean:.1%} ({100 * low:.1f} to {100 * high:.1f})"


def points(change: Estimate | None, p: float | None = None) -> str:
    """`+1.2 (-0.4 to +2.8), p = 0.110` in points, with a corrected p if there is one; empty for None."""
    if change is None:
        return ""
    low, high = change.interval
    p = change.p if p is None else p
    shown = "" if math.isnan(p) else ", p < 0.001" if p < 0.001 else f", p = {p:.3f}"
    return f"{100 * change.mean:+.1f} ({100 * low:+.1f} to {100 * high:+.1f}){shown}"


def corrected_points(rows: Sequence[Sequence[Estimate | None]]) -> list[list[str]]:
    """`points` of every estimate, p-values corrected for all of them together (Holm)."""
    tested = [change.p for row in rows for change in row if change and not math.isnan(change.p)]
    corrected = iter(statistics.holm(tested))
    return [
        [points(change, next(corrected) if change and not math.isnan(change.p) else None) for change in row]
        for row in rows
    ]
