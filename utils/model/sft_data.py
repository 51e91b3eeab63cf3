"""Rows of (prompt, target) as token ids, prompt and target tokenised apart and joined as ids.

Tokenised together, a tokenizer may merge the newline at the target's start into the prompt's end, and the boundary
between what is given and what is learnt would move.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from utils.model.tokens import TokenizerPolicy

IGNORED = -100


@dataclass(frozen=True)
class Row:
    """Token ids of prompt and target; the first `prompt_length` of them are given, the others are scored or learnt."""

    ids: list[int]
    prompt_length: int


def make_row(policy: TokenizerPolicy, prompt: str, target: str, max_length: int, end: bool) -> Row | None:
    """A row, closed by what ends a target if `end` is set; None where it exceeds `max_length` or has no target.

    A row is never cut: trained on without its end, a model would learn not to stop.
    """
    prompt_ids = policy.encode_prompt(prompt)
    target_ids = policy.encode(target)
    if not target_ids or not prompt_ids:
        return None
    target_ids += policy.encode_end(prompt) if end else []
    if len(prompt_ids) + len(target_ids) > max_length:
        return None
    return Row(prompt_ids + target_ids, len(prompt_ids))


def batches_by_length(lengths: Sequence[int], tokens: int, most_rows: int = 0) -> list[list[int]]:
    """Group rows of like length: at most `tokens` tokens, padding included, and `most_rows` rows (0: no limit).

    Returns positions in `lengths`. A row longer than the budget is a batch of its own. The grouping depends on the rows
    alone, so runs with any number of ranks compute the same batches.
    """
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        longest = lengths[batches[-1][0]] if batches else 0
        if not batches or len(batches[-1]) == most_rows or longest * (len(batches[-1]) + 1) > tokens:
            batches.append([])
        batches[-1].append(index)
    return batches


def collate(rows: Sequence[Row], pad_id: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, attention mask and labels, each (rows, longest row); right-padded, so positions count from 0."""
    width = max(len(row.ids) for row in rows)
    ids = torch.full((len(rows), width), pad_id)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    labels = torch.full((len(rows), width), IGNORED)
    for i, row in enumerate(rows):
        length = len(row.ids)
        ids[i, :length] = torch.tensor(row.ids)
        mask[i, :length] = 1
        labels[i, row.prompt_length : length] = ids[i, row.prompt_length : length]
    return ids, mask, labels
