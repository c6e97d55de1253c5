// Every field of a job, an operation and an api: its default, what it is coerced to, what is refused and in which
// words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>

#include "api/dialects/teraslice/job/teraslice_job.h"
#include "tests/dialects/small_catalog.h"

namespace slicemill::api::teraslice {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kAbsent = "";  // a field without a default is not in the resolved job

// Where a row's field stands in a job that is valid otherwise.
enum class Place { job, operation, api };

struct Coerced {
  const char* given;
  const char* becomes;
};
struct Refused {
  const char* given;
  const char* words;  // behind the field's place
};
struct Row {
  const char* field;
  const char* default_value;  // JSON
  std::vector<Coerced> coerced;
  std::vector<Refused> refused;
};

const std::vector<Coerced> kBooleans = {{"true", "true"},   {"\"true\"", "true"},   {"1", "true"},  {"\"1\"", "true"},
                                        {"false", "false"}, {"\"false\"", "false"}, {"0", "false"}, {"\"0\"", "false"}};
const std::vector<Refused> kNoBooleans = {{"\"yes\"", ": expected boolean, received string"},
                                          {"2", ": expected boolean, received number"},
                                          {"[]", ": expected boolean, received array"}};
constexpr const char* kCount = ": must be valid integer greater than zero";
const std::vector<Coerced> kCounts = {{"3", "3"}, {"\"3\"", "3"}, {"2.7", "2"}, {"\"3.7\"", "3"}, {"1", "1"}};
const std::vector<Refused> kNoCounts = {
    {"0", kCount},    {"-1", kCount},      {"0.5", kCount},    {"\"\"", kCount},     {"\"two\"", kCount},
    {"true", kCount}, {"\"0.7\"", kCount}, {"\"3.\"", kCount}, {"\"3.7x\"", kCount}, {"\"3,7\"", kCount}};
constexpr const char* kText = ": a text is required";
constexpr const char* kNamed = ": must have a name and a non-empty value";
const std::vector<Coerced> kNumbers = {{"0.5", "0.5"}, {"\"0.5\"", "0.5"}, {"0", "0"}};
const std::vector<Refused> kNoNumbers = {{"\"much\"", ": expected number, received string"},
                                         {"-1", ": must be at least 0"}};
const std::vector<Coerced> kBytes = {{"512000000", "512000000"}, {"\"512MB\"", "512000000"}, {"null", kAbsent}};

std::vector<Refused> up_to(std::vector<Refused> rows, const char* given, const char* words) {
  rows.push_back({given, words});
  return rows;
}

const std::string& variable_of(std::size_t size) {
  static const std::string text = Json{{"A", std::string(size, 'x')}}.dump();
  return text;
}

// Of 130 KB each.
const std::string& variables_of(int count) {
  static const std::string text = [count] {
    Json variables = Json::object();
    for (int i = 0; i < count; ++i) variables["V" + std::to_string(i)] = std::string(130'000, 'x');
    return variables.dump();
  }();
  return text;
}

const std::vector<Row>& job_rows() {
  static const std::string workers =
      std::to_string(std::clamp<int>(static_cast<int>(std::thread::hardware_concurrency()), 1, 5));
  static const std::vector<Row> rows = {
      {"name", "\"Custom Job\"", {{"\"a\"", "\"a\""}, {"null", "\"Custom Job\""}}, {{"\"\"", kText}, {"5", kText}}},
      {"lifecycle",
       "\"once\"",
       {{"\"persistent\"", "\"persistent\""}},
       {{"\"forever\"", R"(: expected one of "once"|"persistent")"},
        {"1", R"(: expected one of "once"|"persistent")"}}},
      {"workers", workers.c_str(), kCounts, up_to(kNoCounts, "4097", ": must be at most 4096")},
      {"slicers", "1", kCounts, up_to(kNoCounts, "1025", ": must be at most 1024")},
      {"active", "true", kBooleans, kNoBooleans},
      {"analytics", "true", kBooleans, kNoBooleans},
      {"autorecover", "false", kBooleans, kNoBooleans},
      {"stateful", "false", kBooleans, kNoBooleans},
      {"assets",
       "null",
       {{"null", "null"}, {R"(["a","b:1.x"])", R"(["a","b:1.x"])"}, {"\"a\"", R"(["a"])"}},
       {{"5", ": expected array of strings, received number"},
        {R"([""])", ": expected array of non-empty strings, item 0 is empty"},
        {"[{}]", ": expected array of non-empty strings, item 0 is object"}}},
      {"max_retries",
       "3",
       {{"0", "0"}, {"7", "7"}, {"2.0", "2"}},
       {{"\"3\"", ": expected number, received string"},
        {"-1", ": must be a valid integer, zero or greater"},
        {"1.5", ": must be a valid integer, zero or greater"},
        {"true", ": must be a valid integer, zero or greater"},
        {"5000000000", ": must be at most 1000000"}}},
      {"probation_window",
       "300000",
       {{"60000", "60000"}, {"\"60000\"", "60000"}, {"\"5 minutes\"", "300000"}, {"\"1m\"", "60000"}},
       {{"\"soon\"", ": "},
        {"-1", ": must be at least 0"},
        {"[]", ": must be a valid integer"},
        {"9000000000000000000", ": must be at most 3153600000000 ms"},
        {"\"9000 weeks\"", ": must be at most 3153600000000 ms"}}},
      {"tasks", kAbsent, {}, {{"{}", ": a job has either tasks or operations"}}},
      {"task", kAbsent, {}, {{"{}", ": is beside `tasks`, which is not given"}}},
      {"sources", kAbsent, {}, {{"{}", ": must be an array of operations"}}},
      {"transforms", kAbsent, {}, {{"7", ": must be an array of operations"}}},
      {"sinks", kAbsent, {}, {{"{}", ": must be an array of operations"}}},
      {"operations",
       "[]",
       {},
       {{"[]", ": Operations need to be of type array with at least two operations in it"},
        {"{}", ": Operations need to be of type array with at least two operations in it"},
        {R"([{"_op":"source","path":"/a"}])",
         ": Operations need to be of type array with at least two operations in it"}}},
      {"apis",
       "[]",
       {{"null", "[]"}},
       {{"5", ": must be an array of objects"},
        {"[5]", "[0]._name: a text is required"},
        {R"([{"_name":""}])", "[0]._name: a text is required"},
        {R"([{"_name":"file_reader_api"},{"_name":"file_reader_api"}])",
         R"([1]._name: "file_reader_api" is already the name of another api)"}}},
      {"log_level",
       "null",
       {{"null", "null"}, {"\"trace\"", "\"trace\""}, {"\"fatal\"", "\"fatal\""}},
       {{"\"loud\"", R"(: expected one of "trace"|"debug"|"info"|"warn"|"error"|"fatal")"}}},
      {"labels",
       "null",
       {{"null", "null"}, {R"({"team":"a","n":1})", R"({"team":"a","n":1})"}},
       {{"[\"a\"]", ": expected object, received array"},
        {R"({"team":""})", ".team: must have a name and a non-empty value"},
        {R"({"":"a"})", kNamed},
        {R"({"team":null})", ".team: must have a name and a non-empty value"}}},
      {"params",
       kAbsent,
       {{R"({"A":1})", R"({"A":1})"}, {"null", kAbsent}},
       {{"5", ": must be an object of names and values"}, {"[]", ": must be an object of names and values"}}},
      {"env_vars",
       "{}",
       {{"null", "{}"}, {R"({"A":"b"})", R"({"A":"b"})"}},
       {{"5", ": expected object, received number"},
        {R"({"A":""})", ".A: must have a name and a non-empty value"},
        {R"({"A":["b"]})", ".A: must have a name and a non-empty value"},
        {R"({"A":"b","C=D":"e"})", ".C=D: the name of a variable cannot hold \"=\""},
        {R"({"A\u0000":"b"})", ".A\\x00: the name of a variable cannot hold a NUL character"},
        {R"({"A":"b\u0000"})", ".A: the value of a variable cannot hold a NUL character"},
        {variable_of(131'070).c_str(), ".A: name and value take 131072 bytes; the system passes at most 131071"},
        {variables_of(12).c_str(), ": all variables together take"}}},
      {"quarantine_max_records", kAbsent, {{"0", "0"}, {"\"5\"", "5"}}, {{"-1", ": must be a valid integer"}}},
      {"quarantine_max_percent",
       kAbsent,
       {{"0.5", "0.5"}, {"\"100\"", "100.0"}},
       {{"100.1", ": must be at most 100"}, {"-1", ": must be at least 0"}}},
      {"speculation", kAbsent, kBooleans, kNoBooleans},
      {"speculation_multiplier", kAbsent, {{"1.5", "1.5"}, {"\"4\"", "4.0"}}, {{"0.9", ": must be at least 1"}}},
      {"speculation_min_runtime",
       kAbsent,
       {{"0", "0"}, {"\"2s\"", "2000"}},
       {{"\"soon\"", ": "}, {"-1", ": must be at least 0"}}},
      {"speculation_max_percent",
       kAbsent,
       {{"0", "0"}, {"12.5", "12.5"}},
       {{"100.1", ": must be at most 100"}, {"-1", ": must be at least 0"}}},
      {"resources_limits_memory", kAbsent, kBytes, {{"1000", ": must be at least"}, {"\"much\"", ": "}}},
      {"memory", kAbsent, kBytes, {{"1000", ": must be at least"}, {"\"much\"", ": "}}},
      // Settings of Kubernetes.
      {"targets",
       kAbsent,
       {{"null", kAbsent},
        {R"([{"key":"zone","value":"west"}])", R"([{"key":"zone","value":"west","constraint":"required"}])"},
        {R"([{"key":"zone","value":"west","constraint":"accepted"}])",
         R"([{"key":"zone","value":"west","constraint":"accepted"}])"}},
       {{"{}", ": expected array, received object"},
        {R"([{"key":"zone"}])", "[0]: must be an object with the texts key and value"},
        {R"([{"key":"zone","value":"west","constraint":"x"}])",
         R"([0]: expected one of "required"|"preferred"|"accepted")"}}},
      {"cpu", kAbsent, kNumbers, kNoNumbers},
      {"resources_requests_cpu", kAbsent, kNumbers, kNoNumbers},
      {"resources_limits_cpu", kAbsent, kNumbers, kNoNumbers},
      {"resources_requests_memory", kAbsent, kBytes, {{"-1", ": must be at least 0"}, {"\"much\"", ": "}}},
      {"cpu_execution_controller", kAbsent, kNumbers, kNoNumbers},
      {"memory_execution_controller", kAbsent, kBytes, {{"-1", ": must be at least 0"}, {"\"much\"", ": "}}},
      {"ephemeral_storage", kAbsent, kBooleans, kNoBooleans},
      {"external_ports",
       kAbsent,
       {{"null", kAbsent}, {R"([8080,{"name":"a","port":9090}])", R"([8080,{"name":"a","port":9090}])"}},
       {{"8080", ": expected array, received number"},
        {"[0]", "[0]: must be a port (1 to 65535) or an object {name, port}"},
        {R"([{"port":9090}])", "[0]: must be a port (1 to 65535) or an object {name, port}"},
        {"[45680]", "[0]: port 45680 is reserved"},
        {R"([1,{"name":"a","port":45680}])", "[1]: port 45680 is reserved"}}},
      {"volumes",
       kAbsent,
       {{"null", kAbsent}, {R"([{"name":"a","path":"/a"}])", R"([{"name":"a","path":"/a"}])"}},
       {{"{}", ": expected array, received object"},
        {R"([{"name":"a"}])", "[0]: must be an object with the texts name and path"}}},
      {"pod_spec_override",
       kAbsent,
       {{"{}", "{}"}},
       {{"[]", ": expected object, received array"},
        {R"({"a":1})", ": is not allowed; this server has no kubernetes_overrides_enabled"}}},
      {"kubernetes_image", kAbsent, {{"\"a/b:1\"", "\"a/b:1\""}}, {{"\"\"", kText}, {"5", kText}}},
      {"prom_metrics_enabled", kAbsent, kBooleans, kNoBooleans},
      {"prom_metrics_port", kAbsent, {{"\"3333\"", "3333"}}, {{"0", kCount}, {"70000", ": must be at most 65535"}}},
      {"prom_metrics_add_default", kAbsent, kBooleans, kNoBooleans},
  };
  return rows;
}

constexpr const char* kConnection = ": no connection \"nowhere\" is configured; the configuration has no connections";
constexpr const char* kEncoding = R"(: expected one of "json"|"raw")";

const std::vector<Row>& operation_rows() {
  static const std::vector<Row> rows = {
      {"_op",
       "\"file_reader\"",
       {{"\"file_reader@standard\"", "\"file_reader\""}, {"\"file_reader@standard:1.0.0\"", "\"file_reader\""}},
       {}},
      {"_encoding", "\"json\"", {{"\"raw\"", "\"raw\""}}, {{"\"xml\"", kEncoding}, {"5", kEncoding}}},
      {"_dead_letter_action",
       "\"throw\"",
       {{"\"log\"", "\"log\""}, {"\"none\"", "\"none\""}, {"\"quarantine\"", "\"quarantine\""}},
       {{"\"file_reader_api\"", ": \"file_reader_api\" is not supported; use \"throw\""},
        {"5", ": 5 is not supported; use \"throw\""}}},
      {"_api_name", kAbsent, {{"\"file_reader_api\"", "\"file_reader_api\""}}, {}},
      {"_connection",
       kAbsent,
       {{"\"default\"", "\"default\""}},
       {{"\"nowhere\"", kConnection}, {"5", kText}, {"\"\"", kText}}},
  };
  return rows;
}

const std::vector<Row>& api_rows() {
  static const std::vector<Row> rows = {
      {"_name", "\"file_reader_api\"", {{"\"file_reader_api:one\"", "\"file_reader_api:one\""}}, {}},
      {"_encoding", kAbsent, {{"\"raw\"", "\"raw\""}}, {{"\"xml\"", kEncoding}}},
      {"_dead_letter_action", "\"throw\"", {{"\"log\"", "\"log\""}}, {{"\"nobody\"", ": \"nobody\" is not supported"}}},
      {"_connection", kAbsent, {{"\"default\"", "\"default\""}}, {{"\"nowhere\"", kConnection}, {"5", kText}}},
      {"connection", kAbsent, {{"\"default\"", "\"default\""}}, {{"\"nowhere\"", kConnection}, {"5", kText}}},
  };
  return rows;
}

Json job_with(Place place, const std::string& field, const Json& value) {
  Json job = Json::parse(R"({"name":"n",
      "operations":[{"_op":"file_reader","path":"/in"},{"_op":"target"}],"apis":[{"_name":"file_reader_api"}]})");
  Json& holder = place == Place::job ? job : place == Place::operation ? job["operations"][0] : job["apis"][0];
  if (!field.empty()) holder[field] = value;
  return job;
}

const Json& holder_in(Place place, const Json& config) {
  return place == Place::job ? config : place == Place::operation ? config["operations"][0] : config["apis"][0];
}

Result<ValidatedJob> resolve(const Json& job) {
  static const SmallCatalog catalog;
  return validate_job(job, catalog, {.paths = {false, "/base"}});
}

void expect_value(const Json& holder, const std::string& field, const std::string& wanted, const std::string& what) {
  const auto found = holder.find(field);
  if (wanted == kAbsent) {
    EXPECT_EQ(found, holder.end()) << what;
  } else {
    ASSERT_NE(found, holder.end()) << what;
    EXPECT_EQ(found->dump(), Json::parse(wanted).dump()) << what;
  }
}

std::string place_text(Place place, const std::string& field) {
  return (place == Place::job ? "" : place == Place::operation ? "operations[0]." : "apis[0].") + field;
}

class JobFields : public testing::TestWithParam<Place> {
 protected:
  static const std::vector<Row>& rows() {
    return GetParam() == Place::job ? job_rows() : GetParam() == Place::operation ? operation_rows() : api_rows();
  }
};

TEST_P(JobFields, HaveTheirDefaults) {
  const auto plain = resolve(job_with(GetParam(), "", {}));
  ASSERT_TRUE(plain) << plain.error().message;
  for (const Row& row : rows()) {
    const std::string field = row.field;
    if (GetParam() == Place::job && (field == "name" || field == "operations" || field == "apis")) continue;
    expect_value(holder_in(GetParam(), plain->document), field, row.default_value, "default of " + field);
  }
}

TEST_P(JobFields, AreCoerced) {
  for (const Row& row : rows()) {
    for (const Coerced& value : row.coerced) {
      const std::string what = std::string(row.field) + " given " + value.given;
      const auto resolved = resolve(job_with(GetParam(), row.field, Json::parse(value.given)));
      ASSERT_TRUE(resolved) << what << ": " << resolved.error().message;
      expect_value(holder_in(GetParam(), resolved->document), row.field, value.becomes, what);
    }
  }
}

TEST_P(JobFields, AreRefusedInWords) {
  for (const Row& row : rows()) {
    for (const Refused& value : row.refused) {
      const std::string what = std::string(row.field) + " given " + value.given;
      const auto refused = resolve(job_with(GetParam(), row.field, Json::parse(value.given)));
      ASSERT_FALSE(refused) << what;
      EXPECT_THAT(refused.error().message, StartsWith("Validation failed for ")) << what;
      const std::string words = value.words == kNamed ? kNamed : place_text(GetParam(), row.field) + value.words;
      EXPECT_THAT(refused.error().message, HasSubstr(words)) << what;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Everywhere, JobFields, testing::Values(Place::job, Place::operation, Place::api));

TEST(JobFieldRows, AreThereForEveryField) {
  std::set<std::string> known, tested;
  for (const auto& option : job_options()) known.insert(option.name);
  for (const Row& row : job_rows()) tested.insert(row.field);
  EXPECT_EQ(known, tested);
}

TEST(JobFieldRows, DefaultsOfWhatTheJobWithRowsGives) {
  const auto unnamed = resolve(Json::parse(R"({"operations":[{"_op":"source","path":"/in"},{"_op":"target"}]})"));
  ASSERT_TRUE(unnamed) << unnamed.error().message;
  EXPECT_EQ(unnamed->document["name"], "Custom Job");
  EXPECT_EQ(unnamed->document["apis"], Json::array());
}

TEST(JobFieldRows, TheTwoFamiliesOfResourcesAreNotMixed) {
  for (const char* old : {"cpu", "memory"}) {
    for (const char* present :
         {"resources_requests_cpu", "resources_limits_cpu", "resources_requests_memory", "resources_limits_memory"}) {
      Json job = job_with(Place::job, old, 64'000'000);
      job[present] = 64'000'000;
      const auto refused = resolve(job);
      ASSERT_FALSE(refused) << old << " " << present;
      EXPECT_THAT(refused.error().message, HasSubstr(std::string(old) + ": cannot be given beside " + present));
    }
  }
}

// ---- warnings

std::vector<JobWarning> warnings_of(const Json& job) {
  const auto resolved = resolve(job);
  EXPECT_TRUE(resolved) << resolved.error().message;
  return resolved ? resolved->warnings : std::vector<JobWarning>();
}

using Kind = JobWarning::Kind;
using Holder = JobWarning::Holder;

TEST(JobWarnings, SettingsOfKubernetesHaveNoEffect) {
  const std::map<std::string, Json> given = {
      {"targets", Json::array()},      {"resources_requests_cpu", 1},
      {"resources_limits_cpu", 1},     {"resources_requests_memory", 1},
      {"cpu_execution_controller", 1}, {"memory_execution_controller", 1},
      {"ephemeral_storage", true},     {"external_ports", Json::array()},
      {"volumes", Json::array()},      {"pod_spec_override", Json::object()},
      {"kubernetes_image", "a"},       {"prom_metrics_enabled", true},
      {"prom_metrics_port", 3333},     {"prom_metrics_add_default", true},
  };
  for (const auto& [field, value] : given) {
    const auto warnings = warnings_of(job_with(Place::job, field, value));
    ASSERT_EQ(warnings.size(), 1U) << field;
    EXPECT_EQ(warnings[0],
              (JobWarning{Kind::no_effect, field, "key \"" + field + "\" is kept but has no effect here"}));
  }
  EXPECT_TRUE(warnings_of(job_with(Place::job, "resources_limits_memory", 64'000'000)).empty()) << "that one counts";
}

TEST(JobWarnings, OldNamesAreDeprecated) {
  const auto memory = warnings_of(job_with(Place::job, "memory", 64'000'000));
  ASSERT_EQ(memory.size(), 1U);
  EXPECT_EQ(memory[0],
            (JobWarning{Kind::deprecation, "memory", "key \"memory\" is deprecated; use \"resources_limits_memory\""}));
  const auto cpu = warnings_of(job_with(Place::job, "cpu", 1));
  ASSERT_EQ(cpu.size(), 2U);
  EXPECT_EQ(cpu[0].kind, Kind::deprecation);
  EXPECT_THAT(cpu[0].description, HasSubstr("resources_limits_cpu"));
  EXPECT_EQ(cpu[1].kind, Kind::no_effect);
  const auto api_name = warnings_of(job_with(Place::operation, "api_name", "file_reader_api"));
  ASSERT_EQ(api_name.size(), 1U);
  EXPECT_EQ(api_name[0], (JobWarning{Kind::deprecation, "api_name", "key \"api_name\" is deprecated; use \"_api_name\"",
                                     Holder::operation, "file_reader", "operations[0]"}));
}

TEST(JobFieldRows, ProcessorsAreLimitedWhereTheyCanBe) {
  const auto judged = [](const char* field, const std::string& no_limit) {
    Json job = job_with(Place::job, field, 0.5);
    SmallCatalog catalog;
    return validate_job(job, catalog, {.paths = {false, "/base"}, .no_cpu_limit = no_limit});
  };
  for (const char* field : {"cpu", "resources_limits_cpu"}) {
    const auto limited = judged(field, "");
    ASSERT_TRUE(limited) << limited.error().message;
    EXPECT_EQ(limited->spec.worker_cpu_limit, 0.5);
    for (const auto& warning : limited->warnings) EXPECT_NE(warning.kind, Kind::no_effect) << field;
  }
  const auto refused = judged("resources_limits_cpu", "no controller");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message,
              HasSubstr("resources_limits_cpu: the processors of a worker cannot be limited here: no controller"));
  const auto kept = judged("cpu", "no controller");
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(kept->warnings.back().kind, Kind::no_effect);
}

TEST(JobWarnings, UnknownKeysNameWhereTheyStand) {
  const auto operation = warnings_of(job_with(Place::operation, "pth", 1));
  ASSERT_EQ(operation.size(), 1U);
  EXPECT_EQ(operation[0],
            (JobWarning{Kind::unknown, "pth", "unknown key \"pth\" is kept but has no effect (did you mean \"path\"?)",
                        Holder::operation, "file_reader", "operations[0]"}));
  Json job = job_with(Place::api, "pth", 1);
  job["operations"][0]["_api_name"] = "file_reader_api";
  const auto api = warnings_of(job);
  ASSERT_EQ(api.size(), 1U) << "once, where it stands";
  EXPECT_EQ(api[0].holder, Holder::api);
  EXPECT_EQ(api[0].name, "file_reader_api");
  EXPECT_EQ(to_text(api[0]),
            "apis[0]: file_reader_api: unknown key \"pth\" is kept but has no effect (did you mean \"path\"?)");
}

}  // namespace
}  // namespace slicemill::api::teraslice
