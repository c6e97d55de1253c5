#include "operations/processors/script.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "core/model/job_spec_v0.h"
#include "core/runtime/process.h"
#include "operations/operation.h"
#include "operations/processors/child_errors.h"
#include "operations/processors/child_framing.h"
#include "tests/operations/operation_run.h"

namespace slicemill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// A slice through one processor, the way a pipeline does it.
struct Outcome {
  std::vector<std::string> records;
  std::size_t largest_batch = 0;  // in bytes
  Result<void> result;
};

Outcome run_slice(Processor& processor, const std::vector<std::vector<std::string>>& batches,
                  const std::atomic<bool>* cancelled = nullptr) {
  Outcome outcome;
  RecordBatch batch;
  const auto keep = [&] {
    outcome.largest_batch = std::max(outcome.largest_batch, batch.bytes());
    for (const auto record : batch.records) outcome.records.emplace_back(record);
  };
  const auto all = [&]() -> Result<void> {
    SliceContext slice;
    slice.cancelled = cancelled;
    RETURN_IF_ERROR(processor.begin(slice));
    for (std::size_t i = 0; i <= batches.size(); ++i) {
      batch.clear();
      if (i < batches.size()) {
        for (const auto& record : batches[i]) batch.append_copy(record);
        RETURN_IF_ERROR(processor.process(batch));
      } else {
        RETURN_IF_ERROR(processor.finish(batch));
      }
      while (true) {
        keep();
        ASSIGN_OR_RETURN(const bool has_more, processor.more(batch));
        if (!has_more) break;
      }
    }
    return {};
  };
  outcome.result = all();
  if (!outcome.result) processor.abandon();
  return outcome;
}

std::unique_ptr<Processor> script(const Json& options) {
  return make<Processor>(script_operation(), options.dump());
}

// Runs the text as a Python program.
Json python(const std::string& program, Json more = Json::object()) {
  Json options = {{"command", "python3"}, {"args", {"-c", program}}};
  options.update(more);
  return options;
}

// The plainest child of the framing by length: answers every frame with what `reply` makes of it.
std::string frames(const std::string& reply, const std::string& order = ">") {
  return "import os, struct, sys\n"
         "i, o = sys.stdin.buffer, sys.stdout.buffer\n"
         "held = []\n"
         "while True:\n"
         "  head = i.read(4)\n"
         "  if len(head) < 4: break\n"
         "  data = i.read(struct.unpack('" +
         order +
         "I', head)[0])\n"
         "  " +
         reply +
         "\n"
         "  o.write(struct.pack('" +
         order +
         "I', len(data)) + data)\n"
         "  o.flush()\n";
}

std::vector<std::string> numbered(int count, const std::string& more = "") {
  std::vector<std::string> records;
  for (int i = 0; i < count; ++i) records.push_back("{\"n\":" + std::to_string(i) + more + "}");
  return records;
}

TEST(Script, GivesAChildLinesAndTakesThemBack) {
  const auto cat = script({{"command", "cat"}});
  for (int slice = 0; slice < 3; ++slice) {
    const auto out = run_slice(*cat, {{R"({"a":1})", R"({"a":2})"}, {R"({"a":3})"}});
    ASSERT_TRUE(out.result) << out.result.error().message;
    EXPECT_THAT(out.records, ElementsAre(R"({"a":1})", R"({"a":2})", R"({"a":3})"));
  }
}

TEST(Script, AChildMayHoldEverythingBackAndRunsForAnEmptySliceToo) {
  const auto count = script({{"command", "/bin/sh"}, {"args", {"-c", "echo \"{\\\"lines\\\":$(wc -l)}\""}}});
  EXPECT_THAT(run_slice(*count, {{"1", "2"}, {"3"}}).records, ElementsAre(R"({"lines":3})"));
  EXPECT_THAT(run_slice(*count, {}).records, ElementsAre(R"({"lines":0})"));
}

