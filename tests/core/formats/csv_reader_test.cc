#include "core/formats/csv_reader.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/core/formats/padded.h"

namespace slicemill {
namespace {

Result<std::vector<std::string>> read_all(const std::string& text, CsvOptions options, std::size_t step,
                                          const CsvReader::OnBadRow& on_bad_row = {}) {
  CsvReader reader(std::move(options));
  RecordText out;
  std::string held;
  std::size_t read_to = 0;
  do {
    const std::size_t more = std::min(step, text.size() - read_to);
    held += text.substr(read_to, more);
    read_to += more;
    const Padded chunk(held);
    ASSIGN_OR_RETURN(const std::size_t used, reader.read(chunk.view(), read_to == text.size(), out, on_bad_row));
    held.erase(0, used);
  } while (read_to < text.size());
  EXPECT_TRUE(held.empty()) << held;
  std::vector<std::string> records;
  std::size_t begin = 0;
  for (std::size_t end : out.ends()) {
    records.emplace_back(out.data() + begin, end - begin);
    begin = end;
  }
  return records;
}

CsvOptions keeping_empty() {
  CsvOptions options;
  options.ignore_empty = false;
  return options;
}

TEST(CsvReader, ReadsQuotesAndLineEndsAtEveryChunkSize) {
  const std::string text =
      "\xEF\xBB\xBFname,\"the \"\"note\"\"\",n\r\n"
      "plain,text,1\r\n"
      "\"a,b\",\"line one\nline \"\"two\"\"\",\"2\"\n"
      "\n"
      "in\"side,\"\",\r\n"
      "a value that is longer than a block of sixteen,\"quoted and longer than a block too\",\\";
  for (std::size_t step = 1; step <= text.size() + 1; ++step) {
    const auto records = read_all(text, {}, step);
    ASSERT_TRUE(records) << step << ": " << records.error().message;
    EXPECT_THAT(
        *records,
        testing::ElementsAre(
            R"({"name":"plain","the \"note\"":"text","n":"1"})",
            R"({"name":"a,b","the \"note\"":"line one\nline \"two\"","n":"2"})", R"({"name":"in\"side"})",
            R"({"name":"a value that is longer than a block of sixteen","the \"note\"":"quoted and longer than a block too","n":"\\"})"))
        << step;
  }
}

TEST(CsvReader, KeepsEmptyValuesWhenAsked) {
  EXPECT_THAT(*read_all("a,b\n,\n1,\n", keeping_empty(), 100),
              testing::ElementsAre(R"({"a":"","b":""})", R"({"a":"1","b":""})"));
  EXPECT_THAT(*read_all("a,b\n,\n", {}, 100), testing::ElementsAre("{}"));
  EXPECT_THAT(*read_all("a\n\nx", keeping_empty(), 100), testing::ElementsAre(R"({"a":""})", R"({"a":"x"})"));
}

TEST(CsvReader, TakesNamesFromTheOptions) {
  CsvOptions options;
  options.fields = {"x", "y"};
  const std::string records[] = {R"({"x":"1","y":"2"})", R"({"x":"h","y":"i"})"};
  EXPECT_THAT(*read_all("x,y\n1,2\n", options, 100), testing::ElementsAre(records[0]));
  EXPECT_THAT(*read_all("\n\"X\", y \n1,2\n", options, 100), testing::ElementsAre(records[0]));
  EXPECT_THAT(*read_all("h,i\n1,2\n", options, 100), testing::ElementsAre(records[1], records[0])) << "no header";
  EXPECT_THAT(*read_all("1,2\nx,y\n", options, 100), testing::ElementsAre(records[0], R"({"x":"x","y":"y"})"));
  EXPECT_EQ(read_all("y,x\n1,2\n", options, 100).error().message,
            "line 1, column 1, byte 0: the header has the names of `fields` in another order");
  EXPECT_EQ(read_all("x\n1,2\n", options, 100).error().message,
            "line 1, column 2, byte 1: 1 field where there are 2 columns");
  options.remove_header = false;
  options.dialect.delimiter = '\t';
  EXPECT_THAT(*read_all("x\ty\n1\t2\n", options, 100), testing::ElementsAre(R"({"x":"x","y":"y"})", records[0]));
}

