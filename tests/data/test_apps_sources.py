"""Where APPS and its in-context lists come from: folders, archives, the hub, lists by name; what is missing, broken."""

from __future__ import annotations

import gzip
import json
import os
import random
import tarfile
from pathlib import Path

import pytest

from data import reading
from data.apps import layout
from data.apps import prepare as apps
from data.apps.examples import is_list, list_of, lists_in
from data.reading import Part
from utils.run.files import InputError

FOLDER = os.environ.get("GIFT_TEST_DATA")
TASKS = ("introductory", "interview", "competition")
published = pytest.mark.skipif(not FOLDER, reason="GIFT_TEST_DATA names no folder with the data sets' files")
ROW = {"prompt": 'def f(s):\n    """Q."""', "canonical_solution": "def f(s):\n    return s", "inputs": [[1]],
       "outputs": [[1]], "starter_code": "def f(s):", "difficulty": "interview", "split": "train"}  # fmt: skip


# Folders and archives of APPS


def packed(folder: Path, target: Path) -> Path:
    """A folder as an archive."""
    with tarfile.open(target, "w:gz") as archive:
        archive.add(folder, arcname="APPS")
    return target


@published
def test_the_folder_layout_gives_what_the_rows_give(tmp_path):
    source = Path(FOLDER) / "apps" / "folder"
    (part,) = layout.read(source)
    lines = (Path(FOLDER) / "apps" / "apps_rows.jsonl").read_text().splitlines()
    by_id = {row["problem_id"]: row for row in map(json.loads, lines)}
    assert part.name == "train" and [row["problem_id"] for row in part.rows] == [1, 111, 2287, 2404, 4184]
    for row in part.rows:
        known = by_id.get(row["problem_id"])
        for key in ("question", "difficulty", "url") if known else ():
            assert row[key] == known[key]
    zipped = tmp_path / "zipped" / "train"
    for file in source.glob("train/*/*"):
        copied = zipped / file.parent.name / f"{file.name}.gz"
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.write_bytes(gzip.compress(file.read_bytes()))
    archive = packed(source, tmp_path / "APPS.tar.gz")
    for other in (source / "train", zipped, zipped.parent, archive):
        ((found),) = layout.read(other)
        assert (found.name, found.rows) == ("train", part.rows)


@published
def test_a_folder_of_apps_is_prepared(prepared):
    printed = prepared.run("apps", "--source", Path(FOLDER) / "apps" / "folder", "--timeout", "60")
    rows = [row for task in TASKS if (prepared.folder / "data" / task).exists() for row in prepared.rows(task, "train")]
    assert len(rows) == 5 and all(row["verified"] for row in rows) and "| train  | 5         | 5    |" in printed


