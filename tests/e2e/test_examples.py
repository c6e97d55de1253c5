"""Every job of examples/ runs as it stands, except for where it writes."""

import pathlib
import unittest

from harness import OK, EndToEnd

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


class Examples(EndToEnd):
    def test_all(self):
        jobs = sorted(path for path in EXAMPLES.iterdir() if path.suffix in (".json", ".yaml"))
        self.assertTrue(jobs)
        for path in jobs:
            with self.subTest(path.name):
                job = self.directory / path.name
                text = path.read_text().replace("/tmp/slicemill-examples", str(self.directory / "out"))
                job.write_text(text)
                result = self.slicemill("run", job, "--data", self.data)
                self.assertEqual(result.returncode, OK, result.stderr)
                self.assertIn(" 0 failed", result.stdout)
                self.assertEqual([line for line in result.stderr.splitlines() if not line.startswith("progress: ")], [])
        written = {path.name for path in (self.directory / "out").iterdir()}
        self.assertEqual(written, {"shared-libraries", "package-names", "package-sections", "users", "generated"})
        packages = (pathlib.Path("/var/lib/dpkg/status").read_text().splitlines())
        expected = sum(line.startswith("Package: ") for line in packages)
        self.assertEqual(len(self.read_output(self.directory / "out" / "package-names")), expected)
        expected = sum(line.startswith("Section: ") for line in packages)
        self.assertEqual(len(self.read_output(self.directory / "out" / "package-sections")), expected)


if __name__ == "__main__":
    unittest.main()
