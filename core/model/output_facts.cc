#include "core/model/output_facts.h"

#include <algorithm>
#include <utility>

namespace slicemill {

OutputFacts output_of_sinks(std::vector<OutputFacts> sinks) {
  std::erase_if(sinks, [](const OutputFacts& facts) { return !facts.present; });
  if (sinks.empty()) return {};
  if (sinks.size() == 1 && sinks.front().sink == 0) return std::move(sinks.front());
  OutputFacts all{.present = true, .request_hash = sinks.front().request_hash};
  for (const OutputFacts& facts : sinks) {
    all.records += facts.records;
    all.bytes += facts.bytes;
  }
  all.sinks = std::move(sinks);
  return all;
}

const OutputFacts* output_of_sink(const OutputFacts& facts, std::uint32_t sink) {
  if (!facts.present) return nullptr;
  if (facts.sinks.empty()) return facts.sink == sink ? &facts : nullptr;
  const auto found = std::ranges::find(facts.sinks.items(), sink, &OutputFacts::sink);
  return found != facts.sinks.items().end() ? &*found : nullptr;
}

}  // namespace slicemill
