"""Wait for what a candidate prints, and for several descriptors at once."""

from __future__ import annotations

import contextlib
import math
import os
import select
import time


class Stopped(Exception):
    """The judge is being closed."""


class Output:
    """A pipe for what a candidate prints: counts everything, keeps the first `keep` bytes.

    Its writing end stays open here as well, so it never ends, and only bytes wake the one who waits.
    """

    def __init__(self, stack: contextlib.ExitStack, keep: int):
        self.keep, self.total, self.data = keep, 0, bytearray()
        self.handle, self.other = os.pipe()
        stack.callback(os.close, self.handle)
        stack.callback(os.close, self.other)
        os.fchmod(self.other, 0o666)  # so that /dev/stdout can be opened by another user id
        os.set_blocking(self.handle, False)

    def read(self) -> bool:
        """Take what is there; whether there was anything."""
        try:
            part = os.read(self.handle, 1 << 18)
        except BlockingIOError:
            return False
        self.total += len(part)
        self.data += part[: max(0, self.keep - len(self.data))]
        return True


class Watch:
    """Wait for several descriptors, and for the word to stop."""

    def __init__(self, stop: int, *sources: int):
        self.stop, self.poll = stop, select.poll()
        for source in (stop, *sources):
            self.poll.register(source, select.POLLIN)

    def forget(self, sources: list[int]) -> None:
        """Wait for these no longer."""
        for source in sources:
            self.poll.unregister(source)

    def wait(self, deadline: float) -> set[int]:
        """The descriptors that are ready, or ended, before a moment of the monotonic clock."""
        left = max(0.0, deadline - time.monotonic())
        ready = {handle for handle, _ in self.poll.poll(math.ceil(left * 1000))}
        if self.stop in ready:
            raise Stopped
        return ready
