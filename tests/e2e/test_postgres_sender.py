"""PostgreSQL as a target, on a real server: types, tables that are made, upserts, bad rows, mistakes, a server that is away, and claims."""

import json
import unittest

from harness import BAD_INPUT, FAILED, OK, EndToEnd, record, records, wait_until
from postgres_server import PASSWORD, PostgresServer


class WithTarget(EndToEnd):
    def setUp(self):
        super().setUp()
        self.server = PostgresServer(self)
        self.config = self.write_config()

    def write_config(self, url=None, **settings):
        path = self.directory / "slicemill.yaml"
        path.write_text(json.dumps({"connections": {"target": {
            "type": "postgres", "url": url or self.server.url(), "password": PASSWORD, **settings}}}))
        path.chmod(0o600)
        return path

    def sender(self, **options):
        return {"_op": "postgres_sender", "_connection": "target", "table": "rows", **options}

    def table_job(self, given, *, processors=(), workers=2, size=4000, top=None, reader=None, **options):
        path = given
        if isinstance(given, list):
            path = self.directory / "given.ldjson"
            path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in given))
        source = reader or {"_op": "file_reader", "path": str(path), "format": "ldjson", "size": size}
        return {"name": self.id().rpartition(".")[2], "lifecycle": "once", "workers": workers,
                "operations": [source, *processors, self.sender(**options)], **(top or {})}

    def run_job(self, given, **options):
        path = self.directory / "job.json"
        path.write_text(json.dumps(self.table_job(given, **options)))
        return self.slicemill("run", path, "--data", self.data, "--config", self.config, "--summary", "json", "-q")

    def write_rows(self, given, **options):
        result = self.run_job(given, **options)
        self.assertEqual(result.returncode, OK, result.stdout + result.stderr)
        return json.loads(result.stdout)

    def rows(self, what="*", table="rows", order="1"):
        text = self.server.sql(f"SELECT coalesce(json_agg(t), '[]') FROM (SELECT {what} FROM {table} ORDER BY {order}) t")
        return json.loads(text)

    def verify(self, ex_id="last", code=OK):
        result = self.slicemill("verify", ex_id, "--data", self.data, environment={"SLICEMILL_CONFIG": str(self.config)})
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout


TYPES = (
    ("boolean", "true"), ("smallint", "-32768"), ("integer", "2147483647"), ("bigint", "-9223372036854775808"), ("numeric", "123456789012345678901234567890.000123"),
    ("numeric", "NaN"), ("numeric", "-0.00"), ("real", "0.1"), ("double precision", "-2.5e-308"), ("double precision", "NaN"), ("double precision", "-Infinity"),
    ("money", "12.34"), ("text", "tab\tline\nreturn\rback\\slash \\N \\. \"quotes\" 'single' Ä 😀"), ("text", ""), ("varchar(5)", "abcde"), ("char(5)", "ab"),
    ("bytea", "\\x00ff5c"), ("bytea", "\\x"), ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), ("json", '{"a": [1, "x\\\\ny"]}'), ("jsonb", '{"a": [1, "\\\\"], "b": null}'),
    ("jsonb", '"text"'), ("date", "2024-02-29"), ("date", "0044-03-15 BC"), ("date", "infinity"), ("date", "12024-01-01"), ("timestamp", "2024-02-29 23:59:59.999999"),
    ("timestamp", "0001-01-01 00:00:00 BC"), ("timestamptz", "2024-02-29 23:59:59.5+05:30"), ("timestamptz", "-infinity"), ("timestamptz", "20000-01-01 00:00:00Z"),
    ("time", "23:59:59.000001"), ("timetz", "23:59:59+02"), ("interval", "1 year 2 mons 3 days 04:05:06.7"), ("inet", "10.0.0.1/8"), ("point", "(1,2)"),
    ("int4range", "[1,5)"), ("bit(3)", "101"), ("mood", "ok"), ("positive", "7"), ("blob", "\\x01"), ("int[]", "{1,NULL,3}"), ("int[]", "{}"), ("int[]", "{{1,2},{3,4}}"),
    ("text[]", '{"a,b","c\\\\d","","NULL",NULL,"x\\"y","{"}'), ("bytea[]", '{"\\\\x01","\\\\x"}'), ("jsonb[]", '{"{\\"a\\": 1}","[2]"}'), ("date[]", "{2024-01-01,infinity}"),
    ("boolean[]", "{t,f}"), ("numeric[]", "{1.50,NaN}"), ("tsvector", "'a':1 'b'"), ("xml", "<a>b</a>"),
)


