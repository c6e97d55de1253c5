"""csv from end to end: the columns of what many slices write, rows that are none, compressed tables."""

import csv
import gzip
import json
import unittest

from harness import FAILED, OK, EndToEnd


class Tables(EndToEnd):
    def run_job(self, job, *arguments):
        path = self.directory / "job.json"
        path.write_text(json.dumps(job))
        return self.slicemill("run", path, "--data", self.data, *arguments)

    def completed(self, job, *arguments):
        result = self.run_job(job, *arguments)
        self.assertEqual(result.returncode, OK, result.stderr)
        return result

    def write_json(self, name, document):
        path = self.directory / name
        path.write_text(json.dumps(document))
        return path

    def write_swapped(self, files):
        """Files of one record each; every other one names its members in another order."""
        (self.directory / "in").mkdir()
        for n in range(files):
            members = [("id", n), ("name", f"n{n}"), ("note", None)]
            record = dict(reversed(members) if n % 2 else members)
            (self.directory / "in" / f"{n:03}.ldjson").write_text(json.dumps(record) + "\n")

    def rows(self):
        found = []
        for file in sorted(self.output.iterdir()):
            if not file.name.startswith("."):
                with file.open(newline="") as opened:
                    found += list(csv.reader(opened))
        return found

    def only_ex_id(self):
        ex_id, = [entry.name for entry in (self.data / "ledgers").iterdir()]
        return ex_id

    def assert_one_order(self, rows, count):
        self.assertEqual(len(rows), count)
        id_at = next(at for at, cell in enumerate(rows[0]) if cell.isdigit())
        for row in rows:
            self.assertEqual(row[2 - id_at], "", rows)
            self.assertEqual(row[1], "n" + row[id_at], rows)

    def test_all_slices_write_the_same_columns(self):
        self.write_swapped(40)
        self.completed(self.job(self.directory / "in", workers=3, sender={"format": "csv"}))
        self.assert_one_order(self.rows(), 40)
        self.assertFalse((self.output / ".slicemill").exists())

    def test_a_joined_table_has_one_header(self):
        self.write_swapped(40)
        target = self.directory / "table.csv.gz"
        job = self.job(self.directory / "in", workers=3,
                       sender={"format": "csv", "path": str(target), "single_file": True, "include_header": True})
        self.completed(job)
        with gzip.open(target, "rt", newline="") as opened:
            rows = list(csv.DictReader(opened))
        self.assertEqual(rows, [{"id": str(n), "name": f"n{n}", "note": ""} for n in range(40)])
        self.assert_verified(self.only_ex_id())

    def test_a_resumed_run_writes_the_columns_of_the_first(self):
        self.write_swapped(6)
        bad = self.directory / "in" / "003.ldjson"
        script = {"_op": "script", "command": "/bin/sh",
                  "args": ["-c", f"awk '/\"id\": ?3[,}}]/ {{ if (system(\"test -e {self.directory}/mended\")) exit 1 }} {{ print }}'"]}
        self.assertTrue(bad.exists())
        job = self.job(self.directory / "in", workers=1, max_retries=0, processors=[script], sender={"format": "csv"})
        self.assertEqual(self.run_job(job).returncode, FAILED)
        self.assert_one_order(self.rows(), 5)
        (self.directory / "mended").touch()
        resumed = self.slicemill("run", "--resume", self.only_ex_id(), "--data", self.data)
        self.assertEqual(resumed.returncode, OK, resumed.stderr)
        self.assert_one_order(self.rows(), 6)
        self.assertFalse((self.output / ".slicemill").exists())

    def test_a_copy_keeps_every_column(self):
        source = self.directory / "in.csv"
        source.write_text("id,name,city\n1,,\n2,,K\u00f6ln\n3,,\n")
        processors = [{"_op": "noop"}, {"_op": "collect", "size": 2, "wait": 1}, {"_op": "selection", "fields": ["city", "name", "id"]}]
        self.completed(self.job(source, processors=processors, reader={"format": "csv", "size": 8},
                                sender={"format": "csv", "include_header": True}))
        rows = [row for row in self.rows() if row[0] != "city"]
        self.assertEqual(rows, [["", "", "1"], ["K\u00f6ln", "", "2"], ["", "", "3"]])
        for file in self.output.iterdir():
            self.assertTrue(file.read_text().startswith("city,name,id\n"), file.read_text())

    def test_a_typed_copy_is_the_same_table(self):
        source = self.directory / "in.csv"
        text = "id,amount,at,ok,note\n1,1.50,2024-01-31,true,\n2,,,,\"x,y\"\n-3,20,2024-02-29T12:00Z,false,007\n"
        source.write_text(text)
        for number, types in enumerate(["infer", {"id": "integer", "amount": "decimal", "at": "date", "ok": "boolean"}]):
            self.output = self.directory / f"out{number}"
            self.completed(self.job(source, reader={"format": "csv", "types": types}, sender={"format": "csv", "include_header": True}))
            copy, = [file for file in self.output.iterdir() if not file.name.startswith(".")]
            self.assertEqual(copy.read_text(), text)

    def test_typed_values_are_filtered(self):
        source = self.directory / "in.csv"
        source.write_text("n;at;v\n1;31.01.2024;1.234,5\n2;01.02.2024;49,99\n3;;\n")
        reader = {"format": "csv", "field_delimiter": ";", "types": {"v": "decimal", "at": "date"}, "decimal_separator": ",",
                  "thousands_separator": ".", "date_format": "%d.%m.%Y"}
        self.completed(self.job(source, processors=[{"_op": "filter", "field": "v", "min": 50}], reader=reader))
        self.assertEqual(self.read_output(), [{"n": "1", "at": "2024-01-31", "v": 1234.5}])

    def test_inferred_types_hold_for_recoveries_and_can_be_overridden(self):
        source = self.directory / "in.csv"
        source.write_text("zip,n\n" + "10115,1\n" * 1200 + "01067,2\n")
        job = self.job(source, workers=1, max_retries=0, reader={"format": "csv", "size": 4000, "types": "infer"})
        validated = self.slicemill("validate", self.write_json("job.json", job))
        self.assertIn("types of columns: zip: integer, n: integer; inferred from 1000 rows", validated.stdout)
        failed = self.run_job(job)
        self.assertEqual(failed.returncode, FAILED)
        self.assertIn("types of columns: zip: integer, n: integer", failed.stderr)
        self.assertRegex(failed.stderr, r'in\.csv: line 1202, column 1, byte \d+: "01067" is no integer, which was inferred')
        done = len(self.read_output())
        self.assertGreater(done, 0)
        resumed = self.slicemill("run", "--resume", self.only_ex_id(), "--data", self.data)
        self.assertEqual(resumed.returncode, FAILED, "the type is settled")
        self.assertIn("which was inferred", resumed.stderr)
        job["operations"][0]["types"] = {"*": "infer", "zip": "text"}
        self.output = self.directory / "again"
        job["operations"][-1]["path"] = str(self.output)
        self.completed(job)
        self.assertEqual(self.read_output()[-1], {"zip": "01067", "n": 2})

    def test_a_cell_that_does_not_fit_is_quarantined(self):
        source = self.directory / "in.csv"
        source.write_text("id,n\n1,5\n2,five\n3,6\n")
        reader = {"format": "csv", "types": {"n": "integer"}, "_dead_letter_action": "quarantine"}
        self.completed(self.job(source, reader=reader))
        self.assertEqual(self.read_output(), [{"id": "1", "n": 5}, {"id": "3", "n": 6}])
        listed = self.slicemill("quarantine", self.only_ex_id(), "--data", self.data)
        record = json.loads(listed.stdout)
        self.assertIn('"five" is no integer', record["error"])
        self.assertIn("line 3, byte 9", record["place"])

    def test_a_member_without_a_column_is_an_error(self):
        source = self.directory / "in.ldjson"
        source.write_text('{"a":1}\n{"a":2,"b":3}\n')
        result = self.run_job(self.job(source, max_retries=0, sender={"format": "csv"}))
        self.assertEqual(result.returncode, FAILED)
        self.assertIn('record 2: a member, "b", is not among the columns', result.stderr)

    def test_quarantined_rows_run_again(self):
        source = self.directory / "in.csv"
        source.write_text("".join(f"{n},n{n}{',x' if n % 10 == 3 else ''}\r" for n in range(50)))
        reader = {"format": "csv", "fields": ["id", "name"], "size": 60, "_dead_letter_action": "quarantine"}
        self.completed(self.job(source, reader=reader, sender={"format": "csv", "line_delimiter": "\r\n"}))
        good = [[str(n), f"n{n}"] for n in range(50) if n % 10 != 3]
        self.assertEqual(self.rows(), good)
        listed = self.slicemill("quarantine", self.only_ex_id(), "--data", self.data)
        bad = [json.loads(line) for line in listed.stdout.splitlines()]
        self.assertEqual([row["bytes"] for row in bad], [f"{n},n{n},x" for n in range(3, 50, 10)])
        self.assertIn(f"in.csv: line 14, byte {sum(len(f'{n},n{n}') + 1 for n in range(13)) + 2}", bad[1]["place"])
        mended = self.directory / "mended.json"
        reader["fields"] = ["name", "id", "more"]  # the order of the first execution's columns stays
        selection = {"_op": "selection", "fields": {"name": "id", "id": "name"}}
        mended.write_text(json.dumps(self.job(source, processors=[selection], reader=reader, sender={"format": "csv"})))
        redriven = self.slicemill("quarantine", self.only_ex_id(), "--redrive", "--job", mended, "--data", self.data)
        self.assertEqual(redriven.returncode, OK, redriven.stderr)
        self.assertEqual(sorted(self.rows(), key=lambda row: int(row[0])), [[str(n), f"n{n}"] for n in range(50)])


if __name__ == "__main__":
    unittest.main()
