"""Runs every command of the user's documentation, page by page, and compares what it prints with what the page shows.

Each page has a clean directory with examples/ in it, which is its home directory too, and one shell, in which its commands run in
order. Every command must end with 0. A command that shows output must print it; what differs from run to run is taken out of both
(doc_page.neutral). The page's directory is shown as /home/you. Port 5678 becomes a free one, /tmp a directory of the page.
The table of steps at the end of a run is compared only if the page shows it. The installed sdk is the source's. A command that ends
with & is waited for until it has printed what is shown.
"""

import os
import pathlib
import re
import socket
import subprocess
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from doc_page import Page, neutral, read_page, shows  # noqa: E402
from harness import BUILD, PATIENCE_S, POLL_S, SLICEMILL, EndToEnd  # noqa: E402

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "examples" / "README.md", ROOT / "sdk" / "README.md",
         *sorted((ROOT / "docs").glob("*.md"))]
# What is read beside them: its commands are for those who build.
TEXTS = [*PAGES, ROOT / "CHANGELOG.md",
         *(path for path in sorted(ROOT.rglob("README.md")) if path not in PAGES and "build" not in path.relative_to(ROOT).parts)]
MAX_COLUMNS = 140
SHOWN_HOME = "/home/you"


def without_steps(lines):
    """The lines without the table of steps that ends a run's summary."""
    kept, in_table = [], False
    for line in lines:
        in_table = line.startswith("  STEP ") or (in_table and line.startswith("  "))
        if not in_table:
            kept.append(line)
    return kept


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Shell:
    """One bash of a page. Its variables and its directory last from command to command."""

    def __init__(self, directory, environment):
        self.directory = directory
        self.scripts = directory.parent / "commands"
        self.scripts.mkdir()
        self.count = 0
        self.process = subprocess.Popen(["bash", "--norc", "--noprofile"], cwd=directory, env=environment, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        os.set_blocking(self.process.stdout.fileno(), False)

    def run(self, text):
        """(exit code or None if it does not end, the file that its output goes to)."""
        self.count += 1
        script = self.scripts / f"{self.count}.sh"
        output = self.scripts / f"{self.count}.out"
        script.write_text(text + "\n")
        self.process.stdin.write(f". {script} > {output} 2>&1 < /dev/null; echo $?\n")
        self.process.stdin.flush()
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            line = self.process.stdout.readline()
            if line:
                return int(line), output
            if self.process.poll() is not None:
                return self.process.returncode, output
            time.sleep(POLL_S)
        return None, output

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class PageRun(EndToEnd):
    """A page in its clean directory."""

    def prepare(self):
        self.home = self.directory / "home"
        self.home.mkdir()
        (self.home / "tmp").mkdir()
        self.port = free_port()
        for path in (ROOT / "examples").iterdir():
            (self.home / "examples").mkdir(exist_ok=True)
            (self.home / "examples" / path.name).write_text(self.placed(path.read_text()))
        environment = self.environment({"HOME": str(self.home), "PATH": f"{BUILD}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8",
                                        "SLICEMILL_PORT": str(self.port)})
        for name in [name for name in environment if name.startswith("XDG_")]:
            del environment[name]
        self.shell = Shell(self.home, environment)
        self.addCleanup(self.shell.close)

    def placed(self, text):
        """What the page says, for this directory and this port."""
        text = re.sub(r"(?<![\w/.])/tmp\b", str(self.home / "tmp"), text)
        text = text.replace("/usr/share/slicemill/sdk", str(ROOT / "sdk"))
        return re.sub(r"\b5678\b", str(self.port), text).replace(SHOWN_HOME, str(self.home))

    def printed(self, file):
        text = file.read_text(errors="replace")
        text = text.replace(str(self.home / "tmp"), "/tmp").replace(str(self.home), SHOWN_HOME)
        text = re.sub(rf"\b{self.port}\b", "5678", text)
        return [line for line in text.splitlines() if not line.startswith("progress: ")]

    def run_page(self, page: Page):
        """The first thing that is not as the page says, or None."""
        for block in page.blocks:
            if block.file:
                path = self.home / block.file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(self.placed("\n".join(block.lines) + "\n"))
                if block.lines and block.lines[0].startswith("#!"):
                    path.chmod(0o755)
            elif block.language == "console" and "not run" not in block.marks:
                for command in block.commands():
                    fault = self.run_command(command, "numbers vary" in block.marks)
                    if fault:
                        return fault
        return None

    def run_command(self, command, numbers_vary):
        text = self.placed(command.text)
        if "slicemill master" in text:  # a user's commands ask 5678 by default
            text = f"export SLICEMILL_MASTER=http://127.0.0.1:{self.port}; {text}"
        code, output = self.shell.run(text)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            printed = self.printed(output)
            if not any("STEP" in line for line in command.shown):
                printed = without_steps(printed)
            same = not command.shown or shows(command.shown, printed, numbers_vary=numbers_vary)
            if same or not command.is_background() or time.monotonic() > deadline:
                break
            time.sleep(POLL_S)
        where = f"line {command.line}: $ {command.text}\n"
        if code is None:
            return f"{where}does not end; it printed\n" + "\n".join(printed)
        if code != 0:
            return f"{where}ends with {code}; it printed\n" + "\n".join(printed)
        if not same:
            return (f"{where}prints\n" + "\n".join(printed) + "\nthe page shows\n" + "\n".join(command.shown) + "\ncompared were\n"
                    + "\n".join(neutral(line, numbers_vary=numbers_vary) for line in printed) + "\n---\n"
                    + "\n".join(neutral(line, numbers_vary=numbers_vary) for line in command.shown))
        return None


class Commands(PageRun):
    pass


def add_page(path):
    def test(self):
        text = path.read_text()
        self.prepare()
        page = read_page(text)
        self.assertEqual(page.faults, [])
        fault = self.run_page(page)
        if fault:
            self.fail(f"{path.relative_to(ROOT)}, {fault}")

    name = str(path.relative_to(ROOT)).replace("/", "_").replace("-", "_").removesuffix(".md")
    setattr(Commands, f"test_{name}", test)


for page_path in PAGES:
    add_page(page_path)


class Marks(unittest.TestCase):
    """What the test cannot run is said in the page, with the reason; this prints the list."""

    def test_list(self):
        for path in PAGES:
            for block in read_page(path.read_text()).blocks:
                if "not run" in block.marks:
                    print(f"{path.relative_to(ROOT)}:{block.line}: not run: {block.marks['not run']}", file=sys.stderr)
                    self.assertGreater(len(block.marks["not run"].split()), 2, f"{path.name}:{block.line}: say why")


class Text(unittest.TestCase):
    def test_lines_are_short(self):
        for path in TEXTS:
            rendered = False  # tables that the program renders are as wide as their words
            for number, line in enumerate(path.read_text().splitlines(), 1):
                rendered = rendered or line.startswith("|")
                if not line.startswith("|"):
                    rendered = False
                    self.assertLessEqual(len(line), MAX_COLUMNS, f"{path.relative_to(ROOT)}:{number}")

    def test_links_lead_somewhere(self):
        for path in TEXTS:
            text = re.sub(r"```.*?```", "", path.read_text(), flags=re.S)
            for target in re.findall(r"\]\(([^)\s]+)\)", text):
                if re.match(r"[a-z]+:", target):
                    continue
                file, _, anchor = target.partition("#")
                linked = (path.parent / file).resolve() if file else path
                self.assertTrue(linked.exists(), f"{path.relative_to(ROOT)}: {target}")
                if anchor:
                    anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
                               for title in re.findall(r"^#+ (.+)$", linked.read_text(), re.M)}
                    self.assertIn(anchor, anchors, f"{path.relative_to(ROOT)}: {target}")

    def test_commands_in_sentences_exist(self):
        """`slicemill NAME --option` within a sentence or a table names a command and options that there are."""
        help_of = {}

        def help_text(*words):
            if words not in help_of:
                done = subprocess.run([SLICEMILL, "help", *words], capture_output=True, text=True, check=False)
                help_of[words] = done.stdout if done.returncode == 0 else None
            return help_of[words]

        commands = set(re.findall(r"^  ([a-z]+) {2,}", help_text(), re.M))
        for path in TEXTS:
            for line, span in read_page(path.read_text()).spans:
                words = span.split()
                if len(words) < 2 or words[0] != "slicemill":
                    continue
                where = f"{path.relative_to(ROOT)}:{line}: {span}"
                if re.fullmatch(r"[a-z]+", words[1]):
                    self.assertIn(words[1], commands, where)
                    text = help_text(words[1]) or ""
                    for option in re.findall(r"(?<!\S)\[?(--[a-z-]+)", span.partition("|")[0]):
                        self.assertIn(option, text + "--help", where)


