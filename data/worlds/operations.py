"""The operations that intents are made of: what each computes, as Python, and how a description phrases it.

An operation turns a list of items (numbers or words) into another list, or into the number or text that ends an intent.
`OPERATIONS` maps `(name, type of item)` to it; the same name on another type is the same operation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from functools import cached_property
from math import prod

NUMBERS, WORDS = "numbers", "words"  # types of item
NUMBER, TEXT = "number", "text"  # results that no operation takes
FILTER, MAP, FOLD, PLAIN = "filter", "map", "fold", "plain"


@dataclass(frozen=True)
class Operation:
    """One operation on lists of one type of item.

    `code` holds equivalent expressions: over an item `{v}` for a filter or map, over the list `{x}` for a plain one.
    For a fold they are its start value, its step over total `{t}` and item `{v}`, and its expression over `{x}`.
    `phrases` are (verb, object, rest) and `nouns` what precedes the name of the list: two lists of synonyms.
    """

    name: str
    kind: str  # FILTER, MAP, FOLD or PLAIN
    takes: str
    gives: str
    code: tuple[str, ...]
    phrases: tuple[tuple[str, str, str], ...]
    nouns: tuple[str, ...]

    @property
    def family(self) -> str:
        """The name without its parameter."""
        return self.name.split(":")[0]

    @cached_property
    def run(self) -> Callable[[list], object]:
        """The function from a list to the result, compiled from `code`."""
        forms = {FILTER: "[v for v in x if {}]", MAP: "[{} for v in x]"}
        expression = self.code[2 if self.kind == FOLD else 0].format(v="v", x="x")
        return eval(f"lambda x: {forms.get(self.kind, '{}').format(expression)}", {"prod": prod})


def _filter(name: str, items: str, code: str, keep: str, drop: str) -> Operation:
    """A filter is described by what it keeps or by what it drops; both are the same operation."""
    phrases = (("keep", keep, ""), ("select", keep, ""), ("remove", drop, ""), ("drop", drop, ""))
    return Operation(name, FILTER, items, items, (code,), phrases, (f"{keep} among",))


def _order(name: str, items: str, code: str, way: str, noun: str) -> Operation:
    phrases = tuple((verb, f"the {items}", f" {way}") for verb in ("sort", "arrange"))
    return Operation(name, PLAIN, items, items, (code,), phrases, (f"the {noun} arrangement of",))


def _filled(templates: Sequence[Operation], values: Sequence[dict]) -> list[Operation]:
    """The templates once for each dictionary: `{key}` in their texts becomes the value."""

    def fill(part, chosen: dict):
        if isinstance(part, tuple):
            return tuple(fill(inner, chosen) for inner in part)
        for key, value in chosen.items():
            part = part.replace(f"{{{key}}}", str(value))
        return part

    return [Operation(*fill(astuple(template), chosen)) for chosen in values for template in templates]


PARAMETERS = [{"k": k} for k in (2, 3, 4, 5)]  # few, so that a small model can learn what each of them means
LETTERS = [{"c": c} for c in "enor"]  # that words are selected by
SEPARATORS = [{"name": "commas", "mark": ","}, {"name": "dashes", "mark": "-"}, {"name": "spaces", "mark": " "}]

# fmt: off
NUMBER_FILTERS = [
    _filter("even", NUMBERS, "{v} % 2 == 0", keep="the even numbers", drop="the odd numbers"),
    _filter("odd", NUMBERS, "{v} % 2 == 1", keep="the odd numbers", drop="the even numbers"),
    _filter("positive", NUMBERS, "{v} > 0", keep="the positive numbers", drop="the numbers that are not positive"),
    _filter("negative", NUMBERS, "{v} < 0", keep="the negative numbers", drop="the numbers that are not negative"),
]
NUMBER_FILTERS_BY_K = [
    _filter("above:{k}", NUMBERS, "{v} > {k}", keep="the numbers above {k}", drop="the numbers up to {k}"),
    _filter("below:{k}", NUMBERS, "{v} < {k}", keep="the numbers below {k}", drop="the numbers from {k} on"),
]
DIVISIBILITY_BY_K = [
    _filter("multiple:{k}", NUMBERS, "{v} % {k} == 0",
            keep="the multiples of {k}", drop="the numbers not divisible by {k}"),
    _filter("indivisible:{k}", NUMBERS, "{v} % {k} != 0",
            keep="the numbers not divisible by {k}", drop="the multiples of {k}"),
]
WORD_FILTERS_BY_K = [
    _filter("longer:{k}", WORDS, "len({v}) > {k}",
            keep="the words longer than {k} letters", drop="the words of at most {k} letters"),
    _filter("shorter:{k}", WORDS, "len({v}) < {k}",
            keep="the words shorter than {k} letters", drop="the words of at least {k} letters"),
]
WORD_FILTERS_BY_LETTER = [
    _filter("has:{c}", WORDS, "'{c}' in {v}", keep="the words that contain '{c}'", drop="the words without '{c}'"),
    _filter("lacks:{c}", WORDS, "'{c}' not in {v}",
            keep="the words without '{c}'", drop="the words that contain '{c}'"),
    _filter("starts:{c}", WORDS, "{v}.startswith('{c}')",
            keep="the words that start with '{c}'", drop="the words that do not start with '{c}'"),
]

NUMBER_MAPS = [
    Operation(
        "square", MAP, NUMBERS, NUMBERS,
        code=("{v} * {v}", "{v} ** 2"),
        phrases=(("square", "each number", ""), ("multiply", "each number", " by itself")),
        nouns=("the squares of",),
    ),
    Operation(
        "negate", MAP, NUMBERS, NUMBERS,
        code=("-{v}",),
        phrases=(("negate", "each number", ""),),
        nouns=("the negatives of",),
    ),
]
NUMBER_MAPS_BY_K = [
    Operation(
        "add:{k}", MAP, NUMBERS, NUMBERS,
        code=("{v} + {k}", "{k} + {v}"),
        phrases=(("add", "{k}", " to each number"), ("increase", "each number", " by {k}")),
        nouns=("{k} more than each of",),
    ),
    Operation(
        "subtract:{k}", MAP, NUMBERS, NUMBERS,
        code=("{v} - {k}",),
        phrases=(("subtract", "{k}", " from each number"), ("decrease", "each number", " by {k}")),
        nouns=("{k} less than each of",),
    ),
    Operation(
        "multiply:{k}", MAP, NUMBERS, NUMBERS,
        code=("{v} * {k}", "{k} * {v}"),
        phrases=(("multiply", "each number", " by {k}"), ("scale", "each number", " by {k}")),
        nouns=("{k} times each of",),
    ),
]
WORD_MAPS = [
    Operation(
        "upper", MAP, WORDS, WORDS,
        code=("{v}.upper()",),
        phrases=(("capitalize", "each word", ""), ("write", "each word", " in capitals")),
        nouns=("the capital forms of",),
    ),
    Operation(
        "backwards", MAP, WORDS, WORDS,
        code=("{v}[::-1]",),
        phrases=(("reverse", "each word", ""), ("spell", "each word", " backwards")),
        nouns=("the backward spellings of",),
    ),
    Operation(
        "length", MAP, WORDS, NUMBERS,
        code=("len({v})",),
        phrases=(("measure", "each word", ""), ("replace", "each word", " by its length")),
        nouns=("the lengths of",),
    ),
]
WORD_MAPS_BY_K = [
    Operation(
        "prefix:{k}", MAP, WORDS, WORDS,
        code=("{v}[:{k}]",),
        phrases=(("cut", "each word", " to {k} letters"), ("shorten", "each word", " to {k} letters")),
        nouns=("the first {k} letters of each of",),
    ),
    Operation(
        "repeat:{k}", MAP, WORDS, WORDS,
        code=("{v} * {k}", "{k} * {v}"),
        phrases=(("repeat", "each word", " {k} times"), ("write", "each word", " {k} times")),
        nouns=("{k} copies of each of",),
    ),
]

ORDERS = [
    _order("ascending", NUMBERS, "sorted({x})", "in increasing order", "increasing"),
    _order("descending", NUMBERS, "sorted({x}, reverse=True)", "in decreasing order", "decreasing"),
    _order("alphabetical", WORDS, "sorted({x})", "in alphabetical order", "alphabetical"),
    _order("by-length", WORDS, "sorted({x}, key=len)", "by length", "short-to-long"),
]
FOLDS = [
    Operation(
        "sum", FOLD, NUMBERS, NUMBER,
        code=("0", "{t} + {v}", "sum({x})"),
        phrases=(("add up", "the numbers", ""), ("sum", "the numbers", "")),
        nouns=("the sum of", "the total of"),
    ),
    Operation(
        "product", FOLD, NUMBERS, NUMBER,
        code=("1", "{t} * {v}", "prod({x})"),
        phrases=(("multiply", "the numbers", " together"),),
        nouns=("the product of",),
    ),
]

# For items of either type, which `{items}` names.
COUNT = Operation(
    "count", FOLD, "{items}", NUMBER,
    code=("0", "{t} + 1", "len({x})"),
    phrases=(("count", "the {items}", ""),),
    nouns=("the number of", "the count of"),
)
WHOLE_LIST = [
    Operation(
        "reverse", PLAIN, "{items}", "{items}",
        code=("{x}[::-1]",),
        phrases=(("reverse", "the order", ""), ("flip", "the order", "")),
        nouns=("the reversed order of",),
    ),
    Operation(
        "unique", PLAIN, "{items}", "{items}",
        code=("list(dict.fromkeys({x}))",),
        phrases=(("remove", "the duplicates", ""), ("drop", "the duplicates", "")),
        nouns=("the distinct {items} among",),
    ),
]
SLICES_BY_K = [
    Operation(
        "first:{k}", PLAIN, "{items}", "{items}",
        code=("{x}[:{k}]",),
        phrases=(("take", "the first {k} {items}", ""), ("keep", "only the first {k} {items}", "")),
        nouns=("the first {k} of",),
    ),
    Operation(
        "last:{k}", PLAIN, "{items}", "{items}",
        code=("{x}[-{k}:]",),
        phrases=(("take", "the last {k} {items}", ""), ("keep", "only the last {k} {items}", "")),
        nouns=("the last {k} of",),
    ),
    Operation(
        "skip:{k}", PLAIN, "{items}", "{items}",
        code=("{x}[{k}:]",),
        phrases=(("skip", "the first {k} {items}", ""), ("drop", "the first {k} {items}", "")),
        nouns=("all but the first {k} of",),
    ),
]
JOIN = Operation(
    "join:{name}", PLAIN, "{items}", TEXT,
    code=("'{mark}'.join({strings})",),
    phrases=(("join", "the {items}", " with {name}"), ("connect", "the {items}", " with {name}")),
    nouns=("the text joined with {name} of",),
)
# fmt: on


def _all() -> dict[tuple[str, str], Operation]:
    """Every operation. Random draws depend on this order."""
    listed = list(NUMBER_FILTERS)
    for parameter in PARAMETERS:
        # Multiples of 2 are the even numbers.
        listed += _filled(NUMBER_FILTERS_BY_K + (DIVISIBILITY_BY_K if parameter["k"] > 2 else []), [parameter])
    listed += _filled(WORD_FILTERS_BY_K, PARAMETERS) + _filled(WORD_FILTERS_BY_LETTER, LETTERS)
    listed += NUMBER_MAPS + _filled(NUMBER_MAPS_BY_K, PARAMETERS) + WORD_MAPS + _filled(WORD_MAPS_BY_K, PARAMETERS)
    types = [{"items": NUMBERS, "strings": "str(v) for v in {x}"}, {"items": WORDS, "strings": "{x}"}]
    listed += ORDERS + FOLDS + _filled([COUNT], types)
    for values in types:
        templates = WHOLE_LIST + _filled(SLICES_BY_K, PARAMETERS) + _filled([JOIN], SEPARATORS)
        listed += _filled(templates, [values])
    return {(operation.name, operation.takes): operation for operation in listed}


OPERATIONS = _all()
