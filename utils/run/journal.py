"""An append-only journal of the work that a step has finished before its file is written: a kill costs only seconds.

Until `code_r3.json` exists, its folder has `.code_r3.rank0.journal`: a first line with the settings and inputs that it
depends on, then a line `[kind, key, value]` for each finished item. Every rank writes a journal on its own disk; a run
that resumes reads them all, so its number of ranks may differ. A line that a kill has cut short does not count.
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
        made_with = {"settings": settings, "inputs": inputs}
        if overwrite:
            self._remove_all()
            ranks.all_values(None)  # no rank reads what another is about to remove
        self.entries: dict[tuple, object] = {}
        for lines in ranks.all_values([line for path in self._paths() for line in self._read(path, made_with)]):
            for kind, key, value in lines:
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
            self._write(made_with)

    def get(self, kind: str, key: tuple):
        """The recorded value, or None."""
        return self.entries.get((kind, _hashable(key)))

    def add(self, kind: str, key: tuple, value) -> None:
        """Record a finished item; thread-safe."""
        with self._lock:
            if not self._file.closed:
                self._write([kind, key, value])

    def remove(self, ranks: Ranks) -> None:
        """Remove the journals of all ranks, since the result exists."""
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

    def _read(self, path: Path, made_with: dict) -> list:
        lines = [json.loads(line) for line in path.read_bytes()[: _whole(path)].splitlines()]
        if lines:
            files.check_same(self.result, lines[0], made_with)
        return lines[1:]


def _whole(path: Path) -> int:
    """Length of a journal without a last line that was cut short."""
    return path.read_bytes().rfind(b"\n") + 1


def _hashable(key) -> tuple:
    return tuple(_hashable(part) if isinstance(part, (list, tuple)) else part for part in key)
