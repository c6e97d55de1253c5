#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "api/dialects/tork/job/cron.h"
#include "api/dialects/tork/job/job_reading.h"
#include "core/expression/characters.h"
#include "core/expression/printed_numbers.h"
#include "core/expression/template_text.h"

namespace slicemill::api::tork {
namespace {

constexpr std::size_t kMostLines = 100;

// Queues that the system keeps for itself.
constexpr std::array<std::string_view, 9> kOwnQueues = {"pending", "started", "completed", "error",       "heartbeat",
                                                        "jobs",    "logs",    "progress",  "redeliveries"};
constexpr std::string_view kNodeQueue = "x-";  // begins the name of a queue of a node

constexpr std::string_view kDigits = "0123456789";

bool is_queue_of_users(std::string_view name) {
  return !name.starts_with(kNodeQueue) && std::ranges::find(kOwnQueues, name) == kOwnQueues.end();
}

// "2", ".5", "1.": the digits and at most one point at the head of a text.
std::string_view decimal_head(std::string_view text) {
  const auto point = std::min(text.find_first_not_of(kDigits), text.size());
  if (point == text.size() || text[point] != '.') return text.substr(0, point);
  return text.substr(0, std::min(text.find_first_not_of(kDigits, point + 1), text.size()));
}

bool is_decimal_number(std::string_view text) {
  return decimal_head(text).size() == text.size() && text.find_first_of(kDigits) != text.npos;
}

// "10m", "1.5 GB", "512".
bool is_memory_size(std::string_view text) {
  const auto number = decimal_head(text);
  if (!is_decimal_number(number) || number[0] == '.') return false;
  auto unit = text.substr(number.size());
  if (unit.starts_with(' ')) unit.remove_prefix(1);
  const auto is_one_of = [&](std::string_view letters) {
    if (unit.empty() || letters.find(unit[0]) == letters.npos) return false;
    unit.remove_prefix(1);
    return true;
  };
  if (is_one_of("kKmMgGtTpP")) is_one_of("iI");
  is_one_of("bB");
  return unit.empty();
}

// Below the directory in which a task runs.
bool is_inner_path(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.back() == '/') return false;
  for (;;) {
    const auto slash = path.find('/');
    const auto part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == path.npos) return true;
    path.remove_prefix(slash + 1);
  }
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && name.find('=') == name.npos;
}

bool is_mount_path(std::string_view path) {
  constexpr std::string_view kAllowed = "-/.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_= ";
  return path.find_first_not_of(kAllowed) == path.npos;
}

// The rule that a text breaks; "" if none.
std::string_view broken_check(const std::string& text, Check check) {
  switch (check) {
    case Check::expression:
      return expression::parse_bare(text) ? "" : "expr";
    case Check::duration:
      return expression::parse_duration(text) ? "" : "duration";
    case Check::queue:
      return is_queue_of_users(text) ? "" : "queue";
    case Check::cron:
      return check_cron(text) ? "" : "cron";
    case Check::cpus:
      return is_decimal_number(text) ? "" : "cpus";
    case Check::memory:
      return is_memory_size(text) ? "" : "memory";
    default:
      return "";
  }
}

std::string_view broken_mount(const Mount& mount) {
  if (mount.type.empty()) return "typerequired";
  if (mount.type == "volume" && !mount.source.empty()) return "sourcenotempty";
  if (mount.type == "volume" && mount.target.empty()) return "targetrequired";
  if (mount.type == "bind" && mount.source.empty()) return "sourcerequired";
  if (!is_mount_path(mount.source)) return "invalidsource";
  if (!is_mount_path(mount.target) || mount.target == "/tork") return "invalidtarget";
  return "";
}

// Walks a job and notes what is wrong, in the order of its fields.
class RuleWalk {
 public:
  RuleWalk(const Accounts& accounts, const std::function<bool(const std::string&)>& given_empty)
      : accounts_(accounts), given_empty_(given_empty) {}

  std::string run(const TorkJob& job, JobKind kind) {
    key_ = kind == JobKind::job ? "Job" : "ScheduledJob";
    visit_job(field(), job, kind);
    return std::move(lines_);
  }

 private:
  struct Field {
    RuleWalk& walk;
    void operator()(std::string_view, std::string_view shown, const auto& member, const Rules& rules) const {
      walk.look_at(shown, member, rules);
    }
  };
  Field field() { return {*this}; }

  template <typename T>
  void look_at(std::string_view shown, const T& member, const Rules& rules) {
    const auto outer = key_.size();
    key_ += fmt::format(".{}", shown);
    const auto tag = broken(member, rules);
    if (tag.empty()) {
      dive(member);
    } else {
      report(key_, shown, tag);
    }
    key_.resize(outer);
  }

