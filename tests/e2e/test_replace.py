"""if_exists: replace: the old output is there until the new one is complete, whatever dies when; placeholders in output paths."""

import datetime
import json
import os
import unittest

from harness import BAD_INPUT, FAILED, OK, EndToEnd, record, records, wait_until

POINTS = ("joining", "joined", "replacing", "replaced")


class Replace(EndToEnd):
    def replacing_job(self, path, **options):
        sender = {"if_exists": "replace", **options.pop("sender", {})}
        return self.job(path, sender=sender, **options)

    def write_old(self, master):
        """The output of an earlier execution."""
        path = self.write_input("old.ldjson", 200)
        ex_id = master.submit(self.job(path))["ex_id"]
        master.wait_for_status(ex_id, "completed")
        self.old = records(200)
        return ex_id

    def assert_nothing_is_left(self, place=None):
        staging = (place or self.output.parent) / ".slicemill"
        wait_until(lambda: not staging.exists() or not list(staging.iterdir()), lambda: f"{staging} to be gone: {list(staging.rglob('*'))}")

    def test_the_old_output_goes_when_the_new_one_is_complete(self):
        master = self.start_master()
        self.write_old(master)
        path = self.write_input("new.ldjson", 1000, 5000)
        ex_id = master.submit(self.replacing_job(path, delay_ms=20))["ex_id"]
        master.wait_for_processed(ex_id, 10)
        self.assert_output(self.old)
        master.wait_for_status(ex_id, "completed")
        self.assert_output(records(1000, 5000))
        self.assert_verified(ex_id, master)
        self.assert_nothing_is_left()
        # And once more, over a replaced one.
        again = master.submit(self.replacing_job(self.write_input("newer.ldjson", 100, 9000)))["ex_id"]
        master.wait_for_status(again, "completed")
        self.assert_output(records(100, 9000))
        self.assert_verified(again, master)

    def test_nothing_was_there(self):
        master = self.start_master()
        ex_id = master.submit(self.replacing_job(self.write_input(records=100)))["ex_id"]
        master.wait_for_status(ex_id, "completed")
        self.assert_output(records(100))
        self.assert_verified(ex_id, master)
        self.assert_nothing_is_left()

    def test_killed_at_each_step(self):
        """The controller dies there; before that step, and after it, exactly one of the two outputs is visible."""
        for victim in ("controller", "all"):
            for point in POINTS:
                with self.subTest(victim=victim, point=point):
                    self.check_kill(victim, point)

    def check_kill(self, victim, point):
        self.output, self.data = self.directory / f"{victim}-{point}" / "out", self.directory / f"data-{victim}-{point}"
        log = self.directory / f"{victim}-{point}.log"
        master = self.start_master()
        self.write_old(master)
        master.terminate()
        action = "kill" if victim == "controller" else "wait"
        master = self.start_master(environment={"SLICEMILL_FAULT": f"controller/{point}:{action}:1", "SLICEMILL_FAULT_LOG": str(log)})
        ex_id = master.submit(self.replacing_job(self.write_input("new.ldjson", 300, 5000)))["ex_id"]
        wait_until(lambda: log.exists() and log.read_text(), f"the point {point}")
        if victim == "all":
            pids = master.pids("execution_controller", ex_id) + master.pids("worker", ex_id)
            self.assert_output(records(300, 5000) if point == "replaced" else self.old)
            master.process.kill()
            for pid in pids:
                try:
                    os.kill(pid, 9)
                except ProcessLookupError:
                    pass
            master.process.wait()
            (self.directory / f"{log.name}.{point}.go").touch()
            self.assert_output(records(300, 5000) if point == "replaced" else self.old)
            master = self.start_master()
        master.wait_for_status(ex_id, "completed")
        self.assert_output(records(300, 5000))
        self.assert_verified(ex_id, master)
        self.assert_nothing_is_left()
        master.terminate()

    def test_what_does_not_complete_leaves_the_old_output(self):
        master = self.start_master()
        self.write_old(master)
        path = self.write_input("new.ldjson", 1000, 5000)
        submitted = master.submit(self.replacing_job(path, delay_ms=30))
        master.wait_for_processed(submitted["ex_id"], 5)
        master.post(f"/v1/ex/{submitted['ex_id']}/_stop")
        self.assert_output(self.old)
        recovered = master.post(f"/v1/ex/{submitted['ex_id']}/_recover")["ex_id"]
        master.wait_for_processed(recovered, 1)
        self.assert_output(self.old)
        master.wait_for_status(recovered, "completed")
        self.assert_output(records(1000, 5000))
        self.assert_verified(recovered, master)
        self.assert_verified(submitted["ex_id"], master)
        self.assert_nothing_is_left()

    def test_failed_slices_leave_the_old_output(self):
        master = self.start_master()
        self.write_old(master)
        path = self.write_input("new.ldjson", 400, 5000)
        script = {"_op": "script", "command": "/bin/sh", "args": ["-c", "awk '/\"id\":5123,/ { exit 3 } { print }'"]}
        submitted = master.submit(self.replacing_job(path, processors=[script], max_retries=0))
        master.wait_for_status(submitted["ex_id"], "failed")
        self.assert_output(self.old)
        elsewhere = self.replacing_job(path, sender={"path": str(self.directory / "elsewhere" / "out")}, max_retries=0)
        master.ask("PUT", f"/v1/jobs/{submitted['job_id']}", elsewhere)
        lost = master.post(f"/v1/jobs/{submitted['job_id']}/_recover?cleanup_type=errors")["ex_id"]
        self.assertIn("waits in", master.wait_for_status(lost, "failed")["_failureReason"])
        master.ask("PUT", f"/v1/jobs/{submitted['job_id']}", self.replacing_job(path, max_retries=0))
        mended = master.post(f"/v1/jobs/{submitted['job_id']}/_recover?cleanup_type=errors")["ex_id"]
        master.wait_for_status(mended, "completed")
        self.assert_output(records(400, 5000))
        self.assert_verified(mended, master)

    def test_redriven_records_are_added(self):
        path = self.directory / "new.ldjson"
        path.write_text("".join(json.dumps(record(n)) + "\n" for n in range(100)) + "[1]\n")
        master = self.start_master()
        self.write_old(master)
        strict = {"_op": "set_field", "field": "id", "value": 0, "overwrite": False, "_dead_letter_action": "quarantine"}
        submitted = master.submit(self.replacing_job(path, processors=[strict]))
        master.wait_for_status(submitted["ex_id"], "completed")
        self.assertEqual(len(self.read_output()), 100)
        row, = master.get(f"/v1/ex/{submitted['ex_id']}/quarantine")
        redriven = master.post(f"/v1/ex/{submitted['ex_id']}/quarantine/_redrive",
                               {"records": [{"id": row["id"], "bytes": json.dumps(record(7))}]})["ex_id"]
        master.wait_for_status(redriven, "completed")
        self.assertEqual(len(self.read_output()), 101)
        self.assert_verified(redriven, master)
        self.assert_nothing_is_left()

    def test_what_is_not_ours_is_never_replaced(self):
        self.output.mkdir()
        (self.output / "thesis.txt").write_text("years of work")
        job = self.directory / "job.json"
        job.write_text(json.dumps(self.replacing_job(self.write_input(records=10))))
        result = self.slicemill("run", job, "--data", self.data)
        self.assertEqual(result.returncode, FAILED)
        self.assertIn("thesis.txt in it is no output", result.stderr)
        self.assertEqual((self.output / "thesis.txt").read_text(), "years of work")
        self.assertEqual([path.name for path in self.output.iterdir()], ["thesis.txt"])
        self.output.rename(self.directory / "kept")
        self.output.symlink_to(self.directory / "kept")
        result = self.slicemill("run", job, "--data", self.data)
        self.assertIn("it is a link", result.stderr)

    def test_foreign_files_that_come_meanwhile_are_kept(self):
        master = self.start_master()
        self.write_old(master)
        ex_id = master.submit(self.replacing_job(self.write_input("new.ldjson", 1000, 5000), delay_ms=20))["ex_id"]
        master.wait_for_processed(ex_id, 3)
        (self.output / "thesis.txt").write_text("years of work")
        self.assertIn("thesis.txt", master.wait_for_status(ex_id, "failed")["_failureReason"])
        (self.output / "thesis.txt").unlink()
        self.assert_output(self.old)
        recovered = master.post(f"/v1/ex/{ex_id}/_recover")["ex_id"]
        master.wait_for_status(recovered, "completed")
        self.assert_output(records(1000, 5000))

    def test_a_single_file(self):
        self.output = self.directory / "joined.ldjson"
        self.output.write_text(json.dumps(record(1)) + "\n")
        master = self.start_master()
        for point in (None, "joined", "joining"):
            log = self.directory / f"single-{point}.log"
            before = self.output.read_text()
            if point:
                master.terminate()
                master = self.start_master(environment={"SLICEMILL_FAULT": f"controller/{point}:kill:1", "SLICEMILL_FAULT_LOG": str(log)})
            ex_id = master.submit(self.replacing_job(self.write_input(records=500), delay_ms=5, sender={"single_file": True}))["ex_id"]
            master.wait_for_processed(ex_id, 2)
            self.assertEqual(self.output.read_text(), before)
            master.wait_for_status(ex_id, "completed")
            self.assert_output(records(500))
            self.assert_verified(ex_id, master)
            self.assert_nothing_is_left()


