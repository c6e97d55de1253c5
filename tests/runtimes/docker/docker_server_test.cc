// Against a real server: Podman's service, which this program starts for itself.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "runtimes/docker/docker_client.h"

extern char** environ;

namespace slicemill::docker {
namespace {

constexpr const char* kImage = "localhost/box:latest";

class PodmanService : public testing::Environment {
 public:
  void SetUp() override {
    char made[] = "/tmp/slicemill-podman-XXXXXX";
    ASSERT_NE(mkdtemp(made), nullptr);
    directory = made;
    const std::string script = SLICEMILL_PODMAN_SCRIPT;
    const std::string log = directory + "/service.log";
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_CREAT | O_WRONLY, 0644);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    std::string words[] = {script, directory};
    char* arguments[] = {words[0].data(), words[1].data(), nullptr};
    ASSERT_EQ(posix_spawn(&process_, script.c_str(), &actions, &attributes, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    const DockerClient client(socket());
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(90);
    while (!client.ping()) {
      ASSERT_EQ(waitpid(process_, nullptr, WNOHANG), 0) << "the service ended: " << std::ifstream(log).rdbuf();
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << std::ifstream(log).rdbuf();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));  // it tells nobody when it listens
    }
  }

  void TearDown() override {
    if (process_ > 0) {
      kill(-process_, SIGTERM);
      waitpid(process_, nullptr, 0);
    }
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
  }

  std::string socket() const { return directory + "/socket"; }

  std::string directory;

 private:
  pid_t process_ = -1;
};

PodmanService* service = nullptr;

class DockerServer : public testing::Test {
 protected:
  // A container that runs this script; removed with the test.
  std::string made(const std::string& script, ContainerSpec spec = {}) {
    spec.image = kImage;
    spec.entrypoint = {"/bin/sh", "-c"};
    spec.command = {script};
    spec.networks = {"none"};  // a bridge would outlive the server
    spec.labels["slicemill.test"] = "yes";
    const auto id = client_.create(spec);
    EXPECT_TRUE(id) << (id ? "" : id.error().message);
    containers_.push_back(id ? *id : "none");
    return containers_.back();
  }

  std::string run(const std::string& script, ContainerSpec spec = {}) {
    const auto id = made(script, std::move(spec));
    const auto started = client_.start(id);
    EXPECT_TRUE(started) << (started ? "" : started.error().message);
    code_ = *client_.wait(id, {});
    return id;
  }

  std::string output_of(const std::string& id, OutputStream wanted = OutputStream::standard_output) {
    std::string text;
    const auto read = client_.logs(
        id, false, [&](OutputStream stream, std::string_view piece) { text += stream == wanted ? piece : ""; }, {});
    EXPECT_TRUE(read) << (read ? "" : read.error().message);
    return text;
  }

  void TearDown() override {
    for (const auto& id : containers_) EXPECT_TRUE(client_.remove(id));
  }

  DockerClient client_{service->socket()};
  std::vector<std::string> containers_;
  std::int64_t code_ = -1;
};

TEST_F(DockerServer, ImagesAreKnownOrNot) {
  EXPECT_TRUE(*client_.has_image(kImage));
  EXPECT_FALSE(*client_.has_image("localhost/nothing:1"));
  const auto pulled = client_.pull("localhost:1/nothing", nullptr, {});
  ASSERT_FALSE(pulled);
  EXPECT_THAT(pulled.error().message, testing::HasSubstr("pull localhost:1/nothing"));
}

TEST_F(DockerServer, RunsAndTellsExitCodeAndOutput) {
  ContainerSpec spec;
  spec.environment = {"NAME=world"};
  spec.working_directory = "/tmp";
  const auto id = run("echo hello $NAME; pwd; echo oops >&2; exit 3", spec);
  EXPECT_EQ(code_, 3);
  EXPECT_EQ(output_of(id), "hello world\n/tmp\n");
  EXPECT_EQ(output_of(id, OutputStream::standard_error), "oops\n");
  const auto state = client_.inspect(id);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->status, "exited");
  EXPECT_EQ(state->exit_code, 3);
  EXPECT_FALSE(state->is_running);
}

