"""`scripts/slurm.sh` with stand-ins for srun, scontrol and the launcher: what is started, and what a signal does."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from toy import REPOSITORY

SRUN = """#!/usr/bin/env bash
# Starts the command once for each node, as srun does, and hands signals on.
echo "$@" >>srun
trap 'kill -TERM $(jobs -p) 2>/dev/null' TERM
while [[ $1 == --* ]]; do shift; done
for ((node = 0; node < ${SLURM_JOB_NUM_NODES:-1}; node++)); do SLURM_NODEID=$node "$@" & done
status=0
for job in $(jobs -p); do wait "$job" || status=$?; done
while [ "$(jobs -pr)" ]; do wait || true; done
exit $status
"""
SCONTROL = """#!/usr/bin/env bash
if [ "$1" = show ]; then printf 'first\\nsecond\\n'; else echo "$@" >>requeued; fi
"""
LAUNCHER = """#!/usr/bin/env bash
echo "$@" >>started-${SLURM_NODEID:-0}
if [ -e wait ]; then
  trap 'echo kept >>saved; exit 143' TERM
  for _ in {1..600}; do sleep 0.1; done
fi
"""


@pytest.fixture
def cluster(tmp_path) -> Path:
    """A folder with the stand-ins, in which a job is submitted."""
    for name, text in (("bin/srun", SRUN), ("bin/scontrol", SCONTROL), (".venv/bin/deepspeed", LAUNCHER)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    return tmp_path


def job(folder: Path, **variables: str) -> subprocess.Popen:
    """The job, as Slurm starts it."""
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    here = {"PATH": path, "SLURM_SUBMIT_DIR": str(folder), "SLURM_JOB_ID": "77", "MODEL": "some/model", **variables}
    command = ["bash", str(REPOSITORY / "scripts/slurm.sh")]
    return subprocess.Popen(command, env={**os.environ, **here}, stderr=subprocess.PIPE, text=True)


def started(folder: Path, node: int = 0) -> list[str]:
    """Command lines of the launcher on a node."""
    path = folder / f"started-{node}"
    return path.read_text().splitlines() if path.exists() else []


def test_three_stages_on_one_node(cluster):
    running = job(cluster, TRAIN_FLAGS="--max_length 1024 --num_epoch 1")
    assert running.wait(30) == 0
    lines = started(cluster)
    stages = ["seq_gibbs_sample.py", "cal_ppl.py", "run_gen.py"]
    assert [line.split()[:3] for line in lines] == [["--master_port", "20077", stage] for stage in stages]
    assert all("--model_name_or_path some/model" in line and "--difficulty introductory" in line for line in lines)
    assert "--selfsample_code_source runs/slurm/1234-gift-8/code/passed_seq_code.json" in lines[1]
    assert lines[2].endswith("--max_length 1024 --num_epoch 1") and not (cluster / "requeued").exists()


def test_stages_get_the_cores_of_the_job(cluster):
    assert job(cluster, SLURM_CPUS_PER_TASK="24").wait(30) == 0
    lines = (cluster / "srun").read_text().splitlines()
    assert sum("--cpus-per-task=24 bash" in line for line in lines) == 3


def test_every_node_says_which_one_it_is(cluster):
    assert job(cluster, SLURM_JOB_NUM_NODES="2", SLURM_JOB_NODELIST="n[1-2]", SLURM_GPUS_ON_NODE="4").wait(30) == 0
    for node in (0, 1):
        for line in started(cluster, node):
            assert "--no_ssh --master_addr first --master_port 20077" in line and f"--node_rank {node} " in line
        assert len(started(cluster, node)) == 3
    assert (cluster / "runs/slurm/1234-gift-8/hosts-77").read_text() == "first slots=4\nsecond slots=4\n"


def test_a_signal_reaches_the_stage_and_the_job_is_queued_again(cluster):
    (cluster / "wait").touch()
    running = job(cluster)
    while not started(cluster):
        time.sleep(0.05)
    time.sleep(0.3)
    running.send_signal(signal.SIGTERM)
    assert running.wait(30) == 0
    assert (cluster / "requeued").read_text() == "requeue 77\n" and (cluster / "saved").read_text() == "kept\n"
    assert len(started(cluster)) == 1, "no later stage is started"


def test_a_stage_that_fails_ends_the_job(cluster):
    (cluster / ".venv/bin/deepspeed").write_text("#!/bin/sh\necho $3 >>started-0\nexit 3\n")
    assert job(cluster).wait(30) == 3 and started(cluster) == ["seq_gibbs_sample.py"]


@pytest.mark.parametrize(("variables", "said"), [({"MODEL": ""}, "MODEL is not set"), ({"SLURM_JOB_ID": ""}, "sbatch")])
def test_bad_use_is_one_line(cluster, variables, said):
    running = job(cluster, **variables)
    assert said in running.communicate(timeout=30)[1] and running.returncode == 2
