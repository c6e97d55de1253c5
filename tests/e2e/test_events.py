"""GET /v1/events before a real master: what is read while it happens, after a crash, by many at once, and by one that does not read.
And submissions with an idempotency key, whose answers are lost."""

import concurrent.futures
import http.client
import json
import pathlib
import socket
import subprocess
import threading
import time
import unittest

from harness import EndToEnd, Events, TERMINAL, records, wait_until

ENDED = ("pending", "scheduling", "initializing", "running", "completed")
NOTHING = {"name": "none", "workers": 1, "operations": [{"_op": "id_range", "start": 0, "end": 1}, {"_op": "noop"}]}


def resident_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0


def ended(data):
    return data["to"] in TERMINAL


class EventStreams(EndToEnd):
    def test_a_job_is_followed_from_its_birth_to_its_end(self):
        master = self.start_master()
        with master.events() as events:
            self.assertEqual(events.status, 200)
            self.assertIn("Content-Type: text/event-stream", events.head)
            submitted = master.submit(self.job(self.write_input(records=3000), delay_ms=40))
            progress, changes = [], []
            while not changes or not ended(changes[-1].data):
                event = events.next()
                (changes if event.name == "status" else progress).append(event)
        self.assertEqual(tuple(change.data["to"] for change in changes), ENDED)
        self.assertEqual([change.id for change in changes], sorted({change.id for change in changes}))
        history = master.get(f"/v1/ex/{submitted['ex_id']}/history")
        self.assertEqual([(c.data["time"], c.data["from"], c.data["event"], c.data["to"], c.data["reason"]) for c in changes],
                         [(h["time"], h["from"], h["event"], h["to"], h["reason"]) for h in history])
        self.assertTrue(progress)
        self.assertEqual({(p.name, p.id, p.data["ex_id"], p.data["job_id"]) for p in progress},
                         {("progress", None, submitted["ex_id"], submitted["job_id"])})
        percents = [p.data["progress"]["percent"] for p in progress if p.data["progress"]["percent"] is not None]
        self.assertEqual(percents, sorted(percents))

    def test_curl_shows_each_line_at_once(self):
        master = self.start_master()
        curl = subprocess.Popen(["curl", "-sN", f"{master.url}/v1/events"], stdout=subprocess.PIPE, text=True, env=self.environment())
        self.addCleanup(curl.kill)
        self.assertEqual(curl.stdout.readline(), ": events of executions\n")
        ex_id = master.submit(NOTHING)["ex_id"]
        lines = []
        while not any('"to":"completed"' in line for line in lines):
            lines.append(curl.stdout.readline())
        self.assertTrue(all(ex_id in line for line in lines if line.startswith("data:")), lines)
        curl.stdout.close()
        curl.kill()
        curl.wait()

    def test_who_comes_back_misses_nothing_and_sees_nothing_twice(self):
        """The master is killed again and again, and the client goes on behind the last event that it saw."""
        master = self.start_master()
        seen, jobs = [], []
        with master.events(after=0) as events:
            jobs.append(master.submit(NOTHING))
            seen += events.changes(ended)
        for _ in range(3):
            jobs.append(master.submit(NOTHING))
            master.wait_for_status(jobs[-1]["ex_id"], "completed")
            master.kill_9_itself()
            master = self.start_master()
            with master.events(after=seen[-1].id) as events:
                seen += events.changes(ended)
                jobs.append(master.submit(NOTHING))
                seen += events.changes(ended)
        with master.events(after=0) as events:
            self.assertEqual(events.changes(lambda data: data["ex_id"] == jobs[-1]["ex_id"] and ended(data)), seen)
        self.assertEqual([(s.data["ex_id"], s.data["to"]) for s in seen], [(job["ex_id"], word) for job in jobs for word in ENDED])

    def test_filters(self):
        master = self.start_master()
        first, second = master.submit(NOTHING), master.submit(NOTHING)
        for job in (first, second):
            master.wait_for_status(job["ex_id"], "completed")
        for filters in ({"ex_id": second["ex_id"]}, {"job_id": second["job_id"]}):
            with master.events(after=0, **filters) as events:
                changes = events.changes(ended)
                self.assertEqual([change.data["ex_id"] for change in changes], [second["ex_id"]] * len(ENDED))
                self.assertIsNone(events.next(0.2))
        for filters, status in (({"ex_id": "none"}, 404), ({"job_id": "none"}, 404), ({"last_event_id": "x"}, 400)):
            with master.events(**filters) as events:
                self.assertEqual(events.status, status)

    def test_many_clients_and_some_that_do_not_read(self):
        """Each of 200 clients sees every change of 40 executions in order; those that read nothing cost nothing."""
        master = self.start_master(slots=16)
        before = resident_mb(master.process.pid)
        idle = []
        for _ in range(50):
            client = socket.create_connection(("127.0.0.1", master.port))
            self.addCleanup(client.close)
            client.sendall(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 0\r\n\r\n")
            idle.append(client)
        count = 40

        def follow():
            with Events(master.port, after=0) as events:
                ends = set()
                changes = events.changes(lambda data: ended(data) and (ends.add(data["ex_id"]) or len(ends) == count))
                return [(change.id, change.data["ex_id"], change.data["to"]) for change in changes]

        with concurrent.futures.ThreadPoolExecutor(200) as pool:
            followers = [pool.submit(follow) for _ in range(200)]
            submitted = [master.submit(NOTHING)["ex_id"] for _ in range(count)]
            seen = [follower.result() for follower in followers]
        self.assertTrue(all(one == seen[0] for one in seen), "all see the same, in the same order")
        for ex_id in submitted:
            self.assertEqual(tuple(word for _, of, word in seen[0] if of == ex_id), ENDED)
        grown = resident_mb(master.process.pid) - before
        print(f"\n200 clients follow, 50 do not read: the master grew by {grown:.1f} MB")
        self.assertLess(grown, 60)

    def test_a_master_that_ends_says_so(self):
        master = self.start_master()
        with master.events() as events:
            began = time.monotonic()
            self.assertEqual(master.terminate(), 0)
            event = events.next()
            self.assertEqual((event.name, event.data), ("end", {"reason": "the server is shutting down"}))
            self.assertIsNone(events.next())
            self.assertTrue(events.ended)
            self.assertLess(time.monotonic() - began, 8, "nobody waits for those that follow")

    def test_changes_are_noted_with_who_asked(self):
        master = self.start_master()
        ex_id = master.submit(NOTHING)["ex_id"]
        master.wait_for_status(ex_id, "completed")
        log = (self.data / "logs" / "master.log").read_text()
        self.assertRegex(log, r"POST /v1/jobs\?start=true: 200 for anonymous at 127\.0\.0\.1:\d+")
        self.assertNotIn(f"GET /v1/ex/{ex_id}: ", log)


class Keys(EndToEnd):
    def submit(self, master, key, job, path="/v1/jobs"):
        """(status, answer, whether it is said to be repeated); None if the connection breaks."""
        connection = http.client.HTTPConnection("127.0.0.1", master.port, timeout=60)
        try:
            connection.request("POST", path, json.dumps(job), {"Content-Type": "application/json", "Idempotency-Key": key})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read()), answer.getheader("Idempotency-Replayed")
        except (ConnectionError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def test_two_at_once_are_one_job(self):
        master = self.start_master()
        job = self.job(self.write_input(), name="keyed")
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: self.submit(master, "one", job), range(16)))
        self.assertEqual({status for status, _, _ in answers}, {200})
        self.assertEqual(len({(answer["job_id"], answer["ex_id"]) for _, answer, _ in answers}), 1)
        self.assertEqual(sum(1 for _, _, repeated in answers if repeated is None), 1)
        status, answer, _ = self.submit(master, "one", {**job, "name": "another"})
        self.assertEqual((status, answer["error"]), (409, 409))
        self.assertIn("was used for another job", answer["message"])
        master.wait_for_status(answers[0][1]["ex_id"], "completed")
        self.assert_output(records(2000))
        self.assertEqual(self.submit(master, "one", job)[1], answers[0][1], "an ended job is not run again")
        self.assertEqual(len(master.get("/v1/jobs")), 1)
        master.ask("DELETE", f"/v1/jobs/{answers[0][1]['job_id']}")
        self.assertIsNone(self.submit(master, "one", {**job, "name": "another"}, "/v1/jobs?start=false")[2])

    def test_the_master_dies_before_and_after_the_commit(self):
        job = self.job(self.write_input(), name="keyed")
        for point, kept in (("registry.commit", False), ("registry.committed", True)):
            with self.subTest(point):
                data = self.directory / point
                fault = {"SLICEMILL_FAULT": f"master/{point}:kill:2", "SLICEMILL_FAULT_LOG": str(self.directory / (point + ".log"))}
                master = self.start_master(data=data, environment=fault)
                self.assertIsNone(self.submit(master, "k", job, "/v1/jobs?start=false"), "the answer is lost")
                master.process.wait()
                master = self.start_master(data=data)
                self.assertEqual(len(master.get("/v1/jobs")), int(kept))
                first = self.submit(master, "k", job, "/v1/jobs?start=false")
                self.assertEqual((first[0], first[2]), (200, "true" if kept else None))
                self.assertEqual(self.submit(master, "k", job, "/v1/jobs?start=false"), (200, first[1], "true"))
                self.assertEqual(len(master.get("/v1/jobs")), 1)
                master.kill_9_itself()

    def test_a_client_that_asks_until_it_is_answered_gets_one_job(self):
        """The master is killed at random while clients submit; each of them asks again until there is an answer."""
        master = [self.start_master()]
        port = master[0].port
        answers = {}

        def ask(n):
            while True:
                answer = None
                try:
                    answer = self.submit(master[0], f"key-{n}", {**NOTHING, "name": f"job-{n}"}, "/v1/jobs?start=false")
                except OSError:
                    pass
                if answer is not None:
                    answers[n] = answer
                    return
                time.sleep(0.005)

        threads = [threading.Thread(target=lambda some=some: [ask(n) for n in some]) for some in (range(0, 60), range(60, 120))]
        for thread in threads:
            thread.start()
        for wanted in (20, 50, 80):
            wait_until(lambda: len(answers) >= wanted, "answers")
            master[0].kill_9_itself()
            master[0] = self.start_master(port=port)
        for thread in threads:
            thread.join()
        self.assertEqual({answer[0] for answer in answers.values()}, {200})
        jobs = master[0].get("/v1/jobs?size=1000")
        self.assertEqual(sorted(job["name"] for job in jobs), sorted(f"job-{n}" for n in range(120)))
        self.assertEqual({job["name"]: job["job_id"] for job in jobs}, {f"job-{n}": answers[n][1]["job_id"] for n in answers})


if __name__ == "__main__":
    unittest.main()
