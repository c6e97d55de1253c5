// WIRE MESSAGES: everything that processes of one execution say to each other.
//
// clang-format off
//   frame       := magic=0x53:u8 version=9:u8 type:u8 reserved=0:u8 body
//   integers    := LEB128 varint; signed ones zigzag        text := length bytes        list := count item*
//   key         := generation slicer order path             attempt := epoch n
//   facts       := form:u8 [records bytes checksum:u64le request_hash:u32le [list<part>] [list<sink:varint facts>]]
//                                                           form: 0 no output, 1 one file, 2 several: with the parts,
//                                                           3 of several sinks: with those, none of form 0 or 3
//   part        := place records bytes checksum:u64le
//   Result      := key count attempt outcome:u8 records_in records_out busy_us facts error value list<figures> list<quarantined>
//                  list<remark>
//   figures     := records bytes time_ns                    one per operation of the job, none if it does not want them
//   quarantined := operation entry entry_operation place bytes error
//                                                           of a failed slice: the record that it failed at, if known
//   remark      := text refuted:u8                          each once per worker process, with the slice that showed it
//
// worker -> controller
//   Hello       := worker_id pid start_ticks boot_id marker_path held:list<key attempt> unacked:list<Result>
//   Results     := epoch first_seq list<Result>             entries are numbered from 1 per worker process
//   Recalled    := epoch list<key attempt>                  slices given back unstarted
//   Beat        := epoch running:u8 acked sent held leaving:u8 log_level
//                                                           lease renewal, also while user code blocks; and what the
//                                                           worker knows, so that what it missed is told again
//   Goodbye     := reason                                   after Leave, everything acknowledged
//   Pulse       := path                                     the answer to PulseWanted (core/runtime/pulse.h)
// controller -> worker
//   Welcome     := epoch generation_ids:list<text> job:text(canonical JSON) controller_pid start_ticks boot_id beat_ms log_level
//                  cancelled:list<key attempt>
//   Dispatch    := epoch list<slice> list<span>
//   slice       := key attempt created_ms request last_try:u8
//   span        := run:text (encode_run, model/slice.h) attempt last_try:u8      all slices of the run, in order
//   Acked       := seq                                      every entry up to seq is durable; the worker forgets it
//   Recall      := epoch keep                               give back all but `keep` waiting slices, newest first
//   Cancel      := epoch list<key attempt>                  nobody wants them any more; those not begun come back
//   Leave       := (empty)                                  finish what runs, then Goodbye and exit 0
//   HelloAgain  := (empty)                                  who are you? (a heartbeat from an unknown peer)
//   SetLogLevel := level
//   PulseWanted := pid start_ticks boot_id                  of who asks: you may show signs of life without messages
//   PulseTaken  := every_ms                                 your pulse is looked at: no messages without content any more
// controller -> master
//   ControllerHello := ex_id epoch pid start_ticks boot_id
//   Status      := epoch status reason [stats] workers log_level
//                                                           a level, not an edge: on change, and as lease renewal
//   Finished    := epoch status reason [stats]              the outcome is synced in the ledger
//   stats       := core/model/stats_form.h                  nothing: nothing is known yet
//   Answer      := request_id ok:u8 code message body       to Verb and Query
//   WorkerLost  := pid reason                               please see to it that it is dead, and replace it
//   LedgerMade  := epoch                                    the execution's ledger is there; again each heartbeat until LedgerNoted
//   Pulse       := path
// master -> controller
//   ControllerWelcome := (empty)
//   Verb        := request_id verb argument
//   Query       := request_id what from size
//   FinishedAck := (empty)
//   WorkerExit  := pid cause
//   Wanted      := workers log_level                        levels: told at the hello, at each change, and while Status says otherwise
//   LedgerNoted := (empty)                                  it is durable that there is a ledger
//   WorkersWait := reason                                   why no worker can be started now; "": they can again
//   PulseWanted := pid start_ticks boot_id
//   PulseTaken  := every_ms
// clang-format on
//
// A frame that does not decode to exactly one message is refused; the peer that sent it is dropped, never trusted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/model/output_facts.h"
#include "core/model/quarantine.h"
#include "core/model/remark.h"
#include "core/model/slice.h"
#include "core/model/stats.h"
#include "core/runtime/process.h"
#include "core/runtime/rare_list.h"
#include "core/runtime/result.h"

