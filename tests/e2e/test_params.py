"""Parameters and relative dates: resolved once, the same everywhere, stored with the execution; unset is an error with its place."""

import datetime
import json
import unittest

from harness import BAD_INPUT, OK, EndToEnd, record, records


class Params(EndToEnd):
    def parametrised_job(self, **top):
        for n in (1, 2):
            self.write_input(f"in/day-{n}.ldjson", 100, n * 100)
        self.inputs = self.directory / "in"
        job = self.job(self.inputs / "day-${DAY}.ldjson", **top)
        job["operations"].insert(1, {"_op": "filter", "field": "id", "min": "${MIN:-0}"})
        return job

    def write_job(self, job):
        path = self.directory / "job.json"
        path.write_text(json.dumps(job))
        return path

    def test_run(self):
        job = self.write_job(self.parametrised_job())
        result = self.slicemill("run", job, "--set", "DAY=1", "--set", "MIN=150", "--data", self.data)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assert_output(records(50, 150))
        self.assert_one_line(self.slicemill("run", job, "--data", self.data), BAD_INPUT, "operations[0].path: ${DAY} has no value",
                             "$${DAY}")
        self.assert_one_line(self.slicemill("run", job, "--set", "DAY=1", "--set", "DAI=2"), BAD_INPUT, "the job has no ${DAI}",
                             "did you mean DAY?")
        self.assert_one_line(self.slicemill("run", job, "--set", "DAY"), BAD_INPUT, "--set DAY: expected NAME=VALUE")

    def test_validate(self):
        job = self.write_job(self.parametrised_job())
        result = self.slicemill("validate", job, "--set", "DAY=1")
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertIn("valid: ", result.stdout)
        self.assert_one_line(self.slicemill("validate", job), BAD_INPUT, "operations[0].path: ${DAY} has no value")

    def test_a_job_that_is_submitted_once_and_started_with_another_value_each_time(self):
        master = self.start_master()
        job = self.parametrised_job(params={"DAY": None, "MIN": 0})
        submitted = master.submit(job, start=False)
        self.assertIn("is checked when the job is started", json.dumps(submitted["warnings"]))
        start = f"/v1/jobs/{submitted['job_id']}/_start"
        self.assertIn("${DAY} has no value", master.request("POST", start)[1]["message"])
        for day, first in (("1", 100), ("2", 200)):
            ex_id = master.post(start, {"params": {"DAY": day}})["ex_id"]
            document = master.wait_for_status(ex_id, "completed")
            self.assertEqual(document["params"], {"DAY": day, "MIN": 0})
            self.assertEqual(document["params_given"], {"DAY": day})
            self.assertEqual(document["_slicer_stats"]["records_out"], 100)
        self.assert_output(records(200, 100))
        status, answer = master.request("POST", start, {"params": {"DAY": "1", "DAI": "2"}})
        self.assertGreaterEqual(status, 400)
        self.assertIn("the job has no ${DAI}", answer["message"])

    def test_values_in_what_is_submitted(self):
        master = self.start_master()
        ex_id = master.submit(self.parametrised_job(params={"DAY": 2, "MIN": 290}))["ex_id"]
        self.assertEqual(master.wait_for_status(ex_id, "completed")["params"], {"DAY": 2, "MIN": 290})
        self.assert_output(records(10, 290))
        status, answer = master.request("POST", "/v1/jobs", self.parametrised_job())
        self.assertGreaterEqual(status, 400)
        self.assertIn("${DAY} has no value", answer["message"])

    def test_the_command_line_submits(self):
        master = self.start_master()
        job = self.parametrised_job()
        job["operations"].insert(2, {"_op": "script", "command": "/bin/sh", "args": ["-c", "x=cat; ${x}"]})
        path = self.write_job(job)
        self.assert_one_line(self.slicemill("submit", path, "--master", master.url), BAD_INPUT, "job.json", "operations[0].path: ${DAY}")
        self.assert_one_line(self.slicemill("submit", path, "--set", "DAY=1", "--master", master.url), BAD_INPUT, "operations[2].args[1]")
        job["operations"][2]["args"] = ["-c", "x=cat; $${x}"]
        self.write_job(job)
        result = self.slicemill("submit", path, "--set", "DAY=1", "--wait", "--master", master.url)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assert_output(records(100, 100))
        ex_id = result.stdout.splitlines()[0]
        result = self.slicemill("restart", ex_id, "--set", "DAY=2", "--wait", "--master", master.url)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assert_output(records(200, 100))

    def test_a_program_keeps_its_own_variables(self):
        """In a job that declares no parameters, whoever runs it."""
        path = self.write_input(records=10)
        job = self.job(path, processors=[{"_op": "script", "command": "/bin/sh", "args": ["-c", "sed \"s/record/${WORD:-wort}/\""]}])
        expected = [{**record(n), "text": record(n)["text"].replace("record", "wort")} for n in range(10)]
        result = self.slicemill("run", self.write_job(job), "--data", self.data)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertIn("${WORD} stays as it is", result.stderr)
        master = self.start_master()
        master.wait_for_status(master.submit(job)["ex_id"], "completed")
        result = self.slicemill("submit", "job.json", "--wait", "--master", master.url)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assert_output(expected * 3)

    def test_a_resumed_run_has_the_values_of_its_first_part(self):
        job = self.parametrised_job(max_retries=0)
        hidden = self.directory / "hidden"
        (self.inputs / "day-1.ldjson").rename(hidden)
        job["operations"][0]["path"] = str(self.directory / "link-${DAY}")
        (self.directory / "link-1").symlink_to(self.inputs / "day-1.ldjson")
        path = self.write_job(job)
        first = self.slicemill("run", path, "--set", "DAY=1", "--set", "MIN=150", "--data", self.data)
        self.assertNotEqual(first.returncode, OK)
        hidden.rename(self.inputs / "day-1.ldjson")
        ex_id, = (p.name for p in (self.data / "ledgers").iterdir())
        self.assert_one_line(self.slicemill("run", "--resume", ex_id, "--set", "DAY=2", "--data", self.data), BAD_INPUT, "keeps its values")
        result = self.slicemill("run", "--resume", ex_id, "--data", self.data)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assert_output(records(50, 150))