class Values(WithTarget):
    def test_every_type_comes_back_as_it_was(self):
        columns = ", ".join(f'"c{n}" {kind}' for n, (kind, _) in enumerate(TYPES))
        values = ", ".join("'" + value.replace("'", "''") + f"'::{kind}" for kind, value in TYPES)
        self.server.sql("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN positive AS int CHECK (value > 0); CREATE DOMAIN blob0 AS bytea; CREATE DOMAIN blob AS blob0;"
                        f"CREATE TABLE source(id int PRIMARY KEY, {columns}); INSERT INTO source VALUES (1, {values}); INSERT INTO source(id) VALUES (2);"
                        "CREATE TABLE rows (LIKE source INCLUDING ALL)")
        for mode in ({}, {"mode": "upsert", "key": "id"}, {"mode": "upsert", "key": "id"}):
            self.write_rows(None, reader={"_op": "postgres_reader", "_connection": "target", "table": "source"}, **mode)
            for n, (kind, value) in enumerate(TYPES):
                same = f"SELECT count(*) FROM source s JOIN rows t USING (id) WHERE s.c{n}::text IS NOT DISTINCT FROM t.c{n}::text"
                with self.subTest(type=kind, value=value):
                    self.assertEqual(self.server.sql(same), "2")
            self.assertEqual(self.server.sql("SELECT count(*) FROM rows"), "2")
            if not mode:
                self.server.sql("DELETE FROM rows")

    def test_names_and_order_of_fields_do_not_matter(self):
        self.server.sql('CREATE SCHEMA "My.S"; CREATE TABLE "My.S"."T""x"("a""b\\c" int, "Ä" text, id int)')
        self.write_rows(['{"id":1,"Ä":"x","a\\"b\\\\c":5}', '{"a\\"b\\\\c":6,"id":2,"\\u00c4":"y"}', '{"id":7,"id":3}'], table='"My.S"."T""x"')
        self.assertEqual(self.server.sql('SELECT json_agg(t ORDER BY id) FROM "My.S"."T""x" t').replace("\n", ""),
                         '[{"a\\"b\\\\c":5,"Ä":"x","id":1},  {"a\\"b\\\\c":6,"Ä":"y","id":2},  {"a\\"b\\\\c":null,"Ä":null,"id":3}]')
        self.assertIn("1 of 1 outputs match", self.verify())

    def test_missing_fields_are_defaults_or_null(self):
        self.server.sql("CREATE TABLE rows(id serial, a int DEFAULT 7, b text, c text DEFAULT 'x' NOT NULL, g int GENERATED ALWAYS AS (a * 2) STORED)")
        self.write_rows([{"id": 1}, {"id": 2, "a": None, "b": "y"}, {"id": 3, "c": "z"}, {"id": 4, "a": 1}])
        self.assertEqual(self.rows(), [{"id": 1, "a": 7, "b": None, "c": "x", "g": 14}, {"id": 2, "a": None, "b": "y", "c": "x", "g": None},
                                       {"id": 3, "a": 7, "b": None, "c": "z", "g": 14}, {"id": 4, "a": 1, "b": None, "c": "x", "g": 2}])
        result = self.run_job([{"id": 5, "g": 1}])
        self.assertEqual(result.returncode, FAILED)
        self.assertIn('field "g": the database computes this column', result.stderr)

    def test_bad_values_name_column_and_record(self):
        self.server.sql("CREATE TABLE rows(id int, n int CHECK (n < 100), t varchar(3), b bytea, j jsonb, p point, u int UNIQUE, r int NOT NULL DEFAULT 0)")
        for bad, words in (({"n": "x"}, ['invalid input syntax for type integer: "x"', "column n"]), ({"n": 1.5}, ["column n"]), ({"n": 3e12}, ["column n"]),
                           ({"n": 100}, ["rows_n_check"]), ({"t": "abcd"}, ["value too long", "column t"]), ({"t": "a\0b"}, ['column "t"', "NUL"]),
                           ({"b": "?"}, ['column "b"', "base64"]), ({"b": 1}, ['column "b"']), ({"p": [1, 2]}, ['column "p"', "does not fit"]),
                           ({"j": "a\0b"}, ["column j"]), ({"u": 1}, ["rows_u_key"]), ({"r": None}, ['"r"']), ({"z": 1}, ['field "z" has no column']), ([1], ["not a JSON object"]),
                           ('{"t":"\\ud83d"}', ['column "t"', "surrogate"])):
            with self.subTest(bad=bad):
                self.server.sql("TRUNCATE rows; TRUNCATE slicemill_claims" if self.server.sql("SELECT to_regclass('slicemill_claims')") else "TRUNCATE rows")
                line = bad if isinstance(bad, str) else json.dumps({"id": 77, **bad} if isinstance(bad, dict) else bad)
                given = [{"id": 1, "u": 1}, *({"id": n} for n in range(2, 60)), line, {"id": 78}]
                result = self.run_job(given, size=1_000_000)
                self.assertEqual(result.returncode, FAILED, result.stdout)
                for word in words:
                    self.assertIn(word, result.stderr)
                if isinstance(bad, dict):
                    self.assertIn('"id":77' if isinstance(bad, str) else '"id": 77', result.stderr.replace('\\"', '"'))
                self.assertEqual(self.rows("count(*) AS n"), [{"n": 0}], "a slice is written whole or not at all")

    def test_bad_rows_are_quarantined_or_dropped_and_the_others_written(self):
        self.server.sql("CREATE TABLE rows(id int PRIMARY KEY, n int CHECK (n < 100))")
        given = [{"id": n, "n": 200 if n % 50 == 7 else n % 100} for n in range(400)] + [{"id": 1000, "x": 1}, {"id": 1001, "n": "q"}]
        bad = {n for n in range(400) if n % 50 == 7} | {1000, 1001}
        self.write_rows(given, _dead_letter_action="none")
        self.assertEqual({r["id"] for r in self.rows()}, {r["id"] for r in given} - bad)
        self.assertIn("0 missing, 0 altered, 0 extra", self.verify())
        self.server.sql("TRUNCATE rows")
        summary = self.write_rows(given, _dead_letter_action="quarantine")
        self.assertEqual(summary["quarantined"], len(bad), summary)
        self.assertEqual({r["id"] for r in self.rows()}, {r["id"] for r in given} - bad)
        # Mended, they are written by a redrive.
        self.server.sql("ALTER TABLE rows DROP CONSTRAINT rows_n_check, ADD COLUMN x int, ALTER n TYPE text")
        result = self.slicemill("quarantine", "last", "--redrive", "--data", self.data, environment={"SLICEMILL_CONFIG": str(self.config)})
        self.assertEqual(result.returncode, OK, result.stdout + result.stderr)
        self.assertEqual({r["id"] for r in self.rows()}, {r["id"] for r in given})
        self.assertIn("0 missing, 0 altered, 0 extra", self.verify())

    def test_slices_longer_than_a_part_are_one_transaction(self):
        self.server.sql("CREATE TABLE rows(id int PRIMARY KEY, t text)")
        given = [{"id": n, "t": "x" * 100_000} for n in range(300)]
        self.write_rows(given, size=1_000_000_000)
        self.assertEqual(self.rows("count(*) AS n, sum(length(t)) AS s"), [{"n": 300, "s": 30_000_000}])
        self.server.sql("TRUNCATE rows")
        result = self.run_job([*given, {"id": "bad"}], size=1_000_000_000)
        self.assertEqual(result.returncode, FAILED)
        self.assertEqual(self.rows("count(*) AS n"), [{"n": 0}])


