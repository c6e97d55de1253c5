#include "tests/api/http_client.h"

#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace slicemill {

std::string HttpAnswer::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return "";
}

HttpClient::HttpClient() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  timeval limit{kWaitSeconds, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

HttpClient::HttpClient(std::uint16_t port) : HttpClient() {
  connect(port);
}

HttpClient::~HttpClient() {
  if (fd_ >= 0) ::close(fd_);
}

HttpClient::HttpClient(HttpClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), input_(std::move(other.input_)) {}

bool HttpClient::connect(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

bool HttpClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

void HttpClient::shutdown_send() {
  ::shutdown(fd_, SHUT_WR);
}

bool HttpClient::fill() {
  std::array<char, 16384> block;
  ssize_t n = ::recv(fd_, block.data(), block.size(), 0);
  if (n <= 0) return false;
  input_.append(block.data(), static_cast<std::size_t>(n));
  return true;
}

std::optional<HttpAnswer> HttpClient::read_answer(bool with_body) {
  std::size_t end = 0;
  while ((end = input_.find("\r\n\r\n")) == std::string::npos)
    if (!fill()) return std::nullopt;
  HttpAnswer answer;
  std::string head = input_.substr(0, end + 2);
  input_.erase(0, end + 4);
  if (!head.starts_with("HTTP/1.1 ")) return std::nullopt;
  answer.status = std::stoi(head.substr(9, 3));
  for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
    std::size_t line_end = head.find("\r\n", at);
    std::size_t colon = head.find(": ", at);
    std::string name = head.substr(at, colon - at);
    std::transform(name.begin(), name.end(), name.begin(), [](char c) { return static_cast<char>(::tolower(c)); });
    answer.headers.emplace_back(name, head.substr(colon + 2, line_end - colon - 2));
    at = line_end + 2;
  }
  if (std::string length = answer.header("content-length"); with_body && !length.empty()) {
    auto wanted = static_cast<std::size_t>(std::stoul(length));
    answer.body = read_bytes(wanted);
    if (answer.body.size() < wanted) return std::nullopt;
  }
  if (with_body && answer.header("transfer-encoding") == "chunked" && !read_chunks(answer.body)) return std::nullopt;
  return answer;
}

// "<size in hexadecimal>\r\n<bytes>\r\n", the last one of size 0.
bool HttpClient::read_chunks(std::string& body) {
  for (;;) {
    std::size_t line = 0;
    while ((line = input_.find("\r\n")) == std::string::npos)
      if (!fill()) return false;
    const auto size = static_cast<std::size_t>(std::stoul(input_.substr(0, line), nullptr, 16));
    input_.erase(0, line + 2);
    const std::string chunk = read_bytes(size + 2);
    if (chunk.size() < size + 2) return false;
    if (size == 0) return true;
    body.append(chunk, 0, size);
  }
}

std::string HttpClient::read_bytes(std::size_t n) {
  while (input_.size() < n && fill()) {
  }
  std::string out = input_.substr(0, n);
  input_.erase(0, out.size());
  return out;
}

bool HttpClient::is_closed_by_server() {
  char byte = 0;
  ssize_t n = ::recv(fd_, &byte, 1, 0);
  return input_.empty() && (n == 0 || (n < 0 && errno == ECONNRESET));
}

bool HttpClient::ends_cleanly() {
  char byte = 0;
  return input_.empty() && ::recv(fd_, &byte, 1, 0) == 0;
}

void HttpClient::reset() {
  linger abort{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  ::close(std::exchange(fd_, -1));
}

std::string http_request(std::string_view method, std::string_view target, std::string_view body,
                         std::string_view header_lines) {
  std::string length = body.empty() ? "" : fmt::format("Content-Length: {}\r\n", body.size());
  return fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\n{}{}\r\n{}", method, target, header_lines, length, body);
}

}  // namespace slicemill
