"""Finished chains of stage 1, read back from their files, and the numbers that show what went on inside them."""

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
from utils.report.diversity import FORMS, cumulative_distinct, forms, lag1_terms, overlap, trend_terms
from utils.report.statistics import Interval, pooled_ratio
from utils.run import files, paths
from utils.run.files import InputError

REMEDY = "finish it with seq_gibbs_sample.py"


@dataclass(frozen=True)
class Chains:
    """All chains of one run of stage 1. Lists are by round, then by problem, unless said otherwise."""

    name: str
    settings: dict
    problems: list[Problem]
    codes: list[list[list[str]]]  # kept programs
    descriptions: list[list[str]]  # that the round's codes were sampled from: d_{i-1}, d0 in the first
    samples: list[int]  # codes drawn in each round, over all problems
    passed: list[int]  # of these
    perplexities: list[list[list[float | None]]] | None  # like `codes`; None: stage 2 was not run

    @property
    def keep(self) -> str:
        """Codes kept: `all` that pass; or for each problem and round `one` of those, or `any`."""
        return self.settings.get("keep", "one")


def read_chains(name: str, folder: str | Path, dataset: str, task: str) -> Chains:
    """Read a `--save_dir` or a published folder of codes; InputError names what is missing or does not fit."""
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
    """What the codes of each round were sampled from: d0, then `sum_r1.json` and so on."""
    found = [[problem.query for problem in problems]]
    for number in range(1, rounds):
        path = folder / f"sum_r{number}.json"
        rows = files.read_json(path, list, REMEDY)
        files.read_meta(path)
        good = all(isinstance(row, list) and len(row) == 1 and isinstance(row[0], str) for row in rows)
        if not good or len(rows) != len(problems):
            raise InputError(f"{path}: expected [description] for each of {len(problems)} problems; {REMEDY}")
        found.append([row[0] for row in rows])
    return found


def _perplexities(
    path: Path, codes: list[list[list[str]]], problems: Sequence[Problem]
) -> list[list[list[float | None]]] | None:
    """Those of stage 2, dealt out to the rounds that the codes were kept in; None where there are none."""
    scores = paths.perplexity_file(path)
    if not (path.exists() and scores.exists()):
        return None
    together = read_codes(path, problems)
    if together.codes != [[code for kept in codes for code in kept[number]] for number in range(len(problems))]:
        raise InputError(f"{path}: holds other codes than the rounds beside it; {REMEDY}")
    values = [iter(own) for own in read_perplexities(scores, together)[0]]
    return [[[next(own) for _ in kept] for own, kept in zip(values, round_, strict=True)] for round_ in codes]


@dataclass(frozen=True)
class Numbers:
    """What a page shows of one run of stage 1; lists are by round."""

    name: str
    sampler: str
    keep: str
    samples: list[int]  # codes drawn up to and including each round, over all problems
    passing: list[float]  # share of a round's codes
    distinct: dict[str, list[int]]  # kept codes that differ within problem and round, by measure
    coverage: dict[str, list[Interval]]  # different codes of a problem up to and including each round, by measure
    overlap: list[Interval]  # of the round's description with d0
    perplexities: list[float]  # of all kept codes, ascending; empty where stage 2 was not run
    surprise: list[Interval | None]  # log-perplexity by round, less the problem's own mean
    lag1: Interval | None  # autocorrelation of log-perplexity from round to round
    trend: Interval | None  # of log-perplexity, nats per token and round
    found: dict[str, np.ndarray]  # different codes, shape (problems, rounds), up to and including each round


def numbers(chains: Chains) -> Numbers:
    """Everything that the page and the table show of one run."""
    keys = [[[forms(code) for code in kept] for kept in round_] for round_ in chains.codes]
    by_problem = list(zip(*keys, strict=True))  # [problem][round][code]
    found = {
        form: np.array([cumulative_distinct([[k[form] for k in kept] for kept in own]) for own in by_problem])
        for form in FORMS
    }
    series = log_perplexities(chains)
    return Numbers(
        name=chains.name,
        sampler=chains.settings.get("sampler", ""),
        keep=chains.keep,
        samples=list(accumulate(chains.samples)),
        passing=[passed / samples for passed, samples in zip(chains.passed, chains.samples, strict=True)],
        distinct={form: [sum(len({k[form] for k in own}) for own in round_) for round_ in keys] for form in FORMS},
        coverage={form: [mean_and_interval(column) for column in found[form].T] for form in FORMS},
        overlap=[
            mean_and_interval([overlap(d, p.query) for d, p in zip(texts, chains.problems, strict=True)])
            for texts in chains.descriptions
        ],
        perplexities=sorted(
            value for round_ in chains.perplexities or [] for own in round_ for value in own if value is not None
        ),
        surprise=deviations_by_round(series),
        lag1=_pooled(lag1_terms, series),
        trend=_pooled(trend_terms, series),
        found=found,
    )


