"""Finished runs of stage 3, from `results/`, as rows of a table: a method's scores over its seeds, against RFT's."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from eval.passk import pass_at_k
from utils.report.statistics import Interval, estimate
from utils.run import paths
from utils.run.files import InputError, read_json, read_meta
from utils.selection import SELECTIONS

METHODS = ("base", "SFT", "SSD", "RFT", "RFT+RD", "GiFT")  # in the order of tables; others follow
BASELINE = "RFT"
ALIKE = METHODS[METHODS.index(BASELINE) :]  # methods that need equal budgets
STAGES = {"codes": "stage 1", "perplexities": "stage 2"}  # their settings are part of a results file
BUDGET = ("num_seq", "num_epoch", "train_batch_size", "limit", "keep", "rounds", "no_gold", "max_length", "top_p")
PER_RUN = ("seed",)  # may differ between the runs of one row

# Greedy pass@1 in percent as published: Li, Feng, Zhou, Shen, "GiFT: Gibbs Fine-Tuning for Code Generation", ACL 2025,
# arXiv:2502.11466. Taken from a summary of the paper: cite the paper itself.
SOURCE = "Li et al., ACL 2025, arXiv:2502.11466, by way of a summary"
_COLUMNS = ("mbpp", "codeinsight", "introductory", "interview")
PUBLISHED = {
    ("DeepSeek-Coder-6.7B", "RFT"): dict(zip(_COLUMNS, (66.7, 36.5, 44.4, 15.3), strict=True)),
    ("DeepSeek-Coder-6.7B", "GiFT"): dict(zip(_COLUMNS, (67.9, 38.8, 54.2, 16.0), strict=True)),
    ("CodeLlama-7B", "RFT"): dict(zip(_COLUMNS, (55.3, 28.5, 34.7, 8.3), strict=True)),
    ("CodeLlama-7B", "GiFT"): dict(zip(_COLUMNS, (56.0, 30.5, 38.9, 9.2), strict=True)),
}


@dataclass(frozen=True)
class Run:
    """One results file."""

    path: Path
    entries: list[dict]  # one per epoch
    made_with: dict  # all settings, those of the code and weight files included, with the stage in the name

    @property
    def last(self) -> dict:
        """The scores after the last epoch."""
        return self.entries[-1]


def read_runs(task: str, patterns: Sequence[str]) -> tuple[list[Run], list[str]]:
    """The runs of a task whose names match a shell pattern, and the patterns that none matches.

    InputError where no run matches, or one cannot be read.
    """
    folder = paths.results(task, "x").parent
    files = [path for path in sorted(folder.glob("*.json")) if not path.name.endswith((".meta.json", ".timing.json"))]
    matches = {pattern: [path for path in files if fnmatch.fnmatchcase(path.stem, pattern)] for pattern in patterns}
    selected = sorted({path for matched in matches.values() for path in matched})
    if not selected:
        available = f"it has {', '.join(path.stem for path in files[:8])}" if files else "run run_gen.py first"
        raise InputError(f"--runs {' '.join(patterns)}: no results in {folder} match; {available}")
    return [_read_run(path) for path in selected], [pattern for pattern, matched in matches.items() if not matched]


def _read_run(path: Path) -> Run:
    entries, meta = read_json(path, list, "write it with run_gen.py"), read_meta(path)
    needed = ("model", "method", "seed", "epoch", "n_problems", "pass_at_k", "ci95", "verdicts", "per_problem")
    for index, entry in enumerate(entries):
        missing = [key for key in needed if not isinstance(entry, dict) or key not in entry]
        if missing:
            raise InputError(f"{path}: entry {index} lacks {', '.join(missing)}; write it again with run_gen.py")
    if not entries:
        raise InputError(f"{path}: holds no evaluation; finish it with run_gen.py")
    last = entries[-1]
    settings = dict(last.get("settings") or {})
    weighted = any(name.startswith("weights") for name in ((meta or {}).get("inputs") or {}))
    if last.get("sampler"):
        rule = settings.get("selection") or ("perplexity" if weighted else "uniform")
        settings["selection"] = f"by {rule}" if SELECTIONS.get(rule) else rule
    for turn, source in enumerate(last.get("sources") or [], 1):
        for kind, values in source.items():
            trained_here = settings.get("turn", 1) > 1 or (values or {}).get("model") == last["model"]
            left_out = (*PER_RUN, "dataset", "task", *(("model", "revision") if trained_here else ()))
            prefix = ("" if turn == 1 else f"turn {turn} ") + STAGES.get(kind, kind)
            settings |= {f"{prefix} {key}": value for key, value in (values or {}).items() if key not in left_out}
    return Run(path, entries, {key: value for key, value in settings.items() if key not in PER_RUN})


@dataclass
class Row:
    """A method on a model with one set of settings: its runs by seed."""

    model: str
    method: str
    runs: dict[int, Run]
    label: str = ""
    missing: list[str] = field(default_factory=list)

    @property
    def settings(self) -> dict:
        """The settings that all its runs share."""
        return next(iter(self.runs.values())).made_with

    @property
    def problems(self) -> list[str]:
        """Ids of the problems that every run has scores for."""
        every = [run.last["per_problem"] for run in self.runs.values()]
        return [key for key in every[0] if all(key in other for other in every[1:])]

    @property
    def ks(self) -> list[int]:
        """Values of k that every run was scored for."""
        every = [set(run.last["pass_at_k"]) for run in self.runs.values()]
        return sorted(map(int, set.intersection(*every)))

    def verdicts(self) -> Counter:
        """Verdicts over all seeds."""
        return sum((Counter(run.last["verdicts"]) for run in self.runs.values()), Counter())


def make_rows(runs: Sequence[Run]) -> list[Row]:
    """Rows of runs, in the order of tables, each with its label and what it lacks.

    Runs with the same model, method and settings make one row. Settings that differ between the rows of a method are
    in the label. Runs of one seed that differ in nothing but their names are told apart by name.
    """
    groups: dict[tuple, list[Run]] = {}
    for run in runs:
        settings = tuple(sorted((key, repr(value)) for key, value in run.made_with.items()))
        groups.setdefault((run.last["model"], run.last["method"], settings), []).append(run)
    rows = []
    for (model, method, _), members in groups.items():
        seeds = [run.last["seed"] for run in members]
        if len(set(seeds)) == len(seeds):
            rows.append(Row(model, method, dict(sorted(zip(seeds, members, strict=True)))))
            continue
        named: dict[str, dict[int, Run]] = {}
        for run in members:
            name = run.path.stem.replace(str(run.last["seed"]), "*")
            while run.last["seed"] in named.get(name, {}):
                name += "'"
            named.setdefault(name, {})[run.last["seed"]] = run
        rows += [
            Row(model, method, dict(sorted(by_seed.items())), f"{method}, {name}") for name, by_seed in named.items()
        ]
    for row in rows:
        row.label = ", ".join([row.label or row.method, *_differing_settings(row, rows)])
        row.missing = _missing(row, rows)
    return sorted(rows, key=_order)


def _order(row: Row) -> tuple:
    rank = METHODS.index(row.method) if row.method in METHODS else len(METHODS)
    values = [value for _, value in sorted(row.settings.items()) if isinstance(value, (int, float))]
    return row.model, rank, row.method, values, row.label


def varying(rows: Sequence[Row]) -> list[str]:
    """Settings that differ between rows; those of an earlier stage, between rows that have this stage."""
    names = dict.fromkeys(key for row in rows for key in row.settings)
    return [key for key in names if len({repr(row.settings.get(key)) for row in rows if _has_stage(row, key)}) > 1]


def _has_stage(row: Row, key: str) -> bool:
    stage = key.rpartition(" ")[0]
    return not stage or any(other.startswith(f"{stage} ") for other in row.settings)


def _differing_settings(row: Row, rows: Sequence[Row]) -> list[str]:
    alike = [other for other in rows if (other.model, other.method) == (row.model, row.method)]
    parts = []
    for key in varying(alike):
        value = row.settings.get(key)
        if value is True:
            parts.append(key)
        elif value not in (None, False):
            parts.append(f"{value}" if key == "selection" else f"{key} {value}")
    return parts


def _missing(row: Row, rows: Sequence[Row]) -> list[str]:
    seeds = {seed for other in rows if other.method != "base" for seed in other.runs}
    missing_seeds = sorted(seeds - set(row.runs)) if row.method != "base" else []
    missing = [f"no run with seed {', '.join(map(str, missing_seeds))}"] if missing_seeds else []
    if row.method != BASELINE and baseline_of(row, rows) is None:
        missing.append(f"no {BASELINE} run to compare with")
    for seed, run in row.runs.items():
        epochs = 0 if run.made_with.get("eval_only") else run.made_with.get("num_epoch", 0)
        if run.last["epoch"] < epochs:
            missing.append(f"seed {seed} has finished {run.last['epoch']} of {epochs} epochs")
    alone = [seed for seed, run in row.runs.items() if row.method != "SFT" and _has_gold_pairs_alone(run)]
    if alone:
        missing.append(f"no sampled code to train on with seed {', '.join(map(str, alone))}: gold pairs alone")
    counts = {len(run.last["per_problem"]) for run in row.runs.values()}
    if len(counts) > 1:
        missing.append(f"seeds differ in problems ({', '.join(map(str, sorted(counts)))}); those in common count")
    return missing


def _has_gold_pairs_alone(run: Run) -> bool:
    pairs = run.last.get("pairs")  # of no run that is not trained
    return bool(pairs) and not pairs.get("sampled")


def baseline_of(row: Row, rows: Sequence[Row]) -> Row | None:
    """The RFT row of the same model whose settings are nearest to the row's."""
    baselines = [other for other in rows if other.model == row.model and other.method == BASELINE and other is not row]

    def distance(other: Row) -> int:
        keys = {*row.settings, *other.settings}
        return sum(repr(row.settings.get(key)) != repr(other.settings.get(key)) for key in keys)

    return min(baselines, key=distance, default=None)


