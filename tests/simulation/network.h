// Channels between simulated processes: frames take time, connections break and come back, and a partition cuts a
// process off.
//
// As ZeroMQ over ipc or tcp behaves: frames of one connection arrive in order; what is under way when it breaks is
// lost; the client comes back by itself as a new peer, with what it queued meanwhile. Worse than ZeroMQ, what the
// protocol repeats can come twice, and any frame can be lost while its connection stays.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/wire/channel.h"
#include "tests/simulation/world.h"

namespace slicemill::simulation {

class Network {
 public:
  explicit Network(World& world) : world_(world) {}

  std::unique_ptr<ServerChannel> make(Process& process, const std::string& endpoint);  // does not listen yet
  std::unique_ptr<ServerChannel> bind(Process& process, const std::string& endpoint);
  std::unique_ptr<ClientChannel> connect(Process& process, const std::string& endpoint);

  // Frames in flight are lost, and the client needs a while to come back.
  void break_one(Nanoseconds away);
  // Every connection of the process breaks and stays away for so long.
  void cut_off(const Process& process, Nanoseconds away);
  std::size_t connections() const;

  // Odds, per frame.
  double slow_frames = 0;  // delayed by up to 80 ms
  double full_buffers = 0;
  double doubled_frames = 0;  // arrive once more, a little later
  double lost_frames = 0;     // never arrive, and the connection stays

  // Every frame as it is sent: for checks.
  std::function<void(Process& from, std::string_view frame)> on_send;

 private:
  struct Link;
  class Server;
  class Client;
  Nanoseconds delay();
  void attach(const std::shared_ptr<Link>& link);
  void attach_later(const std::shared_ptr<Link>& link, Nanoseconds away);
  void detach(Link& link, bool losing);
  void deliver(const std::shared_ptr<Link>& link, bool to_server, std::string frame);
  void arrive(const std::shared_ptr<Link>& link, bool to_server, Nanoseconds time, std::string frame);
  void watch_sent(Process& from, std::string_view frame);

  World& world_;
  std::map<std::string, Server*> servers_;
  std::vector<std::weak_ptr<Link>> links_;
  ServerChannel::Peer next_peer_ = 1;
};

}  // namespace slicemill::simulation
