// What must hold for every operation in the list, whoever wrote it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/regex.hpp>
#include <nlohmann/json.hpp>

#include "connectors/sink_types.h"
#include "operations/describe.h"
#include "operations/operation.h"
#include "tests/docs/rendered_page.h"

namespace slicemill {
namespace {

using testing::HasSubstr;

// The least that makes each operation valid. A new operation with required options adds its line.
const std::map<std::string, std::string>& required_options() {
  static const std::map<std::string, std::string> options = {
      {"file_reader", R"({"path":"/in"})"},
      {"file_exporter", R"({"path":"/out"})"},
      {"id_range", R"({"end":10})"},
      {"filter", R"({"field":"a","value":1})"},
      {"selection", R"({"fields":["a"]})"},
      {"set_field", R"({"field":"a","value":1})"},
      {"drop_field", R"({"field":"a"})"},
      {"drop_property", R"({"property":"a"})"},
      {"copy_field", R"({"source":"a","destination":"b"})"},
      {"collect", R"({"size":1})"},
      {"script", R"({"command":"cat"})"},
      {"postgres_reader", R"({"table":"t"})"},
      {"tasks", R"({"tasks":[{"run":"true"}]})"},
      {"postgres_sender", R"({"table":"t"})"},
      {"date_router", R"({"field":"a"})"},
      {"field_router", R"({"fields":["a"]})"},
      {"hash_router", R"({"partitions":1})"},
      {"routed_sender", R"({"path":"/out","routing":{"**":"default"}})"},
  };
  return options;
}

class EveryOperation : public testing::TestWithParam<const OperationSchema*> {
 protected:
  Json least() const {
    const auto found = required_options().find(GetParam()->name);
    return found == required_options().end() ? Json::object() : Json::parse(found->second);
  }
};

TEST_P(EveryOperation, IsDescribedToTheLastOption) {
  const auto& schema = *GetParam();
  EXPECT_TRUE(schema.description.ends_with('.')) << schema.description;
  for (const auto& option : schema.options) {
    EXPECT_GT(option.description.size(), 10U) << option.name;
    EXPECT_TRUE(option.description.ends_with('.')) << option.name;
    EXPECT_TRUE(boost::regex_match(option.name, boost::regex("[a-z][a-z0-9_]*"))) << option.name;
    EXPECT_FALSE(option.required && !option.default_value.is_null()) << option.name;
  }
}

TEST_P(EveryOperation, DefaultsAreValidAndFinal) {
  const auto& schema = *GetParam();
  const auto once = validate_options(schema, least());
  for (const auto& issue : once.issues)
    ADD_FAILURE() << (issue.path.empty() ? "" : issue.path[0]) << ": " << issue.message;
  EXPECT_TRUE(once.warnings.empty());
  const auto twice = validate_options(schema, once.options);
  EXPECT_TRUE(twice.issues.empty());
  EXPECT_EQ(once.options, twice.options);
}

TEST_P(EveryOperation, IsOfItsKindAndStartsWithItsDefaults) {
  const auto& schema = *GetParam();
  const auto operation = builtin_operations().make(schema.name);
  ASSERT_NE(operation, nullptr);
  switch (schema.kind) {
    case OperationKind::reader:
      EXPECT_NE(dynamic_cast<Reader*>(operation.get()), nullptr);
      break;
    case OperationKind::processor:
      EXPECT_NE(dynamic_cast<Processor*>(operation.get()), nullptr);
      break;
    case OperationKind::sender:
      EXPECT_NE(dynamic_cast<Sender*>(operation.get()), nullptr);
      EXPECT_NE(schema.commit, CommitClass::none) << "a sender promises something";
      break;
  }
  const OperationSpec spec{.name = schema.name, .options = validate_options(schema, least()).options};
  const auto ready = operation->initialize({spec, JobSpec(), 0, "worker"});
  if (schema.name == "task") {
    EXPECT_NE(ready.error().message.find("must stand behind `tasks`"), std::string::npos) << ready.error().message;
  } else if (schema.connection_type.empty()) {
    EXPECT_TRUE(ready) << ready.error().message;
  } else {
    EXPECT_NE(ready.error().message.find("was given no connection"), std::string::npos) << ready.error().message;
  }
}

TEST_P(EveryOperation, RequiredOptionsAreRequired) {
  for (const auto& option : GetParam()->options) {
    if (!option.required) continue;
    auto options = least();
    options.erase(option.name);
    const auto validated = validate_options(*GetParam(), options);
    ASSERT_FALSE(validated.issues.empty()) << option.name;
    EXPECT_EQ(validated.issues[0].message, "is required");
  }
}

// Relative paths would mean another place in the worker than they meant to the user.
TEST_P(EveryOperation, PathOptionsAreMarked) {
  for (const auto& option : GetParam()->options) {
    if (option.name == "path" || option.name.ends_with("_path")) {
      EXPECT_TRUE(option.is_path) << option.name;
    }
  }
}

TEST_P(EveryOperation, HasAJsonSchemaOfItsOptions) {
  const auto schema = json_schema(*GetParam());
  EXPECT_EQ(schema["properties"].size(), GetParam()->options.size());
}

INSTANTIATE_TEST_SUITE_P(Builtin, EveryOperation, testing::ValuesIn(builtin_operations().all()), [](const auto& each) {
  return boost::regex_replace(each.param->name, boost::regex("[^a-zA-Z0-9]"), "_");
});

TEST(Operations, NamesAreUnique) {
  std::set<std::string> names;
  for (const auto* schema : builtin_operations().all()) EXPECT_TRUE(names.insert(schema->name).second) << schema->name;
}

TEST(Describe, ListsAllAndTellsOne) {
  const auto list = describe_operations(builtin_operations());
  for (const auto* schema : builtin_operations().all()) EXPECT_THAT(list, HasSubstr(schema->name + " "));
  const auto one = describe_operation(builtin_operations(), "id_range");
  ASSERT_TRUE(one);
  EXPECT_THAT(*one, HasSubstr("id_range (reader)"));
  EXPECT_THAT(*one, HasSubstr("size    integer  10000     Ids per slice. At least 1."));
  EXPECT_THAT(*one, HasSubstr("end     integer  required  The first id that is not made any more."));
  EXPECT_THAT(*describe_operation(builtin_operations(), "noop"), HasSubstr("No options."));
  const auto none = describe_operation(builtin_operations(), "id_rnge");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::not_found);
  EXPECT_EQ(none.error().message, R"(there is no operation "id_rnge" (did you mean "id_range"?))");
}

TEST(OperationContext, KnowsWhereABundleIs) {
  OperationContext context;
  context.job.bundles = {{"aa", "tools", "1.0.0", "tools:1.x", "/data/assets/aa", {}}};
  EXPECT_EQ(context.asset_directory("tools"), "/data/assets/aa");
  EXPECT_EQ(context.asset_directory("aa"), "/data/assets/aa");
  EXPECT_EQ(context.asset_directory("tools:1.x"), "/data/assets/aa");
  EXPECT_EQ(context.asset_directory("other"), "");
}

TEST(BuiltinOperations, WhatStagesOrClaimsIsASinkThatTheControllerKnows) {
  std::set<std::string> senders, sinks;
  for (const auto* schema : builtin_operations().all())
    if (schema->commit == CommitClass::staged || schema->commit == CommitClass::claimed)
      senders.insert(schema->name + " " + std::string(to_string(schema->commit)));
  for (const SinkType& sink : sink_types()) {
    sinks.insert(std::string(sink.operation) + " " + std::string(to_string(sink.commit)));
    EXPECT_TRUE(sink.make_publisher) << sink.operation;
  }
  EXPECT_EQ(senders, sinks);
}

}  // namespace
}  // namespace slicemill
