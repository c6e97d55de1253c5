"""I9: bad input is one clear line with a place in it and the documented exit code; never a crash, never silence."""

import json
import os
import shutil
import subprocess
import unittest

from harness import BAD_INPUT, CANNOT_START, FAILED, STORAGE, EndToEnd, records, wait_until


class CommandLine(EndToEnd):
    def test_no_command(self):
        self.assert_one_line(self.slicemill(), BAD_INPUT, "no command given")

    def test_unknown_command(self):
        self.assert_one_line(self.slicemill("mastr"), BAD_INPUT, "did you mean 'master'?")

    def test_unknown_option(self):
        self.assert_one_line(self.slicemill("master", "--prot", "80"), BAD_INPUT, "'--prot'", "'--port'")

    def test_wrong_value(self):
        self.assert_one_line(self.slicemill("master", "--port", "many", "--data", self.data), BAD_INPUT, "--port", "'many'")

    def test_wrong_variable(self):
        result = self.slicemill("master", "--data", self.data, environment={"SLICEMILL_LEASE": "soon"})
        self.assert_one_line(result, BAD_INPUT, "SLICEMILL_LEASE", "'soon'")

    def test_unknown_configuration_key(self):
        path = self.directory / "slicemill.yaml"
        path.write_text("prot: 80\n")
        self.assert_one_line(self.slicemill("master", "--config", path), BAD_INPUT, str(path), "'prot'", "'port'")

    def test_broken_configuration(self):
        path = self.directory / "slicemill.yaml"
        path.write_text("port: [1\n")
        self.assert_one_line(self.slicemill("master", "--config", path), BAD_INPUT, str(path), "line")

    def test_missing_configuration(self):
        self.assert_one_line(self.slicemill("master", "--config", "nowhere.yaml"), BAD_INPUT, "nowhere.yaml")

    def test_verify_without_a_master(self):
        result = self.slicemill("verify", "ex", "--master", "http://127.0.0.1:1")
        self.assert_one_line(result, CANNOT_START, "cannot reach the master at http://127.0.0.1:1")


class Jobs(EndToEnd):
    def run_job(self, job):
        path = self.directory / "job.json"
        path.write_text(job if isinstance(job, str) else json.dumps(job))
        return self.slicemill("run", path, "--data", self.data)

    def test_missing_job_file(self):
        self.assert_one_line(self.slicemill("run", "nowhere.json", "--data", self.data), BAD_INPUT, "nowhere.json")

    def test_broken_job_file(self):
        self.assert_one_line(self.run_job('{"operations": [}'), BAD_INPUT, "job.json", "line 1")

    def test_unknown_operation(self):
        job = self.job(self.write_input(records=1))
        job["operations"][0]["_op"] = "file_raeder"
        self.assert_one_line(self.run_job(job), BAD_INPUT, "file_raeder", "file_reader")

    def test_wrong_type(self):
        job = self.job(self.write_input(records=1), size="many")
        self.assert_one_line(self.run_job(job), BAD_INPUT, "size", "many")

    def test_missing_input(self):
        self.assert_one_line(self.run_job(self.job(self.directory / "nowhere.ldjson")), FAILED, "nowhere.ldjson")

    def test_broken_line(self):
        path = self.write_input(records=200)
        lines = path.read_text().splitlines(keepends=True)
        lines[100] = '{"id": 100, "broken\n'
        path.write_text("".join(lines))
        at_byte = sum(map(len, lines[:100]))
        result = self.run_job(self.job(path, max_retries=0))
        self.assert_one_line(result, FAILED, "1 slice failed", str(path), str(at_byte))
        log = next((self.data / "logs").glob("*/run.log")).read_text()
        self.assertIn(str(path), log)
        self.assertIn(str(at_byte), log, "the log names the byte at which the broken line starts")

    def test_output_below_a_regular_file(self):
        blocker = self.directory / "file"
        blocker.write_text("")
        job = self.job(self.write_input(records=10), sender={"path": str(blocker / "output")})
        result = self.run_job(job)
        self.assertIn(result.returncode, (FAILED, STORAGE))
        self.assert_one_line(result, result.returncode, str(blocker))

    def test_master_refuses_relative_paths_with_the_absolute_one(self):
        master = self.start_master()
        self.write_input(records=1)
        status, answer = master.request("POST", "/v1/jobs", self.job("input.ldjson"))
        self.assertEqual(status, 500)
        self.assertRegex(answer["message"], r'path \\"input.ldjson\\" is relative; give it as \\"/.*/input.ldjson\\"')

    def test_master_answers(self):
        master = self.start_master()
        job = self.job(self.write_input(records=1))
        for body, code, words in (
            ("{", 400, "malformed"),
            ({}, 400, "No job was posted"),
            ({**job, "job_id": "x"}, 422, "job_id"),
            ({**job, "workers": "many"}, 500, "workers"),
            ({**job, "operations": [{"_op": "no_such_operation"}, {"_op": "noop"}]}, 500, "no_such_operation"),
        ):
            status, answer = master.request("POST", "/v1/jobs", body)
            self.assertEqual((status, answer["error"]), (code, code), answer)
            self.assertIn(words, answer["message"])
        self.assertEqual(master.request("GET", "/v1/nowhere")[0], 405)
        self.assertEqual(master.request("GET", "/v1/jobs/nowhere")[0], 404)

    def test_missing_input_fails_the_execution_with_a_reason(self):
        master = self.start_master()
        submitted = master.submit(self.job(self.directory / "nowhere.ldjson"))
        document = master.wait_for_status(submitted["ex_id"], "failed")
        self.assertIn("nowhere.ldjson", document["_failureReason"])
        self.assertTrue(os.path.exists(document["log_path"]), document["log_path"])

    def test_a_broken_line_is_in_the_errors(self):
        master = self.start_master()
        path = self.write_input(records=200)
        lines = path.read_text().splitlines(keepends=True)
        lines[100] = '{"id": 100, "broken\n'
        path.write_text("".join(lines))
        submitted = master.submit(self.job(path, max_retries=0))
        document = master.wait_for_status(submitted["ex_id"], "failed")
        self.assertIn("1 slice failure", document["_failureReason"])
        errors = master.get(f"/v1/ex/{submitted['ex_id']}/errors")
        self.assertEqual(len(errors), 1)
        self.assertIn(str(path), errors[0]["error"])
        self.assertIn(str(sum(map(len, lines[:100]))), errors[0]["error"])
        self.assertEqual(errors[0]["state"], "error")


