"""What becomes of input that is missing, special, growing or replaced, with real processes. docs/files.md has the rules."""

import json
import os
import signal
import subprocess
import unittest

from harness import BAD_INPUT, FAILED, INTERRUPTED, OK, SLICEMILL, EndToEnd, records, wait_until


class Inputs(EndToEnd):
    def write_job(self, job, name="job.json"):
        path = self.directory / name
        path.write_text(json.dumps(job))
        return path

    def run_job(self, job, **more):
        return subprocess.run([str(SLICEMILL), "run", str(self.write_job(job)), "--data", str(self.data)], cwd=self.directory,
                              env=self.environment(), capture_output=True, text=True, timeout=90, **more)

    def start_run(self, job, **more):
        return subprocess.Popen([str(SLICEMILL), "run", str(self.write_job(job)), "--data", str(self.data)], cwd=self.directory,
                                env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)

    def make_pipe(self):
        path = self.directory / "pipe.ldjson"
        os.mkfifo(path)
        return path

    def written(self):
        return self.read_output() if self.output.is_dir() else []

    # ---- missing and left out ----

    def test_a_pattern_without_a_match_fails(self):
        (self.directory / "in").mkdir()
        result = self.run_job(self.job(self.directory / "in" / "*.ldjson"))
        self.assert_one_line(result, FAILED, "no file matches")

    def test_what_is_left_out_is_said(self):
        self.write_input("in/a.ldjson", 10)
        self.write_input("in/below/b.ldjson", 10, 10)
        result = self.run_job(self.job(self.directory / "in"))
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertIn("left out 1 directory (below)", result.stderr)
        self.assert_output(records(10))

    def test_an_empty_directory_is_said(self):
        (self.directory / "in").mkdir()
        result = self.run_job(self.job(self.directory / "in"))
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertIn("nothing to read", result.stderr)

    def test_any_depth(self):
        self.write_input("in/a.ldjson", 10)
        self.write_input("in/x/y/b.ldjson", 10, 10)
        result = self.run_job(self.job(self.directory / "in" / "**" / "*.ldjson"))
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assert_output(records(20))

    # ---- pipes and standard input ----

    def test_standard_input(self):
        path = self.write_input(records=1000)
        with path.open() as stdin:
            result = self.run_job(self.job("/dev/stdin"), stdin=stdin)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assert_output(records(1000))

    def test_the_standard_input_is_the_job_or_its_data(self):
        job = json.dumps(self.job("/dev/stdin"))
        for name in ("-", "/dev/stdin"):
            result = subprocess.run([str(SLICEMILL), "run", name, "--data", str(self.data)], cwd=self.directory, env=self.environment(),
                                    input=job, capture_output=True, text=True, timeout=90)
            self.assert_one_line(result, BAD_INPUT, "operations[0].path: the standard input holds the job already")

    def test_a_closed_standard_input_is_an_error(self):
        result = self.run_job(self.job("/dev/stdin", max_retries=0), preexec_fn=lambda: os.close(0))
        self.assert_one_line(result, FAILED, "/dev/stdin")

    def test_a_pipe_is_one_slice(self):
        pipe = self.make_pipe()
        process = self.start_run(self.job(pipe))
        with pipe.open("w") as writer:
            writer.write(self.write_input(records=3000).read_text())
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, OK, errors)
        self.assertIn("1 slice", output)
        self.assert_output(records(3000))

    def test_a_pipe_without_a_writer_is_an_error(self):
        result = self.run_job(self.job(self.make_pipe(), reader={"pipe_timeout": 100}))
        self.assert_one_line(result, FAILED, "no program has opened the pipe")

    def test_a_run_that_waits_for_a_pipe_ends_at_the_second_interrupt_and_is_not_resumed(self):
        pipe = self.make_pipe()
        process = self.start_run(self.job(pipe))
        with pipe.open("w") as writer:
            writer.write('{"a":1}\n')
            writer.flush()
            process.send_signal(signal.SIGTERM)
            self.assertIn("a second interrupt ends at once", process.stderr.readline() + process.stderr.readline())
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
        self.assertEqual(process.returncode, INTERRUPTED)
        ex_id = next((self.data / "ledgers").iterdir()).name
        result = self.slicemill("run", "--resume", ex_id, "--data", self.data)
        self.assert_one_line(result, FAILED, "can be read once only")

    def test_a_master_refuses_standard_input_and_reads_pipes(self):
        master = self.start_master()
        for path in ("/dev/stdin", "/dev/fd/3", "/proc/self/fd/0"):
            status, answer = master.request("POST", "/v1/jobs", self.job(path))
            self.assertGreaterEqual(status, 400, answer)
            self.assertIn("only `slicemill run` can read its standard input", json.dumps(answer))
        pipe = self.make_pipe()
        ex_id = master.submit(self.job(pipe, reader={"pipe_timeout": "60s"}))["ex_id"]
        with pipe.open("w") as writer:
            writer.write(self.write_input(records=100).read_text())
        wait_until(lambda: master.status(ex_id) == "completed", "the end")
        self.assert_output(records(100))

    # ---- output beside input ----

    def test_own_output_is_refused_everywhere(self):
        self.write_input("in/a.ldjson", 10)
        (self.directory / "link").symlink_to(self.directory / "in")
        for path, output in (("in", "in"), ("in", "link"), ("**/*.ldjson", "in/x/y")):
            job = self.job(self.directory / path, sender={"path": str(self.directory / output)})
            for verb in ("run", "validate"):
                arguments = [verb, self.write_job(job)] + (["--data", self.data] if verb == "run" else [])
                self.assert_one_line(self.slicemill(*arguments), 2, "would be read again")
        self.assertEqual([f.name for f in (self.directory / "in").iterdir()], ["a.ldjson"])
        job = self.job(self.directory / "in" / "a*.ldjson", sender={"path": str(self.directory / "in")})
        result = self.run_job(job)
        self.assertEqual(result.returncode, OK, result.stderr)

    # ---- persistent ----

    def test_a_persistent_run_follows_files_over_restarts(self):
        source = self.directory / "in"
        source.mkdir()
        job = self.job(source, lifecycle="persistent", reader={"settle": 200})
        process = self.start_run(job)
        path = self.write_input("in/a.ldjson", 100)
        wait_until(lambda: len(self.written()) == 100, "the first file")
        with path.open("a") as file:
            more = self.write_input("more.ldjson", 100, 100).read_text()
            file.write(more[:-20])
            file.flush()
            wait_until(lambda: len(self.written()) == 199, "what is complete of the growth")
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, INTERRUPTED, errors)
            file.write(more[-20:])
        self.write_input("in/b.ldjson", 50, 200)
        ex_id = next((self.data / "ledgers").iterdir()).name
        process = subprocess.Popen([str(SLICEMILL), "run", "--resume", ex_id, "--data", str(self.data)], env=self.environment(),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_until(lambda: len(self.written()) >= 250, "what came while nobody ran")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        self.assert_output(records(250))
        self.assert_verified(ex_id)


if __name__ == "__main__":
    unittest.main()
