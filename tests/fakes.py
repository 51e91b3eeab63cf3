"""Stand-ins for tokenizer, engine and judge, over which a stage or its steps run in this process."""

from __future__ import annotations

from concurrent.futures import Future
from types import ModuleType

import torch

from eval.judge.verdict import Judgement, Verdict
from eval.problem import Problem
from utils.args import SamplingOptions, ScoringOptions, TrainingOptions, parse
from utils.model.generate import Completion
from utils.run.dist import Ranks

ALONE = Ranks(0, 0, 1, 1, torch.device("cpu"))
OPTIONS = {"seq_gibbs_sample": SamplingOptions, "cal_ppl": ScoringOptions, "run_gen": TrainingOptions}
RIGHT, WRONG, UNJUDGED = "\n    return 1", "\n    return 2", "\n    return unjudged"


class Policy:
    """Characters are tokens; the end is token 0."""

    def encode(self, text: str) -> list[int]:
        return [*map(ord, text)]

    encode_prompt = encode

    def encode_end(self, prompt: str) -> list[int]:
        return [0]


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
    """Judges only when it is told to; a faulty one fails on programs that end in `UNJUDGED`."""

    level = "none"

    def __init__(self, faulty: bool = True):
        self.faulty = faulty
        self.queue: list[tuple[str, Future]] = []
        self.judged: list[str] = []

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *error) -> None:
        pass

    def submit(self, program: str, test: dict) -> Future:
        self.queue.append((program, Future()))
        return self.queue[-1][1]

    def work(self) -> None:
        while self.queue:
            program, future = self.queue.pop(0)
            self.judged.append(program)
            if self.faulty and program.endswith(UNJUDGED):
                future.set_result(Judgement(Verdict.INFRA, None))
            else:
                passed = program.endswith(RIGHT)
                future.set_result(Judgement(Verdict.PASS if passed else Verdict.WRONG, passed))


def problem(name: str, text: str | None = None) -> Problem:
    """A problem whose code prompt has 20 characters more than its text."""
    head = f"def {name}():"
    asserts = {"style": "asserts", "asserts": ["1"]}
    return Problem(name, text or f"Text of {name}.", head, f"{head}{RIGHT}\n", asserts)


def run_here(monkeypatch, stage: ModuleType, flags: list, **parts) -> None:
    """Run a stage in this process and folder with some of its names replaced, without weights."""
    for name, part in {"load_model": lambda *_: None, **parts}.items():
        monkeypatch.setattr(stage, name, part)
    stage.main(parse(OPTIONS[stage.__name__], [*map(str, flags)]))


def run_over_fakes(
    monkeypatch, stage: ModuleType, flags: list, completions: dict[str, str], faulty: bool = True
) -> tuple[int, list[tuple], list[str]]:
    """Run a stage that samples; its exit status, the keys that were sampled, and the programs that were judged."""
    engine, judge, status = Engine(completions), Judge(faulty), 0
    engine.after = judge.work
    try:
        run_here(monkeypatch, stage, flags, start_generator=lambda *_: engine, Judge=lambda _: judge)
    except SystemExit as end:
        status = end.code
    return status, engine.asked, judge.judged
