"""Tiny random models of every causal family that `transformers` has, each from its own configuration class."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    LogitsProcessor,
    PreTrainedConfig,
    PreTrainedModel,
)

from utils.model.attention import use_grouped
from utils.model.families import way_of
from utils.model.generate import Decoding, Request
from utils.model.loss import mean_losses
from utils.model.noise import hashed_exponentials
from utils.model.sft_data import Row
from utils.model.static import Static
from utils.run.streams import stream

VOCABULARY = 97
TIE = 1e-3  # two scores nearer than this may change places by rounding
SMALL = {
    **dict.fromkeys(("vocab_size", "vocab_size_per_layer_input"), VOCABULARY),
    **dict.fromkeys(("hidden_size", "n_embd", "d_model", "emb_dim", "word_embed_proj_dim", "embedding_size"), 32),
    **dict.fromkeys(("intermediate_size", "n_inner", "ffn_dim", "dim_ff", "ffn_hidden_size", "lru_width"), 48),
    **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim", "moe_intermediate_size", "intermediate_size_mlp"), 48),
    **dict.fromkeys(("shared_expert_intermediate_size", "expert_ffn_hidden_size", "shared_intermediate_size"), 48),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "decoder_layers"), 4),
    **dict.fromkeys(
        ("num_attention_heads", "n_head", "n_heads", "decoder_attention_heads", "encoder_attention_heads"), 4
    ),
    **dict.fromkeys(("num_key_value_heads", "multi_query_group_num"), 2),
    **dict.fromkeys(("head_dim", "global_head_dim", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"), 8),
    **dict.fromkeys(("swa_head_dim", "swa_v_head_dim", "kv_channels", "rotary_dim", "attention_head_dim"), 8),
    **dict.fromkeys(("q_lora_rank", "kv_lora_rank", "hidden_size_per_layer_input", "o_lora_rank"), 16),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "moe_k", "moe_topk", "num_experts_per_token"), 2),
    **dict.fromkeys(("n_group", "topk_group"), 1),
    **dict.fromkeys(("mamba_n_heads", "mamba_num_heads", "n_mamba_heads", "linear_num_key_heads"), 4),
    **dict.fromkeys(("linear_num_value_heads", "index_n_heads"), 4),
    **dict.fromkeys(("linear_key_head_dim", "linear_value_head_dim", "index_head_dim", "mamba_d_head"), 16),
    **dict.fromkeys(("mamba_d_state", "ssm_state_size", "state_size", "mamba_head_dim", "mamba_d_ssm"), 16),
    **dict.fromkeys(("mamba_n_groups", "n_groups", "mamba_ngroups"), 1),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length"), 128),
    **dict.fromkeys(("sliding_window", "attention_window_size", "attention_chunk_size", "window_size"), 8),
    "index_topk": 12,
    "pad_token_id": 0,
    "bos_token_id": None,
    "eos_token_id": None,
    "is_decoder": True,
}


def causal_families() -> dict[str, type[PreTrainedConfig]]:
    """Configuration classes that have a causal language model, by model type."""
    configs = AutoModelForCausalLM._model_mapping.keys()  # not an ordinary dictionary
    return {config.model_type: config for config in configs}


# What a family needs beside that: one size must fit another, or some layers of every kind are wanted.
MLA = {"num_key_value_heads": 4}
SOME = {
    "axk1": MLA,
    "axk2": MLA,
    "bailing_hybrid": {
        **MLA,
        "layer_group_size": 2,
        "linear_head_dim": 16,
        "linear_num_heads": 4,
        "topk_group": 1,
        "num_expert_group": 1,
        "head_dim": 8,
    },
    "bamba": {"attn_layer_indices": [1, 3]},
    "cohere_compass_text": {"layer_types": ["sliding_attention", "full_attention"] * 2},
    "cwm": {"bos_token_id": 1},
    "deepseek_v2": MLA,
    "deepseek_v3": MLA,
    "deepseek_v32": MLA,
    "dots1": {"n_shared_experts": 1},
    "dots3_note_text": MLA,
    "falcon_h1": {"mamba_d_ssm": 64},
    "gemma3n_text": {
        "num_hidden_layers": 5,
        "num_kv_shared_layers": 0,
        "intermediate_size": [48] * 5,
        "layer_types": ["sliding_attention", "full_attention"] * 2 + ["sliding_attention"],
        "activation_sparsity_pattern": [0.0] * 5,
    },
    "glm4_moe_lite": MLA,
    "glm_moe_dsa": MLA,
    "gpt_neo": {"attention_types": [[["global", "local"], 2]]},
    "granitemoehybrid": {"layer_types": ["mamba", "attention"] * 2},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "mamba_dt_rank": 4},
    "kimi_linear": {
        **MLA,
        "layer_types": ["linear_attention", "full_attention"] * 2,
        "linear_head_dim": 16,
        "linear_num_heads": 4,
        "head_dim": 8,
    },
    "lfm2": {"layer_types": ["conv", "full_attention"] * 2},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"] * 2},
    "longcat_flash": {**MLA, "ffn_hidden_size": 48, "zero_expert_num": 2},
    "mamba2": {"num_heads": 4, "head_dim": 16},
    "minicpm3": MLA,
    "modernbert-decoder": {"bos_token_id": 1, "cls_token_id": 1, "sep_token_id": 1},
    "roc_bert": {"enable_pronunciation": False, "enable_shape": False},
    "xlstm": {"num_heads": 2, "embedding_dim": 32},
    "youtu": MLA,
    "zamba": {
        "attn_layer_period": 2,
        "attn_layer_offset": 1,
        "attention_hidden_size": 64,
        "attention_head_dim": 16,
        "mamba_dt_rank": 4,
        "num_key_value_heads": 4,
        "n_mamba_heads": 2,
    },
    "zamba2": {
        "layers_block_type": ["mamba", "hybrid"] * 2,
        "n_mamba_heads": 4,
        "mamba_headdim": 16,
        "attention_hidden_size": 64,
        "attention_head_dim": 16,
        "num_key_value_heads": 4,
        "num_query_groups": 4,
        "kv_channels": 8,
    },
    "zaya": {"num_experts_per_tok": 1},
    "qwen4_exp_text": {
        "indexer_n_heads": 4,
        "indexer_kv_heads": 2,
        "indexer_head_dim": 8,
        "indexer_budget": 8,
        "indexer_compress_ratio": 2,
        "hc_lowrank": 8,
        "ple_embed_dim": 16,
        "ngram_vocab_size_base": 100,
        "split_ngram_parts": 4,
    },
}


def tiny_family_config(config_class: type[PreTrainedConfig], **changes) -> PreTrainedConfig:
    """A small configuration: the class's own defaults, with the attributes shrunk that it has."""
    usual = config_class()
    names = usual.to_dict()
    parts = {
        name: tiny_family_config(type(getattr(usual, name))) for name in config_class.sub_configs if names.get(name)
    }
    sizes = {name: size for name, size in SMALL.items() if name in names and _settable(config_class, name)}
    return config_class(**{**sizes, **parts, **SOME.get(config_class.model_type, {}), **changes})


