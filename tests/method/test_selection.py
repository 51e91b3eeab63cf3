"""Which codes a model is trained on: files that belong together, weights, draws and the training set."""

from __future__ import annotations

import dis
import itertools
import json
import math
import os
from collections import Counter
from pathlib import Path
from types import CodeType, SimpleNamespace

import numpy as np
import pytest
from scipy.stats import chisquare

from eval.mbpp import Mbpp
from eval.problem import Adapter, Problem
from utils.code_files import read_codes, read_perplexities
from utils.extract import parse
from utils.run import paths
from utils.run.files import InputError, beside, sha256, write_json
from utils.selection import SELECTIONS, Draw, draw, equal_codes, weights
from utils.training_set import Sources, read_sources, training_set

CODES = [["def f0(n):\n    return n\n", "def f0(n):\n    return +n\n"], [], ["def f2(n):\n    return n\n"]]


def problem(number: int) -> Problem:
    code = f"def f{number}(n):\n    return n + 0\n"
    return Problem(
        number, f"Return n, number {number}.", f"def f{number}(n):", code, {"style": "asserts", "asserts": []}
    )


PROBLEMS = [problem(number) for number in range(3)]


def options(**given):
    """What selection reads of a run's flags."""
    usual = {
        "train_with_seq_gibbs": True, "selfsample_code_source": None, "selfsample_code_source2": None,
        "weight_file1": None, "weight_file2": None, "num_seq": 2, "resample": False, "temperature": 1.0, "seed": 1,
        "round_range": None, "no_gold": False, "task": "codeinsight",
        "fill_with_replacement": False, "selection": None, "raw_texts": False,
    }  # fmt: skip
    return SimpleNamespace(**{**usual, **given})


@pytest.fixture
def files(tmp_path):
    """A code file of stage 1 and its perplexities of stage 2."""
    code, weight = tmp_path / "passed_seq_code.json", tmp_path / "ppl-passed_seq_code.json"
    rounds = {"counts": {"codes": 3, "rounds": 4}, "rounds": [[1, 3], [], [2]]}
    write_json(code, CODES, {"settings": {"sampler": "gibbs", "model": "m"}, **rounds})
    write_json(weight, {"0": 1.5, "1": 2.5, "2": 1.25}, {"inputs": {"code": sha256(code)}})
    return code, weight


# Reading


def test_codes_and_perplexities_are_read(files):
    code, weight = files
    found = read_codes(code, PROBLEMS)
    assert (found.codes, found.positions, found.size, found.warning) == (CODES, [[0, 1], [], [2]], 3, "")
    assert read_perplexities(weight, found) == ([[1.5, 2.5], [], [1.25]], "")


def test_codes_that_were_not_scored_have_no_perplexity(files):
    code, weight = files
    write_json(weight, {"0": 1.5, "2": 1.25}, {"inputs": {"code": sha256(code)}})
    assert read_perplexities(weight, read_codes(code, PROBLEMS))[0] == [[1.5, None], [], [1.25]]


@pytest.mark.parametrize("codes", [CODES[:2], [*CODES, []], []])
def test_codes_of_another_number_of_problems_are_refused(tmp_path, codes):
    path = tmp_path / "codes.json"
    write_json(path, codes, {})
    with pytest.raises(InputError, match=f"{len(codes)} problems.*3") as caught:
        read_codes(path, PROBLEMS)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("entry", ["a program", [1], None, {"0": "x"}, [["x"]]])
def test_malformed_codes_are_refused(tmp_path, entry):
    path = tmp_path / "codes.json"
    path.write_text(json.dumps([["x = 1"], entry, []]))
    with pytest.raises(InputError, match="entry 1"):
        read_codes(path, PROBLEMS)


def test_codes_changed_after_they_were_written_are_refused(files):
    files[0].write_text(json.dumps([[], [], []]))
    with pytest.raises(InputError, match="does not match"):
        read_codes(files[0], PROBLEMS)


def test_perplexities_of_another_code_file_are_refused_by_both_names(files, tmp_path):
    other = tmp_path / "other.json"
    write_json(other, [["y", "z"], [], ["x"]], {})
    with pytest.raises(InputError, match="another code file") as caught:
        read_perplexities(files[1], read_codes(other, PROBLEMS))
    assert str(files[1]) in str(caught.value) and str(other) in str(caught.value)


