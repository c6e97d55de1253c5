#!/bin/bash
# Checks the form of our C++ files: clang-format and clang-tidy.
#
#   scripts/lint.sh            files changed since the merge base with main (with nothing changed: the last commit)
#   scripts/lint.sh --all      every file
#   scripts/lint.sh --format   clang-format only (with or without --all): seconds, for CI
#   scripts/lint.sh --fix      let clang-format write
set -euo pipefail
cd "$(dirname "$0")/.."

all=false format_only=false fix=false
for argument in "$@"; do
  case "$argument" in
    --all) all=true ;;
    --format) format_only=true ;;
    --fix) fix=true ;;
    *) echo "scripts/lint.sh: unknown argument '$argument'" >&2; exit 2 ;;
  esac
done
scripts/deps.sh

changed_files() {
  local base
  base=$(git merge-base HEAD main 2>/dev/null || git rev-parse HEAD)
  { git diff --name-only --diff-filter=d "$base"; git ls-files --others --exclude-standard; } | sort -u
}
if $all; then
  mapfile -t files < <(git ls-files -co --exclude-standard '*.h' '*.cc')
else
  mapfile -t files < <(changed_files | grep -E '\.(h|cc)$' || true)
  if [ ${#files[@]} -eq 0 ] && git rev-parse --quiet --verify HEAD~1 >/dev/null; then
    mapfile -t files < <(git diff --name-only --diff-filter=d HEAD~1 | grep -E '\.(h|cc)$' || true)
  fi
fi
[ ${#files[@]} -gt 0 ] || { echo "lint: no C++ files changed"; exit 0; }

if $fix; then
  clang-format -i "${files[@]}"
else
  clang-format --dry-run -Werror "${files[@]}"
fi
echo "lint: clang-format is content with ${#files[@]} files"
$format_only && exit 0

build=build/dev
[ -f $build/compile_commands.json ] || cmake --preset dev >/dev/null
mapfile -t sources < <(printf '%s\n' "${files[@]}" | grep '\.cc$' || true)
[ ${#sources[@]} -eq 0 ] || printf '%s\0' "${sources[@]}" | xargs -0 -n 1 -P "$(nproc)" clang-tidy -p $build --quiet --warnings-as-errors='*' --extra-arg=-Wno-unknown-warning-option
echo "lint: clang-tidy is content with ${#sources[@]} files"
