#!/bin/bash
# 60 seeds of the simulation and the unit tests of wire, ledger and controller under sanitizers. The last line is a count.
#
#   scripts/sanitize.sh              AddressSanitizer with UndefinedBehaviorSanitizer, then ThreadSanitizer
#   scripts/sanitize.sh asan         one of them: asan or tsan
#   scripts/sanitize.sh --all        everything that these builds have, which takes hours on two processors
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/deps.sh
mkdir -p build
unit='^(wire|ledger|execution_controller)_test$'
targets=(wire_test ledger_test execution_controller_test slicemill_simulation)
export TSAN_OPTIONS="suppressions=$PWD/cmake/tsan.supp"
all=false presets=()
for argument in "$@"; do
  case "$argument" in
    --all) all=true ;;
    asan | tsan) presets+=("$argument") ;;
    *) echo "scripts/sanitize.sh: unknown argument '$argument'" >&2; exit 2 ;;
  esac
done
[ ${#presets[@]} -gt 0 ] || presets=(asan tsan)
passed=0
for preset in "${presets[@]}"; do
  cmake --preset "$preset" >"build/$preset.log" 2>&1 || { cat "build/$preset.log"; exit 1; }
  if $all; then
    cmake --build "build/$preset" --target all slicemill_tests
    ctest --test-dir "build/$preset" --output-on-failure --parallel "$(nproc)" --timeout 3600
  else
    cmake --build "build/$preset" --target "${targets[@]}"
    ctest --test-dir "build/$preset" --output-on-failure --parallel "$(nproc)" --timeout 1800 -R "$unit"
    "build/$preset/tests/simulation/slicemill_simulation" --seeds 60
  fi
  passed=$((passed + 1))
done
echo "$passed of ${#presets[@]} sanitizer builds passed"
