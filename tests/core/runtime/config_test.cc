#include "core/runtime/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/core/runtime/config_fixture.h"
#include "tests/docs/rendered_page.h"

namespace slicemill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(ConfigTest, EveryDefaultOfTheTableParses) {
  const auto settings = resolve_settings(layers_);
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->number("port"), 5678);
  EXPECT_EQ(settings->text("bind"), "127.0.0.1");
  EXPECT_EQ(settings->text("data"), "/home/somebody/.local/state/slicemill");
  EXPECT_GE(settings->number("slots"), 1);
  EXPECT_EQ(settings->text("log_level"), "info");
  EXPECT_EQ(settings->number("lease"), 5000);
  EXPECT_EQ(settings->source("port"), SettingSource::built_in);
  EXPECT_THAT(settings->warnings(), IsEmpty());
}

TEST_F(ConfigTest, FlagBeatsEnvironmentBeatsFileBeatsDefault) {
  write_file("port: 1\nbind: from-file\nname: from-file\n");
  layers_.environment["SLICEMILL_PORT"] = "2";
  layers_.environment["SLICEMILL_BIND"] = "from-environment";
  layers_.flags["port"] = "3";
  const auto settings = resolve_settings(layers_);
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->number("port"), 3);
  EXPECT_EQ(settings->source("port"), SettingSource::flag);
  EXPECT_EQ(settings->text("bind"), "from-environment");
  EXPECT_EQ(settings->source("bind"), SettingSource::environment);
  EXPECT_EQ(settings->text("name"), "from-file");
  EXPECT_EQ(settings->source("name"), SettingSource::file);
  EXPECT_EQ(settings->source("slots"), SettingSource::built_in);
}

TEST_F(ConfigTest, AnEmptyVariableIsNotSet) {
  layers_.environment["SLICEMILL_PORT"] = "";
  EXPECT_EQ(resolve_settings(layers_)->number("port"), 5678);
}

TEST_F(ConfigTest, DurationsTakeUnits) {
  write_file("lease: 2 minutes\nbeat: 250\n");
  const auto settings = resolve_settings(layers_);
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->number("lease"), 120'000);
  EXPECT_EQ(settings->number("beat"), 250);
}

TEST_F(ConfigTest, TheDataDirectoryBecomesAbsolute) {
  layers_.flags["data"] = "some/where/../else";
  EXPECT_EQ(resolve_settings(layers_)->text("data"), std::filesystem::current_path().string() + "/some/else");
}

TEST_F(ConfigTest, TheDataDirectoryFollowsXdgUnlessRelative) {
  layers_.environment["XDG_STATE_HOME"] = "/state";
  EXPECT_EQ(resolve_settings(layers_)->text("data"), "/state/slicemill");
  layers_.environment["XDG_STATE_HOME"] = "state";
  EXPECT_EQ(resolve_settings(layers_)->text("data"), "/home/somebody/.local/state/slicemill");
}

TEST_F(ConfigTest, WithoutHomeTheDataDirectoryMustBeGiven) {
  layers_.environment.clear();
  EXPECT_THAT(error().message, HasSubstr("--data DIR"));
  layers_.flags["data"] = "/d";
  EXPECT_TRUE(resolve_settings(layers_));
}

TEST_F(ConfigTest, AnUnknownKeyIsAnErrorWithASuggestion) {
  write_file("prot: 80\n");
  const Error failed = error();
  EXPECT_EQ(failed.code, ErrorCode::invalid);
  EXPECT_EQ(failed.message, layers_.file + ": unknown key 'prot'; did you mean 'port'?");
}

TEST_F(ConfigTest, AnUnknownKeyLikeNoOtherListsTheKnownOnes) {
  write_file("completely_different: 80\n");
  EXPECT_THAT(error().message, HasSubstr("known keys: port, bind, allowed_hosts, listeners, data"));
}

TEST_F(ConfigTest, EveryErrorNamesItsPlace) {
  layers_.flags["port"] = "70000";
  EXPECT_EQ(error().message, "--port: '70000' is not an integer from 0 to 65535");
  layers_.flags.clear();
  layers_.environment["SLICEMILL_LOG_LEVEL"] = "inof";
  EXPECT_THAT(error().message, HasSubstr("SLICEMILL_LOG_LEVEL: 'inof' is not one of trace, debug"));
  EXPECT_THAT(error().message, HasSubstr("did you mean 'info'?"));
  layers_.environment.erase("SLICEMILL_LOG_LEVEL");
  write_file("lease: soon\n");
  EXPECT_EQ(error().message, layers_.file + ": lease: 'soon' is not a duration such as '500ms' or '2 minutes'");
  write_file("port: [1, 2]\n");
  EXPECT_EQ(error().message, layers_.file + ": port: expected one value");
  write_file("port: 1.5\n");
  EXPECT_EQ(error().message, layers_.file + ": port: '1.5' is not an integer from 0 to 65535");
  write_file("- port\n");
  EXPECT_THAT(error().message, HasSubstr("expected lines of the form `key: value`"));
  write_file("port: {\n");
  EXPECT_THAT(error().message, HasSubstr(layers_.file));
}

