"""LoRA: what is trained, how it is merged, evaluated and resumed, and what is refused before weights are loaded."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import pytest
import torch
import warm
from families import causal_families, tiny_family_config
from huggingface_hub import ModelCard
from safetensors.torch import load_file, save_file
from toy import REPOSITORY, run_stage, tiny_config, write_task
from transformers import AutoModelForCausalLM

from utils.args import TrainingOptions
from utils.model.families import empty_model
from utils.model.load import check_model, revision
from utils.model.lora import add_lora, check_lora, trainable_share
from utils.run.files import InputError

pytest.importorskip("peft", reason="peft is not installed")
RATES = {"warmup_min_lr": 1e-2, "warmup_max_lr": 2e-2}
REVISION = "none"  # shorter than any
LORA = ["--lora_rank", 4, "--lora_alpha", 12]


def options(**changes) -> TrainingOptions:
    """Options of stage 3, without the checks of a command line."""
    needed = {"model_name_or_path": "some/tiny", "deepspeed_config": "", "output_dir": "o", "max_length": 9}
    return TrainingOptions(**{**needed, **changes})


def flags(folder: Path, model: Path | str, output_dir: str, *more) -> list:
    """Flags of stage 3 in fp32, at a rate that changes something within a few steps."""
    config = json.loads((REPOSITORY / "deepspeed_config.json").read_text())
    config["scheduler"]["params"] |= RATES
    (folder / "deepspeed.json").write_text(json.dumps(config))
    shared = ["--deepspeed_config", "deepspeed.json", "--difficulty", "introductory", "--dtype", "fp32"]
    sampling = ["--n_samples", 4, "--eval_temperature", 2.0, "--max_new_tokens", 32, "--max_length", 512]
    return ["--model_name_or_path", model, *shared, *sampling, "--output_dir", output_dir, *more]


def training(folder: Path, model: Path, *more) -> list:
    """Flags that train LoRA layers for four steps."""
    return flags(folder, model, "lora", *LORA, "--train_batch_size", 3, "--num_epoch", 2, *more)


RUNS = """
import json, sys
sys.path[:0] = [{repository!r}]
import run_gen
from utils.args import TrainingOptions, parse
from utils.run import stop
from utils.model.checkpoint import Checkpoints
keep, kept = Checkpoints.save, []
def keep_twice(checkpoints, *state):
    keep(checkpoints, *state)
    kept.append(1)
    if len(kept) == 2:
        raise SystemExit("stopped on purpose")
def main():
    for flags in json.loads({flags!r}):
        if "--save_steps" in flags:
            Checkpoints.save = keep_twice
        sys.argv = ["run_gen.py", *flags]
        try:
            run_gen.main(parse(TrainingOptions))
        except SystemExit as stopped:
            assert len(kept) == 2, stopped
            run_gen.main(parse(TrainingOptions))
stop.watch()
stop.run(main)
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tiny_model) -> Path:
    """A working folder in which LoRA layers were trained, evaluated apart and merged, and trained again with a stop.

    All in one process, since a start takes seconds.
    """
    folder = write_task(tmp_path_factory.mktemp("lora"))
    runs = [
        training(folder, tiny_model, "--ckpt_path", "weights"),
        flags(folder, tiny_model, "base", "--eval_only"),
        flags(folder, tiny_model, "adapter", "--eval_only", "--adapter", "weights/adapter"),
        flags(folder, "weights", "merged", "--eval_only"),
        flags(folder, tiny_model, "again", *LORA, "--train_batch_size", 3, "--num_epoch", 2, "--save_steps", 1,
              "--lora_dropout", 0.1, "--ckpt_path", "stopped"),
        flags(folder, tiny_model, "whole", *LORA, "--train_batch_size", 3, "--num_epoch", 2,
              "--lora_dropout", 0.1, "--ckpt_path", "whole"),
    ]  # fmt: skip
    code = RUNS.format(repository=str(REPOSITORY), flags=json.dumps([list(map(str, given)) for given in runs]))
    done = warm.run(["-c", code], folder)
    assert done.returncode == 0, done.stderr
    (folder / "log.txt").write_text(done.stderr)
    return folder


def generated(folder: Path, output_dir: str, epoch: int) -> list[dict]:
    """What was generated for the test problems."""
    return json.loads((folder / f"gen_code/introductory/{output_dir}/epoch{epoch}.json").read_text())


