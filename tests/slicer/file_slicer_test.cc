#include "slicer/file_slicer.h"

#include <gmock/gmock.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "slicer/file_list.h"
#include "tests/fakes/no_files.h"

namespace slicemill {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

struct Cut {
  std::string name;
  std::uint64_t offset, length;
  bool operator==(const Cut&) const = default;
};
void PrintTo(const Cut& cut, std::ostream* out) {
  *out << cut.name << "[" << cut.offset << ",+" << cut.length << ")";
}

std::vector<Json> parsed_requests(const SlicerTurn& turn) {
  std::vector<Json> all;
  for (const auto& requests : turn.runs) {
    const SliceRun run{.requests = requests};
    for (std::uint64_t i = 0; i < run.count(); ++i) all.push_back(Json::parse(run.request(i)));
  }
  return all;
}

std::vector<Cut> cuts(const SlicerTurn& turn) {
  std::vector<Cut> all;
  for (const Json& request : parsed_requests(turn)) {
    all.push_back({fs::path(request.at("path").get<std::string>()).filename().string(), request.at("offset"),
                   request.at("length")});
  }
  return all;
}

class FileSlicerTest : public testing::Test {
 protected:
  FileSlicerTest() {
    std::string pattern = testing::TempDir() + "/slicer-XXXXXX";
    directory_ = fs::canonical(mkdtemp(pattern.data()));
    options_ = {{"path", directory_}, {"size", 10}};
  }
  ~FileSlicerTest() override { fs::remove_all(directory_); }

  void write(const std::string& name, std::size_t size) {
    fs::create_directories(fs::path(directory_ + "/" + name).parent_path());
    std::ofstream(directory_ + "/" + name) << std::string(size, 'x');
  }
  Result<std::unique_ptr<Slicer>> open(const std::string& position = "", bool persistent = false) {
    auto slicer = make_file_slicer();
    SlicerContext context;
    context.options = options_;
    context.persistent = persistent;
    RETURN_IF_ERROR(slicer->open(context, position));
    return slicer;
  }
  std::vector<Cut> all_cuts() {
    auto slicer = open();
    EXPECT_TRUE(slicer) << slicer.error().message;
    auto turn = (*slicer)->next(1'000'000);
    EXPECT_TRUE(turn->finished);
    return cuts(*turn);
  }

