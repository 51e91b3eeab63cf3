"""Wait for several descriptors at once, and for what a candidate prints."""

from __future__ import annotations

import contextlib
import math
import os
import select
import time


class Stopped(Exception):
    """The judge is being closed."""


class Output:
    """A pipe for what a candidate prints: counts all bytes, keeps the first `keep`.

    Its writing end stays open here as well, so that it never ends and only bytes wake the reader.
    """

    def __init__(self, stack: contextlib.ExitStack, keep: int):
        self.keep, self.total, self.data = keep, 0, bytearray()
        self.reading, self.writing = os.pipe()
        stack.callback(os.close, self.reading)
        stack.callback(os.close, self.writing)
        os.fchmod(self.writing, 0o666)  # so that another user id can open /dev/stdout
        os.set_blocking(self.reading, False)

    def read(self) -> bool:
        """Take what has arrived; whether there was anything."""
        try:
            part = os.read(self.reading, 1 << 18)
        except BlockingIOError:
            return False
        self.total += len(part)
        self.data += part[: max(0, self.keep - len(self.data))]
        return True


class Watch:
    """Wait for several descriptors; Stopped where `stop` is one of the ready ones."""

    def __init__(self, stop: int, *descriptors: int | None):
        self.stop, self.poll = stop, select.poll()
        for descriptor in (stop, *descriptors):
            if descriptor is not None:
                self.poll.register(descriptor, select.POLLIN)

    def forget(self, descriptor: int) -> None:
        self.poll.unregister(descriptor)

    def wait(self, deadline: float) -> set[int]:
        """The descriptors that are ready, or have ended, before `deadline` on the monotonic clock."""
        seconds = max(0.0, deadline - time.monotonic())
        ready = {descriptor for descriptor, _ in self.poll.poll(math.ceil(seconds * 1000))}
        if self.stop in ready:
            raise Stopped
        return ready
