#include "master/processes/process_log.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/runtime/log.h"

namespace slicemill::master {

namespace {

struct LogFile {
  std::unique_ptr<ReadableFile> file;
  FileStat facts;
};

struct LogPlace {
  std::uint64_t inode = 0;
  std::uint64_t byte = 0;
};

// position := inode "-" byte | byte of the newest file
struct WantedPlace {
  std::optional<std::uint64_t> inode;
  std::uint64_t byte = 0;
};

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<WantedPlace> parse_place(std::string_view text) {
  const auto dash = text.find('-');
  const bool has_inode = dash != std::string_view::npos;
  const auto byte = whole_number(has_inode ? text.substr(dash + 1) : text);
  const auto inode = has_inode ? whole_number(text.substr(0, dash)) : std::nullopt;
  if (!byte || has_inode != inode.has_value())
    return Error{ErrorCode::invalid, fmt::format("'{}' is not a position of a log", text)};
  return WantedPlace{inode, *byte};
}

// The newest file first. Rotation moves files towards the end: opened in this order each is met, some perhaps twice.
Result<std::vector<LogFile>> open_files(Files& files, const std::string& base) {
  std::vector<LogFile> found;
  const std::size_t most = LogOptions{}.keep_files;
  for (std::size_t i = 0; i <= most; ++i) {
    auto file = files.open(i == 0 ? base + ".log" : fmt::format("{}.{}.log", base, i));
    if (!file && file.error().code == ErrorCode::not_found) continue;
    if (!file) return file.error();
    ASSIGN_OR_RETURN(const FileStat facts, (*file)->stat());
    const bool known = std::ranges::any_of(found, [&](const LogFile& f) { return f.facts.inode == facts.inode; });
    if (!known) found.push_back({std::move(*file), facts});
  }
  return found;
}

Result<std::string> read_bytes(const LogFile& log, std::uint64_t from, std::size_t most) {
  std::string bytes(most, '\0');
  std::size_t have = 0;
  while (have < most) {
    ASSIGN_OR_RETURN(const std::size_t got, log.file->read_at(from + have, {bytes.data() + have, most - have}));
    if (got == 0) break;
    have += got;
  }
  bytes.resize(have);
  return bytes;
}

std::string position_of(const LogPlace& place) {
  return fmt::format("{}-{}", place.inode, place.byte);
}

// Takes a line that is still being written off the end.
void keep_whole_lines(std::string& text) {
  text.resize(text.rfind('\n') + 1);  // npos + 1 is 0
}

// Cuts all but the last lines. Requires: the text is empty or ends with a line end.
void keep_last_lines(std::string& text, std::size_t lines) {
  std::size_t begin = text.size();
  for (std::size_t left = lines; left > 0 && begin > 0; --left) {
    const auto end_before = begin < 2 ? std::string::npos : text.rfind('\n', begin - 2);
    begin = end_before == std::string::npos ? 0 : end_before + 1;
  }
  text.erase(0, begin);
}

Result<LogPart> last_lines(const std::vector<LogFile>& files, std::int64_t lines) {
  std::string text;
  LogPlace end{files.front().facts.inode, 0};
  bool cut = false;  // the text begins within a line
  for (const LogFile& log : files) {
    const auto size = log.facts.size;
    const auto room = static_cast<std::uint64_t>(kMostLogBytes - text.size());
    const auto taken = std::min(size, room);
    ASSIGN_OR_RETURN(std::string bytes, read_bytes(log, size - taken, static_cast<std::size_t>(taken)));
    if (&log == &files.front()) {
      keep_whole_lines(bytes);
      end.byte = size - taken + bytes.size();
    }
    cut = taken < size;
    text.insert(0, bytes);
    if (cut || std::ranges::count(text, '\n') >= lines) break;
  }
  if (cut) text.erase(0, text.find('\n') + 1);
  keep_last_lines(text, static_cast<std::size_t>(lines));
  return LogPart{std::move(text), position_of(end)};
}

Result<LogPart> lines_from(const std::vector<LogFile>& files, const WantedPlace& wanted) {
  LogPart part;
  std::size_t at = 0;  // in `files`; the one to read
  std::uint64_t byte = wanted.byte;
  if (wanted.inode) {
    const auto found = std::ranges::find_if(files, [&](const LogFile& f) { return f.facts.inode == *wanted.inode; });
    at = static_cast<std::size_t>(found - files.begin());
  }
  if (at == files.size() || byte > files[at].facts.size) {
    part.gap = true;
    at = files.size() - 1;
    byte = 0;
  }
  while (true) {
    ASSIGN_OR_RETURN(std::string bytes, read_bytes(files[at], byte, kMostLogBytes - part.text.size()));
    const bool at_end = part.text.size() + bytes.size() < kMostLogBytes;
    const bool is_last = at == 0;
    // A line that is longer than an answer comes in pieces.
    const bool is_piece = !at_end && part.text.empty() && bytes.find('\n') == std::string::npos;
    if ((is_last || !at_end) && !is_piece) keep_whole_lines(bytes);
    part.text += bytes;
    byte += bytes.size();
    if (is_last || !at_end) break;
    --at;
    byte = 0;
  }
  part.position = position_of({files[at].facts.inode, byte});
  return part;
}

}  // namespace

bool is_process_name(std::string_view name) {
  if (name == "controller" || name == "run") return true;
  constexpr std::string_view kWorker = "worker-";
  if (!name.starts_with(kWorker)) return false;
  name.remove_prefix(kWorker.size());
  return !name.empty() && name.size() < 10 && name.find_first_not_of("0123456789") == std::string_view::npos;
}

Result<LogPart> read_process_log(Files& files, const std::string& directory, const LogQuery& query) {
  if (!is_process_name(query.process)) {
    return Error{ErrorCode::invalid,
                 fmt::format("'{}' is not a process; it is controller, or worker-1, worker-2, ...", query.process)};
  }
  ASSIGN_OR_RETURN(const auto found, open_files(files, directory + "/" + query.process));
  if (found.empty())
    return Error{ErrorCode::not_found, fmt::format("there is no log of {} in {}", query.process, directory)};
  if (query.from.empty()) return last_lines(found, query.lines);
  ASSIGN_OR_RETURN(const WantedPlace place, parse_place(query.from));
  return lines_from(found, place);
}

}  // namespace slicemill::master