class Tables(WithTarget):
    def test_a_table_is_made_from_the_first_slice_by_many_workers(self):
        given = [{"id": n, "price": n / 7, "big": 10**25 + n, "ok": n % 2 == 0, "name": f"n{n}", "tags": ["a", n], "none": None, "mixed": n if n % 2 else "x"} for n in range(2000)]
        self.write_rows(given, create_table=True, workers=4, size=2000, key=["id"])
        types = self.server.sql("SELECT string_agg(attname || ':' || format_type(atttypid, -1), ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'rows'::regclass AND attnum > 0")
        self.assertEqual(types, "id:bigint price:numeric big:numeric ok:boolean name:text tags:jsonb none:text mixed:jsonb")
        self.assertEqual(self.rows("id, big::text, tags, mixed", order="id"),
                         [{"id": r["id"], "big": str(r["big"]), "tags": r["tags"], "mixed": r["mixed"]} for r in given])
        self.assertIn("0 missing, 0 altered, 0 extra", self.verify())

    def test_or_from_columns_of_the_job(self):
        self.write_rows([{"id": 1, "at": "2024-01-01T00:00:00Z"}], create_table=True, columns={"id": "bigint", "at": "timestamptz", "more": "text DEFAULT 'm'"}, key="id")
        self.assertEqual(self.rows("id, at, more"), [{"id": 1, "at": "2024-01-01T00:00:00+00:00", "more": "m"}])
        self.server.sql("ALTER TABLE rows DROP COLUMN at")
        result = self.run_job([{"id": 2}], create_table=True, columns={"id": "bigint", "at": "timestamptz"})
        self.assertEqual(result.returncode, FAILED)
        self.assertIn('exists, and has no column "at"; there are: id, more', result.stderr)
        self.assertEqual(self.rows("count(*) AS n"), [{"n": 1}])

    def test_upserts_change_rows_and_the_last_record_of_a_key_counts(self):
        self.server.sql("CREATE TABLE rows(a int, b text, v int, w text DEFAULT 'w', PRIMARY KEY (a, b)); INSERT INTO rows VALUES (1, 'x', 1, 'kept'), (9, 'z', 9, 'z')")
        given = [{"a": 1, "b": "x", "v": 2}, {"a": 2, "b": "y", "v": 1, "w": "first"}, {"a": 2, "b": "y", "v": 3}, {"a": 2, "b": "y", "w": "last"}, {"a": 3, "b": "q", "v": 1},
                 {"a": 3, "b": "q", "v": 2}]
        for _ in range(2):
            self.write_rows(given, mode="upsert", key=["b", "a"])
            self.assertEqual(self.rows(), [{"a": 1, "b": "x", "v": 2, "w": "kept"}, {"a": 2, "b": "y", "v": 3, "w": "last"}, {"a": 3, "b": "q", "v": 2, "w": "w"},
                                           {"a": 9, "b": "z", "v": 9, "w": "z"}])
        result = self.run_job([{"a": 1, "v": 2}], mode="upsert", key=["b", "a"])
        self.assertEqual(result.returncode, FAILED)
        self.assertIn('field "b" is a part of the key', result.stderr)

    def test_many_workers_upsert_the_same_rows(self):
        self.server.sql("CREATE TABLE rows(id int PRIMARY KEY, v int)")
        self.write_rows([{"id": (n * 7919) % 50, "v": n} for n in range(5000)], mode="upsert", key="id", workers=4, size=1000)
        self.assertEqual(self.rows("count(*) AS n"), [{"n": 50}])
        self.assertIn("0 missing, 0 altered, 0 extra", self.verify())

    def test_mistakes_are_told_before_the_first_slice(self):
        self.server.sql("CREATE TABLE rows(id int, v int, CONSTRAINT one UNIQUE (v)); CREATE USER reader_only PASSWORD 'pw-of-reader'; GRANT CREATE, USAGE ON SCHEMA public TO reader_only;"
                        "CREATE USER maker PASSWORD 'pw-of-maker'; CREATE SCHEMA closed; CREATE TABLE closed.rows(id int); GRANT USAGE ON SCHEMA closed TO maker; GRANT INSERT ON closed.rows TO maker")
        for options, words in (({"table": "nowhere"}, 'there is no table "nowhere"; `create_table: true` makes it'), ({"table": "no.rows"}, 'there is no table "no"."rows"'),
                               ({"mode": "upsert", "key": "id"}, 'has no unique constraint on (id)'), ({"mode": "upsert", "key": "x"}, 'no column "x" in "public"."rows"; there are: id, v')):
            result = self.run_job([{"id": 1}], **options)
            self.assertEqual(result.returncode, FAILED, result.stdout)
            self.assertIn(words, result.stderr)
            self.assertEqual(json.loads(result.stdout)["slices"]["processed"], 0)
        for options, words in (({"mode": "upsert"}, "key: mode upsert needs"), ({"key": "id"}, "key: it is for mode upsert"), ({"columns": {"a": "int"}}, "columns: they are those of a table that is made"),
                               ({"create_table": True, "columns": {"a": 1}}, 'columns: "a" needs the name of a type'), ({"table": "a.b.c"}, "TABLE or SCHEMA.TABLE"), ({"mode": "x"}, "mode"),
                               ({"_encoding": "raw"}, "_encoding")):
            result = self.run_job([{"id": 1}], **options)
            self.assertEqual(result.returncode, BAD_INPUT, result.stderr)
            self.assertIn(words, result.stderr)
        self.config = self.write_config(self.server.url(user="reader_only"), password="pw-of-reader")
        self.assertIn("the user may not insert into", self.run_job([{"id": 1}]).stderr)
        self.config = self.write_config(self.server.url(user="maker"), password="pw-of-maker")
        self.assertIn("made by: CREATE TABLE IF NOT EXISTS \"closed\".\"slicemill_claims\"", self.run_job([{"id": 1}], table="closed.rows").stderr)

    def test_other_encodings(self):
        self.server.sql("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
        self.server.sql("CREATE TABLE rows(id int, a text)", database="latin")
        self.config = self.write_config(self.server.url(database="latin"))
        self.write_rows([{"id": 1, "a": "Müller ÿ"}])
        self.assertEqual(self.server.sql("SELECT a FROM rows", database="latin"), "Müller ÿ")
        result = self.run_job([{"id": 2, "a": "日本"}])
        self.assertEqual(result.returncode, FAILED)
        self.assertIn("has no equivalent in encoding", result.stderr)


class Claims(WithTarget):
    def test_verify_compares_claims_with_the_ledger(self):
        self.server.sql("CREATE TABLE rows(id int, \"group\" int, text text)")
        self.write_rows(self.write_input(records=400))
        slices = int(self.server.sql("SELECT count(*) FROM slicemill_claims WHERE NOT void"))
        self.assertGreater(slices, 5)
        self.assertEqual(self.server.sql("SELECT sum(records) FROM slicemill_claims"), "400")
        self.assertIn(f"{slices} of {slices} outputs match the ledger (400 records", self.verify())
        self.server.sql("UPDATE slicemill_claims SET records = 1 WHERE slice = (SELECT min(slice) FROM slicemill_claims);"
                        "DELETE FROM slicemill_claims WHERE slice = (SELECT max(slice) FROM slicemill_claims);"
                        "INSERT INTO slicemill_claims SELECT lineage, sink, 'other', false, epoch, attempt, execution FROM slicemill_claims LIMIT 1")
        said = self.verify(code=FAILED)
        self.assertIn("1 missing, 1 altered, 1 extra", said)
        self.assertIn('extra: slice other in "public"."slicemill_claims"', said)

    def test_slices_without_records_are_claimed_too(self):
        self.server.sql("CREATE TABLE rows(id int, \"group\" int, text text)")
        self.write_rows(self.write_input(records=200), processors=[{"_op": "filter", "field": "id", "max": 10}])
        self.assertEqual(self.rows("count(*) AS n"), [{"n": 11}])
        self.assertIn("0 missing, 0 altered, 0 extra", self.verify())

    def test_a_graph_with_a_table_and_a_file(self):
        self.server.sql("CREATE TABLE rows(id int, \"group\" int, text text); CREATE TABLE other(id int)")
        path = self.write_input(records=300)
        job = {"name": "graph", "workers": 2,
               "sources": [{"id": "read", "_op": "file_reader", "path": str(path), "format": "ldjson", "size": 4000}],
               "transforms": [{"id": "ids", "from": "read", "_op": "selection", "fields": ["id"]}],
               "sinks": [{"id": "table", "from": "read", **self.sender()}, {"id": "other", "from": "ids", **self.sender(table="other")},
                         {"id": "file", "from": "read", "_op": "file_exporter", "path": str(self.output), "format": "ldjson"}]}
        (self.directory / "job.json").write_text(json.dumps(job))
        result = self.slicemill("run", self.directory / "job.json", "--data", self.data, "--config", self.config, "-q")
        self.assertEqual(result.returncode, OK, result.stdout + result.stderr)
        self.assert_output(records(300))
        self.assertEqual(self.rows(order="id"), records(300))
        self.assertEqual(self.rows(table="other"), [{"id": n} for n in range(300)])
        self.assertIn("0 missing, 0 altered, 0 extra", self.verify())


class Unavailable(WithTarget):
    def test_a_server_that_is_down_is_a_clear_error(self):
        self.server.stop()
        result = self.run_job([{"id": 1}])
        self.assertEqual(result.returncode, FAILED)
        self.assertIn('connection "target"', result.stderr)
        self.assertIn("Connection refused", result.stderr)

    def test_or_it_is_waited_for_at_the_start_and_in_the_middle(self):
        self.server.sql("CREATE TABLE rows(id int, \"group\" int, text text)")
        path = self.write_input(records=1000)
        self.server.stop()
        master = self.start_master(arguments=("--config", self.config))
        ex_id = master.submit(self.table_job(path, processors=[{"_op": "delay", "ms": 50}], on_unavailable="wait"))["ex_id"]
        explained = lambda: "Connection refused" in self.slicemill("explain", ex_id, "--master", master.url).stdout
        wait_until(explained, "`explain` to say what is waited for")
        self.server.start()
        master.wait_for_processed(ex_id, 5)
        self.server.stop()
        wait_until(explained, "`explain` to say what is waited for")
        self.server.start()
        master.wait_for_status(ex_id, "completed")
        self.assertEqual(self.rows(order="id"), [record(n) for n in range(1000)])

    def test_the_secret_is_in_no_document_or_log(self):
        self.server.sql("CREATE TABLE rows(id int, \"group\" int, text text)")
        master = self.start_master(arguments=("--config", self.config))
        ex_id = master.submit(self.table_job(self.write_input(records=100)))["ex_id"]
        document = master.wait_for_status(ex_id, "completed")
        self.assertNotIn(PASSWORD, json.dumps(document))
        for file in self.data.rglob("*"):
            if file.is_file():
                self.assertNotIn(PASSWORD.encode(), file.read_bytes(), str(file))
        result = self.slicemill("verify", ex_id, "--master", master.url, "--config", self.config)
        self.assertEqual(result.returncode, OK, result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main()
