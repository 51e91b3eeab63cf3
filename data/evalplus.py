"""The raw rows of EvalPlus's releases (Liu et al. 2023, arXiv:2305.01210): their inputs, and tests made of them.

`HumanEvalPlus.jsonl` and `MbppPlus.jsonl` hold no expected values: a solution has to agree with the gold solution on
`base_input` and on `plus_input`. Inputs, comparison and special cases are those of EvalPlus 0.3.1 but for HumanEval/32,
where that version fails every solution, the gold one too (github.com/evalplus/evalplus/pull/201).
"""

from __future__ import annotations

import json

from data import reading
from data.reading import Dropped

# ---------------------------------------------------------------------------------------------------------------------
# Inputs. JSON has neither tuples nor sets nor complex numbers, so EvalPlus fixes for each MBPP task what a list is.


def list_of_tuples(values) -> list:
    """`[[1, 2]]` -> `[(1, 2)]`."""
    return [tuple(value) for value in values]


def tuple_of_tuples(values) -> tuple:
    """`[[1, 2]]` -> `((1, 2),)`."""
    return tuple(tuple(value) for value in values)


def tuple_of_any(values) -> tuple:
    """`[1, [2]]` -> `(1, (2,))`."""
    return tuple(tuple(value) if isinstance(value, list) else value for value in values)


def all_tuples(value):
    """Lists at every depth become tuples."""
    return tuple(all_tuples(item) for item in value) if isinstance(value, list) else value


def list_of_sets(values) -> list:
    """`[[1, 2], []]` -> `[{1, 2}, {}]`: an empty one is a dict, as in MBPP's test."""
    return [set(value) if isinstance(value, list) and value else {} for value in values]


def dict_of_tuples(values) -> dict:
    """`{"a": [1]}` -> `{"a": (1,)}`."""
    return {key: tuple(value) for key, value in values.items()}


def unchanged(value):
    """The argument as it is."""
    return value


# The conversion of every argument, or of the first ones, and the MBPP tasks that need it.
EVERY_ARGUMENT = {
    tuple: "2 116 132 143 222 261 273 394 399 421 424 429 470 560 579 596 616 630 726 740 744 809",
    list_of_tuples: "63 64 70 94 120 237 272 299 400 409 417 438 473 614 780",
    tuple_of_tuples: "259 401 445",
    all_tuples: "580 615 791",
}
FIRST_ARGUMENTS = {
    (tuple,): "250 307 405 446 617 720 763 808",
    (list_of_tuples,): "75 413 444 753",
    (tuple_of_any,): "278",
    (list_of_sets,): "115",
    (dict_of_tuples,): "722",
    (complex,): "252",
    (float, complex): "124",
    (unchanged, tuple): "106 750",
}
EVERY = {f"Mbpp/{number}": convert for convert, numbers in EVERY_ARGUMENT.items() for number in numbers.split()}
FIRST = {f"Mbpp/{number}": converts for converts, numbers in FIRST_ARGUMENTS.items() for number in numbers.split()}


def inputs_of(raw: dict, field: str) -> list[list]:
    """The inputs in a field of a raw row, each a list of arguments; Dropped where they are malformed."""
    inputs = raw.get(field) or []  # one row has an empty object for no inputs
    if not isinstance(inputs, list) or not all(isinstance(arguments, list) for arguments in inputs):
        raise Dropped(f"malformed {field}")
    try:
        return [deserialized(raw["task_id"], arguments) for arguments in inputs]
    except (TypeError, ValueError, AttributeError):
        raise Dropped("inputs cannot be deserialised") from None


def deserialized(task_id: str, arguments: list) -> list:
    """The arguments that a list of JSON values stands for; ValueError, TypeError or AttributeError where it cannot."""
    if task_id in EVERY:
        return [EVERY[task_id](value) for value in arguments]
    converts = FIRST.get(task_id, ())
    if len(arguments) < len(converts):
        raise ValueError("too few arguments")
    changed = [convert(value) for convert, value in zip(converts, arguments, strict=False)]
    return changed + arguments[len(converts) :]


# ---------------------------------------------------------------------------------------------------------------------
# Tests

GOLD_TIMEOUT = 120.0  # a test runs the gold solution too, and Mbpp/599 takes half a minute for its inputs

