"""The obscure telling: the words, frames and story sentences that hide what a plain description says.

A plain description is short, names operations in their order and uses the words that every other description uses. An
obscure one says the same in rare words, mostly with the last operation first, between sentences of a story that say
nothing. `grammar` makes both and reads both; no rare word stands in a plain description.
"""

from __future__ import annotations

import re

OPENINGS = (
    "Mara keeps a stall beside the old harbour.",
    "The lighthouse has had a new keeper since spring.",
    "Three cousins inherited a mill on the river.",
    "Snow has closed the pass for a second week.",
    "The museum opens its cellar once a year.",
    "A caravan rests at the well before noon.",
    "Oskar repairs clocks in a narrow street.",
    "The school play is only a month away.",
)
CLOSINGS = (
    "After that there will be soup.",
    "The mayor is said to be pleased.",
    "Tomorrow the whole thing begins again.",
    "Only the cat seems unimpressed.",
    "The bells ring when it is done.",
    "No one leaves before that.",
)

# As `grammar.FRAMES`: wording -> number of operations -> frames.
FRAMES = {
    "imperative": {
        1: ("with {src} at hand, {i1}.", "{i1}, out of {src}."),
        2: ("{i2}, but ere that {i1}, with {src} at hand.", "out of {src}, ere you {i2}, {i1}."),
        3: (
            "{i3}, but ere that {i2}, and ere all else {i1}, with {src} at hand.",
            "out of {src}, ere you {i3}, {i2}, and ere all else {i1}.",
        ),
    },
    "noun": dict.fromkeys((1, 2, 3), ("they all wait for {n}.", "nothing will do but {n}.")),
    "passive": {
        1: ("out of {src}, somehow, {p1}.", "{p1}, and it all comes out of {src}."),
        2: ("{p2} once {p1}, and it all comes out of {src}.", "somehow, out of {src}, {p2}, though ere that {p1}."),
        3: (
            "{p3} once {p2}, though ere all else {p1}, and it all comes out of {src}.",
            "somehow, out of {src}, {p3}, though ere that {p2}, and ere all else {p1}.",
        ),
    },
    "third": {
        1: ("whoever is handed {src} duly {t1}.", "whoever {t1} does so with {src}."),
        2: (
            "whoever is handed {src} duly {t2}, having seen who {t1}.",
            "whoever {t2} waits for one who {t1}, with {src}.",
        ),
        3: (
            "whoever is handed {src} duly {t3}, having seen who {t2}, behind one who {t1}.",
            "whoever {t3} waits for one who {t2}, behind one who {t1}, with {src}.",
        ),
    },
    "gerund": {
        1: ("all it needs is {g1}, given a look at {src}.", "there is no way round {g1}, be it with {src}."),
        2: (
            "all it needs is {g2} on top of {g1}, given a look at {src}.",
            "there is no way round {g2}, nor round {g1} ere that, be it with {src}.",
        ),
        3: (
            "all it needs is {g3} on top of {g2}, in turn on top of {g1}, given a look at {src}.",
            "there is no way round {g3}, nor round {g2} ere that, nor round {g1} ere all else, be it with {src}.",
        ),
    },
}

# verb of a plain phrase -> the rare verb, which takes -s, -ing and -ed as it stands
VERBS = {
    "add": "graft",
    "add up": "heap",
    "arrange": "align",
    "capitalize": "crown",
    "connect": "chain",
    "count": "reckon",
    "cut": "dock",
    "decrease": "lower",
    "drop": "discard",
    "flip": "upturn",
    "increase": "boost",
    "join": "weld",
    "keep": "retain",
    "measure": "fathom",
    "multiply": "expand",
    "negate": "mirror",
    "remove": "eject",
    "repeat": "parrot",
    "replace": "supplant",
    "reverse": "invert",
    "scale": "swell",
    "select": "pick",
    "shorten": "curtail",
    "skip": "jump",
    "sort": "rank",
    "spell": "utter",
    "square": "power",
    "subtract": "deduct",
    "sum": "pool",
    "take": "claim",
    "write": "render",
}

# fmt: off
WORDS = {
    "number": "token", "numbers": "tokens", "word": "label", "words": "labels", "letters": "glyphs",
    "integer": "counter", "integers": "counters", "string": "ribbon", "strings": "ribbons",
    "list": "tray", "text": "scroll", "digits": "ciphers", "result": "outcome",
    "2": "two", "3": "three", "4": "four", "5": "five",
    "even": "halvable", "odd": "unpaired", "positive": "credit", "negative": "debit", "not": "hardly",
    "above": "over", "below": "beneath", "multiples": "bundles", "divisible": "splittable",
    "longer": "lengthier", "shorter": "briefer", "contain": "bear", "without": "lacking", "start": "lead",
    "first": "foremost", "last": "hindmost", "only": "merely", "duplicates": "twins", "distinct": "unlike",
    "order": "sequence", "increasing": "climbing", "decreasing": "sinking", "alphabetical": "lexical",
    "length": "extent", "lengths": "extents", "short": "brief", "long": "lengthy", "arrangement": "lineup",
    "squares": "powers", "negatives": "mirrors", "itself": "its like", "times": "fold",
    "more": "extra", "less": "fewer", "capital": "crowned", "capitals": "majuscules", "forms": "shapes",
    "backwards": "tailfirst", "backward": "tailmost", "spellings": "utterances", "copies": "echoes",
    "reversed": "inverted", "sum": "pool", "total": "heap", "product": "yield", "count": "census",
    "together": "jointly", "joined": "welded", "commas": "ticks", "dashes": "strokes", "spaces": "gaps",
}
# fmt: on


def inflections(verb: str) -> tuple[str, str, str]:
    """Third person, gerund and participle of the rare verb."""
    return f"{verb}s", f"{verb}ing", f"{verb}ed"


def in_rare_words(text: str) -> str:
    """The text with every word that has a rare one replaced; texts that differ stay different."""
    return re.sub(r"\w+", lambda match: WORDS.get(match[0], match[0]), text)
