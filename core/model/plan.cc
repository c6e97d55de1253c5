#include "core/model/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace slicemill {
namespace {

constexpr std::array kBadRecords = {BadRecords::fail_slice, BadRecords::log, BadRecords::drop, BadRecords::quarantine};

OperationSpec operation_from_json(const Json& json) {
  OperationSpec operation;
  operation.name = json.at("operation").get<std::string>();
  operation.bundle = json.value("bundle", std::string());
  operation.options = json.at("options");
  const std::string action = json.value("bad_records", std::string(to_string(BadRecords::fail_slice)));
  for (const BadRecords known : kBadRecords)
    if (to_string(known) == action) operation.bad_records = known;
  return operation;
}

Json operation_json(const OperationSpec& operation) {
  Json json = {{"operation", operation.name}};
  if (!operation.bundle.empty()) json["bundle"] = operation.bundle;
  if (operation.bad_records != BadRecords::fail_slice) json["bad_records"] = to_string(operation.bad_records);
  json["options"] = operation.options;
  return json;
}

struct Drawing {
  const Plan& plan;
  std::string text;
  std::set<std::size_t> drawn;

  std::string shown(std::size_t node) const {
    return plan.form == Plan::Form::list ? plan.label(node) : plan.place(node);
  }

  // A line for nodes one behind the other, and one for each way at a fork.
  void draw(std::size_t node, const std::string& indent) {
    text += shown(node);
    auto outputs = plan.outputs_of(node);
    bool is_new = drawn.insert(node).second;
    while (is_new && outputs.size() == 1) {
      node = outputs.front();
      text += " -> " + shown(node);
      outputs = plan.outputs_of(node);
      is_new = drawn.insert(node).second;
    }
    text += is_new || outputs.empty() ? "\n" : ", as above\n";
    if (!is_new) return;
    for (const std::size_t output : outputs) {
      const bool is_last = output == outputs.back();
      text += indent + (is_last ? "└─ " : "├─ ");
      draw(output, indent + (is_last ? "   " : "│  "));
    }
  }
};

void add_ways(const Plan& plan, std::size_t node, std::vector<std::size_t>& way,
              std::vector<std::vector<std::size_t>>& ways) {
  if (plan.nodes[node].inputs.empty() && !way.empty()) ways.emplace_back(way.rbegin(), way.rend());
  for (const std::size_t input : plan.nodes[node].inputs) {
    way.push_back(input);
    add_ways(plan, input, way, ways);
    way.pop_back();
  }
}

}  // namespace

std::string_view to_string(BadRecords action) {
  switch (action) {
    case BadRecords::fail_slice:
      return "fail_slice";
    case BadRecords::log:
      return "log";
    case BadRecords::drop:
      return "drop";
    case BadRecords::quarantine:
      return "quarantine";
  }
  return "";
}

std::string OperationSpec::shown_name() const {
  return bundle.empty() ? name : name + "@" + bundle;
}

bool OperationSpec::is_raw() const {
  const auto found = options.find(kEncodingOption);
  return found != options.end() && *found == "raw";
}

Plan::Plan(std::vector<OperationSpec> operations) {
  std::map<std::string, std::size_t> counts;
  for (OperationSpec& operation : operations) {
    PlanNode node;
    node.id = fmt::format("{}-{}", operation.name, ++counts[operation.name]);
    node.operation = std::move(operation);
    if (!nodes.empty()) node.inputs.push_back(nodes.size() - 1);
    nodes.push_back(std::move(node));
  }
}

std::vector<std::size_t> Plan::sources() const {
  std::vector<std::size_t> found;
  for (std::size_t node = 0; node < nodes.size(); ++node)
    if (nodes[node].inputs.empty()) found.push_back(node);
  return found;
}

std::vector<std::size_t> Plan::sinks() const {
  std::vector<bool> gives(nodes.size());
  for (const PlanNode& node : nodes)
    for (const std::size_t input : node.inputs) gives[input] = true;
  std::vector<std::size_t> found;
  for (std::size_t node = 0; node < nodes.size(); ++node)
    if (!gives[node]) found.push_back(node);
  return found;
}

