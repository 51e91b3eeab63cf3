"""Stage 2 without a model: which codes are scored, what a stopped run had scored, losses that are not finite."""

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace

import pytest
from fakes import ALONE, Policy, problem, run_here
from test_server_stages import folder  # noqa: F401
from test_stages import common
from toy import toy_rows

import cal_ppl as stage
from utils.code_files import CodeFile
from utils.run.files import Failure, InputError, read_json, write_json
from utils.run.journal import Journal

BROKEN, FINE, LONG = "def a(:", "def a():\n    return 1", "def a():\n    return 1 + 1"
LENGTH = len(FINE) + 1  # the end is a token


def scored(codes: list[list[str]], **changes) -> tuple[list[int], list]:
    """`rows_to_score` for the codes of problems a, b, ..."""
    options = SimpleNamespace(max_length=LENGTH, dataset="apps", prompt_newline=False, raw_texts=False, no_eos=False,
                              description="sampled")  # fmt: skip
    options.__dict__.update(changes)
    positions = itertools.count()
    file = CodeFile("codes.json", codes, [[next(positions) for _ in own] for own in codes], sum(map(len, codes)))
    return stage.rows_to_score(options, file, [problem(name) for name in "ab"[: len(codes)]], Policy(), ALONE)


def test_codes_that_do_not_parse_or_fit_keep_their_place_and_have_no_row(capsys):
    keys, rows = scored([[BROKEN, FINE, LONG], [FINE.replace("a", "b")]])
    assert keys == [1, 3]
    assert [(bytes(row.ids).decode(), row.prompt_length) for row in rows] == [
        (FINE + "\0", len("def a():")),
        (FINE.replace("a", "b") + "\0", len("def b():")),
    ]
    assert capsys.readouterr().err == (
        "dropped: 1 codes that do not parse or lack their problem's function\n"
        f"dropped: 1 codes longer than --max_length {LENGTH}\n"
    )


def test_without_the_end_a_row_is_a_token_shorter():
    keys, rows = scored([[FINE]], max_length=LENGTH - 1, no_eos=True)
    assert keys == [0] and bytes(rows[0].ids).decode() == FINE


def test_codes_of_which_none_can_be_scored_are_refused():
    with pytest.raises(InputError, match="no code parses"):
        scored([[BROKEN, BROKEN]])
    with pytest.raises(InputError, match=f"--max_length {LENGTH}: no code of the code file fits"):
        scored([[BROKEN, LONG]])


@pytest.fixture
def score(folder, toy_task, monkeypatch):  # noqa: F811
    """Score the six toy solutions, each in a batch of its own; returns what was written.

    The perplexities are a number and those that follow it; after as many as said, the loss is `then`.
    """
    monkeypatch.chdir(toy_task)
    write_json("codes.json", [[row["code"]] for row in toy_rows()], {})
    flags = [*common(folder), "--output_dir", "s", "--selfsample_code_source", "codes.json", "--eval_batch_size", 1]

    def run(first: int, *more, after: int = 6, then: float = math.nan) -> list[float]:
        numbers = itertools.count()
        losses = lambda *_: [math.log(first + n) if (n := next(numbers)) < after else then]  # noqa: E731
        run_here(monkeypatch, stage, [*flags, *more], mean_losses=losses)
        return sorted(read_json("ppl-codes.json", dict).values())

    return run


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_the_run_and_what_was_scored_before_is_kept(score, toy_task, loss):
    with pytest.raises(Failure, match="a loss is not finite; give bf16 or fp32"):
        score(1, after=4, then=loss)
    assert not (toy_task / "ppl-codes.json").exists()
    assert score(11) == [1, 2, 3, 4, 11, 12]
    assert not list(toy_task.glob(".ppl*"))


def test_overwrite_scores_everything_anew(score, toy_task):
    assert score(1) == [1, 2, 3, 4, 5, 6]
    Journal(toy_task / "ppl-codes.json", {"seed": 3}, {}, ALONE)
    with pytest.raises(InputError, match="no_eos"):
        score(11, "--no_eos")
    assert score(11, "--no_eos", "--overwrite") == [11, 12, 13, 14, 15, 16]
    with pytest.raises(Failure):
        score(21, "--no_eos", "--overwrite", after=2)
    assert score(31, "--no_eos") == [21, 22, 31, 32, 33, 34], "a stopped overwrite goes on, and is not finished"
