"""What the `script` operation costs: a Python child alone, fed from a file of frames, against the same child within a job of one worker."""

import json
import os
import struct

from .system import ROOT, command_seconds, run_seconds

SDK = {**os.environ, "PYTHONPATH": str(ROOT / "sdk/python")}
CHILDREN = {
    "JSON parsed and written": "import slicemill\nslicemill.run(lambda records: [r for r in records if r['id'] >= 0])\n",
    "bytes as they are": "import slicemill\nslicemill.run_bytes(lambda lines: lines)\n",
}


def write_inputs(directory, megabytes):
    """The same records as lines, and as frames of a megabyte with a slice's end behind every ten."""
    line = json.dumps({"id": 1, "host": "web-17", "path": "/index/of/things", "status": 200, "agent": "x" * 180}) + "\n"
    batch = (line * (1_000_000 // len(line))).encode()
    lines, frames = directory / "script.ldjson", directory / "script.frames"
    with lines.open("wb") as plain, frames.open("wb") as framed:
        for n in range(megabytes):
            plain.write(batch)
            framed.write(struct.pack(">I", len(batch)) + batch)
            if n % 10 == 9:
                framed.write(bytes(4))
    return lines, frames


def alone(child, frames):
    with frames.open("rb") as source:
        return command_seconds(["python3", child], stdin=source, env=SDK)


def within(bench, child, lines):
    job = {"name": "scripts", "workers": 1, "operations": [
        {"_op": "file_reader", "path": str(lines), "format": "ldjson", "size": "10MB"},
        {"_op": "script", "command": "python3", "args": [str(child)], "framing": "length"}, {"_op": "noop"}]}
    return run_seconds(bench, job, env=SDK)


def measure(bench):
    megabytes = bench.amount(100, 10)
    lines, frames = write_inputs(bench.work, megabytes)
    for title, program in CHILDREN.items():
        child = bench.work / "child.py"
        child.write_text(program)
        took = bench.in_turns(alone=lambda: alone(child, frames), within=lambda: within(bench, child, lines))
        speeds = {way: [megabytes / seconds for seconds in values] for way, values in took.items()}
        bench.row("scripts", f"script with a Python child, {title}", "MB/s", speeds["within"], ("the child alone", speeds["alone"]),
                  ">= 0.8" if "JSON" in title else None)
    lines.unlink()
    frames.unlink()
