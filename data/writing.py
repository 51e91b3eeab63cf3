"""Task files of every `data/<dataset>/prepare.py`: judged, written and summed up.

The same input gives the same files, byte by byte.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from data import contamination
from data.conversion import Batch, clean_description, raw_head
from data.verification import GOLD_TIMEOUT, judge_versions
from eval.judge.flags import options_of
from eval.judge.verdict import Judgement, Verdict
from eval.problem import Adapter, entry_point
from utils.report import tables
from utils.run import paths
from utils.run.files import InputError, write_json

SHOWN_PAIRS, SHOWN_FAILURES = 3, 40


@dataclass
class Task:
    """One task to write: its problems by split, each as versions that differ in the gold solution."""

    name: str
    splits: dict[str, list[list[dict]]]
    examples: list[list] | None = None  # in-context descriptions; None: the source has none
    examples_dropped: Counter = field(default_factory=Counter)
    matched: dict | None = None  # how descriptions without an id were matched to problems
    expected: dict[str, int | str] = field(default_factory=dict)  # problems by split, as published
    gold_timeout: float = GOLD_TIMEOUT
    seeds: list = field(default_factory=list)  # ids of all training problems as published, None for a row that is none

    def __post_init__(self):
        self.seeds = self.seeds or [versions[0]["id"] for versions in self.splits.get("train", ())]


def shape_texts(task: Task, raw_heads: bool, raw_texts: bool) -> None:
    """Heads and descriptions of a task as its files have them: cut down and trimmed, or raw."""
    for row in (row for split in task.splits.values() for versions in split for row in versions):
        if raw_heads:
            row["head"] = raw_head(row["code"], entry_point(row["head"]))
        if not raw_texts:
            row["query"] = row["query"].strip()
    if task.examples is not None and not raw_texts:
        task.examples = [[key, clean_description(text)] for key, text in task.examples]


def write_tasks(adapter: Adapter, tasks: list[Task], batches: list[Batch], args, settings: dict, inputs: dict) -> None:
    """Judge all gold solutions, write the files of every task, print the tables and the contamination report.

    Training files hold the problems whose gold solution passes (`--keep_unverified`: the others too; `--keep_untested`:
    those too whose tests assert nothing), with `--drop_near_duplicates` none that is a test problem or nearly one;
    their meta files list the `seeds`, ids of all training problems. Test files hold all, with `verified` and a tag
    where one is trained on too.
    """
    options = options_of(args)
    tasks = [task for task in tasks if any(task.splits.values())]
    for task in tasks:
        shape_texts(task, args.raw_heads, args.raw_texts)
    if not tasks:
        reasons = Counter()
        for batch in batches:
            reasons += batch.dropped
        raise InputError(f"--source: no row became a problem ({_counted(reasons)}); README.md says what is read")
    flat = [versions for task in tasks for split in task.splits.values() for versions in split]
    judged = iter(judge_versions(flat, options, max(task.gold_timeout for task in tasks)))
    limits = ("timeout", "total_timeout", "gold_time_factor", "memory_mb", "compare", "allow_weak")
    judged_with = {name: getattr(options, name) for name in limits}
    names = ("keep_unverified", "keep_untested", "drop_near_duplicates", "raw_heads", "raw_texts", "as_published")
    chosen = {name: getattr(args, name) for name in names}
    meta = {"settings": {**settings, **chosen, **judged_with}, "inputs": inputs}
    near = near_test_problems(tasks) if args.drop_near_duplicates else frozenset()
    summary = Summary()
    for task in tasks:
        verdicts = {split: [next(judged) for _ in versions] for split, versions in task.splits.items() if versions}
        trained = write_problems(task, verdicts, near, args, meta, summary)
        if task.examples is not None:
            summary.lines.append(write_examples(task, {str(row["id"]) for row in trained}, meta))
    print_rows(batches)
    summary.show()
    for task in (task for task in tasks if task.splits.get("train") and not task.examples):
        print(without_examples(adapter, task))
    report_contamination([task.name for task in tasks])
    for note in summary.notes:
        print(note)


@dataclass
class Summary:
    """The report on the files written: table lines, gold solutions that fail, closing remarks."""

    lines: list[list[str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def show(self) -> None:
        """Print the table and the first of the failures."""
        print(
            tables.markdown(
                ["task", "split", "problems", "gold passes", "written", "left out", "published"], self.lines
            )
        )
        for line in self.failures[:SHOWN_FAILURES]:
            print(f"gold does not pass: {' '.join(line.split())[:200]}")
        if len(self.failures) > SHOWN_FAILURES:
            print(f"... and {len(self.failures) - SHOWN_FAILURES} more; the meta files name all")


def write_problems(
    task: Task,
    verdicts: dict[str, list[tuple[dict, Judgement]]],
    near: frozenset[str],
    args,
    meta: dict,
    summary: Summary,
) -> list[dict]:
    """Write the splits of a task, whose gold solutions were judged, without those `near`; returns the training rows."""
    trained: list[dict] = []
    for split, judged in verdicts.items():
        rows, left_out = _selected(judged, split, args)
        if split == "train":
            trained = [row for row in rows if f"{task.name}/{row['id']}" not in near]
            near_ones = {"test problems or near duplicates of them": len(rows) - len(trained)}
            left_out += Counter(near_ones)  # which keeps no zero
            if args.drop_near_duplicates:
                summary.notes.append(f"{task.name}: {len(trained)} of {len(rows)} training problems remain")
            rows = trained
        elif note := contamination.tag(task.name, trained, rows):
            summary.notes.append(note)
        unverified = {str(row["id"]): v.verdict.value for row, v in judged if not v.passed}
        counts = {"problems": len(judged), "verified": len(judged) - len(unverified), "written": len(rows)}
        seeds = {"seeds": task.seeds} if split == "train" else {}
        write_split(task.name, split, rows, counts, {**meta, "unverified": unverified, **seeds})
        expected = str(task.expected.get(split) or "")
        summary.lines.append([task.name, split, *map(str, counts.values()), _counted(left_out), expected])
        summary.failures += [
            f"{task.name} {split} {row['id']}: {v.verdict.value} {v.detail}" for row, v in judged if not v.passed
        ]
    return trained


def write_examples(task: Task, trained: set[str], meta: dict) -> list[str]:
    """Write the in-context descriptions of the problems that are trained on; returns their line of the table."""
    kept = [entry for entry in task.examples if str(entry[0]) in trained]
    dropped = +(task.examples_dropped + Counter({"without training problem": len(task.examples) - len(kept)}))
    counts = {"descriptions": len(kept), "dropped": dict(sorted(dropped.items()))}
    counts |= {"matched": task.matched} if task.matched else {}
    task.examples = kept
    write_split(task.name, "ict", kept, counts, meta)
    return [task.name, "ict", str(len(kept)), "", str(len(kept)), _counted(dropped), ""]


def without_examples(adapter: Adapter, task: Task) -> str:
    """What to say of a task whose source gave no in-context description: what follows, and which command makes some."""
    command = f"python -m data.make_ict --dataset {adapter.name}"
    command += f" --difficulty {task.name}" if adapter.tasks else ""
    made = f"`{command} --model_name_or_path MODEL` makes some"
    if task.examples is not None:
        return f"{task.name}: no description of the in-context list can be used, prompts go without an example; {made}"
    if paths.task_file(task.name, "ict").exists():
        return f"{task.name}: no in-context list among the sources; {paths.task_file(task.name, 'ict')} stays in use"
    return (
        f"{task.name}: no in-context list among the sources (`ict_data.json` in a folder, or --ict FILE); "
        f"the problems' own descriptions stand in; {made}"
    )


def _selected(judged: list[tuple[dict, Judgement]], split: str, args) -> tuple[list[dict], Counter]:
    """The rows of a split that are written, and the verdicts of those that are not."""
    rows, out = [], Counter()
    for row, verdict in judged:
        kept = args.keep_untested if verdict.verdict is Verdict.NO_TESTS else args.keep_unverified
        if split == "train" and not (verdict.passed or kept):
            out[f"gold {verdict.verdict.value}"] += 1
        else:
            rows.append({**row, "verified": bool(verdict.passed)})
    return rows, out


def write_split(task: str, split: str, rows: list, counts: dict, meta: dict | None = None) -> None:
    """Write `data/<task>/<split>.json` with its meta file."""
    write_json(paths.task_file(task, split), rows, {**(meta or {}), "counts": counts})


def print_table(adapter: Adapter, counts: dict[str, dict[str, int]]) -> None:
    """One line a split: numbers by name, and the number expected."""
    for split, split_counts in counts.items():
        expected = adapter.expected.get(split)
        numbers = ", ".join(f"{name} {count}" for name, count in split_counts.items())
        print(f"{adapter.name} {split}: {numbers}" + (f" (expected {expected})" if expected else ""))


def print_rows(batches: list[Batch]) -> None:
    """What became of the raw rows: read, kept, dropped by reason."""
    lines = [[batch.name, str(batch.read), str(len(batch.rows)), _counted(batch.dropped)] for batch in batches]
    print(tables.markdown(["source", "rows read", "kept", "dropped"], lines) + "\n")


def _counted(counts: Counter) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))


def near_test_problems(tasks: list[Task]) -> frozenset[str]:
    """`task/id` of the training problems that are a test problem of one of these tasks, or nearly one."""

    def rows(task: Task, split: str) -> list[dict]:
        return [versions[0] for versions in task.splits.get(split, ())]

    pairs = [
        pair
        for ours in tasks
        for theirs in tasks
        for pair in contamination.between(ours.name, rows(ours, "train"), theirs.name, rows(theirs, "test"))
    ]
    return frozenset(pair.train for pair in pairs if {"near", *contamination.SAME} & set(pair.signs))


def report_contamination(tasks: list[str]) -> None:
    """Print what training and test problems share, and keep the pairs in `data/<task>/contamination.json`."""
    pairs_by_name = contamination.report(tasks)
    limits = {"similarity": contamination.THRESHOLD, "similarity_with_name": contamination.NAMED_THRESHOLD,
              "word_run": contamination.WORD_RUN, "token_run": contamination.TOKEN_RUN, "share": contamination.SHARE,
              "frequent": contamination.GENERIC, "signs": contamination.SIGNS,
              "limits": contamination.LIMITS}  # fmt: skip
    for task in tasks:
        task_pairs = {name: pairs for name, pairs in pairs_by_name.items() if f"{task} t" in name}
        rows = [{"between": name, **vars(pair)} for name, pairs in task_pairs.items() for pair in pairs]
        counts = {name: _signs(pairs) for name, pairs in task_pairs.items()}
        write_split(task, "contamination", rows, counts, {"settings": limits})
    lines = []
    for name, pairs in pairs_by_name.items():
        nearest = "; ".join(f"{p.train} = {p.test} ({p.similarity:.2f})" for p in pairs[:SHOWN_PAIRS])
        lines.append([name, *map(str, _signs(pairs).values()), nearest])
    if lines:
        print("\nOverlap and near duplicates between training and test problems, in pairs:")
        print(tables.markdown(["train / test", *_signs([]), "nearest"], lines))


def _signs(pairs: list[contamination.Pair]) -> dict[str, int]:
    """How many pairs have each sign, how many there are, and how many problems of either side are in one."""
    counts = {f"same {sign}" if sign in contamination.SAME else sign: sum(sign in pair.signs for pair in pairs)
              for sign in contamination.SIGNS}  # fmt: skip
    sides = {"train problems": {pair.train for pair in pairs}, "test problems": {pair.test for pair in pairs}}
    return {**counts, "pairs": len(pairs), **{name: len(labels) for name, labels in sides.items()}}
