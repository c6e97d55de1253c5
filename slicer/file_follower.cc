#include "slicer/file_follower.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/formats/byte_scan.h"
#include "core/formats/file_print.h"
#include "core/formats/json_scan.h"
#include "core/formats/path_member.h"
#include "core/runtime/base64.h"
#include "core/runtime/byte_stream.h"
#include "core/runtime/printable.h"
#include "core/runtime/text.h"
#include "core/runtime/varint.h"
#include "slicer/input_notices.h"
#include "slicer/line_ends.h"

namespace slicemill {
namespace {

constexpr std::uint64_t kScannedBytes = 32 << 20;  // of rows in one turn: what is found is dispatched soon
constexpr std::int64_t kScanMs = 1000;             // from one look at the source to the next
constexpr std::int64_t kShortestScanMs = 100;      // with a short `settle`
constexpr int kScanShare = 20;                     // a look that takes long is taken so many times less often
constexpr int kSteadyGrowth = 10;                  // times `settle`
constexpr std::size_t kHashDigits = 16;
constexpr std::size_t kMostTruncated = 256;
constexpr std::size_t kMostTold = 10'000;
constexpr std::uint64_t kVersion = 2;

Error broken_position(const Json& position) {
  return Error(ErrorCode::corrupt, fmt::format("file slicer position: {}", text_head(to_compact_text(position))),
               false);
}

}  // namespace

std::uint64_t path_hash(std::string_view path) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : path) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

// ---- position
// --------------------------------------------------------------------------------------------------------

Result<void> FileFollower::open(const SlicerContext& context, const FileReading& reading, const Json& position) {
  files_ = context.files;
  reading_ = reading;
  now_ = context.now;
  own_input_ = OwnInput(context.job);
  const auto stat = files_->stat(reading_.path);
  if (is_standard_input(reading_.path) || (stat && !stat->is_directory && stat->kind != FileKind::regular)) {
    return Error(ErrorCode::invalid,
                 fmt::format("path: a persistent job follows files, and {} is none: pipes and the standard input are "
                             "for jobs with \"lifecycle\": \"once\"",
                             printable(reading_.path)),
                 false);
  }
  RETURN_IF_ERROR(parse_position(position));
  ASSIGN_OR_RETURN(columns_, InferredColumns::open(reading_, position));
  return scan();
}

Result<std::unordered_map<std::uint64_t, FileFollower::Known>> FileFollower::parse_files(const Json& position) {
  std::unordered_map<std::uint64_t, Known> known;
  const auto version = position.find("v");
  if (version == position.end()) return known;
  const auto text = position.find("files");
  if (*version != kVersion || text == position.end() || !text->is_string()) return broken_position(position);
  const auto bytes = from_base64(text->get_ref<const std::string&>());
  if (!bytes) return broken_position(position);
  ByteReader reader(*bytes);
  while (reader.ok() && !reader.at_end()) {
    const std::uint64_t hash = reader.fixed64();
    Known file;
    file.inode = reader.varint();
    file.end = reader.varint();
    file.print = reader.fixed64();
    file.line = reader.varint();
    file.is_whole = reader.u8() != 0;
    known.emplace(hash, file);
  }
  if (!reader.ok()) return broken_position(position);
  return known;
}

Result<std::unordered_set<std::uint64_t>> FileFollower::followed(const Json& position) {
  std::unordered_set<std::uint64_t> hashes;
  ASSIGN_OR_RETURN(const auto files, parse_files(position));
  for (const auto& [hash, file] : files) hashes.insert(hash);
  const auto known = position.find("known");
  if (known == position.end()) return hashes;
  if (!known->is_string() || known->get_ref<const std::string&>().size() % kHashDigits != 0)
    return broken_position(position);
  const std::string& digits = known->get_ref<const std::string&>();
  for (std::size_t i = 0; i < digits.size(); i += kHashDigits) {
    std::uint64_t hash = 0;
    const char* end = digits.data() + i + kHashDigits;
    if (std::from_chars(digits.data() + i, end, hash, 16).ptr != end) return broken_position(position);
    hashes.insert(hash);
  }
  return hashes;
}

