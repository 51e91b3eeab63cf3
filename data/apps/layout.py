"""Problems of APPS as its authors publish them: a folder for each, or an archive of such folders.

    train/0000/{question.txt,solutions.json,input_output.json,metadata.json,starter_code.py}

Each of the files may be gzipped. The folder above a problem's names its split; a source may be that folder or the one
above it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePath

from data.reading import Dropped, Part
from utils.run.files import InputError, allow_long_integers

FIELDS = {
    "question.txt": "question",
    "solutions.json": "solutions",
    "input_output.json": "input_output",
    "starter_code.py": "starter_code",
    "metadata.json": "metadata",
}
ARCHIVES = (".tar", ".tar.gz", ".tgz")
DEPTHS = ("*/*", "*/*/*")  # of the files in a source folder: it holds the problems of a split, or splits


def read(path: Path) -> list[Part]:
    """The problems in a folder or an archive, one part for each split; [] where it holds none in this layout.

    A problem that cannot be read is a `Dropped` among the rows. InputError where a file or the archive cannot be read.
    """
    is_archive = path.is_file() and path.name.lower().endswith(ARCHIVES)
    if not (is_archive or path.is_dir()):
        return []
    problems: dict[str, dict[str, dict[str, str | Dropped]]] = {}  # by split and folder
    digests = {}
    try:
        for name, raw in _members(path) if is_archive else _files(path.absolute()):
            split = name.parent.parent.name or path.name
            fields = problems.setdefault(split, {}).setdefault(name.parent.name, {})
            fields[_field(name)] = _text(raw, name.name.endswith(".gz"))
            digests.setdefault(split, hashlib.sha256()).update(raw)
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be read ({reason}); fetch it again") from None
    if is_archive and not problems:
        raise InputError(f"{path}: the archive holds no problem of APPS (train/0000/question.txt); fetch it again")
    allow_long_integers()
    return [Part(split, [_row(folder, fields) for folder, fields in sorted(problems[split].items())],
                 digests[split].hexdigest()) for split in sorted(problems)]  # fmt: skip


def _field(name: PurePath) -> str | None:
    """What a file of a problem holds; None for any other file."""
    return FIELDS.get(name.name.removesuffix(".gz"))


def _files(folder: Path) -> Iterator[tuple[PurePath, bytes]]:
    """Files of problems below a folder, in order."""
    for file in sorted(file for depth in DEPTHS for file in folder.glob(depth) if _field(file)):
        yield file, file.read_bytes()


def _members(path: Path) -> Iterator[tuple[PurePath, bytes]]:
    """Files of problems in an archive."""
    with tarfile.open(path) as archive:
        for member in archive:
            name = PurePath(member.name)
            if member.isfile() and _field(name) and len(name.parts) >= 2:
                yield name, archive.extractfile(member).read()


def _text(raw: bytes, packed: bool) -> str | Dropped:
    try:
        return (gzip.decompress(raw) if packed else raw).decode("utf-8-sig")
    except UnicodeDecodeError:
        return Dropped("not UTF-8")
    except (OSError, EOFError, zlib.error):
        return Dropped("cut short or broken gzip")


def _row(folder: str, fields: dict[str, str | Dropped]) -> dict | Dropped:
    """A problem as the rows of APPS on the hub have it; its id is the folder's number."""
    broken = [text for text in fields.values() if isinstance(text, Dropped)]
    if broken:
        return broken[0]
    try:
        metadata = json.loads(fields.pop("metadata", "{}"))
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict):
        return Dropped("malformed metadata")
    return {**metadata, **fields, "problem_id": int(folder) if folder.isdecimal() else folder}
