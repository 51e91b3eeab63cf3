"""The processes below a fork server: how long they ran or waited for a processor, and their end."""

import contextlib
import os
import signal
import time

MOST_PROCESSES = 256  # that are looked at


def contents(path):
    """The start of a file of /proc, or b"" if its process is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            return os.read(descriptor, 1 << 16)
        finally:
            os.close(descriptor)
    except OSError:
        return b""


def children(pid, thread):
    """Ids of the children that a thread of a process has."""
    return map(int, contents(f"/proc/{pid}/task/{thread}/children").split())


def ready_seconds(thread):
    """Seconds for which a thread has run or waited for a processor."""
    fields = contents(f"/proc/{thread}/schedstat").split()
    return (int(fields[0]) + int(fields[1])) / 1e9 if fields else 0.0


def longest_thread(pids):
    """The most of these seconds that a thread of these processes, or of those below, has."""
    longest = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                longest = max(longest, ready_seconds(thread))
                if len(pids) < MOST_PROCESSES:  # a tree that still grows has an end here
                    pids += children(pid, thread)
    return longest


def kill(pid):
    """Send SIGKILL, if there still is such a process."""
    try:  # noqa: SIM105 - between two forks every object that is made is another page to copy
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def kill_below(pid):
    """Kill every descendant of a process."""
    for child in children(pid, pid):
        kill_below(child)
        kill(child)


def sweep(pid, namespaces):
    """Kill and reap every process below this one; the wait status of `pid`, or -1, and all their CPU seconds."""
    status, cpu = -1, 0.0
    try:
        while True:
            if namespaces:
                kill(-1)
            else:
                kill_below(os.getpid())  # again and again: what the kernel lists may be incomplete while processes end
            while True:
                child, wait_status, usage = os.wait4(-1, 0 if namespaces else os.WNOHANG)
                if child == 0:
                    time.sleep(0.0005)
                    break
                cpu += usage.ru_utime + usage.ru_stime
                if child == pid:
                    status = wait_status
    except ChildProcessError:
        return status, cpu
