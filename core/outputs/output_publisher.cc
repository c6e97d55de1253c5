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

Result<std::unique_ptr<OutputPublisher>> make_publisher(const Json& job, const std::vector<std::string>& lineage,
                                                        Files& files) {
  const auto operations = job.find("operations");
  if (operations == job.end() || !operations->is_array() || operations->empty())
    return std::unique_ptr<OutputPublisher>();
  const Json& options = operations->back();
  if (operation_name(options.at("_op").get_ref<const std::string&>()) != "file_exporter")
    return std::unique_ptr<OutputPublisher>();
  if (lineage.empty()) return Error(ErrorCode::internal, "a publisher needs a lineage");
  ASSIGN_OR_RETURN(FileLayout layout, file_layout(options, lineage.front()));
  ASSIGN_OR_RETURN(FileWriting writing, file_writing(options));
  const bool fails_if_exists = options.value("if_exists", "append") == "fail";
  return std::unique_ptr<OutputPublisher>(
      std::make_unique<FilePublisher>(std::move(layout), std::move(writing), fails_if_exists, lineage, files));
}

}  // namespace slicemill
