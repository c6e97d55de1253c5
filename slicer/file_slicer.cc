#include "slicer/file_slicer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "core/formats/file_reading.h"
#include "core/formats/json_scan.h"
#include "slicer/file_list.h"
#include "slicer/rows_cutter.h"

namespace slicemill {

namespace {

constexpr std::size_t kListed = 256;      // requests of one run, at most
constexpr std::int64_t kRelistMs = 1000;  // between two looks at a persistent source
constexpr std::size_t kHashDigits = 16;
constexpr std::uint64_t kScannedPerTurn = 32 << 20;  // of files that are cut by rows: what is found is dispatched soon

// FNV-1a: the same in every build that may ever read a position.
std::uint64_t path_hash(std::string_view path) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : path) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

// Collects requests in runs: single ones packed, a file that is cut as a run of its own.
class RunBuilder {
 public:
  explicit RunBuilder(SlicerTurn& turn) : turn_(turn) {}
  ~RunBuilder() { flush(); }

  void add_whole(const std::string& fixed, std::uint64_t total) {
    add(fmt::format("{{{},\"offset\":0,\"length\":{}}}", fixed, total));
  }
  void add(std::string request) {
    list_.requests.push_back(std::move(request));
    ++slices_;
    if (list_.requests.size() == kListed) flush();
  }
  void add_ranges(std::string fixed, std::int64_t total, std::int64_t size) {
    flush();
    turn_.runs.emplace_back(RangeRequests{.fixed = std::move(fixed),
                                          .start_key = "offset",
                                          .span_key = "length",
                                          .span_is_length = true,
                                          .start = 0,
                                          .step = size,
                                          .end = total});
    slices_ += static_cast<std::size_t>((total - 1) / size + 1);
  }
  std::size_t slices() const { return slices_; }

 private:
  void flush() {
    if (!list_.requests.empty()) turn_.runs.emplace_back(std::exchange(list_, {}));
  }

  SlicerTurn& turn_;
  ListRequests list_;
  std::size_t slices_ = 0;
};

class FileSlicer final : public Slicer {
 public:
  Result<void> open(const SlicerContext& context, const std::string& position) override {
    files_ = context.files;
    persistent_ = context.persistent;
    ASSIGN_OR_RETURN(reading_, file_reading(context.options));
    RETURN_IF_ERROR(parse_position(position));
    RETURN_IF_ERROR(list());
    // A single file that may not be read is better refused now than by every slice of it.
    if (paths_.size() == 1) {
      auto readable = files_->open(paths_[0]);
      if (!readable) return with_context(readable.error(), "path");
    }
    return {};
  }

  Result<SlicerTurn> next(std::size_t wanted) override {
    SlicerTurn turn;
    // open() took the first list.
    if (persistent_ && has_begun_ && is_at_end()) RETURN_IF_ERROR(list());
    has_begun_ = true;
    RETURN_IF_ERROR(cut(turn, turn_size(wanted)));
    turn.position = position();
    if (is_at_end() && !persistent_) turn.finished = true;
    if (is_at_end() && persistent_ && turn.runs.empty()) turn.idle_ms = kRelistMs;
    return turn;
  }

  std::string position_mismatch(const Json& recovered_options, const Json& options) const override {
    const auto before = file_reading(recovered_options);
    const auto now = file_reading(options);
    if (!before || !now) return "path is not readable as an option";
    if (before->path != now->path) return "path differs from that of the recovered execution";
    return "";
  }

 private:
  bool is_at_end() const { return next_path_ == paths_.size() && !rows_; }

  // A position of a persistent source names every known file. Turns that grow with them keep the sum of all positions
  // in proportion to the number of files, not to its square.
  std::size_t turn_size(std::size_t wanted) const { return persistent_ ? std::max(wanted, known_.size() / 4) : wanted; }

  Result<void> parse_position(const std::string& position) {
    if (position.empty()) return {};
    ASSIGN_OR_RETURN(const Json parsed, parse_json(position));
    const auto broken = [&] {
      return Error(ErrorCode::corrupt, fmt::format("file slicer position: {}", text_head(position)), false);
    };
    if (!parsed.is_object()) return broken();
    if (const auto last = parsed.find("last"); last != parsed.end()) {
      if (!last->is_string()) return broken();
      last_ = last->get<std::string>();
    }
    if (const auto at = parsed.find("at"); at != parsed.end()) {
      if (!at->is_object()) return broken();
      ASSIGN_OR_RETURN(rows_, RowsCutter::resume(*files_, reading_, *at));
    }
    const auto known = parsed.find("known");
    if (known == parsed.end()) return {};
    if (!known->is_string() || known->get_ref<const std::string&>().size() % kHashDigits != 0) return broken();
    const std::string& digits = known->get_ref<const std::string&>();
    for (std::size_t i = 0; i < digits.size(); i += kHashDigits) {
      std::uint64_t hash = 0;
      const char* end = digits.data() + i + kHashDigits;
      if (std::from_chars(digits.data() + i, end, hash, 16).ptr != end) return broken();
      known_.insert(hash);
    }
    return {};
  }

