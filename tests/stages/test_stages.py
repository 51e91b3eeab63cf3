"""The three stages at toy size, as plain scripts and through the launcher, and what they refuse."""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import warm
from safetensors.torch import load_file
from toy import REPOSITORY, Finished, run_stage, stage_command, toy_rows, write_task
from transformers import AutoModelForCausalLM

from utils.args import SamplingOptions, ScoringOptions, TrainingOptions, parse
from utils.extract import remove_docstrings, split_program
from utils.model.load import check_model
from utils.model.tokens import TokenizerPolicy
from utils.run import stop
from utils.run.files import locked, write_json

CONFIG = REPOSITORY / "deepspeed_config.json"
CODE = Path("data/introductory/selfsample_code/tiny")
SUM = Path("data/introductory/selfsample_sum/tiny")
ROUNDS = 3


def common(model: Path | str) -> list:
    """Flags of every stage."""
    shared = ["--deepspeed_config", CONFIG, "--difficulty", "introductory", "--dtype", "fp32", "--max_length", 512]
    return ["--model_name_or_path", model, *shared]


def sampling(model: Path | str) -> list:
    """Flags of stage 1."""
    flags = ["--output_dir", "gibbs", "--selfsample", "--num_seq", 3, "--iter_num", ROUNDS, "--temperature", 1.2]
    return [*common(model), *flags, "--max_new_tokens", 32]


def scoring(model: Path | str) -> list:
    """Flags of stage 2."""
    return [*common(model), "--output_dir", "tmp", "--selfsample_code_source", CODE / "passed_seq_code.json"]


def training(model: Path | str) -> list:
    """Flags of stage 3."""
    flags = ["--output_dir", "gift", "--num_seq", 2, "--max_new_tokens", 32, "--train_batch_size", 6, "--num_epoch", 2]
    sources = ["--train_with_seq_gibbs", "--selfsample_code_source", CODE / "passed_seq_code.json", "--resample"]
    selection = ["--weight_file1", CODE / "ppl-passed_seq_code.json", "--temperature", 2.0]
    return [*common(model), *flags, *sources, *selection, "--ckpt_path", "weights"]


ENDINGS = (".json", ".meta.json")
FLAGS = {"seq_gibbs_sample.py": sampling, "cal_ppl.py": scoring, "run_gen.py": training}
OPTIONS = {"seq_gibbs_sample.py": SamplingOptions, "cal_ppl.py": ScoringOptions, "run_gen.py": TrainingOptions}


def read(path: Path):
    """A JSON file."""
    return json.loads(path.read_text())


def snapshot(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory, tiny_model) -> dict[int, tuple[Path, list[Finished]]]:
    """The whole pipeline twice: as plain scripts (0) and through the launcher with two ranks (2)."""
    found = {}
    for ranks in (0, 2):
        folder = write_task(tmp_path_factory.mktemp(f"ranks{ranks}"))
        stages = (
            ("seq_gibbs_sample.py", sampling(tiny_model)),
            ("cal_ppl.py", scoring(tiny_model)),
            ("run_gen.py", training(tiny_model)),
        )
        done = [run_stage(script, flags, folder, ranks) for script, flags in stages]
        for run in done:
            assert run.status == 0, run.err
        found[ranks] = folder, done
    return found


@pytest.fixture
def finished(pipelines, tmp_path) -> Path:
    """A copy of the plain pipeline's folder, to be spoilt."""
    return Path(shutil.copytree(pipelines[0][0], tmp_path / "copy"))


def test_stage_1_keeps_passing_programs_and_their_descriptions(pipelines):
    folder, _ = pipelines[0]
    rows = toy_rows()
    rounds = [read(folder / CODE / f"code_r{i}.json") for i in range(1, ROUNDS + 1)]
    descriptions = [
        [[row["query"]] for row in rows],
        *(read(folder / SUM / f"sum_r{i}.json") for i in range(1, ROUNDS)),
    ]
    assert sum(map(len, rounds[0])) >= 3, "the tiny model knows most of these problems"
    for kept, given in zip(rounds, descriptions, strict=True):
        assert len(kept) == len(given) == len(rows)
        for row, programs, (description,) in zip(rows, kept, given, strict=True):
            assert len(programs) <= 1
            for program in programs:
                prompt, code = split_program(program, row["test"]["fn_name"])
                assert prompt == f'{row["head"]}\n    """ {description}"""'
                assert code.startswith("\n")
                scope: dict = {}
                exec(program, scope)
                for inputs, output in zip(row["test"]["inputs"], row["test"]["outputs"], strict=True):
                    assert scope[row["test"]["fn_name"]](*inputs) == output
    assert not (folder / SUM / f"sum_r{ROUNDS}.json").exists(), "nobody would read the last round's descriptions"
    passed = read(folder / CODE / "passed_seq_code.json")
    assert passed == [[program for kept in rounds for program in kept[i]] for i in range(len(rows))]
    meta = read(folder / CODE / "passed_seq_code.meta.json")
    assert meta["rounds"] == [[r for r, kept in enumerate(rounds, 1) for _ in kept[i]] for i in range(len(rows))]
    assert meta["sha256"] == hashlib.sha256((folder / CODE / "passed_seq_code.json").read_bytes()).hexdigest()


