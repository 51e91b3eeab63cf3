"""Finished chains of stage 1, read back from their files, and a summary of their rounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np

from eval import registry
from eval.judge.verdict import Verdict
from eval.passk import mean_and_interval
from eval.problem import Adapter, Problem
from utils.code_files import read_codes, read_perplexities
from utils.extract import docstring, remove_docstrings
from utils.forms import FORMS, forms
from utils.report.diversity import cumulative_distinct, lag1_terms, overlap, trend_terms
from utils.report.statistics import Interval, pooled_ratio
from utils.run import files, paths
from utils.run.files import InputError

REMEDY = "finish it with seq_gibbs_sample.py"


@dataclass(frozen=True)
class Chains:
    """All chains of one run of stage 1. Lists are by round, then by problem, unless noted."""

    name: str
    settings: dict
    problems: list[Problem]
    codes: list[list[list[str]]]  # kept programs
    descriptions: list[list[str]]  # that the round's codes were sampled from: d_{i-1}, d0 in the first
    samples: list[int]  # codes drawn in each round, over all problems
    passed: list[int]  # those that pass
    perplexities: list[list[list[float | None]]] | None  # like `codes`; None: stage 2 was not run

    @property
    def keep(self) -> str:
        """Codes kept: `all` that pass, or for each problem and round `one` that passes, or `any` one."""
        return self.settings.get("keep", "one")


def read_chains(name: str, folder: str | Path, dataset: str, task: str) -> Chains:
    """Read a `--save_dir` or a published folder of codes; InputError names what is missing or does not match."""
    code_folder, sum_folder = paths.chain_folders(folder)
    rounds = []
    while (path := code_folder / f"code_r{len(rounds) + 1}.json").exists() and files.beside(path, "meta").exists():
        rounds.append(path)
    if not rounds:
        raise InputError(f"{code_folder}: holds no finished round of stage 1; {REMEDY}")
    metas = [files.read_meta(path) for path in rounds]
    settings = metas[0]["settings"]
    if settings.get("task") != task:
        raise InputError(f"{rounds[0]}: was sampled for {settings.get('task')}; give --task {settings.get('task')}")
    problems, digest = registry.load(dataset, task, "train")
    if metas[0]["inputs"].get("train") != digest:
        raise InputError(f"{rounds[0]}: was sampled from other training problems than {task} has now; sample again")
    problems = problems[: settings.get("limit") or None]
    counts = [meta["counts"] for meta in metas]
    codes = [read_codes(path, problems).codes for path in rounds]
    return Chains(
        name,
        settings,
        problems,
        codes,
        read_descriptions(sum_folder, problems, len(rounds)),
        [count["samples"] for count in counts],
        [count["passed"] for count in counts],
        _perplexities(code_folder / "passed_seq_code.json", codes, problems),
    )


def read_descriptions(folder: Path, problems: Sequence[Problem], rounds: int) -> list[list[str]]:
    """The descriptions that the codes of each round were sampled from: d0, then `sum_r1.json` and so on."""
    descriptions = [[problem.query for problem in problems]]
    for round_ in range(1, rounds):
        path = folder / f"sum_r{round_}.json"
        rows = files.read_json(path, list, REMEDY)
        files.read_meta(path)
        well_formed = all(isinstance(row, list) and len(row) == 1 and isinstance(row[0], str) for row in rows)
        if not well_formed or len(rows) != len(problems):
            raise InputError(f"{path}: expected [description] for each of {len(problems)} problems; {REMEDY}")
        descriptions.append([row[0] for row in rows])
    return descriptions


def _perplexities(
    path: Path, codes: list[list[list[str]]], problems: Sequence[Problem]
) -> list[list[list[float | None]]] | None:
    """Perplexities of stage 2, by the round that their codes were kept in; None where stage 2 was not run."""
    scores = paths.perplexity_file(path)
    if not (path.exists() and scores.exists()):
        return None
    code_file = read_codes(path, problems)
    if code_file.codes != [[code for kept in codes for code in kept[index]] for index in range(len(problems))]:
        raise InputError(f"{path}: holds other codes than the rounds next to it; {REMEDY}")
    values = [iter(of_problem) for of_problem in read_perplexities(scores, code_file)[0]]
    return [[[next(left) for _ in kept] for left, kept in zip(values, round_, strict=True)] for round_ in codes]


@dataclass(frozen=True)
class Summary:
    """What the page and the table show of one run of stage 1; lists are by round."""

    name: str
    sampler: str
    keep: str
    num_seq: int  # codes drawn for each problem in a round
    samples: list[int]  # codes drawn up to and including each round, over all problems
    passing: list[float]  # share of a round's codes
    distinct: dict[str, list[int]]  # kept codes that differ within problem and round, by measure
    coverage: dict[str, list[Interval]]  # different codes of a problem up to and including each round, by measure
    kept_counts: np.ndarray  # kept codes, shape (problems, rounds)
    without_code_from_d0: np.ndarray  # problems of which round 1, always sampled from d0, kept none; shape (problems,)
    solved: list[Interval | None]  # share of problems with a kept code up to and including each round
    recovered: list[Interval | None]  # the same share of the problems without a code from d0; None: there are none
    overlap: list[Interval]  # of the round's description with d0
    perplexities: list[float]  # of all kept codes, ascending; empty where stage 2 was not run
    surprise: list[Interval | None]  # log-perplexity by round, minus the problem's mean
    lag1: Interval | None  # autocorrelation of log-perplexity from round to round
    trend: Interval | None  # of log-perplexity, nats per token and round
    distinct_by_problem: dict[str, np.ndarray]  # different codes up to each round, shape (problems, rounds)

    @property
    def verified(self) -> bool:
        """Whether the kept codes pass."""
        return self.keep != "any"


def summarize(chains: Chains) -> Summary:
    """Summarize one run for the page and the table."""
    texts = [[[forms(code) for code in kept] for kept in round_] for round_ in chains.codes]
    by_problem = list(zip(*texts, strict=True))  # [problem][round][code]
    distinct_by_problem = {
        form: np.array(
            [cumulative_distinct([[text[form] for text in kept] for kept in rounds]) for rounds in by_problem]
        )
        for form in FORMS
    }
    kept_counts = np.array([[len(codes) for codes in round_] for round_ in chains.codes]).T
    without_code_from_d0 = kept_counts[:, 0] == 0
    series = log_perplexities(chains)
    return Summary(
        name=chains.name,
        sampler=chains.settings.get("sampler", ""),
        keep=chains.keep,
        num_seq=chains.settings["num_seq"],
        samples=list(accumulate(chains.samples)),
        passing=[passed / samples for passed, samples in zip(chains.passed, chains.samples, strict=True)],
        distinct={f: [sum(len({text[f] for text in kept}) for kept in round_) for round_ in texts] for f in FORMS},
        coverage={form: [mean_and_interval(column) for column in distinct_by_problem[form].T] for form in FORMS},
        kept_counts=kept_counts,
        without_code_from_d0=without_code_from_d0,
        solved=solved_by_round(kept_counts),
        recovered=solved_by_round(kept_counts[without_code_from_d0]),
        overlap=[
            mean_and_interval([overlap(d, p.query) for d, p in zip(texts, chains.problems, strict=True)])
            for texts in chains.descriptions
        ],
        perplexities=sorted(
            value for round_ in chains.perplexities or [] for scores in round_ for value in scores if value is not None
        ),
        surprise=deviations_by_round(series),
        lag1=_pooled(lag1_terms, series),
        trend=_pooled(trend_terms, series),
        distinct_by_problem=distinct_by_problem,
    )


def solved_by_round(kept_counts: np.ndarray) -> list[Interval | None]:
    """Share of the problems with a kept code up to and including each round; None where there is no problem."""
    return [mean_and_interval(column) if len(column) else None for column in (kept_counts.cumsum(axis=1) > 0).T]


def log_perplexities(chains: Chains) -> list[list[float | None]]:
    """Mean log-perplexity of the kept codes, by problem and round; None where none was kept or scored."""
    if chains.perplexities is None:
        return [[None] * len(chains.codes) for _ in chains.problems]
    by_problem = zip(*chains.perplexities, strict=True)
    series = []
    for rounds in by_problem:
        logs = [[math.log(value) for value in values if value is not None] for values in rounds]
        series.append([sum(values) / len(values) if values else None for values in logs])
    return series


def deviations_by_round(series: Sequence[Sequence[float | None]]) -> list[Interval | None]:
    """Mean of each round over the problems that have a value, each minus the problem's mean over its rounds."""
    centred = []
    for values in series:
        known = [value for value in values if value is not None]
        mean = sum(known) / len(known) if len(known) > 1 else None  # one value does not compare rounds
        centred.append([value - mean if value is not None and mean is not None else None for value in values])
    columns = [[value for value in column if value is not None] for column in zip(*centred, strict=True)]
    return [mean_and_interval(column) if column else None for column in columns]


