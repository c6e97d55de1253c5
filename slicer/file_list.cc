#include "slicer/file_list.h"

#include <fnmatch.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/runtime/text.h"

namespace slicemill {

namespace {

bool has_glob(std::string_view text) {
  return text.find_first_of("*?[") != std::string_view::npos;
}

std::string below(const std::string& directory, const std::string& name) {
  return directory == "/" ? "/" + name : directory + "/" + name;
}

Result<std::vector<std::string>> in_directory(Files& files, const std::string& directory) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, files.list(directory));
  std::vector<std::string> paths;
  for (const std::string& name : names) {
    if (!name.starts_with('.')) paths.push_back(below(directory, name));
  }
  return paths;
}

// The paths below `directory` that match components[at...]. A directory that vanishes or may not be read on the way
// matches nothing, as in a shell.
void match(Files& files, const std::string& directory, const std::vector<std::string>& components, std::size_t at,
           std::vector<std::string>& paths) {
  const std::string& pattern = components[at];
  const bool is_last = at + 1 == components.size();
  if (!has_glob(pattern)) {
    const std::string path = below(directory, pattern);
    const auto stat = files.stat(path);
    if (!stat) return;
    if (is_last) {
      paths.push_back(path);
    } else if (stat->is_directory) {
      match(files, path, components, at + 1, paths);
    }
    return;
  }
  const auto names = files.list(directory);
  if (!names) return;
  for (const std::string& name : *names) {
    if (fnmatch(pattern.c_str(), name.c_str(), FNM_PERIOD) != 0) continue;
    const std::string path = below(directory, name);
    if (is_last) {
      paths.push_back(path);
    } else if (const auto stat = files.stat(path); stat && stat->is_directory) {
      match(files, path, components, at + 1, paths);
    }
  }
}

Result<std::vector<std::string>> matching(Files& files, const std::string& pattern) {
  std::vector<std::string> components;
  for (std::string& component : split(pattern, '/')) {
    if (!component.empty()) components.push_back(std::move(component));
  }
  // What stands before the first glob must be there: a typing error in it is not an empty match.
  std::string base = "/";
  std::size_t first = 0;
  while (!has_glob(components[first])) base = below(base, components[first++]);
  RETURN_IF_ERROR(files.list(base));
  std::vector<std::string> paths;
  match(files, base, components, first, paths);
  return paths;
}

}  // namespace

Result<std::vector<std::string>> list_files(Files& files, const std::string& path) {
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
  std::vector<std::string> paths;
  if (const auto stat = files.stat(trimmed); stat) {
    if (!stat->is_directory) return std::vector<std::string>{trimmed};
    ASSIGN_OR_RETURN(paths, in_directory(files, trimmed));
  } else if (has_glob(trimmed)) {
    ASSIGN_OR_RETURN(paths, matching(files, trimmed));
  } else {
    return stat.error();
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace slicemill
