"""`cmake --install`: what is put where, and that it works without the build tree."""

import json
import os
import pathlib
import shutil
import subprocess
import unittest

from harness import BUILD, EndToEnd, records, wait_until


class Installation(EndToEnd):
    def install(self, prefix, destdir=None):
        environment = {**os.environ, **({"DESTDIR": str(destdir)} if destdir else {})}
        done = subprocess.run(["cmake", "--install", str(BUILD), "--prefix", str(prefix)], env=environment, capture_output=True, text=True,
                              timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def run_installed(self, program, *arguments):
        environment = {name: value for name, value in self.environment().items() if not name.startswith("SLICEMILL_BUILD")}
        done = subprocess.run([str(program), *map(str, arguments)], cwd="/", env={**environment, "PATH": f"{program.parent}:/usr/bin:/bin"},
                              capture_output=True, text=True, timeout=90)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    def test_everything_is_there_and_runs(self):
        prefix = self.directory / "first"
        self.install(prefix)
        moved = self.directory / "moved"  # nothing may name the place that it was installed to
        prefix.rename(moved)
        for path in ("lib/slicemill/slicemill-worker", "lib/slicemill/slicemill-controller", "share/man/man1/slicemill.1",
                     "share/man/man1/slicemill-run.1", "share/bash-completion/completions/slicemill", "share/zsh/site-functions/_slicemill",
                     "share/fish/vendor_completions.d/slicemill.fish", "lib/systemd/system/slicemill.service", "lib/sysusers.d/slicemill.conf",
                     "share/slicemill/sdk/python/slicemill.py", "share/slicemill/sdk/node/package.json", "share/slicemill/examples/users.yaml",
                     "share/slicemill/job.schema.json", "share/doc/slicemill/getting-started.md"):
            self.assertGreater((moved / path).stat().st_size, 0, path)
        self.assertIn("init", (moved / "share/bash-completion/completions/slicemill").read_text())
        for file in moved.rglob("*"):
            if file.is_file() and file.suffix not in ("", ".md"):
                self.assertNotIn(str(BUILD), file.read_text(), file)

        program = moved / "bin" / "slicemill"
        source = self.write_input(records=100)
        job = self.directory / "job.json"
        script = self.directory / "child.py"
        script.write_text("import slicemill\nslicemill.each(lambda record: record)\n")
        processors = [{"_op": "script", "command": "/usr/bin/python3", "args": [str(script)], "framing": "length",
                       "options": {"env": {"PYTHONPATH": str(moved / "share/slicemill/sdk/python")}}}]
        job.write_text(json.dumps(self.job(source, processors=processors)))
        self.run_installed(program, "run", job, "--data", self.data)
        self.assert_output(records(100))

        self.output = self.directory / "by-master"
        job.write_text(json.dumps(self.job(source)))
        with open(self.directory / "master.log", "w") as log:
            master = subprocess.Popen([str(program), "master", "--port", "0", "--data", str(self.directory / "served")], cwd="/", stdout=log,
                                      stderr=log, env={**self.environment(), "PATH": "/usr/bin:/bin"})
        try:
            said = lambda: (self.directory / "master.log").read_text()
            wait_until(lambda: "listening on " in said(), said, 30)
            url = said().partition("listening on ")[2].split()[0]
            self.run_installed(program, "submit", job, "--wait", "--master", url)
            self.assert_output(records(100))
        finally:
            master.terminate()
            master.wait(30)

    def test_a_package_is_staged(self):
        stage = self.directory / "stage"
        self.install("/usr", stage)
        self.run_installed(stage / "usr/bin/slicemill", "version")
        unit = stage / "usr/lib/systemd/system/slicemill.service"
        text = unit.read_text()
        self.assertIn("ExecStart=/usr/bin/slicemill master\n", text)
        self.assertIn("KillMode=process\n", text)
        self.assertNotIn(str(stage), text)
        self.assertFalse((self.directory / "usr").exists())
        verify = shutil.which("systemd-analyze")
        if verify is None:
            return
        # The program is looked for where the unit says it is.
        unit.write_text(text.replace("/usr/bin/slicemill", str(stage / "usr/bin/slicemill")))
        checked = subprocess.run([verify, "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60)
        complaints = [line for line in checked.stderr.splitlines() if "slicemill.service" in line]
        self.assertEqual(complaints, [])


if __name__ == "__main__":
    unittest.main()
