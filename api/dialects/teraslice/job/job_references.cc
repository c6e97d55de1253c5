#include "api/dialects/teraslice/job/job_references.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "api/dialects/teraslice/job/job_options.h"
#include "core/runtime/text.h"

namespace slicemill::api::teraslice {
namespace {

constexpr std::string_view kBundlePrefix = "asset:";
constexpr const char* kApiConnection = "connection";  // of an api, which may also call it _connection
constexpr const char* kOldApiName = "api_name";

// Apis of the dialect that hold the options of an operation that we have.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kApiOperations = {{
    {"file_reader_api", "file_reader"},
    {"file_sender_api", "file_exporter"},
}};

bool is_index(const std::string& part) {
  return !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
}

// How an issue that begins so is told to clients: its code, and the words that they match on.
struct IssueWords {
  std::string_view begin;
  std::string_view code;
  std::string_view shown;
};
constexpr std::array<IssueWords, 4> kIssueWords = {{
    {"expected one of ", "invalid_value", "Invalid option: expected one of "},
    {"expected ", "invalid_type", "Invalid input: expected "},
    {"a text is required", "invalid_type", "This field is required and must be of type string"},
    {"is required", "invalid_type", "is required"},
}};

Json issue_json(const ValidationIssue& issue) {
  Json path = Json::array();
  for (const auto& part : issue.path) {
    const auto index = is_index(part) ? parse_integer(part) : Result<std::int64_t>(Error());
    path.push_back(index ? Json(*index) : Json(part));
  }
  for (const IssueWords& words : kIssueWords) {
    if (!issue.message.starts_with(words.begin)) continue;
    return {{"code", words.code},
            {"path", std::move(path)},
            {"message", std::string(words.shown) + issue.message.substr(words.begin.size())}};
  }
  return {{"code", "custom"}, {"path", std::move(path)}, {"message", issue.message}};
}

// The bundle that `identifier` means, as a job may write it: like find_bundle, or "name:version" of a resolved one.
std::optional<AssetBundle> find_identified(const std::vector<AssetBundle>& bundles, std::string_view identifier) {
  if (auto found = find_bundle(bundles, identifier)) return found;
  for (const auto& bundle : bundles)
    if (identifier == bundle.name + ":" + bundle.version) return bundle;
  return std::nullopt;
}

bool offers(const AssetBundle& bundle, std::string_view name) {
  return std::ranges::find(bundle.operations, name) != bundle.operations.end();
}

Error private_name(std::string_view name) {
  return {ErrorCode::invalid, fmt::format("Invalid name: {}, it is private or otherwise restricted", name)};
}

// The operation that takes an api of another one, beside those whose options the apis hold.
constexpr std::pair<std::string_view, std::string_view> kOfOther = {"routed_sender", "file_exporter"};

// Whether an operation of this name could take the options that an api holds for `configured`.
bool takes_options_of(std::string_view operation, std::string_view configured) {
  if (operation == kOfOther.first) return configured == kOfOther.second;
  const bool has_api = std::ranges::any_of(kApiOperations, [&](const auto& api) { return api.second == operation; });
  return !has_api || operation == configured;
}

// Options of an api, without those of the job itself ("_name", ...).
Json options_of(const Json& api) {
  Json options = Json::object();
  for (const auto& [key, value] : api.items())
    if (!key.starts_with('_') && key != kApiConnection) options[key] = value;
  return options;
}

// Its own options must be good for the operation that they configure; what is missing may stand in the operation.
void check_api(const Json& api, std::size_t index, const OperationSchema& schema, const JobRules& rules,
               std::vector<JobWarning>& warnings, std::vector<std::string>& errors) {
  const std::vector<std::string> place = {"apis", std::to_string(index)};
  OperationSchema given = schema;
  given.check = nullptr;
  for (OptionSpec& spec : given.options) spec.required = false;
  auto validated = validate_options(given, options_of(api));
  for (auto& warning : validated.warnings) {
    warning.holder = JobWarning::Holder::api;
    warning.name = api["_name"].get<std::string>();
    warning.place = render_path(place);
    warnings.push_back(std::move(warning));
  }
  for (auto& issue : validated.issues) issue.path.insert(issue.path.begin(), place.begin(), place.end());
  check_connection(api, "_connection", schema, rules.connections, place, validated.issues);
  check_connection(api, kApiConnection, schema, rules.connections, place, validated.issues);
  const auto check_member = [&](const char* member, const auto& check) {
    const auto value = api.find(member);
    if (value != api.end()) check(*value, {place[0], place[1], member}, validated.issues);
  };
  check_member("_encoding", check_encoding);
  check_member("_dead_letter_action", check_dead_letter_action);
  if (validated.issues.empty()) return;
  errors.push_back(fmt::format("Validation failed for api config: {} - {}", api["_name"].get<std::string>(),
                               render_issues(validated.issues, rules)));
}