def test_stage_2_scores_each_code_under_its_own_description(pipelines, tiny_model):
    folder, _ = pipelines[0]
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32).eval()
    _, policy = check_model(str(tiny_model), None, False)
    programs = read(folder / CODE / "passed_seq_code.json")
    flat = [(row, program) for row, own in zip(toy_rows(), programs, strict=True) for program in own]
    scores = read(folder / CODE / "ppl-passed_seq_code.json")
    assert list(scores) == [str(i) for i in range(len(flat))]
    for (row, program), score in zip(flat, scores.values(), strict=True):
        assert score == pytest.approx(plain_perplexity(model, policy, program, row["test"]["fn_name"]), rel=1e-4)


def plain_perplexity(model, policy: TokenizerPolicy, program: str, entry_point: str, end: bool = True) -> float:
    """The definition, one row at a time and token by token, with EOS behind the code or without."""
    prompt, code = split_program(program, entry_point)
    given, wanted = policy.encode_prompt(prompt), policy.encode(code) + [policy.eos_id] * end
    with torch.no_grad():
        chances = model(torch.tensor([given + wanted])).logits[0].log_softmax(-1)
    nll = [-chances[len(given) + i - 1, token].item() for i, token in enumerate(wanted)]
    return math.exp(sum(nll) / len(nll))


def test_stage_3_draws_trains_and_scores(pipelines, tiny_model):
    folder, done = pipelines[0]
    rows, programs = toy_rows(), read(folder / CODE / "passed_seq_code.json")
    drawn = read(folder / "fixed_data/introductory/1234/gift.json")
    for row, own in zip(rows, programs, strict=True):
        mine = [pair for pair in drawn if pair["id"] == row["id"]]
        assert [pair["origin"] for pair in mine] == ["gold"] + ["sampled"] * (2 if own else 0)
        assert {pair["prompt"] for pair in mine} == {f'{row["head"]}\n    """ {row["query"]}"""'}
        bodies = {split_program(program, row["test"]["fn_name"])[1].rstrip() for program in own}
        assert {pair["target"] for pair in mine[1:]} <= bodies
    entries = read(folder / "results/introductory/gift.json")
    assert [entry["epoch"] for entry in entries] == [1, 2]
    for entry in entries:
        assert entry["method"] == "GiFT" and entry["sampler"] == "gibbs" and entry["n_problems"] == 4
        counts = entry["per_problem"].values()
        assert entry["pass_at_k"]["1"] == pytest.approx(sum(c for _, c in counts) / 4)
        assert sum(entry["verdicts"].values()) == 4
    assert entries[-1]["pass_at_k"]["1"] >= 0.5, "trained on the very problems"
    generated = read(folder / "gen_code/introductory/gift/epoch2.json")
    assert [row["passed"] for row in generated] == [bool(c) for _, c in entries[-1]["per_problem"].values()]
    before, after = load_file(tiny_model / "model.safetensors"), load_file(folder / "weights/model.safetensors")
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert "shortened" in done[2].err, "a warm-up of 30 steps does not fit this run"


def test_two_ranks_write_the_files_of_one(pipelines):
    one, two = pipelines[0][0], pipelines[2][0]
    names = [CODE / f"code_r{i}.json" for i in range(1, ROUNDS + 1)] + [
        SUM / f"sum_r{i}.json" for i in range(1, ROUNDS)
    ]
    names += [CODE / "passed_seq_code.json", CODE / "ppl-passed_seq_code.json"]
    names += [Path("fixed_data/introductory/1234/gift.json")]
    names += [Path(f"gen_code/introductory/gift/epoch{epoch}.json") for epoch in (1, 2)]
    for name in names:
        meta = name.with_name(f"{name.stem}.meta.json")
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
        assert (one / meta).read_bytes() == (two / meta).read_bytes(), meta
    alone, shared = (read(folder / "results/introductory/gift.json") for folder in (one, two))
    for kind in ("per_problem", "verdicts", "pass_at_k"):
        assert [entry[kind] for entry in alone] == [entry[kind] for entry in shared], kind
    first, second = (load_file(folder / "weights/model.safetensors") for folder in (one, two))
    for name in first:
        assert torch.allclose(first[name], second[name], atol=1e-5), name


