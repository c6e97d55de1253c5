// Session, second part: from the first byte of a request to its handler.
#include <fmt/core.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <chrono>
#include <utility>
#include <variant>

#include "api/http/session.h"
#include "api/http/target.h"
#include "core/runtime/log.h"
#include "core/runtime/readiness.h"

namespace slicemill::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::size_t kSocketReadBytes = 4096;
constexpr std::size_t kSinkPieceBytes = 256 << 10;  // of a body that goes to a sink

Method method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::get;
    case http::verb::head:
      return Method::head;
    case http::verb::post:
      return Method::post;
    case http::verb::put:
      return Method::put;
    case http::verb::patch:
      return Method::patch;
    case http::verb::delete_:
      return Method::del;
    case http::verb::options:
      return Method::options;
    default:
      return Method::other;
  }
}

}  // namespace

// The duty to answer one request: shared by all copies of its Respond.
struct Session::Duty {
  std::weak_ptr<Session> session;
  std::uint64_t serial = 0;
  bool done = false;

  ~Duty() {
    if (done) return;
    if (auto owner = session.lock()) owner->answer_is_lost(serial);
  }
};

void Session::next_request() {
  if (state_->stopping) return close();
  if (buffer_.size() > 0) return read_header();
  // An idle connection owns no buffers: it waits until there is something to read.
  enter(Phase::idle, state_->options.idle_timeout);
  buffer_ = beast::flat_buffer();
  async_wait_readable(socket_, [self = shared_from_this()](error_code error) {
    if (self->phase_ != Phase::idle) return;
    if (error) return self->close();
    self->read_header();
  });
}

void Session::read_header() {
  enter(Phase::reading, state_->options.read_timeout);
  ended_with_ = 0;
  buffer_.reserve(kSocketReadBytes);
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(state_->options.header_limit));
  parser_->body_limit(boost::none);  // until the header has told whose body it is
  http::async_read_header(socket_, buffer_, *parser_, [self = shared_from_this()](error_code error, std::size_t) {
    if (self->phase_ != Phase::reading) return;
    if (error) return self->on_read_error(error);
    self->on_header();
  });
}

void Session::on_header() {
  take_head();
  // Before anything is done for it, and before its body is read.
  if (const std::string refusal = state_->guard.refusal(origin(), local_); !refusal.empty()) {
    log(LogLevel::warn, "{} {} of {} refused: {}", request_.method_text, target_, peer_, refusal);
    return fail(403, refusal);
  }
  if (auto opening = state_->router.open_body(request_)) return open_body(std::move(*opening));
  if (request_.content_length.value_or(0) > state_->options.body_limit)
    return on_read_error(http::make_error_code(http::error::body_limit));
  parser_->body_limit(state_->options.body_limit);
  if (parser_->is_done()) return dispatch();
  expect_body([](Session& session) { session.read_body(); });
}

void Session::take_head() {
  const auto& message = parser_->get();
  request_ = Request();
  request_.method = method_of(message.method());
  request_.method_text = message.method_string();
  request_.target = message.target();
  for (const auto& line : message) request_.headers.add(line.name_string(), line.value());
  request_.peer = peer_;
  request_.content_type = message[http::field::content_type];
  request_.content_encoding = message[http::field::content_encoding];
  if (const auto length = parser_->content_length()) request_.content_length = *length;
  version_ = message.version();
  head_only_ = request_.method == Method::head;
  target_ = request_.target;
}

RequestOrigin Session::origin() const {
  RequestOrigin out;
  const auto take = [&](http::field name, std::vector<std::string_view>& values) {
    for (auto [at, end] = parser_->get().equal_range(name); at != end; ++at) values.push_back(at->value());
  };
  take(http::field::host, out.hosts);
  take(http::field::origin, out.origins);
  take(http::field::sec_fetch_site, out.sites);
  if (const std::string_view authority = target_authority(target_); !authority.empty()) out.hosts.push_back(authority);
  return out;
}

// Lets a client go on that waits for leave to send its body.
void Session::expect_body(void (*next)(Session&)) {
  if (version_ < 11 || !beast::iequals(parser_->get()[http::field::expect], "100-continue")) return next(*this);
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(socket_, asio::buffer(kContinue), [self = shared_from_this(), next](error_code error, std::size_t) {
    if (self->phase_ != Phase::reading) return;
    if (error) return self->on_read_error(error);
    next(*self);
  });
}