  std::string position() const {
    const std::string at = rows_ ? fmt::format(",\"at\":{{{}}}", rows_->position()) : "";
    if (!persistent_) return last_.empty() ? "" : fmt::format("{{\"last\":{}{}}}", json_quoted(last_), at);
    std::vector<std::uint64_t> sorted(known_.begin(), known_.end());
    std::sort(sorted.begin(), sorted.end());
    std::string text = "{\"known\":\"";
    text.reserve(text.size() + sorted.size() * kHashDigits + 2);
    for (const std::uint64_t hash : sorted) fmt::format_to(std::back_inserter(text), "{:016x}", hash);
    return text + "\"" + at + "}";
  }

  // Sets paths_ to the files that are still to be cut.
  Result<void> list() {
    auto listed = list_files(*files_, reading_.path);
    if (!listed) return with_context(listed.error(), "path");
    std::vector<std::string>& paths = *listed;
    if (!last_.empty()) {
      const auto behind = std::upper_bound(paths.begin(), paths.end(), last_);
      // A position of a run that was `once`: all of these are cut.
      if (persistent_)
        std::for_each(paths.begin(), behind, [&](const std::string& path) { known_.insert(path_hash(path)); });
      paths.erase(paths.begin(), behind);
      if (persistent_) last_.clear();
    }
    if (!known_.empty()) {
      std::unordered_set<std::uint64_t> still_there;
      std::erase_if(paths, [&](const std::string& path) {
        const std::uint64_t hash = path_hash(path);
        if (!known_.contains(hash)) return false;
        still_there.insert(hash);
        return true;
      });
      if (persistent_) known_ = std::move(still_there);
    }
    paths_ = std::move(paths);
    next_path_ = 0;
    return {};
  }

  Result<void> cut(SlicerTurn& turn, std::size_t wanted) {
    RunBuilder runs(turn);
    RETURN_IF_ERROR(cut_rows(runs, wanted));
    while (!rows_ && next_path_ < paths_.size() && runs.slices() < wanted) {
      const std::string& path = paths_[next_path_++];
      const auto stat = files_->stat(path);
      if (!stat) {
        // Whoever fills a persistent source may also empty it.
        if (persistent_ && stat.error().code == ErrorCode::not_found) continue;
        return with_context(stat.error(), "path");
      }
      if (!stat->is_directory && stat->size > 0) RETURN_IF_ERROR(cut_file(path, *stat, runs));
      if (!persistent_) last_ = path;
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
      runs.add(std::move(request));
    }
    if (rows_->is_over()) rows_.reset();
    return {};
  }

  Result<void> cut_file(const std::string& path, const FileStat& stat, RunBuilder& runs) {
    if (!is_utf8(path)) {
      return Error(ErrorCode::unsupported, fmt::format("path: the file name {} is not UTF-8", text_head(path)), false);
    }
    // Not so for an empty file: it is looked at again until it has something in it.
    if (persistent_) known_.insert(path_hash(path));
    DiscoveredFile file{path, stat.size, stat.mtime_ns, stat.inode};
    const std::string fixed = file.fixed_members();
    const auto total = static_cast<std::int64_t>(stat.size);
    const bool is_cut = total > reading_.size && (reading_.cuts_ranges() || reading_.cuts_rows()) && is_plain(path);
    if (is_cut && reading_.cuts_ranges()) {
      runs.add_ranges(fixed, total, reading_.size);
      return {};
    }
    if (is_cut) {
      ASSIGN_OR_RETURN(rows_, RowsCutter::begin(*files_, reading_, std::move(file)));
      if (rows_) return {};
    }
    runs.add_whole(fixed, stat.size);
    return {};
  }

  // Not compressed. Whatever is wrong with the file, its reader will say it.
  bool is_plain(const std::string& path) const {
    char first[kContentBytes];
    std::size_t size = 0;
    if (!reading_.compression) {
      const auto file = files_->open(path);
      const auto got = file ? (*file)->read_at(0, first) : Result<std::size_t>(0);
      if (got) size = *got;
    }
    const auto compression = reading_.compression_of(path, {first, size});
    return compression && *compression == Compression::none;
  }

  Files* files_ = nullptr;
  FileReading reading_;
  bool persistent_ = false;
  bool has_begun_ = false;
  std::vector<std::string> paths_;
  std::size_t next_path_ = 0;
  std::optional<RowsCutter> rows_;  // the file before next_path_, if it is being cut by rows
  std::string last_;
  std::unordered_set<std::uint64_t> known_;
};

}  // namespace

std::unique_ptr<Slicer> make_file_slicer() {
  return std::make_unique<FileSlicer>();
}

}  // namespace slicemill