def test_finished_stages_are_not_run_again(finished, tiny_model):
    before = snapshot(finished)
    for script, flags in (
        ("seq_gibbs_sample.py", sampling(tiny_model)),
        ("cal_ppl.py", scoring(tiny_model)),
        ("run_gen.py", training(tiny_model)),
    ):
        run = run_stage(script, flags, finished)
        assert run.status == 0, run.err
        assert "Loading weights" not in run.err
    assert snapshot(finished) == before


def test_more_rounds_go_on_where_the_chain_stopped(finished, tiny_model):
    """A chain of one round, made longer, is the chain that was long from the start."""
    whole = snapshot(finished)
    for file in [*(finished / CODE).iterdir(), *(finished / SUM).iterdir()]:
        if "code_r1." not in file.name and not file.name.startswith("ppl"):
            file.unlink()
    again = run_stage("seq_gibbs_sample.py", sampling(tiny_model), finished)
    assert again.status == 0, again.err
    assert "1 finished round(s) kept" in again.err
    now = snapshot(finished)
    assert now.keys() == whole.keys()
    assert {name for name in whole if whole[name] != now[name] and ".timing." not in name} == set()


def break_off(script: str, flags: list, folder: Path, sign: Callable[[], bool], number: int) -> subprocess.Popen:
    """Start a stage and end it by a signal as soon as it has given a sign; it has ended when this returns."""
    with subprocess.Popen(stage_command(script, flags), cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 120
        while process.poll() is None and not sign() and time.monotonic() < until:
            time.sleep(0.002)
        process.send_signal(number)
        began = time.monotonic()
        process.err = process.communicate(timeout=20)[1]
        assert time.monotonic() - began < 10
    return process


def differing(one: Path, other: Path) -> set[str]:
    """Files that differ or that only one folder has, timing left out."""
    here, there = snapshot(one), snapshot(other)
    return {name for name in {*here, *there} if here.get(name) != there.get(name) and ".timing." not in name}


def test_stage_1_goes_on_within_a_round(pipelines, tiny_model, tmp_path):
    folder = write_task(tmp_path / "broken off")
    flags = [*sampling(tiny_model), "--engine", "static", "--eval_batch_size", 1]
    journal = folder / CODE / ".code_r2.rank0.journal"

    def half_way() -> bool:
        return journal.exists() and journal.read_bytes().count(b"\n") > 5

    broken = break_off("seq_gibbs_sample.py", flags, folder, half_way, signal.SIGTERM)
    assert broken.returncode == 143
    assert broken.err.splitlines()[-1] == "stopped by SIGTERM; the same command resumes where it stopped"
    assert journal.exists() and not (folder / CODE / "code_r2.json").exists()
    known = sum(json.loads(line)[0] == "text" for line in journal.read_bytes().splitlines()[1:])
    assert run_stage("seq_gibbs_sample.py", flags, folder).status == 0
    assert differing(folder / CODE, pipelines[0][0] / CODE) <= {f"ppl-passed_seq_code{end}" for end in ENDINGS}
    assert differing(folder / SUM, pipelines[0][0] / SUM) == set()
    tokens = read(folder / CODE / "code_r2.timing.json")["tokens"]
    assert known >= 2 and tokens < read(pipelines[0][0] / CODE / "code_r2.timing.json")["tokens"]
    assert not list(folder.rglob(".*"))


def test_stage_3_goes_on_from_the_last_state_it_kept(finished, pipelines, tiny_model):
    for place in ("results", "gen_code", "fixed_data", "weights"):
        shutil.rmtree(finished / place)
    flags = [*training(tiny_model), "--save_steps", 2]
    kept = finished / "gen_code/introductory/gift/state/node0"
    sign = kept / "epoch1-step2" / "complete.json"
    assert break_off("run_gen.py", flags, finished, sign.exists, signal.SIGKILL).returncode == -signal.SIGKILL
    assert not (finished / "results/introductory/gift.json").exists()
    again = run_stage("run_gen.py", flags, finished)
    assert again.status == 0, again.err
    assert "resuming after step 2 of epoch 1" in again.err or "resuming after step 3 of epoch 1" in again.err
    assert differing(finished, pipelines[0][0]) == set()
    assert not kept.parent.exists()


FULL_DISK = """
import errno, shutil
import run_gen
from utils.args import TrainingOptions, parse
from utils.run import stop

disk_usage, asked = shutil.disk_usage, []

def full_after_one_state(folder):
    asked.append(folder)
    usage = disk_usage(folder)
    return usage if len(asked) == 1 else usage._replace(free=0)

def save_model(*_):
    raise OSError(errno.ENOSPC, "No space left on device")

shutil.disk_usage, run_gen.save_model = full_after_one_state, save_model
stop.run(lambda: run_gen.main(parse(TrainingOptions)))
"""


def test_an_epoch_whose_state_the_disk_had_no_room_for_is_trained_again(finished, pipelines, tiny_model):
    """Its scores are written, its weights are nowhere: the weights saved in the end must be those of the last epoch."""
    for place in ("results", "gen_code", "fixed_data", "weights"):
        shutil.rmtree(finished / place)
    (finished / "full_disk.py").write_text(FULL_DISK)
    flags = training(tiny_model)
    full = warm.run(["full_disk.py", *flags], finished, {**os.environ, "PYTHONPATH": str(REPOSITORY)})
    assert full.returncode == 1 and "No space left" in full.stderr, full.stderr
    assert full.stderr.count("training goes on without a state") == 1
    assert len(read(finished / "results/introductory/gift.json")) == 2
    half_written = finished / "gen_code/introductory/gift/state/node0/epoch2-step1"
    half_written.mkdir()
    (finished / "full_disk.py").unlink()
    again = run_stage("run_gen.py", flags, finished)
    assert again.status == 0, again.err
    assert differing(finished, pipelines[0][0]) == set()


def test_weights_of_another_run_do_not_count_as_saved(finished, tiny_model):
    flags = [*training(tiny_model), "--output_dir", "other", "--num_epoch", 1]
    assert run_stage("run_gen.py", [*flags, "--ckpt_path", "other"], finished).status == 0
    again = run_stage("run_gen.py", flags, finished)  # --ckpt_path holds the weights of `gift`, trained for two epochs
    assert again.status == 0 and "already exists" not in again.err
    assert differing(finished / "weights", finished / "other") == set()
    again = run_stage("run_gen.py", flags, finished)
    assert again.status == 0 and "already exists" in again.err


@pytest.mark.parametrize(
    ("change", "named"),
    [({"seed": 7}, "seed (7 before, 1234 now)"), ({"world_size": 2}, "world_size (2 before, 1 now)")],
)
def test_a_state_of_other_settings_is_refused(change, named, finished, refused, tiny_model):
    meta = read(finished / "results/introductory/gift.meta.json")
    state = finished / "gen_code/introductory/other/state/node0/epoch1-step2"
    state.mkdir(parents=True)
    about = {"settings": {**meta["settings"], "world_size": 1, **change}, "inputs": meta["inputs"]}
    (state / "complete.json").write_text(json.dumps({"epoch": 1, "step": 2, "curve": [[]], **about}))
    refused(finished, "run_gen.py", [*training(tiny_model), "--output_dir", "other"], f"other settings: {named}")


def test_a_second_run_of_the_same_is_refused(finished, refused, tiny_model):
    for script, place in (
        ("seq_gibbs_sample.py", CODE),
        ("cal_ppl.py", CODE / "ppl-passed_seq_code.json"),
        ("run_gen.py", Path("results/introductory/gift.json")),
    ):
        with locked(finished / place):
            refused(finished, script, FLAGS[script](tiny_model), "another run is writing it")


def test_overwrite_starts_anew_and_leaves_nothing_of_the_longer_run(finished, tiny_model):
    stopped = finished / CODE / ".code_r1.rank0.journal"
    stopped.write_text(json.dumps({"settings": {"seed": 3}, "inputs": {}}) + "\n")
    run = run_stage(
        "seq_gibbs_sample.py", [*sampling(tiny_model), "--iter_num", 1, "--seed", 7, "--overwrite"], finished
    )
    assert run.status == 0, run.err
    rounds = sorted(path.name for path in (finished / CODE).glob("code_r*"))
    assert rounds == ["code_r1.json", "code_r1.meta.json", "code_r1.timing.json"]
    assert not list((finished / SUM).iterdir())
    assert read(finished / CODE / "code_r1.meta.json")["settings"]["seed"] == 7
    assert read(finished / CODE / "passed_seq_code.json") == read(finished / CODE / "code_r1.json")


@pytest.mark.parametrize("sampler", ["conditional", "rewrite"])
def test_baselines_differ_only_in_the_next_description(sampler, toy_task, tiny_model, pipelines):
    flags = [
        *sampling(tiny_model),
        "--sampler",
        sampler,
        "--save_dir",
        f"runs/{sampler}",
        "--iter_num",
        2,
        "--keep",
        "all",
    ]
    run = run_stage("seq_gibbs_sample.py", flags, toy_task)
    assert run.status == 0, run.err
    first = read(toy_task / f"runs/{sampler}/code/code_r1.json")
    chosen = read(pipelines[0][0] / CODE / "code_r1.json")
    assert all(set(one) <= set(every) for one, every in zip(chosen, first, strict=True)), "the first round is common"
    assert max(map(len, first)) > 1
    given = read(toy_task / f"runs/{sampler}/sum/sum_r1.json")
    seeds = [[row["query"]] for row in toy_rows()]
    assert (given == seeds) == (sampler == "conditional")
    assert not (toy_task / CODE).exists()


def test_eval_only_scores_a_model_with_several_samples(toy_task, tiny_model):
    flags = ["--eval_only", "--output_dir", "base", "--n_samples", 4, "--eval_temperature", 3.0, "--pass_k", 1, 2]
    run = run_stage("run_gen.py", [*common(tiny_model), *flags, "--max_new_tokens", 32], toy_task)
    assert run.status == 0, run.err
    (entry,) = read(toy_task / "results/introductory/base.json")
    assert entry["method"] == "base" and entry["epoch"] == 0
    assert {n for n, _ in entry["per_problem"].values()} == {4}
    written: dict[str, set[str]] = {}
    for row in read(toy_task / "gen_code/introductory/base/epoch0.json"):
        written.setdefault(row["task_id"], set()).add(row["solution"])
    assert len(written) == 4 and max(map(len, written.values())) > 1, "samples of a problem are draws of their own"
    assert "pass@1" in run.out


def test_perplexities_under_the_seed_description_have_a_folder_of_their_own(finished, tiny_model, refused):
    flags = [*scoring(tiny_model), "--description", "seed", "--no_eos"]
    refused(finished, "cal_ppl.py", flags, "description")
    run = run_stage("cal_ppl.py", [*flags, "--save_dir", "runs/seed"], finished)
    assert run.status == 0, run.err
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32).eval()
    _, policy = check_model(str(tiny_model), None, False)
    scores = read(finished / "runs/seed/code/ppl-passed_seq_code.json")
    programs = read(finished / CODE / "passed_seq_code.json")
    flat = [(row, program) for row, own in zip(toy_rows(), programs, strict=True) for program in own]
    assert len(scores) == len(flat)
    for (row, program), score in zip(flat, scores.values(), strict=True):
        code = split_program(program, row["test"]["fn_name"])[1]
        seed = f'{row["head"]}\n    """ {row["query"]}"""{code}'
        assert score == pytest.approx(plain_perplexity(model, policy, seed, row["test"]["fn_name"], False), rel=1e-4)
    assert scores != read(finished / CODE / "ppl-passed_seq_code.json")


