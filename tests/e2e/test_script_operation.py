"""Records that go through other programs, and batches across slices."""

import collections
import json
import pathlib
import shutil
import subprocess
import textwrap
import unittest

from harness import BAD_INPUT, FAILED, OK, SLICEMILL, EndToEnd, is_alive, processes_with_token, records, wait_until

SDK = pathlib.Path(__file__).parents[2] / "sdk"


class Scripts(EndToEnd):
    def script(self, text, **options):
        """A `script` operation that runs this Python program."""
        path = self.directory / "child.py"
        path.write_text(textwrap.dedent(text))
        return {"_op": "script", "command": "python3", "args": [str(path)],
                "options": {"env": {"PYTHONPATH": str(SDK / "python"), "NODE_PATH": str(SDK)}}, **options}

    def run_job(self, job, exit_code=OK):
        path = self.directory / "job.json"
        path.write_text(json.dumps(job))
        result = self.slicemill("run", path, "--data", self.data)
        self.assertEqual(result.returncode, exit_code, result.stdout + result.stderr)
        return result

    def children(self):
        """Living children of workers: what carries the token and is a Python program of ours."""
        def is_child(pid):
            try:
                return str(self.directory / "child.py") in pathlib.Path(f"/proc/{pid}/cmdline").read_text()
            except OSError:
                return False
        return [pid for pid in processes_with_token(self.token) if is_child(pid)]

    PLUS_ONE = """
        import json, sys
        for line in sys.stdin:
            record = json.loads(line)
            record["id"] += 1
            print(json.dumps(record))
        """

    def test_lines_through_a_process_per_slice(self):
        path = self.write_input(records=1000)
        self.run_job(self.job(path, size=50_000, processors=[self.script(self.PLUS_ONE)]))
        self.assert_output([{**record, "id": record["id"] + 1} for record in records(1000)])

    def test_the_python_package_holds_back_within_slices(self):
        path = self.write_input(records=3000)
        job = self.job(path, size=20_000, processors=[self.script("""
            import collections, os, slicemill
            groups = collections.Counter()
            def add(records):
                print("this goes to the log")
                groups.update(r["group"] for r in records)
                return records[:1]
            def give():
                rows = [{"held": g, "count": n, "pid": os.getpid()} for g, n in groups.items()]
                groups.clear()
                return rows
            slicemill.run(add, give)
            """, framing="length")])
        self.run_job(job)
        held = [r for r in self.read_output() if "held" in r]
        sums = collections.Counter()
        for row in held:
            sums[row["held"]] += row["count"]
        self.assertEqual(sums, collections.Counter(r["group"] for r in records(3000)))
        self.assertLessEqual(len({row["pid"] for row in held}), 2, "one process per worker")

    def test_the_node_package(self):
        node = shutil.which("node") or shutil.which("nodejs")
        if node is None:
            self.skipTest("Node.js is not installed")
        path = self.write_input(records=2000)
        child = self.directory / "child.js"
        child.write_text(f"require({json.dumps(str(SDK / 'node'))}).run((records) => {{ console.log('to the log');"
                         " return records.filter((r) => r.group === 3); });")
        self.run_job(self.job(path, size=20_000, processors=[
            {"_op": "script", "command": node, "args": [str(child)], "framing": "length"}]))
        self.assert_output([r for r in records(2000) if r["group"] == 3])

    def test_a_child_that_fails_fails_its_slice_with_its_last_words(self):
        path = self.write_input(records=200)
        master = self.start_master()
        ex_id = master.submit(self.job(path, size=1_000_000, max_retries=0, processors=[self.script("""
            import sys
            print("cannot reach the table", file=sys.stderr)
            sys.exit(7)
            """)]))["ex_id"]
        master.wait_for_status(ex_id, "failed")
        error = master.get(f"/v1/ex/{ex_id}/errors")[0]["error"]
        self.assertIn("exit code 7", error)
        self.assertIn("cannot reach the table", error)

    def test_children_die_with_their_worker(self):
        path = self.write_input(records=200)
        master = self.start_master()
        ex_id = master.submit(self.job(path, size=1_000_000, workers=1, processors=[self.script("""
            import time
            time.sleep(1000)
            """)]))["ex_id"]
        first = wait_until(self.children, "a child")
        master.kill_9("worker", ex_id)
        wait_until(lambda: not any(map(is_alive, first)), "the child of the killed worker to be gone")
        second = wait_until(lambda: [pid for pid in self.children() if pid not in first], "a child of the next worker")
        master.post(f"/v1/ex/{ex_id}/_stop?timeout=200&blocking=true")
        wait_until(lambda: not any(map(is_alive, second)), "the child to be gone after the stop")

    def test_batches_across_slices(self):
        sizes = self.script("""
            import sys, struct
            i, o = sys.stdin.buffer, sys.stdout.buffer
            while len(head := i.read(4)) == 4:
                lines = i.read(struct.unpack(">I", head)[0]).splitlines()
                reply = b'{"records":%d}\\n' % len(lines) if lines else b""
                o.write(struct.pack(">I", len(reply)) + reply)
                o.flush()
            """, framing="length")
        job = {"name": "collect", "workers": 2, "operations": [
            {"_op": "id_range", "start": 0, "end": 1000, "size": 10}, {"_op": "collect", "size": 100, "slices": 25}, sizes,
            {"_op": "file_exporter", "path": str(self.output), "format": "ldjson"}]}
        result = self.run_job(job)
        self.assertIn("completed: 4 slices, 0 failed, 1,000 records in", result.stdout)
        # 100 slices of 10 are 4 of 250, each of which is cut into 100, 100 and 50.
        self.assert_output([{"records": n} for n in (100, 100, 50)] * 4)

    def test_recovery_of_joined_slices_goes_on_where_they_ended(self):
        flag = self.directory / "works"
        job = {"name": "joined", "workers": 2, "max_retries": 0, "operations": [
            {"_op": "id_range", "start": 0, "end": 1000, "size": 10}, {"_op": "collect", "size": 100, "slices": 7},
            self.script(f"""
                import os, sys
                text = sys.stdin.read()
                if not os.path.exists({str(flag)!r}) and '"id":500}}' in text: sys.exit(1)
                sys.stdout.write(text)
                """),
            {"_op": "file_exporter", "path": str(self.output), "format": "ldjson"}]}
        master = self.start_master()
        ex_id = master.submit(job)["ex_id"]
        document = master.wait_for_status(ex_id, "failed")
        self.assertEqual((document["_slicer_stats"]["processed"], document["_slicer_stats"]["failed"]), (15, 1))
        self.assertEqual(len(self.read_output()), 930)
        flag.touch()
        recovered = master.post(f"/v1/ex/{ex_id}/_recover?cleanup_type=errors")["ex_id"]
        master.wait_for_status(recovered, "completed")
        self.assertEqual(sorted(r["id"] for r in self.read_output()), list(range(1000)))

    def test_a_job_shows_what_its_operations_cost(self):
        path = self.write_input(records=1000)
        master = self.start_master()
        for analytics in (True, False):
            ex_id = master.submit(self.job(path, delay_ms=5, analytics=analytics,
                                           sender={"path": str(self.output / str(analytics))}))["ex_id"]
            figures = master.wait_for_status(ex_id, "completed")["_slicer_stats"]
            if not analytics:
                self.assertNotIn("operations", figures)
                continue
            rows = figures["operations"]
            self.assertEqual([(r["op"], r["order"], r["records"]) for r in rows],
                             [("file_reader", 0, 1000), ("delay", 1, 1000), ("file_exporter", 2, 1000)])
            self.assertEqual({r["slices"] for r in rows}, {self.slices_of(path)})
            self.assertGreaterEqual(rows[1]["time_ms"], 5 * self.slices_of(path))
            self.assertLess(rows[0]["time_ms"], rows[1]["time_ms"])

    REJECTING = """
        import slicemill
        def check(record):
            if record["id"] % 100 == 7:
                slicemill.reject(record, "ends with seven")
            return record
        slicemill.each(check)
        """

    def test_rejected_records_are_quarantined_in_both_framings(self):
        path = self.write_input(records=300)
        good = [r for r in records(300) if r["id"] % 100 != 7]
        for framing in ("lines", "length"):
            self.output = self.directory / framing
            self.data = self.directory / f"data-{framing}"
            script = self.script(self.REJECTING, framing=framing, _dead_letter_action="quarantine")
            self.run_job(self.job(path, size=10_000, processors=[script]))
            self.assert_output(good)
            ex_id, = [entry.name for entry in (self.data / "ledgers").iterdir()]
            listed = [json.loads(line) for line in self.slicemill("quarantine", ex_id, "--data", self.data).stdout.splitlines()]
            lines = path.read_text().splitlines()
            self.assertEqual(sorted(r["bytes"] for r in listed), sorted(lines[n] for n in (7, 107, 207)))
            for record in listed:
                self.assertIn("ends with seven", record["error"])
                self.assertRegex(record["place"], r"^/.*\.ldjson(, bytes \d+ to \d+)?$")

    def test_a_rejected_record_fails_its_slice_with_reason_and_place(self):
        path = self.write_input(records=300)
        result = self.run_job(self.job(path, processors=[self.script(self.REJECTING, framing="length")]), FAILED)
        self.assertRegex(result.stderr, r"the child rejects a record: ends with seven: .*\(in /.*\.ldjson")

    def test_rejecting_in_node(self):
        node = shutil.which("node") or shutil.which("nodejs")
        if node is None:
            self.skipTest("Node.js is not installed")
        path = self.write_input(records=300)
        child = self.directory / "child.js"
        child.write_text(f"const s = require({json.dumps(str(SDK / 'node'))});\n"
                         "s.each((r) => { if (r.id % 100 === 7) s.reject(r, 'ends with seven'); return r; });")
        for framing in ("lines", "length"):
            self.output = self.directory / framing
            self.run_job(self.job(path, size=10_000, processors=[
                {"_op": "script", "command": node, "args": [str(child)], "framing": framing, "_dead_letter_action": "none"}]))
            self.assert_output([r for r in records(300) if r["id"] % 100 != 7])

    def test_a_plain_program_rejects_too(self):
        path = self.write_input(records=300)
        self.run_job(self.job(path, processors=[self.script("""
            import sys, slicemill
            for line in sys.stdin:
                if '"id": 7,' in line or '"id":7,' in line:
                    slicemill.reject(line, "seven")
                else:
                    sys.stdout.write(line)
            """, _dead_letter_action="none")]))
        self.assert_output([r for r in records(300) if r["id"] != 7])

    def test_a_traceback_is_printed_once_as_lines(self):
        path = self.write_input(records=10)
        result = self.run_job(self.job(path, max_retries=0, processors=[self.script("""
            import slicemill
            def divide(record):
                return {"x": 1 / (record["id"] - 5)}
            slicemill.each(divide)
            """, framing="length")]), FAILED)
        lines = result.stderr.splitlines()
        self.assertEqual(lines.count("Traceback (most recent call last):"), 1, result.stderr)
        self.assertTrue(any(line.startswith("ZeroDivisionError: division by zero; the record was: {") for line in lines))
        self.assertNotIn("\\n", result.stdout + result.stderr)
        self.assertNotIn("Traceback", result.stdout)
        self.assertRegex(lines[-1], r'ZeroDivisionError: division by zero; the record was: \{.*"id": ?5.*\(in /.*\.ldjson')
        log = (self.data / "logs").rglob("run.log")
        self.assertEqual(sum(file.read_text().count("Traceback") for file in log), 1)

    def install(self, *command, **more):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, **more)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_pip_installs_the_package_without_a_network(self):
        venv = self.directory / "venv"
        self.install("/usr/bin/python3", "-m", "venv", venv)
        self.install(venv / "bin" / "pip", "install", "--no-index", SDK / "python")
        path = self.write_input(records=100)
        child = self.directory / "child.py"
        child.write_text("import slicemill\nslicemill.each(lambda r: r if r['group'] == 3 else None)\n")
        self.run_job(self.job(path, processors=[
            {"_op": "script", "command": str(venv / "bin" / "python"), "args": [str(child)], "framing": "length"}]))
        self.assert_output([r for r in records(100) if r["group"] == 3])

    def test_npm_installs_the_package_without_a_network(self):
        npm, node = shutil.which("npm"), shutil.which("node")
        if npm is None or node is None:
            self.skipTest("npm is not installed")
        project = self.directory / "project"
        project.mkdir()
        self.install(npm, "install", "--offline", "--no-audit", "--no-fund", SDK / "node", cwd=project)
        (project / "child.js").write_text("require('slicemill').each((r) => r.group === 3 ? r : null);")
        path = self.write_input(records=100)
        self.run_job(self.job(path, processors=[
            {"_op": "script", "command": node, "args": [str(project / "child.js")], "framing": "length"}]))
        self.assert_output([r for r in records(100) if r["group"] == 3])

    def test_a_relative_script_is_found_again_by_a_resume(self):
        path = self.write_input(records=10)
        (self.directory / "child.py").write_text("import os, sys\nsys.exit(0 if os.path.exists('flag') else 1)\n")
        job = self.directory / "job.json"
        job.write_text(json.dumps(self.job(path, max_retries=0, processors=[
            {"_op": "script", "command": "python3", "args": ["child.py"]}])))
        run = lambda *words, cwd: subprocess.run([str(SLICEMILL), "run", *map(str, words), "--data", str(self.data)], cwd=cwd,
                                                 env=self.environment(), capture_output=True, text=True, timeout=90)
        self.assertEqual(run(job, cwd=self.directory).returncode, FAILED)
        (self.directory / "flag").touch()
        ex_id, = [entry.name for entry in (self.data / "ledgers").iterdir()]
        resumed = run("--resume", ex_id, cwd="/")
        self.assertEqual(resumed.returncode, OK, resumed.stderr)

    def test_programs_that_are_not_there_are_found_by_validation(self):
        path = self.write_input(records=10)
        for script, said in (({"command": "no_such_program"}, 'command: no program "no_such_program" in PATH'),
                             ({"command": "python3", "args": ["/no/child.py"]}, "args: /no/child.py does not exist")):
            job = self.directory / "job.json"
            job.write_text(json.dumps(self.job(path, processors=[{"_op": "script", **script}])))
            for command in ("validate", "run"):
                result = self.slicemill(command, job, *(["--data", self.data] if command == "run" else []))
                self.assertEqual(result.returncode, BAD_INPUT)
                self.assertIn(said, result.stderr)


if __name__ == "__main__":
    unittest.main()
