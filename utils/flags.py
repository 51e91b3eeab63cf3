"""Flags as fields of a dataclass: which of them change results, one-line errors, checks that several stages share."""

from __future__ import annotations

import copy
import difflib
import re
import sys
from dataclasses import Field
from pathlib import Path

from transformers.hf_argparser import HfArg, HfArgumentParser

from utils.run.files import InputError


def no_effect(**options) -> Field:
    """A flag that changes no result: paths, speed, the length of a run.

    Every other flag is part of a run's settings, so results of another value are never reused.
    """
    return HfArg(metadata={"no_effect": True}, **options)


def changes_results(field: Field) -> bool:
    """Whether a flag is part of a run's settings."""
    return "no_effect" not in field.metadata


class Parser(HfArgumentParser):
    """Reports a bad flag in one line, with the flag that was probably meant."""

    @staticmethod
    def _parse_dataclass_field(parser, field):
        field = copy.copy(field)
        field.metadata = {key: value for key, value in field.metadata.items() if key != "no_effect"}
        HfArgumentParser._parse_dataclass_field(parser, field)

    def error(self, message: str):
        flags = [flag for action in self._actions for flag in action.option_strings if "-" not in flag[2:]]
        for argument in message.removeprefix("unrecognized arguments: ").split():
            near = difflib.get_close_matches(argument.split("=")[0], flags, n=1)
            if message.startswith("unrecognized") and argument.startswith("-"):
                raise InputError(f"unknown flag {argument}; " + (f"did you mean {near[0]}?" if near else "see --help"))
        message = re.sub(r"/--[\w-]+", "", message)  # the same flag with hyphens
        raise InputError(f"{message}; see {Path(sys.argv[0]).name} --help")


def check_at_least(options, name: str, least: int) -> None:
    """InputError where the value of a flag is below `least`."""
    value = getattr(options, name)
    if value < least:
        raise InputError(f"--{name} {value}: must be at least {least}")


def check_draw(options, temperature: str, top_k: str, top_p: str) -> None:
    """InputError where these flags have values from which nothing can be drawn."""
    if not 0 <= getattr(options, temperature) < float("inf"):
        raise InputError(f"--{temperature} {getattr(options, temperature)}: must be 0 (greedy) or above")
    if getattr(options, top_k) < 0:
        raise InputError(f"--{top_k} {getattr(options, top_k)}: must be 0 (all tokens) or above")
    if not 0 < getattr(options, top_p) <= 1:
        raise InputError(f"--{top_p} {getattr(options, top_p)}: must be above 0 and at most 1")
