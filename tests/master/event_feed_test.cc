// Who follows executions: nothing is missed, nothing doubled, however far behind and however slow.
#include "master/event_feed.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/master/master_harness.h"

namespace slicemill::master {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class EventFeedTest : public ::testing::Test {
 protected:
  std::unique_ptr<EventStream> follow(std::optional<std::int64_t> after, EventFilter filter = {}) {
    auto stream = feed_->follow(filter, after);
    EXPECT_TRUE(stream) << (stream ? "" : stream.error().message);
    return stream ? std::move(*stream) : nullptr;
  }

  // All that can be had without the clock moving; `most` at a time.
  std::vector<ExecutionEventOf> take(EventStream& stream, std::size_t most = 3) {
    std::vector<ExecutionEventOf> all;
    for (int quiet = 0; quiet < 2;) {
      auto some = stream.take(most);
      quiet = some.empty() ? quiet + 1 : 0;
      for (auto& event : some) all.push_back(std::move(event));
      h_.loop.run_ready();
    }
    return all;
  }

  static std::vector<std::int64_t> ids(const std::vector<ExecutionEventOf>& events) {
    std::vector<std::int64_t> list;
    for (const auto& event : events)
      if (const auto* change = std::get_if<std::shared_ptr<const StatusChange>>(&event)) list.push_back((*change)->id);
    return list;
  }
  static std::vector<std::string> words(const std::vector<ExecutionEventOf>& events) {
    std::vector<std::string> list;
    for (const auto& event : events) {
      if (const auto* change = std::get_if<std::shared_ptr<const StatusChange>>(&event)) list.push_back((*change)->to);
      if (const auto* report = std::get_if<std::shared_ptr<const ProgressReport>>(&event))
        list.push_back(fmt::format("{} %", (*report)->progress.percent.value_or(-1)));
      if (const auto* skipped = std::get_if<SkippedProgress>(&event))
        list.push_back(fmt::format("skipped {}", skipped->seconds));
    }
    return list;
  }
  void reopen() {
    feed_.reset();
    h_.restart();
    feed_ = std::make_unique<ExecutionEventFeed>(h_.loop, *h_.registry, *h_.executions);
  }

