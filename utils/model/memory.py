"""What fits on a GPU: training and sampling with a model, from its configuration alone.

    python -m utils.model.memory deepseek-ai/deepseek-coder-6.7b-base --gpus 1 --memory 24

Parameters and what a forward pass keeps for the backward pass are counted on tensors without values, so no weights are
read and none fetched. The rest follows from how DeepSpeed's ZeRO-2 keeps gradients and states; a long test compares all
of it with measured peaks.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig

from utils.args import TrainingOptions
from utils.model.cache import SPARE_TOKENS, bytes_of_row
from utils.model.families import check_family
from utils.model.load import DTYPES, source_of
from utils.model.lora import add_lora
from utils.model.loss import SCORED_TOGETHER
from utils.model.static import GPU_ROWS
from utils.model.train import RECOMPUTE_PARAMETERS, TRAIN_TOKENS
from utils.run import stop
from utils.run.files import InputError

GIB = 2**30
BUCKET = 2e8  # numbers of a gradient bucket of deepspeed_config.json
KEPT_FREE = 1.5 * GIB  # of a GPU: the driver's context, kernels, fragments
BYTES_IN_4BIT = 0.52  # of a packed weight, its scales included
LEAST_TOKENS = 256  # of a micro batch


@dataclass(frozen=True)
class Training:
    """A way to train: weights in `dtype`, LoRA layers of a rank or all weights, packed weights, states in bf16."""

    dtype: str = "bf16"
    lora_rank: int = 0
    packed: bool = False
    bf16_states: bool = False
    recompute: bool = False  # run layers again for the backward pass, instead of keeping what they made


@dataclass(frozen=True)
class Counted:
    """What a model without values tells: its sizes, and bytes that a forward pass of `tokens` tokens keeps."""

    parameters: int
    trained: int
    packable: int  # weights of linear layers but the head
    head: int
    layers: int
    vocabulary: int
    tokens: int
    kept: int
    kept_of_layer_inputs: int


def count(config: PreTrainedConfig, way: Training, rows: int, length: int) -> Counted:
    """Sizes of a model, and what a forward pass of `rows` rows keeps."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=DTYPES[way.dtype])
    parameters = sum(part.numel() for part in model.parameters())
    head = model.get_output_embeddings()
    linear = (part for part in model.modules() if isinstance(part, torch.nn.Linear) and part is not head)
    packable = sum(part.weight.numel() for part in linear)
    if way.lora_rank:
        needed = {"model_name_or_path": "model", "deepspeed_config": "", "output_dir": "m", "max_length": 1}
        add_lora(model, TrainingOptions(**needed, lora_rank=way.lora_rank), "none", empty=True)
    text = config.get_text_config()
    return Counted(
        parameters=parameters,
        trained=sum(part.numel() for part in model.parameters() if part.requires_grad),
        packable=packable,
        head=head.weight.numel() if head.weight.requires_grad else 0,
        layers=text.num_hidden_layers,
        vocabulary=text.vocab_size,
        tokens=rows * length,
        kept=_kept_bytes(model.base_model, rows, length),
        kept_of_layer_inputs=text.num_hidden_layers * rows * length * text.hidden_size * DTYPES[way.dtype].itemsize,
    )


