// A NEW READER: its slicer's include and its line.
#include <array>

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

}  // namespace

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
