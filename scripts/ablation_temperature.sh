#!/usr/bin/env bash
# Ablation of the inverse temperature of the selection: GiFT with K codes drawn by softmax(temperature * perplexity).
#
#   bash scripts/ablation_temperature.sh [--dry_run] [--toy] [-h]
#
# TEMPERATURES: its values; 0 draws uniformly with replacement. Before it trains it shows what each does to the draw.
# Writes results/<task>/temperature/.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/common.sh
. scripts/common.sh

TEMPERATURES=${TEMPERATURES:-$([ "$TOY" ] && echo 0.0 2.0 || echo 0.0 0.5 1.0 2.0 4.0)}
for model in $MODELS; do
  for seed in $SEEDS; do
    folder=$(samples "$model" "$seed" gibbs)
    draw "$model" "$seed" gibbs
    # shellcheck disable=SC2086 # several values
    preview "$folder" "temperature/preview-$(short "$model")-$seed" $TEMPERATURES
    for INVERSE_TEMPERATURE in $TEMPERATURES; do
      tune "$model" "$seed" gibbs "$folder" perplexity
    done
  done
done
tables temperature --against temperature
run_plan
