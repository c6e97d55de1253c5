#include "core/outputs/settled_columns.h"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "core/runtime/json.h"

namespace slicemill {

Result<std::optional<std::vector<std::string>>> settled_columns(Files& files, const FileLayout& layout) {
  const std::string path = layout.columns_path();
  const auto text = read_whole_file(files, path);
  if (!text) {
    if (text.error().code == ErrorCode::not_found) return std::optional<std::vector<std::string>>();
    return text.error();
  }
  const auto broken = [&] { return Error(ErrorCode::corrupt, fmt::format("{}: not a list of columns", path), false); };
  const auto parsed = parse_json(*text);
  if (!parsed || !parsed->is_array() || parsed->empty()) return broken();
  std::vector<std::string> columns;
  for (const Json& name : *parsed) {
    if (!name.is_string()) return broken();
    columns.push_back(name.get<std::string>());
  }
  return std::optional(std::move(columns));
}

Result<std::optional<std::vector<std::string>>> await_settled_columns(Files& files, const FileLayout& layout,
                                                                      const std::atomic<bool>* cancelled) {
  constexpr std::chrono::milliseconds kPatience{250};
  constexpr std::chrono::milliseconds kLookEvery{2};
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    auto settled = settled_columns(files, layout);
    const bool is_unwanted = cancelled != nullptr && cancelled->load();
    if (!settled || *settled || is_unwanted || std::chrono::steady_clock::now() >= end) return settled;
    std::this_thread::sleep_for(kLookEvery);
  }
}

static Result<void> write_columns(Files& files, const std::string& path, const std::vector<std::string>& columns) {
  ASSIGN_OR_RETURN(const auto file, files.create(path));
  RETURN_IF_ERROR(file->write(to_compact_text(Json(columns)) + "\n"));
  RETURN_IF_ERROR(file->sync());
  return file->close();
}

Result<std::vector<std::string>> settle_columns(Files& files, const FileLayout& layout, const std::string& own_path,
                                                std::vector<std::string> own) {
  ASSIGN_OR_RETURN(auto settled, settled_columns(files, layout));
  if (settled) return *std::move(settled);
  RETURN_IF_ERROR(write_columns(files, own_path, own));
  const auto renamed = files.rename_no_replace(own_path, layout.columns_path());
  if (renamed) {
    RETURN_IF_ERROR(files.sync_directory(layout.staging_directory()));
    return own;
  }
  (void)files.remove(own_path);
  if (renamed.error().code != ErrorCode::conflict) return renamed.error();
  ASSIGN_OR_RETURN(settled, settled_columns(files, layout));  // another worker was faster
  if (settled) return *std::move(settled);
  return renamed.error();
}

Result<void> check_columns(Files& files, const FileLayout& layout, const std::string& own_path,
                           const std::vector<std::string>& fields) {
  ASSIGN_OR_RETURN(auto settled, settle_columns(files, layout, own_path, fields));
  if (settled == fields) return {};
  ASSIGN_OR_RETURN(const std::vector<std::string> parts, files.list(layout.publish_directory()));
  if (parts.empty()) {
    RETURN_IF_ERROR(write_columns(files, own_path, fields));
    RETURN_IF_ERROR(files.rename_replace(own_path, layout.columns_path()));
    return files.sync_directory(layout.staging_directory());
  }
  // Another worker of this execution may have come here before the first part was.
  ASSIGN_OR_RETURN(settled, settle_columns(files, layout, own_path, fields));
  if (settled == fields) return {};
  return Error(
      ErrorCode::invalid,
      fmt::format("fields: there are parts of {} already, and their columns are {}: name the same ones, or run "
                  "the job anew",
                  layout.final_path, to_compact_text(Json(settled))),
      false);
}

}  // namespace slicemill
