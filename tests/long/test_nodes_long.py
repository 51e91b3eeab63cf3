"""All stages on two nodes without a shared disk; two minutes on two cores."""

from __future__ import annotations

import time

from safetensors.torch import load_file
from test_nodes import WEIGHTS, check_two_nodes, run_nodes, start_nodes, write_hosts
from test_stages import FLAGS, common
from toy import write_task


def test_node_0_has_all_files_of_a_run_on_one_node(tiny_model, tmp_path):
    one, other = (load_file(folder / WEIGHTS) for folder in check_two_nodes(list(FLAGS), tiny_model, tmp_path))
    assert max(float((one[name] - other[name]).abs().max()) for name in one) < 1e-5


def test_training_on_two_nodes_resumes_after_a_stop(tiny_model, tmp_path):
    """Each node has the whole model's state and its own part of the optimiser's on its own disk."""
    nodes, hosts = [write_task(tmp_path / "node0"), tmp_path / "node1"], write_hosts(tmp_path)
    nodes[1].mkdir()
    flags = [*common(tiny_model), "--output_dir", "sft", "--num_epoch", 2, "--train_batch_size", 2, "--save_steps", 1]
    flags += ["--max_new_tokens", 16]
    launchers = start_nodes("run_gen.py", flags, nodes, hosts)
    states = [folder / f"gen_code/introductory/sft/state/node{i}" for i, folder in enumerate(nodes)]
    until = time.monotonic() + 240
    while not all(any(state.glob("epoch*/complete.json")) for state in states) and time.monotonic() < until:
        time.sleep(0.01)
    for launcher in launchers:
        launcher.terminate()
    assert all(launcher.wait(60) for launcher in launchers)
    first, _ = run_nodes("run_gen.py", flags, nodes, hosts)
    assert "resuming after step" in first
    assert (nodes[0] / "results/introductory/sft.json").exists() and not any(state.exists() for state in states)
