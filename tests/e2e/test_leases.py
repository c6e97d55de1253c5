"""Invariants I3 and I4: who is dead is noticed, who is only busy is not taken for dead, and every status is true again within seconds."""

import os
import signal
import time
import unittest

from harness import TERMINAL, EndToEnd, is_alive, processes_with_token, records, wait_until

RECORDS = 1200
SLICE_BYTES = 4000
BEAT_MS, LEASE_MS = 150, 1000
SHORT_LEASE = {"SLICEMILL_BEAT": f"{BEAT_MS}ms", "SLICEMILL_LEASE": f"{LEASE_MS}ms"}
RUNS_ELSEWHERE_S = 2  # after a SIGKILL
STATUS_PATIENCE_S = 5  # how long a status may be untrue


class Leases(EndToEnd):
    def setUp(self):
        super().setUp()
        self.begun_log = self.directory / "begun"

    def tell_begun(self, seconds):
        """A processor that notes when, in which worker and with which record a slice begins, and then takes its time."""
        text = (f'read -r first; echo "$(date +%s%N) $PPID $first" >> {self.begun_log}; printf "%s\\n" "$first"; '
                f"sleep {seconds}; exec cat")
        return {"_op": "script", "command": "sh", "args": ["-c", text]}

    def begun(self):
        """[(unix time in s, pid of the worker, first record)] in the order of time."""
        lines = self.begun_log.read_text().splitlines() if self.begun_log.is_file() else []
        parts = [line.split(" ", 2) for line in lines]
        return sorted((int(nanoseconds) / 1e9, int(pid), first) for nanoseconds, pid, first in parts)

    def start(self, master, **options):
        self.input = self.write_input(records=RECORDS)
        self.slices = self.slices_of(self.input)
        return master.submit(self.job(self.input, **options))["ex_id"]

    def running_in(self, pid):
        """The first record of the slice that this worker runs."""
        def slices():
            return [first for _, worker, first in self.begun() if worker == pid]
        return wait_until(slices, f"worker {pid} to begin a slice")[-1]

    def begins_elsewhere(self, slice_, pid):
        """When that slice began in another worker."""
        return wait_until(lambda: [at for at, worker, first in self.begun() if first == slice_ and worker != pid],
                          f"the slice of worker {pid} to begin elsewhere")[0]

    def test_the_slice_of_a_dead_worker_runs_elsewhere_within_two_seconds(self):
        master = self.start_master()
        ex_id = self.start(master, processors=[self.tell_begun(0.3)])
        victim = master.wait_for_pids("worker", ex_id, 2)[0]
        self.running_in(victim)
        os.kill(victim, signal.SIGKILL)
        killed = time.time()
        slice_ = self.running_in(victim)
        if any(first == slice_ and worker != victim for _, worker, first in self.begun()):
            self.fail("the slice began twice before anybody died")
        took = self.begins_elsewhere(slice_, victim) - killed
        print(f"\na dead worker's slice ran again after {took * 1000:.0f} ms")
        self.assertLess(took, RUNS_ELSEWHERE_S)
        self.assert_completed_exactly(master, ex_id, records(RECORDS), self.slices)

    def test_a_stopped_worker_is_noticed_and_can_do_no_harm_later(self):
        """Its lease ends, its slice runs elsewhere uncharged, and it is killed before that: nothing stale can come from it."""
        master = self.start_master(environment=SHORT_LEASE)
        ex_id = self.start(master, processors=[self.tell_begun(0.3)], max_retries=0)
        victim = master.wait_for_pids("worker", ex_id, 2)[0]
        self.running_in(victim)
        os.kill(victim, signal.SIGSTOP)
        stopped = time.time()
        slice_ = self.running_in(victim)
        took = self.begins_elsewhere(slice_, victim) - stopped
        print(f"\na silent worker's slice ran again after {took * 1000:.0f} ms with a lease of {LEASE_MS} ms")
        self.assertFalse(is_alive(victim), "it is killed before its slices go to others")
        try:
            os.kill(victim, signal.SIGCONT)
        except ProcessLookupError:
            pass
        master.wait_for_pids("worker", ex_id, 2)
        self.assertGreaterEqual(master.stats(ex_id).get("workers_disconnected", 1), 1)
        document = self.assert_completed_exactly(master, ex_id, records(RECORDS), self.slices)
        self.assertEqual(document["_slicer_stats"]["retries"], 0, "silence charges no slice")

    def test_user_code_that_blocks_for_longer_than_the_lease_is_not_taken_for_dead(self):
        master = self.start_master(environment=SHORT_LEASE)
        for processor in ({"_op": "delay", "ms": 3 * LEASE_MS}, self.tell_begun(3 * LEASE_MS / 1000)):
            with self.subTest(processor["_op"]):
                self.output = self.directory / f"output-{processor['_op']}"
                path = self.write_input(f"{processor['_op']}.ldjson", records=160)
                ex_id = master.submit(self.job(path, processors=[processor]))["ex_id"]
                workers = master.wait_for_pids("worker", ex_id, 2)
                document = self.assert_completed_exactly(master, ex_id, records(160), self.slices_of(path))
                figures = document["_slicer_stats"]
                self.assertEqual([figures[name] for name in ("retries", "refused", "workers_reconnected", "workers_joined")],
                                 [0, 0, 0, len(workers)], figures)

    def stop_until_stalled(self, master, ex_id, pid):
        """SIGSTOPs the controller until the master says so, and then for another lease; SIGCONT."""
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: "stalled: no word" in self.status_reason(master, ex_id),
                   lambda: f"the master to say that it hears nothing: {master.execution(ex_id)}")
        self.pass_time(LEASE_MS)
        os.kill(pid, signal.SIGCONT)

    @staticmethod
    def status_reason(master, ex_id):
        return master.execution(ex_id).get("_status_reason", "")

    @staticmethod
    def pass_time(milliseconds):
        end = time.monotonic() + milliseconds / 1000
        wait_until(lambda: time.monotonic() > end, "time to pass")

    def test_a_controller_that_was_stopped_for_a_while_does_not_take_its_workers_for_dead(self):
        master = self.start_master(environment=SHORT_LEASE)
        ex_id = self.start(master, delay_ms=400)
        workers = master.wait_for_pids("worker", ex_id, 2)
        master.wait_for_processed(ex_id, 2)
        controller = master.pids("execution_controller", ex_id)
        self.stop_until_stalled(master, ex_id, controller[0])
        wait_until(lambda: "stalled" not in self.status_reason(master, ex_id), "the status to be true again")
        before = master.stats(ex_id)["processed"]
        master.wait_for_processed(ex_id, before + 2)
        self.assertEqual(master.pids("execution_controller", ex_id), controller)
        self.assertEqual(master.pids("worker", ex_id), workers, "they said that they live, it only did not listen")
        self.assert_completed_exactly(master, ex_id, records(RECORDS), self.slices)

    def start_paused(self, master):
        """An execution that is paused for so long that nobody in it sends messages to say that it lives."""
        ex_id = self.start(master, delay_ms=50)
        master.wait_for_processed(ex_id, 2)
        master.post(f"/v1/ex/{ex_id}/_pause")
        workers = master.wait_for_pids("worker", ex_id, 2)
        self.pass_time(3 * LEASE_MS)
        self.assertEqual((master.status(ex_id), self.status_reason(master, ex_id)), ("paused", ""))
        self.assertEqual(master.pids("worker", ex_id), workers)
        return ex_id, workers

    def resume_to_the_end(self, master, ex_id):
        master.post(f"/v1/ex/{ex_id}/_resume")
        self.assert_completed_exactly(master, ex_id, records(RECORDS), self.slices)

    def test_of_a_paused_execution_silence_is_noticed_too(self):
        master = self.start_master(environment=SHORT_LEASE)
        ex_id, workers = self.start_paused(master)
        os.kill(workers[0], signal.SIGSTOP)
        stopped = time.monotonic()
        wait_until(lambda: not is_alive(workers[0]), "the silent worker to be killed")
        self.assertLess(time.monotonic() - stopped, 2 * LEASE_MS / 1000 + 1)
        now = master.wait_for_pids("worker", ex_id, 2)
        self.assertEqual(len(set(now) & set(workers)), 1, "only the silent one is replaced")
        controller = master.pids("execution_controller", ex_id)
        self.stop_until_stalled(master, ex_id, controller[0])
        wait_until(lambda: self.status_reason(master, ex_id) == "", "the status to be true again")
        self.assertEqual(master.pids("execution_controller", ex_id), controller)
        self.assertEqual(master.wait_for_pids("worker", ex_id, 2), now)
        self.resume_to_the_end(master, ex_id)

    def test_paused_executions_meet_the_next_master_and_the_next_controller(self):
        master = self.start_master(environment=SHORT_LEASE)
        ex_id, workers = self.start_paused(master)
        controller = master.pids("execution_controller", ex_id)
        master.kill_9_itself()
        self.pass_time(2 * LEASE_MS)
        master = self.start_master(environment=SHORT_LEASE)
        started = time.monotonic()
        wait_until(lambda: (master.status(ex_id), self.status_reason(master, ex_id)) == ("paused", ""), "the status to be true")
        self.assertLess(time.monotonic() - started, STATUS_PATIENCE_S)
        self.pass_time(2 * LEASE_MS)
        self.assertEqual(self.status_reason(master, ex_id), "")
        self.assertEqual((master.pids("execution_controller", ex_id), master.pids("worker", ex_id)), (controller, workers))
        master.kill_9("execution_controller", ex_id)
        wait_until(lambda: master.pids("execution_controller", ex_id) not in ([], controller), "the next controller")
        wait_until(lambda: master.stats(ex_id).get("workers_available") == 2, "its workers")
        self.pass_time(2 * LEASE_MS)
        self.assertEqual((master.status(ex_id), master.pids("worker", ex_id)), ("paused", workers))
        self.resume_to_the_end(master, ex_id)

    def test_a_master_that_was_stopped_for_a_while_does_not_take_controllers_for_dead(self):
        master = self.start_master(environment=SHORT_LEASE)
        ex_id = self.start(master, delay_ms=800)
        workers = master.wait_for_pids("worker", ex_id, 2)
        master.wait_for_processed(ex_id, 2)
        controller = master.pids("execution_controller", ex_id)
        os.kill(master.process.pid, signal.SIGSTOP)
        self.pass_time(5 * LEASE_MS)  # a controller that is silent for four is killed
        os.kill(master.process.pid, signal.SIGCONT)
        self.pass_time(3 * LEASE_MS)  # it has taken stock
        self.assertEqual(master.pids("execution_controller", ex_id), controller)
        self.assertEqual(master.pids("worker", ex_id), workers)
        self.assert_completed_exactly(master, ex_id, records(RECORDS), self.slices)


