#include "tests/runtimes/docker/fake_server.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace slicemill::docker {

FakeServer::FakeServer(Handler handler) : handler_(std::move(handler)) {
  char directory[] = "/tmp/slicemill-fake-XXXXXX";
  if (mkdtemp(directory) == nullptr) throw std::runtime_error("mkdtemp");
  directory_ = directory;
  path_ = directory_ + "/socket";
  listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path_.c_str(), sizeof(address.sun_path) - 1);
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 || listen(listener_, 8) != 0)
    throw std::runtime_error("bind");
  thread_ = std::thread([this] { serve(); });
}

FakeServer::~FakeServer() {
  shutdown(listener_, SHUT_RDWR);
  thread_.join();
  close(listener_);
  std::filesystem::remove_all(directory_);
}

std::vector<std::string> FakeServer::requests() {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void FakeServer::serve() {
  for (;;) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    answer(client);
    close(client);
  }
}

void FakeServer::answer(int client) {
  std::string request;
  char piece[4096];
  std::size_t whole = std::string::npos;
  while (request.size() < whole) {
    const auto size = read(client, piece, sizeof(piece));
    if (size <= 0) return;
    request.append(piece, static_cast<std::size_t>(size));
    const auto head = request.find("\r\n\r\n");
    if (head == request.npos || whole != request.npos) continue;
    const auto length = request.find("Content-Length: ");
    whole = head + 4 + (length < head ? std::stoul(request.substr(length + 16)) : 0);
  }
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
  }
  handler_(request, [client](const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size();) {
      const auto sent = send(client, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      if (sent <= 0) return;
      at += static_cast<std::size_t>(sent);
    }
  });
}

std::string http_answer(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " Some Text\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

}  // namespace slicemill::docker
