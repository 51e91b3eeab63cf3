"""The quickstart problems as rows of a task file: `rows("train")`, `rows("test")`, and `ict()`."""

from __future__ import annotations

from data.quickstart.stories import STORIES
from data.quickstart.test_problems import TEST
from data.quickstart.train_problems import TRAIN

SPLITS = {"train": TRAIN, "test": TEST}
# Kind of seed descriptions -> those that replace the plain one, by problem id.
DESCRIPTIONS = {"plain": {}, "story": STORIES}
FIELDS = ("id", "query", "head", "code", "test", "verified")


def mixed(entries: list[dict]) -> list[dict]:
    """Deal the entries, which stand in order of topic, so that the first few are already a mixture."""
    return [entry for start in range(10) for entry in entries[start::10]]


def rows(split: str, descriptions: str = "plain") -> list[dict]:
    """The problems of a split, as a task file holds them; with `descriptions="story"` every second training problem
    has a story as its seed description. KeyError for an unknown split or kind of descriptions.
    """
    queries = DESCRIPTIONS[descriptions]
    entries = [{**entry, "query": queries.get(entry["id"], entry["query"])} for entry in mixed(SPLITS[split])]
    return [{key: entry[key] for key in FIELDS} for entry in entries]


def ict() -> list[list[str]]:
    """The in-context descriptions of training problems: `[[problem id, description], ...]`."""
    return [[entry["id"], text] for entry in mixed(TRAIN) for text in entry["describe"]]