class ManyExecutions(EndToEnd):
    def start_jobs(self, master, names, delay_ms):
        """One job a name, each with an input and an output of its own; {name: ex_id}."""
        self.sizes = {}
        started = {}
        for number, name in enumerate(names):
            path = self.write_input(f"{name}.ldjson", RECORDS, number * RECORDS)
            self.output = self.directory / f"output-{name}"
            self.sizes[name] = self.slices_of(path)
            started[name] = master.submit({**self.job(path, delay_ms=delay_ms, workers=1), "name": name})["ex_id"]
        self.numbers = {name: number for number, name in enumerate(names)}
        return started

    def assert_exact(self, master, name, ex_id, done_before=0):
        document = master.wait_for_status(ex_id, "completed")
        figures = document["_slicer_stats"]
        self.assertEqual((done_before + figures["processed"], figures["failed"]), (self.sizes[name], 0), figures)
        self.assert_output(records(RECORDS, self.numbers[name] * RECORDS), self.directory / f"output-{name}")
        self.assert_verified(ex_id, master)

    def test_every_status_is_true_soon_after_the_master_came_back(self):
        """Meanwhile one went on, one lost its controller, one its worker, one is paused and lost both, one was told to stop, one ended."""
        master = self.start_master(slots=16)
        names = ["goes_on", "no_controller", "no_worker", "paused", "stopping", "ended"]
        started = self.start_jobs(master, names, delay_ms=60)
        for ex_id in started.values():
            master.wait_for_processed(ex_id, 1)
        controllers = {name: master.pids("execution_controller", ex_id)[0] for name, ex_id in started.items()}
        workers = {name: master.wait_for_pids("worker", ex_id, 1)[0] for name, ex_id in started.items()}
        self.assertEqual(master.post(f"/v1/ex/{started['paused']}/_pause"), {"status": "paused"})
        master.post(f"/v1/ex/{started['stopping']}/_stop?blocking=false")
        master.kill_9_itself()
        dead = [controllers["no_controller"], workers["no_worker"], controllers["paused"], workers["paused"]]
        for pid in dead:
            os.kill(pid, signal.SIGKILL)
        ended = self.directory / "output-ended"
        wait_until(lambda: len(self.read_output(ended)) == RECORDS, "one to end while there is no master")

        master = self.start_master(slots=16)
        began = time.monotonic()
        # One that goes on may be through by now: then that is the truth.
        wanted = {"goes_on": {"running", "completed"}, "no_controller": {"running"}, "no_worker": {"running"},
                  "paused": {"paused"}, "stopping": {"stopped"}, "ended": {"completed"}}

        def all_true():
            return all(master.status(ex_id) in wanted[name] for name, ex_id in started.items()) and all(
                master.pids("execution_controller", ex_id) not in ([], [pid])
                for name, ex_id, pid in [("no_controller", started["no_controller"], controllers["no_controller"]),
                                         ("paused", started["paused"], controllers["paused"])])

        wait_until(all_true, lambda: f"true statuses: { {n: master.status(e) for n, e in started.items()} }", STATUS_PATIENCE_S)
        print(f"\nsix statuses true {(time.monotonic() - began) * 1000:.0f} ms after the master came back")
        if master.status(started["goes_on"]) == "running":
            self.assertEqual(master.pids("execution_controller", started["goes_on"]), [controllers["goes_on"]])

        self.assertEqual(master.post(f"/v1/ex/{started['paused']}/_resume"), {"status": "running"})
        done_before = master.execution(started["stopping"])["_slicer_stats"]["processed"]
        recovered = master.post(f"/v1/ex/{started['stopping']}/_recover")["ex_id"]
        self.assert_exact(master, "stopping", recovered, done_before)
        for name in names:
            if name != "stopping":
                self.assert_exact(master, name, started[name])

    def test_ten_executions_go_on_after_everything_was_killed(self):
        master = self.start_master(slots=24)
        started = self.start_jobs(master, [f"job_{n}" for n in range(10)], delay_ms=150)  # none ends before the last one has begun
        for ex_id in started.values():
            master.wait_for_processed(ex_id, 1)
        everything = processes_with_token(self.token)
        self.assertGreaterEqual(len(everything), 1 + 10 + 10)
        master.process.kill()
        for pid in everything:
            os.kill(pid, signal.SIGKILL)
        master.process.wait()
        wait_until(lambda: not any(map(is_alive, everything)), "everything to be gone")

        master = self.start_master(slots=24)
        began = time.monotonic()
        wait_until(lambda: all(master.status(ex_id) in TERMINAL or master.pids("execution_controller", ex_id)
                               for ex_id in started.values()), "ten controllers")
        print(f"\nten executions had controllers again {(time.monotonic() - began) * 1000:.0f} ms after the master came back")
        for name, ex_id in started.items():
            self.assert_exact(master, name, ex_id)


if __name__ == "__main__":
    unittest.main()
