#include "api/dialects/teraslice/job/teraslice_job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/dialects/teraslice/teraslice_documents.h"
#include "tests/dialects/small_catalog.h"

namespace slicemill::api::teraslice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

const PathRule kMasterPaths{false, "/base"};

Json good_job() {
  return Json::parse(
      R"({"name":"n","operations":[{"_op":"source","path":"/in"},{"_op":"filter","field":"a"},{"_op":"target"}]})");
}

Result<ValidatedJob> validate(const Json& job, const PathRule& paths = kMasterPaths) {
  return validate_job(job, SmallCatalog(), {.paths = paths});
}

std::string failure(const Json& job, const PathRule& paths = kMasterPaths) {
  const auto result = validate(job, paths);
  if (result) return "";
  EXPECT_EQ(result.error().code, ErrorCode::invalid);
  EXPECT_FALSE(result.error().retryable);
  return result.error().message;
}

std::string failure_with(const std::string& key, const Json& value) {
  auto job = good_job();
  job[key] = value;
  return failure(job);
}

TEST(Job, FillsDefaultsOfTheTopAndOfOperations) {
  const auto job = validate(good_job());
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_THAT(job->warnings, IsEmpty());
  const auto& config = job->document;
  const auto cpus = std::clamp<int>(static_cast<int>(std::thread::hardware_concurrency()), 1, 5);
  EXPECT_EQ(config["lifecycle"], "once");
  EXPECT_EQ(config["workers"], cpus);
  EXPECT_EQ(config["slicers"], 1);
  EXPECT_EQ(config["active"], true);
  EXPECT_EQ(config["analytics"], true);
  EXPECT_EQ(config["assets"], nullptr);
  EXPECT_EQ(config["autorecover"], false);
  EXPECT_EQ(config["max_retries"], 3);
  EXPECT_EQ(config["probation_window"], 300000);
  EXPECT_EQ(config["apis"], Json::array());
  EXPECT_EQ(config["log_level"], nullptr);
  EXPECT_EQ(config["stateful"], false);
  EXPECT_EQ(config["labels"], nullptr);
  EXPECT_EQ(config["env_vars"], Json::object());
  EXPECT_EQ(config["operations"][0],
            Json::parse(R"({"_op":"source","path":"/in","size":10,"_encoding":"json","_dead_letter_action":"throw"})"));
}

TEST(Job, NamesConnectionsThatAreConfiguredAndOfTheRightType) {
  const JobRules rules{.paths = kMasterPaths, .connections = {{"queue", "other"}, {"warehouse", "postgres"}}};
  const auto judged = [&](const Json& connection) {
    Json job = Json::parse(R"({"name":"n","operations":[{"_op":"database"},{"_op":"target"}]})");
    if (!connection.is_null()) job["operations"][0]["_connection"] = connection;
    return validate_job(job, SmallCatalog(), rules);
  };
  const auto good = judged("warehouse");
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_EQ(good->spec.plan.operation(0).options, Json({{kConnectionOption, "warehouse"}}));
  EXPECT_EQ(good->document["operations"][0]["_connection"], "warehouse");
  EXPECT_THAT(judged("queue").error().message,
              HasSubstr("connection \"queue\" is of type other; database needs one of type postgres"));
  for (const char* unknown : {"warehous", "default"})
    EXPECT_THAT(judged(unknown).error().message,
                HasSubstr("is configured; there are \"queue\" (other), \"warehouse\" (postgres)"));
  EXPECT_THAT(judged(Json()).error().message, HasSubstr("a connection of type postgres; there are \"queue\""));
  EXPECT_THAT(judged("").error().message, HasSubstr("a text is required"));
}

