"""Children of slicemill's `script` operation with `framing: length`, in Python.

    import slicemill
    slicemill.run(lambda records: [r for r in records if r["bytes"] > 0])

`docs/scripts.md` has the framing. What a child prints goes to the worker's log, not among the records.
"""

import json
import struct
import sys


def run_bytes(process, finish=lambda: b"", byte_order="big"):
    """process(lines) -> lines, both bytes of records that end with a newline; finish() -> lines held back, at each slice's end."""
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    size = struct.Struct(">I" if byte_order == "big" else "<I")
    while len(head := requests.read(4)) == 4:
        length = size.unpack(head)[0]
        payload = process(requests.read(length)) if length else finish()
        replies.write(size.pack(len(payload)))
        replies.write(payload)
        replies.flush()


def run(process, finish=lambda: (), byte_order="big"):
    """process(records) -> records, of a batch; finish() -> records held back, at each slice's end."""

    def to_lines(records):
        return "".join(json.dumps(record, separators=(",", ":"), ensure_ascii=False) + "\n" for record in records).encode()

    run_bytes(lambda lines: to_lines(process([json.loads(line) for line in lines.splitlines()])),
              lambda: to_lines(finish()), byte_order)
