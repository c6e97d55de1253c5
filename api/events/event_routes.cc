#include "api/events/event_routes.h"

#include <fmt/core.h>

#include <charconv>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "core/model/stats_json.h"
#include "core/runtime/json.h"

namespace slicemill::api {
namespace {

constexpr std::string_view kStreamType = "text/event-stream";
constexpr std::size_t kEventPieceBytes = 16 << 10;  // of a stream that is sent at once: what a client may hold of ours
constexpr std::size_t kEventsAtOnce = 16;
constexpr std::chrono::seconds kHeartbeat{15};

Response event_answer(int status, const Json& body) {
  return {status, "application/json; charset=utf-8", to_compact_text(body), {}};
}

Response event_refusal(int status, std::string_view message) {
  return event_answer(status, {{"error", status}, {"message", message}});
}

void append_event(std::string& out, std::string_view name, std::string_view data) {
  out.append("event: ").append(name).append("\ndata: ").append(data).append("\n\n");
}

struct EventWriting {
  std::string& out;

  void operator()(const std::shared_ptr<const StatusChange>& change) const {
    out += fmt::format("id: {}\n", change->id);
    append_event(out, "status",
                 to_compact_text({{"ex_id", change->ex_id.text},
                                  {"job_id", change->job_id.text},
                                  {"time", to_iso(change->at)},
                                  {"from", change->from},
                                  {"event", change->event},
                                  {"to", change->to},
                                  {"reason", change->reason}}));
  }
  void operator()(const std::shared_ptr<const ProgressReport>& report) const {
    std::string data = to_compact_text({{"ex_id", report->ex_id.text},
                                        {"job_id", report->job_id.text},
                                        {"time", to_iso(report->at)},
                                        {"status", to_string(report->status)}});
    data.back() = ',';  // the progress is JSON already
    append_event(out, "progress", data.append("\"progress\":").append(progress_json(report->progress)).append("}"));
  }
  void operator()(const SkippedProgress& skipped) const {
    append_event(out, "skipped", to_compact_text({{"seconds", skipped.seconds}}));
  }
};

class EventBody final : public BodySource {
 public:
  explicit EventBody(std::unique_ptr<EventStream> stream) : stream_(std::move(stream)) {}

  Result<std::string> next() override {
    std::string text = std::exchange(begin_, {});
    while (text.size() < kEventPieceBytes) {
      const auto events = stream_->take(kEventsAtOnce);
      if (events.empty()) break;
      for (const auto& event : events) std::visit(EventWriting{text}, event);
    }
    if (!ended_ && stream_->at_end()) {
      ended_ = true;
      const std::string why = stream_->why_ended();
      append_event(text, "end", to_compact_text({{"reason", why.empty() ? "the server is shutting down" : why}}));
    }
    // Asked again without being woken: the pause is over.
    if (text.empty() && std::exchange(is_waiting_, true)) text = ": alive\n\n";
    if (!text.empty()) is_waiting_ = false;
    return text;
  }
  bool at_end() const override { return ended_; }
  std::chrono::milliseconds pause() const override { return kHeartbeat; }
  void on_ready(std::function<void()> wake) override {
    stream_->on_ready([this, wake = std::move(wake)] {
      is_waiting_ = false;
      wake();
    });
  }

 private:
  std::unique_ptr<EventStream> stream_;
  std::string begin_ = ": events of executions\nretry: 1000\n\n";
  bool is_waiting_ = false;
  bool ended_ = false;
};

// The header is what a client sends that comes back, so it goes before the parameter of the first request.
std::optional<std::string> place_given(const Request& request) {
  if (auto header = request.headers.value("Last-Event-ID")) return header;
  return request.query_value("last_event_id");
}

void follow_events(EventFeed& feed, const Request& request, const Respond& respond) {
  std::optional<std::int64_t> after;
  if (const auto text = place_given(request); text && !text->empty()) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error != std::errc() || end != text->data() + text->size() || number < 0)
      return respond(event_refusal(400, fmt::format("Last-Event-ID must be the id of an event, got {}", *text)));
    after = number;
  }
  EventFilter filter;
  if (auto id = request.query_value("ex_id")) filter.ex_id = ExecutionId(std::move(*id));
  if (auto id = request.query_value("job_id")) filter.job_id = JobId(std::move(*id));
  auto stream = feed.follow(filter, after);
  if (!stream) {
    const int status = stream.error().code == ErrorCode::not_found     ? 404
                       : stream.error().code == ErrorCode::unavailable ? 503
                                                                       : 500;
    return respond(event_refusal(status, stream.error().message));
  }
  Response response{200, kStreamType, "", {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}}};
  response.source = std::make_shared<EventBody>(std::move(*stream));
  respond(std::move(response));
}

constexpr ParameterDoc kEventParameters[] = {
    {"ex_id", "string", "Only events of this execution."},
    {"job_id", "string", "Only events of the executions of this job."},
    {"last_event_id", "integer", "The same as the header, for a first request."},
    {.name = "Last-Event-ID",
     .type = "integer",
     .description = "What follows the event with this id; 0: all that is stored; without it what happens from now on.",
     .is_header = true}};

constexpr RouteDoc kEventsDoc{.summary = "Changes of statuses and progress while they happen, as server-sent events",
                              .role = Role::read,
                              .parameters = kEventParameters,
                              .answer = kEventStream,
                              .ours = true};

}  // namespace

Dialect events_dialect(EventFeed& feed) {
  Dialect out;
  out.name = "Events";
  const Handler handler = [&feed](Request& request, const Respond& respond) { follow_events(feed, request, respond); };
  out.unprefixed_routes = {{.method = Method::get, .pattern = "/v1/events", .handler = handler, .doc = kEventsDoc},
                           {.method = Method::get,
                            .pattern = "/events",
                            .handler = handler,
                            .doc = {.role = Role::read, .parameters = kEventParameters, .ours = true}}};
  return out;
}

}  // namespace slicemill::api
