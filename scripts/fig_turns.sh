#!/usr/bin/env bash
# The figure of several self-training turns: RFT, and GiFT without and with perplexity selection.
#
#   bash scripts/fig_turns.sh [--dry_run] [--toy] [-h]
#
# TURNS (3; --toy: 2): turn t samples with the model that turn t-1 trained, and trains on the codes of turns t-1 and t.
# The weights of every turn are kept under RUNS (2 bytes a parameter). Writes results/<task>/turns/.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/common.sh
. scripts/common.sh

TURNS=${TURNS:-$([ "$TOY" ] && echo 2 || echo 3)}
for model in $MODELS; do
  for seed in $SEEDS; do
    self_train "$model" "$seed" conditional uniform "$TURNS"
    self_train "$model" "$seed" gibbs uniform "$TURNS"
    self_train "$model" "$seed" gibbs perplexity "$TURNS"
  done
done
tables turns --against turn
run_plan
