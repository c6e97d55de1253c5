#include "execution-controller/reporting/progress.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace slicemill::controller {

double percent_of(std::uint64_t done, std::uint64_t total) {
  constexpr double kWhole = 100, kMostOfSome = 99.9;
  if (total == 0 || done >= total) return kWhole;
  const double percent = std::floor(static_cast<double>(done) / static_cast<double>(total) * 1e3) / 10;
  return std::min(percent, kMostOfSome);
}

std::vector<std::string> first_texts(const std::vector<std::string>& texts) {
  constexpr std::size_t kMostTexts = 20;
  if (texts.size() <= kMostTexts) return texts;
  std::vector<std::string> first(texts.begin(), texts.begin() + kMostTexts);
  first.push_back(fmt::format("and {} more", texts.size() - kMostTexts));
  return first;
}

}  // namespace slicemill::controller
