# shellcheck shell=bash
# Variables of all these scripts (VARIABLE=value bash scripts/...), by default the published settings:
#
#   MODELS      hub ids or folders          SEEDS       seeds: "1234"; "1 2 3" for mean and standard deviation
#   DATASET     apps; mbpp, codeinsight, quickstart, world-<name>
#   DIFFICULTY  of apps: introductory, interview or competition
#   SOURCE      raw files, a folder or hub ids: DATASET is prepared from them first, with the flags PREPARATION
#   DESCRIPTIONS  story: of quickstart, every second training problem is described as a story
#   GPUS        "0,1,2,3,4,5,6,7"; "" for one process without a GPU or on a single one, without a launcher
#   GPU_KIND    a100 or h100, for the estimate of hours                 PORT   of the launcher
#   NUM_SEQ ITER_NUM TEMPERATURE                 stage 1: samples a round, rounds, sampling temperature
#   K INVERSE_TEMPERATURE EPOCHS BATCH           stage 3: codes drawn for each problem, selection, training
#   SAMPLES                                      for each test problem; 1: greedy, more: at temperature 0.8
#   MAX_LENGTH MAX_NEW_TOKENS LIMIT              tokens; first N problems (0: all)
#   DTYPE       bf16; without GPUS fp32 where the CPU has no instructions for bf16
#   PUBLISHED   1: --as_published in all stages and in the preparation
#   CHAT        1: --chat in all stages, for instruct models
#   SERVER      base URL of a server of the model, which samples in stage 1 (several behind commas)
#   SERVE       1: stage 1 samples with vLLM, started on GPUS for it and stopped before training (scripts/serve.sh)
#   RUNS        folder of samples and weights: RUNS/<task>/<model>/<seed>/<sampler>
#   PREFIX      put before the names of results, to keep runs with other settings apart
#
# Without an in-context list, given or prepared, the first model that samples descriptions makes one.
# DATASET=quickstart takes SmolLM2-135M and sizes for two cores instead.

# Sourced by the scripts of the tables and figures with their arguments. They add stages to a plan, row by row;
# `run_plan` shows it with its hours and runs it. What rows or scripts share is made once: samples are kept by
# model, seed and sampler, results under names of their settings.

# shellcheck source=scripts/machine.sh
. scripts/machine.sh

DEFAULT_MODEL=data/models/SmolLM2-135M-Instruct
TOY_MODEL=data/models/toy
PLAN=() RESULTS=() DESCRIBER=''
DRY_RUN='' TOY='' ARGUMENTS=()

usage() {
  awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "scripts/${0##*/}"
  printf '\nFlags: --dry_run shows commands and hours, needs no data and no weights, writes nothing; --toy takes a tiny\n'
  printf 'model and six problems, a rehearsal of minutes; -h shows this.\n\n'
  awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' scripts/common.sh
}

for argument; do
  case $argument in
    -h | --help) usage && exit ;;
    --dry_run) DRY_RUN=yes ;;
    --toy) TOY=yes ;;
    -*) printf 'error: unknown flag %s; there are --dry_run, --toy and -h\n' "$argument" >&2 && exit 2 ;;
    *) ARGUMENTS+=("$argument") ;;
  esac
done

if [ "$TOY" ]; then
  MODELS=${MODELS:-$TOY_MODEL} DATASET=${DATASET:-quickstart} GPUS=${GPUS:-} LIMIT=${LIMIT:-6} RUNS=${RUNS:-runs/toy}
  PREFIX=${PREFIX:-toy-} NUM_SEQ=${NUM_SEQ:-3} ITER_NUM=${ITER_NUM:-2} K=${K:-2} EPOCHS=${EPOCHS:-1} BATCH=${BATCH:-6}
  MAX_LENGTH=${MAX_LENGTH:-768} MAX_NEW_TOKENS=${MAX_NEW_TOKENS:-64}
elif [ "${DATASET:-}" = quickstart ]; then
  MODELS=${MODELS:-$DEFAULT_MODEL} GPUS=${GPUS:-} NUM_SEQ=${NUM_SEQ:-3} ITER_NUM=${ITER_NUM:-4} K=${K:-2}
  TEMPERATURE=${TEMPERATURE:-0.6} EPOCHS=${EPOCHS:-1} BATCH=${BATCH:-16} SAMPLES=${SAMPLES:-4}
  MAX_LENGTH=${MAX_LENGTH:-768} MAX_NEW_TOKENS=${MAX_NEW_TOKENS:-128}