namespace slicemill::wire {

inline constexpr std::size_t kMaxFrameBytes = 64u << 20;

struct HeldSlice {
  SliceKey key;
  Attempt attempt;
  bool operator==(const HeldSlice&) const = default;
};

// obstructed: an obstacle of the machine (see Error) kept the output from being staged; awaits: another system cannot
// be reached, and the job says to wait for it. In both cases nobody is charged. Append only.
enum class Outcome : std::uint8_t { completed, failed, failed_for_good, obstructed, awaits };

// What one operation did for a slice.
struct OperationFigures {
  std::uint64_t records = 0;  // that it gave on
  std::uint64_t bytes = 0;    // of these records
  std::uint64_t time_ns = 0;  // 0 of all operations: the slice was not measured
  bool operator==(const OperationFigures&) const = default;
};

// Of one slice; or of `count` slices with consecutive orders that all completed, without outputs, quarantined records
// and remarks: the numbers are their sums, the times those of the first one, and none of the others was measured.
struct SliceResult {
  SliceKey key;
  std::uint64_t count = 1;
  Attempt attempt;
  Outcome outcome = Outcome::completed;
  std::uint64_t records_in = 0;
  std::uint64_t records_out = 0;
  std::uint64_t busy_us = 0;  // from begun to finished
  OutputFacts output;
  std::string error;                         // text for failed ones
  std::string value;                         // of a completed one: for a slicer that hears completions
  std::vector<OperationFigures> operations;  // in the job's order; empty if the job does not want them
  // Of a completed one: read, and not in the output. Of a failed one at most one: the record that it failed at, cut.
  std::vector<QuarantinedRecord> quarantined;
  RareList<Remark> remarks;  // true whatever becomes of the slice, and of its result
  bool operator==(const SliceResult&) const = default;
};

// Its operations' times are known.
inline bool is_measured(const SliceResult& result) {
  for (const OperationFigures& figures : result.operations)
    if (figures.time_ns > 0) return true;
  return false;
}

struct Hello {
  std::string worker_id;
  ProcessIdentity process;
  std::string marker_path;  // file in which the worker notes what it has begun (see core/runtime/in_flight_marker.h);
                            // "" in-process
  std::vector<HeldSlice> held;
  std::uint64_t first_seq = 0;  // of unacked
  std::vector<SliceResult> unacked;
  bool operator==(const Hello&) const = default;
};
struct Results {
  std::uint64_t epoch = 0;
  std::uint64_t first_seq = 0;
  std::vector<SliceResult> results;
  bool operator==(const Results&) const = default;
};
struct Recalled {
  std::uint64_t epoch = 0;
  std::vector<HeldSlice> slices;
  bool operator==(const Recalled&) const = default;
};
struct Heartbeat {
  std::uint64_t epoch = 0;
  bool running = false;
  std::uint64_t acked = 0;  // results up to this number are forgotten
  std::uint64_t sent = 0;   // results up to this number were told
  std::uint64_t held = 0;   // slices whose result was not told yet
  bool leaving = false;     // it will go as soon as it is done
  std::string log_level;
  bool operator==(const Heartbeat&) const = default;
};
struct Goodbye {
  std::string reason;
  bool operator==(const Goodbye&) const = default;
};

struct Welcome {
  std::uint64_t epoch = 0;
  std::vector<std::string> generation_ids;  // lineage: generation index -> execution id
  std::string job;                          // canonical JSON (core/model/job_spec.h)
  ProcessIdentity controller;
  std::uint64_t beat_ms = 1000;
  std::string log_level;
  std::vector<HeldSlice> cancelled;  // held ones that the controller does not want
  bool operator==(const Welcome&) const = default;
};
struct SliceOrder {
  SliceKey key;
  Attempt attempt;
  WallMs created_ms = 0;
  std::string request;
  bool last_try = false;  // a failure is final: bad records are to be looked for, where the job quarantines them
  bool follows = false;   // not on the wire: the next one of the span that the slice before it is of
  bool operator==(const SliceOrder&) const = default;
};
// Slices of one run, from its bytes alone: a run of numbers costs the same however long it is.
struct SpanOrder {
  static constexpr std::uint64_t kMostSlices = 4096;

