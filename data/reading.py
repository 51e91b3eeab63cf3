"""Raw rows for every `data/<dataset>/prepare.py`: from files, folders and the hub, and the fields of a row.

A raw row that cannot become a problem is dropped and counted by reason (`Dropped`); a file that is unusable as a whole
is an `InputError`.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from data import hub
from utils.run.files import InputError, allow_long_integers

SUFFIXES = (".json", ".jsonl", ".json.gz", ".jsonl.gz")
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
OWN_FILES = (".meta.json", ".timing.json")


class Dropped(Exception):
    """A raw row that cannot become a problem; its text is the reason that is counted."""


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
            folder_parts = [*read_layout(path), *(read_file(path / name) for name in names if wanted(name))]
            if not folder_parts:
                raise InputError(f"--source {source}: the folder holds no file of this data set; README.md names them")
            parts += folder_parts
        elif path.exists():
            parts += read_layout(path) or [read_file(path)]
        elif re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", source) and not source.lower().endswith(SUFFIXES):
            parts += read_hub(source)
        else:
            raise InputError(f"--source {source}: no such file or folder; give a local path or a hub id")
    return parts


def read_file(path: Path) -> Part:
    """The rows of a JSON list, a JSON object of rows, or a JSONL file, gzipped or not; InputError where it is none."""
    allow_long_integers()
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
    except Exception as error:  # the library raises errors of many kinds, its own and those of the network
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
    except Exception:  # as above; the first error is more informative
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
