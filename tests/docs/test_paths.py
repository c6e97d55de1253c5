"""Paths of our files that a page or a comment names: each is there. A name without an ending stands for a file with one."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ["api", "bench", "cli", "cmake", "connectors", "core", "docs", "examples", "execution-controller", "master", "operations", "packaging", "runtimes", "scripts",
           "sdk", "slicer", "tests", "worker"]
# The end of a sentence, and what stands for many names, are no part of a path.
PATH = re.compile(rf"(?<![\w/.$~<-])(?:{'|'.join(FOLDERS)})/[A-Za-z0-9_./-]*[A-Za-z0-9_/](?![\w*<{{/])")
NOT_PATHS = {"worker/created"}  # a cell of the kill matrix
COMMENT = re.compile(r"^\s*(?://|#) (.*)$", re.MULTILINE)
CODE = re.compile(r"`([^`\n]+)`")


def is_there(path):
    found = ROOT / path
    return found.exists() or any(found.parent.glob(found.name + ".*")) if found.parent.is_dir() else False


def missing(text):
    return sorted({path for path in PATH.findall(text) if path not in NOT_PATHS and not is_there(path)})


def texts():
    for page in sorted(ROOT.rglob("*.md")):
        name = page.relative_to(ROOT)
        if name.parts[0] not in ("build", "docs") and name.name != "CHANGELOG.md":
            yield name, "\n".join(CODE.findall(page.read_text()))
    for folder in FOLDERS:
        for source in sorted([*(ROOT / folder).rglob("*.h"), *(ROOT / folder).rglob("*.cc")]):
            yield source.relative_to(ROOT), "\n".join(COMMENT.findall(source.read_text()))


class Paths(unittest.TestCase):
    def test_what_is_named_is_there(self):
        wrong = [f"{name}: {path}" for name, text in texts() for path in missing(text)]
        self.assertEqual(wrong, [])


class TheTestItself(unittest.TestCase):
    def test_missing_ones_are_found(self):
        self.assertEqual(missing("see core/model/slice.h, core/model/slice, core/runtime/ and core/model/nothing.h."), ["core/model/nothing.h"])
        self.assertEqual(missing("/usr/master/x /tmp/core/y tests/dialects/*.http"), [])


if __name__ == "__main__":
    unittest.main()