def log_perplexities(chains: Chains) -> list[list[float | None]]:
    """Mean log-perplexity of the kept codes, by problem and round; None where none was kept or scored."""
    if chains.perplexities is None:
        return [[None] * len(chains.codes) for _ in chains.problems]
    by_problem = zip(*chains.perplexities, strict=True)
    series = []
    for rounds in by_problem:
        logs = [[math.log(value) for value in own if value is not None] for own in rounds]
        series.append([sum(own) / len(own) if own else None for own in logs])
    return series


def deviations_by_round(series: Sequence[Sequence[float | None]]) -> list[Interval | None]:
    """Mean of each round over problems with a value there, each less the problem's own mean over its rounds."""
    centred = []
    for own in series:
        known = [value for value in own if value is not None]
        mean = sum(known) / len(known) if len(known) > 1 else None  # one value says nothing about rounds
        centred.append([value - mean if value is not None and mean is not None else None for value in own])
    columns = [[value for value in column if value is not None] for column in zip(*centred, strict=True)]
    return [mean_and_interval(column) if column else None for column in columns]


def _pooled(terms: Callable, series: Sequence[Sequence[float | None]]) -> Interval | None:
    return pooled_ratio(*zip(*(terms(own) for own in series), strict=True))


def at_budget(run: Numbers, form: str, budget: int) -> np.ndarray:
    """Different codes of each problem after so many samples over all; linear between the ends of rounds."""
    counts = run.found[form]
    return np.array([np.interp(budget, [0, *run.samples], [0, *own]) for own in counts])


def notes(runs: Sequence[Numbers], budget: int) -> list[str]:
    """What a reader of the page and the table has to know, a sentence each."""
    said = [f"Distinct codes of the table: within the first {budget} samples, the budget that all samplers have."]
    if len({run.samples[-1] for run in runs}) > 1:
        given = ", ".join(f"{run.name} {run.samples[-1]}" for run in runs)
        said.append(f"The budgets differ ({given} samples); curves go as far as each run did.")
    for keep, kept in (("one", "passing codes"), ("any", "codes, passing or not,")):
        names = [run.name for run in runs if run.keep == keep]
        if names:
            said.append(
                f"{', '.join(names)}: of a problem's {kept} in a round one was kept (--keep {keep}); that one counts."
            )
    without = [run.name for run in runs if not run.perplexities]
    if without:
        said.append(f"{', '.join(without)}: not scored by stage 2, so there are no perplexities (run cal_ppl.py).")
    return said


def pairs(
    adapter: Adapter,
    problems: Sequence[Problem],
    codes: Sequence[Sequence[str]],
    perplexities: Sequence[Sequence[float | None]],
    meta: dict,
) -> list[dict]:
    """Kept codes as rows of an export: plain strings and numbers, null for a round, perplexity or verdict not known.

    `meta` is the code file's. `description` is the one that the code was sampled from, taken from its docstring; `code`
    comes without it.
    """
    rows, rounds = [], meta.get("rounds")
    verdict = None if meta.get("settings", {}).get("keep") == "any" else Verdict.PASS.value
    for number, problem in enumerate(problems):
        for place, program in enumerate(codes[number]):
            try:
                description = adapter.description(docstring(program, problem.entry_point))
                code = remove_docstrings(program)
            except ValueError:  # written for another Python
                description, code = "", program
            row = {"problem_id": str(problem.id), "round": rounds[number][place] if rounds else None}
            row |= {"seed_description": problem.query, "description": description, "code": code}
            rows.append(row | {"perplexity": perplexities[number][place], "verdict": verdict})
    return rows
