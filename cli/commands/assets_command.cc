// `slicemill assets`.
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/commands/client_commands.h"
#include "cli/default_dialect.h"
#include "core/runtime/files.h"
#include "core/runtime/printable.h"

namespace slicemill::cli {
namespace {

constexpr std::uint64_t kMostBundleBytes = std::uint64_t{2} << 30;
constexpr std::int64_t kUploadPatienceMs = 10 * 60 * 1'000;

std::vector<DocumentColumn> asset_columns() {
  const auto column = [](const char* title, const char* name, ColumnKind kind, bool wide) {
    return DocumentColumn{title, kind, [name](const Json& asset) { return text_of(asset, name); }, wide};
  };
  return {column("NAME", "name", ColumnKind::free, false),
          column("VERSION", "version", ColumnKind::text, false),
          column("ID", "id", ColumnKind::id, false),
          column("CREATED", member::kCreated, ColumnKind::text, false),
          column("PLATFORM", "platform", ColumnKind::text, true),
          column("ARCH", "arch", ColumnKind::text, true),
          column("DESCRIPTION", "description", ColumnKind::free, true)};
}

Result<std::vector<Json>> all_assets(const MasterClient& master, const std::string& path) {
  std::vector<Json> all;
  constexpr std::size_t kPage = 1'000;
  while (true) {
    ASSIGN_OR_RETURN(const auto page, master.list(fmt::format("{}?from={}&size={}", path, all.size(), kPage)));
    all.insert(all.end(), page.begin(), page.end());
    if (page.size() < kPage) return all;
  }
}

Result<void> list_assets(const CommandLine& line, const MasterClient& master) {
  std::string path = "/v1/assets";
  for (const std::string& word : line.client.words) path += "/" + url_encoded(word);
  ASSIGN_OR_RETURN(const auto all, all_assets(master, path));
  print_documents(line, all, asset_columns());
  return {};
}

// The id of the only bundle whose id begins so.
Result<std::string> asset_id_of(const MasterClient& master, const std::string& name) {
  ASSIGN_OR_RETURN(const auto all, all_assets(master, "/v1/assets"));
  std::vector<std::string> ids;
  for (const Json& asset : all) ids.push_back(text_of(asset, "id"));
  auto match = only_match(name, ids, "bundle");
  if (match || match.error().code != ErrorCode::not_found) return match;
  return Error(ErrorCode::not_found,
               fmt::format("no bundle's id begins with '{}'; see `slicemill assets{}`", name, master.place()));
}

void tell_asset(const CommandLine& line, const Json& answer) {
  if (is_data_format(line.client.output)) return print_document(line.client.output, answer);
  fmt::print("{}\n", printable(text_of(answer, "asset_id")));
}

Result<void> work_on_assets(const CommandLine& line) {
  ASSIGN_OR_RETURN(MasterClient master, MasterClient::of(line));
  const ClientOptions& options = line.client;
  if (options.action == "upload") {
    const std::string& path = options.words.front();
    ASSIGN_OR_RETURN(std::string zip, read_whole_file(posix_files(), path, kMostBundleBytes));
    master.set_patience(kUploadPatienceMs);
    const auto answer = master.post("/v1/assets", "application/octet-stream", std::move(zip));
    if (!answer) return with_context(answer.error(), path);
    tell_asset(line, *answer);
    return {};
  }
  if (options.action == "delete") {
    ASSIGN_OR_RETURN(const std::string id, asset_id_of(master, options.words.front()));
    ASSIGN_OR_RETURN(const Json answer, master.remove("/v1/assets/" + url_encoded(id)));
    tell_asset(line, answer);
    return {};
  }
  return list_assets(line, master);
}

}  // namespace

ExitCode manage_assets(const CommandLine& line) {
  return code_of(work_on_assets(line));
}

}  // namespace slicemill::cli
