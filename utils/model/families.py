"""What a model's class, cache and configuration say about how it can be run, before any weights are loaded.

Most families are exact in padded batches. Some are exact only where all rows of a batch have one length: rotary
embeddings that depend on the longest row, sparse attention that ranks padding too, states that padding runs through,
positions counted from the padding. Some are no causal language models of text at all, and are refused.
"""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass

import torch
from transformers import AutoModelForCausalLM, DynamicCache, PreTrainedConfig, PreTrainedModel

from utils.run.files import InputError

# Layers of the library's caches whose rows can be padded, by name: not every version has all of them.
ATTENTION_LAYERS = {"DynamicLayer", "DynamicSlidingWindowLayer", "DummyLayer"}
STATE_LAYERS = {
    "LinearAttentionLayer",
    "LinearAttentionAndFullAttentionLayer",
    "LinearAttentionAndSlidingWindowAttentionLayer",
}


@dataclass(frozen=True)
class Way:
    """How a model is run. Rows longer than `padded_up_to` tokens (0: all rows, None: no rows) share a batch only with
    rows of the same length; `reason` says why, "" where all rows go together. `state`: a layer keeps more than keys.
    """

    padded_up_to: int | None = None
    reason: str = ""
    state: bool = False

    def takes(self, length: int) -> bool:
        """Whether rows of up to `length` tokens can be padded to one length."""
        return self.padded_up_to is None or length <= self.padded_up_to


def way_of(config: PreTrainedConfig) -> Way:
    """How a model of this configuration is run."""
    model_class = causal_class(config)
    if model_class is None:
        return Way(0, "its code is not the library's")
    layers = {type(layer).__name__ for layer in DynamicCache(config=config).layers}
    state = bool(layers & STATE_LAYERS) or model_class._is_stateful
    parts = vars(sys.modules[model_class.__module__])
    brings_cache = any(isinstance(part, type) and part is not DynamicCache and issubclass(part, DynamicCache)
                       for part in parts.values())  # fmt: skip
    if brings_cache or layers - ATTENTION_LAYERS - STATE_LAYERS:
        return Way(0, "its cache is its own", state)
    parameters = inspect.signature(model_class.forward).parameters
    if not {"attention_mask", "position_ids", "past_key_values"} <= set(parameters):
        return Way(0, "it takes no positions of its rows", state)
    if state and "apply_mask_to_padding_states" not in parts:
        return Way(0, "padding runs through its states", state)
    if config.sub_configs and config.get_text_config() is config:
        return Way(0, "it reads more than text", state)
    padded_up_to = _stretched_from(config.get_text_config())
    return Way(padded_up_to, "its positions depend on the longest row" if padded_up_to is not None else "", state)


def _stretched_from(config: PreTrainedConfig) -> int | None:
    """Length in tokens from which LongRoPE changes the embeddings of all rows; None: never.

    Dynamic rotary embeddings change beyond `max_position_embeddings`, which no row reaches.
    """
    declared_rope = getattr(config, "rope_parameters", None) or {}
    kinds = [declared_rope, *(part for part in declared_rope.values() if isinstance(part, dict))]
    limits = [
        kind.get("original_max_position_embeddings") or config.max_position_embeddings
        for kind in kinds
        if kind.get("rope_type") == "longrope"
    ]
    return min(limits, default=None)


def causal_class(config: PreTrainedConfig) -> type[PreTrainedModel] | None:
    """The library's causal language model for a configuration; None where a model brings its own code."""
    return AutoModelForCausalLM._model_mapping.get(type(config), None)


def empty_model(config: PreTrainedConfig, trust_remote_code: bool = False) -> PreTrainedModel:
    """A model of a configuration whose parameters have shapes but no values."""
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)


def check_family(name: str, config: PreTrainedConfig, trust_remote_code: bool = False) -> None:
    """InputError where a model, called `name`, is no causal language model of text that can be built."""
    refusal = f"--model_name_or_path {name}: {config.model_type} is not supported: "
    if causal_class(config) is None:
        if trust_remote_code and "AutoModelForCausalLM" in getattr(config, "auto_map", {}):
            return
        raise InputError(refusal + "transformers has no causal language model for it; give a text-only checkpoint")
    parameters = inspect.signature(causal_class(config).forward).parameters
    if config.is_encoder_decoder:
        raise InputError(refusal + "it is an encoder and a decoder; give a decoder-only model")
    if "is_decoder" in config.to_dict() and "encoder_hidden_states" in parameters:
        raise InputError(refusal + "it is an encoder's architecture; give a decoder-only model")
    # CPM-Ant, which has prompt types, lets all tokens of its input see each other.
    if not getattr(config, "causal", True) or "perm_mask" in parameters or hasattr(config, "prompt_types"):
        raise InputError(refusal + "its attention looks ahead, so it predicts no next token; give a decoder-only model")
    if "attention_mask" not in parameters or not {"past_key_values", "cache_params"} & {*parameters}:
        raise InputError(refusal + "it takes no attention mask, or no cache of the library; give another model")
    try:
        empty_model(config)
        DynamicCache(config=config)
    except Exception as error:  # a class may need any package, or dislike any value
        reason = next(iter(str(error).strip().splitlines()), "")[:200] or type(error).__name__
        raise InputError(f"--model_name_or_path {name}: its model cannot be built ({reason})") from None


def check_engine(kind: str, config: PreTrainedConfig) -> None:
    """InputError where `--engine` with this kind would be wrong for a model."""
    if kind != "continuous":
        return
    way, model_class = way_of(config), causal_class(config)
    if way.reason or way.state or not model_class._supports_attention_backend:
        why = way.reason or ("it keeps states" if way.state else "its attention is its own")
        raise InputError(f"--engine continuous: not for {config.model_type} ({why}); --engine static works")


def note_on(config: PreTrainedConfig, longest: int) -> str:
    """A line for the log where rows of up to `longest` tokens do not all go together; else ""."""
    way = way_of(config)
    if way.takes(longest):
        return ""
    which = f"rows longer than {way.padded_up_to} tokens" if way.padded_up_to else "rows"
    return f"{config.model_type}: {which} run only beside others of the same length, which is slower: {way.reason}"
