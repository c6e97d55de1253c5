"""The Amp dialect before a real master: jobs of the first dialect are listed, watched, stopped, resumed and deleted through it."""

import contextlib
import http.client
import json
import threading
import unittest

from harness import BAD_INPUT, CANNOT_START, TERMINAL, EndToEnd, records, wait_until

SHORT_LEASE = {"SLICEMILL_BEAT": "150ms", "SLICEMILL_LEASE": "1s"}
ACTIVE = ("SCHEDULED", "RUNNING", "STOP_REQUESTED", "STOPPING")


class Amp(EndToEnd):
    def amp(self, method, path, expect=200):
        """The parsed body; None if there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.master.port, timeout=60)
        try:
            connection.request(method, "/amp" + path)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        self.assertEqual(answer.status, expect, f"{method} {path}: {body}")
        return json.loads(body) if body else None

    def numbers(self, status="all", limit=50):
        """The ids of a whole walk, in its order."""
        found, cursor = [], ""
        while True:
            page = self.amp("GET", f"/jobs?status={status}&limit={limit}{cursor}")
            if not page["jobs"]:
                self.assertNotIn("next_cursor", page)
                return found
            found += [job["id"] for job in page["jobs"]]
            self.assertEqual(page["next_cursor"], found[-1])
            cursor = f"&last_job_id={page['next_cursor']}"

    def status(self, number):
        return self.amp("GET", f"/jobs/{number}")["status"]

    def wait_for(self, number, *statuses):
        return wait_until(lambda: (found := self.status(number)) in statuses and found, lambda: f"{statuses}; it is {self.status(number)}")

    def events(self, number):
        return [event["event_type"] for event in self.amp("GET", f"/jobs/{number}/events")["events"]]

    def begin(self, count=3000, **more):
        """A job that runs for some seconds; its number and its submission."""
        path = self.write_input(records=count)
        submitted = self.master.submit(self.job(path, delay_ms=20, **more))
        return self.numbers("active")[0], submitted

    def reason_of(self, ex_id):
        """Why it ended, in our own words: no other dialect's."""
        return self.master.get(f"/v1/ex/{ex_id}/history")[-1]["reason"]

    def test_a_job_from_its_start_to_its_end(self):
        self.master = self.start_master()
        self.assertEqual(self.amp("GET", "/jobs"), {"jobs": []})
        number, submitted = self.begin()
        self.wait_for(number, "RUNNING")
        self.master.wait_for_processed(submitted["ex_id"], 5)
        job = self.amp("GET", f"/jobs/{number}")
        self.assertEqual(set(job), {"id", "created_at", "updated_at", "node_id", "status", "descriptor"})
        self.assertRegex(job["created_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$")
        self.assertEqual(job["descriptor"]["kind"], "slicemill")
        self.assertEqual([key for key in job["descriptor"] if key.startswith("_")], [], "only the configuration")
        self.assertEqual(self.amp("DELETE", f"/jobs/{number}", 409)["error_code"], "JOB_CONFLICT")

        self.assertIsNone(self.amp("PUT", f"/jobs/{number}/stop"))
        self.assertIn(self.status(number), ("STOP_REQUESTED", "STOPPING", "STOPPED"))
        self.wait_for(number, "STOPPED")
        self.assertIsNone(self.amp("PUT", f"/jobs/{number}/stop"))
        self.assertEqual(self.master.status(submitted["ex_id"]), "stopped")
        self.assertEqual(self.events(number), ["SCHEDULED", "RUNNING", "STOP_REQUESTED", "STOPPED"])

        self.assertIsNone(self.amp("PUT", f"/jobs/{number}/resume"))
        self.assertIsNone(self.amp("PUT", f"/jobs/{number}/resume"), "of what runs: no change")
        self.wait_for(number, "COMPLETED")
        self.assertEqual(self.amp("PUT", f"/jobs/{number}/resume", 409)["error_code"], "JOB_CONFLICT")
        self.assert_output(records(3000))
        events = self.amp("GET", f"/jobs/{number}/events")["events"]
        self.assertEqual([event["event_type"] for event in events[4:]], ["SCHEDULED", "RUNNING", "COMPLETED"])
        self.assertEqual([event["id"] for event in events], sorted({event["id"] for event in events}))
        first = self.amp("GET", f"/jobs/{number}/events/{events[0]['id']}")
        self.assertEqual(first["detail"]["name"], job["descriptor"]["name"])

        self.assertIsNone(self.amp("DELETE", f"/jobs/{number}", 204))
        self.assertIsNone(self.amp("DELETE", f"/jobs/{number}", 204))
        self.assertEqual(self.amp("GET", f"/jobs/{number}", 404)["error_code"], "JOB_NOT_FOUND")
        self.assertEqual(self.numbers(), [])
        self.assertTrue(self.master.get(f"/v1/jobs/{submitted['job_id']}")["_deleted"])
        self.assert_output(records(3000))

    def range_job(self, end, **more):
        """A job over the numbers below `end`, ten a slice, with an output of its own; 20 ms a slice."""
        return {"name": "numbers", "lifecycle": "once", "workers": 2,
                "operations": [{"_op": "id_range", "start": 100, "end": end, "size": 10}, {"_op": "delay", "ms": 20},
                               {"_op": "file_exporter", "path": str(self.output), "format": "ldjson"}], **more}

    def check_progress(self, number):
        """What progress says is true: its numbers are all in the output, or on their way there by name."""
        progress = self.amp("GET", f"/jobs/{number}/progress")
        self.assertEqual(progress["job_id"], number)
        if not progress["tables"]:
            return None
        self.assertEqual(list(progress["tables"]), [str(self.output)])
        table = progress["tables"][str(self.output)]
        self.assertEqual(set(table), {"current_block", "start_block", "files_count", "total_size_bytes"})
        self.assertEqual(table["start_block"] is None, table["current_block"] is None)
        if table["current_block"] is not None:
            self.assertEqual(table["start_block"], 100)
            there = {row["id"] for row in self.read_output()}
            self.assertLessEqual(set(range(100, table["current_block"] + 1)), there)
        return table

    def check_both(self, number, ex_id):
        """The two dialects say the same of one job, in a moment in which its status does not change."""
        shown = {"pending": "SCHEDULED", "scheduling": "SCHEDULED", "initializing": "SCHEDULED", "recovering": "RUNNING",
                 "running": "RUNNING", "failing": "RUNNING", "paused": "RUNNING", "stopped": "STOPPED", "terminated": "STOPPED",
                 "completed": "COMPLETED"}

        def same():
            before, amp, after = self.master.status(ex_id), self.status(number), self.master.status(ex_id)
            if before != after:
                return None
            if before == "stopping":
                return amp in ("STOP_REQUESTED", "STOPPING") and amp
            self.assertEqual(amp, shown[before])
            return amp

        return wait_until(same, "a moment without a change")

    def test_one_job_seen_through_both_dialects(self):
        """It is killed, stopped and recovered, by one dialect and by the other, and both show the same all the time."""
        self.master = self.start_master(environment=SHORT_LEASE)
        ex_id = self.master.submit(self.range_job(5000))["ex_id"]
        number = 1
        self.check_both(number, ex_id)
        self.master.wait_for_processed(ex_id, 20)
        blocks = []

        def look():
            self.check_both(number, ex_id)
            table = self.check_progress(number)
            if table and table["current_block"] is not None:
                blocks.append(table["current_block"])

        look()
        for victim in ("worker", "execution_controller"):
            self.master.kill_9(victim, ex_id)
            look()
            done = self.master.stats(ex_id).get("processed", 0)
            self.master.wait_for_processed(ex_id, done + 20)
            look()
        self.master.kill_9_itself()
        self.master = self.start_master(environment=SHORT_LEASE)
        look()
        self.amp("PUT", f"/jobs/{number}/stop")
        self.wait_for(number, "STOPPED")
        self.assertEqual(self.master.status(ex_id), "stopped")
        look()
        job_id = self.master.execution(ex_id)["job_id"]
        ex_id = self.master.post(f"/v1/jobs/{job_id}/_recover")["ex_id"]
        look()
        self.master.wait_for_processed(ex_id, 20)
        look()
        self.master.post(f"/v1/ex/{ex_id}/_stop")
        self.assertEqual(self.check_both(number, ex_id), "STOPPED")
        self.amp("PUT", f"/jobs/{number}/resume")
        ex_id = self.master.get(f"/v1/jobs/{job_id}/ex")["ex_id"]
        self.wait_for(number, "COMPLETED")
        self.assertEqual(self.master.status(ex_id), "completed")
        table = self.check_progress(number)
        self.assertEqual((table["start_block"], table["current_block"], table["files_count"]), (100, 4999, 490))
        files = [file for file in self.output.iterdir() if not file.name.startswith(".")]
        self.assertEqual(table["total_size_bytes"], sum(file.stat().st_size for file in files))
        self.assertEqual(blocks, sorted(blocks), "what is done stays done")
        self.assertTrue(blocks)
        self.assertEqual(sorted(row["id"] for row in self.read_output()), list(range(100, 5000)))
        events = self.events(number)
        self.assertEqual([event for event in events if event in ("STOPPED", "COMPLETED")], ["STOPPED", "STOPPED", "COMPLETED"])

    def test_a_hole_ends_what_is_done(self):
        """A slice that failed for good: the numbers behind it are done, and not counted."""
        self.master = self.start_master()
        job = self.range_job(200, max_retries=0)
        failing = "import sys, json\nfor line in sys.stdin:\n  assert json.loads(line)['id'] != 143, 'bad'\n  print(line, end='')"
        job["operations"][1] = {"_op": "script", "command": "python3", "args": ["-c", failing]}
        ex_id = self.master.submit(job)["ex_id"]
        self.wait_for(1, "ERROR")
        self.assertEqual(self.master.status(ex_id), "failed")
        progress = self.amp("GET", "/jobs/1/progress")
        table = progress["tables"][str(self.output)]
        self.assertEqual((table["start_block"], table["current_block"], table["files_count"]), (100, 139, 9))
        self.assertEqual(progress["detail"]["error_message"], self.reason_of(ex_id))

    def test_readers_without_numbers_have_no_blocks(self):
        self.master = self.start_master()
        job = self.job(self.write_input(records=300), sender={"single_file": True, "path": str(self.directory / "one.ldjson")})
        self.master.wait_for_status(self.master.submit(job)["ex_id"], "completed")
        table = self.amp("GET", "/jobs/1/progress")["tables"][str(self.directory / "one.ldjson")]
        size = (self.directory / "one.ldjson").stat().st_size
        self.assertEqual(table, {"current_block": None, "start_block": None, "files_count": 1, "total_size_bytes": size})
        self.master.submit(job, start=False)
        self.assertEqual(self.amp("GET", "/jobs/2/progress"), {"job_id": 2, "job_status": "STOPPED", "tables": {}})

    def test_a_port_of_its_own(self):
        self.master = self.start_master(arguments=("--listeners", "amp@0,teraslice@127.0.0.1:0"))
        lines = wait_until(lambda: len(self.master.output) == 3 and self.master.output, lambda: self.master.output)
        ports = {line.rsplit("(", 1)[1].strip(")"): int(line.split()[2].rsplit(":", 1)[1]) for line in lines[1:]}
        number, submitted = self.begin()
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", ports["amp"], timeout=60)) as connection:
            connection.request("GET", f"/jobs/{number}")
            self.assertEqual(json.loads(connection.getresponse().read())["descriptor"]["kind"], "slicemill")
            connection.request("GET", f"/v1/ex/{submitted['ex_id']}")
            answer = connection.getresponse()
            self.assertEqual((answer.status, answer.read()), (404, b""), "the dialect alone")
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", ports["teraslice"], timeout=60)) as connection:
            connection.request("GET", f"/v1/ex/{submitted['ex_id']}")
            self.assertEqual(json.loads(connection.getresponse().read())["ex_id"], submitted["ex_id"])
        self.amp("PUT", f"/jobs/{number}/stop")
        self.wait_for(number, "STOPPED")
        self.assertEqual(self.master.terminate(), 0)

    def test_a_wrong_listener_is_one_line(self):
        for word in ("tork@8000", "amp", f"amp@{70000}"):
            result = self.slicemill("master", "--port", "0", "--data", self.data, "--listeners", word)
            self.assert_one_line(result, BAD_INPUT, "listeners:", f'"{word}"')
        result = self.slicemill("master", "--port", "0", "--data", self.data, "--listeners", "amp@1610,teraslice@1610")
        self.assert_one_line(result, BAD_INPUT, "listeners:", "amp is at the root of port 1610")
        taken = self.start_master()
        result = self.slicemill("master", "--port", "0", "--data", self.directory / "other", "--listeners", f"amp@{taken.port}")
        self.assert_one_line(result, CANNOT_START, str(taken.port))

    def test_a_failure_says_why_and_can_go_on(self):
        self.master = self.start_master()
        for n in range(4):
            self.write_input(f"in/{n}.ldjson", 500, 500 * n)
        job = self.job(self.directory / "in", delay_ms=20, max_retries=0, workers=1)
        submitted = self.master.submit(job)
        self.master.wait_for_processed(submitted["ex_id"], 2)
        last = self.directory / "in" / "3.ldjson"
        last.rename(self.directory / "away")
        self.wait_for(1, "ERROR")
        event = self.amp("GET", f"/jobs/1/events/{self.amp('GET', '/jobs/1/events')['events'][-1]['id']}")
        self.assertEqual((event["event_type"], event["detail"]["error_code"]), ("ERROR", "EXECUTION_FAILED"))
        self.assertEqual(event["detail"]["error_message"], self.reason_of(submitted["ex_id"]))
        (self.directory / "away").rename(last)
        self.amp("PUT", "/jobs/1/resume")
        self.wait_for(1, "COMPLETED")
        self.assert_output(records(2000))

    def test_pages_meet_every_job_once(self):
        self.master = self.start_master()
        job = {"name": "none", "workers": 1, "operations": [{"_op": "id_range", "start": 0, "end": 1}, {"_op": "noop"}]}
        for _ in range(23):
            self.master.submit(job, start=False)
        self.assertEqual(self.numbers("all", 7), list(range(23, 0, -1)))
        self.assertEqual(self.numbers("stopped", 10), list(range(23, 0, -1)), "what was never started is stopped")
        self.assertEqual(self.numbers("active"), [])
        self.amp("PUT", "/jobs/12/resume")
        self.wait_for(12, "COMPLETED")
        self.assertEqual(self.numbers("completed"), [12])

    def test_a_bulk_deletion_spares_what_lives(self):
        self.master = self.start_master(slots=16)
        running, _ = self.begin(count=6000)
        ended = {"name": "ended", "workers": 1, "operations": [{"_op": "id_range", "start": 0, "end": 1}, {"_op": "noop"}]}
        for _ in range(5):
            self.master.wait_for_status(self.master.submit(ended)["ex_id"], "completed")
        self.assertEqual(self.amp("DELETE", "/jobs", 400)["error_code"], "INVALID_QUERY_PARAM")
        self.assertIsNone(self.amp("DELETE", "/jobs?status=terminal", 204))
        self.assertEqual(self.numbers(), [running])
        self.assertIsNone(self.amp("DELETE", "/jobs?status=terminal", 204))
        self.wait_for(running, "COMPLETED")
        self.assert_output(records(6000))

    def test_no_start_outlives_the_deletion_of_its_job(self):
        """Starts and bulk deletions at one time: a job that is deleted has no living execution, one that lives is there."""
        self.master = self.start_master(slots=32)
        job = {"name": "raced", "workers": 1, "operations": [{"_op": "id_range", "start": 0, "end": 30, "size": 1}, {"_op": "delay", "ms": 5}, {"_op": "noop"}]}
        ids = [self.master.submit(job, start=False)["job_id"] for _ in range(40)]
        started, deletions = {}, []

        def start(some):
            for job_id in some:
                started[job_id] = self.master.request("POST", f"/v1/jobs/{job_id}/_start")

        threads = [threading.Thread(target=start, args=(ids[i::2],)) for i in range(2)]
        threads += [threading.Thread(target=lambda: [deletions.append(self.amp("DELETE", "/jobs?status=stopped", 204)) for _ in range(20)])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(deletions, [None] * 20)
        outcomes = set()
        for job_id in ids:
            document = self.master.get(f"/v1/jobs/{job_id}")
            status, answer = started[job_id]
            outcomes.add((status, document.get("_deleted", False)))
            if document.get("_deleted"):
                self.assertEqual(status, 410, answer)
            else:
                self.assertEqual(status, 200, answer)
                self.master.wait_for_status(answer["ex_id"], "completed")
        print("\nstarted, deleted:", outcomes)

    def test_the_same_job_after_kills(self):
        self.master = self.start_master(environment=SHORT_LEASE)
        number, submitted = self.begin()
        self.master.wait_for_processed(submitted["ex_id"], 5)
        self.master.kill_9("execution_controller", submitted["ex_id"])
        self.assertIn(self.status(number), ACTIVE)
        self.master.kill_9_itself()
        self.master = self.start_master(environment=SHORT_LEASE)
        self.assertIn(self.status(number), ACTIVE + ("COMPLETED",))
        self.wait_for(number, "COMPLETED")
        self.assertIn(self.master.status(submitted["ex_id"]), TERMINAL)
        self.assert_output(records(3000))


if __name__ == "__main__":
    unittest.main()
