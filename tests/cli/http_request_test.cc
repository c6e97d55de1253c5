#include "cli/http_request.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

namespace slicemill::cli {
namespace {

using testing::HasSubstr;

// Takes one connection, reads its request, and answers with the given bytes.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer) : answer_(std::move(answer)) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    socklen_t size = sizeof address;
    EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    target_ = {.host = "127.0.0.1", .port = std::to_string(ntohs(address.sin_port))};
  }
  ~OneAnswer() {
    if (server_.joinable()) server_.join();
    close(listener_);
  }

  void serve() {
    server_ = std::thread([this] {
      const int peer = accept(listener_, nullptr, nullptr);
      char buffer[4096];
      while (request_.find("\r\n\r\n") == std::string::npos) {
        const ssize_t got = read(peer, buffer, sizeof buffer);
        if (got <= 0) break;
        request_.append(buffer, static_cast<std::size_t>(got));
      }
      EXPECT_EQ(write(peer, answer_.data(), answer_.size()), static_cast<ssize_t>(answer_.size()));
      close(peer);
    });
  }
  std::string request() {
    server_.join();
    return request_;
  }
  const HttpTarget& target() const { return target_; }

 private:
  std::string answer_, request_;
  int listener_ = -1;
  HttpTarget target_;
  std::thread server_;
};

TEST(HttpGet, GivesStatusAndBody) {
  OneAnswer server("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}");
  server.serve();
  const auto answer = http_get(server.target(), "/v1/ex/x", 10'000);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 404);
  EXPECT_EQ(answer->body, "{}");
  EXPECT_THAT(server.request(), HasSubstr("GET /v1/ex/x HTTP/1.1\r\n"));
}

TEST(HttpSend, SendsABodyAndGivesHeaders) {
  OneAnswer server("HTTP/1.1 200 OK\r\nX-Log-Position: 7-8\r\nContent-Length: 0\r\n\r\n");
  server.serve();
  const auto answer = http_send(
      server.target(), {.method = "POST", .path = "/x", .content_type = "application/json", .body = "{}"}, 10'000);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->headers.at("x-log-position"), "7-8");
  const std::string request = server.request();
  EXPECT_THAT(request, HasSubstr("POST /x HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"));
}

TEST(HttpSend, ADeletionHasNoBody) {
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  server.serve();
  ASSERT_TRUE(http_send(server.target(), {.method = "DELETE", .path = "/x"}, 10'000));
  EXPECT_THAT(server.request(), testing::Not(HasSubstr("Content-Length")));
}

TEST(HttpGet, ARefusedConnectionIsUnavailable) {
  HttpTarget target;
  {
    OneAnswer closed_at_once("");
    target = closed_at_once.target();
  }
  const auto answer = http_get(target, "/", 10'000);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
  EXPECT_THAT(answer.error().message, HasSubstr("cannot reach the master at http://127.0.0.1:" + target.port));
  EXPECT_THAT(answer.error().message, HasSubstr("start one with `slicemill master`"));
}

TEST(HttpGet, ASilentServerIsATimeout) {
  OneAnswer server("");  // listens, never answers
  const auto answer = http_get(server.target(), "/", 50);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::timeout);
}

TEST(HttpGet, ABrokenAnswerIsUnavailable) {
  OneAnswer server("this is no HTTP\r\n\r\n");
  server.serve();
  const auto answer = http_get(server.target(), "/", 10'000);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
}

TEST(MasterUrl, Forms) {
  const auto check = [](const char* url, const char* host, const char* port) {
    const auto target = parse_master_url(url);
    ASSERT_TRUE(target) << target.error().message;
    EXPECT_EQ(target->host, host) << url;
    EXPECT_EQ(target->port, port) << url;
  };
  check("http://127.0.0.1:80", "127.0.0.1", "80");
  check("http://localhost:5678/", "localhost", "5678");
  check("localhost", "localhost", "5678");
  check("host:9/v1/ex", "host", "9");
  check("http://[::1]:77", "::1", "77");
  check("[::1]", "::1", "5678");
}

TEST(MasterUrl, Refused) {
  for (const char* url : {"https://h", "http://", "http://h:x", "h:0", "h:70000", ""}) {
    const auto target = parse_master_url(url);
    ASSERT_FALSE(target.has_value()) << url;
    EXPECT_EQ(target.error().code, ErrorCode::invalid);
    EXPECT_THAT(target.error().message, HasSubstr("is not the address of a master"));
  }
}

}  // namespace
}  // namespace slicemill::cli
