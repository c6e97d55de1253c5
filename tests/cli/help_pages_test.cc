#include "cli/help_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace slicemill::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const CommandDescription& described(const std::vector<CommandDescription>& commands, std::string_view name) {
  const auto found = std::ranges::find(commands, name, &CommandDescription::name);
  EXPECT_NE(found, commands.end()) << name;
  return *found;
}

TEST(CommandDescriptions, SayWhatTheParserTakes) {
  const auto commands = describe_commands();
  const CommandDescription& list = described(commands, "list");
  const auto output = std::ranges::find_if(list.options, [](const auto& o) { return o.names.front() == "--output"; });
  ASSERT_NE(output, list.options.end());
  EXPECT_THAT(output->names, ElementsAre("--output", "-o"));
  EXPECT_EQ(output->value, "FORMAT");
  EXPECT_THAT(output->choices, ElementsAre("table", "wide", "json", "yaml"));
  const CommandDescription& workers = described(commands, "workers");
  ASSERT_EQ(workers.positionals.size(), 3U);
  EXPECT_THAT(workers.positionals[0].names, ElementsAre("EX"));
  EXPECT_THAT(workers.positionals[1].choices, ElementsAre("add", "remove", "total"));
  const CommandDescription& logs = described(commands, "logs");
  const auto follow = std::ranges::find_if(logs.options, [](const auto& o) { return o.names.front() == "--follow"; });
  ASSERT_NE(follow, logs.options.end());
  EXPECT_EQ(follow->value, "");
}

TEST(CommandDescriptions, AreThoseOfUsersAndEachHasATextThatSaysSomething) {
  for (const CommandDescription& command : describe_commands()) {
    EXPECT_NE(command.name, "execution-controller");
    EXPECT_FALSE(command.text.empty()) << command.name;
    for (const auto& option : command.options) EXPECT_FALSE(option.text.empty()) << command.name;
  }
}

TEST(HelpPages, EveryShellKnowsEveryCommandAndOption) {
  const auto commands = describe_commands();
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = completion_script(shell, commands);
    for (const CommandDescription& command : commands) EXPECT_THAT(script, HasSubstr(command.name)) << shell;
    EXPECT_THAT(script, HasSubstr("older-than")) << shell;
    EXPECT_THAT(script, HasSubstr("zsh")) << shell;  // a choice of `completion`
  }
}

TEST(HelpPages, QuotesInTextsDoNotEndThoseOfTheShell) {
  const std::vector<CommandDescription> commands = {{"x", "it's", {}, {{{"--y"}, "", {}, "a 'b' [c]"}}, ""}};
  EXPECT_THAT(completion_script("zsh", commands), HasSubstr("'x:it'\\''s'"));
  EXPECT_THAT(completion_script("zsh", commands), HasSubstr("'--y[a '\\''b'\\'' \\[c\\]]'"));
  EXPECT_THAT(completion_script("fish", commands), HasSubstr("-d 'it\\'s'"));
}

TEST(HelpPages, ManPages) {
  const auto commands = describe_commands();
  const std::string whole = man_page(commands, "1.2.3");
  EXPECT_THAT(whole, HasSubstr(".TH \"slicemill\" 1 \"\" \"slicemill 1.2.3\""));
  EXPECT_THAT(whole, HasSubstr(".B explain\n"));
  EXPECT_THAT(whole, HasSubstr(".B 124\n"));
  const std::string page = man_page(described(commands, "prune"), "1.2.3");
  EXPECT_THAT(page, HasSubstr("slicemill\\-prune"));
  EXPECT_THAT(page, HasSubstr(".B \\-\\-older\\-than \\fITIME\\fP\n"));
  EXPECT_THAT(page, HasSubstr("\nExample: slicemill prune"));
}

TEST(HelpPages, NoLineOfATextIsTakenForAMacro) {
  const CommandDescription command{"x", "'quoted'", {}, {{{"--y"}, "", {}, ".dotted \\ text"}}, "a\n.b"};
  const std::string page = man_page(command, "1");
  EXPECT_THAT(page, HasSubstr("\n\\&.dotted \\e text.\n"));
  EXPECT_THAT(page, HasSubstr("a\n\\&.b\n"));
  EXPECT_THAT(page, Not(HasSubstr("\n.dotted")));
}

TEST(HelpPages, LongLinesAreWrappedBelowTheirDescription) {
  const std::string name = "  --option TIME";
  const std::string gap(kHelpColumn - name.size(), ' ');
  EXPECT_EQ(wrapped_help("short\n" + name + gap + "some words that go on and on\n", 45),
            "short\n" + name + gap + "some words that\n" + std::string(kHelpColumn, ' ') + "go on and on\n");
  EXPECT_EQ(wrapped_help("words of a footer\n", 10), "words of a\nfooter\n");
  const std::string word(50, 'x');
  EXPECT_EQ(wrapped_help(word + "\n", 10), word + "\n");
}

}  // namespace
}  // namespace slicemill::cli
