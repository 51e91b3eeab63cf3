"""Does everything work on this machine's GPU, and how fast? Called by `scripts/gpu_check.sh`.

A check is a function from the `Machine` to a dictionary of what it measured; it raises `Wrong` where something does
not hold. The CPU in fp32 is the reference. `CHECKS` lists them in order; each prints one JSON line, and a Markdown
table of all ends the output.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from utils.run import dist  # before torch: how idle threads wait is decided there

import torch  # isort: skip
import chaos
import exactness
from families import NoText, steep_model
from gpu_machine import LARGE, SMALL, Machine, holds, prompts, random_model, rows, weights
from torch.nn import functional
from toy import write_model, write_task
from transformers import AutoModelForCausalLM, PreTrainedModel

from utils.model.cache import bytes_of_row
from utils.model.generate import Decoding, Request
from utils.model.loss import code_loss, mean_losses
from utils.model.static import Static
from utils.report import tables
from utils.run import paths
from utils.run.files import InputError, run
from utils.serving.engine import make_engine

ROOT = Path(__file__).resolve().parent.parent
NEAR = 1e-3  # two scores nearer than this may swap where a device sums in another order


def device(machine: Machine) -> dict:
    """What this machine is."""
    host = {"versions": dist.versions(), "cores": len(os.sched_getaffinity(0))}
    if machine.device.type != "cuda":
        return {"device": "cpu", **host}
    properties = torch.cuda.get_device_properties(machine.device)
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    driver = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split("\n")[0]
    memory = round(properties.total_memory / 2**30, 1)
    return {"device": properties.name, "memory_gib": memory, "driver": driver, "cuda": torch.version.cuda, **host}


def greedy(machine: Machine) -> dict:
    """Greedy completions in fp32 equal the CPU's, up to a token whose lead over the next is below `NEAR`."""
    requests = [Request(ids, ("greedy", i)) for i, ids in enumerate(prompts(machine, machine.size(64, 4)))]
    decoding, answers = Decoding((), machine.size(64, 8)), []
    reference = weights(machine, "cpu")
    for model in (reference, weights(machine, machine.device)):
        answers.append(dict(Static(model, NoText()).run(requests, decoding)))
    tokens = equal = 0
    for i, request in enumerate(requests):
        right, ours = answers[0][i].ids, answers[1][i].ids
        tokens += len(right)
        same = next(
            (j for j, (a, b) in enumerate(zip(right, ours, strict=False)) if a != b), min(map(len, (right, ours)))
        )
        equal += same
        if same < len(right):
            with torch.inference_mode():
                scores = reference(torch.tensor([request.prompt + right[:same]])).logits[0, -1]
            first, second = scores.topk(2).values.tolist()
            holds(
                first - second < NEAR,
                f"prompt {i}, token {same}: another token though it leads by {first - second:.4f}",
            )
    return {"completions": len(requests), "tokens": tokens, "equal_tokens": equal}


def draws(machine: Machine, engine: str) -> dict:
    """Completions of an engine are draws from the model: z of `scripts/exactness.py` at 49,152 tokens."""
    dtype = torch.float32 if machine.rehearsal else torch.bfloat16
    model, reference = steep_model(49_152, dtype)
    decoding = Decoding((), machine.size(320, 24), 1.0)
    policy = NoText()
    ours = make_engine(engine, model.to(machine.device), policy)
    prompt_ids = [[1, 2, 3], [4, 5], [6, 7, 8, 9, 10]] * machine.size(32, 2)
    report = exactness.measure(ours, reference.to(machine.device), prompt_ids, decoding, machine.size(30_000, 100))
    holds(abs(report["z"]) < 4, f"z = {report['z']}: these are no draws from the model")
    return {"engine": engine, **report}


def losses(machine: Machine) -> dict:
    """Perplexities, and the losses of five optimiser steps, against the CPU's, all in fp32."""
    batch, scored, trained = rows(machine, machine.size(32, 4)), [], []
    for device in ("cpu", machine.device):
        model = weights(machine, device)
        scored.append(torch.tensor(mean_losses(model, batch, 0)).exp())
        optimiser, curve = torch.optim.AdamW(model.train().parameters(), lr=2e-5), []
        for _ in range(5):
            loss = code_loss(model, batch, 0).mean()
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()
            curve.append(loss.item())
        trained.append(torch.tensor(curve))
    gaps = [float(((ours - right).abs() / right).max()) for right, ours in (scored, trained)]
    holds(max(gaps) < 1e-3, f"perplexities differ by {gaps[0]:.1e}, losses by {gaps[1]:.1e} from the CPU's")
    return {"perplexities": f"{gaps[0]:.1e}", "step_losses": f"{gaps[1]:.1e}", "loss": [round(x, 4) for x in curve]}