  SliceRun run;
  Attempt attempt;  // of each of them
  bool last_try = false;
  bool operator==(const SpanOrder&) const = default;
};
struct Dispatch {
  std::uint64_t epoch = 0;
  std::vector<SliceOrder> slices;
  std::vector<SpanOrder> spans;  // behind the single ones
  bool operator==(const Dispatch&) const = default;
};
struct Acked {
  std::uint64_t seq = 0;
  bool operator==(const Acked&) const = default;
};
struct Recall {
  std::uint64_t epoch = 0;
  std::uint64_t keep = 0;
  bool operator==(const Recall&) const = default;
};
struct Leave {
  bool operator==(const Leave&) const = default;
};
// Attempts that nobody wants any more. Those that have not begun are given back with Recalled.
struct Cancel {
  std::uint64_t epoch = 0;
  std::vector<HeldSlice> slices;
  bool operator==(const Cancel&) const = default;
};
struct HelloAgain {
  bool operator==(const HelloAgain&) const = default;
};
struct SetLogLevel {
  std::string level;
  bool operator==(const SetLogLevel&) const = default;
};

struct ControllerHello {
  std::string ex_id;
  std::uint64_t epoch = 0;
  ProcessIdentity process;
  bool operator==(const ControllerHello&) const = default;
};
struct Status {
  std::uint64_t epoch = 0;
  std::string status;
  std::string reason;
  std::optional<Stats> stats;
  std::uint64_t workers = 0;  // see Wanted
  std::string log_level;
  bool operator==(const Status&) const = default;
};
struct Finished {
  std::uint64_t epoch = 0;
  std::string status;
  std::string reason;
  std::optional<Stats> stats;
  bool operator==(const Finished&) const = default;
};
struct Answer {
  std::uint64_t request_id = 0;
  bool ok = true;
  std::uint8_t code = 0;  // ErrorCode
  std::string message;
  std::string body;  // JSON
  bool operator==(const Answer&) const = default;
};
struct WorkerLost {
  std::int64_t pid = 0;
  std::string reason;
  bool operator==(const WorkerLost&) const = default;
};
struct ControllerWelcome {
  bool operator==(const ControllerWelcome&) const = default;
};
enum class VerbName : std::uint8_t { pause, resume, stop };
struct Verb {
  std::uint64_t request_id = 0;
  VerbName verb = VerbName::pause;
  std::string argument;  // stop: deadline in ms
  bool operator==(const Verb&) const = default;
};
enum class QueryName : std::uint8_t { stats, errors, quarantine, sinks, tries };
struct Query {
  std::uint64_t request_id = 0;
  QueryName what = QueryName::stats;
  std::uint64_t from = 0;
  std::uint64_t size = 0;
  bool operator==(const Query&) const = default;
};
struct FinishedAck {
  bool operator==(const FinishedAck&) const = default;
};
struct WorkerExit {
  std::int64_t pid = 0;
  std::string cause;
  bool operator==(const WorkerExit&) const = default;
};

struct Wanted {
  std::uint64_t workers = 0;  // so many may stay, whoever comes beyond that is to leave; 0: no word about that
  std::string log_level;      // "": as the job says
  bool operator==(const Wanted&) const = default;
};

// From here on, an execution without a ledger has lost it. No slice goes out before the master said that it knows.
struct LedgerMade {
  std::uint64_t epoch = 0;
  bool operator==(const LedgerMade&) const = default;
};
struct LedgerNoted {
  bool operator==(const LedgerNoted&) const = default;
};
struct WorkersWait {
  std::string reason;
  bool operator==(const WorkersWait&) const = default;
};
struct PulseWanted {
  ProcessIdentity process;
  bool operator==(const PulseWanted&) const = default;
};
struct Pulse {
  std::string path;
  bool operator==(const Pulse&) const = default;
};
struct PulseTaken {
  std::uint64_t every_ms = 1000;
  bool operator==(const PulseTaken&) const = default;
};

// The index in this list is the type byte: append only.
using Message = std::variant<Hello, Results, Recalled, Heartbeat, Goodbye, Welcome, Dispatch, Acked, Recall, Leave,
                             HelloAgain, SetLogLevel, ControllerHello, Status, Finished, Answer, WorkerLost,
                             ControllerWelcome, Verb, Query, FinishedAck, WorkerExit, Cancel, Wanted, LedgerMade,
                             LedgerNoted, WorkersWait, PulseWanted, Pulse, PulseTaken>;

// Takes every slice out of the order, in the order in which they are to run.
std::vector<SliceOrder> take_slices(Dispatch& dispatch);

std::string encode(const Message& message);
Result<Message> decode(std::string_view frame);

}  // namespace slicemill::wire
