#include "runtimes/docker/docker_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>

#include "tests/runtimes/docker/fake_server.h"

namespace slicemill::docker {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

FakeServer::Handler always(std::string answer) {
  return [answer = std::move(answer)](const std::string&, const FakeServer::Send& send) { send(answer); };
}

TEST(DockerClient, AsksInTheWordsOfTheApi) {
  FakeServer server(always(http_answer(201, R"({"Id":"c1","Name":"v1"})")));
  const DockerClient client(server.path());
  ContainerSpec spec;
  spec.name = "a b";
  spec.image = "alpine";
  EXPECT_EQ(*client.create(spec), "c1");
  EXPECT_TRUE(client.start("c1"));
  EXPECT_TRUE(client.kill("c1", "SIGTERM"));
  EXPECT_TRUE(client.remove("c/1"));
  EXPECT_EQ(*client.create_volume({{"job", "j"}}), "v1");
  EXPECT_TRUE(client.remove_volume("v1"));
  EXPECT_EQ(*client.create_network("n", {}), "c1");
  EXPECT_TRUE(client.remove_network("n"));
  EXPECT_TRUE(client.put_files("c1", "/tork", {{"entrypoint", "echo"}}));
  EXPECT_TRUE(*client.has_image("reg:5000/a/b:1"));
  const auto asked = server.requests();
  ASSERT_EQ(asked.size(), 10U);
  EXPECT_THAT(asked[0], StartsWith("POST /v1.41/containers/create?name=a%20b HTTP/1.1\r\nHost: localhost\r\n"));
  EXPECT_THAT(asked[0], EndsWith("\r\n\r\n{\"Image\":\"alpine\"}"));
  EXPECT_THAT(asked[0], HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(asked[1], StartsWith("POST /v1.41/containers/c1/start "));
  EXPECT_THAT(asked[2], StartsWith("POST /v1.41/containers/c1/kill?signal=SIGTERM "));
  EXPECT_THAT(asked[3], StartsWith("DELETE /v1.41/containers/c%2F1?force=true&v=true "));
  EXPECT_THAT(asked[4], EndsWith(R"({"Labels":{"job":"j"}})"));
  EXPECT_THAT(asked[5], StartsWith("DELETE /v1.41/volumes/v1 "));
  EXPECT_THAT(asked[6], StartsWith("POST /v1.41/networks/create "));
  EXPECT_THAT(asked[7], StartsWith("DELETE /v1.41/networks/n "));
  EXPECT_THAT(asked[8], StartsWith("PUT /v1.41/containers/c1/archive?path=%2Ftork "));
  EXPECT_THAT(asked[8], HasSubstr("Content-Type: application/x-tar\r\n"));
  EXPECT_THAT(asked[9], StartsWith("GET /v1.41/images/reg%3A5000%2Fa%2Fb%3A1/json "));
}

TEST(DockerClient, StatusesBecomeErrorsWithTheServersWords) {
  const auto error_of_status = [](int status) {
    FakeServer server(always(http_answer(status, R"({"message":"no such thing"})")));
    return DockerClient(server.path()).kill("c1").error();
  };
  EXPECT_EQ(error_of_status(404).code, ErrorCode::not_found);
  EXPECT_EQ(error_of_status(409).code, ErrorCode::conflict);
  EXPECT_EQ(error_of_status(400).code, ErrorCode::invalid);
  EXPECT_EQ(error_of_status(500).code, ErrorCode::io);
  EXPECT_EQ(error_of_status(500).message, "POST /v1.41/containers/c1/kill?signal=SIGKILL: no such thing");
  FakeServer silent(always(http_answer(500, "")));
  EXPECT_THAT(DockerClient(silent.path()).ping().error().message, EndsWith("status 500"));
}

TEST(DockerClient, WhatIsGoneIsRemovedAndWhatRunsIsStarted) {
  FakeServer gone(always(http_answer(404, "{}")));
  const DockerClient client(gone.path());
  EXPECT_TRUE(client.remove("c1"));
  EXPECT_TRUE(client.remove_volume("v"));
  EXPECT_TRUE(client.remove_network("n"));
  EXPECT_FALSE(*client.has_image("a"));
  FakeServer running(always("HTTP/1.1 304 Not Modified\r\n\r\n"));
  EXPECT_TRUE(DockerClient(running.path()).start("c1"));
}

TEST(DockerClient, ABadServerIsAnErrorAndNeverSilence) {
  EXPECT_EQ(DockerClient("/nowhere/socket").ping().error().code, ErrorCode::unavailable);
  EXPECT_THAT(DockerClient("/nowhere/socket").ping().error().message, HasSubstr("/nowhere/socket"));
  FakeServer ends(always(""));
  EXPECT_EQ(DockerClient(ends.path()).ping().error().code, ErrorCode::unavailable);
  FakeServer cut(always("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"));
  EXPECT_EQ(DockerClient(cut.path()).ping().error().code, ErrorCode::unavailable);
  FakeServer other(always("SSH-2.0-OpenSSH\r\n\r\n"));
  EXPECT_EQ(DockerClient(other.path()).ping().error().code, ErrorCode::corrupt);
  for (const char* body : {"", "[", "[]", "{}", R"({"Id":5,"State":{},"StatusCode":"0"})"}) {
    FakeServer odd(always(http_answer(200, body)));
    const DockerClient client(odd.path());
    EXPECT_EQ(client.create({.image = "a"}).error().code, ErrorCode::corrupt) << body;
    EXPECT_EQ(client.inspect("c").error().code, ErrorCode::corrupt) << body;
    EXPECT_EQ(client.wait("c", {}).error().code, ErrorCode::corrupt) << body;
  }
}

TEST(DockerClient, AServerThatHangsIsLeftAfterTheLimit) {
  std::atomic<bool> is_over = false;
  FakeServer server([&](const std::string&, const FakeServer::Send&) { is_over.wait(false); });
  const auto result = DockerClient(server.path(), std::chrono::milliseconds(50)).ping();
  is_over = true;
  is_over.notify_all();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::timeout);
}

TEST(DockerClient, WaitingEndsWhenItIsStopped) {
  std::atomic<int> phase = 0;
  FakeServer server([&](const std::string&, const FakeServer::Send& send) {
    send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    phase = 1;
    phase.notify_all();
    phase.wait(1);
  });
  std::stop_source stop;
  std::thread stopper([&] {
    phase.wait(0);
    stop.request_stop();
  });
  const auto code = DockerClient(server.path()).wait("c1", stop.get_token());
  stopper.join();
  phase = 2;
  phase.notify_all();
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().code, ErrorCode::cancelled);
  EXPECT_EQ(DockerClient(server.path()).wait("c1", stop.get_token()).error().code, ErrorCode::cancelled);
}

