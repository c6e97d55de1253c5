"""I8: every control verb is idempotent, bounded in time, and answers with the state that it reached."""

import signal
import time
import unittest

from harness import INTERRUPTED, PATIENCE_S, EndToEnd, is_alive, records, wait_until

RECORDS = 4000


class Verbs(EndToEnd):
    def setUp(self):
        super().setUp()
        self.master = self.start_master()
        self.input = self.write_input(records=RECORDS)
        self.slices = self.slices_of(self.input)

    def start_slow_job(self, delay_ms=60, **options):
        """A running job; its ids."""
        submitted = self.master.submit(self.job(self.input, delay_ms=delay_ms, **options))
        self.master.wait_for_processed(submitted["ex_id"], 2)
        return submitted["job_id"], submitted["ex_id"]

    # ---- start ----

    def test_submit_and_start_are_two_steps(self):
        submitted = self.master.submit(self.job(self.input), start=False)
        self.assertNotIn("ex_id", submitted)
        self.master.ask("GET", f"/v1/jobs/{submitted['job_id']}/ex", expect=404)
        started = self.master.post(f"/v1/jobs/{submitted['job_id']}/_start")
        self.assertEqual(started["job_id"], submitted["job_id"])
        self.assert_completed_exactly(self.master, started["ex_id"], records(RECORDS), self.slices)

    def test_start_refuses_while_one_lives(self):
        job_id, ex_id = self.start_slow_job()
        answer = self.master.post(f"/v1/jobs/{job_id}/_start", expect=409)
        self.assertIn("currently running", answer["message"])
        self.master.post(f"/v1/ex/{ex_id}/_stop")
        self.assertNotEqual(self.master.post(f"/v1/jobs/{job_id}/_start")["ex_id"], ex_id)

    def test_the_job_is_stored_as_posted(self):
        posted = self.job(self.input, workers=1)
        job_id = self.master.submit(posted, start=False)["job_id"]
        stored = self.master.get(f"/v1/jobs/{job_id}")
        self.assertEqual({key: stored[key] for key in posted}, posted)
        self.assertIn(job_id, [job["job_id"] for job in self.master.get("/v1/jobs")])

    def test_put_replaces(self):
        job_id = self.master.submit(self.job(self.input, workers=1), start=False)["job_id"]
        stored = self.master.get(f"/v1/jobs/{job_id}")
        changed = self.master.ask("PUT", f"/v1/jobs/{job_id}", {**stored, "workers": 2})
        self.assertEqual(changed["workers"], 2)
        self.assertEqual(self.master.get(f"/v1/jobs/{job_id}")["workers"], 2)

    # ---- stop ----

    def test_stop_blocks_until_terminal(self):
        _, ex_id = self.start_slow_job()
        self.assertEqual(self.master.post(f"/v1/ex/{ex_id}/_stop"), {"status": "stopped"})
        self.assertEqual(self.master.status(ex_id), "stopped")
        processed = self.master.execution(ex_id)["_slicer_stats"]["processed"]
        self.assertLess(processed, self.slices)
        self.assert_verified(ex_id, self.master)
        self.master.wait_for_pids("worker", ex_id, 0)
        self.master.wait_for_pids("execution_controller", ex_id, 0)

    def test_stop_without_waiting(self):
        _, ex_id = self.start_slow_job()
        self.assertIn(self.master.post(f"/v1/ex/{ex_id}/_stop?blocking=false")["status"], ("stopping", "stopped"))
        self.master.wait_for_status(ex_id, "stopped")

    def test_stop_is_idempotent(self):
        job_id, ex_id = self.start_slow_job()
        for _ in range(3):
            self.assertEqual(self.master.post(f"/v1/jobs/{job_id}/_stop"), {"status": "stopped"})
        submitted = self.master.submit(self.job(self.input))
        self.master.wait_for_status(submitted["ex_id"], "completed")
        self.assertEqual(self.master.post(f"/v1/ex/{submitted['ex_id']}/_stop"), {"status": "completed"})

    def test_stop_keeps_its_deadline(self):
        _, ex_id = self.start_hanging_job()
        began = time.monotonic()
        self.assertEqual(self.master.post(f"/v1/ex/{ex_id}/_stop?timeout=500"), {"status": "stopped"})
        self.assertLess(time.monotonic() - began, 30, "the slices would have taken ten minutes")
        self.master.wait_for_pids("worker", ex_id, 0)
        self.assert_verified(ex_id, self.master)

    def start_hanging_job(self):
        submitted = self.master.submit(self.job(self.input, delay_ms=600_000))
        wait_until(lambda: self.master.stats(submitted["ex_id"]).get("workers_active", 0) >= 1, "a slice in flight")
        return submitted["job_id"], submitted["ex_id"]

    def test_force_does_not_wait(self):
        _, ex_id = self.start_hanging_job()
        self.assertEqual(self.master.post(f"/v1/ex/{ex_id}/_stop?force=true")["status"], "stopped")
        self.master.wait_for_pids("worker", ex_id, 0)

    def test_stop_while_paused(self):
        _, ex_id = self.start_slow_job()
        self.master.post(f"/v1/ex/{ex_id}/_pause")
        self.assertEqual(self.master.post(f"/v1/ex/{ex_id}/_stop"), {"status": "stopped"})

    # ---- pause, resume ----

    def test_pause_and_resume(self):
        job_id, ex_id = self.start_slow_job(delay_ms=30)
        for _ in range(2):
            self.assertEqual(self.master.post(f"/v1/ex/{ex_id}/_pause"), {"status": "paused"})
        self.assertEqual(self.master.status(ex_id), "paused")
        wait_until(lambda: self.master.stats(ex_id).get("in_flight") == 0, "slices in flight to finish")
        settled = self.master.stats(ex_id)["processed"]
        self.assertEqual(self.master.stats(ex_id)["processed"], settled)
        for _ in range(2):
            self.assertEqual(self.master.post(f"/v1/jobs/{job_id}/_resume"), {"status": "running"})
        self.assert_completed_exactly(self.master, ex_id, records(RECORDS), self.slices)

    def test_a_pause_outlives_the_controller(self):
        _, ex_id = self.start_slow_job(delay_ms=20)
        self.master.post(f"/v1/ex/{ex_id}/_pause")
        wait_until(lambda: self.master.stats(ex_id).get("in_flight") == 0, "slices in flight to finish")
        settled = self.master.stats(ex_id)["processed"]
        dead = self.master.kill_9("execution_controller", ex_id)
        wait_until(lambda: self.master.pids("execution_controller", ex_id) not in ([], [dead]), "a new controller")
        wait_until(lambda: self.master.stats(ex_id).get("processed") == settled, "the new controller's figures")
        self.assertEqual(self.master.status(ex_id), "paused")
        self.assertEqual(self.master.post(f"/v1/ex/{ex_id}/_resume"), {"status": "running"})
        self.assert_completed_exactly(self.master, ex_id, records(RECORDS), self.slices)

    def test_a_pause_outlives_the_master(self):
        _, ex_id = self.start_slow_job(delay_ms=20)
        self.master.post(f"/v1/ex/{ex_id}/_pause")
        self.master.kill_9_itself()
        self.master = self.start_master()
        self.assertEqual(self.master.status(ex_id), "paused")
        wait_until(lambda: self.master.request("POST", f"/v1/ex/{ex_id}/_resume")[0] == 200, "the controller to be heard again")
        self.assert_completed_exactly(self.master, ex_id, records(RECORDS), self.slices)

    def test_verbs_on_an_ended_execution(self):
        submitted = self.master.submit(self.job(self.input))
        ex_id = submitted["ex_id"]
        self.master.wait_for_status(ex_id, "completed")
        for verb in ("_pause", "_resume", "_workers?add=1"):
            answer = self.master.post(f"/v1/ex/{ex_id}/{verb}", expect=404)
            self.assertIn("no active execution context", answer["message"])

    # ---- workers ----

    def test_workers_add_remove_total(self):
        _, ex_id = self.start_slow_job(delay_ms=80, workers=2)
        self.master.wait_for_pids("worker", ex_id, 2)
        self.master.post(f"/v1/ex/{ex_id}/_workers?add=1")
        self.master.wait_for_pids("worker", ex_id, 3)
        self.master.post(f"/v1/ex/{ex_id}/_workers?remove=2")
        self.master.wait_for_pids("worker", ex_id, 1)
        self.master.post(f"/v1/ex/{ex_id}/_workers?total=4")
        self.master.wait_for_pids("worker", ex_id, 4)
        self.assert_completed_exactly(self.master, ex_id, records(RECORDS), self.slices)
        self.master.wait_for_pids("worker", ex_id, 0)

    def test_the_last_number_of_workers_counts(self):
        """Six and then one in the same second: one is left, whoever had come by then. Asked of what begins and of what runs."""
        _, ex_id = self.start_slow_job(delay_ms=80, workers=2)
        for _ in range(3):
            self.master.post(f"/v1/ex/{ex_id}/_workers?total=6")
            self.master.post(f"/v1/ex/{ex_id}/_workers?total=1")
            self.master.wait_for_pids("worker", ex_id, 1)
        self.master.post(f"/v1/ex/{ex_id}/_workers?total=1")
        # One that was started for the six would have said hello by now: the present one has finished several slices.
        processed = self.master.stats(ex_id)["processed"]
        stats = self.master.wait_for_processed(ex_id, processed + 5)
        self.assertEqual(stats["workers_active"] + stats["workers_available"], 1, stats)
        self.assertEqual(stats["progress"]["workers_wanted"], 1, stats)
        self.assertEqual(len(self.master.pids("worker", ex_id)), 1)

    def test_sums_of_workers_are_bounded(self):
        _, ex_id = self.start_slow_job(delay_ms=80, workers=2)
        for query in ("add=4095", "add=4097", "total=4097", "add=9223372036854775807"):
            answer = self.master.post(f"/v1/ex/{ex_id}/_workers?{query}", expect=400)
            self.assertRegex(answer["message"], "4096|greater than zero", query)
        self.master.post(f"/v1/ex/{ex_id}/_workers?add=4094")
        answer = self.master.post(f"/v1/ex/{ex_id}/_workers?add=1", expect=400)
        self.assertIn("has 4096 now", answer["message"])
        self.master.post(f"/v1/ex/{ex_id}/_workers?total=1")
        self.master.wait_for_pids("worker", ex_id, 1)

    def test_workers_bad_requests(self):
        _, ex_id = self.start_slow_job(workers=2)
        self.master.wait_for_pids("worker", ex_id, 2)
        for query in ("", "?add=0", "?add=many", "?remove=-1"):
            self.assertIn("greater than zero", self.master.post(f"/v1/ex/{ex_id}/_workers{query}", expect=400)["message"])
        answer = self.master.post(f"/v1/ex/{ex_id}/_workers?remove=2", expect=400)
        self.assertIn("cannot be >= to current workers: 2", answer["message"])

    def test_more_workers_than_slots_start_with_what_there_is(self):
        _, ex_id = self.start_slow_job(delay_ms=40, workers=30)
        self.assert_completed_exactly(self.master, ex_id, records(RECORDS), self.slices)

    # ---- settings, delete, cluster ----

    def test_log_level(self):
        job_id, ex_id = self.start_slow_job()
        answer = self.master.post(f"/v1/jobs/{job_id}/_settings?log_level=debug")
        self.assertEqual(answer, {"exId": ex_id, "level": "debug"})
        self.master.post(f"/v1/jobs/{job_id}/_settings?log_level=loud", expect=400)

    def test_delete(self):
        job_id, ex_id = self.start_slow_job()
        self.assertIn("cannot delete a running job", self.master.ask("DELETE", f"/v1/jobs/{job_id}", expect=409)["message"])
        self.master.post(f"/v1/ex/{ex_id}/_stop")
        written = len(self.read_output())
        self.assertTrue(self.master.ask("DELETE", f"/v1/jobs/{job_id}")["_deleted"])
        self.assertEqual(len(self.read_output()), written, "published output is never deleted")
        self.assertNotIn(job_id, [job["job_id"] for job in self.master.get("/v1/jobs")])
        self.assertIn(job_id, [job["job_id"] for job in self.master.get("/v1/jobs?deleted=true")])
        self.assertIn("deleted", self.master.post(f"/v1/jobs/{job_id}/_start", expect=410)["message"])

    def test_cluster(self):
        self.assertEqual(self.master.get("/health"), {"status": "UP"})
        self.assertEqual(self.master.get("/")["platform"], "linux")
        job_id, ex_id = self.start_slow_job(workers=2)
        self.master.wait_for_pids("worker", ex_id, 2)
        nodes = self.master.get("/v1/cluster/state")
        self.assertEqual(len(nodes), 1)
        node = next(iter(nodes.values()))
        self.assertEqual(node["total"], 8)
        assignments = [entry["assignment"] for entry in node["active"]]
        self.assertIn("cluster_master", assignments)
        self.assertEqual(assignments.count("worker"), 2)
        for entry in node["active"]:
            self.assertTrue(is_alive(entry["pid"]), entry)
        controllers = self.master.get("/v1/cluster/controllers")
        self.assertEqual([c["ex_id"] for c in controllers], [ex_id])
        self.assertIn("controllers", self.master.get("/v1/cluster/stats"))

    def test_lists_filter_by_status(self):
        _, ex_id = self.start_slow_job()
        self.assertEqual([ex["ex_id"] for ex in self.master.get("/v1/ex?status=running")], [ex_id])
        self.assertEqual(self.master.get("/v1/ex?status=completed"), [])


