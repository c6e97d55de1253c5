"""Slices that take far longer than others run a second time on a worker that idles, and their output is there once, whoever delivers
first and whoever dies meanwhile."""

import contextlib
import json
import os
import signal

from harness import EndToEnd, is_alive, records, wait_until

RECORDS = 800
SLOW = 400  # the record that the first attempt never gets over

# Passes records on; the first attempt at the slow record notes its process and waits for a file, the others do not.
SCRIPT = """
import json, os, sys, time
notes, slow = sys.argv[1], int(sys.argv[2])
for line in sys.stdin:
    if json.loads(line)["id"] == slow:
        try:
            os.mkdir(notes + "/first")
        except FileExistsError:
            open(notes + "/second", "a").write("again\\n")
        else:
            while not os.path.exists(notes + "/go"):
                time.sleep(0.01)
    sys.stdout.write(line)
"""


class Speculation(EndToEnd):
    def slow_job(self, **top):
        self.notes = self.directory / "notes"
        self.notes.mkdir()
        program = self.directory / "slow.py"
        program.write_text(SCRIPT)
        path = self.write_input(records=RECORDS)
        self.slices = self.slices_of(path)
        script = {"_op": "script", "command": "python3", "args": [str(program), str(self.notes), str(SLOW)], "repeatable": True}
        return self.job(path, processors=[script], workers=2, speculation=True, speculation_min_runtime=300, **top)

    def start_job(self, master, **top):
        return master.submit(self.slow_job(**top))["ex_id"]

    def wait_for_second(self):
        wait_until((self.notes / "second").exists, "a second attempt at the slow slice")

    def assert_nothing_staged(self):
        self.assertFalse((self.output / ".slicemill").exists())

    def figures(self, document):
        return [document["_slicer_stats"][name] for name in ("speculated", "speculation_won", "retries")]

    def test_a_second_attempt_delivers_and_the_first_one_gives_up(self):
        master = self.start_master()
        ex_id = self.start_job(master)
        document = self.assert_completed_exactly(master, ex_id, records(RECORDS), self.slices)
        self.assertEqual(self.figures(document), [1, 1, 0])
        self.assert_nothing_staged()

    def test_a_stopped_worker_is_overtaken_before_its_lease_is_over(self):
        """SIGSTOP: it cannot even hear that it is to give up, or to give back what waits at it."""
        master = self.start_master(environment={"SLICEMILL_LEASE": "600s"})
        path = self.write_input(records=RECORDS)
        self.slices = self.slices_of(path)
        job = self.job(path, delay_ms=50, workers=3, speculation=True, speculation_min_runtime=400)
        ex_id = master.submit(job)["ex_id"]
        master.wait_for_processed(ex_id, 6)
        stopped = master.pids("worker", ex_id)[0]
        os.kill(stopped, signal.SIGSTOP)
        document = self.assert_completed_exactly(master, ex_id, records(RECORDS), self.slices)
        self.assertGreaterEqual(document["_slicer_stats"]["speculated"], 1)
        self.assertEqual(document["_slicer_stats"]["retries"], 0)
        wait_until(lambda: not is_alive(stopped), "the stopped worker to be killed: it held what nobody wanted")

    def kill_while_it_runs_twice(self, *assignments):
        master = self.start_master()
        ex_id = self.start_job(master, max_retries=3)
        self.wait_for_second()
        for assignment in assignments:
            for pid in master.pids(assignment, ex_id):
                with contextlib.suppress(ProcessLookupError):  # it let go, and was replaced
                    os.kill(pid, signal.SIGKILL)
        (self.notes / "go").touch()
        self.assert_completed_exactly(master, ex_id, records(RECORDS), self.slices)
        self.assert_nothing_staged()

    def test_its_workers_die(self):
        self.kill_while_it_runs_twice("worker")

    def test_its_controller_dies(self):
        self.kill_while_it_runs_twice("execution_controller")

    def test_they_all_die(self):
        self.kill_while_it_runs_twice("worker", "execution_controller")

    def test_what_must_not_run_twice_is_refused(self):
        master = self.start_master()
        path = self.write_input(records=10)
        for processor, name in (({"_op": "stdout"}, "stdout"), ({"_op": "script", "command": "cat"}, "script")):
            status, answer = master.request("POST", "/v1/jobs", self.job(path, processors=[processor], speculation=True))
            self.assertEqual(status, 500, answer)
            self.assertIn(f'"{name}" must not run twice', json.dumps(answer).replace("\\", ""))

    def test_in_one_process(self):
        job = self.directory / "job.json"
        job.write_text(json.dumps(self.slow_job()))
        ended = self.slicemill("run", job)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertTrue((self.notes / "second").exists())
        self.assert_output(records(RECORDS))
