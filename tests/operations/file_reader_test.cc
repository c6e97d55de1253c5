// The reader with its real slicer on real files.
#include "operations/readers/file_reader.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/formats/compressor.h"
#include "core/model/job_spec_v0.h"
#include "slicer/file_slicer.h"

namespace slicemill {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using Records = std::vector<std::string>;

class FileReaderTest : public testing::Test {
 protected:
  FileReaderTest() {
    std::string pattern = testing::TempDir() + "/reader-XXXXXX";
    directory_ = fs::canonical(mkdtemp(pattern.data()));
    path_ = directory_ + "/in.txt";
    options_ = {{"_op", "file_reader"}, {"path", path_}};
  }
  ~FileReaderTest() override { fs::remove_all(directory_); }

  void write(const std::string& text) { std::ofstream(path_, std::ios::binary) << text; }

  std::vector<std::string> slices() {
    auto slicer = make_file_slicer();
    SlicerContext context;
    context.options = operation_spec_of_v0(options_).options;
    EXPECT_TRUE(slicer->open(context, ""));
    std::vector<std::string> requests;
    for (bool is_finished = false; !is_finished;) {
      const auto turn = *slicer->next(1'000'000);
      for (const auto& run_requests : turn.runs) {
        const SliceRun run{.requests = run_requests};
        for (std::uint64_t i = 0; i < run.count(); ++i) requests.push_back(run.request(i));
      }
      is_finished = turn.finished;
    }
    return requests;
  }

  std::unique_ptr<Operation> initialized() {
    OperationContext context;
    context.operation = operation_spec_of_v0(options_);
    context.quarantine = &quarantine_;
    auto operation = file_reader_operation().make();
    EXPECT_TRUE(operation->initialize(context));
    return operation;
  }

  Result<Records> read_slice(Reader& reader, const std::string& request) {
    SliceContext slice;
    slice.request = request;
    RETURN_IF_ERROR(reader.open(slice));
    Records records;
    RecordBatch batch;
    for (;;) {
      batch.clear();
      RETURN_IF_ERROR(reader.read(batch));
      if (batch.records.empty()) return records;
      for (std::string_view record : batch.records) {
        // Readable behind every record, as the contract says; the sanitizer would object.
        volatile char sum = 0;
        for (std::size_t i = 0; i < RecordBatch::kPadding; ++i)
          sum = static_cast<char>(sum + *(record.data() + record.size() + i));
        records.emplace_back(record);
      }
      largest_batch_ = std::max(largest_batch_, batch.bytes());
    }
  }

  // Of all slices, by one reader.
  Result<Records> read_all() {
    auto reader = initialized();
    Records all;
    for (const std::string& request : slices()) {
      ASSIGN_OR_RETURN(const Records records, read_slice(static_cast<Reader&>(*reader), request));
      all.insert(all.end(), records.begin(), records.end());
    }
    return all;
  }
  std::string error_of_all() {
    auto read = read_all();
    EXPECT_FALSE(read) << "no error";
    if (read) return "";
    EXPECT_FALSE(read.error().retryable);
    return read.error().message;
  }

  static std::string packed(Compression compression, const std::string& text) {
    std::string out;
    auto compressor = *make_compressor(compression);
    EXPECT_TRUE(compressor->append(text, out));
    EXPECT_TRUE(compressor->finish(out));
    return out;
  }

