"""The state of training in the middle of a run: model, optimiser, schedule, random numbers, position.

DeepSpeed writes the parts of every rank; a mark written last says that they are complete. Ranks keep the parts on their
own node's disk, so several nodes need no shared one. Only the newest complete state is kept.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from utils.run import files
from utils.run.dist import Ranks
from utils.run.files import InputError

BYTES_PER_PARAMETER = 16  # weights, fp32 master copy, two moments, and some room


@dataclass
class Position:
    """How far training has come: `step` optimiser steps of `epoch` are done; what each step did, by epoch."""

    epoch: int = 1
    step: int = 0
    curve: list[list[tuple[float, float, float]]] = field(default_factory=lambda: [[]])  # (nats/token, rate, tokens/s)

    def epochs_done(self, steps: list[int]) -> int:
        """How many epochs are trained to their end, of epochs with so many steps each."""
        return self.epoch if self.step == steps[self.epoch - 1] else self.epoch - 1


class Checkpoints:
    """The checkpoints of one run below `folder`; they hold for its settings, inputs and number of ranks."""

    def __init__(self, folder: Path, settings: dict, inputs: dict, ranks: Ranks):
        self.folder = folder / f"node{ranks.rank // ranks.local_world_size}"
        self.about = {"settings": {**settings, "world_size": ranks.world_size}, "inputs": inputs}
        self.ranks = ranks

    def newest(self) -> Position | None:
        """The newest position that is complete on all nodes; InputError where it was reached with other settings."""
        marks = {(mark["epoch"], mark["step"]): mark for mark in self._marks()}
        common = set.intersection(*map(set, self.ranks.all_values(sorted(marks))))
        if not common:
            return None
        mark = marks[max(common)]
        files.check_same(self._folder(*max(common)), mark, self.about)
        return Position(**{name: mark[name] for name in ("epoch", "step", "curve")})

    def load(self, engine, position: Position) -> None:
        """Bring DeepSpeed's engine to a position."""
        folder = self._folder(position.epoch, position.step)
        path, _ = engine.load_checkpoint(str(folder), tag="state", load_module_strict=False)
        if path is None:
            raise InputError(f"{folder}: cannot be read; give --overwrite to train anew")
        random = torch.load(folder / f"random-rank{self.ranks.rank}.pt", weights_only=True)
        torch.set_rng_state(random["cpu"])
        if self.ranks.device.type == "cuda":
            torch.cuda.set_rng_state(random["cuda"], self.ranks.device)

    def save(self, engine, position: Position) -> None:
        """Write a checkpoint, then remove the older ones; training continues without one where the disk has no room."""
        parameters = sum(part.numel() for part in engine.module.parameters() if part.requires_grad)
        need = BYTES_PER_PARAMETER * parameters // self.ranks.world_size * self.ranks.local_world_size
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.ranks.local_rank == 0:  # what a kill has left half-written
            for folder in self.folder.iterdir():
                if not (folder / "complete.json").exists():
                    shutil.rmtree(folder, ignore_errors=True)
        self.ranks.all_values(None)
        free = shutil.disk_usage(self.folder).free
        if not all(self.ranks.all_values(free > need)):
            self.ranks.log(
                f"warning: {self.folder}: no room for {need / 2**30:.1f} GiB; training goes on without a state"
            )
            return
        folder = self._folder(position.epoch, position.step)
        try:
            # Frozen weights are those that the model came with.
            engine.save_checkpoint(str(folder), tag="state", save_latest=False, exclude_frozen_parameters=True)
            random = {"cpu": torch.get_rng_state()}
            if self.ranks.device.type == "cuda":
                random["cuda"] = torch.cuda.get_rng_state(self.ranks.device)
            torch.save(random, folder / f"random-rank{self.ranks.rank}.pt")
        except OSError as error:
            raise files.cannot_write(folder, error) from None
        self.ranks.all_values(None)
        if self.ranks.local_rank == 0:
            files.write_text(folder / "complete.json", files.dump({**asdict(position), **self.about}))
            for other in self.folder.iterdir():
                if other != folder:
                    shutil.rmtree(other, ignore_errors=True)

    def remove(self) -> None:
        """Remove the state of a run that is done, or that begins anew."""
        self.ranks.all_values(None)
        if self.ranks.local_rank == 0:
            shutil.rmtree(self.folder.parent, ignore_errors=True)

    def _marks(self) -> list[dict]:
        return [files.read_json(path, dict) for path in sorted(self.folder.glob("*/complete.json"))]

    def _folder(self, epoch: int, step: int) -> Path:
        return self.folder / f"epoch{epoch}-step{step}"
