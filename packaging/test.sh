#!/usr/bin/env bash
# Builds everything and runs every test; ends with ctest's summary. Arguments are passed to ctest (e.g. -L runtime).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/prepare.sh"

install_packages
build release
ctest --preset release -j "$(nproc)" "$@"
