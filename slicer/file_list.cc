#include "slicer/file_list.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/formats/path_glob.h"

namespace slicemill {

namespace {

constexpr std::string_view kStaging = ".slicemill";  // of file_exporter: nothing that anybody would miss

std::string below(const std::string& directory, const std::string& name) {
  return directory == "/" ? "/" + name : directory + "/" + name;
}

// One walk along the components of a pattern.
class PatternWalk {
 public:
  PatternWalk(Files& files, std::vector<std::string> components, bool tolerates, FileList& found)
      : files_(files), components_(std::move(components)), tolerates_(tolerates), found_(found) {
    // Any depth below any depth is any depth.
    const auto both = [](const std::string& a, const std::string& b) { return a == kAnyDepth && b == kAnyDepth; };
    components_.erase(std::unique(components_.begin(), components_.end(), both), components_.end());
  }

  Result<void> walk() {
    // What stands before the first special character must be there: a typing error in it is no empty match.
    std::string base = "/";
    std::size_t first = 0;
    while (!has_glob(components_[first])) base = below(base, components_[first++]);
    RETURN_IF_ERROR(files_.list(base));
    return match(base, first);
  }

 private:
  bool is_last(std::size_t at) const { return at + 1 == components_.size(); }

  // What matches components_[at...] below the directory.
  Result<void> match(const std::string& directory, std::size_t at) {
    const std::string& pattern = components_[at];
    if (pattern == kAnyDepth) return match_any_depth(directory, at);
    if (is_last(at)) found_.searched.push_back({directory, pattern});
    if (!has_glob(pattern)) return match_name(below(directory, pattern), at);
    auto names = files_.list(directory);
    if (!names) return cannot_list(names.error());
    for (const std::string& name : *names) {
      if (!component_matches(pattern, name)) continue;
      RETURN_IF_ERROR(match_found(below(directory, name), at));
    }
    return {};
  }

  Result<void> match_name(const std::string& path, std::size_t at) {
    if (!files_.is_name(path)) return {};
    return match_found(path, at);
  }

  Result<void> match_found(const std::string& path, std::size_t at) {
    if (is_last(at)) {
      found_.paths.push_back(path);
      return {};
    }
    // What is no directory, or leads nowhere, has nothing below it.
    if (const auto stat = files_.stat(path); stat && stat->is_directory) return match(path, at + 1);
    return {};
  }

  // ** at `at`: this directory and all below it.
  Result<void> match_any_depth(const std::string& directory, std::size_t at) {
    if (is_last(at)) {
      found_.searched.push_back({directory, ""});
    } else {
      RETURN_IF_ERROR(match(directory, at + 1));
    }
    const auto entries = files_.list_entries(directory);
    if (!entries) return cannot_list(entries.error());
    for (const DirectoryEntry& entry : *entries) {
      if (entry.name.starts_with('.')) {
        if (entry.name != kStaging) ++found_.hidden;
        continue;
      }
      const std::string path = below(directory, entry.name);
      if (entry.kind == FileKind::directory) {
        RETURN_IF_ERROR(match_any_depth(path, at));
        continue;
      }
      if (entry.kind == FileKind::link) {
        if (const auto stat = files_.stat(path); stat && stat->is_directory) {
          found_.links.push_back(path);
          continue;
        }
      }
      if (is_last(at)) found_.paths.push_back(path);
    }
    return {};
  }

  Result<void> cannot_list(const Error& error) {
    if (!tolerates_) return error;
    found_.unreadable.push_back(error.message);
    return {};
  }

  Files& files_;
  std::vector<std::string> components_;
  bool tolerates_;
  FileList& found_;
};

Result<FileList> in_directory(Files& files, const std::string& directory) {
  FileList found{.kind = FileList::Kind::directory};
  ASSIGN_OR_RETURN(const std::vector<std::string> names, files.list(directory));
  for (const std::string& name : names) {
    if (name.starts_with('.')) {
      if (name != kStaging) ++found.hidden;
    } else {
      found.paths.push_back(below(directory, name));
    }
  }
  found.searched.push_back({directory, ""});
  return found;
}

}  // namespace

Result<FileList> list_files(Files& files, const std::string& path, bool tolerates) {
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
  FileList found;
  if (const auto stat = files.stat(trimmed); stat) {
    if (!stat->is_directory) {
      found.paths.push_back(trimmed);
      return found;
    }
    ASSIGN_OR_RETURN(found, in_directory(files, trimmed));
  } else {
    if (files.is_name(trimmed)) return stat.error();  // it is there, but leads nowhere
    RETURN_IF_ERROR(check_glob(trimmed));
    if (!has_glob(trimmed)) return stat.error();
    found.kind = FileList::Kind::pattern;
    RETURN_IF_ERROR(PatternWalk(files, path_components(trimmed), tolerates, found).walk());
  }
  std::sort(found.paths.begin(), found.paths.end());
  found.paths.erase(std::unique(found.paths.begin(), found.paths.end()), found.paths.end());
  return found;
}

}  // namespace slicemill