  void report(std::string_view key, std::string_view shown, std::string_view tag) {
    if (++count_ > kMostLines) return;
    if (!lines_.empty()) lines_ += '\n';
    lines_ += fmt::format("Key: '{}' Error:Field validation for '{}' failed on the '{}' tag", key, shown, tag);
  }
  // About the whole of what is looked at.
  void report_whole(std::string_view shown, std::string_view tag) {
    report(fmt::format("{}.{}", key_, shown), shown, tag);
  }

  std::string_view broken(const std::string& text, const Rules& rules) const {
    if (text.empty()) return rules.required ? "required" : "";
    if (rules.most < INT64_MAX && expression::count_characters(text) > static_cast<std::size_t>(rules.most))
      return "max";
    return broken_check(text, rules.check);
  }
  std::string_view broken(std::int64_t number, const Rules& rules) const {
    if (number == 0 && rules.required) return "required";
    return number < rules.least ? "min" : number > rules.most ? "max" : "";
  }
  std::string_view broken(const TextMap& map, const Rules& rules) const {
    for (const auto& [name, text] : map) {
      if (rules.check == Check::file_names && !is_inner_path(name)) return "filename";
      if (rules.check == Check::variable_names && !is_variable_name(name)) return "envname";
    }
    return "";
  }
  template <typename T>
  std::string_view broken(const std::vector<T>& list, const Rules& rules) const {
    if (!list.empty() || !rules.required) return "";
    return given_empty_(key_) ? "min" : "required";
  }
  template <typename T>
  std::string_view broken(const std::optional<T>& value, const Rules& rules) const {
    return rules.required && !value ? "required" : "";
  }
  template <typename T>
  std::string_view broken(const Box<T>&, const Rules&) const {
    return "";
  }
  std::string_view broken(bool, const Rules&) const { return ""; }

  template <typename T>
  void dive(const T& value) {
    if constexpr (requires { Fields<T>::kType; }) {
      Fields<T>::visit(field(), value);
      judge(value);
    }
  }
  template <typename T>
  void dive(const std::vector<T>& list) {
    const auto outer = key_.size();
    for (std::size_t i = 0; i < list.size(); ++i) {
      key_ += fmt::format("[{}]", i);
      dive(list[i]);
      key_.resize(outer);
    }
  }
  template <typename T>
  void dive(const std::optional<T>& value) {
    if (value) dive(*value);
  }
  template <typename T>
  void dive(const Box<T>& value) {
    if (value) dive(*value);
  }

  // ---- rules over several fields ----
  template <typename T>
  void judge(const T&) {}

  void judge(const Each& each) {
    if (each.task) return;
    const auto outer = key_.size();
    key_ += ".Task";  // a task that is missing lacks what a task must have
    dive(Task{});
    key_.resize(outer);
  }

  void judge(const Mount& mount) {
    if (const auto tag = broken_mount(mount); !tag.empty()) report_whole("mount", tag);
  }

  void judge(const Permission& permission) {
    if (permission.user.empty() == permission.role.empty()) report_whole("perm", "roleoruser");
    if (!permission.user.empty() && accounts_.has_user && !accounts_.has_user(permission.user))
      report_whole("perm", "invalidusername");
    if (!permission.role.empty() && accounts_.has_role && !accounts_.has_role(permission.role))
      report_whole("perm", "invalidrole");
  }

  void judge(const Task& task) {
    const auto exclude = [&](bool both, std::string_view first, std::string_view second, std::string_view tag) {
      if (!both) return;
      report_whole(first, tag);
      report_whole(second, tag);
    };
    exclude(task.parallel && task.each, "each", "parallel", "paralleloreach");
    exclude(task.parallel && task.subjob, "subjob", "parallel", "parallelorsubjob");
    exclude(task.each && task.subjob, "subjob", "each", "eachorsubjob");
    if (!task.is_composite()) return;
    const auto forbid = [&](bool is_given, std::string_view name) {
      if (is_given) report_whole(name, "invalidcompositetask");
    };
    forbid(!task.image.empty(), "image");
    forbid(!task.cmd.empty(), "cmd");
    forbid(!task.entrypoint.empty(), "entrypoint");
    forbid(!task.run.empty(), "run");
    forbid(!task.env.empty(), "env");
    forbid(!task.queue.empty(), "queue");
    forbid(!task.pre.empty(), "pre");
    forbid(!task.post.empty(), "post");
    forbid(!task.mounts.empty(), "mounts");
    forbid(task.retry.has_value(), "retry");
    forbid(task.limits.has_value(), "limits");
    forbid(!task.timeout.empty(), "timeout");
  }

  const Accounts& accounts_;
  const std::function<bool(const std::string&)>& given_empty_;
  std::string key_;
  std::string lines_;
  std::size_t count_ = 0;
};

}  // namespace

std::string broken_rules(const TorkJob& job, JobKind kind, const Accounts& accounts,
                         const std::function<bool(const std::string&)>& given_empty) {
  return RuleWalk(accounts, given_empty).run(job, kind);
}

}  // namespace slicemill::api::tork
