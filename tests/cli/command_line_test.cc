#include "cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/exit_codes.h"
#include "core/runtime/config.h"

namespace slicemill::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

CommandLine parsed(const std::vector<std::string>& arguments) {
  auto line = parse_command_line(arguments);
  EXPECT_TRUE(line) << line.error().message;
  return line ? *line : CommandLine();
}

std::string refused(const std::vector<std::string>& arguments) {
  const auto line = parse_command_line(arguments);
  EXPECT_FALSE(line.has_value());
  if (line) return {};
  EXPECT_EQ(exit_code_of(line.error()), ExitCode::bad_input);
  return line.error().message;
}

TEST(CommandLine, MasterTakesEverySettingAsAFlag) {
  for (const SettingSpec& spec : setting_specs()) {
    const CommandLine line = parsed({"master", spec.flag(), "x"});
    EXPECT_EQ(line.command, Command::master);
    EXPECT_EQ(line.flags, (std::map<std::string, std::string>{{spec.name, "x"}}));
  }
}

TEST(CommandLine, FlagsThatWereNotGivenAreNotThere) {
  EXPECT_TRUE(parsed({"master"}).flags.empty());
}

TEST(CommandLine, TheHelpOfMasterRendersTheTable) {
  const CommandLine line = parsed({"master", "--help"});
  EXPECT_EQ(line.command, Command::help);
  for (const SettingSpec& spec : setting_specs()) {
    EXPECT_THAT(line.help_text, HasSubstr(spec.flag()));
    EXPECT_THAT(line.help_text, HasSubstr(spec.variable()));
  }
}

TEST(CommandLine, TheHelpListsTheCommandsOfUsersOnly) {
  const std::string help = parsed({"--help"}).help_text;
  for (const char* command : {"master", "run", "verify", "quarantine", "validate", "ops", "version"})
    EXPECT_THAT(help, HasSubstr(command));
  EXPECT_THAT(help, Not(HasSubstr("execution-controller")));
}

TEST(CommandLine, Quarantine) {
  const CommandLine list = parsed({"quarantine", "ex-1", "--master", "host:1"});
  EXPECT_EQ(list.command, Command::quarantine);
  EXPECT_EQ(list.ex_id, "ex-1");
  EXPECT_EQ(list.master_url, "host:1");
  EXPECT_FALSE(list.redrive);
  const CommandLine redrive = parsed({"quarantine", "ex-1", "--redrive", "--job", "mended.json", "--data", "/d"});
  EXPECT_TRUE(redrive.redrive);
  EXPECT_EQ(redrive.job_file, "mended.json");
  EXPECT_THAT(refused({"quarantine"}), HasSubstr("EX is missing"));
  EXPECT_THAT(refused({"quarantine", "ex-1", "--job", "j"}), HasSubstr("--job goes with --redrive"));
  EXPECT_THAT(refused({"quarantine", "ex-1", "--redrive", "--job", "j", "--master", "h"}),
              HasSubstr("without --master"));
  EXPECT_THAT(refused({"quarantine", "ex-1", "--redive"}), HasSubstr("did you mean '--redrive'?"));
}

TEST(CommandLine, Run) {
  const CommandLine line = parsed({"run", "job.yaml", "--workers", "3", "--data=/d", "--log-level", "debug"});
  EXPECT_EQ(line.command, Command::run);
  EXPECT_EQ(line.job_file, "job.yaml");
  EXPECT_EQ(line.workers, 3);
  EXPECT_EQ(line.flags.at("data"), "/d");
  EXPECT_EQ(line.flags.at("log_level"), "debug");
  EXPECT_EQ(parsed({"run", "--resume", "ex-1"}).resume_ex_id, "ex-1");
}

TEST(CommandLine, RunHasNoServer) {
  EXPECT_THAT(refused({"run", "job.json", "--port", "80"}), HasSubstr("unknown option '--port'"));
}

TEST(CommandLine, Verify) {
  const CommandLine line = parsed({"verify", "ex-1", "--master", "http://h:1"});
  EXPECT_EQ(line.command, Command::verify);
  EXPECT_EQ(line.ex_id, "ex-1");
  EXPECT_EQ(line.master_url, "http://h:1");
  EXPECT_EQ(parsed({"verify", "ex-1", "--data", "/d"}).flags.at("data"), "/d");
}

