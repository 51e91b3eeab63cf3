"""What fits: counts against real models, the arithmetic against sums by hand, and the command."""

from __future__ import annotations

import sys

import pytest
import torch
from toy import tiny_config
from transformers import Gemma3TextConfig, GPT2Config, LlamaForCausalLM, Qwen3MoeConfig

from utils.args import TrainingOptions
from utils.model import memory
from utils.model.lora import add_lora, trainable_share
from utils.model.memory import GIB, Counted, Training, count, rows_at_a_time, training_parts
from utils.run.files import InputError

SMALL = {"vocab_size": 400, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "head_dim": 16}
HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2}


def kept_by(model: torch.nn.Module, rows: int, length: int) -> int:
    """Bytes that a real forward pass keeps, every storage once; rows are padded, as most batches are."""
    storages = {}

    def keep(tensor):
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        ids, mask = torch.zeros((rows, length), dtype=torch.long), torch.ones((rows, length), dtype=torch.long)
        mask[-1, -1] = 0
        model.base_model(input_ids=ids, attention_mask=mask, use_cache=False)
    weights = {part.untyped_storage().data_ptr() for part in (*model.parameters(), *model.buffers())}
    return sum(storage.nbytes() for address, storage in storages.items() if address not in weights)


@pytest.mark.parametrize("rank", [0, 4])
def test_counts_are_those_of_a_real_model(rank):
    config = tiny_config(attn_implementation="sdpa")
    counted = count(config, Training("fp32", rank), 2, 100)
    model = LlamaForCausalLM(config)
    assert counted.parameters == model.num_parameters()
    needed = {"model_name_or_path": "m", "deepspeed_config": "", "output_dir": "o", "max_length": 1}
    if rank:
        add_lora(model, TrainingOptions(**needed, lora_rank=rank), "none")
    assert counted.trained == trainable_share(model)[0]
    assert counted.head == (0 if rank else 400 * 64)
    assert counted.packable == 2 * (64 * (64 + 32 + 32 + 64) + 3 * 64 * 128)
    assert counted.kept == pytest.approx(kept_by(model, 2, 100), rel=0.05)


@pytest.mark.parametrize(
    "config",
    [
        GPT2Config(vocab_size=400, n_positions=256, n_embd=64, n_layer=2, n_head=4),
        Gemma3TextConfig(**SMALL, **HEADS, sliding_window=32),
        Qwen3MoeConfig(**SMALL, **HEADS, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=64),
    ],
    ids=lambda config: config.model_type,
)
def test_other_families_are_counted_too(config):
    short, long = (count(config, Training("bf16"), rows, 64) for rows in (1, 4))
    assert short.parameters == short.trained and 2 * short.kept < long.kept


COUNTED = Counted(
    parameters=1000, trained=1000, packable=800, head=100, layers=10, vocabulary=50, tokens=1024, kept=5000,
    kept_of_layer_inputs=500,
)  # fmt: skip
SCORES = 256 * 50 * (12 + 2 * 2)


@pytest.mark.parametrize(
    ("way", "gpus", "expected"),
    [
        (Training(), 1, {"weights": 2000, "states": 12000, "activations": 5000 + SCORES + 400}),
        (Training(), 4, {"weights": 2000, "states": 3000, "activations": 5000 + SCORES + 400}),
        (Training(bf16_states=True), 1, {"weights": 2000, "states": 6000, "activations": 5000 + SCORES + 400}),
        (Training(recompute=True), 1, {"weights": 2000, "states": 12000, "activations": 1000 + SCORES + 400}),
    ],
)
def test_parts_by_hand(way, gpus, expected):
    assert training_parts(COUNTED, way, gpus, whole_buckets=False) == expected


def test_a_gpu_has_whole_buckets_and_gradients_of_earlier_micro_batches():
    buckets, gradients = 2 * memory.BUCKET * 2, 2000 / 4
    parts = training_parts(COUNTED, Training(), 4, whole_buckets=True)
    assert parts == {"weights": 2000, "states": 3000, "activations": 5000 + SCORES + 400 + buckets + gradients}
    large = Counted(10**9, 10**9, 8 * 10**8, 0, 10, 0, 1024, 5000, 500)
    parts = training_parts(large, Training(bf16_states=True), 1, whole_buckets=True)
    assert parts["gradients"] == buckets + 2 * 2e9, "those kept, and those of this backward pass"


def test_a_large_model_needs_most_in_its_step_and_packed_weights_a_quarter():
    large = Counted(10**9, 10**9, 8 * 10**8, 10**8, 10, 50, 1024, 5000, 500)
    assert training_parts(large, Training(), 1, False) == {"weights": 2e9, "states": 12e9, "step": 8e9}
    assert training_parts(large, Training(bf16_states=True), 1, False)["step"] == 4e9
    layers = Counted(10**9, 10**6, 8 * 10**8, 0, 10, 50, 1024, 5000, 500)
    packed = training_parts(layers, Training(lora_rank=16, packed=True), 1, False)
    assert packed["weights"] == pytest.approx(0.52 * 8e8 + 2 * 2e8 + 2e6) and packed["states"] == 12e6


def test_rows_fill_half_of_what_the_weights_leave():
    config = tiny_config()
    row = 2 * 2 * 2 * 16 * 2 * 100 + 12 * 400  # keys and values, layers, groups, size, bytes, tokens; scores
    left = 10 * row
    assert rows_at_a_time(config, 1000, "bf16", memory.KEPT_FREE + 2000 + 2 * left, 100) == 10
    assert rows_at_a_time(config, 1000, "bf16", memory.KEPT_FREE, 100) == 0


def test_the_command_says_what_fits(tiny_model, monkeypatch, capsys):
    for given, fits in (("8", "yes"), ("1", "no")):
        monkeypatch.setattr(sys, "argv", ["memory", str(tiny_model), "--memory", given, "--length", "64"])
        memory.main()
        lines = capsys.readouterr().out.splitlines()
        rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")][2:]
        names = ["full", "full, states in bf16", "LoRA, rank 16", "QLoRA, rank 16"]
        assert [row[0] for row in rows] == names and {row[3] for row in rows} == {fits}
        assert ("rows of 64 tokens" in lines[-1]) == (fits == "yes")
        assert all(float(row[1].split()[0]) > memory.KEPT_FREE / GIB for row in rows)


@pytest.mark.parametrize(
    ("flags", "named"),
    [(["./nowhere"], "./nowhere"), (["m", "--gpus", "0"], "--gpus 0"), (["m", "--tokens", "-1"], "-1")],
)
def test_bad_input_of_the_command(flags, named, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["memory", *flags])
    with pytest.raises(InputError, match=named):
        memory.main()
