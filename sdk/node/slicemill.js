// Children of slicemill's `script` operation, in Node.js.
//
//   require('slicemill').each((record) => ({ ...record, bytes: 2 * record.bytes }));
//
// The same program works with `framing: lines` and `framing: length`: the worker says in the environment which of them it is. What a
// child logs goes to the worker's log, not among the records. docs/scripts.md has the framing.
'use strict';

const fs = require('fs');

const BATCH_BYTES = 256 * 1024; // of lines, where the worker does not cut batches
const SHOWN_LENGTH = 1000;      // of a record, where it is named on stderr
const NEWLINE = Buffer.from('\n');

const mark = process.env.SLICEMILL_REJECT || '';
const lines = new WeakMap(); // of records: the line that each came from
let rejected = [];           // marked lines that go with the next reply
let rejectedRecords = new Set();
let isRunning = false;       // runBytes writes the replies

const isLong = (record) => typeof record === 'object' && record !== null;
const textOf = (record) => (isLong(record) && lines.get(record)) || JSON.stringify(record);

// Says that the record is a bad one: the job's `_dead_letter_action` decides what becomes of it (by default the slice fails with the
// reason and the record). A record as it was given, or the line of one as Buffer or text. What `run` and `each` give back loses the
// record, if it is still there.
function reject(record, reason) {
  const given = Buffer.isBuffer(record) || typeof record === 'string' ? record.toString() : textOf(record);
  const line = given.replace(/[\r\n]+$/, '');
  if (mark === '') throw new Error(`a record was rejected outside of a job: ${reason}: ${line}`);
  if (line.includes('\n')) throw new Error('a rejected record is one line');
  const marked = Buffer.from(`${mark} ${JSON.stringify(String(reason))} ${line}\n`);
  if (isRunning) {
    rejected.push(marked);
    rejectedRecords.add(record);
  } else {
    writeAll(marked);
  }
}

// Fewer bytes than asked for: the end is there.
function readUpTo(size) {
  const bytes = Buffer.allocUnsafe(size);
  let got = 0;
  while (got < size) {
    const more = readSome(bytes, got);
    if (more === 0) break;
    got += more;
  }
  return bytes.subarray(0, got);
}

function readSome(bytes, at) {
  for (;;) {
    try {
      return fs.readSync(0, bytes, at, bytes.length - at, null);
    } catch (failure) {
      if (failure.code === 'EOF') return 0;
      if (failure.code !== 'EAGAIN') throw failure;
    }
  }
}

function writeAll(bytes) {
  for (let sent = 0; sent < bytes.length;) {
    try {
      sent += fs.writeSync(1, bytes, sent);
    } catch (failure) {
      if (failure.code !== 'EAGAIN') throw failure;
    }
  }
}

function withRejected(reply) {
  const parts = [reply];
  if (rejected.length > 0 && reply.length > 0 && reply[reply.length - 1] !== NEWLINE[0]) parts.push(NEWLINE);
  parts.push(...rejected);
  rejected = [];
  rejectedRecords = new Set();
  return Buffer.concat(parts);
}

function serveLines(replyTo) {
  let held = Buffer.alloc(0);
  for (;;) {
    const read = readUpTo(BATCH_BYTES);
    const isLast = read.length < BATCH_BYTES;
    held = Buffer.concat([held, read]);
    const end = isLast ? held.length : held.lastIndexOf(NEWLINE) + 1;
    if (end > 0) writeAll(replyTo(held.subarray(0, end)));
    held = held.subarray(end);
    if (isLast) break;
  }
  writeAll(replyTo(null));
}

function serveFrames(replyTo, isLittle) {
  for (let head = readUpTo(4); head.length === 4; head = readUpTo(4)) {
    const size = isLittle ? head.readUInt32LE(0) : head.readUInt32BE(0);
    const reply = replyTo(size > 0 ? readUpTo(size) : null);
    if (isLittle) head.writeUInt32LE(reply.length, 0);
    else head.writeUInt32BE(reply.length, 0);
    writeAll(Buffer.concat([head, reply]));
  }
}

// work(lines) -> lines, both Buffers of records that end with a newline; finish() -> lines held back, at each slice's end.
function runBytes(work, finish = () => Buffer.alloc(0)) {
  isRunning = true;
  console.log = console.info = console.error;
  process.stdout.write = process.stderr.write.bind(process.stderr);
  const replyTo = (payload) => withRejected(payload === null ? finish() : work(payload));
  if (process.env.SLICEMILL_FRAMING === 'lines') serveLines(replyTo);
  else serveFrames(replyTo, process.env.SLICEMILL_BYTE_ORDER === 'little');
}

// work(records) -> records, of a batch; finish() -> records held back, at each slice's end.
function run(work, finish = () => []) {
  const toLines = (records) => Buffer.from(
    records.filter((record) => !rejectedRecords.has(record)).map((record) => JSON.stringify(record) + '\n').join(''));
  const toRecords = (payload) => payload.toString().split('\n').filter((line) => line !== '').map((line) => {
    const record = JSON.parse(line);
    if (isLong(record)) lines.set(record, line);
    return record;
  });
  runBytes((payload) => toLines(work(toRecords(payload))), () => toLines(finish()));
}

// work(record) -> a record, an array of records, or nothing. An exception ends the program, which fails the slice, with the record named
// on stderr.
function each(work, finish = () => []) {
  run((records) => records.flatMap((record) => {
    try {
      const given = work(record);
      return given === undefined || given === null ? [] : given;
    } catch (failure) {
      const stack = failure && failure.stack ? `${failure.stack}\n` : '';
      // The error of the slice begins with the last line.
      fs.writeSync(2, `${stack}${failure}; the record was: ${textOf(record).slice(0, SHOWN_LENGTH)}\n`);
      process.exit(1);
    }
  }), finish);
}

module.exports = { each, reject, run, runBytes };
