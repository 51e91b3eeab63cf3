"""Fine-tuning: the loss, the plan of micro batches, DeepSpeed's settings, and saving."""

from __future__ import annotations

import copy
import json
import subprocess
from types import SimpleNamespace

import pytest
import torch
import warm
from deepspeed.runtime.lr_schedules import WarmupDecayLR
from toy import DEEPSPEED, REPOSITORY, free_port, tiny_config, tiny_tokenizer, toy_texts
from transformers import AutoModelForCausalLM, LlamaForCausalLM

from utils.args import read_deepspeed_config
from utils.model import trainer
from utils.model.curves import Curves
from utils.model.load import check_model
from utils.model.loss import code_loss
from utils.model.sft_data import Row
from utils.model.tokens import TokenizerPolicy
from utils.model.train import (
    LEAST_WARM_UP,
    Step,
    deepspeed_settings,
    plan_epoch,
    plan_epochs,
    save_model,
    settings_for,
    train_epoch,
    training_rows,
    warm_up,
)
from utils.run.dist import Ranks
from utils.run.files import Failure, InputError

OFFLOAD = "deepspeed_offload.json"
CONFIG = str(REPOSITORY / "deepspeed_config.json")
RANKS = Ranks(0, 0, 1, 1, torch.device("cpu"))


