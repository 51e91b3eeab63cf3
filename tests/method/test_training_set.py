"""What a model is trained on: the turns, their rounds and names, gold, sampled and description pairs."""

from __future__ import annotations

import json

import pytest
from training_files import CODES, PROBLEMS, options

from eval.mbpp import Mbpp
from eval.problem import Adapter
from utils.run.files import InputError, beside, sha256, write_json
from utils.selection import Draw, draw
from utils.training_set import Sources, read_sources, training_set

# Turns


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
    [("gibbs", "GiFT"), ("conditional", "RFT"), ("rewrite", "RFT+RD"), ("gold", "RFT+GD"), (None, "self-training")],
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


# Pairs


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


SIX = [f"def f0(n):\n    return n + {i}" for i in range(6)]


def drawn_of_six(perplexities: list[float] | None, **given) -> list[int]:
    """Which of six codes of one problem the eight rows hold."""
    sources = Sources([SIX], None if perplexities is None else [perplexities])
    rows, _ = training_set(PROBLEMS[:1], sources, Adapter(), options(num_seq=8, resample=True, no_gold=True, **given))
    return [int(row["target"][-1]) for row in rows]


def test_perplexities_and_the_inverse_temperature_decide_what_is_drawn():
    perplexities = [1, 1.1, 1.2, 1.3, 1.4, 9]
    assert drawn_of_six(perplexities, temperature=20) == [5] * 8, "all others weigh less than exp(-20 * 7.6)"
    assert drawn_of_six(perplexities, temperature=-200) == [0] * 8, "all others weigh at most exp(-20)"


def test_too_few_codes_are_filled_up_as_the_options_say():
    assert sorted(set(drawn_of_six(None))) == list(range(6)), "each once first"
    replaced = drawn_of_six(None, fill_with_replacement=True)
    assert replaced == draw("0", SIX, None, Draw(8, 1, 1.0, True, True)) and len(set(replaced)) < 6


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
