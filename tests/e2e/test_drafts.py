"""What helps to write a job: `slicemill schema` for editors, `slicemill init` for a first one."""

import gzip
import json
import pathlib
import re
import subprocess
import unittest

from harness import BAD_INPUT, OK, SLICEMILL, EndToEnd

ROOT = pathlib.Path(__file__).parents[2]
# Debian's interpreter has the validator; reads {"schema": ..., "jobs": {name: job}}, writes {name: [path of each error]}.
VALIDATE = """
import json, sys
from jsonschema import Draft202012Validator
given = json.load(sys.stdin)
Draft202012Validator.check_schema(given["schema"])
validator = Draft202012Validator(given["schema"])
json.dump({name: [f"{list(e.absolute_path)}: {e.message}" for e in validator.iter_errors(job)] for name, job in given["jobs"].items()}, sys.stdout)
"""


class Drafts(EndToEnd):
    def schema(self):
        result = self.slicemill("schema")
        self.assertEqual(result.returncode, OK, result.stderr)
        return json.loads(result.stdout)

    def errors(self, jobs):
        done = subprocess.run(["/usr/bin/python3", "-c", VALIDATE], input=json.dumps({"schema": self.schema(), "jobs": jobs}),
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def as_json(self, text):
        """YAML by the program itself would need a job; Debian's interpreter has a parser."""
        done = subprocess.run(["/usr/bin/python3", "-c", "import json,sys,yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)"],
                              input=text, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    # ---- schema ----

    def test_every_job_of_examples_and_documents_is_good(self):
        jobs = {}
        for file in sorted((ROOT / "examples").glob("*.json")) + sorted((ROOT / "examples").glob("*.yaml")):
            jobs[file.name] = self.as_json(file.read_text())
        for document in sorted((ROOT / "docs").glob("*.md")):
            for number, (kind, text) in enumerate(re.findall(r"^```(json|yaml)[^\n]*\n(.*?)^```", document.read_text(), re.S | re.M)):
                if re.match(r'\s*(\{|name:|operations:)', text) and re.search(r'^[ {]*"?operations"?:', text, re.M):
                    jobs[f"{document.name} {number}"] = self.as_json(text)
        self.assertGreater(len(jobs), 6)
        self.assertEqual({name: found for name, found in self.errors(jobs).items() if found}, {})

    def test_what_is_wrong_is_found(self):
        reader = {"_op": "file_reader", "path": "/in", "format": "csv"}
        sender = {"_op": "file_exporter", "path": "/out"}
        good = {"operations": [reader, {"_op": "filter", "field": "a", "min": 1}, sender]}
        wrong = {
            "field": {**good, "wokers": 3},
            "type": {**good, "workers": "many"},
            "option": {"operations": [{**reader, "fromat": "csv"}, sender]},
            "choice": {"operations": [{**reader, "format": "cvs"}, sender]},
            "missing": {"operations": [{"_op": "file_reader"}, sender]},
            "operation": {"operations": [reader, {"_op": "fliter", "field": "a"}, sender]},
            "order": {"operations": [sender, reader]},
            "none": {},
        }
        found = self.errors({"good": good, "bundle": {"operations": [{"_op": "x@tools"}, {"_op": "y@tools:1.0", "any": 1}]}, **wrong})
        self.assertEqual((found.pop("good"), found.pop("bundle")), ([], []))
        self.assertEqual([name for name, errors in found.items() if not errors], [])
        self.assertIn("'fromat'", found["option"][0])

    def test_every_operation_is_described(self):
        definitions = self.schema()["$defs"]
        for operation in json.loads(self.slicemill("ops", "--json").stdout):
            options = definitions[operation["title"]]["properties"]
            self.assertLessEqual(set(operation["properties"]), set(options))
            self.assertTrue(all(options[name]["description"] for name in options), operation["title"])

    # ---- init ----

    def init(self, *files):
        result = subprocess.run([str(SLICEMILL), "init", *map(str, files)], cwd=self.directory, env=self.environment(),
                                capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, OK, result.stderr)
        job = self.as_json(result.stdout)
        self.assertEqual(self.errors({"job": job})["job"], [])
        return result.stdout, job

    def run_draft(self, text):
        (self.directory / "job.yaml").write_text(text)
        result = self.slicemill("run", self.directory / "job.yaml", "--data", self.data)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertNotIn("warning", result.stderr.replace("warning: types of columns", ""))

    def copy_of(self, job):
        folder = pathlib.Path(job["operations"][-1]["path"])
        return "".join(file.read_text() for file in sorted(folder.iterdir()) if not file.name.startswith("."))

    def test_a_table_is_copied_as_it_is(self):
        source = self.directory / "people.csv"
        text = "id,name,amount,at,ok,note\n1,Ann,1.50,2024-01-31,true,\n2,\"Bob, jr\",20,2024-02-29,false,x\n"
        source.write_text(text)
        draft, job = self.init("people.csv")
        self.assertEqual(job["operations"][0]["types"], {"id": "integer", "name": "text", "amount": "decimal", "at": "date",
                                                         "ok": "boolean", "note": "text"})
        self.run_draft(draft)
        self.assertEqual(self.copy_of(job), text)

    def test_a_table_as_spreadsheets_write_it(self):
        (self.directory / "liste.csv").write_text("Nr;Betrag;Am;Wann\n1;1.234,50;31.01.2024;01.02.2024\n2;;1.2.2024;03.04.2024\n")
        draft, job = self.init("liste.csv")
        reader = job["operations"][0]
        self.assertEqual((reader["field_delimiter"], reader["decimal_separator"], reader["thousands_separator"]), (";", ",", "."))
        self.assertEqual(reader["types"], {"Nr": "integer", "Betrag": "decimal", "Am": {"type": "date", "format": "%d.%m.%Y"},
                                           "Wann": {"type": "date", "format": "%d.%m.%Y"}})
        self.run_draft(draft)
        self.assertIn("1234.50,2024-01-31,2024-02-01", self.copy_of(job))

    def test_dates_of_two_readings_are_left_to_the_user(self):
        (self.directory / "a.csv").write_text("id,at\n1,03/04/2024\n2,05/06/2024\n")
        draft, job = self.init("a.csv")
        self.assertEqual(job["operations"][0]["types"]["at"], "text")
        self.assertIn("which order?", draft)

    def test_rows_without_a_header(self):
        (self.directory / "a.tsv").write_text("1\tAnn\t2.5\n2\t\"Bob\t3\n")
        draft, job = self.init("a.tsv")
        self.assertEqual(job["operations"][0]["fields"], ["column1", "column2", "column3"])
        self.assertEqual(job["operations"][0]["quote"], "")
        self.run_draft(draft)
        self.assertIn("2.5", self.copy_of(job))

    def test_json_of_every_kind(self):
        objects = [{"id": n, "http": {"status": 200, "a.b": None}} for n in range(3)]
        for name, text, kind in (("a.log", "".join(json.dumps(o) + "\n" for o in objects), "ldjson"),
                                 ("b.json", json.dumps(objects, indent=2), "json"), ("one-line.json", json.dumps(objects), "json"),
                                 ("c.json", json.dumps(objects[0], indent=2), "json")):
            (self.directory / name).write_text(text)
            draft, job = self.init(name)
            self.assertEqual(job["operations"][0]["format"], kind)
            self.assertIn("#   http.status: integer", draft)
            self.assertIn("#   http.a\\.b: null", draft)
            self.run_draft(draft)

    def test_packed_files_and_several(self):
        (self.directory / "in").mkdir()
        for n in range(2):
            with gzip.open(self.directory / "in" / f"{n}.csv.gz", "wt") as file:
                file.write(f"id,name\n{n},x\n")
        draft, job = self.init(*sorted((self.directory / "in").iterdir()))
        self.assertEqual(job["operations"][0]["path"], str(self.directory / "in" / "*.gz"))
        self.run_draft(draft)
        self.assertEqual(self.copy_of(job).count("id,name"), 2)
        (self.directory / "in" / "z.csv.gz").write_bytes(b"")
        refused = self.slicemill("init", self.directory / "in" / "0.csv.gz", self.directory / "in" / "1.csv.gz")
        self.assert_one_line(refused, BAD_INPUT, "means also")

    def test_lines_of_text(self):
        (self.directory / "app.log").write_text("Jan 1 12:00 start, all well\nJan 1 12:01 stop\nJan 1, 2, 3\n")
        draft, job = self.init("app.log")
        self.assertEqual(job["operations"][0]["format"], "raw")
        self.run_draft(draft)
        self.assertEqual(self.copy_of(job), (self.directory / "app.log").read_text())

    def test_what_no_job_can_read_is_refused(self):
        for name, content, said in (("a.bin", b"\0\1\2", "is no text"), ("u.csv", "a,b\n".encode("utf-16"), "UTF-16"),
                                    ("l.csv", b"a,b\n\xe4,1\n\n\n\n", "byte 4 is not UTF-8"), ("e.csv", b"", "no file with anything in it"),
                                    ("z.csv", b"BZh91AY&SY", "bzip2")):
            (self.directory / name).write_bytes(content)
            result = self.slicemill("init", self.directory / name)
            self.assertEqual(result.returncode, BAD_INPUT, name)
            self.assertIn(said, result.stderr)


if __name__ == "__main__":
    unittest.main()
