#include "operations/processors/routers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operations/processors/collect.h"
#include "operations/processors/field_edits.h"
#include "operations/processors/filter.h"
#include "operations/processors/selection.h"
#include "operations/processors/set_key.h"
#include "tests/operations/operation_run.h"

namespace slicemill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Operations one behind the other, on one batch.
class Ways {
 public:
  explicit Ways(const std::vector<std::pair<OperationEntry, std::string>>& operations) {
    for (const auto& [entry, options] : operations) processors_.push_back(make<Processor>(entry, options));
  }

  Result<void> process(const std::vector<std::string>& records, WallMs created_ms = 0) {
    SliceContext slice;
    slice.created_ms = created_ms;
    batch_.clear();
    for (const auto& record : records) batch_.append_copy(record);
    for (const auto& processor : processors_) {
      RETURN_IF_ERROR(processor->begin(slice));
      RETURN_IF_ERROR(processor->process(batch_));
    }
    return {};
  }
  std::vector<std::string> routes(const std::vector<std::string>& records, WallMs created_ms = 0) {
    const auto done = process(records, created_ms);
    EXPECT_TRUE(done) << done.error().message;
    EXPECT_EQ(batch_.metadata.size(), batch_.records.size());
    std::vector<std::string> routes;
    for (const RecordMetadata& metadata : batch_.metadata) routes.emplace_back(metadata.route);
    return routes;
  }
  std::string route(const std::string& record, WallMs created_ms = 0) { return routes({record}, created_ms).at(0); }
  std::string error(const std::string& record) {
    const auto done = process({record});
    return done ? "" : done.error().message;
  }
  const RecordBatch& batch() const { return batch_; }

 private:
  std::vector<std::unique_ptr<Processor>> processors_;
  RecordBatch batch_;
};

std::string key_route(const std::string& options, const std::string& key) {
  return Ways({{set_key_operation(), R"({"field":"k"})"}, {key_router_operation(), options}})
      .route(R"({"k":)" + key + "}");
}

TEST(KeyRouter, CutsPutsSuffixesAndChangesCase) {
  EXPECT_EQ(key_route("{}", R"("firstKEY")"), "firstKEY");
  EXPECT_EQ(key_route("{}", "17"), "17");
  EXPECT_EQ(key_route(R"({"case":"lower"})", R"("firstKEY")"), "firstkey");
  EXPECT_EQ(key_route(R"({"case":"upper"})", R"("firstKEY")"), "FIRSTKEY");
  EXPECT_EQ(key_route(R"({"use":2,"from":"beginning"})", R"("äöü")"), "äö");
  EXPECT_EQ(key_route(R"({"use":2,"from":"end"})", R"("äöü")"), "öü");
  EXPECT_EQ(key_route(R"({"use":9,"from":"end"})", R"("ab")"), "ab");
  EXPECT_EQ(key_route("{}", R"("a\"\u00e9")"), "a\"é");
  const std::string suffixed = R"({"use":1,"from":"beginning","case":"upper","suffix_use":true,"suffix_lower":"-l",
      "suffix_upper":"-u","suffix_number":"-n","suffix_other":"-o"})";
  EXPECT_EQ(key_route(suffixed, R"("abc")"), "A-L");
  EXPECT_EQ(key_route(suffixed, R"("Abc")"), "A-U");
  EXPECT_EQ(key_route(suffixed, R"("7bc")"), "7-N");
  EXPECT_EQ(key_route(suffixed, R"("_bc")"), "_-O");
}

TEST(KeyRouter, WithoutAKeyARecordIsABadOne) {
  Ways ways({{set_key_operation(), R"({"field":"k"})"}, {key_router_operation(), "{}"}});
  for (const char* record : {R"({})", R"({"k":null})", R"({"k":true})", R"({"k":{"a":1}})", R"({"k":""})"})
    EXPECT_THAT(ways.error(record), HasSubstr("the record has no key")) << record;
  EXPECT_THAT(ways.error(R"({"k":"\ud800"})"), HasSubstr("half of a surrogate pair"));
  EXPECT_THAT(ways.error("[1]"), HasSubstr("not a JSON object"));
}

TEST(KeyRouter, OptionsThatNeedEachOther) {
  EXPECT_THAT(problem(key_router_operation(), R"({"use":2})"), HasSubstr("from: `use` and `from` need each other"));
  EXPECT_THAT(problem(key_router_operation(), R"({"from":"end"})"), HasSubstr("use: `use` and `from`"));
  EXPECT_THAT(problem(key_router_operation(), R"({"use":0,"from":"end"})"), HasSubstr("use"));
  EXPECT_THAT(problem(key_router_operation(), R"({"suffix_use":true})"), HasSubstr("suffix_use: needs `use`"));
  EXPECT_THAT(problem(key_router_operation(), R"({"suffix_use":true,"use":1,"from":"end"})"),
              HasSubstr("suffix_use: needs one of"));
}

std::string date_route(std::string options, const std::string& value) {
  options.insert(1, options == "{}" ? R"("field":"at")" : R"("field":"at",)");
  return Ways({{date_router_operation(), options}}).route(R"({"at":)" + value + "}");
}