class Shutdown(EndToEnd):
    def test_sigterm_drains_and_executions_meet_the_next_master(self):
        master = self.start_master()
        path = self.write_input(records=RECORDS)
        ex_id = master.submit(self.job(path, delay_ms=40))["ex_id"]
        master.wait_for_processed(ex_id, 5)
        controller = master.pids("execution_controller", ex_id)
        self.assertEqual(master.terminate(), 0, master.errors)
        self.assertTrue(is_alive(controller[0]))
        successor = self.start_master()
        self.assert_completed_exactly(successor, ex_id, records(RECORDS), self.slices_of(path))

    def test_executions_can_be_stopped_on_exit(self):
        master = self.start_master(arguments=["--executions-on-exit", "stop"])
        ex_id = master.submit(self.job(self.write_input(records=RECORDS), delay_ms=40))["ex_id"]
        master.wait_for_processed(ex_id, 5)
        controller = master.pids("execution_controller", ex_id)[0]
        self.assertEqual(master.terminate(), 0, master.errors)
        wait_until(lambda: not is_alive(controller), "the controller to end")
        self.assertEqual(self.start_master().status(ex_id), "stopped")

    def test_one_interrupt_drains(self):
        master = self.start_master()
        master.process.send_signal(signal.SIGINT)
        self.assertEqual(master.process.wait(PATIENCE_S), 0, master.errors)

    def test_the_second_interrupt_does_not_wait(self):
        master = self.start_master(arguments=["--executions-on-exit", "stop"])
        ex_id = master.submit(self.job(self.write_input(records=RECORDS), delay_ms=600_000))["ex_id"]
        wait_until(lambda: master.stats(ex_id).get("workers_active", 0) >= 1, "a slice in flight that makes draining long")
        master.process.send_signal(signal.SIGINT)
        wait_until(lambda: any("draining" in line for line in master.errors), "the first interrupt to be noticed")
        master.process.send_signal(signal.SIGINT)
        self.assertEqual(master.process.wait(30), INTERRUPTED)


if __name__ == "__main__":
    unittest.main()