Result<void> FileFollower::parse_position(const Json& position) {
  ASSIGN_OR_RETURN(known_, parse_files(position));
  if (!position.contains("v")) {
    ASSIGN_OR_RETURN(old_known_, followed(position));
  }
  if (position.contains("last")) {
    auto last = path_of(position, "last");
    if (!last) return broken_position(position);
    old_last_ = std::move(*last);
  }
  if (const auto at = position.find("at"); at != position.end()) {
    if (!at->is_object()) return broken_position(position);
    ASSIGN_OR_RETURN(rows_, RowsCutter::resume(*files_, reading_, *at));
  }
  return {};
}

const std::string& FileFollower::position() {
  if (position_ && !rows_) return *position_;
  std::vector<std::uint64_t> hashes;
  hashes.reserve(known_.size());
  for (const auto& [hash, file] : known_) hashes.push_back(hash);
  std::sort(hashes.begin(), hashes.end());
  std::string bytes;
  ByteWriter writer(bytes);
  for (const std::uint64_t hash : hashes) {
    const Known& file = known_.at(hash);
    writer.fixed64(hash);
    writer.varint(file.inode);
    writer.varint(file.end);
    writer.fixed64(file.print);
    writer.varint(file.line);
    writer.u8(file.is_whole ? 1 : 0);
  }
  position_ = fmt::format("{{\"v\":{},\"files\":\"{}\"{}{}}}", kVersion, to_base64(bytes),
                          columns_.is_settled() ? ",\"types\":" + columns_.text() : "",
                          rows_ ? fmt::format(",\"at\":{{{}}}", rows_->position()) : "");
  return *position_;
}

// ---- looking
// ---------------------------------------------------------------------------------------------------------

Result<SliceBatch> FileFollower::next(std::size_t wanted) {
  SliceBatch turn;
  if (work_.empty() && !rows_ && milliseconds_to_next_scan() == 0) RETURN_IF_ERROR(scan());
  // A position names every known file. Turns that grow with them keep the sum of all positions in proportion to the
  // number of files, not to its square.
  RETURN_IF_ERROR(cut(turn, std::max(wanted, known_.size() / 2)));
  turn.position = position();
  if (work_.empty() && !rows_) turn.idle_ms = std::max<std::int64_t>(1, milliseconds_to_next_scan());
  turn.notices = std::exchange(notices_, {});
  return turn;
}

std::int64_t FileFollower::milliseconds_to_next_scan() const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_scan_ - now_());
  return std::max<std::int64_t>(0, left.count());
}

Result<void> FileFollower::scan() {
  const SteadyTime begun = now_();
  const auto set_next = [&] {
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(now_() - begun).count();
    const std::int64_t wanted =
        pending_.empty() ? kScanMs : std::clamp(reading_.settle_ms / 2, kShortestScanMs, kScanMs);
    next_scan_ = now_() + std::chrono::milliseconds(std::max(wanted, took * kScanShare));
  };
  auto listed = list_files(*files_, reading_.path, has_scanned_);
  if (!listed && !has_scanned_) return with_context(listed.error(), "path");
  if (!listed) {
    // Whoever fills the source may also take it away for a while; what was read stays known.
    tell(fmt::format("{}; waiting for it", listed.error().message));
    set_next();
    return {};
  }
  RETURN_IF_ERROR(own_input_.check(*files_, reading_.path, *listed));
  for (const std::string& unreadable : listed->unreadable) tell(unreadable + "; what is in it is not read");
  if (!has_scanned_ && listed->paths.empty())
    tell(fmt::format("nothing to read yet: no file in {}; waiting", printable(reading_.path)));
  const std::vector<Seen> seen = look(listed->paths);
  adopt(seen);
  consider(match_known(seen, listed->unreadable.empty()));
  has_scanned_ = true;
  set_next();
  return {};
}

