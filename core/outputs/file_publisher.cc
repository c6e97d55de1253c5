#include "core/outputs/file_publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "core/outputs/stored_file.h"
#include "core/runtime/fault.h"

namespace slicemill {
namespace {
constexpr std::size_t kProbeBytes = 64 << 10;

std::string directory_of(const std::string& root, const OutputPart& part) {
  return part.place.empty() ? root : root + "/" + part.place;
}
}  // namespace

FilePublisher::FilePublisher(FileLayout layout, FileWriting writing, const State& state,
                             std::vector<std::string> lineage, Files& files)
    : layout_(std::move(layout)),
      writing_(std::move(writing)),
      fails_if_exists_(state.fails_if_exists),
      is_published_(state.is_published),
      sink_(state.sink),
      lineage_(std::move(lineage)),
      files_(files) {}

std::string FilePublisher::final_name(const CommittedOutput& output) const {
  return layout_.final_name(slice_id(lineage_[output.key.generation], output.key), output.key, output.facts);
}

std::string FilePublisher::publish_directory() const {
  return layout_.replaces_directory() && is_published_ ? layout_.final_path : layout_.publish_directory();
}

// What may not be there at the first start of a lineage.
Result<void> FilePublisher::judge_existing() const {
  if (layout_.replaces) return layout_.single_file ? Result<void>() : check_replaceable();
  if (layout_.single_file) {
    // A joined file is renamed into place at the end of the job and never replaces another: better refused now.
    if (!files_.stat(layout_.final_path)) return {};
    return Error(
        ErrorCode::conflict,
        fmt::format("path: {} exists already, and a single file is not appended to; `if_exists: replace` replaces it",
                    layout_.final_path),
        false);
  }
  if (!fails_if_exists_) return {};
  ASSIGN_OR_RETURN(const std::vector<std::string> names, files_.list(layout_.root));
  for (const std::string& name : names) {
    if (name.starts_with('.')) continue;
    return Error(ErrorCode::conflict,
                 fmt::format("path: {}/{} exists already, and if_exists is \"fail\"", layout_.root, name), false);
  }
  return {};
}

Result<void> FilePublisher::prepare(bool first_start) {
  if (auto root = files_.stat(layout_.root); root && !root->is_directory) {
    return Error(ErrorCode::invalid, fmt::format("path: {} is a file, not a directory", layout_.root), false);
  }
  if (layout_.single_file) {
    if (auto final = files_.stat(layout_.final_path); final && final->is_directory) {
      return Error(ErrorCode::invalid,
                   fmt::format("path: {} is a directory, but single_file needs a file", layout_.final_path), false);
    }
  }
  if (layout_.replaces_directory() && is_published_) RETURN_IF_ERROR(check_still_ours());
  const bool publishes_below = layout_.single_file || (layout_.replaces && !is_published_);
  const std::string deepest = publishes_below ? layout_.publish_directory() : layout_.staging_directory();
  auto created = create_durable_directories(files_, deepest);
  if (!created) return with_context(created.error(), "path");
  if (first_start) RETURN_IF_ERROR(judge_existing());
  const std::string probe = layout_.staging_directory() + "/.writable";
  auto file = files_.create(probe);
  if (!file) return with_context(file.error(), "path");
  return files_.remove(probe);
}

// What a slice does: a name, some bytes, both syncs. Small enough that a nearly full disk may pass; then the next slice
// tells.
Result<void> FilePublisher::probe() {
  RETURN_IF_ERROR(fault("staging"));
  RETURN_IF_ERROR(fault("publishing"));
  RETURN_IF_ERROR(fault("joining"));
  const std::string path = layout_.staging_directory() + "/.probe";
  const auto written = [&]() -> Result<void> {
    // The obstacle may have stood in the way of the directories themselves: parts go below the staging directory.
    RETURN_IF_ERROR(create_durable_directories(files_, layout_.staging_directory()));
    RETURN_IF_ERROR(create_durable_directories(files_, publish_directory()));
    ASSIGN_OR_RETURN(const auto file, files_.create(path));
    RETURN_IF_ERROR(file->write(std::string(kProbeBytes, '\0')));
    RETURN_IF_ERROR(file->sync());
    return file->close();
  }();
  const auto removed = files_.remove(path);
  RETURN_IF_ERROR(written);
  RETURN_IF_ERROR(removed);
  return files_.sync_directory(publish_directory());
}

Result<void> FilePublisher::put_in_place(const std::string& from, const std::string& to, const OutputFacts& facts) {
  auto renamed = files_.rename_no_replace(from, to);
  if (renamed) return {};
  const ErrorCode code = renamed.error().code;
  if (code != ErrorCode::not_found && code != ErrorCode::conflict) return renamed.error();

  // Either an earlier call has done it, or the name is another's.
  auto is_there = is_stored_file(files_, to, facts);
  if (!is_there && is_there.error().code == ErrorCode::not_found) {
    return Error(ErrorCode::not_found, fmt::format("output_lost: neither {} nor {} is there", from, to), false);
  }
  if (!is_there) return is_there.error();
  if (!*is_there) {
    return Error(ErrorCode::conflict,
                 fmt::format("{} exists with other contents than the ledger's: it is not replaced", to), false);
  }
  return files_.remove(from);
}

Result<void> FilePublisher::publish_one(const CommittedOutput& output) {
  if (!output.facts.present) return {};
  if (output.key.generation >= lineage_.size()) {
    return Error(ErrorCode::internal, fmt::format("output of generation {}, but the lineage has {}",
                                                  output.key.generation, lineage_.size()));
  }
  const std::string name = final_name(output);
  if (output.facts.parts.empty())
    return put_in_place(layout_.staged_path(output.key, output.attempt), publish_directory() + "/" + name,
                        output.facts);
  for (std::size_t i = 0; i < output.facts.parts.size(); ++i) {
    const OutputPart& part = output.facts.parts[i];
    const std::string directory = directory_of(publish_directory(), part);
    RETURN_IF_ERROR(create_durable_directories(files_, directory));
    RETURN_IF_ERROR(put_in_place(layout_.staged_path(output.key, output.attempt, i), directory + "/" + name,
                                 facts_of(part, output.facts)));
  }
  return {};
}

// A file that has its final name already was published by an earlier controller.
Result<bool> FilePublisher::is_there(const CommittedOutput& output) {
  const auto exists = [&](const std::string& path) -> Result<bool> {
    const auto found = files_.stat(path);
    if (!found && found.error().code != ErrorCode::not_found) return found.error();
    return found.has_value();
  };
  if (!output.facts.present) return true;
  const std::string name = final_name(output);
  for (std::size_t i = 0; i < std::max<std::size_t>(1, output.facts.parts.size()); ++i) {
    const bool is_part = !output.facts.parts.empty();
    const std::string place = is_part ? output.facts.parts[i].place + "/" : "";
    ASSIGN_OR_RETURN(const bool is_staged, exists(is_part ? layout_.staged_path(output.key, output.attempt, i)
                                                          : layout_.staged_path(output.key, output.attempt)));
    if (is_staged) continue;
    ASSIGN_OR_RETURN(const bool is_published, exists(publish_directory() + "/" + place + name));
    if (!is_published) return false;
  }
  return true;
}

// Also where an earlier call made the directories: it may have died before it synced them.
Result<void> FilePublisher::sync_directories(const std::vector<CommittedOutput>& outputs) {
  const std::string root = publish_directory();
  std::set<std::string> directories = {root};
  for (const CommittedOutput& output : outputs) {
    for (const OutputPart& part : output.facts.parts) {
      for (std::string directory = directory_of(root, part); directories.insert(directory).second;)
        directory.resize(directory.rfind('/'));
    }
  }
  // The deepest ones first: a name is durable when what it names is.
  for (auto directory = directories.rbegin(); directory != directories.rend(); ++directory)
    RETURN_IF_ERROR(files_.sync_directory(*directory));
  return {};
}

std::vector<Result<void>> FilePublisher::publish(const std::vector<CommittedOutput>& outputs) {
  std::vector<Result<void>> results;
  results.reserve(outputs.size());
  bool is_any_present = false;
  const auto passed = fault("publishing");
  for (const CommittedOutput& output : outputs) {
    results.push_back(passed ? publish_one(output) : passed);
    is_any_present = is_any_present || output.facts.present;
  }
  if (!is_any_present) return results;
  // Also for files found in place: whoever put them there may have died before this.
  auto synced = sync_directories(outputs);
  if (synced) return results;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (results[i] && outputs[i].facts.present) results[i] = synced.error();
  }
  return results;
}

