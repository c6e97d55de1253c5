#include "api/dialects/teraslice/job/job_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "api/dialects/teraslice/job/falsy.h"

namespace slicemill::api::teraslice {
namespace {

bool has_member(const Json& job, const char* member) {
  const auto found = job.is_object() ? job.find(member) : job.end();
  return found != job.end() && !found->is_null();
}

std::vector<std::string> at(std::vector<std::string> place, const char* member) {
  place.emplace_back(member);
  return place;
}

// Of one operation; takes them out of it.
std::string take_id(Json& operation, const std::vector<std::string>& place, std::vector<ValidationIssue>& issues) {
  const auto found = operation.find("id");
  if (found == operation.end()) return "";
  std::string id;
  if (found->is_string() && !found->get_ref<const std::string&>().empty())
    id = found->get<std::string>();
  else
    issues.push_back({at(place, "id"), "a text is required, or none for one that is made"});
  operation.erase(found);
  return id;
}

std::vector<std::string> take_from(Json& operation, const std::vector<std::string>& place,
                                   std::vector<ValidationIssue>& issues) {
  std::vector<std::string> from;
  const bool is_source = place.front() == "sources";
  const auto found = operation.find("from");
  if (found == operation.end()) {
    if (!is_source) issues.push_back({at(place, "from"), "is required: the id of a source or transform, or a list"});
    return from;
  }
  const Json given = std::move(*found);
  operation.erase("from");
  if (is_source) {
    issues.push_back({at(place, "from"), "a source has no input"});
    return from;
  }
  if (given.is_string()) from.push_back(given.get<std::string>());
  if (given.is_array())
    for (const Json& id : given)
      if (id.is_string()) from.push_back(id.get<std::string>());
  if (from.empty() || (given.is_array() && from.size() != given.size()))
    issues.push_back({at(place, "from"), "must be an id, or a list of ids"});
  return from;
}

struct SinkPath {
  std::size_t node = 0;
  std::string path;
  bool owns_all = false;  // what lies below is taken for its own
};

std::optional<SinkPath> sink_path(const Plan& plan, std::size_t node) {
  const Json& options = plan.operation(node).options;
  const auto path = options.find("path");
  if (path == options.end() || !path->is_string()) return std::nullopt;
  SinkPath sink{.node = node, .path = path->get<std::string>()};
  while (sink.path.size() > 1 && sink.path.back() == '/') sink.path.pop_back();
  sink.owns_all = !options.value("single_file", false) &&
                  (options.value("if_exists", "") == "replace" || options.contains("subdirectory"));
  return sink;
}

}  // namespace

bool is_graph_job(const Json& job) {
  return std::ranges::any_of(kGraphLists, [&](const char* list) { return has_member(job, list); });
}

bool has_operations(const Json& job) {
  return is_graph_job(job) || has_member(job, kTasksMember) || !is_falsy(job, "operations");
}

JobGraph JobGraph::take(Json& document, std::vector<ValidationIssue>& issues) {
  JobGraph graph;
  expand_tasks(document, issues);
  if (!is_graph_job(document)) return graph;
  graph.is_graph_ = true;
  const auto operations = document.find("operations");
  if (operations != document.end() && operations->is_array() && !operations->empty())
    issues.push_back({{"operations"}, "give either operations, or sources, transforms and sinks"});
  Json all = Json::array();
  for (const char* list : kGraphLists) {
    if (!has_member(document, list)) continue;
    if (!document[list].is_array()) {
      issues.push_back({{list}, "must be an array of operations"});
      continue;
    }
    for (Json& operation : document[list]) {
      Entry entry{.list = list, .index = graph.entries_.size(), .id = {}, .from = {}};
      entry.index -= static_cast<std::size_t>(
          std::ranges::count_if(graph.entries_, [&](const Entry& other) { return other.list != list; }));
      const std::vector<std::string> place = {list, std::to_string(entry.index)};
      if (operation.is_object()) {
        entry.id = take_id(operation, place, issues);
        entry.from = take_from(operation, place, issues);
      }
      const Json name = operation.is_object() ? operation.value("_op", Json()) : Json();
      graph.op_names_.push_back(name.is_string() ? name.get<std::string>() : "operation");
      graph.op_names_.back().resize(std::min(graph.op_names_.back().find('@'), graph.op_names_.back().size()));
      graph.entries_.push_back(std::move(entry));
      all.push_back(std::move(operation));
    }
  }
  for (const char* list : kGraphLists) document.erase(list);
  document["operations"] = std::move(all);
  return graph;
}

void JobGraph::expand_tasks(Json& document, std::vector<ValidationIssue>& issues) {
  const bool has_tasks = has_member(document, kTasksMember);
  const auto options = document.find(kTaskMember);
  if (!has_tasks) {
    if (has_member(document, kTaskMember)) issues.push_back({{kTaskMember}, "is beside `tasks`, which is not given"});
    document.erase(kTaskMember);
    return;
  }
  const auto operations = document.find("operations");
  const bool has_list = operations != document.end() && operations->is_array() && !operations->empty();
  if (has_list || is_graph_job(document)) {
    issues.push_back({{kTasksMember}, "a job has either tasks or operations"});
    document.erase(kTasksMember);
    document.erase(kTaskMember);
    return;
  }
  Json task = {{"_op", "task"}};
  if (options != document.end() && options->is_object())
    task.update(*options);
  else if (options != document.end() && !options->is_null())
    issues.push_back({{kTaskMember}, wrong_type("object", *options).message});
  document["operations"] = Json::array({{{"_op", "tasks"}, {"tasks", document.at(kTasksMember)}}, std::move(task)});
  document.erase(kTasksMember);
  document.erase(kTaskMember);
}

void JobGraph::put_back(Json& document) const {
  if (!is_graph_) return;
  const Json operations = std::move(document["operations"]);
  document.erase("operations");
  const auto ids = plan_ids(draft({}));
  for (const char* list : kGraphLists) document[list] = Json::array();
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Json operation = operations[i];
    if (operation.is_object()) {
      operation["id"] = ids[i];
      if (entries_[i].list != "sources") operation["from"] = entries_[i].from;
    }
    document[entries_[i].list].push_back(std::move(operation));
  }
}

