"""Python commands that start within milliseconds: forks of a process that has done the slow imports.

`run` does what `subprocess.run([sys.executable, *arguments])` does. The commands' own modules are imported anew in each
fork; what they import of torch, transformers and this repository is there already, unused: no tensor, no thread.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
MODULES = """
    utils.run.dist torch numpy psutil tqdm safetensors.torch transformers transformers.models.llama.modeling_llama
    transformers.generation.utils deepspeed deepspeed.runtime.zero.muon.original_muon utils.args utils.gibbs
    utils.training_set utils.model.card utils.model.checkpoint utils.model.curves utils.model.generate utils.model.load
    utils.model.lora utils.model.noise utils.model.train utils.model.trainer utils.run.journal utils.run.progress
    utils.serving.engine utils.serving.recorded eval.registry eval.score eval.judge
"""
READ_AT_IMPORT = ("CUDA", "DS_", "HF_", "KMP_", "LD_", "MKL", "OMP_", "OPENBLAS", "PYTHON", "TOKENIZERS", "TORCH",
                  "TRANSFORMERS", "GIFT_JUDGE")  # fmt: skip

# PYTHONPATH is followed; the others the stages set to these values, also in a test's process.
SET_FOR_ALL = ("PYTHONPATH", "OMP_WAIT_POLICY", "DS_ACCELERATOR")


def run(
    arguments: list, folder: Path, environment: dict[str, str] | None = None, timeout: float = 900
) -> subprocess.CompletedProcess[str]:
    """Run python with these arguments (a script, `-m module` or `-c code`) in a folder to its end."""
    arguments = [str(argument) for argument in arguments]
    environment = {"HF_HUB_OFFLINE": "1", **(environment or os.environ)}
    server = _server(environment)
    if server is None:
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout, check=False
        )
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        status = server.run(arguments, folder, environment, (out.fileno(), err.fileno()), timeout)
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(arguments, status, out.read(), err.read())


class Server:
    """The process that forks, started with the environment of its first command."""

    def __init__(self, environment: dict[str, str]):
        self.imported_with = read_at_import(environment)
        self.lock = threading.Lock()
        self.socket, other = socket.socketpair()
        command = [sys.executable, str(Path(__file__).resolve()), str(other.fileno())]
        path = f"{REPOSITORY}{os.pathsep}{environment.get('PYTHONPATH', '')}"
        self.process = subprocess.Popen(
            command,
            pass_fds=[other.fileno()],
            # OpenBLAS would start a thread for every core when numpy is imported.
            env={**environment, "PYTHONPATH": path, "DS_ACCELERATOR": "cpu", "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
        )
        other.close()
        self.ready = self.socket.recv(1) == b"R"  # else its imports failed, or started threads
        if not self.ready:
            self.process.wait()
        atexit.register(self.stop)

    def run(self, arguments: list[str], folder: Path, environment: dict, streams: tuple, timeout: float) -> int:
        """The exit status of a command, which writes to two descriptors."""
        request = json.dumps({"arguments": arguments, "folder": str(folder), "environment": environment}).encode()
        with self.lock:
            socket.send_fds(self.socket, [len(request).to_bytes(8, "big")], streams)
            self.socket.sendall(request)
            pid = int.from_bytes(_receive(self.socket, 8), "big")
            self.socket.settimeout(timeout)
            try:
                return int.from_bytes(_receive(self.socket, 8), "big", signed=True)
            except TimeoutError:
                os.kill(pid, 9)
                self.socket.settimeout(None)
                _receive(self.socket, 8)
                raise subprocess.TimeoutExpired(arguments, timeout) from None
            finally:
                self.socket.settimeout(None)

    def stop(self) -> None:
        """End the process."""
        self.socket.close()
        self.process.wait()


_SERVER: list[Server] = []


def _server(environment: dict[str, str]) -> Server | None:
    """The server, or None where a command needs a process of its own: a GPU's driver does not outlive a fork."""
    if Path("/dev/nvidiactl").exists():
        return None
    if not _SERVER:
        _SERVER.append(Server(environment))
    server = _SERVER[0]
    return server if server.ready and server.imported_with == read_at_import(environment) else None


def read_at_import(environment: dict[str, str]) -> dict[str, str]:
    """The variables that imports may depend on; commands with others cannot share them."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(READ_AT_IMPORT) and name not in SET_FOR_ALL
    }


def _receive(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise EOFError("the warm process has ended")
        data += part
    return data


# ---------------------------------------------------------------------------------------------------------------------
# The forking process


def _serve(connection: socket.socket) -> dict | None:
    """Fork for every request; returns the request in a fork, and None at the end."""
    while True:
        try:
            size, streams, _, _ = socket.recv_fds(connection, 8, 2)
            request = json.loads(_receive(connection, int.from_bytes(size, "big"))) if size else None
        except ConnectionResetError:
            return None
        if request is None:
            return None
        pid = os.fork()
        if pid == 0:
            connection.close()
            for target, descriptor in enumerate(streams, 1):
                os.dup2(descriptor, target)
                os.close(descriptor)
            return request
        for descriptor in streams:
            os.close(descriptor)
        connection.sendall(pid.to_bytes(8, "big"))
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        connection.sendall(status.to_bytes(8, "big", signed=True))


def _run_to_end(request: dict) -> None:
    """Run the command and end as Python does, but for taking the interpreter apart: that costs two seconds."""
    status = 0
    try:
        _become(request)
    except SystemExit as end:
        status = end.code
        if not isinstance(status, int | None):
            print(status, file=sys.stderr)
            status = 1
    except BaseException:
        traceback.print_exc()
        status = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status or 0)


def _become(request: dict) -> None:
    """Take over folder, environment, path and arguments, and run the command as the main module."""
    import numpy

    signal.signal(signal.SIGINT, signal.default_int_handler)
    numpy.random.seed()
    os.chdir(request["folder"])
    added = {name: value for name, value in os.environ.items() if name not in STARTED_WITH}  # by the imports
    os.environ.clear()
    os.environ.update({**added, **request["environment"]})
    first, *rest = request["arguments"]
    given = [entry for entry in request["environment"].get("PYTHONPATH", "").split(os.pathsep) if entry]
    here = {"-m": request["folder"], "-c": ""}.get(first, os.path.dirname(first))
    sys.path[:] = [here, *given, *PATH]
    sys.modules.pop("__main__")
    if first == "-m":
        sys.argv[:] = [rest[0], *rest[1:]]
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.argv[:] = ["-c", *rest[1:]]
        main = types.ModuleType("__main__")
        sys.modules["__main__"] = main
        exec(compile(rest[0], "<string>", "exec"), main.__dict__)
    else:
        sys.argv[:] = [first, *rest]
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    import gc
    import importlib
    import runpy
    import signal
    import traceback
    import types

    import transformers.conversion_mapping

    STARTED_WITH = set(os.environ)
    PATH = [entry for entry in sys.path[1:] if entry and Path(entry).resolve() != REPOSITORY]
    sys.path[0] = str(REPOSITORY)
    signal.signal(signal.SIGINT, lambda *_: None)  # a Ctrl-C of the tests: their end is the end here too
    for module in MODULES.split():
        importlib.import_module(module)
    transformers.conversion_mapping.get_checkpoint_conversion_mapping("llama")  # compiles a thousand patterns, once
    assert len(os.listdir("/proc/self/task")) == 1, "a thread does not outlive a fork"
    gc.collect()
    gc.freeze()
    tests = socket.socket(fileno=int(sys.argv[1]))
    tests.sendall(b"R")
    request = _serve(tests)
    if request is not None:
        _run_to_end(request)
