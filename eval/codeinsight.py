"""CodeInsight: everyday questions from Stack Overflow, each with up to three unit-test scripts."""

from eval.problem import STOP_WORDS, Adapter

# In the published judging program and tests share a namespace that holds 13 modules and `np`, `pd`, `sklearn`. Taken
# here are the 13 that gold programs and unit tests of both splits import most often under their own names; 254 training
# problems' tests import ten of them, needed or not. All modules that some gold program or test uses and neither
# imports are among them.
MODULES = "ast collections datetime functools itertools json math numpy operator pandas random re string sklearn"


class CodeInsight(Adapter):
    """Head and one-line docstring, like APPS+."""

    name = "codeinsight"
    published_stop_words = tuple(word for word in STOP_WORDS if word not in ("\ndef", "\nassert", "\n```"))
    expected = {"train": 1547, "test": 1856}
    prelude = {name: f"import {name}" for name in MODULES.split()}
    prelude |= {"np": "import numpy as np", "pd": "import pandas as pd"}
