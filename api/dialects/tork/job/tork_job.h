// Jobs as users of Tork post them, as typed values: what was posted, with nothing filled in. A text that was not given
// is
// "", a list or a map empty, a number 0.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace slicemill::api::tork {

using Texts = std::vector<std::string>;
using TextMap = std::map<std::string, std::string>;

// A value that may be missing, of a type that may hold itself; copied with what it holds.
template <typename T>
class Box {
 public:
  Box() = default;
  Box(T value) : value_(std::make_unique<T>(std::move(value))) {}  // NOLINT(google-explicit-constructor)
  Box(const Box& other) : value_(other.value_ ? std::make_unique<T>(*other.value_) : nullptr) {}
  Box(Box&&) noexcept = default;
  Box& operator=(Box other) noexcept {
    value_ = std::move(other.value_);
    return *this;
  }
  ~Box() = default;

  explicit operator bool() const { return value_ != nullptr; }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return value_.get(); }
  const T* operator->() const { return value_.get(); }
  T& emplace() {
    value_ = std::make_unique<T>();
    return *value_;
  }

 private:
  std::unique_ptr<T> value_;
};

struct Retry {
  std::int64_t limit = 0;  // runs after the first one; they begin at once
};

struct Limits {
  std::string cpus;    // ".5"
  std::string memory;  // "10m"
};

struct Registry {
  std::string username;
  std::string password;
};

struct Mount {
  std::string type;  // "volume", "bind", "tmpfs", or another that a runtime knows
  std::string source;
  std::string target;
  TextMap opts;
};

struct Probe {
  std::string path;
  std::int64_t port = 0;
  std::string timeout;
};

// A task of `pre` or `post`: runs where the task runs, before or after.
struct AuxTask {
  std::string name;
  std::string description;
  Texts cmd;
  Texts entrypoint;
  std::string run;
  std::string image;
  std::optional<Registry> registry;
  TextMap env;
  TextMap files;
  std::string timeout;
};

struct Sidecar : AuxTask {
  std::optional<Probe> probe;
};

struct AutoDelete {
  std::string after;
};

struct Wait {
  std::string timeout;
};

struct Schedule {
  std::string cron;
};

struct Webhook {
  std::string url;
  TextMap headers;
  std::string event;
  std::string condition;  // `if`
};

struct Permission {
  std::string user;
  std::string role;
};

struct Defaults {
  std::optional<Retry> retry;
  std::optional<Limits> limits;
  std::string timeout;
  std::string queue;
  std::int64_t priority = 0;
};

struct Task;

struct Parallel {
  std::vector<Task> tasks;
};

struct Each {
  std::string var;  // "" stands for "item"
  std::string list;
  Box<Task> task;
  std::int64_t concurrency = 0;  // 0: all at once
};

struct SubJob {
  std::string name;
  std::string description;
  std::vector<Task> tasks;
  TextMap inputs;
  TextMap secrets;
  std::optional<AutoDelete> auto_delete;
  std::string output;
  bool is_detached = false;
  std::vector<Webhook> webhooks;
};

struct Task {
  std::string name;
  std::string description;
  Texts cmd;
  Texts entrypoint;
  std::string run;
  std::string image;
  std::optional<Registry> registry;
  TextMap env;
  TextMap files;
  std::string queue;
  std::vector<AuxTask> pre;
  std::vector<AuxTask> post;
  std::vector<Sidecar> sidecars;
  std::vector<Mount> mounts;
  Texts networks;
  std::optional<Retry> retry;
  std::optional<Limits> limits;
  std::string timeout;
  std::string var;
  std::string condition;  // `if`
  Box<Parallel> parallel;
  Box<Each> each;
  Box<SubJob> subjob;
  std::string gpus;
  Texts tags;
  std::string workdir;
  std::int64_t priority = 0;  // 0 to 9; 9 goes first

  bool is_composite() const { return parallel || each || subjob; }
};

// A job, or a scheduled job: only the latter has a schedule, only the former may be waited for.
struct TorkJob {
  std::string name;
  std::string description;
  Texts tags;
  std::vector<Task> tasks;
  TextMap inputs;
  TextMap secrets;
  std::string output;
  std::optional<Defaults> defaults;
  std::vector<Webhook> webhooks;
  std::vector<Permission> permissions;
  std::optional<AutoDelete> auto_delete;
  std::optional<Wait> wait;
  std::optional<Schedule> schedule;
};

}  // namespace slicemill::api::tork
