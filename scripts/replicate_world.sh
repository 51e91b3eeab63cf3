#!/usr/bin/env bash
# Does GiFT beat RFT? The study in worlds where the truth is known, from a bare clone to table and figures.
#
#   bash scripts/replicate_world.sh [--dry_run] [--toy] [-h]
#   SEEDS="0 1" STRENGTHS=0.5 bash scripts/replicate_world.sh     # a part, here or on another machine
#
# For every seed: its worlds, one pretraining trunk, and for every strength of the tie between wording and implementation
# a base model and six methods: base, SFT on gold, RFT, RFT+RD, GiFT without selection, GiFT. Every finished method is one
# file under results/replication/, which is kept: after an interruption the same command resumes, and files of another
# machine can be copied there. The models are too small for more than one core; on two, give each its seeds:
#
#   SEEDS="0 1 2" taskset -c 0 bash scripts/replicate_world.sh & SEEDS="3 4" taskset -c 1 bash scripts/replicate_world.sh
#
# Variables (VARIABLE=value bash ...):
#   SEEDS STRENGTHS                          what to do: "0 1 2 3 4", "0.5 0 1"
#   WORLD PRETRAINING STUDY                  flags for data.worlds.prepare and scripts.replication.{pretrain,study}
#   PREFIX RESULTS                           of the worlds' names; folder under results/
set -euo pipefail
cd "$(dirname "$0")/.."

DRY_RUN="" TOY=""
TRUNK_MINUTES=4 WORLD_MINUTES=16 # on one core, measured under other load
for argument; do
  case $argument in
    -h | --help) awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0" && exit ;;
    --dry_run) DRY_RUN=yes ;;
    --toy) TOY=yes ;;
    *) printf 'error: unknown argument %s; there are --dry_run, --toy and -h\n' "$argument" >&2 && exit 2 ;;
  esac
done

if [ "$TOY" ]; then # a rehearsal of a few minutes: the models learn nothing
  SEEDS=${SEEDS:-0} STRENGTHS=${STRENGTHS:-0.5} PREFIX=${PREFIX:-toy-} RESULTS=${RESULTS:-toy-replication}
  WORLD=${WORLD:---seeds 4 --tests 4 --pretraining 300 --pairs 1}
  PRETRAINING=${PRETRAINING:---trunk_steps 3 --steps 2 --batch_size 8 --hidden 32 --layers 1 --vocab 400}
  STUDY=${STUDY:---rounds 2 --num_seq 2 --k 2 --epochs 1 --samples 2}
fi
SEEDS=${SEEDS:-0 1 2 3 4} STRENGTHS=${STRENGTHS:-0.5 0 1} PREFIX=${PREFIX:-} RESULTS=${RESULTS:-replication}
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
  seeds=$(wc -w <<<"$SEEDS") worlds=$(($(wc -w <<<"$SEEDS") * $(wc -w <<<"$STRENGTHS")))
  awk -v s="$seeds" -v w="$worlds" -v t="$TRUNK_MINUTES" -v m="$WORLD_MINUTES" \
    'BEGIN { printf "# %d worlds of %d seeds: %.1f hours on one core\n", w, s, (s * t + w * m) / 60 }'
  if [ -x .venv/bin/python ]; then PATH="$PWD/.venv/bin:$PATH"; fi
else
  # shellcheck source=scripts/setup.sh
  . scripts/setup.sh
fi

# Words of the flags below are meant to split.
# shellcheck disable=SC2086,SC2206
for seed in $SEEDS; do
  trunk=${PREFIX}s$seed-r0 prepared=""
  for strength in $STRENGTHS; do
    name=${PREFIX}s$seed-r$strength
    study=(python -m scripts.replication.study --name "$name" --seed "$seed" --results "$RESULTS" $STUDY)
    if [ ! "$DRY_RUN" ]; then
      status=0
      "${study[@]}" --is_finished || status=$?
      if [ $status = 0 ]; then continue; fi # neither its data nor its model are needed again
      if [ $status != 1 ]; then exit $status; fi
    fi
    if [ ! "$prepared" ]; then
      run python -m data.worlds.prepare --name "$trunk" --seed "$seed" --strength 0 $WORLD
      prepared=yes
    fi
    if [ "$name" != "$trunk" ]; then
      run python -m data.worlds.prepare --name "$name" --seed "$seed" --strength "$strength" $WORLD
    fi
    run python -m scripts.replication.pretrain --name "$name" --trunk "$trunk" --seed "$seed" $PRETRAINING
    run python -m scripts.replication.measure --name "$name" --samples 2 --limit 40
    run "${study[@]}"
    if [ "$DRY_RUN" ]; then "${study[@]}" --dry_run | sed 's/^/  /'; fi
  done
done
run python -m scripts.replication.report --results "results/$RESULTS"
if [ ! "$DRY_RUN" ]; then printf '\nTotal time: %d:%02d\n' $((SECONDS / 60)) $((SECONDS % 60)); fi
