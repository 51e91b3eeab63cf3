"""Worlds of programs: the grammar reads back what it says, programs do what intents say, the joint law is as stated."""

from __future__ import annotations

import ast
import json
import math
import re
from collections import Counter
from itertools import islice

import numpy as np
import pytest
from small_world import SIZES, prepare_flags, prepare_in, run

from data.worlds import grammar, intents, joint, prepare
from data.worlds.grammar import WORDINGS, parse
from data.worlds.obscure import CLOSINGS, OPENINGS
from data.worlds.obscure import WORDS as OBSCURE_WORDS
from data.worlds.programs import STYLES, draw_program, style_of, styles_of_intent
from eval import registry
from eval.judge import Judge, JudgeOptions
from utils.run.files import InputError, dump
from utils.run.streams import stream


@pytest.fixture(scope="module")
def drawn() -> list[intents.Intent]:
    """Sound intents as a world has them."""
    return list(islice(intents.draw_intents(5), 400))


STORY = (*OPENINGS, *CLOSINGS)


# Descriptions


def test_descriptions_read_back_as_their_intent_and_wording(drawn):
    rng = stream("round trip")
    for intent in drawn:
        for wording in WORDINGS:
            for obscure in (False, True):
                text = grammar.draw_description(intent, wording, rng, obscure)
                assert parse(text) == (intent, wording, obscure), text


def test_no_two_intents_share_a_description(drawn):
    owners: dict[str, tuple] = {}
    for intent in intents.single_operations():
        for wording in WORDINGS:
            for text, _ in grammar.descriptions(intent, wording):
                assert owners.setdefault(text, (intent, wording)) == (intent, wording), text
    assert len(owners) > 5_000
    for intent in drawn[:6]:  # every description of some compositions, and of those that differ least from them
        for other in (intent, *intents.neighbours(intent)[:3]):
            for wording in WORDINGS:
                for text, _ in islice(grammar.descriptions(other, wording), 400):
                    assert owners.setdefault(text, (other, wording)) == (other, wording), text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Keep the even numbers.",
        "Given a list of numbers, keep the even words.",
        "Given a list of words, keep the even numbers.",
        "Given a list of numbers, keep the even numbers, then sum the numbers",
        "Given a list of numbers, keep the even numbers, then sum the numbers. The result is a list.",
        "given a list of numbers, keep the even numbers, then sum the numbers.",
        "Given a list of numbers, keep the even numbers and sum the numbers.",
        "Return the sum of the even numbers among a list of numbers. And more.",
    ],
)
def test_what_the_grammar_does_not_say_is_not_read(text):
    assert parse(text) is None


def test_a_description_is_read_as_written():
    intent, wording, _ = parse("Return the sum of the odd numbers among 3 times each of a list of integers.")
    assert (str(intent), wording) == ("numbers.multiply:3.odd.sum", "noun")
    assert intent.run([1, 2, 3]) == 3 + 9
    dropped = parse("The even numbers are removed, then the numbers are counted, starting from a list of numbers.")
    assert (str(dropped[0]), dropped[1]) == ("numbers.odd.count", "passive")


def test_an_obscure_description_is_read_as_written():
    story = "Oskar repairs clocks in a narrow street. {} No one leaves before that."
    intent, wording, obscure = parse(
        story.format("Nothing will do but the pool of the unpaired tokens among a tray of tokens.")
    )
    assert (str(intent), wording, obscure) == ("numbers.odd.sum", "noun", True)
    intent, wording, obscure = parse(
        story.format(
            "Reckon the labels, but ere that eject the twins, with a tray of ribbons at hand. The outcome is a token."
        )
    )
    assert (str(intent), wording, obscure) == ("words.unique.count", "imperative", True)
    for wrong in (
        "Nothing will do but the sum of the odd numbers among a list of numbers.",  # told plainly, in a story
        "Nothing will do but the pool of the unpaired tokens among a tray of labels.",
        "nothing will do but the pool of the unpaired tokens among a tray of tokens.",
    ):
        assert parse(story.format(wrong)) is None
    assert parse("Nothing will do but the pool of the unpaired tokens among a tray of tokens.") is None


