"""Results as tables and figures, and a look inside the chains and the selection:

    python -m utils.report quickstart [--run quickstart]
    python -m utils.report tables --task TASK [--runs PATTERN ...] --output_dir FOLDER
    python -m utils.report chains --task TASK --samplers NAME=SAVE_DIR ... --output FILE.png
    python -m utils.report selection --task TASK --selfsample_code_source CODES [--weight_file1 PERPLEXITIES]
        [--temperature 0 0.5 1 2 4] [--num_seq K] [--output FILE.png]
    python -m utils.report replication
    python -m utils.report export --task TASK --selfsample_code_source CODES --output PAIRS.jsonl

`quickstart`: cost and outcome of each step of `scripts/quickstart.sh`, and the base model against the fine-tuned one.
`tables`: all runs of a task in its results folder: mean and deviation over seeds, intervals, paired comparison with
RFT, verdicts, and the published scores; Markdown, CSV and figures.
`chains`: the rounds of stage 1, for several samplers side by side.
`selection`: the codes that stage 3 would draw at several inverse temperatures.
`replication`: the study of `scripts/replicate_world.sh`, from its result files alone.
`export`: the kept (description, code) pairs as JSON lines for `datasets.load_dataset("json", data_files=...)`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from eval import registry
from utils.report import figures, quickstart, results
from utils.report.tables import (
    chains_csv,
    chains_summary,
    csv_text,
    d0_summary,
    markdown,
    preview_rows,
    runs_csv,
    scores_csv,
    scores_table,
    verdicts_table,
)
from utils.run import files, paths
from utils.run.files import InputError


def main() -> int:
    """Run the report that the command line names."""
    args = _parser().parse_args()
    args.report(args)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m utils.report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    reports = parser.add_subparsers(required=True, parser_class=_Parser)

    command = reports.add_parser("quickstart", help="a run of scripts/quickstart.sh")
    command.add_argument("--run", default="quickstart", help="name of the run")
    command.set_defaults(report=lambda args: quickstart.report(args.run))

    command = reports.add_parser("tables", help="methods over seeds, and the published scores")
    command.add_argument("--task", required=True, help="folder below data/, such as mbpp or introductory")
    command.add_argument(
        "--runs", nargs="+", default=["*"], help="names (--output_dir) of runs, or shell patterns of them"
    )
    command.add_argument("--against", help="setting to draw scores against, such as num_seq or temperature")
    command.add_argument("--output_dir", required=True, type=Path, help="folder for the tables and figures")
    command.set_defaults(report=tables)

    command = reports.add_parser("chains", help="inside the chains of stage 1")
    command.add_argument("--task", required=True, help="folder below data/")
    command.add_argument(
        "--samplers", required=True, nargs="+", metavar="NAME=SAVE_DIR", help="runs of stage 1 to compare"
    )
    command.add_argument(
        "--output", required=True, type=Path, help="page to write (PNG); its data is written next to it as CSV"
    )
    command.set_defaults(report=chains)

    command = reports.add_parser("selection", help="how an inverse temperature changes the drawn codes")
    _add_sources(command)
    command.add_argument("--temperature", nargs="+", type=float, default=[0, 0.5, 1, 2, 4], help="inverse temperatures")
    command.add_argument("--num_seq", type=int, default=8, help="K: codes drawn for each problem")
    command.add_argument("--output", type=Path, help="figure to write (PNG); its data is written next to it as CSV")
    command.set_defaults(report=selection)

    command = reports.add_parser("replication", help="GiFT against RFT and the truth, in worlds of programs")
    command.add_argument("--results", help="folder of the result files")
    command.set_defaults(report=replication)

    command = reports.add_parser("export", help="kept pairs as JSON lines")
    _add_sources(command)
    command.add_argument("--output", required=True, type=Path, help="file to write (JSON lines)")
    command.set_defaults(report=export)
    return parser


def _add_sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--task", required=True, help="folder below data/")
    parser.add_argument("--limit", type=int, default=0, help="the --limit of stage 1")
    parser.add_argument("--selfsample_code_source", required=True, help="code file of stage 1")
    parser.add_argument("--weight_file1", help="its perplexities; default: the file of stage 2 in the same folder")


class _Parser(argparse.ArgumentParser):
    """Reports a bad flag in one line."""

    def __init__(self, **options):
        super().__init__(**{"allow_abbrev": False, **options})

    def error(self, message: str):
        raise InputError(f"{message}; see python -m utils.report --help")


def tables(args: argparse.Namespace) -> None:
    """Write `<task>.md`, its CSV files and figures, and print the tables."""
    runs, unmatched = results.read_runs(args.task, args.runs)
    rows = results.make_rows(runs)
    quoted, sections, csv_rows = results.quoted(args.task), [], []
    for k in sorted({k for row in rows for k in row.ks}):
        scored = []
        for row in rows:
            if k in row.ks:
                baseline = results.baseline_of(row, rows) if row.method != results.BASELINE else None
                scored.append((row, results.score(row, k, baseline)))
                csv_rows.append((row, k, scored[-1][1], baseline))
        published = quoted if k == 1 else []
        sections.append(f"## {args.task}: pass@{k}\n\n" + scores_table(scored, k, published))
        figures.scores_figure(scored, k, published, args.task, args.output_dir / f"{args.task}-pass{k}.png")
        if args.against:
            figures.setting_figure(
                scored,
                k,
                args.against,
                _default_of(args.against),
                args.output_dir / f"{args.task}-{args.against}-pass{k}.png",
            )
    sections.append(f"## {args.task}: verdicts\n\n" + verdicts_table(rows))
    notes = results.notes(rows, args.task)
    if unmatched:
        notes.append(f"No results yet: {', '.join(unmatched)}.")
    sections.append("\n".join(f"* {note}" for note in notes))
    figures.verdicts_figure(rows, args.task, args.output_dir / f"{args.task}-verdicts.png")
    text = "\n\n".join(sections) + "\n"
    files.write_text(args.output_dir / f"{args.task}.md", text)
    files.write_text(args.output_dir / f"{args.task}.csv", scores_csv(args.task, csv_rows, quoted, results.SOURCE))
    files.write_text(args.output_dir / f"{args.task}-runs.csv", runs_csv(runs))
    print(text)
    print(f"Written: {args.output_dir}", file=sys.stderr)


def _default_of(setting: str) -> object:
    """The default of a flag of stage 3; results files older than the flag do not have it."""
    from utils.args import TrainingOptions

    return next((field.default for field in fields(TrainingOptions) if field.name == setting), None)


def chains(args: argparse.Namespace) -> None:
    """Write the page and its data, and print the summary."""
    from utils.report import chains as inside  # imported late: it takes seconds

    dataset = registry.dataset_of(args.task)
    runs = [inside.summarize(inside.read_chains(*pair, dataset, args.task)) for pair in _named(args.samplers)]
    budget = min(run.samples[-1] for run in runs)
    at_common_budget = {form: [inside.at_budget(run, form, budget) for run in runs] for form in inside.FORMS}
    summaries = [chains_summary(runs, at_common_budget)]
    if any(run.verified for run in runs):
        summaries.append(d0_summary(runs))
    notes = inside.notes(runs, budget)
    title = f"Inside the chains: {args.task}, {len(runs[0].distinct_by_problem['exact'])} problems"
    figures.chains_page(runs, title, notes, args.output)
    files.write_text(args.output.with_suffix(".csv"), chains_csv(runs))
    lines = [{} for _ in runs]
    for header, rows in summaries:
        lines = [line | dict(zip(header, row, strict=True)) for line, row in zip(lines, rows, strict=True)]
    files.write_text(args.output.with_name(f"{args.output.stem}-summary.csv"), csv_text(lines))
    print(title)
    for header, rows in summaries:
        columns = [list(column) for column in zip(header, *rows, strict=True)]  # samplers as columns: they are fewer
        print(f"\n{markdown(columns[0], columns[1:])}")
    print("\n" + "\n".join(f"* {note}" for note in notes))
    print(f"Written: {args.output}", file=sys.stderr)


def _named(samplers: Sequence[str]) -> list[tuple[str, str]]:
    pairs = [tuple(sampler.split("=", 1)) for sampler in samplers]
    for sampler, pair in zip(samplers, pairs, strict=True):
        if len(pair) != 2 or not all(pair):
            raise InputError(f"--samplers {sampler}: expected NAME=SAVE_DIR, such as GiFT=runs/gibbs")
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise InputError(f"--samplers: a name stands twice among {', '.join(names)}; give each run a different name")
    return pairs


def _read_sources(args: argparse.Namespace, scored: bool) -> tuple[list, list[list[str]], list[list[float | None]]]:
    """Problems, kept codes and perplexities; with `scored`, perplexities are required."""
    from utils.code_files import read_codes, read_perplexities

    source = args.selfsample_code_source
    problems, _ = registry.load(registry.dataset_of(args.task), args.task, "train")
    problems = problems[: args.limit or None]
    code_file = read_codes(source, problems, paths.task_file(args.task, "train"))
    if code_file.warning:
        print(f"warning: {code_file.warning}", file=sys.stderr)
    codes = code_file.codes
    weights = Path(args.weight_file1) if args.weight_file1 else paths.perplexity_file(source)
    if not scored and not args.weight_file1 and not weights.exists():
        return problems, codes, [[None] * len(of_problem) for of_problem in codes]
    perplexities, warning = read_perplexities(weights, code_file)
    if warning:
        print(f"warning: {warning}", file=sys.stderr)
    return problems, codes, perplexities


def selection(args: argparse.Namespace) -> None:
    """Print the draw at each inverse temperature; warn where one code takes nearly all of it."""
    from utils.report import preview

    if args.num_seq < 1:
        raise InputError(f"--num_seq {args.num_seq}: must be at least 1")
    if not all(0 <= temperature < float("inf") for temperature in args.temperature):
        raise InputError(f"--temperature {args.temperature}: must be numbers of 0 or above")
    read, codes, perplexities = _read_sources(args, scored=True)
    problems = preview.scored_problems([problem.id for problem in read], codes, perplexities)
    if not problems:
        raise InputError(f"{args.selfsample_code_source}: no problem has two scored codes; there is nothing to choose")
    previews = [preview.preview(problems, value, args.num_seq) for value in sorted(args.temperature)]
    header, rows = preview_rows(previews, args.num_seq)
    mean = sum(len(problem.codes) for problem in problems) / len(problems)
    print(f"{args.task}: {len(problems)} problems with two scored codes or more, {mean:.1f} on average\n")
    print(markdown(header, rows))
    for at_temperature in previews:
        if line := preview.warning(problems, at_temperature):
            print(f"\n{line}")
    if args.output:
        figures.preview_page(
            previews, args.num_seq, f"Selection preview: {args.task}, {len(problems)} problems", args.output
        )
        files.write_text(
            args.output.with_suffix(".csv"), csv_text([dict(zip(header, row, strict=True)) for row in rows])
        )
        print(f"Written: {args.output}", file=sys.stderr)


def replication(args: argparse.Namespace) -> None:
    """Print the tables of the replication study and draw its figures."""
    from scripts.replication import report  # the one import from utils into scripts

    report.main(["--results", args.results] if args.results else [])


def export(args: argparse.Namespace) -> None:
    """Write every kept code with the description that it was sampled from, one JSON object per line."""
    from utils.report.chains import export_rows

    problems, codes, perplexities = _read_sources(args, scored=False)
    meta = files.read_meta(args.selfsample_code_source) or {}
    rows = export_rows(registry.adapter(registry.dataset_of(args.task)), problems, codes, perplexities, meta)
    files.write_text(args.output, "".join(json.dumps(row) + "\n" for row in rows))
    print(f"{args.output}: {len(rows)} pairs of {sum(map(bool, codes))} problems", file=sys.stderr)


if __name__ == "__main__":
    files.run(main)
