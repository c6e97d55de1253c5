"""The Teraslice dialect in front of a real master with real executions: every route, so that the fake of tests/dialects and the
master cannot drift apart. Cases run in their order; later ones see what earlier ones did."""

import pathlib
import unittest

import http_script
from harness import EndToEnd, wait_until
from test_assets import EX1, asset_id, bundle, example

SCRIPTS = pathlib.Path(__file__).parents[1] / "dialects" / "teraslice" / "live"


class Teraslice(EndToEnd):
    def setUp(self):
        super().setUp()
        self.master = self.start_master(slots=4)
        self.world = {"port": self.master.port}

    def job_named(self, name, path, **options):
        sender = {"path": str(self.directory / name.replace(" ", "-"))}
        return {**self.job(path, workers=1, sender=sender, **options), "name": name}

    def keep(self, name, submitted):
        self.world[f"{name}_job"] = submitted["job_id"]
        self.world[f"{name}_ex"] = submitted.get("ex_id")

    def populate(self):
        """completed, failed (two error slices), running, stored only, deleted."""
        good = self.write_input("good.ldjson", 100)
        bad = self.directory / "bad.ldjson"
        bad.write_text("\n".join(["this is no JSON " + "x" * 3000] * 2) + "\n")
        long = self.write_input("long.ldjson", 4000)

        self.keep("completed", self.master.submit(self.job_named("Nightly import of orders", good, active=True)))
        self.master.wait_for_status(self.world["completed_ex"], "completed")
        check = {"_op": "filter", "field": "id", "min": 0}
        self.keep("failed", self.master.submit(self.job_named("broken one", bad, processors=[check], max_retries=0, size=3000)))
        self.master.wait_for_status(self.world["failed_ex"], "failed")
        self.keep("stored", self.master.submit(self.job_named("stored only", good), start=False))
        self.keep("deleted", self.master.submit(self.job_named("deleted one", good)))
        self.master.wait_for_status(self.world["deleted_ex"], "completed")
        self.master.ask("DELETE", f"/v1/jobs/{self.world['deleted_job']}")
        self.keep("running", self.master.submit(self.job_named("long run", long, delay_ms=500)))
        self.master.wait_for_status(self.world["running_ex"], "running")
        wait_until(lambda: self.master.get("/cluster/controllers"), "a controller that has reported")
        (node,) = self.master.get("/cluster/state")
        wait_until(lambda: len(self.master.get("/cluster/state")[node]["active"]) == 4, "ended executions to have left")

    def play(self, script):
        cases = http_script.parse((SCRIPTS / script).read_text())
        self.assertTrue(cases)
        for case in cases:
            with self.subTest(f"{script}:{case.line} {case.name}"):
                self.assertEqual(http_script.play(case, self.master.port, self.world), [])

    def test_every_route(self):
        self.populate()
        (self.world["node"],) = self.master.get("/cluster/state")
        for script in ("cluster.http", "reads.http", "lists.http", "tables.http", "logs.http", "verbs.http"):
            self.play(script)

    def test_assets(self):
        manifest = {**EX1, "version": "0.0.1"}
        self.world.update(
            old=example("0.0.1"), new=example("0.1.1"), twin=bundle(manifest, {"x": "other bytes"}),
            rootless=bundle(None, {"sub/asset.json": "{}"}), broken=bundle("{"), nameless=bundle({"version": "1.0.0"}),
            unversioned=bundle({"name": "a", "version": "1"}),
            newer=bundle({"name": "a", "version": "1.0.0", "minimum_teraslice_version": "999.9.9"}))
        self.world["old_id"], self.world["new_id"] = asset_id(self.world["old"]), asset_id(self.world["new"])
        self.play("assets.http")

    def test_quarantine(self):
        mixed = self.directory / "mixed.ldjson"
        mixed.write_text('{"id":1}\nthis is no JSON\n{"id":2}\n')
        good = self.write_input("good.ldjson", 10)
        keeping = {"_dead_letter_action": "quarantine"}
        self.keep("mixed", self.master.submit(self.job_named("mixed", mixed, reader=keeping)))
        self.keep("clean", self.master.submit(self.job_named("clean", good, reader=keeping)))
        self.keep("stored", self.master.submit(self.job_named("stored", good), start=False))
        for name in ("mixed", "clean"):
            self.master.wait_for_status(self.world[f"{name}_ex"], "completed")
        self.keep("running", self.master.submit(self.job_named("running", self.write_input(), delay_ms=500)))
        self.master.wait_for_status(self.world["running_ex"], "running")
        self.play("quarantine.http")
        document = self.master.wait_for_status(self.world["redriven_ex"], "completed")
        self.assertEqual(document["recovered_slice_type"], "quarantine")


class Player(unittest.TestCase):
    """The player sees every kind of difference."""

    def test_differences(self):
        world = {}
        actual = {"a": 1, "b": [{"c": "x"}, True], "d": "2026-11-24T12:00:00.000Z"}
        for same in ({}, {"a": "<number>"}, {"b": [{"c": "<text>"}, True]}, {"b": "<list>", "d": "<date>"}, {"b": [{"c": "<save c>"}, "<any>"]}):
            self.assertEqual(http_script.difference(same, actual, world), "", same)
        self.assertEqual(world, {"c": "x"})
        for other in ({"a": 2}, {"a": True}, {"z": 1}, {"b": []}, {"b": [{"c": "y"}, True]}, {"a": "<text>"}, {"a": "<date>"}, {"a": "<object>"}, []):
            self.assertNotEqual(http_script.difference(other, actual, world), "", other)

    def test_lines_that_fit_nowhere(self):
        for text in ("what\n", "=== a\nGET\n--- 200\n", "=== a\nGET /\n--- x\n", "=== a\nGET /\n--- 200\nwhat\n"):
            with self.assertRaises(ValueError):
                http_script.parse(text)


if __name__ == "__main__":
    unittest.main()
