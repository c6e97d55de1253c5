// Finds the row for a request. A route is a row {method, pattern, handler}; a dialect is a table of rows with the
// prefixes that it is mounted under and its own form of errors.
//
// Owner: the process's wiring; outlives the server. Loop thread; mounting ends before the first request.
// Patterns: "/jobs/:id/_stop"; ":name" matches one segment that is not empty. Literal segments are compared without
// regard to case and win over ":name" whatever the order of rows. HEAD is answered by GET rows and OPTIONS by any path
// that has a row.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/http/message.h"
#include "api/http/route_doc.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::api {

using Handler = std::function<void(Request& request, const Respond& respond)>;

// What becomes of a body that is about to come: a sink for it, or the answer that refuses it unread.
using BodyOpening = std::variant<std::shared_ptr<BodySink>, Response>;

struct Route {
  Method method = Method::get;
  std::string pattern;
  Handler handler;
  std::function<BodyOpening(const Request& head)> open_body = nullptr;  // without one the server reads the body
  RouteDoc doc{};
};

struct Dialect {
  std::string name;                   // for messages of ours
  std::vector<std::string> prefixes;  // each row answers below each of them: {"", "/v1"}
  std::vector<Route> routes;
  std::vector<Route> unprefixed_routes;  // answer as they stand, below no prefix
  // The schemas that the descriptions of its routes name; also that of its errors.
  std::function<Json()> schemas = nullptr;
  std::string error_schema = "Error";
  // An error that no handler saw: bad request text, too large, too slow, a bug of ours.
  std::function<Response(int status, std::string_view message)> error;
  // No row for this path (allowed is empty), or none for this method.
  std::function<Response(const Request& request, std::span<const Method> allowed)> unknown;
};

// A route at a path where it answers, with the prefix.
struct MountedRoute {
  std::string path;
  const Route* route = nullptr;
  const Dialect* dialect = nullptr;
};

class Router {
 public:
  Router();
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  // conflict if a row's method and path are taken already, invalid if a pattern does not begin with '/'. Nothing is
  // mounted then.
  Result<void> mount(Dialect dialect);

  // Every path that answers, in the order of mounting; and each row that is documented, at one path only, below the
  // last of its prefixes.
  std::vector<MountedRoute> routes() const;
  std::vector<MountedRoute> documented_routes() const;
  std::vector<const Dialect*> dialects() const;

  // Asks the row of this head what becomes of its body; nothing if it is the server's to read. Never throws.
  std::optional<BodyOpening> open_body(const Request& head) const;

  // Calls the row's handler; never throws. An exception of a handler is logged and answered as error 500.
  void handle(Request& request, const Respond& respond) const;

  // The error in the form of the dialect that the target belongs to.
  Response error(std::string_view target, int status, std::string_view message) const;

 private:
  struct Node;
  struct Endpoint;

  const Dialect* dialect_of(std::string_view path) const;
  Result<void> add_rows(const Dialect& dialect);
  Result<void> add_row(const Dialect& dialect, const std::string& path, const Route& route);

  std::vector<std::unique_ptr<Dialect>> dialects_;
  std::unique_ptr<Node> root_;
};

}  // namespace slicemill::api
