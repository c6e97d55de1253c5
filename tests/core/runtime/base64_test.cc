#include "core/runtime/base64.h"

#include <gtest/gtest.h>

namespace slicemill {
namespace {

TEST(Base64, TheStandardsExamplesBothWays) {
  const std::pair<const char*, const char*> kExamples[] = {{"", ""},
                                                           {"f", "Zg=="},
                                                           {"fo", "Zm8="},
                                                           {"foo", "Zm9v"},
                                                           {"foob", "Zm9vYg=="},
                                                           {"fooba", "Zm9vYmE="},
                                                           {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : kExamples) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(*from_base64(text), bytes);
  }
}

TEST(Base64, EveryByteComesBack) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  for (int cut = 0; cut < 4; ++cut) EXPECT_EQ(*from_base64(to_base64(bytes.substr(cut))), bytes.substr(cut));
}

TEST(Base64, WhatNoEncoderWritesIsRefused) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "====", "Z===", "Zm9v!m9v", "Zm=v", "Zg==Zg==", "Zh==", "Zm9="})
    EXPECT_FALSE(from_base64(text)) << text;
}

}  // namespace
}  // namespace slicemill
