// A server on a Unix socket that answers with what the test says, and keeps what it was asked.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace slicemill::docker {

class FakeServer {
 public:
  // Sends a piece of an answer.
  using Send = std::function<void(const std::string&)>;
  // Called for each request on the server's thread; the connection ends when it returns.
  using Handler = std::function<void(const std::string& request, const Send& send)>;

  explicit FakeServer(Handler handler);
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  const std::string& path() const { return path_; }
  std::vector<std::string> requests();  // heads and bodies as they came

 private:
  void serve();
  void answer(int client);

  Handler handler_;
  std::string directory_;
  std::string path_;
  int listener_ = -1;
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

// A whole answer with its length.
std::string http_answer(int status, const std::string& body);

}  // namespace slicemill::docker
