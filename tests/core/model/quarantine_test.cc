#include "core/model/quarantine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slicemill {
namespace {

using testing::HasSubstr;

TEST(RedrivenRequest, ComesBackAsItWas) {
  const RedrivenRequest request{{2, "script"}, {{"/in/a.ldjson: byte 5", std::string("\xff\0{", 3)}, {"", ""}}};
  const std::string text = to_text(request);
  EXPECT_TRUE(is_redriven_request(text));
  EXPECT_EQ(*parse_redriven_request(text), request);
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
