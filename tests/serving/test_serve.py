"""scripts/serve.sh, with a small server in the place of vLLM's command."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import toy
from toy import REPOSITORY, Finished

ANSWERS = "import sys, urllib.request as u; sys.exit(len(u.urlopen(sys.argv[1]+'/models').read()) < 9 or 7)"


@pytest.fixture
def vllm(tmp_path) -> Path:
    """A command that takes vLLM's words and serves."""
    path, paths = tmp_path / "vllm", f"{REPOSITORY}:{REPOSITORY / 'tests'}"
    serve = f'PYTHONPATH={paths} exec {sys.executable} {REPOSITORY / "tests/fake_server.py"} "$2" "$6"'
    path.write_text(f'#!/bin/sh\necho "$@" >&2\n[ "$1" = serve ] && [ "$5" = --port ] || exit 3\n{serve}\n')
    path.chmod(0o755)
    return path


def serve(*words: str, **variables: str) -> Finished:
    command = ["bash", str(REPOSITORY / "scripts/serve.sh"), *map(str, words)]
    done = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, timeout=300, check=False
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def test_a_command_runs_beside_its_server(vllm, tmp_path):
    """Its exit status is the script's, and nothing serves afterwards."""
    tokens = toy.tiny_tokenizer([text for pair in toy.toy_texts() for text in pair])
    tokens.save_pretrained(tmp_path / "tiny")
    port, log = toy.free_port(), tmp_path / "log"
    url = f"http://localhost:{port}/v1"
    flags = ["--include", "localhost:0,1", "--port", port, "--dtype", "fp32", tmp_path / "tiny"]
    done = serve(*flags, "--", sys.executable, "-c", ANSWERS, url, VLLM=str(vllm), LOG=str(log))
    assert (done.status, done.out.splitlines()[-1]) == (7, url), done.err
    assert "--dtype float32 --max-model-len 2048 --data-parallel-size 2" in log.read_text()
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{url}/models", timeout=5)


def test_a_server_that_ends_is_one_line(tmp_path):
    (tmp_path / "vllm").write_text("#!/bin/sh\necho ValueError: no such model >&2; exit 1\n")
    (tmp_path / "vllm").chmod(0o755)
    done = serve("--port", toy.free_port(), "m", VLLM=str(tmp_path / "vllm"), LOG=str(tmp_path / "log"))
    assert done.status == 1 and done.err.count("\n") == 1 and "ValueError: no such model; see" in done.err


@pytest.mark.parametrize("words", [[], ["--gpu", "0", "m"], ["m", "n"], ["--dtype", "int4", "m"], ["--port"]])
def test_bad_usage(words):
    done = serve(*words)
    assert done.status == 2 and done.err.startswith("error: ") and done.err.count("\n") == 1
