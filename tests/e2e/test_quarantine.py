"""Poison and quarantine: bad records are kept apart with place, bytes and error, none is lost or doubled whatever dies, and they can be
run again; slices that kill workers are isolated and marked, the others go on."""

import base64
import json
import os
import signal
import unittest

from harness import BAD_INPUT, CANNOT_START, EndToEnd, FAILED, OK, record, wait_until

RECORDS = 1200
# Fails on a record with this text, without saying which; passes all others on as they are.
PICKY = "awk '/guilty/ { exit 3 } { print }'"


def is_bad(n):
    return n % 100 == 37


class QuarantineJobs(EndToEnd):
    def write_mixed_input(self, bad_line, records=RECORDS, name="mixed.ldjson"):
        """An input in which some lines are bad_line(n) instead of a record."""
        path = self.directory / name
        with path.open("w") as file:
            for n in range(records):
                file.write((bad_line(n) if is_bad(n) else json.dumps(record(n), separators=(",", ":"))) + "\n")
        self.input = path
        self.good = [record(n) for n in range(records) if not is_bad(n)]
        self.bad = [bad_line(n) for n in range(records) if is_bad(n)]
        return path

    def picky_job(self, path, action="quarantine", command=PICKY, **options):
        script = {"_op": "script", "command": "/bin/sh", "args": ["-c", command], "_dead_letter_action": action}
        options.setdefault("max_retries", 0)
        return self.job(path, processors=[script], **options)

    def quarantine(self, master, ex_id):
        """All quarantined records, read page by page."""
        found = []
        while True:
            page = master.get(f"/v1/ex/{ex_id}/quarantine?from={len(found)}&size=7")
            found += page
            if not page:
                return found

    def assert_split(self, master, ex_id, status="completed"):
        """Output and quarantine together are the input, record by record, and the counters say so."""
        document = master.wait_for_status(ex_id, status)
        self.assert_output(self.good)
        rows = self.quarantine(master, ex_id)
        self.assertEqual(sorted(row["bytes"] for row in rows), sorted(self.bad))
        for row in rows:
            self.assertTrue(row["slice"] and row["place"] and row["error"], row)
            self.assertEqual(row["encoding"], "utf-8")
        figures = document["_slicer_stats"]
        self.assertEqual((figures["failed"], figures["quarantined"], figures["records_out"]), (0, len(self.bad), len(self.good)))
        self.assertEqual(figures["records_in"], RECORDS)
        self.assertEqual(figures["processed"], self.slices_of(self.input))
        self.assert_verified(ex_id, master)
        return rows

    def change_job(self, master, job_id, job):
        master.ask("PUT", f"/v1/jobs/{job_id}", job)


