#include "api/http/router.h"

#include <fmt/core.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "api/http/target.h"
#include "core/runtime/ascii.h"
#include "core/runtime/log.h"
#include "core/runtime/printable.h"

namespace slicemill::api {
namespace {

// Whether path is prefix itself or below it.
bool is_below(std::string_view path, std::string_view prefix) {
  if (path.size() < prefix.size() || !is_same_word(path.substr(0, prefix.size()), prefix)) return false;
  return path.size() == prefix.size() || prefix.empty() || path[prefix.size()] == '/';
}

// What changes something is noted with who asked for it.
Respond noted(const Request& request, const Respond& respond) {
  return [respond, method = request.method_text, target = request.target, peer = request.peer,
          principal = request.principal](Response response) {
    log(LogLevel::info, "{} {}: {} for {} at {}", method, target, response.status, principal, peer);
    respond(std::move(response));
  };
}

bool changes_something(Role role) {
  return role == Role::write || role == Role::admin;
}

// Of a route that is ours, and so has no clients that send more than it knows: the first parameter of the query that it
// does not know. "": there is none.
std::string unknown_parameter(const Request& request, const RouteDoc& doc) {
  if (!doc.ours) return {};
  std::string known;
  for (const ParameterDoc& parameter : doc.parameters)
    if (!parameter.is_header) known.append(known.empty() ? "" : ", ").append(parameter.name);
  const auto is_known = [&](const Parameter& sent) {
    return std::ranges::any_of(doc.parameters, [&](const ParameterDoc& parameter) {
      return !parameter.is_header && parameter.name == sent.name;
    });
  };
  const auto unknown = std::ranges::find_if_not(request.query, is_known);
  if (unknown == request.query.end()) return {};
  return fmt::format("unknown query parameter \"{}\"; {}", printable(unknown->name),
                     known.empty() ? "this route has none" : "this route has " + known);
}

}  // namespace

struct Router::Endpoint {
  Method method = Method::get;
  const Route* route = nullptr;
  std::string dialect;
  std::vector<std::string> parameter_names;
};

// A place in the tree of path segments.
struct Router::Node {
  std::vector<std::pair<std::string, std::unique_ptr<Node>>> literals;
  std::unique_ptr<Node> any;
  std::vector<Endpoint> endpoints;

  Node& literal(std::string_view word) {
    for (auto& [text, node] : literals)
      if (is_same_word(text, word)) return *node;
    return *literals.emplace_back(std::string(word), std::make_unique<Node>()).second;
  }

  const Endpoint* endpoint(Method method) const {
    for (const Endpoint& candidate : endpoints)
      if (candidate.method == method) return &candidate;
    return nullptr;
  }