def some_rows(lengths=(10, 20, 7, 30, 12, 9, 15, 8, 22, 11)) -> list[Row]:
    """Rows of random ids; every third token on average is given."""
    generator = torch.Generator().manual_seed(1)
    return [Row(torch.randint(0, 400, (n,), generator=generator).tolist(), max(1, n // 3)) for n in lengths]


def test_loss_of_a_batch_is_each_row_by_itself():
    model = LlamaForCausalLM(tiny_config()).eval()
    rows = some_rows()
    with torch.no_grad():
        together = code_loss(model, rows, pad_id=5)
        for row, loss in zip(rows, together, strict=True):
            chances = model(torch.tensor([row.ids])).logits[0].log_softmax(-1)
            nll = [-chances[t - 1, row.ids[t]] for t in range(row.prompt_length, len(row.ids))]
            assert loss.item() == pytest.approx(sum(nll).item() / len(nll), rel=1e-5)


def test_rows_are_prompt_target_and_the_end_and_those_that_do_not_fit_are_counted(capsys):
    pairs = toy_texts()
    tokenizer = tiny_tokenizer([prompt + target for prompt, target in pairs])
    (prompt, target), *_ = pairs
    drawn = [{"prompt": prompt, "target": target}, {"prompt": prompt, "target": 90 * target}]
    given, wanted = (tokenizer(text).input_ids for text in (prompt, target))
    fitting = Row([*given, *wanted, tokenizer.eos_token_id], len(given))
    policy, length = TokenizerPolicy(tokenizer), len(fitting.ids)
    assert training_rows(drawn, policy, length, RANKS) == [fitting]
    assert f"dropped: 1 training rows longer than --max_length {length}" in capsys.readouterr().err
    with pytest.raises(InputError, match=f"--max_length {length - 1}: no training row fits"):
        training_rows(drawn, policy, length - 1, RANKS)


@pytest.mark.parametrize("world_size", [1, 2, 3])
@pytest.mark.parametrize("tokens", [16, 64, 10_000])
def test_plan_takes_every_row_once_whatever_the_ranks_and_the_budget(world_size, tokens):
    lengths = [len(row.ids) for row in some_rows()]
    steps = plan_epoch(lengths, 1, 7, 4, world_size, tokens)
    alone = plan_epoch(lengths, 1, 7, 4, 1, 10_000)
    rows_of = [sorted(i for hand in step.micro_batches for part in hand for i in part) for step in steps]
    assert rows_of == [sorted(step.micro_batches[0][0]) for step in alone], "steps hold the same rows"
    assert sorted(sum(rows_of, [])) == list(range(len(lengths)))
    assert [step.rows for step in steps] == [4, 4, 2]
    for step in steps:
        assert len({len(hand) for hand in step.micro_batches}) == 1, "ranks exchange gradients equally often"
        for part in (part for hand in step.micro_batches for part in hand if len(part) > 1):
            assert max(lengths[i] for i in part) * len(part) <= tokens


def test_every_epoch_and_seed_has_an_order_of_its_own():
    lengths = list(range(5, 65))
    orders = {
        json.dumps(plan_epoch(lengths, epoch, seed, 8, 1, 10_000)[0].micro_batches)
        for epoch in (1, 2)
        for seed in (1, 2)
    }
    assert len(orders) == 4


def epochs(together: bool = True, **given) -> list[list[Step]]:
    """The steps of two epochs over some rows."""
    usual = {"num_epoch": 2, "same_order": False, "seed": 7, "train_batch_size": 4, "micro_batch_tokens": 64}
    return plan_epochs(some_rows(), SimpleNamespace(**{**usual, **given}), together, RANKS)


def test_epochs_differ_in_their_order_unless_it_is_to_be_the_same():
    first, second = epochs()
    assert first != second
    assert epochs(same_order=True) == [first, first]


def test_a_micro_batch_has_one_row_where_rows_cannot_go_together():
    sizes = [
        [len(part) for step in epochs(together)[0] for part in step.micro_batches[0]] for together in (True, False)
    ]
    assert max(sizes[0]) > 1 and sizes[1] == [1] * len(some_rows())


def test_a_budget_below_the_longest_row_is_refused():
    with pytest.raises(InputError, match="--micro_batch_tokens 29: the longest training row alone has 30"):
        epochs(micro_batch_tokens=29)
    assert len(epochs(micro_batch_tokens=30)) == 2


def test_an_epoch_trains_what_was_evaluated_before_it():
    evaluated = torch.nn.Dropout().eval()
    assert list(train_epoch(SimpleNamespace(module=evaluated), [], [], 0, 1, 0)) == []
    assert evaluated.training


def test_warm_up_is_shortened_only_where_the_run_is_shorter():
    given = read_deepspeed_config(CONFIG)
    config, warning = settings_for(given, CONFIG, "bf16", 20)
    assert config["scheduler"]["params"]["warmup_num_steps"] == 2 and "30" in warning
    config, warning = settings_for(given, CONFIG, "bf16", 31)
    assert config["scheduler"]["params"]["warmup_num_steps"] == 30 and warning == ""
    assert config["scheduler"]["params"]["total_num_steps"] == 31
    assert "total_num_steps" not in given["scheduler"]["params"], "the given settings are left alone"


@pytest.mark.parametrize("total", [40, 300])
def test_learning_rates_of_the_first_steps_are_those_of_the_linear_formula(total):
    """DeepSpeed counts steps from -1, so the first two have the lowest rate."""
    config, _ = settings_for(read_deepspeed_config(CONFIG), CONFIG, "bf16", total)
    optimiser = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))])
    schedule, rates = WarmupDecayLR(optimiser, **config["scheduler"]["params"]), []
    for _ in range(40):
        rates.append(optimiser.param_groups[0]["lr"])
        schedule.step()
    shares = [max(0, n) / 30 if n < 30 else (total - n) / (total - 30) for n in range(-1, 39)]
    assert rates == pytest.approx([5e-6 + 1.5e-5 * share for share in shares], rel=1e-9)


@pytest.mark.parametrize("steps", [0, 1])
def test_the_first_rates_after_next_to_no_warm_up_follow_the_formula(steps):
    """As reported for DeepSpeed (771), whose schedule divides by zero there: the least that it can do is two steps."""
    given = read_deepspeed_config(CONFIG)
    given["scheduler"]["params"]["warmup_num_steps"] = steps
    config, warning = settings_for(given, CONFIG, "bf16", 100)
    optimiser = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))])
    schedule, rates = WarmupDecayLR(optimiser, **config["scheduler"]["params"]), []
    for _ in range(5):
        rates.append(optimiser.param_groups[0]["lr"])
        schedule.step()
    assert rates == pytest.approx([5e-6 + 1.5e-5 * share for share in (0, 0, 1 / 2, 1, 97 / 98)], rel=1e-9)
    assert "2" in warning


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((30, 300, True), 30),
        ((30, 24, True), 2),
        ((30, 24, False), 30),
        ((30, 2, True), 2),
        ((0, 50, True), 2),
        ((1, 50, True), 2),
    ],
)
def test_warm_up_says_what_it_changes(given, expected):
    steps, warning = warm_up(*given)
    assert steps == expected
    assert (warning == "") == (steps == given[0])


