// Session, third part: an answer, whole or in pieces, and the end of the connection.
#include <fmt/core.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/status.hpp>

#include "api/http/session.h"
#include "core/runtime/log.h"

namespace slicemill::api {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr std::size_t kDiscardBytes = 4096;

}  // namespace

void Session::write(Response response) {
  if (state_->stopping) keep_alive_ = false;
  enter(Phase::writing, state_->options.write_timeout);
  if (response.source) {
    source_ = std::move(response.source);
    source_->on_ready([session = weak_from_this()] {
      if (auto self = session.lock()) self->wake_source();
    });
    is_head_sent_ = false;
    streamed_ = std::move(response);
    return pull_piece();
  }
  if (log_enabled(LogLevel::debug))
    log(LogLevel::debug, "{} {} bytes for {}", response.status, response.body.size(), target_);
  const bool has_length = response.status != 204;
  write_head(response, has_length ? fmt::format("Content-Length: {}\r\n", response.body.size()) : "");
  body_ = std::move(response.body);
  send(false);
}

void Session::write_head(const Response& response, std::string_view length) {
  auto status = static_cast<unsigned>(response.status);
  head_ = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\n", status,
                      std::string_view(http::obsolete_reason(static_cast<http::status>(status))), state_->date());
  if (!response.content_type.empty()) head_.append("Content-Type: ").append(response.content_type).append("\r\n");
  head_ += length;
  for (const Parameter& header : response.headers)
    head_.append(header.name).append(": ").append(header.value).append("\r\n");
  if (!keep_alive_)
    head_ += "Connection: close\r\n";
  else if (version_ < 11)
    head_ += "Connection: keep-alive\r\n";
  head_ += "\r\n";
}

// Sends head_ and body_; then the next piece, if one follows.
void Session::send(bool more) {
  std::array<asio::const_buffer, 2> parts{asio::buffer(head_), head_only_ ? asio::const_buffer() : asio::buffer(body_)};
  asio::async_write(socket_, parts, [self = shared_from_this(), more](error_code error, std::size_t) {
    if (self->phase_ != Phase::writing) return;
    if (error) return self->close();
    self->head_ = std::string();
    self->body_ = std::string();
    if (more) return self->pull_piece();
    self->source_.reset();
    if (self->keep_alive_) return self->next_request();
    self->linger();
  });
}

void Session::pull_piece() {
  source_timer_ = 0;
  enter(Phase::writing, state_->options.write_timeout);
  auto piece = source_->next();
  if (!piece) {
    if (!is_head_sent_) {
      source_.reset();
      return fail(piece.error().code == ErrorCode::invalid ? 400 : 500, piece.error().message);
    }
    log(LogLevel::warn, "the answer to {} is cut: {}", target_, piece.error().message);
    return close();
  }
  const auto pause = source_->pause();
  const bool waits = pause.count() > 0;
  if (waits && has_client_left()) return close();
  const bool is_last = source_->at_end() || (waits && state_->stopping);
  if (piece->empty() && !is_last && (is_head_sent_ || !waits)) {
    auto again = [self = shared_from_this()] {
      if (self->phase_ == Phase::writing) self->pull_piece();
    };
    if (waits)
      source_timer_ = state_->loop.after(pause, std::move(again));
    else
      state_->loop.post(std::move(again));
    return;
  }
  if (!is_head_sent_ && is_last) {
    Response whole = std::move(streamed_);
    source_.reset();
    whole.body = std::move(*piece);
    return write(std::move(whole));
  }
  const bool in_chunks = version_ >= 11;
  if (!std::exchange(is_head_sent_, true)) {
    if (!in_chunks) keep_alive_ = false;  // its end is that of the body
    write_head(streamed_, in_chunks ? "Transfer-Encoding: chunked\r\n" : "");
    if (head_only_) return send(false);
  }
  if (in_chunks) {
    if (!piece->empty()) body_ = fmt::format("{:x}\r\n", piece->size()) + *piece + "\r\n";
    if (is_last) body_ += "0\r\n\r\n";
  } else {
    body_ = std::move(*piece);
  }
  send(!is_last);
}

// Asks a source that waits now. Not within this call: whoever wakes may be looking through all sources.
void Session::wake_source() {
  if (source_timer_ == 0) return;
  state_->loop.cancel(std::exchange(source_timer_, 0));
  state_->loop.post([self = shared_from_this()] {
    if (self->phase_ == Phase::writing && self->source_) self->pull_piece();
  });
}

// Somebody who only waits for an answer is not seen to leave otherwise.
bool Session::has_client_left() {
  char byte = 0;
  return ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

// Closing while unread input is left would reset the connection and could destroy the answer on its way, so the
// client goes first.
void Session::linger() {
  error_code error;
  socket_.shutdown(Socket::shutdown_send, error);
  if (error) return close();
  enter(Phase::lingering, state_->options.linger_timeout);
  parser_.reset();
  discard_input();
}

void Session::discard_input() {
  buffer_.clear();
  socket_.async_read_some(buffer_.prepare(kDiscardBytes), [self = shared_from_this()](error_code error, std::size_t) {
    if (self->phase_ != Phase::lingering) return;
    if (error) return self->close();
    self->discard_input();
  });
}

}  // namespace slicemill::api
