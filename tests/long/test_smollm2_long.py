"""The default model through all stages, on a handful of problems; two minutes on two cores."""

from __future__ import annotations

import json

import pytest
from toy import REPOSITORY, run_stage

MODEL = REPOSITORY / "data/models/SmolLM2-135M-Instruct"
CODE = "data/quickstart/selfsample_code/SmolLM2-135M-Instruct"


@pytest.mark.skipif(not MODEL.is_dir(), reason="python scripts/prepare_model.py makes the model")
def test_the_default_model_through_all_stages(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/models").symlink_to(MODEL.parent)
    shared = ["--model_name_or_path", "data/models/SmolLM2-135M-Instruct", "--dataset", "quickstart", "--limit", 8]
    shared += ["--deepspeed_config", REPOSITORY / "deepspeed_config.json", "--max_length", 512, "--dtype", "fp32"]

    flags = ["--output_dir", "gibbs", "--num_seq", 4, "--iter_num", 2, "--temperature", 0.6, "--max_new_tokens", 64]
    run = run_stage("seq_gibbs_sample.py", [*shared, *flags], tmp_path)
    assert run.status == 0, run.err
    passed = json.loads((tmp_path / CODE / "passed_seq_code.json").read_text())
    assert len(passed) == 8 and sum(map(len, passed)) >= 2, "the base model solves some of these problems"

    source = ["--selfsample_code_source", f"{CODE}/passed_seq_code.json"]
    run = run_stage("cal_ppl.py", [*shared, "--output_dir", "tmp", *source], tmp_path)
    assert run.status == 0, run.err
    scores = json.loads((tmp_path / CODE / "ppl-passed_seq_code.json").read_text())
    assert len(scores) == sum(map(len, passed)) and all(1 <= score < 50 for score in scores.values())

    flags = ["--output_dir", "gift", "--train_with_seq_gibbs", *source, "--num_seq", 2, "--resample", "--num_epoch", 1]
    flags += ["--weight_file1", f"{CODE}/ppl-passed_seq_code.json", "--temperature", 2.0, "--max_new_tokens", 64]
    run = run_stage("run_gen.py", [*shared, *flags, "--train_batch_size", 8], tmp_path)
    assert run.status == 0, run.err
    (entry,) = json.loads((tmp_path / "results/quickstart/gift.json").read_text())
    assert entry["n_problems"] == 8 and entry["method"] == "GiFT" and 0 < entry["loss"] < 3
