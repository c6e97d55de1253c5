// Input: METHOD " " TARGET LF [CONTENT-TYPE] LF BODY, as the server hands it to the router. All that a request reaches
// without a socket: target, query, body, arguments, and the validation of a posted job.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "api/dialects/teraslice/job/teraslice_job.h"
#include "api/dialects/teraslice/teraslice_arguments.h"
#include "api/dialects/teraslice/teraslice_routes.h"
#include "tests/fakes/fake_job_service.h"
#include "tests/fakes/operation_table.h"

namespace {

using namespace slicemill;

// One operation of each kind, together with an option of each type.
class FuzzCatalog final : public OperationTable {
 public:
  FuzzCatalog() {
    add("reader", OperationKind::reader,
        {{.name = "path", .type = OptionType::text, .required = true, .is_path = true},
         {.name = "paths", .type = OptionType::text_list, .is_path = true},
         {.name = "size", .type = OptionType::bytes, .default_value = 10, .minimum = 1},
         {.name = "wait", .type = OptionType::duration_ms}});
    add("processor", OperationKind::processor,
        {{.name = "count", .type = OptionType::integer, .maximum = 1000},
         {.name = "part", .type = OptionType::number},
         {.name = "strict", .type = OptionType::boolean},
         {.name = "mode", .type = OptionType::text, .choices = {"a", "b"}},
         {.name = "fields", .type = OptionType::object},
         {.name = "value", .type = OptionType::any}});
    add("sender", OperationKind::sender, {});
  }
};

api::Method method_of(std::string_view text) {
  using api::Method;
  for (const Method method :
       {Method::get, Method::head, Method::post, Method::put, Method::patch, Method::del, Method::options})
    if (api::to_string(method) == text) return method;
  return Method::other;
}

std::string_view take_until(std::string_view& text, char end) {
  const auto at = text.find(end);
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return part;
}

struct Server {
  FakeJobService service;
  api::Router router;
  FuzzCatalog catalog;

  Server() {
    service.record_calls(false);
    const Json job = {{"job_id", "j1"}, {"name", "a"}, {"workers", 2}, {"operations", {{{"_op", "noop"}}}}};
    service.answer_list("list_jobs", {job, job});
    service.answer_list("list_executions", {job});
    service.answer_list("errors", {job});
    service.answer("get_job", job);
    service.answer("latest_execution", "e1");
    service.answer("cluster_state", {{"n1", {{"node_id", "n1"}, {"active", {{{"pid", 1}}}}}}});
    service.answer("controllers", {job});
    if (!router.mount(api::teraslice::dialect(service, service))) std::abort();
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Server server;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  api::Request request;
  request.method_text = std::string(take_until(rest, ' '));
  request.method = method_of(request.method_text);
  request.target = std::string(take_until(rest, '\n'));
  request.content_type = std::string(take_until(rest, '\n'));
  request.body = std::string(rest);

  if (const auto body = api::teraslice::parse_body(request, nullptr); body && body->is_object())
    (void)api::teraslice::validate_job(*body, server.catalog, JobRules{.paths = {false, "/base"}});
  int answers = 0;
  server.router.handle(request, [&answers](const api::Response& response) {
    ++answers;
    if (response.status < 200 || response.status > 599) std::abort();
  });
  if (answers != 1) std::abort();
  return 0;
}
