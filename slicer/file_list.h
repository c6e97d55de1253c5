// Which files a path means: itself, what is in a directory, or what matches a pattern. Blocking; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/runtime/files.h"
#include "core/runtime/result.h"

namespace slicemill {

struct FileList {
  enum class Kind { itself, directory, pattern };
  struct Searched {
    std::string directory;
    std::string pattern;  // of names; "": every name that does not begin with a dot
  };

  Kind kind = Kind::itself;
  std::vector<std::string> paths;       // in byte order, each once, without a look at what they name
  std::vector<Searched> searched;       // where files were looked for
  std::uint64_t hidden = 0;             // names in the directory that begin with a dot
  std::vector<std::string> links;       // to directories, which ** does not follow
  std::vector<std::string> unreadable;  // directories that could not be listed, as errors say it; only if tolerated
};

// `path` is taken as
//  - itself, if it exists and is no directory, also if it holds special characters
//  - a directory: what is in it, not what is below; names that begin with a dot are left out
//  - a pattern (core/formats/path_glob.h): what matches. ** follows no links to directories, so loops do not matter.
// not_found: the path, or the directory that a pattern begins with, does not exist. An empty directory or pattern is an
// empty list. tolerates: a directory below that cannot be listed is told in `unreadable`; otherwise it is an error,
// since what is in it would be missing.
Result<FileList> list_files(Files& files, const std::string& path, bool tolerates = false);

}  // namespace slicemill
