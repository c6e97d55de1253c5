#include "tests/simulation/sim_files.h"

#include <algorithm>
#include <cstring>

#include <fmt/core.h>

namespace slicemill::simulation {

namespace {

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

Error missing(const std::string& path) {
  return {ErrorCode::not_found, fmt::format("cannot open {}: No such file or directory", path)};
}

Error dead() {
  return {ErrorCode::cancelled, "the process is dead"};
}

}  // namespace

class Disk::Writing final : public WritableFile {
 public:
  Writing(Disk& disk, Process& process, std::shared_ptr<Inode> inode, std::string path)
      : disk_(disk), process_(process), inode_(std::move(inode)), path_(std::move(path)) {}

  Result<void> write(std::string_view bytes) override {
    if (!disk_.world_.step(process_, "file.write")) return dead();
    if (disk_.is_full) {
      inode_->data.append(bytes.substr(0, disk_.world_.below(bytes.size() + 1)));
      return Error(ErrorCode::no_space, fmt::format("cannot write {}: No space left on device", path_));
    }
    inode_->data.append(bytes);
    inode_->mtime_ns = disk_.world_.now();
    return {};
  }
  Result<void> sync() override {
    if (!disk_.world_.step(process_, "file.sync")) return dead();
    if (disk_.world_.chance(disk_.io_errors))
      return Error(ErrorCode::io, fmt::format("cannot sync {}: Input/output error", path_));
    if (!disk_.syncs_nothing) inode_->durable = inode_->data;
    return {};
  }
  Result<void> close() override { return {}; }

 private:
  Disk& disk_;
  Process& process_;
  std::shared_ptr<Inode> inode_;
  std::string path_;
};

class Disk::Reading final : public ReadableFile {
 public:
  explicit Reading(std::shared_ptr<Inode> inode) : inode_(std::move(inode)) {}
  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> buffer) override {
    if (offset >= inode_->data.size()) return std::size_t{0};
    const auto size = std::min<std::size_t>(buffer.size(), inode_->data.size() - offset);
    std::memcpy(buffer.data(), inode_->data.data() + offset, size);
    return size;
  }
  Result<FileStat> stat() override { return FileStat{false, inode_->data.size(), inode_->mtime_ns, inode_->number}; }

 private:
  std::shared_ptr<Inode> inode_;
};

