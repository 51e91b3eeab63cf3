"""A toy task, a tiny model that knows it by heart, and a way to run the stages on them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
import warm
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, LlamaConfig, PretrainedConfig, PreTrainedTokenizerFast

from eval.problem import Problem
from eval.registry import adapter
from utils.extract import training_target
from utils.model.chat import ChatFormat
from utils.model.loss import code_loss
from utils.model.sft_data import make_row
from utils.model.tokens import TokenizerPolicy
from utils.prompts import description_prompt

REPOSITORY = Path(__file__).resolve().parents[1]
DEEPSPEED = str(Path(sys.executable).with_name("deepspeed"))

TOY = [
    ("add", "Return the sum of a and b.", "a, b", "return a + b", [[1, 2], [0, 0], [-1, 5]], [3, 0, 4]),
    ("double", "Return twice the number.", "n", "return 2 * n", [[1], [0], [-4]], [2, 0, -8]),
    ("negate", "Return the number with the other sign.", "n", "return -n", [[1], [0], [-4]], [-1, 0, 4]),
    ("first", "Return the first item of the list.", "items", "return items[0]", [[[1, 2]], [["x"]]], [1, "x"]),
    ("size", "Return how many items there are.", "items", "return len(items)", [[[1, 2]], [[]]], [2, 0]),
    ("shout", "Return the text in upper case.", "text", "return text.upper()", [["ab"], [""]], ["AB", ""]),
]


def toy_rows() -> list[dict]:
    """Six one-line problems in the format of a task file."""
    rows = []
    for number, (name, query, arguments, body, inputs, outputs) in enumerate(TOY):
        head = f"def {name}({arguments}):"
        test = {"style": "io", "fn_name": name, "inputs": inputs, "outputs": outputs, "stdin": False}
        code = f"{head}\n    {body}\n"
        rows.append({"id": number, "query": query, "head": head, "code": code, "test": test, "verified": True})
    return rows


def toy_texts(rows: list[dict] | None = None, shots: int | None = None) -> list[tuple[str, str]]:
    """(prompt, target) in both directions, as the stages make them; of the toy problems, or others like them.

    Descriptions are asked for with each other problem as the example, or with `shots` of them.
    """
    problems = [Problem.from_row(row) for row in rows or toy_rows()]
    pairs = []
    for problem in problems:
        target = training_target(problem.code, problem.entry_point)
        pairs.append((adapter("apps").code_prompt(problem, problem.query), target))
        others = [other for other in problems if other is not problem]
        for other in others[:shots]:
            pairs.append((description_prompt((other.code, other.query), problem.code), problem.query))
    return pairs


def write_task(folder: Path) -> Path:
    """A working folder with the toy problems as the APPS+ task `introductory`."""
    task = folder / "data" / "introductory"
    task.mkdir(parents=True)
    rows = toy_rows()
    (task / "train.json").write_text(json.dumps(rows))
    (task / "test.json").write_text(json.dumps(rows[:4]))
    (task / "ict.json").write_text(json.dumps([[row["id"], row["query"]] for row in rows]))
    return folder


ENDS = {"bos_token": "<s>", "eos_token": "</s>"}


def tiny_tokenizer(texts: list[str], special: dict = ENDS) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of 400 tokens, without a pad token unless one is named."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<s>", "</s>", "<pad>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)


def tiny_config(**changes) -> LlamaConfig:
    """A Llama of 150,000 parameters."""
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "max_position_embeddings": 4096}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "attn_implementation": "eager"}
    return LlamaConfig(**{"vocab_size": 400, "bos_token_id": 0, "eos_token_id": 1, **sizes, **heads, **changes})


def write_model(
    folder: Path,
    config: PretrainedConfig | None = None,
    special: dict = ENDS,
    steps: int = 120,
    pairs: list[tuple[str, str]] | None = None,
    template: str | None = None,
) -> Path:
    """Save a randomly initialised tiny model, trained for some seconds on the toy texts, with its tokenizer.

    With a chat `template` it is trained on dialogues.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the matrices are too small to share
    pairs = pairs or toy_texts()
    tokenizer = tiny_tokenizer([prompt + target for prompt, target in pairs], special)
    tokenizer.chat_template = template
    policy = TokenizerPolicy(tokenizer, ChatFormat(tokenizer, "toy") if template else None)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config or tiny_config())
    stop = "\n###" if policy.eos_id is None else ""  # a stop word of both directions
    rows = [make_row(policy, prompt, target + stop, 1024, end=True) for prompt, target in pairs]
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(steps):
        optimiser.zero_grad()
        code_loss(model, rows, policy.pad_id).mean().backward()
        optimiser.step()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    torch.set_num_threads(threads)
    return folder


@dataclass(frozen=True)
class Finished:
    """A finished command."""

    status: int
    out: str
    err: str


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stage_command(script: str, flags: list, ranks: int = 0) -> list[str]:
    """The command of a stage: as plain python, or through the launcher with so many ranks."""
    # Where --num_gpus is given, the launcher forgets which GPUs are visible.
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    chosen = ["--include", f"localhost:{','.join(visible[:ranks])}"] if visible[0] else ["--num_gpus", str(ranks)]
    launcher = [DEEPSPEED, *chosen, "--master_port", str(free_port())]
    return [*(launcher if ranks else [sys.executable]), str(REPOSITORY / script), *map(str, flags)]


def run_stage(script: str, flags: list, folder: Path, ranks: int = 0, **environment: str) -> Finished:
    """Run a stage in a working folder to its end."""
    here = {"HF_HUB_OFFLINE": "1", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **environment}
    here = {**os.environ, **here}
    if ranks:
        command = stage_command(script, flags, ranks)
        done = subprocess.run(command, cwd=folder, env=here, capture_output=True, text=True, timeout=900, check=False)
    else:
        done = warm.run([REPOSITORY / script, *flags], folder, here)
    return Finished(done.returncode, done.stdout, done.stderr)
