#!/usr/bin/env bash
# GiFT at work on a real language model, from a bare clone to a table and a figure:
#
#   bash scripts/quickstart.sh
#
# SmolLM2-135M samples codes and descriptions for the training problems of data/quickstart, is fine-tuned on those that
# pass, and answers the test problems before and after. Finished steps are reused; after an interruption it resumes.
#
# Variables: MODEL (hub id or folder), ROUNDS, NUM_SEQ (samples a round), TEMPERATURE (of stage 1), PROBLEMS (first N; 0:
# all), K (codes drawn for each problem), EPOCHS, SAMPLES (for each test problem), RANKS (0: every device), DTYPE (bf16,
# or fp32 on a CPU without instructions for bf16), SEED, RUN (name of the run; give another one to keep runs with other
# settings apart).
set -euo pipefail
cd "$(dirname "$0")/.."

DEFAULT_MODEL=data/models/SmolLM2-135M-Instruct
MODEL=${MODEL:-$DEFAULT_MODEL}
ROUNDS=${ROUNDS:-2} NUM_SEQ=${NUM_SEQ:-3} PROBLEMS=${PROBLEMS:-0} K=${K:-2} EPOCHS=${EPOCHS:-1} SAMPLES=${SAMPLES:-4}
TEMPERATURE=${TEMPERATURE:-0.6} RANKS=${RANKS:-0} SEED=${SEED:-1234} RUN=${RUN:-quickstart}
CODES=runs/$RUN/code/passed_seq_code.json

echo "Time budget on two cores: installation 3 min, model and problems 1 min, base model 2 min, stage 1 5 min,"
echo "stage 2 1 min, stage 3 6 min; at most 20 min in all (on a GPU 5). Finished steps are not repeated."
# shellcheck source=scripts/setup.sh
. scripts/setup.sh
# shellcheck source=scripts/machine.sh
. scripts/machine.sh
DTYPE=${DTYPE:-$(machine_dtype)}

step() {
  printf '\n== %s (after %d:%02d)\n' "$1" $((SECONDS / 60)) $((SECONDS % 60))
}

# launch SCRIPT FLAGS...: one stage through the launcher, with the flags that all stages share.
launch() {
  local devices=()
  if [ "$RANKS" -gt 0 ]; then devices=(--num_gpus "$RANKS"); fi
  deepspeed --quiet "${devices[@]}" "$@" --deepspeed_config deepspeed_config.json --model_name_or_path "$MODEL" \
    --dataset quickstart --limit "$PROBLEMS" --seed "$SEED" --dtype "$DTYPE" --max_length 768
}

EVALUATION=(--max_new_tokens 128 --n_samples "$SAMPLES" --eval_temperature 0.8 --pass_k 1 "$SAMPLES")

step "model and problems"
if [ "$MODEL" = "$DEFAULT_MODEL" ]; then python scripts/prepare_model.py; fi
python -m data.quickstart.prepare

step "the base model on the test problems"
launch run_gen.py --eval_only --output_dir "$RUN-base" "${EVALUATION[@]}"

step "stage 1: codes and descriptions in turn"
launch seq_gibbs_sample.py --selfsample --output_dir "$RUN" --save_dir "runs/$RUN" --num_seq "$NUM_SEQ" \
  --temperature "$TEMPERATURE" --iter_num "$ROUNDS" --keep all --max_new_tokens 128

step "stage 2: perplexity of the codes kept"
launch cal_ppl.py --output_dir "$RUN" --selfsample_code_source "$CODES"

step "stage 3: selection, fine-tuning, the test problems again"
launch run_gen.py --output_dir "$RUN-gift" --train_with_seq_gibbs --selfsample_code_source "$CODES" --resample \
  --weight_file1 "runs/$RUN/code/ppl-passed_seq_code.json" --temperature 2.0 --num_seq "$K" --num_epoch "$EPOCHS" \
  --train_batch_size 16 --ckpt_path "runs/$RUN/model" "${EVALUATION[@]}"

step "the result"
python -m utils.report quickstart --run "$RUN"
printf '\nTotal time: %d:%02d\n' $((SECONDS / 60)) $((SECONDS % 60))
