// The real HTTP server with the real dialects over a fake JobService, on its own loop thread and a free port of
// loopback.
#pragma once

#include <future>
#include <memory>
#include <thread>
#include <type_traits>
#include <utility>

#include "api/http/router.h"
#include "api/http/server.h"
#include "core/runtime/asio_loop.h"
#include "tests/fakes/fake_job_service.h"

namespace slicemill {

class ApiServer {
 public:
  explicit ApiServer(api::HttpOptions options = {}, std::vector<api::Dialect> further_dialects = {});
  ~ApiServer();
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  std::uint16_t port() const { return port_; }
  // Runs the action on the loop thread and waits for its value.
  template <typename Action>
  auto on_loop(Action action) {
    std::packaged_task<std::invoke_result_t<Action>()> task(std::move(action));
    auto value = task.get_future();
    loop_.post([&task] { task(); });
    return value.get();
  }
  // Waits until the condition holds on the loop thread; false after 20 s.
  bool wait_until(const std::function<bool()>& condition);

  FakeJobService& service() { return service_; }  // on the loop thread only
  api::HttpServer& server() { return *server_; }  // on the loop thread only
  void destroy_server() { server_.reset(); }      // on the loop thread only
  AsioLoop& loop() { return loop_; }
  api::Router& router() { return router_; }

 private:
  AsioLoop loop_;
  FakeJobService service_;
  api::Router router_;
  std::unique_ptr<api::HttpServer> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace slicemill