fi
MODELS=${MODELS:-deepseek-ai/deepseek-coder-6.7b-base codellama/CodeLlama-7b-hf} SEEDS=${SEEDS:-1234}
DATASET=${DATASET:-apps} GPUS=${GPUS-0,1,2,3,4,5,6,7} GPU_KIND=${GPU_KIND:-a100} PORT=${PORT:-29500}
NUM_SEQ=${NUM_SEQ:-3} ITER_NUM=${ITER_NUM:-20} TEMPERATURE=${TEMPERATURE:-1.0} K=${K:-8}
INVERSE_TEMPERATURE=${INVERSE_TEMPERATURE:-2.0} EPOCHS=${EPOCHS:-2} BATCH=${BATCH:-128} SAMPLES=${SAMPLES:-1}
MAX_LENGTH=${MAX_LENGTH:-1536} MAX_NEW_TOKENS=${MAX_NEW_TOKENS:-512} LIMIT=${LIMIT:-0} RUNS=${RUNS:-runs}
DTYPE=${DTYPE:-$(if [ "$GPUS" ]; then printf bf16; else machine_dtype; fi)}
SERVE_PORT=${SERVE_PORT:-8000}
if [ "${SERVER:-}" ] && [ "${SERVE:-}" ]; then
  printf 'error: SERVER names a server, SERVE=1 starts one; give one of them\n' >&2
  exit 2
fi
PREFIX=${PREFIX:-} TASK=$DATASET PROBLEMS=(--dataset "$DATASET")
if [ "$DATASET" = apps ]; then
  TASK=${DIFFICULTY:-introductory}
  PROBLEMS+=(--difficulty "$TASK")
fi
EVALUATION=(--max_new_tokens "$MAX_NEW_TOKENS")
if [ "$SAMPLES" -gt 1 ]; then
  EVALUATION+=(--n_samples "$SAMPLES" --eval_temperature 0.8 --pass_k 1 "$SAMPLES")
fi

# quoted WORD...: a command line that a shell reads back.
quoted() {
  local word line=''
  for word; do
    case $word in
      '' | *[!A-Za-z0-9_./:,=+-]*) printf -v word '%q' "$word" ;;
    esac
    line+=" $word"
  done
  printf '%s' "${line# }"
}

# add COMMAND...: puts a command into the plan, unless it is in there.
add() {
  local command known
  command=$(quoted "$@")
  for known in ${PLAN[@]+"${PLAN[@]}"}; do
    if [ "$known" = "$command" ]; then return; fi
  done
  PLAN+=("$command")
}

# stage SCRIPT MODEL SEED FLAGS...
stage() {
  local script=$1 model=$2 seed=$3 launcher=(python)
  shift 3
  if [ "$GPUS" ]; then launcher=(deepspeed --master_port "$PORT" --include "localhost:$GPUS"); fi
  if [ "$script" = seq_gibbs_sample.py ] && [ "${SERVER:-}${SERVE:-}" ]; then
    launcher=(python)
    if [ "${SERVE:-}" ]; then
      launcher=(bash scripts/serve.sh ${GPUS:+--include "localhost:$GPUS"} --port "$SERVE_PORT" --dtype "$DTYPE"
        --max_length "$((MAX_LENGTH + MAX_NEW_TOKENS))" "$model" -- python)
    fi
    set -- "$@" --engine server --base_url "${SERVER:-http://localhost:$SERVE_PORT/v1}"
  fi
  if [ "${PUBLISHED:-}" ]; then set -- "$@" --as_published; fi
  if [ "${CHAT:-}" ]; then set -- "$@" --chat; fi
  add "${launcher[@]}" "$script" --model_name_or_path "$model" --deepspeed_config ./deepspeed_config.json \
    "${PROBLEMS[@]}" --dtype "$DTYPE" --limit "$LIMIT" --seed "$seed" "$@"
}

# short MODEL: its name without folder or organisation.
short() {
  local name=${1%/}
  printf '%s' "${name##*/}"
}

# samples MODEL SEED SAMPLER: the folder of a sampler's codes; the sampler's name may end in -all (--keep all).
samples() {
  printf '%s' "$RUNS/$TASK/$(short "$1")/$2/$3"
}

