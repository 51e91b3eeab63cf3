"""The only place that builds a path; torch-free. All are relative to the working folder, as in published commands."""

from __future__ import annotations

import re
from pathlib import Path

DATA = Path("data")
MODELS = DATA / "models"
DEFAULT_MODEL = MODELS / "SmolLM2-135M-Instruct"


def task_file(task: str, split: str) -> Path:
    """`data/<task>/{train,test,ict}.json`."""
    return DATA / task / f"{split}.json"


def model_name(model_name_or_path: str) -> str:
    """The folder name for a model's files.

    A hub id keeps its slash, also if it is a local folder of that name (`org/name`), so that the published paths hold.
    Any other local folder or GGUF file is called by its last part: no absolute path leaks into an output.
    """
    if re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", model_name_or_path) and not model_name_or_path.endswith(".gguf"):
        return model_name_or_path
    name = Path(model_name_or_path).expanduser().resolve().name
    return name.removesuffix(".gguf") or "model"


def code_folder(task: str, model: str, save_dir: str | None = None) -> Path:
    """Where stage 1 writes `code_r{i}.json` and `passed_seq_code.json`."""
    return Path(save_dir) / "code" if save_dir else DATA / task / "selfsample_code" / model_name(model)


def description_folder(task: str, model: str, save_dir: str | None = None) -> Path:
    """Where stage 1 writes `sum_r{i}.json`."""
    return Path(save_dir) / "sum" if save_dir else DATA / task / "selfsample_sum" / model_name(model)


def chain_folders(folder: str | Path) -> tuple[Path, Path]:
    """Codes and descriptions of a finished stage 1: below a `--save_dir`, or in the published pair of folders.

    `folder` is the `--save_dir` or the folder of its codes.
    """
    folder = Path(folder)
    if (folder / "code").is_dir():
        return folder / "code", folder / "sum"
    if folder.name == "code":
        return folder, folder.with_name("sum")
    return folder, Path(*("selfsample_sum" if part == "selfsample_code" else part for part in folder.parts))


def perplexity_file(code_file: str | Path, save_dir: str | None = None) -> Path:
    """`.../passed_seq_code.json` -> `.../ppl-passed_seq_code.json`, or `<save_dir>/code/ppl-passed_seq_code.json`."""
    code_file = Path(code_file)
    folder = Path(save_dir) / "code" if save_dir else code_file.parent
    return folder / f"ppl-{code_file.name}"


def training_set(task: str, seed: int, output_dir: str) -> Path:
    """The drawn training set of a run."""
    return Path("fixed_data") / task / str(seed) / f"{output_dir}.json"


def generations(task: str, output_dir: str, epoch: int) -> Path:
    """Completions of the test split after an epoch (0: the model before training)."""
    return Path("gen_code") / task / output_dir / f"epoch{epoch}.json"


def state_folder(task: str, output_dir: str) -> Path:
    """The state that a stopped stage 3 resumes from; removed when the stage is done."""
    return Path("gen_code") / task / output_dir / "state"


def curves(log_dir: str, task: str, output_dir: str) -> Path:
    """The training curves of a run; TensorBoard tells runs apart by this folder."""
    return Path(log_dir) / task / output_dir


def results(task: str, output_dir: str) -> Path:
    """The scores of a run, one entry per epoch."""
    return Path("results") / task / f"{output_dir}.json"
