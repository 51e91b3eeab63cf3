"""The two steps of a round as stage 1 runs them, over a fake engine and a fake judge."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace

import pytest
import torch

import seq_gibbs_sample as stage
from eval.judge.verdict import Judgement, Verdict
from eval.problem import Adapter, Problem
from utils import gibbs
from utils.model.generate import Completion
from utils.run.dist import Ranks


class Policy:
    """Characters are tokens."""

    def encode_prompt(self, text: str) -> list[int]:
        return [*map(ord, text)]


class Engine:
    """Completes in reverse order; `completions` by problem id."""

    def __init__(self, completions: dict[str, str]):
        self.completions, self.asked, self.after = completions, [], lambda: None

    def run(self, requests, decoding):
        for i in reversed(range(len(requests))):
            self.asked.append(requests[i].key)
            yield i, Completion(self.completions[requests[i].key[2]], [0])
        self.after()


class Judge:
    """Judges only when it is told to."""

    level = "none"

    def __init__(self):
        self.queue: list[tuple[str, Future]] = []

    def submit(self, program: str, test: dict) -> Future:
        self.queue.append((program, Future()))
        return self.queue[-1][1]

    def work(self) -> None:
        for program, future in self.queue:
            passed = program.endswith("return 1")
            future.set_result(Judgement(Verdict.PASS if passed else Verdict.WRONG, passed))


def problem(name: str) -> Problem:
    head = f"def {name}():"
    return Problem(name, f"Text of {name}.", head, f"{head}\n    return 1\n", {"style": "asserts", "asserts": ["1"]})


@pytest.fixture
def run(tmp_path):
    """A run of three problems, the last of which was dropped for its length."""
    chains = [gibbs.Chain(problem(name), f"Text of {name}.") for name in "abc"]
    options = SimpleNamespace(task="t", model_name_or_path="m", save_dir=str(tmp_path / "out"), overwrite=False, seed=1,
                              iter_num=3, num_seq=2, keep="one", sampler="gibbs", temperature=1.0, top_k=0, top_p=1.0,
                              max_new_tokens=9, max_length=300, raw_texts=False)  # fmt: skip
    ranks = Ranks(0, 0, 1, 1, torch.device("cpu"))
    examples = gibbs.Examples({}, {chain.problem.id: chain.problem for chain in chains})
    return stage.Run(options=options, ranks=ranks, adapter=Adapter(), policy=Policy(), engine=None, judge=Judge(),
                     files=stage.Files(options, {}, {}, {}), chains=chains, usable=chains[:2],
                     examples=examples)  # fmt: skip


def test_all_programs_are_handed_to_the_judge_before_a_verdict_is_waited_for(run):
    run.engine = Engine({"a": "\n    return 1", "b": "\n    return 2"})
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
    run.engine = Engine({"a": "\n    return 1", "b": "\n    return 1"})
    journal = run.files.journal(run.files.code_file(1), run.ranks)
    for sample in range(2):
        journal.add("text", (1, "code", "a", 1, sample), "\n    return 2")
    run.engine.after = run.judge.work
    stage.code_round(run, 1)
    assert {key[2] for key in run.engine.asked} == {"b"} and not run.chains[0].kept[0] and run.chains[1].kept[0]
