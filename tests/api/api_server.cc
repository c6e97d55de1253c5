#include "tests/api/api_server.h"

#include <gtest/gtest.h>

#include <chrono>

#include "api/dialects/amp/amp_routes.h"
#include "api/dialects/teraslice/teraslice_routes.h"
#include "api/events/event_routes.h"

namespace slicemill {

ApiServer::ApiServer(api::HttpOptions options, std::vector<api::Dialect> further_dialects) {
  EXPECT_TRUE(router_.mount(api::teraslice::dialect(service_, service_)));
  EXPECT_TRUE(router_.mount(api::amp::dialect(service_, service_.views(), "/amp")));
  EXPECT_TRUE(router_.mount(api::events_dialect(service_.events())));
  for (api::Dialect& dialect : further_dialects) EXPECT_TRUE(router_.mount(std::move(dialect)));
  options.port = 0;
  auto started = api::start_http_server(loop_, options, router_);
  if (!started) throw std::runtime_error(started.error().message);
  server_ = std::move(*started);
  port_ = server_->port();
  thread_ = std::thread([this] { loop_.run(); });
}

ApiServer::~ApiServer() {
  on_loop([this] { server_.reset(); });
  loop_.stop();
  thread_.join();
}

bool ApiServer::wait_until(const std::function<bool()>& condition) {
  std::promise<bool> held;
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  std::function<void()> look = [&] {
    if (condition()) return held.set_value(true);
    if (std::chrono::steady_clock::now() > deadline) return held.set_value(false);
    loop_.after(std::chrono::milliseconds(2), look);
  };
  loop_.post(look);
  return held.get_future().get();
}

}  // namespace slicemill
