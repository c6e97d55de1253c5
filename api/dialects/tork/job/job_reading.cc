#include "api/dialects/tork/job/job_reading.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <vector>

#include "core/runtime/ascii.h"
#include "core/runtime/json.h"
#include "core/runtime/text.h"
#include "core/runtime/yaml_text.h"

namespace slicemill::api::tork {
namespace {

constexpr std::size_t kMostProblems = 20;

// Fields that users know from elsewhere, and what to do instead.
struct KnownElsewhere {
  std::string_view type;
  std::string_view name;
  std::string_view hint;
};
constexpr std::array kKnownElsewhere = {
    KnownElsewhere{"Retry", "initialDelay", "a retry begins at once, and has only a limit"},
    KnownElsewhere{"Retry", "scalingFactor", "a retry begins at once, and has only a limit"},
    KnownElsewhere{"Job", "schedule", "a job with a schedule is posted to /scheduled-jobs"},
    KnownElsewhere{"ScheduledJob", "wait", "nothing can wait for a job with a schedule"},
};

template <typename T>
std::string type_name(const T&) {
  return fmt::format("input.{}", Fields<T>::kType);
}
std::string type_name(const std::string&) {
  return "string";
}
std::string type_name(const std::int64_t&) {
  return "int";
}
std::string type_name(const bool&) {
  return "bool";
}
std::string type_name(const Texts&) {
  return "[]string";
}
std::string type_name(const TextMap&) {
  return "map[string]string";
}
template <typename T>
std::string type_name(const std::vector<T>&) {
  return fmt::format("[]input.{}", Fields<T>::kType);
}

std::string_view kind_in_json(const Json& value) {
  if (value.is_boolean()) return "bool";
  if (value.is_number()) return "number";
  return value.type_name();
}

std::string_view kind_in_yaml(const Json& value) {
  return value.is_array() ? "!!seq" : value.is_object() ? "!!map" : "!!str";
}

std::optional<bool> yaml_truth(std::string_view word) {
  for (const std::string_view yes : {"true", "yes", "on", "y"})
    if (is_same_word(word, yes)) return true;
  for (const std::string_view no : {"false", "no", "off", "n"})
    if (is_same_word(word, no)) return false;
  return {};
}

// Walks a document and a job side by side.
class JobReader {
 public:
  JobReader(std::string_view text, BodyFormat format, JobKind kind)
      : text_(text), format_(format), root_(kind == JobKind::job ? "Job" : "ScheduledJob"), kind_(kind), key_(root_) {}

  Result<TorkJob> read() {
    auto document = format_ == BodyFormat::json ? parse_json(text_, kDocumentMemory) : parse_yaml_as_written(text_);
    if (trimmed(text_).empty() || (document && document->is_null() && format_ == BodyFormat::yaml))
      return Error{ErrorCode::invalid, "EOF", false};
    if (!document) return document.error();
    TorkJob job;
    if (document->is_object()) {
      members(*document, root_, [&](auto&& field) { visit_job(field, job, kind_); });
    } else if (!document->is_null()) {
      mismatch(*document, fmt::format("input.{}", root_));
    }
    if (!problems_.empty()) return complaint();
    return job;
  }

  bool was_given_empty(const std::string& key) const { return given_empty_.contains(key); }

 private:
  // A step down in the document, taken back at the end of its scope.
  class Step {
   public:
    Step(JobReader& reader, std::string_view name, std::string_view shown)
        : reader_(reader), path_(reader.path_.size()), key_(reader.key_.size()), fields_(reader.fields_.size()) {
      reader.path_ += fmt::format("{}{}", reader.path_.empty() ? "" : ".", name);
      reader.key_ += fmt::format(".{}", shown);
      reader.fields_ += fmt::format(".{}", name);
    }
    Step(JobReader& reader, std::size_t index)
        : reader_(reader), path_(reader.path_.size()), key_(reader.key_.size()), fields_(reader.fields_.size()) {
      reader.path_ += fmt::format("[{}]", index);
      reader.key_ += fmt::format("[{}]", index);
    }
    ~Step() {
      reader_.path_.resize(path_);
      reader_.key_.resize(key_);
      reader_.fields_.resize(fields_);
    }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    JobReader& reader_;
    std::size_t path_;
    std::size_t key_;
    std::size_t fields_;
  };

  // Reads the fields that `visit` names, and complains about all others.
  template <typename Visit>
  void members(const Json& object, std::string_view type, Visit&& visit) {
    const std::string_view outer = std::exchange(type_, type);
    std::vector<std::string> known;
    std::vector<const Json*> taken;
    visit([&](std::string_view name, std::string_view shown, auto& member, const Rules& rules) {
      known.emplace_back(name);
      const Json* found = nullptr;
      for (const auto& [given, value] : object.items()) {
        if (!is_name_of(given, name) && (rules.alias.empty() || !is_name_of(given, rules.alias))) continue;
        taken.push_back(&value);
        const Step step(*this, given, shown);
        if (found != nullptr) {
          problem(fmt::format("the field {} is given twice", name), "");
        } else {
          read_value(value, member);
        }
        found = &value;
      }
    });
    for (const auto& [given, value] : object.items())
      if (std::ranges::find(taken, &value) == taken.end()) unknown(given, known);
    type_ = outer;
  }

  bool is_name_of(std::string_view given, std::string_view name) const {
    return format_ == BodyFormat::json ? is_same_word(given, name) : given == name;
  }

  void read_value(const Json& value, std::string& into) {
    if (value.is_string()) {
      into = value.get_ref<const std::string&>();
    } else if (!value.is_null()) {
      mismatch(value, type_name(into));
    }
  }

