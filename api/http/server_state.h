// What the connections of one HTTP server share. Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/http/origin_guard.h"
#include "api/http/router.h"
#include "api/http/server.h"
#include "core/runtime/asio_loop.h"

namespace slicemill::api {

class Session;

// What the sessions share. Lives as long as the last pending operation; after `stopping` nothing new begins.
struct ServerState {
  ServerState(AsioLoop& its_loop, const HttpOptions& its_options, const Router& its_router, OriginGuard its_guard)
      : loop(its_loop), options(its_options), router(its_router), guard(std::move(its_guard)) {}

  AsioLoop& loop;
  HttpOptions options;
  const Router& router;
  const OriginGuard guard;
  std::vector<std::shared_ptr<Session>> sessions;  // open ones; each removes itself when it closes
  HttpCounters counters;
  std::size_t body_bytes = 0;  // of the bodies that are being read, or wait to be
  bool stopping = false;
  std::function<void()> on_session_end;

  template <typename Action>
  void each_session(Action action) {
    auto present = sessions;  // an action may close its session
    for (const auto& session : present) action(*session);
  }

  // For the header: made once a second.
  const std::string& date();

 private:
  std::int64_t date_second_ = -1;
  std::string date_;
};

}  // namespace slicemill::api