TEST(Job, CoercesTopLevelValues) {
  auto posted = good_job();
  posted["workers"] = "3";
  posted["slicers"] = 2.7;
  posted["active"] = "false";
  posted["probation_window"] = "5 minutes";
  posted["max_retries"] = 0;
  posted["operations"][0]["size"] = "20";
  const auto job = validate(posted);
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->document["workers"].dump(), "3");
  EXPECT_EQ(job->document["slicers"].dump(), "2");
  EXPECT_EQ(job->document["active"].dump(), "false");
  EXPECT_EQ(job->document["probation_window"], 300000);
  EXPECT_EQ(job->document["max_retries"], 0);
  EXPECT_EQ(job->document["operations"][0]["size"].dump(), "20");
}

TEST(Job, WordsOfTopLevelIssues) {
  EXPECT_EQ(failure_with("slicers", 0),
            "Validation failed for job config: n - slicers: must be valid integer greater than zero");
  EXPECT_EQ(failure_with("workers", -1),
            "Validation failed for job config: n - workers: must be valid integer greater than zero");
  EXPECT_THAT(failure_with("lifecycle", "forever"), HasSubstr(R"(lifecycle: expected one of "once"|"persistent")"));
  EXPECT_THAT(failure_with("max_retries", "3"), HasSubstr("max_retries: expected number, received string"));
  EXPECT_THAT(failure_with("max_retries", -1), HasSubstr("max_retries: must be a valid integer, zero or greater"));
  EXPECT_THAT(failure_with("name", ""), HasSubstr("name: a text is required"));
  EXPECT_THAT(failure_with("log_level", "loud"), HasSubstr("log_level: expected one of"));
  EXPECT_THAT(failure_with("labels", Json::array({"a"})), HasSubstr("labels: expected object"));
  EXPECT_THAT(failure_with("labels", Json::object({{"a", ""}})),
              HasSubstr("labels.a: must have a name and a non-empty value"));
  EXPECT_THAT(failure_with("env_vars", Json::object({{"A", nullptr}})), HasSubstr("env_vars.A: must have"));
  EXPECT_THAT(failure_with("apis", 5), HasSubstr("apis: must be an array of objects"));
  EXPECT_THAT(failure_with("apis", Json::array({Json::object()})), HasSubstr("apis[0]._name: a text is required"));
  EXPECT_THAT(failure_with("apis", Json::parse(R"([{"_name":"a"},{"_name":"a"}])")),
              HasSubstr(R"(apis[1]._name: "a" is already)"));
}

TEST(Job, ClientsGetTheWordsThatTheyMatchOn) {
  Json job = good_job();
  job["lifecycle"] = "forever";
  job["max_retries"] = "3";
  job["apis"] = Json::array({Json::object()});
  const auto result = validate_job(job, SmallCatalog(), {.paths = kMasterPaths, .issues_for_clients = true});
  ASSERT_FALSE(result);
  const std::string begin = "Validation failed for job config: n - Zod parse error: ";
  ASSERT_THAT(result.error().message, StartsWith(begin));
  EXPECT_EQ(Json::parse(result.error().message.substr(begin.size())), Json::parse(R"([
      {"code": "invalid_value", "path": ["lifecycle"],
       "message": "Invalid option: expected one of \"once\"|\"persistent\""},
      {"code": "invalid_type", "path": ["max_retries"],
       "message": "Invalid input: expected number, received string"},
      {"code": "invalid_type", "path": ["apis", 0, "_name"],
       "message": "This field is required and must be of type string"}])"));
}

TEST(Job, ListsEveryIssueAtOnce) {
  auto job = good_job();
  job["workers"] = 0;
  job["lifecycle"] = "x";
  job["operations"][0]["size"] = 0;
  job["operations"][1].erase("field");
  const auto text = failure(job);
  EXPECT_THAT(text, StartsWith("Validation failed for job config: n - "));
  EXPECT_THAT(text, HasSubstr("lifecycle: "));
  EXPECT_THAT(text, HasSubstr("; workers: "));
  EXPECT_THAT(
      text, HasSubstr("; Validation failed for operation config: source - operations[0].size: must be valid integer"));
  EXPECT_THAT(text, HasSubstr("; Validation failed for operation config: filter - operations[1].field: is required"));
}

