#!/bin/bash
# A job on real input, watched, with a worker killed on the way: this machine's installed packages, and the shared libraries in them.
# Does its own set-up; leaves nothing behind but the build.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/deps.sh
echo "building (the first time takes minutes) ..."
mkdir -p build
cmake --preset release >build/demo.log 2>&1 && cmake --build build/release --target slicemill slicemill-controller slicemill-worker >build/demo.log 2>&1 || {
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
total=$(find /var/lib/dpkg/info -name '*.list' | wc -l)
echo "input        /var/lib/dpkg/info/*.list, $total files"

# Submitted by curl, then followed by one process that asks ten times a second: a curl for each look would be slower than the job.
python3 - "$url" "$work" "$total" <<'PYTHON'
import json, os, signal, subprocess, sys, time, urllib.error, urllib.request

url, work, total = sys.argv[1], sys.argv[2], int(sys.argv[3])
terminal = sys.stdout.isatty()
submit = ["curl", "--silent", "--show-error", "--fail", "--data", f"@{work}/job.json", f"{url}/v1/jobs"]
ex_id = json.loads(subprocess.run(submit, check=True, stdout=subprocess.PIPE).stdout)["ex_id"]
with open(f"{work}/ex_id", "w") as file:
    file.write(ex_id)
print(f"execution    {ex_id}", flush=True)


def get(path):
    with urllib.request.urlopen(url + path, timeout=10) as answer:
        return json.load(answer)


def say(line):
    print(("\r\033[K" if terminal else "") + line, flush=True)


killed, shown, deadline = None, 0.0, time.monotonic() + 120
while True:
    status = get(f"/v1/ex/{ex_id}")["_status"]
    if status in ("completed", "stopped", "failed", "rejected", "terminated"):
        break
    try:
        c = get(f"/v1/ex/{ex_id}/controller")[0]
    except urllib.error.HTTPError:
        c = None  # not there yet, or just gone
    if c and (terminal or time.monotonic() - shown > 1):
        shown = time.monotonic()
        line = f"progress     {status}: {c['processed']} of {total} slices, {c['failed']} failed, {c['records_in']} records in, {c['records_out']} out"
        print("\r\033[K" + line if terminal else line, end="" if terminal else "\n", flush=True)
    if c and not killed and c["processed"] >= total // 10:
        workers = [w["pid"] for node in get("/v1/cluster/state").values() for w in node["active"] if w["assignment"] == "worker"]
        if workers:
            killed = workers[0]
            os.kill(killed, signal.SIGKILL)
            say(f"killed       worker {killed}, with SIGKILL")
    if time.monotonic() > deadline:
        sys.exit("the job does not end")
    time.sleep(0.1)
if terminal:
    print("\r\033[K", end="")
if not killed:
    sys.exit("the job ended before a worker could be killed")
PYTHON

ex_id=$(cat "$work/ex_id")
status=$(get "/v1/ex/$ex_id" 'a["_status"]')
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
