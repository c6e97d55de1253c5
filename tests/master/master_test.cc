// The master as main wires it: data directory, lock, sockets, real (if idle) processes, its end and its restart.
#include "master/master.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "api/dialects/teraslice/teraslice_documents.h"
#include "core/runtime/files.h"
#include "core/runtime/json.h"
#include "core/wire/messages.h"
#include "core/wire/zmq_channel.h"
#include "tests/master/master_harness.h"
#include "tests/master/real_loop.h"
#include "tests/master/temp_directory.h"

namespace slicemill::master {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class MasterTest : public ::testing::Test {
 protected:
  MasterTest() {
    const std::string program = directory_.path() + "/program";
    std::ofstream(program) << "#!/bin/sh\nexec sleep 600\n";
    chmod(program.c_str(), 0755);
    options_.data = directory_.path() + "/data";
    options_.controller_program = options_.worker_program = program;
  }
  ~MasterTest() override {
    for (const auto& process : pids_) (void)signal_process(process, SIGKILL);
    for (const auto& runtime : runtimes_) std::filesystem::remove_all(runtime);
  }

  Result<std::unique_ptr<Master>> open() {
    auto master = Master::open(loop_, options_, api::teraslice::job_dialect(), any_operation());
    if (!master) return master;
    EXPECT_TRUE(turn_until(loop_, [&] { return std::filesystem::exists(options_.data + "/identity"); }));
    layout_ = stored_layout();
    runtimes_.insert(layout_.runtime);
    return master;
  }
  DataLayout stored_layout() const {
    const auto text = read_whole_file(posix_files(), options_.data + "/identity");
    const auto json = text ? parse_json(*text) : text.error();
    EXPECT_TRUE(json);
    return json ? DataLayout::of(options_.data, (*json)["runtime"]) : DataLayout();
  }

  Submitted submit(Master& master) {
    std::optional<Result<Submitted>> answer;
    master.service().submit(MasterHarness::job(1), {}, [&](Result<Submitted> result) { answer = std::move(result); });
    EXPECT_TRUE(turn_until(loop_, [&] { return answer.has_value(); }));
    EXPECT_TRUE(*answer) << (*answer ? "" : answer->error().message);
    return *answer ? **answer : Submitted{};
  }
  // pid of the process with this assignment, 0 for none; remembered for the end.
  pid_t pid_of(Master& master, const std::string& assignment) {
    const Json state = master.service().cluster_state();
    for (const auto& [node_id, node] : state.items()) {
      for (const auto& process : node["active"]) {
        if (process["assignment"] != assignment) continue;
        const auto pid = process["pid"].get<pid_t>();
        if (const auto identity = identify_process(pid)) pids_.push_back(*identity);
        return pid;
      }
    }
    return 0;
  }
  void shut_down(std::unique_ptr<Master>& master) {
    bool done = false;
    master->shut_down([&] { done = true; });
    ASSERT_TRUE(turn_until(loop_, [&] { return done; }));
    master.reset();
  }

