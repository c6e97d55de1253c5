#!/usr/bin/env python3
"""How soon work goes on after a crash, and after a recovery, beside ten million done slices. Real processes.

    bench/recovery_bench.py [--build build/release] [--runs 5] [--done 10000000] [--few 100000]

Ledgers are written by ledger_seed through the production ledger and put in the place of a small execution's.

    killed    the controller of a running execution, with --few slices still open among those done: from SIGKILL to the first dispatch
    recover   an ended execution, with --few failed slices among those done: from POST _recover to the first dispatch; its ledger was
              closed cleanly, or left as kill -9 leaves it
    open      the same ledgers, and one with an output per slice, opened in a process of their own; and what they take on disk

Results go to bench/results/recovery.json.
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATIENCE_S = 120


def ask(url, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def wait_for(what, condition):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.002)
    raise SystemExit(f"waited {PATIENCE_S} s for {what}")


class System:
    """A master in a directory of its own; every dispatch leaves a line with its time."""

    def __init__(self, build, directory):
        self.build, self.directory = build, pathlib.Path(directory)
        self.data = self.directory / "data"
        self.notes = self.directory / "faults.notes"
        self.start()

    def start(self):
        environment = dict(os.environ, SLICEMILL_FAULT="controller/dispatched:note:1", SLICEMILL_FAULT_LOG=str(self.directory / "faults"))
        self.master = subprocess.Popen([str(self.build / "slicemill"), "master", "--port", "0", "--data", str(self.data), "--slots", "4"],
                                       stdout=subprocess.PIPE, text=True, env=environment)
        line = self.master.stdout.readline()
        if not line.startswith("listening on "):
            raise SystemExit(f"the master says {line!r}")
        self.url = line.removeprefix("listening on ").strip()

    def kill_master(self):
        self.master.kill()
        self.master.wait()

    def pids(self, ex_id, assignment):
        return [entry["pid"] for node in ask(f"{self.url}/v1/cluster/state").values() for entry in node["active"]
                if entry.get("ex_id") == ex_id and entry["assignment"] == assignment]

    def dispatched_after(self, offset):
        """The time of the first note written behind the offset, in ms since 1970."""
        def first():
            if not self.notes.exists() or self.notes.stat().st_size <= offset:
                return None
            with self.notes.open() as notes:
                notes.seek(offset)
                line = notes.readline()
            return int(line.split()[2]) if line.endswith("\n") else None

        return wait_for("a dispatch", first)

    def noted(self):
        return self.notes.stat().st_size if self.notes.exists() else 0

    def status(self, ex_id):
        return ask(f"{self.url}/v1/ex/{ex_id}")["_status"]

    def submit(self, slices, delay_ms):
        job = {"name": "recovery bench", "lifecycle": "once", "workers": 2, "max_retries": 0, "analytics": False, "operations": [
            {"_op": "id_range", "start": 0, "end": slices, "size": 1}, {"_op": "delay", "ms": delay_ms}, {"_op": "noop"}]}
        return ask(f"{self.url}/v1/jobs", job)["ex_id"]

    def ledger(self, ex_id):
        return self.data / "ledgers" / ex_id

    def seed(self, ex_id, **plan):
        shutil.rmtree(self.ledger(ex_id), ignore_errors=True)
        subprocess.run([str(self.build / "bench" / "ledger_seed"), "write", str(self.ledger(ex_id)), str(self.data / "launch" / f"{ex_id}.json"),
                        *(f"{name}={value}" for name, value in plan.items())], check=True)


def measure_killed(args, directory):
    system = System(args.build, directory)
    ex_id = system.submit(1_000_000, 20)
    wait_for("workers", lambda: len(system.pids(ex_id, "worker")) == 2)
    victims = system.pids(ex_id, "execution_controller") + system.pids(ex_id, "worker")
    system.kill_master()  # first: it would start the others again
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    system.seed(ex_id, done=args.done, open=args.few, failed=0, outputs=0, clean=0)
    opened = open_ledger(args, system.ledger(ex_id))
    offset = system.noted()
    system.start()
    system.dispatched_after(offset)
    times = []
    try:
        for _ in range(args.runs):
            controller = wait_for("the controller", lambda: system.status(ex_id) == "running" and system.pids(ex_id, "execution_controller"))[0]
            offset = system.noted()
            wait_for("a dispatch", lambda: system.noted() > offset)
            os.kill(controller, signal.SIGSTOP)  # no more notes of the old one
            offset, killed_ms = system.noted(), time.time() * 1000
            os.kill(controller, signal.SIGKILL)
            times.append(system.dispatched_after(offset) - killed_ms)
    finally:
        ask(f"{system.url}/v1/ex/{ex_id}/_stop?timeout=100&blocking=true", method="POST")
        system.kill_master()
    return times, opened


def measure_recover(args, directory, clean):
    system = System(args.build, directory)
    times, opened = [], None
    for _ in range(args.runs):
        ex_id = system.submit(1, 0)
        wait_for("its end", lambda: system.status(ex_id) == "completed")
        system.seed(ex_id, done=args.done, open=0, failed=args.few, outputs=0, clean=clean)
        if opened is None:
            copy = pathlib.Path(directory) / "copy"
            shutil.copytree(system.ledger(ex_id), copy)
            opened = open_ledger(args, copy)
        offset, asked_ms = system.noted(), time.time() * 1000
        recovery = ask(f"{system.url}/v1/ex/{ex_id}/_recover?cleanup_type=errors", method="POST")["ex_id"]
        times.append(system.dispatched_after(offset) - asked_ms)
        ask(f"{system.url}/v1/ex/{recovery}/_stop?timeout=100&blocking=true", method="POST")
        shutil.rmtree(system.ledger(ex_id))
    system.kill_master()
    return times, opened


def open_ledger(args, directory):
    return json.loads(subprocess.run([str(args.build / "bench" / "ledger_seed"), "open", str(directory)], check=True, stdout=subprocess.PIPE).stdout)


def measure_outputs(args, directory, clean):
    system = System(args.build, directory)
    ex_id = system.submit(1, 0)
    wait_for("its end", lambda: system.status(ex_id) == "completed")
    system.kill_master()
    system.seed(ex_id, done=args.done, open=0, failed=0, outputs=1, clean=clean)
    return open_ledger(args, system.ledger(ex_id))


def summary(times):
    return {"median_ms": round(statistics.median(times)), "least_ms": round(min(times)), "most_ms": round(max(times))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--done", type=int, default=10_000_000)
    parser.add_argument("--few", type=int, default=100_000)
    args = parser.parse_args()
    results = {"machine": f"{os.cpu_count()} CPUs, {platform.platform()}", "load": os.getloadavg()[0], "done": args.done, "few": args.few}
    with tempfile.TemporaryDirectory(prefix="slicemill-recovery-") as root:
        def directory(name):
            return os.path.join(root, name)

        times, opened = measure_killed(args, directory("killed"))
        results["controller killed, to the first dispatch"] = summary(times)
        results["ledger with open slices, killed"] = opened
        for clean, words in ((1, "closed"), (0, "killed")):
            times, opened = measure_recover(args, directory(f"recover{clean}"), clean)
            results[f"_recover, {words}, to the first dispatch"] = summary(times)
            results[f"ledger with failed slices, {words}"] = opened
            results[f"ledger with outputs, {words}"] = measure_outputs(args, directory(f"outputs{clean}"), clean)
    for name, figure in results.items():
        print(f"{name}: {figure}")
    (ROOT / "bench" / "results").mkdir(exist_ok=True)
    (ROOT / "bench" / "results" / "recovery.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
