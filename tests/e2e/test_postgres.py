"""PostgreSQL as a source, on a real server: connections and their secrets, types, keys, and every row once through kills of worker,
controller and server."""

import contextlib
import json
import os
import pathlib
import socket
import unittest

from harness import BAD_INPUT, CANNOT_START, FAILED, OK, EndToEnd, processes_with_token, wait_until
from postgres_server import PASSWORD, PostgresServer, free_port


class WithServer(EndToEnd):
    def setUp(self):
        super().setUp()
        self.server = PostgresServer(self)
        self.config = self.write_config(self.connection())

    def connection(self, **settings):
        return {"type": "postgres", "url": self.server.url(), "password": PASSWORD, **settings}

    def write_config(self, connection=None, name="slicemill.yaml", **connections):
        path = self.directory / name
        path.write_text(json.dumps({"connections": {**({"warehouse": connection} if connection else {}), **connections}}))
        path.chmod(0o600)
        return path

    def reader(self, **options):
        return {"_op": "postgres_reader", "_connection": "warehouse", **options}

    def table_job(self, processors=(), workers=2, **options):
        return {"name": self.id().rpartition(".")[2], "lifecycle": "once", "workers": workers,
                "operations": [self.reader(**options), *(processors or [{"_op": "noop"}]),
                               {"_op": "file_exporter", "path": str(self.output), "format": "ldjson"}]}

    def write_job(self, **options):
        path = self.directory / "job.json"
        path.write_text(json.dumps(self.table_job(**options)))
        return path

    def run_job(self, **options):
        return self.slicemill("run", self.write_job(**options), "--data", self.data, "--config", self.config, "--summary", "json", "-q")

    def read_table(self, **options):
        """The records, and how many slices they came in."""
        result = self.run_job(**options)
        self.assertEqual(result.returncode, OK, result.stdout + result.stderr)
        records = self.read_output()
        for file in self.output.iterdir():
            file.unlink()
        return records, json.loads(result.stdout)["slices"]["processed"]


