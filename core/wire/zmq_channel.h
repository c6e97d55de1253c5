// Channels on ZeroMQ: ROUTER for the many-peers side, DEALER for the one-peer side, over ipc. Loop thread only.
//
// Nothing here blocks: every send is DONTWAIT, and the socket's descriptor is edge-triggered, so events are looked at
// again after every send and receive.
#pragma once

#include <memory>
#include <string>

#include "core/runtime/asio_loop.h"
#include "core/runtime/result.h"
#include "core/wire/channel.h"

namespace slicemill {

// The endpoint's directory must exist and be ours alone (0700). A stale socket file of a dead process is replaced.
Result<std::unique_ptr<ServerChannel>> bind_zmq_channel(AsioLoop& loop, const std::string& endpoint);
// Connects in the background, again and again until the other side is there.
Result<std::unique_ptr<ClientChannel>> connect_zmq_channel(AsioLoop& loop, const std::string& endpoint);

}  // namespace slicemill
