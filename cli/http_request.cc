#include "cli/http_request.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <string>
#include <utility>

#include "core/runtime/ascii.h"
#include "core/runtime/text.h"

namespace slicemill::cli {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr std::uint64_t kMaxAnswerBytes = 64u << 20;

// One request on a connection of its own, which ends with the answer.
class Exchange {
 public:
  Exchange(const HttpTarget& target, const HttpCall& call, std::int64_t timeout_ms)
      : target_(target), timeout_(timeout_ms) {
    const bool is_ipv6 = target.host.find(':') != std::string::npos;
    request_ = fmt::format("{} {} HTTP/1.1\r\nHost: {}:{}\r\nAccept: application/json\r\nConnection: close\r\n",
                           call.method, call.path, is_ipv6 ? "[" + target.host + "]" : target.host, target.port);
    if (!call.content_type.empty()) request_ += fmt::format("Content-Type: {}\r\n", call.content_type);
    if (call.method == "POST" || !call.body.empty())
      request_ += fmt::format("Content-Length: {}\r\n", call.body.size());
    request_ += "\r\n" + call.body;
    parser_.body_limit(kMaxAnswerBytes);
    parser_.eager(true);
  }

  Result<HttpAnswer> run() {
    connection_.expires_after(timeout_);
    connection_.connect(target_.host, target_.port);
    if (!connection_) return broken(connection_.error());
    connection_ << request_ << std::flush;
    const auto not_sent = connection_.error();
    connection_.clear();  // a body that is refused unread has an answer all the same
    std::string answer;
    for (std::array<char, 16384> bytes; answer.size() <= kMaxAnswerBytes && connection_;) {
      connection_.read(bytes.data(), bytes.size());
      answer.append(bytes.data(), static_cast<std::size_t>(connection_.gcount()));
    }
    const auto failed = connection_.error();
    const bool is_whole = !failed || failed == asio::error::eof || (not_sent && !answer.empty());
    if (!is_whole || (not_sent && answer.empty())) return broken(not_sent ? not_sent : failed);
    boost::system::error_code malformed;
    parser_.put(asio::buffer(answer), malformed);
    if (!malformed) parser_.put_eof(malformed);
    if (malformed) return broken(malformed);
    HttpAnswer out{static_cast<int>(parser_.get().result_int()), {}, {}};
    for (const auto& field : parser_.get()) out.headers[lower(field.name_string())] = std::string(field.value());
    out.body = std::move(parser_.get().body());
    return out;
  }

 private:
  Error broken(boost::system::error_code failed) const {
    const std::string where = fmt::format("http://{}:{}", target_.host, target_.port);
    if (failed == asio::error::timed_out || failed == asio::error::operation_aborted)
      return Error(ErrorCode::timeout, fmt::format("{} did not answer within {} ms", where, timeout_.count()));
    return Error(ErrorCode::unavailable,
                 fmt::format("cannot reach the master at {}: {}; start one with `slicemill master`, or name another "
                             "with --master URL",
                             where, failed.message()));
  }

  HttpTarget target_;
  std::chrono::milliseconds timeout_;
  asio::ip::tcp::iostream connection_;
  std::string request_;
  http::response_parser<http::string_body> parser_;
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

Result<HttpAnswer> http_send(const HttpTarget& target, const HttpCall& call, std::int64_t timeout_ms) {
  return Exchange(target, call, timeout_ms).run();
}

Result<HttpAnswer> http_get(const HttpTarget& target, const std::string& path, std::int64_t timeout_ms) {
  return http_send(target, {.method = "GET", .path = path}, timeout_ms);
}

Result<HttpAnswer> http_post(const HttpTarget& target, const std::string& path, std::int64_t timeout_ms) {
  return http_send(target, {.method = "POST", .path = path}, timeout_ms);
}

}  // namespace slicemill::cli
