"""Measured peaks of memory: what utils/model/memory.py expects, and the loss over a large vocabulary.

Half an hour on one core; needs 11 GiB. Prints the table of utils/model/README.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import peaks

PEAKS = [
    {"size": "135M", "tokens": 512},
    {"size": "135M", "tokens": 512, "lora_rank": 16},
    {"size": "135M", "tokens": 512, "lora_rank": 16, "packed": True},
    {"size": "135M", "tokens": 16, "dtype": "bf16", "bf16_states": True},
    {"size": "135M", "tokens": 64, "new_tokens": 16, "rows": 48},
    {"size": "360M", "tokens": 128},
    {"size": "360M", "tokens": 128, "lora_rank": 16},
    {"size": "360M", "tokens": 64, "new_tokens": 16, "rows": 32},
    {"size": "1B", "tokens": 64, "lora_rank": 16},
    {"size": "1B", "tokens": 64, "new_tokens": 8, "rows": 32},
]


@pytest.mark.parametrize("spec", PEAKS, ids=lambda spec: " ".join(map(str, spec.values())))
def test_expected_peaks_are_measured_ones(spec):
    if spec.get("packed"):
        pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
    outcome = peaks.measured(**spec)
    print(outcome)
    assert outcome["expected"] == pytest.approx(outcome["peak"], rel=0.15), outcome


LOSS = """
import resource, sys, torch, psutil; sys.path[:0] = [{repository!r}]
import torch.nn.functional as F
from transformers import LlamaConfig, LlamaForCausalLM
from utils.model.loss import code_loss
from utils.model.sft_data import Row
sizes = dict(hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4)
model = LlamaForCausalLM(LlamaConfig(vocab_size=152_000, **sizes))
row = Row(torch.randint(0, 152_000, (2048,)).tolist(), 8)
def at_once(model, rows, pad_id):
    ids = torch.tensor([rows[0].ids])
    scores = model(input_ids=ids, use_cache=False).logits[0, rows[0].prompt_length - 1 : -1]
    return F.cross_entropy(scores.float(), ids[0, rows[0].prompt_length :])
loss = dict(parts=code_loss, at_once=at_once)[sys.argv[1]]
loss(model, [Row(row.ids[:20], 8)], 0).mean().backward()
before = psutil.Process().memory_info().rss
loss(model, [row], 0).mean().backward()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before)
"""


def test_a_long_row_over_a_large_vocabulary_takes_a_third():
    peak = {}
    for kind in ("parts", "at_once"):
        command = [sys.executable, "-c", LOSS.format(repository=str(peaks.REPOSITORY)), kind]
        done = subprocess.run(command, env={**os.environ, **peaks.AT_ONCE}, capture_output=True, text=True, check=True)
        peak[kind] = int(done.stdout)
    print({kind: f"{size / 2**20:.0f} MiB" for kind, size in peak.items()})
    assert peak["parts"] < peak["at_once"] / 3
