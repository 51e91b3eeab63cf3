"""LiveCodeBench (Jain et al. 2024, arXiv:2403.07974): contest problems with their dates, for evaluation only."""

from __future__ import annotations

import ast

from eval.problem import Adapter, Problem

# What the benchmark's judge imports before every program: all names of these modules, then the modules.
NAMES = (
    "string re datetime collections heapq bisect copy math random statistics itertools functools operator io sys json"
)
MODULES = NAMES.split(" ")
STARS = [f"from {module} import *" for module in (*MODULES, "builtins", "typing")]
PREAMBLE = "\n".join([*STARS, *(f"import {module}" for module in MODULES), "sys.setrecursionlimit(50000)", ""])
MAIN = "solve"  # the function that a completion of a standard-input problem writes


class LiveCodeBench(Adapter):
    """Head and one-line docstring, like APPS+; a standard-input problem is judged as a whole program."""

    name = "livecodebench"
    trains = False

    def judged(self, problem: Problem, program: str) -> str:
        """The program after the benchmark's imports, with a call of `solve()` if a whole program only defines it."""
        try:
            tree = ast.parse(program)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return program
        future = [node.end_lineno for node in tree.body if getattr(node, "module", None) == "__future__"]
        lines = program.split("\n")
        first = "".join(line + "\n" for line in lines[: max(future, default=0)])
        rest = "\n".join(lines[max(future, default=0) :])
        call = f"\n\n{MAIN}()\n" if problem.test.get("stdin") and _only_defines(tree, MAIN) else ""
        return first + PREAMBLE + rest + call


def _only_defines(tree: ast.Module, name: str) -> bool:
    """Whether a function without parameters is defined at the top level, and named nowhere but inside itself."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    if len(functions) != 1 or ast.unparse(functions[0].args):
        return False
    others = [node for node in tree.body if node is not functions[0]]
    return not any(isinstance(n, ast.Name) and n.id == name for other in others for n in ast.walk(other))
