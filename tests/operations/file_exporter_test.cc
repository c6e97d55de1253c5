// The sender's half: what is staged, and that nothing is visible. Publication: tests/core/outputs.
#include "operations/senders/file_exporter.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <stdlib.h>
#include <xxhash.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/formats/byte_source.h"
#include "core/model/job_spec_v0.h"
#include "core/outputs/file_layout.h"
#include "core/runtime/fault.h"

namespace slicemill {
namespace {

namespace fs = std::filesystem;

class FileExporterTest : public testing::Test {
 protected:
  FileExporterTest() {
    std::string pattern = testing::TempDir() + "/exporter-XXXXXX";
    directory_ = fs::canonical(mkdtemp(pattern.data()));
    options_ = {{"_op", "file_exporter"}, {"path", directory_ + "/out"}};
    slice_.key.order = 7;
    slice_.attempt = {3, 2};
    slice_.request = "{\"start\":1}";
    slice_.lineage_id = "the-lineage";
  }
  ~FileExporterTest() override { fs::remove_all(directory_); }

  Sender& sender() {
    if (operation_ == nullptr) {
      operation_ = file_exporter_operation().make();
      OperationContext context;
      context.operation = operation_spec_of_v0(options_);
      EXPECT_TRUE(operation_->initialize(context));
      prepare();
    }
    return static_cast<Sender&>(*operation_);
  }
  Result<void> write(const std::vector<std::string>& records) {
    RecordBatch batch;
    for (const std::string& record : records) batch.append_copy(record);
    return sender().write(batch);
  }
  // The controller's part.
  void prepare(std::string_view lineage = "the-lineage") {
    std::error_code failed;
    fs::create_directories(file_layout(options_, lineage)->staging_directory(), failed);
  }
  Result<OutputFacts> export_slice(const std::vector<std::string>& records) {
    RETURN_IF_ERROR(sender().begin(slice_));
    RETURN_IF_ERROR(write(records));
    return stage();
  }
  Result<OutputFacts> stage() {
    ASSIGN_OR_RETURN(const StagedOutput output, sender().stage());
    if (output.sync) RETURN_IF_ERROR(output.sync());
    return output.facts;
  }
  std::string staged_path() { return file_layout(options_, "the-lineage")->staged_path(slice_.key, slice_.attempt); }
  std::string staged() {
    std::ostringstream text;
    text << std::ifstream(staged_path()).rdbuf();
    return text.str();
  }
  std::size_t visible() {
    std::size_t count = 0;
    if (!fs::exists(directory_ + "/out")) return 0;
    for (const auto& entry : fs::directory_iterator(directory_ + "/out"))
      count += entry.path().filename().string()[0] != '.';
    return count;
  }

