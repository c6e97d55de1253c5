// What a job does with its records: operations, and the ways of records between them. Plain values, any thread.
//
// A plan is a graph without circles: sources have no input, sinks no output, and there may be several of each. A job
// that was posted as a list of operations is the path of them. Whatever is counted, refused, written or reported of a
// node is reported by the node's id.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

// What becomes of a record that an operation cannot work on.
enum class BadRecords : std::uint8_t {
  fail_slice,
  log,  // dropped, with a line in the log
  drop,
  quarantine,
};
std::string_view to_string(BadRecords action);

// An option that every operation has beside its own: "raw" if records are bytes; without it they are JSON values.
inline constexpr const char* kEncodingOption = "encoding";

struct OperationSpec {
  std::string name;               // "filter"
  std::string bundle;             // id of the bundle that it was named with; "" for none
  Json options = Json::object();  // checked, with all defaults
  BadRecords bad_records = BadRecords::fail_slice;

  std::string shown_name() const;  // with the bundle: "filter@<id>"
  bool is_raw() const;             // its records are bytes
  bool operator==(const OperationSpec&) const = default;
};

struct PlanNode {
  std::string id;  // unique in the plan; of a job that was posted as a list "<operation>-<n>", counted from 1
  OperationSpec operation;
  std::vector<std::size_t> inputs;  // numbers of the nodes whose records it gets, ascending; sources have none
  bool operator==(const PlanNode&) const = default;
};

struct Plan {
  // list: posted as a list, so its users know nodes by their places; graph: they know them by their ids.
  enum class Form : std::uint8_t { list, graph };

  Plan() = default;
  // The path of these operations, as a list.
  Plan(std::initializer_list<OperationSpec> operations) : Plan(std::vector<OperationSpec>(operations)) {}
  explicit Plan(std::vector<OperationSpec> operations);

  std::vector<PlanNode> nodes;  // each behind its inputs
  Form form = Form::list;

  bool empty() const { return nodes.empty(); }
  std::size_t size() const { return nodes.size(); }
  const OperationSpec& operation(std::size_t node) const { return nodes[node].operation; }

  // Numbers of nodes, ascending.
  std::vector<std::size_t> sources() const;  // without inputs
  std::vector<std::size_t> sinks() const;    // whose records go nowhere else
  std::vector<std::size_t> outputs_of(std::size_t node) const;
  // Each way of records to the node, from a source to the node before it; none: there are more than kMostWays.
  static constexpr std::size_t kMostWays = 256;
  std::vector<std::vector<std::size_t>> ways_to(std::size_t node) const;
  // The node and all that its records come to.
  std::vector<std::size_t> behind(std::size_t node) const;

  // The source of a slicer's slices, as the number of its node. One source has all slicers; of several each has one,
  // and slicers are numbered in their order.
  std::size_t source_of(std::uint32_t slicer) const;

  // Paths that sinks write to, in their order.
  std::vector<std::string> output_paths() const;

  // What users call the node: its id, or in a list the operation.
  std::string label(std::size_t node) const;
  // "operations[2]", or the id.
  std::string node_name(std::size_t node) const;
  // Where it is, for errors: "operations[2] filter", or "clean (filter)".
  std::string place(std::size_t node) const;

  bool operator==(const Plan&) const = default;
};

// A line for each node: the ways of records as text, for people.
std::string draw_plan(const Plan& plan);

Json to_json(const Plan& plan);  // the nodes
// Throws what nlohmann-json throws if a member is of another type; invalid if it is no plan.
Result<Plan> plan_from_json(const Json& nodes);

}  // namespace slicemill
