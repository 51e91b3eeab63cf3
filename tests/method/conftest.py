"""Files of the first two stages."""

from __future__ import annotations

import pytest
from training_files import CODES

from utils.run.files import sha256, write_json


@pytest.fixture
def files(tmp_path):
    """A code file of stage 1 and its perplexities of stage 2."""
    code, weight = tmp_path / "passed_seq_code.json", tmp_path / "ppl-passed_seq_code.json"
    rounds = {"counts": {"codes": 3, "rounds": 4}, "rounds": [[1, 3], [], [2]]}
    write_json(code, CODES, {"settings": {"sampler": "gibbs", "model": "m"}, **rounds})
    write_json(weight, {"0": 1.5, "1": 2.5, "2": 1.25}, {"inputs": {"code": sha256(code)}})
    return code, weight
