#!/usr/bin/env bash
# Ablation of the training set, with the samples of GiFT:
#
#   bash scripts/ablation_selection.sh [--dry_run] [--toy] [-h]
#
# K codes drawn uniformly; by perplexity; by rarity; one of equal codes; by perplexity under the seed description; by
# perplexity without the gold pairs; with (code -> description) pairs too; from all passing codes of a round (sampled with
# --keep all) instead of one; and the codes of RFT by perplexity. Before it trains it shows what the weights do to the draw. Writes results/<task>/selection/.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/common.sh
. scripts/common.sh

for model in $MODELS; do
  for seed in $SEEDS; do
    folder=$(samples "$model" "$seed" gibbs)
    draw "$model" "$seed" gibbs
    preview "$folder" "selection/preview-$(short "$model")-$seed" 0 "$INVERSE_TEMPERATURE"
    tune "$model" "$seed" gibbs "$folder" uniform
    for selection in perplexity rarity distinct; do tune "$model" "$seed" gibbs "$folder" $selection; done
    score "$model" "$seed" "$folder" --description seed --save_dir "$folder/under-d0"
    tune "$model" "$seed" gibbs-under-d0 "$folder" "$folder/under-d0"
    tune "$model" "$seed" gibbs-no-gold "$folder" perplexity --no_gold
    tune "$model" "$seed" gibbs-descriptions "$folder" perplexity --description_pairs
    for sampler in gibbs-all conditional; do
      draw "$model" "$seed" "$sampler"
      tune "$model" "$seed" "$sampler" "$(samples "$model" "$seed" "$sampler")" perplexity
    done
  done
done
tables selection
run_plan
