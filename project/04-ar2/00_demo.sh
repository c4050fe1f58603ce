#!/usr/bin/env bash
# The series is made, the convolution trained, its coefficients compared with least squares. Seconds, offline.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ../../env.sh
exec python main.py demo "$@"
