"""Data directories of earlier builds (golden/): a master shows what is in them as those builds did, and goes on with it."""

import json
import pathlib
import shutil
import unittest

from harness import EndToEnd, wait_until

GOLDEN = pathlib.Path(__file__).parent / "golden"
# They name the directory that the data is in now.
PLACES = {"log_path", "log_directory", "ledger_directory"}


def without_places(document):
    return {name: value for name, value in document.items() if name not in PLACES}


class GoldenData(EndToEnd):
    def setUp(self):
        super().setUp()
        self.data = self.directory / "data"
        shutil.copytree(GOLDEN / "data-1", self.data)
        self.documents = json.loads((self.data / "documents.json").read_text())
        self.executions = {}
        for document in self.documents["executions"].values():
            self.executions.setdefault(document["name"], []).append(document)
        self.master = self.start_master(data=self.data)

    def first(self, name):
        """The execution of that job that recovers no other."""
        return next(document for document in self.executions[name] if "recovered_execution" not in document)

    def test_documents_are_as_they_were(self):
        for job_id, document in self.documents["jobs"].items():
            self.assertEqual(self.master.get(f"/v1/jobs/{job_id}"), document)
        for ex_id, document in self.documents["executions"].items():
            self.assertEqual(without_places(self.master.get(f"/v1/ex/{ex_id}")), without_places(document))

    def test_lists_find_them(self):
        def names(path):
            return sorted(document["name"] for document in self.master.get(path))

        self.assertEqual(names("/v1/ex?filter=_status:failed"), ["golden failed"])
        self.assertEqual(names("/v1/ex?status=stopped"), ["golden stopped", "golden stopped"])
        self.assertEqual(names("/v1/jobs?filter=workers:2"), ["golden waiting"])
        self.assertEqual(names("/v1/jobs?deleted=true"), ["golden deleted"])
        self.assertEqual(names("/v1/jobs?active=false"), ["golden waiting"])

    def test_words_find_them_once_they_are_read(self):
        def read():
            status, found = self.master.request("GET", "/v1/ex?search=golden")
            self.assertIn(status, (200, 503), found)
            return status == 200 and found

        found = wait_until(read, "the words of what is stored")
        self.assertEqual(len(found), len(self.documents["executions"]) - len(
            [document for document in self.documents["executions"].values() if document.get("_deleted")]))
        failed = self.master.get("/v1/ex?search=child%20ending%20slices")
        self.assertEqual([document["name"] for document in failed], ["golden failed"])
        self.assertEqual([job["name"] for job in self.master.get("/v1/jobs?search=wait")], ["golden waiting"])
        self.assertEqual([job["name"] for job in self.master.get("/v1/jobs?search=golden&deleted=true")], ["golden deleted"])

    def test_a_recovery_runs_the_configuration_of_the_old_execution(self):
        newest = next(document for document in self.executions["golden stopped"] if "recovered_execution" in document)
        answer = self.master.post(f"/v1/ex/{newest['ex_id']}/_recover")
        self.assertEqual(answer["config"], "own")
        self.master.wait_for_processed(answer["ex_id"], 1)
        document = self.master.get(f"/v1/ex/{answer['ex_id']}")
        self.assertEqual(document["operations"], newest["operations"])
        self.assertEqual(document["lifecycle"], "persistent")
        self.master.post(f"/v1/ex/{answer['ex_id']}/_stop")

    def test_failed_slices_are_replayed(self):
        failed = self.first("golden failed")
        answer = self.master.post(f"/v1/ex/{failed['ex_id']}/_recover?cleanup_type=errors")
        self.master.wait_for_status(answer["ex_id"], "failed")
        document = self.master.get(f"/v1/ex/{answer['ex_id']}")
        self.assertEqual(document["_slicer_stats"]["failed"], 1)
        self.assertIn("operations[1] script: the child ended with exit code 1", document["_failureReason"])

    def test_jobs_can_be_started(self):
        once = self.first("golden once")
        answer = self.master.post(f"/v1/jobs/{once['job_id']}/_start")
        document = self.master.wait_for_status(answer["ex_id"], "completed")
        self.assertEqual(document["_slicer_stats"]["records_in"], once["_slicer_stats"]["records_in"])
        for member in ("operations", "labels", "env_vars", "params", "targets", "quarantine_max_records", "_note"):
            self.assertEqual(document[member], once[member], member)

    def test_what_is_removed_is_gone(self):
        stopped = self.first("golden stopped")
        self.master.ask("DELETE", f"/v1/ex/{stopped['ex_id']}")
        self.master.ask("GET", f"/v1/ex/{stopped['ex_id']}", expect=404)
        self.assertFalse((self.data / "ledgers" / stopped["ex_id"]).exists())

    def test_the_command_line_reads_the_ledgers(self):
        self.master.terminate()
        failed = self.first("golden failed")
        shown = self.slicemill("show", failed["ex_id"], "--data", self.data, "--output", "json")
        document = json.loads(shown.stdout)
        self.assertEqual(document["name"], "golden failed")
        self.assertEqual(document["_status"], "failed")
        self.assertEqual([operation["_op"] for operation in document["operations"]],
                         [operation["_op"] for operation in failed["operations"]])


if __name__ == "__main__":
    unittest.main()