def test_foreign_perplexities_are_taken_with_a_warning_where_the_counts_fit(files):
    code, weight = files
    beside(weight, "meta").unlink()
    values, warning = read_perplexities(weight, read_codes(code, PROBLEMS))
    assert values == [[1.5, 2.5], [], [1.25]] and str(weight) in warning
    write_json(code, [["a"], [], ["b"]], {})
    with pytest.raises(InputError, match="3 perplexities.*2 codes"):
        read_perplexities(weight, read_codes(code, PROBLEMS))


@pytest.mark.parametrize(
    "entries",
    [
        '"0": 1, "1": 2, "3": 1', '"0": 1, "1": 2, "-1": 1', '"0": 1, "1": 2, "x": 1', '"0": 1, "1": 2, "2": NaN',
        '"0": 1, "1": 2, "2": Infinity', '"0": 1, "1": 2, "2": null', '"0": 1, "1": 2, "2": "1"',
        '"0": 1, "1": 2, "2": true', '"0": 1, "1": 2, "2": [1]',
        '"0": 1, "1": 2, "\u00b2": 1', '"0": 1, "1": 2, "01": 1',
    ],
)  # fmt: skip
def test_malformed_perplexities_are_refused(files, entries):
    code, weight = files
    beside(weight, "meta").unlink()
    weight.write_text(f"{{{entries}}}")
    with pytest.raises(InputError, match="ppl-passed_seq_code.json"):
        read_perplexities(weight, read_codes(code, PROBLEMS))


# Files with an entry for every seed, of which training leaves some out

SEEDS = [7, 0, None, 1, 2, 8]
SEED_CODES = [["left", "out"], CODES[0], ["dropped"], CODES[1], CODES[2], []]


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """A code file as the authors write theirs, its perplexities, and the training problems made of the same seeds."""
    monkeypatch.chdir(tmp_path)
    write_json(paths.task_file("codeinsight", "train"), [], {"seeds": SEEDS})
    code, weight = tmp_path / "codes.json", tmp_path / "weights.json"
    code.write_text(json.dumps(SEED_CODES))
    weight.write_text(json.dumps({str(position): 1 + position / 10 for position in range(6)}))
    return code, weight


def test_a_file_with_an_entry_for_every_seed_is_matched_by_position(foreign):
    code, weight = foreign
    found = read_codes(code, PROBLEMS, paths.task_file("codeinsight", "train"))
    assert (found.codes, found.positions, found.size) == (CODES, [[2, 3], [], [5]], 6)
    assert "6 seeds" in found.warning and "3 entries with 3 codes" in found.warning
    assert read_perplexities(weight, found)[0] == [[1.2, 1.3], [], [1.5]]
    alone = read_codes(code, PROBLEMS[2:], paths.task_file("codeinsight", "train"))
    assert (alone.codes, alone.positions) == ([CODES[2]], [[5]]), "some of the problems, as --limit has it"
    assert read_perplexities(weight, alone)[0] == [[1.5]]


def test_codes_of_every_seed_are_trained_on_with_their_own_perplexities(foreign):
    code, weight = foreign
    sources = read_sources(options(selfsample_code_source=code, weight_file1=weight, resample=True), PROBLEMS)
    assert sources.codes == CODES and sources.perplexities == [[1.2, 1.3], [], [1.5]]
    assert len(sources.warnings) == 2 and "6 seeds" in sources.warnings[0]
    write_json(weight, {"2": 5.0}, {"inputs": {"code": sha256(code)}})  # stage 2 scored what is trained on
    sources = read_sources(options(selfsample_code_source=code, weight_file1=weight, resample=True), PROBLEMS)
    assert sources.perplexities == [[5.0, None], [], [None]]


def test_seeds_of_another_number_do_not_help(foreign):
    code, _ = foreign
    code.write_text(json.dumps(SEED_CODES[1:]))
    with pytest.raises(InputError, match="5 problems, but the training file has 3; give"):
        read_codes(code, PROBLEMS, paths.task_file("codeinsight", "train"))


def test_a_file_of_stage_1_is_never_matched_by_seeds(foreign):
    code, _ = foreign
    write_json(code, SEED_CODES, {"settings": {"sampler": "gibbs"}})
    with pytest.raises(InputError, match="6 problems, but the training file has 3"):
        read_codes(code, PROBLEMS, paths.task_file("codeinsight", "train"))


