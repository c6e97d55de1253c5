#include "master/processes/controller_endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "core/runtime/json.h"
#include "tests/master/temp_directory.h"

namespace slicemill::master {
namespace {

// Listens on a port of the loopback until it is destroyed.
class Listener {
 public:
  explicit Listener(int port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_port = htons(static_cast<in_port_t>(port));
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int yes = 1;
    setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    listens_ = bind(fd_, reinterpret_cast<const sockaddr*>(&place), sizeof place) == 0 && listen(fd_, 1) == 0;
  }
  ~Listener() { close(fd_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  bool listens() const { return listens_; }

 private:
  int fd_;
  bool listens_ = false;
};

class ControllerEndpointsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int first = 21'000; first < 31'000; first += 3) {
      if (Listener(first).listens() && Listener(first + 1).listens() && Listener(first + 2).listens()) {
        over_tcp_.ports = {first, first + 2};
        return;
      }
    }
    FAIL() << "no free ports";
  }

  TempDirectory directory_;
  DataLayout layout_ = DataLayout::of(directory_.path());
  WorkerTransport over_tcp_{.tcp = true};
};

TEST_F(ControllerEndpointsTest, SocketFilesNeedNoKeys) {
  ControllerEndpoints endpoints(layout_, {});
  const auto endpoint = endpoints.of(ExecutionId("a"));
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->endpoint, layout_.controller_endpoint("a"));
  EXPECT_EQ(endpoint->keys.public_key, "");
}

TEST_F(ControllerEndpointsTest, EveryExecutionHasAPortAndKeysOfItsOwnAndKeepsThem) {
  ControllerEndpoints endpoints(layout_, over_tcp_);
  std::set<std::string> places;
  std::set<std::string> keys;
  for (const char* id : {"a", "b", "c", "a", "b", "c"}) {
    const auto endpoint = endpoints.of(ExecutionId(id));
    ASSERT_TRUE(endpoint) << endpoint.error().message;
    EXPECT_EQ(endpoint->endpoint.find("tcp://127.0.0.1:"), 0u);
    EXPECT_EQ(endpoint->keys.secret_key.size(), 40u);
    places.insert(endpoint->endpoint);
    keys.insert(endpoint->keys.public_key);
  }
  EXPECT_EQ(places.size(), 3u);
  EXPECT_EQ(keys.size(), 3u);
  const auto fourth = endpoints.of(ExecutionId("d"));
  ASSERT_FALSE(fourth);
  EXPECT_EQ(fourth.error().code, ErrorCode::unavailable);
  endpoints.forget(ExecutionId("b"));
  const auto fifth = endpoints.of(ExecutionId("d"));
  ASSERT_TRUE(fifth);
  EXPECT_TRUE(places.contains(fifth->endpoint));
  EXPECT_FALSE(keys.contains(fifth->keys.public_key));
}

TEST_F(ControllerEndpointsTest, PortsOfOthersAreLeftAlone) {
  const Listener first(over_tcp_.ports.first);
  const Listener last(over_tcp_.ports.last);
  ASSERT_TRUE(first.listens() && last.listens());
  ControllerEndpoints endpoints(layout_, over_tcp_);
  const auto endpoint = endpoints.of(ExecutionId("a"));
  ASSERT_TRUE(endpoint) << endpoint.error().message;
  EXPECT_EQ(endpoint->endpoint, "tcp://127.0.0.1:" + std::to_string(over_tcp_.ports.first + 1));
}

TEST_F(ControllerEndpointsTest, TheLaunchFileOfAFormerMasterDecides) {
  ControllerLaunch launch;
  launch.ex_id = "a";
  launch.controller_endpoint = "tcp://127.0.0.1:5";
  launch.controller_public_key = "public";
  launch.controller_secret_key = "secret";
  std::filesystem::create_directories(layout_.data + "/launch");
  std::ofstream(layout_.launch_file("a")) << to_compact_text(launch.to_json());
  ControllerEndpoints endpoints(layout_, {});
  const auto endpoint = endpoints.of(ExecutionId("a"));
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->endpoint, "tcp://127.0.0.1:5");
  EXPECT_EQ(endpoint->keys.public_key, "public");
  EXPECT_EQ(endpoint->keys.secret_key, "secret");
  std::ofstream(layout_.launch_file("b")) << "{ damaged";
  const auto chosen = endpoints.of(ExecutionId("b"));
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->endpoint, layout_.controller_endpoint("b"));
}

}  // namespace
}  // namespace slicemill::master
