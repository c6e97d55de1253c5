#include "cli/execution_settings.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace slicemill::cli {
namespace {

// Names and defaults stand in two places (the table cannot see the model): this holds them together.
TEST(ExecutionSettings, TheTableHasEachWithItsDefault) {
  const auto settings = resolve_settings({.flags = {{"data", "/d"}}, .environment = {}, .file = ""});
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(to_json(execution_settings(*settings)), to_json(ExecutionSettings{}));
}

TEST(ExecutionSettings, EachComesFromTheTable) {
  SettingLayers layers{.flags = {{"data", "/d"}}, .environment = {}, .file = ""};
  std::int64_t number = 1001;
  Json expected = to_json(ExecutionSettings{});
  for (const auto& [name, value] : expected.items()) {
    value = number++;
    layers.flags[name] = std::to_string(value.get<std::int64_t>());
  }
  const auto settings = resolve_settings(layers);
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(to_json(execution_settings(*settings)), expected);
}

}  // namespace
}  // namespace slicemill::cli
