#include "api/http/server.h"

#include <fmt/core.h>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <ctime>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "api/http/origin_guard.h"
#include "api/http/target.h"
#include "core/runtime/log.h"
#include "core/runtime/readiness.h"

namespace slicemill::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Socket = asio::basic_stream_socket<tcp, asio::io_context::executor_type>;
using Acceptor = asio::basic_socket_acceptor<tcp, asio::io_context::executor_type>;

constexpr std::size_t kReadBytes = 4096;
constexpr std::size_t kPieceBytes = 256 << 10;  // of a body that goes to a sink

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

std::int64_t milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

std::string shown_peer(const tcp::endpoint& remote) {
  const std::string address = remote.address().to_string();
  return remote.address().is_v6() ? fmt::format("[{}]:{}", address, remote.port())
                                  : fmt::format("{}:{}", address, remote.port());
}

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

  const std::string& date() {
    std::int64_t second = loop.wall_ms() / 1000;
    if (second != date_second_) {
      date_second_ = second;
      std::time_t time = second;
      std::tm parts{};
      gmtime_r(&time, &parts);
      std::array<char, 64> text{};
      std::size_t length = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
      date_.assign(text.data(), length);
    }
    return date_;
  }

 private:
  std::int64_t date_second_ = -1;
  std::string date_;
};

