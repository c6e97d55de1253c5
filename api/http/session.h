// One connection of the HTTP server. Only the files of sessions and server.cc include Beast.
//
// Loop thread. Owned by the list of open sessions and by its pending operation; whoever waits for an answer holds a
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
#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "api/http/origin_guard.h"
#include "api/http/server_state.h"
#include "core/runtime/clock.h"

namespace slicemill::api {

class Session : public std::enable_shared_from_this<Session> {
 public:
  using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

  Session(std::shared_ptr<ServerState> state, Socket socket) : state_(std::move(state)), socket_(std::move(socket)) {}

  void start();
  void on_sweep(SteadyTime now);
  // Since when it waits for its client, as a deadline; those that are between two requests come before all others.
  // Nothing while the client waits for us.
  std::optional<std::pair<bool, SteadyTime>> awaits_client() const;
  // Bytes of the body that is being read.
  std::size_t held() const { return held_; }
  // The read ends with operation_aborted and finds with what to answer.
  void end_reading(int status);
  // An answer that is under way is finished; everything else ends now.
  void finish();
  void close();
  void answer(std::uint64_t serial, Response response);
  void answer_is_lost(std::uint64_t serial);

 private:
  using error_code = boost::system::error_code;
  template <typename Body>
  using Parser = boost::beast::http::request_parser<Body>;
  enum class Phase : std::uint8_t { idle, reading, answering, writing, lingering, closed };
  struct Duty;

  void enter(Phase phase, Duration limit);
  void hold(std::size_t bytes);
  void fail(int status, const std::string& message);

  // session_reading.cc
  void next_request();
  void read_header();
  void on_header();
  void take_head();
  RequestOrigin origin() const;
  void expect_body(void (*next)(Session&));
  void open_body(BodyOpening opening);
  void read_piece();
  void pass_piece();
  void dispatch_stream();
  void read_body();
  void on_read_error(error_code error);
  void dispatch();
  std::shared_ptr<void> held_by_handler(std::size_t bytes);
  void hand_over();

  // session_writing.cc
  void write(Response response);
  void write_head(const Response& response, std::string_view length);
  void send(bool more);
  void pull_piece();
  void wake_source();
  bool has_client_left();
  void linger();
  void discard_input();

  std::shared_ptr<ServerState> state_;
  Socket socket_;
  LocalEnd local_;
  std::string peer_;
  std::size_t index_ = 0;  // in state_->sessions
  SteadyTime deadline_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser<boost::beast::http::string_body>> parser_;  // while reading
  std::optional<Parser<boost::beast::http::buffer_body>> stream_;  // while reading into a sink
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

}  // namespace slicemill::api
