"""The training set of stage 3: gold pairs, and the pairs drawn from one or two files of sampled codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from eval.problem import Adapter, Problem
from utils.args import TrainingOptions
from utils.code_files import in_rounds, read_codes, read_perplexities
from utils.extract import docstring, training_target
from utils.gibbs import SAMPLERS
from utils.run import files, paths
from utils.run.files import InputError
from utils.selection import Draw, draw

UNVERIFIED = {"conditional": "SSD"}  # by sampler: the method's name with `--keep any`


@dataclass
class Sources:
    """The sampled codes of one or two self-training turns, joined per problem, and their origin."""

    codes: list[list[str]]
    perplexities: list[list[float | None]] | None  # like `codes`; None: draw uniformly
    sampler: str | None = None  # of the last turn, if its meta file has it
    inputs: dict[str, str] = field(default_factory=dict)  # SHA-256 by flag
    warnings: list[str] = field(default_factory=list)
    made_with: list[dict] = field(default_factory=list)  # by turn: settings of stages 1 and 2, None if unknown

    @property
    def method(self) -> str:
        """Name of the method in result tables."""
        if not self.made_with:
            return "SFT"
        name = SAMPLERS[self.sampler].method if self.sampler in SAMPLERS else "self-training"
        return name if self.verified else UNVERIFIED.get(self.sampler, f"{name}, unverified")

    @property
    def verified(self) -> bool:
        """Whether the codes of every turn passed their tests, according to their meta files."""
        return all((turn["codes"] or {}).get("keep") != "any" for turn in self.made_with)


def read_sources(options: TrainingOptions, problems: Sequence[Problem]) -> Sources:
    """Read the code and weight files that the flags name, checked against the problems and each other."""
    sources = Sources([[] for _ in problems], [[] for _ in problems] if options.weight_file1 else None)
    if not options.train_with_seq_gibbs:
        return sources
    turns = (
        (options.selfsample_code_source, options.weight_file1, ""),
        (options.selfsample_code_source2, options.weight_file2, "2"),
    )
    for source, weight_file, suffix in turns:
        if not source:
            continue
        code_file = read_codes(source, problems, paths.task_file(options.task, "train"))
        sources.warnings += [code_file.warning] if code_file.warning else []
        indices = [range(len(codes)) for codes in code_file.codes]
        if options.round_range:
            indices = in_rounds(code_file, *options.round_range)
        sources.inputs[f"code{suffix}"] = files.sha256(source)
        meta = files.read_meta(source) or {}
        sampling = meta.get("settings") and {**meta["settings"], "rounds": meta.get("counts", {}).get("rounds")}
        sources.sampler = (sampling or {}).get("sampler")
        sources.codes = _joined(sources.codes, code_file.codes, indices)
        scoring = None
        if weight_file:
            values, warning = read_perplexities(weight_file, code_file)
            sources.inputs[f"weights{suffix}"] = files.sha256(weight_file)
            sources.warnings += [warning] if warning else []
            sources.perplexities = _joined(sources.perplexities, values, indices)
            scoring = (files.read_meta(weight_file) or {}).get("settings")
        sources.made_with.append({"codes": sampling, "perplexities": scoring})
    return sources


def _joined(before: list[list], after: list[list], indices: Sequence[Sequence[int]]) -> list[list]:
    """Each problem's list, followed by the items of its second list at `indices`."""
    return [old + [new[i] for i in chosen] for old, new, chosen in zip(before, after, indices, strict=True)]


def training_set(
    problems: Sequence[Problem],
    sources: Sources,
    adapter: Adapter,
    options: TrainingOptions,
    ask: Callable[[Problem, str, int], str] | None = None,
) -> tuple[list[dict], Counter]:
    """Gold pairs (d0, gold code), each followed by the problem's drawn pairs (d0, code); docstrings removed.

    With `ask`, which makes the description prompt of a problem's n-th program, every pair is followed by its reverse:
    the program, and d0 (gold code) or the description that it was sampled from.
    Rows are `{"id", "origin": "gold" | "sampled" | "description", "prompt", "target"}`. Also counts codes that are
    left out because they do not parse or lack the problem's function. InputError where no row is left.
    """
    rows, left_out = [], Counter()
    settings = Draw(
        options.num_seq,
        options.seed,
        options.temperature,
        options.resample,
        options.fill_with_replacement,
        options.selection,
    )
    perplexities = sources.perplexities or [None] * len(problems)
    for problem, codes, values in zip(problems, sources.codes, perplexities, strict=False):
        picks = draw(str(problem.id), codes, values, settings)
        programs = [] if options.no_gold else [("gold", problem.code)]
        programs += [("sampled", codes[i]) for i in picks]
        prompt = adapter.code_prompt(problem, problem.query)
        for index, (origin, program) in enumerate(programs):
            try:
                target = training_target(program, problem.entry_point, problem.head)
            except ValueError:
                left_out[origin] += 1
                continue
            if options.raw_texts:  # trailing white space of the sample
                target += program[len(program.rstrip()) :]
            rows.append({"id": problem.id, "origin": origin, "prompt": prompt, "target": target})
            if ask is not None:
                text = problem.query
                if origin == "sampled":
                    text = adapter.description(docstring(program, problem.entry_point))
                pair = {"prompt": ask(problem, program, index), "target": text.strip()}
                rows.append({"id": problem.id, "origin": "description", **pair})
    if options.no_gold and not rows:
        raise InputError("--no_gold: there is no sampled code to train on; leave it out, or sample more")
    return rows, left_out
