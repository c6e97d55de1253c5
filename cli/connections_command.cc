// `slicemill connections`: what the configuration file has, and whether it leads anywhere.
#include <fmt/format.h>

#include <string>

#include "cli/client/table.h"
#include "cli/commands.h"
#include "cli/connections.h"
#include "cli/settings.h"
#include "connectors/connection_types.h"
#include "core/runtime/printable.h"

namespace slicemill::cli {
namespace {

std::string secrets_of(const ConfiguredConnection& connection) {
  std::string text;
  for (const auto& [name, source] : connection.secrets) {
    if (!text.empty()) text += ", ";
    text += name;
    if (source.kind == SecretSource::Kind::file) text += " of a file";
    if (source.kind == SecretSource::Kind::command) text += " of a command";
  }
  return text;
}

ExitCode list_connections(const ConnectionBook& book) {
  Table table{{{"NAME"}, {"TYPE"}, {"TARGET"}, {"SECRETS"}}, {}};
  for (const auto& [name, connection] : book.all())
    table.rows.push_back({name, connection.type, printable(connection.target), secrets_of(connection)});
  fmt::print("{}", render(table, screen_of_output()));
  return ExitCode::ok;
}

ExitCode test_connection(const ConnectionBook& book, const std::string& name) {
  const auto configured = book.all().find(name);
  if (configured == book.all().end())
    return report(Error(ErrorCode::not_found,
                        fmt::format("no connection \"{}\" is configured; {}", name, known_connections(book.types()))));
  const auto connections = book.resolve({name});
  if (!connections) return report(connections.error(), ExitCode::bad_input);
  const ConnectionType* type = find_connection_type(configured->second.type);
  const auto connection = connections->of({{kConnectionOption, name}}, type->name);
  if (!connection) return report(connection.error());
  const auto answer = type->test(**connection);
  if (!answer) return report(answer.error());
  fmt::print("{}: {}\n", name, printable(*answer));
  return ExitCode::ok;
}

}  // namespace

ExitCode manage_connections(const CommandLine& line) {
  const auto settings = settings_of(line);
  if (!settings) return report(settings.error(), ExitCode::bad_input);
  for (const std::string& warning : settings->warnings()) report_warning(warning);
  const auto book = configured_connections(*settings);
  if (!book) return report(book.error(), ExitCode::bad_input);
  return line.client.action == "test" ? test_connection(*book, line.client.words.front()) : list_connections(*book);
}

}  // namespace slicemill::cli