  std::string directory_;
  std::string path_;
  Json options_;
  RecordQuarantine quarantine_;
  std::size_t largest_batch_ = 0;
};

// Rows with quoted delimiters, quotes and line ends, cut at every size: the same records, and the same line in errors.
TEST_F(FileReaderTest, CsvIsCutByRowsAtEverySize) {
  const std::string header = "\xEF\xBB\xBF\n\"na\nme\",b,c\r\n";
  std::string rows;
  for (int i = 0; i < 12; ++i) {
    rows += std::to_string(i) + ",\"a,\"\"b\"\"\n" + std::string(static_cast<std::size_t>(i), 'x') + "\",";
    rows += i % 3 == 0 ? "in\"side\n" : i % 3 == 1 ? "\"\"\r\n" : ",\n\n";
    if (i % 3 == 2) rows.erase(rows.size() - 3, 1);
  }
  const auto with = [&](bool has_fields, bool removes) {
    options_["format"] = "csv";
    options_.erase("fields");
    if (has_fields) options_["fields"] = {"x", "y", "z"};
    options_["remove_header"] = removes;
  };
  for (const auto& [has_fields, removes] : {std::pair{false, true}, {true, true}, {true, false}}) {
    with(has_fields, removes);
    write((!has_fields ? header : removes ? "\nx,\"y\",z\r\n" : "") + rows);
    options_["file_per_slice"] = true;
    const Records whole = *read_all();
    EXPECT_EQ(whole.size(), 12u);
    options_["file_per_slice"] = false;
    std::size_t most = 0;
    for (int size = 1; size < 400; ++size) {
      options_["size"] = size;
      most = std::max(most, slices().size());
      ASSERT_EQ(*read_all(), whole) << size;
    }
    EXPECT_GE(most, 12u);
  }
  with(false, true);
  write(header + rows + "bad row\n" + rows);
  const std::string bad = std::to_string(header.size() + rows.size() + 7);  // where the second field is missing
  for (int size = 1; size < 400; size += 7) {
    options_["size"] = size;
    EXPECT_THAT(error_of_all(), testing::HasSubstr("in.txt: line 32, column 2, byte " + bad + ": 1 field where"))
        << size;
  }
  write(header + rows + "1,\"2\n" + rows);  // what is quoted and what is not changes places
  options_["file_per_slice"] = true;
  const std::string error = error_of_all();
  options_["file_per_slice"] = false;
  options_["size"] = 20;
  EXPECT_EQ(error_of_all(), error);
  // What the reader skips before the header is what the slicer skips.
  for (const char* text : {"\n\r\na,b\n1,2\n3,4\n5,6\n", "\r\r\n1\n2\n3\n4\n", "\r\n\n\"a\"\n1\n2\n3\n"}) {
    write(text);
    options_["file_per_slice"] = true;
    const Records whole = *read_all();
    options_["file_per_slice"] = false;
    EXPECT_EQ(whole.size(), 3u) << text;
    for (int size = 1; size < 20; ++size) {
      options_["size"] = size;
      ASSERT_EQ(*read_all(), whole) << size << ": " << text;
    }
  }
  options_["size"] = 4;
  write("\xFF,b\n1,2\n3,4\n");
  options_["size"] = 4;
  EXPECT_EQ(slices().size(), 1u) << "its header cannot travel";
}

// Whatever the rows end with, whatever quotes and delimiter are: parts of every size give what the whole gives, bad
// rows and their places included.
TEST_F(FileReaderTest, EveryKindOfCsvIsCutAtEverySize) {
  std::vector<std::pair<std::string, Json>> kinds;
  for (const std::string end : {"\n", "\r\n", "\r", "\r\r\n"}) {
    std::string rows;
    for (int i = 0; i < 6; ++i) {
      rows += std::to_string(i) + ",\"q\r\n\r" + std::string(static_cast<std::size_t>(i), 'x') + "\"" + end +
              (i % 2 == 0 ? end : "");
      rows += "\"bad" + end + "\"row" + end + "\"\"," + end;
    }
    kinds.emplace_back(
        "\xEF\xBB\xBF"
        "a,b" +
            end + rows + "7,\"open" + end + "8,9" + end,
        Json::object());
    kinds.emplace_back("a,b" + end + rows, Json{{"fields", {"a", "b"}}});
    kinds.emplace_back(rows, Json{{"fields", {"a", "b"}}});
    kinds.emplace_back(rows + "1,2,3", Json{{"fields", {"a", "b"}}, {"quote", nullptr}});
    std::string semicolons = "sep=;" + end + "a;b" + end + rows;
    for (char& c : semicolons) c = c == ',' ? ';' : c;
    kinds.emplace_back(semicolons, Json::object());
    kinds.emplace_back(semicolons, Json{{"fields", {"x", "y"}}});
    kinds.emplace_back(semicolons, Json{{"quote", ""}, {"ignore_empty", false}});
  }
  options_["format"] = "csv";
  options_["_dead_letter_action"] = "quarantine";
  const Json plain = options_;
  for (const auto& [text, options] : kinds) {
    options_ = plain;
    options_.update(options);
    write(text);
    const auto all = [&] {
      quarantine_ = RecordQuarantine();
      std::string seen;
      const auto records = read_all();
      EXPECT_TRUE(records) << records.error().message;
      for (const std::string& record : *records) seen += record + "\n";
      for (const QuarantinedRecord& bad : quarantine_.take())
        seen += bad.place + " " + bad.bytes + " " + bad.error + "\n";
      return seen;
    };
    options_["file_per_slice"] = true;
    const std::string whole = all();
    options_["file_per_slice"] = false;
    std::size_t most = 0;
    for (int size = 1; size < static_cast<int>(text.size()); ++size) {
      options_["size"] = size;
      most = std::max(most, slices().size());
      ASSERT_EQ(all(), whole) << size << ": " << testing::PrintToString(text) << options;
    }
    EXPECT_GT(most, 5u) << testing::PrintToString(text);
  }
}

TEST_F(FileReaderTest, BadCsvRowsAreDroppedKeptOrErrors) {
  options_["format"] = "csv";
  write("id,name\n1,ann\n2,bob,extra\n3,cid\n\"4\"x,y\n5,\"open\n");
  EXPECT_EQ(error_of_all(), path_ + ": line 3, column 3, byte 20: 3 fields where there are 2 columns: 2,bob,extra");
  const auto good = ElementsAre(R"({"id":"1","name":"ann"})", R"({"id":"3","name":"cid"})");
  for (const char* action : {"log", "none", "quarantine"}) {
    options_["_dead_letter_action"] = action;
    EXPECT_THAT(*read_all(), good) << action;
  }
  const auto bad = quarantine_.take();
  ASSERT_EQ(bad.size(), 3u);
  EXPECT_EQ(bad[0].bytes, "2,bob,extra");
  EXPECT_EQ(bad[0].place, path_ + ": line 3, byte 14");
  EXPECT_EQ(bad[0].error, "line 3, column 3, byte 20: 3 fields where there are 2 columns: 2,bob,extra");
  EXPECT_EQ(bad[1].bytes, "\"4\"x,y");
  EXPECT_EQ(bad[2].bytes, "5,\"open\n");
  write("id,id\n1,2\n");
  EXPECT_THAT(error_of_all(), testing::HasSubstr("two columns")) << "no row is good then";
  write("id;name\n1;2\n");
  EXPECT_THAT(error_of_all(), testing::HasSubstr("`field_delimiter`"));
  options_["field_delimiter"] = ",";
  EXPECT_THAT(*read_all(), ElementsAre(R"({"id;name":"1;2"})")) << "it was named";
}

TEST_F(FileReaderTest, CsvTellsItsColumns) {
  options_["format"] = "csv";
  write("id,name\n1,\n2,\n");
  auto reader = initialized();
  for (const std::string& request : slices()) {
    ASSERT_TRUE(read_slice(static_cast<Reader&>(*reader), request));
    const auto* columns = static_cast<Reader&>(*reader).columns();
    ASSERT_NE(columns, nullptr);
    EXPECT_THAT(*columns, ElementsAre("id", "name"));
  }
}

// The slicer finds the types, every slice follows them, and what the job names itself comes first.
TEST_F(FileReaderTest, InferredTypesAreThoseOfAllSlices) {
  options_["format"] = "csv";
  options_["types"] = "infer";
  options_["size"] = 12;
  write("id,n\n1,1.5\n2,2\n3,x\n4,5\n");
  EXPECT_EQ(read_all()->size(), 4u) << "within the sample nothing is wrong";
  std::string rows = "id,n\n";
  for (int i = 0; i < 1000; ++i) rows += "1,2\n";
  options_["size"] = 1000;
  write(rows + "a,3\n");
  EXPECT_THAT(error_of_all(),
              testing::HasSubstr("line 1002, column 1, byte 4005: \"a\" is no integer, which was inferred"));
  const auto requests = slices();
  EXPECT_GT(requests.size(), 3u);
  for (const auto& request : requests)
    EXPECT_EQ(Json::parse(request).at("types"), (Json{{"id", "integer"}, {"n", "integer"}}));
  options_["types"] = {{"*", "infer"}, {"id", "text"}};
  EXPECT_EQ(read_all()->back(), R"({"id":"a","n":3})") << "the mended job reads slices of the former one";
  auto reader = initialized();
  EXPECT_EQ(read_slice(static_cast<Reader&>(*reader), requests.back())->back(), R"({"id":"a","n":3})");
}

TEST_F(FileReaderTest, TypesAreInferredOfPackedFilesToo) {
  options_["format"] = "csv";
  options_["types"] = "infer";
  write(packed(Compression::gzip, "id,t\n1,2024-01-31\n2,\n"));
  EXPECT_THAT(*read_all(), ElementsAre(R"({"id":1,"t":"2024-01-31"})", R"({"id":2,"t":null})"));
}

TEST_F(FileReaderTest, ASliceWithoutInferredTypesIsRefused) {
  options_["format"] = "csv";
  write("id\n1\n");
  const auto requests = slices();
  options_["types"] = "infer";
  auto reader = initialized();
  const auto read = read_slice(static_cast<Reader&>(*reader), requests.at(0));
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, testing::HasSubstr("name them in `types`"));
}