def test_another_model_learns_from_some_rounds_in_both_directions(finished, tiny_model, refused):
    """Distillation, rounds used, no gold pairs and description pairs, in one run."""
    student = Path(shutil.copytree(tiny_model, finished / "student"))
    flags = [*training(student), "--num_epoch", 1, "--ckpt_path", "student2", "--output_dir", "distilled"]
    flags += ["--rounds", "1-2", "--no_gold", "--description_pairs", "--turn", 2]
    run = run_stage("run_gen.py", flags, finished)
    assert run.status == 0, run.err
    drawn = read(finished / "fixed_data/introductory/1234/distilled.json")
    early = [
        [program for i in (1, 2) for program in read(finished / CODE / f"code_r{i}.json")[number]]
        for number in range(len(toy_rows()))
    ]
    assert [row["origin"] for row in drawn] == ["sampled", "description"] * (2 * sum(map(bool, early)))
    for code, text in zip(drawn[::2], drawn[1::2], strict=True):
        (program,) = {own for own in early[code["id"]] if own.endswith(code["target"]) and f' {text["target"]}"' in own}
        shot = remove_docstrings(program).strip()
        assert text["prompt"].endswith(f"\n\n###Code:\n{shot}\n###Description of the given code:\n")
        assert text["prompt"].count("###Code:") == 2
    (entry,) = read(finished / "results/introductory/distilled.json")
    assert (entry["model"], entry["method"]) == ("student", "GiFT")
    (made_with,) = entry["sources"]
    assert (made_with["codes"]["model"], made_with["perplexities"]["model"]) == ("tiny", "tiny")
    told = {"rounds": "1-2", "no_gold": True, "description_pairs": True, "turn": 2}
    assert {name: entry["settings"][name] for name in told} == told
    refused(finished, "run_gen.py", [*flags, "--rounds", "1-3"], "rounds ('1-2' before, '1-3' now)")
    refused(finished, "run_gen.py", [*flags, "--rounds", "1-4"], "holds 3 rounds")


