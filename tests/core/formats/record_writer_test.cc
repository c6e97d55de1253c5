#include "core/formats/record_writer.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/core/formats/padded.h"

namespace slicemill {
namespace {

Result<std::string> written(RecordWriterOptions options, const std::vector<std::string>& records) {
  std::vector<Padded> padded;
  for (const std::string& record : records) padded.emplace_back(record);
  std::vector<std::string_view> views;
  for (const Padded& record : padded) views.push_back(record.view());
  const auto writer = make_record_writer(std::move(options));
  std::string out;
  // Two calls: what a writer remembers must outlive a batch.
  const std::size_t half = views.size() / 2;
  RETURN_IF_ERROR(writer->append(std::span(views).first(half), out));
  RETURN_IF_ERROR(writer->append(std::span(views).subspan(half), out));
  writer->finish(out);
  return out;
}

RecordWriterOptions format(RecordFormat format) {
  RecordWriterOptions options;
  options.format = format;
  return options;
}

TEST(RecordWriter, Ldjson) {
  EXPECT_EQ(*written(format(RecordFormat::ldjson), {"{\"a\":1}", "[2]", "3"}), "{\"a\":1}\n[2]\n3\n");
  auto options = format(RecordFormat::ldjson);
  options.line_delimiter = "\r\n";
  EXPECT_EQ(*written(options, {"1", "2"}), "1\r\n2\r\n");
  EXPECT_THAT(written(format(RecordFormat::ldjson), {"1", "{\n}"}).error().message,
              "record 2: the line delimiter occurs inside the record: { }");
}

TEST(RecordWriter, LdjsonAndJsonWithFields) {
  auto options = format(RecordFormat::ldjson);
  options.fields = {"b", "a", "x y"};
  EXPECT_EQ(*written(options, {R"({"a" : 1 ,"c":2,"b":{"d":[1, 2]} })", R"({"x y":"\u00e9","z":0})", "{}"}),
            "{\"b\":{\"d\":[1, 2]},\"a\":1}\n{\"x y\":\"\\u00e9\"}\n{}\n");
  EXPECT_EQ(written(options, {"{}", "[1]"}).error().message, "record 2: not a JSON object: [1]");
  options.format = RecordFormat::json;
  EXPECT_EQ(*written(options, {R"({"a":1,"c":2})"}), "[\n{\"a\":1}\n]\n");
}

TEST(RecordWriter, FieldsArePaths) {
  const std::vector<std::string> records = {
      R"({"http":{"status":404,"x":1},"user.name":"ann","items":[{"p":1},{"p":"b"}]})"};
  auto options = format(RecordFormat::ldjson);
  options.fields = {"user.name", "http.status", "items.p", "items.9"};
  EXPECT_EQ(*written(options, records),
            "{\"user.name\":\"ann\",\"http\":{\"status\":404},\"items\":[{\"p\":1},{\"p\":\"b\"}]}\n");
  options.format = RecordFormat::csv;
  options.include_header = true;
  EXPECT_EQ(*written(options, records), "user.name,http.status,items.p,items.9\nann,404,\"[1,\"\"b\"\"]\",\n");
}

TEST(RecordWriter, OfRepeatedMembersTheLastIsWritten) {
  const std::vector<std::string> records = {R"({"k":"first","\u006b":"last"})"};
  auto options = format(RecordFormat::csv);
  EXPECT_EQ(*written(options, records), "last\n");
  options.fields = {"k"};
  EXPECT_EQ(*written(options, records), "last\n");
  options.format = RecordFormat::ldjson;
  EXPECT_EQ(*written(options, records), "{\"k\":\"last\"}\n");
  EXPECT_EQ(*written(format(RecordFormat::raw), {R"({"data":"first","data":"last"})"}), "last\n");
}

TEST(RecordWriter, HalfOfASurrogatePairBecomesTheReplacementCharacter) {
  const std::vector<std::string> records = {R"({"data":"cut \ud83d","b":"\udc00\ud83d\ude00"})"};
  for (const auto word : {RecordFormat::csv, RecordFormat::raw}) {
    const auto writer = make_record_writer(format(word));
    const Padded record(records[0]);
    const std::vector<std::string_view> views = {record.view()};
    std::string out;
    ASSERT_TRUE(writer->append(views, out));
    EXPECT_EQ(out, word == RecordFormat::csv ? "cut \uFFFD,\uFFFD😀\n" : "cut \uFFFD\n");
    EXPECT_TRUE(writer->has_replaced_characters());
  }
  EXPECT_EQ(*written(format(RecordFormat::ldjson), records), records[0] + "\n");
}

TEST(RecordWriter, Raw) {
  EXPECT_EQ(*written(format(RecordFormat::raw), {R"({"data":"a\tb"})", R"({"x":1,"data":""})"}), "a\tb\n\n");
  EXPECT_THAT(written(format(RecordFormat::raw), {R"({"data":"ok"})", R"({"text":"a"})"}).error().message,
              testing::StartsWith("record 2: format raw writes the text of the member \"data\""));
  EXPECT_THAT(written(format(RecordFormat::raw), {R"({"data":5})"}).error().message,
              testing::StartsWith("record 1: format raw"));
  EXPECT_THAT(written(format(RecordFormat::raw), {R"({"data":"a\nb"})"}).error().message,
              testing::StartsWith("record 1: the line delimiter"));
  auto options = format(RecordFormat::raw);
  options.raw_records = true;
  EXPECT_EQ(*written(options, {"any \xFF bytes", ""}), "any \xFF bytes\n\n");
}

TEST(RecordWriter, Json) {
  EXPECT_EQ(*written(format(RecordFormat::json), {"1", "{}", "\"x\""}), "[\n1,\n{},\n\"x\"\n]\n");
  auto options = format(RecordFormat::json);
  options.is_part = true;
  EXPECT_EQ(*written(options, {"1", "{}"}), "1,\n{}");
  const FileFrame frame = file_frame(options);
  EXPECT_EQ(frame.prologue + "1,\n{}" + frame.separator + "3" + frame.epilogue, "[\n1,\n{},\n3\n]\n");
}

TEST(RecordWriter, CsvTakesTheColumnsOfTheFirstRecord) {
  auto options = format(RecordFormat::csv);
  options.include_header = true;
  EXPECT_EQ(*written(options, {R"({"id":1,"na,me":"x\"y","ok":true})", R"({"ok":null,"id":2.50})",
                               R"({"na,me":"a\nb","ok":[1, "z"]})"}),
            "id,\"na,me\",ok\n1,\"x\"\"y\",true\n2.50,,\n,\"a\nb\",\"[1, \"\"z\"\"]\"\n");
  EXPECT_THAT(written(options, {R"({"a":1})", R"({"a":1,"b":2})"}).error().message,
              testing::StartsWith("record 2: member \"b\" is not among the columns"));
  EXPECT_EQ(written(options, {"[1]"}).error().message, "record 1: not a JSON object: [1]");
  EXPECT_EQ(written(options, {"{}"}).error().message, "record 1: an object without members has no columns: {}");
}

TEST(RecordWriter, CsvWithFieldsWritesThoseOnly) {
  auto options = format(RecordFormat::tsv);
  options.field_delimiter = '\t';
  options.fields = {"b", "a"};
  EXPECT_EQ(*written(options, {R"({"a":"x\ty","b":1,"c":3})", R"({"c":1})"}), "1\t\"x\ty\"\n\t\n");
  options.include_header = true;
  options.is_part = true;
  EXPECT_EQ(*written(options, {R"({"a":1})"}), "\t1\n") << "a part has no header of its own";
  EXPECT_EQ(file_frame(options).prologue, "b\ta\n");
}

TEST(RecordWriter, CsvNeverWritesABlankLine) {
  auto options = format(RecordFormat::csv);
  options.fields = {"a"};
  EXPECT_EQ(*written(options, {R"({"a":""})", R"({"a":"x"})"}), "\"\"\nx\n");
}

}  // namespace
}  // namespace slicemill
