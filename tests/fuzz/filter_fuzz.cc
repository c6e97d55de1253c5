// Input: the text of a filter. It is read against each list's fields; what can be read is tested against documents.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "api/dialects/teraslice/lucene_syntax.h"
#include "api/dialects/teraslice/teraslice_fields.h"
#include "core/query/filter.h"
#include "core/query/sort_order.h"

namespace {

using namespace slicemill;

const Json& document() {
  static const Json kDocument = {{"job_id", "5a50580c-4a50-48d9-80f8-000000000001"},
                                 {"ex_id", "a"},
                                 {"slice_id", "s"},
                                 {"name", "Nightly import of Größe v2.5"},
                                 {"lifecycle", "once"},
                                 {"workers", 7},
                                 {"slicer_order", 12},
                                 {"active", true},
                                 {"assets", {"standard", "ex1:0.0.1"}},
                                 {"error", "Error: timeout\n at line 5"},
                                 {"_created", "2026-11-24T12:00:00.000Z"}};
  return kDocument;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  constexpr WallMs kNow = 1'795'521'600'000;
  for (const auto fields :
       {api::teraslice::job_fields(), api::teraslice::execution_fields(), api::teraslice::slice_fields()}) {
    const auto filter = api::teraslice::parse_filter(text, fields, kNow);
    if (filter) {
      (void)query::holds(filter->condition, document());
      (void)query::holds(filter->condition, Json::object());
    } else if (filter.error().message.find("bad filter at character ") != 0) {
      std::abort();  // every error names its place
    }
    (void)query::parse_sort(text, fields);
  }
  return 0;
}
