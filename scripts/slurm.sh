#!/usr/bin/env bash
# The three stages as one Slurm job that survives its time limit and preemption.
#
#   MODEL=deepseek-ai/deepseek-coder-6.7b-base sbatch scripts/slurm.sh
#   MODEL=... sbatch --nodes 2 --gpus-per-node 8 scripts/slurm.sh
#
# Variables: MODEL (hub id or folder), TASK_FLAGS (default: --difficulty introductory), SEED (1234), K (8), ROUNDS (20),
# RUN (name of the run), DEEPSPEED_CONFIG, and SAMPLE_FLAGS, SCORE_FLAGS, TRAIN_FLAGS for further flags of a stage. Submit
# from the repository's root, on a file system that all nodes see, with .venv set up (bash scripts/test.sh does).
#
# Two minutes before its limit, or when it is preempted, the job passes SIGTERM on to the stage, which saves its
# state, and requeues itself; the same commands then resume. Finished stages cost seconds.
#SBATCH --job-name=gift
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=32
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:TERM@120
#SBATCH --output=slurm-%j.log
set -euo pipefail
cd "${SLURM_SUBMIT_DIR:-$(dirname "$0")/..}"
if [ -z "${MODEL:-}" ]; then
  echo "error: MODEL is not set; give a hub id or a folder, such as MODEL=data/models/SmolLM2-135M-Instruct" >&2
  exit 2
fi
if [ -z "${SLURM_JOB_ID:-}" ]; then
  echo "error: this is no Slurm job; submit it with: sbatch scripts/slurm.sh" >&2
  exit 2
fi
if ! [ -x .venv/bin/deepspeed ]; then
  echo "error: .venv has no deepspeed; set it up on the login node with: bash scripts/test.sh" >&2
  exit 2
fi

SEED=${SEED:-1234} K=${K:-8} ROUNDS=${ROUNDS:-20} RUN=${RUN:-$SEED-gift-$K} NODES=${SLURM_JOB_NUM_NODES:-1}
FOLDER=${FOLDER:-runs/slurm/$RUN}
read -ra TASK_FLAGS <<<"${TASK_FLAGS:---difficulty introductory}"
read -ra SAMPLE_FLAGS <<<"${SAMPLE_FLAGS:---max_length 1536}"
read -ra SCORE_FLAGS <<<"${SCORE_FLAGS:---max_length 2048}"
read -ra TRAIN_FLAGS <<<"${TRAIN_FLAGS:---max_length 1536}"
SHARED=(--model_name_or_path "$MODEL" --deepspeed_config "${DEEPSPEED_CONFIG:-./deepspeed_config.json}" --seed "$SEED")
SHARED+=("${TASK_FLAGS[@]}")
LAUNCHER=(.venv/bin/deepspeed)
if [ "$NODES" -gt 1 ]; then
  mkdir -p "$FOLDER"
  hosts=$FOLDER/hosts-$SLURM_JOB_ID
  scontrol show hostnames "$SLURM_JOB_NODELIST" | sed "s/\$/ slots=${SLURM_GPUS_ON_NODE:-8}/" >"$hosts"
  LAUNCHER+=(--hostfile "$hosts" --no_ssh --master_addr "$(head -n 1 "$hosts" | cut -d ' ' -f 1)")
fi
LAUNCHER+=(--master_port $((20000 + SLURM_JOB_ID % 20000))) # jobs may share a node

stopped=''
stop() {
  stopped=yes
  kill -TERM "$step" 2>/dev/null || true # srun hands it to the launcher of every node
}
trap stop TERM

# stage SCRIPT FLAGS...: one stage on all nodes; where it was stopped the job is queued again.
stage() {
  local status=0
  # Every node starts its own launcher with its rank. srun of Slurm 22.05 to 23.02 does not inherit --cpus-per-task.
  # shellcheck disable=SC2016,SC2086 # the first for the shell of each node
  srun --kill-on-bad-exit=1 ${SLURM_CPUS_PER_TASK:+--cpus-per-task=$SLURM_CPUS_PER_TASK} bash -c '
    nodes=$1; shift; launcher=(); while [ "$1" != -- ]; do launcher+=("$1"); shift; done
    shift; if [ "$nodes" -gt 1 ]; then launcher+=(--node_rank "$SLURM_NODEID"); fi
    exec "${launcher[@]}" "$@"' stage "$NODES" "${LAUNCHER[@]}" -- "$@" &
  step=$!
  wait "$step" || status=$?
  if [ "$stopped" ]; then
    wait "$step" || true # the first wait ended with the signal; the stage is still saving
    echo "stopped; queued again, resumes where it stopped"
    scontrol requeue "$SLURM_JOB_ID"
    exit 0
  fi
  return "$status"
}

stage seq_gibbs_sample.py "${SHARED[@]}" --output_dir "$RUN" --save_dir "$FOLDER" --selfsample --num_seq 3 \
  --iter_num "$ROUNDS" "${SAMPLE_FLAGS[@]}"
stage cal_ppl.py "${SHARED[@]}" --output_dir "$RUN" --selfsample_code_source "$FOLDER/code/passed_seq_code.json" \
  "${SCORE_FLAGS[@]}"
stage run_gen.py "${SHARED[@]}" --output_dir "$RUN" --train_with_seq_gibbs --resample --num_seq "$K" --temperature 2.0 \
  --selfsample_code_source "$FOLDER/code/passed_seq_code.json" \
  --weight_file1 "$FOLDER/code/ppl-passed_seq_code.json" --ckpt_path "$FOLDER/weights" "${TRAIN_FLAGS[@]}"