  std::string directory_;
  Json options_;
  SliceContext slice_;
  std::unique_ptr<Operation> operation_;
};

TEST_F(FileExporterTest, StagesAndReportsFacts) {
  const auto facts = export_slice({"{\"a\":1}", "{\"a\":2}"});
  ASSERT_TRUE(facts) << facts.error().message;
  const std::string text = "{\"a\":1}\n{\"a\":2}\n";
  EXPECT_EQ(staged(), text);
  EXPECT_EQ(*facts,
            (OutputFacts{true, 2, text.size(), XXH3_64bits(text.data(), text.size()), request_hash("{\"start\":1}")}));
  EXPECT_EQ(visible(), 0u);
}

TEST_F(FileExporterTest, WithoutRecordsThereIsNoFile) {
  const auto facts = export_slice({});
  ASSERT_TRUE(facts);
  EXPECT_FALSE(facts->present);
  EXPECT_FALSE(fs::exists(staged_path()));
}

TEST_F(FileExporterTest, EverySliceStartsAfresh) {
  options_["format"] = "csv";
  options_["include_header"] = true;
  ASSERT_TRUE(export_slice({"{\"a\":1}"}));
  EXPECT_EQ(staged(), "a\n1\n");
  slice_.key.order = 8;
  ASSERT_TRUE(export_slice({"{\"b\":2}"}));
  EXPECT_EQ(staged(), "b\n2\n");
  slice_.key.order = 9;
  slice_.lineage_id = "other";
  prepare("other");
  ASSERT_TRUE(export_slice({"{\"b\":2}"}));
  EXPECT_FALSE(fs::is_empty(directory_ + "/out/.slicemill/other"));
}

TEST_F(FileExporterTest, FactsAreOfTheStoredBytesInEveryCompression) {
  std::vector<std::string> records;
  std::string text = "[\n";
  for (int i = 0; i < 100'000; ++i) {
    records.push_back("{\"number\":" + std::to_string(i) + "}");
    text += (i > 0 ? ",\n" : "") + records.back();
  }
  text += "\n]\n";
  for (const char* word : {"none", "gzip", "zstd", "lz4"}) {
    options_["compression"] = word;
    options_["format"] = "json";
    operation_.reset();
    ASSERT_TRUE(sender().begin(slice_));
    // Several batches, so that more than one flush is made.
    for (std::size_t at = 0; at < records.size(); at += 30'000) {
      ASSERT_TRUE(write({records.begin() + static_cast<long>(at),
                         records.begin() + static_cast<long>(std::min(at + 30'000, records.size()))}));
    }
    const auto facts = stage();
    ASSERT_TRUE(facts) << facts.error().message;
    EXPECT_EQ(facts->records, records.size());
    const std::string bytes = staged();
    EXPECT_EQ(facts->bytes, bytes.size());
    EXPECT_EQ(facts->checksum, XXH3_64bits(bytes.data(), bytes.size()));
    auto source = *decompressed(*compression_from(word),
                                file_source(*posix_files().open(staged_path()), staged_path(), 0, bytes.size()), "x");
    std::string unpacked;
    std::string buffer(100'000, '\0');
    for (std::size_t got = 1; got > 0; unpacked.append(buffer, 0, got)) got = *source->read(buffer);
    EXPECT_TRUE(unpacked == text) << word;
  }
}

TEST_F(FileExporterTest, PartsOfASingleFileHaveNoFrame) {
  options_["path"] = directory_ + "/all.json";
  options_["single_file"] = true;
  options_["format"] = "json";
  ASSERT_TRUE(export_slice({"1", "2"}));
  EXPECT_EQ(staged(), "1,\n2");
  EXPECT_THAT(staged_path(), testing::StartsWith(directory_ + "/.slicemill/the-lineage/"));
}

TEST_F(FileExporterTest, AbandonForgetsTheAttempt) {
  sender().abandon();
  ASSERT_TRUE(sender().begin(slice_));
  sender().abandon();
  ASSERT_TRUE(sender().begin(slice_));
  ASSERT_TRUE(write({"1"}));
  EXPECT_TRUE(fs::exists(staged_path()));
  sender().abandon();
  EXPECT_FALSE(fs::exists(staged_path()));
  sender().abandon();
  ASSERT_TRUE(export_slice({"2"}));
  EXPECT_EQ(staged(), "2\n");
  sender().abandon();  // what is staged is no longer the sender's
  EXPECT_EQ(staged(), "2\n");
}

TEST_F(FileExporterTest, AnOutputThatCannotBeSyncedIsTakenAway) {
  ASSERT_TRUE(sender().begin(slice_));
  ASSERT_TRUE(write({"1"}));
  const auto output = sender().stage();
  ASSERT_TRUE(output);
  EXPECT_TRUE(fs::exists(staged_path()));
  set_fault_handler([](std::string_view point) -> Result<void> {
    if (point == "staged") return Error(ErrorCode::io, "the disk is gone");
    return {};
  });
  EXPECT_FALSE(output->sync());
  set_fault_handler(nullptr);
  EXPECT_FALSE(fs::exists(staged_path()));
}

TEST_F(FileExporterTest, ARecordThatDoesNotFitIsNamed) {
  options_["format"] = "csv";
  const auto facts = export_slice({"{\"a\":1}", "{\"b\":1}"});
  ASSERT_FALSE(facts);
  EXPECT_FALSE(facts.error().retryable);
  EXPECT_THAT(facts.error().message, testing::StartsWith("record 2: a member, \"b\", is not among the columns"));
}

// Whichever slice comes first says the columns, for all workers and after a restart.
TEST_F(FileExporterTest, ColumnsAreSettledOnceForAllSlices) {
  options_["format"] = "csv";
  ASSERT_TRUE(export_slice({R"({"from":"ann","to":"bob"})"}));
  EXPECT_EQ(staged(), "ann,bob\n");
  operation_.reset();
  slice_.key.order = 8;
  ASSERT_TRUE(export_slice({R"({"to":"dan","from":"cid"})", R"({"to":"eve"})"}));
  EXPECT_EQ(staged(), "cid,dan\n,eve\n");
  slice_.key.order = 9;
  const auto refused = export_slice({R"({"from":"a","cc":"b"})"});
  EXPECT_THAT(refused.error().message, testing::StartsWith("record 1: a member, \"cc\", is not among the columns"));
  slice_.key.order = 10;
  ASSERT_TRUE(sender().begin(slice_));
  ASSERT_TRUE(sender().expect_columns({"from", "cc"}));
  EXPECT_THAT(write({R"({"from":"a"})"}).error().message, testing::StartsWith("a column of the source, \"cc\""));
  sender().abandon();
  slice_.lineage_id = "other";
  prepare("other");
  ASSERT_TRUE(export_slice({R"({"to":"dan","from":"cid"})"}));
  EXPECT_EQ(file_layout(options_, "other")->columns_path(), directory_ + "/out/.slicemill/other/columns");
  std::ofstream(file_layout(options_, "other")->columns_path()) << "broken";
  operation_.reset();
  EXPECT_EQ(export_slice({R"({"to":"dan"})"}).error().code, ErrorCode::corrupt);
}

TEST_F(FileExporterTest, ColumnsThatTheSourceHasAreWrittenAlthoughNoRecordHasThem) {
  options_["format"] = "csv";
  options_["include_header"] = true;
  ASSERT_TRUE(sender().begin(slice_));
  ASSERT_TRUE(sender().expect_columns({"id", "name"}));
  ASSERT_TRUE(write({R"({"id":"1"})"}));
  ASSERT_TRUE(stage());
  EXPECT_EQ(staged(), "id,name\n1,\n");
}

TEST_F(FileExporterTest, ARecoveryKeepsToTheColumnsOfTheParts) {
  options_["format"] = "csv";
  options_["path"] = directory_ + "/all.csv";
  options_["single_file"] = true;
  options_["fields"] = {"a", "b"};
  ASSERT_TRUE(export_slice({R"({"a":1,"b":2})"}));
  const std::string parts = file_layout(options_, "the-lineage")->publish_directory();
  fs::create_directories(parts);
  operation_.reset();
  options_["fields"] = {"b", "a"};
  ASSERT_TRUE(export_slice({R"({"a":1,"b":2})"})) << "no part has been published";
  EXPECT_EQ(staged(), "2,1\n");
  std::ofstream(parts + "/one") << "2,1\n";
  operation_.reset();
  ASSERT_TRUE(export_slice({R"({"a":3,"b":4})"}));
  options_["fields"] = {"b"};
  operation_.reset();
  EXPECT_EQ(export_slice({R"({"a":1,"b":2})"}).error().message,
            "fields: there are parts of " + directory_ +
                "/all.csv already, and their columns are [\"b\",\"a\"]: name the same ones, or run the job anew");
}

TEST_F(FileExporterTest, CompressionFollowsFromTheNameUnlessItIsGiven) {
  const auto compression = [](Json options) {
    options["path"] = options.value("path", "/a");
    return file_writing(options)->compression;
  };
  EXPECT_EQ(compression({{"single_file", true}, {"path", "/a.ldjson.gz"}}), Compression::gzip);
  EXPECT_EQ(compression({{"single_file", true}, {"path", "/a.ldjson.gz"}, {"compression", "none"}}), Compression::none);
  EXPECT_EQ(compression({{"single_file", true}, {"path", "/a.gz"}, {"compression", "zstd"}}), Compression::zstd);
  EXPECT_EQ(compression({{"single_file", true}, {"path", "/a.ldjson"}}), Compression::none);
  EXPECT_EQ(compression({{"path", "/directory.gz"}}), Compression::none);
  EXPECT_EQ(compression({{"extension", "ldjson.ZST"}}), Compression::zstd);
  EXPECT_EQ(compression({{"extension", "gz"}}), Compression::gzip);
  EXPECT_EQ(compression({{"extension", ".lz4"}, {"compression", "gzip"}}), Compression::gzip);
  const auto refused = file_writing({{"path", "/a.csv.bz2"}, {"single_file", true}});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::StartsWith("path: files ending in .bz2 cannot be written"));
  EXPECT_FALSE(file_writing({{"path", "/a"}, {"extension", "csv.xz"}}));
  options_["extension"] = "ldjson.gz";
  ASSERT_TRUE(export_slice({"1"}));
  EXPECT_THAT(staged(), testing::StartsWith("\x1F\x8B"));
}

// The execution has ended and was cleaned up: its directory does not come back.
TEST_F(FileExporterTest, AWorkerThatWakesUpLateLeavesNothingBehind) {
  sender();
  fs::remove_all(directory_ + "/out");
  const auto facts = export_slice({"1"});
  ASSERT_FALSE(facts);
  EXPECT_THAT(facts.error().message, testing::HasSubstr(directory_ + "/out"));
  EXPECT_FALSE(fs::exists(directory_ + "/out"));
}

TEST_F(FileExporterTest, AnUnusableDirectoryIsNamed) {
  std::ofstream(directory_ + "/out") << "a file";
  const auto facts = export_slice({"1"});
  ASSERT_FALSE(facts);
  EXPECT_THAT(facts.error().message, testing::HasSubstr(directory_ + "/out"));
}

TEST_F(FileExporterTest, SchemaChecksOptionsTogether) {
  const OperationSchema schema = file_exporter_operation().schema;
  EXPECT_EQ(schema.commit, CommitClass::staged);
  EXPECT_TRUE(validate_options(schema, {{"path", "relative/is/judged/elsewhere"}}).issues.empty());
  EXPECT_EQ(validate_options(schema, {{"path", "/a.xz"}, {"single_file", true}}).issues.size(), 1u);
  EXPECT_EQ(validate_options(schema, {{"path", "/a"}, {"format", "xml"}}).issues.size(), 1u);
  EXPECT_EQ(validate_options(schema, {{"path", "/a/"}, {"single_file", true}}).issues.size(), 1u);
}

// ---- a directory for each value ----

TEST_F(FileExporterTest, RecordsGoToTheFilesOfTheirValues) {
  options_["subdirectory"] = "{field:c}";
  const auto facts = export_slice({R"({"c":"a","n":1})", R"({"c":"b","n":2})", R"({"c":"a","n":3})"});
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->records, 3u);
  ASSERT_EQ(facts->parts.size(), 2u);
  EXPECT_EQ(facts->parts[0].place, "a");
  EXPECT_EQ(facts->parts[0].records, 2u);
  EXPECT_EQ(facts->parts[1].place, "b");
  std::ostringstream text;
  text << std::ifstream(staged_path() + ".0").rdbuf();
  EXPECT_EQ(text.str(), "{\"c\":\"a\",\"n\":1}\n{\"c\":\"a\",\"n\":3}\n");
  EXPECT_EQ(facts->parts[0].checksum, XXH3_64bits(text.str().data(), text.str().size()));
  EXPECT_EQ(facts->bytes, facts->parts[0].bytes + facts->parts[1].bytes);
  EXPECT_FALSE(fs::exists(staged_path()));
  slice_.key.order = 8;
  const auto next = export_slice({R"({"c":"b"})"});
  ASSERT_EQ(next->parts.size(), 1u);
  EXPECT_EQ(next->parts[0].place, "b");
}

TEST_F(FileExporterTest, AnAbandonedSliceLeavesNoneOfItsFiles) {
  options_["subdirectory"] = "{field:c}";
  ASSERT_TRUE(sender().begin(slice_));
  ASSERT_TRUE(write({R"({"c":1})", R"({"c":2})"}));
  EXPECT_TRUE(fs::exists(staged_path() + ".1"));
  sender().abandon();
  EXPECT_TRUE(fs::is_empty(fs::path(staged_path()).parent_path()));
}

TEST_F(FileExporterTest, AFewHundredValuesAreOpenAtATime) {
  options_["subdirectory"] = "{field:c}";
  ASSERT_TRUE(sender().begin(slice_));
  for (int value = 0; value < 256; ++value) ASSERT_TRUE(write({fmt::format(R"({{"c":{}}})", value)})) << value;
  const auto refused = write({R"({"c":256})"});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message,
              testing::HasSubstr("more than 256 directories by the fields that it names, `c`"));
  EXPECT_FALSE(refused.error().retryable);
  sender().abandon();
}

TEST_F(FileExporterTest, ARecordWithoutAPlaceIsABadRecord) {
  options_["subdirectory"] = "{field:c}";
  options_["_dead_letter_action"] = "none";
  const auto facts = export_slice({R"({"c":1})", R"({"d":1})", R"([1])", R"({"c":{}})"});
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->records, 1u);
  operation_.reset();
  options_["_dead_letter_action"] = "throw";
  EXPECT_THAT(export_slice({R"({"d":1})"}).error().message, testing::HasSubstr("`c`, which the output's path names"));
}

}  // namespace
}  // namespace slicemill
