// The publisher of files on a real file system: what is visible when, what is refused, what a second call finds.
#include <gmock/gmock.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/formats/byte_source.h"
#include "core/outputs/file_layout.h"
#include "core/outputs/file_publisher.h"
#include "core/outputs/output_publisher.h"
#include "core/outputs/settled_columns.h"
#include "core/outputs/stored_file.h"

namespace slicemill {
namespace {

namespace fs = std::filesystem;

const std::string kFirst = "11111111-1111-4111-8111-111111111111";
const std::string kSecond = "22222222-2222-4222-8222-222222222222";

JobSpec job_with(const Json& sender) {
  return {.plan = {{.name = "id_range"}, {.name = "file_exporter", .options = sender}}};
}

class FilePublisherTest : public testing::Test {
 protected:
  FilePublisherTest() {
    std::string pattern = testing::TempDir() + "/publisher-XXXXXX";
    directory_ = fs::canonical(mkdtemp(pattern.data()));
    options_ = {{"path", directory_ + "/out"}};
  }
  ~FilePublisherTest() override { fs::remove_all(directory_); }

  std::unique_ptr<OutputPublisher> publisher(const std::vector<std::string>& lineage = {kFirst},
                                             const std::optional<JoinRecord>& joined = std::nullopt) {
    auto made = make_publisher(job_with(options_), {file_sink_type()}, {lineage, posix_files(), joined, {}});
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  FileLayout layout() { return *file_layout(options_, kFirst); }

  // Writes a staged file as a worker does.
  CommittedOutput stage(std::uint64_t order, const std::string& text, Attempt attempt = {1, 1}) {
    CommittedOutput output;
    output.key.order = order;
    output.attempt = attempt;
    const std::string path = layout().staged_path(output.key, attempt);
    write(path, text);
    const auto stored = read_stored_file(posix_files(), path);
    output.facts = {true, 1, stored->bytes, stored->checksum, request_hash("{}")};
    return output;
  }
  std::string final_path(const CommittedOutput& output, const std::string& origin = kFirst) {
    return layout().publish_directory() + "/" +
           layout().final_name(slice_id(origin, output.key), output.key, output.facts);
  }

  static void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }
  static std::string read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  static OutputSource source(const std::vector<CommittedOutput>& outputs) {
    return [outputs](const OutputVisitor& visit) -> Result<void> {
      for (const CommittedOutput& output : outputs) RETURN_IF_ERROR(visit(output));
      return {};
    };
  }
  std::vector<std::string> visible() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory_ + "/out")) {
      if (!entry.path().filename().string().starts_with(".")) names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  std::string directory_;
  Json options_;
};

TEST_F(FilePublisherTest, OtherSendersPublishNothing) {
  EXPECT_EQ(*make_publisher({.plan = {{.name = "file_reader"}, {.name = "noop"}}}, {file_sink_type()},
                            {{kFirst}, posix_files(), {}, {}}),
            nullptr);
  EXPECT_EQ(*make_publisher(JobSpec(), {file_sink_type()}, {{kFirst}, posix_files(), {}, {}}), nullptr);
  EXPECT_EQ(make_publisher(job_with({{"path", "here"}}), {file_sink_type()}, {{kFirst}, posix_files(), {}, {}})
                .error()
                .message,
            "path: \"here\" is not an absolute path");
}

TEST_F(FilePublisherTest, PublishesUnderTheDerivedNameAndIsIdempotent) {
  auto files = publisher();
  ASSERT_TRUE(files->prepare(true));
  const CommittedOutput one = stage(1, "one\n");
  const CommittedOutput two = stage(2, "two\n");
  CommittedOutput nothing;
  nothing.key.order = 3;
  EXPECT_TRUE(visible().empty());
  for (int call = 0; call < 2; ++call) {
    for (const auto& result : files->publish({one, nothing, two})) EXPECT_TRUE(result) << result.error().message;
    EXPECT_EQ(visible().size(), 2u);
  }
  EXPECT_EQ(read(final_path(one)), "one\n");
  EXPECT_THAT(visible()[0], testing::MatchesRegex("0-0000000001-[0-9a-f-]{36}-[0-9a-f]{8}\\.ldjson"));
  EXPECT_FALSE(fs::exists(layout().staged_path(one.key, one.attempt)));
}

TEST_F(FilePublisherTest, AnAttemptStagedAgainAfterItsPublicationIsTakenAway) {
  auto files = publisher();
  ASSERT_TRUE(files->prepare(true));
  CommittedOutput one = stage(1, "one\n");
  ASSERT_TRUE(files->publish({one})[0]);
  one = stage(1, "one\n", {2, 1});
  EXPECT_TRUE(files->publish({one})[0]);
  EXPECT_FALSE(fs::exists(layout().staged_path(one.key, one.attempt)));
}

// On a file system that counts: 64 KB must fit, and nothing stays behind.
TEST_F(FilePublisherTest, AProbeDoesWhatASliceDoesAndLeavesNothing) {
  auto files = publisher();
  ASSERT_TRUE(files->prepare(true));
  EXPECT_TRUE(files->probe());
  fs::remove_all(layout().staging_directory());  // what an operator may do to make room
  EXPECT_TRUE(files->probe());
  EXPECT_TRUE(fs::is_empty(layout().staging_directory()));
  EXPECT_TRUE(visible().empty());
  fs::remove_all(layout().staging_directory());
  write(layout().staging_directory(), "a file is in the way");
  const auto blocked = files->probe();
  ASSERT_FALSE(blocked);
  EXPECT_THAT(blocked.error().message, testing::HasSubstr(layout().staging_directory()));
}

TEST_F(FilePublisherTest, AProbeTellsTheObstacleOfTheMachine) {
  auto files = publisher();
  ASSERT_TRUE(files->prepare(true));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto ignored = signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1'000, before.rlim_max};  // no file grows beyond that, as on a disk that is nearly full
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto refused = files->probe();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, ignored);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr(".probe"));
  EXPECT_TRUE(fs::is_empty(layout().staging_directory())) << "the half of it would keep the disk full";
  EXPECT_TRUE(files->probe());
}

