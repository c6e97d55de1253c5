#include "master/assets/bundled_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace slicemill::master {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(BundledScript, OperationsOfTheObjectThatIsExported) {
  const auto readable = bundled_operations(R"(
    // ASSETS = { no: { Processor: x } }, in a comment that a reader of the text may take for one
    import { a } from "./a.js";
    const unrelated = { ASSETS_OF: 1, other: { Processor: a } };
    export const ASSETS = {
      file_reader: { Fetcher: FileFetcher, Slicer: FileSlicer, Schema: FileSchema },
      'key_router': { Processor: class { text() { return `}, ${ {b: "}"} }`; } }, Schema },
      "s3-api": { API: s3, Schema: "a\"}{" } /* , gone: { Processor: x } */,
      not_one: { Schema: x },
      ...more,
      [computed]: { Processor: x },
      call: make({ Processor: 1 }),
      _private: { Processor: x },
      watcher: { Observer: w },
    };
  )");
  EXPECT_THAT(readable, testing::IsSupersetOf({"file_reader", "key_router", "s3-api", "watcher"}));
  EXPECT_THAT(readable, testing::Not(testing::Contains("not_one")));
  EXPECT_THAT(readable, testing::Not(testing::Contains("_private")));
  EXPECT_THAT(readable, testing::Not(testing::Contains("call")));
  EXPECT_THAT(readable, testing::Not(testing::Contains("gone")));
}

TEST(BundledScript, FormsThatCompilersMakeOfIt) {
  const char* literal = R"({drop_property:{Processor:a,Schema:b},"x":{Slicer:a,Fetcher:c}})";
  for (const std::string& script : {
           std::string("exports.ASSETS = void 0;\nexports.ASSETS = ") + literal + ";",
           std::string("module.exports={ASSETS:") + literal + "}",
           std::string("export default { \"ASSETS\" : ") + literal + " };",
           std::string("__export(src_exports, { ASSETS: () => ASSETS });\nvar ASSETS = ") + literal + ";",
           std::string("var q={};e(q,{ASSETS:()=>a});var a={unrelated:1};function f(){var a={};}a=") + literal,
           std::string("var s=") + literal + ";export{s as ASSETS,t as other};",
           std::string(
               "const parts={Processor:a},y={Fetcher:1,Slicer:2};export const ASSETS={drop_property:parts,x:y}"),
           std::string(
               "const drop_property={Processor:a},x={Fetcher:1,Slicer:2};export const ASSETS={drop_property,x}"),
       })
    EXPECT_THAT(bundled_operations(script), ElementsAre("drop_property", "x")) << script;
}

TEST(BundledScript, WhatExportsNothingOffersNothing) {
  for (const char* script :
       {"", "ASSETS", "ASSETS = ", "ASSETS = {", "ASSETS = {a: {Processor", "ASSETS == {a: {Processor: 1}}",
        "const ASSETS = {logo: 'x.png', sound: {file: 'y'}};", "ASSETS: () => ", "x as ASSETS", "\"ASSETS",
        "MY_ASSETS = {a: {Processor: 1}}", "ASSETS = {a: `${`${", "ASSETS = /* {a: {Processor: 1}}"})
    EXPECT_THAT(bundled_operations(script), IsEmpty()) << script;
}

TEST(BundledScript, AScriptThatIsMadeToBeSlowIsGivenUp) {
  std::string names = "ASSETS={";
  for (int i = 0; i < 9'000; ++i) names += "m" + std::to_string(i) + ":n,";
  names += "};";
  while (names.size() < (8u << 20)) names += "n={a:1};";
  std::string nested = "ASSETS={a:";
  for (int i = 0; i < 200'000; ++i) nested += "`${";
  const auto began = std::chrono::steady_clock::now();
  EXPECT_THAT(bundled_operations(names), IsEmpty());
  EXPECT_THAT(bundled_operations(nested), IsEmpty());
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(30));
}

}  // namespace
}  // namespace slicemill::master