class CannotStart(EndToEnd):
    def test_port_in_use(self):
        master = self.start_master()
        result = self.slicemill("master", "--port", master.port, "--data", self.directory / "other")
        self.assert_one_line(result, CANNOT_START, str(master.port), "in use")

    def test_second_master_on_the_same_data(self):
        self.start_master()
        result = self.slicemill("master", "--port", 0, "--data", self.data)
        self.assert_one_line(result, CANNOT_START, str(self.data), "in use")

    def test_data_directory_below_a_regular_file(self):
        blocker = self.directory / "file"
        blocker.write_text("")
        result = self.slicemill("master", "--port", 0, "--data", blocker / "data")
        self.assert_one_line(result, CANNOT_START, str(blocker))

    def test_run_with_data_below_a_regular_file(self):
        blocker = self.directory / "file"
        blocker.write_text("")
        path = self.directory / "job.json"
        path.write_text(json.dumps(self.job(self.write_input(records=1))))
        result = self.slicemill("run", path, "--data", blocker / "data")
        self.assert_one_line(result, CANNOT_START, str(blocker))

    def test_bad_address(self):
        result = self.slicemill("master", "--port", 0, "--bind", "192.0.2.1", "--data", self.data)
        self.assert_one_line(result, CANNOT_START, "192.0.2.1")


class FullDisk(EndToEnd):
    """On a small tmpfs, where the machine lets us mount one."""

    SIZE = 1_000_000

    def setUp(self):
        super().setUp()
        self.disk = self.directory / "disk"
        self.disk.mkdir()
        if os.geteuid() != 0 or not shutil.which("mount"):
            self.skipTest("only root can mount")
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.SIZE}", "none", str(self.disk)], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("mount is not allowed here")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(self.disk)], check=False)

    def test_run_ends_with_one_line(self):
        path = self.write_input(records=20_000)
        job = self.directory / "job.json"
        self.output = self.disk / "output"
        job.write_text(json.dumps(self.job(path, size=100_000)))
        result = self.slicemill("run", job, "--data", self.data)
        self.assert_one_line(result, STORAGE, "No space left on device")

    def test_nothing_is_lost_with_a_master(self):
        """However the disk fills up: the reason is shown, what was published is right, and with space the rest follows."""
        master = self.start_master()
        path = self.write_input(records=20_000)
        self.output = self.disk / "output"
        ex_id = master.submit(self.job(path, size=100_000, max_retries=1))["ex_id"]
        said = []

        def told():
            document = master.execution(ex_id)
            errors = master.get(f"/v1/ex/{ex_id}/errors")
            said[:] = [document["_status"], document.get("_failureReason"), document.get("_status_reason"), errors[:1]]
            return "No space left on device" in json.dumps(said)

        wait_until(told, lambda: f"the reason to be shown; there is {said}")
        subprocess.run(["mount", "-o", "remount,size=100m", str(self.disk)], check=True)
        document = master.wait_for_status(ex_id, "completed", "failed")
        if document["_status"] == "failed":
            self.assert_verified(ex_id, master)
            ex_id = master.post(f"/v1/ex/{ex_id}/_recover?cleanup_type=errors")["ex_id"]
            master.wait_for_status(ex_id, "completed")
        self.assert_output(records(20_000))
        self.assert_verified(ex_id, master)


if __name__ == "__main__":
    unittest.main()
