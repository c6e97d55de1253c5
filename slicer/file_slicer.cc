#include "slicer/file_slicer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/formats/file_reading.h"
#include "core/formats/json_scan.h"
#include "core/formats/path_member.h"
#include "core/runtime/byte_stream.h"
#include "core/runtime/printable.h"
#include "core/runtime/text.h"
#include "slicer/file_follower.h"
#include "slicer/file_list.h"
#include "slicer/file_requests.h"
#include "slicer/inferred_columns.h"
#include "slicer/input_notices.h"
#include "slicer/own_input.h"
#include "slicer/rows_cutter.h"

namespace slicemill {

namespace {

constexpr std::size_t kSizedPerTurn = 10'000;        // files, so that a turn does not wait long for a look at them all
constexpr std::uint64_t kScannedPerTurn = 32 << 20;  // of files that are cut by rows: what is found is dispatched soon

Error broken_position(const std::string& position) {
  return Error(ErrorCode::corrupt, fmt::format("file slicer position: {}", text_head(position)), false);
}

// Files that are all there when the execution begins.
class ListedFiles {
 public:
  Result<void> open(const SlicerContext& context, const FileReading& reading, const Json& position) {
    files_ = context.files;
    reading_ = reading;
    epoch_ = context.epoch;
    own_input_ = OwnInput(context.job);
    RETURN_IF_ERROR(parse_position(position));
    ASSIGN_OR_RETURN(columns_, InferredColumns::open(reading_, position));
    if (is_standard_input(reading_.path)) {
      list_.paths = {reading_.path};
    } else {
      auto listed = list_files(*files_, reading_.path);
      if (!listed) return with_context(listed.error(), "path");
      list_ = std::move(*listed);
    }
    RETURN_IF_ERROR(own_input_.check(*files_, reading_.path, list_));
    is_new_ = last_.empty();
    if (is_new_ && list_.kind == FileList::Kind::pattern && list_.paths.empty())
      return Error(ErrorCode::not_found, fmt::format("path: no file matches {}", printable(reading_.path)), false);
    std::erase_if(list_.paths, [&](const std::string& path) { return followed_.contains(path_hash(path)); });
    if (!is_new_) {
      const auto first = std::upper_bound(list_.paths.begin(), list_.paths.end(), last_);
      next_path_ = static_cast<std::size_t>(first - list_.paths.begin());
    }
    has_total_ = followed_.empty();
    return check_single();
  }

  Result<SliceBatch> next(std::size_t wanted) {
    SliceBatch turn;
    for (const std::size_t end = sizes_.size() + kSizedPerTurn; sizes_.size() < end && has_total_;) {
      if (sizes_.size() == list_.paths.size()) break;
      note_size(sizes_.size(), size_of(list_.paths[sizes_.size()]));
    }
    RETURN_IF_ERROR(cut(turn, wanted));
    turn.position = position();
    if (auto notice = columns_.take_notice()) turn.notices.push_back(*std::move(notice));
    if (has_total_ && sizes_.size() == list_.paths.size()) turn.total = total_;
    if (!is_at_end()) return turn;
    turn.finished = true;
    RETURN_IF_ERROR(conclude(turn));
    return turn;
  }

 private:
  bool is_at_end() const { return next_path_ == list_.paths.size() && !rows_; }

  Result<void> parse_position(const Json& parsed) {
    const std::string text = to_compact_text(parsed);
    if (const auto last = parsed.find("last"); last != parsed.end()) {
      auto path = path_of(parsed, "last");
      if (!path) return broken_position(text);
      last_ = std::move(*path);
    }
    if (const auto at = parsed.find("at"); at != parsed.end()) {
      if (!at->is_object()) return broken_position(text);
      ASSIGN_OR_RETURN(rows_, RowsCutter::resume(*files_, reading_, *at));
    }
    // Of an execution that was persistent: what it has read is not read again.
    ASSIGN_OR_RETURN(followed_, FileFollower::followed(parsed));
    return {};
  }

  std::string position() const {
    if (last_.empty()) return "";
    const std::string at = rows_ ? fmt::format(",\"at\":{{{}}}", rows_->position()) : "";
    const std::string types = columns_.is_settled() ? ",\"types\":" + columns_.text() : "";
    return fmt::format("{{{}{}{}}}", path_member("last", last_), types, at);
  }

