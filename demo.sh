#!/usr/bin/env bash
# bash demo.sh: from a fresh clone, without network data: install, train a WaveNet vocoder, generate, score. Minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
bash install.sh
source env.sh
cd project/01-wavenet-vocoder
exec python main.py demo "$@"
