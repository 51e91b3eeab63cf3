"""`run_gen.py --log_dir` over a kill: every step once, with the learning rate of the schedule."""

from __future__ import annotations

import csv
import math
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch
from deepspeed.runtime.lr_schedules import WarmupDecayLR
from safetensors.torch import load_file, save_file
from test_stages import plain_perplexity
from toy import REPOSITORY, run_stage, stage_command, toy_rows
from transformers import AutoModelForCausalLM

from utils.model.load import check_model
from utils.model.train import LEAST_WARM_UP
from utils.run import files

STEPS = 6  # of one row each, over two epochs of three problems


@pytest.fixture
def flags(tiny_model) -> list:
    """Fine-tuning on three gold pairs, the state kept after every step."""
    about = ["--model_name_or_path", tiny_model, "--deepspeed_config", REPOSITORY / "deepspeed_config.json"]
    task = ["--difficulty", "introductory", "--limit", 3, "--output_dir", "sft", "--max_length", 512, "--dtype", "fp32"]
    training = ["--train_batch_size", 1, "--num_epoch", 2, "--save_steps", 1, "--max_new_tokens", 16]
    return [*about, *task, *training, "--log_dir", "logs"]


def learning_rates() -> list[float]:
    """DeepSpeed's own schedule, alone, at the published settings: the warm-up shortened to the shortest."""
    published = files.read_json(REPOSITORY / "deepspeed_config.json", dict)["scheduler"]["params"]
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = WarmupDecayLR(optimiser, **{**published, "total_num_steps": STEPS, "warmup_num_steps": LEAST_WARM_UP})
    rates = []
    for _ in range(STEPS):
        rates.append(optimiser.param_groups[0]["lr"])
        schedule.step()
    return rates


def losses_before_training(model: Path) -> list[float]:
    """The losses of the three gold rows under the model as it is given, from their definition."""
    policy = check_model(str(model), None, False)[1]
    untouched = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()
    programs = [row["code"].replace("\n", f'\n    """ {row["query"]}"""\n', 1).rstrip() for row in toy_rows()[:3]]
    names = [row["test"]["fn_name"] for row in toy_rows()]
    return [math.log(plain_perplexity(untouched, policy, *of_row)) for of_row in zip(programs, names, strict=False)]


def test_a_killed_run_has_every_step_once(toy_task, flags, tiny_model):
    curve = toy_task / "logs/introductory/sft/training.csv"
    with subprocess.Popen(stage_command("run_gen.py", flags), cwd=toy_task, stderr=subprocess.PIPE) as process:
        until = time.monotonic() + 120
        while process.poll() is None and lines(curve) < 3 and time.monotonic() < until:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)
    assert process.returncode == -signal.SIGKILL
    with curve.open("a") as file:
        file.write("7,2,0,0,0\n")  # a step that no state has
    again = run_stage("run_gen.py", flags, toy_task)
    assert again.status == 0 and "resuming after step" in again.err, again.err
    with curve.open() as file:
        rows = list(csv.DictReader(file))
    assert [(int(row["step"]), int(row["epoch"])) for row in rows] == [(i + 1, 1 + i // 3) for i in range(STEPS)]
    assert [float(row["learning_rate"]) for row in rows] == pytest.approx(learning_rates(), rel=1e-4)
    assert all(float(row["tokens_per_second"]) > 0 for row in rows)
    first = pytest.approx(float(rows[0]["loss"]), rel=1e-4)
    assert any(loss == first for loss in losses_before_training(tiny_model))
    entries = files.read_json(toy_task / "results/introductory/sft.json")
    for entry, epoch in zip(entries, (rows[:3], rows[3:]), strict=True):
        assert sum(float(row["loss"]) for row in epoch) / 3 == pytest.approx(entry["loss"], rel=1e-4)
    with curve.with_name("evaluation.csv").open() as file:
        scores = list(csv.DictReader(file))
    assert [(int(row["epoch"]), float(row["pass_at_k"])) for row in scores] == [
        (entry["epoch"], entry["pass_at_k"]["1"]) for entry in entries
    ]


def test_a_loss_that_is_not_finite_ends_the_run_at_its_step_with_the_remedies(toy_task, flags, tiny_model):
    broken = shutil.copytree(tiny_model, toy_task / "broken")
    weights = load_file(broken / "model.safetensors")
    weights["model.norm.weight"][0] = float("inf")
    save_file(weights, broken / "model.safetensors", {"format": "pt"})
    run = run_stage("run_gen.py", [*flags, "--model_name_or_path", broken], toy_task)
    assert run.status == 1
    remedies = f"give --dtype bf16 or fp32, or lower the rate in {REPOSITORY / 'deepspeed_config.json'}"
    assert run.err.splitlines()[-1] == f"error: step 1 of epoch 1: the loss is nan; {remedies}"
    assert lines(toy_task / "logs/introductory/sft/training.csv") == 1  # its header
    assert not (toy_task / "results/introductory/sft.json").exists()


def lines(path: Path) -> int:
    """Lines of a file so far."""
    return path.read_text().count("\n") if path.exists() else 0
