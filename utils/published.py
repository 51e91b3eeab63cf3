"""What `--as_published` sets: the authors' choices, where ours differ on purpose."""

from __future__ import annotations

from dataclasses import fields

from utils.run.files import InputError

# Defaults under `--as_published`; scripts/README.md lists their effects, and the published faults that stay fixed.
PUBLISHED = {
    "prompt_newline": True,
    "raw_texts": True,
    "fall_back": "gold",
    "fill_with_replacement": True,
    "full_warm_up": True,
    "same_order": True,
    "eval_stop_words": "published",
}
PUBLISHED_JUDGING = {  # by data set; the limit of a test is then that of all tests of a candidate
    "apps": {"judge_timeout": 5.0, "judge_total_timeout": 5.0, "judge_gold_time_factor": 0.0, "compare": "published"},
    "mbpp": {"judge_timeout": 10.0, "judge_total_timeout": 10.0, "judge_gold_time_factor": 0.0},
    "codeinsight": {"judge_gold_time_factor": 0.0},
}


def published_fields(options: type, dataset: str) -> dict:
    """The fields of `options` that `--as_published` sets; InputError for a data set without published results."""
    if dataset not in PUBLISHED_JUDGING:
        flags = " ".join(f"--{name}" + ("" if value is True else f" {value}") for name, value in PUBLISHED.items())
        raise InputError(
            f"--as_published: the authors report nothing on {dataset}, only on {', '.join(PUBLISHED_JUDGING)}; "
            f"give the flags that you need: {flags}"
        )
    names = {field.name for field in fields(options)}
    return {name: value for name, value in {**PUBLISHED, **PUBLISHED_JUDGING[dataset]}.items() if name in names}