  MasterHarness h_;
  std::unique_ptr<ExecutionEventFeed> feed_ =
      std::make_unique<ExecutionEventFeed>(h_.loop, *h_.registry, *h_.executions);
};

TEST_F(EventFeedTest, GivesWhatHappensFromNowOnAndWakes) {
  h_.finish(h_.submit(MasterHarness::job(1)).ex_id);
  const auto stream = follow(std::nullopt);
  EXPECT_THAT(take(*stream), IsEmpty()) << "it was before";
  int wakes = 0;
  stream->on_ready([&] { ++wakes; });
  const auto submitted = h_.submit(MasterHarness::job(1));
  h_.finish(submitted.ex_id);
  EXPECT_GT(wakes, 0);
  const auto events = take(*stream);
  EXPECT_THAT(words(events), ElementsAre("pending", "scheduling", "initializing", "running", "completed"));
  const auto& change = *std::get<std::shared_ptr<const StatusChange>>(events.front());
  EXPECT_EQ(change.job_id, submitted.job_id);
  EXPECT_EQ(change.ex_id, submitted.ex_id);
  EXPECT_EQ(change.event, "created");
}

TEST_F(EventFeedTest, GoesOnBehindAnyChangeFromMemoryAndFromTheRegistry) {
  for (int i = 0; i < 3; ++i) h_.finish(h_.submit(MasterHarness::job(1)).ex_id);
  const auto all = ids(take(*follow(0)));
  ASSERT_EQ(all.size(), 15u);
  for (const bool from_registry : {false, true}) {
    if (from_registry) reopen();
    for (std::size_t seen = 0; seen <= all.size(); ++seen) {
      const std::int64_t last = seen == 0 ? 0 : all[seen - 1];
      const std::vector<std::int64_t> rest(all.begin() + static_cast<std::ptrdiff_t>(seen), all.end());
      EXPECT_EQ(ids(take(*follow(last))), rest) << seen << " from the registry: " << from_registry;
    }
  }
  EXPECT_THAT(take(*follow(all.back() + 1000)), IsEmpty()) << "of another registry: from now on";
}

TEST_F(EventFeedTest, ALongHistoryIsReadInPagesWhileItGrows) {
  const auto submitted = h_.submit(MasterHarness::job(1));
  const auto controller = h_.run(submitted.ex_id);
  RegistryBatch batch;
  for (int i = 0; i < 1000; ++i) batch.history.push_back({submitted.ex_id, i, "running", "note", "running", ""});
  h_.registry->write(std::move(batch), nullptr);
  h_.loop.run_ready();
  reopen();
  const auto stream = follow(0);
  std::vector<std::int64_t> got;
  for (int i = 0; i < 2000; ++i) {
    for (const std::int64_t id : ids(stream->take(7))) got.push_back(id);
    if (i == 20) {
      RegistryBatch more;
      more.history.push_back({submitted.ex_id, 1, "running", "late", "running", ""});
      h_.registry->write(std::move(more), nullptr);
    }
    h_.loop.run_ready();
  }
  EXPECT_EQ(got, ids(take(*follow(0), 5000)));
  EXPECT_GT(got.size(), 1004u);
}

TEST_F(EventFeedTest, AFilterGivesOneExecutionOrThoseOfOneJob) {
  const auto first = h_.submit(MasterHarness::job(1));
  h_.finish(first.ex_id);
  const auto second = h_.submit(MasterHarness::job(1));
  h_.finish(second.ex_id);
  for (const bool from_registry : {false, true}) {
    if (from_registry) reopen();
    EXPECT_EQ(take(*follow(0, {.ex_id = second.ex_id})).size(), 5u);
    EXPECT_EQ(take(*follow(0, {.job_id = first.job_id})).size(), 5u);
    EXPECT_THAT(take(*follow(0, {.ex_id = second.ex_id, .job_id = first.job_id})), IsEmpty());
  }
  EXPECT_EQ(feed_->follow({.ex_id = ExecutionId("none")}, 0).error().code, ErrorCode::not_found);
  EXPECT_EQ(feed_->follow({.job_id = JobId("none")}, 0).error().code, ErrorCode::not_found);
}

TEST_F(EventFeedTest, ANumberIsNeverGivenAgain) {
  const auto submitted = h_.submit(MasterHarness::job(1));
  h_.finish(submitted.ex_id);
  const std::int64_t newest = ids(take(*follow(0))).back();
  RegistryBatch removal;
  removal.removed.push_back({submitted.ex_id, 1, 1, {}});
  h_.registry->write(std::move(removal), nullptr);
  h_.loop.run_ready();
  reopen();
  EXPECT_THAT(take(*follow(0)), IsEmpty()) << "gone with the execution";
  EXPECT_EQ(h_.registry->newest_change(), newest);
  const auto next = h_.submit(MasterHarness::job(1));
  EXPECT_EQ(ids(take(*follow(newest, {.ex_id = next.ex_id}))).front(), newest + 1);
}

TEST_F(EventFeedTest, ProgressComesEachSecondInWhichItChanges) {
  const auto submitted = h_.submit(MasterHarness::job(1));
  const auto controller = h_.run(submitted.ex_id);
  controller->status("running", "", R"({"processed":1,"progress":{"percent":10}})");
  h_.loop.run_ready();
  const auto stream = follow(std::nullopt);
  EXPECT_THAT(words(take(*stream)), ElementsAre("10 %")) << "the present one first";
  h_.loop.advance(1s);
  EXPECT_THAT(take(*stream), IsEmpty()) << "it is the same";
  for (const int percent : {20, 30}) {
    controller->status("running", "", fmt::format(R"({{"processed":1,"progress":{{"percent":{}}}}})", percent));
    h_.loop.advance(1s);
  }
  EXPECT_THAT(words(take(*stream)), ElementsAre("skipped 1", "30 %")) << "it was slow";
  EXPECT_THAT(words(take(*follow(std::nullopt))), ElementsAre("30 %"));
  EXPECT_THAT(take(*follow(std::nullopt, {.job_id = h_.submit(MasterHarness::job(1)).job_id})), IsEmpty());
}

TEST_F(EventFeedTest, ARoundOverManyExecutionsMayBeTakenInParts) {
  std::vector<std::unique_ptr<ScriptedController>> controllers;
  std::vector<std::string> wanted;
  for (int i = 0; i < 5; ++i) {
    controllers.push_back(h_.run(h_.submit(MasterHarness::job(1)).ex_id));
    controllers.back()->status("running", "", fmt::format(R"({{"processed":1,"progress":{{"percent":{}}}}})", i));
    wanted.push_back(fmt::format("{} %", i));
  }
  h_.loop.run_ready();
  const auto stream = follow(std::nullopt);
  EXPECT_THAT(words(take(*stream, 2)), ::testing::UnorderedElementsAreArray(wanted));
}

TEST_F(EventFeedTest, NothingRunsWhileNobodyFollows) {
  const std::size_t before = h_.loop.timer_count();
  auto stream = follow(std::nullopt);
  EXPECT_EQ(h_.loop.timer_count(), before + 1);
  stream.reset();
  h_.loop.advance(1s);
  EXPECT_EQ(h_.loop.timer_count(), before);
}

TEST_F(EventFeedTest, OnlySoManyMayFollow) {
  std::vector<std::unique_ptr<EventStream>> streams;
  for (std::size_t i = 0; i < ExecutionEventFeed::kMostStreams; ++i) streams.push_back(follow(std::nullopt));
  EXPECT_EQ(feed_->follow({}, std::nullopt).error().code, ErrorCode::unavailable);
  streams.pop_back();
  EXPECT_TRUE(feed_->follow({}, std::nullopt));
}

TEST_F(EventFeedTest, EndsWhenAllWasTaken) {
  const auto stream = follow(std::nullopt);
  h_.submit(MasterHarness::job(1));
  feed_->close();
  EXPECT_FALSE(stream->at_end());
  take(*stream);
  EXPECT_TRUE(stream->at_end());
  EXPECT_EQ(feed_->follow({}, std::nullopt).error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace slicemill::master
