// Channels on ZeroMQ: ROUTER for the many-peers side, DEALER for the one-peer side, over ipc or tcp. Loop thread only.
//
// Nothing here blocks: every send is DONTWAIT, and the socket's descriptor is edge-triggered, so events are looked at
// again after every send and receive.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/runtime/asio_loop.h"
#include "core/runtime/result.h"
#include "core/wire/channel.h"

namespace slicemill {

// Makes libzmq's threads, which come with the first channel of a process otherwise. An obstacle if there is no room for
// them. Should libzmq itself find none in spite of that, it ends the process: with this exit code, then.
Result<void> prepare_zmq_channels(int exit_code);

// CURVE keys (ZeroMQ RFC 26) as Z85 text, 40 characters each.
struct CurveKeys {
  std::string public_key;
  std::string secret_key;
};
CurveKeys new_curve_keys();

// ipc: the endpoint's directory must be ours alone (0700), which is what keeps others out; it is made if it is not
// there, and so are directory and socket file when somebody removes them later (within a second; who is connected stays
// connected). A stale socket file of a dead process is replaced. tcp: port * takes a free one, see endpoint(). With
// keys, every frame is encrypted, and only who knows the public key gets in: a client's first message is made with it
// and no message ever shows it, so it goes to clients alone, like a password.
Result<std::unique_ptr<ServerChannel>> make_zmq_channel(AsioLoop& loop, const std::string& endpoint,
                                                        const std::optional<CurveKeys>& keys = std::nullopt);
// The same, listening already.
Result<std::unique_ptr<ServerChannel>> bind_zmq_channel(AsioLoop& loop, const std::string& endpoint,
                                                        const std::optional<CurveKeys>& keys = std::nullopt);
// Connects in the background, again and again until the other side is there. `server_key`: the public key of its
// keys; "" if it has none.
Result<std::unique_ptr<ClientChannel>> connect_zmq_channel(AsioLoop& loop, const std::string& endpoint,
                                                           const std::string& server_key = "");

}  // namespace slicemill
