#include "core/formats/line_cutter.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/formats/record_format.h"

namespace slicemill {
namespace {

using Records = std::vector<std::string>;

// Reads a range of a file in chunks of `step` bytes, as a reader does: what is left over is shown again with more
// behind it.
Records read_range(const std::string& file, const LineOptions& options, LineRange range, std::size_t step) {
  LineCutter cutter(options, range);
  Records records;
  std::string chunk;
  std::uint64_t read_to = cutter.position();
  while (!cutter.done()) {
    const std::size_t more = std::min<std::size_t>(step, file.size() - read_to);
    chunk += file.substr(read_to, more);
    read_to += more;
    std::vector<std::string_view> views;
    const std::size_t used = cutter.cut(chunk, read_to == file.size(), views);
    for (std::string_view view : views) records.emplace_back(view);
    chunk.erase(0, used);
    EXPECT_EQ(cutter.position() + chunk.size(), read_to);
    if (read_to == file.size() && !cutter.done() && more == 0 && used == 0) {
      ADD_FAILURE() << "stuck at " << cutter.position();
      break;
    }
  }
  return records;
}

class EveryBoundary : public testing::TestWithParam<std::tuple<std::string, std::string>> {};

// The union of any two and three adjoining ranges is the file's records, each once, whatever the chunk size.
TEST_P(EveryBoundary, GivesEachRecordOnce) {
  const auto& [file, delimiter] = GetParam();
  const LineOptions options{delimiter, true};
  const Records whole = read_range(file, options, {0, file.size()}, file.size() + 1);
  for (std::size_t step : {1, 2, 3, 5, 7, 64}) {
    EXPECT_EQ(read_range(file, options, {0, file.size()}, step), whole) << "step " << step;
    EXPECT_EQ(read_range(file, options, {}, step), whole) << "step " << step;
    for (std::size_t a = 0; a <= file.size(); ++a) {
      for (std::size_t b = a; b <= file.size(); ++b) {
        Records parts = read_range(file, options, {0, a}, step);
        for (const LineRange range : {LineRange{a, b}, LineRange{b, file.size()}}) {
          const Records part = read_range(file, options, range, step);
          parts.insert(parts.end(), part.begin(), part.end());
        }
        ASSERT_EQ(parts, whole) << "step " << step << ", cut at " << a << " and " << b;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Files, EveryBoundary,
                         testing::Values(std::tuple{"one\ntwo\n\nfour\r\nfive", "\n"}, std::tuple{"\n\na\n\n", "\n"},
                                         std::tuple{"\xEF\xBB\xBF"
                                                    "first\nx\n",
                                                    "\n"},
                                         std::tuple{"no end", "\n"}, std::tuple{"a\r\nb\r\rc\r\nd", "\r\n"},
                                         std::tuple{"a<=>b<=c<=><=>d", "<=>"}, std::tuple{"", "\n"}));

TEST(LineCutter, CutsLines) {
  EXPECT_THAT(read_range("one\ntwo\n\n \t\nfour\r\nfive", {}, {}, 4),
              testing::ElementsAre("one", "two", "four", "five"));
  EXPECT_THAT(read_range("one\n\n x\n", {"\n", false}, {}, 4), testing::ElementsAre("one", "", " x"));
  EXPECT_THAT(read_range("a\r\nb\nc\r\n", {"\r\n", true}, {}, 4), testing::ElementsAre("a", "b\nc"));
}

TEST(LineCutter, OwnsRecordsThatStartInTheRange) {
  const std::string file = "aaaa\nbbbb\ncccc\n";
  EXPECT_THAT(read_range(file, {}, {0, 1}, 3), testing::ElementsAre("aaaa"));
  EXPECT_THAT(read_range(file, {}, {1, 5}, 3), testing::ElementsAre());
  EXPECT_THAT(read_range(file, {}, {5, 6}, 3), testing::ElementsAre("bbbb"));
  EXPECT_THAT(read_range(file, {}, {4, 11}, 3), testing::ElementsAre("bbbb", "cccc"));
  EXPECT_THAT(read_range(file, {}, {11, 15}, 3), testing::ElementsAre());
}

TEST(LineCutter, StopsSkippingAtTheEndOfItsRange) {
  const std::string file(1000, 'x');
  LineCutter cutter({}, {100, 200});
  std::vector<std::string_view> records;
  EXPECT_EQ(cutter.position(), 99u);
  cutter.cut(std::string_view(file).substr(99, 101), false, records);
  EXPECT_TRUE(cutter.done());
  EXPECT_LE(cutter.position(), 200u);
}

TEST(LineCutter, StripsTheMarkOnlyAtTheBeginningOfTheFile) {
  EXPECT_THAT(read_range("\xEF\xBB\xBF{}\n\xEF\xBB\xBF{}\n", {}, {}, 100),
              testing::ElementsAre("{}", "\xEF\xBB\xBF{}"));
}

TEST(RecordFormat, KnowsDelimitersThatCanBeFoundFromTheMiddle) {
  for (const char* good : {"\n", "\r\n", "<=>", "ab"}) EXPECT_TRUE(can_cut_at(good)) << good;
  for (const char* bad : {"", "\n\n", "aba", "abab"}) EXPECT_FALSE(can_cut_at(bad)) << bad;
}

TEST(RecordFormat, NamesFormatsAndCompressions) {
  EXPECT_EQ(*record_format_from("tsv"), RecordFormat::tsv);
  EXPECT_EQ(record_format_from("xml").error().message, "format: \"xml\" is not one of ldjson, raw, json, csv, tsv");
  EXPECT_EQ(*compression_from("zstd"), Compression::zstd);
  EXPECT_FALSE(compression_from("rar"));
  EXPECT_EQ(compression_of_name("/a/b.ldjson.zst"), Compression::zstd);
  EXPECT_EQ(compression_of_name("/a/b.gz/c"), Compression::none);
  for (const char* name : {"a.GZ", "a.gzip", "a.csv.Gz"})
    EXPECT_EQ(compression_of_name(name), Compression::gzip) << name;
  for (const char* name : {"a.zstd", "a.ZST"}) EXPECT_EQ(compression_of_name(name), Compression::zstd) << name;
  EXPECT_EQ(compression_of_name("gz"), Compression::none);
  EXPECT_EQ(unsupported_ending("/a/b.XZ"), ".xz");
  EXPECT_EQ(unsupported_ending("/a/b.gz"), "");
  EXPECT_EQ(default_extension(RecordFormat::csv, Compression::gzip), "csv.gz");
  EXPECT_EQ(default_extension(RecordFormat::raw, Compression::none), "txt");
}

}  // namespace
}  // namespace slicemill
