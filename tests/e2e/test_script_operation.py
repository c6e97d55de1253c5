"""Records that go through other programs, and batches across slices."""

import collections
import json
import pathlib
import shutil
import textwrap
import unittest

from harness import FAILED, OK, EndToEnd, is_alive, processes_with_token, records, wait_until

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

    def test_a_command_that_is_not_there(self):
        path = self.write_input(records=10)
        self.run_job(self.job(path, processors=[{"_op": "script", "command": "no_such_program"}]), FAILED)


if __name__ == "__main__":
    unittest.main()
