#include "core/outputs/routing.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "core/formats/field_names.h"
#include "core/formats/json_scan.h"
#include "core/runtime/ascii.h"
#include "core/runtime/text.h"

namespace slicemill {
namespace {

Error bad_routing(std::string_view why) {
  return {ErrorCode::invalid, fmt::format("{}: {}", kRoutingOption, why), false};
}

}  // namespace

Result<Routing> Routing::parse(const Json& routing) {
  if (!routing.is_object() || routing.empty())
    return bad_routing("must be an object of routes and the connection of each, such as {\"**\": \"default\"}");
  Routing parsed;
  for (const auto& [routes, connection] : routing.items()) {
    if (!connection.is_string() || connection.get_ref<const std::string&>().empty())
      return bad_routing(fmt::format("{}: must be the name of a connection, such as \"default\"", json_quoted(routes)));
    for (const std::string& part : split(routes, ',')) {
      std::string route(trimmed(part));
      if (route.empty()) return bad_routing(fmt::format("{} names a route that is empty", json_quoted(routes)));
      parsed.has_default_ |= route == "*";
      parsed.has_any_ |= route == "**";
      if (const auto [at, is_new] = parsed.routes_.insert(std::move(route)); !is_new)
        return bad_routing(fmt::format("the route {} is named twice", json_quoted(*at)));
    }
  }
  if (parsed.has_default_ && parsed.has_any_)
    return bad_routing("\"*\" and \"**\" are both for all other records: give one of them");
  parsed.routes_.erase("*");
  parsed.routes_.erase("**");
  return parsed;
}

Result<void> Routing::check(std::string_view route) const {
  if (has_default_) return {};
  if (route.empty())
    return Error(
        ErrorCode::invalid,
        "the record has no route, and `routing` has no `*` for such records: is there a router before, and did "
        "it find a value?",
        false);
  if (has_any_ || routes_.contains(route)) return {};
  const std::vector<std::string> known(routes_.begin(), routes_.end());
  return Error(
      ErrorCode::invalid,
      fmt::format("the route `{}` of the record is not in `routing`, which has neither `*` nor `**`; there are "
                  "{}",
                  text_head(route), fields_that_are(known, route)),
      false);
}

}  // namespace slicemill
