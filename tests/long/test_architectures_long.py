"""The models of tests/stages/test_architectures.py that the suite leaves out."""

from __future__ import annotations

import pytest
from test_architectures import check_all_stages


@pytest.mark.parametrize("kind", ["tied embeddings", "sliding windows"])
def test_all_stages_with(kind, tmp_path):
    check_all_stages(kind, tmp_path)
