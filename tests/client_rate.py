"""What a completion costs on our side of a server: short completions a second, and memory over many of them.

python tests/client_rate.py [COMPLETIONS]

The server answers at once, in a process of its own. Prints one JSON line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

import psutil  # noqa: E402
import toy  # noqa: E402

from utils.model.generate import Decoding, Request  # noqa: E402
from utils.model.load import check_model  # noqa: E402
from utils.serving.probe import look_at  # noqa: E402
from utils.serving.server import Server  # noqa: E402

ROOM = 64
WARM = 2000  # completions before memory is looked at


def rate(folder: Path, completions: int) -> dict:
    """Measure against a server of a model's folder."""
    environment = {**os.environ, "PYTHONPATH": f"{TESTS.parent}:{TESTS}"}
    command = [sys.executable, str(TESTS / "fake_server.py"), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as server:
        try:
            url = next(line.strip() for line in server.stdout if line.startswith("http"))
            _, policy = check_model(str(folder), None, False)
            engine = Server([look_at(url, str(folder), policy, 1024, 60)], policy, ROOM, 60)
            prompt, _ = toy.toy_texts()[0]
            requests = [Request(policy.encode_prompt(prompt), (number,)) for number in range(completions)]
            memory, process = [], psutil.Process()
            began, spent = time.monotonic(), time.process_time()
            for count, _ in enumerate(engine.run(requests, Decoding(("\ndef",), 64, 1.0, 50)), 1):
                if count % WARM == 0:
                    memory.append(process.memory_info().rss / 2**20)
            seconds, spent = time.monotonic() - began, time.process_time() - spent
        finally:
            server.kill()
    return {
        "completions": completions,
        "per_second": round(completions / seconds),
        "per_second_of_processor": round(completions / spent),
        "memory_mib": [round(size, 1) for size in memory],
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        model = toy.write_model(Path(temporary) / "tiny", steps=0)
        print(json.dumps(rate(model, int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)))
