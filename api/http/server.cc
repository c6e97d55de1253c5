#include "api/http/server.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <utility>
#include <vector>

#include "api/http/session.h"
#include "core/runtime/log.h"
#include "core/runtime/readiness.h"

namespace slicemill::api {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Acceptor = asio::basic_socket_acceptor<tcp, asio::io_context::executor_type>;

class BeastServer final : public HttpServer {
 public:
  BeastServer(AsioLoop& loop, const HttpOptions& options, const Router& router, OriginGuard guard, Acceptor acceptor)
      : state_(std::make_shared<ServerState>(loop, options, router, std::move(guard))), acceptor_(std::move(acceptor)) {
    state_->on_session_end = [this] { on_session_end(); };
    Duration shortest = std::min({options.read_timeout, options.answer_timeout, options.write_timeout,
                                  options.idle_timeout, options.linger_timeout, options.stop_timeout});
    sweep_interval_ = std::clamp<Duration>(shortest / 4, std::chrono::milliseconds(5), std::chrono::seconds(1));
    accept();
  }

  ~BeastServer() override {
    state_->on_session_end = nullptr;
    state_->loop.cancel(sweep_timer_);
    state_->loop.cancel(accept_timer_);
    state_->loop.cancel(stop_timer_);
    state_->stopping = true;
    state_->each_session([](Session& session) { session.close(); });
  }

  std::uint16_t port() const override {
    error_code ignored;
    return port_ != 0 ? port_ : acceptor_.local_endpoint(ignored).port();
  }

  HttpCounters counters() const override {
    HttpCounters counters = state_->counters;
    counters.connections = state_->sessions.size();
    return counters;
  }

  void stop(std::function<void()> done) override {
    on_stopped_.push_back(std::move(done));
    if (!state_->stopping) {
      state_->stopping = true;
      port_ = port();
      error_code ignored;
      acceptor_.close(ignored);
      state_->each_session([](Session& session) { session.finish(); });
      stop_timer_ = state_->loop.after(state_->options.stop_timeout, [this] {
        stop_timer_ = 0;
        state_->each_session([](Session& session) { session.close(); });
      });
    }
    on_session_end();
  }

 private:
  void accept() {
    if (state_->stopping) return;
    if (state_->sessions.size() >= state_->options.connection_limit) return make_room();
    acceptor_.async_accept([this, state = state_](error_code error, Session::Socket socket) {
      if (state->stopping) return;  // then `this` may be gone
      if (error) return on_accept_error(error);
      std::make_shared<Session>(state_, std::move(socket))->start();
      if (sweep_timer_ == 0) sweep_later();
      accept();
    });
  }

  // At the limit a new client takes the place of the one that has kept us waiting for longest, so that connections that
  // only hang do not lock others out. If there is none, the new one waits in the listen queue.
  void make_room() {
    waiting_for_room_ = true;
    async_wait_readable(acceptor_, [this, state = state_](error_code error) {
      if (state->stopping || error || !waiting_for_room_) return;
      std::shared_ptr<Session> slowest;
      for (const auto& session : state->sessions) {
        const auto waits = session->awaits_client();
        if (waits && (!slowest || *waits < *slowest->awaits_client())) slowest = session;
      }
      if (slowest) return slowest->close();  // its end lets the next one in
      accept_later();
    });
  }

  void on_accept_error(error_code error) {
    if (state_->counters.accept_failures++ % 100 == 0)
      log(LogLevel::warn, "cannot accept a connection: {}; {} are open", error.message(), state_->sessions.size());
    accept_later();
  }

  void accept_later() {
    state_->loop.cancel(accept_timer_);
    waiting_for_room_ = false;
    accept_timer_ = state_->loop.after(state_->options.accept_pause, [this] {
      accept_timer_ = 0;
      accept();
    });
  }

  void sweep_later() {
    sweep_timer_ = state_->loop.after(sweep_interval_, [this] {
      sweep_timer_ = 0;
      SteadyTime now = state_->loop.now();
      state_->each_session([now](Session& session) { session.on_sweep(now); });
      if (!state_->sessions.empty()) sweep_later();
    });
  }

  void on_session_end() {
    if (std::exchange(waiting_for_room_, false))
      state_->loop.post([this, state = state_] {
        if (!state->stopping) accept();
      });
    if (!state_->stopping || !state_->sessions.empty()) return;
    state_->loop.cancel(std::exchange(stop_timer_, 0));
    for (auto& done : std::exchange(on_stopped_, {})) state_->loop.post(std::move(done));
  }

  std::shared_ptr<ServerState> state_;
  Acceptor acceptor_;
  Duration sweep_interval_{};
  Loop::TimerId sweep_timer_ = 0;  // runs while there are connections
  Loop::TimerId accept_timer_ = 0;
  Loop::TimerId stop_timer_ = 0;
  bool waiting_for_room_ = false;
  std::uint16_t port_ = 0;  // once the acceptor is closed
  std::vector<std::function<void()>> on_stopped_;
};

Error bind_error(const HttpOptions& options, error_code error) {
  if (error == asio::error::address_in_use)
    return {ErrorCode::conflict, fmt::format("port {} on {} is in use", options.port, options.address)};
  if (error == asio::error::access_denied)
    return {ErrorCode::invalid, fmt::format("port {} on {} may not be opened by this user: {}", options.port,
                                            options.address, error.message())};
  if (error == boost::system::errc::address_not_available)
    return {ErrorCode::invalid, fmt::format("{} is not an address of this machine", options.address)};
  return {ErrorCode::io,
          fmt::format("cannot listen on port {} of {}: {}", options.port, options.address, error.message())};
}

}  // namespace

Result<std::unique_ptr<HttpServer>> start_http_server(AsioLoop& loop, const HttpOptions& options,
                                                      const Router& router) {
  ASSIGN_OR_RETURN(OriginGuard guard, OriginGuard::make(options.address, options.allowed_hosts));
  error_code error;
  auto address = asio::ip::make_address(options.address, error);
  if (error) {
    auto found = tcp::resolver(loop.context()).resolve(options.address, "", error);
    if (error || found.empty())
      return Error(ErrorCode::invalid,
                   fmt::format("\"{}\" is no address to listen on: {}", options.address, error.message()));
    address = found.begin()->endpoint().address();
  }
  tcp::endpoint endpoint(address, options.port);
  Acceptor acceptor(loop.context().get_executor());
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(Acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(Acceptor::max_listen_connections, error);
  if (error) return bind_error(options, error);
  return std::unique_ptr<HttpServer>(
      std::make_unique<BeastServer>(loop, options, router, std::move(guard), std::move(acceptor)));
}

}  // namespace slicemill::api
