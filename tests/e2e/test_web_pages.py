"""What a browser sends for a page of a stranger, and documents as large as clients may store them: the master refuses the first, and stays
small and awake with the second."""

import contextlib
import http.client
import json
import threading
import time
import unittest

from harness import EndToEnd

LARGE = 8 << 20
DOCUMENTS = 12


def ask(master, method, path, headers, body=None):
    """(status, bytes of the body), with the headers as they are."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", master.port, timeout=60)) as connection:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


class WebPages(EndToEnd):
    def setUp(self):
        super().setUp()
        self.master = self.start_master()

    def ask(self, *arguments):
        return ask(self.master, *arguments)

    def test_a_page_elsewhere_cannot_post_a_job(self):
        job = json.dumps({"name": "a", "operations": [{"_op": "id_range", "end": 1}, {"_op": "noop"}]})
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
                        {"Sec-Fetch-Site": "same-site"}, {"Host": "evil.example"}):
            status, body = self.ask("POST", "/v1/jobs", form | headers, job)
            self.assertEqual((status, "allowed_hosts" in body.decode()), (403, True), headers)
            self.assertEqual(self.ask("POST", "/v1/assets", headers, b"PK")[0], 403, headers)
            self.assertEqual(self.ask("GET", "/v1/jobs", headers)[0], 403, headers)
        self.assertEqual(json.loads(self.ask("GET", "/v1/jobs", {})[1]), [])
        self.assertEqual(self.ask("POST", "/v1/jobs?start=false", form, job)[0], 200)


class LargeDocuments(EndToEnd):
    def test_lists_of_large_documents_cost_little(self):
        master = self.start_master()
        document = {"name": "big", "ids": ["x" * 90 for _ in range(LARGE // 93)],
                    "operations": [{"_op": "id_range", "end": 10}, {"_op": "noop"}]}
        text = json.dumps(document)
        for _ in range(DOCUMENTS):
            master.post("/v1/jobs?start=false", text)
        slowest = [0.0]
        done = threading.Event()

        def look():
            while not done.is_set():
                began = time.monotonic()
                master.get("/health")
                slowest[0] = max(slowest[0], time.monotonic() - began)

        looking = threading.Thread(target=look)
        looking.start()
        began = time.monotonic()
        try:
            status, body = ask(master, "GET", "/v1/jobs", {})
            took = time.monotonic() - began
        finally:
            done.set()
            looking.join()
        listed = json.loads(body)
        self.assertEqual((status, [job["ids"] for job in listed]), (200, [document["ids"]] * DOCUMENTS))
        # Compared with the list itself, whatever the machine does beside it: who lists in one go keeps others waiting until the end.
        self.assertLess(slowest[0], took / 4, f"of a list that took {took:.2f} s")
        self.assertLess(self.peak_mb(master), 300)
        status, table = ask(master, "GET", "/txt/jobs", {})
        self.assertEqual((status, table.count(b"big")), (200, DOCUMENTS))
        one = master.get(f"/v1/jobs/{listed[0]['job_id']}")
        self.assertEqual(one["ids"], document["ids"])
        self.assertLess(self.peak_mb(master), 300)

    @staticmethod
    def peak_mb(master):
        with open(f"/proc/{master.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024


if __name__ == "__main__":
    unittest.main()
