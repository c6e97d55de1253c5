#!/bin/bash
# A job on real input, watched, with a worker killed on the way: this machine's installed packages, and the shared libraries in them.
# Does its own set-up; leaves nothing behind but the build.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/deps.sh
echo "building (the first time takes minutes) ..."
mkdir -p build
cmake --preset release >build/demo.log 2>&1 && cmake --build build/release --target slicemill slicemill-worker >build/demo.log 2>&1 || {
  tail -n 40 build/demo.log >&2
  exit 1
}
slicemill=build/release/slicemill

work=$(mktemp -d /tmp/slicemill-demo-XXXXXX)
master=""
clean_up() {
  local status=$?
  trap - EXIT INT TERM
  if [ -n "$master" ] && kill -0 "$master" 2>/dev/null; then
    kill -TERM "$master" 2>/dev/null || true # stops its executions, then ends
    wait "$master" 2>/dev/null || true
  fi
  rm -rf "$work"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# get PATH PYTHON-EXPRESSION: what the expression makes of the JSON answer `a`.
get() {
  curl --silent --show-error --fail "$url$1" | python3 -c "import json, sys; a = json.load(sys.stdin); print($2)"
}

$slicemill master --port 0 --data "$work/data" --slots 4 --executions-on-exit stop >"$work/master.out" 2>"$work/master.err" &
master=$!
url=""
for _ in $(seq 200); do
  url=$(sed -n 's/^listening on //p' "$work/master.out")
  [ -n "$url" ] && break
  kill -0 "$master" 2>/dev/null || { cat "$work/master.err" >&2; exit 1; }
  sleep 0.05
done
[ -n "$url" ] || { echo "the master does not listen" >&2; exit 1; }
echo "master       pid $master, $url"

sed "s#/tmp/slicemill-examples#$work#" examples/shared-libraries.json >"$work/job.json"
answer=$(curl --silent --show-error --fail --data @"$work/job.json" "$url/v1/jobs")
ex_id=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["ex_id"])' "$answer")
total=$(find /var/lib/dpkg/info -name '*.list' | wc -l)
echo "execution    $ex_id"
echo "input        /var/lib/dpkg/info/*.list, $total files"

status="" killed=""
began=$(date +%s)
while true; do
  status=$(get "/v1/ex/$ex_id" 'a["_status"]')
  figures=$(get "/v1/cluster/controllers" '" ".join(str(c[k]) for c in a for k in ("processed", "failed", "records_in", "records_out"))')
  read -r processed failed in out <<<"${figures:-0 0 0 0}"
  [ -t 1 ] && printf '\r\033[K'
  line="$status: $processed of $total slices, $failed failed, $in records in, $out out"
  if [ -t 1 ]; then printf '%s' "$line"; else echo "progress     $line"; fi
  case "$status" in completed | stopped | failed | rejected | terminated) break ;; esac
  if [ -z "$killed" ] && [ "$processed" -ge $((total / 4)) ]; then
    killed=$(get /v1/cluster/state 'next((w["pid"] for n in a.values() for w in n["active"] if w["assignment"] == "worker"), "")')
    if [ -n "$killed" ] && kill -KILL "$killed" 2>/dev/null; then
      [ -t 1 ] && printf '\r\033[K'
      echo "killed       worker $killed, with SIGKILL"
    fi
  fi
  [ $(($(date +%s) - began)) -lt 120 ] || { echo "the job does not end" >&2; exit 1; }
  sleep 0.2
done
[ -t 1 ] && printf '\r\033[K'

get "/v1/ex/$ex_id" '"ended        %s: %d slices, %d failed, %d records in, %d records out, %d retries, %d workers joined" % tuple(
  [a["_status"]] + [a["_slicer_stats"].get(k, 0) for k in ("processed", "failed", "records_in", "records_out", "retries", "workers_joined")])'
[ "$status" = completed ] || { get "/v1/ex/$ex_id" 'a["_failureReason"]' >&2; exit 1; }

written=$(find "$work/shared-libraries" -name '[!.]*' -type f -exec cat {} + | wc -l)
expected=$(cat /var/lib/dpkg/info/*.list | grep -cE '\.so(\.[0-9]+)*$')
echo "output       $written records; grep counts $expected"
[ "$written" -eq "$expected" ] || { echo "they differ" >&2; exit 1; }
echo "verify       $($slicemill verify "$ex_id" --master "$url")"

kill -TERM "$master"
wait "$master"
master=""
echo "stopped      master left with exit code 0"