TEST_F(FilePublisherTest, NeverReplacesAFileWithOtherContents) {
  auto files = publisher();
  ASSERT_TRUE(files->prepare(true));
  const CommittedOutput one = stage(1, "one\n");
  write(final_path(one), "ONE\n");
  const auto with_staged = files->publish({one})[0];
  EXPECT_EQ(with_staged.error().code, ErrorCode::conflict);
  EXPECT_THAT(with_staged.error().message, testing::StartsWith(final_path(one) + " exists with other contents"));
  EXPECT_EQ(read(final_path(one)), "ONE\n");
  fs::remove(layout().staged_path(one.key, one.attempt));
  EXPECT_EQ(files->publish({one})[0].error().code, ErrorCode::conflict);
}

TEST_F(FilePublisherTest, SaysWhichOutputIsLost) {
  auto files = publisher();
  ASSERT_TRUE(files->prepare(true));
  const CommittedOutput lost = stage(1, "one\n");
  const CommittedOutput kept = stage(2, "two\n");
  fs::remove(layout().staged_path(lost.key, lost.attempt));
  const auto results = files->publish({lost, kept});
  EXPECT_EQ(results[0].error().code, ErrorCode::not_found);
  EXPECT_THAT(results[0].error().message,
              testing::StartsWith("output_lost: neither " + layout().staged_path(lost.key, lost.attempt)));
  EXPECT_TRUE(results[1]);
}

TEST_F(FilePublisherTest, JudgesWhatExistsOnceALineage) {
  fs::create_directories(directory_ + "/out");
  write(directory_ + "/out/.hidden", "");
  options_["if_exists"] = "fail";
  EXPECT_TRUE(publisher()->prepare(true));
  write(directory_ + "/out/old.txt", "");
  const auto refused = publisher()->prepare(true);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_EQ(refused.error().message, "path: " + directory_ + "/out/old.txt exists already, and if_exists is \"fail\"");
  EXPECT_TRUE(publisher()->prepare(false));
  options_["if_exists"] = "append";
  EXPECT_TRUE(publisher()->prepare(true));
}

TEST_F(FilePublisherTest, RefusesPathsThatCannotHoldTheOutput) {
  write(directory_ + "/out", "a file");
  EXPECT_EQ(publisher()->prepare(true).error().message, "path: " + directory_ + "/out is a file, not a directory");
  options_["single_file"] = true;
  EXPECT_EQ(publisher()->prepare(true).error().message,
            "path: " + directory_ +
                "/out exists already, and a single file is not appended to; `if_exists: replace` replaces it");
  options_["path"] = directory_ + "/out/file";
  EXPECT_EQ(publisher()->prepare(true).error().message, "path: " + directory_ + "/out is a file, not a directory");
  options_["path"] = directory_;
  EXPECT_EQ(publisher()->prepare(true).error().message,
            "path: " + directory_ + " is a directory, but single_file needs a file");
  options_["path"] = "/proc/nowhere/out";
  options_["single_file"] = false;
  EXPECT_THAT(publisher()->prepare(true).error().message,
              testing::StartsWith("path: cannot create directory /proc/nowhere/out"));
}

TEST_F(FilePublisherTest, AnUnwritableDirectoryIsRefused) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  fs::create_directories(directory_ + "/out");
  chmod((directory_ + "/out").c_str(), 0500);
  EXPECT_THAT(publisher()->prepare(true).error().message, testing::HasSubstr("Permission denied"));
}

TEST_F(FilePublisherTest, SweepsWhatIsNotWanted) {
  auto files = publisher();
  ASSERT_TRUE(files->prepare(true));
  const CommittedOutput wanted = stage(1, "x", {3, 1});
  const CommittedOutput stale = stage(1, "x", {2, 4});
  const std::string other = layout().staging_directory() + "/joined.tmp";
  write(other, "");
  std::vector<std::pair<SliceKey, Attempt>> asked;
  files->sweep([&](const SliceKey& key, const Attempt& attempt) {
    asked.emplace_back(key, attempt);
    return attempt == wanted.attempt;
  });
  EXPECT_THAT(
      asked, testing::UnorderedElementsAre(std::pair{wanted.key, wanted.attempt}, std::pair{stale.key, stale.attempt}));
  EXPECT_TRUE(fs::exists(layout().staged_path(wanted.key, wanted.attempt)));
  EXPECT_FALSE(fs::exists(layout().staged_path(stale.key, stale.attempt)));
  EXPECT_TRUE(fs::exists(other));
}