def attention(machine: Machine) -> dict:
    """Gradients of attention under a mask, in the format of training, are finite and near those of the formula in fp32.

    At several widths, since kernels differ in how they fill their last tile; finite also where all scores are about
    -120, as in some heads of real models.
    """
    dtype, widths = torch.float32 if machine.rehearsal else torch.bfloat16, (64, 127, 192, 320, 704)
    gaps = {}
    for width in widths[: machine.size(5, 2)]:
        mask = torch.ones(width, width, dtype=torch.bool, device=machine.device).tril()
        mask[:, : width // 8] = False  # padding on the left; a row sees itself, so that none is empty
        mask.fill_diagonal_(True)
        for level in (0.0, -120.0):
            torch.manual_seed(0)
            parts = torch.randn(3, 1, 2, width, 64, device=machine.device).div(8).unbind()
            parts[0][..., 0], parts[1][..., 0] = 1.0, level * 8
            parts = [part.to(dtype).requires_grad_() for part in parts]
            functional.scaled_dot_product_attention(*parts, attn_mask=mask).float().square().sum().backward()
            holds(all(part.grad.isfinite().all() for part in parts), f"width {width}: gradients are not finite")
            if level == 0.0:
                exact = [part.detach().float().requires_grad_() for part in parts]
                scores = (exact[0] @ exact[1].mT / 8).masked_fill(~mask, -torch.inf)
                (scores.softmax(-1) @ exact[2]).square().sum().backward()
                norms = ((o.grad - e.grad).norm() / e.grad.norm() for o, e in zip(parts, exact, strict=True))
                gaps[width] = max(map(float, norms))
                holds(gaps[width] < 0.05, f"width {width}: gradients differ by {gaps[width]:.2g} of their norm")
    return {"largest_gap": f"{max(gaps.values()):.1e}", "widths": list(gaps)}


def stages(machine: Machine) -> dict:
    """The three stages through the `deepspeed` launcher, each killed once and resumed, end as undisturbed ones do."""
    tiny = write_model(machine.folder / "tiny")
    quiet = chaos.Pipeline(write_task(machine.folder / "quiet"), tiny, 1)
    shaken = chaos.Pipeline(write_task(machine.folder / "shaken"), tiny, 1)
    survived = 0
    for stage in chaos.STAGES:
        status, moments = quiet.run(stage)
        holds(status == 0, f"{stage} ended with {status}: {(quiet.folder / f'{stage}.log').read_text()[-500:]}")
        survived += chaos.shake(shaken, stage, chaos.draw(moments, 1, random.Random(0)))
    holds(survived == len(chaos.STAGES), f"{survived} of {len(chaos.STAGES)} kills survived")
    quiet_files, shaken_files = quiet.files(), shaken.files()
    codes = [name for name in quiet_files if "code_r" in name]
    same = sum(quiet_files[name] == shaken_files.get(name) for name in quiet_files)
    holds(all(quiet_files[name] == shaken_files.get(name) for name in codes), "sampled codes differ after a kill")
    return {"kills_survived": survived, "files": len(quiet_files), "identical": same}


def out_of_memory(machine: Machine) -> dict:
    """A batch that does not fit is halved, and no completion is lost."""
    count = machine.size(2048, 16)
    requests = [Request(ids, ("memory", i)) for i, ids in enumerate(prompts(machine, count))]
    engine = Static(weights(machine, machine.device, torch.bfloat16 if not machine.rehearsal else torch.float32),
                    NoText(), rows=count)  # fmt: skip
    decoding = Decoding((), machine.size(256, 4))
    with little_memory(machine, engine.model, count // 4, decoding.max_new_tokens):
        completions = dict(engine.run(requests, decoding))
    holds(len(completions) == count, f"{len(completions)} of {count} completions")
    holds(engine.rows < count, "memory was not short: nothing was halved")
    return {"completions": count, "rows_asked": count, "rows_decoded_together": engine.rows}


@contextlib.contextmanager
def little_memory(machine: Machine, model: PreTrainedModel, fitting: int, tokens: int):
    """A device with room for the weights and the cache of `fitting` rows; on the CPU a model that fails for more."""
    if machine.device.type == "cuda":
        total = torch.cuda.get_device_properties(machine.device).total_memory
        torch.cuda.empty_cache()
        room = fitting * bytes_of_row(model.config, 60 + tokens, model.dtype.itemsize)
        torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_allocated() + room) / total)
        try:
            yield
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0)
        return

    def refuse(_, args, kwargs):
        ids = kwargs.get("input_ids", args[0] if args else None)
        if len(ids) > fitting:
            raise torch.OutOfMemoryError("rehearsed")

    handle = model.register_forward_pre_hook(refuse, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


def training(machine: Machine) -> dict:
    """Stage 3 on the quickstart problems: loss and peak memory of full fine-tuning, and of LoRA of rank 16."""
    return {"full": train(machine, "full"), "lora": train(machine, "lora", "--lora_rank", "16")}


def train(machine: Machine, name: str, *flags: str) -> dict:
    """One epoch of stage 3 with these flags, in a separate process: loss, seconds and peak memory in GiB."""
    folder = machine.folder / "training"
    folder.mkdir(exist_ok=True)
    shared = ["--deepspeed_config", ROOT / "deepspeed_config.json", "--dataset", "quickstart", "--max_length", 512]
    shared += ["--model_name_or_path", machine.model, "--dtype", machine.dtype, "--output_dir", name]
    shared += ["--limit", machine.size(50, 4), "--num_epoch", 1, "--train_batch_size", machine.size(16, 4)]
    shared += ["--max_new_tokens", machine.size(128, 8), *flags]
    command = [sys.executable, ROOT / "run_gen.py", *shared]
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, check=False)
    holds(done.returncode == 0, f"run_gen.py ended with {done.returncode}: {done.stderr[-500:]}")
    (entry,) = json.loads((folder / f"results/quickstart/{name}.json").read_text())
    (times,) = json.loads((folder / f"results/quickstart/{name}.timing.json").read_text())["epochs"]
    holds(0 < entry["loss"] < 20, f"a loss of {entry['loss']}")
    evaluated = times["evaluation"]
    holds(machine.rehearsal or evaluated["device"] == "cuda", "stage 3 did not run on the GPU")
    return {
        "loss": entry["loss"],
        "tokens_per_second": round(times["training_tokens"] / times["training_seconds"]),
        "peak_memory_gib": evaluated["peak_memory_gib"],
    }


