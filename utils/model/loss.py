"""Perplexity of a code under its own head and docstring: exp of the mean negative log-likelihood of its code tokens.

A large vocabulary makes scores the largest part of a forward pass: 2,048 tokens have 1.2 GB of them in fp32 at 152,000
words. They are made from hidden states for some tokens at a time, and again for the backward pass, so that only the
hidden states are kept.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from utils.model.sft_data import IGNORED, Row, collate

SCORE_TOKENS = {"cpu": 512, "cuda": 16384}  # tokens of a forward pass, padding included
SCORED_TOGETHER = 256  # target tokens whose scores over the vocabulary exist at a time
HIGHEST_SCORE = 100.0  # of the trial scores: beyond every limit that a family puts on its own

_final_heads: weakref.WeakKeyDictionary[nn.Module, bool] = weakref.WeakKeyDictionary()


def code_loss(model: PreTrainedModel, rows: Sequence[Row], pad_id: int) -> torch.Tensor:
    """Mean negative log-likelihood of each row's target tokens, in nats; shape (rows,), fp32."""
    ids, mask, labels = (part.to(model.device) for part in collate(rows, pad_id))  # each (rows, width)
    labels = F.pad(labels[:, 1:], (0, 1), value=IGNORED)  # position t predicts token t + 1
    is_target = labels != IGNORED
    head = model.get_output_embeddings()
    if _scores_are_final(model, head):
        with _head_sees(head, is_target, 1) as states:  # (target tokens, hidden)
            model(input_ids=ids, attention_mask=mask, use_cache=False)
        score = head
    else:
        with _head_sees(head, is_target):
            states = [model(input_ids=ids, attention_mask=mask, use_cache=False).logits]
        score = nn.Identity()
    parts = zip(states[0].split(SCORED_TOGETHER), labels[is_target].split(SCORED_TOGETHER), strict=True)
    losses = torch.cat([checkpoint(_token_losses, score, *part, use_reentrant=False) for part in parts])
    sums = torch.zeros(len(rows), device=losses.device).index_add(0, is_target.nonzero()[:, 0], losses)
    return sums / is_target.sum(dim=1)


def _token_losses(score: nn.Module, states: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(score(states).float(), tokens, reduction="none")


@contextlib.contextmanager
def _head_sees(head: nn.Module, positions: torch.Tensor, most: int | None = None) -> Iterator[list[torch.Tensor]]:
    """Let a model's head see only the hidden states at `positions`, a mask (rows, width), and the first `most` of them.

    The list holds all of those states after the forward pass.
    """
    states: list[torch.Tensor] = []

    def choose(head: nn.Module, inputs: tuple) -> tuple:
        states.append(inputs[0][positions])
        return (states[-1][:most],)

    hook = head.register_forward_pre_hook(choose)
    try:
        yield states
    finally:
        hook.remove()


@torch.no_grad()
def _scores_are_final(model: PreTrainedModel, head: nn.Module) -> bool:
    """Whether a model's scores are what its head gives, neither scaled nor limited by its forward pass.

    Tested by letting the head return known numbers: what the model makes of these it makes of scores.
    """
    if head not in _final_heads:
        trial: list[torch.Tensor] = []

        def known_scores(head: nn.Module, inputs: tuple, scores: torch.Tensor) -> torch.Tensor:
            trial.append(torch.linspace(-HIGHEST_SCORE, HIGHEST_SCORE, scores.shape[-1]).to(scores).expand_as(scores))
            return trial[-1].clone()

        hook, in_training = head.register_forward_hook(known_scores), model.training
        model.eval()  # dropout would take random numbers, and a resumed run other ones than a whole run
        try:
            ids = torch.zeros((1, 1), dtype=torch.long, device=model.device)
            scores = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits
        finally:
            hook.remove()
            model.train(in_training)
        _final_heads[head] = torch.equal(scores.float(), trial[-1].float())
    return _final_heads[head]


@torch.inference_mode()
def mean_losses(model: PreTrainedModel, rows: Sequence[Row], pad_id: int) -> list[float]:
    """`code_loss` without gradients; exp of each is the row's perplexity."""
    return code_loss(model, rows, pad_id).tolist()
