#!/usr/bin/env bash
# Ablation of the rounds used: GiFT trained on the codes of the first rounds of one finished run.
#
#   bash scripts/ablation_rounds.sh [--dry_run] [--toy] [-h]
#
# ROUNDS_USED: ranges such as "1 1-5 1-10 1-20"; by default one round, a quarter, half and all of ITER_NUM.
# Writes results/<task>/rounds/.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/common.sh
. scripts/common.sh

if [ -z "${ROUNDS_USED:-}" ]; then
  ROUNDS_USED=$(printf '%d\n' 1 $((ITER_NUM / 4)) $((ITER_NUM / 2)) "$ITER_NUM" | sort -nu | sed '/^0$/d; s/^/1-/')
fi
for model in $MODELS; do
  for seed in $SEEDS; do
    draw "$model" "$seed" gibbs
    for rounds in $ROUNDS_USED; do
      if [ "$rounds" = "1-$ITER_NUM" ]; then
        tune "$model" "$seed" gibbs "$(samples "$model" "$seed" gibbs)" perplexity
      else
        tune "$model" "$seed" "gibbs-r$rounds" "$(samples "$model" "$seed" gibbs)" perplexity --rounds "$rounds"
      fi
    done
  done
done
tables rounds --against rounds
run_plan
