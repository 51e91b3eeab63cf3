"""Read APPS+ or APPS and write `data/{introductory,interview,competition}/{train,test,ict}.json`:

    python -m data.apps.prepare --source data.json

Read are StepCoder's APPS+ JSON, rows of the original APPS, the files of the GiFT authors
(`apps+valid-<difficulty>.json`, `test.json`, in-context lists), a folder of such files, or a hub id. Solutions that are
scripts become a function `solve()`. README.md in this folder says more.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import re
from pathlib import Path

from data import common
from data.apps.matching import are_of, match
from data.apps.scripts import NAME, is_script, to_function
from data.common import Batch, Dropped, Part, Task
from eval.compare import text_of
from eval.problem import entry_point
from eval.registry import ADAPTERS, adapter
from utils import io
from utils.extract import bare_newlines, find_function, parse, remove_docstrings
from utils.io import InputError

TEST_PERCENT = 20
MOST_SOLUTIONS = 5  # of a row that has several: tried in their order until one passes
DIFFICULTIES = adapter("apps").tasks
QUOTES = '"""'

# Fields go by other names from one file to the next.
STATEMENT = ("question", "query", "problem", "statement", "prompt", "problem_description", "description")
SOLUTION = ("canonical_solution", "code", "solution", "canonical_solutions", "solutions")
FUNCTION = ("fn_name", "function_name", "func_name", "entry_point", "method_name")
INPUT_TYPE = ("std_based", "input_type", "test_type", "type")
STARTER = ("starter_code", "starter")
ID = ("problem_id", "id", "task_id")


def main() -> int:
    """Read, convert, judge and write; returns the exit status."""
    parser = common.source_arguments(__doc__, "files or folders with APPS+ or APPS, or a hub id")
    parser.add_argument("--difficulty", choices=DIFFICULTIES, help="of rows that do not say; others are left out")
    parser.add_argument("--max_tests", type=int, default=0, help="first N test cases alone (published: 10; 0: all)")
    args = common.parse_flags(parser)
    if args.max_tests < 0:
        raise InputError(f"--max_tests {args.max_tests}: at least 0 is needed")
    lists = [Path(args.ict)] if args.ict else _in_context_files(args.source)
    parts = common.read_sources(args.source, lambda name: "ict" not in name.lower())
    batches, how = convert(parts, args.difficulty, args.max_tests)
    inputs = {part.name: part.digest for part in parts}
    tasks = [task_of(name, batches) for name in DIFFICULTIES]
    for task in (task for task in tasks if any(task.splits.values())):
        for path in lists:
            if task.name in path.name or not any(name in path.name for name in DIFFICULTIES):
                entries, inputs[path.name] = common.read_examples(path)
                add_examples(task, entries, batches)
    settings = {"max_tests": args.max_tests, "split": how, "difficulty": args.difficulty}
    common.write_tasks(adapter("apps"), tasks, batches, args, settings, inputs)
    for task in tasks:
        if task.matched:
            print(
                "{0} ict: the problems of {matched} of {descriptions} descriptions found by {by}".format(
                    task.name, **task.matched
                )
            )
    return 0


def _in_context_files(sources: list[str]) -> list[Path]:
    """Lists of in-context descriptions in the folders given, but for those of other data sets."""
    folders = [Path(source) for source in sources if Path(source).is_dir()]
    files = [file for folder in folders for file in folder.iterdir() if file.name.lower().endswith(".json")]
    lists = [file for file in files if "ict" in file.name.lower() and not file.name.endswith(common.OWN_FILES)]
    others = [name for name in ADAPTERS if name != "apps"]
    return sorted(file for file in lists if not any(name in file.name.lower() for name in others))


def task_of(name: str, batches: list[Batch]) -> Task:
    """The problems of one difficulty."""
    splits: dict[str, list[list[dict]]] = {"train": [], "test": []}
    for row in (row for batch in batches for row in batch.rows if row["task"] == name):
        splits[row["split"]].append(versions(row))
    return Task(name, splits, expected={"train": f"{adapter('apps').expected[name]} with test"})


