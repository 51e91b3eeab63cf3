"""What every `data/<dataset>/prepare.py` does in the same way: read raw rows, judge gold solutions, write task files.

A raw row that cannot become a problem is dropped and counted by reason (`Dropped`); a file that is unusable as a whole
is an `InputError`. The same input gives the same files, byte by byte.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import gzip
import hashlib
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from data import contamination, hub
from eval.judge import Judge, JudgeOptions
from eval.judge.flags import add_arguments, options_of
from eval.judge.verdict import Judgement, Verdict
from eval.problem import Adapter, Problem, entry_point
from utils.extract import bare_newlines, find_function, parse, remove_docstrings, split_program, training_target
from utils.report import tables
from utils.run import paths
from utils.run.files import Failure, InputError, write_json

SUFFIXES = (".json", ".jsonl", ".json.gz", ".jsonl.gz")
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
OWN_FILES = (".meta.json", ".timing.json")
SHOWN_PAIRS, SHOWN_FAILURES = 3, 40
GOLD_TIMEOUT = 30.0  # seconds that a gold solution may take for a script or input, unless all limits are fixed


class Dropped(Exception):
    """A raw row that cannot become a problem; its text is the reason that is counted."""


# ---------------------------------------------------------------------------------------------------------------------
# The command line


def arguments(description: str) -> argparse.ArgumentParser:
    """The flags of every prepare command: the judge's own."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    return parser


def source_arguments(description: str, source: str, required: bool = True) -> argparse.ArgumentParser:
    """The flags of every prepare command that reads raw files; `source` says which."""
    parser = arguments(description)
    parser.add_argument("--source", nargs="+", required=required, default=[], metavar="PATH", help=source)
    parser.add_argument("--ict", metavar="FILE", help="in-context descriptions as published")
    parser.add_argument(
        "--keep_unverified", action="store_true", help="keep training problems whose gold solution does not pass"
    )
    parser.add_argument(
        "--keep_untested", action="store_true", help="keep training problems whose tests assert nothing"
    )
    parser.add_argument(
        "--drop_near_duplicates",
        action="store_true",
        help="leave out training problems that are, or nearly duplicate, a test problem of the same data set",
    )
    parser.add_argument(
        "--raw_heads", action="store_true", help="heads are all that stands before the function's body, helpers too"
    )
    parser.add_argument("--raw_texts", action="store_true", help="descriptions are neither trimmed nor cleaned")
    parser.add_argument(
        "--as_published", action="store_true", help="the published choices where ours differ; explicit flags win"
    )
    return parser


# What `--as_published` sets, as far as a data set has these flags.
PUBLISHED = {"raw_heads": True, "raw_texts": True, "keep_unverified": True, "keep_untested": True, "max_tests": 10}


