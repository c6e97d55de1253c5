"""Jobs of many megabytes. While one is posted, listed, marked, replaced, started or deleted, others are answered; the master's memory
does not follow what clients store; changes of one job at the same time, kills and stops lose none of them and mix none."""

import concurrent.futures
import contextlib
import http.client
import json
import pathlib
import random
import threading
import time
import unittest

from harness import EndToEnd, is_sanitized

COUNT, MEGABYTES = 30, 8.5
LEAST = '{"name": "%s", "workers": 1, "operations": [{"_op": "id_range", "start": 0, "end": 1}, {"_op": "noop"}], "note": %s}'
NOTE = json.dumps({f"k{i}": "x" * 1000 for i in range(int(MEGABYTES * 1e6 / 1012))})
MOST_MB = 150
# Of the time that a request takes, others may be kept waiting for so much. Work on the loop instead of beside it keeps them for nearly all
# of it. A busy machine spoils one look, not each of them.
MOST_WAIT, LOOKS = 0.5, 4


def large_job(name="large"):
    return LEAST % (name, NOTE)


class LargeJobs(EndToEnd):
    def setUp(self):
        super().setUp()
        self.master = self.start_master()

    def peak_mb(self):
        text = pathlib.Path(f"/proc/{self.master.process.pid}/status").read_text()
        return int(text.split("VmHWM:")[1].split()[0]) / 1024

    def request(self, method, path, body=None, content_type="application/json"):
        """Status, size and beginning of the answer; the rest is not kept."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.master.port, timeout=300)) as connection:
            connection.request(method, path, body, {"Content-Type": content_type} if body else {})
            answer = connection.getresponse()
            first = answer.read(1 << 16)
            size = len(first)
            while piece := answer.read(1 << 20):
                size += len(piece)
        return answer.status, size, first


class Waits(LargeJobs):
    def setUp(self):
        super().setUp()
        self.waits, self.done = [], threading.Event()
        prober = threading.Thread(target=self.probe)
        prober.start()
        self.addCleanup(prober.join)
        self.addCleanup(self.done.set)
        print()

    def probe(self):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.master.port, timeout=60)) as connection:
            while not self.done.wait(0.002):
                began = time.monotonic()
                connection.request("GET", "/health")
                connection.getresponse().read()
                self.waits.append((began, time.monotonic() - began))

    def look(self, method, path, body=None, content_type="application/json"):
        """The beginning of the answer; how long it took, and the longest wait of others meanwhile."""
        began = time.monotonic()
        status, size, first = self.request(method, path, body, content_type)
        ended = time.monotonic()
        self.assertIn(status, (200, 204), first)
        wait = max((min(at + wait, ended) - at for at, wait in list(self.waits) if began <= at + wait and at <= ended), default=0)
        return first, ended - began, wait, size

    def judge(self, name, requests):
        """Each of the requests, until others did not wait for long during one; the beginning of the last answer."""
        shares = []
        for request in requests:
            first, took, wait, size = self.look(*request)
            shares.append(wait / took)
            print(f"  {name:26} {took:6.2f} s, {size / 1e6:6.1f} MB; /health waited {wait * 1e3:4.0f} ms; master {self.peak_mb():4.0f} MB")
            if shares[-1] < MOST_WAIT:
                return first
        self.fail(f"{name}: /health waited for {[f'{share:.0%}' for share in shares]} of it")

    def test_lists_and_verbs(self):
        text = large_job()
        post = ("POST", "/v1/jobs?start=false", text)
        ids = [json.loads(self.judge("POST, stored", [post] * LOOKS))["job_id"]]
        while len(ids) < COUNT:
            ids.append(json.loads(self.request(*post)[2])["job_id"])
        for name, path in ((f"list of {COUNT}", f"/v1/jobs?size={COUNT}"), ("table", "/txt/jobs"),
                           ("list of the other dialect", "/amp/jobs?status=all"), ("one", f"/v1/jobs/{ids[0]}")):
            self.judge(name, [("GET", path)] * LOOKS)
        self.judge("_inactive", [("POST", f"/v1/jobs/{id}/_inactive", "{}") for id in ids[:LOOKS]])
        self.judge("_active", [("POST", f"/v1/jobs/{id}/_active", "{}") for id in ids[:LOOKS]])
        self.judge("PUT", [("PUT", f"/v1/jobs/{ids[1]}", text)] * LOOKS)
        self.judge("DELETE", [("DELETE", f"/v1/jobs/{id}") for id in ids[-LOOKS:]])
        ex_id = json.loads(self.judge("_start", [("POST", f"/v1/jobs/{id}/_start", "{}") for id in ids[2:2 + LOOKS]]))["ex_id"]
        self.master.wait_for_status(ex_id, "completed")
        ended = [self.master.submit(text)["ex_id"] for _ in range(LOOKS - 1)]
        for other in ended:
            self.master.wait_for_status(other, "completed")
        self.judge("_recover", [("POST", f"/v1/ex/{id}/_recover", "{}") for id in [ex_id, *ended]])
        self.judge("list of executions", [("GET", "/v1/ex")] * LOOKS)
        if not is_sanitized():
            self.assertLess(self.peak_mb(), MOST_MB, "MB at most")

    def test_yaml(self):
        lines = ["name: large", "workers: 1", "operations:", "  - {_op: id_range, start: 0, end: 1}", "  - _op: noop", "note:"]
        lines += [f"  k{i}: {'x' * 100}" for i in range(7_000_000 // 110)]
        post = ("POST", "/v1/jobs", "\n".join(lines) + "\n", "application/yaml")
        first = self.judge("POST, YAML", [post] * LOOKS)
        self.master.wait_for_status(json.loads(first)["ex_id"], "completed")
        if not is_sanitized():
            self.assertLess(self.peak_mb(), MOST_MB, "MB at most")


class AtTheSameTime(LargeJobs):
    def setUp(self):
        super().setUp()
        self.clients = concurrent.futures.ThreadPoolExecutor(8)
        self.addCleanup(self.clients.shutdown)

    def later(self, *request):
        return self.clients.submit(self.request, *request)

    def stored(self):
        return json.loads(self.request("POST", "/v1/jobs?start=false", large_job())[2])["job_id"]

    def test_two_replacements(self):
        job = self.stored()
        puts = {name: self.later("PUT", f"/v1/jobs/{job}", large_job(name)) for name in ("first", "second", "third")}
        mark = self.later("POST", f"/v1/jobs/{job}/_inactive", "{}")
        self.assertEqual(mark.result()[0], 200)
        for name, put in puts.items():
            status, _, first = put.result()
            self.assertEqual(status, 200, first)
            self.assertIn(f'"name": "{name}"', first.decode(), "each is told of its own")
        kept = self.master.get(f"/v1/jobs/{job}")
        self.assertIn(kept["name"], puts)
        self.assertEqual(kept["note"], json.loads(NOTE))
        listed = [self.master.get(f"/v1/jobs?active={word}") for word in ("true", "false")]
        self.assertEqual(sum(map(len, listed)), 1)
        self.assertEqual(len(listed[1]), 1 if kept.get("active") is False else 0, "lists and document say the same")

    def test_a_deletion_while_it_is_being_started(self):
        for _ in range(4):
            job = self.stored()
            start = self.later("POST", f"/v1/jobs/{job}/_start", "{}")
            time.sleep(random.uniform(0, 0.1))
            delete = self.later("DELETE", f"/v1/jobs/{job}")
            started, deleted = start.result(), delete.result()
            self.assertIn((started[0], deleted[0]), ((200, 409), (410, 200), (200, 200)), (started, deleted))
            if deleted[0] == 200 and started[0] == 200:  # it had ended already
                self.assertEqual(self.master.status(json.loads(started[2])["ex_id"]), "completed")

    def test_the_same_submission_twice(self):
        def submit():
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.master.port, timeout=300)) as connection:
                connection.request("POST", "/v1/jobs", large_job(), {"Content-Type": "application/json", "Idempotency-Key": "k"})
                answer = connection.getresponse()
                return answer.status, json.loads(answer.read())

        answers = [self.clients.submit(submit) for _ in range(3)]
        answers = [answer.result() for answer in answers]
        self.assertEqual([status for status, _ in answers], [200] * 3, answers)
        self.assertEqual(len({answer["job_id"] for _, answer in answers}), 1, answers)
        self.assertEqual(len(self.master.get("/v1/ex")), 1)


class Ends(AtTheSameTime):
    def outcome(self, answer):
        """The status, or None if the connection broke."""
        try:
            return answer.result()[0]
        except (OSError, http.client.HTTPException):
            return None

    def end_while_at_work(self, end):
        jobs = [self.stored() for _ in range(4)]
        replaced, marked, deleted, started = jobs
        asked = {"PUT": self.later("PUT", f"/v1/jobs/{replaced}", large_job("new")),
                 "_inactive": self.later("POST", f"/v1/jobs/{marked}/_inactive", "{}"),
                 "DELETE": self.later("DELETE", f"/v1/jobs/{deleted}"),
                 "_start": self.later("POST", f"/v1/jobs/{started}/_start", "{}")}
        time.sleep(random.uniform(0, 0.6))
        end(self.master)
        outcomes = {name: self.outcome(answer) for name, answer in asked.items()}
        self.assertLessEqual(set(outcomes.values()), {200, 503, None}, outcomes)
        self.master = self.start_master()
        present = {"PUT": self.master.get(f"/v1/jobs/{replaced}")["name"] == "new",
                   "_inactive": self.master.get(f"/v1/jobs/{marked}").get("active") is False,
                   "DELETE": self.master.get(f"/v1/jobs/{deleted}").get("_deleted", False),
                   "_start": len(self.master.get(f"/v1/ex?size=100&query=job_id:{started}")) == 1}
        for name, outcome in outcomes.items():
            if outcome == 200:
                self.assertTrue(present[name], f"{name} was answered and is lost: {outcomes}, {present}")
            if outcome == 503:
                self.assertFalse(present[name], f"{name} was refused and done: {outcomes}, {present}")
        for job in jobs:
            self.assertEqual(self.master.get(f"/v1/jobs/{job}")["note"], json.loads(NOTE))
        if present["_start"]:
            ex_id = self.master.get(f"/v1/jobs/{started}/ex")["ex_id"]
            self.master.wait_for_status(ex_id, "completed")

    def test_kills(self):
        for _ in range(3):
            self.end_while_at_work(lambda master: master.kill_9_itself())

    def test_stops(self):
        for _ in range(3):
            self.end_while_at_work(lambda master: self.assertEqual(master.terminate(), 0))


if __name__ == "__main__":
    unittest.main()