def training_ids(name: str, batches: list[Batch]) -> list:
    """Ids of the training problems of a difficulty by the position of their row; None for rows that were dropped."""
    ids = []
    for batch in batches:
        own = dict(zip(batch.positions, batch.rows, strict=True))
        if any(row["task"] == name and row["split"] == "train" for row in own.values()):
            ids += [own[place]["id"] if place in own and own[place]["split"] == "train" else None
                    for place in range(batch.read)]  # fmt: skip
    return ids


def convert(parts: list[Part], difficulty: str | None, max_tests: int) -> tuple[list[Batch], str]:
    """Problems of all parts, each with its `task` and `split`, and how the split was made."""
    known = [common.split_of(part.name) for part in parts]
    by_source = any(known) or any(isinstance(row, dict) and row.get("split") for part in parts for row in part.rows)
    batches, seen = [], set()
    for part, split in zip(parts, known, strict=True):
        given = next((name for name in DIFFICULTIES if name in part.name), None)

        def make(raw, position, split=split, given=given):
            row = problem(raw, position, max_tests, given or difficulty)
            if difficulty and row["task"] != difficulty:
                raise Dropped("another difficulty")
            row["split"] = common.split_of(str(raw.get("split") or "")) or split or by_hash(row["query"])
            if by_source and not (split or raw.get("split")):
                raise Dropped("no split given")
            return row

        batches.append(common.convert(part, make, adapter("apps"), seen))
    return batches, "the source's own" if by_source else f"hash of the statement, {TEST_PERCENT} % test"


def by_hash(statement: str) -> str:
    """A split that depends on the statement alone, so that the same one never stands in both."""
    number = int(hashlib.sha256(" ".join(statement.split()).encode()).hexdigest(), 16)
    return "test" if number % 100 < TEST_PERCENT else "train"


def problem(raw: dict, position: int, max_tests: int, difficulty: str | None) -> dict:
    """A raw row of any of the formats as a row of a task file, with `task` and the other solutions; Dropped."""
    name = str(raw.get("difficulty") or difficulty or "").lower()
    if name not in DIFFICULTIES:
        raise Dropped("unknown difficulty" if name else "lacks difficulty")
    tests = _tests(raw)
    inputs = common.value_of(tests, list, "inputs", "input")
    outputs = common.value_of(tests, list, "outputs", "output")
    if len(inputs) != len(outputs):
        raise Dropped("inputs and outputs of different length")
    starter = common.value_of({**tests, **raw}, str, *STARTER, default="")
    function = _function_name({**raw, **tests}, starter)
    stdin = _reads_input({**tests, **raw}, function, inputs)
    if not (stdin or function):
        raise Dropped("lacks fn_name")
    identity = common.value_of(raw, (int, str), *ID, default=position)
    query = _statement(raw)
    inputs, outputs = inputs[: max_tests or None], outputs[: max_tests or None]
    versions = [
        {
            "id": identity,
            "query": query,
            **program,
            "test": {"style": "io", "fn_name": entry_point(program["head"]), **values, "stdin": stdin},
            "verified": False,
            "tags": {"difficulty": [name], "input": ["standard input" if stdin else "call"], **tags},
        }
        for program in _programs(_solutions(raw), function, stdin, starter)
        for values, tags in _values(inputs, outputs, stdin)
    ]
    return {**versions[0], "task": name, "others": versions[1:]}


def versions(row: dict) -> list[dict]:
    """The row of the task file, once for each gold program that can be used and each reading of its tests' values."""
    first = {key: value for key, value in row.items() if key not in ("task", "split", "others")}
    return [first, *(other for other in row["others"] if _is_usable(other))]


def _is_usable(row: dict) -> bool:
    try:
        common.check(adapter("apps"), row)
    except Dropped:
        return False
    return True


def _values(inputs: list, outputs: list, stdin: bool) -> list[tuple[dict, dict]]:
    """Inputs and outputs of a test as they are, then with strings in quotes as literals, each with its tags."""
    if stdin:
        return [({"inputs": [text_of(given) for given in inputs], "outputs": [text_of(want) for want in outputs]}, {})]
    given = {"inputs": inputs, "outputs": outputs}
    unquoted = {key: _unquoted(values) for key, values in given.items()}
    return [(given, {}), *([(unquoted, {"strings": ["literals"]})] if unquoted != given else [])]


