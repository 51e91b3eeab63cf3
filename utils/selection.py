"""The codes that a model is trained on: K per problem, rarer ones more likely.

Self-generated codes have a long tail. With perplexities, K codes are drawn with replacement by softmax(beta * ppl) over
the problem's codes: a higher perplexity is a rarer code and gets more weight; beta is the published `--temperature`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from utils.run.streams import stream


def weights(perplexities: Sequence[float], inverse_temperature: float) -> np.ndarray:
    """softmax(inverse_temperature * perplexity), shape (codes,); sums to 1."""
    scaled = inverse_temperature * np.asarray(perplexities, dtype=float)
    scaled = np.exp(scaled - scaled.max())
    return scaled / scaled.sum()


def by_perplexity(codes: Sequence[str], perplexities: Sequence[float | None], inverse_temperature: float) -> np.ndarray:
    """`weights` of the scored codes, 0 for the others; shape (codes,)."""
    scored, chances = [value is not None for value in perplexities], np.zeros(len(codes))
    if any(scored):
        chances[scored] = weights([value for value in perplexities if value is not None], inverse_temperature)
    return chances


# By `--selection`: probabilities of a problem's codes, from the codes, their perplexities and `--temperature`. None:
# uniform, without replacement.
SELECTIONS: dict[str, Callable[..., np.ndarray] | None] = {"uniform": None, "perplexity": by_perplexity}


@dataclass(frozen=True)
class Draw:
    """How the codes of a problem are drawn."""

    k: int
    seed: int
    inverse_temperature: float = 1.0
    resample: bool = False  # fill up to K where there are fewer codes
    fill_with_replacement: bool = False  # then all K, as published; else each code once first
    selection: str | None = None  # one of SELECTIONS; None: by perplexity where there are perplexities, else uniform


def draw(
    problem_id: str, codes: Sequence[str], perplexities: Sequence[float | None] | None, settings: Draw
) -> list[int]:
    """Indices of the codes drawn for one problem, from its own random stream.

    By a rule: K with replacement, among the codes with a probability above 0. Uniformly: K without replacement, or all
    if there are fewer; `resample` then fills up to K with replacement.
    """
    rng, k = stream(settings.seed, "select", problem_id), settings.k
    rule = SELECTIONS[settings.selection or ("uniform" if perplexities is None else "perplexity")]
    if not codes:
        return []
    if rule is not None:
        chances = rule(codes, perplexities, settings.inverse_temperature)
        return rng.choice(len(codes), size=k, p=chances).tolist() if chances.any() else []
    drawn = rng.permutation(len(codes))[:k].tolist()
    missing = k - len(drawn) if settings.resample else 0
    if missing and settings.fill_with_replacement:
        return rng.integers(len(codes), size=k).tolist()
    return drawn + rng.integers(len(codes), size=missing).tolist()