@pytest.mark.parametrize(("selection", "count"), [("rarity", 3), ("distinct", 2)])
def test_training_on_classes_of_equal_codes_needs_no_perplexities(toy_task, tiny_model, selection, count):
    bodies = ["return a + b", "return (a + b)  # the sum", "return b + a"]
    codes = [[f"def add(a, b):\n    {body}" for body in bodies], *[[]] * 5]
    write_json(toy_task / "codes.json", codes, {"settings": {"sampler": "gibbs", "model": "tiny"}})
    flags = ["--output_dir", "rule", "--num_seq", 3, "--num_epoch", 1, "--train_batch_size", 9, "--max_new_tokens", 8]
    flags += ["--train_with_seq_gibbs", "--selfsample_code_source", "codes.json", "--selection", selection]
    run = run_stage("run_gen.py", [*common(tiny_model), *flags], toy_task)
    assert run.status == 0, run.err
    drawn = read(toy_task / "fixed_data/introductory/1234/rule.json")
    sampled = [row["target"].strip() for row in drawn if row["origin"] == "sampled"]
    assert len(sampled) == count and set(sampled) <= set(bodies)
    assert selection == "rarity" or (bodies[2] in sampled and len(set(sampled)) == 2)
    (entry,) = read(toy_task / "results/introductory/rule.json")
    assert (entry["method"], entry["settings"]["selection"]) == ("GiFT", selection)


