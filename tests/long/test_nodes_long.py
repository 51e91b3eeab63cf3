"""All stages on two nodes without a shared disk; two minutes on two cores."""

from __future__ import annotations

from safetensors.torch import load_file
from test_nodes import WEIGHTS, check_two_nodes
from test_stages import FLAGS


def test_node_0_has_all_files_of_a_run_on_one_node(tiny_model, tmp_path):
    one, other = (load_file(folder / WEIGHTS) for folder in check_two_nodes(list(FLAGS), tiny_model, tmp_path))
    assert max(float((one[name] - other[name]).abs().max()) for name in one) < 1e-5
