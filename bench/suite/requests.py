"""Requests per second of an idle master, by wrk with 32 connections, against nginx with the same body as a file."""

import re
import subprocess
import time

from .system import Master, needs
from .slices import job as slices_job


def wrk(bench, url):
    """Requests per second, and the time within which 99 of 100 were answered, in ms."""
    seconds = bench.amount(5, 1)
    output = subprocess.run([needs("wrk"), "-t1", "-c32", f"-d{seconds}s", "--latency", url], check=True, stdout=subprocess.PIPE, text=True).stdout
    if "Non-2xx" in output:
        raise RuntimeError(output)
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", output).groups()
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1)), float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


class Nginx:
    """One worker process, a directory of files, a socket on loopback."""

    def __init__(self, bench):
        needs("nginx")
        self.directory = bench.work / "nginx"
        (self.directory / "files").mkdir(parents=True)
        self.port = 20_000 + time.monotonic_ns() % 20_000
        configuration = self.directory / "nginx.conf"
        configuration.write_text(f"""daemon off; master_process off; pid {self.directory}/pid; error_log {self.directory}/log;
events {{}}
http {{ access_log off; keepalive_requests 1000000000; server {{ listen 127.0.0.1:{self.port}; root {self.directory}/files; }} }}
""")
        self.process = subprocess.Popen(["nginx", "-c", configuration, "-p", self.directory], stderr=subprocess.DEVNULL)

    def serve(self, name, body):
        (self.directory / "files" / name).write_bytes(body)
        return f"http://127.0.0.1:{self.port}/{name}"

    def end(self):
        self.process.terminate()
        self.process.wait()


def measure(bench):
    jobs = bench.amount(10_000, 300)
    workers = bench.amount(100, 4)
    nginx = Nginx(bench)
    try:
        with Master(bench, "--slots", str(workers + 10)) as master:
            for _ in range(jobs):
                master.ask("POST", "/v1/jobs?start=false", slices_job(1))
            ask_both(bench, master, nginx, f"GET /v1/jobs, 100 of {jobs:,}", "/v1/jobs?size=100", ">= 10,000/s, p99 <= 5 ms")
            held = slices_job(workers * 2, workers)
            held["operations"].insert(1, {"_op": "delay", "ms": 600_000})
            ex_id = master.submit(held)
            while len(master.pids(ex_id)["worker"]) < workers:
                time.sleep(0.1)
            ask_both(bench, master, nginx, f"GET /v1/cluster/state, {workers} workers", "/v1/cluster/state", ">= 20,000/s, p99 <= 5 ms")
            master.ask("POST", f"/v1/ex/{ex_id}/_stop?timeout=1")
    finally:
        nginx.end()


def ask_both(bench, master, nginx, what, path, target):
    _, body = master.client.body("GET", path)
    static = nginx.serve(path.split("?")[0].strip("/").replace("/", "-"), body)
    p99 = []

    def ours():
        rate, within = wrk(bench, master.url + path)
        p99.append(within)
        return rate

    rates = bench.in_turns(ours=ours, nginx=lambda: wrk(bench, static)[0])
    bench.row("requests", f"{what} ({len(body) / 1000:.0f} KB)", "requests/s", rates["ours"], ("nginx, the body as a file", rates["nginx"]), target,
              note=f"99 of 100 within {max(p99):.1f} ms")
