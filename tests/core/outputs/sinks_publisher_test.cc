// A plan with several sinks: each slice's output is where it belongs, whatever of it was published before.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/model/plan_draft.h"
#include "core/outputs/file_layout.h"
#include "core/outputs/file_publisher.h"
#include "core/outputs/output_publisher.h"
#include "core/outputs/own_output.h"
#include "core/outputs/stored_file.h"

namespace slicemill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kLineage = "11111111-1111-4111-8111-111111111111";

class SinksPublisherTest : public testing::Test {
 protected:
  SinksPublisherTest() {
    std::string pattern = testing::TempDir() + "/sinks-XXXXXX";
    directory_ = std::filesystem::canonical(mkdtemp(pattern.data()));
    job_.plan = *plan_of({{"in", {.name = "id_range"}, {}},
                          {"shown", {.name = "stdout"}, {"in"}},
                          {"many", {.name = "file_exporter", .options = {{"path", directory_ + "/many"}}}, {"in"}},
                          {"one", single("one"), {"in"}},
                          {"two", single("two"), {"in"}}});
  }
  ~SinksPublisherTest() override { std::filesystem::remove_all(directory_); }

  OperationSpec single(const std::string& name) const {
    return {.name = "file_exporter", .options = {{"path", directory_ + "/" + name + ".ldjson"}, {"single_file", true}}};
  }

  std::unique_ptr<OutputPublisher> publisher(const std::optional<JoinRecord>& joined = std::nullopt) {
    auto made = make_publisher(job_, {file_sink_type()}, {{kLineage}, posix_files(), joined, {}});
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }

  // As a worker stages what it has for these sinks; their numbers begin with 0 for `shown`.
  CommittedOutput stage(std::uint64_t order, const std::vector<std::uint32_t>& sinks) {
    CommittedOutput output{.key = {.order = order}, .attempt = {1, 1}};
    std::vector<OutputFacts> all;
    for (const std::uint32_t sink : sinks) {
      const std::string path = layout(sink).staged_path(output.key, output.attempt);
      std::ofstream(path) << id_of(sink) << order << "\n";
      const auto stored = read_stored_file(posix_files(), path);
      all.push_back({.present = true,
                     .records = 1,
                     .bytes = stored->bytes,
                     .checksum = stored->checksum,
                     .request_hash = request_hash("{}"),
                     .sink = sink});
    }
    output.facts = output_of_sinks(std::move(all));
    return output;
  }
  std::size_t node_of(std::uint32_t sink) const { return job_.plan.sinks()[sink]; }
  const std::string& id_of(std::uint32_t sink) const { return job_.plan.nodes[node_of(sink)].id; }
  FileLayout layout(std::uint32_t sink) const {
    return *file_layout(job_.plan.operation(node_of(sink)).options, staging_name(job_.plan, node_of(sink), kLineage));
  }

  static OutputSource source(const std::vector<CommittedOutput>& outputs) {
    return [outputs](const OutputVisitor& visit) -> Result<void> {
      for (const CommittedOutput& output : outputs) RETURN_IF_ERROR(visit(output));
      return {};
    };
  }
  std::vector<std::string> lines_of(const std::string& name) const {
    std::vector<std::string> lines;
    std::ifstream file(directory_ + "/" + name);
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }
  std::vector<std::string> in_many() const {
    std::vector<std::string> lines;
    for (const auto& entry : std::filesystem::directory_iterator(directory_ + "/many"))
      if (entry.is_regular_file()) lines.push_back(lines_of("many/" + entry.path().filename().string()).front());
    std::ranges::sort(lines);
    return lines;
  }

  std::string directory_;
  JobSpec job_;
};

