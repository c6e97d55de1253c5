// A NEW READER: its slicer's include and its line.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "slicer/composite_slicer.h"
#include "slicer/data_generator_slicer.h"
#include "slicer/file_slicer.h"
#include "slicer/id_range_slicer.h"
#include "slicer/slicer.h"
#include "slicer/test_slicer.h"

namespace slicemill {
namespace {

struct SlicerEntry {
  std::string_view reader;
  std::unique_ptr<Slicer> (*make)();
  bool is_parallel;  // several may share the input
};

// A list of files is read once, and generated records are numbered through: more slicers would win nothing.
constexpr std::array kSlicers = {
    SlicerEntry{"data_generator", make_data_generator_slicer, false},
    SlicerEntry{"file_reader", make_file_slicer, false},
    SlicerEntry{"id_range", make_id_range_slicer, true},
    SlicerEntry{"test-reader", make_test_slicer, false},
};

const SlicerEntry* find_entry(std::string_view reader) {
  for (const auto& entry : kSlicers) {
    if (entry.reader == reader) return &entry;
  }
  return nullptr;
}

std::string_view reader_of(const JobSpec& job) {
  return job.plan.empty() ? std::string_view() : job.plan.nodes.front().operation.name;
}

// How many slices of the reader are one: the most that a `collect` of the job asks for.
std::int64_t slices_in_one(const JobSpec& job) {
  std::int64_t most = 1;
  for (const PlanNode& node : job.plan.nodes) {
    if (node.operation.name == "collect")
      most = std::max(most, node.operation.options.value("slices", std::int64_t{1}));
  }
  return most;
}

}  // namespace

std::unique_ptr<Slicer> make_job_slicer(const JobSpec& job) {
  auto slicer = make_slicer(reader_of(job));
  const auto members = slices_in_one(job);
  if (!slicer || members < 2) return slicer;
  return make_composite_slicer(std::move(slicer), static_cast<std::size_t>(members));
}

std::string position_mismatch(const JobSpec& recovered_job, const JobSpec& job) {
  if (reader_of(recovered_job) != reader_of(job)) return "the reader differs from that of the recovered execution";
  if (slicers_of(recovered_job) != slicers_of(job))
    return fmt::format("slicers is {} now and was {} in the recovered execution", slicers_of(job),
                       slicers_of(recovered_job));
  if ((slices_in_one(recovered_job) > 1) != (slices_in_one(job) > 1))
    return "collect joins slices in only one of the two executions";
  const auto slicer = make_job_slicer(job);
  if (!slicer) return "";
  return slicer->position_mismatch(recovered_job.plan.nodes.front().operation.options,
                                   job.plan.nodes.front().operation.options);
}

std::unique_ptr<Slicer> make_slicer(std::string_view reader) {
  const auto* entry = find_entry(reader);
  return entry != nullptr ? entry->make() : nullptr;
}

std::uint32_t slicers_of(const JobSpec& job) {
  return slicer_count(reader_of(job), job.slicers);
}

std::uint32_t slicer_count(std::string_view reader, std::int64_t asked) {
  const auto* entry = find_entry(reader);
  if (entry == nullptr || !entry->is_parallel || asked < 1) return 1;
  constexpr std::int64_t kMostSlicers = 1024;
  return static_cast<std::uint32_t>(asked < kMostSlicers ? asked : kMostSlicers);
}

}  // namespace slicemill
