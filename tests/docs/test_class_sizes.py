"""Sizes of classes: what a reader has to hold in mind to change one, and how much of its inside its header shows.

A class owns the header that declares it and each source file that defines most of its members. A file of several classes belongs to the one
that bears the file's name, or else to the one that has most of it. A class of one source file only owns its lines there. The exceptions may
only become fewer, and their numbers smaller.
"""

import collections
import pathlib
import re
import shutil
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("connectors", "core", "slicer", "execution-controller", "worker", "operations", "master", "api", "cli", "runtimes")
MOST_LINES = 400
MOST_MEMBERS = 12

SLACK = 50  # an exception that became smaller by more says a smaller number

# {class: (lines, why it is larger)}
LARGE = {
    "api: Session": (680, "the states of one connection, drawn above them: every step ends in one of the others"),
    "connectors: Session": (540, "one conversation with a server: each call says what the next one may find"),
    "core: CellRules": (418, "one table of rules for cells, and the reading of each from a job"),
    "core: CsvReader": (566, "one scan that holds at any chunk boundary: quotes, rows and positions depend on each other"),
    "core: Evaluation": (559, "one walk over a tree: its steps call each other, and share names, items and the budget"),
    "core: FilePublisher": (801, "one order of steps on disk, from preparing over publishing and joining to verifying, each idempotent"),
    "core: Files": (402, "the seam with its body for POSIX: one function for each call of the system"),
    "core: JsonTokens": (580, "one pass over bytes that simdjson has marked; its loops share their registers"),
    "core: RecordProjection": (471, "a plan for each shape of record, made and run in one place; hot"),
    "core: SettingSpec": (501, "one table of all settings, with their reading and their documentation"),
    "master: AssetStore": (509, "one directory and its rows: bundles are taken in, found, checked and removed under one lock"),
    "master: ExecutionStarts": (608, "everything that is looked at before an execution begins, in the order in which it is refused"),
    "master: MasterService": (616, "one method for each command of the API"),
    "master: Registry": (857, "one interface over one SQLite file, and its statements"),
    "operations: RecordPlan": (571, "the kinds of made-up values, one function for each"),
    "slicer: FileFollower": (613, "what is known of a growing directory, and its stored form of several versions"),
    "worker: Pipeline": (675, "one record's ways through all operations, and how they part and meet; hot"),
    "worker: Worker": (440, "the worker's half of the protocol with its controller"),
}

# {class: (data members, why)} of headers that do not say it themselves
MEMBERS = {
    "api/http/session.h: Session": (25, "where a connection stands, with the buffers that are kept from request to request"),
    "core/formats/csv_reader.h: CsvReader": (20, "the state of a scan that may stop at any byte"),
    "core/formats/record_projection.h: RecordProjection": (19, "buffers that are kept from record to record"),
    "core/ledger/group_builder.h: GroupBuilder": (15, "one map for each table of the ledger"),
    "core/ledger/rocks_ledger.h: RocksLedger": (17, "handles of the database, and what the commit thread shares"),
    "core/runtime/json_text.h: JsonText": (13, "the state of a reader that may stop at any byte"),
    "master/executions/executions.h: Executions": (19, "its collaborators, one member each"),
    "master/master_service.h: MasterService": (15, "its collaborators, one member each"),
    "slicer/file_follower.h: FileFollower": (16, "what is known of each file, and what is to be told"),
    "worker/pipeline.h: Pipeline": (21, "one of each operation's parts, and buffers that are kept from slice to slice"),
    "worker/worker.h: Worker": (30, "its side of each level that the controller tells"),
}

CLASS = re.compile(r"^(?:template\s*<[^>]*>\s*)?(?:class|struct)\s+(\w+)\b[^;{()]*\{", re.MULTILINE)
DEFINES = re.compile(r"^(?!\s)(?:[\w:<>,&*\s]+?[\s&*])?(\w+)::~?\w+\s*\(", re.MULTILINE)
MEMBER = re.compile(r"^  (?!return\b|using\b|friend\b)[\w:][^()\n]*?\b\w+_(?:\s*=[^;]*|\s*\{[^;]*\})?;", re.MULTILINE)
SAYS_WHY = re.compile(r"^  // (\d+) members, since \w", re.MULTILINE)


def files(suffix, root=ROOT):
    return [path for folder in FOLDERS for path in sorted((root / folder).rglob(f"*{suffix}"))]


def bodies(text):
    """{class: its body} of the classes that stand in no other."""
    found = {}
    for match in CLASS.finditer(text):
        begin = text.index("{", match.start())
        depth = 0
        for place in range(begin, len(text)):
            depth += {"{": 1, "}": -1}.get(text[place], 0)
            if depth == 0:
                found[match[1]] = text[begin + 1:place]
                break
    return found


def snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def owner(stem, weights):
    """Of these classes the one to which a file with this name belongs; None: it has none."""
    named = [name for name in weights if stem.startswith(snake(name))]
    return max(named, key=len) if named else max(sorted(weights), key=weights.get, default=None)


