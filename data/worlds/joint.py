"""The joint distribution of descriptions and programs of an intent, and what follows from it in closed form.

    wording w ~ PRIOR
    style s = PARTNER[w] with probability `strength`, where the intent has that style; else s ~ PRIOR over its styles
    telling t = obscure with probability `obscurity`, else plain
    description ~ P(d | intent, w, t),  program ~ P(c | intent, s)

At strength 0 description and program are independent given the intent; at 1 the wording decides the style. The
marginals do not depend on the strength: P(w) = PRIOR, P(s | intent) = PRIOR restricted to the intent's styles. The
telling is independent of all else.

A Gibbs chain that starts at a wording draws s | w, w | s, s | w ... With all five styles the style of round i has the
law PRIOR + strength^(2i - 1) (1[s = PARTNER[w]] - PRIOR): the chain forgets its start unless the strength is 1.
Functions take and return dictionaries over `WORDINGS` or `STYLES`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from data.worlds import grammar
from data.worlds.grammar import WORDINGS, draw_description
from data.worlds.intents import Intent
from data.worlds.programs import STYLES, draw_program, styles_of_intent

CHANCES = (0.3, 0.25, 0.2, 0.15, 0.1)
WORDING_PRIOR = dict(zip(WORDINGS, CHANCES, strict=True))
STYLE_PRIOR = dict(zip(STYLES, CHANCES, strict=True))
PARTNER = dict(zip(WORDINGS, STYLES, strict=True))


def style_marginal(intent: Intent) -> dict[str, float]:
    """P(s | intent); 0 for styles that the intent does not have."""
    styles = styles_of_intent(intent)
    total = sum(STYLE_PRIOR[style] for style in styles)
    return {style: STYLE_PRIOR[style] / total if style in styles else 0.0 for style in STYLES}


def style_given_wording(intent: Intent, wording: str, strength: float) -> dict[str, float]:
    """P(s | intent, w)."""
    free, partner = style_marginal(intent), PARTNER[wording]
    if not free[partner]:
        return free
    return {style: (1 - strength) * chance + strength * (style == partner) for style, chance in free.items()}


def wording_given_style(intent: Intent, style: str, strength: float) -> dict[str, float]:
    """P(w | intent, s), by Bayes' rule; ValueError for a style that the intent does not have."""
    marginal = style_marginal(intent)[style]
    if not marginal:
        raise ValueError(f"{intent} has no style {style}")
    return {
        wording: chance * style_given_wording(intent, wording, strength)[style] / marginal
        for wording, chance in WORDING_PRIOR.items()
    }


def style_after(intent: Intent, wording: str, strength: float, rounds: int) -> dict[str, float]:
    """The law of the style in round `rounds` (from 1) of a Gibbs chain that starts from that wording."""
    styles = [style for style in STYLES if style_marginal(intent)[style]]
    to_style = np.array([[style_given_wording(intent, w, strength)[s] for s in styles] for w in WORDINGS])
    to_wording = np.array([[wording_given_style(intent, s, strength)[w] for w in WORDINGS] for s in styles])
    law = to_style[WORDINGS.index(wording)] @ np.linalg.matrix_power(to_wording @ to_style, rounds - 1)
    return {style: float(law[styles.index(style)]) if style in styles else 0.0 for style in STYLES}


def telling_chances(obscurity: float) -> dict[bool, float]:
    """P(obscure) and P(plain), the tellings that occur."""
    return {obscure: chance for obscure, chance in ((False, 1 - obscurity), (True, obscurity)) if chance}


def log_probability(description: str, intent: Intent, obscurity: float = 0.0) -> float:
    """Logarithm of P(d | intent) over wordings and tellings, in nats; -inf where it is no description of the intent.

    Does not depend on the strength. `descriptions` lists all of them.
    """
    chance = sum(
        p * share * grammar.probability(description, intent, w, obscure)
        for w, p in WORDING_PRIOR.items()
        for obscure, share in telling_chances(obscurity).items()
    )
    return math.log(chance) if chance else -math.inf


def descriptions(intent: Intent, obscurity: float = 0.0) -> Iterator[tuple[str, float]]:
    """Every valid description with P(d | intent); the probabilities add up to 1."""
    for obscure, share in telling_chances(obscurity).items():
        for wording, chance in WORDING_PRIOR.items():
            for text, within in grammar.descriptions(intent, wording, obscure):
                yield text, share * chance * within


@dataclass(frozen=True)
class Pair:
    """One draw from the joint distribution."""

    wording: str
    style: str
    description: str
    program: str


def draw(intent: Intent, strength: float, rng: np.random.Generator, obscurity: float = 0.0) -> Pair:
    """A description and a program from P(d, c | intent).

    The stream yields the same numbers at every strength and obscurity: worlds of one seed share wordings and plain
    descriptions, programs differ only where the wording took the choice, and what is obscure at one obscurity is so at
    every higher one.
    """
    wording = _choose(WORDING_PRIOR, rng)
    plain = draw_description(intent, wording, rng)
    decided, free = rng.random() < strength, _choose(style_marginal(intent), rng)
    style = PARTNER[wording] if decided and PARTNER[wording] in styles_of_intent(intent) else free
    program = draw_program(intent, style, rng)
    return Pair(wording, style, _tell(plain, intent, wording, obscurity, rng), program)


def _tell(plain: str, intent: Intent, wording: str, obscurity: float, rng: np.random.Generator) -> str:
    """The plain description, or with probability `obscurity` an obscure one of the same wording."""
    return draw_description(intent, wording, rng, obscure=True) if rng.random() < obscurity else plain


def redescribe(intent: Intent, style: str, strength: float, rng: np.random.Generator, obscurity: float = 0.0) -> str:
    """Another description of a program of that style, from P(d | c)."""
    wording = _choose(wording_given_style(intent, style, strength), rng)
    plain = draw_description(intent, wording, rng)
    return _tell(plain, intent, wording, obscurity, rng) if obscurity else plain


def total_variation(first: dict[str, float], second: dict[str, float]) -> float:
    """Half the sum of absolute differences; a key that one side lacks has probability 0 there."""
    return sum(abs(first.get(key, 0.0) - second.get(key, 0.0)) for key in {*first, *second}) / 2


def _choose(chances: dict[str, float], rng: np.random.Generator) -> str:
    weights = np.array(list(chances.values()))
    return list(chances)[rng.choice(len(weights), p=weights / weights.sum())]