std::vector<std::size_t> Plan::outputs_of(std::size_t node) const {
  std::vector<std::size_t> found;
  for (std::size_t other = node + 1; other < nodes.size(); ++other)
    if (std::ranges::find(nodes[other].inputs, node) != nodes[other].inputs.end()) found.push_back(other);
  return found;
}

std::vector<std::vector<std::size_t>> Plan::ways_to(std::size_t node) const {
  std::vector<std::size_t> counts(node + 1);
  for (std::size_t at = 0; at <= node; ++at) {
    counts[at] = nodes[at].inputs.empty() ? 1 : 0;
    for (const std::size_t input : nodes[at].inputs) counts[at] = std::min(counts[at] + counts[input], kMostWays + 1);
  }
  std::vector<std::vector<std::size_t>> ways;
  if (counts[node] <= kMostWays) {
    std::vector<std::size_t> way;  // from the end
    add_ways(*this, node, way, ways);
  }
  return ways;
}

std::vector<std::size_t> Plan::behind(std::size_t node) const {
  std::vector<bool> is_behind(nodes.size());
  std::vector<std::size_t> found;
  for (std::size_t other = node; other < nodes.size(); ++other) {
    is_behind[other] =
        other == node || std::ranges::any_of(nodes[other].inputs, [&](std::size_t input) { return is_behind[input]; });
    if (is_behind[other]) found.push_back(other);
  }
  return found;
}

std::size_t Plan::source_of(std::uint32_t slicer) const {
  const auto all = sources();
  return all.size() == 1 ? all.front() : all[std::min<std::size_t>(slicer, all.size() - 1)];
}

std::vector<std::string> Plan::output_paths() const {
  std::vector<std::string> paths;
  for (const std::size_t node : sinks()) {
    const auto path = operation(node).options.find("path");
    if (path != operation(node).options.end() && path->is_string()) paths.push_back(path->get<std::string>());
  }
  return paths;
}

std::string Plan::label(std::size_t node) const {
  return form == Form::list ? nodes[node].operation.shown_name() : nodes[node].id;
}

std::string Plan::node_name(std::size_t node) const {
  return form == Form::list ? fmt::format("operations[{}]", node) : nodes[node].id;
}

std::string Plan::place(std::size_t node) const {
  const PlanNode& at = nodes[node];
  return form == Form::list ? fmt::format("operations[{}] {}", node, at.operation.name)
                            : fmt::format("{} ({})", at.id, at.operation.name);
}

std::string draw_plan(const Plan& plan) {
  Drawing drawing{plan, {}, {}};
  for (const std::size_t source : plan.sources()) drawing.draw(source, "");
  return drawing.text;
}

Json to_json(const Plan& plan) {
  Json nodes = Json::array();
  for (const PlanNode& node : plan.nodes) {
    Json json = operation_json(node.operation);
    if (plan.form == Plan::Form::graph) {
      json["id"] = node.id;
      json["inputs"] = node.inputs;
    }
    nodes.push_back(std::move(json));
  }
  return nodes;
}

Result<Plan> plan_from_json(const Json& nodes) {
  const bool is_graph = !nodes.empty() && nodes.front().contains("id");
  if (!is_graph) {
    std::vector<OperationSpec> operations;
    for (const Json& node : nodes) operations.push_back(operation_from_json(node));
    return Plan(std::move(operations));
  }
  Plan plan;
  plan.form = Plan::Form::graph;
  for (const Json& json : nodes) {
    PlanNode node{.id = json.at("id").get<std::string>(),
                  .operation = operation_from_json(json),
                  .inputs = json.at("inputs").get<std::vector<std::size_t>>()};
    if (std::ranges::any_of(node.inputs, [&](std::size_t input) { return input >= plan.size(); }))
      return Error(ErrorCode::invalid, fmt::format("stored plan: {} is not behind its inputs", node.id));
    plan.nodes.push_back(std::move(node));
  }
  return plan;
}

}  // namespace slicemill
