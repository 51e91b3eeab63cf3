"""The loss of a model averaged over the descriptions of test intents, the paper's L_marg, by Monte Carlo:

    python -m scripts.replication.losses --name s0-r0.5-o0 --model_name_or_path FOLDER --output FILE

For each of the first 40 test intents, every telling, wording and style a description and a program are drawn; the same
ones for every model of a world. Of each telling, `plain` and `obscure`: `marginal` is the mean over these intents of
E[loss] with wording and style drawn independently of each other (the de-biased loss), `joint` with both drawn together,
as the world ties them; nats per token of the program, its end included. `table` holds the mean loss by wording and
style. `marginal` and `joint` of the world weigh its tellings by its obscurity.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from data.worlds import intents, joint
from data.worlds.grammar import WORDINGS, draw_description
from data.worlds.intents import Intent
from data.worlds.prepare import task_of
from data.worlds.programs import ENTRY_POINT, STYLES, draw_program, styles_of_intent
from eval import registry
from eval.problem import Adapter, Problem
from utils.extract import training_target
from utils.model.load import check_model, read_weights
from utils.model.loss import mean_losses
from utils.model.sft_data import Row, batches_by_length, make_row
from utils.model.tokens import TokenizerPolicy
from utils.run import dist, files, paths
from utils.run.streams import stream

INTENTS = 40  # half of them: every intent has up to 50 rows, and methods are compared on the same ones
SCORE_TOKENS = 4096
TELLINGS = ("plain", "obscure")


def main(argv: list[str] | None = None) -> int:
    """Score and write; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="the world, as given to prepare")
    parser.add_argument("--model_name_or_path", required=True, help="folder of the model")
    parser.add_argument("--output", required=True, help="file to write")
    options = parser.parse_args(argv)
    task, ranks = task_of(options.name), dist.join()
    problems, digest = registry.load(task, task, "test")
    problems = problems[:INTENTS]
    settings = files.read_meta(paths.task_file(task, "test"))["settings"]
    settings = {**settings, "intents": INTENTS}
    inputs = {"test": digest, "weights": files.sha256(Path(options.model_name_or_path, "model.safetensors"))}
    if files.finished(options.output, settings, inputs):
        print(f"{options.output}: already exists")
        return 0
    _, policy = check_model(options.model_name_or_path, None, False)
    model = read_weights(options.model_name_or_path, "fp32").to(ranks.device).eval()
    tested = [intents.read(problem.id) for problem in problems]
    averaged: dict = {}
    for telling in TELLINGS:
        rows = draw_rows(problems, registry.adapter(task), policy, settings["seed"], telling)
        losses, keys = {}, list(rows)
        for part in batches_by_length([len(row.ids) for row in rows.values()], SCORE_TOKENS):
            scored = mean_losses(model, [rows[keys[i]] for i in part], policy.pad_id)
            losses |= {keys[i]: loss for i, loss in zip(part, scored, strict=True)}
        averaged[telling] = averages(losses, tested, settings["strength"])
    for kind in ("marginal", "joint"):
        plain, obscure = (averaged[telling][kind] for telling in TELLINGS)
        averaged[kind] = round((1 - settings["obscurity"]) * plain + settings["obscurity"] * obscure, 6)
    files.write_json(options.output, averaged, {"settings": settings, "inputs": inputs})
    return 0


def draw_rows(
    problems: list[Problem], adapter: Adapter, policy: TokenizerPolicy, seed: int, telling: str
) -> dict[tuple[int, str, str], Row]:
    """A row to score for every (index of the problem, wording, style)."""
    rows = {}
    for index, problem in enumerate(problems):
        intent = intents.read(problem.id)
        for wording in WORDINGS:
            for style in styles_of_intent(intent):
                rng = stream(seed, "loss", problem.id, wording, style)
                target = training_target(draw_program(intent, style, rng), ENTRY_POINT)
                text = draw_description(intent, wording, rng, obscure=telling == "obscure")
                prompt = adapter.code_prompt(problem, text)
                rows[index, wording, style] = make_row(policy, prompt, target, 1 << 20, end=True)
    return rows


def averages(losses: dict[tuple[int, str, str], float], test_intents: list[Intent], strength: float) -> dict:
    """`marginal`, `joint` and `table` from the loss of every (index of the intent, wording, style)."""
    marginal, tied = [], []
    for index, intent in enumerate(test_intents):
        styles = joint.style_marginal(intent)
        marginal.append(
            sum(
                chance * styles[style] * losses[index, wording, style]
                for wording, chance in joint.WORDING_PRIOR.items()
                for style in styles_of_intent(intent)
            )
        )
        tied.append(
            sum(
                chance * share * losses[index, wording, style]
                for wording, chance in joint.WORDING_PRIOR.items()
                for style, share in joint.style_given_wording(intent, wording, strength).items()
                if share
            )
        )
    table = {
        wording: {
            style: round(float(np.mean([v for (_, w, s), v in losses.items() if (w, s) == (wording, style)])), 5)
            for style in STYLES
            if any(s == style for _, _, s in losses)
        }
        for wording in WORDINGS
    }
    return {"marginal": round(float(np.mean(marginal)), 6), "joint": round(float(np.mean(tied)), 6), "table": table}


if __name__ == "__main__":
    files.run(main)
