"""The evaluation of stage 3 over a fake engine and a fake judge: what is sampled, judged, kept and made again."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from fakes import ALONE, RIGHT, UNJUDGED, WRONG, Engine, Judge, Policy, problem, run_over_fakes
from test_server_stages import folder  # noqa: F401
from test_stages import common

import run_gen as stage
from eval.problem import Adapter
from utils.run.files import InputError, read_json, write_json
from utils.run.journal import Journal

GENERATED = Path("gen_code/t/out/epoch0.json")
JOURNAL = Path("gen_code/t/out/state/epoch0.json")


def made_run(texts: dict[str, str], max_length: int = 300) -> stage.Run:
    """A run of two samples for each problem; of its texts by name."""
    options = SimpleNamespace(task="t", output_dir="out", seed=1, n_samples=2, max_length=max_length, eval_only=True,
                              eval_stop_words="sampling", eval_temperature=1.0, eval_top_k=0, eval_top_p=1.0,
                              max_new_tokens=9, raw_texts=False, pass_k=[1])  # fmt: skip
    test = [problem(name, text) for name, text in texts.items()]
    requests = stage.test_requests(test, Adapter(), Policy(), options, ALONE)
    return stage.Run(options=options, ranks=ALONE, adapter=Adapter(), policy=Policy(), config=None, servers=[],
                     test=test, requests=requests, settings={}, inputs={}, about={})  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch) -> stage.Run:
    """Two problems."""
    monkeypatch.chdir(tmp_path)
    return made_run({"a": "Text of a.", "b": "Text of b."})


def evaluate(run: stage.Run, completions: dict[str, str], trained: dict | None = None) -> tuple[dict, Engine]:
    """The scores of an evaluation, and the engine that was asked."""
    engine, judge = Engine(completions), Judge()
    engine.after = judge.work
    return stage.evaluate(run, 0, engine, judge, trained)[0], engine


def test_every_sample_is_a_draw_of_its_own_and_is_scored(run):
    scores, engine = evaluate(run, {"a": RIGHT, "b": WRONG})
    assert sorted(engine.asked) == [(1, "eval", name, sample) for name in "ab" for sample in (0, 1)]
    assert scores["per_problem"] == {"a": [2, 2], "b": [2, 0]} and scores["pass_at_k"] == {"1": 0.5}
    rows = read_json(GENERATED)
    assert [(row["task_id"], row["verdict"], row["passed"]) for row in rows] == [
        *[("a", "PASS", True)] * 2, *[("b", "WRONG", False)] * 2
    ]  # fmt: skip
    assert all(row["solution"].startswith("def ") for row in rows)


@pytest.mark.parametrize(
    ("trained", "asked"),
    [(None, {("b", 0), ("b", 1)}), ({"training_tokens": 0}, {("b", 0), ("b", 1)}), ({"training_tokens": 1}, None)],
)
def test_recorded_completions_are_used_where_the_weights_are_those_that_made_them(run, trained, asked):
    """Weights that this process has trained are new ones: on a GPU, training does not repeat to the last bit."""
    journal = Journal(JOURNAL, {}, {}, ALONE)
    for sample in (0, 1):
        journal.add("text", (1, "eval", "a", sample), WRONG)
    scores, engine = evaluate(run, {"a": RIGHT, "b": RIGHT}, trained)
    assert {key[2:] for key in engine.asked} == (asked or {(name, sample) for name in "ab" for sample in (0, 1)})
    assert scores["per_problem"]["a"] == ([2, 0] if asked else [2, 2])


def test_a_problem_whose_prompt_is_longer_than_max_length_has_failed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    texts = {"a": "x" * 21, "b": "x" * 20, "c": "x" * 19}  # prompts of 41, 40 and 39 tokens
    run = made_run(texts, max_length=40)
    assert capsys.readouterr().err == "dropped: 1 test prompts longer than --max_length 40; they count as failed\n"
    assert [(position, len(request.prompt)) for position, _, request in run.requests] == [
        (1, 40), (1, 40), (2, 39), (2, 39)
    ]  # fmt: skip
    scores, _ = evaluate(run, dict.fromkeys("abc", RIGHT))
    assert scores["per_problem"] == {"a": [0, 0], "b": [2, 2], "c": [2, 2]}
    assert scores["pass_at_k"]["1"] == pytest.approx(2 / 3, abs=1e-6)
    with pytest.raises(InputError, match="shorter than every prompt; the shortest has 39 tokens"):
        made_run(texts, max_length=38)


def test_entries_are_read_up_to_the_first_with_unjudged_completions(run):
    run.options.eval_only, run.options.num_epoch = False, 3
    entries = [{"verdicts": {"PASS": 2}}, {"verdicts": {"INFRA": 1, "PASS": 1}}, {"verdicts": {"PASS": 2}}]
    results = stage.Results(run)
    write_json(results.path, entries, {"settings": {}, "inputs": {}}, {"epochs": [{"epoch": i} for i in (1, 2, 3)]})
    results.read()
    assert (results.entries, results.times, results.missing) == (entries[:1], [{"epoch": 1}], [2, 3])
    assert not results.complete


@pytest.fixture
def run_stage(folder, toy_task, monkeypatch):  # noqa: F811
    """Run an evaluation of the four toy problems in a folder of its own."""
    monkeypatch.chdir(toy_task)
    flags = [*common(folder), "--eval_only", "--output_dir", "base"]
    return lambda more, texts, faulty=True: run_over_fakes(monkeypatch, stage, [*flags, *more], texts, faulty)


TEXTS = {"0": UNJUDGED, "1": RIGHT, "2": WRONG, "3": RIGHT}
RESULTS = Path("results/introductory/base.json")
STATE = Path("gen_code/introductory/base/state")


def test_an_unjudged_completion_ends_with_status_1_and_is_judged_again(run_stage, capsys):
    status, asked, judged = run_stage([], TEXTS)
    assert (status, len(asked), len(judged)) == (1, 4, 4)
    assert "error: 1 completions could not be judged" in capsys.readouterr().err
    assert read_json(RESULTS)[0]["pass_at_k"]["1"] == pytest.approx(2 / 3, abs=1e-6)
    assert STATE.is_dir()
    status, asked, judged = run_stage([], TEXTS, faulty=False)
    assert (status, asked) == (0, []) and [program.endswith(UNJUDGED) for program in judged] == [True]
    (entry,) = read_json(RESULTS)
    assert entry["pass_at_k"] == {"1": 0.5} and not STATE.exists()


def test_overwrite_evaluates_anew_and_drops_what_a_stopped_run_recorded(run_stage):
    assert run_stage([], TEXTS, faulty=False)[0] == 0
    Journal(STATE / "epoch0.json", {"seed": 3}, {}, ALONE)
    with pytest.raises(InputError, match="seed"):
        run_stage(["--seed", 7], TEXTS)
    status, asked, _ = run_stage(["--seed", 7, "--overwrite"], {**TEXTS, "0": RIGHT})
    assert status == 0 and sorted(asked) == [(7, "eval", str(i), 0) for i in range(4)]
    (entry,) = read_json(RESULTS)
    assert (entry["seed"], entry["pass_at_k"]) == (7, {"1": 0.75})