// `_api_name`, or `api_name` as it was called once.
std::string api_name_of(const Json& operation) {
  for (const char* member : {"_api_name", kOldApiName}) {
    const auto found = operation.find(member);
    if (found != operation.end() && found->is_string()) return found->get<std::string>();
  }
  return {};
}

// Keys that nobody knows stay in the api, where they have been warned about.
void lay_api_below(Json& operation, const Json& api, const OperationSchema* schema, const std::string& resolved_name) {
  if (schema != nullptr) {
    for (const OptionSpec& spec : schema->options)
      if (const auto given = api.find(spec.name); given != api.end() && !operation.contains(spec.name))
        operation[spec.name] = *given;
  }
  for (const char* member : {"_connection", kApiConnection})
    if (const auto given = api.find(member);
        given != api.end() && given->is_string() && !operation.contains("_connection"))
      operation["_connection"] = *given;
  operation.erase(kOldApiName);
  operation["_api_name"] = resolved_name;
}

}  // namespace

std::string render_path(const std::vector<std::string>& path) {
  std::string text;
  for (const auto& part : path) {
    if (is_index(part)) {
      text += "[" + part + "]";
    } else {
      if (!text.empty()) text += ".";
      text += part;
    }
  }
  return text;
}

std::string render_issues(const std::vector<ValidationIssue>& issues, const JobRules& rules) {
  if (rules.issues_for_clients) {
    Json list = Json::array();
    for (const auto& issue : issues) list.push_back(issue_json(issue));
    return "Zod parse error: " + to_pretty_text(list, 2);
  }
  std::vector<std::string> lines;
  for (const auto& issue : issues) {
    const auto path = render_path(issue.path);
    lines.push_back(path.empty() ? issue.message : path + ": " + issue.message);
  }
  return join(lines, "; ");
}

std::vector<AssetBundle> resolve_assets(Json& config, const AssetCatalog& catalog, std::vector<std::string>& errors) {
  std::vector<AssetBundle> bundles;
  const auto list = config.find("assets");
  if (list == config.end() || !list->is_array()) return bundles;
  std::vector<std::string> references;
  for (const auto& item : *list) {
    if (!item.is_string()) continue;
    auto reference = item.get<std::string>();
    if (std::ranges::find(references, reference) == references.end()) references.push_back(std::move(reference));
  }
  Json ids = Json::array();
  for (const auto& reference : references) {
    auto bundle = catalog.resolve(reference);
    if (!bundle) {
      errors.push_back(bundle.error().message);
      continue;
    }
    ids.push_back(bundle->id);
    bundles.push_back(std::move(*bundle));
  }
  config["assets"] = std::move(ids);
  config["asset_bundles"] = to_json(bundles);
  return bundles;
}

std::string QualifiedName::text() const {
  std::string out = base;
  if (!asset.empty()) out += "@" + asset;
  if (!tag.empty()) out += ":" + tag;
  return out;
}

Result<QualifiedName> parse_qualified_name(std::string_view text, const char* member,
                                           const std::vector<AssetBundle>* known) {
  const bool may_have_tag = std::string_view(member) == "_name";
  QualifiedName name;
  const auto at = text.find('@');
  name.base = text.substr(0, at);
  if (at == std::string_view::npos && may_have_tag) {
    const auto colon = name.base.find(':');
    if (colon != std::string::npos) name.tag = name.base.substr(colon + 1);
    name.base.resize(std::min(colon, name.base.size()));
  }
  if (name.base.empty() || name.base.front() == '.' || name.base.front() == '_') return private_name(text);
  if (at == std::string_view::npos || known == nullptr) return name;
  const std::string_view identifier = text.substr(at + 1);
  if (const auto bundle = find_identified(*known, identifier)) {
    name.asset = bundle->id;
    return name;
  }
  if (const auto colon = identifier.rfind(':'); may_have_tag && colon != std::string_view::npos) {
    if (const auto bundle = find_identified(*known, identifier.substr(0, colon))) {
      name.asset = bundle->id;
      name.tag = identifier.substr(colon + 1);
      return name;
    }
  }
  return Error(ErrorCode::invalid,
               fmt::format("Invalid operation name for {}: {}, could not find the hashID for asset identifier {}",
                           member, text, identifier));
}

Error cannot_find_operation(std::string_view name, const OperationCatalog& catalog,
                            const std::vector<AssetBundle>& bundles) {
  std::vector<std::string> names;
  for (const auto* schema : catalog.all()) names.push_back(schema->name);
  std::vector<std::string> hints;
  for (const auto& bundle : bundles) {
    if (!offers(bundle, name)) continue;
    hints.push_back(
        fmt::format("the asset {}:{} has it for another runtime, which is not run here; an executable of an "
                    "asset runs through the operation \"script\"",
                    bundle.name, bundle.version));
  }
  if (const auto near = nearest_word(name, names)) hints.push_back(fmt::format("did you mean \"{}\"?", *near));
  auto message = fmt::format("Unable to find module for operation: {}", name);
  if (!hints.empty()) message += fmt::format(" ({})", join(hints, "; "));
  return {ErrorCode::invalid, message};
}

