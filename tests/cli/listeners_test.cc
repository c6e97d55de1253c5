#include "cli/listeners.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slicemill::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Result<std::vector<Listener>> listeners_of(std::vector<std::string> words) {
  return parse_listeners(words, "127.0.0.1", 5678);
}

TEST(Listeners, NamePortsAndAddresses) {
  EXPECT_THAT(*listeners_of({}), IsEmpty());
  EXPECT_THAT(*listeners_of({"amp@1610", "teraslice@0.0.0.0:0", "amp@[::1]:65535"}),
              ElementsAre(Listener{"amp", "127.0.0.1", 1610}, Listener{"teraslice", "0.0.0.0", 0},
                          Listener{"amp", "::1", 65535}));
}

TEST(Listeners, AnErrorNamesTheWord) {
  for (const std::string word : {"1610", "amp", "amp@", "amp@x", "amp@65536", "amp@-1", "amp@:1", "tork@8000", "@1"}) {
    const auto listeners = listeners_of({"amp@1", word});
    ASSERT_FALSE(listeners) << word;
    EXPECT_EQ(listeners.error().code, ErrorCode::invalid);
    EXPECT_THAT(listeners.error().message, HasSubstr("listeners: \"" + word + "\": ")) << word;
  }
}

TEST(Listeners, EachHasAPortOfItsOwn) {
  EXPECT_TRUE(listeners_of({"amp@0", "teraslice@0", "amp@0.0.0.0:1610", "teraslice@1610"}));
  const auto twice = listeners_of({"amp@1610", "teraslice@127.0.0.1:1610"});
  ASSERT_FALSE(twice);
  EXPECT_THAT(
      twice.error().message,
      HasSubstr("listeners: \"teraslice@127.0.0.1:1610\": amp is at the root of port 1610 of 127.0.0.1 already"));
  const auto own = listeners_of({"amp@5678"});
  ASSERT_FALSE(own);
  EXPECT_THAT(own.error().message, HasSubstr("the master itself is at the root of port 5678"));
}

TEST(Listeners, HaveUrls) {
  EXPECT_EQ(listening_url("127.0.0.1", 5678), "http://127.0.0.1:5678");
  EXPECT_EQ(listening_url("::1", 1610), "http://[::1]:1610");
}

}  // namespace
}  // namespace slicemill::cli
