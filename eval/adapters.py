"""The adapters of data sets that differ little from the usual one."""

from __future__ import annotations

import re

from data.quickstart import problems
from eval.problem import STOP_WORDS, Adapter

# In the published judging program and tests share a namespace that holds 13 modules and `np`, `pd`, `sklearn`. These
# are the 13 that gold programs and unit tests of both splits import most often by name; the tests of 254 training
# problems import ten of them, needed or not. They include every module that some gold program or test uses and neither
# imports.
MODULES = "ast collections datetime functools itertools json math numpy operator pandas random re string sklearn"


class Apps(Adapter):
    """APPS+ (StepCoder, arXiv:2402.01391): call-based and standard-input problems in three difficulties, each a task.

    Head and one-line docstring; a standard-input problem is a function that reads and prints.
    """

    name = "apps"
    tasks = ("introductory", "interview", "competition")
    expected = {"introductory": 2889, "interview": 3592, "competition": 572}


class CodeInsight(Adapter):
    """CodeInsight: everyday questions from Stack Overflow, each with unit-test scripts.

    Head and one-line docstring, like APPS+.
    """

    name = "codeinsight"
    published_stop_words = tuple(word for word in STOP_WORDS if word not in ("\ndef", "\nassert", "\n```"))
    expected = {"train": 1547, "test": 1856}
    prelude = {name: f"import {name}" for name in MODULES.split()}
    prelude |= {"np": "import numpy as np", "pd": "import pandas as pd"}


class Quickstart(Adapter):
    """The quickstart problems: everyday Python, written for this repository, ready without a download.

    Head and one-line docstring, like APPS+; the rows come with the repository.
    """

    name = "quickstart"
    expected = {"train": 100, "test": 50}

    def rows(self, split):
        return problems.ict() if split == "ict" else problems.rows(split)


class World(Adapter):
    """Worlds: small universes of programs with a known joint distribution (`data/worlds`), a task `world-<name>` each.

    Head and one-line docstring, like APPS+; `python -m data.worlds.prepare` writes the rows.
    """

    def __init__(self, name: str):
        self.name = name

    @staticmethod
    def is_name(name: str) -> bool:
        """Whether a data set of that name is a world."""
        return re.fullmatch(r"world-[\w.-]+", name) is not None
