"""Fields of records in output paths: one directory for each value, every record in its own, whatever dies, and nothing beside them."""

import json
import pathlib
import unittest

from harness import BAD_INPUT, FAILED, OK, EndToEnd, record, records, wait_until

STAGING = ".slicemill"


class OutputFields(EndToEnd):
    def partitioned(self, path, place="{group}", **options):
        sender = {"path": f"{self.output}/{place}", **options.pop("sender", {})}
        return self.job(path, sender=sender, **options)

    def run_job(self, job, code=OK):
        path = self.directory / "job.json"
        path.write_text(json.dumps(job))
        result = self.slicemill("run", path, "--data", self.data)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result

    def files(self, root=None):
        root = pathlib.Path(root or self.output)
        return [path for path in sorted(root.rglob("*")) if path.is_file() and STAGING not in str(path.relative_to(root))]

    def read_output(self, path=None):
        return [json.loads(line) for file in self.files(path) for line in file.read_text().splitlines()]

    def assert_each_in_its_directory(self, field="group"):
        for file in self.files():
            self.assertEqual({str(json.loads(line)[field]) for line in file.read_text().splitlines()}, {file.parent.name}, file)

    def ex_id(self):
        return json.loads(self.slicemill("list", "--data", self.data, "-o", "json").stdout)[0]["ex_id"]

    def verify(self, *words, code=OK):
        result = self.slicemill("verify", "last", "--data", self.data)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        for word in words:
            self.assertIn(word, result.stdout)

    def test_a_run(self):
        self.run_job(self.partitioned(self.write_input(records=500)))
        self.assert_output(records(500))
        self.assert_each_in_its_directory()
        self.assertEqual(sorted(path.name for path in self.output.iterdir() if path.name != STAGING), list("0123456"))
        self.assertFalse((self.output / STAGING).exists())
        count = len(self.files())
        self.verify(f"{count} of {count} outputs match", "(500 records", "0 missing, 0 altered, 0 extra")
        # What is wrong is named with its directory.
        lost, changed, *_ = self.files()
        text = lost.read_text()
        copy = self.output / "other" / lost.name
        copy.parent.mkdir()
        lost.rename(copy)
        changed.write_text("no")
        self.verify(f"{lost.parent.name}/{lost.name}", f"{changed.parent.name}/{changed.name}", f"other/{lost.name}",
                    "1 missing, 1 altered, 1 extra", code=FAILED)
        self.assertEqual(copy.read_text(), text)

    def test_a_field_that_a_placeholder_hides_is_told(self):
        told = "path: {name} is the name of the job, and the records have a field `name` too, which is written {field:name}"
        path = self.directory / "in.ldjson"
        path.write_text('{"id": 1, "name": "a"}\n')
        hidden = self.partitioned(path, "{name}/{id}")
        result = self.run_job(hidden)
        self.assertEqual(result.stderr.count(f"warning: operations[1] file_exporter: {told}"), 1, result.stderr)
        self.assertEqual(self.files()[0].parent.relative_to(self.output).parts, (hidden["name"], "1"))
        for place, text in (("{field:name}", path.read_text()), ("{name}", '{"id": 1, "name2": "a"}\n')):
            path.write_text(text)
            self.assertNotIn("warning", self.run_job(self.partitioned(path, place)).stderr)
        # Where options say which fields there are, before it runs.
        hidden["operations"].insert(1, {"_op": "selection", "fields": ["id", "name"]})
        job = self.directory / "job.json"
        job.write_text(json.dumps(hidden))
        self.assertIn(told, self.slicemill("validate", job).stdout)
        hidden["operations"][1]["fields"] = ["id"]
        job.write_text(json.dumps(hidden))
        self.assertNotIn("warning", self.slicemill("validate", job).stdout)

    def test_killed_workers_and_controllers(self):
        master = self.start_master()
        path = self.write_input(records=2000)
        ex_id = master.submit(self.partitioned(path, delay_ms=20))["ex_id"]
        for victim, processed in (("worker", 5), ("execution_controller", 15), ("worker", 25)):
            master.wait_for_processed(ex_id, processed)
            master.kill_9(victim, ex_id)
        master.wait_for_status(ex_id, "completed")
        self.assert_output(records(2000))
        self.assert_each_in_its_directory()
        self.assert_verified(ex_id, master)
        self.assertFalse((self.output / STAGING).exists())

    def test_killed_at_each_step_of_publishing(self):
        for point in ("staged", "committed", "publishing", "published"):
            with self.subTest(point=point):
                self.output, self.data = self.directory / f"out-{point}", self.directory / f"data-{point}"
                process = "worker" if point == "staged" else "controller"
                master = self.start_master(environment={"SLICEMILL_FAULT": f"{process}/{point}:kill:3"})
                ex_id = master.submit(self.partitioned(self.write_input(records=400)))["ex_id"]
                master.wait_for_status(ex_id, "completed")
                self.assert_output(records(400))
                self.assert_each_in_its_directory()
                self.assert_verified(ex_id, master)
                master.terminate()

    def test_a_stopped_execution_is_recovered(self):
        master = self.start_master()
        submitted = master.submit(self.partitioned(self.write_input(records=1500), delay_ms=20))
        master.wait_for_processed(submitted["ex_id"], 5)
        master.post(f"/v1/ex/{submitted['ex_id']}/_stop")
        recovered = master.post(f"/v1/ex/{submitted['ex_id']}/_recover")["ex_id"]
        master.wait_for_status(recovered, "completed")
        self.assert_output(records(1500))
        self.assert_verified(recovered, master)
        self.assert_verified(submitted["ex_id"], master)

    def test_paths_of_several_parts(self):
        path = self.directory / "in.ldjson"
        rows = [{"at": "2026-11-30T23:30:00-02:00", "http": {"status": 404}, "of": {"country": "de"}},
                {"at": "2026-01-02", "http": {"status": 200}, "of": {"country": None}},
                {"at": "2026-01-02T10:00:00Z", "http": {"status": 200}, "of": {}}]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        self.run_job(self.partitioned(path, "{at:%Y/%m}/status {http.status}/{of.country:-none}/data", name="several"))
        self.assertEqual([str(file.parent.relative_to(self.output)) for file in self.files()],
                         ["2026/01/status 200/none/data", "2026/12/status 404/de/data"])
        self.verify("2 of 2 outputs match")

    def test_values_lead_nowhere_else(self):
        path = self.directory / "in.ldjson"
        values = ["..", ".", ".hidden", "a/b", "", "100%", "a\u0000b", "zeile\n", "ä", "%2E.", "x" * 80]
        path.write_text("".join(json.dumps({"v": value}) + "\n" for value in values))
        self.run_job(self.partitioned(path, "{v}"))
        self.assertEqual(sorted(path.name for path in self.output.iterdir()),
                         sorted(["%2E.", "%2E", "%2Ehidden", "a%2Fb", "%00", "100%25", "a%00b", "zeile%0A", "ä", "%252E.", "x" * 80]))
        self.assert_output([{"v": value} for value in values])
        self.assertEqual({path.name for path in self.directory.iterdir()}, {"in.ldjson", "job.json", "data", "output"})

    def test_records_without_a_value(self):
        path = self.directory / "in.ldjson"
        path.write_text('{"v": 1}\n{"w": 2}\n{"v": null}\n{"v": [1]}\n{"v": {"x": 1}}\n{"v": "' + "x" * 300 + '"}\n{"v": true}\n')
        job = self.partitioned(path, "{v}", max_retries=0)
        result = self.run_job(job, FAILED)
        self.assertIn("the field `v`, which the output's path names, is not in the record", result.stderr)
        job["operations"][-1]["_dead_letter_action"] = "quarantine"
        self.run_job(job)
        self.assert_output([{"v": 1}, {"v": True}])
        reasons = [json.loads(line)["error"] for line in self.slicemill("quarantine", "last", "--data", self.data).stdout.splitlines()]
        for number, words in enumerate(("is not in the record", "is null", "is an array", "is an object", "longer than 255 bytes")):
            self.assertIn(words, reasons[number])
        # The records go on where they were refused.
        job["operations"][-1]["path"] = f"{self.output}/{{v:-none}}"
        mended = self.directory / "mended.json"
        mended.write_text(json.dumps(job))
        result = self.slicemill("quarantine", "last", "--redrive", "--job", mended, "--data", self.data)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assert_output([{"v": 1}, {"v": True}, {"w": 2}, {"v": None}])
        self.verify("0 missing, 0 altered, 0 extra")

    def test_a_misspelt_field_is_found_as_early_as_it_can_be(self):
        table = self.directory / "in.csv"
        table.write_text("id,name\n1,Ada\n")
        lines = self.write_input(records=10)
        columns, header = {"format": "csv", "fields": ["id", "name"]}, {"format": "csv"}
        job_file = self.directory / "job.json"
        for path, more, there in ((table, {"reader": columns}, "`{id}`, `{field:name}`"), (table, {"reader": header}, "`{id}`, `{field:name}`"),
                                  (lines, {"processors": [{"_op": "selection", "fields": ["name", "id"]}]}, "`{field:name}`, `{id}`")):
            job = self.partitioned(path, "{nam}", **more)
            job_file.write_text(json.dumps(job))
            for command in ("validate", "run"):
                self.assert_one_line(self.slicemill(command, job_file), BAD_INPUT, "operations[", "path: {nam}: ", f"there are {there} ",
                                     "did you mean `{field:name}`?")
            job["operations"][-1]["path"] = f"{self.output}/{{field:name:-none}}"
            job_file.write_text(json.dumps(job))
            result = self.slicemill("validate", job_file)
            self.assertEqual(result.returncode, OK, result.stderr)
        self.assertFalse(self.output.exists())
        # Columns of several files are not known before they are read; the first record tells.
        result = self.run_job(self.partitioned(self.directory / "*.csv", "{nam}", reader=header, max_retries=0), FAILED)
        self.assertIn("the field `nam`, which the output's path names, is not in the record, whose fields are `{id}`, `{field:name}` "
                      "(did you mean `{field:name}`?); `{nam:-none}` gives a default", result.stderr)
        self.assertIn("--job FILE, if the job is what was mended", result.stderr)

    def test_too_many_values_in_a_slice(self):
        path = self.write_input(records=300)
        result = self.run_job(self.partitioned(path, "{id}", size="10MB", max_retries=0), FAILED)
        self.assertIn("more than 256 directories", result.stderr)
        self.assertIn("`id`", result.stderr)
        self.assertIn("make slices smaller", result.stderr)
        self.run_job(self.partitioned(path, "{id}"))
        self.assert_output(records(300))

    def test_tables_and_compression(self):
        path = self.write_input(records=100)
        self.run_job(self.partitioned(path, sender={"format": "csv", "include_header": True, "compression": "gzip"}))
        again = self.job(f"{self.output}/*/*.csv.gz", reader={"format": "csv", "types": {"id": "integer", "group": "integer"}},
                         sender={"path": str(self.directory / "back")})
        self.run_job(again)
        self.assert_output(records(100), self.directory / "back")

    def test_replace(self):
        job = self.partitioned(self.write_input(records=200), sender={"if_exists": "replace"})
        self.run_job(job)
        self.assertEqual(len([path for path in self.output.iterdir() if path.is_dir()]), 7)
        only = self.partitioned(self.write_input("one.ldjson", records=1, first=3), sender={"if_exists": "replace"})
        self.run_job(only)
        self.assert_output([record(3)])
        self.assertEqual([path.name for path in self.output.iterdir() if path.is_dir()], ["3"])
        self.verify("1 of 1 outputs match")
        (self.output / "3" / "mine.txt").write_text("mine")
        result = self.run_job(job, FAILED)
        self.assertIn("3/mine.txt in it is no output of this program", result.stderr)
        self.assertIn("run the job anew", result.stderr)
        (self.output / "3" / "mine.txt").unlink()
        (self.output / "empty").mkdir()
        self.assertIn("empty in it is no output", self.run_job(job, FAILED).stderr)

    def test_refused(self):
        path = self.write_input(records=10)
        job_file = self.directory / "job.json"
        for place, more, words in (
                ("{group}.csv", {"single_file": True}, "with single_file it cannot name fields of records"),
                ("{group:%q}", {}, "is no format of a date"), ("{a..b}", {}, "{field:a..b}"),
                ("{name:x}", {}, "only a date has a format"), ("{group}", {"subdirectory": "{field:id}"}, "name the fields in `path`")):
            job_file.write_text(json.dumps(self.partitioned(path, place, sender=more)))
            self.assert_one_line(self.slicemill("validate", job_file), BAD_INPUT, words, "operations[1]")
        # What it writes would be its own input.
        for pattern in (f"{self.output}/*/*.ldjson", f"{self.output}/**", f"{self.output}/**/*.ldjson"):
            job_file.write_text(json.dumps(self.partitioned(pattern)))
            self.assert_one_line(self.slicemill("validate", job_file), BAD_INPUT, "would be read again")
        for pattern in (f"{self.output}/*.ldjson", f"{self.output}/*/*.csv"):
            job_file.write_text(json.dumps(self.partitioned(pattern)))
            self.assertEqual(self.slicemill("validate", job_file).returncode, OK)

    def test_a_field_named_like_a_placeholder_and_literal_braces(self):
        path = self.directory / "in.ldjson"
        path.write_text('{"name": "n", "@time": "t", "date": "d"}\n')
        self.run_job(self.partitioned(path, "{{x}}/{field:name}-{@time}-{field:date}"))
        self.assertEqual([str(file.parent.relative_to(self.output)) for file in self.files()], ["{x}/n-t-d"])


if __name__ == "__main__":
    unittest.main()