std::vector<FileFollower::Seen> FileFollower::look(const std::vector<std::string>& paths) {
  std::vector<Seen> seen;
  seen.reserve(paths.size());
  LeftOut left_out;
  for (const std::string& path : paths) {
    const auto stat = files_->stat(path);
    if (!stat) {
      if (stat.error().code != ErrorCode::not_found)
        tell(stat.error().message + "; it is not read");
      else if (files_->is_name(path))
        left_out.add("link that leads nowhere", path);
      continue;
    }
    if (stat->is_directory)
      left_out.add("directory", path);
    else if (stat->kind != FileKind::regular)
      left_out.add(std::string(to_string(stat->kind).substr(2)), path);
    else
      seen.push_back({path, path_hash(path), *stat});
  }
  if (!left_out.empty()) tell(fmt::format("{}: left out {}", printable(reading_.path), left_out.text()));
  return seen;
}

// What an older position says is read counts as read up to where it ends now: its growth was not followed.
void FileFollower::adopt(const std::vector<Seen>& seen) {
  if (old_known_.empty() && old_last_.empty()) return;
  for (const Seen& file : seen) {
    if (!old_known_.contains(file.hash) && (old_last_.empty() || file.path > old_last_)) continue;
    if (rows_ && rows_->file().path == file.path) continue;  // it is being cut
    const auto opened = files_->open(file.path);
    const auto print = opened ? file_print(**opened, file.stat.size) : Result<std::uint64_t>(opened.error());
    Known known{
        .inode = file.stat.inode, .end = file.stat.size, .is_whole = !(reading_.cuts_ranges() && is_split(file.path))};
    if (print) known.print = *print;
    remember(file, known, file.stat);
  }
  old_known_.clear();
  old_last_.clear();
}

std::vector<const FileFollower::Seen*> FileFollower::match_known(const std::vector<Seen>& seen, bool is_complete) {
  std::vector<const Seen*> strangers;
  auto left = std::exchange(known_, {});
  for (const Seen& file : seen) {
    const auto found = left.find(file.hash);
    if (found == left.end() || found->second.inode != file.stat.inode) {
      strangers.push_back(&file);
      continue;
    }
    if (judge(file, found->second)) {
      known_.insert(left.extract(found));
    } else {
      strangers.push_back(&file);
      left.erase(found);
      position_.reset();
    }
  }
  // Moved within the source: the same file under another path.
  std::unordered_map<std::uint64_t, std::uint64_t> by_inode;
  for (const auto& [hash, file] : left) by_inode.emplace(file.inode, hash);
  std::vector<const Seen*> fresh;
  for (const Seen* file : strangers) {
    const auto moved = by_inode.find(file->stat.inode);
    const auto known = moved == by_inode.end() ? left.end() : left.find(moved->second);
    if (known == left.end() || !judge(*file, known->second)) {
      fresh.push_back(file);
      continue;
    }
    known_.insert_or_assign(file->hash, known->second);
    left.erase(known);
    position_.reset();
  }
  std::unordered_map<std::uint64_t, const Seen*> present;
  if (!left.empty())
    for (const Seen& file : seen) present.emplace(file.hash, &file);
  for (auto& [hash, file] : left) {
    if (const auto path = present.find(hash); path != present.end() && file.end > 0) {
      tell(fmt::format("{} was replaced by another file, which is read anew; of the former one {} bytes were read",
                       printable(path->second->path), file.end));
    } else if (!is_complete) {
      known_.insert_or_assign(hash, file);
      continue;
    }
    position_.reset();
  }
  return fresh;
}

bool FileFollower::judge(const Seen& file, Known& known) {
  const FileStat& stat = file.stat;
  if (rows_ && rows_->file().path == file.path) return true;  // it is being cut
  if (known.was_judged && stat.size == known.size && stat.mtime_ns == known.mtime_ns) {
    const bool waits = stat.size > known.end && !known.is_whole;
    if (waits && !known.was_told &&
        now_() - known.judged >= std::chrono::milliseconds(reading_.settle_ms * kSteadyGrowth)) {
      known.was_told = true;
      tell(fmt::format("{}: its last line or row, from byte {} on, has no end and waits for it", printable(file.path),
                       known.end));
    }
    return true;
  }
  if (stat.size < known.end) {
    if (truncated_.size() == kMostTruncated) truncated_.erase(truncated_.begin());
    truncated_.push_back(known);
    return false;
  }
  const auto opened = files_->open(file.path);
  const auto print = opened ? file_print(**opened, known.end) : Result<std::uint64_t>(opened.error());
  if (!print) {
    tell(print.error().message + "; its growth is not read");
    return true;
  }
  if (*print != known.print) return false;
  known.was_judged = true;
  known.size = stat.size;
  known.mtime_ns = stat.mtime_ns;
  known.judged = now_();
  if (stat.size == known.end) return true;
  if (!known.is_whole) {
    work_.push_back({file, known});
  } else if (!std::exchange(known.was_told, true)) {
    tell(
        fmt::format("{} grew from {} to {} bytes after it was read; what was added is not read, since the file is of "
                    "a kind that is read as a whole",
                    printable(file.path), known.end, stat.size));
  }
  return true;
}

