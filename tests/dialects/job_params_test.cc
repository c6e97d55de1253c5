#include "api/dialects/teraslice/job/job_params.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "api/dialects/teraslice/job/teraslice_job.h"
#include "tests/fakes/operation_table.h"

namespace slicemill::api::teraslice {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ParamsCatalog final : public OperationTable {
 public:
  ParamsCatalog() {
    add("source", OperationKind::reader,
        {{.name = "path", .type = OptionType::text, .required = true, .is_path = true},
         {.name = "size", .type = OptionType::bytes, .default_value = 10},
         {.name = "count", .type = OptionType::integer},
         {.name = "whole", .type = OptionType::boolean},
         {.name = "since", .type = OptionType::any, .date = DateUse::from},
         {.name = "until", .type = OptionType::any, .date = DateUse::until}});
    add("keep", OperationKind::processor, {{.name = "value", .type = OptionType::any}});
    add("program", OperationKind::processor,
        {{.name = "args", .type = OptionType::text_list, .is_code = true}, {.name = "note", .type = OptionType::text}});
    add("target", OperationKind::sender, {{.name = "path", .type = OptionType::text, .is_path = true}});
  }
};

constexpr WallMs kNow = 1'796'040'000'000;  // 2026-11-30T12:00:00Z

Json params_job(const Json& reader, const Json& processor = {{"_op", "keep"}}) {
  Json source = {{"_op", "source"}, {"path", "/in"}};
  source.update(reader);
  return {{"name", "n"}, {"operations", Json::array({source, processor, Json{{"_op", "target"}, {"path", "/out"}}})}};
}

Result<ValidatedJob> validate_params(const Json& job, const ParamRules& params = {.of_file = true}) {
  static const ParamsCatalog catalog;
  return validate_job(job, catalog, {.paths = {false, "/base"}, .params = params, .now = kNow});
}

Json resolve_with(const Json& job, const ParamRules& params = {.of_file = true}) {
  const auto result = validate_params(job, params);
  EXPECT_TRUE(result) << result.error().message;
  return result ? result->document : Json::object();
}

std::string params_failure(const Json& job, const ParamRules& params = {.of_file = true}) {
  const auto result = validate_params(job, params);
  EXPECT_FALSE(result);
  return result ? "" : result.error().message;
}

std::string params_path(const std::string& text, const Json& given) {
  return resolve_with(params_job({{"path", text}}), {.given = given}).at("operations")[0].at("path");
}

TEST(JobParams, StandForTheirValues) {
  const Json given = {{"DAY", "2026-11-30"}};
  EXPECT_EQ(params_path("/in/${DAY}.ldjson", given), "/in/2026-11-30.ldjson");
  const Json all = {{"A", "1"}, {"_b2", ""}};
  EXPECT_EQ(params_path("/${A}${A}-${_b2}${C:-c:-}d", all), "/11-c:-d");
  EXPECT_EQ(params_path("/${_b2:-empty}", {{"_b2", ""}}), "/empty") << "as in a shell";
  EXPECT_EQ(params_path("/${C:-}x", {{"C", nullptr}}), "/x");
  EXPECT_EQ(params_path("/$${A}/${A}/$A/$$/{A}/$${", {{"A", "1"}}), "/${A}/1/$A/$$/{A}/${");
}

TEST(JobParams, ComeFromWhatIsNearest) {
  const Json job = params_job({{"path", "/${A:-inline}"}});
  Json declared = job;
  declared["params"] = {{"A", "declared"}};
  const auto path = [](const Json& config) { return config.at("operations")[0].at("path"); };
  EXPECT_EQ(path(resolve_with(job)), "/inline");
  EXPECT_EQ(path(resolve_with(declared)), "/declared");
  EXPECT_EQ(path(resolve_with(declared, {.earlier = {{"A", "earlier"}}})), "/earlier");
  EXPECT_EQ(path(resolve_with(declared, {.given = {{"A", "given"}}, .earlier = {{"A", "earlier"}}})), "/given");
  const Json config = resolve_with(declared, {.given = {{"A", "given"}}, .earlier = {{"B", "of another job"}}});
  EXPECT_EQ(config.at("params"), Json({{"A", "given"}}));
  EXPECT_EQ(config.at("params_given"), Json({{"A", "given"}}));
  EXPECT_EQ(resolve_with(job).at("params"), Json({{"A", "inline"}}));
  EXPECT_FALSE(resolve_with(declared).contains("params_given"));
}

TEST(JobParams, AValueCannotChangeWhatAJobConsistsOf) {
  const std::string value = "\"}],\"x\":1,\n${A}";
  const Json config = resolve_with(params_job({{"path", "/${A}"}}), {.given = {{"A", value}}});
  EXPECT_EQ(config.at("operations")[0].at("path"), "/" + value) << "nor is it looked at again";
}

TEST(JobParams, AreWhatTheOptionWants) {
  const Json given = {{"S", "10MB"}, {"N", "5"}, {"B", "true"}};
  const Json reader =
      resolve_with(params_job({{"size", "${S}"}, {"count", "${N}"}, {"whole", "${B}"}}), {.given = given})
          .at("operations")[0];
  EXPECT_EQ(reader.at("size"), 10'000'000);
  EXPECT_EQ(reader.at("count"), 5);
  EXPECT_EQ(reader.at("whole"), true);
  const auto value = [](const char* text) {
    const Json job = params_job(Json::object(), {{"_op", "keep"}, {"value", "${V}"}});
    return resolve_with(job, {.given = {{"V", text}}}).at("operations")[1].at("value");
  };
  EXPECT_EQ(value("500"), 500);
  EXPECT_EQ(value("false"), false);
  EXPECT_EQ(value("\"500\""), "500");
  EXPECT_EQ(value("007"), "007");
  EXPECT_EQ(value("a"), "a");
  EXPECT_EQ(value("[1]"), "[1]");
  const Json workers = {{"workers", "${W}"}, {"max_retries", "${R}"}};
  Json job = params_job(Json::object());
  job.update(workers);
  const Json config = resolve_with(job, {.given = {{"W", "3"}, {"R", 2}}});
  EXPECT_EQ(config.at("workers"), 3);
  EXPECT_EQ(config.at("max_retries"), 2);
}

TEST(JobParams, WithoutAValueAreErrorsWithTheirPlace) {
  const std::string unset = params_failure(params_job({{"path", "/in/${DAY}"}}));
  EXPECT_THAT(unset, HasSubstr("operations[0].path: ${DAY} has no value"));
  EXPECT_THAT(unset, HasSubstr("--set DAY=..."));
  EXPECT_THAT(unset, HasSubstr("$${DAY}")) << "how to write it literally";
  EXPECT_THAT(params_failure(params_job(Json::object(), {{"_op", "keep"}, {"value", {{"a", {"x", "${B}"}}}}})),
              HasSubstr("operations[1].value.a[1]: ${B} has no value"));
  Json job = params_job(Json::object());
  job["params"] = {{"DAY", nullptr}};
  job["name"] = "of ${DAY}";
  EXPECT_THAT(params_failure(job), HasSubstr("name: ${DAY} has no value"));
}

TEST(JobParams, WhatIsNoneIsRefused) {
  for (const char* text : {"/${}", "/${a-b}", "/${1}", "/${a b}", "/${A", "/${a.b}"})
    EXPECT_THAT(params_failure(params_job({{"path", text}})), HasSubstr("operations[0].path: ")) << text;
  EXPECT_THAT(params_failure(params_job({{"path", "/${DAY}"}}), {.given = {{"DAY", "1"}, {"DYA", "2"}}}),
              HasSubstr("params.DYA: the job has no ${DYA}; did you mean DAY?"));
  for (const auto& [params, words] :
       {std::pair(Json(5), "params: must be an object"), std::pair(Json{{"a-b", 1}}, "\"a-b\" is no name"),
        std::pair(Json{{"A", Json::array()}}, "params.A: must be a text")}) {
    Json job = params_job(Json::object());
    job["params"] = params;
    EXPECT_THAT(params_failure(job), HasSubstr(words));
  }
}

TEST(JobParams, AJobThatDeclaresNoneKeepsItsTexts) {
  const Json program = {{"_op", "program"}, {"args", {"-c", "echo ${HOME} ${x%.gz}"}}, {"note", "${NOTE:-n}"}};
  const Json job = params_job({{"path", "/${A:-a}"}}, program);
  // In a file: all but programs and their arguments.
  const auto of_file = validate_params(job);
  ASSERT_TRUE(of_file) << of_file.error().message;
  EXPECT_EQ(of_file->document["operations"][1]["args"][1], "echo ${HOME} ${x%.gz}");
  EXPECT_EQ(of_file->document["operations"][1]["note"], "n");
  ASSERT_THAT(of_file->warnings, SizeIs(1));
  EXPECT_THAT(to_text(of_file->warnings[0]), HasSubstr("operations[1]: program: ${HOME} stays as it is"));
  EXPECT_EQ(of_file->warnings[0].field, "args");
  // Posted: only paths.
  const auto posted = validate_params(job, {});
  ASSERT_TRUE(posted) << posted.error().message;
  EXPECT_EQ(posted->document["operations"][0]["path"], "/a");
  EXPECT_EQ(posted->document["operations"][1]["note"], "${NOTE:-n}");
  EXPECT_THAT(posted->warnings, SizeIs(2));
  EXPECT_THAT(params_failure(params_job({{"path", "/${A}"}}), {}), HasSubstr("operations[0].path: ${A} has no value"));
  // One that declares some, or is given some, has them everywhere.
  Json declared = job;
  declared["params"] = Json::object();
  EXPECT_THAT(params_failure(declared, {}), HasSubstr("operations[1].args[1]: ${HOME} has no value"));
  EXPECT_THAT(params_failure(job, {.given = {{"A", 1}}}), HasSubstr("operations[1].args[1]: ${HOME} has no value"));
}

TEST(JobParams, AJobThatIsNotStartedNeedsNoValues) {
  Json job = params_job({{"path", "${DIR}/x"}, {"count", "${N}"}});
  job["params"] = {{"DIR", nullptr}};
  job["workers"] = "${N}";
  const auto stored = validate_params(job, {.may_be_unset = true});
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_THAT(stored->warnings, SizeIs(3));
  EXPECT_THAT(stored->warnings[0].description, HasSubstr("operations[0].path has a parameter without a value"));
  job["operations"][1]["_op"] = "nowhere";
  EXPECT_THAT(params_failure(job, {.may_be_unset = true}), HasSubstr("nowhere")) << "the rest is judged";
}

TEST(JobParams, AResolvedJobStaysAsItIs) {
  const Json config = resolve_with(params_job({{"path", "/$${A}/${B}"}}), {.given = {{"B", "b"}}});
  const Json again = resolve_with(without_params(config), {});
  EXPECT_EQ(again.at("operations"), config.at("operations"));
  EXPECT_FALSE(again.contains("params"));
}

TEST(JobParams, WhatAnExecutionWasStartedWithIsNotAJobs) {
  Json job = params_job(Json::object());
  job["now"] = "2020-01-01T00:00:00.000Z";
  job["params_given"] = {{"A", "1"}};
  const Json config = resolve_with(job);
  EXPECT_FALSE(config.contains("now") || config.contains("params_given"));
}

TEST(JobParams, AJobWithoutAnyIsNotTouched) {
  static const ParamsCatalog catalog;
  EXPECT_FALSE(resolve_params(params_job(Json::object()), catalog, {.of_file = true}));
  EXPECT_FALSE(resolve_params(Json(5), catalog, {.of_file = true}));
}

TEST(JobDates, CountFromTheGivenMoment) {
  const auto since = [](const char* text, const char* option = "since") {
    const Json config = resolve_with(params_job({{option, text}}));
    EXPECT_EQ(config.contains("now"), config["operations"][0][option] != text) << text;
    return config["operations"][0][option].get<std::string>();
  };
  EXPECT_EQ(since("now"), "2026-11-30T12:00:00.000Z");
  EXPECT_EQ(since("now-1d"), "2026-11-29T12:00:00.000Z");
  EXPECT_EQ(since("now-90m/h"), "2026-11-30T10:00:00.000Z");
  EXPECT_EQ(since("now-90m/h", "until"), "2026-11-30T10:59:59.999Z") << "the end of the period";
  EXPECT_EQ(since("today"), "2026-11-30T00:00:00.000Z");
  EXPECT_EQ(since("yesterday", "until"), "2026-11-29T23:59:59.999Z");
  EXPECT_EQ(since("today-1M/M"), "2026-10-01T00:00:00.000Z");
  EXPECT_EQ(since("tomorrow+1w"), "2026-12-08T00:00:00.000Z");
  for (const char* text : {"nowhere", "2026-11-30", "todays", "", "Now"}) EXPECT_EQ(since(text), text);
  EXPECT_EQ(resolve_with(params_job({{"since", "now"}})).at("now"), "2026-11-30T12:00:00.000Z");
  EXPECT_EQ(validate_params(params_job({{"since", "now"}}))->spec.now, kNow);
  EXPECT_EQ(validate_params(params_job(Json::object()))->spec.now, 0);
  for (const char* text : {"now-1x", "now-", "now/q", "today+d", "now-1d1"})
    EXPECT_THAT(params_failure(params_job({{"since", text}})), HasSubstr(std::string("operations[0].since: \"") + text))
        << text;
}

TEST(JobDates, MayComeFromParameters) {
  EXPECT_EQ(resolve_with(params_job({{"since", "${SINCE:-now-1d}"}}))["operations"][0]["since"],
            "2026-11-29T12:00:00.000Z");
}

}  // namespace
}  // namespace slicemill::api::teraslice