class Disk::View final : public Files {
 public:
  View(Disk& disk, Process& process) : disk_(disk), process_(process) {}

  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override {
    RETURN_IF_ERROR(may_change("file.create", path));
    if (!disk_.tree_.contains(parent_of(path))) return missing(path);
    auto inode = std::make_shared<Inode>();
    inode->number = disk_.next_inode_++;
    inode->mtime_ns = disk_.world_.now();
    disk_.change({Change::Kind::create, path, "", inode});
    return std::unique_ptr<WritableFile>(std::make_unique<Writing>(disk_, process_, std::move(inode), path));
  }
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override {
    const auto found = disk_.tree_.find(path);
    if (found == disk_.tree_.end() || found->second.is_directory) return missing(path);
    return std::unique_ptr<ReadableFile>(std::make_unique<Reading>(found->second.inode));
  }
  Result<FileStat> stat(const std::string& path) override {
    const auto found = disk_.tree_.find(path);
    if (found == disk_.tree_.end()) return missing(path);
    if (found->second.is_directory) return FileStat{true, 0, 0, 0};
    const Inode& inode = *found->second.inode;
    return FileStat{false, inode.data.size(), inode.mtime_ns, inode.number};
  }
  Result<void> create_directories(const std::string& path) override {
    if (disk_.tree_.contains(path)) return {};
    RETURN_IF_ERROR(may_change("file.mkdir", path));
    for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
      const std::string directory = path.substr(0, slash);
      if (!disk_.tree_.contains(directory)) disk_.change({Change::Kind::make_directory, directory, "", nullptr});
      if (slash == std::string::npos) return {};
    }
  }
  Result<std::vector<std::string>> list(const std::string& path) override {
    if (!disk_.tree_.contains(path)) return missing(path);
    std::vector<std::string> names;
    const std::string prefix = path == "/" ? path : path + "/";
    for (auto node = disk_.tree_.upper_bound(prefix); node != disk_.tree_.end() && node->first.starts_with(prefix);
         ++node)
      if (node->first.find('/', prefix.size()) == std::string::npos) names.push_back(node->first.substr(prefix.size()));
    return names;
  }
  Result<void> rename_replace(const std::string& from, const std::string& to) override { return rename(from, to); }
  Result<void> rename_no_replace(const std::string& from, const std::string& to) override {
    if (!disk_.renames_replace && disk_.tree_.contains(to) && disk_.tree_.contains(from))
      return Error(ErrorCode::conflict, fmt::format("cannot rename {} to {}: File exists", from, to));
    return rename(from, to);
  }
  Result<void> sync_directory(const std::string& path) override {
    if (!disk_.world_.step(process_, "file.sync_directory")) return dead();
    if (!disk_.tree_.contains(path)) return missing(path);
    std::size_t upto = disk_.changes_.size();
    const auto touches = [&](const Change& change) {
      return parent_of(change.path) == path || (!change.to.empty() && parent_of(change.to) == path);
    };
    while (upto > 0 && !touches(disk_.changes_[upto - 1])) --upto;
    for (std::size_t i = 0; i < upto; ++i) apply(disk_.durable_, disk_.changes_[i]);
    disk_.changes_.erase(disk_.changes_.begin(), disk_.changes_.begin() + static_cast<std::ptrdiff_t>(upto));
    return {};
  }
  Result<void> remove(const std::string& path) override {
    const auto found = disk_.tree_.find(path);
    if (found == disk_.tree_.end()) return {};
    RETURN_IF_ERROR(may_change("file.remove", path, false));
    const auto next = std::next(found);
    if (found->second.is_directory && next != disk_.tree_.end() && next->first.starts_with(path + "/"))
      return Error(ErrorCode::io, fmt::format("cannot remove {}: Directory not empty", path));
    disk_.change({Change::Kind::remove, path, "", nullptr});
    return {};
  }
  Result<void> remove_tree(const std::string& path) override {
    RETURN_IF_ERROR(may_change("file.remove_tree", path, false));
    std::vector<std::string> below;
    for (auto node = disk_.tree_.lower_bound(path); node != disk_.tree_.end(); ++node) {
      if (node->first != path && !node->first.starts_with(path + "/")) {
        if (!node->first.starts_with(path)) break;
        continue;
      }
      below.push_back(node->first);
    }
    for (auto name = below.rbegin(); name != below.rend(); ++name) {
      if (!disk_.world_.step(process_, "file.remove_tree.one")) return dead();
      disk_.change({Change::Kind::remove, *name, "", nullptr});
    }
    return {};
  }

 private:
  // Before and after a change a process may die: the second step is the next operation's first.
  Result<void> may_change(std::string_view what, const std::string& path, bool takes_space = true) {
    if (!disk_.world_.step(process_, what)) return dead();
    if (disk_.is_full && takes_space)
      return Error(ErrorCode::no_space, fmt::format("cannot write {}: No space left on device", path));
    if (disk_.world_.chance(disk_.io_errors))
      return Error(ErrorCode::io, fmt::format("cannot write {}: Input/output error", path));
    return {};
  }
  Result<void> rename(const std::string& from, const std::string& to) {
    RETURN_IF_ERROR(may_change("file.rename", to, false));
    const auto found = disk_.tree_.find(from);
    if (found == disk_.tree_.end()) return missing(from);
    if (!disk_.tree_.contains(parent_of(to))) return missing(to);
    const auto inode = found->second.inode;
    const bool replaced = disk_.tree_.contains(to);
    disk_.change({Change::Kind::rename, from, to, inode});
    if (disk_.on_renamed) disk_.on_renamed(process_, to, inode->data, replaced);
    return {};
  }

  Disk& disk_;
  Process& process_;
};

std::unique_ptr<Files> Disk::files_of(Process& process) {
  return std::make_unique<View>(*this, process);
}

void Disk::put(const std::string& path, std::string content) {
  auto inode = std::make_shared<Inode>();
  inode->number = next_inode_++;
  inode->data = inode->durable = std::move(content);
  for (Tree* tree : {&tree_, &durable_}) {
    (*tree)[parent_of(path)] = {true, nullptr};
    (*tree)[path] = {false, inode};
  }
}

void Disk::take_away(const std::string& path) {
  tree_.erase(path);
  durable_.erase(path);
}

void Disk::apply(Tree& tree, const Change& change) {
  switch (change.kind) {
    case Change::Kind::make_directory:
      tree[change.path] = {true, nullptr};
      return;
    case Change::Kind::create:
      tree[change.path] = {false, change.inode};
      return;
    case Change::Kind::rename:
      tree.erase(change.path);
      tree[change.to] = {false, change.inode};
      return;
    case Change::Kind::remove:
      tree.erase(change.path);
      return;
  }
}

void Disk::change(Change change) {
  apply(tree_, change);
  changes_.push_back(std::move(change));
}

void Disk::lose_power() {
  // The journal may have been written further than anybody asked.
  const std::size_t kept = changes_.empty() ? 0 : world_.below(changes_.size() + 1);
  for (std::size_t i = 0; i < kept; ++i) apply(durable_, changes_[i]);
  changes_.clear();
  tree_ = durable_;
  for (auto& [path, node] : tree_) {
    if (!node.inode || node.inode->data == node.inode->durable) continue;
    node.inode->data = node.inode->durable;
  }
}

}  // namespace slicemill::simulation
