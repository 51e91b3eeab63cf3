"""What a method's stages have written, against the truth of its world, as one result file."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path

from data.worlds import grammar
from data.worlds.grammar import Reading
from eval import registry
from eval.problem import Problem
from scripts.replication import truth
from scripts.replication.methods import METHODS, SAMPLINGS, Plan
from utils.code_files import read_codes, read_perplexities
from utils.extract import remove_docstrings
from utils.run import files, paths
from utils.selection import Draw, draw

INVERSE_TEMPERATURES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)  # at which the selection is compared with the truth


def write_result(plan: Plan, name: str) -> None:
    """Collect the output of a method's stages into its result."""
    world = files.read_meta(paths.task_file(plan.task, "train"))["settings"]
    limit = plan.options.limit or None
    train, test = (registry.load(plan.task, plan.task, split)[0][:limit] for split in ("train", "test"))
    greedy, samples = (_last_entry(plan, name, decoding) for decoding in ("greedy", "samples"))
    result = {
        "method": name,
        "world": {key: world[key] for key in ("seed", "strength", "obscurity")},
        "obscure": {"train": truth.obscure_ids(train), "test": truth.obscure_ids(test)},
        "settings": plan.settings,
        "greedy": greedy["per_problem"],
        "samples": samples["per_problem"],
        "verdicts": samples["verdicts"],
        **_drawn_for_tests(plan, name, test),
        "loss": files.read_json(plan.losses(name), dict),
    }
    minutes = {"training": 0.0, "evaluation": 0.0}
    for decoding in ("greedy", "samples"):
        for epoch in _timing(paths.results(plan.task, plan.output(name, decoding)))["epochs"]:
            minutes["training"] += epoch.get("training_seconds", 0) / 60
            minutes["evaluation"] += epoch["evaluation"]["seconds"] / 60
    if name == "base":
        result["measured"] = _measured(plan)
    if METHODS[name].sampling:
        result["sampling"], minutes["sampling"] = _sampled(plan, name, train, world["strength"])
    if METHODS[name].has_codes:
        result["selection"] = _selected(plan, name, train)
    if name != "base":
        result["training"] = _trained_on(plan, name, train)
    result["minutes"] = {part: round(value, 3) for part, value in minutes.items()}
    result["versions"] = greedy["versions"]
    lines = ",\n".join(f'"{key}": {json.dumps(value)}' for key, value in result.items())
    files.write_text(plan.result(name), "{\n" + lines + "\n}\n")
    print(f"{plan.result(name)}: written", file=sys.stderr)


def _measured(plan: Plan) -> dict | None:
    """The base model's quality, from `scripts.replication.measure`; None if it was not measured."""
    file = paths.task_file(Path(plan.model).name, "measure")
    if not file.exists():
        return None
    measured = files.read_json(file, dict)
    shares = {key: value for key, value in measured.items() if not isinstance(value, dict)}
    laws = ("style_given_wording", "wording_given_style")
    return {**shares, **{key: [measured[key]["mean"], measured[key]["noise"]] for key in laws}}


def _last_entry(plan: Plan, name: str, decoding: str) -> dict:
    return files.read_json(paths.results(plan.task, plan.output(name, decoding)))[-1]


def _drawn_for_tests(plan: Plan, name: str, test: list[Problem]) -> dict:
    """Distinct passing programs of each test problem, and styles of all samples and of those that pass."""
    rows = files.read_json(paths.generations(plan.task, plan.output(name, "samples"), 0))
    sampled, passing = ({problem.id: [] for problem in test} for _ in range(2))
    for row in rows:
        sampled[row["task_id"]].append(row["solution"])
        if row["passed"]:
            passing[row["task_id"]].append(row["solution"])
    origins = truth.origins(test)
    return {
        "distinct": {key: len(set(codes)) for key, codes in passing.items()},
        "styles": truth.count_styles(origins, list(sampled.values())),
        "styles_passing": truth.count_styles(origins, list(passing.values())),
    }


def _sampled(plan: Plan, name: str, train: list[Problem], strength: float) -> tuple[dict, float]:
    """Kept programs of a method's run of stage 1 by round against the truth, and its minutes."""
    sampling = METHODS[name].sampling
    folder, sampler = plan.sampled(sampling).parent, SAMPLINGS[sampling].sampler
    origins, seconds = truth.origins(train), 0.0
    kept: list[list[str]] = [[] for _ in train]
    rounds = []
    while (file := folder / f"code_r{len(rounds) + 1}.json").exists():
        round_, new_codes = len(rounds) + 1, files.read_json(file)
        kept = [old + new for old, new in zip(kept, new_codes, strict=True)]
        descriptions = paths.description_folder(plan.task, plan.model, str(folder.parent)) / f"sum_r{round_}.json"
        seconds += sum(_timing(path).get("seconds", 0) for path in (file, descriptions))
        counts, laws = truth.count_styles(origins, new_codes), _laws(origins, new_codes, truth.marginal)
        expected = _laws(origins, new_codes, lambda o, i=round_: truth.sampler_law(o, sampler, strength, i))
        rounds.append(
            {
                "counts": files.read_meta(file)["counts"],
                "styles": counts,
                "truth": _rounded(laws),
                "tv": _distances(truth.distance(counts, laws)),
                "tv_of_perfect_model": round(truth.law_distance(counts, expected, laws), 5),
                "tv_of_all_kept": _distances(truth.set_distance(origins, kept)),
                "covered": _covered(origins, kept),
                **_descriptions_kept(descriptions, origins),
            }
        )
    codes = {
        problem.id: [len(left), len(set(map(_body, left)))]
        for problem, left in zip(train, files.read_json(plan.codes(name)), strict=True)
    }
    return {"sampler": sampler, "rounds": rounds, "codes": codes}, seconds / 60


