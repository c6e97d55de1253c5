#include "core/outputs/output_publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/outputs/file_publisher.h"
#include "core/outputs/sinks_publisher.h"
#include "core/runtime/text.h"

namespace slicemill {

Result<std::vector<std::optional<ClaimedOutput>>> OutputPublisher::fence(const std::vector<SliceKey>& slices,
                                                                         std::uint64_t, bool) {
  return std::vector<std::optional<ClaimedOutput>>(slices.size());
}

Result<OutputFacts> OutputPublisher::join(const OutputSource&) {
  return Error(ErrorCode::unsupported, "this sender has no joined output");
}

Result<void> OutputPublisher::publish_joined(const OutputFacts&) {
  return Error(ErrorCode::unsupported, "this sender has no joined output");
}

namespace {

// The sinks of a plan that publish files.
struct FileSink {
  std::uint32_t number = 0;
  std::size_t node = 0;
};

bool writes_files(const OperationSpec& operation) {
  return operation.name == file_sink_type().operation || operation.name == routed_sink_type().operation;
}

std::vector<FileSink> file_sinks(const Plan& plan) {
  std::vector<FileSink> found;
  const auto sinks = plan.sinks();
  for (std::uint32_t number = 0; number < sinks.size(); ++number)
    if (writes_files(plan.operation(sinks[number]))) found.push_back({number, sinks[number]});
  return found;
}

Result<FileLayout> layout_of(const Plan& plan, std::size_t node, std::string_view lineage_id) {
  return file_layout(plan.operation(node).options, staging_name(plan, node, lineage_id));
}

bool appears_as_a_whole(const FileLayout& layout) {
  return layout.single_file || layout.replaces;
}

std::vector<std::string> ids_of_sinks(const Plan& plan) {
  std::vector<std::string> ids;
  if (plan.form == Plan::Form::graph)
    for (const std::size_t node : plan.sinks()) ids.push_back(plan.nodes[node].id);
  return ids;
}

}  // namespace

Result<std::optional<FileLayout>> exported_layout(const Plan& plan, std::uint32_t sink, std::string_view lineage_id) {
  for (const FileSink& each : file_sinks(plan)) {
    if (each.number != sink) continue;
    ASSIGN_OR_RETURN(FileLayout layout, layout_of(plan, each.node, lineage_id));
    return std::optional(std::move(layout));
  }
  return std::optional<FileLayout>();
}

Result<std::vector<std::string>> staging_directories_of(const JobSpec& job, std::string_view lineage_id) {
  std::vector<std::string> directories;
  for (const FileSink& sink : file_sinks(job.plan)) {
    ASSIGN_OR_RETURN(const FileLayout layout, layout_of(job.plan, sink.node, lineage_id));
    directories.push_back(layout.staging_directory());
  }
  return directories;
}

Result<void> remove_staging(Files& files, const std::vector<std::string>& directories) {
  for (const std::string& directory : directories) {
    RETURN_IF_ERROR(files.remove_tree(directory));
    (void)files.remove(directory.substr(0, directory.rfind('/')));  // not empty: others stage there
  }
  return {};
}

Result<std::string> output_mismatch(const JobSpec& before, const JobSpec& now, std::string_view lineage_id) {
  if (ids_of_sinks(before.plan) != ids_of_sinks(now.plan))
    return fmt::format("the sinks are {} now and were {}", join(ids_of_sinks(now.plan), ", "),
                       join(ids_of_sinks(before.plan), ", "));
  for (const FileSink& sink : file_sinks(before.plan)) {
    ASSIGN_OR_RETURN(const FileLayout former, layout_of(before.plan, sink.node, lineage_id));
    if (!appears_as_a_whole(former)) continue;
    ASSIGN_OR_RETURN(const auto present, exported_layout(now.plan, sink.number, lineage_id));
    if (present && present->publish_directory() == former.publish_directory()) continue;
    return fmt::format("path, single_file or if_exists differ: what was written waits in {} to be published as a whole",
                       former.publish_directory());
  }
  return std::string();
}

namespace {

SinkType sink_type_of_files(std::string_view operation) {
  return {.operation = operation,
          .commit = CommitClass::staged,
          .make_publisher = [](const SinkPlace& sink,
                               const PublisherParts& parts) -> Result<std::unique_ptr<OutputPublisher>> {
            const Json& options = sink.operation().options;
            ASSIGN_OR_RETURN(FileLayout layout, layout_of(sink.plan, sink.node, parts.lineage.front()));
            ASSIGN_OR_RETURN(FileWriting writing, file_writing(options));
            const FilePublisher::State state{.fails_if_exists = options.value("if_exists", "append") == "fail",
                                             .is_published = parts.joined && parts.joined->published,
                                             .sink = sink.number};
            return std::unique_ptr<OutputPublisher>(std::make_unique<FilePublisher>(
                std::move(layout), std::move(writing), state, parts.lineage, parts.files));
          }};
}

}  // namespace

SinkType file_sink_type() {
  return sink_type_of_files("file_exporter");
}

SinkType routed_sink_type() {
  return sink_type_of_files("routed_sender");
}

Result<std::unique_ptr<OutputPublisher>> make_publisher(const JobSpec& job, const std::vector<SinkType>& types,
                                                        const PublisherParts& parts) {
  const auto sinks = job.plan.sinks();
  std::vector<SinksPublisher::Sink> all;
  for (std::uint32_t number = 0; number < sinks.size(); ++number) {
    const SinkPlace sink{job.plan, sinks[number], number};
    const auto type = std::ranges::find(types, sink.operation().name, &SinkType::operation);
    if (type == types.end()) continue;
    if (parts.lineage.empty()) return Error(ErrorCode::internal, "a publisher needs a lineage");
    ASSIGN_OR_RETURN(auto publisher, type->make_publisher(sink, parts));
    all.push_back({number, job.plan.nodes[sink.node].id, job.plan.place(sink.node), std::move(publisher)});
  }
  if (all.empty()) return std::unique_ptr<OutputPublisher>();
  if (sinks.size() == 1) return std::move(all.front().publisher);
  return std::unique_ptr<OutputPublisher>(std::make_unique<SinksPublisher>(std::move(all), sinks.size()));
}

}  // namespace slicemill
