"""`slicemill run` and the other verbs that need no server."""

import json
import os
import signal
import subprocess
import unittest

from harness import BAD_INPUT, FAILED, INTERRUPTED, OK, SLICEMILL, EndToEnd, records, wait_until


class Run(EndToEnd):
    def write_job(self, job, name="job.json"):
        path = self.directory / name
        path.write_text(json.dumps(job))
        return path

    def start_run(self, *arguments):
        """The process of a run that goes on while the test does something to it."""
        return subprocess.Popen([str(SLICEMILL), "run", *map(str, arguments), "--data", str(self.data)], cwd=self.directory,
                                env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def only_ex_id(self):
        """The one execution of the data directory."""
        ids = [entry.name for entry in (self.data / "ledgers").iterdir()]
        self.assertEqual(len(ids), 1, ids)
        return ids[0]

    def published(self):
        return len([f for f in self.output.iterdir() if not f.name.startswith(".")]) if self.output.is_dir() else 0

    def test_names_that_no_record_has_are_told(self):
        path = self.write_input(records=500)
        job = self.job(path, processors=[{"_op": "selection", "fields": ["id", "txt"]}, {"_op": "filter", "field": "id", "min": "0"}])
        result = self.slicemill("run", self.write_job(job), "--data", self.data)
        self.assertEqual(result.returncode, OK, result.stderr)
        told = ['operations[1] selection: "txt" was in no record',
                'operations[2] filter: min "0": every value of "id" is of another type, none is a text']
        warnings = [line for line in result.stderr.splitlines() if "warning" in line]
        self.assertIn("numbers are written without quotes", warnings[0])
        self.assertEqual(warnings[1:], [f"slicemill: warning: {line}" for line in told])
        log = next((self.data / "logs").glob("*/run.log")).read_text()
        for line in told:
            self.assertEqual(log.count(line), 1)

    def test_fields_of_the_last_record_are_fields_of_some_record(self):
        path = self.write_input(records=500)
        with path.open("a") as file:
            file.write('{"id":500,"late":1}\n')
        job = self.job(path, processors=[{"_op": "drop_field", "field": "late"}], sender={"fields": ["id", "late", "text"]})
        result = self.slicemill("run", self.write_job(job), "--data", self.data)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertIn('file_exporter: "late" was in no record', result.stderr)
        self.assertNotIn("drop_field", result.stderr)

    def test_elements_that_are_no_json_are_left_out_where_that_is_wanted(self):
        path = self.directory / "input.json"
        path.write_bytes(b'[{"id":0},{"id":tru},{"id":"\xff"},\n{"id":1}]')
        job = self.job(path, reader={"format": "json", "_dead_letter_action": "quarantine"}, quarantine_max_percent=100)
        result = self.slicemill("run", self.write_job(job), "--data", self.data)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assert_output([{"id": 0}, {"id": 1}])
        self.assertIn("2 quarantined", result.stdout)

    def test_from_file_to_file(self):
        path = self.write_input(records=3000)
        result = self.slicemill("run", self.write_job(self.job(path)), "--data", self.data)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assert_output(records(3000))
        self.assertIn(f"completed: {self.slices_of(path)} slices, 0 failed, 3,000 records in, 3,000 records out", result.stdout)
        self.assertIn(str(self.output), result.stdout)
        self.assert_verified(self.only_ex_id())

    def test_yaml_and_relative_paths(self):
        self.write_input("in/numbers.ldjson", records=500)
        job = self.directory / "job.yaml"
        job.write_text("name: yaml\nworkers: 2\noperations:\n"
                       "  - {_op: file_reader, path: in, format: ldjson, size: 4000}\n"
                       "  - {_op: filter, field: id, max: 99}\n"
                       "  - {_op: file_exporter, path: output, format: ldjson}\n")
        result = self.slicemill("run", "job.yaml", "--data", "data")
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assert_output(records(100))

    def test_several_workers(self):
        path = self.write_input(records=3000)
        result = self.slicemill("run", self.write_job(self.job(path)), "--data", self.data, "--workers", 4)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assert_output(records(3000))

    def test_generated_records(self):
        job = {"name": "generated", "workers": 2, "operations": [
            {"_op": "data_generator", "size": 20_000, "slice_size": 1000, "seed": 7},
            {"_op": "file_exporter", "path": str(self.output), "format": "ldjson"}]}
        result = self.slicemill("run", self.write_job(job), "--data", self.data)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertEqual(len(self.read_output()), 20_000)

    def test_resume_after_kill_9(self):
        path = self.write_input(records=3000)
        process = self.start_run(self.write_job(self.job(path, delay_ms=30)))
        wait_until(lambda: self.published() >= 5, "five published slices")
        process.kill()
        process.communicate()
        before = self.published()
        self.assertLess(before, self.slices_of(path), "the kill must come before the end")
        ex_id = self.only_ex_id()
        result = self.slicemill("run", "--resume", ex_id, "--data", self.data)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assert_output(records(3000))
        self.assert_verified(ex_id)
        self.assertIn(f"{self.slices_of(path)} slices, 0 failed", result.stdout, "counts go on where they were")

    def test_sigterm_drains_and_the_run_can_be_resumed(self):
        path = self.write_input(records=3000)
        process = self.start_run(self.write_job(self.job(path, delay_ms=30)))
        wait_until(lambda: self.published() >= 3, "three published slices")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, INTERRUPTED, errors)
        ex_id = self.only_ex_id()
        self.assertIn(f"--resume {ex_id}", errors)
        self.assert_verified(ex_id)
        result = self.slicemill("run", "--resume", ex_id, "--data", self.data)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assert_output(records(3000))
        self.assert_verified(ex_id)

    def test_two_interrupts_end_at_once(self):
        path = self.write_input(records=400)
        process = self.start_run(self.write_job(self.job(path, delay_ms=60_000)))
        wait_until(lambda: (self.output / ".slicemill").is_dir(), "the run to begin")
        process.send_signal(signal.SIGINT)
        self.assertIn("a second interrupt ends at once", process.stderr.readline() + process.stderr.readline())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        self.assertEqual(process.returncode, INTERRUPTED)

    def test_a_failed_run_goes_on_in_a_new_execution(self):
        for n in range(4):
            self.write_input(f"in/{n}.ldjson", 200, 200 * n)
        process = self.start_run(self.write_job(self.job(self.directory / "in", delay_ms=40, workers=1, max_retries=0)))
        wait_until(lambda: self.published() >= 1, "a published slice")
        (self.directory / "in" / "3.ldjson").rename(self.directory / "hidden")
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, FAILED)
        (self.directory / "hidden").rename(self.directory / "in" / "3.ldjson")
        result = self.slicemill("run", "--resume", self.only_ex_id(), "--data", self.data)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assert_output(records(800))
        successor = result.stdout.split(";")[1].split()[0]
        self.assert_verified(successor)

    def test_a_finished_run_cannot_be_resumed(self):
        path = self.write_input(records=100)
        self.slicemill("run", self.write_job(self.job(path)), "--data", self.data)
        result = self.slicemill("run", "--resume", self.only_ex_id(), "--data", self.data)
        self.assert_one_line(result, 3, "ended as completed")

    def test_failed_slices_make_exit_1(self):
        path = self.write_input(records=1000)
        text = path.read_text().splitlines(keepends=True)
        text[500] = text[500].replace("{", "[", 1)
        path.write_text("".join(text))
        result = self.slicemill("run", self.write_job(self.job(path, max_retries=0)), "--data", self.data)
        self.assert_one_line(result, FAILED, "failed", ".log")
        self.assertIn("1 failed", result.stdout)

    def test_single_file_joins_in_slice_order(self):
        path = self.write_input(records=2000)
        target = self.directory / "joined.ldjson"
        job = self.job(path, sender={"path": str(target), "single_file": True})
        result = self.slicemill("run", self.write_job(job), "--data", self.data, "--workers", 3)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertEqual(self.read_output(target), records(2000))
        self.assert_verified(self.only_ex_id())

    def test_compressed_output_is_read_again(self):
        path = self.write_input(records=2000)
        middle = self.directory / "middle"
        first = self.job(path, sender={"path": str(middle), "compression": "gzip"})
        self.assertEqual(self.slicemill("run", self.write_job(first), "--data", self.data).returncode, OK)
        second = self.job(middle)
        result = self.slicemill("run", self.write_job(second), "--data", self.data)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assert_output(records(2000))


