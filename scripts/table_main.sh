#!/usr/bin/env bash
# The main table: the base model, SFT, SSD, RFT, RFT+RD, and GiFT without and with perplexity selection.
#
#   bash scripts/table_main.sh [--dry_run] [--toy] [-h]
#
# Every sampler draws NUM_SEQ codes for each problem in ITER_NUM rounds, and every row that learns from samples is trained on
# the gold pairs and K of its codes for each problem. SFT has the same epochs over the gold pairs alone, SSD over K codes of each
# problem that are not verified, without gold pairs, at the settings of its paper.
# Writes results/<task>/main/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/common.sh
. scripts/common.sh

for model in $MODELS; do
  for seed in $SEEDS; do
    if [ "$SAMPLES" -gt 1 ] || [ "$seed" = "${SEEDS%% *}" ]; then # greedy decoding has no seed
      evaluate "$model" "$seed"
    fi
    tune_on_gold "$model" "$seed"
    self_distill "$model" "$seed"
    for sampler in conditional rewrite gibbs; do
      draw "$model" "$seed" "$sampler"
      tune "$model" "$seed" "$sampler" "$(samples "$model" "$seed" "$sampler")" uniform
    done
    tune "$model" "$seed" gibbs "$(samples "$model" "$seed" gibbs)" perplexity
  done
done
tables main
run_plan