TEST_F(ConfigTest, AnEmptyFlagIsAnError) {
  layers_.flags["name"] = "";
  EXPECT_EQ(error().message, "--name: the value is empty");
}

TEST_F(ConfigTest, ZeroIsNoDuration) {
  layers_.flags["lease"] = "0";
  EXPECT_THAT(error().message, HasSubstr("--lease: '0' is not a duration"));
}

TEST_F(ConfigTest, DurationsHaveAnEnd) {
  layers_.flags["retry_base"] = "1h";
  ASSERT_TRUE(resolve_settings(layers_));
  layers_.flags["retry_base"] = "61 minutes";
  EXPECT_THAT(resolve_settings(layers_).error().message, HasSubstr("at most 3600000 ms"));
  layers_.flags = {{"lease", "6000 weeks"}};
  EXPECT_THAT(resolve_settings(layers_).error().message, HasSubstr("at most 3153600000000 ms"));
}

TEST_F(ConfigTest, AListIsWordsOrAListInTheFile) {
  EXPECT_EQ(resolve_settings(layers_)->text("allowed_hosts"), "");
  layers_.flags["allowed_hosts"] = "a.lan, b.lan";
  EXPECT_EQ(resolve_settings(layers_)->text("allowed_hosts"), "a.lan, b.lan");
  layers_.flags.clear();
  write_file("allowed_hosts: [a.lan, 'b.lan']\nname: no\n");
  const auto settings = resolve_settings(layers_);
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->text("allowed_hosts"), "a.lan, b.lan");
  EXPECT_THAT(settings->warnings(), ::testing::ElementsAre(HasSubstr("no is taken as text")));
}

TEST_F(ConfigTest, AMissingFileIsNotFound) {
  layers_.file = directory_ + "/nowhere.yaml";
  const Error failed = error();
  EXPECT_EQ(failed.code, ErrorCode::not_found);
  EXPECT_THAT(failed.message, HasSubstr(layers_.file));
}

TEST_F(ConfigTest, ADirectoryIsNoConfiguration) {
  layers_.file = directory_;
  EXPECT_THAT(error().message, HasSubstr("is a directory"));
}

TEST_F(ConfigTest, AnEmptyFileSetsNothing) {
  write_file("# nothing yet\n");
  EXPECT_TRUE(resolve_settings(layers_));
}

TEST_F(ConfigTest, AVariableThatNearlyNamesASettingIsWarnedOf) {
  layers_.environment["SLICEMILL_PROT"] = "80";
  layers_.environment["SLICEMILL_FAULT"] = "";
  layers_.environment["SLICEMILL_COMPLETELY_DIFFERENT"] = "1";
  const auto settings = resolve_settings(layers_);
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_THAT(settings->warnings(),
              ElementsAre("the environment variable SLICEMILL_PROT is not a setting; did you mean SLICEMILL_PORT?"));
}

TEST_F(ConfigTest, OwnEnvironmentHoldsOurVariablesOnly) {
  setenv("SLICEMILL_CONFIG_TEST", "a=b", 1);
  setenv("CONFIG_TEST", "c", 1);
  const Environment environment = own_environment();
  unsetenv("SLICEMILL_CONFIG_TEST");
  unsetenv("CONFIG_TEST");
  EXPECT_EQ(environment.at("SLICEMILL_CONFIG_TEST"), "a=b");
  EXPECT_FALSE(environment.contains("CONFIG_TEST"));
}

TEST(SettingSpecs, NamesFlagsAndVariablesBelongTogether) {
  for (const SettingSpec& spec : setting_specs()) {
    EXPECT_FALSE(spec.description.empty()) << spec.name;
    EXPECT_TRUE(spec.description.ends_with('.')) << spec.name;
    EXPECT_EQ(spec.flag().find('_'), std::string::npos);
  }
  EXPECT_EQ(setting_specs().front().flag(), "--port");
  const SettingSpec level{.name = "log_level", .default_text = "", .description = ""};
  EXPECT_EQ(level.flag(), "--log-level");
  EXPECT_EQ(level.variable(), "SLICEMILL_LOG_LEVEL");
}

TEST(SettingSpecs, TheDocumentEqualsTheTable) {
  expect_page_part("configuration.md", "settings", render_settings_table());
}

}  // namespace
}  // namespace slicemill
