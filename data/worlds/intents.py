"""Intents: a source of items and one to three operations on them; what they compute, how they are drawn, their tests.

No world has two intents that compute the same function: functions are compared by their results on `PROBES` random
inputs. So no test intent is a seed intent in another form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from data.worlds.operations import FILTER, FOLD, MAP, NUMBERS, OPERATIONS, WORDS, Operation
from utils.run.streams import stream

# Input of a program -> type of the items that its first operation receives.
SOURCES = {"numbers": NUMBERS, "words": WORDS, "digits": NUMBERS, "text": WORDS}
SOURCE_CHANCES = {"numbers": 0.4, "words": 0.3, "digits": 0.15, "text": 0.15}
LENGTH_CHANCES = {2: 0.5, 3: 0.5}  # of drawn intents; those of one operation are listed instead
PROBES = 60
DISTINCT_RESULTS = 8  # least number of different results of an intent on its probes
TEST_CASES = (8, 20)  # minimum and maximum, edge cases not counted

# fmt: off
VOCABULARY = (
    "apple", "stone", "river", "tree", "lion", "tiger", "east", "near", "ear", "art", "one", "open", "noon", "eleven",
    "rose", "tool", "iron", "salt", "area", "idea", "oats", "orange", "error", "ocean", "nine", "letter", "listen",
    "enlist", "tinsel", "never", "level", "radar", "round", "oasis", "see", "no",
)
# fmt: on
EDGES = {
    "numbers": [[], [0], [5], [-3], [2, 2, 2], [9, -9, 8, -8, 7, -7, 6, -6], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
    "words": [[], ["a"], ["tree", "tree"], ["silent", "listen", "enlist", "tinsel"]],
    "digits": [0, 7, 100, 987654321],
    "text": ["", "a", "tree tree", "silent listen enlist tinsel"],
}


@dataclass(frozen=True)
class Intent:
    """The task of a program. `str(intent)` is its id, such as `numbers.odd.add:3.sum`; `read` is the inverse."""

    source: str
    operations: tuple[Operation, ...]

    def __str__(self) -> str:
        return ".".join((self.source, *(operation.name for operation in self.operations)))

    def run(self, given: object) -> object:
        """What a correct program returns for one input."""
        value = items_of(self.source, given)
        for operation in self.operations:
            value = operation.run(value)
        return value

    @property
    def gives(self) -> str:
        """Type of the result: a type of item for a list of them, else `number` or `text`."""
        return self.operations[-1].gives


def read(text: str) -> Intent:
    """The intent of an id; ValueError if there is none."""
    source, *names = text.split(".")
    intent = build(source, names)
    if intent is None:
        raise ValueError(f"{text!r} is no intent")
    return intent


def build(source: str, names: list[str]) -> Intent | None:
    """The intent of these operations on that source, or None if their types do not fit."""
    items, operations = SOURCES.get(source), []
    for name in names:
        operation = OPERATIONS.get((name, items))
        if operation is None:
            return None
        operations.append(operation)
        items = operation.gives
    return Intent(source, tuple(operations)) if operations else None


def items_of(source: str, given: object) -> list:
    """The list that the first operation receives."""
    if source == "digits":
        return [int(digit) for digit in str(given)]
    return given.split() if source == "text" else list(given)


def random_input(source: str, rng: np.random.Generator) -> object:
    """A random input of the source."""
    if source == "numbers":
        return rng.integers(-9, 13, size=rng.integers(3, 11)).tolist()
    if source == "digits":
        return int(rng.integers(10, 10 ** rng.integers(4, 11)))
    words = [_word(rng) for _ in range(rng.integers(3, 9))]
    return " ".join(words) if source == "text" else words


def _word(rng: np.random.Generator) -> str:
    if rng.random() < 0.6:
        return VOCABULARY[rng.integers(len(VOCABULARY))]
    return "".join("aeilorstcdmnpunrenro"[i] for i in rng.integers(20, size=rng.integers(1, 9)))


_probes = {
    source: [random_input(source, stream("probe", source, index)) for index in range(PROBES)] for source in SOURCES
}


def fingerprint(intent: Intent) -> tuple:
    """The source and the results on its probes, as text: equal for intents that compute the same."""
    return intent.source, *(repr(intent.run(probe)) for probe in _probes[intent.source])


def is_sound(intent: Intent, results: tuple) -> bool:
    """Whether the results vary and every operation matters: leaving it out changes the function."""
    if len(set(results)) <= DISTINCT_RESULTS:
        return False
    names = [operation.name for operation in intent.operations]
    if results[1:] == tuple(repr(items_of(intent.source, probe)) for probe in _probes[intent.source]):
        return False
    for position in range(len(names) if len(names) > 1 else 0):
        shorter = build(intent.source, names[:position] + names[position + 1 :])
        if shorter is not None and fingerprint(shorter) == results:
            return False
    return True


def single_operations() -> list[Intent]:
    """Every sound intent of one operation; of two that compute the same, the first."""
    names = dict.fromkeys(name for name, _ in OPERATIONS)
    built = [build(source, [name]) for source in SOURCES for name in names]
    sound: dict[tuple, Intent] = {}
    for intent in built:
        if intent is not None and is_sound(intent, fingerprint(intent)):
            sound.setdefault(fingerprint(intent), intent)
    return list(sound.values())


def draw_intents(seed: int) -> Iterator[Intent]:
    """Sound compositions in random order; endless for all practical sizes.

    No two compute the same, and none computes what a single operation does.
    """
    rng, seen = stream(seed, "intents"), set(map(fingerprint, single_operations()))
    while True:
        intent = _draw(rng)
        results = fingerprint(intent)
        if results not in seen and is_sound(intent, results):
            seen.add(results)
            yield intent


def _draw(rng: np.random.Generator) -> Intent:
    """A random chain of operations, each family that fits as likely as any other."""
    source = _choose(SOURCE_CHANCES, rng)
    length, items, names = _choose(LENGTH_CHANCES, rng), SOURCES[source], []
    for position in range(length):
        final = position == length - 1
        # An operation that ends the list can only be the last one.
        usable = [family for family in _FAMILIES[items].values() if final or family[0].gives in _FAMILIES]
        family = usable[rng.integers(len(usable))]
        operation = family[rng.integers(len(family))]
        names.append(operation.name)
        items = operation.gives
    return build(source, names)


def _choose(chances: dict, rng: np.random.Generator):
    return list(chances)[rng.choice(len(chances), p=list(chances.values()))]


def _families() -> dict[str, dict[str, list[Operation]]]:
    families: dict = {}
    for operation in OPERATIONS.values():
        families.setdefault(operation.takes, {}).setdefault(operation.family, []).append(operation)
    return families


_FAMILIES = _families()


def neighbours(intent: Intent) -> list[Intent]:
    """Intents that differ in one operation: another parameter, or another operation of the same kind."""
    names, others = [operation.name for operation in intent.operations], []
    for position, operation in enumerate(intent.operations):
        for other in OPERATIONS.values():
            alike = other.takes == operation.takes and other.kind == operation.kind and other.gives == operation.gives
            if alike and other != operation:
                others.append(build(intent.source, [*names[:position], other.name, *names[position + 1 :]]))
    return [other for other in others if other is not None]


def make_tests(intent: Intent, seed: int) -> tuple[list, list]:
    """Inputs (each a list of one argument) and outputs: the edge cases, then random inputs.

    A random input is taken if it separates the intent from one more neighbour, until none is left or there are many.
    """
    rng = stream(seed, "tests", str(intent))
    least, most = TEST_CASES
    inputs = list(EDGES[intent.source])
    unseparated = [other for other in neighbours(intent) if all(other.run(case) == intent.run(case) for case in inputs)]
    pool = [random_input(intent.source, rng) for _ in range(100)]
    spare, chosen = [], []
    for case in pool:
        separated = [other for other in unseparated if other.run(case) != intent.run(case)]
        if separated and len(chosen) < most and case not in chosen:
            chosen.append(case)
            unseparated = [other for other in unseparated if other not in separated]
        elif case not in chosen:
            spare.append(case)
    for case in spare:
        if len(chosen) < least and case not in chosen and case not in inputs:
            chosen.append(case)
    inputs += chosen
    return [[case] for case in inputs], [intent.run(case) for case in inputs]


def is_styled(intent: Intent, kinds: tuple = (FILTER, MAP, FOLD)) -> bool:
    """Whether some operation of the intent is of one of these kinds, which can be written in several styles."""
    return any(operation.kind in kinds for operation in intent.operations)
