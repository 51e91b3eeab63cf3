"""Pretrain the base model of a world from scratch, with the prompts of stage 1 in both directions:

    python -m scripts.replication.pretrain --name s0-r0.5-o0 --trunk s0-r0-o0

Reads `data/world-<name>/pretrain.json`; writes the model folder `data/models/world-<name>/` when it is complete. State
is saved next to it every minute; the same command resumes from there, `--max_minutes` ends a slice.

The first steps, the trunk, are on the pairs of another world, `--trunk` (default: its own), at a constant rate;
the last ones, the branch, on its own while the rate falls. Worlds of one seed differ in how strongly wording and style
are tied, not in their intents, so they can share a trunk: what it has learnt is kept in a file, and the next world that
names it starts its branch there. A step depends on the settings and its number alone: with or without that file the
weights are the same.

A row is a prompt and its target: a program (with the slips of `data.worlds.prepare`), a description or other words. The
lesson gets harder on the way: single operations come first, compositions later, and description and rewrite prompts get
the in-context example that they have in stage 1. It belongs to another intent; its wording and style say nothing about
the target's. Its description is learnt as well, as that of a prompt without an example.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from tqdm import tqdm
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from data.worlds.prepare import task_of
from data.worlds.programs import ENTRY_POINT, HEAD
from eval.problem import Problem
from eval.registry import adapter
from scripts.replication.muon import Muon
from utils.extract import training_target
from utils.model.sft_data import IGNORED, batches_by_length
from utils.model.tokens import TokenizerPolicy
from utils.model.train import save_model
from utils.prompts import description_prompt, rewrite_prompt
from utils.run import files, paths
from utils.run.files import InputError
from utils.run.streams import stream

MAX_LENGTH = 1024
HEAD_WIDTH = 32  # of an attention head
TOKENIZER_TEXTS = 3000  # rows that the tokenizer is made from
# Pieces that byte-pair merges do not cross: the fixed lines of the prompts, parameters and names of one character,
# which are copied from prompt to target, and what separates the clauses of a description. Between them whole phrases
# become tokens, so that rows are short.
PIECES = (
    r"\n*###[\w ]+:\n|def f\(x\):\n    (?:\"\"\" )?|\"\"\"|[2-5]|\b(?:[b-z]|a(?! [lnst]))\b"
    r"|, then |, | and |\.(?=\s|\"|$)"
)
KINDS = {"code": 0.3, "description": 0.46, "rewrite": 0.24}  # shares of the rows
# Chance of rows about intents of one, two and three operations: at the start and from half-way through the trunk on.
COURSE = ((0.8, 0.2, 0.0), (0.1, 0.4, 0.5))
SHOTS = (0.6, 1.2)  # the course of in-context examples: none before, at its end all; 2 of 3 in the branch
MICRO_BATCH_TOKENS = 2048  # of rows of like length
WARMUP = 50  # steps
FINAL_RATE = 0.05  # of the highest
HELD_OUT = 40  # one in n pretraining compositions is held out, to see what is learnt
HELD_OUT_ROWS = 16  # of each kind and number of operations
SECONDS_BETWEEN_SAVES = 60


def main(argv: list[str] | None = None) -> int:
    """Pretrain, from the last saved state if there is one; returns the exit status."""
    options = arguments().parse_args(argv)
    world, trunk = (task_of(name) for name in (options.name, options.trunk or options.name))
    sources = [paths.task_file(task, "pretrain") for task in (trunk, world)]
    pairs = [files.read_json(source, list, "make it with: python -m data.worlds.prepare") for source in sources]
    folder, state_file = paths.MODELS / world, paths.MODELS / f".{world}.state.pt"
    shared = {key: getattr(options, key) for key in TRUNK_SETTINGS} | {"trunk_pairs": files.sha256(sources[0])}
    settings = {**shared, "steps": options.steps, "pairs": files.sha256(sources[1])}
    if not options.overwrite and is_made(folder, settings):
        print(f"{folder}: already exists")
        return 0
    torch.set_num_threads(options.threads or len(os.sched_getaffinity(0)))
    training = Training(*pairs, world, options)
    trunk_file = paths.MODELS / f".{trunk}.trunk.pt"
    if not training.load(state_file, settings):
        training.load(trunk_file, shared)
    total = options.trunk_steps + options.steps
    for end, file, marks in ((options.trunk_steps, trunk_file, shared), (total, state_file, settings)):
        if training.step < end and not training.run(end, state_file, settings, options.max_minutes):
            print(f"step {training.step} of {total}: the same command resumes here")
            return 0
        if training.step == options.trunk_steps and file == trunk_file:
            training.save(trunk_file, marks)
    save_model(training.model, training.policy, folder)
    measured = {"loss": training.loss, "held_out": training.held_out_losses()}
    files.write_json(folder / "pretraining.json", settings, measured)
    state_file.unlink(missing_ok=True)
    print(f"{folder}: {training.model.num_parameters():,} parameters, loss {training.loss:.3f} nats per token")
    return 0


TRUNK_SETTINGS = ("seed", "trunk_steps", "batch_size", "lr", "hidden", "layers", "vocab")


def arguments() -> argparse.ArgumentParser:
    """The flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="the world, as given to prepare")
    parser.add_argument("--trunk", help="the world whose pairs the first steps are taken on; default: the same")
    parser.add_argument("--seed", type=int, default=0, help="key of initial weights and order of rows")
    parser.add_argument("--trunk_steps", type=int, default=250, help="optimiser steps at a constant rate")
    parser.add_argument("--steps", type=int, default=600, help="optimiser steps at a falling rate, on the world's own")
    parser.add_argument("--batch_size", type=int, default=64, help="rows of a step")
    parser.add_argument("--lr", type=float, default=3e-3, help="highest learning rate")
    parser.add_argument("--hidden", type=int, default=160, help="width of the model")
    parser.add_argument("--layers", type=int, default=4, help="depth of the model")
    parser.add_argument("--vocab", type=int, default=1536, help="size of the vocabulary")
    parser.add_argument("--threads", type=int, default=0, help="threads; 0: every core that this process may use")
    parser.add_argument("--max_minutes", type=float, default=math.inf, help="end this slice after n minutes")
    parser.add_argument("--look_every", type=int, default=0, help="print held-out losses every n steps; 0: never")
    parser.add_argument("--overwrite", action="store_true", help="replace a model that already exists")
    return parser


