"""`--as_published`: one table sets ordinary fields, and each field does what the authors' code does."""

from __future__ import annotations

import json
import math
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from test_gibbs import EXAMPLES, GOLD, PROBLEMS, chains_of
from toy import REPOSITORY, run_stage, toy_texts, write_model
from transformers import AutoModelForCausalLM

import run_gen
import seq_gibbs_sample
from eval import registry
from eval.judge import Judge, JudgeOptions
from eval.judge.compare import same_output
from eval.judge.verdict import Verdict
from eval.problem import STOP_WORDS
from utils import gibbs
from utils.args import SamplingOptions, ScoringOptions, TrainingOptions, parse
from utils.extract import remove_docstrings, training_target, truncate
from utils.model.load import check_model
from utils.prompts import description_prompt
from utils.published import PUBLISHED, PUBLISHED_JUDGING
from utils.run.dist import Ranks
from utils.run.files import InputError
from utils.selection import Draw, draw

SHARED = f"--model_name_or_path m --deepspeed_config {REPOSITORY}/deepspeed_config.json --output_dir o --max_length 9"
STAGES = {SamplingOptions: "", ScoringOptions: " --selfsample_code_source c.json", TrainingOptions: ""}
DATASETS = {"apps": " --difficulty interview", "mbpp": "", "codeinsight": ""}


def parsed(stage, dataset: str, extra: str = ""):
    """A stage's options for a data set."""
    return parse(stage, shlex.split(f"{SHARED}{STAGES[stage]} --dataset {dataset}{DATASETS[dataset]} {extra}"))


# The table

TEXTS = {"as_published": True, "prompt_newline": True, "raw_texts": True}
CHOICES = {
    SamplingOptions: {"fall_back": "gold"},
    ScoringOptions: {},
    TrainingOptions: {
        "fill_with_replacement": True,
        "full_warm_up": True,
        "same_order": True,
        "eval_stop_words": "published",
    },
}
JUDGING = {
    "apps": {"judge_timeout": 5, "judge_total_timeout": 5, "judge_gold_time_factor": 0, "compare": "published"},
    "mbpp": {"judge_timeout": 10, "judge_total_timeout": 10, "judge_gold_time_factor": 0},
    "codeinsight": {"judge_gold_time_factor": 0},
}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("dataset", DATASETS)
def test_the_table_sets_the_published_choices_and_nothing_else(stage, dataset):
    judging = {} if stage is ScoringOptions else JUDGING[dataset]
    usual, published = parsed(stage, dataset), parsed(stage, dataset, "--as_published")
    assert vars(published) == {**vars(usual), **TEXTS, **CHOICES[stage], **judging}


def test_every_field_of_the_table_belongs_to_some_stage():
    names = {name for stage in STAGES for name in vars(parsed(stage, "apps"))}
    for table in (PUBLISHED, *PUBLISHED_JUDGING.values()):
        assert set(table) <= names


def test_a_flag_that_is_given_wins():
    options = parsed(SamplingOptions, "mbpp", "--as_published --judge_timeout 3 --fall_back latest --top_k 7")
    assert (options.judge_timeout, options.judge_total_timeout, options.fall_back, options.top_k) == (
        3,
        10,
        "latest",
        7,
    )


def test_what_was_published_is_the_default_where_it_is_a_choice():
    options = parsed(SamplingOptions, "apps")
    assert (options.top_k, options.top_p, options.temperature) == (50, 1.0, 1.0)
    assert not parsed(ScoringOptions, "apps").no_eos
    assert parsed(TrainingOptions, "apps").eval_top_k == 0


@pytest.mark.parametrize("dataset", ["quickstart", "humaneval", "world-small"])
def test_a_data_set_that_was_never_published_on_is_refused_in_one_line(dataset):
    with pytest.raises(InputError, match=f"--as_published: .* on {dataset}.* --fall_back gold") as refused:
        parse(SamplingOptions, shlex.split(f"{SHARED} --dataset {dataset} --as_published"))
    assert "\n" not in str(refused.value)


# Texts


def test_prompts_end_in_a_newline_and_descriptions_stay_as_they_are():
    problem, text = PROBLEMS[0], ' Say \\alpha and """. \n'
    usual = registry.adapter("codeinsight").code_prompt(problem, text)
    raw = registry.adapter("codeinsight", prompt_newline=True, raw_texts=True).code_prompt(problem, text)
    assert usual == 'def f0(n):\n    """ Say \\\\alpha and \\"\\"\\"."""'
    assert raw == f'def f0(n):\n    """ {text}"""\n'
    assert registry.adapter("codeinsight").code_prompt(problem, text) == usual, "the table's adapter is left alone"
    mbpp = registry.adapter("mbpp", prompt_newline=True, raw_texts=True)
    assert mbpp.code_prompt(problem, " Text ") == 'def f0(n):\n    """  Text \n    """\n'


def test_a_blank_line_stands_between_docstring_and_body_in_training():
    problem = PROBLEMS[0]
    prompt = registry.adapter("codeinsight", prompt_newline=True).code_prompt(problem, "Text.")
    assert (prompt + training_target(problem.code, "f0")).endswith('"""\n\n    return -(-n - 1)')


