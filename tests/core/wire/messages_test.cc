#include "core/wire/messages.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

namespace slicemill::wire {
namespace {

SliceResult some_result() {
  return {
      .key = {1, 2, 3, 5},
      .attempt = {9, 4},
      .outcome = Outcome::failed,
      .records_in = 10,
      .records_out = 7,
      .busy_us = 1234,
      .output =
          {.present = true, .records = 7, .bytes = 70, .checksum = 0xFEDCBA9876543210, .request_hash = 0xDEADBEEF},
      .error = "line 3: broken",
      .operations = {{.records = 7, .bytes = 300, .time_ns = 123456}, {.records = 0, .bytes = 0, .time_ns = 1}},
      .quarantined = {{"operations[2] script", {2, "script"}, "/in: byte 5", std::string("a\0b", 3), "broken", "{}"}},
      .remarks = {{"operations[1] filter: \"a\" was in no record", true}}};
}

SliceResult in_parts() {
  return {.key = {0, 1, 506, 1},
          .attempt = {9, 1},
          .records_in = 3,
          .records_out = 3,
          .output = {.present = true,
                     .records = 3,
                     .bytes = 50,
                     .request_hash = 7,
                     .parts = {{"DE/2026", 1, 20, 0xFEDCBA9876543210}, {"", 2, 30, 0}}}};
}

SliceResult of_sinks() {
  return {.key = {0, 1, 507, 1},
          .attempt = {9, 1},
          .output = {.present = true,
                     .records = 5,
                     .bytes = 90,
                     .request_hash = 7,
                     .sinks = {{.present = true, .records = 2, .bytes = 40, .checksum = 8, .request_hash = 7},
                               {.present = true, .records = 3, .bytes = 50, .sink = 3, .parts = {{"DE", 3, 50, 9}}}}}};
}

SliceRun listed() {
  return {
      .generation = 1, .slicer = 2, .first_order = 3, .created_ms = 4, .requests = ListRequests{{"{}", "{\"a\":1}"}}};
}

SpanOrder numbers(std::int64_t count) {
  return {
      {.first_order = 7, .created_ms = 8, .requests = RangeRequests{.start_key = "a", .span_key = "b", .end = count}},
      {4, 1}};
}

// One of each, every field set.
std::vector<Message> all_messages() {
  const ProcessIdentity process{"boot", 123, 456};
  const HeldSlice held{{0, 0, 8, 1}, {2, 1}};
  return {Hello{"host__ab", process, "/tmp/note", {held, held}, 5, {some_result()}},
          Results{3,
                  17,
                  {some_result(),
                   {.key = {0, 1, 5, 1}, .count = 500, .attempt = {9, 1}, .records_in = 12},
                   in_parts(),
                   of_sinks()}},
          Recalled{3, {held}},
          Heartbeat{3, true, 7, 9, 12, true, "debug"},
          Goodbye{"because"},
          Welcome{4, {"a", "b"}, "{}", process, 250, "debug", {held}},
          Dispatch{4, {{{0, 1, 2, 1}, {4, 1}, -5, "{\"a\":1}", true}}, {numbers(9), {listed(), {4, 1}, true}}},
          Acked{99},
          Recall{4, 3},
          Leave{},
          HelloAgain{},
          SetLogLevel{"trace"},
          ControllerHello{"ex", 4, process},
          Status{4, "running", "why", Stats{.queued = 3, .progress = {.percent = 1.5}}, 12, "warn"},
          Finished{4, "failed", "why", Stats{.notices = {"a"}, .summary = RunSummary{.ex_id = "e"}}},
          Answer{6, false, 3, "no", "[]"},
          WorkerLost{-1, "silent"},
          ControllerWelcome{},
          Verb{7, VerbName::stop, "500"},
          Query{8, QueryName::quarantine, 1, 2},
          FinishedAck{},
          WorkerExit{44, "signal 9"},
          Cancel{4, {held}},
          Wanted{3, "debug"},
          LedgerMade{5},
          LedgerNoted{},
          WorkersWait{"no room"},
          PulseWanted{process},
          Pulse{"/proc/1/fd/3"},
          PulseTaken{2000}};
}

TEST(Messages, AReportMayHaveNoFigures) {
  const Message none = Status{4, "running", "why", std::nullopt, 12, "warn"};
  const auto back = decode(encode(none));
  ASSERT_TRUE(back);
  EXPECT_TRUE(*back == none);
}

TEST(Messages, EveryOneRoundTrips) {
  const auto messages = all_messages();
  ASSERT_EQ(messages.size(), std::variant_size_v<Message>);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    EXPECT_EQ(messages[i].index(), i);
    const auto back = decode(encode(messages[i]));
    ASSERT_TRUE(back) << i << ": " << back.error().message;
    EXPECT_TRUE(*back == messages[i]) << i;
  }
}

TEST(Messages, EveryCutAndEveryTailIsRefused) {
  for (const auto& message : all_messages()) {
    const auto frame = encode(message);
    for (std::size_t cut = 0; cut < frame.size(); ++cut)
      EXPECT_FALSE(decode(frame.substr(0, cut))) << message.index() << " cut at " << cut;
    EXPECT_FALSE(decode(frame + std::string(1, '\0'))) << message.index();
  }
}

TEST(Messages, SlicesOfAnOrderAreTheSingleOnesAndThenThoseOfEachSpan) {
  Dispatch order{4, {{{0, 1, 2, 1}, {4, 3}, -5, "{}", true}}, {numbers(2), {listed(), {4, 1}, true}}};
  const std::vector<SliceOrder> expected{{{0, 1, 2, 1}, {4, 3}, -5, "{}", true},
                                         {{0, 0, 7, 1}, {4, 1}, 8, R"({"a":0,"b":1})", false, false},
                                         {{0, 0, 8, 1}, {4, 1}, 8, R"({"a":1,"b":2})", false, true},
                                         {{1, 2, 3, 1}, {4, 1}, 4, "{}", true, false},
                                         {{1, 2, 4, 1}, {4, 1}, 4, R"({"a":1})", true, true}};
  EXPECT_EQ(take_slices(order), expected);
  EXPECT_TRUE(take_slices(order).empty());
}

// A few bytes must not make a worker hold millions of slices, and sums are of slices that have nothing else to tell.
TEST(Messages, SpansAndSumsAreBounded) {
  const auto most = static_cast<std::int64_t>(SpanOrder::kMostSlices);
  EXPECT_TRUE(decode(encode(Dispatch{4, {}, {numbers(most)}})));
  EXPECT_FALSE(decode(encode(Dispatch{4, {}, {numbers(most + 1)}})));
  const auto decodes = [](std::uint64_t count, const std::function<void(SliceResult&)>& change) {
    SliceResult result{.key = {0, 0, 1, 1}, .count = count, .attempt = {4, 1}};
    change(result);
    return decode(encode(Results{4, 1, {result}})).has_value();
  };
  EXPECT_FALSE(decodes(0, [](SliceResult&) {}));
  EXPECT_TRUE(decodes(SpanOrder::kMostSlices, [](SliceResult&) {}));
  EXPECT_FALSE(decodes(SpanOrder::kMostSlices + 1, [](SliceResult&) {}));
  EXPECT_FALSE(decodes(2, [](SliceResult& r) { r.outcome = Outcome::failed; }));
  EXPECT_FALSE(decodes(2, [](SliceResult& r) { r.output.present = true; }));
  EXPECT_FALSE(decodes(2, [](SliceResult& r) { r.error = "x"; }));
  EXPECT_FALSE(decodes(2, [](SliceResult& r) { r.quarantined.emplace_back(); }));
  EXPECT_FALSE(decodes(2, [](SliceResult& r) { r.remarks.items().emplace_back(); }));
}

TEST(Messages, AnotherVersionTypeOrMagicIsRefused) {
  auto frame = encode(Leave{});
  auto changed = [&](std::size_t at, char to) {
    auto copy = frame;
    copy[at] = to;
    return decode(copy);
  };
  EXPECT_NE(changed(1, 1).error().message.find("version 1"), std::string::npos);
  EXPECT_FALSE(changed(0, 0));
  EXPECT_FALSE(changed(2, 99));
  EXPECT_FALSE(changed(3, 1));
}

TEST(Messages, DamagedFramesNeverCrashAndNeverGrow) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 20'000; ++round) {
    const auto messages = all_messages();
    auto frame = encode(messages[random() % messages.size()]);
    for (int i = 0; i < 3; ++i) frame[random() % frame.size()] = static_cast<char>(random());
    if (const auto decoded = decode(frame)) {
      EXPECT_LE(encode(*decoded).size(), frame.size() + 64);
    }
  }
}

}  // namespace
}  // namespace slicemill::wire
