#include "core/runtime/decimal.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace slicemill {
namespace {

TEST(Decimal, ComparesByValue) {
  const std::vector<std::vector<std::string>> rising = {{"-1e400"},
                                                        {"-9007199254740993", "-9007199254740993.000"},
                                                        {"-9007199254740992.5"},
                                                        {"-1e-400"},
                                                        {"0", "-0", "0.00", "0e99999999999999999999"},
                                                        {"1e-400"},
                                                        {"0.1", "0.10", "1e-1", "10E-2"},
                                                        {"0.10000000000000000001"},
                                                        {"1", "1.0", "1e0", "0.001e+3"},
                                                        {"100000000000000000001"},
                                                        {"100000000000000000002", "1.00000000000000000002e20"},
                                                        {"1e400"},
                                                        {"1e99999999999999999"}};
  for (std::size_t i = 0; i < rising.size(); ++i) {
    for (std::size_t j = 0; j < rising.size(); ++j) {
      for (const auto& a : rising[i]) {
        for (const auto& b : rising[j])
          EXPECT_EQ(Decimal::of(a)->compare(*Decimal::of(b)), i < j ? -1 : i > j ? 1 : 0) << a << " and " << b;
      }
    }
  }
  EXPECT_FALSE(Decimal::of("1e100000000000000000"));
}

TEST(Decimal, LosesItsFraction) {
  for (const auto& [number, whole] : {std::pair{"12.9", "12"},
                                      {"-3.9", "-3"},
                                      {"1e3", "1000"},
                                      {"0.5", "0"},
                                      {"-0.5", "0"},
                                      {"1234567890123456789.0", "1234567890123456789"},
                                      {"12.5e1", "125"},
                                      {"81997179153022975.00", "81997179153022975"},
                                      {"99e-1", "9"}}) {
    const auto decimal = Decimal::of(number);
    std::string out(decimal->integer_size(), '\0');
    EXPECT_EQ(decimal->write_integer(out.data()), out.data() + out.size()) << number;
    EXPECT_EQ(out, whole) << number;
  }
}

TEST(Decimal, SaysWhatADoubleKeeps) {
  for (const auto* kept :
       {"0.1", "1.5e300", "100000000000000000000", "-0.0", "123456789012345", "1e5", "9007199254740992"})
    EXPECT_TRUE(is_kept_by_double(kept)) << kept;
  for (const auto* lost : {"100000000000000000001", "0.10000000000000000001", "1e400", "1e-400", "9007199254740993"})
    EXPECT_FALSE(is_kept_by_double(lost)) << lost;
}

}  // namespace
}  // namespace slicemill