TEST_F(FilePublisherTest, CleansUpItsOwnStagingOnly) {
  auto files = publisher();
  ASSERT_TRUE(files->prepare(true));
  ASSERT_TRUE(publisher({kSecond})->prepare(true));
  const CommittedOutput one = stage(1, "one\n");
  ASSERT_TRUE(files->publish({one})[0]);
  files->clean_up(true);
  EXPECT_FALSE(fs::exists(layout().staging_directory()));
  EXPECT_TRUE(fs::exists(directory_ + "/out/.slicemill/" + kSecond));
  EXPECT_TRUE(fs::exists(final_path(one)));
  const std::string columns = directory_ + "/out/.slicemill/" + kSecond + "/columns";
  write(columns, "[\"a\"]\n");
  publisher({kSecond})->clean_up(false);
  EXPECT_TRUE(fs::exists(columns)) << "a recovery writes the same columns";
  fs::remove(columns);
  publisher({kSecond})->clean_up(false);
  EXPECT_FALSE(fs::exists(directory_ + "/out/.slicemill"));
}

TEST_F(FilePublisherTest, VerifiesEveryFile) {
  auto files = publisher({kFirst, kSecond});
  ASSERT_TRUE(files->prepare(true));
  std::vector<CommittedOutput> outputs;
  for (std::uint64_t order = 1; order <= 5; ++order) outputs.push_back(stage(order, "text " + std::to_string(order)));
  CommittedOutput nothing;
  nothing.key.order = 6;
  outputs.push_back(nothing);
  for (const auto& result : files->publish(outputs)) ASSERT_TRUE(result);
  write(directory_ + "/out/0-0000000001-33333333-3333-4333-8333-333333333333-00000000.ldjson", "of another execution");
  write(directory_ + "/out/notes.txt", "of somebody");

  auto report = *files->verify(source(outputs), std::nullopt, {});
  EXPECT_TRUE(report.clean());
  EXPECT_EQ(report.expected, 5u);
  EXPECT_EQ(report.matching, 5u);
  EXPECT_EQ(report.records, 5u);
  EXPECT_EQ(report.bytes, 30u);

  fs::remove(final_path(outputs[0]));
  write(final_path(outputs[1]), "text X");  // same size
  write(final_path(outputs[2]), "longer than before");
  CommittedOutput unknown = outputs[4];
  unknown.key.order = 9;
  write(final_path(unknown), "nobody committed this");
  CommittedOutput later = unknown;
  later.key.generation = 1;
  write(final_path(later, kSecond), "nor this, of the second execution of the lineage");
  report = *files->verify(source(outputs), std::nullopt, {});
  const auto name = [](const std::string& path) { return fs::path(path).filename().string(); };
  EXPECT_THAT(report.missing, testing::ElementsAre(name(final_path(outputs[0]))));
  EXPECT_THAT(report.altered, testing::ElementsAre(name(final_path(outputs[1])), name(final_path(outputs[2]))));
  EXPECT_THAT(report.extra, testing::UnorderedElementsAre(name(final_path(unknown)), name(final_path(later, kSecond))));
  EXPECT_EQ(report.matching, 2u);
  EXPECT_FALSE(report.clean());

  fs::remove_all(directory_ + "/out");
  report = *files->verify(source(outputs), std::nullopt, {});
  EXPECT_EQ(report.missing_count, 5u);
}

class SingleFileTest : public FilePublisherTest {
 protected:
  SingleFileTest() {
    options_["path"] = directory_ + "/all.json";
    options_["single_file"] = true;
    options_["format"] = "json";
  }
  std::string final_file() const { return directory_ + "/all.json"; }
};

TEST_F(SingleFileTest, JoinsPartsInKeyOrder) {
  auto files = publisher();
  EXPECT_TRUE(files->joins());
  ASSERT_TRUE(files->prepare(true));
  const std::vector<CommittedOutput> outputs = {stage(1, "1,\n2"), stage(2, "3")};
  for (const auto& result : files->publish({outputs[1], outputs[0]})) ASSERT_TRUE(result);
  EXPECT_FALSE(fs::exists(final_file()));
  EXPECT_EQ(files->verify(source(outputs), std::nullopt, {})->matching, 2u);

  const OutputFacts facts = *files->join(source(outputs));
  EXPECT_FALSE(fs::exists(final_file()));
  EXPECT_EQ(facts.records, 2u);
  for (int call = 0; call < 2; ++call) EXPECT_TRUE(files->publish_joined(facts));
  EXPECT_EQ(read(final_file()), "[\n1,\n2,\n3\n]\n");
  EXPECT_EQ(facts.bytes, read(final_file()).size());
  files->clean_up(true);
  EXPECT_FALSE(fs::exists(directory_ + "/.slicemill"));

  const JoinRecord joined{facts, true};
  EXPECT_TRUE(files->verify(source(outputs), joined, {})->clean());
  write(final_file(), "[\n1,\n2,\n4\n]\n");
  EXPECT_THAT(files->verify(source(outputs), joined, {})->altered, testing::ElementsAre("all.json"));
  EXPECT_EQ(files->publish_joined(facts).error().code, ErrorCode::conflict);
  fs::remove(final_file());
  EXPECT_THAT(files->verify(source(outputs), joined, {})->missing, testing::ElementsAre("all.json"));
  EXPECT_THAT(files->publish_joined(facts).error().message, testing::StartsWith("output_lost: "));
}

