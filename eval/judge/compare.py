"""Does a program return or print what the test expects? Every lenient rule is in this file.

Call results. `strict`: the value equals the expected one as Python says (1 == 1.0 == True), sequence types included.
`apps` (default) as the data set's judging does, and no more:
  * a tuple counts as a list, at every depth; numpy scalars and arrays count as Python numbers and lists;
  * the expected value may be alone in a list: where [7] is expected, 7 passes too, but not [7] where 7 is expected,
    and not 7 where [[7]] is expected;
  * JSON knows string keys only, so a dict argument, or an expected dict (alone in a list or not), all of whose keys are
    integers in quotes, may have integer keys; inner dicts are left as they are.
No tolerance for floats: 0.1 + 0.2 is not 0.3. A string is not a number. nan equals nothing. A set is not a list. The
order of a list and repeated items count. `tolerant`: as `apps`, but floats, also inside lists and the values of dicts,
may differ as printed numbers may.

Printed output, all modes: lines in their order, blanks at the ends of lines and blank lines at the end ignored (a
carriage return is a blank); upper and lower case differ; bytes that are not UTF-8 are replaced before comparing.
`apps`: words of a line may be numbers written differently. Two integers must be equal; if one of the two has a decimal
point or an exponent they may differ by 1e-5 of the larger (1e-8 around zero). nan and infinities
are compared as text. `strict`: text alone. `published`: as `apps`, and what is printed also passes if the lines are the
expected ones in any order and number, each with its words in any order and number.

A result passes if it equals any of the values that the rules name. Comparing changes neither side.
"""

import math
import re

MODES = ("apps", "strict", "published", "tolerant")
RELATIVE, ABSOLUTE = 1e-5, 1e-8
_INTEGER = re.compile(r"[+-]?[0-9]+\Z")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,5})?\Z")


def arguments(inputs, mode="apps"):
    """The arguments of one call: `inputs` with the integer keys that JSON could not hold."""
    return list(inputs) if mode == "strict" else [_integer_keys(value) for value in inputs]


def same_value(result, expected, mode="apps"):
    """Whether a call's result is the expected value of a row."""
    if mode == "strict":
        return _equal(result, expected)
    result = _plain(result)
    accepted = [expected, _integer_keys(expected)]
    if isinstance(expected, list) and len(expected) == 1:
        item = _integer_keys(expected[0])
        accepted += [expected[0], item, [item]]
    same = _close if mode == "tolerant" else _equal
    return any(same(result, value) for value in accepted)


def same_output(printed, expected, mode="apps"):
    """Whether printed text is the expected text; `printed` may be bytes."""
    if isinstance(printed, bytes):
        printed = printed.decode("utf-8", "replace")
    printed, expected = _lines(printed), _lines(expected)
    if mode == "published" and _as_sets(printed) == _as_sets(expected):
        return True
    if len(printed) != len(expected):
        return False
    return all(a == b or (mode != "strict" and _same_line(a, b)) for a, b in zip(printed, expected, strict=True))


def text_of(value):
    """Expected output or standard input of a row as text: a list is joined by newlines, a final newline is added."""
    text = "\n".join(str(line) for line in value) if isinstance(value, list) else str(value)
    return text if text.endswith("\n") else text + "\n"


def _integer_keys(value):
    """A dict with integer keys, where all keys are integers in quotes and no two become equal."""
    if isinstance(value, dict) and value and all(isinstance(key, str) and _INTEGER.match(key) for key in value):
        changed = {int(key): item for key, item in value.items()}
        return changed if len(changed) == len(value) else value
    return value


def _plain(value):
    """Tuples and arrays as lists, numpy scalars as Python's."""
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _equal(result, expected):
    try:
        return bool(result == expected)
    except (ValueError, TypeError):  # arrays have no single truth
        return False


def _close(result, expected):
    """Equal but for the last digits of floats."""
    if isinstance(result, list) and isinstance(expected, list):
        return len(result) == len(expected) and all(map(_close, result, expected))
    if isinstance(result, dict) and isinstance(expected, dict):
        return result.keys() == expected.keys() and all(_close(result[key], expected[key]) for key in expected)
    if {type(result), type(expected)} in ({float}, {int, float}):
        try:
            return math.isclose(result, expected, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
        except OverflowError:  # an integer that no float can hold
            return False
    return _equal(result, expected)


def _lines(text):
    lines = [line.rstrip() for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _as_sets(lines):
    """The lines that have words, as a set of sets of words."""
    return {frozenset(words) for line in lines if (words := line.split())}


def _same_line(printed, expected):
    printed, expected = printed.split(), expected.split()
    return len(printed) == len(expected) and all(map(_same_word, printed, expected))


def _same_word(printed, expected):
    if printed == expected:
        return True
    if not (_NUMBER.match(printed) and _NUMBER.match(expected)):
        return False
    if _INTEGER.match(printed) and _INTEGER.match(expected):
        return _digits(printed) == _digits(expected)
    return math.isclose(float(printed), float(expected), rel_tol=RELATIVE, abs_tol=ABSOLUTE) and math.isfinite(
        float(printed)
    )


def _digits(word):
    """An integer of any length in a form that can be compared as text."""
    digits = word.lstrip("+-").lstrip("0")
    return ("-" if word.startswith("-") and digits else "") + digits
