"""Completions are draws from the model: 30,000 tokens for every engine, format and setting. An hour on two cores."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from test_exactness import LONGEST, QWEN, SETTINGS, SMOLLM2, assert_exact, report
from toy import REPOSITORY

from utils.model.generate import Decoding

MODEL = REPOSITORY / "data/models/SmolLM2-135M-Instruct"
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
TEMPERATURES = {"plain": 1.0, "top-k": 0.6, "top-p": 1.0, "both": 0.8}
SHORT = 80  # tokens of a completion of the slower engine
EVERY = [(engine, dtype, setting) for engine in ("static", "continuous") for dtype in DTYPES for setting in SETTINGS]


@pytest.mark.parametrize(("engine", "dtype", "setting"), EVERY)
def test_a_random_model(engine, dtype, setting):
    longest = LONGEST if engine == "static" else SHORT
    decoding = Decoding((), longest, TEMPERATURES[setting], *SETTINGS[setting])
    found = report(engine, SMOLLM2, DTYPES[dtype], decoding, 30_000)
    print(engine, dtype, setting, json.dumps(found))
    if dtype == "bf16":
        found["outside"] = 0  # where scores are rounded, the sets have another edge
    assert_exact(found)


def test_static_engine_with_the_largest_vocabularies():
    assert_exact(report("static", QWEN, torch.float32, Decoding((), LONGEST, 0.8), 960))


@pytest.mark.skipif(not MODEL.is_dir(), reason="python scripts/prepare_model.py makes the model")
@pytest.mark.parametrize(("engine", "dtype", "setting"), EVERY)
def test_smollm2(engine, dtype, setting):
    top_k, top_p = SETTINGS[setting]
    flags = ["--engine", engine, "--dtype", dtype, "--temperature", TEMPERATURES[setting], "--top_k", top_k]
    command = [sys.executable, "scripts/exactness.py", "--model", MODEL, *flags, "--top_p", top_p]
    done = subprocess.run(list(map(str, command)), cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    print(json.dumps(found))
    assert found["tokens"] >= 30_000 and found["p_first_tokens"] > 1e-4
    if dtype == "bf16":
        found["outside"] = 0
    assert_exact(found)
