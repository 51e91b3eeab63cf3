"""Does GiFT beat RFT in a world? All methods through the three stages, and their results against the truth:

    python -m scripts.replication.study --name s0-r0.5

Needs the world (`data.worlds.prepare`) and its base model (`scripts.replication.pretrain`). Every method ends in one
small file, `results/replication/<name>-<method>.json`; a method that has its file is not run again, and what a stage
has finished is kept, so the same command resumes after an interruption. `--dry_run` prints the stages' commands.

| method | sampler | training set: gold pairs and |
|---|---|---|
| base | - | not trained |
| sft | - | the gold pairs again, as many times as the others have sampled codes |
| rft | conditional | K codes of each problem, uniformly |
| rft-rd | rewrite | the same |
| gift-uniform | gibbs | the same |
| gift | gibbs | K codes of each problem, by perplexity |

All samplers draw `--rounds` times `--num_seq` programs for every seed problem; all trained methods take the same number
of optimiser steps. The stages run in processes forked from this one, which has the libraries loaded: importing them
takes longer than many a stage here.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import runpy
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from data.worlds.prepare import task_of
from eval import registry
from eval.problem import Problem
from scripts.replication import truth
from scripts.replication.truth import Origin
from utils.run import files, paths
from utils.run.files import Failure, InputError

SAMPLERS = {"rft": "conditional", "rft-rd": "rewrite", "gift-uniform": "gibbs", "gift": "gibbs"}
METHODS = ("base", "sft", *SAMPLERS)
INVERSE_TEMPERATURE = 2.0  # of the selection, as published
INVERSE_TEMPERATURES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)  # at which the selection is compared with the truth
ROOT = Path(__file__).resolve().parents[2]
# A rate for a small model; the published one is for billions of weights.
CONFIG = Path(__file__).resolve().with_name("deepspeed_config.json")
MAX_LENGTH, MAX_NEW_TOKENS = 512, 160
SETTINGS = ("rounds", "num_seq", "k", "epochs", "batch", "samples", "limit")


def main(argv: list[str] | None = None) -> int:
    """Run the methods that have no result yet; returns the exit status."""
    options = arguments().parse_args(argv)
    study = Study(options)
    if options.dry_run:
        for method in options.methods:
            print("\n".join(shlex.join(["python", *command]) for command in study.commands(method)))
        return 0
    missing = [method for method in options.methods if not study.is_done(method)]
    if options.is_finished:
        print(f"{options.name}: {len(options.methods) - len(missing)} of {len(options.methods)} methods are finished")
        return 1 if missing else 0
    study.check()
    if missing:
        load_libraries()
    for method in missing:
        for command in study.commands(method):
            run_stage(command)
        study.write(method)
    return 0


def arguments() -> argparse.ArgumentParser:
    """The flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="the world, as given to prepare")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS, help="default: all")
    parser.add_argument("--seed", type=int, default=0, help="key of every random draw")
    parser.add_argument("--rounds", type=int, default=10, help="rounds of every sampler")
    parser.add_argument("--num_seq", type=int, default=3, help="programs drawn for each problem in a round")
    parser.add_argument("--k", type=int, default=8, help="sampled programs of each problem in the training set")
    parser.add_argument("--epochs", type=int, default=2, help="epochs over the training set")
    parser.add_argument("--batch", type=int, default=16, help="rows of an optimiser step")
    parser.add_argument("--samples", type=int, default=10, help="programs drawn for each test problem")
    parser.add_argument("--limit", type=int, default=0, help="first N problems; 0: all")
    parser.add_argument("--results", default="replication", help="folder under results/ for the result files")
    parser.add_argument("--dry_run", action="store_true", help="print the commands; needs no data, writes nothing")
    parser.add_argument("--is_finished", action="store_true", help="run nothing; exit status 0 if nothing is missing")
    return parser


def load_libraries() -> None:
    """Import what the stages import, once for all of them. Nothing is computed here: threads do not survive a fork."""
    from utils.model import static, train  # noqa: F401, I001
    from utils.run import dist  # noqa: F401, I001

    import deepspeed  # noqa: F401
    import transformers.models.llama.modeling_llama  # noqa: F401


