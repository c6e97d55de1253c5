// Which routes of records have an output: the option `routing` of routed_sender.
//
//   routing := {routes: connection, ...}      routes := route ("," route)*, blanks around them do not count
//   "*": one output for all other records, with a route or without      "**": an output for each other route
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <string_view>

#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

inline constexpr const char* kRoutingOption = "routing";

class Routing {
 public:
  // invalid: begins with the option's name.
  static Result<Routing> parse(const Json& routing);

  // Records without a route have an output too.
  bool takes_unrouted() const { return has_default_; }
  // invalid: says why a record of this route has no output; "": it has none.
  Result<void> check(std::string_view route) const;

 private:
  std::set<std::string, std::less<>> routes_;
  bool has_default_ = false;  // "*"
  bool has_any_ = false;      // "**"
};

}  // namespace slicemill
