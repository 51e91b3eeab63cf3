"""The quickstart problems: counts, form, gold solutions and variants that pass, empty programs that fail, stories."""

import json
import re

import pytest

from data.quickstart import check_overlap, problems
from data.quickstart.stories import STORIES
from data.quickstart.train_problems import DICTIONARIES, LISTS, NUMBERS, STANDARD_INPUT, TEXT
from eval import registry
from eval.judge import Judge, JudgeOptions
from eval.problem import Problem

ENTRIES = {split: problems.SPLITS[split] for split in ("train", "test")}
ALL = [entry for entries in ENTRIES.values() for entry in entries]


def verdicts(candidates):
    """Ids of the candidates `(id, code, test)` that passed, and a line for each of the others."""
    with Judge(JudgeOptions()) as judge:
        judgements = list(judge.judge([(code, test) for _, code, test in candidates]))
    outcomes = list(zip(candidates, judgements, strict=True))
    passed = [key for (key, _, _), judgement in outcomes if judgement.passed]
    others = [f"{key}: {j.verdict.value} {j.detail}" for (key, _, _), j in outcomes if not j.passed]
    return passed, others


def test_counts():
    assert len(problems.rows("train")) == 100
    assert len(problems.rows("test")) == 50
    assert len({entry["id"] for entry in ALL}) == 150
    assert sum(entry["test"]["stdin"] for entry in ALL) >= 20
    assert sum(bool(entry["variants"]) for entry in ALL) >= 40
    described = [entry for entry in ENTRIES["train"] if entry["describe"]]
    assert len(described) >= 30
    assert sum(len(entry["describe"]) > 1 for entry in described) >= 5


@pytest.mark.parametrize("split", ENTRIES)
def test_rows_are_problems(split):
    for row in problems.rows(split):
        problem = Problem.from_row(row)
        assert problem.entry_point == problem.id == row["test"]["fn_name"]
        assert problem.code.startswith(problem.head)
        assert problem.verified
        assert row == json.loads(json.dumps(row)), problem.id
        assert len(row["test"]["inputs"]) >= 6, problem.id
        assert len({json.dumps(case) for case in row["test"]["inputs"]}) >= 6, problem.id
        assert '"""' not in problem.code, problem.id


def test_in_context_descriptions_belong_to_training_problems():
    train = {row["id"] for row in problems.rows("train")}
    descriptions = problems.ict()
    assert {key for key, _ in descriptions} <= train
    assert len({text for _, text in descriptions}) > len(descriptions) // 2
    assert all(text.strip() == text and text for _, text in descriptions)


def test_a_few_problems_are_a_mixture():
    first = {row["id"] for row in problems.rows("train")[:10]}
    topics = (NUMBERS, TEXT, LISTS, DICTIONARIES, STANDARD_INPUT)
    assert sum(any(entry["id"] in first for entry in topic) for topic in topics) >= 4


def test_gold_solutions_and_variants_pass():
    candidates = [(entry["id"], code, entry["test"]) for entry in ALL for code in (entry["code"], *entry["variants"])]
    _, failures = verdicts(candidates)
    assert not failures


def test_variants_are_other_programs():
    for entry in ALL:
        assert len({entry["code"], *entry["variants"]}) == 1 + len(entry["variants"]), entry["id"]


def test_empty_programs_fail():
    candidates = [(entry["id"], f"{entry['head']}\n    return None\n", entry["test"]) for entry in ALL]
    passed, _ = verdicts(candidates)
    assert not passed


def test_no_overlap(tmp_path, capsys):
    report = tmp_path / "overlap.md"
    assert check_overlap.main(["--report", str(report)]) == 0, capsys.readouterr().err
    assert "all against HumanEval" in report.read_text(encoding="utf-8")


def test_overlap_sees_a_restatement():
    ours = [check_overlap.make_text("ours", {"sum_up"}, "Return the sum of all of the numbers in the list.")]
    theirs = [check_overlap.make_text("theirs", {"Sum_Up"}, "Write a function to sum all numbers in a list.")]
    taken, pairs = check_overlap.compare(ours, theirs)
    assert taken == ["sum_up"]
    assert pairs[0][0] > check_overlap.THRESHOLD


# Stories

# What a plain description says an operation with; a story is to paraphrase it.
PLAIN_WORDS = re.compile(
    r"\b(returns?|multipl\w+|divid\w+|times|sum|total|product|plus|minus|add(s|ed|ing)?|subtract\w*|len|length|sort\w*|"
    r"dictionary|list|int|integers?|maximum|convert\w*|prints?|greater|less|exchang\w+|replac\w+|separat\w+)\b",
    re.IGNORECASE,
)


def test_every_second_training_problem_has_a_story():
    ids = [row["id"] for row in problems.rows("train")]
    assert list(STORIES) == ids[::2]
    assert len(set(STORIES.values())) == 50


def test_stories_replace_the_seed_description_alone():
    plain, told = problems.rows("train"), problems.rows("train", "story")
    assert [row["query"] for row in told] == [STORIES.get(row["id"], row["query"]) for row in plain]
    assert [{**row, "query": ""} for row in told] == [{**row, "query": ""} for row in plain]
    assert [list(row) for row in told] == [list(row) for row in plain]
    assert problems.rows("test", "story") == problems.rows("test")


@pytest.mark.parametrize("row", problems.rows("train")[::2], ids=lambda row: row["id"])
def test_a_story_is_one_line_without_the_plain_words(row):
    story = STORIES[row["id"]]
    assert story == " ".join(story.split()) and 40 <= len(story.split()) <= 90
    assert 3 <= len(re.findall(r"[.?](?= |$)", story)) <= 6
    assert row["query"].rstrip(".").lower() not in story.lower()
    assert not PLAIN_WORDS.search(story), PLAIN_WORDS.search(story)


def test_prepared_stories_are_in_the_code_prompts_until_plain_ones_are_prepared(prepared):
    prepared.run("quickstart", "--descriptions", "story")
    assert prepared.meta("quickstart", "train")["settings"] == {"descriptions": "story"}
    loaded, _ = registry.load("quickstart", "quickstart", "train")
    assert len(loaded) == 100 and all(problem.verified for problem in loaded)
    for problem in loaded[::2]:
        prompt = registry.adapter("quickstart").code_prompt(problem, problem.query)
        assert prompt == f'{problem.head}\n    """ {STORIES[problem.id]}"""'
    examples, _ = registry.load_examples("quickstart", "quickstart", loaded)
    assert {(key, text) for key, texts in examples.items() for text in texts} == set(map(tuple, problems.ict()))

    prepared.run("quickstart")
    assert prepared.meta("quickstart", "train")["settings"] == {"descriptions": "plain"}
    again, _ = registry.load("quickstart", "quickstart", "train")
    assert [problem.query for problem in again] == [row["query"] for row in problems.rows("train")]