def test_a_full_warm_up_is_the_files_own(capsys):
    for full, steps in ((True, 30), (False, 2)):
        options = SimpleNamespace(deepspeed_config=CONFIG, full_warm_up=full, dtype="fp32")
        assert deepspeed_settings(options, 24, RANKS)["scheduler"]["params"]["warmup_num_steps"] == steps
        assert ("warm-up" in capsys.readouterr().err) is not full


def test_what_the_file_says_about_the_number_format_is_kept():
    given = read_deepspeed_config(CONFIG)
    given["bf16"] = {"enabled": True, "bf16_master_weights_and_grads": True, "bf16_optimizer_states": True}
    given["fp16"] = {"enabled": False, "loss_scale": 128}
    config, _ = settings_for(given, CONFIG, "bf16", 100)
    assert config["bf16"] == given["bf16"] and config["fp16"] == {"enabled": False}
    config, _ = settings_for(given, CONFIG, "fp16", 100)
    assert config["fp16"] == {"enabled": True, "loss_scale": 128} and config["bf16"] == {"enabled": False}


def test_split_weights_are_refused():
    config = read_deepspeed_config(CONFIG)
    config["zero_optimization"]["stage"] = 3
    with pytest.raises(InputError, match="stage 3"):
        settings_for(config, CONFIG, "bf16", 10)


def test_fp16_without_zero_is_refused():
    config = read_deepspeed_config(CONFIG)
    config["zero_optimization"]["stage"] = 0
    with pytest.raises(InputError, match="--dtype fp16: needs zero_optimization stage 1 or 2"):
        settings_for(config, CONFIG, "fp16", 10)
    assert settings_for(config, CONFIG, "bf16", 10)[0]["bf16"]["enabled"]


def test_fp16_on_a_cpu_is_refused():
    options = SimpleNamespace(deepspeed_config=CONFIG, full_warm_up=False, dtype="fp16")
    with pytest.raises(InputError, match="--dtype fp16"):
        deepspeed_settings(options, 10, SimpleNamespace(device=torch.device("cpu")))


TRAINING = """
import sys; sys.path[:0] = {paths}
import torch
from test_train import some_rows, CONFIG, read_deepspeed_config, LlamaForCausalLM, tiny_config, plan_epoch, settings_for
from utils.run import dist, stop
from utils.model.train import start_engine, train_epoch
ranks = dist.join()
torch.manual_seed(0)
model, rows = LlamaForCausalLM(tiny_config()), some_rows()
steps = [s for e in (1, 2) for s in plan_epoch([len(r.ids) for r in rows], e, 7, 4, ranks.world_size, {tokens})]
config, _ = settings_for(read_deepspeed_config(CONFIG), CONFIG, "fp32", len(steps))
config["scheduler"]["params"].update(warmup_min_lr=1e-3, warmup_max_lr=1e-2)
engine = start_engine(model, config, ranks)
losses = [sum(ranks.all_values(x)) for x in train_epoch(engine, steps, rows, ranks.rank, ranks.world_size, 0)]
if ranks.main:
    torch.save((losses, model.state_dict()), {file!r})
stop.run(lambda: None)
"""


def test_micro_batches_and_ranks_do_not_change_training(tmp_path):
    """tests/long has one rank."""
    check_training(2, 48, tmp_path)