def _settable(config_class: type, name: str) -> bool:
    found = getattr(config_class, name, None)
    return not isinstance(found, property) or found.fset is not None


def tiny_family(config: PreTrainedConfig) -> PreTrainedModel:
    """A random model whose scores are far apart, so that rounding decides no token."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=1.5 * parameter.shape[-1] ** -0.5)
    return model


def steep_model(vocabulary: int, dtype: torch.dtype) -> tuple[LlamaForCausalLM, LlamaForCausalLM]:
    """A random model whose distributions are as steep as a trained one's, and the same weights in fp32."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=vocabulary, bos_token_id=None, eos_token_id=None, **sizes)
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        model.model.embed_tokens.weight.normal_()
        model.lm_head.weight.normal_(std=5 / 32**0.5)  # scores with a standard deviation of 5
    model = model.to(dtype)
    return model, copy.deepcopy(model).float()


class NoText:
    """A tokenizer policy for a model whose tokens spell nothing."""

    tokenizer = SimpleNamespace(bos_token_id=None)
    eos_id, pad_id = None, 0

    def decode(self, ids):
        return ""

    def decode_many(self, rows):
        return [""] * len(rows)


class Draws(LogitsProcessor):
    """The Gumbel-max rule by its definition, for one row; remembers how far the best token was ahead."""

    def __init__(self, key: tuple, temperature: float):
        self.seed, self.temperature, self.leads = int(stream(*key).integers(2**62)), temperature, []

    def __call__(self, input_ids, scores):
        """Scores whose best is the draw."""
        if self.temperature:
            seed = torch.tensor([self.seed + len(self.leads)])
            noise = hashed_exponentials(seed, torch.arange(scores.shape[1])[None])
            scores = scores / self.temperature - noise.log()
        first, second = scores[0].topk(2).values.tolist()
        self.leads.append(first - second)
        return scores


