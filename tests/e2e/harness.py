"""Real processes for the end-to-end tests: a master on a free port, its REST API, its processes, and what its jobs wrote.

Nothing here sleeps for a fixed time: a wait for a status looks after each event of the execution, every other one polls a condition,
until a deadline. Every process that a test causes carries the
test's token in its environment, so that nothing survives the test whatever happens.
"""

import collections
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse
import uuid

BUILD = pathlib.Path(os.environ.get("SLICEMILL_BUILD") or pathlib.Path(__file__).parents[2] / "build" / "release")
SLICEMILL = BUILD / "slicemill"
TERMINAL = {"completed", "stopped", "rejected", "failed", "terminated"}
LIVE = {"pending", "scheduling", "initializing", "recovering", "running", "failing", "paused", "stopping"}
TOKEN_VARIABLE = "SLICEMILL_E2E_TOKEN"

# A sanitizer build or a busy machine is slower, never wrong: deadlines only bound a hang.
PATIENCE_S = 90.0
POLL_S = 0.02


def is_sanitized():
    cache = BUILD / "CMakeCache.txt"
    return cache.exists() and any(line.startswith("SLICEMILL_SANITIZE") and not line.endswith("=")
                                  for line in cache.read_text().splitlines())


OK, FAILED, BAD_INPUT, CANNOT_START, STORAGE, UNPROVEN, INTERRUPTED = 0, 1, 2, 3, 4, 6, 130


def wait_until(condition, what, patience_s=PATIENCE_S):
    """Polls until condition() is truthy and returns it; fails naming `what` (text, or a function that tells more)."""
    deadline = time.monotonic() + patience_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience_s:.0f} s for {what() if callable(what) else what}")
        time.sleep(POLL_S)


