#!/usr/bin/env python3
"""What the `script` operation costs: a child alone, fed from a file of frames, against the same child within a job, in turns.

Alone, the child reads frames from a file and writes to /dev/null: nothing can feed it faster. Prints a table and the ratio of the
medians (1.0: the job is as fast as its child). One worker; `SLICEMILL_BUILD` names another build directory.
"""

import argparse
import json
import os
import pathlib
import statistics
import struct
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("SLICEMILL_BUILD") or HERE.parent / "build" / "release")
SDK = HERE.parent / "sdk" / "python"

CHILDREN = {
    "JSON parsed and written": "import slicemill\nslicemill.run(lambda records: [r for r in records if r['id'] >= 0])\n",
    "bytes as they are": "import slicemill\nslicemill.run_bytes(lambda lines: lines)\n",
}


def write_inputs(directory, megabytes):
    """The same records as lines, and as frames of a megabyte with a slice's end behind every ten."""
    line = json.dumps({"id": 1, "host": "web-17", "path": "/index/of/things", "status": 200, "agent": "x" * 180}) + "\n"
    batch = (line * (1_000_000 // len(line))).encode()
    lines, frames = directory / "lines.ldjson", directory / "frames"
    with lines.open("wb") as plain, frames.open("wb") as framed:
        for n in range(megabytes):
            plain.write(batch)
            framed.write(struct.pack(">I", len(batch)) + batch)
            if n % 10 == 9:
                framed.write(bytes(4))
    return lines, frames


def seconds(command, **streams):
    start = time.monotonic()
    subprocess.run([str(part) for part in command], check=True, env={**os.environ, "PYTHONPATH": str(SDK)}, **streams)
    return time.monotonic() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="slicemill-bench-") as name:
        directory = pathlib.Path(name)
        lines, frames = write_inputs(directory, options.megabytes)
        print("| child | alone | in a job | ratio |\n| --- | --- | --- | --- |")
        for title, program in CHILDREN.items():
            child = directory / "child.py"
            child.write_text(program)
            job = directory / "job.json"
            job.write_text(json.dumps({"name": "bench", "workers": 1, "operations": [
                {"_op": "file_reader", "path": str(lines), "format": "ldjson", "size": "10MB"},
                {"_op": "script", "command": "python3", "args": [str(child)], "framing": "length"},
                {"_op": "noop"}]}))
            alone, within = [], []
            for turn in range(options.runs):
                with frames.open("rb") as source:
                    alone.append(seconds(["python3", child], stdin=source, stdout=subprocess.DEVNULL))
                within.append(seconds([BUILD / "slicemill", "run", job, "--data", directory / f"data{turn}{len(title)}"],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            bare, ours = statistics.median(alone), statistics.median(within)
            print(f"| {title} | {options.megabytes / bare:.0f} MB/s [{min(alone):.2f}..{max(alone):.2f} s] "
                  f"| {options.megabytes / ours:.0f} MB/s [{min(within):.2f}..{max(within):.2f} s] | {bare / ours:.2f} |")


if __name__ == "__main__":
    main()