TEST(DateRouter, GivesTheDateInUtc) {
  const std::string late = R"("2026-11-30T23:59:59.9-02:00")";
  EXPECT_EQ(date_route("{}", late), "2026.12.01");
  EXPECT_EQ(date_route(R"({"resolution":"hourly","date_delimiter":"-"})", late), "2026-12-01-01");
  EXPECT_EQ(date_route(R"({"resolution":"monthly","date_delimiter":""})", late), "202612");
  EXPECT_EQ(date_route(R"({"resolution":"yearly"})", late), "2026");
  EXPECT_EQ(date_route(R"({"resolution":"weekly"})", R"("2026-01-07T23:59:59Z")"), "2026.00");
  EXPECT_EQ(date_route(R"({"resolution":"weekly"})", R"("2026-01-08")"), "2026.01");
  EXPECT_EQ(date_route(R"({"resolution":"weekly_epoch"})", R"("1970-01-08")"), "1");
  EXPECT_EQ(date_route(R"({"resolution":"weekly_epoch"})", R"("1969-12-31")"), "-1");
  EXPECT_EQ(date_route(R"({"include_date_units":true,"date_unit_delimiter":"-"})", late), "year-2026.month-12.day-01");
  EXPECT_EQ(date_route("{}", "1764547199999"), "2025.11.30");
  EXPECT_EQ(date_route("{}", "-1"), "1969.12.31");
}

TEST(DateRouter, TakesTheSlicesTimeIfAsked) {
  Ways ways({{date_router_operation(), R"({"use_clock_time":true})"}});
  EXPECT_EQ(ways.route("7", 1'764'547'199'999), "2025.11.30");
}

TEST(DateRouter, WhatIsNoDateIsABadRecord) {
  Ways ways({{date_router_operation(), R"({"field":"at"})"}});
  EXPECT_THAT(ways.error(R"({})"), HasSubstr("the field `at` is missing or null"));
  for (const char* record : {R"({"at":"soon"})", R"({"at":true})", R"({"at":1e300})", R"({"at":{}})"})
    EXPECT_THAT(ways.error(record), HasSubstr("is no date in ISO 8601")) << record;
  EXPECT_THAT(problem(date_router_operation(), "{}"), HasSubstr("field: is required"));
  EXPECT_THAT(problem(date_router_operation(), R"({"field":"at","date_delimiter":"|"})"),
              HasSubstr("date_delimiter: must be one of"));
}

TEST(FieldRouter, JoinsNamesAndValues) {
  const std::string record = R"({"a":"x/y=z","b":{"c":7},"d":null})";
  EXPECT_EQ(Ways({{field_router_operation(), R"({"fields":["a","b.c","d","e"]})"}}).route(record),
            "a_x_y_z-b.c_7-d_-e_");
  EXPECT_EQ(
      Ways({{field_router_operation(), R"({"fields":["a","b.c"],"include_field_names":false,"field_delimiter":"+"})"}})
          .route(record),
      "x_y_z+7");
  EXPECT_THAT(problem(field_router_operation(), R"({"fields":[]})"), HasSubstr("fields: must name at least one"));
}

// FNV-1a of 32 bits: of "a" 0xe40c292c, of "foobar" 0xbf9cf968.
TEST(HashRouter, GivesThePartition) {
  EXPECT_EQ(
      Ways({{hash_router_operation(), R"({"partitions":1000,"fields":["a","b"]})"}}).route(R"({"a":"foo","b":"bar"})"),
      std::to_string(0xbf9cf968U % 1000));
  Ways by_key({{set_key_operation(), R"({"field":"k"})"}, {hash_router_operation(), R"({"partitions":7})"}});
  EXPECT_EQ(by_key.route(R"({"k":"a"})"), std::to_string(0xe40c292cU % 7));
  EXPECT_THAT(by_key.error("{}"), HasSubstr("has no key"));
}

TEST(Metadata, StaysWithItsRecordBehindEveryOperation) {
  Ways ways({{field_router_operation(), R"({"fields":["id"],"include_field_names":false})"},
             {filter_operation(), R"({"field":"id","min":2})"},
             {set_field_operation(), R"({"field":"n","value":1})"},
             {drop_field_operation(), R"({"field":"n"})"},
             {copy_field_operation(), R"({"source":"id","destination":"m"})"},
             {selection_operation(), R"({"fields":["m"]})"},
             {filter_operation(), R"({"field":"m","value":4,"invert":true})"}});
  EXPECT_THAT(ways.routes({R"({"id":1})", R"({"id":2})", R"({"id":3})", R"({"id":4})", R"({"id":5})"}),
              ElementsAre("2", "3", "5"));
  EXPECT_THAT(texts(ways.batch()), ElementsAre(R"({"m":2})", R"({"m":3})", R"({"m":5})"));
}

TEST(Metadata, StaysWithRecordsThatAreGatheredAnew) {
  auto collect = make<Processor>(collect_operation(), R"({"size":2})");
  ASSERT_TRUE(collect->begin({}));
  Ways ways({{field_router_operation(), R"({"fields":["id"],"include_field_names":false})"}});
  std::vector<std::pair<std::string, std::string>> out;
  RecordBatch batch;
  const auto take = [&] {
    for (std::size_t i = 0; i < batch.records.size(); ++i)
      out.emplace_back(batch.records[i], batch.metadata.empty() ? "" : batch.metadata[i].route);
  };
  for (const auto& records :
       {std::vector<std::string>{R"({"id":1})", R"({"id":2})", R"({"id":3})"}, {R"({"id":4})"}, {}}) {
    ASSERT_TRUE(ways.process(records));
    batch.clear();
    for (std::size_t i = 0; i < records.size(); ++i) batch.append_copy(ways.batch(), i);
    ASSERT_TRUE(records.empty() ? collect->finish(batch) : collect->process(batch));
    take();
    while (*collect->more(batch)) take();
  }
  ASSERT_EQ(out.size(), 4u);
  for (const auto& [record, route] : out) EXPECT_EQ(record, R"({"id":)" + route + "}");
}

}  // namespace
}  // namespace slicemill
