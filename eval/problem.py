"""What a problem is: a description, the head of the function to write, a gold solution and tests.

A problem travels as a row of `data/<task>/{train,test}.json`:
`{"id", "query", "head", "code", "test", "verified"}`, `"prompt"` where a benchmark dictates one, and `"tags"`, for
instance `{"library": ["numpy", "re"]}`, where scores are broken down.
`test` is one of

* `{"style": "io", "fn_name", "inputs", "outputs", "stdin": bool}`: values in, value out, or text in, text out;
* `{"style": "asserts", "setup", "asserts": [script, ...]}`: scripts run with the program;
* `{"style": "check", "script", "entry_point"}`: a script that defines `check(candidate)`.

`"base_test"`, in the same form, holds a part of the tests whose scores are reported too (EvalPlus: the original
benchmark's tests; `test` has those and more). `"example"` is the assertion that the prompt shows, where that is not the
first of `asserts`.

A test may have `"gold_seconds"`, the time that its gold solution took for the slowest script or input; it raises the
time limit of the test where the usual one is lower (`eval.judge`).

In the last two styles program and scripts may use the names of `"prelude": {name: import statement}` without an import.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from eval.judge.styles import fault_in_test

REQUIRED = ("id", "query", "head", "code", "test")
OPTIONAL = ("verified", "prompt", "tags", "base_test", "example")
OVERLAP = "test problems"  # kind of tag: whether a test problem is among the training problems, or shares text with one


@dataclass(frozen=True)
class Problem:
    """One problem. `id` is an int or a string; texts are plain Python source or prose."""

    id: int | str
    query: str  # the seed description d0
    head: str  # what a solution starts with, up to and including the entry function's `def` line
    code: str  # the gold solution; empty where the data set has none
    test: dict
    verified: bool = True  # the gold solution passes the tests
    prompt: str = ""  # the benchmark's prompt, where it dictates one
    tags: dict = field(default_factory=dict)  # kind of tag -> values, for instance the libraries of the gold solution
    base_test: dict | None = None  # a part of the tests, scored separately
    example: str = ""  # the assertion that the prompt shows, where it is not the first of the tests
    entry_point: str = field(init=False)  # name of the function that the head opens

    def __post_init__(self):
        object.__setattr__(self, "entry_point", entry_point(self.head))

    @classmethod
    def from_row(cls, row: dict) -> Problem:
        """Build a problem from a row of a task file; ValueError names what the row lacks."""
        if not isinstance(row, dict):
            raise ValueError("the row is not an object")
        missing = [key for key in REQUIRED if key not in row]
        if missing:
            raise ValueError(f"the row lacks {', '.join(missing)}")
        for key in ("query", "head", "code"):
            if not isinstance(row[key], str):
                raise ValueError(f"{key} is not a string")
        if not isinstance(row["id"], (int, str)) or isinstance(row["id"], bool):
            raise ValueError("id is neither a number nor a string")
        for key in ("prompt", "example"):
            if not isinstance(row.get(key, ""), str):
                raise ValueError(f"{key} is not a string")
        if not row["query"].strip():
            raise ValueError("the description (query) is empty")
        tags = row.get("tags", {})
        if not isinstance(tags, dict) or not all(isinstance(values, list) for values in tags.values()):
            raise ValueError("tags is not an object of lists")
        for key in ("test", "base_test"):
            fault = fault_in_test(row[key]) if row.get(key) is not None or key == "test" else None
            if fault:
                raise ValueError(fault if key == "test" else f"base_test: {fault}")
        known = {key: row[key] for key in (*REQUIRED, *OPTIONAL) if key in row}
        return cls(**known)

    def to_row(self) -> dict:
        """The row of a task file that `from_row` reads back."""
        row = {key: getattr(self, key) for key in (*REQUIRED, "verified")}
        return {
            **row,
            **{key: getattr(self, key) for key in ("prompt", "tags", "base_test", "example") if getattr(self, key)},
        }


def entry_point(head: str) -> str:
    """Name of the last function that `head` opens; ValueError where it opens none."""
    try:
        tree = ast.parse(head.rstrip() + " pass")
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ValueError(f"the head is not the opening of a function: {head!r}") from error
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    if not functions:
        raise ValueError(f"the head opens no function: {head!r}")
    return max(functions, key=lambda node: (node.lineno, node.col_offset)).name


# Where a completion of a function ends: at the first line that starts something else. No stop word for `@`, `import`
# or a plain call: those may follow a nested block that the tests need.
STOP_WORDS = ("\nclass", "\nif", "\n#", "\nprint", "\ndef", "\nassert", "\n```")


class Adapter:
    """How one data set treats its problems; a subclass states only what differs."""

    name = ""
    stop_words: tuple[str, ...] = STOP_WORDS
    published_stop_words: tuple[str, ...] = STOP_WORDS[:-1]  # of the authors' evaluation, which knows no code fence
    prelude: dict[str, str] = {}  # names that programs and tests may use without importing them -> import statements
    expected: dict[str, int] = {}  # split -> number of problems as published
    tasks: tuple[str, ...] = ()  # the difficulties, where each is a separate task
    same_ids = False  # an id means the same problem in training and test files
    trains = True  # has training problems; False: for evaluation only
    prompt_end = ""  # behind the closing quotes of a code prompt
    raw_texts = False  # descriptions as they are, neither trimmed nor made safe inside a docstring

    def rows(self, split: str) -> list | None:
        """Rows of a split (`train`, `test`, `ict`) that need no preparation, or None."""
        return None

    def code_prompt(self, problem: Problem, description: str) -> str:
        """Head and docstring, ending at the closing quotes: after a newline, models like GPT-2 start at column 0."""
        if problem.prompt and description == problem.query:
            return problem.prompt.rstrip() + self.prompt_end
        return f"{problem.head.rstrip()}\n{self.docstring(problem, description)}{self.prompt_end}"

    def docstring(self, problem: Problem, description: str) -> str:
        """The docstring block under the head, indented."""
        text = description if self.raw_texts else docstring_text(description)
        return f'{body_indent(problem.head)}""" {text}"""'

    def description(self, docstring: str) -> str:
        """The description in the evaluated text of a `docstring`."""
        return docstring.strip()

    def evaluation_stop_words(self, published: bool) -> tuple[str, ...]:
        """Where evaluation ends a completion: as sampling does, or as the authors' evaluation of this data set does."""
        return self.published_stop_words if published else self.stop_words

    def finish(self, problem: Problem, program: str) -> str:
        """A last cut of a sampled program, where stop words do not suffice."""
        return program

    def judged(self, problem: Problem, program: str) -> str:
        """The text that is judged: the program, with what the benchmark's judge adds to it."""
        return program

    def task_id(self, problem: Problem) -> str:
        """The problem's name in samples files of the field."""
        return str(problem.id)


def body_indent(head: str) -> str:
    """Indentation of the body of the function that `head` opens: one step deeper than its last `def`."""
    opening = [line for line in head.splitlines() if line.lstrip().startswith(("def ", "async def "))][-1]
    margin = opening[: len(opening) - len(opening.lstrip())]
    return margin + ("\t" if "\t" in margin else "    ")


def literal_text(text: str) -> str:
    """`text` made safe inside triple double quotes: evaluating the literal gives it back, trimmed."""
    return text.strip().replace("\x00", "").replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def docstring_text(description: str) -> str:
    """`literal_text` that may stand right before the closing quotes."""
    text = literal_text(description)
    escaped = (len(text) - len(text.removesuffix('"').rstrip("\\"))) % 2 == 0
    return text[:-1] + '\\"' if text.endswith('"') and not escaped else text
