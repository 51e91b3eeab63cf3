"""Other models than Llama go through all stages: other position encodings, tied embeddings, other special tokens."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
import warm
from test_stages import plain_perplexity
from toy import ENDS, REPOSITORY, toy_rows, write_model, write_task
from transformers import AutoModelForCausalLM, Gemma3TextConfig, GPT2Config, Qwen3Config

from utils.model.load import check_model

SIZES = {"vocab_size": 400, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 1024}
IDS = {"bos_token_id": 0, "eos_token_id": 1}
PAD = {**ENDS, "pad_token": "<pad>"}
MODELS = {
    "absolute positions": (GPT2Config(vocab_size=400, n_positions=1024, n_embd=64, n_layer=2, n_head=4, **IDS), ENDS),
    "tied embeddings": (Qwen3Config(**SIZES, **HEADS, **IDS, tie_word_embeddings=True), {"eos_token": "</s>"}),
    "sliding windows": (Gemma3TextConfig(**SIZES, **HEADS, **IDS, pad_token_id=2, sliding_window=32), PAD),
    "no end token": (Qwen3Config(**SIZES, **HEADS, bos_token_id=None, eos_token_id=None), {}),
}
CODES = "data/introductory/selfsample_code/model/passed_seq_code.json"
STAGES = """
import runpy, sys
sys.path[:0] = [{repository!r}]
from utils import args
from utils.run import stop
flags = ["--model_name_or_path", {model!r}, "--deepspeed_config", {config!r}, "--difficulty", "introductory"]
flags += ["--dtype", "fp32", "--max_length", "512"]
decoding = ["--max_new_tokens", "24", "--num_seq", "3"]
stages = {{
    "seq_gibbs_sample": [*decoding, "--output_dir", "s", "--iter_num", "2", "--temperature", "1.2"],
    "cal_ppl": ["--output_dir", "p", "--selfsample_code_source", {codes!r}],
    "run_gen": [*decoding, "--output_dir", "g", "--num_epoch", "1", "--train_with_seq_gibbs", "--ckpt_path", "weights",
                "--selfsample_code_source", {codes!r}],
}}
options = {{"seq_gibbs_sample": args.SamplingOptions, "cal_ppl": args.ScoringOptions, "run_gen": args.TrainingOptions}}
def main():
    for name, own in stages.items():
        sys.argv = [name, *flags, *own]
        __import__(name).main(args.parse(options[name]))
stop.watch()
stop.run(main)
"""


@pytest.mark.parametrize("kind", ["absolute positions", "no end token"])
def test_all_stages_with(kind, tmp_path):
    """tests/long has the other kinds."""
    check_all_stages(kind, tmp_path)


def check_all_stages(kind: str, tmp_path: Path) -> None:
    """Train a tiny model of this kind and take it through the three stages."""
    config, special = MODELS[kind]
    model = write_model(tmp_path / "model", config, special)
    folder = write_task(tmp_path / "work")
    code = STAGES.format(
        repository=str(REPOSITORY), model=str(model), config=str(REPOSITORY / "deepspeed_config.json"), codes=CODES
    )
    done = warm.run(["-c", code], folder)
    assert done.returncode == 0, done.stderr
    codes = json.loads((folder / CODES).read_text())
    assert sum(map(len, codes)) >= 3, "the tiny model knows most of these problems"
    scores = json.loads((folder / Path(CODES).with_name(f"ppl-{Path(CODES).name}")).read_text())
    assert list(scores.values()) == pytest.approx(plain_perplexities(model, codes), rel=1e-4)
    (entry,) = json.loads((folder / "results/introductory/g.json").read_text())
    assert entry["pass_at_k"]["1"] > 0 and math.isfinite(entry["loss"])
    assert (folder / "weights" / "model.safetensors").is_file()


def plain_perplexities(folder: Path, codes: list[list[str]]) -> list[float]:
    """The perplexity of every code by its definition."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    _, policy = check_model(str(folder), None, False)
    ends = policy.eos_id is not None
    return [
        plain_perplexity(model, policy, program, row["test"]["fn_name"], ends)
        for row, own in zip(toy_rows(), codes, strict=True)
        for program in own
    ]
