#include "api/dialects/teraslice/job/job_params.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "api/dialects/teraslice/job/job_graph.h"
#include "api/dialects/teraslice/job/teraslice_job.h"
#include "core/runtime/text.h"

namespace slicemill::api::teraslice {
namespace {

constexpr std::string_view kOpening = "${", kEscaped = "$${", kDefaultMark = ":-";

bool is_scalar(const Json& value) {
  return value.is_string() || value.is_number() || value.is_boolean();
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : to_compact_text(value);
}

bool has_opening(const Json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().find(kOpening) != std::string::npos;
  return value.is_structured() && std::any_of(value.begin(), value.end(), has_opening);
}

// What stands between "${" and "}".
struct Reference {
  std::string name;
  std::optional<std::string> fallback;
};

std::optional<Reference> parse_reference(std::string_view inside) {
  const auto mark = inside.find(kDefaultMark);
  const std::string_view name = inside.substr(0, mark);
  if (!is_param_name(name)) return std::nullopt;
  Reference reference{std::string(name), std::nullopt};
  if (mark != std::string_view::npos) reference.fallback = inside.substr(mark + kDefaultMark.size());
  return reference;
}

// How a text is treated.
enum class Use {
  resolved,  // parameters in it get their values
  as_it_is,  // nothing in it is one; if it looks so, that is said
};

class Substitution {
 public:
  Substitution(const Json& posted, const OperationCatalog& catalog, const ParamRules& rules, ResolvedParams& out)
      : catalog_(catalog), rules_(rules), out_(out) {
    const auto declared = posted.find("params");
    if (declared != posted.end() && !declared->is_null()) declared_ = &*declared;
    has_params_ = declared_ != nullptr || !rules.given.empty();
  }

  void run() {
    if (declared_ != nullptr) take_issue(check_params(*declared_));
    take_issue(check_params(rules_.given));
    if (!out_.issues.empty()) return;
    for (auto& [key, value] : out_.job.items()) top_level(key, value);
    check_given();
    take_declared();
    for (const Json* source : {&rules_.earlier, &rules_.given}) {
      for (const auto& [name, value] : source->items())
        if (is_known(name) && !value.is_null()) out_.given[name] = value;
    }
  }

 private:
  void take_issue(const Result<void>& checked) {
    if (!checked) out_.issues.push_back({{}, checked.error().message});
  }

  void top_level(const std::string& key, Json& value) {
    std::vector<std::string> place = {key};
    if (key == "params") return;
    const bool has_operations = std::ranges::find(kOperationLists, key) != kOperationLists.end();
    if ((has_operations || key == "apis") && value.is_array()) {
      for (std::size_t i = 0; i < value.size(); ++i) {
        place.push_back(std::to_string(i));
        holder(key, value[i], place);
        place.pop_back();
      }
      return;
    }
    const auto& known = job_options();
    const auto spec = std::ranges::find(known, key, &OptionSpec::name);
    if (spec != known.end() && spec->is_code) return walk(value, place, &*spec, use_of(&*spec));
    walk(value, place, spec != known.end() ? &*spec : nullptr, use_of(nullptr));
  }

  void holder(const std::string& list, Json& value, std::vector<std::string>& place) {
    if (!value.is_object()) return walk(value, place, nullptr, use_of(nullptr));
    const auto name = value.find(list == "apis" ? "_name" : "_op");
    const auto* schema = name != value.end() && name->is_string() ? schema_of(name->get<std::string>()) : nullptr;
    for (auto& [key, member] : value.items()) {
      const OptionSpec* spec = nullptr;
      if (schema != nullptr) {
        const auto found = std::ranges::find(schema->options, key, &OptionSpec::name);
        if (found != schema->options.end()) spec = &*found;
      }
      place.push_back(key);
      walk(member, place, spec, use_of(spec));
      place.pop_back();
    }
  }

  // Of an operation, or of the api that holds its options.
  const OperationSchema* schema_of(std::string_view name) const {
    constexpr std::string_view kApi = "_api";
    name = name.substr(0, std::min(name.find('@'), name.find(':')));
    if (const auto* schema = catalog_.find(name)) return schema;
    return name.ends_with(kApi) ? catalog_.find(name.substr(0, name.size() - kApi.size())) : nullptr;
  }

