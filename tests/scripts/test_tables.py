"""The scripts of the tables and figures: what they would run parses and fits together, and one of them at toy size."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from tables import SCRIPTS, copy_of_repository, run_script
from toy import REPOSITORY

from scripts.hours import GPUS, TASKS, billions, seconds
from utils.args import SamplingOptions, ScoringOptions, TrainingOptions, parse
from utils.run import paths

STAGES = {
    "seq_gibbs_sample.py": SamplingOptions,
    "cal_ppl.py": ScoringOptions,
    "run_gen.py": TrainingOptions,
}
HUB = "deepseek-ai/deepseek-coder-6.7b-base"
ALL = pytest.mark.parametrize("name", SCRIPTS)


@dataclass
class Plan:
    """What a script would run: options of its stages by script, in order, and its other commands."""

    lines: list[str]
    stages: list[tuple[str, object]] = field(default_factory=list)
    others: list[list[str]] = field(default_factory=list)

    def of(self, script: str) -> list:
        """The options of all runs of a stage."""
        return [options for stage, options in self.stages if stage == script]


@pytest.fixture
def bare(tmp_path) -> Path:
    """A folder that has the scripts and nothing else: no data, no weights, no installation."""
    (tmp_path / "bare").mkdir()
    return Path(shutil.copytree(REPOSITORY / "scripts", tmp_path / "bare" / "scripts")).parent


@pytest.fixture
def planned(bare, monkeypatch):
    """`planned(name, flags..., VARIABLE=...)`: the plan of a dry run, which writes nothing."""
    monkeypatch.chdir(REPOSITORY)

    def plan(name: str, *flags: str, **variables: str) -> Plan:
        before = sorted(bare.rglob("*"))
        done = run_script(name, bare, "--dry_run", *flags, **variables)
        assert done.status == 0 and done.err == "", done.err
        assert sorted(bare.rglob("*")) == before
        found = Plan(done.out.splitlines())
        for line in found.lines[:-1]:
            words = shlex.split(line, comments=True)
            script = next((word for word in words if word in STAGES), None)
            if script is None:
                found.others.append(words)
                continue
            assert line.split("# ")[-1].endswith((" h", " min"))
            found.stages.append((script, parse(STAGES[script], words[words.index(script) + 1 :])))
        assert found.lines[-1].startswith(f"# {len(found.lines) - 1} commands, about ")
        return found

    return plan


@ALL
@pytest.mark.parametrize("size", ["published", "toy", "quickstart"])
def test_a_dry_run_shows_commands_that_fit_together(name, size, planned):
    """Every stage parses, reads what an earlier one writes, and writes what no other one does."""
    flags, variables = (["--toy"], {}) if size == "toy" else ([], {})
    if size == "quickstart":
        variables = {"DATASET": "quickstart"}
    plan = planned(name, *flags, **variables, SEEDS="1 2")
    written: dict[Path, int] = {}

    def writes(path: Path, number: int) -> None:
        assert path not in written, path
        written[path] = number

    for number, (script, options) in enumerate(plan.stages):
        model = Path(options.model_name_or_path)
        assert "runs" not in model.parts or model in written, model
        if script == "seq_gibbs_sample.py":
            codes = paths.code_folder(options.task, options.model_name_or_path, options.save_dir)
            writes(codes / "passed_seq_code.json", number)
            continue
        sources = [options.selfsample_code_source, getattr(options, "selfsample_code_source2", None)]
        sources += [getattr(options, "weight_file1", None), getattr(options, "weight_file2", None)]
        assert all(Path(source) in written for source in sources if source)
        if script == "cal_ppl.py":
            writes(paths.perplexity_file(options.selfsample_code_source, options.save_dir), number)
        else:
            writes(paths.results(options.task, options.output_dir), number)
            if options.ckpt_path:
                writes(Path(options.ckpt_path), number)
    assert {options.seed for options in plan.of("seq_gibbs_sample.py")} == {1, 2}
    reports = [words for words in plan.others if "utils.report" in words]
    assert reports and reports[-1] == plan.others[-1]


def verified(plan: Plan) -> list:
    """The runs of stage 1 that keep codes which pass."""
    return [options for options in plan.of("seq_gibbs_sample.py") if options.keep != "any"]


@ALL
def test_the_published_settings_are_the_defaults(name, planned):
    plan = planned(name)
    assert {options.task for _, options in plan.stages} == {"introductory"}
    for options in verified(plan):
        chosen = options.num_seq, options.temperature, options.iter_num, options.max_length, options.seed
        assert chosen == (3, 1.0, 20, 1536, 1234)
    assert all(options.max_length == 2048 for options in plan.of("cal_ppl.py"))
    for options in plan.of("run_gen.py"):
        assert (options.num_epoch, options.train_batch_size, options.max_new_tokens) == (2, 128, 512)
    drawn = [options for options in plan.of("run_gen.py") if options.train_with_seq_gibbs and name != "ablation_k"]
    assert {options.num_seq for options in drawn} <= {8} and all(options.resample for options in drawn)
    weighted = [options for options in drawn if options.weight_file1 and name != "ablation_temperature"]
    assert {options.temperature for options in weighted} <= {2.0}
    assert all("--include localhost:0,1,2,3,4,5,6,7 " in line for line in plan.lines if "--deepspeed_config" in line)


def test_the_main_table_has_every_row_with_equal_budgets(planned):
    plan = planned("table_main", MODELS=HUB, SEEDS="1 2 3")
    samplers = verified(plan)
    assert sorted(options.sampler for options in samplers) == sorted(3 * ["conditional", "gibbs", "rewrite"])
    budgets = {(o.num_seq, o.iter_num, o.temperature, o.keep, o.max_new_tokens) for o in samplers}
    assert len(budgets) == 1
    rows = plan.of("run_gen.py")
    assert len([o for o in rows if o.eval_only]) == 1, "greedy, so one seed is enough"
    trained = [o for o in rows if o.train_with_seq_gibbs and not o.no_gold]
    assert len(trained) == 3 * 4 and len({(o.num_seq, o.num_epoch, o.resample) for o in trained}) == 1
    assert len([o for o in trained if o.weight_file1]) == 3
    assert len([o for o in rows if not o.train_with_seq_gibbs and not o.eval_only]) == 3


def test_self_distillation_has_the_settings_of_its_paper(planned):
    """arXiv:2604.01193, Qwen3 instruct models: temperature 1.6, top-k 20, top-p 0.8, no verifier, no other data."""
    plan = planned("table_main", MODELS=HUB, SEEDS="1 2", K="5")
    sampled = [o for o in plan.of("seq_gibbs_sample.py") if o.keep == "any"]
    assert [o.seed for o in sampled] == [1, 2]
    for options in sampled:
        chosen = options.sampler, options.num_seq, options.temperature, options.top_k, options.top_p, options.iter_num
        assert chosen == ("conditional", 1, 1.6, 20, 0.8, 5), "as many completions as are trained on"
    trained = [o for o in plan.of("run_gen.py") if o.no_gold]
    assert [(o.seed, o.num_seq, o.weight_file1) for o in trained] == [(1, 5, None), (2, 5, None)]
    assert {o.selfsample_code_source for o in trained} == {f"{o.save_dir}/code/passed_seq_code.json" for o in sampled}
    scored = [o.selfsample_code_source for o in plan.of("cal_ppl.py")]
    assert not any("conditional-any" in source for source in scored), "nobody would read the perplexities"


@ALL
def test_an_instruct_model_is_asked_in_dialogues_in_all_stages(name, planned):
    plan = planned(name, DATASET="mbpp", CHAT="1")
    assert all(options.chat for _, options in plan.stages)
    assert not any(options.chat for _, options in planned(name, DATASET="mbpp").stages)
    assert all("--chat" in words for words in describing(plan))


def test_two_scripts_share_what_they_have_in_common(planned):
    """The commands are the same to the letter, so the second script finds the work done."""
    main = planned("table_main", SEEDS="1 2")
    for other, common in (("ablation_rounds", 3), ("ablation_temperature", 3), ("ablation_selection", 6)):
        assert len({*main.lines} & {*planned(other, SEEDS="1 2").lines}) >= 2 * 2 * common - 1, other


def test_the_replication_with_a_model_is_the_main_table_with_three_seeds(planned):
    here, there = planned("replicate_model"), planned("replicate_model", DATASET="mbpp")
    main = planned("table_main", DATASET="mbpp", SEEDS="1 2 3", SAMPLES="4", MODELS="some/model-1b")
    for plan, dataset in ((here, "quickstart"), (there, "mbpp")):
        assert [stage for stage, _ in plan.stages] == [stage for stage, _ in main.stages]
        assert {(options.dataset, options.seed) for _, options in plan.stages} == {
            (dataset, seed) for seed in (1, 2, 3)
        }
    assert all(options.iter_num == 3 for options in verified(here))
    assert not any("prepare" in line for line in here.lines if "prepare_model" not in line)
    module, flags = there.others[0][2], there.others[0][3:]
    assert module == "data.mbpp.prepare"
    assert flags[-3:] == ["--seeds", "full", "--drop_near_duplicates"] and flags[1].endswith("/mbpp")
    assert all("--include localhost:0 " in line for line in there.lines if "--deepspeed_config" in line)


def test_stories_are_prepared_first_and_kept_apart(planned):
    plain, story = planned("replicate_model"), planned("replicate_model", DESCRIPTIONS="story")
    assert story.others[1][:5] == ["python", "-m", "data.quickstart.prepare", "--descriptions", "story"]
    assert [stage for stage, _ in plain.stages] == [stage for stage, _ in story.stages]
    for stage in ("seq_gibbs_sample.py", "run_gen.py"):
        folders = [{getattr(o, "save_dir", o.output_dir) for o in plan.of(stage)} for plan in (plain, story)]
        assert not folders[0] & folders[1]


def test_hours_of_mbpp_know_how_many_seeds_there_are(planned):
    few, many = (
        planned("replicate_model", DATASET="mbpp", PREPARATION=flags).lines[-1] for flags in ("-h", "--seeds full")
    )
    hours = [float(line.split(" about ")[1].split(" h ")[0]) for line in (few, many)]
    assert 1.05 * hours[0] < hours[1] < 232 / 170 * hours[0]


def test_ablations_vary_what_they_are_named_after(planned):
    rounds = [o.rounds for o in planned("ablation_rounds", MODELS=HUB).of("run_gen.py")]
    assert rounds == ["1-1", "1-5", "1-10", None]
    ks = planned("ablation_k", MODELS=HUB, KS="1 3").of("run_gen.py")
    assert [(o.num_seq, bool(o.weight_file1)) for o in ks] == [(1, False), (3, False), (1, True), (3, True)]
    temperatures = planned("ablation_temperature", MODELS=HUB, TEMPERATURES="0 0.1 3").of("run_gen.py")
    assert [o.temperature for o in temperatures] == [0, 0.1, 3]
    plan = planned("ablation_selection", MODELS=HUB)
    rows = plan.of("run_gen.py")
    assert [o.no_gold for o in rows].count(True) == [o.description_pairs for o in rows].count(True) == 1
    assert [o.keep for o in plan.of("seq_gibbs_sample.py")] == ["one", "all", "one"]
    assert [o.selection for o in rows if o.selection] == ["rarity", "distinct"]
    assert not any(o.weight_file1 for o in rows if o.selection)
    (under_d0,) = [o for o in plan.of("cal_ppl.py") if o.description == "seed"]
    assert str(paths.perplexity_file("x/passed_seq_code.json", under_d0.save_dir)) in [o.weight_file1 for o in rows]


def test_in_distillation_one_model_samples_and_others_learn(planned):
    plan = planned("table_distill", TEACHER="big", MODELS="small smaller")
    assert {o.model_name_or_path for s, o in plan.stages if s != "run_gen.py"} == {"big"}
    assert {o.model_name_or_path for o in plan.of("run_gen.py")} == {"small", "smaller"}


def test_turns_follow_each_other(planned):
    plan = planned("self_train", MODELS=HUB, SAMPLER="conditional", SELECTION="perplexity")
    first, second = plan.of("run_gen.py")
    assert [o.model_name_or_path for o in plan.of("seq_gibbs_sample.py")] == [HUB, first.ckpt_path]
    assert [o.model_name_or_path for o in plan.of("cal_ppl.py")] == [HUB, first.ckpt_path]
    assert (first.turn, second.turn) == (1, 2) and first.model_name_or_path == second.model_name_or_path == HUB
    assert second.selfsample_code_source == first.selfsample_code_source and first.selfsample_code_source2 is None
    assert second.weight_file2 == str(paths.perplexity_file(second.selfsample_code_source2))


DESCRIBING = "env CUDA_VISIBLE_DEVICES={} python -m data.make_ict --dataset {} --model_name_or_path {} --limit {}"


def describing(plan: Plan) -> list[list[str]]:
    """The commands of a plan by which a model describes gold codes, which stand before the stages that use them."""
    found = [words for words in plan.others if "data.make_ict" in words]
    lines = [number for number, line in enumerate(plan.lines) if "data.make_ict" in line]
    first = next(number for number, line in enumerate(plan.lines) if "seq_gibbs_sample.py" in line)
    assert all(number < first for number in lines)
    return found


@ALL
def test_without_an_in_context_list_a_model_makes_one(name, planned):
    plan = planned(name, DATASET="mbpp", GPUS="4,5", LIMIT="9", MODELS="a/x-1b b/y-7b", TEACHER="a/x-1b")
    (words,) = describing(plan)
    wanted = shlex.split(DESCRIBING.format(4, "mbpp", "a/x-1b", 9))
    assert words[: len(wanted)] == wanted and words[len(wanted) :] == [
        "--max_length",
        "1536",
        "--max_new_tokens",
        "512",
    ]
    assert next(line for line in plan.lines if "data.make_ict" in line).endswith(" min")


def test_for_apps_it_is_the_list_of_the_difficulty(planned):
    (words,) = describing(planned("table_main", DIFFICULTY="interview", GPUS=""))
    assert words[:7] == ["python", "-m", "data.make_ict", "--dataset", "apps", "--difficulty", "interview"]


def test_no_list_is_made_where_there_is_one_or_none_is_needed(planned, bare):
    assert describing(planned("table_main", DATASET="quickstart")) == []
    assert describing(planned("table_main", DATASET="world-small")) == []
    assert describing(planned("table_main", "--toy", DATASET="mbpp")) == []
    assert describing(planned("self_train", SAMPLER="conditional", SELECTION="uniform")) == []
    (bare / "data" / "mbpp").mkdir(parents=True)
    (bare / "data" / "mbpp" / "ict.json").write_text("[]")
    assert describing(planned("table_main", DATASET="mbpp")) == []
    assert len(describing(planned("table_main", DATASET="codeinsight"))) == 1


def test_no_list_is_made_where_the_preparation_reads_one(planned, bare):
    """The plan's order: prepare, describe, stages."""
    (bare / "raw").mkdir()
    plan = planned("table_main", DATASET="mbpp", SOURCE="raw owner/name")
    assert [words[2] for words in plan.others[:1]] == ["data.mbpp.prepare"] and len(describing(plan)) == 1
    assert "data.make_ict" in plan.others[1]
    listed = {"PREPARATION": "--seeds full --ict list.json"}
    assert describing(planned("table_main", DATASET="mbpp", SOURCE="raw", **listed)) == []
    assert len(describing(planned("table_main", DATASET="mbpp", **listed))) == 1, "nothing is prepared"
    (bare / "raw" / "ict_data_mbpp.json").write_text("[]")
    assert describing(planned("table_main", DATASET="mbpp", SOURCE="raw owner/name")) == []