TEST_F(SinksPublisherTest, EachSinkGetsItsOwn) {
  const auto files = publisher();
  ASSERT_TRUE(files->prepare(true));
  const std::vector<CommittedOutput> outputs = {stage(1, {1, 2, 3}), stage(2, {2}), stage(3, {1, 3}), {}};
  for (int call = 0; call < 2; ++call)
    for (const auto& result : files->publish(outputs)) EXPECT_TRUE(result) << result.error().message;
  EXPECT_THAT(in_many(), ElementsAre("many1", "many3"));
  EXPECT_TRUE(files->joins());

  const auto joined = files->join(source(outputs));
  ASSERT_TRUE(joined) << joined.error().message;
  for (int call = 0; call < 2; ++call) ASSERT_TRUE(files->publish_joined(*joined));
  EXPECT_THAT(lines_of("one.ldjson"), ElementsAre("one1", "one2"));
  EXPECT_THAT(lines_of("two.ldjson"), ElementsAre("two1", "two3"));

  const JoinRecord record{*joined, true};
  const auto report = publisher(record)->verify(source(outputs), record, {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(report->clean());
  EXPECT_EQ(report->expected, 4U);
  EXPECT_EQ(report->records, 6U);

  files->clean_up(true);
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/.slicemill")) << "they staged in one directory";
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/many/.slicemill"));
}

TEST_F(SinksPublisherTest, VerifyNamesTheSink) {
  const auto files = publisher();
  ASSERT_TRUE(files->prepare(true));
  const std::vector<CommittedOutput> outputs = {stage(1, {1, 2, 3}), stage(2, {1, 3})};
  for (const auto& result : files->publish(outputs)) ASSERT_TRUE(result);
  const auto joined = files->join(source(outputs));
  ASSERT_TRUE(files->publish_joined(*joined));
  std::ofstream(directory_ + "/two.ldjson") << "changed";
  for (const auto& entry : std::filesystem::directory_iterator(directory_ + "/many"))
    if (entry.is_regular_file()) std::filesystem::remove(entry);
  const auto report = files->verify(source(outputs), JoinRecord{*joined, true}, {});
  ASSERT_TRUE(report);
  EXPECT_THAT(report->altered, ElementsAre("two: two.ldjson"));
  EXPECT_THAT(report->missing, SizeIs(2));
  EXPECT_THAT(report->missing, testing::Each(testing::StartsWith("many: 0-00000000")));
  EXPECT_EQ(report->matching, 1U);
}

TEST_F(SinksPublisherTest, WhatOneSinkLostIsAnErrorOfTheSlice) {
  const auto files = publisher();
  ASSERT_TRUE(files->prepare(true));
  const std::vector<CommittedOutput> outputs = {stage(1, {1, 2}), stage(2, {1, 2})};
  std::filesystem::remove(layout(2).staged_path(outputs[0].key, outputs[0].attempt));
  const auto results = files->publish(outputs);
  EXPECT_EQ(results[0].error().code, ErrorCode::not_found);
  EXPECT_THAT(results[0].error().message, testing::StartsWith("one: "));
  EXPECT_TRUE(results[1]);
}

TEST_F(SinksPublisherTest, ASweepLeavesWhatIsWanted) {
  const auto files = publisher();
  ASSERT_TRUE(files->prepare(true));
  const auto kept = stage(1, {1, 2, 3});
  const auto lost = stage(2, {1, 2, 3});
  files->sweep([&](const SliceKey& key, const Attempt&) { return key == kept.key; });
  for (const std::uint32_t sink : {1U, 2U, 3U}) {
    EXPECT_TRUE(std::filesystem::exists(layout(sink).staged_path(kept.key, kept.attempt))) << sink;
    EXPECT_FALSE(std::filesystem::exists(layout(sink).staged_path(lost.key, lost.attempt))) << sink;
  }
}

TEST_F(SinksPublisherTest, AllPlacesAreKnown) {
  const auto staging = staging_directories_of(job_, kLineage);
  ASSERT_TRUE(staging);
  EXPECT_THAT(*staging, ElementsAre(directory_ + "/many/.slicemill/" + kLineage + ".many",
                                    directory_ + "/.slicemill/" + kLineage + ".one",
                                    directory_ + "/.slicemill/" + kLineage + ".two"));
  EXPECT_THAT(published_files(job_), SizeIs(3));
  EXPECT_TRUE(check_own_output("/elsewhere", job_));
  EXPECT_FALSE(check_own_output(directory_ + "/two.ldjson", job_));
  EXPECT_FALSE(check_own_output(directory_ + "/many", job_));
}

TEST_F(SinksPublisherTest, ARecoveryKeepsTheSinks) {
  JobSpec other = job_;
  EXPECT_EQ(*output_mismatch(job_, other, kLineage), "");
  other.plan.nodes[2].operation.options["path"] = directory_ + "/elsewhere";
  EXPECT_EQ(*output_mismatch(job_, other, kLineage), "") << "files of a directory are where they are";
  other.plan.nodes[4].operation.options["path"] = directory_ + "/three.ldjson";
  EXPECT_EQ(*output_mismatch(job_, other, kLineage), "") << "its parts are found all the same";
  other.plan.nodes[4].operation.options["single_file"] = false;
  EXPECT_THAT(*output_mismatch(job_, other, kLineage), HasSubstr("single_file"));
  other = job_;
  other.plan.nodes[4].id = "three";
  EXPECT_EQ(*output_mismatch(job_, other, kLineage),
            "the sinks are shown, many, one, three now and were shown, many, one, two");
}

}  // namespace
}  // namespace slicemill
