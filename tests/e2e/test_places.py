"""Where things are, whose they are, and when they go: lost ledgers, copied and moved data directories, cleaned sockets, bounded files."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import unittest

from harness import FAILED, OK, EndToEnd, records, wait_until


class LostLedger(EndToEnd):
    def setUp(self):
        super().setUp()
        self.path = self.write_input(records=2000)
        self.master = self.start_master()

    def ledger(self, ex_id):
        return self.data / "ledgers" / ex_id

    def stopped(self):
        ex_id = self.master.submit(self.job(self.path, delay_ms=40))["ex_id"]
        self.master.wait_for_processed(ex_id, 5)
        self.master.post(f"/v1/ex/{ex_id}/_stop")
        self.master.wait_for_pids("execution_controller", ex_id, 0)
        return ex_id

    def assert_lost(self, ex_id):
        for kind in ("", "?cleanup_type=errors", "?cleanup_type=pending", "?cleanup_type=all"):
            answer = self.master.post(f"/v1/ex/{ex_id}/_recover{kind}", expect=410)
            self.assertIn(str(self.ledger(ex_id)), answer["message"])
        self.master.ask("GET", f"/v1/ex/{ex_id}/errors", expect=410)
        self.master.ask("GET", f"/v1/ex/{ex_id}/quarantine", expect=410)
        self.master.post(f"/v1/ex/{ex_id}/quarantine/_redrive", expect=410)
        for place in (["--master", self.master.url], ["--data", self.data]):
            result = self.slicemill("verify", ex_id, *place)
            self.assertNotEqual(result.returncode, OK)
            self.assertIn("lost", result.stderr)
        result = self.slicemill("run", "--resume", ex_id, "--data", self.data)
        self.assertNotEqual(result.returncode, OK)
        self.assertIn("lost", result.stderr)

    def test_of_an_ended_execution(self):
        ex_id = self.stopped()
        before = sorted(map(json.dumps, self.read_output()))
        shutil.rmtree(self.ledger(ex_id))
        self.assert_lost(ex_id)
        self.assertEqual(sorted(map(json.dumps, self.read_output())), before)
        self.assertFalse(self.ledger(ex_id).exists(), "nothing made it anew")

    def test_while_the_controller_is_started_again(self):
        ex_id = self.master.submit(self.job(self.path, delay_ms=40))["ex_id"]
        self.master.wait_for_processed(ex_id, 5)
        self.ledger(ex_id).rename(self.directory / "away")
        self.master.kill_9("execution_controller", ex_id)
        document = self.master.wait_for_status(ex_id, "failed")
        self.assertIn("is lost", document["_failureReason"])
        self.assertFalse(self.ledger(ex_id).exists())
        # Put back, it is as if nothing had been: the recovery goes on where it was.
        (self.directory / "away").rename(self.ledger(ex_id))
        second = self.master.post(f"/v1/ex/{ex_id}/_recover")["ex_id"]
        self.master.wait_for_status(second, "completed")
        self.assert_output(records(2000))

    def test_while_the_master_is_away(self):
        ex_id = self.master.submit(self.job(self.path, delay_ms=40))["ex_id"]
        self.master.wait_for_processed(ex_id, 5)
        pids = self.master.pids("worker", ex_id) + self.master.pids("execution_controller", ex_id)
        self.master.kill_9_itself()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.ledger(ex_id))
        self.master = self.start_master()
        self.assertIn("is lost", self.master.wait_for_status(ex_id, "failed")["_failureReason"])
        self.assert_lost(ex_id)

    def test_while_it_is_paused(self):
        ex_id = self.master.submit(self.job(self.path, delay_ms=40))["ex_id"]
        self.master.wait_for_processed(ex_id, 5)
        self.master.post(f"/v1/ex/{ex_id}/_pause")
        shutil.rmtree(self.ledger(ex_id))
        status, _ = self.master.request("POST", f"/v1/ex/{ex_id}/_resume")
        self.assertIn(status, (404, 410))
        self.assertIn("is lost", self.master.wait_for_status(ex_id, "failed")["_failureReason"])


class Copied(EndToEnd):
    def test_a_master_on_a_copy_leaves_the_original_alone(self):
        path = self.write_input(records=2000)
        master = self.start_master()
        ex_id = master.submit(self.job(path, delay_ms=60))["ex_id"]
        master.wait_for_processed(ex_id, 3)
        controllers, workers = master.pids("execution_controller", ex_id), master.pids("worker", ex_id)
        clone = self.directory / "clone"
        subprocess.run(["cp", "-a", str(self.data), str(clone)], check=True)
        other = self.start_master(data=clone)
        document = other.wait_for_status(ex_id, "terminated")
        self.assertIn(f"a copy of {self.data}", document["_failureReason"])
        self.assertEqual(other.pids("execution_controller"), [])
        self.assertTrue(document["ledger_directory"].startswith(str(clone)))
        # Removing it there takes nothing of what the original stages.
        other.ask("DELETE", f"/v1/ex/{ex_id}")
        other.terminate()
        other = self.start_master(data=clone)
        other.terminate()
        self.assertEqual(master.pids("execution_controller", ex_id), controllers)
        self.assertEqual(master.pids("worker", ex_id), workers)
        master.wait_for_status(ex_id, "completed")
        self.assert_output(records(2000))
        self.assert_verified(ex_id, master)

    def test_a_copy_in_the_place_of_the_original(self):
        path = self.write_input(records=2000)
        master = self.start_master()
        ex_id = master.submit(self.job(path, delay_ms=60))["ex_id"]
        master.wait_for_processed(ex_id, 3)
        master.kill_9_itself()
        subprocess.run(["cp", "-a", str(self.data), f"{self.data}-copy"], check=True)
        self.data.rename(f"{self.data}-original")
        pathlib.Path(f"{self.data}-copy").rename(self.data)
        master = self.start_master()
        master.wait_for_status(ex_id, "terminated")
        self.assertEqual(master.pids("execution_controller"), [])
        log = (self.data / "logs" / "master.log").read_text()
        self.assertNotIn("killing", log)

    def test_a_moved_data_directory(self):
        path = self.write_input(records=2000)
        master = self.start_master()
        ex_id = master.submit(self.job(path, delay_ms=60))["ex_id"]
        master.wait_for_processed(ex_id, 3)
        master.terminate()
        self.data.rename(f"{self.data}-moved")
        self.data = pathlib.Path(f"{self.data}-moved")
        master = self.start_master()
        document = master.wait_for_status(ex_id, "completed")
        self.assertTrue(document["ledger_directory"].startswith(str(self.data)))
        self.assert_output(records(2000))
        self.assert_verified(ex_id, master)


class Cleaned(EndToEnd):
    def test_sockets_come_back(self):
        path = self.write_input(records=4000)
        master = self.start_master()
        ex_id = master.submit(self.job(path, delay_ms=100))["ex_id"]
        master.wait_for_processed(ex_id, 2)
        runtime = pathlib.Path("/tmp") / f"slicemill-{os.getuid()}-{json.loads((self.data / 'identity').read_text())['runtime']}"
        self.assertTrue((runtime / ex_id).is_socket())
        self.assertEqual(sorted(p.name for p in runtime.iterdir() if not p.is_socket()), [])
        shutil.rmtree(runtime)
        victim = master.kill_9("worker", ex_id)
        wait_until(lambda: victim not in master.pids("worker", ex_id)
                   and sum(master.stats(ex_id).get(k, 0) for k in ("workers_available", "workers_active")) == 2, "two workers again")
        output, self.output = self.output, self.directory / "other"
        other = master.submit(self.job(self.write_input("other.ldjson", 200)))["ex_id"]
        master.wait_for_status(other, "completed")
        self.output = output
        shutil.rmtree(runtime)
        master.kill_9_itself()
        master = self.start_master()
        master.wait_for_status(ex_id, "completed")
        self.assert_output(records(4000))
        wait_until(lambda: not any((self.data / "begun").iterdir()), "the notes of the workers to go")


class Gone(EndToEnd):
    """What ended executions leave, and what takes it away."""

    def setUp(self):
        super().setUp()
        self.path = self.write_input(records=1000)

    def stop_single_file(self, master):
        self.output = self.directory / "out" / "joined.ldjson"
        ex_id = master.submit(self.job(self.path, delay_ms=40, sender={"single_file": True}))
        master.wait_for_processed(ex_id["ex_id"], 5)
        master.post(f"/v1/ex/{ex_id['ex_id']}/_stop")
        return ex_id["job_id"], ex_id["ex_id"]

    def staging(self):
        return list((self.output.parent / ".slicemill").glob("*"))

    def test_a_deleted_job_takes_its_parts_along_and_its_errors_stay(self):
        master = self.start_master()
        job_id, ex_id = self.stop_single_file(master)
        self.assertNotEqual(self.staging(), [])
        master.ask("DELETE", f"/v1/jobs/{job_id}")
        wait_until(lambda: not (self.output.parent / ".slicemill").exists(), "the parts to go")
        self.assertEqual(master.get(f"/v1/ex/{ex_id}/errors"), [])
        self.assertTrue((self.data / "ledgers" / ex_id).exists())

    def test_executions_of_a_deleted_job_go_after_a_while(self):
        master = self.start_master(arguments=["--retention-deleted-age", "1s"])
        job_id, ex_id = self.stop_single_file(master)
        master.ask("DELETE", f"/v1/jobs/{job_id}")
        wait_until(lambda: master.request("GET", f"/v1/ex/{ex_id}")[0] == 404, "the execution to go")
        wait_until(lambda: not (self.data / "ledgers" / ex_id).exists() and not (self.data / "logs" / ex_id).exists(), "its files to go")

    def test_an_execution_is_removed_with_all_but_its_output(self):
        master = self.start_master()
        ex_id = master.submit(self.job(self.path, delay_ms=40))["ex_id"]
        master.wait_for_processed(ex_id, 2)
        master.ask("DELETE", f"/v1/ex/{ex_id}", expect=409)
        master.wait_for_status(ex_id, "completed")
        self.assertTrue(master.ask("DELETE", f"/v1/ex/{ex_id}")["_deleted"])
        self.assertEqual([p.name for p in self.data.rglob(f"{ex_id}*")], [])
        self.assertTrue(master.ask("DELETE", f"/v1/ex/{ex_id}")["_deleted"])
        master.ask("GET", f"/v1/ex/{ex_id}", expect=404)
        self.assertEqual(master.get("/v1/ex"), [])
        self.assert_output(records(1000))

    def test_retention_by_count(self):
        master = self.start_master(arguments=["--retention-count", "1"])
        submitted = master.submit(self.job(self.path))
        ids = [submitted["ex_id"]]
        for _ in range(3):
            master.wait_for_status(ids[-1], "completed")
            ids.append(master.post(f"/v1/jobs/{submitted['job_id']}/_start")["ex_id"])
        master.wait_for_status(ids[-1], "completed")
        wait_until(lambda: [p.name for p in (self.data / "ledgers").iterdir()] == ids[-1:], "all but the last to go")
        self.assert_output(records(1000) * 4)

    def test_runs_keep_to_the_same_limits(self):
        job = self.directory / "job.json"
        for n in range(3):
            self.output = self.directory / f"output-{n}"
            job.write_text(json.dumps(self.job(self.path)))
            self.assertEqual(self.slicemill("run", job, "--data", self.data, "--retention-count", "2").returncode, OK)
        self.assertEqual(len(list((self.data / "ledgers").iterdir())), 2)
        self.assertEqual(len(list((self.data / "logs").iterdir())), 2)
        self.assert_output(records(1000), self.directory / "output-0")

    def test_verify_judges_a_source_by_what_went_on_from_it(self):
        master = self.start_master()
        _, ex_id = self.stop_single_file(master)
        second = master.post(f"/v1/ex/{ex_id}/_recover")["ex_id"]
        master.wait_for_status(second, "completed")
        for place in (["--master", master.url], ["--data", self.data]):
            result = self.slicemill("verify", ex_id, *place)
            self.assertEqual(result.returncode, OK, result.stdout + result.stderr)
            self.assertIn(second, result.stdout)
        self.output.write_bytes(b"{}\n")
        result = self.slicemill("verify", ex_id, "--data", self.data)
        self.assertEqual(result.returncode, FAILED, result.stdout)
        self.assertIn("altered", result.stdout)

    def test_what_a_worker_prints_is_bounded(self):
        master = self.start_master()
        job = {"name": "prints", "lifecycle": "once", "workers": 1, "operations": [
            {"_op": "data_generator", "size": 200_000, "slice_size": 10_000, "stress_test": True}, {"_op": "stdout"}]}
        ex_id = master.submit(job)["ex_id"]
        master.wait_for_status(ex_id, "completed")
        sizes = {p.name: p.stat().st_size for p in (self.data / "logs" / ex_id).iterdir()}
        self.assertEqual(sizes["worker-1.out.1"], 16 << 20)
        self.assertLessEqual(max(sizes.values()), 16 << 20, sizes)


if __name__ == "__main__":
    unittest.main()
