"""Ranks: rank and world size, the device of this rank, and the few exchanges that stages need.

Started by `deepspeed` (one process per device) or by `python` (one rank). Global and local rank are distinct, and all
data is exchanged over the process group, so several nodes need no shared disk.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from typing import TypeVar

# Idle threads of the CPU kernels spin for some microseconds and then sleep. A thread that keeps spinning takes the core
# from the thread that it waits for while candidates are judged during generation (10 times slower, measured); one that
# sleeps at once has to be woken for every small kernel (a decode step of 32 rows: 40 % slower). Read when torch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "30000")

import torch  # noqa: E402
import torch.distributed as dist  # noqa: E402

from utils.run import files, stop  # noqa: E402
from utils.run.files import Failure, InputError  # noqa: E402

# cuDNN's attention, torch's first choice on H100 and newer, can have NaN gradients with a mask (pytorch#196678) and
# write wrong texts with few key-value heads (pytorch#193893). It also plans anew for every length, so for every token.
torch.backends.cuda.enable_cudnn_sdp(False)

JOINING = timedelta(minutes=10)  # that ranks wait for each other at the start
T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """One process of a run."""

    rank: int
    local_rank: int
    local_world_size: int
    world_size: int
    device: torch.device

    @property
    def main(self) -> bool:
        """Whether this rank writes files and logs."""
        return self.rank == 0

    def share(self, items: list) -> list:
        """Items of this rank, dealt round robin: every item belongs to one rank, nothing is padded or repeated."""
        return items[self.rank :: self.world_size]

    def gather(self, items: list) -> list:
        """The shared items of all ranks in their original order, on every rank."""
        if self.world_size == 1:
            return items
        shares: list = [None] * self.world_size
        dist.all_gather_object(shares, items)
        joined: list = [None] * sum(map(len, shares))
        for rank, share in enumerate(shares):
            joined[rank :: self.world_size] = share
        return joined

    def all_values(self, value) -> list:
        """The values of all ranks, by rank, on every rank."""
        values: list = [value] * self.world_size
        if self.world_size > 1:
            dist.all_gather_object(values, value)
        return values

    def on_main(self, action: Callable[[], T]) -> T:
        """The main rank's result of `action`, which may read its disk, on every rank; so is its InputError."""
        outcome: tuple = (None, None)
        if self.main:
            try:
                outcome = action(), None
            except InputError as error:
                outcome = None, error
        result, error = self.all_values(outcome)[0]
        if error:
            raise error
        return result

    @contextlib.contextmanager
    def alone_in(self, path: Path) -> Iterator[None]:
        """Lock a folder or file against other runs; InputError where another run holds it."""
        with contextlib.ExitStack() as held:
            self.on_main(lambda: held.enter_context(files.locked(path)))
            yield

    def note(self, message: str) -> None:
        """Log the message if there is one."""
        if message:
            self.log(message)

    def log(self, message: str) -> None:
        """Print a message on standard error, from the main rank only."""
        if self.main:
            print(message, file=sys.stderr, flush=True)


def join() -> Ranks:
    """Join the other ranks of this run, if any, and take a device: a GPU, or a share of the cores."""
    ranks = _ranks_of_environment()
    os.environ["DS_ACCELERATOR"] = ranks.device.type  # else DeepSpeed searches for one and logs it
    if ranks.device.type == "cuda":
        torch.cuda.set_device(ranks.device)
    torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // ranks.local_world_size))
    if ranks.world_size > 1:
        backend = "cpu:gloo,cuda:nccl" if ranks.device.type == "cuda" else "gloo"
        numbers = {"rank": ranks.rank, "world_size": ranks.world_size}
        # A rank may judge long after the others finish.
        dist.init_process_group(backend, store=_store(), timeout=timedelta(hours=12), **numbers)
        stop.meet(ranks.rank, ranks.world_size)
    return ranks


def _store() -> dist.Store:
    """The store by which ranks find each other, as the launcher has set it; Failure where some do not come."""
    try:
        return next(dist.rendezvous("env://", timeout=JOINING))[0]
    except dist.DistError as error:
        address = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        reason = str(error).strip().splitlines()[0]
        raise Failure(f"not all ranks have met at {address} within {JOINING}: {reason}") from None


def _ranks_of_environment() -> Ranks:
    rank, local_rank, world_size = (
        int(os.environ.get(k, d)) for k, d in (("RANK", 0), ("LOCAL_RANK", 0), ("WORLD_SIZE", 1))
    )
    local_world_size = int(os.environ.get("LOCAL_WORLD_SIZE") or os.environ.get("LOCAL_SIZE") or world_size)
    device = torch.device("cuda", local_rank) if torch.cuda.is_available() else torch.device("cpu")
    return Ranks(rank, local_rank, local_world_size, world_size, device)


def versions() -> dict[str, str]:
    """Versions of the packages that results depend on, for timing and result files."""
    return {
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("torch", "transformers", "deepspeed", "numpy")},
    }