std::vector<std::string> JobGraph::place(std::size_t index) const {
  if (!is_graph_) return {"operations", std::to_string(index)};
  return {entries_[index].list, std::to_string(entries_[index].index)};
}

std::size_t JobGraph::index_at(const std::string& list, const std::string& number) const {
  if (!is_graph_) return std::stoul(number);
  const auto found = std::ranges::find_if(
      entries_, [&](const Entry& entry) { return entry.list == list && std::to_string(entry.index) == number; });
  return static_cast<std::size_t>(found - entries_.begin());
}

void JobGraph::check(const std::vector<const OperationSchema*>& schemas, std::vector<ValidationIssue>& issues) const {
  if (!is_graph_) return check_list(schemas, issues);
  const std::size_t before = issues.size();
  check_kinds(schemas, issues);
  if (issues.size() == before) check_ways(issues);
}

void JobGraph::check_list(const std::vector<const OperationSchema*>& schemas,
                          std::vector<ValidationIssue>& issues) const {
  for (std::size_t i = 0; i < schemas.size(); ++i) {
    if (schemas[i] == nullptr) continue;
    const OperationSchema& schema = *schemas[i];
    const bool is_reader = schema.kind == OperationKind::reader;
    if (i == 0 && !is_reader)
      issues.push_back({place(i), fmt::format("\"{}\" is a {}; the first operation must be a reader", schema.name,
                                              to_string(schema.kind))});
    if (i > 0 && is_reader)
      issues.push_back(
          {place(i), fmt::format("\"{}\" is a reader; a reader can only be the first operation", schema.name)});
    if (i + 1 < schemas.size() && schema.kind == OperationKind::sender)
      issues.push_back(
          {place(i), fmt::format("\"{}\" is a sender; a sender can only be the last operation", schema.name)});
  }
}

