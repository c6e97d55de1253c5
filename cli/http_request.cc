#include "cli/http_request.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <memory>
#include <optional>

#include "core/runtime/text.h"

namespace slicemill::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::uint64_t kMaxBodyBytes = 64u << 20;

// resolve -> connect -> write -> read, each step starting the next; the first error ends it.
class Exchange {
 public:
  Exchange(http::verb method, const HttpTarget& target, const std::string& path, std::int64_t timeout_ms)
      : target_(target), timeout_(timeout_ms), resolver_(context_), stream_(context_) {
    request_.method(method);
    request_.target(path);
    request_.version(11);
    request_.set(http::field::host, target.host + ":" + target.port);
    request_.set(http::field::accept, "application/json");
    request_.set(http::field::connection, "close");
    if (method == http::verb::post) request_.set(http::field::content_length, "0");
    parser_.body_limit(kMaxBodyBytes);
  }

  Result<HttpAnswer> run() {
    resolver_.async_resolve(target_.host, target_.port, [this](beast::error_code failed, auto found) {
      if (failed) return fail(failed);
      stream_.expires_after(timeout_);
      stream_.async_connect(found, [this](beast::error_code no_connection, const auto&) {
        if (no_connection) return fail(no_connection);
        send();
      });
    });
    context_.run();
    if (error_) return *error_;
    return HttpAnswer{static_cast<int>(parser_.get().result_int()), parser_.get().body()};
  }

 private:
  void send() {
    http::async_write(stream_, request_, [this](beast::error_code failed, std::size_t) {
      if (failed) return fail(failed);
      http::async_read(stream_, buffer_, parser_, [this](beast::error_code broken, std::size_t) {
        if (broken) fail(broken);
      });
    });
  }

  void fail(beast::error_code failed) {
    const std::string where = fmt::format("http://{}:{}", target_.host, target_.port);
    if (failed == beast::error::timeout) {
      error_ = Error(ErrorCode::timeout, fmt::format("{} did not answer within {} ms", where, timeout_.count()));
    } else {
      error_ = Error(ErrorCode::unavailable, fmt::format("cannot reach the master at {}: {}", where, failed.message()));
    }
  }

  HttpTarget target_;
  std::chrono::milliseconds timeout_;
  asio::io_context context_;
  asio::ip::tcp::resolver resolver_;
  beast::tcp_stream stream_;
  http::request<http::empty_body> request_;
  beast::flat_buffer buffer_;
  http::response_parser<http::string_body> parser_;
  std::optional<Error> error_;
};

}  // namespace

Result<HttpTarget> parse_master_url(std::string_view url) {
  const auto bad = [&](std::string_view why) {
    return Error(ErrorCode::invalid, fmt::format("'{}' is not the address of a master: {}", url, why));
  };
  std::string_view rest = url;
  if (const auto scheme = rest.find("://"); scheme != std::string_view::npos) {
    if (rest.substr(0, scheme) != "http") return bad("only http:// is supported");
    rest.remove_prefix(scheme + 3);
  }
  rest = rest.substr(0, rest.find('/'));
  HttpTarget target{.host = {}, .port = "5678"};
  const auto bracket = rest.starts_with('[') ? rest.find(']') : std::string_view::npos;
  const auto colon = rest.find(':', bracket == std::string_view::npos ? 0 : bracket);
  target.host = rest.substr(0, colon);
  if (bracket != std::string_view::npos) target.host = rest.substr(1, bracket - 1);
  if (target.host.empty()) return bad("no host");
  if (colon != std::string_view::npos) {
    const auto port = parse_integer(rest.substr(colon + 1));
    if (!port || *port < 1 || *port > 65535) return bad("the port is not a number from 1 to 65535");
    target.port = std::to_string(*port);
  }
  return target;
}

Result<HttpAnswer> http_get(const HttpTarget& target, const std::string& path, std::int64_t timeout_ms) {
  return Exchange(http::verb::get, target, path, timeout_ms).run();
}

Result<HttpAnswer> http_post(const HttpTarget& target, const std::string& path, std::int64_t timeout_ms) {
  return Exchange(http::verb::post, target, path, timeout_ms).run();
}

}  // namespace slicemill::cli
