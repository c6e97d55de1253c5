"""What a cluster's clients do: the reference's own end-to-end scenarios that need no outside store, written afresh."""

import time

from harness import TERMINAL, EndToEnd, wait_until

POLL_S = 0.1  # as existing clients poll: a status that they wait for must not be shorter


def generator(**top):
    job = {
        "name": "generator",
        "lifecycle": "persistent",
        "workers": 3,
        "max_retries": 0,
        "analytics": False,
        "operations": [{"_op": "data_generator", "size": 1000, "stress_test": False}, {"_op": "noop"}],
    }
    job.update(top)
    return job


class Scenarios(EndToEnd):
    def setUp(self):
        super().setUp()
        self.master = self.start_master()

    def wait_as_a_client(self, ex_id, target):
        """Polls like the JavaScript client: every status seen on the way, the target last; another terminal one fails."""
        seen = []

        def reached():
            status = self.master.status(ex_id)
            if not seen or seen[-1] != status:
                seen.append(status)
            if status != target and status in TERMINAL:
                raise AssertionError(f"Job cannot reach the target status, \"{target}\", it was {seen}")
            if status != target:
                time.sleep(POLL_S)
            return status == target

        wait_until(reached, lambda: f"{target}; seen: {seen}")
        return seen

    def submit(self, job):
        answer = self.master.submit(job)
        return answer["job_id"], answer["ex_id"]

    # ---- job state ----

    def test_two_generators_pause_resume_and_stop(self):
        first, first_ex = self.submit(generator())
        second, second_ex = self.submit(generator(name="generator 2"))
        self.wait_as_a_client(first_ex, "running")
        self.assertEqual(self.master.post(f"/v1/jobs/{first}/_pause"), {"status": "paused"})
        self.wait_as_a_client(first_ex, "paused")
        self.assertEqual(self.master.post(f"/v1/jobs/{first}/_resume"), {"status": "running"})
        self.wait_as_a_client(first_ex, "running")
        self.wait_as_a_client(second_ex, "running")
        for job_id in (first, second):
            self.assertEqual(self.master.post(f"/v1/jobs/{job_id}/_stop?blocking=true"), {"status": "stopped"})

    # ---- a job's document ----

    def test_the_stored_job_is_what_was_posted(self):
        posted = generator(slicers=2, unknown_key={"kept": True})
        job_id = self.master.submit(posted, start=False)["job_id"]
        stored = self.master.get(f"/v1/jobs/{job_id}")
        self.assertEqual({key: stored[key] for key in posted}, posted)
        self.assertEqual(set(stored) - set(posted), {"job_id", "_context", "_created", "_updated"})

    def test_an_update_replaces(self):
        job_id = self.master.submit(generator(slicers=2), start=False)["job_id"]
        replaced = self.master.ask("PUT", f"/v1/jobs/{job_id}", generator(workers=5))
        self.assertEqual(replaced["workers"], 5)
        self.assertNotIn("slicers", replaced)
        # A client's partial update sends the whole document back, with what the server added.
        again = self.master.ask("PUT", f"/v1/jobs/{job_id}", {**replaced, "workers": 2})
        self.assertEqual((again["workers"], again["_created"]), (2, replaced["_created"]))

    def test_delete_and_what_is_refused_afterwards(self):
        job_id, ex_id = self.submit(generator())
        self.wait_as_a_client(ex_id, "running")
        refused = self.master.ask("DELETE", f"/v1/jobs/{job_id}", expect=409)
        self.assertEqual(refused["message"], f"Job {job_id} is currently running, cannot delete a running job.")
        self.master.post(f"/v1/jobs/{job_id}/_stop")
        deleted = self.master.ask("DELETE", f"/v1/jobs/{job_id}")
        self.assertEqual((deleted["_deleted"], deleted["active"]), (True, False))
        self.assertIn("_deleted_on", deleted)
        self.assertNotIn(job_id, [job["job_id"] for job in self.master.get("/v1/jobs")])
        self.assertIn(job_id, [job["job_id"] for job in self.master.get("/v1/jobs?deleted=true")])
        for verb, body, participle in (("_start", None, "started"), ("_recover", None, "recovered"), ("", generator(), "updated")):
            method = "PUT" if body else "POST"
            answer = self.master.ask(method, f"/v1/jobs/{job_id}/{verb}".rstrip("/"), body, expect=410)
            self.assertEqual(answer["message"], f"Job {job_id} has been deleted and cannot be {participle}.")

    def test_pause_and_resume_of_a_completed_execution_fail(self):
        job_id, ex_id = self.submit(generator(lifecycle="once"))
        self.master.wait_for_status(ex_id, "completed")
        for path in (f"jobs/{job_id}", f"ex/{ex_id}"):
            for verb in ("_pause", "_resume"):
                answer = self.master.post(f"/v1/{path}/{verb}", expect=404)
                self.assertEqual(answer["message"], f"no active execution context was found for ex_id: {ex_id}")

    def test_an_invalid_job_is_a_500_and_an_empty_one_a_400(self):
        for wrong in ({"slicers": 0}, {"slicers": -1}, {"workers": 0}, {"lifecycle": "invalid"}):
            answer = self.master.post("/v1/jobs", generator(**wrong), expect=500)
            self.assertEqual(answer["error"], 500)
            self.assertIn(next(iter(wrong)), answer["message"])
        self.assertEqual(self.master.post("/v1/jobs", {}, expect=400)["error"], 400)

    # ---- scaling ----

    def test_scaling(self):
        job_id, ex_id = self.submit(generator(workers=2))
        self.master.wait_for_pids("worker", ex_id, 2)
        for query, count in (("add=1", 3), ("remove=2", 1), ("total=2", 2)):
            self.master.post(f"/v1/jobs/{job_id}/_workers?{query}")
            self.master.wait_for_pids("worker", ex_id, count)
        self.master.post(f"/v1/jobs/{job_id}/_stop")
        self.master.wait_for_pids("worker", ex_id, 0)

    # ---- cluster ----

    def test_cluster_state_and_stats(self):
        job_id, ex_id = self.submit(generator(lifecycle="once", workers=4))
        self.master.wait_for_status(ex_id, "completed")
        (node,) = self.master.get("/v1/cluster/state").values()
        self.assertEqual((node["total"], node["state"]), (8, "connected"))
        self.assertTrue(0 <= node["available"] <= 8)
        for service in ("cluster_master", "assets_service"):
            self.assertEqual([entry["assignment"] for entry in node["active"]].count(service), 1)

        def counted():
            stats = self.master.get("/v1/cluster/stats")["controllers"]
            return stats["processed"] > 0 and stats

        stats = wait_until(counted, "the execution to be counted")
        self.assertEqual(stats["failed"], 0)
        self.assertGreater(stats["job_duration"], 0)
        self.assertGreater(stats["workers_joined"], 0)
        for name in ("queued", "workers_disconnected", "workers_reconnected"):
            self.assertIsInstance(stats[name], int)

    # ---- recovery ----

    def exporting(self, **top):
        operations = [
            {"_op": "data_generator", "size": 1000, "slice_size": 20, "seed": 7},
            {"_op": "delay", "ms": 20},
            {"_op": "file_exporter", "path": str(self.output)},
        ]
        return generator(operations=operations, **top)

    def test_pause_resume_stop_recover_gives_exactly_all(self):
        job_id, ex_id = self.submit(self.exporting(lifecycle="once", workers=2))
        self.master.wait_for_processed(ex_id, 2)
        self.master.post(f"/v1/jobs/{job_id}/_pause")
        self.wait_as_a_client(ex_id, "paused")
        self.master.post(f"/v1/jobs/{job_id}/_resume")
        self.master.wait_for_processed(ex_id, 6)
        self.assertEqual(self.master.post(f"/v1/jobs/{job_id}/_stop"), {"status": "stopped"})
        self.assertLess(len(self.read_output()), 1000)
        recovered = self.master.post(f"/v1/jobs/{job_id}/_recover")["ex_id"]
        self.assertIn("recovering", self.wait_as_a_client(recovered, "completed"), "clients wait to see it")
        self.assertEqual(len(self.read_output()), 1000)
        self.assert_verified(recovered, self.master)

    def test_autorecover_goes_on_at_each_start(self):
        job_id, ex_id = self.submit(self.exporting(autorecover=True, workers=2))
        self.master.wait_for_processed(ex_id, 3)
        self.assertEqual(self.master.post(f"/v1/jobs/{job_id}/_stop"), {"status": "stopped"})
        before = len(self.read_output())
        for _ in range(2):
            source, ex_id = ex_id, self.master.post(f"/v1/jobs/{job_id}/_start")["ex_id"]
            document = self.master.execution(ex_id)
            self.assertEqual((document["recovered_execution"], document["recovered_slice_type"]), (source, "pending"))
            self.assertIn("recovering", self.wait_as_a_client(ex_id, "running"))
            self.master.wait_for_processed(ex_id, 3)
            self.assertEqual(self.master.post(f"/v1/jobs/{job_id}/_stop"), {"status": "stopped"})
            now = len(self.read_output())
            self.assertGreater(now, before)
            before = now
            self.assert_verified(ex_id, self.master)
