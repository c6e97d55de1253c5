#include "api/dialects/teraslice/job/job_posting.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "api/dialects/teraslice/job/job_graph.h"
#include "api/dialects/teraslice/job/job_params.h"
#include "api/dialects/teraslice/job/job_references.h"
#include "api/dialects/teraslice/job/teraslice_job.h"

namespace slicemill::api::teraslice {
namespace {

std::string posted_text(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Programs and their arguments in a job file that declares no parameters: `${` in them is theirs.
void keep_code(Json& job, const OperationCatalog& catalog) {
  if (job.contains(kTasksMember)) escape_params(job[kTasksMember]);
  for (const char* list : kOperationLists) {
    const auto operations = job.find(list);
    if (operations == job.end() || !operations->is_array()) continue;
    for (Json& operation : *operations) {
      if (!operation.is_object()) continue;
      const OperationSchema* schema = catalog.find(operation_name(posted_text(operation, "_op")));
      if (schema == nullptr) continue;
      for (const OptionSpec& option : schema->options)
        if (option.is_code && operation.contains(option.name)) escape_params(operation[option.name]);
    }
  }
}

}  // namespace

void make_paths_absolute(Json& job, const OperationCatalog& catalog, const std::string& directory) {
  const auto absolute = [&](Json& path) {
    if (!path.is_string()) return;
    std::string_view text = path.get_ref<const std::string&>();
    if (text.empty() || text == "-" || text.starts_with('/') || text.starts_with("asset:")) return;
    if (text.starts_with("${")) return;  // where that leads is known once it has a value
    while (text.starts_with("./")) text.remove_prefix(2);
    path = directory + (directory.ends_with('/') ? "" : "/") + std::string(text);
  };
  const auto in_options = [&](Json& holder, const char* name_member, std::string_view suffix) {
    std::string name = posted_text(holder, name_member);
    name.resize(std::min(name.find_first_of("@:"), name.size()));
    if (!suffix.empty() && name.ends_with(suffix)) name.resize(name.size() - suffix.size());
    const OperationSchema* schema = catalog.find(name);
    if (schema == nullptr) return;
    for (const OptionSpec& option : schema->options) {
      const auto value = option.is_path ? holder.find(option.name) : holder.end();
      if (value == holder.end()) continue;
      if (value->is_array()) {
        for (Json& path : *value) absolute(path);
      } else {
        absolute(*value);
      }
    }
  };
  const auto in_list = [&](const char* list, const char* name_member, std::string_view suffix) {
    const auto holders = job.find(list);
    if (holders == job.end() || !holders->is_array()) return;
    for (Json& holder : *holders)
      if (holder.is_object()) in_options(holder, name_member, suffix);
  };
  for (const char* list : kOperationLists) in_list(list, "_op", "");
  in_list("apis", "_name", "_api");
}

Result<void> add_params(Json& job, const OperationCatalog& catalog, const Json& given, bool is_started) {
  const auto resolved = resolve_params(job, catalog, {.given = given, .of_file = true, .may_be_unset = !is_started});
  if (!resolved) return {};
  if (!resolved->issues.empty()) return Error(ErrorCode::invalid, render_issues(resolved->issues, {}));
  const bool declares = job.contains("params");
  if (!declares && given.empty()) {
    if (resolved->unset.empty() && resolved->job == job) return {};
    keep_code(job, catalog);
  }
  Json& params = job["params"];
  if (params.is_null()) params = Json::object();
  for (const auto& [name, value] : given.items()) params[name] = value;
  return {};
}

}  // namespace slicemill::api::teraslice