TEST(Job, NeedsTwoOperations) {
  const std::string words = "operations: Operations need to be of type array with at least two operations in it";
  EXPECT_THAT(failure(Json::object()), HasSubstr("Validation failed for job config: Custom Job - " + words));
  EXPECT_THAT(failure_with("operations", Json::parse(R"([{"_op":"source","path":"/in"}])")), HasSubstr(words));
  EXPECT_THAT(failure_with("operations", "source"), HasSubstr(words));
  EXPECT_THAT(failure(Json::array()), HasSubstr("expected object, received array"));
}

TEST(Job, OperationsStandWhereTheyMay) {
  EXPECT_THAT(failure_with("operations", Json::parse(R"([{"_op":"filter","field":"a"},{"_op":"target"}])")),
              HasSubstr(R"(operations[0]: "filter" is a processor; the first operation must be a reader)"));
  EXPECT_THAT(
      failure_with("operations", Json::parse(R"([{"_op":"source","path":"/in"},{"_op":"source","path":"/in"}])")),
      HasSubstr(R"(operations[1]: "source" is a reader; a reader can only be the first operation)"));
  EXPECT_THAT(
      failure_with("operations",
                   Json::parse(R"([{"_op":"source","path":"/in"},{"_op":"target"},{"_op":"filter","field":"a"}])")),
      HasSubstr(R"(operations[1]: "target" is a sender; a sender can only be the last operation)"));
}

TEST(Job, UnknownOperationsAreNamedWithASuggestion) {
  auto job = good_job();
  job["operations"][1]["_op"] = "fliter";
  EXPECT_EQ(failure(job), R"(Unable to find module for operation: fliter (did you mean "filter"?))");
  job["operations"][1]["_op"] = "something_else";
  EXPECT_EQ(failure(job), "Unable to find module for operation: something_else");
  job["operations"][1]["_op"] = "_hidden";
  EXPECT_EQ(failure(job), "Invalid name: _hidden, it is private or otherwise restricted");
  job["operations"][1].erase("_op");
  EXPECT_THAT(
      failure(job),
      StartsWith("Validation failed for operation config: undefined - operations[1]._op: This field is required"));
  job["operations"][1] = 5;
  EXPECT_THAT(failure(job), HasSubstr("operations[1]._op"));
}

TEST(Job, AssetFormsOfOpNameTheOperation) {
  EXPECT_EQ(operation_name("filter"), "filter");
  EXPECT_EQ(operation_name("filter@standard"), "filter");
  EXPECT_EQ(operation_name("filter@standard:1.0.0"), "filter");
  auto posted = good_job();
  posted["operations"][1]["_op"] = "filter@standard:1.0.0";
  posted["assets"] = Json::array({"standard", "other:1.2"});
  const auto job = validate(posted);
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->document["operations"][1]["_op"], "filter");
  EXPECT_EQ(job->document["assets"], Json::array({"standard", "other:1.2"}));
}

TEST(Job, CommonFieldsOfOperations) {
  auto job = good_job();
  job["operations"][1]["_dead_letter_action"] = "log";
  job["operations"][1]["_encoding"] = "raw";
  EXPECT_EQ(failure(job), "");
  job["operations"][1]["_dead_letter_action"] = "quarantine";
  EXPECT_EQ(failure(job), "");
  job["operations"][1]["_dead_letter_action"] = "kafka_dead_letter";
  EXPECT_THAT(failure(job),
              HasSubstr(R"(operations[1]._dead_letter_action: "kafka_dead_letter" is not supported; use "throw")"));
  job["operations"][1].erase("_dead_letter_action");
  job["operations"][1]["_encoding"] = "xml";
  EXPECT_THAT(failure(job), HasSubstr(R"(operations[1]._encoding: expected one of "json"|"raw")"));
}