class Connections(WithServer):
    def test_one_is_tried(self):
        result = self.slicemill("connections", "test", "warehouse", "--config", self.config)
        self.assertEqual((result.returncode, result.stderr), (OK, ""), result.stderr)
        self.assertEqual(result.stdout, f"warehouse: PostgreSQL 15.{result.stdout.split('15.')[1].split(',')[0]}, database postgres as "
                                        f"postgres, on 127.0.0.1:{self.server.port}, without TLS\n")

    def test_all_are_listed_without_secrets(self):
        config = self.write_config(self.connection(), other={"type": "postgres", "url": "postgresql://a:hid%40den@db.example.com/x"})
        result = self.slicemill("connections", environment={"SLICEMILL_CONFIG": str(config)})
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertIn("postgresql://a@db.example.com/x", result.stdout)
        for secret in (PASSWORD, "hid%40den", "hid@den"):
            self.assertNotIn(secret, result.stdout + result.stderr)

    def test_passwords_from_everywhere(self):
        file = self.directory / "password"
        file.write_text(PASSWORD + "\n")
        without = {"type": "postgres", "url": self.server.url()}
        with_password = self.server.url().replace("postgres@", f"postgres:{PASSWORD}@")
        ways = {"file": {**without, "password_file": "password"}, "environment": {**without, "password_env": "DATABASE_PASSWORD"},
                "command": {**without, "password_command": f"cat {file}"}, "url": {"type": "postgres", "url": with_password}}
        config = self.write_config(**ways)
        for name in ways:
            result = self.slicemill("connections", "test", name, "--config", config, environment={"DATABASE_PASSWORD": PASSWORD})
            self.assertEqual(result.returncode, OK, name + result.stderr)

    def test_what_is_wrong_is_said_in_one_line(self):
        down = free_port()
        mute = socket.create_server(("127.0.0.1", 0))  # connections are made, and nobody says anything
        self.addCleanup(mute.close)
        config = self.write_config(wrong=self.connection(password="wrong-one"), down=self.connection(url=f"postgresql://a@127.0.0.1:{down}/x"),
                                   nowhere=self.connection(url=self.server.url(database="nowhere")),
                                   silent=self.connection(url=f"postgresql://a@127.0.0.1:{mute.getsockname()[1]}/x", connect_timeout="300ms"),
                                   command={"type": "postgres", "host": "h", "password_command": "echo hush >&2; exit 3"})
        for name, code, words in (("wrong", BAD_INPUT, "password authentication failed"), ("down", CANNOT_START, "Connection refused"),
                                  ("nowhere", BAD_INPUT, 'database "nowhere" does not exist'), ("absent", BAD_INPUT, '"down" (postgres)'),
                                  ("command", BAD_INPUT, "password_command: the command ended with exit code 3")):
            result = self.slicemill("connections", "test", name, "--config", config)
            self.assert_one_line(result, code, words)
            self.assertNotIn("wrong-one", result.stderr)
        self.assert_one_line(self.slicemill("connections", "test", "silent", "--config", config), CANNOT_START,
                             "no answer from the server within 300 ms")

    def test_mistakes_in_the_file_are_found_at_start(self):
        cases = ((self.connection(hots="x"), "connections.warehouse.hots: unknown setting; did you mean 'host'?"),
                 ({"type": "postgrs"}, "connections.warehouse.type: 'postgrs' is not one of postgres"),
                 ({"type": "postgres"}, "connections.warehouse.url: expected a url, or host, database and user"),
                 (self.connection(password_file="/nowhere"), "connections.warehouse.password_file: the password is given twice"),
                 ({"type": "postgres", "host": "h", "password_file": "nowhere"}, "password_file: cannot open"),
                 ({"type": "postgres", "host": "h", "password_env": "NOT_SET_HERE"}, "variable NOT_SET_HERE is not set"),
                 (self.connection(port=70000), "connections.warehouse.port"),
                 (self.connection(sslmode="verify-full"), "connections.warehouse.sslrootcert"),
                 (self.connection(url="mysql://x"), "connections.warehouse.url: expected postgresql://"))
        for connection, words in cases:
            config = self.write_config(connection)
            for command in (("connections",), ("master", "--port", "0", "--data", self.data)):
                result = self.slicemill(*command, "--config", config)
                self.assert_one_line(result, BAD_INPUT, str(config), words)
                self.assertNotIn(PASSWORD, result.stderr)

    def test_other_users_may_not_read_secrets(self):
        self.config.chmod(0o644)
        result = self.slicemill("connections", "--config", self.config)
        self.assertIn("other users may read it", result.stderr)

    def test_unknown_names_are_refused(self):
        job = self.table_job(table="t")
        job["operations"][0]["_connection"] = "warehous"
        master = self.start_master(arguments=("--config", self.config))
        answer = master.post("/jobs", job, expect=500)
        self.assertIn('no connection \\"warehous\\" is configured; there is \\"warehouse\\" (postgres)', answer["message"])
        del job["operations"][0]["_connection"]
        self.assertIn("a connection of type postgres", master.post("/jobs", job, expect=500)["message"])
        path = self.directory / "job.json"
        path.write_text(json.dumps(job))
        self.assertIn("the configuration has no connections", self.slicemill("validate", path).stderr)


