"""How an entry of the quickstart problem set is written: two small helpers, `call` and `stdin`.

An entry is the row of the task file (`id`, `query`, `head`, `code`, `test`, `verified`) with two more keys for
this folder alone: `describe` (in-context descriptions of the gold code) and `variants` (other programs that solve it).
The id of a problem is the name of its function.
"""

from __future__ import annotations

import re


def call(query: str, gold: str, cases: list, describe: tuple = (), variants: tuple = ()) -> dict:
    """A problem about a return value. A case is a tuple: the arguments, then the expected value."""
    arguments, values = [list(case[:-1]) for case in cases], [case[-1] for case in cases]
    test = {"inputs": arguments, "outputs": values, "stdin": False}
    return _entry(query, gold, test, describe, variants)


def stdin(query: str, gold: str, cases: list, describe: tuple = (), variants: tuple = ()) -> dict:
    """A problem about standard input. A case is a pair: the text to read, then the text to print."""
    test = {"inputs": [text for text, _ in cases], "outputs": [text for _, text in cases], "stdin": True}
    return _entry(query, gold, test, describe, variants)


def _entry(query: str, gold: str, test: dict, describe: tuple, variants: tuple) -> dict:
    gold = gold.strip("\n") + "\n"
    opening = re.search(r"^def (\w+)\(.*\):$", gold, re.MULTILINE)
    name = opening.group(1)
    return {
        "id": name,
        "query": query,
        "head": gold[: opening.end()],
        "code": gold,
        "test": {"style": "io", "fn_name": name, **test},
        "verified": True,
        "describe": list(describe),
        "variants": [variant.strip("\n") + "\n" for variant in variants],
    }