TEST(CsvReader, NamesThePlaceOfEveryError) {
  const std::pair<const char*, const char*> cases[] = {
      {"a,b\n1,2\n3\n", "line 3, column 2, byte 9: 1 field where there are 2 columns"},
      {"a,b\n\"1\n\n2\",3\n4,5,6\n", "line 5, column 3, byte 17: 3 fields where there are 2 columns"},
      {"a,b\r\"1\r\r\n2\",3\r4,5,6\r", "line 5, column 3, byte 18: 3 fields where there are 2 columns"},
      {"a,b\n1,\"2\n3,4\n",
       "line 2, column 2, byte 6: a quoted field begins here and is never closed, up to the end of the file in line 4"},
      {"a,b\nx\ny,2", "line 2, column 2, byte 5: 1 field where there are 2 columns"},
      {"a,b\n\"1\"x,2\n", "line 2, column 1, byte 7: text behind the closing quote of a field"},
      {"a,a\n1,2\n", "line 1, column 2, byte 2: two columns have the name \"a\""},
      {",\"\"\n1,2\n", "line 1, column 2, byte 2: two columns have the name \"\""},
      {"a\nok\n\xFF\n", "line 3, column 1, byte 5: not UTF-8"},
      {"a,\xFF\n1,2\n", "line 1, column 2, byte 2: not UTF-8"},
      {"a\n1,2\n", "line 2, column 2, byte 4: 2 fields where there is 1 column"},
      {"a;b\n1,5;2,5\n",
       "line 2, column 2, byte 6: 3 fields where there is 1 column (the row holds \";\": is that its "
       "`field_delimiter`?)"},
  };
  for (const auto& [text, message] : cases) {
    for (std::size_t step : {1, 3, 100}) {
      const auto records = read_all(text, {}, step);
      ASSERT_FALSE(records) << text;
      EXPECT_EQ(records.error().message, message) << text;
      EXPECT_FALSE(records.error().retryable);
    }
  }
  CsvOptions part;
  part.is_part = true;
  part.header = "a,b\n";
  part.first_line = 7;
  part.first_byte = 100;
  EXPECT_EQ(read_all("1,2\n3\n", part, 100).error().message,
            "line 8, column 2, byte 105: 1 field where there are 2 columns");
}

TEST(CsvReader, EndsRowsAtEveryKindOfLineEnd) {
  const std::vector<std::string> records = {R"({"a":"1","b":"2"})", "{\"a\":\"3\",\"b\":\"x\\r\\ny\\rz\"}",
                                            R"({"a":"5","b":"6"})"};
  for (const std::string end : {"\n", "\r\n", "\r", "\r\r\n"}) {
    for (const std::string other : {"\n", "\r\n", "\r", "\r\r\n"}) {
      for (const bool keeps_empty : {false, true}) {
        const std::string text = "a,b" + end + "1,2" + other + "3,\"x\r\ny\rz\"" + end + "5,6";
        for (const std::string& last : {std::string(), end}) {
          for (std::size_t step : {1, 2, 3, 5, 100}) {
            const auto read = read_all(text + last, keeps_empty ? keeping_empty() : CsvOptions(), step);
            ASSERT_TRUE(read) << read.error().message;
            EXPECT_EQ(*read, records) << testing::PrintToString(text + last) << " in steps of " << step;
          }
        }
      }
    }
  }
  EXPECT_THAT(*read_all("a\n1\n\r2\r\r3\n", {}, 1), testing::SizeIs(3)) << "blank lines are skipped";
}

TEST(CsvReader, TellsAnEmptyFieldFromABlankLine) {
  EXPECT_THAT(*read_all("v\na\n\"\"\n\nb\n", {}, 1), testing::ElementsAre(R"({"v":"a"})", "{}", R"({"v":"b"})"));
  EXPECT_THAT(*read_all("v\n\"\"", keeping_empty(), 1), testing::ElementsAre(R"({"v":""})"));
  EXPECT_THAT(*read_all("\n\nv\n1\n", keeping_empty(), 1), testing::ElementsAre(R"({"v":"1"})"));
  EXPECT_THAT(*read_all(",b\n1,2\n", {}, 1), testing::ElementsAre(R"({"":"1","b":"2"})"));
}

