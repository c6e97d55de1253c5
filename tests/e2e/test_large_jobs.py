"""Jobs of many megabytes: while one is posted, listed, marked, started and deleted, others are answered, and the master's memory stays
small. Prints how long /health waited meanwhile; only the memory is judged, as times are the machine's."""

import contextlib
import http.client
import json
import pathlib
import threading
import time
import unittest

from harness import EndToEnd

COUNT, MEGABYTES = 30, 8.5
LEAST_JSON = '{"name": "large", "workers": 1, "operations": [{"_op": "id_range", "start": 0, "end": 1}, {"_op": "noop"}], "note": %s}'


class LargeJobs(EndToEnd):
    def setUp(self):
        super().setUp()
        self.master = self.start_master()
        self.waits, self.done = [], False
        prober = threading.Thread(target=self.probe, daemon=True)
        prober.start()
        self.addCleanup(prober.join)
        self.addCleanup(setattr, self, "done", True)

    def probe(self):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.master.port, timeout=60)) as connection:
            while not self.done:
                began = time.monotonic()
                with contextlib.suppress(OSError, http.client.HTTPException):
                    connection.request("GET", "/health")
                    connection.getresponse().read()
                self.waits.append(time.monotonic() - began)
                time.sleep(0.002)

    def resident_mb(self, what="VmRSS"):
        text = pathlib.Path(f"/proc/{self.master.process.pid}/status").read_text()
        return int(text.split(what + ":")[1].split()[0]) / 1024

    def ask(self, name, method, path, body=None, content_type="application/json"):
        """The status and the size of the answer, which is not kept; prints how long /health waited."""
        self.waits.clear()
        began, size = time.monotonic(), 0
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.master.port, timeout=300)) as connection:
            connection.request(method, path, body, {"Content-Type": content_type} if body else {})
            answer = connection.getresponse()
            first = answer.read(1 << 16)
            size = len(first)
            most = self.resident_mb()
            while piece := answer.read(1 << 20):
                size += len(piece)
                most = max(most, self.resident_mb())
        took = time.monotonic() - began
        time.sleep(0.05)
        waits = sorted(self.waits) or [0]
        print(f"  {name:24} {took:6.2f} s, {size / 1e6:6.1f} MB; /health waited {waits[-1] * 1e3:4.0f} ms at most, "
              f"{waits[len(waits) // 2] * 1e3:3.0f} ms in the middle; master {most:4.0f} MB")
        self.assertIn(answer.status, (200, 204), first)
        return first, most

    def test_lists_and_verbs(self):
        print()
        text = LEAST_JSON % json.dumps({f"k{i}": "x" * 1000 for i in range(int(MEGABYTES * 1e6 / 1012))})
        ids = []
        for n in range(COUNT):
            if n == 0:
                first, _ = self.ask("POST, stored", "POST", "/v1/jobs?start=false", text)
                ids.append(json.loads(first)["job_id"])
            else:
                ids.append(self.master.post("/v1/jobs?start=false", text)["job_id"])
        peaks = [self.ask(f"list of {COUNT}", "GET", f"/v1/jobs?size={COUNT}")[1], self.ask("table", "GET", "/txt/jobs")[1],
                 self.ask("list of the other dialect", "GET", "/amp/jobs?status=all")[1]]
        self.ask("one", "GET", f"/v1/jobs/{ids[0]}")
        self.ask("_inactive", "POST", f"/v1/jobs/{ids[0]}/_inactive", "{}")
        self.ask("_active", "POST", f"/v1/jobs/{ids[0]}/_active", "{}")
        self.ask("PUT", "PUT", f"/v1/jobs/{ids[1]}", text)
        self.ask("DELETE", "DELETE", f"/v1/jobs/{ids[2]}")
        first, _ = self.ask("_start", "POST", f"/v1/jobs/{ids[3]}/_start", "{}")
        ex_id = json.loads(first)["ex_id"]
        self.master.wait_for_status(ex_id, "completed")
        first, _ = self.ask("_recover", "POST", f"/v1/ex/{ex_id}/_recover", "{}")
        self.master.wait_for_status(json.loads(first)["ex_id"], "completed")
        self.assertLess(max(peaks), 150, "MB while lists are sent")

    def test_yaml(self):
        print()
        lines = ["name: large", "workers: 1", "operations:", "  - {_op: id_range, start: 0, end: 1}", "  - _op: noop", "note:"]
        lines += [f"  k{i}: {'x' * 100}" for i in range(7_000_000 // 110)]
        first, _ = self.ask("POST, YAML", "POST", "/v1/jobs", "\n".join(lines) + "\n", "application/yaml")
        self.master.wait_for_status(json.loads(first)["ex_id"], "completed")


if __name__ == "__main__":
    unittest.main()
