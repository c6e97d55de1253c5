#include "core/wire/zmq_channel.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <unordered_map>
#include <utility>
#include <zmq.hpp>

#include <fmt/core.h>

#include "core/runtime/log.h"
#include "core/runtime/private_directory.h"
#include "core/runtime/threads.h"
#include "core/wire/messages.h"

namespace slicemill {
namespace {

constexpr int kHighWaterMark = 1024;  // frames per peer and direction: credit bounds what is in them
constexpr int kReconnectMs = 5;       // local sockets: a failed connect costs microseconds
constexpr int kReconnectMaxMs = 100;
constexpr Duration kLookForSocketEvery = std::chrono::seconds(4);  // for the socket file
constexpr std::string_view kIpc = "ipc://";
constexpr int kFramesPerTurn = 64;  // then the loop may serve others
constexpr int kLastWordsMs = 100;   // for what a server sent just before its end; nobody else would say it again
constexpr int kLibraryThreads = 2;  // one for I/O, one that closes sockets

// libzmq aborts the process where it gets no thread. While this lives, that is the end with an exit code, which says
// more to whoever started the process.
class AbortsWithCode {
 public:
  explicit AbortsWithCode(int code) {
    exit_code_ = code;
    former_ = std::signal(SIGABRT, [](int) {
      constexpr std::string_view kText = "slicemill: cannot start a thread for messages\n";
      [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kText.data(), kText.size());
      _exit(exit_code_);
    });
  }
  ~AbortsWithCode() { (void)std::signal(SIGABRT, former_); }
  AbortsWithCode(const AbortsWithCode&) = delete;
  AbortsWithCode& operator=(const AbortsWithCode&) = delete;

 private:
  static inline volatile std::sig_atomic_t exit_code_ = 0;
  void (*former_)(int) = nullptr;
};

// Per process; ended after the last socket.
zmq::context_t& context() {
  static zmq::context_t instance(1);
  return instance;
}

std::string directory_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

std::string_view view(const zmq::message_t& message) {
  return {message.data<char>(), message.size()};
}

void set_common(zmq::socket_t& socket) {
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::sndhwm, kHighWaterMark);
  socket.set(zmq::sockopt::rcvhwm, kHighWaterMark);
  socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(wire::kMaxFrameBytes));
}

Error channel_error(std::string_view what, const std::string& endpoint, const zmq::error_t& cause) {
  Error error(ErrorCode::io, fmt::format("{} {}: {}", what, endpoint, cause.what()));
  error.obstacle = is_obstacle(cause.num());
  return error;
}

// Drives a socket from the loop: calls receive() while frames are there.
class SocketPump {
 public:
  SocketPump(AsioLoop& loop, zmq::socket_t& socket, std::function<bool()> receive)
      : loop_(loop), socket_(socket), receive_(std::move(receive)), alive_(std::make_shared<bool>(true)) {
    watch_ = loop_.watch_readable(socket_.get(zmq::sockopt::fd), [this] { drain(); });
    look_again();
  }

  // The descriptor tells of an event once: whoever may have consumed the edge posts a look.
  void look_again() {
    if (posted_) return;
    posted_ = true;
    loop_.post([this, alive = std::weak_ptr<bool>(alive_)] {
      if (alive.expired()) return;
      posted_ = false;
      drain();
    });
  }

 private:
  void drain() {
    const std::weak_ptr<bool> alive = alive_;
    for (int frames = 0; frames < kFramesPerTurn; ++frames) {
      if (!receive_()) return;
      if (alive.expired()) return;  // a handler destroyed the channel
    }
    look_again();
  }

  AsioLoop& loop_;
  zmq::socket_t& socket_;
  std::function<bool()> receive_;
  std::shared_ptr<bool> alive_;
  bool posted_ = false;
  std::unique_ptr<AsioLoop::Watch> watch_;
};

class ZmqServerChannel final : public ServerChannel {
 public:
  ZmqServerChannel(AsioLoop& loop, std::string endpoint, const std::optional<CurveKeys>& keys)
      : loop_(loop), endpoint_(std::move(endpoint)), socket_(context(), zmq::socket_type::router) {
    set_common(socket_);
    socket_.set(zmq::sockopt::linger, kLastWordsMs);
    socket_.set(zmq::sockopt::router_mandatory, true);
    if (keys) {
      socket_.set(zmq::sockopt::curve_server, true);
      socket_.set(zmq::sockopt::curve_secretkey, keys->secret_key);
    }
    pump_ = std::make_unique<SocketPump>(loop, socket_, [this] { return receive(); });
  }
  ~ZmqServerChannel() override { pump_.reset(); }

