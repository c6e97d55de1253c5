#include "slicer/file_slicer.h"

#include <gmock/gmock.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "core/runtime/base64.h"
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

std::vector<Json> parsed_requests(const SliceBatch& turn) {
  std::vector<Json> all;
  for (const auto& requests : turn.runs) {
    const SliceRun run{.requests = requests};
    for (std::uint64_t i = 0; i < run.count(); ++i) all.push_back(Json::parse(run.request(i)));
  }
  return all;
}

std::vector<Cut> cuts(const SliceBatch& turn) {
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
    context.job = job_;
    context.epoch = 7;
    context.now = [this] { return now_; };
    RETURN_IF_ERROR(slicer->open(context, position));
    return slicer;
  }
  void append(const std::string& name, const std::string& text) {
    std::ofstream(directory_ + "/" + name, std::ios::app) << text;
  }
  void replace(const std::string& name, const std::string& text) { std::ofstream(directory_ + "/" + name) << text; }
  // Long enough for a look at the source, and for files to settle.
  void pass_time(std::int64_t ms = 2'000) { now_ += std::chrono::milliseconds(ms); }
  // What one look finds after that time.
  std::vector<Cut> looked(Slicer& slicer, std::int64_t ms = 2'000) {
    pass_time(ms);
    auto turn = slicer.next(1'000);
    EXPECT_TRUE(turn) << turn.error().message;
    position_ = turn->position;
    notices_ = turn->notices;
    return cuts(*turn);
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
  JobSpec job_;
  SteadyTime now_{};
  std::string position_;
  std::vector<std::string> notices_;
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
  options_["settle"] = 0;
  std::ofstream(directory_ + "/b.csv") << "a,b\n1,2\n\"3\n\",4\n5,\"6,\n\n\"\n7,8\n";
  write("c", 12);
  for (const bool persistent : {false, true}) {
    if (persistent) append("c", "\n");
    std::vector<Json> straight;
    std::string position;
    auto slicer = *open("", persistent);
    for (SliceBatch turn = *slicer->next(1); !turn.runs.empty(); turn = *slicer->next(1)) {
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
    EXPECT_EQ(straight[3].at("length"), 4);
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
    for (std::string& path : listed->paths) path = path.substr(directory_.size() + 1);
    return listed->paths;
  };
  EXPECT_THAT(paths("x*/*.log"), ElementsAre("x1/a.log", "x2/a.log"));
  EXPECT_THAT(paths("x[12]/a.*"), ElementsAre("x1/a.log", "x2/a.log"));
  EXPECT_THAT(paths("?/a.log"), ElementsAre("y/a.log"));
  EXPECT_THAT(paths("*/deep/a.log"), ElementsAre("x1/deep/a.log"));
  EXPECT_THAT(paths("x2/.*log"), ElementsAre("x2/.a.log"));
  EXPECT_THAT(paths("odd[1].log"), ElementsAre("odd[1].log"));
  write("x1/\xC3\xA9.log", 1);
  EXPECT_THAT(paths("x1/?.log"), ElementsAre("x1/a.log", "x1/\xC3\xA9.log"));
  fs::remove(directory_ + "/x1/\xC3\xA9.log");
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
  EXPECT_EQ(open().error().message, "path: no file matches " + directory_ + "/*.log");
  options_["path"] = directory_;
  const auto nothing = *(*open())->next(10);
  EXPECT_TRUE(nothing.finished);
  EXPECT_THAT(nothing.notices, ElementsAre("nothing to read: " + directory_ + " is an empty directory"));

  write("gone", 5);
  auto slicer = *open();
  fs::remove(directory_ + "/gone");
  EXPECT_EQ(slicer->next(1).error().message, "path: cannot stat " + directory_ + "/gone: No such file or directory");
}

TEST_F(FileSlicerTest, NamesMayHoldAnyBytes) {
  write("bad\xFF", 25);
  write("line\nend", 5);
  auto slicer = *open();
  const auto turn = *slicer->next(1);
  const Json request = parsed_requests(turn)[0];
  EXPECT_EQ(request.at("path"), directory_ + "/bad\\xff");
  EXPECT_EQ(*from_base64(request.at("path_base64").get<std::string>()), directory_ + "/bad\xFF");
  EXPECT_THAT(cuts(*(*open(turn.position))->next(9)), ElementsAre(Cut{"line\nend", 0, 5}));
}

TEST_F(FileSlicerTest, AnyDepth) {
  for (const char* name : {"a.log", "x/b.log", "x/y/z/c.log", "x/.hidden/d.log", ".e.log", "x/f.txt"}) write(name, 1);
  fs::create_directory_symlink(directory_ + "/x", directory_ + "/loop");
  fs::create_directory_symlink("..", directory_ + "/x/up");
  const auto paths = [&](const std::string& glob) {
    auto listed = list_files(posix_files(), directory_ + "/" + glob);
    EXPECT_TRUE(listed) << listed.error().message;
    for (std::string& path : listed->paths) path = path.substr(directory_.size() + 1);
    return *listed;
  };
  EXPECT_THAT(paths("**/*.log").paths, ElementsAre("a.log", "x/b.log", "x/y/z/c.log"));
  EXPECT_THAT(paths("**/*.log").links, testing::UnorderedElementsAre(directory_ + "/loop", directory_ + "/x/up"));
  EXPECT_THAT(paths("x/**").paths, ElementsAre("x/b.log", "x/f.txt", "x/y/z/c.log"));
  EXPECT_THAT(paths("**/y/**/c.log").paths, ElementsAre("x/y/z/c.log"));
  EXPECT_THAT(paths("**/**/b.log").paths, ElementsAre("x/b.log"));
  EXPECT_THAT(list_files(posix_files(), directory_ + "/**.log").error().message, testing::HasSubstr("**/*.log"));
  EXPECT_THAT(list_files(posix_files(), directory_ + "/{a,b}.log").error().message,
              testing::HasSubstr("braces are not expanded"));
  write("{a,b}.log", 1);
  EXPECT_THAT(paths("{a,b}.log").paths, ElementsAre("{a,b}.log"));
}

TEST_F(FileSlicerTest, WhatIsLeftOutIsCounted) {
  write("a", 5);
  write("empty", 0);
  write("below/c", 5);
  write(".hidden", 5);
  ASSERT_EQ(mkfifo((directory_ + "/pipe").c_str(), 0600), 0);
  const auto turn = *(*open())->next(10);
  EXPECT_THAT(cuts(turn), ElementsAre(Cut{"a", 0, 5}));
  EXPECT_THAT(turn.notices,
              ElementsAre(directory_ + ": left out 1 directory (below), 1 empty file (empty), 1 name that "
                                       "begins with a dot, 1 pipe (pipe)"));
  options_["path"] = directory_ + "/p*";
  EXPECT_EQ((*open())->next(10).error().message, "path: no file matches " + directory_ + "/p*, only 1 pipe (pipe)");
}

TEST_F(FileSlicerTest, ALinkThatLeadsNowhereIsAnError) {
  write("a", 5);
  fs::create_symlink("nowhere", directory_ + "/b");
  fs::create_symlink("loop", directory_ + "/loop");
  auto slicer = *open();
  EXPECT_EQ(slicer->next(10).error().message, "path: " + directory_ + "/b is a link to what is not there");
  options_["path"] = directory_ + "/b";
  EXPECT_THAT(open().error().message, testing::HasSubstr("/b: No such file"));
  options_["path"] = directory_ + "/loop";
  EXPECT_THAT(open().error().message, testing::HasSubstr("/loop: Too many levels"));
}

TEST_F(FileSlicerTest, PipesAndStandardInputAreOneSliceOfOneEpoch) {
  ASSERT_EQ(mkfifo((directory_ + "/pipe").c_str(), 0600), 0);
  for (const std::string& path : {directory_ + "/pipe", std::string("/dev/stdin")}) {
    options_["path"] = path;
    const auto turn = *(*open())->next(10);
    EXPECT_TRUE(turn.finished);
    const auto requests = parsed_requests(turn);
    ASSERT_EQ(requests.size(), 1u);
    EXPECT_EQ(requests[0].at("path"), path);
    EXPECT_EQ(requests[0].at("epoch"), 7);
    EXPECT_TRUE((*(*open(turn.position))->next(10)).runs.empty());
    EXPECT_THAT(open("", true).error().message, testing::HasSubstr("\"lifecycle\": \"once\""));
  }
  options_["path"] = "/dev/zero";
  EXPECT_THAT(open().error().message, testing::HasSubstr("/dev/zero is a device"));
  options_["path"] = "/dev/null";
  const auto empty = *(*open())->next(10);
  EXPECT_TRUE(empty.finished && empty.runs.empty());
  EXPECT_EQ(empty.notices.size(), 1u);
}

TEST_F(FileSlicerTest, FilesWhoseSizeIsMadeUpAreOneSlice) {
  for (const char* path : {"/proc/self/status", "/sys/kernel/mm/transparent_hugepage/enabled"}) {
    if (!fs::exists(path)) continue;
    options_["path"] = path;
    const auto requests = parsed_requests(*(*open())->next(10));
    ASSERT_EQ(requests.size(), 1u) << path;
    EXPECT_EQ(requests[0].at("unsized"), true);
  }
}

TEST_F(FileSlicerTest, RefusesTheJobsOwnOutput) {
  write("a", 5);
  fs::create_directory(directory_ + "/x");
  fs::create_directory_symlink(directory_ + "/x", directory_ + "/y");
  const auto with_output = [&](const std::string& output) {
    job_.plan = {{.name = "file_reader", .options = options_},
                 {.name = "file_exporter", .options = {{"path", directory_ + output}}}};
    const auto opened = open();
    return opened ? "" : opened.error().message;
  };
  EXPECT_THAT(with_output(""), testing::HasSubstr("would be read again"));
  EXPECT_EQ(with_output("/x"), "");
  options_["path"] = directory_ + "/*/*.ldjson";
  write("x/b.ldjson", 1);
  EXPECT_THAT(with_output("/y"), testing::HasSubstr("would be read again"));
  options_["path"] = directory_ + "/*/b*.ldjson";
  EXPECT_EQ(with_output("/y"), "");
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

TEST_F(FileSlicerTest, TellsTheTotalOfAllFilesFromAnywhere) {
  write("a", 25);
  write("b", 0);
  write("c", 7);
  fs::create_directory(directory_ + "/d");
  auto slicer = *open();
  EXPECT_EQ(slicer->unit(), SourceUnit::bytes);
  auto turn = *slicer->next(1);
  EXPECT_EQ(turn.total, 32U) << "before all of it is cut";
  std::uint64_t extent = 0;
  for (const Cut& cut : cuts(turn)) extent += cut.length;
  EXPECT_EQ(extent, 25U);
  append("c", "12345");  // what it has when it is cut is what will be done of it
  turn = *(*open(turn.position))->next(100);
  EXPECT_EQ(turn.total, 37U) << "with what was cut before";
  ASSERT_TRUE(turn.finished);
  for (const Cut& cut : cuts(turn)) extent += cut.length;
  EXPECT_EQ(extent, 37U);
}

TEST_F(FileSlicerTest, WithoutAKnownSizeThereIsNoTotal) {
  write("a", 25);
  options_["path"] = "/dev/stdin";
  EXPECT_FALSE((*(*open())->next(10)).total);
  const std::string pipe = directory_ + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  options_["path"] = pipe;
  EXPECT_FALSE((*(*open())->next(10)).total);
  options_["path"] = "/proc/self/status";
  EXPECT_FALSE((*(*open())->next(10)).total);
  options_["path"] = directory_;
  EXPECT_EQ((*(*open())->next(10)).total, 25U) << "a pipe among files is left out";
  EXPECT_FALSE((*(*open("", true))->next(10)).total) << "files may come";
}

TEST_F(FileSlicerTest, PersistentSourcesAreLookedAtAgain) {
  replace("m", "12345\n");
  auto slicer = *open("", true);
  auto turn = *slicer->next(10);
  EXPECT_TRUE(turn.runs.empty()) << "it has not settled";
  EXPECT_GT(turn.idle_ms, 0);
  EXPECT_THAT(looked(*slicer), ElementsAre(Cut{"m", 0, 6}));
  EXPECT_THAT(looked(*slicer), ElementsAre());

  replace("a", "123\n");  // before the known one in the order of names
  write("z", 0);          // nothing in it yet
  EXPECT_THAT(looked(*slicer), ElementsAre());
  append("a", "4\n");
  EXPECT_THAT(looked(*slicer), ElementsAre()) << "still being written";
  EXPECT_THAT(looked(*slicer), ElementsAre(Cut{"a", 0, 6}));

  // After a restart: what is known stays known, what came meanwhile is found, wherever its name is.
  replace("c", "12\n");
  replace("z", "1\n");
  append("m", "67\n");
  slicer = *open(position_, true);
  EXPECT_THAT(cuts(*slicer->next(10)), ElementsAre(Cut{"m", 6, 3}));
  EXPECT_THAT(looked(*slicer), ElementsAre(Cut{"c", 0, 3}, Cut{"z", 0, 2}));

  // What has gone is forgotten: the name may be used again.
  fs::remove(directory_ + "/c");
  EXPECT_THAT(looked(*slicer), ElementsAre());
  replace("c", "123456\n");
  looked(*slicer);
  EXPECT_THAT(looked(*slicer), ElementsAre(Cut{"c", 0, 7}));
}

TEST_F(FileSlicerTest, GrowthIsFollowedByCompleteLines) {
  options_["settle"] = 0;
  replace("a", "1\n2\nhal");
  auto slicer = *open("", true);
  EXPECT_THAT(looked(*slicer), ElementsAre(Cut{"a", 0, 4}));
  EXPECT_THAT(looked(*slicer), ElementsAre());
  append("a", "f");
  EXPECT_THAT(looked(*slicer), ElementsAre());
  append("a", "\n3\n4");
  const std::string before = position_;
  EXPECT_THAT(looked(*slicer), ElementsAre(Cut{"a", 4, 7}));
  slicer = *open(before, true);  // the controller died before the growth was durable
  EXPECT_THAT(looked(*slicer), ElementsAre(Cut{"a", 4, 7}));
  append("a", "0123456789\n0123456789\n");
  EXPECT_THAT(looked(*slicer), ElementsAre(Cut{"a", 11, 10}, Cut{"a", 21, 10}, Cut{"a", 31, 3}));
}

TEST_F(FileSlicerTest, AWholeJsonValueNeedsNoLineEnd) {
  options_["settle"] = 0;
  replace("a", "{\"a\":1}\n{\"b\":2}");
  options_["size"] = 1000;
  auto slicer = *open("", true);
  EXPECT_THAT(looked(*slicer), ElementsAre(Cut{"a", 0, 15}));
  append("a", "\n{\"c\":3");
  EXPECT_THAT(looked(*slicer), ElementsAre(Cut{"a", 15, 1}));
  append("a", "}\n");
  EXPECT_THAT(looked(*slicer), ElementsAre(Cut{"a", 16, 8}));
  append("a", "{\"d\":4}");
  EXPECT_THAT(looked(*slicer), ElementsAre(Cut{"a", 24, 7}));
  append("a", "more\n");  // no record after all: it is read again as a whole, and is an error there
  EXPECT_THAT(looked(*slicer), ElementsAre(Cut{"a", 24, 12}));
  options_["format"] = "raw";
  replace("b", "1\n2");
  slicer = *open("", true);
  looked(*slicer);
  EXPECT_THAT(looked(*slicer), ElementsAre()) << "2 may be the beginning of 21";
  looked(*slicer, 60'000);
  EXPECT_TRUE(notices_.empty()) << "with no time to settle there is none to wait";
}

TEST_F(FileSlicerTest, ALineThatWaitsForLongIsSaid) {
  options_["format"] = "raw";
  replace("b", "1\n2");
  auto slicer = *open("", true);
  EXPECT_THAT(looked(*slicer), ElementsAre(Cut{"b", 0, 2}));
  EXPECT_THAT(looked(*slicer, 25'000), ElementsAre());
  EXPECT_THAT(notices_,
              ElementsAre(directory_ + "/b: its last line or row, from byte 2 on, has no end and waits for it"));
  EXPECT_THAT(looked(*slicer, 25'000), ElementsAre());
  EXPECT_TRUE(notices_.empty());
}

TEST_F(FileSlicerTest, CsvGrowsByCompleteRows) {
  options_["format"] = "csv";
  options_["settle"] = 0;
  replace("a", "x,y\n1,2\n\"3\n");
  auto slicer = *open("", true);
  EXPECT_THAT(looked(*slicer), ElementsAre(Cut{"a", 0, 8}));
  append("a", "\",4\n5,");
  pass_time();
  auto turn = *slicer->next(10);
  ASSERT_THAT(cuts(turn), ElementsAre(Cut{"a", 8, 7}));
  const Json request = parsed_requests(turn)[0];
  EXPECT_EQ(request.at("line"), 3);
  EXPECT_EQ(request.at("header"), "x,y\n");
  append("a", "6\n");
  slicer = *open(turn.position, true);
  pass_time();
  turn = *slicer->next(10);
  EXPECT_THAT(cuts(turn), ElementsAre(Cut{"a", 15, 4}));
  EXPECT_EQ(parsed_requests(turn)[0].at("line"), 5);
}

TEST_F(FileSlicerTest, InferredTypesAreKeptInPositions) {
  options_["format"] = "csv";
  options_["types"] = "infer";
  options_["size"] = 4;
  append("a.csv", "id\n1\n2\n3\n");
  append("b.csv", "id\nx\n");
  for (const bool is_persistent : {false, true}) {
    auto slicer = *open("", is_persistent);
    pass_time();
    auto turn = slicer->next(1);
    ASSERT_TRUE(turn) << turn.error().message;
    ASSERT_FALSE(turn->runs.empty());
    const Json types = parsed_requests(*turn).at(0).at("types");
    EXPECT_EQ(types, (Json{{"id", is_persistent ? "integer" : "text"}})) << "once: all files are there to be looked at";
    EXPECT_THAT(turn->notices, ElementsAre(testing::StartsWith("types of columns: id: ")));
    slicer = *open(turn->position, is_persistent);
    append("0.csv", "id,other\n1.5,1\n");
    pass_time();
    (void)slicer->next(100);
    pass_time();
    turn = slicer->next(100);
    ASSERT_TRUE(turn) << turn.error().message;
    for (const Json& request : parsed_requests(*turn)) EXPECT_EQ(request.at("types"), types);
    EXPECT_THAT(turn->notices, testing::Not(testing::Contains(testing::StartsWith("types"))));
    fs::remove(directory_ + "/0.csv");
  }
}

TEST_F(FileSlicerTest, APersistentSourceInfersFromTheFirstRow) {
  options_["format"] = "csv";
  options_["types"] = "infer";
  append("a.csv", "id\n7");
  auto slicer = *open("", true);
  pass_time();
  (void)slicer->next(10);
  pass_time();
  auto turn = slicer->next(10);
  EXPECT_THAT(turn->position, testing::Not(testing::HasSubstr("types"))) << "7 may become 7.5";
  append("a.csv", "\n");
  pass_time();
  turn = slicer->next(10);
  ASSERT_FALSE(turn->runs.empty());
  EXPECT_EQ(parsed_requests(*turn).at(0).at("types"), (Json{{"id", "integer"}}));
  EXPECT_THAT(turn->position, testing::HasSubstr(R"("types":{"id":"integer"})"));
}

TEST_F(FileSlicerTest, ABrokenFileIsNoSample) {
  options_["format"] = "csv";
  options_["types"] = "infer";
  append("a.csv", "id,id\nx,y\n");
  append("b.csv", "id\n1\n");
  const auto turn = (*open())->next(100);
  EXPECT_EQ(parsed_requests(*turn).at(0).at("types"), (Json{{"id", "integer"}}));
}

TEST_F(FileSlicerTest, FilesThatGrowAllTheTimeAreReadAtLast) {
  options_["size"] = 1'000;
  replace("a", "1\n");
  replace("b.gz", "1");
  auto slicer = *open("", true);
  std::vector<Cut> found;
  for (int i = 0; i < 12 && found.empty(); ++i) {
    append("a", "2\n");
    append("b.gz", "2");
    found = looked(*slicer);
  }
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].name, "a");
  append("b.gz", "2");
  EXPECT_THAT(looked(*slicer), ElementsAre());
  looked(*slicer);
  append("b.gz", "3");
  looked(*slicer);
  EXPECT_THAT(notices_, ElementsAre(testing::HasSubstr("b.gz grew from")));
}

TEST_F(FileSlicerTest, RotationKeepsFilesApart) {
  options_["settle"] = 0;
  options_["path"] = directory_ + "/app.log*";
  replace("app.log", "1\n2\n");
  auto slicer = *open("", true);
  EXPECT_THAT(looked(*slicer), ElementsAre(Cut{"app.log", 0, 4}));
  // Moved: the rest of the old one, and the new one from its beginning.
  append("app.log", "3\n");
  fs::rename(directory_ + "/app.log", directory_ + "/app.log.1");
  replace("app.log", "a\nb\nc\nd\n");
  EXPECT_THAT(looked(*slicer), testing::UnorderedElementsAre(Cut{"app.log.1", 4, 2}, Cut{"app.log", 0, 8}));
  // Copied and truncated: nothing of the copy, and what is new.
  options_["settle"] = 2'000;
  slicer = *open(position_, true);
  fs::copy_file(directory_ + "/app.log", directory_ + "/app.log.2");
  replace("app.log", "");
  EXPECT_THAT(looked(*slicer), ElementsAre());
  append("app.log", "e\n");
  EXPECT_THAT(looked(*slicer), ElementsAre());
  EXPECT_THAT(looked(*slicer), ElementsAre(Cut{"app.log", 0, 2}));
}

TEST_F(FileSlicerTest, WhatIsWrittenAnewIsANewFile) {
  options_["settle"] = 0;
  options_["size"] = 100;
  replace("a", "1\n2\n3\n");
  replace("b", "1\n2\n3\n");
  auto slicer = *open("", true);
  EXPECT_EQ(looked(*slicer).size(), 2u);
  replace("a", "4\n5\n6\n7\n8\n");  // longer, in place
  write("new", 0);
  replace("new", "7\n");
  fs::rename(directory_ + "/new", directory_ + "/b");  // another file
  EXPECT_THAT(looked(*slicer), ElementsAre(Cut{"a", 0, 10}, Cut{"b", 0, 2}));
  EXPECT_THAT(notices_, ElementsAre(testing::HasSubstr("/b was replaced by another file")));
}

TEST_F(FileSlicerTest, ASourceThatIsAwayIsWaitedFor) {
  options_["settle"] = 0;
  options_["path"] = directory_ + "/in";
  write("in/a", 0);
  replace("in/a", "1\n");
  auto slicer = *open("", true);
  EXPECT_EQ(looked(*slicer).size(), 1u);
  fs::rename(directory_ + "/in", directory_ + "/away");
  EXPECT_THAT(looked(*slicer), ElementsAre());
  EXPECT_THAT(notices_, ElementsAre(testing::HasSubstr("waiting for it")));
  fs::rename(directory_ + "/away", directory_ + "/in");
  EXPECT_THAT(looked(*slicer), ElementsAre()) << "it was read before";
}

TEST_F(FileSlicerTest, OlderPositionsAreUnderstood) {
  options_["settle"] = 0;
  replace("a", "1\n");
  replace("b", "1\n");
  const std::string once = (*(*open())->next(1)).position;
  auto slicer = *open(once, true);
  EXPECT_THAT(looked(*slicer), ElementsAre(Cut{"b", 0, 2}));
  EXPECT_THAT(cuts(*(*open(position_))->next(10)), ElementsAre()) << "all of them were followed";

  std::string known = R"({"known":")";
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : directory_ + "/a") hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  known += fmt::format("{:016x}\"}}", hash);
  slicer = *open(known, true);
  EXPECT_THAT(looked(*slicer), ElementsAre(Cut{"b", 0, 2}));
  append("a", "2\n");
  EXPECT_THAT(looked(*slicer), ElementsAre(Cut{"a", 2, 2}));
}

TEST_F(FileSlicerTest, RefusesBrokenPositions) {
  for (const char* position : {"[]", "{\"last\":5}", "{\"known\":\"123\"}", "{\"known\":\"zzzzzzzzzzzzzzzz\"}",
                               "{\"v\":3,\"files\":\"\"}", "{\"v\":2}", "{\"v\":2,\"files\":\"AAAA\"}"}) {
    EXPECT_EQ(open(position).error().code, ErrorCode::corrupt) << position;
    EXPECT_EQ(open(position, true).error().code, ErrorCode::corrupt) << position;
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
  Result<std::unique_ptr<ReadableFile>> open(const std::string&) override {
    return std::unique_ptr<ReadableFile>(std::make_unique<Line>());
  }

 private:
  class Line final : public ReadableFile {
   public:
    Result<std::size_t> read_at(std::uint64_t offset, std::span<char> buffer) override {
      const std::string_view rest = std::string_view("1234\n").substr(std::min<std::uint64_t>(5, offset));
      return rest.copy(buffer.data(), buffer.size());
    }
    Result<FileStat> stat() override { return FileStat{false, 5, 1, 1}; }
  };

  std::vector<std::string> names_;
};

TEST(FileSlicerManyFiles, PositionsStayInProportion) {
  constexpr std::size_t kFiles = 100'000;
  ManyFiles files(kFiles);
  for (const bool persistent : {false, true}) {
    auto slicer = make_file_slicer();
    SlicerContext context;
    context.options = {{"path", "/many"}, {"settle", 0}};
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