def _unquoted(value):
    """A value whose strings are read as Python wherever they are a string in quotes, as in `'"abc"'`."""
    if isinstance(value, list):
        return [_unquoted(item) for item in value]
    if isinstance(value, dict):
        return {_unquoted(key): _unquoted(item) for key, item in value.items()}
    if isinstance(value, str) and re.fullmatch(r"([\"']).*\1", value, re.DOTALL):
        with contextlib.suppress(SyntaxError, ValueError):
            literal = ast.literal_eval(value)
            return literal if isinstance(literal, str) else value
    return value


def _statement(raw: dict) -> str:
    """The description of a problem: a text, or what stands in the docstring of starter code, letter by letter.

    That is not the docstring as Python evaluates it: statements are full of backslashes, as in LaTeX.
    """
    text = common.text_of(raw, *STATEMENT)
    opening, _, rest = text.partition(QUOTES)
    is_code = re.match(r"\s*(@|(async def|def|class|from|import)\b)", opening) and "def " in opening
    if is_code and rest.rstrip().endswith(QUOTES):
        text = rest.rstrip().removesuffix(QUOTES)
    if not text.strip():
        raise Dropped(f"empty {STATEMENT[0]}")
    return text


def _tests(raw: dict) -> dict:
    """The object that holds inputs and outputs: an inner one, or the row itself."""
    for key in ("input_output", "test", "tests"):
        if raw.get(key):
            tests = raw[key]
            if isinstance(tests, str):
                try:
                    tests = json.loads(tests)
                except (ValueError, RecursionError):
                    raise Dropped(f"malformed {key}") from None
            if not isinstance(tests, dict):
                raise Dropped(f"malformed {key}")
            return tests
    return raw


def _function_name(fields: dict, starter: str) -> str | None:
    """The function that a row names, else the one that its starter code opens last, as in `class Solution:`."""
    opened = re.findall(r"^\s*def\s+(\w+)", starter, re.MULTILINE)
    return common.value_of(fields, str, *FUNCTION, default=None) or (opened[-1] if opened else None)


def _reads_input(fields: dict, function: str | None, inputs: list) -> bool:
    """Whether programs read standard input: as the row says, else where inputs are texts or there is no function.

    A row says so in words, or by a truth value: true, or a number but 0, is standard input, as published.
    """
    kind = next((fields[name] for name in INPUT_TYPE if fields.get(name) is not None), "")
    if isinstance(kind, (bool, int, float)):
        return bool(kind)
    if not isinstance(kind, str):
        raise Dropped(f"malformed {INPUT_TYPE[0]}")
    if "std" in kind.lower() or "standard" in kind.lower():
        return True
    if any(word in kind.lower() for word in ("call", "func", "fn")):
        return False
    return function is None or all(isinstance(given, str) for given in inputs)


def _solutions(raw: dict) -> list[str]:
    """Programs that solve the problem, the canonical one first."""
    found = next((raw[key] for key in SOLUTION if raw.get(key)), None)
    if isinstance(found, str) and found.lstrip().startswith("["):
        with contextlib.suppress(ValueError, RecursionError):  # else a program that begins with a list
            found = json.loads(found)
    found = [found] if isinstance(found, str) else found
    if not found:
        raise Dropped(f"lacks {SOLUTION[0]}")
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise Dropped(f"malformed {SOLUTION[0]}")
    return found


def _programs(solutions: list[str], function: str | None, stdin: bool, starter: str) -> list[dict]:
    """Code and head of the first solutions that can be used; Dropped with the first one's reason where none can."""
    programs, reasons = [], []
    for code in solutions[:MOST_SOLUTIONS]:
        try:
            programs.append(_program(code, function, stdin, starter))
        except Dropped as reason:
            reasons.append(reason)
    if not programs:
        raise reasons[0]
    return programs


def _program(code: str, function: str | None, stdin: bool, starter: str) -> dict:
    """Code and head of a solution; Dropped where it cannot be used."""
    code = bare_newlines(code).strip("\n") + "\n"
    tree = common.syntax_tree(code)
    if function and not _has(tree, function):
        code = _with_function(code, tree, function, starter)
        tree = common.syntax_tree(code)
    if stdin and (is_script(tree) or function is None or not _has(tree, function)):
        try:
            code, function = to_function(code), NAME
        except ValueError:
            raise Dropped("script cannot become a function") from None
    code = remove_docstrings(code)
    return {"code": code, "head": common.head_of(code, function)}