TEST_F(SingleFileTest, KeepsPartsForARecovery) {
  auto files = publisher();
  ASSERT_TRUE(files->prepare(true));
  const CommittedOutput one = stage(1, "1");
  ASSERT_TRUE(files->publish({one})[0]);
  const CommittedOutput open = stage(2, "2");
  files->clean_up(false);
  EXPECT_FALSE(fs::exists(layout().staged_path(open.key, open.attempt)));
  EXPECT_TRUE(files->join(source({one})));
}

TEST_F(SingleFileTest, ADamagedOrMissingPartStopsTheJoin) {
  auto files = publisher();
  ASSERT_TRUE(files->prepare(true));
  const CommittedOutput one = stage(1, "1");
  ASSERT_TRUE(files->publish({one})[0]);
  write(final_path(one), "2");
  EXPECT_EQ(files->join(source({one})).error().code, ErrorCode::corrupt);
  fs::remove(final_path(one));
  EXPECT_THAT(files->join(source({one})).error().message, testing::StartsWith("output_lost: part " + final_path(one)));
}

TEST_F(SingleFileTest, WithoutRecordsIsAnEmptyArrayOrAHeader) {
  auto files = publisher();
  ASSERT_TRUE(files->prepare(true));
  ASSERT_TRUE(files->publish_joined(*files->join(source({}))));
  EXPECT_EQ(Json::parse(read(final_file())), Json::array());
  options_["path"] = directory_ + "/all.csv.gz";
  options_["format"] = "csv";
  options_["compression"] = "gzip";
  options_["include_header"] = true;
  options_["fields"] = {"a", "b"};
  files = publisher();
  ASSERT_TRUE(files->prepare(true));
  ASSERT_TRUE(files->publish_joined(*files->join(source({}))));
  const std::string path = directory_ + "/all.csv.gz";
  auto unpacked =
      *decompressed(Compression::gzip, file_source(*posix_files().open(path), path, 0, fs::file_size(path)), path);
  std::string text(100, '\0');
  text.resize(*unpacked->read(text));
  EXPECT_EQ(text, "a,b\n");
}

// Without `fields` the columns are those that were settled while the parts were written.
TEST_F(SingleFileTest, AHeaderHasTheSettledColumns) {
  options_["path"] = directory_ + "/all.csv";
  options_["format"] = "csv";
  options_["include_header"] = true;
  auto files = publisher();
  ASSERT_TRUE(files->prepare(true));
  const std::string own = layout().staging_directory() + "/own";
  EXPECT_EQ(settled_columns(posix_files(), layout())->has_value(), false);
  EXPECT_EQ((*settle_columns(posix_files(), layout(), own, {"b", "a, \"c\""})).size(), 2u);
  EXPECT_EQ((*settle_columns(posix_files(), layout(), own, {"x"}))[0], "b") << "settled is settled";
  EXPECT_FALSE(fs::exists(own));
  const CommittedOutput one = stage(1, "1,2\n");
  ASSERT_TRUE(files->publish({one})[0]);
  files->clean_up(false);  // the execution fails; a recovery joins
  files = publisher();
  ASSERT_TRUE(files->prepare(false));
  ASSERT_TRUE(files->publish_joined(*files->join(source({one}))));
  EXPECT_EQ(read(directory_ + "/all.csv"), "b,\"a, \"\"c\"\"\"\n1,2\n");
  fs::remove(layout().columns_path());
  EXPECT_THAT(files->join(source({one})).error().message, testing::StartsWith("output_lost: "));
  EXPECT_EQ(files->join(source({}))->bytes, 0u) << "no records, no columns";
  files->clean_up(true);
  EXPECT_FALSE(fs::exists(directory_ + "/.slicemill"));
}

