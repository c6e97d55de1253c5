// A directory that takes the place of another one (if_exists: replace). It grows beside the path, in the staging
// directory; once it is complete and the ledger has said so, the two change places, and what was there before is
// removed with the staging directory.
//
// A mark in the directory names its lineage: it tells after a crash whether the change has taken place, and later
// executions of the lineage whether what is there is theirs still.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/outputs/file_publisher.h"
#include "core/runtime/fault.h"
#include "core/runtime/printable.h"

namespace slicemill {
namespace {

constexpr std::string_view kMark = ".slicemill-lineage", kStaging = ".slicemill";

std::string marked(const std::string& directory) {
  return directory + "/" + std::string(kMark);
}

constexpr int kDeepest = 64;  // directories by fields of records

// What is no output in the directory root/name, which must hold some; "": all of it is output.
Result<std::string> foreign_name(Files& files, const std::string& root, const std::string& name, std::uint64_t device,
                                 int depth = 0) {
  const std::string path = root + "/" + name;
  ASSIGN_OR_RETURN(const FileStat there, files.stat(path));
  ASSIGN_OR_RETURN(const auto entries, files.list_entries(path));
  if (entries.empty() || there.device != device || depth == kDeepest) return name;
  for (const DirectoryEntry& entry : entries) {
    const std::string inner = name + "/" + entry.name;
    if (entry.kind == FileKind::regular && parse_published_name(entry.name)) continue;
    if (entry.kind != FileKind::directory || entry.name.starts_with('.')) return inner;
    ASSIGN_OR_RETURN(std::string foreign, foreign_name(files, root, inner, device, depth + 1));
    if (!foreign.empty()) return foreign;
  }
  return std::string();
}

}  // namespace

Result<bool> FilePublisher::has_mark(const std::string& directory) const {
  const auto mark = read_whole_file(files_, marked(directory));
  if (mark) return *mark == layout_.staging_name;
  if (mark.error().code == ErrorCode::not_found) return false;
  return mark.error();
}

Result<void> FilePublisher::check_replaceable() const {
  const std::string& path = layout_.final_path;
  const auto refused = [&](std::string_view why) {
    return Error(ErrorCode::conflict, fmt::format("path: {} cannot be replaced: {}", path, why), false);
  };
  if (!files_.is_name(path)) return {};
  ASSIGN_OR_RETURN(const auto beside, files_.list_entries(layout_.root));
  const std::string name = path.substr(path.rfind('/') + 1);
  const auto own = std::ranges::find(beside, name, &DirectoryEntry::name);
  if (own != beside.end() && own->kind == FileKind::link) return refused("it is a link; name what it leads to");
  ASSIGN_OR_RETURN(const FileStat there, files_.stat(path));
  if (!there.is_directory) return refused("it is no directory");
  ASSIGN_OR_RETURN(const FileStat above, files_.stat(layout_.root));
  if (there.device != above.device) return refused("a file system is mounted there");
  ASSIGN_OR_RETURN(const auto entries, files_.list_entries(path));
  for (const DirectoryEntry& entry : entries) {
    if (entry.name == kMark || (entry.kind == FileKind::regular && parse_published_name(entry.name))) continue;
    if (entry.name != kStaging) {
      std::string foreign = entry.name;
      if (entry.kind == FileKind::directory) {
        ASSIGN_OR_RETURN(foreign, foreign_name(files_, path, entry.name, there.device));
        if (foreign.empty()) continue;
      }
      return refused(fmt::format("{} in it is no output of this program, and would be lost", printable(foreign)));
    }
    ASSIGN_OR_RETURN(const auto staged, files_.list(path + "/" + entry.name));
    if (!staged.empty())
      return refused(
          fmt::format("execution {} writes there, or has left there what it can go on with", staged.front()));
  }
  return {};
}

Result<void> FilePublisher::check_still_ours() const {
  ASSIGN_OR_RETURN(const bool is_ours, has_mark(layout_.final_path));
  if (is_ours) return {};
  return Error(
      ErrorCode::conflict,
      fmt::format("path: the output of this execution in {} was replaced by another one, or is gone; nothing can "
                  "be added to it",
                  layout_.final_path),
      false);
}

// Every file is there; what they hold is verify's to read.
Result<OutputFacts> FilePublisher::complete_replacement(const OutputSource& outputs) {
  const std::string directory = layout_.publish_directory();
  OutputFacts facts{.present = true};
  if (!is_published_) {
    ASSIGN_OR_RETURN(const bool took_place, has_mark(layout_.final_path));
    if (took_place)
      return Error(ErrorCode::internal, fmt::format("{} was replaced before its time", layout_.final_path));
  }
  ASSIGN_OR_RETURN(const auto names, files_.list(directory));
  const auto count_output = [&](const CommittedOutput& output) -> Result<void> {
    if (!output.facts.present) return {};
    const std::string name = final_name(output);
    RETURN_IF_ERROR(visit_files(output.facts, [&](std::string_view place, const OutputFacts&) -> Result<void> {
      const std::string path = place.empty() ? name : fmt::format("{}/{}", place, name);
      if (place.empty() ? std::ranges::binary_search(names, name) : files_.is_name(directory + "/" + path)) return {};
      return Error(ErrorCode::not_found, fmt::format("output_lost: {}/{} is not there", directory, path), false);
    }));
    facts.records += output.facts.records;
    facts.bytes += output.facts.bytes;
    return {};
  };
  RETURN_IF_ERROR(outputs(count_output));
  ASSIGN_OR_RETURN(const auto mark, files_.create(marked(directory)));
  RETURN_IF_ERROR(mark->write(layout_.staging_name));
  RETURN_IF_ERROR(mark->sync());
  RETURN_IF_ERROR(mark->close());
  RETURN_IF_ERROR(files_.sync_directory(directory));
  return facts;
}

// For file systems that cannot exchange. A crash between the two leaves nothing at the path until the next start.
Result<void> FilePublisher::replace_by_renames(const std::string& replacement) {
  const std::string old = layout_.staging_directory() + "/old";
  RETURN_IF_ERROR(files_.remove_tree(old));
  RETURN_IF_ERROR(files_.rename_replace(layout_.final_path, old));
  RETURN_IF_ERROR(fault("between_renames"));
  return files_.rename_replace(replacement, layout_.final_path);
}

Result<void> FilePublisher::replace_directory() {
  if (is_published_) return {};
  RETURN_IF_ERROR(fault("replacing"));
  const std::string replacement = layout_.publish_directory();
  ASSIGN_OR_RETURN(const bool took_place, has_mark(layout_.final_path));
  if (!took_place) {
    ASSIGN_OR_RETURN(const bool is_complete, has_mark(replacement));
    if (!is_complete)
      return Error(ErrorCode::not_found,
                   fmt::format("output_lost: neither {} nor {} is what was written", replacement, layout_.final_path),
                   false);
    RETURN_IF_ERROR(check_replaceable());
    if (!files_.is_name(layout_.final_path)) {
      RETURN_IF_ERROR(files_.rename_no_replace(replacement, layout_.final_path));
    } else {
      auto exchanged = files_.exchange(replacement, layout_.final_path);
      if (!exchanged && exchanged.error().code == ErrorCode::unsupported) exchanged = replace_by_renames(replacement);
      if (!exchanged) return exchanged.error();
    }
    RETURN_IF_ERROR(fault("replaced"));
  }
  RETURN_IF_ERROR(files_.sync_directory(layout_.root));
  RETURN_IF_ERROR(files_.sync_directory(layout_.staging_directory()));
  is_published_ = true;
  return {};
}

}  // namespace slicemill
