"""Plans that are graphs: several sources and sinks, ways that part and meet. Every sink has exactly its records, whatever dies."""

import collections
import json
import pathlib
import socket
import unittest

from harness import BAD_INPUT, FAILED, OK, EndToEnd, record, records

RECORDS = 3000


def low(items):
    return [item for item in items if item["id"] < RECORDS // 3]


class Plans(EndToEnd):
    def plan(self, first, second, *, delay_ms=0, **top):
        """Two files; one way filters, one takes all, one counts in a single file, one only ends."""
        sinks = [{"id": "lows", "from": "low", "_op": "file_exporter", "path": str(self.output / "lows")},
                 {"id": "all", "from": ["late", "second"], "_op": "file_exporter", "path": str(self.output / "all")},
                 {"id": "one", "from": "low", "_op": "file_exporter", "path": str(self.output / "one.ldjson"), "single_file": True},
                 {"id": "end", "from": "second", "_op": "noop"}]
        return {"name": "plan", "workers": 2, "max_retries": 3,
                "sources": [{"id": "first", "_op": "file_reader", "path": str(first), "size": 4000},
                            {"id": "second", "_op": "file_reader", "path": str(second), "size": 4000}],
                "transforms": [{"id": "late", "from": "first", "_op": "delay", "ms": delay_ms},
                               {"id": "low", "from": ["late", "second"], "_op": "filter", "field": "id", "max": RECORDS // 3 - 1}],
                "sinks": sinks, **top}

    def inputs(self):
        return self.write_input("first.ldjson", RECORDS), self.write_input("second.ldjson", RECORDS, first=RECORDS)

    def lines(self, name):
        path = self.output / name
        files = [path] if path.is_file() else [file for file in sorted(path.rglob("*.ldjson")) if ".slicemill" not in file.parts]
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def assert_sinks(self, expected):
        for name, wanted in (("lows", low(expected)), ("all", expected), ("one.ldjson", low(expected))):
            found = collections.Counter(json.dumps(item, sort_keys=True) for item in self.lines(name))
            self.assertEqual(found, collections.Counter(json.dumps(item, sort_keys=True) for item in wanted), name)

    def write_job(self, job, name="job.json"):
        path = self.directory / name
        path.write_text(json.dumps(job))
        return path

    # ---- without a master ----

    def test_a_run_its_figures_and_its_outputs(self):
        job = self.write_job(self.plan(*self.inputs()))
        valid = self.slicemill("validate", job)
        self.assertEqual(valid.returncode, OK, valid.stderr)
        self.assertIn("first (file_reader) -> late (delay)\n├─ low (filter)\n", valid.stdout)
        result = self.slicemill("run", job, "--data", self.data, "--summary", "json")
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assert_sinks(records(2 * RECORDS))
        summary = json.loads(result.stdout)
        self.assertEqual([step["op"] for step in summary["steps"]],
                         ["first", "second", "late", "low", "lows", "all", "one", "end"])
        by_id = {step["op"]: step for step in summary["steps"]}
        self.assertEqual((by_id["low"]["records_in"], by_id["low"]["records_out"]), (2 * RECORDS, RECORDS // 3))
        verified = self.slicemill("verify", "last", "--data", self.data)
        self.assertEqual(verified.returncode, OK, verified.stdout)
        self.assertIn("0 missing, 0 altered, 0 extra", verified.stdout)
        # What is wrong is named with its sink.
        lost = next((self.output / "lows").glob("*.ldjson"))
        lost.unlink()
        (self.output / "one.ldjson").write_text("no\n")
        verified = self.slicemill("verify", "last", "--data", self.data)
        self.assertIn(f"lows: {lost.name}", verified.stdout)
        self.assertIn("one: one.ldjson", verified.stdout)
        self.assertIn("1 missing, 1 altered, 0 extra", verified.stdout)

    def test_what_is_wrong_is_named_with_its_place(self):
        paths = self.inputs()
        cases = [
            ({"operations": [{"_op": "noop"}]}, "operations: give either operations, or sources, transforms and sinks"),
            ({"sinks": []}, "sinks: at least one operation is required"),
            ({"sources": [{"_op": "noop"}]}, "sources[0]: \"noop\" is a processor; here a reader is needed"),
            ({"transforms": [{"id": "late", "from": "lows", "_op": "file_exporter"}]}, "transforms[0]"),
        ]
        for change, words in cases:
            with self.subTest(words):
                self.assert_one_line(self.slicemill("validate", self.write_job({**self.plan(*paths), **change})), BAD_INPUT, words)
        for where, member, value, words in (
                ("sinks", "from", "lwo", 'sinks[0].from: there is no "lwo"; there are first, second, late, low'),
                ("sinks", "from", None, "sinks[0].from: is required"),
                ("sinks", "id", "all", 'sinks[1].id: "all" is the id of another one already'),
                ("sinks", "path", str(self.output / "all"), f"sinks[1].path: {self.output / 'all'} is also the path of lows"),
                ("sinks", "fields", 7, "sinks[0].fields"),
                ("transforms", "id", "a b", "transforms[0].id"),
                ("transforms", "from", "low", "circle"),
                ("sources", "from", "low", "sources[0].from: a source has no input")):
            with self.subTest(words):
                job = self.plan(*paths)
                job[where][0][member] = value
                if value is None:
                    del job[where][0][member]
                self.assert_one_line(self.slicemill("validate", self.write_job(job)), BAD_INPUT, words)
        job = self.plan(*paths)
        job["sinks"] = job["sinks"][1:2]
        self.assert_one_line(self.slicemill("validate", self.write_job(job)), BAD_INPUT,
                             'transforms[1]: the records of "low" go nowhere')

    def test_a_field_of_a_path_that_a_source_does_not_have_is_told_before_it_runs(self):
        first, _ = self.inputs()
        table = self.directory / "second.csv"
        table.write_text("id,group\n9000,a\n")
        job = self.plan(first, table)
        job["sources"][1]["format"] = "csv"
        job["transforms"][1]["from"] = "late"
        del job["sinks"][2]
        for place, words in (("{gruop}", "no record has the field `gruop`; there are `{id}`, `{group}` (did you mean `{group}`?)"),
                             ("{group:-none}/{text}", "no record has the field `text`")):
            job["sinks"][1]["path"] = str(self.output / "all" / place)
            self.assert_one_line(self.slicemill("validate", self.write_job(job)), BAD_INPUT,
                                 "sinks[1]: path: {", "of second (file_reader), " + words)
        job["sinks"][1]["path"] = str(self.output / "all" / "{group}")
        del job["transforms"][1]  # "low", which nothing takes any more
        job["transforms"].append({"id": "ids", "from": ["late", "second"], "_op": "selection", "fields": ["id"]})
        job["sinks"][0] = {**job["sinks"][0], "from": "ids", "path": str(self.output / "ids" / "{group}")}
        self.assert_one_line(self.slicemill("validate", self.write_job(job)), BAD_INPUT, "sinks[0]: path: {group}: of second (file_reader), no record has the field `group`; there are `{id}`")
        job["sinks"][0]["path"] = str(self.output / "ids" / "{id}")
        self.assertEqual(self.slicemill("validate", self.write_job(job)).returncode, OK)

    def test_what_stands_in_the_way_of_an_output_is_told_with_its_sink(self):
        """It is not the source that failed."""
        first, second = self.inputs()
        self.output.mkdir()
        (self.output / "one.ldjson").write_text("{}\n")
        told = f"one (file_exporter): path: {self.output}/one.ldjson exists already"
        result = self.slicemill("run", self.write_job(self.plan(first, second)), "--data", self.data)
        self.assertEqual(result.returncode, FAILED)
        self.assertIn(f" failed: {told}", result.stderr)
        master = self.start_master()
        ex_id = master.submit(self.plan(first, second))["ex_id"]
        master.wait_for_status(ex_id, "failed")
        self.assertIn(f"the output cannot be written: {told}", master.execution(ex_id)["_failureReason"])
        # Of a path of operations too.
        ex_id = master.submit(self.job(first, sender={"path": str(self.output / "one.ldjson"), "single_file": True}))["ex_id"]
        master.wait_for_status(ex_id, "failed")
        self.assertIn(f"the output cannot be written: operations[1] file_exporter: path: {self.output}/one.ldjson exists already",
                      master.execution(ex_id)["_failureReason"])

    # ---- under a master ----

    def test_kills_in_the_middle(self):
        """Worker, controller and master in turn, while slices run."""
        master = self.start_master()
        ex_id = master.submit(self.plan(*self.inputs(), delay_ms=20))["ex_id"]
        for victim in ("worker", "execution_controller", "worker"):
            master.wait_for_processed(ex_id, master.stats(ex_id).get("processed", 0) + 5)
            master.kill_9(victim, ex_id)
            master.wait_for_status(ex_id, "running", "completed")
        master.wait_for_processed(ex_id, master.stats(ex_id).get("processed", 0) + 5)
        master.kill_9_itself()
        master = self.start_master()
        master.wait_for_status(ex_id, "completed")
        self.assert_sinks(records(2 * RECORDS))
        self.assert_verified(ex_id, master)
        document = master.execution(ex_id)
        self.assertEqual([node["id"] for node in document["sinks"]], ["lows", "all", "one", "end"])
        self.assertNotIn("operations", document)
        self.assertEqual([list(self.output.rglob(".slicemill")), document["_slicer_stats"]["failed"]], [[], 0])
        tables = master.get("/amp/jobs/1/progress")["tables"]
        self.assertEqual(sorted(tables), sorted([*(str(self.output / name) for name in ("lows", "all", "one.ldjson")), "end"]))
        self.assertEqual(tables[str(self.output / "one.ldjson")]["files_count"], 1)
        self.assertEqual(tables[str(self.output / "all")]["files_count"], len(list((self.output / "all").glob("*.ldjson"))))

    def test_a_stop_and_a_recovery(self):
        master = self.start_master()
        ex_id = master.submit(self.plan(*self.inputs(), delay_ms=20))["ex_id"]
        master.wait_for_processed(ex_id, 10)
        master.post(f"/v1/ex/{ex_id}/_stop")
        master.wait_for_status(ex_id, "stopped")
        self.assertFalse((self.output / "one.ldjson").exists(), "it appears as a whole")
        recovered = master.post(f"/v1/ex/{ex_id}/_recover")["ex_id"]
        master.wait_for_status(recovered, "completed")
        self.assert_sinks(records(2 * RECORDS))
        self.assert_verified(recovered, master)

    def test_a_source_that_hangs_delays_neither_the_others_nor_the_end(self):
        mute = socket.create_server(("127.0.0.1", 0))  # connections are made, and nobody says anything
        self.addCleanup(mute.close)
        config = self.directory / "slicemill.yaml"
        config.write_text(json.dumps({"connections": {"silent": {
            "type": "postgres", "host": "127.0.0.1", "port": mute.getsockname()[1], "user": "x", "connect_timeout": "10 minutes"}}}))
        job = {"name": "hangs", "workers": 1,
               "sources": [{"id": "silent", "_op": "postgres_reader", "_connection": "silent", "table": "t"},
                           {"id": "numbers", "_op": "id_range", "end": 1000, "size": 10}],
               "sinks": [{"id": "rows", "from": "silent", "_op": "noop"},
                         {"id": "out", "from": "numbers", "_op": "file_exporter", "path": str(self.output / "numbers")}]}
        master = self.start_master(arguments=("--config", str(config)))
        ex_id = master.submit(job)["ex_id"]
        master.wait_for_processed(ex_id, 100)
        self.assertEqual(sorted(item["id"] for item in self.lines("numbers")), list(range(1000)))
        self.assertEqual(master.status(ex_id), "running")
        master.post(f"/v1/ex/{ex_id}/_stop?timeout=1000")
        master.wait_for_status(ex_id, "stopped", patience_s=20)

    def test_records_that_one_way_refuses_come_back_there_only(self):
        """Of the second source, so that they find back to it too."""
        first, second = self.inputs()
        job = self.plan(first, second)
        mark = self.directory / "mended"
        command = f"if [ -e {mark} ]; then cat; else awk '/\"id\":31[0-9][0-9],/ {{ exit 3 }} {{ print }}'; fi"
        job["transforms"].append({"id": "picky", "from": "second", "_op": "script", "command": "/bin/sh", "args": ["-c", command],
                                  "_dead_letter_action": "quarantine"})
        job["sinks"].append({"id": "picked", "from": "picky", "_op": "file_exporter", "path": str(self.output / "picked")})
        job["max_retries"] = 0
        job["sinks"][2].pop("single_file")  # a joined file takes no more
        # A record that a script fails on without a name is left out of all ways, and comes back to all of them.
        master = self.start_master()
        ex_id = master.submit(job)["ex_id"]
        master.wait_for_status(ex_id, "completed", patience_s=120)
        bad = [record(n) for n in range(3100, 3200)]
        rows = master.get(f"/v1/ex/{ex_id}/quarantine?size=1000")
        self.assertEqual({row["operation"] for row in rows}, {"picky (script)"})
        self.assertEqual(len(rows), len(bad))
        good = [item for item in records(2 * RECORDS) if item not in bad]
        self.assert_sinks(good)
        mark.touch()
        redriven = master.post(f"/v1/ex/{ex_id}/quarantine/_redrive")["ex_id"]
        master.wait_for_status(redriven, "completed")
        self.assert_sinks(records(2 * RECORDS))
        self.assertEqual(sorted(item["id"] for item in self.lines("picked")), list(range(RECORDS, 2 * RECORDS)))
        self.assert_verified(redriven, master)


if __name__ == "__main__":
    unittest.main()
