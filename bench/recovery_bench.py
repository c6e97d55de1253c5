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
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

from suite.system import ROOT, Bench, Master, machine

PATIENCE_S = 120


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

    def __init__(self, bench, name):
        self.bench, self.directory = bench, bench.work / name
        self.directory.mkdir()
        self.data = self.directory / "data"
        self.notes = self.directory / "faults.notes"
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.master.kill()

    def start(self):
        self.master = Master(self.bench, "--slots", "4", data=self.data,
                             environment={"SLICEMILL_FAULT": "controller/dispatched:note:1", "SLICEMILL_FAULT_LOG": str(self.directory / "faults")})

    def stop(self, ex_id):
        self.master.ask("POST", f"/v1/ex/{ex_id}/_stop?timeout=100&blocking=true")

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
        return self.master.ask("GET", f"/v1/ex/{ex_id}")["_status"]

    def submit(self, slices, delay_ms):
        job = {"name": "recovery bench", "lifecycle": "once", "workers": 2, "max_retries": 0, "analytics": False, "operations": [
            {"_op": "id_range", "start": 0, "end": slices, "size": 1}, {"_op": "delay", "ms": delay_ms}, {"_op": "noop"}]}
        ex_id = self.master.submit(job)
        launch = self.data / "launch" / f"{ex_id}.json"  # goes with the processes
        wait_for("its launch file", launch.exists)
        shutil.copy(launch, self.launch(ex_id))
        return ex_id

    def launch(self, ex_id):
        return self.directory / f"{ex_id}.json"

    # An ended execution, in whose place others can be put.
    def ended(self):
        ex_id = self.submit(1, 200)
        self.master.wait(ex_id, ("completed",))
        wait_for("its processes to go", lambda: not any(self.master.pids(ex_id).values()))
        return ex_id

    def ledger(self, ex_id):
        return self.data / "ledgers" / ex_id

    def seed(self, ex_id, **plan):
        shutil.rmtree(self.ledger(ex_id), ignore_errors=True)
        subprocess.run([self.bench.program("bench/ledger_seed"), "write", self.ledger(ex_id), self.launch(ex_id),
                        *(f"{name}={value}" for name, value in plan.items())], check=True)


def open_ledger(bench, directory):
    return json.loads(subprocess.run([bench.program("bench/ledger_seed"), "open", directory], check=True, stdout=subprocess.PIPE).stdout)


def measure_killed(bench, args):
    """Each time with a new execution: one whose controller dies again and again is started again later and later, on purpose."""
    times, opened = [], None
    for run in range(bench.runs):
        with System(bench, f"killed{run}") as system:
            ex_id = system.submit(1_000_000, 20)
            wait_for("workers", lambda: len(system.master.pids(ex_id)["worker"]) == 2)
            victims = [pid for pids in system.master.pids(ex_id).values() for pid in pids]
            system.master.kill()  # first: it would start the others again
            for pid in victims:
                os.kill(pid, signal.SIGKILL)
            system.seed(ex_id, done=args.done, open=args.few, failed=0, outputs=0, clean=0)
            opened = opened or open_ledger(bench, system.ledger(ex_id))
            offset = system.noted()
            system.start()
            system.dispatched_after(offset)
            controller = wait_for("the controller", lambda: system.status(ex_id) == "running" and system.master.pids(ex_id)["execution_controller"])[0]
            os.kill(controller, signal.SIGSTOP)  # no more notes of the old one
            offset, killed_ms = system.noted(), time.time() * 1000
            os.kill(controller, signal.SIGKILL)
            times.append(system.dispatched_after(offset) - killed_ms)
            system.stop(ex_id)
            wait_for("its processes to go", lambda: not any(system.master.pids(ex_id).values()))
    return times, opened


def measure_recover(bench, args, clean):
    times, opened = [], None
    with System(bench, f"recover{clean}") as system:
        for _ in range(bench.runs):
            ex_id = system.ended()
            system.seed(ex_id, done=args.done, open=0, failed=args.few, outputs=0, clean=clean)
            if opened is None:
                copy = system.directory / "copy"
                shutil.copytree(system.ledger(ex_id), copy)
                opened = open_ledger(bench, copy)
            offset, asked_ms = system.noted(), time.time() * 1000
            recovery = system.master.ask("POST", f"/v1/ex/{ex_id}/_recover?cleanup_type=errors")["ex_id"]
            times.append(system.dispatched_after(offset) - asked_ms)
            system.stop(recovery)
            shutil.rmtree(system.ledger(ex_id))
    return times, opened


def measure_outputs(bench, args, clean):
    with System(bench, f"outputs{clean}") as system:
        ex_id = system.ended()
        system.seed(ex_id, done=args.done, open=0, failed=0, outputs=1, clean=clean)
        return open_ledger(bench, system.ledger(ex_id))


def summary(times):
    return {"median_ms": round(statistics.median(times)), "least_ms": round(min(times)), "most_ms": round(max(times))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--done", type=int, default=10_000_000)
    parser.add_argument("--few", type=int, default=100_000)
    args = parser.parse_args()
    results = {"machine": machine(), "done": args.done, "few": args.few}
    with tempfile.TemporaryDirectory(prefix="slicemill-recovery-") as root:
        bench = Bench(args.build.resolve(), pathlib.Path(root), runs=args.runs)
        times, opened = measure_killed(bench, args)
        results["controller killed, to the first dispatch"] = summary(times)
        results["ledger with open slices, killed"] = opened
        for clean, words in ((1, "closed"), (0, "killed")):
            times, opened = measure_recover(bench, args, clean)
            results[f"_recover, {words}, to the first dispatch"] = summary(times)
            results[f"ledger with failed slices, {words}"] = opened
            results[f"ledger with outputs, {words}"] = measure_outputs(bench, args, clean)
    for name, figure in results.items():
        print(f"{name}: {figure}")
    (ROOT / "bench" / "results" / "recovery.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