void FileFollower::consider(const std::vector<const Seen*>& strangers) {
  const SteadyTime now = now_();
  const auto settle = std::chrono::milliseconds(reading_.settle_ms);
  auto before = std::exchange(pending_, {});
  for (const Seen* file : strangers) {
    const FileStat& stat = file->stat;
    if (rows_ && rows_->file().path == file->path) continue;
    if (stat.size == 0) continue;
    if (!files_->has_true_sizes(file->path)) {
      tell(fmt::format("{} has no size and cannot be followed; it is not read", printable(file->path)));
      continue;
    }
    Pending now_pending{stat.inode, stat.size, stat.mtime_ns, now, now};
    if (const auto found = before.find(file->path); found != before.end()) {
      const Pending& then = found->second;
      const bool is_same = then.inode == stat.inode && then.size <= stat.size;
      if (is_same) now_pending.growing_since = then.growing_since;
      if (is_same && then.size == stat.size && then.mtime_ns == stat.mtime_ns)
        now_pending.unchanged_since = then.unchanged_since;
    }
    const bool is_settled = now - now_pending.unchanged_since >= settle;
    const bool grows_steadily = is_split(file->path) && now - now_pending.growing_since >= settle * kSteadyGrowth;
    if (is_settled || grows_steadily) work_.push_back({*file, origin_of(*file)});
    pending_.emplace(file->path, now_pending);
  }
}

// A file that was truncated may have been copied before: what was read of it is not read again.
FileFollower::Known FileFollower::origin_of(const Seen& file) {
  if (truncated_.empty()) return {};
  const auto opened = files_->open(file.path);
  if (!opened) return {};
  for (auto known = truncated_.begin(); known != truncated_.end(); ++known) {
    if (known->inode == file.stat.inode || known->end == 0 || known->end > file.stat.size) continue;
    const auto print = file_print(**opened, known->end);
    if (!print || *print != known->print) continue;
    Known origin = *known;
    origin.was_told = false;
    truncated_.erase(known);
    return origin;
  }
  return {};
}

// ---- cutting
// ---------------------------------------------------------------------------------------------------------

Result<void> FileFollower::cut(SliceBatch& turn, std::size_t wanted) {
  RunBuilder runs(turn);
  RETURN_IF_ERROR(cut_rows(runs, wanted));
  while (!rows_ && !work_.empty() && runs.slices() < wanted) {
    Work work = std::move(work_.front());
    work_.pop_front();
    RETURN_IF_ERROR(cut_file(std::move(work), runs));
    RETURN_IF_ERROR(cut_rows(runs, wanted));
  }
  return {};
}

// Goes on with the file that is being cut by rows, if there is one.
Result<void> FileFollower::cut_rows(RunBuilder& runs, std::size_t wanted) {
  if (!rows_) return {};
  const std::uint64_t scanned_before = rows_->scanned();
  while (!rows_->is_over() && runs.slices() < wanted && rows_->scanned() - scanned_before < kScannedBytes) {
    ASSIGN_OR_RETURN(std::string request, rows_->next());
    if (!request.empty()) runs.add(std::move(request));
  }
  if (!rows_->is_over()) return {};
  const DiscoveredFile file = rows_->file();
  // One that an older position describes was cut to its end, whatever stands there.
  const std::uint64_t end = rows_->is_following() ? rows_->offset() : file.total;
  Known known{.inode = file.inode, .end = end, .line = rows_->line(), .is_whole = !rows_->is_following()};
  const FileStat stat{false, file.total, file.mtime_ns, file.inode};
  rows_.reset();
  const auto opened = files_->open(file.path);
  const auto print = opened ? file_print(**opened, end) : Result<std::uint64_t>(opened.error());
  if (print) known.print = *print;
  remember({file.path, path_hash(file.path), stat}, known, stat);
  return {};
}

