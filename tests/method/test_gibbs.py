"""The chain of stage 1 over a fake model and a fake judge: what is kept, what is described, what a draw depends on."""

from __future__ import annotations

import itertools
import zlib
from collections import Counter

import pytest

from eval.judge.verdict import Judgement, Verdict
from eval.problem import Adapter, Problem
from utils import gibbs
from utils.extract import truncate
from utils.run.streams import stream

SEED = 1234
BODIES = ("return n + 1", "return 1 + n", "n += 1\n    return n", "return n", "return 0")
RIGHT = BODIES[:3]


def problem(number: int) -> Problem:
    head = f"def f{number}(n):"
    code = f'{head}\n    """Gold text."""\n    return -(-n - 1)\n'
    return Problem(number, f"Seed text {number}.", head, code, {"style": "asserts", "asserts": [f"f{number}(1) == 2"]})


PROBLEMS = [problem(number) for number in range(6)]
GOLD = {str(p.id): p for p in PROBLEMS}
EXAMPLES = {str(p.id): [f"Example text {p.id}."] for p in PROBLEMS}


def chains_of(numbers=range(6)) -> list[gibbs.Chain]:
    return [gibbs.Chain(PROBLEMS[number], PROBLEMS[number].query) for number in numbers]


def complete(prompts):
    """A model that completes from each prompt's own stream, the last prompt first, as a batch may end in any order."""
    for i in reversed(range(len(prompts))):
        yield i, "\n    " + BODIES[stream(*prompts[i][1].key).integers(len(BODIES))]


def judgement(program: str) -> Judgement:
    """Knows the right bodies."""
    right = program.endswith(RIGHT)
    return Judgement(Verdict.PASS if right else Verdict.WRONG, right)


def describe(prompts):
    """A model that says which prompt it saw."""
    return [f"Text {zlib.crc32(repr((str(prompt.text), prompt.key)).encode())}." for _, prompt in prompts]


def always(_: str) -> bool:
    return True


def codes(chains, round_=1, num_seq=4, adapter=None) -> list[list[gibbs.Candidate]]:
    """The candidates of each chain in order of samples, as stage 1 makes them."""
    adapter = adapter or Adapter()
    prompts = gibbs.code_prompts(chains, adapter, round_, num_seq, SEED)
    programs = dict.fromkeys(range(len(prompts)), "")
    for i, completion in complete(prompts):
        chain, prompt = prompts[i]
        programs[i] = adapter.finish(chain.problem, prompt.text + completion)
    candidates = [gibbs.Candidate(program, judgement(program)) for program in programs.values()]
    return [candidates[i : i + num_seq] for i in range(0, len(candidates), num_seq)]


def keep_step(chains, candidates, round_, keep) -> None:
    """Keep a round's codes in every chain."""
    kept = [gibbs.keep_codes(chain, of_chain, round_, SEED, keep)
            for chain, of_chain in zip(chains, candidates, strict=True)]  # fmt: skip
    gibbs.record_round(chains, chains, kept)


def description_prompts(chains, sampler="gibbs", round_=1, examples=EXAMPLES):
    """The prompts of the description step, with their chains."""
    return gibbs.description_prompts(chains, gibbs.SAMPLERS[sampler], gibbs.Examples(examples, GOLD), round_, SEED)


def descriptions(chains, sampler="gibbs", round_=1, describe=describe, fits=always) -> list[str]:
    """Move the chains on; why each stays where it was, or ""."""
    prompts = description_prompts(chains, sampler, round_)
    return [gibbs.accept_description(chain, text, Adapter(), fits)
            for (chain, _), text in zip(prompts, describe(prompts), strict=True)]  # fmt: skip


def run(chains, sampler="gibbs", keep="one", rounds=3):
    """A whole run; returns the kept programs and the descriptions by problem."""
    said = {chain.problem.id: [] for chain in chains}
    for round_ in range(1, rounds + 1):
        keep_step(chains, codes(chains, round_), round_, keep)
        descriptions(chains, sampler, round_)
        for chain in chains:
            said[chain.problem.id].append(chain.description)
    return {chain.problem.id: chain.kept for chain in chains}, said