  Use use_of(const OptionSpec* spec) const {
    if (has_params_) return Use::resolved;
    if (rules_.of_file) return spec != nullptr && spec->is_code ? Use::as_it_is : Use::resolved;
    return spec != nullptr && spec->is_path ? Use::resolved : Use::as_it_is;
  }

  // spec: of the option, if the value is all of it.
  void walk(Json& value, std::vector<std::string>& place, const OptionSpec* spec, Use use) {
    if (value.is_string()) return text(value, place, spec, use);
    if (value.is_object()) {
      for (auto& [key, member] : value.items()) {
        place.push_back(key);
        walk(member, place, nullptr, use);
        place.pop_back();
      }
    } else if (value.is_array()) {
      for (std::size_t i = 0; i < value.size(); ++i) {
        place.push_back(std::to_string(i));
        walk(value[i], place, nullptr, use);
        place.pop_back();
      }
    }
  }

  void text(Json& value, const std::vector<std::string>& place, const OptionSpec* spec, Use use) {
    const std::string given = value.get<std::string>();
    const auto opening = given.find(kOpening);
    if (opening == std::string::npos) return;
    if (use == Use::as_it_is) return remark(given, place);
    std::string made;
    std::size_t done = 0;
    bool is_whole = false, is_unset = false;
    for (std::size_t at = opening; at != std::string::npos; at = given.find(kOpening, done)) {
      if (at > done && given[at - 1] == '$') {  // "$${"
        made.append(given, done, at - 1 - done).append(kOpening);
        done = at + kOpening.size();
        continue;
      }
      made.append(given, done, at - done);
      const auto end = given.find('}', at);
      const auto reference = end == std::string::npos
                                 ? std::nullopt
                                 : parse_reference(std::string_view(given).substr(at + 2, end - at - 2));
      if (!reference) return refuse(place, std::string_view(given).substr(at, end - at + (end != std::string::npos)));
      const auto found = value_of(*reference);
      if (!found) {
        if (!rules_.may_be_unset) return refuse_unset(place, reference->name);
        is_unset = true;
        made.append(given, at, end + 1 - at);
      } else {
        made += *found;
      }
      done = end + 1;
      is_whole = at == 0 && done == given.size();
    }
    if (is_unset) {
      out_.unset.push_back(place);
      return;  // the text stays
    }
    made.append(given, done);
    value = is_whole ? whole(std::move(made), spec) : Json(std::move(made));
  }

  // What an option is, if a parameter is all of it: the schema makes of a text what it wants to have, but for options
  // that may be anything.
  static Json whole(std::string text, const OptionSpec* spec) {
    if (spec == nullptr || spec->type == OptionType::text || spec->type == OptionType::text_list) return text;
    if (spec->type == OptionType::bytes || spec->type == OptionType::duration_ms) return text;
    const auto parsed = parse_json(text);
    if (parsed && is_scalar(*parsed)) return *parsed;
    return text;
  }

  const Json* given_value(const std::string& name) const {
    for (const Json* source : {&rules_.given, &rules_.earlier}) {
      const auto found = source->find(name);
      if (found != source->end() && !found->is_null()) return &*found;
    }
    if (declared_ == nullptr) return nullptr;
    const auto found = declared_->find(name);
    return found != declared_->end() && !found->is_null() ? &*found : nullptr;
  }

  std::optional<std::string> value_of(const Reference& reference) {
    used_.insert(reference.name);
    const Json* value = given_value(reference.name);
    const std::string text = value != nullptr ? text_of(*value) : std::string();
    if (reference.fallback && text.empty()) {
      if (!out_.values.contains(reference.name)) out_.values[reference.name] = *reference.fallback;
      return reference.fallback;
    }
    if (value == nullptr) return std::nullopt;
    out_.values[reference.name] = *value;
    return text;
  }

  void refuse(const std::vector<std::string>& place, std::string_view what) {
    constexpr std::size_t kShown = 60;
    const std::string shown(what.substr(0, kShown));
    out_.issues.push_back(
        {place,
         fmt::format("{} is no parameter: that is ${{NAME}} or ${{NAME:-default}}, with a name of letters, digits "
                     "and _; a literal text is written ${}",
                     shown, shown)});
  }

