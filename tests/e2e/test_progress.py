"""What is told of an execution while it runs and when it has ended: on a terminal, in a pipe, by REST."""

import contextlib
import fcntl
import http.client
import itertools
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unittest

from harness import FAILED, INTERRUPTED, OK, SLICEMILL, TERMINAL, EndToEnd, records, wait_until

ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
CLEAR = "\r\x1b[K"


class Terminal:
    """A pseudo terminal: what a process shows on it, piece by piece with the time of each."""

    def __init__(self, columns=100):
        self.master, self.slave = pty.openpty()
        self.resize(columns)
        self.pieces = []

    def resize(self, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def watch(self, process, until=lambda text: False):
        """Reads until the process has ended, or the text satisfies the condition; returns the text."""
        while True:
            readable = select.select([self.master], [], [], 0.05)[0]
            if readable:
                self.pieces.append((time.monotonic(), os.read(self.master, 65536).decode()))
            elif process.poll() is not None:
                return self.text()
            if until(self.text()):
                return self.text()

    def text(self):
        return "".join(piece for _, piece in self.pieces)

    def frames(self):
        """The bars that were drawn, without what moves the cursor."""
        return [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", frame) for frame in self.text().split(CLEAR)[1:]]

    def close(self):
        os.close(self.master)
        os.close(self.slave)


def percents(texts):
    return [float(found[1]) for text in texts if (found := re.search(r"(\d+\.\d) ?%", text))]


class Progress(EndToEnd):
    def write_job(self, job, name="job.json"):
        path = self.directory / name
        path.write_text(json.dumps(job))
        return path

    def start(self, *arguments, terminal=None, stdout=subprocess.PIPE, environment=None):
        environment = {"TERM": "xterm", **(environment or {})}
        stderr = terminal.slave if terminal else subprocess.PIPE
        process = subprocess.Popen([str(SLICEMILL), "run", *map(str, arguments), "--data", str(self.data)], cwd=self.directory,
                                   env=self.environment(environment), stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, text=True)
        self.addCleanup(self._end, process)
        return process

    @staticmethod
    def _end(process):
        if process.poll() is None:
            process.kill()
        for stream in filter(None, (process.stdout, process.stderr)):
            stream.close()
        process.wait()

    def slow_job(self, delay_ms=100, **more):
        """About 55 slices of 40 records, so some seconds with two workers."""
        return self.write_job(self.job(self.write_input(), delay_ms=delay_ms, **more))

    def terminal(self, **options):
        terminal = Terminal(**options)
        self.addCleanup(terminal.close)
        return terminal

    # ---- terminals ----

    def test_a_bar_on_a_terminal(self):
        terminal = self.terminal(columns=120)
        process = self.start(self.slow_job(delay_ms=250), terminal=terminal)
        text = terminal.watch(process)
        self.assertEqual(process.wait(), OK)
        self.assertRegex(text.splitlines()[0], rf"^progress: execution {ID} begins", "the id comes first")
        frames = terminal.frames()
        rising = percents(frames)
        self.assertGreater(len(rising), 5, frames)
        self.assertEqual(rising, sorted(rising))
        self.assertLess(rising[0], 40, "it rises from the beginning")
        self.assertGreater(rising[-1], 80)
        self.assertLess(rising[-1], 100)
        self.assertTrue(any(re.search(r"\d records/s  [\d.]+ [KM]?B/s", frame) for frame in frames), frames[-5:])
        self.assertTrue(any(re.search(r"ETA \d+s( \(\d+s to \d+s\))?", frame) for frame in frames), frames[-5:])
        for words in "slowest delay", "2/2 workers":  # not in the last ones: workers leave before the end is recorded
            self.assertTrue(any(words in frame for frame in frames), frames[-5:])
        for frame in frames:
            self.assertLess(len(frame), 120)
        drawn = [at for at, piece in terminal.pieces if CLEAR in piece]
        self.assertLessEqual(len(drawn), 5 * (drawn[-1] - drawn[0]) + 4, "five times a second at most, and the end")
        self.assertTrue(text.endswith(CLEAR), "nothing of it is left")
        self.assertRegex(process.stdout.read(), rf"^execution {ID} completed")

    def test_a_terminal_that_is_resized(self):
        terminal = self.terminal(columns=150)
        process = self.start(self.slow_job(), terminal=terminal)
        terminal.watch(process, lambda _: len(percents(terminal.frames())) > 2)
        terminal.resize(30)
        narrow_from = len(terminal.frames())
        terminal.watch(process)
        self.assertEqual(process.wait(), OK)
        later = terminal.frames()[narrow_from:]
        narrow = list(itertools.dropwhile(lambda frame: len(frame) >= 30, later))  # some were drawn before
        self.assertGreater(len(percents(narrow)), 3, later)
        for frame in narrow:
            self.assertLess(len(frame), 30)

    def test_colours_only_where_they_are_wanted(self):
        for variables, coloured in ({}, True), ({"NO_COLOR": "1"}, False):
            with self.subTest(variables):
                terminal = self.terminal()
                process = self.start(self.slow_job(delay_ms=40), terminal=terminal, environment=variables)
                text = terminal.watch(process)
                self.assertEqual(process.wait(), OK)
                self.assertEqual("\x1b[32m" in text, coloured)
                self.assertIn("[=", re.sub(r"\x1b\[[0-9;]*m", "", text))

    def test_lines_on_a_terminal_that_cannot_draw_over(self):
        for arguments, variables in ((), {"TERM": "dumb"}), (("--progress", "lines"), {}):
            with self.subTest(arguments):
                terminal = self.terminal()
                process = self.start(self.slow_job(delay_ms=40), *arguments, terminal=terminal, environment=variables)
                text = terminal.watch(process)
                self.assertEqual(process.wait(), OK)
                self.assertNotIn("\x1b", text)
                self.assertGreater(len(percents(text.splitlines())), 3)

    def test_an_interrupt_leaves_no_bar(self):
        terminal = self.terminal()
        process = self.start(self.slow_job(), terminal=terminal)
        terminal.watch(process, lambda _: len(percents(terminal.frames())) > 2)
        process.send_signal(signal.SIGINT)
        text = terminal.watch(process)
        self.assertEqual(process.wait(), INTERRUPTED)
        ending = text[text.rindex(CLEAR):]
        self.assertRegex(ending, r"slicemill: interrupted; go on with `slicemill run --resume")
        self.assertNotIn("[=", ending)

    # ---- pipes ----

    def test_lines_in_a_pipe(self):
        process = self.start(self.slow_job())
        first = process.stderr.readline()
        self.assertRegex(first, rf"^progress: execution {ID} begins; `slicemill run --resume {ID}")
        self.assertIsNone(process.poll(), "at once")
        lines = process.stderr.read().splitlines()
        self.assertEqual(process.wait(), OK)
        self.assertNotIn("\x1b", "".join(lines))
        for line in lines:
            self.assertRegex(line, r"^progress: running, \d+\.\d %, \d+ slices? done, 0 failed, [\d,]+ records in")
        rising = percents(lines)
        self.assertEqual(rising, sorted(rising))
        self.assertGreaterEqual(len(rising), 5)
        tenths = [int(percent // 10) for percent in rising]
        self.assertEqual(tenths, sorted(set(tenths)), "one line for ten percent")

    def test_quiet(self):
        job = self.slow_job(delay_ms=1)
        result = self.slicemill("run", job, "--data", self.data, "--quiet")
        self.assertEqual((result.returncode, result.stderr), (OK, ""))
        self.assertRegex(result.stdout, rf"^execution {ID} completed: [^\n]*\n$")
        result = self.slicemill("run", job, "--data", self.data, "--progress", "none")
        self.assertEqual((result.returncode, result.stderr), (OK, ""))
        self.assertIn("STEP", result.stdout)
        self.assert_one_line(self.slicemill("run", job, "--progress", "loud"), 2, "--progress")

    def test_nothing_is_mixed_with_records(self):
        path = self.write_input(records=300)
        job = self.job(path, delay_ms=20)
        job["operations"][-1] = {"_op": "stdout"}
        job = self.write_job(job)
        for arguments in [], ["--summary", "json"], ["--quiet"]:
            with self.subTest(arguments):
                result = self.slicemill("run", job, "--data", self.data, *arguments)
                self.assertEqual(result.returncode, OK, result.stderr)
                shown = [json.loads(line) for line in result.stdout.splitlines()]
                self.assertEqual(sorted(shown, key=lambda r: r["id"]), records(300))
                last = result.stderr.splitlines()[-1]
                if "json" in arguments:
                    self.assertEqual(json.loads(last)["records_out"], 300)
                else:
                    self.assertRegex(result.stderr, rf"execution {ID} completed: .*300 records out")
        # The bar goes to another terminal than the records, or there is none.
        slow = self.job(path, delay_ms=300)
        slow["operations"][-1] = {"_op": "stdout"}
        job = self.write_job(slow)
        terminal = self.terminal()
        process = self.start(job, terminal=terminal)
        terminal.watch(process)
        self.assertTrue(percents(terminal.frames()), terminal.text())
        self.assertEqual(len(process.stdout.read().splitlines()), 300)
        terminal = self.terminal()
        process = self.start(job, terminal=terminal, stdout=terminal.slave)
        text = terminal.watch(process)
        self.assertEqual(process.wait(), OK)
        self.assertNotIn(CLEAR, text)
        self.assertEqual(len([line for line in text.splitlines() if line.startswith('{"id":')]), 300)

    # ---- the end ----

    def test_the_summary_says_what_each_step_did(self):
        self.write_input("in/a.ldjson", records=1500)
        self.write_input("in/b.ldjson", records=500, first=1500)
        os.mkfifo(self.directory / "in" / "pipe")
        job = self.write_job(self.job(self.directory / "in", processors=[{"_op": "filter", "field": "id", "max": 99}]))
        result = self.slicemill("run", job, "--data", self.data, "--summary-file", "summary.json")
        self.assertEqual(result.returncode, OK, result.stderr)
        lines = result.stdout.splitlines()
        self.assertRegex(lines[0], rf"^execution {ID} completed: ")
        self.assertRegex(lines[1], r"^  STEP +RECORDS IN  RECORDS OUT  TIME$")
        self.assertRegex(lines[2], r"^  file_reader +2,000 +\d+%$")
        self.assertRegex(lines[3], r"^  filter +2,000 +100 +\d+%$")
        self.assertRegex(lines[4], r"^  file_exporter +100 +100 +\d+%$")
        self.assertRegex(lines[5], r"^  input: .*/in: left out 1 pipe \(pipe\)$")
        summary = json.loads((self.directory / "summary.json").read_text())
        self.assertEqual([(s["op"], s["records_in"], s["records_out"]) for s in summary["steps"]],
                         [("file_reader", None, 2000), ("filter", 2000, 100), ("file_exporter", 100, 100)])
        self.assertAlmostEqual(sum(s["share"] for s in summary["steps"]), 1, delta=0.01)
        self.assertEqual((summary["status"], summary["percent"], summary["records_in"], summary["records_out"]),
                         ("completed", 100, 2000, 100))
        size = sum(f.stat().st_size for f in (self.directory / "in").glob("*.ldjson"))
        self.assertEqual(summary["bytes_in"], size)
        self.assertIn("1 pipe", summary["notices"][0])
        self.assertEqual((summary["quarantined"], summary["first_error"], summary["remarks"]), (0, None, []))
        self.assertRegex(summary["ex_id"], ID)

    def test_the_counts_of_steps_are_whole_where_slices_are_short(self):
        job = {"name": "short", "workers": 2, "operations": [
            {"_op": "id_range", "start": 0, "end": 20_000, "size": 2}, {"_op": "filter", "field": "id", "max": 4}, {"_op": "noop"}]}
        result = self.slicemill("run", self.write_job(job), "--data", self.data, "--summary", "json")
        self.assertEqual(result.returncode, OK, result.stderr)
        steps = json.loads(result.stdout)["steps"]
        self.assertEqual([s["records_out"] for s in steps], [20_000, 5, 5])

    def test_the_first_error_has_file_bytes_and_record(self):
        path = self.write_input(records=200)
        text = path.read_text().splitlines(keepends=True)
        text[150] = '["no", "object"]\n'
        path.write_text("".join(text))
        at = len("".join(text[:150]))
        job = self.job(path, processors=[{"_op": "filter", "field": "id", "min": 0}], max_retries=0)
        result = self.slicemill("run", self.write_job(job), "--data", self.data, "--summary", "json", "--progress", "none")
        self.assert_one_line(result, FAILED, "1 slice failed", str(path), "bytes ", '["no", "object"]')
        first = json.loads(result.stdout)["first_error"]
        self.assertEqual((first["file"], first["record"], first["quarantined"]), (str(path), '["no", "object"]', False))
        self.assertLessEqual(first["bytes"][0], at)
        self.assertGreater(first["bytes"][1], at)
        self.assertIn("operations[1] filter", first["error"])

        job["operations"][1]["_dead_letter_action"] = "quarantine"
        result = self.slicemill("run", self.write_job(job), "--data", self.data)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertRegex(result.stdout, r"\n  quarantined: 1 record; see `slicemill quarantine ")
        self.assertRegex(result.stdout, r'\n  first quarantined record: .*record: \["no", "object"\]')

    def test_a_resumed_run_says_since_when(self):
        job = self.slow_job()
        process = self.start(job, "--progress", "lines")
        wait_until(lambda: re.search(r"[1-9]\d\.\d %", process.stderr.readline()), "a tenth to be done")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(), INTERRUPTED)
        ex_id = next((self.data / "ledgers").iterdir()).name
        process = self.start("--resume", ex_id, "--summary", "json")
        lines = process.stderr.read().splitlines()
        summary = json.loads(process.stdout.read())
        self.assertEqual(process.wait(), OK)
        self.assertGreaterEqual(percents(lines)[0], 10, "it goes on where it was")
        self.assertEqual([s["records_out"] for s in summary["steps"]], [2000, 2000, 2000], "of all of it, once")
        self.assertGreater(summary["resumed"], summary["started"])

    # ---- REST ----

    def test_documents_while_it_runs_and_after_the_end(self):
        master = self.start_master()
        ex_id = master.submit(self.job(self.write_input(), delay_ms=250))["ex_id"]
        seen = []

        def ended():
            document = master.execution(ex_id)
            seen.append(document["progress"])
            self.assertEqual("summary" in document, document["_status"] in TERMINAL)
            return document if document["_status"] in TERMINAL else None

        document = wait_until(ended, "its end")
        self.assertEqual(document["_status"], "completed")
        known = [p["percent"] for p in seen if p["percent"] is not None]
        self.assertEqual(known, sorted(known))
        self.assertGreater(len(set(known)), 3)
        self.assertEqual(document["progress"]["percent"], 100)
        self.assertIsNone(document["progress"]["eta"])
        self.assertTrue(any(p["rate"] for p in seen))
        self.assertEqual({p["unit"] for p in seen if p["unit"]}, {"bytes"})
        self.assertEqual({(p["workers_wanted"]) for p in seen if p.get("workers_wanted")}, {2})
        self.assertEqual([s["records_out"] for s in document["summary"]["steps"]], [2000, 2000, 2000])
        self.assertEqual(document["summary"]["status"], "completed")
        master.terminate()
        again = self.start_master()
        self.assertEqual(again.execution(ex_id)["summary"], document["summary"], "it is kept")

    def test_a_killed_controller_takes_nothing_back(self):
        master = self.start_master()
        ex_id = master.submit(self.job(self.write_input(), delay_ms=150))["ex_id"]
        seen = []

        def percent_of(document):
            if (percent := document["progress"]["percent"]) is not None:
                seen.append(percent)
            return seen[-1] if seen else 0

        wait_until(lambda: percent_of(master.execution(ex_id)) > 30, "a third to be done")
        master.kill_9("execution_controller", ex_id)

        def ended():
            document = master.execution(ex_id)
            percent_of(document)
            return document if document["_status"] in TERMINAL else None

        document = wait_until(ended, "its end")
        self.assertEqual(document["_status"], "completed")
        self.assertEqual(seen, sorted(seen))
        self.assertEqual([s["records_out"] for s in document["summary"]["steps"]], [2000, 2000, 2000], "nothing is counted twice")
        self.assertIsNotNone(document["summary"]["resumed"])
        restarts = [line for line in master.get(f"/v1/ex/{ex_id}/history") if line["event"] == "controller_restart"]
        self.assertEqual(len(restarts), 1)
        self.assertIn("signal 9", restarts[0]["reason"])

    def test_what_cannot_be_known_is_null(self):
        master = self.start_master()
        job = {"name": "endless", "lifecycle": "persistent", "workers": 1, "operations": [
            {"_op": "data_generator", "size": 10}, {"_op": "delay", "ms": 20}, {"_op": "noop"}]}
        ex_id = master.submit(job)["ex_id"]
        progress = wait_until(lambda: (p := master.execution(ex_id)["progress"])["rate"] and p, "a rate")
        self.assertEqual((progress["percent"], progress["total"], progress["eta"]), (None, None, None))
        self.assertGreater(progress["done"], 0)
        master.post(f"/v1/ex/{ex_id}/_pause")
        progress = wait_until(lambda: (p := master.execution(ex_id)["progress"])["rate"] is None and p, "no rate of a paused one")
        master.post(f"/v1/ex/{ex_id}/_stop")
        self.assertIsNone(master.execution(ex_id)["progress"]["percent"])

    def test_a_log_is_followed_to_the_end(self):
        master = self.start_master()
        ex_id = master.submit(self.job(self.write_input(), delay_ms=50))["ex_id"]
        master.wait_for_status(ex_id, "running")
        connection = http.client.HTTPConnection("127.0.0.1", master.port, timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", f"/v1/ex/{ex_id}/logs?tail=5&follow=true")
            answer = connection.getresponse()
            self.assertEqual(answer.status, 200)
            self.assertNotIn(master.status(ex_id), TERMINAL, "it begins at once")
            text = answer.read().decode()
        self.assertIn(master.status(ex_id), TERMINAL)
        self.assertIn(f"execution {ex_id} is completed", text)
        log = (self.data / "logs" / ex_id / "controller.log").read_text()
        self.assertTrue(log.endswith(text), "each line once")

        # One that leaves is seen to leave, and a master that ends does not wait for those who follow.
        ex_id = master.submit(self.job(self.write_input(), delay_ms=500))["ex_id"]
        master.wait_for_status(ex_id, "running")
        connection = http.client.HTTPConnection("127.0.0.1", master.port, timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", f"/v1/ex/{ex_id}/logs?follow=true")
            answer = connection.getresponse()
            self.assertIn(b"controller", answer.read1())
            self.assertEqual(master.terminate(), OK)
            answer.read()  # ends

    def test_every_change_has_a_reason(self):
        master = self.start_master()
        ex_id = master.submit(self.job(self.write_input(), delay_ms=300))["ex_id"]
        master.wait_for_status(ex_id, "running")
        for verb, status in ("_pause", "paused"), ("_resume", "running"), ("_stop", "stopped"):
            master.post(f"/v1/ex/{ex_id}/{verb}")
            master.wait_for_status(ex_id, status)
        again = master.post(f"/v1/ex/{ex_id}/_recover")["ex_id"]
        lines = master.get(f"/v1/ex/{ex_id}/history")
        self.assertEqual([line["to"] for line in lines],
                         ["pending", "scheduling", "initializing", "running", "paused", "running", "stopping", "stopped"])
        for line in lines:
            self.assertNotEqual(line["reason"], "", line)
        told = {line["event"]: line["reason"] for line in lines}
        self.assertEqual((told["pause"], told["stop"]), ("it was told to pause", "it was told to stop"))
        self.assertEqual(master.get(f"/v1/ex/{again}/history")[0]["reason"], f"it recovers {ex_id}")

    def test_the_failure_reason_has_the_first_error(self):
        path = self.write_input(records=200)
        text = path.read_text().splitlines(keepends=True)
        text[150] = '["no", "object"]\n'
        path.write_text("".join(text))
        master = self.start_master()
        job = self.job(path, processors=[{"_op": "filter", "field": "id", "min": 0}], max_retries=0)
        ex_id = master.submit(job)["ex_id"]
        document = master.wait_for_status(ex_id, "failed")
        reason = document["_failureReason"]
        self.assertTrue(reason.startswith(f"execution: {ex_id} had 1 slice failure during processing; the first: "), reason)
        self.assertRegex(reason, rf'\["no", "object"\].*\({re.escape(str(path))}, bytes \d+ to \d+\)')
        self.assertEqual(document["summary"]["first_error"]["record"], '["no", "object"]')
        # A recovery runs the failed slice again, and counts that alone.
        again = master.post(f"/v1/ex/{ex_id}/_recover?cleanup_type=errors")["ex_id"]
        document = master.wait_for_status(again, "failed")
        self.assertEqual((document["progress"]["unit"], document["progress"]["total"]), ("slices", 1))


if __name__ == "__main__":
    unittest.main()