Result<void> FileFollower::cut_file(Work work, RunBuilder& runs) {
  const std::string& path = work.file.path;
  RETURN_IF_ERROR(columns_.settle(*files_, {&path, 1}, true));
  if (auto notice = columns_.take_notice()) tell(*std::move(notice));
  auto opened = files_->open(path);
  if (!opened) {
    if (opened.error().code != ErrorCode::not_found) tell(opened.error().message + "; it is not read");
    return {};
  }
  ASSIGN_OR_RETURN(const FileStat stat, (*opened)->stat());
  // Something else by now: the next look will see.
  if (stat.inode != work.file.stat.inode || stat.size < work.file.stat.size) return {};
  if (is_split(path)) {
    return reading_.cuts_rows() ? begin_rows(work, **opened, stat, runs) : cut_lines(work, **opened, stat, runs);
  }
  if (stat.size != work.file.stat.size) return {};
  ASSIGN_OR_RETURN(const std::uint64_t print, file_print(**opened, stat.size));
  const DiscoveredFile file{path, stat.size, stat.mtime_ns, stat.inode, stat.device, print, columns_.text()};
  runs.add_ranges(file, 0, stat.size, std::numeric_limits<std::int64_t>::max());
  remember(work.file, {.inode = stat.inode, .end = stat.size, .print = print, .is_whole = true}, stat);
  return {};
}

Result<void> FileFollower::cut_lines(const Work& work, ReadableFile& file, const FileStat& stat, RunBuilder& runs) {
  const LineEnds lines(file, reading_.line_delimiter, reading_.format == RecordFormat::ldjson);
  ASSIGN_OR_RETURN(const std::uint64_t begin, lines.begin_of_growth(work.from.end, stat.size));
  ASSIGN_OR_RETURN(const std::uint64_t end, lines.last_end(begin, stat.size));
  ASSIGN_OR_RETURN(const std::uint64_t print, file_print(file, end));
  if (end > begin) {
    const DiscoveredFile cut{work.file.path, end, stat.mtime_ns, stat.inode, stat.device, print};
    runs.add_ranges(cut, begin, end, reading_.size);
  }
  // Nothing more of it: it stays where it was.
  if (end <= work.from.end && known_.contains(work.file.hash)) return {};
  remember(work.file, {.inode = stat.inode, .end = end, .print = print}, stat);
  return {};
}

Result<void> FileFollower::begin_rows(const Work& work, ReadableFile& file, const FileStat& stat, RunBuilder& runs) {
  ASSIGN_OR_RETURN(const std::uint64_t print, file_print(file, stat.size));
  const DiscoveredFile found{work.file.path, stat.size, stat.mtime_ns, stat.inode, stat.device, print, columns_.text()};
  bool may_be_cut_later = false;
  ASSIGN_OR_RETURN(rows_,
                   RowsCutter::follow(*files_, reading_, found, work.from.end, work.from.line, may_be_cut_later));
  if (rows_) return {};
  if (may_be_cut_later) {
    remember(work.file, {.inode = stat.inode}, stat);
    return {};
  }
  runs.add_ranges(found, 0, stat.size, std::numeric_limits<std::int64_t>::max());
  remember(work.file, {.inode = stat.inode, .end = stat.size, .print = print, .is_whole = true}, stat);
  return {};
}

void FileFollower::remember(const Seen& file, Known known, const FileStat& stat) {
  known.was_judged = true;
  known.size = stat.size;
  known.mtime_ns = stat.mtime_ns;
  known.judged = now_();
  known_.insert_or_assign(file.hash, known);
  pending_.erase(file.path);
  position_.reset();
}

void FileFollower::tell(std::string notice) {
  if (told_.size() >= kMostTold) told_.clear();
  if (told_.insert(notice).second) notices_.push_back(std::move(notice));
}

}  // namespace slicemill
