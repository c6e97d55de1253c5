#include "execution-controller/reporting/analytics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace slicemill::controller {
namespace {

std::uint64_t time_of_all(const std::vector<OperationTotals>& sums) {
  return std::accumulate(sums.begin(), sums.end(), std::uint64_t{0},
                         [](std::uint64_t ns, const OperationTotals& sum) { return ns + sum.time_ns; });
}

double thousandths(std::uint64_t part, std::uint64_t whole) {
  return std::round(static_cast<double>(part) / static_cast<double>(whole) * 1e3) / 1e3;
}

}  // namespace

Analytics::Analytics(const JobSpec& job, const LedgerFigures& before) {
  for (std::size_t node = 0; node < job.plan.size(); ++node) ops_.push_back(job.plan.label(node));
  for (const PlanNode& node : job.plan.nodes) inputs_.push_back(node.inputs);
  sums_.resize(ops_.size());
  if (before.operations.size() != ops_.size()) return;
  sums_ = before.operations;
  slices_ = before.slices;
  measured_ = before.measured_slices;
}

void Analytics::add(const wire::SliceResult& result) {
  if (result.outcome != wire::Outcome::completed || result.operations.size() != sums_.size()) return;
  slices_ += result.count;
  if (wire::is_measured(result)) ++measured_;
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    sums_[i].records += result.operations[i].records;
    sums_[i].bytes += result.operations[i].bytes;
    sums_[i].time_ns += result.operations[i].time_ns;
  }
}

void Analytics::put(LedgerFigures& figures) const {
  if (slices_ == 0) return;
  figures.slices = slices_;
  figures.measured_slices = measured_;
  figures.operations = sums_;
}

std::optional<std::uint64_t> Analytics::records_into(std::size_t operation) const {
  if (inputs_[operation].empty()) return std::nullopt;
  std::uint64_t sum = 0;
  for (const std::size_t input : inputs_[operation]) sum += sums_[input].records;
  return sum;
}

std::vector<OperationStats> Analytics::operations() const {
  std::vector<OperationStats> list;
  if (slices_ == 0) return list;
  const std::uint64_t total_ns = time_of_all(sums_);
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    list.push_back({.op = ops_[i],
                    .order = i,
                    .slices = slices_,
                    .measured = measured_,
                    .records_in = records_into(i),
                    .totals = sums_[i],
                    .share = total_ns == 0 ? std::nullopt : std::optional(thousandths(sums_[i].time_ns, total_ns))});
  }
  return list;
}

std::optional<SlowestOperation> Analytics::slowest() const {
  const std::uint64_t total_ns = time_of_all(sums_);
  if (total_ns == 0) return std::nullopt;
  const auto most = std::ranges::max_element(sums_, {}, &OperationTotals::time_ns);
  const auto order = static_cast<std::size_t>(most - sums_.begin());
  return SlowestOperation{ops_[order], order, thousandths(most->time_ns, total_ns)};
}

std::vector<std::string> Analytics::averages() const {
  std::vector<std::string> lines;
  if (slices_ == 0) return lines;
  const auto slices = static_cast<double>(slices_);
  const auto measured = static_cast<double>(std::max<std::uint64_t>(1, measured_));
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    const OperationTotals& sum = sums_[i];
    lines.push_back(
        fmt::format("operation {} {}: {:.3f} ms, {:.1f} records, {:.0f} bytes a slice on average of {} slices", i,
                    ops_[i], static_cast<double>(sum.time_ns) / 1e6 / measured,
                    static_cast<double>(sum.records) / slices, static_cast<double>(sum.bytes) / slices, slices_));
  }
  return lines;
}

}  // namespace slicemill::controller
