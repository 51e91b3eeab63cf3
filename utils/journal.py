"""What a step has finished before its file is written: an append-only journal, so that a killed run loses seconds.

`code_r3.json` has `.code_r3.rank0.journal` beside it until it is there itself: a first line with the settings and
inputs that it depends on, then a line `[kind, key, value]` for everything finished. Every rank writes a journal of its
own, on its own disk; a run that goes on reads all that it finds and tells the other ranks, so any number of ranks may
go on. A line that a kill has cut short does not count.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path

from eval.judge import Judge
from eval.verdict import Judgement, Verdict
from utils import io
from utils.dist import Ranks
from utils.generate import Decoding, Request
from utils.progress import Progress
from utils.server import AnyEngine, Server

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
            raise io.cannot_write(self.path, error) from None
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
            raise io.cannot_write(self.path, error) from None
        self._size += len(line)

    def _paths(self) -> list[Path]:
        return sorted(self.path.parent.glob(f".{glob.escape(self.result.stem)}.rank*.journal"))

    def _remove_all(self) -> None:
        for path in self._paths():
            path.unlink(missing_ok=True)

    def _read(self, path: Path, about: dict) -> list:
        lines = [json.loads(line) for line in path.read_bytes()[: _whole(path)].splitlines()]
        if lines:
            io.check_same(self.result, lines[0], about)
        return lines[1:]


def _whole(path: Path) -> int:
    """Length of a journal without a last line that was cut short."""
    return path.read_bytes().rfind(b"\n") + 1


def _hashable(key) -> tuple:
    return tuple(_hashable(part) if isinstance(part, (list, tuple)) else part for part in key)


@dataclass
class Recorded:
    """Engine and judge of a step behind its journal: what was recorded is not done again, what is new is recorded."""

    engine: AnyEngine
    judge: Judge
    journal: Journal
    bar: Progress

    def __post_init__(self) -> None:
        if isinstance(self.engine, Server):
            self.engine.tell = self.bar.tell

    def complete(self, requests: Sequence[Request], decoding: Decoding) -> Iterator[tuple[int, str]]:
        """`(position in requests, text of its completion)` as they are there."""
        new = []
        for position, request in enumerate(requests):
            text = self.journal.get("text", request.key)
            if text is None:
                new.append(position)
            else:
                self.bar.add(0)
                yield position, text
        for index, completion in self.engine.run([requests[position] for position in new], decoding):
            position = new[index]
            self.journal.add("text", requests[position].key, completion.text)
            self.bar.add(completion.tokens)
            yield position, completion.text

    def verdict(self, key: tuple, program: str, test: dict) -> Future[Judgement]:
        """The judge's word on a candidate, perhaps still to come."""
        if (past := self.journal.get("verdict", key)) is not None:
            future: Future[Judgement] = Future()
            future.set_result(Judgement(**{**past, "verdict": Verdict(past["verdict"])}))
        else:
            future = self.judge.submit(program, test)
            future.add_done_callback(self._recorder(key))
        return self.bar.watch(future)

    def _recorder(self, key: tuple) -> Callable[[Future[Judgement]], None]:
        def record(future: Future[Judgement]) -> None:
            if future.cancelled() or future.exception() is not None:
                return
            # The judge failed, or the candidate died by a signal, which may have been meant for the whole run: neither
            # is the last word, so both are judged again when the run goes on.
            if future.result().verdict not in (Verdict.INFRA, Verdict.CRASH):
                with contextlib.suppress(io.Failure):  # no place to raise it; the main thread's next line meets it too
                    self.journal.add("verdict", key, asdict(future.result()))

        return record