def engines(machine: Machine) -> dict:
    """Tokens/s of both engines on the same requests, and the share of the memory's bandwidth that decoding reaches."""
    requests = [Request(ids, ("rate", i)) for i, ids in enumerate(prompts(machine, machine.size(512, 4)))]
    tokens = machine.size(256, 4)
    rates = {}
    for name in ("static", "continuous"):
        model = weights(machine, machine.device, torch.float32 if machine.rehearsal else torch.bfloat16)
        engine = make_engine(name, model, NoText())
        list(engine.run(requests[:2], Decoding((), 4, 1.0)))
        start = time.perf_counter()
        decoded = sum(done.tokens for _, done in engine.run(requests, Decoding((), tokens, 1.0, 50)))
        rates[name] = round(decoded / (time.perf_counter() - start), 1)
    size = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    reads = size * rates["static"] / len(requests)  # bytes of weights a second, all rows decoded together
    return {**rates, "faster": max(rates, key=rates.get), "share_of_bandwidth": round(reads / bandwidth(machine), 4)}


def bandwidth(machine: Machine) -> float:
    """Bytes a second that the device reads and writes in a large copy."""
    source = torch.empty(machine.size(2**30, 2**22), dtype=torch.uint8, device=machine.device)
    return 2 * source.numel() / median_seconds(machine, lambda: source.clone())


def matrix_rate(machine: Machine) -> float:
    """Floating-point operations a second of a large product in the format of the weights."""
    size = machine.size(8192, 256)
    dtype = torch.float32 if machine.rehearsal else torch.bfloat16
    matrix = torch.randn(size, size, device=machine.device, dtype=dtype)
    return 2 * size**3 / median_seconds(machine, lambda: matrix @ matrix)