  void read_value(const Json& value, std::int64_t& into) {
    if (value.is_null()) return;
    if (format_ == BodyFormat::json) {
      if (value.is_number_integer() && !(value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX)) {
        into = value.get<std::int64_t>();
        return;
      }
    } else if (value.is_string()) {
      const auto& text = value.get_ref<const std::string&>();
      const auto read = std::from_chars(text.data(), text.data() + text.size(), into);
      if (!text.empty() && read.ec == std::errc() && read.ptr == text.data() + text.size()) return;
    }
    mismatch(value, type_name(into));
  }

  void read_value(const Json& value, bool& into) {
    if (value.is_null()) return;
    if (value.is_boolean()) {
      into = value.get<bool>();
      return;
    }
    const auto truth = format_ == BodyFormat::yaml && value.is_string()
                           ? yaml_truth(value.get_ref<const std::string&>())
                           : std::nullopt;
    if (!truth) return mismatch(value, type_name(into));
    into = *truth;
  }

  void read_value(const Json& value, TextMap& into) {
    if (value.is_null()) return;
    if (!value.is_object()) return mismatch(value, type_name(into));
    for (const auto& [name, item] : value.items()) {
      const Step step(*this, name, name);
      read_value(item, into[name]);
    }
  }

  template <typename T>
  void read_value(const Json& value, std::vector<T>& into) {
    if (value.is_null()) return;
    if (!value.is_array()) return mismatch(value, type_name(into));
    if (value.empty()) given_empty_.insert(key_);
    into.reserve(value.size());
    for (std::size_t i = 0; i < value.size(); ++i) {
      const Step step(*this, i);
      read_value(value[i], into.emplace_back());
    }
  }

  template <typename T>
  void read_value(const Json& value, std::optional<T>& into) {
    if (!value.is_null()) read_value(value, into.emplace());
  }
  template <typename T>
  void read_value(const Json& value, Box<T>& into) {
    if (!value.is_null()) read_value(value, into.emplace());
  }

  template <typename T>
  requires requires { Fields<T>::kType; }
  void read_value(const Json& value, T& into) {
    if (value.is_null()) return;
    if (!value.is_object()) return mismatch(value, type_name(into));
    members(value, Fields<T>::kType, [&](auto&& field) { Fields<T>::visit(field, into); });
  }

  void mismatch(const Json& value, const std::string& wanted) {
    if (format_ == BodyFormat::yaml)
      return problem(fmt::format("cannot unmarshal {} into {}", kind_in_yaml(value), wanted), "");
    if (path_.empty())
      return problem(fmt::format("json: cannot unmarshal {} into Go value of type {}", kind_in_json(value), wanted),
                     "");
    problem(fmt::format("json: cannot unmarshal {} into Go struct field {}{} of type {}", kind_in_json(value), type_,
                        fields_, wanted),
            "");
  }

  void unknown(const std::string& name, const std::vector<std::string>& known) {
    std::string hint;
    const auto* elsewhere = std::ranges::find_if(
        kKnownElsewhere, [&](const KnownElsewhere& one) { return one.type == type_ && is_same_word(one.name, name); });
    if (elsewhere != kKnownElsewhere.end()) {
      hint = elsewhere->hint;
    } else if (const auto near = nearest_word(name, known)) {
      hint = fmt::format("did you mean {}?", *near);
    }
    const Step step(*this, name, name);
    problem(format_ == BodyFormat::json ? fmt::format("json: unknown field \"{}\"", name)
                                        : fmt::format("field {} not found in type input.{}", name, type_),
            hint);
  }

  // With the place of the value that is looked at.
  void problem(std::string text, std::string_view hint) {
    if (problems_.size() == kMostProblems) return;
    if (!path_.empty()) text += fmt::format(" ({}{}{})", path_, hint.empty() ? "" : "; ", hint);
    if (format_ == BodyFormat::yaml)
      text = fmt::format("line {}: {}", std::max<std::size_t>(yaml_line_of(text_, path_), 1), text);
    problems_.push_back(std::move(text));
  }

  Error complaint() const {
    if (format_ == BodyFormat::json) return {ErrorCode::invalid, problems_.front(), false};
    return {ErrorCode::invalid, fmt::format("yaml: unmarshal errors:\n  {}", join(problems_, "\n  ")), false};
  }

  // 10 members: what is read, and where in it.
  std::string_view text_;
  BodyFormat format_;
  std::string_view root_;
  JobKind kind_;
  std::string path_;    // "tasks[0].each"
  std::string key_;     // "Job.Tasks[0].Each"
  std::string fields_;  // ".tasks.each"
  std::string_view type_;
  std::vector<std::string> problems_;
  std::set<std::string> given_empty_;
};

}  // namespace

Result<BodyFormat> body_format(std::string_view content_type) {
  const auto type = trimmed(content_type.substr(0, content_type.find(';')));
  if (type.empty()) return Error{ErrorCode::invalid, "missing content type", false};
  if (is_same_word(type, "application/json")) return BodyFormat::json;
  for (const std::string_view yaml : {"text/yaml", "application/x-yaml", "application/yaml", "text/x-yaml"})
    if (is_same_word(type, yaml)) return BodyFormat::yaml;
  return Error{ErrorCode::invalid, fmt::format("unknown content type: {}", content_type), false};
}

Result<TorkJob> read_job(std::string_view text, BodyFormat format, JobKind kind, const Accounts& accounts) {
  JobReader reader(text, format, kind);
  ASSIGN_OR_RETURN(auto job, reader.read());
  auto broken = broken_rules(job, kind, accounts, [&](const std::string& key) { return reader.was_given_empty(key); });
  if (!broken.empty()) return Error{ErrorCode::invalid, std::move(broken), false};
  return job;
}

}  // namespace slicemill::api::tork