def prompts_of(chains, sampler="gibbs", round_=1, **given) -> list[str]:
    """The texts that the description step asks the model to complete."""
    return [prompt.text for _, prompt in description_prompts(chains, sampler, round_, **given)]


# The code step


def test_every_chain_is_sampled_num_seq_times_from_its_own_description():
    chains = chains_of()
    chains[2].description = 'A later "text"'
    trials = codes(chains, num_seq=3)
    assert [len(own) for own in trials] == [3] * 6
    for chain, own in zip(chains, trials, strict=True):
        prompt = Adapter().code_prompt(chain.problem, chain.description)
        assert all(trial.program.startswith(prompt + "\n    ") for trial in own)


def test_trials_carry_their_own_verdicts_in_order_of_samples():
    chains = chains_of()
    for chain, own in zip(chains, codes(chains, num_seq=8), strict=True):
        drawn = [stream(SEED, "code", str(chain.problem.id), 1, i).integers(len(BODIES)) for i in range(8)]
        assert [trial.program.split('"""')[-1] for trial in own] == [f"\n    {BODIES[i]}" for i in drawn]
        assert [trial.judgement.passed for trial in own] == [BODIES[i] in RIGHT for i in drawn]


def test_the_adapter_makes_the_last_cut_before_judging():
    class Cutting(Adapter):
        def finish(self, problem, program):
            return truncate(program, (" + n",))

    [own] = codes(chains_of([0]), num_seq=30, adapter=Cutting())
    assert {trial.program.split("\n")[-1] for trial in own} >= {"    return 1"}
    assert not any(trial.program.endswith("1 + n") for trial in own)


# What is kept


def trials_of(bodies: str, verdicts: dict | None = None) -> list[gibbs.Candidate]:
    """Trials named by letters: capitals pass."""
    usual = {
        letter: Judgement(Verdict.PASS if letter.isupper() else Verdict.WRONG, letter.isupper()) for letter in bodies
    }
    return [gibbs.Candidate(letter, {**usual, **(verdicts or {})}[letter]) for letter in bodies]


@pytest.mark.parametrize(("bodies", "kept"), [("aBcD", ["B", "D"]), ("AA", ["A", "A"]), ("ab", []), ("", [])])
def test_keep_all_keeps_what_passes_in_order(bodies, kept):
    chains = chains_of([0])
    keep_step(chains, [trials_of(bodies)], 1, "all")
    assert chains[0].kept == [kept]


@pytest.mark.parametrize("bodies", ["".join(b) for n in range(4) for b in itertools.product("aB", repeat=n)])
def test_keep_one_keeps_one_that_passes_or_none(bodies):
    chains = chains_of([0])
    keep_step(chains, [trials_of(bodies)], 1, "one")
    assert chains[0].kept == [["B"] if "B" in bodies else []]


def test_keep_one_is_uniform_over_what_passes():
    counts = Counter()
    for round_ in range(1, 2001):
        chains = chains_of([0])
        keep_step(chains, [trials_of("aBCdD")], round_, "one")
        counts.update(chains[0].kept[0])
    assert set(counts) == set("BCD") and all(590 < count < 740 for count in counts.values())


@pytest.mark.parametrize("keep", ["one", "all"])
def test_verdicts_decide_what_passes(keep):
    """A weak pass counts where the judge lets it; what was never judged is not kept."""
    verdicts = {
        "W": Judgement(Verdict.WEAK, True),
        "V": Judgement(Verdict.WEAK, False),
        "I": Judgement(Verdict.INFRA, None),
    }
    chains = chains_of([0])
    keep_step(chains, [trials_of("VIWa", verdicts)], 1, keep)
    assert chains[0].kept == [["W"]]


def written(*bodies: str, passed: str = "") -> list[gibbs.Candidate]:
    """Trials of the first problem with these bodies; `passed` is the body of those that pass."""
    prompt = f'{PROBLEMS[0].head}\n    """ Seed text 0."""'
    return [
        gibbs.Candidate(prompt + body, Judgement(Verdict.PASS if body == passed else Verdict.WRONG, body == passed))
        for body in bodies
    ]