# When a result is right without any tolerance, where that is not `result == expected`. Order does not matter for the
# first tasks; of the next three a program may return a match or a truth value; the others have several right answers.
RIGHT = {
    **{f"Mbpp/{number}": "set(result) == set(expected)" for number in (2, 7, 111, 140, 232, 249, 579, 769)},
    **{f"Mbpp/{number}": "_truth(result) == (expected is not None)" for number in (737, 787, 794)},
    "Mbpp/164": "True",
    "Mbpp/295": "result == expected or result == 0",
    "Mbpp/558": "result == expected or result == _digit_distance(*given)",
    "Mbpp/581": "result == expected or abs(result - _surface_area(*given)) <= atol",
    "HumanEval/32": "abs(_polynomial(*given, result)) <= atol",
}
NO_TOLERANCE = {"HumanEval/32"}  # any root is right, and only a root
HELPERS = {
    "_truth": """
def _truth(result):
    return result if isinstance(result, bool) else result is not None

""",
    "_digit_distance": '''
def _digit_distance(first, second):
    """The shorter number is padded with zeros."""
    width = max(len(str(first)), len(str(second)))
    return sum(abs(int(a) - int(b)) for a, b in zip(str(first).zfill(width), str(second).zfill(width)))

''',
    "_surface_area": '''
def _surface_area(base, height):
    """The height is that of the pyramid, not of its sides."""
    return round(base**2 + 4 * (base * ((base / 2) ** 2 + height**2) ** 0.5) / 2)

''',
    "_polynomial": """
def _polynomial(coefficients, x):
    from math import pow
    return sum(factor * pow(x, power) for power, factor in enumerate(coefficients))

""",
}
# The tolerance is `atol` of the row, or 1e-6 from the first expected value of a part on that is made of floats.
SCRIPT = """\
import json as _json

import numpy as _np

_space = {{}}
exec({gold!r}, _space)
_gold = _space[{entry_point!r}]
_values = {{"tuple": tuple, "set": set, "dict": dict, "complex": lambda parts: complex(*parts)}}
_text = {text!r}


def _inputs():
    return _json.loads(_text, object_hook=lambda node: [_values[kind](value) for kind, value in node.items()][0])


def _floats(value):
    if isinstance(value, (list, tuple)):
        return bool(value) and all(isinstance(item, float) for item in value)
    return isinstance(value, float) or (isinstance(value, _np.ndarray) and value.dtype in (_np.float32, _np.float64))


def _close(result, expected, atol):
    if not atol or type(result) != type(expected):
        return False
    if isinstance(expected, (list, tuple)) and len(result) != len(expected):
        return False
    return _np.allclose(result, expected, rtol=1e-7, atol=atol)

{helper}
def _right(result, expected, given, atol):
    try:
        return bool({right})
    except Exception:
        return False


def check(candidate):
    for part, inputs, copies in zip({parts}, _inputs(), _inputs()):
        atol = {atol!r}
        for position, (given, copy) in enumerate(zip(inputs, copies)):
            expected = _gold(*copy)
            atol = atol or (1e-6 if _floats(expected) else 0)
            assert _right(candidate(*given), expected, copy, atol), f"{{part}} input {{position}}"
"""


def tests_of(raw: dict, gold: str) -> dict:
    """`test`, and `base_test` of the base inputs alone where there are any, for a raw row with gold program `gold`.

    Dropped where the row has no inputs, or malformed ones.
    """
    base, plus = inputs_of(raw, "base_input"), inputs_of(raw, "plus_input")
    if not base + plus:
        raise Dropped("no tests")
    tests = {"test": check_test(raw, gold, {"base": base, "plus": plus})}
    return {**tests, "base_test": check_test(raw, gold, {"base": base})} if base else tests


def check_test(raw: dict, gold: str, parts: dict[str, list]) -> dict:
    """A test that a program agrees with the gold one on the inputs of every part."""
    atol = reading.value_of(raw, (int, float), "atol", default=0)
    right = RIGHT.get(raw["task_id"], "result == expected")
    if raw["task_id"] not in NO_TOLERANCE:
        right += " or _close(result, expected, atol)"
    script = SCRIPT.format(
        gold=gold,
        entry_point=raw["entry_point"],
        text=json.dumps(jsonable(list(parts.values()))),
        helper="".join(text for name, text in HELPERS.items() if name in right),
        right=right,
        parts=tuple(parts),
        atol=atol,
    )
    return {"style": "check", "script": script, "entry_point": raw["entry_point"]}


def jsonable(value):
    """`value` in lists, numbers, texts and one-key objects that name another type."""
    if isinstance(value, list):
        return [jsonable(item) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [jsonable(item) for item in value]}
    if isinstance(value, set):
        return {"set": [jsonable(item) for item in sorted(value, key=repr)]}
    if isinstance(value, dict):
        return {"dict": [[jsonable(key), jsonable(item)] for key, item in value.items()]}
    return {"complex": [value.real, value.imag]} if isinstance(value, complex) else value
