#include "core/model/job_dates.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/query/date_period.h"

namespace slicemill {
namespace {

struct Word {
  std::string_view name;
  std::string_view moment;  // as the grammar of filters has it
  bool is_day;
};
constexpr std::array kWords = {Word{"now", "now", false}, Word{"today", "now", true}, Word{"yesterday", "now-1d", true},
                               Word{"tomorrow", "now+1d", true}};

const Word* word_of(std::string_view text) {
  for (const Word& word : kWords) {
    if (!text.starts_with(word.name)) continue;
    const std::string_view rest = text.substr(word.name.size());
    if (rest.empty() || rest.front() == '+' || rest.front() == '-' || rest.front() == '/') return &word;
  }
  return nullptr;
}

}  // namespace

bool is_relative_date(std::string_view text) {
  return word_of(text) != nullptr;
}

Result<std::string> resolve_relative_date(std::string_view text, DateUse use, WallMs now) {
  const Word* word = word_of(text);
  if (word != nullptr) {
    std::string moment = std::string(word->moment) + std::string(text.substr(word->name.size()));
    if (word->is_day && moment.find('/') == std::string::npos) moment += "/d";
    if (const auto period = query::parse_date_period(moment, now))
      return to_iso(use == DateUse::until ? period->last : period->first);
  }
  return Error(
      ErrorCode::invalid,
      fmt::format("\"{}\" is no date; dates that count from the start are written as now-1d, now-1h/h, today-7d "
                  "(units: y M w d h m s)",
                  text),
      false);
}

bool resolve_dates(const OperationSchema& schema, Json& options, WallMs now, std::vector<ValidationIssue>& issues) {
  bool found_one = false;
  for (const OptionSpec& spec : schema.options) {
    if (spec.date == DateUse::none) continue;
    const auto found = options.find(spec.name);
    if (found == options.end() || !found->is_string() || !is_relative_date(found->get_ref<const std::string&>()))
      continue;
    const auto resolved = resolve_relative_date(found->get_ref<const std::string&>(), spec.date, now);
    if (!resolved) {
      issues.push_back({{spec.name}, resolved.error().message});
      continue;
    }
    *found = *resolved;
    found_one = true;
  }
  return found_one;
}

}  // namespace slicemill
