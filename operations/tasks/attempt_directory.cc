#include "operations/tasks/attempt_directory.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <span>
#include <system_error>
#include <utility>

#include "core/runtime/files.h"
#include "core/runtime/json.h"
#include "core/runtime/private_directory.h"

namespace slicemill {
namespace fs = std::filesystem;

Result<AttemptDirectory> AttemptDirectory::make(const std::string& slice, const std::string& attempt) {
  std::error_code failed;
  const fs::path temporary = fs::temp_directory_path(failed);
  if (failed)
    return Error(ErrorCode::io, fmt::format("there is no directory for temporary files: {}", failed.message()));
  const std::string base = (temporary / fmt::format("slicemill-tasks-{}", getuid())).string();
  RETURN_IF_ERROR(make_private_directory(base));
  for (fs::directory_iterator entry(base, failed), end; !failed && entry != end; entry.increment(failed))
    if (entry->path().filename().string().starts_with(slice + ".")) fs::remove_all(entry->path(), failed);
  AttemptDirectory made(fmt::format("{}/{}.{}", base, slice, attempt));
  RETURN_IF_ERROR(posix_files().create_directories(made.path_));
  return made;
}

AttemptDirectory::AttemptDirectory(AttemptDirectory&& other) noexcept : path_(std::exchange(other.path_, "")) {}

AttemptDirectory::~AttemptDirectory() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

Result<void> AttemptDirectory::write(const std::map<std::string, std::string>& files) const {
  RETURN_IF_ERROR(posix_files().create_directories(files_path()));
  for (const auto& [name, text] : files) {
    const std::string path = files_path() + "/" + name;
    ASSIGN_OR_RETURN(const auto file, posix_files().create(path));
    RETURN_IF_ERROR(file->write(text));
    RETURN_IF_ERROR(file->close());
    std::error_code ignored;
    fs::permissions(path, fs::perms::owner_exec, fs::perm_options::add, ignored);  // scripts may be called
  }
  return {};
}

Result<std::string> AttemptDirectory::output(std::size_t most_bytes) const {
  const auto file = posix_files().open(output_path());
  if (!file) return std::string();
  std::string value(most_bytes + 2, '\0');
  std::size_t size = 0;
  while (size < value.size()) {
    ASSIGN_OR_RETURN(const std::size_t got, (*file)->read_at(size, std::span(value).subspan(size)));
    if (got == 0) break;
    size += got;
  }
  value.resize(size);
  if (value.ends_with('\n')) value.pop_back();
  if (value.size() > most_bytes)
    return Error(ErrorCode::invalid, fmt::format("the output value takes more than {} bytes", most_bytes), false);
  if (!can_be_json_text(value) || value.find('\0') != std::string::npos)
    return Error(ErrorCode::invalid, "the output value is no text in UTF-8", false);
  return value;
}

}  // namespace slicemill
