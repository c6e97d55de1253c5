#!/bin/sh
# Limits, peers and slicemill in turns on the same inputs: one table, and bench/results/*.json.
#
#   bench/run.sh [--quick] [--peer DIR] [--runs N] [--only GROUP] ...      bench/run.sh --help
#
# --quick uses what is there; otherwise the peers are installed first: Debian's jq, parallel, redis, nginx, wrk, zstd and matplotlib, and
# DuckDB and BullMQ from npm into DIR (build/peers).
set -eu
cd "$(dirname "$0")/.."

quick=no peers=build/peers wants_peers=yes previous=""
for argument in "$@"; do
  case "$argument" in
    --quick) quick=yes ;;
    --help | -h) wants_peers=no ;;
    --peer=*) peers=${argument#--peer=} ;;
  esac
  [ "$previous" = --peer ] && peers=$argument
  previous=$argument
done

scripts/deps.sh
if [ "$quick$wants_peers" = noyes ]; then
  scripts/deps.sh --bench
  [ -d "$peers/node_modules/ioredis" ] && [ -d "$peers/node_modules/@duckdb/node-api" ] ||
    npm install --prefix "$peers" --no-fund --no-audit --loglevel=error @duckdb/node-api bullmq ioredis
fi
[ -d build/release ] || cmake --preset release >/dev/null
cmake --build build/release --target all reference_loop ldjson_filter hot_loops >/dev/null
PYTHONPATH=bench exec /usr/bin/python3 -B -m suite "$@"
