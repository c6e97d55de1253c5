// A plan that is still to be put together, from nodes that name their inputs: what is wrong with it, and the plan.
// Pure.
#pragma once

#include <string>
#include <vector>

#include "core/model/plan.h"
#include "core/runtime/result.h"

namespace slicemill {

// A node of a plan that is still to be put together: its inputs are named, in any order.
struct PlanDraftNode {
  std::string id;  // "": "<operation>-<n>"
  OperationSpec operation;
  std::vector<std::string> from;
};

// What is wrong with one node of the draft.
struct PlanIssue {
  std::size_t node = 0;   // in the draft
  bool is_of_id = false;  // otherwise of `from`
  std::string message;
};

// The draft's ids, with those that were not given.
std::vector<std::string> plan_ids(const std::vector<PlanDraftNode>& draft);
// Ids that are no ids or occur twice, inputs that are not there, circles. Which kinds of operations may stand where is
// for others to say. Empty: plan_of() succeeds.
std::vector<PlanIssue> check_plan(const std::vector<PlanDraftNode>& draft);
// The draft in an order in which each node is behind its inputs, and as near to the draft's as can be.
// invalid: the first issue.
Result<Plan> plan_of(std::vector<PlanDraftNode> draft);

}  // namespace slicemill
