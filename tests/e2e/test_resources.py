"""Full disks, failing devices, read-only file systems, no descriptors, no memory: the execution waits with its reason, goes on by itself
when the obstacle is gone, and has lost nothing.

The file systems are small tmpfs mounts of the test's own; where the machine does not let us mount, these tests are skipped. EIO, which
no tmpfs can give, comes from fault points: it stands in every process until the test clears it."""

import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import unittest

from harness import STORAGE, EndToEnd, records, wait_until

RECORDS = 4000
NO_SPACE = "No space left on device"
READ_ONLY = "Read-only file system"
IO_ERROR = "Input/output error"
NO_DESCRIPTORS = "Too many open files"


class Disk:
    """A small file system of its own."""

    def __init__(self, test, name, size="24m"):
        self.path = test.directory / name
        self.path.mkdir()
        self.ballast = self.path / "ballast"
        if os.geteuid() != 0 or not shutil.which("mount"):
            test.skipTest("only root can mount a small file system")
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(self.path)], capture_output=True)
        if mounted.returncode != 0:
            test.skipTest(f"mounting is not allowed here: {mounted.stderr.decode().strip()}")
        # Before the directory is removed: cleanups run in reverse order.
        test.addCleanup(subprocess.run, ["umount", "--lazy", str(self.path)], check=False)

    def fill(self):
        """Takes every byte that is left, and what is freed meanwhile."""
        with self.ballast.open("ab", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    continue

    def free(self):
        self.ballast.unlink()

    def make_read_only(self, read_only=True):
        subprocess.run(["mount", "-o", "remount," + ("ro" if read_only else "rw"), str(self.path)], check=True)


class Resources(EndToEnd):
    def start_job(self, master, *, delay_ms=30, processed=5, **options):
        """A job of about 120 slices that is under way; its id."""
        self.input = self.write_input(records=RECORDS)
        options.setdefault("max_retries", 0)
        ex_id = master.submit(self.job(self.input, delay_ms=delay_ms, **options))["ex_id"]
        master.wait_for_processed(ex_id, processed)
        return ex_id

    def wait_for_obstacle(self, master, ex_id, *words, status="paused"):
        """Waits until the execution is paused for an obstacle whose reason holds the words; returns its document."""
        document = {}

        def shown():
            document.clear()
            document.update(master.execution(ex_id))
            reason = document.get("_status_reason", "")
            return document["_status"] == status and reason.startswith("obstacle: ") and all(word in reason for word in words)

        wait_until(shown, lambda: f"{ex_id} to be {status} for {words}; it is {document.get('_status')}, "
                                  f"{document.get('_status_reason')} {document.get('_failureReason')}")
        return document

    def assert_right(self, master, ex_id):
        """Completed with exactly the right output and counts, and nothing was charged for the obstacle."""
        document = self.assert_completed_exactly(master, ex_id, records(RECORDS), self.slices_of(self.input))
        self.assertEqual(document["_slicer_stats"]["retries"], 0)
        self.assertNotIn("obstacle", document["_slicer_stats"])
        return document

    def fault_environment(self, setting):
        """A fault that stands until clear_fault(); max one per test."""
        self.fault_log, self.fault_cleared = self.directory / "fault.log", self.directory / "fault.cleared"
        return {"SLICEMILL_FAULT": setting, "SLICEMILL_FAULT_LOG": str(self.fault_log),
                "SLICEMILL_FAULT_CLEARED": str(self.fault_cleared)}

    def clear_fault(self):
        self.assertTrue(self.fault_log.read_text(), "the fault must have happened")
        self.fault_cleared.touch()


class Output(Resources):
    def setUp(self):
        super().setUp()
        self.disk = Disk(self, "disk")
        self.output = self.disk.path / "output"

    def fill_while_running(self, master, **options):
        ex_id = self.start_job(master, **options)
        self.disk.fill()
        self.wait_for_obstacle(master, ex_id, "obstacle: output: ", str(self.output), NO_SPACE)
        return ex_id

    def test_full_disk(self):
        master = self.start_master()
        ex_id = self.fill_while_running(master)
        self.assertEqual(master.get(f"/v1/ex/{ex_id}/errors"), [])
        stats = master.stats(ex_id)
        self.assertEqual(stats["obstacle"]["where"], "output")
        self.assertIn(NO_SPACE, stats["obstacle"]["reason"])
        wait_until(lambda: master.stats(ex_id)["obstacle"]["tries"] >= 2, "it to try again by itself")
        self.disk.free()
        self.assert_right(master, ex_id)
        self.assertNotIn("_status_reason", master.execution(ex_id))

    def test_read_only(self):
        master = self.start_master()
        ex_id = self.start_job(master, workers=1, delay_ms=30)
        # Refused while a file is open for writing: then it is tried again.
        wait_until(lambda: subprocess.run(["mount", "-o", "remount,ro", str(self.disk.path)], capture_output=True).returncode == 0,
                   "a moment without open files")
        self.wait_for_obstacle(master, ex_id, "obstacle: output: ", str(self.output), READ_ONLY)
        self.disk.make_read_only(False)
        self.assert_right(master, ex_id)

    def test_read_only_from_the_beginning(self):
        self.disk.make_read_only()
        master = self.start_master()
        self.input = self.write_input(records=RECORDS)
        ex_id = master.submit(self.job(self.input, max_retries=0))["ex_id"]
        self.wait_for_obstacle(master, ex_id, "obstacle: output: ", READ_ONLY)
        self.disk.make_read_only(False)
        self.assert_right(master, ex_id)

    def test_the_controller_dies_meanwhile(self):
        master = self.start_master()
        ex_id = self.fill_while_running(master)
        dead = master.kill_9("execution_controller", ex_id)
        wait_until(lambda: master.pids("execution_controller", ex_id) not in ([], [dead]), "a new controller")
        self.wait_for_obstacle(master, ex_id, NO_SPACE)
        self.disk.free()
        self.assert_right(master, ex_id)

    def test_a_worker_dies_meanwhile(self):
        master = self.start_master()
        ex_id = self.fill_while_running(master, max_retries=3)
        master.kill_9("worker", ex_id)  # if it runs a slice, that one is charged for the crash
        self.disk.free()
        self.assert_completed_exactly(master, ex_id, records(RECORDS), self.slices_of(self.input))

    def test_a_pause_of_the_user_stays(self):
        master = self.start_master()
        ex_id = self.fill_while_running(master)
        self.assertEqual(master.post(f"/v1/ex/{ex_id}/_pause"), {"status": "paused"})
        self.disk.free()
        wait_until(lambda: "_status_reason" not in master.execution(ex_id), "the obstacle to be gone")
        self.assertEqual(master.status(ex_id), "paused")
        self.assertEqual(master.post(f"/v1/ex/{ex_id}/_resume"), {"status": "running"})
        self.assert_right(master, ex_id)

    def test_a_resume_of_the_user_tries_at_once(self):
        master = self.start_master()
        ex_id = self.fill_while_running(master)
        message = master.post(f"/v1/ex/{ex_id}/_resume", expect=409)["message"]
        self.assertIn("is not available to resume, it is paused: obstacle: ", message)
        self.assertIn(NO_SPACE, message)
        self.disk.free()
        self.assertEqual(master.post(f"/v1/ex/{ex_id}/_resume"), {"status": "running"})
        self.assert_right(master, ex_id)

    def test_stop_works_meanwhile(self):
        master = self.start_master()
        ex_id = self.fill_while_running(master)
        self.assertEqual(master.post(f"/v1/ex/{ex_id}/_stop?timeout=2000"), {"status": "stopped"})
        self.disk.free()
        recovery = master.post(f"/v1/ex/{ex_id}/_recover")["ex_id"]
        master.wait_for_status(recovery, "completed")
        self.assert_output(records(RECORDS))
        self.assert_verified(recovery, master)

    def test_a_joined_output(self):
        self.output = self.disk.path / "joined.ldjson"
        master = self.start_master(environment=self.fault_environment("controller/joining:enospc:1"))
        ex_id = self.start_job(master, delay_ms=0, processed=0, sender={"single_file": True})
        self.wait_for_obstacle(master, ex_id, "obstacle: output: ", NO_SPACE)
        self.clear_fault()
        self.assert_right(master, ex_id)

    def test_run_leaves_and_can_be_resumed(self):
        self.input = self.write_input(records=RECORDS)
        job = self.directory / "job.json"
        job.write_text(json.dumps(self.job(self.input, max_retries=0)))
        self.disk.fill()
        result = self.slicemill("run", job, "--data", self.data)
        self.assert_one_line(result, STORAGE, NO_SPACE, "--resume")
        self.disk.free()
        ex_id = result.stderr.partition("--resume ")[2][:36]
        resumed = self.slicemill("run", "--resume", ex_id, "--data", self.data)
        self.assertEqual(resumed.returncode, 0, resumed.stderr)
        self.assert_output(records(RECORDS))
        self.assert_verified(ex_id)


class FailingDevice(Resources):
    """EIO and EMFILE at each step of an output's way."""

    def check(self, point, action, words, at=3):
        master = self.start_master(environment=self.fault_environment(f"{point}:{action}:{at}"))
        ex_id = self.start_job(master, processed=1)
        self.wait_for_obstacle(master, ex_id, *words)
        self.clear_fault()
        self.assert_right(master, ex_id)

    def test_staging(self):
        self.check("worker/staging", "eio", ("output", IO_ERROR))

    def test_staged(self):
        self.check("worker/staged", "emfile", ("output", NO_DESCRIPTORS))

    def test_publishing(self):
        self.check("controller/publishing", "eio", ("output", IO_ERROR))

    def test_ledger(self):
        self.check("controller/ledger.before_sync", "eio", ("ledger", IO_ERROR), at=20)


class Ledger(Resources):
    """The ledgers have a disk of their own; the registry has another one. So small that the ledger's log cannot reserve its space."""

    def setUp(self):
        super().setUp()
        self.data.mkdir()
        self.disk = Disk(self, "data/ledgers", size="2m")

    def fill_while_running(self, master, **options):
        ex_id = self.start_job(master, **options)
        self.disk.fill()
        self.wait_for_obstacle(master, ex_id, "obstacle: ledger: ", str(self.disk.path), NO_SPACE)
        return ex_id

    def controller_after(self, master, ex_id, former):
        return wait_until(lambda: [pid for pid in master.pids("execution_controller", ex_id) if pid not in former], "a new controller")

    def test_full_disk(self):
        master = self.start_master()
        ex_id = self.fill_while_running(master)
        workers = master.pids("worker", ex_id)
        self.disk.free()
        self.assert_right(master, ex_id)
        self.assertTrue(workers, "workers stay while the controller waits")

    def test_the_controller_dies_meanwhile(self):
        master = self.start_master()
        ex_id = self.fill_while_running(master)
        seen = []
        for _ in range(3):
            seen.append(master.kill_9("execution_controller", ex_id))
            self.controller_after(master, ex_id, seen)
        self.wait_for_obstacle(master, ex_id, "ledger", NO_SPACE)
        self.disk.free()
        self.assert_right(master, ex_id)

    def test_a_new_execution_waits(self):
        master = self.start_master()
        self.disk.fill()
        self.input = self.write_input(records=RECORDS)
        ex_id = master.submit(self.job(self.input, max_retries=0))["ex_id"]
        self.wait_for_obstacle(master, ex_id, "obstacle: ledger: ", NO_SPACE)
        self.disk.free()
        self.assert_right(master, ex_id)

    def test_resume_tries_at_once_and_pause_is_refused(self):
        master = self.start_master()
        ex_id = self.fill_while_running(master)
        for verb in ("_pause", "_resume"):
            self.assertIn(NO_SPACE, master.post(f"/v1/ex/{ex_id}/{verb}", expect=503)["message"])
        self.disk.free()
        self.assertEqual(master.post(f"/v1/ex/{ex_id}/_resume"), {"status": "running"})
        self.assert_right(master, ex_id)

    def test_stop_meanwhile_is_kept(self):
        master = self.start_master()
        ex_id = self.fill_while_running(master)
        master.post(f"/v1/ex/{ex_id}/_stop?blocking=false&timeout=30000")
        self.wait_for_obstacle(master, ex_id, "ledger", NO_SPACE, status="stopping")
        self.disk.free()
        master.wait_for_status(ex_id, "stopped")
        recovery = master.post(f"/v1/ex/{ex_id}/_recover")["ex_id"]
        master.wait_for_status(recovery, "completed")
        self.assert_output(records(RECORDS))
        self.assert_verified(recovery, master)

    def test_read_only_under_a_new_controller(self):
        """An open ledger keeps its file system writable, so it is made read-only between two controllers."""
        master = self.start_master(environment=self.fault_environment("controller/ledger.before_sync:erofs:40"))
        ex_id = self.start_job(master, processed=1)
        self.wait_for_obstacle(master, ex_id, "ledger", READ_ONLY)
        master.kill_9("execution_controller", ex_id)
        self.clear_fault()
        self.assert_right(master, ex_id)


class Registry(Resources):
    """The whole data directory is on the full disk, the output is not."""

    def setUp(self):
        super().setUp()
        self.disk = Disk(self, "small", size="4m")
        self.data = self.disk.path / "data"

    def test_full_disk(self):
        master = self.start_master()
        ex_id = self.start_job(master)
        self.disk.fill()
        self.wait_for_obstacle(master, ex_id, NO_SPACE)
        self.disk.free()
        self.assert_right(master, ex_id)

    def test_everything_dies_meanwhile(self):
        master = self.start_master()
        ex_id = self.start_job(master)
        self.disk.fill()
        self.wait_for_obstacle(master, ex_id, NO_SPACE)
        master.kill_9("execution_controller", ex_id)
        self.disk.fill()  # also with what the dead one gave back
        # Whichever the master met last, its own registry's words for it or the system's.
        wait_until(lambda: any(words in master.execution(ex_id).get("_status_reason", "") for words in (NO_SPACE, "disk is full")),
                   lambda: f"the reason to be shown: {master.execution(ex_id)}")
        self.disk.free()
        self.assert_right(master, ex_id)

    def test_verbs_are_refused_and_change_nothing(self):
        master = self.start_master(environment=self.fault_environment("master/registry.commit:eio:25"))
        self.input = self.write_input(records=RECORDS)
        ex_id = master.submit(self.job(self.input, delay_ms=60, max_retries=0))["ex_id"]
        master.wait_for_processed(ex_id, 2)
        posted = self.job(self.input, max_retries=0)
        refused = wait_until(lambda: next((answer for status, answer in [master.request("POST", "/v1/jobs?start=false", posted)]
                                           if status != 200), None), "the registry to fail")
        self.assertIn(IO_ERROR, refused["message"])
        jobs = len(master.get("/v1/jobs?size=1000"))
        self.assertIn(IO_ERROR, master.get("/v1/health" if master.request("GET", "/health")[0] == 404 else "/health")["obstacle"])
        self.assertIn(IO_ERROR, next(iter(master.get("/v1/cluster/state").values()))["obstacle"])
        for verb in ("_stop", "_pause", "_resume"):
            self.assertIn(IO_ERROR, master.post(f"/v1/ex/{ex_id}/{verb}", expect=503)["message"])
        status, answer = master.request("POST", "/v1/jobs", posted)
        self.assertIn(status, (500, 503))
        self.assertIn(IO_ERROR, answer["message"])
        self.assertEqual(len(master.get("/v1/jobs?size=1000")), jobs)
        self.assertNotIn(master.status(ex_id), ("stopping", "stopped"))
        self.clear_fault()
        self.assert_right(master, ex_id)
        wait_until(lambda: "obstacle" not in master.get("/health"), "the master to be well again")
        master.submit(posted)

    def test_an_outcome_is_kept_until_it_can_be_written(self):
        master = self.start_master(environment=self.fault_environment("master/registry.commit:enospc:9"))
        self.input = self.write_input(records=RECORDS)
        ex_id = master.submit(self.job(self.input, delay_ms=5, max_retries=0))["ex_id"]
        wait_until(lambda: self.output.is_dir() and len(self.read_output()) == RECORDS, "every record to be published")
        wait_until(lambda: self.fault_log.is_file() and self.fault_log.read_text(), "the registry to fail")
        self.assertNotEqual(master.status(ex_id), "completed", "that is not durable yet")
        self.clear_fault()
        self.assert_right(master, ex_id)


class Descriptors(Resources):
    def allow_no_more(self, pid):
        """The process can open nothing more, whatever it closes; returns its former limit."""
        # The limit is on the number, and these three are never closed.
        self.assertLessEqual({"0", "1", "2"}, set(os.listdir(f"/proc/{pid}/fd")))
        return resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]))

    def test_a_worker_without_descriptors(self):
        master = self.start_master()
        ex_id = self.start_job(master, workers=1)
        worker = master.pids("worker", ex_id)[0]
        former = self.allow_no_more(worker)
        self.wait_for_obstacle(master, ex_id, "output", NO_DESCRIPTORS)
        resource.prlimit(worker, resource.RLIMIT_NOFILE, former)
        self.assert_right(master, ex_id)

    def test_a_controller_without_descriptors(self):
        master = self.start_master()
        ex_id = self.start_job(master)
        controller = master.pids("execution_controller", ex_id)[0]
        former = self.allow_no_more(controller)
        self.wait_for_obstacle(master, ex_id, NO_DESCRIPTORS)
        resource.prlimit(controller, resource.RLIMIT_NOFILE, former)
        self.assert_right(master, ex_id)


