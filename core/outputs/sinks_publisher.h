// The publisher of a plan with several sinks: to each of them goes what it wrote of a slice, and a slice is published
// once it is at all of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/outputs/output_publisher.h"

namespace slicemill {

class SinksPublisher final : public OutputPublisher {
 public:
  struct Sink {
    std::uint32_t number = 0;  // in the plan's order
    std::string id;
    std::string place;  // as users call it, with its operation
    std::unique_ptr<OutputPublisher> publisher;
  };
  // sinks: those that publish, at least one; of `plan_sinks` in all.
  SinksPublisher(std::vector<Sink> sinks, std::size_t plan_sinks) : sinks_(std::move(sinks)), plan_sinks_(plan_sinks) {}

  Result<void> prepare(bool first_start) override;
  Result<void> probe() override;
  std::vector<Result<void>> publish(const std::vector<CommittedOutput>& outputs) override;
  Result<bool> is_there(const CommittedOutput& output) override;
  void sweep(const std::function<bool(const SliceKey&, const Attempt&)>& keep) override;
  bool claims() const override;
  Result<std::vector<std::optional<ClaimedOutput>>> fence(const std::vector<SliceKey>& slices, std::uint64_t epoch,
                                                          bool all) override;
  bool joins() const override;
  bool takes_more() const override;
  Result<OutputFacts> join(const OutputSource& outputs) override;
  Result<void> publish_joined(const OutputFacts& facts) override;
  void clean_up(bool whole) override;
  // Names are preceded by the sink's id.
  Result<VerifyReport> verify(const OutputSource& outputs, const std::optional<JoinRecord>& joined,
                              const std::vector<FormerJob>& former) override;

 private:
  std::vector<Sink> sinks_;
  std::size_t plan_sinks_;
};

// Those outputs of the source that this sink wrote, as if there were no other.
OutputSource outputs_of_sink(const OutputSource& outputs, std::uint32_t sink);

}  // namespace slicemill
