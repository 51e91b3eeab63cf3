"""Fine-tuning through DeepSpeed: the published optimiser, schedule and ZeRO stage, micro batches by token budget.

An optimiser step takes `train_batch_size` rows over all ranks; how they are cut into micro batches changes memory and
speed, not the result. The loss is the mean over the step's rows of each row's mean over its target tokens.
"""

from __future__ import annotations

import copy
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from transformers import PreTrainedModel

from utils.args import TrainingOptions, read_deepspeed_config
from utils.model.loss import code_loss
from utils.model.sft_data import Row, batches_by_length, make_row
from utils.model.tokens import TokenizerPolicy
from utils.run.dist import Ranks
from utils.run.files import InputError
from utils.run.streams import stream

TRAIN_TOKENS = {"cpu": 1024, "cuda": 8192}  # tokens of a micro batch, padding included
LEAST_WARM_UP = 2  # steps; DeepSpeed takes no fewer
RECOMPUTE_PARAMETERS = 1_000_000_000  # from this size on a GPU keeps no activations over the forward pass


@dataclass(frozen=True)
class Step:
    """One optimiser step: for every rank its micro batches of row positions, equally many on each rank (some empty)."""

    micro_batches: list[list[list[int]]]
    rows: int


def plan_epoch(
    lengths: Sequence[int], epoch: int, seed: int, batch_size: int, world_size: int, tokens: int
) -> list[Step]:
    """The steps of an epoch: rows shuffled by the seed and the epoch, every row once, the last step perhaps smaller."""
    order = stream(seed, "order", epoch).permutation(len(lengths)).tolist()
    steps = []
    for start in range(0, len(order), batch_size):
        rows = sorted(order[start : start + batch_size], key=lambda i: (-lengths[i], i))
        rows_of_ranks = [rows[rank::world_size] for rank in range(world_size)]
        plans = [
            [[rank_rows[i] for i in part] for part in batches_by_length([lengths[i] for i in rank_rows], tokens)]
            for rank_rows in rows_of_ranks
        ]
        micro_batches = max(map(len, plans))
        steps.append(Step([plan + [[]] * (micro_batches - len(plan)) for plan in plans], len(rows)))
    return steps


def settings_for(
    config: dict, path: str, dtype: str, total_steps: int, shorten_warm_up: bool = True
) -> tuple[dict, str]:
    """DeepSpeed's settings for this run, from those in the file, and a warning or "".

    The warm-up is shortened to a tenth of a run that is shorter than it; the planner sets batch sizes. What the file
    says about the number format in use is kept.
    InputError for a ZeRO stage that splits the weights, since evaluation needs them whole on every rank.
    """
    config, warning = copy.deepcopy(config), ""
    if config["zero_optimization"]["stage"] not in (0, 1, 2):
        raise InputError(
            f"{path}: zero_optimization stage {config['zero_optimization']['stage']}: evaluation needs all weights on "
            "every rank; use stage 0, 1 or 2, with --lora_rank or deepspeed_offload.json where memory is short"
        )
    schedule = config["scheduler"]["params"]
    if "total_num_steps" in schedule or config["scheduler"]["type"] == "WarmupDecayLR":
        schedule["total_num_steps"] = total_steps
    if "warmup_num_steps" in schedule:
        warmup = schedule["warmup_num_steps"]
        schedule["warmup_num_steps"], warning = warm_up(warmup, total_steps, shorten_warm_up)
    _check_number_format(config, path, dtype)
    if config["optimizer"]["type"].lower() in ("adam", "adamw") and not (_is_offloaded(config) and _has_master(config)):
        # DeepSpeed's own would be compiled at first use. Fused, torch's needs no room for two more copies of what it
        # trains.
        config["optimizer"]["params"] |= {"torch_adam": True, "fused": True}
        config["zero_force_ds_cpu_optimizer"] = False  # with offload it would be compiled
    config |= {
        **{
            name: {**config.get(name, {}), "enabled": True} if name == dtype else {"enabled": False}
            for name in ("bf16", "fp16")
        },
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "managed_gradient_accumulation": False,  # a step ends where `train_step` says
        "steps_per_print": None,
        "checkpoint": {**config.get("checkpoint", {}), "use_node_local_storage": True},  # no disk is shared
    }
    config.pop("train_batch_size", None)
    if config["zero_optimization"]["stage"] < 2:
        config["zero_optimization"]["overlap_comm"] = False
    return config, warning


def _is_offloaded(config: dict) -> bool:
    return config["zero_optimization"].get("offload_optimizer", {}).get("device", "none") != "none"


def _has_master(config: dict) -> bool:
    """Whether the master copy of the weights is in bf16; offloaded, only DeepSpeed's optimiser can have that."""
    return config.get("bf16", {}).get("bf16_master_weights_and_grads", False)


def _check_number_format(config: dict, path: str, dtype: str) -> None:
    """InputError where DeepSpeed would refuse a number format after the weights are loaded, or not train with it."""
    stage, master = config["zero_optimization"]["stage"], _has_master(config)
    states = config.get("bf16", {}).get("bf16_optimizer_states", False)
    if dtype == "fp16" and stage == 0:  # whose gradients DeepSpeed divides by a scale that the loss did not have
        raise InputError(f"{path}: --dtype fp16: needs zero_optimization stage 1 or 2")
    if states and not master:
        raise InputError(f"{path}: bf16_optimizer_states: needs bf16_master_weights_and_grads too")
    if master and stage == 0:
        raise InputError(f"{path}: bf16_master_weights_and_grads: needs zero_optimization stage 1 or 2")
    if master and not states and not _is_offloaded(config):
        raise InputError(f"{path}: bf16_master_weights_and_grads: add bf16_optimizer_states, or offload_optimizer")