TEST(FileLayout, ParsesTheNamesItMakes) {
  FileLayout layout;
  layout.root = "/r";
  layout.staging_name = "l";
  layout.extension = "csv";
  const SliceKey key{3, 2, 71, 5};
  const auto staged = parse_staged_name(fs::path(layout.staged_path(key, {12, 4})).filename().string());
  ASSERT_TRUE(staged);
  EXPECT_EQ(staged->key, key);
  EXPECT_EQ(staged->attempt, (Attempt{12, 4}));
  for (const char* name :
       {"", "joined.tmp", "parts", "1-2-3-4.5", "1-2-3-4.5-6x", "-1-2-3-4.5-6", "99999999-0-1-1.1-1"}) {
    EXPECT_FALSE(parse_staged_name(name)) << name;
  }
  const std::string id = slice_id(kFirst, key);
  const std::string name = layout.final_name(id, key, OutputFacts{});
  const auto published = parse_published_name(name);
  ASSERT_TRUE(published) << name;
  EXPECT_EQ(published->slicer, 2u);
  EXPECT_EQ(published->order, 71u);
  EXPECT_EQ(published->slice_id, id);
  for (const char* other : {"", "a.txt", "0-1", "0-0000000001-short-00000000.x"})
    EXPECT_FALSE(parse_published_name(other)) << other;
}

TEST(FileLayout, ChecksOptions) {
  const std::pair<Json, const char*> cases[] = {
      {{{"path", "/a/b/"}, {"single_file", true}},
       "path: \"/a/b/\" names a directory, but single_file needs the name of a file"},
      {{{"path", "/a/.b"}, {"single_file", true}}, "path: a single file's name must not begin with a dot"},
      {{{"path", "/a"}, {"extension", "x/y"}}, "extension: must be the ending of a file name"},
      {{{"path", "/a"}, {"format", "csv"}, {"field_delimiter", "||"}},
       "field_delimiter: must be one character, and neither a quote nor a line end"},
      {{{"path", "/a"}, {"format", "csv"}, {"line_delimiter", ";"}},
       "line_delimiter: must be \"\\n\" or \"\\r\\n\" for format csv"},
      {{{"path", "/a.csv.xz"}, {"format", "csv"}, {"single_file", true}},
       "path: files ending in .xz cannot be written: name another compression, or say `compression: none`"},
      {{{"path", "/a"}, {"format", "json"}, {"encoding", "raw"}}, "encoding: raw records cannot be written as json"},
      {{{"path", "/a"}, {"encoding", "raw"}, {"fields", {"x"}}}, "fields: raw records have no fields"},
  };
  for (const auto& [options, message] : cases) EXPECT_EQ(file_layout(options, "l").error().message, message);
  EXPECT_EQ(file_layout({{"path", "/a/"}, {"extension", ".log"}}, "l")->extension, "log");
  EXPECT_EQ(file_layout({{"path", "/a/"}}, "l")->staging_directory(), "/a/.slicemill/l");
  EXPECT_EQ(file_layout({{"path", "/a"}, {"single_file", true}}, "l")->staging_directory(), "/.slicemill/l");
}

// ---- if_exists: replace ----

class ReplacementTest : public FilePublisherTest {
 protected:
  ReplacementTest() { options_["if_exists"] = "replace"; }

  // Output of ours that is there already.
  std::string write_old(const std::string& id = kSecond) {
    const std::string name = "0-0000000001-" + slice_id(id, {.order = 1}) + "-00000000.ldjson";
    fs::create_directories(out());
    write(out() + "/" + name, "old\n");
    return name;
  }
  std::string out() const { return directory_ + "/out"; }
  // An execution up to its last slice.
  CommittedOutput write_new(OutputPublisher& files) {
    EXPECT_TRUE(files.prepare(true));
    const CommittedOutput one = stage(1, "new\n");
    EXPECT_TRUE(files.publish({one})[0]);
    return one;
  }
};

// ---- a directory for each value ----

class PartsTest : public FilePublisherTest {
 protected:
  PartsTest() { options_["subdirectory"] = "{field:country}/{field:day}"; }

  CommittedOutput stage_parts(std::uint64_t order, const std::vector<std::string>& places, Attempt attempt = {1, 1}) {
    CommittedOutput output;
    output.key.order = order;
    output.attempt = attempt;
    output.facts = {true, 0, 0, 0, request_hash("{}")};
    for (const std::string& place : places) {
      const std::string path = layout().staged_path(output.key, attempt, output.facts.parts.size());
      write(path, place + "\n");
      const auto stored = read_stored_file(posix_files(), path);
      output.facts.parts.push_back({place, 1, stored->bytes, stored->checksum});
      output.facts.records += 1;
      output.facts.bytes += stored->bytes;
    }
    return output;
  }
  std::string path_of(const CommittedOutput& output, const std::string& place) {
    return layout().publish_directory() + "/" + place + "/" +
           layout().final_name(slice_id(kFirst, output.key), output.key, output.facts);
  }
};

