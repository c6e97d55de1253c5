// Children of slicemill's `script` operation with `framing: length`, in Node.js.
//
//   require('slicemill').run((records) => records.filter((record) => record.bytes > 0));
//
// docs/scripts.md has the framing. What a child logs goes to the worker's log, not among the records.
'use strict';

const fs = require('fs');

function readExactly(size) {
  const bytes = Buffer.allocUnsafe(size);
  let got = 0;
  while (got < size) {
    const more = fs.readSync(0, bytes, got, size - got, null);
    if (more === 0) return null;
    got += more;
  }
  return bytes;
}

function writeAll(bytes) {
  for (let sent = 0; sent < bytes.length;) sent += fs.writeSync(1, bytes, sent);
}

// process(lines) -> lines, both Buffers of records that end with a newline; finish() -> lines held back, at each slice's end.
function runBytes(process, finish = () => Buffer.alloc(0)) {
  console.log = console.info = console.error;
  for (let head = readExactly(4); head !== null; head = readExactly(4)) {
    const size = head.readUInt32BE(0);
    const payload = size > 0 ? process(readExactly(size)) : finish();
    head.writeUInt32BE(payload.length, 0);
    writeAll(Buffer.concat([head, payload]));
  }
}

// process(records) -> records, of a batch; finish() -> records held back, at each slice's end.
function run(process, finish = () => []) {
  const toLines = (records) => Buffer.from(records.map((record) => JSON.stringify(record) + '\n').join(''));
  const toRecords = (lines) => lines.toString().split('\n').filter((line) => line !== '').map((line) => JSON.parse(line));
  runBytes((lines) => toLines(process(toRecords(lines))), () => toLines(finish()));
}

module.exports = { run, runBytes };