def is_alive(pid):
    """True while the process runs (a zombie does not)."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def processes_with_token(token):
    """The pids of all processes that carry the token, without this one."""
    wanted = f"{TOKEN_VARIABLE}={token}".encode()
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return [pid for pid in found if is_alive(pid)]


Event = collections.namedtuple("Event", "id name data")


class Events:
    """GET /v1/events of a master, from `after` on: a number, or None for what happens from now on."""

    def __init__(self, port, *, after=None, patience_s=PATIENCE_S, **filters):
        self.patience_s = patience_s
        self.text = b""
        self.ended = False
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=patience_s)
        place = "" if after is None else f"Last-Event-ID: {after}\r\n"
        # HTTP/1.0: the body is not in chunks.
        self.socket.sendall(f"GET /v1/events?{urllib.parse.urlencode(filters)} HTTP/1.0\r\nHost: localhost\r\n{place}\r\n".encode())
        while b"\r\n\r\n" not in self.text and self._read(patience_s):
            pass
        head, _, self.text = self.text.partition(b"\r\n\r\n")
        self.status = int(head.split()[1]) if head else 0
        self.head = head.decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _read(self, seconds):
        if self.ended:
            return False
        self.socket.settimeout(max(seconds, 0.001))
        try:
            piece = self.socket.recv(1 << 16)
        except TimeoutError:
            return False
        except ConnectionError:
            piece = b""
        self.ended = not piece
        self.text += piece
        return bool(piece)

    def _frame(self):
        frame, found, rest = self.text.partition(b"\n\n")
        if not found:
            return None
        self.text = rest
        return frame.decode().splitlines()

    def next(self, patience_s=None):
        """The next event; None if none comes in time, or the stream has ended. Comments are left out."""
        deadline = time.monotonic() + (self.patience_s if patience_s is None else patience_s)
        while True:
            lines = self._frame()
            if lines is None:
                if not self._read(deadline - time.monotonic()):
                    return None
                continue
            fields = dict(line.split(": ", 1) for line in lines if not line.startswith(":"))
            if "data" in fields:
                number = int(fields["id"]) if "id" in fields else None
                return Event(number, fields["event"], json.loads(fields["data"]))

    def changes(self, until):
        """The events of changes up to and with the first one whose data `until` accepts."""
        found = []
        while True:
            event = self.next()
            if event is None:
                raise AssertionError(f"the events ended after {found[-3:]}")
            if event.name == "status":
                found.append(event)
                if until(event.data):
                    return found


class Master:
    """A running `slicemill master` and its REST API."""

    def __init__(self, test, data, *, slots=8, environment=None, arguments=(), port=0):
        self.test = test
        self.data = pathlib.Path(data)
        command = [str(SLICEMILL), "master", "--port", str(port), "--data", str(data), "--slots", str(slots), *map(str, arguments)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=test.environment(environment)
        )
        self.output, self.errors = [], []
        self.readers = [
            self._follow(self.process.stdout, self.output),
            self._follow(self.process.stderr, self.errors),
        ]
        self.url = wait_until(self._listening_url, lambda: f"the master to listen; it said {self.errors}", 30)
        self.port = urllib.parse.urlsplit(self.url).port

    @staticmethod
    def _follow(stream, lines):
        def copy():
            with stream:
                for line in stream:
                    lines.append(line.rstrip("\n"))

        thread = threading.Thread(target=copy, daemon=True)
        thread.start()
        return thread

    def _listening_url(self):
        for line in list(self.output):
            if line.startswith("listening on "):
                return line.removeprefix("listening on ").strip()
        if self.process.poll() is not None:
            raise AssertionError(f"the master ended with {self.process.returncode}: {self.errors}")
        return None

    # ---- REST ----

    def request(self, method, path, body=None, timeout_s=60):
        """(status, parsed body). An answer that is no JSON fails the test."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        with contextlib.closing(connection):
            headers = {} if body is None else {"Content-Type": "application/json"}
            text = body if body is None or isinstance(body, str) else json.dumps(body)
            connection.request(method, path, text, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def ask(self, method, path, body=None, expect=200, timeout_s=60):
        status, answer = self.request(method, path, body, timeout_s)
        self.test.assertEqual(status, expect, f"{method} {path}: {answer}")
        return answer

    def get(self, path):
        return self.ask("GET", path)

    def post(self, path, body=None, expect=200, timeout_s=60):
        return self.ask("POST", path, body, expect, timeout_s)

    def submit(self, job, start=True):
        """The answer to POST /v1/jobs: job_id and, if started, ex_id."""
        return self.post(f"/v1/jobs?start={'true' if start else 'false'}", job)

    def execution(self, ex_id):
        return self.get(f"/v1/ex/{ex_id}")

    def status(self, ex_id):
        return self.execution(ex_id)["_status"]

    def wait_for_status(self, ex_id, *targets, patience_s=PATIENCE_S):
        """Waits for one of the statuses; another terminal one fails at once."""
        document = {}

        def reached():
            document.update(self.execution(ex_id))
            if document["_status"] in targets:
                return document
            if document["_status"] in TERMINAL:
                raise AssertionError(f"wanted {targets}, but execution {ex_id} is {document['_status']}: "
                                     f"{document.get('_failureReason')} (log: {document.get('log_path')})")
            return None

        return self.wait_with_events(ex_id, reached, lambda: f"{ex_id} to be {targets}; it is {document.get('_status')} "
                                                             f"{document.get('_failureReason')}", patience_s)

    def events(self, **more):
        return Events(self.port, **more)

    def wait_with_events(self, ex_id, condition, what, patience_s=PATIENCE_S):
        """wait_until for what changes with an event of an execution: looks again after each."""
        value = condition()
        if value:
            return value
        deadline = time.monotonic() + patience_s
        with self.events(ex_id=ex_id) as events:
            while True:
                value = condition()
                if value:
                    return value
                if time.monotonic() > deadline:
                    raise AssertionError(f"waited {patience_s:.0f} s for {what()}")
                if events.ended:
                    time.sleep(POLL_S)
                events.next(1)

    def stats(self, ex_id):
        """The controller's live figures, {} while there is none."""
        status, answer = self.request("GET", f"/v1/ex/{ex_id}/controller")
        return answer[0] if status == 200 and answer else {}

    def wait_for_processed(self, ex_id, at_least):
        """Waits until so many slices are processed; fails if the execution ends before that."""
        stats = {}

        def reached():
            stats.update(self.stats(ex_id))
            if stats.get("processed", 0) >= at_least:
                return stats
            if self.status(ex_id) in TERMINAL:
                raise AssertionError(f"execution {ex_id} ended before {at_least} slices were processed")
            return None

        return wait_until(reached, lambda: f"{at_least} processed slices of {ex_id}; figures: {stats}")

    # ---- processes ----

    def processes(self, assignment, ex_id=None):
        """Entries of cluster/state with that assignment."""
        return [
            entry
            for node in self.get("/v1/cluster/state").values()
            for entry in node["active"]
            if entry["assignment"] == assignment and (ex_id is None or entry.get("ex_id") == ex_id)
        ]

    def pids(self, assignment, ex_id=None):
        return sorted(entry["pid"] for entry in self.processes(assignment, ex_id))

    def wait_for_pids(self, assignment, ex_id, count):
        """Waits until so many living processes with that assignment are shown."""

        def reached():
            pids = self.pids(assignment, ex_id)
            return pids if len(pids) == count and all(map(is_alive, pids)) else None

        if count == 0:
            wait_until(lambda: not self.pids(assignment, ex_id), f"no {assignment} of {ex_id}")
            return []
        return wait_until(reached, lambda: f"{count} x {assignment} of {ex_id}; there are {self.pids(assignment, ex_id)}")

    def kill_9(self, assignment, ex_id):
        """SIGKILLs one process of that assignment, sees it gone, and returns its pid."""
        pid = wait_until(lambda: self.pids(assignment, ex_id), f"a {assignment} of {ex_id}")[0]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid), f"{pid} to be gone")
        return pid

    def kill_9_itself(self):
        self.process.kill()
        self.process.wait()

    def terminate(self):
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


