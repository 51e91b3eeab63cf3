#!/usr/bin/env bash
# Several self-training turns with one method.
#
#   bash scripts/self_train.sh TURNS [--dry_run] [--toy] [-h]
#
# Turn t samples with the model that turn t-1 trained (the first with MODELS as they are) and trains MODELS on the codes of
# turns t-1 and t. SAMPLER: gibbs, conditional or rewrite; SELECTION: perplexity or uniform. The weights of every turn are
# kept: RUNS/<task>/<model>/<seed>/<sampler>-<selection>/turn<t>/. Writes results/<task>/self-training/.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/common.sh
. scripts/common.sh

TURNS=${ARGUMENTS[0]:-}
if ! [[ $TURNS =~ ^[1-9][0-9]*$ ]]; then
  echo "error: a number of turns is needed, such as bash scripts/self_train.sh 3" >&2
  exit 2
fi
for model in $MODELS; do
  for seed in $SEEDS; do
    self_train "$model" "$seed" "${SAMPLER:-gibbs}" "${SELECTION:-perplexity}" "$TURNS"
  done
done
tables self-training --against turn
run_plan
