#!/usr/bin/env bash
# Serve a model with vLLM for `--engine server`, and perhaps run a command that samples from it.
#
#   bash scripts/serve.sh [FLAGS] MODEL                 # serves until Ctrl-C
#   bash scripts/serve.sh [FLAGS] MODEL -- COMMAND...   # runs the command, then stops the server
#
#   --include localhost:0,1   GPUS: a copy of the model on each (data parallel); without: whatever vLLM finds
#   --port 8000               port of the server
#   --max_length 2048         tokens of a prompt and its completion
#   --dtype bf16              of the weights: bf16, fp16 or fp32
#   --dry_run                 shows vLLM's command
#
# Waits until the server answers and prints its base URL, http://localhost:PORT/v1. vLLM has its own environment (pip install
# vllm): VLLM names its command, VLLM_FLAGS holds more flags for it. HOST=0.0.0.0 lets other machines in; GIFT_API_KEY, where
# it is set, is required of them. The output of vLLM goes to LOG (serve-PORT.log in the folder for temporary files).
set -euo pipefail

stop() {
  printf 'error: %s\n' "$1" >&2
  exit "${2:-1}"
}

GPUS='' PORT=8000 MAX_LENGTH=2048 DTYPE=bf16 DRY_RUN='' MODEL=''
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0" && exit ;;
    --dry_run) DRY_RUN=yes && shift && continue ;;
    --) shift && break ;;
    --include | --port | --max_length | --dtype) [ $# -gt 1 ] || stop "$1: a value is missing; see -h" 2 ;;
    -*) stop "unknown flag $1; see -h" 2 ;;
    *) [ -z "$MODEL" ] || stop "$1: give one MODEL, and a command behind --; see -h" 2 && MODEL=$1 && shift && continue ;;
  esac
  case $1 in
    --include) GPUS=${2#*:} ;;
    --port) PORT=$2 ;;
    --max_length) MAX_LENGTH=$2 ;;
    --dtype) DTYPE=$2 ;;
  esac
  shift 2
done
[ "$MODEL" ] || stop 'MODEL is missing; see -h' 2
case $DTYPE in
  bf16) DTYPE=bfloat16 ;;
  fp16) DTYPE=float16 ;;
  fp32) DTYPE=float32 ;;
  *) stop "--dtype $DTYPE: give bf16, fp16 or fp32" 2 ;;
esac

LOG=${LOG:-${TMPDIR:-/tmp}/serve-$PORT.log}
command=("${VLLM:-vllm}" serve "$MODEL" --host "${HOST:-127.0.0.1}" --port "$PORT" --dtype "$DTYPE" --max-model-len "$MAX_LENGTH")
if [ "$GPUS" ]; then
  IFS=, read -ra each <<<"$GPUS"
  command=(env "CUDA_VISIBLE_DEVICES=$GPUS" "${command[@]}" --data-parallel-size "${#each[@]}")
fi
# shellcheck disable=SC2206 # several words are meant
command+=(${VLLM_FLAGS:-})
if [ "$DRY_RUN" ]; then
  printf '%q ' "${command[@]}" && echo && exit
fi
command -v "${VLLM:-vllm}" >/dev/null || stop "${VLLM:-vllm}: no such command; VLLM names that of the environment with vLLM"

# answers: whether a server answers there, with any key.
answers() {
  "${PYTHON:-python3}" - "http://localhost:$PORT/v1/models" 2>/dev/null <<'END'
import sys
import urllib.error
import urllib.request

try:
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sys.argv[1], timeout=5)
except urllib.error.HTTPError:
    pass
END
}

if answers; then stop "port $PORT: already in use; give another --port"; fi
if [ "${GIFT_API_KEY:-}" ]; then export VLLM_API_KEY=$GIFT_API_KEY; fi
export VLLM_MAX_STOP_STRINGS=${VLLM_MAX_STOP_STRINGS:-64} # its default is four
set -m # a separate process group for the server and its children
"${command[@]}" >"$LOG" 2>&1 </dev/null &
server=$!
set +m

end() {
  kill -TERM -- "-$server" 2>/dev/null || return 0
  for _ in {1..60}; do
    kill -0 -- "-$server" 2>/dev/null || return 0
    sleep 0.5
  done
  kill -KILL -- "-$server" 2>/dev/null || true
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

until answers; do
  kill -0 "$server" 2>/dev/null || stop "vLLM ended: $(grep -iE 'error|exception' "$LOG" | tail -n 1); see $LOG"
  sleep 1
done
printf 'http://localhost:%s/v1\n' "$PORT"
if [ $# -gt 0 ]; then
  "$@"
else
  wait "$server" 2>/dev/null || stop "vLLM ended; see $LOG"
fi
