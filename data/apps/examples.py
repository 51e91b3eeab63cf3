"""In-context descriptions of APPS+ as they were published: which files hold them, and whose program each describes."""

from __future__ import annotations

import re
from pathlib import Path

from data import conversion, reading
from data.apps.matching import are_of, match
from data.conversion import Batch
from data.writing import Task
from eval.registry import ADAPTERS, adapter

DIFFICULTIES = adapter("apps").tasks


def is_list(name: str) -> bool:
    """Whether a file has `ict` in its name, as in `ict_data.json`."""
    return bool(re.search(r"(?<![a-z])ict(?![a-z])", name.lower()))


def lists_in(sources: list[str]) -> list[Path]:
    """Lists of in-context descriptions in the sources and their difficulty folders, except other data sets' lists."""
    folders = [Path(source).expanduser() for source in sources]
    folders += [folder / name for folder in folders for name in DIFFICULTIES]
    files = [file for folder in folders if folder.is_dir() for file in folder.iterdir()]
    others = [name for name in ADAPTERS if name != "apps"]
    return sorted(file for file in files
                  if is_list(file.name) and file.name.lower().endswith((".json", ".json.gz"))
                  and not file.name.endswith(reading.OWN_FILES)
                  and not any(name in file.name.lower() for name in others))  # fmt: skip


def list_of(task: str, lists: list[Path]) -> Path | None:
    """The list of a difficulty: one whose name or folder names it, else the first for any difficulty."""
    named = [path for path in lists if task in _difficulties(path)]
    return next(iter(named or [path for path in lists if not _difficulties(path)]), None)


def _difficulties(path: Path) -> list[str]:
    """The difficulties in the name of a file, else in that of its folder."""
    names = path.name.lower(), path.absolute().parent.name.lower()
    return next(filter(None, ([known for known in DIFFICULTIES if known in name] for name in names)), [])


def add_examples(task: Task, entries: list, batches: list[Batch]) -> None:
    """Give a task its in-context descriptions, `[[problem id, text], ...]`, and count those that cannot be used.

    Published lists hold pairs of a training row's position and a text, or texts alone: one for each training row, or
    fewer. Fewer texts, and pairs whose positions are those of another file, are matched to problems by content
    (`matching`).
    """
    ids = _training_ids(task.name, batches)
    if entries and all(isinstance(entry, str) for entry in entries):
        if len(entries) != len(ids):
            _add_matched(task, entries, batches, "bare string that names no problem")
            return
        entries = [[key, text] for key, text in zip(ids, entries, strict=True)]
    known = {str(key): position for position, key in enumerate(ids) if key is not None}
    pairs = [
        [known.get(str(entry[0]), -1), *entry[1:]] if isinstance(entry, list) and entry else entry for entry in entries
    ]
    task.examples, task.examples_dropped = conversion.examples_by_position(pairs, ids)
    rows = {str(row["id"]): index for index, row in enumerate(_rows_of(task, batches)) if row["split"] == "train"}
    named = [(text, rows[str(key)]) for key, text in task.examples if str(key) in rows]  # not of another difficulty
    if not are_of(*_texts(task, batches, [text for text, _ in named]), [index for _, index in named]):
        texts = [entry[1] for entry in entries if isinstance(entry, list) and len(entry) == 2]
        _add_matched(task, [text for text in texts if isinstance(text, str)], batches, "number of another file's row")


def _add_matched(task: Task, texts: list[str], batches: list[Batch], reason: str) -> None:
    """The same for texts without an id, matched to the problems of both splits.

    `reason` is counted where no problem matches clearly.
    """
    matched = match(*_texts(task, batches, texts))
    ids = [row["id"] if row["split"] == "train" else None for row in _rows_of(task, batches)]
    pairs = [[problem, texts[index]] for index, problem in matched.pairs.items()]
    task.examples, task.examples_dropped = conversion.examples_by_position(pairs, ids)
    task.examples_dropped[reason] = len(texts) - len(pairs)
    task.matched = {"descriptions": len(texts), "matched": len(matched.pairs), "by": matched.by}


def _rows_of(task: Task, batches: list[Batch]) -> list[dict]:
    return [row for batch in batches for row in batch.rows if row["task"] == task.name]


def _texts(task: Task, batches: list[Batch], descriptions: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Descriptions, statements and gold codes of all problems of a task."""
    rows = _rows_of(task, batches)
    return descriptions, [row["query"] for row in rows], [row["code"] for row in rows]


def _training_ids(name: str, batches: list[Batch]) -> list:
    """Ids of the training problems of a difficulty by the position of their row; None for rows that were dropped."""
    ids = []
    for batch in batches:
        rows = dict(zip(batch.positions, batch.rows, strict=True))
        if any(row["task"] == name and row["split"] == "train" for row in rows.values()):
            ids += [rows[position]["id"] if position in rows and rows[position]["split"] == "train" else None
                    for position in range(batch.read)]  # fmt: skip
    return ids