def problem_folder(root: Path, split: str, name: str, **files) -> Path:
    """A problem in the layout of APPS; `files` replace or (None) take away what it usually has."""
    folder = root / split / name
    folder.mkdir(parents=True)
    texts = {"question.txt": "Twice.", "solutions.json": json.dumps(["print(2 * int(input()))"]),
             "input_output.json": json.dumps({"inputs": ["3\n"], "outputs": ["6\n"]}),
             "metadata.json": json.dumps({"difficulty": "interview", "url": "u"})}  # fmt: skip
    for file, text in {**texts, **{key.replace("__", "."): value for key, value in files.items()}}.items():
        if text is not None:
            (folder / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def test_problems_that_are_broken_in_the_folder_layout_are_counted(prepared):
    root = prepared.folder / "APPS"
    problem_folder(root, "train", "0000")
    problem_folder(root, "train", "0001", question__txt=b"\xff")
    problem_folder(root, "train", "0002", metadata__json="[1]")
    problem_folder(root, "train", "0003", metadata__json="{")
    problem_folder(root, "train", "0004", metadata__json=None)
    problem_folder(root, "train", "0005", question__txt=None)
    problem_folder(root, "train", "0006", input_output__json='{"inputs"')
    problem_folder(root, "train", "0007", solutions__json=None)
    cut = problem_folder(root, "train", "0008", solutions__json=None)
    (cut / "solutions.json.gz").write_bytes(gzip.compress(b"[]" * 500)[:-9])
    problem_folder(root, "test", "name", starter_code__py="")
    printed = prepared.run("apps", "--source", root)
    assert [row["id"] for row in prepared.rows("interview", "train")] == [0]
    assert [row["id"] for row in prepared.rows("interview", "test")] == ["name"]
    for reason in ("1 cut short or broken gzip", "1 lacks canonical_solution", "1 lacks difficulty", "1 lacks question",
                   "1 malformed input_output", "2 malformed metadata", "1 not UTF-8"):  # fmt: skip
        assert reason in printed, reason


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.95])
def test_an_archive_cut_short_is_one_clear_line(prepared, share):
    problem_folder(prepared.folder / "APPS", "train", "0000", question__txt=random.Random(0).randbytes(9999).hex())
    archive = packed(prepared.folder / "APPS", prepared.folder / "APPS.tar.gz")
    archive.write_bytes(archive.read_bytes()[: int(share * archive.stat().st_size)])
    with pytest.raises(InputError, match="APPS.tar.gz: ") as raised:
        prepared.run("apps", "--source", archive)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["rows.json.gz", "rows.jsonl.gz"])
def test_a_gzip_file_cut_anywhere_is_one_clear_line(tmp_path, name):
    rows = [ROW, {**ROW, "prompt": random.Random(1).randbytes(500).hex()}]
    text = json.dumps(rows) if name == "rows.json.gz" else "\n".join(map(json.dumps, rows))
    whole = gzip.compress(text.encode())
    for length in range(0, len(whole), 7):
        (tmp_path / name).write_bytes(whole[:length])
        with pytest.raises(InputError, match="rows") as raised:
            reading.read_file(tmp_path / name)
        assert "\n" not in str(raised.value)


def test_an_archive_of_something_else_is_refused(prepared):
    prepared.write("other/readme.txt", "x")
    with pytest.raises(InputError, match="holds no problem of APPS"):
        prepared.run("apps", "--source", packed(prepared.folder / "other", prepared.folder / "a.tgz"))


# The hub


def test_a_repository_with_a_script_is_read_from_its_data_files(tmp_path):
    """The library itself refuses the script here; what it says of the hub's own repository is the same."""
    datasets = pytest.importorskip("datasets")
    folder = tmp_path / "apps"
    folder.mkdir()
    (folder / "apps.py").write_text("raise SystemExit\n")
    (folder / "dataset_infos.json").write_text("{}")
    (folder / "train.jsonl").write_text(json.dumps({"question": "Q", "problem_id": 1}) + "\n")
    (folder / "test.jsonl").write_text(json.dumps({"question": "R", "problem_id": 2}) + "\n")
    with pytest.raises(Exception, match="script"):
        datasets.load_dataset(str(folder))
    parts = {part.name: part.rows for part in reading.read_hub(str(folder))}
    assert parts == {
        "train.jsonl": [{"question": "Q", "problem_id": 1}],
        "test.jsonl": [{"question": "R", "problem_id": 2}],
    }


def test_a_repository_of_the_hub_is_downloaded_file_by_file(tmp_path, monkeypatch):
    datasets, hub = pytest.importorskip("datasets"), pytest.importorskip("huggingface_hub")

    def refuse(name):
        raise RuntimeError("Dataset scripts are no longer supported, but found apps.py")

    def fetch(name, file, repo_type):
        assert (name, repo_type) == ("codeparrot/apps", "dataset")
        (tmp_path / "blob").write_text('{"question": "' + file + '"}\n')
        return str((tmp_path / "blob").rename(tmp_path / file))

    names = ["README.md", "apps.py", "dataset_infos.json", ".cache/x.json", "test.jsonl", "train.jsonl"]
    monkeypatch.setattr(datasets, "get_dataset_config_names", refuse)
    monkeypatch.setattr(hub.HfApi, "list_repo_files", lambda self, name, repo_type: names)
    monkeypatch.setattr(hub, "hf_hub_download", fetch)
    parts = reading.read_sources(["codeparrot/apps"])
    assert [(part.name, part.rows) for part in parts] == [
        (name, [{"question": name}]) for name in ("test.jsonl", "train.jsonl")]  # fmt: skip
    assert [reading.split_of(part.name) for part in parts] == ["test", "train"]


