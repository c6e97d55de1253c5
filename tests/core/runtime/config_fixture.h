// Settings that a test resolves from a file, flags and an environment of its own.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "core/runtime/config.h"

namespace slicemill {

class ConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/slicemill-config-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    layers_.environment = {{"HOME", "/home/somebody"}};
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void write_file(const std::string& text) {
    layers_.file = directory_ + "/slicemill.yaml";
    std::ofstream(layers_.file) << text;
  }

  Error error() {
    const auto settings = resolve_settings(layers_);
    EXPECT_FALSE(settings.has_value());
    return settings ? Error() : settings.error();
  }

  std::string directory_;
  SettingLayers layers_;
};

}  // namespace slicemill