def test_training_files_without_a_list_of_seeds_fit_by_length_alone(foreign):
    code, _ = foreign
    train = paths.task_file("codeinsight", "train")
    for remove in (beside(train, "meta"), train):
        remove.unlink()
        with pytest.raises(InputError, match="6 problems, but the training file has 3"):
            read_codes(code, PROBLEMS, train)
    code.write_text(json.dumps(CODES))
    assert read_codes(code, PROBLEMS, train).codes == CODES


def test_one_turn_with_one_weight_file(files):
    sources = read_sources(options(selfsample_code_source=files[0], weight_file1=files[1], resample=True), PROBLEMS)
    assert sources.codes == CODES and sources.perplexities == [[1.5, 2.5], [], [1.25]]
    assert sources.inputs == {"code": sha256(files[0]), "weights": sha256(files[1])}
    assert (sources.method, sources.sampler, sources.warnings) == ("GiFT", "gibbs", [])


def test_two_turns_are_joined_problem_by_problem(files, tmp_path):
    code2, weight2 = tmp_path / "second.json", tmp_path / "ppl-second.json"
    write_json(code2, [["g"], ["h", "i"], []], {"settings": {"sampler": "conditional"}})
    write_json(weight2, {"0": 3.0, "2": 5.0}, {"inputs": {"code": sha256(code2)}})
    given = options(
        selfsample_code_source=files[0], weight_file1=files[1], selfsample_code_source2=code2, weight_file2=weight2
    )
    sources = read_sources(given, PROBLEMS)
    assert sources.codes == [[*CODES[0], "g"], ["h", "i"], CODES[2]]
    assert sources.perplexities == [[1.5, 2.5, 3.0], [None, 5.0], [1.25]]
    assert len(set(sources.inputs.values())) == 4
    swapped = options(
        selfsample_code_source=files[0], weight_file1=weight2, selfsample_code_source2=code2, weight_file2=files[1]
    )
    with pytest.raises(InputError, match="another code file"):
        read_sources(swapped, PROBLEMS)


def test_two_turns_without_weights(files):
    given = options(selfsample_code_source=files[0], selfsample_code_source2=files[0])
    sources = read_sources(given, PROBLEMS)
    assert sources.codes == [own + own for own in CODES] and sources.perplexities is None


def test_without_the_flag_only_gold_pairs_are_left(files):
    given = options(train_with_seq_gibbs=False, selfsample_code_source=files[0], weight_file1=files[1], resample=True)
    sources = read_sources(given, PROBLEMS)
    assert sources.codes == [[], [], []] and sources.method == "SFT"
    rows, _ = training_set(PROBLEMS, sources, Adapter(), given)
    assert [row["origin"] for row in rows] == ["gold"] * 3


def test_a_method_without_a_passing_code_keeps_its_name(tmp_path):
    path = tmp_path / "codes.json"
    write_json(path, [[], [], []], {"settings": {"sampler": "gibbs"}})
    given = options(selfsample_code_source=path)
    sources = read_sources(given, PROBLEMS)
    assert sources.method == "GiFT"
    assert [row["origin"] for row in training_set(PROBLEMS, sources, Adapter(), given)[0]] == ["gold"] * 3


@pytest.mark.parametrize(
    ("sampler", "method"),
    [("gibbs", "GiFT"), ("conditional", "RFT"), ("rewrite", "RFT+RD"), (None, "self-training")],
)
def test_the_method_is_named_after_the_sampler(tmp_path, sampler, method):
    path = tmp_path / "codes.json"
    write_json(path, CODES, {"settings": {"sampler": sampler}})
    assert read_sources(options(selfsample_code_source=path), PROBLEMS).method == method


@pytest.mark.parametrize(
    ("settings", "method"),
    [
        ({"sampler": "conditional", "keep": "any"}, "SSD"),
        ({"sampler": "gibbs", "keep": "any"}, "GiFT, unverified"),
        ({"sampler": "conditional", "keep": "all"}, "RFT"),
    ],
)
def test_unverified_codes_have_a_name_of_their_own(tmp_path, settings, method):
    path = tmp_path / "codes.json"
    write_json(path, CODES, {"settings": settings})
    sources = read_sources(options(selfsample_code_source=path), PROBLEMS)
    assert sources.method == method and sources.codes == CODES


