"""Prompt and target as ids: no piece that neither text has, whatever the kind of the tokenizer."""

from __future__ import annotations

import json
import math
import os
from functools import cache
from pathlib import Path

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from toy import tiny_config
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from data.quickstart import problems as quickstart
from eval.problem import Problem
from eval.registry import adapter
from utils.extract import training_target
from utils.model.loss import mean_losses
from utils.model.sft_data import make_row
from utils.model.tokens import ROUND_TRIP, TokenizerPolicy
from utils.run.files import InputError

SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]
KINDS = {
    "byte level": {},
    "byte level with BOS": {"bos": True},
    "byte level, space before": {"add_prefix_space": True},
    "byte level, tokens of white space": {"white_space": True},
    "metaspace always": {"metaspace": "always", "bos": True},
    "metaspace first": {"metaspace": "first", "bos": True},
}


def pairs() -> list[tuple[str, str]]:
    """(prompt, target) of the 100 quickstart gold rows and, where the data are there, of the 170 MBPP seeds."""
    rows = [("quickstart", Problem.from_row(row)) for row in quickstart.rows("train")]
    if folder := os.environ.get("GIFT_TEST_DATA"):
        from data.mbpp.prepare import part_of, problem

        raw = json.loads((Path(folder) / "sanitized-mbpp.json").read_text())
        seeds = [row for row in raw if part_of(row["task_id"]) != "test"]
        rows += [("mbpp", Problem.from_row(problem(row, 0))) for row in seeds]
        assert len(rows) == 270
    return [
        (adapter(name).code_prompt(row, row.query), training_target(row.code, row.entry_point)) for name, row in rows
    ]


@cache
def tokenizer(metaspace="", add_prefix_space=False, bos=False, white_space=False) -> PreTrainedTokenizerFast:
    """A BPE tokenizer of one kind, trained on the pairs; Metaspace as Llama-2 has it, with bytes for rare letters."""
    letters = [f"<0x{i:02X}>" for i in range(256)] if metaspace else []
    raw = Tokenizer(models.BPE(byte_fallback=bool(metaspace), unk_token="<unk>" if metaspace else None))
    if metaspace:
        raw.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=metaspace, split=False)
        strip = decoders.Strip(" ", 1, 0)
        raw.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), strip])
    else:
        raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
        raw.decoder = decoders.ByteLevel()
    alphabet = [] if metaspace else pre_tokenizers.ByteLevel.alphabet()
    texts = [text for pair in pairs() for line in "".join(pair).split("\n") for text in line.split(" ")]
    trainer = trainers.BpeTrainer(vocab_size=800, special_tokens=SPECIAL + letters, initial_alphabet=alphabet)
    raw.train_from_iterator([text for text in texts if text.isascii()], trainer)
    if metaspace:  # bytes are ordinary tokens, which stand for letters that the vocabulary lacks
        state = json.loads(raw.to_str())
        state["added_tokens"] = [token for token in state["added_tokens"] if token["content"] in SPECIAL]
        raw = Tokenizer.from_str(json.dumps(state))
    if bos:
        raw.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    made = PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )
    if white_space:
        made.add_tokens([AddedToken(" " * n, normalized=False) for n in (4, 8)])
    return made


def text_of(policy: TokenizerPolicy, ids: list[int]) -> str:
    """A whole row as the tokenizer itself reads it."""
    return policy.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_the_joined_text_and_nothing_else(kind):
    policy = TokenizerPolicy(tokenizer(**KINDS[kind]))
    policy.check_round_trip(kind)
    for prompt, target in pairs():
        row = make_row(policy, prompt, target, 100_000, end=True)
        assert text_of(policy, row.ids) == prompt + target
        assert row.ids[: row.prompt_length] == policy.encode_prompt(prompt), "the cut is where sampling begins"
        assert policy.decode(row.ids[row.prompt_length :]) == target
        assert row.ids.count(1) == ("bos" in KINDS[kind])