def test_white_space_at_the_end_of_a_completion_can_stay():
    assert truncate("\n    return n \t\n\n\ndef g", ("\ndef",)) == "\n    return n"
    assert truncate("\n    return n \t\n\n\ndef g", ("\ndef",), keep_blanks=True) == "\n    return n \t\n\n"


def test_examples_keep_their_docstring_and_their_ends():
    shot = ("def f():\n    '''D.'''\n", " Does it.\n")
    assert description_prompt(shot, "def g(): pass\n", raw=True) == (
        "###Code:\ndef f():\n    '''D.'''\n\n###Description of the given code:\n Does it.\n\n\n"
        "###Code:\ndef g(): pass\n\n###Description of the given code:\n"
    )


def describe(chains, raw: bool, answers: list[str]) -> list[str]:
    """The prompts of a description step in which the model gives these answers."""
    adapter, examples = registry.adapter("codeinsight", raw_texts=raw), gibbs.Examples(EXAMPLES, GOLD, raw)
    prompts = gibbs.description_prompts(chains, gibbs.SAMPLERS["gibbs"], examples, 1, 1)
    for (chain, _), answer in zip(prompts, answers, strict=True):
        gibbs.accept_description(chain, answer, adapter, lambda prompt: True)
    return [prompt.text for _, prompt in prompts]


def test_descriptions_are_neither_trimmed_nor_replaced_where_empty():
    chains = chains_of([0, 1])
    assert "Gold text" not in describe(chains, False, ["", "  Two lines.\n "])[0]
    assert [chain.description for chain in chains] == ["Seed text 0.", "Two lines."]
    chains = chains_of([0, 1])
    assert "Gold text" in describe(chains, True, ["", "  Two lines.\n "])[0], "the example keeps its docstring"
    assert [chain.description for chain in chains] == ["", "  Two lines.\n "]


def test_a_round_without_a_pass_falls_back_to_the_gold_code():
    [chain] = chains_of([0])
    chain.kept = [["def f0(n): return 1 + n"], []]
    assert chain.code_to_describe() == "def f0(n): return 1 + n"
    chain.fall_back = "gold"
    assert chain.code_to_describe() == PROBLEMS[0].code
    chain.kept.append(["def f0(n): return n + 1"])
    assert chain.code_to_describe() == "def f0(n): return n + 1"


@pytest.mark.parametrize(
    ("flags", "described"),
    [("", "x = 1"), ("--fall_back gold", PROBLEMS[0].code), ("--as_published", PROBLEMS[0].code)],
)
def test_the_flag_decides_what_is_described_after_a_round_without_a_pass(flags, described):
    chains = seq_gibbs_sample.new_chains(PROBLEMS, parsed(SamplingOptions, "codeinsight", f"{flags} --limit 1"))
    for kept in (["x = 1"], []):
        gibbs.record_round(chains, chains, [kept])
    (text,) = describe(chains, False, ["Text."])
    asked = text.split("###Code:\n")[-1]
    assert asked.split("\n###")[0].strip() == remove_docstrings(described).strip()


# Selection, evaluation, judging


class Told(Exception):
    """Ends an evaluation with what its engine is told."""


