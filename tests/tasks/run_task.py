"""Plays a task: what a person types, and what must be seen. The form is told in README.md.

    python3 run_task.py FILE.task [--show]      --show prints every command with all of its output
"""

import os
import pathlib
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from harness import BUILD, POLL_S, TOKEN_VARIABLE, processes_with_token  # noqa: E402

PATIENCE_S = 90.0
ID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


class Failed(Exception):
    pass


class Step:
    """A command, and what must be seen of it."""

    def __init__(self, line, number, awaited):
        self.command, self.number, self.awaited = line, number, awaited
        self.output, self.errors, self.absent = [], [], []
        self.code = 0


def parse(path):
    """The title, whether there is a master, and what is to be done in order: ("file", name, text) or Step."""
    title, needs_master, actions = None, False, []
    indented = None  # (name, lines) of the file that is being written
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if indented is not None and (line.startswith("    ") or not line.strip()):
            indented[1].append(line[4:])
            continue
        if indented is not None:
            actions.append(("file", indented[0], "\n".join(indented[1]).rstrip("\n") + "\n"))
            indented = None
        step = actions[-1] if actions and isinstance(actions[-1], Step) else None
        word, _, rest = line.partition(" ")
        if not line.strip():
            continue
        if word == "#":
            title = title or rest
        elif line == "needs a port":
            needs_master = True
        elif word == "file":
            indented = (rest, [])
        elif word == "$":
            actions.append(Step(rest, number, False))
        elif word == "await":
            actions.append(Step(rest.removeprefix("$ "), number, True))
        elif word in (">", "!", "absent", "exit") and step is not None:
            if word == "exit":
                step.code = int(rest)
            else:
                {">": step.output, "!": step.errors, "absent": step.absent}[word].append(rest)
        else:
            raise Failed(f"{path.name}:{number}: not understood: {line}")
    if indented is not None:
        raise Failed(f"{path.name}: it ends with a file, not with a command")
    return title or path.stem, needs_master, actions


def pattern_of(text):
    """`*` is any text, `<id>` an id of an execution or a job; everything else stands for itself."""
    parts = re.split(r"(\*|<id>)", text)
    return re.compile("".join({"*": ".*", "<id>": ID}.get(part, re.escape(part)) for part in parts) + r"\Z")


def unseen(wanted, lines):
    """The first of the patterns that no line matches behind that of the one before; None if all are there."""
    at = 0
    for text in wanted:
        pattern = pattern_of(text)
        while at < len(lines) and not pattern.match(lines[at]):
            at += 1
        if at == len(lines):
            return text
        at += 1
    return None


class Shell:
    """One bash for all commands of the task: variables and background processes stay."""

    def __init__(self, directory, environment):
        self.directory = directory
        self.streams = [directory.parent / "stdout", directory.parent / "stderr"]
        self.process = subprocess.Popen(["bash", "--noprofile", "--norc"], cwd=directory, env=environment, bufsize=0,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(self, command, patience_s=PATIENCE_S):
        """(exit code, lines of stdout, lines of stderr)."""
        mark = uuid.uuid4().hex
        out, errors = self.streams
        self.process.stdin.write(f"{{ {command}\n}} </dev/null >{out} 2>{errors}; echo {mark} $?\n".encode())
        deadline = time.monotonic() + patience_s
        said = b""
        while mark.encode() not in said or not said.endswith(b"\n"):
            left = deadline - time.monotonic()
            ready = select.select([self.process.stdout], [], [], max(left, 0))[0]
            piece = os.read(self.process.stdout.fileno(), 4096) if ready else b""
            if not piece:
                raise Failed(f"{command}\n  did not end within {patience_s:.0f} s; it said\n{self.shown()}")
            said += piece
        return int(said.split()[-1]), *(stream.read_text(errors="replace").splitlines() for stream in self.streams)

    def shown(self):
        return "".join(stream.read_text(errors="replace") for stream in self.streams if stream.exists())

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def judge(step, code, out, errors):
    """What is wrong with what was seen; None if nothing."""
    if code != step.code:
        return f"exit {code}, not {step.code}"
    for wanted, lines, name in ((step.output, out, "standard output"), (step.errors, errors, "standard error")):
        missing = unseen(wanted, lines)
        if missing is not None:
            return f"not in {name}: {missing}"
    for text in step.absent:
        if any(pattern_of(f"*{text}*").match(line) for line in out + errors):
            return f"must not be seen: {text}"
    return None


def play(shell, actions, show):
    for action in actions:
        if not isinstance(action, Step):
            path = shell.directory / action[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(action[2])
            continue
        deadline = time.monotonic() + PATIENCE_S
        while True:
            code, out, errors = shell.run(action.command)
            wrong = judge(action, code, out, errors)
            if wrong is None or not action.awaited or time.monotonic() > deadline:
                break
            time.sleep(POLL_S)
        if show or wrong:
            print("\n".join([f"$ {action.command}", *out, *(f"! {line}" for line in errors), f"exit {code}"]))
        if wrong:
            raise Failed(f"line {action.number}: {action.command}\n  {wrong}")


def environment_of(directory, token, needs_master):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLICEMILL_")}
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        environment.pop(name, None)
    environment.update({"HOME": str(directory / "home"), "PATH": f"{BUILD}:{environment['PATH']}", "LC_ALL": "C.UTF-8",
                        "EXAMPLES": str(EXAMPLES), "NO_COLOR": "1", TOKEN_VARIABLE: token})
    if needs_master:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment.update({"SLICEMILL_PORT": str(port), "SLICEMILL_MASTER": f"http://127.0.0.1:{port}"})
    return environment


def end_processes(token):
    for _ in range(100):
        pids = processes_with_token(token)
        if not pids:
            return
        for pid in pids:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        time.sleep(POLL_S)


def main(arguments):
    path = pathlib.Path(next(argument for argument in arguments if not argument.startswith("-")))
    title, needs_master, actions = parse(path)
    top, token = pathlib.Path(tempfile.mkdtemp(prefix="slicemill-task-")), uuid.uuid4().hex
    directory = top / "here"
    for made in (directory, top / "home"):
        made.mkdir()
    shell = None
    try:
        shell = Shell(directory, environment_of(top, token, needs_master))
        play(shell, actions, "--show" in arguments)
    except Failed as failed:
        print(f"{path.name} ({title}): {failed}", file=sys.stderr)
        return 1
    finally:
        if shell is not None:
            shell.close()
        end_processes(token)
        shutil.rmtree(top, ignore_errors=True)
    print(f"{path.name}: {title}: as it should be")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