BAD_INPUT = {
    "no such model": ("seq_gibbs_sample.py", ["--model_name_or_path", "./nowhere"], "./nowhere"),
    "unknown data set": ("seq_gibbs_sample.py", ["--dataset", "mbqq"], "mbqq"),
    "typing error in a flag": ("seq_gibbs_sample.py", ["--iter_mun", 3], "--iter_num"),
    "prompt longer than max_length": ("seq_gibbs_sample.py", ["--max_length", 3, "--save_dir", "new"], "--max_length"),
    "other settings": ("seq_gibbs_sample.py", ["--seed", 7], "seed"),
    "fewer rounds than there are": ("seq_gibbs_sample.py", ["--iter_num", 2], "--iter_num"),
    "path as output_dir": ("cal_ppl.py", ["--output_dir", "a/b"], "--output_dir"),
    "no such code file": ("cal_ppl.py", ["--selfsample_code_source", "none.json"], "none.json"),
    "no such config": ("cal_ppl.py", ["--deepspeed_config", "none.json"], "none.json"),
    "weights without resample": ("run_gen.py", ["--resample", "False"], "--resample"),
    "second weights without second codes": ("run_gen.py", ["--weight_file2", "x.json"], "--selfsample_code_source2"),
    "second codes without second weights": ("run_gen.py", ["--selfsample_code_source2", "x.json"], "--weight_file2"),
    "greedy samples": ("run_gen.py", ["--n_samples", 3], "--eval_temperature"),
    "more tokens than positions": (
        "seq_gibbs_sample.py",
        ["--max_length", 5000, "--save_dir", "new"],
        "4096 positions",
    ),
    "more tokens than positions to score": ("cal_ppl.py", ["--max_length", 5000], "4096 positions"),
    "more tokens than positions to train on": ("run_gen.py", ["--max_length", 5000], "4096 positions"),
    "budget below one row": ("run_gen.py", ["--micro_batch_tokens", 9, "--output_dir", "b"], "--micro_batch_tokens 9"),
    "rounds of gold pairs": ("run_gen.py", ["--train_with_seq_gibbs", "False", "--rounds", 1], "--rounds"),
    "weights of an evaluation": ("run_gen.py", ["--eval_only"], "--ckpt_path weights"),
    "training rows do not fit": ("run_gen.py", ["--max_length", 1], "--max_length"),
}


