#include "core/model/asset_bundle.h"

#include <gtest/gtest.h>

namespace slicemill {
namespace {

const AssetBundle kOne{"aaaa", "ex1", "0.0.1", "ex1:0.0.1", "/assets/aaaa", {"drop_property"}};
const AssetBundle kTwo{"bbbb", "ex1", "0.1.1", "ex1", "/assets/bbbb", {}};

TEST(AssetBundle, ComesBackFromAList) {
  EXPECT_EQ(bundles_from_json(to_json({kOne, kTwo})), (std::vector{kOne, kTwo}));
  EXPECT_TRUE(bundles_from_json(Json::object()).empty());
  EXPECT_TRUE(bundles_from_json(Json::array({5})).empty());
}

TEST(AssetBundle, IsFoundByIdReferenceAndName) {
  const std::vector bundles = {kOne, kTwo};
  EXPECT_EQ(find_bundle(bundles, "bbbb"), kTwo);
  EXPECT_EQ(find_bundle(bundles, "ex1:0.0.1"), kOne);
  EXPECT_EQ(find_bundle(bundles, "ex1"), kTwo) << "a reference as the job wrote it goes before a name";
  EXPECT_EQ(find_bundle({kOne}, "ex1"), kOne);
  EXPECT_EQ(find_bundle(bundles, "ex2"), std::nullopt);
}

}  // namespace
}  // namespace slicemill
