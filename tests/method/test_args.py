"""Flags of the three stages: published command lines parse, bad values end in one line before anything is loaded."""

from __future__ import annotations

import dataclasses
import json
import shlex
from pathlib import Path

import pytest

from utils.args import (
    SamplingOptions,
    ScoringOptions,
    TrainingOptions,
    judge_options,
    parse,
    read_deepspeed_config,
    settings,
)
from utils.flags import changes_results
from utils.run.files import InputError

CONFIG = Path(__file__).resolve().parents[2] / "deepspeed_config.json"
HUB = "deepseek-ai/deepseek-coder-6.7b-base"
CODES = f"./data/introductory/selfsample_code/{HUB}"

STAGE_1 = f"""--deepspeed_config {CONFIG} --model_name_or_path {HUB} --eval_batch_size 1 --max_length 1536 --selfsample
  --output_dir gibbs_sampling --num_seq 3 --temperature 1.0 --iter_num 20 --difficulty introductory --seed 1234"""
STAGE_2 = f"""--deepspeed_config {CONFIG} --model_name_or_path {HUB} --eval_batch_size 1 --max_length 2048
  --output_dir tmp --seed 1234 --selfsample_code_source {CODES}/passed_seq_code.json --difficulty introductory"""
STAGE_3 = f"""--model_name_or_path {HUB} --eval_batch_size 2 --num_epoch 2 --max_length 1536 --deepspeed_config {CONFIG}
  --train_with_seq_gibbs --output_dir 1234-gift-8-re-w2 --selfsample_code_source {CODES}/passed_seq_code.json
  --num_seq 8 --seed 1234 --difficulty introductory --resample --weight_file1 {CODES}/ppl-passed_seq_code.json
  --temperature 2.0"""
PUBLISHED = {SamplingOptions: STAGE_1, ScoringOptions: STAGE_2, TrainingOptions: STAGE_3}
STAGES = pytest.mark.parametrize("stage", PUBLISHED, ids=lambda stage: stage.__name__)


def parsed(stage, extra: str = ""):
    """The published command line of a stage with more flags behind it."""
    return parse(stage, shlex.split(PUBLISHED[stage] + " " + extra))


def refused(stage, flags: str) -> str:
    """The line that bad flags end in."""
    with pytest.raises(InputError) as caught:
        parse(stage, shlex.split(flags))
    text = str(caught.value)
    assert text and "\n" not in text
    return text


@STAGES
@pytest.mark.parametrize("rank", ["", "--local_rank=3", "--local_rank 3"])
def test_published_command_lines(stage, rank):
    options = parsed(stage, rank)
    assert (options.model_name_or_path, options.task, options.seed) == (HUB, "introductory", 1234)
    assert options.local_rank == (3 if rank else -1)


def test_published_values_arrive():
    sampling, training = parsed(SamplingOptions), parsed(TrainingOptions)
    assert (sampling.num_seq, sampling.temperature, sampling.iter_num, sampling.max_length) == (3, 1.0, 20, 1536)
    assert (training.num_seq, training.temperature, training.num_epoch, training.resample) == (8, 2.0, 2, True)
    assert training.train_with_seq_gibbs and training.weight_file1.endswith("ppl-passed_seq_code.json")


def test_defaults_are_those_of_the_design():
    common = f"--deepspeed_config {CONFIG} --model_name_or_path m --max_length 9 --output_dir o --dataset quickstart"
    sampling, training = parse(SamplingOptions, common.split()), parse(TrainingOptions, common.split())
    expected = {
        "num_seq": 1, "temperature": 1.0, "top_p": 1.0, "iter_num": 50, "sampler": "gibbs", "keep": "one",
        "max_new_tokens": 512, "engine": "auto", "save_dir": None, "overwrite": False, "dtype": "bf16", "seed": 1234,
        "judge_timeout": 5.0, "judge_memory_mb": 2048, "isolation": "auto", "compare": "apps", "allow_weak": False,
    }  # fmt: skip
    assert {name: getattr(sampling, name) for name in expected} == expected
    expected = {
        "num_seq": 1, "resample": False, "temperature": 1.0, "num_epoch": 2, "train_batch_size": 128,
        "eval_only": False, "n_samples": 1, "eval_temperature": 0, "eval_top_p": 1.0, "pass_k": [1], "ckpt_path": None,
    }  # fmt: skip
    assert {name: getattr(training, name) for name in expected} == expected


