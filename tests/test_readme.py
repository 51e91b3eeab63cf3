"""What the READMEs say is true of the repository: links, files, commands and flags exist."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from eval.judge import Judge, JudgeOptions
from utils.args import SamplingOptions, ScoringOptions, TrainingOptions

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 220  # lines of README.md
STAGES = {"seq_gibbs_sample.py": SamplingOptions, "cal_ppl.py": ScoringOptions, "run_gen.py": TrainingOptions}
LAUNCHER = ("--include", "--num_gpus")  # DeepSpeed's
READMES = [ROOT / "README.md"]
READMES += sorted(
    path for top in ("data", "eval", "scripts", "tests", "utils") for path in ROOT.glob(f"{top}/**/README.md")
)
READMES = [path for path in READMES if ROOT / "data/models" not in path.parents]

FENCE = re.compile(r"^(`{3,})(\w*)\n(.*?)^\1\n", re.MULTILINE | re.DOTALL)
every_readme = pytest.mark.parametrize("readme", READMES, ids=lambda path: str(path.relative_to(ROOT)))


def blocks(readme: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return [text for _, name, text in FENCE.findall(readme.read_text(encoding="utf-8")) if name == language]


def prose(readme: Path) -> str:
    """A README without its fenced blocks."""
    return FENCE.sub("", readme.read_text(encoding="utf-8"))


def spans(readme: Path) -> list[str]:
    """The `inline code` of a README."""
    text = re.sub(r"\[`[^`]*`\]\(", "(", prose(readme))  # a link's text is no name
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)


@cache
def anchors(readme: Path) -> set[str]:
    """The anchors of a README's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(readme), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# ---------------------------------------------------------------------------------------------------------------------
# Commands


def commands(readme: Path) -> Iterator[list[str]]:
    """The simple commands of a README's bash blocks and inline code, as words."""
    inline = [span for span in spans(readme) if re.match(r"(python|deepspeed|bash|sbatch) ", span)]
    for text in [*blocks(readme, "bash"), *inline]:
        for line in text.replace("\\\n", " ").splitlines():
            lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|")
            lexer.whitespace_split = True
            words: list[str] = []
            for word in [*lexer, ";"]:
                if set(word) <= set(";&|"):
                    if words:
                        yield words
                    words = []
                else:
                    words.append(word)


def programs(words: list[str]) -> Iterator[tuple[Path, list[str], list[str]]]:
    """The programs of the repository that a command starts: file, its flags, variables set for it.

    A program's flags end where the next one begins, as in `bash scripts/serve.sh MODEL -- python ...`.
    """
    starts = []
    for i, word in enumerate(words):
        if words[i - 1] == "-m" and i and re.fullmatch(r"(data|eval|scripts|utils)[\w.]*", word):
            module = ROOT / word.replace(".", "/")
            starts.append((i, module / "__main__.py" if module.is_dir() else module.with_suffix(".py")))
        elif re.fullmatch(r"[\w/]+\.(py|sh)", word):
            starts.append((i, ROOT / word))
    for (i, path), (end, _) in pairwise([*starts, (len(words), None)]):
        flags = [word.split("=")[0] for word in words[i + 1 : end] if re.match(r"--\w", word)]
        variables = [word.split("=")[0] for word in words[:i] if re.match(r"[A-Z_]+=", word)]
        yield path, flags, variables


@cache
def known_flags(path: Path) -> set[str]:
    """The flags that a script or module knows: fields of a stage's options, or what its source adds to a parser."""
    if path.name in STAGES and path.parent == ROOT:
        return {f"--{field.name}" for field in fields(STAGES[path.name])}
    if path.suffix == ".sh":
        return shell_flags(path)
    return parser_flags(path)


def shell_flags(path: Path) -> set[str]:
    """Flags that a shell script reads, those of scripts it sources, and those of a program that gets all its own."""
    text = path.read_text()
    flags = set(re.findall(r"(?<=[ |])(--\w+)(?=[ |)])", text))
    for sourced in re.findall(r"^\. (scripts/\w+\.sh)", text, re.MULTILINE):
        flags |= shell_flags(ROOT / sourced)
    for program in re.findall(r'(scripts/\w+\.py) "\$@"', text):
        flags |= known_flags(ROOT / program)
    return flags


def parser_flags(path: Path) -> set[str]:
    """Flags in the `add_argument` calls of a file, and of the functions of other files that it calls."""
    flags: set[str] = set()
    seen, waiting = set(), [(path, None)]
    while waiting:
        source, function = waiting.pop()
        for call in ast.walk(functions(source)[function] if function else tree(source)):
            if not isinstance(call, ast.Call):
                continue
            if isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument":
                flags |= {word.value for word in call.args if isinstance(word, ast.Constant) and word.value[:2] == "--"}
            elif (called := definition(source, call.func)) and called not in seen:
                seen.add(called)
                waiting.append(called)
    return flags


