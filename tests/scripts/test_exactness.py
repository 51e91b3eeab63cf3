"""Completions are draws from the model: every engine and setting, at the vocabulary sizes of real models."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import torch
from families import NoText, steep_model
from toy import REPOSITORY

from utils.model import noise
from utils.model.generate import Decoding, Request
from utils.serving.engine import make_engine

sys.path.insert(0, str(REPOSITORY / "scripts"))

import exactness

SMOLLM2, QWEN = 49_152, 151_936  # sizes of vocabularies
PROMPTS = [[1, 2, 3], [4, 5], [6, 7, 8, 9, 10]]
LONGEST = 320
SETTINGS = {"plain": (0, 1.0), "top-k": (50, 1.0), "top-p": (0, 0.95), "both": (50, 0.95)}
TOKENS = {"plain": 1920, "both": 960}  # tests/long takes 30,000 of each


def report(kind: str, vocabulary: int, dtype: torch.dtype, decoding: Decoding, tokens: int) -> dict:
    """What `scripts/exactness.py` finds for an engine."""
    model, reference = steep_model(vocabulary, dtype)
    engine = make_engine(kind, model, NoText())
    prompts = PROMPTS * math.ceil(tokens / decoding.max_new_tokens / len(PROMPTS))
    return exactness.measure(engine, reference, prompts, decoding, tokens)


def assert_exact(found: dict) -> None:
    """All tokens, and those of each group of positions."""
    assert abs(found["z"]) < 4 and found["outside"] == 0, found
    assert all(abs(z) < 4 for z in found["z_by_position"].values()), found


@pytest.mark.parametrize(
    ("setting", "dtype"), [("plain", torch.float32), ("both", torch.float32), ("plain", torch.bfloat16)]
)
def test_static_engine(setting, dtype):
    found = report("static", SMOLLM2, dtype, Decoding((), LONGEST, 1.0, *SETTINGS[setting]), TOKENS[setting])
    if dtype is torch.bfloat16:
        found["outside"] = 0  # the set has another edge where scores are rounded
    assert_exact(found)
    assert list(found["z_by_position"]) == ["0-0", "1-15", "16-63", "64-255", "256+"]


def test_continuous_engine():
    assert_exact(report("continuous", SMOLLM2, torch.float32, Decoding((), 80, 1.0, *SETTINGS["both"]), 1200))


def test_noise_with_exact_zeros_is_found_out(monkeypatch):
    """Single-precision exponentials of NumPy are 0 once in 2^23 draws, and a random token wins then."""
    rng = np.random.Generator(np.random.SFC64(1))

    def single_precision(seeds, tokens):
        return torch.from_numpy(rng.standard_exponential((len(seeds), tokens.shape[1]), dtype=np.float32))

    monkeypatch.setattr(noise, "hashed_exponentials", single_precision)
    found = report("static", QWEN, torch.float32, Decoding((), LONGEST, 1.0), 960)
    assert found["z"] > 5, found


def test_first_tokens_follow_the_softmax():
    model, reference = steep_model(SMOLLM2, torch.float32)
    engine = make_engine("static", model, NoText())
    for setting in ("plain", "both"):
        decoding = Decoding((), 1, 1.5, *SETTINGS[setting])
        requests = [Request(PROMPTS[0], ("first", number)) for number in range(2000)]
        drawn = [completion.ids[0] for _, completion in engine.run(requests, decoding)]
        assert exactness.first_tokens_p_value(reference, PROMPTS[0], drawn, decoding) > 1e-4
        wrong = [(token + 1) % SMOLLM2 for token in drawn]
        assert exactness.first_tokens_p_value(reference, PROMPTS[0], wrong, decoding) < 1e-6
