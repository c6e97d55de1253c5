"""Many jobs of one slice, queued by clients whose connections end with each answer: rate, memory, answers meanwhile, and what a job costs."""

import concurrent.futures
import http.client
import json
import multiprocessing
import os
import pathlib
import time

from .system import TERMINAL, Master, percentile, rss_mb

CLIENTS = 4
JOB = {"name": "one", "workers": 1, "operations": [{"_op": "data_generator", "size": 1}, {"_op": "noop"}]}


def ask_once(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json", "Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def processor_seconds(pid):
    """Of the process itself, and of the children that it has reaped."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    tick = os.sysconf("SC_CLK_TCK")
    return (int(fields[11]) + int(fields[12])) / tick, (int(fields[13]) + int(fields[14])) / tick


def watch_health(port, took, end):
    """A process of its own: threads of this one wait for each other."""
    found = []
    while not end.is_set():
        began = time.monotonic()
        ask_once(port, "GET", "/health")
        found.append(1e3 * (time.monotonic() - began))
        end.wait(0.02)
    took.put(found)


def statuses(master):
    counts = {}
    for execution in master.ask("GET", "/v1/ex?size=100000&fields=_status"):
        counts[execution["_status"]] = counts.get(execution["_status"], 0) + 1
    return counts


def measure(bench):
    jobs = bench.amount(2000, 40)
    with Master(bench, "--slots", "8") as master:
        pid, memory, took, end = master.process.pid, [], multiprocessing.Queue(), multiprocessing.Event()
        watcher = multiprocessing.Process(target=watch_health, args=(master.port, took, end))
        watcher.start()
        own, reaped = processor_seconds(pid)
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            submitting = [pool.submit(ask_once, master.port, "POST", "/v1/jobs", JOB) for _ in range(jobs)]
            accepted = 0
            for answer in concurrent.futures.as_completed(submitting):
                accepted += answer.result()[0] < 300
        submitted = time.monotonic() - began
        while True:
            counts = statuses(master)
            ended = sum(count for status, count in counts.items() if status in TERMINAL)
            memory.append((ended, rss_mb(pid)))
            if ended >= jobs:
                break
            time.sleep(0.25)
        seconds = time.monotonic() - began
        end.set()
        health = took.get()
        watcher.join()
        while any(master.pids().values()):
            time.sleep(0.01)
        own_after, reaped_after = processor_seconds(pid)
    half = [mb for ended, mb in memory if ended >= jobs / 2]
    bench.row("small_jobs", f"{jobs} jobs of one slice at 8 slots, from the first POST to the last end", "jobs/s", [jobs / seconds], target=">= 40",
              note=f"{counts}; all {accepted} accepted after {submitted:.1f} s")
    bench.row("small_jobs", "/health meanwhile, 99 of 100", "ms", [percentile(health, 0.99)], target="<= 50", note=f"of {len(health)}; at most {max(health):.0f} ms")
    bench.row("small_jobs", "master's resident memory, at half of the jobs and at the end", "MB", [half[0], half[-1]], target="flat")
    bench.row("small_jobs", "processor time a job: the master", "ms", [1e3 * (own_after - own) / jobs])
    bench.row("small_jobs", "processor time a job: its controller and worker", "ms", [1e3 * (reaped_after - reaped) / jobs])