def is_made(folder: Path, settings: dict) -> bool:
    """Whether the folder holds the model of these settings; InputError where it was made with others."""
    mark = folder / "pretraining.json"
    if not mark.exists():
        return False
    recorded = files.read_json(mark, dict)
    for key, value in settings.items():
        if recorded.get(key) != value:
            raise InputError(f"{folder}: was made with {key} {recorded.get(key)!r}, now {value!r}; give --overwrite")
    return True


# Texts


def texts(
    pairs: Sequence[dict], kind: str, pair: dict, task: str, shot: bool, rng: np.random.Generator
) -> list[tuple[str, str]]:
    """Prompts and targets of a row about one pair, in their order; joined they read as in stage 1.

    With `shot` a description or rewrite prompt has an example, drawn among the pairs of other intents.
    """
    first, second = pair["descriptions"]
    if kind == "code":
        shown = pair["slip"] or pair["code"]
        problem = Problem(pair["id"], first, HEAD, shown, {})
        return [(adapter(task).code_prompt(problem, first), training_target(shown, ENTRY_POINT))]
    parts = [_text(kind, pair)]
    example = pair
    while shot and example["id"] == pair["id"]:
        example = pairs[rng.integers(len(pairs))]
    return [_text(kind, example), ("\n\n" + parts[0][0], parts[0][1])] if shot else parts


def _text(kind: str, pair: dict) -> tuple[str, str]:
    """Prompt without an example, and target."""
    first, second = pair["descriptions"]
    return (
        (description_prompt(None, pair["code"]), first)
        if kind == "description"
        else (rewrite_prompt(None, first), second)
    )


