#include "core/model/plan_draft.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "core/runtime/ascii.h"
#include "core/runtime/text.h"

namespace slicemill {
namespace {

constexpr std::size_t kLongestId = 64;

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

}  // namespace

std::vector<std::string> plan_ids(const std::vector<PlanDraftNode>& draft) {
  std::set<std::string> given;
  for (const PlanDraftNode& node : draft)
    if (!node.id.empty()) given.insert(node.id);
  IdMaker maker(std::move(given));
  std::vector<std::string> ids;
  ids.reserve(draft.size());
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

}  // namespace slicemill
