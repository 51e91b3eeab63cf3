"""The flags of the three stages: a dataclass of options each, with help texts, and checks right after parsing.

Nothing here loads a model or uses a device. Every bad value is an `InputError` that names the flag and the remedy.
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, TypeVar

from transformers.hf_argparser import HfArg

from eval import registry
from eval.judge import JudgeOptions
from utils.flags import Parser, changes_results, check_at_least, check_draw, no_effect
from utils.gibbs import SAMPLERS
from utils.lora_flags import LoraFlags
from utils.published import published_fields
from utils.run import files, paths
from utils.run.files import InputError
from utils.selection import SELECTIONS
from utils.server_flags import check_url

DTYPE_HELP = "bf16; fp32 gives results that do not depend on batch size and ranks"


@dataclass(kw_only=True)
class CommonOptions:
    """Flags of every stage."""

    model_name_or_path: str = no_effect(help="hub id, local folder or GGUF file")
    revision: str | None = no_effect(default=None, help="revision of a hub model")
    trust_remote_code: bool = no_effect(default=False, help="run the code that comes with a hub model")
    dtype: Literal["bf16", "fp16", "fp32"] = HfArg(default="bf16", help=DTYPE_HELP)
    attn_implementation: str = no_effect(default="auto", help="attention kernel, as transformers names it")
    deepspeed_config: str = no_effect(help="DeepSpeed settings: optimiser, schedule, ZeRO stage")
    dataset: str = HfArg(default="apps", help="data set: " + ", ".join([*sorted(registry.ADAPTERS), "world-<name>"]))
    difficulty: str | None = no_effect(default=None, help="APPS+ only: introductory, interview or competition")
    limit: int = HfArg(default=0, help="use the first N problems of a split; 0: all")
    seed: int = HfArg(default=1234, help="key of every random draw")
    local_rank: int = no_effect(default=-1, help="set by the launcher")
    output_dir: str = no_effect(help="name of the run, not a path; names its result and temporary files")
    max_length: int = HfArg(help="longest prompt (sampling) or prompt and target (scoring, training), in tokens")
    eval_batch_size: int = no_effect(
        default=0,
        help="rows scored together, or prompts decoded together by --engine static; 0: as many as fit on the device",
    )
    overwrite: bool = no_effect(default=False, help="make existing results again")
    chat: bool = HfArg(default=False, help="the tokenizer's chat template around prompts, for instruct models")
    as_published: bool = HfArg(default=False, help="the published choices where ours differ; explicit flags win")
    prompt_newline: bool = HfArg(default=False, help="end code prompts in a newline, as published")
    raw_texts: bool = HfArg(default=False, help="use texts as they are, untrimmed and unescaped, as published")

    @property
    def task(self) -> str:
        """The folder under `data/`."""
        return registry.task_name(self.dataset, self.difficulty)

    def check(self) -> None:
        """Raise InputError on an invalid value or combination of values."""
        _ = self.task
        check_at_least(self, "max_length", 1)
        for name in ("limit", "eval_batch_size"):
            check_at_least(self, name, 0)
        if Path(self.output_dir).name != self.output_dir or self.output_dir in ("", ".", ".."):
            raise InputError(f"--output_dir {self.output_dir}: must be a name, not a path, such as gift-1234")
        read_deepspeed_config(self.deepspeed_config)


@dataclass(kw_only=True)
class GenerationOptions:
    """Flags of the stages that generate."""

    engine: Literal["auto", "static", "continuous", "server"] = no_effect(
        default="auto",
        help="static: --eval_batch_size prompts at a time; auto: static, device filled; continuous: paged cache; "
        "server: see --base_url",
    )
    max_new_tokens: int = HfArg(default=512, help="longest completion in tokens")
    base_url: str | None = no_effect(
        default=None, help="for --engine server: http://host:8000/v1, or several separated by commas"
    )
    server_requests: int = no_effect(
        default=0, help="requests in flight per server; 0: raised until its rate stops growing"
    )
    server_patience: float = no_effect(default=600.0, help="stop after this many seconds without a completion")

    @property
    def base_urls(self) -> list[str]:
        """The distinct URLs of `--base_url`."""
        return list(dict.fromkeys(url.strip() for url in (self.base_url or "").split(",") if url.strip()))

    def check_server(self) -> None:
        """Raise InputError where `--engine server` and its flags contradict each other."""
        if self.engine == "server" and not self.base_urls:
            raise InputError("--engine server: needs --base_url, such as http://localhost:8000/v1")
        if self.engine != "server" and self.base_url:
            raise InputError(f"--base_url {self.base_url}: is for --engine server")
        for url in self.base_urls:
            check_url(url)
        check_at_least(self, "server_requests", 0)
        if not 0 < self.server_patience < float("inf"):
            raise InputError(f"--server_patience {self.server_patience}: must be above 0 seconds")


@dataclass(kw_only=True)
class JudgeFlags:
    """Flags of the stages that run candidates."""

    judge_workers: int = no_effect(default=0, help="candidates judged at once on each rank; 0: its share of the cores")
    judge_timeout: float = HfArg(default=5.0, help="seconds for each test script, call-style program or standard input")
    judge_memory_mb: int = HfArg(default=2048, help="address space of a candidate in MiB")
    isolation: Literal["auto", "bwrap", "landlock", "none"] = no_effect(
        default="auto", help="sandbox of the candidates"
    )
    judge_total_timeout: float = HfArg(default=0.0, help="seconds for all tests of a candidate together; 0: no limit")
    judge_gold_time_factor: float = HfArg(
        default=4.0, help="time limit of a test as a multiple of its gold solution's time, where that is longer; 0: off"
    )
    compare: Literal["apps", "strict", "published", "tolerant"] = HfArg(
        default="apps", help="comparison rules of eval/judge/compare.py"
    )
    allow_weak: bool = HfArg(default=False, help="accept a comparison decided by the candidate's own object")

    def check_judge(self) -> None:
        """Raise InputError on an invalid limit."""
        check_at_least(self, "judge_workers", 0)
        check_at_least(self, "judge_memory_mb", 256)
        if not self.judge_timeout > 0:
            raise InputError(f"--judge_timeout {self.judge_timeout}: must be above 0")
        if not self.judge_total_timeout >= 0:
            raise InputError(f"--judge_total_timeout {self.judge_total_timeout}: must be 0 (no limit) or above")
        if not self.judge_gold_time_factor >= 0:
            raise InputError(f"--judge_gold_time_factor {self.judge_gold_time_factor}: must be 0 (off) or above")


@dataclass(kw_only=True)
class SamplingOptions(JudgeFlags, GenerationOptions, CommonOptions):
    """Stage 1: Gibbs sampling of codes and descriptions, with execution filtering."""

    selfsample: bool = no_effect(default=False, help="published flag, always on")
    sampler: Literal[tuple(SAMPLERS)] = HfArg(
        default="gibbs", help=", ".join(f"{name}: {sampler.method}" for name, sampler in SAMPLERS.items())
    )
    num_seq: int = HfArg(default=1, help="codes sampled for each problem in a round")
    temperature: float = HfArg(default=1.0, help="sampling temperature")
    top_k: int = HfArg(default=50, help="tokens that may be drawn, for codes and descriptions; 0: all")
    top_p: float = HfArg(default=1.0, help="nucleus of the code step")
    iter_num: int = no_effect(default=50, help="rounds")
    keep: Literal["one", "all", "any"] = HfArg(
        default="one", help="codes kept in a round: one or all of those that pass, or any one that parses"
    )
    fall_back: Literal["latest", "gold"] = HfArg(
        default="latest", help="program described after a round that kept none: the latest kept one, or the gold code"
    )
    save_dir: str | None = no_effect(default=None, help="write code/ and sum/ here instead of the published folders")

    def check(self) -> None:
        """Raise InputError on an invalid value or combination of values."""
        super().check()
        self.check_judge()
        self.check_server()
        for name in ("num_seq", "iter_num", "max_new_tokens"):
            check_at_least(self, name, 1)
        check_draw(self, "temperature", "top_k", "top_p")


@dataclass(kw_only=True)
class ScoringOptions(CommonOptions):
    """Stage 2: the perplexity of every kept code under a description."""

    selfsample_code_source: str = no_effect(help="code file of stage 1, passed_seq_code.json")
    description: Literal["sampled", "seed"] = HfArg(
        default="sampled",
        help="score a code under the description it was sampled from, or under the problem's own (d0)",
    )
    no_eos: bool = HfArg(default=False, help="score a code without its end token")
    save_dir: str | None = no_effect(default=None, help="write code/ppl-*.json here instead of next to the code file")


@dataclass(kw_only=True)
class TrainingFlags:
    """Flags of selection and training, unused with `--eval_only`."""

    selfsample_code_source: str | None = no_effect(default=None, help="code file of stage 1")
    selfsample_code_source2: str | None = no_effect(default=None, help="code file of a second self-training turn")
    train_with_seq_gibbs: bool = HfArg(default=False, help="train on sampled codes too; else on gold pairs only")
    rounds: str | None = HfArg(default=None, help="use codes of these rounds only, such as 1-5 or 3; default: all")
    no_gold: bool = HfArg(default=False, help="leave the gold pairs out of training")
    description_pairs: bool = HfArg(default=False, help="train on (code -> description) pairs too")
    turn: int = HfArg(default=1, help="index of the self-training turn (from 1), for reports")
    num_seq: int = HfArg(default=1, help="K: codes drawn for each problem")
    resample: bool = HfArg(default=False, help="draw by weight, or fill up to K where there are fewer codes")
    fill_with_replacement: bool = HfArg(
        default=False, help="fill up to K by drawing all K with replacement, as published, not each code once first"
    )
    weight_file1: str | None = no_effect(default=None, help="perplexities of --selfsample_code_source")
    weight_file2: str | None = no_effect(default=None, help="perplexities of --selfsample_code_source2")
    selection: Literal[tuple(SELECTIONS)] | None = HfArg(
        default=None,
        help="rule that draws codes. Without replacement: uniform, or distinct (one of each class of codes equal after "
        "renaming). With replacement: perplexity (needs --weight_file1), or rarity (each class alike). "
        "Default: perplexity with --weight_file1, else uniform",
    )
    temperature: float = HfArg(default=1.0, help="inverse temperature of the selection: softmax(temperature * ppl)")
    num_epoch: int = HfArg(default=2, help="epochs")
    train_batch_size: int = HfArg(default=128, help="rows per optimiser step, over all ranks")
    micro_batch_tokens: int = no_effect(default=0, help="tokens per forward pass, padding included; 0: by device")
    full_warm_up: bool = HfArg(default=False, help="keep a warm-up that is longer than the run")
    same_order: bool = HfArg(default=False, help="the same order of training rows in every epoch")
    save_steps: int = no_effect(default=0, help="keep the state every N steps; 0: after every epoch")
    ckpt_path: str | None = no_effect(default=None, help="folder for the final weights (safetensors)")
    log_dir: str | None = no_effect(default=None, help="folder for training curves: CSV, and TensorBoard if installed")


@dataclass(kw_only=True)
class TrainingOptions(TrainingFlags, LoraFlags, JudgeFlags, GenerationOptions, CommonOptions):
    """Stage 3: select codes, fine-tune, generate for the test problems, judge."""

    eval_only: bool = HfArg(default=False, help="no training: evaluate the model as it is")
    n_samples: int = HfArg(default=1, help="completions for each test problem")
    eval_temperature: float = HfArg(default=0.0, help="sampling temperature of the evaluation; 0: greedy")
    eval_top_k: int = HfArg(default=0, help="tokens that may be drawn in the evaluation; 0: all")
    eval_top_p: float = HfArg(default=1.0, help="nucleus of the evaluation")
    eval_stop_words: Literal["sampling", "published"] = HfArg(
        default="sampling", help="where the evaluation cuts completions: as stage 1, or as the authors' evaluation"
    )
    pass_k: list[int] = HfArg(default_factory=lambda: [1], help="values of k for pass@k")

    def check(self) -> None:
        """Raise InputError on an invalid value or combination of values."""
        super().check()
        self.check_judge()
        self.check_server()
        for name in ("turn", "num_seq", "num_epoch", "train_batch_size", "n_samples", "max_new_tokens"):
            check_at_least(self, name, 1)
        check_at_least(self, "micro_batch_tokens", 0)
        check_at_least(self, "save_steps", 0)
        self.check_lora(self.eval_only, self.engine)
        check_draw(self, "eval_temperature", "eval_top_k", "eval_top_p")
        if not math.isfinite(self.temperature):
            raise InputError(f"--temperature {self.temperature}: must be a finite number")
        if self.n_samples > 1 and self.eval_temperature == 0:
            raise InputError("--n_samples: greedy samples are identical; give --eval_temperature, such as 0.8")
        if min(self.pass_k) < 1:
            raise InputError(f"--pass_k {min(self.pass_k)}: must be at least 1")
        if max(self.pass_k) > self.n_samples:
            raise InputError(
                f"--pass_k {max(self.pass_k)}: needs that many samples; give --n_samples {max(self.pass_k)}"
            )
        if self.chat and self.eval_stop_words == "published":
            raise InputError("--eval_stop_words published: has no code fence, which ends --chat answers; give sampling")
        if self.eval_only and self.ckpt_path:
            raise InputError(
                f"--ckpt_path {self.ckpt_path}: is written by training; give weights as --model_name_or_path"
            )
        if not self.eval_only:
            if self.engine == "server":
                raise InputError(
                    "--engine server: the server would keep the weights from before training; "
                    "add --eval_only, or take another --engine"
                )
            self._check_sources()

    @property
    def round_range(self) -> tuple[int, int] | None:
        """First and last round of `--rounds`, both counted from 1; None: all. InputError on anything else."""
        if self.rounds is None:
            return None
        match = re.fullmatch(r"([1-9]\d*)(?:-([1-9]\d*))?", self.rounds)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if last < first:
            raise InputError(
                f"--rounds {self.rounds}: expected the first and the last round, such as 1-5, or one round"
            )
        return first, last

    def _check_sources(self) -> None:
        if self.train_with_seq_gibbs and not self.selfsample_code_source:
            raise InputError("--train_with_seq_gibbs: needs --selfsample_code_source, the code file of stage 1")
        if self.round_range and not self.train_with_seq_gibbs:
            raise InputError(f"--rounds {self.rounds}: chooses among sampled codes; add --train_with_seq_gibbs")
        if self.no_gold and not self.train_with_seq_gibbs:
            raise InputError("--no_gold: leaves nothing to train on; add --train_with_seq_gibbs")
        if self.selfsample_code_source2 and not self.selfsample_code_source:
            raise InputError("--selfsample_code_source2: needs --selfsample_code_source, the first turn's code file")
        for turn, source in (("1", self.selfsample_code_source), ("2", self.selfsample_code_source2)):
            weights = getattr(self, f"weight_file{turn}")
            flag = "--selfsample_code_source" + ("2" if turn == "2" else "")
            if weights and not source:
                raise InputError(f"--weight_file{turn}: needs {flag}, the code file it belongs to")
            if self.selection == "perplexity" and source and not weights:
                raise InputError(f"--selection perplexity: needs --weight_file{turn}, the perplexities of {flag}")
            if weights and self.selection not in (None, "perplexity"):
                raise InputError(
                    f"--weight_file{turn}: has no effect under --selection {self.selection}; leave one out"
                )
            if weights and not self.resample:
                raise InputError(f"--weight_file{turn}: weights are used only in a weighted draw; add --resample")
        if self.selfsample_code_source2 and bool(self.weight_file1) != bool(self.weight_file2):
            missing = "2" if self.weight_file1 else "1"
            raise InputError(
                f"--weight_file{missing}: missing; two code files are drawn by weight only with two weight files"
            )


Options = TypeVar("Options", bound=CommonOptions)


def parse(options: type[Options], argv: list[str] | None = None) -> Options:
    """Parse and check a stage's flags; InputError on a bad one."""
    parser = Parser(options, description=options.__doc__, allow_abbrev=False)
    values = parser.parse_args(argv)
    if values.as_published:
        parser.set_defaults(**published_fields(options, values.dataset))
        values = parser.parse_args(argv)
    parsed = options(**vars(values))
    parsed.check()
    return parsed


