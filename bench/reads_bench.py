#!/usr/bin/env python3
"""Whether reading a running execution disturbs its slices: one busy job with and without 200 requests a second.

    bench/reads_bench.py [--build build/release] [--turns 15] [--slices 1000000] [--rate 200]

The job has slices of one record each (id_range -> noop, two workers), so the path of a slice is all that it does. While it runs, four
curl processes ask for the execution, its controller's counters, its failed slices and the list of executions, each at an even rate over one
connection. The requests themselves take time of the processors, which a busy job lacks on a small machine; so there is a third way, in which
the same processes ask another, idle master. All ways are run in turns; times are from the controller's start to its end, ratios are medians over the turns.
"""

import argparse
import datetime
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

from suite import slices
from suite.system import ROOT, Bench, Master, needs

PATHS = ("/v1/ex/{ex_id}", "/v1/ex/{ex_id}/controller", "/v1/ex/{ex_id}/errors?size=20", "/v1/ex?size=20")


class Reader:
    """One path, asked for at an even rate until it is stopped; one request at a time."""

    def __init__(self, bench, port, path, rate):
        self.path = path
        self.log = tempfile.TemporaryFile(dir=bench.work)
        url = f"http://127.0.0.1:{port}{path}#[1-1000000]"  # the fragment is not sent
        self.began = time.monotonic()
        self.process = subprocess.Popen([needs("curl"), "-s", "-o", "/dev/null", "-w", "%{stderr}%{http_code} %{time_total}\n", "--rate", f"{rate}/s", url],
                                        stderr=self.log)  # not buffered, as stdout would be

    def stop(self):
        seconds = time.monotonic() - self.began
        self.process.terminate()
        self.process.wait()
        self.log.seek(0)
        text = self.log.read().decode()
        answers = [line.split() for line in text[:text.rfind("\n") + 1].splitlines()]  # it may have ended within a line
        failed = sum(status not in ("200", "404") for status, _ in answers)  # 404: the controller has just left, or this master never had one
        return {"path": self.path, "rate": len(answers) / seconds, "ms": [1e3 * float(took) for _, took in answers], "failed": failed}


def processor_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_job(bench, master, count, rate, asked):
    """Seconds, and what the readers saw; asked: the port of the master that they ask, None if nobody reads."""
    ex_id = master.submit(slices.job(count, max_retries=0))
    readers = [Reader(bench, asked, path.format(ex_id=ex_id), rate // len(PATHS)) for path in PATHS] if asked else []
    document = master.wait(ex_id, ("completed",), every_s=0.2)
    seen = [reader.stop() for reader in readers]
    stats = document["_slicer_stats"]
    if stats["processed"] != count:
        raise SystemExit(f"{stats['processed']} of {count} slices were processed")
    began, ended = (datetime.datetime.fromisoformat(text) for text in (stats["started"], document["_updated"]))
    return (ended - began).total_seconds(), seen


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default=ROOT / "build/release", type=pathlib.Path)
    parser.add_argument("--turns", default=15, type=int)
    parser.add_argument("--slices", default=1_000_000, type=int)
    parser.add_argument("--rate", default=200, type=int)
    options = parser.parse_args()
    took, seen = {"alone": [], "others read": [], "read": []}, []
    answered, answering_s = 0, 0.0
    with tempfile.TemporaryDirectory(prefix="slicemill-reads-") as directory:
        bench = Bench(options.build, pathlib.Path(directory))
        with Master(bench) as busy, Master(bench) as idle:
            for _ in range(options.turns):
                for name, asked in (("alone", None), ("others read", idle.port), ("read", busy.port)):
                    before = processor_seconds(idle.process.pid)
                    seconds, answers = run_job(bench, busy, options.slices, options.rate, asked)
                    took[name].append(seconds)
                    if asked == idle.port:
                        answering_s += processor_seconds(idle.process.pid) - before
                        answered += sum(len(one["ms"]) for one in answers)
                    seen += answers if asked == busy.port else []
    medians = {name: statistics.median(seconds) for name, seconds in took.items()}
    for name, seconds in took.items():
        print(f"{name}: {medians[name]:.2f} s [{min(seconds):.2f}..{max(seconds):.2f}], {options.slices / medians[name]:,.0f} slices/s")
    for other in ("others read", "alone"):
        ratios = [mine / its for mine, its in zip(took["read"], took[other])]
        print(f"read, against {other}: {statistics.median(ratios):.2f}")
    share = options.rate * answering_s / answered / os.cpu_count()
    print(f"an answer takes {1e6 * answering_s / answered:.0f} us of a processor: {100 * share:.1f} % of {os.cpu_count()} at {options.rate}/s")
    for path in PATHS:
        mine = [one for one in seen if path.split("{ex_id}")[-1] == re.sub(r"^/v1/ex/[-0-9a-f]{36}", "", one["path"])]
        ms = sorted(each for one in mine for each in one["ms"])
        print(f"GET {path}: {statistics.mean(one['rate'] for one in mine):.0f}/s, median {ms[len(ms) // 2]:.1f} ms, "
              f"99 % {ms[len(ms) * 99 // 100]:.1f} ms, {sum(one['failed'] for one in mine)} failed")


if __name__ == "__main__":
    main()
