"""How ranks find each other and their device."""

from __future__ import annotations

import os
import subprocess
from datetime import timedelta

import pytest
import torch
from toy import REPOSITORY, free_port

from utils.run import dist
from utils.run.files import Failure


def test_attention_of_cudnn_is_left_out():
    assert not torch.backends.cuda.cudnn_sdp_enabled()
    assert torch.backends.cuda.flash_sdp_enabled() and torch.backends.cuda.mem_efficient_sdp_enabled()


def test_ranks_that_do_not_come_are_waited_for_for_a_while(monkeypatch):
    port = str(free_port())
    here = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    for name, value in here.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DS_ACCELERATOR", "cuda")  # of another machine
    monkeypatch.setattr(dist, "JOINING", timedelta(seconds=1))
    monkeypatch.setattr(torch, "set_num_threads", lambda number: None)
    with pytest.raises(Failure, match=f"not all ranks have met at 127.0.0.1:{port} within 0:00:01: "):
        dist.join()
    assert os.environ["DS_ACCELERATOR"] == "cpu"


@pytest.mark.parametrize(("tools", "said"), [((), "cpu fp32"), (("nvidia-smi",), " bf16")])
def test_scripts_see_a_gpu(tools, said, tmp_path):
    if not tools and any(os.path.exists(path) for path in ("/dev/nvidiactl", "/dev/kfd")):
        pytest.skip("this machine has a GPU")
    for name, text in {**dict.fromkeys(tools, "exit 0"), "grep": "exit 1"}.items():  # a CPU without bf16
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    code = '. scripts/machine.sh; printf "%s %s" "${DS_ACCELERATOR:-}" "$(machine_dtype)"'
    environment = {"PATH": f"{tmp_path}"}
    done = subprocess.run(["/bin/bash", "-c", code], cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert done.stdout == said, done.stderr