// One connection. Owned by the list of open sessions and by its pending operation; whoever waits for an answer holds a
// weak pointer.
//
//   idle -> reading -> answering -> writing -> idle ...          (keep-alive)
//              |                       |
//              +--> writing (error) ---+--> lingering -> closed
//
// A body that goes to a sink alternates between reading (a piece) and answering (the sink's turn).
//
// Every phase but `closed` has a deadline, watched by the server's sweep. What ends it: idle: close; reading: answer
// 408; answering: answer 503; writing, lingering: close.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<ServerState> state, Socket socket) : state_(std::move(state)), socket_(std::move(socket)) {}

  void start() {
    index_ = state_->sessions.size();
    state_->sessions.push_back(shared_from_this());
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    if (const auto local = socket_.local_endpoint(ignored); !ignored)
      local_ = {local.address().to_string(), local.port()};
    if (const auto remote = socket_.remote_endpoint(ignored); !ignored) peer_ = shown_peer(remote);
    next_request();
  }

  void on_sweep(SteadyTime now) {
    if (phase_ == Phase::closed || now < deadline_) return;
    switch (phase_) {
      case Phase::reading:
        end_reading(408);
        enter(Phase::reading, state_->options.read_timeout);
        break;
      case Phase::answering:
        fail(503, fmt::format("no answer within {} ms", milliseconds(state_->options.answer_timeout)));
        break;
      default:
        close();
    }
  }

  // Since when it waits for its client, as a deadline; those that are between two requests come before all others.
  // Nothing while the client waits for us.
  std::optional<std::pair<bool, SteadyTime>> awaits_client() const {
    if (phase_ == Phase::idle || phase_ == Phase::lingering) return std::pair(false, deadline_);
    if (phase_ == Phase::reading) return std::pair(true, deadline_);
    return std::nullopt;
  }

  // Bytes of the body that is being read.
  std::size_t held() const { return held_; }

  // The read ends with operation_aborted and finds with what to answer.
  void end_reading(int status) {
    ended_with_ = status;
    error_code ignored;
    socket_.cancel(ignored);
  }

  // An answer that is under way is finished; everything else ends now.
  void finish() {
    keep_alive_ = false;
    if (phase_ == Phase::idle || phase_ == Phase::reading || phase_ == Phase::lingering) close();
    wake_source();
  }

  void close() {
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

  void answer(std::uint64_t serial, Response response) {
    if (phase_ == Phase::answering && serial == serial_) write(std::move(response));
  }

  void answer_is_lost(std::uint64_t serial) {
    if (phase_ == Phase::answering && serial == serial_)
      fail(500, "internal error: the request was dropped unanswered");
  }

 private:
  enum class Phase : std::uint8_t { idle, reading, answering, writing, lingering, closed };

  // The duty to answer one request: shared by all copies of its Respond.
  struct Duty {
    std::weak_ptr<Session> session;
    std::uint64_t serial = 0;
    bool done = false;

    ~Duty() {
      if (done) return;
      if (auto owner = session.lock()) owner->answer_is_lost(serial);
    }
  };

  void enter(Phase phase, Duration limit) {
    phase_ = phase;
    deadline_ = state_->loop.now() + limit;
  }

  void hold(std::size_t bytes) { state_->body_bytes += bytes - std::exchange(held_, bytes); }

  void next_request() {
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

  void read_header() {
    enter(Phase::reading, state_->options.read_timeout);
    ended_with_ = 0;
    buffer_.reserve(kReadBytes);
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(state_->options.header_limit));
    parser_->body_limit(boost::none);  // until the header has told whose body it is
    http::async_read_header(socket_, buffer_, *parser_, [self = shared_from_this()](error_code error, std::size_t) {
      if (self->phase_ != Phase::reading) return;
      if (error) return self->on_read_error(error);
      self->on_header();
    });
  }

  void on_header() {
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

  void take_head() {
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

  RequestOrigin origin() const {
    RequestOrigin out;
    const auto take = [&](http::field name, std::vector<std::string_view>& values) {
      for (auto [at, end] = parser_->get().equal_range(name); at != end; ++at) values.push_back(at->value());
    };
    take(http::field::host, out.hosts);
    take(http::field::origin, out.origins);
    take(http::field::sec_fetch_site, out.sites);
    if (const std::string_view authority = target_authority(target_); !authority.empty())
      out.hosts.push_back(authority);
    return out;
  }

  // Lets a client go on that waits for leave to send its body.
  void expect_body(void (*next)(Session&)) {
    if (version_ < 11 || !beast::iequals(parser_->get()[http::field::expect], "100-continue")) return next(*this);
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(socket_, asio::buffer(kContinue),
                      [self = shared_from_this(), next](error_code error, std::size_t) {
                        if (self->phase_ != Phase::reading) return;
                        if (error) return self->on_read_error(error);
                        next(*self);
                      });
  }

  void open_body(BodyOpening opening) {
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

  void read_piece() {
    if (stream_->is_done()) return dispatch_stream();
    enter(Phase::reading, state_->options.read_timeout);
    ended_with_ = 0;
    piece_.resize(kPieceBytes);
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

  void pass_piece() {
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
  void dispatch_stream() {
    keep_alive_ = stream_->is_done() && stream_->get().keep_alive() && !state_->stopping;
    stream_.reset();
    hand_over();
  }

  // By pieces: many bodies, each within its limit, must not fill the memory together. The largest one has to go, so
  // that small requests are served however many large ones hang.
  void read_body() {
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

  void on_read_error(error_code error) {
    const HttpOptions& options = state_->options;
    if (ended_with_ == 503)
      return fail(503, fmt::format("all request bodies together exceed the limit of {} bytes; try again later",
                                   options.bodies_limit));
    if (ended_with_ == 408)
      return fail(408, fmt::format("the request was not complete within {} ms", milliseconds(options.read_timeout)));
    if (error == http::error::header_limit || error == http::error::buffer_overflow)
      return fail(431, fmt::format("the request header exceeds the limit of {} bytes", options.header_limit));
    if (error == http::error::body_limit)
      return fail(413, fmt::format("the request body exceeds the limit of {} bytes", options.body_limit));
    bool left = error == http::error::end_of_stream || error == http::error::partial_message;
    if (left || error.category() != http::make_error_code(http::error::bad_method).category()) return close();
    fail(400, fmt::format("malformed HTTP request: {}", error.message()));
  }

  void dispatch() {
    keep_alive_ = parser_->get().keep_alive() && !state_->stopping;
    request_.body = std::move(parser_->get().body());
    request_.body_hold = held_by_handler(request_.body.size());
    parser_.reset();
    hand_over();
  }

  // A body that its handler keeps counts on.
  std::shared_ptr<void> held_by_handler(std::size_t bytes) {
    if (bytes == 0) return nullptr;
    state_->body_bytes += bytes;
    return {nullptr, [state = state_, bytes](void*) { state->body_bytes -= bytes; }};
  }

  void hand_over() {
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

  // Answers an error of this connection, after which it cannot go on.
  void fail(int status, const std::string& message) {
    if (parser_) {
      target_ = parser_->get().target();
      head_only_ = parser_->get().method() == http::verb::head;
    }
    stream_.reset();
    hold(0);
    request_ = Request();
    keep_alive_ = false;
    write(state_->router.error(target_, status, message));
  }

  void write(Response response) {
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

  void write_head(const Response& response, std::string_view length) {
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
  void send(bool more) {
    std::array<asio::const_buffer, 2> parts{asio::buffer(head_),
                                            head_only_ ? asio::const_buffer() : asio::buffer(body_)};
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

  void pull_piece() {
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
  void wake_source() {
    if (source_timer_ == 0) return;
    state_->loop.cancel(std::exchange(source_timer_, 0));
    state_->loop.post([self = shared_from_this()] {
      if (self->phase_ == Phase::writing && self->source_) self->pull_piece();
    });
  }

  // Somebody who only waits for an answer is not seen to leave otherwise.
  bool has_client_left() {
    char byte = 0;
    return ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
  }

  // Closing while unread input is left would reset the connection and could destroy the answer on its way, so the
  // client goes first.
  void linger() {
    error_code error;
    socket_.shutdown(Socket::shutdown_send, error);
    if (error) return close();
    enter(Phase::lingering, state_->options.linger_timeout);
    parser_.reset();
    discard_input();
  }

  void discard_input() {
    buffer_.clear();
    socket_.async_read_some(buffer_.prepare(kReadBytes), [self = shared_from_this()](error_code error, std::size_t) {
      if (self->phase_ != Phase::lingering) return;
      if (error) return self->close();
      self->discard_input();
    });
  }

  std::shared_ptr<ServerState> state_;
  Socket socket_;
  LocalEnd local_;
  std::string peer_;
  std::size_t index_ = 0;  // in state_->sessions
  SteadyTime deadline_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;  // while reading
  std::optional<http::request_parser<http::buffer_body>> stream_;  // while reading into a sink
  Request request_;                                                // while reading
  std::string piece_;                                              // of the stream
  std::uint64_t serial_ = 0;                                       // of the request being answered
  std::string target_;
  std::string head_;
  std::string body_;
  std::shared_ptr<BodySource> source_;  // while writing an answer in pieces
  Loop::TimerId source_timer_ = 0;      // while it waits
  Response streamed_;                   // all but the body of such an answer
  bool is_head_sent_ = false;           // of such an answer
  std::size_t held_ = 0;
  int ended_with_ = 0;  // the status for a client whose reading we ended
  unsigned version_ = 11;
  Phase phase_ = Phase::idle;
  bool keep_alive_ = false;
  bool head_only_ = false;
};

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
    acceptor_.async_accept([this, state = state_](error_code error, Socket socket) {
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