  // Literals first; falls back to a parameter where the literal way leads nowhere. `captured` holds the indexes of the
  // segments that stand for parameters.
  const Endpoint* find(std::span<const std::string> segments, std::size_t at, Method method,
                       std::vector<std::size_t>& captured) const {
    if (at == segments.size()) return endpoint(method);
    for (const auto& [text, node] : literals)
      if (is_same_word(text, segments[at]))
        if (const Endpoint* found = node->find(segments, at + 1, method, captured)) return found;
    if (!any || segments[at].empty()) return nullptr;
    captured.push_back(at);
    if (const Endpoint* found = any->find(segments, at + 1, method, captured)) return found;
    captured.pop_back();
    return nullptr;
  }
};

Router::Router() : root_(std::make_unique<Node>()) {}
Router::~Router() = default;

Result<void> Router::add_row(const Dialect& dialect, const std::string& path, const Route& route) {
  ASSIGN_OR_RETURN(auto segments, path_segments(path));
  Node* node = root_.get();
  Endpoint added{route.method, &route, dialect.name, {}};
  for (const std::string& segment : segments) {
    if (!segment.starts_with(':')) {
      node = &node->literal(segment);
      continue;
    }
    added.parameter_names.push_back(segment.substr(1));
    if (!node->any) node->any = std::make_unique<Node>();
    node = node->any.get();
  }
  if (const Endpoint* taken = node->endpoint(route.method))
    return Error(ErrorCode::conflict, fmt::format("route {} {} of {} is taken by {}", to_string(route.method), path,
                                                  dialect.name, taken->dialect));
  node->endpoints.push_back(std::move(added));
  return {};
}

Result<void> Router::add_rows(const Dialect& dialect) {
  for (const std::string& prefix : dialect.prefixes)
    for (const Route& route : dialect.routes) RETURN_IF_ERROR(add_row(dialect, prefix + route.pattern, route));
  for (const Route& route : dialect.unprefixed_routes) RETURN_IF_ERROR(add_row(dialect, route.pattern, route));
  return {};
}

Result<void> Router::mount(Dialect dialect) {
  for (const auto* routes : {&dialect.routes, &dialect.unprefixed_routes})
    for (const Route& route : *routes)
      if (!route.pattern.starts_with('/'))
        return Error(ErrorCode::invalid,
                     fmt::format("route pattern \"{}\" of {} does not begin with '/'", route.pattern, dialect.name));
  auto owned = std::make_unique<Dialect>(std::move(dialect));
  // Rows refer to the dialect's routes, so the tree is rebuilt from the dialects that remain if this one does not fit.
  if (auto added = add_rows(*owned); !added) {
    root_ = std::make_unique<Node>();
    for (const auto& mounted : dialects_) RETURN_IF_ERROR(add_rows(*mounted));
    return added;
  }
  dialects_.push_back(std::move(owned));
  return {};
}

std::vector<MountedRoute> Router::routes() const {
  std::vector<MountedRoute> out;
  for (const auto& dialect : dialects_) {
    for (const std::string& prefix : dialect->prefixes)
      for (const Route& route : dialect->routes) out.push_back({prefix + route.pattern, &route, dialect.get()});
    for (const Route& route : dialect->unprefixed_routes) out.push_back({route.pattern, &route, dialect.get()});
  }
  return out;
}

std::vector<MountedRoute> Router::documented_routes() const {
  std::vector<MountedRoute> out;
  const auto add = [&](std::string path, const Route& route, const Dialect& dialect) {
    if (!route.doc.summary.empty()) out.push_back({std::move(path), &route, &dialect});
  };
  for (const auto& dialect : dialects_) {
    const std::string prefix = dialect->prefixes.empty() ? "" : dialect->prefixes.back();
    for (const Route& route : dialect->routes) add(prefix + route.pattern, route, *dialect);
    for (const Route& route : dialect->unprefixed_routes) add(route.pattern, route, *dialect);
  }
  return out;
}

std::vector<const Dialect*> Router::dialects() const {
  std::vector<const Dialect*> out;
  for (const auto& dialect : dialects_) out.push_back(dialect.get());
  return out;
}

const Dialect* Router::dialect_of(std::string_view path) const {
  const Dialect* best = nullptr;
  std::size_t best_length = 0;
  for (const auto& dialect : dialects_)
    for (const std::string& prefix : dialect->prefixes)
      if (is_below(path, prefix) && (!best || prefix.size() > best_length)) {
        best = dialect.get();
        best_length = prefix.size();
      }
  return best;
}

Response Router::error(std::string_view target, int status, std::string_view message) const {
  if (const Dialect* dialect = dialect_of(split_target(target).path)) return dialect->error(status, message);
  return {status, "text/plain; charset=utf-8", std::string(message), {}};
}

std::optional<BodyOpening> Router::open_body(const Request& head) const {
  try {
    const auto segments = path_segments(split_target(head.target).path);
    std::vector<std::size_t> captured;
    const Endpoint* endpoint = segments ? root_->find(*segments, 0, head.method, captured) : nullptr;
    if (!endpoint || !endpoint->route->open_body) return std::nullopt;
    return endpoint->route->open_body(head);
  } catch (const std::exception& thrown) {
    log(LogLevel::error, "{} {}: unexpected exception: {}", head.method_text, head.target, thrown.what());
    return error(head.target, 500, fmt::format("internal error: {}", thrown.what()));
  }
}

void Router::handle(Request& request, const Respond& respond) const {
  try {
    Target target = split_target(request.target);
    auto segments = path_segments(target.path);
    if (!segments) return respond(error(request.target, 400, segments.error().message));

    std::vector<std::size_t> captured;
    const Endpoint* endpoint = root_->find(*segments, 0, request.method, captured);
    if (!endpoint && request.method == Method::head) endpoint = root_->find(*segments, 0, Method::get, captured);
    if (endpoint) {
      request.query = parse_query(target.query);
      if (const std::string unknown = unknown_parameter(request, endpoint->route->doc); !unknown.empty())
        return respond(error(request.target, 400, unknown));
      for (std::size_t i = 0; i < captured.size(); ++i)
        request.path_parameters.push_back({endpoint->parameter_names[i], std::move((*segments)[captured[i]])});
      if (!changes_something(endpoint->route->doc.role)) return endpoint->route->handler(request, respond);
      return endpoint->route->handler(request, noted(request, respond));
    }

    std::vector<Method> allowed;
    std::string allow;
    for (Method method : {Method::get, Method::head, Method::post, Method::put, Method::patch, Method::del}) {
      if (!root_->find(*segments, 0, method == Method::head ? Method::get : method, captured)) continue;
      allowed.push_back(method);
      allow.append(allow.empty() ? "" : ", ").append(to_string(method));
    }
    bool whole_server = request.method == Method::options && request.target == "*";
    if (request.method == Method::options && (whole_server || !allowed.empty())) {
      Response answer{200, "text/plain; charset=utf-8", "", {}};
      if (!allow.empty()) answer.headers.push_back({"Allow", allow});
      return respond(std::move(answer));
    }
    const Dialect* dialect = dialect_of(target.path);
    if (!dialect) return respond(error(request.target, 404, "not found"));
    Response answer = dialect->unknown(request, allowed);
    if (!allow.empty()) answer.headers.push_back({"Allow", allow});
    respond(std::move(answer));
  } catch (const std::exception& thrown) {
    log(LogLevel::error, "{} {}: unexpected exception: {}", request.method_text, request.target, thrown.what());
    std::string place = log_path();
    respond(error(request.target, 500,
                  fmt::format("internal error: {}; see {}", thrown.what(),
                              place.empty() ? "the server's standard error" : place)));
  }
}

}  // namespace slicemill::api
