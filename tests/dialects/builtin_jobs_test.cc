// Jobs of this dialect with the operations that there are, and the pages that are made from both.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/dialects/teraslice/job/job_docs.h"
#include "api/dialects/teraslice/job/teraslice_job.h"
#include "operations/describe.h"
#include "operations/operation.h"
#include "tests/docs/rendered_page.h"

namespace slicemill::api::teraslice {
namespace {

using testing::HasSubstr;

TEST(OperationSchemas, NameTheOperation) {
  const Json all = operations_json(builtin_operations());
  EXPECT_EQ(all.size(), builtin_operations().all().size());
  const Json delay = operation_schema(**find_operation(builtin_operations(), "delay"));
  EXPECT_EQ(delay["properties"]["_op"]["const"], "delay");
  EXPECT_EQ(delay["properties"]["ms"]["default"], 100);
  EXPECT_EQ(delay["required"], Json::array({"_op"}));
  EXPECT_FALSE(find_operation(builtin_operations(), "nope"));
}

// The options of an api lie below those of the operation that names it.
TEST(Apis, ConfigureTheOperationsThatNameThem) {
  auto posted = Json::parse(R"({"apis":[{"_name":"file_reader_api:in","path":"/in","size":"1kb","format":"ldjson"},
                                        {"_name":"file_sender_api","path":"/out"}],
                                "operations":[{"_op":"file_reader","_api_name":"file_reader_api:in","size":5},
                                              {"_op":"file_exporter","api_name":"file_sender_api"}]})");
  const auto job = validate_job(posted, builtin_operations(), {});
  ASSERT_TRUE(job) << job.error().message;
  const auto& operations = job->document["operations"];
  EXPECT_EQ(operations[0]["path"], "/in");
  EXPECT_EQ(operations[0]["size"], 5);
  EXPECT_EQ(operations[1]["path"], "/out");
  EXPECT_EQ(operations[1]["_api_name"], "file_sender_api");
  EXPECT_FALSE(operations[1].contains("api_name"));
  EXPECT_EQ(job->document["apis"][0]["_dead_letter_action"], "throw");

  posted["apis"][0]["size"] = "much";
  const auto bad = validate_job(posted, builtin_operations(), {});
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, HasSubstr("Validation failed for api config: file_reader_api:in - apis[0].size: "));
}

// What an execution runs, without a word of the dialect.
TEST(JobSpecs, HoldWhatTheDocumentSays) {
  const auto posted = Json::parse(R"({
      "name":"n","lifecycle":"persistent","workers":2,"max_retries":7,"probation_window":"5s","analytics":false,
      "autorecover":true,"quarantine_max_records":0,"log_level":"warn","env_vars":{"A":"b","N":5},"speculation":true,
      "memory":64000000,"params":{"COUNT":"30"},
      "operations":[{"_op":"data_generator","size":"${COUNT}","_dead_letter_action":"none"},
                    {"_op":"filter","field":"a","value":1,"_dead_letter_action":"quarantine"},
                    {"_op":"noop","_encoding":"raw","encoding":"mine"}]})");
  const auto job = validate_job(posted, builtin_operations(), {});
  ASSERT_TRUE(job) << job.error().message;
  const JobSpec& spec = job->spec;
  EXPECT_EQ(spec.dialect, "teraslice");
  EXPECT_EQ(spec.name, "n");
  EXPECT_TRUE(spec.persistent);
  EXPECT_EQ(spec.workers, 2);
  EXPECT_EQ(spec.max_retries, 7U);
  EXPECT_EQ(spec.probation_ms, 5000);
  EXPECT_FALSE(spec.measures);
  EXPECT_TRUE(spec.goes_on);
  EXPECT_EQ(spec.most_quarantined, 0U);
  EXPECT_EQ(spec.most_quarantined_percent, std::nullopt);
  EXPECT_TRUE(spec.speculation.enabled);
  EXPECT_EQ(spec.speculation.multiplier, 3);
  EXPECT_EQ(spec.log_level, "warn");
  const std::vector<std::pair<std::string, std::string>> environment = {{"A", "b"}, {"N", "5"}};
  EXPECT_EQ(spec.environment, environment);
  EXPECT_EQ(spec.worker_memory_limit, 64'000'000);
  EXPECT_EQ(spec.params, Json({{"COUNT", "30"}}));
  ASSERT_EQ(spec.plan.size(), 3U);
  EXPECT_EQ(spec.plan.nodes[0].operation.name, "data_generator");
  EXPECT_EQ(spec.plan.nodes[0].operation.options["size"], 30);
  EXPECT_EQ(spec.plan.nodes[0].operation.bad_records, BadRecords::drop);
  EXPECT_EQ(spec.plan.nodes[1].operation.bad_records, BadRecords::quarantine);
  EXPECT_FALSE(spec.plan.nodes[1].operation.is_raw());
  EXPECT_TRUE(spec.plan.nodes[2].operation.is_raw()) << "an option of that name means nothing";
  for (const auto& [id, operation, inputs] : spec.plan.nodes)
    for (const auto& [name, value] : operation.options.items()) EXPECT_FALSE(name.starts_with('_')) << name;
}

// A job that is not started yet may lack values; what it would run is not known then.
TEST(JobSpecs, WaitForParameters) {
  const auto posted =
      Json::parse(R"({"workers":"${W}","operations":[{"_op":"id_range","end":"${END}"},{"_op":"noop"}]})");
  const auto job = validate_job(posted, builtin_operations(), {.params = {.of_file = true, .may_be_unset = true}});
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->spec, JobSpec());
}

TEST(Pages, OperationsAreUpToDate) {
  expect_page("operations.md", operations_markdown(builtin_operations(), operations_introduction()));
}

TEST(Pages, JobsHaveAllFields) {
  expect_page_part("jobs.md", "fields", options_table("Field", effective_fields()));
  expect_page_part("jobs.md", "kubernetes", wrapped(kept_fields(), 0) + ".\n");
}

}  // namespace
}  // namespace slicemill::api::teraslice
