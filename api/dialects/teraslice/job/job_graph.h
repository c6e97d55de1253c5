// Jobs whose operations are a graph: `sources`, `transforms` and `sinks` in the place of `operations`. Pure, any
// thread.
//
//   job := {..., "tasks": [task, ...], "task"?: options}      short for the operations `tasks` and `task`
//   job := {..., "sources": [{"id"?, "_op", ...}], "transforms": [{"id"?, "from", "_op", ...}],
//           "sinks": [{"id"?, "from", "_op", ...}]}          from: an id or a list of them
//
// While a job is validated its operations stand in one list, whatever their form: the graph knows where each was posted
// and puts them back.
#pragma once

#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/operation_schema.h"
#include "core/model/plan_draft.h"
#include "core/runtime/json.h"

namespace slicemill::api::teraslice {

inline constexpr std::array kGraphLists = {"sources", "transforms", "sinks"};
// Where operations may stand in a posted job, and their names in each as "_op".
inline constexpr std::array kOperationLists = {"operations", "sources", "transforms", "sinks"};

// The job has one of the lists of a graph.
bool is_graph_job(const Json& job);
// In the place of `operations`: the tasks of a job that has nothing else (core/tasks/task_tree.h).
inline constexpr const char* kTasksMember = "tasks";
inline constexpr const char* kTaskMember = "task";  // beside them: options of the operation of that name
// It has operations, in any form.
bool has_operations(const Json& job);

class JobGraph {
 public:
  // Of a job in any form. Tasks become the operations that they are short for, and stay so. A graph's operations move
  // to `operations` of the document, in the order of the lists, without their ids and inputs.
  static JobGraph take(Json& document, std::vector<ValidationIssue>& issues);
  // Moves them back, each with its id and inputs.
  void put_back(Json& document) const;

  bool is_graph() const { return is_graph_; }
  // Where an operation was posted: {"sinks", "0"}.
  std::vector<std::string> place(std::size_t index) const;
  // Its number; what is not there has none that counts.
  std::size_t index_at(const std::string& list, const std::string& number) const;
  // Which kinds of operations stand where, and the ways between them. schemas: by operation; nullptr: not known.
  void check(const std::vector<const OperationSchema*>& schemas, std::vector<ValidationIssue>& issues) const;
  // The number of the node in the plan. Requires: plan() made it.
  std::size_t node_of(const Plan& plan, std::size_t index) const;
  // Requires: check() found nothing. operations: in the order of the document's list.
  Plan plan(std::vector<OperationSpec> operations) const;
  // Two sinks that would write to the same place, or one inside of what another one owns.
  void check_sinks(const Plan& plan, std::vector<ValidationIssue>& issues) const;

 private:
  struct Entry {
    std::string list;
    std::size_t index = 0;
    std::string id;
    std::vector<std::string> from;
  };

  static void expand_tasks(Json& document, std::vector<ValidationIssue>& issues);
  void check_list(const std::vector<const OperationSchema*>& schemas, std::vector<ValidationIssue>& issues) const;
  void check_kinds(const std::vector<const OperationSchema*>& schemas, std::vector<ValidationIssue>& issues) const;
  void check_ways(std::vector<ValidationIssue>& issues) const;
  std::vector<PlanDraftNode> draft(const std::vector<OperationSpec>& operations) const;

  bool is_graph_ = false;
  std::vector<Entry> entries_;         // of a graph, by operation
  std::vector<std::string> op_names_;  // likewise
};

}  // namespace slicemill::api::teraslice
