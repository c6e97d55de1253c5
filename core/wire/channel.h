// The seam between processes: frames that arrive whole, in order per peer, or not at all. Loop thread only.
//
// Bodies: zmq_channel (ipc, tcp), memory_channel (`slicemill run`), a lossy one in tests/simulation.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/runtime/result.h"

namespace slicemill {

// The many-peers side (master to controllers, controller to workers).
class ServerChannel {
 public:
  using Peer = std::uint64_t;  // names one connection; a reconnected process is a new peer
  enum class Sent { ok, would_block, gone };

  virtual ~ServerChannel() = default;
  // From here on clients reach it. Whoever else was reached there is not any more, so the caller holds what entitles
  // it to the place. Once; a channel that cannot listen is of no use.
  virtual Result<void> listen() = 0;
  virtual void on_frame(std::function<void(Peer, std::string_view)> handler) = 0;
  // Never blocks. would_block: the peer's buffer is full, nothing was sent. gone: forget the peer.
  virtual Sent send(Peer peer, std::string frame) = 0;
  virtual void drop(Peer peer) = 0;
  // What a ClientChannel of the same kind connects to.
  virtual std::string endpoint() const = 0;
};

// The one-peer side.
class ClientChannel {
 public:
  virtual ~ClientChannel() = default;
  virtual void on_frame(std::function<void(std::string_view)> handler) = 0;
  virtual bool send(std::string frame) = 0;  // false: nothing was sent, try later
  // A fresh connection (new peer on the other side); what was unsent on the old one is dropped.
  virtual void reconnect() = 0;
};

}  // namespace slicemill