void JobGraph::check_kinds(const std::vector<const OperationSchema*>& schemas,
                           std::vector<ValidationIssue>& issues) const {
  for (const char* list : {"sources", "sinks"})
    if (std::ranges::none_of(entries_, [&](const Entry& entry) { return entry.list == list; }))
      issues.push_back({{list}, "at least one operation is required"});
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (schemas[i] == nullptr) continue;
    const OperationKind kind = schemas[i]->kind;
    const std::string& list = entries_[i].list;
    const char* wanted = list == "sources" ? "a reader" : list == "transforms" ? "a processor" : "a sender";
    const bool fits = list == "sources"      ? kind == OperationKind::reader
                      : list == "transforms" ? kind == OperationKind::processor
                                             : kind != OperationKind::reader;  // noop and stdout end a way too
    if (!fits)
      issues.push_back(
          {place(i), fmt::format("\"{}\" is a {}; here {} is needed", schemas[i]->name, to_string(kind), wanted)});
  }
}

void JobGraph::check_ways(std::vector<ValidationIssue>& issues) const {
  const auto nodes = draft({});
  const auto ids = plan_ids(nodes);
  for (const PlanIssue& issue : check_plan(nodes))
    issues.push_back({at(place(issue.node), issue.is_of_id ? "id" : "from"), issue.message});
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const bool is_named = std::ranges::any_of(
        entries_, [&](const Entry& other) { return std::ranges::find(other.from, ids[i]) != other.from.end(); });
    const bool is_sink = entries_[i].list == "sinks";
    if (is_sink && is_named)
      issues.push_back({place(i), fmt::format("\"{}\" is a sink and cannot be an input of others", ids[i])});
    if (!is_sink && !is_named)
      issues.push_back({place(i), fmt::format("the records of \"{}\" go nowhere: no `from` names it", ids[i])});
  }
}

std::vector<PlanDraftNode> JobGraph::draft(const std::vector<OperationSpec>& operations) const {
  std::vector<PlanDraftNode> nodes;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    OperationSpec operation = i < operations.size() ? operations[i] : OperationSpec{.name = op_names_[i]};
    nodes.push_back({entries_[i].id, std::move(operation), entries_[i].from});
  }
  return nodes;
}

std::size_t JobGraph::node_of(const Plan& plan, std::size_t index) const {
  if (!is_graph_) return index;
  const std::string id = plan_ids(draft({}))[index];
  return static_cast<std::size_t>(std::ranges::find(plan.nodes, id, &PlanNode::id) - plan.nodes.begin());
}

Plan JobGraph::plan(std::vector<OperationSpec> operations) const {
  if (!is_graph_) return Plan(std::move(operations));
  auto plan = plan_of(draft(operations));
  return plan ? std::move(*plan) : Plan();
}

void JobGraph::check_sinks(const Plan& plan, std::vector<ValidationIssue>& issues) const {
  if (!is_graph_) return;
  const auto ids = plan_ids(draft({}));
  std::vector<SinkPath> sinks;
  for (const std::size_t node : plan.sinks())
    if (auto sink = sink_path(plan, node)) sinks.push_back(std::move(*sink));
  const auto report = [&](const SinkPath& sink, const SinkPath& other, const char* what) {
    const auto entry = std::ranges::find(ids, plan.nodes[sink.node].id) - ids.begin();
    issues.push_back({at(place(static_cast<std::size_t>(entry)), "path"),
                      fmt::format("{} {} {}", sink.path, what, plan.nodes[other.node].id)});
  };
  for (std::size_t later = 0; later < sinks.size(); ++later) {
    for (std::size_t earlier = 0; earlier < sinks.size(); ++earlier) {
      if (earlier < later && sinks[earlier].path == sinks[later].path)
        report(sinks[later], sinks[earlier], "is also the path of");
      else if (sinks[earlier].owns_all && sinks[later].path.starts_with(sinks[earlier].path + "/"))
        report(sinks[later], sinks[earlier], "lies inside the output of");
    }
  }
}

}  // namespace slicemill::api::teraslice