def _covered(origins: list[Reading], kept: list[list[str]]) -> dict[str, list[int]]:
    """By telling of the seed description: problems with a kept code so far, and all."""
    covered = {}
    for telling in ("plain", "obscure"):
        counts = [
            len(codes) for origin, codes in zip(origins, kept, strict=True) if origin.obscure == (telling == "obscure")
        ]
        covered[telling] = [sum(map(bool, counts)), len(counts)]
    return covered


def _descriptions_kept(file: Path, origins: list[Reading]) -> dict:
    """Share of descriptions of a round that parse back to their intent, and that are obscure; none after the last."""
    if not file.exists():
        return {}
    read = [grammar.parse(text) for (text,) in files.read_json(file)]
    intents_kept = sum(bool(r) and r.intent == origin.intent for r, origin in zip(read, origins, strict=True))
    obscure = sum(bool(r) and r.obscure for r in read)
    return {"intents_kept": round(intents_kept / len(read), 4), "obscure": round(obscure / len(read), 4)}


def _selected(plan: Plan, name: str, train: list[Problem]) -> dict:
    """Training sets against the truth: as the method draws them, and for GiFT by several inverse temperatures."""
    origins, method = truth.origins(train), METHODS[name]
    betas = INVERSE_TEMPERATURES if name == "gift" else (method.inverse_temperature,)
    selections = {}
    for beta in betas if method.selection == "perplexity" else (None,):
        drawn = _drawn(plan, name, train, beta)
        counts, laws = truth.count_styles(origins, drawn), _laws(origins, drawn, truth.marginal)
        selections[method.selection if beta is None else str(beta)] = {
            "rows": sum(map(len, drawn)),
            "styles": counts,
            "truth": _rounded(laws),
            "tv": _distances(truth.distance(counts, laws)),
            "tv_of_sets": _distances(truth.set_distance(origins, drawn)),
        }
    return selections


def _drawn(plan: Plan, name: str, train: list[Problem], inverse_temperature: float | None) -> list[list[str]]:
    """The codes of every problem that a method's training set has, drawn again as stage 3 draws them."""
    file, selection = plan.codes(name), METHODS[name].selection
    code_file = read_codes(file, train)
    ppl = read_perplexities(paths.perplexity_file(file), code_file)[0] if selection == "perplexity" else None
    settings = Draw(plan.options.k, plan.options.seed, inverse_temperature or 0.0, True, selection=selection)
    return [
        [codes[i] for i in draw(problem.id, codes, ppl and ppl[index], settings)]
        for index, (problem, codes) in enumerate(zip(train, code_file.codes, strict=True))
    ]


def _trained_on(plan: Plan, name: str, train: list[Problem]) -> dict[str, int]:
    """Size of the training set: problems with drawn codes, rows, optimiser steps, distinct programs, gold ones too."""
    method, options = METHODS[name], plan.options
    drawn = _drawn(plan, name, train, method.inverse_temperature) if method.has_codes else [[] for _ in train]
    programs = [[*([p.code] if method.gold else []), *codes] for p, codes in zip(train, drawn, strict=True)]
    rows, epochs = sum(map(len, programs)), options.epochs if method.has_codes else plan.gold_epochs
    return {
        "problems": sum(map(bool, drawn)),
        "rows": rows,
        "steps": epochs * math.ceil(rows / options.batch),
        "distinct": sum(len(set(map(_body, codes))) for codes in programs),
    }


def _laws(origins: list[Reading], programs: list[list[str]], law: Callable) -> truth.Laws:
    return truth.mean_laws(origins, [len(codes) for codes in programs], law)


def _rounded(laws: truth.Laws) -> truth.Laws:
    return {w: {style: round(p, 5) for style, p in row.items()} for w, row in laws.items()}


def _distances(pair: tuple[float, float]) -> list[float | None]:
    return [None if value != value else round(value, 5) for value in pair]


def _body(program: str) -> str:
    """A program without its docstring line: two codes that differ in the description alone are one."""
    try:
        return remove_docstrings(program)
    except ValueError:  # kept whatever its verdict
        return program


def _timing(path: Path) -> dict:
    file = files.beside(path, "timing")
    return files.read_json(file, dict) if file.exists() else {}
