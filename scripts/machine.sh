# shellcheck shell=bash
# Sourced by the scripts that run stages: the hardware of this machine.

has_gpu() {
  command -v nvidia-smi >/dev/null || [ -e /dev/nvidiactl ] || [ -e /dev/kfd ] # in a container there may be the device alone
}

# Without a GPU, tell DeepSpeed, which else looks for one and warns.
if ! has_gpu; then export DS_ACCELERATOR=cpu; fi

# machine_dtype: bf16 on a GPU and on a CPU with instructions for it; elsewhere fp32, which is ten times as fast there.
machine_dtype() {
  if has_gpu || grep -qwE 'avx512_bf16|amx_bf16|avx_ne_convert|bf16' /proc/cpuinfo 2>/dev/null; then
    printf bf16
  else
    printf fp32
  fi
}

# require_gpus NUMBERS: stops with status 2 where one of these, separated by commas, is not here.
require_gpus() {
  local count number
  count=$(env -u CUDA_VISIBLE_DEVICES python -c 'import torch; print(torch.cuda.device_count())')
  for number in ${1//,/ }; do
    if [ "$number" -ge "$count" ]; then
      printf 'error: GPUS=%s, but this machine has %d GPUs, counted from 0; GPUS=0 takes the first, GPUS= none\n' "$1" "$count" >&2
      exit 2
    fi
  done
}
