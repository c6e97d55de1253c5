#include "operations/known_fields.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/model/job_spec_v0.h"
#include "operations/processors/field_edits.h"
#include "operations/processors/filter.h"
#include "operations/processors/selection.h"
#include "operations/senders/file_exporter.h"

namespace slicemill {
namespace {

using testing::HasSubstr;

std::vector<OperationSpec> specs_of(const std::vector<Json>& operations) {
  std::vector<OperationSpec> specs;
  for (const Json& operation : operations) specs.push_back(operation_spec_of_v0(operation));
  return specs;
}

// "yes", "no", or "unknown".
std::string has(const std::string& field, const std::vector<Json>& before) {
  const auto specs = specs_of(before);
  const auto known = KnownFields::behind(specs, nullptr);
  if (!known) return "unknown";
  return known->may_have(*FieldPath::parse(field)) ? "yes" : "no";
}

const Json kCsv = {{"_op", "file_reader"}, {"path", "/in"}, {"format", "csv"}, {"fields", {"id", "name", "a.b"}}};
const Json kLdjson = {{"_op", "file_reader"}, {"path", "/in"}, {"format", "ldjson"}};

TEST(KnownFields, AreThoseThatReadersSay) {
  EXPECT_EQ(has("name", {kCsv}), "yes");
  EXPECT_EQ(has("nam", {kCsv}), "no");
  EXPECT_EQ(has("a.b", {kCsv}), "yes") << "the name of a column is one name";
  EXPECT_EQ(has("id", {{{"_op", "id_range"}}}), "yes");
  EXPECT_EQ(has("ID", {{{"_op", "id_range"}}}), "no");
  EXPECT_EQ(has("data", {{{"_op", "file_reader"}, {"path", "/in"}, {"format", "raw"}}}), "yes");
  EXPECT_EQ(has("line", {{{"_op", "file_reader"}, {"path", "/in"}, {"format", "raw"}}}), "no");
  EXPECT_EQ(has("name", {kLdjson}), "unknown");
  EXPECT_EQ(has("name", {{{"_op", "data_generator"}}}), "unknown");
  EXPECT_EQ(has("name", {{{"_op", "file_reader"}, {"path", "/in"}, {"format", "csv"}}}), "unknown") << "without files";
  EXPECT_EQ(has("name", {}), "unknown");
}

TEST(KnownFields, ChangeOnTheWay) {
  const auto selection = [](const Json& fields) { return Json{{"_op", "selection"}, {"fields", fields}}; };
  EXPECT_EQ(has("name", {kCsv, selection({"id"})}), "no");
  EXPECT_EQ(has("x", {kCsv, selection({"id", "x"})}), "no") << "it was not there before";
  EXPECT_EQ(has("x", {kLdjson, selection({"id", "x"})}), "yes");
  EXPECT_EQ(has("y", {kLdjson, selection({"id", "x"})}), "no");
  EXPECT_EQ(has("x", {kLdjson, selection({{"x", "http.status"}})}), "yes");
  EXPECT_EQ(has("http.status", {kLdjson, selection({"http"})}), "yes") << "within one";
  EXPECT_EQ(has("http", {kLdjson, selection({"http.status"})}), "yes") << "around one";
  EXPECT_EQ(has("http.path", {kLdjson, selection({"http.status"})}), "no");
  EXPECT_EQ(has("x", {kCsv, {{"_op", "set_field"}, {"field", "x"}, {"value", 1}}}), "yes");
  const Json copied = {{"_op", "copy_field"}, {"source", "id"}, {"destination", "x"}, {"delete_source", true}};
  EXPECT_EQ(has("x", {kCsv, copied}), "yes");
  EXPECT_EQ(has("id", {kCsv, copied}), "no");
  EXPECT_EQ(has("x", {kCsv, {{"_op", "copy_field"}, {"source", "idd"}, {"destination", "x"}}}), "no");
  EXPECT_EQ(has("id", {kCsv, {{"_op", "drop_field"}, {"field", "id"}}}), "no");
  EXPECT_EQ(has("id", {kCsv, {{"_op", "drop_property"}, {"property", "id"}}}), "no");
  EXPECT_EQ(has("x", {kCsv, {{"_op", "filter"}, {"field", "id"}, {"value", 1}}, {{"_op", "collect"}, {"size", 2}}}),
            "no");
  EXPECT_EQ(has("x", {kCsv, {{"_op", "script"}, {"command", "cat"}}}), "unknown");
}

TEST(KnownFields, AreFoundInTheHeaderOfATable) {
  std::string dir = testing::TempDir() + "/fields-XXXXXX";
  ASSERT_NE(mkdtemp(dir.data()), nullptr);
  std::ofstream(dir + "/in.csv") << "id;name\n1;Ada\n";
  const auto specs =
      specs_of({{{"_op", "file_reader"}, {"path", dir + "/in.csv"}, {"format", "csv"}, {"field_delimiter", ";"}}});
  const auto known = KnownFields::behind(specs, &posix_files());
  ASSERT_TRUE(known);
  EXPECT_TRUE(known->may_have(*FieldPath::parse("name")));
  EXPECT_FALSE(known->may_have(*FieldPath::parse("nam")));
  EXPECT_EQ(known->complaint(*FieldPath::parse("nam")),
            "no record has the field `nam`; there are `id`, `name` (did you mean `name`?)");
  const auto directory = specs_of({{{"_op", "file_reader"}, {"path", dir}, {"format", "csv"}}});
  EXPECT_FALSE(KnownFields::behind(directory, &posix_files())) << "each file may have others";
  const auto absent = specs_of({{{"_op", "file_reader"}, {"path", dir + "/no.csv"}, {"format", "csv"}}});
  EXPECT_FALSE(KnownFields::behind(absent, &posix_files()));
  std::filesystem::remove_all(dir);
}

TEST(KnownFields, OutputPathsThatNoRecordFitsAreRefused) {
  const auto entry = file_exporter_operation();
  const auto error_of = [&](const char* subdirectory, const Json& reader) {
    JobSpec job;
    job.plan = Plan(specs_of({reader, {{"_op", "file_exporter"}, {"path", "/out"}, {"subdirectory", subdirectory}}}));
    const PathRule paths;
    const auto checked = entry.schema.check_job(job.plan.nodes.back().operation.options,
                                                {job, paths, job.plan.size() - 1, builtin_operations()});
    return checked ? "" : checked.error().message;
  };
  EXPECT_EQ(error_of("{field:nam}", kCsv),
            "path: {nam}: no record has the field `nam`; there are `{id}`, `{field:name}`, `{a.b}` (did you mean "
            "`{field:name}`?); `{nam:-none}` gives a default");
  EXPECT_EQ(error_of("{field:nam:-none}", kCsv), "");
  EXPECT_EQ(error_of("{field:name}", kCsv), "");
  EXPECT_EQ(error_of("{field:nam}", kLdjson), "");
}

TEST(KnownFields, PlaceholdersThatHideAFieldAreWarnedOf) {
  const auto before = specs_of({kCsv});
  const auto warning = [&](const char* word) {
    const auto found =
        file_exporter_operation().schema.check_place({{"path", "/out"}, {"placeholders", {word}}}, before);
    return found ? found->description : "";
  };
  EXPECT_EQ(warning("name"),
            "path: {name} is the name of the job, and the records have a field `name` too, which is written "
            "{field:name}");
  EXPECT_EQ(warning("date"), "");
}

TEST(KnownFields, OptionsThatNameNoneOfThemAreWarnedOf) {
  const auto before = specs_of({kCsv});
  const auto warning = [&](const OperationEntry& entry, const Json& options) {
    const auto found = entry.schema.check_place(options, before);
    return found ? found->option + "|" + found->description : "";
  };
  EXPECT_EQ(warning(filter_operation(), {{"field", "nam"}, {"regex", "A"}}),
            "field|field: no record has the field `nam`; there are `id`, `name`, `a.b` (did you mean `name`?)");
  EXPECT_EQ(warning(filter_operation(), {{"field", "name"}, {"regex", "A"}}), "");
  EXPECT_THAT(warning(selection_operation(), {{"fields", {"id", "nam"}}}), HasSubstr("fields|fields: no record"));
  EXPECT_THAT(warning(selection_operation(), {{"fields", {{"n", "nam"}}}}), HasSubstr("`nam`"));
  EXPECT_THAT(warning(drop_field_operation(), {{"field", "nam"}}), HasSubstr("field|"));
  EXPECT_THAT(warning(drop_property_operation(), {{"property", "nam"}}), HasSubstr("property|"));
  EXPECT_THAT(warning(copy_field_operation(), {{"source", "nam"}, {"destination", "n"}}), HasSubstr("source|"));
  EXPECT_THAT(warning(file_exporter_operation(), {{"fields", {"id", "nam"}}}), HasSubstr("fields|"));
  EXPECT_THAT(warning(file_exporter_operation(), {{"subdirectory", "{field:nam:-none}"}}), HasSubstr("path|"));
}

}  // namespace
}  // namespace slicemill
