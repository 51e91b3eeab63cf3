"""SIGKILL for runs of all stages, at moments spread over their steps; called by `scripts/chaos.sh`.

A quiet run of the pipeline shows what progress looks like on disk: files that are complete, training steps whose state
is kept, lines of journals. Moments drawn from it by a seed are when another run's whole process group is killed; then
the same command is given again, until it ends. With one rank and with two, the files must have the same bytes as those
of the quiet run, and the trained weights be within 1e-6.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from safetensors.torch import load_file
from toy import REPOSITORY, stage_command, write_model, write_task

CODES = "data/introductory/selfsample_code/tiny/passed_seq_code.json"
SCORES = "data/introductory/selfsample_code/tiny/ppl-passed_seq_code.json"
SHARED = ["--deepspeed_config", str(REPOSITORY / "deepspeed_config.json"), "--difficulty", "introductory"]
SHARED += ["--dtype", "fp32", "--max_length", "512", "--seed", "7"]
DECODING = ["--engine", "static", "--eval_batch_size", "1", "--max_new_tokens", "32"]
STAGES = {
    "seq_gibbs_sample.py": [*DECODING, "--output_dir", "gibbs", "--num_seq", "4", "--iter_num", "4"],
    "cal_ppl.py": ["--output_dir", "ppl", "--eval_batch_size", "1", "--selfsample_code_source", CODES],
    "run_gen.py": [
        *(*DECODING, "--output_dir", "gift", "--num_seq", "4", "--train_batch_size", "6", "--save_steps", "1"),
        *("--n_samples", "4", "--eval_temperature", "1.0", "--ckpt_path", "weights"),
        *("--train_with_seq_gibbs", "--selfsample_code_source", CODES, "--resample", "--weight_file1", SCORES),
    ],
}
SHARE = {"seq_gibbs_sample.py": 0.5, "cal_ppl.py": 0.15, "run_gen.py": 0.35}  # of the kills
POLL = 0.002  # seconds
Progress = tuple[int, int, int]


def progress(folder: Path) -> Progress:
    """How far a run has come: complete files, training steps kept, lines of journals; grows in this order."""
    complete = steps = lines = 0
    for directory, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".meta.json"):
                complete += 1
            elif name == "complete.json":
                epoch, step = Path(directory).name.removeprefix("epoch").split("-step")
                steps = max(steps, 1000 * int(epoch) + int(step))
            elif name.endswith(".journal"):
                try:
                    lines += Path(directory, name).read_bytes().count(b"\n")
                except FileNotFoundError:
                    continue
    return complete, steps, lines


@dataclass
class Pipeline:
    """The three stages in a separate working folder; 0 ranks is plain python."""

    folder: Path
    model: Path
    ranks: int

    def run(self, stage: str, until: Progress | None = None) -> tuple[int, list[Progress]]:
        """Run a stage to its end, or kill it at a moment; its exit status and the moments that were seen."""
        flags = ["--model_name_or_path", str(self.model), *SHARED, *STAGES[stage]]
        seen = []
        log = self.folder / f"{stage}.log"
        environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
        with log.open("w") as output:
            process = subprocess.Popen(
                stage_command(stage, flags, self.ranks),
                cwd=self.folder,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        while process.poll() is None:
            now = progress(self.folder)
            if not seen or now > seen[-1]:
                seen.append(now)
            if until is not None and now >= until:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            time.sleep(POLL)
        return process.returncode, seen

    def nothing_left(self) -> bool:
        """Whether all processes that worked in this folder are gone, within ten seconds."""
        for _ in range(100):
            if not any(_works_in(process, self.folder) for process in psutil.process_iter()):
                return True
            time.sleep(0.1)
        return False

    def files(self) -> dict[str, str]:
        """SHA-256 of every file that should be the same after any run."""
        digests = {}
        for path in sorted(self.folder.rglob("*.json")):
            if ".timing." not in path.name and "weights" not in path.parts:
                digests[str(path.relative_to(self.folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
        return digests


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()) == folder
    except (psutil.Error, OSError):
        return False


def draw(moments: Sequence[Progress], kills: int, rng: random.Random) -> list[Progress]:
    """As many moments, one from each stretch of the run, in order."""
    moments = moments[:-1]  # after the last one there is nothing to kill
    bounds = [round(i * len(moments) / kills) for i in range(kills + 1)]
    return [rng.choice(moments[low : max(high, low + 1)]) for low, high in zip(bounds, bounds[1:], strict=False)]


def shares(kills: int) -> dict[str, int]:
    """Kills for every stage."""
    counts = {stage: int(kills * share) for stage, share in SHARE.items()}
    counts["seq_gibbs_sample.py"] += kills - sum(counts.values())
    return counts


def main() -> int:
    """Run everything; exit status 0 if all kills were survived and all files are the same."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, survived, same = random.Random(options.seed), 0, True
    with tempfile.TemporaryDirectory(prefix="gift-chaos-") as temporary:
        root = Path(temporary)
        model = write_model(root / "models" / "tiny")
        for ranks, kills in ((0, options.kills - options.kills // 2), (2, options.kills // 2)):
            name = "two ranks" if ranks else "one rank"
            quiet = Pipeline(write_task(root / f"quiet{ranks}"), model, ranks)
            shaken = Pipeline(write_task(root / f"shaken{ranks}"), model, ranks)
            for stage, count in shares(kills).items():
                status, moments = quiet.run(stage)
                if status:
                    print(Path(quiet.folder, f"{stage}.log").read_text(), file=sys.stderr)
                    raise SystemExit(f"error: {stage} failed undisturbed")
                lived = shake(shaken, stage, draw(moments, count, rng) if count else [])
                survived += lived
                print(f"{name}, {stage}: {lived}/{count} kills survived", flush=True)
            same &= compare(quiet, shaken, name)
            if ranks:
                same &= compare(Pipeline(root / "quiet0", model, 0), shaken, "one rank against two", weights=1e-4)
    print(f"kills survived: {survived}/{options.kills}, files identical: {'yes' if same else 'no'}")
    return 0 if same and survived == options.kills else 1


def shake(pipeline: Pipeline, stage: str, moments: list[Progress]) -> int:
    """Kill a stage at these moments, then let it end; how many kills it survived, leaving no process behind."""
    survived = 0
    for moment in moments:
        status, seen = pipeline.run(stage, until=moment)
        if status != -signal.SIGKILL:
            print(f"{stage}: ended with {status} before {moment}, at {seen[-1]}", file=sys.stderr)
        elif pipeline.nothing_left():
            print(f"  {stage}: killed at {seen[-1]}", file=sys.stderr)
            survived += 1
    status, _ = pipeline.run(stage)
    if status:
        print(Path(pipeline.folder, f"{stage}.log").read_text(), file=sys.stderr)
    return survived if status == 0 else 0


def compare(one: Pipeline, other: Pipeline, name: str, weights: float = 1e-6) -> bool:
    """Whether two pipelines wrote the same files, and the same weights within a tolerance."""
    here, there = one.files(), other.files()
    differing = sorted(file for file in {*here, *there} if here.get(file) != there.get(file))
    mine, theirs = (load_file(p.folder / "weights" / "model.safetensors") for p in (one, other))
    gap = max(float((mine[key] - theirs[key]).abs().max()) for key in mine)
    print(f"{name}: {len(here)} files compared, {len(differing)} differ, largest difference of a weight {gap:.1e}")
    for file in differing:
        print(f"  differs: {file}", file=sys.stderr)
    return not differing and gap <= weights


if __name__ == "__main__":
    sys.exit(main())