  TempDirectory directory_;
  AsioLoop loop_;
  MasterOptions options_;
  DataLayout layout_;  // of the last master
  std::set<std::string> runtimes_;
  std::vector<ProcessIdentity> pids_;
};

TEST_F(MasterTest, MakesItsDirectoriesPrivate) {
  const auto master = open();
  ASSERT_TRUE(master) << master.error().message;
  struct stat facts {};
  ASSERT_EQ(stat(layout_.runtime.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0700U);
  ASSERT_EQ(stat((layout_.data + "/launch").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0700U);
}

TEST_F(MasterTest, ASecondMasterOnTheSameDataIsRefused) {
  auto first = open();
  ASSERT_TRUE(first) << first.error().message;
  const auto second = open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_EQ(second.error().message,
            "data directory " + options_.data + " is in use by process " + std::to_string(getpid()));
  first->reset();
  EXPECT_TRUE(open());
}

TEST_F(MasterTest, UnusableDirectoriesAreErrorsWithThePath) {
  options_.data = directory_.path() + "/program/data";  // below a file
  auto master = open();
  ASSERT_FALSE(master);
  EXPECT_THAT(master.error().message, HasSubstr(options_.data));

  options_.data = "relative";
  master = open();
  ASSERT_FALSE(master);
  EXPECT_EQ(master.error().code, ErrorCode::invalid);
}

TEST_F(MasterTest, ARuntimeDirectoryThatOthersCanEnterIsRefused) {
  ASSERT_TRUE(open());
  ASSERT_EQ(chmod(layout_.runtime.c_str(), 0755), 0);
  const auto master = open();
  ASSERT_FALSE(master);
  EXPECT_EQ(master.error().code, ErrorCode::invalid);
  EXPECT_THAT(master.error().message, HasSubstr(layout_.runtime));
}

TEST_F(MasterTest, ProcessesOutliveTheMasterAndMeetTheNextOne) {
  auto master = open();
  ASSERT_TRUE(master) << master.error().message;
  const auto submitted = submit(**master);
  ASSERT_TRUE(turn_until(loop_, [&] { return pid_of(**master, "worker") != 0; }));
  const pid_t controller = pid_of(**master, "execution_controller");
  const pid_t worker = pid_of(**master, "worker");
  shut_down(*master);
  EXPECT_EQ(kill(controller, 0), 0);
  EXPECT_EQ(kill(worker, 0), 0);

  master = open();
  ASSERT_TRUE(master) << master.error().message;
  EXPECT_EQ(pid_of(**master, "execution_controller"), controller);
  EXPECT_EQ(pid_of(**master, "worker"), worker);

  // The controller speaks to the new master over the real socket.
  auto channel = connect_zmq_channel(loop_, layout_.master_endpoint());
  ASSERT_TRUE(channel);
  bool asked = false;
  bool welcome = false;
  (*channel)->on_frame([&](std::string_view frame) {
    const auto message = wire::decode(frame);
    if (!message) return;
    asked = asked || std::holds_alternative<wire::HelloAgain>(*message);
    welcome = welcome || std::holds_alternative<wire::ControllerWelcome>(*message);
  });
  ASSERT_TRUE((*channel)->send(wire::encode(wire::Status{1, "running", "", {}})));
  ASSERT_TRUE(turn_until(loop_, [&] { return asked; }));
  ASSERT_TRUE(
      (*channel)->send(wire::encode(wire::ControllerHello{submitted.ex_id.text, 1, *identify_process(controller)})));
  ASSERT_TRUE((*channel)->send(wire::encode(wire::Status{1, "running", "", {}})));
  ASSERT_TRUE(turn_until(loop_, [&] { return welcome; }));
  std::string status;
  ASSERT_TRUE(turn_until(loop_, [&] {
    (*master)->service().get_execution(
        submitted.ex_id, [&](const Result<ShownDocument>& shown) { status = (*whole_document(*shown))["_status"]; });
    return status == "running";
  }));
}

// A copy that was made while the first master's processes live.
TEST_F(MasterTest, ACopyOfADataDirectoryLeavesTheProcessesOfTheOriginalAlone) {
  auto original = open();
  ASSERT_TRUE(original) << original.error().message;
  const auto submitted = submit(**original);
  ASSERT_TRUE(turn_until(loop_, [&] { return pid_of(**original, "worker") != 0; }));
  const pid_t controller = pid_of(**original, "execution_controller");
  const std::string runtime = layout_.runtime;
  std::filesystem::copy(options_.data, options_.data + "-copy", std::filesystem::copy_options::recursive);
  options_.data += "-copy";
  auto copy = open();
  ASSERT_TRUE(copy) << copy.error().message;
  Json document;
  ASSERT_TRUE(turn_until(loop_, [&] {
    (*copy)->service().get_execution(submitted.ex_id,
                                     [&](const Result<ShownDocument>& result) { document = *whole_document(*result); });
    return document["_status"] == "terminated";
  }));
  ASSERT_TRUE(turn_until(loop_, [&] { return stored_layout().runtime != runtime; }));
  runtimes_.insert(stored_layout().runtime);
  EXPECT_THAT(document["ledger_directory"].get<std::string>(), HasSubstr("-copy/"));
  EXPECT_EQ(pid_of(**copy, "execution_controller"), 0);
  EXPECT_EQ(kill(controller, 0), 0);
  // It is itself from now on: what is created there lives on.
  const auto created = submit(**copy);
  shut_down(*copy);
  copy = open();
  ASSERT_TRUE(copy) << copy.error().message;
  (*copy)->service().get_execution(created.ex_id,
                                   [&](const Result<ShownDocument>& result) { document = *whole_document(*result); });
  EXPECT_EQ(document["_status"], "scheduling");
  pid_of(**copy, "execution_controller");
  pid_of(**copy, "worker");
}

TEST_F(MasterTest, AMovedDataDirectoryIsTheSameByAnotherName) {
  auto master = open();
  ASSERT_TRUE(master) << master.error().message;
  const auto submitted = submit(**master);
  ASSERT_TRUE(turn_until(loop_, [&] { return pid_of(**master, "worker") != 0; }));
  const pid_t controller = pid_of(**master, "execution_controller");
  const std::string runtime = layout_.runtime;
  shut_down(*master);
  std::filesystem::rename(options_.data, options_.data + "-moved");
  options_.data += "-moved";
  master = open();
  ASSERT_TRUE(master) << master.error().message;
  EXPECT_EQ(layout_.runtime, runtime);
  ASSERT_TRUE(turn_until(loop_, [&] {
    const pid_t now = pid_of(**master, "execution_controller");
    return now != 0 && now != controller;
  }));
  Json document;
  (*master)->service().get_execution(submitted.ex_id,
                                     [&](const Result<ShownDocument>& result) { document = *whole_document(*result); });
  EXPECT_THAT(document["ledger_directory"].get<std::string>(), HasSubstr("-moved/"));
  pid_of(**master, "worker");
}

TEST_F(MasterTest, ALinkToADataDirectoryIsTheSamePlace) {
  auto master = open();
  ASSERT_TRUE(master);
  const auto submitted = submit(**master);
  ASSERT_TRUE(turn_until(loop_, [&] { return pid_of(**master, "worker") != 0; }));
  const pid_t controller = pid_of(**master, "execution_controller");
  shut_down(*master);
  std::filesystem::create_directory_symlink(options_.data, options_.data + "-link");
  options_.data += "-link";
  master = open();
  ASSERT_TRUE(master) << master.error().message;
  EXPECT_EQ(pid_of(**master, "execution_controller"), controller);
  EXPECT_EQ(kill(controller, 0), 0);
}

// From before there were identities: the runtime directory went by the path, and processes may live there.
TEST_F(MasterTest, AnOlderDataDirectoryKeepsItsRuntimeDirectory) {
  auto master = open();
  ASSERT_TRUE(master);
  shut_down(*master);
  std::filesystem::remove(options_.data + "/identity");
  master = open();
  ASSERT_TRUE(master) << master.error().message;
  EXPECT_EQ(layout_.runtime, DataLayout::of(options_.data).runtime);
}

TEST_F(MasterTest, AClosingMasterStartsNothing) {
  auto master = open();
  ASSERT_TRUE(master);
  bool done = false;
  (*master)->shut_down([&] { done = true; });
  std::optional<ErrorCode> code;
  (*master)->service().submit(MasterHarness::job(1), {},
                              [&](const Result<Submitted>& result) { code = result.error().code; });
  EXPECT_EQ(code, ErrorCode::unavailable);
  EXPECT_TRUE(turn_until(loop_, [&] { return done; }));
}

TEST_F(MasterTest, OnDemandExecutionsAreStoppedFirst) {
  options_.stop_executions_on_exit = true;
  options_.slots = 0;  // so that it stays pending
  auto master = open();
  ASSERT_TRUE(master);
  const auto submitted = submit(**master);
  bool done = false;
  (*master)->shut_down([&] { done = true; });
  ASSERT_TRUE(turn_until(loop_, [&] { return done; }));
  std::string status;
  (*master)->service().get_execution(
      submitted.ex_id, [&](const Result<ShownDocument>& shown) { status = (*whole_document(*shown))["_status"]; });
  EXPECT_EQ(status, "stopped");
}

}  // namespace
}  // namespace slicemill::master
