#include "operations/senders/routed_sender.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/model/output_path.h"
#include "core/outputs/file_publisher.h"
#include "core/outputs/routing.h"
#include "core/outputs/subdirectory.h"
#include "operations/metadata_ways.h"
#include "operations/senders/file_exporter.h"

namespace slicemill {
namespace {

std::vector<OptionSpec> routed_sender_options(std::vector<OptionSpec> of_files) {
  std::vector<OptionSpec> options = {
      {.name = kRoutingOption,
       .type = OptionType::object,
       .description = "The routes that have an output, one or several with commas between them, and the connection of "
                      "each, which files do not need (`default`). `*`: all other records have one too, with a route or "
                      "without; `**`: each other route has one.",
       .required = true,
       .names_connections = true},
      {.name = "size",
       .type = OptionType::integer,
       .description = "Accepted for jobs written elsewhere; has no effect.",
       .default_value = 10000,
       .minimum = 1},
  };
  for (OptionSpec& option : of_files) {
    if (option.name == "path") {
      option.required = false;
      option.description =
          "Directory that holds one for each route; records without a route, which `*` takes, go into itself. "
          "Placeholders as in `file_exporter`.";
    } else if (option.name == "single_file") {
      option.description = "Must be false: each slice has a file in the directory of each of its routes.";
    } else if (option.name == "concurrency") {
      option.default_value = 10;
    } else if (option.name == kSubdirectoryOption) {
      option.description = "The end of `path` that depends on the records. Set from `path`, not by hand.";
    }
    options.push_back(std::move(option));
  }
  return options;
}

Result<void> check_routing(const Json& options, const JobScope& scope) {
  ASSIGN_OR_RETURN(const Routing routing, Routing::parse(options.at(kRoutingOption)));
  return check_metadata_ways(scope, RecordMetadatum::route, !routing.takes_unrouted());
}

}  // namespace

OperationEntry routed_sender_operation() {
  OperationSchema schema = file_sender_schema(routed_sink_type());
  schema.description =
      "Writes records to files, each slice's output exactly once: each into the directory that is called as the route "
      "that `key_router`, `date_router`, `field_router` or `hash_router` gave it. Options of the files come from the "
      "entry `file_sender_api` of the job's `apis`, if `_api_name` names it.";
  schema.options = routed_sender_options(std::move(schema.options));
  schema.check = [of_files = schema.check](const Json& options) -> Result<void> {
    if (const auto routing = Routing::parse(options.at(kRoutingOption)); !routing) return routing.error();
    if (options.value("path", std::string()).empty())
      return Error(ErrorCode::invalid,
                   "path: is required: in the entry of `apis` that `_api_name` names, or in the operation", false);
    if (options.value("single_file", false))
      return Error(ErrorCode::invalid, "single_file: each slice has a file in the directory of each of its routes",
                   false);
    return of_files(options);
  };
  schema.check_job = [of_files = schema.check_job](const Json& options, const JobScope& scope) -> Result<void> {
    RETURN_IF_ERROR(check_routing(options, scope));
    return of_files(options, scope);
  };
  schema.place = [](Json& options, const PathRule&) {
    options[kSubdirectoryOption] = Subdirectory::with_route(options.value(kSubdirectoryOption, std::string()));
  };
  return {std::move(schema), [] { return make_file_sender(); }};
}

}  // namespace slicemill
