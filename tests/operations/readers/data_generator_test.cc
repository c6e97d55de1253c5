#include "operations/readers/data_generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/regex.hpp>
#include <set>

#include "operations/readers/record_plan.h"
#include "tests/operations/operation_run.h"

namespace slicemill {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr WallMs kCreated = 1768830488426;  // 2026-01-19T13:48:08.426Z

std::vector<std::string> generate(const std::string& options,
                                  const std::string& request = R"({"processed":0,"count":200})",
                                  WallMs created_ms = kCreated, const std::string& lineage = "ex") {
  const auto reader = make<Reader>(data_generator_operation(), options);
  const auto read = read_slice(*reader, request, created_ms, lineage);
  EXPECT_TRUE(read) << read.error().message;
  return read ? read->records : std::vector<std::string>();
}

// Every record has exactly these fields in this order, and each value, as JSON, matches its pattern.
void expect_fields(const std::vector<std::string>& records,
                   const std::vector<std::pair<std::string, std::string>>& fields) {
  ASSERT_FALSE(records.empty());
  std::vector<boost::regex> patterns;
  for (const auto& [name, pattern] : fields) patterns.emplace_back(pattern);
  for (const auto& text : records) {
    const auto record = Json::parse(text);
    ASSERT_EQ(record.size(), fields.size()) << text;
    std::size_t i = 0;
    for (const auto& [name, value] : record.items()) {
      ASSERT_EQ(name, fields[i].first) << text;
      ASSERT_TRUE(boost::regex_match(value.dump(), patterns[i])) << name << " in " << text;
      ++i;
    }
  }
}

const std::string kOctet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
const std::string kIp = "\"" + kOctet + "\\." + kOctet + "\\." + kOctet + "\\." + kOctet + "\"";
const std::string kIpv6 = "\"([0-9a-f]{4}:){7}[0-9a-f]{4}\"";
const std::string kUuid = "\"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\"";
const std::string kUrl = "\"https://[a-z]+-[a-z]+\\.[a-z]+/[a-z]+\"";
const std::string kLocation = "\"-?[0-9]{1,2}\\.[0-9]{5}, -?[0-9]{1,3}\\.[0-9]{5}\"";

TEST(DataGenerator, DefaultRecord) {
  const auto records = generate("{}");
  EXPECT_THAT(records, SizeIs(200));
  expect_fields(records, {{"ip", kIp},
                          {"userAgent", "\"Mozilla/5\\.0 \\(.+\\) .+/[0-9]+\\.0\""},
                          {"url", kUrl},
                          {"uuid", kUuid},
                          {"created", "\"2026-01-19T13:48:08\\.426\\+00:00\""},
                          {"ipv6", kIpv6},
                          {"location", kLocation},
                          {"bytes", "[0-9]{4,7}"}});
  for (const auto& text : records) {
    const auto bytes = Json::parse(text)["bytes"].get<int>();
    EXPECT_TRUE(bytes >= 7850 && bytes <= 5642867);
  }
  EXPECT_THAT(std::set<std::string>(records.begin(), records.end()), SizeIs(200));
}

// A replay, in whatever slices, after whatever recovery, gives the same bytes.
TEST(DataGenerator, ARecordDependsOnSeedAndNumberOnly) {
  const auto whole = generate(R"({"seed":7})", R"({"processed":0,"count":100})");
  const auto part = generate(R"({"seed":7})", R"({"processed":40,"count":10})", kCreated, "another");
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + 40));
  EXPECT_NE(whole[0], generate(R"({"seed":8})")[0]);
  EXPECT_NE(whole[0], generate(R"({"seed":-7})")[0]);
}

TEST(DataGenerator, WithoutASeedTheFirstExecutionDecides) {
  EXPECT_EQ(generate("{}", R"({"processed":5,"count":2})", kCreated, "a"),
            generate("{}", R"({"processed":5,"count":2})", kCreated, "a"));
  EXPECT_NE(generate("{}", R"({"processed":5,"count":2})", kCreated, "a"),
            generate("{}", R"({"processed":5,"count":2})", kCreated, "b"));
}

