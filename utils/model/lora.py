"""LoRA through `peft`: small matrices are trained next to a model's frozen ones, and written alone and merged.

The layers of the model itself are replaced, so what trains it or decodes with it sees an ordinary model; the `peft`
object only knows which weights are the adapter's. Faults show on a model without values, before any weights are read.
"""

from __future__ import annotations

import contextlib
import importlib.util
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import safe_open
from transformers import PreTrainedConfig, PreTrainedModel

from utils.args import TrainingOptions
from utils.lora_flags import ALL_LINEAR
from utils.model.families import empty_model
from utils.model.load import read_weights
from utils.model.tokens import TokenizerPolicy
from utils.model.train import save_model
from utils.run import files, paths
from utils.run.dist import Ranks
from utils.run.files import InputError

if TYPE_CHECKING:
    from peft import LoraConfig, PeftModel

ADAPTER_WEIGHTS, ADAPTER_CONFIG = "adapter_model.safetensors", "adapter_config.json"


def check_lora(options: TrainingOptions, config: PreTrainedConfig, revision: str) -> None:
    """InputError where a package is missing, targets match nothing, or an adapter is not one of this model.

    `revision` tells versions of the model apart (utils/model/load.py).
    """
    if not options.lora_rank and options.adapter is None:
        return
    flag = "--lora_rank" if options.lora_rank else "--adapter"
    _need(flag, "peft")
    if options.lora_4bit:
        _check_whole(options.model_name_or_path, config)
        _need("--lora_4bit", "bitsandbytes")
    model = empty_model(config, options.trust_remote_code)
    if options.lora_rank:
        _check_targets(model, options.lora_targets)
        try:
            add_lora(model, options, revision, empty=True)
        except ValueError as error:
            raise InputError(f"--lora_targets {' '.join(options.lora_targets)}: {_first_line(error)}") from None
    else:
        _check_adapter(model, Path(options.adapter), options.model_name_or_path, revision)


def add_lora(model: PreTrainedModel, options: TrainingOptions, revision: str, empty: bool = False) -> PeftModel:
    """Freeze a model and put LoRA layers into it, the same ones for the same seed; `empty` ones have no values.

    Their configuration names the model and its `revision`, not the folder that it was read from.
    """
    import peft

    targets = options.lora_targets
    config = peft.LoraConfig(
        r=options.lora_rank,
        lora_alpha=options.lora_scale,
        lora_dropout=options.lora_dropout,
        target_modules=ALL_LINEAR if targets == [ALL_LINEAR] else targets,
        task_type="CAUSAL_LM",
    )
    torch.manual_seed(options.seed)  # of the initial values, and of dropout
    lora = _wrapped(model, config, empty)
    config.base_model_name_or_path, config.revision = paths.model_name(options.model_name_or_path), revision
    config.target_modules = sorted(config.target_modules)  # the same file for the same run
    return lora


def load_adapter(model: PreTrainedModel, folder: str | Path) -> PeftModel:
    """Put a trained adapter into a model; it stays apart from the model's own weights."""
    import peft

    with _quiet():
        return peft.PeftModel.from_pretrained(model, str(folder), autocast_adapter_dtype=False).eval()


def with_lora(model: PreTrainedModel, options: TrainingOptions, revision: str, ranks: Ranks) -> PeftModel | None:
    """The LoRA layers that the options put into a model, new or already trained; None where they want none."""
    if options.adapter is not None:
        return load_adapter(model, options.adapter)
    if not options.lora_rank:
        return None
    lora = add_lora(model, options, revision)
    trained, total = trainable_share(model)
    ranks.log(f"LoRA: {trained:,} of {total:,} parameters are trained ({trained / total:.2%})")
    return lora


def save_merged(
    lora: PeftModel, options: TrainingOptions, policy: TokenizerPolicy, folder: str | Path, card: str
) -> None:
    """Write a plain model folder with the LoRA layers merged into the weights, and the layers alone in its `adapter`.

    Weights are read anew: packed in 4 bits, as they may have been in training, they would lose what is added.
    """
    with tempfile.TemporaryDirectory() as temporary:
        adapter = Path(temporary) / "adapter"
        lora.save_pretrained(adapter)
        (adapter / "README.md").unlink(missing_ok=True)  # a form to be filled in; the model's own says more
        more = {"revision": options.revision, "trust_remote_code": options.trust_remote_code}
        weights = read_weights(options.model_name_or_path, options.dtype, **more)
        save_model(load_adapter(weights, adapter).merge_and_unload(), policy, folder, card, adapter)


def adapter_digest(folder: str) -> str:
    """What tells one adapter from another, for result files."""
    return files.sha256(Path(folder) / ADAPTER_WEIGHTS)


