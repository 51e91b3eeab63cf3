#!/usr/bin/env bash
# The distillation table: one model samples (TEACHER), others are trained on its codes (MODELS).
#
#   bash scripts/table_distill.sh [--dry_run] [--toy] [-h]
#
# The rows of the main table. Perplexities are the teacher's: the long tail is that of its codes. For those of a student
# run cal_ppl.py with that model and --save_dir. Writes results/<task>/distill/.
set -euo pipefail
cd "$(dirname "$0")/.."
case " $* " in
  *" --toy "*) TEACHER=${TEACHER:-data/models/toy} MODELS=${MODELS:-data/models/toy-student} ;;
  *)
    TEACHER=${TEACHER:-deepseek-ai/deepseek-coder-6.7b-base}
    MODELS=${MODELS:-deepseek-ai/deepseek-coder-1.3b-base}
    ;;
esac
# shellcheck source=scripts/common.sh
. scripts/common.sh

for seed in $SEEDS; do
  for sampler in conditional rewrite gibbs; do draw "$TEACHER" "$seed" "$sampler"; done
done
for model in $MODELS; do
  evaluate "$model" "${SEEDS%% *}"
  for seed in $SEEDS; do
    tune_on_gold "$model" "$seed"
    for sampler in conditional rewrite gibbs; do
      tune "$model" "$seed" "$sampler-of-$(short "$TEACHER")" "$(samples "$TEACHER" "$seed" "$sampler")" uniform
    done
    tune "$model" "$seed" "gibbs-of-$(short "$TEACHER")" "$(samples "$TEACHER" "$seed" gibbs)" perplexity
  done
done
tables distill
run_plan
