"""Invariants I1, I2, I4, I8 under load: many small executions at once, all verbs at random, kills of everybody, clients whose
connections end with each answer, and wake-ups without an event planted in each process.

A seed decides the jobs, the verbs and the victims; it is printed. E2E_STRESS_SEEDS="7,8" plays these; E2E_STRESS_EXECUTIONS=400 makes
each of them longer.
"""

import concurrent.futures
import json
import os
import pathlib
import random
import signal
import threading
import time
import unittest

from harness import LIVE, TERMINAL, EndToEnd, is_alive, processes_with_token, wait_until

SEEDS = [int(seed) for seed in os.environ.get("E2E_STRESS_SEEDS", "").split(",") if seed] or [random.SystemRandom().randrange(1_000_000)]
EXECUTIONS = int(os.environ.get("E2E_STRESS_EXECUTIONS", "60"))
RECORDS = 120
FALSE_WAKE_UPS = {"SLICEMILL_FAULT": "readiness:every:1"}


class Stress(EndToEnd):
    def job(self, number, delay_ms):
        return {"name": f"job-{number}", "lifecycle": "once", "workers": 1 + number % 3, "max_retries": 30, "operations": [
            {"_op": "id_range", "end": RECORDS, "size": 6}, {"_op": "delay", "ms": delay_ms},
            {"_op": "file_exporter", "path": str(self.directory / "out" / str(number)), "format": "ldjson"}]}

    def ids_of(self, number):
        out = self.directory / "out" / str(number)
        files = [f for f in out.iterdir() if not f.name.startswith(".")] if out.is_dir() else []
        return sorted(json.loads(line)["id"] for file in files for line in file.read_text().splitlines())

    def false_deaths(self):
        """Log lines of processes that ended without our doing, or that were said to have ended."""
        text = "".join(path.read_text(errors="replace") for path in sorted(self.data.glob("logs/master.log*")))
        return [line for line in text.splitlines() if "unknown cause" in line or "was reported as gone and lives" in line]

    def zombies(self):
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if self.is_zombie_of_ours(pid)]

    def is_zombie_of_ours(self, pid):
        try:
            state, parent = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            return False
        return state == "Z" and int(parent) == self.master.process.pid

    # ---- what happens to executions ----

    def disturb(self, chance, ex_ids, end):
        """Verbs and kills until `end` is set. Each answer must be one of those that the verb documents."""
        while not end.is_set():
            with self.lock:
                ex_id = chance.choice(ex_ids[-20:]) if ex_ids else None  # the older ones have mostly ended
            if ex_id is None:
                end.wait(0.01)
                continue
            verb = chance.choice(["_pause", "_pause", "_resume", "_resume", "_stop", "_workers?add=1", "_workers?remove=1",
                                  "_workers?total=2", "kill worker", "kill worker", "kill controller", "kill controller"])
            if verb.startswith("kill "):
                self.kill_one(chance, ex_id, {"kill worker": "worker", "kill controller": "execution_controller"}[verb])
            else:
                status, answer = self.master.request("POST", f"/v1/ex/{ex_id}/{verb}")
                self.answers.append((verb, status))
                if status not in (200, 400, 404, 409):
                    self.wrong.append(f"{verb} of {ex_id}: {status} {answer}")
            end.wait(chance.random() * 0.05)

    def kill_one(self, chance, ex_id, assignment):
        if self.killed.get(ex_id, 0) >= 3:  # a controller that dies ten times within a minute is given up
            return
        pids = self.master.pids(assignment, ex_id)
        if not pids:
            return
        self.killed[ex_id] = self.killed.get(ex_id, 0) + 1
        try:
            os.kill(chance.choice(pids), signal.SIGKILL)
        except ProcessLookupError:
            pass

    def play(self, seed):
        chance = random.Random(seed)
        self.lock = threading.Lock()
        self.answers, self.wrong, self.killed, ex_ids = [], [], {}, []
        self.master = self.start_master(environment=FALSE_WAKE_UPS)
        delays = [chance.choice([0, 5, 20]) for _ in range(EXECUTIONS)]

        def submit(number):
            answer = self.master.submit(self.job(number, delays[number]))
            with self.lock:
                ex_ids.append(answer["ex_id"])
            return number, answer["job_id"], answer["ex_id"]

        end = threading.Event()
        with concurrent.futures.ThreadPoolExecutor(7) as pool:
            disturbers = [pool.submit(self.disturb, random.Random(f"{seed}/{n}"), ex_ids, end) for n in range(3)]
            try:
                submitted = list(pool.map(submit, range(EXECUTIONS)))
                time_up = time.monotonic() + EXECUTIONS / 10
                wait_until(lambda: time.monotonic() > time_up or not self.statuses(LIVE), "the disturbance to be over")
            finally:
                end.set()
            for disturber in disturbers:
                disturber.result()
        self.assertEqual(self.wrong, [])
        for number, job_id, ex_id in submitted:
            self.bring_to_its_end(number, job_id, ex_id)
        self.assertEqual(self.false_deaths(), [])
        wait_until(lambda: not self.others(), lambda: f"nobody to be left: {self.others()}", 20)
        wait_until(lambda: not self.zombies(), lambda: f"no zombies: {self.zombies()}", 5)
        kills = sum(self.killed.values())
        print(f"seed {seed}: {EXECUTIONS} executions, {len(self.answers)} verbs, {kills} kills: exact", flush=True)
        self.assertGreater(kills, 0)
        self.assertEqual(self.master.terminate(), 0)

    def statuses(self, among):
        return [e["ex_id"] for e in self.master.get("/v1/ex?size=10000&fields=ex_id,_status") if e["_status"] in among]

    def others(self):
        """Processes of executions that are left; those that wait for an order carry `--standby` or nothing that names an execution."""
        left = []
        for pid in processes_with_token(self.token):
            try:
                arguments = pathlib.Path(f"/proc/{pid}/cmdline").read_text()
            except OSError:
                continue
            if is_alive(pid) and ("--launch" in arguments or "--ex" in arguments):
                left.append((pid, arguments.replace("\0", " ")[:200]))
        return left

    def bring_to_its_end(self, number, job_id, ex_id):
        """Resumed if it is paused, recovered while it was stopped: then the output is exact."""
        for _ in range(3):
            document = {}

            def ended():
                document.update(self.master.execution(ex_id))
                if document["_status"] == "paused":
                    self.master.request("POST", f"/v1/ex/{ex_id}/_resume")
                return document["_status"] in TERMINAL

            wait_until(ended, lambda: f"the end of {ex_id}: {document.get('_status')} {document.get('_status_reason')}")
            self.assertIn(document["_status"], ("completed", "stopped"), document)
            if document["_status"] == "completed":
                break
            ex_id = self.master.post(f"/v1/jobs/{job_id}/_recover")["ex_id"]
        self.assertEqual(document["_status"], "completed", document)
        self.assertEqual(self.ids_of(number), list(range(RECORDS)), f"job {number}, execution {ex_id}")
        self.assert_verified(ex_id, self.master)

    def test_many_executions_under_verbs_and_kills(self):
        for seed in SEEDS:
            with self.subTest(seed=seed):
                self.play(seed)


if __name__ == "__main__":
    unittest.main()