TEST(DataGenerator, LargeSlicesComeInBatchesWithoutRepetition) {
  const auto reader = make<Reader>(data_generator_operation(), R"({"seed":1})");
  const auto read = read_slice(*reader, R"({"processed":0,"count":20000})", kCreated);
  ASSERT_TRUE(read);
  EXPECT_GT(read->batches, 3);
  EXPECT_THAT(std::set<std::string>(read->records.begin(), read->records.end()), SizeIs(20'000));
}

TEST(DataGenerator, DateFormats) {
  const auto date = [](const std::string& options) {
    return Json::parse(generate(options)[3])["created"].get<std::string>();
  };
  EXPECT_EQ(date(R"({"format":"dateNow"})"), "2026-01-19T13:48:08.426+00:00");
  EXPECT_EQ(date(R"({"format":"utcDate"})"), "2026-01-19T13:48:08.426Z");
  for (const auto& text : generate(R"({"format":"utcBetween","start":"2025-01-01","end":"2025-01-01T00:00:01Z"})")) {
    ASSERT_THAT(Json::parse(text)["created"].get<std::string>(),
                testing::MatchesRegex("2025-01-01T00:00:0[01]\\.[0-9]+Z"));
  }
  std::set<std::string> days;
  for (const auto& text : generate(R"({"start":"2026-01-01"})")) {  // to the slice's creation
    const auto day = Json::parse(text)["created"].get<std::string>();
    ASSERT_THAT(day, testing::EndsWith("+00:00"));
    ASSERT_TRUE(day >= "2026-01-01" && day < "2026-01-19T13:48:09");
    days.insert(day.substr(0, 10));
  }
  EXPECT_GT(days.size(), 10U);
  EXPECT_TRUE(Json::parse(generate(R"({"date_key":"at"})")[0]).contains("at"));
}

TEST(DataGenerator, Ids) {
  const auto id = [](const std::string& options) { return Json::parse(generate(options)[3])["id"].get<std::string>(); };
  EXPECT_THAT(id(R"({"set_id":"base64url"})"), testing::MatchesRegex("[A-Za-z0-9_-]+"));
  EXPECT_THAT(id(R"({"set_id":"base64url"})"), SizeIs(20));
  EXPECT_TRUE(boost::regex_match(id(R"({"set_id":"hexadecimal"})"), boost::regex("[0-9a-f]{32}")));
  EXPECT_TRUE(
      boost::regex_match(id(R"({"set_id":"HEXADECIMAL","id_start_key":"k\"q"})"), boost::regex("k\"q[0-9A-F]{32}")));
}

TEST(DataGenerator, StressTestRepeatsOneRecord) {
  const auto records = generate(R"({"stress_test":true})", R"({"processed":0,"count":9000})");
  EXPECT_THAT(records, SizeIs(9000));
  EXPECT_THAT(std::set<std::string>(records.begin(), records.end()), SizeIs(1));
}

TEST(DataGenerator, SchemaOfTheUser) {
  const auto records = generate(R"({"json_schema":{
    "s":"string","t":{"type":"string","min_length":2,"max_length":4},"n":{"type":"number","min":-5,"max":5,"decimals":3},
    "i":{"type":"integer","min":10,"max":12},"b":"boolean","e":{"type":"enum","values":["x",1,null]},
    "ip":"ip","v6":"ipv6","u":"uuid","d":"date","l":"location","a":"userAgent","w":"url"}})");
  expect_fields(records, {{"s", "\"[a-z]{10}\""},
                          {"t", "\"[a-z]{2,4}\""},
                          {"n", "-?[0-5](\\.[0-9]{1,3})?"},
                          {"i", "1[012]"},
                          {"b", "true|false"},
                          {"e", "\"x\"|1|null"},
                          {"ip", kIp},
                          {"v6", kIpv6},
                          {"u", kUuid},
                          {"d", "\"2026-01-19T.*\""},
                          {"l", kLocation},
                          {"a", "\"Mozilla.*\""},
                          {"w", kUrl}});
  std::set<std::string> integers;
  for (const auto& text : records) integers.insert(Json::parse(text)["i"].dump());
  EXPECT_THAT(integers, SizeIs(3));
}

