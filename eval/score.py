"""From verdicts to scores: pass@k with intervals, over all problems, verified ones and by tag; lines and a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from eval.judge.verdict import Judgement, Verdict
from eval.passk import mean_and_interval, pass_at_k
from eval.problem import Problem


def score(problems: Sequence[Problem], judgements: Sequence[Iterable[Judgement]], ks: Sequence[int]) -> dict:
    """pass@k with 95 % intervals, verdict counts and `[n, c]` per problem, n samples of which c pass.

    `judgements` runs parallel to `problems`. INFRA is not a sample. A problem without samples has failed; one
    with fewer than k, because the judge failed on some, is left out of pass@k. Where some gold solutions do not pass,
    `verified` holds the scores over the other problems; where problems have tags, `breakdown` holds scores by tag.
    """
    counts, verdicts, scored = {}, Counter(), []
    for problem, of_problem in zip(problems, judgements, strict=True):
        of_problem = list(of_problem)
        verdicts.update(judgement.verdict.value for judgement in of_problem)
        judged = [judgement for judgement in of_problem if judgement.verdict is not Verdict.INFRA]
        if of_problem and not judged:
            continue
        counts[str(problem.id)] = [len(judged), sum(bool(judgement.passed) for judgement in judged)]
        scored.append(problem)
    scores = _pass_rates(list(counts.values()), ks)
    verified = [counts[str(problem.id)] for problem in scored if problem.verified]
    if len(verified) < len(scored) and any(problem.code for problem in scored):
        scores["verified"] = _pass_rates(verified, ks)
    scores |= {"verdicts": dict(sorted(verdicts.items())), "per_problem": counts}
    breakdown = _breakdown(scored, counts, ks)
    return {**scores, "breakdown": breakdown} if breakdown else scores


def _pass_rates(counts: Sequence[Sequence[int]], ks: Sequence[int], interval: bool = True) -> dict:
    """pass@k, by default with its interval, over problems with `[n, c]` each."""
    rates: dict = {"n_problems": len(counts), "pass_at_k": {}, **({"ci95": {}} if interval else {})}
    for k in ks:
        values = [pass_at_k(n, c, k) if n >= k else 0.0 for n, c in counts if n >= k or n == 0]
        if values:
            mean, bounds = mean_and_interval(values, draws=10_000 if interval else 1)
            rates["pass_at_k"][str(k)] = round(mean, 6)
            if interval:
                rates["ci95"][str(k)] = [round(bound, 6) for bound in bounds]
    return rates


def _breakdown(problems: Sequence[Problem], counts: dict, ks: Sequence[int]) -> dict:
    """pass@k by tag, `{"library": {"numpy": {"n_problems", "pass_at_k"}}}`; a problem counts under each of its tags."""
    groups: dict[str, dict[str, list]] = {}
    for problem in problems:
        for kind, values in problem.tags.items():
            for value in dict.fromkeys(map(str, values)):
                groups.setdefault(kind, {}).setdefault(value, []).append(counts[str(problem.id)])
    return {
        kind: {value: _pass_rates(counts, ks, interval=False) for value, counts in sorted(by_value.items())}
        for kind, by_value in sorted(groups.items())
    }


def format_score(scores: dict) -> str:
    """One line for people: `pass@1 31.3% (95 % interval 18.0 to 44.7), 50 problems`."""
    parts = []
    for k, value in scores["pass_at_k"].items():
        low, high = scores["ci95"][k]
        parts.append(f"pass@{k} {value:.1%} (95 % interval {100 * low:.1f} to {100 * high:.1f})")
    if "verified" in scores:
        parts.append(f"{scores['n_problems']} problems; gold solution passes: {format_score(scores['verified'])}")
        return ", ".join(parts)
    return ", ".join([*parts, f"{scores['n_problems']} problems"])


def format_breakdown(scores: dict) -> list[str]:
    """A line for each tag: `library numpy: pass@1 31.3%, 491 problems`."""
    return [
        f"{kind} {value}: "
        + ", ".join(
            [*(f"pass@{k} {rate:.1%}" for k, rate in of_tag["pass_at_k"].items()), f"{of_tag['n_problems']} problems"]
        )
        for kind, by_value in scores.get("breakdown", {}).items()
        for value, of_tag in by_value.items()
    ]


def columns_of(scores: dict) -> dict[str, dict]:
    """Title -> rates, for the columns of the table and the curves of the figure of `eval.evaluate`."""
    tests = "base+plus" if "base" in scores else "all tests"
    columns = {tests: scores, "base": scores.get("base")}
    columns |= {f"{tests}, as written": scores.get("raw"), "base, as written": scores.get("raw_base")}
    if "verified" in scores:
        columns[f"{tests}, {scores['verified']['n_problems']} verified problems"] = scores["verified"]
    return {title: rates for title, rates in columns.items() if rates is not None}


def format_table(scores: dict, ks: Sequence[int]) -> list[str]:
    """The lines of a table of pass@k in percent, a row for each k, a column for each score; the gold solutions last."""
    columns, gold = columns_of(scores), scores["gold"]
    rows = [["pass@k, % (95 % interval)", *columns]]
    rows += [[f"k = {k}", *(_cell(rates, str(k)) for rates in columns.values())] for k in ks]
    if gold["n"]:
        passed = [gold["passed"], *([gold["base_passed"]] if "base" in scores else [])]
        counts = [f"{count}/{gold['n']} pass" for count in passed]
        rows.append(["gold solutions", *counts, *[""] * (len(columns) - len(counts))])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _cell(rates: dict, k: str) -> str:
    if k not in rates["pass_at_k"]:
        return "-"
    low, high = rates["ci95"][k]
    return f"{100 * rates['pass_at_k'][k]:.1f} ({100 * low:.1f} to {100 * high:.1f})"