class TheTestItself(PageRun):
    """What must be found is found."""

    def judged(self, text):
        self.prepare()
        page = read_page(text)
        return page.faults or self.run_page(page)

    def test_commands_that_nothing_would_run_are_faults(self):
        self.assertTrue(read_page("text\n\n    slicemill run x\n").faults)
        self.assertTrue(read_page("```sh\nslicemill run x\n```\n").faults)
        self.assertTrue(read_page("```\n$ slicemill run x\n```\n").faults)
        self.assertTrue(read_page("<!-- not run: no block below -->\ntext\n").faults)
        self.assertFalse(read_page("<!-- not run: needs root -->\n```sh\nsystemctl x\n```\n").faults)

    def test_other_output_is_found(self):
        self.assertIsNone(self.judged("```console\n$ A=1\n$ echo $A two\n1 two\n```\n"))
        self.assertIn("prints", self.run_page(read_page("```console\n$ echo $A two\n2 two\n```\n")))
        self.assertIn("ends with 3", self.run_page(read_page("```console\n$ (exit 3)\n```\n")))
        self.assertIsNone(self.run_page(read_page("```text file=a/b\nx\n```\n```console\n$ cat a/b\nx\n```\n")))

    def test_what_varies_is_not_compared(self):
        ids = ["0b4d9a51-7a2e-4f2f-93d5-2f0d8f6d1f0a took 3.5 s", "9a3c1c44-0d3b-4a5d-8a5c-1b2f4f0a9f77 took 12 ms"]
        self.assertTrue(shows([ids[0]], [ids[1]]))
        self.assertFalse(shows(["5 slices"], ["6 slices"]))
        self.assertTrue(shows(["5 slices"], ["6,000 slices"], numbers_vary=True))
        self.assertTrue(shows(["a", "...", "z"], ["a", "b", "c", "z"]))
        self.assertFalse(shows(["a", "...", "z"], ["a", "b", "c"]))
        self.assertTrue(shows(["a ... z"], ["a b c z"]))


if __name__ == "__main__":
    unittest.main()
