"""Random streams: equal keys give equal draws anywhere, other keys give independent ones."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np

from utils.run.streams import stream

REPOSITORY = Path(__file__).resolve().parents[2]
KEYS = [
    (1234, purpose, problem, round_) for purpose in ("code", "keep") for problem in ("1", "11") for round_ in (1, 2)
]


def test_equal_keys_give_equal_draws_whatever_was_drawn_before():
    first = stream(1234, "code", "7", 1, 0).random(5)
    stream(1234, "code", "7", 1, 1).random(1000)
    np.random.default_rng().random(10)
    assert (stream(1234, "code", "7", 1, 0).random(5) == first).all()


def test_equal_draws_in_another_process_with_another_hash_seed():
    code = "from utils.run.streams import stream; print(stream(1234, 'keep', 'é', 2).integers(10**9, size=4).tolist())"
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=REPOSITORY,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1] == f"{stream(1234, 'keep', 'é', 2).integers(10**9, size=4).tolist()}\n"


def test_different_keys_give_different_draws():
    similar = [*KEYS, (1234, "code", 1, 1), (1234, "code", "1", 1, 0), (1234, "code", "1", "1"), (123, "4code", "1", 1)]
    draws = {tuple(stream(*key).integers(2**63, size=2).tolist()) for key in similar}
    assert len(draws) == len(similar)


def test_neighbouring_keys_are_not_correlated():
    samples = [stream(1, "code", "0", 1, number).random(4000) for number in range(6)]
    for one, other in itertools.combinations(samples, 2):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.08


def test_first_draws_over_keys_are_uniform():
    """What counts for kept codes and examples: the first number of each of many streams."""
    picks = [int(stream(1234, "keep", str(problem), 1).integers(4)) for problem in range(4000)]
    counts = np.bincount(picks, minlength=4)
    assert ((counts - 1000) ** 2 / 1000).sum() < 20  # chi-squared with 3 degrees of freedom, p about 0.0002
