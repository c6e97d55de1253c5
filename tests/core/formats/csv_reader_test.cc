#include "core/formats/csv_reader.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/core/formats/padded.h"

namespace slicemill {
namespace {

Result<std::vector<std::string>> read_all(const std::string& text, CsvOptions options, std::size_t step) {
  CsvReader reader(std::move(options));
  RecordText out;
  std::string held;
  std::size_t read_to = 0;
  do {
    const std::size_t more = std::min(step, text.size() - read_to);
    held += text.substr(read_to, more);
    read_to += more;
    const Padded chunk(held);
    ASSIGN_OR_RETURN(const std::size_t used, reader.read(chunk.view(), read_to == text.size(), out));
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
  EXPECT_THAT(*read_all("h1,h2\n1,2\n", options, 100), testing::ElementsAre(R"({"x":"1","y":"2"})"));
  options.remove_header = false;
  options.delimiter = '\t';
  EXPECT_THAT(*read_all("1\t2\n", options, 100), testing::ElementsAre(R"({"x":"1","y":"2"})"));
}

TEST(CsvReader, NamesTheLineOfEveryError) {
  const std::pair<const char*, const char*> cases[] = {
      {"a,b\n1,2\n3\n", "line 3: 1 fields where there are 2 columns"},
      {"a,b\n\"1\n\n2\",3\n4,5,6\n", "line 5: 3 fields where there are 2 columns"},
      {"a,b\n1,\"2\n3,4\n", "line 2: a quoted field begins here and is never closed"},
      {"a,b\nx\ny,2", "line 2: 1 fields where there are 2 columns"},
      {"a,b\n\"1\"x,2\n", "line 2: text behind the closing quote of a field"},
      {"a,a\n1,2\n", "line 1: two columns have the name \"a\""},
      {"a\nok\n\xFF\n", "line 3: row is not UTF-8"},
  };
  for (const auto& [text, message] : cases) {
    for (std::size_t step : {1, 3, 100}) {
      const auto records = read_all(text, {}, step);
      ASSERT_FALSE(records) << text;
      EXPECT_EQ(records.error().message, message) << text;
      EXPECT_FALSE(records.error().retryable);
    }
  }
}

TEST(CsvReader, EndsARowAtTheEndOfTheFile) {
  EXPECT_THAT(*read_all("a,b\n1,\"2\"", {}, 1), testing::ElementsAre(R"({"a":"1","b":"2"})"));
  EXPECT_THAT(*read_all("a,b\n1,", keeping_empty(), 1), testing::ElementsAre(R"({"a":"1","b":""})"));
  EXPECT_THAT(*read_all("a,b\n1,\"2\"\r", {}, 1), testing::ElementsAre(R"({"a":"1","b":"2"})"));
  EXPECT_THAT(*read_all("a,b", {}, 1), testing::ElementsAre());
  EXPECT_THAT(*read_all("", {}, 1), testing::ElementsAre());
}

}  // namespace
}  // namespace slicemill
