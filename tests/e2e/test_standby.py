"""Processes that the master keeps started ahead: they serve one execution each, and never outlive their master for nothing."""

import os
import pathlib
import signal
import unittest

from harness import EndToEnd, is_alive, processes_with_token, records, wait_until

RECORDS = 400


class Standby(EndToEnd):
    def standbys(self):
        """pid by program of those that wait."""
        found = {}
        for pid in processes_with_token(self.token):
            arguments = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if arguments[1:2] == [b"--standby"]:
                found[pathlib.Path(arguments[0].decode()).name] = pid
        return found

    def wait_for_standbys(self):
        def both():
            found = self.standbys()
            return found if len(found) == 2 else None

        return wait_until(both, "two standby processes")

    def run_job(self, master, **options):
        path = self.write_input(records=RECORDS)
        ex_id = master.submit(self.job(path, workers=1, delay_ms=20, **options))["ex_id"]
        pids = {"slicemill-controller": master.wait_for_pids("execution_controller", ex_id, 1)[0],
                "slicemill-worker": master.wait_for_pids("worker", ex_id, 1)[0]}
        return path, ex_id, pids

    def assert_right(self, master, path, ex_id):
        self.assert_completed_exactly(master, ex_id, records(RECORDS), self.slices_of(path))

    def test_they_serve_one_execution_and_are_replaced(self):
        master = self.start_master()
        waiting = self.wait_for_standbys()
        self.assertEqual(master.pids("worker") + master.pids("execution_controller"), [], "nobody is shown who serves nothing")
        path, ex_id, pids = self.run_job(master)
        self.assertEqual(pids, waiting)
        for program, pid in pids.items():
            shown = pathlib.Path(f"/proc/{pid}/cmdline")
            wait_until(lambda: ex_id.encode() in shown.read_bytes(), "the process list to show whom it serves")
            self.assertNotIn(b"--standby", shown.read_bytes())
            logs = str(self.data / "logs" / ex_id)
            wait_until(lambda: os.readlink(f"/proc/{pid}/fd/1").startswith(logs), "its output to go beside its log")
        following = self.wait_for_standbys()
        self.assertEqual(set(following.values()) & set(pids.values()), set())
        self.assert_right(master, path, ex_id)
        wait_until(lambda: not any(map(is_alive, pids.values())), "the processes of the execution to leave")
        self.assertEqual(master.terminate(), 0)
        wait_until(lambda: processes_with_token(self.token) == [], "the others to leave with their master")

    def assert_lower_priority(self, standbys):
        """A busy machine must hear its master first, then its controllers, then workers."""
        master = self.start_master(arguments=("--standby-processes", standbys))
        path, ex_id, pids = self.run_job(master)
        mine = os.getpriority(os.PRIO_PROCESS, master.process.pid)
        for program, steps in (("slicemill-controller", 2), ("slicemill-worker", 5)):
            tasks = pathlib.Path(f"/proc/{pids[program]}/task")
            wait_until(lambda: {os.getpriority(os.PRIO_PROCESS, int(task.name)) for task in tasks.iterdir()} == {min(mine + steps, 19)},
                       f"{program} to stand back")
        self.assert_right(master, path, ex_id)

    def test_they_have_a_lower_priority_than_those_who_look_after_them(self):
        self.assert_lower_priority("1")

    def test_others_have_it_too(self):
        self.assert_lower_priority("0")

    def test_a_job_with_variables_of_its_own_has_processes_of_its_own(self):
        master = self.start_master()
        waiting = self.wait_for_standbys()
        path, ex_id, pids = self.run_job(master, env_vars={"COLOUR": "blue"})
        self.assertEqual(set(waiting.values()) & set(pids.values()), set())
        self.assertIn(b"COLOUR=blue", pathlib.Path(f"/proc/{pids['slicemill-worker']}/environ").read_bytes().split(b"\0"))
        self.assert_right(master, path, ex_id)

    def test_dead_ones_and_hanging_ones(self):
        master = self.start_master(arguments=("--lease", "1s", "--beat", "200ms"))
        waiting = self.wait_for_standbys()
        os.kill(waiting["slicemill-worker"], signal.SIGKILL)
        os.kill(waiting["slicemill-controller"], signal.SIGSTOP)
        path = self.write_input(records=RECORDS)
        ex_id = master.submit(self.job(path, workers=1))["ex_id"]
        self.assert_right(master, path, ex_id)  # the one that hangs was killed for its silence
        self.assertFalse(is_alive(waiting["slicemill-controller"]))

    def test_they_leave_with_a_killed_master_and_executions_stay(self):
        master = self.start_master()
        self.wait_for_standbys()
        path, ex_id, pids = self.run_job(master)
        waiting = self.wait_for_standbys()
        master.kill_9_itself()
        wait_until(lambda: not any(map(is_alive, waiting.values())), "the standby processes to leave")
        self.assert_right(self.start_master(), path, ex_id)

    def test_none_are_kept_where_none_are_wanted(self):
        master = self.start_master(arguments=("--standby-processes", "0"))
        path, ex_id, _ = self.run_job(master)
        self.assert_right(master, path, ex_id)
        self.assertEqual(self.standbys(), {})


if __name__ == "__main__":
    unittest.main()