void FilePublisher::sweep(const std::function<bool(const SliceKey&, const Attempt&)>& keep) {
  auto names = files_.list(layout_.staging_directory());
  if (!names) return;
  for (const std::string& name : *names) {
    const auto staged = parse_staged_name(name);
    // A file that stays behind costs space only; the next sweep tries again.
    if (staged && !keep(staged->key, staged->attempt)) (void)files_.remove(layout_.staging_directory() + "/" + name);
  }
}

void FilePublisher::clean_up(bool whole) {
  const std::string staging = layout_.staging_directory();
  // Until it has taken its place, the replacement is what later executions of the lineage go on with; then it is what
  // was there before.
  const std::string kept = layout_.single_file ? "parts" : layout_.replaces && !is_published_ ? "new" : "";
  if (whole) {
    (void)files_.remove_tree(staging);
  } else if (auto names = files_.list(staging)) {
    for (const std::string& name : *names) {
      const std::string path = staging + "/" + name;
      if (name != kept && path != layout_.columns_path()) (void)files_.remove_tree(path);
    }
    (void)files_.remove(staging);  // goes only if it is empty
  }
  // Goes only if no other lineage stages here: the directory must be empty.
  (void)files_.remove(staging.substr(0, staging.rfind('/')));
}

}  // namespace slicemill
