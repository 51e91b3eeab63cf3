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