class EndToEnd(unittest.TestCase):
    """A fresh directory, a token, and no process left behind."""

    maxDiff = 2000

    def setUp(self):
        self.token = uuid.uuid4().hex
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="slicemill-e2e-"))
        self.data = self.directory / "data"
        self.output = self.directory / "output"
        self.addCleanup(self._clean_up)

    def _clean_up(self):
        for attempt in range(50):
            pids = processes_with_token(self.token)
            if not pids:
                break
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(POLL_S)
        if self._failed() and os.environ.get("E2E_KEEP"):
            print(f"kept: {self.directory}", file=sys.stderr)
        else:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _failed(self):
        outcome = getattr(self, "_outcome", None)
        return outcome is not None and not outcome.success

    def environment(self, extra=None):
        """Ours without SLICEMILL_* (a developer's settings must not change a test), with the token."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SLICEMILL_")}
        environment[TOKEN_VARIABLE] = self.token
        environment.update(extra or {})
        return environment

    def start_master(self, **options):
        options.setdefault("data", self.data)
        return Master(self, options.pop("data"), **options)

    def slicemill(self, *arguments, cwd=None, environment=None, timeout_s=PATIENCE_S):
        """Runs the command to its end."""
        return subprocess.run(
            [str(SLICEMILL), *map(str, arguments)], cwd=cwd or self.directory, env=self.environment(environment),
            capture_output=True, text=True, timeout=timeout_s,
        )

    def assert_one_line(self, result, exit_code, *words):
        """The documented exit code, and exactly one line `slicemill: ...` that holds all of the words."""
        everything = f"exit {result.returncode}\nstdout: {result.stdout}\nstderr: {result.stderr}"
        self.assertEqual(result.returncode, exit_code, everything)
        lines = [line for line in result.stderr.splitlines() if line.strip() and not line.startswith("slicemill: warning:")]
        lines = [line for line in lines if not line.startswith("progress: ")]
        self.assertEqual(len(lines), 1, everything)
        self.assertTrue(lines[0].startswith("slicemill: "), everything)
        for word in words:
            self.assertIn(word, lines[0])

    # ---- inputs, jobs, outputs ----

    def write_input(self, name="input.ldjson", records=2000, first=0):
        """A deterministic ldjson file of about 100 bytes a record."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            for n in range(first, first + records):
                file.write(json.dumps(record(n), separators=(",", ":")) + "\n")
        return path

    def job(self, path, *, size=4000, delay_ms=0, workers=2, processors=(), reader=None, sender=None, **top):
        """A job from ldjson files to ldjson files; about 40 records a slice with the default size."""
        operations = [{"_op": "file_reader", "path": str(path), "format": "ldjson", "size": size, **(reader or {})}]
        if delay_ms:
            operations.append({"_op": "delay", "ms": delay_ms})
        operations += processors
        operations.append({"_op": "file_exporter", "path": str(self.output), "format": "ldjson", **(sender or {})})
        return {"name": self.id().rpartition(".")[2], "lifecycle": "once", "workers": workers, "operations": operations, **top}

    def read_output(self, path=None):
        """Every record that is visible below the output path."""
        path = pathlib.Path(path or self.output)
        files = [path] if path.is_file() else sorted(f for f in path.iterdir() if not f.name.startswith("."))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def assert_output(self, expected, path=None):
        """Exactly these records, each as often as expected, in any order."""
        def count(records):
            return collections.Counter(json.dumps(r, sort_keys=True) for r in records)

        found, wanted = count(self.read_output(path)), count(expected)
        self.assertEqual(list((wanted - found).items())[:5], [], "records are missing")
        self.assertEqual(list((found - wanted).items())[:5], [], "records are there too often, or should not be there")

    def assert_verified(self, ex_id, master=None):
        """`slicemill verify` finds that output and ledger are equal."""
        arguments = ["--master", master.url] if master else ["--data", self.data]
        result = self.slicemill("verify", ex_id, *arguments)
        self.assertEqual(result.returncode, OK, result.stdout + result.stderr)
        self.assertIn("0 missing, 0 altered, 0 extra", result.stdout)

    def slices_of(self, path, size=4000):
        """How many byte ranges of that size cover the file."""
        return -(-pathlib.Path(path).stat().st_size // size)

    def assert_completed_exactly(self, master, ex_id, records, slices):
        """Completed, all slices processed, none failed, the output exactly these records, and verify agrees."""
        document = master.wait_for_status(ex_id, "completed")
        figures = document["_slicer_stats"]
        self.assertEqual((figures["processed"], figures["failed"]), (slices, 0), figures)
        self.assert_output(records)
        self.assert_verified(ex_id, master)
        return document


def record(n):
    return {"id": n, "group": n % 7, "text": f"record {n} " + "x" * (40 + n % 17)}


def records(count, first=0):
    return [record(n) for n in range(first, first + count)]


if __name__ == "__main__":
    unittest.main()
