"""The command line against a real master: each command once with what must be seen, its exit code, and what users get wrong."""

import fcntl
import json
import os
import pathlib
import pty
import re
import signal
import socket
import struct
import subprocess
import termios
import threading
import unittest

from harness import (BAD_INPUT, CANNOT_START, FAILED, INTERRUPTED, OK, POLL_S, SLICEMILL, STORAGE, EndToEnd, is_alive, records, wait_until)
from test_assets import example

QUARANTINED, TIMED_OUT = 5, 124
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


class CommandLine(EndToEnd):
    def setUp(self):
        super().setUp()
        self.master = self.start_master()
        self.home = self.directory / "home"

    def environment(self, extra=None):
        """A master that every command asks, and no contexts of a developer."""
        given = {"XDG_CONFIG_HOME": str(self.directory / "home")}
        if hasattr(self, "master"):
            given["SLICEMILL_MASTER"] = self.master.url
        return super().environment({**given, **(extra or {})})

    def ok(self, *arguments, **options):
        """What the command prints; it must succeed and say nothing else."""
        result = self.slicemill(*arguments, **options)
        self.assertEqual(result.returncode, OK, result.stdout + result.stderr)
        return result.stdout

    def job_file(self, name="job", **options):
        source = options.pop("path", None) or self.write_input(f"{name}.ldjson", 400)
        job = {**self.job(source, sender={"path": str(self.directory / f"out-{name}")}, **options), "name": name}
        path = self.directory / f"{name}.json"
        path.write_text(json.dumps(job))
        return path

    def completed(self, name="job", **options):
        return self.ok("submit", self.job_file(name, **options), "--wait").split()[0]

    def live(self, name="slow", **options):
        # Without a delay of its own it outlives the test, however slow the machine is.
        path = self.write_input(f"{name}.ldjson", 8000 if "delay_ms" in options else 80000)
        options.setdefault("delay_ms", 100)
        ex_id = self.ok("submit", self.job_file(name, path=path, **options)).strip()
        self.master.wait_for_status(ex_id, "running")
        return ex_id

    def failed(self, name="bad", **options):
        bad = self.directory / f"{name}.in"
        bad.write_text("this is no JSON\n")
        check = {"_op": "filter", "field": "id", "min": 0}
        job = self.job_file(name, path=bad, processors=[check], max_retries=0, **options)
        result = self.slicemill("submit", job, "--wait")
        self.assertEqual(result.returncode, FAILED, result.stdout + result.stderr)
        return result.stdout.split()[0]

    # ---- submit, wait ----

    def test_submit_prints_the_id_alone(self):
        result = self.slicemill("submit", self.job_file())
        self.assertEqual((result.returncode, result.stderr), (OK, ""))
        self.assertRegex(result.stdout, f"^{ID.pattern}\n$")
        self.master.wait_for_status(result.stdout.strip(), "completed")

    def test_submit_and_wait_exit_by_the_outcome(self):
        out = self.ok("submit", self.job_file(), "--wait")
        self.assertIn(" completed: ", out)
        self.assertIn("400 records in", out)
        ex_id = self.failed()
        result = self.slicemill("wait", ex_id)
        self.assert_one_line(result, FAILED, ex_id, "failed", f"slicemill explain {ex_id}")

    def test_relative_paths_start_at_the_working_directory(self):
        self.write_input("in.ldjson", 10)
        job = self.job("in.ldjson", sender={"path": "./relative"})
        (self.directory / "relative.json").write_text(json.dumps(job))
        self.ok("submit", "relative.json", "--wait")
        self.assert_output(records(10), self.directory / "relative")

    def test_submit_without_a_start(self):
        job_id = self.ok("submit", self.job_file("stored"), "--no-start").strip()
        self.assertEqual(self.master.get(f"/v1/jobs/{job_id}")["name"], "stored")
        self.assertIn(job_id, self.ok("jobs"))

    def test_a_wrong_job_is_told_in_plain_words(self):
        path = self.job_file("wrong", reader={"size": "many"})
        result = self.slicemill("submit", path)
        self.assert_one_line(result, BAD_INPUT, f"{path}: operations[0].size: ", "many")
        for word in ("Zod", "caused by", "Validation failed", "[{"):
            self.assertNotIn(word, result.stderr)
        self.assertEqual(self.slicemill("run", path, "--data", self.directory / "local").stderr, result.stderr)
        self.assertEqual(self.slicemill("validate", path).stderr, result.stderr)

    def test_wait_with_a_timeout(self):
        ex_id = self.live()
        self.assert_one_line(self.slicemill("wait", ex_id, "--timeout", "200ms"), TIMED_OUT, ex_id, "still running")
        self.ok("stop", ex_id)
        self.assert_one_line(self.slicemill("wait", ex_id), FAILED, "stopped")

    def test_a_persistent_execution_that_is_told_to_stop_is_well(self):
        ex_id = self.live("endless", lifecycle="persistent")
        self.ok("stop", ex_id)
        self.assertIn("stopped", self.ok("wait", ex_id))

    def test_wait_outlives_the_master(self):
        ex_id = self.live(delay_ms=20)
        port, data = self.master.port, self.data
        ours, theirs = pty.openpty()
        waiting = subprocess.Popen([str(SLICEMILL), "wait", ex_id], stdout=subprocess.PIPE, stderr=theirs, text=True,
                                   env=self.environment())
        os.close(theirs)
        said = bytearray()
        reader = threading.Thread(target=self.read_terminal, args=(ours, said), daemon=True)
        reader.start()
        wait_until(lambda: said, "progress: the master has been asked")
        self.master.kill_9_itself()
        wait_until(lambda: b"waiting for it" in said, "the loss to be told")
        self.master = self.start_master(data=data, port=port)
        self.assertIn("completed", waiting.stdout.read())
        self.assertEqual(waiting.wait(), OK)
        reader.join()
        waiting.stdout.close()

    def test_quarantined_records_count_only_if_they_are_to(self):
        source = self.write_input("mixed.ldjson", 20)
        with source.open("a") as file:
            file.write("this is no JSON\n")
        check = {"_op": "filter", "field": "id", "min": 0}
        job = self.job_file("mixed", path=source, processors=[check], reader={"_dead_letter_action": "quarantine"})
        ex_id = self.ok("submit", job, "--wait").split()[0]
        self.ok("wait", ex_id)
        result = self.slicemill("wait", ex_id, "--fail-on-quarantine")
        self.assert_one_line(result, QUARANTINED, f"slicemill quarantine {ex_id}")
        self.assertEqual(len(self.ok("quarantine", "last").splitlines()), 1)
        result = self.slicemill("run", job, "--fail-on-quarantine", "--data", self.directory / "local")
        self.assert_one_line(result, QUARANTINED, "slicemill quarantine")

    # ---- lists ----

    def test_lists(self):
        done, bad, slow = self.completed("done"), self.failed("bad"), self.live("slow")
        table = self.ok("list")
        self.assertTrue(table.startswith("EXECUTION "), table)
        for ex_id, word in ((done, "completed"), (bad, "failed"), (slow, "running")):
            self.assertRegex(table, rf"(?m)^{ex_id}  \w+ +{word} ")
        self.assertEqual([e["ex_id"] for e in json.loads(self.ok("list", "--status", "failed", "-o", "json"))], [bad])
        self.assertEqual([e["ex_id"] for e in json.loads(self.ok("list", "--filter", "name:done", "-o", "json"))], [done])
        self.assertEqual(json.loads(self.ok("list", "--since", "0s", "-o", "json")), [])
        self.assertEqual(len(json.loads(self.ok("list", "--since", "1h", "-o", "json"))), 3)
        self.assertEqual(len(self.ok("list", "--limit", "1").splitlines()), 2)
        self.assertIn("QUARANTINED", self.ok("list", "-o", "wide"))
        self.assertIn(f"ex_id: {done}", self.ok("list", "--status", "completed", "-o", "yaml"))
        self.assertRegex(self.ok("jobs"), rf"(?m)^{ID.pattern}  bad .* {bad}  failed ")
        self.assert_one_line(self.slicemill("list", "--status", "runing"), BAD_INPUT, "'runing' is no status", "running")
        self.assert_one_line(self.slicemill("list", "--filter", "name:("), BAD_INPUT)
        self.assertIn("did you mean '_status'?", self.slicemill("list", "--filter", "status:failed AND name:done").stderr)
        self.assertEqual([e["ex_id"] for e in json.loads(self.ok("list", "--search", "file readers done", "-o", "json"))], [done])
        self.assertEqual([e["ex_id"] for e in json.loads(self.ok("list", "--search", "file_reader", "--status", "failed", "-o", "json"))], [bad])
        self.assertEqual([j["name"] for j in json.loads(self.ok("jobs", "--search", "slow", "--filter", "workers:[1 TO *]", "-o", "json"))], ["slow"])
        self.assertEqual(json.loads(self.ok("jobs", "--search", "done slow", "-o", "json")), [])
        for command in ("list", "jobs"):
            self.assert_one_line(self.slicemill(command, "--search", 'a "b'), BAD_INPUT, "--search", "character 3")
            self.assert_one_line(self.slicemill(command, "--search", "-"), BAD_INPUT, "no word")
        self.assert_one_line(self.slicemill("list", "--search", "done", "--data", self.directory / "data"), BAD_INPUT, "--search", "--filter")
        self.assert_one_line(self.slicemill("list", "--since", "soon"), BAD_INPUT, "'soon' is not a time")

    def test_an_empty_list_has_its_header(self):
        self.assertEqual(len(self.ok("list").splitlines()), 1)
        self.assertEqual(self.ok("list", "-o", "json"), "[]\n")

    def test_names_that_would_act_on_a_terminal(self):
        self.ok("submit", self.job_file("x", processors=[]), "--wait")
        job = json.loads((self.directory / "x.json").read_text())
        (self.directory / "y.json").write_text(json.dumps({**job, "name": "a\x1b[31m\nb"}))
        self.ok("submit", self.directory / "y.json", "--wait")
        for command in (("list",), ("jobs",), ("show", "last"), ("top",), ("explain", "last")):
            shown = self.ok(*command)
            self.assertNotIn("\x1b", shown)
            self.assertIn("a\\x1b[31m\\nb", shown)

    def test_show(self):
        ex_id = self.completed()
        shown = self.ok("show", ex_id)
        for words in (f"execution:    {ex_id}", "status:       completed", "progress:     100.0 %", "records in:   400", "operations:   file_reader > file_exporter",
                      "history:", "  completed"):
            self.assertIn(words, shown)
        self.assertEqual(json.loads(self.ok("show", ex_id, "-o", "json")), self.master.execution(ex_id))

    def test_errors_and_explain(self):
        ex_id = self.failed()
        errors = self.ok("errors", ex_id)
        self.assertEqual(len(errors.splitlines()), 2, errors)
        self.assertIn("ERROR", errors)
        told = self.ok("explain", ex_id)
        for words in ("of job 'bad' failed ", "1 slice failed with: ", "The input is what is wrong. ", "submit the job anew"):
            self.assertIn(words, told)
        self.assertNotIn("caused by", told)
        self.assertNotIn("Before, it became", told)
        self.assertRegex(self.ok("show", ex_id), r"(?m)^  \S+  failing: a slice has failed$")
        self.assertRegex(self.ok("top"), rf"(?m)^{ex_id}  bad +failed +0% ")
        self.assertRegex(self.ok("show", ex_id), r"(?m)^progress: +0\.0 %$")

    def test_only_documents_of_teraslice_have_its_frames(self):
        result = self.slicemill("submit", self.job_file("lost", path=self.directory / "nowhere.in"), "--wait")
        self.assertEqual(result.returncode, FAILED, result.stderr)
        ex_id = result.stdout.split()[0]
        document = self.master.execution(ex_id)
        self.assertTrue(document["_failureReason"].startswith(f"slicer for ex {ex_id} had an error, shutting down execution, caused by"))
        told = [result.stderr, self.ok("logs", ex_id), self.ok("show", ex_id), self.ok("explain", ex_id), document["summary"]["reason"],
                json.dumps(self.master.get(f"/v1/ex/{ex_id}/history"))]
        for text in told:
            self.assertNotIn("caused by Error", text)
            self.assertIn("nowhere.in: No such file or directory", text)

    def test_explain_what_waits_and_what_runs(self):
        slow = self.live(workers=8)
        waiting = self.ok("submit", self.job_file("waiting")).strip()
        self.master.wait_for_status(waiting, "pending")
        self.assertIn("all 8 are taken", self.ok("explain", waiting))
        wait_until(lambda: self.master.stats(slow).get("processed"), "figures")
        wait_until(lambda: "in flight" in self.ok("explain", slow), "an explanation with figures")
        self.ok("pause", slow)
        self.assertIn(f"slicemill resume {slow}", self.ok("explain", slow))
        self.ok("resume", slow)
        self.ok("stop", slow)
        self.assertIn("told to stop", self.ok("explain", slow))
        self.assertRegex(self.ok("wait", waiting) and self.ok("explain", waiting), r"completed .* ago; it was submitted ")

    # ---- verbs ----

    def test_verbs(self):
        ex_id = self.live()
        self.assertEqual(self.ok("pause", ex_id), f"execution {ex_id} is paused\n")
        self.assertEqual(self.ok("resume", ex_id), f"execution {ex_id} is running\n")
        self.assertEqual(self.ok("workers", ex_id, "total", "3"), f"execution {ex_id} is to have 3 workers\n")
        self.master.wait_for_pids("worker", ex_id, 3)
        self.ok("workers", ex_id, "remove", "1")
        self.ok("workers", ex_id, "add", "2")
        self.master.wait_for_pids("worker", ex_id, 4)
        self.assertEqual(self.ok("stop", ex_id), f"execution {ex_id} is stopped\n")
        for command in (("pause", ex_id), ("resume", ex_id), ("workers", ex_id, "add", "1")):
            self.assert_one_line(self.slicemill(*command), CANNOT_START, f"execution {ex_id} is stopped", "slicemill explain")
        recovered = self.ok("recover", ex_id).strip()
        self.assertEqual(self.master.execution(recovered)["recovered_execution"], ex_id)
        result = self.slicemill("restart", recovered)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertEqual(self.master.status(recovered), "stopped")
        again = result.stdout.strip()
        self.assertEqual(self.master.execution(again)["job_id"], self.master.execution(ex_id)["job_id"])
        self.assertEqual(json.loads(self.ok("stop", again, "--force", "-o", "json"))["status"], "stopped")

    def test_recover_and_wait(self):
        ex_id = self.live(delay_ms=10)
        self.ok("stop", ex_id)
        self.assertIn("completed", self.ok("recover", ex_id, "--wait"))
        self.assert_output(records(8000), self.directory / "out-slow")

    def test_recover_with_a_mended_job(self):
        numbers = self.write_input("bad.ldjson", 400)
        fail = {"_op": "script", "command": "false"}
        job = self.job_file("bad", path=numbers, processors=[fail], max_retries=0)
        result = self.slicemill("submit", job, "--wait")
        self.assertEqual(result.returncode, FAILED)
        ex_id = result.stdout.split()[0]
        self.assertIn("add `--job FILE`", self.ok("explain", ex_id))
        mended = self.job_file("mended", path=numbers, params={"LEAST": None},
                               processors=[{"_op": "filter", "field": "id", "min": "${LEAST}"}])
        self.assert_one_line(self.slicemill("recover", ex_id, "--job", mended, "--config", "own"), BAD_INPUT, "--config own")
        self.assert_one_line(self.slicemill("recover", ex_id, "--job", self.directory / "none.json"), BAD_INPUT, "none.json")
        self.assertIn("completed", self.ok("recover", ex_id, "--job", mended, "--set", "LEAST=300", "--wait"))
        self.assert_output(records(100, first=300), self.directory / "out-mended")
        self.assertIn("params:       LEAST=300", self.ok("show", "last"))
        job_id = self.master.execution(ex_id)["job_id"]
        self.assertEqual(self.master.get(f"/v1/jobs/{job_id}")["name"], "mended", "it is stored")

    def test_what_needs_an_end_says_how_to_get_there(self):
        ex_id = self.live()
        mended = self.job_file("mended")
        for command in (("recover", ex_id), ("recover", ex_id, "--job", mended), ("delete", ex_id), ("quarantine", ex_id, "--redrive"),
                        ("delete", "--job", self.master.execution(ex_id)["job_id"])):
            self.assert_one_line(self.slicemill(*command), CANNOT_START, f"execution {ex_id} of this job is running",
                                 f"`slicemill wait {ex_id}`", f"`slicemill stop {ex_id}`")
        self.assertEqual(self.master.get("/v1/jobs")[0]["name"], "slow", "a job that cannot go on is not replaced")
        self.assert_one_line(self.slicemill("workers", ex_id, "remove", "2"), BAD_INPUT, "keeps at least one", f"slicemill stop {ex_id}")

    def test_delete_a_job(self):
        ex_id = self.completed()
        job_id = self.master.execution(ex_id)["job_id"]
        self.assert_one_line(self.slicemill("delete", job_id[:8]), BAD_INPUT, f"slicemill delete --job {job_id[:8]}")
        self.assertEqual(self.ok("delete", "--job", job_id[:8]), f"job {job_id} is deleted\n")
        self.assertNotIn(job_id, self.ok("jobs"))

    def test_delete_and_prune_executions(self):
        ids = [self.completed(f"j{n}") for n in range(4)]
        live = self.live()
        self.assertEqual(self.ok("delete", ids[0]), f"execution {ids[0]} is deleted\n")
        self.assertNotIn(ids[0], self.ok("list"))
        self.assertNotEqual(self.slicemill("delete", live).returncode, OK)
        self.assertEqual(self.ok("prune", "--older-than", "1h"), "")
        self.assertEqual(self.ok("prune", "--keep", "1", "--dry-run").split(), [ids[1], ids[2]])
        self.assertEqual(self.ok("prune", "--keep", "1").split(), [ids[1], ids[2]])
        self.assertEqual({e["ex_id"] for e in json.loads(self.ok("list", "-o", "json"))}, {ids[3], live})
        self.assert_output(records(400), self.directory / "out-j1")
        self.assert_one_line(self.slicemill("prune"), BAD_INPUT, "--older-than")

    def test_an_interrupted_wait_leaves_the_execution(self):
        ex_id = self.live()
        ours, theirs = pty.openpty()
        waiting = subprocess.Popen([str(SLICEMILL), "wait", ex_id, "--master", self.master.url], stdout=subprocess.DEVNULL,
                                   stderr=theirs, env=self.environment())
        os.close(theirs)
        said = bytearray()
        reader = threading.Thread(target=self.read_terminal, args=(ours, said), daemon=True)
        reader.start()
        wait_until(lambda: said, "progress: it waits")
        waiting.send_signal(signal.SIGINT)
        self.assertEqual(waiting.wait(), INTERRUPTED)
        reader.join()
        self.assertIn(f"`slicemill stop {ex_id} --master {self.master.url}` ends it".encode(), said)
        self.assertEqual(self.master.status(ex_id), "running")
        self.ok("stop", ex_id)

    # ---- logs, top ----

    def test_logs(self):
        ex_id = self.live(delay_ms=20, workers=1)
        following = subprocess.Popen([str(SLICEMILL), "logs", ex_id, "-f", "-n", "1000"], stdout=subprocess.PIPE, text=True,
                                     env=self.environment())
        self.assertNotEqual(following.stdout.readline(), "")
        self.master.wait_for_status(ex_id, "completed")
        log = pathlib.Path(self.master.execution(ex_id)["log_path"])
        rest = following.stdout.read()
        self.assertEqual(following.wait(), OK)
        following.stdout.close()
        self.assertGreater(len(rest.splitlines()), 1)
        self.assertIn(rest, log.read_text())
        self.assertIn("completed", rest)
        self.assertEqual(self.ok("logs", ex_id, "-n", "1"), log.read_text().splitlines(keepends=True)[-1])
        self.assertIn("worker", self.ok("logs", ex_id, "--worker", "1"))
        self.assert_one_line(self.slicemill("logs", ex_id, "--worker", "77"), BAD_INPUT, "no log of worker-77")

    def test_top_once(self):
        done, slow = self.completed("done"), self.live("slow")
        wait_until(lambda: self.master.stats(slow).get("processed"), "figures")
        wait_until(lambda: re.search(rf"(?m)^{slow}  slow +running +\d+% +\d+ +0 +[\d,]+ .* 2/2 ", self.ok("top")),
                   lambda: "figures of the live one in " + self.ok("top"))
        self.assertRegex(self.ok("top"), rf"(?m)^{done}  done +completed +100% ")
        self.assertEqual(len(self.ok("top", done).splitlines()), 2)

    def test_top_refreshes_on_a_terminal(self):
        ex_id = self.live(delay_ms=20)
        shown = self.on_terminal("top", ex_id, "--interval", "100ms")
        self.assertGreater(shown.count("\x1b[2J"), 1)
        self.assertIn("\x1b[32mcompleted\x1b[0m", shown)

    def test_tables_fit_the_terminal_and_obey_no_color(self):
        ex_id = self.completed("a-name-that-needs-more-room-than-there-is-on-a-narrow-terminal")
        shown = self.on_terminal("list", columns=70)
        self.assertRegex(shown, rf"(?m)^{ex_id[:8]} +a-name")
        self.assertIn("…", shown)
        plain = re.sub(r"\x1b\[\d+m", "", shown)
        self.assertTrue(all(len(line) <= 70 for line in plain.splitlines()), plain)
        self.assertNotIn("\x1b", self.on_terminal("list", columns=70, environment={"NO_COLOR": "1"}))

    def on_terminal(self, *arguments, columns=120, environment=None):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        process = subprocess.Popen([str(SLICEMILL), *map(str, arguments)], stdout=theirs, stderr=subprocess.DEVNULL,
                                   env=self.environment({"TERM": "xterm", **(environment or {})}))
        os.close(theirs)
        shown = bytearray()
        self.read_terminal(ours, shown)
        self.assertEqual(process.wait(), OK)
        return shown.decode()

    @staticmethod
    def read_terminal(terminal, shown):
        """Adds what is written to the terminal until its other end is closed."""
        while True:
            try:
                piece = os.read(terminal, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            shown += piece
        os.close(terminal)

    # ---- names of executions ----

    def test_names_of_executions(self):
        first, second = self.completed("one"), self.completed("two")
        self.assertIn(second, self.ok("show", "last"))
        self.assertIn(first, self.ok("show", self.directory / "one.json"))
        beginning = next(first[:n] for n in range(1, 37) if first[:n] != second[:n])
        self.assertIn(first, self.ok("show", beginning))
        again = self.completed("one")
        self.assertIn(again, self.ok("show", "one.json", cwd=self.directory))
        self.ok("verify", "last")
        self.ok("verify", beginning if not again.startswith(beginning) else first)

    def test_wrong_names(self):
        self.assert_one_line(self.slicemill("show", "last"), BAD_INPUT, "there is no execution yet")
        ids = []
        while len({ex_id[0] for ex_id in ids}) == len(ids):
            ids.append(self.completed(f"job{len(ids)}"))
        same = next(ex_id[0] for ex_id in ids if sum(other[0] == ex_id[0] for other in ids) > 1)
        matches = [ex_id for ex_id in ids if ex_id[0] == same]
        self.assert_one_line(self.slicemill("show", same), BAD_INPUT, "several executions", *matches)
        free = next(c for c in "0123456789abcdefg" if all(ex_id[0] != c for ex_id in ids))
        self.assert_one_line(self.slicemill("show", free), BAD_INPUT, f"no execution begins with '{free}'", "slicemill list")
        self.assert_one_line(self.slicemill("show", "00000000-0000-4000-8000-000000000000"), BAD_INPUT, "was not found")
        self.assert_one_line(self.slicemill("show", "such things"), BAD_INPUT, "no execution begins with 'such things'")
        self.assert_one_line(self.slicemill("show", "none.json"), BAD_INPUT, "none.json")
        stranger = self.job_file("stranger")
        self.assert_one_line(self.slicemill("show", stranger), BAD_INPUT, "'stranger'")

    def test_executions_of_a_data_directory(self):
        local = self.directory / "local"
        self.ok("run", self.job_file(), "--data", local)
        (ex_id,) = [path.name for path in (local / "ledgers").iterdir()]
        for name in ("last", ex_id[:6], ex_id):
            self.assertIn(ex_id, self.ok("verify", name, "--data", local))
        self.assertEqual(self.ok("quarantine", "last", "--data", local), "")
        self.assert_one_line(self.slicemill("verify", "zzz", "--data", local), BAD_INPUT, "no ledger of execution zzz")
        self.assert_one_line(self.slicemill("verify", "last", "--data", self.home), BAD_INPUT, "there is no data directory")
        self.assert_one_line(self.slicemill("run", "--resume", "last", "--data", local), CANNOT_START, ex_id, "nothing to resume")

    def test_commands_without_a_master(self):
        local = self.directory / "local"
        self.assert_one_line(self.slicemill("list", "--data", local), BAD_INPUT, f"no data directory {local}")
        runs = []
        for name in ("one", "two"):
            self.ok("run", self.job_file(name), "--data", local)
            runs.append(json.loads(self.ok("list", "--data", local, "-o", "json"))[0]["ex_id"])
        one, two = runs
        bad = self.directory / "bad.in"
        bad.write_text("this is no JSON\n")
        job = self.job_file("bad", path=bad, processors=[{"_op": "filter", "field": "id", "min": 0}], max_retries=0)
        self.assert_one_line(self.slicemill("run", job, "--data", local), FAILED, "bad.in")
        table = self.ok("list", "--data", local, "-o", "wide")
        self.assertRegex(table, rf"(?m)^{one}  one +completed +9 +0 ")
        self.assertEqual(len(table.splitlines()), 4)
        self.assertEqual(len(self.ok("list", "--data", local, "--status", "failed").splitlines()), 2)
        self.assertEqual(len(self.ok("list", "--data", local, "--filter", "name:two OR name:one").splitlines()), 3)
        self.assertEqual(len(self.ok("list", "--data", local, "--since", "0s").splitlines()), 1)
        self.assertEqual(len(self.ok("list", "--data", local, "--limit", "1").splitlines()), 2)
        self.assertIn(f"execution:    {two}", self.ok("show", two[:8], "--data", local))
        self.assertEqual(json.loads(self.ok("show", self.directory / "one.json", "--data", local, "-o", "json"))["ex_id"], one)
        self.assertIn("bad.in", self.ok("errors", "last", "--data", local))
        told = self.ok("explain", "last", "--data", local)
        self.assertIn("Mend the file and run the job anew", told)
        self.assertIn("is failed", self.ok("logs", "last", "--data", local, "-n", "5"))
        self.assertIn("is failed", self.ok("logs", "last", "-f", "--data", local))
        self.assert_one_line(self.slicemill("logs", "last", "--worker", "1", "--data", local), BAD_INPUT, "--worker")
        self.assertEqual(self.ok("delete", one, "--data", local), f"execution {one} is deleted\n")
        self.assertEqual(self.ok("prune", "--keep", "1", "--data", local).split(), [two])
        self.assertEqual(len(self.ok("list", "--data", local).splitlines()), 2)
        self.assert_output(records(400), self.directory / "out-one")
        for command in (("pause", "last"), ("recover", "last"), ("submit", job), ("jobs",), ("top",)):
            self.assert_one_line(self.slicemill(*command, "--data", local), BAD_INPUT, "--data", "`slicemill ")
        self.assert_one_line(self.slicemill("list", "--data", local, "--master", "h:1"), BAD_INPUT, "do not go together")

    def test_what_goes_on_from_another_run_is_deleted_after_it(self):
        local = self.directory / "local"
        source = self.write_input("half.ldjson", 100)
        with source.open("a") as file:
            file.write("this is no JSON\n")
        job = self.job_file("half", path=source, processors=[{"_op": "filter", "field": "id", "min": 0}], max_retries=0)
        self.assertEqual(self.slicemill("run", job, "--data", local).returncode, FAILED)
        first = json.loads(self.ok("list", "--data", local, "-o", "json"))[0]["ex_id"]
        self.assertEqual(self.slicemill("run", "--resume", first, "--data", local).returncode, FAILED)
        second = json.loads(self.ok("list", "--data", local, "-o", "json"))[0]["ex_id"]
        self.assertNotEqual(first, second)
        self.assertIn(f"It recovers execution {first}", self.ok("explain", second, "--data", local))
        self.assert_one_line(self.slicemill("delete", second, "--data", local), CANNOT_START, f"slicemill delete {first}")
        self.assertEqual(self.ok("prune", "--keep", "0", "--data", local).split(), [first, second])

    def test_executions_of_a_master_are_only_looked_at_in_its_directory(self):
        done, slow = self.completed("done"), self.live("slow")
        table = self.ok("list", "--data", self.data)
        self.assertRegex(table, rf"(?m)^{done}  done +completed ")
        self.assertRegex(table, rf"(?m)^{slow}  - +running ")
        self.assertIn(f"slicemill logs {slow} -f --data", self.ok("explain", slow, "--data", self.data))
        self.assert_one_line(self.slicemill("delete", done, "--data", self.data), CANNOT_START, "--master")
        self.assertEqual(self.ok("prune", "--keep", "0", "--data", self.data), "")
        self.assertEqual(self.master.status(done), "completed")
        self.ok("stop", slow)

    # ---- masters, contexts ----

    def test_a_master_that_is_not_there(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            for command in (("list",), ("show", "last"), ("submit", self.job_file()), ("top",), ("logs", "last"), ("wait", "last")):
                result = self.slicemill(*command, "--master", url)
                self.assert_one_line(result, CANNOT_START, url, "refused", "slicemill master")
                self.assertEqual(result.stdout, "")
        self.assert_one_line(self.slicemill("list", "--master", "https://h"), BAD_INPUT, "only http://")

    def test_contexts(self):
        other = {"SLICEMILL_MASTER": ""}
        self.ok("context", "set", "night", self.master.url, environment=other)
        self.ok("context", "set", "nobody", "127.0.0.1:1", environment=other)
        self.assertRegex(self.ok("context", environment=other), rf"(?m)^night +{self.master.url} +\*$")
        self.assertTrue((self.home / "slicemill" / "contexts.yaml").exists())
        self.assertTrue(self.ok("list", environment=other).startswith("EXECUTION"))
        self.assert_one_line(self.slicemill("list", "--context", "nobody"), CANNOT_START, "127.0.0.1:1")
        self.ok("context", "use", "nobody", environment=other)
        self.assert_one_line(self.slicemill("list", environment=other), CANNOT_START, "127.0.0.1:1")
        self.ok("list")  # the variable goes before the context in use
        self.ok("context", "remove", "nobody", environment=other)
        self.assert_one_line(self.slicemill("list", "--context", "nobody"), BAD_INPUT, "slicemill context set nobody URL")
        self.assert_one_line(self.slicemill("context", "set", "x", "ftp://x"), BAD_INPUT, "only http://")

    # ---- assets ----

    def test_assets(self):
        path = self.directory / "ex1.zip"
        path.write_bytes(example("0.0.1"))
        asset = self.ok("assets", "upload", path).strip()
        self.assertRegex(self.ok("assets"), rf"(?m)^ex1 +0\.0\.1 +{asset} ")
        self.assertEqual(len(json.loads(self.ok("assets", "list", "ex1", "-o", "json"))), 1)
        self.assertEqual(self.ok("assets", "delete", asset[:6]).strip(), asset)
        self.assertEqual(len(self.ok("assets").splitlines()), 1)
        path.write_text("no zip")
        self.assert_one_line(self.slicemill("assets", "upload", path), BAD_INPUT, str(path))
        self.assert_one_line(self.slicemill("assets", "upload"), BAD_INPUT, "ZIP is missing")
        self.assert_one_line(self.slicemill("assets", "delete", "short"), BAD_INPUT, "'short'", "slicemill assets")
        self.assert_one_line(self.slicemill("assets", "list", "a", "b", "c"), BAD_INPUT, "unexpected argument 'c'")

    # ---- help ----

    def test_help_version_and_pages(self):
        version = self.ok("--version")
        self.assertRegex(version, r"^slicemill \d+\.\d+\.\d+( \([0-9a-f]+, \d{4}-\d\d-\d\d\))?\n$")
        self.assertEqual(self.ok("version"), version)
        self.assertEqual(self.ok("help", "list"), self.ok("list", "--help"))
        self.assertEqual(self.ok("help"), self.ok("--help"))
        self.assertIn("Usage: slicemill list [OPTIONS]", self.ok("help", "list"))
        for command in ("", "run", "master", "quarantine"):
            self.assertLessEqual(max(map(len, self.ok("help", *filter(None, [command])).splitlines())), 100, command)
        self.assert_one_line(self.slicemill("help", "lst"), BAD_INPUT, "did you mean 'list'?")
        commands = re.findall(r"(?m)^  ([a-z]+) ", self.ok("help").partition("\nCommands:")[2])
        self.assertIn("explain", commands)
        pages = self.directory / "man"
        self.ok("man", "--directory", pages)
        self.assertEqual({page.name for page in pages.iterdir()},
                         {"slicemill.1", *(f"slicemill-{command}.1" for command in commands)})
        self.assertIn("\\-\\-older\\-than", self.ok("man", "prune"))
        self.assertTrue(self.ok("man", "list").startswith('.TH "slicemill\\-list" 1 '))  # the name of a command, not one more
        self.assertEqual(self.ok("man", "list"), (pages / "slicemill-list.1").read_text())
        self.assert_one_line(self.slicemill("man", "nothing"), BAD_INPUT, "'nothing'")

    def test_completion(self):
        ex_id = self.completed()
        script = self.directory / "completion.bash"
        script.write_text(self.ok("completion", "bash"))
        def complete(*words):
            line = " ".join(f"'{word}'" for word in words)
            run = (f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _slicemill; "
                   "printf '%s\\n' \"${COMPREPLY[@]}\"")
            path = f"{SLICEMILL.parent}:{os.environ['PATH']}"
            done = subprocess.run(["bash", "-c", run], cwd=self.directory, capture_output=True, text=True,
                                  env=self.environment({"PATH": path}))
            self.assertEqual(done.stderr, "")
            return done.stdout.split()
        self.assertEqual(complete("slicemill", "expl"), ["explain"])
        self.assertEqual(complete("slicemill", "list", "--st"), ["--status"])
        self.assertEqual(complete("slicemill", "list", "-o", ""), ["table", "wide", "json", "yaml"])
        self.assertEqual(complete("slicemill", "workers", "last", "rem"), ["remove"])
        self.assertIn(ex_id, complete("slicemill", "show", ex_id[:3]))
        self.assertEqual(sorted(complete("slicemill", "submit", "jo")), ["job.json", "job.ldjson"])
        # Values of options, and nothing else.
        self.assertEqual(complete("slicemill", "run", "--progress", ""), ["auto", "bar", "lines", "none"])
        self.assertEqual(complete("slicemill", "recover", "last", "--config", ""), ["current", "own"])
        self.assertEqual(complete("slicemill", "list", "--status", "comp"), ["completed"])
        self.assertEqual(complete("slicemill", "master", "--log-level", "wa"), ["warn"])
        self.assertEqual(complete("slicemill", "wait", "last", "--timeout", ""), [])
        self.assertEqual(complete("slicemill", "recover", "last", "--job", "job.j"), ["job.json"])
        self.assertEqual(complete("slicemill", "help", "valid"), ["validate"])
        self.assertEqual(complete("slicemill", "man", "valid"), ["validate"])
        self.assertEqual(complete("slicemill", "ops", "file_"), ["file_reader", "file_exporter"])
        # Ids are those of the place that the command names.
        self.ok("run", self.directory / "job.json", "--data", self.directory / "runs", "-q")
        run, = (path.name for path in (self.directory / "runs" / "ledgers").iterdir())
        self.assertEqual(complete("slicemill", "show", "--data", "runs", run[:6]), [run])
        self.assertEqual(complete("slicemill", "run", "--data", "runs", "--resume", run[:6]), [run])
        self.assertEqual(complete("slicemill", "show", "--data", "runs", ex_id), [])
        for shell in ("zsh", "fish"):
            self.assertIn("--older-than" if shell == "zsh" else "-l older-than", self.ok("completion", shell))
        self.assert_one_line(self.slicemill("completion", "tcsh"), BAD_INPUT)

    def test_a_reader_that_leaves_early(self):
        self.completed()
        reading, writing = os.pipe()
        os.close(reading)
        process = subprocess.Popen([str(SLICEMILL), "list"], stdout=writing, stderr=subprocess.PIPE, env=self.environment())
        os.close(writing)
        _, said = process.communicate()
        self.assertIn(process.returncode, (-signal.SIGPIPE, STORAGE))
        self.assertLessEqual(len(said.splitlines()), 1)

    def test_an_answer_that_cannot_be_written_is_an_error(self):
        ex_id = self.completed()
        for command in (("list",), ("show", ex_id), ("top",), ("logs", ex_id), ("help",), ("version",)):
            with open("/dev/full", "w") as full:
                done = subprocess.run([str(SLICEMILL), *command], stdout=full, stderr=subprocess.PIPE, text=True,
                                      env=self.environment())
            self.assertEqual(done.returncode, STORAGE, command)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def test_an_empty_address_is_no_address(self):
        for option in ("--master", "--context", "--data"):
            self.assert_one_line(self.slicemill("list", option, ""), BAD_INPUT, option, "is empty")


if __name__ == "__main__":
    unittest.main()
