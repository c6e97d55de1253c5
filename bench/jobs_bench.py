#!/usr/bin/env python3
"""Whole jobs through master, controller and two worker processes: speed, and whether memory stays flat.

    bench/jobs_bench.py [--build build/release] [--runs 3] [--records 1000000] [--megabytes 1000]

Two jobs, each `--runs` times: generated records -> filter -> files, and an ldjson file -> filter and projection -> files. Every ledger and
output is synced as always. Resident memory of controller and workers is sampled ten times a second; the table gives its median in the second
and in the last quarter of each run, and its peak. Results go to bench/results/jobs.json.
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent


def ask(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def rss_mb(pid):
    try:
        pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def write_input(path, megabytes):
    """Log records of about 340 bytes, the same for every run."""
    block = []
    for i in range(20_000):
        block.append(json.dumps({
            "id": i, "timestamp": f"2026-01-{i % 28 + 1:02d}T{i % 24:02d}:{i % 60:02d}:00.000Z", "host": f"web-{i % 40}.example.org",
            "http": {"method": ["GET", "POST", "PUT"][i % 3], "status": [200, 200, 200, 304, 404, 500][i % 6], "path": f"/items/{i * 7919 % 100003}",
                     "bytes": i * 31 % 65536, "agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"},
            "user": {"name": f"user{i % 977}", "country": ["DE", "FR", "US", "JP"][i % 4]}, "tags": ["edge", f"rack{i % 12}"]},
            separators=(",", ":")))
    text = ("\n".join(block) + "\n").encode()
    with open(path, "wb") as out:
        written = 0
        while written < megabytes * 1_000_000:
            written += out.write(text)
    return written, len(block) * (written // len(text))


def processes(url, ex_id):
    roles = {"execution_controller": [], "worker": []}
    for node in ask(f"{url}/v1/cluster/state").values():
        for entry in node["active"]:
            if entry.get("ex_id") == ex_id:
                roles[entry["assignment"]].append(entry["pid"])
    return roles


def run_job(url, job):
    began = time.monotonic()
    ex_id = ask(f"{url}/v1/jobs", job)["ex_id"]
    samples = {"execution_controller": [], "worker": []}
    while True:
        for role, pids in processes(url, ex_id).items():
            sizes = [size for size in map(rss_mb, pids) if size]
            if sizes:
                samples[role].append(max(sizes))
        document = ask(f"{url}/v1/ex/{ex_id}")
        if document["_status"] in ("completed", "failed", "stopped", "terminated"):
            break
        time.sleep(0.1)
    seconds = time.monotonic() - began
    if document["_status"] != "completed":
        raise SystemExit(f"job {job['name']} {document['_status']}: {document['_failureReason']}")
    return seconds, document["_slicer_stats"], samples


def quarter(samples, which):
    part = samples[len(samples) * which // 4: len(samples) * (which + 1) // 4] or samples
    return statistics.median(part) if part else 0.0


def bench(url, name, job, output, runs, size_mb, records):
    rows = []
    for _ in range(runs):
        shutil.rmtree(output, ignore_errors=True)
        rows.append(run_job(url, job))
    seconds = [row[0] for row in rows]
    result = {"name": name, "runs": runs, "seconds": {"median": statistics.median(seconds), "min": min(seconds), "max": max(seconds)},
              "records_per_s": records / statistics.median(seconds), "megabytes_per_s": size_mb / statistics.median(seconds) if size_mb else None,
              "slices": rows[-1][1]["processed"], "records_in": rows[-1][1]["records_in"], "records_out": rows[-1][1]["records_out"], "rss_mb": {}}
    for role in ("execution_controller", "worker"):
        longest = max((row[2][role] for row in rows), key=len)
        result["rss_mb"][role] = {"second_quarter": quarter(longest, 1), "last_quarter": quarter(longest, 3), "peak": max(longest)}
    return result


def show(result):
    speed = f"{result['records_per_s']:,.0f} records/s"
    if result["megabytes_per_s"]:
        speed += f", {result['megabytes_per_s']:,.0f} MB/s"
    s = result["seconds"]
    print(f"{result['name']}: {s['median']:.2f} s [{s['min']:.2f}..{s['max']:.2f}], {speed}, {result['slices']} slices, "
          f"{result['records_in']:,} in, {result['records_out']:,} out")
    for role, rss in result["rss_mb"].items():
        print(f"  {role}: RSS {rss['second_quarter']:.1f} MB in the second quarter, {rss['last_quarter']:.1f} in the last, {rss['peak']:.1f} at most")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default=ROOT / "build/release", type=pathlib.Path)
    parser.add_argument("--runs", default=3, type=int)
    parser.add_argument("--records", default=1_000_000, type=int)
    parser.add_argument("--megabytes", default=1000, type=int)
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="slicemill-bench-"))
    master = subprocess.Popen([options.build / "slicemill", "master", "--port", "0", "--data", work / "data"], stdout=subprocess.PIPE, text=True)
    try:
        url = master.stdout.readline().split()[-1]
        generated = {"name": "generated", "workers": 2, "operations": [
            {"_op": "data_generator", "size": options.records, "slice_size": 10_000, "seed": 1},
            {"_op": "filter", "field": "bytes", "min": 1000}, {"_op": "file_exporter", "path": str(work / "out")}]}
        size, records = write_input(work / "input.ldjson", options.megabytes)
        from_file = {"name": "file", "workers": 2, "operations": [
            {"_op": "file_reader", "path": str(work / "input.ldjson"), "format": "ldjson"},
            {"_op": "filter", "field": "http.status", "min": 400},
            {"_op": "selection", "fields": ["timestamp", "host", "http.method", "http.status", "http.path", "user.name"]},
            {"_op": "file_exporter", "path": str(work / "out")}]}
        results = [bench(url, f"{options.records:,} generated records, filtered, to files", generated, work / "out", options.runs, 0, options.records),
                   bench(url, f"{size / 1e6:,.0f} MB ldjson, filter and projection, to files", from_file, work / "out", options.runs, size / 1e6, records)]
    finally:
        master.terminate()
        master.wait()
        shutil.rmtree(work, ignore_errors=True)
    for result in results:
        show(result)
    target = ROOT / "bench/results"
    target.mkdir(exist_ok=True)
    machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "kernel": platform.release()}
    (target / "jobs.json").write_text(json.dumps({"machine": machine, "results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