class Placeholders(EndToEnd):
    def write_job(self, path, **sender):
        job = self.directory / "job.json"
        job.write_text(json.dumps({**self.job(self.write_input(records=100), sender={"path": str(path), **sender}), "name": "a/b"}))
        return job

    def test_date_name_and_execution(self):
        before = datetime.datetime.now(datetime.timezone.utc)
        job = self.write_job(self.directory / "out" / "{date:%Y/%m-%d}" / "{name}" / "{ex_id}")
        result = self.slicemill("run", job, "--data", self.data)
        self.assertEqual(result.returncode, OK, result.stderr)
        ex_id, = (path.name for path in (self.data / "ledgers").iterdir())
        days = {day.strftime("%Y/%m-%d") for day in (before, datetime.datetime.now(datetime.timezone.utc))}
        place = next(place for day in days if (place := self.directory / "out" / day / "a%2Fb" / ex_id).exists())
        self.assert_output(records(100), place)
        self.assert_verified(ex_id)

    def test_a_recovery_writes_to_the_same_place(self):
        master = self.start_master()
        job = self.job(self.write_input(records=1000), delay_ms=30, sender={"path": str(self.directory / "out" / "{ex_id}")})
        submitted = master.submit(job)
        first = submitted["ex_id"]
        master.wait_for_processed(first, 3)
        master.post(f"/v1/ex/{first}/_stop")
        recovered = master.post(f"/v1/jobs/{submitted['job_id']}/_recover")["ex_id"]
        master.wait_for_status(recovered, "completed")
        self.assert_output(records(1000), self.directory / "out" / first)
        self.assert_verified(recovered, master)
        second = master.post(f"/v1/jobs/{submitted['job_id']}/_start")["ex_id"]
        master.wait_for_status(second, "completed")
        self.assert_output(records(1000), self.directory / "out" / second)

    def test_what_is_none_is_an_error(self):
        self.assert_one_line(self.slicemill("validate", self.write_job("/out/{date:%q}")), BAD_INPUT, "operations[1].path", "{date:%q}", "%Y")
        literal = self.slicemill("run", self.write_job(self.directory / "{{field}}"), "--data", self.data)
        self.assertEqual(literal.returncode, OK, literal.stderr)
        self.assert_output(records(100), self.directory / "{field}")


