#!/usr/bin/env bash
# Everything once on the synthetic corpus, offline: train, generate, score. Minutes on a CPU.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ../../env.sh
exec python main.py demo "$@"
