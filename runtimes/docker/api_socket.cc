#include "runtimes/docker/api_socket.h"

#include <fmt/core.h>

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <optional>

namespace slicemill::docker {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::size_t kPieceBytes = 32 << 10;
constexpr std::size_t kMostAnswerBytes = 64 << 20;

constexpr int kFirstSuccess = 200;
constexpr int kFirstRedirection = 300;

// One request and its answer.
class Exchange {
 public:
  Exchange(const std::string& path, const ApiRequest& request, const PieceSink* sink)
      : path_(path), request_(request), sink_(sink), stream_(context_) {}

  Result<ApiAnswer> run(std::optional<std::chrono::milliseconds> limit, const std::stop_token& stop) {
    if (stop.stop_requested()) return Error{ErrorCode::cancelled, "the request was cancelled"};
    if (limit) stream_.expires_after(*limit);
    std::exception_ptr thrown;
    asio::co_spawn(context_, talk(), [&](std::exception_ptr exception) { thrown = std::move(exception); });
    const std::stop_callback cancel(stop, [this] {
      asio::post(context_, [this] {
        is_cancelled_ = true;
        stream_.close();
      });
    });
    context_.run();
    if (is_cancelled_) return Error{ErrorCode::cancelled, "the request was cancelled"};
    if (thrown) return error_of(thrown);
    if (refusal_) return *refusal_;
    return std::move(answer_);
  }

 private:
  asio::awaitable<void> talk() {
    co_await stream_.async_connect(asio::local::stream_protocol::endpoint(path_), asio::use_awaitable);
    http::request<http::string_body> message;
    message.method_string(request_.method);
    message.target(request_.target);
    message.version(11);
    message.set(http::field::host, "localhost");
    message.set(http::field::connection, "close");
    if (!request_.body.empty()) message.set(http::field::content_type, request_.content_type);
    if (!request_.registry_auth.empty()) message.set("X-Registry-Auth", request_.registry_auth);
    message.body() = request_.body;
    message.prepare_payload();
    co_await http::async_write(stream_, message, asio::use_awaitable);
    http::response_parser<http::buffer_body> parser;
    parser.body_limit(boost::none);
    beast::flat_buffer buffer;
    co_await http::async_read_header(stream_, buffer, parser, asio::use_awaitable);
    answer_.status = static_cast<int>(parser.get().result_int());
    co_await read_body(parser, buffer);
  }

  asio::awaitable<void> read_body(http::response_parser<http::buffer_body>& parser, beast::flat_buffer& buffer) {
    std::array<char, kPieceBytes> piece{};
    while (!parser.is_done() && !refusal_) {
      auto& body = parser.get().body();
      body.data = piece.data();
      body.size = piece.size();
      beast::error_code failure;
      co_await http::async_read_some(stream_, buffer, parser, asio::redirect_error(asio::use_awaitable, failure));
      if (failure && failure != http::error::need_buffer) throw beast::system_error(failure);
      take({piece.data(), piece.size() - parser.get().body().size});
    }
  }

  void take(std::string_view piece) {
    const bool is_success = answer_.status >= kFirstSuccess && answer_.status < kFirstRedirection;
    if (piece.empty()) return;
    if (sink_ != nullptr && is_success) {
      if (const auto taken = (*sink_)(piece); !taken) refusal_ = taken.error();
    } else if (answer_.body.size() + piece.size() > kMostAnswerBytes) {
      refusal_ = Error{ErrorCode::corrupt,
                       fmt::format("{} sends an answer of more than {} MB", path_, kMostAnswerBytes >> 20)};
    } else {
      answer_.body += piece;
    }
  }

  Error error_of(const std::exception_ptr& thrown) const {
    try {
      std::rethrow_exception(thrown);
    } catch (const boost::system::system_error& error) {
      const auto& code = error.code();
      const auto message = fmt::format("{} {} at {}: {}", request_.method, request_.target, path_, code.message());
      if (code == beast::error::timeout) return {ErrorCode::timeout, message};
      const bool is_grammar = code.category() == http::make_error_code(http::error::bad_version).category() &&
                              code != http::error::end_of_stream && code != http::error::partial_message;
      return {is_grammar ? ErrorCode::corrupt : ErrorCode::unavailable, message};
    } catch (const std::exception& error) {
      return {ErrorCode::internal, fmt::format("{} {}: {}", request_.method, request_.target, error.what())};
    }
  }

  const std::string& path_;
  const ApiRequest& request_;
  const PieceSink* sink_;
  asio::io_context context_{1};
  beast::basic_stream<asio::local::stream_protocol> stream_;
  ApiAnswer answer_;
  std::optional<Error> refusal_;
  bool is_cancelled_ = false;
};

}  // namespace

Result<ApiAnswer> ApiSocket::request(const ApiRequest& request, const std::stop_token& stop) const {
  return Exchange(path_, request, nullptr).run(limit_, stop);
}

Result<ApiAnswer> ApiSocket::stream(const ApiRequest& request, const PieceSink& sink,
                                    const std::stop_token& stop) const {
  return Exchange(path_, request, &sink).run({}, stop);
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                          c == '.' || c == '_' || c == '~';
    if (is_plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace slicemill::docker