class Verify(EndToEnd):
    def setUp(self):
        super().setUp()
        self.path = self.write_input(records=500)
        job = self.directory / "job.json"
        job.write_text(json.dumps(self.job(self.path)))
        result = self.slicemill("run", job, "--data", self.data)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.ex_id = next((self.data / "ledgers").iterdir()).name
        self.files = sorted(f for f in self.output.iterdir() if not f.name.startswith("."))

    def verify(self):
        return self.slicemill("verify", self.ex_id, "--data", self.data)

    def test_clean(self):
        result = self.verify()
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertIn(f"{len(self.files)} of {len(self.files)} outputs match the ledger (500 records", result.stdout)

    def test_a_missing_file_is_named(self):
        self.files[2].unlink()
        result = self.verify()
        self.assertEqual(result.returncode, FAILED)
        self.assertIn(f"missing: {self.files[2].name}", result.stdout)

    def test_an_altered_file_is_named(self):
        data = bytearray(self.files[1].read_bytes())
        data[3] ^= 1
        self.files[1].write_bytes(data)
        result = self.verify()
        self.assertEqual(result.returncode, FAILED)
        self.assertIn(f"altered: {self.files[1].name}", result.stdout)

    def test_a_doubled_file_is_named(self):
        stem, dot, extension = self.files[0].name.partition(".")
        extra = self.files[0].with_name(stem[:-8] + "00000000" + dot + extension)  # the same slice, of another range
        extra.write_bytes(self.files[0].read_bytes())
        result = self.verify()
        self.assertEqual(result.returncode, FAILED, result.stdout)
        self.assertIn(f"extra: {extra.name}", result.stdout)

    def test_an_unknown_execution(self):
        result = self.slicemill("verify", "no-such-execution", "--data", self.data)
        self.assert_one_line(result, BAD_INPUT, "no ledger of execution no-such-execution")