@pytest.mark.parametrize(
    ("rounds", "codes", "perplexities"),
    [
        ((1, 4), CODES, [[1.5, 2.5], [], [1.25]]),
        ((1, 2), [CODES[0][:1], [], CODES[2]], [[1.5], [], [1.25]]),
        ((3, 4), [CODES[0][1:], [], []], [[2.5], [], []]),
    ],
)
def test_codes_of_some_rounds_keep_their_own_perplexities(files, rounds, codes, perplexities):
    given = {"selfsample_code_source": files[0], "round_range": rounds}
    sources = read_sources(options(**given, weight_file1=files[1], resample=True), PROBLEMS)
    assert (sources.codes, sources.perplexities) == (codes, perplexities)
    assert read_sources(options(**given), PROBLEMS).codes == codes


@pytest.mark.parametrize(
    ("rounds", "said"), [((4, 4), "no code of these rounds"), ((1, 5), "holds 4 rounds"), ((5, 9), "holds 4 rounds")]
)
def test_rounds_that_hold_nothing_are_refused(files, rounds, said):
    with pytest.raises(InputError, match=f"--rounds {rounds[0]}-{rounds[1]}: .*passed_seq_code.json.*{said}"):
        read_sources(options(selfsample_code_source=files[0], round_range=rounds), PROBLEMS)


def test_rounds_of_foreign_codes_are_not_known(files):
    beside(files[0], "meta").unlink()
    with pytest.raises(InputError, match="no meta file of stage 1.*leave out --rounds"):
        read_sources(options(selfsample_code_source=files[0], round_range=(1, 2)), PROBLEMS)
    assert read_sources(options(selfsample_code_source=files[0]), PROBLEMS).codes == CODES


def test_what_codes_were_made_with_is_known_turn_by_turn(files, tmp_path):
    second, weight = tmp_path / "second.json", tmp_path / "ppl-second.json"
    second.write_text(json.dumps(CODES))
    write_json(weight, {"0": 1, "1": 1, "2": 1}, {"inputs": {"code": sha256(second)}, "settings": {"model": "n"}})
    given = {"selfsample_code_source": files[0], "selfsample_code_source2": second}
    sources = read_sources(options(**given, weight_file1=files[1], weight_file2=weight), PROBLEMS)
    sampling = {"sampler": "gibbs", "model": "m", "rounds": 4}
    assert sources.made_with == [
        {"codes": sampling, "perplexities": None}, {"codes": None, "perplexities": {"model": "n"}}
    ]  # fmt: skip
    assert read_sources(options(train_with_seq_gibbs=False), PROBLEMS).made_with == []


# Weights and draws


@pytest.mark.parametrize("inverse_temperature", [0.0, 0.5, 2.0, -1.0])
def test_weights_are_the_softmax_of_scaled_perplexities(inverse_temperature):
    perplexities = [1.1, 2.0, 2.0, 3.7]
    total = sum(math.exp(inverse_temperature * value) for value in perplexities)
    expected = [math.exp(inverse_temperature * value) / total for value in perplexities]
    assert weights(perplexities, inverse_temperature) == pytest.approx(expected)


def test_a_rarer_code_weighs_more_and_outliers_do_not_overflow():
    assert (np.diff(weights([1.0, 1.5, 4.0], 2.0)) > 0).all()
    assert weights([1.0, 5000.0, 2.0], 2.0) == pytest.approx([0, 1, 0])
    assert weights([1e300, 1e300], 1.0) == pytest.approx([0.5, 0.5])


def shares(perplexities, inverse_temperature) -> list[float]:
    """How often each code is drawn, over many problems."""
    codes = [str(number) for number in range(len(perplexities))]
    counts = Counter()
    for number in range(500):
        counts.update(draw(f"p{number}", codes, perplexities, Draw(8, 1, inverse_temperature, True)))
    return [counts[position] / 4000 for position in range(len(perplexities))]


@pytest.mark.parametrize("inverse_temperature", [0.0, 2.0])
def test_codes_are_drawn_by_weight(inverse_temperature):
    perplexities = [1.2, 1.5, 2.0]
    assert shares(perplexities, inverse_temperature) == pytest.approx(
        weights(perplexities, inverse_temperature), abs=0.03
    )