TEST_F(FileReaderTest, EveryRangeSizeGivesEachRecordOnce) {
  write("\xEF\xBB\xBF{\"a\":1}\r\n\n[2, 3]\n\"four\"\n{\"five\":\"" + std::string(50, '5') + "\"}\n6");
  const auto size = static_cast<int>(fs::file_size(path_));
  const Records whole = *read_all();
  EXPECT_EQ(whole.size(), 5u);
  EXPECT_EQ(whole[0], "{\"a\":1}");
  EXPECT_EQ(whole[4], "6");
  for (int step = 1; step <= size; ++step) {
    options_["size"] = step;
    EXPECT_EQ(*read_all(), whole) << step;
  }
}

TEST_F(FileReaderTest, StreamsManyBatches) {
  std::string text;
  for (int i = 0; i < 60'000; ++i)
    text += "{\"n\":" + std::to_string(i) + ",\"text\":\"" + std::string(40, 'x') + "\"}\n";
  write(text);
  options_["size"] = 3'000'001;
  ASSERT_EQ(slices().size(), 2u);
  const Records records = *read_all();
  ASSERT_EQ(records.size(), 60'000u);
  for (std::size_t i = 0; i < records.size(); i += 997) EXPECT_EQ(Json::parse(records[i]).at("n"), i);
  EXPECT_LE(largest_batch_, RecordBatch::kTargetBytes);
}

TEST_F(FileReaderTest, ARecordMayBeLongerThanABatchAndThanItsRange) {
  const std::string longest = "{\"x\":\"" + std::string(5 << 20, 'y') + "\"}";
  write("1\n" + longest + "\n3\n");
  options_["size"] = 1 << 20;
  EXPECT_EQ(slices().size(), 6u);
  EXPECT_THAT(*read_all(), ElementsAre("1", longest, "3"));
}

TEST_F(FileReaderTest, NamesThePlaceOfABrokenLine) {
  write("{\"a\":1}\n{\"a\":tru}\n{\"a\":2}\n");
  EXPECT_EQ(error_of_all(), path_ + ": byte 13: expected a value, in the line that begins at byte 8: {\"a\":tru}");
  options_["size"] = 9;  // the broken line begins at the end of the first range
  EXPECT_EQ(error_of_all(), path_ + ": byte 13: expected a value, in the line that begins at byte 8: {\"a\":tru}");
  write("{\"a\":1}\n\"\xFF\"\n");
  EXPECT_EQ(error_of_all(), path_ + ": byte 9: not UTF-8 (0xff), in the line that begins at byte 8: \"?\"");
  write("{\"a\":1}{\"b\":2}\n");
  EXPECT_EQ(error_of_all(),
            path_ + ": byte 7: text after the value, in the line that begins at byte 0: {\"a\":1}{\"b\":2}");
  write("{\"a\":1}\n{\"cut");
  EXPECT_EQ(error_of_all(), path_ + ": byte 13: text ends inside a string, in the line that begins at byte 8: {\"cut");
}

TEST_F(FileReaderTest, BrokenLinesMayBeDroppedByTheJobsWish) {
  write("1\nbroken\n3\n");
  options_["_dead_letter_action"] = "none";
  EXPECT_THAT(*read_all(), ElementsAre("1", "3"));
  write("broken\nbroken\n");
  EXPECT_THAT(*read_all(), ElementsAre());
}

TEST_F(FileReaderTest, BrokenLinesAreQuarantinedWithTheirPlace) {
  write("1\nbroken\r\n3\n  also broken");
  options_["_dead_letter_action"] = "quarantine";
  options_["size"] = 2;
  EXPECT_THAT(*read_all(), ElementsAre("1", "3"));
  const auto records = quarantine_.take();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].bytes, "broken");
  EXPECT_EQ(records[0].place, path_ + ": byte 2");
  EXPECT_EQ(records[0].entry, (PipelineEntry{PipelineEntry::kText, ""}));
  EXPECT_EQ(records[1].bytes, "  also broken");
  EXPECT_EQ(records[1].place, path_ + ": byte 12");
}

