"""Stage 2 of GiFT: the perplexity of every kept code under the description it was sampled from, or under d0.

On one CPU or GPU:

    python cal_ppl.py --deepspeed_config ./deepspeed_config.json --dataset quickstart \
        --model_name_or_path data/models/SmolLM2-135M-Instruct --output_dir tmp --max_length 1024 \
        --selfsample_code_source data/quickstart/selfsample_code/SmolLM2-135M-Instruct/passed_seq_code.json

On eight GPUs:

    deepspeed --include localhost:0,1,2,3,4,5,6,7 cal_ppl.py --deepspeed_config ./deepspeed_config.json \
        --model_name_or_path deepseek-ai/deepseek-coder-6.7b-base --eval_batch_size 1 --max_length 2048 \
        --output_dir tmp --seed 1234 --difficulty introductory --selfsample_code_source \
        ./data/introductory/selfsample_code/deepseek-ai/deepseek-coder-6.7b-base/passed_seq_code.json

Writes `ppl-passed_seq_code.json` next to its input: `{"0": perplexity, ...}`, keyed by position in the flattened file.
`--save_dir` writes it elsewhere: perplexities under d0 (`--description seed`) or of another model need another folder.
"""

from __future__ import annotations

from utils.args import ScoringOptions, parse, settings
from utils.run import stop

if __name__ == "__main__":  # before the imports that take seconds
    stop.watch()
    OPTIONS = stop.early(lambda: parse(ScoringOptions))

import math

from eval import registry
from eval.problem import Problem
from utils.code_files import CodeFile, read_codes
from utils.extract import split_program
from utils.model.families import note_on, way_of
from utils.model.load import check_length, check_model, load_model, revision
from utils.model.loss import SCORE_TOKENS, mean_losses
from utils.model.sft_data import Row, batches_by_length, make_row
from utils.model.tokens import TokenizerPolicy
from utils.run import dist, files, paths
from utils.run.files import Failure, InputError
from utils.run.journal import Journal
from utils.run.progress import Progress


def main(options: ScoringOptions) -> None:
    """Score every code of a code file once."""
    # Options, checked before any weights are loaded
    ranks = dist.join()
    problems, problems_digest = ranks.on_main(lambda: registry.load(options.dataset, options.task, "train"))
    source, train_file = options.selfsample_code_source, paths.task_file(options.task, "train")
    code_file = ranks.on_main(lambda: read_codes(source, problems[: options.limit or None], train_file))
    config, policy = check_model(options.model_name_or_path, options.revision, options.trust_remote_code, options.chat)
    check_length(config, options.max_length)
    keys, rows = rows_to_score(options, code_file, problems, policy, ranks)

    # Resume
    output = paths.perplexity_file(source, options.save_dir)
    made_with = settings(options, revision(options.model_name_or_path, config))
    inputs = {"code": ranks.on_main(lambda: files.sha256(source)), "train": problems_digest}
    with ranks.alone_in(output):
        if options.overwrite:
            ranks.on_main(lambda: files.forget(output))
        elif ranks.on_main(lambda: files.finished(output, made_with, inputs)):
            ranks.log(f"{output}: already exists")
            return
        journal = Journal(output, made_with, inputs, ranks, options.overwrite)

        # Model
        ranks.note(note_on(config, options.max_length))
        model = load_model(options, ranks.device)

        # Run
        together = options.eval_batch_size if way_of(config).takes(options.max_length) else 1
        batches = batches_by_length([len(row.ids) for row in rows], SCORE_TOKENS[ranks.device.type], together)
        bar = Progress(len(ranks.share(batches)), "perplexity", ranks.main, unit="batch")
        losses = []
        for batch in ranks.share(batches):
            # A batch is scored as a whole or not at all: its other rows may change the last digit.
            values, tokens = [journal.get("loss", (keys[i],)) for i in batch], 0
            if None in values:
                values = mean_losses(model, [rows[i] for i in batch], policy.pad_id)
                if not all(map(math.isfinite, values)):
                    raise Failure(f"--dtype {options.dtype}: a loss is not finite; give bf16 or fp32")
                tokens = sum(len(rows[i].ids) for i in batch)
                for i, loss in zip(batch, values, strict=True):
                    journal.add("loss", (keys[i],), loss)
            bar.add(tokens)
            losses.append(values)
        bar.close()

        # Results
        by_key = {keys[i]: loss for batch, values in zip(batches, ranks.gather(losses), strict=True)
                  for i, loss in zip(batch, values, strict=True)}  # fmt: skip
        perplexities = {str(key): float(f"{math.exp(by_key[key]):.6g}") for key in sorted(by_key)}
        counts = {"codes": sum(map(len, code_file.codes)), "scored": len(perplexities)}
        meta, timing = {"settings": made_with, "inputs": inputs, "counts": counts}, bar.timing(ranks)
        ranks.on_main(lambda: files.write_json(output, perplexities, meta, timing))
        journal.remove(ranks)
    ranks.log(f"{output}: {len(perplexities)} of {counts['codes']} codes scored")


def rows_to_score(
    options: ScoringOptions,
    code_file: CodeFile,
    problems: list[Problem],
    policy: TokenizerPolicy,
    ranks: dist.Ranks,
) -> tuple[list[int], list[Row]]:
    """Positions in the flattened list of all codes that can be scored, and their rows.

    Codes that do not fit or do not parse are counted in the log and get no perplexity. InputError where none is left.
    """
    max_length = options.max_length
    adapter = registry.adapter(options.dataset, options.prompt_newline, options.raw_texts)
    flat = [
        (key, problem, code)
        for problem, codes, positions in zip(problems, code_file.codes, code_file.positions, strict=False)
        for key, code in zip(positions, codes, strict=True)
    ]
    keys, rows, broken = [], [], 0
    for key, problem, code in flat:
        try:
            prompt, target = split_program(code, problem.entry_point)
        except ValueError:
            broken += 1
            continue
        if options.prompt_newline and target.startswith("\n"):  # the newline was part of the prompt
            prompt, target = prompt + "\n", target[1:]
        if options.description == "seed":
            prompt = adapter.code_prompt(problem, problem.query)
        row = make_row(policy, prompt, target, max_length, end=not options.no_eos)
        if row is not None:
            keys.append(key)
            rows.append(row)
    if flat and broken == len(flat):
        raise InputError(
            f"{code_file.path}: no code parses and has its problem's function; give the --dataset that it is for"
        )
    if flat and not rows:
        raise InputError(f"--max_length {max_length}: no code of the code file fits; give a larger one")
    if code_file.warning:
        ranks.log(code_file.warning)
    if broken:
        ranks.log(f"dropped: {broken} codes that do not parse or lack their problem's function")
    if len(flat) - broken > len(rows):
        ranks.log(f"dropped: {len(flat) - broken - len(rows)} codes longer than --max_length {max_length}")
    return keys, rows


if __name__ == "__main__":
    stop.run(main, OPTIONS)
