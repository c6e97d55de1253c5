#!/usr/bin/env python3
"""Whether reading a running execution disturbs its slices: one busy job with and without 200 requests a second.

    bench/reads_bench.py [--build build/release] [--turns 5] [--slices 1000000] [--rate 200]

The job has slices of one record each (id_range -> noop, two workers), so the path of a slice is all that it does. While it runs, four
processes ask for the execution, its controller's counters, its failed slices and the list of executions, each at an even rate, one request at
a time. The requests themselves take time of the processors, which a busy job lacks on a small machine; so there is a third way, in which the
same processes ask another, idle master. All ways are run in turns; times are from the controller's start to its end, ratios are of medians.
"""

import argparse
import datetime
import multiprocessing
import os
import pathlib
import re
import statistics
import tempfile
import time

from suite import slices
from suite.system import ROOT, Bench, Client, Master

PATHS = ("/v1/ex/{ex_id}", "/v1/ex/{ex_id}/controller", "/v1/ex/{ex_id}/errors?size=20", "/v1/ex?size=20")


def read_steadily(port, path, rate, stop, results):
    """Requests at even distances until told to stop; one that comes late is sent at once, and counted as late."""
    client = Client(port)
    took, late, failed = [], 0, 0
    began = time.monotonic()
    while not stop.is_set():
        due = began + len(took) / rate
        now = time.monotonic()
        if now < due:
            stop.wait(due - now)
        elif now > due + 0.5:
            late += 1
        sent = time.monotonic()
        status, _ = client.body("GET", path)
        took.append(time.monotonic() - sent)
        failed += status not in (200, 404)  # 404: the controller has just left, or this master never had one
    seconds = time.monotonic() - began
    results.put({"path": path, "rate": len(took) / seconds, "ms": [1e3 * each for each in took], "late": late, "failed": failed})


def run_job(master, count, rate, asked):
    """Seconds, and what the readers saw; asked: the port of the master that they ask, None if nobody reads."""
    ex_id = master.submit(slices.job(count, max_retries=0))
    stop, results, readers = multiprocessing.Event(), multiprocessing.Queue(), []
    for path in PATHS if asked else ():
        where = (asked, path.format(ex_id=ex_id), rate / len(PATHS), stop, results)
        readers.append(multiprocessing.Process(target=read_steadily, args=where))
        readers[-1].start()
    document = master.wait(ex_id, ("completed",), every_s=0.2)
    stop.set()
    seen = [results.get() for _ in readers]
    for reader in readers:
        reader.join()
    stats = document["_slicer_stats"]
    if stats["processed"] != count:
        raise SystemExit(f"{stats['processed']} of {count} slices were processed")
    began, ended = (datetime.datetime.fromisoformat(text) for text in (stats["started"], document["_updated"]))
    return (ended - began).total_seconds(), seen


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default=ROOT / "build/release", type=pathlib.Path)
    parser.add_argument("--turns", default=5, type=int)
    parser.add_argument("--slices", default=1_000_000, type=int)
    parser.add_argument("--rate", default=200, type=int)
    options = parser.parse_args()
    took, seen = {"alone": [], "others read": [], "read": []}, []
    with tempfile.TemporaryDirectory(prefix="slicemill-reads-") as directory:
        bench = Bench(options.build, pathlib.Path(directory))
        with Master(bench) as busy, Master(bench) as idle:
            for _ in range(options.turns):
                for name, asked in (("alone", None), ("others read", idle.port), ("read", busy.port)):
                    seconds, answers = run_job(busy, options.slices, options.rate, asked)
                    took[name].append(seconds)
                    seen += answers if asked == busy.port else []
    medians = {name: statistics.median(seconds) for name, seconds in took.items()}
    for name, seconds in took.items():
        print(f"{name}: {medians[name]:.2f} s [{min(seconds):.2f}..{max(seconds):.2f}], {options.slices / medians[name]:,.0f} slices/s")
    print(f"ratio to others read: {medians['read'] / medians['others read']:.2f}, to alone: {medians['read'] / medians['alone']:.2f} "
          f"(load {os.getloadavg()[0]:.1f})")
    for path in PATHS:
        mine = [one for one in seen if path.split("{ex_id}")[-1] == re.sub(r"^/v1/ex/[-0-9a-f]{36}", "", one["path"])]
        ms = sorted(each for one in mine for each in one["ms"])
        print(f"GET {path}: {statistics.mean(one['rate'] for one in mine):.0f}/s, median {ms[len(ms) // 2]:.1f} ms, "
              f"99 % {ms[len(ms) * 99 // 100]:.1f} ms, {sum(one['late'] for one in mine)} late, {sum(one['failed'] for one in mine)} failed")


if __name__ == "__main__":
    main()
