"""I6: recovery is repeatable: any ended execution, any number of times, over any number of generations, with every cleanup type."""

import unittest

from harness import EndToEnd, records

FILES = 6
RECORDS_PER_FILE = 400


class Recover(EndToEnd):
    """Input files of which two go away while the job runs: their slices fail; when the files are back, recovery makes it whole."""

    def setUp(self):
        super().setUp()
        self.master = self.start_master()
        self.inputs = self.directory / "in"
        for n in range(FILES):
            self.write_input(f"in/{n}.ldjson", RECORDS_PER_FILE, n * RECORDS_PER_FILE)
        self.slices = sum(self.slices_of(path) for path in self.inputs.iterdir())
        self.everything = records(FILES * RECORDS_PER_FILE)

    def recover(self, ex_id, cleanup=None, expect=200):
        query = f"?cleanup_type={cleanup}" if cleanup else ""
        return self.master.post(f"/v1/ex/{ex_id}/_recover{query}", expect=expect)

    def hide(self, *numbers):
        for n in numbers:
            (self.inputs / f"{n}.ldjson").rename(self.directory / f"hidden-{n}")

    def show(self, *numbers):
        for n in numbers:
            (self.directory / f"hidden-{n}").rename(self.inputs / f"{n}.ldjson")

    def fail_some(self):
        """An execution that ended as failed, with error slices of files 4 and 5; (job_id, ex_id, number of failed slices)."""
        submitted = self.master.submit(self.job(self.inputs, delay_ms=30, workers=1, max_retries=0))
        ex_id = submitted["ex_id"]
        self.master.wait_for_processed(ex_id, 2)
        self.hide(4, 5)
        document = self.master.wait_for_status(ex_id, "failed")
        failed = document["_slicer_stats"]["failed"]
        self.assertGreater(failed, 0)
        self.assertEqual(document["_slicer_stats"]["processed"], self.slices)
        self.assertEqual(len(self.master.get(f"/v1/ex/{ex_id}/errors?size=1000")), failed)
        self.assertIn("ldjson", self.master.get(f"/v1/ex/{ex_id}/errors")[0]["error"])
        return submitted["job_id"], ex_id, failed

    def stop_early(self, delay_ms=40):
        """An execution that was stopped on its way."""
        submitted = self.master.submit(self.job(self.inputs, delay_ms=delay_ms, workers=2))
        self.master.wait_for_processed(submitted["ex_id"], 5)
        self.assertEqual(self.master.post(f"/v1/ex/{submitted['ex_id']}/_stop"), {"status": "stopped"})
        done = self.master.execution(submitted["ex_id"])["_slicer_stats"]["processed"]
        self.assertLess(done, self.slices)
        return submitted["job_id"], submitted["ex_id"], done

    def assert_whole(self, ex_id):
        self.assert_output(self.everything)
        self.assert_verified(ex_id, self.master)

    def test_errors(self):
        _, ex_id, failed = self.fail_some()
        self.show(4, 5)
        answer = self.recover(ex_id, "errors")
        document = self.master.wait_for_status(answer["ex_id"], "completed")
        self.assertEqual((document["recovered_execution"], document["recovered_slice_type"]), (ex_id, "errors"))
        self.assertEqual(document["_slicer_stats"]["processed"], failed, "counters restart at 0")
        self.assert_whole(answer["ex_id"])

    def test_errors_over_generations(self):
        """The files come back one by one: the errors that remain are replayed by the recovery of the recovery."""
        _, ex_id, failed = self.fail_some()
        self.show(4)
        second = self.recover(ex_id, "errors")["ex_id"]
        remaining = self.master.wait_for_status(second, "failed")["_slicer_stats"]["failed"]
        self.assertTrue(0 < remaining < failed, (remaining, failed))
        third = self.recover(second, "errors")["ex_id"]
        self.assertEqual(self.master.wait_for_status(third, "failed")["_slicer_stats"]["failed"], remaining, "still missing")
        self.show(5)
        fourth = self.recover(third, "errors")["ex_id"]
        self.master.wait_for_status(fourth, "completed")
        self.assert_whole(fourth)

    def test_the_same_execution_twice(self):
        """Recovering one source a second time is allowed and does no harm."""
        _, ex_id, _ = self.fail_some()
        self.show(4, 5)
        first = self.recover(ex_id, "errors")["ex_id"]
        self.assertGreater(self.master.wait_for_status(first, "completed")["_slicer_stats"]["processed"], 0)
        second = self.recover(ex_id, "errors")["ex_id"]
        document = self.master.wait_for_status(second, "completed")
        self.assertEqual(document["_slicer_stats"]["processed"], 0, "the first recovery left nothing to do")
        self.assertEqual(document["recovered_execution"], ex_id)
        self.assert_whole(second)

    def test_the_same_execution_twice_going_on(self):
        """The rest of the source is sliced once, whichever execution of the chain is named."""
        _, ex_id, _ = self.stop_early()
        second = self.recover(ex_id)["ex_id"]
        self.master.wait_for_processed(second, 2)
        self.master.post(f"/v1/ex/{second}/_stop")
        for _ in range(2):
            again = self.recover(ex_id)["ex_id"]
            self.master.wait_for_status(again, "completed")
            self.assert_whole(again)

    def test_a_completed_single_file(self):
        """Its parts are gone: there is nothing to do, and the joined file stays what it is."""
        self.output = self.directory / "joined.ldjson"
        submitted = self.master.submit(self.job(self.inputs, sender={"single_file": True}))
        ex_id = submitted["ex_id"]
        self.master.wait_for_status(ex_id, "completed")
        before = self.output.read_bytes()
        for cleanup in (None, "errors", "pending", "all"):
            ex_id = self.recover(ex_id, cleanup)["ex_id"]
            document = self.master.wait_for_status(ex_id, "completed")
            self.assertEqual(document["_slicer_stats"]["processed"], 0)
            self.assert_verified(ex_id, self.master)
        self.assertEqual(self.output.read_bytes(), before)

    def test_a_completed_single_file_that_was_altered(self):
        self.output = self.directory / "joined.ldjson"
        ex_id = self.master.submit(self.job(self.inputs, sender={"single_file": True}))["ex_id"]
        self.master.wait_for_status(ex_id, "completed")
        self.output.write_text("other\n")
        document = self.master.wait_for_status(self.recover(ex_id)["ex_id"], "failed")
        self.assertIn("joined.ldjson exists with other contents", document["_failureReason"])

    def test_pending_never_calls_the_slicer(self):
        _, ex_id, done = self.stop_early()
        answer = self.recover(ex_id, "pending")
        document = self.master.wait_for_status(answer["ex_id"], "completed")
        self.assertLessEqual(done + document["_slicer_stats"]["processed"], self.slices)
        self.assert_verified(answer["ex_id"], self.master)
        whole = self.recover(answer["ex_id"])["ex_id"]
        self.master.wait_for_status(whole, "completed")
        self.assert_whole(whole)

    def test_all(self):
        _, ex_id, failed = self.fail_some()
        self.show(4, 5)
        answer = self.recover(ex_id, "all")
        document = self.master.wait_for_status(answer["ex_id"], "completed")
        self.assertEqual(document["_slicer_stats"]["processed"], failed)
        self.assert_whole(answer["ex_id"])

    def test_no_type_goes_on_from_the_position(self):
        _, ex_id, done = self.stop_early()
        answer = self.recover(ex_id)
        document = self.master.wait_for_status(answer["ex_id"], "completed")
        self.assertEqual(done + document["_slicer_stats"]["processed"], self.slices)
        self.assert_whole(answer["ex_id"])

    def test_stop_and_recover_again_and_again(self):
        _, ex_id, _ = self.stop_early(delay_ms=150)
        for _ in range(3):
            ex_id = self.recover(ex_id)["ex_id"]
            self.master.wait_for_processed(ex_id, 2)
            self.master.post(f"/v1/ex/{ex_id}/_stop")
        ex_id = self.recover(ex_id)["ex_id"]
        self.master.wait_for_status(ex_id, "completed")
        self.assert_whole(ex_id)

    def test_by_job(self):
        job_id, ex_id, _ = self.stop_early()
        answer = self.master.post(f"/v1/jobs/{job_id}/_recover")
        self.assertEqual(answer["job_id"], job_id)
        self.master.wait_for_status(answer["ex_id"], "completed")
        self.assert_whole(answer["ex_id"])

    def test_a_recovery_whose_controller_dies(self):
        _, ex_id, _ = self.stop_early()
        second = self.recover(ex_id)["ex_id"]
        self.master.wait_for_processed(second, 3)
        self.master.kill_9("execution_controller", second)
        self.master.wait_for_status(second, "completed")
        self.assert_whole(second)

    def test_refused_while_one_lives(self):
        submitted = self.master.submit(self.job(self.inputs, delay_ms=60))
        self.master.wait_for_processed(submitted["ex_id"], 1)
        self.recover(submitted["ex_id"], "errors", expect=409)

    def test_bad_type(self):
        _, ex_id, _ = self.stop_early()
        answer = self.recover(ex_id, "everything", expect=400)
        self.assertIn("cleanup_type must be empty or set to", answer["message"])

    def test_an_id_range_goes_on(self):
        """Another slicer than files: slices that are born in runs."""
        job = {"name": "ids", "workers": 2, "operations": [
            {"_op": "id_range", "start": 0, "end": 4000, "size": 50}, {"_op": "delay", "ms": 40},
            {"_op": "file_exporter", "path": str(self.output), "format": "ldjson"}]}
        ex_id = self.master.submit(job)["ex_id"]
        self.master.wait_for_processed(ex_id, 5)
        self.master.post(f"/v1/ex/{ex_id}/_stop")
        ex_id = self.recover(ex_id)["ex_id"]
        self.master.wait_for_status(ex_id, "completed")
        self.assert_output([{"id": n} for n in range(4000)])
        self.assert_verified(ex_id, self.master)


class RecoverWhatWasGivenUp(EndToEnd):
    def test_a_controller_that_dies_again_and_again(self):
        """Its execution fails with the reason, its ledger has no outcome, and a recovery does all that is left."""
        path = self.write_input(records=4000)
        master = self.start_master(environment={"SLICEMILL_FAULT": "controller/committed:kill:1"})
        ex_id = master.submit(self.job(path, delay_ms=5))["ex_id"]
        document = master.wait_for_status(ex_id, "failed")
        self.assertIn("signal 9", document["_failureReason"])
        master.terminate()
        master = self.start_master()
        again = master.post(f"/v1/ex/{ex_id}/_recover")["ex_id"]
        master.wait_for_status(again, "completed")
        self.assert_output(records(4000))
        self.assert_verified(again, master)

if __name__ == "__main__":
    unittest.main()
