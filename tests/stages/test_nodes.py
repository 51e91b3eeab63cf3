"""Two nodes without a shared disk: two launchers on this machine, each in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from test_stages import FLAGS, REPOSITORY, run_stage, snapshot
from toy import DEEPSPEED, free_port, write_task

WEIGHTS = "weights/model.safetensors"


def start_nodes(script: str, flags: list, folders: list[Path], hosts: Path) -> list[subprocess.Popen]:
    """Start one stage over two nodes of one rank each, a launcher for each."""
    meeting = ["--master_addr", "127.0.0.1", "--master_port", str(free_port())]
    here = {**os.environ, "HF_HUB_OFFLINE": "1", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    nodes = []
    for rank, folder in enumerate(folders):
        launcher = [DEEPSPEED, "--hostfile", str(hosts), "--no_ssh", "--node_rank", str(rank), *meeting]
        command = [*launcher, str(REPOSITORY / script), *map(str, flags)]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        nodes.append(subprocess.Popen(command, cwd=folder, env=here, **streams))
    return nodes


def run_nodes(script: str, flags: list, folders: list[Path], hosts: Path) -> list[str]:
    """One stage over two nodes to its end, which must be good; returns what the launchers print."""
    nodes = start_nodes(script, flags, folders, hosts)
    texts = [node.communicate(timeout=600)[0] for node in nodes]
    for node, text in zip(nodes, texts, strict=True):
        assert node.returncode == 0, text
    return texts


def write_hosts(folder: Path) -> Path:
    """A host file of two nodes with one device each."""
    hosts = folder / "hosts"
    hosts.write_text("first slots=1\nsecond slots=1\n")
    return hosts


def test_node_0_has_all_files_of_stage_1_on_one_node(tiny_model, tmp_path):
    """tests/long has all stages."""
    check_two_nodes(["seq_gibbs_sample.py"], tiny_model, tmp_path)


def check_two_nodes(scripts: list[str], tiny_model: Path, tmp_path: Path) -> list[Path]:
    """Run stages on one node and on two: node 0 has the same files, node 1 none. Returns the folders of both runs."""
    alone = write_task(tmp_path / "alone")
    nodes = [write_task(tmp_path / "node0"), tmp_path / "node1"]
    nodes[1].mkdir()  # not even the problems are there
    hosts = write_hosts(tmp_path)
    for script in scripts:
        flags = FLAGS[script](tiny_model)
        done = run_stage(script, flags, alone)
        assert done.status == 0, done.err
        run_nodes(script, flags, nodes, hosts)
    here, there = snapshot(alone), snapshot(nodes[0])
    assert here.keys() == there.keys()
    assert {name for name in here if here[name] != there[name] and ".timing." not in name} <= {WEIGHTS}
    left = [path for path in nodes[1].rglob("*") if path.is_file()]
    assert left == [], "the second node keeps nothing"
    return [alone, nodes[0]]