def parse_flags(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The flags given, and with `--as_published` the published values of those that are not."""
    args = parser.parse_args()
    if args.as_published:
        parser.set_defaults(**{name: value for name, value in PUBLISHED.items() if hasattr(args, name)})
        args = parser.parse_args()
    return args


# ---------------------------------------------------------------------------------------------------------------------
# Raw rows


@dataclass(frozen=True)
class Part:
    """The rows of one raw file, or of one split of a hub data set; a row that could not be read is a `Dropped`."""

    name: str  # file name, or split of the hub data set
    rows: list
    digest: str  # SHA-256


def read_sources(
    sources: Iterable[str],
    wanted: Callable[[str], bool] = lambda name: True,
    read_layout: Callable[[Path], list[Part]] = lambda path: [],
) -> list[Part]:
    """The parts of local files, of the files of local folders whose names are `wanted`, or of hub data sets.

    `read_layout` reads a folder or an archive in a layout of the data set's own; [] where it is none. InputError where
    there is no such thing, or where a file is unusable as a whole.
    """
    parts = []
    for source in sources:
        path = Path(source).expanduser()
        if path.is_dir():
            names = sorted(file.name for file in path.iterdir() if file.is_file())
            names = [name for name in names if name.lower().endswith(SUFFIXES) and not name.endswith(OWN_FILES)]
            found = [*read_layout(path), *(read_file(path / name) for name in names if wanted(name))]
            if not found:
                raise InputError(f"--source {source}: the folder holds no file of this data set; README.md names them")
            parts += found
        elif path.exists():
            parts += read_layout(path) or [read_file(path)]
        elif re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", source) and not source.lower().endswith(SUFFIXES):
            parts += read_hub(source)
        else:
            raise InputError(f"--source {source}: no such file or folder; give a local path or a hub id")
    return parts


def read_file(path: Path) -> Part:
    """The rows of a JSON list, a JSON object of rows, or a JSONL file, gzipped or not; InputError where it is none."""
    allow_long_numbers()
    raw = read_bytes(path)
    text = raw.decode("utf-8", "surrogateescape")
    lines = path.name.lower().removesuffix(".gz").endswith(".jsonl")
    if not lines:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            lines = text.lstrip().startswith("{") and "\n{" in text.strip()
            if not lines:
                raise InputError(f"{path}: not valid JSON ({error}); fetch the file again") from None
        else:
            return _part(path, raw, _rows_of(value, path))
    return _part(path, raw, [_line(line) for line in text.split("\n") if line.strip()])


def allow_long_numbers() -> None:
    """Let Python read and write integers of any length: those of some tests are longer than it allows."""
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)


def read_bytes(path: Path) -> bytes:
    """A file's bytes, unpacked; InputError where it cannot be read."""
    try:
        raw = path.read_bytes()
        if raw.startswith(LFS_POINTER):
            raise InputError(f"{path}: only a pointer of Git LFS; `git lfs pull` in its folder fetches the file")
        return gzip.decompress(raw) if path.name.lower().endswith(".gz") else raw
    except (OSError, EOFError, gzip.zlib.error) as error:
        raise InputError(f"{path}: cannot be read ({error}); fetch the file again") from None


def _part(path: Path, raw: bytes, rows: list) -> Part:
    if not rows or all(isinstance(row, Dropped) for row in rows):
        reasons = ", ".join(sorted({str(row) for row in rows})) or "it is empty"
        raise InputError(f"{path}: holds no usable row ({reasons}); fetch the file again")
    return Part(path.name, rows, hashlib.sha256(raw).hexdigest())


def _rows_of(value, path: Path) -> list:
    if isinstance(value, dict):
        lists = [item for item in value.values() if isinstance(item, list)]
        value = lists[0] if len(lists) == 1 else list(value.values())
    if not isinstance(value, list):
        raise InputError(f"{path}: expected a list of rows at the top level")
    return [_usable(row) for row in value]


def _line(line: str):
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return Dropped("not UTF-8" if not_utf8(line) else "not valid JSON")
    return _usable(row)


def _usable(row):
    """A row, or why it is none."""
    try:
        return Dropped("not UTF-8") if not_utf8(row) else row
    except RecursionError:
        return Dropped("nested too deeply")


def not_utf8(value) -> bool:
    """Whether a text in `value` cannot be written as UTF-8, as where a file's bytes were none."""
    if isinstance(value, str):
        return not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, dict):
        return any(not_utf8(key) or not_utf8(item) for key, item in value.items())
    return isinstance(value, list) and any(map(not_utf8, value))


def read_hub(name: str) -> list[Part]:
    """All configurations and splits of a data set of the hub, or of a local folder in the hub's layout.

    What `datasets` does not load, as it no longer runs a repository's script, is read from the repository's files.
    """
    import datasets  # takes seconds to import

    try:
        configurations = datasets.get_dataset_config_names(name)
        loaded = {key: datasets.load_dataset(name, key) for key in configurations}
    except Exception as error:  # the library raises errors of many kinds, of its own and of the network
        return _read_repository(name, error)
    parts = []
    for key, splits in loaded.items():
        for split, rows in splits.items():
            listed = [dict(row) for row in rows]
            digest = hashlib.sha256(json.dumps(listed, default=str).encode()).hexdigest()
            parts.append(Part(f"{key}/{split}" if len(loaded) > 1 else split, listed, digest))
    return parts


