#include "core/runtime/private_directory.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace slicemill {

Result<void> make_private_directory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return errno_error(errno, "cannot create runtime directory", path);
  struct stat facts {};
  if (lstat(path.c_str(), &facts) != 0) return errno_error(errno, "cannot read runtime directory", path);
  const char* wrong = !S_ISDIR(facts.st_mode)       ? "is no directory"
                      : facts.st_uid != geteuid()   ? "belongs to another user"
                      : (facts.st_mode & 0077) != 0 ? "is open to other users (its mode must be 0700)"
                                                    : nullptr;
  if (wrong != nullptr)
    return Error{ErrorCode::invalid, fmt::format("runtime directory {} {}; remove it", path, wrong)};
  return {};
}

}  // namespace slicemill