TEST(CommandLine, TheOthers) {
  EXPECT_EQ(parsed({"validate", "a.json"}).job_file, "a.json");
  EXPECT_EQ(parsed({"ops"}).operation, "");
  EXPECT_EQ(parsed({"ops", "filter"}).operation, "filter");
  EXPECT_TRUE(parsed({"ops", "--json"}).json);
  EXPECT_EQ(parsed({"version"}).command, Command::version);
  EXPECT_EQ(parsed({"execution-controller", "--launch", "f"}).launch_file, "f");
}

TEST(CommandLine, UnknownWordsGetASuggestion) {
  EXPECT_EQ(refused({"mastr"}), "unknown command 'mastr'; did you mean 'master'?");
  EXPECT_EQ(refused({"master", "--prot", "80"}), "master: unknown option '--prot'; did you mean '--port'?");
  EXPECT_EQ(refused({"master", "--prot=80"}), "master: unknown option '--prot'; did you mean '--port'?");
  EXPECT_EQ(refused({"run", "--wrkers", "3", "job.json"}), "run: unknown option '--wrkers'; did you mean '--workers'?");
  EXPECT_EQ(refused({"--hepl"}), "unknown option '--hepl'; did you mean '--help'?");
}

TEST(CommandLine, UnknownWordsLikeNoOtherPointToTheHelp) {
  EXPECT_EQ(refused({"frobnicate"}), "unknown command 'frobnicate'; see `slicemill --help`");
  EXPECT_EQ(refused({"master", "--frobnicate"}),
            "master: unknown option '--frobnicate'; see `slicemill master --help`");
  EXPECT_EQ(refused({"validate", "a", "b"}), "validate: unexpected argument 'b'; see `slicemill validate --help`");
}

TEST(CommandLine, MissingArguments) {
  EXPECT_THAT(refused({}), HasSubstr("no command given"));
  EXPECT_EQ(refused({"run"}), "run: JOB is missing; see `slicemill run --help`");
  EXPECT_EQ(refused({"verify"}), "verify: EX is missing; see `slicemill verify --help`");
  EXPECT_EQ(refused({"validate"}), "validate: JOB is missing; see `slicemill validate --help`");
  EXPECT_THAT(refused({"execution-controller"}), HasSubstr("--launch"));
  EXPECT_THAT(refused({"master", "--port"}), HasSubstr("--port"));
}

TEST(CommandLine, ContradictingArguments) {
  EXPECT_THAT(refused({"run", "job.json", "--resume", "ex"}), HasSubstr("not both"));
  EXPECT_THAT(refused({"run", "--resume", "ex", "--chaos", "seed=7"}), HasSubstr("--chaos begins anew"));
}

TEST(CommandLine, WorkersIsANumber) {
  EXPECT_THAT(refused({"run", "job.json", "--workers", "many"}), HasSubstr("--workers"));
  EXPECT_THAT(refused({"run", "job.json", "--workers", "0"}), HasSubstr("--workers"));
}

TEST(ExitCodes, FollowTheErrorCode) {
  EXPECT_EQ(exit_code_of(Error(ErrorCode::invalid, "")), ExitCode::bad_input);
  EXPECT_EQ(exit_code_of(Error(ErrorCode::not_found, "")), ExitCode::bad_input);
  EXPECT_EQ(exit_code_of(Error(ErrorCode::conflict, "")), ExitCode::cannot_start);
  EXPECT_EQ(exit_code_of(Error(ErrorCode::unavailable, "")), ExitCode::cannot_start);
  EXPECT_EQ(exit_code_of(Error(ErrorCode::no_space, "")), ExitCode::storage);
  EXPECT_EQ(exit_code_of(Error(ErrorCode::io, "")), ExitCode::storage);
  EXPECT_EQ(exit_code_of(Error(ErrorCode::corrupt, "")), ExitCode::storage);
  EXPECT_EQ(exit_code_of(Error(ErrorCode::cancelled, "")), ExitCode::interrupted);
}

TEST(ExitCodes, ErrorsAreOneLine) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(report(Error(ErrorCode::io, "first\nsecond\r\nthird\n")), ExitCode::storage);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "slicemill: first\\nsecond\\r\\nthird\n");
  testing::internal::CaptureStderr();
  report_warning("job \"\x1b[2J\u202e\": careful");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "slicemill: warning: job \"\\x1b[2J\\u202e\": careful\n");
}

}  // namespace
}  // namespace slicemill::cli
