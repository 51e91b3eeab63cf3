"""A small world of programs, prepared once for a test module."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.worlds import prepare

SIZES = {"seeds": 6, "tests": 6, "pretraining": 400, "pairs": 2, "slips": 0.2}


def run(command, *flags) -> int:
    """Run a command in the present working folder."""
    return command.main([str(flag) for flag in flags])


def prepare_flags(name: str, seed: int) -> list:
    """Flags of a small world."""
    sizes = [text for key, value in SIZES.items() for text in (f"--{key}", value)]
    return ["--name", name, "--seed", seed, *sizes]


def prepare_in(folder: Path) -> Path:
    """Prepare `world-small` with `folder` as working folder, and return the folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run(prepare, *prepare_flags("small", 2)) == 0
    return folder