@torch.no_grad()
def wrong_tokens(model: PreTrainedModel, requests: list[Request], decoding: Decoding, rows: int) -> tuple[int, int]:
    """Tokens that differ from `generate` on each prompt alone, and all tokens; after a tie a row is not compared."""
    completions = dict(Static(model, NoText(), rows).run(requests, decoding))
    wrong = total = 0
    for position, request in enumerate(requests):
        draws = Draws(request.key, decoding.temperature)
        alone = model.generate(
            input_ids=torch.tensor([request.prompt]),
            do_sample=False,
            max_new_tokens=decoding.max_new_tokens,
            logits_processor=[draws],
        )[0, len(request.prompt) :].tolist()
        ids = completions[position].ids
        assert len(ids) == len(alone)
        same = next((i for i, (a, b) in enumerate(zip(alone, ids, strict=True)) if a != b), len(ids))
        tied = same < len(ids) and draws.leads[same] < TIE
        total += same if tied else len(ids)
        wrong += 0 if tied else len(ids) - same
    return wrong, total


@torch.no_grad()
def loss_error(model: PreTrainedModel, rows: list[Row]) -> float:
    """The largest difference of `mean_losses` from a plain forward pass, rows together where the model takes that."""
    plain = []
    for row in rows:
        scores = model(input_ids=torch.tensor([row.ids]), use_cache=False).logits[0, row.prompt_length - 1 : -1]
        plain.append(F.cross_entropy(scores, torch.tensor(row.ids[row.prompt_length :])).item())
    together = way_of(model.config).takes(max(len(row.ids) for row in rows))
    batches = [rows] if together else [[row] for row in rows]
    losses = [loss for batch in batches for loss in mean_losses(model, batch, 0)]
    return max(abs(a - b) for a, b in zip(plain, losses, strict=True))


@torch.no_grad()
def looks_ahead(model: PreTrainedModel) -> bool:
    """Whether the scores after some tokens depend on what follows these."""
    ids = torch.arange(3, 33)[None]
    whole, part = (model(input_ids=given, use_cache=False).logits[0, :20] for given in (ids, ids[:, :20]))
    return bool((whole - part).abs().max() > TIE)


def prompts(*lengths: int) -> list[list[int]]:
    """Random prompts of these lengths."""
    generator = torch.Generator().manual_seed(1)
    return [torch.randint(3, VOCABULARY, (length,), generator=generator).tolist() for length in lengths]


def measure(model: PreTrainedModel, lengths: tuple[int, ...], tokens: int, samples: int, rows: int) -> dict:
    """Wrong tokens of greedy and of sampled completions, all tokens, and the error of losses."""
    if way_of(model.config).padded_up_to != 0:
        use_grouped(model)
    given = prompts(*lengths)
    greedy = [Request(prompt, ("greedy", i)) for i, prompt in enumerate(given)]
    sampled = [Request(prompt, ("sampled", i, s)) for i, prompt in enumerate(given) for s in range(samples)]
    counts = [
        wrong_tokens(model, greedy, Decoding((), tokens), rows),
        wrong_tokens(model, sampled, Decoding((), tokens, 1.0), rows),
    ]
    error = loss_error(model, [Row(prompt, len(prompt) // 2) for prompt in given])
    return {"wrong": sum(wrong for wrong, _ in counts), "tokens": sum(total for _, total in counts), "loss": error}
