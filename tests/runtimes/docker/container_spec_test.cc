#include "runtimes/docker/container_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtimes/docker/log_frames.h"
#include "runtimes/docker/tar_text.h"

namespace slicemill::docker {
namespace {

TEST(ContainerSpec, ASmallOneHasOnlyItsImage) {
  EXPECT_EQ(to_compact_text(*creation_body({.image = "alpine"})), R"({"Image":"alpine"})");
}

TEST(ContainerSpec, EveryPartBecomesAMember) {
  ContainerSpec spec;
  spec.image = "alpine:3";
  spec.command = {"-c", "echo"};
  spec.entrypoint = {"sh"};
  spec.environment = {"A=1"};
  spec.working_directory = "/w";
  spec.mounts = {{MountSpec::Type::volume, "v1", "/data"},
                 {MountSpec::Type::bind, "/host", "/in", true},
                 {MountSpec::Type::tmpfs, "", "/tmp"}};
  spec.networks = {"n1", "n2"};
  spec.aliases = {"db"};
  spec.nano_cpus = 500'000'000;
  spec.memory = 1 << 20;
  spec.gpus = "device=0,2";
  spec.labels = {{"job", "j"}};
  EXPECT_EQ(
      to_compact_text(*creation_body(spec)),
      R"({"Image":"alpine:3","Cmd":["-c","echo"],"Entrypoint":["sh"],"Env":["A=1"],"WorkingDir":"/w","Labels":{"job":"j"},)"
      R"("NetworkingConfig":{"EndpointsConfig":{"n1":{"Aliases":["db"]},"n2":{"Aliases":["db"]}}},)"
      R"("HostConfig":{"Mounts":[{"Type":"volume","Target":"/data","Source":"v1"},{"Type":"bind","Target":"/in","Source":"/host","ReadOnly":true},)"
      R"({"Type":"tmpfs","Target":"/tmp"}],"NanoCpus":500000000,"Memory":1048576,)"
      R"("DeviceRequests":[{"Capabilities":[["gpu"]],"DeviceIDs":["0","2"]}],"NetworkMode":"n1"}})");
}

TEST(ContainerSpec, ModesOfTheNetworkHaveNoAddresses) {
  EXPECT_EQ(to_compact_text(*creation_body({.image = "a", .networks = {"none"}})),
            R"({"Image":"a","HostConfig":{"NetworkMode":"none"}})");
}

TEST(ContainerSpec, Gpus) {
  const auto request = [](const char* gpus) {
    return to_compact_text((*creation_body({.image = "i", .gpus = gpus}))["HostConfig"]["DeviceRequests"][0]);
  };
  EXPECT_EQ(request("all"), R"({"Capabilities":[["gpu"]],"Count":-1})");
  EXPECT_EQ(request("2"), R"({"Capabilities":[["gpu"]],"Count":2})");
  for (const char* bad : {"0", "-1", "many", "device=", "device"})
    EXPECT_FALSE(creation_body({.image = "i", .gpus = bad})) << bad;
}

TEST(ContainerSpec, Processors) {
  EXPECT_EQ(*nano_cpus_of(".5"), 500'000'000);
  EXPECT_EQ(*nano_cpus_of("2"), 2'000'000'000);
  EXPECT_EQ(*nano_cpus_of("1."), 1'000'000'000);
  EXPECT_EQ(*nano_cpus_of("0.1"), 100'000'000);
  for (const char* bad : {"", "0", "x", "-1", "1e3", "1 ", "1.2.3", ".", "99999999999999"})
    EXPECT_FALSE(nano_cpus_of(bad)) << bad;
}

TEST(ContainerSpec, Memory) {
  EXPECT_EQ(*memory_of("512"), 512);
  EXPECT_EQ(*memory_of("10m"), 10 << 20);
  EXPECT_EQ(*memory_of("1.5 GB"), 3LL << 29);
  EXPECT_EQ(*memory_of("1GiB"), 1LL << 30);
  EXPECT_EQ(*memory_of("2kb"), 2'048);
  EXPECT_EQ(*memory_of("7b"), 7);
  for (const char* bad : {"", "m", "-1m", "1q", "1mm", "1 m ", "1e3", "99999999t", "1ib", "1.2.3"})
    EXPECT_FALSE(memory_of(bad)) << bad;
}

std::string frame(char stream, const std::string& bytes) {
  std::string out{stream, '\0', '\0', '\0'};
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(bytes.size() >> shift & 0xFF);
  return out + bytes;
}

TEST(LogFrames, AreReadHoweverTheyAreCut) {
  const std::string bytes = frame(1, "out") + frame(2, std::string(300, 'e')) + frame(1, "") + frame(1, "put");
  for (std::size_t cut = 1; cut < 40; ++cut) {
    LogFrames frames;
    std::string output;
    std::string errors;
    for (std::size_t at = 0; at < bytes.size(); at += cut) {
      const auto fed =
          frames.feed(std::string_view(bytes).substr(at, cut), [&](OutputStream stream, std::string_view piece) {
            (stream == OutputStream::standard_error ? errors : output) += piece;
          });
      ASSERT_TRUE(fed);
    }
    EXPECT_EQ(output, "output") << cut;
    EXPECT_EQ(errors, std::string(300, 'e')) << cut;
    EXPECT_TRUE(frames.is_whole());
  }
}

TEST(LogFrames, WhatIsNoneIsCorruptAndACutOneIsOpen) {
  LogFrames frames;
  const OutputSink nothing = [](OutputStream, std::string_view) {};
  EXPECT_EQ(frames.feed("plain text", nothing).error().code, ErrorCode::corrupt);
  LogFrames cut;
  ASSERT_TRUE(cut.feed(frame(1, "abc").substr(0, 9), nothing));
  EXPECT_FALSE(cut.is_whole());
  LogFrames head;
  ASSERT_TRUE(head.feed(std::string_view("\1\0\0", 3), nothing));
  EXPECT_FALSE(head.is_whole());
}

TEST(TarText, FilesComeBack) {
  const auto tar =
      tar_of({{"dir/a.txt", "hello", 0444}, {std::string(150, 'n') + "/b", std::string(100'000, 'x'), 0555}});
  ASSERT_TRUE(tar);
  EXPECT_EQ(*file_in_tar(*tar, 10), "hello");
  const auto large = tar_of({{"b", std::string(100'000, 'x')}});
  EXPECT_EQ(file_in_tar(*large, 99'999).error().code, ErrorCode::invalid);
  EXPECT_EQ(file_in_tar(*large, 100'000)->size(), 100'000U);
  EXPECT_EQ(file_in_tar(*tar_of({}), 10).error().code, ErrorCode::not_found);
  EXPECT_FALSE(file_in_tar("this is no archive", 10));
}

}  // namespace
}  // namespace slicemill::docker