TEST_F(PartsTest, EachFileGoesToItsPlaceHoweverOftenItIsAskedFor) {
  auto files = publisher();
  ASSERT_TRUE(files->prepare(true));
  const CommittedOutput one = stage_parts(1, {"DE/1", "FR/1"});
  const CommittedOutput two = stage_parts(2, {"FR/2", "DE/1"});
  EXPECT_TRUE(visible().empty());
  // A first call that died between two files.
  fs::create_directories(directory_ + "/out/DE/1");
  fs::rename(layout().staged_path(one.key, one.attempt, 0), path_of(one, "DE/1"));
  for (int call = 0; call < 2; ++call)
    for (const auto& result : files->publish({one, two})) EXPECT_TRUE(result) << result.error().message;
  EXPECT_THAT(visible(), testing::ElementsAre("DE", "FR"));
  for (const auto& [output, place] :
       {std::pair(one, "DE/1"), std::pair(one, "FR/1"), std::pair(two, "FR/2"), std::pair(two, "DE/1")})
    EXPECT_EQ(read(path_of(output, place)), std::string(place) + "\n");
  const auto report = files->verify(source({one, two}), std::nullopt, {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(report->clean());
  EXPECT_EQ(report->expected, 4u);
  EXPECT_EQ(report->records, 4u);
  fs::remove(path_of(one, "FR/1"));
  const auto lost = files->publish({one});
  EXPECT_THAT(lost[0].error().message, testing::HasSubstr("output_lost"));
}

TEST_F(PartsTest, VerifyNamesPlaces) {
  auto files = publisher();
  ASSERT_TRUE(files->prepare(true));
  const CommittedOutput one = stage_parts(1, {"DE/1", "FR/1"});
  ASSERT_TRUE(files->publish({one})[0]);
  const std::string name = fs::path(path_of(one, "DE/1")).filename();
  fs::create_directories(directory_ + "/out/ES/9");
  fs::rename(path_of(one, "DE/1"), directory_ + "/out/ES/9/" + name);
  write(path_of(one, "FR/1"), "other");
  write(directory_ + "/out/ES/9/mine.txt", "not ours to judge");
  const auto report = files->verify(source({one}), std::nullopt, {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_THAT(report->missing, testing::ElementsAre("DE/1/" + name));
  EXPECT_THAT(report->altered, testing::ElementsAre("FR/1/" + name));
  EXPECT_THAT(report->extra, testing::ElementsAre("ES/9/" + name));
}

TEST_F(PartsTest, ASweepKnowsTheFilesOfAnAttempt) {
  auto files = publisher();
  ASSERT_TRUE(files->prepare(true));
  stage_parts(1, {"DE/1", "FR/1"}, {1, 1});
  stage_parts(1, {"DE/1", "FR/1"}, {1, 2});
  files->sweep([](const SliceKey&, const Attempt& attempt) { return attempt.n == 2; });
  EXPECT_EQ(std::distance(fs::directory_iterator(layout().staging_directory()), fs::directory_iterator()), 2);
  EXPECT_FALSE(parse_staged_name("0-0-1-1.1-2.x"));
  EXPECT_EQ(*parse_staged_name("0-0-1-1.1-2.30"), *parse_staged_name("0-0-1-1.1-2"));
}

TEST_F(PartsTest, TakesThePlaceOfAnotherOne) {
  options_["if_exists"] = "replace";
  std::optional<JoinRecord> joined;
  for (const auto& [lineage, places] : {std::pair(kSecond, std::vector<std::string>{"DE/1", "FR/1"}),
                                        std::pair(kFirst, std::vector<std::string>{"ES/1"})}) {
    auto files = publisher({lineage});
    ASSERT_TRUE(files->prepare(true));
    const auto its_layout = *file_layout(options_, lineage);
    CommittedOutput one;
    one.key.order = 1;
    one.attempt = {1, 1};
    one.facts = {true, 1, 2, 0, 0};
    for (const std::string& place : places) {
      const std::string path = its_layout.staged_path(one.key, one.attempt, one.facts.parts.size());
      write(path, "x\n");
      const auto stored = read_stored_file(posix_files(), path);
      one.facts.parts.push_back({place, 1, stored->bytes, stored->checksum});
    }
    ASSERT_TRUE(files->publish({one})[0]);
    const auto facts = files->join(source({one}));
    ASSERT_TRUE(facts) << facts.error().message;
    const auto published = files->publish_joined(*facts);
    ASSERT_TRUE(published) << published.error().message;
    joined = JoinRecord{*facts, true};
    EXPECT_TRUE(files->verify(source({one}), joined, {})->clean());
    files->clean_up(true);
  }
  EXPECT_THAT(visible(), testing::ElementsAre("ES"));
  for (const std::string name : {"ES/1/thesis.txt", "ES/thesis.txt"}) {
    write(directory_ + "/out/" + name, "x");
    EXPECT_THAT(publisher()->prepare(true).error().message, testing::HasSubstr(name + " in it is no output"));
    fs::remove(directory_ + "/out/" + name);
  }
  fs::create_directories(directory_ + "/out/ES/empty");
  EXPECT_THAT(publisher()->prepare(true).error().message, testing::HasSubstr("ES/empty in it is no output"));
}

TEST_F(ReplacementTest, TakesThePlaceOfWhatWasThere) {
  const std::string old = write_old();
  auto files = publisher();
  const CommittedOutput one = write_new(*files);
  EXPECT_THAT(visible(), testing::ElementsAre(old));
  EXPECT_TRUE(files->joins());
  EXPECT_TRUE(files->takes_more());
  const auto facts = files->join(source({one}));
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->records, 1u);
  EXPECT_THAT(visible(), testing::ElementsAre(old));
  EXPECT_TRUE(files->verify(source({one}), std::nullopt, {})->clean()) << "where it waits";
  for (int call = 0; call < 2; ++call) {  // a second exchange would bring the old output back
    auto same = publisher();
    const auto published = same->publish_joined(*facts);
    ASSERT_TRUE(published) << published.error().message;
    ASSERT_EQ(visible().size(), 1u);
    EXPECT_NE(visible()[0], old);
    EXPECT_EQ(read(out() + "/" + visible()[0]), "new\n");
  }
  const JoinRecord joined{*facts, true};
  auto later = publisher({kFirst}, joined);
  EXPECT_TRUE(later->verify(source({one}), joined, {})->clean());
  later->clean_up(true);
  EXPECT_FALSE(fs::exists(directory_ + "/.slicemill"));
}

TEST_F(ReplacementTest, IsRefusedWhereItWouldTakeAwayMoreThanOutput) {
  write_old();
  for (const std::string name : {"thesis.txt", ".hidden", "0-1-2.ldjson"}) {
    write(out() + "/" + name, "x");
    const auto refused = publisher()->prepare(true);
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, ErrorCode::conflict);
    EXPECT_THAT(refused.error().message, testing::HasSubstr(name));
    fs::remove(out() + "/" + name);
  }
  fs::create_directories(out() + "/.slicemill/" + kSecond);
  EXPECT_THAT(publisher()->prepare(true).error().message, testing::HasSubstr("execution " + kSecond + " writes there"));
  fs::remove_all(out() + "/.slicemill/" + kSecond);
  EXPECT_TRUE(publisher()->prepare(true)) << "an empty staging directory is nobody's";
  fs::rename(out(), directory_ + "/elsewhere");
  fs::create_directory_symlink(directory_ + "/elsewhere", out());
  EXPECT_THAT(publisher()->prepare(true).error().message, testing::HasSubstr("it is a link"));
  fs::remove(out());
  write(out(), "a file");
  EXPECT_THAT(publisher()->prepare(true).error().message, testing::HasSubstr("no directory"));
}

TEST_F(ReplacementTest, IsJudgedAgainBeforeItHappens) {
  const std::string old = write_old();
  auto files = publisher();
  const CommittedOutput one = write_new(*files);
  const auto facts = files->join(source({one}));
  write(out() + "/thesis.txt", "x");
  const auto refused = files->publish_joined(*facts);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("thesis.txt"));
  EXPECT_TRUE(fs::exists(out() + "/" + old));
  fs::remove(out() + "/thesis.txt");
  EXPECT_TRUE(files->publish_joined(*facts));
}

TEST_F(ReplacementTest, IsWholeOrNothing) {
  write_old();
  auto files = publisher();
  const CommittedOutput one = write_new(*files);
  CommittedOutput two = one;
  two.key.order = 2;
  const auto lost = files->join(source({one, two}));
  ASSERT_FALSE(lost);
  EXPECT_THAT(lost.error().message, testing::HasSubstr("output_lost"));
  EXPECT_THAT(files->publish_joined({}).error().message, testing::HasSubstr("output_lost"));
  // What did not complete stays for a recovery.
  files->clean_up(false);
  EXPECT_TRUE(publisher()->verify(source({one}), std::nullopt, {})->clean());
}

TEST_F(ReplacementTest, LaterExecutionsAddToItWhileItIsTheirs) {
  auto files = publisher();
  const CommittedOutput one = write_new(*files);
  const auto facts = files->join(source({one}));
  ASSERT_TRUE(facts);
  ASSERT_TRUE(files->publish_joined(*facts));
  files->clean_up(true);
  const JoinRecord joined{*facts, true};
  auto later = publisher({kFirst}, joined);
  ASSERT_TRUE(later->prepare(false));
  const CommittedOutput two = stage(2, "more\n");
  ASSERT_TRUE(later->publish({two})[0]);
  ASSERT_TRUE(later->publish_joined(*facts)) << "it is there already";
  EXPECT_TRUE(later->verify(source({one, two}), joined, {})->clean());
  write(out() + "/.slicemill-lineage", kSecond);
  EXPECT_THAT(publisher({kFirst}, joined)->prepare(false).error().message,
              testing::HasSubstr("was replaced by another"));
}

// A file system that cannot exchange names.
class NoExchange final : public Files {
 public:
  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override { return real_.create(path); }
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override { return real_.open(path); }
  Result<FileStat> stat(const std::string& path) override { return real_.stat(path); }
  bool is_name(const std::string& path) override { return real_.is_name(path); }
  Result<void> create_directories(const std::string& path) override { return real_.create_directories(path); }
  Result<std::vector<std::string>> list(const std::string& path) override { return real_.list(path); }
  Result<std::vector<DirectoryEntry>> list_entries(const std::string& path) override {
    return real_.list_entries(path);
  }
  Result<void> rename_replace(const std::string& from, const std::string& to) override {
    if (renames_left == 0) return Error(ErrorCode::io, "the process died here");
    --renames_left;
    return real_.rename_replace(from, to);
  }
  Result<void> rename_no_replace(const std::string& from, const std::string& to) override {
    return real_.rename_no_replace(from, to);
  }
  Result<void> sync_directory(const std::string& path) override { return real_.sync_directory(path); }
  Result<void> remove(const std::string& path) override { return real_.remove(path); }
  Result<void> remove_tree(const std::string& path) override { return real_.remove_tree(path); }

  int renames_left = 2;

 private:
  Files& real_ = posix_files();
};

TEST_F(ReplacementTest, GoesOnAfterADeathBetweenTwoRenames) {
  for (const int renames : {2, 1, 0}) {
    options_["path"] = directory_ + "/out";
    write_old();
    NoExchange files;
    const JobSpec job = job_with(options_);
    auto writing = *make_publisher(job, {file_sink_type()}, {{kFirst}, files, {}, {}});
    const CommittedOutput one = write_new(*writing);
    const auto facts = writing->join(source({one}));
    ASSERT_TRUE(facts);
    files.renames_left = renames;
    EXPECT_EQ(writing->publish_joined(*facts).has_value(), renames == 2);
    files.renames_left = 2;
    const auto gone_on = (*make_publisher(job, {file_sink_type()}, {{kFirst}, files, {}, {}}))->publish_joined(*facts);
    ASSERT_TRUE(gone_on) << gone_on.error().message;
    ASSERT_EQ(visible().size(), 1u);
    EXPECT_EQ(read(out() + "/" + visible()[0]), "new\n");
    fs::remove_all(out());
    fs::remove_all(directory_ + "/.slicemill");
  }
}

TEST_F(ReplacementTest, ASingleFileIsReplacedWhenItIsComplete) {
  options_["single_file"] = true;
  options_["path"] = directory_ + "/all.ldjson";
  write(directory_ + "/all.ldjson", "old\n");
  auto files = publisher();
  EXPECT_FALSE(files->takes_more());
  const CommittedOutput one = write_new(*files);
  const auto facts = files->join(source({one}));
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(read(directory_ + "/all.ldjson"), "old\n");
  for (int call = 0; call < 2; ++call) EXPECT_TRUE(publisher()->publish_joined(*facts));
  EXPECT_EQ(read(directory_ + "/all.ldjson"), "new\n");
}

// ---- verifying what earlier jobs of the lineage wrote ----

TEST_F(FilePublisherTest, OutputIsLookedForWhereTheJobOfItsAttemptPutIt) {
  const JobSpec former = job_with(options_);
  auto files = publisher();
  ASSERT_TRUE(files->prepare(true));
  const CommittedOutput one = stage(1, "one\n", {1, 1});
  ASSERT_TRUE(files->publish({one})[0]);
  options_["path"] = directory_ + "/elsewhere";
  options_["extension"] = "txt";
  auto mended = publisher({kFirst, kSecond});
  ASSERT_TRUE(mended->prepare(false));
  const CommittedOutput two = stage(2, "two\n", {2, 1});
  ASSERT_TRUE(mended->publish({two})[0]);
  const auto all = source({one, two});
  EXPECT_EQ(mended->verify(all, std::nullopt, {})->missing_count, 1u) << "nobody knows of the former job";
  EXPECT_EQ(mended->verify(all, std::nullopt, {{1, former}})->matching, 2u);
  EXPECT_TRUE(mended->verify(all, std::nullopt, {{1, former}})->clean());
  const std::string stray = "0-0000000007-" + slice_id(kFirst, {.order = 7}) + "-00000000.ldjson";
  write(directory_ + "/out/" + stray, "x");
  EXPECT_THAT(mended->verify(all, std::nullopt, {{1, former}})->extra,
              testing::ElementsAre(directory_ + "/out/" + stray));
}

TEST(OutputMismatch, OnlyMattersWhereOutputWaits) {
  const auto job = [](const Json& sender) {
    Json options = {{"path", "/out"}};
    options.update(sender);
    return job_with(options);
  };
  const JobSpec replacing = job({{"if_exists", "replace"}}), joining = job({{"single_file", true}});
  EXPECT_EQ(*output_mismatch(job(Json::object()), job({{"path", "/else"}}), kFirst), "");
  EXPECT_EQ(*output_mismatch(replacing, replacing, kFirst), "");
  EXPECT_EQ(*output_mismatch(joining, job({{"single_file", true}, {"path", "/other"}}), kFirst), "")
      << "same directory";
  for (const JobSpec& now :
       {job(Json::object()), joining, job({{"if_exists", "replace"}, {"path", "/a/b"}}), JobSpec()})
    EXPECT_THAT(*output_mismatch(replacing, now, kFirst), testing::HasSubstr("/.slicemill/" + kFirst + "/new"));
  EXPECT_THAT(*output_mismatch(joining, job(Json::object()), kFirst), testing::HasSubstr("/parts"));
}

}  // namespace
}  // namespace slicemill
