"""Who may import whom: the rules that keep the judge usable by itself and the stages readable."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest
from toy import REPOSITORY

TORCH_FREE = ["utils.run.files", "utils.run.paths", "utils.run.streams", "utils.extract", "utils.prompts"]
STAGES = ["seq_gibbs_sample", "cal_ppl", "run_gen"]


def imports(path) -> set[str]:
    """Modules that a file imports, dotted; `from utils.run import files` counts as `utils.run.files`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def files(folder: str):
    """Python files of a folder of the repository."""
    return sorted((REPOSITORY / folder).glob("*.py"))


BESIDE_THE_JUDGE = {"evaluate.py": ("utils.report.figures",), "sanitize.py": ("utils.extract",)}


def test_eval_imports_of_utils_only_io_and_paths():
    for path in files("eval"):
        own = {name for name in imports(path) if name.split(".")[0] == "utils"}
        allowed = ("utils.run.files", "utils.run.paths", *BESIDE_THE_JUDGE.get(path.name, ()))
        assert all(name == "utils" or name.startswith(allowed) for name in own), (path.name, own)


def test_nothing_imports_a_stage_and_data_imports_no_model_code():
    prepared = [f"data/{name}" for name in ("apps", "codeinsight", "humaneval", "mbpp", "quickstart")]
    for folder in ("eval", "utils", "data", *prepared):
        for path in files(folder):
            names = {name.split(".")[0] for name in imports(path)}
            assert not names & set(STAGES), path
            assert not folder.startswith("data") or not names & {"torch", "transformers"}, path


def test_only_paths_builds_a_path_under_the_output_folders():
    for path in [*files("."), *files("utils"), *files("eval")]:
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
        if ".venv" not in path.parts:
            assert path.read_text() == "", path


def test_stages_tell_their_story_in_the_same_order():
    marks = ["# What is asked for", "# What is there already"]
    for stage in STAGES:
        text = (REPOSITORY / f"{stage}.py").read_text()
        places = [text.index(mark) for mark in marks]
        assert places == sorted(places), stage
        assert text.rstrip().endswith("stop.run(main)"), stage
