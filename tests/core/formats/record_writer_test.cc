#include "core/formats/record_writer.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "core/formats/csv_reader.h"
#include "core/formats/json_scan.h"
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
  EXPECT_THAT(
      written(options, {R"({"a":1})", R"({"a":1,"b":2})"}).error().message,
      testing::StartsWith("record 2: a member, \"b\", is not among the columns, which without `fields` are those "
                          "of the first record (a): name all in `fields`: {"));
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
  options.fields = {""};
  options.include_header = true;
  EXPECT_EQ(*written(options, {R"({"":"x"})"}), "\"\"\nx\n");
}

TEST(RecordWriter, CsvKeepsTheColumnsOfItsSource) {
  auto options = format(RecordFormat::csv);
  options.include_header = true;
  const auto writer = make_record_writer(options);
  const Padded record(R"({"city":"Bonn","id":1})");
  const std::string_view view = record.view();
  std::string out;
  ASSERT_TRUE(writer->expect_columns({"id", "name"}));
  ASSERT_TRUE(writer->append({&view, 1}, out));
  EXPECT_EQ(out, "id,name,city\n1,,Bonn\n");
  EXPECT_TRUE(writer->expect_columns({"name"}));
  EXPECT_THAT(writer->expect_columns({"name", "zip"}).error().message,
              testing::StartsWith("a column of the source, \"zip\", is not among the columns"));
  options.fields = {"id"};
  EXPECT_TRUE(make_record_writer(options)->expect_columns({"id", "name"})) << "others were not asked for";
}

TEST(RecordWriter, CsvTakesTheColumnsThatAreSettled) {
  auto options = format(RecordFormat::csv);
  std::vector<std::vector<std::string>> asked;
  options.settle_columns = [&](std::vector<std::string> own) -> Result<std::vector<std::string>> {
    asked.push_back(std::move(own));
    return std::vector<std::string>{"b", "a"};
  };
  EXPECT_EQ(*written(options, {R"({"a":1,"b":2})", R"({"b":3})"}), "2,1\n3,\n");
  EXPECT_THAT(asked, testing::ElementsAre(std::vector<std::string>{"a", "b"}));
  EXPECT_THAT(written(options, {R"({"a":1,"c":2})"}).error().message,
              testing::StartsWith("record 1: a member, \"c\", is not among the columns"));
  options.settle_columns = [](std::vector<std::string>) -> Result<std::vector<std::string>> {
    return Error(ErrorCode::io, "the disk is gone");
  };
  EXPECT_EQ(written(options, {R"({"a":1})"}).error().message, "the disk is gone");
}

// What is written is what is read: whatever a value holds, and wherever it stands.
TEST(RecordWriter, CsvIsReadBackAsItWas) {
  const std::vector<std::string> values = {
      "",        " a ",  "a\rb", "\r",       "a\nb",  "\r\n", "\"", "\"a\"",        "a\"b",
      ",",       ";",    "\t",   "sep=;",    "SEP=,", "'",    "\\", "\xEF\xBB\xBF", "\xEF\xBB\xBFx",
      "1,5\r\n", "null", "{}",   "\xC3\xA9", " "};
  for (const RecordFormat kind : {RecordFormat::csv, RecordFormat::tsv}) {
    for (const bool has_header : {false, true}) {
      for (const std::string line_end : {"\n", "\r\n"}) {
        for (const std::string& value : values) {
          auto options = format(kind);
          options.field_delimiter = kind == RecordFormat::tsv ? '\t' : ',';
          options.include_header = has_header;
          options.line_delimiter = line_end;
          const std::string one = "{" + json_quoted(value) + ":" + json_quoted(value) + "}";
          const std::string two = "{\"a\":" + json_quoted(value) + ",\"b\":" + json_quoted(value) + "}";
          for (const std::string& record : {one, two}) {
            const Padded text(*written(options, {record, record}));
            CsvOptions reading;
            reading.dialect.delimiter = options.field_delimiter;
            reading.ignore_empty = false;
            if (!has_header) reading.fields = record == one ? std::vector{value} : std::vector<std::string>{"a", "b"};
            reading.remove_header = false;
            CsvReader reader(reading);
            RecordText read;
            ASSERT_TRUE(reader.read(text.view(), true, read)) << text.view();
            EXPECT_EQ(std::string(read.data(), read.size()), record + record) << text.view();
          }
        }
      }
    }
  }
  const Padded text(*written(format(RecordFormat::csv), {std::string("{\"a\":\"x\\u0000y\",\"b\":\"\\u0000\"}")}));
  CsvReader reader({.fields = {"a", "b"}});
  RecordText read;
  ASSERT_TRUE(reader.read(text.view(), true, read));
  EXPECT_EQ(std::string(read.data(), read.size()), R"({"a":"x\u0000y","b":"\u0000"})");
}

TEST(RecordWriter, CsvShowsValuesThatAreNoText) {
  EXPECT_EQ(*written(format(RecordFormat::csv),
                     {R"({"n":1.50 ,"big":12345678901234567890123,"t":true,"z":null,"o":{"a": [1]},"e":[]})"}),
            "1.50,12345678901234567890123,true,,\"{\"\"a\"\": [1]}\",[]\n");
}

}  // namespace
}  // namespace slicemill
