#!/bin/sh
# Installs what building, testing and running slicemill needs, by Debian package name. Idempotent; prints nothing when nothing is missing.
#
#   scripts/deps.sh          install what is missing
#   scripts/deps.sh --list   print the list
#   scripts/deps.sh --bench  install the peers and tools of bench/run.sh too
#   scripts/deps.sh --servers  install the servers that the tests of scripts/test.sh --servers start, too
set -eu

# The build itself.
packages="g++ cmake ninja-build pkg-config ccache mold"
# Libraries (the 1.81 packages of Boost by name: Debian's default is older).
packages="$packages libboost1.81-dev libzmq3-dev cppzmq-dev nlohmann-json3-dev librocksdb-dev libsqlite3-dev
  libspdlog-dev libfmt-dev libsimdjson-dev libyaml-dev libcli11-dev libzstd-dev zlib1g-dev liblz4-dev libisal-dev libxxhash-dev libre2-dev
  libarchive-dev libssl-dev libutf8proc-dev libpq-dev"
# Tests, benchmarks and the demo.
packages="$packages libgtest-dev libgmock-dev libbenchmark-dev python3 python3-venv python3-jsonschema python3-yaml curl ca-certificates
  spin gcc"
# Fuzz targets (preset fuzz).
packages="$packages clang libclang-rt-14-dev"
# Checks of style (scripts/lint.sh).
packages="$packages clang-format clang-tidy git"

if [ "${1:-}" = "--list" ]; then
  printf '%s\n' $packages
  exit 0
fi

# Peers and tools of the whole bench: not needed to build, test or run.
if [ "${1:-}" = "--bench" ]; then
  command -v npm >/dev/null || packages="$packages nodejs npm"
  packages="$packages jq parallel redis-server nginx-light wrk gzip zstd python3-matplotlib valgrind"
fi

# Servers that tests start for themselves, and their clients.
if [ "${1:-}" = "--servers" ]; then
  packages="$packages postgresql-15 postgresql-client-15 podman runc conmon containernetworking-plugins busybox-static"
fi

missing=""
for package in $packages; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "scripts/deps.sh: these packages are missing and there is no sudo; as root: apt-get install$missing" >&2
    exit 1
  fi
  as_root="sudo"
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
install_missing() {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 --quiet=2 --no-install-recommends --yes \
    install $missing >>"$log" 2>&1
}

echo "installing:$missing" >&2
# The package lists may be missing or old: fetch them only if it does not work without.
if ! install_missing; then
  $as_root apt-get -o DPkg::Lock::Timeout=600 --quiet=2 update >>"$log" 2>&1 || { cat "$log" >&2; exit 1; }
  install_missing || { cat "$log" >&2; exit 1; }
fi