class Quarantine(QuarantineJobs):
    # ---- who names the record ----

    def test_the_reader_names_it(self):
        path = self.write_mixed_input(lambda n: '{"id":%d,' % n)
        master = self.start_master()
        ex_id = master.submit(self.job(path, reader={"_dead_letter_action": "quarantine"}))["ex_id"]
        rows = self.assert_split(master, ex_id)
        text = path.read_bytes()
        for row in rows:
            place, _, byte = row["place"].rpartition(": byte ")
            self.assertEqual(place, str(path))
            self.assertTrue(text[int(byte):].startswith(row["bytes"].encode()), row)
            self.assertEqual(row["operation"], "operations[0] file_reader")

    def test_bytes_that_are_no_text(self):
        path = self.directory / "bytes.ldjson"
        path.write_bytes(b'{"id":1}\n"\xff\xfe"\n')
        master = self.start_master()
        ex_id = master.submit(self.job(path, reader={"_dead_letter_action": "quarantine"}))["ex_id"]
        master.wait_for_status(ex_id, "completed")
        row, = self.quarantine(master, ex_id)
        self.assertEqual((row["encoding"], base64.b64decode(row["bytes"])), ("base64", b'"\xff\xfe"'))

    def test_a_processor_names_it(self):
        path = self.write_mixed_input(lambda n: "[%d]" % n)
        processor = {"_op": "set_field", "field": "id", "value": 0, "_dead_letter_action": "quarantine"}
        master = self.start_master()
        ex_id = master.submit(self.job(path, processors=[processor]))["ex_id"]
        rows = self.assert_split(master, ex_id)
        self.assertEqual({row["operation"] for row in rows}, {"operations[1] set_field"})
        self.assertIn(str(path), rows[0]["place"])

    def test_nobody_names_it(self):
        """The script dies of a record; the slice is halved until it is found."""
        path = self.write_mixed_input(lambda n: '{"id":%d,"text":"guilty"}' % n)
        master = self.start_master()
        ex_id = master.submit(self.picky_job(path))["ex_id"]
        rows = self.assert_split(master, ex_id)
        self.assertEqual({row["operation"] for row in rows}, {"operations[1] script"})
        self.assertIn("exit code 3", rows[0]["error"])
        self.assertRegex(rows[0]["place"], r"^record \d+ of \S+, bytes \d+ to \d+$")

    def test_retries_come_first(self):
        path = self.write_mixed_input(lambda n: '{"id":%d,"text":"guilty"}' % n)
        master = self.start_master()
        ex_id = master.submit(self.picky_job(path, max_retries=1))["ex_id"]
        self.assert_split(master, ex_id)
        retries = master.execution(ex_id)["_slicer_stats"]["retries"]
        self.assertGreaterEqual(retries, 1, "a failure may be somebody's bad moment")

    def test_other_actions(self):
        for action, status in (("throw", "failed"), ("log", "completed"), ("none", "completed")):
            with self.subTest(action):
                self.output = self.directory / f"output-{action}"
                self.data = self.directory / f"data-{action}"
                path = self.write_mixed_input(lambda n: "[%d]" % n)
                processor = {"_op": "set_field", "field": "id", "value": 0, "_dead_letter_action": action}
                master = self.start_master()
                ex_id = master.submit(self.job(path, processors=[processor]))["ex_id"]
                figures = master.wait_for_status(ex_id, status)["_slicer_stats"]
                self.assertEqual((self.quarantine(master, ex_id), figures["quarantined"]), ([], 0))
                if status == "completed":
                    self.assert_output(self.good)

    def test_an_unknown_action_is_an_error_that_names_the_field(self):
        master = self.start_master()
        job = self.picky_job(self.write_input(records=1), action="kafka_dead_letter")
        status, answer = master.request("POST", "/v1/jobs", job)
        self.assertGreaterEqual(status, 400)
        self.assertIn("_dead_letter_action", answer["message"])

    # ---- limits ----

    def test_thresholds_stop_the_job(self):
        for option, value, word in (("quarantine_max_records", 3, "quarantine_max_records is 3"),
                                    ("quarantine_max_percent", 0.5, "quarantine_max_percent is 0.5")):
            with self.subTest(option):
                self.output = self.directory / f"output-{option}"
                self.data = self.directory / f"data-{option}"
                path = self.write_mixed_input(lambda n: "{%d" % n)
                master = self.start_master()
                job = self.job(path, reader={"_dead_letter_action": "quarantine"}, **{option: value})
                ex_id = master.submit(job)["ex_id"]
                self.assertIn(word, master.wait_for_status(ex_id, "failed")["_failureReason"])
                self.assertTrue(self.quarantine(master, ex_id), "what it had is kept")
                for wrong in (-1, "many"):
                    status, answer = master.request("POST", "/v1/jobs", {**job, option: wrong})
                    self.assertGreaterEqual(status, 400)
                    self.assertIn(option, answer["message"])

    def test_a_stopped_job_goes_on_by_recovery(self):
        path = self.write_mixed_input(lambda n: "{%d" % n)
        master = self.start_master()
        job = self.job(path, reader={"_dead_letter_action": "quarantine"}, quarantine_max_records=3, delay_ms=5)
        submitted = master.submit(job)
        master.wait_for_status(submitted["ex_id"], "failed")
        self.change_job(master, submitted["job_id"], {**job, "quarantine_max_records": 1000})
        recovered = master.post(f"/v1/jobs/{submitted['job_id']}/_recover")["ex_id"]
        master.wait_for_status(recovered, "completed")
        self.assert_output(self.good)
        self.assertEqual(sorted(row["bytes"] for row in self.quarantine(master, recovered)), sorted(self.bad))

    def test_a_record_that_is_too_long_is_never_cut(self):
        path = self.directory / "long.ldjson"
        path.write_text(json.dumps(record(0)) + "\n" + '{"text":"' + "x" * 50_000_000 + "\n")
        master = self.start_master()
        ex_id = master.submit(self.job(path, size=100_000_000, reader={"_dead_letter_action": "quarantine"}))["ex_id"]
        master.wait_for_status(ex_id, "failed")
        self.assertEqual(self.quarantine(master, ex_id), [])
        error, = master.get(f"/v1/ex/{ex_id}/errors")
        self.assertIn("too long to be quarantined", error["error"])

    def test_a_slice_that_fails_as_a_whole_is_an_error(self):
        path = self.write_input(records=200)
        master = self.start_master()
        ex_id = master.submit(self.picky_job(path, command="exit 3", size=1_000_000))["ex_id"]
        master.wait_for_status(ex_id, "failed")
        self.assertEqual(self.quarantine(master, ex_id), [])
        error, = master.get(f"/v1/ex/{ex_id}/errors")
        self.assertIn("it fails as a whole", error["error"])

    # ---- redriving ----

    def test_redrive_what_no_operation_named(self):
        path = self.write_mixed_input(lambda n: '{"id":%d,"text":"guilty"}' % n)
        master = self.start_master()
        submitted = master.submit(self.picky_job(path))
        first = submitted["ex_id"]
        self.assert_split(master, first)
        # Nothing is mended: they are quarantined again, as they were.
        before = {(row["bytes"], row["place"]) for row in self.quarantine(master, first)}
        again = master.post(f"/v1/ex/{first}/quarantine/_redrive")["ex_id"]
        document = master.wait_for_status(again, "completed")
        self.assertEqual(document["recovered_execution"], first)
        self.assertEqual({(row["bytes"], row["place"]) for row in self.quarantine(master, again)}, before)
        self.assert_output(self.good)
        # The job is mended.
        self.change_job(master, submitted["job_id"], self.picky_job(path, command="cat"))
        mended = master.post(f"/v1/jobs/{submitted['job_id']}/quarantine/_redrive")["ex_id"]
        document = master.wait_for_status(mended, "completed")
        self.assertEqual(document["_slicer_stats"]["records_out"], len(self.bad))
        self.assertEqual(self.quarantine(master, mended), [])
        self.assert_output(self.good + list(map(json.loads, self.bad)))
        self.assert_verified(mended, master)
        # There is nothing left, whichever generation is asked.
        for path_of in (f"/v1/ex/{first}", f"/v1/ex/{mended}", f"/v1/jobs/{submitted['job_id']}"):
            answer = master.post(f"{path_of}/quarantine/_redrive", expect=404)
            self.assertIn("no quarantined records", answer["message"])
        self.assert_output(self.good + list(map(json.loads, self.bad)))

    def test_redrive_what_a_processor_named(self):
        """It goes on where it was refused: what came before is not done again."""
        path = self.write_mixed_input(lambda n: "[%d]" % n)
        doubling = {"_op": "script", "command": "/bin/sh", "args": ["-c", "awk '{ print; print }'"]}
        strict = {"_op": "set_field", "field": "id", "value": 0, "_dead_letter_action": "quarantine"}
        master = self.start_master()
        submitted = master.submit(self.job(path, processors=[doubling, strict]))
        master.wait_for_status(submitted["ex_id"], "completed")
        self.assert_output(self.good * 2)
        self.assertEqual(len(self.quarantine(master, submitted["ex_id"])), 2 * len(self.bad))
        self.change_job(master, submitted["job_id"],
                        self.job(path, processors=[doubling, {"_op": "noop"}, {**strict, "_op": "set_field", "_dead_letter_action": "none"}]))
        dropped = master.post(f"/v1/ex/{submitted['ex_id']}/quarantine/_redrive")["ex_id"]
        figures = master.wait_for_status(dropped, "completed")["_slicer_stats"]
        self.assertEqual((figures["records_in"], figures["records_out"]), (2 * len(self.bad), 0))
        self.assert_output(self.good * 2)

    def test_redrive_what_the_reader_named(self):
        path = self.write_mixed_input(lambda n: "plain line %d" % n)
        master = self.start_master()
        submitted = master.submit(self.job(path, reader={"_dead_letter_action": "quarantine"}))
        self.assert_split(master, submitted["ex_id"])
        self.change_job(master, submitted["job_id"], self.job(path, reader={"format": "raw"}))
        mended = master.post(f"/v1/ex/{submitted['ex_id']}/quarantine/_redrive")["ex_id"]
        master.wait_for_status(mended, "completed")
        self.assert_output(self.good + [{"data": line} for line in self.bad])
        self.assertEqual(self.quarantine(master, mended), [])

    def test_redriven_records_whose_operation_is_gone_stay(self):
        path = self.write_mixed_input(lambda n: "[%d]" % n)
        strict = {"_op": "set_field", "field": "id", "value": 0, "_dead_letter_action": "quarantine"}
        master = self.start_master()
        with_it = self.job(path, processors=[{"_op": "noop"}, strict])
        submitted = master.submit(with_it)
        self.assert_split(master, submitted["ex_id"])
        self.change_job(master, submitted["job_id"], self.job(path, processors=[{"_op": "noop"}]))
        lost = master.post(f"/v1/ex/{submitted['ex_id']}/quarantine/_redrive")["ex_id"]
        master.wait_for_status(lost, "failed")
        error = master.get(f"/v1/ex/{lost}/errors")[0]["error"]
        self.assertIn("operations[2] set_field, which the job no longer has", error)
        # They are in its failed slices; the next redrive has them too.
        self.change_job(master, submitted["job_id"], with_it)
        back = master.post(f"/v1/ex/{lost}/quarantine/_redrive")["ex_id"]
        master.wait_for_status(back, "completed")
        self.assertEqual(sorted(row["bytes"] for row in self.quarantine(master, back)), sorted(self.bad))
        self.assert_output(self.good)

    def test_a_joined_file_takes_no_more(self):
        self.output = self.directory / "joined.ldjson"
        path = self.write_mixed_input(lambda n: "{%d" % n)
        master = self.start_master()
        job = self.job(path, reader={"_dead_letter_action": "quarantine"}, sender={"single_file": True})
        submitted = master.submit(job)
        self.assert_split(master, submitted["ex_id"])
        redriven = master.post(f"/v1/ex/{submitted['ex_id']}/quarantine/_redrive")["ex_id"]
        self.assertIn("single_file", master.wait_for_status(redriven, "failed")["_failureReason"])
        self.assert_output(self.good)
        self.assertEqual(len(self.quarantine(master, submitted["ex_id"])), len(self.bad))

    def test_refusals(self):
        master = self.start_master()
        for path in ("/v1/ex/none/quarantine", "/v1/jobs/none/quarantine"):
            master.ask("GET", path, expect=404)
            master.post(f"{path}/_redrive", expect=404)
        answer = master.ask("GET", "/v1/ex/none/quarantine?size=x", expect=400)
        self.assertIn("size parameter", answer["message"])
        ex_id = master.submit(self.job(self.write_input(records=400), delay_ms=300))["ex_id"]
        master.post(f"/v1/ex/{ex_id}/quarantine/_redrive", expect=409)
        master.post(f"/v1/ex/{ex_id}/_stop")
        master.post(f"/v1/ex/{ex_id}/quarantine/_redrive", expect=404)

    # ---- whatever dies ----

    def check_fault(self, point, n, bad_line=lambda n: '{"id":%d,"text":"guilty"}' % n, **options):
        log = self.directory / "fault.log"
        path = self.write_mixed_input(bad_line)
        master = self.start_master(environment={"SLICEMILL_FAULT": f"{point}:kill:{n}", "SLICEMILL_FAULT_LOG": str(log)})
        submitted = master.submit(self.picky_job(path, **options))
        self.assert_split(master, submitted["ex_id"])
        self.assertEqual(log.read_text().split()[0], point, "the fault must have happened")

    def test_killed_with_the_result(self):
        self.check_fault("controller/staged", 3)

    def test_killed_in_the_worker(self):
        self.check_fault("worker/staged", 3, max_retries=1)

    def test_killed_when_committed(self):
        self.check_fault("committed", 3)

    def test_killed_when_published(self):
        self.check_fault("published", 3)

    def test_killed_when_done(self):
        self.check_fault("done", 3)

    def test_killed_while_it_redrives(self):
        for point in ("redriven", "committed", "done"):
            with self.subTest(point):
                self.output, self.data = self.directory / f"output-{point}", self.directory / f"data-{point}"
                path = self.write_mixed_input(lambda n: '{"id":%d,"text":"guilty"}' % n)
                master = self.start_master()
                submitted = master.submit(self.picky_job(path))
                self.assert_split(master, submitted["ex_id"])
                master.terminate()
                log = self.directory / f"{point}.log"
                master = self.start_master(environment={"SLICEMILL_FAULT": f"{point}:kill:1", "SLICEMILL_FAULT_LOG": str(log)})
                self.change_job(master, submitted["job_id"], self.picky_job(path, command="cat"))
                redriven = master.post(f"/v1/ex/{submitted['ex_id']}/quarantine/_redrive")["ex_id"]
                master.wait_for_status(redriven, "completed")
                self.assertEqual(log.read_text().split()[0], point, "the fault must have happened")
                self.assertEqual(self.quarantine(master, redriven), [])
                self.assert_output(self.good + list(map(json.loads, self.bad)))
                self.assert_verified(redriven, master)

    def searching_job(self, path):
        """Its search for the guilty takes seconds: every run of the script waits."""
        return self.picky_job(path, command="sleep 0.15; " + PICKY, max_retries=1)

    def start_search(self, master):
        path = self.write_mixed_input(lambda n: '{"id":%d,"text":"guilty"}' % n)
        ex_id = master.submit(self.searching_job(path))["ex_id"]
        log_directory = self.data / "logs" / ex_id
        wait_until(lambda: any("looking for it" in file.read_text() for file in log_directory.glob("*.log")),
                   "a worker to look for a guilty record")
        return ex_id

    def test_a_worker_dies_while_it_searches(self):
        master = self.start_master()
        ex_id = self.start_search(master)
        for pid in master.pids("worker", ex_id):
            os.kill(pid, signal.SIGKILL)
        self.assert_split(master, ex_id)

    def test_the_controller_dies_while_a_worker_searches(self):
        master = self.start_master()
        ex_id = self.start_search(master)
        master.kill_9("execution_controller", ex_id)
        self.assert_split(master, ex_id)

    def test_the_master_dies_while_a_worker_searches(self):
        master = self.start_master()
        ex_id = self.start_search(master)
        master.kill_9_itself()
        self.assert_split(self.start_master(), ex_id)

    def test_it_is_stopped_while_a_worker_searches(self):
        master = self.start_master()
        ex_id = self.start_search(master)
        master.post(f"/v1/ex/{ex_id}/_stop?force=true")
        recovered = master.post(f"/v1/ex/{ex_id}/_recover")["ex_id"]
        master.wait_for_status(recovered, "completed")
        self.assert_output(self.good)
        self.assertEqual(sorted(row["bytes"] for row in self.quarantine(master, recovered)), sorted(self.bad))

    # ---- reading ----

    def test_a_live_execution_is_asked(self):
        path = self.write_mixed_input(lambda n: "{%d" % n)
        master = self.start_master()
        submitted = master.submit(self.job(path, reader={"_dead_letter_action": "quarantine"}, delay_ms=100))
        ex_id = submitted["ex_id"]
        wait_until(lambda: len(self.quarantine(master, ex_id)) >= 2, "two quarantined records of a live execution")
        self.assertIn(master.status(ex_id), ("running", "completed"))
        of_job = master.get(f"/v1/jobs/{submitted['job_id']}/quarantine?size=1")
        self.assertEqual(of_job, master.get(f"/v1/ex/{ex_id}/quarantine?size=1"))
        self.assert_split(master, ex_id)

    # ---- the command line ----

    def test_the_command_line(self):
        path = self.write_mixed_input(lambda n: "plain line %d" % n)
        master = self.start_master()
        job = self.job(path, reader={"_dead_letter_action": "quarantine"})
        submitted = master.submit(job)
        ex_id = submitted["ex_id"]
        self.assert_split(master, ex_id)
        listed = self.slicemill("quarantine", ex_id, "--master", master.url)
        self.assertEqual(listed.returncode, OK, listed.stderr)
        self.assertEqual([json.loads(line)["bytes"] for line in listed.stdout.splitlines()],
                         [row["bytes"] for row in self.quarantine(master, ex_id)])
        self.change_job(master, submitted["job_id"], self.job(path, reader={"format": "raw"}))
        redriven = self.slicemill("quarantine", ex_id, "--redrive", "--master", master.url)
        self.assertEqual(redriven.returncode, OK, redriven.stderr)
        new_ex = redriven.stdout.split()[1]
        master.wait_for_status(new_ex, "completed")
        self.assert_output(self.good + [{"data": line} for line in self.bad])
        self.assert_one_line(self.slicemill("quarantine", ex_id, "--redrive", "--master", master.url), BAD_INPUT,
                             "no quarantined records")
        self.assert_one_line(self.slicemill("quarantine", "none", "--master", master.url), BAD_INPUT, "none")
        self.assert_one_line(self.slicemill("quarantine"), BAD_INPUT, "EX is missing")
        self.assertIn("--redrive", self.slicemill("quarantine", "--help").stdout)

    def test_the_command_line_without_a_master(self):
        path = self.write_mixed_input(lambda n: "plain line %d" % n)
        job = self.directory / "job.json"
        job.write_text(json.dumps(self.job(path, reader={"_dead_letter_action": "quarantine"})))
        run = self.slicemill("run", job, "--data", self.data)
        self.assertEqual(run.returncode, OK, run.stderr)
        self.assertIn("quarantined", run.stdout)
        ex_id, = [entry.name for entry in (self.data / "ledgers").iterdir()]
        listed = self.slicemill("quarantine", ex_id, "--data", self.data)
        self.assertEqual(sorted(json.loads(line)["bytes"] for line in listed.stdout.splitlines()), sorted(self.bad))
        mended = self.directory / "mended.json"
        mended.write_text(json.dumps(self.job(path, reader={"format": "raw"})))
        redriven = self.slicemill("quarantine", ex_id, "--redrive", "--job", mended, "--data", self.data)
        self.assertEqual(redriven.returncode, OK, redriven.stderr)
        self.assert_output(self.good + [{"data": line} for line in self.bad])
        # The first execution's ledger still has them; the one that redrove them has not.
        again = self.slicemill("quarantine", ex_id, "--redrive", "--job", mended, "--data", self.data)
        self.assert_one_line(again, BAD_INPUT, "no quarantined records")
        self.assert_output(self.good + [{"data": line} for line in self.bad])


    def test_a_run_resumed_after_a_redrive_goes_on_from_it(self):
        path = self.write_mixed_input(lambda n: "plain line %d" % n)
        flag = self.directory / "mended"
        command = f'''awk '/"id":123,/ {{ if (system("test -e {flag}")) exit 1 }} {{ print }}' '''
        job = self.directory / "job.json"
        script = {"_op": "script", "command": "/bin/sh", "args": ["-c", command]}
        job.write_text(json.dumps(self.job(path, processors=[script], max_retries=0, reader={"_dead_letter_action": "quarantine"})))
        self.assertEqual(self.slicemill("run", job, "--data", self.data).returncode, FAILED)
        ex_id, = [entry.name for entry in (self.data / "ledgers").iterdir()]
        mended = self.directory / "mended.json"
        mended.write_text(json.dumps(self.job(path, reader={"format": "raw"})))
        redriven = self.slicemill("quarantine", ex_id, "--redrive", "--job", mended, "--data", self.data)
        self.assertEqual(redriven.returncode, OK, redriven.stderr)
        flag.touch()
        resumed = self.slicemill("run", "--resume", ex_id, "--data", self.data)
        self.assertEqual(resumed.returncode, OK, resumed.stderr)
        whole = self.good + [{"data": line} for line in self.bad]
        self.assert_output(whole)
        # Whichever execution is asked for: nothing is left to redrive or to resume.
        self.assert_one_line(self.slicemill("quarantine", ex_id, "--redrive", "--job", mended, "--data", self.data), BAD_INPUT,
                             "no quarantined records")
        self.assert_one_line(self.slicemill("run", "--resume", ex_id, "--data", self.data), CANNOT_START, "nothing to resume")
        self.assert_output(whole)


