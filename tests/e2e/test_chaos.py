"""Invariants I1, I2, I4, I6 under chance: random kills, stops and damage while a job runs, round by round, from one printed seed.

The seed decides the job, what is done, to whom and after how many slices; the machine decides what else happens meanwhile.
E2E_CHAOS_SEED=7 repeats a seed, E2E_CHAOS_ROUNDS=200 makes more of it, E2E_CHAOS_ROUND=3 plays that round alone.
"""

import collections
import json
import os
import random
import re
import signal
import time
import unittest

from harness import BAD_INPUT, FAILED, OK, TERMINAL, UNPROVEN, EndToEnd, processes_with_token, records, wait_until

SEED = int(os.environ.get("E2E_CHAOS_SEED") or random.SystemRandom().randrange(1_000_000))
ROUNDS = int(os.environ.get("E2E_CHAOS_ROUNDS", "5"))
ONLY_ROUND = os.environ.get("E2E_CHAOS_ROUND")
SLICE_BYTES = 3000
SHORT_LEASE = {"SLICEMILL_BEAT": "150ms", "SLICEMILL_LEASE": "1s"}


class Round(EndToEnd):
    """One job and what happens to it. Not found by the loader: the rounds are run by Chaos."""

    def __init__(self, number):
        super().__init__("play")
        self.number = number
        self.chance = random.Random(f"{SEED}/{number}")
        self.story = []
        self.damaged = None  # the damage of the ledger that may be refused

    def play(self):
        chance = self.chance
        self.records = chance.randrange(1500, 4000)
        if chance.random() < 0.3:
            self.output = self.directory / "joined.ldjson"
        self.single_file = self.output.suffix != ""
        path = self.write_input(records=self.records)
        self.slices = self.slices_of(path, SLICE_BYTES)
        self.master = self.start_master(environment=SHORT_LEASE)
        sender = {"single_file": True} if self.single_file else None
        job = self.job(path, size=SLICE_BYTES, delay_ms=chance.randrange(5, 30), workers=chance.randrange(1, 4), sender=sender,
                       max_retries=30)  # a slice is charged for the workers that we kill
        self.ex_id = self.master.submit(job)["ex_id"]
        actions = [self.kill_a_worker, self.kill_the_controller, self.kill_the_master, self.kill_everything, self.stop_a_worker,
                   self.stop_the_controller, self.stop_the_master, self.pause, self.cut_the_ledgers_tail, self.damage_the_ledgers_tail]
        for _ in range(chance.randrange(2, 6)):
            if not self.wait_for_some_slices() or self.damaged:
                break
            action = chance.choice(actions)
            self.story.append(action.__name__)
            action()
        self.check()

    def wait_for_some_slices(self):
        """False if the execution ended."""
        more = self.chance.randrange(1, 25)
        start = self.processed()

        def reached():
            if self.master.status(self.ex_id) in TERMINAL:
                return "ended"
            processed = self.processed()
            return processed >= start + more or processed >= self.slices

        return wait_until(reached, lambda: f"{more} more slices after {start} of {self.slices}: {self.master.execution(self.ex_id)}") != "ended"

    def processed(self):
        return self.master.stats(self.ex_id).get("processed", 0)

    # ---- what happens ----

    def one_of(self, assignment):
        pids = self.master.pids(assignment, self.ex_id)
        return self.chance.choice(pids) if pids else None

    @staticmethod
    def signal(pid, number):
        try:
            if pid is not None:
                os.kill(pid, number)
        except ProcessLookupError:
            pass  # it has just ended by itself

    def kill_a_worker(self):
        self.signal(self.one_of("worker"), signal.SIGKILL)

    def kill_the_controller(self):
        self.signal(self.one_of("execution_controller"), signal.SIGKILL)

    def kill_the_master(self):
        self.master.kill_9_itself()
        self.master = self.start_master(environment=SHORT_LEASE)

    def kill_all(self):
        pids = processes_with_token(self.token)
        self.master.process.kill()
        for pid in pids:
            self.signal(pid, signal.SIGKILL)
        self.master.process.wait()
        wait_until(lambda: not processes_with_token(self.token), "everything to be gone")

    def kill_everything(self):
        self.kill_all()
        self.master = self.start_master(environment=SHORT_LEASE)

    def stop_for_a_while(self, pid):
        """For less than a lease, for more, or for long enough to be replaced."""
        self.signal(pid, signal.SIGSTOP)
        end = time.monotonic() + self.chance.choice((0.2, 0.2, 1.5, 1.5, 5))
        wait_until(lambda: time.monotonic() > end, "time to pass")
        self.signal(pid, signal.SIGCONT)

    def stop_a_worker(self):
        self.stop_for_a_while(self.one_of("worker"))

    def stop_the_controller(self):
        self.stop_for_a_while(self.one_of("execution_controller"))

    def stop_the_master(self):
        self.stop_for_a_while(self.master.process.pid)

    def pause(self):
        """Somebody may die while it is paused."""
        if self.master.request("POST", f"/v1/ex/{self.ex_id}/_pause")[0] != 200:
            return  # it ended
        self.chance.choice((lambda: None, self.kill_a_worker, self.kill_the_controller, self.kill_everything))()

        def resumed():
            return self.master.request("POST", f"/v1/ex/{self.ex_id}/_resume")[0] in (200, 404)

        wait_until(lambda: self.master.status(self.ex_id) in {"paused", *TERMINAL}, "the pause to be shown")
        wait_until(resumed, "the execution to be resumed")

    # ---- damage ----

    def newest_log(self):
        """RocksDB's newest write-ahead log that holds something."""
        logs = [f for f in (self.data / "ledgers" / self.ex_id).glob("*.log") if f.stat().st_size > 0]
        return max(logs, key=lambda f: int(f.stem), default=None)

    def cut_the_ledgers_tail(self):
        """What a disk that forgot its last writes leaves: the ledger is what it was a moment ago, and the output must be exact."""
        self.kill_all()
        log = self.newest_log()
        if log is not None:
            size = log.stat().st_size
            os.truncate(log, size - min(size, self.chance.randrange(1, 200)))
        self.master = self.start_master(environment=SHORT_LEASE)

    def damage_the_ledgers_tail(self):
        """Bytes that were synced are different: either it looks like a record that was never finished, or it is said to be corrupt."""
        self.kill_all()
        log = self.newest_log()
        if log is not None:
            contents = bytearray(log.read_bytes())
            at = len(contents) - 1 - self.chance.randrange(min(len(contents), 300))
            contents[at] ^= self.chance.randrange(1, 256)
            log.write_bytes(contents)
            self.damaged = str(log.parent)
        self.master = self.start_master(environment=SHORT_LEASE)

    # ---- the truth afterwards ----

    def check(self):
        wait_until(lambda: self.master.status(self.ex_id) in TERMINAL,
                   lambda: f"the end; it is {self.master.execution(self.ex_id)}")
        document = self.master.execution(self.ex_id)
        if self.damaged and document["_status"] == "failed":
            self.story.append("refused")
            self.assertIn(self.damaged, document["_failureReason"], "the place must be named")
            self.assertRegex(document["_failureReason"].lower(), "corrupt|damage")
            self.assert_nothing_is_doubled()
        elif self.damaged and (refusal := self.slicemill("verify", self.ex_id, "--master", self.master.url)).returncode != 0:
            # Completed before the damage, and never opened since: the outcome stays true, and verify says why it cannot prove it.
            self.story.append("verify refused")
            self.assertEqual(document["_status"], "completed")
            self.assertIn(self.damaged, refusal.stderr, "the place must be named")
            self.assertRegex(refusal.stderr.lower(), "corrupt|damage")
            self.assert_output(records(self.records))
        else:
            self.assert_completed_exactly(self.master, self.ex_id, records(self.records), self.slices)
        self.master.wait_for_pids("worker", self.ex_id, 0)
        self.master.wait_for_pids("execution_controller", self.ex_id, 0)
        self.assertEqual(self.master.terminate(), 0)
        wait_until(lambda: not processes_with_token(self.token), "every process to be gone")

    def assert_nothing_is_doubled(self):
        found = collections.Counter(json.dumps(r, sort_keys=True) for r in self.read_output() if self.output.exists())
        wanted = collections.Counter(json.dumps(r, sort_keys=True) for r in records(self.records))
        self.assertEqual(list((found - wanted).items())[:5], [])

    def read_output(self, path=None):
        return super().read_output(path) if (path or self.output).exists() else []