  // A path that may not be read, or is no file, is better refused now than by every slice of it.
  Result<void> check_single() {
    if (list_.kind != FileList::Kind::itself || next_path_ == list_.paths.size()) return {};
    const std::string& path = list_.paths[next_path_];
    if (is_standard_input(path)) return {};
    ASSIGN_OR_RETURN(const FileStat stat, files_->stat(path));
    if (stat.kind == FileKind::socket || stat.kind == FileKind::device) return not_a_file(path, stat.kind);
    if (stat.kind != FileKind::regular) return {};
    auto readable = files_->open(path);
    if (!readable) return with_context(readable.error(), "path");
    return {};
  }

  Result<void> cut(SliceBatch& turn, std::size_t wanted) {
    RunBuilder runs(turn);
    RETURN_IF_ERROR(cut_rows(runs, wanted));
    while (!rows_ && next_path_ < list_.paths.size() && runs.slices() < wanted) {
      const std::string& path = list_.paths[next_path_++];
      RETURN_IF_ERROR(cut_path(path, runs));
      last_ = path;
      RETURN_IF_ERROR(cut_rows(runs, wanted));
    }
    return {};
  }

  // Goes on with the file that is being cut by rows, if there is one.
  Result<void> cut_rows(RunBuilder& runs, std::size_t wanted) {
    if (!rows_) return {};
    const std::uint64_t scanned_before = rows_->scanned();
    while (!rows_->is_over() && runs.slices() < wanted && rows_->scanned() - scanned_before < kScannedPerTurn) {
      ASSIGN_OR_RETURN(std::string request, rows_->next());
      if (!request.empty()) runs.add(std::move(request));
    }
    if (rows_->is_over()) rows_.reset();
    return {};
  }

  Result<void> cut_path(const std::string& path, RunBuilder& runs) {
    if (is_standard_input(path)) return take_stream(path, runs);
    const auto stat = files_->stat(path);
    if (!stat && stat.error().code == ErrorCode::not_found && files_->is_name(path)) {
      return Error(ErrorCode::not_found, fmt::format("path: {} is a link to what is not there", printable(path)),
                   false);
    }
    if (!stat) return with_context(stat.error(), "path");
    if (stat->is_directory) {
      left_out_.add("directory", path);
    } else if (stat->kind == FileKind::regular) {
      return cut_file(path, *stat, runs);
    } else if (list_.kind != FileList::Kind::itself) {
      left_out_.add(std::string(to_string(stat->kind).substr(2)), path);
    } else if (stat->kind == FileKind::pipe) {
      return take_stream(path, runs);
    } else if (stat->kind == FileKind::null_device) {
      left_out_.add("empty file", path);
    } else {
      return not_a_file(path, stat->kind);
    }
    return {};
  }

  // How far all is done can be told once all sizes are known. What a file has when it is cut is what counts.
  void note_size(std::size_t file, std::uint64_t size) {
    if (file >= sizes_.size()) sizes_.resize(file + 1);
    total_ += size - std::exchange(sizes_[file], size);
  }

  std::uint64_t size_of(const std::string& path) {
    if (is_standard_input(path)) {
      has_total_ = false;
      return 0;
    }
    const auto stat = files_->stat(path);
    if (!stat || stat->is_directory) return 0;
    if (stat->kind == FileKind::pipe && list_.kind == FileList::Kind::itself) has_total_ = false;
    return stat->kind == FileKind::regular ? stat->size : 0;
  }

  Result<void> take_stream(const std::string& path, RunBuilder& runs) {
    has_total_ = false;
    runs.add_stream(path, epoch_);
    has_cut_ = true;
    return {};
  }

