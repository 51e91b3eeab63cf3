"""Every lenient rule of eval/judge/compare.py, and that there is no other."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from eval.judge.compare import MODES, arguments, same_output, same_value, text_of


@pytest.mark.parametrize(
    ("result", "expected", "apps", "strict"),
    [
        (7, 7, True, True),
        (7, 7.0, True, True),
        ("7", 7, False, False),
        ((1, 2), [1, 2], True, False),
        ([(1, 2), (3,)], [[1, 2], [3]], True, False),
        (7, [7], True, False),
        ([7], [7], True, True),
        ([7], 7, False, False),
        ([], [], True, True),
        (None, None, True, True),
        (None, [], False, False),
        (0.1 + 0.2, 0.3, False, False),
        (float("nan"), float("nan"), False, False),
        ({1: 2}, {"1": 2}, True, False),
        ({"a": 2}, {"a": 2}, True, True),
        ({1: 2}, [{"1": 2}], True, False),
        ([{1: 2}], [{"1": 2}], True, False),
        ({"1": 2}, {"1": 2}, True, True),
        ({"x": {1: 2}}, {"x": {"1": 2}}, False, False),
        ({1: 3}, {"1": 2, "01": 3}, False, False),
        ({1: 2, "a": 3}, {"1": 2, "a": 3}, False, False),
        (7, [[7]], False, False),
        ([7], [[7]], True, False),
        ((1, 2), [[1, 2]], True, False),
        ([[7], [8]], [7, 8], False, False),
        (True, 1, True, True),
        (b"a", "a", False, False),
        (float("inf"), float("inf"), True, True),
        (np.int64(7), 7, True, True),
        (np.array([1, 2]), [1, 2], True, False),
        ({1, 2}, [1, 2], False, False),
        ([1, 2, 3], [1, 2], False, False),
        ([2, 1], [1, 2], False, False),
    ],
)
def test_values(result, expected, apps, strict):
    assert same_value(result, expected, "apps") is apps
    assert same_value(result, expected, "strict") is strict


@pytest.mark.parametrize(
    ("result", "expected", "same"),
    [
        (0.1 + 0.2, 0.3, True),
        ([0.1 + 0.2], [0.3], True),
        (0.1 + 0.2, [0.3], True),
        ((1, [0.1 + 0.2]), [1, [0.3]], True),
        ({1: 0.1 + 0.2}, {"1": 0.3}, True),
        (np.float64(0.1) + 0.2, 0.3, True),
        (3.0000001, 3, True),
        (0.30001, 0.3, False),
        (1000001, 1000000, False),
        (True, 1.0, True),
        (1.0000001, True, False),
        ("0.30000000000000004", 0.3, False),
        (float("nan"), float("nan"), False),
        (float("inf"), 1e308, False),
        (10**400, 1e308, False),
        ([0.3, 0.3], [0.3], False),
        ({"a": 0.3}, {"b": 0.3}, False),
    ],
)
def test_floats_may_differ_in_their_last_digits_where_that_is_asked_for(result, expected, same):
    assert same_value(result, expected, "tolerant") is same


@pytest.mark.parametrize(
    ("printed", "expected", "apps", "strict"),
    [
        ("7\n", "7\n", True, True),
        ("7", "7\n", True, True),
        ("7  \n\n", "7\n", True, True),
        ("7\r\n", "7\n", True, True),
        (" 7\n", "7\n", True, False),
        ("3.0\n", "3\n", True, False),
        ("3.333333\n", "3.3333331\n", True, False),
        ("3.34\n", "3.33\n", False, False),
        ("1000000\n", "1000001\n", False, False),
        ("007\n", "7\n", True, False),
        ("nan\n", "1.0\n", False, False),
        ("nan\n", "nan\n", True, True),
        ("inf\n", "1e999\n", False, False),
        ("1_0\n", "10\n", False, False),
        ("yes\n", "YES\n", False, False),
        ("b\na\n", "a\nb\n", False, False),
        ("a\na\n", "a\n", False, False),
        ("a\n\nb\n", "a\nb\n", False, False),
        ("", "\n", True, True),
        (b"\xff\xfe7\n", "7\n", False, False),
        ("9" * 6000, "9" * 6000 + "\n", True, True),
        ("9" * 6000, "9" * 5999 + "8\n", False, False),
    ],
)
def test_output(printed, expected, apps, strict):
    assert same_output(printed, expected, "apps") is apps
    assert same_output(printed, expected, "strict") is strict


def test_a_list_of_lines_is_joined_and_ended():
    assert text_of(["1 2", "3"]) == "1 2\n3\n"
    assert text_of("1 2\n3\n") == "1 2\n3\n"


def test_integer_keys_of_arguments():
    assert arguments([{"1": 2}, {"a": 1}, {}]) == [{1: 2}, {"a": 1}, {}]
    assert arguments([{"1": 2}], "strict") == [{"1": 2}]


CASES = [
    [7],
    7,
    [[7]],
    {"1": 2},
    [{"1": 2}],
    [1.5, "a", None],
    [],
    {"a": [1, {"2": 3}]},
    [[1, 2], [3]],
    {"01": 1, "1": 2},
]


@pytest.mark.parametrize("mode", MODES)
def test_comparing_changes_neither_side_and_does_not_depend_on_what_came_before(mode):
    """Every pair compared in one order, then in the other, with the same outcome, and with fresh values too."""
    results, wanted = copy.deepcopy(CASES), copy.deepcopy(CASES)
    pairs = [(i, j) for i in range(len(CASES)) for j in range(len(CASES))]
    first = {(i, j): same_value(results[i], wanted[j], mode) for i, j in pairs}
    again = {(i, j): same_value(results[i], wanted[j], mode) for i, j in reversed(pairs)}
    fresh = {(i, j): same_value(copy.deepcopy(CASES[i]), copy.deepcopy(CASES[j]), mode) for i, j in pairs}
    assert first == again == fresh and results == wanted == CASES
    assert all(first[i, i] for i in range(len(CASES)))


@pytest.mark.parametrize("given", [[{"1": {"2": 3}}, [4]], [], [{"1": 1, "+1": 2}]])
def test_arguments_are_not_changed(given):
    before = copy.deepcopy(given)
    arguments(given)
    assert given == before


def test_keys_that_would_become_one_stay_text():
    assert arguments([{"1": 1, "+1": 2}]) == [{"1": 1, "+1": 2}]


@pytest.mark.parametrize("value", ["1 2\n", ["1", "2"], 7, "", []])
def test_expected_text_is_not_changed(value):
    before = copy.deepcopy(value)
    assert text_of(value) == text_of(value) and text_of(text_of(value)) == text_of(value) and value == before


def test_printed_output_compares_alike_both_ways():
    texts = ["1\n2\n", "1.0\n2", "1 2", "2\n1\n", "a\n", "1e0\n2.000001\n", "nan\n", ""]
    for a in texts:
        for b in texts:
            assert same_output(a, b) == same_output(b, a), (a, b)