def trainable_share(model: torch.nn.Module) -> tuple[int, int]:
    """How many parameters are trained, and how many there are; a weight packed in 4 bits counts as two."""
    parts = list(model.parameters())
    sizes = [part.numel() * (2 if part.dtype == torch.uint8 else 1) for part in parts]
    return sum(size for part, size in zip(parts, sizes, strict=True) if part.requires_grad), sum(sizes)


def _wrapped(model: PreTrainedModel, config: LoraConfig, empty: bool) -> PeftModel:
    import peft

    with _quiet(), torch.device("meta" if empty else model.device):
        return peft.get_peft_model(model, config, autocast_adapter_dtype=False, low_cpu_mem_usage=empty)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings of `peft` about the library's next version, and models without a name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _need(flag: str, package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise InputError(f"{flag}: needs the package {package}; install it with: pip install {package}")


def _check_whole(model_name_or_path: str, config: PreTrainedConfig) -> None:
    """InputError where a model's weights are packed in its files, since the merged model needs whole ones."""
    if model_name_or_path.endswith(".gguf") or getattr(config, "quantization_config", None) is not None:
        raise InputError(
            f"--lora_4bit: the weights of {model_name_or_path} are packed already; give the model with whole weights, "
            "or leave the flag out"
        )


def _check_targets(model: PreTrainedModel, targets: list[str]) -> None:
    """InputError where a name matches no module."""
    names = {name for name, _ in model.named_modules()}
    for target in targets:
        if target != ALL_LINEAR and not any(name == target or name.endswith(f".{target}") for name in names):
            kinds = (torch.nn.Linear, *_convolutions())
            known = sorted({n.rpartition(".")[2] for n, part in model.named_modules() if isinstance(part, kinds)})
            raise InputError(
                f"--lora_targets {target}: no module of the model has this name; give {ALL_LINEAR}, or some of "
                + " ".join(known)
            )


def _convolutions() -> tuple[type, ...]:
    from transformers.pytorch_utils import Conv1D  # GPT-2's linear layers

    return (Conv1D,)


def _check_adapter(model: PreTrainedModel, folder: Path, model_name_or_path: str, revision: str) -> None:
    """InputError where a folder holds no LoRA adapter, or one of another model."""
    import peft

    flag, model_name = f"--adapter {folder}", Path(paths.model_name(model_name_or_path)).name
    config, shapes = _read_adapter(folder)
    base = Path(paths.model_name(config.base_model_name_or_path or model_name)).name
    if base != model_name:
        raise InputError(
            f"{flag}: an adapter of {base}, not of {model_name}; give its base model as --model_name_or_path, or "
            f"correct base_model_name_or_path in its {ADAPTER_CONFIG} where that is the same model"
        )
    # The hub's commits and the fingerprints of local files have different lengths, and say nothing about each other.
    if config.revision and len(config.revision) == len(revision) and config.revision != revision:
        raise InputError(
            f"{flag}: an adapter of {base} at revision {config.revision}, not {revision}; give the base model that it "
            "was trained beside"
        )
    try:
        wanted = peft.get_peft_model_state_dict(_wrapped(model, config, empty=True), save_embedding_layers=False)
    except ValueError as error:
        raise InputError(f"{flag}: does not fit {model_name} ({_first_line(error)}); give its own base model") from None
    expected = {name: tuple(part.shape) for name, part in wanted.items()}
    for name in sorted(expected.keys() | shapes.keys()):
        if expected.get(name) != shapes.get(name):
            raise InputError(
                f"{flag}: does not fit {model_name}: {name} is {shapes.get(name)}, and should be {expected.get(name)}; "
                "give its own base model as --model_name_or_path"
            )


def _read_adapter(folder: Path) -> tuple[LoraConfig, dict[str, tuple[int, ...]]]:
    """Configuration of a LoRA adapter, and the shapes of its weights by name; InputError where there is none."""
    import peft

    for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS):
        if not (folder / name).is_file():
            raise InputError(f"--adapter {folder}: has no {name}; give the adapter/ folder below a --ckpt_path")
    try:
        config = peft.PeftConfig.from_pretrained(str(folder))
        if config.peft_type != peft.PeftType.LORA:
            raise ValueError(f"its type is {config.peft_type.value}, not LORA")
        with safe_open(folder / ADAPTER_WEIGHTS, "pt") as file:
            return config, {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except Exception as error:  # a broken file fails in many ways
        reason = _first_line(error)
        raise InputError(f"--adapter {folder}: cannot be read ({reason}); give the folder of a LoRA adapter") from None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
