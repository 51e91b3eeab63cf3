"""The key-value cache of the static engine: layers with spare room, and the memory that a row takes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from transformers import DynamicCache, PreTrainedConfig
from transformers.cache_utils import DynamicLayer

from utils.model.attention import GROUPED

SPARE_TOKENS = 64  # room for tokens to come


class RoomyLayer(DynamicLayer):
    """A layer of the cache with room for tokens to come, so that a step writes its columns and copies no others.

    `keys` and `values` are (rows, heads, room, size), zeros behind the `filled` columns. With `whole`, attention gets
    all of the room, contiguous and behind a mask; otherwise a view of the filled columns.
    """

    def __init__(self, whole: bool):
        super().__init__()
        self.whole, self.filled = whole, 0

    def get_seq_length(self) -> int:
        """How many columns are filled."""
        return self.filled

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Width of what `update` returns for `query_length` new tokens, and its first position."""
        width = self.filled + query_length
        return (self._room_for(width) if self.whole and self.is_initialized else width), 0

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args, **kwargs):
        """Append the states of new tokens, (rows, heads, tokens, size); returns all keys and values."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self.store(key_states, value_states)
            return key_states, value_states
        start, self.filled = self.filled, self.filled + key_states.shape[-2]
        missing = self._room_for(self.filled) - self.keys.shape[-2]
        if missing:
            self.keys, self.values = (F.pad(old, (0, 0, 0, missing)) for old in (self.keys, self.values))
        for room, states in ((self.keys, key_states), (self.values, value_states)):
            room[:, :, start : self.filled] = states
        return (self.keys, self.values) if self.whole else self.states()

    def _room_for(self, width: int) -> int:
        room = self.keys.shape[-2]
        return room if width <= room else width + SPARE_TOKENS

    def states(self, start: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        """Views of the filled columns from `start` on."""
        return self.keys[:, :, start : self.filled], self.values[:, :, start : self.filled]

    def store(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Replace all states by these, with room behind them."""
        self.keys, self.values = (F.pad(states, (0, 0, 0, SPARE_TOKENS)) for states in (keys, values))
        self.filled = keys.shape[-2]

    def reorder_cache(self, indices: torch.Tensor) -> None:
        """Keep these rows, in this order; a row may come more than once."""
        if self.is_initialized:
            self.keys, self.values = self.keys[indices], self.values[indices]


def new_cache(config: PreTrainedConfig) -> DynamicCache:
    """An empty cache; layers that see only a window, or keep a state, stay the library's own."""
    cache, whole = DynamicCache(config=config), config._attn_implementation == GROUPED
    cache.layers = [RoomyLayer(whole) if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


def select_rows(cache: DynamicCache, indices: torch.Tensor) -> None:
    """Keep these rows of a cache. Layers that keep states have no `batch_select_indices`, but all can be reordered."""
    for layer in cache.layers:
        layer.reorder_cache(indices)


def bytes_of_row(config: PreTrainedConfig, length: int, size: int) -> int:
    """Bytes that a row of `length` tokens takes while it is decoded, at `size` bytes for each value."""
    config, total = config.get_text_config(), 0
    for layer in config.per_layer_config:
        heads = getattr(layer, "num_attention_heads", None) or 1  # a model of states has one as wide as all
        head = getattr(layer, "head_dim", None) or layer.hidden_size // heads
        groups = getattr(layer, "num_key_value_heads", None) or heads
        total += 2 * groups * head * size * length
    return total + 12 * config.vocab_size  # scores, their processed copy and the noise, in fp32