// The bound decides how much space a batch reserves: a longer record would write beyond it.
// Each kind alone, so that no other one lends it space.
TEST(RecordPlan, NoRecordIsLongerThanItsBound) {
  std::vector<std::string> plans = {"{}", R"({"set_id":"hexadecimal","id_start_key":"k"})"};
  for (const auto* field :
       {R"("ip")", R"("ipv6")", R"("uuid")", R"("date")", R"("location")", R"("userAgent")", R"("url")", R"("boolean")",
        R"("string")", R"({"type":"number","min":-1000000000,"max":-999999999,"decimals":9})",
        R"({"type":"string","min_length":300})", R"({"type":"integer","min":-1000000000000000})",
        R"({"type":"enum","values":["a","a longer one"]})"}) {
    plans.push_back(R"({"format":"isoBetween","json_schema":{"x":)" + std::string(field) + "}}");
  }
  for (const auto& options : plans) {
    auto plan = RecordPlan::make(Json::parse(options));
    ASSERT_TRUE(plan) << plan.error().message;
    plan->set_created(kCreated);
    std::string space(plan->longest() + 1000, '\0');
    for (std::uint64_t i = 0; i < 2'000; ++i) {
      RecordRandom random(1, i);
      ASSERT_LE(static_cast<std::size_t>(plan->write(space.data(), random) - space.data()), plan->longest()) << options;
    }
  }
}

TEST(DataGenerator, OptionsAreChecked) {
  const auto entry = data_generator_operation();
  EXPECT_EQ(problem(entry, R"({"json_schema":null,"start":null})"), "");
  EXPECT_THAT(problem(entry, R"({"json_schema":"/a/schema.json"})"), HasSubstr("json_schema: only an object"));
  EXPECT_THAT(problem(entry, R"({"json_schema":{}})"), HasSubstr("json_schema: must name at least one"));
  EXPECT_THAT(problem(entry, R"({"json_schema":{"a":"faker"}})"),
              HasSubstr(R"(json_schema.a: the type "faker" is unsupported; use one of string,)"));
  EXPECT_THAT(problem(entry, R"({"json_schema":{"a":{"type":"enum"}}})"),
              HasSubstr("json_schema.a.values: must be a list"));
  EXPECT_THAT(problem(entry, R"({"json_schema":{"a":{"type":"integer","min":5,"max":4}}})"),
              HasSubstr("json_schema.a.max: must be an integer from 5"));
  EXPECT_THAT(problem(entry, R"({"json_schema":{"a":{"type":"integer","length":4}}})"),
              HasSubstr("json_schema.a.length: is not known"));
  EXPECT_THAT(problem(entry, R"({"start":"yesterday"})"), HasSubstr("start: \"yesterday\" is not a date"));
  EXPECT_THAT(problem(entry, R"({"start":[]})"), HasSubstr("start: must be a date"));
  EXPECT_THAT(problem(entry, R"({"start":"2026-01-02","end":"2026-01-01"})"), HasSubstr("end: is before start"));
  EXPECT_THAT(problem(entry, R"({"start":9000000000000000})"), HasSubstr("start: must be a time before"));
  EXPECT_THAT(problem(entry, R"({"set_id":"md5"})"), HasSubstr("set_id: expected one of"));
  EXPECT_THAT(problem(entry, R"({"id_start_key":"a"})"), HasSubstr("id_start_key: needs set_id"));
  EXPECT_THAT(problem(entry, R"({"size":0})"), HasSubstr("size: must be valid integer"));
}

TEST(DataGenerator, BadRequestsAreNamed) {
  const auto reader = make<Reader>(data_generator_operation(), "{}");
  EXPECT_THAT(read_slice(*reader, R"({"count":1})").error().message, HasSubstr("\"processed\" must be an integer"));
  EXPECT_THAT(read_slice(*reader, R"({"count":-1,"processed":0})").error().message, HasSubstr("must not be negative"));
}

}  // namespace
}  // namespace slicemill
