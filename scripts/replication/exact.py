"""Programs for every seed problem of a world, drawn from P(program | intent) itself:

    python -m scripts.replication.exact --name s0-r0.5-o1 --k 8 --output FILE

What a perfect model's chain would keep in the end. No method can have a better training set of as many codes a problem,
so this one tells whether codes can still gain anything.
"""

from __future__ import annotations

import argparse

from data.worlds import intents, joint
from data.worlds.prepare import task_of
from eval import registry
from utils.run import files, paths
from utils.run.streams import stream


def main(argv: list[str] | None = None) -> int:
    """Draw and write; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="the world, as given to prepare")
    parser.add_argument("--k", type=int, required=True, help="programs of each problem")
    parser.add_argument("--limit", type=int, default=0, help="first N problems; 0: all")
    parser.add_argument("--output", required=True, help="file to write, as passed_seq_code.json")
    options = parser.parse_args(argv)
    task = task_of(options.name)
    problems, digest = registry.load(task, task, "train")
    settings = files.read_meta(paths.task_file(task, "train"))["settings"]
    codes = []
    for problem in problems[: options.limit or None]:
        intent, rng = intents.read(problem.id), stream(settings["seed"], "exact", problem.id)
        codes.append([joint.draw(intent, 0.0, rng).program for _ in range(options.k)])  # the same at every strength
    files.write_json(options.output, codes, {"settings": {"k": options.k}, "inputs": {"train": digest}})
    return 0


if __name__ == "__main__":
    files.run(main)