@pytest.fixture
def refused(monkeypatch, capfd):
    """`refused(folder, script, flags, named)`: the stage ends with status 2 and one line that names the culprit.

    It touches nothing and loads no weights. Runs in this process, since a start takes seconds.
    """

    def check(folder: Path, script: str, flags: list, named: str) -> None:
        before = snapshot(folder)
        module = importlib.import_module(script.removesuffix(".py"))
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", [script, *map(str, flags)])
        monkeypatch.setattr(module, "load_model", lambda *_: pytest.fail("weights were loaded"))
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            stop.run(lambda: module.main(parse(OPTIONS[script])))
        err = capfd.readouterr().err
        lines = [line for line in err.splitlines() if not line.startswith("dropped:")]
        assert stopped.value.code == 2, err
        assert len(lines) == 1 and lines[0].startswith("error: ") and named in lines[0], err
        assert snapshot(folder) == before

    return check


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_flags_end_in_one_line_before_weights_are_loaded(case, finished, tiny_model, refused):
    script, extra, named = BAD_INPUT[case]
    refused(finished, script, [*FLAGS[script](tiny_model), *extra], named)


BROKEN_FILES = {
    "truncated": ("data/introductory/train.json", lambda text: text[:-9], "seq_gibbs_sample.py", "train.json"),
    "no rows": ("data/introductory/train.json", lambda text: "[]", "seq_gibbs_sample.py", "train.json"),
    "row lacks a field": (
        "data/introductory/train.json",
        lambda text: text.replace('"head"', '"haed"', 1),
        "seq_gibbs_sample.py",
        "row 0",
    ),
    "id used twice": (
        "data/introductory/train.json",
        lambda text: text.replace('"id": 1', '"id": 0'),
        "cal_ppl.py",
        "id 0",
    ),
    "bare strings for pairs": ("data/introductory/ict.json", lambda text: '["x"]', "seq_gibbs_sample.py", "ict.json"),
    "code file changed by hand": (
        f"{CODE}/passed_seq_code.json",
        lambda text: text.replace("return", "return  ", 1),
        "cal_ppl.py",
        "passed_seq_code",
    ),
    "weights of another code file": (
        f"{CODE}/passed_seq_code.json",
        lambda text: text.replace("return", "return  ", 1),
        "run_gen.py",
        "passed_seq_code",
    ),
}


@pytest.mark.parametrize("case", BROKEN_FILES)
def test_broken_files_end_in_one_line(case, finished, tiny_model, refused):
    name, change, script, named = BROKEN_FILES[case]
    (finished / name).write_text(change((finished / name).read_text()))
    refused(finished, script, FLAGS[script](tiny_model), named)


def test_weights_made_from_another_code_file_are_refused(finished, tiny_model, refused):
    """Also where each file is whole by itself: only the hash of the input tells."""
    code = finished / CODE / "passed_seq_code.json"
    code.write_text(code.read_text().replace("return", "return  ", 1))
    code.with_name("passed_seq_code.meta.json").unlink()
    refused(finished, "run_gen.py", training(tiny_model), "ppl-passed_seq_code.json")


def test_foreign_weights_are_taken_with_a_warning_if_the_counts_fit(finished, tiny_model, refused):
    ppl = finished / CODE / "ppl-passed_seq_code.json"
    ppl.with_name("ppl-passed_seq_code.meta.json").unlink()
    run = run_stage("run_gen.py", [*training(tiny_model), "--output_dir", "foreign", "--num_epoch", 1], finished)
    assert run.status == 0, run.err
    assert "has no meta file" in run.err
    scores = read(ppl)
    scores.popitem()
    ppl.write_text(json.dumps(scores))
    refused(finished, "run_gen.py", [*training(tiny_model), "--output_dir", "foreign2"], "perplexities")


