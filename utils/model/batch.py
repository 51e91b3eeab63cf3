"""Completions that the static engine decodes together, and how they join and leave."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from transformers import DynamicCache

from utils.model.cache import RoomyLayer, select_rows


@dataclass
class Draft:
    """A completion that is being decoded."""

    index: int  # position of its request
    prompt: list[int]
    seed: int  # of its first draw; every later token adds 1
    limit: int  # most tokens that it may have
    tokens: list[int] = field(default_factory=list)
    done: bool = False


@dataclass
class Batch:
    """One row for each draft: ids and mask, both (rows, width), and the cache of all ids but the last.

    `cache` is None where the model keeps one of its own kind, and then no row joins or leaves.
    """

    drafts: list[Draft]
    ids: torch.Tensor
    mask: torch.Tensor
    cache: DynamicCache | None

    def __len__(self) -> int:
        return len(self.drafts)

    @property
    def can_grow(self) -> bool:
        """Whether rows can join: every layer keeps all positions, so a shorter row is one with more padding."""
        return all(isinstance(layer, RoomyLayer) for layer in self.cache.layers)

    def append(self, tokens: torch.Tensor) -> None:
        """Add a token, (rows,), to every row; a draft that is done does not get it."""
        self.ids = torch.cat([self.ids, tokens[:, None]], dim=1)
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(tokens), 1)], dim=1)
        for draft, token in zip(self.drafts, tokens.tolist(), strict=True):
            if not draft.done:
                draft.tokens.append(token)

    @torch.inference_mode()
    def drop_done(self) -> list[Draft]:
        """Remove the drafts that are done, and columns that are padding in all others; returns those drafts."""
        done = [draft for draft in self.drafts if draft.done]
        active = [row for row, draft in enumerate(self.drafts) if not draft.done]
        if not active:
            self.drafts = []
        if not done or not active:
            return done
        rows = torch.tensor(active, device=self.ids.device)
        select_rows(self.cache, rows)
        ids, mask = self.ids[rows], self.mask[rows]
        padding = int(mask.any(dim=0).int().argmax()) if self.can_grow else 0
        for layer in self.cache.layers if padding else ():
            layer.store(*layer.states(padding))
        self.ids, self.mask = ids[:, padding:], mask[:, padding:]
        self.drafts = [self.drafts[row] for row in active]  # last: where memory runs out above, none is lost
        return done

    @torch.inference_mode()
    def join(self, other: Batch) -> None:
        """Add the rows of another batch after these, the narrower ones padded on the left."""
        width = max(self.ids.shape[1], other.ids.shape[1])

        def joined(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
            # Ids and masks are (rows, width), keys and values (rows, heads, width - 1, size).
            full, tail = (width, ()) if first.dim() == 2 else (width - 1, (0, 0))
            parts = (F.pad(part, (*tail, full - part.shape[-1 - len(tail) // 2], 0)) for part in (first, second))
            return torch.cat([*parts])

        for layer, added in zip(self.cache.layers, other.cache.layers, strict=True):
            layer.store(*map(joined, layer.states(), added.states()))
        self.ids, self.mask = joined(self.ids, other.ids), joined(self.mask, other.mask)
        self.drafts = [*self.drafts, *other.drafts]