TEST(Script, NeitherSideWaitsForTheOtherAndBatchesStaySmall) {
  // 8 MB in, 24 MB out, written before the input is read to its end: pipes hold a megabyte.
  const auto thrice = script(python("import sys\nfor l in sys.stdin: sys.stdout.write(l * 3)"));
  std::vector<std::vector<std::string>> batches(8, numbered(10'000, ",\"pad\":\"" + std::string(80, 'x') + "\""));
  const auto out = run_slice(*thrice, batches);
  ASSERT_TRUE(out.result) << out.result.error().message;
  EXPECT_EQ(out.records.size(), 240'000U);
  EXPECT_LE(out.largest_batch, RecordBatch::kTargetBytes);
  EXPECT_EQ(out.records[5], batches[0][1]);
}

TEST(Script, ARecordMayBeLongerThanABatch) {
  const std::string longest = "\"" + std::string(5 << 20, 'y') + "\"";
  for (const auto& options : {Json{{"command", "cat"}}, python(frames("pass"), {{"framing", "length"}})}) {
    const auto out = run_slice(*script(options), {{"1", longest, "2"}});
    ASSERT_TRUE(out.result) << out.result.error().message;
    ASSERT_EQ(out.records.size(), 3U);
    EXPECT_EQ(out.records[1], longest);
  }
}

TEST(Script, AChildThatWantsNoMoreInputIsFine) {
  const auto head = script({{"command", "head"}, {"args", {"-n", "1"}}});
  const auto out = run_slice(*head, std::vector<std::vector<std::string>>(40, numbered(10'000)));
  ASSERT_TRUE(out.result) << out.result.error().message;
  EXPECT_THAT(out.records, ElementsAre(R"({"n":0})"));
}

TEST(Script, AnExitCodeOrASignalFailsTheSliceWithTheEndOfStderr) {
  const auto fails =
      script({{"command", "/bin/sh"}, {"args", {"-c", "cat; echo first >&2; echo no such table >&2; exit 3"}}});
  const auto out = run_slice(*fails, {{"1"}});
  ASSERT_FALSE(out.result);
  EXPECT_EQ(out.result.error().message,
            "the child ended with exit code 3: no such table\nthe end of its stderr:\nfirst\nno such table");
  EXPECT_TRUE(out.result.error().retryable);
  const auto dies = script({{"command", "/bin/sh"}, {"args", {"-c", "kill -9 $$"}}});
  EXPECT_THAT(run_slice(*dies, {{"1"}}).result.error().message, HasSubstr("signal 9"));
}

std::string rejecting(const std::string& marked) {
  return "printf '{\"a\":1}\\n'; printf '%s %s\\n' \"$SLICEMILL_REJECT\" '" + marked + "'; printf '{\"a\":2}\\n'";
}

TEST(Script, AChildRejectsRecordsWithAReason) {
  const Json options = {{"command", "/bin/sh"}, {"args", {"-c", rejecting(R"("too \u006cate" {"a" : 3})")}}};
  const auto out = run_slice(*script(options), {});
  ASSERT_FALSE(out.result);
  EXPECT_EQ(out.result.error().message, R"(the child rejects a record: too late: {"a" : 3})");
  EXPECT_FALSE(out.result.error().retryable);
  Json kept = options;
  kept["_dead_letter_action"] = "none";
  EXPECT_THAT(run_slice(*script(kept), {}).records, ElementsAre(R"({"a":1})", R"({"a":2})"));
  RecordQuarantine quarantine;
  kept["_dead_letter_action"] = "quarantine";
  OperationContext context;
  kept["_op"] = "script";
  context.operation = operation_spec_of_v0(kept);
  context.quarantine = &quarantine;
  const auto quarantining = script_operation().make();
  ASSERT_TRUE(quarantining->initialize(context));
  const std::string request = R"({"path":"/in","total":100,"offset":0,"length":10})";
  quarantine.begin(request);
  EXPECT_TRUE(run_slice(dynamic_cast<Processor&>(*quarantining), {}).result);
  const auto records = quarantine.take();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].bytes, R"({"a" : 3})") << "as the child was given it";
  EXPECT_EQ(records[0].place, "/in, bytes 0 to 9");
}

TEST(Script, AMarkWithoutARecordIsAnError) {
  for (const char* marked : {"", "no text {}", R"("open {})", R"("reason")"}) {
    const auto out = run_slice(*script({{"command", "/bin/sh"}, {"args", {"-c", rejecting(marked)}}}), {});
    ASSERT_FALSE(out.result) << marked;
    EXPECT_THAT(out.result.error().message, HasSubstr("begins like a rejected record, and is none"));
  }
}

TEST(Script, ADeathThatMayBeForLackOfMemoryNamesTheLimit) {
  OperationContext context;
  context.operation.options = {{"command", "/bin/sh"}, {"args", {"-c", "kill -9 $$"}}};
  context.job.worker_memory_limit = 64'000'000;
  const auto operation = script_operation().make();
  ASSERT_TRUE(operation->initialize(context));
  EXPECT_THAT(run_slice(dynamic_cast<Processor&>(*operation), {}).result.error().message,
              HasSubstr("maybe for lack of memory: resources_limits_memory is 64000000 bytes"));
}

std::string job_problem(const Json& options, const PathRule& paths, const JobSpec& job = {}) {
  const auto schema = script_operation().schema;
  Json placed = validate_options(schema, options).options;
  schema.place(placed, paths);
  const auto checked = schema.check_job(placed, {job, paths, 1, builtin_operations()});
  return checked ? "" : checked.error().message;
}

TEST(Script, ProgramsAndTheirScriptsAreCheckedBeforeAnythingRuns) {
  const std::string directory = std::filesystem::canonical(testing::TempDir()).string();
  const PathRule run{true, directory}, master{false, directory};
  const std::string name = "child-" + std::to_string(getpid()) + ".sh";
  EXPECT_THAT(job_problem({{"command", "no_such_program"}}, run),
              HasSubstr("command: no program \"no_such_program\" in PATH"));
  EXPECT_THAT(job_problem({{"command", "/bin"}}, run), HasSubstr("command: /bin is not a program"));
  EXPECT_EQ(job_problem({{"command", "cat"}}, master), "");
  EXPECT_THAT(job_problem({{"command", "sh"}, {"args", {name}}}, run),
              HasSubstr("args: " + directory + "/" + name + " does not"));
  EXPECT_THAT(job_problem({{"command", "sh"}, {"args", {directory}}}, run), HasSubstr("is a directory"));
  std::ofstream(directory + "/" + name) << "exit 0\n";
  EXPECT_EQ(job_problem({{"command", "sh"}, {"args", {name}}}, run), "");
  EXPECT_THAT(job_problem({{"command", "sh"}, {"args", {name}}}, master),
              HasSubstr("give it as \"" + directory + "/" + name));
  EXPECT_EQ(job_problem({{"command", "sh"}, {"args", {name}}, {"options", {{"cwd", directory}}}}, master), "");
  EXPECT_EQ(job_problem({{"command", "sh"}, {"args", {"-c", "nothing.sh"}}}, master), "") << "code, not a file";
  EXPECT_EQ(job_problem({{"command", "cat"}, {"args", {"nothing.txt"}}}, master), "") << "who knows what it means";
  EXPECT_EQ(job_problem({{"command", name}, {"asset", "tools"}}, master), "") << "its files are not here";
  std::filesystem::permissions(directory + "/" + name, std::filesystem::perms::owner_all);
  EXPECT_EQ(job_problem({{"command", name}}, master, {.environment = {{"PATH", directory}}}), "");
  std::filesystem::remove(directory + "/" + name);
}

TEST(Script, ARelativeScriptStaysWhereItWasFound) {
  Json options = {{"_op", "script"}, {"command", "python3.11"}, {"args", {"-u", "a.py"}}};
  script_operation().schema.place(options, {true, "/work"});
  EXPECT_EQ(options.at("options").at("cwd"), "/work");
}

TEST(Script, LinesThatAreNotJsonAreRecordErrors) {
  const Json options = {{"command", "/bin/sh"}, {"args", {"-c", "printf '{\"a\":1}\\n\\n{bad\\n\\377\\n{\"a\":2}'"}}};
  const auto out = run_slice(*script(options), {});
  ASSERT_FALSE(out.result);
  EXPECT_THAT(out.result.error().message, HasSubstr("line 3 of its output is not JSON: byte 1"));
  EXPECT_FALSE(out.result.error().retryable);
  auto dropping = options;
  dropping["_dead_letter_action"] = "none";
  EXPECT_THAT(run_slice(*script(dropping), {}).records, ElementsAre(R"({"a":1})", R"({"a":2})"));
  auto raw = options;
  raw["_encoding"] = "raw";
  EXPECT_THAT(run_slice(*script(raw), {}).records, ElementsAre(R"({"a":1})", "", "{bad", "\xff", R"({"a":2})"));
}

TEST(Script, AChildThatTakesTooLongIsKilledAndReaped) {
  const auto pid_file = std::filesystem::temp_directory_path() / ("script_test." + std::to_string(getpid()));
  const auto sleeps = script({{"command", "/bin/sh"},
                              {"args", {"-c", "sleep 1000 & echo $! > " + pid_file.string() + "; wait"}},
                              {"timeout", 200}});
  const auto out = run_slice(*sleeps, {{"1"}});
  ASSERT_FALSE(out.result);
  EXPECT_EQ(out.result.error().code, ErrorCode::timeout);
  EXPECT_TRUE(out.result.error().retryable);
  pid_t grandchild = 0;
  std::ifstream(pid_file) >> grandchild;
  std::filesystem::remove(pid_file);
  ASSERT_GT(grandchild, 0);
  const auto identity = identify_process(grandchild);
  while (identity && is_alive(*identity)) std::this_thread::yield();  // the whole group is killed, or this never ends
}

TEST(Script, ACancelledSliceEndsItsChild) {
  std::atomic<bool> cancelled{false};
  const auto sleeps = script({{"command", "sleep"}, {"args", {"1000"}}});
  std::thread cancels([&] { cancelled = true; });
  const auto out = run_slice(*sleeps, {{"1"}}, &cancelled);
  cancels.join();
  ASSERT_FALSE(out.result);
  EXPECT_EQ(out.result.error().code, ErrorCode::cancelled);
}

TEST(Script, ChildrenInheritNothingOfOurs) {
  const int inheritable = ::open("/dev/null", O_RDONLY);
  const auto lists = script(python("import os\nprint(len([f for f in os.listdir('/proc/self/fd')]))"));
  // stdin, stdout, stderr and the directory that is listed
  EXPECT_THAT(run_slice(*lists, {}).records, ElementsAre("4"));
  ::close(inheritable);
}

TEST(Script, StartsWhereAndHowItIsTold) {
  const auto out =
      run_slice(*script(python("import json, os\nprint(json.dumps([os.getcwd(), os.environ['A'], os.environ['B']]))",
                               {{"options", {{"cwd", "/usr"}, {"env", {{"A", "x=y"}, {"B", 5}}}}}})),
                {});
  EXPECT_THAT(out.records, ElementsAre(R"(["/usr", "x=y", "5"])"));
}

TEST(Script, ACommandThatCannotRunIsAnError) {
  const auto problem_of = [](const Json& options) {
    const auto entry = script_operation();
    const auto operation = entry.make();
    const auto ready = operation->initialize({spec_of(entry, options), JobSpec(), 1, "worker"});
    return ready ? "" : ready.error().message;
  };
  EXPECT_THAT(problem_of({{"command", "no_such_program"}}), HasSubstr("no program \"no_such_program\" in PATH"));
  EXPECT_THAT(problem_of({{"command", "/etc/passwd"}}), HasSubstr("/etc/passwd is not a program"));
  EXPECT_THAT(problem_of({{"command", "x.py"}, {"asset", "tools"}}), HasSubstr("tools"));
  EXPECT_THAT(problem(script_operation(), R"({"command":"bin/x"})"), HasSubstr("command must be an absolute path"));
  EXPECT_THAT(problem(script_operation(), R"({"command":"x","options":{"shell":true}})"), HasSubstr("options.shell"));
  EXPECT_THAT(problem(script_operation(), R"({"command":"x","options":{"env":{"A":null}}})"),
              HasSubstr("options.env.A"));
}

TEST(Script, ARelativeCommandIsLookedForInTheAssetFirst) {
  const auto directory = std::filesystem::temp_directory_path() / ("script_test_asset." + std::to_string(getpid()));
  std::filesystem::create_directories(directory / "bin");
  std::ofstream(directory / "bin/twice") << "#!/bin/sh\nsed p\n";
  std::filesystem::permissions(directory / "bin/twice", std::filesystem::perms::owner_all);
  const auto twice = script({{"command", "bin/twice"}, {"asset", "tools"}, {"asset_path", directory.string()}});
  EXPECT_THAT(run_slice(*twice, {{"1"}}).records, ElementsAre("1", "1"));
  std::filesystem::remove_all(directory);
}

TEST(ScriptByLength, OneChildAnswersFrameAfterFrameForAllSlices) {
  for (const std::string order : {"big", "little"}) {
    const auto program = frames("data = (str(os.getpid()) + '\\n').encode() + data", order == "big" ? ">" : "<");
    const auto echo = script(python(program, {{"framing", "length"}, {"byte_order", order}}));
    const auto first = run_slice(*echo, {{"10", "11"}, {"12"}});
    ASSERT_TRUE(first.result) << first.result.error().message;
    ASSERT_EQ(first.records.size(), 6U);
    const auto& pid = first.records[0];
    EXPECT_THAT(first.records, ElementsAre(pid, "10", "11", pid, "12", pid));
    EXPECT_THAT(run_slice(*echo, {}).records, ElementsAre(pid)) << "the end of a slice is a frame too";
  }
}

TEST(ScriptByLength, AChildMayHoldRecordsBackUntilTheSliceEnds) {
  const auto holds = script(python(frames("held.append(data); data = b'' if data else b''.join(held)\n"
                                          "  if data: held = []"),
                                   {{"framing", "length"}}));
  for (int slice = 0; slice < 2; ++slice) {
    const auto out = run_slice(*holds, std::vector<std::vector<std::string>>(30, numbered(10'000)));
    ASSERT_TRUE(out.result) << out.result.error().message;
    EXPECT_EQ(out.records.size(), 300'000U);
    EXPECT_LE(out.largest_batch, RecordBatch::kTargetBytes);
  }
}

TEST(ScriptByLength, AChildThatDiesFailsItsSliceAndTheNextGetsANewOne) {
  const auto dies = script(
      python(frames("if data == b'0\\n': print('poison', file=sys.stderr); sys.exit(4)"), {{"framing", "length"}}));
  EXPECT_THAT(run_slice(*dies, {{"1"}}).records, ElementsAre("1"));
  const auto out = run_slice(*dies, {{"0"}});
  ASSERT_FALSE(out.result);
  EXPECT_THAT(out.result.error().message, HasSubstr("exit code 4 before it had answered"));
  EXPECT_THAT(out.result.error().message, HasSubstr("poison"));
  EXPECT_THAT(run_slice(*dies, {{"2"}}).records, ElementsAre("2"));
}

TEST(ScriptByLength, AChildThatEndsBetweenSlicesIsReplaced) {
  const auto once =
      script(python(frames("last = not data; data = str(os.getpid()).encode() if data else b''") + "  if last: break\n",
                    {{"framing", "length"}}));
  std::set<std::string> pids;
  for (int slice = 0; slice < 3; ++slice) {
    const auto out = run_slice(*once, {{"1"}});
    ASSERT_TRUE(out.result) << out.result.error().message;
    ASSERT_EQ(out.records.size(), 1U);
    pids.insert(out.records[0]);
    const auto child = identify_process(static_cast<pid_t>(std::stol(out.records[0])));
    while (child && is_alive(*child)) std::this_thread::yield();
  }
  EXPECT_EQ(pids.size(), 3U);
}

TEST(ScriptByLength, MoreFramesThanAskedForAreRefused) {
  // A thousand frames in one write for the first one that it gets.
  const auto at_once = script(python(frames("o.write(bytes(4096))"), {{"framing", "length"}}));
  const auto out = run_slice(*at_once, {{"1"}});
  ASSERT_FALSE(out.result);
  EXPECT_THAT(out.result.error().message, HasSubstr("more frames than it got"));
}

// What a slice leaves behind must not become the next one's records.
TEST(ScriptByLength, FramesBetweenSlicesAreRefused) {
  // The child says one frame more when `go` is there, and then makes `gone` of it.
  const auto go = std::filesystem::temp_directory_path() / ("script_test_go." + std::to_string(getpid()));
  const auto gone = go.string() + ".gone";
  const auto late = script(python(frames("is_end = not data") +
                                      "  if is_end:\n"
                                      "    while not os.path.exists('" +
                                      go.string() +
                                      "'): pass\n"
                                      "    o.write(bytes(4)); o.flush()\n"
                                      "    os.rename('" +
                                      go.string() + "', '" + gone + "')\n",
                                  {{"framing", "length"}}));
  EXPECT_TRUE(run_slice(*late, {{"1"}}).result);
  std::ofstream(go).close();
  while (!std::filesystem::exists(gone)) std::this_thread::yield();
  std::filesystem::remove(gone);
  const auto out = run_slice(*late, {{"2"}});
  ASSERT_FALSE(out.result);
  EXPECT_THAT(out.result.error().message, HasSubstr("more frames than it got"));
}

TEST(ChildOutput, GivesTheSameRecordsHoweverTheBytesAreCut) {
  const std::string stream("\0\0\0\x0c{\"a\":1}\n[2]\n\0\0\0\0\0\0\0\x05\"end\"", 4 + 12 + 4 + 4 + 5);
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    RecordRejecter rejecter;
    ChildOutput output({.has_lengths = true}, rejecter);
    output.begin_slice();
    std::vector<std::string> records;
    RecordBatch batch;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      batch.clear();
      output.attach(batch);
      const auto part = stream.substr(at, step);
      std::copy(part.begin(), part.end(), output.room().begin());
      ASSERT_TRUE(output.took(part.size(), batch));
      output.detach(batch);
      for (const auto record : batch.records) records.emplace_back(record);
    }
    EXPECT_THAT(records, ElementsAre("{\"a\":1}", "[2]", "\"end\"")) << step;
    EXPECT_EQ(output.replies(), 3U);
    EXPECT_TRUE(output.is_between_frames());
  }
}

TEST(ChildErrors, LogsLinesUpToARateAndKeepsTheTail) {
  std::vector<std::string> lines;
  ChildErrors errors([&](std::string_view line) { lines.emplace_back(line); });
  const ChildErrors::Time start{std::chrono::hours(1)};
  errors.take("one\ntw", start);
  errors.take("o\n", start);
  EXPECT_THAT(lines, ElementsAre("one", "two"));
  for (int i = 0; i < 200; ++i) errors.take("line " + std::to_string(i) + "\n", start);
  EXPECT_EQ(lines.size(), ChildErrors::kLinesPerWindow);
  errors.take("later", start + ChildErrors::kWindow);
  errors.end(start + ChildErrors::kWindow);
  EXPECT_EQ(lines[lines.size() - 2], "(102 more lines were left out)");
  EXPECT_EQ(lines.back(), "later");
  errors.take(std::string(10'000, 'z') + "\nend\n", start);
  EXPECT_LE(errors.tail().size(), ChildErrors::kTailBytes);
  EXPECT_TRUE(errors.tail().ends_with("z\nend"));
}

}  // namespace
}  // namespace slicemill
