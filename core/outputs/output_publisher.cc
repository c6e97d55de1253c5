#include "core/outputs/output_publisher.h"

#include <fmt/format.h>

#include <utility>

#include "core/outputs/file_publisher.h"

namespace slicemill {

Result<OutputFacts> OutputPublisher::join(const OutputSource&) {
  return Error(ErrorCode::unsupported, "this sender has no joined output");
}

Result<void> OutputPublisher::publish_joined(const OutputFacts&) {
  return Error(ErrorCode::unsupported, "this sender has no joined output");
}

namespace {

// Of the job's last operation, if that is one that publishes files.
const Json* exporter_options(const JobSpec& job) {
  const bool exports = !job.plan.empty() && job.plan.nodes.back().operation.name == "file_exporter";
  return exports ? &job.plan.nodes.back().operation.options : nullptr;
}

}  // namespace

Result<std::optional<FileLayout>> exported_layout(const JobSpec& job, std::string_view lineage_id) {
  const Json* const options = exporter_options(job);
  if (options == nullptr) return std::optional<FileLayout>();
  ASSIGN_OR_RETURN(FileLayout layout, file_layout(*options, lineage_id));
  return std::optional(std::move(layout));
}

Result<std::string> staging_directory_of(const JobSpec& job, std::string_view lineage_id) {
  const Json* const options = exporter_options(job);
  if (options == nullptr) return std::string();
  ASSIGN_OR_RETURN(const FileLayout layout, file_layout(*options, lineage_id));
  return layout.staging_directory();
}

Result<std::string> output_mismatch(const JobSpec& before, const JobSpec& now, std::string_view lineage_id) {
  ASSIGN_OR_RETURN(const auto former, exported_layout(before, lineage_id));
  if (!former || !(former->single_file || former->replaces)) return std::string();
  ASSIGN_OR_RETURN(const auto present, exported_layout(now, lineage_id));
  if (present && present->publish_directory() == former->publish_directory()) return std::string();
  return fmt::format("path, single_file or if_exists differ: what was written waits in {} to be published as a whole",
                     former->publish_directory());
}

Result<std::unique_ptr<OutputPublisher>> make_publisher(const JobSpec& job, const std::vector<std::string>& lineage,
                                                        Files& files, const std::optional<JoinRecord>& joined) {
  const Json* const exporter = exporter_options(job);
  if (exporter == nullptr) return std::unique_ptr<OutputPublisher>();
  const Json& options = *exporter;
  if (lineage.empty()) return Error(ErrorCode::internal, "a publisher needs a lineage");
  ASSIGN_OR_RETURN(FileLayout layout, file_layout(options, lineage.front()));
  ASSIGN_OR_RETURN(FileWriting writing, file_writing(options));
  const FilePublisher::State state{.fails_if_exists = options.value("if_exists", "append") == "fail",
                                   .is_published = joined && joined->published};
  return std::unique_ptr<OutputPublisher>(
      std::make_unique<FilePublisher>(std::move(layout), std::move(writing), state, lineage, files));
}

}  // namespace slicemill