  std::string directory_;
  Json options_;
};

TEST_F(FileSlicerTest, CutsByteRangesThatSayWhatWasDiscovered) {
  write("b.ldjson", 25);
  options_["path"] = directory_ + "/b.ldjson";
  auto slicer = *open();
  const auto turn = *slicer->next(1);
  EXPECT_EQ(turn.runs.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<RangeRequests>(turn.runs[0]));
  EXPECT_THAT(cuts(turn), ElementsAre(Cut{"b.ldjson", 0, 10}, Cut{"b.ldjson", 10, 10}, Cut{"b.ldjson", 20, 5}));
  struct stat native {};
  stat((directory_ + "/b.ldjson").c_str(), &native);
  const Json request = parsed_requests(turn)[1];
  EXPECT_EQ(request.at("path"), directory_ + "/b.ldjson");
  EXPECT_EQ(request.at("total"), 25);
  EXPECT_EQ(request.at("inode"), native.st_ino);
  EXPECT_EQ(request.at("mtime_ns"), native.st_mtim.tv_sec * 1'000'000'000 + native.st_mtim.tv_nsec);
}

TEST_F(FileSlicerTest, TakesWhatIsDirectlyInADirectoryByName) {
  write("b", 5);
  write("a", 12);
  write(".hidden", 5);
  write("below/c", 5);
  write("empty", 0);
  EXPECT_THAT(all_cuts(), ElementsAre(Cut{"a", 0, 10}, Cut{"a", 10, 2}, Cut{"b", 0, 5}));
}

TEST_F(FileSlicerTest, CsvFilesAreCutByRowsAndGoOnAnywhere) {
  options_["format"] = "csv";
  options_["size"] = 5;
  std::ofstream(directory_ + "/b.csv") << "a,b\n1,2\n\"3\n\",4\n5,\"6,\n\n\"\n7,8";
  write("c", 12);
  for (const bool persistent : {false, true}) {
    std::vector<Json> straight;
    std::string position;
    auto slicer = *open("", persistent);
    for (SlicerTurn turn = *slicer->next(1); !turn.runs.empty(); turn = *slicer->next(1)) {
      for (Json& request : parsed_requests(turn)) straight.push_back(std::move(request));
    }
    ASSERT_EQ(straight.size(), 5u);
    EXPECT_EQ(straight[0].at("length"), 8);
    EXPECT_FALSE(straight[0].contains("line"));
    EXPECT_EQ(straight[1].at("offset"), 8);
    EXPECT_EQ(straight[1].at("line"), 3);
    EXPECT_EQ(straight[1].at("header"), "a,b\n");
    EXPECT_EQ(straight[2].at("line"), 5);
    EXPECT_EQ(straight[3].at("line"), 8);
    EXPECT_EQ(straight[3].at("length"), 3);
    std::vector<Json> reopened;
    while (true) {
      auto next = *open(position, persistent);
      const auto turn = *next->next(1);
      if (turn.runs.empty()) break;
      for (Json& request : parsed_requests(turn)) reopened.push_back(std::move(request));
      position = turn.position;
    }
    EXPECT_EQ(reopened, straight) << persistent;
  }
}

TEST_F(FileSlicerTest, AFileThatChangedWhileItWasCutIsGivenAsItWas) {
  options_["format"] = "csv";
  const std::string path = directory_ + "/b.csv";
  std::ofstream(path) << "a,b\n1,2\n3,4\n5,6\n7,8\n";
  auto slicer = *open();
  const auto first = *slicer->next(1);
  ASSERT_EQ(cuts(first), (std::vector<Cut>{{"b.csv", 0, 12}}));
  std::ofstream(path) << "a,b\n";  // cut off
  EXPECT_EQ(cuts(*slicer->next(1)), (std::vector<Cut>{{"b.csv", 12, 8}}));
  auto again = *open(first.position);
  const auto rest = *again->next(5);
  EXPECT_EQ(cuts(rest), (std::vector<Cut>{{"b.csv", 12, 8}}));
  EXPECT_EQ(parsed_requests(rest)[0].at("total"), 20);
  for (const char* at : {"{}", "5", R"({"path":"x","total":9,"mtime_ns":0,"inode":1,"offset":0,"line":2})",
                         R"({"path":"x","total":9,"mtime_ns":0,"inode":1,"offset":9,"line":2})"}) {
    const auto broken = open(R"({"last":"x","at":)" + std::string(at) + "}");
    ASSERT_FALSE(broken) << at;
    EXPECT_EQ(broken.error().code, ErrorCode::corrupt);
  }
}

TEST_F(FileSlicerTest, FilesThatCannotBeCutAreOneSlice) {
  write("a.gz", 25);
  write("b.log", 25);
  EXPECT_THAT(all_cuts(),
              ElementsAre(Cut{"a.gz", 0, 25}, Cut{"b.log", 0, 10}, Cut{"b.log", 10, 10}, Cut{"b.log", 20, 5}));
  const std::vector<Cut> whole = {{"a.gz", 0, 25}, {"b.log", 0, 25}};
  for (const Json& change : {Json{{"format", "csv"}}, Json{{"format", "json"}}, Json{{"compression", "zstd"}},
                             Json{{"file_per_slice", true}}, Json{{"line_delimiter", "\n\n"}}}) {
    const Json before = options_;
    options_.update(change);
    EXPECT_EQ(all_cuts(), whole) << change;
    options_ = before;
  }
  options_["compression"] = "none";
  EXPECT_EQ(all_cuts().size(), 6u);
}

TEST_F(FileSlicerTest, MatchesGlobs) {
  for (const char* name : {"x1/a.log", "x1/b.txt", "x2/a.log", "x2/.a.log", "y/a.log", "x1/deep/a.log", "odd[1].log"})
    write(name, 1);
  const auto paths = [&](const std::string& glob) {
    auto listed = list_files(posix_files(), directory_ + "/" + glob);
    EXPECT_TRUE(listed) << listed.error().message;
    for (std::string& path : *listed) path = path.substr(directory_.size() + 1);
    return *listed;
  };
  EXPECT_THAT(paths("x*/*.log"), ElementsAre("x1/a.log", "x2/a.log"));
  EXPECT_THAT(paths("x[12]/a.*"), ElementsAre("x1/a.log", "x2/a.log"));
  EXPECT_THAT(paths("?/a.log"), ElementsAre("y/a.log"));
  EXPECT_THAT(paths("*/deep/a.log"), ElementsAre("x1/deep/a.log"));
  EXPECT_THAT(paths("x2/.*log"), ElementsAre("x2/.a.log"));
  EXPECT_THAT(paths("odd[1].log"), ElementsAre("odd[1].log"));
  EXPECT_THAT(paths("*.none"), ElementsAre());
  EXPECT_THAT(paths("x1/"), ElementsAre("x1/a.log", "x1/b.txt", "x1/deep"));
}

TEST_F(FileSlicerTest, NamesWhatIsMissing) {
  options_["path"] = directory_ + "/nothing";
  EXPECT_EQ(open().error().code, ErrorCode::not_found);
  EXPECT_EQ(open().error().message, "path: cannot stat " + directory_ + "/nothing: No such file or directory");
  options_["path"] = directory_ + "/nowhere/*.log";
  EXPECT_EQ(open().error().message, "path: cannot list " + directory_ + "/nowhere: No such file or directory");
  options_["path"] = directory_ + "/*.log";
  EXPECT_THAT(all_cuts(), ElementsAre());
  options_["path"] = directory_;
  EXPECT_THAT(all_cuts(), ElementsAre());

  write("gone", 5);
  auto slicer = *open();
  fs::remove(directory_ + "/gone");
  EXPECT_EQ(slicer->next(1).error().message, "path: cannot stat " + directory_ + "/gone: No such file or directory");
}

TEST_F(FileSlicerTest, RefusesNamesThatARequestCannotHold) {
  write("bad\xFF", 5);
  auto slicer = *open();
  EXPECT_THAT(slicer->next(1).error().message, testing::HasSubstr("is not UTF-8"));
}

TEST_F(FileSlicerTest, AnUnreadableFileIsRefused) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  write("a", 5);
  chmod((directory_ + "/a").c_str(), 0);
  EXPECT_THAT(open().error().message, testing::HasSubstr("Permission denied"));
}

TEST_F(FileSlicerTest, GoesOnFromEveryPosition) {
  for (const char* name : {"a", "b", "d", "e"}) write(name, 5);
  write("c\"quoted\"", 25);
  const std::vector<Cut> whole = all_cuts();
  ASSERT_EQ(whole.size(), 7u);
  std::vector<Cut> before;
  std::string position;
  for (;;) {
    // A new slicer for every turn: each controller may die.
    auto slicer = *open(position);
    const auto turn = *slicer->next(1);
    const auto now = cuts(turn);
    before.insert(before.end(), now.begin(), now.end());
    position = turn.position;
    if (turn.finished) break;
    ASSERT_FALSE(now.empty());
  }
  EXPECT_EQ(before, whole);
  auto ended = *open(position);
  const auto nothing = *ended->next(10);
  EXPECT_TRUE(nothing.finished);
  EXPECT_TRUE(nothing.runs.empty());
}

TEST_F(FileSlicerTest, PacksSmallFilesAndStopsAboutWhereAsked) {
  for (int i = 0; i < 600; ++i) write(std::to_string(1000 + i), 3);
  auto slicer = *open();
  auto turn = *slicer->next(500);
  EXPECT_EQ(turn.runs.size(), 2u);
  EXPECT_EQ(cuts(turn).size(), 500u);
  EXPECT_FALSE(turn.finished);
  turn = *slicer->next(500);
  EXPECT_EQ(cuts(turn).size(), 100u);
  EXPECT_TRUE(turn.finished);
}

TEST_F(FileSlicerTest, PersistentSourcesAreLookedAtAgain) {
  write("m", 5);
  auto slicer = *open("", true);
  auto turn = *slicer->next(10);
  EXPECT_THAT(cuts(turn), ElementsAre(Cut{"m", 0, 5}));
  EXPECT_FALSE(turn.finished);
  turn = *slicer->next(10);
  EXPECT_TRUE(turn.runs.empty());
  EXPECT_GT(turn.idle_ms, 0);
  EXPECT_FALSE(turn.finished);

  write("a", 4);  // before the known one in the order of names
  write("z", 0);  // not yet written
  write("m", 9);  // known: never looked at again
  turn = *slicer->next(10);
  EXPECT_THAT(cuts(turn), ElementsAre(Cut{"a", 0, 4}));
  EXPECT_EQ(turn.idle_ms, 0);

  // After a restart: what is known stays known, what came meanwhile is found, wherever its name is.
  write("c", 3);
  write("z", 2);
  slicer = *open(turn.position, true);
  turn = *slicer->next(10);
  EXPECT_THAT(cuts(turn), ElementsAre(Cut{"c", 0, 3}, Cut{"z", 0, 2}));

  // What has gone is forgotten: the name may be used again.
  fs::remove(directory_ + "/c");
  EXPECT_TRUE((*slicer->next(10)).runs.empty());
  write("c", 7);
  EXPECT_THAT(cuts(*slicer->next(10)), ElementsAre(Cut{"c", 0, 7}));
}

TEST_F(FileSlicerTest, APositionOfTheOtherKindIsUnderstood) {
  write("a", 1);
  write("b", 1);
  const std::string once = (*(*open())->next(1)).position;
  EXPECT_THAT(cuts(*(*open(once, true))->next(10)), ElementsAre(Cut{"b", 0, 1}));
  const std::string persistent = (*(*open("", true))->next(1)).position;
  EXPECT_THAT(cuts(*(*open(persistent))->next(10)), ElementsAre(Cut{"b", 0, 1}));
}

TEST_F(FileSlicerTest, RefusesBrokenPositions) {
  for (const char* position : {"[]", "{\"last\":5}", "{\"known\":\"123\"}", "{\"known\":\"zzzzzzzzzzzzzzzz\"}"}) {
    EXPECT_EQ(open(position).error().code, ErrorCode::corrupt) << position;
  }
  EXPECT_FALSE(open("{"));
}

TEST_F(FileSlicerTest, PositionsHoldForTheSamePathOnly) {
  auto slicer = make_file_slicer();
  EXPECT_EQ(slicer->position_mismatch({{"path", "/a"}, {"size", 1}}, {{"path", "/a"}, {"size", 2}}), "");
  EXPECT_EQ(slicer->position_mismatch({{"path", "/a"}}, {{"path", "/b"}}),
            "path differs from that of the recovered execution");
}

// A directory of very many files, without the files.
class ManyFiles final : public NoFiles {
 public:
  explicit ManyFiles(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) names_.push_back(std::to_string(1'000'000 + i));
  }
  Result<std::vector<std::string>> list(const std::string&) override { return names_; }
  Result<FileStat> stat(const std::string& path) override { return FileStat{path == "/many", 5, 1, 1}; }

 private:
  std::vector<std::string> names_;
};

TEST(FileSlicerManyFiles, PositionsStayInProportion) {
  constexpr std::size_t kFiles = 100'000;
  ManyFiles files(kFiles);
  for (const bool persistent : {false, true}) {
    auto slicer = make_file_slicer();
    SlicerContext context;
    context.options = {{"path", "/many"}};
    context.files = &files;
    context.persistent = persistent;
    ASSERT_TRUE(slicer->open(context, ""));
    std::size_t slices = 0;
    std::size_t position_bytes = 0;
    while (slices < kFiles) {
      const auto turn = *slicer->next(100);
      for (const auto& requests : turn.runs) slices += std::get<ListRequests>(requests).requests.size();
      position_bytes += turn.position.size();
      ASSERT_FALSE(turn.runs.empty());
    }
    EXPECT_EQ(slices, kFiles);
    EXPECT_LT(position_bytes, kFiles * 16 * 8) << persistent;
  }
}

}  // namespace
}  // namespace slicemill