def scored_problems(row: Row, k: int) -> list[str]:
    """The problems of a row that count for pass@k in every run: with k samples, or none because no prompt fits."""
    counts = [run.last["per_problem"] for run in row.runs.values()]
    return [key for key in row.problems if all(n >= k or n == 0 for n, _ in (of_run[key] for of_run in counts))]


def scores(row: Row, k: int, problems: Sequence[str]) -> np.ndarray:
    """pass@k of every problem, shape (seeds, problems), in percent; 0 where its prompt did not fit."""
    counts = [[run.last["per_problem"][key] for key in problems] for run in row.runs.values()]
    return 100 * np.array([[pass_at_k(n, c, k) if n else 0.0 for n, c in of_seed] for of_seed in counts])


@dataclass(frozen=True)
class Score:
    """The scores of a row in percent; 95 % intervals by bootstrap over seeds and problems."""

    mean: float
    deviation: float | None  # standard deviation over seeds; None for one seed
    interval: tuple[float, float]
    difference: Interval | None = None  # from the baseline
    p: float | None = None  # two-sided, paired by problem


def score(row: Row, k: int, baseline: Row | None = None) -> Score:
    """Mean, deviation and interval of a row, and its paired difference from the baseline.

    Runs of the same seed are compared problem by problem; an untrained model, with every seed of the baseline.
    """
    points = scores(row, k, scored_problems(row, k))
    means = points.mean(axis=1)
    spread = float(means.std(ddof=1)) if len(means) > 1 else None
    whole = estimate(points)
    pairs = paired_differences(row, baseline, k) if baseline is not None else None
    if pairs is None:
        return Score(whole.mean, spread, whole.interval)
    difference = estimate(pairs)
    return Score(whole.mean, spread, whole.interval, (difference.mean, difference.interval), difference.p)


