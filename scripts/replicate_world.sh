#!/usr/bin/env bash
# Does GiFT beat RFT? The study in worlds where the truth is known, from a bare clone to table and figures.
#
#   bash scripts/replicate_world.sh [--dry_run] [--toy] [-h]
#   SEEDS="0 1" STRENGTHS=0.5 bash scripts/replicate_world.sh     # a part, here or on another machine
#
# For every seed: its worlds, one pretraining trunk, for every strength of the tie between wording and implementation a base
# model, and for every obscurity, the share of descriptions told obscurely, all methods (scripts/replication/methods.py).
# Every finished method is one file under results/replication/, which is kept: after an interruption the same command
# resumes, and files of another machine can be copied there. The models are too small for more than one core; on two, give
# each its seeds:
#
#   SEEDS="0 1 2" taskset -c 0 bash scripts/replicate_world.sh & SEEDS="3 4" taskset -c 1 bash scripts/replicate_world.sh
#
# Variables (VARIABLE=value bash ...):
#   SEEDS STRENGTHS OBSCURITIES METHODS      what to do: "0 1 2 3 4", "0 0.5", "0.5 1 0", all
#   WORLD PRETRAINING STUDY                  flags for data.worlds.prepare and scripts.replication.{pretrain,study}
#   PREFIX RESULTS                           of the worlds' names; folder under results/
set -euo pipefail
cd "$(dirname "$0")/.."

DRY_RUN="" TOY=""
BASE_MINUTES=12 WORLD_MINUTES=30 # on one core
for argument; do
  case $argument in
    -h | --help) awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "scripts/${0##*/}" && exit ;;
    --dry_run) DRY_RUN=yes ;;
    --toy) TOY=yes ;;
    *) printf 'error: unknown argument %s; there are --dry_run, --toy and -h\n' "$argument" >&2 && exit 2 ;;
  esac
done

if [ "$TOY" ]; then # a rehearsal of a few minutes: the models learn nothing
  SEEDS=${SEEDS:-0} STRENGTHS=${STRENGTHS:-0.5} OBSCURITIES=${OBSCURITIES:-0.5} PREFIX=${PREFIX:-toy-} RESULTS=${RESULTS:-toy-replication}
  WORLD=${WORLD:---seeds 4 --tests 4 --pretraining 300 --pairs 1}
  PRETRAINING=${PRETRAINING:---trunk_steps 3 --steps 2 --batch_size 8 --hidden 32 --layers 1 --vocab 400}
  STUDY=${STUDY:---rounds 2 --num_seq 2 --k 2 --epochs 1 --samples 2}
fi
SEEDS=${SEEDS:-0 1 2 3 4} STRENGTHS=${STRENGTHS:-0 0.5} OBSCURITIES=${OBSCURITIES:-0.5 1 0} METHODS=${METHODS:-}
PREFIX=${PREFIX:-} RESULTS=${RESULTS:-replication}
WORLD=${WORLD:-} PRETRAINING=${PRETRAINING:-} STUDY=${STUDY:-}

# run COMMAND...: runs it, or prints it.
run() {
  if [ "$DRY_RUN" ]; then
    printf '%s\n' "$*"
  else
    printf '\n== after %d:%02d: %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*"
    "$@"
  fi
}

if [ "$DRY_RUN" ]; then
  bases=$(($(wc -w <<<"$SEEDS") * $(wc -w <<<"$STRENGTHS"))) worlds=$((bases * $(wc -w <<<"$OBSCURITIES")))
  awk -v b="$bases" -v w="$worlds" -v p="$BASE_MINUTES" -v m="$WORLD_MINUTES" \
    'BEGIN { printf "# %d worlds of %d base models: %.1f hours on one core\n", w, b, (b * p + w * m) / 60 }'
  if [ -x .venv/bin/python ]; then PATH="$PWD/.venv/bin:$PATH"; fi
else
  # shellcheck source=scripts/setup.sh
  . scripts/setup.sh
fi

# prepare SEED STRENGTH OBSCURITY: that world, unless it was prepared before.
PREPARED=" "
prepare() {
  local name=${PREFIX}s$1-r$2-o$3
  case $PREPARED in *" $name "*) return ;; esac
  PREPARED+="$name "
  # shellcheck disable=SC2086
  run python -m data.worlds.prepare --name "$name" --seed "$1" --strength "$2" --obscurity "$3" $WORLD
}

# Words of the flags below are meant to split.
# shellcheck disable=SC2086,SC2206
for seed in $SEEDS; do
  trunk=${PREFIX}s$seed-r0-o0
  for strength in $STRENGTHS; do
    base=${PREFIX}s$seed-r$strength-o0 ready=""
    for obscurity in $OBSCURITIES; do
      name=${PREFIX}s$seed-r$strength-o$obscurity
      study=(python -m scripts.replication.study --name "$name" --base "$base" --seed "$seed" --results "$RESULTS"
        ${METHODS:+--methods $METHODS} $STUDY)
      if [ ! "$DRY_RUN" ]; then
        status=0
        "${study[@]}" --is_finished || status=$?
        if [ $status = 0 ]; then continue; fi # neither its data nor its model are needed again
        if [ $status != 1 ]; then exit $status; fi
      fi
      if [ ! "$ready" ]; then
        prepare "$seed" 0 0
        prepare "$seed" "$strength" 0
        run python -m scripts.replication.pretrain --name "$base" --trunk "$trunk" --seed "$seed" $PRETRAINING
        run python -m scripts.replication.measure --name "$base" --samples 2
        ready=yes
      fi
      prepare "$seed" "$strength" "$obscurity"
      run "${study[@]}"
      if [ "$DRY_RUN" ]; then "${study[@]}" --dry_run | sed 's/^/  /'; fi
    done
  done
done
run python -m scripts.replication.report --results "results/$RESULTS"
if [ ! "$DRY_RUN" ]; then printf '\nTotal time: %d:%02d\n' $((SECONDS / 60)) $((SECONDS % 60)); fi
