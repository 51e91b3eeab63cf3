"""Reading the code files of stage 1 and the perplexities of stage 2, checked against the problems and each other."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.problem import Problem
from utils.run import files
from utils.run.files import InputError


@dataclass(frozen=True)
class CodeFile:
    """The sampled programs of each training problem, and their positions in the file."""

    path: str | Path
    codes: list[list[str]]
    positions: list[list[int]]  # like `codes`: positions in the flattened file, the keys of perplexities
    size: int  # programs in the file
    warning: str = ""


def read_codes(path: str | Path, problems: Sequence[Problem], train_file: Path | None = None) -> CodeFile:
    """Read a list per problem of lists of programs; InputError where it does not match the problems.

    A file without a meta file (the authors' files) may have an entry for each of the seeds that the meta file of
    `train_file` lists; those of other problems are left out, with a warning.
    """
    entries = files.read_json(path, list, "write it with stage 1, seq_gibbs_sample.py")
    foreign = files.read_meta(path) is None
    for index, entry in enumerate(entries):
        if not isinstance(entry, list) or not all(isinstance(code, str) for code in entry):
            raise InputError(f"{path}: entry {index}: expected a list of programs; write it again with stage 1")
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
    spans = {key: range(end - len(entry), end) for key, entry, end in zip(listed, entries, ends, strict=True)}
    flat = [code for entry in entries for code in entry]
    positions = [list(spans.get(key, ())) for key in ids]
    warning = ""
    if listed is not ids:
        others = [entry for key, entry in zip(listed, entries, strict=True) if key not in ids]
        warning = (
            f"{path}: matched by position to the {len(listed)} seeds that {train_file} was made from; {len(others)} "
            f"entries with {sum(map(len, others))} codes are of problems that are not trained on, and left out"
        )
    return CodeFile(path, [[flat[i] for i in indices] for indices in positions], positions, len(flat), warning)


def read_perplexities(path: str | Path, code_file: CodeFile) -> tuple[list[list[float | None]], str]:
    """Perplexities nested like the codes (None: not scored), and a warning or "".

    InputError where the file was made from another code file. Without a meta file (the authors' files) the counts must
    match.
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
        warning = f"{path}: has no meta file; taken as the perplexities of {code_file.path}, since the counts match"
    elif meta.get("inputs", {}).get("code") != files.sha256(code_file.path):
        raise InputError(f"{path}: belongs to another code file than {code_file.path}; score that file with cal_ppl.py")
    flat: list[float | None] = [None] * total
    positions = set(map(str, range(total)))
    for key, value in raw.items():
        finite = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if key not in positions or not finite:
            raise InputError(f"{path}: entry {key!r}: expected a position below {total} and a number; write it again")
        flat[int(key)] = float(value)
    return [[flat[i] for i in indices] for indices in code_file.positions], warning


def in_rounds(code_file: CodeFile, first: int, last: int) -> list[list[int]]:
    """Positions of the codes that were kept in rounds `first` to `last`, per problem.

    InputError where there are none, where the run was shorter, and where the file has no meta file of stage 1, which
    holds the round of each code; the authors' files have none.
    """
    meta = files.read_meta(code_file.path) or {}
    rounds, location = meta.get("rounds"), f"--rounds {first}-{last}: {code_file.path}"
    if rounds is None or list(map(len, rounds)) != list(map(len, code_file.codes)):
        raise InputError(
            f"{location} has no meta file of stage 1, which holds the round of each code; "
            "leave out --rounds, or sample with seq_gibbs_sample.py"
        )
    count = meta["counts"].get("rounds", last)
    if last > count:
        raise InputError(f"{location} holds {count} rounds; give --rounds within them")
    chosen = [[i for i, round_ in enumerate(of_problem) if first <= round_ <= last] for of_problem in rounds]
    if not any(chosen):
        raise InputError(f"{location} has no code of these rounds; give others")
    return chosen