@pytest.mark.parametrize("published", [False, True])
def test_engines_are_told_to_keep_white_space_and_where_to_end(published, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = "--as_published" if published else ""
    sampling, evaluating = (parsed(stage, "codeinsight", flags) for stage in (SamplingOptions, TrainingOptions))
    drawn = seq_gibbs_sample.Run.decoding(SimpleNamespace(options=sampling), ("\n###",), 0.95)
    assert drawn.keep_blanks is published and drawn.stop_words == ("\n###",)

    def tell(_, decoding):
        raise Told(decoding)

    run = SimpleNamespace(options=evaluating, ranks=Ranks(0, 0, 1, 1, None), servers=[], settings={}, inputs={},
                          adapter=registry.adapter("codeinsight"), requests=[])  # fmt: skip
    with pytest.raises(Told) as told:
        run_gen.evaluate(run, 1, SimpleNamespace(run=tell), SimpleNamespace(level="none"))
    (evaluated,) = told.value.args
    assert evaluated.keep_blanks is published and ("\ndef" in evaluated.stop_words) is not published


def test_too_few_codes_are_drawn_with_replacement():
    draws = [draw(str(n), "abc", None, Draw(8, 1, resample=True, fill_with_replacement=True)) for n in range(300)]
    assert {len(drawn) for drawn in draws} == {8}
    missing = sum(len(set(drawn)) < 3 for drawn in draws) / 300
    assert abs(missing - (3 * (2 / 3) ** 8 - 3 * (1 / 3) ** 8)) < 0.07, "each of 3 codes misses with (2/3)^8"
    enough = [draw(str(n), "abcdefghij", None, Draw(8, 1, resample=True, fill_with_replacement=True)) for n in range(9)]
    assert all(len(set(drawn)) == 8 for drawn in enough)


def test_evaluations_end_completions_where_the_authors_do():
    words = registry.adapter("codeinsight").evaluation_stop_words(published=True)
    assert set(STOP_WORDS) - set(words) == {"\ndef", "\nassert", "\n```"}
    for dataset in ("apps", "mbpp", "codeinsight"):
        assert registry.adapter(dataset).evaluation_stop_words(published=False) == registry.adapter(dataset).stop_words


@pytest.mark.parametrize(
    ("printed", "expected", "apps", "published"),
    [
        ("1 2\n3\n", "1 2\n3\n", True, True),
        ("3\n1 2\n", "1 2\n3\n", False, True),
        ("2 1\n3 3\n3\n", "1 2\n3\n", False, True),
        ("1.0000001 2\n3\n", "1 2\n3\n", True, True),
        ("1\n2 3\n", "1 2\n3\n", False, False),
        ("", "1\n", False, False),
    ],
)
def test_printed_lines_are_compared_as_a_set_of_sets(printed, expected, apps, published):
    assert same_output(printed, expected, "apps") is apps
    assert same_output(printed, expected, "published") is published


def test_all_tests_of_a_candidate_share_a_limit():
    slow = "import time\ndef f():\n    time.sleep(0.4)\n    return 1\n"
    scripts = {"style": "asserts", "setup": "", "asserts": ["assert f() == 1"] * 4}
    reader = "import time\ninput()\ntime.sleep(0.4)\nprint(1)\n"
    cases = {"style": "io", "fn_name": None, "inputs": ["0\n"] * 4, "outputs": ["1\n"] * 4, "stdin": True}
    with Judge(JudgeOptions(workers=1, timeout=5, total_timeout=1)) as judge:
        for code, test in ((slow, scripts), (reader, cases)):
            judgement = judge.submit(code, test).result()
            assert judgement.verdict is Verdict.TIMEOUT and "over 1 s in all" in judgement.detail
            shorter = {key: value[:1] if isinstance(value, list) else value for key, value in test.items()}
            assert judge.submit(code, shorter).result().verdict is Verdict.PASS


# The stages


def test_all_stages_as_published(toy_task):
    pairs = [(p + "\n", t[1:]) if t.startswith("\n") else (p, t) for p, t in toy_texts()]
    write_model(toy_task / "tiny", pairs=pairs)  # one that has learnt to go on behind a newline
    shared = ["--model_name_or_path", "./tiny", "--deepspeed_config", REPOSITORY / "deepspeed_config.json"]
    shared += ["--difficulty", "introductory", "--dtype", "fp32", "--max_length", 512, "--as_published"]
    source = "data/introductory/selfsample_code/tiny/passed_seq_code.json"
    flags = {
        "seq_gibbs_sample.py": ["--output_dir", "s", "--num_seq", 6, "--iter_num", 2, "--max_new_tokens", 32],
        "cal_ppl.py": ["--output_dir", "p", "--selfsample_code_source", source],
        "run_gen.py": ["--output_dir", "g", "--train_with_seq_gibbs", "--selfsample_code_source", source]
        + ["--num_seq", 2, "--resample", "--num_epoch", 1, "--max_new_tokens", 32, "--compare", "strict"],
    }
    for script, own in flags.items():
        done = run_stage(script, [*shared, *own], toy_task)
        assert done.status == 0, done.err
    assert "shortened" not in done.err, "the warm-up is longer than the training"
    codes = json.loads((toy_task / source).read_text())
    assert sum(map(len, codes)) >= 1 and all('"""\n' in code for kept in codes for code in kept)
    meta = json.loads((toy_task / source.replace(".json", ".meta.json")).read_text())["settings"]
    assert meta["as_published"] and meta["fall_back"] == "gold" and meta["compare"] == "published"
    scores = json.loads((toy_task / source.replace("passed", "ppl-passed")).read_text())
    assert list(scores.values()) == pytest.approx(perplexities_behind_a_newline(toy_task / "tiny", codes), rel=1e-4)
    (entry,) = json.loads((toy_task / "results/introductory/g.json").read_text())
    assert entry["settings"]["compare"] == "strict" and entry["settings"]["eval_stop_words"] == "published"
    drawn = json.loads((toy_task / "fixed_data/introductory/1234/g.json").read_text())
    assert all(row["prompt"].endswith('"""\n') and row["target"].startswith("\n") for row in drawn)


def perplexities_behind_a_newline(folder: Path, codes: list[list[str]]) -> list[float]:
    """By the library's loss: of what stands behind the docstring and its newline, up to the end token."""
    policy = check_model(str(folder), None, False)[1]
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    values = []
    for program in (program for kept in codes for program in kept):
        end = program.index('"""\n') + 4
        given, wanted = policy.encode_prompt(program[:end]), [*policy.encode(program[end:]), policy.eos_id]
        ids = torch.tensor([given + wanted])
        with torch.no_grad():
            loss = model(ids, labels=ids.clone().index_fill_(1, torch.arange(len(given)), -100)).loss
        values.append(math.exp(loss))
    return values
