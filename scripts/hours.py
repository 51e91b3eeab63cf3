"""Estimate the hours of stages from their command lines:

    python scripts/hours.py --task introductory [--gpu a100] < commands

Prints every command with its hours, then the sum. The estimate is arithmetic on the tables below, which README explains
under "Time and memory"; progress bars show the true rates. Needs only Python.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
from pathlib import Path

# Matrix rate in FLOP/s (bf16), of which 40 % are reached; seconds of a decode step, and further seconds for each
# billion parameters. Long prompts, tails and judging leave a quarter of that rate.
GPUS = {"a100": (312e12, 0.017, 0.0033), "h100": (990e12, 0.012, 0.0022)}
REACHED, DECODED = 0.4, 0.25
# Rows decoded together: as many as leave half of 80 GB to the cache, whose bytes for a token and billion parameters are
# those of a model without grouped-query attention.
MOST_ROWS, MEMORY, CACHE_BYTES, NEW_TOKENS = 256, 76e9, 80e3, 512
# Tokens per second times billions of parameters on two cores: SmolLM2-135M decodes 80, trains on 90 and scores 840.
CPU = {"decode": 11, "train": 12, "score": 113}
START_SECONDS = {"gpu": 60, "cpu": 15}  # imports, weights, judge

# Training problems, test problems, tokens of a completion, tokens of a row with its prompt
TASKS = {
    "introductory": (2311, 578, 160, 300),
    "interview": (2873, 719, 160, 400),
    "competition": (457, 115, 250, 500),
    "mbpp": (170, 378, 60, 180),
    "codeinsight": (1515, 1856, 60, 160),
    "humaneval": (0, 164, 100, 250),
    "quickstart": (100, 50, 25, 110),
}
FULL_SEEDS = {"mbpp": 232}  # training problems with `--seeds full --drop_near_duplicates`
UNKNOWN = (500, 100, 60, 150)
PASSING = 0.4  # share of the samples
BILLIONS = {"toy": 0.0002, "toy-student": 0.0002}  # of models whose name has no size
USUAL_BILLIONS = 7.0


def flags_of(command: str) -> dict[str, list[str]]:
    """The values of every flag of a command; words before the first flag are under ""."""
    flags, name = {"": []}, ""
    for word in shlex.split(command):
        if word.startswith("--"):
            name = word[2:]
            flags[name] = []
        else:
            flags[name].append(word)
    return flags


def billions(model: str) -> float:
    """Billions of parameters, from the model's name (6.7b, 135M)."""
    for part in reversed(model.rstrip("/").split("/")):
        if part in BILLIONS:
            return BILLIONS[part]
        size = re.search(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)([bm])(?![a-z])", part.lower())
        if size:
            return float(size[1]) / (1 if size[2] == "b" else 1000)
    return USUAL_BILLIONS


def counts(task: str) -> tuple[int, int, int, int]:
    """Training and test problems of a task, tokens of a completion and of a row; prepared files give exact counts."""
    sizes = list(TASKS.get(task, UNKNOWN))
    for index, split in enumerate(("train", "test")):
        path = Path("data") / task / f"{split}.json"
        if path.exists():
            sizes[index] = len(json.loads(path.read_text(encoding="utf-8")))
    return tuple(sizes)


def seconds(command: str, task: str, gpu: str, drawn: dict[str, float]) -> float:
    """Seconds of a command; 0 for one without a model. `drawn` keeps the most codes a problem can have, by folder."""
    flags = flags_of(command)
    script = next((word for word in flags[""] + flags.get("include", []) if word.endswith(".py")), "")
    if "model_name_or_path" not in flags:
        return 0.0
    size = billions(flags["model_name_or_path"][0])
    train, test, completion, row = counts(task)
    limit = int(flags.get("limit", ["0"])[0])
    train, test = (min(n, limit or n) for n in (train, test))
    devices = len(flags["include"][0].split(":")[-1].split(",")) if "include" in flags else 1
    on_gpu = {"include", "base_url"} & set(flags) or any(word.startswith("CUDA_VISIBLE_DEVICES=") for word in flags[""])
    if on_gpu:
        flops, step, step_of_billion = GPUS[gpu]
        of_row = CACHE_BYTES * size * (row - completion + NEW_TOKENS)
        rows = max(1, min(MOST_ROWS, int((MEMORY - 2e9 * size) / 2 / of_row)))
        decode = DECODED * rows / (step + step_of_billion * size)
        score = REACHED * flops / (2e9 * size)
        rates = {"decode": decode, "score": score, "train": score / 3}
    else:
        rates = {kind: rate / size for kind, rate in CPU.items()}
    rates = {kind: rate * devices for kind, rate in rates.items()}
    start = START_SECONDS["gpu" if on_gpu else "cpu"]

    def value(flag: str, usual: float = 1) -> float:
        return float(flags[flag][0]) if flags.get(flag) else usual

    if "data.make_ict" in flags[""]:
        return start + train * completion / rates["decode"]
    if script == "seq_gibbs_sample.py":
        each = value("num_seq") if flags.get("keep") == ["all"] else 1
        drawn[flags.get("save_dir", [""])[0]] = value("iter_num") * each
        texts = 0 if flags.get("sampler") == ["conditional"] else 1
        completions = train * (value("iter_num") * value("num_seq") + texts * (value("iter_num") - 1))
        return start + completions * completion / rates["decode"]
    if script == "cal_ppl.py":
        samples = drawn.get(str(Path(flags["selfsample_code_source"][0]).parents[1]), 20)
        return start + PASSING * samples * train * row / rates["score"]
    evaluations = value("num_epoch") if "eval_only" not in flags else 1
    spent = evaluations * test * value("n_samples") * completion / rates["decode"]
    if "eval_only" not in flags:
        pairs = 1 + (value("num_seq") if "train_with_seq_gibbs" in flags else 0)
        pairs *= 2 if "description_pairs" in flags else 1
        spent += value("num_epoch") * train * pairs * row / rates["train"]
    return start + spent


def main() -> None:
    """Print the commands on standard input with their hours."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", required=True, help="folder under data/")
    parser.add_argument("--gpu", default="a100", help=", ".join(GPUS))
    options = parser.parse_args()
    if options.gpu not in GPUS:
        print(f"error: --gpu {options.gpu}: unknown; choose one of {', '.join(GPUS)}", file=sys.stderr)
        sys.exit(2)
    drawn: dict[str, float] = {}
    total, commands = 0.0, [line.strip() for line in sys.stdin if line.strip()]
    if options.task in FULL_SEEDS and any("--seeds full" in command for command in commands):
        TASKS[options.task] = (FULL_SEEDS[options.task], *TASKS[options.task][1:])
    for command in commands:
        spent = seconds(command, options.task, options.gpu, drawn)
        total += spent
        print(f"{command}  # {shown(spent)}" if spent else command)
    print(
        f"# {len(commands)} commands, about {shown(total)} in all; an estimate (README, Time and memory). "
        "Finished work is not repeated."
    )


def shown(spent: float) -> str:
    """Seconds as hours, or as minutes below half an hour."""
    return f"{spent / 3600:.1f} h" if spent >= 1800 else f"{max(1, round(spent / 60))} min"


if __name__ == "__main__":
    main()