TEST_F(FileReaderTest, ALineComesBackAsText) {
  const auto records_of = [&](std::string_view text) -> Result<Records> {
    const auto reader = initialized();
    SliceContext slice;
    RETURN_IF_ERROR(static_cast<Reader&>(*reader).open_text(slice, text));
    RecordBatch batch;
    Records records;
    do {
      batch.clear();
      RETURN_IF_ERROR(static_cast<Reader&>(*reader).read(batch));
      records.insert(records.end(), batch.records.begin(), batch.records.end());
    } while (!batch.records.empty());
    return records;
  };
  options_["_dead_letter_action"] = "quarantine";
  EXPECT_THAT(*records_of("{\"a\":1}"), ElementsAre("{\"a\":1}"));
  EXPECT_EQ(quarantine_.size(), 0u);
  EXPECT_THAT(*records_of("broken"), ElementsAre());
  EXPECT_EQ(quarantine_.take()[0].bytes, "broken");
  options_["format"] = "raw";
  EXPECT_THAT(*records_of("broken"), ElementsAre(R"({"data":"broken"})"));
  const std::string long_line(3'000'000, 'x');
  EXPECT_EQ(records_of(long_line)->at(0).size(), long_line.size() + 11);
  options_["format"] = "csv";
  EXPECT_EQ(records_of("a,b").error().code, ErrorCode::unsupported);
  options_["fields"] = {"x", "y"};
  EXPECT_THAT(*records_of("x,\"y\n\""), ElementsAre(R"({"x":"x","y":"y\n"})")) << "a row, not a header";
  quarantine_.take();
  EXPECT_THAT(*records_of("a,b,c"), ElementsAre());
  const auto still_bad = quarantine_.take();
  ASSERT_EQ(still_bad.size(), 1u);
  EXPECT_THAT(still_bad[0].error, testing::StartsWith("line 1, column 3, byte 4: 3 fields"));
  options_["format"] = "json";
  EXPECT_THAT(*records_of("{\"a\":\n1}"), ElementsAre(R"({"a":1})")) << "an element of an array";
}