def test_the_trained_share_is_told(trained):
    assert "LoRA: 8,192 of 133,440 parameters are trained (6.14%)" in (trained / "log.txt").read_text()


def test_merged_weights_are_the_base_and_the_product_of_the_layers(trained, tiny_model):
    base, merged = load_file(tiny_model / "model.safetensors"), load_file(trained / "weights/model.safetensors")
    layers = load_file(trained / "weights/adapter/adapter_model.safetensors")
    assert base.keys() == merged.keys() and len(layers) == 2 * 2 * 7
    changed = 0
    for name, weight in base.items():
        a, b = (layers.get(f"base_model.model.{name.removesuffix('.weight')}.lora_{part}.weight") for part in "AB")
        expected = weight if a is None else weight + 12 / 4 * b @ a
        assert torch.allclose(merged[name], expected, atol=1e-6), name
        changed += not torch.equal(merged[name], weight)
    assert changed == 2 * 7


def test_the_adapter_and_the_merged_model_generate_the_same_tokens(trained):
    """As after the last epoch: beside the base model's weights, in the stage and on their own."""
    after_training = generated(trained, "lora", 2)
    assert len(after_training) == 16
    assert after_training == generated(trained, "adapter", 0) == generated(trained, "merged", 0)
    assert after_training != generated(trained, "base", 0)


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(trained):
    """With dropout, whose random numbers are part of the state; the state holds no frozen weights."""
    log = (trained / "log.txt").read_text()
    assert "resuming after step 2 of epoch 1" in log
    stopped, whole = (load_file(trained / name / "model.safetensors") for name in ("stopped", "whole"))
    assert stopped.keys() == whole.keys() and all(torch.equal(stopped[name], whole[name]) for name in whole)
    assert generated(trained, "again", 2) == generated(trained, "whole", 2)


def check_two_ranks(trained: Path, tiny_model: Path, tmp_path: Path) -> None:
    """Two ranks train the layers that one has trained; for tests/long, since two ranks take long to start."""
    folder = write_task(tmp_path / "work")
    run = run_stage("run_gen.py", training(folder, tiny_model, "--ckpt_path", "weights"), folder, ranks=2)
    assert run.status == 0, run.err
    one, two = (load_file(place / "weights/adapter/adapter_model.safetensors") for place in (trained, folder))
    assert one.keys() == two.keys()
    for name, layer in one.items():
        assert torch.allclose(layer, two[name], atol=2e-5), name


def test_the_model_card_is_the_hubs_and_names_no_place_on_this_machine(trained, tiny_model):
    card = ModelCard.load(trained / "weights/README.md")
    assert card.data.base_model == tiny_model.name and "lora" in card.data.tags
    (entry,) = json.loads((trained / "results/introductory/lora.json").read_text())[1:]
    (result,) = card.data.eval_results
    assert result.metric_value == pytest.approx(100 * entry["pass_at_k"]["1"], abs=0.01)
    lo, hi = entry["ci95"]["1"]
    assert f"({lo:.1%} to {hi:.1%})" in card.text
    meta = json.loads((trained / "results/introductory/lora.meta.json").read_text())
    assert set(meta["inputs"].values()) and all(digest in card.text for digest in meta["inputs"].values())
    for file in (path for path in (trained / "weights").rglob("*") if path.is_file()):
        content = file.read_bytes()
        for place in (trained, tiny_model.parent, REPOSITORY):
            assert str(place).encode() not in content, file


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma2", "qwen3_moe"])
def test_all_linear_finds_layers_of_every_kind(name):
    config = tiny_family_config(causal_families()[name])
    check_lora(options(lora_rank=2), config, REVISION)
    model = AutoModelForCausalLM.from_config(config)
    add_lora(model, options(lora_rank=2), REVISION)
    trained_parameters, total = trainable_share(model)
    assert 0 < trained_parameters < total / 4
    assert not any(part.requires_grad for key, part in model.named_parameters() if "lora_" not in key)


def test_the_same_seed_gives_the_same_layers():
    layers = []
    for seed in (1, 1, 2):
        model = AutoModelForCausalLM.from_config(tiny_config())
        add_lora(model, options(lora_rank=2, seed=seed), REVISION)
        layers.append(model.model.layers[0].mlp.up_proj.lora_A["default"].weight)
    assert torch.equal(layers[0], layers[1]) and not torch.equal(layers[0], layers[2])