def test_the_weighted_draw_is_with_replacement():
    drawn = draw("p", ["a", "b"], [1.0, 1.0], Draw(8, 1, 2.0, True))
    assert len(drawn) == 8 and set(drawn) == {0, 1}


def test_codes_without_perplexity_are_never_drawn_by_weight():
    assert set(draw("p", ["a", "b", "c"], [None, 1.0, None], Draw(50, 1, 2.0, True))) == {1}
    assert draw("p", ["a"], [None], Draw(8, 1, 2.0, True)) == [] == draw("p", [], [], Draw(8, 1, 2.0, True))


@pytest.mark.parametrize("k", range(1, 6))
@pytest.mark.parametrize("n", range(6))
def test_the_uniform_draw_takes_no_code_twice_while_there_are_enough(n, k):
    codes = [str(number) for number in range(n)]
    plain = draw("p", codes, None, Draw(k, 1))
    filled = draw("p", codes, None, Draw(k, 1, resample=True))
    assert len(plain) == min(n, k) and len(set(plain)) == len(plain)
    assert filled[: len(plain)] == plain and len(filled) == (k if n else 0)
    assert set(filled) <= set(range(n))


def test_the_uniform_draw_is_uniform():
    counts = Counter(position for p in range(3000) for position in draw(f"p{p}", "abcd", None, Draw(2, 1)))
    assert all(1400 < counts[position] < 1600 for position in range(4))


def test_a_draw_depends_on_seed_and_problem_alone():
    codes = [str(number) for number in range(50)]
    first = draw("7", codes, None, Draw(5, 1))
    np.random.default_rng().random(3)
    assert draw("7", codes, None, Draw(5, 1)) == first
    assert draw("8", codes, None, Draw(5, 1)) != first != draw("7", codes, None, Draw(5, 2))


# Draws of the classes of codes that are equal after renaming

LOOP = "def f(xs):\n    {0} = 0\n    for {1} in xs:\n        {0} += {1}\n    return {0}"
SPELLINGS = [  # the first class: four spellings of one code
    LOOP.format("total", "x"),
    "def f(xs):\n    return sum(xs)",
    LOOP.format("s", "y").replace("\n", '\n    """Add them."""\n', 1),
    LOOP.format("s", "y") + "  # the sum",
    "def f(xs):\n    return sum(sorted(xs))",
    LOOP.format("x", "total"),
]
CLASSES = [[0, 2, 3, 5], [1], [4]]


def is_drawn_by(law: dict, outcomes: list) -> bool:
    """Whether outcomes follow a law of probabilities: a chi-square test at 1 %."""
    assert sum(law.values()) == pytest.approx(1) and set(outcomes) <= law.keys()
    counts = Counter(outcomes)
    expected = [len(outcomes) * chance for chance in law.values()]
    return chisquare([counts[outcome] for outcome in law], expected).pvalue > 0.01


def draws(selection: str, k: int, **settings) -> list[list[int]]:
    """Indices of the spellings drawn for each of 4000 problems."""
    return [draw(f"p{p}", SPELLINGS, None, Draw(k, 1, selection=selection, **settings)) for p in range(4000)]


def test_codes_are_equal_after_renaming_without_docstrings_and_comments():
    assert equal_codes(SPELLINGS) == CLASSES
    assert equal_codes(["def f(:", "def f(: ", "def g(:"]) == [[0, 1], [2]], "codes that do not parse are texts"


