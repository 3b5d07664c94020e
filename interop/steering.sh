#!/usr/bin/env bash
# Starts steering.py, which says what it does.
set -euo pipefail
cd "$(dirname "$0")"
command -v python3 >/dev/null || { apt-get update -qq && apt-get install -y -qq python3 >/dev/null; }
exec python3 steering.py "$@"
