"""Invariants I1 and I2 with real SIGKILLs: whichever process dies while a job runs, the job completes with exactly the right output
and the right counts, and nobody has to help."""

import os
import pathlib
import signal
import unittest

from harness import EndToEnd, is_alive, records, wait_until

RECORDS = 4000


class Kills(EndToEnd):
    def start_slow_job(self, master, *, delay_ms=40, **options):
        """A job of about 120 slices that takes seconds; returns its ids once it is well under way."""
        self.input = self.write_input(records=RECORDS)
        self.slices = self.slices_of(self.input)
        submitted = master.submit(self.job(self.input, delay_ms=delay_ms, workers=2, **options))
        master.wait_for_processed(submitted["ex_id"], 5)
        return submitted["ex_id"]

    def assert_right(self, master, ex_id):
        return self.assert_completed_exactly(master, ex_id, records(RECORDS), self.slices)

    def test_a_worker_dies(self):
        master = self.start_master()
        ex_id = self.start_slow_job(master)
        dead = master.kill_9("worker", ex_id)
        wait_until(lambda: dead not in master.pids("worker", ex_id) and len(master.pids("worker", ex_id)) == 2,
                   lambda: f"a replacement for {dead}; there are {master.pids('worker', ex_id)}")
        self.assert_right(master, ex_id)

    def test_every_worker_dies(self):
        master = self.start_master()
        ex_id = self.start_slow_job(master)
        for pid in master.pids("worker", ex_id):
            os.kill(pid, signal.SIGKILL)
        self.assert_right(master, ex_id)

    def test_the_controller_dies(self):
        master = self.start_master()
        ex_id = self.start_slow_job(master)
        workers = master.pids("worker", ex_id)
        dead = master.kill_9("execution_controller", ex_id)
        wait_until(lambda: master.pids("execution_controller", ex_id) not in ([], [dead]), "a new controller")
        document = self.assert_right(master, ex_id)
        self.assertEqual(document["ex_id"], ex_id, "it must go on as the same execution")
        self.assertTrue(workers)

    def test_the_controller_dies_twice(self):
        master = self.start_master()
        ex_id = self.start_slow_job(master, delay_ms=60)
        dead = master.kill_9("execution_controller", ex_id)
        wait_until(lambda: master.pids("execution_controller", ex_id) not in ([], [dead]), "a new controller")
        master.wait_for_processed(ex_id, 15)
        master.kill_9("execution_controller", ex_id)
        self.assert_right(master, ex_id)

    def test_the_master_dies(self):
        master = self.start_master()
        ex_id = self.start_slow_job(master, delay_ms=60)
        controller = master.pids("execution_controller", ex_id)
        master.kill_9_itself()
        self.assertTrue(all(map(is_alive, controller)), "controllers survive their master")
        successor = self.start_master()
        wait_until(lambda: successor.pids("execution_controller", ex_id) == controller
                   or successor.status(ex_id) == "completed", "the new master to adopt the controller")
        self.assert_right(successor, ex_id)

    def test_master_and_controller_die_together(self):
        master = self.start_master()
        ex_id = self.start_slow_job(master, delay_ms=60)
        controller = master.pids("execution_controller", ex_id)[0]
        master.kill_9_itself()
        os.kill(controller, signal.SIGKILL)
        wait_until(lambda: not is_alive(controller), "the controller to be gone")
        self.assert_right(self.start_master(), ex_id)

    def test_the_execution_ends_while_there_is_no_master(self):
        master = self.start_master()
        ex_id = self.start_slow_job(master, delay_ms=20)
        controller = master.pids("execution_controller", ex_id)[0]
        master.kill_9_itself()
        expected = RECORDS

        def all_written():
            return self.output.is_dir() and len(self.read_output()) == expected

        wait_until(all_written, "the workers to finish without a master")
        successor = self.start_master()
        self.assert_right(successor, ex_id)
        wait_until(lambda: not is_alive(controller), "the controller to leave once the outcome is known")


class FaultPoints(EndToEnd):
    """A process dies at a named step of a slice's life."""

    def check(self, point, n, sender=None):
        log = self.directory / "fault.log"
        master = self.start_master(environment={"SLICEMILL_FAULT": f"{point}:kill:{n}", "SLICEMILL_FAULT_LOG": str(log)})
        path = self.write_input(records=RECORDS)
        submitted = master.submit(self.job(path, delay_ms=5, workers=2, sender=sender))
        document = master.wait_for_status(submitted["ex_id"], "completed")
        self.assertEqual(log.read_text().split()[0], point, "the fault must have happened")
        self.assertEqual(len(log.read_text().splitlines()), 1, "and only once")
        figures = document["_slicer_stats"]
        self.assertEqual((figures["processed"], figures["failed"]), (self.slices_of(path), 0))
        self.assert_output(records(RECORDS))
        self.assert_verified(submitted["ex_id"], master)

    def test_a_source_that_fails_for_a_moment(self):
        """It is asked again: while it is opened, and while it is cut."""
        for point in ("opening", "slicing"):
            with self.subTest(point):
                log = self.directory / f"{point}.log"
                self.data, self.output = self.directory / f"{point}-data", self.directory / f"{point}-output"
                master = self.start_master(
                    environment={"SLICEMILL_FAULT": f"controller/{point}:fail:1", "SLICEMILL_FAULT_LOG": str(log)}
                )
                path = self.write_input(records=400)
                ex_id = master.submit(self.job(path))["ex_id"]
                self.assert_completed_exactly(master, ex_id, records(400), self.slices_of(path))
                self.assertEqual(log.read_text().split()[0], f"controller/{point}")

    def test_born(self):
        self.check("created", 1)

    def test_dispatched(self):
        self.check("dispatched", 3)

    def test_staged(self):
        """The controller has the result, the ledger not yet."""
        self.check("controller/staged", 3)

    def test_staged_in_the_worker(self):
        """The output is there, and nobody heard of it."""
        self.check("worker/staged", 3)

    def test_what_a_dead_worker_staged_is_removed(self):
        log = self.directory / "fault.log"
        master = self.start_master(
            environment={"SLICEMILL_FAULT": "worker/staged:kill:3", "SLICEMILL_FAULT_LOG": str(log)}
        )
        path = self.write_input(records=RECORDS)
        ex_id = master.submit(self.job(path, delay_ms=20, workers=2))["ex_id"]
        wait_until(lambda: log.is_file() and log.read_text(), "the worker to die with a staged output")
        master.wait_for_pids("worker", ex_id, 2)
        master.post(f"/v1/ex/{ex_id}/_pause")
        staging = self.output / ".slicemill" / ex_id
        wait_until(lambda: not list(staging.iterdir()), "the staging directory of the paused execution to be empty")
        master.post(f"/v1/ex/{ex_id}/_resume")
        self.assert_completed_exactly(master, ex_id, records(RECORDS), self.slices_of(path))

    def test_committed(self):
        self.check("committed", 3)

    def test_published(self):
        self.check("published", 3)

    def test_done(self):
        self.check("done", 3)

    def test_first_commit(self):
        self.check("committed", 1)

    def test_joined(self):
        self.output = pathlib.Path(self.directory / "joined.ldjson")
        self.check("joined", 1, sender={"single_file": True})

    def test_terminal(self):
        self.check("terminal", 1)


if __name__ == "__main__":
    unittest.main()
