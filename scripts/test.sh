#!/bin/sh
# Installs what is missing, builds the release preset, runs every test, and ends with one line of counts.
#
#   scripts/test.sh [arguments of ctest, e.g. -L unit or -R e2e]
#   scripts/test.sh --servers [arguments of ctest]     those tests instead that start servers of others (PostgreSQL, Podman, ...)
set -eu
cd "$(dirname "$0")/.."

if [ "${1:-}" = "--servers" ]; then
  shift
  scripts/deps.sh --servers
  set -- -L servers "$@"
else
  scripts/deps.sh
  set -- -LE servers "$@"
fi
cmake --preset release >build-configure.log 2>&1 || { cat build-configure.log; rm -f build-configure.log; exit 1; }
rm -f build-configure.log
cmake --build build/release --target all slicemill_tests

log=build/release/ctest-output.log
status=0
# Two tests more than processors: end-to-end tests wait for processes and deadlines, so that a processor would often idle.
# ctest's exit status must survive the copy of its output.
{ set +e; ctest --test-dir build/release --output-on-failure --parallel "$(($(nproc) + 2))" "$@" 2>&1; echo $? >build/release/ctest-status; } | tee "$log"
status=$(cat build/release/ctest-status)
echo
grep -E 'tests? passed, .* failed out of|^No tests were found' "$log" | tail -n 1
exit "$status"
