// The publisher of file_exporter. See output_publisher.h for the contract and README.md for what is durable when.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/outputs/file_layout.h"
#include "core/outputs/output_publisher.h"

namespace slicemill {

class FilePublisher final : public OutputPublisher {
 public:
  struct State {
    bool fails_if_exists = false;
    bool is_published = false;  // what appears as a whole has its final name
    std::uint32_t sink = 0;     // in the plan's order
  };
  // lineage: execution ids, oldest first.
  FilePublisher(FileLayout layout, FileWriting writing, const State& state, std::vector<std::string> lineage,
                Files& files);

  Result<void> prepare(bool first_start) override;
  Result<void> probe() override;
  std::vector<Result<void>> publish(const std::vector<CommittedOutput>& outputs) override;
  Result<bool> is_there(const CommittedOutput& output) override;
  void sweep(const std::function<bool(const SliceKey&, const Attempt&)>& keep) override;
  bool joins() const override { return layout_.single_file || layout_.replaces; }
  bool takes_more() const override { return !layout_.single_file; }
  Result<OutputFacts> join(const OutputSource& outputs) override;
  Result<void> publish_joined(const OutputFacts& facts) override;
  void clean_up(bool whole) override;
  Result<VerifyReport> verify(const OutputSource& outputs, const std::optional<JoinRecord>& joined,
                              const std::vector<FormerJob>& former) override;

 private:
  std::string final_name(const CommittedOutput& output) const;
  // Where files get their final names: that of the layout until a replacement has taken its place.
  std::string publish_directory() const;
  Result<void> judge_existing() const;
  Result<void> publish_one(const CommittedOutput& output);
  Result<void> sync_directories(const std::vector<CommittedOutput>& outputs);
  // Gives `from` the name `to` unless another file has it.
  Result<void> put_in_place(const std::string& from, const std::string& to, const OutputFacts& facts);
  bool is_of_this_lineage(std::string_view name) const;
  Result<void> verify_files(const OutputSource& outputs, const std::vector<FormerJob>& former, VerifyReport& report);
  Result<void> verify_joined(const OutputFacts& facts, VerifyReport& report);

  // ---- replacing a directory (file_replacement.cc) ----
  // What is at the path may be replaced: a directory, itself no link or mount point, with output of ours and nothing
  // else. conflict, invalid: says what is there.
  Result<void> check_replaceable() const;
  // Later executions of the lineage add to it. conflict: it was replaced by another one meanwhile.
  Result<void> check_still_ours() const;
  Result<bool> has_mark(const std::string& directory) const;
  Result<OutputFacts> complete_replacement(const OutputSource& outputs);
  Result<void> replace_directory();
  Result<void> replace_by_renames(const std::string& replacement);

  const FileLayout layout_;
  const FileWriting writing_;
  const bool fails_if_exists_;
  bool is_published_;
  const std::uint32_t sink_;
  const std::vector<std::string> lineage_;
  Files& files_;
};

// Sinks that write files.
SinkType file_sink_type();    // into one directory, or one for each value of fields
SinkType routed_sink_type();  // into one for each route

// Of a sink of the plan, by its number; nothing: it writes no files, or there is none.
Result<std::optional<FileLayout>> exported_layout(const Plan& plan, std::uint32_t sink, std::string_view lineage_id);

}  // namespace slicemill
