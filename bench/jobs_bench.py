#!/usr/bin/env python3
"""Whole jobs through master, controller and two worker processes: speed, and whether memory stays flat.

    bench/jobs_bench.py [--build build/release] [--runs 3] [--records 1000000] [--megabytes 1000]

Two jobs, each `--runs` times: generated records -> filter -> files, and an ldjson file -> filter and projection -> files. Every ledger and
output is synced as always. Resident memory of controller and workers is sampled ten times a second; the table gives its median in the second
and in the last quarter of each run, and its peak. Results go to bench/results/jobs.json.
"""

import argparse
import json
import pathlib
import shutil
import statistics
import tempfile
import time

from suite import files
from suite.system import ROOT, TERMINAL, Bench, Master, machine, rss_mb


def run_job(master, job):
    began = time.monotonic()
    ex_id = master.submit(job)
    samples = {"execution_controller": [], "worker": []}
    while True:
        for role, pids in master.pids(ex_id).items():
            sizes = [size for size in map(rss_mb, pids) if size]
            if sizes:
                samples[role].append(max(sizes))
        document = master.ask("GET", f"/v1/ex/{ex_id}")
        if document["_status"] in TERMINAL:
            break
        time.sleep(0.1)
    seconds = time.monotonic() - began
    if document["_status"] != "completed":
        raise SystemExit(f"job {job['name']} {document['_status']}: {document['_failureReason']}")
    return seconds, document["_slicer_stats"], samples


def quarter(samples, which):
    part = samples[len(samples) * which // 4: len(samples) * (which + 1) // 4] or samples
    return statistics.median(part) if part else 0.0


def measure(bench, master, name, job, output, size_mb, records):
    rows = []
    for _ in range(bench.runs):
        shutil.rmtree(output, ignore_errors=True)
        rows.append(run_job(master, job))
    seconds = [row[0] for row in rows]
    result = {"name": name, "runs": bench.runs, "seconds": {"median": statistics.median(seconds), "min": min(seconds), "max": max(seconds)},
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
    where = machine()
    with tempfile.TemporaryDirectory(prefix="slicemill-bench-") as directory:
        bench = Bench(options.build, pathlib.Path(directory), runs=options.runs)
        output = bench.work / "out"
        size_mb, records = files.write_ldjson(bench.work / "input.ldjson", options.megabytes)
        generated = {"name": "generated", "workers": 2, "operations": [
            {"_op": "data_generator", "size": options.records, "slice_size": 10_000, "seed": 1},
            {"_op": "filter", "field": "bytes", "min": 1000}, {"_op": "file_exporter", "path": str(output)}]}
        with Master(bench) as master:
            results = [measure(bench, master, f"{options.records:,} generated records, filtered, to files", generated, output, 0, options.records),
                       measure(bench, master, f"{size_mb:,.0f} MB ldjson, filter and projection, to files",
                               files.job(bench.work / "input.ldjson", output), output, size_mb, records)]
    for result in results:
        show(result)
    (ROOT / "bench/results/jobs.json").write_text(json.dumps({"machine": where, "results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
