"""A PostgreSQL server of a test's own: on the loopback, a free port, its own directory, gone with the test."""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile

from harness import is_alive, wait_until

PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")
ADMINISTRATOR = "postgres"  # user of the database, and of the system if the test runs as root: the server refuses root
PASSWORD = "pw-of-the-administrator"


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class PostgresServer:
    """Started; `test` is an EndToEnd, which ends it."""

    def __init__(self, test, *, encoding="UTF8", settings=()):
        self.environment = test.environment()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="slicemill-postgres-"))
        test.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.as_user = []
        if os.getuid() == 0:
            owner = pwd.getpwnam(ADMINISTRATOR)
            os.chown(self.directory, owner.pw_uid, owner.pw_gid)
            self.as_user = ["setpriv", f"--reuid={ADMINISTRATOR}", f"--regid={ADMINISTRATOR}", "--clear-groups"]
        self.port = free_port()
        self.settings = list(settings)
        self.process = None
        password = self.directory / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        self._run("initdb", "-D", self.directory / "data", "-U", ADMINISTRATOR, "-A", "scram-sha-256", "--pwfile", password, "-N",
                  "-E", encoding, "--locale", "C.UTF-8" if encoding == "UTF8" else "C")
        test.addCleanup(self.kill)
        self.start()

    def _run(self, program, *arguments):
        subprocess.run([*self.as_user, str(PROGRAMS / program), *map(str, arguments)], cwd="/", env=self.environment, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def start(self):
        log = (self.directory / "log").open("ab")
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "autovacuum=off", *self.settings]
        with log:
            self.process = subprocess.Popen(
                [*self.as_user, str(PROGRAMS / "postgres"), "-D", str(self.directory / "data"), "-p", str(self.port),
                 *[word for setting in settings for word in ("-c", setting)]],
                cwd="/", env=self.environment, stdout=log, stderr=log, start_new_session=True)
        wait_until(self._answers, lambda: f"the server to answer; {(self.directory / 'log').read_text()[-2000:]}")

    def _answers(self):
        return subprocess.run([str(PROGRAMS / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False).returncode == 0

    def kill(self):
        """As if the machine had died: SIGKILL for the server and all of its processes."""
        if self.process is None:
            return
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True, check=False)
        pids = [self.process.pid, *map(int, children.stdout.split())]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        wait_until(lambda: not any(map(is_alive, pids)), "the server's processes to end")
        self.process = None

    def stop(self):
        """Connections are cut, the data is whole."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
        self.process = None

    def url(self, user=ADMINISTRATOR, database="postgres"):
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def sql(self, text, database="postgres"):
        """What psql prints, without alignment."""
        result = subprocess.run(
            ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url(database=database)], input=text,
            env={**self.environment, "PGPASSWORD": PASSWORD, "PGCLIENTENCODING": "UTF8"}, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise AssertionError(result.stderr)
        return result.stdout.strip()