class Mending(QuarantineJobs):
    """Records that were redriven say where they went; chosen ones run again as they were mended, the others stay."""

    def quarantined(self, master):
        path = self.write_mixed_input(lambda n: '{"id":%d,' % n)
        submitted = master.submit(self.job(path, reader={"_dead_letter_action": "quarantine"}))
        self.rows = self.assert_split(master, submitted["ex_id"])
        return submitted["ex_id"]

    def mended(self, rows):
        return [{"id": row["id"], "bytes": row["bytes"][:-1] + ',"mended":true}'} for row in rows]

    def marks(self, rows):
        return {row["id"]: row.get("redriven_to") for row in rows}

    def assert_marks(self, read, gone, redrive):
        wait_until(lambda: self.marks(read()) == {row["id"]: redrive if row in gone else None for row in self.rows},
                   lambda: f"{len(gone)} records to be marked with {redrive}: {self.marks(read())}")

    def records_of(self, rows):
        return [{"id": json.loads(row["bytes"][:-1] + "}")["id"], "mended": True} for row in rows]

    def test_a_body_with_mended_records(self):
        master = self.start_master()
        ex_id = self.quarantined(master)
        some, others = self.rows[:3], self.rows[3:]
        first = master.post(f"/v1/ex/{ex_id}/quarantine/_redrive", {"records": self.mended(some)})["ex_id"]
        figures = master.wait_for_status(first, "completed")["_slicer_stats"]
        self.assertEqual((figures["records_in"], figures["quarantined"]), (3, 0))
        self.assert_output(self.good + self.records_of(some))
        self.assert_marks(lambda: self.quarantine(master, ex_id), some, first)
        self.assertEqual([row["id"] for row in self.quarantine(master, first)], [row["id"] for row in others])
        # They are gone from there, whoever is asked; the answer says which.
        answer = master.post(f"/v1/ex/{ex_id}/quarantine/_redrive", {"records": self.mended(some[:1] + others[:1])}, expect=404)
        self.assertIn(some[0]["id"], answer["message"])
        # All that are left, as they are: they are quarantined again, in slices of the second redrive.
        second = master.post(f"/v1/ex/{ex_id}/quarantine/_redrive")["ex_id"]
        master.wait_for_status(second, "completed")
        wait_until(lambda: set(self.marks(self.quarantine(master, ex_id)).values()) == {first, second},
                   lambda: f"all to be marked: {self.marks(self.quarantine(master, ex_id))}")
        again = self.quarantine(master, second)
        self.assertEqual({row["bytes"] for row in again}, {row["bytes"] for row in others})
        self.assertEqual(set(self.marks(again).values()), {None})
        self.assert_verified(second, master)

    def test_bodies_that_are_refused(self):
        master = self.start_master()
        ex_id = self.quarantined(master)
        for body, words in (({"records": []}, "must be a list"), ({"records": [{"id": "x"}]}, "records[0].bytes"),
                            ({"records": self.mended(self.rows[:1]) * 2}, "is there twice")):
            answer = master.post(f"/v1/ex/{ex_id}/quarantine/_redrive", body, expect=400)
            self.assertIn(words, answer["message"])
        self.assertEqual(set(self.marks(self.quarantine(master, ex_id)).values()), {None})

    def test_killed_while_chosen_ones_are_redriven(self):
        for point in ("redriven", "committed"):
            with self.subTest(point):
                self.output, self.data = self.directory / f"output-{point}", self.directory / f"data-{point}"
                log = self.directory / f"{point}.log"
                master = self.start_master()
                ex_id = self.quarantined(master)
                master.terminate()
                master = self.start_master(environment={"SLICEMILL_FAULT": f"{point}:kill:1", "SLICEMILL_FAULT_LOG": str(log)})
                redriven = master.post(f"/v1/ex/{ex_id}/quarantine/_redrive", {"records": self.mended(self.rows[:3])})["ex_id"]
                master.wait_for_status(redriven, "completed")
                self.assertEqual(log.read_text().split()[0], point, "the fault must have happened")
                self.assert_output(self.good + self.records_of(self.rows[:3]))
                self.assertEqual(len(self.quarantine(master, redriven)), len(self.rows) - 3)

    def editor(self, command):
        """An editor that is a command over the file."""
        return {"VISUAL": "", "EDITOR": f"sh -c '{command}' sh"}

    def edit(self, ex_id, command, *where):
        return self.slicemill("quarantine", ex_id, "--edit", *where, environment=self.editor(command))

    def test_an_editor(self):
        master = self.start_master()
        ex_id = self.quarantined(master)
        where = ("--master", master.url)
        unchanged = self.edit(ex_id, "true", *where)
        self.assert_one_line(unchanged, BAD_INPUT, "nothing was changed")
        self.assert_one_line(self.edit(ex_id, "false", *where), BAD_INPUT, "failed; nothing is redriven")
        # The first two are mended, the rest is taken out.
        mended = self.edit(ex_id, r'sed -i "s/,\$/,\"mended\":true}/; 7,\$ d" "$1"', *where)
        self.assertEqual(mended.returncode, OK, mended.stderr)
        self.assertIn("redrives 2 quarantined records", mended.stdout)
        redriven = mended.stdout.split()[1]
        master.wait_for_status(redriven, "completed")
        self.assert_output(self.good + self.records_of(self.rows[:2]))
        self.assertEqual(len(self.quarantine(master, redriven)), len(self.rows) - 2)

    def test_without_a_master(self):
        path = self.write_mixed_input(lambda n: '{"id":%d,' % n)
        job = self.directory / "job.json"
        job.write_text(json.dumps(self.job(path, reader={"_dead_letter_action": "quarantine"})))
        self.assertEqual(self.slicemill("run", job, "--data", self.data).returncode, OK)
        ex_id, = [entry.name for entry in (self.data / "ledgers").iterdir()]

        def listed(of=ex_id):
            return [json.loads(line) for line in self.slicemill("quarantine", of, "--data", self.data).stdout.splitlines()]

        self.rows = listed()
        self.assertEqual(len(self.rows), len(self.bad))
        file = self.directory / "mended.jsonl"
        file.write_text("".join(json.dumps({**row, **mended}) + "\n" for row, mended in zip(self.rows[:2], self.mended(self.rows[:2]))))
        redriven = self.slicemill("quarantine", ex_id, "--with", file, "--data", self.data)
        self.assertEqual(redriven.returncode, OK, redriven.stderr)
        self.assert_output(self.good + self.records_of(self.rows[:2]))
        second, = {entry.name for entry in (self.data / "ledgers").iterdir()} - {ex_id}
        self.assert_marks(listed, self.rows[:2], second)
        self.assert_verified(second)
        again = self.slicemill("quarantine", ex_id, "--with", file, "--data", self.data)
        self.assert_one_line(again, BAD_INPUT, "not quarantined")
        self.assertTrue(any(row["id"] in again.stderr for row in self.rows[:2]), again.stderr)
        self.assert_one_line(self.slicemill("quarantine", ex_id, "--with", file, "--edit"), BAD_INPUT, "not both")


