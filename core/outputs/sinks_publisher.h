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
    std::unique_ptr<OutputPublisher> publisher;
  };
  // Those that publish; at least one.
  explicit SinksPublisher(std::vector<Sink> sinks) : sinks_(std::move(sinks)) {}

  Result<void> prepare(bool first_start) override;
  Result<void> probe() override;
  std::vector<Result<void>> publish(const std::vector<CommittedOutput>& outputs) override;
  void sweep(const std::function<bool(const SliceKey&, const Attempt&)>& keep) override;
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
};

// Those outputs of the source that this sink wrote, as if there were no other.
OutputSource outputs_of_sink(const OutputSource& outputs, std::uint32_t sink);

}  // namespace slicemill
