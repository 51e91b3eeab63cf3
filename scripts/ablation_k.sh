#!/usr/bin/env bash
# Ablation of K, the codes drawn for each problem, for RFT and for GiFT with perplexity selection.
#
#   bash scripts/ablation_k.sh [--dry_run] [--toy] [-h]
#
# KS: values of K. Writes results/<task>/k/.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/common.sh
. scripts/common.sh

for model in $MODELS; do
  for seed in $SEEDS; do
    for sampler in conditional gibbs; do
      draw "$model" "$seed" "$sampler"
      for K in ${KS:-$([ "$TOY" ] && echo 1 2 || echo 1 2 4 8 16)}; do
        tune "$model" "$seed" "$sampler" "$(samples "$model" "$seed" "$sampler")" \
          "$([ "$sampler" = gibbs ] && echo perplexity || echo uniform)"
      done
    done
  done
done
tables k --against num_seq
run_plan
