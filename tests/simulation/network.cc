#include "tests/simulation/network.h"

#include <algorithm>
#include <deque>
#include <variant>

#include "core/wire/messages.h"

namespace slicemill::simulation {

namespace {
constexpr std::size_t kQueued = 1024;  // frames, while nobody is connected

template <typename... Kinds>
bool is_one_of(const wire::Message& message) {
  return (std::holds_alternative<Kinds>(message) || ...);
}

// What the protocol says again by itself, so that nobody may rely on hearing it once. ZeroMQ gives each frame of a
// connection once at most; what is left are orders, which nobody repeats.
bool may_come_twice(std::string_view frame) {
  const auto message = wire::decode(frame);
  return message && is_one_of<wire::Results, wire::Heartbeat, wire::Acked, wire::Cancel, wire::HelloAgain,
                              wire::ControllerHello, wire::Status, wire::Finished, wire::ControllerWelcome,
                              wire::FinishedAck, wire::WorkerExit, wire::WorkersWait>(*message);
}
}  // namespace

// One client and whom it reached.
struct Network::Link {
  Process* client = nullptr;
  std::string endpoint;
  std::function<void(std::string_view)> handler;
  Server* server = nullptr;  // nullptr: not connected
  ServerChannel::Peer peer = 0;
  std::shared_ptr<bool> intact = std::make_shared<bool>(true);  // of this connection: else what is under way is lost
  Nanoseconds away_until = 0;
  Nanoseconds last_to_server = 0, last_to_client = 0;
  std::deque<std::string> queued;
  bool open = true;
};

class Network::Server final : public ServerChannel {
 public:
  Server(Network& network, Process& process, std::string endpoint)
      : network_(network), process_(process), endpoint_(std::move(endpoint)) {}
  ~Server() override {
    const auto own = network_.servers_.find(endpoint_);
    if (own != network_.servers_.end() && own->second == this) network_.servers_.erase(own);
    // Those whose peer was dropped too: they are connected all the same.
    for (const auto& link : network_.links_)
      if (const auto still = link.lock(); still && still->server == this) {
        network_.detach(*still, true);
        network_.attach_later(still, network_.world_.between(kMillisecond, 20 * kMillisecond));
      }
  }

  Result<void> listen() override {
    network_.servers_[endpoint_] = this;
    return {};
  }
  void on_frame(std::function<void(Peer, std::string_view)> call) override { handler = std::move(call); }
  Sent send(Peer peer, std::string frame) override {
    const auto found = links.find(peer);
    const auto link = found == links.end() ? nullptr : found->second.lock();
    if (!link || link->server != this || link->peer != peer) return Sent::gone;
    if (network_.world_.chance(network_.full_buffers)) return Sent::would_block;
    if (!network_.world_.step(process_, "send")) return Sent::ok;  // dead: it never learns
    network_.watch_sent(process_, frame);
    network_.deliver(link, false, std::move(frame));
    return Sent::ok;
  }
  void drop(Peer peer) override { links.erase(peer); }
  std::string endpoint() const override { return endpoint_; }

  Process& process() { return process_; }

  std::function<void(Peer, std::string_view)> handler;
  std::map<Peer, std::weak_ptr<Link>> links;

 private:
  Network& network_;
  Process& process_;
  std::string endpoint_;
};

class Network::Client final : public ClientChannel {
 public:
  Client(Network& network, Process& process, std::string endpoint) : network_(network), process_(process) {
    open(std::move(endpoint));
  }
  ~Client() override { close(); }

  void on_frame(std::function<void(std::string_view)> call) override {
    handler_ = std::move(call);
    link_->handler = [this](std::string_view frame) { handler_(frame); };
  }
  bool send(std::string frame) override {
    if (!network_.world_.step(process_, "send")) return true;
    network_.watch_sent(process_, frame);
    if (link_->server == nullptr) {
      if (link_->queued.size() >= kQueued) return false;
      link_->queued.push_back(std::move(frame));
      return true;
    }
    network_.deliver(link_, true, std::move(frame));
    return true;
  }
  void reconnect() override {
    const std::string endpoint = link_->endpoint;
    close();
    open(endpoint);
  }

 private:
  void open(std::string endpoint) {
    link_ = std::make_shared<Link>();
    link_->client = &process_;
    link_->endpoint = std::move(endpoint);
    link_->handler = [this](std::string_view frame) {
      if (handler_) handler_(frame);
    };
    network_.links_.push_back(link_);
    network_.attach_later(link_, network_.world_.between(50 * kMicrosecond, 2 * kMillisecond));
  }
  void close() {
    link_->open = false;
    link_->handler = nullptr;
    network_.detach(*link_, process_.alive);  // what the dead have sent still arrives
  }

