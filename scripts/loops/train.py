"""The training loop: stage 3."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import replace

from scripts.loops.bench import (
    AGREEMENT_ROWS,
    TRAIN_LENGTH,
    Bench,
    as_published,
    largest_difference,
    padded_loss,
    row_lengths,
)
from utils.args import TrainingOptions
from utils.model.sft_data import Row
from utils.model.train import (
    TRAIN_TOKENS,
    deepspeed_settings,
    plan_epoch,
    plan_epochs,
    start_engine,
    train_epoch,
    training_rows,
)
from utils.training_set import Sources, training_set

PROBLEMS = 100  # where no --limit is given


def measure(args: argparse.Namespace) -> dict:
    """Examples per second of stage 3's training on gold pairs, the optimiser's steps included.

    Reference: micro batches of one row padded to 1536 tokens, recomputation, scores at every position; the same
    DeepSpeed engine and optimiser. Two rows a repetition are enough: padded rows all cost the same, and the time of a
    whole step follows from theirs and the optimiser's. `largest_relative_difference` is that of the losses of two steps
    in fp32.
    """
    bench = Bench.load(args, PROBLEMS)
    length, pad_id = min(TRAIN_LENGTH, bench.longest), bench.policy.pad_id
    options = replace(bench.options, max_length=length, num_epoch=args.repeats)
    drawn, _ = training_set(bench.problems, Sources([[] for _ in bench.problems], None), bench.adapter, options)
    rows = training_rows(drawn, bench.policy, length, bench.ranks)
    plans = plan_epochs(rows, options, True, bench.ranks)
    engine = start_engine(
        bench.model(), deepspeed_settings(options, 2 * sum(map(len, plans)), bench.ranks), bench.ranks
    )
    size = plans[0][0].rows  # of an optimiser step

    rates, published = [], []
    for repeat, plan in enumerate(plans):
        rates.append(len(rows) / bench.seconds(lambda plan=plan: list(train_epoch(engine, plan, rows, 0, 1, pad_id))))
        some = [rows[(2 * repeat + i) % len(rows)] for i in range(2)]
        with as_published(engine.module, recompute=True):
            each = bench.seconds(lambda some=some: published_gradients(engine, some, length, pad_id)) / 2
            published.append(1 / (each + bench.seconds(engine.step) / size))
    engine.destroy()
    return {
        "ours": statistics.median(rates),
        "reference": statistics.median(published),
        "unit": "examples/s",
        "largest_relative_difference": largest_difference(*step_losses(bench, options, rows[:AGREEMENT_ROWS], length)),
        **bench.description(),
        **row_lengths(rows, length),
        "rows_per_step": size,
    }


def published_gradients(engine, rows: Sequence[Row], length: int, pad_id: int) -> float:
    """Add up the gradients of a step, row by row; returns its loss in nats per token."""
    total = 0.0
    for row in rows:
        loss = padded_loss(engine, row, length, pad_id) / len(rows)
        engine.backward(loss, scale_wrt_gas=False)
        total += loss.item()
    return total


def step_losses(
    bench: Bench, options: TrainingOptions, rows: Sequence[Row], length: int
) -> tuple[list[float], list[float]]:
    """Losses of two optimiser steps in fp32, ours and published, each from the same weights; one step for one row."""
    options, pad_id = replace(options, dtype="fp32"), bench.policy.pad_id
    half = max(1, len(rows) // 2)
    plan = plan_epoch([len(row.ids) for row in rows], 1, options.seed, half, 1, TRAIN_TOKENS[bench.ranks.device.type])
    losses = []
    for published in (False, True):
        engine = start_engine(bench.model("fp32"), deepspeed_settings(options, 30, bench.ranks), bench.ranks)
        if published:
            losses.append([])
            with as_published(engine.module, recompute=True):
                for step in plan:
                    step_rows = [rows[i] for batch in step.micro_batches[0] for i in batch]
                    losses[-1].append(published_gradients(engine, step_rows, length, pad_id))
                    engine.step()
        else:
            losses.append(list(train_epoch(engine, plan, rows, 0, 1, pad_id)))
        engine.destroy()
        del engine  # before the next one takes as much memory
    return tuple(losses)
