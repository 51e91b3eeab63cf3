"""Every causal family of `transformers`: exact token by token and in its losses, or refused in one line.

Ten to forty minutes on one core; prints what each family does.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import families
from transformers import LlamaConfig, Phi3Config

from utils.model.families import check_family, way_of
from utils.run.files import InputError

LENGTHS = (5, 21, 12, 5, 33, 12)
TOKENS, SAMPLES, ROWS = 20, 2, 5
FACTORS = {"short_factor": [1.0] * 4, "long_factor": [3.0, 1.0, 2.0, 4.0]}
LONGROPE = {
    "rope_parameters": {"rope_type": "longrope", "rope_theta": 1e4, **FACTORS},
    "original_max_position_embeddings": 32,
}
MORE = {
    "phi3, long rotary embeddings": (Phi3Config, LONGROPE),
    "llama, dynamic rotary embeddings": (
        LlamaConfig,
        {"max_position_embeddings": 64, "rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}},
    ),
}


def test_every_family_is_exact_or_refused():
    wanted = {name: (config_class, {}) for name, config_class in families.causal_families().items()} | MORE
    ways: dict[str, dict[str, str]] = {"together": {}, "by length": {}, "refused": {}, "not built": {}}
    wrong = {}
    for name, (config_class, changes) in wanted.items():
        try:
            config = families.tiny_family_config(config_class, **changes)
        except Exception as error:
            ways["not built"][name] = f"{type(error).__name__}: {error}".splitlines()[0]
            continue
        try:
            check_family(name, config)
        except InputError as error:
            ways["refused"][name] = str(error)
            continue
        model = families.tiny_family(config)
        found = families.measure(model, LENGTHS, TOKENS, SAMPLES, ROWS)
        kind = "together" if way_of(config).padded_up_to is None else "by length"
        # Sparse attention ranks tokens, and equal ranks fall either way.
        assert kind == "by length" or not families.looks_ahead(model), name
        ways[kind][name] = f"{found}; {way_of(config).reason}"
        if found["wrong"] or found["loss"] > 1e-5:
            wrong[name] = found
        print(name, kind, found, flush=True)
    for kind, lines in ways.items():
        print(f"{kind}: {len(lines)}")
        if kind != "together":
            print(*(f"  {name}: {line}" for name, line in lines.items()), sep="\n")
    assert not wrong
    assert len(ways["together"]) > 110 and len(ways["not built"]) < 20