def test_targets_that_match_nothing_are_refused_with_those_there_are():
    with pytest.raises(InputError, match="--lora_targets qproj: no module .* down_proj gate_proj .* q_proj"):
        check_lora(options(lora_rank=2, lora_targets=["v_proj", "qproj"]), tiny_config(), REVISION)
    with pytest.raises(InputError, match="--lora_targets input_layernorm: .*not supported"):
        check_lora(options(lora_rank=2, lora_targets=["input_layernorm"]), tiny_config(), REVISION)
    check_lora(options(lora_rank=2, lora_targets=["v_proj", "lm_head"]), tiny_config(), REVISION)
    mamba = tiny_family_config(causal_families()["mamba"])
    with pytest.raises(InputError, match="--lora_targets all-linear: .*'out_proj' is incompatible with Mamba"):
        check_lora(options(lora_rank=2), mamba, REVISION)
    check_lora(options(lora_rank=2, lora_targets=["in_proj"]), mamba, REVISION)


def test_an_adapter_knows_the_version_of_its_base(trained, tiny_model):
    config, _ = check_model(str(tiny_model), None, False)
    about = json.loads((trained / "weights/adapter/adapter_config.json").read_text())
    assert about["base_model_name_or_path"] == "tiny" and about["revision"] == revision(str(tiny_model), config)


@pytest.mark.parametrize(
    ("package", "changes", "named"),
    [
        ("peft", {"lora_rank": 2}, "--lora_rank: needs the package peft"),
        ("peft", {"adapter": "x", "eval_only": True}, "--adapter: needs the package peft"),
        ("bitsandbytes", {"lora_rank": 2, "lora_4bit": True}, "--lora_4bit: needs the package bitsandbytes"),
    ],
)
def test_a_missing_package_is_named(package, changes, named, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *_: None if name == package else real(name))
    with pytest.raises(InputError, match=f"{named}; install it with: pip install {package}"):
        check_lora(options(**changes), tiny_config(), REVISION)


def _another_base(folder: Path) -> None:
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"base_model_name_or_path": "other/model"}))


def _another_revision(folder: Path) -> None:
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"revision": "else"}))


def _another_rank(folder: Path) -> None:
    file = folder / "adapter_model.safetensors"
    save_file({name: layer.repeat(2, 2) for name, layer in load_file(file).items()}, file)


def _another_type(folder: Path) -> None:
    file = folder / "adapter_config.json"
    file.write_text(json.dumps({"peft_type": "PREFIX_TUNING", "base_model_name_or_path": "tiny"}))


BROKEN_ADAPTERS = {
    "no configuration": (lambda folder: (folder / "adapter_config.json").unlink(), "has no adapter_config.json"),
    "no weights": (lambda folder: (folder / "adapter_model.safetensors").unlink(), "has no adapter_model.safetensors"),
    "another base": (_another_base, "an adapter of model, not of tiny"),
    "another revision": (_another_revision, "an adapter of tiny at revision else, not none"),
    "other shapes": (_another_rank, "does not fit tiny: .*lora_A.weight is"),
    "another type": (_another_type, "PREFIX_TUNING"),
    "weights cut off": (lambda folder: (folder / "adapter_model.safetensors").write_bytes(b"x" * 9), "cannot be read"),
}


@pytest.mark.parametrize("case", BROKEN_ADAPTERS)
def test_adapters_that_do_not_fit_are_refused(case, trained, tiny_model, tmp_path):
    break_adapter, named = BROKEN_ADAPTERS[case]
    folder = Path(shutil.copytree(trained / "weights/adapter", tmp_path / "adapter"))
    given = options(model_name_or_path=str(tiny_model), adapter=str(folder), eval_only=True)
    check_lora(given, tiny_config(), REVISION)
    break_adapter(folder)
    with pytest.raises(InputError, match=named) as refused:
        check_lora(given, tiny_config(), REVISION)
    assert "\n" not in str(refused.value) and str(folder) in str(refused.value)


def test_an_adapter_of_another_size_of_the_same_name_is_refused(trained, tiny_model):
    given = options(model_name_or_path=str(tiny_model), adapter=str(trained / "weights/adapter"), eval_only=True)
    for changes in ({"hidden_size": 128}, {"num_hidden_layers": 1}):
        with pytest.raises(InputError, match="does not fit tiny"):
            check_lora(given, tiny_config(**changes), REVISION)


def test_the_checks_need_no_memory():
    model = empty_model(tiny_config())
    lora = add_lora(model, options(lora_rank=2), REVISION, empty=True)
    assert {part.device.type for part in lora.parameters()} == {"meta"}