TEST_F(DockerServer, FilesGoInAndComeOut) {
  const auto id = made("cat /tmp/in/deep; cp /tmp/in/deep /tmp/out");
  ASSERT_TRUE(client_.put_files(id, "/tmp", {{"in/deep", "some text", 0444}}));
  ASSERT_TRUE(client_.start(id));
  EXPECT_EQ(*client_.wait(id, {}), 0);
  EXPECT_EQ(output_of(id), "some text");
  EXPECT_EQ(*client_.read_file(id, "/tmp/out", 100), "some text");
  EXPECT_EQ(client_.read_file(id, "/tmp/nothing", 100).error().code, ErrorCode::not_found);
  EXPECT_EQ(client_.read_file(id, "/tmp/out", 3).error().code, ErrorCode::invalid);
}

TEST_F(DockerServer, IsKilledFollowedAndListed) {
  const auto id = made("echo begun; sleep 1000");
  ASSERT_TRUE(client_.start(id));
  ASSERT_TRUE(client_.start(id)) << "a second start is fine";
  EXPECT_THAT(*client_.list({{"slicemill.test", "yes"}}), testing::Contains(id));
  EXPECT_THAT(*client_.list({{"slicemill.test", "no"}}), testing::IsEmpty());
  std::string output;
  const auto followed = client_.logs(id, true,
                                     [&](OutputStream, std::string_view piece) {
                                       output += piece;
                                       if (output == "begun\n") {
                                         EXPECT_TRUE(client_.inspect(id)->is_running);
                                         EXPECT_TRUE(client_.kill(id));
                                       }
                                     },
                                     {});
  EXPECT_TRUE(followed) << (followed ? "" : followed.error().message);
  EXPECT_EQ(output, "begun\n");
  EXPECT_EQ(*client_.wait(id, {}), 137);
  EXPECT_FALSE(client_.kill(id)) << "what has ended cannot be killed";
}

TEST_F(DockerServer, WaitingIsStoppedAndTheContainerGoesOn) {
  const auto id = made("sleep 1000");
  ASSERT_TRUE(client_.start(id));
  std::stop_source stop;
  std::thread stopper([&] { stop.request_stop(); });
  EXPECT_EQ(client_.wait(id, stop.get_token()).error().code, ErrorCode::cancelled);
  stopper.join();
  EXPECT_TRUE(client_.inspect(id)->is_running);
}

TEST_F(DockerServer, VolumesOutliveContainers) {
  const auto volume = client_.create_volume({{"slicemill.test", "yes"}});
  ASSERT_TRUE(volume) << volume.error().message;
  ContainerSpec spec;
  spec.mounts = {{MountSpec::Type::volume, *volume, "/data"}};
  run("echo kept > /data/x", spec);
  EXPECT_EQ(code_, 0);
  EXPECT_EQ(output_of(run("cat /data/x", spec)), "kept\n");
  TearDown();
  containers_.clear();
  EXPECT_TRUE(client_.remove_volume(*volume));
  EXPECT_TRUE(client_.remove_volume(*volume)) << "what is gone is removed";
}

TEST_F(DockerServer, LimitsReachTheContainer) {
  ContainerSpec spec;
  spec.memory = *memory_of("16m");
  const auto id =
      run("cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; true", spec);
  EXPECT_THAT(output_of(id), testing::HasSubstr("16777216"));
}

TEST_F(DockerServer, WhatIsNotThereIsNotFound) {
  for (const auto& error :
       {client_.start("nothing").error(), client_.kill("nothing").error(), client_.inspect("nothing").error(),
        client_.wait("nothing", {}).error(), client_.create({.image = "localhost/nothing:1"}).error()})
    EXPECT_EQ(error.code, ErrorCode::not_found) << error.message;
  EXPECT_TRUE(client_.remove("nothing"));
}

TEST_F(DockerServer, NetworksAreMadeAndRemoved) {
  const auto id = client_.create_network("slicemill-test-" + std::to_string(getpid()), {{"slicemill.test", "yes"}});
  ASSERT_TRUE(id) << id.error().message;
  EXPECT_TRUE(client_.remove_network(*id));
  EXPECT_TRUE(client_.remove_network(*id));
}

}  // namespace
}  // namespace slicemill::docker

int main(int count, char** words) {
  testing::InitGoogleMock(&count, words);
  slicemill::docker::service = new slicemill::docker::PodmanService;  // owned by the framework
  testing::AddGlobalTestEnvironment(slicemill::docker::service);
  return RUN_ALL_TESTS();
}
