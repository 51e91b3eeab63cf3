"""Whether a program solves its problem: `Judge` from Python, `python -m eval.judge` on files."""

# The one package file that is not empty: programs outside this repository import these names from here. A cell makes
# a stand-in for this package (`inside/server.py`), so none of this runs there.
from eval.judge.pool import Judge, JudgeFailure, JudgeOptions

__all__ = ["Judge", "JudgeFailure", "JudgeOptions"]
