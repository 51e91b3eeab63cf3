"""Near duplicates between training and test problems: the fast search finds what comparing all pairs finds."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from data import contamination, conversion, reading, writing
from data.contamination import NAMED_THRESHOLD, THRESHOLD, make_text, near_duplicates, overlaps, similarity
from data.mbpp import prepare as mbpp
from eval import registry
from eval.judge.verdict import Judgement, Verdict
from eval.problem import OVERLAP, Problem
from eval.score import format_breakdown, score
from utils.run import files

WORDS = """sum list number largest string reverse count even prime"""
WORDS = WORDS.split()


def random_texts(prefix: str, count: int, rng: random.Random) -> list:
    """Descriptions of a few words, so that many are alike."""
    return [
        make_text(f"{prefix}/{i}", {f"f{rng.randrange(60)}"}, " ".join(rng.choices(WORDS, k=rng.randrange(2, 7))))
        for i in range(count)
    ]


def by_all_pairs(train: list, test: list) -> set[tuple[str, str]]:
    found = set()
    for a in train:
        for b in test:
            limit = NAMED_THRESHOLD if a.names & b.names else THRESHOLD
            if similarity(a, b) > limit:
                found.add((a.label, b.label))
    return found


@pytest.mark.parametrize("seed", range(5))
def test_the_search_misses_nothing_and_adds_nothing(seed, monkeypatch):
    monkeypatch.setattr(contamination, "BLOCK", 7)
    monkeypatch.setattr(contamination, "GENERIC", 1000)
    rng = random.Random(seed)
    train, test = random_texts("train", 60, rng), random_texts("test", 40, rng)
    found = near_duplicates(train, test)
    assert {(pair.train, pair.test) for pair in found} == by_all_pairs(train, test) and len(found) > 20
    assert [pair.similarity for pair in found] == sorted((pair.similarity for pair in found), reverse=True)


def test_a_restatement_is_found_and_an_unrelated_problem_is_not():
    train = [
        make_text("a", {"total"}, "Return the sum of all of the numbers in the list."),
        make_text("b", {"x"}, "Fly."),
    ]
    test = [make_text("c", {"other"}, "Write a function to sum all numbers in a list."), make_text("d", {"y"}, "")]
    (pair,) = near_duplicates(train, test)
    assert (pair.train, pair.test, pair.names) == ("a", "c", ()) and pair.similarity > THRESHOLD


def test_the_same_name_makes_a_likeness_count_unless_many_have_it():
    texts = ["Sort the words of a line by length.", "Sort words by their length and print them in order."]
    train, test = ([make_text(label, {"by_length"}, text)] for label, text in zip("ab", texts, strict=True))
    value = similarity(train[0], test[0])
    assert NAMED_THRESHOLD < value < THRESHOLD
    (pair,) = near_duplicates(train, test)
    assert pair.names == ("by_length",)
    many = [make_text(f"m{i}", {"by_length"}, f"Something else {i} entirely") for i in range(10)]
    assert near_duplicates(train + many, test) == []


@pytest.mark.parametrize(("train", "test"), [([], []), ([make_text("a", set(), "")], [make_text("b", set(), "")])])
def test_nothing_to_compare(train, test):
    assert near_duplicates(train, test) == []


def test_the_report_covers_every_other_task(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    row = {"id": 1, "query": "Return the sum of the numbers in the list.", "head": "def f(a):"}
    files.write_json("data/mbpp/train.json", [row, "no row"], {})
    files.write_json("data/introductory/test.json", [{**row, "id": 9}], {})
    Path("data/interview").mkdir()
    Path("data/interview/train.json").write_text("half a fi")
    found = contamination.report(["mbpp"])
    assert {"mbpp train / introductory test", "mbpp train / humaneval test", "mbpp train / quickstart test"} == set(
        found
    )
    (pair,) = found["mbpp train / introductory test"]
    assert (pair.train, pair.test) == ("mbpp/1", "introductory/9")


# Every sign, where it is and where it is not

LONG = "Count how often each of the given words stands in the first chapter of the book."
LOOP = """def {name}({arguments}):
    counts = {{}}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return sorted(counts.items())
