"""Descriptions: a grammar that puts an intent into words, and reads the words back.

A description has a *wording*, the feature that programs are correlated with (`joint.py`), and free features: the frame
that orders its clauses, the phrase for each operation (synonyms, what is kept or what is dropped), the name of the
input, and whether the kind of result is mentioned. Free features are drawn uniformly and independently of all else, so
the probability of a description is a product of fractions. It is told plainly or obscurely (`obscure.py`), which is a
feature too. Every description belongs to one intent, one wording and one telling.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np

from data.worlds import obscure as story
from data.worlds.intents import SOURCES, Intent, build
from data.worlds.operations import NUMBER, OPERATIONS, TEXT, Operation

WORDINGS = ("imperative", "noun", "passive", "third", "gerund")

SOURCE_PHRASES = {
    "numbers": ("a list of numbers", "a list of integers"),
    "words": ("a list of words", "a list of strings"),
    "digits": ("the digits of a number", "the digits of an integer"),
    "text": ("the words of a text", "the words of a string"),
}
RESULTS = {NUMBER: "a number", TEXT: "a text"}  # else a list

# wording -> number of operations -> frames. A slot is a form (i imperative, t third person, p passive, g gerund) and
# the position of the operation; `{n}` is the whole chain as nouns. Phrases hold neither a comma nor " and ".
FRAMES = {
    "imperative": {
        1: ("given {src}, {i1}.", "take {src} and {i1}."),
        2: ("given {src}, {i1}, then {i2}.", "take {src}, {i1} and {i2}."),
        3: ("given {src}, {i1}, then {i2}, then {i3}.", "take {src}, {i1}, {i2} and {i3}."),
    },
    "noun": dict.fromkeys((1, 2, 3), ("return {n}.", "compute {n}.")),
    "passive": {
        1: ("from {src}, {p1}.", "{p1}, starting from {src}."),
        2: ("from {src}, {p1} and {p2}.", "{p1}, then {p2}, starting from {src}."),
        3: ("from {src}, {p1}, {p2} and {p3}.", "{p1}, then {p2}, then {p3}, starting from {src}."),
    },
    "third": {
        1: ("it receives {src} and {t1}.", "it {t1}, for {src}."),
        2: ("it receives {src}, {t1} and {t2}.", "it {t1}, then {t2}, for {src}."),
        3: ("it receives {src}, {t1}, {t2} and {t3}.", "it {t1}, then {t2}, then {t3}, for {src}."),
    },
    "gerund": {
        1: ("process {src} by {g1}.", "by {g1}, process {src}."),
        2: ("process {src} by {g1} and {g2}.", "{i2}, after {g1}, given {src}."),
        3: ("process {src} by {g1}, {g2} and {g3}.", "{i3}, after {g1} and {g2}, given {src}."),
    },
}

# base form: third person, gerund, participle
VERBS = {
    "add": ("adds", "adding", "added"),
    "add up": ("adds up", "adding up", "added up"),
    "arrange": ("arranges", "arranging", "arranged"),
    "capitalize": ("capitalizes", "capitalizing", "capitalized"),
    "connect": ("connects", "connecting", "connected"),
    "count": ("counts", "counting", "counted"),
    "cut": ("cuts", "cutting", "cut"),
    "decrease": ("decreases", "decreasing", "decreased"),
    "drop": ("drops", "dropping", "dropped"),
    "flip": ("flips", "flipping", "flipped"),
    "increase": ("increases", "increasing", "increased"),
    "join": ("joins", "joining", "joined"),
    "keep": ("keeps", "keeping", "kept"),
    "measure": ("measures", "measuring", "measured"),
    "multiply": ("multiplies", "multiplying", "multiplied"),
    "negate": ("negates", "negating", "negated"),
    "remove": ("removes", "removing", "removed"),
    "repeat": ("repeats", "repeating", "repeated"),
    "replace": ("replaces", "replacing", "replaced"),
    "reverse": ("reverses", "reversing", "reversed"),
    "scale": ("scales", "scaling", "scaled"),
    "select": ("selects", "selecting", "selected"),
    "shorten": ("shortens", "shortening", "shortened"),
    "skip": ("skips", "skipping", "skipped"),
    "sort": ("sorts", "sorting", "sorted"),
    "spell": ("spells", "spelling", "spelled"),
    "square": ("squares", "squaring", "squared"),
    "subtract": ("subtracts", "subtracting", "subtracted"),
    "sum": ("sums", "summing", "summed"),
    "take": ("takes", "taking", "taken"),
    "write": ("writes", "writing", "written"),
}
_SINGULAR = re.compile(r"\d|each |the order$")  # objects in the singular


class Reading(NamedTuple):
    """What a description says, and how."""

    intent: Intent
    wording: str
    obscure: bool


@cache
def phrases(operation: Operation, form: str, obscure: bool = False) -> tuple[str, ...]:
    """The synonyms for one operation in one form."""
    if form == "n":
        return tuple(map(story.in_rare_words, operation.nouns)) if obscure else operation.nouns
    inflected = (_inflect(*phrase, form, obscure) for phrase in operation.phrases)
    return tuple(dict.fromkeys(inflected))


def _inflect(verb: str, what: str, rest: str, form: str, obscure: bool) -> str:
    is_ = "is" if _SINGULAR.match(what) else "are"
    third, gerund, participle = VERBS[verb]
    if obscure:
        verb = story.VERBS[verb]
        third, gerund, participle = story.inflections(verb)
        what, rest = story.in_rare_words(what), story.in_rare_words(rest)
    if form == "p":
        return f"{what} {is_} {participle}{rest}"
    return f"{ {'i': verb, 't': third, 'g': gerund}[form] } {what}{rest}"


def _source_phrases(source: str, obscure: bool) -> tuple[str, ...]:
    texts = SOURCE_PHRASES[source]
    return tuple(map(story.in_rare_words, texts)) if obscure else texts


def endings(intent: Intent, obscure: bool = False) -> tuple[str, str]:
    """What may follow the sentence: nothing, or the kind of the result."""
    ending = f" The result is {RESULTS.get(intent.gives, 'a list')}."
    return "", story.in_rare_words(ending) if obscure else ending


def _frames(wording: str, length: int, obscure: bool) -> tuple[str, str]:
    return (story.FRAMES if obscure else FRAMES)[wording][length]


def _slots(frame: str, intent: Intent, obscure: bool) -> list[tuple[str, ...]]:
    """The frame as a list of parts, each a tuple of synonyms."""
    parts: list[tuple[str, ...]] = []
    for part in re.split(r"(\{\w+\})", frame):
        if part == "{src}":
            parts.append(_source_phrases(intent.source, obscure))
        elif part == "{n}":
            for operation in reversed(intent.operations):
                parts += [phrases(operation, "n", obscure), (" ",)]
            parts.append(_source_phrases(intent.source, obscure))
        elif part.startswith("{"):
            parts.append(phrases(intent.operations[int(part[2]) - 1], part[1], obscure))
        elif part:
            parts.append((part,))
    parts = [tuple(map(_sentence, parts[0])), *parts[1:], endings(intent, obscure)]
    if obscure:
        parts = [story.OPENINGS, (" ",), *parts, (" ",), story.CLOSINGS]
    return parts


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def draw_description(intent: Intent, wording: str, rng: np.random.Generator, obscure: bool = False) -> str:
    """A description drawn from P(d | intent, wording, telling)."""
    frames = _frames(wording, len(intent.operations), obscure)
    parts = _slots(frames[rng.integers(len(frames))], intent, obscure)
    return "".join(part[rng.integers(len(part))] if len(part) > 1 else part[0] for part in parts)


def descriptions(intent: Intent, wording: str, obscure: bool = False) -> Iterator[tuple[str, float]]:
    """Every description of an intent in a wording and telling, with its probability there; they add up to 1."""
    frames = _frames(wording, len(intent.operations), obscure)
    for frame in frames:
        parts = _slots(frame, intent, obscure)
        chance = 1 / len(frames) / np.prod([len(part) for part in parts])
        for choice in product(*parts):
            yield "".join(choice), float(chance)


def probability(description: str, intent: Intent, wording: str, obscure: bool = False) -> float:
    """P(d | intent, wording, telling): 0 where the description is none of that intent told so."""
    frames = _frames(wording, len(intent.operations), obscure)
    return sum(_share(description, _slots(frame, intent, obscure)) for frame in frames) / len(frames)


def _share(text: str, parts: list[tuple[str, ...]]) -> float:
    """Probability that parts, each drawn uniformly, join to the text."""
    shares = {0: 1.0}  # by characters matched
    for options in parts:
        after: dict[int, float] = {}
        for position, share in shares.items():
            for option in options:
                if text.startswith(option, position):
                    end = position + len(option)
                    after[end] = after.get(end, 0.0) + share / len(options)
        shares = after
    return shares.get(len(text), 0.0)


def parse(description: str) -> Reading | None:
    """The reading of a description, or None where the grammar does not make it.

    Candidates come from taking the sentence apart; one is right only if the grammar makes this very text from it.
    """
    obscure = description.startswith(story.OPENINGS)
    core = description.split(". ", 1)[-1] if obscure else description
    sentence, _, ending = core.partition(".")
    sentence = sentence[:1].lower() + sentence[1:] + "."
    readings = {
        Reading(intent, wording, obscure)
        for wording in WORDINGS
        for length in FRAMES[wording]
        for frame in _frames(wording, length, obscure)
        for intent in _candidates(sentence, frame, length, obscure)
        if probability(description, intent, wording, obscure) > 0
    }
    return readings.pop() if len(readings) == 1 else None


def _candidates(sentence: str, frame: str, length: int, obscure: bool) -> Iterator[Intent]:
    match = _pattern(frame).fullmatch(sentence)
    if match is None:
        return
    slots = match.groupdict()
    if "n" in slots:
        yield from _from_nouns(slots["n"], length, obscure)
        return
    names: list = [None] * length
    for slot, text in slots.items():
        if slot != "src":
            names[int(slot[1]) - 1] = _names(slot[0], obscure).get(text, ())
    for source in _sources(obscure).get(slots["src"], ()):
        for choice in product(*names):
            intent = build(source, list(choice))
            if intent is not None:
                yield intent


def _from_nouns(text: str, length: int, obscure: bool) -> Iterator[Intent]:
    """Take the nouns off one by one, the last operation first."""
    partial = [(text, ())]
    for _ in range(length):
        partial = [
            (rest[len(noun) + 1 :], (name, *names))
            for rest, names in partial
            for noun, operations in _names("n", obscure).items()
            if rest.startswith(noun + " ")
            for name in operations
        ]
    for rest, names in partial:
        for source in _sources(obscure).get(rest, ()):
            intent = build(source, list(names))
            if intent is not None:
                yield intent


@cache
def _pattern(frame: str) -> re.Pattern:
    parts = re.split(r"\{(\w+)\}", frame)
    return re.compile("".join(f"(?P<{p}>.+?)" if i % 2 else re.escape(p) for i, p in enumerate(parts)))


@cache
def _names(form: str, obscure: bool) -> dict[str, tuple[str, ...]]:
    """Phrase -> names of the operations that it may stand for."""
    names_by_phrase: dict[str, set] = {}
    for operation in OPERATIONS.values():
        for phrase in phrases(operation, form, obscure):
            names_by_phrase.setdefault(phrase, set()).add(operation.name)
    return {phrase: tuple(sorted(names)) for phrase, names in names_by_phrase.items()}


@cache
def _sources(obscure: bool) -> dict[str, tuple[str, ...]]:
    return {text: (source,) for source in SOURCES for text in _source_phrases(source, obscure)}