def _has(tree: ast.Module, function: str) -> bool:
    try:
        return bool(find_function(tree, function))
    except ValueError:
        return False


def _with_function(code: str, tree: ast.Module, function: str, starter: str) -> str:
    """The program with `name = callable` as a function of that name; as it is where it has no such line.

    Its parameters are those of the lambda, else those that the starter code gives the function.
    """
    lines = code.split("\n")
    for node in tree.body:
        if not (isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [function]):
            continue
        rows = slice(node.lineno - 1, node.end_lineno)
        behind = "\n".join(lines[rows]).removeprefix(ast.get_source_segment(code, node)).lstrip()
        parameters, result = _called(node.value, function, starter)
        if result and (not behind or behind.startswith("#")):
            lines[rows] = [f"def {function}({parameters}):", f"    return {result}"]
            return "\n".join(lines)
    return code


def _called(value: ast.expr, function: str, starter: str) -> tuple[str, str]:
    """Parameters and result of a function that does what a callable does; "" and "" where that is not clear."""
    if isinstance(value, ast.Lambda):
        return ast.unparse(value.args), ast.unparse(value.body)
    try:
        parameters = find_function(parse(starter.rstrip() + " pass"), function).args
    except ValueError:
        return "", ""
    names = [argument.arg for argument in parameters.args]
    if ast.unparse(parameters) != ", ".join(names):  # defaults, annotations and stars
        return "", ""
    return ", ".join(names), f"{ast.unparse(value)}({', '.join(names)})"


def add_examples(task: Task, entries: list, batches: list[Batch]) -> None:
    """Give a task its in-context descriptions, `[[problem id, text], ...]`, and count those that cannot be used.

    Published are pairs of a training row's position and a text, or texts alone: one for each training row, or else
    fewer. The problems of these, and of pairs whose positions are those of another file, are found by what the texts
    say (`matching`).
    """
    ids = training_ids(task.name, batches)
    if entries and all(isinstance(entry, str) for entry in entries):
        if len(entries) != len(ids):
            _add_matched(task, entries, batches, "bare string that names no problem")
            return
        entries = [[key, text] for key, text in zip(ids, entries, strict=True)]
    known = {str(key): position for position, key in enumerate(ids) if key is not None}
    pairs = [
        [known.get(str(entry[0]), -1), *entry[1:]] if isinstance(entry, list) and entry else entry for entry in entries
    ]
    task.examples, task.examples_dropped = common.examples_by_position(pairs, ids)
    rows = {str(row["id"]): number for number, row in enumerate(_rows_of(task, batches)) if row["split"] == "train"}
    named = [(text, rows[str(key)]) for key, text in task.examples if str(key) in rows]  # not of another difficulty
    if not are_of(*_texts(task, batches, [text for text, _ in named]), [number for _, number in named]):
        texts = [entry[1] for entry in entries if isinstance(entry, list) and len(entry) == 2]
        _add_matched(task, [text for text in texts if isinstance(text, str)], batches, "number of another file's row")


def _add_matched(task: Task, texts: list[str], batches: list[Batch], reason: str) -> None:
    """The same for texts that do not say whose they are; problems of both splits are asked, as any may be theirs.

    `reason` is what is counted where no problem is clearly meant.
    """
    found = match(*_texts(task, batches, texts))
    ids = [row["id"] if row["split"] == "train" else None for row in _rows_of(task, batches)]
    pairs = [[problem, texts[number]] for number, problem in found.pairs.items()]
    task.examples, task.examples_dropped = common.examples_by_position(pairs, ids)
    task.examples_dropped[reason] = len(texts) - len(pairs)
    task.matched = {"descriptions": len(texts), "matched": len(found.pairs), "by": found.by}


def _rows_of(task: Task, batches: list[Batch]) -> list[dict]:
    return [row for batch in batches for row in batch.rows if row["task"] == task.name]


def _texts(task: Task, batches: list[Batch], descriptions: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Descriptions beside statements and gold codes of all problems of a task."""
    rows = _rows_of(task, batches)
    return descriptions, [row["query"] for row in rows], [row["code"] for row in rows]


if __name__ == "__main__":
    io.run(main)