# draw MODEL SEED SAMPLER [FOLDER]: stages 1 and 2.
draw() {
  local folder=${4:-$(samples "$1" "$2" "$3")} keep=one
  if [ "${3%-all}" != "$3" ]; then keep=all; fi
  if [ "${3%-all}" != conditional ]; then DESCRIBER=${DESCRIBER:-$1}; fi
  stage seq_gibbs_sample.py "$1" "$2" --output_dir "$PREFIX$(short "$1")-$2-$3" --save_dir "$folder" --selfsample \
    --sampler "${3%-all}" --keep "$keep" --num_seq "$NUM_SEQ" --iter_num "$ITER_NUM" --temperature "$TEMPERATURE" \
    --max_length "$MAX_LENGTH" --max_new_tokens "$MAX_NEW_TOKENS"
  score "$1" "$2" "$folder"
}

# score MODEL SEED FOLDER FLAGS...: stage 2 on the samples of a folder.
score() {
  local model=$1 seed=$2 folder=$3
  shift 3
  stage cal_ppl.py "$model" "$seed" --output_dir "$PREFIX$(short "$model")-$seed-ppl" --max_length 2048 \
    --selfsample_code_source "$folder/code/passed_seq_code.json" "$@"
}

# self_distill MODEL SEED: the row of SSD (arXiv:2604.01193), which has no verifier and no gold pairs: K completions of each
# problem, unverified, and its paper's settings for instruct models. The judge only counts.
self_distill() {
  local folder
  folder=$(samples "$1" "$2" conditional-any)
  stage seq_gibbs_sample.py "$1" "$2" --output_dir "$PREFIX$(short "$1")-$2-conditional-any" --save_dir "$folder" \
    --selfsample --sampler conditional --keep any --num_seq 1 --iter_num "$K" --temperature 1.6 --top_k 20 --top_p 0.8 \
    --max_length "$MAX_LENGTH" --max_new_tokens "$MAX_NEW_TOKENS"
  tune "$1" "$2" conditional-any "$folder" uniform --no_gold
}

# evaluate MODEL SEED: the row of the model as it is.
evaluate() {
  result "$1" "$2" base --eval_only
}

# tune_on_gold MODEL SEED: the row of gold pairs alone.
tune_on_gold() {
  result "$1" "$2" sft --num_epoch "$EPOCHS" --train_batch_size "$BATCH"
}

# tune MODEL SEED NAME SAMPLES SELECTION FLAGS...: a row trained on K codes of each problem. SELECTION is `uniform`, `rarity`,
# `distinct`, `perplexity`, or the --save_dir of other perplexities than those of the codes' folder.
tune() {
  local model=$1 seed=$2 name=$3 from=$4 scores=$5
  shift 5
  local flags=(--train_with_seq_gibbs --selfsample_code_source "$from/code/passed_seq_code.json" --resample)
  if [ "$scores" = perplexity ]; then scores=$from; fi
  case $scores in
    uniform) name+=-uniform ;;
    rarity | distinct) name+=-$scores flags+=(--selection "$scores") ;;
    *)
      name+=-b$INVERSE_TEMPERATURE
      flags+=(--weight_file1 "$scores/code/ppl-passed_seq_code.json" --temperature "$INVERSE_TEMPERATURE")
      ;;
  esac
  result "$model" "$seed" "$name-k$K" "${flags[@]}" --num_seq "$K" --num_epoch "$EPOCHS" \
    --train_batch_size "$BATCH" "$@"
}

# result MODEL SEED NAME FLAGS...: stage 3.
result() {
  local model=$1 seed=$2 name
  name=$PREFIX$(short "$model")-$seed-$3
  shift 3
  stage run_gen.py "$model" "$seed" --output_dir "$name" --max_length "$MAX_LENGTH" "${EVALUATION[@]}" "$@"
  RESULTS+=("$name")
}

# self_train MODEL SEED SAMPLER SELECTION TURNS: turn t samples with the model that turn t-1 trained, turn 1 with MODEL;
# it trains MODEL on the codes of turns t-1 and t.
self_train() {
  local model=$1 seed=$2 sampler=$3 selection=$4 turns=$5
  local turn name=$sampler sampling=$model before='' weights folder flags
  for ((turn = 1; turn <= turns; turn++)); do
    weights=$(samples "$model" "$seed" "$sampler-$selection")/turn$turn
    folder=$(samples "$model" "$seed" "$sampler")
    flags=(--ckpt_path "$weights")
    if [ "$turn" -gt 1 ]; then
      name=$sampler-turn$turn folder=$weights-samples
      flags+=(--turn "$turn" --selfsample_code_source2 "$folder/code/passed_seq_code.json")
      if [ "$selection" = perplexity ]; then flags+=(--weight_file2 "$folder/code/ppl-passed_seq_code.json"); fi
    fi
    draw "$sampling" "$seed" "$sampler" "$folder"
    tune "$model" "$seed" "$name" "${before:-$folder}" "$selection" "${flags[@]}"
    sampling=$weights before=$folder
  done
}

