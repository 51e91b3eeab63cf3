"""Loading a causal language model and its tokenizer: hub id, local folder or GGUF file.

Checks come first and are cheap (`check_model` reads the configuration and the tokenizer); weights come last.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from pathlib import Path

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
)
from transformers.utils import logging

from utils.args import CommonOptions
from utils.model.attention import use_grouped
from utils.model.chat import ChatFormat
from utils.model.families import check_family, way_of
from utils.model.tokens import TokenizerPolicy
from utils.run.files import InputError
from utils.run.paths import DEFAULT_MODEL

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


def source_of(name_or_path: str) -> tuple[str, dict]:
    """The first argument of `from_pretrained` and what else it needs; InputError where a local path holds no model."""
    path = Path(name_or_path).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise InputError(f"--model_name_or_path {name_or_path}: no such GGUF file")
        return str(path.parent), {"gguf_file": path.name}
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise InputError(
                f"--model_name_or_path {name_or_path}: the folder has no config.json, so it holds no model"
            )
        return str(path), {}
    if not re.fullmatch(r"[\w][\w.-]*(/[\w][\w.-]*)?", name_or_path) or path.parts[:1] == ("data",):
        default = "; make the default model with: python scripts/prepare_model.py" if path == DEFAULT_MODEL else ""
        raise InputError(f"--model_name_or_path {name_or_path}: no such folder, and not a hub id{default}")
    return name_or_path, {}


def check_model(name_or_path: str, revision: str | None, trust_remote_code: bool, chat: bool = False):
    """Configuration and tokenizer of a model, before any weights; with `chat`, prompts are in its chat template.

    InputError where there is no such model, it does not predict text, or its tokenizer loses text or has no template
    that serves.
    """
    source, extra = source_of(name_or_path)
    options = {"revision": revision, "trust_remote_code": trust_remote_code, **extra}
    try:
        config = AutoConfig.from_pretrained(source, **options)
        tokenizer = AutoTokenizer.from_pretrained(source, **options)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(f"--model_name_or_path {name_or_path}: cannot be loaded ({reason})") from None
    check_family(name_or_path, config, trust_remote_code)
    policy = TokenizerPolicy(tokenizer)
    policy.check_round_trip(name_or_path)
    return config, TokenizerPolicy(tokenizer, ChatFormat(tokenizer, name_or_path)) if chat else policy


def positions(config) -> int | None:
    """How many positions a model has, as its configuration says."""
    return getattr(config.get_text_config(), "max_position_embeddings", None)


def check_length(config, max_length: int) -> None:
    """InputError where rows of `--max_length` tokens are longer than the model can read."""
    most = positions(config)
    if most is not None and max_length > most:
        raise InputError(f"--max_length {max_length}: the model has {most} positions; give at most {most}")


def revision(name_or_path: str, config) -> str:
    """What tells two versions of a model apart: the hub's commit, or a fingerprint of a local model's weight files.

    The fingerprint reads sizes and both ends of every file, so it costs nothing for large models.
    """
    commit = getattr(config, "_commit_hash", None)
    path = Path(name_or_path).expanduser()
    if not path.exists():
        return commit or "unknown"
    files = (
        [path] if path.is_file() else sorted(f for f in path.iterdir() if f.suffix in (".safetensors", ".bin", ".gguf"))
    )
    digest = hashlib.sha256()
    for file in files:
        size = file.stat().st_size
        with file.open("rb") as stream:
            digest.update(f"{size} ".encode() + stream.read(1 << 20))
            stream.seek(max(0, size - (1 << 20)))
            digest.update(stream.read())
    return digest.hexdigest()[:16]


def load_model(options: CommonOptions, device: torch.device) -> PreTrainedModel:
    """The model's weights on `device`, in evaluation mode; tells where another dtype would be far faster."""
    first_rank = int(os.environ.get("RANK", 0)) == 0
    bf16_is_slow = device.type == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported()
    if bf16_is_slow and options.dtype == "bf16" and first_rank:
        print("note: this CPU has no instructions for bf16; --dtype fp32 is many times faster here", file=sys.stderr)
    kernel = None if options.attn_implementation == "auto" else options.attn_implementation
    more = {"revision": options.revision, "trust_remote_code": options.trust_remote_code, **_packed(options, device)}
    try:
        model = read_weights(options.model_name_or_path, options.dtype, attn_implementation=kernel, **more)
    except (ImportError, ValueError) as error:  # of a kernel, before any weights are read
        if kernel is None:
            raise
        reason = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        raise InputError(f"--attn_implementation {kernel}: {reason}; auto works everywhere") from None
    if first_rank and (unused := sampling_settings(model)):
        print(f"note: the checkpoint's own sampling settings are not used: {unused}", file=sys.stderr)
    if device.type == "cpu" and options.attn_implementation == "auto" and way_of(model.config).padded_up_to != 0:
        use_grouped(model)
    _keep_packing(model)
    return model.to(device).eval()


SAMPLING = (
    *("do_sample", "temperature", "top_k", "top_p", "min_p", "typical_p"),
    *("repetition_penalty", "no_repeat_ngram_size", "num_beams"),
)


def sampling_settings(model: PreTrainedModel) -> str:
    """The sampling settings that a checkpoint brings along: `repetition_penalty 1.1, top_k 1`."""
    settings = model.generation_config.to_diff_dict()
    return ", ".join(f"{name} {settings[name]}" for name in SAMPLING if name in settings)


def read_weights(name_or_path: str, dtype: str = "bf16", **options) -> PreTrainedModel:
    """The weights of a hub model, a local folder or a GGUF file, on the CPU."""
    source, extra = source_of(name_or_path)
    if "gguf_file" in extra:
        extra |= _dense_weights()
    logging.disable_progress_bar()  # of tensors and shards; the stages show their own
    model = AutoModelForCausalLM.from_pretrained(source, dtype=DTYPES[dtype], **options, **extra)
    if "gguf_file" in extra:
        _forget_quantization(model)
    return model


def _packed(options: CommonOptions, device: torch.device) -> dict:
    """Options that pack weights in 4 bits while they are read, with `--lora_4bit` (QLoRA's format); else none."""
    if not getattr(options, "lora_4bit", False):
        return {}
    kinds = {"bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}
    packing = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_compute_dtype=DTYPES[options.dtype], **kinds)
    return {"quantization_config": packing, "device_map": {"": device}}


def _keep_packing(model: PreTrainedModel) -> None:
    """Keep packed weights as they were read.

    On a CPU with instructions for bf16, the first evaluation would pack them anew, for kernels without a backward pass.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):  # bitsandbytes' linear layer
            module.support_avx512bf16_for_cpu = False


def _dense_weights() -> dict:
    """Unpack a GGUF file's weights: packed ones cannot be trained. Older versions of the library always unpack."""
    try:
        from transformers import GgufConfig
    except ImportError:
        return {}
    return {"quantization_config": GgufConfig(dequantize=True)}


def _forget_quantization(model: PreTrainedModel) -> None:
    """Make a model that came out of a GGUF file an ordinary one, which can be trained and saved."""
    model.hf_quantizer = None
    model.is_quantized = False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config


def stop_ids(model: PreTrainedModel, policy: TokenizerPolicy) -> list[int]:
    """Ids that end a row: those of the model's generation settings and the tokenizer's EOS."""
    eos_ids = model.generation_config.eos_token_id
    eos_ids = eos_ids if isinstance(eos_ids, list) else [eos_ids]
    return sorted({i for i in (*eos_ids, policy.eos_id) if i is not None})