void Session::open_body(BodyOpening opening) {
  if (auto* refusal = std::get_if<Response>(&opening)) {
    keep_alive_ = false;  // its body is still to come
    return write(std::move(*refusal));
  }
  request_.sink = std::get<std::shared_ptr<BodySink>>(std::move(opening));
  if (parser_->is_done()) return dispatch();  // there is no body
  expect_body([](Session& session) {
    session.stream_.emplace(std::move(*session.parser_));
    session.parser_.reset();
    session.read_piece();
  });
}

void Session::read_piece() {
  if (stream_->is_done()) return dispatch_stream();
  enter(Phase::reading, state_->options.read_timeout);
  ended_with_ = 0;
  piece_.resize(kSinkPieceBytes);
  auto& body = stream_->get().body();
  body.data = piece_.data();
  body.size = piece_.size();
  body.more = true;
  http::async_read(socket_, buffer_, *stream_, [self = shared_from_this()](error_code error, std::size_t) {
    if (self->phase_ != Phase::reading) return;
    if (error && error != http::error::need_buffer) return self->on_read_error(error);
    self->pass_piece();
  });
}

void Session::pass_piece() {
  piece_.resize(piece_.size() - stream_->get().body().size);
  if (piece_.empty()) return read_piece();
  enter(Phase::answering, state_->options.answer_timeout);
  const auto serial = ++serial_;
  request_.sink->write(std::exchange(piece_, {}), [session = weak_from_this(), serial](const Result<void>& taken) {
    auto self = session.lock();
    if (!self || self->phase_ != Phase::answering || self->serial_ != serial) return;
    if (taken) return self->read_piece();
    self->dispatch_stream();
  });
}

// What the sink did not want is still to come, so the connection ends with the answer.
void Session::dispatch_stream() {
  keep_alive_ = stream_->is_done() && stream_->get().keep_alive() && !state_->stopping;
  stream_.reset();
  hand_over();
}

// By pieces: many bodies, each within its limit, must not fill the memory together. The largest one has to go, so
// that small requests are served however many large ones hang.
void Session::read_body() {
  http::async_read_some(socket_, buffer_, *parser_, [self = shared_from_this()](error_code error, std::size_t) {
    if (self->phase_ != Phase::reading) return;
    if (error) return self->on_read_error(error);
    self->hold(self->parser_->get().body().size());
    ServerState& state = *self->state_;
    if (state.body_bytes > state.options.bodies_limit)
      (*std::ranges::max_element(state.sessions, {}, [](const auto& s) { return s->held(); }))->end_reading(503);
    if (self->ended_with_ != 0) return self->on_read_error(asio::error::operation_aborted);
    if (!self->parser_->is_done()) return self->read_body();
    self->dispatch();
  });
}

void Session::on_read_error(error_code error) {
  const HttpOptions& options = state_->options;
  if (ended_with_ == 503)
    return fail(503, fmt::format("all request bodies together exceed the limit of {} bytes; try again later",
                                 options.bodies_limit));
  if (ended_with_ == 408)
    return fail(408, fmt::format("the request was not complete within {} ms",
                                 options.read_timeout / std::chrono::milliseconds(1)));
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return fail(431, fmt::format("the request header exceeds the limit of {} bytes", options.header_limit));
  if (error == http::error::body_limit)
    return fail(413, fmt::format("the request body exceeds the limit of {} bytes", options.body_limit));
  bool left = error == http::error::end_of_stream || error == http::error::partial_message;
  if (left || error.category() != http::make_error_code(http::error::bad_method).category()) return close();
  fail(400, fmt::format("malformed HTTP request: {}", error.message()));
}

void Session::dispatch() {
  keep_alive_ = parser_->get().keep_alive() && !state_->stopping;
  request_.body = std::move(parser_->get().body());
  request_.body_hold = held_by_handler(request_.body.size());
  parser_.reset();
  hand_over();
}

// A body that its handler keeps counts on.
std::shared_ptr<void> Session::held_by_handler(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  state_->body_bytes += bytes;
  return {nullptr, [state = state_, bytes](void*) { state->body_bytes -= bytes; }};
}

void Session::hand_over() {
  Request request = std::exchange(request_, {});
  ++state_->counters.requests;
  enter(Phase::answering, state_->options.answer_timeout);

  auto duty = std::make_shared<Duty>();
  duty->session = weak_from_this();
  duty->serial = ++serial_;
  state_->router.handle(request, [duty = std::move(duty)](Response response) {
    if (std::exchange(duty->done, true)) return;
    if (auto owner = duty->session.lock()) owner->answer(duty->serial, std::move(response));
  });
  hold(0);
}

}  // namespace slicemill::api
