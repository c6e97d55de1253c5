// One suite for every body of the channel seam.
#include "core/wire/channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "core/runtime/asio_loop.h"
#include "core/wire/memory_channel.h"
#include "core/wire/zmq_channel.h"

namespace slicemill {
namespace {

using namespace std::chrono_literals;

class ChannelSuite : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "ipc" || GetParam() == "tcp") {
      if (GetParam() == "tcp") keys_ = new_curve_keys();
      auto bound = bind_zmq_channel(
          loop_, keys_ ? "tcp://127.0.0.1:*" : "ipc:///tmp/slicemill_channel_test_" + std::to_string(getpid()), keys_);
      ASSERT_TRUE(bound) << bound.error().message;
      server_ = std::move(*bound);
    } else {
      hub_.emplace(loop_);
      server_ = hub_->server();
    }
    loop_.after(20s, [this] {
      ADD_FAILURE() << "nothing came";
      loop_.stop();
    });
  }
  std::unique_ptr<ClientChannel> client() {
    if (hub_) return hub_->client();
    return *connect_zmq_channel(loop_, server_->endpoint(), keys_ ? keys_->public_key : "");
  }

  AsioLoop loop_;
  std::optional<CurveKeys> keys_;
  std::optional<MemoryHub> hub_;
  std::unique_ptr<ServerChannel> server_;
};

TEST_P(ChannelSuite, FramesArriveWholeAndInOrder) {
  auto sender = client();
  std::vector<std::string> got;
  server_->on_frame([&](ServerChannel::Peer, std::string_view frame) {
    got.emplace_back(frame);
    if (got.size() == 500) loop_.stop();
  });
  std::vector<std::string> sent;
  sent.reserve(500);
  for (int i = 0; i < 500; ++i)
    sent.push_back(std::string(static_cast<std::size_t>(i * 37 % 5000), 'x') + std::to_string(i));
  for (const auto& frame : sent) ASSERT_TRUE(sender->send(frame));
  loop_.run();
  EXPECT_EQ(got, sent);
}

TEST_P(ChannelSuite, AnswersReachThePeerThatAsked) {
  auto first = client();
  auto second = client();
  server_->on_frame([&](ServerChannel::Peer peer, std::string_view frame) {
    EXPECT_EQ(server_->send(peer, "echo " + std::string(frame)), ServerChannel::Sent::ok);
  });
  std::vector<std::string> got;
  auto note = [&](const std::string& who) {
    return [&, who](std::string_view frame) {
      got.push_back(who + ": " + std::string(frame));
      if (got.size() == 2) loop_.stop();
    };
  };
  first->on_frame(note("first"));
  second->on_frame(note("second"));
  first->send("a");
  second->send("b");
  loop_.run();
  EXPECT_THAT(got, testing::UnorderedElementsAre("first: echo a", "second: echo b"));
}

TEST_P(ChannelSuite, AReconnectedClientIsANewPeerAndTheOldOneIsGoneWhenDropped) {
  auto peer_client = client();
  std::vector<ServerChannel::Peer> peers;
  server_->on_frame([&](ServerChannel::Peer peer, std::string_view) {
    peers.push_back(peer);
    if (peers.size() == 1) {
      loop_.post([&] {
        peer_client->reconnect();
        peer_client->send("again");
      });
    } else {
      loop_.stop();
    }
  });
  peer_client->send("hello");
  loop_.run();
  ASSERT_EQ(peers.size(), 2u);
  EXPECT_NE(peers[0], peers[1]);
  server_->drop(peers[0]);
  EXPECT_EQ(server_->send(peers[0], "x"), ServerChannel::Sent::gone);
  EXPECT_EQ(server_->send(12345, "x"), ServerChannel::Sent::gone);
}

INSTANTIATE_TEST_SUITE_P(Bodies, ChannelSuite, testing::Values("ipc", "tcp", "memory"),
                         [](const auto& body) { return body.param; });