def span(text, start):
    """Lines from here to the end of the braces that follow."""
    return text[start:].partition("\n}")[0].count("\n") + 2


def sizes(root=ROOT):
    """{"folder: class": its lines over all files}; of a class of one source file the file instead of the folder."""
    lines = collections.Counter()
    declared = set()
    for path in files(".h", root):
        text = path.read_text()
        found = bodies(text)
        folder = path.relative_to(root).parts[0]
        declared |= {(folder, name) for name in found}
        mine = owner(path.stem, {name: len(body) for name, body in found.items()})
        if mine:
            lines[folder, mine] += len(text.splitlines())
    for path in files(".cc", root):
        text = path.read_text()
        name_of = path.relative_to(root)
        defined = collections.Counter(match[1] for match in DEFINES.finditer(text))
        known = {name: count for name, count in defined.items() if (name_of.parts[0], name) in declared}
        mine = owner(path.stem, known)
        if mine:
            lines[name_of.parts[0], mine] += len(text.splitlines())
            continue
        for name, body in bodies(text).items():
            lines[name_of.as_posix(), name] += body.count("\n") + 1
        for match in DEFINES.finditer(text):
            if (name_of.as_posix(), match[1]) in lines:
                lines[name_of.as_posix(), match[1]] += span(text, match.start())
    return {f"{place}: {name}": count for (place, name), count in lines.items()}


def private_members(body):
    """How many data members a class body has behind `private:`."""
    return len(MEMBER.findall(body.partition("\n private:\n")[2]))


def all_private_members(root=ROOT):
    """{"header: class": (data members, the number that its header gives a reason for or None)} of those with too many."""
    found = {}
    for path in files(".h", root):
        for name, body in bodies(path.read_text()).items():
            count = private_members(body)
            said = SAYS_WHY.search(body)
            if count > MOST_MEMBERS or said:
                found[f"{path.relative_to(root).as_posix()}: {name}"] = (count, int(said[1]) if said else None)
    return found


def complaints(actual, exceptions, most):
    """What is wrong with numbers by class, as lines of text."""
    wrong = [f"{name} has {count}, and may have {exceptions[name][0] if name in exceptions else most}" for name, count in actual.items()
             if count > (exceptions[name][0] if name in exceptions else most)]
    for name, (count, _) in exceptions.items():
        if actual.get(name, 0) <= most:
            wrong.append(f"{name} needs no exception any more")
        elif actual[name] < count - SLACK:
            wrong.append(f"{name} has {actual[name]} by now: write that instead of {count}")
    return wrong


class ClassSizes(unittest.TestCase):
    def test_no_class_is_larger_than_a_reader_can_hold_in_mind(self):
        self.assertEqual(complaints(sizes(), LARGE, MOST_LINES), [])

    def test_no_header_shows_many_members_without_saying_why(self):
        members = all_private_members()
        silent = {name: count for name, (count, said) in members.items() if said is None}
        self.assertEqual(complaints(silent, MEMBERS, MOST_MEMBERS), [])
        self.assertEqual([f"{name} has {count} and says {said}" for name, (count, said) in members.items()
                          if said not in (None, count)], [])

    def test_every_exception_says_why(self):
        self.assertEqual([name for name, (_, why) in [*LARGE.items(), *MEMBERS.items()] if len(why.split()) < 4], [])


class TheMeasure(unittest.TestCase):
    """The measure itself, on classes that are made for it."""

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def test_a_class_has_the_lines_of_all_its_files(self):
        self.write("worker/mill.h", "class Mill {\n public:\n  void run();\n  void stop();\n};\n")
        self.write("worker/mill.cc", "void Mill::run() {\n}\n")
        self.write("worker/ending.cc", "void Mill::stop() {\n}\n\n")
        self.write("master/mill.cc", "struct Mill {\n  int a;\n};\nint f() {\n}\n")  # another one
        self.assertEqual(sizes(self.root)["worker: Mill"], 5 + 2 + 3)
        self.assertEqual(sizes(self.root)["master/mill.cc: Mill"], 3)

    def test_a_file_of_several_classes_belongs_to_the_one_that_bears_its_name(self):
        self.write("core/wheel.h", "struct Spoke {\n  int a;\n  int b;\n  int c;\n};\nclass Wheel {\n};\n")
        self.assertEqual(sizes(self.root), {"core: Wheel": 7})

    def test_private_data_members_are_counted_and_functions_are_not(self):
        text = "class A {\n  int shown_;\n private:\n  void f(int a_);\n  int a_ = 1;\n  std::map<int, B> b_{};\n  C& c_;\n};\n"
        body = bodies(text)["A"]
        self.assertEqual(private_members(body), 3)

    def test_an_exception_may_not_grow_nor_outlive_its_reason(self):
        exceptions = {"a": (500, ""), "b": (500, ""), "c": (500, "")}
        self.assertEqual(complaints({"a": 500, "b": 490, "c": 499, "d": 400}, exceptions, 400), [])
        self.assertEqual(len(complaints({"a": 501, "b": 440, "c": 400, "d": 401}, exceptions, 400)), 4)


if __name__ == "__main__":
    unittest.main()
