// `slicemill jobs`, `list`, `tasks`, `errors`.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "cli/client/plain_words.h"
#include "cli/client/stored_executions.h"
#include "cli/commands.h"
#include "cli/commands/client_commands.h"
#include "cli/default_dialect.h"
#include "cli/ended_ledger.h"
#include "core/model/execution.h"
#include "core/model/json_members.h"
#include "core/query/field.h"
#include "core/query/filter.h"
#include "core/query/search_words.h"
#include "core/runtime/text.h"

namespace slicemill::cli {
namespace {

constexpr std::int64_t kListPage = 1'000;

DocumentColumn member(const char* title, const char* name, ColumnKind kind = ColumnKind::text, bool wide = false) {
  return {title, kind, [name](const Json& document) { return text_of(document, name); }, wide};
}

DocumentColumn figure(const char* title, const char* name, bool wide = false) {
  return {title, ColumnKind::number,
          [name](const Json& document) {
            const Json& stats = object_of(document, member::kStats);
            return has_number(stats, name) ? std::to_string(number_of(stats, name)) : std::string();
          },
          wide};
}

DocumentColumn age(const char* title, const char* name, WallMs now) {
  return {title, ColumnKind::number,
          [name, now](const Json& document) { return age_text(time_of(document, name), now); }, false};
}

DocumentColumn number(const char* title, const char* name, bool wide = false) {
  return {title, ColumnKind::number,
          [name](const Json& document) {
            return has_number(document, name) ? std::to_string(number_of(document, name)) : std::string();
          },
          wide};
}

std::string reason_of(const Json& document) {
  const std::string live = text_of(document, member::kStatusReason);
  return plain_cause(live.empty() ? text_of(document, member::kFailure) : live);
}

std::vector<DocumentColumn> execution_columns() {
  const WallMs now = wall_now();
  return {member("EXECUTION", "ex_id", ColumnKind::id),
          member("NAME", "name", ColumnKind::free),
          member("STATUS", member::kStatus, ColumnKind::status),
          figure("SLICES", "processed"),
          figure("FAILED", "failed"),
          number("WORKERS", "workers"),
          age("AGE", member::kCreated, now),
          member("JOB", "job_id", ColumnKind::id, true),
          member("LIFECYCLE", "lifecycle", ColumnKind::text, true),
          figure("RECORDS IN", "records_in", true),
          figure("RECORDS OUT", "records_out", true),
          figure("QUARANTINED", "quarantined", true),
          {"DISK", ColumnKind::number, disk_text, true},
          member("UPDATED", member::kUpdated, ColumnKind::text, true),
          {"REASON", ColumnKind::free, reason_of, true}};
}

std::vector<DocumentColumn> job_list_columns() {
  const auto of_execution = [](const char* name) {
    return [name](const Json& job) { return text_of(object_of(job, "ex"), name); };
  };
  return {member("JOB", "job_id", ColumnKind::id),
          member("NAME", "name", ColumnKind::free),
          {"LIFECYCLE", ColumnKind::text,
           [](const Json& job) {
             const std::string lifecycle = text_of(job, "lifecycle");
             return lifecycle.empty() ? std::string("once") : lifecycle;
           },
           false},
          number("WORKERS", "workers"),
          {"LATEST EXECUTION", ColumnKind::id, of_execution("ex_id"), false},
          {"STATUS", ColumnKind::status, of_execution(member::kStatus), false},
          age("AGE", member::kCreated, wall_now()),
          {"ACTIVE", ColumnKind::text,
           [](const Json& job) {
             const auto active = job.find("active");
             return std::string(active != job.end() && *active == Json(false) ? "no" : "yes");
           },
           true},
          member("CREATED", member::kCreated, ColumnKind::text, true),
          member("UPDATED", member::kUpdated, ColumnKind::text, true)};
}

std::vector<DocumentColumn> error_columns() {
  return {member("SLICE", "slice_id", ColumnKind::id),
          number("ORDER", "slicer_order"),
          number("RETRIES", "retry_count"),
          member("FAILED AT", member::kUpdated),
          {"ERROR", ColumnKind::free, [](const Json& slice) { return plain_cause(text_of(slice, "error")); }, false},
          member("REQUEST", "request", ColumnKind::free, true)};
}

// "0.3 s"
std::string time_taken(const Json& task) {
  const auto took = json_members::real(task, "took_ms");
  return took ? fmt::format("{:.1f} s", *took / 1000) : "";
}

std::vector<DocumentColumn> task_columns() {
  return {member("PLACE", "place"),
          member("TASK", "name"),
          member("STATE", "state"),
          member("ENDED AT", "ended"),
          {"TOOK", ColumnKind::free, time_taken, false},
          {"ERROR", ColumnKind::free, [](const Json& task) { return plain_cause(text_of(task, "error")); }, false},
          member("VALUE", "value", ColumnKind::free, true)};
}

// Up to the limit, in pages that a master answers quickly.
Result<std::vector<Json>> list_up_to(const MasterClient& master, const std::string& path, std::int64_t limit) {
  std::vector<Json> all;
  const char joint = path.find('?') == std::string::npos ? '?' : '&';
  while (static_cast<std::int64_t>(all.size()) < limit) {
    const std::int64_t size = std::min(limit - static_cast<std::int64_t>(all.size()), kListPage);
    ASSIGN_OR_RETURN(auto page, master.list(fmt::format("{}{}from={}&size={}", path, joint, all.size(), size)));
    const bool is_last = static_cast<std::int64_t>(page.size()) < size;
    std::move(page.begin(), page.end(), std::back_inserter(all));
    if (is_last) break;
  }
  return all;
}

void add_unknown_fields(const query::FilterNode& node, std::span<const query::Field> fields,
                        std::vector<std::string>& unknown) {
  const bool is_known = node.field.empty() || query::find_field(fields, node.field) != nullptr;
  if (!is_known && std::ranges::find(unknown, node.field) == unknown.end()) unknown.push_back(node.field);
  for (const query::FilterNode& clause : node.clauses) add_unknown_fields(clause, fields, unknown);
}

// A test of a field that there is not matches nothing, which a mistyped one is not meant to. A filter that cannot be
// read is refused where it is used.
void warn_of_unknown_fields(const std::string& filter, std::span<const query::Field> fields) {
  const auto syntax = dialect::parse_filter_syntax(filter);
  if (filter.empty() || !syntax) return;
  std::vector<std::string> unknown, known;
  add_unknown_fields(syntax->root, fields, unknown);
  for (const query::Field& field : fields) known.emplace_back(field.name);
  for (const std::string& name : unknown) {
    const auto near = nearest_word(name, known);
    report_warning(fmt::format("--filter: there is no field '{}', so nothing matches it; {}", name,
                               near ? fmt::format("did you mean '{}'?", *near) : "fields are " + join(known, ", ")));
  }
}

void tell_if_cut(const std::vector<Json>& documents, const ClientOptions& options) {
  if (static_cast<std::int64_t>(documents.size()) == options.limit && !is_data_format(options.output))
    note(fmt::format("{} shown, there may be more; see --limit",
                     options.limit == 1 ? "1 is" : fmt::format("{} are", options.limit)));
}

Result<void> check_statuses(const std::string& words, bool stored) {
  for (const std::string& word : split(words, ',')) {
    if (parse_execution_status(word)) continue;
    std::vector<std::string> known;
    for (std::size_t i = 0; i < kExecutionStatusCount; ++i)
      known.emplace_back(to_string(static_cast<ExecutionStatus>(i)));
    if (stored) known.insert(known.end(), {kInterrupted, kUnreadable});
    if (std::ranges::find(known, word) != known.end()) continue;
    return Error(ErrorCode::invalid, fmt::format("list: '{}' is no status; there are {}", word, join(known, ", ")));
  }
  return {};
}

// The filter that was given, and the time that --since means.
std::string whole_filter(const ClientOptions& options) {
  if (!options.since_ms) return options.filter;
  const std::string since = fmt::format("{}:[\"{}\" TO *]", member::kCreated, to_iso(wall_now() - *options.since_ms));
  return options.filter.empty() ? since : fmt::format("({}) AND {}", options.filter, since);
}

Result<void> check_search(const CommandLine& line) {
  if (line.client.search.empty()) return {};
  if (asks_data_directory(line))
    return Error(ErrorCode::invalid, "--search: only a master knows the words; a data directory has --filter");
  const auto words = query::parse_search_words(line.client.search);
  if (!words) return Error(ErrorCode::invalid, "--search: " + words.error().message);
  return {};
}

std::string execution_query(const ClientOptions& options) {
  std::string path = fmt::format("/v1/ex?{}", kLatestChangeFirst);
  if (!options.status.empty()) path += "&status=" + url_encoded(options.status);
  if (const std::string filter = whole_filter(options); !filter.empty()) path += "&filter=" + url_encoded(filter);
  if (!options.search.empty()) path += "&search=" + url_encoded(options.search);
  return path;
}

// Those of the documents that the filter matches, up to the limit.
Result<std::vector<Json>> matching(std::vector<Json> documents, const std::string& filter,
                                   std::span<const query::Field> fields, std::int64_t limit) {
  if (!filter.empty()) {
    ASSIGN_OR_RETURN(const query::Filter parsed, dialect::parse_filter(filter, fields, wall_now()));
    std::erase_if(documents, [&](const Json& document) { return !query::holds(parsed.condition, document); });
  }
  documents.resize(std::min(documents.size(), static_cast<std::size_t>(limit)));
  return documents;
}

Result<std::vector<Json>> stored_list(const CommandLine& line) {
  const ClientOptions& options = line.client;
  ASSIGN_OR_RETURN(const DataLayout layout, data_layout(line));
  ASSIGN_OR_RETURN(auto documents, stored_executions(layout));
  if (const auto statuses = split(options.status, ','); !options.status.empty()) {
    std::erase_if(documents, [&](const Json& document) {
      return std::ranges::find(statuses, text_of(document, member::kStatus)) == statuses.end();
    });
  }
  return matching(std::move(documents), whole_filter(options), dialect::execution_fields(), options.limit);
}

Result<std::vector<Json>> master_list(const CommandLine& line) {
  ASSIGN_OR_RETURN(const MasterClient master, MasterClient::of(line));
  ASSIGN_OR_RETURN(auto executions, list_up_to(master, execution_query(line.client), line.client.limit));
  if (!is_data_format(line.client.output)) RETURN_IF_ERROR(add_live_figures(master, executions));
  return executions;
}

Result<void> list_all_executions(const CommandLine& line) {
  const bool stored = asks_data_directory(line);
  RETURN_IF_ERROR(check_search(line));
  warn_of_unknown_fields(line.client.filter, dialect::execution_fields());
  if (!line.client.status.empty()) RETURN_IF_ERROR(check_statuses(line.client.status, stored));
  ASSIGN_OR_RETURN(const auto executions, stored ? stored_list(line) : master_list(line));
  print_documents(line, executions, execution_columns());
  tell_if_cut(executions, line.client);
  if (stored && executions.empty() && line.client.status.empty() && whole_filter(line.client).empty())
    note(fmt::format("there is no execution in {}", line.flags.at("data")));
  return {};
}

Result<void> list_all_jobs(const CommandLine& line) {
  RETURN_IF_ERROR(check_search(line));
  ASSIGN_OR_RETURN(const MasterClient master, MasterClient::of(line));
  warn_of_unknown_fields(line.client.filter, dialect::job_fields());
  std::string path = fmt::format("/v1/jobs?{}&{}", kLatestChangeFirst, kShownExecution);
  if (!line.client.filter.empty()) path += "&filter=" + url_encoded(line.client.filter);
  if (!line.client.search.empty()) path += "&search=" + url_encoded(line.client.search);
  ASSIGN_OR_RETURN(const auto jobs, list_up_to(master, path, line.client.limit));
  print_documents(line, jobs, job_list_columns());
  tell_if_cut(jobs, line.client);
  return {};
}

Result<std::vector<Json>> errors_of_master(const CommandLine& line) {
  ASSIGN_OR_RETURN(const NamedExecution execution, named_execution(line));
  std::string path = execution.path("/errors");
  if (!line.client.filter.empty()) path += "?filter=" + url_encoded(line.client.filter);
  return list_up_to(execution.master, path, line.client.limit);
}

Result<std::vector<Json>> errors_of_stored(const CommandLine& line) {
  ASSIGN_OR_RETURN(const StoredName stored, stored_name(line));
  const std::string& filter = line.client.filter;
  const std::int64_t read = filter.empty() ? line.client.limit : std::numeric_limits<std::int64_t>::max();
  ASSIGN_OR_RETURN(auto errors, stored_errors(stored.layout, stored.ex_id, read));
  return matching(std::move(errors), filter, dialect::slice_fields(), line.client.limit);
}

Result<void> list_errors(const CommandLine& line) {
  warn_of_unknown_fields(line.client.filter, dialect::slice_fields());
  ASSIGN_OR_RETURN(const auto errors, asks_data_directory(line) ? errors_of_stored(line) : errors_of_master(line));
  print_documents(line, errors, error_columns());
  tell_if_cut(errors, line.client);
  return {};
}

Result<std::vector<Json>> tasks_of_master(const CommandLine& line) {
  ASSIGN_OR_RETURN(const NamedExecution execution, named_execution(line));
  return list_up_to(execution.master, execution.path("/tasks"), line.client.limit);
}

Result<std::vector<Json>> tasks_of_stored(const CommandLine& line) {
  ASSIGN_OR_RETURN(const StoredName stored, stored_name(line));
  return stored_tries(stored.layout, stored.ex_id, line.client.limit);
}

Result<void> list_tasks_of_execution(const CommandLine& line) {
  ASSIGN_OR_RETURN(const auto tasks, asks_data_directory(line) ? tasks_of_stored(line) : tasks_of_master(line));
  print_documents(line, tasks, task_columns());
  tell_if_cut(tasks, line.client);
  return {};
}

}  // namespace

ExitCode list_tasks(const CommandLine& line) {
  return code_of(list_tasks_of_execution(line));
}

ExitCode list_executions(const CommandLine& line) {
  return code_of(list_all_executions(line));
}

ExitCode list_jobs(const CommandLine& line) {
  return code_of(list_all_jobs(line));
}

ExitCode list_slice_errors(const CommandLine& line) {
  return code_of(list_errors(line));
}

}  // namespace slicemill::cli