# preview SAMPLES NAME TEMPERATURE...: the draws of several inverse temperatures from the samples of a folder.
preview() {
  local codes=$1/code/passed_seq_code.json name=$2
  shift 2
  add python -m utils.report selection --task "$TASK" --limit "$LIMIT" --selfsample_code_source "$codes" --num_seq "$K" \
    --temperature "$@" --output "results/$TASK/$PREFIX$name.png"
}

# tables NAME FLAGS...: the results of this plan as Markdown, CSV and figures.
tables() {
  local folder=results/$TASK/$PREFIX$1
  shift
  add python -m utils.report tables --task "$TASK" --runs "${RESULTS[@]}" --output_dir "$folder" "$@"
}

# lacks_examples: whether the task has no in-context list and the plan prepares none.
lacks_examples() {
  local source
  case $DATASET in quickstart | world-*) return 1 ;; esac # their own descriptions are such lists
  if [ -e "data/$TASK/ict.json" ]; then return 1; fi
  for source in ${SOURCE:-}; do
    if compgen -G "$source/*ict*.json" >/dev/null; then return 1; fi
  done
  case "${SOURCE:+${PREPARATION:-}} " in *"--ict "* | *--ict=*) return 1 ;; esac
}

# describe MODEL: a model describes gold codes of training problems, on one device; later runs reuse the list.
describe() {
  local device=()
  if [ "$GPUS" ]; then device=(env "CUDA_VISIBLE_DEVICES=${GPUS%%,*}"); fi
  quoted ${device[@]+"${device[@]}"} python -m data.make_ict "${PROBLEMS[@]}" --model_name_or_path "$1" --limit "$LIMIT" \
    --max_length "$MAX_LENGTH" --max_new_tokens "$MAX_NEW_TOKENS" ${CHAT:+--chat}
}

# run_plan: prints the plan and runs it.
run_plan() {
  local command preparation=() number=0
  case " $MODELS ${TEACHER:-} " in
    *" $TOY_MODEL "*) preparation=(env PYTHONPATH=.:tests python scripts/prepare_toy.py "$TOY_MODEL") ;;
    *" $DEFAULT_MODEL "*) preparation=(python scripts/prepare_model.py) ;;
  esac
  case " $MODELS " in *" $TOY_MODEL-student "*) preparation+=("$TOY_MODEL-student") ;; esac
  if [ "$DESCRIBER" ] && [ ! "$TOY" ] && lacks_examples; then
    PLAN=("$(describe "$DESCRIBER")" "${PLAN[@]}")
  fi
  if [ "${SOURCE:-}" ]; then
    if [ "${PUBLISHED:-}" ]; then PREPARATION="${PREPARATION:-} --as_published"; fi
    # shellcheck disable=SC2086 # several words are meant
    PLAN=("$(quoted python -m "data.$DATASET.prepare" --source $SOURCE ${PREPARATION:-})" "${PLAN[@]}")
  fi
  # Descriptions that an earlier plan has left in data/quickstart are not taken for plain ones.
  if [ "$DATASET" = quickstart ] && grep -qs '"story"' data/quickstart/train.meta.json; then
    DESCRIPTIONS=${DESCRIPTIONS:-plain}
  fi
  if [ "${DESCRIPTIONS:-}" ]; then
    PLAN=("$(quoted python -m data.quickstart.prepare --descriptions "$DESCRIPTIONS")" "${PLAN[@]}")
  fi
  if [ "${preparation[*]-}" ]; then
    PLAN=("$(quoted "${preparation[@]}")" "${PLAN[@]}")
  fi
  printf '%s\n' "${PLAN[@]}" | "${PYTHON:-python3}" scripts/hours.py --task "$TASK" --gpu "$GPU_KIND" || exit
  if [ "$DRY_RUN" ]; then exit; fi
  # shellcheck source=scripts/setup.sh
  . scripts/setup.sh
  if [ "$GPUS" ]; then require_gpus "$GPUS"; fi
  for command in "${PLAN[@]}"; do
    printf '\n== %d of %d (after %d:%02d)\n%s\n' $((++number)) ${#PLAN[@]} $((SECONDS / 60)) $((SECONDS % 60)) "$command"
    eval "$command" || exit # by itself, `set -e` within a function makes some shells complain
  done
  printf '\nTotal time: %d:%02d\n' $((SECONDS / 60)) $((SECONDS % 60))
}