  Result<void> cut_file(const std::string& path, const FileStat& stat, RunBuilder& runs) {
    ASSIGN_OR_RETURN(const bool is_unsized, has_no_size(path, stat));
    if (is_unsized) {
      has_total_ = false;
      runs.add_unsized(path);
      has_cut_ = true;
      return {};
    }
    if (stat.size == 0) {
      left_out_.add("empty file", path);
      return {};
    }
    has_cut_ = true;
    RETURN_IF_ERROR(columns_.settle(*files_, std::span(list_.paths).subspan(next_path_ - 1), false));
    note_size(next_path_ - 1, stat.size);
    DiscoveredFile file = discovered(*files_, path, stat, stat.size);
    file.types = columns_.text();
    const bool is_large = stat.size > static_cast<std::uint64_t>(reading_.size);
    const bool is_cut = is_large && may_be_cut(*files_, reading_, path);
    if (is_cut && reading_.cuts_rows()) {
      ASSIGN_OR_RETURN(rows_, RowsCutter::begin(*files_, reading_, file));
      if (rows_) return {};
    }
    runs.add_ranges(file, 0, stat.size,
                    is_cut && reading_.cuts_ranges() ? reading_.size : std::numeric_limits<std::int64_t>::max());
    return {};
  }

  // What the kernel makes up when it is read says nothing of its size, or a wrong one.
  Result<bool> has_no_size(const std::string& path, const FileStat& stat) {
    auto known = has_true_sizes_.find(stat.device);
    if (known == has_true_sizes_.end())
      known = has_true_sizes_.emplace(stat.device, files_->has_true_sizes(path)).first;
    if (!known->second) return true;
    if (stat.size > 0) return false;
    std::array<char, 1> first;
    auto file = files_->open(path);
    if (!file) return with_context(file.error(), "path");
    auto got = (*file)->read_at(0, first);
    if (!got) return with_context(got.error(), "path");
    return *got > 0;
  }

  Result<void> conclude(SliceBatch& turn) {
    left_out_.add("name that begins with a dot", list_.hidden);
    for (const std::string& link : list_.links) left_out_.add("link to a directory", link);
    const std::string path = printable(reading_.path);
    if (has_cut_ || !is_new_) {
      if (!left_out_.empty()) turn.notices.push_back(fmt::format("{}: left out {}", path, left_out_.text()));
    } else if (list_.kind == FileList::Kind::pattern && !left_out_.has("empty file")) {
      return Error(ErrorCode::not_found, fmt::format("path: no file matches {}, only {}", path, left_out_.text()),
                   false);
    } else {
      turn.notices.push_back(fmt::format("nothing to read: {} {}", path,
                                         left_out_.empty() ? "is an empty directory" : "has only " + left_out_.text()));
    }
    return {};
  }

  Files* files_ = nullptr;
  FileReading reading_;
  std::uint64_t epoch_ = 0;
  OwnInput own_input_;
  InferredColumns columns_;
  FileList list_;
  std::size_t next_path_ = 0;
  std::vector<std::uint64_t> sizes_;  // of the first files, as far as they were looked at
  std::uint64_t total_ = 0;           // of them
  bool has_total_ = true;
  std::optional<RowsCutter> rows_;  // the file before next_path_, if it is being cut by rows
  std::string last_;
  bool is_new_ = true;    // no position came from an earlier controller
  bool has_cut_ = false;  // something
  LeftOut left_out_;
  std::unordered_map<std::uint64_t, bool> has_true_sizes_;  // by device
  std::unordered_set<std::uint64_t> followed_;
};

class FileSlicer final : public Slicer {
 public:
  Result<void> open(const SlicerContext& context, const std::string& position) override {
    ASSIGN_OR_RETURN(const FileReading reading, file_reading(context.options));
    Json parsed = Json::object();
    if (!position.empty()) {
      ASSIGN_OR_RETURN(parsed, parse_json(position));
      if (!parsed.is_object()) return broken_position(position);
    }
    if (!context.persistent) return listed_.emplace().open(context, reading, parsed);
    return follower_.emplace().open(context, reading, parsed);
  }

  Result<SliceBatch> next(std::size_t wanted) override {
    return follower_ ? follower_->next(wanted) : listed_->next(wanted);
  }

  SourceUnit unit() const override { return SourceUnit::bytes; }

  std::string position_mismatch(const Json& recovered_options, const Json& options) const override {
    const auto before = file_reading(recovered_options);
    const auto now = file_reading(options);
    if (!before || !now) return "path is not readable as an option";
    if (before->path != now->path) return "path differs from that of the recovered execution";
    return "";
  }

 private:
  std::optional<ListedFiles> listed_;
  std::optional<FileFollower> follower_;
};

}  // namespace

std::unique_ptr<Slicer> make_file_slicer() {
  return std::make_unique<FileSlicer>();
}

}  // namespace slicemill