class Chaos(unittest.TestCase):
    def test_rounds(self):
        print(f"\nseed {SEED}, {ROUNDS} rounds", flush=True)
        for number in range(ROUNDS) if ONLY_ROUND is None else [int(ONLY_ROUND)]:
            play = Round(number)
            result = unittest.TestResult()
            play.run(result)
            print(f"round {number}: {', '.join(play.story) or 'nothing'}", flush=True)
            with self.subTest(number):
                self.assertTrue(result.wasSuccessful(), f"\nreplay: E2E_CHAOS_SEED={SEED} E2E_CHAOS_ROUND={number} "
                                "python3 -m unittest test_chaos.Chaos\n"
                                + "\n".join(text for _, text in result.failures + result.errors))


class RunWithChaos(EndToEnd):
    def run_with(self, plan, *arguments, records=4000, delay_ms=40, **options):
        job = self.directory / "job.json"
        job.write_text(json.dumps(self.job(self.write_input(records=records), delay_ms=delay_ms, **options)))
        return self.slicemill("run", job, "--chaos", plan, "--data", self.data, *arguments)

    def new_outputs(self):
        return [path for path in self.directory.iterdir() if ".chaos-" in path.name]

    def test_a_job_passes(self):
        result = self.run_with("seed=7,kill=worker+controller,kills=4")
        self.assertEqual(result.returncode, OK, result.stdout + result.stderr)
        verdict = result.stdout.splitlines()[-1]
        self.assertRegex(verdict, r"^chaos seed=7: \d workers and \d controllers killed, \d+ slices: PASSED$")
        self.assertNotIn(" 0 workers and 0 controllers", verdict)
        output, = self.new_outputs()
        self.assert_output(records(4000), output)
        self.assertFalse(self.output.exists(), "the job's own output is not touched")
        self.assertEqual(processes_with_token(self.token), [])

    def test_a_job_of_a_moment_is_killed_all_the_same(self):
        """It is slowed down until the kills find it at work; earlier output stays as it was."""
        self.output.mkdir()
        (self.output / "earlier.ldjson").write_text("{}\n")
        result = self.run_with("seed=3,kill=worker+controller,kills=3", "--out", "beside", records=100, delay_ms=0)
        self.assertEqual(result.returncode, OK, result.stdout + result.stderr)
        workers, controllers = re.search(r"(\d) workers and (\d) controllers killed, \d+ slices: PASSED", result.stdout).groups()
        self.assertEqual(int(workers) + int(controllers), 3, result.stdout)
        self.assert_output(records(100), self.directory / "beside")
        self.assertEqual([path.name for path in self.output.iterdir()], ["earlier.ldjson"])

    def test_a_single_file_keeps_its_name(self):
        self.output = self.directory / "joined.ldjson"
        result = self.run_with("seed=3,kill=worker,kills=1", "--out", "beside", records=100, delay_ms=0, sender={"single_file": True})
        self.assertEqual(result.returncode, OK, result.stdout + result.stderr)
        self.assert_output(records(100), self.directory / "beside" / "joined.ldjson")
        self.assertFalse(self.output.exists())

    def test_who_kills_nothing_proves_nothing(self):
        (self.directory / "input.ldjson").touch()
        result = self.run_with("seed=3,kills=1", records=0, delay_ms=0)
        self.assertEqual(result.returncode, UNPROVEN, result.stdout + result.stderr)
        self.assertIn("0 workers and 0 controllers killed, 0 slices: NOTHING PROVEN", result.stdout.splitlines()[-1])

    def test_places_that_are_refused(self):
        self.output.mkdir()
        (self.output / "earlier.ldjson").write_text("{}\n")
        self.assert_one_line(self.run_with("seed=1", "--out", self.output), BAD_INPUT, "--out", str(self.output), "not empty")
        job = self.job(self.write_input(), lifecycle="persistent")
        (self.directory / "job.json").write_text(json.dumps(job))
        self.assert_one_line(self.slicemill("run", "job.json", "--chaos", "seed=1"), BAD_INPUT, "persistent")
        self.assert_one_line(self.slicemill("run", "job.json", "--out", "x"), BAD_INPUT, "--out goes with --chaos")

    def test_a_job_that_fails_has_that_verdict(self):
        result = self.run_with("seed=1,kill=worker,kills=1", reader={"path": str(self.directory / "nowhere")})
        self.assertEqual(result.returncode, FAILED, result.stdout + result.stderr)
        self.assertIn("FAILED, it is failed", result.stdout.splitlines()[-1])
        self.assertIn("though nothing was killed", result.stdout.splitlines()[-1])

    def test_a_wrong_plan(self):
        self.assert_one_line(self.run_with("kill=master"), BAD_INPUT, "kill=master", "seed=7,kill=worker+controller")


if __name__ == "__main__":
    unittest.main()
