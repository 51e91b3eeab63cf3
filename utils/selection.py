"""Which codes a model is trained on: per problem K codes, the rarer the likelier.

Self-generated codes have a long tail. With perplexities, K codes are drawn with replacement by softmax(beta * ppl) over
the problem's codes: a higher perplexity is a rarer code and gets more weight; beta is the published `--temperature`.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from eval.problem import Adapter, Problem
from utils.args import TrainingOptions
from utils.extract import docstring, training_target
from utils.run import files, paths
from utils.run.files import InputError
from utils.run.streams import stream

METHODS = {"gibbs": "GiFT", "conditional": "RFT", "rewrite": "RFT+RD"}
UNVERIFIED = {"conditional": "SSD"}  # with `--keep any`


@dataclass(frozen=True)
class CodeFile:
    """The sampled programs of each training problem, and where they stand in their file."""

    path: str | Path
    codes: list[list[str]]
    positions: list[list[int]]  # like `codes`: in the flattened file, by which perplexities are keyed
    size: int  # programs in the file
    warning: str = ""


def read_codes(path: str | Path, problems: Sequence[Problem], train_file: Path | None = None) -> CodeFile:
    """Read a list per problem of lists of programs; InputError where it does not fit the problems.

    A file without meta file (the authors' files) may have an entry for each of the seeds that the meta file of
    `train_file` lists; those of other problems are left out, which the warning says.
    """
    entries = files.read_json(path, list, "write it with stage 1, seq_gibbs_sample.py")
    foreign = files.read_meta(path) is None
    for number, own in enumerate(entries):
        if not isinstance(own, list) or not all(isinstance(code, str) for code in own):
            raise InputError(f"{path}: entry {number}: expected a list of programs; write it again with stage 1")
    ids = [str(problem.id) for problem in problems]
    listed = ids
    if len(entries) != len(ids) and foreign and train_file is not None and train_file.exists():
        listed = [str(seed) for seed in (files.read_meta(train_file) or {}).get("seeds", ())]
    if len(entries) != len(listed):
        raise InputError(
            f"{path}: {len(entries)} problems, but the training file has {len(problems)}; "
            "give the --dataset, --difficulty and --limit that stage 1 had"
        )
    ends = list(itertools.accumulate(map(len, entries)))
    spans = {key: range(end - len(own), end) for key, own, end in zip(listed, entries, ends, strict=True)}
    flat = [code for own in entries for code in own]
    positions = [list(spans.get(key, ())) for key in ids]
    warning = ""
    if listed is not ids:
        others = [own for key, own in zip(listed, entries, strict=True) if key not in ids]
        warning = (
            f"{path}: matched by position to the {len(listed)} seeds that {train_file} was made from; {len(others)} "
            f"entries with {sum(map(len, others))} codes are of problems that are not trained on, and left out"
        )
    return CodeFile(path, [[flat[i] for i in own] for own in positions], positions, len(flat), warning)


def read_perplexities(path: str | Path, code_file: CodeFile) -> tuple[list[list[float | None]], str]:
    """Perplexities cut like the codes (None: not scored), and a warning or "".

    InputError where the file was made from another code file. Without a meta file (the
    authors' files) the counts must fit.
    """
    raw = files.read_json(path, dict, "write it with stage 2, cal_ppl.py")
    total, warning = code_file.size, ""
    meta = files.read_meta(path)
    if meta is None:
        if len(raw) != total:
            raise InputError(
                f"{path}: {len(raw)} perplexities, but {code_file.path} has {total} codes; "
                "score that file with cal_ppl.py"
            )
        warning = f"{path}: has no meta file; taken as the perplexities of {code_file.path}, since the counts fit"
    elif meta.get("inputs", {}).get("code") != files.sha256(code_file.path):
        raise InputError(f"{path}: belongs to another code file than {code_file.path}; score that file with cal_ppl.py")
    flat: list[float | None] = [None] * total
    positions = set(map(str, range(total)))
    for key, value in raw.items():
        good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if key not in positions or not good:
            raise InputError(f"{path}: entry {key!r}: expected a position below {total} and a number; write it again")
        flat[int(key)] = float(value)
    return [[flat[i] for i in own] for own in code_file.positions], warning


def in_rounds(code_file: CodeFile, first: int, last: int) -> list[list[int]]:
    """Positions of the codes that were kept in rounds `first` to `last`, per problem.

    InputError where there are none, where the run was shorter, and where nothing tells a code's round: only the meta
    file of stage 1 does, which the authors' files do not have.
    """
    meta = files.read_meta(code_file.path) or {}
    rounds, place = meta.get("rounds"), f"--rounds {first}-{last}: {code_file.path}"
    if rounds is None or list(map(len, rounds)) != list(map(len, code_file.codes)):
        raise InputError(
            f"{place} has no meta file of stage 1 that tells the round of each code; "
            "leave out --rounds, or sample with seq_gibbs_sample.py"
        )
    held = meta["counts"].get("rounds", last)
    if last > held:
        raise InputError(f"{place} holds {held} rounds; give --rounds within them")
    chosen = [[i for i, round_ in enumerate(own) if first <= round_ <= last] for own in rounds]
    if not any(chosen):
        raise InputError(f"{place} has no code of these rounds; give others")
    return chosen


@dataclass
class Sources:
    """The sampled codes of one or two self-training turns, joined per problem, and what they were made from."""

    codes: list[list[str]]
    perplexities: list[list[float | None]] | None  # like `codes`; None: draw uniformly
    sampler: str | None = None  # of the last turn, where its meta file says so
    inputs: dict[str, str] = field(default_factory=dict)  # SHA-256 by flag
    warnings: list[str] = field(default_factory=list)
    made_with: list[dict] = field(default_factory=list)  # by turn: settings of stages 1 and 2, None where not known

    @property
    def method(self) -> str:
        """Name of the method in result tables."""
        if not any(self.codes):
            return "SFT"
        name = METHODS.get(self.sampler, "self-training")
        return name if self.verified else UNVERIFIED.get(self.sampler, f"{name}, unverified")

    @property
    def verified(self) -> bool:
        """Whether the codes of every turn passed their tests, as far as meta files tell."""
        return all((turn["codes"] or {}).get("keep") != "any" for turn in self.made_with)


def read_sources(options: TrainingOptions, problems: Sequence[Problem]) -> Sources:
    """Code and weight files that the flags name, checked against the problems and each other."""
    sources = Sources([[] for _ in problems], [[] for _ in problems] if options.weight_file1 else None)
    if not options.train_with_seq_gibbs:
        return sources
    turns = (
        (options.selfsample_code_source, options.weight_file1, ""),
        (options.selfsample_code_source2, options.weight_file2, "2"),
    )
    for source, weight_file, number in turns:
        if not source:
            continue
        code_file = read_codes(source, problems, paths.task_file(options.task, "train"))
        sources.warnings += [code_file.warning] if code_file.warning else []
        chosen = [range(len(own)) for own in code_file.codes]
        if options.round_range:
            chosen = in_rounds(code_file, *options.round_range)
        sources.inputs[f"code{number}"] = files.sha256(source)
        meta = files.read_meta(source) or {}
        sampling = meta.get("settings") and {**meta["settings"], "rounds": meta.get("counts", {}).get("rounds")}
        sources.sampler = (sampling or {}).get("sampler")
        sources.codes = _joined(sources.codes, code_file.codes, chosen)
        scoring = None
        if weight_file:
            values, warning = read_perplexities(weight_file, code_file)
            sources.inputs[f"weights{number}"] = files.sha256(weight_file)
            sources.warnings += [warning] if warning else []
            sources.perplexities = _joined(sources.perplexities, values, chosen)
            scoring = (files.read_meta(weight_file) or {}).get("settings")
        sources.made_with.append({"codes": sampling, "perplexities": scoring})
    return sources


def _joined(before: list[list], after: list[list], chosen: Sequence[Sequence[int]]) -> list[list]:
    """Each problem's list, with what was chosen of its new one behind it."""
    return [old + [new[i] for i in own] for old, new, own in zip(before, after, chosen, strict=True)]


def weights(perplexities: Sequence[float], inverse_temperature: float) -> np.ndarray:
    """softmax(inverse_temperature * perplexity), shape (codes,); sums to 1."""
    scaled = inverse_temperature * np.asarray(perplexities, dtype=float)
    scaled = np.exp(scaled - scaled.max())
    return scaled / scaled.sum()


@dataclass(frozen=True)
class Draw:
    """How the codes of a problem are drawn."""

    k: int
    seed: int
    inverse_temperature: float = 1.0
    resample: bool = False  # fill up to K where there are fewer codes
    fill_with_replacement: bool = False  # then all K, as published; else each code once first


def draw(
    problem_id: str, codes: Sequence[str], perplexities: Sequence[float | None] | None, settings: Draw
) -> list[int]:
    """Positions of the codes drawn for one problem, from its own random stream.

    With perplexities: K with replacement, by weight, among the scored ones. Without: uniformly without replacement, K
    or as many as there are; `resample` then fills up to K with replacement.
    """
    rng, k = stream(settings.seed, "select", problem_id), settings.k
    if perplexities is not None:
        scored = [i for i, value in enumerate(perplexities) if value is not None]
        if not scored:
            return []
        chances = weights([perplexities[i] for i in scored], settings.inverse_temperature)
        return [scored[i] for i in rng.choice(len(scored), size=k, p=chances)]
    if not codes:
        return []
    drawn = rng.permutation(len(codes))[:k].tolist()
    missing = k - len(drawn) if settings.resample else 0
    if missing and settings.fill_with_replacement:
        return rng.integers(len(codes), size=k).tolist()
    return drawn + rng.integers(len(codes), size=missing).tolist()


def training_set(
    problems: Sequence[Problem],
    sources: Sources,
    adapter: Adapter,
    options: TrainingOptions,
    ask: Callable[[Problem, str, int], str] | None = None,
) -> tuple[list[dict], Counter]:
    """Gold pairs (d0, gold code), each followed by the problem's drawn pairs (d0, code); docstrings removed.

    With `ask`, which makes the description prompt of a problem's n-th program, every pair is followed by the one in the
    other direction: the program, and d0 (gold code) or the description that it was sampled from.
    Rows are `{"id", "origin": "gold" | "sampled" | "description", "prompt", "target"}`. Also counts codes that had to
    be left out because they do not parse or lack the problem's function. InputError where no row is left.
    """
    rows, left_out = [], Counter()
    settings = Draw(options.num_seq, options.seed, options.temperature, options.resample, options.fill_with_replacement)
    for number, problem in enumerate(problems):
        perplexities = sources.perplexities[number] if sources.perplexities is not None else None
        picks = draw(str(problem.id), sources.codes[number], perplexities, settings)
        programs = [] if options.no_gold else [("gold", problem.code)]
        programs += [("sampled", sources.codes[number][i]) for i in picks]
        prompt = adapter.code_prompt(problem, problem.query)
        for place, (origin, program) in enumerate(programs):
            try:
                target = training_target(program, problem.entry_point, problem.head)
            except ValueError:
                left_out[origin] += 1
                continue
            if options.raw_texts:  # white space that sampling left at the end
                target += program[len(program.rstrip()) :]
            rows.append({"id": problem.id, "origin": origin, "prompt": prompt, "target": target})
            if ask is not None:
                text = problem.query
                if origin == "sampled":
                    text = adapter.description(docstring(program, problem.entry_point))
                pair = {"prompt": ask(problem, program, place), "target": text.strip()}
                rows.append({"id": problem.id, "origin": "description", **pair})
    if options.no_gold and not rows:
        raise InputError("--no_gold: there is no sampled code to train on; leave it out, or sample more")
    return rows, left_out
