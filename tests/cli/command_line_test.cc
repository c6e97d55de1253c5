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

TEST(CommandLine, ClientCommands) {
  const CommandLine submit = parsed({"submit", "job.json", "--wait", "--timeout", "10m", "--fail-on-quarantine"});
  EXPECT_EQ(submit.command, Command::submit);
  EXPECT_EQ(submit.job_file, "job.json");
  EXPECT_TRUE(submit.client.wait);
  EXPECT_TRUE(submit.fail_on_quarantine);
  EXPECT_EQ(submit.client.timeout_ms, 600'000);
  const CommandLine list = parsed({"list", "--status", "failed", "--since", "1d", "-o", "json", "--master", "h:1"});
  EXPECT_EQ(list.client.status, "failed");
  EXPECT_EQ(list.client.since_ms, 86'400'000);
  EXPECT_EQ(list.client.output, OutputFormat::json);
  EXPECT_EQ(list.master_url, "h:1");
  const CommandLine logs = parsed({"logs", "last", "-f", "--worker", "3", "-n", "5"});
  EXPECT_TRUE(logs.client.follow);
  EXPECT_EQ(logs.client.worker, 3);
  EXPECT_EQ(logs.client.lines, 5);
  const CommandLine workers = parsed({"workers", "ex-1", "add", "2"});
  EXPECT_EQ(workers.ex_id, "ex-1");
  EXPECT_EQ(workers.client.action, "add");
  EXPECT_EQ(workers.client.count, 2);
  EXPECT_EQ(parsed({"delete", "--job", "j"}).command, Command::remove);
  EXPECT_EQ(parsed({"recover", "ex-1", "--slices", "errors"}).client.slices, "errors");
  EXPECT_EQ(parsed({"prune", "--keep", "0"}).client.keep, 0);
  EXPECT_EQ(parsed({"top"}).ex_id, "");
  EXPECT_EQ(parsed({"context", "set", "a", "h:1"}).client.words, (std::vector<std::string>{"a", "h:1"}));
}

TEST(CommandLine, ClientCommandsRefuseWhatMakesNoSense) {
  for (const char* command : {"show", "wait", "logs", "errors", "pause", "resume", "stop", "recover", "restart",
                              "workers", "delete", "explain"})
    EXPECT_EQ(refused({command}), std::string(command) + ": EX is missing; see `slicemill " + command + " --help`");
  EXPECT_THAT(refused({"submit"}), HasSubstr("JOB is missing"));
  EXPECT_THAT(refused({"submit", "j", "--wait", "--no-start"}), HasSubstr("do not go together"));
  EXPECT_THAT(refused({"workers", "ex-1", "more", "2"}), HasSubstr("CHANGE: 'more' is none of add, remove, total"));
  EXPECT_THAT(refused({"workers", "ex-1", "add"}), HasSubstr("N is missing"));
  EXPECT_THAT(refused({"workers", "ex-1", "add", "-1"}), HasSubstr("N: '-1' is no whole number from 1 to 1000000"));
  EXPECT_THAT(refused({"wait", "ex-1", "--timeout", "soon"}), HasSubstr("'soon' is not a time"));
  EXPECT_THAT(refused({"list", "-o", "xml"}), HasSubstr("--output: 'xml' is none of table, wide, json, yaml"));
  EXPECT_THAT(refused({"list", "-o", "jsn"}), HasSubstr("; did you mean 'json'?"));
  EXPECT_THAT(refused({"list", "-o", "2"}), HasSubstr("'2' is none of"));
  EXPECT_THAT(refused({"list", "--data"}), HasSubstr("list: --data needs a value: DIR"));
  EXPECT_THAT(refused({"run", "--job", "j"}), HasSubstr("--job goes with --resume"));
  EXPECT_THAT(refused({"run", "j", "--progress", "0"}), HasSubstr("'0' is none of auto, bar, lines, none"));
  EXPECT_THAT(refused({"assets", "upload"}), HasSubstr("ZIP is missing"));
  EXPECT_THAT(refused({"context", "use"}), HasSubstr("NAME is missing"));
  EXPECT_THAT(refused({"context", "use", "a", "b"}), HasSubstr("unexpected argument 'b'"));
  EXPECT_THAT(refused({"prune"}), HasSubstr("--older-than TIME, --keep N"));
  EXPECT_THAT(refused({"completion"}), HasSubstr("SHELL"));
}

TEST(CommandLine, OtherSpellings) {
  EXPECT_EQ(parsed({"--version"}).command, Command::version);
  EXPECT_EQ(parsed({"help"}).help_text, parsed({"--help"}).help_text);
  EXPECT_EQ(parsed({"help", "list"}).help_text, parsed({"list", "--help"}).help_text);
  EXPECT_THAT(refused({"help", "lst"}), HasSubstr("did you mean 'list'?"));
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