def test_codes_of_every_seed_are_scored_and_trained_on(finished, tiny_model):
    """As the authors' files have them: an entry for each seed, also for one that is no training problem here."""
    train = finished / "data/introductory/train.json"
    seeds = ["left out", *(row["id"] for row in read(train))]
    write_json(train, read(train), {"seeds": seeds})
    code, scores = finished / "foreign.json", finished / "ppl-foreign.json"
    code.write_text(json.dumps([["a = 1", "b = 2"], *read(finished / CODE / "passed_seq_code.json")]))
    run = run_stage("cal_ppl.py", [*scoring(tiny_model), "--selfsample_code_source", code], finished)
    assert run.status == 0, run.err
    assert "1 entries with 2 codes" in run.err
    before = read(finished / CODE / "ppl-passed_seq_code.json")
    assert {int(key) - 2: value for key, value in read(scores).items()} == {int(k): v for k, v in before.items()}
    flags = ["--selfsample_code_source", code, "--weight_file1", scores, "--num_epoch", 1, "--output_dir", "gift2"]
    run = run_stage("run_gen.py", [*training(tiny_model), *flags], finished)
    assert run.status == 0, run.err
    drawn = "fixed_data/introductory/1234/gift{}.json"
    assert read(finished / drawn.format(2)) == read(finished / drawn.format(""))


@pytest.mark.parametrize("config", ["not json", "{}", '{"optimizer": {"type": "AdamW"}}'])
def test_bad_deepspeed_config(config, finished, tiny_model, refused):
    (finished / "ds.json").write_text(config)
    refused(finished, "run_gen.py", [*training(tiny_model), "--deepspeed_config", "ds.json"], "ds.json")


def test_apps_needs_a_difficulty(toy_task, tiny_model, refused):
    flags = [flag for flag in sampling(tiny_model) if flag not in ("--difficulty", "introductory")]
    refused(toy_task, "seq_gibbs_sample.py", flags, "--difficulty")


def test_the_status_reaches_the_shell(toy_task, tiny_model):
    run = run_stage("seq_gibbs_sample.py", [*sampling(tiny_model), "--seed", "x"], toy_task)
    assert run.status == 2
    assert run.err.startswith("error: argument --seed") and run.err.count("\n") == 1


def test_one_rank_speaks_for_all_and_each_fails(toy_task, tiny_model):
    command = stage_command("seq_gibbs_sample.py", [*sampling(tiny_model), "--seed", "x"])
    main, other = (
        subprocess.Popen(
            command,
            cwd=toy_task,
            env={**os.environ, "RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in "01"
    )
    said = main.communicate(timeout=60)[1]
    other.terminate()  # as the launcher does when one has ended
    assert other.communicate(timeout=60)[1] == "" and other.returncode != 0
    assert main.returncode == 2 and said.count("error: argument --seed") == 1


def test_the_published_command_lines(toy_task, tiny_model):
    """Paths and flags unchanged, with the weights under the hub's name; small numbers only where time asks for it."""
    hub_name = "deepseek-ai/deepseek-coder-6.7b-base"
    shutil.copytree(tiny_model, toy_task / hub_name)
    shutil.copy(CONFIG, toy_task)
    base = f"./data/introductory/selfsample_code/{hub_name}"
    lines = {
        "seq_gibbs_sample.py": "--deepspeed_config ./deepspeed_config.json --model_name_or_path "
        f"{hub_name} --eval_batch_size 1 --max_length 1536 --selfsample --output_dir gibbs_sampling --num_seq 3 "
        "--temperature 1.0 --iter_num 2 --difficulty introductory --seed 1234 --max_new_tokens 32",
        "cal_ppl.py": f"--deepspeed_config ./deepspeed_config.json --model_name_or_path {hub_name} --eval_batch_size 1 "
        f"--max_length 2048 --output_dir tmp --selfsample_code_source {base}/passed_seq_code.json "
        "--difficulty introductory --seed 1234",
        "run_gen.py": f"--model_name_or_path {hub_name} --eval_batch_size 2 --num_epoch 2 --max_length 1536 "
        "--deepspeed_config ./deepspeed_config.json --train_with_seq_gibbs --output_dir 1234-gift-8-re-w2 "
        f"--selfsample_code_source {base}/passed_seq_code.json --num_seq 8 --seed 1234 --difficulty introductory "
        f"--resample --weight_file1 {base}/ppl-passed_seq_code.json --temperature 2.0 --max_new_tokens 32",
    }
    for script, flags in lines.items():
        run = run_stage(script, flags.split(), toy_task, ranks=1 if script == "seq_gibbs_sample.py" else 0)
        assert run.status == 0, run.err
    assert (toy_task / base / "code_r2.json").exists()
    assert (toy_task / f"data/introductory/selfsample_sum/{hub_name}/sum_r1.json").exists()
    assert len(read(toy_task / "results/introductory/1234-gift-8-re-w2.json")) == 2
