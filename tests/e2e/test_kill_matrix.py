"""Invariants I1, I2, I4, I6 as a matrix: whoever dies exactly at whichever named step of a slice's or an execution's life, nothing is
lost, nothing is doubled, and the status tells the truth.

A process that passes the point itself is killed by the point. Where another process passes it, that one waits there
(core/runtime/fault.h: `wait`) until the victims are dead. The matrix is printed when it ends. E2E_CELLS="worker/created,all/paused" runs
only these cells, E2E_PARALLEL=1 one after the other.
"""

import collections
import concurrent.futures
import json
import os
import signal
import threading
import time
import unittest

from harness import EndToEnd, is_alive, processes_with_token, records, wait_until

VICTIMS = {
    "worker": ("worker",),
    "controller": ("controller",),
    "master": ("master",),
    "all": ("master", "controller", "worker"),
}
STEPS = ("created", "dispatched", "staged", "committed", "published", "done", "joined")
ASKED_FOR = {"paused": "_pause", "stopping": "_stop", "terminal": "_stop"}
COMPLETED = "terminal of a completed run"
POINTS = (*STEPS, *ASKED_FOR, COMPLETED)

RECORDS = 3000
SLICE_BYTES = 2000
STATUS_PATIENCE_S = 5  # how long a status may be untrue


def pass_of(point):
    """The third slice, where there are many passes."""
    return 3 if point in ("dispatched", "staged", "committed", "published", "done") else 1


