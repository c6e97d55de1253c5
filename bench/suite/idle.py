"""What executions cost that do nothing: paused, they keep a controller and a worker each, and their leases."""

import os
import pathlib
import time

from .slices import job as slices_job
from .system import Master, pss_mb


def processor_ns(pid):
    """Of all threads that live, by the scheduler's own count: ticks are too coarse for processes that hardly run."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except FileNotFoundError:  # it ended meanwhile
            continue
    return total


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def measure(bench):
    executions, seconds = bench.amount(500, 10), bench.amount(20, 3)
    paused = slices_job(1_000_000)
    paused["workers"] = 1
    paused["operations"].insert(1, {"_op": "delay", "ms": 100})
    with Master(bench, "--slots", str(executions + 10), "--executions-on-exit", "stop") as master:
        ids = []
        for _ in range(executions):
            ids.append(master.submit(paused))
            master.wait(ids[-1], ("running",))
            master.ask("POST", f"/v1/ex/{ids[-1]}/_pause")
        time.sleep(5)  # what a pause leaves behind is over: memory is given back, threads have ended
        roles = {**master.pids(), "master": [master.process.pid]}
        before = {pid: processor_ns(pid) for pids in roles.values() for pid in pids}
        began = time.monotonic()
        time.sleep(seconds)
        took_ns = 1e9 * (time.monotonic() - began)
        shares = {role: 100 * sum(processor_ns(pid) - before[pid] for pid in pids) / took_ns for role, pids in roles.items()}
        pss = {role: sum(pss_mb(pid) for pid in pids) for role, pids in roles.items()}
        most_threads = max(threads(pid) for pid in roles["execution_controller"])
        still = sum(each["_status"] == "paused" for each in master.ask("GET", f"/v1/ex?size={executions}"))
    if still != executions:
        raise RuntimeError(f"only {still} of {executions} executions are paused")
    bench.row("idle", f"{executions} paused executions, 1 worker each: processor time", "% of a core", [sum(shares.values())], target="<= 5",
              note="; ".join(f"{role} {share:.2f}" for role, share in shares.items()))
    bench.row("idle", "their memory (PSS)", "MB", [sum(pss.values())], note="; ".join(f"{role} {size:.0f}" for role, size in pss.items()))
    bench.row("idle", "threads of a controller, at most", "threads", [most_threads], target="<= 4")
