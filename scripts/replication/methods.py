"""The methods of the replication study, and the commands of their stages.

All samplers draw `--rounds` times `--num_seq` programs for every seed problem, of which at most one a round is kept;
SSD draws `--k`. A problem with codes has `--k` rows, repeated where there are fewer; one without has its gold pair
alone, which is in all training sets but SSD's and those "without gold pairs".
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from data.worlds.prepare import task_of
from utils.run import files, paths
from utils.run.files import InputError

INVERSE_TEMPERATURE = 2.0  # of the selection, as published
# A rate for a small model; the published one is for billions of weights.
CONFIG = Path(__file__).resolve().with_name("deepspeed_config.json")
MAX_LENGTH = 512
DECODING = ("--max_new_tokens", 160)
SETTINGS = ("rounds", "num_seq", "k", "epochs", "batch", "samples", "limit")


@dataclass(frozen=True)
class Sampling:
    """One run of stage 1."""

    sampler: str
    flags: tuple = ()


SAMPLINGS = {
    "conditional": Sampling("conditional"),
    "rewrite": Sampling("rewrite"),
    "gold": Sampling("gold"),
    "gibbs": Sampling("gibbs"),
    "gibbs-gold": Sampling("gibbs", ("--fall_back", "gold")),
    "any": Sampling("conditional", ("--keep", "any", "--temperature", 1.6, "--top_k", 20, "--top_p", 0.8)),
}


@dataclass(frozen=True)
class Method:
    """Where the codes of a method come from, and which of them it is trained on."""

    title: str
    sampling: str | None = None  # one of SAMPLINGS; None: gold pairs alone, or no training
    selection: str = "uniform"  # as `--selection` of stage 3
    inverse_temperature: float = INVERSE_TEMPERATURE
    made: str = ""  # the kind of codes that `scripts.replication.codes` makes, of the sampling or of the world
    gold: bool = True  # gold pairs in the training set

    @property
    def has_codes(self) -> bool:
        """Whether there are codes besides gold ones in the training set."""
        return bool(self.sampling or self.made)


METHODS = {
    "base": Method("base"),
    "sft": Method("SFT on gold"),
    "ssd": Method("SSD", "any", gold=False),
    "rft": Method("RFT", "conditional"),
    "rft-rd": Method("RFT+RD", "rewrite"),
    "rft-gd": Method("RFT+GD", "gold"),
    "gift-uniform": Method("GiFT without selection", "gibbs"),
    "gift": Method("GiFT", "gibbs", "perplexity"),
    "gift-gold": Method("GiFT, fall-back to gold", "gibbs-gold", "perplexity"),
    "gift-covered": Method("GiFT, problems of RFT only", "gibbs", "perplexity", made="covered"),
    "gift-ppl0": Method("GiFT, perplexity 0", "gibbs", "perplexity", 0.0),
    "gift-ppl0.5": Method("GiFT, perplexity 0.5", "gibbs", "perplexity", 0.5),
    "gift-ppl8": Method("GiFT, perplexity 8", "gibbs", "perplexity", 8.0),
    "gift-rarity": Method("GiFT, rarity", "gibbs", "rarity"),
    "gift-distinct": Method("GiFT, deduplicated", "gibbs", "distinct"),
    "rft-alone": Method("RFT without gold pairs", "conditional", gold=False),
    "gift-alone": Method("GiFT without gold pairs", "gibbs", "perplexity", gold=False),
    "rft-filled": Method("RFT, gold codes for the rest", "conditional", made="filled"),
    "exact": Method("codes of the truth", made="exact"),
}


class Plan:
    """The files and commands of every method in one world."""

    def __init__(self, options):
        self.options, self.task = options, task_of(options.name)
        self.model = str(paths.MODELS / task_of(options.base or options.name))
        self.runs = Path("runs") / options.results / options.name
        self.settings = {"name": options.name, "seed": options.seed, **{key: getattr(options, key) for key in SETTINGS}}

    def check(self) -> None:
        """InputError where the world or its model is missing."""
        if not paths.task_file(self.task, "test").exists():
            raise InputError(f"--name {self.options.name}: no such world; python -m data.worlds.prepare makes it")
        if not Path(self.model, "config.json").exists():
            world = self.options.base or self.options.name
            raise InputError(f"{self.model}: no model; python -m scripts.replication.pretrain --name {world} makes it")

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

    @property
    def gold_epochs(self) -> int:
        """Epochs over the gold pairs alone: these as many times as others see gold and sampled codes."""
        return self.options.epochs * (self.options.k + 1)

    def commands(self, name: str) -> list[list[str]]:
        """The commands of a method, in order."""
        method, options, commands, model = METHODS[name], self.options, [], self.model
        greedy, samples = self.output(name, "greedy"), self.output(name, "samples")
        if method.has_codes:
            commands += self._codes(name, method)
        if name == "base":
            commands.append(self._stage("run_gen.py", model, greedy, "--eval_only", *DECODING))
        else:
            flags = self._training_set(name, method)
            model = str(self.runs / name / "model")
            training = ["--train_batch_size", options.batch, "--ckpt_path", model, *DECODING]
            commands.append(self._stage("run_gen.py", self.model, greedy, *flags, *training))
        sampling = ["--n_samples", options.samples, "--eval_temperature", 1.0, "--pass_k", 1, options.samples]
        commands.append(self._stage("run_gen.py", model, samples, "--eval_only", *sampling, *DECODING))
        losses = ["-m", "scripts.replication.losses", "--name", options.name, "--model_name_or_path", model]
        return [*commands, [*losses, "--output", str(self.losses(name))]]

    def _codes(self, name: str, method: Method) -> list[list[str]]:
        """Stage 1, and stage 2 where the selection needs it."""
        commands = [self._sample(method.sampling)] if method.sampling else []
        if method.made:
            options = self.options
            make = ["-m", "scripts.replication.codes", "--kind", method.made, "--name", options.name, "--k", options.k]
            if method.sampling:
                make += ["--codes", self.sampled(method.sampling)]
            if method.made == "covered":
                commands.append(self._sample("conditional"))
                make += ["--by", self.sampled("conditional")]
            commands.append([*map(str, make), "--limit", str(options.limit), "--output", str(self.codes(name))])
        if method.selection == "perplexity":
            commands.append(self._stage("cal_ppl.py", self.model, "ppl", "--selfsample_code_source", self.codes(name)))
        return commands

    def _sample(self, sampling: str) -> list[str]:
        options, flags = self.options, list(SAMPLINGS[sampling].flags)
        if sampling == "any":  # as many completions as the training set takes, as its paper has it
            flags += ["--num_seq", 1, "--iter_num", options.k]
        else:
            flags += ["--num_seq", options.num_seq, "--iter_num", options.rounds, "--temperature", 1.0, "--top_k", 0]
        start = ["--selfsample", "--sampler", SAMPLINGS[sampling].sampler, "--save_dir", self.runs / sampling]
        return self._stage("seq_gibbs_sample.py", self.model, sampling, *start, *flags, *DECODING)

    def _training_set(self, name: str, method: Method) -> list:
        options = self.options
        if not method.has_codes:
            return ["--num_epoch", self.gold_epochs]
        flags = ["--train_with_seq_gibbs", "--selfsample_code_source", self.codes(name), "--resample"]
        if method.selection == "perplexity":
            flags += ["--weight_file1", paths.perplexity_file(self.codes(name))]
            flags += ["--temperature", method.inverse_temperature]
        elif method.selection != "uniform":
            flags += ["--selection", method.selection]
        if not method.gold:
            flags.append("--no_gold")
        return [*flags, "--num_seq", options.k, "--num_epoch", options.epochs]

    def _stage(self, script: str, model: str, output: str, *flags) -> list[str]:
        shared = ["--model_name_or_path", model, "--deepspeed_config", os.path.relpath(CONFIG), "--dataset", self.task]
        shared += ["--seed", self.options.seed, "--output_dir", output, "--max_length", MAX_LENGTH, "--dtype", "fp32"]
        return [script, *map(str, [*shared, "--limit", self.options.limit, *flags])]

    def sampled(self, sampling: str) -> Path:
        """File of the codes that a run of stage 1 kept."""
        return paths.code_folder(self.task, self.model, str(self.runs / sampling)) / "passed_seq_code.json"

    def codes(self, name: str) -> Path:
        """File of the codes that a method selects from."""
        method = METHODS[name]
        return self.sampled(name if method.made else method.sampling)

    def output(self, name: str, decoding: str) -> str:
        """Name of a stage 3 run."""
        return f"{name}-{decoding}"

    def losses(self, name: str) -> Path:
        """File of the losses of a method's model."""
        return self.runs / name / "losses.json"