class Memory(Resources):
    """A worker that needs more memory than it may have dies and is replaced; only its slice is charged."""

    LIMIT = 64 << 20

    def test_a_slice_that_needs_more_than_its_worker_may_have(self):
        path = self.write_input(records=RECORDS)
        with path.open("a") as file:
            file.write(json.dumps({"id": -1, "text": "x" * (200 << 20)}) + "\n")
        with path.open("a") as file:
            for n in range(100):
                file.write(json.dumps({"id": RECORDS + n}) + "\n")
        master = self.start_master()
        posted = self.job(path, size=50_000, max_retries=1, resources_limits_memory="64MB")
        ex_id = master.submit(posted)["ex_id"]
        master.wait_for_status(ex_id, "failed")
        errors = master.get(f"/v1/ex/{ex_id}/errors")
        self.assertEqual(len(errors), 1)
        self.assertIn("lack of memory", errors[0]["error"])
        self.assertIn("resources_limits_memory", errors[0]["error"])
        self.assertIn("2 times", errors[0]["error"])
        found = {record["id"] for record in self.read_output()}
        self.assertTrue(found.issuperset(range(RECORDS - 1000)), "other slices go on")
        self.assert_verified(ex_id, master)

    def test_processors_are_limited_or_the_job_is_refused(self):
        path = self.write_input(records=10)
        busy = {"_op": "script", "command": "python3", "args": ["-c", """
import resource, sys, time
begin = time.monotonic()
while time.monotonic() - begin < 2: pass
used = resource.getrusage(resource.RUSAGE_SELF)
print('{"used": %f}' % (used.ru_utime + used.ru_stime))
"""]}
        master = self.start_master()
        posted = self.job(path, size=1_000_000, workers=1, processors=[busy], resources_limits_cpu=0.25)
        status, answer = master.request("POST", "/v1/jobs", posted)
        if status >= 400:
            self.assertIn("resources_limits_cpu: the processors of a worker cannot be limited here", answer["message"])
            posted["cpu"] = posted.pop("resources_limits_cpu")
            master.wait_for_status(master.submit(posted)["ex_id"], "completed")
            return
        master.wait_for_status(answer["ex_id"], "completed")
        self.assertLess(self.read_output()[0]["used"], 1.0, "of two seconds a quarter")

    def test_enough_memory_is_enough(self):
        master = self.start_master()
        self.input = self.write_input(records=RECORDS)
        ex_id = master.submit(self.job(self.input, memory=self.LIMIT, max_retries=0))["ex_id"]
        self.assert_right(master, ex_id)

    def test_a_worker_has_a_group_of_its_own_or_a_limit_of_its_own(self):
        master = self.start_master()
        posted = self.job(self.write_input(records=10), workers=1, delay_ms=60_000, resources_limits_memory=self.LIMIT)
        ex_id = master.submit(posted)["ex_id"]
        master.wait_for_status(ex_id, "running")
        worker = master.wait_for_pids("worker", ex_id, 1)[0]
        group = f"slicemill-worker-{worker}"
        told = self.data / "logs" / ex_id / "worker-1.log"
        wait_until(lambda: told.exists() and "is limited to" in told.read_text(), "it has told how it is limited")
        process = pathlib.Path(f"/proc/{worker}")
        if group in (process / "cgroup").read_text():
            directory = next(pathlib.Path("/sys/fs/cgroup").glob(f"**/{group}"))
            limits = [file.read_text() for file in (directory / "memory.max", directory / "memory.limit_in_bytes") if file.exists()]
            self.assertEqual(limits, [f"{self.LIMIT}\n"])
            os.kill(worker, signal.SIGKILL)
            wait_until(lambda: not directory.exists(), "the group of a worker that is gone is removed")
            self.assertIn(f"limited to {self.LIMIT} bytes by a control group", told.read_text())
        else:
            self.assertEqual(resource.prlimit(worker, resource.RLIMIT_DATA)[0], self.LIMIT + (96 << 20))
            self.assertIn("there is no control group", told.read_text())

    def test_a_limit_that_makes_no_sense_is_refused(self):
        master = self.start_master()
        for wrong in ({"resources_limits_memory": 1000}, {"memory": "much"}, {"memory": self.LIMIT, "resources_limits_memory": self.LIMIT}):
            answer = master.post("/v1/jobs", self.job(self.write_input(records=10), **wrong), expect=500)
            self.assertIn("memory", answer["message"])


if __name__ == "__main__":
    unittest.main()