  Result<void> listen() override {
    if (const std::string path = socket_path(); !path.empty()) {
      const std::string directory = directory_of(path);
      const auto made = access(directory.c_str(), F_OK) != 0 ? make_private_directory(directory) : Result<void>();
      if (!made) return with_context(made.error(), "cannot listen on " + endpoint_);
    }
    RETURN_IF_ERROR(bind());
    look_again();
    return {};
  }

  void on_frame(std::function<void(Peer, std::string_view)> handler) override { handler_ = std::move(handler); }

  Sent send(Peer peer, std::string frame) override {
    const auto found = routes_.find(peer);
    if (found == routes_.end()) return Sent::gone;
    const Sent sent = send_to(found->second, frame);
    if (sent == Sent::gone) drop(peer);
    pump_->look_again();
    return sent;
  }

  void drop(Peer peer) override {
    const auto found = routes_.find(peer);
    if (found == routes_.end()) return;
    peers_.erase(found->second);
    routes_.erase(found);
  }

  std::string endpoint() const override { return endpoint_; }

 private:
  // Of ipc; "" otherwise.
  std::string socket_path() const {
    return endpoint_.starts_with(kIpc) ? endpoint_.substr(kIpc.size()) : std::string();
  }

  Result<void> bind() {
    try {
      socket_.bind(endpoint_);
      endpoint_ = socket_.get(zmq::sockopt::last_endpoint);
    } catch (const zmq::error_t& error) {
      return channel_error("cannot listen on", endpoint_, error);
    }
    return {};
  }

  // Cleaners of temporary files take sockets away, and whoever is not connected by then would never be. One that is
  // another's by now is left alone. The socket listens twice then: at a name that is no more, which disturbs nobody.
  void look_again() {
    const std::string path = socket_path();
    if (path.empty()) return;
    loop_.around(kLookForSocketEvery, [this, path, alive = std::weak_ptr<bool>(alive_)] {
      if (alive.expired()) return;
      if (access(path.c_str(), F_OK) != 0 && errno == ENOENT) listen_anew(path);
      look_again();
    });
  }

  void listen_anew(const std::string& path) {
    auto made = make_private_directory(directory_of(path));
    if (made) made = bind();
    if (made) {
      log(LogLevel::warn, "{} was removed; listening there anew", path);
      said_.clear();
    } else if (made.error().message != std::exchange(said_, made.error().message)) {
      log(LogLevel::error, "{} was removed and cannot be made anew, nobody can connect: {}", path,
          made.error().message);
    }
  }

  Sent send_to(const std::string& route, const std::string& frame) {
    try {
      if (!socket_.send(zmq::buffer(route), zmq::send_flags::sndmore | zmq::send_flags::dontwait))
        return Sent::would_block;
      if (!socket_.send(zmq::buffer(frame), zmq::send_flags::dontwait)) return Sent::would_block;
      return Sent::ok;
    } catch (const zmq::error_t&) {  // EHOSTUNREACH: the connection is gone
      return Sent::gone;
    }
  }

  bool receive() {
    zmq::message_t route;
    zmq::message_t frame;
    if (!socket_.recv(route, zmq::recv_flags::dontwait)) return false;
    if (!route.more() || !socket_.recv(frame, zmq::recv_flags::dontwait)) return true;
    bool whole = true;
    while (frame.more()) {  // more parts than our grammar knows: not one of us
      whole = false;
      if (!socket_.recv(frame, zmq::recv_flags::dontwait)) break;
    }
    if (!whole) return true;
    auto [entry, fresh] = peers_.try_emplace(route.to_string(), next_peer_);
    if (fresh) routes_[next_peer_++] = entry->first;
    if (handler_) handler_(entry->second, view(frame));
    return true;
  }

  AsioLoop& loop_;
  std::string endpoint_;
  std::string said_;  // why it could not be made anew
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  zmq::socket_t socket_;
  std::function<void(Peer, std::string_view)> handler_;
  std::unordered_map<std::string, Peer> peers_;
  std::unordered_map<Peer, std::string> routes_;
  Peer next_peer_ = 1;
  std::unique_ptr<SocketPump> pump_;
};

