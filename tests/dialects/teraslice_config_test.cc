#include "api/dialects/teraslice/teraslice_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/core/runtime/config_fixture.h"
#include "tests/docs/rendered_page.h"

namespace slicemill::api::teraslice {
namespace {

using testing::HasSubstr;

class TerasliceConfigTest : public ConfigTest {
 protected:
  void SetUp() override {
    ConfigTest::SetUp();
    layers_.foreign = &foreign_config();
  }
};

TEST_F(TerasliceConfigTest, ATeraslicesConfigurationMeansTheSame) {
  write_file(
      "teraslice:\n  name: c\n  port: 8080\n  hostname: 10.0.0.1\n  workers: 7\n  master: true\n"
      "  shutdown_timeout: 90000\n  autoload_directory: /zips\n  env_vars: {A: b, N: 5}\n"
      "terafoundation:\n  log_level: [{console: warn}, {file: debug}]\n");
  const auto settings = resolve_settings(layers_);
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->text("name"), "c");
  EXPECT_EQ(settings->number("port"), 8080);
  EXPECT_EQ(settings->text("bind"), "10.0.0.1");
  EXPECT_EQ(settings->number("slots"), 7);
  EXPECT_EQ(settings->number("shutdown_timeout"), 90000);
  EXPECT_EQ(settings->text("autoload_directory"), "/zips");
  EXPECT_EQ(settings->text("log_level"), "warn");
  EXPECT_EQ(settings->source("slots"), SettingSource::file);
  const std::vector<std::pair<std::string, std::string>> expected = {{"A", "b"}, {"N", "5"}};
  EXPECT_EQ(settings->process_environment(), expected);
  EXPECT_TRUE(settings->warnings().empty());
}

TEST_F(TerasliceConfigTest, KeysWithoutACounterpartAreNamedOnce) {
  write_file(
      "teraslice:\n  slicer_allocation_attempts: 3\n  wrokers: 3\n  master: false\nterafoundation:\n  connectors: "
      "{}\n");
  const auto settings = resolve_settings(layers_);
  ASSERT_TRUE(settings) << settings.error().message;
  ASSERT_EQ(settings->warnings().size(), 4U);
  EXPECT_THAT(settings->warnings()[0], HasSubstr("teraslice.slicer_allocation_attempts: has no meaning here: "));
  EXPECT_THAT(settings->warnings()[1], HasSubstr("teraslice.wrokers: unknown key; did you mean 'workers'?"));
  EXPECT_THAT(settings->warnings()[2], HasSubstr("teraslice.master: this command starts a master all the same"));
  EXPECT_THAT(settings->warnings()[3], HasSubstr("terafoundation.connectors: has no meaning here: "));
}

TEST_F(TerasliceConfigTest, ValuesOfATeraslicesConfigurationAreChecked) {
  write_file("teraslice:\n  workers: many\n");
  EXPECT_THAT(error().message, HasSubstr("teraslice.workers: 'many' is not an integer"));
  write_file("teraslice: 5\n");
  EXPECT_THAT(error().message, HasSubstr("teraslice: expected lines of the form"));
  write_file("teraslice:\n  env_vars: {A: ''}\n");
  EXPECT_THAT(error().message, HasSubstr("teraslice.env_vars.A: a variable needs"));
}

TEST_F(TerasliceConfigTest, TheEnvironmentMayNameTheFile) {
  write_file("teraslice:\n  port: 80\nport: 81\n");
  layers_.environment["TERAFOUNDATION_CONFIG"] = std::exchange(layers_.file, "");
  auto settings = resolve_settings(layers_);
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->number("port"), 81) << "a setting of ours goes before";
  layers_.environment["SLICEMILL_CONFIG"] = "/no/such/file";
  EXPECT_THAT(error().message, HasSubstr("/no/such/file")) << "it goes before TERAFOUNDATION_CONFIG";
}

TEST_F(TerasliceConfigTest, WithoutItsMapperItsRootsAreUnknownKeys) {
  layers_.foreign = nullptr;
  write_file("teraslice:\n  workers: 3\n");
  EXPECT_THAT(error().message, HasSubstr("unknown key 'teraslice'"));
}

TEST_F(TerasliceConfigTest, OwnEnvironmentHoldsTheVariableThatNamesTheFile) {
  setenv("TERAFOUNDATION_CONFIG", "/f", 1);
  const Environment without = own_environment();
  const Environment with = own_environment(&foreign_config());
  unsetenv("TERAFOUNDATION_CONFIG");
  EXPECT_FALSE(without.contains("TERAFOUNDATION_CONFIG"));
  EXPECT_EQ(with.at("TERAFOUNDATION_CONFIG"), "/f");
}

TEST_F(TerasliceConfigTest, TheMappingIsDocumented) {
  expect_page_part("teraslice.md", "configuration", render_config_table());
}

}  // namespace
}  // namespace slicemill::api::teraslice
