# shellcheck shell=bash
# Sourced by the scripts that run stages: what this machine has.

# Without a GPU, DeepSpeed is told so instead of looking for one and warning.
if ! command -v nvidia-smi >/dev/null; then export DS_ACCELERATOR=cpu; fi

# machine_dtype: bf16 on a GPU and on a CPU with instructions for it; elsewhere fp32, which is ten times as fast there.
machine_dtype() {
  if command -v nvidia-smi >/dev/null || grep -qwE 'avx512_bf16|amx_bf16|avx_ne_convert|bf16' /proc/cpuinfo 2>/dev/null; then
    printf bf16
  else
    printf fp32
  fi
}
