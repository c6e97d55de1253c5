"""Scripts below tests/dialects/teraslice/live, against a real master: what a status answers to each verb."""

import pathlib

import http_script
from harness import EndToEnd, wait_until

SCRIPTS = pathlib.Path(__file__).parents[1] / "dialects" / "teraslice" / "live"
SLOW_MS = 30_000  # a slice that is still running when the test is over


class VerbsByStatus(EndToEnd):
    """Prepares an execution in each status, and keeps it for the next case while its status has not changed."""

    def setUp(self):
        super().setUp()
        self.masters = {}
        self.made = 0
        self.present = {}  # status -> (master, job_id, ex_id)

    def master_of(self, kind, **options):
        if kind not in self.masters:
            self.masters[kind] = self.start_master(data=self.directory / kind, **options)
        return self.masters[kind]

    def job_of(self, *, slices=4, delay_ms=SLOW_MS, bad=0, workers=2):
        """`bad` records that no filter can take, each in a slice of its own, before slices that take long."""
        self.made += 1
        path = self.directory / f"in-{self.made}"
        path.mkdir()
        for n in range(bad):
            (path / f"{n:02}.ldjson").write_text("broken\n")
        for n in range(bad, bad + slices):
            (path / f"{n:02}.ldjson").write_text('{"id":1}\n')
        operations = [{"_op": "file_reader", "path": str(path), "format": "ldjson"}]
        operations += [{"_op": "delay", "ms": delay_ms}] if delay_ms else [{"_op": "noop"}]
        return {"name": "verbs", "workers": workers, "max_retries": 0, "operations": operations}, path

    def begin(self, master, job, *targets):
        submitted = master.submit(job)
        master.wait_for_status(submitted["ex_id"], *targets)
        return master, submitted["job_id"], submitted["ex_id"]

    def make(self, status):
        if status == "pending":
            master = self.master_of("full", slots=1)
            if not master.pids("worker"):
                self.begin(master, self.job_of(workers=1)[0], "running")
            return self.begin(master, self.job_of()[0], status)
        if status == "scheduling":
            master = self.master_of(status, slots=100, environment={"SLICEMILL_FAULT": "controller/launched:hang:1"})
            return self.begin(master, self.job_of()[0], status)
        if status == "initializing":
            master = self.master_of(status, slots=100, environment={"SLICEMILL_FAULT": "controller/opening:hang:1"})
            return self.begin(master, self.job_of()[0], status)
        master = self.master_of("main", slots=100)
        if status == "completed":
            return self.begin(master, self.job_of(delay_ms=0)[0], status)
        if status == "failed":
            return self.begin(master, self.job_of(delay_ms=0, bad=1)[0], status)
        if status == "failing":
            return self.begin(master, self.job_of(bad=1, slices=200, delay_ms=300)[0], status)
        master, job_id, ex_id = self.begin(master, self.job_of()[0], "running")
        wait_until(lambda: master.stats(ex_id).get("workers_active") == 2, "both workers to run a slice")
        if status == "paused":
            master.post(f"/v1/ex/{ex_id}/_pause")
        elif status == "stopping":
            master.post(f"/v1/ex/{ex_id}/_stop?blocking=false")
        elif status in ("stopped", "recovering"):
            master.post(f"/v1/ex/{ex_id}/_stop?force=true")
        if status == "recovering":
            ex_id = master.post(f"/v1/ex/{ex_id}/_recover?cleanup_type=all")["ex_id"]
            master.wait_for_status(ex_id, status)
        return master, job_id, ex_id

    def in_status(self, status):
        if status in self.present:
            master, job_id, ex_id = self.present[status]
            deleted = master.get(f"/v1/jobs/{job_id}").get("_deleted")
            if master.status(ex_id) == status and not deleted and master.get(f"/v1/jobs/{job_id}/ex")["ex_id"] == ex_id:
                return master, job_id, ex_id
        self.present[status] = self.make(status)
        return self.present[status]

    def play(self, case):
        master, job_id, ex_id = self.in_status(case.state)
        world = {"job_id": job_id, "ex_id": ex_id}
        self.assertEqual(http_script.play(case, master.port, world), [])
        if case.then:
            self.assertEqual(master.wait_for_status(ex_id, case.then)["_status"], case.then)
        if "new_ex_id" in world:
            master.post(f"/v1/ex/{world['new_ex_id']}/_stop?force=true")

    def test_every_cell(self):
        script = SCRIPTS / "verbs_by_status.http"
        cases = http_script.parse(script.read_text())
        self.assertGreater(len(cases), 100)
        for case in cases:
            with self.subTest(f"{script.name}:{case.line} {case.name}"):
                self.play(case)