def test_stage_1_samples_from_a_server(planned, bare):
    served = planned("table_main", SERVER="http://h:1/v1")
    started = planned("table_main", SERVE="1", GPUS="0,1")
    for plan, url in ((served, "http://h:1/v1"), (started, "http://localhost:8000/v1")):
        assert {options.base_url for options in plan.of("seq_gibbs_sample.py")} == {url}
        assert {options.engine for options in plan.of("run_gen.py")} == {"auto"}
    sampling = [line for line in started.lines if "seq_gibbs_sample.py" in line]
    serving = (
        f"bash scripts/serve.sh --include localhost:0,1 --port 8000 --dtype bf16 --max_length 2048 {HUB} -- python"
    )
    assert any(line.startswith(serving) for line in sampling)
    assert all("--engine server" in line and "scripts/serve.sh" in line for line in sampling)
    both = run_script("table_main", bare, "--dry_run", SERVER="http://h:1/v1", SERVE="1")
    assert both.status == 2 and both.err.count("\n") == 1


@ALL
def test_flags_of_the_scripts(name, bare):
    shown = run_script(name, bare, "-h")
    assert shown.status == 0 and f"bash scripts/{name}.sh" in shown.out and "SEEDS" in shown.out
    assert "shellcheck" not in shown.out and "#" not in shown.out.splitlines()[0]
    wrong = run_script(name, bare, "--toys")
    assert wrong.status == 2 and wrong.err.startswith("error: unknown flag --toys") and wrong.err.count("\n") == 1