TEST(CsvReader, QuotesMayBeOffOrOthers) {
  CsvOptions options;
  options.dialect = {'\t', std::nullopt};
  EXPECT_THAT(*read_all("id\t\"t\"\n1\t\"open\n2\tin \"side\"\n", options, 1),
              testing::ElementsAre(R"({"id":"1","\"t\"":"\"open"})", R"({"id":"2","\"t\"":"in \"side\""})"));
  options.dialect = {',', '\''};
  EXPECT_THAT(*read_all("a,b\n'1,''2',\"3\n", options, 1), testing::ElementsAre(R"({"a":"1,'2","b":"\"3"})"));
}

TEST(CsvReader, HonoursASeparatorLine) {
  const auto record = testing::ElementsAre(R"({"a":"1,5","b":"2"})");
  for (const char* text :
       {"sep=;\na;b\n1,5;2\n", "\xEF\xBB\xBFSep=;\r\na;b\r\n1,5;2", "sep=;\ra;b\r1,5;2\r", "sep=;\r\r\na;b\n1,5;2"}) {
    for (std::size_t step : {1, 4, 100}) EXPECT_THAT(*read_all(text, {}, step), record) << text;
  }
  EXPECT_THAT(*read_all("sep=;", {}, 1), testing::ElementsAre());
  EXPECT_EQ(read_all("sep=;\na;b\n1;2;3\n", {}, 100).error().message,
            "line 3, column 3, byte 14: 3 fields where there are 2 columns");
  EXPECT_THAT(*read_all("sep=\"\n1\n", {}, 1), testing::ElementsAre(R"({"sep=\"":"1"})")) << "no delimiter";
  EXPECT_THAT(*read_all("sep=ab\n1\n", {}, 1), testing::ElementsAre(R"({"sep=ab":"1"})"));
  EXPECT_THAT(*read_all("\"sep=;\"\n1\n", {}, 1), testing::ElementsAre(R"({"sep=;":"1"})")) << "quoted: a name";
}

TEST(CsvReader, DoubtsADelimiterThatNobodyNamed) {
  CsvOptions options;
  options.doubts_delimiter = true;
  EXPECT_EQ(
      read_all("id;name\n\n1;\"a;b\"\n", options, 100).error().message,
      "line 3, column 1, byte 9: header and row are one column for the delimiter \",\", and both hold \";\": name "
      "the delimiter with `field_delimiter`");
  EXPECT_THAT(read_all("a\tb\n1,5\t2,5\n", options, 1).error().message, testing::HasSubstr("both hold a tab"));
  for (const char* text : {"id;name\n1\n2;3\n", "id;name\n1;2;3\n", "id\n1;2\n", "a,b;c\n1,2;3\n"}) {
    EXPECT_TRUE(read_all(text, options, 100)) << text;
  }
  options.doubts_delimiter = false;
  EXPECT_THAT(*read_all("id;name\n1;2\n", options, 100), testing::ElementsAre(R"({"id;name":"1;2"})"));
}

TEST(CsvReader, GoesOnBehindBadRows) {
  const std::string text = "a,b\n1,2,3\n4,\"5\n\"x,y\"\n6,7\n\xFF,8\n9,10\n11,\"12\n13,14\n";
  for (std::size_t step : {1, 3, 100}) {
    std::vector<std::string> bad;
    const auto note = [&](const BadCsvRow& row) -> Result<void> {
      bad.push_back(std::to_string(row.line) + "@" + std::to_string(row.byte) + " " + std::string(row.text));
      return {};
    };
    EXPECT_THAT(*read_all(text, {}, step, note), testing::ElementsAre(R"({"a":"6","b":"7"})", R"({"a":"9","b":"10"})"));
    EXPECT_THAT(bad, testing::ElementsAre("2@4 1,2,3", "3@10 4,\"5\n\"x,y\"", "6@25 \xFF,8", "8@34 11,\"12\n13,14\n"));
  }
  const auto refuse = [](const BadCsvRow& row) { return Result<void>(row.error); };
  EXPECT_FALSE(read_all(text, {}, 100, refuse));
}

TEST(CsvReader, EndsARowAtTheEndOfTheFile) {
  EXPECT_THAT(*read_all("a,b\n1,\"2\"", {}, 1), testing::ElementsAre(R"({"a":"1","b":"2"})"));
  EXPECT_THAT(*read_all("a,b\n1,", keeping_empty(), 1), testing::ElementsAre(R"({"a":"1","b":""})"));
  EXPECT_THAT(*read_all("a,b\n1,\"2\"\r", {}, 1), testing::ElementsAre(R"({"a":"1","b":"2"})"));
  EXPECT_THAT(*read_all("a,b", {}, 1), testing::ElementsAre());
  EXPECT_THAT(*read_all("", {}, 1), testing::ElementsAre());
  CsvReader reader({});
  RecordText none;
  EXPECT_EQ(reader.columns(), nullptr);
  EXPECT_EQ(*reader.read(Padded("a,\"b\"").view(), true, none), 5u);
  EXPECT_EQ(*reader.columns(), (std::vector<std::string>{"a", "b"}));
}

CsvOptions typed(const Json& types, Json more = Json::object()) {
  more["types"] = types;
  CsvOptions options;
  options.types = **cell_rules(more);
  options.empty = EmptyCell::null;
  return options;
}

TEST(CsvReader, TypesMakeValuesAtEveryChunkSize) {
  const std::string text = "id,amount,at,ok,note\n1,\"1.234,50\",31.1.2024,yes,\"a \"\"b\"\"\"\n2, ,,NO,\n";
  CsvOptions options = typed({{"id", "integer"}, {"amount", "decimal"}, {"at", "date"}, {"ok", "boolean"}},
                             {{"decimal_separator", ","}, {"thousands_separator", "."}, {"date_format", "%d.%m.%Y"}});
  for (std::size_t step = 1; step <= text.size() + 1; ++step) {
    const auto records = read_all(text, options, step);
    ASSERT_TRUE(records) << step << ": " << records.error().message;
    EXPECT_THAT(*records,
                testing::ElementsAre(R"({"id":1,"amount":1234.50,"at":"2024-01-31","ok":true,"note":"a \"b\""})",
                                     R"({"id":2,"amount":null,"at":null,"ok":false,"note":null})"));
  }
}