TEST(Job, ThresholdsOfTheQuarantine) {
  auto job = good_job();
  job["quarantine_max_records"] = 0;
  job["quarantine_max_percent"] = 0.5;
  EXPECT_EQ(failure(job), "");
  EXPECT_FALSE(validate(good_job())->document.contains("quarantine_max_records")) << "documents stay as they were";
  EXPECT_THAT(failure_with("quarantine_max_records", -1), HasSubstr("quarantine_max_records"));
  EXPECT_THAT(failure_with("quarantine_max_percent", -0.1), HasSubstr("quarantine_max_percent"));
  EXPECT_THAT(failure_with("quarantine_max_percent", 100.1), HasSubstr("quarantine_max_percent"));
}

TEST(Job, TheMemoryOfAWorkerHasTwoNamesAndALeast) {
  EXPECT_EQ(validate(good_job())->spec.worker_memory_limit, 0);
  for (const char* name : {"resources_limits_memory", "memory"}) {
    auto job = good_job();
    job[name] = "64MB";
    const auto valid = validate(job);
    ASSERT_TRUE(valid) << valid.error().message;
    EXPECT_EQ(valid->spec.worker_memory_limit, 64'000'000) << name;
    EXPECT_THAT(failure_with(name, 32 * 1024 * 1024 - 1), HasSubstr("must be at least 33554432")) << name;
    EXPECT_EQ(failure_with(name, 32 * 1024 * 1024), "") << name;
    EXPECT_THAT(failure_with(name, "lots"), HasSubstr(name));
    EXPECT_THAT(failure_with(name, Json::array()), HasSubstr(name));
  }
  auto both = good_job();
  both["memory"] = both["resources_limits_memory"] = 100'000'000;
  EXPECT_THAT(failure(both), HasSubstr("cannot be given beside resources_limits_memory"));
}

TEST(Job, SpeculationNeedsOperationsThatMayRunTwice) {
  auto job = good_job();
  job["speculation"] = true;
  EXPECT_EQ(failure(job), "");
  job["operations"][1] = {{"_op", "program"}};
  EXPECT_THAT(failure(job), HasSubstr("speculation"));
  EXPECT_THAT(failure(job), HasSubstr("operations.1: \"program\" must not run twice"));
  job["operations"][1]["repeatable"] = true;
  EXPECT_EQ(failure(job), "");
  job["operations"][2] = {{"_op", "printer"}};
  EXPECT_THAT(failure(job), HasSubstr("operations.2: \"printer\" must not run twice"));
  job["speculation"] = false;
  EXPECT_EQ(failure(job), "");
  EXPECT_THAT(failure_with("speculation_multiplier", 0.5), HasSubstr("must be at least 1"));
  EXPECT_THAT(failure_with("speculation_max_percent", 101), HasSubstr("must be at most 100"));
  EXPECT_THAT(failure_with("speculation_min_runtime", "soon"), HasSubstr("speculation_min_runtime"));
}

