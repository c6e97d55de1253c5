#include "core/outputs/sinks_publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace slicemill {
namespace {

void add_names(std::vector<std::string>& all, const std::vector<std::string>& names, const std::string& sink) {
  for (const std::string& name : names) all.push_back(fmt::format("{}: {}", sink, name));
}

void add(VerifyReport& all, const VerifyReport& report, const std::string& sink) {
  all.expected += report.expected;
  all.matching += report.matching;
  all.records += report.records;
  all.bytes += report.bytes;
  all.missing_count += report.missing_count;
  all.altered_count += report.altered_count;
  all.extra_count += report.extra_count;
  add_names(all.missing, report.missing, sink);
  add_names(all.altered, report.altered, sink);
  add_names(all.extra, report.extra, sink);
}

OutputFacts joined_of_sink(const OutputFacts& facts, std::uint32_t sink) {
  const OutputFacts* const own = output_of_sink(facts, sink);
  return own != nullptr ? *own : OutputFacts();
}

}  // namespace

OutputSource outputs_of_sink(const OutputSource& outputs, std::uint32_t sink) {
  return [&outputs, sink](const OutputVisitor& visit) {
    return outputs([&](const CommittedOutput& output) -> Result<void> {
      const OutputFacts* const own = output_of_sink(output.facts, sink);
      if (own == nullptr) return {};
      return visit({output.key, output.attempt, *own});
    });
  };
}

Result<void> SinksPublisher::prepare(bool first_start) {
  for (const Sink& sink : sinks_)
    if (auto prepared = sink.publisher->prepare(first_start); !prepared)
      return with_context(prepared.error(), sink.place);
  return {};
}

Result<void> SinksPublisher::probe() {
  for (const Sink& sink : sinks_)
    if (auto passed = sink.publisher->probe(); !passed) return with_context(passed.error(), sink.id);
  return {};
}

// A slice that one sink has and another one lacks is published again, which the first one does not mind.
std::vector<Result<void>> SinksPublisher::publish(const std::vector<CommittedOutput>& outputs) {
  std::vector<Result<void>> results(outputs.size());
  for (const Sink& sink : sinks_) {
    std::vector<CommittedOutput> own;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const OutputFacts* const facts = output_of_sink(outputs[i].facts, sink.number);
      if (facts == nullptr) continue;
      own.push_back({outputs[i].key, outputs[i].attempt, *facts});
      places.push_back(i);
    }
    if (own.empty()) continue;
    const auto published = sink.publisher->publish(own);
    for (std::size_t i = 0; i < own.size(); ++i)
      if (!published[i] && results[places[i]]) results[places[i]] = with_context(published[i].error(), sink.id);
  }
  return results;
}

Result<bool> SinksPublisher::is_there(const CommittedOutput& output) {
  for (const Sink& sink : sinks_) {
    const OutputFacts* const facts = output_of_sink(output.facts, sink.number);
    if (facts == nullptr) continue;
    const auto found = sink.publisher->is_there({output.key, output.attempt, *facts});
    if (!found) return with_context(found.error(), sink.id);
    if (!*found) return false;
  }
  return true;
}

void SinksPublisher::sweep(const std::function<bool(const SliceKey&, const Attempt&)>& keep) {
  for (const Sink& sink : sinks_) sink.publisher->sweep(keep);
}

bool SinksPublisher::claims() const {
  return std::ranges::any_of(sinks_, [](const Sink& sink) { return sink.publisher->claims(); });
}

// A slice whose other sinks have written nothing is not done, whatever one of them has committed: another attempt
// adopts that.
Result<std::vector<std::optional<ClaimedOutput>>> SinksPublisher::fence(const std::vector<SliceKey>& slices,
                                                                        std::uint64_t epoch, bool all) {
  struct OfSlice {
    std::vector<OutputFacts> facts;
    std::vector<QuarantinedRecord> quarantined;
  };
  std::vector<OfSlice> found(slices.size());
  for (const Sink& sink : sinks_) {
    if (!sink.publisher->claims()) continue;
    auto claimed = sink.publisher->fence(slices, epoch, all);
    if (!claimed) return with_context(claimed.error(), sink.id);
    for (std::size_t i = 0; i < slices.size(); ++i) {
      if (!(*claimed)[i]) continue;
      found[i].facts.push_back((*claimed)[i]->facts);
      for (auto& record : (*claimed)[i]->quarantined)
        if (std::ranges::find(found[i].quarantined, record) == found[i].quarantined.end())
          found[i].quarantined.push_back(std::move(record));
    }
  }
  std::vector<std::optional<ClaimedOutput>> outputs(slices.size());
  for (std::size_t i = 0; i < slices.size(); ++i)
    if (found[i].facts.size() == plan_sinks_)
      outputs[i] = ClaimedOutput{output_of_sinks(std::move(found[i].facts)), std::move(found[i].quarantined)};
  return outputs;
}

bool SinksPublisher::joins() const {
  return std::ranges::any_of(sinks_, [](const Sink& sink) { return sink.publisher->joins(); });
}

bool SinksPublisher::takes_more() const {
  return std::ranges::all_of(sinks_, [](const Sink& sink) { return sink.publisher->takes_more(); });
}

Result<OutputFacts> SinksPublisher::join(const OutputSource& outputs) {
  std::vector<OutputFacts> all;
  for (const Sink& sink : sinks_) {
    if (!sink.publisher->joins()) continue;
    auto facts = sink.publisher->join(outputs_of_sink(outputs, sink.number));
    if (!facts) return with_context(facts.error(), sink.id);
    facts->sink = sink.number;
    all.push_back(std::move(*facts));
  }
  return output_of_sinks(std::move(all));
}

Result<void> SinksPublisher::publish_joined(const OutputFacts& facts) {
  for (const Sink& sink : sinks_) {
    if (!sink.publisher->joins()) continue;
    if (auto published = sink.publisher->publish_joined(joined_of_sink(facts, sink.number)); !published)
      return with_context(published.error(), sink.id);
  }
  return {};
}

void SinksPublisher::clean_up(bool whole) {
  for (const Sink& sink : sinks_) sink.publisher->clean_up(whole);
}

Result<VerifyReport> SinksPublisher::verify(const OutputSource& outputs, const std::optional<JoinRecord>& joined,
                                            const std::vector<FormerJob>& former) {
  VerifyReport all;
  for (const Sink& sink : sinks_) {
    std::optional<JoinRecord> own;
    if (joined && sink.publisher->joins()) own = {joined_of_sink(joined->facts, sink.number), joined->published};
    auto report = sink.publisher->verify(outputs_of_sink(outputs, sink.number), own, former);
    if (!report) return with_context(report.error(), sink.id);
    add(all, *report, sink.id);
  }
  return all;
}

}  // namespace slicemill
