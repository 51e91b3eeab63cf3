"""The launcher where the suite leaves it out: training on one rank; LoRA layers and a server with two ranks."""

from __future__ import annotations

from test_lora import check_two_ranks, trained  # noqa: F401
from test_server_stages import check_stage_1, folder, server  # noqa: F401
from test_train import check_training


def test_micro_batches_do_not_change_training(tmp_path):
    check_training(1, 24, tmp_path)


def test_two_ranks_train_the_same_layers(trained, tiny_model, tmp_path):  # noqa: F811
    check_two_ranks(trained, tiny_model, tmp_path)


def test_two_ranks_sample_from_a_server(server, folder, toy_task):  # noqa: F811
    check_stage_1(server, folder, toy_task, 2)