@pytest.mark.parametrize(
    "stub",
    ["", "\n    pass", "\n    ...", "\n    # to do", '\n    "more text"', "\n    return (", "\n  return n", "\nx"],
)
def test_keep_any_leaves_out_what_is_no_program_or_a_stub(stub):
    chains = chains_of([0])
    keep_step(chains, [written(stub, stub)], 1, "any")
    keep_step(chains, [written(stub, "\n    return n", stub)], 2, "any")
    assert [len(kept) for kept in chains[0].kept] == [0, 1]
    assert chains[0].kept[1][0].endswith("return n")


def test_keep_any_is_uniform_whatever_the_verdict():
    counts = Counter()
    trials = written("\n    return 0", "\n    return 1", "\n    return 2", "\n    return (", passed="\n    return 1")
    unjudged = gibbs.Candidate(trials[0].program.replace("return 0", "return 3"), Judgement(Verdict.INFRA, None))
    for round_ in range(1, 2001):
        chains = chains_of([0])
        keep_step(chains, [[*trials, unjudged]], round_, "any")
        (kept,) = chains[0].kept[0]
        counts[kept[-1]] += 1
    assert set(counts) == set("0123") and all(430 < count < 570 for count in counts.values())


# The description step: which code is described


def test_this_rounds_code_then_the_latest_kept_then_the_gold():
    chains = chains_of([0, 1, 2, 3])
    chains[0].kept = [["a = 1"], ["b = 2"]]
    chains[1].kept = [["a = 1"], []]
    chains[2].kept = [["a = 1"], ["b = 2"], [], []]
    chains[3].kept = [[], []]
    described = [text.split("###Code:\n")[-1].split("\n###")[0] for text in prompts_of(chains)]
    assert described == ["b = 2", "a = 1", "b = 2", "def f3(n):\n    return -(-n - 1)"]


def test_of_several_codes_of_a_round_the_last_is_described():
    chains = chains_of([0])
    chains[0].kept = [["a = 1", "b = 2"], []]
    assert "b = 2" in prompts_of(chains)[0] and "a = 1" not in prompts_of(chains)[0]


def test_neither_program_of_the_prompt_has_a_docstring():
    chains = chains_of()
    keep_step(chains, codes(chains), 1, "one")
    assert any(chain.kept[0] for chain in chains)
    for text in prompts_of(chains):
        assert '"""' not in text and "Seed text" not in text and "Gold text" not in text


def test_a_gold_code_that_does_not_parse_is_described_as_it_is():
    old = Problem(0, "Print n.", "def f0(n):", "def f0(n):\n    print n\n", PROBLEMS[0].test)
    assert "print n" in prompts_of([gibbs.Chain(old, old.query)])[0]


@pytest.mark.parametrize("sampler", ["gibbs", "rewrite"])
def test_the_example_is_another_problem_and_changes_with_the_round(sampler):
    seen = set()
    for round_ in range(1, 60):
        texts = prompts_of(chains_of(), sampler, round_)
        for number, text in enumerate(texts):
            example = text.split("Example text ")[1][0]
            assert example != str(number) and text.count("Example text") == 1
            assert (f"def f{example}(n)" if sampler == "gibbs" else f"Seed text {example}.") in text
            seen.add((number, example))
    assert len(seen) == 30


def test_without_examples_of_others_the_prompt_has_none():
    assert prompts_of(chains_of([3]), examples={"3": ["Own text."]})[0].count("###Code:") == 1


# The description step: the four samplers


def test_gibbs_moves_to_the_description_of_the_kept_code():
    chains = chains_of([0])
    chains[0].kept = [["x = 1"]]
    assert descriptions(chains, describe=lambda prompts: ["\n Sets x to one.\n"]) == [""]
    assert chains[0].description == "Sets x to one."


def test_conditional_stays_at_the_seed_description_and_asks_no_model():
    chains = chains_of()
    assert descriptions(chains, "conditional") == []
    assert [chain.description for chain in chains] == [p.query for p in PROBLEMS]


def test_rewrite_always_starts_from_the_seed_description():
    chains = chains_of([0])
    chains[0].description, chains[0].kept = "A rewriting.", [["x = 1"]]
    (text,) = prompts_of(chains, "rewrite")
    assert text.endswith("###Description:\nSeed text 0.\n###Description in other words:\n")
    assert "A rewriting." not in text and "x = 1" not in text and "return" not in text


