"""Where files lie: the published folders, and no absolute path in an output path."""

from __future__ import annotations

from pathlib import Path

import pytest

from utils.run import paths

HUB = "deepseek-ai/deepseek-coder-6.7b-base"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (HUB, HUB),
        ("gpt2", "gpt2"),
        ("org/name.gguf", "name"),
        ("/srv/models/tiny", "tiny"),
        ("/srv/models/tiny/", "tiny"),
        ("./models/tiny", "tiny"),
        ("data/models/SmolLM2-135M-Instruct", "SmolLM2-135M-Instruct"),
        ("/srv/Model.Q4_1.gguf", "Model.Q4_1"),
        ("~/tiny", "tiny"),
        ("/", "model"),
    ],
)
def test_model_name(given, name):
    assert paths.model_name(given) == name


@pytest.mark.parametrize(
    "given", ["..", ".", "../..", "org/..", "../org", "/a/b/..", "a/b/c/d", "org/.hidden", "/a//b"]
)
def test_no_model_name_leads_out_of_its_folder(given):
    name = Path(paths.model_name(given))
    assert name.parts and not name.is_absolute() and ".." not in name.parts


def test_a_link_and_the_working_folder_do_not_leak_into_outputs(tmp_path, monkeypatch):
    (tmp_path / "tiny").mkdir()
    monkeypatch.chdir(tmp_path / "tiny")
    assert paths.model_name(".") == "tiny"


def test_published_folders_of_stage_1():
    assert paths.code_folder("introductory", HUB) == Path(f"data/introductory/selfsample_code/{HUB}")
    assert paths.description_folder("introductory", HUB) == Path(f"data/introductory/selfsample_sum/{HUB}")


def test_save_dir_replaces_both_folders():
    assert paths.code_folder("mbpp", HUB, "runs/a") == Path("runs/a/code")
    assert paths.description_folder("mbpp", HUB, "runs/a") == Path("runs/a/sum")


def test_perplexities_lie_beside_their_codes():
    assert paths.perplexity_file("./a/b/passed_seq_code.json") == Path("a/b/ppl-passed_seq_code.json")


def test_perplexities_of_another_kind_have_a_folder_of_their_own():
    assert paths.perplexity_file("a/passed_seq_code.json", "runs/x") == Path("runs/x/code/ppl-passed_seq_code.json")


def test_files_of_a_task_and_a_run():
    assert paths.task_file("interview", "ict") == Path("data/interview/ict.json")
    assert paths.training_set("mbpp", 7, "gift-8") == Path("fixed_data/mbpp/7/gift-8.json")
    assert paths.generations("mbpp", "gift-8", 2) == Path("gen_code/mbpp/gift-8/epoch2.json")
    assert paths.results("mbpp", "gift-8") == Path("results/mbpp/gift-8.json")


@pytest.mark.parametrize("model", [HUB, "/srv/models/tiny", "tiny.gguf"])
def test_no_two_kinds_of_file_share_a_path(model):
    made = [
        paths.code_folder("mbpp", model),
        paths.description_folder("mbpp", model),
        paths.training_set("mbpp", 1, "x"),
        paths.generations("mbpp", "x", 1),
        paths.generations("mbpp", "x", 11),
        paths.results("mbpp", "x"),
        paths.task_file("mbpp", "train"),
    ]
    assert len(set(made)) == len(made) and not any(path.is_absolute() for path in made)
