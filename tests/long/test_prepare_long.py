"""All real rows of MBPP and APPS+ that the suite takes a sample of; two minutes on two cores."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from test_prepare import FOLDER, REAL, ids
from test_prepare_apps import TASKS

from eval import registry


@REAL
@pytest.mark.parametrize(("seeds", "train"), [("sanitized", 170), ("full", 424)])
def test_all_of_mbpp_is_verified(prepared, seeds, train):
    prepared.run("mbpp", "--source", FOLDER, "--seeds", seeds)
    rows = {split: prepared.rows("mbpp", split) for split in ("train", "test")}
    assert [len(rows["train"]), len(rows["test"])] == [train, 257]
    assert all(row["verified"] for row in rows["train"] + rows["test"])
    assert len(prepared.rows("mbpp", "ict")) == 147 and prepared.meta("mbpp", "train")["seeds"] == ids(rows["train"])
    assert ids(rows["train"])[:2] == ([602, 603] if seeds == "sanitized" else [601, 602])
    problems, _ = registry.load("mbpp", "mbpp", "train")
    examples, _ = registry.load_examples("mbpp", "mbpp", problems)
    assert "ludic" in examples["603"][0] and sum(map(len, examples.values())) == 147


@REAL
def test_of_the_published_rows_every_one_is_kept_and_passes(prepared):
    """With time to spare: the slowest gold solution takes seconds, and more on a busy machine."""
    printed = prepared.run("apps", "--source", Path(FOLDER) / "apps" / "apps_plus_rows.json", "--timeout", "60")
    rows = [row for task in TASKS for split in ("train", "test") for row in prepared.rows(task, split)]
    assert len(rows) == 250 and all(row["verified"] for row in rows), printed
    assert not any(row["query"].startswith("def ") or '"""' in row["query"] for row in rows)
    assert Counter(row["tags"]["input"][0] for row in rows) == {"standard input": 153, "call": 97}
