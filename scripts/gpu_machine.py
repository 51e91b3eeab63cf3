"""Where the checks of `gpu_check.py` run, and the models and prompts that they run with."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import AddedToken
from toy import tiny_tokenizer
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, PreTrainedModel

from utils.model.sft_data import Row

LARGE = {"hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 22, "num_attention_heads": 32}
LARGE |= {"num_key_value_heads": 4, "vocab_size": 32_000, "max_position_embeddings": 4096}  # 1.1 billion parameters
SMALL = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
SMALL |= {"num_key_value_heads": 2, "vocab_size": 1000, "max_position_embeddings": 4096}


class Wrong(Exception):
    """A check that does not hold; its text says why."""


@dataclass
class Machine:
    """Where checks run, at which size, and a folder for what they write."""

    device: torch.device
    rehearsal: bool
    folder: Path
    model: str  # folder of the model: SmolLM2, or random weights

    def size(self, real: int, toy: int) -> int:
        """A size on a GPU, or in a rehearsal."""
        return toy if self.rehearsal else real

    @property
    def dtype(self) -> str:
        """Format of weights where speed counts."""
        return "fp32" if self.rehearsal else "bf16"


def holds(condition: bool, text: str) -> None:
    """Raise Wrong with this text unless the condition is true."""
    if not condition:
        raise Wrong(text)


def random_model(folder: Path, sizes: dict, dtype: torch.dtype) -> str:
    """A folder with a random Llama of these sizes; its tokenizer has a text for every id."""
    if not folder.is_dir():
        torch.manual_seed(0)
        config = LlamaConfig(**sizes, bos_token_id=0, eos_token_id=1)
        AutoModelForCausalLM.from_config(config, dtype=dtype).save_pretrained(folder)
        tokenizer = tiny_tokenizer(["def f(x):\n    return x\n"])
        tokenizer.add_tokens([AddedToken(f"<{i}>") for i in range(len(tokenizer), sizes["vocab_size"])])
        tokenizer.save_pretrained(folder)
    return str(folder)


def weights(machine: Machine, device: str | torch.device, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """The machine's model."""
    return AutoModelForCausalLM.from_pretrained(machine.model, dtype=dtype).to(device).eval()


def prompts(machine: Machine, count: int) -> list[list[int]]:
    """Random prompts of 5 to 60 tokens, the same on every machine."""
    draw, most = random.Random(0), AutoConfig.from_pretrained(machine.model).vocab_size
    return [[draw.randrange(3, most) for _ in range(draw.randint(5, 60))] for _ in range(count)]


def rows(machine: Machine, count: int) -> list[Row]:
    """Rows to score or to train on, half of each a prompt."""
    return [Row(ids, len(ids) // 2) for ids in prompts(machine, count)]
