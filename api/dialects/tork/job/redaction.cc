#include "api/dialects/tork/job/redaction.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/runtime/ascii.h"

namespace slicemill::api::tork {
namespace {

constexpr std::array<std::string_view, 3> kSecretNames = {"secret", "password", "access_key"};

// Members that hold texts by names that users chose; `tasks` only where it is a map of results.
constexpr std::array<std::string_view, 6> kMaps = {"env", "files", "opts", "inputs", "headers", "tasks"};

// Members that no user writes.
constexpr std::array<std::string_view, 14> kOwnMembers = {
    "id",        "jobId",       "parentId", "nodeId",   "state",     "createdAt", "scheduledAt",
    "startedAt", "completedAt", "failedAt", "deleteAt", "createdBy", "cron",      "schedule"};

bool is_one_of(const auto& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

bool says_secret(std::string_view name) {
  const std::string word = lower(name);
  return std::ranges::any_of(kSecretNames, [&](std::string_view part) { return word.find(part) != word.npos; });
}

void mask_all(Json& map) {
  if (!map.is_object()) return;
  for (auto& [name, value] : map.items()) value = kRedacted;
}

}  // namespace

Redaction::Redaction(const TextMap& secrets) {
  for (const auto& [name, value] : secrets)
    if (!value.empty()) values_.push_back(value);
  std::ranges::stable_sort(values_, [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

std::string Redaction::text(std::string_view text) const {
  std::string out;
  std::vector<std::size_t> next(values_.size());
  for (std::size_t i = 0; i < values_.size(); ++i) next[i] = text.find(values_[i]);
  for (std::size_t at = 0;;) {
    const auto first = std::ranges::min_element(next);  // of equal ones the first, which is the longest
    if (first == next.end() || *first == text.npos) return out.append(text.substr(at));
    out += text.substr(at, *first - at);
    out += kRedacted;
    at = *first + values_[static_cast<std::size_t>(first - next.begin())].size();
    for (std::size_t i = 0; i < values_.size(); ++i)
      if (next[i] < at) next[i] = text.find(values_[i], at);
  }
}

void Redaction::apply_to_map(Json& map) const {
  for (auto& [name, value] : map.items()) {
    if (says_secret(name)) {
      value = kRedacted;
    } else if (value.is_string()) {
      value = text(value.get_ref<const std::string&>());
    }
  }
}

void Redaction::apply(Json& document) const {
  if (document.is_string()) {
    document = text(document.get_ref<const std::string&>());
  } else if (document.is_array()) {
    for (auto& item : document) apply(item);
  } else if (document.is_object()) {
    for (auto& [name, value] : document.items()) {
      if (name == "secrets") {
        mask_all(value);
      } else if (value.is_object() && is_one_of(kMaps, name)) {
        apply_to_map(value);
      } else if (name == "password") {
        value = kRedacted;
      } else if (!is_one_of(kOwnMembers, name)) {
        apply(value);
      }
    }
  }
}

}  // namespace slicemill::api::tork