class Cell(EndToEnd):
    """One victim at one point. Not found by the loader: it has no test of its own, the matrix runs it."""

    SINGLE_FILE = "joined.ldjson"  # of a joined output

    def __init__(self, victim=None, point=None):
        super().__init__("prove")
        self.victim, self.point = victim, point
        self.victims = VICTIMS.get(victim, ())
        self.joined = point in ("joined", COMPLETED)
        self.step = "terminal" if point == COMPLETED else point
        self.undisturbed = None  # what the output must be; the cell without a victim sets it
        self.outcome = "FAILED"
        self.first_dispatch_ms = None

    def setUp(self):
        super().setUp()
        self.log = self.directory / "fault.log"
        if self.joined:
            self.output = self.directory / self.SINGLE_FILE

    # ---- the point ----

    def faults(self):
        """The setting that makes the point fire, and notes that tell when something is dispatched."""
        notes = "controller/dispatched:note:1,readiness:every:1"  # no death is believed for a wake-up alone
        if not self.victims:
            return notes
        if self.victims == ("controller",):
            return f"{notes},controller/{self.step}:kill:{pass_of(self.step)}"
        if self.victims == ("worker",) and self.step == "staged":
            return f"{notes},worker/staged:kill:{pass_of(self.step)}"
        first = "controller/joined:wait:1," if self.point == COMPLETED else ""
        return f"{notes},{first}controller/{self.step}:wait:{pass_of(self.step)}"

    def fired(self, step):
        """(name, pid) of the point once it fired."""
        def line():
            lines = self.log.read_text().splitlines() if self.log.is_file() else []
            return next((text.split() for text in lines if text.partition(" ")[0].rpartition("/")[2] == step), None)

        name, pid = wait_until(line, f"the fault point {step} to fire")
        return name, int(pid)

    def open_gate(self, step):
        (self.directory / f"fault.log.{step}.go").touch()

    def kill_at_the_point(self):
        """Returns the wall time of the kill in ms. The point has fired, and the victims died exactly there."""
        if self.point == COMPLETED and self.victims != ("controller",):
            # Workers would leave in peace before the end: one cannot, as it is stopped while it idles at the join.
            self.fired("joined")
            self.sleeper = self.living_workers()[0]
            os.kill(self.sleeper, signal.SIGSTOP)
            self.open_gate("joined")
        name, pid = self.fired(self.step)
        if "kill" in self.faults():
            wait_until(lambda: not is_alive(pid), f"{pid} to die at {name}")
            return self.log.stat().st_mtime_ns // 1_000_000
        self.assertEqual([pid], self.controllers, "it is the controller that waits")
        dead = [pid] if "controller" in self.victims else []
        if "worker" in self.victims:
            workers = self.living_workers()
            if self.point == "terminal":
                self.assertEqual(workers, [], "a stop is not terminal before its workers are gone")
            else:
                self.assertTrue(workers, "there must be a worker to kill")
            dead += workers if len(self.victims) > 1 else workers[:1]
        if "master" in self.victims:  # first: it would start the others again
            self.master.process.kill()
        for victim in dead:
            os.kill(victim, signal.SIGKILL)
        killed_ms = time.time_ns() // 1_000_000
        if "master" in self.victims:
            self.master.process.wait()
        wait_until(lambda: not any(map(is_alive, dead)), f"{dead} to be gone")
        self.open_gate(self.step)
        return killed_ms

    def living_workers(self):
        if self.point == COMPLETED and hasattr(self, "sleeper"):
            return [pid for pid in [self.sleeper] if is_alive(pid)]
        if self.point in ("stopping", "terminal"):  # they are on their way
            return [pid for pid in self.master.pids("worker", self.ex_id) if is_alive(pid)]
        return self.master.wait_for_pids("worker", self.ex_id, 2)

    # ---- the cell ----

    def prove(self):
        environment = {"SLICEMILL_FAULT": self.faults(), "SLICEMILL_FAULT_LOG": str(self.log)}
        self.master = self.start_master(environment=environment)
        self.ex_id = self.master.submit(self.victims_job())["ex_id"]
        if not self.victims:
            self.assert_undisturbed()
            self.undisturbed = self.contents()
            self.assert_nothing_is_left()
            return
        self.controllers = wait_until(lambda: self.master.pids("execution_controller", self.ex_id), "a controller")
        asking = self.ask() if self.step in ASKED_FOR and not self.joined else None
        killed_ms = self.kill_at_the_point()
        if "master" in self.victims:
            self.master = self.start_master(environment=environment)
        if asking is not None:
            self.check_answer(asking)
        self.bring_to_its_end()
        self.assert_nothing_is_left()
        if self.point in STEPS and self.point != "joined":
            self.first_dispatch_ms = self.first_dispatch_after(killed_ms)
        self.outcome = "exact"

    def victims_job(self):
        path = self.write_input(records=RECORDS)
        self.slices = self.slices_of(path, SLICE_BYTES)
        sender = {"single_file": True} if self.joined else None
        return self.job(path, size=SLICE_BYTES, delay_ms=4, workers=2, sender=sender)

    def assert_undisturbed(self):
        self.assert_completed_exactly(self.master, self.ex_id, records(RECORDS), self.slices)

    def ask(self):
        """Sends the verb when the job is under way. Its answer may never come: the thread keeps what did."""
        self.master.wait_for_processed(self.ex_id, 5)
        master, path = self.master, f"/v1/ex/{self.ex_id}/{ASKED_FOR[self.step]}"
        answers = []

        def request():
            try:
                answers.append(master.request("POST", path))
            except (OSError, ValueError, EOFError) as error:
                answers.append(error)

        thread = threading.Thread(target=request, daemon=True)
        thread.start()
        return thread, answers

    def check_answer(self, asking):
        """A master that lives answers with the state that was reached, whoever else died."""
        thread, answers = asking
        thread.join(60)
        self.assertEqual(len(answers), 1, "the request must end")
        if "master" not in self.victims:
            self.assertEqual(answers[0], (200, {"status": "paused" if self.step == "paused" else "stopped"}))

    def bring_to_its_end(self):
        done_before = 0
        if self.step == "paused":
            self.assert_soon("paused")
            wait_until(lambda: self.master.stats(self.ex_id).get("in_flight") == 0, "nothing to be in flight")
            self.assertEqual(self.master.status(self.ex_id), "paused")
            self.assertEqual(self.master.post(f"/v1/ex/{self.ex_id}/_resume"), {"status": "running"})
        elif self.step in ("stopping", "terminal"):
            self.assert_soon("completed" if self.joined else "stopped")
            self.assert_nothing_is_staged()
            done_before = self.master.execution(self.ex_id)["_slicer_stats"]["processed"]
            self.ex_id = self.master.post(f"/v1/ex/{self.ex_id}/_recover")["ex_id"]
        document = self.master.wait_for_status(self.ex_id, "completed")
        figures = document["_slicer_stats"]
        self.assertEqual((done_before + figures["processed"], figures["failed"]), (self.slices, 0), figures)
        self.assertEqual(self.contents(), self.undisturbed, "the output is not what it is without a crash")
        self.assert_verified(self.ex_id, self.master)

    def assert_soon(self, status):
        wait_until(lambda: self.master.status(self.ex_id) == status,
                   lambda: f"the status to be {status}; it is {self.master.status(self.ex_id)}", STATUS_PATIENCE_S)

    def contents(self):
        """A joined file byte by byte, slices' files as a multiset of records."""
        if self.joined:
            return self.output.read_bytes()
        return collections.Counter(json.dumps(r, sort_keys=True) for r in self.read_output())

    def assert_nothing_is_left(self):
        """No process and no staged file."""
        self.assert_nothing_is_staged()
        self.master.wait_for_pids("worker", self.ex_id, 0)
        self.master.wait_for_pids("execution_controller", self.ex_id, 0)
        self.assertEqual(self.master.terminate(), 0)
        # A worker that the master started and died before noting it is known to nobody, and gives up by itself after 300 s.
        wait_until(lambda: not processes_with_token(self.token), "every process to be gone", patience_s=330)

    def assert_nothing_is_staged(self):
        staged = lambda: [f for staging in self.staging_directories() for f in staging.rglob("*") if f.is_file()]
        wait_until(lambda: not staged(), lambda: f"nothing to be staged; there is {staged()}", 10)

    def staging_directories(self):
        return [(self.output.parent if self.joined else self.output) / ".slicemill"]

    def first_dispatch_after(self, killed_ms):
        """ms from the kill until the controller, an old or a new one, gave a slice to a worker; None if nothing was left to give."""
        notes = self.directory / "fault.log.notes"
        passes = [line.split() for line in notes.read_text().splitlines()]
        # The time of a kill by the point itself is that of its line in the log: a little too early.
        dead = self.controllers if "controller" in self.victims else []
        return min((int(at) - killed_ms for _, pid, at in passes if int(at) > killed_ms and int(pid) not in dead), default=None)


