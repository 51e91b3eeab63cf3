"""The two steps of a round as stage 1 runs them, over a fake engine and a fake judge."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from fakes import ALONE, RIGHT, UNJUDGED, WRONG, Engine, Judge, Policy, problem, run_over_fakes
from test_server_stages import CODE, folder  # noqa: F401
from test_stages import common

import seq_gibbs_sample as stage
from eval.problem import Adapter
from utils import gibbs
from utils.run.files import InputError


@pytest.fixture
def run(tmp_path):
    """A run of three problems, the last of which was dropped for its length."""
    chains = [gibbs.Chain(problem(name), f"Text of {name}.") for name in "abc"]
    options = SimpleNamespace(task="t", model_name_or_path="m", save_dir=str(tmp_path / "out"), overwrite=False, seed=1,
                              iter_num=3, num_seq=2, keep="one", sampler="gibbs", temperature=1.0, top_k=0, top_p=1.0,
                              max_new_tokens=9, max_length=300, raw_texts=False)  # fmt: skip
    examples = gibbs.Examples({}, {chain.problem.id: chain.problem for chain in chains})
    return stage.Run(options=options, ranks=ALONE, adapter=Adapter(), policy=Policy(), engine=None, judge=Judge(),
                     files=stage.Files(options, {}, {}, {}), chains=chains, usable=chains[:2],
                     examples=examples)  # fmt: skip


def test_all_programs_are_handed_to_the_judge_before_a_verdict_is_waited_for(run):
    run.engine = Engine({"a": RIGHT, "b": WRONG})
    run.engine.after = run.judge.work  # a wait for a verdict before the last completion would last for ever
    assert stage.code_round(run, 1) == 0
    assert [len(chain.kept) for chain in run.chains] == [1, 1, 1]
    assert run.chains[0].kept[0][0].endswith("return 1") and run.chains[1].kept == run.chains[2].kept == [[]]
    assert stage.read_json(run.files.code_file(1)) == [chain.kept[0] for chain in run.chains]


def test_descriptions_move_the_chains_and_refusals_are_counted(run, capsys):
    run.chains[0].kept, run.chains[1].kept, run.chains[2].kept = [["a = 1"]], [["b = '" + 300 * "x" + "'"]], [[]]
    run.engine = Engine({"a": "Sets a.\n###Code:\nmore"})
    stage.description_round(run, 1)
    assert [chain.description for chain in run.chains] == ["Sets a.", "Text of b.", "Text of c."]
    assert [key[2] for key in run.engine.asked] == ["a"], "a prompt that does not fit is not sampled"
    assert "1 prompt too long" in capsys.readouterr().err


def test_a_finished_completion_is_not_sampled_again(run):
    """What a killed round had finished is read from its journal."""
    run.engine = Engine({"a": RIGHT, "b": RIGHT})
    journal = run.files.journal(run.files.code_file(1), run.ranks)
    for sample in range(2):
        journal.add("text", (1, "code", "a", 1, sample), WRONG)
    run.engine.after = run.judge.work
    stage.code_round(run, 1)
    assert {key[2] for key in run.engine.asked} == {"b"} and not run.chains[0].kept[0] and run.chains[1].kept[0]


def test_what_the_judge_fails_on_is_counted_apart(run):
    run.engine = Engine({"a": RIGHT, "b": UNJUDGED})
    run.engine.after = run.judge.work
    assert stage.code_round(run, 1) == 2
    counts = stage.read_json(stage.beside(run.files.code_file(1), "meta"), dict)["counts"]
    assert (counts["samples"], counts["passed"], counts["verdicts"]) == (4, 2, {"INFRA": 2, "PASS": 2})


def test_faults_of_the_judge_in_all_rounds_end_a_finished_run_with_status_1(
    folder,  # noqa: F811
    toy_task,
    monkeypatch,
    capsys,
):
    monkeypatch.chdir(toy_task)
    flags = [*common(folder), "--output_dir", "s", "--num_seq", 2, "--iter_num", 2]
    texts = {str(i): UNJUDGED if i == 0 else RIGHT for i in range(6)}
    status, asked, _ = run_over_fakes(monkeypatch, stage, flags, texts)
    assert status == 1 and len(asked) == 2 * 12 + 6
    assert "error: 4 samples could not be judged" in capsys.readouterr().err
    assert [len(codes) for codes in stage.read_json(toy_task / CODE / "passed_seq_code.json")] == [0, 2, 2, 2, 2, 2]


LENGTH = 40  # of a prompt, and of --max_length; what stands around a text has 20


def test_chains_whose_prompt_is_longer_than_max_length_stay_empty(capsys):
    chains = [gibbs.Chain(problem(name, "x" * size), "x" * size) for name, size in (("a", 21), ("b", 20), ("c", 19))]
    assert stage.chains_that_fit(chains, Adapter(), Policy(), LENGTH, ALONE) == chains[1:]
    assert capsys.readouterr().err == "dropped: 1 problems whose prompt is longer than --max_length 40\n"
    assert stage.chains_that_fit(chains, Adapter(), Policy(), LENGTH + 1, ALONE) == chains
    assert capsys.readouterr().err == ""
    with pytest.raises(InputError, match="shorter than every prompt; the shortest has 39 tokens"):
        stage.chains_that_fit(chains, Adapter(), Policy(), LENGTH - 2, ALONE)