  void refuse_unset(const std::vector<std::string>& place, const std::string& name) {
    out_.issues.push_back(
        {place,
         fmt::format("${{{0}}} has no value: give one (--set {0}=..., or \"params\": {{\"{0}\": ...}}), or a default "
                     "(${{{0}:-...}}); a literal text is written $${{{0}}}",
                     name)});
  }

  // For a text in which nothing is a parameter.
  void remark(const std::string& given, const std::vector<std::string>& place) {
    for (auto at = given.find(kOpening); at != std::string::npos; at = given.find(kOpening, at + 1)) {
      const auto end = given.find('}', at);
      if (end == std::string::npos) return;
      const auto reference = parse_reference(std::string_view(given).substr(at + 2, end - at - 2));
      if (!reference || (at > 0 && given[at - 1] == '$')) continue;
      JobWarning warning{.kind = JobWarning::Kind::ambiguous,
                         .field = place.back(),
                         .description = fmt::format("${{{0}}} stays as it is; it would be a parameter if the job had "
                                                    "`params`",
                                                    reference->name)};
      if (place.size() > 2) {
        warning.holder = place.front() == "apis" ? JobWarning::Holder::api : JobWarning::Holder::operation;
        warning.field = place[2];
        warning.place = fmt::format("{}[{}]", place[0], place[1]);
        const Json& holder = out_.job.at(place[0]).at(std::stoul(place[1]));
        warning.name = operation_name(holder.value(place.front() == "apis" ? "_name" : "_op", ""));
      }
      out_.warnings.push_back(std::move(warning));
      return;
    }
  }

  bool is_known(const std::string& name) const {
    return used_.contains(name) || (declared_ != nullptr && declared_->contains(name));
  }

  void check_given() {
    std::vector<std::string> known(used_.begin(), used_.end());
    if (declared_ != nullptr)
      for (const auto& [name, value] : declared_->items()) known.push_back(name);
    for (const auto& [name, value] : rules_.given.items()) {
      if (is_known(name)) continue;
      const auto near = nearest_word(name, known);
      out_.issues.push_back({{"params", name},
                             fmt::format("the job has no ${{{}}}{}", name,
                                         near ? fmt::format("; did you mean {}?", *near) : std::string())});
    }
    if (declared_ == nullptr) return;
    for (const auto& [name, value] : declared_->items()) {
      if (used_.contains(name)) continue;
      out_.warnings.push_back({.kind = JobWarning::Kind::no_effect,
                               .field = "params",
                               .description = fmt::format("nothing in the job is ${{{}}}", name)});
    }
  }

  void take_declared() {
    if (declared_ == nullptr) return;
    for (const auto& [name, value] : declared_->items())
      if (const Json* present = given_value(name); present != nullptr && !out_.values.contains(name))
        out_.values[name] = *present;
  }

  const OperationCatalog& catalog_;
  const ParamRules& rules_;
  ResolvedParams& out_;
  const Json* declared_ = nullptr;
  bool has_params_ = false;
  std::set<std::string> used_;
};

}  // namespace

std::optional<ResolvedParams> resolve_params(const Json& posted, const OperationCatalog& catalog,
                                             const ParamRules& rules) {
  if (!posted.is_object() || (rules.given.empty() && !posted.contains("params") && !has_opening(posted)))
    return std::nullopt;
  ResolvedParams out;
  out.job = posted;
  Substitution(posted, catalog, rules, out).run();
  out.job.erase("params");
  return out;
}

void escape_params(Json& value) {
  if (value.is_string()) {
    std::string text = value.get<std::string>();
    for (auto at = text.find(kOpening); at != std::string::npos; at = text.find(kOpening, at + kEscaped.size()))
      text.insert(at, "$");
    value = std::move(text);
  } else if (value.is_structured()) {
    for (auto& member : value) escape_params(member);
  }
}

Json without_params(const Json& resolved) {
  Json job = resolved;
  job.erase("params");
  job.erase("params_given");
  if (!has_opening(job)) return job;
  escape_params(job);
  job["params"] = Json::object();
  return job;
}

}  // namespace slicemill::api::teraslice
