"""I6: recovery is repeatable: any ended execution, any number of times, over any number of generations, with every cleanup type."""

import json
import subprocess
import unittest

from harness import BAD_INPUT, CANNOT_START, FAILED, OK, SLICEMILL, EndToEnd, records, wait_until

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

    def mend(self, job_id, **reader):
        """The job with another reader option; which one an execution ran shows which configuration it had."""
        job = self.job(self.inputs, workers=1, max_retries=0, reader=reader)
        job["operations"].insert(1, {"_op": "noop"})
        self.master.ask("PUT", f"/v1/jobs/{job_id}", job)

    def assert_configuration(self, answer, config):
        self.assertEqual(answer["config"], config)
        document = self.master.wait_for_status(answer["ex_id"], "failed", "completed")
        self.assertEqual("noop" in [operation["_op"] for operation in document["operations"]], config == "current")

    def test_whose_configuration_counts(self):
        """By default the job's as it is now if the job is recovered, and the execution's own if that is; either can be asked for."""
        job_id, ex_id, _ = self.fail_some()
        self.mend(job_id)
        self.assert_configuration(self.recover(ex_id, "errors"), "own")
        self.assert_configuration(self.recover(ex_id, "errors&config=current"), "current")
        self.assert_configuration(self.recover(ex_id, "errors&config=own"), "own")
        self.assert_configuration(self.master.post(f"/v1/jobs/{job_id}/_recover?config=own"), "own")
        self.show(4, 5)
        answer = self.master.post(f"/v1/jobs/{job_id}/_recover")
        self.assert_configuration(answer, "current")
        self.assert_whole(answer["ex_id"])
        self.assertIn("config must be", self.recover(ex_id, "errors&config=mine", expect=400)["message"])

    def test_values_go_with_the_jobs_present_configuration(self):
        self.hide(5)
        job = self.job(self.inputs / "${N}.ldjson", max_retries=0, params={"N": "*"}, processors=[{"_op": "script", "command": "false"}])
        submitted = self.master.submit(job, start=False)
        start = self.master.post(f"/v1/jobs/{submitted['job_id']}/_start", {"params": {"N": "1"}})
        self.master.wait_for_status(start["ex_id"], "failed")
        answer = self.master.post(f"/v1/ex/{start['ex_id']}/_recover?config=own", {"params": {"N": "2"}}, expect=500)
        self.assertIn("params go with config=current", answer["message"])
        del job["operations"][1]
        self.master.ask("PUT", f"/v1/jobs/{submitted['job_id']}", job)
        recovered = self.master.post(f"/v1/jobs/{submitted['job_id']}/_recover")["ex_id"]
        self.assertEqual(self.master.wait_for_status(recovered, "completed")["params"], {"N": "1"}, "as it was started")
        self.assert_output(records(RECORDS_PER_FILE, RECORDS_PER_FILE))

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
        """Another slicer than files: slices that are created in runs."""
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

class ResumeWithAMendedJob(EndToEnd):
    """Without a master: an execution goes on under another job, in a new execution, whatever had become of it."""

    def write_job(self, name, *processors, **options):
        path = self.directory / name
        path.write_text(json.dumps(self.job(self.directory / "input.ldjson", processors=processors, workers=1, **options)))
        return path

    def ledgers(self):
        return {path.name for path in (self.data / "ledgers").iterdir()}

    def resume(self, ex_id, *arguments, expect=OK):
        result = self.slicemill("run", "--resume", ex_id, "--data", self.data, *arguments)
        self.assertEqual(result.returncode, expect, result.stderr)
        return result

    def test_after_a_failure(self):
        self.write_input(records=400)
        broken = {"_op": "script", "command": "/bin/sh", "args": ["-c", "awk '/\"id\":2[0-9][0-9],/ { exit 3 } { print }'"]}
        path = self.write_job("job.json", broken, max_retries=0)
        self.assertEqual(self.slicemill("run", path, "--data", self.data).returncode, FAILED)
        first, = self.ledgers()
        self.resume(first, "--job", self.write_job("mended.json", {"_op": "noop"}))
        second, = self.ledgers() - {first}
        self.assert_output(records(400))
        self.assert_verified(second)

    def test_after_a_kill(self):
        """Nobody goes on with the killed execution itself any more: what was done is done, what was not is done once."""
        self.write_input(records=2000)
        path = self.write_job("job.json", {"_op": "delay", "ms": 50})
        command = [str(SLICEMILL), "run", str(path), "--data", str(self.data)]
        with subprocess.Popen(command, env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            wait_until(lambda: self.output.exists() and len([f for f in self.output.iterdir() if not f.name.startswith(".")]) >= 3,
                       "some output")
            run.kill()
        first, = self.ledgers()
        mended = self.write_job("mended.json", {"_op": "noop"})
        self.resume(first, "--job", mended)
        self.assert_output(records(2000))
        second, = self.ledgers() - {first}
        self.assert_verified(second)
        self.assert_one_line(self.slicemill("run", "--resume", first, "--data", self.data), CANNOT_START, second, "nothing to resume")
        self.assert_output(records(2000))

    def test_what_does_not_go_together(self):
        path = self.write_job("job.json")
        self.assert_one_line(self.slicemill("run", path, "--job", path), BAD_INPUT, "--job goes with --resume")


if __name__ == "__main__":
    unittest.main()
