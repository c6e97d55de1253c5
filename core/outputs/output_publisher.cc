#include "core/outputs/output_publisher.h"
#include "core/model/job.h"

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
const Json* exporter_options(const Json& job) {
  const auto operations = job.find("operations");
  if (operations == job.end() || !operations->is_array() || operations->empty()) return nullptr;
  const Json& options = operations->back();
  const bool exports = operation_name(options.at("_op").get_ref<const std::string&>()) == "file_exporter";
  return exports ? &options : nullptr;
}

}  // namespace

Result<std::string> staging_directory_of(const Json& job, std::string_view lineage_id) {
  const Json* const options = exporter_options(job);
  if (options == nullptr) return std::string();
  ASSIGN_OR_RETURN(const FileLayout layout, file_layout(*options, lineage_id));
  return layout.staging_directory();
}

Result<std::unique_ptr<OutputPublisher>> make_publisher(const Json& job, const std::vector<std::string>& lineage,
                                                        Files& files) {
  const Json* const exporter = exporter_options(job);
  if (exporter == nullptr) return std::unique_ptr<OutputPublisher>();
  const Json& options = *exporter;
  if (lineage.empty()) return Error(ErrorCode::internal, "a publisher needs a lineage");
  ASSIGN_OR_RETURN(FileLayout layout, file_layout(options, lineage.front()));
  ASSIGN_OR_RETURN(FileWriting writing, file_writing(options));
  const bool fails_if_exists = options.value("if_exists", "append") == "fail";
  return std::unique_ptr<OutputPublisher>(
      std::make_unique<FilePublisher>(std::move(layout), std::move(writing), fails_if_exists, lineage, files));
}

}  // namespace slicemill
