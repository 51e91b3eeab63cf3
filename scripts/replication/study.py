"""Does GiFT beat RFT in a world? All methods through the three stages, and their results against the truth:

    python -m scripts.replication.study --name s0-r0.5-o0.5 --base s0-r0.5-o0

Needs the world (`data.worlds.prepare`) and its base model (`scripts.replication.pretrain`), which worlds that differ in
their obscurity alone share: `--base`. Every method (`methods.py`) ends in one small file,
`results/replication/<name>-<method>.json`; a method that has its file is not run again, and what a stage has finished
is kept, so the same command resumes after an interruption. `--dry_run` prints the stages' commands.

The stages run in processes forked from this one, which has the libraries loaded: importing them takes longer than many
a stage here.
"""

from __future__ import annotations

import argparse
import multiprocessing
import runpy
import shlex
import sys
from pathlib import Path

from scripts.replication import collect
from scripts.replication.methods import METHODS, Plan
from utils.run import files
from utils.run.files import Failure

ROOT = Path(__file__).resolve().parents[2]


def main(argv: list[str] | None = None) -> int:
    """Run the methods that have no result yet; returns the exit status."""
    options = arguments().parse_args(argv)
    plan = Plan(options)
    if options.dry_run:
        for method in options.methods:
            print("\n".join(shlex.join(["python", *command]) for command in plan.commands(method)))
        return 0
    missing = [method for method in options.methods if not plan.is_done(method)]
    if options.is_finished:
        print(f"{options.name}: {len(options.methods) - len(missing)} of {len(options.methods)} methods are finished")
        return 1 if missing else 0
    plan.check()
    if missing:
        load_libraries()
    for method in missing:
        for command in plan.commands(method):
            run_stage(command)
        collect.write_result(plan, method)
    return 0


def arguments() -> argparse.ArgumentParser:
    """The flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="the world, as given to prepare")
    parser.add_argument("--base", help="the world whose base model is used; default: the same")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), help="default: all")
    parser.add_argument("--seed", type=int, default=0, help="key of every random draw")
    parser.add_argument("--rounds", type=int, default=10, help="rounds of every sampler")
    parser.add_argument("--num_seq", type=int, default=3, help="programs drawn for each problem in a round")
    parser.add_argument("--k", type=int, default=8, help="sampled programs of each problem in the training set")
    parser.add_argument("--epochs", type=int, default=2, help="epochs over the training set")
    parser.add_argument("--batch", type=int, default=16, help="rows of an optimiser step")
    parser.add_argument("--samples", type=int, default=10, help="programs drawn for each test problem")
    parser.add_argument("--limit", type=int, default=0, help="first N problems; 0: all")
    parser.add_argument("--results", default="replication", help="folder under results/ for the result files")
    parser.add_argument("--dry_run", action="store_true", help="print the commands; needs no data, writes nothing")
    parser.add_argument("--is_finished", action="store_true", help="run nothing; exit status 0 if nothing is missing")
    return parser


def load_libraries() -> None:
    """Import what the stages import, once for all of them. Nothing is computed here: threads do not survive a fork."""
    from utils.model import static, train  # noqa: F401, I001
    from utils.run import dist  # noqa: F401, I001

    import deepspeed  # noqa: F401
    import transformers.models.llama.modeling_llama  # noqa: F401


def run_stage(command: list[str]) -> None:
    """Run `script flags...` or `-m module flags...` in a fork of this process; Failure where it fails."""
    print("\n$ python " + shlex.join(command), file=sys.stderr, flush=True)
    process = multiprocessing.get_context("fork").Process(target=_become, args=(command,))
    process.start()
    try:
        process.join()
    except BaseException:
        process.terminate()
        process.join()
        raise
    if process.exitcode:
        raise Failure(f"stopped at: python {shlex.join(command)} (exit status {process.exitcode})")


def _become(command: list[str]) -> None:
    if command[0] == "-m":
        sys.argv = command[1:]
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = command
        runpy.run_path(str(ROOT / command[0]), run_name="__main__")


if __name__ == "__main__":
    files.run(main)
