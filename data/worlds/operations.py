"""The operations that intents are made of: what each does, how it is written in Python, how it is put in words.

An operation turns a list of items (numbers or words) into another list, or into the number or text that ends
an intent. `OPERATIONS` maps `(name, type of item)` to it; the same name on another type is the same operation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

NUMBERS, WORDS = "numbers", "words"  # types of item
NUMBER, TEXT = "number", "text"  # results that no operation takes
FILTER, MAP, FOLD, PLAIN = "filter", "map", "fold", "plain"


@dataclass(frozen=True)
class Operation:
    """One operation on lists of one type of item.

    `code` are equivalent expressions: over an item `{v}` for a filter or map, over the list `{x}` for a plain one. For
    a fold they are its start value, its step over total `{t}` and item `{v}`, and its expression over `{x}`.
    `phrases` are (verb, object, rest) and `nouns` what stands before the name of the list: two lists of synonyms.
    """

    name: str
    kind: str  # FILTER, MAP, FOLD or PLAIN
    takes: str
    gives: str
    run: Callable[[list], object]
    code: tuple[str, ...]
    phrases: tuple[tuple[str, str, str], ...]
    nouns: tuple[str, ...]

    @property
    def family(self) -> str:
        """The name without its parameter."""
        return self.name.split(":")[0]


def _filter(name: str, items: str, test: Callable, code: tuple, keep: tuple, drop: tuple) -> Operation:
    """A filter is said as what is kept or as what is dropped; both are the same operation."""
    phrases = [(verb, what, "") for what in keep for verb in ("keep", "select")]
    phrases += [(verb, what, "") for what in drop for verb in ("remove", "drop")]
    nouns = tuple(f"{what} among" for what in keep)
    return Operation(name, FILTER, items, items, lambda x: [v for v in x if test(v)], code, tuple(phrases), nouns)


def _map(name: str, takes: str, gives: str, change: Callable, code: tuple, phrases: tuple, nouns: tuple) -> Operation:
    return Operation(name, MAP, takes, gives, lambda x: [change(v) for v in x], code, phrases, nouns)


PARAMETERS = (2, 3, 4, 5)  # few, so that a small model can learn what each of them means
MARKS = "enor"  # letters that words are picked by


def _number_filters() -> list[Operation]:
    def made(name, test, code, keep, drop):
        return _filter(name, NUMBERS, test, (code,), (f"the {keep}",), (f"the {drop}",))

    filters = [
        made("even", lambda v: v % 2 == 0, "{v} % 2 == 0", "even numbers", "odd numbers"),
        made("odd", lambda v: v % 2 == 1, "{v} % 2 == 1", "odd numbers", "even numbers"),
        made("positive", lambda v: v > 0, "{v} > 0", "positive numbers", "numbers that are not positive"),
        made("negative", lambda v: v < 0, "{v} < 0", "negative numbers", "numbers that are not negative"),
    ]
    for k in PARAMETERS:
        above, below = f"numbers above {k}", f"numbers below {k}"
        filters.append(made(f"above:{k}", lambda v, k=k: v > k, f"{{v}} > {k}", above, f"numbers up to {k}"))
        filters.append(made(f"below:{k}", lambda v, k=k: v < k, f"{{v}} < {k}", below, f"numbers from {k} on"))
        if k > 2:  # for 2 they are the even and the odd numbers
            multiples, others = f"multiples of {k}", f"numbers not divisible by {k}"
            filters.append(made(f"multiple:{k}", lambda v, k=k: v % k == 0, f"{{v}} % {k} == 0", multiples, others))
            filters.append(made(f"indivisible:{k}", lambda v, k=k: v % k != 0, f"{{v}} % {k} != 0", others, multiples))
    return filters


def _word_filters() -> list[Operation]:
    def made(name, test, code, keep, drop):
        return _filter(name, WORDS, test, (code,), (f"the words {keep}",), (f"the words {drop}",))

    filters = []
    for k in PARAMETERS:
        long, short = f"longer than {k} letters", f"shorter than {k} letters"
        filters.append(
            made(f"longer:{k}", lambda v, k=k: len(v) > k, f"len({{v}}) > {k}", long, f"of at most {k} letters")
        )
        filters.append(
            made(f"shorter:{k}", lambda v, k=k: len(v) < k, f"len({{v}}) < {k}", short, f"of at least {k} letters")
        )
    for c in MARKS:
        having, lacking = f"that contain '{c}'", f"without '{c}'"
        start, other = f"that start with '{c}'", f"that do not start with '{c}'"
        filters.append(made(f"has:{c}", lambda v, c=c: c in v, f"'{c}' in {{v}}", having, lacking))
        filters.append(made(f"lacks:{c}", lambda v, c=c: c not in v, f"'{c}' not in {{v}}", lacking, having))
        filters.append(made(f"starts:{c}", lambda v, c=c: v.startswith(c), f"{{v}}.startswith('{c}')", start, other))
    return filters


def _number_maps() -> list[Operation]:
    def made(name, change, code, phrases, nouns):
        return _map(name, NUMBERS, NUMBERS, change, code, phrases, nouns)

    each = "each number"
    maps = [
        made(
            "square",
            lambda v: v * v,
            ("{v} * {v}", "{v} ** 2"),
            (("square", each, ""), ("multiply", each, " by itself")),
            ("the squares of",),
        ),
        made("negate", lambda v: -v, ("-{v}",), (("negate", each, ""),), ("the negatives of",)),
    ]
    for k in PARAMETERS:
        maps.append(
            made(
                f"add:{k}",
                lambda v, k=k: v + k,
                (f"{{v}} + {k}", f"{k} + {{v}}"),
                (("add", f"{k}", " to each number"), ("increase", each, f" by {k}")),
                (f"{k} more than each of",),
            )
        )
        maps.append(
            made(
                f"subtract:{k}",
                lambda v, k=k: v - k,
                (f"{{v}} - {k}",),
                (("subtract", f"{k}", " from each number"), ("decrease", each, f" by {k}")),
                (f"{k} less than each of",),
            )
        )
        maps.append(
            made(
                f"multiply:{k}",
                lambda v, k=k: v * k,
                (f"{{v}} * {k}", f"{k} * {{v}}"),
                (("multiply", each, f" by {k}"), ("scale", each, f" by {k}")),
                (f"{k} times each of",),
            )
        )
    return maps


def _word_maps() -> list[Operation]:
    each = "each word"
    maps = [
        _map(
            "upper",
            WORDS,
            WORDS,
            str.upper,
            ("{v}.upper()",),
            (("capitalize", each, ""), ("write", each, " in capitals")),
            ("the capital forms of",),
        ),
        _map(
            "backwards",
            WORDS,
            WORDS,
            lambda v: v[::-1],
            ("{v}[::-1]",),
            (("reverse", each, ""), ("spell", each, " backwards")),
            ("the backward spellings of",),
        ),
        _map(
            "length",
            WORDS,
            NUMBERS,
            len,
            ("len({v})",),
            (("measure", each, ""), ("replace", each, " by its length")),
            ("the lengths of",),
        ),
    ]
    for k in PARAMETERS:
        maps.append(
            _map(
                f"prefix:{k}",
                WORDS,
                WORDS,
                lambda v, k=k: v[:k],
                (f"{{v}}[:{k}]",),
                (("cut", each, f" to {k} letters"), ("shorten", each, f" to {k} letters")),
                (f"the first {k} letters of each of",),
            )
        )
        maps.append(
            _map(
                f"repeat:{k}",
                WORDS,
                WORDS,
                lambda v, k=k: v * k,
                (f"{{v}} * {k}", f"{k} * {{v}}"),
                (("repeat", each, f" {k} times"), ("write", each, f" {k} times")),
                (f"{k} copies of each of",),
            )
        )
    return maps


def _plain(name: str, items: str, run: Callable, code: tuple, phrases: tuple, nouns: tuple, gives: str = ""):
    return Operation(name, PLAIN, items, gives or items, run, code, phrases, nouns)


def _orders() -> list[Operation]:
    def made(name, items, run, code, way, noun):
        phrases = tuple((verb, f"the {items}", f" {way}") for verb in ("sort", "arrange"))
        return _plain(name, items, run, (code,), phrases, (f"the {noun} arrangement of",))

    return [
        made("ascending", NUMBERS, sorted, "sorted({x})", "in increasing order", "increasing"),
        made(
            "descending",
            NUMBERS,
            lambda x: sorted(x, reverse=True),
            "sorted({x}, reverse=True)",
            "in decreasing order",
            "decreasing",
        ),
        made("alphabetical", WORDS, sorted, "sorted({x})", "in alphabetical order", "alphabetical"),
        made("by-length", WORDS, lambda x: sorted(x, key=len), "sorted({x}, key=len)", "by length", "short-to-long"),
    ]


def _slices(items: str) -> list[Operation]:
    made = [
        _plain(
            "reverse",
            items,
            lambda x: x[::-1],
            ("{x}[::-1]",),
            (("reverse", "the order", ""), ("flip", "the order", "")),
            ("the reversed order of",),
        ),
        _plain(
            "unique",
            items,
            lambda x: list(dict.fromkeys(x)),
            ("list(dict.fromkeys({x}))",),
            (("remove", "the duplicates", ""), ("drop", "the duplicates", "")),
            (f"the distinct {items} among",),
        ),
    ]
    for k in PARAMETERS:
        made.append(
            _plain(
                f"first:{k}",
                items,
                lambda x, k=k: x[:k],
                (f"{{x}}[:{k}]",),
                (("take", f"the first {k} {items}", ""), ("keep", f"only the first {k} {items}", "")),
                (f"the first {k} of",),
            )
        )
        made.append(
            _plain(
                f"last:{k}",
                items,
                lambda x, k=k: x[-k:],
                (f"{{x}}[-{k}:]",),
                (("take", f"the last {k} {items}", ""), ("keep", f"only the last {k} {items}", "")),
                (f"the last {k} of",),
            )
        )
        made.append(
            _plain(
                f"skip:{k}",
                items,
                lambda x, k=k: x[k:],
                (f"{{x}}[{k}:]",),
                (("skip", f"the first {k} {items}", ""), ("drop", f"the first {k} {items}", "")),
                (f"all but the first {k} of",),
            )
        )
    return made


SEPARATORS = {"commas": ",", "dashes": "-", "spaces": " "}


def _joins(items: str) -> list[Operation]:
    parts = "str(v) for v in {x}" if items == NUMBERS else "{x}"
    return [
        _plain(
            f"join:{name}",
            items,
            lambda x, mark=mark: mark.join(map(str, x)),
            (f"'{mark}'.join({parts})",),
            (("join", f"the {items}", f" with {name}"), ("connect", f"the {items}", f" with {name}")),
            (f"the text joined with {name} of",),
            TEXT,
        )
        for name, mark in SEPARATORS.items()
    ]


def _fold(name: str, items: str, run: Callable, start: str, step: str, whole: str, phrases: tuple, nouns: tuple):
    return Operation(name, FOLD, items, NUMBER, run, (start, step, whole), phrases, nouns)


def _folds() -> list[Operation]:
    made = [
        _fold(
            "sum",
            NUMBERS,
            sum,
            "0",
            "{t} + {v}",
            "sum({x})",
            (("add up", "the numbers", ""), ("sum", "the numbers", "")),
            ("the sum of", "the total of"),
        ),
        _fold(
            "product",
            NUMBERS,
            prod,
            "1",
            "{t} * {v}",
            "prod({x})",
            (("multiply", "the numbers", " together"),),
            ("the product of",),
        ),
    ]
    for items in (NUMBERS, WORDS):
        made.append(
            _fold(
                "count",
                items,
                len,
                "0",
                "{t} + 1",
                "len({x})",
                (("count", f"the {items}", ""),),
                ("the number of", "the count of"),
            )
        )
    return made


def _all() -> dict[tuple[str, str], Operation]:
    made = _number_filters() + _word_filters() + _number_maps() + _word_maps() + _orders() + _folds()
    for items in (NUMBERS, WORDS):
        made += _slices(items) + _joins(items)
    return {(operation.name, operation.takes): operation for operation in made}


OPERATIONS = _all()