@STAGES
def test_every_flag_has_a_help_text(stage, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(stage, ["--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    for name in stage.__dataclass_fields__:
        assert f"--{name}" in shown
        assert stage.__dataclass_fields__[name].metadata.get("help"), name


@STAGES
@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ("--dataset nowhere", "--dataset nowhere"),
        ("--difficulty easy", "--difficulty introductory | interview | competition"),
        ("--dataset mbpp", "--difficulty introductory"),
        ("--max_length 0", "--max_length 0"),
        ("--limit -1", "--limit -1"),
        ("--eval_batch_size -1", "--eval_batch_size -1"),
        ("--output_dir a/b", "--output_dir a/b"),
        ("--output_dir a/", "--output_dir a/"),
        ("--output_dir ..", "--output_dir .."),
        ("--output_dir ''", "--output_dir"),
        ("--deepspeed_config nowhere.json", "nowhere.json"),
        ("--dtype int8", "--dtype"),
        ("--seed 1.5", "--seed"),
        ("--max_length many", "--max_length"),
        ("--maxlength 5", "did you mean --max_length?"),
        ("--max_len 5", "--max_length"),
        ("stray", "stray"),
        ("--seed", "--seed"),
    ],
)
def test_bad_flags_of_any_stage(stage, flags, named):
    assert named in refused(stage, f"{PUBLISHED[stage]} {flags}")


@STAGES
@pytest.mark.parametrize("flag", ["--model_name_or_path", "--deepspeed_config", "--output_dir", "--max_length"])
def test_needed_flags(stage, flag):
    words = shlex.split(PUBLISHED[stage])
    at = words.index(flag)
    assert flag in refused(stage, shlex.join(words[:at] + words[at + 2 :]))


def test_apps_is_the_default_and_needs_a_difficulty():
    flags = PUBLISHED[SamplingOptions].replace("--difficulty introductory", "")
    assert "--difficulty" in refused(SamplingOptions, flags)
    assert parse(SamplingOptions, shlex.split(f"{flags} --dataset quickstart")).task == "quickstart"


@pytest.mark.parametrize(
    "flags",
    [
        "--num_seq 0", "--iter_num 0", "--max_new_tokens 0", "--temperature -1", "--temperature nan",
        "--temperature inf", "--top_p 0", "--top_p 1.1", "--top_p nan", "--top_k -1", "--top_k all", "--sampler rft",
        "--keep none", "--fall_back none", "--judge_total_timeout -1", "--judge_total_timeout nan",
        "--engine fast", "--judge_workers -1", "--judge_timeout 0", "--judge_timeout nan", "--judge_memory_mb 1",
        "--isolation vm", "--compare loose",
    ],
)  # fmt: skip
def test_bad_values_of_sampling(flags):
    assert flags.split()[0] in refused(SamplingOptions, f"{STAGE_1} {flags}")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--engine server", "--engine server: needs --base_url"),
        ("--base_url http://h:1/v1", "--base_url http://h:1/v1: is for --engine server"),
        ("--engine server --base_url http://h:8000", "ends without /v1; expected http://h:8000/v1"),
        ("--engine server --base_url http://h:1/v1,https://h:2/v2", "https://h:2/v2: ends without /v1"),
        ("--engine server --base_url h:8000/v1", "no URL of a server"),
        ("--engine server --base_url ftp://h/v1", "no URL of a server"),
        ("--engine server --base_url http://h:port/v1", "no URL of a server"),
        ("--engine server --base_url http://h:1/v1 --server_requests -1", "--server_requests -1"),
        ("--engine server --base_url http://h:1/v1 --server_patience 0", "--server_patience 0.0"),
        ("--engine server --base_url http://h:1/v1 --server_patience nan", "--server_patience nan"),
    ],
)
def test_bad_servers(flags, said):
    assert said in refused(SamplingOptions, f"{STAGE_1} {flags}")


def test_passwords_in_a_url_are_refused_and_not_shown():
    said = refused(SamplingOptions, f"{STAGE_1} --engine server --base_url http://me:secret@h:1/v1")
    assert "secret" not in said and "GIFT_API_KEY" in said


def test_several_servers_each_once():
    flags = "--engine server --base_url http://a:1/v1,http://b:1/v1/,http://a:1/v1"
    assert parsed(SamplingOptions, flags).base_urls == ["http://a:1/v1", "http://b:1/v1/"]


def test_a_served_model_is_evaluated_but_not_trained():
    flags = f"{GOLD_ONLY} --engine server --base_url http://h:1/v1"
    assert "--eval_only" in refused(TrainingOptions, flags)
    assert parse(TrainingOptions, shlex.split(f"{flags} --eval_only")).engine == "server"
    for adapted in ("--adapter a", "--adapter a --lora_4bit"):
        assert "--adapter: does not reach the server" in refused(TrainingOptions, f"{flags} --eval_only {adapted}")


def test_greedy_sampling_is_allowed():
    assert parsed(SamplingOptions, "--temperature 0").temperature == 0