TEST_F(FileReaderTest, RawLinesBecomeObjects) {
  options_["format"] = "raw";
  write("a \"b\"\tc\r\n\n\xC3\xA9\\\nlast");
  EXPECT_THAT(*read_all(),
              ElementsAre(R"({"data":"a \"b\"\tc"})", "{\"data\":\"\xC3\xA9\\\\\"}", R"({"data":"last"})"));
  options_["ignore_empty"] = false;
  EXPECT_EQ(read_all()->size(), 4u);
  write("ok\n\xFF\n");
  EXPECT_THAT(error_of_all(), testing::StartsWith(path_ + ": byte 3: not UTF-8"));
  options_["_encoding"] = "raw";
  EXPECT_THAT(*read_all(), ElementsAre("ok", "\xFF"));
  options_["size"] = 1;
  EXPECT_THAT(*read_all(), ElementsAre("ok", "\xFF"));
}

TEST_F(FileReaderTest, OtherLineDelimiters) {
  options_["line_delimiter"] = "<>";
  write("{\"a\":\n 1}<>2<>[3]");
  for (int size : {1, 2, 3, 7, 100}) {
    options_["size"] = size;
    EXPECT_THAT(*read_all(), ElementsAre("{\"a\":1}", "2", "[3]")) << size;
  }
}

