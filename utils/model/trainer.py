"""Training epoch by epoch, resumable after every checkpoint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from utils.args import TrainingOptions
from utils.model.checkpoint import Checkpoints, Position
from utils.model.curves import Curves
from utils.model.sft_data import Row
from utils.model.tokens import TokenizerPolicy
from utils.model.train import Step, train_epoch
from utils.run.dist import Ranks
from utils.run.files import Failure
from utils.run.progress import Progress


@dataclass(kw_only=True)
class Trainer:
    """Trains epoch by epoch, and keeps the state that a stopped run resumes from."""

    engine: object  # DeepSpeed's
    plans: list[list[Step]]
    rows: Sequence[Row]
    policy: TokenizerPolicy
    checkpoints: Checkpoints
    curves: Curves
    options: TrainingOptions
    ranks: Ranks
    position: Position = field(default_factory=Position)

    def resume(self, position: Position | None) -> None:
        """Load the state of a run that was stopped, if there is one."""
        if position is not None:
            self.checkpoints.load(self.engine, position)
            self.position = position
            self.ranks.log(f"resuming after step {position.step} of epoch {position.epoch}")

    def train(self, epoch: int) -> dict:
        """Train to the end of an epoch; returns its mean loss (nats per token), and tokens and seconds of this run."""
        if epoch > self.position.epoch:
            self.position = Position(epoch, 0, [*self.position.curve, []])
        options, ranks = self.options, self.ranks
        steps, curve = self.plans[epoch - 1], self.position.curve[epoch - 1]
        bar = Progress(len(steps), f"epoch {epoch}/{options.num_epoch} training", ranks.main, unit="step")
        bar.skip(len(curve))
        remaining = steps[len(curve) :]
        shares = train_epoch(self.engine, remaining, self.rows, ranks.rank, ranks.world_size, self.policy.pad_id)
        began, rate = bar.seconds, self.engine.get_lr()[0]  # the next step's
        skipped = self.engine.skipped_steps
        for step, share in zip(remaining, shares, strict=True):
            tokens = sum(len(self.rows[i].ids) for batches in step.micro_batches for batch in batches for i in batch)
            bar.add(tokens)
            loss = sum(ranks.all_values(share))
            where, config = f"step {self.position.step + 1} of epoch {epoch}", options.deepspeed_config
            if not math.isfinite(loss):
                raise Failure(f"{where}: the loss is {loss}; give --dtype bf16 or fp32, or lower the rate in {config}")
            is_left_out = self.engine.skipped_steps > skipped  # by DeepSpeed, which says nothing
            if is_left_out and options.dtype != "fp16":
                raise Failure(f"{where}: a gradient is not finite; give --dtype fp32, or lower the rate in {config}")
            curve.append((loss, rate, tokens / (bar.seconds - began)))
            self.curves.add_step(epoch, curve[-1])
            self.position.step += 1
            last = self.position.step == len(steps)
            if last or (options.save_steps and self.position.step % options.save_steps == 0):
                self.checkpoints.save(self.engine, self.position)
            began, rate = bar.seconds, self.engine.get_lr()[0]
        bar.close()
        self.engine.module.eval()
        if self.engine.skipped_steps > skipped:  # while DeepSpeed looks for the scale of the loss
            ranks.log(
                f"epoch {epoch}: {self.engine.skipped_steps - skipped} steps left out, gradients overflowed in fp16"
            )
        loss, pace = sum(loss for loss, *_ in curve) / len(curve), bar.tokens / bar.seconds
        ranks.log(f"epoch {epoch}: loss {loss:.4f} nats per token, {len(steps)} steps, {pace:.0f} tok/s")
        return {"loss": round(loss, 6), "training_seconds": round(bar.seconds, 3), "training_tokens": bar.tokens}