def test_scoring_needs_a_code_file():
    assert "--selfsample_code_source" in refused(
        ScoringOptions, STAGE_2.replace("--selfsample_code_source", "--revision")
    )


GOLD_ONLY = f"--model_name_or_path m --max_length 9 --deepspeed_config {CONFIG} --output_dir o --dataset mbpp"


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ("--num_seq 0", "--num_seq 0"),
        ("--num_epoch 0", "--num_epoch 0"),
        ("--train_batch_size 0", "--train_batch_size 0"),
        ("--micro_batch_tokens -1", "--micro_batch_tokens"),
        ("--eval_temperature -0.1", "--eval_temperature"),
        ("--eval_top_p 0", "--eval_top_p"),
        ("--eval_top_k -1", "--eval_top_k -1"),
        ("--n_samples 5", "--eval_temperature"),
        ("--pass_k 2", "--n_samples 2"),
        ("--pass_k 1 10 --n_samples 5 --eval_temperature 0.8", "--n_samples 10"),
        ("--pass_k 0", "--pass_k"),
        ("--pass_k 0 --eval_only", "--pass_k"),
        ("--train_with_seq_gibbs", "--selfsample_code_source"),
        ("--weight_file1 w --resample", "--selfsample_code_source"),
        ("--selfsample_code_source c --weight_file1 w", "--resample"),
        ("--selfsample_code_source c --selection perplexity", "--weight_file1"),
        ("--selfsample_code_source c --weight_file1 w --resample --selection uniform", "--selection uniform"),
        ("--selfsample_code_source c --weight_file1 w --resample --selection rarity", "--selection rarity"),
        ("--selfsample_code_source c --weight_file1 w --resample --selection distinct", "--selection distinct"),
        ("--selfsample_code_source c --weight_file1 w --weight_file2 v --resample", "--selfsample_code_source2"),
        ("--selfsample_code_source2 c", "--selfsample_code_source"),
        ("--selfsample_code_source c --selfsample_code_source2 d --weight_file1 w --resample", "--weight_file2"),
        ("--selfsample_code_source c --selfsample_code_source2 d --weight_file2 w --resample", "--weight_file1"),
        ("--rounds 1-5", "--train_with_seq_gibbs"),
        ("--rounds 5-1 --train_with_seq_gibbs --selfsample_code_source c", "--rounds 5-1"),
        ("--rounds 0 --train_with_seq_gibbs --selfsample_code_source c", "--rounds 0"),
        ("--rounds 1,2 --train_with_seq_gibbs --selfsample_code_source c", "--rounds 1,2"),
        ("--rounds '' --train_with_seq_gibbs --selfsample_code_source c", "--rounds"),
        ("--no_gold", "--train_with_seq_gibbs"),
        ("--turn 0", "--turn 0"),
    ],
)
def test_bad_values_and_pairs_of_training(flags, named):
    assert named in refused(TrainingOptions, f"{GOLD_ONLY} {flags}")


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_the_selection_needs_a_finite_temperature(value):
    assert "--temperature" in refused(TrainingOptions, f"{STAGE_3} --temperature {value}")


@pytest.mark.parametrize(
    "flags",
    [
        "",
        "--eval_only",
        "--n_samples 10 --eval_temperature 0.8 --pass_k 1 5 10",
        "--train_with_seq_gibbs --selfsample_code_source c",
        "--train_with_seq_gibbs --selfsample_code_source c --resample",
        "--train_with_seq_gibbs --selfsample_code_source c --selection rarity",
        "--train_with_seq_gibbs --selfsample_code_source c --selfsample_code_source2 d --resample --selection distinct",
        "--train_with_seq_gibbs --selfsample_code_source c --selfsample_code_source2 d",
        "--train_with_seq_gibbs --selfsample_code_source c --selfsample_code_source2 d --resample --weight_file1 w"
        " --weight_file2 v",
        "--train_with_seq_gibbs --selfsample_code_source c --rounds 2-2 --no_gold --description_pairs --turn 2",
        "--description_pairs",
    ],
)
def test_good_pairs_of_training(flags):
    assert parse(TrainingOptions, shlex.split(f"{GOLD_ONLY} {flags}")).task == "mbpp"


@pytest.mark.parametrize(("rounds", "expected"), [("1-5", (1, 5)), ("3", (3, 3)), ("10-10", (10, 10))])
def test_a_range_of_rounds(rounds, expected):
    assert parsed(TrainingOptions, f"--rounds {rounds}").round_range == expected
    assert parsed(TrainingOptions).round_range is None


