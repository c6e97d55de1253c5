#include "core/model/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "core/runtime/ascii.h"
#include "core/runtime/text.h"

namespace slicemill {
namespace {

constexpr std::size_t kLongestId = 64;
constexpr std::array kBadRecords = {BadRecords::fail_slice, BadRecords::log, BadRecords::drop, BadRecords::quarantine};

bool is_id(std::string_view text) {
  const auto fits = [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  };
  return !text.empty() && text.size() <= kLongestId && text.front() != '.' && text.front() != '-' &&
         std::ranges::all_of(text, fits);
}

// "<operation>-<n>" for each, counted from 1 by operation; `taken` are left to others.
class IdMaker {
 public:
  explicit IdMaker(std::set<std::string> taken) : taken_(std::move(taken)) {}

  std::string next(const std::string& operation) {
    std::size_t& count = counts_[operation];
    while (true) {
      std::string id = fmt::format("{}-{}", operation, ++count);
      if (taken_.insert(id).second) return id;
    }
  }

 private:
  std::set<std::string> taken_;
  std::map<std::string, std::size_t> counts_;
};

std::optional<std::size_t> place_of(const std::vector<std::string>& ids, const std::string& id) {
  const auto found = std::ranges::find(ids, id);
  if (found == ids.end()) return std::nullopt;
  return static_cast<std::size_t>(found - ids.begin());
}

// Numbers of the draft's nodes, each behind its inputs, the draft's order where that leaves a choice. Those of a
// circle, and what is behind one, are left out. inputs: by node.
std::vector<std::size_t> sorted(const std::vector<std::vector<std::size_t>>& inputs) {
  std::vector<std::size_t> order;
  std::vector<bool> is_placed(inputs.size());
  const auto is_ready = [&](std::size_t node) {
    return !is_placed[node] && std::ranges::all_of(inputs[node], [&](std::size_t input) { return is_placed[input]; });
  };
  for (bool grows = true; grows;) {
    grows = false;
    for (std::size_t node = 0; node < inputs.size() && !grows; ++node) {
      if (!is_ready(node)) continue;
      is_placed[node] = grows = true;
      order.push_back(node);
    }
  }
  return order;
}

std::vector<std::vector<std::size_t>> inputs_of(const std::vector<PlanDraftNode>& draft,
                                                const std::vector<std::string>& ids) {
  std::vector<std::vector<std::size_t>> inputs(draft.size());
  for (std::size_t node = 0; node < draft.size(); ++node)
    for (const std::string& from : draft[node].from)
      if (const auto input = place_of(ids, from)) inputs[node].push_back(*input);
  return inputs;
}

void check_inputs(const std::vector<PlanDraftNode>& draft, std::size_t node, const std::vector<std::string>& ids,
                  std::vector<PlanIssue>& issues) {
  std::set<std::string> seen;
  for (const std::string& from : draft[node].from) {
    if (!place_of(ids, from))
      issues.push_back({node, false, fmt::format("there is no \"{}\"; there are {}", from, join(ids, ", "))});
    else if (from == ids[node])
      issues.push_back({node, false, fmt::format("\"{}\" cannot be its own input", from)});
    else if (!seen.insert(from).second)
      issues.push_back({node, false, fmt::format("\"{}\" is named twice", from)});
  }
}

// The nodes of one circle, in the order in which records would go round.
std::string circle_through(std::size_t start, const std::vector<std::vector<std::size_t>>& inputs,
                           const std::set<std::size_t>& unplaced, const std::vector<std::string>& ids) {
  std::vector<std::size_t> way{start};
  while (true) {
    const auto next = std::ranges::find_if(inputs[way.back()], [&](std::size_t i) { return unplaced.contains(i); });
    const auto first = std::ranges::find(way, *next);
    if (first == way.end()) {
      way.push_back(*next);
      continue;
    }
    std::vector<std::string> names{ids[*next]};
    for (auto at = first + 1; at != way.end(); ++at) names.push_back(ids[*at]);
    std::ranges::reverse(names.begin() + 1, names.end());
    names.push_back(ids[*next]);
    return join(names, " -> ");
  }
}

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
  IdMaker ids({});
  for (OperationSpec& operation : operations) {
    PlanNode node;
    node.id = ids.next(operation.name);
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

std::string Plan::place(std::size_t node) const {
  const PlanNode& at = nodes[node];
  return form == Form::list ? fmt::format("operations[{}] {}", node, at.operation.name)
                            : fmt::format("{} ({})", at.id, at.operation.name);
}

std::vector<std::string> plan_ids(const std::vector<PlanDraftNode>& draft) {
  std::set<std::string> given;
  for (const PlanDraftNode& node : draft)
    if (!node.id.empty()) given.insert(node.id);
  IdMaker maker(std::move(given));
  std::vector<std::string> ids;
  for (const PlanDraftNode& node : draft) ids.push_back(node.id.empty() ? maker.next(node.operation.name) : node.id);
  return ids;
}

std::vector<PlanIssue> check_plan(const std::vector<PlanDraftNode>& draft) {
  std::vector<PlanIssue> issues;
  const std::vector<std::string> ids = plan_ids(draft);
  for (std::size_t node = 0; node < draft.size(); ++node) {
    const std::string& id = draft[node].id;
    if (!id.empty() && !is_id(id))
      issues.push_back({node, true,
                        fmt::format("\"{}\" must be up to {} letters, digits, _, - and ., and begin with one of the "
                                    "first three",
                                    id, kLongestId)});
    else if (place_of(ids, ids[node]) != node)
      issues.push_back({node, true, fmt::format("\"{}\" is the id of another one already", ids[node])});
    check_inputs(draft, node, ids, issues);
  }
  if (!issues.empty()) return issues;
  const auto inputs = inputs_of(draft, ids);
  const auto order = sorted(inputs);
  if (order.size() == draft.size()) return issues;
  std::set<std::size_t> unplaced;
  for (std::size_t node = 0; node < draft.size(); ++node)
    if (std::ranges::find(order, node) == order.end()) unplaced.insert(node);
  issues.push_back({*unplaced.begin(), false,
                    fmt::format("records would go round in a circle: {}",
                                circle_through(*unplaced.begin(), inputs, unplaced, ids))});
  return issues;
}

Result<Plan> plan_of(std::vector<PlanDraftNode> draft) {
  if (const auto issues = check_plan(draft); !issues.empty())
    return Error(ErrorCode::invalid,
                 fmt::format("{}: {}", plan_ids(draft)[issues.front().node], issues.front().message), false);
  const std::vector<std::string> ids = plan_ids(draft);
  const auto inputs = inputs_of(draft, ids);
  const auto order = sorted(inputs);
  std::vector<std::size_t> place(draft.size());
  for (std::size_t at = 0; at < order.size(); ++at) place[order[at]] = at;
  Plan plan;
  plan.form = Plan::Form::graph;
  for (const std::size_t from : order) {
    PlanNode node{.id = ids[from], .operation = std::move(draft[from].operation), .inputs = {}};
    for (const std::size_t input : inputs[from]) node.inputs.push_back(place[input]);
    std::ranges::sort(node.inputs);
    plan.nodes.push_back(std::move(node));
  }
  return plan;
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