def _read_repository(name: str, refusal: Exception) -> list[Part]:
    """The row files in a repository of the hub; InputError with the library's `refusal` where there are none."""
    try:
        files = hub.data_files(name, SUFFIXES)
    except Exception:  # as above; what was said first says more
        files = {}
    if not files:
        reason = str(refusal).strip().splitlines()[0] if str(refusal).strip() else type(refusal).__name__
        raise InputError(
            f"--source {name}: cannot be loaded from the hub ({reason}); download its data files (train.jsonl, "
            f"test.jsonl or others) from https://huggingface.co/datasets/{name} and give a local file or their folder"
        ) from None
    return [dataclasses.replace(read_file(path), name=file) for file, path in files.items()]


def split_of(name: str) -> str | None:
    """The split that the name of a file, or of a split of the hub, stands for."""
    words = re.split(r"[^a-z]+", name.lower())
    if "test" in words:
        return "test"
    return "train" if {"train", "valid", "validation"} & set(words) else None


def value_of(row: dict, kind, *names: str, default=...):
    """The first of the fields `names` that the row has; Dropped where it has none, or where that is no `kind`."""
    for name in names:
        if row.get(name) is not None:
            if not isinstance(row[name], kind) or isinstance(row[name], bool) and kind is not bool:
                raise Dropped(f"malformed {names[0]}")
            return row[name]
    if default is ...:
        raise Dropped(f"lacks {names[0]}")
    return default


def text_of(row: dict, *names: str) -> str:
    """A field that has to hold text; Dropped otherwise."""
    text = value_of(row, str, *names)
    if not text.strip():
        raise Dropped(f"empty {names[0]}")
    return text


# ---------------------------------------------------------------------------------------------------------------------
# Gold programs


def syntax_tree(code: str) -> ast.Module:
    """The syntax tree of a gold program; Dropped where it does not parse."""
    try:
        return parse(code)
    except ValueError:
        raise Dropped("gold code does not parse") from None


