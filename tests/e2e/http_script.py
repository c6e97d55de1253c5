"""Requests and the answers they must get, as text, played against a real master.

    script   := case*                                       lines that begin with "#" are comments between cases
    case     := "=== " name  [state]  request  expected
    state    := "state " word                               what the test prepares before the request
    request  := METHOD " " target  [blank body]             the body ends before the "--- " line
    expected := "--- " status  [JSON]  ["then " status]     JSON that the body contains: objects may have more members;
                                                            the status that the execution has or reaches afterwards

{ex_id} and {job_id} stand for those of the prepared execution.
"""

import dataclasses
import json


@dataclasses.dataclass
class Case:
    name: str
    line: int
    state: str = ""
    method: str = ""
    target: str = ""
    body: str = ""
    status: int = 0
    contains: str = ""
    then: str = ""


def parse(text):
    cases = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("=== "):
            cases.append(Case(line[4:], number))
            part = "head"
        elif not cases or (part == "head" and not line):
            if cases:
                part = "body"
        elif line.startswith("--- "):
            cases[-1].status = int(line[4:])
            part = "expected"
        elif part == "head" and line.startswith("state "):
            cases[-1].state = line[6:]
        elif part == "head":
            cases[-1].method, cases[-1].target = line.split(" ", 1)
        elif part == "body":
            cases[-1].body += line
        elif line.startswith("then "):
            cases[-1].then = line[5:]
        else:
            cases[-1].contains += line
    for case in cases:
        if not case.method or not case.status:
            raise ValueError(f"line {case.line}: {case.name} has no request or no status")
    return cases


def filled(text, names):
    for name, value in names.items():
        text = text.replace("{" + name + "}", value)
    return text


def difference(expected, found, place="body"):
    """What is missing from `found`; "" if it contains all of `expected`."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            if key not in found:
                return f"{place}.{key} is missing"
            wrong = difference(value, found[key], f"{place}.{key}")
            if wrong:
                return wrong
        return ""
    return "" if expected == found else f"{place} is {json.dumps(found)}, expected {json.dumps(expected)}"