class Others(EndToEnd):
    def test_version(self):
        result = self.slicemill("version")
        self.assertEqual(result.returncode, OK)
        self.assertRegex(result.stdout, r"^slicemill \d+\.\d+\.\d+( \(\w+, \d{4}-\d\d-\d\d\))?\n$")

    def test_help(self):
        for arguments in (["--help"], ["master", "--help"], ["run", "--help"]):
            result = self.slicemill(*arguments)
            self.assertEqual((result.returncode, result.stderr), (OK, ""))

    def test_ops(self):
        listing = self.slicemill("ops")
        self.assertEqual(listing.returncode, OK)
        for name in ("file_reader", "id_range", "data_generator", "filter", "selection", "file_exporter"):
            self.assertIn(name, listing.stdout)
        one = self.slicemill("ops", "file_reader")
        self.assertIn("10MB", one.stdout.replace("10000000", "10MB"))
        schema = json.loads(self.slicemill("ops", "file_reader", "--json").stdout)
        self.assertIn("path", schema["properties"])
        self.assertTrue(json.loads(self.slicemill("ops", "--json").stdout))

    def test_ops_suggests(self):
        self.assert_one_line(self.slicemill("ops", "file_raeder"), BAD_INPUT, "file_reader")

    def test_validate(self):
        path = self.directory / "job.json"
        path.write_text(json.dumps(self.job(self.write_input(records=1))))
        result = self.slicemill("validate", path)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertIn("file_reader -> file_exporter", result.stdout)

    def test_validate_warns_of_unknown_keys(self):
        job = self.job(self.write_input(records=1))
        job["wrkers"] = 3
        path = self.directory / "job.json"
        path.write_text(json.dumps(job))
        result = self.slicemill("validate", path)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertIn("wrkers", result.stdout + result.stderr)
        self.assertIn("workers", result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main()
