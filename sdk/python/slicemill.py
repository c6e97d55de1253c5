"""Children of slicemill's `script` operation, in Python.

    import slicemill
    slicemill.each(lambda record: {**record, "bytes": 2 * record["bytes"]})

The same program works with `framing: lines` and `framing: length`: the worker says in the environment which of them it is. What a
child prints goes to the worker's log, not among the records. `docs/scripts.md` has the framing.
"""

import json
import os
import struct
import sys
import traceback

__version__ = "0.1.0"
__all__ = ["each", "reject", "run", "run_bytes"]

_BATCH_BYTES = 256 * 1024  # of lines, where the worker does not cut batches
_SHOWN_BYTES = 1000        # of a record, where it is named on stderr

_mark = os.environ.get("SLICEMILL_REJECT", "").encode()
_lines = {}         # by the id of a record of the batch under way: the line that it came from
_rejected = []      # marked lines that go with the next reply
_rejected_ids = set()
_is_running = False  # run_bytes writes the replies


def reject(record, reason):
    """Says that the record is a bad one: the job's `_dead_letter_action` decides what becomes of it (by default the slice fails with the
    reason and the record). `record` is a record as it was given, or the line of one as bytes or text. What `run` and `each` give back
    loses the record, if it is still there."""
    line = record if isinstance(record, bytes) else record.encode() if isinstance(record, str) else _lines.get(id(record)) or _line(record)
    line = line.rstrip(b"\r\n")
    if not _mark:
        raise RuntimeError(f"a record was rejected outside of a job: {reason}: {line.decode(errors='replace')}")
    if b"\n" in line:
        raise ValueError("a rejected record is one line")
    marked = _mark + b" " + json.dumps(str(reason)).encode() + b" " + line + b"\n"
    if _is_running:
        _rejected.append(marked)
        _rejected_ids.add(id(record))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(marked)


def run_bytes(process, finish=lambda: b"", byte_order=None):
    """process(lines) -> lines, both bytes of records that end with a newline; finish() -> lines held back, at each slice's end."""
    global _is_running
    _is_running = True
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr

    def reply_to(payload):
        reply = process(payload) if payload else finish()
        if _rejected:
            if reply and not reply.endswith(b"\n"):
                reply += b"\n"
            reply += b"".join(_rejected)
            _rejected.clear()
        _rejected_ids.clear()
        return reply

    if os.environ.get("SLICEMILL_FRAMING") == "lines":
        while lines := requests.readlines(_BATCH_BYTES):
            replies.write(reply_to(b"".join(lines)))
            replies.flush()
        replies.write(reply_to(b""))
        replies.flush()
        return
    order = byte_order or os.environ.get("SLICEMILL_BYTE_ORDER", "big")
    size = struct.Struct(">I" if order == "big" else "<I")
    while len(head := requests.read(4)) == 4:
        length = size.unpack(head)[0]
        reply = reply_to(requests.read(length) if length else b"")
        replies.write(size.pack(len(reply)))
        replies.write(reply)
        replies.flush()


def run(process, finish=lambda: (), byte_order=None):
    """process(records) -> records, of a batch; finish() -> records held back, at each slice's end."""

    def to_bytes(records):
        return b"".join(_line(record) + b"\n" for record in records if id(record) not in _rejected_ids)

    def process_lines(payload):
        lines = [line for line in payload.split(b"\n") if line]
        records = [json.loads(line) for line in lines]
        _lines.clear()
        _lines.update((id(record), line) for record, line in zip(records, lines))
        return to_bytes(process(records))

    run_bytes(process_lines, lambda: to_bytes(finish()), byte_order)


def each(function, finish=lambda: (), byte_order=None):
    """function(record) -> a record, a list of records, or None for none. An exception ends the program, which fails the slice, with the
    record named on stderr."""

    def process(records):
        out = []
        for record in records:
            try:
                given = function(record)
            except Exception as failure:
                line = _lines.get(id(record), b"")[:_SHOWN_BYTES].decode(errors="replace")
                told = "".join(traceback.format_exception(type(failure), failure, failure.__traceback__.tb_next)).rstrip()
                # In one line with the exception: the error of the slice begins with the last line.
                sys.stderr.write(f"{told}; the record was: {line}\n")
                sys.stderr.flush()
                os._exit(1)
            if isinstance(given, (list, tuple)):
                out.extend(given)
            elif given is not None:
                out.append(given)
        return out

    run(process, finish, byte_order)


def _line(record):
    try:
        return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a surrogate pair is JSON, and no UTF-8
        return json.dumps(record, separators=(",", ":")).encode()
