// The data directory of a master: made if missing, proven writable, locked for one process; and its private runtime
// directory.
#pragma once

#include <memory>

#include "core/model/launch.h"
#include "core/runtime/result.h"

namespace slicemill::master {

// Held for the life of the master; the lock ends with the process however that ends.
class DataDirectory {
 public:
  // conflict: "data directory X is in use by process P". io: it cannot be made or written. invalid: the runtime
  // directory is not safe.
  static Result<std::unique_ptr<DataDirectory>> open(const DataLayout& layout);
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

 private:
  explicit DataDirectory(int lock_fd) : lock_fd_(lock_fd) {}

  int lock_fd_;
};

}  // namespace slicemill::master