def _kept_bytes(model: torch.nn.Module, rows: int, length: int) -> int:
    """Bytes that a forward pass of a model without its head keeps for the backward pass, every storage once.

    As kernels of a CPU would do it, since those for tensors without a device keep other things. Weights do not count.
    """
    storages = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storages[tensor.untyped_storage()._cdata] = tensor.untyped_storage()  # held, so that no other has its address
        return tensor

    with FakeTensorMode(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        weights = {
            name: torch.empty(part.shape, dtype=part.dtype, requires_grad=part.requires_grad)
            for name, part in (*model.named_parameters(), *model.named_buffers())
        }
        ids = torch.zeros((rows, length), dtype=torch.long)
        torch.func.functional_call(model.train(), weights, kwargs={"input_ids": ids, "use_cache": False})
        for part in weights.values():
            storages.pop(part.untyped_storage()._cdata, None)
        return sum(storage.nbytes() for storage in storages.values())


def weight_bytes(counted: Counted, way: Training) -> float:
    """Bytes of the weights, LoRA layers included."""
    size = DTYPES[way.dtype].itemsize
    packed = counted.packable if way.packed else 0
    layers = counted.trained if way.lora_rank else 0
    return packed * BYTES_IN_4BIT + (counted.parameters - packed + layers) * size


def training_parts(counted: Counted, way: Training, gpus: int, whole_buckets: bool) -> dict[str, float]:
    """Bytes of each part of a training step's peak on one of the GPUs.

    Weights and states stay. What comes and goes is largest in the forward pass (what it keeps, and scores), in the
    backward pass (gradients, and the buckets that they are exchanged in) or in the optimiser's step (gradients as they
    came, flattened and in the states' format). `whole_buckets`: a GPU takes two buckets whole, a CPU what is written.
    """
    size, trained = DTYPES[way.dtype].itemsize, counted.trained
    states = (6 if way.bf16_states else 12) * trained / gpus  # a copy of the weights, two moments
    kept = counted.kept
    if way.recompute:
        kept = counted.kept_of_layer_inputs + counted.kept / counted.layers
    scores = min(SCORED_TOGETHER, counted.tokens) * counted.vocabulary * (3 * 4 + 2 * size)
    gradients = trained * size / gpus
    bucket = 2 * BUCKET * size if whole_buckets else min(BUCKET, trained) * size
    passing = {
        "activations": kept + scores + 2 * counted.head * size,
        "gradients": gradients + bucket,
        "step": (2 * size + (0 if way.bf16_states or way.dtype == "fp32" else 4)) * trained / gpus,
    }
    if whole_buckets:  # and gradients of the micro batches before this one
        passing["activations"] += bucket + gradients
        passing["gradients"] += gradients
    largest = max(passing, key=passing.get)
    return {"weights": weight_bytes(counted, way), "states": states, largest: passing[largest]}


def sampling_bytes(config: PreTrainedConfig, parameters: int, dtype: str, rows: int, length: int) -> float:
    """Bytes that decoding `rows` rows of up to `length` tokens takes, weights included."""
    size = DTYPES[dtype].itemsize
    return parameters * size + rows * bytes_of_row(config, length + SPARE_TOKENS, size)


def rows_at_a_time(config: PreTrainedConfig, parameters: int, dtype: str, memory: float, length: int) -> int:
    """Rows that the static engine decodes together on a GPU: their cache takes half of what the weights leave."""
    size = DTYPES[dtype].itemsize
    free = memory - KEPT_FREE - parameters * size
    return max(0, min(GPU_ROWS, int(free / 2 // bytes_of_row(config, length, size))))


def largest_batch(config: PreTrainedConfig, way: Training, options: argparse.Namespace) -> tuple[dict, int]:
    """Parts of the peak of a training step, and the tokens of its micro batch: as many as fit, or else the fewest."""
    tokens = options.tokens
    while True:
        length = min(options.length, tokens)
        counted = count(config, way, tokens // length, length)
        parts = training_parts(counted, way, options.gpus, True)
        if sum(parts.values()) + KEPT_FREE <= options.memory * GIB or tokens // 2 < LEAST_TOKENS:
            return parts, tokens
        tokens //= 2


def table(config: PreTrainedConfig, options: argparse.Namespace) -> str:
    """What fits, as Markdown."""
    counted = count(config, Training(), 1, 1)
    recompute = counted.parameters >= RECOMPUTE_PARAMETERS
    rank = options.lora_rank
    ways = {
        "full": Training(recompute=recompute),
        "full, states in bf16": Training(bf16_states=True, recompute=recompute),
        f"LoRA, rank {rank}": Training(lora_rank=rank, recompute=recompute),
        f"QLoRA, rank {rank}": Training(lora_rank=rank, packed=True, recompute=recompute),
    }
    lines = ["| training | GiB on each GPU | micro batch | fits |", "|---|---|---|---|"]
    for name, way in ways.items():
        parts, tokens = largest_batch(config, way, options)
        need = sum(parts.values()) + KEPT_FREE
        split = ", ".join(f"{part} {size / GIB:.1f}" for part, size in parts.items())
        fits = "yes" if need <= options.memory * GIB else "no"
        lines.append(f"| {name} | {need / GIB:.1f} ({split}) | {tokens} tokens | {fits} |")
    rows = rows_at_a_time(config, counted.parameters, "bf16", options.memory * GIB, options.length)
    need = (sampling_bytes(config, counted.parameters, "bf16", rows, options.length) + KEPT_FREE) / GIB
    sampling = f"{rows} rows of {options.length} tokens at a time, {need:.1f} GiB" if rows else "does not fit"
    return "\n".join([*lines, "", f"Sampling: {sampling}"])


def parse() -> argparse.Namespace:
    """The command line; InputError on a value that cannot work."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="hub id, local folder or GGUF file")
    parser.add_argument("--gpus", type=int, default=1, help="GPUs that train together")
    parser.add_argument("--memory", type=float, default=24, help="GiB of each")
    parser.add_argument("--length", type=int, default=1024, help="tokens of a row")
    parser.add_argument("--tokens", type=int, default=TRAIN_TOKENS["cuda"], help="--micro_batch_tokens, at most")
    parser.add_argument("--lora_rank", type=int, default=16)
    options = parser.parse_args()
    for name in ("gpus", "memory", "length", "tokens", "lora_rank"):
        if getattr(options, name) <= 0:
            raise InputError(f"--{name} {getattr(options, name)}: must be above 0")
    return options


def main() -> None:
    """Print what fits."""
    options = parse()
    path, extra = source_of(options.model)
    try:
        config = AutoConfig.from_pretrained(path, **extra)
    except (OSError, ValueError, KeyError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise InputError(f"{options.model}: cannot be loaded ({reason})") from None
    check_family(options.model, config)
    sys.stdout.write(f"{options.model}, {options.gpus} x {options.memory:g} GiB\n\n{table(config, options)}\n")


if __name__ == "__main__":
    stop.run(main)
