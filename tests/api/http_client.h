// A client of raw bytes on loopback, for tests that must be able to misbehave. Blocking, with a limit so that no test
// hangs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slicemill {

struct HttpAnswer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;

  std::string header(std::string_view name) const;  // "" if absent
};

class HttpClient {
 public:
  static constexpr int kWaitSeconds = 20;

  HttpClient();  // a descriptor, not connected yet
  explicit HttpClient(std::uint16_t port);
  ~HttpClient();
  HttpClient(HttpClient&& other) noexcept;
  HttpClient& operator=(HttpClient&&) = delete;

  bool connect(std::uint16_t port);
  int descriptor() const { return fd_; }
  // False once the server has closed.
  bool send(std::string_view bytes);
  void shutdown_send();
  // The next answer; nothing if the connection ends before it is whole. `with_body` is false for HEAD.
  std::optional<HttpAnswer> read_answer(bool with_body = true);
  // The next n bytes, fewer if the connection ends before.
  std::string read_bytes(std::size_t n);
  // Waits until the server closes; false if it sends bytes or does nothing for kWaitSeconds.
  bool is_closed_by_server();
  // Waits until the server ends the stream in order, without a reset that could destroy an answer on its way.
  bool ends_cleanly();
  void reset();  // closes with RST

 private:
  bool fill();
  bool read_chunks(std::string& body);

  int fd_ = -1;
  std::string input_;
};

// "POST /jobs HTTP/1.1" with host, length and the given header lines ("Name: value\r\n" each).
std::string http_request(std::string_view method, std::string_view target, std::string_view body = {},
                         std::string_view header_lines = {});

}  // namespace slicemill
