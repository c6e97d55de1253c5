// GET /v1/events over real sockets: what a client reads while it happens, and how it ends.
#include "api/events/event_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/api/api_server.h"
#include "tests/api/http_client.h"

namespace slicemill {
namespace {

using ::testing::HasSubstr;

// The next text of the stream up to and with this one; what was read so far if the connection ends.
std::string read_to(HttpClient& client, std::string_view end) {
  std::string text;
  while (!text.ends_with(end)) {
    const std::string byte = client.read_bytes(1);
    if (byte.empty()) return text;
    text += byte;
  }
  return text;
}

HttpClient follow(ApiServer& api, std::string_view target = "/v1/events", std::string_view headers = {}) {
  HttpClient client(api.port());
  client.send(http_request("GET", target, {}, headers));
  return client;
}

ExecutionEventOf change(std::int64_t id, std::string reason = "") {
  return std::make_shared<const StatusChange>(StatusChange{id, JobId("j1"), ExecutionId("e1"), kFakeNow, "running",
                                                           "all_done", "completed", std::move(reason)});
}

TEST(EventRoutes, AnEventIsReadWhenItHappens) {
  ApiServer api;
  HttpClient client = follow(api);
  const std::string head = read_to(client, "retry: 1000\n\n");
  EXPECT_THAT(head, HasSubstr("HTTP/1.1 200 OK"));
  EXPECT_THAT(head, HasSubstr("Content-Type: text/event-stream"));
  EXPECT_THAT(head, HasSubstr("Cache-Control: no-store"));
  api.on_loop([&] { api.service().events().give(change(7, "two\nlines")); });
  EXPECT_THAT(read_to(client, "}\n\n"),
              HasSubstr("id: 7\nevent: status\ndata: {\"ex_id\":\"e1\",\"job_id\":\"j1\","
                        "\"time\":\"2026-11-24T12:00:00.000Z\",\"from\":\"running\",\"event\":\"all_done\","
                        "\"to\":\"completed\",\"reason\":\"two\\nlines\"}\n\n"));
  api.on_loop([&] {
    api.service().events().give(std::make_shared<const ProgressReport>(
        ProgressReport{JobId("j1"), ExecutionId("e1"), kFakeNow, ExecutionStatus::running, Progress{.percent = 5}}));
    api.service().events().give(SkippedProgress{4});
  });
  EXPECT_THAT(read_to(client, "}}\n\n"),
              HasSubstr("event: progress\ndata: {\"ex_id\":\"e1\",\"job_id\":\"j1\","
                        "\"time\":\"2026-11-24T12:00:00.000Z\",\"status\":\"running\",\"progress\":{\"percent\":5,"));
  EXPECT_THAT(read_to(client, "}\n\n"), HasSubstr("event: skipped\ndata: {\"seconds\":4}"));
}

TEST(EventRoutes, AsksForWhatTheRequestNames) {
  ApiServer api;
  HttpClient by_header = follow(api, "/events?ex_id=e1&last_event_id=3", "Last-Event-ID: 9\r\n");
  read_to(by_header, "\n\n");
  api.on_loop([&] {
    EXPECT_EQ(api.service().events().filter.ex_id, ExecutionId("e1"));
    EXPECT_FALSE(api.service().events().filter.job_id);
    EXPECT_EQ(api.service().events().after, 9) << "a client that comes back";
  });
  HttpClient by_parameter = follow(api, "/v1/events?job_id=j1&last_event_id=0");
  read_to(by_parameter, "\n\n");
  api.on_loop([&] {
    EXPECT_EQ(api.service().events().filter.job_id, JobId("j1"));
    EXPECT_EQ(api.service().events().after, 0);
  });
}

TEST(EventRoutes, WhatCannotBeFollowedIsAnAnswerWithItsStatus) {
  ApiServer api;
  for (const char* place : {"x", "-1", "1.5", "99999999999999999999"}) {
    HttpClient client = follow(api, "/v1/events", "Last-Event-ID: " + std::string(place) + "\r\n");
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 400) << place;
    EXPECT_THAT(answer->body, HasSubstr("Last-Event-ID must be the id of an event"));
  }
  api.on_loop([&] { api.service().events().failure = Error(ErrorCode::not_found, "Execution e9 was not found"); });
  HttpClient unknown = follow(api, "/v1/events?ex_id=e9");
  EXPECT_EQ(unknown.read_answer()->status, 404);
  api.on_loop([&] { api.service().events().failure = Error(ErrorCode::unavailable, "too many"); });
  HttpClient crowded = follow(api);
  EXPECT_EQ(crowded.read_answer()->status, 503);
}

TEST(EventRoutes, AStreamEndsWithAWordAndAWholeBody) {
  ApiServer api;
  HttpClient client = follow(api);
  read_to(client, "\n\n");
  api.on_loop([&] {
    api.service().events().give(change(1));
    api.service().events().end("");
  });
  const std::string rest = read_to(client, "0\r\n\r\n");
  EXPECT_THAT(rest, HasSubstr("id: 1\n"));
  EXPECT_THAT(rest, HasSubstr("event: end\ndata: {\"reason\":\"the server is shutting down\"}\n\n"));
  EXPECT_THAT(rest, ::testing::EndsWith("0\r\n\r\n"));
}

TEST(EventRoutes, AServerThatStopsDoesNotWaitForOnesThatFollow) {
  ApiServer api;
  HttpClient client = follow(api);
  read_to(client, "\n\n");
  const bool stopped = [&] {
    auto done = std::make_shared<bool>(false);
    api.on_loop([&] { api.server().stop([done] { *done = true; }); });
    return api.wait_until([done] { return *done; });
  }();
  EXPECT_TRUE(stopped);
  EXPECT_THAT(read_to(client, "0\r\n\r\n"), ::testing::EndsWith("0\r\n\r\n"));
}

TEST(EventRoutes, AClientThatLeavesIsForgotten) {
  ApiServer api;
  {
    HttpClient client = follow(api);
    read_to(client, "\n\n");
    EXPECT_EQ(api.on_loop([&] { return api.service().events().followers(); }), 1u);
  }
  api.on_loop([&] { api.service().events().give(change(1)); });
  EXPECT_TRUE(api.wait_until([&] { return api.service().events().followers() == 0; }));
}

// What a client does not read stays with the feed, not with the server.
TEST(EventRoutes, AClientThatDoesNotReadIsDroppedAfterAWhile) {
  api::HttpOptions options;
  options.write_timeout = std::chrono::milliseconds(300);
  ApiServer api(options);
  HttpClient client = follow(api);
  read_to(client, "\n\n");
  api.on_loop([&] {
    for (int i = 1; i < 4000; ++i) api.service().events().give(change(i, std::string(4000, 'x')));
  });
  EXPECT_TRUE(api.wait_until([&] { return api.service().events().followers() == 0; }));
}

}  // namespace
}  // namespace slicemill
