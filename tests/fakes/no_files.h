// A file system that can do nothing: a base for those that do one thing.
#pragma once

#include "core/runtime/files.h"

namespace slicemill {

class NoFiles : public Files {
 public:
  Result<std::unique_ptr<WritableFile>> create(const std::string&) override { return none(); }
  Result<std::unique_ptr<ReadableFile>> open(const std::string&) override { return none(); }
  Result<FileStat> stat(const std::string&) override { return none(); }
  Result<void> create_directories(const std::string&) override { return none(); }
  Result<std::vector<std::string>> list(const std::string&) override { return none(); }
  Result<void> rename_replace(const std::string&, const std::string&) override { return none(); }
  Result<void> rename_no_replace(const std::string&, const std::string&) override { return none(); }
  Result<void> sync_directory(const std::string&) override { return none(); }
  Result<void> remove(const std::string&) override { return none(); }
  Result<void> remove_tree(const std::string&) override { return none(); }

 private:
  static Error none() { return Error(ErrorCode::unsupported, "not here"); }
};

}  // namespace slicemill