@pytest.mark.parametrize("name", ["replicate_model", "replicate_world", "self_train", "table_main"])
def test_help_from_another_folder_starts_nothing(name, bare):
    (bare / "elsewhere").mkdir()
    command = ["bash", f"../scripts/{name}.sh", "-h"]
    done = subprocess.run(command, cwd=bare / "elsewhere", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and f"bash scripts/{name}.sh" in done.stdout and not done.stderr
    assert sorted(path.name for path in bare.iterdir()) == ["elsewhere", "scripts"]


def test_turns_are_needed(bare, monkeypatch):
    for arguments in ([], ["0"], ["x"]):
        monkeypatch.setitem(SCRIPTS, "self_train", arguments)
        done = run_script("self_train", bare, "--dry_run")
        assert done.status == 2 and done.err.startswith("error: a number of turns") and done.err.count("\n") == 1


def test_an_unknown_gpu_stops_before_anything_is_run(bare):
    done = run_script("table_main", bare, GPU_KIND="abacus")
    assert done.status == 2 and "--gpu abacus" in done.err and sorted(bare.iterdir()) == [bare / "scripts"]


# Hours


@pytest.mark.parametrize(
    ("model", "size"),
    [
        (HUB, 6.7), ("codellama/CodeLlama-7b-hf", 7), ("data/models/SmolLM2-135M-Instruct", 0.135),
        ("data/models/toy", 0.0002), ("runs/mbpp/deepseek-coder-1.3b-base/7/gibbs/turn1", 1.3), ("someone/model", 7),
    ],
)  # fmt: skip
def test_the_size_of_a_model_is_in_its_name(model, size):
    assert billions(model) == size


def command(script: str, model: str = "x-7b", gpus: str = "0,1,2,3,4,5,6,7", flags: str = "") -> str:
    return f"deepspeed --include localhost:{gpus} {script} --model_name_or_path {model} {flags}"


def test_hours_grow_with_the_work_and_shrink_with_the_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def hours(*given, gpu="a100", **more) -> float:
        return seconds(command(*given, **more), "introductory", gpu, {}) / 3600

    sampling = {"flags": "--num_seq 3 --iter_num 20 --save_dir s"}
    usual = hours("seq_gibbs_sample.py", **sampling)
    assert 0.2 < usual < 2, "the published setting on eight GPUs"
    assert hours("seq_gibbs_sample.py", gpus="0", **sampling) > 6 * usual
    assert hours("seq_gibbs_sample.py", "x-1b", **sampling) < usual
    assert hours("seq_gibbs_sample.py", gpu="h100", **sampling) < usual
    assert hours("seq_gibbs_sample.py", flags="--num_seq 3 --iter_num 20 --sampler conditional") < usual
    training = "--num_epoch 2 --train_with_seq_gibbs --num_seq"
    assert hours("run_gen.py", flags=f"{training} 8") > hours("run_gen.py", flags=f"{training} 1")
    assert hours("run_gen.py", flags="--eval_only") < hours("run_gen.py", flags="--num_epoch 2")
    assert seconds("python -m utils.report tables", "mbpp", "a100", {}) == 0
    describing = "python -m data.make_ict --model_name_or_path x-7b --limit {}"
    few, many = (seconds(describing.format(limit), "introductory", "a100", {}) for limit in (100, 0))
    assert (
        0 < few < many
        and seconds(f"env CUDA_VISIBLE_DEVICES=3 {describing.format(0)}", "introductory", "a100", {}) < few
    )
    assert set(GPUS) == {"a100", "h100"} and {"introductory", "mbpp", "quickstart"} <= set(TASKS)


def test_gpus_that_are_not_there_are_refused_before_anything_is_loaded(tmp_path):
    folder = copy_of_repository(tmp_path / "copy")
    count = torch.cuda.device_count()
    done = run_script("table_main", folder, "--toy", GPUS=f"0,{count}")
    assert done.status == 2
    assert done.err.splitlines()[-1].startswith(f"error: GPUS=0,{count}, but this machine has {count} GPUs")
    assert not (folder / "data/models").exists()


def test_the_main_table_with_some_of_its_rows(planned, bare):
    plan = planned("table_main", DATASET="mbpp", MODELS="a/x-1b", ROWS="rft gift")
    assert [options.output_dir for options in plan.of("run_gen.py")] == [
        "x-1b-1234-conditional-uniform-k8",
        "x-1b-1234-gibbs-b2.0-k8",
    ]
    assert [options.sampler for options in plan.of("seq_gibbs_sample.py")] == ["conditional", "gibbs"]
    done = run_script("table_main", bare, "--dry_run", ROWS="rft sdd")
    assert (done.status, done.out) == (2, "")
    assert done.err == "error: ROWS: no row sdd; there are base sft ssd rft rft-rd gift-uniform gift\n"
