"""Stages 1 and 3 against a small server: no weights here, files, resume, what is refused before."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
import toy
from fake_server import FakeServer

CODE = Path("data/introductory/selfsample_code/tiny")
SUM = Path("data/introductory/selfsample_sum/tiny")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model's folder without weights: whatever would load them fails."""
    path = toy.write_model(tmp_path_factory.mktemp("served") / "tiny", steps=0)
    (path / "model.safetensors").unlink()
    return path


@pytest.fixture
def server(folder):
    with FakeServer(folder) as server:
        yield server


def flags(folder: Path, url: str, *more) -> list:
    config = toy.REPOSITORY / "deepspeed_config.json"
    model = ["--model_name_or_path", folder, "--deepspeed_config", config, "--difficulty", "introductory"]
    return [*model, "--output_dir", "served", "--max_length", 512, "--engine", "server", "--base_url", url, *more]


def sampling(folder: Path, url: str, *more) -> list:
    return flags(folder, url, "--num_seq", 5, "--iter_num", 2, "--max_new_tokens", 32, *more)


def read(path: Path):
    return json.loads(path.read_text())


def made(folder: Path) -> dict[str, str]:
    """Text of all files that were made, but for timing and locks."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith((".timing.json", ".lock"))]
    return {str(path.relative_to(folder)): path.read_text() for path in files}


def test_stage_1_samples_from_a_server(server, folder, toy_task):
    """tests/long has two ranks."""
    check_stage_1(server, folder, toy_task, 0)


def check_stage_1(server, folder, toy_task, ranks) -> None:
    """Sample with a key and few requests at once; the key is in no file."""
    server.key = "geheim-123"
    flags = sampling(folder, server.url, "--server_requests", 4)
    run = toy.run_stage("seq_gibbs_sample.py", flags, toy_task, ranks, GIFT_API_KEY="geheim-123")
    assert run.status == 0, run.err
    assert not any("geheim" in text for text in (run.err, run.out, *made(toy_task).values()))
    codes = read(toy_task / CODE / "passed_seq_code.json")
    assert len(codes) == 6 and all("12345" not in code for programs in codes for code in programs)
    assert sum(map(len, codes)) >= 9  # two of three samples are right, and one is kept in each of 12 tries
    assert read(toy_task / SUM / "sum_r1.json")[0] == [toy.TOY[0][1]]
    meta = read(toy_task / CODE / "code_r1.meta.json")
    assert meta["settings"]["engine"] == "server"
    assert meta["servers"] == [{"engine": "fake", "version": "1.2.3", "model": "tiny", "token_ids": True}]
    assert meta["counts"]["samples"] == 30 and 12 <= meta["counts"]["passed"] <= 27
    sampled = [body for body in server.bodies if body["max_tokens"] == 32]
    drawn = Counter((body["temperature"], body["top_k"], body["top_p"]) for body in sampled)
    assert drawn == {(1.0, 50, 1.0): 2 * 30, (1.0, 50, 0.95): 6}, "codes, and descriptions"
    assert server.most_flying <= 4 * max(1, ranks)


def test_an_evaluation_of_a_served_model(server, folder, toy_task):
    more = ["--eval_only", "--n_samples", 10, "--pass_k", 1, 10, "--max_new_tokens", 32]
    more += ["--eval_temperature", 0.8, "--eval_top_k", 40, "--eval_top_p", 0.9]
    run = toy.run_stage("run_gen.py", flags(folder, server.url, *more), toy_task)
    assert run.status == 0, run.err
    sampled = [body for body in server.bodies if body["max_tokens"] == 32]
    assert len(sampled) == 4 * 10 == len({body["seed"] for body in sampled})
    assert {(body["temperature"], body["top_k"], body["top_p"]) for body in sampled} == {(0.8, 40, 0.9)}
    [entry] = read(toy_task / "results/introductory/served.json")
    assert 0.4 < entry["pass_at_k"]["1"] < 0.9 and entry["settings"]["engine"] == "server"
    assert read(toy_task / "gen_code/introductory/served/epoch0.meta.json")["servers"][0]["version"] == "1.2.3"


def test_a_run_goes_on_after_a_kill_and_a_server_that_comes_back(server, folder, tmp_path):
    whole, broken = toy.write_task(tmp_path / "whole"), toy.write_task(tmp_path / "broken")
    assert toy.run_stage("seq_gibbs_sample.py", sampling(folder, server.url), whole).status == 0
    server.bodies.clear()
    server.seconds = 0.3
    command = toy.stage_command("seq_gibbs_sample.py", sampling(folder, server.url, "--server_requests", 2))
    with subprocess.Popen(command, cwd=broken, stderr=subprocess.DEVNULL, text=True) as stage:
        while len(server.bodies) < 20 and stage.poll() is None:
            time.sleep(0.05)
        stage.kill()
    before = sum(1 for line in (broken / CODE / ".code_r1.rank0.journal").open() if line.startswith('["text"'))
    assert before >= 10
    server.stop()
    server.bodies.clear()
    server.seconds = 0.0
    gone = toy.run_stage("seq_gibbs_sample.py", sampling(folder, server.url, "--server_patience", 2), broken)
    assert gone.status == 1 and "refused, for --server_patience 2 s" in gone.err.splitlines()[-1]
    server.start()
    assert toy.run_stage("seq_gibbs_sample.py", sampling(folder, server.url), broken).status == 0
    assert len([body for body in server.bodies if body["max_tokens"] == 32]) == 66 - before
    assert made(whole) == made(broken)


def test_a_server_that_dies_for_good_ends_a_run_in_one_line_and_it_goes_on(server, folder, toy_task):
    server.seconds = 0.1
    patient = sampling(folder, server.url, "--server_requests", 2, "--server_patience", 3)
    with subprocess.Popen(
        toy.stage_command("seq_gibbs_sample.py", patient), cwd=toy_task, stderr=subprocess.PIPE, text=True
    ) as stage:
        while len(server.bodies) < 20 and stage.poll() is None:
            time.sleep(0.05)
        server.stop()
        said = stage.stderr.read()
    assert stage.returncode == 1 and "Traceback" not in said
    assert "no completion for --server_patience 3 s" in said.splitlines()[-1] and "refused" in said
    done = Counter(server.given)
    server.start()
    assert toy.run_stage("seq_gibbs_sample.py", sampling(folder, server.url), toy_task).status == 0
    again = sum(done[seed] and server.given[seed] > done[seed] for seed in done)
    assert again <= 1 + 2, "the probe, and what was on its way"


def test_files_of_another_engine_are_not_gone_on_with(server, folder, toy_task, tiny_model):
    assert toy.run_stage("seq_gibbs_sample.py", sampling(folder, server.url, "--iter_num", 1), toy_task).status == 0
    before = made(toy_task)
    local = sampling(tiny_model, server.url)
    at = local.index("--engine")
    run = toy.run_stage("seq_gibbs_sample.py", local[:at] + local[at + 4 :], toy_task)
    assert run.status == 2 and "engine ('server' before, None now)" in run.err
    assert made(toy_task) == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"name": "large"}, "serves large, not tiny"), ({"context": 543}, "is shorter than --max_len")],
)
def test_what_cannot_work_is_refused_before_anything_is_written(folder, toy_task, changes, said):
    before = made(toy_task)
    with FakeServer(folder, **changes) as server:
        run = toy.run_stage("seq_gibbs_sample.py", sampling(folder, server.url), toy_task)
    assert run.status == 2 and said in run.err.splitlines()[-1] and "Traceback" not in run.err
    assert made(toy_task) == before
