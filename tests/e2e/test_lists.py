"""Lists of a real master while jobs come and go: pages behind a cursor, words, totals."""

import http.client
import json
import threading
import unittest
import urllib.parse

from harness import EndToEnd

JOB = {"lifecycle": "once", "workers": 1, "operations": [{"_op": "data_generator"}, {"_op": "noop"}]}


class Lists(EndToEnd):
    def setUp(self):
        super().setUp()
        self.master = self.start_master()

    def answer(self, path, **query):
        """The parsed body, and the headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.master.port, timeout=60)
        try:
            connection.request("GET", f"{path}?{urllib.parse.urlencode(query)}")
            answer = connection.getresponse()
            body = answer.read()
            self.assertEqual(answer.status, 200, body)
            return json.loads(body), answer.headers
        finally:
            connection.close()

    def submit(self, name, **more):
        return self.master.submit({**JOB, "name": name, **more}, start=False)["job_id"]

    def walk(self, **query):
        """The names of all pages behind a cursor, and how many pages there were."""
        names, cursor, pages = [], "", 0
        while cursor is not None:
            page, headers = self.answer("/v1/jobs", cursor=cursor, size=20, **query)
            names += [job["name"] for job in page]
            cursor, pages = headers["X-Next-Cursor"], pages + 1
        return names, pages

    def amp_walk(self):
        numbers, cursor = [], {}
        while True:
            page, _ = self.answer("/amp/jobs", status="all", limit=20, **cursor)
            if not page["jobs"]:
                return numbers
            numbers += [job["id"] for job in page["jobs"]]
            cursor = {"last_job_id": page["next_cursor"]}

    def test_pages_show_nothing_twice_while_jobs_come_and_go(self):
        lasting = [f"lasting {i}" for i in range(120)]
        going = []
        for i, name in enumerate(lasting):
            self.submit(name)
            if i % 2 == 0:
                going.append(self.submit(f"going {i}"))
        over = threading.Event()
        failures = []

        def disturb(part):
            try:
                count = 0
                while not over.is_set():
                    coming = self.submit(f"coming {part} {count}")
                    self.master.ask("DELETE", f"/v1/jobs/{going.pop() if going and count % 3 == 0 else coming}")
                    count += 1
            except Exception as error:  # told by the test itself
                failures.append(error)

        threads = [threading.Thread(target=disturb, args=(part,)) for part in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(8):
                names, pages = self.walk()
                self.assertGreater(pages, 5)
                self.assertEqual(len(names), len(set(names)), "nothing twice")
                self.assertEqual([name for name in names if name.startswith("lasting")], lasting[::-1], "nothing left out, newest first")
                found, _ = self.walk(search="last")
                self.assertEqual(found, lasting[::-1])
                _, headers = self.answer("/v1/jobs", search="lasting", size=1, total="true")
                self.assertEqual(headers["X-Total-Count"], "120")
                numbers = self.amp_walk()
                self.assertEqual(numbers, sorted(set(numbers), reverse=True))
        finally:
            over.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])

    def test_words_filter_order_and_window_hold_together(self):
        for i in range(30):
            self.submit(f"orders {i:02}", workers=1 + i % 3, labels={"team": "billing" if i % 2 else "shipping"})
        page, headers = self.answer("/v1/jobs", search="order billing", filter="workers:2", sort="name:desc", size=2, **{"from": 1}, total="true")
        self.assertEqual([job["name"] for job in page], ["orders 19", "orders 13"])
        self.assertEqual(headers["X-Total-Count"], "5")
        _, headers = self.answer("/v1/jobs", search="order")
        self.assertIsNone(headers["X-Total-Count"])
        self.assertEqual(len(self.answer("/v1/jobs", search="data_generator")[0]), 30)
        self.assertEqual([job["name"] for job in self.answer("/v1/jobs", search='"orders 07"')[0]], ["orders 07"])


if __name__ == "__main__":
    unittest.main()
