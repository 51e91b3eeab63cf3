#!/usr/bin/env bash
# A world of programs and its base model, from a bare clone: data/world-<NAME>/ and data/models/world-<NAME>/
#
#   SEED=0 STRENGTH=0.5 bash scripts/pretrain_world.sh
#
# Draws the world, pretrains a small Llama in it from scratch, and measures the model against the truth. Finished steps
# are reused; after an interruption it resumes. Variables: SEED, STRENGTH, NAME; flags are passed on to the pretraining
# (python -m scripts.replication.pretrain --help).
set -euo pipefail
cd "$(dirname "$0")/.."

SEED=${SEED:-0} STRENGTH=${STRENGTH:-0.5}
NAME=${NAME:-s$SEED-r$STRENGTH-o0}

# shellcheck source=scripts/setup.sh
. scripts/setup.sh

export OMP_WAIT_POLICY=PASSIVE # idle threads leave the cores to others
python -m data.worlds.prepare --name "$NAME" --seed "$SEED" --strength "$STRENGTH"
python -m scripts.replication.pretrain --name "$NAME" --seed "$SEED" "$@"
python -m scripts.replication.measure --name "$NAME"
