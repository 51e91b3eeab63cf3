"""LoRA: what is trained, how it is merged, evaluated and resumed, and what is refused before weights are loaded."""

from __future__ import annotations

import importlib.util
import json
import shutil
from dataclasses import replace
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
from utils.model.load import check_model, load_model, revision
from utils.model.lora import add_lora, check_lora, trainable_share
from utils.model.loss import code_loss
from utils.model.sft_data import Row
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
    """A working folder in which LoRA layers were trained and evaluated; see `run_all`."""
    return run_all(write_task(tmp_path_factory.mktemp("lora")), tiny_model)


@pytest.fixture(scope="module")
def packed(tmp_path_factory, tiny_model) -> Path:
    """The same with the model's weights in 4 bits (QLoRA)."""
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
    return run_all(write_task(tmp_path_factory.mktemp("qlora")), tiny_model, "--lora_4bit")


def run_all(folder: Path, model: Path, *more) -> Path:
    """LoRA layers are trained, evaluated apart and merged, and trained again with a stop, with `more` flags.

    All in one process, since a start takes seconds.
    """
    again = [*LORA, "--train_batch_size", 3, "--num_epoch", 2, "--lora_dropout", 0.1, *more]
    runs = [
        training(folder, model, "--ckpt_path", "weights", *more),
        flags(folder, model, "base", "--eval_only"),
        flags(folder, model, "adapter", "--eval_only", "--adapter", "weights/adapter", *more),
        flags(folder, model, "plain", "--eval_only", "--adapter", "weights/adapter"),
        flags(folder, "weights", "merged", "--eval_only"),
        flags(folder, model, "again", *again, "--save_steps", 1, "--ckpt_path", "stopped"),
        flags(folder, model, "whole", *again, "--ckpt_path", "whole"),
        flags(folder, model, "alone", "--eval_only", "--adapter", "whole/adapter", *more),
    ]
    code = RUNS.format(repository=str(REPOSITORY), flags=json.dumps([list(map(str, given)) for given in runs]))
    done = warm.run(["-c", code], folder)
    assert done.returncode == 0, done.stderr
    (folder / "log.txt").write_text(done.stderr)
    return folder


@pytest.fixture
def either(request) -> Path:
    """The working folder of the fixture that a test names."""
    return request.getfixturevalue(request.param)


both = pytest.mark.parametrize("either", ["trained", "packed"], indirect=True)


def generated(folder: Path, output_dir: str, epoch: int) -> list[dict]:
    """What was generated for the test problems."""
    return json.loads((folder / f"gen_code/introductory/{output_dir}/epoch{epoch}.json").read_text())


@both
def test_the_trained_share_is_told(either):
    assert "LoRA: 8,192 of 133,440 parameters are trained (6.14%)" in (either / "log.txt").read_text()


@both
def test_merged_weights_are_the_base_and_the_product_of_the_layers(either, tiny_model):
    base, merged = load_file(tiny_model / "model.safetensors"), load_file(either / "weights/model.safetensors")
    layers = load_file(either / "weights/adapter/adapter_model.safetensors")
    assert base.keys() == merged.keys() and len(layers) == 2 * 2 * 7
    changed = 0
    for name, weight in base.items():
        a, b = (layers.get(f"base_model.model.{name.removesuffix('.weight')}.lora_{part}.weight") for part in "AB")
        expected = weight if a is None else weight + 12 / 4 * b @ a
        assert torch.allclose(merged[name], expected, atol=1e-6), name
        changed += not torch.equal(merged[name], weight)
    assert changed == 2 * 7


@both
def test_the_adapter_and_the_merged_model_generate_the_same_tokens(either):
    """As after the last epoch: beside the base model's weights, in the stage and on their own."""
    after_training = generated(either, "lora", 2)
    assert len(after_training) == 16
    assert after_training == generated(either, "adapter", 0) != generated(either, "base", 0)
    assert generated(either, "plain", 0) == generated(either, "merged", 0)


@both
def test_a_run_that_was_stopped_goes_on_to_the_same_weights(either):
    """With dropout, whose random numbers are part of the state; the state holds no frozen weights."""
    log = (either / "log.txt").read_text()
    assert "resuming after step 2 of epoch 1" in log
    stopped, whole = (load_file(either / name / "model.safetensors") for name in ("stopped", "whole"))
    assert stopped.keys() == whole.keys() and all(torch.equal(stopped[name], whole[name]) for name in whole)
    assert generated(either, "again", 2) == generated(either, "whole", 2)


@both
def test_dropout_ends_with_the_training_of_an_epoch(either):
    """What the last epoch's evaluation generates is what the layers do on their own."""
    assert generated(either, "whole", 2) == generated(either, "alone", 0)


def test_weights_in_4_bits_change_what_is_generated(packed):
    assert generated(packed, "adapter", 0) != generated(packed, "plain", 0)


@pytest.mark.parametrize("bf16_kernels", [False, True])
def test_gradients_are_those_of_the_unpacked_weights(bf16_kernels, tiny_model, monkeypatch):
    """Also after an evaluation, where a CPU has kernels in bf16 for it, which have no backward pass."""
    bnb = pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
    monkeypatch.setattr(bnb.nn.modules, "has_avx512bf16", lambda: bf16_kernels)
    given = options(model_name_or_path=str(tiny_model), dtype="fp32", lora_rank=4)
    dense, in_4_bits = (load_model(replace(given, lora_4bit=packed), torch.device("cpu")) for packed in (False, True))
    layers = [name for name, part in in_4_bits.named_modules() if isinstance(part, bnb.nn.Linear4bit)]
    assert len(layers) == 2 * 7
    for name in layers:
        weight, whole = in_4_bits.get_submodule(name).weight, dense.get_submodule(name).weight
        assert weight.dtype == torch.uint8 and not weight.requires_grad
        unpacked = bnb.functional.dequantize_4bit(weight.data, weight.quant_state)
        # NF4 in blocks of 64 loses 9 % of normally distributed numbers.
        assert 0.08 < (unpacked - whole).norm() / whole.norm() < 0.11
        whole.data.copy_(unpacked)
    rows = [Row(list(range(5, 60)), 8), Row(list(range(90, 120)), 8)]
    losses, gradients = [], []
    for model in (dense, in_4_bits):
        add_lora(model, given, REVISION)
        for name, part in model.named_parameters():
            if "lora_B" in name:  # begins as zeros
                torch.nn.init.constant_(part, 0.01)
        with torch.no_grad():
            losses.append(code_loss(model.eval(), rows, 0).mean())
        losses.append(code_loss(model.train(), rows, 0).mean())
        losses[-1].backward()
        gradients.append([part.grad for part in model.parameters() if part.requires_grad])
    assert max(losses).item() == pytest.approx(min(losses).item(), abs=1e-5)
    assert len(gradients[0]) == len(gradients[1]) == 2 * 2 * 7
    assert all(torch.allclose(*pair, atol=1e-6) for pair in zip(*gradients, strict=True))


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


def test_weights_that_are_packed_already_are_not_packed_again():
    """The merged model needs whole ones."""
    given, packed = options(lora_rank=2, lora_4bit=True), tiny_config(quantization_config={"quant_method": "awq"})
    for name, config in (("tiny.gguf", tiny_config()), ("some/tiny-awq", packed)):
        with pytest.raises(InputError, match=f"--lora_4bit: the weights of {name} are packed already"):
            check_lora(replace(given, model_name_or_path=name), config, REVISION)


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
