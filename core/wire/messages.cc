#include "core/wire/messages.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "core/model/stats_form.h"
#include "core/runtime/binary_form.h"

namespace slicemill::wire {
namespace {

constexpr std::uint8_t kMagic = 0x53;
constexpr std::uint8_t kVersion = 9;

// One description per message serves both directions: fields(io, message) with io = Writer or Reader.
using Writer = FormWriter;
using Reader = FormReader;

// M is const when writing.
template <typename Io, typename M>
void enumeration(Io& io, M& value, std::uint8_t last) {
  if constexpr (kReadsForm<Io>) {
    std::uint8_t byte = 0;
    io.u8(byte);
    io.valid = io.valid && byte <= last;
    value = static_cast<std::remove_const_t<M>>(byte);
  } else {
    io.u8(static_cast<std::uint8_t>(value));
  }
}

template <typename Io, typename K>
void key(Io& io, K& k) {
  io.number(k.generation);
  io.number(k.slicer);
  io.number(k.order);
  io.number(k.path);
}

template <typename Io, typename A>
void attempt(Io& io, A& a) {
  io.number(a.epoch);
  io.number(a.n);
}

template <typename Io, typename H>
void held(Io& io, H& h) {
  key(io, h.key);
  attempt(io, h.attempt);
}

template <typename Io, typename P>
void process(Io& io, P& p) {
  if constexpr (kReadsForm<Io>) {
    std::uint32_t pid = 0;
    io.number(pid);
    io.valid = io.valid && pid <= 0x7FFFFFFF;
    p.pid = static_cast<pid_t>(pid);
  } else {
    io.number(static_cast<std::uint32_t>(p.pid));
  }
  io.number(p.start_ticks);
  io.text(p.boot_id);
}

constexpr auto kFigures = [](auto& io, auto& f) {
  io.number(f.records);
  io.number(f.bytes);
  io.number(f.time_ns);
};

constexpr auto kQuarantined = [](auto& io, auto& q) {
  io.text(q.operation);
  io.number(q.entry.index);
  io.text(q.entry.operation);
  io.text(q.place);
  io.text(q.bytes);
  io.text(q.error);
  io.text(q.metadata);
};

constexpr auto kRemark = [](auto& io, auto& r) {
  io.text(r.text);
  io.flag(r.is_refuted);
};

constexpr auto kOutputPart = [](auto& io, auto& p) {
  io.text(p.place);
  io.number(p.records);
  io.number(p.bytes);
  io.fixed64(p.checksum);
};

enum class FactsForm : std::uint8_t { none, one_file, several_files, several_sinks };

template <typename F>
FactsForm form_of(const F& f) {
  if (!f.present) return FactsForm::none;
  if (!f.sinks.empty()) return FactsForm::several_sinks;
  return f.parts.empty() ? FactsForm::one_file : FactsForm::several_files;
}

// The form, and what all but `none` have.
template <typename Io, typename F>
FactsForm begin_facts(Io& io, F& f, FactsForm last) {
  auto form = form_of(f);
  enumeration(io, form, static_cast<std::uint8_t>(last));
  if constexpr (kReadsForm<Io>) f.present = form != FactsForm::none;
  if (form == FactsForm::none) return form;
  io.number(f.records);
  io.number(f.bytes);
  io.fixed64(f.checksum);
  io.fixed32(f.request_hash);
  return form;
}

template <typename Io, typename F>
void parts(Io& io, F& f) {
  io.list(f.parts, kOutputPart);
  if constexpr (kReadsForm<Io>) io.valid = io.valid && !f.parts.empty();
}

constexpr auto kSinkFacts = [](auto& io, auto& f) {
  io.number(f.sink);
  const FactsForm form = begin_facts(io, f, FactsForm::several_files);
  if (form == FactsForm::several_files) parts(io, f);
  if constexpr (kReadsForm<std::remove_reference_t<decltype(io)>>) io.valid = io.valid && form != FactsForm::none;
};

template <typename Io, typename F>
void facts(Io& io, F& f) {
  const FactsForm form = begin_facts(io, f, FactsForm::several_sinks);
  if (form == FactsForm::several_files) parts(io, f);
  if (form != FactsForm::several_sinks) return;
  io.list(f.sinks, kSinkFacts);
  if constexpr (kReadsForm<Io>) io.valid = io.valid && !f.sinks.empty();
}

template <typename Io, typename R>
void result(Io& io, R& r) {
  key(io, r.key);
  io.number(r.count);
  attempt(io, r.attempt);
  enumeration(io, r.outcome, 4);
  io.number(r.records_in);
  io.number(r.records_out);
  io.number(r.busy_us);
  facts(io, r.output);
  io.text(r.error);
  io.text(r.value);
  io.list(r.operations, kFigures);
  io.list(r.quarantined, kQuarantined);
  io.list(r.remarks, kRemark);
  if constexpr (kReadsForm<Io>) {
    const bool plain = r.outcome == Outcome::completed && !r.output.present && r.error.empty() && r.value.empty() &&
                       r.quarantined.empty() && r.remarks.empty();
    io.valid = io.valid && r.count >= 1 && r.count <= (plain ? SpanOrder::kMostSlices : 1);
  }
}

template <typename Io, typename S>
void slice_order(Io& io, S& s) {
  key(io, s.key);
  attempt(io, s.attempt);
  io.signed_number(s.created_ms);
  io.text(s.request);
  io.flag(s.last_try);
}

template <typename Io, typename S>
void span_order(Io& io, S& s) {
  if constexpr (kReadsForm<Io>) {
    std::string bytes;
    io.text(bytes);
    auto run = decode_run(bytes);
    io.valid = io.valid && run && run->count() > 0 && run->count() <= SpanOrder::kMostSlices;
    if (io.valid) s.run = std::move(*run);
  } else {
    io.text(encode_run(s.run));
  }
  attempt(io, s.attempt);
  io.flag(s.last_try);
}

constexpr auto kHeld = [](auto& io, auto& h) { held(io, h); };
constexpr auto kResult = [](auto& io, auto& r) { result(io, r); };
constexpr auto kText = [](auto& io, auto& t) { io.text(t); };
constexpr auto kStats = [](auto& io, auto& stats) { describe(io, stats); };

constexpr auto kSliceOrder = [](auto& io, auto& s) { slice_order(io, s); };
constexpr auto kSpanOrder = [](auto& io, auto& s) { span_order(io, s); };

// The fields of each message, in the order of the grammar in messages.h. M is const when writing.
template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, Hello>
void fields(Io& io, M& m) {
  io.text(m.worker_id);
  process(io, m.process);
  io.text(m.marker_path);
  io.list(m.held, kHeld);
  io.number(m.first_seq);
  io.list(m.unacked, kResult);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, Results>
void fields(Io& io, M& m) {
  io.number(m.epoch);
  io.number(m.first_seq);
  io.list(m.results, kResult);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, Recalled>
void fields(Io& io, M& m) {
  io.number(m.epoch);
  io.list(m.slices, kHeld);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, Heartbeat>
void fields(Io& io, M& m) {
  io.number(m.epoch);
  io.flag(m.running);
  io.number(m.acked);
  io.number(m.sent);
  io.number(m.held);
  io.flag(m.leaving);
  io.text(m.log_level);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, Goodbye>
void fields(Io& io, M& m) {
  io.text(m.reason);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, Welcome>
void fields(Io& io, M& m) {
  io.number(m.epoch);
  io.list(m.generation_ids, kText);
  io.text(m.job);
  process(io, m.controller);
  io.number(m.beat_ms);
  io.text(m.log_level);
  io.list(m.cancelled, kHeld);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, Dispatch>
void fields(Io& io, M& m) {
  io.number(m.epoch);
  io.list(m.slices, kSliceOrder);
  io.list(m.spans, kSpanOrder);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, Acked>
void fields(Io& io, M& m) {
  io.number(m.seq);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, Recall>
void fields(Io& io, M& m) {
  io.number(m.epoch);
  io.number(m.keep);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, Leave>
void fields(Io&, M&) {}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, HelloAgain>
void fields(Io&, M&) {}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, SetLogLevel>
void fields(Io& io, M& m) {
  io.text(m.level);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, ControllerHello>
void fields(Io& io, M& m) {
  io.text(m.ex_id);
  io.number(m.epoch);
  process(io, m.process);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, Status>
void fields(Io& io, M& m) {
  io.number(m.epoch);
  io.text(m.status);
  io.text(m.reason);
  io.optional(m.stats, kStats);
  io.number(m.workers);
  io.text(m.log_level);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, Finished>
void fields(Io& io, M& m) {
  io.number(m.epoch);
  io.text(m.status);
  io.text(m.reason);
  io.optional(m.stats, kStats);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, Answer>
void fields(Io& io, M& m) {
  io.number(m.request_id);
  io.flag(m.ok);
  io.u8(m.code);
  io.text(m.message);
  io.text(m.body);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, WorkerLost>
void fields(Io& io, M& m) {
  io.signed_number(m.pid);
  io.text(m.reason);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, ControllerWelcome>
void fields(Io&, M&) {}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, Verb>
void fields(Io& io, M& m) {
  io.number(m.request_id);
  enumeration(io, m.verb, 2);
  io.text(m.argument);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, Query>
void fields(Io& io, M& m) {
  io.number(m.request_id);
  enumeration(io, m.what, 4);
  io.number(m.from);
  io.number(m.size);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, FinishedAck>
void fields(Io&, M&) {}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, LedgerMade>
void fields(Io& io, M& m) {
  io.number(m.epoch);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, LedgerNoted>
void fields(Io&, M&) {}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, WorkerExit>
void fields(Io& io, M& m) {
  io.signed_number(m.pid);
  io.text(m.cause);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, Cancel>
void fields(Io& io, M& m) {
  io.number(m.epoch);
  io.list(m.slices, kHeld);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, Wanted>
void fields(Io& io, M& m) {
  io.number(m.workers);
  io.text(m.log_level);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, WorkersWait>
void fields(Io& io, M& m) {
  io.text(m.reason);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, PulseWanted>
void fields(Io& io, M& m) {
  process(io, m.process);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, Pulse>
void fields(Io& io, M& m) {
  io.text(m.path);
}

template <typename Io, typename M>
requires std::is_same_v<std::remove_const_t<M>, PulseTaken>
void fields(Io& io, M& m) {
  io.number(m.every_ms);
}

template <std::size_t index = 0>
bool read_body(std::size_t type, Reader& reader, Message& message) {
  if constexpr (index < std::variant_size_v<Message>) {
    if (type != index) return read_body<index + 1>(type, reader, message);
    fields(reader, message.emplace<index>());
    return reader.valid && reader.in.at_end();
  }
  return false;
}

}  // namespace

std::vector<SliceOrder> take_slices(Dispatch& dispatch) {
  std::vector<SliceOrder> slices = std::exchange(dispatch.slices, {});
  std::size_t count = slices.size();
  for (const SpanOrder& span : dispatch.spans) count += span.run.count();
  slices.reserve(count);
  for (const SpanOrder& span : std::exchange(dispatch.spans, {})) {
    const std::uint64_t in_span = span.run.count();
    for (std::uint64_t i = 0; i < in_span; ++i)
      slices.push_back({.key = span.run.key(i),
                        .attempt = span.attempt,
                        .created_ms = span.run.created_ms,
                        .request = span.run.request(i),
                        .last_try = span.last_try,
                        .follows = i > 0});
  }
  return slices;
}

std::string encode(const Message& message) {
  std::string frame;
  Writer writer{ByteWriter(frame)};
  writer.u8(kMagic);
  writer.u8(kVersion);
  writer.u8(static_cast<std::uint8_t>(message.index()));
  writer.u8(0);
  std::visit([&writer](const auto& body) { fields(writer, body); }, message);
  return frame;
}

Result<Message> decode(std::string_view frame) {
  if (frame.size() > kMaxFrameBytes)
    return Error(ErrorCode::invalid, fmt::format("a frame of {} bytes is too large", frame.size()));
  Reader reader{ByteReader(frame)};
  std::uint8_t magic = 0, version = 0, type = 0, reserved = 0;
  reader.u8(magic);
  reader.u8(version);
  reader.u8(type);
  reader.u8(reserved);
  if (!reader.in.ok() || magic != kMagic || reserved != 0) return Error(ErrorCode::invalid, "not a slicemill frame");
  if (version != kVersion)
    return Error(ErrorCode::invalid, fmt::format("frame version {} is not {}", version, kVersion));
  Message message;
  if (!read_body(type, reader, message))
    return Error(ErrorCode::invalid,
                 fmt::format("a frame of type {} and {} bytes does not decode", type, frame.size()));
  return message;
}

}  // namespace slicemill::wire
