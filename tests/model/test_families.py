"""Families of models: exact in padded batches, exact by length, or refused; and which the continuous engine takes."""

from __future__ import annotations

import functools

import pytest
import torch
from families import NoText, causal_families, measure, prompts, tiny_family, tiny_family_config
from toy import REPOSITORY, run_stage, tiny_tokenizer
from transformers import BertConfig, LlamaConfig, Mistral3Config, T5Config

from utils.model import static
from utils.model.continuous import Continuous
from utils.model.families import check_engine, check_family, note_on, way_of
from utils.model.generate import Completion, Decoding, Request
from utils.model.static import Static
from utils.run.files import Failure, InputError

FACTORS = {"short_factor": [1.0] * 4, "long_factor": [3.0, 1.0, 2.0, 4.0]}
LONGROPE = {
    "rope_parameters": {"rope_type": "longrope", "rope_theta": 1e4, **FACTORS},
    "original_max_position_embeddings": 32,
}
KINDS = {
    "llama": (None, ""),
    "doge": (None, ""),  # masks that are added to the scores
    "lfm2": (None, ""),  # states beside keys
    "qwen3_5_text": (None, ""),
    "recurrent_gemma": (0, "padding runs through its states"),
    "deepseek_v32": (0, "its cache is its own"),
    "mamba": (0, "it takes no positions of its rows"),
    "phi3": (32, "its positions depend on the longest row"),
}


def configuration(name: str):
    """That of a tiny model; Phi-3 with the rotary embeddings of its long versions."""
    return tiny_family_config(causal_families()[name], **(LONGROPE if name == "phi3" else {}))


def family(name: str):
    """A tiny random model."""
    return tiny_family(configuration(name))


@pytest.mark.parametrize("name", KINDS)
def test_completions_and_losses_are_exact(name):
    model = family(name)
    way = way_of(model.config)
    assert (way.padded_up_to, way.reason) == KINDS[name]
    found = measure(model, (5, 26, 12, 5), 10, 2, 3)
    assert found["wrong"] == 0 and found["tokens"] > 100 and found["loss"] < 1e-5, found


def test_padding_would_change_what_goes_by_length(monkeypatch):
    monkeypatch.setattr(static, "way_of", lambda config: way_of(LlamaConfig()))
    assert measure(family("recurrent_gemma"), (5, 26, 12, 5), 10, 1, 4)["wrong"] > 10


def test_a_note_tells_what_goes_by_length():
    phi = configuration("phi3")
    assert note_on(phi, 32) == note_on(LlamaConfig(), 10**6) == ""
    assert note_on(phi, 33).startswith("phi3: rows longer than 32 tokens run only beside others of the same length")


@pytest.mark.parametrize("at", [1, 2])
def test_rows_of_one_length_are_halved_where_memory_is_short(monkeypatch, at):
    model, calls = family("mamba"), []
    requests = [Request(prompt, ("key", s)) for prompt in prompts(5, 7) for s in range(4)]
    decoding, real = Decoding((), 6, 1.0), model.forward
    expected = dict(Static(model, NoText(), 4).run(requests, decoding))

    @functools.wraps(real)
    def short_of_memory(**options):
        calls.append(len(options["input_ids"]))
        if len(calls) == at:
            raise torch.OutOfMemoryError("out of memory")
        return real(**options)

    monkeypatch.setattr(model, "forward", short_of_memory)
    assert dict(Static(model, NoText(), 4).run(requests, decoding)) == expected
    assert calls[:at] == [4] * at and set(calls[at:]) == {2}


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (Mistral3Config(), "no causal language model"),
        (BertConfig(), "an encoder's architecture"),
        (T5Config(), "no causal language model"),
        (LlamaConfig(hidden_act="none-such"), "cannot be built"),
    ],
)
def test_what_predicts_no_text_is_refused_in_one_line(config, reason):
    with pytest.raises(InputError, match=reason) as refused:
        check_family("some/model", config)
    assert "some/model" in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["codegen", "qwen3_5_text", "mamba", "phi3"])
def test_the_continuous_engine_is_refused_where_it_would_be_wrong(name):
    config = configuration(name)
    with pytest.raises(InputError, match=f"--engine continuous: not for {name} .*; --engine static works"):
        check_engine("continuous", config)
    check_engine("static", config)
    check_engine("continuous", LlamaConfig())


def test_the_continuous_engine_checks_itself(monkeypatch):
    model = family("llama")
    requests = [Request(prompt, ("key",)) for prompt in prompts(9, 5)]
    assert len(dict(Continuous(model, NoText()).run(requests, Decoding((), 6)))) == 2
    complete = Continuous._complete

    def other_tokens(engine, wanted, decoding):
        for position, completion in complete(engine, wanted, decoding):
            yield position, Completion("", [(token + 1) % 97 for token in completion.ids])

    monkeypatch.setattr(Continuous, "_complete", other_tokens)
    with pytest.raises(Failure, match="--engine static works"):
        list(Continuous(model, NoText()).run(requests, Decoding((), 6)))


def test_the_continuous_engine_ends_where_the_positions_do():
    model = family("gpt2")
    [prompt] = prompts(120)
    requests = [Request(prompt, ("key",)), Request(prompt[:100], ("key",))]
    engines = Continuous(model, NoText()), Static(model, NoText())
    continuous, static = (dict(engine.run(requests, Decoding((), 40))) for engine in engines)
    assert [continuous[i].ids for i in range(2)] == [static[i].ids for i in range(2)]
    assert [static[i].tokens for i in range(2)] == [9, 29]


def test_a_stage_refuses_a_model_of_another_kind(toy_task, tmp_path):
    Mistral3Config().save_pretrained(tmp_path / "model")
    tiny_tokenizer(["def add(a, b):\n    return a + b\n"]).save_pretrained(tmp_path / "model")
    flags = ["--model_name_or_path", tmp_path / "model", "--difficulty", "introductory", "--max_length", 512]
    flags += ["--deepspeed_config", REPOSITORY / "deepspeed_config.json", "--output_dir", "s"]
    done = run_stage("seq_gibbs_sample.py", flags, toy_task)
    assert done.status == 2 and "mistral3 is not supported" in done.err.splitlines()[-1], done.err