def run_stage(command: list[str]) -> None:
    """Run `script flags...` or `-m module flags...` in a fork of this process; Failure where it fails."""
    print("\n$ python " + shlex.join(command), file=sys.stderr, flush=True)
    process = multiprocessing.get_context("fork").Process(target=_become, args=(command,))
    process.start()
    try:
        process.join()
    except BaseException:
        process.terminate()
        process.join()
        raise
    if process.exitcode:
        raise Failure(f"stopped at: python {shlex.join(command)} (exit status {process.exitcode})")


def _become(command: list[str]) -> None:
    if command[0] == "-m":
        sys.argv = command[1:]
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = command
        runpy.run_path(str(ROOT / command[0]), run_name="__main__")


class Study:
    """The commands of every method in one world, and the collection of their results."""

    def __init__(self, options):
        self.options, self.task = options, task_of(options.name)
        self.base = str(paths.MODELS / self.task)
        self.runs = Path("runs") / options.results / options.name
        self.settings = {"name": options.name, "seed": options.seed, **{key: getattr(options, key) for key in SETTINGS}}

    def check(self) -> None:
        """InputError where the world or its model is missing."""
        if not paths.task_file(self.task, "test").exists():
            raise InputError(f"--name {self.options.name}: no such world; python -m data.worlds.prepare makes it")
        if not Path(self.base, "config.json").exists():
            raise InputError(
                f"{self.base}: no model; python -m scripts.replication.pretrain --name {self.options.name} makes it"
            )

    def result(self, method: str) -> Path:
        """The file that a method ends in."""
        return paths.results(self.options.results, f"{self.options.name}-{method}")

    def is_done(self, method: str) -> bool:
        """Whether a method has its result; InputError where it was made with other settings."""
        file = self.result(method)
        if not file.exists():
            return False
        before = files.read_json(file, dict)["settings"]
        for key, value in self.settings.items():
            if before.get(key) != value:
                raise InputError(
                    f"{file}: was made with {key} {before.get(key)!r}, now {value!r}; remove it to continue"
                )
        return True

    # The stages

    def commands(self, method: str) -> list[list[str]]:
        """The commands of a method, in order."""
        commands, model, options = [], self.base, self.options
        if method in SAMPLERS:
            commands.append(self._sample(SAMPLERS[method]))
        if method == "gift":
            commands.append(self._stage("cal_ppl.py", self.base, "ppl", "--selfsample_code_source", self.codes(method)))
        if method == "base":
            commands.append(self._stage("run_gen.py", model, self.output(method, "greedy"), "--eval_only", *_DECODING))
        else:
            model = str(self.runs / method / "model")
            flags = ["--num_epoch", options.epochs * (options.k + 1)] if method == "sft" else self._selection(method)
            output = self.output(method, "greedy")
            training = ["--train_batch_size", options.batch, "--ckpt_path", model, *_DECODING]
            commands.append(self._stage("run_gen.py", self.base, output, *flags, *training))
        sampling = ["--n_samples", options.samples, "--eval_temperature", 1.0, "--pass_k", 1, options.samples]
        output = self.output(method, "samples")
        commands.append(self._stage("run_gen.py", model, output, "--eval_only", *sampling, *_DECODING))
        losses = ["-m", "scripts.replication.losses", "--name", options.name, "--model_name_or_path", model]
        return [*commands, [*losses, "--output", str(self.losses(method))]]

    def _sample(self, sampler: str) -> list[str]:
        options = self.options
        flags = ["--selfsample", "--sampler", sampler, "--save_dir", self.runs / sampler, "--num_seq", options.num_seq]
        flags += ["--iter_num", options.rounds, "--temperature", 1.0, "--top_k", 0, *_DECODING]
        return self._stage("seq_gibbs_sample.py", self.base, sampler, *flags)

    def _selection(self, method: str) -> list:
        flags = ["--train_with_seq_gibbs", "--selfsample_code_source", self.codes(method), "--resample"]
        if method == "gift":
            flags += ["--weight_file1", paths.perplexity_file(self.codes(method)), "--temperature", INVERSE_TEMPERATURE]
        return [*flags, "--num_seq", self.options.k, "--num_epoch", self.options.epochs]

    def _stage(self, script: str, model: str, output: str, *flags) -> list[str]:
        shared = ["--model_name_or_path", model, "--deepspeed_config", os.path.relpath(CONFIG), "--dataset", self.task]
        shared += ["--seed", self.options.seed, "--output_dir", output, "--max_length", MAX_LENGTH, "--dtype", "fp32"]
        return [script, *map(str, [*shared, "--limit", self.options.limit, *flags])]

    def codes(self, method: str) -> Path:
        """File of the codes that a method's sampler kept."""
        return paths.code_folder(self.task, self.base, str(self.runs / SAMPLERS[method])) / "passed_seq_code.json"

    def output(self, method: str, decoding: str) -> str:
        """Name of a stage 3 run."""
        return f"{method}-{decoding}"

    def losses(self, method: str) -> Path:
        """File of the losses of a method's model."""
        return self.runs / method / "losses.json"

    # Results

    def write(self, method: str) -> None:
        """Collect the output of a method's stages into its result."""
        world = files.read_meta(paths.task_file(self.task, "train"))["settings"]
        train, test = (registry.load(self.task, self.task, split)[0] for split in ("train", "test"))
        train, test = train[: self.options.limit or None], test[: self.options.limit or None]
        greedy, samples = (self._last_entry(method, decoding) for decoding in ("greedy", "samples"))
        result = {
            "method": method,
            "world": {"seed": world["seed"], "strength": world["strength"]},
            "settings": self.settings,
            "greedy": greedy["per_problem"],
            "samples": samples["per_problem"],
            "verdicts": samples["verdicts"],
            **self._drawn_for_tests(method, test),
            "loss": files.read_json(self.losses(method), dict),
        }
        minutes = {"training": 0.0, "evaluation": 0.0}
        for decoding in ("greedy", "samples"):
            for epoch in _timing(paths.results(self.task, self.output(method, decoding)))["epochs"]:
                minutes["training"] += epoch.get("training_seconds", 0) / 60
                minutes["evaluation"] += epoch["evaluation"]["seconds"] / 60
        if method == "base":
            result["measured"] = self._measured()
        if method in SAMPLERS:
            result["sampling"], minutes["sampling"] = self._sampled(method, train, world["strength"])
            result["selection"] = self._selected(method, train)
        result["minutes"] = {part: round(value, 3) for part, value in minutes.items()}
        result["versions"] = greedy["versions"]
        lines = ",\n".join(f'"{key}": {json.dumps(value)}' for key, value in result.items())
        files.write_text(self.result(method), "{\n" + lines + "\n}\n")
        print(f"{self.result(method)}: written", file=sys.stderr)

    def _measured(self) -> dict | None:
        """The base model's quality, from `scripts.replication.measure`; None if it was not measured."""
        file = paths.task_file(self.task, "measure")
        if not file.exists():
            return None
        measured = files.read_json(file, dict)
        shares = {key: measured[key] for key in ("pass", "pass_greedy", "intent_kept", "rewrite_kept")}
        laws = ("style_given_wording", "wording_given_style")
        return {**shares, **{key: [measured[key]["mean"], measured[key]["noise"]] for key in laws}}

    def _last_entry(self, method: str, decoding: str) -> dict:
        return files.read_json(paths.results(self.task, self.output(method, decoding)))[-1]

    def _drawn_for_tests(self, method: str, test: list[Problem]) -> dict:
        """Distinct passing programs of each test problem, and styles of all samples and of those that pass."""
        rows = files.read_json(paths.generations(self.task, self.output(method, "samples"), 0))
        sampled, passing = ({problem.id: [] for problem in test} for _ in range(2))
        for row in rows:
            sampled[row["task_id"]].append(row["solution"])
            if row["passed"]:
                passing[row["task_id"]].append(row["solution"])
        origins = truth.origins(test)
        return {
            "distinct": {key: len(set(codes)) for key, codes in passing.items()},
            "styles": truth.count_styles(origins, list(sampled.values())),
            "styles_passing": truth.count_styles(origins, list(passing.values())),
        }

    def _sampled(self, method: str, train: list[Problem], strength: float) -> tuple[dict, float]:
        """Kept programs of a sampler by round against the truth, and its minutes."""
        folder, sampler = self.codes(method).parent, SAMPLERS[method]
        origins, seconds = truth.origins(train), 0.0
        kept: list[list[str]] = [[] for _ in train]
        rounds = []
        for round_ in range(1, self.options.rounds + 1):
            file = folder / f"code_r{round_}.json"
            new_codes = files.read_json(file)
            kept = [old + new for old, new in zip(kept, new_codes, strict=True)]
            descriptions = paths.description_folder(self.task, self.base, str(folder.parent)) / f"sum_r{round_}.json"
            seconds += sum(_timing(path).get("seconds", 0) for path in (file, descriptions))
            counts, laws = truth.count_styles(origins, new_codes), _laws(origins, new_codes, truth.marginal)
            expected = _laws(origins, new_codes, lambda o, i=round_: truth.sampler_law(o, sampler, strength, i))
            rounds.append(
                {
                    "counts": files.read_meta(file)["counts"],
                    "styles": counts,
                    "truth": _rounded(laws),
                    "tv": _distances(truth.distance(counts, laws)),
                    "tv_of_perfect_model": round(truth.law_distance(counts, expected, laws), 5),
                    "tv_of_all_kept": _distances(truth.set_distance(origins, kept)),
                    "intents_kept": self._intents_kept(descriptions, origins),
                }
            )
        counts = {
            problem.id: [len(codes), len(set(map(_body, codes)))] for problem, codes in zip(train, kept, strict=True)
        }
        return {"sampler": sampler, "rounds": rounds, "codes": counts}, seconds / 60

    def _intents_kept(self, file: Path, origins: list[Origin]) -> float | None:
        """Share of descriptions of a round that parse back to their intent; None after the last round."""
        if not file.exists():
            return None
        parsed = [truth.intent_of(text) for (text,) in files.read_json(file)]
        return round(sum(i == origin.intent for i, origin in zip(parsed, origins, strict=True)) / len(origins), 4)

    def _selected(self, method: str, train: list[Problem]) -> dict:
        """Training sets against the truth: drawn uniformly, and by perplexity at several inverse temperatures."""
        from utils.code_files import read_codes, read_perplexities
        from utils.selection import Draw, draw

        file, origins, seed, k = self.codes(method), truth.origins(train), self.options.seed, self.options.k
        code_file = read_codes(file, train)
        codes = code_file.codes
        ppl = read_perplexities(paths.perplexity_file(file), code_file)[0] if method == "gift" else None
        selections = {}
        for beta in INVERSE_TEMPERATURES if method == "gift" else (None,):
            drawn = []
            for index, (problem, problem_codes) in enumerate(zip(train, codes, strict=True)):
                picks = draw(problem.id, problem_codes, ppl and ppl[index], Draw(k, seed, beta or 0.0, True))
                drawn.append([problem_codes[i] for i in picks])
            counts, laws = truth.count_styles(origins, drawn), _laws(origins, drawn, truth.marginal)
            selections["uniform" if beta is None else str(beta)] = {
                "styles": counts,
                "truth": _rounded(laws),
                "tv": _distances(truth.distance(counts, laws)),
                "tv_of_sets": _distances(truth.set_distance(origins, drawn)),
            }
        return selections


_DECODING = ("--max_new_tokens", MAX_NEW_TOKENS)


def _laws(origins: list[Origin], programs: list[list[str]], law: Callable) -> truth.Laws:
    return truth.mean_laws(origins, [len(codes) for codes in programs], law)


def _rounded(laws: truth.Laws) -> truth.Laws:
    return {w: {style: round(p, 5) for style, p in row.items()} for w, row in laws.items()}


def _distances(pair: tuple[float, float]) -> list[float | None]:
    return [None if value != value else round(value, 5) for value in pair]


def _body(program: str) -> str:
    """A program without its docstring line: two codes that differ in the description alone are one."""
    from utils.extract import remove_docstrings

    return remove_docstrings(program)


def _timing(path: Path) -> dict:
    file = files.beside(path, "timing")
    return files.read_json(file, dict) if file.exists() else {}


if __name__ == "__main__":
    files.run(main)