class ZmqClientChannel final : public ClientChannel {
 public:
  ZmqClientChannel(AsioLoop& loop, std::string endpoint, std::string server_key)
      : loop_(loop), endpoint_(std::move(endpoint)), server_key_(std::move(server_key)) {
    if (!server_key_.empty()) keys_ = new_curve_keys();
    open();
  }
  ~ZmqClientChannel() override { pump_.reset(); }

  void on_frame(std::function<void(std::string_view)> handler) override { handler_ = std::move(handler); }

  bool send(std::string frame) override {
    if (!socket_) return false;
    const auto sent = socket_->send(zmq::buffer(frame), zmq::send_flags::dontwait);
    pump_->look_again();
    return sent.has_value();
  }

  void reconnect() override {
    pump_.reset();
    socket_.reset();
    try {
      open();
    } catch (const zmq::error_t& error) {  // no descriptors left: the caller, who hears nothing, will try again
      pump_.reset();
      socket_.reset();
      log(LogLevel::warn, "cannot connect to {}: {}", endpoint_, error.what());
    }
  }

 private:
  void open() {
    socket_ = std::make_unique<zmq::socket_t>(context(), zmq::socket_type::dealer);
    set_common(*socket_);
    socket_->set(zmq::sockopt::reconnect_ivl, kReconnectMs);
    socket_->set(zmq::sockopt::reconnect_ivl_max, kReconnectMaxMs);
    if (!server_key_.empty()) {
      socket_->set(zmq::sockopt::curve_serverkey, server_key_);
      socket_->set(zmq::sockopt::curve_publickey, keys_.public_key);
      socket_->set(zmq::sockopt::curve_secretkey, keys_.secret_key);
    }
    socket_->connect(endpoint_);
    pump_ = std::make_unique<SocketPump>(loop_, *socket_, [this] { return receive(); });
  }

  bool receive() {
    zmq::message_t frame;
    if (!socket_->recv(frame, zmq::recv_flags::dontwait)) return false;
    if (frame.more()) return true;
    // Handlers may call reconnect(): the frame outlives the socket.
    if (handler_) handler_(view(frame));
    return true;
  }

  AsioLoop& loop_;
  std::string endpoint_;
  std::string server_key_;
  CurveKeys keys_;  // of this process alone
  std::unique_ptr<zmq::socket_t> socket_;
  std::function<void(std::string_view)> handler_;
  std::unique_ptr<SocketPump> pump_;
};

}  // namespace

Result<void> prepare_zmq_channels(int exit_code) {
  static bool prepared = false;
  if (prepared) return {};
  RETURN_IF_ERROR(try_threads(kLibraryThreads));
  const AbortsWithCode guard(exit_code);
  try {
    const zmq::socket_t first(context(), zmq::socket_type::dealer);
  } catch (const zmq::error_t& error) {
    return channel_error("cannot make", "a socket", error);
  }
  prepared = true;
  return {};
}

CurveKeys new_curve_keys() {
  std::array<char, 41> public_key{};
  std::array<char, 41> secret_key{};
  if (zmq_curve_keypair(public_key.data(), secret_key.data()) != 0) throw zmq::error_t();  // libzmq without CURVE
  return {public_key.data(), secret_key.data()};
}

Result<std::unique_ptr<ServerChannel>> make_zmq_channel(AsioLoop& loop, const std::string& endpoint,
                                                        const std::optional<CurveKeys>& keys) {
  try {
    return std::unique_ptr<ServerChannel>(std::make_unique<ZmqServerChannel>(loop, endpoint, keys));
  } catch (const zmq::error_t& error) {
    return channel_error("cannot make a socket for", endpoint, error);
  }
}

Result<std::unique_ptr<ServerChannel>> bind_zmq_channel(AsioLoop& loop, const std::string& endpoint,
                                                        const std::optional<CurveKeys>& keys) {
  ASSIGN_OR_RETURN(auto channel, make_zmq_channel(loop, endpoint, keys));
  RETURN_IF_ERROR(channel->listen());
  return channel;
}

Result<std::unique_ptr<ClientChannel>> connect_zmq_channel(AsioLoop& loop, const std::string& endpoint,
                                                           const std::string& server_key) {
  try {
    return std::unique_ptr<ClientChannel>(std::make_unique<ZmqClientChannel>(loop, endpoint, server_key));
  } catch (const zmq::error_t& error) {
    return channel_error("cannot connect to", endpoint, error);
  }
}

}  // namespace slicemill
