// Requests per second of the HTTP server with the Teraslice dialect, over 32 loopback connections from a second thread.
//
//   http_bench [SECONDS per row, default 2]
#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "api/dialects/teraslice/teraslice_routes.h"
#include "api/http/server.h"
#include "tests/api/http_client.h"
#include "tests/fakes/fake_job_service.h"

namespace slicemill {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kConnections = 32;

Json job_document(int i) {
  Json reader = {{"_op", "file_reader"}, {"path", "/data/input"}, {"format", "ldjson"}, {"size", "10MB"}};
  Json sender = {{"_op", "file_exporter"}, {"path", "/data/output"}, {"format", "ldjson"}, {"compression", "gzip"}};
  return {{"name", fmt::format("job {}", i)},
          {"lifecycle", "once"},
          {"workers", 4},
          {"operations", {reader, {{"_op", "filter"}, {"field", "http.status"}, {"min", 400}}, sender}},
          {"job_id", fmt::format("5a50580c-4a50-48d9-80f8-{:012}", i)},
          {"_context", "job"},
          {"_created", "2026-11-24T16:36:27.123Z"},
          {"_updated", "2026-11-24T16:36:27.123Z"}};
}

struct Connection {
  HttpClient client;
  Clock::time_point sent;
};

struct Figures {
  std::size_t requests = 0;
  std::size_t body_bytes = 0;
  std::vector<double> latencies_ms;
};

// Each connection sends its next request when its answer is there.
Figures load(std::uint16_t port, const std::string& request, std::chrono::duration<double> time) {
  Figures figures;
  std::vector<Connection> connections;
  connections.reserve(kConnections);
  for (std::size_t i = 0; i < kConnections; ++i) connections.push_back({HttpClient(port), Clock::now()});
  std::vector<pollfd> polls;
  for (Connection& connection : connections) {
    polls.push_back({connection.client.descriptor(), POLLIN, 0});
    connection.client.send(request);
  }
  for (auto end = Clock::now() + time; Clock::now() < end;) {
    ::poll(polls.data(), polls.size(), 1000);
    for (std::size_t i = 0; i < polls.size(); ++i) {
      if (!(polls[i].revents & POLLIN)) continue;
      Connection& connection = connections[i];
      auto answer = connection.client.read_answer();
      if (!answer || answer->status != 200) {
        fmt::print(stderr, "http_bench: no good answer\n");
        std::exit(1);
      }
      auto now = Clock::now();
      figures.latencies_ms.push_back(std::chrono::duration<double, std::milli>(now - connection.sent).count());
      figures.body_bytes = answer->body.size();
      ++figures.requests;
      connection.sent = now;
      connection.client.send(request);
    }
  }
  std::ranges::sort(figures.latencies_ms);
  return figures;
}

int run(std::chrono::duration<double> time) {
  AsioLoop loop;
  FakeJobService service;
  service.record_calls(false);
  std::vector<Json> jobs;
  for (int i = 0; i < 100; ++i) jobs.push_back(job_document(i));
  service.answer("get_job", jobs.front());
  service.answer_list("list_jobs", std::move(jobs));
  api::Router router;
  api::HttpOptions options;
  options.port = 0;
  if (!router.mount(api::teraslice::dialect(service, service))) return 1;
  auto server = api::start_http_server(loop, options, router);
  if (!server) {
    fmt::print(stderr, "http_bench: {}\n", server.error().message);
    return 1;
  }
  std::uint16_t port = (*server)->port();
  std::thread server_thread([&] { loop.run(); });

  fmt::print("{:<24} {:>12} {:>10} {:>10} {:>12}\n", "request", "requests/s", "p50 ms", "p99 ms", "body bytes");
  for (const char* target : {"/health", "/v1/jobs/j1", "/v1/jobs"}) {
    Figures figures = load(port, http_request("GET", target), time);
    auto at = [&](double part) {
      return figures.latencies_ms[static_cast<std::size_t>(part * static_cast<double>(figures.requests - 1))];
    };
    fmt::print("GET {:<20} {:>12.0f} {:>10.2f} {:>10.2f} {:>12}\n", target,
               static_cast<double>(figures.requests) / time.count(), at(0.5), at(0.99), figures.body_bytes);
  }
  loop.stop();
  server_thread.join();
  return 0;
}

}  // namespace
}  // namespace slicemill

int main(int count, char** arguments) {
  double seconds = count > 1 ? std::atof(arguments[1]) : 2.0;
  return slicemill::run(std::chrono::duration<double>(seconds > 0 ? seconds : 0.1));
}