def test_a_hub_that_cannot_be_reached_is_one_line_that_names_what_to_download(monkeypatch):
    datasets, hub = pytest.importorskip("datasets"), pytest.importorskip("huggingface_hub")

    def unreachable(*_, **__):
        raise ConnectionError("Couldn't reach the hub\nTraceback: ...")

    monkeypatch.setattr(datasets, "get_dataset_config_names", unreachable)
    monkeypatch.setattr(hub.HfApi, "list_repo_files", unreachable)
    with pytest.raises(InputError, match="Couldn't reach the hub") as raised:
        reading.read_sources(["codeparrot/apps"])
    said = str(raised.value)
    assert "\n" not in said and "train.jsonl, test.jsonl" in said and "huggingface.co/datasets/codeparrot/apps" in said


def test_a_pointer_of_git_lfs_is_said_to_be_one(tmp_path):
    (tmp_path / "train.jsonl").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(InputError, match="git lfs pull"):
        reading.read_file(tmp_path / "train.jsonl")


# In-context lists


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("ict_data.json", True), ("ict_data_interview.json", True), ("mbpp-ict_data.json", True), ("ICT.json", True),
     ("predictions.json", False), ("strict.json", False), ("dictionary.json", False), ("data.json", False)],
)  # fmt: skip
def test_lists_by_name(name, is_one):
    assert is_list(name) is is_one


def test_a_list_belongs_to_the_difficulty_of_its_name_or_its_folder(tmp_path):
    for name in ("ict_data.json", "interview/ict_data.json", "ict_data_competition.json", "ict_data_mbpp.json",
                 "competition/ict_data.json.gz"):  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("[]")
    lists = lists_in([str(tmp_path)])
    assert {task: str(list_of(task, lists).relative_to(tmp_path)) for task in TASKS} == {
        "introductory": "ict_data.json", "interview": "interview/ict_data.json",
        "competition": "competition/ict_data.json.gz"}  # fmt: skip
    assert list_of("introductory", lists_in([str(tmp_path / "interview")])) is None


COMMAND = "`python -m data.make_ict --dataset apps --difficulty interview --model_name_or_path MODEL` makes some"


def test_rows_without_an_id_are_counted_through_the_files_of_a_kind():
    parts = [Part(name, [{**ROW, "split": None}] * 2, "") for name in ("a.json", "b.json")]
    batches, _ = apps.convert(parts, None, 0)
    assert [row["id"] for batch in batches for row in batch.rows] == [0, 1, 2, 3]
    batches, _ = apps.convert([Part(name, parts[0].rows, "") for name in ("train.jsonl", "test.jsonl")], None, 0)
    assert [row["id"] for batch in batches for row in batch.rows] == [0, 1, 0, 1]


def test_a_missing_list_is_said_with_what_follows_and_what_makes_one(prepared):
    rows = prepared.write("raw/data.json", [ROW])
    printed = prepared.run("apps", "--source", rows)
    assert "interview: no in-context list among the sources" in printed and COMMAND in printed
    assert "the problems' own descriptions stand in" in printed
    prepared.write("raw/ict_data.json", [[7, "Of no problem."]])
    printed = prepared.run("apps", "--source", rows.parent)
    assert "no description of the in-context list can be used" in printed and COMMAND in printed
    printed = prepared.run("apps", "--source", rows)
    assert "data/interview/ict.json stays in use" in printed
    prepared.write("raw/ict_data.json", [[0, "Gives it back."]])
    assert "in-context list" not in prepared.run("apps", "--source", rows.parent)
