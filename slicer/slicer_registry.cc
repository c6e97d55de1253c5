// A NEW READER: its slicer's include and its line.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "slicer/composite_slicer.h"
#include "slicer/data_generator_slicer.h"
#include "slicer/file_slicer.h"
#include "slicer/id_range_slicer.h"
#include "slicer/postgres_slicer.h"
#include "slicer/slicer.h"
#include "slicer/tasks_slicer.h"
#include "slicer/test_slicer.h"

namespace slicemill {
namespace {

struct SlicerEntry {
  std::string_view reader;
  std::unique_ptr<Slicer> (*make)();
  bool is_parallel;  // several may share the input
  SlicePolicyOf (*policy)(const Json& options) = nullptr;
};

// A list of files is read once, and generated records are numbered through: more slicers would win nothing.
constexpr std::array kSlicers = {
    SlicerEntry{"data_generator", make_data_generator_slicer, false},
    SlicerEntry{"file_reader", make_file_slicer, false},
    SlicerEntry{"id_range", make_id_range_slicer, true},
    SlicerEntry{"postgres_reader", make_postgres_slicer, false},
    SlicerEntry{"tasks", make_tasks_slicer, false, tasks_policy},
    SlicerEntry{"test-reader", make_test_slicer, false},
};

const SlicerEntry* find_entry(std::string_view reader) {
  for (const auto& entry : kSlicers) {
    if (entry.reader == reader) return &entry;
  }
  return nullptr;
}

// How many slices of the source are one: the most that a `collect` behind it asks for.
std::int64_t slices_in_one(const Plan& plan, std::size_t source) {
  std::int64_t most = 1;
  for (const std::size_t node : plan.behind(source)) {
    const OperationSpec& operation = plan.operation(node);
    if (operation.name == "collect") most = std::max(most, operation.options.value("slices", std::int64_t{1}));
  }
  return most;
}

std::string mismatch_of_source(const Plan& before, std::size_t former, const Plan& now, std::size_t present) {
  if (before.operation(former).name != now.operation(present).name)
    return "the reader differs from that of the recovered execution";
  if ((slices_in_one(before, former) > 1) != (slices_in_one(now, present) > 1))
    return "collect joins slices in only one of the two executions";
  const auto slicer = make_source_slicer(now, present);
  if (!slicer) return "";
  return slicer->position_mismatch(before.operation(former).options, now.operation(present).options);
}

}  // namespace

std::unique_ptr<Slicer> make_source_slicer(const Plan& plan, std::size_t source) {
  auto slicer = make_slicer(plan.operation(source).name);
  const auto members = slices_in_one(plan, source);
  if (!slicer || members < 2) return slicer;
  return make_composite_slicer(std::move(slicer), static_cast<std::size_t>(members));
}

SlicePolicyOf slice_policy(const Plan& plan, std::size_t source) {
  const OperationSpec& reader = plan.operation(source);
  const auto* entry = find_entry(reader.name);
  return entry != nullptr && entry->policy != nullptr ? entry->policy(reader.options) : nullptr;
}

std::string position_mismatch(const JobSpec& recovered_job, const JobSpec& job) {
  const auto former = recovered_job.plan.sources();
  const auto present = job.plan.sources();
  if (former.size() != present.size())
    return fmt::format("the job has {} sources now and had {} in the recovered execution", present.size(),
                       former.size());
  if (slicers_of(recovered_job) != slicers_of(job))
    return fmt::format("slicers is {} now and was {} in the recovered execution", slicers_of(job),
                       slicers_of(recovered_job));
  for (std::size_t i = 0; i < present.size(); ++i) {
    const PlanNode& before = recovered_job.plan.nodes[former[i]];
    const PlanNode& now = job.plan.nodes[present[i]];
    if (present.size() > 1 && before.id != now.id)
      return fmt::format("the source {} stands where {} stood in the recovered execution", now.id, before.id);
    auto mismatch = mismatch_of_source(recovered_job.plan, former[i], job.plan, present[i]);
    if (!mismatch.empty()) return mismatch;
  }
  return "";
}

std::unique_ptr<Slicer> make_slicer(std::string_view reader) {
  const auto* entry = find_entry(reader);
  return entry != nullptr ? entry->make() : nullptr;
}

std::uint32_t slicers_of(const JobSpec& job) {
  const auto sources = job.plan.sources();
  if (sources.size() != 1) return static_cast<std::uint32_t>(sources.size());
  return slicer_count(job.plan.operation(sources.front()).name, job.slicers);
}

std::uint32_t slicer_count(std::string_view reader, std::int64_t asked) {
  const auto* entry = find_entry(reader);
  if (entry == nullptr || !entry->is_parallel || asked < 1) return 1;
  constexpr std::int64_t kMostSlicers = 1024;
  return static_cast<std::uint32_t>(asked < kMostSlicers ? asked : kMostSlicers);
}

}  // namespace slicemill
