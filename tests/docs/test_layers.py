"""Layers: a library includes its own headers and those of the libraries that it links, and no others. The build holds to that, as the
compiler finds no other header; this says which line is wrong, without a build."""

import json
import os
import pathlib
import re
import shlex
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIBRARY = re.compile(r"slicemill_library\(\s*(\w+)(.*?)\)\s*(?:$|\n)", re.DOTALL)
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
NOT_OURS = ("slicemill/", "generated/")  # made by the build
SEAMS = {"core/ledger/slice_ledger.h": "ledger_seam"}  # a header that may be known without the library behind it


def libraries():
    """{name: (folder, names of the libraries that it links)} as the build files say."""
    found = {}
    for build_file in ROOT.rglob("CMakeLists.txt"):
        folder = build_file.parent.relative_to(ROOT)
        if folder.parts and folder.parts[0] in ("build", "tests", "bench"):
            continue
        for name, rest in LIBRARY.findall(build_file.read_text()):
            links = rest.partition("LINK")[2].split()
            found[name] = (folder, [link.removeprefix("slicemill_") for link in links if link.startswith("slicemill_")])
    return found


def reachable(name, known):
    seen, waiting = set(), [name]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += known[one][1] if one in known else []
    return seen


def owner_of(path, known):
    """The library in whose folder a header is: the deepest one. None: no library's."""
    if path in SEAMS:
        return SEAMS[path]
    parts = pathlib.PurePosixPath(path)
    owners = [(len(folder.parts), name) for name, (folder, _) in known.items() if folder in parts.parents]
    return max(owners)[1] if owners else None


def forbidden(text, name, known):
    """Included headers of libraries that `name` does not link."""
    allowed = reachable(name, known)
    return [header for header in INCLUDE.findall(text)
            if not header.startswith(NOT_OURS) and owner_of(header, known) not in allowed | {None}]


class Layers(unittest.TestCase):
    def setUp(self):
        self.known = libraries()

    def test_the_build_files_are_understood(self):
        self.assertGreaterEqual(set(self.known), {"runtime", "model", "wire", "ledger", "outputs", "formats", "query", "slicer",
                                                  "operations", "worker", "controller", "api", "master", "cli"})
        self.assertIn("runtime", reachable("cli", self.known))
        self.assertNotIn("master", reachable("worker", self.known))

    def test_a_forbidden_include_is_found(self):
        self.assertEqual(forbidden('#include "core/wire/messages.h"\n#include "core/runtime/ids.h"\n', "model", self.known),
                         ["core/wire/messages.h"])
        self.assertEqual(forbidden('#include "master/processes/supervisor.h"\n', "worker", self.known), ["master/processes/supervisor.h"])

    def test_the_model_knows_neither_wire_nor_ledger_nor_outputs(self):
        self.assertEqual(reachable("model", self.known) & {"wire", "ledger", "outputs", "operations"}, set())

    def test_a_forbidden_include_does_not_compile(self):
        build = pathlib.Path(os.environ.get("SLICEMILL_BUILD", ROOT / "build" / "release"))
        commands = json.loads((build / "compile_commands.json").read_text())

        def compiled(library, header):
            """How the compiler ends that is asked as for a file of the library, and what it says."""
            words = next(shlex.split(one["command"]) for one in commands if f"/slicemill_{library}.dir/" in one["command"])
            options = [word for i, word in enumerate(words) if word.startswith(("-I", "-D", "-std", "-isystem")) or words[i - 1] == "-isystem"]
            compiler = next(word for word in words if word.endswith(("c++", "g++", "clang++")))
            return subprocess.run([compiler, *options, "-fsyntax-only", "-x", "c++", "-"], input=f'#include "{header}"\n', text=True,
                                  capture_output=True, cwd=build, timeout=300)

        for library, header in (("model", "core/wire/messages.h"), ("wire", "core/ledger/slice_ledger.h"), ("worker", "master/master.h"),
                                ("worker", "core/ledger/ledger_codec.h"), ("outputs", "operations/operation.h"), ("runtime", "core/model/slice.h")):
            refused = compiled(library, header)
            self.assertNotEqual(refused.returncode, 0, f"{library} includes {header}")
            self.assertIn("No such file", refused.stderr)
        for library, header in (("model", "core/runtime/ids.h"), ("wire", "core/model/slice.h"), ("slicer", "slicer/file_follower.h")):
            self.assertEqual(compiled(library, header).returncode, 0, f"{library} may include {header}")

    def test_each_library_includes_only_what_it_links(self):
        wrong = []
        for name, (folder, _) in self.known.items():
            for source in sorted([*(ROOT / folder).rglob("*.cc"), *(ROOT / folder).rglob("*.h")]):
                relative = source.relative_to(ROOT)
                if owner_of(relative.as_posix(), self.known) != name:
                    continue
                wrong += [f"{relative} includes {header}" for header in forbidden(source.read_text(), name, self.known)]
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