def definition(path: Path, callee: ast.expr) -> tuple[Path, str] | None:
    """File and name of a function with flags that a file calls, as `name` or `module.name`; None: there is none."""
    parts = [callee.value, callee] if isinstance(callee, ast.Attribute) else [callee]
    if not isinstance(parts[0], ast.Name):
        return None
    names = [parts[0].id, *(part.attr for part in parts[1:])]
    dotted = ".".join([imported(path).get(names[0], names[0]), *names[1:]])
    module, _, name = dotted.rpartition(".")
    source = ROOT / f"{module.replace('.', '/')}.py" if module else path
    return (source, name) if adds_flags(source) and name in functions(source) else None


@cache
def adds_flags(path: Path) -> bool:
    """Whether this file exists and adds flags to a parser."""
    return path.exists() and "add_argument" in path.read_text()


@cache
def tree(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text())


@cache
def functions(path: Path) -> dict[str, ast.FunctionDef]:
    """The functions at the top level of a file."""
    return {node.name: node for node in tree(path).body if isinstance(node, ast.FunctionDef)}


@cache
def imported(path: Path) -> dict[str, str]:
    """Names that a file imports with `from`, and the dotted names of what they are."""
    imports = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name: f"{node.module}.{alias.name}" for node in imports for alias in node.names}


@cache
def all_flags() -> set[str]:
    """Every flag of the repository's programs."""
    flags = set().union(*(known_flags(path) for path in [*map(ROOT.joinpath, STAGES), *ROOT.glob("scripts/*.sh")]))
    for folder in ("data", "eval", "scripts", "utils"):
        for path in ROOT.glob(f"{folder}/**/*.py"):
            flags |= set(re.findall(r'add_argument\(\s*"(--\w+)"', path.read_text()))
    return flags


# ---------------------------------------------------------------------------------------------------------------------
# Tests


def test_the_first_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= LONGEST


@every_readme
def test_links_lead_somewhere(readme):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(readme)):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        path = (readme.parent / name).resolve() if name else readme
        assert path.exists(), f"{target}: no such file"
        assert not anchor or anchor in anchors(path), f"{target}: no such heading"


@every_readme
def test_files_and_tests_that_are_named_exist(readme):
    for span in spans(readme):
        name, _, test = span.partition("::")
        if not re.fullmatch(r"[\w*/.-]*\w+\.(py|sh|md)|[\w*/.-]+/[\w*.-]+\.(png|txt)", name):
            continue
        if name == "README.md" or "HumanEval_" in name:  # a model card; an example of a samples folder
            continue
        tests = [path for path in ROOT.glob("tests/**/*.py") if path.name == name]
        paths = tests or [*readme.parent.glob(name), *readme.parent.glob(f"**/{name}"), *ROOT.glob(name)]
        assert paths, f"{span}: no such file"
        assert not test or any(test in functions(path) for path in paths), f"{span}: no such test"


@every_readme
def test_commands_are_bash(readme):
    for text in blocks(readme, "bash"):
        done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + text


@every_readme
def test_commands_name_programs_and_flags_that_exist(readme):
    for words in commands(readme):
        for path, flags, variables in programs(words):
            assert path.exists(), f"{shlex.join(words)}: {path.relative_to(ROOT)} does not exist"
            unknown = set(flags) - known_flags(path)
            assert not unknown, f"{shlex.join(words)}: {path.relative_to(ROOT)} does not know {unknown}"
            if path.suffix == ".sh":
                read = path.read_text() + (ROOT / "scripts/common.sh").read_text()
                assert all(re.search(rf"\b{name}\b", read) for name in variables), shlex.join(words)


@every_readme
def test_flags_in_the_text_exist(readme):
    ours = [span for span in spans(readme) if not span.startswith(LAUNCHER)]
    mentioned = {flag for span in ours for flag in re.findall(r"(?:^| )(--[a-z]\w+)", span)}
    unknown = mentioned - all_flags()
    assert not unknown, f"no program knows {unknown}"


def test_the_problem_and_the_tests_shown_can_be_judged():
    (problems,) = (json.loads(text) for text in blocks(ROOT / "README.md", "json"))
    (tests,) = (json.loads(text) for text in blocks(ROOT / "data/README.md", "json"))
    evens = "def f(x):\n    return sum(n for n in x if n % 2 == 0)\n"
    twice = "def solve():\n    print(2 * int(input()))\n"
    square = "def f(x):\n    return x * x\n"
    jobs = [(problem["code"], problem["test"]) for problem in problems]
    jobs += zip([evens, twice, square, square], tests, strict=True)
    with Judge(JudgeOptions(workers=1)) as judge:
        assert [verdict.passed for verdict in judge.judge(jobs)] == [True] * len(jobs)
