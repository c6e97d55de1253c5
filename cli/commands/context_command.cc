// `slicemill context`.
#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "cli/client/master_address.h"
#include "cli/commands.h"
#include "cli/commands/client_commands.h"
#include "cli/http_request.h"

namespace slicemill::cli {
namespace {

void print_contexts(const Contexts& contexts) {
  Table table{{{"NAME"}, {"MASTER"}, {"IN USE"}}, {}};
  for (const auto& [name, url] : contexts.urls) table.rows.push_back({name, url, name == contexts.current ? "*" : ""});
  fmt::print("{}", render(table, screen_of_output()));
}

Result<void> change_contexts(const CommandLine& line) {
  const ClientOptions& options = line.client;
  ASSIGN_OR_RETURN(const std::string path, contexts_path());
  ASSIGN_OR_RETURN(Contexts contexts, read_contexts(path));
  if (options.action.empty() || options.action == "list") {
    print_contexts(contexts);
    return {};
  }
  const std::string& name = options.words.front();
  if (options.action == "set") {
    RETURN_IF_ERROR(parse_master_url(options.words[1]));
    contexts.urls[name] = options.words[1];
    if (contexts.current.empty()) contexts.current = name;
  } else if (!contexts.urls.contains(name)) {
    return Error(ErrorCode::not_found, fmt::format("there is no context '{}'; see `slicemill context`", name));
  } else if (options.action == "use") {
    contexts.current = name;
  } else {
    contexts.urls.erase(name);
    if (contexts.current == name) contexts.current.clear();
  }
  return write_contexts(path, contexts);
}

}  // namespace

ExitCode manage_contexts(const CommandLine& line) {
  return code_of(change_contexts(line));
}

}  // namespace slicemill::cli
