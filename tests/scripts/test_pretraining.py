"""Pretraining in a small world: its rows, its steps, its trunk; and the measured distance to the truth."""

from __future__ import annotations

import importlib.util
from collections import Counter

import numpy as np
import pytest
import torch
from small_world import SIZES, prepare_in, run

from data.worlds import prepare
from scripts.replication import measure, muon, pretrain
from utils.model.load import check_model
from utils.prompts import description_prompt, rewrite_prompt
from utils.run.files import InputError, read_json
from utils.run.streams import stream

TINY = ["--trunk_steps", 2, "--steps", 2, "--batch_size", 8, "--hidden", 32, "--layers", 1, "--vocab", 400]


@pytest.fixture(scope="module")
def small_world(tmp_path_factory):
    """A working folder with a small world in it."""
    return prepare_in(tmp_path_factory.mktemp("world"))


def test_the_base_model_is_shown_slips_where_it_answers_and_nowhere_else():
    row = {"id": "numbers.odd.sum", "descriptions": ["first", "second"], "code": "def f(x):\n    return 1\n"}
    rng = np.random.default_rng(0)
    shown = {
        kind: str(pretrain.texts([], kind, {**row, "slip": "def f(x):\n    return 2\n"}, "world-x", False, rng))
        for kind in pretrain.KINDS
    }
    assert "return 2" in shown["code"]
    assert "return 1" not in shown["code"]
    assert "return 1" in shown["description"]
    assert not any("return 2" in shown[kind] for kind in ("description", "rewrite"))
    right = str(pretrain.texts([], "code", {**row, "slip": None}, "world-x", False, rng))
    assert "return 1" in right


def training(folder, monkeypatch) -> pretrain.Training:
    monkeypatch.chdir(folder)
    options = pretrain.arguments().parse_args(["--name", "small", *map(str, TINY)])
    pairs = read_json("data/world-small/pretrain.json")
    return pretrain.Training(pairs, pairs, "world-small", options)


def test_texts_are_the_prompts_of_stage_1(small_world, monkeypatch):
    monkeypatch.chdir(small_world)
    pairs = read_json("data/world-small/pretrain.json")
    pair, rng = pairs[-1], stream("texts")

    def read(kind: str, shot: bool) -> tuple[str, str]:
        parts = pretrain.texts(pairs, kind, pair, "world-small", shot, rng)
        joined = "".join(prompt + target for prompt, target in parts)
        return joined.removesuffix(parts[-1][1]), parts[-1][1]

    prompt, target = read("code", True)
    assert prompt + target + "\n" == pair["code"].replace(":\n", f':\n    """ {pair["descriptions"][0]}"""\n', 1)
    others = [other for other in pairs if other["id"] != pair["id"]]
    prompt, target = read("description", True)
    assert target == pair["descriptions"][0]
    assert prompt in {description_prompt((other["code"], other["descriptions"][0]), pair["code"]) for other in others}
    prompt, target = read("rewrite", True)
    assert target == pair["descriptions"][1]
    assert prompt in {rewrite_prompt(tuple(other["descriptions"]), pair["descriptions"][0]) for other in others}
    assert read("description", False)[0] == description_prompt(None, pair["code"])


def test_a_lesson_has_the_tokens_that_stage_1_gives(small_world, monkeypatch):
    made = training(small_world, monkeypatch)
    rng = stream("lessons")
    for kind in pretrain.KINDS:
        for pair in made.own.all[-30:]:
            parts = pretrain.texts(made.own.all, kind, pair, "world-small", True, rng)
            row = pretrain.lesson(made.policy, parts)
            text, target = "".join(prompt + text for prompt, text in parts), parts[-1][1]
            prompt = made.policy.encode_prompt(text.removesuffix(target))
            assert row.ids == prompt + made.policy.encode(target) + [made.policy.eos_id]
            learnt = [label for label in row.labels if label >= 0]
            assert made.policy.decode(learnt) == "".join(text for _, text in parts)


def test_held_out_pairs_are_not_trained_on(small_world, monkeypatch):
    made = training(small_world, monkeypatch)
    held_out = {pair["id"] for length in (2, 3) for pair in made.own.held_out[length]}
    assert held_out
    assert not held_out & {pair["id"] for pair in made.own.all}


