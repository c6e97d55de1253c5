#include "core/model/quarantine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/model/record_metadata.h"

namespace slicemill {
namespace {

using testing::HasSubstr;

TEST(RedrivenRequest, ComesBackAsItWas) {
  const RedrivenRequest request{{2, "script"}, {{"/in/a.ldjson: byte 5", std::string("\xff\0{", 3)}, {"", ""}}};
  const RedrivenRequest known{{2, "script"}, {{"", "x", to_text({.key = "k", .route = "r"})}, {"", "y"}}};
  EXPECT_EQ(*parse_redriven_request(to_text(known)), known);
  const std::string text = to_text(request);
  EXPECT_TRUE(is_redriven_request(text));
  EXPECT_EQ(*parse_redriven_request(text), request);
}

TEST(RecordMetadata, ComesBackFromItsText) {
  for (const RecordMetadata metadata : {RecordMetadata{}, {.key = "\"k\xc3\xa4"}, {.key = "k", .route = "2026/11"}}) {
    const auto stored = parse_metadata(to_text(metadata));
    ASSERT_TRUE(stored);
    EXPECT_EQ((RecordMetadata{stored->key, stored->route}), metadata);
  }
  EXPECT_EQ(to_text(RecordMetadata{}), "");
  EXPECT_FALSE(parse_metadata("[]"));
  EXPECT_FALSE(parse_metadata(R"({"key":1})"));
  EXPECT_FALSE(parse_metadata("{"));
}

TEST(RedrivenRequest, OthersAreNone) {
  EXPECT_FALSE(is_redriven_request(R"({"path":"/in","offset":0})"));
  EXPECT_FALSE(is_redriven_request(""));
  for (const char* text : {"", "{", R"({"redriven":1})", R"({"redriven":{"entry":1,"operation":""}})",
                           R"({"redriven":{"entry":1,"operation":"","records":[{"place":"x","bytes":"!"}]}})"}) {
    const auto parsed = parse_redriven_request(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_FALSE(parsed.error().retryable);
    EXPECT_THAT(parsed.error().message, HasSubstr("slice request of redriven records"));
  }
}

}  // namespace
}  // namespace slicemill