def check_training(ranks, tokens, tmp_path) -> None:
    """Against plain PyTorch: whole batches, AdamW, clipping and the same schedule; ten rows, steps of 4, 4 and 2."""
    script, file = tmp_path / "run.py", str(tmp_path / "state.pt")
    paths = [str(REPOSITORY), str(REPOSITORY / "tests"), str(REPOSITORY / "tests/model")]
    script.write_text(TRAINING.format(paths=paths, tokens=tokens, file=file))
    done = subprocess.run(
        [DEEPSPEED, "--num_gpus", str(ranks), "--master_port", str(free_port()), str(script)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    losses, state = torch.load(file, weights_only=True)

    torch.manual_seed(0)
    model, rows = LlamaForCausalLM(tiny_config()), some_rows()
    steps = [s for e in (1, 2) for s in plan_epoch([len(r.ids) for r in rows], e, 7, 4, 1, 10_000)]
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.05)
    schedule = WarmupDecayLR(optimiser, len(steps), 1e-3, 1e-2, LEAST_WARM_UP, "linear")
    expected = []
    for step in steps:
        loss = code_loss(model, [rows[i] for i in step.micro_batches[0][0]], 0).mean()
        expected.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    assert losses == pytest.approx(expected, rel=1e-4)
    assert len(steps) == 6 and expected[-1] < expected[0]
    for name, value in model.state_dict().items():
        assert torch.allclose(value, state[name], atol=2e-5), name


FORMATS = """
import json, sys; sys.path[:0] = {paths}
import torch
from test_train import some_rows, read_deepspeed_config, LlamaForCausalLM, tiny_config, plan_epoch, settings_for
from utils.run import dist, stop
from utils.model.train import start_engine, train_epoch
ranks, outcomes = dist.join(), {{}}
for kind, (path, dtype, more) in json.loads({kinds!r}).items():
    torch.manual_seed(0)
    model, rows = LlamaForCausalLM(tiny_config(dtype=getattr(torch, dtype))), some_rows()
    steps = [s for e in (1, 2, 3) for s in plan_epoch([len(r.ids) for r in rows], e, 7, 4, 1, 64)]
    given = read_deepspeed_config(path)
    given["bf16"].update(more)
    config, _ = settings_for(given, path, "bf16" if dtype == "bfloat16" else "fp32", len(steps))
    config["scheduler"]["params"].update(warmup_min_lr=1e-3, warmup_max_lr=1e-2)
    engine = start_engine(model, config, ranks)
    losses = list(train_epoch(engine, steps, rows, 0, 1, 0))
    (states,) = engine.optimizer.optimizer.state.values()
    parts = {{name: str(part.dtype) for name, part in states.items() if part.numel() > 1}}
    outcomes[kind] = losses, parts, engine.optimizer.single_partition_of_fp32_groups[0].device.type
print(json.dumps(outcomes))
stop.run(lambda: None)
"""
BF16_STATES = {"bf16_master_weights_and_grads": True, "bf16_optimizer_states": True}


def test_states_in_bf16_and_offloaded_ones_train(tmp_path):
    offload = str(REPOSITORY / "deepspeed_offload.json")
    kinds = {
        "fp32": (CONFIG, "float32", {}),
        "bf16": (CONFIG, "bfloat16", {}),
        "states": (CONFIG, "bfloat16", BF16_STATES),
        "offload": (offload, "float32", {}),
    }
    paths = [str(REPOSITORY), str(REPOSITORY / "tests"), str(REPOSITORY / "tests/model")]
    code = FORMATS.format(paths=paths, kinds=json.dumps(kinds))
    done = warm.run(["-c", code], tmp_path)
    assert done.returncode == 0, done.stderr
    outcomes = json.loads(done.stdout.splitlines()[-1])
    for kind, (losses, states, _) in outcomes.items():
        assert set(states) == {"exp_avg", "exp_avg_sq"}
        assert set(states.values()) == {"torch.bfloat16" if kind == "states" else "torch.float32"}, kind
        assert losses[-1] < losses[0] - 0.5, kind
    assert outcomes["offload"][0] == pytest.approx(outcomes["fp32"][0], rel=1e-5)
    assert outcomes["states"][0] == pytest.approx(outcomes["bf16"][0], rel=0.02)


def test_offloading_changes_nothing_else():
    plain, offload = (read_deepspeed_config(str(REPOSITORY / name)) for name in ("deepspeed_config.json", OFFLOAD))
    assert offload["zero_optimization"].pop("offload_optimizer") == {"device": "cpu", "pin_memory": True}
    assert offload == plain


@pytest.mark.parametrize(
    ("kinds", "stage", "named"),
    [
        ({"bf16_optimizer_states": True}, 2, "bf16_optimizer_states: needs bf16_master_weights_and_grads"),
        ({"bf16_master_weights_and_grads": True}, 2, "add bf16_optimizer_states, or offload_optimizer"),
        (BF16_STATES, 0, "needs zero_optimization stage 1 or 2"),
    ],
)
def test_settings_of_bf16_that_deepspeed_would_refuse_late(kinds, stage, named):
    config = read_deepspeed_config(CONFIG)
    config["bf16"].update(kinds)
    config["zero_optimization"]["stage"] = stage
    with pytest.raises(InputError, match=named):
        settings_for(config, CONFIG, "bf16", 10)


def test_saved_model_is_a_plain_folder_and_replaces_an_older_one(tmp_path):
    texts = [prompt + target for prompt, target in toy_texts()]
    policy = TokenizerPolicy(tiny_tokenizer(texts))
    model = LlamaForCausalLM(tiny_config())
    folder = tmp_path / "weights"
    for _ in range(2):
        with torch.no_grad():
            model.lm_head.weight.add_(1.0)
        save_model(model, policy, folder)
        assert (folder / "model.safetensors").exists()
        again = AutoModelForCausalLM.from_pretrained(folder)
        assert torch.equal(again.lm_head.weight, model.lm_head.weight)
    assert check_model(str(folder), None, False)[1].encode("def f") == policy.encode("def f")
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]


