"""Training curves, `--log_dir`: loss, learning rate and tokens/s of every step, the scores of every evaluation.

Two CSV files and, where tensorboard is installed, its events. All are written anew from the training state when a run
starts or resumes, and then grow line by line; so a run that was killed and resumed has every step exactly once.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path

from utils.run import files
from utils.run.dist import Ranks

STEP_COLUMNS = ("step", "epoch", "loss", "learning_rate", "tokens_per_second")  # loss in nats per token
SCORE_COLUMNS = ("epoch", "k", "pass_at_k", "low", "high", "problems")  # low, high: 95 % interval
NO_TENSORBOARD = "tensorboard is not installed: curves go to CSV alone (pip install tensorboard for both)"


class Curves:
    """The curves of one run in `folder`, written by the main rank alone; without a folder there are none."""

    def __init__(self, folder: Path | None, ranks: Ranks):
        self.folder = folder if ranks.main else None
        self.ranks, self.steps, self.board = ranks, 0, None

    def begin(self, done: Sequence[Sequence[Sequence[float]]], entries: Sequence[dict]) -> None:
        """Write what is done so far: by epoch each step's (loss, learning rate, tokens/s), and results entries."""
        if self.folder is None:
            return
        self.steps, self.board = 0, self._tensorboard()
        self._write("training.csv", [STEP_COLUMNS])
        self._write("evaluation.csv", [SCORE_COLUMNS])
        for epoch, steps in enumerate(done, 1):
            for values in steps:
                self.add_step(epoch, values)
        for entry in entries:
            self.add_evaluation(entry)

    def add_step(self, epoch: int, values: Sequence[float]) -> None:
        """One more optimiser step: its loss, learning rate and tokens/s."""
        if self.folder is None:
            return
        self.steps += 1
        self._append("training.csv", [(self.steps, epoch, *(f"{value:.6g}" for value in values))])
        self._show("training", dict(zip(STEP_COLUMNS[2:], values, strict=True)), self.steps)

    def add_evaluation(self, entry: dict) -> None:
        """The scores of one more entry of a results file."""
        if self.folder is None:
            return
        scores = entry["pass_at_k"]
        rows = [(entry["epoch"], k, scores[k], *entry["ci95"][k], entry["n_problems"]) for k in scores]
        self._append("evaluation.csv", rows)
        self._show("evaluation", {f"pass@{k}": score for k, score in scores.items()}, entry["epoch"])

    def _write(self, name: str, rows: Iterable[Sequence]) -> None:
        files.write_text(self.folder / name, _lines(rows))

    def _append(self, name: str, rows: Iterable[Sequence]) -> None:
        path = self.folder / name
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(_lines(rows))
        except OSError as error:
            raise files.cannot_write(path, error) from None

    def _tensorboard(self):
        """A writer of events in place of those of earlier runs, or None."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            self.ranks.log(NO_TENSORBOARD)
            return None
        for old in self.folder.glob("events.out.tfevents.*"):
            old.unlink()
        return SummaryWriter(str(self.folder))

    def _show(self, group: str, values: dict[str, float], step: int) -> None:
        if self.board is not None:
            for name, value in values.items():
                self.board.add_scalar(f"{group}/{name}", value, step)
            self.board.flush()


def _lines(rows: Iterable[Sequence]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
