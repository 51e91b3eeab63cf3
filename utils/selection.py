"""The codes that a model is trained on: K per problem, by one of four rules.

Self-generated codes have a long tail. The paper's rule, `perplexity`, draws with replacement by softmax(beta * ppl)
over the problem's codes: a higher perplexity is a rarer code and gets more weight; beta is the published
`--temperature`. `rarity` tells whether it is perplexity that helps, or being rare: it draws with replacement by one
over the number of the problem's codes that are equal to the code after renaming (utils/forms.py). Without replacement,
`uniform` draws from the codes and `distinct` from the classes of equal codes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from utils.forms import forms
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


def by_rarity(codes: Sequence[str], *_: object) -> np.ndarray:
    """Probabilities that give each class of equal codes the same total; shape (codes,)."""
    classes, chances = equal_codes(codes), np.zeros(len(codes))
    for indices in classes:
        chances[indices] = 1 / (len(classes) * len(indices))
    return chances


def equal_codes(codes: Sequence[str]) -> list[list[int]]:
    """Indices of the codes by class of codes that are equal after renaming, in order of appearance."""
    classes: dict[str, list[int]] = {}
    for index, code in enumerate(codes):
        classes.setdefault(forms(code, ["renamed"])["renamed"], []).append(index)
    return list(classes.values())


# By `--selection`: probabilities of a problem's codes, from the codes, their perplexities and `--temperature`. None:
# without replacement, each code or class alike.
SELECTIONS: dict[str, Callable[..., np.ndarray] | None] = {
    "uniform": None,
    "distinct": None,
    "perplexity": by_perplexity,
    "rarity": by_rarity,
}


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

    By probabilities: K with replacement, among the codes with one above 0. `uniform` and `distinct`: K codes or classes
    without replacement, or all if there are fewer; `resample` then fills up to K with replacement. The code of a class
    is drawn uniformly, anew each time.
    """
    if not codes:
        return []
    rng, k = stream(settings.seed, "select", problem_id), settings.k
    selection = settings.selection or ("uniform" if perplexities is None else "perplexity")
    rule = SELECTIONS[selection]
    if rule is not None:
        chances = rule(codes, perplexities, settings.inverse_temperature)
        return rng.choice(len(codes), size=k, p=chances).tolist() if chances.any() else []
    classes = equal_codes(codes) if selection == "distinct" else [[index] for index in range(len(codes))]
    drawn = rng.permutation(len(classes))[:k].tolist()
    missing = k - len(drawn) if settings.resample else 0
    if missing and settings.fill_with_replacement:
        drawn, missing = [], k
    drawn += rng.integers(len(classes), size=missing).tolist()
    return [classes[index][rng.integers(len(classes[index]))] for index in drawn]
