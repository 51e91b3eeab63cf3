"""Tables that say what the methods of the replication study learn: from what, at which problems, with what mistakes."""

from __future__ import annotations

from collections import Counter

import numpy as np

from data.worlds import intents
from scripts.replication.cells import by_strength, of_seeds, points, section, table
from scripts.replication.laws import round_titles, rounds_shown
from scripts.replication.methods import METHODS
from scripts.replication.results import TELLINGS, Results, covered, rates
from utils.report import statistics

VERDICTS = ("PASS", "WRONG", "ERROR", "SYNTAX")
GROUPS = {
    "rft": "all operations occur in seed problems that RFT has a code for",
    "gift": "all occur in seed problems that GiFT has a code for, not all in RFT's",
    "none": "some operation is in none of GiFT's",
}
COVERED_BY = {"rft": "RFT", "rft-rd": "RFT+RD", "gift": "GiFT, RFT+GD"}  # the last two by construction, see `coverage`
EXPLAINED = ("sft", "rft", "rft-gd", "rft-filled", "gift-uniform", "gift", "exact", "rft-alone", "gift-alone")


def coverage(results: Results) -> str:
    """Share of seed problems with a kept code, by telling and round."""
    rows = []
    for setting, by_method in results.items():
        for name, title in COVERED_BY.items():
            by_seed = list(by_method.get(name, {}).values())
            for telling in TELLINGS if by_seed else ():
                if shares := covered(by_seed, [telling]):
                    cells = rounds_shown([f"{share:.1%}" for share in shares])
                    rows.append([str(setting), of_seeds(title, by_method, name), telling, *cells])
    note = (
        "Seed problems with at least one kept code so far. RFT+GD covers what GiFT covers: until a problem has a code, "
        "both describe the gold code, with the same random numbers."
    )
    return section("Coverage", note, table(["setting", "sampler", "told", *round_titles()], rows))


def training_sets(results: Results) -> str:
    """Size of every method's training set, means over seeds."""
    rows = []
    for name, method in METHODS.items():
        cells = []
        for by_method in results.values():
            sizes = [list(result["training"].values()) for result in by_method.get(name, {}).values() if name != "base"]
            cell = " / ".join(f"{mean:.0f}" for mean in np.mean(sizes, axis=0)) if sizes else ""
            cells.append(of_seeds(cell, by_method, name))
        rows.append([method.title, *cells])
    note = "Means of: problems with drawn codes / rows / optimiser steps / distinct programs, gold ones too."
    return section("Training sets", note, *by_strength("method", results, rows))


def by_operations(results: Results) -> str:
    """pass@1 against the base model by whether a test problem's operations occur in covered seed problems."""
    tables = []
    for group, title in GROUPS.items():
        rows = []
        for name in EXPLAINED:
            cells = []
            for by_method in results.values():
                changes = _gains_in_group(by_method, name, group)
                cells.append(points(statistics.estimate_by_t(changes)) if changes else "")
            rows.append([METHODS[name].title, *cells])
        counts = []
        for by_method in results.values():
            groups = [operation_groups(by_method, seed) for seed in _grouped_seeds(by_method)]
            counts.append(str(sum(one == group for by_key in groups for one in by_key.values())) if groups else "")
        shown = by_strength("method", results, [["test problems, all seeds", *counts], *rows])
        tables += [f"**{title[0].upper()}{title[1:]}:**", *shown]
    note = (
        "pass@1 against the base model, in points, by whether the operations of a test problem (with their numbers: "
        '"add 3" is not "add 2") occur in seed problems that have codes. p-values are not corrected: to explore, not '
        "to claim."
    )
    return section("By what the seed problems teach", note, *tables)


def _grouped_seeds(by_method: dict) -> list[int]:
    return sorted(set(by_method.get("rft", {})) & set(by_method.get("gift", {})) & set(by_method.get("base", {})))


def operation_groups(by_method: dict, seed: int) -> dict[str, str]:
    """The key of GROUPS of every test problem of a seed, by the seed problems that RFT and GiFT have codes for."""
    known = {
        name: {
            operation
            for key, (kept, _) in by_method[name][seed]["sampling"]["codes"].items()
            if kept
            for operation in operations(key)
        }
        for name in ("rft", "gift")
    }
    return {
        key: next((name for name in known if operations(key) <= known[name]), "none")
        for key in by_method["base"][seed]["samples"]
    }


def operations(key: str) -> set[str]:
    """Names of a problem's operations, with their numbers: nearly all families occur in problems that RFT solves."""
    return {operation.name for operation in intents.read(key).operations}


def _gains_in_group(by_method: dict, name: str, group: str) -> list[list[float]]:
    """pass@1 of a method minus the base model's, by seed and problem of the group; seeds without one are left out."""
    values = []
    for seed in _grouped_seeds(by_method):
        if seed in by_method.get(name, {}):
            groups = operation_groups(by_method, seed)
            ours, base = rates(by_method[name][seed]), rates(by_method["base"][seed])
            values.append([ours[key] - base[key] for key in ours if groups[key] == group])
    return [row for row in values if row]


def verdicts(results: Results) -> str:
    """Shares of the judge's verdicts on samples for test problems."""
    rows = []
    for name, method in METHODS.items():
        cells = []
        for by_method in results.values():
            counts = sum((Counter(result["verdicts"]) for result in by_method.get(name, {}).values()), Counter())
            shares = (f"{counts[verdict] / counts.total():.0%}" for verdict in VERDICTS)
            cells.append(of_seeds(" / ".join(shares) if counts else "", by_method, name))
        rows.append([method.title, *cells])
    note = f"On samples for test problems: {' / '.join(VERDICTS)}."
    return section("Verdicts", note, *by_strength("method", results, rows))
