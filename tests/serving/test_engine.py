"""The table of engines."""

from __future__ import annotations

from typing import get_args, get_type_hints

from utils.args import GenerationOptions
from utils.serving.engine import ENGINES


def test_every_value_of_the_flag_is_an_engine():
    assert set(get_args(get_type_hints(GenerationOptions)["engine"])) == set(ENGINES)
