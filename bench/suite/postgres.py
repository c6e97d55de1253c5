"""A PostgreSQL table to files and to another table, exactly once, against psql's COPY, on one server of the bench's own."""

import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import time

from .system import Unavailable, command_seconds, needs, run_seconds

PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")
COLUMNS = """n AS id, 'customer ' || n AS name, md5(n::text) AS token, n % 1000 AS shop, (n::bigint * 7919 % 1000000)::numeric / 100 AS amount, n % 3 = 0 AS paid,
  '2024-01-01'::timestamptz + n * interval '1 second' AS at, '2024-01-01'::date + (n % 365)::int AS day, n * 0.25::float8 AS weight, n::bigint * n AS square"""


class Server:
    """As PostgreSQL comes, but for the size of its log: every commit is synced."""

    def __init__(self, directory):
        if not (PROGRAMS / "postgres").exists():
            raise Unavailable("PostgreSQL 15 is not installed")
        self.data, self.as_user = directory / "postgres", []
        self.data.mkdir()
        if os.getuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.data, owner.pw_uid, owner.pw_gid)
            directory.chmod(0o755)
            self.as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.port = taken.getsockname()[1]
        subprocess.run([*self.as_user, PROGRAMS / "initdb", "-D", self.data, "-U", "bench", "-A", "trust"], check=True, cwd="/", stdout=subprocess.DEVNULL)
        self.process = subprocess.Popen(
            [*self.as_user, PROGRAMS / "postgres", "-D", self.data, "-p", str(self.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
             "-c", "max_wal_size=8GB", "-c", "shared_buffers=512MB"], cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while subprocess.run([PROGRAMS / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False).returncode != 0:
            time.sleep(0.05)
        self.url = f"postgresql://bench@127.0.0.1:{self.port}/postgres"

    def sql(self, text):
        return subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url, "-c", text], check=True, capture_output=True, text=True).stdout.strip()

    def end(self):
        self.process.terminate()
        self.process.wait()


def measure(bench):
    needs("psql")
    server = Server(bench.work)
    try:
        compare(bench, server)
    finally:
        server.end()
        shutil.rmtree(server.data, ignore_errors=True)


def compare(bench, server):
    rows = bench.amount(5_000_000, 50_000)
    config = bench.work / "postgres.yaml"
    config.write_text(f"connections:\n  bench: {{type: postgres, url: \"{server.url}\"}}\n")
    env = {**os.environ, "SLICEMILL_CONFIG": str(config)}
    server.sql(f"CREATE TABLE source AS SELECT {COLUMNS} FROM generate_series(1, {rows}) n; ALTER TABLE source ADD PRIMARY KEY (id); ANALYZE source; "
               "CREATE TABLE target (LIKE source)")
    output = bench.work / "postgres-out"
    reader = {"_op": "postgres_reader", "_connection": "bench", "table": "source", "size": 50_000}

    def fresh():
        server.sql("TRUNCATE target")
        server.sql("CHECKPOINT")
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir()

    def copied():
        if server.sql("SELECT count(*), sum(id) FROM target") != f"{rows}|{rows * (rows + 1) // 2}":
            raise RuntimeError("rows are missing, or there twice")

    def psql(sql):
        return f"psql -X -q -d {server.url} -c \"{sql}\""

    def shell(command):
        fresh()
        return command_seconds(["sh", "-c", command])

    def to_table_by_psql():
        seconds = shell(f"{psql('COPY source TO STDOUT')} | {psql('COPY target FROM STDIN')}")
        copied()
        return seconds

    def run(sender):
        fresh()
        return run_seconds(bench, {"name": "postgres", "workers": 2, "operations": [reader, sender]}, env=env)

    def to_table():
        seconds = run({"_op": "postgres_sender", "_connection": "bench", "table": "target"})
        copied()
        return seconds

    took = bench.in_turns(
        psql_text=lambda: shell(f"{psql('COPY source TO STDOUT')} > {output}/rows && sync {output}/rows"),
        psql_json=lambda: shell(f"{psql('COPY (SELECT row_to_json(s) FROM source s) TO STDOUT')} > {output}/rows && sync {output}/rows"),
        files=lambda: run({"_op": "file_exporter", "path": str(output), "format": "ldjson"}), psql_table=to_table_by_psql, table=to_table)
    rates = {way: [rows / seconds for seconds in values] for way, values in took.items()}
    what = f"{rows:,} rows of 10 columns"
    bench.row("postgres", f"{what} -> ldjson", "rows/s", rates["files"], ("psql COPY of JSON to a file", rates["psql_json"]), ">= 0.7")
    bench.row("postgres", f"{what} -> ldjson", "rows/s", rates["files"], ("psql COPY as text to a file", rates["psql_text"]), ">= 0.7")
    bench.row("postgres", f"{what} -> table, exactly once", "rows/s", rates["table"], ("psql COPY piped into psql COPY", rates["psql_table"]), ">= 0.7")
