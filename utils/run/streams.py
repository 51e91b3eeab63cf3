"""Random streams keyed by their purpose: no draw depends on batch size, order of work or number of ranks."""

from __future__ import annotations

import hashlib

import numpy as np


def stream(*key: int | str) -> np.random.Generator:
    """The generator of one purpose, e.g. `stream(seed, "code", problem_id, round, sample)`.

    Equal keys give equal streams on every machine; different keys give independent ones.
    """
    digest = hashlib.sha256(repr(key).encode()).digest()
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(int.from_bytes(digest[:16], "little"))))


def seed_of(*key: int | str) -> int:
    """A 31-bit seed, which any server accepts, for a sampler with its own generator; equal keys give equal seeds."""
    return int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:4], "little") >> 1
