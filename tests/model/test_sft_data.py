"""Rows for scoring and training: the boundary of prompt and target, lengths, batches and padding."""

from __future__ import annotations

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from utils.model.sft_data import IGNORED, Row, batches_by_length, collate, make_row
from utils.model.tokens import TokenizerPolicy

PROMPT, TARGET = 'def double(n):\n    """ Return twice the number."""', "\n    return 2 * n"


def tokenizer(bos: bool = False, special: dict | None = None) -> PreTrainedTokenizerFast:
    """A byte-level BPE that has learnt a few lines; `bos`: it begins every text with BOS itself."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=340, special_tokens=["<pad>", "<s>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    raw.train_from_iterator([PROMPT + TARGET, '"""\n    return', '"""\n    '] * 4, trainer)
    if bos:
        raw.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    names = {"bos_token": "<s>", "eos_token": "</s>"} if special is None else special
    return PreTrainedTokenizerFast(tokenizer_object=raw, **names)


@pytest.fixture(scope="module")
def policy() -> TokenizerPolicy:
    return TokenizerPolicy(tokenizer())


# The tokenizer's habits


@pytest.mark.parametrize("bos", [False, True])
def test_bos_comes_once_at_the_start_where_the_tokenizer_puts_one(bos):
    policy = TokenizerPolicy(tokenizer(bos))
    row = make_row(policy, PROMPT, TARGET, 500, end=True)
    assert row.ids.count(1) == bos and (row.ids[0] == 1) == bos
    assert policy.decode(row.ids) == PROMPT + TARGET


@pytest.mark.parametrize(
    ("special", "pad"),
    [
        ({"eos_token": "</s>", "pad_token": "<pad>"}, 0),
        ({"eos_token": "</s>"}, 2),
        ({"pad_token": "<s>"}, 1),
        ({}, 0),
    ],
)
def test_padding_id(special, pad):
    assert TokenizerPolicy(tokenizer(special=special)).pad_id == pad


@pytest.mark.parametrize("text", ["a </s> b", "<s>", "x = '</s>'\n", " lead , and trail . ", "é\t🐍\n\n  "])
def test_texts_survive_and_hold_no_special_token(policy, text):
    ids = policy.encode(text)
    assert not {1, 2} & set(ids) and policy.decode(ids) == text


# Rows


def test_prompt_and_target_are_tokenised_apart(policy):
    """Joined as text, this tokenizer merges the newline into the prompt's closing quotes."""
    together = policy.encode(PROMPT + TARGET)
    prompt, target = policy.encode(PROMPT), policy.encode(TARGET)
    assert together[: len(prompt)] != prompt  # so the trap is there
    row = make_row(policy, PROMPT, TARGET, 500, end=True)
    assert row == Row([*prompt, *target, 2], len(prompt))
    assert make_row(policy, PROMPT, TARGET, 500, end=False) == Row([*prompt, *target], len(prompt))


@pytest.mark.parametrize("end", [False, True])
def test_a_row_fits_whole_or_is_left_out(policy, end):
    length = len(make_row(policy, PROMPT, TARGET, 500, end).ids)
    assert len(make_row(policy, PROMPT, TARGET, length, end).ids) == length
    assert make_row(policy, PROMPT, TARGET, length - 1, end) is None
    assert make_row(policy, PROMPT, TARGET, 1, end) is None


@pytest.mark.parametrize(
    ("prompt", "target", "end"),
    [
        (PROMPT, "", False),
        ("", TARGET, True),
        (PROMPT, "", True),
    ],
)
def test_no_row_without_a_prompt_or_a_target(policy, prompt, target, end):
    assert make_row(policy, prompt, target, 500, end) is None


def test_without_an_eos_token_a_row_ends_with_its_target():
    policy = TokenizerPolicy(tokenizer(special={}))
    row = make_row(policy, PROMPT, TARGET, 500, end=True)
    assert policy.eos_id is None and policy.decode(row.ids) == PROMPT + TARGET


# Batches

LENGTHS = [[], [7], [1, 2, 3, 4], [4, 3, 2, 1], [5] * 9, [100, 1, 1, 1], [3, 50, 8, 8, 21, 2, 50, 13, 1, 34]]


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("tokens", [1, 8, 50, 1000])
@pytest.mark.parametrize("most_rows", [0, 1, 3])
def test_batches_hold_every_row_once_and_keep_the_budget(lengths, tokens, most_rows):
    batches = batches_by_length(lengths, tokens, most_rows)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= tokens
        assert not most_rows or len(batch) <= most_rows


@pytest.mark.parametrize("lengths", LENGTHS)
def test_rows_of_like_length_share_a_batch(lengths):
    ordered = [lengths[i] for batch in batches_by_length(lengths, 60) for i in batch]
    assert ordered == sorted(lengths, reverse=True)


def test_a_batch_is_as_full_as_the_budget_lets_it_be():
    assert list(map(len, batches_by_length([5] * 9, 20))) == [4, 4, 1]
    assert list(map(len, batches_by_length([5] * 9, 1000, 2))) == [2, 2, 2, 2, 1]


# Padding


def test_collated_rows_carry_ids_mask_and_labels():
    ids, mask, labels = collate([Row([5, 6, 7], 1), Row([8, 9, 3, 4, 2], 3)], pad_id=0)
    assert ids.tolist() == [[5, 6, 7, 0, 0], [8, 9, 3, 4, 2]]
    assert mask.tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    x = IGNORED
    assert labels.tolist() == [[x, 6, 7, x, x], [x, x, x, 4, 2]]
    assert {ids.dtype, mask.dtype, labels.dtype} == {torch.long}


def test_an_eos_that_is_also_the_padding_is_learnt_once():
    _, mask, labels = collate([Row([5, 6, 2], 1), Row([5, 6, 6, 6, 2], 1)], pad_id=2)
    assert (labels == 2).sum(dim=1).tolist() == [1, 1] and mask.sum(dim=1).tolist() == [3, 5]


def test_rows_are_padded_to_the_longest_of_their_batch_only():
    assert collate([Row([1, 2], 1), Row([1, 2, 3], 1)], 0)[0].shape == (2, 3)