class Dates(EndToEnd):
    def job_of_the_last_day(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        self.times = [(now - datetime.timedelta(hours=hours)).isoformat() for hours in (0, 12, 23, 25, 48, 100)]
        path = self.directory / "input.ldjson"
        path.write_text("".join(json.dumps({"id": n, "time": time}) + "\n" for n, time in enumerate(self.times)))
        return self.job(path, processors=[{"_op": "filter", "field": "time", "min": "now-1d"}], max_retries=0)

    def ids(self):
        return sorted(r["id"] for r in self.read_output())

    def test_run(self):
        path = self.directory / "job.json"
        path.write_text(json.dumps(self.job_of_the_last_day()))
        result = self.slicemill("run", path, "--data", self.data)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertEqual(self.ids(), [0, 1, 2])

    def test_a_recovery_counts_from_the_same_moment(self):
        master = self.start_master()
        job = self.job_of_the_last_day()
        source = self.directory / "input.ldjson"
        job["operations"][0]["path"] = str(self.directory / "link")
        submitted = master.submit({**job, "operations": job["operations"]})
        document = master.wait_for_status(submitted["ex_id"], "failed")
        moment = document["now"]
        (self.directory / "link").symlink_to(source)
        for path in (f"/v1/jobs/{submitted['job_id']}", f"/v1/ex/{submitted['ex_id']}"):
            document = master.wait_for_status(master.post(f"{path}/_recover")["ex_id"], "completed", "failed")
            self.assertEqual(document["now"], moment)
            self.assertEqual(document["operations"][1]["min"][-5:], moment[-5:], "to the millisecond")
        again = master.wait_for_status(master.post(f"/v1/jobs/{submitted['job_id']}/_start")["ex_id"], "completed")
        self.assertNotEqual(again["now"], moment)

    def test_what_is_none_is_an_error(self):
        path = self.directory / "job.json"
        job = self.job_of_the_last_day()
        job["operations"][1]["min"] = "now-1x"
        path.write_text(json.dumps(job))
        self.assert_one_line(self.slicemill("validate", path), BAD_INPUT, "operations[1].min", "now-1x", "now-1d")


if __name__ == "__main__":
    unittest.main()