def test_an_obscure_description_has_few_words_of_the_plain_one(drawn):
    """What is left in common is grammar: the rare words are no plain ones."""
    plain = set(OBSCURE_WORDS) | {form for verb, forms in grammar.VERBS.items() for form in (verb, *forms)}
    rng = stream("rare words")
    for intent in drawn[:100]:
        for wording in WORDINGS:
            text = grammar.draw_description(intent, wording, rng, obscure=True)
            assert not plain & set(re.findall(r"\w+", text)) - set(" ".join(STORY).split()), text


def test_probabilities_of_descriptions_add_up(drawn):
    for intent in (drawn[0], drawn[1], intents.read("text.upper.join:dashes"), intents.read("words.count")):
        listed = list(joint.descriptions(intent))
        assert math.isclose(sum(chance for _, chance in listed), 1)
        assert len({text for text, _ in listed}) == len(listed) >= 20
        for text, chance in listed[:: max(1, len(listed) // 50)]:
            assert math.isclose(joint.log_probability(text, intent), math.log(chance))
    assert joint.log_probability("Something else.", drawn[0]) == -math.inf


@pytest.mark.parametrize("obscurity", [0.3, 1.0])
def test_probabilities_of_both_tellings_add_up(obscurity):
    intent = intents.read("words.count")
    listed = list(joint.descriptions(intent, obscurity))
    assert math.isclose(sum(chance for _, chance in listed), 1)
    assert len({text for text, _ in listed}) == len(listed)
    told = sum(chance for text, chance in listed if parse(text).obscure)
    assert math.isclose(told, obscurity)
    for text, chance in listed[::50]:
        assert math.isclose(joint.log_probability(text, intent, obscurity), math.log(chance))


def test_descriptions_are_drawn_as_often_as_their_probability_says():
    intent, rng = intents.read("numbers.count"), stream("frequency")
    draws = 4000
    seen = Counter(joint.draw(intent, 0.5, rng).description for _ in range(draws))
    truth = dict(joint.descriptions(intent))
    assert set(seen) <= set(truth)
    assert joint.total_variation({text: n / draws for text, n in seen.items()}, truth) < 0.09


# Intents


def test_intents_are_read_from_their_ids(drawn):
    assert all(intents.read(str(intent)) == intent for intent in drawn)
    for wrong in ("numbers.upper", "text.sum", "numbers.sum.sum", "nothing.sum", "numbers"):
        with pytest.raises(ValueError, match="no intent"):
            intents.read(wrong)


def test_meaning():
    assert intents.read("words.longer:2.length.sum").run(["to", "tree", "art"]) == 7
    assert intents.read("digits.descending.join:dashes").run(3071) == "7-3-1-0"
    assert intents.read("digits.multiple:3.square").run(6193) == [36, 81, 9]
    assert intents.read("text.has:e.unique.join:commas").run("he tea he sip") == "he,tea"
    assert intents.read("numbers.odd.negate").run([-3, 4, 5]) == [3, -5]


def test_no_two_intents_of_a_world_compute_the_same(drawn):
    assert len({intents.fingerprint(intent) for intent in drawn}) == len(drawn)
    same = intents.read("numbers.ascending.sum"), intents.read("numbers.sum")
    assert intents.fingerprint(same[0]) == intents.fingerprint(same[1])
    assert not intents.is_sound(same[0], intents.fingerprint(same[0]))  # sorting does not matter to a sum


def test_tests_tell_an_intent_from_its_neighbours(drawn):
    missed = total = 0
    for intent in drawn[:60]:
        inputs, outputs = intents.make_tests(intent, 0)
        assert len(inputs) >= 8
        assert len({json.dumps(case) for case in inputs}) == len(inputs)
        assert json.loads(json.dumps([inputs, outputs])) == [inputs, outputs]
        results = [[other.run(case[0]) for case in inputs] for other in intents.neighbours(intent)]
        total += len(results)
        missed += sum(result == outputs for result in results)
    assert missed / total < 0.05  # some neighbours compute nearly or quite the same


# Programs


def test_programs_of_every_style_do_what_the_intent_says(drawn):
    rng, made = stream("programs"), []
    for intent in [*drawn[:40], *intents.single_operations()[::12]]:
        inputs, outputs = intents.make_tests(intent, 0)
        test = {"style": "io", "fn_name": "f", "inputs": inputs, "outputs": outputs, "stdin": False}
        for style in styles_of_intent(intent):
            program = draw_program(intent, style, rng)
            assert style_of(program, intent) == style, program
            made.append((program, test))
    with Judge(JudgeOptions(compare="strict")) as judge:
        failing = [
            (program, verdict.detail)
            for (program, _), verdict in zip(made, judge.judge(made), strict=True)
            if not verdict.passed
        ]
    assert len(made) > 150
    assert not failing


def test_an_intent_has_many_programs():
    intent, rng = intents.read("numbers.odd.add:3.sum"), stream("many")
    for style in STYLES:
        assert len({draw_program(intent, style, rng) for _ in range(100)}) >= 8


class _Renamed(ast.NodeTransformer):
    """Gives every local name another one."""

    def visit_Name(self, node):
        known = {"f", "len", "sum", "list", "filter", "map", "reduce", "sorted", "str", "int", "range", "dict", "prod"}
        node.id = node.id if node.id in known else f"my_{node.id}"
        return node

    def visit_arg(self, node):
        node.arg = f"my_{node.arg}"
        return node

    def visit_FunctionDef(self, node):
        node.name = node.name if node.name == "f" else f"my_{node.name}"
        return self.generic_visit(node)


@pytest.mark.parametrize("style", STYLES)
def test_style_does_not_depend_on_names(style):
    intent, rng = intents.read("numbers.odd.add:3.sum"), stream("names")
    program = draw_program(intent, style, rng)
    assert style_of(ast.unparse(_Renamed().visit(ast.parse(program))), intent) == style


@pytest.mark.parametrize(
    ("program", "style"),
    [
        ("def f(x):\n    return sum(v + 3 for v in x if v % 2)\n", "expression"),
        ("def f(x):\n    total = 0\n    while x:\n        total += x.pop()\n    return total\n", "loop"),
        ("def f(x):\n    return f(x[1:]) + x[0] if x else 0\n", "recursion"),
        ("def f(x):\n    return sum(map(abs, x))\n", "functional"),
        ("def odd(v):\n    return v % 2\n\ndef f(x):\n    return [v for v in x if odd(v)]\n", "helper"),
        ("def f(x):\n    y = list(filter(lambda v: v, x))\n    for v in y:\n        pass\n    return y\n", "other"),
        ("def f(x):\n    return [v for v in x\n", "other"),
        ("def g(x):\n    return x\n", "other"),
    ],
)
def test_styles_of_programs_by_hand(program, style):
    assert style_of(program, intents.read("numbers.odd.add:3.sum")) == style


def test_a_style_that_an_intent_cannot_have_is_another():
    assert styles_of_intent(intents.read("numbers.ascending")) == ("expression",)
    assert "helper" not in styles_of_intent(intents.read("numbers.unique.sum"))
    assert style_of("def f(x):\n    return sorted(x, key=lambda v: v)\n", intents.read("numbers.ascending")) == "other"


# The joint distribution

KINDS = ("numbers.odd.add:3.sum", "numbers.unique.sum", "numbers.ascending")  # five styles, four, one


@pytest.mark.parametrize("strength", [0, 0.3, 1])
@pytest.mark.parametrize("name", KINDS)
def test_marginals_do_not_depend_on_the_strength(name, strength):
    intent = intents.read(name)
    mixed = Counter()
    for wording, chance in joint.WORDING_PRIOR.items():
        law = joint.style_given_wording(intent, wording, strength)
        assert math.isclose(sum(law.values()), 1)
        mixed.update({style: chance * p for style, p in law.items()})
    marginal = joint.style_marginal(intent)
    assert joint.total_variation(mixed, marginal) < 1e-12
    for style in styles_of_intent(intent):
        law = joint.wording_given_style(intent, style, strength)
        assert math.isclose(sum(law.values()), 1)
        assert math.isclose(
            marginal[style] * law["noun"],
            joint.WORDING_PRIOR["noun"] * joint.style_given_wording(intent, "noun", strength)[style],
        )


def test_strength_is_what_ties_style_to_wording():
    intent = intents.read(KINDS[0])
    for wording in WORDINGS:
        assert joint.style_given_wording(intent, wording, 0) == pytest.approx(joint.style_marginal(intent))
        assert joint.style_given_wording(intent, wording, 1)[joint.PARTNER[wording]] == 1


@pytest.mark.parametrize("strength", [0.5, 0.9])
def test_a_chain_forgets_its_start_as_the_closed_form_says(strength):
    intent = intents.read(KINDS[0])
    marginal = joint.style_marginal(intent)
    for rounds in (1, 2, 5):
        law = joint.style_after(intent, "gerund", strength, rounds)
        left = strength ** (2 * rounds - 1) * (1 - marginal["recursion"])
        assert joint.total_variation(law, marginal) == pytest.approx(left)
    assert joint.style_after(intent, "gerund", 1, 50)["recursion"] == pytest.approx(1)


@pytest.mark.parametrize("name", KINDS)
def test_draws_follow_the_joint_distribution(name):
    intent, rng, draws = intents.read(name), stream("joint", name), 3000
    pairs = [joint.draw(intent, 0.5, rng) for _ in range(draws)]
    seen = Counter(f"{pair.wording} {pair.style}" for pair in pairs)
    truth = {
        f"{wording} {style}": chance * p
        for wording, chance in joint.WORDING_PRIOR.items()
        for style, p in joint.style_given_wording(intent, wording, 0.5).items()
    }
    assert joint.total_variation({key: n / draws for key, n in seen.items()}, truth) < 0.04
    assert all(style_of(pair.program, intent) == pair.style for pair in pairs[:200])
    assert all(parse(pair.description) == (intent, pair.wording, False) for pair in pairs[:200])


# Worlds


def test_a_world_is_a_function_of_its_seed():
    settings = {"seed": 3, "strength": 0.5, "obscurity": 0.0, "rarity": 20.0, **SIZES}
    assert dump(prepare.draw_world(settings)["train"]) == dump(prepare.draw_world(settings)["train"])
    worlds = [prepare.draw_world({**settings, "strength": strength}) for strength in (0, 0.5, 1)]
    for split in ("train", "test"):
        for key in ("id", "query", "test"):
            assert len({json.dumps([row[key] for row in world[split]]) for world in worlds}) == 1, key
    assert worlds[0]["train"] != worlds[2]["train"]
    assert prepare.draw_world({**settings, "seed": 4})["train"] != worlds[1]["train"]


def test_obscurity_changes_the_telling_alone_and_what_is_obscure_stays_so():
    settings = {"seed": 3, "strength": 0.5, "rarity": 20.0, **SIZES, "seeds": 40}
    worlds = [prepare.draw_world({**settings, "obscurity": obscurity}) for obscurity in (0, 0.5, 1)]
    assert worlds[0]["pretrain"] == worlds[2]["pretrain"]  # they share their base model
    for rows in zip(*(world["train"] for world in worlds), strict=True):
        assert len({json.dumps([row["id"], row["code"], row["test"]]) for row in rows}) == 1
        readings = [parse(row["query"]) for row in rows]
        assert len({reading[:2] for reading in readings}) == 1
        assert [readings[0].obscure, readings[2].obscure] == [False, True]
        assert rows[1]["query"] in (rows[0]["query"], rows[2]["query"])
    share = np.mean([parse(row["query"]).obscure for row in worlds[1]["train"]])
    assert 0.25 < share < 0.75
    assert not any(parse(text).obscure for world in worlds for _, text in world["ict"])
    told = [parse(text).obscure for row in worlds[0]["pretrain"] for text in row["descriptions"]]
    assert np.mean(told) == pytest.approx(1 / 21, abs=0.02)


def test_splits_share_no_intent_and_no_function():
    splits = prepare.split_intents(1, 60, 60, 900)
    everything = [intent for own in splits.values() for intent in own]
    assert len({intents.fingerprint(intent) for intent in everything}) == len(everything) == 1020
    for intent in splits["train"] + splits["test"]:
        assert len(intent.operations) > 1
        assert len(styles_of_intent(intent)) >= prepare.MIN_STYLES
    assert prepare.split_intents(1, 60, 60, 1000)["test"] == splits["test"]


def test_no_test_intent_in_any_training_file():
    world = prepare.draw_world({"seed": 0, "strength": 0.5, "obscurity": 0.5, "rarity": 20.0, **SIZES})
    held_out = {row["id"] for row in world["test"]}
    described = [row["query"] for row in world["train"]] + [text for _, text in world["ict"]]
    described += [text for row in world["pretrain"] for text in row["descriptions"]]
    assert not held_out & {str(parse(text)[0]) for text in described}
    seeds = {row["id"] for row in world["train"]}
    assert not seeds & {row["id"] for row in world["pretrain"]}


def test_slips_miss_the_intent_in_its_style_and_are_no_solution_of_anything_held_out():
    world = prepare.draw_world({"seed": 0, "strength": 0.5, "obscurity": 0.5, "rarity": 20.0, **SIZES})
    slips = [row for row in world["pretrain"] if row["slip"]]
    assert 0.15 < len(slips) / len(world["pretrain"]) < 0.25
    tests = {row["id"]: row["test"] for row in [*world["train"], *world["test"]]}
    for row in slips[:150]:
        namespace: dict = {}
        exec(row["slip"], namespace)  # of our own grammar
        intent = intents.read(row["id"])
        assert style_of(row["slip"], intent) == row["style"]
        probes = [intents.random_input(intent.source, np.random.default_rng(n)) for n in range(40)]
        assert any(namespace["f"](probe) != intent.run(probe) for probe in probes), row
        for held_out, test in tests.items():
            if held_out.startswith(intent.source):
                answers = [namespace["f"](*given) for given in test["inputs"]]
                assert answers != test["outputs"], (row, held_out)
    without = prepare.draw_world({"seed": 0, "strength": 0.5, "obscurity": 0.5, "rarity": 20.0, **SIZES, "slips": 0.0})[
        "pretrain"
    ]
    assert without == [{**row, "slip": None} for row in world["pretrain"]]


@pytest.fixture(scope="module")
def small_world(tmp_path_factory):
    """A working folder with a small world in it."""
    return prepare_in(tmp_path_factory.mktemp("world"))


def test_a_prepared_world_is_an_ordinary_task(small_world, monkeypatch):
    monkeypatch.chdir(small_world)
    assert registry.task_name("world-small", None) == "world-small"
    for split in ("train", "test"):
        problems, _ = registry.load("world-small", "world-small", split)
        assert len(problems) == 6
        for problem in problems:
            assert problem.entry_point == "f"
            assert problem.code.startswith("def f(x):\n    ")
            assert str(parse(problem.query)[0]) == problem.id
    problems, _ = registry.load("world-small", "world-small", "train")
    examples, _ = registry.load_examples("world-small", "world-small", problems)
    assert set(examples) == {problem.id for problem in problems}
    for problem in problems:
        assert problem.query not in examples[problem.id]
        assert all(str(parse(text)[0]) == problem.id for text in examples[problem.id])
    prompt = registry.adapter("world-small").code_prompt(problems[0], problems[0].query)
    assert prompt == f'def f(x):\n    """ {problems[0].query}"""'


def test_preparing_again(small_world, monkeypatch, capsys):
    monkeypatch.chdir(small_world)
    files = {path: path.read_bytes() for path in (small_world / "data" / "world-small").iterdir()}
    assert run(prepare, *prepare_flags("small", 2)) == 0
    assert "already exists" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"seed \(2 before, 3 now\)"):
        run(prepare, *prepare_flags("small", 3))
    assert files == {path: path.read_bytes() for path in (small_world / "data" / "world-small").iterdir()}


@pytest.mark.parametrize("flags", [["--strength", 1.5], ["--slips", -0.1], ["--seeds", 0], ["--name", "a/b"]])
def test_bad_flags_of_prepare(tmp_path, monkeypatch, flags):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"^{flags[0]}"):
        run(prepare, "--name", "x", *flags)
    assert not list(tmp_path.iterdir())
