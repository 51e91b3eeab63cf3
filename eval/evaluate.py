"""Score a samples file with the field's own formats:

    python -m eval.evaluate --dataset humaneval --samples samples.jsonl [--k 1 10]

Rows are `{"task_id", "completion"}` (what follows the prompt) or `{"task_id", "solution"}` (a whole program). Writes
`samples.jsonl_results.jsonl`: the row with `passed` and `result` (`passed`, `timed out` or `failed: <VERDICT>`), and
`samples.jsonl_scores.json`: scores with intervals, over all problems and over those whose gold solution passes, verdict
counts, `[samples, passed]` for each problem, and a breakdown where the data set has one. The last line on standard
output is `{"pass@1": x, "pass@1_ci95": [low, high], "n_problems": N}`, over all problems.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from tqdm import tqdm

from eval import judge as judging
from eval import registry
from eval.passk import mean_and_interval, pass_at_k
from eval.problem import Adapter, Problem
from eval.verdict import Judgement, Verdict
from utils import io
from utils.io import InputError


def score(problems: Sequence[Problem], judgements: Sequence[Iterable[Judgement]], ks: Sequence[int]) -> dict:
    """pass@k with 95 % intervals, verdict counts and `[n, c]` per problem, n samples of which c pass.

    `judgements` runs parallel to `problems`. INFRA is no sample; a problem that was never attempted has failed, one
    with fewer than k samples, because the judge failed on some, is left out of pass@k. Where some gold solutions do not
    pass, `verified` holds the scores over the other problems; where problems have tags, `breakdown` those by tag.
    """
    counts, verdicts, scored = {}, Counter(), []
    for problem, own in zip(problems, judgements, strict=True):
        own = list(own)
        verdicts.update(judgement.verdict.value for judgement in own)
        judged = [judgement for judgement in own if judgement.verdict is not Verdict.INFRA]
        if own and not judged:
            continue
        counts[str(problem.id)] = [len(judged), sum(bool(judgement.passed) for judgement in judged)]
        scored.append(problem)
    found = _pass_rates(list(counts.values()), ks)
    verified = [counts[str(problem.id)] for problem in scored if problem.verified]
    if len(verified) < len(scored) and any(problem.code for problem in scored):
        found["verified"] = _pass_rates(verified, ks)
    found |= {"verdicts": dict(sorted(verdicts.items())), "per_problem": counts}
    breakdown = _breakdown(scored, counts, ks)
    return {**found, "breakdown": breakdown} if breakdown else found


def _pass_rates(counts: Sequence[Sequence[int]], ks: Sequence[int], interval: bool = True) -> dict:
    """pass@k, and unless told otherwise its interval, over problems with `[n, c]` each."""
    found: dict = {"n_problems": len(counts), "pass_at_k": {}, **({"ci95": {}} if interval else {})}
    for k in ks:
        values = [pass_at_k(n, c, k) if n >= k else 0.0 for n, c in counts if n >= k or n == 0]
        if values:
            mean, bounds = mean_and_interval(values, draws=10_000 if interval else 1)
            found["pass_at_k"][str(k)] = round(mean, 6)
            if interval:
                found["ci95"][str(k)] = [round(bound, 6) for bound in bounds]
    return found


def _breakdown(problems: Sequence[Problem], counts: dict, ks: Sequence[int]) -> dict:
    """pass@k by tag, `{"library": {"numpy": {"n_problems", "pass_at_k"}}}`; a problem counts under each of its tags."""
    groups: dict[str, dict[str, list]] = {}
    for problem in problems:
        for kind, values in problem.tags.items():
            for value in dict.fromkeys(map(str, values)):
                groups.setdefault(kind, {}).setdefault(value, []).append(counts[str(problem.id)])
    return {
        kind: {value: _pass_rates(own, ks, interval=False) for value, own in sorted(by_value.items())}
        for kind, by_value in sorted(groups.items())
    }


def format_score(found: dict) -> str:
    """One line for people: `pass@1 31.3% (95 % interval 18.0 to 44.7), 50 problems`."""
    parts = []
    for k, value in found["pass_at_k"].items():
        low, high = found["ci95"][k]
        parts.append(f"pass@{k} {value:.1%} (95 % interval {100 * low:.1f} to {100 * high:.1f})")
    if "verified" in found:
        parts.append(f"{found['n_problems']} problems; gold solution passes: {format_score(found['verified'])}")
        return ", ".join(parts)
    return ", ".join([*parts, f"{found['n_problems']} problems"])


def format_breakdown(found: dict) -> list[str]:
    """A line for each tag: `library numpy: pass@1 31.3%, 491 problems`."""
    return [
        f"{kind} {value}: "
        + ", ".join(
            [*(f"pass@{k} {rate:.1%}" for k, rate in own["pass_at_k"].items()), f"{own['n_problems']} problems"]
        )
        for kind, by_value in found.get("breakdown", {}).items()
        for value, own in by_value.items()
    ]


def read_samples(path: str, problems: Sequence[Problem], adapter: Adapter) -> list[tuple[dict, int, str]]:
    """`(row, position of its problem, program)` for every sample; InputError names the line that cannot be used."""
    names = {str(problem.id): position for position, problem in enumerate(problems)}
    names |= {adapter.task_id(problem): position for position, problem in enumerate(problems)}
    samples = []
    for number, line in enumerate(io.read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}: line {number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InputError(f"{where}: not valid JSON ({error}); one object a line is wanted") from None
        if not isinstance(row, dict) or str(row.get("task_id")) not in names:
            name = row.get("task_id") if isinstance(row, dict) else None
            raise InputError(f"{where}: task_id {name!r} is no problem of the data set; check --dataset, --difficulty")
        position = names[str(row["task_id"])]
        text = row.get("solution", row.get("completion"))
        if not isinstance(text, str):
            raise InputError(f"{where}: needs completion or solution, a string")
        if "solution" not in row:
            prompt = adapter.code_prompt(problems[position], problems[position].query)
            text = prompt + ("" if text.startswith("\n") else "\n") + text
        samples.append((row, position, text))
    if not samples:
        raise InputError(f"{path}: holds no sample")
    return samples


def gold_samples(problems: Sequence[Problem], adapter: Adapter) -> list[tuple[dict, int, str]]:
    """The gold solutions in the place of samples: every one should pass. InputError where the data set has none."""
    if not any(problem.code for problem in problems):
        raise InputError(f"--check_references: {adapter.name} has no gold solutions; give --samples")
    return [({"task_id": adapter.task_id(p), "solution": p.code}, i, p.code) for i, p in enumerate(problems)]


def result_text(judgement: Judgement) -> str:
    """The verdict as the field's result files word it."""
    if judgement.passed:
        return "passed"
    return "timed out" if judgement.verdict is Verdict.TIMEOUT else f"failed: {judgement.verdict.value}"


