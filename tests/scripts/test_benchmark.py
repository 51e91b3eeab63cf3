"""The benchmark at toy size: its one line, and that both sides do the same work. How fast is nobody's business here."""

from __future__ import annotations

import argparse
import json

import pytest
from toy import Finished, run_stage

from scripts import benchmark
from scripts.loops.bench import DECODING, SAMPLES, Bench, as_published
from scripts.loops.sample import published_samples
from utils.serving.engine import make_engine

FIRST = ["loop", "ours", "reference", "ratio", "unit", "device", "versions"]


def run(loop: str, model, folder, *flags) -> Finished:
    """The command on two problems."""
    small = [loop, "--model", model, "--limit", 2, "--repeats", 1]
    return run_stage("scripts/benchmark.py", [*small, *flags], folder)


def the_line(done: Finished) -> dict:
    """What the command printed, which is one line."""
    assert done.status == 0, done.err
    assert done.out.count("\n") == 1 and done.out.endswith("\n"), done.out
    line = json.loads(done.out)
    assert list(line)[: len(FIRST)] == FIRST
    assert line["ours"] > 0 and line["reference"] > 0
    assert line["ratio"] == pytest.approx(line["ours"] / line["reference"], rel=0.05)
    assert {"python", "torch", "transformers", "deepspeed"} <= set(line["versions"])
    assert (line["model"], line["dataset"], line["problems"]) == ("tiny", "quickstart", 2)
    return line


@pytest.fixture(scope="module")
def bench(tiny_model) -> Bench:
    """Six of the quickstart problems and the tiny model."""
    args = argparse.Namespace(model=str(tiny_model), dataset="quickstart", limit=6, seed=1, repeats=1, dtype="bf16")
    return Bench.load(args, 1)


# The line


@pytest.mark.parametrize(("loop", "unit", "length"), [("score", "sequences/s", 2048), ("train", "examples/s", 1536)])
def test_line_of_a_loop_that_needs_no_decoding(loop, unit, length, tiny_model, tmp_path):
    line = the_line(run(loop, tiny_model, tmp_path, "--plot", "figures/bars.png"))
    assert (line["loop"], line["unit"]) == (loop, unit)
    assert line["largest_relative_difference"] < 1e-4, "both sides find the same losses"
    assert line["padded_to"] == length > line["tokens_per_row"]
    assert (tmp_path / "figures/bars.png").read_bytes()[:4] == b"\x89PNG"
    assert [path.name for path in tmp_path.iterdir()] == ["figures"]


def test_line_of_sampling(tiny_model, tmp_path):
    line = the_line(run("sample", tiny_model, tmp_path))
    assert (line["loop"], line["unit"], line["samples"]) == ("sample", "useful tokens/s", 3)
    assert all(0 < line["useful_tokens_per_sample"][side] <= 512 for side in ("ours", "reference"))


def test_line_of_scale_goes_through_two_ranks(tiny_model, tmp_path):
    line = the_line(run("scale", tiny_model, tmp_path, "--plot", "scale.png"))
    rates = {(row["problems"], row["samples"], row["ranks"]): row["tokens_per_second"] for row in line["table"]}
    assert set(rates) == {(1, 3, 1), (2, 3, 1), (1, 1, 1), (1, 9, 1), (2, 3, 2)}
    assert (line["ours"], line["reference"]) == (rates[2, 3, 1], rates[1, 3, 1])
    assert (tmp_path / "scale.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["score", "--model", "no/such/model"], "no/such/model"),
        (["score", "--limit", "0"], "--limit 0"),
        (["train", "--repeats", "0"], "--repeats 0"),
        (["sample", "--dataset", "nothing"], "nothing"),
    ],
)
def test_bad_flags_are_one_line(flags, named, tmp_path):
    done = run_stage("scripts/benchmark.py", flags, tmp_path)
    assert (done.status, done.out) == (2, "")
    assert named in done.err and "Traceback" not in done.err


def test_curves_differ_in_one_thing_each():
    points = [(1, 3, 1), (4, 3, 1), (16, 3, 1), (4, 1, 1), (4, 9, 1), (16, 3, 2)]
    table = [dict(zip(("problems", "samples", "ranks"), point, strict=True)) for point in points]
    curves = benchmark._curves(table)
    assert [row["problems"] for row in curves["problems"]] == [1, 4, 16]
    assert [(row["problems"], row["samples"]) for row in curves["samples"]] == [(4, 1), (4, 3), (4, 9)]
    assert [(row["problems"], row["ranks"]) for row in curves["ranks"]] == [(16, 1), (16, 2)]


# Both sides do the same


def test_both_sides_count_the_same_useful_tokens(bench, monkeypatch):
    """So cold that both draw the likeliest token: the very same texts, whatever was decoded behind their end."""
    monkeypatch.setitem(DECODING, "temperature", 1e-4)
    monkeypatch.setitem(DECODING, "max_new_tokens", 48)
    model = bench.model("fp32")
    engine = make_engine("static", model, bench.policy)
    requests = bench.requests(len(bench.problems), SAMPLES, 0)
    ours: list[list[str]] = [[] for _ in bench.problems]
    for position, completion in engine.run(requests, bench.decoding()):
        ours[position // SAMPLES].append(completion.text)
    for prompt, own in zip(bench.prompts(), ours, strict=True):
        with as_published(model):
            published = published_samples(bench, model, prompt, 48)
        assert len(own) == len(published) == SAMPLES
        assert bench.useful(own) == bench.useful(published) > 0
    assert any(len(bench.policy.encode(text)) < 40 for own in ours for text in own), "some end early"


def test_useful_are_the_tokens_before_the_first_stop_word(bench):
    body = "\n    return a + b"
    length = len(bench.policy.encode(body))
    assert bench.useful([body + "\n\nprint(add(1, 2))", body, ""]) == 2 * length


def test_published_settings_leave_the_model_as_they_found_it(bench):
    model = bench.model()
    before = model.config._attn_implementation
    with as_published(model, recompute=True):
        assert model.config._attn_implementation == "sdpa" != before
        assert any(getattr(module, "gradient_checkpointing", False) for module in model.modules())
    assert model.config._attn_implementation == before
    assert not any(getattr(module, "gradient_checkpointing", False) for module in model.modules())
