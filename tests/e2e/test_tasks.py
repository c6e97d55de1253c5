"""Jobs of tasks: commands with an order, whose completions are never lost and never run twice, whatever dies."""

import collections
import concurrent.futures
import json
import os
import signal
import subprocess
import unittest

from harness import BAD_INPUT, FAILED, OK, SLICEMILL, EndToEnd, is_alive, wait_until


class Tasks(EndToEnd):
    def setUp(self):
        super().setUp()
        self.ran = self.directory / "ran"  # a line for each task that ran

    def note(self, name, then="true"):
        """A command that notes that it ran."""
        return f"echo {name} >> {self.ran}; {then}"

    def lines(self):
        return self.ran.read_text().split() if self.ran.exists() else []

    def write_job(self, tasks, **top):
        path = self.directory / "job.json"
        path.write_text(json.dumps({"name": "of tasks", "workers": 2, "tasks": tasks, **top}))
        return path

    def run_job(self, *arguments, **more):
        return self.slicemill("run", *arguments, "--data", self.data, **more)

    def task_log(self, path):
        (log,) = self.data.glob(f"logs/*/tasks/{path}.log")
        return log.read_text()

    # ---- without a master ----

    def test_order_values_files_and_logs(self):
        job = self.write_job([
            {"name": "list", "run": self.note("list", 'printf \'["x","y","z"]\' > "$SLICEMILL_OUTPUT"'), "output": "FILES"},
            {"name": "convert", "each": "FILES", "as": "FILE", "concurrency": 2, "output": "SIZES",
             "run": self.note("convert-$FILE-$INDEX", 'echo "of $FILE"; echo "size-$FILE" > "$SLICEMILL_OUTPUT"')},
            {"parallel": [
                {"name": "env", "run": 'echo "$A $B $SIZES"; echo "$SLICEMILL_TASK" >&2', "env": {"A": "a b", "B": 7}},
                {"name": "argv", "argv": ["printf", "%s|", "one two", "$HOME"]},
                {"name": "files", "run": "cat data.txt; ./tool.sh; basename \"$PWD\"",
                 "files": {"data.txt": "some text\n", "tool.sh": "#!/bin/sh\necho called\n"}},
                {"name": "workdir", "run": "pwd", "workdir": str(self.directory)}]},
            {"name": "end", "run": self.note("end")}])
        result = self.run_job(job, "--summary", "json")
        self.assertEqual(result.returncode, OK, result.stderr)
        lines = self.lines()
        self.assertEqual((lines[0], lines[-1]), ("list", "end"))
        self.assertEqual(sorted(lines[1:-1]), ["convert-x-0", "convert-y-1", "convert-z-2"])
        self.assertEqual(self.task_log("1.1"), "of y\n")
        self.assertEqual(self.task_log("2.0"), 'a b 7 ["size-x","size-y","size-z"]\nenv\n')
        self.assertEqual(self.task_log("2.1"), "one two|$HOME|")
        self.assertEqual(self.task_log("2.2"), "some text\ncalled\nfiles\n")
        self.assertEqual(self.task_log("2.3"), f"{self.directory}\n")
        summary = json.loads(result.stdout)
        self.assertEqual((summary["slices"]["processed"], summary["slices"]["failed"]), (9, 0))

    def test_only_what_failed_runs_again(self):
        switch = self.directory / "mended"
        job = self.write_job([
            {"name": "first", "run": self.note("first")},
            {"parallel": [{"name": "good", "run": self.note("good")},
                          {"name": "bad", "run": self.note("bad", f'echo one; echo "two words" >&2; test -e {switch}'),
                           "retries": 2, "retry_delay": "10ms"}]},
            {"name": "last", "run": self.note("last")}])
        result = self.run_job(job)
        self.assertEqual(result.returncode, FAILED, result.stderr)
        self.assertIn("task bad: ended with exit code 1: two words", result.stdout)
        self.assertEqual(collections.Counter(self.lines()), {"first": 1, "good": 1, "bad": 3})
        self.assertEqual(self.task_log("1.1").count("two words"), 3)
        switch.touch()
        result = self.run_job("--resume", "last")
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertEqual(collections.Counter(self.lines()), {"first": 1, "good": 1, "bad": 4, "last": 1})

    def test_each_try_of_each_task_is_shown(self):
        job = self.write_job([{"name": "value", "run": "echo 17 > $SLICEMILL_OUTPUT", "output": "V"},
                              {"name": "bad", "run": "echo oops; exit 3", "retries": 1, "retry_delay": "10ms"}])
        self.assertEqual(self.run_job(job).returncode, FAILED)
        result = self.slicemill("tasks", "last", "--data", self.data)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertIn("value", result.stdout)
        shown = json.loads(self.slicemill("tasks", "last", "--data", self.data, "-o", "json").stdout)
        self.assertEqual([(task["place"], task["name"], task["state"]) for task in shown],
                         [("0", "value", "completed"), ("1", "bad", "failed"), ("1", "bad", "failed")])
        self.assertEqual(shown[0]["value"], "17")
        self.assertIn("ended with exit code 3: oops", shown[1]["error"])
        master = self.start_master()
        gate = self.directory / "gate"
        ex_id = master.submit({"name": "shown", "workers": 1, "tasks": [{"name": "a", "run": "true"}, {"name": "b", "run": self.gated("b", gate)}]})["ex_id"]
        live = wait_until(lambda: master.get(f"/v1/ex/{ex_id}/tasks"), "the first task to be shown")
        self.assertEqual([(task["name"], task["state"]) for task in live], [("a", "completed")])
        gate.touch()
        master.wait_for_status(ex_id, "completed")
        self.assertEqual([task["name"] for task in master.get(f"/v1/ex/{ex_id}/tasks")], ["a", "b"])

    def test_a_mended_job_goes_on_if_its_tasks_stand_where_they_stood(self):
        tasks = [{"run": self.note("first")}, {"run": "exit 3"}, {"run": self.note("last")}]
        self.assertEqual(self.run_job(self.write_job(tasks)).returncode, FAILED)
        mended = self.write_job([tasks[0], tasks[2]])
        result = self.run_job("--resume", "last", "--job", mended)
        self.assertNotEqual(result.returncode, OK)
        self.assertIn("tasks has 2 tasks and had 3", result.stderr)
        mended = self.write_job([tasks[0], {"run": self.note("mended")}, tasks[2]])
        result = self.run_job("--resume", "last", "--job", mended)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertEqual(self.lines(), ["first", "mended", "last"])

    def test_a_timeout_ends_all_that_a_task_started(self):
        pid_file = self.directory / "pids"
        job = self.write_job([{"name": "slow", "timeout": "300ms",
                               "run": f"sleep 600 & echo $! > {pid_file}; echo begun; sleep 600 | cat"}])
        result = self.run_job(job)
        self.assertEqual(result.returncode, FAILED)
        self.assertIn("task slow: was not done within its timeout of 300 ms and is killed", result.stdout)
        self.assertEqual(self.task_log("0"), "begun\n")
        wait_until(lambda: not is_alive(int(pid_file.read_text())), "the child in the background to be gone")

    def test_what_a_task_leaves_running_ends_with_it(self):
        pid_file = self.directory / "pids"
        job = self.write_job([{"run": f"sleep 600 & echo $! > {pid_file}"}, {"run": self.note("next")}])
        result = self.run_job(job)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertEqual(self.lines(), ["next"])
        wait_until(lambda: not is_alive(int(pid_file.read_text())), "the child in the background to be gone")

    def test_errors_of_tasks_are_told(self):
        cases = [
            ({"argv": ["no-such-program-here"]}, 'no program "no-such-program-here" in PATH'),
            ({"run": "true", "workdir": "/no/such/place"}, "/no/such/place"),
            ({"run": "kill -9 $$"}, "ended with signal 9 (Killed)"),
            ({"run": "printf '\\377' > $SLICEMILL_OUTPUT", "output": "V"}, "the output value is no text in UTF-8"),
            ({"run": "head -c 70000 /dev/zero | tr '\\0' x > $SLICEMILL_OUTPUT", "output": "V"},
             "the output value takes more than 65536 bytes"),
            ({"each": "NOTHING", "run": "true"}, "tasks[0]: each: no task before it gave a value to NOTHING"),
        ]
        for task, words in cases:
            with self.subTest(words):
                result = self.run_job(self.write_job([task]))
                self.assertEqual(result.returncode, FAILED, result.stdout + result.stderr)
                self.assertIn(words, result.stdout + result.stderr)

    def test_no_task_waits_behind_a_long_one_while_a_worker_idles(self):
        others = [{"run": self.note(f"short-{n}")} for n in range(6)]
        long = {"run": f"while [ ! -e {self.ran} ] || [ $(wc -l < {self.ran}) -lt 6 ]; do sleep 0.02; done; " + self.note("long")}
        for place in range(3):  # wherever it stands
            self.ran.unlink(missing_ok=True)
            result = self.run_job(self.write_job([{"parallel": [*others[:place], long, *others[place:]]}]))
            self.assertEqual(result.returncode, OK, result.stderr)
            self.assertEqual(self.lines()[-1], "long")

    def test_output_is_bounded(self):
        job = self.write_job([{"run": "head -c 5000000 /dev/zero | tr '\\0' x; echo end"}], task={"log_bytes": 1000})
        self.assertEqual(self.run_job(job).returncode, OK)
        log = self.task_log("0")
        self.assertEqual(log, "x" * 1000 + "\n--- the rest is not kept: log_bytes is the most of one try ---\n")

    def test_what_is_wrong_is_named_with_its_place(self):
        cases = [
            ({"tasks": [{"run": "a"}, {"parallel": [{"run": "b", "tiemout": 1}]}]}, "tasks[1].parallel[0].tiemout"),
            ({"tasks": []}, "tasks: at least one task is required"),
            ({"tasks": [{"run": "a"}], "operations": [{"_op": "noop"}, {"_op": "noop"}]}, "a job has either tasks or operations"),
            ({"tasks": [{"run": "a"}], "task": {"shell": ""}}, "shell"),
            ({"task": {"shell": "sh"}, "operations": [{"_op": "id_range", "end": 1}, {"_op": "noop"}]},
             "task: is beside `tasks`, which is not given"),
            ({"operations": [{"_op": "id_range", "end": 1}, {"_op": "task"}]}, "must stand behind `tasks`"),
        ]
        for job, words in cases:
            with self.subTest(words):
                path = self.directory / "wrong.json"
                path.write_text(json.dumps({"name": "wrong", **job}))
                result = self.slicemill("validate", path)
                self.assertEqual(result.returncode, BAD_INPUT, result.stdout)
                self.assertIn(words, result.stderr)

    def test_a_kill_in_the_middle_forgets_no_completion(self):
        gate = self.directory / "gate"
        wait = f"while [ ! -e {gate} ]; do sleep 0.02; done"
        job = self.write_job([{"name": "a", "run": self.note("a")},
                              {"each": list(range(6)), "concurrency": 2, "run": self.note("each-$ITEM", f'[ "$ITEM" -lt 3 ] || {{ {wait}; }}')},
                              {"name": "z", "run": self.note("z")}])
        for _ in range(3):  # two tasks wait at the gate: they have begun since the three before them were recorded
            process = subprocess.Popen([SLICEMILL, "run", *(["--resume", "last"] if self.lines() else [job]), "--data", self.data],
                                       env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            ran = len(self.lines())
            wait_until(lambda: {"each-3", "each-4"} & set(self.lines()[ran:]) and {"each-3", "each-4"} <= set(self.lines()),
                       "tasks to wait at the gate")
            process.send_signal(signal.SIGKILL)
            process.wait()
        gate.touch()
        result = self.run_job("--resume", "last")
        self.assertEqual(result.returncode, OK, result.stderr)
        counts = collections.Counter(self.lines())
        self.assertEqual({name: counts[name] for name in ("a", "each-0", "each-1", "each-2", "z")},
                         {"a": 1, "each-0": 1, "each-1": 1, "each-2": 1, "z": 1})
        self.assertEqual(self.lines()[-1], "z")

    # ---- on a master ----

    def gated(self, name, gate):
        return self.note(name, f"while [ ! -e {gate} ]; do sleep 0.02; done")

    def test_processes_that_die_in_the_middle(self):
        master = self.start_master()
        gate = self.directory / "gate"
        tasks = [{"run": self.note("first")},
                 {"parallel": [{"run": self.note("done")}, {"run": self.gated("long", gate)}]},
                 {"run": self.note("last")}]
        ex_id = master.submit({"name": "dies", "workers": 2, "tasks": tasks})["ex_id"]
        for assignment in ("worker", "execution_controller", "worker"):
            ran = self.lines().count("long")
            wait_until(lambda: self.lines().count("long") > 0 and self.lines().count("done") == 1, "the long task to run")
            master.wait_for_processed(ex_id, 2)
            master.kill_9(assignment, ex_id)
            if assignment == "worker":  # either the one that runs the task, or the idle one
                wait_until(lambda: len(master.pids("worker", ex_id)) == 2, "the worker to be replaced")
            self.assertGreaterEqual(self.lines().count("long"), ran)
        gate.touch()
        master.wait_for_status(ex_id, "completed")
        counts = collections.Counter(self.lines())
        self.assertEqual((counts["first"], counts["done"], counts["last"]), (1, 1, 1))
        self.assertEqual(self.lines()[-1], "last")

    def test_pause_lets_tasks_end_and_begins_none(self):
        master = self.start_master()
        gate = self.directory / "gate"
        tasks = [{"run": self.gated("long", gate)}, {"run": self.note("next")}]
        ex_id = master.submit({"name": "pauses", "workers": 2, "tasks": tasks})["ex_id"]
        wait_until(lambda: self.lines() == ["long"], "the task to run")
        master.post(f"/v1/ex/{ex_id}/_pause")
        gate.touch()
        master.wait_for_processed(ex_id, 1)
        self.assertEqual(master.status(ex_id), "paused")
        self.assertEqual(self.lines(), ["long"])
        master.post(f"/v1/ex/{ex_id}/_resume")
        master.wait_for_status(ex_id, "completed")
        self.assertEqual(self.lines(), ["long", "next"])

    def test_a_stop_ends_what_runs_and_a_recovery_goes_on(self):
        master = self.start_master()
        gate = self.directory / "gate"
        pid_file = self.directory / "pid"
        tasks = [{"run": self.note("first")},
                 {"run": f"echo $$ > {pid_file}; " + self.gated("long", gate)},
                 {"run": self.note("last")}]
        ex_id = master.submit({"name": "stops", "workers": 1, "tasks": tasks})["ex_id"]
        wait_until(lambda: self.lines() == ["first", "long"], "the long task to run")
        master.post(f"/v1/ex/{ex_id}/_stop?timeout=100")
        master.wait_for_status(ex_id, "stopped")
        wait_until(lambda: not is_alive(int(pid_file.read_text())), "the task to be gone")
        gate.touch()
        again = master.post(f"/v1/ex/{ex_id}/_recover")["ex_id"]
        master.wait_for_status(again, "completed")
        self.assertEqual(self.lines(), ["first", "long", "long", "last"])

    def test_many_jobs_at_once_with_kills(self):
        master = self.start_master(slots=8)
        tasks = [{"run": "echo a-$JOB >> $RAN"},
                 {"each": list(range(8)), "concurrency": 3, "run": "echo e-$JOB-$ITEM >> $RAN; sleep 0.05"},
                 {"parallel": [{"run": "echo b-$JOB >> $RAN"}, {"tasks": [{"run": "echo c-$JOB >> $RAN"}, {"run": "echo d-$JOB >> $RAN"}]}]},
                 {"run": "echo z-$JOB >> $RAN"}]

        def submit(number):
            env = {"JOB": str(number), "RAN": str(self.directory / f"ran-{number}")}
            return master.submit({"name": f"job {number}", "workers": 1, "tasks": tasks, "env_vars": env})["ex_id"]

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            executions = list(pool.map(submit, range(24)))
        for pid in wait_until(lambda: master.pids("execution_controller"), "controllers to be there")[:5]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:  # it was done
                pass
        for number, ex_id in enumerate(executions):
            master.wait_for_status(ex_id, "completed")
            lines = (self.directory / f"ran-{number}").read_text().split()
            expected = {f"{name}-{number}" for name in "abcdz"} | {f"e-{number}-{item}" for item in range(8)}
            self.assertEqual(set(lines), expected)
            self.assertEqual((lines[0], lines[-1]), (f"a-{number}", f"z-{number}"))


if __name__ == "__main__":
    unittest.main()
