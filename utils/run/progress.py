"""The progress bar of long steps: rate in tokens/s, share of candidates that pass, time left."""

from __future__ import annotations

import re
import resource
import time
from concurrent.futures import Future
from pathlib import Path

import torch
from tqdm import tqdm

from utils.run.dist import Ranks, versions


class Progress:
    """A bar over `total` items, on the main rank only; also counts what timing files report."""

    def __init__(self, total: int, title: str, shown: bool, unit: str = "sample"):
        self.tokens = self.judged = self.passed = 0
        self.trouble = ""
        self.started = time.monotonic()
        self.bar = tqdm(total=total, desc=title, unit=unit, disable=not shown, dynamic_ncols=True, mininterval=0.5)

    def add(self, tokens: int) -> None:
        """Count one finished item of `tokens` tokens."""
        self.tokens += tokens
        self.bar.update()
        self._show()

    def skip(self, items: int) -> None:
        """Count items that an earlier run finished."""
        self.bar.update(items)

    def tell(self, trouble: str) -> None:
        """Show a problem; "" when it is over."""
        self.trouble = trouble
        self._show()
        self.bar.refresh()

    def watch(self, verdict: Future) -> Future:
        """Count a candidate's `Judgement` when it arrives."""
        verdict.add_done_callback(self._count)
        return verdict

    def _count(self, verdict: Future) -> None:
        if not verdict.cancelled() and verdict.exception() is None:
            self.judged += 1
            self.passed += bool(verdict.result().passed)

    def _show(self) -> None:
        shares = {"tok/s": f"{self.tokens / self.seconds:.0f}"}
        if self.judged:
            shares["passing"] = f"{self.passed / self.judged:.0%}"
        if self.trouble:
            shares["trouble"] = self.trouble
        self.bar.set_postfix(shares, refresh=False)

    @property
    def seconds(self) -> float:
        """Wall-clock seconds since the start."""
        return max(time.monotonic() - self.started, 1e-9)

    def timing(self, ranks: Ranks) -> dict:
        """The contents of a timing file: seconds of the slowest rank, tokens and tokens/s of all."""
        tokens, seconds = zip(*ranks.all_values((self.tokens, self.seconds)), strict=True)
        return {
            "seconds": round(max(seconds), 3),
            "tokens": sum(tokens),
            "tokens_per_second": round(sum(tokens) / max(seconds), 1),
            "peak_memory_gib": round(max(ranks.all_values(_peak_memory(ranks))) / 2**30, 2),
            "world_size": ranks.world_size,
            "device": ranks.device.type,
            "versions": versions(),
        }

    def close(self) -> None:
        """Show the final state."""
        self._show()
        self.bar.close()


def _peak_memory(ranks: Ranks) -> int:
    """The peak memory of this rank so far in bytes: on its GPU, or else of the process."""
    if ranks.device.type == "cuda":
        return torch.cuda.max_memory_reserved(ranks.device)
    status = Path("/proc/self/status")
    if status.is_file():  # the system's count for a child begins with the peak of its parent
        return int(re.search(r"VmHWM:\s*(\d+)", status.read_text())[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
