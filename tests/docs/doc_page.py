"""Reads a page of the documentation: its commands, the files that it shows, and what it says about both.

A page is Markdown. These are the forms that count:

    ```console                      commands behind `$ ` (more lines of one behind `> `), each followed by what it prints
    ```yaml file=job.yaml           a file that the reader saves under that name; later commands of the page see it
    <!-- not run: REASON -->        above a block: the reader can run it, the test cannot
    <!-- numbers vary: REASON -->   above a block: numbers in its output depend on the machine

A command that stands anywhere else (an indented block, a block marked `sh`, a `$ ` line in a block of another kind) is a fault
of the page: nothing would run it.
"""

import dataclasses
import re

SHELL = {"sh", "bash", "shell", "zsh"}
MARK = re.compile(r"<!-- (not run|numbers vary): (.+) -->$")
FENCE = re.compile(r"( *)```(\S*)(?: file=(\S+))?\s*$")


@dataclasses.dataclass
class Command:
    line: int
    text: str
    shown: list  # the lines of output below it

    def is_background(self):
        return self.text.rstrip().endswith("&")


@dataclasses.dataclass
class Block:
    line: int
    language: str
    file: str | None
    marks: dict  # "not run" or "numbers vary" -> the reason
    lines: list

    def commands(self):
        found = []
        for number, line in enumerate(self.lines, self.line + 1):
            if line.startswith("$ "):
                found.append(Command(number, line[2:], []))
            elif line.startswith("> ") and found and not found[-1].shown:
                found[-1].text += "\n" + line[2:]
            elif line == ">" and found and not found[-1].shown:
                found[-1].text += "\n"
            elif found:
                found[-1].shown.append(line)
        return found


@dataclasses.dataclass
class Page:
    blocks: list
    faults: list  # texts with the line
    spans: list  # (line, text) of inline code


def read_page(text):
    page = Page([], [], [])
    block, indent, marks, previous = None, 0, {}, ""
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if block is not None:
            if fence and not fence[2]:
                page.faults += faults_of(block)
                page.blocks.append(block)
                block = None
            else:
                block.lines.append(line[indent:] if not line[:indent].strip() else line)
            continue
        mark = MARK.match(line.strip())
        if fence:
            block, indent = Block(number, fence[2], fence[3], marks, []), len(fence[1])
            marks = {}
        elif mark:
            marks[mark[1]] = mark[2]
        elif line.strip():
            if marks:
                page.faults.append(f"line {number}: {', '.join(marks)} stands above no block")
                marks = {}
            if line.startswith("    ") and not previous.strip():
                page.faults.append(f"line {number}: an indented block; commands belong into a block marked console")
            page.spans += [(number, span) for span in re.findall(r"`([^`]+)`", line)]
        previous = line if line.strip() else ""
    if block is not None:
        page.faults.append(f"line {block.line}: a block without an end")
    return page


def faults_of(block):
    if block.language == "console":
        if not block.commands():
            return [f"line {block.line}: a block marked console without a command"]
        return []
    if "not run" in block.marks:
        return []
    if block.language in SHELL:
        return [f"line {block.line}: a block marked {block.language}; commands belong into a block marked console"]
    if block.file is None and any(line.startswith("$ ") for line in block.lines):
        return [f"line {block.line}: commands in a block marked {block.language or 'nothing'}"]
    return []


# ---- output: what a page shows against what was printed ----

NAMES = [
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(-[0-9a-f]{6,})?\b"), "ID"),
    (re.compile(r"\b[0-9a-f]{40}\b"), "ID"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?"), "TIME"),
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?\b"), "TIME"),
    (re.compile(r"\([0-9a-f]{7,12}(-dirty)?, \d{4}-\d\d-\d\d\)"), "(BUILD)"),
    (re.compile(r"[0-9][0-9.,]* (records|slices|bytes|MB|GB|KB|kB)/s"), r"RATE \1/s"),
    (re.compile(r"\b\d[\d.,]* ?(ms|s|sec|min|m|h|d)\b( \d[\d.,]* ?(ms|s|sec|min|m|h)\b)*"), "DURATION"),
    (re.compile(r"\b(pid|PID) \d+"), "pid N"),
    (re.compile(r"-{3,}"), "---"),
]
NUMBER = re.compile(r"\d[\d,.]*\d|\d")


def neutral(line, *, numbers_vary=False):
    """The line without what differs from run to run: ids, times, durations, rates, the widths of columns."""
    for pattern, name in NAMES:
        line = pattern.sub(name, line)
    if numbers_vary:
        line = NUMBER.sub("N", line)
    return " ".join(line.split())


def shows(shown, printed, *, numbers_vary=False):
    """Whether `shown` says what was printed. A line `...` stands for any lines, `...` within a line for any text."""
    wanted = [neutral(line, numbers_vary=numbers_vary) for line in shown]
    found = [neutral(line, numbers_vary=numbers_vary) for line in printed]
    wanted = [line for line in wanted if line]
    found = [line for line in found if line]
    pattern = ""
    for line in wanted:
        if line == "...":
            pattern += r"(?:[^\n]*\n)*?"
        else:
            pattern += ".*?".join(re.escape(part) for part in line.split("...")) + r"\n"
    return re.fullmatch(pattern, "".join(line + "\n" for line in found)) is not None
