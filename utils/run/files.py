"""Reading and writing the JSON files that stages exchange; torch-free.

A file is never seen half written (temporary file, fsync, rename). `<name>.json` comes with `<name>.meta.json`, written
last: it holds the SHA-256 of the file and of its inputs and is the commit mark. What differs from run to run goes to
`<name>.timing.json`, so that results can be compared byte by byte.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path


class InputError(Exception):
    """Bad usage or bad input: one line with the fault, its location and the remedy; exit status 2."""


class Failure(Exception):
    """A run that cannot continue for a reason other than its input: one line, exit status 1."""


def run(main: Callable[[], int | None]) -> None:
    """Run a command's `main` and exit with the status it returns; errors that the user can fix end in one line."""
    try:
        sys.exit(main())
    except (InputError, Failure) as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.exit(2 if isinstance(error, InputError) else 1)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr, flush=True)
        sys.exit(130)


def write_text(path: Path | str, text: str | Iterable[str]) -> None:
    """Write `text` (UTF-8), or its pieces as they come, so that a reader sees either the old file or the new one."""
    with _Staged() as staged:
        staged.add(Path(path), text)


class _Staged:
    """New versions of files, complete on disk under temporary names; on leaving they are renamed, in order.

    A full disk raises Failure, which names the file, before any file is replaced.
    """

    def __enter__(self) -> _Staged:
        self.files: list[tuple[Path, Path]] = []  # (temporary, path)
        return self

    def add(self, path: Path, text: str | Iterable[str]) -> None:
        """Write the new version of `path` to a temporary file."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
            self.files.append((Path(temporary), path))
            with os.fdopen(handle, "wb") as file:
                for piece in (text,) if isinstance(text, str) else text:
                    file.write(piece.encode("utf-8", errors="surrogatepass"))
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~_umask())
        except OSError as error:
            raise cannot_write(path, error) from None

    def __exit__(self, kind, error, trace) -> None:
        try:
            for temporary, path in self.files if kind is None else ():
                try:
                    os.replace(temporary, path)
                except OSError as failed:
                    raise cannot_write(path, failed) from None
        finally:
            for temporary, _ in self.files:
                temporary.unlink(missing_ok=True)


def cannot_write(path: Path | str, error: OSError) -> Failure:
    """The Failure for a file that the system refuses to write."""
    return Failure(
        f"{path}: cannot be written ({error.strerror or error}); the previous version is kept. "
        "Free space, or fix its permissions, and give the same command again"
    )


def _umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value


@contextlib.contextmanager
def locked(path: Path | str) -> Iterator[None]:
    """Lock a file or folder against a second run; the lock ends with the process, however that ends.

    InputError where another run holds it.
    """
    path = Path(path)
    lock = path.with_name(f".{path.name}.lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        while True:
            file = lock.open("w")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                raise InputError(
                    f"{path}: another run is writing it; wait for it, or give this run another --output_dir or "
                    "--save_dir"
                ) from None
            if lock.exists() and os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                break
            file.close()  # the run that held the lock has just removed it
    except OSError as error:
        raise cannot_write(lock, error) from None
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        file.close()


@contextlib.contextmanager
def whole_folder(folder: Path | str) -> Iterator[Path]:
    """A new folder to fill; when the block ends without an error it takes the place of `folder`."""
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        new = Path(temporary) / folder.name
        new.mkdir()
        yield new
        for path in new.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        if folder.exists():
            folder.rename(Path(temporary) / "old")
        new.rename(folder)


def allow_long_integers() -> None:
    """Let Python read and write integers of any length; some tests have longer ones than its limit."""
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)


def dump(value: object) -> str:
    """Canonical JSON text: one line per element of a list, ASCII only, so any text survives."""
    if isinstance(value, list):
        return "[\n" + ",\n".join(json.dumps(item) for item in value) + "\n]\n" if value else "[]\n"
    return json.dumps(value, indent=1) + "\n"


def read_text(path: Path | str, remedy: str = "") -> str:
    """Read a UTF-8 file; InputError names it and the remedy where it cannot be read."""
    hint = f"; {remedy}" if remedy else ""
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file{hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}){hint}") from None


def read_json(path: Path | str, kind: type = list, remedy: str = ""):
    """Read a JSON file whose top level is a `kind` (list or dict); InputError otherwise."""
    hint = f"; {remedy}" if remedy else ""
    try:
        value = json.loads(read_text(path, remedy))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON ({error}){hint}") from None
    if not isinstance(value, kind):
        names = {list: "a list", dict: "an object"}
        raise InputError(f"{path}: expected {names[kind]} at the top level{hint}")
    return value


def sha256(path: Path | str) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _sha256(file)


def _sha256(file) -> str:  # Python 3.10 has no hashlib.file_digest
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def beside(path: Path | str, kind: str) -> Path:
    """`code_r1.json` -> `code_r1.meta.json` (`kind` is `meta` or `timing`)."""
    path = Path(path)
    return path.with_name(f"{path.stem}.{kind}.json")


def write_json(path: Path | str, value: list | dict, meta: dict, timing: dict | None = None) -> None:
    """Write a result, its timing and last its meta file, the commit mark.

    `meta["inputs"]` maps the names of input files to their SHA-256. The old meta file goes first, so that no moment
    shows a new file under an old mark.
    """
    text, mark = dump(value), beside(path, "meta")
    digest = hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()
    with _Staged() as staged:
        staged.add(Path(path), text)
        if timing is not None:
            staged.add(beside(path, "timing"), dump(timing))
        staged.add(mark, dump({"sha256": digest, **meta}))
        mark.unlink(missing_ok=True)


def read_meta(path: Path | str) -> dict | None:
    """The meta file of `path`, or None; InputError where it belongs to another version of `path`."""
    mark = beside(path, "meta")
    if not mark.exists():
        return None
    meta = read_json(mark, dict, f"remove it if {Path(path).name} is right")
    if meta.get("sha256") != sha256(path):
        raise InputError(f"{path}: does not match its meta file {mark}; make it again, or remove {mark.name}")
    return meta


def finished(path: Path | str, settings: dict, inputs: dict) -> bool:
    """Whether `path` is a complete result of these settings and inputs.

    False where it is missing or incomplete. InputError where it was changed since, or was made with other settings or
    inputs, naming the first: such a result must not be mixed with this run, or overwritten.
    """
    if not Path(path).exists() or not beside(path, "meta").exists():
        return False
    try:
        meta = read_json(beside(path, "meta"), dict)
    except InputError:  # a damaged mark counts as none
        return False
    if meta.get("sha256") != sha256(path):
        raise InputError(
            f"{path}: does not match its meta file {beside(path, 'meta')}; put the file back, or give --overwrite"
        )
    check_same(path, meta, {"settings": settings, "inputs": inputs})
    return True


def forget(path: Path | str) -> None:
    """Let a result that is made again count as unfinished: a run that is stopped before then must not take it."""
    beside(path, "meta").unlink(missing_ok=True)


def check_same(path: Path | str, before: dict, now: dict) -> None:
    """InputError naming the first setting or input file of `path` that differs from this run's."""
    for kind in ("settings", "inputs"):
        old, new = before.get(kind) or {}, now[kind]
        for key in sorted({*old, *new}):
            if old.get(key) != new.get(key):
                change = f"{old.get(key)!r} before, {new.get(key)!r} now" if kind == "settings" else "has changed"
                raise InputError(
                    f"{path}: was made with other {kind}: {key} ({change}); give --overwrite to make it again, "
                    "or keep the two apart by --save_dir or --output_dir"
                )
