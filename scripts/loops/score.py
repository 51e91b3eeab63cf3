"""The scoring loop: stage 2."""

from __future__ import annotations

import argparse
import math
import statistics

from cal_ppl import rows_to_score
from scripts.loops.bench import (
    AGREEMENT_ROWS,
    SCORE_LENGTH,
    Bench,
    as_published,
    largest_difference,
    published_losses,
    row_lengths,
)
from utils.args import ScoringOptions
from utils.code_files import CodeFile
from utils.extract import training_target
from utils.model.loss import SCORE_TOKENS, mean_losses
from utils.model.sft_data import batches_by_length

PROBLEMS = 100  # where no --limit is given


def measure(args: argparse.Namespace) -> dict:
    """Sequences per second of stage 2 on gold programs under their descriptions.

    Reference: row by row, padded to 2048 tokens, scores over the vocabulary at every position. Two rows a repetition
    are enough: padded rows all cost the same. `largest_relative_difference` is that of perplexities in fp32.
    """
    bench = Bench.load(args, PROBLEMS)
    length, pad_id = min(SCORE_LENGTH, bench.longest), bench.policy.pad_id
    programs = [[prompt + training_target(problem.code, problem.entry_point)]
                for prompt, problem in zip(bench.prompts(), bench.problems, strict=True)]  # fmt: skip
    options = ScoringOptions(
        model_name_or_path=bench.options.model_name_or_path,
        deepspeed_config=bench.options.deepspeed_config,
        dataset=bench.options.dataset,
        output_dir="benchmark",
        max_length=length,
        selfsample_code_source="gold programs",
    )
    code_file = CodeFile("gold programs", programs, [[i] for i in range(len(programs))], len(programs))
    _, rows = rows_to_score(options, code_file, bench.problems, bench.policy, bench.ranks)
    model = bench.model()
    batches = batches_by_length([len(row.ids) for row in rows], SCORE_TOKENS[bench.ranks.device.type])

    def ours() -> None:
        for batch in batches:
            mean_losses(model, [rows[i] for i in batch], pad_id)

    rates, published = [], []
    for repeat in range(args.repeats):
        rates.append(len(rows) / bench.seconds(ours))
        some = [rows[(2 * repeat + i) % len(rows)] for i in range(2)]
        with as_published(model):
            published.append(2 / bench.seconds(lambda some=some: published_losses(model, some, length, pad_id)))
    del model
    model, some = bench.model("fp32"), rows[:AGREEMENT_ROWS]
    losses = mean_losses(model, some, pad_id)
    with as_published(model):
        expected = published_losses(model, some, length, pad_id)
    return {
        "ours": statistics.median(rates),
        "reference": statistics.median(published),
        "unit": "sequences/s",
        "largest_relative_difference": largest_difference([*map(math.exp, losses)], [*map(math.exp, expected)]),
        **bench.description(),
        **row_lengths(rows, length),
    }