def imports_of(tree: ast.Module) -> list[str]:
    """The import statements at the top level, each once."""
    imports = [ast.unparse(node) for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    return list(dict.fromkeys(imports))


def head_of(code: str, entry_point: str) -> str:
    """The head of a gold program: its imports, the entry function's `def` line, and the class it is in.

    What else stands before the function (helpers, constants) is not in it. Dropped where the function is missing.
    """
    code = remove_docstrings(code)
    tree, lines = syntax_tree(code), bare_newlines(code).split("\n")
    try:
        function = find_function(tree, entry_point)
        given, _ = split_program(code, entry_point)
    except ValueError:
        raise Dropped("gold code lacks the entry function") from None
    owner = next((node for node in tree.body if isinstance(node, ast.ClassDef) and function in node.body), None)
    before = [node for node in tree.body if node.lineno < (owner or function).lineno]
    imports = [ast.get_source_segment(code, node) for node in before if isinstance(node, (ast.Import, ast.ImportFrom))]
    opening = given.split("\n")[_first_line(function) - 1 :]
    if owner:
        opening = [*lines[_first_line(owner) - 1 : owner.body[0].lineno - 1][: _class_lines(owner, lines)], *opening]
    return "\n".join([*imports, *([""] if imports else []), *opening])


def _first_line(node) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _class_lines(owner: ast.ClassDef, lines: list[str]) -> int:
    """How many lines the opening of a class takes, from its first decorator to its colon."""
    first = _first_line(owner)
    for last in range(owner.lineno, owner.body[0].lineno + 1):
        try:
            parse("\n".join([*lines[first - 1 : last], "    pass"]))
            return last - first + 1
        except ValueError:
            continue
    raise Dropped("gold code does not parse")


def functions_of(tree: ast.Module) -> list[str]:
    """Names of the functions at the top level."""
    return [node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


# ---------------------------------------------------------------------------------------------------------------------
# From raw rows to problems


@dataclass
class Batch:
    """Problems made of one part, with the number of rows read and the reasons for those that were dropped."""

    name: str
    read: int = 0
    rows: list[dict] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)  # of `rows` among the rows read
    dropped: Counter = field(default_factory=Counter)


def convert(part: Part, make: Callable[[dict, int], dict], adapter: Adapter, seen: set | None = None) -> Batch:
    """Make a problem of every raw row: `make(row, position)` returns the row of a task file, or raises Dropped.

    `seen` holds the ids used so far, where several parts make one file.
    """
    batch, seen = Batch(part.name), set() if seen is None else seen
    for position, raw in enumerate(part.rows):
        batch.read += 1
        try:
            if isinstance(raw, Dropped):
                raise raw
            if not isinstance(raw, dict):
                raise Dropped("not an object")
            row = make(raw, position)
            check(adapter, row)
            key = (row.get("task"), row.get("split"), str(row["id"]))
            if key in seen:
                raise Dropped("id used twice")
        except (Dropped, RecursionError) as reason:
            batch.dropped[str(reason) if isinstance(reason, Dropped) else "nested too deeply"] += 1
            continue
        seen.add(key)
        batch.rows.append(row)
        batch.positions.append(position)
    return batch


def ids_by_position(part: Part, batch: Batch) -> list:
    """The ids of a part's rows in their order; None for a row that became no problem."""
    ids = [None] * len(part.rows)
    for position, row in zip(batch.positions, batch.rows, strict=True):
        ids[position] = row["id"]
    return ids


def check(adapter: Adapter, row: dict) -> None:
    """Dropped where `row` is no problem, or its prompt or what a model would learn from it is no Python."""
    if not row["query"].strip():
        raise Dropped("empty description")
    test = row["test"]
    if test["style"] == "io" and len(test["inputs"]) != len(test["outputs"]):
        raise Dropped("inputs and outputs of different length")
    if not test.get("inputs", test.get("asserts", True)):
        raise Dropped("no tests")
    try:
        problem = Problem.from_row(row)
    except ValueError:
        raise Dropped("malformed row") from None
    try:
        prompt = adapter.code_prompt(problem, problem.query)
        find_function(parse(prompt), problem.entry_point)
        if problem.code and not problem.prompt:
            parse(prompt + training_target(problem.code, problem.entry_point))
    except ValueError:
        raise Dropped("prompt or target does not parse") from None


# ---------------------------------------------------------------------------------------------------------------------
# In-context descriptions


def read_examples(path: Path) -> tuple[list, str]:
    """A list of in-context descriptions as it was published, and its SHA-256: pairs, or bare strings."""
    raw = read_bytes(path)
    try:
        entries = json.loads(raw.decode("utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON ({error}); fetch the file again") from None
    if not isinstance(entries, list):
        raise InputError(f"{path}: expected a list of in-context descriptions at the top level")
    return entries, hashlib.sha256(raw).hexdigest()


def examples_file(args, *names: str) -> Path | None:
    """The in-context list to read: `--ict`, or the first file of a published name in a folder given as `--source`."""
    if args.ict:
        return Path(args.ict)
    files = [Path(source) / name for name in names for source in args.source]
    return next((file for file in files if file.is_file()), None)


def examples_by_position(entries: list, ids: list) -> tuple[list[list], Counter]:
    """Descriptions whose numbers are positions in `ids` (None: dropped there), as `[[problem id, text], ...]`."""
    kept, dropped = [], Counter()
    for entry in entries:
        if not (isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], int)):
            dropped["not a pair"] += 1
        elif not (isinstance(entry[1], str) and clean_description(entry[1])):
            dropped["empty description"] += 1
        elif not 0 <= entry[0] < len(ids) or ids[entry[0]] is None:
            dropped["no such problem"] += 1
        else:
            kept.append([ids[entry[0]], entry[1]])
    return kept, dropped


def clean_description(text: str) -> str:
    """A description without the comment sign that models like to begin with."""
    return "\n".join(re.sub(r"^#+\s*", "", line) for line in text.strip().split("\n")).strip()


# ---------------------------------------------------------------------------------------------------------------------
# Judging and writing


