"""`scripts/gpu_check.sh`: its checks rehearsed on the CPU, a machine without a GPU, a check that does not hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch
from toy import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "scripts"))

import gpu_check
import gpu_machine

QUICK = ["device", "greedy", "draws, static", "losses", "attention", "out of memory", "training"]


def check(*flags: str) -> subprocess.CompletedProcess:
    """Run the script with this interpreter."""
    here = {**os.environ, "PYTHON": sys.executable, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = ["bash", "scripts/gpu_check.sh", *flags]
    return subprocess.run(command, cwd=REPOSITORY, env=here, capture_output=True, text=True, check=False, timeout=900)


def test_rehearsal():
    done = check("--rehearse", "--only", *QUICK)
    assert done.returncode == 0, done.stdout + done.stderr
    lines, table = done.stdout.split("\n\n")
    reports = {line["check"]: line for line in map(json.loads, lines.splitlines())}
    assert list(reports) == QUICK and all(report["ok"] for report in reports.values())
    assert reports["greedy"]["equal_tokens"] == reports["greedy"]["tokens"] == 32
    assert reports["out of memory"]["rows_decoded_together"] < reports["out of memory"]["rows_asked"]
    assert all(reports["training"][kind]["peak_memory_gib"] > 0 for kind in ("full", "lora"))
    assert [row.split("|")[1].strip() for row in table.splitlines()[2:]] == QUICK


def test_without_a_gpu():
    done = check()
    assert done.returncode == 2 and done.stdout == "" and "no GPU" in done.stderr.splitlines()[-1]


def test_a_model_that_is_another_on_the_device_is_found_out(tmp_path, monkeypatch):
    machine = gpu_machine.Machine(torch.device("cpu"), True, tmp_path, "")
    machine.model = gpu_machine.random_model(tmp_path / "model", gpu_machine.SMALL, torch.float32)
    assert gpu_check.greedy(machine)["equal_tokens"] == 32
    right, seen = gpu_check.weights, []

    def second_is_off(*arguments):
        model = right(*arguments)
        seen.append(model)
        with torch.no_grad():
            model.lm_head.weight.add_(0.2 * torch.randn_like(model.lm_head.weight) * (len(seen) == 2))
        return model

    monkeypatch.setattr(gpu_check, "weights", second_is_off)
    for wrong in (gpu_check.greedy, gpu_check.losses):
        seen.clear()
        with pytest.raises(gpu_machine.Wrong):
            wrong(machine)
