"""What the tests of the data sets share."""

from __future__ import annotations

import pytest
from preparing import Prepared


@pytest.fixture
def prepared(tmp_path, monkeypatch, capsys) -> Prepared:
    """A bare folder."""
    return Prepared(tmp_path, monkeypatch, capsys)
