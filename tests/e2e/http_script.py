"""Plays request and answer scripts (the form of tests/dialects/http_script.h, without given and called) against a real server.

In all parts {name} stands for a value of the world that a test has set up. In expected JSON a text may stand for what is not known
before: "<number>", "<text>", "<begins TEXT>", "<date>", "<list>", "<object>", "<any>"; "<save name>" takes any text and puts it into the
world.

A body "<file NAME>" is what the world has under that name, bytes as they are.

Two lines more than that form: "state WORD" before the request names what the test has to prepare, "then STATUS" behind the expected
answer the status that the prepared execution has or reaches.
"""

import dataclasses
import http.client
import json
import re

DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
KINDS = {
    "<number>": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "<text>": lambda value: isinstance(value, str) and value != "",
    "<date>": lambda value: isinstance(value, str) and DATE.fullmatch(value) is not None,
    "<list>": lambda value: isinstance(value, list),
    "<object>": lambda value: isinstance(value, dict),
    "<any>": lambda value: True,
}


@dataclasses.dataclass
class Case:
    name: str
    line: int
    state: str = ""
    method: str = ""
    target: str = ""
    headers: dict = dataclasses.field(default_factory=dict)
    body: str = ""
    status: int = 0
    expected_headers: dict = dataclasses.field(default_factory=dict)
    expected_json: str | None = None
    exact: str | None = None
    then: str = ""


def parse(text):
    """The cases of a script; a line that does not fit fails with its number."""
    lines = text.split("\n")
    cases, at = [], 0
    while at < len(lines):
        if not lines[at].startswith("=== "):
            if lines[at] and not lines[at].startswith("#"):
                raise ValueError(f"line {at + 1}: expected a case")
            at += 1
            continue
        case = Case(lines[at][4:], at + 1)
        at += 1
        if lines[at].startswith("state "):
            case.state = lines[at].removeprefix("state ")
            at += 1
        case.method, case.target = lines[at].split(" ", 1)
        at += 1
        while lines[at] and not lines[at].startswith("--- "):
            name, value = lines[at].split(": ", 1)
            case.headers[name] = value
            at += 1
        body = []
        while not lines[at].startswith("--- "):
            body.append(lines[at])
            at += 1
        case.body = "\n".join(body).strip("\n")
        case.status = int(lines[at][4:])
        at = parse_expected(case, lines, at + 1)
        cases.append(case)
    return cases


def parse_expected(case, lines, at):
    while at < len(lines) and not lines[at].startswith("=== "):
        line = lines[at]
        end = at + 1
        if line == "exactly" or line[:1] in ("{", "["):
            while end < len(lines) and lines[end] and not lines[end].startswith(("=== ", "then ")):
                end += 1
            if line == "exactly":
                case.exact = "\n".join(lines[at + 1 : end])
            else:
                case.expected_json = "\n".join(lines[at:end])
        elif line.startswith("then "):
            case.then = line.removeprefix("then ")
        elif line and not line.startswith("#"):
            name, value = line.split(": ", 1)
            case.expected_headers[name] = value
        at = end
    return at


def fill(text, world):
    return re.sub(r"\{([a-z_]+)\}", lambda match: str(world[match[1]]), text)


def difference(expected, actual, world, place=""):
    """Where actual lacks something of expected, "" if nowhere. Objects may have more members, lists have the same length."""
    if isinstance(expected, str) and expected.startswith("<save "):
        world[expected[6:-1]] = actual
        return "" if isinstance(actual, str) and actual else f"{place}: expected a text, got {actual!r}"
    if isinstance(expected, str) and expected.startswith("<begins "):
        return "" if isinstance(actual, str) and actual.startswith(expected[8:-1]) else f"{place}: expected {expected}, got {actual!r}"
    if isinstance(expected, str) and expected in KINDS:
        return "" if KINDS[expected](actual) else f"{place}: expected {expected}, got {actual!r}"
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key, value in expected.items():
            if key not in actual:
                return f"{place}/{key}: missing in {actual}"
            if found := difference(value, actual[key], world, f"{place}/{key}"):
                return found
        return ""
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for n, (one, other) in enumerate(zip(expected, actual)):
            if found := difference(one, other, world, f"{place}/{n}"):
                return found
        return ""
    # True == 1 in Python, never in JSON.
    same = expected == actual and isinstance(expected, bool) == isinstance(actual, bool)
    return "" if same else f"{place or '/'}: expected {expected!r}, got {actual!r}"


def play(case, port, world):
    """What went wrong, one text each."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {name: fill(value, world) for name, value in case.headers.items()}
    target = fill(case.target, world)
    file = re.fullmatch(r"<file ([a-z_]+)>", case.body)
    connection.request(case.method, target, world[file[1]] if file else fill(case.body, world) or None, headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    wrong = []
    if answer.status != case.status:
        wrong.append(f"expected status {case.status}, got {answer.status}: {body[:500]}")
    world = world if not wrong else dict(world)
    for name, value in case.expected_headers.items():
        if answer.headers.get(name) != fill(value, world):
            wrong.append(f"header {name}: expected {value}, got {answer.headers.get(name)}")
    everything = {**world, "target": target}
    if case.expected_json is not None:
        if found := difference(json.loads(fill(case.expected_json, everything)), json.loads(body), world):
            wrong.append(found)
    if case.exact is not None and body.rstrip("\n") != fill(case.exact, everything):
        wrong.append(f"expected the body\n{fill(case.exact, everything)}\ngot\n{body}")
    return wrong