def read_deepspeed_config(path: str) -> dict:
    """DeepSpeed's settings; InputError where the file is not JSON or lacks a section that training needs."""
    config = files.read_json(path, dict, "use the repository's deepspeed_config.json")
    needed = {
        "optimizer": {"type": str, "params": dict},
        "scheduler": {"type": str, "params": dict},
        "zero_optimization": {"stage": int},
    }
    for section, keys in needed.items():
        if not isinstance(config.get(section), dict):
            raise InputError(
                f"{path}: lacks the section {section}; compare with the repository's deepspeed_config.json"
            )
        for key, kind in keys.items():
            if not isinstance(config[section].get(key), kind):
                raise InputError(
                    f"{path}: {section} lacks {key}, or it is not a {kind.__name__}; "
                    "compare with the repository's deepspeed_config.json"
                )
    return config


def judge_options(options: JudgeFlags, local_world_size: int) -> JudgeOptions:
    """The judge options of one rank; the ranks of a machine share its cores."""
    cores = max(1, len(os.sched_getaffinity(0)) // local_world_size)
    return JudgeOptions(
        workers=options.judge_workers or cores,
        timeout=options.judge_timeout,
        memory_mb=options.judge_memory_mb,
        compare=options.compare,
        isolation=options.isolation,
        allow_weak=options.allow_weak,
        total_timeout=options.judge_total_timeout,
        gold_time_factor=options.judge_gold_time_factor,
    )


def settings(options: CommonOptions, revision: str) -> dict:
    """The options that a run's results depend on, for meta files: all but those marked `no_effect`.

    Input files count by their digests, elsewhere. With `--eval_only` the flags of training do not count.
    """
    unused = {field.name for field in fields(TrainingFlags)} if getattr(options, "eval_only", False) else set()
    counting = {
        field.name: getattr(options, field.name)
        for field in fields(options)
        if changes_results(field) and field.name not in unused
    }
    if getattr(options, "engine", "") == "server":  # samples of the other engines are draws of the same kind
        counting["engine"] = "server"
    return {
        "model": paths.model_name(options.model_name_or_path),
        "revision": revision,
        "task": options.task,
        **counting,
    }
