"""The three styles of tests (`eval/problem.py` describes them), and validation of a test."""

from __future__ import annotations

import ast
import functools

STYLES = ("io", "asserts", "check")


def fault_in_test(test: object) -> str | None:
    """Why `test` is not a test of one of the three styles, or None if it is."""
    if not isinstance(test, dict) or test.get("style") not in STYLES:
        return f"test needs a style, one of {', '.join(STYLES)}"
    seconds = test.get("gold_seconds", 0)
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not 0 <= seconds < 1e6:
        return "gold_seconds must be a number of seconds"
    if test["style"] != "io" and not is_prelude(test.get("prelude", {})):
        return "prelude must map names to import statements that bind them"
    if test["style"] == "asserts":
        scripts = test.get("asserts")
        if not isinstance(scripts, list) or not all(isinstance(script, str) for script in scripts):
            return "asserts must be a list of strings"
        return None if isinstance(test.get("setup", ""), str) else "setup must be a string"
    if test["style"] == "check":
        good = isinstance(test.get("script"), str) and isinstance(test.get("entry_point"), str)
        return None if good else "a check test needs script and entry_point"
    inputs, outputs = test.get("inputs"), test.get("outputs")
    if not isinstance(inputs, list) or not isinstance(outputs, list):
        return "an io test needs the lists inputs and outputs"
    if len(inputs) != len(outputs):
        return f"{len(inputs)} inputs but {len(outputs)} outputs"
    if not isinstance(test.get("stdin", False), bool):
        return "stdin must be true or false"
    if not test.get("stdin") and not isinstance(test.get("fn_name"), str):
        return "an io test without stdin needs fn_name"
    return None


def is_prelude(prelude: object) -> bool:
    """Whether this maps names to the import statements that bind them."""
    return isinstance(prelude, dict) and all(
        isinstance(statement, str) and imported_name(statement) == name for name, statement in prelude.items()
    )


@functools.lru_cache(1024)
def imported_name(statement: str) -> str | None:
    """The one name that an import statement binds; None for any other text."""
    try:
        (node,) = ast.parse(statement).body
        (alias,) = node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else ()
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return alias.asname or alias.name.split(".")[0]
