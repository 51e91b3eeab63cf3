"""The scripts of the tables and figures, and a place to run them in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from toy import REPOSITORY, Finished

SCRIPTS = {
    "table_main": [],
    "table_distill": [],
    "ablation_selection": [],
    "ablation_rounds": [],
    "ablation_k": [],
    "ablation_temperature": [],
    "fig_turns": [],
    "fig_diversity": [],
    "self_train": ["2"],
}  # with the arguments that they need
NOT_COPIED = (".git", ".venv", "runs", "results", "gen_code", "fixed_data", "models", "__pycache__", "*.json.tmp")


def copy_of_repository(folder: Path) -> Path:
    """The repository as it stands, without what runs have written, with the installation that runs this as `.venv`."""
    shutil.copytree(REPOSITORY, folder, ignore=shutil.ignore_patterns(*NOT_COPIED))
    for file in folder.glob("data/*/*.json"):
        file.unlink()
    (folder / ".venv").mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != "ready":
            (folder / ".venv" / part.name).symlink_to(part)
    with (folder / "requirements.txt").open() as requirements, (folder / ".venv" / "ready").open("w") as ready:
        subprocess.run(["cksum"], stdin=requirements, stdout=ready, check=True)
    return folder


def run_script(name: str, folder: Path, *flags: str, **variables: str) -> Finished:
    """Run a script of a repository's copy to its end, with variables set and no others of its own."""
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/tmp"), "HF_HUB_OFFLINE": "1"}
    command = ["bash", f"scripts/{name}.sh", *SCRIPTS.get(name, ()), *flags]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)
