"""Attention for decoding on a CPU, where a row has one query at a time.

PyTorch's kernel for a CPU is made for many queries; with one of them it gets a small part of the memory's bandwidth. As
two batched matrix products over whole, contiguous keys and values the same step takes less than half the time (measured
at 128 rows of 100 to 400 tokens). Anything but a single query behind a plain mask goes to the library's own attention.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

GROUPED = "grouped"


def use_grouped(model: PreTrainedModel) -> None:
    """Make a model whose default is PyTorch's attention decode with `grouped_attention`; others are left alone."""
    if model.config._attn_implementation == "sdpa" and model._supports_attention_backend:
        model.set_attn_implementation(GROUPED)


@contextlib.contextmanager
def librarys_own(model: PreTrainedModel) -> Iterator[None]:
    """Within the context, the attention that `transformers` would have chosen."""
    grouped = model.config._attn_implementation == GROUPED
    if grouped:
        model.set_attn_implementation("sdpa")
    try:
        yield
    finally:
        if grouped:
            model.set_attn_implementation(GROUPED)


def grouped_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **options,
) -> tuple[torch.Tensor, None]:
    """Attention as `transformers` calls it: `query` is (rows, heads, queries, size), `key` and `value` (rows, groups,
    width, size), the mask (rows, 1, queries, width), true where a query looks; returns (rows, queries, heads, size).

    Queries of the heads that share a key are the rows of one product. The softmax is taken in fp32.
    """
    rows, heads, queries, size = query.shape
    # A mask of numbers is added to the scores.
    is_additive = attention_mask is not None and attention_mask.dtype != torch.bool
    if queries > 1 or is_additive or options.get("position_bias") is not None or options.get("cache") is not None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **options)
    packed = query.reshape(rows, key.shape[1], -1, size)
    scores = (packed @ key.transpose(2, 3)).float().mul_(size**-0.5 if scaling is None else scaling)
    if attention_mask is not None:
        scores = scores.masked_fill(~attention_mask, float("-inf"))
    mixed = scores.softmax(dim=-1).to(value.dtype) @ value  # (rows, groups, heads of a group, size)
    return mixed.reshape(rows, 1, heads, value.shape[-1]), None


def grouped_mask(batch_size: int, q_length: int, *args, **options) -> torch.Tensor | None:
    """The library's mask; for a single query never left out, since keys may have room that is not filled yet."""
    options["allow_is_causal_skip"] = options.get("allow_is_causal_skip", True) and q_length > 1
    return sdpa_mask(batch_size, q_length, *args, **options)


AttentionInterface.register(GROUPED, grouped_attention)
AttentionMaskInterface.register(GROUPED, grouped_mask)
