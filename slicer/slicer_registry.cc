// A NEW READER: its slicer's include and its line.
#include <fmt/format.h>
#include <algorithm>

#include <array>
#include <nlohmann/json.hpp>

#include "core/model/job.h"
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

// The name of an operation, whatever bundle it is asked of.
std::string_view name_of(const Json& operation) {
  return operation_name(operation.at("_op").get_ref<const std::string&>());
}

std::uint32_t slicers_of(const Json& job) {
  return slicer_count(name_of(job.at("operations").at(0)), job.value("slicers", std::int64_t{1}));
}

// How many slices of the reader are one: the most that a `collect` of the job asks for.
std::int64_t slices_in_one(const Json& job) {
  std::int64_t most = 1;
  for (const auto& operation : job.at("operations")) {
    if (name_of(operation) == "collect") most = std::max(most, operation.value("slices", std::int64_t{1}));
  }
  return most;
}

}  // namespace

std::unique_ptr<Slicer> make_job_slicer(const Json& job) {
  auto slicer = make_slicer(name_of(job.at("operations").at(0)));
  const auto members = slices_in_one(job);
  if (!slicer || members < 2) return slicer;
  return make_composite_slicer(std::move(slicer), static_cast<std::size_t>(members));
}

std::string position_mismatch(const Json& recovered_job, const Json& job) {
  const auto& before = recovered_job.at("operations").at(0);
  const auto& now = job.at("operations").at(0);
  if (name_of(before) != name_of(now)) return "the reader differs from that of the recovered execution";
  if (slicers_of(recovered_job) != slicers_of(job))
    return fmt::format("slicers is {} now and was {} in the recovered execution", slicers_of(job),
                       slicers_of(recovered_job));
  if ((slices_in_one(recovered_job) > 1) != (slices_in_one(job) > 1))
    return "collect joins slices in only one of the two executions";
  const auto slicer = make_job_slicer(job);
  return slicer ? slicer->position_mismatch(before, now) : "";
}

std::unique_ptr<Slicer> make_slicer(std::string_view reader) {
  const auto* entry = find_entry(reader);
  return entry != nullptr ? entry->make() : nullptr;
}

std::uint32_t slicer_count(std::string_view reader, std::int64_t asked) {
  const auto* entry = find_entry(reader);
  if (entry == nullptr || !entry->is_parallel || asked < 1) return 1;
  constexpr std::int64_t kMostSlicers = 1024;
  return static_cast<std::uint32_t>(asked < kMostSlicers ? asked : kMostSlicers);
}

}  // namespace slicemill