def test_gold_always_describes_the_gold_code():
    chains = chains_of([0])
    chains[0].kept = [["x = 1"]]
    (text,) = prompts_of(chains, "gold")
    assert text.endswith("###Code:\ndef f0(n):\n    return -(-n - 1)\n###Description of the given code:\n")
    assert "x = 1" not in text


# The description step: what is refused


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("", "empty"),
        (" \n\t ", "empty"),
        ("###Code:\nx", "empty"),
        ("A text that is far too long.", "too long"),
    ],
)
@pytest.mark.parametrize("sampler", ["gibbs", "rewrite"])
def test_a_refused_description_leaves_the_one_before(sampler, said, reason):
    chains = chains_of([0, 1])
    chains[0].description = "The one before."
    refused = descriptions(
        chains, sampler, describe=lambda prompts: [said, "Short."], fits=lambda prompt: "far too long" not in prompt
    )
    assert [chain.description for chain in chains] == ["The one before.", "Short."]
    assert refused == [reason, ""]


def test_a_description_ends_at_the_heading_that_follows():
    chains = chains_of([0])
    assert descriptions(chains, describe=lambda prompts: ["Sets a.\n###"]) == [""]
    assert chains[0].description == "Sets a."


def test_too_long_is_asked_of_the_code_prompt_that_would_follow():
    asked = []
    descriptions(
        chains_of([4]), describe=lambda prompts: ['Say "no"'], fits=lambda prompt: asked.append(prompt) or True
    )
    assert asked == ['def f4(n):\n    """ Say "no\\""""']


# Whole runs


@pytest.mark.parametrize("sampler", gibbs.SAMPLERS)
@pytest.mark.parametrize("keep", ["one", "all"])
def test_no_draw_depends_on_order_or_number_of_chains(sampler, keep):
    kept, said = run(chains_of(), sampler, keep)
    assert any(kept[number] != [[], [], []] for number in kept)
    for numbers in ([5, 4, 3, 2, 1, 0], [1, 3], [0, 2, 4, 5], [3]):
        other_kept, other_said = run(chains_of(numbers), sampler, keep)
        assert other_kept == {number: kept[number] for number in numbers}
        assert other_said == {number: said[number] for number in numbers}


def test_more_samples_a_round_do_not_change_the_first_ones():
    few, many = codes(chains_of(), num_seq=2), codes(chains_of(), num_seq=5)
    assert [own[:2] for own in many] == few


def test_rounds_and_purposes_have_streams_of_their_own():
    keys = []
    for round_ in (1, 2):
        prompts = gibbs.code_prompts(chains_of(), Adapter(), round_, 4, SEED)
        for sampler in ("gibbs", "rewrite"):
            prompts += description_prompts(chains_of(), sampler, round_)
        keys += [prompt.key for _, prompt in prompts]
    assert len(set(keys)) == len(keys) == 2 * (6 * 4 + 6 + 6)
    assert all(SEED in key for key in keys)


def test_one_round_of_gibbs_feeds_the_next():
    """The program sampled in round 2 carries the description of the code kept in round 1."""
    chains = chains_of([0])
    kept, said = run(chains, keep="all", rounds=2)
    assert said[0][0].startswith("Text ")
    assert all(said[0][0] in program for program in kept[0][1]) and not any(said[0][0] in p for p in kept[0][0])


def test_a_round_is_recorded_in_every_chain():
    """Chains without codes of this round keep none, whatever was kept before."""
    chains = chains_of([0, 1, 2])
    gibbs.record_round(chains, [chains[2], chains[0]], [["c"], []])
    gibbs.record_round(chains, chains[:1], [["a"]])
    assert [chain.kept for chain in chains] == [[[], ["a"]], [[], []], [["c"], []]]


def test_tally_counts_samples_passes_and_problems():
    infra = {"I": Judgement(Verdict.INFRA, None)}
    trials = [trials_of("AAbC"), trials_of("dI", infra), trials_of("A"), []]
    assert gibbs.tally(trials) == {
        "samples": 7,
        "passed": 4,
        "distinct": 2,
        "problems_passed": 2,
        "verdicts": {"INFRA": 1, "PASS": 4, "WRONG": 2},
    }
    assert gibbs.infrastructure_faults(trials) == 1
