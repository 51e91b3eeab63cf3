#!/usr/bin/env bash
# Does GiFT beat RFT with a language model? The main table with three seeds, at sizes for one machine.
#
#   bash scripts/replicate_model.sh [--dry_run] [--toy] [-h]          # SmolLM2-135M, quickstart problems, two cores
#   DESCRIPTIONS=story bash scripts/replicate_model.sh [--dry_run]    # the same, half of the seed descriptions told as stories
#   DATASET=mbpp bash scripts/replicate_model.sh [--dry_run] [-h]     # a model of 1.3 billion weights, MBPP, one GPU
#
# MBPP is prepared first, from SOURCE (hub ids; or files, see data/mbpp/README.md): MBPP+ for the tests, and of the 424 seeds
# the 232 that are no test problem nor nearly one. MODELS takes others: training keeps 16 bytes a weight on the GPU, so about 3
# billion weights fit into 80 GB, 7 billion into 140 GB. SEEDS=1, SEEDS=2, ... run apart, also on several machines that exchange
# results/<task>/; the whole command then makes the table. Writes results/quickstart/replication-main/ or results/mbpp/main/.
set -euo pipefail
cd "$(dirname "$0")/.."

DATASET=${DATASET:-quickstart} SEEDS=${SEEDS:-1 2 3}
if [[ " $* " = *" --toy "* ]]; then
  : # the sizes of every rehearsal
elif [ "$DATASET" = quickstart ]; then
  LIMIT=${LIMIT:-50} ITER_NUM=${ITER_NUM:-3} K=${K:-4} PREFIX=${PREFIX:-replication-${DESCRIPTIONS:+$DESCRIPTIONS-}}
  RUNS=${RUNS:-runs/replication${DESCRIPTIONS:+-$DESCRIPTIONS}}
elif [ "$DATASET" = mbpp ]; then
  MODELS=${MODELS:-deepseek-ai/deepseek-coder-1.3b-base} GPUS=${GPUS-0} SAMPLES=${SAMPLES:-10} ITER_NUM=${ITER_NUM:-10}
  SOURCE=${SOURCE:-google-research-datasets/mbpp evalplus/mbppplus} PREPARATION=${PREPARATION:---seeds full --drop_near_duplicates}
fi
# shellcheck source=scripts/table_main.sh
. scripts/table_main.sh
