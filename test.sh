#!/usr/bin/env bash
# bash test.sh: every test. bash test.sh fast: without the slow ones. Further words go to pytest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
bash install.sh dev
source env.sh
export OMP_NUM_THREADS=1  # two test processes on two cores; sums are then the same on every machine with this CPU
chosen=()
if [ "${1:-}" = fast ]; then
  chosen=(-m "not slow")
  shift
fi
ruff check .
exec python -m pytest -q -n 2 ${chosen[@]+"${chosen[@]}"} "$@"