class GraphCell(Cell):
    """The same with two sources and two sinks, of which one gets the records of both."""

    SINGLE_FILE = "out/all.ldjson"

    def setUp(self):
        super().setUp()
        self.base = self.directory / "out"
        self.output = self.base / ("all.ldjson" if self.joined else "all")

    def victims_job(self):
        half = RECORDS // 2
        paths = [self.write_input(f"{name}.ldjson", half, first=first) for name, first in (("first", 0), ("second", half))]
        self.slices = sum(self.slices_of(path, SLICE_BYTES) for path in paths)
        sender = {"_op": "file_exporter", "format": "ldjson"}
        return {"name": "graph", "workers": 2,
                "sources": [{"id": path.stem, "_op": "file_reader", "path": str(path), "size": SLICE_BYTES} for path in paths],
                "transforms": [{"id": "late", "from": ["first", "second"], "_op": "delay", "ms": 4},
                               {"id": "even", "from": "late", "_op": "filter", "field": "group", "value": 2}],
                "sinks": [{"id": "all", "from": "late", **sender, "path": str(self.output), "single_file": self.joined},
                          {"id": "some", "from": "even", **sender, "path": str(self.base / "some")}]}

    def assert_undisturbed(self):
        self.master.wait_for_status(self.ex_id, "completed")
        self.assert_output(records(RECORDS))
        self.assert_output([item for item in records(RECORDS) if item["group"] == 2], self.base / "some")
        self.assert_verified(self.ex_id, self.master)

    def contents(self):
        """As sets of records: in which order slices of two sources are joined may differ."""
        return [collections.Counter(json.dumps(r, sort_keys=True) for r in self.read_output(path))
                for path in (self.output, self.base / "some")]

    def staging_directories(self):
        return [directory / ".slicemill" for directory in (self.base, self.base / "all", self.base / "some")]


class KillMatrix(unittest.TestCase):
    CELL = Cell

    def test_every_cell(self):
        undisturbed = {joined: self.run_undisturbed(joined) for joined in (False, True)}
        chosen = os.environ.get("E2E_CELLS")
        cells = [self.CELL(victim, point) for point in POINTS for victim in VICTIMS
                 if not chosen or f"{victim}/{point}" in chosen.split(",")]
        self.assertTrue(cells, f"E2E_CELLS={chosen} names no cell")
        for cell in cells:
            cell.undisturbed = undisturbed[cell.joined]
        with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("E2E_PARALLEL", "3"))) as pool:
            results = list(pool.map(self.run_cell, cells))
        self.print_table(cells)
        for cell, result in zip(cells, results):
            with self.subTest(f"{cell.victim}/{cell.point}"):
                self.assertTrue(result.wasSuccessful(), "\n".join(text for _, text in result.failures + result.errors))

    @staticmethod
    def run_cell(cell):
        result = unittest.TestResult()
        cell.run(result)
        return result

    def run_undisturbed(self, joined):
        cell = self.CELL(point="joined" if joined else None)
        result = self.run_cell(cell)
        self.assertTrue(result.wasSuccessful(), result.failures + result.errors)
        return cell.undisturbed

    @staticmethod
    def print_table(cells):
        """As it stands in the docs: what became of the cell, and the ms from the kill to the first new dispatch."""
        def text(cell):
            if cell is None:
                return ""
            return cell.outcome if cell.first_dispatch_ms is None else f"{cell.outcome}, {cell.first_dispatch_ms} ms"

        by_name = {(cell.point, cell.victim): cell for cell in cells}
        print("\n| killed at | " + " | ".join(VICTIMS) + " |")
        print("|---" * (1 + len(VICTIMS)) + "|")
        for point in POINTS:
            row = [by_name.get((point, victim)) for victim in VICTIMS]
            if any(row):
                print(f"| {point} | " + " | ".join(map(text, row)) + " |")
        print(f"{sum(cell.outcome == 'exact' for cell in cells)} of {len(cells)} cells exact", flush=True)


if __name__ == "__main__":
    unittest.main()