def warm_up(steps: int, total_steps: int, shorten: bool) -> tuple[int, str]:
    """How many steps of a run warm up, and a warning or "": a tenth of the run where all of it would be warm-up."""
    if steps >= total_steps and shorten:
        shorter = max(LEAST_WARM_UP, total_steps // 10)
        rates = "; such a run keeps the lowest rate" if total_steps <= LEAST_WARM_UP else ""
        return (
            shorter,
            f"warm-up of {steps} steps is longer than the run: shortened to {shorter} of {total_steps}{rates}",
        )
    if steps < LEAST_WARM_UP:
        return LEAST_WARM_UP, f"warm-up of {steps} steps: DeepSpeed takes {LEAST_WARM_UP} at least"
    return steps, ""


def start_engine(model: PreTrainedModel, config: dict, ranks: Ranks):
    """The DeepSpeed engine around `model`, which is trained in place."""
    os.environ.setdefault("LOCAL_RANK", str(ranks.local_rank))  # plain python has no launcher to set it
    import deepspeed  # imported late: it takes seconds, and the other stages do without

    deepspeed.utils.logger.setLevel(logging.ERROR)
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False  # would be compiled at first use, for a minute
    if not dist.is_initialized():
        backend = "nccl" if ranks.device.type == "cuda" else "gloo"
        dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)
    large = ranks.device.type == "cuda" and model.num_parameters() >= RECOMPUTE_PARAMETERS
    if large and model.supports_gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    engine, *_ = deepspeed.initialize(model=model, model_parameters=trained, config=config)
    return engine


def train_epoch(
    engine, steps: Sequence[Step], rows: Sequence[Row], rank: int, world_size: int, pad_id: int
) -> Iterator[float]:
    """Train through an epoch's steps; yields after each the loss of this rank's rows, as a share of the step's mean.

    Summed over ranks it is the step's loss in nats per token.
    """
    engine.module.train()
    for step in steps:
        share = torch.zeros((), device=engine.device)
        for batch in step.micro_batches[rank]:
            # A rank without rows takes part in the exchange of gradients with a row that weighs nothing.
            losses = code_loss(engine, [rows[i] for i in batch] or [rows[0]], pad_id)
            loss = losses.sum() * (1 if batch else 0) / step.rows
            engine.backward(loss * world_size, scale_wrt_gas=False)  # DeepSpeed averages over ranks
            share += loss.detach()
        engine.step()
        yield share.item()


def save_model(
    model: PreTrainedModel, policy: TokenizerPolicy, folder: str | Path, card: str = "", adapter: Path | None = None
) -> None:
    """Weights (safetensors), tokenizer, model card and adapter as a plain model folder.

    An older folder is replaced only by a complete one.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        new, old = Path(temporary) / "new", Path(temporary) / "old"
        model.save_pretrained(new)
        policy.tokenizer.save_pretrained(new)
        if card:
            (new / "README.md").write_text(card, encoding="utf-8")
        if adapter is not None:
            shutil.copytree(adapter, new / "adapter")
        for file in new.rglob("*"):
            file.chmod(0o755 if file.is_dir() else 0o644)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)


def training_rows(drawn: list[dict], policy: TokenizerPolicy, max_length: int, ranks: Ranks) -> list[Row]:
    """Token rows of the training set; those that do not fit are counted in the log. InputError where none fits."""
    made = [make_row(policy, row["prompt"], row["target"], max_length, end=True) for row in drawn]
    rows = [row for row in made if row is not None]
    if not rows:
        raise InputError(f"--max_length {max_length}: no training row fits; give a larger one")
    if len(rows) < len(drawn):
        ranks.log(f"dropped: {len(drawn) - len(rows)} training rows longer than --max_length {max_length}")
    return rows


def plan_epochs(rows: Sequence[Row], options: TrainingOptions, together: bool, ranks: Ranks) -> list[list[Step]]:
    """The optimiser steps of every epoch, each epoch in an order of its own; a row at a time if not `together`."""
    tokens = options.micro_batch_tokens or TRAIN_TOKENS[ranks.device.type]
    lengths = [len(row.ids) for row in rows]
    if options.micro_batch_tokens and max(lengths) > tokens:
        raise InputError(f"--micro_batch_tokens {tokens}: the longest training row alone has {max(lengths)}")
    orders = [1 if options.same_order else epoch for epoch in range(1, options.num_epoch + 1)]
    return [
        plan_epoch(lengths, order, options.seed, options.train_batch_size, ranks.world_size, tokens if together else 1)
        for order in orders
    ]


def deepspeed_settings(options: TrainingOptions, total_steps: int, ranks: Ranks) -> dict:
    """DeepSpeed's settings for a run of `total_steps`; a shortened warm-up is logged. InputError if it cannot train."""
    path = options.deepspeed_config
    if options.dtype == "fp16" and ranks.device.type == "cpu":
        raise InputError("--dtype fp16: DeepSpeed does not train in it on a CPU; give bf16 or fp32")
    shorten = not options.full_warm_up
    config = read_deepspeed_config(path)
    settings, warning = settings_for(config, path, options.dtype, total_steps, shorten)
    if warning:
        ranks.log(f"warning: {warning}")
    return settings
