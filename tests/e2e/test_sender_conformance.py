"""What every sender must pass, by its commit class: an attempt that dies before, in and after its commit, two attempts at once, a lost lease, a
cut connection, a fence, a stop's deadline, a controller that dies between commit and record. The matrix is printed at the end.

SENDERS="file_exporter,stdout" leaves postgres_sender out, which needs a server of its own.
"""

import collections
import json
import os
import signal
import unittest

from cut_proxy import CutProxy
from harness import OK, TERMINAL, EndToEnd, is_alive, records, wait_until
from postgres_server import PASSWORD, PostgresServer

RECORDS = 1500
SLICE_BYTES = 4000
ALL_SENDERS = ("file_exporter", "stdout", "postgres_sender")
SHORT_LEASE = {"SLICEMILL_BEAT": "150ms", "SLICEMILL_LEASE": "1000ms"}
MATRIX = collections.OrderedDict()  # scenario: {sender: what was seen}


class Target:
    """What a test must know of a sender."""

    name = ""
    exactly_once = True
    points = {}  # where a worker can be: before, in and after its commit
    connections = {}

    def __init__(self, test):
        self.test = test

    def operation(self):
        raise NotImplementedError

    def written(self):
        raise NotImplementedError


class Files(Target):
    name = "file_exporter"
    points = {"before": "worker/staging", "in": "worker/staged", "after": "controller/committed"}

    def operation(self):
        return {"_op": "file_exporter", "path": str(self.test.output), "format": "ldjson"}

    def written(self):
        return self.test.read_output() if self.test.output.exists() else []


class Stdout(Target):
    name = "stdout"
    exactly_once = False

    def operation(self):
        return {"_op": "stdout"}

    def written(self):
        lines = [line for file in sorted((self.test.data / "logs").rglob("worker-*.out")) for line in file.read_text().splitlines()]
        return [json.loads(line) for line in lines if line.startswith("{")]


class Postgres(Target):
    name = "postgres_sender"
    points = {"before": "worker/claiming", "in": "worker/claimed", "after": "worker/claim_committed"}

    def __init__(self, test):
        super().__init__(test)
        self.server = PostgresServer(test)
        self.proxy = CutProxy(test, self.server.port)
        self.server.sql('CREATE TABLE rows(id int, "group" int, text text)')
        url = self.server.url().replace(str(self.server.port), str(self.proxy.port)) + "?sslmode=disable"
        self.connections = {"target": {"type": "postgres", "url": url, "password": PASSWORD}}

    def operation(self):
        return {"_op": "postgres_sender", "_connection": "target", "table": "rows"}

    def written(self):
        return json.loads(self.server.sql("SELECT coalesce(json_agg(t), '[]') FROM rows t"))


TARGETS = {target.name: target for target in (Files, Stdout, Postgres)}


def of_senders(*names):
    """The scenario runs with each of these senders; for the others the matrix says that it has no meaning."""
    wanted = os.environ.get("SENDERS", ",".join(ALL_SENDERS)).split(",")

    def decorate(function):
        def run(self):
            if not set(names) & set(wanted):
                self.skipTest("none of the senders that are asked for has such a moment")
            scenario = function.__name__.removeprefix("test_").replace("_", " ")
            cells = MATRIX.setdefault(scenario, {name: "-" for name in wanted})
            for name in (n for n in names if n in wanted):
                cells[name] = "FAILED"
                with self.subTest(sender=name):
                    self.begin(name)
                    function(self)
                    cells[name] = self.judge()
        run.__name__ = function.__name__
        return run

    return decorate


