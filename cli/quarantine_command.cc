// `slicemill quarantine`: what an execution set aside, and running it again.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/client/plain_words.h"
#include "cli/commands.h"
#include "cli/commands/client_commands.h"
#include "cli/default_dialect.h"
#include "cli/ended_ledger.h"
#include "cli/http_request.h"
#include "cli/job_file.h"
#include "cli/record_editing.h"
#include "core/ledger/redrive_trail.h"
#include "core/ledger/slice_record_json.h"
#include "core/runtime/byte_stream.h"
#include "core/runtime/files.h"
#include "core/runtime/json.h"
#include "core/runtime/printable.h"

namespace slicemill::cli {
namespace {

constexpr std::int64_t kAnswerTimeoutMs = 30'000;
constexpr std::uint64_t kRecordsAtOnce = 1'000;  // from a ledger
constexpr std::uint64_t kRecordsPerAnswer = 10;  // from a master: each may have a megabyte, and an answer has a limit

void print(const Json& record) {
  fmt::print("{}\n", printable_json(to_compact_text(record)));
}

// The answer's JSON; the master's own words if it refuses.
Result<Json> answered(const CommandLine& line, const Result<HttpAnswer>& answer) {
  if (!answer) return answer.error();
  auto json = parse_json(answer->body);
  if (!json) {
    return Error(ErrorCode::unavailable,
                 fmt::format("{} is not a slicemill master: its answer is no JSON", line.master_url));
  }
  if (answer->status == 200) return json;
  const auto code = answer->status == 404   ? ErrorCode::not_found
                    : answer->status == 409 ? ErrorCode::conflict
                    : answer->status == 410 ? ErrorCode::gone
                    : answer->status == 400 ? ErrorCode::invalid
                                            : ErrorCode::unavailable;
  const auto message = json->is_object() ? json->value("message", std::string()) : std::string();
  return Error(code, message.empty() ? fmt::format("{}: {}", line.master_url, answer->body) : plain_cause(message));
}

std::string quarantine_path(const CommandLine& line) {
  return "/v1/ex/" + line.ex_id + "/quarantine";
}

using Visit = std::function<void(const Json& record)>;

Result<void> visit_of_master(const CommandLine& line, const Visit& visit) {
  ASSIGN_OR_RETURN(const HttpTarget target, parse_master_url(line.master_url));
  for (std::uint64_t from = 0;;) {
    const std::string path = fmt::format("{}?from={}&size={}", quarantine_path(line), from, kRecordsPerAnswer);
    ASSIGN_OR_RETURN(const Json records, answered(line, http_get(target, path, kAnswerTimeoutMs)));
    if (!records.is_array() || records.empty()) return {};
    for (const Json& record : records) visit(record);
    from += records.size();
  }
}

Result<void> visit_of_ledger(const CommandLine& line, const Visit& visit) {
  ASSIGN_OR_RETURN(const EndedLedger stored, stored_ledger(line));
  const auto& ledger = stored.view;
  ASSIGN_OR_RETURN(const auto later,
                   ledgers_after(stored.directory.substr(0, stored.directory.rfind('/')), line.ex_id));
  ASSIGN_OR_RETURN(const RedriveTrail trail, RedriveTrail::open(later));
  std::optional<QuarantinePlace> after;
  while (true) {
    ASSIGN_OR_RETURN(const auto rows, ledger->quarantine(after, 0, kRecordsAtOnce));
    if (rows.empty()) return {};
    for (const auto& row : rows) {
      ASSIGN_OR_RETURN(const std::string taker, trail.taker_of(row.at));
      visit(dialect::job_dialect().slice_document(quarantine_record_json(row, ledger->header().lineage, taker)));
    }
    after = rows.back().at;
  }
}

Result<void> visit_records(const CommandLine& line, const Visit& visit) {
  return line.master_url.empty() ? visit_of_ledger(line, visit) : visit_of_master(line, visit);
}

// ---- mending ----

// Whatever is said by VISUAL or EDITOR is a command of the shell, as everywhere.
Result<void> open_editor(const std::string& path) {
  const char* editor = std::getenv("VISUAL");
  if (editor == nullptr || *editor == '\0') editor = std::getenv("EDITOR");
  if (editor == nullptr || *editor == '\0') editor = "vi";
  const std::string command = fmt::format("{} '{}'", editor, path);
  if (const int status = std::system(command.c_str()); status != 0)  // NOLINT(cert-env33-c): the user's own command
    return Error(ErrorCode::invalid, fmt::format("the editor `{}` failed; nothing is redriven", editor));
  return {};
}

// A file that only this user can read, gone with this object.
class ScratchFile {
 public:
  static Result<ScratchFile> make(std::string_view text) {
    std::string path = (std::filesystem::temp_directory_path() / "slicemill-records-XXXXXX").string();
    const int fd = ::mkstemp(path.data());
    if (fd < 0) return errno_error(errno, "cannot create", path);
    ::close(fd);
    ScratchFile file(std::move(path));
    std::ofstream out(file.path(), std::ios::binary);
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
    out.close();
    if (!out) return Error(ErrorCode::io, fmt::format("cannot write {}", file.path()));
    return file;
  }
  ScratchFile(ScratchFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchFile(const ScratchFile&) = delete;
  ~ScratchFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  const std::string& path() const { return path_; }

 private:
  explicit ScratchFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

Result<Json> edited_records(const CommandLine& line) {
  std::vector<Json> records;
  RETURN_IF_ERROR(visit_records(line, [&](const Json& record) {
    if (!record.contains("redriven_to")) records.push_back(record);
  }));
  if (records.empty())
    return Error(ErrorCode::not_found, fmt::format("execution {} has no quarantined records", line.ex_id));
  const std::string text = editable_text(records);
  ASSIGN_OR_RETURN(const ScratchFile file, ScratchFile::make(text));
  RETURN_IF_ERROR(open_editor(file.path()));
  ASSIGN_OR_RETURN(const std::string edited, read_whole_file(posix_files(), file.path()));
  if (edited == text) return Error(ErrorCode::invalid, "nothing was changed; nothing is redriven");
  auto mended = read_edited(edited);
  if (!mended) return with_context(mended.error(), "what was edited");
  return to_json(*mended);
}

// Those that the command line chooses; null: all.
Result<Json> chosen_records(const CommandLine& line) {
  if (line.edit) return edited_records(line);
  if (line.mended_records.empty()) return Json();
  const bool is_input = line.mended_records == "-" || is_standard_input(line.mended_records);
  ASSIGN_OR_RETURN(const std::string text,
                   is_input ? read_standard_input() : read_whole_file(posix_files(), line.mended_records));
  const auto mended = read_edited(text);
  if (!mended) return with_context(mended.error(), is_input ? "standard input" : line.mended_records);
  return to_json(*mended);
}

Result<void> redrive_by_master(const CommandLine& line, const Json& records) {
  ASSIGN_OR_RETURN(const HttpTarget target, parse_master_url(line.master_url));
  ASSIGN_OR_RETURN(Json params, set_params(line.set));
  Json body = Json::object();
  if (!params.empty()) body["params"] = std::move(params);
  if (!records.is_null()) body["records"] = records;
  const HttpCall call{.method = "POST",
                      .path = quarantine_path(line) + "/_redrive",
                      .content_type = body.empty() ? "" : "application/json",
                      .body = body.empty() ? "" : to_compact_text(body)};
  const auto submitted = answered(line, http_send(target, call, kAnswerTimeoutMs));
  if (!submitted) {
    ASSIGN_OR_RETURN(MasterClient master, MasterClient::of(line));
    return with_way_out({std::move(master), line.ex_id}, submitted.error());
  }
  fmt::print("execution {} redrives {} of {}\n", printable(submitted->value("ex_id", std::string())),
             records.is_null() ? "the quarantined records" : fmt::format("{} quarantined records", records.size()),
             line.ex_id);
  return {};
}

}  // namespace

ExitCode list_or_redrive(const CommandLine& line) {
  if (!line.redrive) {
    const auto listed = visit_records(line, print);
    return listed ? ExitCode::ok : report(listed.error());
  }
  const auto records = chosen_records(line);
  if (!records) return report(records.error());
  if (line.master_url.empty()) return redrive_locally(line, *records);
  const auto done = redrive_by_master(line, *records);
  return done ? ExitCode::ok : report(done.error());
}

}  // namespace slicemill::cli
