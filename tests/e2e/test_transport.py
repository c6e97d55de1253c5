"""Slices over TCP on the loopback instead of socket files (`worker_transport: tcp`): the same promises, and nobody else gets in."""

import os
import pathlib
import socket
import unittest

from harness import BAD_INPUT, EndToEnd, records, wait_until

RECORDS = 4000


def listening_ports(pid):
    """TCP ports that the process listens on, on 127.0.0.1."""
    inodes = set()
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(entry)
        except FileNotFoundError:  # it was closed meanwhile
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    lines = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(line[1].split(":")[1], 16) for line in lines if line[3] == "0A" and line[1].startswith("0100007F:") and line[9] in inodes}


def free_range(count):
    """So many ports in a row, below those of outgoing connections, on which nobody listens."""
    for first in range(20_000, 32_000, count):
        sockets = []
        try:
            for port in range(first, first + count):
                sockets.append(socket.socket())
                sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sockets[-1].bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
        finally:
            for each in sockets:
                each.close()
    raise AssertionError("no free ports")


class OverTcp(EndToEnd):
    def setUp(self):
        super().setUp()
        self.first = free_range(2)
        self.over_tcp = ("--worker-transport", "tcp", "--controller-ports", f"{self.first}:{self.first + 1}")

    def start_slow_job(self, master):
        self.input = self.write_input(records=RECORDS)
        ex_id = master.submit(self.job(self.input, delay_ms=40))["ex_id"]
        master.wait_for_processed(ex_id, 5)
        return ex_id

    def port_of(self, master, ex_id):
        pid = wait_until(lambda: master.pids("execution_controller", ex_id), "a controller")[0]
        return wait_until(lambda: listening_ports(pid), "the controller to listen").pop()

    def assert_right(self, master, ex_id):
        self.assert_completed_exactly(master, ex_id, records(RECORDS), self.slices_of(self.input))

    def test_worker_controller_and_master_die(self):
        master = self.start_master(arguments=self.over_tcp)
        ex_id = self.start_slow_job(master)
        port = self.port_of(master, ex_id)
        self.assertIn(port, (self.first, self.first + 1))
        master.kill_9("worker", ex_id)
        workers = set(master.pids("worker", ex_id))
        dead = master.kill_9("execution_controller", ex_id)
        wait_until(lambda: master.pids("execution_controller", ex_id) not in ([], [dead]), "a new controller")
        self.assertEqual(self.port_of(master, ex_id), port, "its workers know no other place")
        master.kill_9_itself()
        # The next master would choose socket files, but this execution's workers are where they were.
        successor = self.start_master()
        dead = successor.kill_9("execution_controller", ex_id)
        wait_until(lambda: successor.pids("execution_controller", ex_id) not in ([], [dead]), "a new controller")
        self.assertEqual(self.port_of(successor, ex_id), port)
        self.assertTrue(workers & set(successor.pids("worker", ex_id)), "workers outlive their controllers")
        self.assert_right(successor, ex_id)

    def test_two_executions_have_a_port_each_and_a_third_is_told(self):
        with socket.socket() as other:  # the range has three ports, and somebody else has one of them
            first = free_range(3)
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", first))
            other.listen()
            master = self.start_master(arguments=("--worker-transport", "tcp", "--controller-ports", f"{first}:{first + 2}"))
            running = [self.start_slow_job(master)]
            running.append(master.submit({**self.job(self.input, delay_ms=40), "name": "second"})["ex_id"])
            self.assertEqual({self.port_of(master, ex_id) for ex_id in running}, {first + 1, first + 2})
            third = master.submit({**self.job(self.input), "name": "third"})["ex_id"]
            document = master.wait_for_status(third, "failed")
            self.assertIn(f"no port of controller_ports {first}:{first + 2} is free on 127.0.0.1", document["_failureReason"])
            for ex_id in running:
                master.post(f"/v1/ex/{ex_id}/_stop")
            again = master.submit({**self.job(self.input), "name": "fourth"})["ex_id"]
            master.wait_for_status(again, "completed")

    def test_the_key_is_told_to_nobody_else(self):
        master = self.start_master(arguments=self.over_tcp)
        self.input = self.write_input(records=RECORDS)
        show = "import os, sys, json; key = 'SLICEMILL_CONTROLLER_KEY'\nfor line in sys.stdin: print(json.dumps({'has': key in os.environ}))"
        script = self.directory / "show.py"
        script.write_text(show)
        ex_id = master.submit(self.job(self.input, size=100_000, delay_ms=500, processors=[
            {"_op": "script", "command": "python3", "args": [str(script)], "format": "ldjson"}]))["ex_id"]
        pid = wait_until(lambda: master.pids("worker", ex_id), "a worker")[0]
        arguments = wait_until(pathlib.Path(f"/proc/{pid}/cmdline").read_bytes, "its arguments")
        environment = wait_until(pathlib.Path(f"/proc/{pid}/environ").read_bytes, "its environment")
        key = dict(line.split(b"=", 1) for line in environment.split(b"\0") if b"=" in line)[b"SLICEMILL_CONTROLLER_KEY"]
        self.assertEqual(len(key), 40)
        self.assertNotIn(key, arguments)
        master.wait_for_status(ex_id, "completed")
        found = self.read_output()
        self.assertEqual((len(found), any(each["has"] for each in found)), (RECORDS, False))
        logs = b"".join(file.read_bytes() for file in (self.data / "logs").rglob("*") if file.is_file())
        self.assertNotIn(key, logs)

    def test_ports_that_are_none(self):
        for ports in ("9", "0:5", "7:6", "1:70000", "a:b"):
            result = self.slicemill("master", "--data", self.data, "--controller-ports", ports)
            self.assert_one_line(result, BAD_INPUT, "--controller-ports: ", f"'{ports}' is not two TCP ports such as '25679:26678'")


if __name__ == "__main__":
    unittest.main()