class Poison(EndToEnd):
    def test_slices_that_kill_workers_are_isolated_and_marked(self):
        path = self.write_input(records=1000)
        script = "input=$(cat; echo x); case \"$input\" in *'\"id\":123,'*) kill -9 $PPID;; esac; printf '%s' \"${input%x}\""
        killer = {"_op": "script", "command": "/bin/sh", "args": ["-c", script]}
        master = self.start_master()
        ex_id = master.submit(self.job(path, processors=[killer], max_retries=1))["ex_id"]
        document = master.wait_for_status(ex_id, "failed")
        figures = document["_slicer_stats"]
        self.assertEqual((figures["failed"], figures["processed"]), (1, self.slices_of(path)))
        row, = master.get(f"/v1/ex/{ex_id}/errors")
        self.assertEqual((row["state"], row["worker_deaths"]), ("error", 2))
        self.assertIn("signal 9", row["error"])
        ids = {r["id"] for r in self.read_output()}
        self.assertNotIn(123, ids)
        request = json.loads(row["request"])
        lost = [json.loads(line)["id"] for line in self.lines_of(path, request)]
        self.assertEqual(ids, set(range(1000)) - set(lost))

    @staticmethod
    def lines_of(path, request):
        """The lines that begin in the request's byte range."""
        text, at = path.read_bytes(), 0
        for line in text.splitlines(keepends=True):
            if request["offset"] <= at < request["offset"] + request["length"]:
                yield line
            at += len(line)


if __name__ == "__main__":
    unittest.main()