class Secrets(WithServer):
    def everything_of_processes(self):
        """Arguments and environments of all processes of the test, and what the scripts' memory holds."""
        found = {}
        for pid in processes_with_token(self.token):
            for file in ("cmdline", "environ"):
                with contextlib.suppress(OSError):
                    found[f"{pid} {file}"] = pathlib.Path(f"/proc/{pid}/{file}").read_bytes()
            with contextlib.suppress(OSError):
                program = os.readlink(f"/proc/{pid}/exe")
                if "python" in program:
                    found[f"{pid} memory"] = memory_of(pid)
        return found

    def test_a_password_is_in_no_document_log_argument_environment_or_child(self):
        self.server.sql("CREATE TABLE t(id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 40)")
        secret = PASSWORD
        config = self.write_config({"type": "postgres", "url": self.server.url(), "password_env": "THE_VARIABLE"})
        started, go_on = self.directory / "started", self.directory / "go"
        script = self.directory / "slow.py"
        script.write_text("import os, pathlib, sys, time\n"
                          "for line in sys.stdin:\n"
                          f"    pathlib.Path({str(started)!r}).touch()\n"
                          f"    while not os.path.exists({str(go_on)!r}): time.sleep(0.01)\n"
                          "    sys.stdout.write(line)\n    sys.stdout.flush()\n")
        master = self.start_master(arguments=("--config", config, "--log-level", "trace"), environment={"THE_VARIABLE": secret})
        job = self.table_job(table="t", size=10, processors=[{"_op": "script", "command": "python3", "args": [str(script)]}])
        submitted = master.submit(job)
        wait_until(started.exists, "the script to have a record")
        seen = self.everything_of_processes()
        self.assertTrue(any("memory" in name for name in seen), seen.keys())
        seen.pop(f"{master.process.pid} environ")  # where the user has put it
        for name, content in seen.items():
            if name.endswith("environ") and str(self.server.process.pid) not in name:
                self.assertNotIn(b"THE_VARIABLE", content, name)
            self.assertNotIn(secret.encode(), content, name)
        answers = [json.dumps(master.get(path)) for path in (f"/jobs/{submitted['job_id']}", f"/ex/{submitted['ex_id']}", "/ex", "/jobs",
                                                               "/cluster/state", f"/ex/{submitted['ex_id']}/controller")]
        go_on.touch()
        master.wait_for_status(submitted["ex_id"], "completed")
        # A wrong password says a lot, and not that.
        self.server.sql("ALTER USER postgres PASSWORD 'another-one'")
        failed = master.submit(self.table_job(table="t"))
        answers.append(json.dumps(master.wait_for_status(failed["ex_id"], "failed")))
        self.assertIn("password authentication failed", answers[-1])
        self.assertEqual([answer for answer in answers if secret in answer], [])
        master.terminate()
        files = [file for root in (self.data, self.output) for file in root.rglob("*") if file.is_file()]
        self.assertTrue(any(file.suffix == ".log" for file in files) and any("ledgers" in file.parts for file in files), files)
        self.assertEqual([str(file) for file in files if secret.encode() in file.read_bytes()], [])


def memory_of(pid):
    """All that a process may read and write of its own, as a core would hold it."""
    pieces = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
            area, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            begin, end = (int(part, 16) for part in area.split("-"))
            with contextlib.suppress(OSError, ValueError, OverflowError):
                memory.seek(begin)
                pieces.append(memory.read(end - begin))
    return b"".join(pieces)