TEST_F(FileReaderTest, JsonArraysAndSingleValues) {
  options_["format"] = "json";
  write("[{\"a\":\n1}, 2]\n");
  EXPECT_THAT(*read_all(), ElementsAre("{\"a\":1}", "2"));
  write("{\"a\":1}");
  EXPECT_THAT(*read_all(), ElementsAre("{\"a\":1}"));
  write("[1,\n2,\n{\"x\":}]");
  EXPECT_EQ(error_of_all(), path_ + ": byte 12: expected a value");
  std::string text = "[0";
  for (int i = 1; i < 400'000; ++i) text += "," + std::to_string(i);
  write(text + "]");
  const Records many = *read_all();
  ASSERT_EQ(many.size(), 400'000u);
  for (std::size_t i = 0; i < many.size(); i += 9999) EXPECT_EQ(many[i], std::to_string(i));
}

TEST_F(FileReaderTest, CsvAndTsv) {
  options_["format"] = "csv";
  write("id,name\n1,\"a\n\"\"b\"\"\"\n2,\n");
  EXPECT_THAT(*read_all(), ElementsAre(R"({"id":"1","name":"a\n\"b\""})", R"({"id":"2"})"));
  options_["fields"] = {"x", "y"};
  EXPECT_EQ((*read_all())[2], R"({"x":"2"})");
  options_.erase("fields");
  write("id\tname\n1\t2\t3\n");
  options_["format"] = "tsv";
  EXPECT_EQ(error_of_all(), path_ + ": line 2, column 3, byte 12: 3 fields where there are 2 columns: 1 2 3");
  options_["format"] = "csv";
  std::string text = "k,v\n";
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i) + ",\"value, " + std::to_string(i) + "\"\n";
  write(text);
  const Records many = *read_all();
  ASSERT_EQ(many.size(), 100'000u);
  EXPECT_EQ(many[54'321], R"({"k":"54321","v":"value, 54321"})");
}

TEST_F(FileReaderTest, CompressedFilesByTheirNameOrTheOption) {
  const std::string text = "{\"a\":1}\n{\"b\":2}\n";
  const std::pair<Compression, const char*> kinds[] = {
      {Compression::gzip, ".gz"}, {Compression::zstd, ".zst"}, {Compression::lz4, ".lz4"}};
  for (const auto& [compression, ending] : kinds) {
    path_ = directory_ + "/in" + ending;
    options_["path"] = path_;
    write(packed(compression, text) + packed(compression, "3\n"));
    EXPECT_THAT(*read_all(), ElementsAre("{\"a\":1}", "{\"b\":2}", "3"));
    write(packed(compression, "1\nbroken\n"));
    EXPECT_EQ(error_of_all(),
              path_ + " (unpacked): byte 2: expected a value, in the line that begins at byte 2: broken");
    write(packed(compression, text).substr(0, 20));
    EXPECT_THAT(error_of_all(), testing::StartsWith(path_ + ": compressed byte "));
  }
  path_ = directory_ + "/in.data";
  options_["path"] = path_;
  options_["compression"] = "zstd";
  write(packed(Compression::zstd, text));
  EXPECT_EQ(read_all()->size(), 2u);
}

TEST_F(FileReaderTest, CompressedFilesByTheirFirstBytes) {
  const std::string text = "{\"a\":1}\n{\"b\":2}\n";
  options_["size"] = 10;  // smaller than the files: they must not be cut
  for (const Compression compression : {Compression::gzip, Compression::zstd, Compression::lz4}) {
    write(packed(compression, text));
    EXPECT_THAT(*read_all(), ElementsAre("{\"a\":1}", "{\"b\":2}"));
    options_["format"] = "csv";
    write(packed(compression, "a,b\n1,2\n3,4\n"));
    EXPECT_THAT(*read_all(), ElementsAre(R"({"a":"1","b":"2"})", R"({"a":"3","b":"4"})"));
    options_["format"] = "ldjson";
  }
  write("BZh91AY&SY and so on, longer than a slice\n");
  EXPECT_THAT(error_of_all(), testing::StartsWith(path_ + ": the file is compressed with bzip2, which cannot be read"));
  options_["compression"] = "none";
  options_["format"] = "raw";
  EXPECT_EQ(read_all()->size(), 1u);
  write(packed(Compression::gzip, text));
  options_["_encoding"] = "raw";
  EXPECT_THAT((*read_all())[0], testing::StartsWith("\x1F\x8B")) << "as they are";
}

TEST_F(FileReaderTest, AFileThatGrewIsReadAsDiscovered) {
  write("1\n2\n");
  const auto requests = slices();
  std::ofstream(path_, std::ios::app) << "3\n";
  auto reader = initialized();
  EXPECT_THAT(*read_slice(static_cast<Reader&>(*reader), requests[0]), ElementsAre("1", "2"));
}

TEST_F(FileReaderTest, AnyOtherChangeIsAnError) {
  write("1\n2\n3\n");
  const auto requests = slices();
  auto reader = initialized();
  const auto error = [&] {
    auto read = read_slice(static_cast<Reader&>(*reader), requests[0]);
    EXPECT_FALSE(read);
    EXPECT_FALSE(read.error().retryable);
    return read.error().message;
  };
  fs::resize_file(path_, 2);
  EXPECT_EQ(error(), path_ + ": changed since it was discovered: truncated from 6 to 2 bytes");
  write("4\n5\n6\n");
  fs::last_write_time(path_, fs::file_time_type::clock::now() + std::chrono::seconds(5));
  EXPECT_EQ(error(),
            path_ + ": changed since it was discovered: written to in place (same size, other modification time)");
  const std::string other = directory_ + "/other";
  std::ofstream(other) << "7\n8\n9\n";
  fs::rename(other, path_);
  EXPECT_THAT(error(),
              testing::StartsWith(path_ + ": changed since it was discovered: replaced by another file (inode "));
  fs::remove(path_);
  EXPECT_EQ(error(), path_ + ": it was there when it was discovered, and is gone now");
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(error(), path_ + ": changed since it was discovered: a pipe now");
}

TEST_F(FileReaderTest, AFileThatWasWrittenAnewAndLongerIsAnError) {
  const auto lines = [](char c, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "\"" + std::string(20, c) + "\"\n";
    return text;
  };
  options_["size"] = 1'000;
  write("\"the same head\"\n" + lines('a', 500));
  const auto requests = slices();
  ASSERT_GT(requests.size(), 5u);
  auto reader = initialized();
  EXPECT_TRUE(read_slice(static_cast<Reader&>(*reader), requests[0]));
  write("\"the same head\"\n" + lines('b', 900));
  EXPECT_THAT(read_slice(static_cast<Reader&>(*reader), requests[1]).error().message,
              testing::StartsWith(path_ + ": changed since it was discovered: written anew"));
}

TEST_F(FileReaderTest, AChangeWhileTheSliceIsReadIsAnError) {
  write("1\n2\n");
  const auto requests = slices();
  auto operation = initialized();
  auto& reader = static_cast<Reader&>(*operation);
  SliceContext slice;
  slice.request = requests[0];
  RecordBatch batch;
  for (const bool is_longer : {false, true}) {
    write("1\n2\n");
    const std::string request = slices()[0];
    slice.request = request;
    ASSERT_TRUE(reader.open(slice));
    batch.clear();
    ASSERT_TRUE(reader.read(batch));
    write(is_longer ? "3\n4\n5\n" : "3\n");
    batch.clear();
    const auto end = reader.read(batch);
    ASSERT_FALSE(end);
    EXPECT_THAT(end.error().message, testing::StartsWith(path_ + ": changed since it was discovered: "));
  }
  write("1\n2\n");
  const std::string request = slices()[0];
  slice.request = request;
  ASSERT_TRUE(reader.open(slice));
  std::ofstream(path_, std::ios::app) << "3\n";  // it may grow
  batch.clear();
  ASSERT_TRUE(reader.read(batch));
  batch.clear();
  EXPECT_TRUE(reader.read(batch));
}

TEST_F(FileReaderTest, ARecordThatWasHalfThereIsReadToItsEnd) {
  for (const char* format : {"ldjson", "raw"}) {
    options_["format"] = format;
    write("1\n23");
    const auto requests = slices();
    std::ofstream(path_, std::ios::app) << "45\n6\n";
    auto reader = initialized();
    const auto records = *read_slice(static_cast<Reader&>(*reader), requests[0]);
    ASSERT_EQ(records.size(), 2u);
    EXPECT_THAT(records[1], testing::HasSubstr("2345"));
  }
  options_["format"] = "csv";
  for (const int size : {4, 1'000}) {
    options_["size"] = size;
    write("a,b\n1,2\n3,4");
    const auto requests = slices();
    std::ofstream(path_, std::ios::app) << "5\n";
    auto reader = initialized();
    EXPECT_THAT(read_slice(static_cast<Reader&>(*reader), requests.back()).error().message,
                testing::HasSubstr("its last row had no end then"));
  }
}

TEST_F(FileReaderTest, OlderRequestsAreUnderstood) {
  write("1\n2\n");
  Json request = Json::parse(slices()[0]);
  request.erase("device");
  request.erase("print");
  std::ofstream(path_, std::ios::app) << "3\n";
  auto reader = initialized();
  EXPECT_THAT(*read_slice(static_cast<Reader&>(*reader), request.dump()), ElementsAre("1", "2"));
}

TEST_F(FileReaderTest, NamesMayHoldAnyBytes) {
  path_ = directory_ + "/in\xFF\n.txt";
  write("1\nbroken");
  options_["path"] = directory_;
  EXPECT_THAT(error_of_all(), testing::StartsWith(directory_ + "/in\\xff\\n.txt: byte 2: "));
}

TEST_F(FileReaderTest, FilesWhoseSizeIsMadeUp) {
  options_["path"] = "/proc/self/status";
  options_["format"] = "raw";
  EXPECT_GT(read_all()->size(), 10u);
}

TEST_F(FileReaderTest, APipeIsReadOnceByTheFirstAttempt) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  options_["pipe_timeout"] = 1;
  const std::string request = slices()[0];
  SliceContext slice;
  slice.request = request;
  slice.attempt = {0, 1};
  auto operation = initialized();
  auto& reader = static_cast<Reader&>(*operation);
  RecordBatch batch;
  const auto once_only = testing::HasSubstr("can be read once only");
  // Nobody writes.
  ASSERT_TRUE(reader.open(slice));
  const auto silent = reader.read(batch);
  ASSERT_FALSE(silent);
  EXPECT_THAT(silent.error().message, testing::HasSubstr("no program has opened the pipe"));
  EXPECT_FALSE(silent.error().retryable);
  // Nobody waits for it any more, although somebody may write.
  slice.key.order = 2;
  const int writer = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
  std::atomic<bool> cancelled = true;
  slice.cancelled = &cancelled;
  ASSERT_TRUE(reader.open(slice));
  EXPECT_EQ(reader.read(batch).error().code, ErrorCode::cancelled);
  // Everything to the end.
  slice.key.order = 3;
  slice.cancelled = nullptr;
  ASSERT_EQ(::write(writer, "1\n2\n", 4), 4);
  ASSERT_TRUE(reader.open(slice));
  ::close(writer);
  batch.clear();
  ASSERT_TRUE(reader.read(batch));
  EXPECT_THAT(batch.records, ElementsAre("1", "2"));
  // The same attempt again, another one, another epoch.
  EXPECT_THAT(reader.open(slice).error().message, once_only);
  slice.attempt.n = 2;
  EXPECT_THAT(reader.open(slice).error().message, once_only);
  slice.attempt = {1, 1};
  EXPECT_THAT(reader.open(slice).error().message, once_only);
}

TEST_F(FileReaderTest, RefusesBrokenRequests) {
  auto reader = initialized();
  for (const char* request :
       {"", "{}", "[]", "{\"path\":\"/x\",\"total\":5,\"mtime_ns\":1,\"inode\":1,\"offset\":3,\"length\":3}"}) {
    const auto read = read_slice(static_cast<Reader&>(*reader), request);
    ASSERT_FALSE(read) << request;
    EXPECT_THAT(read.error().message, testing::StartsWith("slice request of file_reader: "));
  }
}

TEST_F(FileReaderTest, SchemaChecksOptionsTogether) {
  const OperationSchema schema = file_reader_operation().schema;
  const std::pair<Json, const char*> cases[] = {
      {{{"format", "csv"}, {"field_delimiter", "ab"}},
       "field_delimiter: must be one character, and neither a quote nor a line end"},
      {{{"format", "csv"}, {"field_delimiter", "'"}, {"quote", "'"}},
       "field_delimiter: must be one character, and neither a quote nor a line end"},
      {{{"quote", "ab"}}, "quote: must be one character and no line end"},
      {{{"quote", 5}}, "quote: must be one character and no line end"},
      {{{"zstd_window_log", 32}}, "zstd_window_log: "},
      {{{"format", "json"}, {"line_delimiter", ";"}}, "line_delimiter: must be \"\\n\" or \"\\r\\n\" for format json"},
      {{{"format", "csv"}, {"fields", {"a", "b", "a"}}}, "fields: \"a\" is named twice"},
      {{{"format", "csv"}, {"encoding", "raw"}}, "encoding: raw records cannot be read from format csv"},
  };
  for (const auto& [change, message] : cases) {
    Json options = options_;
    options.update(change);
    const auto valid = validate_options(schema, options);
    ASSERT_EQ(valid.issues.size(), 1u) << message;
    EXPECT_THAT(valid.issues[0].path.empty() ? valid.issues[0].message
                                             : valid.issues[0].path[0] + ": " + valid.issues[0].message,
                testing::HasSubstr(message));
  }
  Json options = options_;
  options["size"] = "10MB";
  EXPECT_EQ(validate_options(schema, options).options.at("size"), 10'000'000);
}

}  // namespace
}  // namespace slicemill
