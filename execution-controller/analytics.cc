#include "execution-controller/analytics.h"

#include <fmt/format.h>

#include <cmath>

namespace slicemill::controller {
namespace {

// Fractions are kept as far as they can be read.
double milliseconds(std::uint64_t ns) {
  return std::round(static_cast<double>(ns) / 1e3) / 1e3;
}

}  // namespace

Analytics::Analytics(const Json& job) {
  for (const auto& operation : job.at("operations")) rows_.push_back({operation.at("_op").get<std::string>(), {}});
}

void Analytics::add(const wire::SliceResult& result) {
  if (result.outcome != wire::Outcome::completed || result.operations.size() != rows_.size()) return;
  ++slices_;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    auto& sum = rows_[i].sum;
    sum.records += result.operations[i].records;
    sum.bytes += result.operations[i].bytes;
    sum.time_ns += result.operations[i].time_ns;
  }
}

Json Analytics::to_json() const {
  Json list = Json::array();
  if (slices_ == 0) return list;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const auto& row = rows_[i];
    list.push_back({{"op", row.op},
                    {"order", i},
                    {"slices", slices_},
                    {"records", row.sum.records},
                    {"time_ms", milliseconds(row.sum.time_ns)},
                    {"bytes", row.sum.bytes}});
  }
  return list;
}

std::vector<std::string> Analytics::averages() const {
  std::vector<std::string> lines;
  if (slices_ == 0) return lines;
  const auto slices = static_cast<double>(slices_);
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const auto& row = rows_[i];
    lines.push_back(fmt::format(
        "operation {} {}: {:.3f} ms, {:.1f} records, {:.0f} bytes a slice on average of {} slices", i, row.op,
        static_cast<double>(row.sum.time_ns) / 1e6 / slices, static_cast<double>(row.sum.records) / slices,
        static_cast<double>(row.sum.bytes) / slices, slices_));
  }
  return lines;
}

}  // namespace slicemill::controller
