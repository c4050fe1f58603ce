#!/usr/bin/env bash
# bash install.sh [dev]: make .venv here and install the pinned requirements (with `dev`, what the tests need too).
# Does nothing where that is done already. PYTHON=/path/to/python3.12 chooses the interpreter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
python=${PYTHON:-python3}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "error: $python is not Python 3.11 or newer; install one, or name it: PYTHON=/path/to/python3.12 bash $0" >&2
  exit 2
fi
wanted=$(cat requirements.txt pyproject.toml | cksum)${1:+ $1}
stamp=.venv/installed${1:+-$1}
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
  exit 0
fi

[ -x .venv/bin/python ] || "$python" -m venv .venv
echo "installing into .venv (once; torch is large)"
extra=()
if [ "${1:-}" = dev ]; then
  mapfile -t extra < <(.venv/bin/python -c '
import tomllib
print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["dev"], sep="\n")')
fi
# What cannot be reached is said by pip itself; warnings about unused index folders are not for the user.
.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt ${extra[@]+"${extra[@]}"} \
  2> >(grep -v "^WARNING: Location" >&2)
# The interpreter of .venv finds the core even where env.sh was forgotten.
pwd > "$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/recital.pth"
echo "$wanted" > "$stamp"
