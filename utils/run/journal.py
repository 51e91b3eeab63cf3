"""What a step has finished before its file is written: an append-only journal, so that a killed run loses seconds.

`code_r3.json` has `.code_r3.rank0.journal` beside it until it is there itself: a first line with the settings and
inputs that it depends on, then a line `[kind, key, value]` for everything finished. Every rank writes a journal of its
own, on its own disk; a run that goes on reads all that it finds and tells the other ranks, so any number of ranks may
go on. A line that a kill has cut short does not count.
"""

from __future__ import annotations

import errno
import glob
import json
import os
import threading
import time
from pathlib import Path

from utils.run import files
from utils.run.dist import Ranks

SYNC_SECONDS = 5.0  # a loss of power, unlike a kill, costs at most this much


class Journal:
    """The journal of one result file, over all ranks; InputError where it was begun with other settings or inputs."""

    def __init__(self, result: Path, settings: dict, inputs: dict, ranks: Ranks, overwrite: bool = False):
        self.result = result
        self.path = result.with_name(f".{result.stem}.rank{ranks.rank}.journal")
        about = {"settings": settings, "inputs": inputs}
        if overwrite:
            self._remove_all()
            ranks.all_values(None)  # nobody reads what another is about to remove
        self.entries: dict[tuple, object] = {}
        for found in ranks.all_values([line for path in self._paths() for line in self._read(path, about)]):
            for kind, key, value in found:
                self.entries[kind, _hashable(key)] = value
        self._lock, self._synced = threading.Lock(), time.monotonic()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("ab", buffering=0)
            self._size = _whole(self.path)
            self._file.truncate(self._size)
        except OSError as error:
            raise files.cannot_write(self.path, error) from None
        if not self._size:
            self._write(about)

    def get(self, kind: str, key: tuple):
        """What was recorded, or None."""
        return self.entries.get((kind, _hashable(key)))

    def add(self, kind: str, key: tuple, value) -> None:
        """Record something finished; any thread may."""
        with self._lock:
            if not self._file.closed:
                self._write([kind, key, value])

    def remove(self, ranks: Ranks) -> None:
        """The result is there: the journals of all ranks go."""
        ranks.all_values(None)
        with self._lock:
            self._file.close()
        self._remove_all()

    def _write(self, value) -> None:
        line = json.dumps(value).encode() + b"\n"
        try:
            if self._file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if time.monotonic() - self._synced > SYNC_SECONDS:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            self._file.truncate(self._size)
            raise files.cannot_write(self.path, error) from None
        self._size += len(line)

    def _paths(self) -> list[Path]:
        return sorted(self.path.parent.glob(f".{glob.escape(self.result.stem)}.rank*.journal"))

    def _remove_all(self) -> None:
        for path in self._paths():
            path.unlink(missing_ok=True)

    def _read(self, path: Path, about: dict) -> list:
        lines = [json.loads(line) for line in path.read_bytes()[: _whole(path)].splitlines()]
        if lines:
            files.check_same(self.result, lines[0], about)
        return lines[1:]


def _whole(path: Path) -> int:
    """Length of a journal without a last line that was cut short."""
    return path.read_bytes().rfind(b"\n") + 1


def _hashable(key) -> tuple:
    return tuple(_hashable(part) if isinstance(part, (list, tuple)) else part for part in key)
