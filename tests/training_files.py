"""Three problems, programs for two of them, and the flags that a training set is drawn by."""

from __future__ import annotations

from types import SimpleNamespace

from eval.problem import Problem

CODES = [["def f0(n):\n    return n\n", "def f0(n):\n    return +n\n"], [], ["def f2(n):\n    return n\n"]]


def problem(number: int) -> Problem:
    code = f"def f{number}(n):\n    return n + 0\n"
    return Problem(
        number, f"Return n, number {number}.", f"def f{number}(n):", code, {"style": "asserts", "asserts": []}
    )


PROBLEMS = [problem(number) for number in range(3)]


def options(**given):
    """What selection reads of a run's flags."""
    usual = {
        "train_with_seq_gibbs": True, "selfsample_code_source": None, "selfsample_code_source2": None,
        "weight_file1": None, "weight_file2": None, "num_seq": 2, "resample": False, "temperature": 1.0, "seed": 1,
        "round_range": None, "no_gold": False, "task": "codeinsight",
        "fill_with_replacement": False, "selection": None, "raw_texts": False,
    }  # fmt: skip
    return SimpleNamespace(**{**usual, **given})
