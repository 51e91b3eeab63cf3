#!/usr/bin/env bash
# Ablation of the inverse temperature of the selection: GiFT with K codes drawn by softmax(temperature * perplexity).
#
#   bash scripts/ablation_temperature.sh [--dry_run] [--toy] [-h]
#
# TEMPERATURES: its values; 0 draws uniformly with replacement, below 0 common codes come first. Before it trains it shows
# what each of them does to the draw. Writes results/<task>/temperature/.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/common.sh
. scripts/common.sh

for model in $MODELS; do
  for seed in $SEEDS; do
    folder=$(samples "$model" "$seed" gibbs)
    draw "$model" "$seed" gibbs
    for INVERSE_TEMPERATURE in ${TEMPERATURES:-$([ "$TOY" ] && echo 0.0 2.0 || echo 0.0 0.5 1.0 2.0 4.0)}; do
      add python -m utils.report selection --code_file "$folder/code/passed_seq_code.json" \
        --weight_file "$folder/code/ppl-passed_seq_code.json" --temperature "$INVERSE_TEMPERATURE"
      tune "$model" "$seed" gibbs "$folder" perplexity
    done
  done
done
tables temperature
run_plan
