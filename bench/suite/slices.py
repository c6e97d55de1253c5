"""The path of a slice: how many of them in a second, and what each costs the controller."""

import json
import shutil
import subprocess
import time

from .system import Master, Unavailable, command_seconds, cpu_seconds, needs, rss_mb, run_seconds


def job(slices, workers=2, **more):
    return {"name": "slices", "workers": workers, "operations": [{"_op": "id_range", "start": 0, "end": slices, "size": 1}, {"_op": "noop"}], **more}


def through_master(bench, slices, workers=2, watch=None, transport="ipc"):
    """Slices per second from POST to `completed`."""
    with Master(bench, "--worker-transport", transport) as master:
        began = time.monotonic()
        ex_id = master.submit(job(slices, workers))
        if watch is not None:
            watch(master, ex_id)
        master.wait(ex_id)
        return slices / (time.monotonic() - began)


def reference(bench, slices, **options):
    arguments = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
    output = subprocess.run([bench.program("bench/reference_loop"), "--slices", str(slices), *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(output.stdout)["slices_per_s"]


def measure_controller(bench, slices):
    """Microseconds of processor time per slice (its start and end with it), and resident memory: after a quarter of the run, and at most."""
    samples = []

    def watch(master, ex_id):
        pid = None
        while True:
            document = master.ask("GET", f"/v1/ex/{ex_id}")
            if document["_status"] in ("completed", "failed"):
                return
            pid = pid or next(iter(master.pids(ex_id)["execution_controller"]), None)
            if pid and (cpu := cpu_seconds(pid)) and (rss := rss_mb(pid)):
                samples.append((cpu, rss))
            time.sleep(0.01)

    through_master(bench, slices, watch=watch)
    return {"us_per_slice": samples[-1][0] / slices * 1e6, "rss_early": samples[len(samples) // 4][1], "rss_most": max(rss for _, rss in samples)}


def bullmq(bench, jobs):
    """Jobs per second of a queue in Redis without persistence: two worker processes, jobs that do nothing."""
    needs("redis-server")
    socket = bench.work / "redis.sock"
    server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL)
    try:
        while not socket.exists():
            if server.poll() is not None:
                raise Unavailable("redis-server ended")
            time.sleep(0.01)
        return bench.peer("bullmq", "bullmq.js", socket, jobs)["jobs_per_s"]
    finally:
        server.terminate()
        server.wait()


def xargs(bench, tasks):
    return tasks / command_seconds([needs("xargs"), "-P2", "-n1", "true"], input="x\n" * tasks, text=True)


def parallel(bench, tasks):
    return tasks / command_seconds([needs("parallel"), "-j2", "true"], input="x\n" * tasks, text=True, stderr=subprocess.DEVNULL)


def measure(bench):
    slices = bench.amount(3_000_000, 100_000)
    tasks = bench.amount(1_000, 50)
    rates = bench.in_turns(reference=lambda: reference(bench, slices), reference_tcp=lambda: reference(bench, slices, transport="tcp"),
                           master=lambda: through_master(bench, slices), tcp=lambda: through_master(bench, slices, transport="tcp"), run=lambda: slices / run_seconds(bench, job(slices)),
                           bullmq=lambda: bullmq(bench, bench.amount(20_000, 500)), xargs=lambda: xargs(bench, tasks),
                           parallel=lambda: parallel(bench, bench.amount(300, 20)))
    limit = ("reference loop, ipc", rates["reference"])
    bench.row("slices", "no-op slices of one record, master and 2 worker processes", "slices/s", rates["master"], limit, ">= 0.6 and >= 300,000/s")
    bench.row("slices", "the same over tcp, encrypted", "slices/s", rates["tcp"], ("ours over ipc", rates["master"]), ">= 0.8")
    bench.row("slices", "the same in `slicemill run`", "slices/s", rates["run"], limit, ">= 1,000,000/s")
    for name, title in (("bullmq", "BullMQ and Redis, not persisted, 2 worker processes"), ("xargs", "xargs -P2, a process a task"),
                        ("parallel", "GNU parallel -j2, a process a task")):
        if name in rates:
            bench.row("slices", "no-op slices against " + name, "slices/s", rates["master"], (title, rates[name]))
    costs = [measure_controller(bench, slices) for _ in range(bench.runs)]
    bench.row("slices", "processor time of the controller", "us/slice", [cost["us_per_slice"] for cost in costs], target="<= 1.2")
    bench.row("slices", "controller's resident memory, at most", "MB", [cost["rss_most"] for cost in costs],
              ("early in the run", [cost["rss_early"] for cost in costs]), "<= 60, flat", of_less=True)


def curves(bench):
    """Slices per second by number of slices, of workers and of bytes a record."""
    points = {"slices": [], "workers": []}
    for slices in bench.amount([10_000, 100_000, 1_000_000, 10_000_000], [1_000, 10_000]):
        points["slices"].append([slices, through_master(bench, slices)])
    for workers in bench.amount([1, 2, 4, 8, 16, 32], [1, 2]):
        points["workers"].append([workers, through_master(bench, bench.amount(1_000_000, 10_000), workers)])
    return points
