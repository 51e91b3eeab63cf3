"""Files that stages exchange: never half written, committed by their meta file, never mixed up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from utils.run import files
from utils.run.files import Failure, InputError

REPOSITORY = Path(__file__).resolve().parents[2]

SETTINGS, INPUTS = {"seed": 1, "top_p": 0.95}, {"train": "ab"}


@pytest.fixture
def result(tmp_path):
    """A finished result."""
    path = tmp_path / "code_r1.json"
    files.write_json(path, [["x = 1\n"], []], {"settings": SETTINGS, "inputs": INPUTS}, {"seconds": 1.5})
    return path


@pytest.mark.parametrize(
    "value", [[], {}, [[], ["a\nb"]], {"0": 1.5, "10": 2e-05}, ["\u2028\x00\ud800 é 🐍", None, True, [1, [2]]]]
)
def test_values_survive_writing_and_reading(tmp_path, value):
    path = tmp_path / "value.json"
    files.write_json(path, value, {})
    assert files.read_json(path, type(value)) == value
    assert path.read_bytes().isascii() and path.read_bytes().endswith(b"\n")


def test_a_list_is_written_one_element_a_line(tmp_path):
    path = tmp_path / "list.json"
    files.write_json(path, [["a\nb"], [], {"c": 1}], {})
    assert [json.loads(line.rstrip(",")) for line in path.read_text().splitlines()[1:-1]] == [["a\nb"], [], {"c": 1}]


def test_meta_and_timing_stand_beside_the_file(result):
    assert sorted(path.name for path in result.parent.iterdir()) == [
        "code_r1.json",
        "code_r1.meta.json",
        "code_r1.timing.json",
    ]
    assert files.read_meta(result) == {"sha256": files.sha256(result), "settings": SETTINGS, "inputs": INPUTS}


def test_sha256_is_that_of_the_bytes(tmp_path):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert files.sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_same_values_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        files.write_json(tmp_path / name / "x.json", [{"k": 0.1, "j": [1]}], {"settings": SETTINGS})
    for name in ("x.json", "x.meta.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("step", ["result", "timing", "meta"])
def test_a_write_that_breaks_off_leaves_no_mark_and_no_litter(result, monkeypatch, step):
    before, calls, replace = result.read_text(), [], os.replace

    def breaking(source, target):
        calls.append(target)
        if len(calls) == ["result", "timing", "meta"].index(step) + 1:
            raise OSError("disk full")
        replace(source, target)

    monkeypatch.setattr(os, "replace", breaking)
    with pytest.raises(Failure, match="cannot be written .disk full.*same command"):
        files.write_json(result, [["y = 2\n"]], {"settings": SETTINGS, "inputs": INPUTS}, {"seconds": 2})
    assert not files.finished(result, SETTINGS, INPUTS)
    assert not [path for path in result.parent.iterdir() if path.name.endswith(".tmp")]
    assert result.read_text() == (before if step == "result" else '[\n["y = 2\\n"]\n]\n')


def test_what_cannot_be_written_as_json_leaves_the_old_file_whole(result):
    before = result.read_text()
    with pytest.raises(TypeError):
        files.write_json(result, [object()], {})
    assert result.read_text() == before


def test_files_get_the_rights_of_the_umask(tmp_path):
    old = os.umask(0o027)
    try:
        files.write_text(tmp_path / "a", "x")
    finally:
        os.umask(old)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_finished_means_these_very_settings_and_inputs(result):
    assert files.finished(result, dict(SETTINGS), dict(INPUTS))
    assert not files.finished(result.with_name("code_r2.json"), SETTINGS, INPUTS)


@pytest.mark.parametrize("missing", ["code_r1.json", "code_r1.meta.json"])
def test_unfinished_without_the_file_or_its_mark(result, missing):
    result.with_name(missing).unlink()
    assert not files.finished(result, SETTINGS, INPUTS)


@pytest.mark.parametrize(
    ("settings", "inputs", "named"),
    [
        ({**SETTINGS, "seed": 2}, INPUTS, "seed (1 before, 2 now)"),
        ({**SETTINGS, "keep": "all"}, INPUTS, "keep"),
        ({"seed": 1}, INPUTS, "top_p"),
        (SETTINGS, {"train": "cd"}, "train"),
        (SETTINGS, {}, "train"),
    ],
)
def test_a_result_of_other_settings_is_named_and_not_touched(result, settings, inputs, named):
    before = {path.name: path.read_bytes() for path in result.parent.iterdir()}
    with pytest.raises(InputError) as caught:
        files.finished(result, settings, inputs)
    assert named in str(caught.value) and str(result) in str(caught.value) and "--overwrite" in str(caught.value)
    assert {path.name: path.read_bytes() for path in result.parent.iterdir()} == before


def test_own_output_with_a_damaged_mark_is_made_again(result):
    files.beside(result, "meta").write_text('{"sha256": ')
    assert not files.finished(result, SETTINGS, INPUTS)


def test_a_file_changed_under_its_mark_is_refused_by_both_names(result):
    result.write_text("[]\n")
    with pytest.raises(InputError) as caught:
        files.read_meta(result)
    assert str(result) in str(caught.value) and "code_r1.meta.json" in str(caught.value)


def test_a_foreign_file_has_no_meta(tmp_path):
    (tmp_path / "theirs.json").write_text("[]")
    assert files.read_meta(tmp_path / "theirs.json") is None


@pytest.mark.parametrize(
    ("content", "kind", "wrong"),
    [
        (None, list, "no such file"),
        (b"[1,", list, "not valid JSON"),
        (b"", list, "not valid JSON"),
        (b"{}", list, "expected a list"),
        (b"[]", dict, "expected an object"),
        (b"\xff\xfe[", list, "cannot be read"),
        (b"[" * 100_000, list, "not valid JSON"),
    ],
)
def test_a_bad_file_is_one_line_with_its_name_and_the_remedy(tmp_path, content, kind, wrong):
    path = tmp_path / "bad.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        files.read_json(path, kind, "write it with stage 1")
    text = str(caught.value)
    assert wrong in text and str(path) in text and "write it with stage 1" in text and "\n" not in text


def test_a_folder_in_place_of_a_file_is_bad_input(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        files.read_json(tmp_path)


@pytest.mark.parametrize(
    ("outcome", "status", "line"),
    [
        (0, 0, ""),
        (1, 1, ""),
        (InputError("mend it"), 2, "error: mend it\n"),
        (Failure("broke"), 1, "error: broke\n"),
        (KeyboardInterrupt(), 130, "stopped\n"),
    ],
)
def test_exit_status_and_the_one_line_of_a_command(capsys, outcome, status, line):
    def main():
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    with pytest.raises(SystemExit) as caught:
        files.run(main)
    assert caught.value.code == status
    assert capsys.readouterr().err == line


def test_io_and_paths_do_without_torch():
    code = "import sys; import utils.run.files, utils.run.paths, utils.run.streams; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0


FULL = """
import resource, sys
sys.path[:0] = [{repository!r}]
from utils.run import files
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
files.run(lambda: files.write_json({path!r}, ["x" * 5000], {{}}, {{"seconds": 1}}))
"""


def test_a_full_disk_gives_one_line_and_leaves_the_previous_version_finished(result):
    before = {path.name: path.read_bytes() for path in result.parent.iterdir()}
    code = FULL.format(repository=str(REPOSITORY), path=str(result))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1 and str(result) in done.stderr and "File too large" in done.stderr
    assert {path.name: path.read_bytes() for path in result.parent.iterdir()} == before
    assert files.finished(result, SETTINGS, INPUTS)


HOLDING = """
import sys, time
sys.path[:0] = [{repository!r}]
from utils.run import files
with files.locked({path!r}):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_keeps_others_out_and_dies_with_its_process(tmp_path):
    path, lock = tmp_path / "run", tmp_path / ".run.lock"
    code = HOLDING.format(repository=str(REPOSITORY), path=str(path))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="run: another run is writing it"), files.locked(path):
            pass
        holder.kill()
        holder.wait()
        assert lock.exists(), "a killed run cannot remove it"
        with files.locked(path):
            assert lock.exists()
    assert not lock.exists()
