#!/usr/bin/env bash
# Prove that this project works on this machine's GPU: one JSON line for each check, then a table.
#
#   bash scripts/gpu_check.sh [--only NAME ...] [--model FOLDER]
#   bash scripts/gpu_check.sh --rehearse     # every check on the CPU, at toy size
#
# Takes SmolLM2 where python scripts/prepare_model.py has made it, and random weights otherwise. Exit status 0 if every
# check holds, 1 if one fails, 2 without a GPU. PYTHON names an interpreter that has the requirements already;
# otherwise .venv is set up.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${PYTHON:-}" ]; then
  # shellcheck source=scripts/setup.sh
  . scripts/setup.sh
  PYTHON=.venv/bin/python
fi
# shellcheck source=scripts/machine.sh
. scripts/machine.sh
exec env PYTHONPATH=".:tests:scripts" "$PYTHON" scripts/gpu_check.py "$@"