"""


def signs(train: list, test: list, same_ids: bool = False) -> set[tuple[str, str, str]]:
    pairs = overlaps(train, test, same_ids)
    return {(pair.train, pair.test, sign) for pair in pairs for sign in pair.signs}


def of(label: str, description: str, code: str = "", name: str = "f"):
    return make_text(label, {name}, description, code)


MORE = "Something else altogether is asked for then, and it is long. " * 3
WIDE = "import re\nimport math\nimport json\n\ndef f(first, second, third, fourth, fifth):\n    return {}\n"
PLUS, MINUS = "def f(a):\n    return a + 1  # more\n", "def f(a):\n    return a - 1\n"
DOCUMENTED = 'def f(a):\n  """Doc."""\n  return a+1'


@pytest.mark.parametrize(
    ("texts", "codes", "expected"),
    [
        (("Add, the numbers!", "add the numbers"), ("", ""), {"text", "near"}),
        ((LONG, f"{LONG} Leave out those of one letter."), ("", ""), {"words"}),
        ((f"{LONG} {MORE}", LONG), ("", ""), {"words"}),
        ((LONG, f"{LONG} {MORE}"), ("", ""), set()),
        (("Count the words of the book.", "Name every word that is in a chapter."), ("", ""), set()),
        (("One.", "Two."), (PLUS, DOCUMENTED), {"code"}),
        (("One.", "Two."), (PLUS, MINUS), set()),
        (("One.", "Two."), [LOOP.format(name=name, arguments=f"words, {name}") for name in "fg"], {"tokens"}),
        (("One.", "Two."), (WIDE.format(1), WIDE.format(2)), set()),
        (("One.", "Two."), ("def f(:", "def f(:"), set()),
    ],
)
def test_signs_of_a_pair(texts, codes, expected, monkeypatch):
    monkeypatch.setattr(contamination, "NAMED_THRESHOLD", THRESHOLD)
    train, test = (of(*side) for side in zip("ab", texts, codes, strict=True))
    assert {sign for _, _, sign in signs([train], [test])} == expected


def test_the_same_id_counts_only_where_ids_mean_the_same():
    train, test = [of("mbpp/7", "Fly."), of("mbpp/8", "Swim.")], [of("mbpp/7", "Walk home."), of("mbpp/9", "Sleep.")]
    assert signs(train, test) == set()
    assert signs(train, test, same_ids=True) == {("mbpp/7", "mbpp/7", "id")}
    assert registry.adapter("mbpp").same_ids and not registry.adapter("codeinsight").same_ids


def test_runs_that_many_problems_have_do_not_count():
    opening = "write a python function that takes a list and returns the"
    train = [of(f"a{i}", f"{opening} {word}") for i, word in enumerate(WORDS[:6])]
    assert signs(train[:2], [of("b", f"{opening} mode")], False) >= {("a0", "b", "words"), ("a1", "b", "words")}
    assert not any(sign == "words" for *_, sign in signs(train, [of("b", f"{opening} mode")]))


@pytest.mark.parametrize("seed", range(4))
def test_shared_runs_are_those_that_a_search_for_texts_finds(seed):
    """The same by looking for every eight words of a text in the other text."""
    rng = random.Random(seed)
    pieces = [" ".join(rng.choices(WORDS, k=rng.randrange(5, 14))) for _ in range(30)]
    sides = [[of(f"{side}{i}", " ".join(rng.choices(pieces, k=3))) for i in range(25)] for side in "ab"]
    joined = [{text.label: " " + " ".join(text.words) + " " for text in side} for side in sides]
    expected = set()
    for b, other in joined[1].items():
        words = other.split()
        covered = {a: set() for a in joined[0]}
        for start in range(len(words) - 7):
            run = " " + " ".join(words[start : start + 8]) + " "
            owners = [a for a, text in joined[0].items() if run in text]
            if len(owners) <= 5 and sum(run in text for text in joined[1].values()) <= 5:
                for a in owners:
                    covered[a].update(range(start, start + 8))
        expected |= {(a, b) for a, places in covered.items() if 2 * len(places) >= len(words)}
    assert {(a, b) for a, b, sign in signs(*sides) if sign == "words"} == expected and len(expected) > 5


# Scores over the clean part


def row(number: int, query: str, value: int) -> dict:
    code, test = f"def f(a):\n    return {value}\n", {"style": "asserts", "setup": "", "asserts": ["assert f(1)"]}
    return {"id": number, "query": query, "head": "def f(a):", "code": code, "test": test, "verified": True}


def test_scores_come_over_the_problems_that_are_not_trained_on_too():
    restated = f"{LONG} Leave out those of one letter."
    train = [row(1, "Fly to the moon.", 1), row(2, LONG, 2)]
    test = [row(1, "Go to the moon by air.", 9), row(3, restated, 3), row(4, "Sleep.", 4), row(5, "Swim.", 5)]
    note = contamination.tag("mbpp", train, test)
    assert [made["tags"][OVERLAP] for made in test] == [
        ["seen in training"],
        ["not seen in training"],
        *2 * [["not seen in training", "not seen and nothing shared"]],
    ]
    assert "1 of 4 test problems are training problems too" in note and "other 3" in note and "over 2 that" in note
    problems = [Problem.from_row(made) for made in test]
    passed, failed = Judgement(Verdict.PASS, True, ""), Judgement(Verdict.WRONG, False, "")
    found = score(problems, [[passed], [passed], [failed], [failed]], [1])
    assert found["pass_at_k"]["1"] == 0.5
    assert format_breakdown(found) == [
        "test problems not seen and nothing shared: pass@1 0.0%, 2 problems",
        "test problems not seen in training: pass@1 33.3%, 3 problems",
        "test problems seen in training: pass@1 100.0%, 1 problems",
    ]


def test_rows_have_no_tag_where_nothing_is_shared():
    test = [row(4, "Sleep.", 4)]
    assert contamination.tag("mbpp", [row(1, "Fly.", 1)], test) == "" and "tags" not in test[0]


FOLDER = os.environ.get("GIFT_TEST_DATA")


@pytest.mark.skipif(not FOLDER, reason="GIFT_TEST_DATA names no folder with the data sets' files")
def test_mbpp_asks_some_things_twice():
    rows = json.loads((Path(FOLDER) / "sanitized-mbpp.json").read_text())
    rows = [{"id": row["task_id"], "query": row["prompt"], "head": row["code"]} for row in rows]
    train, test = (contamination.texts_of("mbpp", [row for row in rows if keep(row["id"])])
                   for keep in (lambda i: i > 600, lambda i: 10 < i < 511))  # fmt: skip
    pairs = {(pair.train, pair.test) for pair in near_duplicates(train, test)}
    assert {("mbpp/800", "mbpp/451"), ("mbpp/602", "mbpp/395")} <= pairs


@pytest.mark.skipif(not FOLDER, reason="GIFT_TEST_DATA names no folder with the data sets' files")
def test_most_seeds_of_mbpp_are_test_problems_of_mbpp_plus():
    """Ids and texts are compared here directly; runs of words find what was read by hand, but no common openings."""
    names = ("sanitized-mbpp.json", "mbpp.jsonl", "evalplus/MbppPlus-OriginFmt-v0.2.0.jsonl.gz")
    read = [reading.read_file(Path(FOLDER) / name) for name in names]
    sanitized, full, plus = (conversion.convert(part, mbpp.problem, registry.adapter("mbpp")).rows for part in read)
    few, many = mbpp.seeds(sanitized, None), mbpp.seeds(sanitized, full)
    ids = {made["id"] for made in plus}
    assert (len(few), len(many), len(plus)) == (170, 424, 378)
    assert sum(made["id"] in ids for made in few) == sum(made["id"] in ids for made in many) == 154
    pairs = contamination.between("mbpp", few, "mbpp", plus)
    by_sign = {sign: {(p.train, p.test) for p in pairs if sign in p.signs} for sign in contamination.SIGNS}
    texts = [{made["id"]: " ".join(made["query"].lower().split()) for made in side} for side in (few, plus)]
    assert {p.train for p in pairs if "id" in p.signs} == {f"mbpp/{made['id']}" for made in few if made["id"] in ids}
    equal = {(f"mbpp/{a}", f"mbpp/{b}") for a, x in texts[0].items() for b, y in texts[1].items() if x == y}
    assert equal <= by_sign["text"] and ("mbpp/569", "mbpp/104") in equal
    assert {("mbpp/725", "mbpp/563"), ("mbpp/767", "mbpp/556")} <= by_sign["words"]
    others = {a for a, b in by_sign["words"] | by_sign["tokens"] if b == "mbpp/798" and a != b}
    assert not others  # "Write a python function to find the sum of an array.": an opening that many seeds have
    tasks = [writing.Task("mbpp", {"train": [[made] for made in side], "test": [[made] for made in plus]})
             for side in (few, many)]  # fmt: skip
    assert [len(task.splits["train"]) - len(writing.near_test_problems([task])) for task in tasks] == [13, 232]
