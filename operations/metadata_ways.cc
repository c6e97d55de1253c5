#include "operations/metadata_ways.h"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <utility>

namespace slicemill {
namespace {

struct MetadatumWords {
  const char* name;
  const char* setters;
};

MetadatumWords words_of(RecordMetadatum wanted) {
  if (wanted == RecordMetadatum::key) return {"key", "set_key"};
  return {"route", "key_router, date_router, field_router or hash_router"};
}

// From a node against the way of the records.
class BackwardWalk {
 public:
  BackwardWalk(const JobScope& scope, RecordMetadatum wanted, bool is_required)
      : scope_(scope), wanted_(wanted), is_required_(is_required) {}

  // loser: the operation nearest to the end that gives records of its own.
  Result<void> walk_before(std::size_t node, std::optional<std::size_t> loser) {
    for (const std::size_t input : scope_.job.plan.nodes[node].inputs) RETURN_IF_ERROR(walk(input, loser));
    return {};
  }

 private:
  Result<void> walk(std::size_t node, std::optional<std::size_t> loser) {
    if (!seen_.emplace(node, loser.has_value()).second) return {};
    const Plan& plan = scope_.job.plan;
    const auto* schema = scope_.catalog.find(plan.operation(node).name);
    if (schema == nullptr) return {};
    const auto words = words_of(wanted_);
    if (wanted_ == RecordMetadatum::key ? schema->sets_key : schema->sets_route) {
      if (!loser) return {};
      return Error(
          ErrorCode::invalid,
          fmt::format("the {0} that {1} gives a record is lost in {2}, which makes records of its own: put {3} "
                      "behind it",
                      words.name, plan.place(node), plan.place(*loser), schema->name),
          false);
    }
    if (plan.nodes[node].inputs.empty() && is_required_)
      return Error(
          ErrorCode::invalid,
          fmt::format("no record of {} has a {} here: put {} before it", plan.place(node), words.name, words.setters),
          false);
    if (schema->loses_metadata && !loser) loser = node;
    return walk_before(node, loser);
  }

  const JobScope& scope_;
  const RecordMetadatum wanted_;
  const bool is_required_;
  std::set<std::pair<std::size_t, bool>> seen_;
};

}  // namespace

Result<void> check_metadata_ways(const JobScope& scope, RecordMetadatum wanted, bool is_required) {
  return BackwardWalk(scope, wanted, is_required).walk_before(scope.node, std::nullopt);
}

}  // namespace slicemill
