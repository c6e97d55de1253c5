#include "api/http/session.h"

#include <fmt/core.h>

#include <array>
#include <chrono>
#include <ctime>

namespace slicemill::api {
namespace {

using boost::asio::ip::tcp;

std::string shown_peer(const tcp::endpoint& remote) {
  const std::string address = remote.address().to_string();
  return remote.address().is_v6() ? fmt::format("[{}]:{}", address, remote.port())
                                  : fmt::format("{}:{}", address, remote.port());
}

}  // namespace

const std::string& ServerState::date() {
  const std::int64_t second = loop.wall_ms() / 1000;
  if (second != date_second_) {
    date_second_ = second;
    const std::time_t time = second;
    std::tm parts{};
    gmtime_r(&time, &parts);
    std::array<char, 64> text{};
    const std::size_t length = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    date_.assign(text.data(), length);
  }
  return date_;
}

void Session::start() {
  index_ = state_->sessions.size();
  state_->sessions.push_back(shared_from_this());
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  if (const auto local = socket_.local_endpoint(ignored); !ignored)
    local_ = {local.address().to_string(), local.port()};
  if (const auto remote = socket_.remote_endpoint(ignored); !ignored) peer_ = shown_peer(remote);
  next_request();
}

void Session::on_sweep(SteadyTime now) {
  if (phase_ == Phase::closed || now < deadline_) return;
  switch (phase_) {
    case Phase::reading:
      end_reading(408);
      enter(Phase::reading, state_->options.read_timeout);
      break;
    case Phase::answering:
      fail(503, fmt::format("no answer within {} ms", state_->options.answer_timeout / std::chrono::milliseconds(1)));
      break;
    default:
      close();
  }
}

// Since when it waits for its client, as a deadline; those that are between two requests come before all others.
// Nothing while the client waits for us.
std::optional<std::pair<bool, SteadyTime>> Session::awaits_client() const {
  if (phase_ == Phase::idle || phase_ == Phase::lingering) return std::pair(false, deadline_);
  if (phase_ == Phase::reading) return std::pair(true, deadline_);
  return std::nullopt;
}

// The read ends with operation_aborted and finds with what to answer.
void Session::end_reading(int status) {
  ended_with_ = status;
  error_code ignored;
  socket_.cancel(ignored);
}

// An answer that is under way is finished; everything else ends now.
void Session::finish() {
  keep_alive_ = false;
  if (phase_ == Phase::idle || phase_ == Phase::reading || phase_ == Phase::lingering) close();
  wake_source();
}

void Session::close() {
  if (std::exchange(phase_, Phase::closed) == Phase::closed) return;
  error_code ignored;
  socket_.close(ignored);
  hold(0);
  request_.sink.reset();
  source_.reset();
  state_->loop.cancel(std::exchange(source_timer_, 0));
  auto self = shared_from_this();  // the list may be the last owner
  auto& sessions = state_->sessions;
  sessions[index_] = sessions.back();
  sessions[index_]->index_ = index_;
  sessions.pop_back();
  if (state_->on_session_end) state_->on_session_end();
}

void Session::answer(std::uint64_t serial, Response response) {
  if (phase_ == Phase::answering && serial == serial_) write(std::move(response));
}

void Session::answer_is_lost(std::uint64_t serial) {
  if (phase_ == Phase::answering && serial == serial_) fail(500, "internal error: the request was dropped unanswered");
}

void Session::enter(Phase phase, Duration limit) {
  phase_ = phase;
  deadline_ = state_->loop.now() + limit;
}

void Session::hold(std::size_t bytes) {
  state_->body_bytes += bytes - std::exchange(held_, bytes);
}

// Answers an error of this connection, after which it cannot go on.
void Session::fail(int status, const std::string& message) {
  if (parser_) {
    target_ = parser_->get().target();
    head_only_ = parser_->get().method() == boost::beast::http::verb::head;
  }
  stream_.reset();
  hold(0);
  request_ = Request();
  keep_alive_ = false;
  write(state_->router.error(target_, status, message));
}

}  // namespace slicemill::api
