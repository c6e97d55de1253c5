#include "execution-controller/settlement/staging_sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/manual_loop.h"

namespace slicemill::controller {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

SliceKey slice(std::uint64_t order) {
  return {0, 0, order, SliceKey::kWholeSlice};
}

// Keeps what a real one has in its staging directory.
class StagedFiles final : public OutputPublisher {
 public:
  Result<void> probe() override { return {}; }
  Result<void> prepare(bool) override { return {}; }
  std::vector<Result<void>> publish(const std::vector<CommittedOutput>& outputs) override {
    return std::vector<Result<void>>(outputs.size());
  }
  void sweep(const std::function<bool(const SliceKey&, const Attempt&)>& keep) override {
    ++sweeps;
    std::erase_if(staged, [&](const auto& file) { return !keep(file.first, file.second); });
  }
  Result<bool> is_there(const CommittedOutput&) override { return true; }
  void clean_up(bool) override {}
  Result<VerifyReport> verify(const OutputSource&, const std::optional<JoinRecord>&,
                              const std::vector<FormerJob>&) override {
    return VerifyReport{};
  }

  std::vector<StagingSweep::StagedAttempt> staged;
  int sweeps = 0;
};

class StagingSweepTest : public testing::Test {
 protected:
  ManualLoop loop_;
  StagedFiles files_;
  StagingSweep sweep_{loop_, files_, 3};
};

TEST_F(StagingSweepTest, OfEarlierControllersOnlyWhatIsWantedStays) {
  files_.staged = {{slice(1), {1, 1}}, {slice(2), {2, 1}}, {slice(3), {2, 1}}, {slice(4), {3, 1}}};
  sweep_.keep(slice(2), {2, 1});
  sweep_.lost({{slice(2), {1, 1}}});
  loop_.run_ready();
  EXPECT_EQ(files_.sweeps, 0) << "somebody may still come back";
  sweep_.begin();
  sweep_.begin();
  loop_.run_ready();
  EXPECT_EQ(files_.sweeps, 1);
  EXPECT_EQ(files_.staged, (std::vector<StagingSweep::StagedAttempt>{{slice(2), {2, 1}}, {slice(4), {3, 1}}}));
}

TEST_F(StagingSweepTest, LostAttemptsGoAndTheirSuccessorsStay) {
  sweep_.begin();
  loop_.run_ready();
  files_.staged = {{slice(1), {3, 1}}, {slice(1), {3, 2}}};
  sweep_.lost({});
  loop_.run_ready();
  EXPECT_EQ(files_.sweeps, 1) << "nothing was lost";
  sweep_.lost({{slice(1), {3, 1}}});
  sweep_.lost({{slice(7), {3, 1}}});  // while the sweep is under way
  loop_.run_ready();
  EXPECT_THAT(files_.staged, ElementsAre(std::pair(slice(1), Attempt{3, 2})));
  EXPECT_EQ(files_.sweeps, 3);
}

TEST_F(StagingSweepTest, AKeptAttemptWhoseWorkerDiesGoes) {
  sweep_.keep(slice(1), {2, 1});
  sweep_.begin();
  files_.staged = {{slice(1), {2, 1}}};
  sweep_.lost({{slice(1), {2, 1}}});
  loop_.run_ready();
  EXPECT_THAT(files_.staged, IsEmpty());
}

}  // namespace
}  // namespace slicemill::controller
