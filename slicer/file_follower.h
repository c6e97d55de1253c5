// The files of a persistent execution: those that come, those that grow, and those that are replaced or written anew.
// Part of the file slicer: the controller's slicer executor, one call at a time.
//
// position := {"v":2,"files":BASE64 [,"types":TYPES] [,"at":A]}
//   A: slicer/file_slicer.h; TYPES: slicer/inferred_columns.h
//   BASE64 := of file*, by path hash
//   file   := path_hash:fixed64 inode:varint end:varint print:fixed64 line:varint is_whole:u8   (core/runtime/varint.h)
//             path_hash: FNV-1a; end: bytes that were given; print: of them; line: in which the next row begins (csv,
//             tsv); is_whole: given as one slice, its growth is not followed
// Also understood: {"known":"hex*" [,"at":A]}, 16 digits for the path of each file that was given as a whole, and the
// position of an execution that was `once`.
//
// A file is first read when its size and time have not changed for `settle`, or, if it only grows and its records can
// be told apart, after ten times that. Of such formats only complete records are given: what is behind the last line
// end waits, but for a JSON object or array that is whole. A file is known by path and inode, and by its print that it
// was not written anew: then it is a new file, and so is one that replaces another under its path. One that was moved
// within the source is the same, and so is the copy of one that was truncated afterwards.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/formats/file_reading.h"
#include "core/runtime/clock.h"
#include "core/runtime/files.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"
#include "slicer/file_list.h"
#include "slicer/file_requests.h"
#include "slicer/inferred_columns.h"
#include "slicer/own_input.h"
#include "slicer/rows_cutter.h"
#include "slicer/slicer.h"

namespace slicemill {

// FNV-1a: the same in every build that may ever read a position.
std::uint64_t path_hash(std::string_view path);

class FileFollower {
 public:
  // position: {} at the first start.
  Result<void> open(const SlicerContext& context, const FileReading& reading, const Json& position);
  Result<SliceBatch> next(std::size_t wanted);

  // The path hashes of the files that a persistent position holds; none if it is another one.
  static Result<std::unordered_set<std::uint64_t>> followed(const Json& position);

 private:
  // A file that something was given of.
  struct Known {
    std::uint64_t inode = 0;
    std::uint64_t end = 0;
    std::uint64_t print = 0;
    std::uint64_t line = 1;
    bool is_whole = false;
    // Not stored: as it was when it was last judged.
    bool was_judged = false;
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;
    SteadyTime judged{};
    bool was_told = false;  // that it waits, or grew in vain
  };
  struct Seen {
    std::string path;
    std::uint64_t hash = 0;
    FileStat stat;
  };
  // A file that nothing was given of yet.
  struct Pending {
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;
    SteadyTime unchanged_since{};
    SteadyTime growing_since{};
  };
  // Something to give: a file from where `from` ends.
  struct Work {
    Seen file;
    Known from;
  };

  Result<void> parse_position(const Json& position);
  static Result<std::unordered_map<std::uint64_t, Known>> parse_files(const Json& position);
  const std::string& position();

  Result<void> scan();
  std::vector<Seen> look(const std::vector<std::string>& paths);
  // Those of `seen` that are not known, or not any more.
  std::vector<const Seen*> match_known(const std::vector<Seen>& seen, bool is_complete);
  void adopt(const std::vector<Seen>& seen);
  // False: it was written anew.
  bool judge(const Seen& file, Known& known);
  void consider(const std::vector<const Seen*>& strangers);
  Known origin_of(const Seen& file);

  Result<void> cut(SliceBatch& turn, std::size_t wanted);
  Result<void> cut_rows(RunBuilder& runs, std::size_t wanted);
  Result<void> cut_file(Work work, RunBuilder& runs);
  Result<void> cut_lines(const Work& work, ReadableFile& file, const FileStat& stat, RunBuilder& runs);
  Result<void> begin_rows(const Work& work, ReadableFile& file, const FileStat& stat, RunBuilder& runs);
  void remember(const Seen& file, Known known, const FileStat& stat);
  bool is_split(const std::string& path) const { return may_be_cut(*files_, reading_, path); }
  // Says it once.
  void tell(std::string notice);
  std::int64_t milliseconds_to_next_scan() const;

  Files* files_ = nullptr;
  FileReading reading_;
  std::function<SteadyTime()> now_;
  OwnInput own_input_;
  InferredColumns columns_;
  std::unordered_map<std::uint64_t, Known> known_;  // by path hash
  std::unordered_set<std::uint64_t> old_known_;     // of an older position, until the first scan
  std::string old_last_;                            // likewise
  std::unordered_map<std::string, Pending> pending_;
  std::vector<Known> truncated_;  // lately: a copy of one of them has been read already
  std::deque<Work> work_;
  std::optional<RowsCutter> rows_;  // of the latest file
  bool has_scanned_ = false;
  SteadyTime next_scan_{};
  std::optional<std::string> position_;  // nothing: it has changed
  std::unordered_set<std::string> told_;
  std::vector<std::string> notices_;
};

}  // namespace slicemill
