// Ids, manifests and references of bundles.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/dialects/teraslice/asset_manifest.h"
#include "master/assets/asset_digest.h"
#include "master/assets/asset_references.h"

namespace slicemill::master {
namespace {

using testing::HasSubstr;

std::string digest(std::string_view bytes, std::size_t piece) {
  AssetDigest digest;
  for (std::size_t at = 0; at < bytes.size(); at += piece) digest.add(bytes.substr(at, piece));
  return digest.finish();
}

TEST(AssetDigest, IsTheSameHoweverTheBytesArrive) {
  EXPECT_EQ(digest("", 1), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  const std::string bytes = "PK\x03\x04 some bytes of a bundle, no multiple of three";
  const auto whole = digest(bytes, bytes.size());
  for (std::size_t piece = 1; piece < 9; ++piece) EXPECT_EQ(digest(bytes, piece), whole) << piece;
  // SHA-1 of "YWJj", the base64 text of "abc".
  EXPECT_EQ(digest("abc", 2), "d8bce9746547bb7743e5933fbf0fc4f2d2cbcad3");
}

TEST(AssetManifest, RestrictionsThatSayNothingAreAbsent) {
  const auto manifest = api::teraslice::parse_manifest(
      R"({"name":"a","version":"v1.2.3","node_version":false,"platform":"","arch":null,"description":"d"})");
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->version, "1.2.3");
  EXPECT_EQ(manifest->node_version, std::nullopt);
  EXPECT_TRUE(is_for_this_machine(*manifest));
  EXPECT_EQ(describe_identity(*manifest), R"(name:"a" AND version:"1.2.3")");
  EXPECT_EQ(*api::teraslice::parse_manifest(R"({"name":"a","version":"1.0.0","node_version":"v18.2"})")->node_version,
            18);
  EXPECT_TRUE(
      is_for_this_machine(*api::teraslice::parse_manifest(R"({"name":"a","version":"1.0.0","node_version":99})")));
  EXPECT_FALSE(
      is_for_this_machine(*api::teraslice::parse_manifest(R"({"name":"a","version":"1.0.0","platform":"darwin"})")));
  for (const char* bad : {"[]", "{", R"({"name":5,"version":"1.0.0"})", R"({"name":"a/b","version":"1.0.0"})",
                          R"({"name":"a","version":"1.0.0","arch":5})", R"({"name":"a","version":1})"})
    EXPECT_FALSE(api::teraslice::parse_manifest(bad)) << bad;
}

StoredAsset stored(const std::string& id, const std::string& version, std::int64_t node = 0) {
  StoredAsset asset;
  asset.id = std::string(39, 'a') + id;
  asset.manifest.name = "ex1";
  asset.manifest.version = version;
  if (node > 0) asset.manifest.node_version = node;
  return asset;
}

TEST(AssetReferences, TheHighestThatFitsAndIsForThisMachine) {
  std::vector<StoredAsset> assets = {stored("1", "0.9.0"),       stored("2", "1.2.0"),     stored("3", "1.10.0"),
                                     stored("4", "1.11.0-rc.1"), stored("5", "2.0.0", 99), stored("6", "3.0.0")};
  assets[5].manifest.platform = "darwin";
  const auto version = [&](std::string_view reference) {
    const auto bundle = resolve_asset(reference, assets);
    return bundle ? bundle->version : bundle.error().message;
  };
  EXPECT_EQ(version("ex1"), "2.0.0") << "whatever version of Node wants";
  EXPECT_EQ(version("ex1:latest"), "2.0.0");
  EXPECT_EQ(version("ex1:1.x"), "1.11.0-rc.1");
  EXPECT_EQ(version("ex1:^3"), "3.0.0") << "for another machine: better than none";
  EXPECT_EQ(version("ex1:1.2.x"), "1.2.0");
  EXPECT_EQ(version("ex1:>=1 <1.11.0-0"), "1.10.0");
  EXPECT_EQ(version("ex1:0.9.0"), "0.9.0");
  EXPECT_EQ(version(assets[4].id), "2.0.0") << "an id is an id";
  EXPECT_THAT(version("ex1:^4"), HasSubstr("No assets found for \"ex1:^4\"; there is ex1: 0.9.0, 1.2.0, 1.10.0, "
                                           "1.11.0-rc.1, 2.0.0, 3.0.0"));
  EXPECT_THAT(version("ex2"), HasSubstr("did you mean \"ex1\"?"));
  EXPECT_THAT(version("ex1:one"), HasSubstr("Invalid version range \"one\""));
}

}  // namespace
}  // namespace slicemill::master
