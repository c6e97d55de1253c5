// What a master asks is answered once, and again if it asks again.
#include "execution-controller/reporting/master_requests.h"

#include "tests/execution-controller/controller_harness.h"

namespace slicemill::controller {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class MasterRequestsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/requests_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    auto made = create_ledger(loop_, directory_ + "/ledger", {.ex_id = "e", .execution = "{}"});
    ASSERT_TRUE(made) << made.error().message;
    ledger_ = std::move(*made);
    requests_.emplace(loop_, *ledger_,
                      MasterRequests::Hooks{
                          .pause = [this](MasterRequests::Done done) { asked("pause", std::move(done)); },
                          .resume = [this](MasterRequests::Done done) { asked("resume", std::move(done)); },
                          .stop =
                              [this](std::optional<std::int64_t> deadline_ms, MasterRequests::Done done) {
                                asked(deadline_ms ? "stop " + std::to_string(*deadline_ms) : "stop", std::move(done));
                              },
                          .stats = [] { return std::string("{\"queued\":3}"); },
                          .answer = [this](wire::Answer answer) { answers_.push_back(std::move(answer)); }});
  }
  void TearDown() override {
    requests_.reset();
    EXPECT_TRUE(ledger_->close());
    ledger_.reset();
    EXPECT_TRUE(posix_files().remove_tree(directory_));
  }
  void asked(const std::string& what, MasterRequests::Done done) {
    asked_.push_back(what);
    done_.push_back(std::move(done));
  }

  ManualLoop loop_;
  std::string directory_;
  std::unique_ptr<SliceLedger> ledger_;
  std::vector<std::string> asked_;
  std::vector<MasterRequests::Done> done_;
  std::vector<wire::Answer> answers_;
  std::optional<MasterRequests> requests_;
};

TEST_F(MasterRequestsTest, AVerbThatIsToldAgainIsCarriedOutOnceAndAnsweredAgain) {
  const wire::Verb pause{.request_id = 7, .verb = wire::VerbName::pause};
  requests_->on_verb(pause);
  requests_->on_verb(pause);
  EXPECT_THAT(asked_, ElementsAre("pause"));
  EXPECT_THAT(answers_, IsEmpty()) << "it is under way";
  done_[0](ExecutionStatus::paused);
  requests_->on_verb(pause);
  EXPECT_THAT(asked_, ElementsAre("pause"));
  ASSERT_EQ(answers_.size(), 2u);
  EXPECT_EQ(answers_[1].request_id, 7u);
  EXPECT_THAT(answers_[1].body, HasSubstr("\"paused\""));
}

TEST_F(MasterRequestsTest, ARefusalSaysItsCodeAndReason) {
  requests_->on_verb({.request_id = 1, .verb = wire::VerbName::resume});
  done_.at(0)(Error(ErrorCode::conflict, "it is stopping"));
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_FALSE(answers_[0].ok);
  EXPECT_EQ(answers_[0].code, static_cast<std::uint8_t>(ErrorCode::conflict));
  EXPECT_EQ(answers_[0].message, "it is stopping");
}

TEST_F(MasterRequestsTest, AStopMayBringItsDeadlineWhichIsNeverNegative) {
  requests_->on_verb({.request_id = 1, .verb = wire::VerbName::stop, .argument = ""});
  requests_->on_verb({.request_id = 2, .verb = wire::VerbName::stop, .argument = "1500"});
  requests_->on_verb({.request_id = 3, .verb = wire::VerbName::stop, .argument = "-4"});
  EXPECT_THAT(asked_, ElementsAre("stop", "stop 1500", "stop 0"));
}

TEST_F(MasterRequestsTest, ListsAreReadOnTheExecutorAndReadAnewWhenTheyAreAskedForAgain) {
  const wire::Query errors{.request_id = 5, .what = wire::QueryName::errors, .size = 10};
  requests_->on_query(errors);
  EXPECT_THAT(answers_, IsEmpty());
  loop_.run_ready();
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].body, "[]");
  requests_->on_query(errors);
  loop_.run_ready();
  EXPECT_EQ(answers_.size(), 2u);
  requests_->on_query({.request_id = 6, .what = wire::QueryName::stats});
  ASSERT_EQ(answers_.size(), 3u);
  EXPECT_EQ(answers_[2].body, "{\"queued\":3}");
}

}  // namespace
}  // namespace slicemill::controller
