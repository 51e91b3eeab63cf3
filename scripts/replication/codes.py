"""Code files that no sampler of stage 1 writes, as `passed_seq_code.json`:

    python -m scripts.replication.codes --kind covered --codes FILE --by FILE --output FILE
    python -m scripts.replication.codes --kind filled  --codes FILE --name s0-r0-o1 --k 8 --output FILE
    python -m scripts.replication.codes --kind exact   --name s0-r0-o1 --k 8 --output FILE

* `covered`: the codes, without those of problems that another sampler (`--by`) has no code for. What a method gains
  with these alone is not a gain of coverage.
* `filled`: the codes, and k copies of the gold code for every problem without one: as many rows and steps as a method
  with codes for all problems, without more codes.
* `exact`: k draws from P(program | intent), to which a perfect model's chain converges.
"""

from __future__ import annotations

import argparse

from data.worlds import intents, joint
from data.worlds.prepare import task_of
from eval import registry
from eval.problem import Problem
from utils.run import files, paths
from utils.run.files import InputError
from utils.run.streams import stream

NEEDED = {"covered": ("codes", "by"), "filled": ("codes", "name", "k"), "exact": ("name", "k")}


def main(argv: list[str] | None = None) -> int:
    """Make the codes and write them; returns the exit status."""
    options = arguments().parse_args(argv)
    for flag in NEEDED[options.kind]:
        if not getattr(options, flag):
            raise InputError(f"--kind {options.kind}: --{flag} is missing")
    codes = files.read_json(options.codes, list) if options.codes else []
    if options.kind == "covered":
        made = covered(codes, files.read_json(options.by, list), options.by)
    else:
        task = task_of(options.name)
        problems = registry.load(task, task, "train")[0][: options.limit or None]
        if options.kind == "filled":
            made = [sampled or [p.code] * options.k for p, sampled in zip(problems, codes, strict=True)]
        else:
            made = exact(problems, options.k, files.read_meta(paths.task_file(task, "train"))["settings"]["seed"])
    inputs = {flag: files.sha256(path) for flag in ("codes", "by") if (path := getattr(options, flag))}
    files.write_json(options.output, made, {"settings": {"kind": options.kind, "k": options.k}, "inputs": inputs})
    return 0


def arguments() -> argparse.ArgumentParser:
    """The flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", required=True, choices=NEEDED)
    parser.add_argument("--codes", help="passed_seq_code.json of a sampler")
    parser.add_argument("--by", help="passed_seq_code.json of another sampler, same problems")
    parser.add_argument("--name", help="the world, as given to prepare")
    parser.add_argument("--k", type=int, default=0, help="codes of each problem")
    parser.add_argument("--limit", type=int, default=0, help="first N problems; 0: all")
    parser.add_argument("--output", required=True, help="file to write")
    return parser


def covered(codes: list[list[str]], others: list[list[str]], name: str) -> list[list[str]]:
    """The codes of problems that have others too, in a list for each problem; InputError for other problems."""
    if len(codes) != len(others):
        raise InputError(f"{name}: {len(others)} problems, but --codes has {len(codes)}; sample again")
    return [of_problem if other else [] for of_problem, other in zip(codes, others, strict=True)]


def exact(problems: list[Problem], k: int, seed: int) -> list[list[str]]:
    """Programs for every problem from P(program | intent), which is the same at every strength."""
    codes = []
    for problem in problems:
        intent, rng = intents.read(problem.id), stream(seed, "exact", problem.id)
        codes.append([joint.draw(intent, 0.0, rng).program for _ in range(k)])
    return codes


if __name__ == "__main__":
    files.run(main)
