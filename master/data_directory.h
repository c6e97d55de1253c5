// The data directory of a master: made if missing, proven writable, locked for one process; who it is; and its private
// runtime directory.
//
// A copy of a data directory holds the registry of the original, with its live executions and their processes, and must
// touch none of them. So a directory has an identity: the file `identity` names the inode and the birth of the lock
// file beside it, which no copy can have too. A directory that was moved keeps them. The runtime directory belongs to
// the identity and not to the path: processes find the next master wherever the directory is by then, and never the
// master of another one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/model/launch.h"
#include "core/runtime/result.h"

namespace slicemill::master {

// Held for the life of the master; the lock ends with the process however that ends.
class DataDirectory {
 public:
  enum class Origin { same, moved, copied };

  // path: absolute; links in it are followed. conflict: "data directory X is in use by process P". io: it cannot be
  // made or written. invalid: the runtime directory is not safe.
  static Result<std::unique_ptr<DataDirectory>> open(const std::string& path);
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  const DataLayout& layout() const { return layout_; }
  // What became of it since it was confirmed last, and where it was then.
  Origin origin() const { return origin_; }
  const std::string& former_path() const { return former_path_; }
  // From now on it is itself: what a move or a copy asks for was done, durably.
  Result<void> confirm();

 private:
  explicit DataDirectory(int lock_fd) : lock_fd_(lock_fd) {}
  Result<void> identify(const std::string& given_path);

  int lock_fd_;
  DataLayout layout_;
  Origin origin_ = Origin::same;
  std::string former_path_;
  std::string identity_;  // the text of the file, once it is confirmed
};

}  // namespace slicemill::master
