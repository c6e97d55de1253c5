#!/bin/sh
# Builds the fuzz targets with clang and runs each for ten seconds from its corpus.
#
#   scripts/fuzz.sh [arguments of ctest, e.g. -R reader]
set -eu
cd "$(dirname "$0")/.."

scripts/deps.sh
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz
ctest --preset fuzz "$@"