def train_tokenizer(samples: list[str], size: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer with </s> at the end of a row and no token at its start."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=["</s>", "<pad>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(samples, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", pad_token="<pad>")


@dataclass(frozen=True)
class Lesson:
    """Token ids of a row, and as labels the same ids where they are learnt, else IGNORED."""

    ids: list[int]
    labels: list[int]


def lesson(policy: TokenizerPolicy, parts: list[tuple[str, str]]) -> Lesson:
    """The row of prompts and targets; only the last target has an end, since more text follows the others."""
    ids: list[int] = []
    labels: list[int] = []
    for prompt, target in parts:
        prompt_ids, target_ids = policy.encode(prompt), policy.encode(target)
        ids += prompt_ids + target_ids
        labels += [IGNORED] * len(prompt_ids) + target_ids
    if len(ids) >= MAX_LENGTH:
        raise InputError(f"a row is longer than {MAX_LENGTH} tokens; give a larger --vocab")
    return Lesson([*ids, policy.eos_id], [*labels, policy.eos_id])


def token_losses(model: PreTrainedModel, rows: Sequence[Lesson], pad_id: int) -> torch.Tensor:
    """Negative log-likelihood of each token that is learnt, in nats, row by row; shape (tokens,)."""
    width = max(len(row.ids) for row in rows)
    ids = torch.tensor([row.ids + [pad_id] * (width - len(row.ids)) for row in rows])
    labels = torch.tensor([row.labels + [IGNORED] * (width - len(row.ids)) for row in rows])[:, 1:]  # (rows, width - 1)
    is_target = labels != IGNORED
    # Padding is on the right and attention looks to the left, so a mask would change nothing but the time.
    states = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]  # (rows, width - 1, hidden)
    return F.cross_entropy(model.lm_head(states[is_target]), labels[is_target], reduction="none")


def new_model(options, vocabulary: int) -> PreTrainedModel:
    """A Llama with random weights."""
    torch.manual_seed(options.seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=options.hidden,
        intermediate_size=options.hidden * 5 // 2,
        num_hidden_layers=options.layers,
        num_attention_heads=options.hidden // HEAD_WIDTH,
        max_position_embeddings=MAX_LENGTH,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=1,
    )
    return LlamaForCausalLM(config)


class Training:
    """The model, its optimisers and the order of rows; a step depends on settings and step number alone."""

    def __init__(self, trunk: list[dict], own: list[dict], task: str, options):
        self.task, self.options = task, options
        self.trunk, self.own = Pairs(trunk), Pairs(own)
        rng = stream(options.seed, "tokenizer")
        kinds = list(KINDS)
        samples = [
            text
            for i in range(min(TOKENIZER_TEXTS, 3 * len(trunk)))
            for part in texts(trunk, kinds[i % 3], trunk[rng.integers(len(trunk))], task, i % 2 == 0, rng)
            for text in part
        ]
        self.policy = TokenizerPolicy(train_tokenizer(samples, options.vocab))
        self.model = new_model(options, len(self.policy.tokenizer))
        # Muon for the matrices learns from fewer rows than AdamW; embeddings and norms are left to AdamW.
        named = list(self.model.named_parameters())
        matrices = [p for name, p in named if p.dim() > 1 and "embed" not in name]
        others = [p for name, p in named if p.dim() <= 1 or "embed" in name]
        self.optimisers = [
            Muon(matrices, lr=options.lr, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(others, lr=options.lr, betas=(0.9, 0.98), weight_decay=0, fused=True),
        ]
        self.step, self.loss = 0, math.nan

    def rows(self, step: int) -> list[Lesson]:
        """The rows of a step, as hard as that part of the course wants them."""
        options, rng = self.options, stream(self.options.seed, "rows", step)
        pairs, done = (self.trunk, step / options.trunk_steps) if step < options.trunk_steps else (self.own, 1)
        shot = np.interp(done, SHOTS, (0, 1))
        shares = np.interp(done, (0, 0.5), (0, 1)) * (np.array(COURSE[1]) - COURSE[0]) + COURSE[0]
        kinds = rng.choice(list(KINDS), size=options.batch_size, p=list(KINDS.values()))
        return [
            lesson(self.policy, texts(pairs.all, str(kind), pair, self.task, bool(rng.random() < shot), rng))
            for kind, pair in zip(kinds, pairs.draw(shares, options.batch_size, rng), strict=True)
        ]

    def rate(self, step: int) -> float:
        """Learning rate: a linear warm-up, constant through the trunk, then falling linearly."""
        remaining = (self.options.trunk_steps + self.options.steps - step) / max(1, self.options.steps)
        return self.options.lr * min((step + 1) / WARMUP, 1, FINAL_RATE + (1 - FINAL_RATE) * remaining)

    def run(self, end: int, state_file: Path, settings: dict, max_minutes: float) -> bool:
        """Train up to step `end`, or until the slice is over; returns whether the end is reached."""
        started = saved = time.monotonic()
        self.model.train()
        title = "trunk" if end == self.options.trunk_steps else "branch"
        bar = tqdm(total=end, initial=self.step, desc=title, unit="step", file=sys.stderr, mininterval=2)
        tokens = 0
        with contextlib.closing(bar):
            while self.step < end:
                rows = self.rows(self.step)
                loss = self.train_step(rows)
                self.loss = loss if math.isnan(self.loss) else 0.95 * self.loss + 0.05 * loss
                tokens += sum(len(row.ids) for row in rows)
                bar.update()
                elapsed = time.monotonic() - started
                bar.set_postfix({"loss": f"{self.loss:.3f}", "tok/s": f"{tokens / elapsed:.0f}"}, refresh=False)
                if self.options.look_every and self.step % self.options.look_every == 0:
                    bar.write(f"step {self.step}, {elapsed:.0f} s: {self.held_out_losses()}", file=sys.stderr)
                over = elapsed > 60 * max_minutes
                if over or time.monotonic() - saved > SECONDS_BETWEEN_SAVES:
                    self.save(state_file, settings)
                    saved = time.monotonic()
                if over and self.step < end:
                    return False
        return True

    def train_step(self, rows: list[Lesson]) -> float:
        """One optimiser step; returns the mean loss in nats per token learnt."""
        for group in (group for optimiser in self.optimisers for group in optimiser.param_groups):
            group["lr"] = self.rate(self.step)
        self.model.zero_grad()
        learnt = sum(label != IGNORED for row in rows for label in row.labels)
        total = 0.0
        for part in batches_by_length([len(row.ids) for row in rows], MICRO_BATCH_TOKENS):
            loss = token_losses(self.model, [rows[i] for i in part], self.policy.pad_id).sum() / learnt
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
        self.step += 1
        return total

    @torch.inference_mode()
    def held_out_losses(self) -> dict[str, float]:
        """Nats per token on pairs that are not trained on, by kind and number of operations."""
        losses, rng = {}, stream("held out")
        for length, pairs in self.own.held_out.items():
            for kind in KINDS:
                rows = [
                    lesson(self.policy, texts(self.own.all, kind, pair, self.task, False, rng))
                    for pair in pairs[:HELD_OUT_ROWS]
                ]
                if rows:
                    loss = token_losses(self.model, rows, self.policy.pad_id).mean().item()
                    losses[f"{kind} {length}"] = round(loss, 3)
        return losses

    def save(self, file: Path, settings: dict) -> None:
        """Replace the saved state by the current one."""
        file.parent.mkdir(parents=True, exist_ok=True)
        state = {"settings": settings, "step": self.step, "loss": self.loss, "model": self.model.state_dict()}
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=file.name)
        os.close(handle)
        try:
            torch.save({**state, "optimisers": [o.state_dict() for o in self.optimisers]}, temporary)
            os.replace(temporary, file)
        finally:
            Path(temporary).unlink(missing_ok=True)

    def load(self, file: Path, settings: dict) -> bool:
        """Resume from a saved state of the same settings; any other is ignored. Returns whether there was one."""
        if not file.exists():
            return False
        state = torch.load(file, weights_only=True)
        if state["settings"] != settings:
            return False
        self.step, self.loss = state["step"], state["loss"]
        self.model.load_state_dict(state["model"])
        for optimiser, optimiser_state in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(optimiser_state)
        return True


class Pairs:
    """Pretraining pairs, some compositions held out."""

    def __init__(self, pairs: list[dict]):
        compositions = dict.fromkeys(pair["id"] for pair in pairs if pair["id"].count(".") > 1)
        held_out = set(list(compositions)[::HELD_OUT])
        self.all = [pair for pair in pairs if pair["id"] not in held_out]
        self.lengths = np.array([pair["id"].count(".") for pair in self.all])  # operations
        self.held_out = {
            length: [pair for pair in pairs if pair["id"] in held_out and pair["id"].count(".") == length]
            for length in (2, 3)
        }
        self.held_out[1] = self.all[:: max(1, len(self.all) // 500)]
        self.held_out[1] = [pair for pair in self.held_out[1] if pair["id"].count(".") == 1]

    def draw(self, shares: np.ndarray, count: int, rng: np.random.Generator) -> list[dict]:
        """Pairs about intents of one, two and three operations, in these shares."""
        chances = shares[self.lengths - 1] / np.bincount(self.lengths, minlength=4)[self.lengths]
        return [self.all[i] for i in rng.choice(len(self.all), size=count, p=chances / chances.sum())]


if __name__ == "__main__":
    files.run(main)
