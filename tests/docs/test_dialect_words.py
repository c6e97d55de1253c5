"""Only the folder of a dialect knows its words: whoever reads the rest must know no other system's names.

The words are names of other systems and of their parts, members of their documents, fields of their jobs that are not words of ours, and
their counters. A file below may know some: each with its reason.
"""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ["api", "cli", "core", "execution-controller", "master", "operations", "runtimes", "slicer", "worker"]
DIALECTS = "api/dialects/"

SYSTEMS = ["teraslice", "terafoundation", "teracluster", "elasticsearch", "lucene", "zod", "kubernetes", "k8s", "seatunnel", "hazelcast",
           "tork", r"\bamp\b"]
MEMBERS = ["_op", "_encoding", "_dead_letter_action", "_connection", "_api_name", "_name", "_context", "_status", "_status_reason",
           "_created", "_updated", "_deleted", "_deleted_on", "_has_errors", "_failureReason", "_slicer_stats", "asset_bundles",
           "slicer_hostname", "slicer_port", "relocatable", "cluster_master", "assets_service", "next_cursor", "last_job_id"]
# `lifecycle` is a word of ours too: as a field it stands in quotes, or before a colon.
FIELDS = ["autorecover", "probation_window", "env_vars", "stateful", "lifecycle:", '"lifecycle"']
COUNTERS = ["slice_range_expansion", "subslice_by_key", "job_duration", "workers_available"]
TEXTS_OF_CLIENTS = ["shutting down execution", "slice failures? during processing", "Could not find active slicer", "Invalid input"]
WORDS = re.compile("|".join([*SYSTEMS, *[rf"(?<![A-Za-z0-9_]){word}(?![A-Za-z0-9_])" for word in MEMBERS + FIELDS + COUNTERS], *TEXTS_OF_CLIENTS]), re.I)

# What may know words, and why.
KNOWN = {
    "api/dialects/dialects.cc": "the list of the dialects",
    "cli/default_dialect.h": "the one place where the command line names its dialect",
    "cli/job_draft.cc": "drafts a job in that dialect",
    "core/model/job_spec_v0.cc": "the form that the first version stored",
    "core/model/stats_v0.cc": "the form that earlier versions stored",
    "master/registry/registry_schema.cc": "columns of released registries are never renamed",
}
# Texts for users that name a field of their job, by file.
TEXTS = {
    "cli/client/explanation.cc": {"_dead_letter_action"},
    "cli/run_command.cc": {"_dead_letter_action"},
    "cli/commands/list_command.cc": {'"lifecycle"'},
    "cli/commands/show_command.cc": {'"lifecycle"'},
    "cli/commands/wait_command.cc": {'"lifecycle"'},
    "core/runtime/process.cc": {"env_vars"},
    "master/executions/execution_starts.cc": {"autorecover"},
    "operations/readers/chunk_parser.cc": {"_encoding"},
    "operations/senders/routed_sender.cc": {"_api_name"},
}


def found_words(text, allowed=()):
    """(line, word) of each word that is not allowed."""
    return [(number, match[0]) for number, line in enumerate(text.splitlines(), 1) for match in WORDS.finditer(line)
            if match[0].lower() not in {word.lower() for word in allowed}]


def sources():
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            is_of_dialect = name.startswith(DIALECTS) and name.count("/") > DIALECTS.count("/")
            if path.suffix in (".cc", ".h") and not is_of_dialect:
                yield name, path.read_text()


class DialectWords(unittest.TestCase):
    def test_only_the_folder_of_a_dialect_knows_its_words(self):
        found = [f"{name}:{line}: {word}" for name, text in sources() if name not in KNOWN
                 for line, word in found_words(text, TEXTS.get(name, ()))]
        self.assertEqual(found, [], "these belong into the folder of the dialect")

    def test_each_exception_is_needed(self):
        texts = dict(sources())
        for name in KNOWN:
            self.assertTrue(found_words(texts[name]), f"{name} knows no word any more")
        for name, words in TEXTS.items():
            self.assertEqual({word.lower() for _, word in found_words(texts[name])}, {word.lower() for word in words}, name)

    def test_folders_of_dialects_know_each_other_not(self):
        for name, others in (("amp", "teraslice|tork"), ("teraslice", r"\bamp\b|tork"), ("tork", r"\bamp\b|teraslice")):
            for path in sorted((ROOT / "api" / "dialects" / name).rglob("*.*")):
                self.assertIsNone(re.search(others, path.read_text(), re.I), f"{path.relative_to(ROOT)} names another dialect")


class TheTestItself(unittest.TestCase):
    def test_words_are_found(self):
        self.assertEqual([word for _, word in found_words('x["_op"] = teraslice::name; // Zod')], ["_op", "teraslice", "Zod"])
        self.assertEqual(found_words("int ex_op = example.job_op; // champion, autorecovery"), [])
        self.assertEqual(found_words('json["_op"]', {"_op"}), [])


if __name__ == "__main__":
    unittest.main()
