// A disk in memory that all simulated processes share. It forgets what was not synced when the power fails, it can be
// full, and it tells of every file that got a visible name.
//
// Contents are durable after sync(); names are durable after sync_directory() of their directory, and then so is every
// change of names before it, as a journalling file system keeps them in order.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/runtime/files.h"
#include "tests/simulation/world.h"

namespace slicemill::simulation {

class Disk {
 public:
  explicit Disk(World& world) : world_(world) {}

  // The view of one process. The process must outlive it.
  std::unique_ptr<Files> files_of(Process& process);
  // Names that were not made durable are gone, and so are contents.
  void lose_power();
  // Somebody else puts a file there.
  void put(const std::string& path, std::string content);
  void take_away(const std::string& path);

  bool is_full = false;
  double io_errors = 0;          // odds per change
  bool syncs_nothing = false;    // a planted fault: contents are never durable
  bool renames_replace = false;  // a planted fault: rename_no_replace replaces

  // A file got this name by a rename.
  std::function<void(Process&, const std::string& name, const std::string& content, bool replaced)> on_renamed;

  struct Inode {
    std::string data;
    std::string durable;
    std::uint64_t number = 0;
    std::int64_t mtime_ns = 0;
  };
  struct Node {
    bool is_directory = false;
    std::shared_ptr<Inode> inode;
  };
  using Tree = std::map<std::string, Node>;
  const Tree& tree() const { return tree_; }

 private:
  class View;
  class Writing;
  class Reading;
  struct Change {
    enum class Kind { make_directory, create, rename, remove } kind;
    std::string path;
    std::string to;
    std::shared_ptr<Inode> inode;
  };
  static void apply(Tree& tree, const Change& change);
  void change(Change change);

  World& world_;
  Tree tree_{{"/", {true, nullptr}}};
  Tree durable_{{"/", {true, nullptr}}};
  std::vector<Change> changes_;  // since then
  std::uint64_t next_inode_ = 1;
};

}  // namespace slicemill::simulation