def main() -> int:
    """Judge the samples, write the results beside them, print the scores; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True, help=", ".join(sorted(registry.ADAPTERS)))
    parser.add_argument("--difficulty", help="APPS+ only")
    parser.add_argument("--split", choices=("test", "train"), default="test", help="problems that the samples answer")
    parser.add_argument("--samples", help="samples file, JSONL")
    parser.add_argument("--k", type=int, nargs="+", default=[1], help="values of k for pass@k")
    parser.add_argument("--ignore_incomplete", action="store_true", help="leave problems without samples out")
    parser.add_argument("--check_references", action="store_true", help="judge the gold solutions instead")
    judging.add_arguments(parser)
    args = parser.parse_args()
    if not args.samples and not args.check_references:
        raise InputError("--samples: missing; name a samples file, or give --check_references")
    adapter = registry.adapter(args.dataset)
    problems, digest = registry.load(args.dataset, registry.task_name(args.dataset, args.difficulty), args.split)
    if args.check_references:
        samples = gold_samples(problems, adapter)
    else:
        samples = read_samples(args.samples, problems, adapter)
    attempts = Counter(position for _, position, _ in samples)
    if min(args.k) < 1:
        raise InputError(f"--k {min(args.k)}: must be at least 1")
    if max(args.k) > min(attempts.values()):
        raise InputError(f"--k {max(args.k)}: a problem has only {min(attempts.values())} samples; give a smaller k")
    options = judging.options_of(args)

    judgements: list[list[Judgement]] = [[] for _ in problems]
    rows = []
    with judging.Judge(options) as judge:
        print(f"isolation {judge.level}", file=sys.stderr)
        verdicts = judge.judge((adapter.judged(problems[i], program), problems[i].test) for _, i, program in samples)
        for (row, position, _), verdict in zip(samples, tqdm(verdicts, total=len(samples), unit="sample"), strict=True):
            judgements[position].append(verdict)
            rows.append({**row, "passed": verdict.passed, "result": result_text(verdict)})

    missing = len(problems) - len(attempts)
    if missing:
        fate = "are left out" if args.ignore_incomplete else "count as failed"
        print(f"warning: {missing} of {len(problems)} problems have no sample; they {fate}", file=sys.stderr)
    chosen = [i for i in range(len(problems)) if i in attempts or not args.ignore_incomplete]
    found = score([problems[i] for i in chosen], [judgements[i] for i in chosen], args.k)
    if args.samples and not args.check_references:
        output = Path(f"{args.samples}_results.jsonl")
        io.write_text(output, "".join(json.dumps(row) + "\n" for row in rows))
        print(f"{output}: {len(rows)} rows; verdicts {found['verdicts']}", file=sys.stderr)
        settings = {"dataset": args.dataset, "difficulty": args.difficulty, "split": args.split, "k": args.k,
                    "ignore_incomplete": args.ignore_incomplete, "timeout": options.timeout, "compare": options.compare,
                    "memory_mb": options.memory_mb, "allow_weak": options.allow_weak,
                    "total_timeout": options.total_timeout, "gold_time_factor": options.gold_time_factor}  # fmt: skip
        inputs = {"problems": digest, "samples": io.sha256(args.samples)}
        io.write_json(f"{args.samples}_scores.json", found, {"settings": settings, "inputs": inputs})
    else:
        failed = [row["task_id"] for row in rows if not row["passed"]]
        print(f"gold solutions: {len(rows) - len(failed)}/{len(rows)} pass; failing: {failed}", file=sys.stderr)
    for text in (*format_breakdown(found), format_score(found)):
        print(text, file=sys.stderr)
    line = {}
    for k, value in found["pass_at_k"].items():
        line |= {f"pass@{k}": value, f"pass@{k}_ci95": found["ci95"][k]}
    print(json.dumps({**line, "n_problems": found["n_problems"]}))
    return 1 if found["verdicts"].get(Verdict.INFRA.value) else 0


if __name__ == "__main__":
    io.run(main)