  Network& network_;
  Process& process_;
  std::function<void(std::string_view)> handler_;
  std::shared_ptr<Link> link_;
};

std::unique_ptr<ServerChannel> Network::make(Process& process, const std::string& endpoint) {
  return std::make_unique<Server>(*this, process, endpoint);
}

std::unique_ptr<ServerChannel> Network::bind(Process& process, const std::string& endpoint) {
  auto server = make(process, endpoint);
  (void)server->listen();
  return server;
}

std::unique_ptr<ClientChannel> Network::connect(Process& process, const std::string& endpoint) {
  std::erase_if(links_, [](const auto& link) { return link.expired(); });
  return std::make_unique<Client>(*this, process, endpoint);
}

Nanoseconds Network::delay() {
  if (world_.chance(slow_frames)) return world_.between(kMillisecond, 80 * kMillisecond);
  return world_.between(15 * kMicrosecond, 150 * kMicrosecond);
}

void Network::watch_sent(Process& from, std::string_view frame) {
  world_.note(frame.size());
  if (on_send) on_send(from, frame);
}

void Network::attach_later(const std::shared_ptr<Link>& link, Nanoseconds away) {
  link->away_until = std::max(link->away_until, world_.now() + away);
  world_.at(world_.now() + away, nullptr, [this, weak = std::weak_ptr(link)] {
    const auto still = weak.lock();
    if (still && still->open && still->server == nullptr) attach(still);
  });
}

void Network::attach(const std::shared_ptr<Link>& link) {
  if (!link->client->alive) return;
  const auto server = servers_.find(link->endpoint);
  if (world_.now() < link->away_until || server == servers_.end() || !server->second->process().alive) {
    attach_later(link, std::max<Nanoseconds>(world_.between(5 * kMillisecond, 100 * kMillisecond),
                                             link->away_until - world_.now()));
    return;
  }
  link->server = server->second;
  link->peer = next_peer_++;
  link->intact = std::make_shared<bool>(true);
  link->last_to_client = link->last_to_server = 0;
  link->server->links[link->peer] = link;
  for (auto& frame : std::exchange(link->queued, {})) deliver(link, true, std::move(frame));
}

void Network::detach(Link& link, bool losing) {
  if (link.server != nullptr) link.server->links.erase(link.peer);
  link.server = nullptr;
  if (losing) *link.intact = false;
}

void Network::deliver(const std::shared_ptr<Link>& link, bool to_server, std::string frame) {
  if (lost_frames > 0 && world_.chance(lost_frames)) return;
  Nanoseconds& last = to_server ? link->last_to_server : link->last_to_client;
  last = std::max(last + 1, world_.now() + delay());
  if (doubled_frames > 0 && world_.chance(doubled_frames) && may_come_twice(frame))
    arrive(link, to_server, last + delay(), frame);
  arrive(link, to_server, last, std::move(frame));
}

void Network::arrive(const std::shared_ptr<Link>& link, bool to_server, Nanoseconds time, std::string frame) {
  if (!to_server) {
    world_.at(time, link->client, [this, weak = std::weak_ptr(link), intact = link->intact, text = std::move(frame)] {
      const auto still = weak.lock();
      if (!still || !*intact || !still->handler) return;
      world_.note(text.size());
      const auto handler = still->handler;  // it may reconnect, which ends the link
      handler(text);
    });
    return;
  }
  Server* server = link->server;
  world_.at(
      time, &server->process(),
      [this, server, endpoint = link->endpoint, intact = link->intact, peer = link->peer, text = std::move(frame)] {
        const auto bound = servers_.find(endpoint);
        if (!*intact || bound == servers_.end() || bound->second != server || !server->handler) return;
        world_.note(text.size());
        server->handler(peer, text);
      });
}

std::size_t Network::connections() const {
  return static_cast<std::size_t>(std::count_if(links_.begin(), links_.end(), [](const auto& weak) {
    const auto link = weak.lock();
    return link && link->server != nullptr;
  }));
}

void Network::break_one(Nanoseconds away) {
  std::vector<std::shared_ptr<Link>> connected;
  for (const auto& weak : links_)
    if (auto link = weak.lock(); link && link->server != nullptr) connected.push_back(std::move(link));
  if (connected.empty()) return;
  const auto& link = connected[world_.below(connected.size())];
  detach(*link, true);
  attach_later(link, away);
}

void Network::cut_off(const Process& process, Nanoseconds away) {
  for (const auto& weak : links_) {
    const auto link = weak.lock();
    if (!link || !link->open) continue;
    const bool concerned =
        link->client == &process || (link->server != nullptr && &link->server->process() == &process);
    if (!concerned) continue;
    detach(*link, true);
    attach_later(link, away);
  }
}

}  // namespace slicemill::simulation
