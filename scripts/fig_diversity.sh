#!/usr/bin/env bash
# The diversity figure: what the three samplers find with the same number of samples.
#
#   bash scripts/fig_diversity.sh [--dry_run] [--toy] [-h]
#   DATASET=quickstart bash scripts/fig_diversity.sh      # two cores, half an hour
#
# Each sampler (SAMPLERS: gibbs, conditional, rewrite) draws NUM_SEQ codes for every problem in ITER_NUM rounds and keeps
# all that pass. Writes results/<task>/diversity-<model>-<seed>.png: shares passing, distinct codes, description drift,
# perplexities, and distinct correct codes against samples drawn.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/common.sh
. scripts/common.sh

for model in $MODELS; do
  for seed in $SEEDS; do
    folders=()
    for sampler in ${SAMPLERS:-gibbs conditional rewrite}; do
      draw "$model" "$seed" "$sampler-all"
      folders+=("$sampler=$(samples "$model" "$seed" "$sampler-all")")
    done
    add python -m utils.report chains --task "$TASK" --samplers "${folders[@]}" \
      --output "results/$TASK/${PREFIX}diversity-$(short "$model")-$seed.png"
  done
done
run_plan
