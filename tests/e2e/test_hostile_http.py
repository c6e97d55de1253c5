"""Clients that mean harm, or are broken: the master stays up, its memory stays bounded, every answer is one clear line, and others are
served meanwhile. Loopback only; the number of connections is bounded by what this process may open."""

import contextlib
import json
import pathlib
import resource
import socket
import unittest

from harness import EndToEnd, is_alive, records, wait_until

IDLE_CONNECTIONS = 10_000
HALF_SENT = 1_000
BODY_LIMIT = 10 << 20
RECORDS = 400


def receive_answers(connection):
    """All that comes until the server ends the connection: [(status, body)], JSON parsed."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            data += piece
    answers = []
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        length = int(headers["content-length"])
        is_json = "json" in headers["content-type"]
        answers.append((int(lines[0].split()[1]), json.loads(rest[:length]) if is_json else rest[:length]))
        data = rest[length:]
    return answers


class HostileHttp(EndToEnd):
    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        cls.addClassCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        cls.descriptors = hard

    def setUp(self):
        super().setUp()
        self.master = self.start_master()
        self.open = contextlib.ExitStack()
        self.addCleanup(self.open.close)
        self.master.get("/")
        self.resident_before = self.resident_mb()

    def tearDown(self):
        self.assertTrue(is_alive(self.master.process.pid), "the master must stay up")
        self.assert_serves()

    def resident_mb(self):
        status = pathlib.Path(f"/proc/{self.master.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024

    def assert_memory(self, bound_mb):
        grown = self.resident_mb() - self.resident_before
        self.assertLess(grown, bound_mb, f"the master grew by {grown:.0f} MB")

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.master.port), timeout=60)
        return self.open.enter_context(contextlib.closing(connection))

    def send(self, data):
        """Sends it on a connection of its own and returns what is answered until the server ends the connection."""
        connection = self.connect()
        # The server may answer and end the connection before it has taken everything.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        return receive_answers(connection)

    def assert_refused(self, data, status, *words):
        """The last answer is this status with one line that holds the words."""
        answers = self.send(data)
        self.assertTrue(answers, f"no answer to {data[:80]!r}")
        self.assertEqual(answers[-1][0], status, answers)
        message = answers[-1][1]["message"]
        self.assertNotIn("\n", message)
        for word in words:
            self.assertIn(word, message)
        return answers

    def post_jobs(self, body):
        return b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    def assert_serves(self):
        """Somebody else is answered."""
        self.assertEqual(self.master.get("/health"), {"status": "UP"})

    def assert_a_job_runs(self):
        path = self.write_input(records=RECORDS)
        ex_id = self.master.submit(self.job(path))["ex_id"]
        self.assert_completed_exactly(self.master, ex_id, records(RECORDS), self.slices_of(path))

    # ---- connections ----

    def test_ten_thousand_idle_connections(self):
        count = min(IDLE_CONNECTIONS, self.descriptors - 200)
        if count < IDLE_CONNECTIONS:
            print(f"\nonly {count} connections: this process may open {self.descriptors} files", flush=True)
        for _ in range(count):
            self.connect()
        self.assert_serves()
        self.assert_a_job_runs()
        self.assert_memory(150)

    def test_half_sent_requests(self):
        """Each sends a little, and goes on sending a little."""
        slow = [self.connect() for _ in range(HALF_SENT)]
        for piece in (b"POST /v1/jobs HTTP/1.1\r\n", b"Host: localhost\r\nX-A: ", b"b" * 100):
            for connection in slow:
                connection.sendall(piece)
            self.assert_serves()
        self.assert_a_job_runs()
        self.assert_memory(150)

    def test_more_half_sent_requests_than_connections_are_served(self):
        for _ in range(min(5_000, self.descriptors - 200)):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.connect().sendall(b"GET /he")
        self.assert_serves()
        self.assert_memory(150)

    # ---- bodies ----

    def test_bodies_that_are_too_large(self):
        head = b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n"
        self.assert_refused(head + b"Content-Length: 10000000000\r\n\r\n", 413, "limit of 10485760 bytes")
        self.assert_refused(head + b"Content-Length: 99999999999999999999999\r\n\r\n", 400, "Content-Length")
        piece = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        self.assert_refused(head + b"Transfer-Encoding: chunked\r\n\r\n" + piece * 12, 413, "limit of 10485760 bytes")
        self.assert_memory(100)

    def test_many_large_bodies_at_once_that_never_end(self):
        """What all bodies together may hold is bounded, not only each."""
        head = b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (BODY_LIMIT - 1)
        body = b" " * (BODY_LIMIT - 1000)
        for _ in range(60):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.connect().sendall(head + body)
        self.assert_serves()
        self.assert_memory(300)

    def test_json_of_a_hundred_thousand_levels(self):
        for opening, inside, closing in ((b"[", b"", b"]"), (b'{"a":', b"1", b"}")):
            body = opening * 100_000 + inside + closing * 100_000
            self.assert_refused(self.post_jobs(body), 400)
            self.assert_refused(self.post_jobs(b'{"name":' + body + b"}"), 400)
            self.assert_refused(self.post_jobs(opening * 100_000), 400)

    def test_text_that_is_no_utf8(self):
        for text in (b"\xff\xfe", b"\xc3(", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"):
            self.assert_refused(self.post_jobs(b'{"name":"' + text + b'"}'), 400)
            for target in (b"/v1/jobs/" + text, b"/v1/jobs?status=" + text, b"/v1/jobs/%FF%FE", b"/txt/jobs?fields=%C3%28"):
                answers = self.send(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                self.assertEqual(len(answers), 1, target)
                self.assertIn(answers[0][0], (200, 400, 404), target)

    # ---- what is no HTTP ----

    def test_oversized_headers(self):
        for head in (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
                     b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
                     b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 10_000 + b"\r\n"):
            self.assert_refused(head, 431, "limit of 16384 bytes")
        self.assert_memory(100)

    def test_garbage_behind_a_good_request(self):
        good = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for garbage in (b"\x00\x01\x02\x03\r\n\r\n", b"NONSENSE\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\r\n\r\n"):
            answers = self.assert_refused(good * 3 + garbage + good, 400, "malformed HTTP request")
            self.assertEqual([status for status, _ in answers], [200, 200, 200, 400], "nothing behind the garbage is believed")

    def test_lengths_that_contradict(self):
        for lines in (b"Content-Length: -1", b"Content-Length: 3, 4", b"Content-Length: 3\r\nContent-Length: 4",
                      b"Content-Length: 4\r\nTransfer-Encoding: chunked", b"Content-Length: 0x10"):
            answers = self.assert_refused(b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n" + lines + b"\r\n\r\nabc", 400)
            self.assertEqual(len(answers), 1, lines)
        for size in (b"ffffffffffffffffff", b"-1", b"zz"):
            body = b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\nabc\r\n0\r\n\r\n"
            self.assert_refused(b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n" + body, 400)


if __name__ == "__main__":
    unittest.main()