def _pooled(terms: Callable, series: Sequence[Sequence[float | None]]) -> Interval | None:
    return pooled_ratio(*zip(*(terms(values) for values in series), strict=True))


def at_budget(run: Summary, form: str, budget: int) -> np.ndarray:
    """Different codes of each problem after `budget` samples over all problems; interpolated between rounds."""
    counts = run.distinct_by_problem[form]
    return np.array([np.interp(budget, [0, *run.samples], [0, *by_round]) for by_round in counts])


def notes(runs: Sequence[Summary], budget: int) -> list[str]:
    """Notes to the page and the table, one sentence each."""
    lines = [f"Distinct codes of the table: within the first {budget} samples, the budget that all samplers have."]
    if len({run.samples[-1] for run in runs}) > 1:
        budgets = ", ".join(f"{run.name} {run.samples[-1]}" for run in runs)
        lines.append(
            f"The budgets differ ({budgets} samples); curves and counts of kept codes go as far as each run did."
        )
    verified = [run for run in runs if run.verified]
    if verified:
        counts = ", ".join(f"{run.name} {run.num_seq}" for run in verified)
        lines.append(
            f"Without a code from d0: none of the samples of round 1 was kept (per problem, --num_seq: {counts}); with "
            "more samples there are fewer such problems."
        )
    from_d0 = [run.name for run in verified if run.sampler == "conditional"]
    if from_d0:
        lines.append(f"{', '.join(from_d0)}: all rounds are from d0, so later rounds show what more such samples give.")
    for keep, kept in (("one", "passing codes"), ("any", "codes, passing or not,")):
        names = [run.name for run in runs if run.keep == keep]
        if names:
            lines.append(
                f"{', '.join(names)}: of a problem's {kept} in a round one was kept (--keep {keep}); that one counts."
            )
    without = [run.name for run in runs if not run.perplexities]
    if without:
        lines.append(f"{', '.join(without)}: not scored by stage 2, so there are no perplexities (run cal_ppl.py).")
    return lines


def export_rows(
    adapter: Adapter,
    problems: Sequence[Problem],
    codes: Sequence[Sequence[str]],
    perplexities: Sequence[Sequence[float | None]],
    meta: dict,
) -> list[dict]:
    """Kept codes as rows of an export: plain strings and numbers, None for an unknown round, perplexity or verdict.

    `meta` is the code file's. `description` is the one that the code was sampled from, taken from its docstring;
    `code` is without docstrings.
    """
    rows, rounds = [], meta.get("rounds") or [[None] * len(programs) for programs in codes]
    verdict = None if meta.get("settings", {}).get("keep") == "any" else Verdict.PASS.value
    for problem, programs, values, round_numbers in zip(problems, codes, perplexities, rounds, strict=True):
        for program, value, round_ in zip(programs, values, round_numbers, strict=True):
            try:
                description = adapter.description(docstring(program, problem.entry_point))
                code = remove_docstrings(program)
            except ValueError:  # written for another Python
                description, code = "", program
            row = {"problem_id": str(problem.id), "round": round_}
            row |= {"seed_description": problem.query, "description": description, "code": code}
            rows.append(row | {"perplexity": value, "verdict": verdict})
    return rows
