"""Limits of the machine: no room for a process or a thread is waited out with a reason; a terminal that goes away; orphans of process 1.

Limits of processes hold for no administrator, so they come from fault points here: EAGAIN stands in every process until the test clears
it, as if the limit had been raised then."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

from harness import CANNOT_START, INTERRUPTED, OK, SLICEMILL, TERMINAL, EndToEnd, is_alive, records, wait_until

RECORDS = 1000


class Machine(EndToEnd):
    def fault_environment(self, setting):
        self.fault_cleared = self.directory / "fault.cleared"
        return {"SLICEMILL_FAULT": setting, "SLICEMILL_FAULT_LOG": str(self.directory / "fault.log"),
                "SLICEMILL_FAULT_CLEARED": str(self.fault_cleared)}

    def write_job(self, job):
        path = self.directory / "job.json"
        path.write_text(json.dumps(job))
        return path


class NoRoom(Machine):
    def check(self, setting, *words, arguments=(), **job):
        """An execution waits with these words until there is room, then completes exactly; nothing was charged."""
        path = self.write_input(records=RECORDS)
        master = self.start_master(environment=self.fault_environment(setting), arguments=["--standby-processes", 0, *arguments])
        ex_id = master.submit(self.job(path, **job))["ex_id"]
        document = {}

        def waits():
            document.update(master.execution(ex_id))
            self.assertNotIn(document["_status"], TERMINAL, document)
            reason = document.get("_status_reason", "")
            return "obstacle: " in reason and all(word in reason for word in words)

        wait_until(waits, lambda: f"the execution to wait for {words}; it is {document.get('_status')}, {document.get('_status_reason')}")
        # Longer than restart budgets and timeouts would bear.
        until = time.monotonic() + 3
        wait_until(lambda: self.assertNotIn(master.status(ex_id), TERMINAL) or time.monotonic() > until, "the time to pass")
        self.fault_cleared.touch()
        self.assertEqual(self.assert_completed_exactly(master, ex_id, records(RECORDS), self.slices_of(path))["_slicer_stats"]["retries"], 0)
        lines = [row["event"] for row in master.get(f"/v1/ex/{ex_id}").get("history", [])]
        self.assertNotIn("controller_restart", lines)
        return master

    def test_for_any_process(self):
        self.check("master/spawn:eagain:1", "the execution controller cannot be started", "Resource temporarily unavailable")

    def test_for_workers(self):
        self.check("master/spawn:eagain:2", "no worker can be started", "Resource temporarily unavailable",
                   arguments=["--slicer-timeout", "1s"])

    def test_for_threads_of_a_controller(self):
        self.check("controller/thread:eagain:1", "the execution controller cannot be started")

    def test_for_executors_of_a_controller(self):
        # Those of libzmq and RocksDB are there by then.
        self.check("controller/thread:eagain:5", "obstacle: ")

    def test_for_threads_of_a_worker(self):
        self.check("worker/thread:eagain:1", "no worker can be started")

    def test_for_scripts(self):
        self.check("worker/spawn:eagain:1", "Resource temporarily unavailable",
                   processors=[{"_op": "script", "command": "cat"}], max_retries=0)

    def test_for_threads_of_a_run(self):
        result = self.slicemill("run", self.write_job(self.job(self.write_input(records=10))), "--data", self.data,
                                environment=self.fault_environment("thread:eagain:1"))
        self.assert_one_line(result, CANNOT_START, "cannot start a thread")

    def test_for_threads_of_a_master(self):
        result = self.slicemill("master", "--port", 0, "--data", self.data, environment=self.fault_environment("master/thread:eagain:1"))
        self.assert_one_line(result, CANNOT_START, "cannot start a thread")


class Terminal(Machine):
    def start_run(self, *prefix, **streams):
        job = self.write_job(self.job(self.write_input(records=RECORDS), delay_ms=50))
        return subprocess.Popen([*prefix, str(SLICEMILL), "run", str(job), "--data", str(self.data)], cwd=self.directory,
                                env=self.environment(), stdin=subprocess.DEVNULL, **streams)

    def wait_for_output(self):
        wait_until(lambda: self.output.is_dir() and [f for f in self.output.iterdir() if not f.name.startswith(".")], "an output")

    def resume_command(self, text):
        line = next(line for line in text.splitlines() if "slicemill run --resume " in line)
        return line.partition("`slicemill ")[2].partition("`")[0].split()

    def test_a_run_whose_output_nobody_reads_goes_on(self):
        read, write = os.pipe()
        run = self.start_run(stdout=write, stderr=write)
        os.close(write)
        os.read(read, 1)
        os.close(read)
        self.assertEqual(run.wait(60), OK)
        self.assert_output(records(RECORDS))

    def test_a_run_without_standard_streams_writes_into_none_of_its_files(self):
        run = self.start_run("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh")
        self.assertEqual(run.wait(60), OK)
        self.assert_output(records(RECORDS))
        for path in self.data.rglob("*"):
            if path.is_file():
                self.assertNotIn(b"progress: ", path.read_bytes(), path)

    def test_a_hang_up_drains_a_run_which_says_how_it_goes_on(self):
        run = self.start_run(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        first = run.stderr.readline()
        self.wait_for_output()
        run.send_signal(signal.SIGHUP)
        rest = run.communicate(timeout=60)[1]
        self.assertEqual(run.returncode, INTERRUPTED, first + rest)
        self.assertEqual(self.resume_command(first), self.resume_command(rest.splitlines()[-1]))
        self.assertLess(len(self.read_output()), RECORDS)
        result = self.slicemill(*self.resume_command(first))
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assert_output(records(RECORDS))

    def test_an_ignored_hang_up_stays_ignored(self):
        run = self.start_run("nohup", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait_for_output()
        run.send_signal(signal.SIGHUP)
        self.assertEqual(run.wait(60), OK)
        self.assert_output(records(RECORDS))

    def test_a_hang_up_ends_a_master_as_a_termination_does(self):
        path = self.write_input(records=RECORDS)
        master = self.start_master()
        ex_id = master.submit(self.job(path, delay_ms=50))["ex_id"]
        master.wait_for_processed(ex_id, 1)
        master.process.send_signal(signal.SIGHUP)
        self.assertEqual(master.process.wait(60), OK)
        self.assertIn("draining", (self.data / "logs/master.log").read_text())
        self.assert_completed_exactly(self.start_master(), ex_id, records(RECORDS), self.slices_of(path))

    def test_executions_on_exit_counts_for_a_hang_up_too(self):
        master = self.start_master(arguments=["--executions-on-exit", "stop"])
        ex_id = master.submit(self.job(self.write_input(records=RECORDS), delay_ms=200, workers=1))["ex_id"]
        master.wait_for_processed(ex_id, 1)
        pids = master.pids("execution_controller", ex_id) + master.pids("worker", ex_id)
        master.process.send_signal(signal.SIGHUP)
        self.assertEqual(master.process.wait(60), OK)
        wait_until(lambda: not any(map(is_alive, pids)), f"{pids} to be gone")
        self.assertEqual(self.start_master().status(ex_id), "stopped")


class ProcessOne(Machine):
    """In a process namespace of its own, which gives every orphan to the first process."""

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0 or not shutil.which("unshare"):
            self.skipTest("only root can make a process namespace")
        self.orphan = self.directory / "leaves_orphans"
        self.orphan.write_text("#!/bin/sh\n(sleep 0.3 &)\nexec cat\n")
        self.orphan.chmod(0o755)

    def start(self, *arguments):
        outer = subprocess.Popen(["unshare", "--kill-child", "-pf", "--mount-proc", str(SLICEMILL), *map(str, arguments), "--data", str(self.data)],
                                 cwd=self.directory, env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(outer.stdout.close)
        first = wait_until(lambda: self.children(outer.pid), "the first process of the namespace")[0]
        return outer, first

    @staticmethod
    def children(pid):
        found = []
        for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, task.read_text().split())
        return found

    def sleepers(self, first):
        """(living, zombie) children of the first process that are orphans of the script."""
        living, dead = [], []
        for pid in self.children(first):
            with contextlib.suppress(OSError):
                stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
                if "(sleep)" in stat:
                    (dead if stat.rpartition(")")[2].split()[0] == "Z" else living).append(pid)
        return living, dead

    def assert_orphans_are_reaped(self, first):
        living = wait_until(lambda: self.sleepers(first)[0], "an orphan")
        wait_until(lambda: not pathlib.Path(f"/proc/{living[0]}").exists(), "the orphan to be reaped")

    def job_with_orphans(self, **options):
        return self.job(self.write_input(records=RECORDS), delay_ms=100, processors=[{"_op": "script", "command": str(self.orphan)}], **options)

    def test_a_master_reaps_orphans_and_knows_how_its_own_children_ended(self):
        outer, first = self.start("master", "--port", 0)
        port = int(outer.stdout.readline().split()[-1].rsplit(":", 1)[1])

        def ask(method, path, body=None):
            result = subprocess.run(["curl", "-sf", "-X", method, f"http://127.0.0.1:{port}{path}", *(["-d", json.dumps(body)] if body else [])],
                                    capture_output=True, text=True, check=True)
            return json.loads(result.stdout)

        ex_id = ask("POST", "/v1/jobs", self.job_with_orphans(workers=1))["ex_id"]
        self.assert_orphans_are_reaped(first)
        workers = [pid for pid in self.children(first) if b"slicemill-worker" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
                   and ex_id.encode() in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(workers[0], signal.SIGKILL)
        log = self.data / "logs/master.log"
        wait_until(lambda: "(signal 9 (Killed))" in log.read_text(), "the worker's cause of death in the log")
        wait_until(lambda: ask("GET", f"/v1/ex/{ex_id}")["_status"] == "completed", "the execution to complete")
        self.assert_output(records(RECORDS))
        os.kill(first, signal.SIGTERM)
        self.assertEqual(outer.wait(60), OK)

    def test_a_run_reaps_orphans(self):
        outer, first = self.start("run", self.write_job(self.job_with_orphans(workers=1)))
        self.assert_orphans_are_reaped(first)
        self.assertEqual(outer.wait(120), OK)
        self.assert_output(records(RECORDS))


if __name__ == "__main__":
    unittest.main()