def median_seconds(machine: Machine, work: Callable[[], object]) -> float:
    """Median of ten runs, until the device has finished."""
    seconds = []
    for _ in range(12):
        start = time.perf_counter()
        work()
        if machine.device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[2:])


def benchmark(machine: Machine, loop: str, large: bool) -> dict:
    """A line of `scripts/benchmark.py` with the machine's model, or with a random one of 1.1 billion parameters."""
    model = machine.model
    if large:
        sizes, dtype = (SMALL, torch.float32) if machine.rehearsal else (LARGE, torch.bfloat16)
        model = random_model(machine.folder / "large", sizes, dtype)
    limit = machine.size(32 if large else 100, 2)
    command = [sys.executable, ROOT / "scripts/benchmark.py", loop, "--model", model, "--limit", limit]
    command += ["--repeats", 1, "--dtype", machine.dtype]
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False)
    holds(done.returncode == 0, f"benchmark.py {loop} ended with {done.returncode}: {done.stderr[-500:]}")
    line = json.loads(done.stdout)
    report = {key: line[key] for key in ("ours", "reference", "ratio", "unit")}
    if loop != "sample":
        parameters = AutoModelForCausalLM.from_pretrained(model).num_parameters()
        operations_per_row = (6 if loop == "train" else 2) * parameters * line["tokens_per_row"]
        report["share_of_matrix_rate"] = round(operations_per_row * line["ours"] / matrix_rate(machine), 4)
    return report


CHECKS: dict[str, Callable[[Machine], dict]] = {
    "device": device,
    "greedy": greedy,
    "draws, static": lambda machine: draws(machine, "static"),
    "draws, continuous": lambda machine: draws(machine, "continuous"),
    "losses": losses,
    "attention": attention,
    "stages": stages,
    "out of memory": out_of_memory,
    "training": training,
    "engines": engines,
    **{
        f"benchmark {loop}, {'1B' if large else 'small'}": lambda machine, loop=loop, large=large: benchmark(
            machine, loop, large
        )
        for large in (False, True)
        for loop in ("sample", "score", "train")
    },
}


def main() -> int:
    """Run the checks; the exit status: 0 if all hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rehearse", action="store_true", help="run every check on the CPU at toy size")
    parser.add_argument("--only", nargs="+", choices=CHECKS, default=list(CHECKS), help="run these checks alone")
    parser.add_argument("--model", help="model folder (default: SmolLM2 where it is there, else random weights)")
    args = parser.parse_args()
    if not (args.rehearse or torch.cuda.is_available()):
        raise InputError("no GPU: torch.cuda.is_available() is false; --rehearse runs the checks on the CPU")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # fp32 means fp32
    output, lines, failed = sys.stdout, [], []
    # Libraries print what they like; the lines and the table are alone on standard output.
    with contextlib.redirect_stdout(sys.stderr), tempfile.TemporaryDirectory(prefix="gift-gpu-") as temporary:
        folder = Path(temporary)
        default = ROOT / paths.DEFAULT_MODEL
        model = args.model or str(default) if args.model or default.is_dir() and not args.rehearse else ""
        model = model or random_model(folder / "small", SMALL, torch.float32)
        machine = Machine(torch.device("cpu" if args.rehearse else "cuda"), args.rehearse, folder, model)
        for name in args.only:
            start = time.perf_counter()
            try:
                report = {"ok": True, **CHECKS[name](machine)}
            except Exception as error:  # the other checks still run
                report = {"ok": False, "why": f"{type(error).__name__}: {error}"[:1000]}
                failed.append(name)
            line = {"check": name, "seconds": round(time.perf_counter() - start, 1), **report}
            print(json.dumps(line), file=output, flush=True)
            lines.append([name, "yes" if report.pop("ok") else "NO", f"{line['seconds']:g}", shown(report)])
    print("\n" + tables.markdown(["check", "holds", "seconds", "measured"], lines))
    return 1 if failed else 0


def shown(report: dict) -> str:
    """What a check measured, in a table's cell."""
    return ", ".join(f"{key} {json.dumps(value)}" for key, value in report.items() if key != "versions").replace(
        "|", "/"
    )


if __name__ == "__main__":
    run(main)