@pytest.mark.parametrize("scheme", ["always", "first"])
def test_sentencepiece_rows_are_those_of_the_joined_text(scheme):
    """The newline at the target's start is a piece of its own, so both ways of cutting give the same ids."""
    policy = TokenizerPolicy(tokenizer(metaspace=scheme, bos=True))
    for prompt, target in pairs():
        joined = policy.tokenizer(prompt + target).input_ids
        assert make_row(policy, prompt, target, 100_000, end=False).ids == joined
        space = policy.tokenizer.convert_tokens_to_ids("▁")
        assert policy.encode(target)[0] != space
        assert policy.tokenizer(target, add_special_tokens=False).input_ids[0] == space, "the trap is there"


def test_perplexities_of_a_sentencepiece_model_are_those_of_the_joined_text():
    policy = TokenizerPolicy(tokenizer(metaspace="always", bos=True))
    torch.manual_seed(0)
    model = LlamaForCausalLM(tiny_config(vocab_size=len(policy.tokenizer), initializer_range=0.5)).eval()
    some = pairs()[:20]
    rows = [make_row(policy, prompt, target, 100_000, end=False) for prompt, target in some]
    for (prompt, target), loss in zip(some, mean_losses(model, rows, policy.pad_id), strict=True):
        given = len(policy.tokenizer(prompt).input_ids)
        ids = torch.tensor([policy.tokenizer(prompt + target).input_ids])
        with torch.no_grad():
            expected = model(ids, labels=ids.clone().index_fill_(1, torch.arange(given), -100)).loss
        assert math.exp(loss) == pytest.approx(expected.exp().item(), rel=1e-3)


@pytest.mark.parametrize("text", ["x y", " x", "  two  words ", "\n\n", "Return it.", "é 漢字 🙂", "1234567890"])
@pytest.mark.parametrize("kind", KINDS)
def test_any_text_that_follows_another_comes_back(kind, text):
    policy = TokenizerPolicy(tokenizer(**KINDS[kind]))
    assert policy.decode(policy.encode(text)) == text


def test_all_that_stands_before_a_text_stands_before_a_prompt():
    made = tokenizer()
    raw = Tokenizer.from_str(made.backend_tokenizer.to_str())
    raw.post_processor = processors.TemplateProcessing(
        single="<pad> <s> $A </s>", special_tokens=[("<pad>", 0), ("<s>", 1), ("</s>", 2)]
    )
    policy = TokenizerPolicy(PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="</s>"))
    assert policy.encode_prompt("def f")[:2] == [0, 1] and 2 not in policy.encode_prompt("def f")
    assert policy.encode("def f") == policy.encode_prompt("def f")[2:]


def word_pieces() -> PreTrainedTokenizerFast:
    """A tokenizer that gives up white space."""
    raw = Tokenizer(models.WordPiece(unk_token="<unk>"))
    raw.normalizer, raw.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    raw.decoder = decoders.WordPiece()
    raw.train_from_iterator(
        ["".join(ROUND_TRIP)] * 3, trainers.WordPieceTrainer(vocab_size=400, special_tokens=SPECIAL)
    )
    return PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="<unk>", eos_token="</s>")


def without_decoder() -> PreTrainedTokenizerFast:
    """A byte-level vocabulary read without its pre-tokenizer, as some loaders do: white space is lost."""
    raw = Tokenizer.from_str(tokenizer().backend_tokenizer.to_str())
    raw.pre_tokenizer = pre_tokenizers.Metaspace()
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="</s>")


def spaces_behind_added_tokens() -> PreTrainedTokenizerFast:
    """A Metaspace tokenizer that puts a space behind each of its added tokens."""
    return tokenizer(metaspace="always", white_space=True)


@pytest.mark.parametrize("make", [word_pieces, without_decoder, spaces_behind_added_tokens])
def test_a_tokenizer_that_loses_text_is_refused_in_one_line(make):
    with pytest.raises(InputError, match="--model_name_or_path some/model: its tokenizer does not give") as refused:
        TokenizerPolicy(make()).check_round_trip("some/model")
    assert "\n" not in str(refused.value)
