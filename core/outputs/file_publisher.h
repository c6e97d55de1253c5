// The publisher of file_exporter. See output_publisher.h for the contract and README.md for what is durable when.
#pragma once

#include <string>
#include <vector>

#include "core/outputs/file_layout.h"
#include "core/outputs/output_publisher.h"

namespace slicemill {

class FilePublisher final : public OutputPublisher {
 public:
  // lineage: execution ids, oldest first.
  FilePublisher(FileLayout layout, FileWriting writing, bool fails_if_exists, std::vector<std::string> lineage,
                Files& files);

  Result<void> prepare(bool first_start) override;
  Result<void> probe() override;
  std::vector<Result<void>> publish(const std::vector<CommittedOutput>& outputs) override;
  void sweep(const std::function<bool(const SliceKey&, const Attempt&)>& keep) override;
  bool joins() const override { return layout_.single_file; }
  Result<OutputFacts> join(const OutputSource& outputs) override;
  Result<void> publish_joined(const OutputFacts& facts) override;
  void clean_up(bool whole) override;
  Result<VerifyReport> verify(const OutputSource& outputs, const std::optional<JoinRecord>& joined) override;

 private:
  std::string final_name(const CommittedOutput& output) const;
  Result<void> judge_existing() const;
  Result<void> publish_one(const CommittedOutput& output);
  // Gives `from` the name `to` unless another file has it.
  Result<void> put_in_place(const std::string& from, const std::string& to, const OutputFacts& facts);
  bool is_of_this_lineage(std::string_view name) const;
  Result<void> verify_files(const OutputSource& outputs, VerifyReport& report);
  Result<void> verify_joined(const OutputFacts& facts, VerifyReport& report);

  const FileLayout layout_;
  const FileWriting writing_;
  const bool fails_if_exists_;
  const std::vector<std::string> lineage_;
  Files& files_;
};

}  // namespace slicemill