def paired_differences(row: Row, baseline: Row, k: int) -> np.ndarray | None:
    """Row minus baseline, shape (common seeds, common problems), in points; None where they have nothing in common."""
    compared = set(scored_problems(baseline, k))
    problems = [key for key in scored_problems(row, k) if key in compared]
    if not problems or k not in baseline.ks:
        return None
    ours, theirs = scores(row, k, problems), scores(baseline, k, problems)
    if row.method == "base":
        return ours.mean(axis=0) - theirs
    common = [seed for seed in row.runs if seed in baseline.runs]
    if not common:
        return None
    index, baseline_index = list(row.runs).index, list(baseline.runs).index
    return ours[[index(seed) for seed in common]] - theirs[[baseline_index(seed) for seed in common]]


def quoted(task: str) -> list[tuple[str, str, float]]:
    """(model, method, pass@1 in percent) as published for a task."""
    return [(model, method, values[task]) for (model, method), values in PUBLISHED.items() if task in values]


def notes(rows: Sequence[Row], task: str) -> list[str]:
    """Notes to the tables, one sentence each."""
    lines = [
        "sd: standard deviation over seeds. Intervals: 95 %, bootstrap over seeds and problems (problems alone where "
        "there is one seed). vs RFT: difference in points; p: two-sided, bootstrap, paired by problem and seed."
    ]
    for model in dict.fromkeys(row.model for row in rows):
        settings = _budgets_that_differ([row for row in rows if row.model == model and row.method in ALIKE])
        if settings:
            lines.append(f"{model}: the methods were not run alike: {', '.join(settings)}.")
    if any(row.method == "SSD" for row in rows):
        lines.append("SSD: trained on unverified codes and no gold pairs, sampled at other settings.")
    if quoted(task):
        lines.append(f"Quoted: {SOURCE}; RFT is the paper's conditional sampling.")
    return lines


def _budgets_that_differ(rows: Sequence[Row]) -> list[str]:
    """Settings of training and sampling that differ between methods."""
    differ = []
    for key in varying(rows):
        values = {method: {repr(row.settings.get(key)) for row in rows if row.method == method} for method in ALIKE}
        if key.rpartition(" ")[2] in BUDGET and len({frozenset(known) for known in values.values() if known}) > 1:
            differ.append(key)
    return differ
