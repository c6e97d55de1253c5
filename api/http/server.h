// The HTTP/1.1 server: reads requests, hands them to the router, writes the answers. It knows no dialect.
//
// Owner: the process's wiring. Lives wholly on the loop thread. A connection is served one request at a time, so
// pipelined requests are answered in their order. The server library stays in server.cc.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/http/router.h"
#include "core/runtime/asio_loop.h"
#include "core/runtime/clock.h"
#include "core/runtime/result.h"

namespace slicemill::api {

struct HttpOptions {
  std::string address = "127.0.0.1";                  // an IP address of this machine, or a name that resolves to one
  std::uint16_t port = 5678;                          // 0: any free one
  std::vector<std::string> allowed_hosts;             // beside the server's own, see OriginGuard
  std::size_t header_limit = 16 << 10;                // bytes
  std::size_t body_limit = 10 << 20;                  // bytes
  std::size_t bodies_limit = 128 << 20;               // bytes of all bodies that are being read
  std::size_t connection_limit = 4096;                // a further one takes the place of one that waits for its client
  Duration read_timeout = std::chrono::seconds(30);   // from a request's first byte to its last
  Duration answer_timeout = std::chrono::minutes(5);  // a handler's answer
  Duration write_timeout = std::chrono::seconds(60);  // until the client has taken the answer
  Duration idle_timeout = std::chrono::minutes(2);    // between two requests
  Duration linger_timeout = std::chrono::seconds(2);  // after the last answer, for the client to close first
  Duration stop_timeout = std::chrono::seconds(10);   // answers in flight at stop()
  Duration accept_pause =
      std::chrono::milliseconds(100);  // after a failed accept, for instance when descriptors ran out
};

struct HttpCounters {
  std::size_t connections = 0;  // open now
  std::uint64_t requests = 0;   // handed to the router
  std::uint64_t accept_failures = 0;
};

class HttpServer {
 public:
  virtual ~HttpServer() = default;  // closes everything at once; answers that come later are dropped

  virtual std::uint16_t port() const = 0;
  virtual HttpCounters counters() const = 0;

  // No new connections and requests; answers in flight are finished, at most for stop_timeout. Then calls done, on the
  // loop thread. May be called again: each done is called.
  virtual void stop(std::function<void()> done) = 0;
};

// Listens when it returns. conflict if the port is in use; invalid if the address is not one that can be bound, or a
// host of allowed_hosts is none. The
// message is one line that names address and port. loop and router outlive the server.
Result<std::unique_ptr<HttpServer>> start_http_server(AsioLoop& loop, const HttpOptions& options, const Router& router);

}  // namespace slicemill::api