class Conformance(EndToEnd):
    def begin(self, name):
        if hasattr(self, "master"):
            self.doCleanups()
            self.setUp()
        self.target = TARGETS[name](self)
        self.config = self.directory / "slicemill.yaml"
        self.config.write_text(json.dumps({"connections": self.target.connections}))
        self.config.chmod(0o600)
        self.log = self.directory / "fault.log"
        self.path = self.write_input(records=RECORDS)
        self.master = None

    def start(self, faults="", *, environment=None, processors=(), **top):
        settings = dict(environment or {})
        if faults:
            settings |= {"SLICEMILL_FAULT": faults, "SLICEMILL_FAULT_LOG": str(self.log)}
        self.master = self.start_master(environment=settings, arguments=("--config", self.config))
        job = {"name": "conformance", "lifecycle": "once", "workers": 2, **top,
               "operations": [{"_op": "file_reader", "path": str(self.path), "format": "ldjson", "size": SLICE_BYTES}, *processors,
                              self.target.operation()]}
        self.ex_id = self.master.submit(job)["ex_id"]

    def fired(self, point):
        """The pid of the process that came there."""
        def line():
            lines = self.log.read_text().splitlines() if self.log.is_file() else []
            return next((text.split() for text in lines if text.split()[0].rpartition("/")[2] == point), None)
        return int(wait_until(line, f"the fault point {point} to fire")[1])

    def completes(self):
        return self.master.wait_for_status(self.ex_id, "completed")

    def recovers(self):
        self.ex_id = self.master.post(f"/v1/ex/{self.ex_id}/_recover")["ex_id"]
        return self.completes()

    def counts(self):
        return collections.Counter(json.dumps(r, sort_keys=True) for r in self.target.written())

    def judge(self):
        """Everything is there; once, if the sender promises that; and the ledger says the same."""
        found, wanted = self.counts(), collections.Counter(json.dumps(r, sort_keys=True) for r in records(RECORDS))
        self.assertEqual(list((wanted - found).items())[:3], [], "records are missing")
        twice = sum((found - wanted).values())
        if not self.target.exactly_once:
            return f"all, {twice} again"
        self.assertEqual(twice, 0, list((found - wanted).items())[:3])
        self.assertEqual(self.verify(), OK)
        return "exactly once"

    def verify(self):
        result = self.slicemill("verify", self.ex_id, "--master", self.master.url, environment={"SLICEMILL_CONFIG": str(self.config)})
        self.said = result.stdout + result.stderr
        return result.returncode

    # ---- scenarios ----

    @of_senders(*ALL_SENDERS)
    def test_nothing_happens(self):
        self.start()
        self.completes()

    @of_senders(*ALL_SENDERS)
    def test_attempt_killed_before_commit(self):
        self.start(f"{self.target.points.get('before', 'worker/none')}:kill:3", processors=[] if self.target.points else [{"_op": "delay", "ms": 50}])
        if self.target.points:
            self.fired(self.target.points["before"].rpartition("/")[2])
        else:
            self.master.wait_for_processed(self.ex_id, 1)
            self.master.kill_9("worker", self.ex_id)
        self.completes()

    @of_senders("file_exporter", "postgres_sender")
    def test_attempt_killed_in_commit(self):
        self.start(f"{self.target.points['in']}:kill:3")
        self.fired(self.target.points["in"].rpartition("/")[2])
        self.completes()

    @of_senders("file_exporter", "postgres_sender")
    def test_killed_after_commit(self):
        self.start(f"{self.target.points['after']}:kill:3")
        self.fired(self.target.points["after"].rpartition("/")[2])
        self.completes()

    @of_senders("postgres_sender")
    def test_connection_cut_in_COMMIT_answer_lost(self):
        self.target.proxy.cut_at(12, 17, 23)
        self.start()
        self.completes()
        self.assertEqual(self.target.proxy.done, 3)

    @of_senders("postgres_sender")
    def test_connection_cut_in_COMMIT_request_lost(self):
        self.target.proxy.cut_at(12, 17, 23, before=True)
        self.start()
        self.completes()
        self.assertEqual(self.target.proxy.done, 3)

    @of_senders(*ALL_SENDERS)
    def test_lease_moved_while_writing(self):
        points = self.target.points
        point = points["in"] if points else "worker/none"
        self.start(f"{point}:wait:3", environment=SHORT_LEASE, processors=() if points else [{"_op": "delay", "ms": 100}])
        if points:
            pid = self.fired(point.rpartition("/")[2])
        else:
            self.master.wait_for_processed(self.ex_id, 1)
            pid = self.master.pids("worker", self.ex_id)[0]
        os.kill(pid, signal.SIGSTOP)
        # Nobody hears of it; what it holds runs elsewhere, and it goes on in the middle of that.
        wait_until(lambda: not is_alive(pid) or self.master.stats(self.ex_id).get("processed", 0) > 5, "others to go on")
        (self.directory / f"fault.log.{point.rpartition('/')[2]}.go").touch()
        if is_alive(pid):
            os.kill(pid, signal.SIGCONT)
        self.completes()

    @of_senders("file_exporter", "postgres_sender")
    def test_two_attempts_at_once(self):
        slow = self.directory / "slow.py"
        slow.write_text("import json, os, sys, time\nfor line in sys.stdin:\n  if json.loads(line)['id'] == 800:\n    try: os.mkdir(sys.argv[1])\n"
                        "    except FileExistsError: open(sys.argv[1] + '/second', 'w').close()\n"
                        "    else:\n      while not os.path.exists(sys.argv[1] + '/second'): time.sleep(0.01)\n  sys.stdout.write(line)\n")
        self.start(processors=[{"_op": "script", "command": "python3", "args": [str(slow), str(self.directory / "notes")], "repeatable": True}],
                   speculation=True, speculation_min_runtime=300)
        self.assertEqual(self.completes()["_slicer_stats"]["speculated"], 1)

    @of_senders("file_exporter", "postgres_sender")
    def test_fence_of_a_slice_that_fails_before_its_commit(self):
        self.start(f"{self.target.points['before']}:fail:3", max_retries=0)
        document = self.master.wait_for_status(self.ex_id, "failed")
        self.assertEqual(document["_slicer_stats"]["failed"], 1)
        self.assertEqual(self.verify(), OK, self.said)
        if self.target.name == "postgres_sender":
            self.assertEqual(self.target.server.sql("SELECT count(*) FROM slicemill_claims WHERE void"), "1")
        self.recovers()

    @of_senders("postgres_sender")
    def test_fence_that_finds_a_commit_adopts_it(self):
        self.start("worker/claim_committed:fail:3", max_retries=0)
        self.assertEqual(self.completes()["_slicer_stats"]["failed"], 0)

    @of_senders("file_exporter", "postgres_sender")
    def test_stop_with_its_deadline_while_writing(self):
        point = self.target.points["in"]
        self.start(f"{point}:hang:3")
        self.fired(point.rpartition("/")[2])
        self.master.post(f"/v1/ex/{self.ex_id}/_stop?timeout=500")
        self.master.wait_for_status(self.ex_id, "stopped")
        self.assertEqual(self.verify(), OK, self.said)
        before = self.counts()
        self.recovers()
        self.assertLessEqual(before, self.counts())

    @of_senders("postgres_sender")
    def test_stop_finds_what_was_committed_and_not_told(self):
        self.start("worker/claim_committed:hang:3")
        self.fired("claim_committed")
        self.master.post(f"/v1/ex/{self.ex_id}/_stop?timeout=500")
        self.master.wait_for_status(self.ex_id, "stopped", "completed")
        self.assertEqual(self.verify(), OK, self.said)
        self.recovers()

    @of_senders("file_exporter", "postgres_sender")
    def test_controller_killed_between_commit_and_record(self):
        self.start("controller/staged:kill:3")
        self.fired("staged")
        self.completes()

    @of_senders(*ALL_SENDERS)
    def test_controller_and_worker_killed_together(self):
        self.start(processors=[{"_op": "delay", "ms": 30}])
        self.master.wait_for_processed(self.ex_id, 3)
        pids = self.master.pids("worker", self.ex_id)[:1] + self.master.pids("execution_controller", self.ex_id)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self.completes()


def tearDownModule():
    if not MATRIX:
        return
    senders = list(next(iter(MATRIX.values())))
    width = max(map(len, MATRIX)) + 2
    print("\n" + "scenario".ljust(width) + "".join(sender.ljust(20) for sender in senders))
    for scenario, cells in MATRIX.items():
        print(scenario.ljust(width) + "".join(cells[sender].ljust(20) for sender in senders))


if __name__ == "__main__":
    unittest.main()