def test_scoring_knows_two_kinds_of_descriptions():
    assert parsed(ScoringOptions).description == "sampled"
    assert parsed(ScoringOptions, "--description seed --save_dir runs/a").save_dir == "runs/a"
    assert "--description" in refused(ScoringOptions, f"{STAGE_2} --description gold")


OPTIONS = [SamplingOptions, ScoringOptions, TrainingOptions]


@pytest.mark.parametrize("stage", OPTIONS)
def test_every_flag_is_a_setting_unless_it_is_marked(stage):
    """A flag that somebody adds counts: old results are not taken for those of another value."""
    options = parsed(stage)
    recorded = settings(options, "abc")
    names = {field.name for field in dataclasses.fields(stage)}
    marked = {field.name for field in dataclasses.fields(stage) if not changes_results(field)}
    assert names - marked == recorded.keys() - {"model", "task", "revision"}
    assert recorded["revision"] == "abc" and recorded["model"] == options.model_name_or_path
    assert recorded["task"] == options.task
    assert not marked & {"seed", "temperature", "max_length", "limit", "compare", "judge_timeout", "top_k", "num_seq"}


def test_what_has_no_effect_on_results_is_no_setting():
    base = settings(parsed(SamplingOptions), "r")
    for same in ("--judge_workers 3 --isolation none", "--iter_num 7", "--engine static --eval_batch_size 9"):
        assert settings(parsed(SamplingOptions, same), "r") == base
    for change in ("--judge_timeout 9", "--judge_memory_mb 999", "--compare strict", "--allow_weak", "--seed 2",
                   "--engine server --base_url http://h:1/v1"):  # fmt: skip
        assert settings(parsed(SamplingOptions, change), "r") != base


def test_an_evaluation_alone_depends_on_no_flag_of_training():
    base = settings(parsed(TrainingOptions, "--eval_only"), "r")
    assert settings(parsed(TrainingOptions, "--eval_only --num_epoch 5 --train_batch_size 3"), "r") == base
    assert settings(parsed(TrainingOptions, "--num_epoch 5"), "r") != settings(parsed(TrainingOptions), "r")
    assert settings(parsed(TrainingOptions, "--eval_only --eval_top_k 5"), "r") != base


def config_without(*path: str) -> dict:
    """The repository's settings less one entry."""
    config = json.loads(CONFIG.read_text())
    section = config
    for key in path[:-1]:
        section = section[key]
    del section[path[-1]]
    return config


@pytest.mark.parametrize(
    "path",
    [
        ("optimizer",), ("optimizer", "type"), ("optimizer", "params"), ("scheduler",), ("scheduler", "type"),
        ("scheduler", "params"), ("zero_optimization",), ("zero_optimization", "stage"),
    ],
)  # fmt: skip
def test_deepspeed_settings_that_lack_something(tmp_path, path):
    file = tmp_path / "ds.json"
    file.write_text(json.dumps(config_without(*path)))
    with pytest.raises(InputError) as caught:
        read_deepspeed_config(str(file))
    assert str(file) in str(caught.value) and path[0] in str(caught.value) and path[-1] in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', '{"optimizer": 1, "scheduler": {}, "zero_optimization": {}}'])
def test_deepspeed_settings_that_are_none(tmp_path, text):
    file = tmp_path / "ds.json"
    file.write_text(text)
    with pytest.raises(InputError, match="ds.json"):
        read_deepspeed_config(str(file))


def test_the_repository_has_the_published_training_settings():
    config = read_deepspeed_config(str(CONFIG))
    params = config["optimizer"]["params"]
    assert config["optimizer"]["type"] == "AdamW"
    assert params == {"lr": 2e-5, "betas": [0.9, 0.999], "eps": 1e-6, "weight_decay": 0.05}
    warmup = config["scheduler"]["params"]
    assert config["scheduler"]["type"] == "WarmupDecayLR"
    assert (warmup["warmup_min_lr"], warmup["warmup_max_lr"], warmup["warmup_num_steps"]) == (5e-6, 2e-5, 30)
    assert warmup["warmup_type"] == "linear"
    assert (config["zero_optimization"]["stage"], config["gradient_clipping"]) == (2, 1.0)
    assert config["bf16"]["enabled"]


def test_ranks_of_a_machine_share_its_cores(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    options = parsed(SamplingOptions, "--judge_timeout 2 --judge_memory_mb 512 --compare strict --allow_weak")
    assert [judge_options(options, ranks).workers for ranks in (1, 3, 8, 16)] == [8, 2, 1, 1]
    made = judge_options(options, 1)
    assert (made.timeout, made.memory_mb, made.compare, made.allow_weak) == (2, 512, "strict", True)
    assert judge_options(parsed(SamplingOptions, "--judge_workers 5"), 8).workers == 5