TEST(DockerClient, WaitGivesTheExitCode) {
  FakeServer server(always(http_answer(200, R"({"StatusCode":137,"Error":null})")));
  EXPECT_EQ(*DockerClient(server.path()).wait("c1", {}), 137);
}

TEST(DockerClient, OutputComesWhileItIsWritten) {
  std::atomic<int> seen = 0;
  FakeServer server([&](const std::string&, const FakeServer::Send& send) {
    send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    send("b\r\n" + std::string("\1\0\0\0\0\0\0\3one", 11) + "\r\n");
    seen.wait(0);  // the second frame is sent once the first one was seen
    send("a\r\n" + std::string("\2\0\0\0\0\0\0\2!?", 10) + "\r\n0\r\n\r\n");
  });
  std::string output;
  std::string errors;
  const OutputSink sink = [&](OutputStream stream, std::string_view piece) {
    (stream == OutputStream::standard_output ? output : errors) += piece;
    if (output == "one" && seen == 0) {
      seen = 1;
      seen.notify_all();
    }
  };
  ASSERT_TRUE(DockerClient(server.path()).logs("c1", true, sink, {}));
  EXPECT_EQ(output, "one");
  EXPECT_EQ(errors, "!?");
  FakeServer cut(always(http_answer(200, std::string("\1\0\0\0\0\0\0\3o", 9))));
  EXPECT_EQ(DockerClient(cut.path()).logs("c1", false, sink, {}).error().code, ErrorCode::unavailable);
  FakeServer none(always(http_answer(404, R"({"message":"gone"})")));
  EXPECT_EQ(DockerClient(none.path()).logs("c1", true, sink, {}).error().code, ErrorCode::not_found);
}

TEST(DockerClient, PullsWithALoginAndHearsOfFailuresInTheStream) {
  FakeServer server(always(http_answer(200, "{\"status\":\"Pulling\"}\n{\"status\":\"Done\"}\n")));
  const DockerClient client(server.path());
  const RegistryLogin login{"ada", "p?>w"};
  EXPECT_TRUE(client.pull("reg:5000/a/b", &login, {}));
  EXPECT_TRUE(client.pull("alpine:3.18", nullptr, {}));
  EXPECT_TRUE(client.pull("a@sha256:12", nullptr, {}));
  const auto asked = server.requests();
  EXPECT_THAT(asked[0], StartsWith("POST /v1.41/images/create?fromImage=reg%3A5000%2Fa%2Fb&tag=latest "));
  EXPECT_THAT(asked[0], HasSubstr("X-Registry-Auth: eyJ1c2VybmFtZSI6ImFkYSIsInBhc3N3b3JkIjoicD8-dyJ9\r\n"));
  EXPECT_THAT(asked[1], StartsWith("POST /v1.41/images/create?fromImage=alpine&tag=3.18 "));
  EXPECT_THAT(asked[2], StartsWith("POST /v1.41/images/create?fromImage=a&tag=sha256%3A12 "));
  FakeServer failing(always(http_answer(200, "{\"status\":\"Pulling\"}\r\n{\"error\":\"no space left\"}")));
  const auto failed = DockerClient(failing.path()).pull("alpine", nullptr, {});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "pull alpine: no space left");
  FakeServer missing(always(http_answer(404, R"({"message":"unknown image"})")));
  EXPECT_EQ(DockerClient(missing.path()).pull("alpine", nullptr, {}).error().code, ErrorCode::not_found);
}

TEST(DockerClient, ListsByLabels) {
  FakeServer server(always(http_answer(200, R"([{"Id":"a"},{"Id":"b"}])")));
  EXPECT_EQ(*DockerClient(server.path()).list({{"job", "j"}}), (std::vector<std::string>{"a", "b"}));
  EXPECT_THAT(server.requests()[0],
              StartsWith("GET /v1.41/containers/json?all=true&filters=%7B%22label%22%3A%5B%22job%3Dj%22%5D%7D "));
}

}  // namespace
}  // namespace slicemill::docker
