#!/usr/bin/env bash
# The tests that take many minutes or other privileges: bash scripts/test_long.sh [pytest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/setup.sh
. scripts/setup.sh
exec python -m pytest tests/long "$@"
