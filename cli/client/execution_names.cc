#include "cli/client/execution_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "cli/default_dialect.h"
#include "cli/job_file.h"
#include "core/runtime/text.h"

namespace slicemill::cli {
namespace {

constexpr std::size_t kIdLength = 36;  // of a UUID
constexpr std::size_t kShownMatches = 5;
constexpr const char* kLast = "last";

struct Kind {
  const char* word;
  const char* path;
  const char* id;  // the member of documents
  const char* list_command;
};
constexpr Kind kExecution = {"execution", "/v1/ex", "ex_id", "slicemill list"};
constexpr Kind kJob = {"job", "/v1/jobs", "job_id", "slicemill jobs"};

std::string id_of(const Json& document, const Kind& kind) {
  const auto found = document.find(kind.id);
  return found != document.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string quoted_for_filter(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

Result<std::string> newest_of_name(const MasterClient& master, const Kind& kind, const std::string& path) {
  ASSIGN_OR_RETURN(const std::string name, job_name(path));
  // The filter knows words; which of the documents has just this name is seen here.
  constexpr int kPage = 100;
  const std::string base = fmt::format("{}?{}&size={}&filter={}", kind.path, kNewestFirst, kPage,
                                       url_encoded("name:" + quoted_for_filter(name)));
  for (int from = 0;; from += kPage) {
    ASSIGN_OR_RETURN(const auto documents, master.list(fmt::format("{}&from={}", base, from)));
    for (const Json& document : documents) {
      if (document.value("name", Json()) == Json(name)) return id_of(document, kind);
    }
    if (documents.size() < kPage) break;
  }
  return Error(ErrorCode::not_found, fmt::format("no {} of a job with the name '{}' ({}); see `{}{}`", kind.word, name,
                                                 path, kind.list_command, master.place()));
}

Result<std::string> newest(const MasterClient& master, const Kind& kind) {
  ASSIGN_OR_RETURN(const auto documents, master.list(fmt::format("{}?{}&size=1", kind.path, kNewestFirst)));
  if (documents.empty()) return Error(ErrorCode::not_found, fmt::format("there is no {} yet", kind.word));
  return id_of(documents.front(), kind);
}

Error no_match(const MasterClient& master, const std::string& name, const Kind& kind) {
  return Error(ErrorCode::not_found,
               fmt::format("no {} begins with '{}', and there is no job file of that name; see `{}{}`", kind.word, name,
                           kind.list_command, master.place()));
}

Result<std::string> resolve(const MasterClient& master, const Kind& kind, const std::string& name) {
  if (name == kLast) return newest(master, kind);
  if (names_job_file(name)) return newest_of_name(master, kind, name);
  if (!may_begin_id(name)) return no_match(master, name, kind);
  if (is_whole_id(name)) return name;
  ASSIGN_OR_RETURN(const auto documents, master.list(fmt::format("{}?size={}&filter={}", kind.path, kShownMatches + 1,
                                                                 url_encoded(fmt::format("{}:{}*", kind.id, name)))));
  std::vector<std::string> ids;
  for (const Json& document : documents) ids.push_back(id_of(document, kind));
  const auto match = only_match(name, ids, kind.word);
  if (!match && match.error().code == ErrorCode::not_found) return no_match(master, name, kind);
  return match;
}

}  // namespace

Result<std::string> job_name(const std::string& path) {
  ASSIGN_OR_RETURN(const JobFile file, read_job_file(path));
  const Json& job = file.job;
  const auto name = job.find("name");
  if (name == job.end() || !name->is_string() || name->get_ref<const std::string&>().empty()) {
    return Error(
        ErrorCode::invalid,
        fmt::format("{}: the job has no name, so its executions cannot be told from others; give an id", path));
  }
  return name->get<std::string>();
}

bool names_job_file(const std::string& name) {
  for (const char* ending : {".json", ".yaml", ".yml"}) {
    if (name.ends_with(ending)) return true;
  }
  std::error_code ignored;
  return name.find('/') != std::string::npos || std::filesystem::is_regular_file(name, ignored);
}

bool is_whole_id(const std::string& name) {
  return may_begin_id(name) && name.size() >= kIdLength;
}

bool may_begin_id(const std::string& name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  });
}

Result<std::string> only_match(const std::string& beginning, std::span<const std::string> ids, const char* what) {
  std::vector<std::string> matches;
  for (const std::string& id : ids) {
    if (id == beginning) return id;
    if (id.starts_with(beginning)) matches.push_back(id);
  }
  if (matches.size() == 1) return matches.front();
  if (matches.empty()) return Error(ErrorCode::not_found, fmt::format("no {} begins with '{}'", what, beginning));
  const bool more = matches.size() > kShownMatches;
  if (more) matches.resize(kShownMatches);
  return Error(ErrorCode::invalid, fmt::format("several {}s begin with '{}': {}{}; give more of the id", what,
                                               beginning, join(matches, ", "), more ? ", ..." : ""));
}

Result<std::string> resolve_execution(const MasterClient& master, const std::string& name) {
  return resolve(master, kExecution, name);
}

Result<std::string> resolve_job(const MasterClient& master, const std::string& name) {
  return resolve(master, kJob, name);
}

}  // namespace slicemill::cli