def test_equal_codes_of_mbpp_compile_to_the_same_instructions():
    if not (folder := os.environ.get("GIFT_TEST_DATA")):
        pytest.skip("GIFT_TEST_DATA is unset")
    lines = (Path(folder) / "mbpp.jsonl").read_text().splitlines()
    programs = [json.loads(line)["code"] for line in lines]
    classes = equal_codes(programs)
    several = [[programs[i] for i in indices] for indices in classes if len(indices) > 1]
    assert len(several) > 20 and sorted(i for indices in classes for i in indices) == list(range(len(programs)))
    assert any(len(set(equal)) > 1 for equal in several), "some differ in names"

    def instructions(code: CodeType) -> list:
        steps = list(dis.get_instructions(code))
        inner = [instructions(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
        return [(step.opname, step.argval if step.opname.endswith("_OP") else None) for step in steps] + inner

    for equal in several:
        first, *others = (instructions(compile(parse(program), "program", "exec")) for program in equal)
        assert all(other == first for other in others), equal


def test_by_rarity_every_class_has_the_same_chance():
    law = {i: 1 / 3 / len(indices) for indices in CLASSES for i in indices}
    drawn = [i for indices in draws("rarity", 3) for i in indices]
    assert len(drawn) == 3 * 4000 and is_drawn_by(law, drawn)
    assert not is_drawn_by(dict.fromkeys(range(6), 1 / 6), drawn)


def test_by_rarity_draws_are_with_replacement_and_independent():
    law = dict.fromkeys(itertools.product(range(3), repeat=2), 1 / 9)
    of_class = {i: index for index, indices in enumerate(CLASSES) for i in indices}
    assert is_drawn_by(law, [tuple(of_class[i] for i in indices) for indices in draws("rarity", 2)])


def test_distinct_draws_classes_without_replacement_and_a_code_of_each():
    law = {
        (i, j): 1 / 6 / len(one) / len(other)
        for one, other in itertools.permutations(CLASSES, 2)
        for i in one
        for j in other
    }
    assert is_drawn_by(law, [tuple(indices) for indices in draws("distinct", 2)])


@pytest.mark.parametrize("k", [1, 2, 3, 5, 8])
def test_distinct_takes_no_class_twice_before_it_has_all(k):
    plain = draw("p", SPELLINGS, None, Draw(k, 1, selection="distinct"))
    filled = draw("p", SPELLINGS, None, Draw(k, 1, resample=True, selection="distinct"))
    assert len(plain) == min(k, 3) and len(filled) == k
    for drawn in (plain, filled[:3]):
        assert len(equal_codes([SPELLINGS[i] for i in drawn])) == len(drawn)
    assert draw("p", [], None, Draw(k, 1, resample=True, selection="distinct")) == []


def test_distinct_fills_up_over_classes():
    law = {i: 1 / 3 / len(indices) for indices in CLASSES for i in indices}
    filled = draws("distinct", 6, resample=True)
    assert is_drawn_by(law, [i for indices in filled for i in indices[3:]])
    assert any(len(set(indices)) > 3 for indices in filled), "another spelling of a class may come up"
    published = draws("distinct", 6, resample=True, fill_with_replacement=True)
    assert is_drawn_by(law, [i for indices in published for i in indices])
    assert any(len({*indices} & {1, 4}) < 2 for indices in published), "a class may be missing"


@pytest.mark.parametrize("selection", ["rarity", "distinct"])
def test_perplexities_have_no_part_in_other_rules(selection):
    settings = Draw(4, 1, 2.0, True, selection=selection)
    assert draw("p", SPELLINGS, None, settings) == draw("p", SPELLINGS, [None] * 6, settings)
    sources = Sources([[code.replace("def f(", "def f0(") for code in SPELLINGS], [], []], None)
    rows, _ = training_set(PROBLEMS, sources, Adapter(), options(num_seq=3, selection=selection))
    assert sum(row["origin"] == "sampled" for row in rows) == 3


def test_draws_of_the_first_rules_stay_as_they_were():
    """Numbers of the version before there were other rules."""
    perplexities = [1.5, None, 1.2, 2.5, 1.1]
    assert draw("p1", "abcde", None, Draw(3, 7)) == [0, 1, 4]
    assert draw("p1", "abcde", None, Draw(8, 7, resample=True)) == [0, 1, 4, 3, 2, 3, 0, 3]
    assert draw("p1", "abcde", None, Draw(8, 7, resample=True, fill_with_replacement=True)) == [3, 0, 3, 2, 3, 4, 2, 2]
    assert draw("p1", "abcde", perplexities, Draw(8, 7, 1.3, True)) == [4, 2, 2, 0, 3, 4, 3, 4]
    assert draw("p1", "abcde", perplexities, Draw(8, 7, 1.3, True, selection="uniform")) == [0, 1, 4, 3, 2, 3, 0, 3]


def test_a_rule_of_the_table_draws_by_its_chances(monkeypatch):
    """A rule that only gives a chance to codes of some kind: `--selection longest` draws nothing else."""

    def longest(codes, perplexities, beta):
        chances = np.array([float(len(code) == max(map(len, codes))) for code in codes])
        return chances / chances.sum()

    monkeypatch.setitem(SELECTIONS, "longest", longest)
    assert draw("p", ["a", "bbb", "cc"], None, Draw(8, 1, selection="longest")) == [1] * 8
    sources = Sources([[f"def f0(n):\n    return n{' + 0' * i}" for i in range(4)], [], []], None)
    rows, _ = training_set(PROBLEMS, sources, Adapter(), options(num_seq=5, selection="longest"))
    assert [row["target"] for row in rows if row["origin"] == "sampled"] == ["\n    return n + 0 + 0 + 0"] * 5


# The training set


def test_gold_pairs_first_then_drawn_pairs_under_the_seed_description():
    sampled = 'def f0(n):\n    """ Another text."""\n    return +n'
    sources = Sources([[sampled], [], []], None)
    rows, left_out = training_set(PROBLEMS, sources, Adapter(), options())
    assert [(row["id"], row["origin"]) for row in rows] == [(0, "gold"), (0, "sampled"), (1, "gold"), (2, "gold")]
    assert rows[1]["prompt"] == rows[0]["prompt"] == 'def f0(n):\n    """ Return n, number 0."""'
    assert [row["target"] for row in rows[:2]] == ["\n    return n + 0", "\n    return +n"]
    assert not left_out and not any("Another text" in row["prompt"] + row["target"] for row in rows)


def test_codes_that_cannot_be_learnt_are_counted():
    sources = Sources([["def f0(n):\n    return ("], ["def other(n):\n    return n"], CODES[2]], None)
    rows, left_out = training_set(PROBLEMS, sources, Adapter(), options())
    assert left_out == {"sampled": 2}
    assert [row["id"] for row in rows] == [0, 1, 2, 2]


def test_a_problem_with_the_others_left_out_draws_the_same():
    many = [[f"def f{p}(n):\n    return n + {i}" for i in range(9)] for p in range(3)]
    rows, _ = training_set(PROBLEMS, Sources(many, None), Adapter(), options())
    alone, _ = training_set(PROBLEMS[2:], Sources(many[2:], None), Adapter(), options())
    assert [row for row in rows if row["id"] == 2] == alone


def test_without_gold_pairs_only_sampled_ones_are_left():
    given = options(no_gold=True)
    rows, _ = training_set(PROBLEMS, Sources(CODES, None), Adapter(), given)
    assert [(row["id"], row["origin"]) for row in rows] == [(0, "sampled"), (0, "sampled"), (2, "sampled")]
    with_gold, _ = training_set(PROBLEMS, Sources(CODES, None), Adapter(), options())
    assert rows == [row for row in with_gold if row["origin"] == "sampled"], "the same codes are drawn"
    with pytest.raises(InputError, match="--no_gold"):
        training_set(PROBLEMS, Sources([[], [], []], None), Adapter(), given)


@pytest.mark.parametrize("adapter", [Adapter(), Mbpp()], ids=["plain", "mbpp"])
def test_description_pairs_go_from_the_program_to_what_it_was_sampled_from(adapter):
    text = 'Give "n" back.\nNothing else.'
    sampled = adapter.code_prompt(PROBLEMS[0], text) + "\n    return +n"
    asked = []

    def ask(problem, program, place):
        asked.append((problem.id, program, place))
        return f"prompt {len(asked)}"

    sources = Sources([[sampled], [], []], None)
    rows, _ = training_set(PROBLEMS[:2], sources, adapter, options(), ask)
    assert [row["origin"] for row in rows] == ["gold", "description", "sampled", "description", "gold", "description"]
    pairs = [(row["prompt"], row["target"]) for row in rows if row["origin"] == "description"]
    assert pairs == [("prompt 1", PROBLEMS[0].query), ("prompt 2", text), ("prompt 3", PROBLEMS[1].query)]
    assert asked == [(0, PROBLEMS[0].code, 0), (0, sampled, 1), (1, PROBLEMS[1].code, 0)]
    plain, _ = training_set(PROBLEMS[:2], sources, adapter, options())
    assert plain == [row for row in rows if row["origin"] != "description"]
