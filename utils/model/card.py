"""The model card of trained weights, in the hub's format: how the model was made and what it scores."""

from __future__ import annotations

import json
from collections.abc import Mapping

from huggingface_hub import EvalResult, ModelCardData

from utils.args import TrainingOptions, read_deepspeed_config
from utils.run import dist, paths

HUB_DATASETS = {"mbpp": "google-research-datasets/mbpp"}  # those whose training problems are on the hub


def model_card(entries: list[dict], pairs: Mapping[str, int], inputs: dict[str, str], options: TrainingOptions) -> str:
    """README.md of a model folder: YAML front matter, then method, data and hashes, settings, scores, versions.

    `entries` are those of the results file, `pairs` counts the training pairs by origin (`gold`, `sampled`), `inputs`
    has the SHA-256 of every file that the run read, by its name.
    """
    last, base = entries[-1], paths.model_name(options.model_name_or_path)
    tags = ["code", "self-training", "gift", *(["lora"] if options.lora_rank else [])]
    data = ModelCardData(
        base_model=base,
        datasets=[HUB_DATASETS[options.dataset]] if options.dataset in HUB_DATASETS else None,
        library_name="transformers",
        pipeline_tag="text-generation",
        tags=tags,
        model_name=options.output_dir,
        eval_results=[
            EvalResult("text-generation", options.task, f"{options.task}, test", f"pass@{k}", round(100 * score, 2))
            for k, score in last["pass_at_k"].items()
        ],
    )
    parts = [
        f"# {options.output_dir}",
        f"{base}, fine-tuned by {last['method']} on {_training_set(last, pairs)} {options.task}, seed {options.seed}.",
        *(_lora_lines(options) if options.lora_rank else []),
        "## Scores",
        _score_table(entries),
        "Intervals are of 95 %, by bootstrap over problems; every completion was run against its problem's tests.",
        _made_with(last["settings"], inputs),
        "Optimiser and schedule:",
        f"```json\n{json.dumps(_training_sections(options), indent=2)}\n```",
        "## Versions",
        ", ".join(f"{name} {version}" for name, version in dist.versions().items()),
    ]
    return f"---\n{data.to_yaml()}\n---\n\n" + "\n\n".join(parts) + "\n"


def is_card_of(card: str, settings: dict, inputs: dict[str, str]) -> bool:
    """Whether a model card is that of a run with these settings and inputs."""
    return _made_with(settings, inputs) in card


def _made_with(settings: dict, inputs: dict[str, str]) -> str:
    files = _table(("file", "SHA-256"), [(name, f"`{digest}`") for name, digest in inputs.items()])
    values = _table(("setting", "value"), [(name, f"`{json.dumps(value)}`") for name, value in settings.items()])
    return f"## Data\n\n{files}\n\n## Settings\n\n{values}"


def _training_set(entry: dict, pairs: Mapping[str, int]) -> str:
    if not pairs.get("sampled"):
        return "the solutions that come with the training problems of"
    verified = all((turn["codes"] or {}).get("keep") != "any" for turn in entry["sources"])
    programs = f"sampled programs{' that pass the tests' if verified else ', whatever their verdicts,'}"
    return f"{programs} of" if entry["settings"].get("no_gold") else f"{programs}, and the solutions, of"


def _lora_lines(options: TrainingOptions) -> list[str]:
    packed = " beside weights packed in 4 bits" if options.lora_4bit else ""
    return [
        f"LoRA layers of rank {options.lora_rank} were trained{packed}; they are merged here, and alone in `adapter/`."
    ]


def _score_table(entries: list[dict]) -> str:
    ks = list(entries[-1]["pass_at_k"])
    rows = []
    for entry in entries:
        scores = [f"{entry['pass_at_k'][k]:.1%} ({entry['ci95'][k][0]:.1%} to {entry['ci95'][k][1]:.1%})" for k in ks]
        rows.append((str(entry["epoch"]), str(entry["n_problems"]), f"{entry['loss']:.4f}", *scores))
    return _table(("epoch", "problems", "training loss", *(f"pass@{k}" for k in ks)), rows)


def _training_sections(options: TrainingOptions) -> dict:
    config = read_deepspeed_config(options.deepspeed_config)
    return {name: config[name] for name in ("optimizer", "scheduler")}


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
