// Which files a path means: itself, what is in a directory, or what matches a glob. Blocking; any thread.
#pragma once

#include <string>
#include <vector>

#include "core/runtime/files.h"
#include "core/runtime/result.h"

namespace slicemill {

// Paths in byte order, without a look at what they name: directories may be among them.
//  - a path that exists and is no directory: itself, also if it holds glob characters
//  - a directory: what is in it, not what is below; names that begin with a dot are left out
//  - a glob (* ? [...] within one path component): what matches; a dot at the beginning of a name must be matched by a
//  dot
// not_found: the path, or the directory that a glob begins with, does not exist. An empty directory or glob is an empty
// list.
Result<std::vector<std::string>> list_files(Files& files, const std::string& path);

}  // namespace slicemill
