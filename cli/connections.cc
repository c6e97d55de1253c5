#include "cli/connections.h"

#include <utility>

#include "cli/exit_codes.h"

namespace slicemill::cli {

Result<ConnectionBook> configured_connections(const Settings& settings) {
  ASSIGN_OR_RETURN(ConfiguredConnections configured,
                   read_connections(settings.connections(), settings.connections_file()));
  for (const std::string& warning : configured.warnings) report_warning(warning);
  return std::move(configured.book);
}

Result<void> use_connections(const ConnectionBook& book, const JobSpec& job) {
  ASSIGN_OR_RETURN(Connections connections, book.resolve(connection_names(job)));
  set_process_connections(std::move(connections));
  return {};
}

}  // namespace slicemill::cli