def test_resumed_training_is_the_same(small_world, monkeypatch, tmp_path):
    whole, first, second = (training(small_world, monkeypatch) for _ in range(3))
    losses = [whole.train_step(whole.rows(step)) for step in range(3)]
    for step in range(2):
        first.train_step(first.rows(step))
    first.save(tmp_path / "state.pt", {"a": 1})
    assert not second.load(tmp_path / "state.pt", {"a": 2})
    assert second.step == 0  # other settings
    assert second.load(tmp_path / "state.pt", {"a": 1})
    assert second.step == 2
    assert second.train_step(second.rows(2)) == pytest.approx(losses[2], abs=1e-5)


def test_the_rate_rises_stays_and_falls(small_world, monkeypatch):
    made = training(small_world, monkeypatch)
    made.options.trunk_steps, made.options.steps, made.options.lr = 100, 20, 1.0
    rates = [made.rate(step) for step in range(120)]
    assert rates[0] < rates[10] < rates[60] == rates[100] == 1
    assert rates[100] > rates[110] > rates[119] > 0


def test_worlds_of_a_seed_share_a_trunk(small_world, monkeypatch, capsys):
    """With the trunk's file or without, the same weights."""
    monkeypatch.chdir(small_world)
    sizes = [text for key, value in SIZES.items() for text in (f"--{key}", value)]
    assert run(prepare, "--name", "tied", "--seed", 2, "--strength", 1, *sizes) == 0
    models = small_world / "data" / "models"
    assert run(pretrain, "--name", "tied", "--trunk", "small", *TINY, "--threads", 1) == 0
    trunk = models / ".world-small.trunk.pt"
    assert trunk.exists()
    weights = (models / "world-tied" / "model.safetensors").read_bytes()
    assert run(pretrain, "--name", "tied", "--trunk", "small", *TINY, "--threads", 1, "--overwrite") == 0
    assert (models / "world-tied" / "model.safetensors").read_bytes() == weights
    trunk.unlink()
    assert run(pretrain, "--name", "tied", "--trunk", "small", *TINY, "--threads", 1, "--overwrite") == 0
    assert (models / "world-tied" / "model.safetensors").read_bytes() == weights
    assert run(pretrain, "--name", "tied", "--trunk", "tied", *TINY, "--threads", 1, "--overwrite") == 0
    assert (models / "world-tied" / "model.safetensors").read_bytes() != weights


def test_pretraining_writes_a_model_folder_once(small_world, monkeypatch, capsys):
    monkeypatch.chdir(small_world)
    flags = ["--name", "small", "--seed", 5, *TINY]
    assert run(pretrain, *flags, "--max_minutes", 0) == 0
    assert "step 1 of 4" in capsys.readouterr().out
    folder = small_world / "data" / "models" / "world-small"
    assert not folder.exists()
    assert run(pretrain, *flags) == 0
    assert not list(folder.parent.glob(".*.state.pt"))  # it is needed no more
    _, policy = check_model(str(folder), None, False)
    text = "def f(x):\n    return [v for v in x if 'é' in v]\n"
    assert policy.decode(policy.encode(text)) == text
    assert policy.eos_id == 0
    assert policy.start == []
    capsys.readouterr()
    assert run(pretrain, *flags) == 0
    assert "already exists" in capsys.readouterr().out
    with pytest.raises(InputError, match="lr"):
        run(pretrain, *flags, "--lr", 1)


def test_distance_to_the_truth():
    exact = Counter({"loop": 75, "helper": 25})
    rows = {"noun": (0.5, exact, exact, {}), "third": (0.5, Counter({"loop": 100}), exact, {"pass": 0.5})}
    found = measure._against_truth(rows, 0)
    assert found["noun"]["tv"] == 0
    assert found["third"]["tv"] == 0.25
    assert found["mean"] == 0.125
    assert 0 < found["noise"] < 0.1
    assert np.isclose(sum(found["third"]["truth"].values()), 1)


def test_muon_in_float32_is_torchs_but_for_rounding():
    """Both orthogonalise: singular values end near 1, for either shape of the matrix."""
    spec = importlib.util.spec_from_file_location("torch.optim.untouched", torch.optim._muon.__file__)
    untouched = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(untouched)
    original = untouched._zeropower_via_newtonschulz
    assert torch.optim._muon._zeropower_via_newtonschulz is muon._orthogonalized
    for shape in ((16, 40), (40, 16)):
        gradient = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        settings = (3.4445, -4.7750, 2.0315), 5, 1e-7
        ours, theirs = muon._orthogonalized(gradient, *settings), original(gradient, *settings).float()
        assert torch.allclose(ours, theirs, atol=0.05)
        values = torch.linalg.svdvals(ours)
        assert values.min() > 0.6 and values.max() < 1.3