TYPES = (
    ("smallint", "-32768", -32768), ("integer", "2147483647", 2147483647), ("bigint", "-9223372036854775808", -9223372036854775808),
    ("oid", "4294967295", 4294967295), ("numeric", "123456789012345678901234567890.12345000", "123456789012345678901234567890.12345000"),
    ("numeric", "-0.00010", "-0.00010"), ("numeric", "10000", "10000"), ("numeric", "0", "0"), ("numeric(10,2)", "0.5", "0.50"),
    ("numeric", "1e30", "1" + "0" * 30), ("numeric", "NaN", '"NaN"'), ("numeric", "-Infinity", '"-Infinity"'),
    ("real", "0.1", 0.1), ("double precision", "0.1", 0.1), ("double precision", "1e300", 1e300), ("double precision", "NaN", "NaN"),
    ("double precision", "-Infinity", "-Infinity"), ("boolean", "true", True), ("boolean", "false", False),
    ("text", 'quote " backslash \\ tab \t line\nend \u0001 ä € 😀', 'quote " backslash \\ tab \t line\nend \u0001 ä € 😀'), ("text", "", ""),
    ("varchar(5)", "abc", "abc"), ("char(5)", "abc", "abc  "), ('"char"', "x", "x"), ("name", "n", "n"),
    ("uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), ("bytea", "\\x00ff10", "AP8Q"), ("bytea", "\\x", ""),
    ("bytea", "\\x01", "AQ=="), ("json", '{"b": [1.0,\n 2], "a": "x\\ny", "a": null}', '{"b": [1.0,  2], "a": "x\\ny", "a": null}'),
    ("jsonb", '{"b": [1.0, 2]}', {"b": [1.0, 2]}), ("date", "2024-02-29", "2024-02-29"), ("date", "0044-03-15 BC", "-0043-03-15"),
    ("date", "12024-01-01", "+12024-01-01"), ("date", "infinity", "infinity"), ("date", "1969-12-31", "1969-12-31"),
    ("time", "23:59:59.000001", "23:59:59.000001"), ("time", "24:00", "24:00:00"), ("timetz", "01:02:03.5+05:30", "01:02:03.5+05:30"),
    ("timetz", "01:02:03-08", "01:02:03-08"), ("timestamp", "2024-02-29 01:02:03.12", "2024-02-29T01:02:03.12"),
    ("timestamp", "1999-12-31 23:59:59.999999", "1999-12-31T23:59:59.999999"), ("timestamp", "-infinity", "-infinity"),
    ("timestamptz", "2024-07-01 12:00:00+02", "2024-07-01T10:00:00Z"), ("timestamptz", "0001-01-01 00:00:00+00", "0001-01-01T00:00:00Z"),
    ("interval", "1 year 2 days 03:04:05", "P1Y2DT3H4M5S"), ("inet", "10.0.0.1/8", "10.0.0.1/8"), ("money", "12.50", "$12.50"),
    ("int4range", "[1,5)", "[1,5)"), ("bit(3)", "101", "101"), ("mood", "sad", "sad"), ("positive", "7", 7), ("xml", "<a/>", "<a/>"),
    ("point", "(1,2)", "(1,2)"), ("tsvector", "a b", "'a' 'b'"),
    ("int[]", "{1,NULL,3}", [1, None, 3]), ("int[]", "{}", []), ("int[]", "{{1,2},{3,4}}", [[1, 2], [3, 4]]), ("int[]", "[0:1]={1,2}", [1, 2]),
    ("text[]", '{"a\\"b",NULL,""}', ['a"b', None, ""]), ("timestamptz[]", "{2024-07-01 12:00:00+02}", ["2024-07-01T10:00:00Z"]),
    ("mood[]", "{sad,ok}", ["sad", "ok"]), ("jsonb[]", '{"{\\"a\\": 1}"}', [{"a": 1}]), ("bytea[]", '{"\\\\x01"}', ["AQ=="]),
    ("pair", '(1,"x y")', {"a": 1, "b": "x y"}), ("pair[]", '{"(1,x)","(2,)"}', [{"a": 1, "b": "x"}, {"a": 2, "b": None}]),
)


class Types(WithServer):
    def test_every_type_is_exact(self):
        quoted = [value.replace("'", "''") for _, value, _ in TYPES]
        columns = ", ".join(f'"c{n}" {kind}' for n, (kind, _, _) in enumerate(TYPES))
        values = ", ".join(f"'{value}'::{kind}" for (kind, _, _), value in zip(TYPES, quoted))
        self.server.sql("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN positive AS int CHECK (value > 0);"
                        "CREATE TYPE pair AS (a int, b text);"
                        f"CREATE TABLE types(id int PRIMARY KEY, {columns}); INSERT INTO types VALUES (1, {values}); INSERT INTO types(id) VALUES (2)")
        result = self.run_job(table="types")
        self.assertEqual(result.returncode, OK, result.stdout + result.stderr)
        lines = [line for file in self.output.iterdir() for line in file.read_text().splitlines()]
        self.assertEqual(len(lines), 2)
        exact = json.loads(lines[0], parse_float=str, parse_int=str, object_pairs_hook=lambda pairs: pairs)
        plain = json.loads(lines[0])
        for n, (kind, given, expected) in enumerate(TYPES):
            name = f"c{n}"
            with self.subTest(type=kind, value=given):
                if kind.startswith("numeric") and not expected.startswith('"'):
                    self.assertEqual(dict(exact)[name], expected)
                elif kind == "json":
                    self.assertIn(f'"{name}":{expected},', lines[0])
                else:
                    self.assertEqual(plain[name], json.loads(expected) if kind == "numeric" else expected)
        self.assertEqual(set(json.loads(lines[1]).values()), {2, None})

    def test_names_are_escaped_and_kept_in_order(self):
        self.server.sql('CREATE SCHEMA "My.Schema"; CREATE TABLE "My.Schema"."T""x"("a""b\\c" int, "Ä" int); INSERT INTO "My.Schema"."T""x" VALUES (1, 2)')
        self.read_table(table='"My.Schema"."T""x"')
        records, _ = self.read_table(table='"My.Schema"."T""x"', fields=["Ä", 'a"b\\c'])
        self.assertEqual([list(r.items()) for r in records], [[("Ä", 2), ('a"b\\c', 1)]])

    def test_other_encodings_become_utf8(self):
        self.server.sql("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
        self.server.sql("CREATE TABLE t(id int PRIMARY KEY, a text); INSERT INTO t VALUES (1, 'Müller ÿ')", database="latin")
        self.config = self.write_config(self.connection(url=self.server.url(database="latin")))
        self.assertEqual(self.read_table(table="t")[0], [{"id": 1, "a": "Müller ÿ"}])

    def test_bytes_without_an_encoding_are_bad_records(self):
        self.server.sql("CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'")
        self.server.sql("SET client_encoding = 'SQL_ASCII'; CREATE TABLE t(id int PRIMARY KEY, a text); INSERT INTO t VALUES (1, E'\\xfc'), (2, 'ok')",
                        database="bytes")
        self.config = self.write_config(self.connection(url=self.server.url(database="bytes")))
        result = self.run_job(table="t")
        self.assertEqual(result.returncode, FAILED)
        self.assertIn("not UTF-8", result.stderr)
        self.assertEqual(self.read_table(table="t", _dead_letter_action="none")[0], [{"id": 2, "a": "ok"}])


class Keys(WithServer):
    def assert_cut(self, rows, most_slices, **options):
        """All rows once, in slices that are not fewer than their size says, nor many more."""
        records, slices = self.read_table(**options)
        expected = self.server.sql(f"SELECT json_agg(t) FROM (SELECT * FROM {options.get('table') or 'source'}) t")
        expected = json.loads(expected or "[]") or []
        key = lambda record: json.dumps(record, sort_keys=True)
        self.assertEqual(sorted(map(key, records)), sorted(map(key, expected)))
        self.assertEqual(len(records), rows)
        self.assertLessEqual(slices, most_slices)
        return slices

    def test_kinds(self):
        self.server.sql("""
          CREATE TABLE gaps AS SELECT (CASE WHEN n % 3 = 0 THEN n::bigint * 1000000007 ELSE -n END) AS id, n FROM generate_series(1, 5000) n;
          ALTER TABLE gaps ADD PRIMARY KEY (id);
          CREATE TABLE uuids AS SELECT gen_random_uuid() AS id, n FROM generate_series(1, 5000) n; ALTER TABLE uuids ADD PRIMARY KEY (id);
          CREATE TABLE texts AS SELECT 'k''\\"' || md5(n::text) AS id, n FROM generate_series(1, 5000) n; ALTER TABLE texts ADD PRIMARY KEY (id);
          CREATE TABLE moments AS SELECT '2024-01-01'::timestamp + n * interval '1.000001 second' AS at, n FROM generate_series(1, 5000) n;
          CREATE TABLE pairs AS SELECT n % 7 AS a, md5(n::text) AS b, n FROM generate_series(1, 5000) n; ALTER TABLE pairs ADD PRIMARY KEY (a, b);
          CREATE TABLE chars AS SELECT md5(n::text)::char(40) AS id, n FROM generate_series(1, 500) n; ALTER TABLE chars ADD PRIMARY KEY (id);""")
        self.assertEqual(self.assert_cut(5000, 50, table="gaps", size=100), 50)
        self.assertEqual(self.assert_cut(5000, 50, table="uuids", size=100), 50)
        self.assertEqual(self.assert_cut(5000, 50, table="texts", size=100), 50)
        self.assertEqual(self.assert_cut(5000, 50, table="pairs", size=100), 50)
        self.assertEqual(self.assert_cut(500, 5, table="chars", size=100), 5)
        records, slices = self.read_table(table="moments", size=100, key="at")
        self.assertEqual((len(records), len({r["n"] for r in records}), slices), (5000, 5000, 50))

    def test_nulls_repeated_keys_and_no_index(self):
        self.server.sql("""
          CREATE TABLE source AS SELECT CASE WHEN n <= 700 THEN 1 WHEN n % 10 = 0 THEN NULL ELSE n END AS k,
                                        CASE WHEN n % 9 = 0 THEN NULL ELSE n END AS l, n FROM generate_series(1, 3000) n;""")
        self.assertEqual(self.assert_cut(3000, 25, table="source", key="k", size=100), 23)
        self.assert_cut(3000, 32, table="source", key=["k", "l"], size=100)
        self.assertEqual(self.assert_cut(3000, 1, table="source", size=100), 1)
        self.server.sql("UPDATE source SET k = 5")
        self.assert_cut(3000, 2, table="source", key="k", size=100)
        self.server.sql("UPDATE source SET k = NULL")
        self.assertEqual(self.assert_cut(3000, 1, table="source", key="k", size=100), 1)

    def test_empty_tables_and_one_row(self):
        self.server.sql("CREATE TABLE source(id int PRIMARY KEY)")
        result = self.run_job(table="source")
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertEqual(json.loads(result.stdout)["slices"]["processed"], 0)
        self.server.sql("INSERT INTO source VALUES (5)")
        self.assertEqual(self.assert_cut(1, 1, table="source"), 1)

    def test_queries_views_conditions_and_fields(self):
        self.server.sql("""
          CREATE TABLE source AS SELECT n AS id, n % 5 AS g FROM generate_series(1, 1000) n; ALTER TABLE source ADD PRIMARY KEY (id);
          CREATE VIEW some_rows AS SELECT id * 2 AS twice FROM source WHERE g > 0;""")
        records, slices = self.read_table(query="SELECT id, g, id + 1 AS next FROM source WHERE g < 4 -- comment", key="next", size=100)
        self.assertEqual((len(records), slices), (800, 8))
        self.assertTrue(all(r["next"] == r["id"] + 1 for r in records))
        records, slices = self.read_table(query="SELECT count(*) AS n FROM source;")
        self.assertEqual((records, slices), ([{"n": 1000}], 1))
        records, slices = self.read_table(table="some_rows", key="twice", size=100)
        self.assertEqual((len(records), slices), (800, 8))
        records, slices = self.read_table(table="source", where="g = 1 -- one", fields=["g"], size=100)
        self.assertEqual((records, slices), ([{"g": 1}] * 200, 2))

    def test_mistakes_name_what_is_wrong(self):
        self.server.sql("CREATE TABLE source(id int PRIMARY KEY, a text, p point); INSERT INTO source VALUES (1, 'x');"
                        "CREATE USER nobody_much PASSWORD 'secret-of-nobody'; CREATE TABLE private(id int PRIMARY KEY);")
        for options, words in (
                ({"table": "sourc"}, 'relation "sourc" does not exist'), ({"table": "source", "fields": ["id", "b"]}, 'there is no column "b" in source; there are: id, a, p'),
                ({"table": "source", "key": "b"}, 'key: there is no column "b"'), ({"table": "source", "where": "id = = 1"}, "syntax error"),
                ({"query": "SELECT 1 AS a, 2 AS a"}, 'two columns are called "a"'), ({"table": "source", "key": "p"}, "could not identify"),
                ({"query": "SELECT 1/(id-1) AS x FROM source"}, "division by zero")):
            result = self.run_job(**options)
            self.assertEqual(result.returncode, FAILED, result.stderr)
            self.assertIn(words, result.stderr)
        for options, words in (({}, "give a table or a query"), ({"table": "a", "query": "b"}, "give a table or a query"), ({"table": "a.b.c"}, "TABLE or SCHEMA.TABLE"),
                               ({"table": "a", "key": ["x", "x"]}, "named twice"), ({"table": "a", "size": 0}, "size"), ({"table": "a", "_encoding": "raw"}, "_encoding")):
            result = self.run_job(**options)
            self.assertEqual(result.returncode, BAD_INPUT, result.stderr)
            self.assertIn(words, result.stderr)
        self.config = self.write_config({"type": "postgres", "url": self.server.url(user="nobody_much"), "password": "secret-of-nobody"})
        result = self.run_job(table="private")
        self.assertEqual(result.returncode, FAILED)
        self.assertIn("permission denied for table private", result.stderr)

    def test_a_snapshot_is_one_moment(self):
        self.server.sql("CREATE TABLE source AS SELECT n AS id, 0 AS v FROM generate_series(1, 1000) n; ALTER TABLE source ADD PRIMARY KEY (id)")
        master = self.start_master(arguments=("--config", self.config))
        ex_id = master.submit(self.table_job(table="source", size=10, snapshot=True, workers=1, processors=[{"_op": "delay", "ms": 20}]))["ex_id"]
        master.wait_for_processed(ex_id, 3)
        self.server.sql("UPDATE source SET v = 1; DELETE FROM source WHERE id % 2 = 0; INSERT INTO source VALUES (-5, 1)")
        master.wait_for_status(ex_id, "completed")
        self.assert_output([{"id": n, "v": 0} for n in range(1, 1001)])
        # It ends with the controller that has it: what is left fails, rather than to be of another moment.
        for file in self.output.iterdir():
            file.unlink()
        ex_id = master.submit(self.table_job(table="source", size=10, snapshot=True, workers=1, processors=[{"_op": "delay", "ms": 20}]))["ex_id"]
        master.wait_for_processed(ex_id, 3)
        master.kill_9("execution_controller", ex_id)
        document = master.wait_for_status(ex_id, "failed")
        self.assertIn("snapshot", json.dumps(document))


class Unavailable(WithServer):
    def test_a_server_that_is_down_is_a_clear_error(self):
        self.server.stop()
        result = self.run_job(table="t")
        self.assertEqual(result.returncode, FAILED)
        self.assertIn('connection "warehouse"', result.stderr)
        self.assertIn("Connection refused", result.stderr)

    def test_or_it_is_waited_for(self):
        self.server.sql("CREATE TABLE source AS SELECT n AS id FROM generate_series(1, 500) n; ALTER TABLE source ADD PRIMARY KEY (id)")
        self.server.stop()
        master = self.start_master(arguments=("--config", self.config))
        ex_id = master.submit(self.table_job(table="source", size=100, on_unavailable="wait"))["ex_id"]

        def explained():
            return "Connection refused" in self.slicemill("explain", ex_id, "--master", master.url).stdout

        wait_until(explained, "`explain` to say what is waited for")
        self.server.start()
        master.wait_for_status(ex_id, "completed")
        self.assert_output([{"id": n} for n in range(1, 501)])

    def test_a_statement_that_takes_too_long_is_given_up(self):
        self.config = self.write_config(self.connection(statement_timeout="200ms"))
        self.server.sql("CREATE TABLE source AS SELECT 1 AS id")
        result = self.run_job(query="SELECT id, pg_sleep(60)::text AS s FROM source")
        self.assertEqual(result.returncode, FAILED)
        self.assertIn("statement timeout", result.stderr)

    def test_a_stop_cancels_what_the_server_does(self):
        self.server.sql("CREATE TABLE source AS SELECT 1 AS id")
        master = self.start_master(arguments=("--config", self.config))
        ex_id = master.submit(self.table_job(query="SELECT id, pg_sleep(600)::text AS s FROM source"))["ex_id"]
        active = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'COPY%'"
        wait_until(lambda: self.server.sql(active) == "1", "the COPY to run")
        master.post(f"/ex/{ex_id}/_stop?timeout=500")
        master.wait_for_status(ex_id, "stopped")
        wait_until(lambda: self.server.sql(active) == "0", "the COPY to be cancelled")


class Kills(WithServer):
    ROWS = 200_000

    def test_every_row_once_while_worker_controller_and_server_die(self):
        self.server.sql(f"""
          CREATE TABLE source AS SELECT (CASE WHEN n % 2 = 0 THEN n ELSE n::bigint * 100003 END) AS id, md5(n::text) AS t, n::numeric / 7 AS v
            FROM generate_series(1, {self.ROWS}) n;
          ALTER TABLE source ADD PRIMARY KEY (id);""")
        master = self.start_master(arguments=("--config", self.config))
        ex_id = master.submit(self.table_job(table="source", size=1000, on_unavailable="wait", workers=3, max_retries=20,
                                             processors=[{"_op": "delay", "ms": 60}]))["ex_id"]
        master.wait_for_processed(ex_id, 10)
        master.kill_9("worker", ex_id)
        master.wait_for_processed(ex_id, 40)
        self.server.kill()
        self.server.start()
        master.wait_for_processed(ex_id, 70)
        master.kill_9("execution_controller", ex_id)
        master.wait_for_processed(ex_id, 100)
        self.server.stop()
        master.kill_9("worker", ex_id)
        master.kill_9("execution_controller", ex_id)
        self.server.start()
        document = master.wait_for_status(ex_id, "completed")
        self.assertEqual((document["_slicer_stats"]["processed"], document["_slicer_stats"]["failed"]), (200, 0))
        self.assert_verified(ex_id, master)
        lines = sorted(line for file in self.output.iterdir() if not file.name.startswith(".") for line in file.read_text().splitlines())
        self.assertEqual(len(lines), self.ROWS)
        self.assertEqual(len(set(lines)), self.ROWS)
        ids = {json.loads(line)["id"] for line in lines}
        self.assertEqual(ids, {n if n % 2 == 0 else n * 100003 for n in range(1, self.ROWS + 1)})


if __name__ == "__main__":
    unittest.main()