TEST(CsvReader, EmptyCellsMayBeLeftOutNullOrText) {
  const auto with = [&](std::optional<EmptyCell> empty) {
    CsvOptions options = typed({{"n", "integer"}});
    options.empty = empty;
    return read_all("n,t\n,\n", options, 100)->at(0);
  };
  EXPECT_EQ(with(EmptyCell::null), R"({"n":null,"t":null})");
  EXPECT_EQ(with(EmptyCell::omit), "{}");
  EXPECT_EQ(with(EmptyCell::text), R"({"n":null,"t":""})");
  CsvOptions untyped;
  untyped.empty = EmptyCell::null;
  EXPECT_EQ(read_all("n,t\n,x\n", untyped, 100)->at(0), R"({"n":null,"t":"x"})");
}

TEST(CsvReader, ACellThatDoesNotFitNamesItsPlace) {
  const std::string text = "id,amount\n1,2\n2,\"1,5\"\n3,4\n";
  const auto failed = read_all(text, typed({{"amount", "decimal"}}), 100);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message,
              testing::AllOf(testing::StartsWith("line 3, column 2, byte 17: \"1,5\" is no decimal"),
                             testing::HasSubstr("`decimal_separator`"), testing::HasSubstr("column \"amount\"")));
  std::vector<std::string> bad;
  const auto kept = read_all(text, typed({{"amount", "decimal"}}), 100, [&](const BadCsvRow& row) -> Result<void> {
    bad.emplace_back(row.text);
    return {};
  });
  EXPECT_THAT(*kept, testing::ElementsAre(R"({"id":"1","amount":2})", R"({"id":"3","amount":4})"));
  EXPECT_THAT(bad, testing::ElementsAre("2,\"1,5\""));
}

TEST(CsvReader, AnInferredTypeIsSaidToBeOne) {
  CsvOptions options = typed("infer");
  options.inferred_types = {{"id", CellType::integer}};
  EXPECT_EQ(read_all("id,x\n1,2\n", options, 100)->at(0), R"({"id":1,"x":"2"})");
  const auto failed = read_all("id,x\n1,2\n07,3\n", options, 100);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message,
              testing::AllOf(testing::HasSubstr("\"07\" is no integer, which was inferred for the column \"id\""),
                             testing::HasSubstr("`types: {\"*\": infer, \"id\": text}`")));
}

TEST(CsvReader, ATypeOfNoColumnIsAnError) {
  const auto failed = read_all("id,amount\n1,2\n", typed({{"amuont", "decimal"}}), 100);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, testing::HasSubstr("did you mean \"amount\"?"));
}

}  // namespace
}  // namespace slicemill
