"""The texts that a model completes besides the code prompt, which the adapter makes (`Adapter.code_prompt`)."""

from __future__ import annotations

import numpy as np

CODE, DESCRIPTION, REWRITE = "###Code:", "###Description of the given code:", "###Description in other words:"
DESCRIPTION_STOP_WORDS = ("\n###Code:", "\n###")
DESCRIPTION_TOP_P = 0.95


def description_prompt(example: tuple[str, str] | None, program: str, raw: bool = False) -> str:
    """Code -> description, with one in-context `(program, description)` or none; texts trimmed, or `raw`."""
    return _one_shot(CODE, DESCRIPTION, example, program, raw)


def rewrite_prompt(example: tuple[str, str] | None, description: str, raw: bool = False) -> str:
    """Description -> the same in other words, with one in-context `(description, other words)` or none."""
    return _one_shot("###Description:", REWRITE, example, description, raw)


def _one_shot(given: str, wanted: str, example: tuple[str, str] | None, text: str, raw: bool) -> str:
    """A text under the header `given`, and the header of what is `wanted`, perhaps behind an example of both."""
    first, second, text = (part if raw else part.strip() for part in (*(example or ("", "")), text))
    shot = f"{given}\n{first}\n{wanted}\n{second}\n\n" if example else ""
    return f"{shot}{given}\n{text}\n{wanted}\n"


def draw_example(examples: dict[str, list[str]], problem_id: str, rng: np.random.Generator) -> tuple[str, str] | None:
    """A random `(problem id, description)` of another problem than `problem_id`, or None where there is no other."""
    others = [(key, text) for key, texts in examples.items() if key != problem_id for text in texts]
    return others[rng.integers(len(others))] if others else None
