#include "core/wire/memory_channel.h"

#include <functional>
#include <map>
#include <utility>

namespace slicemill {

struct MemoryHub::State {
  explicit State(Loop& l) : loop(l) {}

  Loop& loop;
  std::function<void(ServerChannel::Peer, std::string_view)> to_server;
  std::map<ServerChannel::Peer, std::function<void(std::string_view)>*> clients;  // connected peers and their handlers
  ServerChannel::Peer next_peer = 1;
};

namespace memory_channel_detail {

template <typename StatePtr>
class Server final : public ServerChannel {
 public:
  explicit Server(StatePtr state) : state_(std::move(state)) {}
  ~Server() override { state_->to_server = nullptr; }

  Result<void> listen() override { return {}; }
  void on_frame(std::function<void(Peer, std::string_view)> handler) override {
    state_->to_server = std::move(handler);
  }

  Sent send(Peer peer, std::string frame) override {
    if (!state_->clients.contains(peer)) return Sent::gone;
    state_->loop.post([state = state_, peer, frame = std::move(frame)] {
      const auto client = state->clients.find(peer);
      if (client != state->clients.end() && *client->second) (*client->second)(frame);
    });
    return Sent::ok;
  }

  void drop(Peer peer) override { state_->clients.erase(peer); }
  std::string endpoint() const override { return "memory"; }

 private:
  StatePtr state_;
};

template <typename StatePtr>
class Client final : public ClientChannel {
 public:
  explicit Client(StatePtr state) : state_(std::move(state)) { connect(); }
  ~Client() override { state_->clients.erase(peer_); }

  void on_frame(std::function<void(std::string_view)> handler) override { handler_ = std::move(handler); }

  bool send(std::string frame) override {
    state_->loop.post([state = state_, peer = peer_, frame = std::move(frame)] {
      if (state->to_server && state->clients.contains(peer)) state->to_server(peer, frame);
    });
    return true;
  }

  void reconnect() override {
    state_->clients.erase(peer_);
    connect();
  }

 private:
  void connect() {
    peer_ = state_->next_peer++;
    state_->clients[peer_] = &handler_;
  }

  StatePtr state_;
  ServerChannel::Peer peer_ = 0;
  std::function<void(std::string_view)> handler_;
};

}  // namespace memory_channel_detail

MemoryHub::MemoryHub(Loop& loop) : state_(std::make_shared<State>(loop)) {}
MemoryHub::~MemoryHub() = default;

std::unique_ptr<ServerChannel> MemoryHub::server() {
  return std::make_unique<memory_channel_detail::Server<std::shared_ptr<State>>>(state_);
}

std::unique_ptr<ClientChannel> MemoryHub::client() {
  return std::make_unique<memory_channel_detail::Client<std::shared_ptr<State>>>(state_);
}

}  // namespace slicemill
