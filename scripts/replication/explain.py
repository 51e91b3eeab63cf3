"""Tables that say what the methods of the replication study learn: from what, at which problems, with what mistakes."""

from __future__ import annotations

from collections import Counter

import numpy as np

from data.worlds import intents
from scripts.replication.cells import points, table
from scripts.replication.methods import METHODS
from scripts.replication.results import Results, rates
from utils.report import statistics

VERDICTS = ("PASS", "WRONG", "ERROR", "SYNTAX")
GROUPS = {
    "rft": "all operations in seed problems that RFT has a code for",
    "gift": "all in those that GiFT has a code for, not in RFT's",
    "none": "some operation in neither",
}
EXPLAINED = ("sft", "rft", "rft-gd", "rft-filled", "gift-uniform", "gift", "exact", "rft-alone", "gift-alone")


def training_sets(results: Results) -> str:
    """Size of every method's training set, means over seeds."""
    rows = []
    for name, method in METHODS.items():
        cells = []
        for by_method in results.values():
            sizes = [list(result["training"].values()) for result in by_method.get(name, {}).values() if name != "base"]
            cells.append(" / ".join(f"{mean:.0f}" for mean in np.mean(sizes, axis=0)) if sizes else "")
        rows.append([method.title, *cells])
    title = (
        "Training sets: problems with drawn codes / rows / optimiser steps / distinct programs, gold ones too; means"
    )
    return table(title, ["method", *results], rows)


def by_operations(results: Results) -> list[str]:
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
        shares = []
        for by_method in results.values():
            groups = Counter(
                g for seed in _grouped_seeds(by_method) for g in operation_groups(by_method, seed).values()
            )
            shares.append(f"{groups[group] / groups.total():.0%}" if groups else "")
        rows.insert(0, ["share of test problems", *shares])
        tables.append(table(f"pass@1 against the base model, test problems with {title}", ["method", *results], rows))
    return tables


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
            cells.append(" / ".join(shares) if counts else "")
        rows.append([method.title, *cells])
    return table(f"Verdicts on samples for test problems: {' / '.join(VERDICTS)}", ["method", *results], rows)
