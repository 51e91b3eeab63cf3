"""Files of a data set repository on the hub, for those that `datasets` cannot load, as where a script is in the way."""

from __future__ import annotations

from pathlib import Path

ABOUT = ("dataset_infos.json", "dataset_dict.json", "dataset_info.json", "state.json")


def data_files(name: str, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Local copies of a repository's files with these suffixes, by their names there; a local folder in a repository's
    layout has its own.

    Raises whatever the hub's library does.
    """
    if Path(name).is_dir():
        files = sorted(file.relative_to(name).as_posix() for file in Path(name).rglob("*") if file.is_file())
        return {file: Path(name) / file for file in files if _is_data(file, suffixes)}
    from huggingface_hub import HfApi, hf_hub_download  # takes a second to import

    files = sorted(HfApi().list_repo_files(name, repo_type="dataset"))
    wanted = [file for file in files if _is_data(file, suffixes)]
    return {file: Path(hf_hub_download(name, file, repo_type="dataset")) for file in wanted}


def _is_data(file: str, suffixes: tuple[str, ...]) -> bool:
    path = Path(file)
    hidden = any(part.startswith(".") for part in path.parts)
    return file.lower().endswith(suffixes) and path.name not in ABOUT and not hidden