class VerifyRecoveries(EndToEnd):
    """A mended job may write elsewhere: what its lineage wrote before is where it was."""

    def test_output_in_two_places(self):
        master = self.start_master()
        self.write_input(records=1000)
        job = self.job(self.directory / "input.ldjson", delay_ms=30)
        submitted = master.submit(job)
        first = submitted["ex_id"]
        master.wait_for_processed(first, 5)
        master.post(f"/v1/ex/{first}/_stop")
        elsewhere = self.directory / "elsewhere"
        master.ask("PUT", f"/v1/jobs/{submitted['job_id']}",
                   self.job(self.directory / "input.ldjson", sender={"path": str(elsewhere), "compression": "none"}))
        second = master.post(f"/v1/jobs/{submitted['job_id']}/_recover")["ex_id"]
        master.wait_for_status(second, "completed")
        self.assertEqual(len(self.read_output()) + len(self.read_output(elsewhere)), 1000)
        self.assert_verified(second, master)
        self.assert_verified(first, master)
        next(path for path in self.output.iterdir() if not path.name.startswith(".")).unlink()
        result = self.slicemill("verify", second, "--master", master.url)
        self.assertEqual(result.returncode, FAILED, result.stdout)
        self.assertIn(f"missing: {self.output}/", result.stdout)
        master.terminate()
        self.assertEqual(self.slicemill("verify", second, "--data", self.data).returncode, FAILED)
        self.assertEqual(self.slicemill("verify", "none", "--data", self.data).returncode, BAD_INPUT)


if __name__ == "__main__":
    unittest.main()