def test_a_failing_save_leaves_the_older_model(tmp_path, monkeypatch):
    model = LlamaForCausalLM(tiny_config())
    policy = TokenizerPolicy(tiny_tokenizer(["x"]))
    save_model(model, policy, tmp_path / "weights")
    before = (tmp_path / "weights/model.safetensors").read_bytes()
    broken = copy.copy(policy)
    monkeypatch.setattr(broken, "tokenizer", None)
    with pytest.raises(AttributeError):
        save_model(model, broken, tmp_path / "weights")
    assert (tmp_path / "weights/model.safetensors").read_bytes() == before


LEFT_OUT = """
import sys; sys.path[:0] = {paths}
import torch
from test_train import some_rows, read_deepspeed_config, LlamaForCausalLM, tiny_config, plan_epoch, settings_for, CONFIG
from utils.run import dist, stop
from utils.model.train import start_engine, train_epoch
ranks, rows = dist.join(), some_rows()
model = LlamaForCausalLM(tiny_config(dtype=torch.bfloat16))
model.model.norm.weight.register_hook(lambda gradient: gradient * torch.inf)
steps = plan_epoch([len(row.ids) for row in rows], 1, 7, 4, 1, 64)
engine = start_engine(model, settings_for(read_deepspeed_config(CONFIG), CONFIG, "bf16", 3)[0], ranks)
losses = list(train_epoch(engine, steps, rows, 0, 1, 0))
print(all(0 < loss < 20 for loss in losses), engine.skipped_steps, len(steps))
stop.run(lambda: None)
"""


def test_deepspeed_counts_the_steps_that_it_leaves_out(tmp_path):
    paths = [str(REPOSITORY), str(REPOSITORY / "tests"), str(REPOSITORY / "tests/model")]
    done = warm.run(["-c", LEFT_OUT.format(paths=paths)], tmp_path)
    assert done.stdout.splitlines()[-1] == "True 3 3", done.stderr


@pytest.mark.parametrize(("dtype", "ends"), [("bf16", True), ("fp16", False)])
def test_a_step_that_deepspeed_leaves_out_is_told(dtype, ends, monkeypatch, capsys):
    """It does so where a gradient is not finite, without a word; in fp16 it finds the scale of the loss in this way."""

    class Engine(SimpleNamespace):
        skipped_steps, module = 3, torch.nn.Linear(1, 1)  # as many before, in the run that is resumed

        def get_lr(self):
            return [1e-5]

    def train_epoch(engine, steps, *_):
        for step in steps:
            engine.skipped_steps += step.rows == 2
            yield 1.5

    monkeypatch.setattr(trainer, "train_epoch", train_epoch)
    steps = [Step([[[0]]], rows) for rows in (4, 2)]
    parts = {
        "rows": some_rows(),
        "policy": SimpleNamespace(pad_id=0),
        "checkpoints": SimpleNamespace(save=lambda *_: 0),
    }
    options = SimpleNamespace(dtype=dtype, num_epoch=1, save_steps=0, deepspeed_config="c.json")
    run = trainer.Trainer(
        engine=Engine(), plans=[steps], curves=Curves(None, RANKS), options=options, ranks=RANKS, **parts
    )
    if ends:
        with pytest.raises(Failure, match="step 2 of epoch 1: a gradient is not finite; give --dtype fp32"):
            run.train(1)
        assert run.position.step == 1
    else:
        assert run.train(1)["loss"] == 1.5
        assert "epoch 1: 1 steps left out" in capsys.readouterr().err
