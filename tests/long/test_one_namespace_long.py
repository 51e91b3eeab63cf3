"""What the judge says against program and test in one namespace: 30,000 programs of six data sets, on one core.

It takes about 40 minutes. GIFT_AGREEMENT names a folder that keeps the results as they come, so that a run that was
stopped resumes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from namespace_agreement import Comparison, disagreements, problems, table

# Where both sides differ by design, for whatever program passes in one namespace: the verdict here.
DIFFERING = {
    **{("codeinsight train", key): "NO_TESTS" for key in ("0", "1", "2", "258", "305", "584")},  # nothing is asserted
    ("codeinsight test", "646"): "NO_TESTS",  # nothing is asserted
    ("codeinsight test", "1197"): "WEAK",  # returns a tensor, and torch is not known to be harmless
    ("codeinsight test", "379"): "WEAK",  # returns a sparse matrix, whose constructor reads whatever memory lies there
    ("codeinsight test", "638"): "WEAK",  # the same
    ("mbpp+", "255"): "MEMORY",  # holds 1.7 million tuples twice: passes with --memory_mb 4096
}


@pytest.mark.skipif(not os.environ.get("GIFT_TEST_DATA"), reason="GIFT_TEST_DATA names no folder with the data sets")
def test_the_judge_says_what_one_namespace_says(tmp_path):
    rows = problems()
    folder = Path(os.environ.get("GIFT_AGREEMENT", tmp_path))
    with Comparison(folder / "results.jsonl") as comparison:
        comparison.run(rows)
    results = comparison.results
    differing = disagreements(results)
    print(table(results), *differing, sep="\n")
    assert sum(result["kind"] == "gold" for result in results.values()) == len(rows) == 5083
    expected = {
        key: DIFFERING[key[:2]] for key, result in results.items() if key[:2] in DIFFERING and result["reference"]
    }
    assert {(each["dataset"], each["id"], each["kind"]): each["verdict"] for each in differing} == expected
    assert {key[:2] for key in expected} == set(DIFFERING)
