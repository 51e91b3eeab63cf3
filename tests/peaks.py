"""Peak memory of a training step or of sampling in a process of its own, beside what utils/model/memory.py expects.

python tests/peaks.py '{"size": "360M", "tokens": 128}'
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
SHAPES = {
    "135M": {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9,
             "num_key_value_heads": 3, "vocab_size": 49152, "tie_word_embeddings": True},
    "360M": {"hidden_size": 960, "intermediate_size": 2560, "num_hidden_layers": 32, "num_attention_heads": 15,
             "num_key_value_heads": 5, "vocab_size": 49152, "tie_word_embeddings": True},
    "1B": {"hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 22, "num_attention_heads": 32,
           "num_key_value_heads": 4, "vocab_size": 32000},
}  # fmt: skip
# Without these the allocator keeps some of what was freed, and how much depends on the order of things.
AT_ONCE = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}


def measured(**spec) -> dict:
    """Peak of a process for `spec` and what was expected, in MiB, and CPU seconds of the step."""
    command = [sys.executable, __file__, json.dumps(spec)]
    done = subprocess.run(command, env={**os.environ, **AT_ONCE}, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _peak(since: int) -> int:
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024 - since


def _begin_anew() -> None:
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here


def _model(spec: dict):
    """A model of random weights, and its configuration; with `packed`, most weights are in 4 bits."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from utils.model.load import DTYPES, load_model

    config, dtype = LlamaConfig(**SHAPES[spec["size"]], max_position_embeddings=4096), spec.get("dtype", "fp32")
    model = LlamaForCausalLM._from_config(config, dtype=DTYPES[dtype])
    if spec.get("packed"):
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            del model
            model = load_model(_options(model_name_or_path=folder, lora_4bit=True, dtype=dtype), torch.device("cpu"))
        for part in model.parameters():
            if part.is_floating_point():
                part.data = part.data.clone()  # else all pages of the file count, which the kernel can drop
    return model, config


def _options(**given):
    """Options of stage 3."""
    from utils.args import TrainingOptions

    needed = {"model_name_or_path": "m", "deepspeed_config": "", "output_dir": "o", "max_length": 1}
    return TrainingOptions(**{**needed, **given})


def _train(spec: dict, before: int) -> dict:
    """The second step of DeepSpeed, which has all states; what it took and trained."""
    import torch

    from utils.args import read_deepspeed_config
    from utils.model import memory
    from utils.model.lora import add_lora
    from utils.model.loss import code_loss
    from utils.model.sft_data import Row
    from utils.model.train import settings_for, start_engine
    from utils.run import dist

    model, config = _model(spec)
    dtype, rank = spec.get("dtype", "fp32"), spec.get("lora_rank", 0)
    if rank:
        add_lora(model, _options(lora_rank=rank), "none")
    given = read_deepspeed_config(str(REPOSITORY / "deepspeed_config.json"))
    if spec.get("bf16_states"):
        given["bf16"] |= {"bf16_master_weights_and_grads": True, "bf16_optimizer_states": True}
    engine = start_engine(model, settings_for(given, "", dtype, 10)[0], dist.join())
    lengths = spec["tokens"] // 2, spec["tokens"] // 2 - 8  # padded, as most batches are
    rows = [Row(torch.randint(5, 20_000, (length,)).tolist(), 8) for length in lengths]
    for _ in range(2):
        _begin_anew()
        began = time.process_time()
        engine.backward(code_loss(engine, rows, 0).mean(), scale_wrt_gas=False)
        engine.step()
        took = time.process_time() - began
    peak = _peak(before)
    way = memory.Training(dtype, rank, spec.get("packed", False), spec.get("bf16_states", False))
    counted = memory.count(config, way, 2, spec["tokens"] // 2)
    parts = memory.training_parts(counted, way, 1, whole_buckets=False)
    sizes = {"parameters": counted.parameters, "trained": counted.trained}
    return {"peak": peak, "expected": sum(parts.values()), "seconds": took, **sizes, "parts": parts}


def _sample(spec: dict, before: int) -> dict:
    """Rows of random prompts decoded together."""
    import torch
    from families import NoText

    from utils.model import memory
    from utils.model.attention import use_grouped
    from utils.model.generate import Decoding, Request
    from utils.model.static import Static

    model, config = _model(spec)
    use_grouped(model.eval())
    parameters, rows, tokens = model.num_parameters(), spec["rows"], spec["new_tokens"]
    prompts = torch.randint(5, 20_000, (rows, spec["tokens"])).tolist()
    _begin_anew()
    began = time.process_time()
    requests = [Request(prompt, ("key", i)) for i, prompt in enumerate(prompts)]
    assert len(list(Static(model, NoText(), rows).run(requests, Decoding((), tokens, 1.0)))) == rows
    took = time.process_time() - began
    length = spec["tokens"] + tokens
    expected = memory.sampling_bytes(config, parameters, spec.get("dtype", "fp32"), rows, length)
    return {"peak": _peak(before), "expected": expected, "seconds": took, "parameters": parameters}


def main() -> None:
    """Measure what the argument says, and print it as JSON."""
    sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests")]
    import psutil

    spec = json.loads(sys.argv[1])
    import deepspeed  # noqa: F401
    import peft  # noqa: F401

    from utils.model import lora, memory, static, train  # noqa: F401

    before = psutil.Process().memory_info().rss
    outcome = (_sample if "rows" in spec else _train)(spec, before)
    parts = {name: round(size / 2**20) for name, size in outcome.pop("parts", {}).items()}
    outcome |= {name: round(outcome[name] / 2**20) for name in ("peak", "expected")}
    print(json.dumps({**spec, **outcome, "parts": parts, "ratio": round(outcome["expected"] / outcome["peak"], 3)}))


if __name__ == "__main__":
    main()