TEST(Job, RelativePathsAreRefusedOrResolved) {
  auto posted = good_job();
  posted["operations"][0]["path"] = "./data/*.json";
  posted["operations"][0]["more_path"] = Json::array({"/abs", "rel"});
  const auto text = failure(posted);
  EXPECT_THAT(text,
              HasSubstr(R"(operations[0].path: the path "./data/*.json" is relative; give it as "/base/data/*.json")"));
  EXPECT_THAT(text, HasSubstr(R"(operations[0].more_path: the path "rel" is relative; give it as "/base/rel")"));
  const auto job = validate(posted, {true, "/work"});
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->document["operations"][0]["path"], "/work/data/*.json");
  EXPECT_EQ(job->document["operations"][0]["more_path"], Json::array({"/abs", "/work/rel"}));
}

TEST(Job, UnknownKeysAreKeptWithWarnings) {
  auto posted = good_job();
  posted["worker"] = 2;
  posted["operations"][1]["feild"] = "x";
  const auto job = validate(posted);
  ASSERT_TRUE(job) << job.error().message;
  std::vector<std::string> warnings;
  for (const auto& warning : job->warnings) warnings.push_back(to_text(warning));
  EXPECT_THAT(
      warnings,
      ElementsAre(R"(job: unknown key "worker" is kept but has no effect (did you mean "workers"?))",
                  R"(operations[1]: filter: unknown key "feild" is kept but has no effect (did you mean "field"?))"));
  EXPECT_EQ(job->document["worker"], 2);
  EXPECT_EQ(job->document["operations"][1]["feild"], "x");
}

TEST(Job, DocumentsOfTheServerComeBackWithoutWarnings) {
  auto posted = good_job();
  posted["job_id"] = "j";
  posted["_created"] = "2026-01-01T00:00:00.000Z";
  posted["_context"] = "job";
  posted["warnings"] = Json::array();
  const auto job = validate(posted);
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_THAT(job->warnings, IsEmpty());
  EXPECT_EQ(job->document["job_id"], "j");
}

// What it resolved validates again to the same: executions are made from executions.
TEST(Job, ResolvedConfigIsAFixedPoint) {
  const auto once = validate(good_job());
  ASSERT_TRUE(once);
  const auto twice = validate(once->document);
  ASSERT_TRUE(twice) << twice.error().message;
  EXPECT_EQ(once->document, twice->document);
}

// ---- bundles and apis ----

class TwoBundles final : public AssetCatalog {
 public:
  Result<AssetBundle> resolve(std::string_view reference) const override {
    if (reference == "ex1:0.0.1")
      return AssetBundle{"old", "ex1", "0.0.1", std::string(reference), "/assets/old", {"filter"}};
    if (reference == "ex1" || reference == "ex1:^0.1")
      return AssetBundle{"new", "ex1", "0.1.1", std::string(reference), "/assets/new", {"filter", "special"}};
    return Error(ErrorCode::invalid, "No assets found for \"" + std::string(reference) + "\"");
  }
};

Result<ValidatedJob> validate_with_bundles(const Json& job) {
  static const TwoBundles bundles;
  return validate_job(job, SmallCatalog(), {.paths = kMasterPaths, .assets = &bundles});
}

Json job_with(const Json& assets, const std::string& op) {
  auto job = good_job();
  job["assets"] = assets;
  job["operations"][1]["_op"] = op;
  return job;
}

std::string failure_with_bundles(const Json& job) {
  const auto result = validate_with_bundles(job);
  return result ? "" : result.error().message;
}

TEST(JobAssets, BecomeIdsInTheirOrderEachOnce) {
  const auto job = validate_with_bundles(job_with({"ex1:0.0.1", "ex1:^0.1", "ex1:0.0.1"}, "filter@ex1:0.1.1"));
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->document["assets"], Json::array({"old", "new"}));
  EXPECT_EQ(job->document["operations"][1]["_op"], "filter@new");
  const auto bundles = job->spec.bundles;
  ASSERT_THAT(bundles, SizeIs(2));
  EXPECT_EQ(bundles[1].directory, "/assets/new");
  for (const char* op : {"filter@old", "filter@ex1:0.0.1", "filter@ex1"}) {
    const auto one = validate_with_bundles(job_with({"ex1:0.0.1"}, op));
    ASSERT_TRUE(one) << op;
    EXPECT_EQ(one->document["operations"][1]["_op"], "filter@old") << op;
  }
}

TEST(JobAssets, ErrorsInTheWordsOfTheDialect) {
  EXPECT_EQ(failure_with_bundles(job_with({"nope"}, "filter")), "No assets found for \"nope\"");
  EXPECT_EQ(
      failure_with_bundles(job_with({"ex1:0.0.1", "ex1"}, "filter")),
      "Multiple assets containing the same processor name _op: \"filter\", please specify which specific asset to "
      "use on its name");
  EXPECT_EQ(failure_with_bundles(job_with({"ex1"}, "filter@other:1")),
            "Invalid operation name for _op: filter@other:1, could not find the hashID for asset identifier other:1");
  EXPECT_THAT(
      failure_with_bundles(job_with({"ex1"}, "special")),
      StartsWith("Unable to find module for operation: special (the asset ex1:0.1.1 has it for another runtime"));
  EXPECT_EQ(failure_with_bundles(job_with({"ex1"}, ".hidden")),
            "Invalid name: .hidden, it is private or otherwise restricted");
}

TEST(JobAssets, FilesOfABundleArePaths) {
  auto posted = job_with({"ex1"}, "filter");
  posted["operations"][0]["path"] = "asset:ex1/in/a.json";
  const auto job = validate_with_bundles(posted);
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->document["operations"][0]["path"], "/assets/new/in/a.json");
  posted["operations"][0]["path"] = "asset:ex1/../x";
  EXPECT_THAT(failure_with_bundles(posted), HasSubstr("operations[0].path: \"asset:ex1/../x\" leads out of the asset"));
  posted["operations"][0]["path"] = "asset:other/x";
  EXPECT_THAT(failure_with_bundles(posted), HasSubstr("no asset of the job is called \"other\""));
}

TEST(JobApis, MustBeKnownAndFound) {
  EXPECT_THAT(failure_with("apis", Json::parse(R"([{"_name":"kafka_dead_letter"}])")),
              HasSubstr("Unable to find module for api: kafka_dead_letter"));
  EXPECT_THAT(failure_with("apis", Json::parse(R"([{"_name":"_hidden"}])")),
              HasSubstr("Invalid name: _hidden, it is private or otherwise restricted"));
  auto job = good_job();
  job["operations"][0]["_api_name"] = "file_reader_api";
  EXPECT_EQ(failure(job), "Could not find the associated api for file_reader_api");
}

TEST(Job, IssuesAsJsonNameCodeAndPath) {
  auto job = good_job();
  job["slicers"] = 0;
  job["lifecycle"] = "x";
  job["operations"][0]["size"] = 0;
  const auto result = validate_job(job, SmallCatalog(), {.paths = kMasterPaths, .issues_for_clients = true});
  ASSERT_FALSE(result);
  const auto& text = result.error().message;
  const std::string begin = "Validation failed for job config: n - Zod parse error: ";
  EXPECT_THAT(text, StartsWith(begin));
  const auto end = text.find("; Validation failed for operation config: source - Zod parse error: ");
  ASSERT_NE(end, std::string::npos);
  const auto issues = Json::parse(text.substr(begin.size(), end - begin.size()));
  EXPECT_EQ(issues[0]["code"], "invalid_value");
  EXPECT_EQ(issues[0]["path"], Json::array({"lifecycle"}));
  EXPECT_EQ(issues[1], Json::parse(R"({"code":"custom","path":["slicers"],
                                      "message":"must be valid integer greater than zero"})"));
  EXPECT_THAT(text.substr(end), HasSubstr("\"operations\",\n      0,\n      \"size\""));
}

TEST(Job, EveryTopLevelOptionIsDescribed) {
  for (const auto& option : job_options()) {
    EXPECT_FALSE(option.description.empty()) << option.name;
    EXPECT_TRUE(option.description.ends_with('.')) << option.name;
  }
  EXPECT_THAT(job_options(), SizeIs(testing::Ge(33U)));
}

// ---- graphs ---------------------------------------------------------------------------------------------------------

Json graph_job() {
  return Json::parse(R"({"name":"n",
      "sources":[{"id":"a","_op":"source","path":"/in"},{"_op":"source","path":"/other"}],
      "transforms":[{"id":"f","from":["a","source-1"],"_op":"filter","field":"a"}],
      "sinks":[{"id":"t","from":"f","_op":"target"},{"from":"a","_op":"target"}]})");
}

std::string failure_of_graph(const std::string& list, std::size_t index, const std::string& member, const Json& value) {
  auto job = graph_job();
  job[list][index][member] = value;
  return failure(job);
}

TEST(JobGraph, BecomesAPlanAndKeepsItsForm) {
  const auto job = validate(graph_job());
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_THAT(job->warnings, IsEmpty());
  EXPECT_EQ(
      draw_plan(job->spec.plan),
      "a (source)\n├─ f (filter) -> t (target)\n└─ target-1 (target)\nsource-1 (source) -> f (filter), as above\n");
  EXPECT_FALSE(job->document.contains("operations"));
  EXPECT_EQ(job->document["sources"][1]["id"], "source-1") << "ids that were made stand there, so that they stay";
  EXPECT_EQ(job->document["transforms"][0]["from"], Json({"a", "source-1"}));
  EXPECT_EQ(job->document["sinks"][0]["_dead_letter_action"], "throw");
  const auto again = validate(job->document);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->spec, job->spec);
  EXPECT_EQ(document_of(job->spec)["transforms"][0]["from"], Json({"a", "source-1"}));
  EXPECT_THAT(document_of(job->spec)["sinks"], SizeIs(2));
}

TEST(JobGraph, EachIssueNamesItsPlace) {
  EXPECT_THAT(failure_of_graph("sinks", 0, "from", "x"), HasSubstr("sinks[0].from: there is no \"x\""));
  EXPECT_THAT(failure_of_graph("sinks", 0, "from", 5), HasSubstr("sinks[0].from: must be an id, or a list of ids"));
  EXPECT_THAT(failure_of_graph("sinks", 0, "from", Json::array()), HasSubstr("sinks[0].from: must be an id"));
  EXPECT_THAT(failure_of_graph("sinks", 0, "from", {"f", 1}), HasSubstr("sinks[0].from: must be an id"));
  EXPECT_THAT(failure_of_graph("sinks", 0, "id", ""), HasSubstr("sinks[0].id: a text is required"));
  EXPECT_THAT(failure_of_graph("sinks", 0, "id", "f"), HasSubstr("sinks[0].id: \"f\" is the id of another one"));
  EXPECT_THAT(failure_of_graph("sinks", 0, "_op", "source"),
              HasSubstr("sinks[0]: \"source\" is a reader; here a sender is needed"));
  EXPECT_THAT(failure_of_graph("transforms", 0, "_op", "target"),
              HasSubstr("transforms[0]: \"target\" is a sender; here a processor is needed"));
  EXPECT_THAT(failure_of_graph("transforms", 0, "field", 5), HasSubstr("transforms[0].field: "));
  EXPECT_THAT(failure_of_graph("sources", 0, "from", "f"), HasSubstr("sources[0].from: a source has no input"));
  EXPECT_THAT(failure_of_graph("sources", 0, "path", "in"), HasSubstr("sources[0].path: the path \"in\" is relative"));
  EXPECT_THAT(failure_of_graph("sinks", 1, "from", "t"), HasSubstr("sinks[0]: \"t\" is a sink and cannot be an input"));
  EXPECT_THAT(failure_of_graph("sinks", 0, "from", "a"), HasSubstr("transforms[0]: the records of \"f\" go nowhere"));
  auto job = graph_job();
  job["sinks"] = Json::array();
  EXPECT_THAT(failure(job), HasSubstr("sinks: at least one operation is required"));
  job = graph_job();
  job["operations"] = good_job()["operations"];
  EXPECT_THAT(failure(job), HasSubstr("operations: give either operations, or sources, transforms and sinks"));
}

TEST(JobGraph, ParametersAreResolvedWhereverTheyStand) {
  auto job = graph_job();
  job["params"] = {{"FIELD", "b"}};
  job["transforms"][0]["field"] = "${FIELD}";
  const auto resolved = validate(job);
  ASSERT_TRUE(resolved) << resolved.error().message;
  EXPECT_EQ(resolved->spec.plan.nodes[2].operation.options["field"], "b");
}

}  // namespace
}  // namespace slicemill::api::teraslice
