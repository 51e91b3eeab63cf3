#!/usr/bin/env bash
# The main table: the base model, SFT, SSD, RFT, RFT+RD, and GiFT without and with perplexity selection.
#
#   bash scripts/table_main.sh [--dry_run] [--toy] [-h]
#   ROWS="base rft gift" bash scripts/table_main.sh              # some of base sft ssd rft rft-rd gift-uniform gift
#
# Every sampler draws NUM_SEQ codes for each problem in ITER_NUM rounds, and every row that learns from samples is trained on
# the gold pairs and K of its codes for each problem. SFT has the same epochs over the gold pairs alone, SSD over K codes of each
# problem that are not verified, without gold pairs, at the settings of its paper.
# Writes results/<task>/main/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/common.sh
. scripts/common.sh

ALL_ROWS="base sft ssd rft rft-rd gift-uniform gift"

# learn MODEL SEED SAMPLER SELECTION: the row of a sampler's codes.
learn() {
  draw "$1" "$2" "$3"
  tune "$1" "$2" "$3" "$(samples "$1" "$2" "$3")" "$4"
}

for model in $MODELS; do
  for seed in $SEEDS; do
    for row in ${ROWS:-$ALL_ROWS}; do
      case $row in
        base)
          if [ "$SAMPLES" -gt 1 ] || [ "$seed" = "${SEEDS%% *}" ]; then # greedy decoding has no seed
            evaluate "$model" "$seed"
          fi
          ;;
        sft) tune_on_gold "$model" "$seed" ;;
        ssd) self_distill "$model" "$seed" ;;
        rft) learn "$model" "$seed" conditional uniform ;;
        rft-rd) learn "$model" "$seed" rewrite uniform ;;
        gift-uniform) learn "$model" "$seed" gibbs uniform ;;
        gift) learn "$model" "$seed" gibbs perplexity ;;
        *) printf 'error: ROWS: no row %s; there are %s\n' "$row" "$ALL_ROWS" >&2 && exit 2 ;;
      esac
    done
  done
done
tables main
run_plan
