// What a ledger is after its process was killed, its disk was full, its bytes were damaged.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <random>

#include "core/ledger/ledger_codec.h"
#include "core/ledger/rocks_database.h"
#include "tests/core/ledger/ledger_fixture.h"

namespace slicemill {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// ledger_child with its standard output as lines.
class Child {
 public:
  Child(std::vector<std::string> arguments, const std::vector<std::string>& environment = {}) {
    std::array<int, 2> input{}, output{};
    EXPECT_EQ(pipe2(input.data(), O_CLOEXEC) | pipe2(output.data(), O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
    arguments.insert(arguments.begin(), LEDGER_CHILD);
    std::vector<char*> argv, envp;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    for (const std::string& variable : environment) envp.push_back(const_cast<char*>(variable.c_str()));
    for (char** variable = environ; *variable != nullptr; ++variable) envp.push_back(*variable);
    envp.push_back(nullptr);
    EXPECT_EQ(posix_spawn(&pid_, LEDGER_CHILD, &actions, nullptr, argv.data(), envp.data()), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(input[0]);
    close(output[1]);
    input_ = input[1];
    output_ = output[0];
  }
  ~Child() {
    kill(SIGKILL);
    wait();
    end_input();
    close(output_);
  }

  // The next whole line; nothing at the end of output.
  std::optional<std::string> line() {
    while (true) {
      if (const auto end = buffer_.find('\n'); end != std::string::npos) {
        std::string text = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        return text;
      }
      std::array<char, 4096> bytes{};
      const ssize_t got = read(output_, bytes.data(), bytes.size());
      if (got <= 0) return std::nullopt;
      buffer_.append(bytes.data(), static_cast<std::size_t>(got));
    }
  }
  std::vector<std::string> all_lines() {
    std::vector<std::string> lines;
    while (auto text = line()) lines.push_back(*text);
    return lines;
  }
  void kill(int signal) {
    if (!status_) ::kill(pid_, signal);
  }
  void end_input() {
    if (input_ >= 0) close(std::exchange(input_, -1));
  }
  int wait() {
    if (!status_) {
      int status = 0;
      waitpid(pid_, &status, 0);
      status_ = status;
    }
    return *status_;
  }

 private:
  pid_t pid_ = -1;
  int input_ = -1, output_ = -1;
  std::string buffer_;
  std::optional<int> status_;
};

class LedgerCrashTest : public LedgerFixture {
 protected:
  // Opens what a creation that died has left, or creates it again. Whether there was a ledger.
  bool go_on_after_creation() {
    const bool whole = ledger_exists(directory_);
    if (whole)
      reopen();
    else
      create();
    EXPECT_NE(ledger_, nullptr);
    if (ledger_ != nullptr) {
      EXPECT_EQ(ledger_->header().lineage.size(), 1U);
      EXPECT_EQ(ledger_->header().counters.processed, 0U);
    }
    return whole;
  }

  // That batches 1..at_least of ledger_child are there, each of them whole, and so is every later one that is there.
  void expect_batches(std::uint64_t at_least) {
    reopen();
    ASSERT_NE(ledger_, nullptr);
    const std::uint64_t last = ledger_->header().counters.processed;
    EXPECT_GE(last, at_least);
    EXPECT_EQ(ledger_->header().positions.at(0).highest_order, last);
    std::vector<std::string> open, unpublished_expected;
    for (std::uint64_t n = 1; n <= last; ++n) {
      if (n % 2 != 0) unpublished_expected.push_back(name(key(n)));
      if (n % 2 != 0 && n % 3 != 0) open.push_back(name(key(n)));
    }
    EXPECT_EQ(open_slices(), open);
    EXPECT_EQ(unpublished(), unpublished_expected);
    EXPECT_EQ(ledger_->open_counts()->start, last / 3);
    EXPECT_EQ(ledger_->rows({}, 1'000'000)->size(), last / 3);
    std::uint64_t outputs = 0;
    EXPECT_TRUE(ledger_->for_each_output([&](const CommittedOutput& found) {
      EXPECT_EQ(found.key.order, ++outputs);
      EXPECT_EQ(found.facts.records, outputs);
      return Result<void>();
    }));
    EXPECT_EQ(outputs, last);
  }
};

TEST_F(LedgerCrashTest, WhatWasSyncedSurvivesKillMinusNine) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 5 && !HasFailure(); ++round) {
    std::string last_line;
    {
      ledger_.reset();
      Child child({"write", directory_});
      for (std::uint64_t lines = 1 + random() % 3000; lines > 0; --lines) {
        const auto line = child.line();
        ASSERT_TRUE(line);
        last_line = *line;
      }
      child.kill(SIGKILL);
      ASSERT_EQ(WTERMSIG(child.wait()), SIGKILL);
      for (const auto& line : child.all_lines()) last_line = line;  // reported before it died
    }
    expect_batches(std::stoull(last_line));
  }
}

// Killed while it creates: nothing, or a whole ledger. The moments are spread over the time that creating takes.
TEST_F(LedgerCrashTest, ACreationThatIsKilledCanBeRepeated) {
  int whole = 0;
  for (const useconds_t delay : {0U, 2'000U, 5'000U, 10'000U, 20'000U, 40'000U, 80'000U, 160'000U}) {
    directory_ = root_ + "/ledger-" + std::to_string(delay);
    {
      Child child({"hold", directory_});
      usleep(delay);  // not to await anything: a moment to die in
      child.kill(SIGKILL);
      child.wait();
    }
    if (go_on_after_creation()) ++whole;
    ledger_.reset();
  }
  SCOPED_TRACE(whole);
}

// The same at every single step, one after the other.
TEST_F(LedgerCrashTest, ACreationMayDieAtAnyStep) {
  int step = 1;
  int whole = 0;
  for (;; ++step) {
    SCOPED_TRACE(step);
    directory_ = root_ + "/ledger-" + std::to_string(step);
    {
      Child child({"hold", directory_}, {"LEDGER_CHILD_DIES_AT=" + std::to_string(step)});
      const auto line = child.line();
      if (line) {  // there are no more steps
        EXPECT_EQ(line, "open");
        break;
      }
      const int status = child.wait();
      ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    }
    if (go_on_after_creation()) ++whole;
    ledger_.reset();
    EXPECT_FALSE(std::filesystem::exists(directory_ + ".tmp"));
    ASSERT_LT(step, 1'000);
  }
  EXPECT_GE(step, 20) << "mark, RocksDB's files, their syncs, the mark's end, the epoch";
  EXPECT_GE(whole, 2) << "before the mark's end is synced, and before the epoch is";
  EXPECT_LT(whole, step / 2);
}

TEST_F(LedgerCrashTest, AnotherProcessHoldsIt) {
  Child child({"hold", directory_});
  ASSERT_EQ(child.line(), "open");
  for (const auto& error :
       {open_ledger(loop_, directory_, 99).error(), open_ledger_next_epoch(loop_, directory_).error(),
        view_ledger(directory_).error(),
        recover_ledger(loop_, root_ + "/new", {directory_, "ex-1", "{}", CleanupType::none, 99}).error()}) {
    EXPECT_EQ(error.code, ErrorCode::conflict) << error.message;
    EXPECT_THAT(error.message, AllOf(HasSubstr(directory_), HasSubstr("is in use by another process")));
  }
  child.end_input();
  EXPECT_EQ(child.wait(), 0);
  reopen();
  create_ledger(loop_, root_ + "/other", creation()).value();
  Child second({"hold", directory_});  // and the other way round
  EXPECT_THAT(*second.line(), StartsWith("conflict: "));
}

TEST_F(LedgerCrashTest, DiesBeforeASync) {
  Child child({"count", directory_, "9"}, {"SLICEMILL_FAULT=ledger.before_sync:kill:5"});
  const auto lines = child.all_lines();
  EXPECT_EQ(WTERMSIG(child.wait()), SIGKILL);
  EXPECT_EQ(lines.size(), 4U);
  expect_batches(4);
  EXPECT_EQ(ledger_->header().counters.processed, 4U);
}

TEST_F(LedgerCrashTest, AFailedSyncFailsEveryLaterWriteUntilReopened) {
  for (const std::string point : {"ledger.before_sync", "ledger.sync"}) {
    directory_ = root_ + "/" + point;
    Child child({"count", directory_, "5"}, {"SLICEMILL_FAULT=" + point + ":fail:3"});
    const auto lines = child.all_lines();
    ASSERT_EQ(lines.size(), 6U);
    EXPECT_EQ(lines[1], "2 synced");
    for (const std::size_t n : {2U, 3U, 4U}) EXPECT_THAT(lines[n], HasSubstr(" io: fault point " + point));
    EXPECT_EQ(lines[5], "close io");
    expect_batches(2);
    EXPECT_LE(ledger_->header().counters.processed, point == "ledger.sync" ? 3U : 2U);
    ledger_.reset();
  }
}

TEST_F(LedgerCrashTest, AFullDiskIsToldAsSuch) {
  Child child({"count", directory_, "4"}, {"SLICEMILL_FAULT=ledger.before_sync:enospc:3"});
  const auto lines = child.all_lines();
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_THAT(lines[2], StartsWith("3 no_space: "));
  EXPECT_THAT(lines[3], StartsWith("4 no_space: "));
  EXPECT_EQ(lines[4], "close no_space");
  expect_batches(2);
}

// The kernel itself refuses, in the middle of a record of the log.
TEST_F(LedgerCrashTest, ALogThatCannotGrowLosesNothingThatWasSynced) {
  Child child({"count", directory_, "60", "100000"});
  const auto lines = child.all_lines();
  ASSERT_EQ(lines.size(), 61U);
  std::uint64_t synced = 0;
  while (lines[synced] == std::to_string(synced + 1) + " synced") ++synced;
  EXPECT_GT(synced, 3U);
  ASSERT_LT(synced, 60U);
  for (std::uint64_t n = synced; n < 60; ++n) EXPECT_THAT(lines[n], AllOf(HasSubstr(" io: "), HasSubstr(directory_)));
  expect_batches(synced);
}

// ---- damaged bytes --------------------------------------------------------------------------------------------------

void flip_bit(const std::filesystem::path& path, std::uintmax_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  const auto byte = static_cast<char>(file.get() ^ 0x10);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
}

// Everything that can be read of a ledger, as text; or the first error.
Result<std::string> read_all(const LedgerView& view) {
  std::string text = view.header().execution + std::to_string(view.header().counters.processed);
  ASSIGN_OR_RETURN(const auto counts, view.open_counts());
  text += std::to_string(counts.error) + " " + std::to_string(counts.start) + " " + std::to_string(counts.pending);
  ASSIGN_OR_RETURN(const auto errors, view.errors(0, 1'000'000));
  for (const OpenRow& row : errors) text += row.error + row.request;
  RETURN_IF_ERROR(view.for_each_output([&](const CommittedOutput& output) {
    text += std::to_string(output.facts.checksum);
    return Result<void>();
  }));
  return text;
}

TEST_F(LedgerCrashTest, AFlippedBitInAFileIsCorruptAndNeverWrongData) {
  create();
  LedgerBatch batch;
  batch.created = {ids(1, 1000)};
  for (std::uint64_t order = 1; order <= 300; ++order) {
    batch.settled.push_back(key(order));
    batch.committed.push_back(output(key(order)));
    if (order % 3 == 0)
      batch.rows.push_back(row(key(order), SliceState::error, 1, "error of " + std::to_string(order * 77777)));
  }
  write(batch);
  end();
  const std::string good = read_all(**view_ledger(directory_)).value();
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  int refused = 0;
  for (const auto& file : files(".sst")) {
    const auto size = std::filesystem::file_size(file);
    for (int n = 0; n < 40; ++n) {
      const auto offset = random() % size;
      flip_bit(file, offset);
      auto text = [&]() -> Result<std::string> {
        ASSIGN_OR_RETURN(const auto view, view_ledger(directory_));
        return read_all(*view);
      }();
      if (text) {
        EXPECT_EQ(*text, good) << file << " at " << offset;  // a byte that nothing reads
      } else {
        ++refused;
        EXPECT_EQ(text.error().code, ErrorCode::corrupt) << text.error().message;
        EXPECT_THAT(text.error().message, HasSubstr(directory_));
      }
      flip_bit(file, offset);
    }
  }
  EXPECT_GT(refused, 20);
  EXPECT_EQ(read_all(**view_ledger(directory_)).value(), good);
}

TEST_F(LedgerCrashTest, ADamagedValueIsCorruptWithItsName) {
  create();
  LedgerBatch batch;
  batch.created = {ids(1, 10)};
  batch.settled = {key(2)};
  batch.committed = {output(key(2))};
  batch.rows = {row(key(2), SliceState::error, 1)};
  batch.positions[0] = {"10", false, 10};
  write(batch);
  end();
  const SeriesKey series{0, 0};
  namespace codec = ledger_codec;
  const std::vector<std::pair<std::string, std::string>> damages = {
      {codec::fact_key(codec::Fact::header), "header"},
      {codec::fact_key(codec::Fact::epoch), "epoch"},
      {codec::fact_key(codec::Fact::outcome), "outcome"},
      {codec::fact_key(codec::Fact::row_counts), "row counts"},
      {codec::position_key(0), "position of slicer 0"},
      {codec::creation_key(series, 1), "creation of slice 0/0/1"},
      {codec::interval_key(series, 2), "settled interval from slice 0/0/2"},
  };
  const auto store = [&](const std::string& where, const std::string& value) {
    const auto database = RocksDatabase::open(directory_, RocksDatabase::Mode::write).value();
    rocksdb::WriteBatch damage;
    damage.Put(where, value);
    ASSERT_TRUE(database->write_synced(damage));
  };
  const auto load = [&](const std::string& where) {
    return RocksDatabase::open(directory_, RocksDatabase::Mode::read).value()->get(where).value().value();
  };
  for (const auto& [where, words] : damages) {
    const std::string good = load(where);
    std::string bad = good;
    bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 1);
    store(where, bad);
    const auto opened = open_ledger(loop_, directory_, 99);
    ASSERT_FALSE(opened) << words;
    EXPECT_EQ(opened.error().code, ErrorCode::corrupt);
    EXPECT_THAT(opened.error().message, AllOf(HasSubstr(directory_), HasSubstr(words)));
    store(where, good);
  }
  const std::string row_key = codec::row_key(key(2));
  store(row_key, load(row_key).substr(1));
  reopen();  // settled rows are read when they are asked for
  EXPECT_EQ(ledger_->rows({}, 10).error().code, ErrorCode::corrupt);
  EXPECT_THAT(ledger_->errors(0, 10).error().message, AllOf(HasSubstr(directory_), HasSubstr("row of slice 0/0/2")));
  batch = {};
  batch.settled = {key(2)};
  batch.erased_rows = {key(2)};
  EXPECT_EQ(try_write(batch).error().code, ErrorCode::corrupt);
}

TEST_F(LedgerCrashTest, MissingFilesAreCorrupt) {
  create();
  write({});
  end();
  std::filesystem::remove(files(".sst").front());
  EXPECT_EQ(open_ledger(loop_, directory_, 99).error().code, ErrorCode::corrupt);
  EXPECT_EQ(view_ledger(directory_).error().code, ErrorCode::corrupt);
  std::ofstream(directory_ + "/CURRENT") << "nonsense\n";
  EXPECT_EQ(open_ledger(loop_, directory_, 99).error().code, ErrorCode::corrupt);
}

// ---- the log --------------------------------------------------------------------------------------------------------

// Batches 1..count of ledger_child's kind in a log that was never flushed. Returns the log.
std::filesystem::path grow_log(const std::string& directory, const std::string& count) {
  // It dies before its next batch, so it never comes to close the ledger.
  const std::string next = std::to_string(std::stoi(count) + 1);
  Child child({"count", directory, next}, {"SLICEMILL_FAULT=ledger.before_sync:kill:" + next});
  for (std::string line; line != count + " synced";) line = child.line().value();
  child.wait();
  std::filesystem::path newest;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ".log" && entry.path() > newest) newest = entry.path();
  }
  return newest;
}

TEST_F(LedgerCrashTest, ATornLogIsAPrefix) {
  const std::string original = root_ + "/original";
  const auto log = grow_log(original, "3").filename();
  const auto size = std::filesystem::file_size(std::filesystem::path(original) / log);
  ASSERT_GT(size, 3 * 4096U);
  std::uint64_t shorter = 0;
  for (const std::uintmax_t cut : {1U, 2U, 6U, 7U, 8U, 100U, 4096U, 5000U, 9000U}) {
    directory_ = root_ + "/cut-" + std::to_string(cut);
    std::filesystem::copy(original, directory_);
    std::filesystem::resize_file(std::filesystem::path(directory_) / log, size - cut);
    expect_batches(0);
    EXPECT_LT(ledger_->header().counters.processed, 3U) << cut;
    shorter += ledger_->header().counters.processed == 2 ? 1 : 0;
    ledger_.reset();
  }
  EXPECT_GE(shorter, 5U);
}

// What the file system may leave behind a synced end: preallocated zeros.
TEST_F(LedgerCrashTest, ZerosBehindTheLogAreItsEnd) {
  const auto log = grow_log(directory_, "3");
  std::filesystem::resize_file(log, std::filesystem::file_size(log) + 40'000);
  expect_batches(3);
}

// Damage before the end hits what was reported as synced: that must not pass for an end.
TEST_F(LedgerCrashTest, ADamagedLogIsCorrupt) {
  const auto log = grow_log(directory_, "3");
  flip_bit(log, std::filesystem::file_size(log) / 2);
  const auto opened = open_ledger(loop_, directory_, 99);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::corrupt);
  EXPECT_THAT(opened.error().message, HasSubstr(directory_));
}

}  // namespace
}  // namespace slicemill