Result<void> check_single_offer(std::string_view name, std::string_view what, const std::vector<AssetBundle>& bundles) {
  if (std::ranges::count_if(bundles, [&](const auto& bundle) { return offers(bundle, name); }) < 2) return {};
  return Error(ErrorCode::invalid,
               fmt::format("Multiple assets containing the same {} name _op: \"{}\", please specify which specific "
                           "asset to use on its name",
                           what, name));
}

Result<std::optional<std::string>> bundle_path(std::string_view text, const std::vector<AssetBundle>& bundles) {
  if (!text.starts_with(kBundlePrefix)) return std::optional<std::string>();
  const std::string_view rest = text.substr(kBundlePrefix.size());
  const auto slash = std::min(rest.find('/'), rest.size());
  const auto bundle = find_identified(bundles, rest.substr(0, slash));
  if (!bundle)
    return Error(ErrorCode::invalid, fmt::format("\"{}\": no asset of the job is called \"{}\"; list it in `assets`",
                                                 text, rest.substr(0, slash)));
  const auto parts = split(rest.substr(slash), '/');
  if (std::ranges::find(parts, "..") != parts.end())
    return Error(ErrorCode::invalid, fmt::format("\"{}\" leads out of the asset", text));
  return std::optional(bundle->directory + std::string(rest.substr(slash)));
}

std::string_view operation_of_api(std::string_view base) {
  const auto found = std::ranges::find(kApiOperations, base, &std::pair<std::string_view, std::string_view>::first);
  return found == kApiOperations.end() ? std::string_view() : found->second;
}

void apply_apis(Json& config, const OperationCatalog& catalog, const std::vector<AssetBundle>* bundles,
                const JobRules& rules, const JobGraph& graph, std::vector<JobWarning>& warnings,
                std::vector<std::string>& errors) {
  Json& apis = config["apis"];
  Json& operations = config["operations"];
  if (!apis.is_array() || !operations.is_array()) return;
  const Json posted_apis = apis;
  for (std::size_t i = 0; i < apis.size(); ++i) {
    Json& api = apis[i];
    const auto text = api.is_object() ? api.find("_name") : api.end();
    if (!api.is_object() || text == api.end() || !text->is_string() || text->get_ref<const std::string&>().empty())
      continue;
    const auto name = parse_qualified_name(text->get<std::string>(), "_name", bundles);
    const auto single = name && name->asset.empty() && bundles != nullptr
                            ? check_single_offer(name->base, "api", *bundles)
                            : Result<void>();
    if (!name || !single) {
      errors.push_back(name ? single.error().message : name.error().message);
      continue;
    }
    const auto* schema = catalog.find(operation_of_api(name->base));
    if (schema == nullptr) {
      errors.push_back(
          fmt::format("Unable to find module for api: {} (there are: file_reader_api, file_sender_api)", name->base));
      continue;
    }
    check_api(api, i, *schema, rules, warnings, errors);
    if (!api.contains("_dead_letter_action")) api["_dead_letter_action"] = "throw";
    api["_name"] = name->text();
  }
  for (std::size_t i = 0; i < operations.size(); ++i) {
    Json& operation = operations[i];
    const std::string wanted = operation.is_object() ? api_name_of(operation) : std::string();
    if (wanted.empty()) continue;
    const auto found = std::ranges::find_if(
        posted_apis, [&](const Json& api) { return api.is_object() && api.value("_name", Json()) == wanted; });
    if (found == posted_apis.end()) {
      errors.push_back(fmt::format("Could not find the associated api for {}", wanted));
      continue;
    }
    if (operation.contains(kOldApiName)) {
      const auto old = operation.value("_op", Json());
      warnings.push_back({JobWarning::Kind::deprecation, kOldApiName,
                          "key \"api_name\" is deprecated; use \"_api_name\"", JobWarning::Holder::operation,
                          old.is_string() ? old.get<std::string>() : "", render_path(graph.place(i))});
    }
    const auto index = static_cast<std::size_t>(found - posted_apis.begin());
    const std::string resolved = apis[index]["_name"].get<std::string>();
    const std::string_view base = std::string_view(resolved).substr(0, resolved.find_first_of("@:"));
    const auto op = operation.value("_op", Json());
    const std::string name = op.is_string() ? op.get<std::string>() : "";
    if (!takes_options_of(operation_name(name), operation_of_api(base))) {
      errors.push_back(fmt::format("{}: the api {} is of {}, and cannot be the _api_name of {}",
                                   render_path(graph.place(i)), wanted, operation_of_api(base), name));
      continue;
    }
    lay_api_below(operation, *found, catalog.find(operation_of_api(base)), resolved);
  }
}

}  // namespace slicemill::api::teraslice
