"""Tiny models for rehearsals (`--toy`), once: Llamas of 150,000 parameters trained to memorise some problems.

    PYTHONPATH=.:tests python scripts/prepare_toy.py data/models/toy [data/models/toy-student]

The student is trained for fewer steps. Each takes some seconds; needs no network.
"""

from __future__ import annotations

import sys
from pathlib import Path

from toy import toy_texts, write_model

from data.quickstart import problems
from utils.run.files import whole_folder

KNOWN = {"train": 6, "test": 2}  # a rehearsal takes six of each split
STEPS = {"toy": 90, "toy-student": 60}  # by the folder's name


def main() -> None:
    """Write every model folder that does not exist yet."""
    rows = [row for split, count in KNOWN.items() for row in problems.rows(split)[:count]]
    for folder in map(Path, sys.argv[1:]):
        if (folder / "config.json").exists():
            continue
        with whole_folder(folder) as new:
            write_model(new, steps=STEPS[folder.name], pairs=toy_texts(rows, shots=1))
        print(f"{folder}: trained on {len(rows)} problems for {STEPS[folder.name]} steps")


if __name__ == "__main__":
    main()