TEST(ZmqChannel, AFullPeerDoesNotBlockTheSender) {
  AsioLoop loop;
  const std::string endpoint = "ipc:///tmp/slicemill_full_test_" + std::to_string(getpid());
  auto server = *bind_zmq_channel(loop, endpoint);
  AsioLoop idle_loop;  // never runs: its client reads nothing
  auto client = *connect_zmq_channel(idle_loop, endpoint);
  ASSERT_TRUE(client->send("hello"));
  bool would_block = false;
  server->on_frame([&](ServerChannel::Peer peer, std::string_view) {
    for (int i = 0; i < 100'000 && !would_block; ++i)
      would_block = server->send(peer, std::string(1000, 'x')) == ServerChannel::Sent::would_block;
    loop.stop();
  });
  loop.run();
  EXPECT_TRUE(would_block);
}

TEST(ZmqChannel, WhoDoesNotKnowTheKeyDoesNotGetIn) {
  AsioLoop loop;
  const CurveKeys keys = new_curve_keys();
  auto server = *bind_zmq_channel(loop, "tcp://127.0.0.1:*", keys);
  auto keyless = *connect_zmq_channel(loop, server->endpoint());
  auto wrong = *connect_zmq_channel(loop, server->endpoint(), new_curve_keys().public_key);
  auto right = *connect_zmq_channel(loop, server->endpoint(), keys.public_key);
  ASSERT_TRUE(keyless->send("keyless"));
  ASSERT_TRUE(wrong->send("wrong"));
  constexpr int kTurns = 500;  // many times what a handshake takes, which the others began before
  int turns = 0;
  server->on_frame([&](ServerChannel::Peer peer, std::string_view frame) {
    EXPECT_EQ(frame, "right");
    server->send(peer, "answer");
  });
  right->on_frame([&](std::string_view frame) {
    EXPECT_EQ(frame, "answer");
    if (++turns == kTurns) {
      loop.stop();
    } else {
      right->send("right");
    }
  });
  ASSERT_TRUE(right->send("right"));
  loop.run();
  EXPECT_EQ(turns, kTurns);
}

TEST(ZmqChannel, AnEndpointThatCannotBeBoundIsAnError) {
  AsioLoop loop;
  const auto bad = bind_zmq_channel(loop, "ipc:///nonexistent/directory/socket");
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message.find("/nonexistent/directory/socket"), std::string::npos);
}

// What a cleaner of temporary files does: the directory with the socket goes.
TEST(ZmqServerChannel, ListensAnewWhenItsSocketWasRemoved) {
  const std::string directory = "/tmp/slicemill_channel_dir_" + std::to_string(getpid());
  AsioLoop loop;
  const std::string endpoint = "ipc://" + directory + "/socket";
  auto server = bind_zmq_channel(loop, endpoint);
  ASSERT_TRUE(server) << server.error().message;
  struct stat facts {};
  ASSERT_EQ(stat(directory.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0700u);
  const auto old = connect_zmq_channel(loop, endpoint);
  std::unique_ptr<ClientChannel> late;
  std::vector<std::string> got;
  (*server)->on_frame([&](ServerChannel::Peer, std::string_view frame) {
    got.emplace_back(frame);
    if (got.size() == 1) {
      std::filesystem::remove_all(directory);
      late = *connect_zmq_channel(loop, endpoint);
      late->send("late");
    } else if (got.size() == 2) {
      (*old)->send("old again");
    } else {
      loop.stop();
    }
  });
  (*old)->send("old");
  loop.after(20s, [&] {
    ADD_FAILURE() << "nothing came";
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(got, (std::vector<std::string>{"old", "late", "old again"}));
  ASSERT_EQ(stat(directory.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0700u);
  server->reset();
  std::filesystem::remove_all(directory);
}

// Another process may have taken the place over: it is its place then.
TEST(ZmqServerChannel, LeavesASocketAloneThatIsAnothers) {
  const std::string directory = "/tmp/slicemill_channel_dir_" + std::to_string(getpid());
  AsioLoop loop;
  const std::string endpoint = "ipc://" + directory + "/socket";
  const auto first = bind_zmq_channel(loop, endpoint);
  const auto second = bind_zmq_channel(loop, endpoint);
  ASSERT_TRUE(first && second);
  struct stat before {};
  ASSERT_EQ(stat((directory + "/socket").c_str(), &before), 0);
  loop.after(2500ms, [&] { loop.stop(); });  // two looks
  loop.run();
  struct stat after {};
  ASSERT_EQ(stat((directory + "/socket").c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, before.st_ino);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace slicemill
