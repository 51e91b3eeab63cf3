"""Who may import whom: the rules that keep the judge usable by itself and the stages readable.

No package imports one above it, and no two import each other: utils/run <- eval/judge <- eval <- utils (the method) <-
utils/model <- utils/serving <- utils/report <- the stages, data <- scripts. What is an exception is listed.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from toy import REPOSITORY

from eval.judge.sandbox import INSIDE

TORCH_FREE = ["utils.run.files", "utils.run.paths", "utils.run.streams", "utils.extract", "utils.prompts"]
STAGES = ["seq_gibbs_sample", "cal_ppl", "run_gen"]

# The folders with Python files, the lowest first. A file imports its own folder and lower ones: none above it, none in
# the same line.
LAYERS = (
    ("utils/run",),
    ("eval/judge/inside",),
    ("eval/judge",),
    ("eval",),
    ("utils",),  # the method
    ("utils/model",),
    ("utils/serving",),
    ("utils/report",),
    (".", "data"),  # the stages; what all data sets share
    tuple(f"data/{path.parent.name}" for path in sorted(REPOSITORY.glob("data/*/__init__.py"))),
    ("scripts/loops",),
    ("scripts", "scripts/replication"),
)
RANKS = {folder: rank for rank, folders in enumerate(LAYERS) for folder in folders}
# File -> what it imports from above, and why.
EXCEPTIONS = {
    "eval/judge/inside/script.py": "eval.judge.compare",  # every lenient rule on one page, beside the judge's flags
    "eval/sanitize.py": "utils.extract",  # text of programs alone; imports nothing of ours
    "eval/adapters.py": "data.quickstart.problems",  # the one data set that comes with the repository
    "eval/evaluate.py": "utils.report.figures",  # for --plot alone
    "utils/prompts.py": "utils.model.load",  # for its command alone, which shows prompts as a model gets them
    "utils/report/__main__.py": "scripts.replication.report",  # for `python -m utils.report replication` alone
}


def python_files(*folders: str) -> list[Path]:
    """Python files of these folders of the repository and of the packages below them."""
    paths = [path for folder in folders for path in sorted((REPOSITORY / folder).rglob("*.py"))]
    return [path for path in paths if (path.parent / "__init__.py").exists()]


FILES = [*sorted(REPOSITORY.glob("*.py")), *python_files("data", "eval", "scripts", "utils")]


def name_of(path: Path) -> str:
    """A file's path in the repository."""
    return path.relative_to(REPOSITORY).as_posix()


def folder_of(path: Path) -> str:
    """A file's folder in the repository; "." for the root."""
    return path.parent.relative_to(REPOSITORY).as_posix()


MODULES = {name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in FILES}


def imports(path: Path) -> set[str]:
    """Modules that a file imports, dotted; `from utils.run import files` counts as `utils.run.files`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= full | ({node.module} if not full <= MODULES.keys() else set())
    return found


def test_every_package_is_in_a_layer():
    folders = {folder_of(path) for path in REPOSITORY.glob("*/**/*.py") if (path.parent / "__init__.py").exists()}
    folders = {folder for folder in folders if not folder.startswith(".") and folder_of(REPOSITORY / folder) != "tests"}
    assert folders | {"."} == RANKS.keys()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_package_imports_one_above_or_beside_it(path):
    own = folder_of(path)
    for module in sorted(imports(path) & MODULES.keys()):
        theirs = folder_of(MODULES[module])
        if own != theirs and module != EXCEPTIONS.get(name_of(path)):
            assert RANKS[theirs] < RANKS[own], f"{name_of(path)} imports {module}"


def test_every_exception_is_needed():
    for name, module in EXCEPTIONS.items():
        assert module in imports(REPOSITORY / name), name
        assert RANKS[folder_of(MODULES[module])] > RANKS[folder_of(REPOSITORY / name)], name


def test_eval_imports_of_utils_only_files_and_paths():
    for path in python_files("eval"):
        own = {name for name in imports(path) if name.split(".")[0] == "utils"}
        allowed = ("utils.run.files", "utils.run.paths", EXCEPTIONS.get(name_of(path), "utils.run.files"))
        assert all(name == "utils.run" or name.startswith(allowed) for name in own), (path.name, own)


def test_a_cell_is_given_all_files_that_it_imports_and_no_others():
    cell = [REPOSITORY / f"eval/judge/{name}.py" for name in INSIDE]
    assert {path for path in cell if path.parent.name == "inside"} == {
        path for path in python_files("eval/judge/inside") if path.name != "__init__.py"
    }
    for path in cell:
        assert {MODULES[module] for module in imports(path) & MODULES.keys()} <= set(cell), path


def test_only_scripts_import_a_stage_and_data_imports_no_model_code():
    for path in FILES:
        names = {name.split(".")[0] for name in imports(path)}
        assert folder_of(path).startswith("scripts") or not names & set(STAGES), path
        assert not folder_of(path).startswith("data") or not names & {"torch", "transformers"}, path


def test_only_paths_builds_a_path_under_the_output_folders():
    for path in [*REPOSITORY.glob("*.py"), *python_files("utils", "eval")]:
        if path.name == "paths.py":
            continue
        tree = ast.parse(path.read_text())
        documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
                words = ("selfsample_code/", "selfsample_sum/", "fixed_data/", "gen_code/", "results/")
                assert not any(word in node.value for word in words), (path.name, node.lineno)


@pytest.mark.parametrize("modules", [["eval.judge", "eval.evaluate", "eval.registry"], TORCH_FREE])
def test_torch_free_modules_stay_so(modules):
    show = "[m for m in ('torch', 'transformers', 'deepspeed') if m in sys.modules]"
    code = f"import sys, {', '.join(modules)}; print({show})"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_packages_have_empty_init_files():
    for path in REPOSITORY.glob("*/**/__init__.py"):
        # `from eval.judge import Judge` is used outside this repository, so that package names its modules' classes.
        if ".venv" not in path.parts and name_of(path) != "eval/judge/__init__.py":
            assert path.read_text() == "", path


def test_stages_tell_their_story_in_the_same_order():
    marks = ["# Options", "# Resume", "# Model", "# Results"]
    for stage in STAGES:
        text = (REPOSITORY / f"{stage}.py").read_text()
        places = [text.index(mark) for mark in marks]
        assert places == sorted(places), stage
        assert text.rstrip().endswith("stop.run(main, OPTIONS)"), stage


EARLY = """
import os, runpy, sys
sys.path[:0] = [os.path.dirname(sys.argv[1])]
sys.argv = sys.argv[1:]
def leave(status):
    sys.stdout.flush()
    loaded = [name for name in ("torch", "transformers.modeling_utils", "deepspeed") if name in sys.modules]
    print(loaded, status, flush=True)
    leave_at_once(status)
leave_at_once, os._exit = os._exit, leave
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as end:
    leave(end.code)
"""


@pytest.mark.parametrize(("flags", "status"), [(["--help"], 0), (["--no_such_flag"], 2)])
@pytest.mark.parametrize("stage", STAGES)
def test_help_and_usage_errors_come_before_the_slow_imports(stage, flags, status):
    command = [sys.executable, "-c", EARLY, str(REPOSITORY / f"{stage}.py"), *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines()[-1] == f"[] {status}", done.stderr
    assert done.returncode == status
