"""Routers and routed_sender: each record in the directory of its route, exactly once, whatever dies; what cannot work is refused."""

import json
import unittest

from harness import BAD_INPUT, FAILED, OK, EndToEnd, record, records

STAGING = ".slicemill"
BY_GROUP = {"_op": "field_router", "fields": ["group"], "include_field_names": False}


class Routes(EndToEnd):
    def routed(self, path, *processors, routing=None, api=None, sender=None, delay_ms=0, **top):
        """A job whose files are those of file_sender_api."""
        sender = {"_op": "routed_sender", "_api_name": "file_sender_api", "routing": routing or {"**": "default"}, **(sender or {})}
        operations = [{"_op": "file_reader", "path": str(path), "format": "ldjson", "size": 4000},
                      *([{"_op": "delay", "ms": delay_ms}] if delay_ms else []), *processors, sender]
        apis = [{"_name": "file_sender_api", "path": str(self.output), "format": "ldjson", **(api or {})}]
        return {"name": "routed", "workers": 2, "apis": apis, "operations": operations, **top}

    def write_job(self, job):
        path = self.directory / "job.json"
        path.write_text(json.dumps(job))
        return path

    def write_records(self, items, name="in.ldjson"):
        path = self.directory / name
        path.write_text("".join(json.dumps(item) + "\n" for item in items))
        return path

    def run_job(self, job, code=OK):
        result = self.slicemill("run", self.write_job(job), "--data", self.data)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result

    def files(self, root=None):
        root = root or self.output
        return [path for path in sorted(root.rglob("*")) if path.is_file() and STAGING not in str(path.relative_to(root))]

    def read_output(self, path=None):
        return [json.loads(line) for file in self.files(path) for line in file.read_text().splitlines()]

    def by_directory(self, root=None):
        """The records' ids, by directory below the output."""
        root = root or self.output
        found = {}
        for file in self.files(root):
            ids = found.setdefault(str(file.parent.relative_to(root)), [])
            ids += [json.loads(line)["id"] for line in file.read_text().splitlines()]
        return {name: sorted(ids) for name, ids in found.items()}

    def assert_each_in_its_directory(self, root=None):
        for name, ids in self.by_directory(root).items():
            self.assertEqual({str(record(n)["group"]) for n in ids}, {name})

    def verify(self, code=OK):
        result = self.slicemill("verify", "last", "--data", self.data)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout

    # ---- which directory ----

    def test_every_router(self):
        items = [{"id": 1, "at": "2026-11-30T23:30:00-02:00", "who": "Ann", "c": "x/y"},
                 {"id": 2, "at": "2026-01-02", "who": "bob", "c": ".."},
                 {"id": 3, "at": 1767312000000, "who": "Abe", "c": "a=b"}]
        path = self.write_records(items)
        key = {"_op": "set_key", "field": "who"}
        cases = [
            ([{"_op": "date_router", "field": "at", "resolution": "monthly", "date_delimiter": "-"}], {"2026-12": [1], "2026-01": [2, 3]}),
            ([{"_op": "field_router", "fields": ["c"]}], {"c_x_y": [1], "c_..": [2], "c_a_b": [3]}),
            ([key, {"_op": "key_router", "use": 1, "from": "beginning", "case": "lower"}], {"a": [1, 3], "b": [2]}),
            ([{"_op": "set_key", "field": "c"}, {"_op": "key_router"}], {"x%2Fy": [1], "%2E.": [2], "a=b": [3]}),
            ([{"_op": "hash_router", "partitions": 1, "fields": ["who"]}], {"0": [1, 2, 3]}),
            ([key, {"_op": "hash_router", "partitions": 1}], {"0": [1, 2, 3]}),
        ]
        for number, (processors, expected) in enumerate(cases):
            with self.subTest(processors[-1]):
                self.output = self.directory / f"out-{number}"
                self.run_job(self.routed(path, *processors))
                self.assertEqual(self.by_directory(), expected)
                self.assertEqual(sorted(self.read_output(), key=lambda item: item["id"]), items, "metadata is not written")
                self.assertIn("0 missing, 0 altered, 0 extra", self.verify())

    def test_routing(self):
        path = self.write_input(records=70)
        groups = {str(group): [n for n in range(70) if n % 7 == group] for group in range(7)}
        some = {"_op": "filter", "field": "group", "max": 1}
        named = {name: groups[name] for name in ("0", "1")}
        self.run_job(self.routed(path, BY_GROUP, some, routing={"0, 1": "default"}))
        self.assertEqual(self.by_directory(), named)
        # `*` takes what has another route, and what has none, which goes into the path itself.
        self.output = self.directory / "star"
        job = self.routed(path, BY_GROUP, routing={"0": "default", "*": "default"})
        self.run_job(job)
        self.assertEqual(self.by_directory(), groups)
        self.output = self.directory / "unrouted"
        self.run_job(self.routed(path, routing={"*": "default"}))
        self.assertEqual(self.by_directory(), {".": list(range(70))})
        lost = self.files()[0]
        copy = lost.with_name("x-" + lost.name)
        self.assertIn("0 missing, 0 altered, 0 extra", self.verify())
        lost.rename(copy)
        self.assertIn("1 missing, 0 altered, 0 extra", self.verify(FAILED))

    def test_a_record_without_a_place_is_a_bad_one(self):
        path = self.write_records([{"id": 1, "c": "a"}, {"id": 2, "c": "b"}, {"id": 3}])
        router = {"_op": "field_router", "fields": ["c"], "include_field_names": False}
        for routing, words in (({"a,x": "default"}, ("the route `b` of the record is not in `routing`", "neither `*` nor `**`", "`a`, `x`")),
                               ({"**": "default"}, ("the record has no route",))):
            self.output = self.directory / f"out-{len(routing)}-{'a,x' in routing}"
            result = self.run_job(self.routed(path, router, routing=routing, max_retries=0), FAILED)
            for word in words:
                self.assertIn(word, result.stdout + result.stderr)
            self.assertEqual(self.files(), [])
        self.output = self.directory / "dropped"
        self.run_job(self.routed(path, router, routing={"a": "default"}, sender={"_dead_letter_action": "none"}))
        self.assertEqual(self.by_directory(), {"a": [1]})

    def test_a_route_stays_with_its_record(self):
        path = self.write_input(records=300)
        between = [{"_op": "filter", "field": "id", "min": 100}, {"_op": "set_field", "field": "n", "value": 1},
                   {"_op": "collect", "size": 7}, {"_op": "copy_field", "source": "id", "destination": "was"},
                   {"_op": "selection", "fields": ["id", "was"]}, {"_op": "drop_field", "field": "was"}, {"_op": "noop"}]
        self.run_job(self.routed(path, BY_GROUP, *between))
        self.assert_output([{"id": n} for n in range(100, 300)])
        self.assert_each_in_its_directory()

    def test_the_path_may_name_fields_too(self):
        path = self.write_records([{"id": 1, "c": "DE", "g": "x"}, {"id": 2, "c": "FR", "g": "y"}, {"id": 3, "c": "FR", "g": "x"}])
        router = {"_op": "field_router", "fields": ["g"], "include_field_names": False}
        self.run_job(self.routed(path, router, api={"path": f"{self.output}/{{c}}"}))
        self.assertEqual(self.by_directory(), {"DE/x": [1], "FR/y": [2], "FR/x": [3]})
        self.assertIn("0 missing, 0 altered, 0 extra", self.verify())

    def test_options_of_the_files(self):
        path = self.write_records([{"id": 1, "c": "a"}, {"id": 2, "c": "b"}])
        router = {"_op": "field_router", "fields": ["c"], "include_field_names": False}
        job = self.routed(path, router, api={"format": "csv", "include_header": True, "fields": ["id"], "extension": "txt"})
        self.run_job(job)
        self.assertEqual({file.parent.name: file.read_text() for file in self.files()}, {"a": "id\n1\n", "b": "id\n2\n"})
        self.assertEqual({file.suffix for file in self.files()}, {".txt"})

    # ---- what is refused before it runs ----

    def test_refused_jobs(self):
        path = self.write_input(records=1)
        script = {"_op": "script", "command": "/bin/cat"}
        key = {"_op": "set_key", "field": "id"}
        cases = [
            (self.routed(path), "operations[1]: no record of operations[0] file_reader has a route here: put key_router, date_router,"),
            (self.routed(path, BY_GROUP, script), "operations[3]: the route that operations[1] field_router gives a record is lost in "
                                                  "operations[2] script"),
            (self.routed(path, BY_GROUP, script, routing={"*": "default"}), "is lost in operations[2] script"),
            (self.routed(path, {"_op": "key_router"}), "operations[1]: no record of operations[0] file_reader has a key here: put set_key"),
            (self.routed(path, key, script, {"_op": "hash_router", "partitions": 2}), "operations[3]: the key that operations[1] set_key"),
            (self.routed(path, BY_GROUP, routing={"*": "default", "**": "default"}), 'operations[2]: routing: "*" and "**"'),
            (self.routed(path, BY_GROUP, routing={"a,b": "default", "b": "default"}), 'routing: the route "b" is named twice'),
            (self.routed(path, BY_GROUP, routing={"a": "elsewhere"}), 'operations[2].routing.a: no connection "elsewhere" is configured'),
            (self.routed(path, BY_GROUP, routing={"a": 7}), 'routing: "a": must be the name of a connection'),
            (self.routed(path, BY_GROUP, sender={"routing": {}}), "routing: must be an object"),
            (self.routed(path, BY_GROUP, api={"single_file": True}), "single_file: each slice has a file in the directory"),
            (self.routed(path, BY_GROUP, sender={"_api_name": "other_api"}), "Could not find the associated api for other_api"),
            ({**self.routed(path, BY_GROUP), "apis": [{"_name": "file_reader_api", "path": str(path)},
                                                      {"_name": "file_sender_api", "path": str(self.output)}],
              "operations": [{"_op": "file_reader", "path": str(path)}, BY_GROUP,
                             {"_op": "routed_sender", "_api_name": "file_reader_api", "routing": {"**": "default"}}]},
             "operations[2]: the api file_reader_api is of file_reader, and cannot be the _api_name of routed_sender"),
            ({**self.routed(path, BY_GROUP), "operations": [{"_op": "file_reader", "path": str(path)}, BY_GROUP,
                                                            {"_op": "routed_sender", "routing": {"**": "default"}}]},
             "operations[2]: path: is required: in the entry of `apis`"),
        ]
        for job, words in cases:
            with self.subTest(words):
                self.assert_one_line(self.slicemill("validate", self.write_job(job)), BAD_INPUT, words)
        bad = self.job(path, sender={"subdirectory": "{route}"})
        self.assert_one_line(self.slicemill("validate", self.write_job(bad)), BAD_INPUT, "subdirectory: only routed_sender")
        good = self.slicemill("validate", self.write_job(self.routed(path, key, {"_op": "key_router"})))
        self.assertIn("file_reader -> set_key -> key_router -> routed_sender", good.stdout)

    def test_its_own_output_as_input(self):
        self.output.mkdir()
        (self.output / "a").mkdir()
        for place, routing in (("a", {"**": "default"}), (".", {"*": "default"})):
            path = self.output / place / "in.ldjson"
            path.write_text("{}\n")
            job = self.routed(f"{self.output}/{place}/*.ldjson" if place != "." else f"{self.output}/*.ldjson", BY_GROUP, routing=routing)
            result = self.slicemill("run", self.write_job(job), "--data", self.data)
            self.assertIn(result.returncode, (BAD_INPUT, FAILED), result.stdout + result.stderr)
            self.assertIn("would be read again by the job that writes there", result.stderr)

    # ---- whatever dies ----

    def test_killed_processes(self):
        master = self.start_master()
        ex_id = master.submit(self.routed(self.write_input(records=2000), BY_GROUP, delay_ms=20))["ex_id"]
        for victim, processed in (("worker", 5), ("execution_controller", 15), ("worker", 25)):
            master.wait_for_processed(ex_id, processed)
            master.kill_9(victim, ex_id)
        master.wait_for_processed(ex_id, 30)
        master.kill_9_itself()
        master = self.start_master()
        master.wait_for_status(ex_id, "completed")
        self.assert_output(records(2000))
        self.assert_each_in_its_directory()
        self.assert_verified(ex_id, master)
        self.assertFalse((self.output / STAGING).exists())

    def test_killed_at_each_step_of_publishing(self):
        for point in ("staged", "committed", "publishing", "published"):
            with self.subTest(point=point):
                self.output, self.data = self.directory / f"out-{point}", self.directory / f"data-{point}"
                process = "worker" if point == "staged" else "controller"
                master = self.start_master(environment={"SLICEMILL_FAULT": f"{process}/{point}:kill:3"})
                routing = {"3": "default", "*": "default"}
                ex_id = master.submit(self.routed(self.write_input(records=400), BY_GROUP, routing=routing))["ex_id"]
                master.wait_for_status(ex_id, "completed")
                self.assert_output(records(400))
                self.assert_each_in_its_directory()
                self.assert_verified(ex_id, master)
                master.terminate()

    def test_a_recovery(self):
        master = self.start_master()
        submitted = master.submit(self.routed(self.write_input(records=1500), BY_GROUP, delay_ms=20))
        master.wait_for_processed(submitted["ex_id"], 5)
        master.post(f"/v1/ex/{submitted['ex_id']}/_stop")
        recovered = master.post(f"/v1/ex/{submitted['ex_id']}/_recover")["ex_id"]
        master.wait_for_status(recovered, "completed")
        self.assert_output(records(1500))
        self.assert_each_in_its_directory()
        self.assert_verified(recovered, master)

    def test_quarantined_records_come_back_with_their_routes(self):
        """Refused behind the router, by a filter that takes the records themselves apart and by the sender."""
        items = [{"id": n, "group": n % 7} for n in range(200)]
        path = self.write_records(items)
        late = {"_op": "selection", "fields": ["id", "group"], "casts": {"group": "integer"}, "_dead_letter_action": "quarantine"}
        bad = [{"id": n, "group": "none"} for n in range(200, 210)]
        path.write_text(path.read_text() + "".join(json.dumps(item) + "\n" for item in bad))
        router = {"_op": "field_router", "fields": ["group"], "include_field_names": False}
        sender = {"_dead_letter_action": "quarantine"}
        master = self.start_master()
        job = self.routed(path, router, late, routing={"0,1,2,3,4,5,none": "default"}, sender=sender)
        submitted = master.submit(job)
        ex_id = submitted["ex_id"]
        master.wait_for_status(ex_id, "completed")
        sixes = [n for n in range(200) if n % 7 == 6]
        expected = {str(group): [n for n in range(200) if n % 7 == group] for group in range(6)}
        self.assertEqual(self.by_directory(), expected)
        rows = master.get(f"/v1/ex/{ex_id}/quarantine?size=1000")
        self.assertEqual({row["operation"] for row in rows}, {"operations[2] selection", "operations[3] routed_sender"})
        self.assertEqual({row["metadata"]["route"] for row in rows}, {"none", "6"})
        # The records of one are mended; the other gets a sender, by a job that was changed.
        mended = [{**row, "bytes": json.dumps({"id": json.loads(row["bytes"])["id"], "group": 0}), "encoding": "utf-8"}
                  for row in rows if row["metadata"]["route"] == "none"]
        redriven = master.post(f"/v1/ex/{ex_id}/quarantine/_redrive", {"records": mended})["ex_id"]
        master.wait_for_status(redriven, "completed")
        self.assertEqual(self.by_directory(), {**expected, "none": list(range(200, 210))})
        self.assert_verified(redriven, master)
        job["operations"][-1]["routing"] = {"*": "default"}
        master.ask("PUT", f"/v1/jobs/{submitted['job_id']}", job)
        redriven = master.post(f"/v1/ex/{redriven}/quarantine/_redrive")["ex_id"]
        master.wait_for_status(redriven, "completed")
        self.assertEqual(self.by_directory(), {**expected, "none": list(range(200, 210)), "6": sixes})
        self.assert_verified(redriven, master)

    # ---- as a sink of a graph ----

    def graph(self, path, delay_ms=0):
        job = self.routed(path, BY_GROUP)
        reader, _, sender = job.pop("operations")
        return {**job, "sources": [{"id": "in", **reader}],
                "transforms": [{"id": "late", "from": "in", "_op": "delay", "ms": delay_ms}, {"id": "groups", "from": "late", **BY_GROUP},
                               {"id": "few", "from": "groups", "_op": "filter", "field": "id", "max": 99}],
                "sinks": [{"id": "routed", "from": ["groups"], **sender},
                          {"id": "all", "from": "groups", "_op": "file_exporter", "path": str(self.directory / "all")},
                          {"id": "first", "from": "few", **sender, "path": str(self.directory / "first")}]}

    def test_a_graph(self):
        job = self.graph(self.write_input(records=2000), delay_ms=20)
        drawn = self.slicemill("validate", self.write_job(job))
        self.assertEqual(drawn.returncode, OK, drawn.stderr)
        self.assertIn("in (file_reader) -> late (delay) -> groups (field_router)", drawn.stdout)
        master = self.start_master()
        ex_id = master.submit(job)["ex_id"]
        for victim in ("worker", "execution_controller"):
            master.wait_for_processed(ex_id, master.stats(ex_id).get("processed", 0) + 8)
            master.kill_9(victim, ex_id)
            master.wait_for_status(ex_id, "running", "completed")
        master.wait_for_status(ex_id, "completed")
        self.assert_output(records(2000))
        self.assert_each_in_its_directory()
        self.assert_output(records(2000), self.directory / "all")
        self.assert_output(records(100), self.directory / "first")
        self.assert_each_in_its_directory(self.directory / "first")
        self.assert_verified(ex_id, master)

    def test_a_way_of_a_graph_without_a_router(self):
        job = self.graph(self.write_input(records=10))
        job["sinks"][0]["from"] = ["groups", "late"]
        self.assert_one_line(self.slicemill("validate", self.write_job(job)), BAD_INPUT,
                             "sinks[0]: no record of in (file_reader) has a route here")
        job["sinks"][0]["routing"] = {"*": "default"}
        self.assertEqual(self.slicemill("validate", self.write_job(job)).returncode, OK)
        job["transforms"].append({"id": "own", "from": "groups", "_op": "script", "command": "/bin/cat"})
        job["sinks"][0]["from"] = "own"
        self.assert_one_line(self.slicemill("validate", self.write_job(job)), BAD_INPUT,
                             "sinks[0]: the route that groups (field_router) gives a record is lost in own (script)")


if __name__ == "__main__":
    unittest.main()