def judge_gold(rows: list[dict], options: JudgeOptions, longest: float = GOLD_TIMEOUT) -> list[Judgement]:
    """Judge every row's gold solution by its own tests, and let the limit of a test whose gold is slow follow it.

    A gold solution may take `longest` seconds, unless all limits are fixed. `gold_seconds` is rounded up to a power of
    two, so that the same input gives the same files on machines of a kind.
    """
    usual = options.timeout
    if options.gold_time_factor:
        options = dataclasses.replace(options, timeout=max(options.timeout, longest))
    with Judge(options) as judge:
        verdicts = judge.judge((row["code"], row["test"]) for row in rows)
        verdicts = list(tqdm(verdicts, total=len(rows), desc="gold solutions", unit="problem", file=sys.stderr))
    for row, verdict in zip(rows, verdicts, strict=True):
        if verdict.passed and verdict.slowest * options.gold_time_factor > usual:
            seconds = 2.0 ** math.ceil(math.log2(verdict.slowest))
            # A part of the tests has the limit of all, so that what passes all of them passes the part.
            row |= {name: {**row[name], "gold_seconds": seconds} for name in ("test", "base_test") if row.get(name)}
    return verdicts


def judge_versions(
    versions: list[list[dict]], options: JudgeOptions, longest: float = GOLD_TIMEOUT
) -> list[tuple[dict, Judgement]]:
    """For each problem the first of its versions whose gold solution passes, else its first, with the verdict.

    Failure where the judge itself failed on some: such a run says nothing about their gold solutions.
    """
    best: list[tuple[dict, Judgement] | None] = [None] * len(versions)
    left, number = list(range(len(versions))), 0
    while left:
        rows = [versions[i][number] for i in left]
        for i, row, verdict in zip(left, rows, judge_gold(rows, options, longest), strict=True):
            if best[i] is None or verdict.passed:
                best[i] = row, verdict
        number += 1
        left = [i for i in left if not best[i][1].passed and len(versions[i]) > number]
    failed = [str(row["id"]) for row, verdict in best if verdict.verdict is Verdict.INFRA]
    if failed:
        raise Failure(f"{len(failed)} gold solutions could not be judged ({', '.join(failed[:5])}); run this again")
    return best


@dataclass
class Task:
    """What is to be written for one task: its problems by split, each as versions that differ in the gold solution."""

    name: str
    splits: dict[str, list[list[dict]]]
    examples: list[list] | None = None  # in-context descriptions; None: the source has none
    examples_dropped: Counter = field(default_factory=Counter)
    matched: dict | None = None  # how descriptions without an id found their problems
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


def raw_head(code: str, function: str) -> str:
    """All that stands in a gold program before its entry function's body: imports, helpers, constants."""
    return split_program(remove_docstrings(code), function)[0]


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
    """What is said of the files written: lines of the table, gold solutions that fail, remarks for the end."""

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


def _selected(found: list[tuple[dict, Judgement]], split: str, args) -> tuple[list[dict], Counter]:
    """The rows of a split that are written, and the verdicts of those that are not."""
    rows, out = [], Counter()
    for row, verdict in found:
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
    for split, own in counts.items():
        expected = adapter.expected.get(split)
        numbers = ", ".join(f"{name} {number}" for name, number in own.items())
        print(f"{adapter.name} {split}: {numbers}" + (f" (expected {expected})" if expected else ""))


def print_rows(batches: list[Batch]) -> None:
    """What became of the raw rows: read, kept, dropped by reason."""
    lines = [[batch.name, str(batch.read), str(len(batch.rows)), _counted(batch.dropped)] for batch in batches]
    print(tables.markdown(["source", "rows read", "kept", "dropped"], lines) + "\n")


def _counted(counts: Counter) -> str:
    return ", ".join(f"{number} {reason}" for reason, number in sorted(counts.items()))


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
    found = contamination.report(tasks)
    limits = {"similarity": contamination.THRESHOLD, "similarity_with_name": contamination.NAMED_THRESHOLD,
              "word_run": contamination.WORD_RUN, "token_run": contamination.TOKEN_RUN, "share": contamination.SHARE,
              "frequent": contamination.GENERIC, "signs": contamination.SIGNS,
              "limits": contamination.LIMITS}  # fmt: skip
    for task in tasks:
        own = {name: pairs for name, pairs in found.items() if f"{task} t" in name}
        rows = [{"between": name, **vars(pair)} for name, pairs in own.items() for pair in pairs]
        counts = {name: _signs(pairs) for name, pairs in own.items()}
        write_split(task, "contamination", rows, counts, {"settings": limits})
    lines = []
    for name, pairs in found.items():
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
