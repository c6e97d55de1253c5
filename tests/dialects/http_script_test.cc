// Runs every script below tests/dialects/<dialect> against that dialect; and checks the runner itself.
#include "tests/dialects/http_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace slicemill {
namespace {

std::vector<std::string> script_paths(const std::string& dialect) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(SLICEMILL_SCRIPTS) + "/" + dialect))
    if (entry.path().extension() == ".http") paths.push_back(entry.path().string());
  std::ranges::sort(paths);
  return paths;
}

std::vector<HttpCase> cases_of(const std::string& path) {
  std::ifstream file(path);
  auto cases = parse_http_script(std::string{std::istreambuf_iterator<char>(file), {}});
  if (cases) return std::move(*cases);
  ADD_FAILURE() << path << ": " << cases.error().message;
  return {};
}

void run_case(const std::string& path, const HttpCase& script, std::string_view prefix) {
  ApiServer api;
  for (const std::string& wrong : run_http_case(script, api, prefix))
    ADD_FAILURE() << path << ":" << script.line << " " << script.name << " (prefix \"" << prefix << "\"): " << wrong;
}

std::string stem_of(const ::testing::TestParamInfo<std::string>& script) {
  return std::filesystem::path(script.param).stem().string();
}

class TerasliceScript : public ::testing::TestWithParam<std::string> {};

TEST_P(TerasliceScript, AnswersAsWritten) {
  for (const HttpCase& script : cases_of(GetParam())) {
    for (std::string_view prefix : {"", "/v1"}) {
      if (!prefix.empty() && (script.target.starts_with("/v1") || script.target.starts_with("/txt"))) continue;
      run_case(GetParam(), script, prefix);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Scripts, TerasliceScript, ::testing::ValuesIn(script_paths("teraslice")), stem_of);

class AmpScript : public ::testing::TestWithParam<std::string> {};

TEST_P(AmpScript, AnswersAsWritten) {
  for (const HttpCase& script : cases_of(GetParam())) run_case(GetParam(), script, "/amp");
}

INSTANTIATE_TEST_SUITE_P(Scripts, AmpScript, ::testing::ValuesIn(script_paths("amp")), stem_of);

TEST(HttpScript, SeesEveryKindOfDifference) {
  auto cases = parse_http_script(
      "=== wrong in all ways\n"
      "given get_job {\"job_id\":\"j1\",\"workers\":1}\n"
      "GET /jobs/j1\n"
      "--- 201\n"
      "Content-Type: text/plain\n"
      "{\"workers\": 2}\n"
      "exactly\n"
      "{}\n"
      "called get_job {\"job_id\":\"j2\"}\n"
      "called stop {}\n"
      "not called get_job\n");
  ASSERT_TRUE(cases);
  ASSERT_EQ(cases->size(), 1u);
  ApiServer api;
  EXPECT_EQ(run_http_case(cases->front(), api, "").size(), 7u);
}

TEST(HttpScript, NamesTheLineThatItCannotRead) {
  for (auto [text, message] : {std::pair("# nothing", "line 2: a script has at least one case"),
                               std::pair("=== a\nGET /\n", "line 4: expected --- STATUS"),
                               std::pair("=== a\nGET /\n--- abc\n", "line 3: expected --- STATUS"),
                               std::pair("=== a\nGET /\n--- 200\nwhat\n", "line 4: not an expectation")}) {
    auto parsed = parse_http_script(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().message, message);
  }
}

TEST(JsonDifference, AllowsMoreMembersButNoOtherValues) {
  Json actual = {{"a", 1}, {"b", {{{"c", 2}, {"d", 3}}}}};
  EXPECT_EQ(json_difference({{"b", {{{"c", 2}}}}}, actual), "");
  EXPECT_EQ(json_difference({{"b", {{{"c", 3}}}}}, actual), "at /b/0/c: expected 3, got 2");
  EXPECT_EQ(json_difference({{"z", 1}}, actual), "at /z: missing");
  EXPECT_EQ(json_difference({{"b", Json::array()}}, actual), "at /b: expected [], got [{\"c\":2,\"d\":3}]");
}

}  // namespace
}  // namespace slicemill
